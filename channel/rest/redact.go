package rest

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is how much of a text of the other side is worth keeping, in bytes.
const maxText = 300

// Texts of the other side may quote what we sent: keys, a buyer's phone.
var (
	phonePattern = regexp.MustCompile(`\+?\d[\d\s\x{00a0}()-]{8,}\d`)
	// dashedPhone is the one form without spaces that no order id has.
	dashedPhone  = regexp.MustCompile(`^[78]-?\d{3}-\d{3}-\d{2}-?\d{2}$`)
	emailPattern = regexp.MustCompile(`[^\s@"'<>]+@[^\s@"'<>]+\.[^\s@"'<>]+`)
)

// mask replaces secrets, as they are and as they stand in an address. Shorter ones
// than 4 bytes are words that may stand anywhere.
func mask(s string, secrets []string) string {
	// The longest first: one secret may begin another.
	secrets = slices.SortedFunc(slices.Values(secrets), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, secret := range secrets {
		if len(secret) >= 4 {
			s = strings.ReplaceAll(s, secret, "***")
			s = strings.ReplaceAll(s, url.QueryEscape(secret), "***")
		}
	}
	return s
}

// Clean makes a text of the other side fit for errors, logs and the database:
// secrets, e-mail addresses and long digit groups that may be phones are masked,
// control characters and broken UTF-8 go, and the rest is cut to 300 bytes.
func Clean(s string, secrets ...string) string {
	s = mask(s, secrets)
	// PostgreSQL takes neither broken UTF-8 nor a zero byte.
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	s = emailPattern.ReplaceAllString(s, "***@***")
	s = phonePattern.ReplaceAllStringFunc(s, func(m string) string {
		if strings.HasPrefix(m, "+") || strings.ContainsAny(m, "( \u00a0") || dashedPhone.MatchString(m) {
			return "***"
		}
		return m // a bare digit run is an order id far more often than a phone
	})
	if len(s) > maxText {
		cut := maxText
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return s
}
