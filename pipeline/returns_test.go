package pipeline

import (
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// goods is a return of n units of a product.
func goodsBack(id, order, sku string, n int64, state orderhub.ReturnState, change ...func(*orderhub.ReturnSnapshot)) orderhub.ReturnSnapshot {
	s := orderhub.ReturnSnapshot{
		ExternalID: id, OrderID: order, Kind: orderhub.ReturnCustomer, State: state, Native: string(state),
		Lines: []orderhub.ReturnLine{{SKU: sku, ListingKey: "k" + sku, Quantity: n}},
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

func ofKind(k orderhub.ReturnKind) func(*orderhub.ReturnSnapshot) {
	return func(s *orderhub.ReturnSnapshot) { s.Kind = k }
}

// takeBack saves answers about returns and accepts what waits.
func (w *world) takeBack(list ...orderhub.ReturnSnapshot) {
	w.t.Helper()
	for _, s := range list {
		w.save(backItem(s))
	}
	w.accept()
}

func (w *world) ret(id string) *orderhub.Return {
	w.t.Helper()
	list, err := w.store.ReturnsByExternal(w.t.Context(), acct, []string{id})
	w.must(err)
	if len(list) != 1 {
		w.t.Fatalf("return %s: %d in the ledger", id, len(list))
	}
	return list[0]
}

func (w *world) demand(id, sku string) orderhub.Demand {
	w.t.Helper()
	list, err := w.store.DemandsOf(w.t.Context(), w.order(id).ID)
	w.must(err)
	for _, d := range list {
		if d.SKU == sku {
			return d
		}
	}
	return orderhub.Demand{}
}

// soldOut makes an order of n units that has left.
func (w *world) soldOut(id, sku string, n int64) {
	w.t.Helper()
	w.buy(id, sku, n)
	w.read()
	w.fake.move(id, orderhub.StatusDelivered)
	w.read()
}

func (w *world) wantFigure(sku string, onHand, quarantine int64) {
	w.t.Helper()
	if f := w.figure(sku); f.OnHand != onHand || f.Quarantine != quarantine {
		w.t.Errorf("%s: on hand %d, in quarantine %d; want %d and %d", sku, f.OnHand, f.Quarantine, onHand, quarantine)
	}
}

// TestReturnBringsGoodsBack: received goods can be sold again, once, and the order
// says so; a part of them makes it a part.
func TestReturnBringsGoodsBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5})
		w.offer()
		w.soldOut("1", "A", 3)
		w.wantFigure("A", 2, 0)
		w.takeBack(goodsBack("R1", "1", "A", 1, orderhub.ReturnAnnounced))
		w.takeBack(goodsBack("R1", "1", "A", 1, orderhub.ReturnAtPickup))
		w.wantFigure("A", 2, 0)
		if o := w.order("1"); o.Headline != orderhub.StatusDelivered {
			t.Errorf("nothing is here yet, and the order is %s", o.Headline)
		}
		for range 2 {
			w.takeBack(goodsBack("R1", "1", "A", 1, orderhub.ReturnReceived))
			w.wantFigure("A", 3, 0)
		}
		if o, r := w.order("1"), w.ret("R1"); o.Headline != orderhub.StatusPartiallyReturned || r.State != orderhub.ReturnDecided || r.OrderID != o.ID {
			t.Errorf("order %s, return %s of %d", o.Headline, r.State, r.OrderID)
		}
		w.takeBack(goodsBack("R2", "1", "A", 2, orderhub.ReturnReceived))
		w.wantFigure("A", 5, 0)
		if o, d := w.order("1"), w.demand("1", "A"); o.Headline != orderhub.StatusReturned || d.Returned != 3 || d.Consumed != 3 {
			t.Errorf("order %s, demand %+v", o.Headline, d)
		}
		if n := w.count("1", orderhub.EventReturn); n != 6 {
			t.Errorf("%d events of returns: %v", n, w.history("1"))
		}
		if got := w.raws(store.RawQuarantined); len(got) > 0 {
			t.Errorf("in quarantine: %s", got[0].Error)
		}
		decisions, err := w.store.Decisions(t.Context(), w.ret("R2").ID)
		w.must(err)
		if len(decisions) != 1 || decisions[0].Decision != orderhub.DecideResell || decisions[0].Quantity != 2 {
			t.Errorf("decisions: %+v", decisions)
		}
	}, returning)
}

