package pipeline

import (
	"context"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

const (
	// checksOfFigure is how often a figure is read back before it is sent again.
	checksOfFigure = 4
	// figuresAtOnce is how many figures are taken up at once, looksAtOnce how many
	// are looked at before new ones to send are asked for again.
	figuresAtOnce = 500
	looksAtOnce   = 500
)

// publish drains what an account's channel is to be told about stock. Figures that
// were sent are read back when nothing is left to send: what other channels sold
// must not wait for that.
func (h *Hub) publish(ctx context.Context, a *account, lease store.Lease) error {
	if _, ok := a.adapter.(channel.StockPusher); !ok {
		return nil
	}
	for ctx.Err() == nil {
		if off, err := h.isOff(ctx, a); off || err != nil {
			return err
		}
		if err := h.refreshSellers(ctx); err != nil {
			return err
		}
		sent, err := h.sendFigures(ctx, a, lease)
		if err != nil {
			return err
		}
		looked, err := h.lookAtFigures(ctx, a, lease)
		if err != nil || !sent && !looked {
			return err
		}
	}
	return ctx.Err()
}

// sendFigures sends what is due, decreases first, in batches of the channel's size.
// It reports whether there was anything.
func (h *Hub) sendFigures(ctx context.Context, a *account, lease store.Lease) (bool, error) {
	due, err := h.store.DueFigures(ctx, a.ID, figuresAtOnce)
	if err != nil || len(due) == 0 {
		return false, err
	}
	since, err := h.sweptSince(ctx, a)
	if err != nil {
		return true, err
	}
	for part := range slices.Chunk(due, max(1, a.channel.Descriptor.Stock.Batch)) {
		if off, err := h.isOff(ctx, a); off || err != nil {
			return false, err
		}
		if err := h.sendBatch(ctx, a, part, since, lease); err != nil {
			return true, err
		}
	}
	return true, nil
}

// isOff reports whether the account was paused or removed since its work began.
func (h *Hub) isOff(ctx context.Context, a *account) (bool, error) {
	state, err := h.store.AccountState(ctx, a.ID)
	return state != orderhub.AccountActive, err
}

// sendBatch makes one call. That it is about to be made is committed first.
// since is from when on sales of the account may be unknown: with the shared
// policy more is shown only when the newest orders have been read.
func (h *Hub) sendBatch(ctx context.Context, a *account, ids []int64, since time.Time, lease store.Lease) error {
	slices.Sort(ids)
	var figures []channel.StockFigure
	early := false
	if err := h.onFigures(ctx, ids, lease, func(_ *store.Tx, listings []orderhub.Listing, pubs map[int64]*store.Publication) ([]*store.Publication, error) {
		figures, early = nil, false
		var changed []*store.Publication
		for _, l := range listings {
			pub := pubs[l.ID]
			if pub == nil || pub.State != store.PublicationIntent {
				continue
			}
			now := h.store.Now()
			if next := pub.SentAt.Add(h.pairPause(a)); !pub.SentAt.IsZero() && now.Before(next) {
				pub.NextAt, pub.Class = next, orderhub.ClassRateLimited
				changed = append(changed, pub)
				continue
			}
			raised := pub.Sent >= 0 && pub.Wanted > pub.Sent-pub.Sold
			if raised && pub.AfterOrders && !since.After(pub.WantedAt) {
				pub.NextAt, early = now.Add(max(h.pause(2*time.Second), 300*time.Millisecond)), true
				pub.Class = orderhub.ClassRateLimited
				changed = append(changed, pub)
				continue
			}
			if pub.Attempts == 0 && !pub.DirtyAt.IsZero() {
				h.metrics.delay(a.ID, now.Sub(pub.DirtyAt), pub.Class == orderhub.ClassRateLimited)
			}
			pub.State, pub.Sent, pub.SentAt, pub.AcceptedAt = store.PublicationSent, pub.Wanted, now, time.Time{}
			pub.Sold, pub.Checks, pub.Confirmed, pub.Late, pub.Took = 0, 0, -1, 0, 0
			pub.Attempts++
			pub.NextAt = now.Add(h.sellersNow()[a.ID].lag)
			changed = append(changed, pub)
			figures = append(figures, channel.StockFigure{Listing: l, Quantity: pub.Wanted, At: pub.WantedAt})
		}
		return changed, nil
	}); err != nil {
		return err
	}
	if early {
		if err := h.sweepSoon(ctx, a); err != nil {
			return err
		}
	}
	if len(figures) == 0 {
		return nil
	}
	recorded, recorder := channel.WithRecorder(ctx)
	results, err := a.adapter.(channel.StockPusher).PushStock(recorded, figures)
	if err == nil && len(results) != len(figures) {
		err = orderhub.NewBorderError(orderhub.ClassUncertain, string(a.Channel), "the adapter did not answer for every figure", nil)
	}
	return h.figuresAnswered(ctx, a, figures, recorder.Take(), results, err, since, lease)
}

// figuresAnswered writes down what became of a call. A call that was refused as a
// whole is made again in halves, until the figure is alone that it was refused for.
func (h *Hub) figuresAnswered(ctx context.Context, a *account, figures []channel.StockFigure, wire []channel.Exchange, results []channel.StockResult, callErr error, since time.Time, lease store.Lease) error {
	ctx = context.WithoutCancel(ctx)
	if callErr != nil {
		h.metrics.callFailures.WithLabelValues(a.ID, string(orderhub.ClassOf(callErr))).Inc()
		h.log.Warn("stock was not taken", "account", a.ID, "figures", len(figures), "class", string(orderhub.ClassOf(callErr)), "error", callErr.Error())
	}
	ids, of := make([]int64, len(figures)), map[int64]channel.StockResult{}
	for i, f := range figures {
		ids[i] = f.Listing.ID
		of[f.Listing.ID] = channel.StockResult{Outcome: channel.OutcomeFailed, Err: callErr}
		if callErr == nil {
			of[f.Listing.ID] = results[i]
		}
	}
	bisect := callErr != nil && orderhub.ClassOf(callErr) == orderhub.ClassRejected && len(figures) > 1
	var freed []string
	if err := h.onFigures(ctx, ids, lease, func(tx *store.Tx, listings []orderhub.Listing, pubs map[int64]*store.Publication) ([]*store.Publication, error) {
		if err := tx.SaveCalls(ctx, calls(a.ID, "stock", wire, nil), nil); err != nil {
			return nil, err
		}
		var changed []*store.Publication
		var took store.StockTimes
		freed = nil
		for _, l := range listings {
			pub := pubs[l.ID]
			if pub == nil || pub.State != store.PublicationSent {
				continue // untied meanwhile, or worked out again
			}
			if bisect {
				// Nothing was written: no pause is owed for it.
				pub.State, pub.NextAt, pub.SentAt = store.PublicationIntent, h.store.Now(), time.Time{}
			} else {
				h.figureAnswered(pub, of[l.ID], h.sellersNow()[a.ID].lag)
			}
			switch {
			case pub.State == store.PublicationRejected:
				freed = append(freed, l.SKU)
			case pub.State == store.PublicationConfirmed && pub.Took > 0:
				took.Add(pub.Took, 0) // its own answer confirmed it
			}
			changed = append(changed, pub)
		}
		return changed, tx.AddStockTimes(ctx, a.ID, took)
	}); err != nil {
		return err
	}
	if err := h.freed(ctx, freed); err != nil || !bisect {
		return err
	}
	for _, half := range [][]int64{ids[:len(ids)/2], ids[len(ids)/2:]} {
		if err := h.sendBatch(ctx, a, half, since, lease); err != nil {
			return err
		}
	}
	return nil
}

// figureAnswered moves one listing by the answer to its figure.
func (h *Hub) figureAnswered(pub *store.Publication, res channel.StockResult, lag time.Duration) {
	now := h.store.Now()
	pub.Class, pub.Error = "", ""
	if res.Err != nil {
		pub.Class, pub.Error = orderhub.ClassOf(res.Err), Sentence(res.Err)
	}
	next := jobs.Policy(res.Err, pub.Attempts, h.scale)
	switch {
	case res.Outcome == channel.OutcomeDone:
		pub.State, pub.AcceptedAt, pub.Confirmed, pub.ConfirmedAt = store.PublicationConfirmed, now, pub.Sent, now
		pub.Took, pub.Doubts = now.Sub(pub.SentAt), 0
		pub.NextAt = now.Add(lag)
	case res.Outcome == channel.OutcomeAccepted:
		pub.State, pub.AcceptedAt, pub.NextAt = store.PublicationAccepted, now, now.Add(lag)
	case res.Outcome == channel.OutcomeUnsent, pub.Class == orderhub.ClassUncertain:
		pub.NextAt = now.Add(lag) // it may stand all the same: read first
	case next.Again:
		pub.State, pub.NextAt = store.PublicationIntent, now.Add(max(next.Wait, h.pause(time.Second)))
	default:
		// Refused for good: the channel shows what it showed before.
		pub.State, pub.NextAt = store.PublicationRejected, now.Add(h.pause(time.Hour))
		pub.Exposure -= min(pub.Exposure, pub.Sent)
	}
}

// pairPause is the least pause between two figures of one listing.
func (h *Hub) pairPause(a *account) time.Duration {
	p := a.channel.Descriptor.Stock.PairPause
	if h.quota > 0 {
		p = time.Duration(float64(p) / h.quota)
	}
	return p
}
