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
			p.State.Read() && p.Settled && reads && now.Sub(p.ConfirmedAt) >= h.sellersNow()[a.ID].every:
			read = append(read, p.ListingID)
		case p.State.Read():
			waiting = waiting || !p.Settled
		case p.State == store.PublicationRejected:
			read = append(read, p.ListingID)
		}
	}
	if _, err := h.readBack(ctx, a, read, lease); err != nil {
		return err
	}
	return h.settleFigures(ctx, a, due, waiting, lease)
}

// readBack reads what the channel shows of listings and compares. differ is how
// many showed what the hub did not expect.
func (h *Hub) readBack(ctx context.Context, a *account, ids []int64, lease store.Lease) (differ int, err error) {
	slices.Sort(ids)
	for part := range slices.Chunk(ids, max(1, a.channel.Descriptor.Stock.ReadBatch)) {
		n, err := h.readPart(ctx, a, part, lease)
		differ += n
		if err != nil {
			return differ, err
		}
	}
	return differ, nil
}

// readPart reads one batch of listings.
func (h *Hub) readPart(ctx context.Context, a *account, part []int64, lease store.Lease) (differ int, err error) {
	reader, ok := a.adapter.(channel.StockReader)
	shown := map[string]int64{}
	readAt := h.store.Now()
	var readErr error
	if ok {
		listings, err := h.store.ListListings(ctx, store.ListingFilter{IDs: part, Limit: len(part)})
		if err != nil {
			return 0, err
		}
		var list []channel.StockShown
		if list, readErr = reader.ReadStock(ctx, listings); readErr != nil {
			h.metrics.callFailures.WithLabelValues(a.ID, string(orderhub.ClassOf(readErr))).Inc()
		}
		for _, s := range list {
			shown[s.Key] = s.Quantity
		}
	}
	return differ, h.onShelf(ctx, part, lease, func(tx *store.Tx, sh *store.Shelf, _ []orderhub.Offer, _ map[int64]int) ([]*store.Publication, error) {
		var changed []*store.Publication
		var took store.StockTimes
		differ = 0
		for _, l := range sh.Listings {
			pub := sh.Publications[l.ID]
			if _, mine := slices.BinarySearch(part, l.ID); !mine || pub == nil {
				continue
			}
			figure, known := shown[l.Key]
			if ok && !known && readErr == nil && pub.Sent == 0 && !pub.AcceptedAt.IsZero() {
				figure, known = 0, true // what is not listed is not sold
			}
			switch {
			case readErr != nil:
				pub.NextAt = h.store.Now().Add(max(jobs.Policy(readErr, pub.Checks+1, h.scale).Wait, h.pause(time.Second)))
			case !known:
				h.unconfirmed(pub, "the channel does not say what it shows")
			default:
				if pub.State.Read() && pub.Settled && figure != pub.Exposure {
					differ++
				}
				if h.compare(pub, figure, readAt) {
					took.Add(pub.Took, pub.Late)
				}
			}
			changed = append(changed, pub)
		}
		return changed, tx.AddStockTimes(ctx, a.ID, took)
	})
}