// TestMoreThanLeft: what comes back beyond what left is told, and not booked.
func TestMoreThanLeft(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5})
		w.offer()
		w.soldOut("1", "A", 2)
		w.takeBack(goodsBack("R1", "1", "A", 1, orderhub.ReturnReceived), goodsBack("R2", "1", "A", 2, orderhub.ReturnReceived))
		w.wantFigure("A", 5, 0)
		r := w.ret("R2")
		if !strings.Contains(r.Discrepancy, "1 unit of A more than left") || r.State != orderhub.ReturnReceived {
			t.Errorf("return %s: %q", r.State, r.Discrepancy)
		}
		_, err := w.hub.DecideReturn(t.Context(), r.ID, orderhub.Decision{Decision: orderhub.DecideResell, Quantity: 1, Actor: manager})
		wantCode(t, err, orderhub.CodeInvalid, "2 left with order", "quantity")
		w.takeBack(goodsBack("R3", "1", "C", 1, orderhub.ReturnReceived))
		if r := w.ret("R3"); !strings.Contains(r.Discrepancy, "no product") {
			t.Errorf("a product that the order never had: %q", r.Discrepancy)
		}
	}, returning)
}

// TestFaultyGoodsWait: defects, and under the policy inspect everything, lie in
// quarantine until somebody decides.
func TestFaultyGoodsWait(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 10})
		w.offer()
		w.soldOut("1", "A", 3)
		w.soldOut("2", "A", 2)
		w.takeBack(goodsBack("R1", "1", "A", 3, orderhub.ReturnReceived, ofKind(orderhub.ReturnDefect)))
		w.wantFigure("A", 8, 3)
		wantCode(t, w.hub.SetReturnPolicy(t.Context(), acct, "burn"), orderhub.CodeInvalid, "restock, inspect")
		w.must(w.hub.SetReturnPolicy(t.Context(), acct, orderhub.ReturnInspect))
		w.takeBack(goodsBack("R2", "2", "A", 2, orderhub.ReturnReceived))
		w.wantFigure("A", 10, 5)
		id := w.ret("R1").ID
		decide := func(what orderhub.GoodsDecision, n int64, why string) error {
			_, err := w.hub.DecideReturn(t.Context(), id, orderhub.Decision{Decision: what, Quantity: n, Why: why, Photo: "photos/1.jpg", Actor: manager})
			return err
		}
		wantCode(t, decide(orderhub.DecideWriteOff, 1, " "), orderhub.CodeInvalid, "why")
		wantCode(t, decide("keep", 1, "x"), orderhub.CodeInvalid, "resell, quarantine, write_off")
		wantCode(t, decide(orderhub.DecideResell, 4, ""), orderhub.CodeInvalid, "up to 3")
		w.must(decide(orderhub.DecideResell, 2, "sound"))
		w.wantFigure("A", 10, 3)
		w.must(decide(orderhub.DecideWriteOff, 1, "cracked"))
		w.wantFigure("A", 9, 2)
		r := w.ret("R1")
		if g := r.Goods[0]; r.State != orderhub.ReturnDecided || g.Restocked != 2 || g.WrittenOff != 1 || g.Quarantined != 0 {
			t.Errorf("return %s, goods %+v", r.State, g)
		}
		w.must(decide(orderhub.DecideWriteOff, 1, "looked again"))
		w.wantFigure("A", 8, 2)
		wantCode(t, decide(orderhub.DecideWriteOff, 2, "more than there are"), orderhub.CodeInvalid, "up to 1")
		list, err := w.store.Decisions(t.Context(), id)
		w.must(err)
		if last := list[len(list)-1]; len(list) != 4 || last.Actor != manager || last.Why != "looked again" || last.Photo == "" {
			t.Errorf("decisions: %+v", list)
		}
	}, returning)
}

