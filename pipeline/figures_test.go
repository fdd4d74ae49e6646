package pipeline

import (
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// What a second look at publishing found: each of these oversold, or left goods
// unsold for ever.

func (w *world) listings() []orderhub.Listing {
	w.t.Helper()
	l, err := w.store.ListListings(w.t.Context(), store.ListingFilter{Limit: 100})
	w.must(err)
	return l
}

func (w *world) listing(key string) orderhub.Listing {
	for _, l := range w.listings() {
		if l.Key == key {
			return l
		}
	}
	w.t.Fatalf("no listing %s", key)
	return orderhub.Listing{}
}

func (w *world) pub(key string) *store.Publication {
	id := w.listing(key).ID
	m, err := w.store.PublicationsOf(w.t.Context(), []int64{id})
	w.must(err)
	return m[id]
}

func (w *world) shown(key string) int64 {
	w.fake.mu.Lock()
	defer w.fake.mu.Unlock()
	if n, ok := w.fake.counter.shown[key]; ok {
		return n
	}
	return -99
}

func (w *world) offers(ls ...orderhub.Listing) {
	w.fake.script(func(f *fake) { f.counter.offers = ls })
	w.must(w.hub.readCatalogue(w.t.Context(), w.account(), store.Lease{}))
	w.tend()
}

// TestCapIsFilledUp: a figure that was sold down is sent again up to the cap.
func TestCapIsFilledUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 100})
		w.offer()
		_, err := w.hub.SetPublish(t.Context(), w.listing("kA").ID, orderhub.Publish{Mode: orderhub.PublishCap, Value: 4})
		w.must(err)
		w.publish()
		for i := range 4 {
			w.buy(string(rune('1'+i)), "A", 1)
			w.read()
		}
		for range 10 {
			w.publish()
			w.clock.add(15 * time.Minute)
		}
		if got := w.shown("kA"); got != 4 {
			t.Errorf("cap 4 of %d available: channel shows %d for hours, calls %q", w.figure("A").Available(), got, w.fake.counter.calls)
		}
	}, stocked)
}

// TestSaleAndDeliveryBetweenLooks: the same figure is sent again when what was shown is sold.
func TestSaleAndDeliveryBetweenLooks(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 1})
		w.offer()
		w.publish()
		w.buy("1", "A", 1)
		w.read()
		w.must(w.hub.PostDocument(t.Context(), &store.Document{Kind: orderhub.MoveReceive, Lines: []store.DocumentLine{{SKU: "A", Quantity: 1}}}))
		for range 10 {
			w.publish()
			w.clock.add(15 * time.Minute)
		}
		if got := w.shown("kA"); got != 1 {
			t.Errorf("available %d, channel shows %d, calls %q", w.figure("A").Available(), got, w.fake.counter.calls)
		}
	}, stocked)
}

// TestRestoredUnitIsTakenBack: a unit that the channel shows again by itself and that somebody waits for is
// taken from it.
func TestRestoredUnitIsTakenBack(t *testing.T) {
	t.Parallel()
	for _, pol := range []orderhub.OversellPolicy{orderhub.OversellShared, orderhub.OversellStrict} {
		t.Run(string(pol), func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.must(w.hub.SetOversell(t.Context(), pol))
				w.stock(map[string]int64{"A": 1})
				w.offer()
				w.publish()
				w.buy("1", "A", 1)
				w.buy("2", "A", 1) // short, from before the figure
				w.read()
				w.publish()
				w.fake.move("1", orderhub.StatusCancelled)
				w.fake.script(func(f *fake) { f.counter.shown["kA"]++ }) // the market restores by itself
				w.read()
				w.tend()
				for range 10 {
					w.publish()
					w.clock.add(15 * time.Minute)
				}
				p := w.pub("kA")
				if got := w.shown("kA"); got != 0 {
					t.Errorf("available %d, channel shows %d for hours; exposure %d sent %d settled %v; calls %q", w.figure("A").Available(), got, p.Exposure, p.Sent, p.Settled, w.fake.counter.calls)
				}
			}, stocked, func(f *fake, _ *Options) { f.desc.Stock.Restores = true })
		})
	}
}

