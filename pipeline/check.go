package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// checkEffects reads the orders of sent and accepted effects back. What is read
// goes through the inbox like any news; accepting it settles the effects that it
// confirms. What stays open is checked again later, sent again, or called
// uncertain.
func (h *Hub) checkEffects(ctx context.Context, a *account, effects []*orderhub.Effect, lease store.Lease) error {
	if len(effects) == 0 {
		return nil
	}
	reader, ok := a.adapter.(channel.OrderReader)
	if !ok {
		// Nothing can be read back: the other side recognises repeats by the key.
		return h.unanswered(ctx, a, effects, nil, nil, func(string) error { return nil }, lease)
	}
	for part := range slices.Chunk(effects, max(1, a.channel.Descriptor.ReadBatch)) {
		ids := make([]int64, len(part))
		for i, e := range part {
			ids[i] = e.OrderID
		}
		orders, err := h.store.OrdersByIDs(ctx, ids)
		if err != nil {
			return err
		}
		readAt := h.store.Now()
		recorded, recorder := channel.WithRecorder(ctx)
		items, refused, readErr := readApart(recorded, reader, refs(orders))
		if readErr != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		if _, err := h.acceptNow(ctx, a, "check", items, readAt, lease); err != nil {
			return err
		}
		errOf := func(externalID string) error { return cmp.Or(refused[externalID], readErr) }
		if err := h.unanswered(ctx, a, part, items, failures(recorder.Take()), errOf, lease); err != nil {
			return err
		}
	}
	return nil
}

// acceptNow saves answers and accepts them at once, so that the effects they
// settle are settled before anything is decided about them. It gives the numbers
// of the answers that it saved.
func (h *Hub) acceptNow(ctx context.Context, a *account, source string, items []channel.Item, readAt time.Time, lease store.Lease) (ids []int64, err error) {
	if err := h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		raws := make([]store.Raw, len(items))
		for i, it := range items {
			raws[i] = store.Raw{Kind: it.Kind, ExternalID: clean(it.ExternalID), Body: it.Body}
		}
		var err error
		ids, err = tx.SaveRaw(ctx, a.ID, source, readAt, raws)
		return err
	}); err != nil || len(ids) == 0 {
		return nil, err
	}
	raws, err := h.store.RawsByIDs(ctx, ids)
	if err != nil {
		return nil, err
	}
	return ids, h.acceptBatch(ctx, a, h.normaliseAll(a, raws), lease)
}

// unanswered decides about effects that the read-back did not settle. items are
// what was read: an answer that is to the byte the one before was not accepted
// again, and still says something about an effect that was sent meanwhile. wire
// are the calls that failed.
func (h *Hub) unanswered(ctx context.Context, a *account, effects []*orderhub.Effect, items []channel.Item, wire []channel.Exchange, errOf func(externalID string) error, lease store.Lease) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		orders, locked, err := lockEffects(ctx, tx, effects, lease)
		if err != nil {
			return err
		}
		var saved []*orderhub.Effect
		var events []orderhub.Event
		var reread []string
		asked := map[string][]int64{}
		for _, e := range locked {
			id := orders[e.OrderID].Snapshot.ExternalID
			asked[id] = append(asked[id], e.ID)
			if e.State != orderhub.EffectSent && e.State != orderhub.EffectAccepted {
				continue
			}
			before := e.State
			settled, err := h.settleRead(ctx, tx, a, orders[e.OrderID], e, items)
			if err != nil {
				return err
			}
			if !settled {
				unread := errOf(orders[e.OrderID].Snapshot.ExternalID)
				if wasRead(items, orders[e.OrderID]) {
					unread = nil
				}
				h.nextCheck(a, orders[e.OrderID], e, unread)
			}
			saved = append(saved, e)
			if e.State != before {
				events = append(events, effectEvent(e, h.store.Now(), orderhub.Actor{Kind: orderhub.ActorHub}, 0))
			}
			if !e.State.IsOpen() {
				again, err := h.afterPush(ctx, tx, a, orders[e.OrderID], e, channel.PushResult{})
				if err != nil {
					return err
				}
				reread = append(reread, again...)
			}
		}
		if err := tx.SaveEffects(ctx, saved); err != nil {
			return err
		}
		if err := tx.AddEvents(ctx, events); err != nil {
			return err
		}
		if err := tx.SaveCalls(ctx, calls(a.ID, "check", wire, asked), nil); err != nil {
			return err
		}
		return h.readAgain(ctx, tx, a, reread)
	})
}

