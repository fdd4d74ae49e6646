package woocommerce

import (
	"bytes"
	"encoding/json"

	"github.com/orderhub/orderhub/channel/rest"
)

// object is a JSON object that PHP writes as [] when it is empty.
type object[T any] struct{ V T }

// UnmarshalJSON takes an object; anything else is an empty one.
func (o *object[T]) UnmarshalJSON(b []byte) error {
	if b = bytes.TrimSpace(b); len(b) == 0 || b[0] != '{' {
		return nil
	}
	return json.Unmarshal(b, &o.V)
}

// wireKey is as much of an order as a list needs.
type wireKey struct {
	ID          rest.Text
	Status      rest.Text
	CreatedGMT  rest.Text `json:"date_created_gmt"`
	ModifiedGMT rest.Text `json:"date_modified_gmt"`
	Refunds     []struct{ ID rest.Text }
}

// wireOrder is an order as orders and the webhooks show it.
type wireOrder struct {
	ID           rest.Text
	Number       rest.Text
	Status       rest.Text
	Currency     rest.Text
	CreatedGMT   rest.Text `json:"date_created_gmt"`
	ModifiedGMT  rest.Text `json:"date_modified_gmt"`
	PaidGMT      rest.Text `json:"date_paid_gmt"`
	CompletedGMT rest.Text `json:"date_completed_gmt"`

	Total         rest.Text
	ShippingTotal rest.Text `json:"shipping_total"`
	ShippingTax   rest.Text `json:"shipping_tax"`

	CustomerID    rest.Text `json:"customer_id"`
	CustomerNote  rest.Text `json:"customer_note"`
	Billing       object[wireAddress]
	Shipping      object[wireAddress]
	PaymentMethod rest.Text `json:"payment_method"`

	LineItems     []wireLine                 `json:"line_items"`
	TaxLines      []wireTaxLine              `json:"tax_lines"`
	ShippingLines []wireShipping             `json:"shipping_lines"`
	FeeLines      []wireFee                  `json:"fee_lines"`
	CouponLines   []struct{ Code rest.Text } `json:"coupon_lines"`
	MetaData      wireMeta                   `json:"meta_data"`
}

type wireAddress struct {
	FirstName rest.Text `json:"first_name"`
	LastName  rest.Text `json:"last_name"`
	Company   rest.Text
	Address1  rest.Text `json:"address_1"`
	Address2  rest.Text `json:"address_2"`
	City      rest.Text
	State     rest.Text
	Postcode  rest.Text
	Country   rest.Text
	Email     rest.Text
	Phone     rest.Text
}

type wireLine struct {
	ID          rest.Text
	Name        rest.Text
	ProductID   rest.Text `json:"product_id"`
	VariationID rest.Text `json:"variation_id"`
	Quantity    rest.Text
	SKU         rest.Text
	Subtotal    rest.Text
	SubtotalTax rest.Text `json:"subtotal_tax"`
	Total       rest.Text
	TotalTax    rest.Text `json:"total_tax"`
	Taxes       []struct {
		ID    rest.Text
		Total rest.Text
	}
	MetaData wireMeta `json:"meta_data"`
}

type wireTaxLine struct {
	RateID      rest.Text `json:"rate_id"`
	RatePercent rest.Text `json:"rate_percent"`
}

type wireShipping struct {
	MethodTitle rest.Text `json:"method_title"`
	MethodID    rest.Text `json:"method_id"`
}

type wireFee struct {
	Total    rest.Text
	TotalTax rest.Text `json:"total_tax"`
}

// wireMeta is the list of meta data; plugins put anything into values.
type wireMeta []struct {
	Key   rest.Text
	Value json.RawMessage
}

// UnmarshalJSON takes a list; plugins that make something else of it are ignored.
func (m *wireMeta) UnmarshalJSON(b []byte) error {
	var list []json.RawMessage
	if json.Unmarshal(b, &list) != nil {
		return nil
	}
	*m = nil
	for _, entry := range list {
		var e struct {
			Key   rest.Text
			Value json.RawMessage
		}
		if json.Unmarshal(entry, &e) == nil {
			*m = append(*m, e)
		}
	}
	return nil
}

// text finds a plain value by its key, the last one of several.
func (m wireMeta) text(key string) string {
	for i := len(m) - 1; i >= 0; i-- {
		var t rest.Text
		if string(m[i].Key) == key && json.Unmarshal(m[i].Value, &t) == nil {
			return t.String()
		}
	}
	return ""
}

// wireRefund is a refund of an order.
type wireRefund struct {
	ID         rest.Text
	CreatedGMT rest.Text `json:"date_created_gmt"`
	Amount     rest.Text
	Reason     rest.Text
	LineItems  []wireLine `json:"line_items"`
}

// withRefunds is an order and its refunds, which are two calls. Refused is what the
// shop said in the place of the refunds.
type withRefunds struct {
	Order   json.RawMessage   `json:"order"`
	Refunds []json.RawMessage `json:"refunds"`
	Refused string            `json:"refused,omitempty"`
}

// oneRefund is a refund and the order that it belongs to.
type oneRefund struct {
	Order   json.RawMessage `json:"order"`
	Refund  json.RawMessage `json:"refund"`
	Refused string          `json:"refused,omitempty"`
}

// orderUpdate is what the hub writes into an order.
type orderUpdate struct {
	Status   string       `json:"status,omitempty"`
	MetaData []metaUpdate `json:"meta_data,omitempty"`
}

type metaUpdate struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type orderNote struct {
	Note         string `json:"note"`
	CustomerNote bool   `json:"customer_note"`
}

type wireProduct struct {
	ID          rest.Text
	Name        rest.Text
	Type        rest.Text
	Status      rest.Text
	SKU         rest.Text
	GTIN        rest.Text `json:"global_unique_id"`
	ManageStock rest.Text `json:"manage_stock"`
	Quantity    rest.Text `json:"stock_quantity"`
	Attributes  []struct {
		Option rest.Text
	}
	Images []wireImage // of a product
	Image  wireImage   // of a variation; null = that of its product
	Error  *wireError
}

type wireImage struct {
	Src rest.Text
}

type stockUpdate struct {
	ID          int64 `json:"id"`
	ManageStock bool  `json:"manage_stock"`
	Quantity    int64 `json:"stock_quantity"`
}

type wireHook struct {
	ID          rest.Text
	Name        rest.Text
	Status      rest.Text
	Topic       rest.Text
	DeliveryURL rest.Text `json:"delivery_url"`
}

type hookUpdate struct {
	Name        string `json:"name"`
	Topic       string `json:"topic,omitempty"`
	DeliveryURL string `json:"delivery_url,omitempty"`
	Secret      string `json:"secret"`
	Status      string `json:"status"`
}

type wireError struct {
	Code    rest.Text
	Message rest.Text
	Data    object[struct{ Status rest.Text }]
}