// TestBadFigureUnderPairPause: halving a batch does not wait for the pause between two figures of a listing.
func TestBadFigureUnderPairPause(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 1, "B": 2, "C": 3})
		w.offer()
		w.fake.counter.onStock = func(figures []channel.StockFigure) ([]channel.StockResult, error) {
			for _, f := range figures {
				if f.Listing.Key == "kB" {
					return nil, orderhub.NewBorderError(orderhub.ClassRejected, "fake", "one of them is bad", nil)
				}
			}
			return w.fake.take(figures), nil
		}
		for range 10 {
			w.publish()
		}
		if s := w.fake.counter.shown; s["kA"] != 1 || s["kC"] != 3 {
			t.Errorf("shown %v after %q", s, w.fake.counter.calls)
		}
	}, stocked, func(f *fake, _ *Options) { f.desc.Stock.PairPause = 30 * time.Second })
}

// TestUntiedInFlight: a listing may be untied while its figure is under way.
func TestUntiedInFlight(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5})
		w.offer()
		id := w.listing("kA").ID
		w.fake.counter.onStock = func(figures []channel.StockFigure) ([]channel.StockResult, error) {
			w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error { return tx.Link(t.Context(), "", orderhub.LinkedByPerson, id) }))
			return w.fake.take(figures), nil
		}
		defer func() {
			if r := recover(); r != nil {
				t.Errorf("panic: %v", r)
			}
		}()
		w.publish()
	}, stocked)
}

// TestForeignFigureWhereThereIsNothing: a figure that somebody writes where the hub shows nothing is noticed.
func TestForeignFigureWhereThereIsNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 0})
		w.offer()
		w.publish()
		w.fake.script(func(f *fake) { f.counter.shown["kA"] = 9 })
		for range 30 {
			w.clock.add(time.Hour)
			w.publish()
		}
		if got := w.shown("kA"); got != 0 {
			t.Errorf("somebody wrote 9 where there is nothing; shown %d after 30 h, exposure %d", got, w.figure("A").Exposure)
		}
	}, stocked)
}

// TestStrictSetLater: what was shown under shared is counted when the policy becomes strict.
func TestStrictSetLater(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 4})
		w.offers(orderhub.Listing{Key: "k1", Article: "A", Live: true}, orderhub.Listing{Key: "k2", Article: "z", Live: true})
		for _, k := range []string{"k1", "k2"} {
			_, err := w.hub.LinkListing(t.Context(), w.listing(k).ID, "A")
			w.must(err)
		}
		w.publish()
		w.must(w.hub.SetOversell(t.Context(), orderhub.OversellStrict))
		for range 10 {
			w.clock.add(15 * time.Minute)
			w.publish()
		}
		if a, b := w.shown("k1"), w.shown("k2"); a+b > 4 {
			t.Errorf("strict for hours, 4 units: shown %d and %d", a, b)
		}
	}, stocked)
}

// TestArchivedIsNotSold: an archived product is shown with nothing.
func TestArchivedIsNotSold(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 4})
		w.offer()
		w.publish()
		w.must(w.hub.SaveProducts(t.Context(), []orderhub.Product{{SKU: "A", Archived: true}}))
		w.publish()
		if a := w.shown("kA"); a != 0 {
			t.Errorf("an archived product is shown with %d", a)
		}
	}, stocked)
}

