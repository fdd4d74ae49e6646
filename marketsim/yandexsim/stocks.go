package yandexsim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

// stockKey is one SKU in one place: in the group of all warehouses, or, with
// separate ones, in a warehouse.
type stockKey struct {
	place int64
	sku   string
}

// stock is what can be ordered of an SKU, and what orders hold that have not
// left the seller yet. The seller sets the former only.
type stock struct {
	free, held int64
	at         time.Time
}

const groupID int64 = 76001

// keyOf tells where the shop's stock of an SKU is kept.
func (m *Market) keyOf(shop campaign, sku string) stockKey {
	if m.opts.Separate {
		return stockKey{shop.warehouse, sku}
	}
	return stockKey{groupID, sku}
}

// OnlyPublished makes buyers take only what the seller has published. The
// Market's own warehouse (FBY) is not the seller's to publish for.
func (m *Market) OnlyPublished(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onlyPublished = on
}

// Published is how many units can be ordered now, in all shops of the seller.
func (m *Market) Published(sku string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o := m.goods.bySKU[sku]; o != nil && o.archived {
		return 0
	}
	sum := int64(0)
	for key, s := range m.stocks {
		if key.sku == sku {
			sum += s.free
		}
	}
	return sum
}

// take takes a basket out of the figures, all of it or nothing. Call it with the
// lock held.
func (m *Market) take(shop campaign, lines []marketsim.SpecLine) (map[string]int64, error) {
	if shop.program == programFBY {
		return nil, nil
	}
	wanted := map[string]int64{}
	for _, l := range lines {
		wanted[strings.TrimSpace(l.SKU)] += l.Quantity
	}
	free := map[string]int64{}
	for sku, n := range wanted {
		s, o := m.stocks[m.keyOf(shop, sku)], m.goods.bySKU[sku]
		if s != nil && (o == nil || !o.archived) {
			free[sku] = s.free
		}
		if m.onlyPublished && free[sku] < n {
			return nil, fmt.Errorf("%d of %s, %d left: %w", n, sku, free[sku], marketsim.ErrSoldOut)
		}
	}
	held := map[string]int64{}
	for sku, n := range wanted {
		if n = min(n, free[sku]); n > 0 {
			s := m.stocks[m.keyOf(shop, sku)]
			s.free -= n
			s.held += n
			held[sku] = n
		}
	}
	return held, nil
}

// letGo ends the reserve of an order that was cancelled or whose goods have
// left. What a cancelled order still had can be ordered again; units that the
// seller had struck out of it cannot, he has none. Call it with the lock held.
func (m *Market) letGo(o *order, s *state) {
	if s.status == stUnpaid || s.status == stPending || (s.status == stProcess && s.sub != subShipped) {
		return
	}
	left := countsOf(s.lines)
	for sku, n := range o.held {
		row := m.stocks[m.keyOf(o.shop, sku)]
		row.held -= n
		if s.status == stCancelled && !m.opts.KeepCancelled {
			row.free += min(n, left[sku])
		}
	}
	o.held = nil
}

// listWarehouses: POST /v2/businesses/{businessId}/warehouses.
func (m *Market) listWarehouses(c *call) (any, *apiError) {
	var body struct {
		Components  []string `json:"components"`
		CampaignIDs []int64  `json:"campaignIds"`
	}
	if len(c.body) > 0 {
		if fail := c.decode(&body); fail != nil {
			return nil, fail
		}
	}
	if f := (filter{CampaignIDs: body.CampaignIDs}); f.foreignCampaigns() != "" {
		return nil, forbidden("No access to campaigns: %s", f.foreignCampaigns())
	}
	list := []any{}
	for _, shop := range campaigns {
		if shop.program == programFBY || !allows(body.CampaignIDs, shop.id) {
			continue // the Market's own warehouses are not the seller's
		}
		w := map[string]any{
			"id": shop.warehouse, "name": "Склад " + shop.name, "campaignId": shop.id, "express": shop.program == programExpress,
		}
		if !m.opts.Separate {
			w["groupInfo"] = map[string]any{"id": groupID, "name": "Общий остаток"}
		}
		if slices.Contains(body.Components, "ADDRESS") {
			w["address"] = map[string]any{"city": "Москва", "street": "Складская", "number": "1", "gps": map[string]any{"latitude": 55.7, "longitude": 37.6}}
		}
		list = append(list, w)
	}
	return okResult(map[string]any{"warehouses": list, "paging": map[string]any{}}), nil
}

