package pipeline

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// TestReturnsInAnyOrder: an order that is sold, perhaps cancelled on its way, and
// comes back whole or in part, told in any order and several times: the same state
// and the same stock in the end.
func TestReturnsInAnyOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 1_000_000})
		w.offer()
		runs := 0
		rapid.Check(t, func(rt *rapid.T) {
			runs++
			w.oneStory(rt, fmt.Sprint("p", runs))
		})
	}, returning)
}

// oneStory draws what a market goes through, and tells it out of order.
func (w *world) oneStory(rt *rapid.T, id string) {
	began, sold := w.figure("A"), rapid.Int64Range(1, 3).Draw(rt, "units")
	news := w.storyOfOrder(rt, id, sold)
	cancelled := len(news) == 4
	backs, received, defect := storyOfReturns(rt, id, sold)
	news = append(news, backs...)
	told := slices.Clone(news)
	for _, n := range news {
		if rapid.Bool().Draw(rt, "twice") {
			told = append(told, n)
		}
	}
	told = rapid.Permutation(told).Draw(rt, "order of telling")
	at := w.clock.now()
	for _, n := range told {
		// When it was read is when it happened; it is only saved later.
		w.saveAt(at.Add(n.at), n.item)
		if rapid.Bool().Draw(rt, "accept now") {
			w.accept()
		}
	}
	w.accept()
	o, f, d := w.order(id), w.figure("A"), w.demand(id, "A")
	want := orderhub.StatusDelivered
	switch {
	case cancelled:
		want = orderhub.StatusCancelled
	case received == sold:
		want = orderhub.StatusReturned
	case received > 0:
		want = orderhub.StatusPartiallyReturned
	}
	if o.Headline != want {
		rt.Fatalf("the order is %s, want %s", o.Headline, want)
	}
	if left := sold - received; began.OnHand-f.OnHand != left || f.Quarantine-began.Quarantine != defect || f.Reserved != began.Reserved {
		rt.Fatalf("%d of %d came back, %d faulty: before %+v, after %+v", received, sold, defect, began, f)
	}
	if d.Returned != received || d.Consumed+d.Unbacked != sold {
		rt.Fatalf("demand %+v, want %d back of %d", d, received, sold)
	}
}

// retold is one answer and when it was read.
type retold struct {
	item channel.Item
	at   time.Duration
}

// storyOfOrder is an order that is placed, packed and delivered, or cancelled on
// its way.
func (w *world) storyOfOrder(rt *rapid.T, id string, units int64) []retold {
	placed := w.clock.now()
	say := func(rev int64, status orderhub.Status) retold {
		s := with(snap(id, status), func(s *orderhub.Snapshot) {
			s.PlacedAt, s.Revision = placed, rev
			s.Lines = []orderhub.Line{{SKU: "A", ListingKey: "kA", Quantity: units}}
			if status == orderhub.StatusCancelled {
				s.Cancellation = &orderhub.Cancellation{AfterHandOver: true}
			}
		})
		return retold{itemOf(s), time.Duration(rev) * time.Minute}
	}
	if rapid.Bool().Draw(rt, "cancelled") {
		return []retold{say(1, orderhub.StatusNew), say(2, orderhub.StatusConfirmed), say(3, orderhub.StatusShipped), say(4, orderhub.StatusCancelled)}
	}
	return []retold{say(1, orderhub.StatusNew), say(2, orderhub.StatusShipped), say(3, orderhub.StatusDelivered)}
}

// storyOfReturns is up to two returns of an order, each told in one or two halves.
func storyOfReturns(rt *rapid.T, order string, sold int64) (news []retold, received, defect int64) {
	left := sold
	for i := range rapid.IntRange(1, 2).Draw(rt, "returns") {
		if left == 0 {
			break
		}
		n := rapid.Int64Range(1, left).Draw(rt, "back")
		kind := rapid.SampledFrom([]orderhub.ReturnKind{orderhub.ReturnRefused, orderhub.ReturnCustomer, orderhub.ReturnDefect}).Draw(rt, "kind")
		path := rapid.SampledFrom([][]orderhub.ReturnState{
			{orderhub.ReturnAnnounced, orderhub.ReturnOnTheWay, orderhub.ReturnReceived},
			{orderhub.ReturnOnTheWay, orderhub.ReturnAtPickup, orderhub.ReturnReceived},
			{orderhub.ReturnAnnounced, orderhub.ReturnClosed, orderhub.ReturnAnnounced, orderhub.ReturnReceived},
			{orderhub.ReturnAnnounced, orderhub.ReturnClosed},
			{orderhub.ReturnAnnounced, orderhub.ReturnAtPickup, orderhub.ReturnClosed},
		}).Draw(rt, "path")
		halves := rapid.Bool().Draw(rt, "halves")
		for step, state := range path {
			s := goodsBack(fmt.Sprintf("%s-%d", order, i), order, "A", n, state, ofKind(kind))
			s.Native = fmt.Sprint(step)
			if halves {
				s.Part = "goods"
				if kind == orderhub.ReturnDefect {
					s.Kind = orderhub.ReturnCustomer // only the claim says so
				}
			}
			news = append(news, retold{backItem(s), time.Duration(step+5) * time.Minute})
		}
		if halves {
			claim := goodsBack(fmt.Sprintf("%s-%d", order, i), order, "A", n, orderhub.ReturnAnnounced, ofKind(kind))
			claim.Part = "claim"
			news = append(news, retold{backItem(claim), 4 * time.Minute})
		}
		if path[len(path)-1] == orderhub.ReturnReceived {
			left, received = left-n, received+n
			if kind == orderhub.ReturnDefect {
				defect += n
			}
		}
	}
	return news, received, defect
}
