package pipeline

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// How long an effect is followed. After a lost answer the order is read
// checksBeforeRepeat times before the call is repeated; an accepted call is
// read back checksAfterAccept times before it is called uncertain; and a call
// is made maxAttempts times at most.
const (
	checksBeforeRepeat = 3
	checksAfterAccept  = 14
	maxAttempts        = 12
	maxDeliveries      = 84 // to a shop, which may be away for days
	dueEffects         = 200
)

// drainEffects works off what is owed to an account's channel, oldest first,
// one effect per order at a time.
func (h *Hub) drainEffects(ctx context.Context, a *account, lease store.Lease) error {
	for ctx.Err() == nil {
		due, err := h.store.DueEffects(ctx, a.ID, dueEffects)
		if err != nil || len(due) == 0 {
			return err
		}
		var send, check, answers []*orderhub.Effect
		for _, e := range due {
			switch {
			case e.State == orderhub.EffectIntent:
				send = append(send, e)
			case e.Kind == orderhub.EffectAnswerReturn:
				answers = append(answers, e)
			default:
				check = append(check, e)
			}
		}
		if err := h.checkAnswers(ctx, a, answers, lease); err != nil {
			return err
		}
		if err := h.checkEffects(ctx, a, check, lease); err != nil {
			return err
		}
		for _, kind := range sendOrder {
			for _, to := range targets(send, kind) {
				batch := slices.DeleteFunc(slices.Clone(send), func(e *orderhub.Effect) bool { return e.Kind != kind || e.To != to })
				for part := range slices.Chunk(batch, max(1, a.channel.Descriptor.PushBatch)) {
					if err := h.sendEffects(ctx, a, kind, part, lease); err != nil {
						return err
					}
				}
			}
		}
	}
	return ctx.Err()
}

// sendOrder is in which sequence kinds of effects leave: what a buyer waits for
// first.
var sendOrder = []orderhub.EffectKind{
	orderhub.EffectStatus, orderhub.EffectCancelLines, orderhub.EffectTracking, orderhub.EffectAnswerCancel, orderhub.EffectAnswerReturn,
}

// targets lists the statuses that effects of a kind are to reach, cancels
// first: a buyer is waiting for them.
func targets(effects []*orderhub.Effect, kind orderhub.EffectKind) []orderhub.Status {
	var out []orderhub.Status
	for _, e := range effects {
		if e.Kind == kind && !slices.Contains(out, e.To) {
			out = append(out, e.To)
		}
	}
	slices.SortFunc(out, func(x, y orderhub.Status) int { return y.Rank() - x.Rank() })
	return out
}

// can reports whether the adapter has the call for a kind of effect.
func (h *Hub) can(a channel.Adapter, kind orderhub.EffectKind) bool { return h.caller(a, kind) != nil }

type call func(context.Context, []channel.Push) ([]channel.PushResult, error)

func (h *Hub) caller(a channel.Adapter, kind orderhub.EffectKind) call {
	switch kind {
	case orderhub.EffectStatus:
		if p, ok := a.(channel.StatusPusher); ok {
			return p.PushStatus
		}
	case orderhub.EffectTracking:
		if p, ok := a.(channel.TrackingPusher); ok {
			return p.PushTracking
		}
	case orderhub.EffectAnswerCancel:
		if p, ok := a.(channel.CancelAnswerer); ok {
			return p.AnswerCancel
		}
	case orderhub.EffectAnswerReturn:
		if p, ok := a.(channel.ReturnAnswerer); ok {
			return h.answerCall(p)
		}
	case orderhub.EffectCancelLines:
		if p, ok := a.(channel.LineCanceller); ok {
			return cutCall(p)
		}
	}
	return nil
}

