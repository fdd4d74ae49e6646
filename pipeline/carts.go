package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
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
// The same id with the same goods again gives the same cart a new time limit. With the strict policy
// units that other channels may be selling at this moment are not given away.
func (h *Hub) Reserve(ctx context.Context, accountID, externalID string, lines []CartLine, hold time.Duration, actor orderhub.Actor) (store.Cart, error) {
	a, err := h.account(ctx, accountID)
	if err != nil {
		return store.Cart{}, err
	}
	if a.Channel != siteChannel || a.State != orderhub.AccountActive {
		return store.Cart{}, orderhub.Errorf(orderhub.CodeUnsupported, "account %s: only an active account of a site holds goods for carts", a.ID)
	}
	if err := h.refreshSellers(ctx); err != nil {
		return store.Cart{}, err
	}
	cart := store.Cart{AccountID: a.ID, ExternalID: clean(externalID), State: store.CartHeld}
	reserve := func() error {
		return h.store.InTx(ctx, func(tx *store.Tx) error { return h.reserve(ctx, tx, &cart, lines, hold, actor) })
	}
	if err = reserve(); store.IsConflict(err) {
		err = reserve() // another request made the same cart just now
	}
	return cart, err
}

func (h *Hub) reserve(ctx context.Context, tx *store.Tx, cart *store.Cart, lines []CartLine, hold time.Duration, actor orderhub.Actor) error {
	claim, err := h.cartClaim(ctx, tx, cart.AccountID, lines)
	if err != nil {
		return err
	}
	// Orders before carts: accepting an order locks in this order too.
	orders, err := tx.LockOrders(ctx, cart.AccountID, []string{cart.ExternalID})
	if err != nil {
		return err
	}
	was, err := tx.LockCart(ctx, cart.AccountID, cart.ExternalID)
	if err != nil {
		return err
	}
	if o := orders[cart.ExternalID]; o != nil && (was == nil || was.State == store.CartHeld) {
		return orderhub.Errorf(orderhub.CodeConflict, "%s is order %s already, which claims its goods itself", cart.ExternalID, o.Number())
	}
	until := h.store.Now().Add(hold)
	if was == nil {
		cart.ExpiresAt = until
		if err := tx.AddCart(ctx, cart); err != nil {
			return err
		}
		claim.Holder, claim.Rank, claim.Why = -cart.ID, h.store.Now().UnixMicro(), "cart "+cart.ExternalID
		return h.holdFor(ctx, tx, claim, actor)
	}
	if was.State != store.CartHeld {
		return orderhub.Errorf(orderhub.CodeConflict, "reservation %s is %s; a new one needs another id", cart.ExternalID, was.State)
	}
	demands, err := tx.Demands(ctx, -was.ID)
	if err != nil {
		return err
	}
	held := map[string]int64{}
	for _, d := range demands {
		held[d.SKU] = d.Needed
	}
	if !maps.Equal(held, claim.Needs) {
		return orderhub.Errorf(orderhub.CodeConflict, "reservation %s holds other goods; release it and reserve with another id", cart.ExternalID)
	}
	if err := lacking(demands); err != nil {
		return err // a count took goods away since
	}
	*cart = *was
	cart.ExpiresAt, cart.Again = until, true
	return tx.SaveCart(ctx, *cart)
}

// cartClaim is what a cart asks of the warehouse.
func (h *Hub) cartClaim(ctx context.Context, tx *store.Tx, accountID string, lines []CartLine) (store.HolderClaim, error) {
	o := &orderhub.Order{}
	for _, l := range lines {
		o.Snapshot.Lines = append(o.Snapshot.Lines, orderhub.Line{SKU: l.SKU, ListingKey: l.SKU, Quantity: l.Quantity})
	}
	found, _, err := tx.FindLinks(ctx, accountID, []*orderhub.Order{o})
	if err != nil {
		return store.HolderClaim{}, err
	}
	for _, l := range found[0] {
		if l.SKU == "" {
			return store.HolderClaim{}, orderhub.InvalidField(fmt.Sprintf("lines[%d].sku", l.Pos), "there is no product %q", lines[l.Pos].SKU)
		}
	}
	kits, err := kitsNamed(ctx, tx, found, nil)
	if err != nil {
		return store.HolderClaim{}, err
	}
	claims := claimsOf([]*orderhub.Order{o}, found, nil, kits)
	claims[0].Claim = orderhub.ClaimReserve
	return claims[0], nil
}

// holdFor reserves the goods of a new cart.
func (h *Hub) holdFor(ctx context.Context, tx *store.Tx, c store.HolderClaim, actor orderhub.Actor) error {
	short, err := tx.ClaimStock(ctx, orderhub.MainWarehouse, []store.HolderClaim{c}, actor)
	if err != nil {
		return err
	}
	if short[c.Holder] == 0 {
		return h.keepStrict(ctx, tx, c.Needs)
	}
	demands, err := tx.Demands(ctx, c.Holder)
	if err != nil {
		return err
	}
	return lacking(demands)
}

// lacking names the products that a cart lacks; nil when it has all.
func lacking(demands []orderhub.Demand) error {
	var lack []string
	for _, d := range demands {
		if d.Short() > 0 {
			lack = append(lack, fmt.Sprintf("%d of %s of %s", d.Short(), plural(int(d.Needed), "unit"), d.SKU))
		}
	}
	if len(lack) == 0 {
		return nil
	}
	return orderhub.Errorf(orderhub.CodeConflict, "goods are short: %s", enough(lack))
}

// enough writes a list for people, a long one in part.
func enough(list []string) string {
	if n := len(list); n > 10 {
		return strings.Join(list[:10], ", ") + fmt.Sprintf(" and %d more products", n-10)
	}
	return strings.Join(list, ", ")
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
		if cart.State == store.CartConverted {
			return orderhub.Errorf(orderhub.CodeConflict, "reservation %s became an order, which has the goods now", cart.ExternalID)
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

// convertCarts lets the claims of orders take over what the carts hold from which
// they come.
func (h *Hub) convertCarts(ctx context.Context, tx *store.Tx, accountID string, orders []*orderhub.Order, claims []store.HolderClaim) error {
	if orders[0].Channel != siteChannel {
		return nil
	}
	byID := map[string]*store.HolderClaim{}
	for i, o := range orders {
		byID[o.Snapshot.ExternalID] = &claims[i]
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
		byID[c.ExternalID].From = -c.ID
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
