package pipeline

import (
	"strings"
	"sync"
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

// TestLinesChangePlaces: a site says its return again with the lines turned round.
func TestLinesChangePlaces(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 10, "B": 10})
		w.offer()
		w.placed("1", orderhub.Line{SKU: "A", ListingKey: "kA", Quantity: 1}, orderhub.Line{SKU: "B", ListingKey: "kB", Quantity: 1})
		w.fake.move("1", orderhub.StatusDelivered)
		w.read()
		a, b := orderhub.ReturnLine{SKU: "A", ListingKey: "kA", Quantity: 1}, orderhub.ReturnLine{SKU: "B", ListingKey: "kB", Quantity: 1}
		say := func(rev int64, lines ...orderhub.ReturnLine) {
			w.takeBack(goodsBack("R1", "1", "A", 1, orderhub.ReturnAtPickup, func(s *orderhub.ReturnSnapshot) { s.Lines, s.Revision = lines, rev }))
		}
		say(1, a, b)
		_, err := w.receive("R1", Received{Units: []orderhub.LineUnits{{Line: 0, Units: 1}}})
		w.must(err)
		w.wantFigure("A", 10, 0)
		say(2, b, a)
		_, err = w.receive("R1", Received{})
		w.must(err)
		w.wantFigure("A", 10, 0)
		w.wantFigure("B", 10, 0)
	}, returning)
}

// TestLinesComeOneByOne: each line of a return is booked when it comes, also the last.
func TestLinesComeOneByOne(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 10, "B": 10})
		w.offer()
		w.placed("1", orderhub.Line{SKU: "A", ListingKey: "kA", Quantity: 2}, orderhub.Line{SKU: "B", ListingKey: "kB", Quantity: 1})
		w.fake.move("1", orderhub.StatusDelivered)
		w.read()
		lines := []orderhub.ReturnLine{{SKU: "A", ListingKey: "kA", Quantity: 2}, {SKU: "B", ListingKey: "kB", Quantity: 1}}
		w.takeBack(goodsBack("R1", "1", "A", 1, orderhub.ReturnAtPickup, func(s *orderhub.ReturnSnapshot) { s.Lines = lines }))
		for _, in := range []Received{{Units: cameOf(0, 1)}, {Units: cameOf(0, 1)}, {}} {
			_, err := w.receive("R1", in)
			w.must(err)
		}
		w.wantFigure("A", 10, 0)
		w.wantFigure("B", 10, 0)
		if r := w.ret("R1"); r.State != orderhub.ReturnDecided || len(r.Goods) != 2 || r.Discrepancy != "" || w.order("1").Headline != orderhub.StatusReturned {
			t.Errorf("return %s, goods %+v, %q, order %s", r.State, r.Goods, r.Discrepancy, w.order("1").Headline)
		}
	}, returning)
}

// TestLineFindsItsProductLate, when another line of the return is booked already.
func TestLineFindsItsProductLate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 10, "N": 10})
		w.offer()
		w.placed("1", orderhub.Line{SKU: "A", ListingKey: "kA", Quantity: 1}, orderhub.Line{SKU: "?", ListingKey: "kB", Quantity: 2})
		w.fake.move("1", orderhub.StatusDelivered)
		w.read()
		lines := []orderhub.ReturnLine{{SKU: "A", ListingKey: "kA", Quantity: 1}, {SKU: "?", ListingKey: "kB", Quantity: 2}}
		w.takeBack(goodsBack("R1", "1", "A", 1, orderhub.ReturnReceived, func(s *orderhub.ReturnSnapshot) { s.Lines = lines }))
		w.wantFigure("A", 10, 0)
		if r := w.ret("R1"); !strings.Contains(r.Discrepancy, "no product") || r.State != orderhub.ReturnReceived {
			t.Errorf("return %s, %q", r.State, r.Discrepancy)
		}
		w.link("kB", "N")
		w.wantFigure("N", 10, 0)
		if r := w.ret("R1"); r.State != orderhub.ReturnDecided || r.Discrepancy != "" {
			t.Errorf("return %s, goods %+v, %q", r.State, r.Goods, r.Discrepancy)
		}
	}, returning)
}

