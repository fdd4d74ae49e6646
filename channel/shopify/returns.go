package shopify

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

const kindReturn = channel.ReturnKind + "_v1"

// returnItems takes the returns out of orders.
func (a *adapter) returnItems(ctx context.Context, orders []json.RawMessage) ([]channel.Item, error) {
	var out []channel.Item
	for _, row := range orders {
		var o struct {
			ID      string
			Returns connection
		}
		if rest.Decode(row, &o) != nil {
			out = append(out, channel.Item{Kind: kindReturn, Body: row}) // quarantined whole
			continue
		}
		returns, err := a.wholeReturns(ctx, o.ID, o.Returns)
		if err != nil && orderhub.ClassOf(err) == orderhub.ClassRejected {
			// Of this order alone: what it has beside the first returns cannot be known.
			body, _ := json.Marshal(map[string]string{"incomplete": err.Error()}) // texts: cannot fail
			out = append(out, channel.Item{Kind: kindReturn, ExternalID: "of order " + bare(o.ID), Body: body})
			returns, err = o.Returns.Nodes, nil
		}
		if err != nil {
			return nil, err
		}
		for _, body := range returns {
			var key wireKey
			_ = rest.Decode(body, &key) // one without an id is quarantined
			out = append(out, channel.Item{Kind: kindReturn, ExternalID: bare(key.ID), Body: body})
		}
	}
	return out, nil
}

// returnStates: neither an open nor a closed return tells that the goods are
// here. So both are on their way until people receive them.
var returnStates = map[string]orderhub.ReturnState{
	"REQUESTED": orderhub.ReturnAnnounced, "OPEN": orderhub.ReturnOnTheWay, "CLOSED": orderhub.ReturnOnTheWay,
	"DECLINED": orderhub.ReturnClosed, "CANCELED": orderhub.ReturnClosed,
}

// NormaliseReturn translates one return.
func (a *adapter) NormaliseReturn(kind string, body []byte) (orderhub.ReturnSnapshot, error) {
	if kind != kindReturn {
		return orderhub.ReturnSnapshot{}, fmt.Errorf("shopify: kind %q is not known", kind)
	}
	var r wireReturn
	if err := rest.Decode(body, &r); err != nil {
		return orderhub.ReturnSnapshot{}, fmt.Errorf("shopify: return: %w", err)
	}
	if r.Incomplete != "" {
		return orderhub.ReturnSnapshot{}, fmt.Errorf("shopify: return: not all of it could be read: %s", rest.Clean(r.Incomplete))
	}
	s := orderhub.ReturnSnapshot{
		ExternalID: bare(r.ID), ExternalNumber: r.Name.String(), OrderID: bare(r.Order.ID), Kind: orderhub.ReturnCustomer,
		Native: r.Status, OpenedAt: r.CreatedAt.Time,
	}
	if s.ExternalID == "" || s.OrderID == "" {
		return orderhub.ReturnSnapshot{}, fmt.Errorf("shopify: return: id or order.id is missing")
	}
	var known bool
	if s.State, known = returnStates[r.Status]; !known {
		s.State = orderhub.ReturnAnnounced
		s.Drift = append(s.Drift, orderhub.Drift{Field: "status", Word: r.Status})
	}
	for i, l := range r.lines() {
		n, err := l.Quantity.Int64()
		if err != nil || n < 0 || n > maxUnits {
			return orderhub.ReturnSnapshot{}, fmt.Errorf("shopify: return: returnLineItems[%d]: quantity is not a count", i)
		}
		if n == 0 || l.FulfillmentLineItem == nil {
			continue // a line of a return that nobody verified
		}
		item := l.FulfillmentLineItem.LineItem
		line := orderhub.ReturnLine{ID: bare(item.ID), SKU: item.SKU.String(), Name: item.Name.String(), Quantity: n, Reason: l.ReturnReason.String()}
		if item.Variant != nil {
			line.ListingKey = bare(item.Variant.ID)
		}
		if line.Price, err = amount("discountedUnitPriceAfterAllDiscountsSet", item.Unit, ""); err != nil {
			return orderhub.ReturnSnapshot{}, fmt.Errorf("shopify: return: returnLineItems[%d]: %w", i, err)
		}
		s.Lines = append(s.Lines, line)
		if s.Reason == "" {
			s.Reason = l.ReturnReason.String()
		}
		if s.Comment == "" {
			s.Comment = l.CustomerNote.String()
		}
		switch l.ReturnReason {
		case "DEFECTIVE", "NOT_AS_DESCRIBED", "WRONG_ITEM":
			s.Kind = orderhub.ReturnDefect
		}
	}
	return s, nil
}