// sendEffects makes one call for a batch. That it is about to be made is
// committed first: after a kill the effects are found as sent and read back
// before anything is repeated.
func (h *Hub) sendEffects(ctx context.Context, a *account, kind orderhub.EffectKind, batch []*orderhub.Effect, lease store.Lease) error {
	do := h.caller(a.adapter, kind)
	orders, batch, err := h.markSent(ctx, batch, lease)
	if err != nil || len(batch) == 0 {
		return err
	}
	if do == nil {
		return h.record(ctx, a, batch, nil, nil, orderhub.NewBorderError(orderhub.ClassRejected, string(a.Channel), "the channel has no call for this", nil), lease)
	}
	pushes := make([]channel.Push, len(batch))
	for i, e := range batch {
		pushes[i] = channel.Push{Key: e.Key(), Order: orderOfEffect(orders, e, a), To: e.To, Reason: e.Reason, Comment: e.Comment, Params: e.Params, Attempt: e.Attempts}
	}
	apart := func(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
		return pushApart(ctx, do, pushes)
	}
	recorded, recorder := channel.WithRecorder(ctx)
	results, err := h.sabotaged(apart, batch)(recorded, pushes)
	return h.record(ctx, a, batch, recorder.Take(), results, err, lease)
}

// orderOfEffect is the order that an effect is about; of an answer to a return whose
// order is not in the hub, one without content.
func orderOfEffect(orders map[int64]*orderhub.Order, e *orderhub.Effect, a *account) orderhub.Order {
	if o := orders[e.OrderID]; o != nil {
		return *o
	}
	return orderhub.Order{AccountID: e.AccountID, Channel: a.Channel}
}

// sabotaged is the call as Hooks spoil it.
func (h *Hub) sabotaged(do call, batch []*orderhub.Effect) call {
	swallow := h.hooks.SwallowPush
	if swallow == nil {
		return do
	}
	return func(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
		results := make([]channel.PushResult, len(pushes))
		var made []channel.Push
		var at []int
		for i, e := range batch {
			if swallow(e) {
				results[i].Outcome = channel.OutcomeDone
				continue
			}
			made, at = append(made, pushes[i]), append(at, i)
		}
		if len(made) == 0 {
			return results, nil
		}
		answered, err := do(ctx, made)
		if err != nil || len(answered) != len(made) {
			return answered, err
		}
		for j, i := range at {
			results[i] = answered[j]
		}
		return results, nil
	}
}

// markSent commits that the effects are about to leave, and reads their orders.
// Effects that something else settled meanwhile are left out.
func (h *Hub) markSent(ctx context.Context, batch []*orderhub.Effect, lease store.Lease) (map[int64]*orderhub.Order, []*orderhub.Effect, error) {
	ids := make([]int64, len(batch))
	orderIDs := make([]int64, len(batch))
	for i, e := range batch {
		ids[i], orderIDs[i] = e.ID, e.OrderID
	}
	var live []*orderhub.Effect
	err := h.store.InTx(ctx, func(tx *store.Tx) error {
		live = live[:0]
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		fresh, err := tx.LockEffects(ctx, ids)
		if err != nil {
			return err
		}
		for _, e := range fresh {
			if e.State != orderhub.EffectIntent {
				continue
			}
			e.State, e.SentAt, e.Checks = orderhub.EffectSent, h.store.Now(), 0
			e.Attempts++
			e.NextAt = h.store.Now().Add(h.pause(3 * time.Second))
			live = append(live, e)
		}
		return tx.SaveEffects(ctx, live)
	})
	if err != nil || len(live) == 0 {
		return nil, nil, err
	}
	list, err := h.store.OrdersByIDs(ctx, orderIDs)
	if err != nil {
		return nil, nil, err
	}
	orders := map[int64]*orderhub.Order{}
	for _, o := range list {
		orders[o.ID] = o
	}
	return orders, live, nil
}

