package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// news is a raw answer understood.
type news struct {
	raw  store.Raw
	snap orderhub.Snapshot
	back *orderhub.ReturnSnapshot // of a return: then there is no snap
	err  error                    // why it cannot be understood; the answer goes to quarantine
	// person is the buyer of the snapshot, normalised.
	person orderhub.Person
}

// acceptPending interprets what waits in the inbox of an account, batch by
// batch, until nothing waits. One order or two hundred: the same code. While one
// batch is written, the next is read and translated.
func (h *Hub) acceptPending(ctx context.Context, a *account, lease store.Lease) error {
	ahead, cancel := context.WithCancel(ctx)
	batches := make(chan []news)
	var readErr error
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	reading.Go(func() {
		defer close(batches)
		readErr = h.readPending(ahead, a, batches)
	})
	for batch := range batches {
		if err := h.acceptBatch(ctx, a, batch, lease); err != nil {
			return err
		}
	}
	return readErr
}

// readPending translates what waits, oldest first. What comes behind its back
// rings the lane again.
func (h *Hub) readPending(ctx context.Context, a *account, out chan<- []news) error {
	for after := int64(0); ; {
		raws, err := h.store.PendingRaw(ctx, a.ID, after, h.batch)
		if err != nil || len(raws) == 0 {
			return err
		}
		after = raws[len(raws)-1].ID
		select {
		case out <- h.normaliseAll(a, raws):
		case <-ctx.Done():
			return ctx.Err()
		}
		if len(raws) < h.batch {
			return nil
		}
	}
}

// AcceptPending interprets what waits in the inbox of an account now, outside
// the background lanes: for one-off commands, tests and the bench.
func (h *Hub) AcceptPending(ctx context.Context, accountID string) error {
	a, err := h.account(ctx, accountID)
	if err != nil {
		return err
	}
	return h.acceptPending(ctx, a, store.Lease{})
}

// acceptBatch accepts raw answers in one transaction. When the batch fails for
// a reason of its own, each answer is tried alone, so that a poisonous one is
// set aside by itself and the others go on.
func (h *Hub) acceptBatch(ctx context.Context, a *account, batch []news, lease store.Lease) error {
	err := h.accept(ctx, a, batch, lease)
	if store.IsConflict(err) || (err != nil && len(batch) == 1 && ctx.Err() == nil) {
		// Another process accepted one of these orders between our look and our
		// insert: look again. A single answer is tried twice before it is called
		// poisonous: the database may have had a bad moment.
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
	for i := range batch {
		if err := h.acceptBatch(ctx, a, batch[i:i+1], lease); err != nil {
			return err
		}
	}
	return nil
}

// normaliseAll translates raw answers on all processors; adapters are pure.
func (h *Hub) normaliseAll(a *account, raws []store.Raw) []news {
	batch := make([]news, len(raws))
	workers := min(runtime.GOMAXPROCS(0), 4, len(raws)/10+1)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(raws); i += workers {
				batch[i] = h.normalise(a, raws[i])
			}
		})
	}
	wg.Wait()
	return batch
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
	if channel.IsReturn(r.Kind) {
		n.back, n.err = normaliseReturn(a, r)
		return n
	}
	n.snap, n.err = a.adapter.Normalise(r.Kind, r.Body)
	if n.err == nil && n.snap.ExternalID == "" {
		n.err = orderhub.InvalidField("id", "the answer names no order")
	}
	if n.err == nil {
		n.err = scrub(&n.snap)
	}
	if n.err == nil {
		n.person = personOf(a.channel.Descriptor.Buyers, a.ID, n.snap.Customer)
	}
	return n
}

// quarantined stands for an answer that has no verdict.
const quarantined orderhub.Verdict = "quarantined"

// accept writes a batch: orders, lines, events, effects that the news settles,
// and rings for what follows, all in one transaction.
func (h *Hub) accept(ctx context.Context, a *account, batch []news, lease store.Lease) error {
	done := make([]orderhub.Verdict, 0, len(batch))
	goods, err := h.keepsGoods(ctx)
	if err != nil {
		return err
	}
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		done = done[:0]
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		waited, err := tx.FinishRaw(ctx, rawIDs(batch))
		if err != nil {
			return err
		}
		b := &ledgerBatch{hub: h, tx: tx, account: a, now: h.store.Now(), orders: map[string]*entry{}, backs: map[string]*backEntry{}, goods: goods, people: map[orderhub.Customer]orderhub.Person{}}
		if err := b.load(ctx, batch); err != nil {
			return err
		}
		var understood []int64
		for _, n := range batch {
			if !waited[n.raw.ID] {
				continue // another process was faster
			}
			b.forget(&n)
			b.people[n.snap.Customer] = n.person
			if n.err == nil && n.back == nil {
				if e := b.orders[n.snap.ExternalID]; e != nil {
					orderhub.KeepCut(&e.order.Snapshot, &n.snap)
					n.err = contradicts(e.order, n)
				}
			}
			if n.err != nil {
				if err := tx.QuarantineRaw(ctx, n.raw.ID, sentenceForQuarantine(n.err)); err != nil {
					return err
				}
				done = append(done, quarantined)
				continue
			}
			done = append(done, b.apply(n))
			understood = append(understood, n.raw.ID)
		}
		if err := tx.SupersedeRaw(ctx, a.ID, understood); err != nil {
			return err
		}
		return b.write(ctx)
	})
	if err != nil {
		return err
	}
	for _, verdict := range done {
		if verdict == quarantined {
			h.metrics.quarantined.WithLabelValues(a.ID).Inc()
			continue
		}
		h.metrics.accepted.WithLabelValues(a.ID, string(verdict)).Inc()
	}
	return nil
}

