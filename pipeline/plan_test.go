package pipeline

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/site"
	"github.com/orderhub/orderhub/store"
)

// TestPolicyLost: a policy that is set while the planner waits for the row is not lost.
func TestPolicyLost(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		if w.engine == "sqlite" {
			t.Skip("one writer")
		}
		w.stock(map[string]int64{"A": 9})
		w.offer()
		w.publish()
		id := w.listing("kA").ID
		w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error { return tx.MarkListings(t.Context(), []int64{id}) }))
		planned := make(chan error, 1)
		w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error {
			if err := tx.SetPublish(t.Context(), id, orderhub.Publish{Mode: orderhub.PublishFixed, Value: 0}); err != nil {
				return err
			}
			go func() { planned <- w.hub.planFigures(context.WithoutCancel(t.Context()), store.Lease{}) }()
			time.Sleep(700 * time.Millisecond) // it waits for our row
			return nil
		}))
		w.must(<-planned)
		for range 5 {
			w.publish()
		}
		if n := w.shown("kA"); n != 0 {
			t.Errorf("the listing was set to fixed 0; it shows %d, dirty %v", n, w.pub("kA").Dirty)
		}
	}, stocked)
}

// TestStrictLost: a product that becomes strict while the planner waits is planned so.
func TestStrictLost(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		if w.engine == "sqlite" {
			t.Skip("one writer")
		}
		w.stock(map[string]int64{"A": 9})
		w.offers(orderhub.Listing{Key: "k1", Article: "x", Live: true}, orderhub.Listing{Key: "k2", Article: "y", Live: true})
		for _, k := range []string{"k1", "k2"} {
			_, err := w.hub.LinkListing(t.Context(), w.listing(k).ID, "A")
			w.must(err)
		}
		w.publish()
		id := w.listing("k1").ID
		w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error { return tx.MarkListings(t.Context(), []int64{id}) }))
		planned := make(chan error, 1)
		w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error {
			if err := tx.SaveProducts(t.Context(), []orderhub.Product{{SKU: "A", Oversell: orderhub.OversellStrict}}); err != nil {
				return err
			}
			go func() { planned <- w.hub.planFigures(context.Background(), store.Lease{}) }()
			time.Sleep(700 * time.Millisecond)
			return nil
		}))
		w.must(<-planned)
		from := w.clock.now()
		for range 3 {
			w.publish()
		}
		if a, b := w.shown("k1"), w.shown("k2"); a+b > 9 {
			t.Errorf("strict for %s, 9 available: k1 shows %d, k2 shows %d", w.clock.now().Sub(from), a, b)
		}
	}, stocked)
}

// TestStateExposureIsStale: what is stated after a settled figure is not older than what the planner stated.
func TestStateExposureIsStale(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		if w.engine == "sqlite" {
			t.Skip("one writer")
		}
		w.stock(map[string]int64{"A": 5})
		w.offer()
		w.publish()
		id := w.listing("kA").ID
		done := make(chan error, 1)
		w.must(w.hub.onShelf(t.Context(), []int64{id}, store.Lease{}, func(_ *store.Tx, sh *store.Shelf, _ []orderhub.Offer, _ map[int64]int) ([]*store.Publication, error) {
			p := sh.Publications[id]
			w.hub.intend(p, 7) // exposure 12, of which 5 are there
			go func() { done <- w.hub.freed(context.Background(), []string{"A"}) }()
			time.Sleep(700 * time.Millisecond)
			return []*store.Publication{p}, nil
		}))
		w.must(<-done)
		if f, p := w.figure("A"), w.pub("kA"); f.Exposure != p.Exposure-f.Available() {
			t.Errorf("available %d, the listing may sell %d, stated %d", f.Available(), p.Exposure, f.Exposure)
		}
	}, stocked)
}

// TestStatedAfterSettle: exposure is stated rightly after figures are settled.
func TestStatedAfterSettle(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 9})
		w.offers(orderhub.Listing{Key: "k1", Article: "x", Live: true}, orderhub.Listing{Key: "k2", Article: "y", Live: true})
		for _, k := range []string{"k1", "k2"} {
			_, err := w.hub.LinkListing(t.Context(), w.listing(k).ID, "A")
			w.must(err)
		}
		w.publish()
		p1, p2 := w.pub("k1"), w.pub("k2")
		if want, f := p1.Exposure+p2.Exposure-w.figure("A").Available(), w.figure("A"); !p1.Settled || !p2.Settled || f.Exposure != want {
			t.Errorf("k1 may sell %d, k2 %d, available %d: stated %d, want %d (settled %v %v)", p1.Exposure, p2.Exposure, f.Available(), f.Exposure, want, p1.Settled, p2.Settled)
		}
	}, stocked)
}

// TestExposureOfPaused: what a paused account may still sell is stated.
func TestExposureOfPaused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5})
		w.offer()
		w.publish()
		w.must(w.hub.SetAccountState(t.Context(), acct, orderhub.AccountPaused))
		w.stock(map[string]int64{"A": 0})
		for range 5 {
			w.must(w.hub.planFigures(t.Context(), store.Lease{}))
			w.tend()
			w.clock.add(time.Hour)
		}
		if f := w.figure("A"); f.Exposure != 5 {
			t.Errorf("nothing is there, the paused account shows 5: stated exposure %d, most ever %d", f.Exposure, f.ExposureMax)
		}
	}, stocked)
}

