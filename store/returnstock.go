package store

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/orderhub/orderhub"
)

// GoodsBack are units of a product that came back to the warehouse.
type GoodsBack struct {
	Holder int64 // the order that they had left with
	SKU    string
	Units  int64
	// Quarantine: they wait for a decision; else they can be sold again.
	Quarantine bool
	// Shipped is how many units of the product left with the order, where its goods
	// left before the warehouse had a book of them; 0 = they did not.
	Shipped int64
	Why     string
	// Booked is how many were taken into the book: never more than had left.
	Booked int64
}

// TakeBack takes goods into the book, as many of them as have left with their
// orders and did not come back yet. The caller has locked the orders.
func (tx *Tx) TakeBack(ctx context.Context, warehouse string, list []*GoodsBack, actor orderhub.Actor) error {
	r, err := tx.returnBook(ctx, warehouse, list, actor)
	if err != nil {
		return err
	}
	for _, g := range list {
		d := r.demand(g.Holder, g.SKU)
		if _, known := r.known[g.Holder][g.SKU]; !known && g.Shipped > 0 {
			d.Needed, d.Unbacked = g.Shipped, g.Shipped
		}
		if g.Booked = max(0, min(g.Units, d.Consumed+d.Unbacked-d.Returned)); g.Booked == 0 {
			continue
		}
		d.Returned += g.Booked
		r.now[g.Holder][g.SKU] = d
		r.book.move(backMove(g))
	}
	return r.write(ctx)
}

// TakeLoose takes goods into the book of which nobody knows with which order they
// left: a person says that they are here.
func (tx *Tx) TakeLoose(ctx context.Context, warehouse string, list []*GoodsBack, actor orderhub.Actor) error {
	var skus []string
	for _, g := range list {
		skus = append(skus, g.SKU)
	}
	b, err := tx.stockBook(ctx, warehouse, skus, actor)
	if err != nil {
		return err
	}
	for _, g := range list {
		if g.Booked = g.Units; g.Units > 0 {
			b.move(backMove(g))
		}
	}
	return b.write(ctx)
}

// PutAside moves goods of returns from sale into quarantine, as many of them as are
// not sold again. The caller has locked the orders.
func (tx *Tx) PutAside(ctx context.Context, warehouse string, list []*GoodsBack, actor orderhub.Actor) error {
	var skus []string
	for _, g := range list {
		skus = append(skus, g.SKU)
	}
	b, err := tx.stockBook(ctx, warehouse, skus, actor)
	if err != nil {
		return err
	}
	for _, g := range list {
		if g.Booked = max(0, min(g.Units, b.stock[g.SKU].Available())); g.Booked > 0 {
			b.move(orderhub.Move{SKU: g.SKU, Kind: orderhub.MoveQuarantine, Quarantine: g.Booked, Holder: g.Holder, Why: g.Why})
		}
	}
	return b.write(ctx)
}

func backMove(g *GoodsBack) orderhub.Move {
	m := orderhub.Move{SKU: g.SKU, Kind: orderhub.MoveRestock, OnHand: g.Booked, Holder: g.Holder, Why: g.Why}
	if g.Quarantine {
		m.Kind, m.Quarantine = orderhub.MoveQuarantine, g.Booked
	}
	return m
}

// DecideGoods moves units of one product of a return that are in the book: from
// quarantine to resale or write-off, or out of resale. before and after are the
// goods of the return; what comes in with the decision must have left with the
// order; without an order (holder 0) a person's word counts.
func (tx *Tx) DecideGoods(ctx context.Context, warehouse string, holder int64, before, after orderhub.ReturnedGoods, why string, actor orderhub.Actor) error {
	r, err := tx.returnBook(ctx, warehouse, []*GoodsBack{{Holder: holder, SKU: before.SKU}}, actor)
	if err != nil {
		return err
	}
	d := r.demand(holder, before.SKU)
	if more := after.Booked() - before.Booked(); holder != 0 && more > d.Consumed+d.Unbacked-d.Returned {
		return orderhub.InvalidField("quantity", "%d more units of %s are said to have come back; %d left with order %d and %d came back before",
			more, before.SKU, d.Consumed+d.Unbacked, holder, d.Returned)
	}
	if holder != 0 {
		d.Returned += after.Booked() - before.Booked()
		r.now[holder][before.SKU] = d
	}
	quarantine, off := after.Quarantined-before.Quarantined, after.WrittenOff-before.WrittenOff
	m := orderhub.Move{
		SKU: before.SKU, Kind: orderhub.MoveRestock, OnHand: after.Restocked - before.Restocked + quarantine, Quarantine: quarantine,
		Holder: holder, Why: why,
	}
	switch {
	case off > 0:
		m.Kind = orderhub.MoveWriteOff
	case quarantine > 0:
		m.Kind = orderhub.MoveQuarantine
	}
	if s := r.book.stock[before.SKU]; s.Add(m).Available() < 0 || s.Add(m).Quarantine < 0 {
		return orderhub.Errorf(orderhub.CodeConflict, "%s: the units are not there any more (on hand %d, reserved %d, in quarantine %d)",
			before.SKU, s.OnHand, s.Reserved, s.Quarantine)
	}
	r.book.move(m)
	return r.write(ctx)
}

// returnBook is a stockBook with the demands of the orders concerned.
type returnBook struct {
	book       *stockBook
	known, now map[int64]map[string]orderhub.Demand
}

func (tx *Tx) returnBook(ctx context.Context, warehouse string, list []*GoodsBack, actor orderhub.Actor) (*returnBook, error) {
	var skus []string
	var holders []int64
	for _, g := range list {
		skus, holders = append(skus, g.SKU), append(holders, g.Holder)
	}
	b, err := tx.stockBook(ctx, warehouse, skus, actor)
	if err != nil {
		return nil, err
	}
	known, err := tx.demandsOf(ctx, warehouse, holders)
	if err != nil {
		return nil, fmt.Errorf("read what left: %w", err)
	}
	r := &returnBook{book: b, known: known, now: map[int64]map[string]orderhub.Demand{}}
	for _, h := range holders {
		if r.now[h] == nil {
			r.now[h] = map[string]orderhub.Demand{}
		}
	}
	return r, nil
}

// demand is the demand as it is now.
func (r *returnBook) demand(holder int64, sku string) orderhub.Demand {
	if d, ok := r.now[holder][sku]; ok {
		return d
	}
	d, ok := r.known[holder][sku]
	if !ok {
		d = orderhub.Demand{Holder: holder, Warehouse: r.book.warehouse, SKU: sku, Rank: micros(r.book.at)}
	}
	return d
}

func (r *returnBook) write(ctx context.Context) error {
	for _, holder := range slices.Sorted(maps.Keys(r.now)) {
		for _, sku := range slices.Sorted(maps.Keys(r.now[holder])) {
			_, known := r.known[holder][sku]
			r.book.demands, r.book.fresh = append(r.book.demands, r.now[holder][sku]), append(r.book.fresh, !known)
		}
	}
	return r.book.write(ctx)
}
