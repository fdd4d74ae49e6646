package woocommerce

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/rest"
)

// The keys under which the hub notes in an order's meta data what a shop has no
// field for.
const (
	metaStatus   = "_orderhub_status"
	metaShipped  = "_orderhub_shipped_at"
	metaTracking = "_orderhub_tracking"
	metaCarrier  = "_orderhub_carrier"
)

const (
	maxLines = 2000
	// maxUnits and maxMinor keep every product and sum in range.
	maxUnits = 1_000_000
	maxMinor = 1_000_000_000_000
)

// Normalise translates one order; MAPPINGS.md says why each field goes where.
func (a *adapter) Normalise(kind string, body []byte) (orderhub.Snapshot, error) {
	var refunds []wireRefund
	switch kind {
	case kindOrder:
	case kindGone:
		return goneForGood(body)
	case kindWithRefunds:
		var both withRefunds
		if err := rest.Decode(body, &both); err != nil {
			return orderhub.Snapshot{}, fmt.Errorf("woocommerce: %w", err)
		}
		if both.Refused != "" {
			return orderhub.Snapshot{}, errors.New("woocommerce: refunds: " + rest.Clean(both.Refused))
		}
		for i, raw := range both.Refunds {
			var r wireRefund
			if err := rest.Decode(raw, &r); err != nil {
				return orderhub.Snapshot{}, fmt.Errorf("woocommerce: refunds[%d]: %w", i, err)
			}
			refunds = append(refunds, r)
		}
		body = both.Order
	default:
		return orderhub.Snapshot{}, fmt.Errorf("woocommerce: kind %.40q is not known", kind)
	}
	var o wireOrder
	if err := rest.Decode(body, &o); err != nil {
		return orderhub.Snapshot{}, fmt.Errorf("woocommerce: order: %w", err)
	}
	s, err := a.snapshot(&o, refunds)
	if err != nil {
		return orderhub.Snapshot{}, fmt.Errorf("woocommerce: order: %w", err)
	}
	return s, nil
}

// goneForGood is an order that the shop has deleted.
func goneForGood(body []byte) (orderhub.Snapshot, error) {
	var key wireKey
	_ = rest.Decode(body, &key) // without an id it is none
	id, ok := positive(key.ID)
	if !ok {
		return orderhub.Snapshot{}, errors.New("woocommerce: deleted order: id is not a number of an order")
	}
	return orderhub.Snapshot{
		ExternalID: strconv.FormatInt(id, 10), Scheme: scheme, StatusOnly: true, Status: orderhub.StatusCancelled, Native: wordGone,
		Cancellation: &orderhub.Cancellation{By: orderhub.CancelBySeller},
	}, nil
}

func (a *adapter) snapshot(o *wireOrder, refunds []wireRefund) (orderhub.Snapshot, error) {
	id, ok := positive(o.ID)
	switch {
	case !ok:
		return orderhub.Snapshot{}, errors.New("id is not a number of an order")
	case o.Status == "":
		return orderhub.Snapshot{}, errors.New("status is missing")
	}
	s := orderhub.Snapshot{
		ExternalID: strconv.FormatInt(id, 10), ExternalNumber: o.Number.String(), Scheme: scheme,
		Native: native(o), NativeSub: o.MetaData.text(metaStatus),
		Comment: o.CustomerNote.String(), Customer: customer(o), Shipping: shipping(o), Payment: payment(o),
	}
	var known bool
	if s.Status, known = a.words.lookup(s.Native, s.NativeSub); !known {
		s.Drift = append(s.Drift, orderhub.Drift{Field: "status", Word: s.Native})
	}
	left := handedOver(o)
	if s.Status == orderhub.StatusCancelled {
		s.Cancellation = &orderhub.Cancellation{By: orderhub.CancelByChannel, ReasonCode: s.Native, AfterHandOver: !left.IsZero()}
	}
	for _, t := range []struct {
		field string
		from  rest.Text
		into  *time.Time
	}{{"date_created_gmt", o.CreatedGMT, &s.PlacedAt}, {"date_modified_gmt", o.ModifiedGMT, &s.ChangedAt}} {
		if *t.into, ok = moment(t.from); !ok {
			s.Drift = append(s.Drift, orderhub.Drift{Field: t.field, Word: "a time of another form"})
		}
	}
	cut := refunds
	if s.Native == "refunded" {
		cut = nil // the whole order is cancelled, whatever went back when
	}
	return s, a.goods(&s, o, before(cut, left))
}

