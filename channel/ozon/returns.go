package ozon

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/rest"
)

// The kinds of raw answers about returns.
const (
	kindReturn  = "return_v1"      // an element of returns in /v1/returns/list
	kindRequest = "return_rfbs_v2" // returnRequest
)

// The halves of an rFBS return: the buyer's request and the goods on their way.
const (
	partGoods   = "goods"
	partRequest = "request"
)

// NormaliseReturn translates one return.
func (a *adapter) NormaliseReturn(kind string, body []byte) (orderhub.ReturnSnapshot, error) {
	var out orderhub.ReturnSnapshot
	var err error
	switch kind {
	case kindReturn:
		out, err = normaliseReturn(body)
	case kindRequest:
		out, err = normaliseRequest(body)
	default:
		return orderhub.ReturnSnapshot{}, fmt.Errorf("ozon: kind %.40q is not known", kind)
	}
	if err != nil {
		return orderhub.ReturnSnapshot{}, fmt.Errorf("ozon: read a return of kind %s: %w", kind, err)
	}
	return out, nil
}

// visualStates are the documented words of visual.status.sys_name. A decision or
// money alone moves no goods: such a word is the lowest state, which takes back
// nothing that the hub knows. "Rejected" is no end: the buyer can open a
// dispute; "CancelledDisputeNotOpen" says that none was opened.
var visualStates = map[string]orderhub.ReturnState{
	"WaitingShipment": orderhub.ReturnAnnounced, "MovingToSeller": orderhub.ReturnOnTheWay,
	"ReturningToSellerByCourier": orderhub.ReturnOnTheWay, "ArrivedAtReturnPlace": orderhub.ReturnAtPickup,
	"ReceivedBySeller": orderhub.ReturnReceived, "MovingToOzon": orderhub.ReturnOnTheWay,
	"ReturnedToOzon": orderhub.ReturnClosed, "Utilizing": orderhub.ReturnClosed, "Utilized": orderhub.ReturnClosed,

	"OnSellerApproval": orderhub.ReturnAnnounced, "OnSellerClarification": orderhub.ReturnAnnounced,
	"OnSellerClarificationAfterPartialCompensation": orderhub.ReturnAnnounced,
	"Approved": orderhub.ReturnAnnounced, "ApprovedByOzon": orderhub.ReturnAnnounced, "Rejected": orderhub.ReturnAnnounced,
	"DisputeOpened": orderhub.ReturnAnnounced, "DisputeYouOpened": orderhub.ReturnAnnounced,
	"DisputeOpening": orderhub.ReturnAnnounced, "SendingError": orderhub.ReturnAnnounced,
	"CrmRejected": orderhub.ReturnClosed, "Cancelled": orderhub.ReturnClosed, "CancelledDisputeNotOpen": orderhub.ReturnClosed,

	"ReturnMoneyApproved": orderhub.ReturnAnnounced, "MoneyReturned": orderhub.ReturnAnnounced,
	"MoneyReturnedBySystem": orderhub.ReturnAnnounced, "OfferedPartialCompensation": orderhub.ReturnAnnounced,
	"PartialCompensationInProcess": orderhub.ReturnAnnounced, wordPartPaid: orderhub.ReturnClosed,
	"CompensationOffered": orderhub.ReturnAnnounced, "WaitingCompensation": orderhub.ReturnAnnounced,
	"CompensationRejected": orderhub.ReturnAnnounced, "CompensationRejectedBySla": orderhub.ReturnAnnounced,
	"CompensationRejectedBySeller": orderhub.ReturnAnnounced,
}

// wordPartPaid: the buyer keeps the goods for a part of the money.
const wordPartPaid = "PartialCompensationReturned"

