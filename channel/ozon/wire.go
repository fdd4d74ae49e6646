package ozon

import (
	"encoding/json"
	"errors"
	"strings"
)

// The structs of the Seller API, as far as they are read. Ozon's documents and
// its answers differ in types (ids as numbers and as text, objects as lists), so
// everything that is not essential is decoded loosely; the raw answer is kept by
// the core.

// posting is one posting of /v4/posting/fbs/list, /v4/posting/fbs/unfulfilled/list,
// /v3/posting/fbs/get and /v3/posting/fbo/list: the shapes differ only in how
// amounts are written.
type posting struct {
	PostingNumber       text                `json:"posting_number"`
	OrderNumber         text                `json:"order_number"`
	ParentPostingNumber text                `json:"parent_posting_number"`
	Status              text                `json:"status"`
	Substatus           text                `json:"substatus"`
	InProcessAt         text                `json:"in_process_at"`
	ShipmentDate        text                `json:"shipment_date"`
	DeliveringDate      text                `json:"delivering_date"`
	TplIntegrationType  text                `json:"tpl_integration_type"`
	IntegrationTypeFlow text                `json:"integration_type_flow"`
	TrackingNumber      text                `json:"tracking_number"`
	AvailableActions    texts               `json:"available_actions"`
	Products            loose[[]product]    `json:"products"`
	DeliveryMethod      loose[method]       `json:"delivery_method"`
	Requirements        loose[requirements] `json:"requirements"`
	Cancellation        loose[cancellation] `json:"cancellation"`
	CancelReasonID      text                `json:"cancel_reason_id"` // FBO has it beside cancellation
	Customer            loose[customer]     `json:"customer"`
	Addressee           loose[addressee]    `json:"addressee"`
	AnalyticsData       loose[analytics]    `json:"analytics_data"`
	FinancialData       loose[financial]    `json:"financial_data"`
	LegalInfo           loose[legalInfo]    `json:"legal_info"`
	ExternalOrder       loose[external]     `json:"external_order"`
}

type product struct {
	OfferID      text   `json:"offer_id"`
	SKU          text   `json:"sku"`
	Name         text   `json:"name"`
	Quantity     text   `json:"quantity"`
	Price        amount `json:"price"`
	CurrencyCode text   `json:"currency_code"` // get only; v4 has it inside price
}

type method struct {
	ID          text `json:"id"`
	Name        text `json:"name"`
	WarehouseID text `json:"warehouse_id"`
	Warehouse   text `json:"warehouse"`
	TplProvider text `json:"tpl_provider"`
}

// requirements is products_requiring_<what>: SKUs. A map, so that a new kind of
// requirement is not overlooked.
type requirements map[string]texts

type cancellation struct {
	ReasonID  text `json:"cancel_reason_id"`
	Reason    text `json:"cancel_reason"`
	Type      text `json:"cancellation_type"`
	Initiator text `json:"cancellation_initiator"`
	AfterShip text `json:"cancelled_after_ship"`
}

type customer struct {
	ID      text           `json:"customer_id"`
	Name    text           `json:"name"`
	Phone   text           `json:"phone"`
	Address loose[address] `json:"address"`
}

type address struct {
	ZipCode     text `json:"zip_code"`
	Region      text `json:"region"`
	City        text `json:"city"`
	AddressTail text `json:"address_tail"`
	Comment     text `json:"comment"`
}

type addressee struct {
	Name  text `json:"name"`
	Phone text `json:"phone"` // get only
	Pin   text `json:"pin"`   // get only
}

type analytics struct {
	City          text `json:"city"`
	WarehouseName text `json:"warehouse_name"` // FBO
	DeliveryBegin text `json:"delivery_date_begin"`
	DeliveryEnd   text `json:"delivery_date_end"`
}

type financial struct {
	Products loose[[]financialProduct] `json:"products"`
}

type financialProduct struct {
	ProductID    text   `json:"product_id"` // this is the SKU
	Quantity     text   `json:"quantity"`
	Price        amount `json:"price"`
	CurrencyCode text   `json:"currency_code"` // get only
}

type legalInfo struct {
	CompanyName text `json:"company_name"`
	INN         text `json:"inn"`
	KPP         text `json:"kpp"`
}

type external struct {
	IsExternal text `json:"is_external"`
}

// text is a JSON scalar as text: "5" and 5 are the same id, null is "". Lists
// and objects in its place are "" too.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	*t = ""
	switch {
	case len(b) == 0 || b[0] == '{' || b[0] == '[' || string(b) == "null":
		return nil
	case b[0] == '"':
		return json.Unmarshal(b, (*string)(t))
	default:
		*t = text(b)
		return nil
	}
}

// texts is a list of scalars; nil when the field is absent, null or something
// else, empty when it is an empty list.
type texts []text

func (t *texts) UnmarshalJSON(b []byte) error {
	*t = nil
	if len(b) == 0 || b[0] != '[' {
		return nil
	}
	return json.Unmarshal(b, (*[]text)(t))
}

// amount is {"amount":"490.00","currency":"RUB"}, "490.0000" or 490.
type amount struct {
	value, currency text
}

func (m *amount) UnmarshalJSON(b []byte) error {
	*m = amount{}
	if len(b) > 0 && b[0] == '{' {
		var obj struct {
			Amount   text `json:"amount"`
			Currency text `json:"currency"`
		}
		if err := json.Unmarshal(b, &obj); err != nil {
			return err
		}
		m.value, m.currency = obj.Amount, obj.Currency
		return nil
	}
	return m.value.UnmarshalJSON(b)
}

