package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

// TestSearchManyMatches compares the ways to search where a word has more
// matches than are looked up one by one with a plain look at every order.
func TestSearchManyMatches(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const n = 9000
		for _, id := range []string{"a", "b"} {
			if _, err := s.CreateAccount(t.Context(), orderhub.Account{ID: id, Channel: "demo", Name: id}); err != nil {
				t.Fatal(err)
			}
		}
		base := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		words := make([][]string, n)
		changes := make([]store.Change, n)
		for i := range n {
			o := &orderhub.Order{AccountID: []string{"a", "b"}[i%2], Channel: "demo", Headline: orderhub.StatusNew}
			if i%3 == 0 {
				o.Headline = orderhub.StatusDelivered
			}
			// Not in the order of the numbers.
			o.Snapshot = orderhub.Snapshot{ExternalID: fmt.Sprint("x", i), PlacedAt: base.Add(time.Duration(i*7919%n) * time.Second)}
			words[i] = []string{"all"}
			if i%2 == 0 {
				words[i] = append(words[i], "even") // account a only
			}
			if i < n/2 {
				words[i] = append(words[i], "early")
			}
			if i >= n/2 {
				words[i] = append(words[i], "late")
			}
			if i%100 == 0 {
				words[i] = append(words[i], "hundred")
			}
			for _, w := range words[i] {
				o.Snapshot.Lines = append(o.Snapshot.Lines, orderhub.Line{SKU: w, Quantity: 1})
			}
			changes[i] = store.Change{Order: o, Content: true}
		}
		if err := s.InTx(t.Context(), func(tx *store.Tx) error { return tx.InsertOrders(t.Context(), changes) }); err != nil {
			t.Fatal(err)
		}
		for _, c := range []store.OrderFilter{
			{Text: "all"}, {Text: "al"}, {Text: "al", WholeWords: true}, {Text: "all hund", WholeWords: true}, {Text: "early lat", WholeWords: true}, {Text: "even"}, {Text: "even", Accounts: []string{"b"}}, {Text: "even", Accounts: []string{"a", "b"}},
			{Text: "early late"}, {Text: "even early"}, {Text: "all hundred"}, {Text: "early hundred", Statuses: []orderhub.Status{orderhub.StatusNew}},
			{Text: "late even", Statuses: []orderhub.Status{orderhub.StatusNew, orderhub.StatusDelivered}, Accounts: []string{"a"}},
			{Text: "even", PlacedFrom: base.Add(time.Hour), PlacedTo: base.Add(2 * time.Hour)},
			{Text: "even", Statuses: []orderhub.Status{orderhub.StatusCancelled}},
			{Text: "all nothing"},
		} {
			c.Limit = 30
			t.Run(fmt.Sprint(c.Text, c.Accounts, c.Statuses), func(t *testing.T) {
				want := expected(changes, words, c)
				var got []string
				for range 3 { // pages
					page, next, err := s.ListOrders(t.Context(), c)
					if err != nil {
						t.Fatal(err)
					}
					for _, o := range page {
						got = append(got, o.Snapshot.ExternalID)
					}
					if c.Cursor = next; next == "" {
						break
					}
				}
				if want = want[:min(len(want), 90)]; !slices.Equal(got, want) {
					t.Errorf("got %d orders %.100v\nwant %d orders %.100v", len(got), got, len(want), want)
				}
			})
		}
	})
}

// expected lists the external ids that a filter selects.
func expected(changes []store.Change, words [][]string, f store.OrderFilter) []string {
	var hits []*orderhub.Order
	typed := strings.Fields(f.Text)
	for i, c := range changes {
		o := c.Order
		placed := o.Snapshot.PlacedAt
		if (len(f.Accounts) > 0 && !slices.Contains(f.Accounts, o.AccountID)) || (len(f.Statuses) > 0 && !slices.Contains(f.Statuses, o.Headline)) ||
			placed.Before(f.PlacedFrom) || (!f.PlacedTo.IsZero() && !placed.Before(f.PlacedTo)) {
			continue
		}
		all := true
		for _, w := range typed {
			all = all && slices.ContainsFunc(words[i], func(have string) bool { return len(have) >= len(w) && have[:len(w)] == w })
		}
		if all {
			hits = append(hits, o)
		}
	}
	slices.SortFunc(hits, func(a, b *orderhub.Order) int { return b.Snapshot.PlacedAt.Compare(a.Snapshot.PlacedAt) })
	out := make([]string, len(hits))
	for i, o := range hits {
		out[i] = o.Snapshot.ExternalID
	}
	return out
}

// TestSearchNumberLikeAPhone: the numbers of Ozon are digits and dashes, as
// phones are.
func TestSearchNumberLikeAPhone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		if _, err := s.CreateAccount(t.Context(), orderhub.Account{ID: "a", Channel: "demo", Name: "a"}); err != nil {
			t.Fatal(err)
		}
		o := &orderhub.Order{AccountID: "a", Channel: "demo", Headline: orderhub.StatusNew, Snapshot: orderhub.Snapshot{
			ExternalID: "41200577-0031-1", GroupKey: "41200577-0031", PlacedAt: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
			Customer: orderhub.Customer{Phone: "+7 900 123-45-67"}}}
		if err := s.InTx(t.Context(), func(tx *store.Tx) error { return tx.InsertOrders(t.Context(), []store.Change{{Order: o}}) }); err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]int{
			"41200577-0031-1": 1, "41200577-0031": 1, "41200577-00": 1, "41200577-0032": 0,
			"+7 900 123-45-67": 1, "8 (900) 123-45-67": 1, "900-123-45-67": 1, "9001234567": 1, "89001234567": 1, "+7 900 123-45-68": 0,
		} {
			page, _, err := s.ListOrders(t.Context(), store.OrderFilter{Text: text})
			if err != nil || len(page) != want {
				t.Errorf("%q: got %d orders, %v; want %d", text, len(page), err, want)
			}
		}
	})
}
