package pipeline

import (
	"context"
	"slices"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// giveCards finds the cards of the batch's new orders, and of those whose buyer's
// data changed.
func (b *ledgerBatch) giveCards(ctx context.Context) error {
	var list []seeker
	var known []*orderhub.Order
	add := func(e *entry) {
		c := e.order.Snapshot.Customer
		p, ok := b.people[c]
		if !ok {
			p = personOf(b.account.channel.Descriptor.Buyers, b.account.ID, c)
		}
		if s, ok := seekerOf(e.order, p); ok {
			list = append(list, s)
			if !e.fresh && e.order.CardID == 0 {
				known = append(known, e.order)
			}
		}
	}
	for _, e := range b.order {
		add(e)
	}
	for _, e := range inOrderOfID(b.orders) {
		if !e.fresh && e.buyer {
			add(e)
		}
	}
	if err := b.hub.giveCards(ctx, b.tx, list); err != nil {
		return err
	}
	return b.tx.GiveCards(ctx, known)
}

// forget takes the buyer's data out of news about an order whose data was erased,
// and notes that the payload is to go too.
func (b *ledgerBatch) forget(n *news) {
	if !b.isErased(*n) {
		return
	}
	b.erase = append(b.erase, n.raw.ID)
	n.snap.Forget()
	n.person = orderhub.Person{}
	if n.back != nil {
		back := *n.back
		back.Forget()
		n.back = &back
	}
}

func (b *ledgerBatch) isErased(n news) bool {
	var e *entry
	switch {
	case n.err != nil && channel.IsReturn(n.raw.Kind):
		words := namedIn(n.raw.Body)
		for _, e := range b.orders {
			s := e.order.Snapshot
			if !e.order.ErasedAt.IsZero() && (slices.Contains(words, s.ExternalID) || (s.Ref != "" && slices.Contains(words, s.Ref))) {
				return true
			}
		}
		return false
	case n.back == nil && n.err == nil:
		e = b.orders[n.snap.ExternalID]
	case n.back == nil:
		e = b.orders[n.raw.ExternalID]
	default:
		if known := b.backs[n.back.ExternalID]; known != nil {
			e = b.orderOf(known.ret)
		}
		if e == nil {
			e = b.orderOf(&orderhub.Return{Snapshot: *n.back})
		}
	}
	return e != nil && !e.order.ErasedAt.IsZero()
}
