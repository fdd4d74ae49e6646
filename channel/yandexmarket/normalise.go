package yandexmarket

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/rest"
)

// The keys of Snapshot.Attrs.
const (
	attrCampaign        = "campaignId" // every write call needs it
	attrProgram         = "programType"
	attrPartner         = "deliveryPartnerType"
	attrDeliveryType    = "deliveryType"
	attrDispatch        = "dispatchType"
	attrDeliveryService = "deliveryServiceId" // the carrier of a tracking number unless another is named
	attrPlatform        = "sourcePlatform"
	attrPayMethod       = "paymentMethod"
	attrExternal        = "externalOrderId"
	attrBuyerType       = "buyerType"
	attrTest            = "test" // "yes" on test orders
	attrCreated         = "created"
	attrShipment        = "shipmentId"
	attrOutlet          = "outletCode"
	attrKeepUntil       = "outletStorageLimitDate"
	attrSubsidy         = "subsidy" // what the Market adds to the goods' value, "400.00 RUB"
)

// cancelAnswer is how long the seller has to answer a buyer's cancel request.
const cancelAnswer = 48 * time.Hour

// Words that the document lists. Other ones are kept and reported as drift.
var (
	programs = map[string]orderhub.Scheme{
		"FBY": orderhub.SchemeFBO, "FBS": orderhub.SchemeFBS, "DBS": orderhub.SchemeDBS,
		"EXPRESS": orderhub.SchemeExpress, "LAAS": orderhub.SchemeLaaS,
	}
	partnerWords  = words("SHOP YANDEX_MARKET UNKNOWN")
	deliveryWords = words("DELIVERY PICKUP POST DIGITAL UNKNOWN")
	dispatchWords = words("BUYER MARKET_BRANDED_OUTLET SHOP_OUTLET UNKNOWN")
	platformWords = words("MARKET OZON WILDBERRIES OTHER")
	buyerWords    = words("PERSON BUSINESS")
)

// Normalise translates one raw order; see MAPPINGS.md.
func (a *adapter) Normalise(kind string, body []byte) (orderhub.Snapshot, error) {
	s, err := normalise(kind, body)
	if err != nil {
		return orderhub.Snapshot{}, fmt.Errorf("yandex_market: normalise %s: %w", clip(kind), err)
	}
	return s, nil
}

func normalise(kind string, body []byte) (orderhub.Snapshot, error) {
	switch kind {
	case kindV1:
		return normaliseV1(body)
	case kindLegacy:
		return normaliseLegacy(body)
	}
	return orderhub.Snapshot{}, errors.New("no such kind of item")
}

// notes collects what is remarkable in an order and no reason to refuse it.
type notes struct {
	drift         []orderhub.Drift
	discrepancies []string
}

func (n *notes) unknown(field string, word scalar) {
	d := orderhub.Drift{Field: field, Word: clip(string(word))}
	if !slices.Contains(n.drift, d) {
		n.drift = append(n.drift, d)
	}
}

// check reports a word that is not listed; an absent one is fine.
func (n *notes) check(field string, word scalar, known map[string]bool) {
	if word != "" && !known[string(word)] {
		n.unknown(field, word)
	}
}

func (n *notes) differ(format string, args ...any) {
	n.discrepancies = append(n.discrepancies, fmt.Sprintf(format, args...))
}

// time reads a time or a date; one that cannot be read is reported and absent.
func (n *notes) time(field string, s scalar) time.Time {
	if s == "" {
		return time.Time{}
	}
	t, ok := parseTime(s)
	if !ok {
		n.unknown(field, s)
	}
	return t
}

func normaliseV1(body []byte) (orderhub.Snapshot, error) {
	var o orderV1
	if err := rest.Decode(body, &o); err != nil {
		return orderhub.Snapshot{}, err
	}
	id, ok := o.OrderID.id()
	if !ok {
		return orderhub.Snapshot{}, errors.New("orderId: want a whole number")
	}
	n := &notes{}
	s := orderhub.Snapshot{
		ExternalID: id, ExternalNumber: id,
		ChangedAt: n.time("updateDate", o.UpdateDate), PlacedAt: n.time("creationDate", o.CreationDate),
		Comment: string(o.Notes), Payment: payment(o, n), Requires: requires(o.Items, n),
	}
	s.Scheme, s.ReadOnly = scheme(o, n)
	setStatus(&s, o.Status, o.Substatus, o.CancelRequested == "true", n)
	if s.Cancellation != nil && handedOver(o.Items) {
		s.Cancellation.AfterHandOver = true
	}
	if err := setGoods(&s, o, n); err != nil {
		return orderhub.Snapshot{}, err
	}
	s.Shipping, s.ShipBy = shipping(o, n), shipBy(o, n)
	s.Attrs = attrs(o, s.PlacedAt, n)
	n.check("deliveryPartnerType", o.Delivery.DeliveryPartnerType, partnerWords)
	n.check("delivery.type", o.Delivery.Type, deliveryWords)
	n.check("dispatchType", o.Delivery.DispatchType, dispatchWords)
	n.check("sourcePlatform", o.SourcePlatform, platformWords)
	n.check("buyerType", o.BuyerType, buyerWords)
	s.Drift, s.Discrepancies = n.drift, n.discrepancies
	return s, nil
}

