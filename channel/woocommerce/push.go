package woocommerce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// noteOnly is said of a status that was set and whose note was not taken.
const noteOnly = "done; the note about it could not be added in the shop"

// PushStatus moves orders one by one. Each is looked at before it is written: the
// shop takes any status at any time and would bring a cancelled order back.
func (a *adapter) PushStatus(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	return inTurn(ctx, pushes, a.push), nil
}

// PushTracking writes tracking numbers into the orders' meta data: the core of
// WooCommerce has no field for them.
func (a *adapter) PushTracking(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	return inTurn(ctx, pushes, a.track), nil
}

// inTurn makes the pushes one after the other. When the shop is away the rest waits:
// a slow shop must not cost a time-out each.
func inTurn(ctx context.Context, pushes []channel.Push, push func(context.Context, channel.Push) (channel.PushResult, error)) []channel.PushResult {
	out := make([]channel.PushResult, len(pushes))
	var away error
	for i, p := range pushes {
		if away != nil {
			out[i] = channel.PushResult{Outcome: channel.OutcomeUnsent, Err: away}
			continue
		}
		res, err := push(channel.For(ctx, p.Key), p)
		if err == nil {
			out[i] = res
			continue
		}
		out[i] = channel.PushResult{Outcome: channel.OutcomeFailed, Err: err}
		switch orderhub.ClassOf(err) {
		case orderhub.ClassRejected:
		case orderhub.ClassAuth, orderhub.ClassRateLimited, orderhub.ClassRetry, orderhub.ClassUncertain:
			away = err
		}
	}
	return out
}

func refused(format string, args ...any) error {
	return orderhub.NewBorderError(orderhub.ClassRejected, "woocommerce: PUT orders", fmt.Sprintf(format, args...), nil)
}

// seen is an order as it was before a write.
type seen struct {
	id     int64
	row    listed
	order  wireOrder
	status orderhub.Status
}

func (a *adapter) look(ctx context.Context, externalID string) (seen, error) {
	id, ok := positive(rest.Text(externalID))
	if !ok {
		return seen{}, refused("%.40q is not an order of a WooCommerce shop", externalID)
	}
	body, err := a.client.getOrder(ctx, id)
	if err != nil {
		return seen{}, err
	}
	out := seen{id: id, row: readKey(body)}
	if rest.Decode(body, &out.order) != nil || out.row.id != id {
		return seen{}, misses("orders/id", "the order that was asked for", orderhub.ClassRetry)
	}
	out.status = a.statusOf(&out.order)
	return out, nil
}

func (a *adapter) push(ctx context.Context, p channel.Push) (channel.PushResult, error) {
	word := a.words.says(p.To)
	if word == "" && !noted[p.To] {
		return channel.PushResult{}, refused("the shop has no status for %s; name one in the setting %s", p.To, settingWords)
	}
	now, err := a.look(ctx, p.Order.Snapshot.ExternalID)
	if gone(err) && p.To == orderhub.StatusCancelled {
		return deleted(p.Order.Snapshot.ExternalID), nil
	}
	if err != nil {
		return channel.PushResult{}, err
	}
	if now.status == p.To {
		return a.there(ctx, now.row)
	}
	if err := forbids(now, p.To); err != nil {
		return channel.PushResult{}, err
	}
	body, err := a.client.updateOrder(ctx, now.id, a.update(now, p.To, word))
	if err != nil {
		return channel.PushResult{}, err
	}
	res, err := a.written(ctx, now.id, body, func(after wireOrder) bool {
		return a.statusOf(&after) == p.To
	})
	if text := reason(p); err == nil && text != "" {
		if a.client.addNote(ctx, now.id, orderNote{Note: text}) != nil {
			res.Note = noteOnly
		}
	}
	return res, err
}

// deleted answers the cancel of an order that the shop has no more. It is in no list,
// so this is the only news of it.
func deleted(id string) channel.PushResult {
	body, _ := json.Marshal(map[string]string{"id": id}) // a text: cannot fail
	return channel.PushResult{
		Outcome: channel.OutcomeDone, Items: []channel.Item{{Kind: kindGone, ExternalID: id, Body: body}}, Note: "the order was deleted in the shop",
	}
}

