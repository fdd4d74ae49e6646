package woocommerce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// refundFields are what a refund needs of its order: nothing of the buyer.
var refundFields = []string{"id", "currency", "date_completed_gmt", "line_items", "meta_data"}

// refundsOf reads the refunds of an order. Those that the shop does not give for this
// order alone are no reason to stop: refused says why, and the order is quarantined.
func (a *adapter) refundsOf(ctx context.Context, id int64) (refunds []json.RawMessage, refused string, err error) {
	refunds, err = a.client.listRefunds(ctx, id)
	if err != nil && orderhub.ClassOf(err) == orderhub.ClassRetry && ctx.Err() == nil {
		// The shop is away, or a plugin breaks on this order. One call and a second try
		// tell the two apart.
		if _, _, away := a.client.listOrders(ctx, url.Values{"per_page": {"1"}, "_fields": {"id"}}); away != nil {
			return nil, "", fmt.Errorf("read the refunds of order %d: %w", id, err)
		}
		refunds, err = a.client.listRefunds(ctx, id)
	}
	var be *orderhub.BorderError
	switch {
	case err == nil:
		return refunds, "", nil
	case ctx.Err() == nil && errors.As(err, &be) && (be.Class == orderhub.ClassRejected || be.Class == orderhub.ClassRetry):
		return nil, "the shop does not give its refunds: " + rest.Clean(be.Sentence), nil
	}
	return nil, "", fmt.Errorf("read the refunds of order %d: %w", id, err)
}

// reading makes items of orders and names those that are owed, see position.Owed.
type reading func(context.Context, []listed) (items []channel.Item, owed []int64, err error)

const (
	// maxOwed keeps the cursor small. A shop that gives the refunds of no order at all
	// reaches it, and then the feed stands and says so.
	maxOwed = 1000
	// triedAgain is how many of them one sweep asks for, in turn.
	triedAgain = 25
)

// tryAgain reads orders that are owed. One that is gone for good, or has no refunds any
// more, is owed no longer.
func (a *adapter) tryAgain(ctx context.Context, pos *position, items reading) ([]channel.Item, error) {
	if len(pos.Owed) == 0 {
		return nil, nil
	}
	n := min(triedAgain, len(pos.Owed))
	now, later := pos.Owed[:n], slices.Clone(pos.Owed[n:])
	rows, err := a.rowsOf(ctx, now)
	if err != nil {
		// The shop has just given the page of the sweep: it breaks on one of these.
		for _, id := range now {
			row, err := a.rowsOf(ctx, []int64{id})
			if class := orderhub.ClassOf(err); err != nil && (class == orderhub.ClassAuth || class == orderhub.ClassRateLimited || ctx.Err() != nil) {
				return nil, err
			}
			if rows = append(rows, row...); err != nil {
				later = append(later, id)
			}
		}
	}
	out, still, err := items(ctx, rows)
	if err != nil {
		return nil, err
	}
	pos.Owed, err = owe(later, still)
	return out, err
}

// owe adds orders to those that are owed.
func owe(owed, more []int64) ([]int64, error) {
	for _, id := range more {
		if !slices.Contains(owed, id) {
			owed = append(slices.Clip(owed), id)
		}
	}
	if len(owed) > maxOwed {
		return nil, orderhub.NewBorderError(orderhub.ClassRetry, "woocommerce: GET orders/{id}/refunds",
			fmt.Sprintf("the shop gives the refunds of more than %d orders to nobody: a plugin or a firewall breaks this part of its API", maxOwed), nil)
	}
	return owed, nil
}

// refundItems makes items of the refunds of orders whose goods had left. Those of
// goods that had not are no returns: they take units out of the order, see cutLines.
// Where the shop does not give them, the order itself tells it to people.
func (a *adapter) refundItems(ctx context.Context, rows []listed) (out []channel.Item, owed []int64, err error) {
	for _, r := range rows {
		var o wireOrder
		if !r.refunds || r.id == 0 || rest.Decode(r.body, &o) != nil || handedOver(&o).IsZero() {
			continue
		}
		refunds, refused, err := a.refundsOf(ctx, r.id)
		if err != nil {
			return nil, nil, err
		}
		if refused != "" {
			owed = append(owed, r.id)
			continue
		}
		items, err := itemsOf(r, &o, refunds)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, items...)
	}
	return out, owed, nil
}

