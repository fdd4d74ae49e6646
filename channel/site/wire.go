package site

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/orderhub/orderhub"
)

// The limits of the values of an order or a return. schema.json repeats them; a test compares.
const (
	maxLines    = 1000
	maxQuantity = 1_000_000
	maxAmount   = "1000000000" // of the currency's main unit
	maxID       = 100
	maxWord     = 60
	maxShort    = 300
	maxAddress  = 1000
	maxComment  = 4000
)

// object reads the fields of a JSON object that strangers write: every field is
// checked when it is read, and the first error names the field with what is
// allowed. The value itself is never quoted: it may be a buyer's.
type object struct {
	path   string // "" or "lines[3]."
	fields map[string]any
	now    time.Time
	err    *error
}

// parseObject reads a body; numbers keep their digits.
func parseObject(body []byte, now time.Time) (object, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		var se *json.SyntaxError
		if errors.As(err, &se) {
			return object{}, orderhub.Errorf(orderhub.CodeInvalid, "the body is not JSON: broken at byte %d", se.Offset)
		}
		return object{}, orderhub.Errorf(orderhub.CodeInvalid, "the body is not JSON")
	}
	if dec.More() {
		return object{}, orderhub.Errorf(orderhub.CodeInvalid, "the body has something behind its JSON")
	}
	fields, ok := v.(map[string]any)
	if !ok {
		return object{}, orderhub.Errorf(orderhub.CodeInvalid, "the body is not a JSON object")
	}
	var first error
	return object{fields: fields, now: now, err: &first}, nil
}

// fail records the first error.
func (o object) fail(field, format string, args ...any) {
	if *o.err == nil {
		*o.err = orderhub.InvalidField(o.path+field, format, args...)
	}
}

// text reads a string or a number as text; absent and null are "".
func (o object) text(field string, limit int) string {
	s, _ := o.textual(field)
	o.checkText(field, s, limit, false)
	return s
}

// longText is text with line breaks.
func (o object) longText(field string, limit int) string {
	s, _ := o.textual(field)
	o.checkText(field, s, limit, true)
	return s
}

// textual tells a number from a string, which ids care for.
func (o object) textual(field string) (s string, isNumber bool) {
	switch v := o.fields[field].(type) {
	case nil:
		return "", false
	case string:
		return v, false
	case json.Number:
		return v.String(), true
	default:
		o.fail(field, "want a string or a number")
		return "", false
	}
}

func (o object) checkText(field, s string, limit int, breaks bool) {
	if n := utf8.RuneCountInString(s); n > limit {
		o.fail(field, "has %d characters; allowed: up to %d", n, limit)
	}
	for _, r := range s {
		if breaks && (r == '\n' || r == '\r' || r == '\t') {
			continue
		}
		if unicode.IsControl(r) {
			o.fail(field, "has the control character U+%04X; allowed: printable text", r)
			return
		}
	}
}

var wholeNumber = regexp.MustCompile(`^[0-9]+$`)

// id reads a key: text, or a whole number.
func (o object) id(field string) string {
	s, isNumber := o.textual(field)
	if isNumber && !wholeNumber.MatchString(s) {
		o.fail(field, "want a whole number or a string")
	}
	o.checkText(field, s, maxID, false)
	if s != "" && strings.TrimSpace(s) != s {
		o.fail(field, "begins or ends with a blank")
	}
	return s
}

// money reads an amount from 0 up. Finer digits than the currency has are
// rounded: shops divide discounts over units. exact tells whether.
func (o object) money(field, currency string) (m orderhub.Money, exact bool) {
	s, _ := o.textual(field)
	if strings.TrimSpace(s) == "" {
		return orderhub.Money{}, true
	}
	if currency == "" {
		o.fail(field, "is an amount, but no currency is given")
		return orderhub.Money{}, true
	}
	m, err := orderhub.RoundMoney(s, currency)
	limit, _ := orderhub.ParseMoney(maxAmount, currency)
	if err != nil || m.Minor < 0 || m.Minor > limit.Minor {
		o.fail(field, "is not an amount; allowed: 0 to %s, like \"1500.00\"", maxAmount)
		return orderhub.Money{}, true
	}
	_, inexact := orderhub.ParseMoney(s, currency)
	return m, inexact == nil
}

var quantityPattern = regexp.MustCompile(`^([0-9]{1,12})(\.0{1,6})?$`)

// quantity reads a number of units.
func (o object) quantity(field string) int64 {
	s, _ := o.textual(field)
	m := quantityPattern.FindStringSubmatch(s)
	n := int64(0)
	if m != nil {
		for _, c := range m[1] {
			n = n*10 + int64(c-'0')
		}
	}
	if n < 1 || n > maxQuantity {
		o.fail(field, "is not a number of units; allowed: 1 to %d, whole", maxQuantity)
	}
	return n
}

var versionPattern = regexp.MustCompile(`^[0-9]{1,18}$`)

// version reads a counter; absent is 0.
func (o object) version(field string) int64 {
	s, _ := o.textual(field)
	if s == "" {
		return 0
	}
	if !versionPattern.MatchString(s) {
		o.fail(field, "is not a version; allowed: whole numbers from 0, up to 18 digits")
		return 0
	}
	n := int64(0)
	for _, c := range s {
		n = n*10 + int64(c-'0')
	}
	return n
}

var earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// moment reads a time with a zone; absent is the zero time. Its upper bound
// moves with the clock, so what was taken once is taken at every replay.
func (o object) moment(field string) time.Time {
	s, isNumber := o.textual(field)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || isNumber {
		o.fail(field, "is not a time; allowed: RFC 3339 with a zone, like 2026-03-02T09:00:00+03:00")
		return time.Time{}
	}
	if t.Before(earliest) || t.After(o.now.AddDate(2, 0, 0)) {
		o.fail(field, "is out of range; allowed: from 2000 to two years ahead")
		return time.Time{}
	}
	return t.UTC()
}

// flag reads true or false; nil when absent.
func (o object) flag(field string) *bool {
	switch v := o.fields[field].(type) {
	case nil:
		return nil
	case bool:
		return &v
	default:
		o.fail(field, "want true or false")
		return nil
	}
}

// object reads a nested object; absent is empty.
func (o object) object(field string) object {
	sub := object{path: o.path + field + ".", now: o.now, err: o.err}
	switch v := o.fields[field].(type) {
	case nil:
	case map[string]any:
		sub.fields = v
	default:
		o.fail(field, "want an object")
	}
	return sub
}

// list reads a list of objects.
func (o object) list(field string, limit int) []object {
	v, ok := o.fields[field].([]any)
	if !ok && o.fields[field] != nil {
		o.fail(field, "want a list")
	}
	if len(v) > limit {
		o.fail(field, "has %d entries; allowed: up to %d", len(v), limit)
		return nil
	}
	var out []object
	for i, e := range v {
		name := fmt.Sprintf("%s[%d]", field, i)
		m, ok := e.(map[string]any)
		if !ok {
			o.fail(name, "want an object")
			return nil
		}
		out = append(out, object{path: o.path + name + ".", fields: m, now: o.now, err: o.err})
	}
	return out
}
