package orderhub

import (
	"testing"
	"time"
)

func TestCutIn(t *testing.T) {
	t.Parallel()
	order := func(a, b int64) *Snapshot {
		return &Snapshot{Lines: []Line{{ListingKey: "a", Quantity: a}, {ListingKey: "b", Quantity: b}}}
	}
	cut, err := NewLineCut(order(3, 2), []LineUnits{{Line: 0, Units: 2}})
	if err != nil || cut.All() {
		t.Fatal(cut, err)
	}
	again, ok := ReadLineCut(cut.Encode())
	if !ok || again.In(order(3, 2)) != CutOpen {
		t.Error("not read back")
	}
	for now, want := range map[[2]int64]CutState{
		{3, 2}: CutOpen, {1, 2}: CutDone, {0, 2}: CutDone, {2, 2}: CutOther, {3, 1}: CutOther, {1, 0}: CutDone, {4, 2}: CutOther,
	} {
		if got := cut.In(order(now[0], now[1])); got != want {
			t.Errorf("%v: %d, want %d", now, got, want)
		}
	}
	moved := &Snapshot{Lines: []Line{{ListingKey: "b", Quantity: 2}, {ListingKey: "a", Quantity: 3}}}
	if cut.In(moved) != CutOther {
		t.Error("the lines stand elsewhere: their places mean others")
	}
}

// TestDeadlineOfACancelRequestStays: where it is worked out of the last change it
// does not move on with every change.
func TestDeadlineOfACancelRequestStays(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	asked := func(id string, hours int, by time.Time) Snapshot {
		return Snapshot{
			ExternalID: "1", Status: StatusShipped, Native: "DELIVERY", ChangedAt: at.Add(time.Duration(hours) * time.Hour),
			CancelRequest: &CancelRequest{ID: id, AnswerBy: by},
		}
	}
	for id, want := range map[string]time.Time{"": at.Add(48 * time.Hour), "77": at.Add(50 * time.Hour)} {
		o := &Order{Snapshot: asked(id, 0, at.Add(48*time.Hour)), Headline: StatusShipped}
		Merge(o, asked(id, 2, at.Add(50*time.Hour)), at.Add(3*time.Hour), time.Minute)
		if got := o.Snapshot.CancelRequest.AnswerBy; !got.Equal(want) {
			t.Errorf("request %q is to be answered by %s, want %s", id, got, want)
		}
	}
}

// TestShippedIsNeverForgotten: that the goods of a cancelled order had left is true
// whenever it is heard, and stays so.
func TestShippedIsNeverForgotten(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	say := func(s Status) Snapshot {
		n := Snapshot{ExternalID: "1", Status: s, Native: string(s), Lines: []Line{{SKU: "A", Quantity: 1}}}
		if s == StatusCancelled {
			n.Cancellation = &Cancellation{By: CancelByBuyer}
		}
		return n
	}
	for _, told := range [][]Status{{StatusShipped, StatusCancelled}, {StatusCancelled, StatusShipped}, {StatusCancelled, StatusDelivered, StatusCancelled}} {
		o := &Order{Snapshot: say(told[0]), Headline: told[0]}
		for i, s := range told[1:] {
			Merge(o, say(s), at.Add(time.Duration(i)*time.Second), time.Minute)
		}
		c := o.Snapshot.Cancellation
		if o.Headline != StatusCancelled || c == nil || !c.AfterHandOver || c.By != CancelByBuyer || ClaimOf(o) != ClaimConsumed {
			t.Errorf("told %v: %s, %+v", told, o.Headline, c)
		}
	}
}
