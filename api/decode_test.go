package api

import (
	"strings"
	"testing"
	"time"
)

func TestCheckJSON(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{}`:                            "",
		`[1,{"a":[{"b":null}]},"x"]`:    "",
		`"text"`:                        "",
		` 1e3 `:                         "",
		`{"a":{"b":1},"b":{"b":1}}`:     "",
		`{"":1}`:                        "",
		``:                              "the body is not JSON: broken at byte 0",
		`{`:                             "the body is not JSON: broken at byte 1",
		`{} {}`:                         "the body is not JSON: broken at byte 4",
		`{"a":1,"b":2,"a":3}`:           "a: is given twice",
		`{"a":[{"b":1},{"b":1,"b":2}]}`: "a[1].b: is given twice",
		`{"a":{"x":[[],[1,"\u0000"]]}}`: "a.x[1][1]: has the control character U+0000; allowed: printable text",
		`[["\u0000"]]`:                  "[0][0]: has the control character U+0000; allowed: printable text",
		`{"a\n":1,"a\n":2}`:             "a\uFFFD: is given twice",
		strings.Repeat("[", 64) + strings.Repeat("]", 64): "",
		strings.Repeat("[", 65) + strings.Repeat("]", 65): "the body is nested more than 64 levels deep",
	} {
		got := ""
		if err := checkJSON([]byte(in)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%.60s: %q, want %q", in, got, want)
		}
	}
}

func FuzzCheckJSON(f *testing.F) {
	f.Add(`{"a":[{"b":1},{"b":1,"b":2}],"c":"\u0000"}`)
	f.Fuzz(func(t *testing.T, in string) {
		var v any
		errCheck, err := checkJSON([]byte(in)), decode([]byte(in), &v)
		if errCheck == nil && err != nil {
			t.Errorf("%q is well-formed and cannot be read: %v", in, err)
		}
	})
}

func TestBearer(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Bearer a": "a", "bearer a": "a", "BEARER  a ": "a", " Bearer a": "a", "Bearer": "", "Bearer ": "", "Basic a": "", "a": "", "": "", "Bearera": "",
	} {
		if got := bearer(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestRates(t *testing.T) {
	t.Parallel()
	if r := newRates(0); r.limit != 50 || r.burst != 100 {
		t.Errorf("by default %v a second after %d", r.limit, r.burst)
	}
	off := newRates(-1)
	for range 1000 {
		if off.wait("a") != 0 {
			t.Fatal("limited without a limit")
		}
	}
	r := newRates(0.001) // one request in a quarter of an hour
	if r.wait("a") != 0 {
		t.Error("the first request is refused")
	}
	first := r.wait("a")
	if first <= 10*time.Minute || first > 1000*time.Second {
		t.Errorf("the second is to come back after %s", first)
	}
	if again := r.wait("a"); again > first {
		t.Errorf("a refused request was counted: %s after %s", again, first)
	}
	if r.wait("b") != 0 {
		t.Error("another token pays for it")
	}
}
