package pipeline

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// Advanced is what an accepted request led to.
type Advanced struct {
	Order *orderhub.Order
	// Effects are what is now owed to the channel; empty for a local step.
	Effects []*orderhub.Effect
}

// Advance asks for a status: the machine and the channel's table decide. A
// refusal is an *orderhub.Error whose sentence says why. Local steps and the
// intent to call the channel are committed together; the call follows.
func (h *Hub) Advance(ctx context.Context, number int64, req orderhub.Request) (Advanced, error) {
	if _, err := orderhub.ParseStatus(string(req.To)); err != nil {
		return Advanced{}, err
	}
	scrubRequest(&req)
	if _, err := h.working(ctx, number); err != nil {
		return Advanced{}, err
	}
	goods, err := h.keepsGoods(ctx)
	if err != nil {
		return Advanced{}, err
	}
	var out Advanced
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		o, err := tx.LockOrder(ctx, number)
		if err != nil {
			return err
		}
		plan, err := h.decide(o, &req)
		if err != nil {
			return err
		}
		out, err = h.carryOut(ctx, tx, o, req, plan, goods)
		return err
	})
	return out, err
}

// decide asks machine and channel whether an order can be moved so, and how.
func (h *Hub) decide(o *orderhub.Order, req *orderhub.Request) (orderhub.Plan, error) {
	c, err := h.Channel(o.Channel)
	if err != nil {
		return orderhub.Plan{}, err
	}
	if err := h.checkReason(o, req); err != nil {
		return orderhub.Plan{}, err
	}
	return orderhub.Decide(o, *req, c.Descriptor.Statuses)
}

// checkReason refuses a cancel without a reason that the channel would take.
func (h *Hub) checkReason(o *orderhub.Order, req *orderhub.Request) error {
	if req.To != orderhub.StatusCancelled {
		return nil
	}
	d := h.channels[o.Channel].Descriptor
	reason, ok := d.FindReason(req.Reason, o)
	if !ok {
		var allowed []string
		for _, r := range d.AllowedReasons(o) {
			allowed = append(allowed, r.Code+" ("+r.Title+")")
		}
		return orderhub.InvalidField("reason", "%q is not a cancel reason that %s takes now; allowed: %s", req.Reason, d.Title, strings.Join(allowed, ", "))
	}
	if reason.NeedsComment && strings.TrimSpace(req.Comment) == "" {
		return orderhub.InvalidField("comment", "%s wants a text with reason %s", d.Title, reason.Code)
	}
	return nil
}

// carryOut records the local steps of a plan and the effects it owes; goods tells
// that orders claim theirs.
func (h *Hub) carryOut(ctx context.Context, tx *store.Tx, o *orderhub.Order, req orderhub.Request, plan orderhub.Plan, goods bool) (Advanced, error) {
	now := h.store.Now()
	out := Advanced{Order: o}
	var events []orderhub.Event
	previous := o.Headline
	for _, to := range plan.Local {
		events = append(events, orderhub.Event{
			OrderID: o.ID, At: now, Kind: orderhub.EventStatus, Actor: req.Actor, From: o.Headline, To: to, Why: req.Comment, Data: requestData(req, to),
		})
		if to == orderhub.StatusCancelled {
			o.Snapshot.Cancellation = &orderhub.Cancellation{
				By: orderhub.PartyOf(req.Actor), ReasonCode: req.Reason, Reason: req.Comment, AfterHandOver: o.Headline.HandedOver(),
			}
		}
		o.Headline = to
	}
	for _, to := range plan.Tell {
		e := h.intent(o, orderhub.EffectStatus, to, req, now)
		// A message says the same at every attempt: what it needs is fixed now.
		e.Params = maps.Clone(e.Params)
		if e.Params == nil {
			e.Params = map[string]string{}
		}
		e.Params["previous"], e.Params[paramAt] = string(previous), now.Format(time.RFC3339Nano)
		out.Effects = append(out.Effects, e)
	}
	if plan.Push != nil {
		if err := h.supersede(ctx, tx, o, req, &events, now); err != nil {
			return out, err
		}
		o.Requested = plan.Push.To
		out.Effects = append(out.Effects, h.intent(o, orderhub.EffectStatus, plan.Push.To, req, now))
		events = append(events, requestedEvent(o, req, plan.Push.To, now))
	}
	if len(plan.Local) > 0 {
		if err := h.cameBack(ctx, tx, o, &events); err != nil {
			return out, err
		}
	}
	claimed := goods && len(plan.Local) > 0
	if claimed {
		_, held, err := h.claimGoods(ctx, tx, o.AccountID, []*orderhub.Order{o}, req.Actor)
		if err != nil {
			return out, err
		}
		events = append(events, held...)
	}
	if err := tx.UpdateOrders(ctx, []store.Change{{Order: o}}); err != nil {
		return out, err
	}
	if err := tx.AddEffects(ctx, out.Effects); err != nil {
		return out, err
	}
	if err := tx.AddEvents(ctx, events); err != nil {
		return out, err
	}
	if len(out.Effects) > 0 {
		if err := h.jobs.Ring(ctx, tx, jobs.Lane{Work: jobs.WorkPush, Account: o.AccountID}); err != nil {
			return out, err
		}
	}
	if claimed {
		return out, h.ringPlanner(ctx, tx)
	}
	return out, nil
}

