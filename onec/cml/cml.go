// Package cml reads and writes CommerceML 2, the files that 1C exchanges with a
// web shop. It knows the words of the files and nothing else: no HTTP, no
// database, no settings of an exchange.
//
// It writes strictly, as the schemas 2.08 to 2.10 want it, and reads tolerantly:
// by name, in any order and in any namespace, since real files break the schemas.
package cml

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// root is the outermost element of every file.
const root = "КоммерческаяИнформация"

// Requisite is a named value: what CommerceML has no element for.
type Requisite struct {
	Name  string `xml:"Наименование"`
	Value string `xml:"Значение"`
}

// clip makes text fit a field: no characters that XML forbids, no spaces around
// it, at most n characters.
func clip(s string, n int) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.IsControl(r) && r != '\n' && r != '\t', r == '\uFFFE', r == '\uFFFF':
			return -1
		}
		return r
	}, s))
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:n]))
}
