package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// How figures are looked at again when nothing changed. Each account's are read
// whole at night, page after page with pauses; between nights those that the
// channel may sell from are looked at too, the more listings the less often.
const (
	// ReconcileFeed is the name under which the nightly reading keeps its position
	// among the feeds.
	ReconcileFeed = "stock_figures"
	// reconcileHour is when it begins, by the clock of the machine.
	reconcileHour = 3
	// reconcilePause is the pause between two of its pages: 30 reads a minute, less
	// than half of what every channel allows.
	reconcilePause = 2 * time.Second
	// lookEvery is the least pause between two looks at a figure, lookPause what a
	// page of them adds to it: 15 reads a minute at most.
	lookEvery = 10 * time.Minute
	lookPause = 4 * time.Second
)

// How late a channel is, is measured over a day; twice the worst is expected of
// it, but never less than Options.StockLag nor more than mostLag.
const (
	measuredOver = 24 * time.Hour
	mostLag      = 10 * time.Minute
)

// lagOf is how late at most an account's channel is expected to show a sale or a
// figure: reading less than that after a call may meet a replica that does not
// know of it.
func (h *Hub) lagOf(measured store.StockTimes) time.Duration {
	return max(h.lag, min(2*measured.Late, mostLag))
}

// lookEvery is the pause between two looks at a figure of an account that shows
// so many listings.
func (h *Hub) lookEvery(d channel.Descriptor, listings int64) time.Duration {
	pages := listings / int64(max(1, d.Stock.ReadBatch))
	return h.pause(max(lookEvery, time.Duration(pages)*lookPause))
}

// StockReconciled is how far a reading of all figures of an account is.
type StockReconciled struct {
	// After is the listing read last, Of how many there are, Differ how many showed
	// what was not expected.
	After  int64 `json:"after"`
	Of     int64 `json:"of"`
	Differ int64 `json:"differ"`
}

// ReconcileStock lets all figures of an account be read now and not at night.
func (h *Hub) ReconcileStock(ctx context.Context, accountID string) error {
	a, err := h.account(ctx, accountID)
	if err != nil {
		return err
	}
	if a.State != orderhub.AccountActive {
		return orderhub.Errorf(orderhub.CodeRefused, "account %s is %s; nothing is read there", a.ID, a.State)
	}
	if !readsStock(a.channel.Descriptor) {
		return orderhub.Errorf(orderhub.CodeUnsupported, "%s does not tell what stock it shows", a.channel.Descriptor.Title)
	}
	pos, err := h.store.Feed(ctx, a.ID, ReconcileFeed)
	if err != nil {
		return err
	}
	underWay := !pos.SweepStartedAt.IsZero()
	pos.NextAt = h.store.Now()
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if underWay {
			return nil // it goes on by itself, from a position that is its own
		}
		if err := tx.SetFeed(ctx, pos); err != nil {
			return err
		}
		return h.jobs.Ring(ctx, tx, jobs.Lane{Work: jobs.WorkSweep, Account: a.ID, Feed: ReconcileFeed})
	})
}

func readsStock(d channel.Descriptor) bool { return d.Stock.ReadBatch > 0 }