// compare looks at what the channel shows of a listing. It reports whether that
// confirmed the figure that was sent.
func (h *Hub) compare(pub *store.Publication, figure int64, readAt time.Time) bool {
	pub.Confirmed, pub.ConfirmedAt = figure, readAt
	switch pub.State {
	case store.PublicationSent, store.PublicationAccepted:
		if figure > pub.Sent {
			pub.Late = readAt.Sub(pub.SentAt)
		}
		if figure > pub.Sent || figure < pub.Sent-pub.Sold {
			// Lower than that may be sales that the hub has not seen yet.
			h.unconfirmed(pub, fmt.Sprintf("it shows %d; %d was sent and %d sold since", figure, pub.Sent, pub.Sold))
			return false
		}
		if pub.AcceptedAt.IsZero() {
			pub.AcceptedAt = readAt
		}
		pub.Took = readAt.Sub(pub.SentAt)
		pub.State, pub.Class, pub.Error, pub.NextAt = store.PublicationConfirmed, "", "", h.store.Now()
		return true
	case store.PublicationConfirmed, store.PublicationUncertain:
		// Looked at again: what was sold since the last look is to be in the ledger.
		pub.Settled, pub.NextAt = false, h.store.Now()
	case store.PublicationRejected:
		// Another try, once it is known what is shown.
		pub.State, pub.Sent, pub.AcceptedAt, pub.Dirty, pub.NextAt = store.PublicationConfirmed, unknownFigure, readAt, true, h.store.Now()
	case store.PublicationIdle, store.PublicationIntent, store.PublicationStopped:
	}
	return false
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
		pub.Confirmed, pub.ConfirmedAt = -1, now // nothing was read
	}
	pub.State, pub.Sent, pub.Dirty, pub.NextAt = store.PublicationUncertain, unknownFigure, true, now
}

// unknownFigure stands for a figure of which it is not known whether it is shown.
const unknownFigure = -2

// secondWriter notes that a channel shows a figure that is not the hub's: somebody
// else writes there, or the channel itself changed it. why tells in words.
func (h *Hub) secondWriter(a *account, pub *store.Publication, why string) {
	rule, figure := h.sellersNow()[a.ID].secondWriter, pub.Confirmed
	h.metrics.secondWriter.WithLabelValues(a.ID).Inc()
	h.log.Warn("somebody else changes stock figures", "account", a.ID, "listing", pub.ListingID, "shown", figure, "expected", pub.Exposure, "rule", rule)
	pub.Error = why
	pub.Exposure, pub.Checks, pub.ForeignAt, pub.ForeignShown = figure, 0, pub.ConfirmedAt, figure
	switch rule {
	case "stop":
		pub.State, pub.Dirty = store.PublicationStopped, false
	case "accept":
		pub.Sent, pub.Sold, pub.Dirty = figure, 0, false
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
	since = since.Add(-h.sellersNow()[a.ID].lag)
	unread, err := h.store.LastQuarantined(ctx, a.ID)
	if err != nil {
		return err
	}
	var ids []int64
	var put []int64
	for _, p := range due {
		if !p.State.Read() || p.Settled {
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
				if pub == nil || !pub.State.Read() || pub.Settled {
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
	now, me := h.store.Now(), h.sellersNow()[a.ID]
	pub.Settled, pub.Dirty, pub.NextAt = true, true, now.Add(me.every)
	if _, reads := a.adapter.(channel.StockReader); !reads {
		pub.NextAt = now.AddDate(10, 0, 0) // there is nothing to read
	}
	counted := pub.Confirmed >= 0 && unread.Before(pub.SentAt)
	raised := pub.Confirmed > pub.Exposure
	lowered := counted && pub.Sent >= 0 && pub.Confirmed < min(pub.Exposure, pub.Sent-pub.Sold)
	if (raised || lowered) && pub.Checks < 2 {
		// A sale of this very second may be on both sides of the look: look again.
		pub.Checks++
		pub.ConfirmedAt, pub.NextAt, pub.Dirty = now.Add(-me.every), now.Add(max(h.pause(5*time.Second), me.lag)), false
		return
	}
	pub.Checks = 0
	if pub.State == store.PublicationUncertain && pub.Confirmed >= 0 {
		pub.State, pub.Error = store.PublicationConfirmed, "" // now it is known what is shown
	}
	switch {
	case raised:
		h.secondWriter(a, pub, fmt.Sprintf("the channel shows %d, the hub had allowed %d: somebody else writes there", pub.Confirmed, pub.Exposure))
	case lowered:
		h.secondWriter(a, pub, fmt.Sprintf("the channel shows %d where %d are left of what was sent: somebody else writes there, or it holds units back", pub.Confirmed, pub.Sent-pub.Sold))
	case counted:
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