// TestRefusedListingHasNoShare: a listing that is refused for good leaves its share to the others.
func TestRefusedListingHasNoShare(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.must(w.hub.SetOversell(t.Context(), orderhub.OversellStrict))
		w.stock(map[string]int64{"A": 1})
		w.offers(orderhub.Listing{Key: "k1", Article: "A", Live: true}, orderhub.Listing{Key: "k2", Article: "z", Live: true})
		for _, k := range []string{"k1", "k2"} {
			_, err := w.hub.LinkListing(t.Context(), w.listing(k).ID, "A")
			w.must(err)
		}
		w.fake.counter.onStock = func(figures []channel.StockFigure) ([]channel.StockResult, error) {
			out := w.fake.take(figures)
			for i, f := range figures {
				if f.Listing.Key == "k1" {
					delete(w.fake.counter.shown, "k1")
					out[i] = channel.StockResult{Outcome: channel.OutcomeFailed, Err: orderhub.NewBorderError(orderhub.ClassRejected, "fake", "no such offer", nil)}
				}
			}
			return out, nil
		}
		for range 40 {
			w.publish()
			w.clock.add(10 * time.Minute)
		}
		if b := w.shown("k2"); b != 1 {
			t.Errorf("the only unit is shown nowhere: k2 %d; k1 %+v", b, w.pub("k1"))
		}
	}, stocked)
}

// TestUnreadableSaleIsCounted: what an order sold that cannot be read is not given out again.
func TestUnreadableSaleIsCounted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.must(w.hub.SetOversell(t.Context(), orderhub.OversellStrict))
		w.stock(map[string]int64{"A": 6})
		w.offers(orderhub.Listing{Key: "k1", Article: "A", Live: true}, orderhub.Listing{Key: "k2", Article: "z", Live: true})
		for _, k := range []string{"k1", "k2"} {
			_, err := w.hub.LinkListing(t.Context(), w.listing(k).ID, "A")
			w.must(err)
		}
		for range 4 {
			w.publish()
		}
		before := w.shown("k1") + w.shown("k2")
		w.fake.script(func(f *fake) {
			f.counter.shown["k1"] -= 2
			f.onNormalise = func(kind string, body []byte) (orderhub.Snapshot, error) {
				return orderhub.Snapshot{}, orderhub.Errorf(orderhub.CodeInvalid, "cannot be read")
			}
		})
		w.fake.place(with(snap("1", orderhub.StatusNew), func(s *orderhub.Snapshot) {
			s.PlacedAt = w.clock.now()
			s.Lines = []orderhub.Line{{SKU: "A", ListingKey: "k1", Quantity: 2}}
		}))
		w.read()
		for range 10 {
			w.clock.add(15 * time.Minute)
			w.publish()
		}
		t.Logf("q %d before %d k1 %d k2 %d calls %q", len(w.raws(store.RawQuarantined)), before, w.shown("k1"), w.shown("k2"), w.fake.counter.calls)
		if n := w.shown("k1") + w.shown("k2"); n > 4 {
			t.Errorf("strict: 6 units, 2 sold (its order is in quarantine, %d), %d are shown again (before %d); exposure %d", len(w.raws(store.RawQuarantined)), n, before, w.figure("A").Exposure)
		}
	}, stocked)
}

// TestRestoreIsNoSecondWriter: a channel that takes an order back is not taken for somebody else.
func TestRestoreIsNoSecondWriter(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5})
		w.offer()
		w.must(w.hub.SetAccountStock(t.Context(), acct, store.AccountStock{SecondWriter: "stop"}))
		w.publish()
		w.buy("1", "A", 1)
		w.read()
		for range 3 {
			w.publish()
		}
		w.clock.add(lookEvery)
		w.fake.move("1", orderhub.StatusCancelled) // the market restores; the hub has not read it yet
		w.fake.script(func(f *fake) { f.counter.shown["kA"]++ })
		w.publish()
		w.must(w.hub.SetAccountStock(t.Context(), acct, store.AccountStock{SecondWriter: "overwrite"}))
		w.stock(map[string]int64{"A": 1})
		for range 5 {
			w.publish()
		}
		if p := w.pub("kA"); p.State == store.PublicationStopped {
			t.Errorf("a buyer's cancel stopped the listing for ever: shows %d, available %d", w.shown("kA"), w.figure("A").Available())
		}
	}, stocked, func(f *fake, _ *Options) { f.desc.Stock.Restores = true })
}

