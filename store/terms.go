package store

import (
	"slices"
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
	out := make([]string, 0, 16)
	add := func(w string) {
		w = foldTerm(w)
		if w == "" || len(out) >= maxTerms || slices.Contains(out, w) {
			return
		}
		out = append(out, w)
	}
	s := &o.Snapshot
	add(o.Number())
	add(s.ExternalID)
	add(s.ExternalNumber)
	add(s.Ref)
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

// searchTerms splits what a person typed into words. phone is set when all of it
// looks like a phone, typed with spaces, brackets or a prefix; an order number
// of Ozon may look so too.
func searchTerms(text string) (words []string, phone string) {
	for _, w := range strings.Fields(text) {
		if w = foldTerm(w); w != "" && len(words) < 5 {
			words = append(words, w)
		}
	}
	compact := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" ()-+", r) {
			return -1
		}
		return r
	}, text)
	if d := phoneDigits(compact); len(d) >= 10 && (len(d) == len(compact) || len(compact) == 11) {
		phone = d
	}
	return words, phone
}