// figure is one row of either call that sets stock.
type figure struct {
	path  string // of count in the request
	shop  campaign
	sku   string
	count *int64
	at    *time.Time
}

// setStocks takes all figures or none. What a call for the other kind of account
// is told is not documented.
func (m *Market) setStocks(figures []figure) (any, *apiError) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	next := map[stockKey]stock{}
	for _, f := range figures {
		sku := strings.TrimSpace(f.sku)
		key := m.keyOf(f.shop, sku)
		if sku == "" || f.count == nil {
			return nil, refuse("%s must not be null (rejected value: null)", f.path)
		}
		s := stock{free: *f.count, at: now}
		if f.at != nil {
			s.at = *f.at
		}
		switch _, twice := next[key]; {
		case twice:
			return nil, refuse("Duplicate shop-sku %s for warehouse %d", sku, f.shop.warehouse)
		case s.free < 0 || s.free > 2_000_000_000:
			return nil, refuse("%s must be less than or equal to 2000000000 (rejected value: %d)", f.path, s.free)
		case s.at.After(now):
			return nil, refuse("Stock for %s should not be in the future", sku)
		case now.Sub(s.at) > day:
			return nil, refuse("Stock for %s should not be older than a day", sku)
		}
		next[key] = s
	}
	for key, s := range next {
		if old := m.stocks[key]; old != nil {
			s.held = old.held
		}
		m.stocks[key] = &s
	}
	return okEmpty(), nil
}

// putStocks: PUT /v2/campaigns/{campaignId}/offers/stocks (updateStocks).
func (m *Market) putStocks(c *call) (any, *apiError) {
	var body struct {
		SKUs []struct {
			SKU   string `json:"sku"`
			Items []struct {
				Count     *int64     `json:"count"`
				UpdatedAt *time.Time `json:"updatedAt"`
			} `json:"items"`
		} `json:"skus"`
	}
	if m.opts.Separate {
		return nil, refuse("Method is not allowed for business %d without warehouse groups", BusinessID)
	}
	if fail := c.decode(&body); fail != nil {
		return nil, fail
	}
	if n := len(body.SKUs); n < 1 || n > 2000 {
		return nil, refuse("skus size must be between 1 and 2000 (rejected size: %d)", n)
	}
	if fail := c.charge(len(body.SKUs)); fail != nil {
		return nil, fail
	}
	figures := make([]figure, len(body.SKUs))
	for i, row := range body.SKUs {
		if len(row.Items) != 1 {
			return nil, refuse("skus[%d].items size must be between 1 and 1 (rejected size: %d)", i, len(row.Items))
		}
		figures[i] = figure{fmt.Sprintf("skus[%d].items[0].count", i), c.shop, row.SKU, row.Items[0].Count, row.Items[0].UpdatedAt}
	}
	return m.setStocks(figures)
}

// updateStocks: POST /v3/businesses/{businessId}/offers/stocks/update
// (updateStocksOnPartnerWarehouses).
func (m *Market) updateStocks(c *call) (any, *apiError) {
	var body struct {
		Items []struct {
			SKU       string     `json:"sku"`
			Warehouse int64      `json:"partnerWarehouseId"`
			Count     *int64     `json:"count"`
			UpdatedAt *time.Time `json:"updatedAt"`
		} `json:"skuItems"`
	}
	if !m.opts.Separate {
		return nil, refuse("Method is not allowed for business %d with warehouse groups", BusinessID)
	}
	if fail := c.decode(&body); fail != nil {
		return nil, fail
	}
	if n := len(body.Items); n < 1 || n > 2000 {
		return nil, refuse("skuItems size must be between 1 and 2000 (rejected size: %d)", n)
	}
	figures := make([]figure, len(body.Items))
	for i, row := range body.Items {
		shop, ok := shopOfWarehouse(row.Warehouse)
		if !ok {
			return nil, notFound("Warehouse not found: %d", row.Warehouse)
		}
		figures[i] = figure{fmt.Sprintf("skuItems[%d].count", i), shop, row.SKU, row.Count, row.UpdatedAt}
	}
	return m.setStocks(figures)
}

func shopOfWarehouse(id int64) (campaign, bool) {
	for _, c := range campaigns {
		if c.warehouse == id && c.program != programFBY {
			return c, true
		}
	}
	return campaign{}, false
}