// TestPersonReceives: the warehouse is faster than the channel's news, which
// change nothing then.
func TestPersonReceives(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 2})
		w.offer()
		w.soldOut("1", "A", 2)
		w.takeBack(goodsBack("R1", "1", "A", 2, orderhub.ReturnAtPickup))
		id := w.ret("R1").ID
		_, err := w.hub.DecideReturn(t.Context(), id, orderhub.Decision{Decision: orderhub.DecideResell, Quantity: 1})
		wantCode(t, err, orderhub.CodeRefused, "received")
		r, err := w.hub.ReceiveReturn(t.Context(), id, Received{Note: "fetched"}, manager)
		w.must(err)
		if w.wantFigure("A", 2, 0); r.State != orderhub.ReturnDecided || r.ReceivedBy != manager || w.order("1").Headline != orderhub.StatusReturned {
			t.Errorf("return %s, order %s", r.State, w.order("1").Headline)
		}
		_, err = w.hub.ReceiveReturn(t.Context(), id, Received{}, manager)
		wantCode(t, err, orderhub.CodeRefused, "already")
		for _, state := range []orderhub.ReturnState{orderhub.ReturnReceived, orderhub.ReturnClosed} {
			w.takeBack(goodsBack("R1", "1", "A", 2, state))
			if r := w.ret("R1"); r.State != orderhub.ReturnDecided {
				t.Errorf("after the channel's %s: %s", state, r.State)
			}
		}
		w.wantFigure("A", 2, 0)
		_, err = w.hub.ReceiveReturn(t.Context(), 999, Received{}, manager)
		wantCode(t, err, orderhub.CodeNotFound)
	}, returning)
}

// TestNothingComesBack: a return that is closed, and one whose goods the buyer
// keeps, move nothing.
func TestNothingComesBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 3})
		w.offer()
		w.soldOut("1", "A", 3)
		keep := func(s *orderhub.ReturnSnapshot) { s.NoGoods = true }
		w.takeBack(goodsBack("R1", "1", "A", 1, orderhub.ReturnClosed), goodsBack("R2", "1", "A", 1, orderhub.ReturnReceived, keep))
		w.wantFigure("A", 0, 0)
		if o := w.order("1"); o.Headline != orderhub.StatusDelivered {
			t.Errorf("the order is %s", o.Headline)
		}
		_, err := w.hub.ReceiveReturn(t.Context(), w.ret("R1").ID, Received{}, manager)
		wantCode(t, err, orderhub.CodeRefused, "closed")
		_, err = w.hub.ReceiveReturn(t.Context(), w.ret("R2").ID, Received{}, manager)
		wantCode(t, err, orderhub.CodeRefused, "keeps")
		w.takeBack(goodsBack("R1", "1", "A", 1, orderhub.ReturnAnnounced), goodsBack("R1", "1", "A", 1, orderhub.ReturnReceived))
		w.wantFigure("A", 1, 0)
	}, returning)
}

// TestReturnBeforeItsOrder: it waits, and finds its order by id or by reference.
func TestReturnBeforeItsOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5})
		w.offer()
		byRef := goodsBack("R2", "", "", 1, orderhub.ReturnReceived, func(s *orderhub.ReturnSnapshot) {
			s.OrderRef, s.Lines = "RID-2", []orderhub.ReturnLine{{Name: "goods", Quantity: 1}}
		})
		w.takeBack(goodsBack("R1", "1", "A", 1, orderhub.ReturnReceived), byRef)
		if r := w.ret("R1"); r.OrderID != 0 || r.State != orderhub.ReturnReceived {
			t.Fatalf("return %+v", r)
		}
		w.buy("1", "A", 1)
		w.fake.place(with(snap("2", orderhub.StatusNew), func(s *orderhub.Snapshot) {
			s.Ref, s.PlacedAt = "RID-2", w.clock.now()
			s.Lines = []orderhub.Line{{SKU: "A", ListingKey: "kA", Quantity: 1}}
		}))
		w.read()
		if w.ret("R1").OrderID != w.order("1").ID || w.ret("R2").OrderID != w.order("2").ID {
			t.Fatal("the returns did not find their orders")
		}
		w.wantFigure("A", 5, 0)
		for _, id := range []string{"1", "2"} {
			w.fake.move(id, orderhub.StatusDelivered)
		}
		w.read()
		w.wantFigure("A", 5, 0)
		for _, id := range []string{"1", "2"} {
			if o, d := w.order(id), w.demand(id, "A"); o.Headline != orderhub.StatusReturned || d.Consumed != 1 || d.Returned != 1 {
				t.Errorf("order %s: %s, %+v", id, o.Headline, d)
			}
		}
	}, returning)
}