// native is the status without the prefix of the database, which some plugins let through.
func native(o *wireOrder) string { return strings.TrimPrefix(o.Status.String(), "wc-") }

func (a *adapter) statusOf(o *wireOrder) orderhub.Status {
	status, _ := a.words.lookup(native(o), o.MetaData.text(metaStatus))
	return status
}

// handedOver is when the goods left: as the hub noted it, else when the order was
// completed; zero = they have not.
func handedOver(o *wireOrder) time.Time {
	if t, ok := moment(rest.Text(o.MetaData.text(metaShipped))); ok && !t.IsZero() {
		return t
	}
	t, _ := moment(o.CompletedGMT)
	return t
}

// before are the refunds of goods that had not left. Refunds tell whole seconds; one
// of the very second of the hand-over is of before: nothing comes back at once.
func before(refunds []wireRefund, left time.Time) []wireRefund {
	return slices.DeleteFunc(slices.Clone(refunds), func(r wireRefund) bool {
		at, _ := moment(r.CreatedGMT)
		return !left.IsZero() && at.After(left.Truncate(time.Second))
	})
}

func customer(o *wireOrder) orderhub.Customer {
	b, d := o.Billing.V, o.Shipping.V
	c := orderhub.Customer{
		Name: name(b), Phone: b.Phone.String(), Email: b.Email.String(), Company: b.Company.String(),
	}
	if c.Name == "" {
		c.Name = name(d)
	}
	if c.Phone == "" {
		c.Phone = d.Phone.String()
	}
	if id, ok := positive(o.CustomerID); ok {
		c.ID = strconv.FormatInt(id, 10)
	}
	return c
}

func name(a wireAddress) string {
	return strings.TrimSpace(strings.TrimSpace(a.FirstName.String()) + " " + strings.TrimSpace(a.LastName.String()))
}

func shipping(o *wireOrder) orderhub.Shipping {
	to := o.Shipping.V
	if to.Address1 == "" && to.City == "" {
		to = o.Billing.V
	}
	var parts []string
	for _, p := range []rest.Text{to.Postcode, to.Country, to.State, to.City, to.Address1, to.Address2} {
		if v := strings.TrimSpace(p.String()); v != "" {
			parts = append(parts, v)
		}
	}
	s := orderhub.Shipping{Address: strings.Join(parts, ", "), City: to.City.String()}
	if len(o.ShippingLines) > 0 {
		if s.Method = o.ShippingLines[0].MethodTitle.String(); s.Method == "" {
			s.Method = o.ShippingLines[0].MethodID.String()
		}
	}
	s.Tracking, s.Carrier = tracking(o.MetaData)
	return s
}

// tracking finds the number that the hub wrote, or one of the common plugins.
func tracking(meta wireMeta) (number, carrier string) {
	if number = meta.text(metaTracking); number != "" {
		return number, meta.text(metaCarrier)
	}
	for _, m := range meta {
		var items []struct {
			Number   rest.Text `json:"tracking_number"`
			Provider rest.Text `json:"tracking_provider"`
			Custom   rest.Text `json:"custom_tracking_provider"`
		}
		if m.Key != "_wc_shipment_tracking_items" || json.Unmarshal(m.Value, &items) != nil || len(items) == 0 {
			continue
		}
		last := items[len(items)-1]
		if last.Provider == "" {
			last.Provider = last.Custom
		}
		return last.Number.String(), last.Provider.String()
	}
	return meta.text("_tracking_number"), meta.text("_tracking_provider")
}

func payment(o *wireOrder) orderhub.Payment {
	paid, _ := moment(o.PaidGMT)
	switch {
	case o.Status == "refunded":
		return orderhub.PaymentRefunded
	case !paid.IsZero():
		return orderhub.PaymentPaid
	case o.PaymentMethod == "cod":
		return orderhub.PaymentOnReceipt
	}
	return orderhub.PaymentUnpaid
}

