package pipeline

import (
	"fmt"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// Orders, carts and what they claim where listings, kits and orders change
// between.

func (w *world) link(key, sku string) {
	w.t.Helper()
	_, err := w.hub.LinkListing(w.t.Context(), w.listing(key).ID, sku)
	w.must(err)
}

// exposure is what a listing may still sell without the hub knowing.
func (w *world) exposure(key string) int64 {
	w.t.Helper()
	return w.pub(key).Exposure
}

// placed lets the market have an order of these lines, placed now, and reads it.
func (w *world) placed(id string, lines ...orderhub.Line) {
	w.t.Helper()
	w.fake.place(with(snap(id, orderhub.StatusNew), func(s *orderhub.Snapshot) { s.PlacedAt, s.Lines = w.clock.now(), lines }))
	w.read()
}

// TestLineFollowsItsListing: a listing that two products could have is linked by
// a person; until then its lines have no product either.
func TestLineFollowsItsListing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"M": 9})
		w.offers(orderhub.Listing{Key: "s1", Article: "M", Live: true}, orderhub.Listing{Key: "s2", Article: "M", Live: true})
		w.placed("1", orderhub.Line{SKU: "M", ListingKey: "s2", Quantity: 2})
		same(t, "holds of a line whose listing has no product", w.holdsOf("1"), orderhub.HoldUnmapped)
		w.placed("2", orderhub.Line{SKU: "M", ListingKey: "s3", Quantity: 1})
		same(t, "holds of a line with an article that several listings have", w.holdsOf("2"), orderhub.HoldUnmapped)
		if n := w.figure("M").Reserved; n != 0 {
			t.Errorf("reserved %d", n)
		}
		w.link("s2", "M")
		if n := w.figure("M").Reserved; n != 2 || len(w.holdsOf("1")) != 0 {
			t.Errorf("after linking: reserved %d, holds %v", n, w.holdsOf("1"))
		}
		w.link("s2", "")
		w.fake.move("1", orderhub.StatusConfirmed)
		w.read()
		if n := w.figure("M").Reserved; n != 2 {
			t.Errorf("untied: the order keeps what it has, reserved %d", n)
		}
	}, stocked)
}

// TestLineOfUnknownListing finds its product by its own article or barcode.
func TestLineOfUnknownListing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"M": 9})
		w.must(w.hub.SaveProducts(t.Context(), []orderhub.Product{{SKU: "M", Barcodes: []string{"460"}}}))
		w.placed("1", orderhub.Line{SKU: "M", ListingKey: "new", Quantity: 2}, orderhub.Line{SKU: "?", ListingKey: "newer", Barcodes: []string{"460"}, Quantity: 3})
		if n := w.figure("M").Reserved; n != 5 || len(w.holdsOf("1")) != 0 {
			t.Errorf("reserved %d, holds %v", n, w.holdsOf("1"))
		}
	}, stocked)
}

// TestGoodsLeaveOnce: what left as one product does not leave again as another.
func TestGoodsLeaveOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5, "B": 5})
		w.clock.add(time.Minute)
		w.offers(orderhub.Listing{Key: "kA", Article: "A", Live: true}, orderhub.Listing{Key: "kX", Article: "x", Live: true})
		w.placed("1", orderhub.Line{SKU: "A", ListingKey: "kA", Quantity: 1}, orderhub.Line{SKU: "x", ListingKey: "kX", Quantity: 2})
		w.fake.move("1", orderhub.StatusShipped)
		w.read()
		w.link("kA", "B")
		w.fake.move("1", orderhub.StatusDelivered)
		w.read()
		if a, b := w.figure("A").OnHand, w.figure("B").OnHand; a != 4 || b != 5 {
			t.Errorf("linked to another product after the hand-over: on hand %d and %d, want 4 and 5", a, b)
		}
		w.link("kX", "B")
		w.read()
		if a, b := w.figure("A").OnHand, w.figure("B").OnHand; a != 4 || b != 3 {
			t.Errorf("the other line got its product: on hand %d and %d, want 4 and 3", a, b)
		}
		w.fake.move("1", orderhub.StatusReturned)
		w.read()
		if a, b := w.figure("A").OnHand, w.figure("B").OnHand; a != 4 || b != 3 {
			t.Errorf("more news: on hand %d and %d, want 4 and 3", a, b)
		}
	}, stocked)
}

