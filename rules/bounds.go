package rules

import (
	"fmt"
	"reflect"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"

	"github.com/orderhub/orderhub"
)

// bounded refuses what could run long or grow: a walk over a list inside another,
// variables, lists made on the way. What is left visits each part of the condition
// once for each of at most 200 lines. It also refuses words that can never be.
func bounded(source string) error {
	tree, err := parser.Parse(source)
	if err != nil {
		return wrong(source, err)
	}
	w := &walker{source: source}
	w.walk(tree.Node, 0)
	return w.err
}

// AsksForPersonal tells whether a condition looks at what buyers wrote: who tries it
// on the past could read that letter by letter.
func AsksForPersonal(source string) bool {
	tree, err := parser.Parse(source)
	return err == nil && ast.Find(tree.Node, func(n ast.Node) bool {
		id, ok := n.(*ast.IdentifierNode)
		return ok && (id.Value == "comment" || id.Value == "$env")
	}) != nil
}

type walker struct {
	source   string
	patterns int // steps of those seen so far
	err      error
}

func (w *walker) refuse(n ast.Node, format string, args ...any) {
	if w.err == nil {
		line, column := lineColumn(w.source, n.Location().From)
		w.err = orderhub.InvalidField("if", "%s: %s", place(line, column), fmt.Sprintf(format, args...))
	}
}

// walk visits a part and what is in it; loops counts the lists that it is inside of.
func (w *walker) walk(node ast.Node, loops int) {
	if node == nil || w.err != nil {
		return
	}
	switch n := node.(type) {
	case *ast.UnaryNode:
		w.walk(n.Node, loops)
	case *ast.BinaryNode:
		w.binary(n, loops)
	case *ast.ChainNode:
		w.walk(n.Node, loops)
	case *ast.MemberNode:
		w.walk(n.Node, loops)
		w.walk(n.Property, loops)
	case *ast.ConditionalNode:
		w.walk(n.Cond, loops)
		w.walk(n.Exp1, loops)
		w.walk(n.Exp2, loops)
	case *ast.BuiltinNode:
		w.builtin(n, loops)
	case *ast.PredicateNode:
		w.walk(n.Node, loops)
	case *ast.ArrayNode:
		for _, item := range n.Nodes {
			w.walk(item, loops)
		}
	case *ast.CallNode:
		w.refuse(node, "there is no function of this name; known: %s", strings.Join(functions, ", "))
	case *ast.NilNode, *ast.IdentifierNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.ConstantNode, *ast.PointerNode:
	default: // variables, sequences, maps, slices, bytes
		w.refuse(node, "this part of the language is not allowed in conditions")
	}
}

func (w *walker) builtin(n *ast.BuiltinNode, loops int) {
	if !slices.Contains(functions, n.Name) {
		w.refuse(n, "the function %s is not allowed; known: %s", n.Name, strings.Join(functions, ", "))
		return
	}
	for _, a := range n.Arguments {
		inside := loops
		if _, walks := a.(*ast.PredicateNode); walks {
			if inside++; inside > 1 {
				w.refuse(n, "%s cannot stand inside another walk over a list", n.Name)
				return
			}
		}
		w.walk(a, inside)
	}
}

// operators are those that are let in. A range could be as long as it likes.
var operators = []string{"==", "!=", "<", "<=", ">", ">=", "and", "or", "&&", "||", "+", "-", "*", "/", "%", "in", "not in", "contains", "startsWith", "endsWith", "matches"}

func (w *walker) binary(n *ast.BinaryNode, loops int) {
	switch {
	case !slices.Contains(operators, n.Operator):
		w.refuse(n, "the operator %s is not allowed", n.Operator)
		return
	case n.Operator == "matches":
		if !w.pattern(n) {
			return
		}
	case n.Operator == "==" || n.Operator == "!=":
		w.words(n.Left, n.Right)
		w.words(n.Right, n.Left)
	case n.Operator == "in" || n.Operator == "not in":
		w.words(n.Left, n.Right)
		w.words(n.Right, n.Left) // "short" in holds
	}
	w.walk(n.Left, loops)
	w.walk(n.Right, loops)
}

// maxPattern caps the steps of all patterns of a condition: each of them may be
// taken for every letter of the text.
const maxPattern = 300

// pattern refuses what could take long to match: a long text, a large pattern.
func (w *walker) pattern(n *ast.BinaryNode) bool {
	constant, ok := n.Right.(*ast.StringNode)
	if !ok {
		w.refuse(n.Right, "the pattern after matches must be a text in quotes")
		return false
	}
	joined := false
	ast.Find(n.Left, func(part ast.Node) bool {
		sum, ok := part.(*ast.BinaryNode)
		joined = joined || (ok && sum.Operator == "+")
		return joined
	})
	if joined {
		w.refuse(n.Left, "the text before matches cannot be joined from others")
		return false
	}
	parsed, err := syntax.Parse(constant.Value, syntax.Perl)
	if err != nil {
		return true // compiling says why
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return true
	}
	if w.patterns += len(program.Inst); w.patterns > maxPattern {
		w.refuse(n.Right, "the patterns of a condition are too large together: %d steps; allowed: up to %d", w.patterns, maxPattern)
		return false
	}
	return true
}

// words refuses a text that a field can never be: a typo would be a rule that
// never fires.
func (w *walker) words(field, value ast.Node) {
	id, ok := field.(*ast.IdentifierNode)
	if !ok {
		return
	}
	allowed := vocabularyOf(id.Value)
	if allowed == nil {
		return
	}
	switch v := value.(type) {
	case *ast.StringNode:
		if v.Value != "" && !slices.Contains(allowed, v.Value) {
			w.refuse(v, "%s is never %.40q; known: %s", id.Value, v.Value, strings.Join(allowed, ", "))
		}
	case *ast.ArrayNode:
		for _, item := range v.Nodes {
			w.words(field, item)
		}
	}
}

func vocabularyOf(name string) []string {
	t := reflect.TypeFor[Env]()
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("expr") == name {
			return vocabulary(f.Tag.Get("words"))
		}
	}
	return nil
}
