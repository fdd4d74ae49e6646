package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// news is a raw answer understood.
type news struct {
	raw  store.Raw
	snap orderhub.Snapshot
	err  error // why it cannot be understood; the answer goes to quarantine
}

// acceptPending interprets what waits in the inbox of an account, batch by
// batch, until nothing waits. One order or two hundred: the same code.
func (h *Hub) acceptPending(ctx context.Context, a *account, lease store.Lease) error {
	for ctx.Err() == nil {
		raws, err := h.store.PendingRaw(ctx, a.ID, h.batch)
		if err != nil || len(raws) == 0 {
			return err
		}
		if err := h.acceptBatch(ctx, a, raws, lease); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// acceptBatch accepts raw answers in one transaction. When the batch fails for
// a reason of its own, each answer is tried alone, so that a poisonous one is
// set aside by itself and the others go on.
func (h *Hub) acceptBatch(ctx context.Context, a *account, raws []store.Raw, lease store.Lease) error {
	batch := make([]news, len(raws))
	for i, r := range raws {
		batch[i] = h.normalise(a, r)
	}
	err := h.accept(ctx, a, batch, lease)
	if store.IsConflict(err) {
		// Another process accepted one of these orders between our look and our
		// insert: look again.
		err = h.accept(ctx, a, batch, lease)
	}
	switch {
	case err == nil, errors.Is(err, store.ErrFenced), ctx.Err() != nil:
		return err
	case h.store.Ping(ctx) != nil:
		return err // the database is away: nothing is poisonous
	case len(batch) == 1:
		h.log.Error("a raw answer cannot be accepted", "account", a.ID, "raw", batch[0].raw.ID, "error", err.Error())
		batch[0].err = orderhub.Errorf(orderhub.CodeInvalid, "the hub could not store this order; the log has the details")
		return h.accept(ctx, a, batch, lease)
	}
	for _, n := range batch {
		if err := h.acceptBatch(ctx, a, []store.Raw{n.raw}, lease); err != nil {
			return err
		}
	}
	return nil
}

// normalise translates a raw answer; a panic in an adapter is a fault of this
// one answer.
func (h *Hub) normalise(a *account, r store.Raw) (n news) {
	n.raw = r
	defer func() {
		if p := recover(); p != nil {
			h.log.Error("adapter panicked", "account", a.ID, "raw", r.ID, "panic", fmt.Sprint(p), "trace", string(debug.Stack()))
			n.err = orderhub.Errorf(orderhub.CodeInvalid, "the adapter failed on this answer; the log has the details")
		}
	}()
	n.snap, n.err = a.adapter.Normalise(r.Kind, r.Body)
	if n.err == nil && n.snap.ExternalID == "" {
		n.err = orderhub.InvalidField("id", "the answer names no order")
	}
	if n.err == nil {
		n.err = scrub(&n.snap)
	}
	return n
}

// verdictOf is what accepting one answer did.
type verdictOf struct {
	n       news
	verdict orderhub.Verdict
}

// accept writes a batch: orders, lines, events, effects that the news settles,
// and rings for what follows, all in one transaction.
func (h *Hub) accept(ctx context.Context, a *account, batch []news, lease store.Lease) error {
	var done []verdictOf
	err := h.store.InTx(ctx, func(tx *store.Tx) error {
		done = done[:0]
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		b := &ledgerBatch{hub: h, tx: tx, account: a, now: h.store.Now(), orders: map[string]*entry{}}
		if err := b.load(ctx, batch); err != nil {
			return err
		}
		for _, n := range batch {
			if n.err != nil {
				if err := tx.QuarantineRaw(ctx, n.raw.ID, sentenceForQuarantine(n.err)); err != nil {
					return err
				}
				done = append(done, verdictOf{n, "quarantined"})
				continue
			}
			done = append(done, verdictOf{n, b.apply(n)})
		}
		return b.write(ctx)
	})
	if err != nil {
		return err
	}
	for _, d := range done {
		if d.verdict == "quarantined" {
			h.metrics.quarantined.WithLabelValues(a.ID).Inc()
			continue
		}
		h.metrics.accepted.WithLabelValues(a.ID, string(d.verdict)).Inc()
	}
	return nil
}

// sentenceForQuarantine tells an operator why an answer cannot be read. An
// adapter's error names a field and never a value of a buyer.
func sentenceForQuarantine(err error) string {
	s := err.Error()
	if len(s) > 500 {
		s = s[:500] + "…"
	}
	return clean(s)
}

// ledgerBatch collects the writes of one transaction.
type ledgerBatch struct {
	hub     *Hub
	tx      *store.Tx
	account *account
	now     time.Time

	orders  map[string]*entry
	order   []*entry // in order of first sight
	done    []int64
	hints   []string
	follow  bool
	effects []*orderhub.Effect
}

// entry is one order of the batch.
type entry struct {
	order    *orderhub.Order
	fresh    bool // to insert
	dirty    bool // to update
	content  bool // lines and words too
	before   orderhub.Snapshot
	headline orderhub.Status // before the batch
	events   []orderhub.Event
	drift    []orderhub.Drift
	inboxID  int64
}

// load locks the orders that the batch is about.
func (b *ledgerBatch) load(ctx context.Context, batch []news) error {
	var ids []string
	for _, n := range batch {
		if n.err == nil {
			ids = append(ids, n.snap.ExternalID)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) == 0 {
		return nil
	}
	known, err := b.tx.LockOrders(ctx, b.account.ID, ids)
	if err != nil {
		return err
	}
	for id, o := range known {
		b.orders[id] = &entry{order: o, before: o.Snapshot, headline: o.Headline}
	}
	return nil
}

// apply lays one piece of news over the ledger, in memory.
func (b *ledgerBatch) apply(n news) orderhub.Verdict {
	b.done = append(b.done, n.raw.ID)
	if drop := b.hub.hooks.DropOrder; drop != nil && drop(n.snap.ExternalID) {
		return orderhub.NewsApplied
	}
	e := b.orders[n.snap.ExternalID]
	if e == nil {
		return b.first(n)
	}
	if n.raw.ReadAt.Before(e.order.ReadAt) && !b.older(e, &n) {
		return orderhub.NewsSame
	}
	before, headline := e.order.Snapshot, e.order.Headline
	doubt := e.order.Doubt
	verdict, why := orderhub.Merge(e.order, n.snap, n.raw.ReadAt, b.hub.pause(b.account.channel.Descriptor.Patience))
	switch verdict {
	case orderhub.NewsSame:
		return verdict
	case orderhub.NewsRefused:
		if e.order.Doubt != doubt {
			e.dirty = true
			e.add(b, n, orderhub.EventNewsRefused, "", n.snap.Status, why)
		}
		return verdict
	case orderhub.NewsApplied:
		e.dirty = true
		e.order.RawID = n.raw.ID
		if n.raw.ReadAt.After(e.order.ReadAt) {
			e.order.ReadAt = n.raw.ReadAt
		}
		e.note(b, n, before, headline)
	}
	return verdict
}

// older decides what to do with an answer that was read before the one that
// changed the order last and is saved only now. Its status is no news, but its
// content may be the first that the hub gets (WB: requiredMeta is only in the
// list of new orders). It reports whether to go on.
func (b *ledgerBatch) older(e *entry, n *news) bool {
	if n.snap.StatusOnly || (len(e.order.Snapshot.Lines) > 0 && e.order.Snapshot.Requires != nil) {
		return false
	}
	n.snap.Native, n.snap.NativeSub, n.snap.Status = "", "", orderhub.StatusUnknown
	return true
}

// first writes an order that the hub has not seen.
func (b *ledgerBatch) first(n news) orderhub.Verdict {
	o := &orderhub.Order{
		AccountID: b.account.ID, Channel: b.account.Channel, Snapshot: n.snap, Headline: n.snap.Status,
		RawID: n.raw.ID, ReadAt: n.raw.ReadAt,
	}
	if o.Snapshot.PlacedAt.IsZero() {
		o.Snapshot.PlacedAt = n.raw.ReadAt
	}
	e := &entry{order: o, fresh: true, before: o.Snapshot}
	b.orders[n.snap.ExternalID] = e
	b.order = append(b.order, e)
	e.add(b, n, orderhub.EventReceived, "", o.Headline, receivedWhy(n.raw))
	e.drift = append(e.drift, n.snap.Drift...)
	b.follow = true
	if n.snap.ParentID != "" {
		// The goods of a split are counted once: the parent is read again at once.
		b.hints = append(b.hints, n.snap.ParentID)
	}
	if n.snap.Native == "" || n.snap.StatusOnly {
		b.hints = append(b.hints, n.snap.ExternalID)
	}
	return orderhub.NewsApplied
}

func receivedWhy(r store.Raw) string { return "first seen by " + r.Source }

// note writes down what a piece of news changed.
func (e *entry) note(b *ledgerBatch, n news, before orderhub.Snapshot, headline orderhub.Status) {
	now := e.order.Snapshot
	if headline != e.order.Headline {
		e.add(b, n, orderhub.EventStatus, headline, e.order.Headline, cancelWhy(now))
	} else if !orderhub.SameSnapshot(before, now) {
		e.add(b, n, orderhub.EventChanged, "", "", changedWhy(before, now))
	}
	if !sameContent(before, now) {
		e.content = true
	}
	for _, d := range now.Drift {
		if !slices.Contains(before.Drift, d) {
			e.drift = append(e.drift, d)
		}
	}
}

func cancelWhy(s orderhub.Snapshot) string {
	if s.Cancellation == nil {
		return ""
	}
	return s.Cancellation.Reason
}

// sameContent compares what lines and search words are made of.
func sameContent(a, b orderhub.Snapshot) bool {
	strip := func(s orderhub.Snapshot) orderhub.Snapshot {
		return orderhub.Snapshot{
			ExternalID: s.ExternalID, ExternalNumber: s.ExternalNumber, GroupKey: s.GroupKey, Lines: s.Lines, Customer: s.Customer,
			Shipping: orderhub.Shipping{Tracking: s.Shipping.Tracking},
		}
	}
	return orderhub.SameSnapshot(strip(a), strip(b))
}

// changedWhy names what changed besides the headline.
func changedWhy(a, b orderhub.Snapshot) string {
	ja, jb := fields(a), fields(b)
	var names []string
	for k, v := range jb {
		if string(ja[k]) != string(v) {
			names = append(names, k)
		}
	}
	for k := range ja {
		if _, ok := jb[k]; !ok {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	why := "changed: "
	for i, name := range names {
		if i > 0 {
			why += ", "
		}
		why += name
	}
	return why
}

// fields gives the JSON fields of a snapshot.
func fields(s orderhub.Snapshot) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	b, err := json.Marshal(s)
	if err == nil {
		_ = json.Unmarshal(b, &out) // it was just made
	}
	return out
}

func (e *entry) add(b *ledgerBatch, n news, kind orderhub.EventKind, from, to orderhub.Status, why string) {
	ev := orderhub.Event{
		At: b.now, Kind: kind, Actor: orderhub.Actor{Kind: orderhub.ActorChannel, Name: b.account.ID}, From: from, To: to,
		Why: why, InboxID: n.raw.ID,
	}
	if n.snap.Native != "" {
		data, err := json.Marshal(map[string]string{"native": n.snap.Native, "native_sub": n.snap.NativeSub})
		if err == nil {
			ev.Data = data
		}
	}
	e.events = append(e.events, ev)
}

// write puts everything into the database.
func (b *ledgerBatch) write(ctx context.Context) error {
	var inserts, updates []store.Change
	for _, e := range b.order {
		inserts = append(inserts, store.Change{Order: e.order, Content: true})
		if double := b.hub.hooks.DoubleOrder; double != nil && double(e.order.Snapshot.ExternalID) {
			twin := *e.order
			twin.Snapshot.ExternalID += "-twin"
			inserts = append(inserts, store.Change{Order: &twin, Content: true})
		}
	}
	for _, e := range b.orders {
		if e.dirty && !e.fresh {
			updates = append(updates, store.Change{Order: e.order, Content: e.content})
		}
	}
	slices.SortFunc(updates, func(x, y store.Change) int { return int(x.Order.ID - y.Order.ID) })
	if err := b.tx.InsertOrders(ctx, inserts); err != nil {
		return err
	}
	if err := b.settle(ctx, updates); err != nil {
		return err
	}
	if err := b.tx.UpdateOrders(ctx, updates); err != nil {
		return err
	}
	if err := b.writeEvents(ctx); err != nil {
		return err
	}
	if err := b.tx.FinishRaw(ctx, b.done); err != nil {
		return err
	}
	return b.ring(ctx)
}

func (b *ledgerBatch) writeEvents(ctx context.Context) error {
	var events []orderhub.Event
	for _, e := range b.orders {
		for _, ev := range e.events {
			ev.OrderID = e.order.ID
			events = append(events, ev)
		}
		if len(e.drift) > 0 {
			if err := b.tx.CountDrift(ctx, b.account.ID, e.order.ID, e.drift); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(events, func(x, y orderhub.Event) int { return int(x.InboxID - y.InboxID) })
	return b.tx.AddEvents(ctx, events)
}

// ring asks for what follows the batch.
func (b *ledgerBatch) ring(ctx context.Context) error {
	if len(b.hints) > 0 {
		if err := b.tx.Hint(ctx, b.account.ID, b.hints); err != nil {
			return err
		}
		if err := b.hub.jobs.Ring(ctx, b.tx, jobs.Lane{Work: jobs.WorkHints, Account: b.account.ID}); err != nil {
			return err
		}
	}
	if b.follow {
		if err := b.hub.jobs.Ring(ctx, b.tx, jobs.Lane{Work: jobs.WorkFollow, Account: b.account.ID}); err != nil {
			return err
		}
	}
	if len(b.effects) > 0 {
		return b.hub.jobs.Ring(ctx, b.tx, jobs.Lane{Work: jobs.WorkPush, Account: b.account.ID})
	}
	return nil
}

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
	case slices.Contains(s.Holds, orderhub.HoldShipFailed) && eff.State == orderhub.EffectAccepted:
		// The channel took the call and then failed: it is to be sent again.
		eff.State, eff.NextAt = orderhub.EffectIntent, b.now.Add(b.hub.pause(2*time.Second))
		eff.Error = "the channel's own processing failed; it is sent again"
		return true
	default:
		return false
	}
	finish(eff, orderhub.EffectConfirmed, b.now)
	eff.Class, eff.Error = "", ""
	o.Requested = clearIf(o.Requested, eff.To)
	b.hub.metrics.effects.WithLabelValues(b.account.ID, string(eff.State)).Inc()
	return true
}

// settleAnswer closes an answer to a cancel request once the request is gone.
func (b *ledgerBatch) settleAnswer(eff *orderhub.Effect, o *orderhub.Order) bool {
	if o.Snapshot.CancelRequest != nil || o.HasHold(orderhub.HoldCancelRequest) || eff.State == orderhub.EffectIntent {
		return false
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
		OrderID: e.OrderID, At: at, Kind: orderhub.EventEffect, Actor: actor, To: e.To, Why: string(e.State) + errorSuffix(e.Error),
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
