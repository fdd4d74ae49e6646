package pipeline

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/onec/cml"
	"github.com/orderhub/orderhub/store"
)

// onecBatch is how many products or offers are written in one transaction.
const onecBatch = 1000

// maxOnecReport is how many bad rows of a file are told one by one.
const maxOnecReport = 100

// OnecGoods reads a file of products, prices or stock. What it says is written
// batch by batch; a file that is read again changes nothing. Bad rows are left
// out and told.
func (h *Hub) OnecGoods(ctx context.Context, n orderhub.OnecNode, name string, file io.Reader, p *orderhub.OnecProgress) ([]orderhub.OnecBadRow, error) {
	defer h.onec.alone("goods", n.ID)()
	r := &onecReader{hub: h, ctx: ctx, node: n, progress: p, paper: store.Document{
		Kind: orderhub.MoveCount, Warehouse: orderhub.MainWarehouse, Actor: n.Actor(), Note: text("1С: " + name),
	}}
	err := cml.Read(file, cml.Handler{
		Product: r.product, Offer: r.offer, List: r.list, PriceType: r.priceType, Bad: r.unreadable,
	})
	if err == nil {
		err = r.flush()
	}
	if err != nil && n.Settings.Stock == orderhub.MasterOnec {
		return r.report, h.brokenOnecList(ctx, n, err)
	}
	if err != nil {
		return r.report, err
	}
	return r.report, h.store.InTx(ctx, func(tx *store.Tx) error { return tx.TouchOnecGoods(ctx, n.ID) })
}

// onecReader takes the rows of a file of goods.
type onecReader struct {
	hub      *Hub
	ctx      context.Context
	node     orderhub.OnecNode
	progress *orderhub.OnecProgress
	report   []orderhub.OnecBadRow
	products []onecRow[cml.Product]
	offers   []onecRow[cml.Offer]
	unread   []string // ids of offers that cannot be read: whatever they say, they are there
	paper    store.Document
	lines    int
}

type onecRow[T any] struct {
	n int64
	v T
}

func (r *onecReader) bad(row int64, id, why string) {
	r.progress.AddBad()
	if len(r.report) < maxOnecReport {
		r.report = append(r.report, orderhub.OnecBadRow{Row: row, ID: clean(id), Why: why})
	}
}

func (r *onecReader) unreadable(kind cml.Kind, id, why string) error {
	r.bad(r.progress.AddRow(), id, why)
	if kind != cml.KindOffers || id == "" {
		return nil
	}
	if r.unread = append(r.unread, id); len(r.unread) < onecBatch {
		return nil
	}
	return r.flush()
}

func (r *onecReader) product(p cml.Product) error {
	r.products = append(r.products, onecRow[cml.Product]{r.progress.AddRow(), p})
	if len(r.products) < onecBatch {
		return nil
	}
	return r.flush()
}

func (r *onecReader) offer(o cml.Offer) error {
	r.offers = append(r.offers, onecRow[cml.Offer]{r.progress.AddRow(), o})
	if len(r.offers) < onecBatch {
		return nil
	}
	return r.flush()
}

func (r *onecReader) list(l cml.List) error {
	if err := r.flush(); err != nil {
		return err
	}
	if l.Kind != cml.KindOffers || l.Changes || r.node.Settings.Stock != orderhub.MasterOnec {
		return nil
	}
	return r.hub.store.InTx(r.ctx, func(tx *store.Tx) error { return tx.BeginOnecFull(r.ctx, r.node.ID) })
}

func (r *onecReader) priceType(t cml.PriceType) error {
	return r.hub.store.InTx(r.ctx, func(tx *store.Tx) error {
		return tx.SaveOnecPriceType(r.ctx, r.node.ID, clean(t.ID), clean(t.Name), clean(t.Currency))
	})
}

// flush writes what was read. Products go first: offers are of them.
func (r *onecReader) flush() error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if len(r.products) > 0 {
		if err := r.writeProducts(); err != nil {
			return err
		}
		r.products = r.products[:0]
	}
	if len(r.offers)+len(r.unread) == 0 {
		return nil
	}
	if err := r.writeOffers(); err != nil {
		return err
	}
	r.offers, r.unread = r.offers[:0], r.unread[:0]
	return nil
}

