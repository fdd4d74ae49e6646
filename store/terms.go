package store

import (
	"strings"
	"unicode"

	"github.com/orderhub/orderhub"
)

// maxTerms caps the words by which one order is found; an order with more lines
// than that is still found by its number.
const maxTerms = 60

// orderTerms lists the words by which an order is found: its numbers, the
// buyer's phone, mail and name, SKUs, barcodes and the tracking number. All
// lower case; a search finds every order with a word that begins so.
func orderTerms(o *orderhub.Order) []string {
	seen := map[string]bool{}
	var out []string
	add := func(w string) {
		w = foldTerm(w)
		if w == "" || seen[w] || len(out) >= maxTerms {
			return
		}
		seen[w] = true
		out = append(out, w)
	}
	s := &o.Snapshot
	add(o.Number())
	add(s.ExternalID)
	add(s.ExternalNumber)
	add(s.GroupKey)
	add(s.Shipping.Tracking)
	add(phoneDigits(s.Customer.Phone))
	add(s.Customer.Email)
	for _, w := range strings.Fields(s.Customer.Name) {
		add(w)
	}
	for _, l := range s.Lines {
		add(l.SKU)
		add(l.ListingKey)
		for _, b := range l.Barcodes {
			add(b)
		}
	}
	return out
}

// foldTerm makes words comparable: lower case, ё as е, at most 64 bytes.
func foldTerm(w string) string {
	w = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(w)), "ё", "е")
	if strings.ContainsRune(w, 0) {
		return ""
	}
	if len(w) > 64 {
		w = strings.ToValidUTF8(w[:64], "")
	}
	return w
}

// phoneDigits keeps the digits of a phone and drops a leading 8 or 7 of
// Russian numbers, so that +7 900…, 8 900… and 900… meet.
func phoneDigits(phone string) string {
	digits := strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return r
		}
		return -1
	}, phone)
	if len(digits) == 11 && (digits[0] == '7' || digits[0] == '8') {
		return digits[1:]
	}
	return digits
}

// searchTerms splits what a person typed. A phone typed with spaces, brackets
// or a prefix becomes one word.
func searchTerms(text string) []string {
	compact := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" ()-+", r) {
			return -1
		}
		return r
	}, text)
	if d := phoneDigits(compact); len(d) == len(compact) && len(d) >= 10 {
		return []string{d}
	} else if len(compact) == 11 && len(d) == 10 {
		return []string{d}
	}
	var out []string
	for _, w := range strings.Fields(text) {
		if w = foldTerm(w); w != "" && len(out) < 5 {
			out = append(out, w)
		}
	}
	return out
}
