package yandexsim

import (
	"slices"
	"time"
)

// stock is what the shop says it has. The warehouses of the account are one
// group, so a figure sent for any shop is good for all.
type stock struct {
	count int64
	at    time.Time
}

const groupID int64 = 76001

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
			"id": shop.warehouse, "name": "Склад " + shop.name, "campaignId": shop.id,
			"express": shop.program == programExpress, "groupInfo": map[string]any{"id": groupID, "name": "Общий остаток"},
		}
		if slices.Contains(body.Components, "ADDRESS") {
			w["address"] = map[string]any{"city": "Москва", "street": "Складская", "number": "1", "gps": map[string]any{"latitude": 55.7, "longitude": 37.6}}
		}
		list = append(list, w)
	}
	return okResult(map[string]any{"warehouses": list, "paging": map[string]any{}}), nil
}

// putStocks: PUT /v2/campaigns/{campaignId}/offers/stocks.
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
	if fail := c.decode(&body); fail != nil {
		return nil, fail
	}
	if n := len(body.SKUs); n < 1 || n > 2000 {
		return nil, refuse("skus size must be between 1 and 2000 (rejected size: %d)", n)
	}
	if fail := c.charge(len(body.SKUs)); fail != nil {
		return nil, fail
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	next := map[string]stock{}
	for i, row := range body.SKUs {
		if row.SKU == "" || len(row.Items) != 1 || row.Items[0].Count == nil {
			return nil, refuse("skus[%d] size must be between 1 and 1 (rejected size: %d)", i, len(row.Items))
		}
		s := stock{*row.Items[0].Count, now}
		if t := row.Items[0].UpdatedAt; t != nil {
			s.at = *t
		}
		switch _, twice := next[row.SKU]; {
		case twice:
			return nil, refuse("Duplicate shop-sku %s for warehouse %d", row.SKU, c.shop.warehouse)
		case s.count < 0 || s.count > 2_000_000_000:
			return nil, refuse("skus[%d].items[0].count must be less than or equal to 2000000000 (rejected value: %d)", i, s.count)
		case s.at.After(now):
			return nil, refuse("Stock for %s should not be in the future", row.SKU)
		case now.Sub(s.at) > day:
			return nil, refuse("Stock for %s should not be older than a day", row.SKU)
		}
		next[row.SKU] = s
	}
	for sku, s := range next {
		m.stocks[sku] = s
	}
	return okEmpty(), nil
}

// readStocks: POST /v2/campaigns/{campaignId}/offers/stocks. It reads; whoever
// sends quantities here gets a 200 and changes nothing, as there.
func (m *Market) readStocks(c *call) (any, *apiError) {
	var body struct {
		WarehouseID *int64   `json:"stocksWarehouseId"`
		OfferIDs    []string `json:"offerIds"`
	}
	if len(c.body) > 0 {
		if fail := c.decode(&body); fail != nil {
			return nil, fail
		}
	}
	if body.OfferIDs != nil && (len(body.OfferIDs) < 1 || len(body.OfferIDs) > 500) {
		return nil, refuse("offerIds size must be between 1 and 500 (rejected size: %d)", len(body.OfferIDs))
	}
	limit, fail := c.limit(50, 100)
	if fail != nil {
		return nil, fail
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	mark := fingerprint(c.r.URL.Path, limit, body)
	from, fail := m.openToken(c, mark, now)
	if fail != nil {
		return nil, fail
	}
	var skus []string
	for sku := range m.stocks {
		if allows(body.OfferIDs, sku) {
			skus = append(skus, sku)
		}
	}
	slices.Sort(skus)
	paging, skus := map[string]any{}, skus[min(from, int64(len(skus))):]
	if len(body.OfferIDs) == 0 && len(skus) > limit {
		skus = skus[:limit]
		paging["nextPageToken"] = m.newToken(from+int64(limit), mark, now)
	}
	offers := []any{}
	for _, sku := range skus {
		s := m.stocks[sku]
		offers = append(offers, map[string]any{
			"offerId": sku, "updatedAt": wireTime(s.at),
			"stocks": []any{map[string]any{"type": "FIT", "count": s.count}, map[string]any{"type": "AVAILABLE", "count": s.count}},
		})
	}
	if fail := c.charge(max(1, len(offers))); fail != nil {
		return nil, fail
	}
	warehouses := []any{}
	if len(offers) > 0 && (body.WarehouseID == nil || *body.WarehouseID == c.shop.warehouse) {
		warehouses = append(warehouses, map[string]any{"warehouseId": c.shop.warehouse, "offers": offers})
	}
	return okResult(map[string]any{"warehouses": warehouses, "paging": paging}), nil
}

// Stocks tells what the Market believes the seller has, for tests.
func (m *Market) Stocks() map[string]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]int64{}
	for sku, s := range m.stocks {
		out[sku] = s.count
	}
	return out
}