// onecNames finds the SKUs of 1C's articles.
type onecNames struct {
	byID     map[string]string // 1C's id → SKU, as it is known
	owner    map[string]string // SKU → 1C's id
	products map[string]orderhub.Product
	barcode  map[string]string // of one product alone
}

func (r *onecReader) names(ids, articles, barcodes []string) (n onecNames, err error) {
	if n.byID, err = r.hub.store.OnecSKUs(r.ctx, r.node.ID, ids); err != nil {
		return n, err
	}
	if n.byID == nil {
		n.byID = map[string]string{}
	}
	if _, n.barcode, err = r.hub.store.FindProducts(r.ctx, nil, barcodes); err != nil {
		return n, err
	}
	skus := slices.Clone(articles)
	for _, sku := range n.byID {
		skus = append(skus, sku)
	}
	for _, sku := range n.barcode {
		if sku != "" {
			skus = append(skus, sku)
		}
	}
	slices.Sort(skus)
	skus = slices.Compact(skus)
	if n.owner, err = r.hub.store.OnecIDs(r.ctx, r.node.ID, skus); err != nil {
		return n, err
	}
	if n.owner == nil {
		n.owner = map[string]string{}
	}
	n.products, err = r.hub.productsBySKU(r.ctx, skus)
	return n, err
}

// find gives the SKU of an article, or why there is none. New ones may be made of
// an article that nobody has.
func (n *onecNames) find(id, article string, barcodes []string, create bool) (sku, why string) {
	if sku := n.byID[id]; sku != "" {
		return sku, ""
	}
	for _, b := range barcodes {
		if sku := n.barcode[b]; sku != "" && n.owner[sku] == "" {
			return n.claim(id, sku), ""
		}
	}
	if article == "" {
		return "", "нет артикула, и по штрихкоду товар не найден"
	}
	if err := orderhub.CheckSKU(article); err != nil {
		return "", "артикул не годится: от 1 до 100 байт без управляющих знаков"
	}
	if other := n.owner[article]; other != "" && other != id {
		return "", "артикул " + clean(article) + " уже у товара 1С " + other + "; у характеристик должны быть свои артикулы или штрихкоды"
	}
	if _, there := n.products[article]; !there && !create {
		return "", "в хабе нет товара с артикулом " + clean(article)
	}
	return n.claim(id, article), ""
}

func (n *onecNames) claim(id, sku string) string {
	n.byID[id], n.owner[sku] = sku, id
	return sku
}

func (r *onecReader) writeProducts() error {
	var ids, articles, barcodes []string
	for _, p := range r.products {
		ids, articles, barcodes = append(ids, p.v.ID), append(articles, p.v.SKU), append(barcodes, p.v.Barcodes...)
	}
	names, err := r.names(ids, articles, barcodes)
	if err != nil {
		return err
	}
	master := r.node.Settings.Products == orderhub.MasterOnec
	var goods []store.OnecGoods
	want := map[string]cml.Product{}
	gone := names.forget(r.products)
	for _, g := range gone {
		want[g.SKU] = g.product
	}
	for _, row := range r.products {
		p := row.v
		if p.Service || p.Deleted || len(p.ID) > 200 {
			continue
		}
		sku, why := names.find(p.ID, p.SKU, p.Barcodes, master)
		if why == "" && master {
			q := onto(p, sku, names.products[sku])
			if err := q.Check(); err != nil {
				why = Sentence(err)
			}
		}
		if why != "" {
			r.bad(row.n, p.ID, why)
			continue
		}
		goods = append(goods, store.OnecGoods{ID: p.ID, SKU: sku})
		want[sku] = p
	}
	before, lines := r.paper.ID, r.lines
	return r.hub.inOneTx(r.ctx, func(tx *store.Tx) error {
		r.paper.ID, r.lines = before, lines
		if err := r.dropGone(tx, gone, names.products); err != nil {
			return err
		}
		if master {
			if err := saveOnecProducts(r.ctx, tx, want); err != nil {
				return err
			}
		}
		return tx.SaveOnecGoods(r.ctx, r.node.ID, goods, false)
	})
}

