package wbsim

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
)

// dbsOrder is schema OrderDBS; dbsNewOrder (OrderNewDBS) has more.
type dbsOrder struct {
	ID                    int64     `json:"id"`
	RID                   string    `json:"rid"`
	OrderUID              string    `json:"orderUid"`
	GroupID               string    `json:"groupId"`
	CreatedAt             time.Time `json:"createdAt"`
	DeliveryType          string    `json:"deliveryType"`
	WarehouseID           int64     `json:"warehouseId"`
	NmID                  int64     `json:"nmId"`
	ChrtID                int64     `json:"chrtId"`
	Article               string    `json:"article"`
	SKUs                  []string  `json:"skus"`
	ColorCode             string    `json:"colorCode"`
	Price                 int64     `json:"price"`
	FinalPrice            int64     `json:"finalPrice"`
	ConvertedPrice        int64     `json:"convertedPrice"`
	ConvertedFinalPrice   int64     `json:"convertedFinalPrice"`
	CurrencyCode          int       `json:"currencyCode"`
	ConvertedCurrencyCode int       `json:"convertedCurrencyCode"`
	CargoType             int       `json:"cargoType"`
	Comment               string    `json:"comment"`
	IsZeroOrder           bool      `json:"isZeroOrder"`
	Address               address   `json:"address"`
	Options               dbsOption `json:"options"`
}

type dbsNewOrder struct {
	dbsOrder
	SalePrice    int64    `json:"salePrice"`
	RequiredMeta []string `json:"requiredMeta"`
}

type dbsOption struct {
	IsB2b bool `json:"isB2b"`
}

type address struct {
	FullAddress string  `json:"fullAddress"`
	Longitude   float64 `json:"longitude"`
	Latitude    float64 `json:"latitude"`
}

func (o *order) wireDBS() dbsOrder {
	h := hashOf(o.uid)
	return dbsOrder{
		ID: o.id, RID: o.rid, OrderUID: o.uid, GroupID: o.groupID, CreatedAt: o.placed, DeliveryType: "dbs",
		WarehouseID: o.traits.warehouse, NmID: o.article.nmID, ChrtID: o.article.chrtID, Article: o.article.name,
		SKUs: []string{o.article.barcode}, Price: o.price, FinalPrice: o.finalPrice(), ConvertedPrice: o.price,
		ConvertedFinalPrice: o.finalPrice(), CurrencyCode: rub, ConvertedCurrencyCode: rub, CargoType: o.traits.cargoType,
		Comment: o.comment, IsZeroOrder: o.zero,
		Address: address{
			FullAddress: fmt.Sprintf("г. Симбирск, ул. Учебная, д. %d, кв. %d", 1+h%90, 1+h/90%200),
			Longitude:   48.4, Latitude: 54.3,
		},
	}
}

// dbsNew is GET /api/v3/dbs/orders/new.
func (m *Market) dbsNew(c *call) *reply {
	t := c.asOf()
	m.mu.RLock()
	list := m.dbs.newAt(t)
	m.mu.RUnlock()
	out := make([]dbsNewOrder, 0, len(list))
	for _, o := range list {
		out = append(out, dbsNewOrder{dbsOrder: o.wireDBS(), SalePrice: o.salePrice(), RequiredMeta: texts(o.required)})
	}
	return answer(http.StatusOK, map[string]any{"orders": out})
}

// dbsList is GET /api/v3/dbs/orders: only orders that are sold or cancelled. An
// order in work that was not saved from the list of new ones is in no list.
func (m *Market) dbsList(c *call) *reply {
	limit, next, ok := c.page()
	from, to, ok2 := c.period(true)
	if !ok || !ok2 {
		return badParameter()
	}
	t := c.asOf()
	m.mu.RLock()
	list := m.dbs.page(next, limit, from, to, func(o *order) bool {
		st, exists := o.hist.At(t)
		return exists && st.isFinished()
	})
	m.mu.RUnlock()
	out := make([]dbsOrder, 0, len(list))
	for _, o := range list {
		out = append(out, o.wireDBS())
	}
	return answer(http.StatusOK, map[string]any{"orders": out, "next": nextOf(list, func(o *order) int64 { return o.id })})
}

type dbsIDsBody struct {
	OrdersIDs []int64 `json:"ordersIds"`
}

// maxBatch is the most orders that one DBS batch call takes.
const maxBatch = 1000

type rowError struct {
	Code        int          `json:"code"`
	Detail      string       `json:"detail"`
	MetaDetails []metaDetail `json:"metaDetails,omitempty"`
}

