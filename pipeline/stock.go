package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// keepsGoods tells whether the shop keeps its goods in the hub: as long as there
// is no product, orders have no links and no holds for want of one.
func (h *Hub) keepsGoods(ctx context.Context) (bool, error) {
	if h.goods.Load() {
		return true, nil
	}
	has, err := h.store.HasProducts(ctx)
	if err == nil && has {
		h.goods.Store(true)
	}
	return has, err
}

// claimGoods brings the stock in line with orders of one account that are new or
// changed: lines find their products, goods are reserved, released or taken off.
// It runs in the transaction that changes the orders, which are locked and have
// their numbers, and sets the holds unmapped and short on them. The orders whose
// holds it changed come back, with events: they are still to be written.
func (h *Hub) claimGoods(ctx context.Context, tx *store.Tx, accountID string, orders []*orderhub.Order, actor orderhub.Actor) (held []*orderhub.Order, events []orderhub.Event, err error) {
	if len(orders) == 0 {
		return nil, nil, nil
	}
	found, known, err := tx.FindLinks(ctx, accountID, orders)
	if err != nil {
		return nil, nil, err
	}
	kits, err := kitsNamed(ctx, tx, found, known)
	if err != nil {
		return nil, nil, err
	}
	if err := keepWhatLeft(ctx, tx, orders, found, known, kits); err != nil {
		return nil, nil, err
	}
	restores := h.channels[orders[0].Channel].Descriptor.Stock.Restores
	links, sold := newLinks(orders, restores, found, known)
	claims := claimsOf(orders, found, known, kits)
	if err := h.convertCarts(ctx, tx, accountID, orders, claims); err != nil {
		return nil, nil, err
	}
	short, err := tx.ClaimStock(ctx, orderhub.MainWarehouse, claims, actor)
	if err != nil {
		return nil, nil, err
	}
	// After the figures of the products are locked: planners read these under the
	// same lock.
	if err := tx.SaveLinks(ctx, links); err != nil {
		return nil, nil, err
	}
	if err := tx.Sold(ctx, sold); err != nil {
		return nil, nil, err
	}
	back, err := h.takeBack(ctx, tx, accountID, orders, found, kits)
	if err != nil {
		return nil, nil, err
	}
	events = append(events, back...)
	for _, o := range orders {
		unmapped := slices.ContainsFunc(found[o.ID], func(l store.LineLink) bool { return l.SKU == "" && o.Snapshot.Lines[l.Pos].Quantity > 0 })
		unmapped = unmapped && orderhub.ClaimOf(o) == orderhub.ClaimReserve
		changed := h.showHold(o, orderhub.HoldUnmapped, unmapped, "a line has no product", &events)
		if h.showHold(o, orderhub.HoldShort, short[o.ID] > 0, plural(int(short[o.ID]), "unit")+" short", &events) || changed {
			held = append(held, o)
		}
	}
	return held, events, nil
}

// showHold sets or lifts a hold of the warehouse and tells whether it changed.
func (h *Hub) showHold(o *orderhub.Order, hold orderhub.Hold, on bool, why string, events *[]orderhub.Event) bool {
	if !setHold(o, hold, on) {
		return false
	}
	text := "lifted " + string(hold)
	if on {
		text = "set " + string(hold) + ": " + why
	}
	*events = append(*events, orderhub.Event{OrderID: o.ID, At: h.store.Now(), Kind: orderhub.EventHold, Actor: orderhub.Actor{Kind: orderhub.ActorHub},
		Why: text, Data: holdData(hold, on)})
	return true
}

