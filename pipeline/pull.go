package pipeline

import (
	"context"
	"errors"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// refreshFeed is the name under which the refresh of open orders keeps its
// position among the feeds.
const refreshFeed = "open_orders"

// sweepFor is how long one job works on a sweep before it lets others in; the
// next job goes on at the saved cursor.
const sweepFor = 2 * time.Minute

// sweep reads a feed page by page. Each page and the cursor behind it are
// committed together; a kill between two pages repeats at most one.
func (h *Hub) sweep(ctx context.Context, a *account, feed string, lease store.Lease) error {
	lister, ok := a.adapter.(channel.Lister)
	if !ok {
		return nil
	}
	desc, ok := findFeed(a.channel.Descriptor, feed)
	if !ok {
		return nil
	}
	pos, err := h.store.Feed(ctx, a.ID, feed)
	if err != nil {
		return err
	}
	until := h.store.Now().Add(sweepFor)
	for ctx.Err() == nil {
		readAt := h.store.Now()
		if pos.SweepStartedAt.IsZero() {
			pos.SweepStartedAt, pos.Pages, pos.Items = readAt, 0, 0
		}
		recorded, recorder := channel.WithRecorder(ctx)
		page, err := lister.List(recorded, feed, pos.Cursor)
		if err != nil {
			return h.feedFailed(ctx, a, pos, failures(recorder.Take()), err, lease)
		}
		pos.Cursor, pos.Failures, pos.Error, pos.Class = page.Next, 0, "", ""
		pos.Pages++
		pos.Items += int64(len(page.Items))
		if page.Done {
			pos.ConfirmedAt, pos.FinishedAt, pos.SweepStartedAt = pos.SweepStartedAt, h.store.Now(), time.Time{}
			pos.NextAt = pos.FinishedAt.Add(h.pause(desc.Every))
		}
		if err := h.savePage(ctx, a, pos, page.Items, feed, readAt, lease); err != nil {
			return err
		}
		if page.Done {
			// Cheap, and safe against a ring that was lost with a process.
			return h.follow(ctx, a)
		}
		if h.store.Now().After(until) {
			return nil
		}
	}
	return ctx.Err()
}

func findFeed(d channel.Descriptor, name string) (channel.Feed, bool) {
	for _, f := range d.Feeds {
		if f.Name == name {
			return f, true
		}
	}
	return channel.Feed{}, false
}

// savePage commits raw answers, the position behind them and the ring that gets
// them accepted.
func (h *Hub) savePage(ctx context.Context, a *account, pos store.FeedPosition, items []channel.Item, source string, readAt time.Time, lease store.Lease) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		if err := h.saveItems(ctx, tx, a.ID, source, readAt, items); err != nil {
			return err
		}
		return tx.SetFeed(ctx, pos)
	})
}

// saveItems puts raw answers into the inbox and rings for them.
func (h *Hub) saveItems(ctx context.Context, tx *store.Tx, accountID, source string, readAt time.Time, items []channel.Item) error {
	if len(items) == 0 {
		return nil
	}
	raws := make([]store.Raw, len(items))
	for i, it := range items {
		raws[i] = store.Raw{Kind: it.Kind, ExternalID: clean(it.ExternalID), Body: it.Body}
	}
	saved, err := tx.SaveRaw(ctx, accountID, source, readAt, raws)
	if err != nil || len(saved) == 0 {
		return err
	}
	h.metrics.rawSaved.WithLabelValues(accountID).Add(float64(len(saved)))
	return h.jobs.Ring(ctx, tx, jobs.Lane{Work: jobs.WorkAccept, Account: accountID})
}

// feedFailed records why a feed stands still and when it is tried again.
func (h *Hub) feedFailed(ctx context.Context, a *account, pos store.FeedPosition, wire []channel.Exchange, cause error, lease store.Lease) error {
	if errors.Is(cause, context.Canceled) && ctx.Err() != nil {
		return cause
	}
	pos.Failures++
	pos.Error, pos.Class = Sentence(cause), orderhub.ClassOf(cause)
	next := jobs.Policy(cause, pos.Failures, h.scale)
	// A feed is never given up, and never sleeps for long: the other side may be
	// back at any minute.
	wait := h.pause(5 * time.Minute)
	if next.Again {
		wait = min(wait, next.Wait)
	}
	if pos.Class == orderhub.ClassRateLimited {
		wait = next.Wait
	}
	pos.NextAt = h.store.Now().Add(wait)
	h.metrics.callFailures.WithLabelValues(a.ID, string(pos.Class)).Inc()
	h.log.Warn("feed failed", "account", a.ID, "feed", pos.Feed, "class", string(pos.Class), "error", cause.Error())
	return h.store.InTx(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		if err := tx.SaveCalls(ctx, calls(a.ID, pos.Feed, wire, nil), nil); err != nil {
			return err
		}
		return tx.SetFeed(ctx, pos)
	})
}

// refreshPage is how many open orders one page of a refresh takes at most.
const refreshPage = 1000

// stubborn is after how many failures a page of open orders is read past the order
// that it fails on. The next refresh asks for it again.
const stubborn = 3

