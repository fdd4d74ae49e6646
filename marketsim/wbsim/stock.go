package wbsim

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

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
// checked: with wrong ones the answer is 204 and nothing changes. Without a
// catalogue any chrtId is taken as one of the seller's. With a 409 nothing is
// applied (not documented). The fault of failing rows is a warehouse that is being
// changed: there is no answer about single rows.
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
	if m.inject.RowFails("stocks") {
		return answer(http.StatusConflict, []stockProblem{{Code: "StoreIsProcessing", Message: "The store is processing"}})
	}
	defer c.lock()()
	if failed := m.checkStocks(rows); failed != nil {
		return failed
	}
	for _, row := range rows {
		m.setStock(stockKey{warehouse, row.ChrtID}, row.Amount, c.now)
	}
	return noContent()
}

// stockProblem is an element of a 409.
type stockProblem struct {
	Code    string     `json:"code"`
	Message string     `json:"message"`
	Data    []stockRow `json:"data"`
}

// checkStocks refuses figures, naming all that are wrong. The lock must be held.
func (m *Market) checkStocks(rows []stockRow) *reply {
	var over, unknown []stockRow
	for _, row := range rows {
		switch {
		case len(m.cards) > 0 && !m.chrts[row.ChrtID]:
			unknown = append(unknown, row)
		case row.Amount > maxAmount:
			over = append(over, row)
		}
	}
	var problems []stockProblem
	if len(unknown) > 0 {
		problems = append(problems, stockProblem{"NotFound", "Not found", unknown})
	}
	if len(over) > 0 {
		problems = append(problems, stockProblem{"UploadDataLimit", "Upload limit exceeded.", over})
	}
	if problems == nil {
		return nil
	}
	return answer(http.StatusConflict, problems)
}

// parseStocks reads the rows that have both fields; the others change nothing.
func parseStocks(items []map[string]json.RawMessage) ([]stockRow, *reply) {
	var rows []stockRow
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
		rows = append(rows, row)
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
	if m.onlyPublished {
		key.warehouse = MainWarehouse
	}
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