// forbids tells why an order cannot be moved there any more.
func forbids(now seen, to orderhub.Status) error {
	switch {
	case now.status == orderhub.StatusCancelled:
		return refused("the order is %s in the shop", rest.Clean(now.order.Status.String()))
	case to == orderhub.StatusCancelled || now.status == orderhub.StatusUnknown:
	case now.status == orderhub.StatusPending && to != orderhub.StatusNew:
		// Going on would make it a paid one in the shop.
		return refused("the order is %s in the shop: it waits for its payment", rest.Clean(now.order.Status.String()))
	case now.status.Rank() > to.Rank():
		return refused("the order is %s in the shop already", rest.Clean(now.order.Status.String()))
	}
	return nil
}

// update is what has to be written for a step. From the hand-over on the order
// carries its time: what is refunded later comes back, what was refunded before was
// never sent.
func (a *adapter) update(now seen, to orderhub.Status, word string) orderUpdate {
	out := orderUpdate{Status: word}
	if word == "" {
		out.MetaData = append(out.MetaData, metaUpdate{metaStatus, string(to)})
		// The word under which the note counts.
		if processing := defaultSays[orderhub.StatusNew]; now.order.Status.String() != processing {
			out.Status = processing
		}
	}
	if to.HandedOver() && handedOver(&now.order).IsZero() {
		out.MetaData = append(out.MetaData, metaUpdate{metaShipped, a.now().UTC().Format(time.RFC3339)})
	}
	return out
}

// there answers that nothing was left to do; the order as it was read proves it.
func (a *adapter) there(ctx context.Context, row listed) (channel.PushResult, error) {
	item, _, err := a.orderItem(ctx, row)
	return channel.PushResult{Outcome: channel.OutcomeDone, Items: []channel.Item{item}}, err
}

// written reads the answer to a write, which is the order as it is now.
func (a *adapter) written(ctx context.Context, id int64, body json.RawMessage, fulfilled func(wireOrder) bool) (channel.PushResult, error) {
	row := readKey(body)
	var after wireOrder
	if rest.Decode(body, &after) != nil || row.id != id {
		return channel.PushResult{}, misses("orders/id", "the order that was written", orderhub.ClassUncertain)
	}
	res := channel.PushResult{Outcome: channel.OutcomeAccepted}
	if fulfilled(after) {
		res.Outcome = channel.OutcomeDone
	} else {
		res.Note = "the shop answered with the status " + rest.Clean(after.Status.String())
	}
	if item, _, err := a.orderItem(ctx, row); err == nil {
		res.Items = []channel.Item{item} // without its refunds it is read again soon
	}
	return res, nil
}

// reason is what the staff of the shop should read beside a status.
func reason(p channel.Push) string {
	switch {
	case p.Reason != "" && p.Comment != "":
		return p.Reason + ": " + p.Comment
	case p.Comment != "":
		return p.Comment
	}
	return p.Reason
}

func (a *adapter) track(ctx context.Context, p channel.Push) (channel.PushResult, error) {
	number, carrier := p.Params["tracking"], p.Params["carrier"]
	if number == "" {
		return channel.PushResult{}, refused("the tracking number is missing")
	}
	now, err := a.look(ctx, p.Order.Snapshot.ExternalID)
	if err != nil {
		return channel.PushResult{}, err
	}
	if known, _ := tracking(now.order.MetaData); known == number {
		return a.there(ctx, now.row) // the buyer was told, too
	}
	update := orderUpdate{MetaData: []metaUpdate{{metaTracking, number}, {metaCarrier, carrier}}}
	body, err := a.client.updateOrder(ctx, now.id, update)
	if err != nil {
		return channel.PushResult{}, err
	}
	res, err := a.written(ctx, now.id, body, func(after wireOrder) bool {
		got, _ := tracking(after.MetaData)
		return got == number
	})
	if err == nil && a.tell {
		note := orderNote{Note: number, CustomerNote: true}
		if carrier != "" {
			note.Note = carrier + ": " + number
		}
		if a.client.addNote(ctx, now.id, note) != nil {
			res.Note = "the number is in the order; the shop could not tell the buyer"
		}
	}
	return res, err
}

// isAbsent tells that the shop does not have what was written to.
func isAbsent(err error) bool {
	var be *orderhub.BorderError
	return errors.As(err, &be) && be.HTTPStatus == http.StatusNotFound
}
