package rest

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
)

// Text is an id or a decimal that a channel sends now as a JSON number and now
// as a string. The digits stay exactly as they came: 12345678901234567890 and
// 490.0000 lose nothing. null and a missing field are "".
type Text string

// UnmarshalJSON takes a string, a number, true, false or null.
func (t *Text) UnmarshalJSON(b []byte) error {
	if len(b) == 0 {
		return errors.New("empty JSON value")
	}
	switch b[0] {
	case 'n':
		*t = ""
		return nil
	case '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = Text(s)
		return nil
	case '{', '[':
		// json fills in the field of such an error, so that Decode can name it.
		return &json.UnmarshalTypeError{Value: "object or array", Type: reflect.TypeFor[Text]()}
	default:
		*t = Text(b)
		return nil
	}
}

// String is the text itself.
func (t Text) String() string { return string(t) }

// Int64 reads a whole number. An empty text is 0 and no error; anything that is
// not a whole number in range is one, without the text in it.
func (t Text) Int64() (int64, error) {
	if t == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(string(t), 10, 64)
	if err != nil {
		return 0, errors.New("want a whole number")
	}
	return n, nil
}