// TestProductWithStockBecomesNoKit, nor does one that somebody waits for.
func TestProductWithStockBecomesNoKit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 2, "B": 5, "C": 0})
		w.clock.add(time.Minute)
		w.offer()
		w.buy("1", "A", 1)
		w.buy("2", "C", 3)
		w.read()
		kit := func(sku string, n int64) error {
			return w.hub.SaveProducts(t.Context(), []orderhub.Product{{SKU: sku, Components: []orderhub.Component{{SKU: "B", Quantity: n}}}})
		}
		wantCode(t, kit("A", 1), orderhub.CodeInvalid, "on hand 2", "reserved 1")
		wantCode(t, kit("C", 1), orderhub.CodeInvalid, "C cannot become a kit", "for 3 of it")
		w.fake.move("1", orderhub.StatusShipped)
		w.fake.move("2", orderhub.StatusCancelled)
		w.read()
		w.stock(map[string]int64{"A": 0})
		w.must(kit("A", 1))
		w.must(kit("C", 1))
		w.must(kit("C", 2))
		w.fake.move("1", orderhub.StatusDelivered)
		w.read()
		if f := w.figure("B"); f.OnHand != 5 || f.Reserved != 0 {
			t.Errorf("what was sent as a plain product was sent as a kit again: %+v", f)
		}
	}, stocked)
}

// TestSplitIsNoSale: the parts of an order that was split were sold with it, and
// are given back when they are cancelled.
func TestSplitIsNoSale(t *testing.T) {
	t.Parallel()
	for name, restores := range map[string]bool{"plain": false, "restores": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.stock(map[string]int64{"A": 10})
				w.offer()
				w.publish()
				w.placed("1", orderhub.Line{SKU: "A", ListingKey: "kA", Quantity: 2})
				before, at := w.exposure("kA"), w.order("1").Snapshot.PlacedAt
				part := func(id string, status orderhub.Status) {
					w.fake.place(with(snap(id, status), func(s *orderhub.Snapshot) {
						s.PlacedAt, s.ParentID = at, "1"
						s.Lines = []orderhub.Line{{SKU: "A", ListingKey: "kA", Quantity: 1}}
					}))
				}
				w.fake.place(with(w.order("1").Snapshot, func(s *orderhub.Snapshot) {
					s.Status, s.Native = orderhub.StatusCancelled, "split"
					s.Cancellation = &orderhub.Cancellation{By: orderhub.CancelBySplit}
				}))
				part("1a", orderhub.StatusNew)
				part("1b", orderhub.StatusNew)
				w.read()
				if e, r := w.exposure("kA"), w.figure("A").Reserved; e != before || r != 2 {
					t.Errorf("after the split: exposure %d, want %d; reserved %d, want 2", e, before, r)
				}
				w.fake.move("1b", orderhub.StatusCancelled)
				w.read()
				want := before
				if restores {
					want++
				}
				if e := w.exposure("kA"); e != want {
					t.Errorf("after a part was cancelled: exposure %d, want %d", e, want)
				}
			}, stocked, func(f *fake, _ *Options) { f.desc.Stock.Restores = restores })
		})
	}
}

// TestFewerUnitsAreUnsold on a channel that raises its own figure, and only once.
func TestFewerUnitsAreUnsold(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 9, "B": 9})
		w.offer()
		w.publish()
		a, b := w.exposure("kA"), w.exposure("kB")
		lines := func(list ...orderhub.Line) {
			w.placed("1", list...)
			w.clock.add(time.Minute)
		}
		lines(orderhub.Line{SKU: "B", ListingKey: "kB", Quantity: 1}, orderhub.Line{SKU: "A", ListingKey: "kA", Quantity: 3})
		if x, y := w.exposure("kA"), w.exposure("kB"); x != a-3 || y != b-1 {
			t.Fatalf("sold: exposure %d and %d, want %d and %d", x, y, a-3, b-1)
		}
		lines(orderhub.Line{SKU: "B", ListingKey: "kB", Quantity: 1}, orderhub.Line{SKU: "A", ListingKey: "kA", Quantity: 1})
		if x, y := w.exposure("kA"), w.exposure("kB"); x != a-1 || y != b-1 {
			t.Errorf("fewer of A: exposure %d and %d, want %d and %d", x, y, a-1, b-1)
		}
		for _, name := range []string{"A", "A again"} {
			lines(orderhub.Line{SKU: "A", Name: name, ListingKey: "kA", Quantity: 1})
			if x, y := w.exposure("kA"), w.exposure("kB"); x != a-1 || y != b {
				t.Errorf("without B, %s: exposure %d and %d, want %d and %d", name, x, y, a-1, b)
			}
		}
	}, stocked, func(f *fake, _ *Options) { f.desc.Stock.Restores = true })
}

// siteOrder is an order of the shop's own site in a status.
func (w *shopWorld) siteOrder(id string, version int, status string) {
	w.t.Helper()
	w.submit(shopOrder(id, version, status))
}

func (w *shopWorld) cart(id string, n int64) (store.Cart, error) {
	w.t.Helper()
	return w.hub.Reserve(w.t.Context(), shopAcct, id, []CartLine{{SKU: "ART-1", Quantity: n}}, time.Minute, manager)
}

// TestReservationAfterItsOrder is refused: nobody would end it.
func TestReservationAfterItsOrder(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, w *shopWorld) {
		w.stock(map[string]int64{"ART-1": 9})
		w.tend()
		w.siteOrder("S-1", 1, "new")
		_, err := w.cart("S-1", 2)
		wantCode(t, err, orderhub.CodeConflict, "S-1", "order")
		if n := w.figure("ART-1").Reserved; n != 2 {
			t.Errorf("reserved %d, want 2", n)
		}
	})
}