// reconcile reads every figure of an account once. A broken-off run goes on where
// it was.
func (h *Hub) reconcile(ctx context.Context, a *account, lease store.Lease) error {
	if _, ok := a.adapter.(channel.StockReader); !ok {
		return nil
	}
	pos, err := h.store.Feed(ctx, a.ID, ReconcileFeed)
	if err != nil {
		return err
	}
	if pos.SweepStartedAt.IsZero() && pos.NextAt.IsZero() {
		pos.NextAt = h.nextNight() // a new account: its figures are read when they are sent
		return h.setFeed(ctx, pos, lease)
	}
	var run StockReconciled
	if pos.SweepStartedAt.IsZero() {
		shown, err := h.store.StocksShown(ctx, h.store.Now())
		if err != nil {
			return err
		}
		for _, n := range shown[a.ID].States {
			run.Of += n
		}
		pos.SweepStartedAt, pos.Pages, pos.Items = h.store.Now(), 0, 0
	} else if err := json.Unmarshal(pos.Cursor, &run); err != nil {
		run = StockReconciled{}
	}
	size := max(1, a.channel.Descriptor.Stock.ReadBatch)
	for ctx.Err() == nil {
		if err := h.refreshSellers(ctx); err != nil {
			return err
		}
		page, err := h.store.PublicationsAfter(ctx, a.ID, run.After, size)
		if err != nil {
			return err
		}
		if off, err := h.isOff(ctx, a); off || err != nil {
			return err
		}
		differ, err := h.reconcilePage(ctx, a, page, lease)
		if isUnread(err) {
			// The page is read again when the channel answers.
			return h.feedFailed(ctx, a, pos, nil, errors.Unwrap(err), lease)
		}
		if err != nil {
			return err
		}
		pos.Failures, pos.Error, pos.Class = 0, "", ""
		run.Differ += int64(differ)
		pos.Pages++
		pos.Items += int64(len(page))
		done := len(page) < size
		if done {
			pos.ConfirmedAt, pos.FinishedAt, pos.SweepStartedAt = pos.SweepStartedAt, h.store.Now(), time.Time{}
			pos.NextAt = h.nextNight()
		} else {
			run.After = page[len(page)-1].ListingID
		}
		if pos.Cursor, err = json.Marshal(run); err != nil {
			return err
		}
		if err := h.setFeed(ctx, pos, lease); err != nil || done {
			return err
		}
		wait(ctx, h.pause(reconcilePause))
	}
	return ctx.Err()
}

// reconcilePage reads figures that stand, and works those out again that were
// never sent. What is under way is followed anyway.
func (h *Hub) reconcilePage(ctx context.Context, a *account, page []*store.Publication, lease store.Lease) (differ int, err error) {
	var read, idle []int64
	for _, p := range page {
		switch p.State {
		case store.PublicationConfirmed, store.PublicationUncertain:
			if p.Settled {
				read = append(read, p.ListingID)
			}
		case store.PublicationIdle:
			idle = append(idle, p.ListingID)
		case store.PublicationNew, store.PublicationIntent, store.PublicationSent, store.PublicationAccepted, store.PublicationRejected, store.PublicationStopped:
		}
	}
	if len(idle) > 0 {
		if err := h.store.InTx(ctx, func(tx *store.Tx) error {
			if err := tx.Hold(ctx, lease); err != nil {
				return err
			}
			if err := tx.MarkListings(ctx, idle); err != nil {
				return err
			}
			return h.ringPlanner(ctx, tx)
		}); err != nil {
			return 0, err
		}
	}
	return h.readBack(ctx, a, read, lease)
}

func (h *Hub) setFeed(ctx context.Context, pos store.FeedPosition, lease store.Lease) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		return tx.SetFeed(ctx, pos)
	})
}

// nextNight is the next time at which figures are read whole; with shortened
// pauses the nights come sooner.
func (h *Hub) nextNight() time.Time {
	now := h.store.Now()
	if h.scale != 1 {
		return now.Add(h.pause(24 * time.Hour))
	}
	local := now.Local()
	night := time.Date(local.Year(), local.Month(), local.Day(), reconcileHour, 0, 0, 0, local.Location())
	if !night.After(now) {
		night = night.AddDate(0, 0, 1)
	}
	return night.UTC()
}

// countShown counts the listings that accounts show, once a minute.
func (h *Hub) countShown(ctx context.Context) (map[string]int64, error) {
	h.mu.Lock()
	shown, at := h.shown, h.shownAt
	h.mu.Unlock()
	if shown != nil && time.Since(at) < time.Minute {
		return shown, nil
	}
	counts, err := h.store.StocksShown(ctx, h.store.Now())
	if err != nil {
		return nil, err
	}
	shown = make(map[string]int64, len(counts))
	for id, c := range counts {
		for _, n := range c.States {
			shown[id] += n
		}
	}
	h.mu.Lock()
	h.shown, h.shownAt = shown, time.Now()
	h.mu.Unlock()
	return shown, nil
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
