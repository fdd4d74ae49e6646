package pipeline

import (
	"context"
	"slices"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// followBatch is how many orders one step of follow looks at.
const followBatch = 200

// follow does what new orders bring along and what needs no hurry: returns that
// came before their orders find them, and an order that only delivers an order of
// the shop's own site is matched to it.
func (h *Hub) follow(ctx context.Context, a *account) error {
	if err := h.matchReturns(ctx, a); err != nil {
		return err
	}
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
	matched, err := h.matched(ctx, o)
	if err != nil || matched == !o.HasHold(orderhub.HoldConflict) {
		return err
	}
	if !matched {
		why := "no order of the site has the delivery " + o.Snapshot.SiteOrderID + " yet"
		if _, err := h.SetHold(ctx, o.ID, orderhub.HoldConflict, true, why, orderhub.Actor{Kind: orderhub.ActorHub}); err != nil {
			return err
		}
		// The site's order may have come just now, and its own look missed the hold.
		if matched, err = h.matched(ctx, o); err != nil || !matched {
			return err
		}
	}
	_, err = h.SetHold(ctx, o.ID, orderhub.HoldConflict, false, "matched to the order of the site", orderhub.Actor{Kind: orderhub.ActorHub})
	return err
}

func (h *Hub) matched(ctx context.Context, o *orderhub.Order) (bool, error) {
	siblings, err := h.store.Group(ctx, o.Snapshot.GroupKey)
	return slices.ContainsFunc(siblings, func(s *orderhub.Order) bool { return s.Channel == siteChannel }), err
}

// liftUnmatched looks again at deliveries that waited for a site's order.
func (h *Hub) liftUnmatched(ctx context.Context) error {
	filter := store.OrderFilter{Hold: orderhub.HoldConflict, Limit: followBatch}
	for {
		waiting, next, err := h.store.ListOrders(ctx, filter)
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
		if filter.Cursor = next; next == "" {
			return nil
		}
	}
}
