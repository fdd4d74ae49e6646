package pipeline

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

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
			Exposure: pub.Exposure, Settled: pub.Settled, Asks: sellers[l.AccountID].asks, Unknown: l.Live && pub.State == store.PublicationNew && sellers[l.AccountID].active,
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

// planAtOnce is how many listings are worked out in one transaction.
const planAtOnce = 400

// planFigures works out the figures of listings whose products changed, those of
// all accounts at once, and rings for the accounts that are to be told. It holds
// the figures of the products meanwhile: the same unit is never promised twice.
func (h *Hub) planFigures(ctx context.Context, lease store.Lease) error {
	for ctx.Err() == nil {
		ids, err := h.store.DirtyPublications(ctx, planAtOnce)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := h.refreshSellers(ctx); err != nil {
			return err
		}
		if err := h.onShelf(ctx, ids, lease, func(tx *store.Tx, sh *store.Shelf, offers []orderhub.Offer, at map[int64]int) ([]*store.Publication, error) {
			var changed []*store.Publication
			tell := map[string]bool{}
			available := availableOf(sh)
			sellers := h.sellersNow()
			groups, where := orderhub.Related(offers)
			done := map[int64]bool{}
			for _, l := range sh.Listings {
				pub := sh.Publications[l.ID]
				if pub == nil || !pub.Dirty {
					continue
				}
				pub.Dirty, done[l.ID] = false, true
				changed = append(changed, pub)
				if !sellers[l.AccountID].active || pub.State == store.PublicationNew {
					continue // marked again when the account is at work, and when it was read
				}
				in := where[at[l.ID]]
				group, i := groups[in.Number], in.Place
				if figure, change := orderhub.PlanOffer(available, group, i); change {
					h.intend(pub, figure)
					pub.AfterOrders = group[i].Policy != orderhub.OversellStrict
					group[i].Shown, group[i].Exposure, group[i].Settled = figure, pub.Exposure, false
					tell[l.AccountID] = true
				}
			}
			// Untied since: there is no product to work it out from.
			if left := slices.DeleteFunc(slices.Clone(ids), func(id int64) bool { return done[id] }); len(left) > 0 {
				if err := tx.ForgetDirty(ctx, left); err != nil {
					return nil, err
				}
			}
			return changed, h.ringPublishers(ctx, tx, tell)
		}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// planLane is the lane in which figures are worked out, for all accounts.
var planLane = jobs.Lane{Work: jobs.WorkPlan, Account: "stock"}

// ringPlanner asks for figures to be worked out: stock changed.
func (h *Hub) ringPlanner(ctx context.Context, tx *store.Tx) error {
	return h.jobs.Ring(ctx, tx, planLane)
}

func (h *Hub) ringPublishers(ctx context.Context, tx *store.Tx, accounts map[string]bool) error {
	for _, id := range slices.Sorted(maps.Keys(accounts)) {
		if err := h.jobs.Ring(ctx, tx, jobs.Lane{Work: jobs.WorkPublish, Account: id}); err != nil {
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
		exposure := orderhub.Exposures(availableOf(sh), offers)
		maps.DeleteFunc(exposure, func(sku string, n int64) bool { return n == sh.Stock[sku].Exposure })
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
	mode         orderhub.PublishMode // of listings that say nothing of their own
	// lag is how late at most the channel shows what happened, every how often its
	// figures are looked at.
	lag, every time.Duration
}

// onFigures runs f over listings and what they show, locked without the goods
// behind them, and saves what it changed.
func (h *Hub) onFigures(ctx context.Context, ids []int64, lease store.Lease,
	f func(tx *store.Tx, listings []orderhub.Listing, pubs map[int64]*store.Publication) ([]*store.Publication, error)) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		listings, pubs, err := tx.LockPublications(ctx, ids)
		if err != nil {
			return err
		}
		changed, err := f(tx, listings, pubs)
		if err != nil || len(changed) == 0 {
			return err
		}
		return tx.SavePublications(ctx, changed)
	})
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
			active: a.State == orderhub.AccountActive, mode: policies[a.ID].Publish.Mode, secondWriter: cmp.Or(policies[a.ID].SecondWriter, "overwrite"),
			// A site that makes reservations asks before it sells.
			asks: a.Channel == siteChannel && a.Settings["reserve"] == "yes",
			lag:  h.lagOf(times[a.ID]), every: h.lookEvery(h.channels[a.Channel].Descriptor, shown[a.ID]),
		}
	}
	h.sellers.Store(&out)
	strict, err := h.store.SomeStrict(ctx)
	h.strict.Store(strict)
	return err
}
