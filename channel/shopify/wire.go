package shopify

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/orderhub/orderhub/channel/rest"
)

type pageInfo struct {
	HasNextPage bool
	EndCursor   string
}

type rows struct {
	Nodes    []json.RawMessage
	PageInfo pageInfo
}

type amountSet struct {
	ShopMoney struct {
		Amount       rest.Text
		CurrencyCode rest.Text
	}
}

type wireOrder struct {
	ID              string
	Name            rest.Text
	CreatedAt       stamp
	UpdatedAt       stamp
	CancelledAt     rest.Text
	CancelReason    rest.Text
	Financial       string `json:"displayFinancialStatus"`
	Fulfillment     string `json:"displayFulfillmentStatus"`
	Note            rest.Text
	Email           rest.Text
	Phone           rest.Text
	CurrencyCode    rest.Text
	Customer        *wireCustomer
	ShippingAddress *wireAddress
	ShippingLine    *struct {
		Title              rest.Text
		DiscountedPriceSet amountSet
	}
	Subtotal  *amountSet `json:"currentSubtotalPriceSet"`
	LineItems struct{ Nodes []wireLine }
	// MoreLineItems are further pages of lines, added by the adapter.
	MoreLineItems []struct{ Nodes []wireLine }
	Fulfillments  []wireFulfillment
	// MoreFulfillments are shipments that did not come with the order, MoreSent further
	// pages of what lies in a shipment, by its id; Incomplete says why they lack. All
	// three are added by the adapter.
	MoreFulfillments []wireFulfillment
	MoreSent         map[string][]struct{ Nodes []wireSent }
	Incomplete       string
}

type wireCustomer struct {
	ID          string
	DisplayName rest.Text
}

type wireAddress struct {
	Name, Phone, Company, Address1, Address2, City, Province, Zip, Country rest.Text
}

type wireLine struct {
	ID              string
	SKU             rest.Text
	Name            rest.Text
	Quantity        rest.Text
	CurrentQuantity *rest.Text
	Variant         *struct {
		ID      string
		Barcode rest.Text
	}
	TaxLines []struct{ RatePercentage rest.Text }
	Original amountSet `json:"originalUnitPriceSet"`
	Unit     amountSet `json:"discountedUnitPriceAfterAllDiscountsSet"`
}

type wireFulfillment struct {
	ID            string
	Status        string
	DisplayStatus string
	TrackingInfo  []struct{ Number, Company rest.Text }
	Lines         struct{ Nodes []wireSent } `json:"fulfillmentLineItems"`
}

// wireSent is what lies of a line in a shipment.
type wireSent struct {
	Quantity rest.Text
	LineItem struct{ ID string }
}

// shipments are all that the body has, in Shopify's order.
func (o *wireOrder) shipments() []wireFulfillment {
	return append(slices.Clip(o.Fulfillments), o.MoreFulfillments...)
}

// gone tells a shipment that was taken back or never was.
func (f *wireFulfillment) gone() bool {
	return f.Status == "CANCELLED" || f.Status == "ERROR" || f.Status == "FAILURE"
}

type wireReturn struct {
	ID        string
	Name      rest.Text
	Status    string
	CreatedAt stamp
	Order     struct{ ID string }
	Lines     struct{ Nodes []wireReturnLine } `json:"returnLineItems"`
	// MoreLines are further pages of lines; Incomplete says why they lack. Both are
	// added by the adapter.
	MoreLines  []struct{ Nodes []wireReturnLine } `json:"moreReturnLineItems"`
	Incomplete string
}

func (r *wireReturn) lines() []wireReturnLine {
	out := slices.Clip(r.Lines.Nodes)
	for _, p := range r.MoreLines {
		out = append(out, p.Nodes...)
	}
	return out
}

type wireReturnLine struct {
	ID                  string
	Quantity            rest.Text
	ReturnReason        rest.Text
	CustomerNote        rest.Text
	FulfillmentLineItem *struct{ LineItem wireLine }
}

// wireKey is what is read of a row before it is stored.
type wireKey struct {
	ID        string
	CreatedAt stamp
	UpdatedAt stamp
}

// stamp is a time; one that cannot be read is none.
type stamp struct{ time.Time }

// UnmarshalJSON never fails: a time decides nothing that is worth an order.
func (s *stamp) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		return nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil && t.Year() > 1970 && t.Year() < 9999 {
		s.Time = t.UTC()
	}
	return nil
}
