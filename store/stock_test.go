package store_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

var person = orderhub.Actor{Kind: orderhub.ActorUser, Name: "test"}

func products(t testing.TB, s *store.Store, list ...orderhub.Product) {
	t.Helper()
	if err := s.InTx(t.Context(), func(tx *store.Tx) error { return tx.SaveProducts(t.Context(), list) }); err != nil {
		t.Fatal(err)
	}
}

func post(t testing.TB, s *store.Store, kind orderhub.MoveKind, lines ...store.DocumentLine) error {
	t.Helper()
	return s.InTx(t.Context(), func(tx *store.Tx) error {
		return tx.PostDocument(t.Context(), &store.Document{Kind: kind, Warehouse: orderhub.MainWarehouse, Actor: person, Lines: lines})
	})
}

func claim(t testing.TB, s *store.Store, claims ...store.HolderClaim) map[int64]int64 {
	t.Helper()
	var short map[int64]int64
	if err := s.InTx(t.Context(), func(tx *store.Tx) (err error) {
		short, err = tx.ClaimStock(t.Context(), orderhub.MainWarehouse, claims, person)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return short
}

func figures(t testing.TB, s *store.Store, sku string) orderhub.Stock {
	t.Helper()
	got, err := s.StockOf(t.Context(), orderhub.MainWarehouse, []string{sku})
	if err != nil {
		t.Fatal(err)
	}
	return got[sku]
}

// TestClaims walks an order through its life and looks at the figures.
func TestClaims(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		products(t, s, orderhub.Product{SKU: "A"})
		if err := post(t, s, orderhub.MoveCount, store.DocumentLine{SKU: "A", Quantity: 5}); err != nil {
			t.Fatal(err)
		}
		later := time.Now().Add(time.Hour).UnixMicro()
		order := func(holder, n int64, c orderhub.Claim) store.HolderClaim {
			return store.HolderClaim{Holder: holder, Claim: c, Rank: later + holder, Needs: map[string]int64{"A": n}}
		}
		steps := []struct {
			what                string
			do                  store.HolderClaim
			short               int64
			onHand, reserved    int64
			consumed, unbackedN int64
		}{
			{"reserve", order(1, 2, orderhub.ClaimReserve), 0, 5, 2, 0, 0},
			{"again is nothing", order(1, 2, orderhub.ClaimReserve), 0, 5, 2, 0, 0},
			{"the second gets what is left", order(2, 4, orderhub.ClaimReserve), 1, 5, 5, 0, 0},
			{"fewer are wanted", order(1, 1, orderhub.ClaimReserve), 0, 5, 4, 0, 0},
			{"a newcomer does not pass those who wait", order(3, 1, orderhub.ClaimReserve), 1, 5, 4, 0, 0},
			{"cancelled", order(1, 1, orderhub.ClaimNone), 0, 5, 3, 0, 0},
			{"cancelled twice", order(1, 1, orderhub.ClaimNone), 0, 5, 3, 0, 0},
			{"handed over, the short one from what is free", order(2, 4, orderhub.ClaimConsumed), 0, 1, 0, 4, 0},
			{"handed over twice", order(2, 4, orderhub.ClaimConsumed), 0, 1, 0, 4, 0},
			{"cancelled after hand-over keeps the goods out", order(2, 4, orderhub.ClaimNone), 0, 1, 0, 4, 0},
			{"reserving after hand-over is nothing", order(2, 4, orderhub.ClaimReserve), 0, 1, 0, 4, 0},
			{"more left than there was", order(4, 3, orderhub.ClaimConsumed), 0, 0, 0, 1, 2},
			{"gone before the count", store.HolderClaim{Holder: 5, Claim: orderhub.ClaimConsumed, Rank: 1, Needs: map[string]int64{"A": 1}}, 0, 0, 0, 0, 0},
		}
		for _, step := range steps {
			if got := claim(t, s, step.do)[step.do.Holder]; got != step.short {
				t.Errorf("%s: short %d, want %d", step.what, got, step.short)
			}
			if f := figures(t, s, "A"); f.OnHand != step.onHand || f.Reserved != step.reserved {
				t.Errorf("%s: on hand %d reserved %d, want %d and %d", step.what, f.OnHand, f.Reserved, step.onHand, step.reserved)
			}
			demands, err := s.DemandsOf(t.Context(), step.do.Holder)
			if err != nil {
				t.Fatal(err)
			}
			if len(demands) > 0 && (demands[0].Consumed != step.consumed || demands[0].Unbacked != step.unbackedN) {
				t.Errorf("%s: consumed %d unbacked %d, want %d and %d", step.what, demands[0].Consumed, demands[0].Unbacked, step.consumed, step.unbackedN)
			}
		}
	})
}

// TestDocumentsRefuse: nothing half-done, and the sentence names what is wrong.
func TestDocumentsRefuse(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		products(t, s, orderhub.Product{SKU: "A"}, orderhub.Product{SKU: "B"})
		products(t, s, orderhub.Product{SKU: "KIT", Components: []orderhub.Component{{SKU: "A", Quantity: 2}}})
		line := func(sku string, n int64) store.DocumentLine { return store.DocumentLine{SKU: sku, Quantity: n} }
		if err := post(t, s, orderhub.MoveReceive, line("A", 3)); err != nil {
			t.Fatal(err)
		}
		for what, err := range map[string]error{
			"a kit":             post(t, s, orderhub.MoveCount, line("KIT", 1)),
			"no product":        post(t, s, orderhub.MoveCount, line("A", 9), line("X", 1)),
			"twice":             post(t, s, orderhub.MoveCount, line("A", 9), line("A", 1)),
			"below zero":        post(t, s, orderhub.MoveCount, line("A", -1)),
			"more than there":   post(t, s, orderhub.MoveWriteOff, line("B", 0), line("A", 4)),
			"not by document":   post(t, s, orderhub.MoveReserve, line("A", 1)),
			"unknown":           post(t, s, "lose", line("A", 1)),
			"out of quarantine": post(t, s, orderhub.MoveQuarantine, line("A", -1)),
		} {
			if orderhub.CodeOf(err) == "" {
				t.Errorf("%s: got %v, want a refusal", what, err)
			}
		}
		if f := figures(t, s, "A"); f.OnHand != 3 {
			t.Errorf("something was written: %+v", f)
		}
	})
}

