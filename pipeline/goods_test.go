package pipeline

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// stock counts products, making those that are new.
func (w *world) stock(figures map[string]int64) {
	w.t.Helper()
	doc := store.Document{Kind: orderhub.MoveCount, Actor: orderhub.Actor{Kind: orderhub.ActorUser, Name: "hand"}}
	var products []orderhub.Product
	for sku, n := range figures {
		products = append(products, orderhub.Product{SKU: sku})
		doc.Lines = append(doc.Lines, store.DocumentLine{SKU: sku, Quantity: n})
	}
	w.must(w.hub.SaveProducts(w.t.Context(), products))
	w.must(w.hub.PostDocument(w.t.Context(), &doc))
}

// tend works the warehouse's lane, offer reads the catalogue first.
func (w *world) tend() { w.t.Helper(); w.must(w.hub.tendGoods(w.t.Context(), store.Lease{})) }

func (w *world) offer() {
	w.t.Helper()
	w.must(w.hub.readCatalogue(w.t.Context(), w.account(), store.Lease{}))
	w.tend()
}

// publish works the publishing lane as often as anything is due, with sweeps
// between, for a while of the clock.
func (w *world) publish() {
	w.t.Helper()
	for range 12 {
		w.must(w.hub.planFigures(w.t.Context(), store.Lease{}))
		w.must(w.hub.publish(w.t.Context(), w.account(), store.Lease{}))
		w.must(w.hub.planFigures(w.t.Context(), store.Lease{}))
		w.must(w.hub.publish(w.t.Context(), w.account(), store.Lease{}))
		w.must(w.hub.sweep(w.t.Context(), w.account(), "orders", store.Lease{}))
		w.must(w.hub.AcceptPending(w.t.Context(), acct))
		w.clock.add(11 * time.Second)
	}
}

// buy places an order of one line now.
func (w *world) buy(id, sku string, n int64) {
	w.fake.place(with(snap(id, orderhub.StatusNew), func(s *orderhub.Snapshot) {
		s.PlacedAt = w.clock.now()
		s.Lines = []orderhub.Line{{SKU: sku, ListingKey: "k" + sku, Name: sku, Quantity: n}}
	}))
	w.fake.script(func(f *fake) {
		if have, ok := f.counter.shown["k"+sku]; ok {
			f.counter.shown["k"+sku] = max(0, have-n)
		}
	})
}

func (w *world) read() {
	w.t.Helper()
	w.must(w.hub.sweep(w.t.Context(), w.account(), "orders", store.Lease{}))
	w.must(w.hub.AcceptPending(w.t.Context(), acct))
}

func (w *world) figure(sku string) orderhub.Stock {
	w.t.Helper()
	got, err := w.store.StockOf(w.t.Context(), orderhub.MainWarehouse, []string{sku})
	w.must(err)
	return got[sku]
}

func (w *world) holdsOf(id string) []orderhub.Hold {
	w.t.Helper()
	list, err := w.store.OrdersByExternal(w.t.Context(), acct, []string{id})
	w.must(err)
	return list[0].HubHolds
}

// TestOrdersClaimGoods: an order reserves, the one that comes too late is short,
// gets its goods when there are some, and lets them go when it is cancelled.
func TestOrdersClaimGoods(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 3})
		w.offer()
		w.buy("1", "A", 2)
		w.buy("2", "A", 2)
		w.read()
		if f := w.figure("A"); f.Reserved != 3 || len(w.holdsOf("1")) != 0 || !slices.Equal(w.holdsOf("2"), []orderhub.Hold{orderhub.HoldShort}) {
			t.Fatalf("reserved %d, holds %v and %v", f.Reserved, w.holdsOf("1"), w.holdsOf("2"))
		}
		w.fake.move("1", orderhub.StatusCancelled)
		w.read()
		w.tend()
		if f := w.figure("A"); f.Reserved != 2 || len(w.holdsOf("2")) != 0 {
			t.Errorf("after the cancel: reserved %d, holds %v", f.Reserved, w.holdsOf("2"))
		}
		w.fake.move("2", orderhub.StatusShipped)
		w.read()
		w.read()
		if f := w.figure("A"); f.OnHand != 1 || f.Reserved != 0 {
			t.Errorf("after the hand-over: %+v", f)
		}
		w.fake.move("2", orderhub.StatusCancelled)
		w.read()
		if f := w.figure("A"); f.OnHand != 1 || f.Reserved != 0 {
			t.Errorf("a cancel after the hand-over brought goods back: %+v", f)
		}
	}, stocked)
}