// goods reads the lines and holds them against the shop's total.
func (a *adapter) goods(s *orderhub.Snapshot, o *wireOrder, refunds []wireRefund) error {
	if len(o.LineItems) > maxLines {
		return fmt.Errorf("line_items: %d lines; allowed: up to %d", len(o.LineItems), maxLines)
	}
	sums := &sums{currency: o.Currency.String(), snapshot: s}
	paid := orderhub.Money{}
	for i, l := range o.LineItems {
		line, err := a.line(sums, fmt.Sprintf("line_items[%d]", i), l, o.TaxLines)
		if err != nil {
			return err
		}
		if paid, err = paid.Add(line.Total); err != nil {
			return err
		}
		s.Lines = append(s.Lines, line)
	}
	s.Shipping.Price = sums.sum("shipping_total", o.ShippingTotal, o.ShippingTax)
	rest := s.Shipping.Price
	for i, f := range o.FeeLines {
		var err error
		if rest, err = rest.Add(sums.sum(fmt.Sprintf("fee_lines[%d].total", i), f.Total, f.TotalTax)); err != nil {
			return err
		}
	}
	total := sums.money("total", o.Total)
	if sums.err != nil {
		return sums.err
	}
	all, err := paid.Add(rest)
	if err != nil {
		return err
	}
	if !total.IsZero() && !all.IsZero() && all != total {
		s.Discrepancies = append(s.Discrepancies, fmt.Sprintf("total: lines, shipping and fees come to %s, the order says %s", all.Decimal(), total.Decimal()))
	}
	if err := cutLines(s, sums, o.LineItems, refunds); err != nil {
		return err
	}
	if s.Total = sumOf(s.Lines); s.Total.IsZero() && len(s.Lines) == 0 {
		s.Total = total
	}
	attrs(s, o)
	return nil
}

func attrs(s *orderhub.Snapshot, o *wireOrder) {
	out := map[string]string{}
	if o.PaymentMethod != "" {
		out["payment_method"] = o.PaymentMethod.String()
	}
	var coupons []string
	for _, c := range o.CouponLines {
		if c.Code != "" {
			coupons = append(coupons, c.Code.String())
		}
	}
	if len(coupons) > 0 {
		out["coupons"] = strings.Join(coupons, ", ")
	}
	if len(out) > 0 {
		s.Attrs = out
	}
}

// line reads a position. The shop gives amounts per line, without tax.
func (a *adapter) line(sums *sums, at string, l wireLine, taxes []wireTaxLine) (orderhub.Line, error) {
	qty, err := sums.units(at, l.Quantity)
	if err != nil {
		return orderhub.Line{}, err
	}
	line := orderhub.Line{
		ID: l.ID.String(), SKU: l.SKU.String(), ListingKey: listingKey(l), Name: l.Name.String(), Quantity: qty,
		Total: sums.sum(at+".total", l.Total, l.TotalTax), VAT: vat(l, taxes),
	}
	noted := len(sums.snapshot.Discrepancies)
	full := sums.sum(at+".subtotal", l.Subtotal, l.SubtotalTax)
	sums.snapshot.Discrepancies = sums.snapshot.Discrepancies[:noted] // nobody pays by it
	if sums.err != nil {
		return line, sums.err
	}
	if !full.IsZero() && !line.Total.IsZero() && full.Minor > line.Total.Minor {
		line.Discount = orderhub.Money{Minor: full.Minor - line.Total.Minor, Currency: full.Currency}
	}
	if qty > 0 && !line.Total.IsZero() {
		line.UnitPrice = orderhub.Money{Minor: line.Total.Minor / qty, Currency: line.Total.Currency}
		if odd := line.Total.Minor % qty; odd != 0 {
			sums.note("%s: %s is not %d equal prices", at, line.Total.Decimal(), qty)
		}
	}
	return line, nil
}

// listingKey is the id that the catalogue lists the article under: a variation
// cannot be written without its product.
func listingKey(l wireLine) string {
	product, ok := positive(l.ProductID)
	if !ok {
		return "" // the product was deleted since
	}
	variation, _ := positive(l.VariationID)
	return keyOf(product, variation)
}

// vat is the rate of the line where it has one alone.
func vat(l wireLine, taxes []wireTaxLine) string {
	rate := ""
	for _, t := range l.Taxes {
		if t.Total == "" || strings.Trim(t.Total.String(), "0.") == "" {
			continue
		}
		for _, line := range taxes {
			if line.RateID != t.ID || line.RatePercent == "" {
				continue
			}
			if rate != "" {
				return ""
			}
			if rate = line.RatePercent.String(); strings.Contains(rate, ".") {
				rate = strings.TrimRight(strings.TrimRight(rate, "0"), ".")
			}
		}
	}
	return rate
}

// moment reads a time: UTC without a zone in the fields that end in _gmt. ok is
// false for a time that cannot be read; none at all is the zero time.
func moment(t rest.Text) (time.Time, bool) {
	if t == "" || t == "false" {
		return time.Time{}, true
	}
	for _, form := range []string{"2006-01-02T15:04:05", time.RFC3339, "2006-01-02 15:04:05"} {
		if at, err := time.Parse(form, t.String()); err == nil && at.Year() >= 2000 && at.Year() < 2200 {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}
