package ozonsim

import (
	"encoding/json"
	"time"
)

type getResponse struct {
	Result postingGet `json:"result"`
}

// postingGet is a posting of /v3/posting/fbs/get: prices with four decimals and
// the currency beside them, finances flat.
type postingGet struct {
	AdditionalData       []json.RawMessage `json:"additional_data"`
	Addressee            *addresseeGet     `json:"addressee"`
	Analytics            *analytics        `json:"analytics_data"`
	Actions              []string          `json:"available_actions"`
	Barcodes             *barcodes         `json:"barcodes"`
	Cancellation         cancellationWire  `json:"cancellation"`
	Courier              *struct{}         `json:"courier"`
	Customer             *customerGet      `json:"customer"`
	Container            *struct{}         `json:"container"`
	ContainerSort        string            `json:"container_sort_type"`
	DeliveringDate       *time.Time        `json:"delivering_date"`
	DeliveryMethod       deliveryMethod    `json:"delivery_method"`
	DeliveryPrice        string            `json:"delivery_price"`
	External             externalOrder     `json:"external_order"`
	FactDelivery         *time.Time        `json:"fact_delivery_date"`
	Financial            *financialGet     `json:"financial_data"`
	InProcessAt          time.Time         `json:"in_process_at"`
	Flow                 string            `json:"integration_type_flow"`
	Express              bool              `json:"is_express"`
	Multibox             bool              `json:"is_multibox"`
	Legal                legalInfo         `json:"legal_info"`
	MultiboxQty          int               `json:"multi_box_qty"`
	Optional             optional          `json:"optional"`
	OrderID              int64             `json:"order_id"`
	OrderNumber          string            `json:"order_number"`
	Parent               string            `json:"parent_posting_number"`
	PickupVerified       *time.Time        `json:"pickup_code_verified_at"`
	Number               string            `json:"posting_number"`
	Exemplars            *struct{}         `json:"product_exemplars"`
	Products             []productGet      `json:"products"`
	ProviderStatus       string            `json:"provider_status"`
	PRROption            prrOption         `json:"prr_option"`
	Related              *related          `json:"related_postings"`
	RelatedWeight        []string          `json:"related_weight_postings"`
	RequireBLR           bool              `json:"require_blr_traceable_attrs"`
	Requirements         requirements      `json:"requirements"`
	ShipmentDate         time.Time         `json:"shipment_date"`
	ShipmentWithoutDelay time.Time         `json:"shipment_date_without_delay"`
	SortingCenter        *struct{}         `json:"sorting_center"`
	Status               string            `json:"status"`
	Substatus            string            `json:"substatus"`
	Previous             string            `json:"previous_substatus"`
	TPL                  string            `json:"tpl_integration_type"`
	Tracking             string            `json:"tracking_number"`
	Tariffication        tarifficationGet  `json:"tariffication"`
	TarifficationSteps   []json.RawMessage `json:"tariffication_steps"`
}

