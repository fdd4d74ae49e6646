package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// DecideReturn decides what becomes of units that came back. d.Goods is the place
// in Return.Goods.
func (h *Hub) DecideReturn(ctx context.Context, id int64, d orderhub.Decision) (*orderhub.Return, error) {
	return h.DecideReturnOnce(ctx, id, d, "")
}

// DecideReturnOnce is DecideReturn for a request that may come twice: the second time
// nothing is moved. An empty key is no key.
func (h *Hub) DecideReturnOnce(ctx context.Context, id int64, d orderhub.Decision, key string) (*orderhub.Return, error) {
	mark, err := once("decide-return", key, d.Actor, []any{id, d.Goods, d.Decision, d.Quantity, d.Why, d.Photo, d.Photos})
	if err != nil {
		return nil, err
	}
	d.Why, d.Photo, d.Actor = text(strings.TrimSpace(d.Why)), text(strings.TrimSpace(d.Photo)), scrubActor(d.Actor)
	if d.Decision == orderhub.DecideWriteOff && d.Why == "" {
		return nil, orderhub.InvalidField("why", "is missing; goods are written off for a reason")
	}
	return h.workReturn(ctx, id, mark, func(tx *store.Tx, r *orderhub.Return) ([]orderhub.Event, error) {
		if err := decidable(r, d); err != nil {
			return nil, err
		}
		if err := usePhotos(ctx, tx, r, d.Photos); err != nil {
			return nil, err
		}
		before, state := r.Goods[d.Goods], r.State
		after, err := decide(before, d)
		if err != nil {
			return nil, err
		}
		if before.SKU != "" {
			why := fmt.Sprintf("decision on return %s: %s%s", r.Snapshot.ExternalID, d.Decision, errorSuffix(d.Why))
			if err := tx.DecideGoods(ctx, orderhub.MainWarehouse, r.OrderID, before, after, why, d.Actor); err != nil {
				return nil, err
			}
		}
		r.Goods[d.Goods] = after
		r.Settle()
		d.ReturnID, d.SKU, d.At = r.ID, before.SKU, h.store.Now()
		what := fmt.Sprintf("%s: %s of %s: %s%s", returnWhy(state, r), plural(int(d.Quantity), "unit"), before.SKU, d.Decision, errorSuffix(d.Why))
		return []orderhub.Event{h.returnEvent(r, d.Actor, what, d.Photos...)}, tx.AddDecisions(ctx, []*orderhub.Decision{&d})
	})
}

func decidable(r *orderhub.Return, d orderhub.Decision) error {
	switch {
	case !slices.Contains(orderhub.GoodsDecisions(), d.Decision):
		return orderhub.InvalidField("decision", "%q is not known; allowed: resell, quarantine, write_off", clean(string(d.Decision)))
	case r.ReceivedAt.IsZero():
		return orderhub.Errorf(orderhub.CodeRefused, "return %s is %s: decide when its goods are received", r.Number(), r.State)
	case r.OrderID == 0 && len(r.Goods) == 0:
		return orderhub.Errorf(orderhub.CodeRefused, "the order of return %s is not in the hub: link the return to one, or receive it with the products that came", r.Number())
	case len(r.Goods) == 0:
		return orderhub.Errorf(orderhub.CodeRefused, "return %s has no goods in the book: the hub keeps no stock, or has not seen the order leave", r.Number())
	case d.Goods < 0 || d.Goods >= len(r.Goods):
		return orderhub.InvalidField("goods", "%d is not there; allowed: 0 to %d", d.Goods, len(r.Goods)-1)
	case d.Quantity < 1:
		return orderhub.InvalidField("quantity", "%d units; allowed: 1 to %d", d.Quantity, r.Goods[d.Goods].Quantity)
	}
	return nil
}

// decide moves units between the heaps of a product: from those that wait first.
func decide(g orderhub.ReturnedGoods, d orderhub.Decision) (orderhub.ReturnedGoods, error) {
	missing := g.Missing()
	var into *int64
	var from []*int64
	switch d.Decision {
	case orderhub.DecideResell:
		into, from = &g.Restocked, []*int64{&g.Quarantined, &missing}
	case orderhub.DecideQuarantine:
		into, from = &g.Quarantined, []*int64{&missing, &g.Restocked}
	case orderhub.DecideWriteOff:
		into, from = &g.WrittenOff, []*int64{&g.Quarantined, &missing, &g.Restocked}
	}
	left := d.Quantity
	for _, heap := range from {
		n := min(left, *heap)
		*heap, *into, left = *heap-n, *into+n, left-n
	}
	if left > 0 {
		return g, orderhub.InvalidField("quantity", "%d units; allowed: up to %d can be decided so", d.Quantity, d.Quantity-left)
	}
	return g, nil
}

