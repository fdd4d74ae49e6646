package notify

import (
	"errors"
	"fmt"
	"text/template"
	"text/template/parse"
)

// maxSteps caps the parts of a template that are filled in for one text.
const maxSteps = 5000

// errLoops tells what a loop can be: the language counts to any number.
var errLoops = errors.New("range goes over .Items, or a slice of them, and nothing else")

// bounded refuses a template that could run long: loops over anything but the
// causes, parts that call themselves, and more steps than a text is worth.
func bounded(t *template.Template, part string) error {
	b := &bounds{t: t, open: map[string]bool{}, known: map[string]int{}}
	steps, err := b.part(part)
	if err == nil && steps > maxSteps {
		err = errors.New("it has too many steps")
	}
	return err
}

type bounds struct {
	t     *template.Template
	open  map[string]bool // parts that are being looked at
	known map[string]int  // the steps of others
}

func (b *bounds) part(name string) (int, error) {
	if b.open[name] {
		return 0, fmt.Errorf("the part %q calls itself", name)
	}
	if steps, ok := b.known[name]; ok {
		return steps, nil
	}
	t := b.t.Lookup(name)
	if t == nil || t.Tree == nil {
		return 0, nil // filling in says so
	}
	b.open[name] = true
	steps, err := b.list(t.Root)
	delete(b.open, name)
	b.known[name] = steps
	return steps, err
}

func (b *bounds) list(l *parse.ListNode) (steps int, err error) {
	if l == nil {
		return 0, nil
	}
	for _, n := range l.Nodes {
		more, err := b.node(n)
		if err != nil {
			return 0, err
		}
		if steps += 1 + more; steps > maxSteps {
			return maxSteps + 1, nil
		}
	}
	return steps, nil
}

func (b *bounds) node(n parse.Node) (int, error) {
	switch n := n.(type) {
	case *parse.RangeNode:
		if !overItems(n.Pipe) {
			return 0, errLoops
		}
		return b.branch(&n.BranchNode, Shown)
	case *parse.IfNode:
		return b.branch(&n.BranchNode, 1)
	case *parse.WithNode:
		return b.branch(&n.BranchNode, 1)
	case *parse.TemplateNode:
		return b.part(n.Name)
	}
	return 0, nil
}

func (b *bounds) branch(n *parse.BranchNode, times int) (int, error) {
	steps, err := b.list(n.List)
	if err != nil {
		return 0, err
	}
	other, err := b.list(n.ElseList)
	return steps*times + other, err
}

// overItems tells whether a loop goes over .Items, $.Items or a slice of these.
func overItems(p *parse.PipeNode) bool {
	if len(p.Cmds) != 1 {
		return false
	}
	args := p.Cmds[0].Args
	if f, ok := args[0].(*parse.IdentifierNode); ok && f.Ident == "slice" && len(args) > 1 {
		return isItems(args[1])
	}
	return len(args) == 1 && isItems(args[0])
}

func isItems(n parse.Node) bool {
	switch n := n.(type) {
	case *parse.FieldNode:
		return n.Ident[len(n.Ident)-1] == "Items"
	case *parse.VariableNode:
		return len(n.Ident) > 1 && n.Ident[len(n.Ident)-1] == "Items"
	}
	return false
}

// capped are the functions of the language whose answer can be longer than what
// they got: what they write again and again would fill the memory.
func capped() template.FuncMap {
	short := func(f func(args ...any) string) func(args ...any) (string, error) {
		return func(args ...any) (string, error) {
			s := f(args...)
			if len(s) > maxText {
				return "", errLong
			}
			return s, nil
		}
	}
	return template.FuncMap{
		"print": short(fmt.Sprint), "println": short(fmt.Sprintln), "html": short(template.HTMLEscaper), "js": short(template.JSEscaper),
		"urlquery": short(template.URLQueryEscaper),
		"printf": func(format string, args ...any) (string, error) {
			return short(func(args ...any) string { return fmt.Sprintf(format, args...) })(args...)
		},
	}
}
