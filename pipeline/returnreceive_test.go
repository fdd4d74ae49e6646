package pipeline

import (
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
)

func (w *world) receive(id string, in Received) (*orderhub.Return, error) {
	w.t.Helper()
	return w.hub.ReceiveReturn(w.t.Context(), w.ret(id).ID, in, manager)
}

func cameOf(pairs ...int64) []orderhub.LineUnits {
	var out []orderhub.LineUnits
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, orderhub.LineUnits{Line: int(pairs[i]), Units: pairs[i+1]})
	}
	return out
}

// TestReturnComesInParts: what a person counted is booked, the rest is awaited, and
// comes or is missing.
func TestReturnComesInParts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5})
		w.offer()
		w.soldOut("1", "A", 4)
		w.takeBack(goodsBack("R1", "1", "A", 4, orderhub.ReturnAtPickup, func(s *orderhub.ReturnSnapshot) { s.PickUpBy = w.clock.now().Add(time.Hour) }))
		_, err := w.receive("R1", Received{Missing: true})
		wantCode(t, err, orderhub.CodeInvalid, "what came")
		_, err = w.receive("R1", Received{Units: cameOf(0, 5)})
		wantCode(t, err, orderhub.CodeInvalid, "allowed: 1 to 4")
		r, err := w.receive("R1", Received{Units: cameOf(0, 1), Note: "one box"})
		w.must(err)
		w.wantFigure("A", 2, 0)
		if r.State != orderhub.ReturnReceived || r.Awaited() != 3 || r.Deadline().IsZero() || !strings.Contains(r.Discrepancy, "3 units still to come") || w.order("1").Headline != orderhub.StatusPartiallyReturned {
			t.Errorf("return %s, awaited %d, %q, order %s", r.State, r.Awaited(), r.Discrepancy, w.order("1").Headline)
		}
		w.takeBack(goodsBack("R1", "1", "A", 4, orderhub.ReturnReceived)) // the carrier says that all was handed over
		w.wantFigure("A", 2, 0)
		r, err = w.receive("R1", Received{Units: cameOf(0, 2)})
		w.must(err)
		w.wantFigure("A", 4, 0)
		if r.Awaited() != 1 || len(r.Goods) != 1 || r.Goods[0].Restocked != 3 {
			t.Errorf("awaited %d, goods %+v", r.Awaited(), r.Goods)
		}
		r, err = w.receive("R1", Received{Missing: true})
		w.must(err)
		w.wantFigure("A", 4, 0)
		if r.State != orderhub.ReturnDecided || r.UnitsHere() != 3 || !strings.Contains(r.Discrepancy, "did not come") {
			t.Errorf("return %s with %d units, %q", r.State, r.UnitsHere(), r.Discrepancy)
		}
		_, err = w.receive("R1", Received{})
		wantCode(t, err, orderhub.CodeRefused, "already")
		if d := w.demand("1", "A"); d.Returned != 3 || w.order("1").Headline != orderhub.StatusPartiallyReturned {
			t.Errorf("demand %+v, order %s", d, w.order("1").Headline)
		}
		w.soldOut("2", "A", 2)
		w.takeBack(goodsBack("R2", "2", "A", 2, orderhub.ReturnAtPickup))
		_, err = w.receive("R2", Received{Units: cameOf(0, 1)})
		w.must(err)
		r, err = w.receive("R2", Received{})
		w.must(err)
		w.wantFigure("A", 4, 0)
		if r.Came != nil || r.State != orderhub.ReturnDecided || w.order("2").Headline != orderhub.StatusReturned {
			t.Errorf("return %s, %+v, order %s", r.State, r.Came, w.order("2").Headline)
		}
	}, returning)
}

