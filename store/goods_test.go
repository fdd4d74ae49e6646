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

func listings(t testing.TB, s *store.Store, account string, list ...orderhub.Listing) []orderhub.Listing {
	t.Helper()
	if err := s.InTx(t.Context(), func(tx *store.Tx) error { return tx.SaveListings(t.Context(), account, list, time.Now()) }); err != nil {
		t.Fatal(err)
	}
	out, err := s.ListListings(t.Context(), store.ListingFilter{Accounts: []string{account}, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func shopAccount(t testing.TB, s *store.Store) {
	t.Helper()
	a := orderhub.Account{ID: "shop", Channel: "site", State: orderhub.AccountActive, HookKey: "k"}
	if _, err := s.CreateAccount(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		products(t, s, orderhub.Product{SKU: "A"}, orderhub.Product{SKU: "B"})
		for i, kind := range []orderhub.MoveKind{orderhub.MoveCount, orderhub.MoveReceive, orderhub.MoveReceive} {
			if err := post(t, s, kind, store.DocumentLine{SKU: "B", Quantity: int64(i)}, store.DocumentLine{SKU: "A", Quantity: 4}); err != nil {
				t.Fatal(err)
			}
		}
		list, err := s.ListDocuments(t.Context(), store.DocumentFilter{Limit: 2})
		if err != nil || len(list) != 2 || list[0].ID <= list[1].ID || list[0].Lines != nil {
			t.Fatalf("the newest two: %+v, %v", list, err)
		}
		rest, err := s.ListDocuments(t.Context(), store.DocumentFilter{Before: list[1].ID, Limit: 2})
		if err != nil || len(rest) != 1 || rest[0].Kind != orderhub.MoveCount {
			t.Errorf("the rest: %+v, %v", rest, err)
		}
		if of, err := s.ListDocuments(t.Context(), store.DocumentFilter{Kind: orderhub.MoveCount, Limit: 9}); err != nil || len(of) != 1 {
			t.Errorf("counts: %+v, %v", of, err)
		}
		d, err := s.Document(t.Context(), list[0].ID)
		want := []store.DocumentLine{{SKU: "B", Quantity: 2, Before: 1}, {SKU: "A", Quantity: 4, Before: 8}}
		if err != nil || !slices.Equal(d.Lines, want) || d.Actor != person || d.At.IsZero() {
			t.Errorf("one with its lines: %+v, %v", d, err)
		}
		if _, err := s.Document(t.Context(), 999); orderhub.CodeOf(err) != orderhub.CodeNotFound {
			t.Errorf("none: %v", err)
		}
	})
}

func TestSuggest(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		shopAccount(t, s)
		products(t, s,
			orderhub.Product{SKU: "CUP-1", Name: "Чашка большая синяя"}, orderhub.Product{SKU: "CUP-12", Name: "x"},
			orderhub.Product{SKU: "Z", Name: "Чашка большая красная"}, orderhub.Product{SKU: "BAR", Name: "y", Barcodes: []string{"460", "461"}},
			orderhub.Product{SKU: "BAR-2", Name: "y", Barcodes: []string{"460"}}, orderhub.Product{SKU: "CUP-OLD", Archived: true}, orderhub.Product{SKU: "ABC"})
		for i := range 8 {
			products(t, s, orderhub.Product{SKU: fmt.Sprintf("SAME-%d", i)})
		}
		list := listings(t, s, "shop",
			orderhub.Listing{Key: "1", Article: "CUP-12", Name: "Чашка большая синяя", Barcodes: []string{"460"}},
			orderhub.Listing{Key: "2", Article: "SAME-3x"}, orderhub.Listing{Key: "3", Article: "ABC'%", Name: `"`}, orderhub.Listing{Key: "4"})
		got, err := s.Suggest(t.Context(), list, 5)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{
			"BAR:barcode BAR-2:barcode CUP-12:article CUP-1:sku_alike Z:name_alike",
			"SAME-3:sku_alike SAME-0:sku_alike SAME-1:sku_alike SAME-2:sku_alike SAME-4:sku_alike", "", "",
		} {
			var words []string
			for _, g := range got[list[i].ID] {
				words = append(words, g.SKU+":"+string(g.Why))
			}
			if text := strings.Join(words, " "); text != want {
				t.Errorf("listing %s: %q, want %q", list[i].Key, text, want)
			}
		}
		if none, err := s.Suggest(t.Context(), nil, 5); err != nil || len(none) > 0 {
			t.Errorf("for no listings: %v, %v", none, err)
		}
	})
}

