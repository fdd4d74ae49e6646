package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// takeBack takes into the book what came back of orders: received, and not
// booked yet. It runs where orders claim their goods, in the same transaction and
// under the same locks, so that it does not matter whether a return or the
// hand-over is seen first, or when a line finds its product.
func (h *Hub) takeBack(ctx context.Context, tx *store.Tx, accountID string, orders []*orderhub.Order, links map[int64][]store.LineLink, kits map[string][]orderhub.Component) ([]orderhub.Event, error) {
	byID, ids := map[int64]*orderhub.Order{}, []int64{}
	for _, o := range orders {
		if o.Headline.HandedOver() || o.Headline == orderhub.StatusCancelled {
			byID[o.ID] = o
			ids = append(ids, o.ID)
		}
	}
	late, err := h.putAside(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	open, err := tx.OpenGoods(ctx, ids)
	if err != nil || len(open) == 0 {
		return late, err
	}
	policy, err := tx.ReturnPolicy(ctx, accountID)
	if err != nil {
		return nil, err
	}
	var list []incoming
	goods := map[*orderhub.Return][]orderhub.ReturnedGoods{}
	for _, r := range open {
		o := byID[r.OrderID]
		if goods[r] = slices.Clone(r.Goods); !slices.ContainsFunc(r.Goods, func(g orderhub.ReturnedGoods) bool { return g.Booked() > 0 }) {
			r.Goods = goodsOf(r, o, links[o.ID], kits)
		} else {
			r.Goods = moreGoods(r.Goods, goodsOf(r, o, links[o.ID], kits))
		}
		list = append(list, comingIn(r, o, policy, shippedOf(o, links[o.ID], kits))...)
	}
	backs := make([]*store.GoodsBack, len(list))
	for i := range list {
		backs[i] = &list[i].GoodsBack
	}
	if err := tx.TakeBack(ctx, orderhub.MainWarehouse, backs, hubActor); err != nil {
		return nil, err
	}
	decisions := booked(list, h.store.Now())
	events, changed := h.taken(open, byID, goods)
	events = append(late, events...)
	if err := tx.SaveReturns(ctx, changed); err != nil {
		return nil, err
	}
	return events, tx.AddDecisions(ctx, decisions)
}

var hubActor = orderhub.Actor{Kind: orderhub.ActorHub}

// incoming are units of one product of a return that are to be booked.
type incoming struct {
	store.GoodsBack
	ret *orderhub.Return
	pos int // in ret.Goods
}

// comingIn lists what of a return is not in the book yet. What is said to be
// faulty is inspected whatever the policy.
func comingIn(r *orderhub.Return, o *orderhub.Order, policy orderhub.ReturnPolicy, shipped map[string]int64) []incoming {
	var out []incoming
	for i, g := range r.Goods {
		if g.SKU == "" || g.Missing() == 0 {
			continue
		}
		out = append(out, incoming{store.GoodsBack{
			Holder: o.ID, SKU: g.SKU, Units: g.Missing(), Shipped: shipped[g.SKU],
			Quarantine: policy == orderhub.ReturnInspect || r.Snapshot.Kind == orderhub.ReturnDefect,
			Why:        fmt.Sprintf("return %s of order %s", r.Snapshot.ExternalID, o.Number()),
		}, r, i})
	}
	return out
}

// putAside takes goods of orders off sale of which it is said that they are faulty
// only after the policy put them there: it does not matter what is heard first. What
// a person decided stays, and so does what is sold already.
func (h *Hub) putAside(ctx context.Context, tx *store.Tx, orders []int64) ([]orderhub.Event, error) {
	returns, err := tx.FaultyOnSale(ctx, orders)
	if err != nil || len(returns) == 0 {
		return nil, err
	}
	var list []incoming
	for _, r := range returns {
		for i, g := range r.Goods {
			if g.Restocked > 0 {
				why := fmt.Sprintf("return %s: said to be faulty when it was on sale", r.Snapshot.ExternalID)
				list = append(list, incoming{store.GoodsBack{Holder: r.OrderID, SKU: g.SKU, Units: g.Restocked, Quarantine: true, Why: why}, r, i})
			}
		}
	}
	backs := make([]*store.GoodsBack, len(list))
	for i := range list {
		backs[i] = &list[i].GoodsBack
	}
	if err := tx.PutAside(ctx, orderhub.MainWarehouse, backs, hubActor); err != nil {
		return nil, err
	}
	aside := map[*orderhub.Return]bool{}
	for _, in := range list {
		in.ret.Goods[in.pos].Restocked -= in.Booked
		aside[in.ret] = aside[in.ret] || in.Booked > 0
	}
	decisions := booked(list, h.store.Now())
	for _, d := range decisions {
		d.Why = "said to be faulty when it was on sale"
	}
	var events []orderhub.Event
	returns = slices.DeleteFunc(returns, func(r *orderhub.Return) bool { return !aside[r] })
	for _, r := range returns {
		state := r.State
		r.Settle()
		ev := h.returnEvent(r, hubActor, returnWhy(state, r)+": put aside, it was said to be faulty when it was on sale")
		events = append(events, ev)
	}
	if err := tx.SaveReturns(ctx, returns); err != nil {
		return nil, err
	}
	return events, tx.AddDecisions(ctx, decisions)
}

// booked writes down what was booked, as the decisions that the policy made.
func booked(list []incoming, now time.Time) []*orderhub.Decision {
	var out []*orderhub.Decision
	for _, in := range list {
		if in.Booked == 0 {
			continue
		}
		d := &orderhub.Decision{
			ReturnID: in.ret.ID, Goods: in.pos, SKU: in.SKU, Decision: orderhub.DecideResell, Quantity: in.Booked, Actor: hubActor, At: now,
			Why: "on receipt, by the account's policy",
		}
		g := &in.ret.Goods[in.pos]
		if in.Quarantine {
			d.Decision, d.Why = orderhub.DecideQuarantine, "on receipt: to be inspected"
			g.Quarantined += in.Booked
		} else {
			g.Restocked += in.Booked
		}
		out = append(out, d)
	}
	return out
}

// taken settles returns whose goods were taken into the book. before are their
// goods as they were; those that changed are to be written.
func (h *Hub) taken(open []*orderhub.Return, orders map[int64]*orderhub.Order, before map[*orderhub.Return][]orderhub.ReturnedGoods) (events []orderhub.Event, changed []*orderhub.Return) {
	for _, r := range open {
		state, why := r.State, r.Discrepancy
		r.Discrepancy = discrepancyOf(r, orders[r.OrderID])
		if r.Settle(); r.State != state {
			events = append(events, orderhub.Event{
				OrderID: r.OrderID, ReturnID: r.ID, At: h.store.Now(), Kind: orderhub.EventReturn, Actor: hubActor, Why: returnWhy(state, r),
				Data: returnData(r, r.Snapshot.Native, r.Snapshot.NativeSub),
			})
		}
		if r.State != state || r.Discrepancy != why || !slices.Equal(before[r], r.Goods) {
			changed = append(changed, r)
		}
	}
	return events, changed
}

// kitsNamed reads what the kits among the products of lines are made of today.
func kitsNamed(ctx context.Context, tx *store.Tx, found map[int64][]store.LineLink, known map[int64]map[int]store.LineLink) (map[string][]orderhub.Component, error) {
	var skus []string
	for id, list := range found {
		for _, l := range list {
			skus = append(skus, l.SKU, known[id][l.Pos].SKU)
		}
	}
	slices.Sort(skus)
	skus = slices.DeleteFunc(slices.Compact(skus), func(sku string) bool { return sku == "" })
	return tx.Kits(ctx, skus)
}

// goodsOf says which products come back with a return.
func goodsOf(r *orderhub.Return, o *orderhub.Order, links []store.LineLink, kits map[string][]orderhub.Component) []orderhub.ReturnedGoods {
	var out []orderhub.ReturnedGoods
	for i, l := range r.Snapshot.Lines {
		came := r.CameOf(i)
		if came == 0 {
			continue
		}
		var link store.LineLink // without a product
		if pos := lineOf(o, l); pos >= 0 && pos < len(links) && !o.Snapshot.ReadOnly && o.CountsGoods() {
			link = links[pos]
		}
		for _, part := range partsOfLink(link, kits) {
			out = append(out, orderhub.ReturnedGoods{Line: i, SKU: part.SKU, Quantity: came * part.Quantity})
		}
	}
	return out
}

// moreGoods adds what came since: all is what of these lines is here. What is there
// keeps its place, decisions name it; only goods of which nothing was known and
// nothing is booked make room for what they are now. Of each product no more is added
// than the lines have together: a channel may split a line after it came.
func moreGoods(have, all []orderhub.ReturnedGoods) []orderhub.ReturnedGoods {
	out := slices.Clone(have)
	lines, more := map[int]bool{}, map[string]int64{}
	for _, g := range all {
		lines[g.Line] = true
		more[g.SKU] += g.Quantity
	}
	for _, g := range out {
		if lines[g.Line] {
			more[g.SKU] -= g.Quantity
		}
	}
	for _, g := range all {
		i := slices.IndexFunc(out, func(x orderhub.ReturnedGoods) bool { return x.Line == g.Line && x.SKU == g.SKU })
		if i < 0 {
			i = slices.IndexFunc(out, func(x orderhub.ReturnedGoods) bool { return x.Line == g.Line && x.SKU == "" && x.Booked() == 0 })
			if n := min(g.Quantity, more[g.SKU]); n > 0 {
				g.Quantity, more[g.SKU] = n, more[g.SKU]-n
				if i < 0 {
					out = append(out, g)
				} else {
					out[i] = g
				}
			}
			continue
		}
		if n := min(g.Quantity-out[i].Quantity, more[g.SKU]); n > 0 {
			out[i].Quantity, more[g.SKU] = out[i].Quantity+n, more[g.SKU]-n
		}
	}
	return out
}

func partsOf(sku string, kits map[string][]orderhub.Component) []orderhub.Component {
	if parts := kits[sku]; len(parts) > 0 {
		return parts
	}
	return []orderhub.Component{{SKU: sku, Quantity: 1}}
}

// lineOf finds the line of an order that a line of a return is about, -1 = none.
// Wildberries names no goods: its orders have one line.
func lineOf(o *orderhub.Order, l orderhub.ReturnLine) int {
	lines := o.Snapshot.Lines
	for _, fits := range []func(orderhub.Line) bool{
		func(x orderhub.Line) bool { return l.ListingKey != "" && x.ListingKey == l.ListingKey },
		func(x orderhub.Line) bool { return l.SKU != "" && x.SKU == l.SKU },
		func(x orderhub.Line) bool { return l.ID != "" && x.ID == l.ID },
	} {
		if i := slices.IndexFunc(lines, fits); i >= 0 {
			return i
		}
	}
	if len(lines) == 1 && l.SKU == "" && l.ListingKey == "" {
		return 0
	}
	return -1
}

// shippedOf is what left with an order whose goods have left.
func shippedOf(o *orderhub.Order, links []store.LineLink, kits map[string][]orderhub.Component) map[string]int64 {
	out := map[string]int64{}
	if orderhub.ClaimOf(o) != orderhub.ClaimConsumed {
		return out
	}
	for _, l := range links {
		if l.SKU == "" {
			continue
		}
		for _, part := range partsOfLink(l, kits) {
			out[part.SKU] += o.Snapshot.Lines[l.Pos].Quantity * part.Quantity
		}
	}
	return out
}

// discrepancyOf says why units of a return are not in the book; "" when all are.
func discrepancyOf(r *orderhub.Return, o *orderhub.Order) string {
	var why []string
	if n := r.Awaited(); n > 0 {
		why = append(why, plural(int(n), "unit")+" still to come")
	} else if n := r.Units() - r.UnitsHere(); n > 0 {
		why = append(why, plural(int(n), "unit")+" did not come")
	}
	for _, g := range r.Goods {
		name := fmt.Sprintf("line %d", g.Line+1)
		switch {
		case g.Missing() == 0:
		case o.Snapshot.ReadOnly || !o.CountsGoods():
			why = append(why, fmt.Sprintf("%s: %s not of this order's own goods", name, plural(int(g.Missing()), "unit")))
		case g.SKU == "":
			why = append(why, name+": no product is known")
		default:
			why = append(why, fmt.Sprintf("%s: %s of %s more than left with order %s", name, plural(int(g.Missing()), "unit"), g.SKU, o.Number()))
		}
	}
	return strings.Join(why, "; ")
}
