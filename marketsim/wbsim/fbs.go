package wbsim

import (
	"net/http"
	"time"

	"github.com/orderhub/orderhub"
)

// fbsOrder is schema Order; fbsNewOrder (OrderNew) has more.
type fbsOrder struct {
	ID                    int64     `json:"id"`
	RID                   string    `json:"rid"`
	OrderUID              string    `json:"orderUid"`
	CreatedAt             time.Time `json:"createdAt"`
	DeliveryType          string    `json:"deliveryType"`
	SupplyID              string    `json:"supplyId,omitempty"`
	WarehouseID           int64     `json:"warehouseId"`
	OfficeID              int64     `json:"officeId"`
	Offices               []string  `json:"offices"`
	NmID                  int64     `json:"nmId"`
	ChrtID                int64     `json:"chrtId"`
	Article               string    `json:"article"`
	SKUs                  []string  `json:"skus"`
	ColorCode             string    `json:"colorCode"`
	Price                 int64     `json:"price"`
	ConvertedPrice        int64     `json:"convertedPrice"`
	CurrencyCode          int       `json:"currencyCode"`
	ConvertedCurrencyCode int       `json:"convertedCurrencyCode"`
	ScanPrice             *int64    `json:"scanPrice"`
	CargoType             int       `json:"cargoType"`
	CrossBorderType       int       `json:"crossBorderType"`
	Comment               string    `json:"comment"`
	IsZeroOrder           bool      `json:"isZeroOrder"`
	Address               *address  `json:"address"`
	Options               fbsOption `json:"options"`
}

type fbsOption struct {
	IsB2B bool `json:"isB2B"` // spelled isB2b everywhere else
}

type fbsNewOrder struct {
	fbsOrder
	FinalPrice                   int64    `json:"finalPrice"`
	ConvertedFinalPrice          int64    `json:"convertedFinalPrice"`
	SalePrice                    int64    `json:"salePrice"`
	RequiredMeta                 []string `json:"requiredMeta"`
	OptionalMeta                 []string `json:"optionalMeta"`
	DDate                        string   `json:"ddate"`
	SellerDate                   *string  `json:"sellerDate"`
	IsPickupPointShipmentAllowed bool     `json:"isPickupPointShipmentAllowed"`
}

// rub is RUB in numeric ISO 4217, the form of order objects.
const rub = 643

// scanFee is what acceptance costs, in kopecks, once Wildberries has the goods.
const scanFee int64 = 1500

func (o *order) wire(st state) fbsOrder {
	w := fbsOrder{
		ID: o.id, RID: o.rid, OrderUID: o.uid, CreatedAt: o.placed, DeliveryType: "fbs", SupplyID: st.supply,
		WarehouseID: o.traits.warehouse, OfficeID: officeOf(o.traits.warehouse), Offices: []string{"Калуга"},
		NmID: o.article.nmID, ChrtID: o.article.chrtID, Article: o.article.name, SKUs: []string{o.article.barcode},
		Price: o.price, ConvertedPrice: o.price, CurrencyCode: rub, ConvertedCurrencyCode: rub,
		CargoType: o.traits.cargoType, CrossBorderType: o.traits.crossBorder, Comment: o.comment, IsZeroOrder: o.zero,
		Options: fbsOption{IsB2B: o.traits.b2b},
	}
	switch st.wb {
	case wbSorted, wbReady, wbSold, wbRefused:
		fee := scanFee
		w.ScanPrice = &fee
	case wbWaiting, wbCanceled, wbDeclined:
	}
	return w
}

// finalPrice is what the buyer pays with WB Wallet: three per cent less.
func (o *order) finalPrice() int64 { return o.price * 97 / 100 }

// salePrice is before the buyer's own discounts.
func (o *order) salePrice() int64 { return o.price * 115 / 100 }

func (o *order) wireNew(st state) fbsNewOrder {
	w := fbsNewOrder{
		fbsOrder: o.wire(st), FinalPrice: o.finalPrice(), ConvertedFinalPrice: o.finalPrice(), SalePrice: o.salePrice(),
		RequiredMeta: texts(o.required), OptionalMeta: texts(o.optional),
		IsPickupPointShipmentAllowed: o.traits.cargoType == 1,
	}
	if o.traits.cargoType == 2 {
		w.DDate = o.placed.AddDate(0, 0, 7).Format("02.01.2006")
		seller := o.placed.AddDate(0, 0, 2).Format("02.01.2006")
		w.SellerDate = &seller
	}
	return w
}

