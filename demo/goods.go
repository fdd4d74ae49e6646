package demo

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/store"
)

// The goods of a demo with stock: few of them, so that buyers of all channels
// fight for the last ones.
const (
	scarceGoods = 20
	scarceUnits = 12 // of each at the start, give or take
	// deliverEvery is the pause between deliveries to the warehouse.
	deliverEvery = 4 * time.Second
)

// GoodsReport holds what was really sold against what the hub promised.
type GoodsReport struct {
	Policy orderhub.OversellPolicy `json:"policy"`
	// Units there were in all, Sold of them by all markets and not given back;
	// SoldOut counts baskets that came too late.
	Units   int64 `json:"units"`
	Sold    int64 `json:"sold"`
	SoldOut int   `json:"sold_out"`
	// CameBack are those that returns brought, Quarantined those of them that wait
	// for a decision.
	CameBack    int64 `json:"came_back"`
	Quarantined int64 `json:"quarantined"`
	// Oversold are units that were sold and not there, Stated how many the hub had
	// said could be: per article, at the worst moment.
	Oversold map[string]int64 `json:"oversold"`
	Stated   map[string]int64 `json:"stated"`
	// OversoldUnits and StatedUnits add them up.
	OversoldUnits int64 `json:"oversold_units"`
	StatedUnits   int64 `json:"stated_units"`
	// Told is how long it took from a sale to the call that tells a channel the new
	// figure, in seconds: p50, p95, p99. Waited are those that the channel's limits
	// put off.
	Told   [3]float64 `json:"told_seconds"`
	Waited [3]float64 `json:"told_waited_seconds"`
	// Wrong says in words what does not add up.
	Wrong []string `json:"wrong"`
}

// scarce picks the articles of a demo with stock.
func scarce() []marketsim.Product { return marketsim.Catalogue()[:scarceGoods] }

// stockUp makes the products, puts the first units on the shelf and lets the
// markets sell only what the hub publishes.
func (w *world) stockUp(ctx context.Context) error {
	if w.opts.Policy == orderhub.OversellDefault {
		return nil
	}
	w.shelf = marketsim.NewShelf()
	if err := w.hub.SetOversell(ctx, w.opts.Policy); err != nil {
		return err
	}
	if w.opts.goods == nil {
		w.opts.goods = scarce()
	}
	r := rand.New(rand.NewPCG(w.opts.Seed, 3))
	doc := store.Document{Kind: orderhub.MoveCount, Actor: warehouse, Note: "first count"}
	var products []orderhub.Product
	for _, g := range w.opts.goods {
		products = append(products, orderhub.Product{SKU: g.SKU, Name: g.Name, Barcodes: []string{marketsim.Barcode(g.SKU)}})
		n := cmp.Or(w.opts.units, scarceUnits/2+r.Int64N(scarceUnits))
		w.shelf.Put(g.SKU, n)
		doc.Lines = append(doc.Lines, store.DocumentLine{SKU: g.SKU, Quantity: n})
	}
	if err := w.hub.SaveProducts(ctx, products); err != nil {
		return err
	}
	for _, m := range w.sims.Markets() {
		if s, ok := m.(marketsim.Stocked); ok {
			s.Offer(w.opts.goods)
			s.OnlyPublished(true)
		}
	}
	return w.hub.PostDocument(ctx, &doc)
}

var warehouse = orderhub.Actor{Kind: orderhub.ActorUser, Name: "warehouse"}

// deliver brings a few units now and then, until ctx ends.
func (w *world) deliver(ctx context.Context) {
	if w.shelf == nil {
		return
	}
	r := rand.New(rand.NewPCG(w.opts.Seed, 4))
	goods := scarce()
	for {
		wait(ctx, deliverEvery)
		if ctx.Err() != nil {
			return
		}
		doc := store.Document{Kind: orderhub.MoveReceive, Actor: warehouse, Note: "delivery"}
		for _, i := range r.Perm(len(goods))[:3] {
			n := 1 + r.Int64N(5)
			w.shelf.Put(goods[i].SKU, n)
			doc.Lines = append(doc.Lines, store.DocumentLine{SKU: goods[i].SKU, Quantity: n})
		}
		if err := w.hub.PostDocument(ctx, &doc); err != nil && ctx.Err() == nil {
			w.log.Error("a delivery was not taken", "error", err.Error())
		}
	}
}

