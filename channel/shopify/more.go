package shopify

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/rest"
)

const (
	// shipmentsAtOnce is how many shipments come with an order.
	shipmentsAtOnce = 20
	// maxShipments is the most that Shopify gives of an order: their list has no pages.
	maxShipments = 250
	// maxPages ends the reading of one list of an order: 2000 lines are far above any
	// real order.
	maxPages = 40
)

// connection is a list of Shopify's that has pages.
type connection struct {
	Nodes    []json.RawMessage
	PageInfo *pageInfo
}

// rowOfOrder is as much of an order as tells what was cut off.
type rowOfOrder struct {
	ID           string
	LineItems    struct{ PageInfo pageInfo }
	Fulfillments []rowOfShipment
}

type rowOfShipment struct {
	wireFulfillment
	Lines struct{ PageInfo pageInfo } `json:"fulfillmentLineItems"`
}

// whole completes an order whose lines or shipments did not fit into one answer; what
// comes later is added to its body, as it came. Where Shopify refuses that for this
// order alone, or it never ends, the body says so and the order is quarantined.
func (a *adapter) whole(ctx context.Context, body json.RawMessage) (json.RawMessage, error) {
	var key rowOfOrder
	if rest.Decode(body, &key) != nil || key.ID == "" {
		return body, nil // it is quarantined as it came
	}
	add := map[string]any{}
	err := a.cutOff(ctx, key, add)
	if err != nil && orderhub.ClassOf(err) != orderhub.ClassRejected {
		return nil, err
	}
	if err != nil {
		add = map[string]any{"incomplete": err.Error()}
	}
	return with(body, add)
}

func (a *adapter) cutOff(ctx context.Context, o rowOfOrder, add map[string]any) error {
	if more := o.LineItems.PageInfo; more.HasNextPage {
		pages, err := a.pages(ctx, opLines, o.ID, "lineItems", more.EndCursor)
		if err != nil {
			return err
		}
		add["moreLineItems"] = pages
	}
	shipments := o.Fulfillments
	if len(shipments) >= shipmentsAtOnce {
		later, err := a.laterShipments(ctx, o)
		if err != nil {
			return err
		}
		for _, body := range later {
			var s rowOfShipment
			if err := rest.Decode(body, &s); err != nil {
				return a.client.fail(opShipmentLines, orderhub.ClassRejected, "a shipment has another shape than documented", "", nil)
			}
			shipments = append(shipments, s)
		}
		add["moreFulfillments"] = later
	}
	sent := map[string][]json.RawMessage{}
	for _, s := range shipments {
		if more := s.Lines.PageInfo; more.HasNextPage && !s.gone() {
			pages, err := a.pages(ctx, opMoreSent, s.ID, "fulfillmentLineItems", more.EndCursor)
			if err != nil {
				return err
			}
			sent[s.ID] = pages
		}
	}
	if len(sent) > 0 {
		add["moreSent"] = sent
	}
	return nil
}

// laterShipments reads the shipments of an order that did not come with it, in their
// order.
func (a *adapter) laterShipments(ctx context.Context, o rowOfOrder) ([]json.RawMessage, error) {
	all, err := a.shipments(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, s := range all {
		if !slices.ContainsFunc(o.Fulfillments, func(have rowOfShipment) bool { return have.ID == s.ID }) {
			ids = append(ids, s.ID)
		}
	}
	var out []json.RawMessage
	for part := range slices.Chunk(ids, 10) {
		var nodes []json.RawMessage
		if err := a.client.do(ctx, opShipmentLines, map[string]any{"ids": part}, &nodes); err != nil {
			return nil, err
		}
		if len(nodes) != len(part) || slices.ContainsFunc(nodes, func(n json.RawMessage) bool { return string(n) == "null" || string(n) == "{}" }) {
			return nil, a.client.fail(opShipmentLines, orderhub.ClassRetry, "the answer lacks shipments of the order", "", nil)
		}
		out = append(out, nodes...)
	}
	return out, nil
}

// shipments lists all shipments of an order, without their lines.
func (a *adapter) shipments(ctx context.Context, order string) ([]wireFulfillment, error) {
	var o struct{ Fulfillments []wireFulfillment }
	if err := a.client.do(ctx, opShipments, map[string]any{"id": order, "first": maxShipments}, &o); err != nil {
		return nil, err
	}
	if len(o.Fulfillments) >= maxShipments {
		return nil, a.client.fail(opShipments, orderhub.ClassRejected, fmt.Sprintf("the order has %d shipments or more; Shopify tells no further ones", maxShipments), "", nil)
	}
	return o.Fulfillments, nil
}

// pages reads a list of an object from a cursor on, as the pages came.
func (a *adapter) pages(ctx context.Context, op operation, id, field, after string) ([]json.RawMessage, error) {
	var out []json.RawMessage
	for range maxPages {
		var object map[string]json.RawMessage
		if err := a.client.do(ctx, op, map[string]any{"id": id, "after": after}, &object); err != nil {
			return nil, err
		}
		var page connection
		if rest.Decode(object[field], &page) != nil || page.PageInfo == nil {
			return nil, a.client.fail(op, orderhub.ClassRetry, "the answer lacks "+field, "", nil)
		}
		out = append(out, object[field])
		if !page.PageInfo.HasNextPage {
			return out, nil
		}
		if page.PageInfo.EndCursor == "" || page.PageInfo.EndCursor == after {
			return nil, a.client.fail(op, orderhub.ClassRetry, "the list does not say how it goes on", "", nil)
		}
		after = page.PageInfo.EndCursor
	}
	return nil, a.client.fail(op, orderhub.ClassRejected, fmt.Sprintf("%s do not end after %d pages", field, maxPages), "", nil)
}

// with adds fields to an object.
func with(body json.RawMessage, add map[string]any) (json.RawMessage, error) {
	if len(add) == 0 {
		return body, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return body, nil // it is quarantined as it came
	}
	for name, value := range add {
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		fields[name] = raw
	}
	return json.Marshal(fields)
}

// wholeReturns gives all returns of an order with all their lines.
func (a *adapter) wholeReturns(ctx context.Context, order string, first connection) ([]json.RawMessage, error) {
	returns := first.Nodes
	if first.PageInfo != nil && first.PageInfo.HasNextPage {
		pages, err := a.pages(ctx, opMoreReturns, order, "returns", first.PageInfo.EndCursor)
		if err != nil {
			return nil, err
		}
		for _, body := range pages {
			var p connection
			_ = rest.Decode(body, &p) // pages has read it already
			returns = append(returns, p.Nodes...)
		}
	}
	for i, body := range returns {
		var key struct {
			ID    string
			Lines struct{ PageInfo pageInfo } `json:"returnLineItems"`
		}
		if rest.Decode(body, &key) != nil || !key.Lines.PageInfo.HasNextPage {
			continue
		}
		add := map[string]any{}
		pages, err := a.pages(ctx, opMoreReturned, key.ID, "returnLineItems", key.Lines.PageInfo.EndCursor)
		switch {
		case err == nil:
			add["moreReturnLineItems"] = pages
		case orderhub.ClassOf(err) == orderhub.ClassRejected:
			add["incomplete"] = err.Error()
		default:
			return nil, err
		}
		if returns[i], err = with(body, add); err != nil {
			return nil, err
		}
	}
	return returns, nil
}
