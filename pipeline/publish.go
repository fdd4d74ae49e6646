package pipeline

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// How long a figure is followed, and how often it is looked at.
const (
	// checksOfFigure is how often a figure is read back before it is sent again.
	checksOfFigure = 4
	duePublish     = 2000
)

// publish drains what an account's channel is to be told about stock: figures
// that were sent are read back, what changed is worked out again, and the new
// figures are sent, decreases first.
func (h *Hub) publish(ctx context.Context, a *account, lease store.Lease) error {
	if _, ok := a.adapter.(channel.StockPusher); !ok {
		return nil
	}
	if err := h.refreshSellers(ctx); err != nil {
		return err
	}
	due, err := h.store.DuePublications(ctx, a.ID, duePublish)
	if err != nil || len(due) == 0 {
		return err
	}
	if err := h.readFigures(ctx, a, due, lease); err != nil {
		return err
	}
	if err := h.planFigures(ctx, due, lease); err != nil {
		return err
	}
	return h.sendFigures(ctx, a, lease)
}

// ringPublishers rings for every account that shows stock: a sale on one changes
// the figures of all.
func (h *Hub) ringPublishers(ctx context.Context, tx *store.Tx) error {
	var ids []string
	h.mu.Lock()
	for id, a := range h.adapters {
		if _, ok := a.adapter.(channel.StockPusher); ok && a.State == orderhub.AccountActive {
			ids = append(ids, id)
		}
	}
	h.mu.Unlock()
	slices.Sort(ids)
	for _, id := range ids {
		if err := h.jobs.Ring(ctx, tx, jobs.Lane{Work: jobs.WorkPublish, Account: id}); err != nil {
			return err
		}
	}
	return nil
}

// offersOf turns a shelf into what the planner looks at. at tells where each
// listing is among the offers.
func (h *Hub) offersOf(ctx context.Context, tx *store.Tx, sh *store.Shelf) (offers []orderhub.Offer, at map[int64]int, err error) {
	policies, err := tx.AccountsStock(ctx)
	if err != nil {
		return nil, nil, err
	}
	standard, err := tx.Oversell(ctx)
	if err != nil {
		return nil, nil, err
	}
	sellers := h.sellersNow()
	at = map[int64]int{}
	for _, l := range sh.Listings {
		pub := sh.Publications[l.ID]
		if pub == nil {
			continue
		}
		p := sh.Products[l.SKU]
		o := orderhub.Offer{
			ListingID: l.ID, Takes: map[string]int64{}, Publish: l.Publish, Policy: p.Oversell, Shown: pub.Sent,
			Exposure: pub.Exposure, Settled: pub.Settled, Asks: sellers[l.AccountID].asks,
		}
		if len(p.Components) == 0 {
			o.Takes[l.SKU] = 1
		}
		for _, c := range p.Components {
			o.Takes[c.SKU] = c.Quantity
			if sh.Products[c.SKU].Oversell == orderhub.OversellStrict {
				o.Policy = orderhub.OversellStrict
			}
		}
		if o.Policy == orderhub.OversellDefault {
			o.Policy = standard
		}
		if o.Publish.Mode == orderhub.PublishDefault {
			buffer := o.Publish.Buffer
			o.Publish = policies[l.AccountID].Publish
			o.Publish.Buffer = max(o.Publish.Buffer, buffer)
		}
		if o.Publish.Mode == orderhub.PublishDefault {
			o.Publish.Mode = orderhub.PublishMirror
		}
		if p.Archived {
			o.Publish = orderhub.Publish{Mode: orderhub.PublishFixed}
		}
		if pub.State == store.PublicationStopped || !l.Live && pub.Sent < 0 {
			o.Publish.Mode = orderhub.PublishOff
		}
		o.Dead = p.Archived || !l.Live || !sellers[l.AccountID].active || pub.State == store.PublicationRejected
		if pub.State == store.PublicationIntent {
			o.Shown = pub.Wanted // on its way
		}
		at[l.ID] = len(offers)
		offers = append(offers, o)
	}
	return offers, at, nil
}

func availableOf(sh *store.Shelf) map[string]int64 {
	out := make(map[string]int64, len(sh.Stock))
	for sku, s := range sh.Stock {
		out[sku] = s.Available()
	}
	return out
}