// normaliseLegacy takes the answer of PUT status. It is news of the status
// only: its amounts are per unit and by other rules than v1's, and it names
// neither the campaign nor the program.
func normaliseLegacy(body []byte) (orderhub.Snapshot, error) {
	var answer struct {
		Order *orderLegacy `json:"order"`
	}
	var o orderLegacy
	if err := rest.Decode(body, &answer); err != nil {
		return orderhub.Snapshot{}, err
	}
	if answer.Order != nil {
		o = *answer.Order
	} else if err := rest.Decode(body, &o); err != nil {
		return orderhub.Snapshot{}, err
	}
	id, ok := o.ID.id()
	if !ok {
		return orderhub.Snapshot{}, errors.New("order.id: want a whole number")
	}
	n := &notes{}
	s := orderhub.Snapshot{
		ExternalID: id, ExternalNumber: id, StatusOnly: true,
		ChangedAt: n.time("updatedAt", o.UpdatedAt), PlacedAt: n.time("creationDate", o.CreationDate),
		Scheme: schemeOfPartner(o.Delivery.DeliveryPartnerType),
	}
	setStatus(&s, o.Status, o.Substatus, o.CancelRequested == "true", n)
	s.Drift = n.drift
	return s, nil
}

// setStatus translates the words and fills in what hangs on them.
func setStatus(s *orderhub.Snapshot, status, sub scalar, cancelRequested bool, n *notes) {
	s.Native, s.NativeSub = string(status), string(sub)
	var known bool
	s.Status, known = statuses.Lookup(s.Scheme, s.Native, s.NativeSub)
	if !known {
		n.unknown("status", status)
	}
	n.check("substatus", sub, knownSubstatuses)
	if s.Status == orderhub.StatusCancelled {
		// A reason that is not listed says neither who cancelled nor when.
		c := cancelWords[s.NativeSub]
		c.ReasonCode = s.NativeSub
		s.Cancellation = &c
	}
	disputed := (s.Native == wordDelivery && s.NativeSub == subNotReceived) || (s.Native == wordDelivered && s.NativeSub == subNotReceived2)
	if disputed {
		s.Holds = append(s.Holds, orderhub.HoldArbitration)
	}
	// Before hand-over a cancel needs no answer: the Market cancels at once.
	if cancelRequested && (s.Native == wordDelivery || s.Native == wordPickup) {
		s.Holds = append(s.Holds, orderhub.HoldCancelRequest)
		s.CancelRequest = &orderhub.CancelRequest{}
		if !s.ChangedAt.IsZero() {
			s.CancelRequest.AnswerBy = s.ChangedAt.Add(cancelAnswer)
		}
	}
}

// scheme reads the placement model. A program that is not known can only be
// watched: nothing is sent on a guess.
func scheme(o orderV1, n *notes) (_ orderhub.Scheme, readOnly bool) {
	if s, ok := programs[string(o.ProgramType)]; ok {
		return s, s == orderhub.SchemeFBO
	}
	if o.ProgramType != "" {
		n.unknown("programType", o.ProgramType)
	}
	return schemeOfPartner(o.Delivery.DeliveryPartnerType), o.ProgramType != ""
}

// schemeOfPartner is the next best thing when an answer names no program.
func schemeOfPartner(partner scalar) orderhub.Scheme {
	if partner == "SHOP" {
		return orderhub.SchemeDBS
	}
	return orderhub.SchemeFBS
}

// payment reads paymentType; where it is absent, the document says, the buyer
// pays on receipt.
func payment(o orderV1, n *notes) orderhub.Payment {
	switch o.PaymentType {
	case "PREPAID":
		unpaid := o.Status == wordUnpaid || o.Status == "PLACING" || o.Status == "RESERVED" ||
			(o.Status == wordCancelled && (o.Substatus == "USER_NOT_PAID" || o.Substatus == "RESERVATION_EXPIRED"))
		if unpaid {
			return orderhub.PaymentUnpaid
		}
		return orderhub.PaymentPaid
	case "POSTPAID", "":
		return orderhub.PaymentOnReceipt
	case "UNKNOWN":
		return orderhub.PaymentUnknown
	}
	n.unknown("paymentType", o.PaymentType)
	return orderhub.PaymentUnknown
}

