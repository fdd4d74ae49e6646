package pipeline

import (
	"context"
	"slices"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// SaveProducts writes products, all of them or none, and lets offers and orders
// that waited for them find them.
func (h *Hub) SaveProducts(ctx context.Context, products []orderhub.Product) error {
	for i := range products {
		if err := products[i].Check(); err != nil {
			return err
		}
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.SaveProducts(ctx, products); err != nil {
			return err
		}
		return h.jobs.Ring(ctx, tx, stockLane)
	})
}

// PostDocument changes stock by a paper: a stocktake, a delivery, a write-off.
func (h *Hub) PostDocument(ctx context.Context, d *store.Document) error {
	if err := h.checkDocument(d); err != nil {
		return err
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error { return h.postDocument(ctx, tx, d) })
}

func (h *Hub) checkDocument(d *store.Document) error {
	if len(d.Lines) == 0 {
		return orderhub.InvalidField("lines", "there are none")
	}
	if d.Warehouse == "" {
		d.Warehouse = orderhub.MainWarehouse
	}
	if d.Warehouse != orderhub.MainWarehouse {
		return orderhub.InvalidField("warehouse", "%q is not known; there is one: %s", clean(d.Warehouse), orderhub.MainWarehouse)
	}
	d.Note, d.Actor = text(d.Note), scrubActor(d.Actor)
	return nil
}

func (h *Hub) postDocument(ctx context.Context, tx *store.Tx, d *store.Document) error {
	if err := tx.PostDocument(ctx, d); err != nil {
		return err
	}
	if err := h.jobs.Ring(ctx, tx, stockLane); err != nil {
		return err
	}
	return h.ringPlanner(ctx, tx)
}

// PostDocumentOnce is PostDocument for a request that may come twice: the second time it
// gives the paper that the first made. An empty key is no key.
func (h *Hub) PostDocumentOnce(ctx context.Context, d *store.Document, key string) error {
	mark, err := once("document", key, d.Actor, []any{d.Kind, d.Warehouse, d.Note, d.Lines})
	if err != nil || mark.Key == "" {
		if err == nil {
			err = h.PostDocument(ctx, d)
		}
		return err
	}
	known := int64(0)
	wanted := *d
	err = twice(func() error {
		return h.store.InTx(ctx, func(tx *store.Tx) error {
			var err error
			if known, err = tx.FindOnce(ctx, mark); err != nil || known != 0 {
				return err
			}
			*d = wanted
			d.Lines = slices.Clone(wanted.Lines)
			if err := h.checkDocument(d); err != nil {
				return err
			}
			if err := h.postDocument(ctx, tx, d); err != nil {
				return err
			}
			return tx.SaveOnce(ctx, mark, d.ID)
		})
	})
	if err == nil && known != 0 {
		*d, err = h.store.Document(ctx, known)
	}
	return err
}

// LinkListing ties a listing to a product on a person's decision, or unties it
// with an empty SKU; the hub does not tie it by itself again. Orders that waited for it get their goods.
func (h *Hub) LinkListing(ctx context.Context, id int64, sku string) (orderhub.Listing, error) {
	if _, err := h.store.Listing(ctx, id); err != nil {
		return orderhub.Listing{}, err
	}
	if sku != "" {
		if _, err := h.store.Product(ctx, sku); err != nil {
			return orderhub.Listing{}, err
		}
	}
	if err := h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := stillSold(ctx, tx, id, sku); err != nil {
			return err
		}
		if err := tx.Link(ctx, sku, orderhub.LinkedByPerson, id); err != nil {
			return err
		}
		return h.ringPlanner(ctx, tx)
	}); err != nil {
		return orderhub.Listing{}, err
	}
	if err := h.heal(ctx); err != nil {
		return orderhub.Listing{}, err
	}
	return h.store.Listing(ctx, id)
}

// stillSold refuses to take a listing from its product while the channel may sell
// units of it: nobody would count them any more.
func stillSold(ctx context.Context, tx *store.Tx, id int64, sku string) error {
	sh, err := tx.LockShelf(ctx, orderhub.MainWarehouse, []int64{id})
	if err != nil {
		return err
	}
	pub := sh.Publications[id]
	i := slices.IndexFunc(sh.Listings, func(l orderhub.Listing) bool { return l.ID == id })
	if pub == nil || i < 0 || sh.Listings[i].SKU == sku || (pub.Exposure == 0 && pub.Settled) || pub.State == store.PublicationNew {
		return nil
	}
	if state, err := tx.AccountState(ctx, pub.AccountID); err != nil || state == orderhub.AccountRemoved {
		return err // nothing can be published there any more: a person knows that it sells nothing
	}
	return orderhub.Errorf(orderhub.CodeRefused, "listing %d: the channel may still sell %s of %s; publish 0 first (mode fixed, value 0) and wait until it is settled",
		id, plural(int(pub.Exposure), "unit"), sh.Listings[i].SKU)
}

// SetPublish sets how much of the stock a listing shows.
func (h *Hub) SetPublish(ctx context.Context, id int64, p orderhub.Publish) (orderhub.Listing, error) {
	if err := p.Check(); err != nil {
		return orderhub.Listing{}, err
	}
	if err := h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.SetPublish(ctx, id, p); err != nil {
			return err
		}
		return h.ringPlanner(ctx, tx)
	}); err != nil {
		return orderhub.Listing{}, err
	}
	return h.store.Listing(ctx, id)
}

