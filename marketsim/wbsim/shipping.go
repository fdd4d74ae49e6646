package wbsim

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Shipping parameters of supplies: mandatory before deliver since 2026-10-01
// for sellers who ship inside Russia.

// shipping is the drop-off of a supply.
type shipping struct {
	kind  string
	date  string // YYYY-MM-DD
	point int64
}

const (
	selfShipping     = "selfShipping"
	transportCompany = "transportCompany" // needs a waybill, which this API does not offer
)

type shippingPoint struct {
	ID          int64   `json:"id"`
	Name        string  `json:"name"`
	Address     string  `json:"address"`
	City        string  `json:"city"`
	OfficeType  string  `json:"officeType"`
	CargoTypes  []int   `json:"cargoTypes"`
	Latitude    float64 `json:"latitude"`
	Longitude   float64 `json:"longitude"`
	Fulfillment bool    `json:"fulfillment"`
}

var shippingPointList = []shippingPoint{
	{507, "СЦ Симуляция", "ул. Складская, д. 1", "Москва", "sc", []int{1, 2, 3}, 55.6, 37.4, false},
	{508, "ПВЗ Симуляция", "ул. Почтовая, д. 2", "Москва", "pp", []int{1}, 55.7, 37.6, false},
	{611, "Склад Симуляция", "Заводской проезд, д. 3", "Калуга", "sw", []int{1, 2, 3}, 54.5, 36.3, false},
	{720, "СЦ Казань-Симуляция", "ул. Сортировочная, д. 4", "Казань", "sc", []int{1, 3}, 55.8, 49.1, false},
}

// shippingPoints is GET /api/marketplace/v3/fbs/shipping-points.
func (m *Market) shippingPoints(c *call) *reply {
	q := c.r.URL.Query()
	cargo, err := strconv.Atoi(q.Get("cargoType"))
	if err != nil || cargo < 1 || cargo > 3 || q.Get("city") == "" {
		return m.titleError(http.StatusBadRequest, "IncorrectParameter", "city and cargoType (1, 2, 3) are required")
	}
	out := []shippingPoint{}
	for _, p := range shippingPointList {
		if p.City == q.Get("city") && slices.Contains(p.CargoTypes, cargo) {
			out = append(out, p)
		}
	}
	return answer(http.StatusOK, map[string]any{"shippingPoints": out})
}

type shippingRow struct {
	SupplyID        string `json:"supplyId"`
	ShippingType    string `json:"shippingType"`
	ShippingDt      string `json:"shippingDt"`
	ShippingPointID int64  `json:"shippingPointId"`
}

type shippingResult struct {
	SupplyID string       `json:"supplyId"`
	Success  bool         `json:"success,omitempty"`
	Error    *shippingErr `json:"error,omitempty"`
}

type shippingErr struct {
	Code   int    `json:"code"`
	Detail string `json:"detail"`
}

// setShipping is PATCH /api/marketplace/v3/fbs/supplies/shipping-method: a 200
// with a result per supply.
func (m *Market) setShipping(c *call) *reply {
	var body struct {
		Data []shippingRow `json:"data"`
	}
	if !c.body(&body) || len(body.Data) == 0 || len(body.Data) > 100 {
		return m.titleError(http.StatusBadRequest, "IncorrectParameter", "data must hold 1 to 100 supplies")
	}
	for _, row := range body.Data {
		if row.ShippingType == transportCompany {
			return m.titleError(http.StatusConflict, "WaybillUUIDConflict", "a transport company needs a waybill")
		}
	}
	defer c.lock()()
	results := make([]shippingResult, 0, len(body.Data))
	for _, row := range body.Data {
		res := shippingResult{SupplyID: row.SupplyID, Error: m.ship(row, c.now)}
		res.Success = res.Error == nil
		results = append(results, res)
	}
	return answer(http.StatusOK, map[string]any{"results": results})
}

// moscow is where planned dates are read.
var moscow = time.FixedZone("MSK", 3*60*60)

func (m *Market) ship(row shippingRow, now time.Time) *shippingErr {
	s := m.supply(row.SupplyID)
	if s == nil {
		return &shippingErr{http.StatusNotFound, "NotFound"}
	}
	if row.ShippingType != selfShipping {
		return &shippingErr{http.StatusBadRequest, "IncorrectRequestBody"}
	}
	date, err := time.Parse(time.DateOnly, row.ShippingDt)
	if err != nil || date.Format(time.DateOnly) < now.In(moscow).Format(time.DateOnly) {
		return &shippingErr{http.StatusConflict, "InvalidShippingDt"}
	}
	if !slices.ContainsFunc(shippingPointList, func(p shippingPoint) bool { return p.ID == row.ShippingPointID }) {
		return &shippingErr{http.StatusNotFound, "NotFound"}
	}
	st := s.hist.Now()
	if !st.scanAt.IsZero() {
		return &shippingErr{http.StatusConflict, "SupplyAlreadyScanned"}
	}
	st.shipping = &shipping{kind: row.ShippingType, date: row.ShippingDt, point: row.ShippingPointID}
	s.hist.Set(now, st)
	return nil
}
