package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// minWord is how long a word of an answer that is no JSON must be to name an order:
// shorter ones stand there for anything.
const minWord = 6

// maxNamed caps the words by which an answer is looked up.
const maxNamed = 200

// beside is what was kept about orders and hangs on none of them, by number: readings
// that failed, and answers about returns that nobody could read.
type beside struct{ calls, raws []int64 }

// keptBeside finds it by the orders' keys at their channels, the only words that such
// a payload surely has.
func (h *Hub) keptBeside(ctx context.Context, orders []*orderhub.Order) (beside, error) {
	var out beside
	byAccount := map[string]map[string]bool{}
	for _, o := range orders {
		words := byAccount[o.AccountID]
		if words == nil {
			words = map[string]bool{}
			byAccount[o.AccountID] = words
		}
		for _, w := range []string{o.Snapshot.ExternalID, o.Snapshot.ExternalNumber, o.Snapshot.Ref, o.Snapshot.SiteOrderID} {
			words[w] = w != ""
		}
	}
	for account, words := range byAccount {
		if err := h.callsBeside(ctx, account, words, &out); err != nil {
			return out, err
		}
		if err := h.rawsBeside(ctx, account, words, &out); err != nil {
			return out, err
		}
	}
	slices.Sort(out.calls)
	slices.Sort(out.raws)
	return out, nil
}

func (h *Hub) callsBeside(ctx context.Context, account string, words map[string]bool, out *beside) error {
	for after := int64(0); ; {
		list, err := h.store.FailedReadings(ctx, account, after, eraseBatch)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, c := range list {
			after = c.ID
			for w := range wordsOf(slices.Concat(c.Request, []byte{' '}, c.Reply)) {
				if words[w] {
					out.calls = append(out.calls, c.ID)
					break
				}
			}
		}
	}
}

func (h *Hub) rawsBeside(ctx context.Context, account string, words map[string]bool, out *beside) error {
	for after := int64(0); ; {
		list, err := h.store.SetAside(ctx, account, after, eraseBatch)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, r := range list {
			after = r.ID
			if channel.IsReturn(r.Kind) && slices.ContainsFunc(namedIn(r.Body), func(w string) bool { return words[w] }) {
				out.raws = append(out.raws, r.ID)
			}
		}
	}
}

// namedIn lists what an answer that could not be read may name its order by: the
// values of keys that sound like one. What is no JSON tells by its longer words.
func namedIn(body []byte) []string {
	var v any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var out []string
	if d.Decode(&v) != nil {
		for w := range wordsOf(body) {
			if len(w) >= minWord {
				out = append(out, w)
			}
		}
		slices.Sort(out)
		return out[:min(len(out), maxNamed)]
	}
	named(v, "", &out)
	return out
}

func named(v any, key string, out *[]string) {
	if len(*out) >= maxNamed {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			named(x, strings.ToLower(k), out)
		}
	case []any:
		for _, x := range v {
			named(x, key, out)
		}
	case string:
		if soundsLikeID(key) && v != "" && len(v) <= 200 {
			*out = append(*out, v)
		}
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil && soundsLikeID(key) {
			*out = append(*out, strconv.FormatInt(n, 10))
		}
	}
}

func soundsLikeID(key string) bool {
	return slices.ContainsFunc([]string{"id", "order", "posting", "number"}, func(w string) bool { return strings.Contains(key, w) })
}

// wordsOf is the set of words of letters, digits, hyphens and underscores.
func wordsOf(body []byte) map[string]bool {
	out := map[string]bool{}
	for w := range bytes.FieldsFuncSeq(body, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		out[string(w)] = true
	}
	return out
}