// newLinks are the links of lines to write, and what was sold on which listing
// that was not counted yet. A line for which the catalogue has nothing any more
// keeps the product that it had.
//
// restores tells that the channel raises its own figure when an order is
// cancelled or has fewer units: what was sold is unsold then. An order that was
// split is not cancelled, and its parts were sold when it was.
func newLinks(orders []*orderhub.Order, restores bool, found map[int64][]store.LineLink, known map[int64]map[int]store.LineLink) (links []store.LineLink, sold []store.Sale) {
	for _, o := range orders {
		counted, units := map[int64]int64{}, map[int64]int64{}
		for _, was := range known[o.ID] {
			counted[was.ListingID] += was.Counted
		}
		for _, l := range found[o.ID] {
			units[l.ListingID] += o.Snapshot.Lines[l.Pos].Quantity
		}
		for i := range found[o.ID] {
			l := &found[o.ID][i]
			n, gone := units[l.ListingID], orderhub.ClaimOf(o) == orderhub.ClaimNone
			switch {
			case l.ListingID == 0 || n < 0:
			case gone && restores && o.CountsGoods() && counted[l.ListingID] > 0:
				sold = append(sold, store.Sale{ListingID: l.ListingID, Units: -counted[l.ListingID], PlacedAt: o.Snapshot.PlacedAt})
				units[l.ListingID] = -1
			case gone:
				l.Counted, units[l.ListingID] = counted[l.ListingID], -1
			default:
				more := n - counted[l.ListingID]
				if !restores {
					more = max(0, more)
				}
				if more < 0 || (more > 0 && o.Snapshot.ParentID == "") {
					sold = append(sold, store.Sale{ListingID: l.ListingID, Units: more, PlacedAt: o.Snapshot.PlacedAt})
				}
				// The first line of a listing carries the count of all.
				l.Counted, units[l.ListingID] = counted[l.ListingID]+more, -1
			}
			if was, ok := known[o.ID][l.Pos]; !ok || was != *l {
				links = append(links, *l)
			}
		}
		gone, back := goneLines(o, restores, counted, units, known[o.ID])
		links, sold = append(links, gone...), append(sold, back...)
	}
	return links, sold
}

// goneLines are the links of lines that an order has no more, to be counted no
// more, and what that gives back to listings that no line names now.
func goneLines(o *orderhub.Order, restores bool, counted, units map[int64]int64, known map[int]store.LineLink) (links []store.LineLink, back []store.Sale) {
	for _, pos := range slices.Sorted(maps.Keys(known)) {
		if l := known[pos]; pos >= len(o.Snapshot.Lines) && l.Counted != 0 {
			l.Counted = 0
			links = append(links, l)
		}
	}
	if !restores || !o.CountsGoods() {
		return links, nil
	}
	for _, id := range slices.Sorted(maps.Keys(counted)) {
		if _, still := units[id]; !still && counted[id] > 0 {
			back = append(back, store.Sale{ListingID: id, Units: -counted[id], PlacedAt: o.Snapshot.PlacedAt})
		}
	}
	return links, back
}

// claimsOf is what the orders ask of the warehouse, kits taken apart and demand
// added up per product. known are the links as they were until now.
//
// A kit whose components are changed takes nothing from the orders that are open:
// they keep what they have until there is news of them, and claim the new
// components then. Those whose goods have left stay as they are.
func claimsOf(orders []*orderhub.Order, links map[int64][]store.LineLink, known map[int64]map[int]store.LineLink, kits map[string][]orderhub.Component) []store.HolderClaim {
	out := make([]store.HolderClaim, 0, len(orders))
	for _, o := range orders {
		c := store.HolderClaim{
			Holder: o.ID, Claim: orderhub.ClaimOf(o), Rank: o.Snapshot.PlacedAt.UnixMicro(),
			Needs: map[string]int64{}, Late: map[string]int64{},
			Why: fmt.Sprintf("order %s is %s", o.Number(), o.Headline),
		}
		for _, l := range links[o.ID] {
			n := o.Snapshot.Lines[l.Pos].Quantity
			if l.SKU == "" || n <= 0 {
				continue
			}
			was, had := known[o.ID][l.Pos]
			for _, part := range partsOf(l.SKU, kits) {
				c.Needs[part.SKU] += n * part.Quantity
				if had && was.SKU == "" {
					c.Late[part.SKU] += n * part.Quantity
				}
			}
		}
		out = append(out, c)
	}
	return out
}
