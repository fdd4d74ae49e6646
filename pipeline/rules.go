package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/rules"
	"github.com/orderhub/orderhub/store"
)

// rulesLane asks the automation rules about what happened; it belongs to no account.
var rulesLane = jobs.Lane{Work: jobs.WorkRules, Account: "rules"}

const rulesCursor = "rules"

const (
	// rulesBatch is how many events are looked at before the position moves.
	rulesBatch = 200
	// firingTries is how often a firing is tried that fails by a fault of the hub.
	firingTries = 3
	// keepFirings is how long firings can be looked up.
	keepFirings = 90 * 24 * time.Hour
)

// ready is a rule whose condition can be run.
type ready struct {
	orderhub.AutoRule
	condition *rules.Condition
}

// readyRules are the rules that are switched on. One whose condition cannot be
// read any more (a field went away) is shown as failing, and the others go on.
func (h *Hub) readyRules(ctx context.Context) ([]ready, error) {
	list, err := h.store.AutoRules(ctx)
	if err != nil {
		return nil, err
	}
	var out []ready
	for _, r := range list {
		if !r.Enabled {
			continue
		}
		c, err := h.conditions.compile(r.If)
		if err != nil {
			if r.Error == Sentence(err) {
				continue
			}
			if err := h.store.InTx(ctx, func(tx *store.Tx) error { return tx.SetAutoRuleError(ctx, r.ID, Sentence(err)) }); err != nil {
				return nil, err
			}
			continue
		}
		out = append(out, ready{r, c})
	}
	return out, nil
}

// automate follows the events of all orders and lets rules fire. The position moves
// behind a batch; what was settled before a kill is known by its firing.
func (h *Hub) automate(ctx context.Context, lease store.Lease) error {
	at, _, err := h.store.NotifyCursor(ctx, rulesCursor)
	if err != nil {
		return err
	}
	last, settled, err := h.store.SettledEvents(ctx)
	if err != nil || !settled {
		return err // the tick comes again
	}
	for at < last {
		list, err := h.readyRules(ctx)
		if err != nil {
			return err
		}
		to := last
		if begin := max(at, firstAsked(list)); len(list) > 0 && begin < last {
			events, err := h.store.EventsAfter(ctx, begin, rulesBatch)
			if err != nil {
				return err
			}
			events = slices.DeleteFunc(events, func(e orderhub.Event) bool { return e.ID > last })
			if len(events) == rulesBatch {
				to = events[len(events)-1].ID
			}
			err = h.askRules(ctx, list, events, lease)
			if errors.Is(err, errRuleChanged) {
				continue
			}
			if err != nil {
				return err
			}
		}
		if err := h.between("asked"); err != nil {
			return err
		}
		if err := h.writeCauses(ctx, lease, rulesCursor, at, to, nil, nil); err != nil {
			return err
		}
		if err := h.between("moved"); err != nil {
			return err
		}
		at = to
	}
	return nil
}

// firstAsked is the event behind which the first of the rules begins to listen.
// While no rule is on, the position stays where it is.
func firstAsked(list []ready) int64 {
	first := int64(1<<63 - 1)
	for _, r := range list {
		first = min(first, r.AfterEvent)
	}
	return first
}

// askRules asks the rules about events, oldest first. A firing changes its order,
// which is read anew for what comes after.
func (h *Hub) askRules(ctx context.Context, list []ready, events []orderhub.Event, lease store.Lease) error {
	orders, err := h.ordersOf(ctx, list, events)
	if err != nil {
		return err
	}
	for _, e := range events {
		listening := slices.DeleteFunc(slices.Clone(list), func(r ready) bool { return !r.ListensTo(e) })
		if len(listening) == 0 {
			continue
		}
		own, err := h.ownEffect(ctx, e)
		if err != nil {
			return err
		}
		for _, r := range listening {
			if own != "" && own == clean(r.Name) {
				continue
			}
			o, err := h.orderOf(ctx, orders, e.OrderID)
			if err != nil {
				return err
			}
			fired, err := h.ask(ctx, r, e, o, lease)
			if err != nil {
				return err
			}
			if fired {
				delete(orders, o.ID)
			}
		}
	}
	return nil
}

