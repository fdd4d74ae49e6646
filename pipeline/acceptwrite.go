package pipeline

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// write puts everything into the database.
func (b *ledgerBatch) write(ctx context.Context) error {
	if err := b.giveCards(ctx); err != nil {
		return err
	}
	if err := b.tx.EraseRaws(ctx, b.erase); err != nil {
		return err
	}
	var inserts, updates, again []store.Change
	for _, e := range b.order {
		inserts = append(inserts, store.Change{Order: e.order, Content: true})
		if double := b.hub.hooks.DoubleOrder; double != nil && double(e.order.Snapshot.ExternalID) {
			twin := *e.order
			twin.Snapshot.ExternalID += "-twin"
			inserts = append(inserts, store.Change{Order: &twin, Content: true})
		}
	}
	if err := b.tx.InsertOrders(ctx, inserts); err != nil {
		return err
	}
	if err := b.writeReturns(ctx); err != nil {
		return err
	}
	for _, e := range b.orders {
		switch {
		case e.dirty && !e.fresh:
			updates = append(updates, store.Change{Order: e.order, Content: e.content})
		case e.dirty:
			again = append(again, store.Change{Order: e.order})
		}
	}
	slices.SortFunc(updates, func(x, y store.Change) int { return int(x.Order.ID - y.Order.ID) })
	if err := b.settleLosses(ctx); err != nil {
		return err
	}
	if err := b.settle(ctx, updates); err != nil {
		return err
	}
	held, events, err := b.claimGoods(ctx, inserts, updates)
	if err != nil {
		return err
	}
	for _, c := range held {
		if !slices.Contains(again, c) {
			again = append(again, c)
		}
	}
	if err := b.tx.UpdateOrders(ctx, append(updates, again...)); err != nil {
		return err
	}
	if err := b.writeEvents(ctx, events); err != nil {
		return err
	}
	return b.ring(ctx)
}

// claimGoods lets the batch's orders claim their goods. again are new orders that
// are to be written once more, with their holds.
func (b *ledgerBatch) claimGoods(ctx context.Context, inserts, updates []store.Change) (again []store.Change, events []orderhub.Event, err error) {
	if !b.goods {
		return nil, nil, nil
	}
	orders := make([]*orderhub.Order, 0, len(inserts)+len(updates))
	fresh := map[*orderhub.Order]bool{}
	for _, c := range inserts {
		orders, fresh[c.Order] = append(orders, c.Order), true
	}
	for _, c := range updates {
		orders = append(orders, c.Order)
	}
	b.claimed = len(orders) > 0
	if err := b.learnListings(ctx, inserts); err != nil {
		return nil, nil, err
	}
	held, events, err := b.hub.claimGoods(ctx, b.tx, b.account.ID, orders, orderhub.Actor{Kind: orderhub.ActorChannel, Name: b.account.ID})
	for _, o := range held {
		if fresh[o] {
			again = append(again, store.Change{Order: o})
		}
	}
	return again, events, err
}

// learnListings keeps the offers that new orders name, where the channel cannot list
// its offers: without them no stock could be sent. The warehouse's lane links them;
// these orders find their goods by article and barcode.
func (b *ledgerBatch) learnListings(ctx context.Context, inserts []store.Change) error {
	_, lists := b.account.adapter.(channel.Catalogue)
	_, sends := b.account.adapter.(channel.StockPusher)
	if lists || !sends || b.account.Channel == siteChannel { // a site's offers are our own products
		return nil
	}
	offers := map[string]orderhub.Listing{}
	for _, c := range inserts {
		for _, l := range c.Order.Snapshot.Lines {
			if l.ListingKey != "" {
				offers[l.ListingKey] = orderhub.Listing{Key: l.ListingKey, Article: l.SKU, Barcodes: l.Barcodes, Name: l.Name, Live: true}
			}
		}
	}
	if len(offers) == 0 {
		return nil
	}
	if err := b.tx.LearnListings(ctx, b.account.ID, slices.SortedFunc(maps.Values(offers), func(x, y orderhub.Listing) int { return cmp.Compare(x.Key, y.Key) })); err != nil {
		return err
	}
	return b.hub.jobs.Ring(ctx, b.tx, stockLane)
}

func (b *ledgerBatch) writeEvents(ctx context.Context, events []orderhub.Event) error {
	for _, e := range b.orders {
		for _, ev := range e.events {
			ev.OrderID = e.order.ID
			events = append(events, ev)
		}
		if len(e.drift) > 0 {
			if err := b.tx.CountDrift(ctx, b.account.ID, e.order.ID, e.drift); err != nil {
				return err
			}
		}
	}
	events = append(events, b.alone...)
	slices.SortStableFunc(events, func(x, y orderhub.Event) int { return cmp.Compare(orLast(x.InboxID), orLast(y.InboxID)) })
	return b.tx.AddEvents(ctx, events)
}

// inOrderOfID sorts orders that are in the ledger.
func inOrderOfID(orders map[string]*entry) []*entry {
	return slices.SortedFunc(maps.Values(orders), func(x, y *entry) int { return cmp.Compare(x.order.ID, y.order.ID) })
}

// orLast sorts what no raw answer says behind what one does.
func orLast(inboxID int64) int64 {
	if inboxID == 0 {
		return 1<<63 - 1
	}
	return inboxID
}

// ring asks for what follows the batch.
func (b *ledgerBatch) ring(ctx context.Context) error {
	if len(b.hints) > 0 && hasReader(b.account.adapter) {
		if err := b.tx.Hint(ctx, b.account.ID, b.hints); err != nil {
			return err
		}
		if err := b.hub.jobs.Ring(ctx, b.tx, jobs.Lane{Work: jobs.WorkHints, Account: b.account.ID}); err != nil {
			return err
		}
	}
	if b.follow {
		if err := b.hub.jobs.Ring(ctx, b.tx, jobs.Lane{Work: jobs.WorkFollow, Account: b.account.ID}); err != nil {
			return err
		}
	}
	if len(b.effects) > 0 {
		if err := b.hub.jobs.Ring(ctx, b.tx, jobs.Lane{Work: jobs.WorkPush, Account: b.account.ID}); err != nil {
			return err
		}
	}
	if b.received {
		if err := b.hub.jobs.Ring(ctx, b.tx, stockLane); err != nil {
			return err
		}
	}
	if b.claimed {
		return b.hub.ringPlanner(ctx, b.tx)
	}
	return nil
}

// sentenceForQuarantine tells an operator why an answer cannot be read. An
// adapter's error names a field and never a value of a buyer.
func sentenceForQuarantine(err error) string {
	s := err.Error()
	if len(s) > 500 {
		s = s[:500] + "…"
	}
	return clean(s)
}
