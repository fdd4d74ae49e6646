package ozon

import (
	"encoding/json"
	"errors"
)

// The structs of returns and of requests to cancel, decoded as loosely as those
// of wire.go.

// returnRow is one element of returns in /v1/returns/list.
type returnRow struct {
	ID            text                      `json:"id"`
	PostingNumber text                      `json:"posting_number"`
	Type          text                      `json:"type"`
	Schema        text                      `json:"schema"`
	Reason        text                      `json:"return_reason_name"`
	SourceID      text                      `json:"source_id"`
	Product       loose[returnProduct]      `json:"product"`
	Place         loose[place]              `json:"place"`
	TargetPlace   loose[place]              `json:"target_place"`
	Storage       loose[storage]            `json:"storage"`
	Logistic      loose[logistic]           `json:"logistic"`
	Visual        loose[visual]             `json:"visual"`
	Compensation  loose[compensationStatus] `json:"compensation_status"`
	Additional    loose[additional]         `json:"additional_info"`
}

// returnProduct is the product of a return and of a request. A request writes
// the price as a bare number beside currency_code and has no quantity.
type returnProduct struct {
	OfferID      text        `json:"offer_id"`
	SKU          text        `json:"sku"`
	Name         text        `json:"name"`
	Quantity     text        `json:"quantity"`
	Price        returnPrice `json:"price"`
	CurrencyCode text        `json:"currency_code"`
}

// returnPrice is {"price":"3318","currency_code":"RUB"}, 3318 or "3318".
type returnPrice amount

func (p *returnPrice) UnmarshalJSON(b []byte) error {
	*p = returnPrice{}
	if len(b) > 0 && b[0] == '{' {
		var obj struct {
			Price    text `json:"price"`
			Currency text `json:"currency_code"`
		}
		if err := json.Unmarshal(b, &obj); err != nil {
			return err
		}
		p.value, p.currency = obj.Price, obj.Currency
		return nil
	}
	return p.value.UnmarshalJSON(b)
}

type place struct {
	Name    text `json:"name"`
	Address text `json:"address"`
}

type storage struct {
	UtilisedAt text `json:"utilization_forecast_date"`
}

type logistic struct {
	TechnicalAt   text `json:"technical_return_moment"`
	ReturnedAt    text `json:"return_date"`
	FinalAt       text `json:"final_moment"`
	CompensatedAt text `json:"cancelled_with_compensation_moment"`
	Barcode       text `json:"barcode"`
}

type visual struct {
	Status    loose[sysName] `json:"status"`
	ChangedAt text           `json:"change_moment"`
}

type compensationStatus struct {
	Status loose[sysName] `json:"status"`
}

type sysName struct {
	SysName text `json:"sys_name"`
}

type additional struct {
	Opened text `json:"is_opened"`
}

// returnsPage is one answer of /v1/returns/list.
type returnsPage struct {
	Returns *[]json.RawMessage `json:"returns"`
	HasNext text               `json:"has_next"`
}

// returnRequest is the body of kindRequest: a row of /v2/returns/rfbs/list, which
// alone has the id and the group, and what /v2/returns/rfbs/get tells of it,
// which alone has the actions. Details are left out when they were not asked for.
type returnRequest struct {
	Request json.RawMessage `json:"request"`
	Details json.RawMessage `json:"details,omitempty"`
}

// requestRow is what the two calls tell of a request; each leaves something out.
type requestRow struct {
	ID            text                   `json:"return_id"` // list only
	Number        text                   `json:"return_number"`
	PostingNumber text                   `json:"posting_number"`
	CreatedAt     text                   `json:"created_at"`
	Product       loose[returnProduct]   `json:"product"`
	State         loose[requestState]    `json:"state"`
	Actions       loose[[]requestAction] `json:"available_actions"`
	RejectReasons loose[[]rejectReason]  `json:"rejection_reason"`
	Reason        loose[requestReason]   `json:"return_reason"`
	Comment       text                   `json:"comment"`
	Photos        texts                  `json:"client_photo"`
	Method        text                   `json:"return_method_description"`
	Tracking      text                   `json:"ru_post_tracking_number"`
}

type requestState struct {
	State text `json:"state"`
	Group text `json:"group_state"`             // list only
	Money text `json:"money_return_state_name"` // list only
}

// requestAction is {"id":10,"name":"…"}; Ozon's example wraps it in "action".
type requestAction struct {
	ID   text
	Name text
}

func (a *requestAction) UnmarshalJSON(b []byte) error {
	type plain struct {
		ID   text `json:"id"`
		Name text `json:"name"`
	}
	var both struct {
		plain
		Action *plain `json:"action"`
	}
	if err := json.Unmarshal(b, &both); err != nil {
		return err
	}
	in := both.plain
	if both.Action != nil {
		in = *both.Action
	}
	a.ID, a.Name = in.ID, in.Name
	return nil
}

type rejectReason struct {
	ID   text `json:"id"`
	Name text `json:"name"`
}

type requestReason struct {
	Name   text `json:"name"`
	Defect text `json:"is_defect"`
}

// requestsPage is one answer of /v2/returns/rfbs/list: the example has a list
// where the schema has one object; both are taken.
type requestsPage struct {
	Rows []json.RawMessage
}

func (p *requestsPage) UnmarshalJSON(b []byte) error {
	var in struct {
		Returns json.RawMessage `json:"returns"`
	}
	*p = requestsPage{}
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	switch {
	case len(in.Returns) == 0:
		return errors.New("no returns in the answer")
	case in.Returns[0] == '[':
		return json.Unmarshal(in.Returns, &p.Rows)
	case in.Returns[0] == '{':
		if externalKey(in.Returns, "return_id") != "" {
			p.Rows = []json.RawMessage{in.Returns}
		}
	}
	return nil
}

// askedPosting is the body of kindFBSAsked and kindFBSGetAsked: a posting and
// the request to cancel it that waits for the seller. They travel together
// because each answer about a posting is the whole truth about it: without the
// request the next list would take it away again.
type askedPosting struct {
	Posting json.RawMessage `json:"posting"`
	Request json.RawMessage `json:"cancel_request"`
}

// cancelRow is one element of result in /v2/conditional-cancellation/list.
type cancelRow struct {
	ID            text               `json:"cancellation_id"`
	PostingNumber text               `json:"posting_number"`
	AutoApproveAt text               `json:"auto_approve_date"`
	State         loose[cancelState] `json:"state"`
}

type cancelState struct {
	State text `json:"state"`
}

// cancelsPage is one answer of /v2/conditional-cancellation/list.
type cancelsPage struct {
	Result *[]json.RawMessage `json:"result"`
	LastID text               `json:"last_id"`
}

// externalKey reads one scalar member of an object, "" when there is none.
func externalKey(body json.RawMessage, field string) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return ""
	}
	var key text
	if raw, ok := members[field]; !ok || json.Unmarshal(raw, &key) != nil {
		return ""
	}
	return string(key)
}
