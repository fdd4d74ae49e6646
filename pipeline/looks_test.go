package pipeline

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// TestPausedWhileDraining: nothing is sent any more once the account is paused.
func TestPausedWhileDraining(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 9, "B": 9, "C": 9})
		w.offer()
		w.must(w.hub.publish(t.Context(), w.account(), store.Lease{})) // what is shown is read first
		w.must(w.hub.planFigures(t.Context(), store.Lease{}))
		w.fake.script(func(f *fake) {
			f.counter.onStock = func(figures []channel.StockFigure) ([]channel.StockResult, error) {
				if len(f.counter.calls) == 1 {
					if err := w.hub.SetAccountState(context.Background(), acct, orderhub.AccountPaused); err != nil {
						t.Error(err)
					}
				}
				return f.take(figures), nil
			}
		})
		w.must(w.hub.publish(t.Context(), w.account(), store.Lease{}))
		if n := len(w.fake.counter.calls); n != 1 {
			t.Errorf("paused during the first call; %d calls were made: %q", n, w.fake.counter.calls)
		}
	}, stocked, func(f *fake, _ *Options) { f.desc.Stock.Batch = 1 })
}

// TestLooksStarve: looks whose pause grew do not keep others from being looked at.
func TestLooksStarve(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		figures := map[string]int64{}
		var offers []orderhub.Listing
		for i := range 520 {
			sku := fmt.Sprintf("N%03d", i)
			figures[sku] = 5
			offers = append(offers, orderhub.Listing{Key: "k" + sku, Article: sku, Live: true})
		}
		w.stock(figures)
		w.offers(offers...)
		// Counted a moment ago, before the catalogue was read.
		w.hub.mu.Lock()
		w.hub.shown, w.hub.shownAt = map[string]int64{acct: 0}, time.Now()
		w.hub.mu.Unlock()
		w.publish()
		pubOf := func(key string) *store.Publication {
			ls, err := w.store.ListListings(t.Context(), store.ListingFilter{Text: key, Limit: 1})
			w.must(err)
			m, err := w.store.PublicationsOf(t.Context(), []int64{ls[0].ID})
			w.must(err)
			return m[ls[0].ID]
		}
		p := pubOf("kN000")
		if p.State != store.PublicationConfirmed || !p.Settled {
			t.Fatalf("%+v", p)
		}
		w.hub.mu.Lock()
		w.hub.shown = nil // a minute later
		w.hub.mu.Unlock()
		w.clock.add(11 * time.Minute)
		w.stock(map[string]int64{"N519": 2})
		from := w.clock.now()
		for range 8 {
			w.must(w.hub.planFigures(t.Context(), store.Lease{}))
			w.must(w.hub.publish(t.Context(), w.account(), store.Lease{}))
			w.read()
			w.clock.add(11 * time.Second)
		}
		if p := pubOf("kN519"); p.State != store.PublicationConfirmed || !p.Settled {
			t.Errorf("%s after it was sent kN519 is %s (next %s, now %s); listings due and passed over before it", w.clock.now().Sub(from), p.State, p.NextAt, w.clock.now())
		}
	}, stocked, func(f *fake, _ *Options) { f.desc.Stock.ReadBatch = 1; f.desc.Stock.Batch = 1000 })
}

// TestAcceptForgetsACount: a figure that is accepted from somebody else does not hide a count.
func TestAcceptForgetsACount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.must(w.hub.SetAccountStock(t.Context(), acct, store.AccountStock{SecondWriter: "accept"}))
		w.stock(map[string]int64{"A": 9})
		w.offer()
		w.publish()
		w.fake.script(func(f *fake) { f.counter.shown["kA"] = 6 })
		w.clock.add(lookEvery)
		// only the account's lane, the planner is busy elsewhere
		for i := range 12 {
			w.must(w.hub.publish(t.Context(), w.account(), store.Lease{}))
			w.read()
			if i == 1 {
				w.stock(map[string]int64{"A": 2}) // a stocktake
			}
			w.clock.add(11 * time.Second)
			if !w.pub("kA").ForeignAt.IsZero() {
				break
			}
		}
		if w.pub("kA").ForeignAt.IsZero() {
			t.Fatalf("%+v", w.pub("kA"))
		}
		for range 20 {
			w.publish()
			w.clock.add(10 * time.Minute)
		}
		if n := w.shown("kA"); n != 2 {
			t.Errorf("2 are available for hours, shown %d, stated exposure %d, %+v", n, w.figure("A").Exposure, w.pub("kA"))
		}
	}, stocked)
}

// TestNightOfErrors: a night in which nothing can be read does not count as read.
func TestNightOfErrors(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5, "B": 5})
		w.offer()
		w.publish()
		w.fake.script(func(f *fake) { f.counter.readErr = orderhub.NewBorderError(orderhub.ClassAuth, "op", "wrong key", nil) })
		w.must(w.hub.reconcile(t.Context(), w.account(), store.Lease{}))
		w.must(w.hub.ReconcileStock(t.Context(), acct))
		w.must(w.hub.reconcile(t.Context(), w.account(), store.Lease{}))
		pos, err := w.store.Feed(t.Context(), acct, ReconcileFeed)
		w.must(err)
		if !pos.ConfirmedAt.IsZero() {
			t.Errorf("every read failed, the night is confirmed: %+v, %+v, problem %q", pos, w.freshness().Stock.Reconciled, w.freshness().Problem)
		}
	}, stocked)
}