// TestKitsTakeTheirParts: demand is added up over lines and kits before anything
// is reserved.
func TestKitsTakeTheirParts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 10, "B": 3})
		w.must(w.hub.SaveProducts(t.Context(), []orderhub.Product{{SKU: "C", Components: []orderhub.Component{{SKU: "A", Quantity: 2}, {SKU: "B", Quantity: 1}}}}))
		w.offer()
		w.fake.place(with(snap("1", orderhub.StatusNew), func(s *orderhub.Snapshot) {
			s.Lines = []orderhub.Line{{SKU: "C", ListingKey: "kC", Quantity: 2}, {SKU: "A", ListingKey: "kA", Quantity: 1}}
		}))
		w.read()
		if a, b := w.figure("A"), w.figure("B"); a.Reserved != 5 || b.Reserved != 2 {
			t.Errorf("reserved %d of A and %d of B, want 5 and 2", a.Reserved, b.Reserved)
		}
		w.publish()
		if shown := w.fake.counter.shown; shown["kA"] != 5 || shown["kB"] != 1 || shown["kC"] != 1 {
			t.Errorf("shown %v: the kit is as many as its parts make", shown)
		}
	}, stocked)
}

// TestUnmappedHeals: a line without a product never stops an order; linking its
// listing later reserves for it.
func TestUnmappedHeals(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5})
		w.fake.script(func(f *fake) { f.counter.offers = []orderhub.Listing{{Key: "kX", Article: "other", Live: true}} })
		w.offer()
		w.fake.place(with(snap("1", orderhub.StatusNew), func(s *orderhub.Snapshot) {
			s.Lines = []orderhub.Line{{SKU: "other", ListingKey: "kX", Quantity: 2}}
		}))
		w.read()
		if !slices.Equal(w.holdsOf("1"), []orderhub.Hold{orderhub.HoldUnmapped}) || w.figure("A").Reserved != 0 {
			t.Fatalf("holds %v", w.holdsOf("1"))
		}
		list, err := w.store.ListListings(t.Context(), store.ListingFilter{Unmatched: true, Limit: 10})
		w.must(err)
		if len(list) != 1 {
			t.Fatalf("%d unmatched listings", len(list))
		}
		_, err = w.hub.LinkListing(t.Context(), list[0].ID, "A")
		w.must(err)
		if len(w.holdsOf("1")) != 0 || w.figure("A").Reserved != 2 {
			t.Errorf("after linking: holds %v, reserved %d", w.holdsOf("1"), w.figure("A").Reserved)
		}
		if _, err = w.hub.LinkListing(t.Context(), list[0].ID, "nothing"); orderhub.CodeOf(err) != orderhub.CodeNotFound {
			t.Errorf("linked to no product: %v", err)
		}
	}, stocked)
}

// TestCountBelowReserved takes goods from those who came last and shows it.
func TestCountBelowReserved(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 4})
		w.offer()
		w.buy("1", "A", 2)
		w.buy("2", "A", 2)
		w.read()
		w.stock(map[string]int64{"A": 3})
		w.tend()
		if f := w.figure("A"); f.OnHand != 3 || f.Reserved != 3 || len(w.holdsOf("1")) != 0 || !slices.Equal(w.holdsOf("2"), []orderhub.Hold{orderhub.HoldShort}) {
			t.Errorf("figures %+v, holds %v and %v", f, w.holdsOf("1"), w.holdsOf("2"))
		}
		list, err := w.store.OrdersByExternal(t.Context(), acct, []string{"2"})
		w.must(err)
		w.must(w.hub.Requeue(t.Context(), list[0].ID, orderhub.Actor{}))
		w.buy("3", "A", 1)
		w.read()
		w.stock(map[string]int64{"A": 4})
		w.tend()
		if len(w.holdsOf("2")) != 0 || len(w.holdsOf("3")) != 1 {
			t.Errorf("the newcomer passed the one who waited: %v and %v", w.holdsOf("2"), w.holdsOf("3"))
		}
	}, stocked)
}

