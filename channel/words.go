package channel

import (
	"fmt"
	"strings"

	"github.com/orderhub/orderhub"
)

// StatusWords are a shop's own words for statuses, as an operator wrote them into a
// setting. Marketplaces have fixed words; in a shop everybody may add some.
type StatusWords struct {
	in  map[string]orderhub.Status
	out map[orderhub.Status]string
}

// maxWords caps the setting.
const maxWords = 100

// ParseStatusWords reads «В сборке=confirmed; DN=shipped». Letter case does not
// count; of several words for one status the first is the one to send.
func ParseStatusWords(text string) (StatusWords, error) {
	w := StatusWords{in: map[string]orderhub.Status{}, out: map[orderhub.Status]string{}}
	for _, pair := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' || r == '\n' }) {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		word, meaning, _ := strings.Cut(pair, "=")
		if strings.Count(pair, "=") != 1 { // two: a comma stands where the semicolon belongs
			return w, fmt.Errorf("%.60q is not one pair; allowed: pairs like «Собран=packed», with semicolons between them", pair)
		}
		word = strings.TrimSpace(word)
		s, err := orderhub.ParseStatus(strings.TrimSpace(meaning))
		if err != nil || word == "" || s == orderhub.StatusUnknown {
			return w, fmt.Errorf("%.60q: allowed: a word of the shop, «=» and a status of the hub, like «Собран=packed»", pair)
		}
		if _, ok := w.in[fold(word)]; ok {
			return w, fmt.Errorf("%.60q stands twice", word)
		}
		w.in[fold(word)] = s
		if w.out[s] == "" {
			w.out[s] = word
		}
	}
	if len(w.in) > maxWords {
		return w, fmt.Errorf("%d words; allowed: up to %d", len(w.in), maxWords)
	}
	return w, nil
}

// CheckStatusWords is Setting.Check of such a setting.
func CheckStatusWords(text string) error {
	_, err := ParseStatusWords(text)
	return err
}

// Status finds the status of a word.
func (w StatusWords) Status(word string) (orderhub.Status, bool) {
	s, ok := w.in[fold(word)]
	return s, ok
}

// Word is what to send for a status, "" = the shop has no word for it.
func (w StatusWords) Word(s orderhub.Status) string { return w.out[s] }

func fold(word string) string { return strings.ToLower(strings.TrimSpace(word)) }
