package site

import (
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// kindReturn is the kind of a return's whole payload: {"return": {...}}.
const kindReturn = channel.ReturnKind + "_v1"

// KindReturn is kindReturn, for the REST intake.
const KindReturn = kindReturn

var _ channel.ReturnNormaliser = (*adapter)(nil)

// returnKinds and returnStates translate the words of shops: the hub's own, and
// what shops commonly say instead. decided is not among them: what becomes of the
// goods is decided in the hub.
var (
	returnKinds = []struct {
		word string
		kind orderhub.ReturnKind
	}{
		{"refused", orderhub.ReturnRefused},
		{"customer", orderhub.ReturnCustomer},
		{"defect", orderhub.ReturnDefect},
	}
	returnStates = []struct {
		word  string
		state orderhub.ReturnState
	}{
		{"announced", orderhub.ReturnAnnounced},
		{"requested", orderhub.ReturnAnnounced},
		{"approved", orderhub.ReturnAnnounced},
		{"on_the_way", orderhub.ReturnOnTheWay},
		{"in_transit", orderhub.ReturnOnTheWay},
		{"at_pickup", orderhub.ReturnAtPickup},
		{"received", orderhub.ReturnReceived},
		{"closed", orderhub.ReturnClosed},
		{"rejected", orderhub.ReturnClosed},
		{"withdrawn", orderhub.ReturnClosed},
		{"lost", orderhub.ReturnClosed},
	}
)

// NormaliseReturn translates one return of a shop. Errors name the field and what
// is allowed, and quote no value.
func (a *adapter) NormaliseReturn(kind string, body []byte) (orderhub.ReturnSnapshot, error) {
	o, err := parseObject(body, a.now())
	if err != nil {
		return orderhub.ReturnSnapshot{}, err
	}
	if kind != kindReturn {
		return orderhub.ReturnSnapshot{}, orderhub.Errorf(orderhub.CodeInvalid, "site: no such kind of message about a return: %.40q", kind)
	}
	if o.fields["return"] == nil {
		o.fail("return", "is missing; a message about a return is {\"return\": {...}}")
	}
	return readReturn(o.object("return"))
}

func readReturn(r object) (orderhub.ReturnSnapshot, error) {
	s := orderhub.ReturnSnapshot{
		ExternalID: r.id("id"), ExternalNumber: r.text("number", maxID), OrderID: r.id("order_id"),
		Reason: r.text("reason", maxShort), Comment: r.longText("comment", maxComment),
		OpenedAt: r.moment("opened_at"), ChangedAt: r.moment("updated_at"),
	}
	if s.ExternalID == "" {
		r.fail("id", "is missing; every return needs the shop's own id")
	}
	if s.OrderID == "" {
		r.fail("order_id", "is missing; a return names the id of its order")
	}
	s.Revision = r.version("version")
	readReturnWords(r, &s)
	currency := readCurrency(r)
	// Finer digits than the currency has come of dividing discounts.
	s.Refund, _ = r.money("refund", currency)
	readReturnLines(r, &s, currency)
	return s, *r.err
}

// readReturnWords translates kind and state; unknown words are kept and recorded.
func readReturnWords(r object, s *orderhub.ReturnSnapshot) {
	word := r.text("kind", maxWord)
	known := plainWord(word) == ""
	for _, k := range returnKinds {
		if k.word == plainWord(word) {
			s.Kind, known = k.kind, true
		}
	}
	if !known {
		s.Drift = append(s.Drift, orderhub.Drift{Field: "return.kind", Word: word})
	}
	s.Native = r.text("state", maxWord)
	if s.Native == "" {
		var words []string
		for _, st := range returnStates {
			words = append(words, st.word)
		}
		r.fail("state", "is missing; known words: %s", strings.Join(words, ", "))
	}
	for _, st := range returnStates {
		if st.word == plainWord(s.Native) {
			s.State = st.state
		}
	}
	if s.State == "" {
		s.State = orderhub.ReturnAnnounced
		s.Drift = append(s.Drift, orderhub.Drift{Field: "return.state", Word: s.Native})
	}
}

func plainWord(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

func readReturnLines(r object, s *orderhub.ReturnSnapshot, currency string) {
	lines := r.list("lines", maxLines)
	if len(lines) == 0 {
		r.fail("lines", "is missing or empty; a return has 1 to %d lines", maxLines)
	}
	for _, l := range lines {
		line := orderhub.ReturnLine{
			ID: l.id("id"), SKU: l.id("sku"), Name: l.text("name", maxShort), Quantity: l.quantity("quantity"),
			Reason: l.text("reason", maxShort),
		}
		line.ListingKey = line.SKU // as in the order's line
		line.Price, _ = l.money("price", currency)
		if *r.err != nil {
			return
		}
		s.Lines = append(s.Lines, line)
	}
}
