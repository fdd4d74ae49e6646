package shopifysim

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// field is one selection: a name with what is selected of it, or a fragment.
type field struct {
	name     string
	fragment string // name of a spread, or of the type of an inline fragment
	// args are the plain arguments: a number, or the name of a variable behind $.
	args map[string]string
	sel  []field
}

// document is a GraphQL document as far as a stand-in reads it: which fields are
// selected, and how much of lists. Other arguments and directives are skipped; the
// calls take theirs from the variables.
type document struct {
	vars       map[string]json.RawMessage
	operations map[string][]field
	fragments  map[string][]field
	// directives are the names of those that the document uses.
	directives map[string]bool
}

var tokens = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\.\.\.|[_A-Za-z][_0-9A-Za-z]*|-?[0-9][0-9.]*|[{}()\[\]:!$@=|&]`)

type parser struct {
	t   []string
	pos int
	doc *document
}

// parse reads a document.
func parse(text string) (*document, error) {
	p := &parser{t: tokens.FindAllString(text, -1), doc: &document{operations: map[string][]field{}, fragments: map[string][]field{}, directives: map[string]bool{}}}
	for p.pos < len(p.t) {
		kind := p.next()
		switch kind {
		case "query", "mutation":
			name := p.next()
			p.arguments()
			sel, err := p.selection()
			if err != nil {
				return nil, err
			}
			p.doc.operations[name] = sel
		case "fragment":
			name := p.next()
			p.next() // on
			p.next() // type
			sel, err := p.selection()
			if err != nil {
				return nil, err
			}
			p.doc.fragments[name] = sel
		default:
			return nil, fmt.Errorf("syntax error at %q", kind)
		}
	}
	return p.doc, nil
}

func (p *parser) next() string {
	if p.pos >= len(p.t) {
		return ""
	}
	p.pos++
	return p.t[p.pos-1]
}

func (p *parser) peek() string {
	if p.pos >= len(p.t) {
		return ""
	}
	return p.t[p.pos]
}

// arguments reads (…) as far as it is plain, and passes over @directive(…).
func (p *parser) arguments() map[string]string {
	args := map[string]string{}
	for p.peek() == "(" || p.peek() == "@" {
		if p.next() == "@" {
			p.doc.directives[p.next()] = true
			continue
		}
		last := ""
		for depth := 1; depth > 0 && p.pos < len(p.t); {
			switch t := p.next(); t {
			case "(", "{", "[":
				depth++
			case ")", "}", "]":
				depth--
			case ":":
				if depth == 1 {
					args[last] = p.peek()
				}
				if p.peek() == "$" {
					p.next()
					args[last] = "$" + p.peek()
				}
			default:
				last = t
			}
		}
	}
	return args
}

func (p *parser) selection() ([]field, error) {
	if p.next() != "{" {
		return nil, errors.New("syntax error: want {")
	}
	var out []field
	for p.peek() != "}" {
		if p.peek() == "" {
			return nil, errors.New("syntax error: a brace is not closed")
		}
		var f field
		if p.peek() == "..." {
			p.next()
			if f.fragment = p.next(); f.fragment != "on" {
				out = append(out, f)
				continue
			}
			f.fragment = "on " + p.next()
		} else {
			f.name = p.next()
			f.args = p.arguments()
		}
		if p.peek() == "{" {
			sel, err := p.selection()
			if err != nil {
				return nil, err
			}
			f.sel = sel
		}
		out = append(out, f)
	}
	p.next()
	return out, nil
}

// object is a value with its type's name.
type object map[string]any

// list is a connection, of which each answer gives no more than was asked for. A
// plain one is no connection: it has no pages, and what is cut off is not told.
type list struct {
	kind  string
	nodes []object
	plain bool
	most  int // fewer than was asked for; 0 = as asked
}

func (l list) cut(first, after string) (any, error) {
	n, err := strconv.Atoi(first)
	if err != nil || n < 1 || n > 250 {
		return nil, errors.New("you must provide one of first or last, of 1 to 250")
	}
	if l.plain {
		return l.nodes[:min(n, len(l.nodes))], nil
	}
	from := 0
	if after != "" {
		if from, err = strconv.Atoi(after); err != nil || from < 0 || from > len(l.nodes) {
			return nil, errors.New("invalid cursor")
		}
	}
	if l.most > 0 {
		n = min(n, l.most)
	}
	end := min(len(l.nodes), from+n)
	return page(l.kind, l.nodes[from:end], end < len(l.nodes), strconv.Itoa(end)), nil
}

// argument is the value of a plain argument, "" = there is none.
func (d *document) argument(f field, name string) string {
	arg, variable := strings.CutPrefix(f.args[name], "$")
	if !variable {
		return arg
	}
	return strings.Trim(string(d.vars[arg]), `"`)
}

// pick gives what is selected of a value. A field that the value does not have is
// an error: the stand-in answers nothing that nobody asked for, and nothing that
// it does not know.
func (d *document) pick(v any, sel []field) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []object:
		out := make([]any, len(v))
		for i, x := range v {
			picked, err := d.pick(x, sel)
			if err != nil {
				return nil, err
			}
			out[i] = picked
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			picked, err := d.pick(x, sel)
			if err != nil {
				return nil, err
			}
			out[i] = picked
		}
		return out, nil
	case object:
		if v == nil {
			return nil, nil
		}
		out := map[string]any{}
		return out, d.fill(out, v, sel)
	default:
		if len(sel) > 0 {
			return nil, fmt.Errorf("selections can't be made on scalars")
		}
		return v, nil
	}
}

func (d *document) fill(out map[string]any, v object, sel []field) error {
	for _, f := range sel {
		switch {
		case strings.HasPrefix(f.fragment, "on "):
			if v["__typename"] == strings.TrimPrefix(f.fragment, "on ") {
				if err := d.fill(out, v, f.sel); err != nil {
					return err
				}
			}
		case f.fragment != "":
			if err := d.fill(out, v, d.fragments[f.fragment]); err != nil {
				return err
			}
		default:
			value, ok := v[f.name]
			if !ok {
				return fmt.Errorf("field '%s' doesn't exist on type '%s'", f.name, v["__typename"])
			}
			if l, ok := value.(list); ok {
				var err error
				if value, err = l.cut(d.argument(f, "first"), d.argument(f, "after")); err != nil {
					return fmt.Errorf("field '%s': %w", f.name, err)
				}
			}
			picked, err := d.pick(value, f.sel)
			if err != nil {
				return err
			}
			out[f.name] = picked
		}
	}
	return nil
}
