package insales

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/rest"
)

// maxUnits caps a line's quantity; more is a slip of the keyboard.
const maxUnits = 1_000_000

// Normalise translates one order; MAPPINGS.md says why each field goes where.
func (a *adapter) Normalise(kind string, body []byte) (orderhub.Snapshot, error) {
	switch kind {
	case kindOrder:
	case kindGone:
		return gone(body)
	default:
		return orderhub.Snapshot{}, fmt.Errorf("insales: kind %q is not known", kind)
	}
	var o wireOrder
	if err := rest.Decode(body, &o); err != nil {
		return orderhub.Snapshot{}, fmt.Errorf("insales: order: %w", err)
	}
	if o.ID == "" {
		return orderhub.Snapshot{}, fmt.Errorf("insales: order: id is missing")
	}
	s := orderhub.Snapshot{
		ExternalID: o.ID.String(), ExternalNumber: o.Number.String(), Scheme: orderhub.SchemeSite,
		Native: o.FulfillmentStatus, NativeSub: o.ownStatus(), PlacedAt: o.CreatedAt.utc(), ChangedAt: o.UpdatedAt.utc(),
		Customer: o.customer(), Shipping: o.shipping(a.track), Comment: o.Comment.String(),
	}
	var known bool
	if s.Status, known = a.status(s.Native, s.NativeSub); !known {
		s.Drift = append(s.Drift, orderhub.Drift{Field: "fulfillment_status", Word: s.Native})
	}
	switch o.FinancialStatus {
	case "paid":
		s.Payment = orderhub.PaymentPaid
	case "pending":
		s.Payment = orderhub.PaymentUnpaid
	case "":
	default:
		s.Drift = append(s.Drift, orderhub.Drift{Field: "financial_status", Word: o.FinancialStatus})
	}
	if s.Status == orderhub.StatusCancelled {
		s.Cancellation = &orderhub.Cancellation{}
	}
	if err := o.goods(&s); err != nil {
		return orderhub.Snapshot{}, fmt.Errorf("insales: order: %w", err)
	}
	return s, nil
}

// gone is an order that the shop has deleted.
func gone(body []byte) (orderhub.Snapshot, error) {
	var key wireKey
	if err := rest.Decode(body, &key); err != nil || key.ID == "" {
		return orderhub.Snapshot{}, fmt.Errorf("insales: deleted order: id is missing")
	}
	return orderhub.Snapshot{
		ExternalID: key.ID.String(), Scheme: orderhub.SchemeSite, StatusOnly: true, Status: orderhub.StatusCancelled, Native: wordGone,
		Cancellation: &orderhub.Cancellation{By: orderhub.CancelBySeller},
	}, nil
}

// ownStatus is the permalink of a status that the shop made itself.
func (o *wireOrder) ownStatus() string {
	if o.CustomStatus == nil || o.CustomStatus.Permalink == o.FulfillmentStatus {
		return ""
	}
	return o.CustomStatus.Permalink
}

func (o *wireOrder) currency() string {
	if o.CurrencyCode == "" {
		return "RUB"
	}
	return o.CurrencyCode.String()
}

// goods fills in lines and amounts. The shop works shares of discounts out, so
// digits finer than a kopeck are rounded.
func (o *wireOrder) goods(s *orderhub.Snapshot) error {
	var sum orderhub.Money
	for i, l := range o.OrderLines {
		line, notes, err := l.line(o.currency())
		if err != nil {
			return fmt.Errorf("order_lines[%d]: %w", i, err)
		}
		for _, n := range notes {
			s.Discrepancies = append(s.Discrepancies, fmt.Sprintf("line %d: %s", i+1, n))
		}
		if sum, err = sum.Add(line.Total); err != nil {
			return fmt.Errorf("order_lines[%d]: the sum is out of range", i)
		}
		s.Lines = append(s.Lines, line)
	}
	delivery, err := o.amount("delivery_price", first(o.FullDelivery, o.DeliveryPrice))
	if err != nil {
		return err
	}
	total, err := o.amount("total_price", o.TotalPrice)
	if err != nil {
		return err
	}
	s.Shipping.Price, s.Total = delivery, sum
	if total.IsZero() {
		return nil
	}
	if s.Total, err = total.Add(orderhub.Money{Minor: -delivery.Minor, Currency: total.Currency}); err != nil {
		return fmt.Errorf("total_price is out of range")
	}
	if !sum.IsZero() && s.Total != sum {
		s.Discrepancies = append(s.Discrepancies, fmt.Sprintf("lines sum up to %s, the order says %s", sum, s.Total))
	}
	return nil
}

func (o *wireOrder) amount(field string, t rest.Text) (orderhub.Money, error) {
	return amount(field, t, o.currency())
}

// amount never quotes the value.
func amount(field string, t rest.Text, currency string) (orderhub.Money, error) {
	m, err := orderhub.RoundMoney(t.String(), currency)
	if err != nil {
		return orderhub.Money{}, fmt.Errorf("%s is not an amount", field)
	}
	return m, nil
}

