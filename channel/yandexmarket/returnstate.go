package yandexmarket

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/rest"
)

// The keys of ReturnSnapshot.Attrs; the campaign has the key of orders.
const (
	attrReturnItems = "returnItemIds" // every position that an answer must name, with commas
	attrPlacement   = "placementType"
	attrRecipient   = "shipmentRecipientType"
	attrPickupPoint = "logisticPickupPointId"
	attrBackTracks  = "tracks"
)

// returnAnswer is how long the seller has to decide; then the Market refunds.
const returnAnswer = 48 * time.Hour

// wordOfShipment says where the goods are (ReturnShipmentStatusType). UNKNOWN is
// left out: it is the Market's own word for not knowing.
var wordOfShipment = map[string]orderhub.ReturnState{
	"CREATED":                    orderhub.ReturnAnnounced,
	"RECEIVED":                   orderhub.ReturnOnTheWay, // taken from the buyer
	"IN_TRANSIT":                 orderhub.ReturnOnTheWay,
	"FULFILMENT_RECEIVED":        orderhub.ReturnOnTheWay, // at the Market's warehouse; FBY goods stay there
	"READY_FOR_PICKUP":           orderhub.ReturnAtPickup,
	"PICKED":                     orderhub.ReturnReceived,
	"LOST":                       orderhub.ReturnClosed,
	"EXPIRED":                    orderhub.ReturnClosed, // the buyer did not bring them
	"CANCELLED":                  orderhub.ReturnClosed,
	"NOT_IN_DEMAND":              orderhub.ReturnClosed, // nobody collected them at the post office
	"PREPARED_FOR_UTILIZATION":   orderhub.ReturnClosed,
	"UTILIZED":                   orderhub.ReturnClosed,
	"READY_FOR_EXPROPRIATION":    orderhub.ReturnClosed,
	"RECEIVED_FOR_EXPROPRIATION": orderhub.ReturnClosed,
}

var (
	refundWords = words(`
		STARTED_BY_USER REFUND_IN_PROGRESS REFUNDED FAILED WAITING_FOR_DECISION DECISION_MADE REFUNDED_WITH_BONUSES
		REFUNDED_BY_SHOP CANCELLED REJECTED COMPLETE_WITHOUT_REFUND PREMODERATION_DISPUTE
		PREMODERATION_DECISION_WAITING PREMODERATION_DECISION_MADE PREMODERATION_SELECT_DELIVERY`)
	// faultWords are the reasons that speak against the goods, the others only of
	// the buyer's mind or of nothing (ReturnDecisionReasonType).
	faultWords  = words("BAD_QUALITY WRONG_ITEM DAMAGE_DELIVERY LOYALTY_FAIL CONTENT_FAIL")
	reasonWords = words("BAD_QUALITY WRONG_ITEM DAMAGE_DELIVERY LOYALTY_FAIL CONTENT_FAIL DOES_NOT_FIT DELIVERY_FAIL UNKNOWN")
	// keepWords are the decisions after which the goods stay with the buyer.
	keepWords = words("FAST_REFUND_MONEY PARTIAL_MONEY_REFUND DECLINE_REFUND")
	// fullWords are the decisions whose amount is what the units cost.
	fullWords = words("REFUND_MONEY FAST_REFUND_MONEY UNKNOWN")
)

const (
	decisionPartial = "PARTIAL_MONEY_REFUND"
	decisionDecline = "DECLINE_REFUND"
)

// NormaliseReturn translates one raw return; see MAPPINGS.md.
func (a *adapter) NormaliseReturn(kind string, body []byte) (orderhub.ReturnSnapshot, error) {
	s, err := normaliseReturn(kind, body)
	if err != nil {
		return orderhub.ReturnSnapshot{}, fmt.Errorf("yandex_market: normalise %s: %w", clip(kind), err)
	}
	return s, nil
}

