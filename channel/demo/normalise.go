package demo

import (
	"fmt"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/rest"
)

// Normalise translates one order; MAPPINGS.md says why each field goes where.
func (a *adapter) Normalise(kind string, body []byte) (orderhub.Snapshot, error) {
	if kind != kindOrder {
		return orderhub.Snapshot{}, fmt.Errorf("demo: kind %q is not known", kind)
	}
	var o wireOrder
	if err := rest.Decode(body, &o); err != nil {
		return orderhub.Snapshot{}, fmt.Errorf("demo: order: %w", err)
	}
	if o.ID == "" {
		return orderhub.Snapshot{}, fmt.Errorf("demo: order: id is missing")
	}
	s := orderhub.Snapshot{
		ExternalID: o.ID.String(), ExternalNumber: o.Number.String(), Scheme: orderhub.SchemeFBS,
		Native: o.Status, NativeSub: o.Why, PlacedAt: o.PlacedAt.UTC(), ChangedAt: o.ChangedAt.UTC(),
		Customer: orderhub.Customer{Name: o.Buyer.Name, Phone: o.Buyer.Phone},
		Shipping: orderhub.Shipping{Method: deliveries[o.Delivery]},
	}
	var known bool
	if s.Status, known = statuses.Lookup(s.Scheme, s.Native, s.NativeSub); !known {
		s.Drift = append(s.Drift, orderhub.Drift{Field: "status", Word: s.Native})
	}
	if s.Shipping.Method == "" && o.Delivery != "" {
		s.Shipping.Method = o.Delivery
		s.Drift = append(s.Drift, orderhub.Drift{Field: "delivery", Word: o.Delivery})
	}
	if s.Status == orderhub.StatusCancelled {
		s.Cancellation = &orderhub.Cancellation{Reason: o.Why}
	}
	var sum orderhub.Money
	for i, l := range o.Lines {
		line, err := l.line(o.Currency)
		if err != nil {
			return orderhub.Snapshot{}, fmt.Errorf("demo: order: lines[%d]: %w", i, err)
		}
		if sum, err = sum.Add(line.Total); err != nil {
			return orderhub.Snapshot{}, fmt.Errorf("demo: order: lines[%d]: %w", i, err)
		}
		s.Lines = append(s.Lines, line)
	}
	total, err := orderhub.ParseMoney(o.Total.String(), o.Currency)
	if err != nil {
		return orderhub.Snapshot{}, fmt.Errorf("demo: order: total is not an amount")
	}
	if s.Total = total; total.IsZero() {
		s.Total = sum
	} else if total != sum {
		s.Discrepancies = append(s.Discrepancies, fmt.Sprintf("lines sum up to %s, the order says %s", sum, total))
	}
	return s, nil
}

// line reads a position. The market gives the price per unit.
func (l wireLine) line(currency string) (orderhub.Line, error) {
	qty, err := l.Qty.Int64()
	if err != nil || qty < 0 {
		return orderhub.Line{}, fmt.Errorf("qty is not a count")
	}
	price, err := orderhub.ParseMoney(l.Price.String(), currency)
	if err != nil {
		return orderhub.Line{}, fmt.Errorf("price is not an amount")
	}
	total, err := price.Times(qty)
	if err != nil {
		return orderhub.Line{}, fmt.Errorf("price × qty is out of range")
	}
	return orderhub.Line{SKU: l.SKU.String(), Name: l.Title, Quantity: qty, UnitPrice: price, Total: total}, nil
}
