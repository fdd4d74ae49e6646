package store_test

import (
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

func sampleReturn(account, id string, order int64) *orderhub.Return {
	r := &orderhub.Return{AccountID: account, Channel: "ozon", OrderID: order}
	orderhub.MergeReturn(r, orderhub.ReturnPart{RawID: 5, RawKind: "return_v1", ReadAt: time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC), Snapshot: orderhub.ReturnSnapshot{
		ExternalID: id, Part: "goods", OrderID: "P-1", Kind: orderhub.ReturnCustomer, State: orderhub.ReturnAtPickup, Native: "ArrivedAtReturnPlace",
		PickUpBy: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Lines: []orderhub.ReturnLine{{SKU: "A", Quantity: 2}},
		Attrs: map[string]string{"source_id": "1"},
	}})
	return r
}

func saveReturns(t *testing.T, s *store.Store, list ...*orderhub.Return) error {
	t.Helper()
	return s.InTx(t.Context(), func(tx *store.Tx) error { return tx.SaveReturns(t.Context(), list) })
}

func TestReturnRoundTrip(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		newAccount(t, s, "a")
		r := sampleReturn("a", "R1", 0)
		if err := saveReturns(t, s, r); err != nil {
			t.Fatal(err)
		}
		r.Goods = []orderhub.ReturnedGoods{{SKU: "A", Quantity: 2, Quarantined: 1, WrittenOff: 1}}
		r.OrderID, r.Discrepancy = 7, "something"
		r.Receive(time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC), orderhub.Actor{Kind: orderhub.ActorUser, Name: "olga"})
		if err := saveReturns(t, s, r); err != nil {
			t.Fatal(err)
		}
		got, err := s.Return(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.State != orderhub.ReturnReceived || got.OrderID != 7 || got.Version != 2 || len(got.Parts) != 1 || got.Parts[0].RawID != 5 || got.Goods[0] != r.Goods[0] ||
			got.ReceivedBy != r.ReceivedBy || !got.ReceivedAt.Equal(r.ReceivedAt) || got.Snapshot.Attrs["source_id"] != "1" || got.Discrepancy != "something" {
			t.Errorf("read back: %+v", got)
		}
		if err := saveReturns(t, s, sampleReturn("a", "R1", 0)); !store.IsConflict(err) {
			t.Errorf("the same return twice: %v", err)
		}
		_, err = s.Return(t.Context(), 99)
		if orderhub.CodeOf(err) != orderhub.CodeNotFound {
			t.Errorf("no such return: %v", err)
		}
	})
}

func TestListReturns(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		newAccount(t, s, "a")
		newAccount(t, s, "b")
		one, two, three := sampleReturn("a", "R1", 1), sampleReturn("a", "R2", 2), sampleReturn("b", "R3", 0)
		two.Snapshot.State = orderhub.ReturnClosed
		two.Settle()
		three.Snapshot.Kind = orderhub.ReturnDefect
		three.Snapshot.Actions = []orderhub.ReturnAction{{Code: "x"}}
		if err := saveReturns(t, s, one, two, three); err != nil {
			t.Fatal(err)
		}
		for name, tt := range map[string]struct {
			f    store.ReturnFilter
			want int
		}{
			"all":        {store.ReturnFilter{}, 3},
			"account":    {store.ReturnFilter{AccountID: "a"}, 2},
			"state":      {store.ReturnFilter{State: orderhub.ReturnClosed}, 1},
			"kind":       {store.ReturnFilter{Kind: orderhub.ReturnDefect}, 1},
			"order":      {store.ReturnFilter{Order: 1}, 1},
			"open":       {store.ReturnFilter{Open: true}, 2},
			"waiting":    {store.ReturnFilter{Waiting: true}, 1},
			"deadline":   {store.ReturnFilter{DeadlineBefore: time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC)}, 2},
			"no more so": {store.ReturnFilter{DeadlineBefore: time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)}, 0},
			"continued":  {store.ReturnFilter{Before: three.ID}, 2},
		} {
			tt.f.Limit = 10
			list, err := s.ListReturns(t.Context(), tt.f)
			if err != nil || len(list) != tt.want {
				t.Errorf("%s: %d, %v; want %d", name, len(list), err, tt.want)
			}
		}
	})
}

// TestNeverMoreBackThanLeft: the database refuses what the code would have to get
// wrong first.
func TestNeverMoreBackThanLeft(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		newAccount(t, s, "a")
		for _, g := range []orderhub.ReturnedGoods{
			{SKU: "A", Quantity: 2, Restocked: 1, Quarantined: 1, WrittenOff: 1},
			{SKU: "A", Quantity: 2, Restocked: -1},
		} {
			r := sampleReturn("a", "R1", 1)
			r.Goods = []orderhub.ReturnedGoods{g}
			if saveReturns(t, s, r) == nil {
				t.Errorf("%+v was written", g)
			}
		}
		err := s.InTx(t.Context(), func(tx *store.Tx) error {
			return tx.SaveProducts(t.Context(), []orderhub.Product{{SKU: "A"}})
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.ForceReturned(t.Context(), 1, "A", 2, 3); err == nil {
			t.Error("3 of 2 units came back")
		}
		if err := s.ForceReturned(t.Context(), 1, "A", 2, 2); err != nil {
			t.Errorf("2 of 2 units: %v", err)
		}
	})
}
