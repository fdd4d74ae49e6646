package woosim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/orderhub/orderhub/marketsim"
)

// product is a product, or a variation of one.
type product struct {
	id     int64
	parent *product // of a variation
	sku    string
	name   string
	status string
	// varies: it has variations, and no stock of its own.
	varies  bool
	managed bool
	stock   int64
	held    int64 // for unpaid orders; not taken off the stock
}

func (p *product) productID() int64 {
	if p.parent != nil {
		return p.parent.id
	}
	return p.id
}

func (p *product) variationID() int64 {
	if p.parent != nil {
		return p.id
	}
	return 0
}

// Offer puts articles on sale, without stock. Those that differ behind the dash only
// are variations of one product, for two of the invented things.
func (m *Market) Offer(goods []marketsim.Product) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range goods {
		m.article(g.SKU).managed = true
	}
}

// article finds an article, or puts it on sale.
func (m *Market) article(sku string) *product {
	if p := m.bySKU[sku]; p != nil {
		return p
	}
	p := &product{id: m.nextID(), sku: sku, name: marketsim.ProductName(sku), status: "publish"}
	if thing, _, _ := strings.Cut(sku, "-"); thing == "TR" || thing == "KR" {
		parent := m.bySKU[thing]
		if parent == nil {
			parent = &product{id: m.nextID(), sku: thing, name: "Серия " + thing, status: "publish", varies: true}
			m.products[parent.id], m.bySKU[thing] = parent, parent
		}
		p.parent = parent
	}
	m.products[p.id], m.bySKU[sku] = p, p
	return p
}

// OnlyPublished makes Place fail with marketsim.ErrSoldOut beyond the stock.
func (m *Market) OnlyPublished(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onlyPublished = on
}

// Published is what buyers can order.
func (m *Market) Published(sku string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.bySKU[sku]; p != nil && p.managed {
		return max(0, p.stock-p.held)
	}
	return 0
}

func (m *Market) inStock(lines []marketsim.SpecLine) error {
	units := map[string]int64{}
	for _, l := range lines {
		units[l.SKU] += l.Quantity
	}
	for sku, n := range units {
		p := m.article(sku)
		if left := p.stock - p.held; m.onlyPublished && n > left {
			return fmt.Errorf("place: %d of %s, %d left: %w", n, sku, left, marketsim.ErrSoldOut)
		}
	}
	return nil
}

// hold keeps (1) or frees (0) the stock for an unpaid order.
func (m *Market) hold(o *order, keep int64) {
	if o.held == (keep == 1) {
		return
	}
	o.held = keep == 1
	for _, l := range o.spec.Lines {
		m.article(l.SKU).held += (2*keep - 1) * l.Quantity
	}
}

// reduce takes the goods off the stock, once.
func (m *Market) reduce(o *order) { m.take(o, true) }

// restore gives them back on a cancel.
func (m *Market) restore(o *order) {
	m.hold(o, 0)
	m.take(o, false)
}

func (m *Market) take(o *order, off bool) {
	if o.reduced == off {
		return
	}
	o.reduced = off
	for _, l := range o.spec.Lines {
		n := l.Quantity
		if off {
			n = -n
		}
		m.article(l.SKU).stock += n
	}
}

func (m *Market) listProducts(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	parent, inside := m.parentOf(w, r)
	if !inside {
		return
	}
	page, ok := pageOf(w, r)
	if !ok {
		return
	}
	include := idsOf(r, "include")
	var found []*product
	for _, p := range m.products {
		if p.parent == parent && (len(include) == 0 || slices.Contains(include, p.id)) {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b *product) int { return int(a.id - b.id) })
	out := []any{}
	for _, i := range page.cut(len(found), w) {
		out = append(out, found[i].json())
	}
	answer(w, http.StatusOK, out)
}

// parentOf finds the product of a path with variations; nil = the products
// themselves.
func (m *Market) parentOf(w http.ResponseWriter, r *http.Request) (*product, bool) {
	if r.PathValue("id") == "" {
		return nil, true
	}
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	p := m.products[id]
	if p == nil || !p.varies {
		refuse(w, http.StatusNotFound, "woocommerce_rest_product_invalid_id", "Invalid ID.")
		return nil, false
	}
	return p, true
}

func (m *Market) batchProducts(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Update []struct {
			ID          int64  `json:"id"`
			ManageStock *bool  `json:"manage_stock"`
			Quantity    *int64 `json:"stock_quantity"`
		} `json:"update"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "rest_invalid_json", "Invalid JSON body passed.")
		return
	}
	if len(in.Update) > 100 {
		refuse(w, http.StatusRequestEntityTooLarge, "woocommerce_rest_request_entity_too_large", "Unable to accept more than 100 items for this request.")
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	parent, inside := m.parentOf(w, r)
	if !inside {
		return
	}
	out := []any{}
	for _, u := range in.Update {
		p := m.products[u.ID]
		switch {
		case p == nil || p.parent != parent:
			out = append(out, rowError(u.ID, "woocommerce_rest_product_invalid_id", "Invalid ID.", http.StatusBadRequest))
			continue
		case m.opts.Injector.RowFails("product"):
			out = append(out, rowError(u.ID, "product_invalid_sku", "The row failed.", http.StatusBadRequest))
			continue
		}
		if u.ManageStock != nil {
			p.managed = *u.ManageStock
		}
		if u.Quantity != nil && p.managed {
			p.stock = *u.Quantity
		}
		out = append(out, p.json())
	}
	answer(w, http.StatusOK, map[string]any{"update": out})
}

func rowError(id int64, code, message string, status int) any {
	return map[string]any{"id": id, "error": map[string]any{"code": code, "message": message, "data": map[string]any{"status": status}}}
}

func (p *product) json() any {
	out := map[string]any{
		"id": p.id, "name": p.name, "status": p.status, "sku": p.sku, "type": "simple", "manage_stock": p.managed, "stock_quantity": nil,
		"global_unique_id": "", "attributes": []any{}, "meta_data": []any{},
	}
	if p.sku != "" && !p.varies {
		out["global_unique_id"] = marketsim.Barcode(p.sku)
	}
	if p.managed {
		out["stock_quantity"] = p.stock
	}
	switch {
	case p.varies:
		out["type"] = "variable"
	case p.parent != nil:
		out["type"] = "variation"
		out["attributes"] = []any{map[string]any{"id": 1, "name": "Цвет", "option": p.sku}}
	}
	return out
}