// SetAccountStock sets how an account shows stock where its listings say nothing
// of their own.
func (h *Hub) SetAccountStock(ctx context.Context, accountID string, a store.AccountStock) error {
	if err := a.Publish.Check(); err != nil {
		return err
	}
	if !slices.Contains([]string{"", "overwrite", "accept", "stop"}, a.SecondWriter) {
		return orderhub.InvalidField("second_writer", "%q is not known; allowed: overwrite, accept, stop", clean(a.SecondWriter))
	}
	if _, err := h.store.Account(ctx, accountID); err != nil {
		return err
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error { return tx.SetAccountStock(ctx, accountID, a) })
}

// Oversell is the hub's default policy.
func (h *Hub) Oversell(ctx context.Context) (p orderhub.OversellPolicy, err error) {
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		p, err = tx.Oversell(ctx)
		return err
	})
	return p, err
}

// SetOversell sets it.
func (h *Hub) SetOversell(ctx context.Context, p orderhub.OversellPolicy) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error { return tx.SetOversell(ctx, p) })
}

// Requeue moves an order to the head of the queue for goods that are short. An
// order that lacks nothing has no place in it.
func (h *Hub) Requeue(ctx context.Context, number int64, actor orderhub.Actor) error {
	actor = scrubActor(actor)
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		o, err := tx.LockOrder(ctx, number)
		if err != nil {
			return err
		}
		// Before everybody whose place is the time of the order.
		if err := tx.Requeue(ctx, number, -h.store.Now().UnixMicro()); err != nil {
			return err
		}
		demands, err := tx.Demands(ctx, number)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(demands, func(d orderhub.Demand) bool { return d.Short() > 0 }) {
			return orderhub.Errorf(orderhub.CodeRefused, "order %s lacks nothing", o.Number())
		}
		if err := tx.AddEvents(ctx, []orderhub.Event{{
			OrderID: o.ID, At: h.store.Now(), Kind: orderhub.EventHold, Actor: actor, Why: "moved to the head of the queue for short goods",
		}}); err != nil {
			return err
		}
		return h.jobs.Ring(ctx, tx, stockLane)
	})
}

// Explained unfolds the figure of a product.
type Explained struct {
	Product  orderhub.Product
	Stock    []orderhub.Stock // of the product, or of a kit's components
	Moves    []orderhub.Move  // newest first
	Listings []ExplainedListing
	// Available is what can be promised: of a kit, as many as its components make.
	Available int64
	// Policy is the one that counts.
	Policy orderhub.OversellPolicy
	// Times are how long the channels of the listings take to show figures, by
	// account.
	Times map[string]StockFreshness
}

// ExplainedListing is what one listing shows of it.
type ExplainedListing struct {
	Listing     orderhub.Listing
	Publication *store.Publication
}

// ExplainStock unfolds the figure of a product into its moves, and tells what
// each listing wants, was sent and shows.
func (h *Hub) ExplainStock(ctx context.Context, sku string, before int64, limit int) (Explained, error) {
	p, err := h.store.Product(ctx, sku)
	if err != nil {
		return Explained{}, err
	}
	e := Explained{Product: p, Policy: p.Oversell}
	parts := []orderhub.Component{{SKU: sku, Quantity: 1}}
	if len(p.Components) > 0 {
		parts = p.Components
	}
	skus := make([]string, len(parts))
	for i, c := range parts {
		skus[i] = c.SKU
	}
	figures, err := h.store.StockOf(ctx, orderhub.MainWarehouse, skus)
	if err != nil {
		return Explained{}, err
	}
	e.Available = Available(p, figures)
	for _, c := range parts {
		s := figures[c.SKU]
		s.Warehouse, s.SKU = orderhub.MainWarehouse, c.SKU
		e.Stock = append(e.Stock, s)
	}
	if len(p.Components) == 0 {
		if e.Moves, err = h.store.Moves(ctx, orderhub.MainWarehouse, sku, before, limit); err != nil {
			return Explained{}, err
		}
	}
	if e.Policy == orderhub.OversellDefault {
		if e.Policy, err = h.Oversell(ctx); err != nil {
			return Explained{}, err
		}
	}
	return e, h.explainListings(ctx, sku, &e)
}

func (h *Hub) explainListings(ctx context.Context, sku string, e *Explained) error {
	kits, err := h.store.KitsFrom(ctx, sku)
	if err != nil {
		return err
	}
	listings, err := h.store.ListListings(ctx, store.ListingFilter{SKUs: append(kits, sku), Limit: 1000})
	if err != nil {
		return err
	}
	ids := make([]int64, len(listings))
	for i, l := range listings {
		ids[i] = l.ID
	}
	times, err := h.store.StockTimes(ctx, h.store.Now().Add(-measuredOver))
	if err != nil {
		return err
	}
	e.Times = map[string]StockFreshness{}
	for _, l := range listings {
		e.Times[l.AccountID] = StockFreshness{Took: times[l.AccountID], Lag: h.lagOf(times[l.AccountID])}
	}
	shown, err := h.store.PublicationsOf(ctx, ids)
	for _, l := range listings {
		e.Listings = append(e.Listings, ExplainedListing{l, shown[l.ID]})
	}
	return err
}
