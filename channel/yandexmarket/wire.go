package yandexmarket

import (
	"encoding/json"
	"strconv"
	"strings"
)

// The JSON of the Market. Field names follow the document; where it has two
// shapes of an order, v1 is BusinessOrderDTO and legacy is OrderDTO.

// scalar is one JSON value read as text, whatever its type: the Market has
// changed numbers to strings and back before, and an order must not be lost to
// that. What is not a scalar reads as empty.
type scalar string

func (s *scalar) UnmarshalJSON(b []byte) error {
	switch {
	case len(b) == 0 || b[0] == '{' || b[0] == '[' || string(b) == "null":
		*s = ""
	case b[0] == '"':
		var text string
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
		// PostgreSQL stores no NUL in a text.
		*s = scalar(strings.ReplaceAll(text, "\x00", ""))
	default:
		*s = scalar(b)
	}
	return nil
}

// integer reads a whole number.
func (s scalar) integer() (int64, bool) {
	n, err := strconv.ParseInt(string(s), 10, 64)
	return n, err == nil
}

// id reads the id of an order and spells it plainly.
func (s scalar) id() (string, bool) {
	n, ok := s.integer()
	if !ok || n <= 0 {
		return "", false
	}
	return strconv.FormatInt(n, 10), true
}

// wrapper is what most answers and all errors are wrapped in (ApiResponse,
// ApiErrorResponse).
type wrapper struct {
	Status scalar `json:"status"`
	Errors []struct {
		Code    scalar `json:"code"`
		Message scalar `json:"message"`
	} `json:"errors"`
}

// words gives the first code and all messages.
func (w wrapper) words() (code, text string) {
	var texts []string
	for _, e := range w.Errors {
		if code == "" {
			code = string(e.Code)
		}
		if e.Message != "" {
			texts = append(texts, string(e.Message))
		}
	}
	return code, strings.Join(texts, "; ")
}

// orderFilter is GetBusinessOrdersRequest.
type orderFilter struct {
	OrderIDs    []int64      `json:"orderIds,omitempty"`
	CampaignIDs []int64      `json:"campaignIds,omitempty"`
	Dates       *datesFilter `json:"dates,omitempty"`
	Fake        bool         `json:"fake"`
}

// datesFilter is OrderDatesFilterDTO: creation days of Moscow, the last one
// excluded; update times ISO 8601. Each range at most 30 days.
type datesFilter struct {
	CreationDateFrom string `json:"creationDateFrom,omitempty"`
	CreationDateTo   string `json:"creationDateTo,omitempty"`
	UpdateDateFrom   string `json:"updateDateFrom,omitempty"`
	UpdateDateTo     string `json:"updateDateTo,omitempty"`
}

// orderPage is GetBusinessOrdersResponse; it has no wrapper.
type orderPage struct {
	Orders []json.RawMessage `json:"orders"`
	Paging struct {
		NextPageToken string `json:"nextPageToken"`
	} `json:"paging"`
}

// orderKey is as little of an order as listing needs.
type orderKey struct {
	OrderID      scalar `json:"orderId"`
	CreationDate scalar `json:"creationDate"`
	Fake         scalar `json:"fake"`
}

type amount struct {
	Value      scalar `json:"value"`
	CurrencyID scalar `json:"currencyId"`
}

// orderV1 is BusinessOrderDTO.
type orderV1 struct {
	OrderID         scalar     `json:"orderId"`
	CampaignID      scalar     `json:"campaignId"`
	ProgramType     scalar     `json:"programType"`
	ExternalOrderID scalar     `json:"externalOrderId"`
	Status          scalar     `json:"status"`
	Substatus       scalar     `json:"substatus"`
	CreationDate    scalar     `json:"creationDate"`
	UpdateDate      scalar     `json:"updateDate"`
	PaymentType     scalar     `json:"paymentType"`
	PaymentMethod   scalar     `json:"paymentMethod"`
	Fake            scalar     `json:"fake"`
	Items           []itemV1   `json:"items"`
	Prices          *pricesV1  `json:"prices"`
	Delivery        deliveryV1 `json:"delivery"`
	BuyerType       scalar     `json:"buyerType"`
	Notes           scalar     `json:"notes"`
	CancelRequested scalar     `json:"cancelRequested"`
	SourcePlatform  scalar     `json:"sourcePlatform"`
}

// itemV1 is BusinessOrderItemDTO; its amounts are for all units of the line.
type itemV1 struct {
	ID        scalar `json:"id"`
	OfferID   scalar `json:"offerId"`
	OfferName scalar `json:"offerName"`
	Count     scalar `json:"count"`
	Prices    *struct {
		goodsV1
		VAT scalar `json:"vat"`
	} `json:"prices"`
	RequiredInstanceTypes []scalar `json:"requiredInstanceTypes"`
	ItemStatuses          []struct {
		Status scalar `json:"status"`
	} `json:"itemStatuses"`
}

// goodsV1 is the part that ItemPriceDTO and OrderPriceDTO share.
type goodsV1 struct {
	Payment  *amount `json:"payment"`
	Subsidy  *amount `json:"subsidy"`
	Cashback *amount `json:"cashback"`
}

// pricesV1 is OrderPriceDTO.
type pricesV1 struct {
	goodsV1
	Delivery *struct {
		Payment *amount `json:"payment"`
		Subsidy *amount `json:"subsidy"`
	} `json:"delivery"`
}

