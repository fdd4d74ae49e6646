package pipeline

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// settle closes effects that the news fulfils or makes pointless, and sends
// again what failed on the channel's side.
func (b *ledgerBatch) settle(ctx context.Context, updates []store.Change) error {
	ids := make([]int64, 0, len(updates))
	byID := map[int64]*entry{}
	for _, u := range updates {
		ids = append(ids, u.Order.ID)
		byID[u.Order.ID] = b.orders[u.Order.Snapshot.ExternalID]
	}
	if len(ids) == 0 {
		return nil
	}
	effects, err := b.tx.UnsettledEffects(ctx, ids)
	if err != nil {
		return err
	}
	var changed []*orderhub.Effect
	for _, eff := range effects {
		e := byID[eff.OrderID]
		if !b.settleOne(eff, e.order) {
			continue
		}
		changed = append(changed, eff)
		e.events = append(e.events, effectEvent(eff, b.now, orderhub.Actor{Kind: orderhub.ActorChannel, Name: b.account.ID}, e.order.RawID))
	}
	b.effects = changed
	return b.tx.SaveEffects(ctx, changed)
}

// settleOne reports whether the news changed the effect.
func (b *ledgerBatch) settleOne(eff *orderhub.Effect, o *orderhub.Order) bool {
	s := o.Snapshot
	switch {
	case eff.Kind == orderhub.EffectTracking:
		if want := eff.Params["tracking"]; want == "" || want != s.Shipping.Tracking {
			return false
		}
	case eff.Kind == orderhub.EffectAnswerCancel:
		return b.settleAnswer(eff, o)
	case eff.Kind == orderhub.EffectCancelLines:
		return b.settleCut(eff, o)
	case eff.Kind == orderhub.EffectAnswerReturn:
		return false // the return tells, see checkAnswers
	case o.Channel == siteChannel && eff.State.IsOpen():
		// A site must be told whatever it said itself meanwhile.
		return false
	case eff.WantsStatus(s.Status):
	case s.Status.IsEnd() && !eff.WantsStatus(s.Status) && eff.State.IsOpen():
		finish(eff, orderhub.EffectRejected, b.now)
		eff.Class, eff.Error = orderhub.ClassRejected, "overtaken: the channel reports "+string(s.Status)
		o.Requested = clearIf(o.Requested, eff.To)
		b.hub.metrics.effects.WithLabelValues(b.account.ID, string(eff.State)).Inc()
		return true
	case slices.Contains(s.Holds, orderhub.HoldShipFailed) && eff.State == orderhub.EffectAccepted && eff.To == orderhub.StatusConfirmed:
		return b.shipFailed(eff, o)
	default:
		return false
	}
	finish(eff, orderhub.EffectConfirmed, b.now)
	eff.Class, eff.Error = "", ""
	o.Requested = clearIf(o.Requested, eff.To)
	b.hub.metrics.effects.WithLabelValues(b.account.ID, string(eff.State)).Inc()
	return true
}

// shipFailed sends a call again that the channel took and then failed on, later
// each time, and not for ever.
func (b *ledgerBatch) shipFailed(eff *orderhub.Effect, o *orderhub.Order) bool {
	if eff.Attempts >= maxAttempts {
		finish(eff, orderhub.EffectUncertain, b.now)
		eff.Error = "given up: the channel's own processing failed after " + plural(eff.Attempts, "attempt")
		o.Requested = clearIf(o.Requested, eff.To)
		return true
	}
	eff.State, eff.NextAt = orderhub.EffectIntent, b.now.Add(b.hub.pause(checkPause(eff.Attempts+1)))
	eff.Error = "the channel's own processing failed; it is sent again"
	return true
}

// settleAnswer closes an answer to a cancel request once the request is gone.
func (b *ledgerBatch) settleAnswer(eff *orderhub.Effect, o *orderhub.Order) bool {
	if o.Snapshot.CancelRequest != nil || o.HasHold(orderhub.HoldCancelRequest) || eff.State == orderhub.EffectIntent {
		return false
	}
	if granted := o.Snapshot.Status == orderhub.StatusCancelled; granted != (eff.Params["answer"] == "accept") {
		finish(eff, orderhub.EffectRejected, b.now)
		eff.Class, eff.Error = orderhub.ClassRejected, "overtaken: the channel reports "+string(o.Snapshot.Status)
		return true
	}
	finish(eff, orderhub.EffectConfirmed, b.now)
	eff.Class, eff.Error = "", ""
	return true
}

func clearIf(requested, to orderhub.Status) orderhub.Status {
	if requested == to {
		return ""
	}
	return requested
}

func finish(e *orderhub.Effect, state orderhub.EffectState, at time.Time) {
	e.State, e.FinishedAt, e.NextAt = state, at, time.Time{}
}

// effectEvent writes down what became of an effect.
func effectEvent(e *orderhub.Effect, at time.Time, actor orderhub.Actor, rawID int64) orderhub.Event {
	data, err := json.Marshal(map[string]any{"effect": e.ID, "kind": e.Kind, "state": e.State, "attempt": e.Attempts})
	if err != nil {
		data = nil
	}
	return orderhub.Event{
		OrderID: e.OrderID, ReturnID: e.ReturnID, At: at, Kind: orderhub.EventEffect, Actor: actor, To: e.To, Why: string(e.State) + errorSuffix(e.Error),
		InboxID: rawID, Data: data,
	}
}

func errorSuffix(s string) string {
	if s == "" {
		return ""
	}
	return ": " + s
}

const siteChannel orderhub.Channel = "site"
