package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// format reads and writes JSON.
var format = huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: decode}

// decode reads a body and names in plain words what does not fit.
func decode(data []byte, v any) error {
	if err := checkJSON(data); err != nil {
		return err
	}
	err := json.Unmarshal(data, v)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && wrong.Field != "":
		// huma has checked types already: what is left are numbers.
		return fmt.Errorf("%s: must be whole numbers of at most 18 digits", wrong.Field)
	default:
		return errors.New("the body does not fit; see /api/openapi.json")
	}
}

// maxDepth is far deeper than anything that the API takes.
const maxDepth = 64

// level is an object or a list that checkJSON is inside of.
type level struct {
	object bool
	key    string // the key that was read last
	value  bool   // a value comes next, not a key
	keys   map[string]bool
	index  int
}

// checkJSON refuses what one reader understands so and another otherwise: a key
// given twice, something behind the end, zero bytes, senseless depth. The error
// is "field: what is wrong" or a sentence.
func checkJSON(data []byte) error {
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		var broken *json.SyntaxError
		if errors.As(err, &broken) {
			return fmt.Errorf("the body is not JSON: broken at byte %d", broken.Offset)
		}
		return errors.New("the body is not JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var at []*level
	for {
		tok, err := dec.Token()
		if err != nil {
			return nil //nolint:nilerr // the end: it is valid JSON, as was seen above
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			at = append(at, &level{object: tok == json.Delim('{'), keys: map[string]bool{}})
			if len(at) > maxDepth {
				return fmt.Errorf("the body is nested more than %d levels deep", maxDepth)
			}
		case json.Delim('}'), json.Delim(']'):
			at = at[:len(at)-1]
			next(at)
		default:
			if err := checkToken(at, tok); err != nil {
				return err
			}
		}
	}
}

// checkToken looks at a key or a simple value.
func checkToken(at []*level, tok json.Token) error {
	s, isText := tok.(string)
	if len(at) > 0 && at[len(at)-1].object && !at[len(at)-1].value {
		l := at[len(at)-1]
		if l.keys[s] {
			return fmt.Errorf("%s: is given twice", path(at[:len(at)-1], clip(s)))
		}
		l.keys[s], l.key, l.value = true, s, true
		return nil
	}
	if isText && strings.ContainsRune(s, 0) {
		return fmt.Errorf("%s: has the control character U+0000; allowed: printable text", path(at, ""))
	}
	next(at)
	return nil
}

// next notes that a value has ended.
func next(at []*level) {
	if len(at) > 0 {
		l := at[len(at)-1]
		l.value = false
		l.index++
	}
}

// path writes where the reader is: lines[3].name.
func path(at []*level, last string) string {
	var b strings.Builder
	add := func(name string) {
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(name)
	}
	for _, l := range at {
		if l.object {
			add(clip(l.key))
		} else {
			fmt.Fprintf(&b, "[%d]", l.index)
		}
	}
	if last != "" {
		add(last)
	}
	return b.String()
}