// handedOver reports whether the items tell that goods have left the seller.
func handedOver(items []itemV1) bool {
	for _, item := range items {
		for _, st := range item.ItemStatuses {
			switch st.Status {
			case "SHIPPED", "DELIVERED_TO_BUYER", "LOST", "REJECTED", "RETURNED":
				return true
			}
		}
	}
	return false
}

func attrs(o orderV1, created time.Time, n *notes) map[string]string {
	d := o.Delivery
	all := map[string]scalar{
		attrCampaign: o.CampaignID, attrProgram: o.ProgramType, attrPartner: d.DeliveryPartnerType,
		attrDeliveryType: d.Type, attrDispatch: d.DispatchType, attrDeliveryService: d.DeliveryServiceID,
		attrPlatform: o.SourcePlatform, attrPayMethod: o.PaymentMethod, attrExternal: o.ExternalOrderID,
		attrBuyerType: o.BuyerType, attrShipment: d.Shipment.ID,
	}
	if d.Pickup != nil {
		all[attrOutlet], all[attrKeepUntil] = d.Pickup.OutletCode, d.Pickup.OutletStorageLimitDate
	}
	if o.Fake == "true" {
		all[attrTest] = "yes"
	}
	if o.Prices != nil {
		all[attrSubsidy] = scalar(n.sum("order subsidy", o.Prices.Subsidy).String())
	}
	if !created.IsZero() {
		all[attrCreated] = scalar(created.Format(time.RFC3339))
	}
	out := map[string]string{}
	for k, v := range all {
		if v != "" {
			out[k] = string(v)
		}
	}
	return out
}

func shipping(o orderV1, n *notes) orderhub.Shipping {
	d := o.Delivery
	out := orderhub.Shipping{
		Method: string(d.Type), Carrier: string(d.ServiceName), Warehouse: string(d.WarehouseID),
		DeliverFrom: n.dayTime("delivery.dates.from", d.Dates.FromDate, d.Dates.FromTime, "00:00"),
	}
	if d.DispatchType != "" {
		out.Method = strings.TrimSpace(out.Method + " " + string(d.DispatchType))
	}
	last := d.Dates.ToDate
	if last == "" { // "if toDate is not given, fromDate counts"
		last = d.Dates.FromDate
	}
	out.DeliverTo = n.dayTime("delivery.dates.to", last, d.Dates.ToTime, endOfDay)
	for _, place := range []*placeV1{d.Courier, d.Pickup} {
		if place == nil {
			continue
		}
		out.City = string(place.Region.Name)
		if a := place.Address; a != nil {
			if a.City != "" {
				out.City = string(a.City)
			}
			out.Address = joinText(a.Postcode, a.City, a.Street, a.House, a.Block, a.Apartment)
		}
	}
	for _, t := range d.Tracks {
		if t.TrackCode != "" {
			out.Tracking = string(t.TrackCode)
			break
		}
	}
	if o.Prices != nil && o.Prices.Delivery != nil {
		out.Price = n.sum("delivery price", o.Prices.Delivery.Payment, o.Prices.Delivery.Subsidy)
	}
	return out
}

// shipBy is the moment of hand-over, or the end of its day.
func shipBy(o orderV1, n *notes) time.Time {
	return n.dayTime("delivery.shipment", o.Delivery.Shipment.ShipmentDate, o.Delivery.Shipment.ShipmentTime, endOfDay)
}

const endOfDay = "23:59:59"

// dayTime joins a day and a time of day, both of Moscow.
func (n *notes) dayTime(field string, date, clock scalar, otherwise string) time.Time {
	if date == "" {
		return time.Time{}
	}
	if clock == "" {
		clock = scalar(otherwise)
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if t, err := time.ParseInLocation(layout, string(date+" "+clock), moscow); err == nil && sane(t) {
			return t.UTC()
		}
	}
	return n.time(field, date)
}

// parseTime reads both formats of the Market: ISO 8601 with an offset (v1), and
// dd-MM-yyyy[ HH:mm:ss] in Moscow time (legacy).
func parseTime(s scalar) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "02-01-2006 15:04:05", "02-01-2006", time.DateOnly, "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, string(s), moscow); err == nil && sane(t) {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// sane keeps out years that JSON or a database cannot carry.
func sane(t time.Time) bool { return t.Year() >= 2000 && t.Year() < 2200 }

func joinText(parts ...scalar) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, string(p))
		}
	}
	return strings.Join(out, ", ")
}

// clip shortens a text from outside before it is quoted.
func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

func quote(s string) string { return fmt.Sprintf("%q", clip(s)) }
