package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// The keys of Effect.Params of an answer to a return.
const (
	paramReturn   = "return" // the hub's number of it
	paramAction   = "action"
	paramAmount   = "amount_minor"
	paramCurrency = "currency"
)

// ReturnReply is an answer to a return that waits for the seller.
type ReturnReply struct {
	// Action is the code of one that the return offers, Reason of one of its reasons.
	Action, Reason, Comment string
	Amount                  orderhub.Money
}

// AnswerReturn answers a return. What the channel would refuse is refused here,
// with the field that is wrong.
func (h *Hub) AnswerReturn(ctx context.Context, id int64, reply ReturnReply, actor orderhub.Actor) (*orderhub.Effect, error) {
	known, err := h.store.Return(ctx, id)
	if err != nil {
		return nil, err
	}
	a, err := h.connected(ctx, known.AccountID, "return "+known.Number())
	if err != nil {
		return nil, err
	}
	if !h.can(a.adapter, orderhub.EffectAnswerReturn) {
		return nil, orderhub.Errorf(orderhub.CodeUnsupported, "%s takes no answers to returns", a.channel.Descriptor.Title)
	}
	req := orderhub.Request{Actor: actor, Reason: reply.Reason, Comment: strings.TrimSpace(reply.Comment), Params: map[string]string{
		paramReturn: known.Number(), paramAction: reply.Action,
	}}
	if !reply.Amount.IsZero() {
		req.Params[paramAmount], req.Params[paramCurrency] = strconv.FormatInt(reply.Amount.Minor, 10), reply.Amount.Currency
	}
	scrubRequest(&req)
	var out *orderhub.Effect
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		_, r, err := lockReturnOf(ctx, tx, known)
		if err != nil {
			return err
		}
		if err := checkReply(r, reply); err != nil {
			return err
		}
		if err := oneReply(ctx, tx, r); err != nil {
			return err
		}
		now := h.store.Now()
		out = h.intent(&orderhub.Order{ID: r.OrderID, AccountID: r.AccountID}, orderhub.EffectAnswerReturn, "", req, now)
		out.ReturnID = r.ID
		if err := tx.AddEffects(ctx, []*orderhub.Effect{out}); err != nil {
			return err
		}
		ev := effectEvent(out, now, req.Actor, 0)
		ev.Kind, ev.Why = orderhub.EventRequested, fmt.Sprintf("answer to return %s: %s%s", r.Snapshot.ExternalID, req.Params[paramAction], errorSuffix(req.Comment))
		if err := tx.AddEvents(ctx, []orderhub.Event{ev}); err != nil {
			return err
		}
		return h.jobs.Ring(ctx, tx, jobs.Lane{Work: jobs.WorkPush, Account: r.AccountID})
	})
	return out, err
}

// checkReply refuses an answer that the return does not offer, or that lacks what
// must come with it.
func checkReply(r *orderhub.Return, reply ReturnReply) error {
	action, ok := r.Action(reply.Action)
	if !ok {
		var allowed []string
		for _, a := range r.Snapshot.Actions {
			allowed = append(allowed, a.Code+" ("+a.Title+")")
		}
		if len(allowed) == 0 {
			return orderhub.Errorf(orderhub.CodeRefused, "return %s waits for no answer: %s takes none now", r.Number(), r.Channel)
		}
		return orderhub.InvalidField("action", "%q is not an answer that %s takes now; allowed: %s", clean(reply.Action), r.Channel, strings.Join(allowed, ", "))
	}
	if action.NeedsComment && strings.TrimSpace(reply.Comment) == "" {
		return orderhub.InvalidField("comment", "is missing; %s wants a text with %s", r.Channel, action.Code)
	}
	if action.NeedsAmount && (reply.Amount.Minor <= 0 || reply.Amount.Currency == "") {
		return orderhub.InvalidField("amount", "is missing; %s wants an amount above zero, with its currency, with %s", r.Channel, action.Code)
	}
	if len(action.Reasons) == 0 || slices.ContainsFunc(action.Reasons, func(x orderhub.ReturnReason) bool { return x.Code == reply.Reason }) {
		return nil
	}
	var allowed []string
	for _, x := range action.Reasons {
		allowed = append(allowed, x.Code+" ("+x.Title+")")
	}
	return orderhub.InvalidField("reason", "%q is not one that goes with %s; allowed: %s", clean(reply.Reason), action.Code, strings.Join(allowed, ", "))
}

// oneReply refuses a second answer while one is on its way.
func oneReply(ctx context.Context, tx *store.Tx, r *orderhub.Return) error {
	open, err := tx.OpenAnswers(ctx, r.ID)
	if err != nil || len(open) == 0 {
		return err
	}
	return orderhub.Errorf(orderhub.CodeRefused, "return %s: the answer %s is on its way already", r.Number(), open[0].Params[paramAction])
}