func (h *Hub) returnEvent(r *orderhub.Return, actor orderhub.Actor, why string, photos ...int64) orderhub.Event {
	return orderhub.Event{
		OrderID: r.OrderID, ReturnID: r.ID, At: h.store.Now(), Kind: orderhub.EventReturn, Actor: scrubActor(actor), Why: why,
		Data: returnData(r, r.Snapshot.Native, r.Snapshot.NativeSub, photos...),
	}
}

// workReturn changes a return under the lock of its order, and lets the order and
// the stock follow. What a mark says was done before is not done again.
func (h *Hub) workReturn(ctx context.Context, id int64, mark store.Once, change func(tx *store.Tx, r *orderhub.Return) ([]orderhub.Event, error)) (*orderhub.Return, error) {
	known, err := h.store.Return(ctx, id)
	if err != nil {
		return nil, err
	}
	goods, err := h.keepsGoods(ctx)
	if err != nil {
		return nil, err
	}
	work := func(tx *store.Tx) error {
		o, r, err := lockReturnOf(ctx, tx, known)
		if err != nil {
			return err
		}
		if mark.Key != "" {
			// Under the lock: of two at once the second waits, and finds the first.
			if ref, err := tx.FindOnce(ctx, mark); err != nil || ref != 0 {
				return err
			}
		}
		events, err := change(tx, r)
		if err != nil {
			return err
		}
		if err := h.settleReturn(ctx, tx, o, r, goods, events); err != nil || mark.Key == "" {
			return err
		}
		return tx.SaveOnce(ctx, mark, r.ID)
	}
	if err := twice(func() error { return h.store.InTx(ctx, work) }); err != nil {
		return nil, err
	}
	return h.store.Return(ctx, id)
}

// lockReturnOf locks the order of a return that was read before, nil if it has none,
// and then the return.
func lockReturnOf(ctx context.Context, tx *store.Tx, known *orderhub.Return) (o *orderhub.Order, r *orderhub.Return, err error) {
	if known.OrderID != 0 {
		if o, err = tx.LockOrder(ctx, known.OrderID); err != nil {
			return nil, nil, err
		}
	}
	if r, err = tx.LockReturn(ctx, known.ID); err != nil {
		return nil, nil, err
	}
	if r.OrderID != known.OrderID {
		return nil, nil, orderhub.Errorf(orderhub.CodeConflict, "return %s found its order at this moment; try again", r.Number())
	}
	return o, r, nil
}

// settleReturn writes a return, and lets its order, locked before, follow.
func (h *Hub) settleReturn(ctx context.Context, tx *store.Tx, o *orderhub.Order, r *orderhub.Return, goods bool, events []orderhub.Event) error {
	if len(r.Goods) > 0 {
		of := o
		if of == nil {
			of = &orderhub.Order{}
		}
		r.Discrepancy = discrepancyOf(r, of)
	}
	if err := tx.SaveReturns(ctx, []*orderhub.Return{r}); err != nil {
		return err
	}
	if o == nil {
		if err := tx.AddEvents(ctx, events); err != nil || !goods || !r.IsLoose() {
			return err
		}
		if err := h.jobs.Ring(ctx, tx, stockLane); err != nil {
			return err
		}
		return h.ringPlanner(ctx, tx)
	}
	if err := h.cameBack(ctx, tx, o, &events); err != nil {
		return err
	}
	if goods {
		_, held, err := h.claimGoods(ctx, tx, o.AccountID, []*orderhub.Order{o}, hubActor)
		if err != nil {
			return err
		}
		events = append(events, held...)
	}
	if err := updateHeld(ctx, tx, []*orderhub.Order{o}, events); err != nil {
		return err
	}
	if err := h.jobs.Ring(ctx, tx, stockLane); err != nil {
		return err
	}
	return h.ringPlanner(ctx, tx)
}

// cameBack moves the headline of an order whose goods were received.
func (h *Hub) cameBack(ctx context.Context, tx *store.Tx, o *orderhub.Order, events *[]orderhub.Event) error {
	if !o.Headline.HandedOver() && o.Headline != orderhub.StatusCancelled {
		return nil
	}
	received, err := tx.ReceivedReturns(ctx, []int64{o.ID})
	if err != nil {
		return err
	}
	back := unitsBack(o, received[o.ID])
	if back > 0 {
		o.HadLeft() // what is back had left, whoever says what
	}
	if ev := returnedEvent(o, back, h.store.Now()); ev != nil {
		*events = append(*events, *ev)
	}
	return nil
}

