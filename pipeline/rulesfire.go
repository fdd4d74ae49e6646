package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/rules"
	"github.com/orderhub/orderhub/store"
)

// fire lets a rule act, once: the order's changes, their events and the firing are
// committed together.
func (h *Hub) fire(ctx context.Context, r ready, e orderhub.Event, lease store.Lease) error {
	// What needs a second connection is done before the transaction.
	_, closed := h.working(ctx, e.OrderID)
	if closed != nil && orderhub.CodeOf(closed) == "" {
		return closed
	}
	goods, err := h.keepsGoods(ctx)
	if err != nil {
		return err
	}
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		o, err := tx.LockOrder(ctx, e.OrderID)
		if err != nil {
			return err
		}
		if err := h.stillFires(ctx, tx, &r, e, o); err != nil {
			return err
		}
		f := &firing{hub: h, tx: tx, rule: r.AutoRule, event: e, order: o, goods: goods, closed: closed}
		tx.CausedBy(orderhub.RuleCause{Rule: r.ID, Event: e.ID, Depth: e.Cause.Depth + 1})
		return f.run(ctx)
	})
	if store.IsConflict(err) {
		return errSettled
	}
	return err
}

// stillFires looks again under the locks: the rule may have been switched off, the
// order have changed, and another worker have been here.
func (h *Hub) stillFires(ctx context.Context, tx *store.Tx, r *ready, e orderhub.Event, o *orderhub.Order) error {
	now, err := tx.LockAutoRule(ctx, r.ID)
	switch {
	case orderhub.CodeOf(err) == orderhub.CodeNotFound || (err == nil && !now.Enabled):
		return errSettled
	case err != nil:
		return err
	case !now.UpdatedAt.Equal(r.UpdatedAt):
		return errRuleChanged
	}
	if fired, err := tx.Fired(ctx, r.ID, e.ID); err != nil || fired {
		return orSettled(err)
	}
	yes, err := r.condition.Holds(rules.NewEnv(o, e, h.store.Now()))
	if err != nil || !yes {
		return errSettled
	}
	return nil
}

func orSettled(err error) error {
	if err == nil {
		return errSettled
	}
	return err
}

// firing is a rule at work on a locked order.
type firing struct {
	hub   *Hub
	tx    *store.Tx
	rule  orderhub.AutoRule
	event orderhub.Event
	order *orderhub.Order
	goods bool
	// closed is why nothing can be sent for the order; nil = it can.
	closed   error
	outcomes []orderhub.ActionOutcome
	tells    []tell
}

// tell is what a firing wants people to be told; its event carries it to the
// notification rules on "rule".
type tell struct {
	Text       string  `json:"text"`
	Recipients []int64 `json:"recipients,omitempty"`
}

func (f *firing) actor() orderhub.Actor {
	return orderhub.Actor{Kind: orderhub.ActorRule, Name: f.rule.Name}
}

func (f *firing) run(ctx context.Context) error {
	if f.event.Cause.Depth >= orderhub.MaxDepth {
		return f.settle(ctx, orderhub.FiringTooDeep, fmt.Sprintf("not done: the end of a chain of %d rules", orderhub.MaxDepth))
	}
	often, err := f.tx.FiredSince(ctx, f.rule.ID, f.order.ID, f.hub.store.Now().Add(-time.Hour))
	if err != nil {
		return err
	}
	if often >= int64(f.rule.PerHour) {
		return f.stop(ctx)
	}
	outcome := orderhub.FiringDone
	for _, a := range f.rule.Then {
		what, refused, err := f.act(ctx, a)
		if err != nil {
			return err
		}
		if refused != "" {
			outcome = orderhub.FiringRefused
		}
		f.outcomes = append(f.outcomes, orderhub.ActionOutcome{Do: a.Do, What: what, Refused: refused})
	}
	if err := f.hub.between("acted"); err != nil {
		return err
	}
	return f.settle(ctx, outcome, f.words())
}