func wasRead(items []channel.Item, o *orderhub.Order) bool {
	return slices.ContainsFunc(items, func(it channel.Item) bool { return it.ExternalID == o.Snapshot.ExternalID })
}

// settleRead settles an effect by the order as it was just read.
func (h *Hub) settleRead(ctx context.Context, tx *store.Tx, a *account, o *orderhub.Order, e *orderhub.Effect, items []channel.Item) (bool, error) {
	if !wasRead(items, o) {
		return false, nil
	}
	b := &ledgerBatch{hub: h, tx: tx, account: a, now: h.store.Now()}
	requested := o.Requested
	if !b.settleOne(e, o) {
		return false, nil
	}
	if o.Requested == requested {
		return true, nil
	}
	return true, tx.UpdateOrders(ctx, []store.Change{{Order: o}})
}

// slowCheck is how often an effect is looked at that the channel has taken and
// shows when it likes.
const slowCheck = time.Hour

// nextCheck moves an effect that was read back without being confirmed.
func (h *Hub) nextCheck(a *account, o *orderhub.Order, e *orderhub.Effect, readErr error) {
	now := h.store.Now()
	s := o.Snapshot
	if readErr == nil && a.channel.Descriptor.Statuses.LeadsTo(s.Scheme, s.Native, s.NativeSub, e.To) {
		// Done as far as the hub can do it: the sweep brings the rest.
		e.State, e.NextAt = orderhub.EffectAccepted, now.Add(h.pause(slowCheck))
		e.Class, e.Error = "", fmt.Sprintf("taken: %s follows by itself at the channel", e.To)
		return
	}
	if orderhub.ClassOf(readErr) == orderhub.ClassRejected {
		// It cannot be told whether it happened, and the channel will not say.
		if e.Checks++; e.Checks >= checksAfterAccept {
			finish(e, orderhub.EffectUncertain, now)
			e.Class, e.Error = orderhub.ClassRejected, "the order cannot be read back: "+Sentence(readErr)
			return
		}
		e.NextAt, e.Class = now.Add(h.pause(checkPause(e.Checks+1))), orderhub.ClassRejected
		return
	}
	if readErr != nil {
		// Nothing was learned: that is no check.
		e.NextAt = now.Add(jobs.Policy(readErr, e.Checks+1, h.scale).Wait)
		e.Class, e.Error = orderhub.ClassOf(readErr), "cannot be read back now: "+Sentence(readErr)
		return
	}
	e.Checks++
	switch {
	case e.State == orderhub.EffectSent && (!hasReader(a.adapter) || e.Checks >= checksBeforeRepeat):
		if e.Attempts >= attemptsOf(a) {
			finish(e, orderhub.EffectUncertain, now)
			e.Error = fmt.Sprintf("given up after %s: the channel never showed %s", plural(e.Attempts, "attempt"), e.To)
			return
		}
		e.State, e.NextAt = orderhub.EffectIntent, now
	case e.State == orderhub.EffectAccepted && e.Checks >= checksAfterAccept:
		finish(e, orderhub.EffectUncertain, now)
		e.Error = fmt.Sprintf("the channel said yes, but did not show it in %s", plural(e.Checks, "reading"))
	default:
		e.NextAt = now.Add(h.pause(checkPause(e.Checks + 1)))
	}
}