func TestChangedStock(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		products(t, s, orderhub.Product{SKU: "A"}, orderhub.Product{SKU: "B"})
		products(t, s, orderhub.Product{SKU: "KIT", Components: []orderhub.Component{{SKU: "B", Quantity: 2}}})
		mark := func() store.Mark {
			m, err := s.StockMark(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		changed := func(since store.Mark, after string) string {
			skus, err := s.ChangedStock(t.Context(), "", since, after, 10)
			if err != nil {
				t.Fatal(err)
			}
			return strings.Join(skus, " ")
		}
		start := mark()
		if err := post(t, s, orderhub.MoveReceive, store.DocumentLine{SKU: "A", Quantity: 3}); err != nil {
			t.Fatal(err)
		}
		second := mark()
		if err := post(t, s, orderhub.MoveReceive, store.DocumentLine{SKU: "B", Quantity: 3}); err != nil {
			t.Fatal(err)
		}
		late := second
		late.Seen-- // a move with a lower number that was not visible then
		for what, got := range map[string][2]string{
			"everything":           {changed(start, ""), "A B KIT"},
			"behind A":             {changed(start, "A"), "B KIT"},
			"the second":           {changed(second, ""), "B KIT"},
			"one came late":        {changed(late, ""), "A B KIT"},
			"nothing since":        {changed(mark(), ""), ""},
			"the number of a move": {changed(store.Mark{Last: 1}, ""), "A B KIT"},
		} {
			if got[0] != got[1] {
				t.Errorf("%s: %q, want %q", what, got[0], got[1])
			}
		}
	})
}

func TestChangedFigures(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		shopAccount(t, s)
		products(t, s, orderhub.Product{SKU: "A"}, orderhub.Product{SKU: "B"})
		list := listings(t, s, "shop", orderhub.Listing{Key: "1"}, orderhub.Listing{Key: "2"})
		begin := time.Now()
		wanted := func(i int, sku string, at time.Time) {
			t.Helper()
			if err := s.InTx(t.Context(), func(tx *store.Tx) error {
				if err := tx.Link(t.Context(), sku, orderhub.LinkedByPerson, list[i].ID); err != nil {
					return err
				}
				return tx.SavePublications(t.Context(), []*store.Publication{{ListingID: list[i].ID, State: store.PublicationIntent, Wanted: 1, WantedAt: at}})
			}); err != nil {
				t.Fatal(err)
			}
		}
		mark := func() store.Mark {
			m, err := s.StockMark(t.Context(), "shop")
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		if m := mark(); m != (store.Mark{}) {
			t.Errorf("before anything: %+v", m)
		}
		wanted(0, "A", begin)
		one := mark()
		wanted(1, "B", begin.Add(-time.Second)) // visible late
		two := mark()
		if one == two || one.Last != two.Last {
			t.Errorf("a late figure does not show: %+v %+v", one, two)
		}
		skus, err := s.ChangedStock(t.Context(), "shop", one, "", 10)
		if err != nil || !slices.Contains(skus, "B") {
			t.Errorf("changed: %v, %v", skus, err)
		}
		if m, err := s.StockMark(t.Context(), "nobody"); err != nil || m != (store.Mark{}) {
			t.Errorf("another account: %+v, %v", m, err)
		}
		if err := s.InTx(t.Context(), func(tx *store.Tx) error { return tx.Link(t.Context(), "", orderhub.LinkedByPerson, list[0].ID) }); err != nil {
			t.Fatal(err)
		}
		if left, err := s.PublicationsOf(t.Context(), []int64{list[0].ID}); err != nil || len(left) > 0 {
			t.Errorf("an untied listing is still to be shown: %v, %v", left, err)
		}
	})
}

// TestTextIsNoPattern: what people search for is text.
func TestTextIsNoPattern(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		shopAccount(t, s)
		products(t, s, orderhub.Product{SKU: "A", Name: "скидка 50% a_b!c"}, orderhub.Product{SKU: "B", Name: `plain\`})
		listings(t, s, "shop", orderhub.Listing{Key: "1", Name: "скидка 50% a_b!c"}, orderhub.Listing{Key: "2", Name: `plain\`})
		for text, want := range map[string]int{"50%": 1, "%": 1, "a_b": 1, "axb": 0, "_": 1, "!": 1, `\`: 1, "l": 1, "'": 0, "скид": 1} {
			p, err := s.ListProducts(t.Context(), store.ProductFilter{Text: text, Limit: 10})
			if err != nil || len(p) != want {
				t.Errorf("products with %q: %d, want %d: %v", text, len(p), want, err)
			}
			l, err := s.ListListings(t.Context(), store.ListingFilter{Text: text, Limit: 10})
			if err != nil || len(l) != want {
				t.Errorf("listings with %q: %d, want %d: %v", text, len(l), want, err)
			}
		}
	})
}

func TestLockProducts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		products(t, s, orderhub.Product{SKU: "A", Name: "a", Barcodes: []string{"1"}}, orderhub.Product{SKU: "B", Archived: true})
		err := s.InTx(t.Context(), func(tx *store.Tx) error {
			got, err := tx.LockProducts(t.Context(), []string{"A", "B", "C"})
			if len(got) != 2 || got["A"].Name != "a" || len(got["A"].Barcodes) != 1 || !got["B"].Archived {
				t.Errorf("%+v", got)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
