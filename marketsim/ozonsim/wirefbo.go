package ozonsim

import (
	"encoding/json"
	"time"
)

// fboPosting is a posting of /v3/posting/fbo/list.
type fboPosting struct {
	AdditionalData []json.RawMessage `json:"additional_data"`
	Analytics      *fboAnalytics     `json:"analytics_data"`
	ReasonID       int64             `json:"cancel_reason_id"`
	Cancellation   *fboCancellation  `json:"cancellation"`
	CreatedAt      time.Time         `json:"created_at"`
	External       externalOrder     `json:"external_order"`
	Financial      *fboFinancial     `json:"financial_data"`
	InProcessAt    time.Time         `json:"in_process_at"`
	Legal          *legalInfo        `json:"legal_info"`
	OrderID        int64             `json:"order_id"`
	OrderNumber    string            `json:"order_number"`
	Number         string            `json:"posting_number"`
	Products       []fboProduct      `json:"products"`
	Status         string            `json:"status"`
	Substatus      string            `json:"substatus"`
}

type fboAnalytics struct {
	City          string     `json:"city"`
	ClientBegin   *time.Time `json:"client_delivery_date_begin"`
	ClientEnd     *time.Time `json:"client_delivery_date_end"`
	DeliveryType  string     `json:"delivery_type"`
	IsLegal       bool       `json:"is_legal"`
	IsPremium     bool       `json:"is_premium"`
	PaymentType   string     `json:"payment_type_group_name"`
	WarehouseID   int64      `json:"warehouse_id"`
	WarehouseName string     `json:"warehouse_name"`
}

type fboCancellation struct {
	Reason    string `json:"cancel_reason"`
	Initiator string `json:"cancellation_initiator"`
	Type      string `json:"cancellation_type"`
}

type fboFinancial struct {
	ClusterFrom string                `json:"cluster_from"`
	ClusterTo   string                `json:"cluster_to"`
	Products    []fboFinancialProduct `json:"products"`
}

type fboFinancialProduct struct {
	Actions    []string    `json:"actions"`
	Commission commission  `json:"commission"`
	OldPrice   json.Number `json:"old_price"`
	Payout     json.Number `json:"payout"`
	Price      json.Number `json:"price"`
	ProductID  int64       `json:"product_id"`
	Percent    float64     `json:"total_discount_percent"`
	Discount   float64     `json:"total_discount_value"`
}

type fboProduct struct {
	DigitalCodes []string `json:"digital_codes"`
	Buyout       bool     `json:"is_marketplace_buyout"`
	Name         string   `json:"name"`
	OfferID      string   `json:"offer_id"`
	Price        money    `json:"price"`
	Quantity     int64    `json:"quantity"`
	SKU          int64    `json:"sku"`
}

type fboGetResponse struct {
	Result fboGet `json:"result"`
}

// fboGet is the posting of /v2/posting/fbo/get.
type fboGet struct {
	AdditionalData []json.RawMessage `json:"additional_data"`
	Analytics      *fboAnalytics     `json:"analytics_data"`
	ReasonID       int64             `json:"cancel_reason_id"`
	CreatedAt      time.Time         `json:"created_at"`
	External       externalOrder     `json:"external_order"`
	FactDelivery   *time.Time        `json:"fact_delivery_date"`
	Financial      *financialGet     `json:"financial_data"`
	InProcessAt    time.Time         `json:"in_process_at"`
	Legal          *legalInfo        `json:"legal_info"`
	OrderID        int64             `json:"order_id"`
	OrderNumber    string            `json:"order_number"`
	Number         string            `json:"posting_number"`
	Products       []fboGetProduct   `json:"products"`
	Status         string            `json:"status"`
	Substatus      string            `json:"substatus"`
}

type fboGetProduct struct {
	DigitalCodes []string `json:"digital_codes"`
	Name         string   `json:"name"`
	OfferID      string   `json:"offer_id"`
	Currency     string   `json:"currency_code"`
	Price        string   `json:"price"`
	Buyout       bool     `json:"is_marketplace_buyout"`
	Quantity     int64    `json:"quantity"`
	SKU          int64    `json:"sku"`
}

func toFBO(p *posting, st state, w with) fboPosting {
	out := fboPosting{
		AdditionalData: []json.RawMessage{}, Analytics: p.fboAnalytics(w.Analytics), ReasonID: st.cancellation.reasonID,
		CreatedAt: p.placedAt, External: p.externalOrder(), InProcessAt: p.placedAt, OrderID: p.order.id,
		OrderNumber: p.order.number, Number: p.number, Status: st.status, Substatus: st.sub,
	}
	if st.status == cancelled {
		c := st.cancellation
		out.Cancellation = &fboCancellation{c.reason, c.initiator, c.kind}
	}
	if w.LegalInfo {
		out.Legal = &legalInfo{}
	}
	for _, l := range st.lines {
		out.Products = append(out.Products, fboProduct{
			DigitalCodes: []string{}, Name: l.title, OfferID: l.offer, Price: roubles(l.priceMinor), Quantity: l.quantity, SKU: l.sku,
		})
	}
	if w.Financial {
		out.Financial = &fboFinancial{ClusterFrom: "Тверь", ClusterTo: "Казань"}
		for _, l := range st.lines {
			feeMinor, payout, percent := fee(st, l)
			out.Financial.Products = append(out.Financial.Products, fboFinancialProduct{
				Actions: []string{}, Commission: commission{number(feeMinor), currency, percent}, OldPrice: number(l.priceMinor),
				Payout: number(payout), Price: number(l.priceMinor), ProductID: l.sku,
			})
		}
	}
	return out
}

func (p *posting) fboAnalytics(wanted bool) *fboAnalytics {
	if !wanted {
		return nil
	}
	return &fboAnalytics{DeliveryType: "PVZ", PaymentType: "картой онлайн", WarehouseID: warehouseFBO.id, WarehouseName: warehouseFBO.name}
}

func toFBOGet(p *posting, st state, w with) fboGet {
	out := fboGet{
		AdditionalData: []json.RawMessage{}, Analytics: p.fboAnalytics(w.Analytics), ReasonID: st.cancellation.reasonID,
		CreatedAt: p.placedAt, External: p.externalOrder(), FactDelivery: when(st.handedOver), InProcessAt: p.placedAt,
		OrderID: p.order.id, OrderNumber: p.order.number, Number: p.number, Status: st.status, Substatus: st.sub,
	}
	if w.LegalInfo {
		out.Legal = &legalInfo{}
	}
	for _, l := range st.lines {
		out.Products = append(out.Products, fboGetProduct{
			DigitalCodes: []string{}, Name: l.title, OfferID: l.offer, Currency: currency, Price: decimal(l.priceMinor),
			Quantity: l.quantity, SKU: l.sku,
		})
	}
	if w.Financial {
		out.Financial = &financialGet{ClusterFrom: "Тверь", ClusterTo: "Казань", Products: financialProductsGet(st)}
	}
	return out
}
