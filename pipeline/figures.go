package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// lookAtFigures reads back what was sent, and settles what was confirmed once all
// that was sold before is in the ledger. It reports whether there was anything.
func (h *Hub) lookAtFigures(ctx context.Context, a *account, lease store.Lease) (bool, error) {
	due, err := h.store.DueLooks(ctx, a.ID, looksAtOnce)
	if err != nil || len(due) == 0 {
		return false, err
	}
	now := h.store.Now()
	var read, early []int64
	var confirmed []*store.Publication
	settle := false // what waits longest is to be settled
	for _, p := range due {
		switch p.State {
		case store.PublicationNew, store.PublicationSent, store.PublicationAccepted, store.PublicationRejected:
			read = append(read, p.ListingID)
		case store.PublicationConfirmed, store.PublicationUncertain:
			if !p.Settled {
				settle = settle || len(read) == 0
				confirmed = append(confirmed, p)
			} else if now.Sub(p.ConfirmedAt) >= h.sellersNow()[a.ID].every {
				read = append(read, p.ListingID)
			} else {
				early = append(early, p.ListingID)
			}
		case store.PublicationIdle, store.PublicationIntent, store.PublicationStopped:
		}
	}
	if err := h.lookLater(ctx, a, early, lease); err != nil {
		return true, err
	}
	// One or the other: new figures are sent in between.
	if settle {
		return true, h.settleFigures(ctx, a, confirmed, lease)
	}
	if _, err := h.readBack(ctx, a, read, lease); err != nil && !isUnread(err) {
		return true, err
	}
	return len(read) > 0, nil
}

// lookLater puts off looks at figures that were looked at not long ago: the account
// has more listings than when the time was set.
func (h *Hub) lookLater(ctx context.Context, a *account, ids []int64, lease store.Lease) error {
	if len(ids) == 0 {
		return nil
	}
	return h.onFigures(ctx, ids, lease, func(_ *store.Tx, _ []orderhub.Listing, pubs map[int64]*store.Publication) ([]*store.Publication, error) {
		var changed []*store.Publication
		for _, pub := range pubs {
			if pub.State.Read() && pub.Settled {
				pub.NextAt = pub.ConfirmedAt.Add(h.sellersNow()[a.ID].every)
				changed = append(changed, pub)
			}
		}
		slices.SortFunc(changed, func(x, y *store.Publication) int { return cmp.Compare(x.ListingID, y.ListingID) })
		return changed, nil
	})
}

// unread is the error of figures that could not be read; they are read again later.
type unread struct{ error }

func (u unread) Unwrap() error { return u.error }

func isUnread(err error) bool {
	var u unread
	return errors.As(err, &u)
}

// readBack reads what the channel shows of listings and compares. differ is how
// many showed what the hub did not expect. An unread error tells that the channel
// did not answer.
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
	asked := h.store.Now()
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
	if err := h.onFigures(ctx, part, lease, func(tx *store.Tx, listings []orderhub.Listing, pubs map[int64]*store.Publication) ([]*store.Publication, error) {
		var changed []*store.Publication
		var took store.StockTimes
		differ = 0
		for _, l := range listings {
			pub := pubs[l.ID]
			if pub == nil || !pub.State.Looked() {
				continue // worked out again meanwhile
			}
			figure, known := shown[l.Key]
			if ok && !known && readErr == nil && pub.Sent == 0 && !pub.AcceptedAt.IsZero() {
				figure, known = 0, true // what is not listed is not sold
			}
			switch {
			case readErr != nil:
				pub.NextAt = h.store.Now().Add(max(jobs.Policy(readErr, pub.Checks+1, h.scale).Wait, h.pause(time.Second)))
			case pub.State == store.PublicationNew && !known:
				// It cannot be read, or the channel has nothing of it to sell.
				pub.State = store.PublicationIdle
				h.workOut(pub)
			case !known:
				h.unconfirmed(pub, "the channel does not say what it shows", h.sellersNow()[a.ID].every)
			default:
				if pub.State.Read() && pub.Settled && figure != pub.Exposure {
					differ++
				}
				if h.compare(pub, figure, asked) {
					took.Add(pub.Took, pub.Late)
				}
			}
			changed = append(changed, pub)
		}
		return changed, tx.AddStockTimes(ctx, a.ID, took)
	}); err != nil || readErr == nil {
		return differ, err
	}
	return differ, unread{readErr}
}