func normaliseReturn(kind string, body []byte) (orderhub.ReturnSnapshot, error) {
	if kind != kindReturn {
		return orderhub.ReturnSnapshot{}, errors.New("no such kind of item")
	}
	var in returnItem
	if err := rest.Decode(body, &in); err != nil {
		return orderhub.ReturnSnapshot{}, err
	}
	if in.Return == nil {
		return orderhub.ReturnSnapshot{}, errors.New("return: is missing")
	}
	r := in.Return
	id, ok := r.ID.id()
	if !ok {
		return orderhub.ReturnSnapshot{}, errors.New("return.id: want a whole number")
	}
	order, ok := r.OrderID.id()
	if !ok {
		return orderhub.ReturnSnapshot{}, errors.New("return.orderId: want a whole number")
	}
	n := &notes{}
	s := orderhub.ReturnSnapshot{
		ExternalID: id, ExternalNumber: id, OrderID: order, Kind: returnKindOf(r, n),
		Native: string(r.ShipmentStatus), NativeSub: string(r.RefundStatus),
		OpenedAt: n.time("creationDate", r.CreationDate), ChangedAt: n.time("updateDate", r.UpdateDate),
		PickUpBy: n.time("pickupTillDate", r.PickupTillDate), Refund: n.money("amount", r.Amount),
		Actions: []orderhub.ReturnAction{}, Place: placeOf(r.LogisticPickupPoint),
	}
	if s.Native == "" {
		s.Native, s.NativeSub = s.NativeSub, ""
	}
	if awaits(r.RefundStatus) {
		s.Actions = actions(in.AvailableDecisions, n)
		if !s.OpenedAt.IsZero() {
			s.AnswerBy = s.OpenedAt.Add(returnAnswer)
		}
	}
	s.State, s.NoGoods = stateOf(r, in.PlacementType == "FBY", n)
	if err := setReturned(&s, r, in.CampaignID, n); err != nil {
		return orderhub.ReturnSnapshot{}, err
	}
	s.Attrs = returnAttrs(in)
	s.Drift = n.drift
	return s, nil
}

// returnKindOf reads who did not want the goods, and why.
func returnKindOf(r *returnV2, n *notes) orderhub.ReturnKind {
	switch r.ReturnType {
	case "UNREDEEMED":
		return orderhub.ReturnRefused
	case "RETURN":
	default:
		n.unknown("returnType", r.ReturnType)
		return orderhub.ReturnUnknown
	}
	kind := orderhub.ReturnCustomer
	for _, g := range r.Items {
		for _, d := range g.Decisions {
			n.check("reasonType", d.ReasonType, reasonWords)
			if faultWords[string(d.ReasonType)] {
				kind = orderhub.ReturnDefect
			}
		}
	}
	return kind
}

// stateOf reads how far the goods have come. Where they have not started, the
// words about the money tell whether they ever will.
func stateOf(r *returnV2, fby bool, n *notes) (state orderhub.ReturnState, noGoods bool) {
	state, known := wordOfShipment[string(r.ShipmentStatus)]
	if !known {
		state = orderhub.ReturnAnnounced
		if r.ShipmentStatus != "" {
			n.unknown("shipmentStatus", r.ShipmentStatus)
		}
	}
	if fby && r.ShipmentStatus == "FULFILMENT_RECEIVED" {
		state = orderhub.ReturnClosed
	}
	if r.ReturnType == "UNREDEEMED" { // refundStatus means nothing there
		return state, false
	}
	n.check("refundStatus", r.RefundStatus, refundWords)
	switch r.ShipmentStatus {
	case "", "CREATED", "CANCELLED", "EXPIRED":
		noGoods = r.FastReturn == "true" || decided(r, keepWords)
	}
	if state != orderhub.ReturnAnnounced {
		return state, noGoods
	}
	// A decline alone closes nothing: the buyer may open a dispute.
	switch r.RefundStatus {
	case "CANCELLED", "REJECTED":
		return orderhub.ReturnClosed, noGoods
	case "REFUNDED", "REFUNDED_WITH_BONUSES", "REFUNDED_BY_SHOP", "COMPLETE_WITHOUT_REFUND", "FAILED":
		if noGoods {
			return orderhub.ReturnClosed, noGoods
		}
	}
	return state, noGoods
}

// decided reports whether every position has one of these decisions.
func decided(r *returnV2, list map[string]bool) bool {
	some := false
	for _, g := range r.Items {
		for _, d := range g.Decisions {
			if !list[string(d.DecisionType)] {
				return false
			}
			some = true
		}
	}
	return some
}