// TestStockIdentities drives random operations and checks after each that the
// figures are the sum of the moves, that what is reserved is what the demands
// have, and that nobody has more than was needed.
func TestStockIdentities(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		skus := []string{"A", "B", "C"}
		for _, sku := range skus {
			products(t, s, orderhub.Product{SKU: sku})
		}
		const seed = 20261123
		r := rand.New(rand.NewPCG(seed, 1))
		future := time.Now().Add(time.Hour).UnixMicro()
		kinds := []orderhub.MoveKind{orderhub.MoveCount, orderhub.MoveReceive, orderhub.MoveRestock, orderhub.MoveQuarantine, orderhub.MoveWriteOff, orderhub.MoveExpect}
		for step := range 400 {
			var what string
			if r.IntN(4) == 0 {
				kind := kinds[r.IntN(len(kinds))]
				l := store.DocumentLine{SKU: skus[r.IntN(3)], Quantity: r.Int64N(14) - 2}
				err := post(t, s, kind, l)
				what = fmt.Sprint(kind, l, err)
				if err != nil && orderhub.CodeOf(err) == "" {
					t.Fatalf("seed %d step %d: %s", seed, step, what)
				}
			} else if r.IntN(6) == 0 {
				holders, err := s.ShortHolders(t.Context(), orderhub.MainWarehouse, 1+r.IntN(5))
				if err != nil {
					t.Fatal(err)
				}
				what = fmt.Sprint("allocate ", holders)
				if err := s.InTx(t.Context(), func(tx *store.Tx) error {
					_, err := tx.Allocate(t.Context(), orderhub.MainWarehouse, holders, person)
					return err
				}); err != nil {
					t.Fatalf("seed %d step %d: %s: %v", seed, step, what, err)
				}
			} else {
				var claims []store.HolderClaim
				for _, h := range r.Perm(12)[:1+r.IntN(4)] {
					needs := map[string]int64{}
					for _, i := range r.Perm(3)[:r.IntN(3)] {
						needs[skus[i]] = r.Int64N(5)
					}
					claims = append(claims, store.HolderClaim{Holder: int64(h + 1), Claim: orderhub.Claim(r.IntN(3)), Rank: future + int64(h), Needs: needs})
				}
				what = fmt.Sprint("claim ", claims)
				claim(t, s, claims...)
			}
			if err := identities(t, s, skus); err != nil {
				t.Fatalf("seed %d step %d: after %s: %v", seed, step, what, err)
			}
		}
	})
}

func identities(t *testing.T, s *store.Store, skus []string) error {
	t.Helper()
	reserved, left := map[string]int64{}, map[string]int64{}
	for h := range int64(13) {
		demands, err := s.DemandsOf(t.Context(), h)
		if err != nil {
			return err
		}
		for _, d := range demands {
			if d.Short() < 0 || d.Reserved < 0 || d.Consumed < 0 {
				return fmt.Errorf("demand %+v", d)
			}
			reserved[d.SKU] += d.Reserved
			left[d.SKU] += d.Consumed
		}
	}
	for _, sku := range skus {
		f := figures(t, s, sku)
		moves, err := s.Moves(t.Context(), orderhub.MainWarehouse, sku, 0, 10_000)
		if err != nil {
			return err
		}
		var sum orderhub.Stock
		consumed := int64(0)
		for _, m := range moves {
			sum = sum.Add(m)
			if m.Kind == orderhub.MoveConsume {
				consumed -= m.OnHand
			}
		}
		if sum.OnHand != f.OnHand || sum.Reserved != f.Reserved || sum.Quarantine != f.Quarantine || sum.Expected != f.Expected {
			return fmt.Errorf("%s: the figures are %+v, the moves sum up to %+v", sku, f, sum)
		}
		if f.Available() < 0 || f.Reserved != reserved[sku] || consumed != left[sku] {
			return fmt.Errorf("%s: figures %+v, demands have %d reserved and %d consumed, moves %d consumed", sku, f, reserved[sku], left[sku], consumed)
		}
	}
	return nil
}

// TestOneUnitManyBuyers: a thousand buyers at once, one of them gets it.
func TestOneUnitManyBuyers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		products(t, s, orderhub.Product{SKU: "LAST"})
		if err := post(t, s, orderhub.MoveCount, store.DocumentLine{SKU: "LAST", Quantity: 1}); err != nil {
			t.Fatal(err)
		}
		const buyers = 1000
		short := make([]int64, buyers)
		next := make(chan int64, buyers)
		for h := range int64(buyers) {
			next <- h + 1
		}
		close(next)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for h := range next {
					short[h-1] = claim(t, s, store.HolderClaim{Holder: h, Claim: orderhub.ClaimReserve, Rank: h, Needs: map[string]int64{"LAST": 1}})[h]
				}
			})
		}
		wg.Wait()
		got := 0
		for _, n := range short {
			if n == 0 {
				got++
			}
		}
		if f := figures(t, s, "LAST"); got != 1 || f.Reserved != 1 || f.Available() != 0 {
			t.Errorf("%d of %d buyers got the last one; figures %+v", got, buyers, f)
		}
	})
}