// record writes down what became of a call: as it went over the wire, and what
// it means for the effects.
func (h *Hub) record(ctx context.Context, a *account, batch []*orderhub.Effect, wire []channel.Exchange, results []channel.PushResult, callErr error, lease store.Lease) error {
	// The call was made: its result is recorded even if the hub is stopping.
	ctx = context.WithoutCancel(ctx)
	if callErr != nil {
		h.metrics.callFailures.WithLabelValues(a.ID, string(orderhub.ClassOf(callErr))).Inc()
		h.log.Warn("push failed", "account", a.ID, "effects", len(batch), "class", string(orderhub.ClassOf(callErr)), "error", callErr.Error())
	}
	byID, ids, byKey := map[int64]int{}, make([]int64, len(batch)), map[string][]int64{}
	for i, e := range batch {
		byID[e.ID], ids[i], byKey[e.Key()] = i, e.ID, []int64{e.ID}
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		orders, locked, err := lockEffects(ctx, tx, batch, lease)
		if err != nil {
			return err
		}
		var saved []*orderhub.Effect
		var events []orderhub.Event
		var reread []string
		var items []channel.Item
		var readAt time.Time
		for _, e := range locked {
			res := channel.PushResult{Outcome: channel.OutcomeFailed, Err: callErr}
			if callErr == nil {
				res = results[byID[e.ID]]
			}
			// News may have settled the effect while the call was under way; what
			// the call brought along counts all the same.
			if e.State == orderhub.EffectSent {
				h.progress(e, res, a)
				saved = append(saved, e)
				events = append(events, effectEvent(e, h.store.Now(), orderhub.Actor{Kind: orderhub.ActorHub}, 0))
			}
			items = append(items, res.Items...)
			if readAt.IsZero() || e.SentAt.Before(readAt) {
				readAt = e.SentAt
			}
			again, err := h.afterPush(ctx, tx, a, orders[e.OrderID], e, res)
			if err != nil {
				return err
			}
			reread = append(reread, again...)
		}
		if err := tx.SaveEffects(ctx, saved); err != nil {
			return err
		}
		if err := tx.AddEvents(ctx, events); err != nil {
			return err
		}
		if err := tx.SaveCalls(ctx, calls(a.ID, "push", wire, byKey), ids); err != nil {
			return err
		}
		// Bells last, and in one order everywhere: accept, then hints.
		if err := h.saveItems(ctx, tx, a.ID, "push", readAt, items); err != nil {
			return err
		}
		if err := h.readAgain(ctx, tx, a, reread); err != nil || batch[0].Kind != orderhub.EffectAnswerReturn {
			return err
		}
		return h.ringReturns(ctx, tx, a)
	})
}

// lockEffects checks the lease and locks the orders of effects, then the effects
// themselves, as they are now.
func lockEffects(ctx context.Context, tx *store.Tx, effects []*orderhub.Effect, lease store.Lease) (map[int64]*orderhub.Order, []*orderhub.Effect, error) {
	if err := tx.Hold(ctx, lease); err != nil {
		return nil, nil, err
	}
	ids, orderIDs := make([]int64, len(effects)), make([]int64, len(effects))
	for i, e := range effects {
		ids[i], orderIDs[i] = e.ID, e.OrderID
	}
	orders, err := tx.LockOrdersByIDs(ctx, orderIDs)
	if err != nil {
		return nil, nil, err
	}
	locked, err := tx.LockEffects(ctx, ids)
	return orders, locked, err
}

// progress moves an effect by the answer to its call.
func (h *Hub) progress(e *orderhub.Effect, res channel.PushResult, a *account) {
	now := h.store.Now()
	switch res.Outcome {
	case channel.OutcomeDone:
		finish(e, orderhub.EffectConfirmed, now)
		e.AcceptedAt, e.Class, e.Error = now, "", res.Note
	case channel.OutcomeAccepted:
		e.State, e.AcceptedAt, e.Class, e.Error = orderhub.EffectAccepted, now, "", res.Note
		e.NextAt = now.Add(h.pause(checkPause(1)))
	case channel.OutcomeUnsent:
		e.State, e.Attempts = orderhub.EffectIntent, e.Attempts-1
		e.NextAt = now.Add(h.pause(5 * time.Second))
		if res.Err != nil {
			e.Class, e.Error = orderhub.ClassOf(res.Err), Sentence(res.Err)
		}
	case channel.OutcomeFailed:
		h.failed(e, res.Err, now, attemptsOf(a))
	}
	h.metrics.effects.WithLabelValues(a.ID, string(e.State)).Inc()
}