// loose is an optional part: given tells that it was there and readable, odd
// that it had a shape which is not understood.
type loose[T any] struct {
	v          T
	given, odd bool
}

func (l *loose[T]) UnmarshalJSON(b []byte) error {
	*l = loose[T]{}
	if string(b) == "null" {
		return nil
	}
	if err := json.Unmarshal(b, &l.v); err != nil {
		*l = loose[T]{odd: true}
		return nil
	}
	l.given = true
	return nil
}

// postingsPage is one answer of a list. Both {"postings":[…]} and
// {"result":{"postings":[…]}} are accepted: public clients report either.
type postingsPage struct {
	Postings []json.RawMessage
	Cursor   string
	HasNext  bool
}

func (p *postingsPage) UnmarshalJSON(b []byte) error {
	type plain struct {
		Postings *[]json.RawMessage `json:"postings"`
		Cursor   *text              `json:"cursor"`
		HasNext  *bool              `json:"has_next"`
	}
	var both struct {
		plain
		Result *plain `json:"result"`
	}
	if err := json.Unmarshal(b, &both); err != nil {
		return err
	}
	in := both.plain
	if both.Result != nil {
		in = *both.Result
	}
	// An answer about something else must not pass for an empty page.
	if in.Postings == nil && in.Cursor == nil && in.HasNext == nil {
		return errors.New("no postings in the answer")
	}
	*p = postingsPage{}
	if in.Postings != nil {
		p.Postings = *in.Postings
	}
	if in.Cursor != nil {
		p.Cursor = string(*in.Cursor)
	}
	if in.HasNext != nil {
		p.HasNext = *in.HasNext
	}
	return nil
}

// productsPage is the result of /v3/product/list. Even its last page with offers
// has a last_id.
type productsPage struct {
	Items  []productRow `json:"items"`
	LastID *text        `json:"last_id"`
}

type productRow struct {
	ProductID text `json:"product_id"`
	OfferID   text `json:"offer_id"`
	SKU       text `json:"sku"`
	Archived  text `json:"archived"`
}

// productInfo is one item of /v3/product/info/list.
type productInfo struct {
	ID           text                   `json:"id"` // the product_id
	SKU          text                   `json:"sku"`
	Name         text                   `json:"name"`
	Barcodes     texts                  `json:"barcodes"`
	Primary      texts                  `json:"primary_image"`
	Images       texts                  `json:"images"`
	Archived     text                   `json:"is_archived"`
	AutoArchived text                   `json:"is_autoarchived"`
	Statuses     loose[productStatuses] `json:"statuses"`
	Errors       loose[[]productError]  `json:"errors"`
	Visibility   loose[visibility]      `json:"visibility_details"`
}

type productStatuses struct {
	Created text `json:"is_created"`
}

type productError struct {
	Level text `json:"level"`
}

type visibility struct {
	HasPrice text `json:"has_price"`
}

// stockRow is one row of the answer of /v2/products/stocks.
type stockRow struct {
	OfferID     text                `json:"offer_id"`
	ProductID   text                `json:"product_id"`
	WarehouseID text                `json:"warehouse_id"`
	Updated     text                `json:"updated"`
	Errors      loose[[]stockFault] `json:"errors"`
}

type stockFault struct {
	Code    text `json:"code"`
	Message text `json:"message"`
}

// stockPage is one answer of /v2/product/info/stocks-by-warehouse/fbs: a row per
// offer and warehouse.
type stockPage struct {
	Products *[]stockShown `json:"products"`
	Cursor   text          `json:"cursor"`
	HasNext  text          `json:"has_next"`
}

type stockShown struct {
	SKU         text `json:"sku"`
	WarehouseID text `json:"warehouse_id"`
	Free        text `json:"free_stock"`
}

type warehousesPage struct {
	Warehouses []warehouse `json:"warehouses"`
	HasNext    text        `json:"has_next"`
}

type warehouse struct {
	ID     text `json:"warehouse_id"`
	Name   text `json:"name"`
	Status text `json:"status"`
	RFBS   text `json:"is_rfbs"`
}

// rowResult is one row of the answer to the rFBS moves and the tracking numbers.
type rowResult struct {
	PostingNumber text    `json:"posting_number"`
	Result        bool    `json:"result"`
	Error         failure `json:"error"`
}

// failure is an error that the schema writes as text and an example as a list.
type failure string

func (f *failure) UnmarshalJSON(b []byte) error {
	*f = ""
	switch {
	case len(b) == 0 || string(b) == "null":
		return nil
	case b[0] == '[':
		var list []failure
		if err := json.Unmarshal(b, &list); err != nil {
			return err
		}
		words := make([]string, 0, len(list))
		for _, w := range list {
			words = append(words, string(w))
		}
		*f = failure(strings.Join(words, ", "))
		return nil
	case b[0] == '{':
		var obj struct {
			Code, Message text
		}
		if err := json.Unmarshal(b, &obj); err != nil {
			return err
		}
		*f = failure(strings.TrimSpace(string(obj.Code + " " + obj.Message)))
		return nil
	default:
		return (*text)(f).UnmarshalJSON(b)
	}
}
