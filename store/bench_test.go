package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

// The benchmarks of the paths that every order takes, in batches of 100. One
// operation is one batch. `orderhub bench` measures whole ways over a big ledger.

func eachEngine(b *testing.B, f func(b *testing.B, s *store.Store)) {
	b.Helper()
	for _, engine := range storetest.Engines() {
		b.Run(engine, func(b *testing.B) {
			s := storetest.Open(b, storetest.Config(b, engine))
			if _, err := s.CreateAccount(b.Context(), orderhub.Account{ID: "a", Channel: "demo", Name: "a"}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			f(b, s)
		})
	}
}

func BenchmarkSaveRaw(b *testing.B) {
	eachEngine(b, func(b *testing.B, s *store.Store) {
		for n := 0; b.Loop(); n++ {
			items := make([]store.Raw, 100)
			for i := range items {
				id := fmt.Sprint(n, "-", i)
				items[i] = store.Raw{Kind: "order", ExternalID: id, Body: fmt.Appendf(nil, `{"id":%q,"lines":[{"sku":"ART-%05d","qty":1}],"note":"%600d"}`, id, i, n)}
			}
			if err := s.InTx(b.Context(), func(tx *store.Tx) error {
				_, err := tx.SaveRaw(b.Context(), "a", "bench", s.Now(), items)
				return err
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkInsertOrders(b *testing.B) {
	eachEngine(b, func(b *testing.B, s *store.Store) {
		for n := 0; b.Loop(); n++ {
			insertOrders(b, s, n*100, 100)
		}
	})
}

func BenchmarkLockOrders(b *testing.B) {
	eachEngine(b, func(b *testing.B, s *store.Store) {
		insertOrders(b, s, 0, 5000)
		for n := 0; b.Loop(); n++ {
			ids := make([]string, 100)
			for i := range ids {
				ids[i] = fmt.Sprint("id-", (n*100+i)%10_000) // half of them unknown
			}
			if err := s.InTx(b.Context(), func(tx *store.Tx) error {
				_, err := tx.LockOrders(b.Context(), "a", ids)
				return err
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkListOrders(b *testing.B) {
	for name, f := range map[string]store.OrderFilter{
		"newest": {}, "status": {Statuses: []orderhub.Status{orderhub.StatusNew}}, "number": {Text: "id-77"}, "sku": {Text: "art-00001"},
	} {
		b.Run(name, func(b *testing.B) {
			eachEngine(b, func(b *testing.B, s *store.Store) {
				insertOrders(b, s, 0, 5000)
				for b.Loop() {
					if _, _, err := s.ListOrders(b.Context(), f); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

func insertOrders(b *testing.B, s *store.Store, from, n int) {
	b.Helper()
	changes := make([]store.Change, n)
	base := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for i := range changes {
		id := from + i
		price := orderhub.Roubles(450)
		o := &orderhub.Order{AccountID: "a", Channel: "demo", Headline: orderhub.StatusNew, Snapshot: orderhub.Snapshot{
			ExternalID: fmt.Sprint("id-", id), ExternalNumber: fmt.Sprint("N-", id), Status: orderhub.StatusNew, Native: "new",
			PlacedAt: base.Add(time.Duration(id) * time.Second), Customer: orderhub.Customer{Name: "Сорокина Вера", Phone: fmt.Sprintf("+7900%07d", id)},
		}}
		for j := range 2 {
			art := (id + j*7) % 500
			o.Snapshot.Lines = append(o.Snapshot.Lines, orderhub.Line{SKU: fmt.Sprintf("ART-%05d", art), Barcodes: []string{fmt.Sprintf("46%011d", art)},
				Name: "Термокружка", Quantity: 1, UnitPrice: price, Total: price})
		}
		changes[i] = store.Change{Order: o, Content: true}
	}
	if err := s.InTx(b.Context(), func(tx *store.Tx) error { return tx.InsertOrders(b.Context(), changes) }); err != nil {
		b.Fatal(err)
	}
}