// texts makes null an empty array.
func texts(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// fbsNew is GET /api/v3/orders/new.
func (m *Market) fbsNew(c *call) *reply {
	t := c.asOf()
	m.mu.RLock()
	list := m.fbs.newAt(t)
	m.mu.RUnlock()
	// What does not change is read without the lock: the answer may be long.
	out := make([]fbsNewOrder, 0, len(list))
	for _, o := range list {
		out = append(out, o.wireNew(state{supplier: supplierNew, wb: wbWaiting}))
	}
	return answer(http.StatusOK, map[string]any{"orders": out})
}

// listMonths is how far back the list goes; older orders are in the archive.
const listMonths = 3

// fbsList is GET /api/v3/orders. The cursor is the last id; the page after the
// last one is empty with next 0 (the documents do not say how the end looks).
func (m *Market) fbsList(c *call) *reply {
	limit, next, ok := c.page()
	from, to, ok2 := c.period(false)
	if !ok || !ok2 {
		return badParameter()
	}
	if oldest := c.now.AddDate(0, -listMonths, 0); from.Before(oldest) {
		from = oldest
	}
	t := c.asOf()
	out := []fbsOrder{}
	m.mu.RLock()
	defer m.mu.RUnlock()
	m.fbs.page(next, limit, from, to, func(o *order) bool {
		st, exists := o.hist.At(t)
		if exists {
			out = append(out, o.wire(st))
		}
		return exists
	})
	return answer(http.StatusOK, map[string]any{"orders": out, "next": nextOf(out, func(o fbsOrder) int64 { return o.ID })})
}

// nextOf is the cursor after a page.
func nextOf[T any](page []T, id func(T) int64) int64 {
	if len(page) == 0 {
		return 0
	}
	return id(page[len(page)-1])
}

type idsBody struct {
	Orders []int64 `json:"orders"`
}

type fbsStatusRow struct {
	ID             int64          `json:"id"`
	IsCancellable  bool           `json:"isCancellable"`
	SupplierStatus supplierStatus `json:"supplierStatus"`
	WbStatus       wbStatus       `json:"wbStatus"`
}

// fbsStatus is POST /api/v3/orders/status. Unknown ids are left out.
func (m *Market) fbsStatus(c *call) *reply {
	var body idsBody
	if !c.body(&body) || body.Orders == nil {
		return badBody()
	}
	if len(body.Orders) == 0 || len(body.Orders) > 1000 {
		return badRequest()
	}
	t := c.asOf()
	out := []fbsStatusRow{}
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, id := range body.Orders {
		o := m.order(id, orderhub.SchemeFBS)
		if o == nil {
			continue
		}
		if st, ok := o.hist.At(t); ok {
			out = append(out, fbsStatusRow{ID: id, IsCancellable: st.canCancel(), SupplierStatus: st.supplier, WbStatus: st.wb})
		}
	}
	return answer(http.StatusOK, map[string]any{"orders": out})
}

// fbsCancel is PATCH /api/v3/orders/{orderId}/cancel.
func (m *Market) fbsCancel(c *call) *reply {
	id, ok := c.pathID("orderId")
	if !ok {
		return badParameter()
	}
	defer c.lock()()
	o := m.order(id, orderhub.SchemeFBS)
	if o == nil {
		return notFound()
	}
	st := o.hist.Now()
	if !st.canCancel() {
		switch st.wb {
		case wbSorted, wbReady, wbSold:
			return conflict("StatusChangeNotAllowed")
		case wbWaiting, wbCanceled, wbRefused, wbDeclined:
			return conflict("StatusMismatch")
		}
	}
	st.supplier, st.wb, st.supply = supplierCancel, wbCanceled, ""
	m.set(o, st, c.now)
	o.called("cancel", orderhub.StatusCancelled, c.now)
	return noContent()
}