// onto lays what 1C says over a product; what 1C does not know stays.
func onto(p cml.Product, sku string, was orderhub.Product) orderhub.Product {
	was.SKU = sku
	if p.Name != "" {
		was.Name = strings.ToValidUTF8(p.Name[:min(len(p.Name), 1000)], "")
	}
	if p.Unit != "" {
		was.Unit = strings.ToValidUTF8(p.Unit[:min(len(p.Unit), 20)], "")
	}
	if len(p.Barcodes) > 0 {
		was.Barcodes = p.Barcodes
	}
	if p.WeightG > 0 {
		was.WeightG = min(p.WeightG, 10_000_000)
	}
	was.Archived = p.Deleted
	return was
}

func saveOnecProducts(ctx context.Context, tx *store.Tx, want map[string]cml.Product) error {
	skus := make([]string, 0, len(want))
	for sku := range want {
		skus = append(skus, sku)
	}
	slices.Sort(skus)
	have, err := tx.LockProducts(ctx, skus)
	if err != nil {
		return err
	}
	list := make([]orderhub.Product, 0, len(skus))
	for _, sku := range skus {
		was, there := have[sku]
		if p := onto(want[sku], sku, was); !there || !sameProduct(was, p) {
			list = append(list, p)
		}
	}
	return tx.SaveProducts(ctx, list)
}

// unitsOf is the figure that an offer gives, of the warehouses that count. A
// warehouse that is missing where others are named has none.
func (r *onecReader) unitsOf(o cml.Offer) (int64, bool) {
	count := r.node.Settings.Warehouses
	if len(count) == 0 {
		return o.Units, o.HasUnits
	}
	if o.Stock == nil {
		return 0, false
	}
	n := int64(0)
	for _, id := range count {
		n += o.Stock[id]
	}
	return n, true
}

func (r *onecReader) writeOffers() error {
	var articles, barcodes []string
	ids := slices.Clone(r.unread)
	for _, o := range r.offers {
		ids, articles, barcodes = append(ids, o.v.ID), append(articles, o.v.SKU), append(barcodes, o.v.Barcodes...)
	}
	names, err := r.names(ids, articles, barcodes)
	if err != nil {
		return err
	}
	var goods []store.OnecGoods
	var prices []store.OnecPrice
	counts := map[string]int64{}
	for _, id := range r.unread {
		if sku := names.byID[id]; sku != "" {
			goods = append(goods, store.OnecGoods{ID: id, SKU: sku})
		}
	}
	for _, row := range r.offers {
		o := row.v
		sku, why := names.find(o.ID, o.SKU, o.Barcodes, false)
		product, there := names.products[sku]
		units, told := r.unitsOf(o)
		told = told && r.node.Settings.Stock == orderhub.MasterOnec
		switch {
		case why != "":
		case !there:
			why = "в хабе нет товара " + clean(sku)
		case told && len(product.Components) > 0:
			why = "комплект: считают его части, а не его"
		case len(o.ID) > 200:
			why = "Ид длиннее 200 байт"
		}
		if why != "" {
			r.bad(row.n, o.ID, why)
			continue
		}
		goods = append(goods, store.OnecGoods{ID: o.ID, SKU: sku})
		for _, p := range o.Prices {
			prices = append(prices, store.OnecPrice{SKU: sku, Type: clean(p.Type), Price: p.Price})
		}
		if told {
			counts[sku] = units
		}
	}
	before, lines := r.paper.ID, r.lines
	return r.hub.inOneTx(r.ctx, func(tx *store.Tx) error {
		r.paper.ID, r.lines = before, lines
		if err := tx.SaveOnecGoods(r.ctx, r.node.ID, goods, true); err != nil {
			return err
		}
		if err := tx.SaveOnecPrices(r.ctx, r.node.ID, prices); err != nil {
			return err
		}
		return r.count(tx, counts)
	})
}

