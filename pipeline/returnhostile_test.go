package pipeline

import (
	"testing"

	"github.com/orderhub/orderhub"
)

func kitOf(sku string, parts ...orderhub.Component) []orderhub.Product {
	return []orderhub.Product{{SKU: sku, Components: parts}}
}

// TestKitChangedBeforeItComesBack: a kit that is made of other things today comes
// back as what left.
func TestKitChangedBeforeItComesBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 10, "B": 10, "D": 10})
		w.must(w.hub.SaveProducts(t.Context(), kitOf("C", orderhub.Component{SKU: "A", Quantity: 2}, orderhub.Component{SKU: "B", Quantity: 1})))
		w.offer()
		w.soldOut("1", "C", 1)
		w.wantFigure("A", 8, 0)
		w.wantFigure("B", 9, 0)
		w.must(w.hub.SaveProducts(t.Context(), kitOf("C", orderhub.Component{SKU: "A", Quantity: 1}, orderhub.Component{SKU: "D", Quantity: 1})))
		w.takeBack(goodsBack("R1", "1", "C", 1, orderhub.ReturnReceived))
		w.wantFigure("D", 10, 0)
		w.wantFigure("A", 10, 0)
		w.wantFigure("B", 10, 0)
	}, returning)
}

// TestRelinkedBeforeItComesBack: a listing that sells another product today.
func TestRelinkedBeforeItComesBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 10, "B": 10})
		w.offer()
		w.soldOut("1", "A", 2)
		w.wantFigure("A", 8, 0)
		w.link("kA", "B")
		w.takeBack(goodsBack("R1", "1", "A", 1, orderhub.ReturnReceived))
		w.wantFigure("B", 10, 0)
		w.wantFigure("A", 9, 0)
	}, returning)
}

// TestBecameAKitBeforeItComesBack: it left as a product of its own.
func TestBecameAKitBeforeItComesBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 2, "B": 10})
		w.offer()
		w.soldOut("1", "A", 2)
		w.must(w.hub.SaveProducts(t.Context(), kitOf("A", orderhub.Component{SKU: "B", Quantity: 3})))
		w.takeBack(goodsBack("R1", "1", "A", 1, orderhub.ReturnReceived))
		w.wantFigure("B", 10, 0)
		w.wantFigure("A", 1, 0)
	}, returning)
}

// TestOneLineTooOftenIsNotTheOther: more units of one line than the order had do not
// stand for another line.
func TestOneLineTooOftenIsNotTheOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 10, "B": 10})
		w.offer()
		w.placed("1", orderhub.Line{SKU: "A", ListingKey: "kA", Quantity: 1}, orderhub.Line{SKU: "B", ListingKey: "kB", Quantity: 1})
		w.fake.move("1", orderhub.StatusDelivered)
		w.read()
		w.takeBack(goodsBack("R1", "1", "A", 1, orderhub.ReturnReceived), goodsBack("R2", "1", "A", 1, orderhub.ReturnReceived))
		w.wantFigure("A", 10, 0)
		w.wantFigure("B", 9, 0)
		if o := w.order("1"); o.Headline != orderhub.StatusPartiallyReturned {
			t.Errorf("B is with the buyer, and the order is %s", o.Headline)
		}
	}, returning)
}

// TestDefectHeardLate: it does not matter whether the claim that calls goods faulty is
// heard before or after they are received, as long as nobody has looked at them or
// bought them again.
func TestDefectHeardLate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 10})
		w.offer()
		say := func(order, part string, k orderhub.ReturnKind, state orderhub.ReturnState) {
			w.takeBack(goodsBack("R"+order, order, "A", 2, state, ofKind(k), func(s *orderhub.ReturnSnapshot) { s.Part = part }))
		}
		for _, id := range []string{"1", "2", "3", "4"} {
			w.soldOut(id, "A", 2)
		}
		say("1", "claim", orderhub.ReturnDefect, orderhub.ReturnAnnounced)
		say("1", "goods", orderhub.ReturnCustomer, orderhub.ReturnReceived)
		w.wantFigure("A", 4, 2)
		say("2", "goods", orderhub.ReturnCustomer, orderhub.ReturnReceived)
		w.wantFigure("A", 6, 2)
		for range 2 {
			say("2", "claim", orderhub.ReturnDefect, orderhub.ReturnAnnounced)
			w.wantFigure("A", 6, 4)
		}
		r := w.ret("R2")
		decisions, err := w.store.Decisions(t.Context(), r.ID)
		w.must(err)
		if r.State != orderhub.ReturnReceived || r.Goods[0].Quarantined != 2 || len(decisions) != 2 || decisions[1].Decision != orderhub.DecideQuarantine {
			t.Errorf("return %s, goods %+v, decisions %+v", r.State, r.Goods, decisions)
		}

		// A person has looked at these.
		say("3", "goods", orderhub.ReturnCustomer, orderhub.ReturnReceived)
		id := w.ret("R3").ID
		for _, what := range []orderhub.GoodsDecision{orderhub.DecideQuarantine, orderhub.DecideResell} {
			_, err := w.hub.DecideReturn(t.Context(), id, orderhub.Decision{Decision: what, Quantity: 2, Actor: manager})
			w.must(err)
		}
		say("3", "claim", orderhub.ReturnDefect, orderhub.ReturnAnnounced)
		w.wantFigure("A", 8, 4)

		// One of these is somebody's again.
		say("4", "goods", orderhub.ReturnCustomer, orderhub.ReturnReceived)
		w.buy("5", "A", 5)
		w.read()
		say("4", "claim", orderhub.ReturnDefect, orderhub.ReturnAnnounced)
		w.wantFigure("A", 10, 5)
		if g := w.ret("R4").Goods[0]; g.Restocked != 1 || g.Quarantined != 1 {
			t.Errorf("goods %+v", g)
		}
	}, returning)
}
