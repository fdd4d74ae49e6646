package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// readFigures reads back what was sent, and settles what was confirmed once all
// that was sold before is in the ledger.
func (h *Hub) readFigures(ctx context.Context, a *account, due []*store.Publication, lease store.Lease) error {
	now := h.store.Now()
	_, reads := a.adapter.(channel.StockReader)
	var read []int64
	waiting := false
	for _, p := range due {
		switch {
		case p.NextAt.After(now): // only dirty
		case p.State == store.PublicationSent, p.State == store.PublicationAccepted,
			p.State == store.PublicationConfirmed && p.Settled && reads && now.Sub(p.ConfirmedAt) >= h.pause(reconcileEvery):
			read = append(read, p.ListingID)
		case p.State == store.PublicationConfirmed:
			waiting = waiting || !p.Settled
		case p.State == store.PublicationRejected:
			read = append(read, p.ListingID)
		}
	}
	if err := h.readBack(ctx, a, read, lease); err != nil {
		return err
	}
	return h.settleFigures(ctx, a, due, waiting, lease)
}

// readBack reads what the channel shows and compares.
func (h *Hub) readBack(ctx context.Context, a *account, ids []int64, lease store.Lease) error {
	slices.Sort(ids)
	reader, ok := a.adapter.(channel.StockReader)
	for part := range slices.Chunk(ids, max(1, a.channel.Descriptor.Stock.ReadBatch)) {
		shown := map[string]int64{}
		readAt := h.store.Now()
		var readErr error
		if ok {
			listings, err := h.store.ListListings(ctx, store.ListingFilter{IDs: part, Limit: len(part)})
			if err != nil {
				return err
			}
			var list []channel.StockShown
			if list, readErr = reader.ReadStock(ctx, listings); readErr != nil {
				h.metrics.callFailures.WithLabelValues(a.ID, string(orderhub.ClassOf(readErr))).Inc()
			}
			for _, s := range list {
				shown[s.Key] = s.Quantity
			}
		}
		if err := h.onShelf(ctx, part, lease, func(_ *store.Tx, sh *store.Shelf, _ []orderhub.Offer, _ map[int64]int) ([]*store.Publication, error) {
			var changed []*store.Publication
			for _, l := range sh.Listings {
				pub := sh.Publications[l.ID]
				if _, mine := slices.BinarySearch(part, l.ID); !mine || pub == nil {
					continue
				}
				figure, known := shown[l.Key]
				switch {
				case readErr != nil:
					pub.NextAt = h.store.Now().Add(max(jobs.Policy(readErr, pub.Checks+1, h.scale).Wait, h.pause(time.Second)))
				case ok && !known && pub.Sent == 0 && !pub.AcceptedAt.IsZero():
					h.compare(pub, 0, readAt) // what is not listed is not sold
				case !ok, !known:
					h.unconfirmed(pub, "the channel does not say what it shows")
				default:
					h.compare(pub, figure, readAt)
				}
				changed = append(changed, pub)
			}
			return changed, nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// compare looks at what the channel shows of a listing.
func (h *Hub) compare(pub *store.Publication, figure int64, readAt time.Time) {
	pub.Confirmed, pub.ConfirmedAt = figure, readAt
	switch pub.State {
	case store.PublicationSent, store.PublicationAccepted:
		if figure > pub.Sent || figure < pub.Sent-pub.Sold {
			// Lower than that may be sales that the hub has not seen yet.
			h.unconfirmed(pub, fmt.Sprintf("it shows %d; %d was sent and %d sold since", figure, pub.Sent, pub.Sold))
			return
		}
		if pub.AcceptedAt.IsZero() {
			pub.AcceptedAt = readAt
		}
		pub.State, pub.Class, pub.Error, pub.NextAt = store.PublicationConfirmed, "", "", h.store.Now()
	case store.PublicationConfirmed:
		// Looked at again: what was sold since the last look is to be in the ledger.
		pub.Settled, pub.NextAt = false, h.store.Now()
	case store.PublicationRejected:
		// Another try, once it is known what is shown.
		pub.State, pub.Sent, pub.AcceptedAt, pub.Dirty, pub.NextAt = store.PublicationConfirmed, unknownFigure, readAt, true, h.store.Now()
	case store.PublicationIdle, store.PublicationIntent, store.PublicationStopped:
	}
}

// unconfirmed looks again later; after some looks the figure is sent again.
func (h *Hub) unconfirmed(pub *store.Publication, why string) {
	now := h.store.Now()
	pub.Error = why
	if pub.Checks++; pub.Checks < checksOfFigure {
		pub.NextAt = now.Add(max(h.pause(checkPause(pub.Checks)), 200*time.Millisecond))
		return
	}
	// What was read counts now, not what was sent; it is worked out anew.
	if pub.AcceptedAt.IsZero() {
		pub.AcceptedAt = now
	}
	if pub.ConfirmedAt.Before(pub.SentAt) {
		pub.ConfirmedAt = now
	}
	pub.State, pub.Sent, pub.Dirty, pub.NextAt = store.PublicationConfirmed, unknownFigure, true, now
}

// unknownFigure stands for a figure of which it is not known whether it is shown.
const unknownFigure = -2

// secondWriter notes that a channel shows more than the hub ever let it: somebody
// else writes there, or an order was cancelled and the channel took it back.
func (h *Hub) secondWriter(a *account, pub *store.Publication, figure int64) {
	rule := h.sellersNow()[a.ID].secondWriter
	h.metrics.secondWriter.WithLabelValues(a.ID).Inc()
	h.log.Warn("somebody else changes stock figures", "account", a.ID, "listing", pub.ListingID, "shown", figure, "allowed", pub.Exposure, "rule", rule)
	pub.Error = fmt.Sprintf("the channel shows %d, the hub had allowed %d: somebody else writes there", figure, pub.Exposure)
	pub.Exposure = figure
	switch rule {
	case "stop":
		pub.State, pub.Dirty = store.PublicationStopped, false
	case "accept":
		pub.Sent, pub.Dirty = figure, false
	default:
		pub.Sent, pub.Dirty = unknownFigure, true
	}
}

// settleFigures closes figures that were confirmed before the last sweep: every
// sale made under the figure before them is in the ledger.
func (h *Hub) settleFigures(ctx context.Context, a *account, due []*store.Publication, waiting bool, lease store.Lease) error {
	if !waiting {
		return nil
	}
	since, err := h.sweptSince(ctx, a)
	if err != nil {
		return err
	}
	since = since.Add(-h.stockLag())
	unread, err := h.store.LastQuarantined(ctx, a.ID)
	if err != nil {
		return err
	}
	var ids []int64
	var put []int64
	for _, p := range due {
		if p.State != store.PublicationConfirmed || p.Settled {
			continue
		}
		if p.AcceptedAt.Before(since) && p.ConfirmedAt.Before(since) {
			ids = append(ids, p.ListingID)
		} else {
			put = append(put, p.ListingID)
		}
	}
	if len(put) > 0 {
		if err := h.sweepSoon(ctx, a); err != nil {
			return err
		}
	}
	slices.Sort(ids)
	slices.Sort(put)
	for part := range slices.Chunk(slices.Sorted(slices.Values(append(slices.Clone(ids), put...))), 200) {
		if err := h.onShelf(ctx, part, lease, func(tx *store.Tx, sh *store.Shelf, _ []orderhub.Offer, _ map[int64]int) ([]*store.Publication, error) {
			var changed []*store.Publication
			var skus []string
			for _, l := range sh.Listings {
				pub := sh.Publications[l.ID]
				if pub == nil || pub.State != store.PublicationConfirmed || pub.Settled {
					continue
				}
				if _, now := slices.BinarySearch(ids, l.ID); now && pub.ConfirmedAt.Before(since) {
					h.settle(a, pub, unread)
					skus = append(skus, l.SKU)
				} else if _, later := slices.BinarySearch(put, l.ID); later {
					pub.NextAt = h.store.Now().Add(max(h.pause(5*time.Second), 300*time.Millisecond))
				} else {
					continue
				}
				changed = append(changed, pub)
			}
			return changed, tx.MarkDirty(ctx, skus)
		}); err != nil {
			return err
		}
	}
	return nil
}

// settle closes a figure. unread is when the last order came that could not be
// read: what it sold is in no ledger, so nothing is struck off.
func (h *Hub) settle(a *account, pub *store.Publication, unread time.Time) {
	now := h.store.Now()
	pub.Settled, pub.Dirty, pub.NextAt = true, true, now.Add(h.pause(reconcileEvery))
	if _, reads := a.adapter.(channel.StockReader); !reads {
		pub.NextAt = now.AddDate(10, 0, 0) // there is nothing to read
	}
	if pub.Confirmed <= pub.Exposure {
		pub.Checks = 0
	}
	switch {
	case pub.Confirmed > pub.Exposure && pub.Checks < 2:
		// A sale of this very second may be on both sides of the look: look again.
		pub.Checks++
		pub.ConfirmedAt, pub.NextAt, pub.Dirty = now.Add(-h.pause(reconcileEvery)), now.Add(h.pause(5*time.Second)), false
	case pub.Confirmed > pub.Exposure:
		pub.Checks = 0
		h.secondWriter(a, pub, pub.Confirmed)
	case pub.Confirmed >= 0 && unread.Before(pub.SentAt):
		pub.Exposure = pub.Confirmed
	}
}

// settleSite is how long a shop without lists is given to deliver its orders.
const settleSite = 30 * time.Second

// sweptSince is from when on sales of the account may be missing in the ledger:
// the start of the oldest of the last sweeps of its fast feeds, and nothing waits
// in the inbox.
func (h *Hub) sweptSince(ctx context.Context, a *account) (time.Time, error) {
	if len(a.channel.Descriptor.Feeds) == 0 {
		return h.store.Now().Add(-h.pause(settleSite)), nil
	}
	waits, err := h.store.PendingRaw(ctx, a.ID, 0, 1)
	if err != nil || len(waits) > 0 {
		return time.Time{}, err
	}
	since := h.store.Now()
	for _, f := range a.channel.Descriptor.Feeds {
		if f.Every > fastFeed {
			continue
		}
		pos, err := h.store.Feed(ctx, a.ID, f.Name)
		if err != nil {
			return time.Time{}, err
		}
		if pos.ConfirmedAt.Before(since) {
			since = pos.ConfirmedAt
		}
	}
	return since, nil
}

// fastFeed is the pause of feeds that show new orders.
const fastFeed = 2 * time.Minute

// sweepSoon asks for the fast feeds to be swept now.
func (h *Hub) sweepSoon(ctx context.Context, a *account) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		for _, f := range a.channel.Descriptor.Feeds {
			if f.Every > fastFeed {
				continue
			}
			if err := h.jobs.Ring(ctx, tx, jobs.Lane{Work: jobs.WorkSweep, Account: a.ID, Feed: f.Name}); err != nil {
				return err
			}
		}
		return nil
	})
}
