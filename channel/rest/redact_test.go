package rest_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/orderhub/orderhub/channel/rest"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ in, want string }{
		{"", ""},
		{"posting 12345678-0001-1 is not found", "posting 12345678-0001-1 is not found"},
		{"order 5632423 of 12345678901", "order 5632423 of 12345678901"},
		{"key " + secret + "!", "key ***!"},
		{"in a query: s3cr3t-key%2Bwith%2Fodd%3Dsigns", "in a query: ***"},
		{"the longer first: begin-more, begin", "the longer first: ***, ***"},
		{"mail ivan.petrov@example.org, please", "mail ***@*** please"},
		{"mail <ivan@пример.рф>", "mail <***@***>"},
		{"call +79123456789", "call ***"},
		{"call +7 (912) 345-67-89 now", "call *** now"},
		{"call 8 912 345 67 89", "call ***"},
		{"call 8\u00a0912\u00a0345\u00a067\u00a089", "call ***"},
		{"call 8-912-345-67-89.", "call ***."},
		{"pin abc", "pin abc"},
		{"two\nlines\x00and \xff", "two lines and ?"},
	} {
		if got := rest.Clean(tc.in, secret, "begin", "begin-more", "abc", ""); got != tc.want {
			t.Errorf("Clean(%q) = %q, want %q", tc.in, got, tc.want)
		}
	}
}

func TestCleanCuts(t *testing.T) {
	t.Parallel()
	got := rest.Clean(strings.Repeat("ы", 400))
	if !utf8.ValidString(got) || len(got) > 310 || !strings.HasSuffix(got, "…") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
	// The mask comes before the cut: half a secret is a leak too.
	if got := rest.Clean(strings.Repeat("x", 295)+secret, secret); strings.Contains(got, "s3c") {
		t.Errorf("half a secret stays: %q", got)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("call +7 912 345-67-89 or " + secret)
	f.Add("\xff\x00@.@")
	f.Fuzz(func(t *testing.T, s string) {
		got := rest.Clean(s, secret)
		if strings.Contains(got, secret) || !utf8.ValidString(got) || strings.ContainsRune(got, 0) || len(got) > 310 {
			t.Errorf("Clean(%q) = %q", s, got)
		}
	})
}