type dbsStatusRow struct {
	OrderID        int64          `json:"orderId"`
	SupplierStatus supplierStatus `json:"supplierStatus"`
	WbStatus       wbStatus       `json:"wbStatus"`
	Errors         []rowError     `json:"errors"`
}

// dbsInfo is POST /api/marketplace/v3/dbs/orders/status/info.
func (m *Market) dbsInfo(c *call) *reply {
	var body dbsIDsBody
	if !c.body(&body) || body.OrdersIDs == nil || len(body.OrdersIDs) > maxBatch {
		return m.batchError(http.StatusBadRequest, "IncorrectRequest")
	}
	t := c.asOf()
	out := make([]dbsStatusRow, 0, len(body.OrdersIDs))
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, id := range body.OrdersIDs {
		row := dbsStatusRow{OrderID: id, Errors: []rowError{}}
		var st state
		exists := false
		if o := m.order(id, orderhub.SchemeDBS); o != nil {
			st, exists = o.hist.At(t)
		}
		if exists {
			row.SupplierStatus, row.WbStatus = st.supplier, st.wb
		} else {
			row.Errors = append(row.Errors, rowError{Code: http.StatusNotFound, Detail: "NotFound"})
		}
		out = append(out, row)
	}
	return answer(http.StatusOK, map[string]any{"orders": out})
}

// dbsStep is one of the status/{name} calls.
type dbsStep struct {
	name string
	from []supplierStatus
	to   supplierStatus
	wb   wbStatus
	// code: the buyer's code is sent along.
	code     bool
	headline orderhub.Status
}

var dbsSteps = []dbsStep{
	{"confirm", []supplierStatus{supplierNew}, supplierConfirm, wbWaiting, false, orderhub.StatusConfirmed},
	{"deliver", []supplierStatus{supplierConfirm}, supplierDeliver, wbWaiting, false, orderhub.StatusShipped},
	{"receive", []supplierStatus{supplierDeliver}, supplierReceive, wbSold, true, orderhub.StatusDelivered},
	{"reject", []supplierStatus{supplierDeliver}, supplierReject, wbRefused, true, orderhub.StatusCancelled},
	{"cancel", []supplierStatus{supplierNew, supplierConfirm}, supplierCancel, wbCanceled, false, orderhub.StatusCancelled},
}

type dbsTarget struct {
	OrderID int64  `json:"orderId"`
	Code    string `json:"code"`
}

type dbsResult struct {
	OrderID int64      `json:"orderId"`
	IsError bool       `json:"isError"`
	Errors  []rowError `json:"errors,omitempty"`
}

// dbsChange is POST /api/marketplace/v3/dbs/orders/status/{step}: HTTP 200 with
// a result per order.
func (m *Market) dbsChange(c *call, step dbsStep) *reply {
	targets, ok := step.targets(c)
	if !ok {
		return m.batchError(http.StatusBadRequest, "IncorrectRequest")
	}
	defer c.lock()()
	results := make([]dbsResult, 0, len(targets))
	for _, target := range targets {
		results = append(results, resultOf(target.OrderID, m.dbsApply(target, step, c.now)))
	}
	return m.batch(results)
}

func resultOf(id int64, failed *rowError) dbsResult {
	if failed == nil {
		return dbsResult{OrderID: id}
	}
	return dbsResult{OrderID: id, IsError: true, Errors: []rowError{*failed}}
}

func (m *Market) batch(results []dbsResult) *reply {
	return answer(http.StatusOK, map[string]any{"requestId": m.requestID(), "results": results})
}

// targets reads the two forms of bodies: {"ordersIds":[...]} and, with codes,
// {"orders":[{"orderId":1,"code":"..."}]}.
func (s dbsStep) targets(c *call) ([]dbsTarget, bool) {
	if s.code {
		var body struct {
			Orders []dbsTarget `json:"orders"`
		}
		ok := c.body(&body) && len(body.Orders) > 0 && len(body.Orders) <= maxBatch
		return body.Orders, ok
	}
	var body dbsIDsBody
	ok := c.body(&body) && len(body.OrdersIDs) > 0 && len(body.OrdersIDs) <= maxBatch
	out := make([]dbsTarget, 0, len(body.OrdersIDs))
	for _, id := range body.OrdersIDs {
		out = append(out, dbsTarget{OrderID: id})
	}
	return out, ok
}