// RetryEffect sends an effect again that was rejected or is uncertain, on a
// person's wish.
func (h *Hub) RetryEffect(ctx context.Context, id int64, actor orderhub.Actor) (*orderhub.Effect, error) {
	var out *orderhub.Effect
	known, err := h.store.Effect(ctx, id)
	if err != nil {
		return nil, err
	}
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := oneAnswerAgain(ctx, tx, known); err != nil {
			return err
		}
		orders, list, err := lockEffects(ctx, tx, []*orderhub.Effect{known}, store.Lease{})
		if err != nil {
			return err
		}
		e := list[0]
		out = e
		if err := h.again(ctx, tx, orders[known.OrderID], e, actor); err != nil {
			return err
		}
		// An uncertain effect may have happened: it is read back first.
		e.State, e.Checks = orderhub.EffectIntent, 0
		if e.SentAt.IsZero() || e.Class == orderhub.ClassRejected {
			e.Attempts = 0
		} else {
			e.State, e.Attempts = orderhub.EffectSent, 1
		}
		e.NextAt, e.FinishedAt, e.Error, e.Class = h.store.Now(), time.Time{}, "", ""
		if err := tx.SaveEffects(ctx, []*orderhub.Effect{e}); err != nil {
			return err
		}
		if err := tx.AddEvents(ctx, []orderhub.Event{effectEvent(e, h.store.Now(), scrubActor(actor), 0)}); err != nil {
			return err
		}
		return h.jobs.Ring(ctx, tx, jobs.Lane{Work: jobs.WorkPush, Account: e.AccountID})
	})
	return out, err
}

// again refuses another try of an effect that makes no sense any more, and lets its
// order wait for it. o is nil for an answer to a return without an order.
func (h *Hub) again(ctx context.Context, tx *store.Tx, o *orderhub.Order, e *orderhub.Effect, actor orderhub.Actor) error {
	switch e.State {
	case orderhub.EffectRejected, orderhub.EffectUncertain:
	case orderhub.EffectIntent, orderhub.EffectSent, orderhub.EffectAccepted:
		return orderhub.Errorf(orderhub.CodeRefused, "effect %d is still under way (%s)", e.ID, e.State)
	case orderhub.EffectConfirmed, orderhub.EffectSuperseded:
		return orderhub.Errorf(orderhub.CodeRefused, "effect %d is finished (%s)", e.ID, e.State)
	}
	if o == nil {
		return nil
	}
	if o.Requested != "" {
		return orderhub.Errorf(orderhub.CodeRefused, "order %s: %s is on its way to the channel; wait for its answer", o.Number(), o.Requested)
	}
	statuses := h.channels[o.Channel].Descriptor.Statuses
	if e.Kind != orderhub.EffectStatus || statuses.Step(o.Snapshot.Scheme, o.Headline, e.To).Kind == orderhub.StepTell {
		return nil // a message is told whatever the order says by now
	}
	if o.Headline.IsEnd() || e.WantsStatus(o.Snapshot.Status) {
		return orderhub.Errorf(orderhub.CodeRefused, "order %s is %s: there is nothing to send any more", o.Number(), o.Headline)
	}
	// The button is no way round a hold.
	if _, err := orderhub.Decide(o, orderhub.Request{To: e.To, Actor: actor, Reason: e.Reason}, statuses); err != nil {
		return err
	}
	o.Requested = e.To
	return tx.UpdateOrders(ctx, []store.Change{{Order: o}})
}

// oneAnswerAgain refuses another try of an answer while a later one is under way.
// Like AnswerReturn it locks the order and then the return.
func oneAnswerAgain(ctx context.Context, tx *store.Tx, e *orderhub.Effect) error {
	if e.ReturnID == 0 {
		return nil
	}
	if _, err := tx.LockOrdersByIDs(ctx, []int64{e.OrderID}); err != nil {
		return err
	}
	r, err := tx.LockReturn(ctx, e.ReturnID)
	if err != nil {
		return err
	}
	open, err := tx.OpenAnswers(ctx, r.ID)
	if err != nil || len(open) == 0 || open[0].ID == e.ID {
		return err
	}
	return orderhub.Errorf(orderhub.CodeRefused, "return %s: the answer %s is on its way already", r.Number(), open[0].Params[paramAction])
}
