package wbsim

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

// ping is GET /ping.
func (m *Market) ping(c *call) *reply {
	return answer(http.StatusOK, map[string]string{"TS": c.now.Format(time.RFC3339), "Status": "OK"})
}

// sellerInfo is GET /api/v1/seller-info.
func (m *Market) sellerInfo(*call) *reply {
	return answer(http.StatusOK, map[string]string{
		"name": "ИП Симулятор", "sid": sellerID, "tin": "000000000000", "tradeMark": "Simulated Shop",
	})
}

type warehouseWire struct {
	ID           int64  `json:"id"`
	Name         string `json:"name"`
	OfficeID     int64  `json:"officeId"`
	CargoType    int    `json:"cargoType"`
	DeliveryType int    `json:"deliveryType"`
	IsDeleting   bool   `json:"isDeleting"`
	IsProcessing bool   `json:"isProcessing"`
}

var warehouses = []warehouseWire{
	{ID: MainWarehouse, Name: "Основной", OfficeID: 15, CargoType: 1, DeliveryType: 1},
	{ID: SecondWarehouse, Name: "Второй", OfficeID: 16, CargoType: 1, DeliveryType: 1},
	{ID: DBSWarehouse, Name: "Своя доставка", OfficeID: 15, CargoType: 1, DeliveryType: 2},
}

func knownWarehouse(id int64) bool { return officeOf(id) != 0 }

// officeOf is the WB office that a warehouse of the seller belongs to.
func officeOf(warehouse int64) int64 {
	for _, w := range warehouses {
		if w.ID == warehouse {
			return w.OfficeID
		}
	}
	return 0
}

// listWarehouses is GET /api/v3/warehouses.
func (m *Market) listWarehouses(*call) *reply { return answer(http.StatusOK, warehouses) }

// stockKey is one figure: stock is kept per warehouse and size.
type stockKey struct {
	warehouse int64
	chrt      int64
}

// maxAmount is the largest stock figure.
const maxAmount = 100_000

type stockRow struct {
	ChrtID int64 `json:"chrtId"`
	Amount int64 `json:"amount"`
}

// putStocks is PUT /api/v3/stocks/{warehouseId}. Names of fields are not
// checked: with wrong ones the answer is 204 and nothing changes. Any chrtId is
// taken as one of the seller's. With a 409 nothing is applied (not documented).
func (m *Market) putStocks(c *call) *reply {
	warehouse, ok := c.pathID("warehouseId")
	if !ok {
		return badParameter()
	}
	if !knownWarehouse(warehouse) {
		return notFound()
	}
	var body struct {
		Stocks json.RawMessage `json:"stocks"`
	}
	if !c.body(&body) {
		return badBody()
	}
	if isUnset(body.Stocks) {
		return noContent()
	}
	var items []map[string]json.RawMessage
	if json.Unmarshal(body.Stocks, &items) != nil {
		return badBody()
	}
	if len(items) == 0 || len(items) > 1000 {
		return badRequest()
	}
	rows, failed := parseStocks(items)
	if failed != nil {
		return failed
	}
	defer c.lock()()
	for _, row := range rows {
		m.setStock(stockKey{warehouse, row.ChrtID}, row.Amount, c.now)
	}
	return noContent()
}

func parseStocks(items []map[string]json.RawMessage) ([]stockRow, *reply) {
	type stockProblem struct {
		Code    string     `json:"code"`
		Message string     `json:"message"`
		Data    []stockRow `json:"data"`
	}
	var rows, over []stockRow
	for _, item := range items {
		if _, dead := item["sku"]; dead {
			return nil, v3Error(http.StatusBadRequest, "SKUUploadDisabled")
		}
		if isUnset(item["chrtId"]) || isUnset(item["amount"]) {
			continue
		}
		var row stockRow
		if json.Unmarshal(item["chrtId"], &row.ChrtID) != nil || json.Unmarshal(item["amount"], &row.Amount) != nil || row.Amount < 0 {
			return nil, badRequest()
		}
		if row.Amount > maxAmount {
			over = append(over, row)
		}
		rows = append(rows, row)
	}
	if len(over) > 0 {
		return nil, answer(http.StatusConflict, []stockProblem{{Code: "UploadDataLimit", Message: "Upload limit exceeded.", Data: over}})
	}
	return rows, nil
}

func (m *Market) setStock(key stockKey, amount int64, now time.Time) {
	h := m.stocks[key]
	if h == nil {
		h = &marketsim.History[int64]{}
		m.stocks[key] = h
	}
	h.Set(now, amount)
}

// takeStock lowers the stock for an order, as Wildberries does by itself, and
// reports an order at zero stock. Stock that was never told is not limited.
func (m *Market) takeStock(o *order, now time.Time) (zero bool) {
	key := stockKey{o.traits.warehouse, o.article.chrtID}
	h := m.stocks[key]
	if h == nil {
		return false
	}
	amount := h.Now()
	if amount <= 0 {
		return true
	}
	m.setStock(key, amount-1, now)
	return false
}

// getStocks is POST /api/v3/stocks/{warehouseId}; sizes without a figure are
// left out.
func (m *Market) getStocks(c *call) *reply {
	warehouse, ok := c.pathID("warehouseId")
	if !ok {
		return badParameter()
	}
	if !knownWarehouse(warehouse) {
		return notFound()
	}
	var body struct {
		ChrtIDs []int64  `json:"chrtIds"`
		SKUs    []string `json:"skus"`
	}
	switch {
	case !c.body(&body):
		return badBody()
	case body.SKUs != nil:
		return v3Error(http.StatusBadRequest, "SKUUploadDisabled")
	case body.ChrtIDs == nil:
		return badBody()
	case len(body.ChrtIDs) > 1000:
		return badRequest()
	}
	t := c.asOf()
	out := []stockRow{}
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, chrt := range body.ChrtIDs {
		h := m.stocks[stockKey{warehouse, chrt}]
		if h == nil {
			continue
		}
		if amount, exists := h.At(t); exists {
			out = append(out, stockRow{ChrtID: chrt, Amount: amount})
		}
	}
	return answer(http.StatusOK, map[string]any{"stocks": out})
}
