package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
)

// Limits of what one order may hold. A channel that sends more is broken or
// hostile; the answer is set aside with the field's name.
const (
	maxLines    = 2000
	maxQuantity = 1_000_000
	maxText     = 4000
	maxDrift    = 50
)

// scrub makes a snapshot storable on both engines, and such that reading it back
// gives the same again: no zero bytes, valid UTF-8, no absurd sizes and dates.
// Else an answer seen twice would look like a change.
func scrub(s *orderhub.Snapshot) error {
	if len(s.Lines) > maxLines {
		return orderhub.InvalidField("lines", "%d lines; allowed: up to %d", len(s.Lines), maxLines)
	}
	if len(s.ExternalID) > 200 {
		return orderhub.InvalidField("id", "%d bytes; allowed: up to 200", len(s.ExternalID))
	}
	// Words that indexes are made of: PostgreSQL takes 2,700 bytes at most.
	for _, p := range []*string{&s.ExternalID, &s.ExternalNumber, &s.Ref, &s.GroupKey, &s.ParentID, &s.SiteOrderID, &s.Native, &s.NativeSub} {
		*p = clean(*p)
	}
	s.Scheme, s.Payment = orderhub.Scheme(clean(string(s.Scheme))), orderhub.Payment(clean(string(s.Payment)))
	for _, p := range []*string{
		&s.Customer.ID, &s.Customer.Name, &s.Customer.Phone, &s.Customer.Email, &s.Customer.Company, &s.Customer.INN, &s.Customer.KPP,
		&s.Shipping.Method, &s.Shipping.Carrier, &s.Shipping.Address, &s.Shipping.City, &s.Shipping.Tracking, &s.Shipping.Warehouse,
		&s.Comment,
	} {
		*p = text(*p)
	}
	if c := s.Cancellation; c != nil {
		c.By, c.ReasonCode, c.Reason = orderhub.CancelParty(clean(string(c.By))), text(c.ReasonCode), text(c.Reason)
	}
	for i := range s.Lines {
		if err := scrubLine(s, i); err != nil {
			return err
		}
	}
	scrubLists(s)
	scrubTimes(s)
	s.Total, s.Shipping.Price = scrubMoney(s.Total), scrubMoney(s.Shipping.Price)
	return nil
}

func scrubLine(s *orderhub.Snapshot, i int) error {
	l := &s.Lines[i]
	if l.Quantity < 0 || l.Quantity > maxQuantity {
		return orderhub.InvalidField("quantity", "line %d has %d units; allowed: 0 to %d", i+1, l.Quantity, maxQuantity)
	}
	for _, p := range []*string{&l.ID, &l.SKU, &l.ListingKey, &l.Name, &l.VAT} {
		*p = text(*p)
	}
	// Barcodes are stored as lines of one text.
	for j, b := range l.Barcodes {
		l.Barcodes[j] = oneLine.Replace(text(b))
	}
	l.Barcodes = slices.DeleteFunc(l.Barcodes, func(b string) bool { return b == "" })
	// The amounts of a line are stored in one currency.
	currency := ""
	for _, p := range []*orderhub.Money{&l.UnitPrice, &l.Total, &l.Discount} {
		*p = scrubMoney(*p)
		switch {
		case p.IsZero():
		case currency == "":
			currency = p.Currency
		case p.Currency != currency:
			s.Discrepancies = append(s.Discrepancies, fmt.Sprintf("lines[%d]: %s is not in %s like the rest of the line and was left out", i, *p, currency))
			*p = orderhub.Money{}
		}
	}
	return nil
}

var oneLine = strings.NewReplacer("\n", "", "\r", "")

// scrubMoney drops an amount without a currency: it is none.
func scrubMoney(m orderhub.Money) orderhub.Money {
	if m.Currency = clean(m.Currency); m.Currency == "" {
		return orderhub.Money{}
	}
	return m
}

func scrubLists(s *orderhub.Snapshot) {
	for i, h := range s.Holds {
		s.Holds[i] = orderhub.Hold(strings.ReplaceAll(clean(string(h)), ",", ""))
	}
	for _, list := range [][]string{s.Requires, s.Actions, s.Discrepancies} {
		for i := range list {
			list[i] = text(list[i])
		}
	}
	if len(s.Attrs) > 0 {
		attrs := make(map[string]string, len(s.Attrs))
		for _, k := range slices.Sorted(maps.Keys(s.Attrs)) {
			attrs[clean(k)] = text(s.Attrs[k])
		}
		s.Attrs = attrs
	}
	if len(s.Drift) > maxDrift {
		s.Drift = s.Drift[:maxDrift]
	}
	for i := range s.Drift {
		s.Drift[i].Field, s.Drift[i].Word = clean(s.Drift[i].Field), clean(s.Drift[i].Word)
	}
}

// scrubTimes drops moments that JSON cannot write.
func scrubTimes(s *orderhub.Snapshot) {
	times := map[string]*time.Time{
		"placed_at": &s.PlacedAt, "changed_at": &s.ChangedAt, "ship_by": &s.ShipBy,
		"deliver_from": &s.Shipping.DeliverFrom, "deliver_to": &s.Shipping.DeliverTo,
	}
	if s.CancelRequest != nil {
		s.CancelRequest.ID = text(s.CancelRequest.ID)
		times["answer_by"] = &s.CancelRequest.AnswerBy
	}
	for _, name := range slices.Sorted(maps.Keys(times)) {
		at := times[name]
		if *at = at.UTC(); at.Year() < 1 || at.Year() > 9999 {
			s.Discrepancies = append(s.Discrepancies, fmt.Sprintf("%s: the year %d was left out", name, at.Year()))
			*at = time.Time{}
		}
	}
}

// scrubRequest makes what a person or a program typed storable.
func scrubRequest(r *orderhub.Request) {
	r.Reason, r.Comment = clean(r.Reason), text(r.Comment)
	r.Actor = scrubActor(r.Actor)
	params := make(map[string]string, len(r.Params))
	for k, v := range r.Params {
		params[clean(k)] = text(v)
	}
	if len(params) > 0 {
		r.Params = params
	}
}

func scrubActor(a orderhub.Actor) orderhub.Actor {
	a.Name = clean(a.Name)
	return a
}

func text(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}
