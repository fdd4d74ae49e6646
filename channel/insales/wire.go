package insales

import (
	"encoding/json"
	"time"

	"github.com/orderhub/orderhub/channel/rest"
)

// wireOrder is GET /admin/orders/{id}.json, as far as the hub reads it.
type wireOrder struct {
	ID                rest.Text
	Number            rest.Text
	FulfillmentStatus string `json:"fulfillment_status"`
	CustomStatus      *struct {
		Permalink string
		Title     string
	} `json:"custom_status"`
	FinancialStatus string    `json:"financial_status"`
	CreatedAt       stamp     `json:"created_at"`
	UpdatedAt       stamp     `json:"updated_at"`
	DeliveredAt     stamp     `json:"delivered_at"`
	CurrencyCode    rest.Text `json:"currency_code"`
	TotalPrice      rest.Text `json:"total_price"`
	DeliveryPrice   rest.Text `json:"delivery_price"`
	FullDelivery    rest.Text `json:"full_delivery_price"`
	DeliveryTitle   rest.Text `json:"delivery_title"`
	DeliveryDate    rest.Text `json:"delivery_date"`
	FromHour        rest.Text `json:"delivery_from_hour"`
	ToHour          rest.Text `json:"delivery_to_hour"`
	Comment         rest.Text
	OrderLines      []wireLine `json:"order_lines"`
	Client          *wireClient
	Shipping        *wireAddress `json:"shipping_address"`
	Fields          []struct {
		Handle rest.Text
		Value  rest.Text
	} `json:"fields_values"`
}

type wireLine struct {
	ID            rest.Text
	ProductID     rest.Text `json:"product_id"`
	VariantID     rest.Text `json:"variant_id"`
	SKU           rest.Text
	Barcode       rest.Text
	Title         rest.Text
	Quantity      rest.Text
	SalePrice     rest.Text `json:"sale_price"`
	FullSalePrice rest.Text `json:"full_sale_price"`
	TotalPrice    rest.Text `json:"total_price"`
	FullTotal     rest.Text `json:"full_total_price"`
	Discounts     rest.Text `json:"discounts_amount"`
	VAT           rest.Text
}

type wireClient struct {
	ID         rest.Text
	Name       rest.Text
	Surname    rest.Text
	Middlename rest.Text
	Phone      rest.Text
	Email      rest.Text
	Registered bool
	Type       rest.Text
	INN        rest.Text `json:"inn"`
	KPP        rest.Text `json:"kpp"`
}

type wireAddress struct {
	Name     rest.Text
	Surname  rest.Text
	Phone    rest.Text
	Full     rest.Text `json:"full_delivery_address"`
	Locality rest.Text `json:"full_locality_name"`
	City     rest.Text
	Zip      rest.Text
	Address  rest.Text
}

// wireKey is what is read of a row before it is stored.
type wireKey struct {
	ID                rest.Text
	FulfillmentStatus string `json:"fulfillment_status"`
	CreatedAt         stamp  `json:"created_at"`
	UpdatedAt         stamp  `json:"updated_at"`
}

type wireProduct struct {
	ID       rest.Text
	Title    rest.Text
	Hidden   bool `json:"is_hidden"`
	Archived bool
	Updated  stamp         `json:"updated_at"`
	Variants []wireVariant `json:"variants"`
	// Images are the product's; a variant names its own by number.
	Images []struct {
		ID     rest.Text
		Medium rest.Text `json:"medium_url"`
		Whole  rest.Text `json:"original_url"`
	}
}

// wireVariant keeps all fields: the one with the figure is a setting.
type wireVariant map[string]json.RawMessage

func (v wireVariant) text(key string) string {
	var t rest.Text
	_ = json.Unmarshal(v[key], &t) // another shape is no text
	return t.String()
}

type wireHook struct {
	ID         rest.Text `json:"id"`
	Address    string
	Topic      string
	FormatType string `json:"format_type"`
}

// stamp is a time in one of the forms that InSales writes; one that cannot be
// read is none.
type stamp struct{ time.Time }

var stampLayouts = []string{time.RFC3339Nano, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 -07:00", "2006-01-02 15:04:05 MST"}

// UnmarshalJSON never fails: a time decides nothing that is worth an order.
func (s *stamp) UnmarshalJSON(b []byte) error {
	var text rest.Text
	if json.Unmarshal(b, &text) != nil {
		return nil
	}
	for _, layout := range stampLayouts {
		if t, err := time.Parse(layout, text.String()); err == nil && t.Year() > 1970 && t.Year() < 9999 {
			s.Time = t
			return nil
		}
	}
	return nil
}

// utc is the time in UTC, zero for none.
func (s stamp) utc() time.Time {
	if s.IsZero() {
		return time.Time{}
	}
	return s.UTC()
}