// TestCartBecomesOrder: the order has what the cart held, and what it held beside
// the order is free, also when the order was a moment faster.
func TestCartBecomesOrder(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, w *shopWorld) {
		w.stock(map[string]int64{"ART-1": 9, "B": 3})
		w.tend()
		_, err := w.hub.Reserve(t.Context(), shopAcct, "S-1", []CartLine{{SKU: "ART-1", Quantity: 1}, {SKU: "B", Quantity: 1}}, time.Minute, manager)
		w.must(err)
		w.siteOrder("S-1", 1, "new")
		if a, b := w.figure("ART-1").Reserved, w.figure("B").Reserved; a != 2 || b != 0 {
			t.Errorf("reserved %d and %d, want 2 and 0", a, b)
		}
		_, err = w.cart("S-1", 2)
		wantCode(t, err, orderhub.CodeConflict, "converted")

		w.siteOrder("S-2", 1, "new")
		// Its reservation got past the question for the order.
		w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error {
			c := store.Cart{AccountID: shopAcct, ExternalID: "S-2", State: store.CartHeld, ExpiresAt: w.clock.now().Add(time.Hour)}
			if err := tx.AddCart(t.Context(), &c); err != nil {
				return err
			}
			_, err := tx.ClaimStock(t.Context(), orderhub.MainWarehouse, []store.HolderClaim{{
				Holder: -c.ID, Claim: orderhub.ClaimReserve, Needs: map[string]int64{"ART-1": 3, "B": 1},
			}}, manager)
			return err
		}))
		if a, b := w.figure("ART-1").Reserved, w.figure("B").Reserved; a != 7 || b != 1 {
			t.Fatalf("reserved %d and %d, want 7 and 1", a, b)
		}
		w.siteOrder("S-2", 2, "confirmed")
		if a, b := w.figure("ART-1").Reserved, w.figure("B").Reserved; a != 4 || b != 0 {
			t.Errorf("two orders of 2: reserved %d and %d, want 4 and 0", a, b)
		}
	})
}

// TestShortCartIsNotPromisedAgain: a count took goods from it.
func TestShortCartIsNotPromisedAgain(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, w *shopWorld) {
		w.stock(map[string]int64{"ART-1": 2})
		w.tend()
		first, err := w.cart("c", 2)
		w.must(err)
		again, err := w.cart("c", 2)
		if w.must(err); !again.Again || again.ID != first.ID || !again.ExpiresAt.After(first.ExpiresAt) {
			t.Errorf("again: %+v after %+v", again, first)
		}
		w.stock(map[string]int64{"ART-1": 1})
		_, err = w.cart("c", 2)
		wantCode(t, err, orderhub.CodeConflict, "1 of 2 units of ART-1")
	})
}

// TestCountWhileCartBecomesOrder: the two never wait for each other.
func TestCountWhileCartBecomesOrder(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, w *shopWorld) {
		w.stock(map[string]int64{"ART-1": 9, "B": 9})
		w.tend()
		for i := range 10 {
			w.stock(map[string]int64{"ART-1": 9, "B": 9})
			id := fmt.Sprint("S-", i)
			c, err := w.hub.Reserve(t.Context(), shopAcct, id, []CartLine{{SKU: "ART-1", Quantity: 1}, {SKU: "B", Quantity: 1}}, time.Minute, manager)
			w.must(err)
			errs := make(chan error, 2)
			go func() {
				errs <- w.store.InTx(t.Context(), func(tx *store.Tx) error {
					_, err := tx.ClaimStock(t.Context(), orderhub.MainWarehouse, []store.HolderClaim{{
						Holder: int64(1000 + i), From: -c.ID, Claim: orderhub.ClaimReserve, Rank: 1, Needs: map[string]int64{"ART-1": 1, "B": 1},
					}}, manager)
					return err
				})
			}()
			go func() {
				errs <- w.store.InTx(t.Context(), func(tx *store.Tx) error {
					return tx.PostDocument(t.Context(), &store.Document{Kind: orderhub.MoveCount, Warehouse: orderhub.MainWarehouse,
						Lines: []store.DocumentLine{{SKU: "B"}, {SKU: "ART-1"}}})
				})
			}()
			for range 2 {
				w.must(<-errs)
			}
			held, err := w.store.DemandsOf(t.Context(), -c.ID)
			w.must(err)
			if a, b := w.figure("ART-1").Reserved, w.figure("B").Reserved; a != 0 || b != 0 || len(held) != 0 {
				t.Fatalf("nothing is there: reserved %d and %d; the cart still has %+v", a, b, held)
			}
			// The order gives up its place in the queue.
			w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error {
				_, err := tx.ClaimStock(t.Context(), orderhub.MainWarehouse, []store.HolderClaim{{Holder: int64(1000 + i), Claim: orderhub.ClaimNone}}, manager)
				return err
			}))
		}
	})
}
