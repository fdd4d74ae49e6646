package site

import (
	"fmt"
	"strings"

	"github.com/orderhub/orderhub"
)

// The kinds of items. The REST intake makes items of kindOrder too.
const (
	kindOrder  = "site_order"  // the order, whole
	kindCancel = "site_cancel" // order.cancelled: perhaps only id and version
	kindEvent  = "site_event"  // authentic, but nothing the hub understands: always quarantined
)

// KindOrder is the kind of an order's whole payload, for the REST intake.
const KindOrder = kindOrder

// Normalise translates one payload of a shop. Errors name the field and what is
// allowed, and quote no value.
func (a *adapter) Normalise(kind string, body []byte) (orderhub.Snapshot, error) {
	o, err := parseObject(body, a.now())
	if err != nil {
		return orderhub.Snapshot{}, err
	}
	switch kind {
	case kindOrder:
		return readOrder(o)
	case kindCancel:
		return readCancel(o)
	case kindEvent:
		return orderhub.Snapshot{}, eventError(o)
	default:
		return orderhub.Snapshot{}, orderhub.Errorf(orderhub.CodeInvalid, "site: no such kind of message: %.40q", kind)
	}
}

// eventError says what is wrong with a message that is not an order.
func eventError(o object) error {
	typ := o.text("type", maxWord)
	if *o.err != nil {
		return *o.err
	}
	if _, isObject := o.fields["data"].(map[string]any); typeKinds[typ] != "" && !isObject {
		return orderhub.InvalidField("data", "is missing or not an object")
	}
	return orderhub.InvalidField("type", "is not known; allowed: order.created, order.updated, order.cancelled, return.created, return.updated, ping")
}

func readOrder(o object) (orderhub.Snapshot, error) {
	s := orderhub.Snapshot{
		ExternalID: o.id("id"), ExternalNumber: o.text("number", maxID), Scheme: orderhub.SchemeSite,
		PlacedAt: o.moment("created_at"), ChangedAt: o.moment("updated_at"), Revision: o.version("version"),
		Comment: o.longText("comment", maxComment),
	}
	if s.ExternalID == "" {
		o.fail("id", "is missing; every order needs the shop's own id")
	}
	readStatus(o, &s)
	readPeople(o, &s)
	currency := readCurrency(o)
	readLines(o, &s, currency)
	readTotals(o, &s, currency)
	return s, *o.err
}

func readStatus(o object, s *orderhub.Snapshot) {
	s.Native = o.text("status", maxWord)
	if s.Native == "" {
		o.fail("status", "is missing; known words: %s", strings.Join(knownWords(), ", "))
	}
	s.Status = noteUnknown(s, s.Native)
	if s.Status == orderhub.StatusCancelled {
		s.Cancellation = readCancellation(o, s)
	}
	if paid := o.flag("paid"); paid != nil {
		s.Payment = orderhub.PaymentUnpaid
		if *paid {
			s.Payment = orderhub.PaymentPaid
		}
	}
}

// noteUnknown translates a status word, and records one that is not known.
func noteUnknown(s *orderhub.Snapshot, word string) orderhub.Status {
	status, known := statuses.Lookup(orderhub.SchemeSite, strings.ToLower(strings.TrimSpace(word)), "")
	if !known {
		s.Drift = append(s.Drift, orderhub.Drift{Field: "status", Word: word})
	}
	return status
}

func knownWords() []string {
	var out []string
	for _, n := range statuses.Native {
		out = append(out, n.Word)
	}
	return out
}

// readCancellation: most shops do not tell who cancelled; then it was the shop.
func readCancellation(o object, s *orderhub.Snapshot) *orderhub.Cancellation {
	c := &orderhub.Cancellation{By: orderhub.CancelByChannel, Reason: o.text("cancel_reason", maxShort)}
	switch word := o.text("cancelled_by", maxWord); word {
	case "":
	case "buyer":
		c.By = orderhub.CancelByBuyer
	case "seller":
		c.By = orderhub.CancelBySeller
	default:
		s.Drift = append(s.Drift, orderhub.Drift{Field: "cancelled_by", Word: word})
	}
	return c
}

func readPeople(o object, s *orderhub.Snapshot) {
	c := o.object("customer")
	s.Customer = orderhub.Customer{Name: c.text("name", maxShort), Phone: c.text("phone", maxWord), Email: c.text("email", maxShort)}
	d := o.object("delivery")
	s.Shipping = orderhub.Shipping{
		Method: d.text("type", maxShort), Address: d.longText("address", maxAddress), City: d.text("city", maxShort),
	}
	// The order number at the carrier or marketplace that delivers: joins the two
	// orders in the hub.
	if ref := d.id("provider_order"); ref != "" {
		s.Attrs = map[string]string{"provider_order": ref}
		s.GroupKey = ref
	}
}