// count makes the book say what 1C says, as a stocktake does: reserved goods stay
// reserved, those that the count lacks are taken from who came last.
func (r *onecReader) count(tx *store.Tx, counts map[string]int64) error {
	skus := make([]string, 0, len(counts))
	for sku := range counts {
		skus = append(skus, sku)
	}
	slices.Sort(skus)
	book, err := tx.StockNow(r.ctx, orderhub.MainWarehouse, skus)
	if err != nil {
		return err
	}
	var lines []store.DocumentLine
	for _, sku := range skus {
		if s, counted := book[sku]; !counted || s.CountedAt.IsZero() || s.OnHand != counts[sku] {
			lines = append(lines, store.DocumentLine{SKU: sku, Quantity: counts[sku]})
		}
	}
	if len(lines) == 0 {
		return nil
	}
	if r.paper.ID == 0 {
		if err := tx.BeginDocument(r.ctx, &r.paper); err != nil {
			return err
		}
	}
	err = tx.AddLines(r.ctx, &r.paper, r.lines, lines)
	r.lines += len(lines)
	return err
}

// endOnecLists sets to nothing what whole lists did not name.
func (h *Hub) endOnecLists(ctx context.Context) error {
	nodes, err := h.store.OnecNodes(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if n.FullAt.IsZero() || h.store.Now().Sub(n.GoodsAt) < store.OnecQuiet {
			continue
		}
		seen, err := h.store.OnecSeen(ctx, n.ID, n.FullAt)
		if err != nil {
			return err
		}
		if !seen {
			if err := h.giveUpOnecList(ctx, n, "Полный список остатков пришёл пустым; остатки не тронуты."); err != nil {
				return err
			}
			continue
		}
		if err := h.zeroOnec(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (h *Hub) zeroOnec(ctx context.Context, n orderhub.OnecNode) error {
	defer h.onec.alone("goods", n.ID)()
	if n.Settings.Stock == orderhub.MasterOnec {
		for after := ""; ; {
			skus, err := h.store.OnecUnseen(ctx, n.ID, n.FullAt, after, onecBatch)
			if err != nil {
				return err
			}
			if len(skus) == 0 {
				break
			}
			after = skus[len(skus)-1]
			lines := make([]store.DocumentLine, len(skus))
			for i, sku := range skus {
				lines[i].SKU = sku
			}
			if err := h.inOneTx(ctx, func(tx *store.Tx) error {
				return tx.PostDocument(ctx, &store.Document{Kind: orderhub.MoveCount, Warehouse: orderhub.MainWarehouse, Actor: n.Actor(),
					Note: "1С: нет в полном списке", Lines: slices.Clone(lines)})
			}); err != nil {
				return err
			}
		}
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.EndOnecFull(ctx, n.ID, n.FullAt)
		return err
	})
}

// brokenOnecList lets a whole list of which a portion failed set nothing to zero.
func (h *Hub) brokenOnecList(ctx context.Context, n orderhub.OnecNode, cause error) error {
	now, err := h.store.OnecNode(context.WithoutCancel(ctx), n.ID)
	if err != nil || now.FullAt.IsZero() {
		return cause
	}
	why := fmt.Sprintf("Часть полного списка остатков не прочитана (%s); чего в нём нет, не обнулено. Повторите полную выгрузку.", Sentence(cause))
	if err := h.giveUpOnecList(context.WithoutCancel(ctx), now, why); err != nil {
		return err
	}
	return cause
}

func (h *Hub) giveUpOnecList(ctx context.Context, n orderhub.OnecNode, why string) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if ended, err := tx.EndOnecFull(ctx, n.ID, n.FullAt); err != nil || !ended {
			return err
		}
		return tx.AddOnecConflict(ctx, orderhub.OnecConflict{NodeID: n.ID, Field: orderhub.OnecFieldFullList, Why: why}, 0)
	})
}
