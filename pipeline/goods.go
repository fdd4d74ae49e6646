package pipeline

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// catalogueFeed is the name under which the reading of an account's offers keeps
// its position among the feeds; catalogueEvery the pause between two readings.
const (
	catalogueFeed  = "catalogue"
	catalogueEvery = time.Hour
)

// stockLane is the lane of the warehouse: it belongs to no account.
var stockLane = jobs.Lane{Work: jobs.WorkAllocate, Account: "stock"}

// readCatalogue reads the offers of an account page by page and links those that
// find their product.
func (h *Hub) readCatalogue(ctx context.Context, a *account, lease store.Lease) error {
	reader, ok := a.adapter.(channel.Catalogue)
	if !ok {
		return nil
	}
	pos, err := h.store.Feed(ctx, a.ID, catalogueFeed)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		readAt := h.store.Now()
		if pos.SweepStartedAt.IsZero() {
			pos.SweepStartedAt, pos.Pages, pos.Items = readAt, 0, 0
		}
		recorded, recorder := channel.WithRecorder(ctx)
		page, err := reader.ListListings(recorded, pos.Cursor)
		if err != nil {
			return h.feedFailed(ctx, a, pos, failures(recorder.Take()), err, lease)
		}
		pos.Cursor, pos.Failures, pos.Error, pos.Class = page.Next, 0, "", ""
		pos.Pages++
		pos.Items += int64(len(page.Listings))
		gone := time.Time{}
		if page.Done {
			// Not shown by two whole readings in a row: the offer is not there any more.
			gone = pos.ConfirmedAt
			pos.ConfirmedAt, pos.FinishedAt, pos.SweepStartedAt = pos.SweepStartedAt, h.store.Now(), time.Time{}
			pos.NextAt = pos.FinishedAt.Add(h.pause(catalogueEvery))
		}
		for i := range page.Listings {
			scrubListing(&page.Listings[i])
		}
		if err := h.store.InTx(ctx, func(tx *store.Tx) error {
			if err := tx.Hold(ctx, lease); err != nil {
				return err
			}
			if err := tx.SaveListings(ctx, a.ID, page.Listings, readAt); err != nil {
				return err
			}
			if err := tx.EndListings(ctx, a.ID, gone); err != nil {
				return err
			}
			if err := tx.SetFeed(ctx, pos); err != nil {
				return err
			}
			return h.jobs.Ring(ctx, tx, stockLane)
		}); err != nil || page.Done {
			return err
		}
	}
	return ctx.Err()
}

func scrubListing(l *orderhub.Listing) {
	l.Key, l.Article, l.Name = clean(l.Key), clean(l.Article), text(l.Name)
	for i, b := range l.Barcodes {
		l.Barcodes[i] = oneLine.Replace(clean(b))
	}
	for k, v := range l.Aliases {
		l.Aliases[k] = clean(v)
	}
}

// tendGoods is the work of the warehouse's lane: offers find their products,
// orders that waited for that get their goods, and what became free goes to those
// who wait, the first in the queue first.
func (h *Hub) tendGoods(ctx context.Context, lease store.Lease) error {
	if keeps, err := h.keepsGoods(ctx); err != nil || !keeps {
		return err
	}
	if err := h.offerOnSites(ctx, lease); err != nil {
		return err
	}
	linked, err := h.linkListings(ctx, lease)
	if err != nil {
		return err
	}
	if linked > 500 {
		if err := h.store.Learn(ctx); err != nil {
			return err
		}
	}
	if linked > 0 {
		if err := h.heal(ctx); err != nil {
			return err
		}
	}
	if err := h.expireCarts(ctx); err != nil {
		return err
	}
	if err := h.showShort(ctx); err != nil {
		return err
	}
	return h.allocate(ctx)
}