// attemptsOf is how often a call is made before it is given up.
func attemptsOf(a *account) int {
	if hasReader(a.adapter) {
		return maxAttempts
	}
	return maxDeliveries
}

// failed moves an effect after a failure of a known class.
func (h *Hub) failed(e *orderhub.Effect, err error, now time.Time, limit int) {
	class := orderhub.ClassOf(err)
	e.Class, e.Error = class, Sentence(err)
	next := jobs.Policy(err, e.Attempts, h.scale)
	switch {
	case class == orderhub.ClassUncertain:
		// It may have happened: stay "sent", read back first.
		e.NextAt = now.Add(h.pause(checkPause(1)))
	case notFound(err) && e.Attempts < notFoundTries:
		// The ledger has the order from this channel: a replica that lags is
		// likelier than an order that is gone.
		e.State, e.NextAt = orderhub.EffectIntent, now.Add(h.pause(checkPause(e.Attempts+1)))
	case !next.Again:
		finish(e, orderhub.EffectRejected, now)
	case next.Counts && e.Attempts >= limit:
		finish(e, orderhub.EffectUncertain, now)
		e.Error = "given up after " + plural(e.Attempts, "attempt") + ": " + e.Error
	default:
		e.State, e.NextAt = orderhub.EffectIntent, now.Add(next.Wait)
		if !next.Counts {
			e.Attempts = max(0, e.Attempts-1)
		}
	}
}

// notFoundTries is how often "no such order" is not believed.
const notFoundTries = 5

func notFound(err error) bool {
	var be *orderhub.BorderError
	return errors.As(err, &be) && be.HTTPStatus == http.StatusNotFound && be.Class == orderhub.ClassRejected
}

// afterPush lets a result change the order: attributes, and the wish that is
// fulfilled or given up. It gives the ids of what is to be read again. o is nil for an
// answer to a return whose order is not in the hub, or came at this moment.
func (h *Hub) afterPush(ctx context.Context, tx *store.Tx, a *account, o *orderhub.Order, e *orderhub.Effect, res channel.PushResult) (reread []string, err error) {
	if o == nil {
		return res.Reread, nil
	}
	changed := false
	if len(res.Attrs) > 0 {
		if o.Snapshot.Attrs == nil {
			o.Snapshot.Attrs = map[string]string{}
		}
		for k, v := range res.Attrs {
			o.Snapshot.Attrs[k] = v
		}
		changed = true
	}
	if !e.State.IsOpen() && o.Requested == e.To && o.Requested != "" {
		o.Requested = ""
		changed = true
	}
	if changed {
		if err := tx.UpdateOrders(ctx, []store.Change{{Order: o}}); err != nil {
			return nil, err
		}
	}
	reread = res.Reread
	told := e.Kind == orderhub.EffectStatus || e.Kind == orderhub.EffectCancelLines
	if e.State == orderhub.EffectConfirmed && told && h.can(a.adapter, e.Kind) && hasReader(a.adapter) {
		reread = append(slices.Clone(reread), o.Snapshot.ExternalID)
	}
	return reread, nil
}

// readAgain hints at orders and rings for them. It comes last in a transaction
// and once: whoever locks hints one by one meets somebody who locks them in
// another order, and one of the two is thrown out.
func (h *Hub) readAgain(ctx context.Context, tx *store.Tx, a *account, reread []string) error {
	if len(reread) == 0 || !hasReader(a.adapter) {
		return nil
	}
	if err := tx.Hint(ctx, a.ID, reread); err != nil {
		return err
	}
	return h.jobs.Ring(ctx, tx, jobs.Lane{Work: jobs.WorkHints, Account: a.ID})
}

func hasReader(a channel.Adapter) bool {
	_, ok := a.(channel.OrderReader)
	return ok
}

// checkPause is the pause before the n-th read-back: 1 s, 2 s, 4 s … 2 min.
func checkPause(n int) time.Duration {
	d := time.Second
	for range min(n-1, 7) {
		d *= 2
	}
	return min(d, 2*time.Minute)
}
