package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// freshness is how near the figures of the account are.
func (w *world) freshness() Freshness {
	w.t.Helper()
	list, err := w.hub.Freshness(w.t.Context())
	w.must(err)
	return list[0]
}

// TestLagFollowsTheChannel: a channel that showed an old figure for long is given
// twice as long from then on.
func TestLagFollowsTheChannel(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 9})
		w.offer()
		w.publish()
		if f := w.freshness().Stock; f.Lag != 10*time.Second || f.Took.Figures != 1 || f.Took.Late != 0 || f.Took.Mean() < 10*time.Second {
			t.Fatalf("a channel that shows figures at once: %+v", f)
		}
		old := w.clock.now().Add(30 * time.Second)
		w.fake.script(func(f *fake) {
			f.counter.hides = func(_ string, shown int64) int64 {
				if w.clock.now().Before(old) {
					return 9 // a replica that lags
				}
				return shown
			}
		})
		w.stock(map[string]int64{"A": 2})
		w.publish()
		p, f := w.pub("kA"), w.freshness().Stock
		if p.State != store.PublicationConfirmed || p.Sent != 2 || p.Late < 20*time.Second || p.Took < p.Late {
			t.Errorf("the figure: %+v", p)
		}
		if f.Took.Late != p.Late || f.Lag != 2*p.Late || f.Took.Figures != 2 || f.Took.Longest != p.Took {
			t.Errorf("measured %+v, lag %s; the figure was late by %s and took %s", f.Took, f.Lag, p.Late, p.Took)
		}
		w.clock.add(26 * time.Hour)
		if f := w.freshness().Stock; f.Lag != 10*time.Second {
			t.Errorf("a day later the lag is %s", f.Lag)
		}
	}, stocked)
}

// TestUncertainFigure: a figure that cannot be confirmed is called so, and sent
// again.
func TestUncertainFigure(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5})
		w.offer()
		w.fake.script(func(f *fake) { f.counter.hides = func(string, int64) int64 { return -1 } })
		seen := false
		for range 20 {
			w.publish()
			seen = seen || w.freshness().Stock.States[store.PublicationUncertain] == 1
		}
		if p := w.pub("kA"); !seen || p.State == store.PublicationConfirmed || len(w.fake.counter.calls) < 2 {
			t.Errorf("seen as uncertain %v, now %+v, calls %q", seen, p, w.fake.counter.calls)
		}
		w.fake.script(func(f *fake) { f.counter.hides = nil })
		for range 4 {
			w.publish()
			w.clock.add(10 * time.Minute)
		}
		if p := w.pub("kA"); p.State != store.PublicationConfirmed || !p.Settled || p.Exposure != 5 {
			t.Errorf("once it can be read: %+v", p)
		}
	}, stocked)
}

// TestSomebodyLowersFigures: found after two looks, shown to people, and put right
// as the account says.
func TestSomebodyLowersFigures(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]int64{"overwrite": 9, "accept": 4, "stop": 4} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.must(w.hub.SetAccountStock(t.Context(), acct, store.AccountStock{SecondWriter: rule}))
				w.stock(map[string]int64{"A": 9, "B": 3})
				w.offer()
				w.publish()
				w.fake.script(func(f *fake) { f.counter.shown["kA"] = 4 })
				w.clock.add(lookEvery)
				for range 4 {
					w.publish()
				}
				p, f := w.pub("kA"), w.freshness()
				if w.shown("kA") != want || p.ForeignShown != 4 || p.ForeignAt.IsZero() || !strings.Contains(f.Problem, "somebody else writes stock figures: 1 listing") {
					t.Errorf("shows %d, want %d; %+v; %q", w.shown("kA"), want, p, f.Problem)
				}
				if (p.State == store.PublicationStopped) != (rule == "stop") || !w.pub("kB").ForeignAt.IsZero() {
					t.Errorf("kA is %s, kB %+v", p.State, w.pub("kB"))
				}
				list, err := w.store.ListListings(t.Context(), store.ListingFilter{Foreign: w.clock.now().Add(-ForeignFor), Limit: 9})
				w.must(err)
				if len(list) != 1 || list[0].Key != "kA" {
					t.Errorf("listings with foreign figures: %+v", list)
				}
				w.stock(map[string]int64{"A": 7})
				for range 4 {
					w.publish()
				}
				if now := w.shown("kA"); (now == 7) != (rule != "stop") {
					t.Errorf("after the next change of the hub's own it shows %d", now)
				}
			}, stocked)
		})
	}
}