// dbsApply moves one order, or says why not.
func (m *Market) dbsApply(target dbsTarget, step dbsStep, now time.Time) *rowError {
	o := m.order(target.OrderID, orderhub.SchemeDBS)
	if o == nil {
		return &rowError{Code: http.StatusNotFound, Detail: "NotFound"}
	}
	if m.inject.RowFails("dbs") {
		return &rowError{Code: http.StatusInternalServerError, Detail: "InternalServerError"}
	}
	st := o.hist.Now()
	// A refusal that the buyer entered in the app may still be reported.
	reported := step.to == supplierReject && st.wb == wbRefused
	if !slices.Contains(step.from, st.supplier) || (st.wb != wbWaiting && !reported) {
		return &rowError{Code: http.StatusConflict, Detail: "StatusMismatch"}
	}
	if step.code && target.Code != o.code {
		// The documents name no word for a wrong code.
		return &rowError{Code: http.StatusBadRequest, Detail: "IncorrectRequest"}
	}
	if failed := m.dbsMeta(o, step, now); failed != nil {
		return failed
	}
	st.supplier, st.wb = step.to, step.wb
	m.set(o, st, now)
	o.called(step.name, step.headline, now)
	return nil
}

// dbsMeta checks the labelling: a missing IMEI and bad codes stop deliver, a
// missing code stops receive.
func (m *Market) dbsMeta(o *order, step dbsStep, now time.Time) *rowError {
	if step.to != supplierDeliver && step.to != supplierReceive {
		return nil
	}
	var bad []metaDetail
	for _, d := range m.failing(o, now) {
		switch {
		case d.Decision != "required":
			bad = append(bad, d)
		case step.to == supplierDeliver && d.Key == "imei":
			return &rowError{Code: http.StatusConflict, Detail: "ImeiIsNotFilled"}
		case step.to == supplierReceive && d.Key == keySgtin:
			return &rowError{Code: http.StatusConflict, Detail: "SGTINIsNotFilled"}
		}
	}
	if step.to == supplierDeliver && len(bad) > 0 {
		return &rowError{Code: http.StatusConflict, Detail: "MetaValidationFail", MetaDetails: bad}
	}
	return nil
}

// dbsSgtin is POST /api/marketplace/v3/dbs/orders/meta/sgtin.
func (m *Market) dbsSgtin(c *call) *reply {
	var body struct {
		Orders []struct {
			OrderID int64    `json:"orderId"`
			Sgtins  []string `json:"sgtins"`
		} `json:"orders"`
	}
	if !c.body(&body) || len(body.Orders) == 0 || len(body.Orders) > maxBatch {
		return m.batchError(http.StatusBadRequest, "IncorrectRequest")
	}
	defer c.lock()()
	results := make([]dbsResult, 0, len(body.Orders))
	for _, row := range body.Orders {
		var failed *rowError
		switch o := m.order(row.OrderID, orderhub.SchemeDBS); {
		case o == nil:
			failed = &rowError{Code: http.StatusNotFound, Detail: "NotFound"}
		case !validSgtins(row.Sgtins, 24):
			failed = &rowError{Code: http.StatusBadRequest, Detail: "IncorrectRequest"}
		case !o.has(keySgtin) || !m.setSgtins(o, row.Sgtins, c.now):
			failed = &rowError{Code: http.StatusConflict, Detail: "StatusMismatch"}
		}
		results = append(results, resultOf(row.OrderID, failed))
	}
	return m.batch(results)
}

type dbsClientRow struct {
	OrderID              int64    `json:"orderID"`
	FirstName            string   `json:"firstName"`
	FullName             string   `json:"fullName"`
	ReplacementPhone     string   `json:"replacementPhone"`
	Phone                string   `json:"phone"`
	PhoneCode            int64    `json:"phoneCode"`
	AdditionalPhoneCodes []string `json:"additionalPhoneCodes"`
}

// dbsClient is POST /api/v3/dbs/orders/client: buyers of orders that the seller
// has confirmed; others are left out. All people are invented.
func (m *Market) dbsClient(c *call) *reply {
	var body idsBody
	if !c.body(&body) || body.Orders == nil {
		return badBody()
	}
	t := c.asOf()
	out := []dbsClientRow{}
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, id := range body.Orders {
		o := m.order(id, orderhub.SchemeDBS)
		if o == nil {
			continue
		}
		st, ok := o.hist.At(t)
		if !ok || (st.supplier != supplierConfirm && st.supplier != supplierDeliver) {
			continue
		}
		h := hashOf("buyer " + o.uid)
		first := []string{"Анна", "Борис", "Вера", "Глеб"}[h%4]
		out = append(out, dbsClientRow{
			OrderID: id, FirstName: first, FullName: first + " Покупательская",
			ReplacementPhone: fmt.Sprintf("7900%07d", h>>8%10_000_000), Phone: "+79000000000",
			PhoneCode: int64(h >> 40 % 1_000_000), AdditionalPhoneCodes: []string{},
		})
	}
	return answer(http.StatusOK, map[string]any{"orders": out})
}