func normaliseReturn(body []byte) (orderhub.ReturnSnapshot, error) {
	var r returnRow
	if err := rest.Decode(body, &r); err != nil {
		return orderhub.ReturnSnapshot{}, err
	}
	if r.ID == "" {
		return orderhub.ReturnSnapshot{}, errors.New("field id is missing")
	}
	n := &notes{}
	native := r.Visual.v.Status.v.SysName
	s := orderhub.ReturnSnapshot{
		ExternalID: string(r.ID), Part: partGoods, OrderID: string(r.PostingNumber),
		Kind: n.returnKind(r.Type), Native: string(native), NativeSub: string(r.Compensation.v.Status.v.SysName),
		NoGoods: native == wordPartPaid, Reason: string(r.Reason), Barcode: string(r.Logistic.v.Barcode),
		PickUpBy:  n.date("storage.utilization_forecast_date", r.Storage.v.UtilisedAt),
		ChangedAt: n.time("visual.change_moment", r.Visual.v.ChangedAt),
	}
	s.State = n.returnState(&r, native)
	s.Place = placeOf(&r, s.State)
	s.OpenedAt = n.time("logistic.return_date", r.Logistic.v.ReturnedAt)
	if s.OpenedAt.IsZero() {
		s.OpenedAt = n.time("logistic.technical_return_moment", r.Logistic.v.TechnicalAt)
	}
	line, err := n.returned(r.Product, "")
	if err != nil {
		return orderhub.ReturnSnapshot{}, err
	}
	s.Lines = []orderhub.ReturnLine{line}
	s.Attrs = given(map[string]text{"source_id": r.SourceID, "is_opened": r.Additional.v.Opened})
	for field, odd := range map[string]bool{
		"visual": r.Visual.odd || r.Visual.v.Status.odd, "logistic": r.Logistic.odd, "storage": r.Storage.odd,
		"place": r.Place.odd || r.TargetPlace.odd, "compensation_status": r.Compensation.odd || r.Compensation.v.Status.odd,
	} {
		if odd {
			n.unknown(field, "another shape than documented")
		}
	}
	s.Drift = sorted(n.drift)
	return s, nil
}

// returnKind: what was cancelled on the way or refused at the hand-over, whole or
// in part, was never bought. /v1/returns/list does not tell defects apart.
func (n *notes) returnKind(word text) orderhub.ReturnKind {
	switch word {
	case "Cancellation", "FullReturn", "PartialReturn":
		return orderhub.ReturnRefused
	case "ClientReturn":
		return orderhub.ReturnCustomer
	case "", "Unknown": // a technical return
		return orderhub.ReturnUnknown
	default:
		n.unknown("type", word)
		return orderhub.ReturnUnknown
	}
}

// returnState: behind a word that moves no goods, the moment at which the seller
// got them, or got money in their place, still tells where they are.
func (n *notes) returnState(r *returnRow, native text) orderhub.ReturnState {
	state, ok := visualStates[string(native)]
	if !ok {
		n.unknown("visual.status.sys_name", native)
		return orderhub.ReturnAnnounced
	}
	if state != orderhub.ReturnAnnounced {
		return state
	}
	switch {
	case !n.time("logistic.final_moment", r.Logistic.v.FinalAt).IsZero():
		return orderhub.ReturnReceived
	case r.Compensation.v.Status.v.SysName == "Received" &&
		!n.time("logistic.cancelled_with_compensation_moment", r.Logistic.v.CompensatedAt).IsZero():
		return orderhub.ReturnClosed
	}
	return state
}

// placeOf is where the goods lie, or, on their way, where they are brought to.
func placeOf(r *returnRow, state orderhub.ReturnState) string {
	at, to := r.Place.v, r.TargetPlace.v
	if state == orderhub.ReturnAnnounced || state == orderhub.ReturnOnTheWay {
		at, to = to, at
	}
	if at == (place{}) {
		at = to
	}
	return strings.Trim(string(at.Name+", "+at.Address), ", ")
}

// returned reads the one product of a return. It must be readable, as the goods
// of an order must. fallback is the quantity where the answer has none.
func (n *notes) returned(in loose[returnProduct], fallback text) (orderhub.ReturnLine, error) {
	if in.odd || !in.given {
		return orderhub.ReturnLine{}, errors.New("field product: want the goods that come back")
	}
	p := in.v
	quantity, err := strconv.ParseInt(string(cmp.Or(p.Quantity, fallback)), 10, 64)
	if err != nil || quantity < 0 {
		return orderhub.ReturnLine{}, errors.New("field product.quantity: want a count")
	}
	return orderhub.ReturnLine{
		SKU: string(p.OfferID), ListingKey: string(p.SKU), Name: string(p.Name), Quantity: quantity,
		Price: n.money("product.price", amount(p.Price), p.CurrencyCode),
	}, nil
}

// date reads a moment that the document types as a plain text: a moment or only
// a date, which is a day in Moscow.
func (n *notes) date(field string, t text) time.Time {
	if at, err := time.ParseInLocation(time.DateOnly, string(t), moscow); err == nil {
		return at.UTC()
	}
	return n.time(field, t)
}

var moscow = time.FixedZone("MSK", 3*60*60)
