package yandexsim

import "slices"

// stockFilter is what both calls that read stock have in common.
type stockFilter struct {
	Warehouse *int64   `json:"stocksWarehouseId"`
	Partner   *int64   `json:"partnerWarehouseId"`
	OfferIDs  []string `json:"offerIds"`
}

// readStocks: POST /v2/campaigns/{campaignId}/offers/stocks (getStocks). It
// reads; whoever sends quantities here gets a 200 and changes nothing, as there.
func (m *Market) readStocks(c *call) (any, *apiError) {
	var f stockFilter
	if len(c.body) > 0 {
		if fail := c.decode(&f); fail != nil {
			return nil, fail
		}
	}
	if m.opts.Separate && c.shop.program != programFBY {
		return nil, refuse("Method is not allowed for business %d without warehouse groups", BusinessID)
	}
	offers, paging, fail := m.stockPage(c, c.shop, f)
	if fail != nil {
		return nil, fail
	}
	if fail := c.charge(max(1, len(offers))); fail != nil {
		return nil, fail
	}
	warehouses := []any{}
	if len(offers) > 0 && (f.Warehouse == nil || *f.Warehouse == c.shop.warehouse) {
		warehouses = append(warehouses, map[string]any{"warehouseId": c.shop.warehouse, "offers": offers})
	}
	return okResult(map[string]any{"warehouses": warehouses, "paging": paging}), nil
}

// readWarehouse: POST /v3/businesses/{businessId}/offers/stocks
// (getStocksOnPartnerWarehouses).
func (m *Market) readWarehouse(c *call) (any, *apiError) {
	if !m.opts.Separate {
		return nil, refuse("Method is not allowed for business %d with warehouse groups", BusinessID)
	}
	var f stockFilter
	if fail := c.decode(&f); fail != nil {
		return nil, fail
	}
	if f.Partner == nil {
		return nil, refuse("partnerWarehouseId must not be null (rejected value: null)")
	}
	shop, ok := shopOfWarehouse(*f.Partner)
	if !ok {
		return nil, notFound("Warehouse not found: %d", *f.Partner)
	}
	offers, paging, fail := m.stockPage(c, shop, f)
	if fail != nil {
		return nil, fail
	}
	return okResult(map[string]any{"partnerWarehouseId": shop.warehouse, "offers": offers, "paging": paging}), nil
}

// stockPage lists what the seller has sent for a shop's warehouse. An SKU that
// he never sent is not named.
func (m *Market) stockPage(c *call, shop campaign, f stockFilter) (offers []any, paging map[string]any, fail *apiError) {
	if f.OfferIDs != nil && (len(f.OfferIDs) < 1 || len(f.OfferIDs) > 500) {
		return nil, nil, refuse("offerIds size must be between 1 and 500 (rejected size: %d)", len(f.OfferIDs))
	}
	limit, fail := c.limit(100)
	if fail != nil {
		return nil, nil, fail
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	mark := fingerprint(c.r.URL.Path, limit, f)
	from, fail := m.openToken(c, mark, now)
	if fail != nil {
		return nil, nil, fail
	}
	var skus []string
	if place := m.keyOf(shop, "").place; len(f.OfferIDs) > 0 {
		skus = f.OfferIDs
	} else {
		for key := range m.stocks {
			if key.place == place {
				skus = append(skus, key.sku)
			}
		}
	}
	skus = slices.Clone(skus)
	slices.Sort(skus)
	skus = slices.Compact(skus)
	paging, skus = map[string]any{}, skus[min(from, int64(len(skus))):]
	if len(f.OfferIDs) == 0 && len(skus) > limit {
		skus = skus[:limit]
		paging["nextPageToken"] = m.newToken(from+int64(limit), mark, now)
	}
	offers = []any{}
	for _, sku := range skus {
		if s := m.stocks[m.keyOf(shop, sku)]; s != nil {
			offers = append(offers, stockDTO(sku, s))
		}
	}
	return offers, paging, nil
}

func stockDTO(sku string, s *stock) map[string]any {
	types := []any{map[string]any{"type": "FIT", "count": s.free + s.held}}
	if s.held > 0 {
		types = append(types, map[string]any{"type": "FREEZE", "count": s.held})
	}
	types = append(types, map[string]any{"type": "AVAILABLE", "count": s.free})
	return map[string]any{"offerId": sku, "updatedAt": wireTime(s.at), "stocks": types}
}