func itemsOf(r listed, o *wireOrder, refunds []json.RawMessage) (out []channel.Item, err error) {
	order, err := only(r.body, refundFields)
	if err != nil {
		return nil, err
	}
	for _, raw := range refunds {
		var key wireRefund
		if rest.Decode(raw, &key) == nil && len(before([]wireRefund{key}, handedOver(o))) > 0 {
			continue
		}
		body, err := json.Marshal(oneRefund{Order: order, Refund: raw})
		if err != nil {
			return nil, err
		}
		item := channel.Item{Kind: kindRefund, Body: body}
		if id, ok := positive(key.ID); ok {
			item.ExternalID = strconv.FormatInt(id, 10)
		}
		out = append(out, item)
	}
	return out, nil
}

// only keeps some fields of an object.
func only(body json.RawMessage, fields []string) (json.RawMessage, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, errors.New("an order is no JSON object")
	}
	for field := range all {
		if !slices.Contains(fields, field) {
			delete(all, field)
		}
	}
	return json.Marshal(all)
}

// NormaliseReturn translates one refund. A refund is money; where it names units,
// their goods are expected back, and the warehouse says whether they came.
func (a *adapter) NormaliseReturn(kind string, body []byte) (orderhub.ReturnSnapshot, error) {
	if kind != kindRefund {
		return orderhub.ReturnSnapshot{}, fmt.Errorf("woocommerce: kind %.40q is not known", kind)
	}
	var both oneRefund
	var o wireOrder
	var r wireRefund
	if err := rest.Decode(body, &both); err != nil {
		return orderhub.ReturnSnapshot{}, fmt.Errorf("woocommerce: refund: %w", err)
	}
	if both.Refused != "" {
		return orderhub.ReturnSnapshot{}, errors.New("woocommerce: refunds: " + rest.Clean(both.Refused))
	}
	if err := rest.Decode(both.Order, &o); err != nil {
		return orderhub.ReturnSnapshot{}, fmt.Errorf("woocommerce: refund: order: %w", err)
	}
	if err := rest.Decode(both.Refund, &r); err != nil {
		return orderhub.ReturnSnapshot{}, fmt.Errorf("woocommerce: refund: %w", err)
	}
	s, err := returnSnapshot(&o, &r)
	if err != nil {
		return orderhub.ReturnSnapshot{}, fmt.Errorf("woocommerce: refund: %w", err)
	}
	return s, nil
}

func returnSnapshot(o *wireOrder, r *wireRefund) (orderhub.ReturnSnapshot, error) {
	id, ok := positive(r.ID)
	order, known := positive(o.ID)
	if !ok || !known {
		return orderhub.ReturnSnapshot{}, errors.New("id of the refund or of its order is not a number")
	}
	s := orderhub.ReturnSnapshot{
		ExternalID: strconv.FormatInt(id, 10), OrderID: strconv.FormatInt(order, 10), Kind: orderhub.ReturnCustomer,
		State: orderhub.ReturnAnnounced, Native: "refund", Reason: r.Reason.String(),
	}
	if s.OpenedAt, ok = moment(r.CreatedGMT); !ok {
		s.Drift = append(s.Drift, orderhub.Drift{Field: "date_created_gmt", Word: "a time of another form"})
	}
	sums := &sums{currency: o.Currency.String(), snapshot: &orderhub.Snapshot{}}
	s.Refund = sums.money("amount", withoutSign(r.Amount))
	for _, l := range r.LineItems {
		n, err := sums.units("line_items", withoutSign(l.Quantity))
		if err != nil {
			return s, err
		}
		if n == 0 {
			continue // money alone
		}
		line := orderhub.ReturnLine{ID: l.ID.String(), SKU: l.SKU.String(), ListingKey: listingKey(l), Name: l.Name.String(), Quantity: n}
		if i := lineOf(o.LineItems, l); i >= 0 {
			line.SKU, line.ListingKey = o.LineItems[i].SKU.String(), listingKey(o.LineItems[i])
		}
		if back := sums.sum("line_items.total", withoutSign(l.Total), withoutSign(l.TotalTax)); !back.IsZero() {
			line.Price = orderhub.Money{Minor: back.Minor / n, Currency: back.Currency}
		}
		s.Lines = append(s.Lines, line)
	}
	if len(s.Lines) == 0 {
		s.NoGoods, s.State = true, orderhub.ReturnClosed
	}
	return s, sums.err
}