// TestZeroLeftOut: a channel that does not list what it has none of is believed.
func TestZeroLeftOut(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.must(w.hub.SetOversell(t.Context(), orderhub.OversellStrict))
		w.stock(map[string]int64{"A": 4})
		w.offers(orderhub.Listing{Key: "k1", Article: "A", Live: true})
		for range 3 {
			w.publish()
		}
		w.offers(orderhub.Listing{Key: "k1", Article: "A", Live: true}, orderhub.Listing{Key: "k2", Article: "z", Live: true})
		_, err := w.hub.LinkListing(t.Context(), w.listing("k2").ID, "A")
		w.must(err)
		w.fake.counter.onStock = func(figures []channel.StockFigure) ([]channel.StockResult, error) {
			out := w.fake.take(figures)
			for k, n := range w.fake.counter.shown {
				if n == 0 {
					delete(w.fake.counter.shown, k)
				}
			}
			return out, nil
		}
		for range 30 {
			w.publish()
			w.clock.add(5 * time.Minute)
		}
		if a, b := w.shown("k1"), w.shown("k2"); a != 2 || b != 2 {
			t.Errorf("4 units: k1 %d, k2 %d; %+v; %d calls, last %q", a, b, w.pub("k1"), len(w.fake.counter.calls), w.fake.counter.calls[len(w.fake.counter.calls)-3:])
		}
	}, stocked)
}

// TestRemovedAccountHasNoShare: an account that was removed gets no share.
func TestRemovedAccountHasNoShare(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.must(w.hub.SetOversell(t.Context(), orderhub.OversellStrict))
		w.stock(map[string]int64{"A": 1})
		_, err := w.hub.AddAccount(t.Context(), "second", fakeName, "", map[string]string{"token": "other"})
		w.must(err)
		w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error {
			return tx.SaveListings(t.Context(), "second", []orderhub.Listing{{Key: "kZ", Article: "A", Live: true}}, w.clock.now())
		}))
		w.tend()
		w.must(w.hub.SetAccountState(t.Context(), "second", orderhub.AccountRemoved))
		w.offers(orderhub.Listing{Key: "kA", Article: "A", Live: true})
		for range 20 {
			w.publish()
		}
		if a := w.shown("kA"); a != 1 {
			t.Errorf("the only unit is kept for an account that was removed and never showed anything; shown %d", a)
		}
	}, stocked)
}

// TestStrictUsesADelivery: goods that come in reach a channel that shows some already.
func TestStrictUsesADelivery(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.must(w.hub.SetOversell(t.Context(), orderhub.OversellStrict))
		w.stock(map[string]int64{"A": 2})
		w.offer()
		for range 3 {
			w.publish()
		}
		w.stock(map[string]int64{"A": 4})
		for range 20 {
			w.publish()
		}
		if n := w.shown("kA"); n != 4 {
			t.Errorf("one channel, 4 available, shown %d, exposure %d", n, w.pub("kA").Exposure)
		}
	}, stocked)
}

// TestSecondRestore: nothing is sent again where the channel shows a unit again a second time.
func TestSecondRestore(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.must(w.hub.SetOversell(t.Context(), orderhub.OversellStrict))
		w.stock(map[string]int64{"A": 2})
		w.offer()
		for range 3 {
			w.publish()
		}
		for _, id := range []string{"1", "2", "3", "4"} {
			w.buy(id, "A", 1)
		}
		w.read()
		w.publish()
		for _, id := range []string{"1", "2"} {
			w.fake.move(id, orderhub.StatusCancelled)
			w.fake.script(func(f *fake) { f.counter.shown["kA"]++ })
			w.read()
			w.tend()
			for range 6 {
				w.publish()
				w.clock.add(15 * time.Minute)
			}
		}
		if n := w.shown("kA"); n != 0 {
			t.Errorf("strict, available %d: shown %d for hours, exposure %d, calls %q", w.figure("A").Available(), n, w.pub("kA").Exposure, w.fake.counter.calls)
		}
	}, stocked, func(f *fake, _ *Options) { f.desc.Stock.Restores = true })
}
