// Package rules reads and runs the conditions of automation rules: expressions
// over one order and one event. It decides nothing and touches nothing; what a
// rule does is in package pipeline.
package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"github.com/orderhub/orderhub"
)

// MaxSource caps a condition, in bytes.
const MaxSource = 4096

// maxNodes caps the parts of a condition.
const maxNodes = 400

// Condition is a compiled condition. Safe for concurrent use.
type Condition struct{ program *vm.Program }

// functions are those of the language that are let in: each walks its list once
// and makes nothing that grows.
var functions = []string{"all", "any", "none", "one", "count", "len", "lower", "upper", "trim", "abs", "round", "floor", "ceil", "min", "max"}

// Compile checks a condition against Env and makes it ready to run; "" is always
// true. The error names the field "if", the place, and what is known there.
func Compile(source string) (*Condition, error) {
	if strings.TrimSpace(source) == "" {
		return &Condition{}, nil
	}
	if len(source) > MaxSource {
		return nil, orderhub.InvalidField("if", "has %d bytes; allowed: up to %d", len(source), MaxSource)
	}
	if err := bounded(source); err != nil {
		return nil, err
	}
	options := []expr.Option{expr.Env(Env{}), expr.AsBool(), expr.MaxNodes(maxNodes), expr.DisableAllBuiltins(), expr.DisableIfOperator()}
	for _, f := range functions {
		options = append(options, expr.EnableBuiltin(f))
	}
	program, err := expr.Compile(source, options...)
	if err != nil {
		return nil, wrong(source, err)
	}
	return &Condition{program}, nil
}

// Holds runs the condition. The error holds no value of the order.
func (c *Condition) Holds(env Env) (bool, error) {
	if c.program == nil {
		return true, nil
	}
	out, err := expr.Run(c.program, env)
	if err != nil {
		var at *file.Error
		if errors.As(err, &at) {
			return false, fmt.Errorf("%s: %s", place(at.Line, at.Column), runWords(at.Message))
		}
		return false, errors.New("the condition cannot be worked out")
	}
	yes, ok := out.(bool)
	if !ok {
		return false, errors.New("the condition is neither true nor false")
	}
	return yes, nil
}

// runWords keeps those messages of the library that quote no value.
func runWords(message string) string {
	for _, known := range []string{"index out of range", "divide by zero", "memory budget exceeded", "invalid operation"} {
		if strings.Contains(message, known) {
			return known
		}
	}
	if strings.Contains(message, "error parsing regexp") {
		return "the pattern after matches is not a regular expression"
	}
	return "the condition cannot be worked out for this order"
}

func place(line, column int) string {
	if line > 1 {
		return fmt.Sprintf("line %d, column %d", line, column+1)
	}
	return fmt.Sprintf("column %d", column+1)
}

// wrong turns the library's error into ours.
func wrong(source string, err error) error {
	var at *file.Error
	if !errors.As(err, &at) {
		return orderhub.InvalidField("if", "cannot be read: %.200s", err.Error())
	}
	line, column := at.Line, at.Column
	if line == 0 {
		line, column = lineColumn(source, at.From)
	}
	hint := ""
	switch {
	case strings.HasPrefix(at.Message, "unknown name"):
		hint = "; known: " + strings.Join(known(""), ", ") + "; functions: " + strings.Join(functions, ", ")
	case strings.HasPrefix(at.Message, "type rules.Delivery has no field"):
		hint = "; known: " + strings.Join(known("delivery."), ", ")
	case strings.HasPrefix(at.Message, "type rules.Line has no field"):
		hint = "; known: " + strings.Join(known("lines."), ", ")
	}
	message := strings.NewReplacer("rules.Delivery", "delivery", "rules.Line", "a line", "rules.Env", "the order").Replace(at.Message)
	return orderhub.InvalidField("if", "%s: %.300s%s", place(line, column), message, hint)
}

// known lists the names below a prefix.
func known(prefix string) []string {
	var out []string
	for _, f := range Fields() {
		if name, ok := strings.CutPrefix(f.Name, prefix); ok && !strings.Contains(name, ".") {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// lineColumn finds line (from 1) and column (from 0) of a place, in characters.
func lineColumn(source string, at int) (line, column int) {
	line = 1
	for i, r := range []rune(source) {
		switch {
		case i == at:
			return line, column
		case r == '\n':
			line, column = line+1, 0
		default:
			column++
		}
	}
	return line, column
}
