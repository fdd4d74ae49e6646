package rest_test

import (
	"strings"
	"testing"

	"github.com/orderhub/orderhub/channel/rest"
)

func TestText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]rest.Text{
		`{"v":"0557722"}`:              "0557722",
		`{"v":557722}`:                 "557722",
		`{"v":12345678901234567890}`:   "12345678901234567890",
		`{"v":490.0000}`:               "490.0000",
		`{"v":-1.50}`:                  "-1.50",
		`{"v":"\u043a\"\\"}`:           `к"\`,
		`{"v":true}`:                   "true",
		`{"v":null}`:                   "",
		`{}`:                           "",
		`{"v":  "spaces around it"  }`: "spaces around it",
	} {
		var got struct{ V rest.Text }
		if err := rest.Decode([]byte(in), &got); err != nil || got.V != want {
			t.Errorf("%s: %q, %v; want %q", in, got.V, err, want)
		}
	}
	for _, in := range []string{`{"v":{}}`, `{"v":["Ivan"]}`} {
		var got struct{ V rest.Text }
		if err := rest.Decode([]byte(in), &got); err == nil || !strings.Contains(err.Error(), "field V") && !strings.Contains(err.Error(), "field v") {
			t.Errorf("%s: %v, want an error that names the field", in, err)
		}
	}
}

func TestTextInt64(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   rest.Text
		want int64
		ok   bool
	}{
		{"", 0, true}, {"42", 42, true}, {"-7", -7, true}, {"9223372036854775807", 9223372036854775807, true},
		{"9223372036854775808", 0, false}, {"1.0", 0, false}, {"1e3", 0, false}, {"Ivan", 0, false}, {" 1", 0, false},
	} {
		got, err := tc.in.Int64()
		if got != tc.want || (err == nil) != tc.ok {
			t.Errorf("%q: %d, %v", tc.in, got, err)
		}
		if err != nil && strings.Contains(err.Error(), string(tc.in)) {
			t.Errorf("the error quotes the text: %v", err)
		}
	}
}