// ownEffect names the rule that asked for what an effect's event tells of: what
// became of it is of that rule's making too.
func (h *Hub) ownEffect(ctx context.Context, e orderhub.Event) (string, error) {
	id := effectOf(e)
	if id == 0 {
		return "", nil
	}
	f, err := h.store.Effect(ctx, id)
	if orderhub.CodeOf(err) == orderhub.CodeNotFound || (err == nil && f.Actor.Kind != orderhub.ActorRule) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return f.Actor.Name, nil
}

// ordersOf reads the orders of the events that some rule listens to.
func (h *Hub) ordersOf(ctx context.Context, list []ready, events []orderhub.Event) (map[int64]*orderhub.Order, error) {
	var ids []int64
	for _, e := range events {
		if slices.ContainsFunc(list, func(r ready) bool { return r.ListensTo(e) }) {
			ids = append(ids, e.OrderID)
		}
	}
	slices.Sort(ids)
	found, err := h.store.OrdersByIDs(ctx, slices.Compact(ids))
	out := make(map[int64]*orderhub.Order, len(found))
	for _, o := range found {
		out[o.ID] = o
	}
	return out, err
}

func (h *Hub) orderOf(ctx context.Context, known map[int64]*orderhub.Order, id int64) (*orderhub.Order, error) {
	if o := known[id]; o != nil {
		return o, nil
	}
	o, err := h.store.Order(ctx, id)
	if err == nil {
		known[id] = o
	}
	return o, err
}

// ask asks one rule about one event and lets it fire. An error is the hub's own
// trouble and is tried again; after some tries the firing is shown as failed.
func (h *Hub) ask(ctx context.Context, r ready, e orderhub.Event, o *orderhub.Order, lease store.Lease) (bool, error) {
	yes, err := r.condition.Holds(rules.NewEnv(o, e, h.store.Now()))
	if err != nil {
		return false, h.firingFailed(ctx, r, e, lease, err.Error())
	}
	if !yes {
		return false, nil
	}
	if err := h.between("held"); err != nil {
		return false, err
	}
	err = h.fire(ctx, r, e, lease)
	switch {
	case err == nil:
		h.faults.forget(r.ID, e.ID)
		return true, h.between("fired")
	case errors.Is(err, errSettled):
		return true, nil // by a worker before
	case errors.Is(err, store.ErrFenced) || errors.Is(err, errRuleChanged) || ctx.Err() != nil:
		return false, err
	case h.faults.count(r.ID, e.ID) < firingTries:
		return false, err
	}
	h.log.Warn("a rule cannot fire", "rule", r.ID, "event", e.ID, "error", err.Error())
	h.faults.forget(r.ID, e.ID)
	return true, h.firingFailed(ctx, r, e, lease, Sentence(err))
}

var (
	// errSettled tells that a rule and an event are settled, or no longer fit.
	errSettled = errors.New("settled already")
	// errRuleChanged tells that somebody wrote the rule anew meanwhile.
	errRuleChanged = errors.New("the rule was changed meanwhile")
)

// firingFailed shows that a rule could not be worked out for an event, and goes on.
func (h *Hub) firingFailed(ctx context.Context, r ready, e orderhub.Event, lease store.Lease, why string) error {
	err := h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		if fired, err := tx.Fired(ctx, r.ID, e.ID); err != nil || fired {
			return err
		}
		if err := tx.AddFiring(ctx, &orderhub.Firing{RuleID: r.ID, EventID: e.ID, OrderID: e.OrderID, At: h.store.Now(),
			Outcome: orderhub.FiringFailed, Why: why}); err != nil {
			return err
		}
		return tx.SetAutoRuleError(ctx, r.ID, why)
	})
	if store.IsConflict(err) {
		return nil // somebody else was here
	}
	return err
}

// effectOf gives the effect that an event tells of, 0 for none.
func effectOf(e orderhub.Event) int64 {
	if e.Kind != orderhub.EventEffect || len(e.Data) == 0 {
		return 0
	}
	var d struct {
		Effect int64 `json:"effect"`
	}
	if json.Unmarshal(e.Data, &d) != nil {
		return 0 // an event of another kind of making
	}
	return d.Effect
}
