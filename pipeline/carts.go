package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// CartLine is a product in a cart.
type CartLine struct {
	SKU      string
	Quantity int64
}

// Reserve holds goods for a cart of the shop's own site until a time. All of it
// or nothing: a cart that lacks something is refused with the products that lack.
// The same id again gives the same cart a new time limit. With the strict policy
// units that other channels may be selling at this moment are not given away.
func (h *Hub) Reserve(ctx context.Context, accountID, externalID string, lines []CartLine, hold time.Duration, actor orderhub.Actor) (store.Cart, error) {
	a, err := h.account(ctx, accountID)
	if err != nil {
		return store.Cart{}, err
	}
	if a.Channel != siteChannel || a.State != orderhub.AccountActive {
		return store.Cart{}, orderhub.Errorf(orderhub.CodeUnsupported, "account %s: only an active account of a site holds goods for carts", a.ID)
	}
	externalID = clean(externalID)
	var cart store.Cart
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		was, err := tx.LockCart(ctx, a.ID, externalID)
		if err != nil {
			return err
		}
		until := h.store.Now().Add(hold)
		if was != nil {
			cart = *was
			if cart.State != store.CartHeld {
				return orderhub.Errorf(orderhub.CodeConflict, "reservation %s is %s", externalID, cart.State)
			}
			cart.ExpiresAt = until
			return tx.SaveCart(ctx, cart)
		}
		cart = store.Cart{AccountID: a.ID, ExternalID: externalID, State: store.CartHeld, ExpiresAt: until}
		if err := tx.AddCart(ctx, &cart); err != nil {
			return err
		}
		return h.holdFor(ctx, tx, cart, lines, actor)
	})
	return cart, err
}

// holdFor reserves the goods of a new cart.
func (h *Hub) holdFor(ctx context.Context, tx *store.Tx, cart store.Cart, lines []CartLine, actor orderhub.Actor) error {
	o := &orderhub.Order{}
	for _, l := range lines {
		o.Snapshot.Lines = append(o.Snapshot.Lines, orderhub.Line{SKU: l.SKU, ListingKey: l.SKU, Quantity: l.Quantity})
	}
	found, _, err := tx.FindLinks(ctx, cart.AccountID, []*orderhub.Order{o})
	if err != nil {
		return err
	}
	for _, l := range found[0] {
		if l.SKU == "" {
			return orderhub.InvalidField("sku", "there is no product %q", lines[l.Pos].SKU)
		}
	}
	claims, err := h.claims(ctx, tx, []*orderhub.Order{o}, found)
	if err != nil {
		return err
	}
	c := claims[0]
	c.Holder, c.Claim, c.Rank, c.Why = -cart.ID, orderhub.ClaimReserve, h.store.Now().UnixMicro(), "cart "+cart.ExternalID
	short, err := tx.ClaimStock(ctx, orderhub.MainWarehouse, []store.HolderClaim{c}, actor)
	if err != nil {
		return err
	}
	if short[c.Holder] > 0 {
		return orderhub.Errorf(orderhub.CodeConflict, "reservation %s: %s short", cart.ExternalID, plural(int(short[c.Holder]), "unit"))
	}
	return h.keepStrict(ctx, tx, c.Needs)
}

// keepStrict refuses a cart that would take units which other channels show, for
// products with the strict policy.
func (h *Hub) keepStrict(ctx context.Context, tx *store.Tx, needs map[string]int64) error {
	sh, err := tx.LockShelfOf(ctx, orderhub.MainWarehouse, needs)
	if err != nil {
		return err
	}
	offers, _, err := h.offersOf(ctx, tx, sh)
	if err != nil {
		return err
	}
	for sku := range needs {
		strict := false
		for _, o := range offers {
			strict = strict || (o.Takes[sku] > 0 && o.Policy == orderhub.OversellStrict)
		}
		if n := orderhub.ExposureOf(sku, sh.Stock[sku].Available(), offers); strict && n > 0 {
			return orderhub.Errorf(orderhub.CodeConflict, "%s: other channels may sell what is left", sku)
		}
	}
	return nil
}

// Release gives the goods of a cart back.
func (h *Hub) Release(ctx context.Context, accountID, externalID string, actor orderhub.Actor) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		cart, err := tx.LockCart(ctx, accountID, clean(externalID))
		if err != nil {
			return err
		}
		if cart == nil {
			return orderhub.Errorf(orderhub.CodeNotFound, "there is no reservation %q", clean(externalID))
		}
		return endCart(ctx, tx, *cart, store.CartReleased, actor)
	})
}

func endCart(ctx context.Context, tx *store.Tx, cart store.Cart, state store.CartState, actor orderhub.Actor) error {
	if cart.State != store.CartHeld {
		return nil
	}
	cart.State = state
	if err := tx.SaveCart(ctx, cart); err != nil {
		return err
	}
	_, err := tx.ClaimStock(ctx, orderhub.MainWarehouse, []store.HolderClaim{{Holder: -cart.ID, Claim: orderhub.ClaimNone,
		Why: fmt.Sprintf("cart %s %s", cart.ExternalID, state)}}, actor)
	return err
}

// convertCarts hands what carts hold to the orders that they become.
func (h *Hub) convertCarts(ctx context.Context, tx *store.Tx, accountID string, orders []*orderhub.Order) error {
	if orders[0].Channel != siteChannel {
		return nil
	}
	byID := map[string]*orderhub.Order{}
	for _, o := range orders {
		byID[o.Snapshot.ExternalID] = o
	}
	carts, err := tx.CartsOf(ctx, accountID, slices.Sorted(maps.Keys(byID)))
	if err != nil {
		return err
	}
	for _, c := range carts {
		c.State = store.CartConverted
		if err := tx.SaveCart(ctx, c); err != nil {
			return err
		}
		if err := tx.HandOver(ctx, -c.ID, byID[c.ExternalID].ID); err != nil {
			return err
		}
	}
	return nil
}

// expireCarts ends carts whose time is over.
func (h *Hub) expireCarts(ctx context.Context) error {
	for ctx.Err() == nil {
		carts, err := h.store.ExpiredCarts(ctx, 100)
		if err != nil || len(carts) == 0 {
			return err
		}
		for _, c := range carts {
			if err := h.store.InTx(ctx, func(tx *store.Tx) error {
				now, err := tx.LockCart(ctx, c.AccountID, c.ExternalID)
				if err != nil || now == nil || now.ExpiresAt.After(h.store.Now()) {
					return err
				}
				return endCart(ctx, tx, *now, store.CartExpired, orderhub.Actor{Kind: orderhub.ActorHub})
			}); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}