// line reads a position. "full" amounts are those after the discounts.
func (l wireLine) line(currency string) (line orderhub.Line, notes []string, err error) {
	line = orderhub.Line{
		ID: l.ID.String(), SKU: strings.TrimSpace(l.SKU.String()), ListingKey: l.VariantID.String(), Name: l.Title.String(), VAT: vat(l.VAT.String()),
	}
	if code := strings.TrimSpace(l.Barcode.String()); code != "" {
		line.Barcodes = []string{code}
	}
	if line.Quantity, notes, err = units(l.Quantity.String()); err != nil {
		return line, nil, err
	}
	if line.UnitPrice, err = amount("sale_price", first(l.FullSalePrice, l.SalePrice), currency); err != nil {
		return line, nil, err
	}
	if line.Total, err = amount("total_price", first(l.FullTotal, l.TotalPrice), currency); err != nil {
		return line, nil, err
	}
	if line.Discount, err = amount("discounts_amount", l.Discounts, currency); err != nil {
		return line, nil, err
	}
	if line.Discount.Minor == 0 {
		line.Discount = orderhub.Money{}
	}
	derived, err := line.UnitPrice.Times(line.Quantity)
	if err != nil {
		return line, nil, fmt.Errorf("sale_price × quantity is out of range")
	}
	switch {
	case line.Total.IsZero():
		line.Total = derived
	case line.UnitPrice.IsZero():
	case line.Total != derived:
		notes = append(notes, fmt.Sprintf("%d × %s is not %s", line.Quantity, line.UnitPrice, line.Total))
	}
	return line, notes, nil
}

// units reads a quantity. A shop that sells by weight writes parts of a unit:
// they are counted up, so that the goods are kept, and it is said.
func units(text string) (n int64, notes []string, err error) {
	if text == "" {
		return 0, nil, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 && n <= maxUnits {
		return n, nil, nil
	}
	r, ok := new(big.Rat), len(text) <= 30 && !strings.ContainsAny(text, "eE/xXpP_")
	if ok {
		_, ok = r.SetString(text)
	}
	if !ok || r.Sign() < 0 || r.Cmp(big.NewRat(maxUnits, 1)) > 0 {
		return 0, nil, fmt.Errorf("quantity is not a count")
	}
	whole := new(big.Int).Quo(r.Num(), r.Denom())
	if n = whole.Int64(); !r.IsInt() {
		n++
		notes = append(notes, fmt.Sprintf("the quantity %s is no whole number and counts as %d", r.FloatString(3), n))
	}
	return n, notes, nil
}

// vat: -1 is «без НДС».
func vat(v string) string {
	if v == "-1" {
		return "none"
	}
	return v
}

func (o *wireOrder) customer() orderhub.Customer {
	c := o.Client
	if c == nil {
		c = &wireClient{}
	}
	out := orderhub.Customer{
		Name:  join(" ", c.Surname, c.Name, c.Middlename),
		Phone: c.Phone.String(), Email: c.Email.String(), INN: c.INN.String(), KPP: c.KPP.String(),
	}
	if c.Registered {
		out.ID = c.ID.String()
	}
	if c.Type == "Client::Juridical" {
		out.Company = out.Name
	}
	if a := o.Shipping; a != nil {
		if out.Name == "" {
			out.Name = join(" ", a.Surname, a.Name)
		}
		if out.Phone == "" {
			out.Phone = a.Phone.String()
		}
	}
	return out
}

func (o *wireOrder) shipping(trackField string) orderhub.Shipping {
	s := orderhub.Shipping{Method: o.DeliveryTitle.String()}
	if a := o.Shipping; a != nil {
		s.City, s.Address = first(a.City, a.Locality).String(), a.Full.String()
		if s.Address == "" {
			s.Address = join(", ", a.Zip, first(a.Locality, a.City), a.Address)
		}
	}
	for _, f := range o.Fields {
		if trackField != "" && f.Handle.String() == trackField {
			s.Tracking = f.Value.String()
		}
	}
	s.DeliverFrom, s.DeliverTo = o.deliverAt()
	return s
}

// deliverAt: the day and the hours are the shop's own; its zone is that of the
// order's other times.
func (o *wireOrder) deliverAt() (from, to time.Time) {
	zone := o.CreatedAt.Location()
	day, err := time.ParseInLocation(time.DateOnly, o.DeliveryDate.String(), zone)
	if err != nil || o.CreatedAt.IsZero() {
		return time.Time{}, time.Time{}
	}
	at := func(hour rest.Text, or int) time.Time {
		h, err := hour.Int64()
		if err != nil || hour == "" || h < 0 || h > 24 {
			h = int64(or)
		}
		return day.Add(time.Duration(h) * time.Hour).UTC()
	}
	return at(o.FromHour, 0), at(o.ToHour, 24)
}

func first(texts ...rest.Text) rest.Text {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func join(sep string, texts ...rest.Text) string {
	var out []string
	for _, t := range texts {
		if v := strings.TrimSpace(t.String()); v != "" {
			out = append(out, v)
		}
	}
	return strings.Join(out, sep)
}