// matchReturns finds the orders of returns that came before them and were not
// seen by whoever wrote the order: both were written at the same moment.
func (h *Hub) matchReturns(ctx context.Context, a *account) error {
	after := int64(0)
	for ctx.Err() == nil {
		list, err := h.store.UnmatchedReturns(ctx, a.ID, after, followBatch)
		if err != nil || len(list) == 0 {
			return err
		}
		var ids, refs []string
		for _, r := range list {
			after, ids, refs = r.ID, append(ids, r.Snapshot.OrderID), append(refs, r.Snapshot.OrderRef)
		}
		found, err := h.store.OrdersNamed(ctx, a.ID, ids, refs)
		if err != nil {
			return err
		}
		for _, r := range list {
			o := found[r.Snapshot.OrderID]
			if o == nil {
				o = found[r.Snapshot.OrderRef]
			}
			if o == nil {
				continue
			}
			if err := h.matchReturn(ctx, r.ID, o.ID); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func (h *Hub) matchReturn(ctx context.Context, id, order int64) error {
	goods, err := h.keepsGoods(ctx)
	if err != nil {
		return err
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		o, err := tx.LockOrder(ctx, order)
		if err != nil {
			return err
		}
		r, err := tx.LockReturn(ctx, id)
		if err != nil || r.OrderID != 0 || r.IsLoose() {
			return err
		}
		r.OrderID = o.ID
		if err := tx.GiveToOrder(ctx, r.ID, o.ID); err != nil {
			return err
		}
		ev := matchedEvent(r, h.store.Now())
		ev.OrderID, ev.ReturnID = o.ID, r.ID
		return h.settleReturn(ctx, tx, o, r, goods, []orderhub.Event{ev})
	})
}

// SetReturnPolicy says what an account does with goods that come back.
func (h *Hub) SetReturnPolicy(ctx context.Context, accountID string, p orderhub.ReturnPolicy) error {
	if !slices.Contains(orderhub.ReturnPolicies(), p) {
		return orderhub.InvalidField("policy", "%q is not known; allowed: restock, inspect", clean(string(p)))
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error { return tx.SetReturnPolicy(ctx, accountID, p) })
}

// submitReturn takes a return of a site, as Submit takes an order.
func (h *Hub) submitReturn(ctx context.Context, a *account, kind string, body json.RawMessage) (Submitted, error) {
	n := h.normalise(a, store.Raw{Kind: kind, Body: body})
	if n.err != nil {
		if orderhub.CodeOf(n.err) == "" {
			return Submitted{}, orderhub.InvalidField("body", "%s", sentenceForQuarantine(n.err))
		}
		return Submitted{}, n.err
	}
	id := n.back.ExternalID
	known, err := h.store.ReturnsByExternal(ctx, a.ID, []string{id})
	if err != nil {
		return Submitted{}, err
	}
	if err := sameVersion(n, known); err != nil {
		return Submitted{}, err
	}
	if _, err := h.acceptNow(ctx, a, "api", []channel.Item{{Kind: kind, ExternalID: id, Body: body}}, h.store.Now(), store.Lease{}); err != nil {
		return Submitted{}, err
	}
	now, err := h.store.ReturnsByExternal(ctx, a.ID, []string{id})
	if err == nil && len(now) == 0 {
		// The same came at this moment, and still waits.
		if err = h.acceptPending(ctx, a, store.Lease{}); err == nil {
			now, err = h.store.ReturnsByExternal(ctx, a.ID, []string{id})
		}
	}
	if err != nil {
		return Submitted{}, err
	}
	if len(now) == 0 {
		return Submitted{}, orderhub.Errorf(orderhub.CodeUnavailable, "return %s is kept and not accepted yet; look into the quarantine", id)
	}
	out := Submitted{Return: now[0], Created: len(known) == 0, Verdict: orderhub.NewsApplied}
	if n.back.Revision != 0 && n.back.Revision < now[0].Snapshot.Revision {
		out.Verdict = orderhub.NewsRefused
	}
	if now[0].OrderID != 0 {
		out.Order, err = h.store.Order(ctx, now[0].OrderID)
	}
	return out, err
}

// sameVersion refuses another content under a version that the hub has.
func sameVersion(n news, known []*orderhub.Return) error {
	if len(known) == 0 || n.back.Revision == 0 || n.back.Revision != known[0].Snapshot.Revision {
		return nil
	}
	if a, b := known[0].Snapshot, *n.back; a.State == b.State && a.Kind == b.Kind && a.Native == b.Native && slices.Equal(a.Lines, b.Lines) {
		return nil
	}
	return orderhub.Errorf(orderhub.CodeConflict, "return %s was received before with version %d and other content; send a change with a higher version",
		n.back.ExternalID, n.back.Revision)
}
