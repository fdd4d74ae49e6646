package shopify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/rest"
)

const maxUnits = 1_000_000

// Normalise translates one order; MAPPINGS.md says why each field goes where.
func (a *adapter) Normalise(kind string, body []byte) (orderhub.Snapshot, error) {
	switch kind {
	case kindOrder:
	case kindGone:
		return gone(body)
	default:
		return orderhub.Snapshot{}, fmt.Errorf("shopify: kind %q is not known", kind)
	}
	var o wireOrder
	if err := rest.Decode(body, &o); err != nil {
		return orderhub.Snapshot{}, fmt.Errorf("shopify: order: %w", err)
	}
	id := bare(o.ID)
	if id == "" {
		return orderhub.Snapshot{}, fmt.Errorf("shopify: order: id is no order's")
	}
	if o.Incomplete != "" {
		return orderhub.Snapshot{}, fmt.Errorf("shopify: order: not all of it could be read: %s", rest.Clean(o.Incomplete))
	}
	s := orderhub.Snapshot{
		ExternalID: id, ExternalNumber: o.Name.String(), Scheme: orderhub.SchemeSite,
		PlacedAt: o.CreatedAt.Time, ChangedAt: o.UpdatedAt.Time, Customer: o.customer(), Shipping: o.shipping(), Comment: o.Note.String(),
	}
	o.words(&s)
	payment, known := payments[o.Financial]
	if s.Payment = payment; !known && o.Financial != "" {
		s.Drift = append(s.Drift, orderhub.Drift{Field: "displayFinancialStatus", Word: o.Financial})
	}
	if err := o.goods(&s); err != nil {
		return orderhub.Snapshot{}, fmt.Errorf("shopify: order: %w", err)
	}
	return s, nil
}

// gone is an order that the shop has deleted.
func gone(body []byte) (orderhub.Snapshot, error) {
	var key struct{ ID rest.Text }
	if err := rest.Decode(body, &key); err != nil || !idPattern.MatchString(key.ID.String()) {
		return orderhub.Snapshot{}, fmt.Errorf("shopify: deleted order: id is missing")
	}
	return orderhub.Snapshot{
		ExternalID: key.ID.String(), Scheme: orderhub.SchemeSite, StatusOnly: true, Status: orderhub.StatusCancelled, Native: wordGone,
		Cancellation: &orderhub.Cancellation{By: orderhub.CancelBySeller},
	}, nil
}

// words fills in the status. Of a cancelled order nothing else counts.
func (o *wireOrder) words(s *orderhub.Snapshot) {
	s.Native = o.Fulfillment
	if o.CancelledAt != "" {
		s.Native = wordCancelled
		s.Cancellation = &orderhub.Cancellation{ReasonCode: o.CancelReason.String(), By: cancelledBy[o.CancelReason.String()]}
	} else if o.Fulfillment == wordFulfilled {
		s.NativeSub = o.shipment(s)
	}
	var known bool
	if s.Status, known = statuses.Lookup(s.Scheme, s.Native, s.NativeSub); !known {
		s.Drift = append(s.Drift, orderhub.Drift{Field: "displayFulfillmentStatus", Word: s.Native})
	}
}

var cancelledBy = map[string]orderhub.CancelParty{
	"CUSTOMER": orderhub.CancelByBuyer, "INVENTORY": orderhub.CancelBySeller, "STAFF": orderhub.CancelBySeller,
	"DECLINED": orderhub.CancelBySystem, "FRAUD": orderhub.CancelBySeller,
}

// shipment is the word of the shipment that is least far.
func (o *wireOrder) shipment(s *orderhub.Snapshot) string {
	least, word := len(shipmentRank), ""
	for _, f := range o.shipments() {
		if f.gone() || f.DisplayStatus == "" {
			continue
		}
		rank, known := shipmentRank[f.DisplayStatus]
		if !known {
			s.Drift = append(s.Drift, orderhub.Drift{Field: "fulfillments.displayStatus", Word: f.DisplayStatus})
		}
		if rank < least {
			least, word = rank, f.DisplayStatus
		}
	}
	return word
}

// goods fills in lines and amounts.
func (o *wireOrder) goods(s *orderhub.Snapshot) error {
	sent := o.sent()
	lines := o.LineItems.Nodes
	for _, p := range o.MoreLineItems {
		lines = append(lines, p.Nodes...)
	}
	var sum orderhub.Money
	whole := true
	for i, l := range lines {
		line, current, err := l.line(sent[l.ID], o.CurrencyCode)
		if err != nil {
			return fmt.Errorf("lineItems[%d]: %w", i, err)
		}
		if sum, err = sum.Add(line.Total); err != nil {
			return fmt.Errorf("lineItems[%d]: the amounts do not add up: %w", i, errCurrency)
		}
		whole = whole && line.Quantity == current
		s.Lines = append(s.Lines, line)
	}
	s.Total = sum
	if o.Subtotal == nil || !whole {
		return nil
	}
	total, err := amount("currentSubtotalPriceSet", *o.Subtotal, o.CurrencyCode)
	if err != nil {
		return err
	}
	if !total.IsZero() {
		s.Total = total
	}
	if !sum.IsZero() && s.Total != sum {
		s.Discrepancies = append(s.Discrepancies, fmt.Sprintf("lines sum up to %s, the order says %s", sum, s.Total))
	}
	return nil
}

