package ozonsim

import (
	"encoding/json"
	"time"
)

// postingV4 is a posting of the v4 lists, with every field of the document. What
// Ozon leaves out it writes as null.
type postingV4 struct {
	Addressee            *addresseeV4      `json:"addressee"`
	Analytics            *analytics        `json:"analytics_data"`
	Actions              []string          `json:"available_actions"`
	Barcodes             *barcodes         `json:"barcodes"`
	Cancellation         cancellationWire  `json:"cancellation"`
	Container            *struct{}         `json:"container"`
	ContainerSort        string            `json:"container_sort_type"`
	Customer             *customerV4       `json:"customer"`
	DeliveringDate       *time.Time        `json:"delivering_date"`
	DeliveryMethod       deliveryMethod    `json:"delivery_method"`
	DeliverySchema       string            `json:"delivery_schema"`
	DestinationID        int64             `json:"destination_place_id"`
	DestinationName      string            `json:"destination_place_name"`
	External             externalOrder     `json:"external_order"`
	Financial            *financialV4      `json:"financial_data"`
	InProcessAt          time.Time         `json:"in_process_at"`
	Flow                 string            `json:"integration_type_flow"`
	ClickAndCollect      bool              `json:"is_click_and_collect"`
	Express              bool              `json:"is_express"`
	Multibox             bool              `json:"is_multibox"`
	Presortable          bool              `json:"is_presortable"`
	Legal                legalInfo         `json:"legal_info"`
	MultiboxQty          int               `json:"multi_box_qty"`
	Optional             optional          `json:"optional"`
	OrderID              int64             `json:"order_id"`
	OrderNumber          string            `json:"order_number"`
	Parent               string            `json:"parent_posting_number"`
	PickupVerified       *time.Time        `json:"pickup_code_verified_at"`
	Number               string            `json:"posting_number"`
	Products             []productV4       `json:"products"`
	PRROption            string            `json:"prr_option"`
	QuantumID            int64             `json:"quantum_id"`
	RequireBLR           bool              `json:"require_blr_traceable_attrs"`
	Requirements         requirements      `json:"requirements"`
	ShipmentDate         time.Time         `json:"shipment_date"`
	ShipmentWithoutDelay time.Time         `json:"shipment_date_without_delay"`
	SortingCenter        *struct{}         `json:"sorting_center"`
	Status               string            `json:"status"`
	Substatus            string            `json:"substatus"`
	Tariffication        tarifficationV4   `json:"tariffication"`
	TarifficationSteps   []json.RawMessage `json:"tariffication_steps"`
	TPL                  string            `json:"tpl_integration_type"`
	Tracking             string            `json:"tracking_number"`
	VolumeWeight         float64           `json:"volume_weight"`
}

type addresseeV4 struct {
	Name string `json:"name"`
}

type customerV4 struct {
	Address address `json:"address"`
	Email   string  `json:"customer_email"`
	ID      int64   `json:"customer_id"`
	Name    string  `json:"name"`
	Phone   string  `json:"phone"`
}

type productV4 struct {
	IMEI     []string `json:"imei"`
	BLR      bool     `json:"is_blr_traceable"`
	Buyout   bool     `json:"is_marketplace_buyout"`
	Name     string   `json:"name"`
	OfferID  string   `json:"offer_id"`
	Price    money    `json:"price"`
	Color    string   `json:"product_color"`
	Quantity int64    `json:"quantity"`
	SKU      int64    `json:"sku"`
	Weight   float64  `json:"weight"`
}

type financialV4 struct {
	ClusterFrom string               `json:"cluster_from"`
	ClusterTo   string               `json:"cluster_to"`
	Products    []financialProductV4 `json:"products"`
}

type financialProductV4 struct {
	Actions    []string    `json:"actions"`
	Commission commission  `json:"commission"`
	Customer   money       `json:"customer_price"`
	OldPrice   json.Number `json:"old_price"`
	Payout     json.Number `json:"payout"`
	Price      json.Number `json:"price"`
	ProductID  int64       `json:"product_id"`
	Quantity   int64       `json:"quantity"`
	Percent    float64     `json:"total_discount_percent"`
	Discount   float64     `json:"total_discount_value"`
}

type commission struct {
	Amount   json.Number `json:"amount"`
	Currency string      `json:"currency"`
	Percent  int64       `json:"percent"`
}

type tarifficationV4 struct {
	Charge        money     `json:"current_tariff_charge"`
	MinCharge     money     `json:"current_tariff_min_charge"`
	Rate          float64   `json:"current_tariff_rate"`
	Type          string    `json:"current_tariff_type"`
	NextCharge    money     `json:"next_tariff_charge"`
	NextMinCharge money     `json:"next_tariff_min_charge"`
	NextRate      float64   `json:"next_tariff_rate"`
	NextStartsAt  time.Time `json:"next_tariff_starts_at"`
	NextType      string    `json:"next_tariff_type"`
}

// noDelay is how long after shipment_date a hand-over is not yet late.
const noDelay = 24 * time.Hour

// toV4 writes a posting in the shape of the lists.
func (m *Market) toV4(p *posting, st state, w with) postingV4 {
	out := postingV4{
		Analytics: p.analytics(st, w.Analytics), Actions: p.actions(st), Barcodes: p.barcodes(w.Barcodes),
		Cancellation: st.cancellationWire(), DeliveringDate: when(st.handedOver), DeliveryMethod: p.warehouse().method(),
		DeliverySchema: "FBS", External: p.externalOrder(), InProcessAt: p.placedAt, Flow: p.tpl(), MultiboxQty: 1,
		Optional: optional{[]string{}}, OrderID: p.order.id, OrderNumber: p.order.number, Parent: p.parent, Number: p.number,
		Requirements: noRequirements(), ShipmentDate: st.cutoff, ShipmentWithoutDelay: st.cutoff.Add(noDelay),
		Status: st.status, Substatus: st.sub, TarifficationSteps: []json.RawMessage{}, TPL: p.tpl(), Tracking: st.tracking,
		Tariffication: tarifficationV4{
			Charge: roubles(0), MinCharge: roubles(0), Type: "no_discount", NextCharge: roubles(5000),
			NextMinCharge: roubles(5000), NextRate: 1, NextStartsAt: st.cutoff, NextType: "commission",
		},
	}
	if b := p.buyer(); b != nil {
		out.Addressee = &addresseeV4{b.name}
		out.Customer = &customerV4{Address: p.address(b), ID: b.id, Name: b.name, Phone: b.phone}
	}
	for _, l := range st.lines {
		out.Products = append(out.Products, productV4{
			IMEI: []string{}, Name: l.title, OfferID: l.offer, Price: roubles(l.priceMinor),
			Quantity: l.quantity, SKU: l.sku, Weight: 0.5,
		})
	}
	if w.Financial {
		out.Financial = &financialV4{ClusterFrom: "Тверь", ClusterTo: "Казань", Products: financialProductsV4(st)}
	}
	return out
}

func financialProductsV4(st state) []financialProductV4 {
	out := []financialProductV4{}
	for _, l := range st.lines {
		feeMinor, payout, percent := fee(st, l)
		out = append(out, financialProductV4{
			Actions: []string{}, Commission: commission{number(feeMinor), currency, percent}, Customer: roubles(l.priceMinor),
			OldPrice: number(l.priceMinor), Payout: number(payout), Price: number(l.priceMinor), ProductID: l.sku, Quantity: l.quantity,
		})
	}
	return out
}