// TestReturnIsLinkedByHand: a return whose order the channel names in words that the
// hub does not know is booked and answered once a person links it.
func TestReturnIsLinkedByHand(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5})
		w.offer()
		w.soldOut("1", "A", 2)
		lost := waiting("R1", "the order of old")
		w.fake.back(lost)
		w.sweepReturns()
		lost.State = orderhub.ReturnReceived
		w.takeBack(lost)
		w.wantFigure("A", 3, 0)
		id := w.ret("R1").ID
		_, err := w.hub.LinkReturn(t.Context(), id, 99999, manager)
		wantCode(t, err, orderhub.CodeNotFound)
		r, err := w.hub.LinkReturn(t.Context(), id, w.order("1").ID, manager)
		w.must(err)
		w.wantFigure("A", 4, 0)
		if r.OrderID != w.order("1").ID || r.State != orderhub.ReturnDecided || w.order("1").Headline != orderhub.StatusPartiallyReturned {
			t.Errorf("return %s of %d, order %s", r.State, r.OrderID, w.order("1").Headline)
		}
		_, err = w.hub.LinkReturn(t.Context(), id, w.order("1").ID, manager)
		wantCode(t, err, orderhub.CodeRefused, "already")
		w.must(w.answer("R1", ReturnReply{Action: "grant"}))
		w.take(with(snap("the order of old", orderhub.StatusDelivered), func(s *orderhub.Snapshot) { s.Comment = "late" }))
		if r := w.ret("R1"); r.OrderID != w.order("1").ID {
			t.Errorf("the person's word was overruled: %d", r.OrderID)
		}
	}, returning)
}

// TestReturnWithoutOrder: goods that a person recognises are booked without their
// order, once; the order is asked for, and does not take them over when it comes.
func TestReturnWithoutOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5, "B": 5})
		w.offer()
		w.takeBack(goodsBack("R1", "9", "A", 2, orderhub.ReturnAtPickup), goodsBack("R2", "9", "B", 1, orderhub.ReturnAtPickup, ofKind(orderhub.ReturnDefect)))
		same(t, "asked for", w.hints(), "9")
		_, err := w.receive("R1", Received{Units: cameOf(0, 1), SKUs: map[int]string{0: "X"}})
		wantCode(t, err, orderhub.CodeInvalid, `"X"`)
		r, err := w.receive("R1", Received{Units: cameOf(0, 1), SKUs: map[int]string{0: "A"}})
		w.must(err)
		w.wantFigure("A", 6, 0)
		if r.State != orderhub.ReturnReceived || r.Awaited() != 1 {
			t.Errorf("return %s, %d awaited", r.State, r.Awaited())
		}
		r, err = w.receive("R1", Received{})
		w.must(err)
		w.wantFigure("A", 7, 0)
		if r.State != orderhub.ReturnDecided || r.Goods[0].Restocked != 2 {
			t.Errorf("return %s, goods %+v", r.State, r.Goods)
		}
		r, err = w.receive("R2", Received{SKUs: map[int]string{0: "B"}})
		w.must(err)
		w.wantFigure("B", 6, 1)
		_, err = w.hub.DecideReturn(t.Context(), r.ID, orderhub.Decision{Decision: orderhub.DecideWriteOff, Quantity: 1, Why: "broken", Actor: manager})
		w.must(err)
		w.wantFigure("B", 5, 0)
		w.fake.place(with(snap("9", orderhub.StatusDelivered), func(s *orderhub.Snapshot) {
			s.Lines = []orderhub.Line{{SKU: "A", ListingKey: "kA", Quantity: 2}}
		}))
		w.read()
		w.takeBack(goodsBack("R1", "9", "A", 2, orderhub.ReturnReceived))
		w.wantFigure("A", 7, 0)
		_, err = w.hub.LinkReturn(t.Context(), r.ID, w.order("9").ID, manager)
		wantCode(t, err, orderhub.CodeRefused, "without its order")
		_, err = w.receive("R1", Received{})
		wantCode(t, err, orderhub.CodeRefused, "already")
	}, returning)
}

