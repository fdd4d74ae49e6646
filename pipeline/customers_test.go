package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// bought is an order of a buyer: his name, phone and e-mail.
func bought(id, name, phone, mail string) orderhub.Snapshot {
	return with(snap(id, orderhub.StatusNew), func(s *orderhub.Snapshot) {
		s.Customer = orderhub.Customer{Name: name, Phone: phone, Email: mail}
		s.Shipping = orderhub.Shipping{City: "Тверь", Address: "ул. Вымышленная, " + id}
	})
}

// tree is the buyer of an order; nil when it has no card.
func (w *world) tree(id string) *store.CardTree {
	w.t.Helper()
	o := w.order(id)
	if o.CardID == 0 {
		return nil
	}
	t, err := w.store.CardTreeOf(w.t.Context(), o.CardID)
	w.must(err)
	return t
}

// buyer is the number of an order's buyer, 0 when it has no card.
func (w *world) buyer(id string) int64 {
	w.t.Helper()
	if t := w.tree(id); t != nil {
		return t.Root.ID
	}
	return 0
}

func (w *world) suggested() []orderhub.CardSuggestion {
	w.t.Helper()
	list, err := w.store.OpenSuggestions(w.t.Context(), 0, 1000)
	w.must(err)
	return list
}

func TestNormalPhone(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"+79001234567": "+79001234567", "8 (900) 123-45-67": "+79001234567", "79001234567": "+79001234567", "9001234567": "+79001234567",
		" +7 900 123 45 67 ": "+79001234567", "+375 29 123-45-67": "+375291234567", "8 (495) 123-45-67": "+74951234567",
		"": "", "12345": "", "+7 900 ***-**-67": "", "+7 900 123-45-67 доб. 12345": "", "+79001234567,,123": "", "8 800 555-35-35": "",
		"+79999999999": "", "not a phone": "", strings.Repeat("9", 100): "",
	} {
		if got := normalPhone(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestNormalEmail(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		" Ivan@Example.ORG ": "ivan@example.org", "a.b+c@mail.example.org": "a.b+c@mail.example.org",
		"": "", "ivan": "", "@example.org": "", "ivan@": "", "ivan@localhost": "", "i***@example.org": "", "a b@example.org": "", "a@b@example.org": "",
	} {
		if got := normalEmail(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// Orders of one buyer come to one card, in one batch or in many.
func TestOneBuyerOneCard(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(
			bought("1", "Иван Петров", "+7 900 123-45-67", "ivan@example.org"),
			bought("2", "Петров Иван", "89001234567", ""),
			bought("3", "И. Петров", "", "Ivan@Example.org"),
			bought("4", "Анна Сорокина", "+79007654321", ""),
		)
		w.take(bought("5", "Иван", "9001234567", "ivan@example.org"), bought("6", "Иван Петров", "", ""))
		first := w.buyer("1")
		for _, id := range []string{"2", "3", "5"} {
			if got := w.buyer(id); got != first || first == 0 {
				t.Errorf("order %s is on card %d, want %d", id, got, first)
			}
		}
		if w.buyer("4") == first || w.buyer("4") == 0 {
			t.Error("another buyer is on the same card, or on none")
		}
		if w.buyer("6") != 0 {
			t.Error("a name alone made a card")
		}
		if list := w.suggested(); len(list) != 0 {
			t.Errorf("suggested without a reason: %+v", list)
		}
		tree := w.tree("1")
		if tree.Orders != 4 || tree.Counted != 4 || len(tree.Sums) != 1 || tree.Sums[0] != orderhub.Roubles(4*980) {
			t.Errorf("figures: %+v", tree.CardTotals)
		}
	})
}

// What is not certain becomes a suggestion, with its reason.
func TestUncertainIsSuggested(t *testing.T) {
	t.Parallel()
	const phone, mail = "+79001234567", "ivan@example.org"
	for name, tc := range map[string]struct {
		second orderhub.Snapshot
		reason orderhub.SuggestReason
	}{
		"another e-mail":             {bought("2", "Иван Петров", phone, "other@example.org"), orderhub.ReasonOtherEmail},
		"another phone":              {bought("2", "Иван Петров", "+79007654321", mail), orderhub.ReasonOtherPhone},
		"another name on one number": {bought("2", "Анна Петрова", phone, ""), orderhub.ReasonOtherName},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.take(bought("1", "Иван Петров", phone, mail))
				w.take(tc.second)
				if w.buyer("1") == w.buyer("2") || w.buyer("2") == 0 {
					t.Fatalf("cards %d and %d, want two", w.buyer("1"), w.buyer("2"))
				}
				list := w.suggested()
				if len(list) != 1 || list[0].Reason != tc.reason || list[0].Low != w.buyer("1") || list[0].High != w.buyer("2") {
					t.Fatalf("suggestions: %+v, want one with %s", list, tc.reason)
				}
				merged, err := w.hub.AcceptSuggestion(t.Context(), list[0].ID, manager)
				w.must(err)
				if merged.Orders != 2 || w.buyer("1") != w.buyer("2") || len(w.suggested()) != 0 {
					t.Errorf("after accepting: %+v", merged)
				}
				_, err = w.hub.DeclineSuggestion(t.Context(), list[0].ID, manager)
				wantCode(t, err, orderhub.CodeRefused, "accepted already")
			})
		})
	}
}

func TestDeclinedIsNotSuggestedAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(bought("1", "Иван Петров", "+79001234567", "a@example.org"), bought("2", "Иван Петров", "+79001234567", "b@example.org"))
		list := w.suggested()
		if len(list) != 1 {
			t.Fatalf("suggestions: %+v", list)
		}
		_, err := w.hub.DeclineSuggestion(t.Context(), list[0].ID, manager)
		w.must(err)
		w.take(bought("3", "Иван Петров", "+79001234567", "b@example.org"))
		if w.buyer("3") != w.buyer("2") || len(w.suggested()) != 0 {
			t.Errorf("order 3 is on %d, suggestions %+v", w.buyer("3"), w.suggested())
		}
	})
}

// An order with the phone of one, the e-mail of another and both names joins them,
// unless a person said that they are two.
func TestBridge(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(bought("1", "Иван Петров", "+79001234567", ""), bought("2", "Петров Иван", "", "ivan@example.org"))
		if w.buyer("1") == w.buyer("2") {
			t.Fatal("nothing joins them yet")
		}
		w.take(bought("3", "Иван Петров", "+79001234567", "ivan@example.org"))
		tree := w.tree("3")
		if tree.Root.ID != w.order("1").CardID || tree.Orders != 3 || w.buyer("2") != tree.Root.ID {
			t.Fatalf("after the bridge: %+v", tree)
		}
		merges, err := w.store.MergesOfCards(t.Context(), tree)
		w.must(err)
		if len(merges) != 1 || merges[0].Actor != hubActor || !strings.Contains(merges[0].Why, "order 3") {
			t.Fatalf("merges: %+v", merges)
		}
		_, err = w.hub.UndoMerge(t.Context(), merges[0].ID, "two people", manager)
		w.must(err)
		if w.buyer("2") == w.buyer("1") || w.buyer("3") != w.buyer("1") {
			t.Errorf("after undoing: %d, %d, %d", w.buyer("1"), w.buyer("2"), w.buyer("3"))
		}
		w.take(bought("4", "Петров Иван", "", "ivan@example.org"), bought("5", "Иван Петров", "+79001234567", "ivan@example.org"))
		if w.buyer("2") == w.buyer("1") || w.buyer("5") != w.buyer("1") {
			t.Errorf("the hub merged again what a person parted: %d, %d, %d", w.buyer("1"), w.buyer("2"), w.buyer("5"))
		}

		// The same within one batch.
		w.take(bought("6", "Анна Сорокина", "+79007654321", ""), bought("7", "Анна Сорокина", "", "anna@example.org"),
			bought("8", "Анна Сорокина", "+79007654321", "anna@example.org"), bought("9", "Анна Сорокина", "", "anna@example.org"))
		if tree := w.tree("6"); tree.Orders != 4 || len(tree.Cards) != 2 {
			t.Errorf("in one batch: %+v", tree)
		}
	})
}

