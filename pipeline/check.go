package pipeline

import (
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
		return h.unanswered(ctx, a, effects, nil, lease)
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
		items, err := reader.ReadOrders(ctx, refs(orders))
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := h.unanswered(ctx, a, part, err, lease); err != nil {
				return err
			}
			continue
		}
		if err := h.acceptNow(ctx, a, items, readAt, lease); err != nil {
			return err
		}
		if err := h.unanswered(ctx, a, part, nil, lease); err != nil {
			return err
		}
	}
	return nil
}

// acceptNow saves answers and accepts them at once, so that the effects they
// settle are settled before anything is decided about them.
func (h *Hub) acceptNow(ctx context.Context, a *account, items []channel.Item, readAt time.Time, lease store.Lease) error {
	var ids []int64
	if err := h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		raws := make([]store.Raw, len(items))
		for i, it := range items {
			raws[i] = store.Raw{Kind: it.Kind, ExternalID: clean(it.ExternalID), Body: it.Body}
		}
		var err error
		ids, err = tx.SaveRaw(ctx, a.ID, "check", readAt, raws)
		return err
	}); err != nil || len(ids) == 0 {
		return err
	}
	raws, err := h.store.RawsByIDs(ctx, ids)
	if err != nil {
		return err
	}
	return h.acceptBatch(ctx, a, raws, lease)
}

// unanswered decides about effects that the read-back did not settle.
func (h *Hub) unanswered(ctx context.Context, a *account, effects []*orderhub.Effect, readErr error, lease store.Lease) error {
	ids := make([]int64, len(effects))
	for i, e := range effects {
		ids[i] = e.ID
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		locked, err := tx.LockEffects(ctx, ids)
		if err != nil {
			return err
		}
		var saved []*orderhub.Effect
		var events []orderhub.Event
		for _, e := range locked {
			if e.State != orderhub.EffectSent && e.State != orderhub.EffectAccepted {
				continue
			}
			before := e.State
			h.nextCheck(e, readErr, hasReader(a.adapter))
			saved = append(saved, e)
			if e.State != before {
				events = append(events, effectEvent(e, h.store.Now(), orderhub.Actor{Kind: orderhub.ActorHub}, 0))
			}
			if !e.State.IsOpen() {
				if err := h.afterPush(ctx, tx, a, e, channel.PushResult{}); err != nil {
					return err
				}
			}
		}
		if err := tx.SaveEffects(ctx, saved); err != nil {
			return err
		}
		return tx.AddEvents(ctx, events)
	})
}

// nextCheck moves an effect that was read back without being confirmed.
func (h *Hub) nextCheck(e *orderhub.Effect, readErr error, readable bool) {
	now := h.store.Now()
	if readErr != nil {
		// Nothing was learned: that is no check.
		e.NextAt = now.Add(jobs.Policy(readErr, e.Checks+1, h.scale).Wait)
		e.Class = orderhub.ClassOf(readErr)
		return
	}
	e.Checks++
	switch {
	case e.State == orderhub.EffectSent && (!readable || e.Checks >= checksBeforeRepeat):
		if e.Attempts >= maxAttempts {
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
	err := h.store.InTx(ctx, func(tx *store.Tx) error {
		list, err := tx.LockEffects(ctx, []int64{id})
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return orderhub.Errorf(orderhub.CodeNotFound, "there is no effect %d", id)
		}
		e := list[0]
		out = e
		switch e.State {
		case orderhub.EffectRejected, orderhub.EffectUncertain:
		case orderhub.EffectIntent, orderhub.EffectSent, orderhub.EffectAccepted:
			return orderhub.Errorf(orderhub.CodeRefused, "effect %d is still under way (%s)", id, e.State)
		case orderhub.EffectConfirmed, orderhub.EffectSuperseded:
			return orderhub.Errorf(orderhub.CodeRefused, "effect %d is finished (%s)", id, e.State)
		}
		o, err := tx.LockOrder(ctx, e.OrderID)
		if err != nil {
			return err
		}
		if o.Requested != "" {
			return orderhub.Errorf(orderhub.CodeRefused, "order %s: %s is on its way to the channel; wait for its answer", o.Number(), o.Requested)
		}
		if e.Kind == orderhub.EffectStatus && o.Channel != siteChannel {
			if o.Headline.IsEnd() || e.WantsStatus(o.Snapshot.Status) {
				return orderhub.Errorf(orderhub.CodeRefused, "order %s is %s: there is nothing to send any more", o.Number(), o.Headline)
			}
			o.Requested = e.To
			if err := tx.UpdateOrders(ctx, []store.Change{{Order: o}}); err != nil {
				return err
			}
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
		if err := tx.AddEvents(ctx, []orderhub.Event{effectEvent(e, h.store.Now(), actor, 0)}); err != nil {
			return err
		}
		return h.jobs.Ring(ctx, tx, jobs.Lane{Work: jobs.WorkPush, Account: e.AccountID})
	})
	return out, err
}