// TestReturnAndOrderAtTheSameMoment: when each was written without seeing the
// other, the next look matches them.
func TestReturnAndOrderAtTheSameMoment(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5})
		w.offer()
		w.soldOut("1", "A", 1)
		w.takeBack(goodsBack("R1", "other", "A", 1, orderhub.ReturnReceived))
		r := w.ret("R1")
		w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error {
			r.Snapshot.OrderID = "1" // as if it had named the order all the time
			return tx.SaveReturns(t.Context(), []*orderhub.Return{r})
		}))
		w.must(w.hub.follow(t.Context(), w.account()))
		if w.wantFigure("A", 5, 0); w.ret("R1").OrderID != w.order("1").ID || w.order("1").Headline != orderhub.StatusReturned {
			t.Errorf("return of %d, order %s", w.ret("R1").OrderID, w.order("1").Headline)
		}
	}, returning)
}

// TestRefusedDelivery: a cancel after the hand-over keeps the goods out until they
// are back; the order stays cancelled.
func TestRefusedDelivery(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 2})
		w.offer()
		w.soldOut("1", "A", 2)
		w.fake.script(func(f *fake) {
			s := f.books["1"]
			s.Status, s.Native, s.Cancellation = orderhub.StatusCancelled, "cancelled", &orderhub.Cancellation{AfterHandOver: true}
			f.books["1"] = s
		})
		w.read()
		w.wantFigure("A", 0, 0)
		w.takeBack(goodsBack("R1", "1", "A", 2, orderhub.ReturnReceived, ofKind(orderhub.ReturnRefused)))
		if w.wantFigure("A", 2, 0); w.order("1").Headline != orderhub.StatusCancelled {
			t.Errorf("the order is %s", w.order("1").Headline)
		}
	}, returning)
}

// TestKitsComeBackInParts: the components of a kit are counted one by one.
func TestKitsComeBackInParts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 4, "B": 2})
		w.must(w.hub.SaveProducts(t.Context(), []orderhub.Product{{SKU: "C", Components: []orderhub.Component{{SKU: "A", Quantity: 2}, {SKU: "B", Quantity: 1}}}}))
		w.offer()
		w.soldOut("1", "C", 2)
		w.wantFigure("A", 0, 0)
		w.takeBack(goodsBack("R1", "1", "C", 1, orderhub.ReturnReceived, ofKind(orderhub.ReturnDefect)))
		w.wantFigure("A", 2, 2)
		w.wantFigure("B", 1, 1)
		r := w.ret("R1")
		_, err := w.hub.DecideReturn(t.Context(), r.ID, orderhub.Decision{Goods: 1, Decision: orderhub.DecideWriteOff, Quantity: 1, Why: "the lid is cracked", Actor: manager})
		w.must(err)
		w.wantFigure("A", 2, 2)
		w.wantFigure("B", 0, 0)
		if o := w.order("1"); o.Headline != orderhub.StatusPartiallyReturned {
			t.Errorf("the order is %s", o.Headline)
		}
	}, returning)
}

// TestSameReturnAgainIsNoRow: an answer that is to the byte the last one of its
// kind is not kept again, also where two kinds take turns.
func TestSameReturnAgainIsNoRow(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		half := func(part string, state orderhub.ReturnState) orderhub.ReturnSnapshot {
			return goodsBack("R1", "1", "A", 1, state, func(s *orderhub.ReturnSnapshot) { s.Part = part })
		}
		w.takeBack(half("claim", orderhub.ReturnAnnounced), half("goods", orderhub.ReturnOnTheWay))
		for range 3 {
			if ids := w.save(backItem(half("claim", orderhub.ReturnAnnounced)), backItem(half("goods", orderhub.ReturnOnTheWay))); len(ids) > 0 {
				t.Errorf("%d rows for what is known", len(ids))
			}
		}
		if ids := w.save(backItem(half("goods", orderhub.ReturnAtPickup))); len(ids) != 1 {
			t.Error("news were left out")
		}
		w.accept()
		// Read before the last one, and saved later: the old words are news again when
		// they are read again.
		w.saveAt(w.clock.now().Add(-time.Hour), backItem(half("goods", orderhub.ReturnOnTheWay)))
		w.accept()
		if ids := w.save(backItem(half("goods", orderhub.ReturnOnTheWay))); len(ids) != 1 {
			t.Error("what was refused as older was taken for known")
		}
	}, returning)
}