// TestStrictSite: with strict a site that reserves gets its share.
func TestStrictSite(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.must(w.hub.SetOversell(t.Context(), orderhub.OversellStrict))
		_, err := w.hub.AddAccount(t.Context(), "shop", "site", "", map[string]string{"secret": shopSecret, "reserve": "yes"})
		w.must(err)
		w.stock(map[string]int64{"A": 100})
		w.offer()
		for range 5 {
			w.publish()
			a, err := w.hub.account(t.Context(), "shop")
			w.must(err)
			w.must(w.hub.publish(t.Context(), a, store.Lease{}))
		}
		_, err = w.hub.Reserve(t.Context(), "shop", "cart1", []CartLine{{"A", 1}}, time.Hour, orderhub.Actor{})
		if err != nil {
			t.Errorf("100 units, one marketplace (shows %d): the site may not have one: %v; its figure %+v", w.shown("kA"), err, w.pub("A"))
		}
	}, stocked, func(_ *fake, opts *Options) { opts.Channels = []channel.Channel{site.Channel} })
}

// TestShownBefore: what a channel showed before the hub came counts.
func TestShownBefore(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.must(w.hub.SetOversell(t.Context(), orderhub.OversellStrict))
		w.stock(map[string]int64{"A": 5})
		w.offers(orderhub.Listing{Key: "k1", Article: "x", Live: true}, orderhub.Listing{Key: "k2", Article: "y", Live: true})
		w.fake.script(func(f *fake) {
			f.counter.shown["k1"] = 50 // by the module before the hub
			f.counter.onStock = func(figures []channel.StockFigure) ([]channel.StockResult, error) {
				out := f.take(figures)
				for i, fig := range figures {
					if fig.Listing.Key == "k1" {
						f.counter.shown["k1"] = 50
						out[i] = channel.StockResult{Outcome: channel.OutcomeFailed, Err: orderhub.NewBorderError(orderhub.ClassRejected, "op", "no right", nil)}
					}
				}
				return out, nil
			}
		})
		for _, k := range []string{"k1", "k2"} {
			_, err := w.hub.LinkListing(t.Context(), w.listing(k).ID, "A")
			w.must(err)
		}
		for range 3 {
			w.publish()
		}
		if a, b, f := w.shown("k1"), w.shown("k2"), w.figure("A"); a+b > 5 && f.Exposure == 0 {
			t.Errorf("strict, 5 available: k1 shows %d, k2 shows %d, stated exposure %d (most ever %d); k1: exposure %d, %s", a, b, f.Exposure, f.ExposureMax, w.pub("k1").Exposure, w.pub("k1").State)
		}
	}, stocked)
}

// TestBecomesLive: an offer that becomes live is given its figure.
func TestBecomesLive(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5})
		w.offers(orderhub.Listing{Key: "kA", Article: "A", Live: false})
		w.publish()
		w.clock.add(time.Hour)
		w.offers(orderhub.Listing{Key: "kA", Article: "A", Live: true})
		for range 6 {
			w.publish()
			w.clock.add(time.Hour)
		}
		if n := w.shown("kA"); n != 5 {
			t.Errorf("live for hours, 5 available, shown %d, %+v", n, w.pub("kA"))
		}
	}, stocked)
}

// TestLinkRace: a link that a person makes is not overwritten by one that was found.
func TestLinkRace(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5, "B": 5})
		lost := 0
		for i := range 60 {
			key := fmt.Sprint("z", i)
			w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error {
				return tx.SaveListings(t.Context(), acct, []orderhub.Listing{{Key: key, Article: "A", Live: true}}, w.clock.now())
			}))
			ls, err := w.store.ListListings(t.Context(), store.ListingFilter{Text: key, Limit: 99})
			w.must(err)
			id := int64(0)
			for _, l := range ls {
				if l.Key == key {
					id = l.ID
				}
			}
			done := make(chan error, 1)
			go func() { done <- w.hub.tendGoods(context.Background(), store.Lease{}) }()
			time.Sleep(time.Duration(i%12) * 100 * time.Microsecond)
			_, err = w.hub.LinkListing(t.Context(), id, "B")
			w.must(err)
			w.must(<-done)
			l, err := w.store.Listing(t.Context(), id)
			w.must(err)
			if l.SKU != "B" {
				lost++
			}
			w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error {
				return tx.SaveListings(t.Context(), acct, []orderhub.Listing{{Key: key, Article: "-" + key, Live: true}}, w.clock.now())
			}))
		}
		if lost > 0 {
			t.Errorf("%d of 60 decisions of a person were overwritten by article", lost)
		}
	}, stocked)
}

// TestRemovedKeepsUnits: a listing of a removed account can be untied, and its units are free.
func TestRemovedKeepsUnits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.must(w.hub.SetOversell(t.Context(), orderhub.OversellStrict))
		w.stock(map[string]int64{"A": 5})
		w.offer()
		w.publish()
		w.must(w.hub.SetAccountState(t.Context(), acct, orderhub.AccountRemoved))
		id := w.listing("kA").ID
		_, err := w.hub.SetPublish(t.Context(), id, orderhub.Publish{Mode: orderhub.PublishFixed})
		w.must(err)
		for range 5 {
			w.must(w.hub.planFigures(t.Context(), store.Lease{}))
			w.clock.add(time.Hour)
		}
		_, err = w.hub.LinkListing(t.Context(), id, "")
		if err != nil {
			t.Errorf("the account is gone for good, and: %v", err)
		}
	}, stocked)
}
