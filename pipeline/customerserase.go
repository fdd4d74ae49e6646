package pipeline

import (
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// cardsLane is the lane of buyers' cards; it belongs to no account.
var cardsLane = jobs.Lane{Work: jobs.WorkCards, Account: "customers"}

const (
	// eraseBatch is how many orders one step erases or looks at.
	eraseBatch = 100
	// backfill and retention name the lane's positions.
	backfillCursor, retentionCursor = "backfill", "retention"
	// roundHour is when the night's round begins, UTC.
	roundHour = 23
	// maxRetention caps the days, a century.
	maxRetention = 36_500
)

// EraseCustomer takes a buyer's data out of the hub for good: cards, orders,
// search words, raw payloads, returns, messages. Orders, goods and money stay.
// With evenOpen it does not mind orders that are still under way.
func (h *Hub) EraseCustomer(ctx context.Context, id int64, why string, evenOpen bool, actor orderhub.Actor) (*store.CardTree, error) {
	why, err := checkWhy(why)
	if err != nil {
		return nil, err
	}
	if !evenOpen {
		if err := h.nothingOpen(ctx, id); err != nil {
			return nil, err
		}
	}
	err = h.onTrees(ctx, []int64{id}, func(tx *store.Tx, _ []int64, cards []*orderhub.Card) error {
		if err := tx.EraseCards(ctx, cards, why, scrubActor(actor)); err != nil {
			return err
		}
		return h.jobs.Ring(ctx, tx, cardsLane)
	})
	if err != nil {
		return nil, err
	}
	t, err := h.store.CardTreeOf(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, c := range t.Cards {
		if err := h.eraseOrdersOf(ctx, c, store.Lease{}); err != nil {
			return nil, err
		}
	}
	return h.store.CardTreeOf(ctx, id)
}

// nothingOpen refuses while the buyer waits for goods.
func (h *Hub) nothingOpen(ctx context.Context, id int64) error {
	t, err := h.store.CardTreeOf(ctx, id)
	if err != nil {
		return err
	}
	for before := int64(0); ; {
		orders, err := h.store.OrdersOfCards(ctx, t, before, 500)
		if err != nil || len(orders) == 0 {
			return err
		}
		for _, o := range orders {
			before = o.ID
			if !o.Headline.IsEnd() {
				return stillOpen(o)
			}
		}
	}
}

// eraseOrdersOf erases the orders of an erased card, step by step.
func (h *Hub) eraseOrdersOf(ctx context.Context, card *orderhub.Card, lease store.Lease) error {
	for ctx.Err() == nil {
		ids, err := h.store.UnerasedOf(ctx, card.ID, eraseBatch)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return h.store.InTx(ctx, func(tx *store.Tx) error { return tx.EraseDone(ctx, card.ID) })
		}
		if err := h.eraseOrders(ctx, ids, "the buyer's data was erased", card.ErasedBy, lease, nil); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// EraseOrder takes the buyer's data out of one order, on a card or not: an address
// alone makes no card. The card keeps what its other orders tell.
func (h *Hub) EraseOrder(ctx context.Context, number int64, evenOpen bool, actor orderhub.Actor) (*orderhub.Order, error) {
	o, err := h.store.Order(ctx, number)
	if err != nil {
		return nil, err
	}
	if !o.ErasedAt.IsZero() {
		return nil, orderhub.Errorf(orderhub.CodeRefused, "the buyer's data of order %s was erased already", o.Number())
	}
	if !evenOpen && !o.Headline.IsEnd() {
		return nil, stillOpen(o)
	}
	const why = "the buyer's data was erased"
	err = h.eraseOrders(ctx, []int64{number}, why, scrubActor(actor), store.Lease{}, func(tx *store.Tx) error {
		if o.CardID == 0 {
			return nil
		}
		return h.rekey(ctx, tx, o.CardID, why)
	})
	if err != nil {
		return nil, err
	}
	return h.store.Order(ctx, number)
}

func stillOpen(o *orderhub.Order) error {
	return orderhub.Errorf(orderhub.CodeRefused, "order %s is %s: it cannot be delivered without the buyer's data; erase when it has ended, or say even_open", o.Number(), o.Headline)
}

// eraseOrders makes orders, and what was delivered of the same purchases by orders
// without a card, forget their buyers.
func (h *Hub) eraseOrders(ctx context.Context, ids []int64, why string, actor orderhub.Actor, lease store.Lease, also func(tx *store.Tx) error) error {
	siblings, err := h.store.SiblingsWithoutCard(ctx, ids)
	if err != nil {
		return err
	}
	known, err := h.store.OrdersByIDs(ctx, slices.Concat(ids, siblings))
	if err != nil {
		return err
	}
	kept, err := h.keptBeside(ctx, known)
	if err != nil {
		return err
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		locked, err := tx.LockOrdersByIDs(ctx, slices.Concat(ids, siblings))
		if err != nil {
			return err
		}
		if err := tx.EraseKept(ctx, kept.calls, kept.raws); err != nil {
			return err
		}
		var orders []*orderhub.Order
		var numbers []int64
		var events []orderhub.Event
		for id, o := range locked {
			if !o.ErasedAt.IsZero() {
				continue
			}
			o.Snapshot.Forget()
			orders, numbers = append(orders, o), append(numbers, id)
			events = append(events, orderhub.Event{OrderID: id, At: h.store.Now(), Kind: orderhub.EventErased, Actor: actor, Why: why})
		}
		slices.SortFunc(orders, func(a, b *orderhub.Order) int { return int(a.ID - b.ID) })
		slices.SortFunc(events, func(a, b orderhub.Event) int { return int(a.OrderID - b.OrderID) })
		if len(orders) > 0 {
			if err := h.eraseLocked(ctx, tx, orders, numbers); err != nil {
				return err
			}
		}
		if err := tx.AddEvents(ctx, events); err != nil || also == nil {
			return err
		}
		return also(tx)
	})
}

func (h *Hub) eraseLocked(ctx context.Context, tx *store.Tx, orders []*orderhub.Order, numbers []int64) error {
	if err := tx.EraseOrders(ctx, orders); err != nil {
		return err
	}
	returns, err := tx.LockReturnsOf(ctx, numbers)
	if err != nil {
		return err
	}
	for _, r := range returns {
		forgetReturn(r)
	}
	return tx.EraseReturns(ctx, returns)
}

// forgetReturn takes the buyer's data out of all that a return's halves say.
func forgetReturn(r *orderhub.Return) {
	r.Snapshot.Forget()
	for i := range r.Parts {
		r.Parts[i].Snapshot.Forget()
	}
}

// tendCards is the work of the cards' lane: erasures that were interrupted, orders
// from before there were cards, and at night the rule of retention.
func (h *Hub) tendCards(ctx context.Context, lease store.Lease) error {
	for {
		cards, err := h.store.Erasing(ctx, eraseBatch)
		if err != nil {
			return err
		}
		if len(cards) == 0 {
			break
		}
		for _, c := range cards {
			if err := h.eraseOrdersOf(ctx, c, lease); err != nil {
				return err
			}
		}
	}
	if err := h.backfillCards(ctx, lease); err != nil {
		return err
	}
	return h.retain(ctx, lease)
}

// backfillCards gives cards to orders that were here before the cards, oldest
// first; the position is kept with them.
func (h *Hub) backfillCards(ctx context.Context, lease store.Lease) error {
	for ctx.Err() == nil {
		at, until, err := h.store.CardCursor(ctx, backfillCursor)
		if err != nil || at >= until {
			return err
		}
		ids, last, err := h.store.Uncarded(ctx, at, until, h.batch)
		if err != nil {
			return err
		}
		if err := h.store.InTx(ctx, func(tx *store.Tx) error {
			if err := tx.Hold(ctx, lease); err != nil {
				return err
			}
			if err := h.cardKnown(ctx, tx, ids); err != nil {
				return err
			}
			return tx.SetCardCursor(ctx, backfillCursor, last, until)
		}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// cardKnown gives cards to orders of the ledger.
func (h *Hub) cardKnown(ctx context.Context, tx *store.Tx, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	locked, err := tx.LockOrdersByIDs(ctx, ids)
	if err != nil {
		return err
	}
	var list []seeker
	var orders []*orderhub.Order
	for _, id := range ids {
		o := locked[id]
		if o == nil || o.CardID != 0 {
			continue
		}
		if s, ok := seekerOf(o, h.personIn(o)); ok {
			list, orders = append(list, s), append(orders, o)
		}
	}
	if err := h.giveCards(ctx, tx, list); err != nil {
		return err
	}
	return tx.GiveCards(ctx, orders)
}

// retain erases the data of orders that ended long ago, once a night, if the shop
// wants it.
func (h *Hub) retain(ctx context.Context, lease store.Lease) error {
	after, next, err := h.store.CardCursor(ctx, retentionCursor)
	if err != nil || next > h.store.Now().UnixMicro() {
		return err
	}
	days, err := h.store.RetentionDays(ctx)
	if err != nil {
		return err
	}
	if days == 0 {
		return h.moveCursor(ctx, retentionCursor, 0, math.MaxInt64, lease)
	}
	for ctx.Err() == nil {
		ids, last, err := h.store.EndedBefore(ctx, h.store.Now().AddDate(0, 0, -days), after, 5*eraseBatch)
		if err != nil {
			return err
		}
		if last == 0 {
			break
		}
		for part := range slices.Chunk(ids, eraseBatch) {
			if err := h.retainPart(ctx, part, days, lease); err != nil {
				return err
			}
		}
		after = last
		if err := h.moveCursor(ctx, retentionCursor, after, next, lease); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return h.moveCursor(ctx, retentionCursor, 0, nextRound(h.store.Now()).UnixMicro(), lease)
}

func (h *Hub) moveCursor(ctx context.Context, name string, position, until int64, lease store.Lease) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		return tx.SetCardCursor(ctx, name, position, until)
	})
}

// nextRound is the next night.
func nextRound(now time.Time) time.Time {
	at := time.Date(now.Year(), now.Month(), now.Day(), roundHour, 0, 0, 0, time.UTC)
	if !at.After(now) {
		at = at.AddDate(0, 0, 1)
	}
	return at
}

// retainPart erases orders by the rule, and what their cards knew from them alone.
func (h *Hub) retainPart(ctx context.Context, ids []int64, days int, lease store.Lease) error {
	orders, err := h.store.OrdersByIDs(ctx, ids)
	if err != nil {
		return err
	}
	why := "the order ended more than " + strconv.Itoa(days) + " days ago"
	return h.eraseOrders(ctx, ids, why, hubActor, lease, func(tx *store.Tx) error {
		var cards []int64
		for _, o := range orders {
			if o.CardID != 0 && !slices.Contains(cards, o.CardID) {
				cards = append(cards, o.CardID)
			}
		}
		slices.Sort(cards)
		for _, c := range cards {
			if err := h.rekey(ctx, tx, c, why); err != nil {
				return err
			}
		}
		return nil
	})
}

// rekey leaves a card the words of the orders that still have their data. Where no
// order of the buyer has, the cards are erased.
func (h *Hub) rekey(ctx context.Context, tx *store.Tx, card int64, why string) error {
	tree, err := tx.LockTreeOf(ctx, card)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(tree, func(c *orderhub.Card) bool { return c.ID == card })
	if at < 0 || !tree[at].ErasedAt.IsZero() {
		return nil
	}
	left, err := tx.UnerasedOrders(ctx, tree)
	if err != nil {
		return err
	}
	if len(left) == 0 {
		return tx.EraseCards(ctx, tree, why, hubActor)
	}
	var keys []orderhub.Key
	c := tree[at]
	c.Shown = ""
	for _, o := range left {
		if o.CardID != card {
			continue
		}
		p := h.personIn(o)
		if c.Shown == "" {
			c.Shown = p.Shown
		}
		for _, k := range p.Keys() {
			if !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	for _, w := range nameWords(c.Name) {
		if k := orderhub.NewKey(orderhub.KeyName, w); !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return tx.SetKeys(ctx, c, keys)
}

// RetentionDays is after how many days the data of ended orders is erased; 0 =
// never.
func (h *Hub) RetentionDays(ctx context.Context) (int, error) { return h.store.RetentionDays(ctx) }

// SetRetentionDays sets it; a round begins at once.
func (h *Hub) SetRetentionDays(ctx context.Context, days int) error {
	if days < 0 || days > maxRetention {
		return orderhub.InvalidField("days", "%d; allowed: 0 (never) to %d", days, maxRetention)
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.SetRetentionDays(ctx, days); err != nil {
			return err
		}
		return h.jobs.Ring(ctx, tx, cardsLane)
	})
}
