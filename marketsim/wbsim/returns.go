package wbsim

import (
	"fmt"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

var _ marketsim.Returning = (*Market)(nil)

// comeback is the return of one order: the buyer's claims, the goods on their way
// back, or both. Wildberries tells the two in two services and joins them by srid.
type comeback struct {
	order  *order
	opened time.Time
	claims []*claim // oldest first
	goods  marketsim.History[goodsState]
	kind   orderhub.ReturnKind
	calls  []marketsim.Call
}

// goodsState is where goods on their way to the seller are; a time that is not
// set has not come yet.
type goodsState struct {
	started, ready, expires, done time.Time
}

// storage is how long a point keeps goods for the seller.
const storage = 72 * time.Hour

// last is the newest claim, nil when there is none.
func (b *comeback) last() *claim {
	if len(b.claims) == 0 {
		return nil
	}
	return b.claims[len(b.claims)-1]
}

// comeback finds or opens the return of an order. The lock must be held.
func (m *Market) comeback(o *order, kind orderhub.ReturnKind, now time.Time) *comeback {
	b := m.backs[o.rid]
	if b == nil {
		b = &comeback{order: o, opened: now, kind: kind}
		m.backs[o.rid] = b
		m.backList = append(m.backList, b)
	}
	return b
}

// refused sends refused goods of an FBS order back to the seller. The goods of a
// DBS order never left the seller's own courier, and Wildberries tells nothing of
// them. The lock must be held.
func (m *Market) refused(o *order, now time.Time) {
	if o.scheme == orderhub.SchemeFBS {
		m.comeback(o, orderhub.ReturnRefused, now).goods.Set(now, goodsState{started: now})
	}
}

// state is the hub's word, written down from the documents; the adapter has its
// own table. Goods on the road say more than the claim that sent them.
func (b *comeback) state() orderhub.ReturnState {
	switch g := b.goods.Now(); {
	case !g.done.IsZero():
		return orderhub.ReturnReceived
	case !g.ready.IsZero():
		return orderhub.ReturnAtPickup
	case !g.started.IsZero():
		return orderhub.ReturnOnTheWay
	}
	switch b.last().hist.Now().goods {
	case goodsKept, goodsRefunded, goodsScrapped:
		return orderhub.ReturnClosed
	case goodsToSeller:
		return orderhub.ReturnOnTheWay
	case goodsReview, goodsToCheck:
	}
	return orderhub.ReturnAnnounced
}

// units are what comes back, nothing when the buyer keeps it.
func (b *comeback) units() map[string]int64 {
	if c := b.last(); c != nil {
		switch c.hist.Now().goods {
		case goodsKept, goodsRefunded:
			return map[string]int64{}
		case goodsReview, goodsScrapped, goodsToCheck, goodsToSeller:
		}
	}
	return map[string]int64{b.order.article.name: 1}
}

// Returns implements marketsim.Returning. The refund of a refused order is not in
// the books: Wildberries tells of refunds with claims only.
func (m *Market) Returns() []marketsim.TruthReturn {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := make([]marketsim.TruthReturn, 0, len(m.backList))
	for _, b := range m.backList {
		r := marketsim.TruthReturn{
			ID: b.order.rid, Order: fmt.Sprint(b.order.id), Kind: b.kind, State: b.state(), Units: b.units(),
			OpenedAt: b.opened, Answers: slices.Clone(b.calls),
		}
		if c := b.last(); c != nil && c.hist.Now().status == claimApproved {
			r.RefundMinor = b.order.finalPrice()
		}
		out = append(out, r)
	}
	return out
}

// ProgressReturn implements marketsim.Returning. A claim that the seller does not
// answer is granted by Wildberries, and one in four of these goods is scrapped.
// The others go through the check to the seller's point and are fetched there.
func (m *Market) ProgressReturn(id string) (moved bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.backs[id]
	if b == nil {
		return false, fmt.Errorf("return %q: not found", id)
	}
	now := m.now()
	switch g := b.goods.Now(); {
	case !g.done.IsZero():
		return false, nil
	case !g.ready.IsZero():
		g.done = now
		b.goods.Set(now, g)
		return true, nil
	case !g.started.IsZero():
		g.ready, g.expires = now, now.Add(storage)
		b.goods.Set(now, g)
		return true, nil
	}
	c := b.last()
	switch c.hist.Now().goods {
	case goodsReview:
		fate := goodsToCheck
		if b.order.id%4 == 3 {
			fate = goodsScrapped
		}
		c.decide(claimApproved, fate, "Заявка одобрена автоматически", now)
	case goodsToCheck:
		c.decide(claimApproved, goodsToSeller, c.hist.Now().comment, now)
	case goodsToSeller:
		b.goods.Set(now, goodsState{started: now})
	case goodsKept, goodsRefunded, goodsScrapped:
		return false, nil
	}
	return true, nil
}