// compare looks at what the channel shows of a listing; asked is when it was asked.
// It reports whether that confirmed the figure that was sent. A sale made between
// question and answer may be in the figure or not: it counts as not yet in it.
func (h *Hub) compare(pub *store.Publication, figure int64, asked time.Time) bool {
	readAt := h.store.Now()
	pub.Confirmed, pub.ConfirmedAt = figure, readAt
	switch pub.State {
	case store.PublicationSent, store.PublicationAccepted:
		if figure > pub.Sent {
			pub.Late = asked.Sub(pub.SentAt)
		}
		if figure > pub.Sent || figure < pub.Sent-pub.Sold {
			// Lower than that may be sales that the hub has not seen yet.
			h.unconfirmed(pub, fmt.Sprintf("it shows %d; %d was sent and %d sold since", figure, pub.Sent, pub.Sold), 0)
			return false
		}
		if pub.AcceptedAt.IsZero() {
			pub.AcceptedAt = readAt
		}
		pub.Took, pub.Doubts = readAt.Sub(pub.SentAt), 0
		pub.State, pub.Class, pub.Error, pub.NextAt = store.PublicationConfirmed, "", "", h.store.Now()
		return true
	case store.PublicationNew:
		// What was there before the hub is sold from until it is replaced.
		pub.State, pub.Sent, pub.SentAt, pub.AcceptedAt, pub.Exposure = store.PublicationConfirmed, unknownFigure, readAt, readAt, figure
		pub.Settled, pub.NextAt = false, h.store.Now()
		h.workOut(pub)
	case store.PublicationConfirmed, store.PublicationUncertain:
		// Looked at again: what was sold since the last look is to be in the ledger.
		pub.Settled, pub.NextAt = false, h.store.Now()
	case store.PublicationRejected:
		// Another try, once it is known what is shown.
		pub.State, pub.Sent, pub.AcceptedAt, pub.NextAt = store.PublicationConfirmed, unknownFigure, readAt, h.store.Now()
		h.workOut(pub)
	case store.PublicationIdle, store.PublicationIntent, store.PublicationStopped:
	}
	return false
}

// unconfirmed looks again later; after some looks the figure is sent again.
func (h *Hub) unconfirmed(pub *store.Publication, why string, every time.Duration) {
	now := h.store.Now()
	pub.Error = why
	if pub.State.Read() && pub.Settled {
		pub.NextAt = now.Add(every) // it was known once; nothing else was learned
		return
	}
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
	pub.State, pub.Sent, pub.NextAt = store.PublicationUncertain, unknownFigure, now
	h.workOut(pub)
	pub.Doubts++
}

// workOut asks for the listing's figure to be worked out again.
func (h *Hub) workOut(pub *store.Publication) {
	if !pub.Dirty {
		pub.Dirty, pub.DirtyAt = true, h.store.Now()
	}
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
		pub.State = store.PublicationStopped
	case "accept":
		pub.Sent, pub.Sold = figure, 0 // until the next change of the hub's own
	default:
		pub.Sent = unknownFigure
		h.workOut(pub)
	}
}

// settleFigures closes figures that were confirmed before the last sweep: every
// sale made under the figure before them is in the ledger.
func (h *Hub) settleFigures(ctx context.Context, a *account, confirmed []*store.Publication, lease store.Lease) error {
	if len(confirmed) == 0 {
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
	ids := make([]int64, len(confirmed))
	early := false
	for i, p := range confirmed {
		ids[i] = p.ListingID
		early = early || !settles(p, since)
	}
	if early {
		if err := h.sweepSoon(ctx, a); err != nil {
			return err
		}
	}
	var settled []string
	if err := h.onFigures(ctx, ids, lease, func(_ *store.Tx, listings []orderhub.Listing, pubs map[int64]*store.Publication) ([]*store.Publication, error) {
		var changed []*store.Publication
		settled = nil
		for _, l := range listings {
			pub := pubs[l.ID]
			switch {
			case pub == nil || !pub.State.Read() || pub.Settled:
				continue
			case settles(pub, since):
				h.settle(a, l, pub, unread)
				settled = append(settled, l.SKU)
			default:
				pub.NextAt = h.store.Now().Add(max(h.pause(5*time.Second), 300*time.Millisecond))
			}
			changed = append(changed, pub)
		}
		return changed, nil
	}); err != nil {
		return err
	}
	return h.freed(ctx, settled)
}

// settles reports whether every sale made before a figure was confirmed is in the
// ledger, which knows all until since.
func settles(p *store.Publication, since time.Time) bool {
	return p.AcceptedAt.Before(since) && p.ConfirmedAt.Before(since)
}

// freed states anew how much of products could be sold twice: less than before.
// Where channels share what there is, the others can have what became free.
func (h *Hub) freed(ctx context.Context, skus []string) error {
	if len(skus) == 0 {
		return nil
	}
	slices.Sort(skus)
	skus = slices.Compact(skus)
	var asking []string
	for id, s := range h.sellersNow() {
		if s.asks {
			asking = append(asking, id)
		}
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.StateExposure(ctx, orderhub.MainWarehouse, skus, asking); err != nil {
			return err
		}
		if !h.strict.Load() {
			return nil
		}
		if err := tx.MarkDirty(ctx, skus); err != nil {
			return err
		}
		return h.ringPlanner(ctx, tx)
	})
}