// planFigures works out the figures of listings whose products changed. It holds
// the figures of the products meanwhile: two accounts never promise the same unit.
func (h *Hub) planFigures(ctx context.Context, due []*store.Publication, lease store.Lease) error {
	var ids []int64
	for _, p := range due {
		if p.Dirty {
			ids = append(ids, p.ListingID)
		}
	}
	slices.Sort(ids)
	for part := range slices.Chunk(ids, 200) {
		if err := h.onShelf(ctx, part, lease, func(tx *store.Tx, sh *store.Shelf, offers []orderhub.Offer, at map[int64]int) ([]*store.Publication, error) {
			var changed []*store.Publication
			available := availableOf(sh)
			for _, id := range part {
				i, ok := at[id]
				if !ok || !sh.Publications[id].Dirty {
					continue
				}
				pub := sh.Publications[id]
				pub.Dirty = false
				if figure, change := orderhub.PlanOffer(available, offers, i); change {
					h.intend(pub, figure)
					offers[i].Shown, offers[i].Exposure, offers[i].Settled = figure, pub.Exposure, false
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

// intend decides on a figure. The channel may sell it from now on, beside what it
// may still sell under the figure before.
func (h *Hub) intend(pub *store.Publication, figure int64) {
	now := h.store.Now()
	if pub.State == store.PublicationIntent && pub.Attempts == 0 {
		pub.Exposure -= min(pub.Exposure, pub.Wanted) // it was never sent
	} else {
		pub.NextAt = now
	}
	pub.State, pub.Wanted, pub.WantedAt = store.PublicationIntent, figure, laterThan(now, pub.WantedAt)
	pub.Exposure += figure
	pub.Settled, pub.Attempts, pub.Checks, pub.Class, pub.Error = false, 0, 0, "", ""
}

// laterThan keeps the times of a listing's figures apart, whatever clocks do.
func laterThan(now, before time.Time) time.Time {
	if now.After(before) {
		return now
	}
	return before.Add(time.Microsecond)
}

// onShelf runs f over the locked shelf of listings, saves what it changed, and
// states how much could be sold twice now.
func (h *Hub) onShelf(ctx context.Context, ids []int64, lease store.Lease,
	f func(tx *store.Tx, sh *store.Shelf, offers []orderhub.Offer, at map[int64]int) ([]*store.Publication, error)) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		sh, err := tx.LockShelf(ctx, orderhub.MainWarehouse, ids)
		if err != nil {
			return err
		}
		offers, at, err := h.offersOf(ctx, tx, sh)
		if err != nil {
			return err
		}
		changed, err := f(tx, sh, offers, at)
		if err != nil || len(changed) == 0 {
			return err
		}
		for _, p := range changed {
			offers[at[p.ListingID]].Exposure = p.Exposure
		}
		exposure := map[string]int64{}
		for sku, s := range sh.Stock {
			if n := orderhub.ExposureOf(sku, s.Available(), offers); n != s.Exposure {
				exposure[sku] = n
			}
		}
		if err := tx.SaveExposure(ctx, orderhub.MainWarehouse, exposure); err != nil {
			return err
		}
		return tx.SavePublications(ctx, changed)
	})
}

// seller is what the planner must know of an account.
type seller struct {
	active, asks bool
	secondWriter string
	// lag is how late at most the channel shows what happened, every how often its
	// figures are looked at.
	lag, every time.Duration
}

// sellersNow are the accounts as they were when refreshSellers looked.
func (h *Hub) sellersNow() map[string]seller {
	if m := h.sellers.Load(); m != nil {
		return *m
	}
	return nil
}

// refreshSellers looks at the accounts. It is done before a transaction, which
// must not ask for a second connection.
func (h *Hub) refreshSellers(ctx context.Context) error {
	accounts, err := h.store.Accounts(ctx, true)
	if err != nil {
		return err
	}
	policies, err := h.store.AccountsStock(ctx)
	if err != nil {
		return err
	}
	times, err := h.store.StockTimes(ctx, h.store.Now().Add(-measuredOver))
	if err != nil {
		return err
	}
	shown, err := h.countShown(ctx)
	if err != nil {
		return err
	}
	out := make(map[string]seller, len(accounts))
	for _, a := range accounts {
		out[a.ID] = seller{
			active: a.State == orderhub.AccountActive, secondWriter: cmp.Or(policies[a.ID].SecondWriter, "overwrite"),
			// A site that makes reservations asks before it sells.
			asks: a.Channel == siteChannel && a.Settings["reserve"] == "yes",
			lag:  h.lagOf(times[a.ID]), every: h.lookEvery(h.channels[a.Channel].Descriptor, shown[a.ID]),
		}
	}
	h.sellers.Store(&out)
	return nil
}

// sendFigures sends what is to be shown, decreases first, in batches of the
// channel's size.
func (h *Hub) sendFigures(ctx context.Context, a *account, lease store.Lease) error {
	due, err := h.store.DuePublications(ctx, a.ID, duePublish)
	if err != nil {
		return err
	}
	now := h.store.Now()
	due = slices.DeleteFunc(due, func(p *store.Publication) bool { return p.State != store.PublicationIntent || p.NextAt.After(now) })
	raise := func(p *store.Publication) bool { return p.Wanted > p.Exposure-p.Wanted }
	slices.SortStableFunc(due, func(x, y *store.Publication) int {
		switch {
		case raise(x) == raise(y):
			return x.NextAt.Compare(y.NextAt)
		case raise(y):
			return -1
		}
		return 1
	})
	since, err := h.sweptSince(ctx, a)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(due, max(1, a.channel.Descriptor.Stock.Batch)) {
		ids := make([]int64, len(part))
		for i, p := range part {
			ids[i] = p.ListingID
		}
		if err := h.sendBatch(ctx, a, ids, since, lease); err != nil {
			return err
		}
	}
	return nil
}

// sendBatch makes one call. That it is about to be made is committed first.
// since is from when on sales of the account may be unknown: with the shared
// policy more is shown only when the newest orders have been read.
func (h *Hub) sendBatch(ctx context.Context, a *account, ids []int64, since time.Time, lease store.Lease) error {
	slices.Sort(ids)
	var figures []channel.StockFigure
	early := false
	if err := h.onShelf(ctx, ids, lease, func(tx *store.Tx, sh *store.Shelf, offers []orderhub.Offer, at map[int64]int) ([]*store.Publication, error) {
		figures, early = nil, false
		var changed []*store.Publication
		for _, l := range sh.Listings {
			pub := sh.Publications[l.ID]
			if _, mine := slices.BinarySearch(ids, l.ID); !mine || pub == nil || pub.State != store.PublicationIntent {
				continue
			}
			now := h.store.Now()
			if next := pub.SentAt.Add(h.pairPause(a)); !pub.SentAt.IsZero() && now.Before(next) {
				pub.NextAt, pub.Class = next, orderhub.ClassRateLimited
				changed = append(changed, pub)
				continue
			}
			raised := pub.Sent >= 0 && pub.Wanted > pub.Sent-pub.Sold
			if raised && offers[at[l.ID]].Policy != orderhub.OversellStrict && !since.After(pub.WantedAt) {
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
	if err := h.onShelf(ctx, ids, lease, func(tx *store.Tx, sh *store.Shelf, _ []orderhub.Offer, _ map[int64]int) ([]*store.Publication, error) {
		if err := tx.SaveCalls(ctx, calls(a.ID, "stock", wire, nil), nil); err != nil {
			return nil, err
		}
		var changed []*store.Publication
		for _, id := range ids {
			pub := sh.Publications[id]
			if pub == nil || pub.State != store.PublicationSent {
				continue // untied meanwhile, or worked out again
			}
			if bisect {
				// Nothing was written: no pause is owed for it.
				pub.State, pub.NextAt, pub.SentAt = store.PublicationIntent, h.store.Now(), time.Time{}
			} else {
				h.figureAnswered(pub, of[id], h.sellersNow()[a.ID].lag)
			}
			changed = append(changed, pub)
		}
		return changed, nil
	}); err != nil || !bisect {
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
		pub.Took = now.Sub(pub.SentAt)
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
