package ozonsim

import (
	"sort"
	"time"
)

type stockKey struct {
	offer     string
	warehouse int64
}

// stock is what the seller last said is free for sale, less what was ordered
// since. Ozon keeps the reserve apart: present = free + reserved.
type stock struct {
	free  int64
	setAt time.Time
}

type stocksRequest struct {
	Stocks []struct {
		OfferID     string `json:"offer_id"`
		ProductID   num    `json:"product_id"`
		Stock       *num   `json:"stock"`
		WarehouseID num    `json:"warehouse_id"`
	} `json:"stocks"`
}

type stocksResponse struct {
	Result []stockRow `json:"result"`
}

type stockRow struct {
	Errors      []stockError `json:"errors"`
	OfferID     string       `json:"offer_id"`
	ProductID   int64        `json:"product_id"`
	Updated     bool         `json:"updated"`
	WarehouseID int64        `json:"warehouse_id"`
}

type stockError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// setStocks is /v2/products/stocks: rows fail one by one inside a 200 answer.
// An article that was never seen is taken to be on sale.
func (m *Market) setStocks(now time.Time, req stocksRequest) (any, *apiError) {
	if n := len(req.Stocks); n == 0 || n > 100 {
		return nil, invalid("invalid ProductsStocksRequest.Stocks: value must contain between 1 and 100 items")
	}
	for i, s := range req.Stocks {
		if s.WarehouseID == 0 || s.Stock == nil {
			return nil, invalid("invalid ProductsStocksRequest.Stocks[%d]: embedded message failed validation", i)
		}
	}
	answer := stocksResponse{}
	for _, s := range req.Stocks {
		offer := s.OfferID // wins over product_id
		if offer == "" {
			offer = m.goods.byProduct[int64(s.ProductID)]
		}
		res := stockRow{Errors: []stockError{}, OfferID: offer, ProductID: int64(s.ProductID), WarehouseID: int64(s.WarehouseID)}
		if e := m.setStock(now, offer, int64(s.WarehouseID), int64(*s.Stock)); e != nil {
			res.Errors = append(res.Errors, *e)
		} else {
			res.ProductID, res.Updated = m.goods.get(offer).id, true
		}
		answer.Result = append(answer.Result, res)
	}
	return answer, nil
}

func (m *Market) setStock(now time.Time, offer string, warehouse, free int64) *stockError {
	key := stockKey{offer, warehouse}
	old := m.stocks[key]
	switch {
	case offer == "":
		return &stockError{"NOT_FOUND_ERROR", "product is not found"}
	case warehouse != warehouseFBS.id && warehouse != warehouseRFBS.id:
		return &stockError{"WAREHOUSE_NOT_FOUND", "warehouse is not found"}
	case m.goods.archived(offer):
		return &stockError{"PRODUCT_IS_ARCHIVED", "product is archived"}
	case free < 0 || free >= 1_000_000:
		return &stockError{"STOCK_TOO_BIG", "stock is out of range"}
	case old != nil && now.Sub(old.setAt) < m.quotas.pause:
		return &stockError{"TOO_MANY_REQUESTS", "Stock is updated too frequently"}
	case m.inject.RowFails("stocks"):
		return &stockError{"INTERNAL_ERROR", internalErrorOfRow}
	}
	m.stocks[key] = &stock{free: free, setAt: now}
	return nil
}

// sell takes ordered goods out of the free stock. A cancelled order does not
// bring them back: the seller tells the new figure.
func (m *Market) sell(p *posting, lines []line) {
	for _, l := range lines {
		if s := m.stocks[stockKey{l.offer, p.warehouse().id}]; s != nil {
			s.free = max(0, s.free-l.quantity)
		}
	}
}

// FreeStock is what Ozon would sell of an article from a warehouse; ok is false
// when the seller never told.
func (m *Market) FreeStock(offer string, warehouse int64) (free int64, ok bool) {
	m.enter()
	defer m.mu.Unlock()
	s := m.stocks[stockKey{offer, warehouse}]
	if s == nil {
		return 0, false
	}
	return s.free, true
}

type stocksByWarehouseRequest struct {
	Cursor  string   `json:"cursor"`
	Limit   num      `json:"limit"`
	OfferID []string `json:"offer_id"`
	SKU     []num    `json:"sku"`
}

type stocksByWarehouseResponse struct {
	Cursor   string        `json:"cursor"`
	HasNext  bool          `json:"has_next"`
	Products []stockOfItem `json:"products"`
}

type stockOfItem struct {
	Free          int64  `json:"free_stock"`
	OfferID       string `json:"offer_id"`
	Present       int64  `json:"present"`
	ProductID     int64  `json:"product_id"`
	Reserved      int64  `json:"reserved"`
	SKU           int64  `json:"sku"`
	WarehouseID   int64  `json:"warehouse_id"`
	WarehouseName string `json:"warehouse_name"`
}

// getStocks is /v2/product/info/stocks-by-warehouse/fbs.
func (m *Market) getStocks(_ time.Time, req stocksByWarehouseRequest) (any, *apiError) {
	switch {
	case req.Limit < 1 || req.Limit > 1000:
		return nil, invalid("invalid Limit: value must be inside range [1, 1000]")
	case len(req.OfferID) > 1000 || len(req.SKU) > 1000 || (len(req.OfferID) > 0) == (len(req.SKU) > 0):
		return nil, invalid("either offer_id or sku must be specified, no more than 1000 item(s)")
	}
	asked := map[string]bool{}
	for _, offer := range req.OfferID {
		asked[offer] = true
	}
	for _, sku := range req.SKU {
		asked[m.goods.bySKU[int64(sku)]] = true
	}
	reserved := m.reserved(asked)
	rows := []stockOfItem{}
	for offer := range asked {
		for _, w := range []warehouse{warehouseFBS, warehouseRFBS} {
			if s := m.stocks[stockKey{offer, w.id}]; s != nil {
				p, held := m.goods.get(offer), reserved[stockKey{offer, w.id}]
				rows = append(rows, stockOfItem{s.free, offer, s.free + held, p.id, held, p.sku, w.id, w.name})
			}
		}
	}
	key := func(r stockOfItem) string { return r.OfferID + "\t" + r.WarehouseName }
	sort.Slice(rows, func(i, j int) bool { return key(rows[i]) < key(rows[j]) })
	start := sort.Search(len(rows), func(i int) bool { return key(rows[i]) > req.Cursor })
	if req.Cursor == "" {
		start = 0
	}
	answer := stocksByWarehouseResponse{Products: rows[start:]}
	if len(answer.Products) > int(req.Limit) {
		answer.Products, answer.HasNext = answer.Products[:req.Limit], true
		answer.Cursor = key(answer.Products[req.Limit-1])
	}
	return answer, nil
}

// reserved sums what open postings that are not yet handed over hold.
func (m *Market) reserved(asked map[string]bool) map[stockKey]int64 {
	out := map[stockKey]int64{}
	for _, e := range m.open.list {
		st := e.p.hist.Now() // not a copy: there may be many
		if !unfulfilled(st.status) || st.status == delivering || st.status == driverPickup || st.status == clientArbitration {
			continue
		}
		for _, l := range st.lines {
			if asked[l.offer] {
				out[stockKey{l.offer, e.p.warehouse().id}] += l.quantity
			}
		}
	}
	return out
}