// TestReturnsDue: what must be answered or collected before a moment.
func TestReturnsDue(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		now := w.clock.now()
		w.takeBack(
			goodsBack("R1", "1", "A", 1, orderhub.ReturnAtPickup, func(s *orderhub.ReturnSnapshot) { s.PickUpBy = now.Add(time.Hour) }),
			goodsBack("R2", "1", "A", 1, orderhub.ReturnAnnounced, func(s *orderhub.ReturnSnapshot) {
				s.AnswerBy, s.PickUpBy, s.Actions = now.Add(2*time.Hour), now.Add(3*time.Hour), []orderhub.ReturnAction{{Code: "grant"}}
			}),
			goodsBack("R3", "1", "A", 1, orderhub.ReturnAnnounced, func(s *orderhub.ReturnSnapshot) {
				s.AnswerBy, s.Actions = now.Add(time.Minute), []orderhub.ReturnAction{}
			}),
			goodsBack("R4", "1", "A", 1, orderhub.ReturnReceived, func(s *orderhub.ReturnSnapshot) { s.PickUpBy = now.Add(time.Minute) }),
		)
		var got []string
		list, err := w.store.ReturnsDue(t.Context(), now.Add(150*time.Minute), 0, 10)
		w.must(err)
		for _, r := range list {
			_, what := r.Due()
			got = append(got, r.Snapshot.ExternalID+" "+string(what))
		}
		same(t, "due", got, "R1 pick_up", "R2 answer")
		list, err = w.store.ReturnsDue(t.Context(), now.Add(90*time.Minute), list[0].ID, 10)
		w.must(err)
		if len(list) != 0 {
			t.Errorf("%d are due behind the first", len(list))
		}
	}, returning)
}

// TestReturnGrows: a channel that corrects itself upwards after the goods were booked
// gets the rest booked too.
func TestReturnGrows(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5})
		w.offer()
		w.soldOut("1", "A", 3)
		w.takeBack(goodsBack("R1", "1", "A", 1, orderhub.ReturnReceived))
		w.wantFigure("A", 3, 0)
		for range 2 {
			w.takeBack(goodsBack("R1", "1", "A", 2, orderhub.ReturnReceived))
			w.wantFigure("A", 4, 0)
		}
		if r := w.ret("R1"); len(r.Goods) != 1 || r.Goods[0].Restocked != 2 || r.State != orderhub.ReturnDecided {
			t.Errorf("return %s, goods %+v", r.State, r.Goods)
		}
	}, returning)
}

// TestBackThoughNeverSeenLeaving: goods that come back of an order that was cancelled
// had left, whether anybody said so or not: the shelf is as it was, and nothing is
// called a discrepancy.
func TestBackThoughNeverSeenLeaving(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5})
		w.offer()
		w.buy("1", "A", 2)
		w.read()
		w.fake.move("1", orderhub.StatusCancelled)
		w.read()
		w.takeBack(goodsBack("R1", "1", "A", 2, orderhub.ReturnAtPickup, ofKind(orderhub.ReturnRefused)))
		w.wantFigure("A", 5, 0)
		_, err := w.receive("R1", Received{})
		w.must(err)
		w.wantFigure("A", 5, 0)
		r, d, o := w.ret("R1"), w.demand("1", "A"), w.order("1")
		if r.State != orderhub.ReturnDecided || r.Discrepancy != "" || d.Returned != 2 || d.Consumed != 2 || !o.Snapshot.Cancellation.AfterHandOver || o.Headline != orderhub.StatusCancelled {
			t.Errorf("return %s %q, demand %+v, order %s %+v", r.State, r.Discrepancy, d, o.Headline, o.Snapshot.Cancellation)
		}
	}, returning)
}

// TestRestIsClosed: when the channel ends a return of which a part came, nothing is
// awaited any more.
func TestRestIsClosed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5})
		w.offer()
		w.soldOut("1", "A", 3)
		w.takeBack(goodsBack("R1", "1", "A", 3, orderhub.ReturnOnTheWay))
		_, err := w.receive("R1", Received{Units: cameOf(0, 1)})
		w.must(err)
		w.takeBack(goodsBack("R1", "1", "A", 3, orderhub.ReturnClosed))
		if r := w.ret("R1"); r.State != orderhub.ReturnDecided || r.Awaited() != 0 {
			t.Errorf("return %s, %d awaited", r.State, r.Awaited())
		}
	}, returning)
}