// refresh reads every open order of the account again, for channels whose lists
// do not show changes. It is a sweep over our own ledger with a position like
// any feed's.
func (h *Hub) refresh(ctx context.Context, a *account, lease store.Lease) error {
	reader, ok := a.adapter.(channel.OrderReader)
	if !ok {
		return nil
	}
	pos, err := h.store.Feed(ctx, a.ID, refreshFeed)
	if err != nil {
		return err
	}
	after := int64(0)
	if !pos.SweepStartedAt.IsZero() {
		after = decodeID(pos.Cursor)
	}
	size := min(refreshPage, max(1, a.channel.Descriptor.ReadBatch))
	for ctx.Err() == nil {
		readAt := h.store.Now()
		if pos.SweepStartedAt.IsZero() {
			pos.SweepStartedAt, pos.Pages, pos.Items = readAt, 0, 0
		}
		orders, err := h.store.OpenOrders(ctx, a.ID, after, size)
		if err != nil {
			return err
		}
		var items []channel.Item
		if len(orders) > 0 {
			recorded, recorder := channel.WithRecorder(ctx)
			read := readApart
			if pos.Failures >= stubborn {
				read = readPast
			}
			var refused map[string]error
			if items, refused, err = read(recorded, reader, refs(orders)); err == nil && len(refused) > 0 {
				h.log.Warn("open orders were not read again", "account", a.ID, "orders", len(refused))
			}
			if err != nil {
				// The page is read again as a whole; what is the same is left out then.
				return h.feedFailed(ctx, a, pos, failures(recorder.Take()), err, lease)
			}
			after = orders[len(orders)-1].ID
		}
		pos.Cursor, pos.Failures, pos.Error, pos.Class = encodeID(after), 0, "", ""
		pos.Pages++
		pos.Items += int64(len(items))
		done := len(orders) < size
		if done {
			pos.ConfirmedAt, pos.FinishedAt, pos.SweepStartedAt = pos.SweepStartedAt, h.store.Now(), time.Time{}
			pos.NextAt = pos.FinishedAt.Add(h.pause(a.channel.Descriptor.RefreshOpen))
		}
		if err := h.savePage(ctx, a, pos, items, "refresh", readAt, lease); err != nil || done {
			return err
		}
	}
	return ctx.Err()
}

func refs(orders []*orderhub.Order) []channel.Ref {
	out := make([]channel.Ref, len(orders))
	for i, o := range orders {
		out[i] = channel.Ref{ExternalID: o.Snapshot.ExternalID, Scheme: o.Snapshot.Scheme, Attrs: o.Snapshot.Attrs}
	}
	return out
}

// hintTries is how often an order is looked for that was hinted at and that the
// channel does not show: a replica may lag, or the hint was wrong. The sweep
// finds it anyway.
const hintTries = 6

// readHints reads orders that were hinted at.
func (h *Hub) readHints(ctx context.Context, a *account, lease store.Lease) error {
	reader, ok := a.adapter.(channel.OrderReader)
	if !ok {
		return nil
	}
	size := max(1, a.channel.Descriptor.ReadBatch)
	for ctx.Err() == nil {
		hints, err := h.store.DueHints(ctx, a.ID, size)
		if err != nil || len(hints) == 0 {
			return err
		}
		asked := make([]channel.Ref, len(hints))
		for i, hint := range hints {
			asked[i] = channel.Ref{ExternalID: hint.ExternalID, Scheme: hint.Scheme, Attrs: hint.Attrs}
		}
		readAt := h.store.Now()
		recorded, recorder := channel.WithRecorder(ctx)
		items, _, readErr := readApart(recorded, reader, asked)
		if readErr != nil {
			h.metrics.callFailures.WithLabelValues(a.ID, string(orderhub.ClassOf(readErr))).Inc()
		}
		if err := h.hintsRead(ctx, a, hints, items, failures(recorder.Take()), readErr, readAt, lease); err != nil || readErr != nil {
			return err
		}
	}
	return ctx.Err()
}

// hintsRead keeps what was read and puts off what was not found. wire are the
// calls that failed.
func (h *Hub) hintsRead(ctx context.Context, a *account, hints []store.HintRow, items []channel.Item, wire []channel.Exchange, readErr error, readAt time.Time, lease store.Lease) error {
	found := map[string]bool{}
	for _, it := range items {
		found[it.ExternalID] = true
	}
	wait, tries := h.pause(5*time.Second), hintTries
	if readErr != nil {
		// Nothing was learned of the rest: that is no try. The sweeps go on anyway.
		next := jobs.Policy(readErr, hints[0].Attempts+1, h.scale)
		wait, tries = min(next.Wait, h.pause(time.Minute)), 4*hintTries
		if !next.Again {
			wait, tries = h.pause(time.Minute), hintTries
		}
	}
	var done, missing []store.HintRow
	for _, hint := range hints {
		if found[hint.ExternalID] || hint.Attempts+1 >= tries {
			done = append(done, hint)
		} else {
			missing = append(missing, hint)
		}
	}
	return h.store.InTx(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		if err := tx.SaveCalls(ctx, calls(a.ID, "hint", wire, nil), nil); err != nil {
			return err
		}
		if err := h.saveItems(ctx, tx, a.ID, "hint", readAt, items); err != nil {
			return err
		}
		if err := tx.DoneHints(ctx, a.ID, done); err != nil {
			return err
		}
		return tx.DelayHints(ctx, a.ID, missing, h.store.Now().Add(wait))
	})
}
