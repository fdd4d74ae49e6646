package yandexmarket

import "encoding/json"

// The JSON of returns and refused deliveries. Amounts are taken from amount and
// partnerCompensationAmount: refundAmount and partnerCompensation, in kopecks,
// were shut down on 2026-10-12.

// returnPage is GetReturnsResponse.
type returnPage struct {
	Result struct {
		Paging  nextPage          `json:"paging"`
		Returns []json.RawMessage `json:"returns"`
	} `json:"result"`
}

// oneReturn is GetReturnResponse.
type oneReturn struct {
	Result json.RawMessage `json:"result"`
}

// returnKey is as little of a return as listing needs.
type returnKey struct {
	ID           scalar `json:"id"`
	RefundStatus scalar `json:"refundStatus"`
}

// returnEnvelope is the body of an item: a ReturnDTO as it came, and what other
// calls told of it, so that it can be understood alone.
type returnEnvelope struct {
	CampaignID    int64           `json:"campaignId"`
	PlacementType string          `json:"placementType,omitempty"`
	Return        json.RawMessage `json:"return"`
	// AvailableDecisions of POST returns/decisions; absent = not asked for.
	AvailableDecisions json.RawMessage `json:"availableDecisions,omitempty"`
}

// returnItem is returnEnvelope as it is read back.
type returnItem struct {
	CampaignID         scalar           `json:"campaignId"`
	PlacementType      scalar           `json:"placementType"`
	Return             *returnV2        `json:"return"`
	AvailableDecisions []returnDecision `json:"availableDecisions"`
}

// returnV2 is ReturnDTO.
type returnV2 struct {
	ID                    scalar       `json:"id"`
	OrderID               scalar       `json:"orderId"`
	CreationDate          scalar       `json:"creationDate"`
	UpdateDate            scalar       `json:"updateDate"`
	ReturnType            scalar       `json:"returnType"`
	RefundStatus          scalar       `json:"refundStatus"`
	ShipmentStatus        scalar       `json:"shipmentStatus"`
	ShipmentRecipientType scalar       `json:"shipmentRecipientType"`
	PickupTillDate        scalar       `json:"pickupTillDate"`
	FastReturn            scalar       `json:"fastReturn"`
	Amount                *amount      `json:"amount"`
	LogisticPickupPoint   *returnPoint `json:"logisticPickupPoint"`
	Items                 []returnGood `json:"items"`
}

// returnPoint is LogisticPickupPointDTO.
type returnPoint struct {
	ID          scalar `json:"id"`
	Name        scalar `json:"name"`
	Instruction scalar `json:"instruction"`
	Address     struct {
		Postcode scalar `json:"postcode"`
		City     scalar `json:"city"`
		Street   scalar `json:"street"`
		House    scalar `json:"house"`
	} `json:"address"`
}

// returnGood is ReturnItemDTO.
type returnGood struct {
	ShopSKU   scalar `json:"shopSku"`
	Count     scalar `json:"count"`
	Decisions []struct {
		ReturnItemID              scalar   `json:"returnItemId"`
		Count                     scalar   `json:"count"`
		Comment                   scalar   `json:"comment"`
		ReasonType                scalar   `json:"reasonType"`
		SubreasonType             scalar   `json:"subreasonType"`
		DecisionType              scalar   `json:"decisionType"`
		Amount                    *amount  `json:"amount"`
		PartnerCompensationAmount *amount  `json:"partnerCompensationAmount"`
		Images                    []scalar `json:"images"`
	} `json:"decisions"`
	Tracks []struct {
		TrackCode scalar `json:"trackCode"`
	} `json:"tracks"`
}

// decisionsRequest is GetReturnAvailableDecisionsRequest.
type decisionsRequest struct {
	CampaignID int64 `json:"campaignId"`
	ReturnID   int64 `json:"returnId"`
}

// decisionsAnswer is GetReturnAvailableDecisionsResponse.
type decisionsAnswer struct {
	Result struct {
		AvailableDecisions json.RawMessage `json:"availableDecisions"`
	} `json:"result"`
}

// returnDecision is ReturnAvailableDecisionDTO.
type returnDecision struct {
	DecisionType              scalar   `json:"decisionType"`
	DecisionReasonTypes       []scalar `json:"decisionReasonTypes"`
	PartialCompensationBounds *struct {
		MinAmount  *amount `json:"minAmount"`
		MaxAmount  *amount `json:"maxAmount"`
		MaxPercent scalar  `json:"maxPercent"`
	} `json:"partialCompensationBounds"`
}

// submitRequest is SubmitReturnDecisionRequest.
type submitRequest struct {
	ReturnItemDecisions []itemDecision `json:"returnItemDecisions"`
}

type itemDecision struct {
	ReturnItemID       int64         `json:"returnItemId"`
	DecisionType       string        `json:"decisionType"`
	DecisionReasonType string        `json:"decisionReasonType,omitempty"`
	Comment            string        `json:"comment,omitempty"`
	Compensation       *compensation `json:"compensation,omitempty"`
}

type compensation struct {
	Value      json.Number `json:"value"`
	CurrencyID string      `json:"currencyId"`
}

// itemsRequest is UpdateOrderItemRequest: the whole of what stays in the order.
type itemsRequest struct {
	Items  []itemCount `json:"items"`
	Reason string      `json:"reason"`
}

type itemCount struct {
	ID    int64 `json:"id"`
	Count int64 `json:"count"`
}
