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
func (h *Hub) takeBack(ctx context.Context, tx *store.Tx, accountID string, orders []*orderhub.Order, links map[int64][]store.LineLink) ([]orderhub.Event, error) {
	byID, ids := map[int64]*orderhub.Order{}, []int64{}
	for _, o := range orders {
		if o.Headline.HandedOver() || o.Headline == orderhub.StatusCancelled {
			byID[o.ID] = o
			ids = append(ids, o.ID)
		}
	}
	open, err := tx.OpenGoods(ctx, ids)
	if err != nil || len(open) == 0 {
		return nil, err
	}
	policy, err := tx.ReturnPolicy(ctx, accountID)
	if err != nil {
		return nil, err
	}
	kits, err := h.kitsOf(ctx, tx, links)
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
			r.Goods = moreGoods(r.Goods, goodsOf(r, o, links[o.ID], kits), r.Came != nil)
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

func (h *Hub) kitsOf(ctx context.Context, tx *store.Tx, links map[int64][]store.LineLink) (map[string][]orderhub.Component, error) {
	var skus []string
	for _, list := range links {
		for _, l := range list {
			if l.SKU != "" {
				skus = append(skus, l.SKU)
			}
		}
	}
	slices.Sort(skus)
	return tx.Kits(ctx, slices.Compact(skus))
}

// goodsOf says which products come back with a return.
func goodsOf(r *orderhub.Return, o *orderhub.Order, links []store.LineLink, kits map[string][]orderhub.Component) []orderhub.ReturnedGoods {
	var out []orderhub.ReturnedGoods
	for i, l := range r.Snapshot.Lines {
		came := r.CameOf(i)
		if came == 0 {
			continue
		}
		sku := ""
		if pos := lineOf(o, l); pos >= 0 && pos < len(links) && !o.Snapshot.ReadOnly && o.CountsGoods() {
			sku = links[pos].SKU
		}
		for _, part := range partsOf(sku, kits) {
			out = append(out, orderhub.ReturnedGoods{Line: i, SKU: part.SKU, Quantity: came * part.Quantity})
		}
	}
	return out
}

// moreGoods adds units that came since, and, where a person counts line by line, the
// goods of lines of which nothing had come yet. What is there keeps its place:
// decisions name it.
func moreGoods(have, all []orderhub.ReturnedGoods, lines bool) []orderhub.ReturnedGoods {
	out := slices.Clone(have)
	for _, g := range all {
		i := slices.IndexFunc(out, func(x orderhub.ReturnedGoods) bool { return x.Line == g.Line && x.SKU == g.SKU })
		if i >= 0 {
			out[i].Quantity = max(out[i].Quantity, g.Quantity)
		}
		if lines && !slices.ContainsFunc(have, func(x orderhub.ReturnedGoods) bool { return x.Line == g.Line }) {
			out = append(out, g)
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
		for _, part := range partsOf(l.SKU, kits) {
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