func requestedEvent(o *orderhub.Order, req orderhub.Request, to orderhub.Status, now time.Time) orderhub.Event {
	return orderhub.Event{
		OrderID: o.ID, At: now, Kind: orderhub.EventRequested, Actor: req.Actor, From: o.Headline, To: to, Why: req.Comment, Data: requestData(req, to),
	}
}

// requestData tells programs the reason of a request and, of a cancel, in whose
// name it is made.
func requestData(req orderhub.Request, to orderhub.Status) json.RawMessage {
	words := map[string]string{}
	if req.Reason != "" {
		words["reason"] = req.Reason
	}
	if to == orderhub.StatusCancelled {
		words["initiator"] = string(orderhub.PartyOf(req.Actor))
	}
	if len(words) == 0 {
		return nil
	}
	data, err := json.Marshal(words)
	if err != nil {
		return nil
	}
	return data
}

func (h *Hub) intent(o *orderhub.Order, kind orderhub.EffectKind, to orderhub.Status, req orderhub.Request, now time.Time) *orderhub.Effect {
	return &orderhub.Effect{
		OrderID: o.ID, AccountID: o.AccountID, Kind: kind, To: to, Reason: req.Reason, Comment: req.Comment, Params: req.Params,
		Actor: req.Actor, State: orderhub.EffectIntent, NextAt: now, CreatedAt: now,
	}
}

// supersede takes back what was intended for the order and not sent yet: only a
// cancel gets here while something is on its way.
func (h *Hub) supersede(ctx context.Context, tx *store.Tx, o *orderhub.Order, req orderhub.Request, events *[]orderhub.Event, now time.Time) error {
	open, err := tx.OpenEffects(ctx, o.ID)
	if err != nil {
		return err
	}
	var gone []*orderhub.Effect
	for _, e := range open {
		moot := e.Kind == orderhub.EffectStatus || (e.Kind == orderhub.EffectCancelLines && req.To == orderhub.StatusCancelled)
		if e.State != orderhub.EffectIntent || !moot {
			continue
		}
		finish(e, orderhub.EffectSuperseded, now)
		e.Error = "overtaken by the request for " + string(req.To)
		gone = append(gone, e)
		*events = append(*events, effectEvent(e, now, req.Actor, 0))
	}
	return tx.SaveEffects(ctx, gone)
}

// SetTracking gives an order a tracking number.
func (h *Hub) SetTracking(ctx context.Context, number int64, tracking, carrier string, actor orderhub.Actor) (Advanced, error) {
	tracking = strings.TrimSpace(text(tracking))
	if tracking == "" || len(tracking) > 100 {
		return Advanced{}, orderhub.InvalidField("tracking", "want 1 to 100 characters")
	}
	return h.owe(ctx, number, orderhub.EffectTracking, orderhub.Request{Actor: actor, Params: map[string]string{"tracking": tracking, "carrier": carrier}})
}

// AnswerCancel accepts or declines a buyer's wish to cancel.
func (h *Hub) AnswerCancel(ctx context.Context, number int64, accept bool, reason string, actor orderhub.Actor) (Advanced, error) {
	answer := "decline"
	if accept {
		answer = "accept"
	}
	return h.owe(ctx, number, orderhub.EffectAnswerCancel, orderhub.Request{Actor: actor, Reason: reason, Params: map[string]string{"answer": answer}})
}

