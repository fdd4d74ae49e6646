package pipeline

import (
	"strings"

	"github.com/orderhub/orderhub"
)

// Limits of what one order may hold. A channel that sends more is broken or
// hostile; the answer is set aside with the field's name.
const (
	maxLines    = 2000
	maxQuantity = 1_000_000
	maxText     = 4000
)

// scrub makes a snapshot storable: no zero bytes, valid UTF-8, no absurd sizes.
func scrub(s *orderhub.Snapshot) error {
	if len(s.Lines) > maxLines {
		return orderhub.InvalidField("lines", "%d lines; allowed: up to %d", len(s.Lines), maxLines)
	}
	if len(s.ExternalID) > 200 {
		return orderhub.InvalidField("id", "%d bytes; allowed: up to 200", len(s.ExternalID))
	}
	for _, p := range []*string{&s.ExternalID, &s.ExternalNumber, &s.GroupKey, &s.ParentID, &s.SiteOrderID, &s.Native, &s.NativeSub,
		&s.Customer.Name, &s.Customer.Phone, &s.Customer.Email, &s.Customer.Company, &s.Customer.INN, &s.Customer.KPP,
		&s.Shipping.Method, &s.Shipping.Carrier, &s.Shipping.Address, &s.Shipping.City, &s.Shipping.Tracking, &s.Shipping.Warehouse, &s.Comment} {
		*p = text(*p)
	}
	for i := range s.Lines {
		l := &s.Lines[i]
		if l.Quantity < 0 || l.Quantity > maxQuantity {
			return orderhub.InvalidField("quantity", "line %d has %d units; allowed: 0 to %d", i+1, l.Quantity, maxQuantity)
		}
		for _, p := range []*string{&l.ID, &l.SKU, &l.ListingKey, &l.Name, &l.VAT} {
			*p = text(*p)
		}
		for j := range l.Barcodes {
			l.Barcodes[j] = text(l.Barcodes[j])
		}
	}
	for i := range s.Drift {
		s.Drift[i].Field, s.Drift[i].Word = clean(s.Drift[i].Field), clean(s.Drift[i].Word)
	}
	return nil
}

func text(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}