// compareGoods holds the shelf against the hub's book.
func (w *world) compareGoods(ctx context.Context) (*GoodsReport, error) {
	if w.shelf == nil {
		return nil, nil
	}
	rep := &GoodsReport{Policy: w.opts.Policy, SoldOut: w.traffic.Stats().SoldOut, Oversold: w.shelf.Oversold(), Stated: map[string]int64{}}
	totals, err := w.store.DemandTotals(ctx, orderhub.MainWarehouse)
	if err != nil {
		return nil, err
	}
	units, taken, back := w.shelf.Units(), w.shelf.Taken(), w.shelf.CameBack()
	skus := make([]string, 0, len(units))
	for sku := range units {
		skus = append(skus, sku)
	}
	slices.Sort(skus)
	figures, err := w.store.StockOf(ctx, orderhub.MainWarehouse, skus)
	if err != nil {
		return nil, err
	}
	crossed, err := w.leftThoughCancelled(ctx)
	if err != nil {
		return nil, err
	}
	off, err := w.writtenOff(ctx)
	if err != nil {
		return nil, err
	}
	delays := w.hub.Metrics().StockDelays()
	rep.Told, rep.Waited = quantiles(delays.Free), quantiles(delays.Waited)
	wrong := func(format string, args ...any) { rep.Wrong = append(rep.Wrong, fmt.Sprintf(format, args...)) }
	for _, sku := range skus {
		f, d := figures[sku], totals[sku]
		rep.Units, rep.Sold = rep.Units+units[sku], rep.Sold+taken[sku]
		rep.OversoldUnits += rep.Oversold[sku]
		if f.ExposureMax > 0 {
			rep.Stated[sku] = f.ExposureMax
			rep.StatedUnits += f.ExposureMax
		}
		switch over := rep.Oversold[sku]; {
		case rep.Policy == orderhub.OversellStrict && over > 0:
			wrong("%s: %d units were sold twice", sku, over)
		case over > f.ExposureMax:
			wrong("%s: %d units were sold twice, the hub had stated %d", sku, over, f.ExposureMax)
		}
		if d.Needed-crossed[sku] != taken[sku] {
			wrong("%s: the markets sold %d, the hub's orders need %d", sku, taken[sku], d.Needed-crossed[sku])
		}
		rep.CameBack, rep.Quarantined = rep.CameBack+back[sku], rep.Quarantined+f.Quarantine
		// Units are those that were put there and those that came back.
		if f.OnHand+d.Consumed+off[sku] != units[sku] {
			wrong("%s: %d units there were, %d of them came back; %d are on hand, %d left and %d were written off",
				sku, units[sku], back[sku], f.OnHand, d.Consumed, off[sku])
		}
		if d.Returned != back[sku] {
			wrong("%s: %d units came back, the hub took %d back", sku, back[sku], d.Returned)
		}
		if f.Reserved < d.Reserved || f.Available() < 0 {
			wrong("%s: %d are reserved, the orders have %d of them", sku, f.Reserved, d.Reserved)
		}
	}
	return rep, nil
}

// leftThoughCancelled adds up goods of the shop's orders that the manager had
// handed over when the buyer's cancel arrived: they are gone, whatever the shop's
// books say. Where the shop had heard of the hand-over before the shelf was told of
// the cancel, the shelf knows that too.
func (w *world) leftThoughCancelled(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	filter := store.OrderFilter{Accounts: []string{AccountID("site")}, Statuses: []orderhub.Status{orderhub.StatusCancelled}, Limit: 200}
	for {
		page, next, err := w.store.ListOrders(ctx, filter)
		if err != nil {
			return nil, err
		}
		for _, o := range page {
			demands, err := w.store.DemandsOf(ctx, o.ID)
			if err != nil {
				return nil, err
			}
			for _, d := range demands {
				if w.shelf.GaveBack("site", o.Snapshot.ExternalID) {
					out[d.SKU] += d.Needed
				}
			}
		}
		if filter.Cursor = next; next == "" {
			return out, nil
		}
	}
}

// writtenOff adds up the units of returns that nobody can sell any more.
func (w *world) writtenOff(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	for before := int64(0); ; {
		list, err := w.store.ListReturns(ctx, store.ReturnFilter{Before: before, Limit: 200})
		if err != nil || len(list) == 0 {
			return out, err
		}
		for _, r := range list {
			before = r.ID
			for _, g := range r.Goods {
				out[g.SKU] += g.WrittenOff
			}
		}
	}
}

// quantiles are p50, p95 and p99.
func quantiles(list []float64) (out [3]float64) {
	if len(list) == 0 {
		return out
	}
	slices.Sort(list)
	for i, q := range []float64{0.5, 0.95, 0.99} {
		out[i] = list[min(len(list)-1, int(q*float64(len(list))))]
	}
	return out
}