// stop switches a rule off that fires too often for one order, and says so.
func (f *firing) stop(ctx context.Context) error {
	why := fmt.Sprintf("stopped itself: it fired %d times within an hour for order %s", f.rule.PerHour, f.order.Number())
	f.rule.Enabled, f.rule.Error, f.rule.ErrorAt = false, why, f.hub.store.Now()
	if err := f.tx.SaveAutoRule(ctx, &f.rule); err != nil {
		return err
	}
	f.tells = []tell{{Text: "rule " + f.rule.Name + " " + why}}
	return f.settle(ctx, orderhub.FiringStopped, why)
}

// settle writes the firing and its entry in the order's history.
func (f *firing) settle(ctx context.Context, outcome orderhub.FiringOutcome, why string) error {
	now := f.hub.store.Now()
	data, err := json.Marshal(map[string]any{"rule": f.rule.ID, "event": f.event.ID, "outcome": outcome, "actions": f.outcomes, "notify": f.tells})
	if err != nil {
		return fmt.Errorf("write firing: %w", err)
	}
	if err := f.tx.AddFiring(ctx, &orderhub.Firing{RuleID: f.rule.ID, EventID: f.event.ID, OrderID: f.order.ID, At: now, Outcome: outcome,
		Why: why, Actions: f.outcomes}); err != nil {
		return err
	}
	return f.tx.AddEvents(ctx, []orderhub.Event{{OrderID: f.order.ID, At: now, Kind: orderhub.EventRule, Actor: f.actor(), Why: why, Data: data}})
}

// words say why the rule fired and what it did.
func (f *firing) words() string {
	var b strings.Builder
	b.WriteString("on " + string(f.event.Kind))
	if f.event.To != "" {
		b.WriteString(" → " + string(f.event.To))
	}
	if f.rule.If != "" {
		b.WriteString(" if " + shorten(oneLine.Replace(f.rule.If), 200))
	}
	for i, o := range f.outcomes {
		b.WriteString(map[bool]string{true: ": ", false: "; "}[i == 0] + o.What)
		if o.Refused != "" {
			b.WriteString(" refused: " + o.Refused)
		}
	}
	return shorten(b.String(), 1000)
}

func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// act does one action. A refusal is words for people; an error undoes the firing.
func (f *firing) act(ctx context.Context, a orderhub.Action) (what, refused string, err error) {
	h, tx, o := f.hub, f.tx, f.order
	changed := true
	switch a.Do {
	case orderhub.ActStatus:
		return f.advance(ctx, a)
	case orderhub.ActHold:
		what = "hold"
		changed, err = h.hold(ctx, tx, o, orderhub.HoldManual, true, a.Text, f.actor())
	case orderhub.ActUnhold:
		what = "unhold"
		changed, err = h.hold(ctx, tx, o, orderhub.HoldManual, false, a.Text, f.actor())
	case orderhub.ActTag:
		what = "tag " + a.Tag
		changed, err = h.mark(ctx, tx, o, Marks{AddTags: []string{a.Tag}}, f.actor())
	case orderhub.ActUntag:
		what = "untag " + a.Tag
		changed, err = h.mark(ctx, tx, o, Marks{RemoveTags: []string{a.Tag}}, f.actor())
	case orderhub.ActAssign:
		what = assignWords(a.Assignee)
		changed, err = h.mark(ctx, tx, o, Marks{Assignee: &a.Assignee}, f.actor())
	case orderhub.ActNote:
		what = "note"
		changed, err = h.mark(ctx, tx, o, Marks{Note: a.Text}, f.actor())
	case orderhub.ActNotify:
		what = "notify"
		f.tells = append(f.tells, tell{Text: a.Text, Recipients: a.Recipients})
	case orderhub.ActWebhook:
		what = fmt.Sprintf("webhook %d", a.Recipient)
		err = f.call(ctx, a)
	default:
		what, refused = string(a.Do), "this hub does not know the action"
	}
	if orderhub.CodeOf(err) != "" {
		return what, Sentence(err), nil // refused before the first write
	}
	if !changed {
		what += " (was so already)"
	}
	return what, refused, err
}