var errCurrency = fmt.Errorf("another currency, or out of range")

// sent counts the units that left, by line.
func (o *wireOrder) sent() map[string]int64 {
	out := map[string]int64{}
	for _, f := range o.shipments() {
		if f.gone() {
			continue
		}
		lines := slices.Clip(f.Lines.Nodes)
		for _, p := range o.MoreSent[f.ID] {
			lines = append(lines, p.Nodes...)
		}
		for _, l := range lines {
			if n, err := l.Quantity.Int64(); err == nil && n > 0 && n <= maxUnits {
				out[l.LineItem.ID] += n
			}
		}
	}
	return out
}

// line reads a position. currentQuantity goes down with what was taken out and
// with what came back; what left is what was sold all the same.
func (l wireLine) line(sent int64, currency rest.Text) (line orderhub.Line, current int64, err error) {
	line = orderhub.Line{ID: bare(l.ID), SKU: strings.TrimSpace(l.SKU.String()), Name: l.Name.String()}
	if l.Variant != nil {
		line.ListingKey = bare(l.Variant.ID)
		if code := strings.TrimSpace(l.Variant.Barcode.String()); code != "" {
			line.Barcodes = []string{code}
		}
	}
	count := l.Quantity
	if l.CurrentQuantity != nil && *l.CurrentQuantity != "" {
		count = *l.CurrentQuantity
	}
	if current, err = count.Int64(); err != nil || current < 0 || current > maxUnits {
		return line, 0, fmt.Errorf("quantity is not a count")
	}
	line.Quantity = max(current, min(sent, maxUnits))
	if line.UnitPrice, err = amount("discountedUnitPriceAfterAllDiscountsSet", l.Unit, currency); err != nil {
		return line, 0, err
	}
	if line.UnitPrice.IsZero() {
		if line.UnitPrice, err = amount("originalUnitPriceSet", l.Original, currency); err != nil {
			return line, 0, err
		}
	}
	if line.Total, err = line.UnitPrice.Times(line.Quantity); err != nil {
		return line, 0, fmt.Errorf("price × quantity is out of range")
	}
	if len(l.TaxLines) == 1 {
		line.VAT = strings.TrimSuffix(l.TaxLines[0].RatePercentage.String(), ".0")
	}
	return line, current, nil
}

// amount never quotes the value. Shopify works shares of discounts out: digits
// finer than the minor unit are rounded.
func amount(field string, set amountSet, fallback rest.Text) (orderhub.Money, error) {
	currency := set.ShopMoney.CurrencyCode
	if currency == "" {
		currency = fallback
	}
	m, err := orderhub.RoundMoney(set.ShopMoney.Amount.String(), currency.String())
	if err != nil {
		return orderhub.Money{}, fmt.Errorf("%s is not an amount", field)
	}
	return m, nil
}

func (o *wireOrder) customer() orderhub.Customer {
	c := orderhub.Customer{Phone: o.Phone.String(), Email: o.Email.String()}
	if o.Customer != nil {
		c.ID, c.Name = bare(o.Customer.ID), o.Customer.DisplayName.String()
	}
	if a := o.ShippingAddress; a != nil {
		c.Company = a.Company.String()
		if a.Name != "" {
			c.Name = a.Name.String()
		}
		if c.Phone == "" {
			c.Phone = a.Phone.String()
		}
	}
	return c
}

func (o *wireOrder) shipping() orderhub.Shipping {
	var s orderhub.Shipping
	if l := o.ShippingLine; l != nil {
		s.Method = l.Title.String()
		s.Price, _ = amount("shippingLine", l.DiscountedPriceSet, o.CurrencyCode) // no amount is worth an order
	}
	if a := o.ShippingAddress; a != nil {
		s.City = a.City.String()
		var parts []string
		for _, t := range []rest.Text{a.Zip, a.Country, a.Province, a.City, a.Address1, a.Address2} {
			if v := strings.TrimSpace(t.String()); v != "" {
				parts = append(parts, v)
			}
		}
		s.Address = strings.Join(parts, ", ")
	}
	for _, f := range o.shipments() {
		if !f.gone() && len(f.TrackingInfo) > 0 {
			s.Tracking, s.Carrier = f.TrackingInfo[0].Number.String(), f.TrackingInfo[0].Company.String()
		}
	}
	return s
}
