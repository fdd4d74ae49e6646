package insales

import (
	"fmt"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// kindReturn is an order that the shop calls returned, read as a return.
const kindReturn = channel.ReturnKind + "_order"

// normaliseReturn makes a return of a returned order. InSales tells no more than
// the status: whether the goods have started, and which, is not known. So it
// names all of them and stays announced until people receive them.
func normaliseReturn(kind string, body []byte) (orderhub.ReturnSnapshot, error) {
	if kind != kindReturn {
		return orderhub.ReturnSnapshot{}, fmt.Errorf("insales: kind %q is not known", kind)
	}
	var o wireOrder
	if err := rest.Decode(body, &o); err != nil {
		return orderhub.ReturnSnapshot{}, fmt.Errorf("insales: returned order: %w", err)
	}
	if o.ID == "" {
		return orderhub.ReturnSnapshot{}, fmt.Errorf("insales: returned order: id is missing")
	}
	s := orderhub.ReturnSnapshot{
		ExternalID: o.ID.String(), ExternalNumber: o.Number.String(), OrderID: o.ID.String(), Kind: orderhub.ReturnRefused,
		State: orderhub.ReturnAnnounced, Native: o.FulfillmentStatus, NativeSub: o.ownStatus(), ChangedAt: o.UpdatedAt.utc(),
	}
	if !o.DeliveredAt.IsZero() {
		s.Kind = orderhub.ReturnCustomer
	}
	if o.FulfillmentStatus != "returned" {
		s.Drift = append(s.Drift, orderhub.Drift{Field: "fulfillment_status", Word: o.FulfillmentStatus})
	}
	for i, l := range o.OrderLines {
		line, _, err := l.line(o.currency())
		if err != nil {
			return orderhub.ReturnSnapshot{}, fmt.Errorf("insales: returned order: order_lines[%d]: %w", i, err)
		}
		if line.Quantity == 0 {
			continue
		}
		s.Lines = append(s.Lines, orderhub.ReturnLine{
			ID: line.ID, SKU: line.SKU, ListingKey: line.ListingKey, Name: line.Name, Quantity: line.Quantity, Price: line.UnitPrice,
		})
	}
	return s, nil
}
