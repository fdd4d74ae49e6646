package pipeline

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/rules"
)

// Limits of trying a rule on the past.
const (
	testEvents = 100_000 // looked at
	testTime   = 10 * time.Second
	testBatch  = 1000
	testShown  = 20
)

// RuleTrial says on which part of the past a rule is tried.
type RuleTrial struct {
	Rule orderhub.AutoRule
	// From and To limit the time of the events, [from, to); zero = open.
	From, To time.Time
	// Last is how many events of the rule's kinds are looked at, the newest; 0 = all
	// from From on, or 1000 where there is no From.
	Last int
}

// RuleTried is what a rule would have done.
type RuleTried struct {
	// Events of the rule's kinds were looked at; Fired of them passed the condition.
	Events int
	Fired  int
	// Orders are the newest for which it would have fired.
	Orders []TriedOrder
	// Failed counts events for which the condition could not be worked out; Error is
	// the first reason.
	Failed int
	Error  string
	// Complete is false when the limits of events or time ended the trial; Reached is
	// the time of the oldest event looked at.
	Complete bool
	Reached  time.Time
}

// TriedOrder is an order for which a rule would have fired, the last time.
type TriedOrder struct {
	Number   int64
	External string
	EventID  int64
	At       time.Time
}

// TryAutoRule runs a rule's condition over past events, newest first, and touches
// nothing. Orders are looked at as they are now, but for their age and, at a
// change of status, the status. It holds one batch in memory.
func (h *Hub) TryAutoRule(ctx context.Context, trial RuleTrial) (RuleTried, error) {
	var out RuleTried
	r := trial.Rule
	if err := h.checkAutoRule(ctx, &r); err != nil {
		return out, err
	}
	if !trial.From.IsZero() && !trial.To.IsZero() && !trial.From.Before(trial.To) {
		return out, orderhub.InvalidField("to", "must be after from")
	}
	if trial.Last == 0 && trial.From.IsZero() {
		trial.Last = testBatch
	}
	condition, err := h.conditions.compile(r.If)
	if err != nil {
		return out, err
	}
	if r.ID, err = h.ruleOfName(ctx, r); err != nil {
		return out, err
	}
	ctx, cancel := context.WithTimeout(ctx, testTime)
	defer cancel()
	t := &trying{hub: h, trial: trial, rule: r, condition: condition, out: &out, seen: map[int64]bool{}}
	err = t.walk(ctx)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return out, nil // incomplete, and says so
	}
	return out, err
}

// ruleOfName finds the rule that a trial is about: what it did itself in the past it
// would not have fired on.
func (h *Hub) ruleOfName(ctx context.Context, r orderhub.AutoRule) (int64, error) {
	list, err := h.store.AutoRules(ctx)
	for _, have := range list {
		if r.ID == 0 && have.Name == r.Name {
			return have.ID, err
		}
	}
	return r.ID, err
}

type trying struct {
	hub       *Hub
	trial     RuleTrial
	rule      orderhub.AutoRule
	condition *rules.Condition
	out       *RuleTried
	seen      map[int64]bool // orders
}

func (t *trying) walk(ctx context.Context) error {
	before := int64(1<<63 - 1)
	for looked := 0; looked < testEvents; looked += testBatch {
		events, err := t.hub.store.EventsBefore(ctx, before, testBatch)
		if err != nil {
			return err
		}
		done, err := t.batch(ctx, events)
		if err != nil {
			return err
		}
		if done || len(events) < testBatch {
			t.out.Complete = true
			return nil
		}
		before = events[len(events)-1].ID
	}
	return nil
}

// batch looks at events, newest first; done when there is nothing more to look at.
func (t *trying) batch(ctx context.Context, events []orderhub.Event) (done bool, err error) {
	early := 0
	wanted := slices.DeleteFunc(slices.Clone(events), func(e orderhub.Event) bool {
		if !t.trial.From.IsZero() && e.At.Before(t.trial.From) {
			early++
			return true
		}
		late := !t.trial.To.IsZero() && !e.At.Before(t.trial.To)
		return late || e.OrderID == 0 || !slices.Contains(t.rule.On, e.Kind) || (t.rule.ID != 0 && e.Cause.Rule == t.rule.ID)
	})
	if left := t.trial.Last - t.out.Events; t.trial.Last > 0 && len(wanted) >= left {
		wanted, done = wanted[:left], true
	}
	var ids []int64
	for _, e := range wanted {
		ids = append(ids, e.OrderID)
	}
	slices.Sort(ids)
	list, err := t.hub.store.OrdersByIDs(ctx, slices.Compact(ids))
	if err != nil {
		return false, err
	}
	orders := map[int64]*orderhub.Order{}
	for _, o := range list {
		orders[o.ID] = o
	}
	for _, e := range wanted {
		o := orders[e.OrderID]
		if o == nil {
			continue
		}
		own := ""
		if t.rule.ID != 0 {
			if own, err = t.hub.ownEffect(ctx, e); err != nil {
				return false, err
			}
		}
		t.event(o, e, own != "" && own == clean(t.rule.Name))
	}
	// Events are written nearly in the order of their time.
	return done || (early > 0 && early == len(events)), ctx.Err()
}

// event asks about one event; muted: the rule would not have been asked.
func (t *trying) event(o *orderhub.Order, e orderhub.Event, muted bool) {
	env := rules.NewEnv(o, e, e.At)
	if e.Kind == orderhub.EventStatus || e.Kind == orderhub.EventReceived {
		if e.To != "" {
			env.Status = string(e.To)
		}
	}
	t.out.Events++
	t.out.Reached = e.At
	if muted || e.Cause.Depth >= orderhub.MaxDepth {
		return
	}
	yes, err := t.condition.Holds(env)
	if err != nil {
		if t.out.Failed++; t.out.Error == "" {
			t.out.Error = err.Error()
		}
		return
	}
	if !yes {
		return
	}
	t.out.Fired++
	if !t.seen[o.ID] && len(t.out.Orders) < testShown {
		t.seen[o.ID] = true
		t.out.Orders = append(t.out.Orders, TriedOrder{Number: o.ID, External: o.Snapshot.ExternalNumber, EventID: e.ID, At: e.At})
	}
}
