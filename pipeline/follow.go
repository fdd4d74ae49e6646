package pipeline

import (
	"context"
	"slices"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// followBatch is how many orders one step of follow looks at.
const followBatch = 200

// follow does what new orders bring along and what needs no hurry: an order
// that only delivers an order of the shop's own site is matched to it.
func (h *Hub) follow(ctx context.Context, a *account) error {
	if a.Channel == siteChannel {
		return h.liftUnmatched(ctx)
	}
	after := int64(0)
	for ctx.Err() == nil {
		orders, err := h.store.ExternalDeliveries(ctx, a.ID, after, followBatch)
		if err != nil || len(orders) == 0 {
			return err
		}
		for _, o := range orders {
			after = o.ID
			if err := h.match(ctx, o); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// match holds a delivery back while the order of the site that it delivers is
// not in the hub, and lets it go when it is. They share the group key.
func (h *Hub) match(ctx context.Context, o *orderhub.Order) error {
	siblings, err := h.store.Group(ctx, o.Snapshot.GroupKey)
	if err != nil {
		return err
	}
	matched := slices.ContainsFunc(siblings, func(s *orderhub.Order) bool { return s.Channel == siteChannel })
	if matched == !o.HasHold(orderhub.HoldConflict) {
		return nil
	}
	why := "no order of the site has the delivery " + o.Snapshot.SiteOrderID + " yet"
	if matched {
		why = "matched to the order of the site"
	}
	_, err = h.SetHold(ctx, o.ID, orderhub.HoldConflict, !matched, why, orderhub.Actor{Kind: orderhub.ActorHub})
	return err
}

// liftUnmatched looks again at deliveries that waited for a site's order.
func (h *Hub) liftUnmatched(ctx context.Context) error {
	waiting, _, err := h.store.ListOrders(ctx, store.OrderFilter{Hold: orderhub.HoldConflict, Limit: followBatch})
	if err != nil {
		return err
	}
	for _, o := range waiting {
		if o.Snapshot.SiteOrderID == "" {
			continue
		}
		if err := h.match(ctx, o); err != nil {
			return err
		}
	}
	return nil
}