func rawIDs(batch []news) []int64 {
	ids := make([]int64, len(batch))
	for i, n := range batch {
		ids[i] = n.raw.ID
	}
	return ids
}

// ledgerBatch collects the writes of one transaction.
type ledgerBatch struct {
	hub     *Hub
	tx      *store.Tx
	account *account
	now     time.Time

	orders  map[string]*entry
	order   []*entry // in order of first sight
	hints   []string
	follow  bool
	effects []*orderhub.Effect
	goods   bool // orders claim goods
	claimed bool // and did

	backs    map[string]*backEntry // returns by external id
	received bool                  // goods of some came in
	alone    []orderhub.Event      // of returns whose order is not known

	people map[orderhub.Customer]orderhub.Person
	erase  []int64 // raw answers whose payload is to go: they are about erased orders
}

// entry is one order of the batch.
type entry struct {
	order   *orderhub.Order
	fresh   bool // to insert
	dirty   bool // to update
	content bool // lines and words too
	buyer   bool // the buyer's data changed
	events  []orderhub.Event
	drift   []orderhub.Drift
	losses  []loss // units that the order lost while it goes on
}

// load locks the orders that the batch is about.
func (b *ledgerBatch) load(ctx context.Context, batch []news) error {
	var ids []string
	for _, n := range batch {
		switch {
		case n.err == nil && n.back == nil:
			ids = append(ids, n.snap.ExternalID)
		case n.err != nil && n.raw.ExternalID != "":
			ids = append(ids, n.raw.ExternalID) // its data may have been erased
		}
	}
	backs, ofBacks, err := b.ordersOfReturns(ctx, batch)
	if err != nil {
		return err
	}
	ids = append(ids, ofBacks...)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) == 0 {
		return b.loadReturns(ctx, backs)
	}
	known, err := b.tx.LockOrders(ctx, b.account.ID, ids)
	if err != nil {
		return err
	}
	for id, o := range known {
		b.orders[id] = &entry{order: o}
	}
	return b.loadReturns(ctx, backs)
}

// contradicts refuses news that carries the version of what is known and says
// something else, or none at all: a source that counts its versions must count
// each change.
func contradicts(known *orderhub.Order, n news) error {
	if n.raw.ID == known.RawID {
		return nil
	}
	if err := countsNoMore(known, n); err != nil && !readBefore(known, n.raw, n.snap) {
		return err
	}
	if n.snap.Revision == 0 || n.snap.Revision != known.Snapshot.Revision {
		return nil
	}
	then, now := *known, n.snap
	now.ChangedAt = then.Snapshot.ChangedAt
	if verdict, _ := orderhub.Merge(&then, now, n.raw.ReadAt, 0); verdict != orderhub.NewsApplied || orderhub.SameSnapshot(then.Snapshot, known.Snapshot) {
		return nil
	}
	return orderhub.Errorf(orderhub.CodeConflict, "order %s was received before with version %d and other content; a change needs a higher version",
		n.snap.ExternalID, n.snap.Revision)
}

// countsNoMore refuses an order without a version where one is known: nobody can
// tell whether it is the older or the newer one.
func countsNoMore(known *orderhub.Order, n news) error {
	if known.Snapshot.Revision == 0 || n.snap.Revision != 0 || n.snap.StatusOnly {
		return nil
	}
	return orderhub.InvalidField("version", "is missing; order %s is known with version %d, a change needs a higher one",
		n.snap.ExternalID, known.Snapshot.Revision)
}

// apply lays one piece of news over the ledger, in memory.
func (b *ledgerBatch) apply(n news) orderhub.Verdict {
	if n.back != nil {
		return b.applyReturn(n)
	}
	if drop := b.hub.hooks.DropOrder; drop != nil && drop(n.snap.ExternalID) {
		return orderhub.NewsApplied
	}
	e := b.orders[n.snap.ExternalID]
	if e == nil {
		return b.first(n)
	}
	if readBefore(e.order, n.raw, n.snap) {
		return b.older(e, n)
	}
	keepDrift(&n.snap, e.order.Snapshot)
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
		emptied(e.order, &before)
		e.order.RawID = n.raw.ID
		if n.raw.ReadAt.After(e.order.ReadAt) {
			e.order.ReadAt = n.raw.ReadAt
		}
		e.note(b, n, before, headline)
	}
	return verdict
}