// answerCall is the call of answers as one of pushes.
func (h *Hub) answerCall(a channel.ReturnAnswerer) call {
	return func(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
		ids := make([]int64, len(pushes))
		for i, p := range pushes {
			ids[i] = decodeID([]byte(p.Params[paramReturn]))
		}
		list, err := h.store.ReturnsByIDs(ctx, ids)
		if err != nil {
			return nil, orderhub.NewBorderError(orderhub.ClassRetry, "answer a return", "the hub's own database did not answer", err)
		}
		answers := make([]channel.ReturnAnswer, len(pushes))
		for i, p := range pushes {
			minor, _ := strconv.ParseInt(p.Params[paramAmount], 10, 64) // written by AnswerReturn
			answers[i] = channel.ReturnAnswer{
				Key: p.Key, Order: p.Order, Action: p.Params[paramAction], Reason: p.Reason, Comment: p.Comment, Attempt: p.Attempt,
				Amount: orderhub.Money{Minor: minor, Currency: p.Params[paramCurrency]},
			}
			for _, r := range list {
				if r.ID == ids[i] {
					answers[i].Return = r.Snapshot
				}
			}
		}
		return a.AnswerReturn(ctx, answers)
	}
}

// checkAnswers looks whether answers are to be seen: the return does not offer
// them any more. What it needs is a sweep of the feed that tells of them, which is
// rung for; a look before that has ended is none.
func (h *Hub) checkAnswers(ctx context.Context, a *account, effects []*orderhub.Effect, lease store.Lease) error {
	if len(effects) == 0 {
		return nil
	}
	swept, err := h.returnsReadUntil(ctx, a)
	if err != nil {
		return err
	}
	ids := make([]int64, len(effects))
	for i, e := range effects {
		ids[i] = decodeID([]byte(e.Params[paramReturn]))
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		_, locked, err := lockEffects(ctx, tx, effects, lease)
		if err != nil {
			return err
		}
		returns, err := tx.ReturnsByIDs(ctx, ids)
		if err != nil {
			return err
		}
		var events []orderhub.Event
		ring := false
		for _, e := range locked {
			if e.State != orderhub.EffectSent && e.State != orderhub.EffectAccepted {
				continue
			}
			before := e.State
			h.checkAnswer(a, e, returns[decodeID([]byte(e.Params[paramReturn]))], swept)
			ring = ring || e.State.IsOpen()
			if e.State != before {
				events = append(events, effectEvent(e, h.store.Now(), hubActor, 0))
			}
		}
		if err := tx.SaveEffects(ctx, locked); err != nil {
			return err
		}
		if err := tx.AddEvents(ctx, events); err != nil || !ring {
			return err
		}
		return h.ringReturns(ctx, tx, a)
	})
}

// checkAnswer moves an answer that was sent.
func (h *Hub) checkAnswer(a *account, e *orderhub.Effect, r *orderhub.Return, swept time.Time) {
	now := h.store.Now()
	offered := false
	if r != nil {
		_, offered = r.Action(e.Params[paramAction])
	}
	switch {
	case !offered:
		finish(e, orderhub.EffectConfirmed, now)
		e.Class, e.Error = "", ""
		h.metrics.effects.WithLabelValues(a.ID, string(e.State)).Inc()
		return
	case !swept.After(e.SentAt):
		e.NextAt = now.Add(h.pause(checkPause(1)))
		return
	}
	e.Checks++
	switch {
	case e.State == orderhub.EffectSent && e.Checks >= checksBeforeRepeat && e.Attempts >= maxAttempts,
		e.State == orderhub.EffectAccepted && e.Checks >= checksAfterAccept:
		finish(e, orderhub.EffectUncertain, now)
		e.Error = fmt.Sprintf("the channel still offers %s after %s", e.Params[paramAction], plural(e.Checks, "reading"))
		h.metrics.effects.WithLabelValues(a.ID, string(e.State)).Inc()
	case e.State == orderhub.EffectSent && e.Checks >= checksBeforeRepeat:
		e.State, e.NextAt = orderhub.EffectIntent, now
	default:
		e.NextAt = now.Add(h.pause(checkPause(e.Checks + 1)))
	}
}

// returnsReadUntil is the moment before which whatever the channel showed of returns is
// in the hub.
func (h *Hub) returnsReadUntil(ctx context.Context, a *account) (time.Time, error) {
	feeds, err := h.store.Feeds(ctx, a.ID)
	if err != nil {
		return time.Time{}, err
	}
	var first time.Time
	for _, name := range returnFeeds(a.channel.Descriptor) {
		i := slices.IndexFunc(feeds, func(p store.FeedPosition) bool { return p.Feed == name })
		if i < 0 || feeds[i].ConfirmedAt.IsZero() {
			return time.Time{}, nil
		}
		if first.IsZero() || feeds[i].ConfirmedAt.Before(first) {
			first = feeds[i].ConfirmedAt
		}
	}
	return first, nil
}

// returnFeeds are the feeds that tell what can be answered; where a channel tells
// of goods in a feed of their own, all of them.
func returnFeeds(d channel.Descriptor) []string {
	var out []string
	for _, f := range d.Feeds {
		if f.Returns {
			out = append(out, f.Name)
		}
	}
	return out
}

// ringReturns asks for the feeds of returns to be read soon.
func (h *Hub) ringReturns(ctx context.Context, tx *store.Tx, a *account) error {
	for _, feed := range returnFeeds(a.channel.Descriptor) {
		if err := h.jobs.Ring(ctx, tx, jobs.Lane{Work: jobs.WorkSweep, Account: a.ID, Feed: feed}); err != nil {
			return err
		}
	}
	return nil
}