type addresseeGet struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`
	Pin   string `json:"pin"`
}

type customerGet struct {
	Address address `json:"address"`
	ID      int64   `json:"customer_id"`
	Name    string  `json:"name"`
	Phone   string  `json:"phone"`
}

type productGet struct {
	Dimensions    dimensions `json:"dimensions"`
	MandatoryMark []string   `json:"mandatory_mark"`
	Name          string     `json:"name"`
	OfferID       string     `json:"offer_id"`
	Price         string     `json:"price"`
	JwUIN         []string   `json:"jw_uin"`
	Currency      string     `json:"currency_code"`
	BLR           bool       `json:"is_blr_traceable"`
	Buyout        bool       `json:"is_marketplace_buyout"`
	Quantity      int64      `json:"quantity"`
	SKU           int64      `json:"sku"`
	WeightNeeded  bool       `json:"is_weight_needed"`
	WeightMax     float64    `json:"weight_max"`
	WeightMin     float64    `json:"weight_min"`
	HasIMEI       bool       `json:"has_imei"`
}

type dimensions struct {
	Height string `json:"height"`
	Length string `json:"length"`
	Weight string `json:"weight"`
	Width  string `json:"width"`
}

type financialGet struct {
	ClusterFrom string                `json:"cluster_from"`
	ClusterTo   string                `json:"cluster_to"`
	Products    []financialProductGet `json:"products"`
}

type financialProductGet struct {
	Actions            []string    `json:"actions"`
	Currency           string      `json:"currency_code"`
	CustomerCurrency   string      `json:"customer_currency_code"`
	CommissionAmount   json.Number `json:"commission_amount"`
	CommissionPercent  int64       `json:"commission_percent"`
	CommissionCurrency string      `json:"commissions_currency_code"`
	OldPrice           json.Number `json:"old_price"`
	Payout             json.Number `json:"payout"`
	Price              json.Number `json:"price"`
	CustomerPrice      json.Number `json:"customer_price"`
	ProductID          int64       `json:"product_id"`
	Quantity           int64       `json:"quantity"`
	Percent            float64     `json:"total_discount_percent"`
	Discount           float64     `json:"total_discount_value"`
}

type prrOption struct {
	Code     string `json:"code"`
	Price    string `json:"price"`
	Currency string `json:"currency_code"`
	Floor    string `json:"floor"`
}

type related struct {
	Numbers []string `json:"related_posting_numbers"`
}

type tarifficationGet struct {
	Rate           float64   `json:"current_tariff_rate"`
	Type           string    `json:"current_tariff_type"`
	Charge         string    `json:"current_tariff_charge"`
	ChargeCurrency string    `json:"current_tariff_charge_currency_code"`
	NextRate       float64   `json:"next_tariff_rate"`
	NextType       string    `json:"next_tariff_type"`
	NextCharge     string    `json:"next_tariff_charge"`
	NextStartsAt   time.Time `json:"next_tariff_starts_at"`
	NextCurrency   string    `json:"next_tariff_charge_currency_code"`
}

// toGet writes a posting in the shape of the single read.
func (m *Market) toGet(p *posting, st state, at time.Time, w with) postingGet {
	out := postingGet{
		AdditionalData: []json.RawMessage{}, Analytics: p.analytics(st, w.Analytics), Actions: p.actions(st),
		Barcodes: p.barcodes(w.Barcodes), Cancellation: st.cancellationWire(), DeliveringDate: when(st.handedOver),
		DeliveryMethod: p.warehouse().method(), External: p.externalOrder(), FactDelivery: when(st.handedOver),
		InProcessAt: p.placedAt, Flow: p.tpl(), MultiboxQty: 1, Optional: optional{[]string{}}, OrderID: p.order.id,
		OrderNumber: p.order.number, Parent: p.parent, Number: p.number, PRROption: prrOption{Currency: currency},
		RelatedWeight: []string{}, Requirements: noRequirements(), ShipmentDate: st.cutoff,
		ShipmentWithoutDelay: st.cutoff.Add(noDelay), Status: st.status, Substatus: st.sub, Previous: st.previous,
		TPL: p.tpl(), Tracking: st.tracking, TarifficationSteps: []json.RawMessage{},
		Tariffication: tarifficationGet{
			Type: "no_discount", ChargeCurrency: currency, NextRate: 1, NextType: "commission", NextCharge: "50",
			NextStartsAt: st.cutoff, NextCurrency: currency,
		},
	}
	if b := p.buyer(); b != nil {
		out.Addressee = &addresseeGet{b.name, b.phone, b.pin}
		out.Customer = &customerGet{Address: p.address(b), ID: b.id, Name: b.name, Phone: b.phone}
	}
	if w.Related {
		out.Related = &related{p.related(at)}
	}
	for _, l := range st.lines {
		out.Products = append(out.Products, productGet{
			Dimensions: dimensions{"100.00", "200.00", "500", "150.00"}, MandatoryMark: []string{}, Name: l.title,
			OfferID: l.offer, Price: decimal(l.priceMinor) + "00", JwUIN: []string{}, Currency: currency,
			Quantity: l.quantity, SKU: l.sku,
		})
	}
	if w.Financial {
		out.Financial = &financialGet{ClusterFrom: "Тверь", ClusterTo: "Казань", Products: financialProductsGet(st)}
	}
	return out
}

func financialProductsGet(st state) []financialProductGet {
	out := []financialProductGet{}
	for _, l := range st.lines {
		feeMinor, payout, percent := fee(st, l)
		out = append(out, financialProductGet{
			Actions: []string{}, Currency: currency, CustomerCurrency: currency, CommissionAmount: number(feeMinor),
			CommissionPercent: percent, CommissionCurrency: currency, OldPrice: number(l.priceMinor), Payout: number(payout),
			Price: number(l.priceMinor), CustomerPrice: number(l.priceMinor), ProductID: l.sku, Quantity: l.quantity,
		})
	}
	return out
}

// related lists the postings that came from one split: parent, children and
// brothers, as far as the replica has them.
func (p *posting) related(at time.Time) []string {
	out := []string{}
	for _, o := range p.order.postings {
		kin := o.number == p.parent || o.parent == p.number || (p.parent != "" && o.parent == p.parent)
		if _, exists := o.hist.At(at); exists && kin && o != p {
			out = append(out, o.number)
		}
	}
	return out
}