// setReturned fills in lines and what hangs on them.
func setReturned(s *orderhub.ReturnSnapshot, r *returnV2, campaign scalar, n *notes) error {
	var reasons, comments []string
	for i, g := range r.Items {
		lines, err := returnLines(g, n)
		if err != nil {
			return fmt.Errorf("return.items[%d].%w", i, err)
		}
		s.Lines = append(s.Lines, lines...)
		for _, d := range g.Decisions {
			reasons = addOnce(reasons, reasonText(d.ReasonType, d.SubreasonType))
			comments = addOnce(comments, string(d.Comment))
			part := n.money("partnerCompensationAmount", d.PartnerCompensationAmount)
			if sum, err := s.Compensation.Add(part); err == nil {
				s.Compensation = sum
			} else {
				n.unknown("partnerCompensationAmount.currencyId", d.PartnerCompensationAmount.CurrencyID)
			}
			for _, hash := range d.Images {
				s.Photos = append(s.Photos, fmt.Sprintf("%s/v2/campaigns/%s/orders/%s/returns/%s/decision/%s/image/%s",
					host, url.PathEscape(string(campaign)), s.OrderID, s.ExternalID, url.PathEscape(string(d.ReturnItemID)), url.PathEscape(string(hash))))
			}
		}
	}
	s.Reason, s.Comment = strings.Join(reasons, ", "), strings.Join(comments, "\n")
	return nil
}

// returnLines reads one article. Several positions of it become lines of their
// own when their counts add up; otherwise the count of the article is believed.
func returnLines(g returnGood, n *notes) ([]orderhub.ReturnLine, error) {
	count, ok := g.Count.integer()
	if !ok || count < 0 || count > maxUnits {
		return nil, fmt.Errorf("count: want a whole number from 0 to %d", maxUnits)
	}
	if count == 0 {
		return nil, nil
	}
	line := orderhub.ReturnLine{SKU: string(g.ShopSKU), ListingKey: string(g.ShopSKU), Quantity: count}
	var out []orderhub.ReturnLine
	left := count
	for _, d := range g.Decisions {
		l := line
		l.ID, l.Reason = string(d.ReturnItemID), reasonText(d.ReasonType, d.SubreasonType)
		if q, ok := d.Count.integer(); ok || len(g.Decisions) > 1 {
			l.Quantity = q
		}
		if l.Quantity <= 0 || l.Quantity > left {
			n.unknown("decisions.count", d.Count)
			return []orderhub.ReturnLine{line}, nil
		}
		value := n.money("decisions.amount", d.Amount)
		if full := d.DecisionType == "" || fullWords[string(d.DecisionType)]; full && value.Minor%l.Quantity == 0 {
			l.Price = orderhub.Money{Minor: value.Minor / l.Quantity, Currency: value.Currency}
		}
		left -= l.Quantity
		out = append(out, l)
	}
	switch {
	case len(out) == 0:
		return []orderhub.ReturnLine{line}, nil
	case left > 0:
		n.unknown("items.count", g.Count)
		return []orderhub.ReturnLine{line}, nil
	}
	return out, nil
}

// reasonText joins the words for why a position comes back.
func reasonText(reason, sub scalar) string {
	if sub == "" || sub == reason {
		return string(reason)
	}
	return string(reason + "/" + sub)
}

func addOnce(list []string, text string) []string {
	if text == "" || slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

func placeOf(p *returnPoint) string {
	if p == nil {
		return ""
	}
	return joinText(p.Name, p.Address.Postcode, p.Address.City, p.Address.Street, p.Address.House, p.Instruction)
}

// money reads one amount; an absent one is none, one that cannot be read or that
// had to be rounded is reported.
func (n *notes) money(field string, a *amount) orderhub.Money {
	if a == nil || a.Value == "" {
		return orderhub.Money{}
	}
	m, err := readMoney(*a)
	exact, inexact := orderhub.ParseMoney(plainDecimal(string(a.Value)), string(a.CurrencyID))
	if err != nil || inexact != nil || exact != m {
		n.unknown(field, a.Value)
	}
	if err != nil {
		return orderhub.Money{}
	}
	return m
}

func returnAttrs(in returnItem) map[string]string {
	r := in.Return
	var ids, tracks []string
	for _, g := range r.Items {
		for _, d := range g.Decisions {
			ids = addOnce(ids, string(d.ReturnItemID))
		}
		for _, t := range g.Tracks {
			tracks = addOnce(tracks, string(t.TrackCode))
		}
	}
	all := map[string]string{
		attrCampaign: string(in.CampaignID), attrPlacement: string(in.PlacementType), attrRecipient: string(r.ShipmentRecipientType),
		attrReturnItems: strings.Join(ids, ","), attrBackTracks: strings.Join(tracks, ","),
	}
	if r.LogisticPickupPoint != nil {
		all[attrPickupPoint] = string(r.LogisticPickupPoint.ID)
	}
	out := map[string]string{}
	for k, v := range all {
		if v != "" {
			out[k] = v
		}
	}
	return out
}