// Substitute numbers and masked words identify nobody; the channel's own id does.
func TestProxiesIdentifyNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		proxy := func(id, phone string, buyer string) orderhub.Snapshot {
			return with(bought(id, "Иван Петров", phone, ""), func(s *orderhub.Snapshot) { s.Customer.ProxyPhone, s.Customer.ID = true, buyer })
		}
		w.take(bought("0", "Иван Петров", "+79001234567", ""))
		w.take(proxy("1", "+79001234567", ""), proxy("2", "+79001234567", ""), bought("3", "Иван Петров", "+7 900 123-45-67 доб. 1234", ""),
			bought("4", "И***", "+7 900 ***-**-67", "i***@e***"))
		for _, id := range []string{"1", "2", "3", "4"} {
			if w.buyer(id) != 0 {
				t.Errorf("order %s is on card %d", id, w.buyer(id))
			}
		}
		w.take(proxy("5", "+79001234567", "77"), proxy("6", "+79007654321", "77"), proxy("7", "+79001234567", "78"))
		if w.buyer("5") == 0 || w.buyer("5") != w.buyer("6") || w.buyer("7") == w.buyer("5") || w.buyer("5") == w.buyer("0") {
			t.Errorf("by the channel's id: %d, %d, %d", w.buyer("5"), w.buyer("6"), w.buyer("7"))
		}
		if len(w.suggested()) != 0 {
			t.Errorf("suggested: %+v", w.suggested())
		}
	})
}

// A number that many buyers gave is the shop's own: it joins nobody, and the work
// does not grow with it.
func TestSharedPhone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		var snaps []orderhub.Snapshot
		for i := range 30 {
			snaps = append(snaps, bought(fmt.Sprint("o-", i), fmt.Sprintf("Покупатель%d", i), "+79001234567", ""))
		}
		w.take(snaps[:20]...)
		w.take(snaps[20:]...)
		cards := map[int64]bool{}
		for _, s := range snaps {
			cards[w.buyer(s.ExternalID)] = true
		}
		if len(cards) != maxShared+1 || !cards[0] { // 0: no card
			t.Errorf("%d cards for one phone, want %d and orders without", len(cards), maxShared)
		}
		w.take(bought("a", "Анна", "+79001234567", "anna@example.org"), bought("b", "Покупатель3", "+79001234567", ""))
		w.take(bought("c", "", "+79001234567", "anna@example.org"))
		if w.buyer("a") == 0 || w.buyer("c") != w.buyer("a") || w.buyer("b") != w.buyer("o-3") {
			t.Errorf("by what else is told: %d, %d, %d", w.buyer("a"), w.buyer("c"), w.buyer("b"))
		}
	})
}

// An order that gets its buyer's data later gets its card then; one whose data
// changes stays where it is.
func TestBuyerChanges(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(bought("1", "", "", ""), bought("2", "Анна", "+79007654321", ""))
		w.take(bought("1", "Иван", "+79001234567", ""))
		if w.buyer("1") == 0 {
			t.Fatal("no card after the data came")
		}
		card := w.buyer("1")
		w.take(bought("1", "Иван", "+79007654321", ""))
		if w.buyer("1") != card {
			t.Error("the order moved")
		}
		if phones := w.tree("1").Root.Values(orderhub.KeyPhone); !slices.Contains(phones, "+79007654321") || !slices.Contains(phones, "+79001234567") {
			t.Errorf("phones: %v", phones)
		}
		if list := w.suggested(); len(list) != 1 || list[0].Low != w.order("2").CardID && list[0].High != w.order("2").CardID {
			t.Errorf("suggested: %+v", list)
		}
	})
}

// Two accounts that accept orders of one buyer at the same moment give him one card.
func TestSameBuyerAtTheSameTime(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		_, err := w.hub.AddAccount(t.Context(), "second", fakeName, "", map[string]string{"token": "other-secret"})
		w.must(err)
		const n = 40
		errs := make(chan error, 2)
		for _, account := range []string{acct, "second"} {
			var raws []store.Raw
			for i := range n {
				it := itemOf(bought(fmt.Sprint("o-", i), "Иван Петров", fmt.Sprintf("+7900123%04d", i), fmt.Sprintf("b%d@example.org", i)))
				raws = append(raws, store.Raw{Kind: it.Kind, ExternalID: it.ExternalID, Body: it.Body})
			}
			w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error {
				_, err := tx.SaveRaw(t.Context(), account, "test", w.clock.now(), raws)
				return err
			}))
		}
		for _, account := range []string{acct, "second"} {
			go func() { errs <- w.hub.AcceptPending(t.Context(), account) }()
		}
		w.must(<-errs)
		w.must(<-errs)
		page, _, err := w.store.ListCards(t.Context(), store.CardFilter{Limit: 200})
		w.must(err)
		if len(page) != n {
			t.Errorf("%d cards for %d buyers", len(page), n)
		}
		for _, tree := range page {
			if tree.Orders != 2 {
				t.Errorf("card %d has %d orders, want 2", tree.Root.ID, tree.Orders)
			}
		}
	}, func(_ *fake, opts *Options) { opts.Batch = 8 })
}

