package orderhub

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Forget takes a buyer's data out of a snapshot. The order, its goods, its money
// and the town it went to stay.
func (s *Snapshot) Forget() {
	s.Customer = Customer{}
	s.Comment = ""
	s.Shipping.Address = ""
}

// Forget takes the buyer's own words and pictures out of a return.
func (s *ReturnSnapshot) Forget() {
	s.Comment, s.Photos = "", nil
}

// Masks: what somebody sees who may not read personal data. Enough to recognise a
// buyer on the phone, too little to call him.

// MaskPhone keeps the country, the first and the last two digits: "+7 9** ***-**-12".
func MaskPhone(phone string) string {
	var digits []rune
	for _, r := range phone {
		if unicode.IsDigit(r) {
			digits = append(digits, r)
		}
	}
	switch {
	case len(digits) == 0:
		return ""
	case len(digits) < 7:
		return "***"
	case len(digits) == 11 && (digits[0] == '7' || digits[0] == '8'):
		return "+7 " + string(digits[1]) + "** ***-**-" + string(digits[9:])
	}
	return string(digits[0]) + "*** " + string(digits[len(digits)-2:])
}

// MaskEmail keeps the first letters: "i***@d***".
func MaskEmail(email string) string {
	local, domain, ok := strings.Cut(strings.TrimSpace(email), "@")
	if !ok {
		return MaskText(email)
	}
	return firstRune(local) + "***@" + firstRune(domain) + "***"
}

// MaskName keeps the first word and the first letter of the next: "Иван П.". Names
// come surname first or last; which one is kept is chance.
func MaskName(name string) string {
	digits := 0
	for _, r := range name {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	if digits > 4 || strings.Contains(name, "@") {
		return MaskText(name) // a phone or an address, typed where the name belongs
	}
	words := strings.FieldsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;/._|", r) })
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return words[0] + " " + firstRune(words[1]) + "."
}

// MaskText hides a text and tells that there is one.
func MaskText(s string) string {
	if s == "" {
		return ""
	}
	return "***"
}

func firstRune(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 || r == utf8.RuneError {
		return ""
	}
	return string(r)
}
