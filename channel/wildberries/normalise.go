package wildberries

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/rest"
)

// The kinds of items.
const (
	kindFBSNew    = "fbs_new"    // element of GET /api/v3/orders/new
	kindFBSOrder  = "fbs_order"  // element of GET /api/v3/orders: no status in it
	kindFBSStatus = "fbs_status" // element of POST /api/v3/orders/status
	kindDBSNew    = "dbs_new"    // element of GET /api/v3/dbs/orders/new
	kindDBSOrder  = "dbs_order"  // element of GET /api/v3/dbs/orders: no status in it
	kindDBSStatus = "dbs_status" // element of POST .../dbs/orders/status/info
)

// The words that being in a list of new orders stands for.
const (
	wordNew    = "new"
	subWaiting = "waiting"
)

// Normalise translates one raw answer; see MAPPINGS.md.
func (a *adapter) Normalise(kind string, body []byte) (orderhub.Snapshot, error) {
	return normalise(kind, body)
}

func normalise(kind string, body []byte) (orderhub.Snapshot, error) {
	switch kind {
	case kindFBSNew, kindFBSOrder:
		return normaliseOrder(kind, orderhub.SchemeFBS, body)
	case kindDBSNew, kindDBSOrder:
		return normaliseOrder(kind, orderhub.SchemeDBS, body)
	case kindFBSStatus:
		return normaliseStatus(orderhub.SchemeFBS, body)
	case kindDBSStatus:
		return normaliseStatus(orderhub.SchemeDBS, body)
	default:
		return orderhub.Snapshot{}, fmt.Errorf("wildberries: kind %q is not known", kind)
	}
}

func normaliseStatus(scheme orderhub.Scheme, body []byte) (orderhub.Snapshot, error) {
	var w wireStatus
	drift, err := decode(body, &w)
	switch {
	case err != nil:
		return orderhub.Snapshot{}, fmt.Errorf("wildberries: read a status: %w", err)
	case w.key() <= 0:
		return orderhub.Snapshot{}, errors.New("wildberries: read a status: field id: missing")
	case w.SupplierStatus == "" && w.WBStatus == "":
		return orderhub.Snapshot{}, errors.New("wildberries: read a status: field supplierStatus: missing")
	}
	tr := translate(scheme, w.SupplierStatus, w.WBStatus)
	s := orderhub.Snapshot{
		ExternalID: formatID(w.key()), ExternalNumber: formatID(w.key()), Scheme: scheme, StatusOnly: true,
		Status: tr.status, Native: w.SupplierStatus, NativeSub: w.WBStatus,
		Cancellation: tr.cancellation, Drift: append(drift, tr.drift...),
	}
	if w.IsCancellable != nil {
		s.Actions = []string{}
		if *w.IsCancellable {
			s.Actions = append(s.Actions, actionCancel)
		}
	}
	return s, nil
}

func normaliseOrder(kind string, scheme orderhub.Scheme, body []byte) (orderhub.Snapshot, error) {
	var w wireOrder
	drift, err := decode(body, &w)
	switch {
	case err != nil:
		return orderhub.Snapshot{}, fmt.Errorf("wildberries: read an order: %w", err)
	case w.ID <= 0:
		return orderhub.Snapshot{}, errors.New("wildberries: read an order: field id: missing")
	case w.Article == "" && w.ChrtID == 0:
		return orderhub.Snapshot{}, errors.New("wildberries: read an order: fields article and chrtId: missing")
	}
	s := orderhub.Snapshot{
		ExternalID: formatID(w.ID), ExternalNumber: formatID(w.ID), GroupKey: w.OrderUID, Ref: w.RID, Scheme: scheme,
		Status: orderhub.StatusUnknown, Comment: w.Comment, Attrs: attrs(w), Drift: drift,
	}
	if kind == kindFBSNew || kind == kindDBSNew {
		s.Status, s.Native, s.NativeSub = orderhub.StatusNew, wordNew, subWaiting
		// Only the lists of new orders tell it; "nothing" is an answer too.
		s.Requires = append([]string{}, w.RequiredMeta...)
	}
	fillShipping(&s, w, scheme)
	fillDates(&s, w)
	fillLine(&s, w)
	fillEnumDrift(&s, w)
	return s, nil
}

// fillLine makes the one line: an assembly order is one unit of one product.
func fillLine(s *orderhub.Snapshot, w wireOrder) {
	line := orderhub.Line{SKU: w.Article, Quantity: 1, Barcodes: w.SKUs}
	if w.ChrtID != 0 {
		line.ListingKey = formatID(w.ChrtID)
	}
	price := money(s, "convertedPrice", w.ConvertedPrice, w.ConvertedCurrencyCode)
	if price.IsZero() {
		price = money(s, "price", w.Price, w.CurrencyCode)
	}
	line.UnitPrice, line.Total, s.Total = price, price, price
	s.Lines = []orderhub.Line{line}
}

func fillShipping(s *orderhub.Snapshot, w wireOrder, scheme orderhub.Scheme) {
	s.Shipping.Method = w.DeliveryType
	if len(w.Offices) > 0 {
		s.Shipping.Method = strings.TrimSpace(w.DeliveryType + ": " + strings.Join(w.Offices, ", "))
	}
	if w.WarehouseID != 0 {
		s.Shipping.Warehouse = formatID(w.WarehouseID)
	}
	if w.Address != nil {
		s.Shipping.Address = w.Address.FullAddress
	}
	known := w.DeliveryType == "" || (scheme == orderhub.SchemeFBS && w.DeliveryType == "fbs") ||
		(scheme == orderhub.SchemeDBS && (w.DeliveryType == "dbs" || w.DeliveryType == "edbs" || w.DeliveryType == "dbsPickupPoint"))
	if !known {
		addDrift(s, "deliveryType", w.DeliveryType)
	}
}