// TestLineIsSplitAfterItCame: the same units in two lines are the same units.
func TestLineIsSplitAfterItCame(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 10})
		w.offer()
		w.soldOut("1", "A", 5)
		line := orderhub.ReturnLine{SKU: "A", ListingKey: "kA", Quantity: 2}
		w.takeBack(goodsBack("R1", "1", "A", 2, orderhub.ReturnReceived))
		a, b := line, line
		a.ID, a.Quantity, b.ID, b.Quantity = "1", 1, "2", 1
		w.takeBack(goodsBack("R1", "1", "A", 2, orderhub.ReturnReceived, func(s *orderhub.ReturnSnapshot) { s.Lines = []orderhub.ReturnLine{a, b} }))
		w.wantFigure("A", 7, 0)
		if r := w.ret("R1"); r.State != orderhub.ReturnDecided || r.Discrepancy != "" || w.order("1").Headline != orderhub.StatusPartiallyReturned {
			t.Errorf("return %s, goods %+v, %q", r.State, r.Goods, r.Discrepancy)
		}
	}, returning)
}

// TestTwoPeopleAtOnce receive and decide the same units.
func TestTwoPeopleAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 10})
		w.offer()
		w.must(w.hub.SetReturnPolicy(t.Context(), acct, orderhub.ReturnInspect))
		w.soldOut("1", "A", 4)
		w.takeBack(goodsBack("R1", "1", "A", 4, orderhub.ReturnAtPickup))
		id := w.ret("R1").ID
		both := func(f func(i int) error) (ok int) {
			var wg sync.WaitGroup
			var mu sync.Mutex
			for i := range 6 {
				wg.Go(func() {
					if err := f(i); err == nil {
						mu.Lock()
						ok++
						mu.Unlock()
					} else if orderhub.CodeOf(err) == "" {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			return ok
		}
		if n := both(func(int) error { _, err := w.hub.ReceiveReturn(t.Context(), id, Received{}, manager); return err }); n != 1 {
			t.Errorf("received %d times", n)
		}
		w.wantFigure("A", 10, 4)
		n := both(func(i int) error {
			what := []orderhub.GoodsDecision{orderhub.DecideResell, orderhub.DecideWriteOff}[i%2]
			_, err := w.hub.DecideReturn(t.Context(), id, orderhub.Decision{Decision: what, Quantity: 3, Why: "x", Actor: manager})
			return err
		})
		if n != 1 && n != 2 { // a write-off may take what was resold
			t.Errorf("decided %d times", n)
		}
		g := w.ret("R1").Goods[0]
		if g.Booked() != 4 || w.figure("A").Quarantine != g.Quarantined || w.figure("A").OnHand != 10-g.WrittenOff {
			t.Errorf("%+v %+v", g, w.figure("A"))
		}
	}, returning)
}

// TestCutThenReturnOfTheRest: a part cancelled, shipped, the rest comes back.
func TestCutThenReturnOfTheRest(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 10, "B": 5})
		w.offer()
		w.placed("1", orderhub.Line{SKU: "A", ListingKey: "kA", Quantity: 3}, orderhub.Line{SKU: "B", ListingKey: "kB", Quantity: 1})
		w.mustCut("1", 0, 1, 1, 1)
		w.push()
		w.read()
		w.fake.move("1", orderhub.StatusDelivered)
		w.read()
		w.wantFigure("A", 8, 0)
		w.wantFigure("B", 5, 0)
		w.takeBack(goodsBack("R1", "1", "A", 1, orderhub.ReturnReceived))
		if o := w.order("1"); o.Headline != orderhub.StatusPartiallyReturned {
			t.Errorf("one of two is back, and the order is %s", o.Headline)
		}
		w.takeBack(goodsBack("R2", "1", "A", 1, orderhub.ReturnReceived), goodsBack("R3", "1", "B", 1, orderhub.ReturnReceived))
		if o, r := w.order("1"), w.ret("R3"); o.Headline != orderhub.StatusReturned || !strings.Contains(r.Discrepancy, "more than left") {
			t.Errorf("order %s, the return of what was cut: %q", o.Headline, r.Discrepancy)
		}
		w.wantFigure("A", 10, 0)
		w.wantFigure("B", 5, 0)
	}, returning)
}