func TestFindCustomers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(bought("1", "Пётр Семёнов", "+79001234567", "petr@example.org"), bought("2", "Анна Семёнова", "+79007654321", ""), bought("3", "Анна К.", "", "anna@example.org"))
		_, err := w.hub.ChangeCustomer(t.Context(), w.buyer("3"), CustomerChange{Name: ptr("Анна Королёва"), Tags: ptr([]string{"VIP", " опт "})})
		w.must(err)
		for _, tc := range []struct {
			text, tag string
			want      []string
		}{
			{"", "", []string{"3", "2", "1"}},
			{"8 (900) 123-45-67", "", []string{"1"}},
			{"+7 900 123 45 67", "", []string{"1"}},
			{"900123", "", []string{"1"}},
			{"8900765", "", []string{"2"}},
			{"PETR@EXAMPLE.ORG", "", []string{"1"}},
			{"petr", "", []string{"1"}},
			{"семенов", "", []string{"2", "1"}},
			{"анна семенова", "", []string{"2"}},
			{"королева", "", []string{"3"}},
			{"никто", "", nil},
			{"", "vip", []string{"3"}},
			{"анна", "опт", []string{"3"}},
			{"пётр", "опт", nil},
		} {
			var got, want []int64
			page, _, err := w.hub.FindCustomers(t.Context(), tc.text, store.CardFilter{Tag: tc.tag})
			w.must(err)
			for _, tree := range page {
				got = append(got, tree.Root.ID)
			}
			for _, id := range tc.want {
				want = append(want, w.buyer(id))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q %q: %v, want %v", tc.text, tc.tag, got, want)
			}
		}
		var all []int64
		for cursor := ""; ; {
			page, next, err := w.hub.FindCustomers(t.Context(), "", store.CardFilter{Limit: 1, Cursor: cursor})
			w.must(err)
			all = append(all, page[0].Root.ID)
			if cursor = next; next == "" {
				break
			}
		}
		if len(all) != 3 {
			t.Errorf("page by page: %v", all)
		}
		_, _, err = w.hub.FindCustomers(t.Context(), "", store.CardFilter{Cursor: "x"})
		wantCode(t, err, orderhub.CodeInvalid, "cursor")
	})
}

func ptr[T any](v T) *T { return &v }

// Orders that were here before the cards get them, in steps that can be killed.
func TestBackfill(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		var items []channel.Item
		for i := range 23 {
			items = append(items, itemOf(bought(fmt.Sprint("o-", i), "Иван", fmt.Sprintf("+7900123%04d", i/2), "")))
		}
		w.save(items...)
		w.accept()
		// As if they had come before the migration.
		for _, sql := range []string{
			"UPDATE orders SET customer_id = 0", "DELETE FROM customer_keys", "DELETE FROM customers",
			"UPDATE customer_cursors SET position = 0, until = (SELECT MAX(id) FROM orders) WHERE name = 'backfill'",
		} {
			w.sql(sql, sql)
		}
		if due, err := w.store.CardsDue(t.Context()); err != nil || !due {
			t.Fatalf("nothing is due: %v", err)
		}
		w.take(bought("new", "Иван", "+79001230000", "")) // meanwhile
		lost := store.Lease{Name: cardsLane.String(), Owner: "x", Token: 9}
		if err := w.hub.tendCards(t.Context(), lost); err == nil {
			t.Error("worked without its lease")
		}
		w.must(w.hub.tendCards(t.Context(), store.Lease{}))
		if w.buyer("new") != w.buyer("o-0") || w.buyer("o-0") != w.buyer("o-1") || w.buyer("o-2") != w.buyer("o-3") || w.buyer("o-22") == 0 {
			t.Errorf("cards: %d, %d, %d, %d", w.buyer("new"), w.buyer("o-0"), w.buyer("o-1"), w.buyer("o-22"))
		}
		page, _, err := w.store.ListCards(t.Context(), store.CardFilter{Limit: 200})
		w.must(err)
		if len(page) != 12 {
			t.Errorf("%d cards, want 12", len(page))
		}
		if due, err := w.store.CardsDue(t.Context()); err != nil || due {
			t.Errorf("still due: %v, %v", due, err)
		}
	}, func(_ *fake, opts *Options) { opts.Batch = 5 })
}