// advance asks for a status as a person would.
func (f *firing) advance(ctx context.Context, a orderhub.Action) (what, refused string, err error) {
	what = "status " + string(a.Status)
	if f.closed != nil {
		return what, Sentence(f.closed), nil
	}
	if f.order.Headline == a.Status || f.order.Requested == a.Status {
		return what + " (was so already)", "", nil
	}
	req := orderhub.Request{To: a.Status, Actor: f.actor(), Reason: a.Reason, Comment: a.Text}
	scrubRequest(&req)
	plan, err := f.hub.decide(f.order, &req)
	if err != nil {
		if orderhub.CodeOf(err) == "" {
			return what, "", err
		}
		return what, Sentence(err), nil
	}
	if _, err := f.hub.carryOut(ctx, f.tx, f.order, req, plan, f.goods); err != nil {
		// Something may be written already: the whole firing is undone.
		return what, "", fmt.Errorf("carry out %s: %w", a.Status, err)
	}
	return what, "", nil
}

// call writes a message to a program; the lane of telling signs and sends it, and
// keeps what became of it. It names the order and nobody's data.
func (f *firing) call(ctx context.Context, a orderhub.Action) error {
	to, err := f.tx.LockRecipient(ctx, a.Recipient)
	if err != nil {
		return err
	}
	if to.Kind != orderhub.RecipientWebhook || to.State != orderhub.RecipientActive {
		return orderhub.Errorf(orderhub.CodeRefused, "recipient %d is no webhook", a.Recipient)
	}
	o, e, now := f.order, f.event, f.hub.store.Now()
	payload, err := json.Marshal(map[string]any{
		"type": "rule.fired", "rule": map[string]any{"id": f.rule.ID, "name": f.rule.Name}, "text": a.Text, "at": now,
		"event": map[string]any{"id": e.ID, "kind": e.Kind, "at": e.At, "from": e.From, "to": e.To},
		"order": map[string]any{
			"number": o.ID, "account": o.AccountID, "channel": o.Channel, "external_id": o.Snapshot.ExternalID,
			"external_number": o.Snapshot.ExternalNumber, "status": o.Headline, "requested": o.Requested, "holds": o.Holds(),
			"tags": o.Tags, "assignee": o.Assignee, "total": o.Snapshot.Total, "units": o.Snapshot.Units(),
		},
	})
	if err != nil {
		return fmt.Errorf("write call: %w", err)
	}
	m := &orderhub.Notice{
		RecipientID: to.ID, Kind: to.Kind, OrderID: o.ID, Causes: 1, Text: f.rule.Name, Payload: string(payload),
		State: orderhub.MessagePending, NextAt: now, GiveUpAt: now.Add(f.hub.pause(giveUpAfter)),
	}
	if err := f.tx.AddNotice(ctx, m); err != nil {
		return err
	}
	return f.hub.jobs.Ring(ctx, f.tx, tellLane(to.Kind, to.ID))
}

// faults counts, in this process, how often a firing failed by a fault of the hub.
type faults struct {
	mu sync.Mutex
	by map[[2]int64]int
}

func (f *faults) count(rule, event int64) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.by == nil || len(f.by) > 1000 {
		f.by = map[[2]int64]int{}
	}
	f.by[[2]int64{rule, event}]++
	return f.by[[2]int64{rule, event}]
}

func (f *faults) forget(rule, event int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.by, [2]int64{rule, event})
}

// conditions keeps compiled conditions by their text.
type conditions struct {
	mu sync.Mutex
	by map[string]*rules.Condition
}

func (c *conditions) compile(source string) (*rules.Condition, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if have := c.by[source]; have != nil {
		return have, nil
	}
	made, err := rules.Compile(source)
	if err != nil {
		return nil, err
	}
	if c.by == nil || len(c.by) > 1000 {
		c.by = map[string]*rules.Condition{}
	}
	c.by[source] = made
	return made, nil
}