func readCurrency(o object) string {
	code := o.text("currency", 3)
	if code == "" {
		return ""
	}
	cur, err := orderhub.ParseCurrency(code)
	if err != nil {
		o.fail("currency", "is not a currency; allowed: ISO 4217, like RUB")
	}
	return cur
}

func readLines(o object, s *orderhub.Snapshot, currency string) {
	lines := o.list("lines", maxLines)
	if len(lines) == 0 {
		o.fail("lines", "is missing or empty; an order has 1 to %d lines", maxLines)
	}
	for i, l := range lines {
		line := orderhub.Line{
			ID: l.id("id"), SKU: l.id("sku"), Name: l.text("name", maxShort),
			Quantity: l.quantity("qty"), VAT: l.text("vat", 20),
		}
		// A shop has no number of an offer beside its article.
		line.ListingKey = line.SKU
		if b := l.id("barcode"); b != "" {
			line.Barcodes = []string{b}
		}
		price, exactPrice := l.money("price", currency)
		total, exactTotal := l.money("total", currency)
		if *o.err != nil {
			return
		}
		line.UnitPrice, line.Total = price, total
		if note := reconcile(&line); note != "" {
			s.Discrepancies = append(s.Discrepancies, fmt.Sprintf("lines[%d]: %s", i, note))
		}
		if !exactPrice || !exactTotal {
			s.Discrepancies = append(s.Discrepancies, fmt.Sprintf("lines[%d]: an amount was rounded to the minor unit", i))
		}
		s.Lines = append(s.Lines, line)
	}
}

// reconcile derives the missing one of unit price and total, or says how they
// differ. Both stay as the shop wrote them.
func reconcile(l *orderhub.Line) string {
	switch {
	case l.UnitPrice.IsZero() && l.Total.IsZero():
		return ""
	case l.Total.IsZero():
		// In range: at most 10^6 units of 10^12 minor units.
		l.Total = orderhub.Money{Minor: l.UnitPrice.Minor * l.Quantity, Currency: l.UnitPrice.Currency}
		return ""
	case l.UnitPrice.IsZero():
		l.UnitPrice = orderhub.Money{Minor: (l.Total.Minor + l.Quantity/2) / l.Quantity, Currency: l.Total.Currency}
	}
	if sum := l.UnitPrice.Minor * l.Quantity; sum != l.Total.Minor {
		return fmt.Sprintf("%d × %s is not %s", l.Quantity, l.UnitPrice.Decimal(), l.Total.Decimal())
	}
	return ""
}

// readTotals: a shop's total is what the buyer pays, delivery included;
// Snapshot.Total is the goods.
func readTotals(o object, s *orderhub.Snapshot, currency string) {
	total, _ := o.money("total", currency)
	delivery, _ := o.object("delivery").money("price", currency)
	s.Shipping.Price = delivery
	if *o.err != nil {
		return
	}
	goods, complete := sumLines(s.Lines)
	if goods.Minor < 0 {
		o.fail("lines", "cost more together than can be counted")
		return
	}
	switch {
	case complete:
		s.Total = goods
		if !total.IsZero() && goods.Minor+delivery.Minor != total.Minor {
			s.Discrepancies = append(s.Discrepancies, fmt.Sprintf("total: lines %s and delivery %s are not %s",
				goods.Decimal(), orZero(delivery), total.Decimal()))
		}
	case !total.IsZero():
		s.Total = orderhub.Money{Minor: max(0, total.Minor-delivery.Minor), Currency: total.Currency}
	}
}

// sumLines adds up the lines; complete is false when one has no amount. A sum
// out of range is negative.
func sumLines(lines []orderhub.Line) (sum orderhub.Money, complete bool) {
	for _, l := range lines {
		if l.Total.IsZero() {
			return orderhub.Money{}, false
		}
		next, err := sum.Add(l.Total)
		if err != nil {
			return orderhub.Money{Minor: -1}, false
		}
		sum = next
	}
	return sum, true
}

func orZero(m orderhub.Money) string {
	if m.IsZero() {
		return "0"
	}
	return m.Decimal()
}

// readCancel reads order.cancelled. The event says cancelled, whatever the status
// field says. With lines it is a whole order, else only the word.
func readCancel(o object) (orderhub.Snapshot, error) {
	word := o.text("status", maxWord)
	o.fields["status"] = "cancelled"
	if o.fields["lines"] != nil {
		s, err := readOrder(o)
		if word != "" && err == nil {
			noteUnknown(&s, word)
		}
		return s, err
	}
	s := orderhub.Snapshot{
		ExternalID: o.id("id"), Scheme: orderhub.SchemeSite, StatusOnly: true,
		Status: orderhub.StatusCancelled, Native: "cancelled",
		ChangedAt: o.moment("updated_at"), Revision: o.version("version"),
	}
	s.Cancellation = readCancellation(o, &s)
	if s.ExternalID == "" {
		o.fail("id", "is missing; every order needs the shop's own id")
	}
	if word != "" {
		noteUnknown(&s, word)
	}
	return s, *o.err
}