// readBefore reports whether an answer was read before the one that changed the
// order last. What the channel itself counts or dates as later is not: two
// messages of a shop that arrive together are received in either order.
func readBefore(o *orderhub.Order, raw store.Raw, snap orderhub.Snapshot) bool {
	known := o.Snapshot
	if known.Revision != 0 && snap.Revision != 0 {
		return snap.Revision <= known.Revision && raw.ReadAt.Before(o.ReadAt)
	}
	if !known.ChangedAt.IsZero() && snap.ChangedAt.After(known.ChangedAt) {
		return false
	}
	return raw.ReadAt.Before(o.ReadAt)
}

// older takes from an answer that was read before the one that changed the order
// last, and is saved only now, what nothing else told: the goods of an order of
// which only the status is known, or the marking codes (WB names them in the
// list of new orders alone). Everything else in it is no news.
func (b *ledgerBatch) older(e *entry, n news) orderhub.Verdict {
	before, headline := e.order.Snapshot, e.order.Headline
	switch {
	case orderhub.OldCancel(e.order, n.snap) || orderhub.SawLeave(e.order, n.snap):
	case n.snap.StatusOnly:
		return orderhub.NewsSame
	case len(before.Lines) == 0 && len(n.snap.Lines) > 0:
		// The other way round: what is known is laid over the older answer.
		n.snap.Native, n.snap.NativeSub, n.snap.Status = "", "", orderhub.StatusUnknown
		n.snap.ChangedAt, n.snap.Revision = time.Time{}, 0
		under := orderhub.Order{Snapshot: n.snap}
		orderhub.Merge(&under, before, e.order.ReadAt, 0)
		e.order.Snapshot = under.Snapshot
	case before.Requires == nil && n.snap.Requires != nil:
		e.order.Snapshot.Requires = n.snap.Requires
	default:
		return orderhub.NewsSame
	}
	e.dirty = true
	e.order.RawID = n.raw.ID
	e.note(b, n, before, headline)
	return orderhub.NewsApplied
}

// keepDrift keeps the unknown words of one half of an order when news of its
// other half come (WB tells goods and status apart): the halves would else take
// turns changing the order for ever.
func keepDrift(half *orderhub.Snapshot, known orderhub.Snapshot) {
	if !half.StatusOnly && half.Native != "" {
		return
	}
	both := slices.Clone(known.Drift)
	for _, d := range half.Drift {
		if !slices.Contains(both, d) {
			both = append(both, d)
		}
	}
	half.Drift = both
}

// first writes an order that the hub has not seen.
func (b *ledgerBatch) first(n news) orderhub.Verdict {
	o := &orderhub.Order{
		AccountID: b.account.ID, Channel: b.account.Channel, Snapshot: n.snap, Headline: n.snap.Status,
		RawID: n.raw.ID, ReadAt: n.raw.ReadAt,
	}
	maps.DeleteFunc(o.Snapshot.Attrs, func(_, v string) bool { return v == "" })
	if o.Snapshot.PlacedAt.IsZero() {
		o.Snapshot.PlacedAt = n.raw.ReadAt
	}
	e := &entry{order: o, fresh: true}
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
	e.lose(&before)
	if !sameContent(before, now) {
		e.content = true
	}
	if before.Customer != now.Customer {
		e.buyer = true
	}
	if before.GroupKey != now.GroupKey || before.SiteOrderID != now.SiteOrderID {
		b.follow = true
	}
	for _, d := range now.Drift {
		if !slices.Contains(before.Drift, d) {
			e.drift = append(e.drift, d)
		}
	}
}

// eventWords are what programs read of an event that news caused: the channel's own
// words, and who cancelled.
type eventWords struct {
	Native    string               `json:"native"`
	NativeSub string               `json:"native_sub"`
	Initiator orderhub.CancelParty `json:"initiator,omitempty"`
}

func (e *entry) add(b *ledgerBatch, n news, kind orderhub.EventKind, from, to orderhub.Status, why string) {
	ev := orderhub.Event{
		At: b.now, Kind: kind, Actor: orderhub.Actor{Kind: orderhub.ActorChannel, Name: b.account.ID}, From: from, To: to,
		Why: why, InboxID: n.raw.ID,
	}
	if n.snap.Native != "" {
		words := eventWords{Native: n.snap.Native, NativeSub: n.snap.NativeSub}
		if c := e.order.Snapshot.Cancellation; c != nil && to == orderhub.StatusCancelled {
			words.Initiator = c.By
		}
		data, err := json.Marshal(words)
		if err == nil {
			ev.Data = data
		}
	}
	e.events = append(e.events, ev)
}