// TestPublishShows: figures follow the stock, policies are kept, and nothing is
// sent twice.
func TestPublishShows(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5, "B": 9, "C": 0})
		w.offer()
		listings, err := w.store.ListListings(t.Context(), store.ListingFilter{Limit: 10})
		w.must(err)
		for _, l := range listings {
			if l.SKU == "B" {
				_, err := w.hub.SetPublish(t.Context(), l.ID, orderhub.Publish{Mode: orderhub.PublishCap, Value: 4, Buffer: 2})
				w.must(err)
			}
		}
		w.publish()
		if got := w.fake.counter.calls; !slices.Equal(got, []string{"kA=5 kB=4 kC=0"}) {
			t.Fatalf("calls %q", got)
		}
		kept, err := w.store.ListCalls(t.Context(), store.CallFilter{AccountID: acct, Limit: 10})
		w.must(err)
		if len(kept) != 1 || kept[0].Purpose != "stock" || string(kept[0].Request) != "kA=5 kB=4 kC=0" {
			t.Errorf("kept calls: %+v", kept)
		}
		w.buy("1", "A", 2)
		w.read()
		w.publish()
		if got := w.fake.counter.calls; len(got) != 2 || got[1] != "kA=3" {
			t.Errorf("after a sale: %q", got)
		}
		pubs, err := w.store.PublicationsOf(t.Context(), []int64{listings[0].ID})
		w.must(err)
		if p := pubs[listings[0].ID]; p.State != store.PublicationConfirmed || !p.Settled || p.Confirmed != 3 || p.Exposure != 3 {
			t.Errorf("published: %+v", p)
		}
	}, stocked)
}

// TestBadFigureIsFound: a call that is refused as a whole is made again in
// halves; the good figures get through.
func TestBadFigureIsFound(t *testing.T) {
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
		w.publish()
		if s := w.fake.counter.shown; s["kA"] != 1 || s["kC"] != 3 || len(s) != 2 {
			t.Errorf("shown %v after %q", s, w.fake.counter.calls)
		}
		listings, err := w.store.ListListings(t.Context(), store.ListingFilter{Text: "kB", Limit: 1})
		w.must(err)
		pubs, err := w.store.PublicationsOf(t.Context(), []int64{listings[0].ID})
		w.must(err)
		if p := pubs[listings[0].ID]; p.State != store.PublicationRejected || !strings.Contains(p.Error, "bad") || p.Exposure != 0 {
			t.Errorf("the bad one: %+v", p)
		}
	}, stocked)
}

// TestLostAnswerIsReadFirst: after a time-out the figure is read before it is
// sent again.
func TestLostAnswerIsReadFirst(t *testing.T) {
	t.Parallel()
	for name, taken := range map[string]bool{"taken": true, "not taken": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.stock(map[string]int64{"A": 5})
				w.offer()
				w.fake.counter.shown["kA"] = 0
				w.fake.counter.onStock = func(figures []channel.StockFigure) ([]channel.StockResult, error) {
					if taken {
						w.fake.take(figures)
					}
					w.fake.counter.onStock = nil
					return nil, orderhub.NewBorderError(orderhub.ClassUncertain, "fake", "no answer in time", nil)
				}
				w.publish()
				w.publish()
				calls := len(w.fake.counter.calls)
				if w.fake.counter.shown["kA"] != 5 || (taken && calls != 1) || (!taken && calls != 2) {
					t.Errorf("shown %v after %q", w.fake.counter.shown, w.fake.counter.calls)
				}
			}, stocked)
		})
	}
}

// TestSecondWriter: a figure that is higher than the hub ever allowed is noticed,
// and the account's rule decides.
func TestSecondWriter(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]int64{"overwrite": 5, "accept": 9, "stop": 9} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.stock(map[string]int64{"A": 5})
				w.offer()
				w.must(w.hub.SetAccountStock(t.Context(), acct, store.AccountStock{SecondWriter: rule}))
				w.publish()
				w.fake.script(func(f *fake) { f.counter.shown["kA"] = 9 })
				w.clock.add(lookEvery)
				w.publish()
				w.publish()
				if got := w.fake.counter.shown["kA"]; got != want {
					t.Errorf("shown %d, want %d; calls %q", got, want, w.fake.counter.calls)
				}
			}, stocked)
		})
	}
}