// owe records an effect that is no step of the status ladder.
func (h *Hub) owe(ctx context.Context, number int64, kind orderhub.EffectKind, req orderhub.Request) (Advanced, error) {
	scrubRequest(&req)
	a, err := h.working(ctx, number)
	if err != nil {
		return Advanced{}, err
	}
	var out Advanced
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		o, err := tx.LockOrder(ctx, number)
		if err != nil {
			return err
		}
		if o.Snapshot.ReadOnly {
			return orderhub.Errorf(orderhub.CodeRefused, "order %s is handled by %s alone and can only be watched", o.Number(), o.Channel)
		}
		if kind == orderhub.EffectAnswerCancel && o.Snapshot.CancelRequest == nil && !o.HasHold(orderhub.HoldCancelRequest) {
			return orderhub.Errorf(orderhub.CodeRefused, "order %s has no cancel request to answer", o.Number())
		}
		if !h.can(a.adapter, kind) {
			return orderhub.Errorf(orderhub.CodeUnsupported, "%s has no call for this", a.channel.Descriptor.Title)
		}
		if err := oneAnswer(ctx, tx, o, kind); err != nil {
			return err
		}
		now := h.store.Now()
		out = Advanced{Order: o, Effects: []*orderhub.Effect{h.intent(o, kind, "", req, now)}}
		if err := tx.AddEffects(ctx, out.Effects); err != nil {
			return err
		}
		ev := effectEvent(out.Effects[0], now, req.Actor, 0)
		ev.Kind = orderhub.EventRequested
		if err := tx.AddEvents(ctx, []orderhub.Event{ev}); err != nil {
			return err
		}
		return h.jobs.Ring(ctx, tx, jobs.Lane{Work: jobs.WorkPush, Account: o.AccountID})
	})
	return out, err
}

// working opens the account of an order. It is done before a transaction, which
// must not ask for a second connection.
func (h *Hub) working(ctx context.Context, number int64) (*account, error) {
	o, err := h.store.Order(ctx, number)
	if err != nil {
		return nil, err
	}
	return h.connected(ctx, o.AccountID, "order "+o.Number())
}

// connected opens the account that something belongs to.
func (h *Hub) connected(ctx context.Context, accountID, what string) (*account, error) {
	a, err := h.account(ctx, accountID)
	if err != nil {
		return nil, err
	}
	if a.State == orderhub.AccountRemoved {
		return nil, orderhub.Errorf(orderhub.CodeRefused, "%s belongs to the account %s, which was removed: nothing can be sent for it", what, a.ID)
	}
	return a, nil
}

// oneAnswer refuses a second answer to a cancel request while one is on its way.
func oneAnswer(ctx context.Context, tx *store.Tx, o *orderhub.Order, kind orderhub.EffectKind) error {
	if kind != orderhub.EffectAnswerCancel {
		return nil
	}
	open, err := tx.OpenEffects(ctx, o.ID)
	if err != nil {
		return err
	}
	for _, e := range open {
		if e.Kind == kind {
			return orderhub.Errorf(orderhub.CodeRefused, "order %s: an answer to the cancel request is on its way already", o.Number())
		}
	}
	return nil
}

// SetHold puts the hub's manual hold on an order or lifts it.
func (h *Hub) SetHold(ctx context.Context, number int64, hold orderhub.Hold, on bool, why string, actor orderhub.Actor) (*orderhub.Order, error) {
	var out *orderhub.Order
	err := h.store.InTx(ctx, func(tx *store.Tx) error {
		o, err := tx.LockOrder(ctx, number)
		if err != nil {
			return err
		}
		out = o
		_, err = h.hold(ctx, tx, o, hold, on, why, scrubActor(actor))
		return err
	})
	return out, err
}

// hold sets or lifts a hold of a locked order, and tells whether that is new.
func (h *Hub) hold(ctx context.Context, tx *store.Tx, o *orderhub.Order, hold orderhub.Hold, on bool, why string, actor orderhub.Actor) (bool, error) {
	if !setHold(o, hold, on) {
		return false, nil
	}
	word := "lifted "
	if on {
		word = "set "
	}
	if err := tx.UpdateOrders(ctx, []store.Change{{Order: o}}); err != nil {
		return false, err
	}
	return true, tx.AddEvents(ctx, []orderhub.Event{{OrderID: o.ID, At: h.store.Now(), Kind: orderhub.EventHold, Actor: actor,
		Why: word + string(hold) + errorSuffix(text(why)), Data: holdData(hold, on)}})
}

// holdData tells programs which hold was set or lifted.
func holdData(hold orderhub.Hold, on bool) json.RawMessage {
	b, err := json.Marshal(map[string]any{"hold": hold, "on": on})
	if err != nil {
		return nil
	}
	return b
}

// setHold changes the hub's holds and reports whether anything changed.
func setHold(o *orderhub.Order, hold orderhub.Hold, on bool) bool {
	for i, have := range o.HubHolds {
		if have == hold {
			if !on {
				o.HubHolds = append(o.HubHolds[:i:i], o.HubHolds[i+1:]...)
			}
			return !on
		}
	}
	if on {
		o.HubHolds = append(o.HubHolds, hold)
	}
	return on
}