// offerOnSites offers every product on the shop's own sites, which sell by our
// own SKU and have no catalogue to read.
func (h *Hub) offerOnSites(ctx context.Context, lease store.Lease) error {
	accounts, err := h.store.Accounts(ctx, false)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if a.Channel != siteChannel {
			continue
		}
		if err := h.store.InTx(ctx, func(tx *store.Tx) error {
			if err := tx.Hold(ctx, lease); err != nil {
				return err
			}
			_, err := tx.OfferProducts(ctx, a.ID)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// linkListings links offers that have no product and find one: by a barcode that
// one product alone has, or by their article when it is theirs alone in the
// account (sizes of one model share it on Wildberries).
func (h *Hub) linkListings(ctx context.Context, lease store.Lease) (linked int, err error) {
	after := int64(0)
	for ctx.Err() == nil {
		list, err := h.store.ListListings(ctx, store.ListingFilter{Unmatched: true, After: after, Limit: 500})
		if err != nil || len(list) == 0 {
			return linked, err
		}
		after = list[len(list)-1].ID
		var articles, barcodes []string
		for _, l := range list {
			articles, barcodes = append(articles, l.Article), append(barcodes, l.Barcodes...)
		}
		byArticle, byBarcode, err := h.store.FindProducts(ctx, articles, barcodes)
		if err != nil {
			return linked, err
		}
		shared, err := h.store.SharedArticles(ctx, articles)
		if err != nil {
			return linked, err
		}
		found := 0
		if err := h.store.InTx(ctx, func(tx *store.Tx) error {
			if err := tx.Hold(ctx, lease); err != nil {
				return err
			}
			found = 0
			for _, l := range list {
				if l.LinkedBy == orderhub.LinkedByPerson {
					continue // untied by hand
				}
				sku, by := match(l, byArticle, byBarcode, shared)
				if sku == "" {
					continue
				}
				did, err := tx.LinkFound(ctx, sku, by, l.ID)
				if err != nil {
					return err
				}
				if did {
					found++
				}
			}
			return nil
		}); err != nil {
			return linked, err
		}
		linked += found
	}
	return linked, ctx.Err()
}

// match finds the product of an offer, if there is no doubt.
func match(l orderhub.Listing, byArticle map[string]bool, byBarcode map[string]string, shared map[string]bool) (string, orderhub.LinkedBy) {
	found := map[string]bool{}
	for _, b := range l.Barcodes {
		if sku := byBarcode[b]; sku != "" {
			found[sku] = true
		}
	}
	byOwn := byArticle[l.Article] && !shared[l.AccountID+"\x00"+l.Article]
	switch {
	case len(found) > 1, len(found) == 1 && byOwn && !found[l.Article]:
		return "", "" // they contradict each other: a person decides
	case len(found) == 1:
		for sku := range found {
			return sku, orderhub.LinkedByBarcode
		}
	case byOwn:
		return l.Article, orderhub.LinkedByArticle
	}
	return "", ""
}

// heal lets orders whose lines had no product claim their goods.
func (h *Hub) heal(ctx context.Context) error {
	after := int64(0)
	for ctx.Err() == nil {
		ids, err := h.store.UnmappedOrders(ctx, after, 100)
		if err != nil || len(ids) == 0 {
			return err
		}
		after = ids[len(ids)-1]
		if err := h.reclaim(ctx, ids); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// reclaim lets orders claim their goods again.
func (h *Hub) reclaim(ctx context.Context, ids []int64) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		orders, err := tx.LockOrdersByIDs(ctx, ids)
		if err != nil {
			return err
		}
		byAccount := map[string][]*orderhub.Order{}
		for _, id := range ids {
			if o := orders[id]; o != nil {
				byAccount[o.AccountID] = append(byAccount[o.AccountID], o)
			}
		}
		for _, account := range slices.Sorted(maps.Keys(byAccount)) {
			held, events, err := h.claimGoods(ctx, tx, account, byAccount[account], orderhub.Actor{Kind: orderhub.ActorHub})
			if err != nil {
				return err
			}
			if err := updateHeld(ctx, tx, held, events); err != nil {
				return err
			}
		}
		return nil
	})
}

func updateHeld(ctx context.Context, tx *store.Tx, held []*orderhub.Order, events []orderhub.Event) error {
	changes := make([]store.Change, len(held))
	for i, o := range held {
		changes[i] = store.Change{Order: o}
	}
	if err := tx.UpdateOrders(ctx, changes); err != nil {
		return err
	}
	return tx.AddEvents(ctx, events)
}

// showShort sets the hold of orders from which a count took goods.
func (h *Hub) showShort(ctx context.Context) error {
	for ctx.Err() == nil {
		ids, err := h.store.MissingShortHolds(ctx, orderhub.MainWarehouse, 100)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := h.reclaim(ctx, ids); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// allocate gives what is free to those who wait.
func (h *Hub) allocate(ctx context.Context) error {
	for ctx.Err() == nil {
		holders, err := h.store.ShortHolders(ctx, orderhub.MainWarehouse, 100)
		if err != nil || len(holders) == 0 {
			return err
		}
		var ids []int64
		for _, holder := range holders {
			if holder > 0 {
				ids = append(ids, holder)
			}
		}
		slices.Sort(ids)
		err = h.store.InTx(ctx, func(tx *store.Tx) error {
			orders, err := tx.LockOrdersByIDs(ctx, slices.Compact(ids))
			if err != nil {
				return err
			}
			short, err := tx.Allocate(ctx, orderhub.MainWarehouse, holders, orderhub.Actor{Kind: orderhub.ActorHub})
			if err != nil {
				return err
			}
			var held []*orderhub.Order
			var events []orderhub.Event
			for _, id := range slices.Sorted(maps.Keys(orders)) {
				if h.showHold(orders[id], orderhub.HoldShort, short[id] > 0, plural(int(short[id]), "unit")+" short", &events) {
					held = append(held, orders[id])
				}
			}
			return updateHeld(ctx, tx, held, events)
		})
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}