// TestOffAlarms: listings that somebody else writes on purpose raise no alarm.
func TestOffAlarms(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5})
		w.offer()
		w.publish()
		_, err := w.hub.SetPublish(t.Context(), w.listing("kA").ID, orderhub.Publish{Mode: orderhub.PublishOff})
		w.must(err)
		w.publish()
		w.fake.script(func(f *fake) { f.counter.shown["kA"] = 30 }) // the shop writes it itself now
		for range 4 {
			w.clock.add(lookEvery)
			w.publish()
		}
		if f := w.freshness(); f.Problem != "" {
			t.Errorf("off, and yet: %q, %q", f.Problem, w.pub("kA").Error)
		}
	}, stocked)
}

// TestSaleDuringTheLastLook: a sale made during a look is not struck off twice.
func TestSaleDuringTheLastLook(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.must(w.hub.SetOversell(t.Context(), orderhub.OversellStrict))
		w.stock(map[string]int64{"A": 9})
		w.offer()
		w.must(w.hub.planFigures(t.Context(), store.Lease{}))
		reads := 0
		w.fake.script(func(f *fake) {
			f.counter.onStock = func(figures []channel.StockFigure) ([]channel.StockResult, error) {
				out := f.take(figures)
				f.counter.shown["kA"] = 6 // it holds units back
				return out, nil
			}
			f.counter.hides = func(_ string, n int64) int64 {
				if reads++; reads != checksOfFigure {
					return n
				}
				w.clock.add(50 * time.Millisecond)
				s := with(snap("s1", orderhub.StatusNew), func(s *orderhub.Snapshot) {
					s.PlacedAt = w.clock.now()
					s.Lines = []orderhub.Line{{SKU: "A", ListingKey: "kA", Quantity: 1}}
				})
				f.ids, f.books["s1"] = append(f.ids, "s1"), s
				f.counter.shown["kA"]--
				return n - 1
			}
		})
		for range 12 {
			w.must(w.hub.publish(t.Context(), w.account(), store.Lease{}))
			w.read()
			w.clock.add(11 * time.Second)
			if p := w.pub("kA"); p.Settled && p.Exposure < w.shown("kA") {
				t.Fatalf("shown %d, the hub believes that %d can be sold: %+v", w.shown("kA"), p.Exposure, p)
			}
		}
	}, stocked)
}

// TestSaleDuringTheLastLookOversells: nor does a second listing sell the unit again.
func TestSaleDuringTheLastLookOversells(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.must(w.hub.SetOversell(t.Context(), orderhub.OversellStrict))
		w.stock(map[string]int64{"A": 18})
		w.offers(orderhub.Listing{Key: "kA", Article: "x", Live: true}, orderhub.Listing{Key: "k2", Article: "y", Live: true})
		for _, k := range []string{"kA", "k2"} {
			_, err := w.hub.LinkListing(t.Context(), w.listing(k).ID, "A")
			w.must(err)
		}
		w.must(w.hub.planFigures(t.Context(), store.Lease{}))
		reads, slow := 0, true
		w.fake.script(func(f *fake) {
			f.counter.onStock = func(figures []channel.StockFigure) ([]channel.StockResult, error) {
				out := f.take(figures)
				if slow {
					f.counter.shown["kA"] = 6 // it holds units back, as Ozon and WB may
				}
				return out, nil
			}
			f.counter.hides = func(key string, n int64) int64 {
				if key != "kA" {
					return n
				}
				if reads++; reads != checksOfFigure {
					return n
				}
				slow = false
				w.clock.add(50 * time.Millisecond)
				s := with(snap("s1", orderhub.StatusNew), func(s *orderhub.Snapshot) {
					s.PlacedAt = w.clock.now()
					s.Lines = []orderhub.Line{{SKU: "A", ListingKey: "kA", Quantity: 1}}
				})
				f.ids, f.books["s1"] = append(f.ids, "s1"), s
				f.counter.shown["kA"]--
				return n - 1
			}
		})
		for range 80 {
			w.must(w.hub.planFigures(t.Context(), store.Lease{}))
			w.must(w.hub.publish(t.Context(), w.account(), store.Lease{}))
			w.read()
			w.clock.add(11 * time.Second)
			if a, b, n := w.shown("kA"), w.shown("k2"), w.figure("A").Available(); a+b > n {
				t.Fatalf("strict, %d available: kA shows %d, k2 shows %d", n, a, b)
			}
		}
	}, stocked)
}

// TestFailedLookDelaysADecrease: a look that fails does not hold back a figure that was worked out meanwhile.
func TestFailedLookDelaysADecrease(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 9})
		w.offer()
		w.publish()
		w.clock.add(lookEvery)
		w.stock(map[string]int64{"A": 2})
		be := orderhub.NewBorderError(orderhub.ClassRateLimited, "op", "too many reads", nil)
		be.RetryAfter = time.Minute
		w.fake.script(func(f *fake) {
			f.counter.readErr = be
			f.counter.onRead = func() { // the planner's lane, meanwhile
				if err := w.hub.planFigures(context.Background(), store.Lease{}); err != nil {
					t.Error(err)
				}
			}
		})
		w.must(w.hub.publish(t.Context(), w.account(), store.Lease{}))
		w.must(w.hub.publish(t.Context(), w.account(), store.Lease{}))
		if p := w.pub("kA"); w.shown("kA") != 2 {
			t.Errorf("a decrease from 9 to 2 waits %s because a read was refused: %s, calls %q", p.NextAt.Sub(w.clock.now()), p.State, w.fake.counter.calls)
		}
	}, stocked)
}