func fillDates(s *orderhub.Snapshot, w wireOrder) {
	if placed, err := time.Parse(time.RFC3339, w.CreatedAt); err == nil {
		s.PlacedAt = placed.UTC()
	} else {
		addDrift(s, "createdAt", w.CreatedAt)
	}
	delivery, haveDelivery := day(s, "ddate", w.DDate)
	if haveDelivery {
		s.Shipping.DeliverTo, s.ShipBy = delivery, delivery
	}
	if due, ok := day(s, "sellerDate", w.SellerDate); ok {
		s.ShipBy = due
	}
}

// moscow is the time in which Wildberries writes dates without a zone.
var moscow = time.FixedZone("MSK", 3*60*60)

// day reads dd.mm.yyyy and gives the end of that day in Moscow.
func day(s *orderhub.Snapshot, field, v string) (time.Time, bool) {
	if v == "" {
		return time.Time{}, false
	}
	t, err := time.ParseInLocation("02.01.2006", v, moscow)
	if err != nil {
		addDrift(s, field, v)
		return time.Time{}, false
	}
	return t.Add(24*time.Hour - time.Second).UTC(), true
}

func fillEnumDrift(s *orderhub.Snapshot, w wireOrder) {
	if w.CargoType < 0 || w.CargoType > 3 {
		addDrift(s, "cargoType", formatID(w.CargoType))
	}
	if w.CrossBorderType < 0 || w.CrossBorderType > 1 {
		addDrift(s, "crossBorderType", formatID(w.CrossBorderType))
	}
}

// The keys of Snapshot.Attrs.
const (
	attrRID         = "rid"
	attrNmID        = "nmId"
	attrWarehouse   = "warehouseId"
	attrCargoType   = "cargoType"
	attrCrossBorder = "crossBorderType"
	attrB2B         = "isB2B"
	attrSupply      = "supplyId"
	attrGroup       = "groupId"
	attrZeroOrder   = "isZeroOrder"
)

func attrs(w wireOrder) map[string]string {
	out := map[string]string{
		attrCargoType:   formatID(w.CargoType),
		attrCrossBorder: formatID(w.CrossBorderType),
		attrB2B:         strconv.FormatBool(w.Options.IsB2B),
	}
	for k, v := range map[string]string{attrRID: w.RID, attrSupply: w.SupplyID, attrGroup: w.GroupID} {
		if v != "" {
			out[k] = v
		}
	}
	for k, v := range map[string]int64{attrNmID: w.NmID, attrWarehouse: w.WarehouseID} {
		if v != 0 {
			out[k] = formatID(v)
		}
	}
	if w.IsZeroOrder {
		out[attrZeroOrder] = "true"
	}
	return out
}

// currencies translates the numeric codes of ISO 4217. Only currencies of two
// decimals may be listed: Wildberries multiplies every amount by 100.
var currencies = map[int64]string{
	643: "RUB", 933: "BYN", 398: "KZT", 51: "AMD", 417: "KGS", 860: "UZS", 156: "CNY", 840: "USD", 978: "EUR",
	944: "AZN", 949: "TRY", 972: "TJS", 981: "GEL", 498: "MDL", 784: "AED", 496: "MNT", 934: "TMT", 980: "UAH", 376: "ILS",
}

// money reads an amount × 100. An unknown currency or a broken figure leaves
// the amount absent: never a number in a guessed currency.
func money(s *orderhub.Snapshot, field string, amount *json.Number, code int64) orderhub.Money {
	if amount == nil {
		return orderhub.Money{}
	}
	currency, ok := currencies[code]
	if !ok {
		addDrift(s, field+" currency", formatID(code))
		return orderhub.Money{}
	}
	minor, err := strconv.ParseInt(amount.String(), 10, 64)
	if err != nil || minor < 0 {
		addDrift(s, field, amount.String())
		return orderhub.Money{}
	}
	return orderhub.Money{Minor: minor, Currency: currency}
}

// decode reads a body. A field of an unexpected type is drift, not a failure:
// Wildberries changes its documents several times a month, and encoding/json
// goes on after such a field. Only what must be there is checked by the caller.
func decode(body []byte, into any) ([]orderhub.Drift, error) {
	err := json.Unmarshal(body, into)
	var te *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil, nil
	case errors.As(err, &te) && te.Field != "":
		return []orderhub.Drift{{Field: te.Field, Word: "a " + te.Value}}, nil
	case errors.As(err, &te):
		return nil, fmt.Errorf("want an object, got a %s", te.Value)
	default:
		return nil, rest.Decode(body, into)
	}
}

func addDrift(s *orderhub.Snapshot, field, word string) {
	const most = 60
	if runes := []rune(word); len(runes) > most {
		word = string(runes[:most]) + "…"
	}
	s.Drift = append(s.Drift, orderhub.Drift{Field: field, Word: word})
}

func formatID(id int64) string { return strconv.FormatInt(id, 10) }

// parseID reads an external id; ok is false for what Wildberries cannot know.
func parseID(s string) (id int64, ok bool) {
	id, err := strconv.ParseInt(s, 10, 64)
	return id, err == nil && id > 0
}