// deliveryV1 is BusinessOrderDeliveryDTO.
type deliveryV1 struct {
	Type                scalar `json:"type"`
	ServiceName         scalar `json:"serviceName"`
	DeliveryServiceID   scalar `json:"deliveryServiceId"`
	WarehouseID         scalar `json:"warehouseId"`
	DeliveryPartnerType scalar `json:"deliveryPartnerType"`
	DispatchType        scalar `json:"dispatchType"`
	Dates               struct {
		FromDate scalar `json:"fromDate"`
		ToDate   scalar `json:"toDate"`
		FromTime scalar `json:"fromTime"`
		ToTime   scalar `json:"toTime"`
	} `json:"dates"`
	Shipment struct {
		ID           scalar `json:"id"`
		ShipmentDate scalar `json:"shipmentDate"`
		ShipmentTime scalar `json:"shipmentTime"`
	} `json:"shipment"`
	Courier *placeV1 `json:"courier"`
	Pickup  *placeV1 `json:"pickup"`
	Tracks  []struct {
		TrackCode scalar `json:"trackCode"`
	} `json:"tracks"`
}

// placeV1 is BusinessOrderCourierDeliveryDTO or BusinessOrderPickupDeliveryDTO.
type placeV1 struct {
	Address *addressV1 `json:"address"`
	Region  struct {
		Name scalar `json:"name"`
	} `json:"region"`
	OutletCode             scalar `json:"outletCode"`
	OutletStorageLimitDate scalar `json:"outletStorageLimitDate"`
}

// addressV1 is BusinessOrderDeliveryAddressDTO without the geography.
type addressV1 struct {
	Postcode  scalar `json:"postcode"`
	City      scalar `json:"city"`
	Street    scalar `json:"street"`
	House     scalar `json:"house"`
	Block     scalar `json:"block"`
	Apartment scalar `json:"apartment"`
}

// orderLegacy is what the hub takes from OrderDTO, the answer of PUT status.
type orderLegacy struct {
	ID              scalar `json:"id"`
	Status          scalar `json:"status"`
	Substatus       scalar `json:"substatus"`
	CreationDate    scalar `json:"creationDate"`
	UpdatedAt       scalar `json:"updatedAt"`
	CancelRequested scalar `json:"cancelRequested"`
	Delivery        struct {
		DeliveryPartnerType scalar `json:"deliveryPartnerType"`
	} `json:"delivery"`
}

// statusChangeRequest is UpdateOrderStatusRequest.
type statusChangeRequest struct {
	Order statusChange `json:"order"`
}

type statusChange struct {
	Status    string          `json:"status"`
	Substatus string          `json:"substatus,omitempty"`
	Delivery  *changeDelivery `json:"delivery,omitempty"`
}

type changeDelivery struct {
	Dates struct {
		RealDeliveryDate string `json:"realDeliveryDate"`
	} `json:"dates"`
}

// statusesRequest is UpdateOrderStatusesRequest.
type statusesRequest struct {
	Orders []statusRow `json:"orders"`
}

type statusRow struct {
	ID        int64  `json:"id"`
	Status    string `json:"status"`
	Substatus string `json:"substatus,omitempty"`
}

// statusesAnswer is UpdateOrderStatusesResponse.
type statusesAnswer struct {
	wrapper
	Result struct {
		Orders []statusesRow `json:"orders"`
	} `json:"result"`
}

type statusesRow struct {
	ID           scalar `json:"id"`
	UpdateStatus scalar `json:"updateStatus"`
	ErrorDetails scalar `json:"errorDetails"`
}

// boxesRequest is SetOrderBoxLayoutRequest. With allowRemove, goods left out of the
// boxes are deleted from the order for good: only CancelLines sends it.
type boxesRequest struct {
	Boxes       []box `json:"boxes"`
	AllowRemove bool  `json:"allowRemove"`
}

type box struct {
	Items []boxItem `json:"items"`
}

type boxItem struct {
	ID        int64         `json:"id"`
	FullCount int64         `json:"fullCount"`
	Instances []boxInstance `json:"instances,omitempty"`
}

// boxInstance is one marking code. encoding/json writes its GS separator as
// \u001d, as the Market demands.
type boxInstance struct {
	CIS string `json:"cis"`
}

// trackRequest is SetOrderDeliveryTrackCodeRequest.
type trackRequest struct {
	TrackCode         string `json:"trackCode"`
	DeliveryServiceID int64  `json:"deliveryServiceId"`
}

// cancellationRequest is AcceptOrderCancellationRequest.
type cancellationRequest struct {
	Accepted bool   `json:"accepted"`
	Reason   string `json:"reason,omitempty"`
}

// tokenAnswer is GetTokenInfoResponse.
type tokenAnswer struct {
	Result struct {
		APIKey struct {
			Name       scalar   `json:"name"`
			AuthScopes []scalar `json:"authScopes"`
		} `json:"apiKey"`
	} `json:"result"`
}

// campaignPage is GetCampaignsResponse.
type campaignPage struct {
	Campaigns []campaign `json:"campaigns"`
	Paging    struct {
		NextPageToken string `json:"nextPageToken"`
	} `json:"paging"`
}

type campaign struct {
	ID       scalar `json:"id"`
	Domain   scalar `json:"domain"`
	Business struct {
		ID   scalar `json:"id"`
		Name scalar `json:"name"`
	} `json:"business"`
	PlacementType   scalar `json:"placementType"`
	APIAvailability scalar `json:"apiAvailability"`
}