// settle closes a figure. unread is when the last order came that could not be
// read: what it sold is in no ledger, so nothing is struck off.
func (h *Hub) settle(a *account, l orderhub.Listing, pub *store.Publication, unread time.Time) {
	now, me := h.store.Now(), h.sellersNow()[a.ID]
	pub.Settled, pub.NextAt = true, now.Add(me.every)
	if _, reads := a.adapter.(channel.StockReader); !reads {
		pub.NextAt = now.AddDate(10, 0, 0) // there is nothing to read
	}
	if h.others(l, me) && pub.Confirmed >= 0 {
		pub.Exposure, pub.Checks = pub.Confirmed, 0 // somebody else's figure, on purpose
		return
	}
	counted := pub.Confirmed >= 0 && unread.Before(pub.SentAt)
	raised := pub.Confirmed > pub.Exposure
	lowered := counted && pub.Sent >= 0 && pub.Confirmed < min(pub.Exposure, pub.Sent-pub.Sold)
	if (raised || lowered) && pub.Checks < 2 {
		// A sale of this very second may be on both sides of the look: look again.
		pub.Checks++
		pub.ConfirmedAt, pub.NextAt = now.Add(-me.every), now.Add(max(h.pause(5*time.Second), me.lag))
		return
	}
	pub.Checks = 0
	if pub.State == store.PublicationUncertain && pub.Confirmed >= 0 {
		pub.State, pub.Error, pub.Doubts = store.PublicationConfirmed, "", 0 // now it is known what is shown
	}
	switch {
	case raised:
		h.secondWriter(a, pub, fmt.Sprintf("the channel shows %d, the hub had allowed %d: somebody else writes there", pub.Confirmed, pub.Exposure))
		return
	case lowered:
		h.secondWriter(a, pub, fmt.Sprintf("the channel shows %d where %d are left of what was sent: somebody else writes there, or it holds units back", pub.Confirmed, pub.Sent-pub.Sold))
		return
	case counted:
		pub.Exposure = pub.Confirmed
	}
	// Nothing is to be worked out where it shows what it was told to show.
	if pub.Confirmed != pub.Sent || h.strict.Load() {
		h.workOut(pub)
	}
}

// others reports whether somebody else writes the listing's figure on purpose.
func (h *Hub) others(l orderhub.Listing, me seller) bool {
	return l.Publish.Mode == orderhub.PublishOff || (l.Publish.Mode == orderhub.PublishDefault && me.mode == orderhub.PublishOff)
}

// settleSite is how long a shop without lists is given to deliver its orders.
const settleSite = 30 * time.Second

// sweptSince is from when on sales of the account may be missing in the ledger:
// the start of the oldest of the last sweeps of its fast feeds, of which nothing
// waits in the inbox any more.
func (h *Hub) sweptSince(ctx context.Context, a *account) (time.Time, error) {
	if len(a.channel.Descriptor.Feeds) == 0 {
		return h.store.Now().Add(-h.pause(settleSite)), nil
	}
	waits, err := h.store.PendingRaw(ctx, a.ID, 0, 1)
	if err != nil {
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
		if len(waits) > 0 && !waits[0].ReadAt.After(pos.FinishedAt) {
			return time.Time{}, nil // what that sweep brought is not all in the ledger
		}
		if pos.ConfirmedAt.Before(since) {
			since = pos.ConfirmedAt
		}
	}
	return since, nil
}

// fastFeed is the pause of feeds that show new orders.
const fastFeed = 2 * time.Minute

// sweepSoon asks for the fast feeds to be swept now, but not for one sweep after
// the other: they overlap, and each reads again what the one before it read.
func (h *Hub) sweepSoon(ctx context.Context, a *account) error {
	positions, err := h.store.Feeds(ctx, a.ID)
	if err != nil {
		return err
	}
	at := map[string]store.FeedPosition{}
	for _, p := range positions {
		at[p.Feed] = p
	}
	for _, f := range a.channel.Descriptor.Feeds {
		p := at[f.Name]
		rest := max(h.pause(2*time.Second), min(h.pause(30*time.Second), 3*p.FinishedAt.Sub(p.ConfirmedAt)))
		if f.Every > fastFeed || !p.SweepStartedAt.IsZero() || h.store.Now().Before(p.FinishedAt.Add(rest)) {
			continue // whoever waits for it asks again
		}
		if err := h.store.InTx(ctx, func(tx *store.Tx) error {
			return h.jobs.Ring(ctx, tx, jobs.Lane{Work: jobs.WorkSweep, Account: a.ID, Feed: f.Name})
		}); err != nil {
			return err
		}
	}
	return nil
}