// TestSalesAreNoSecondWriter: figures that fall by sales, seen late and early, raise
// no alarm.
func TestSalesAreNoSecondWriter(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 60})
		w.offer()
		_, err := w.hub.SetPublish(t.Context(), w.listing("kA").ID, orderhub.Publish{Mode: orderhub.PublishFixed, Value: 50})
		w.must(err)
		w.publish()
		for i := range 30 {
			w.buy(fmt.Sprint("s", i), "A", 1)
			if i%3 == 0 {
				w.read()
			}
			w.clock.add(time.Duration(i) * time.Minute)
			w.publish()
		}
		if p := w.pub("kA"); !p.ForeignAt.IsZero() {
			t.Errorf("an alarm without a second writer: %+v", p)
		}
	}, stocked)
}

// TestNight reads every figure, page after page, and goes on where it was broken
// off.
func TestNight(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.hub.scale = 1e-9 // no pauses between pages; the nights are asked for
		figures := map[string]int64{}
		var offers []orderhub.Listing
		for i := range 25 {
			sku := fmt.Sprintf("N%02d", i)
			figures[sku] = int64(i + 1)
			offers = append(offers, orderhub.Listing{Key: "k" + sku, Article: sku, Live: true})
		}
		w.stock(figures)
		w.offers(offers...)
		w.hub.scale = 1
		w.publish()
		w.hub.scale = 1e-9
		reads := w.fake.counter.reads
		w.fake.script(func(f *fake) { f.counter.shown["kN03"], f.counter.shown["kN20"] = 1, 500 })
		lane := func() { w.must(w.hub.reconcile(t.Context(), w.account(), store.Lease{})) }
		lane() // the first look only sets the time of the night
		if w.fake.counter.reads != reads {
			t.Fatal("a new account is reconciled before its first night")
		}
		w.must(w.hub.ReconcileStock(t.Context(), acct))
		lane()
		f := w.freshness().Stock.Reconciled
		if f.Of != 25 || f.Differ != 2 || w.fake.counter.reads != reads+3 {
			t.Errorf("%+v, %d reads; want 25 listings in 3 pages of 10, 2 that differ", f, w.fake.counter.reads-reads)
		}
		i := slices.IndexFunc(w.freshness().Feeds, func(f FeedFreshness) bool { return f.Feed == ReconcileFeed })
		if feed := w.freshness().Feeds[i]; feed.Items != 25 || feed.Pages != 3 || feed.ConfirmedAt.IsZero() || !feed.SweepStartedAt.IsZero() {
			t.Errorf("the position %+v", feed)
		}
		w.hub.scale = 1
		for range 6 {
			w.publish()
		}
		if w.shown("kN03") != 4 || w.shown("kN20") != 21 {
			t.Errorf("after the night kN03 shows %d, kN20 %d", w.shown("kN03"), w.shown("kN20"))
		}
	}, func(f *fake, opts *Options) {
		stocked(f, opts)
		f.desc.Stock.ReadBatch = 10
	})
}

// TestOfferVanishes: what two whole readings of the catalogue do not show is not
// live any more and gets nothing.
func TestOfferVanishes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5, "B": 5})
		w.offer()
		w.publish()
		all := w.fake.counter.offers
		for i, live := range []bool{true, false} {
			w.clock.add(time.Hour)
			w.offers(all[1:]...)
			if l := w.listing("kA"); l.Live != live {
				t.Errorf("after %d readings without it: %+v", i+1, l)
			}
		}
		w.clock.add(time.Hour)
		w.offers(all...)
		if !w.listing("kA").Live || !w.listing("kB").Live {
			t.Error("shown again it is not live again")
		}
	}, stocked)
}
