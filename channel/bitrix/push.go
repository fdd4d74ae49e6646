package bitrix

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// PushStatus sets statuses, all in one batch: an order's commands follow each other
// and each says how things are to be, so that doing one again changes nothing.
func (a *adapter) PushStatus(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	return a.pushAll(ctx, pushes, a.statusCommands)
}

// PushTracking writes the tracking number into every shipment of an order.
func (a *adapter) PushTracking(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	return a.pushAll(ctx, pushes, func(p channel.Push) ([]command, error) {
		return shipmentCommands(p, url.Values{"fields[trackingNumber]": {p.Params["tracking"]}})
	})
}

// pushAll makes the commands of pushes and sorts their answers. A push is accepted
// when all its commands are; the read-back confirms it.
func (a *adapter) pushAll(ctx context.Context, pushes []channel.Push, plan func(channel.Push) ([]command, error)) ([]channel.PushResult, error) {
	out := make([]channel.PushResult, len(pushes))
	own := make([][]command, len(pushes))
	var all []command
	unsent := map[int]bool{}
	for i, p := range pushes {
		commands, err := plan(p)
		switch {
		case err != nil:
			out[i] = channel.PushResult{Outcome: channel.OutcomeFailed, Err: err}
		case len(commands) == 0:
			out[i] = channel.PushResult{Outcome: channel.OutcomeDone, Note: fmt.Sprintf("the shop has no status for %q (setting %s); the hub keeps the step", p.To, settingWords)}
		case len(all)+len(commands) > pageSize:
			unsent[i] = true
			out[i] = channel.PushResult{Outcome: channel.OutcomeUnsent}
		default:
			for k := range commands {
				commands[k].key = fmt.Sprintf("p%d_%d", i, k)
			}
			own[i], all = commands, append(all, commands...)
		}
	}
	if len(all) == 0 {
		return out, nil
	}
	done, err := a.batch(channel.ForPushes(ctx, pushes), all, true)
	if err != nil {
		return nil, err
	}
	for i, p := range pushes {
		if len(own[i]) > 0 {
			out[i] = sorted(p, own[i], done)
		}
	}
	return out, nil
}

// sorted is what the answers to the commands of one push mean together.
func sorted(p channel.Push, commands []command, done map[string]outcome) channel.PushResult {
	for _, c := range commands {
		switch o := done[c.key]; {
		case o.err != nil && noOrder[o.err.Code] && p.To == orderhub.StatusCancelled:
			// A deleted order is in no list, so this is the only news of it.
			id := p.Order.Snapshot.ExternalID
			body, _ := json.Marshal(map[string]string{"id": id}) // a text: cannot fail
			return channel.PushResult{
				Outcome: channel.OutcomeDone, Items: []channel.Item{{Kind: kindGone, ExternalID: id, Body: body}}, Note: "the order was deleted in the shop",
			}
		case o.err != nil:
			return channel.PushResult{Outcome: channel.OutcomeFailed, Err: o.err}
		case len(o.result) == 0 || string(o.result) == "null":
			return channel.PushResult{Outcome: channel.OutcomeFailed, Err: border(orderhub.ClassUncertain, c.method, "the answer does not mention the command")}
		}
	}
	if told(p.To) {
		return channel.PushResult{Outcome: channel.OutcomeDone}
	}
	return channel.PushResult{Outcome: channel.OutcomeAccepted}
}

// told are the steps that the hub keeps and the shop only hears of.
func told(s orderhub.Status) bool {
	return s == orderhub.StatusConfirmed || s == orderhub.StatusPacked || s == orderhub.StatusReadyForPickup
}

// statusCommands are the calls of one step.
func (a *adapter) statusCommands(p channel.Push) ([]command, error) {
	id, word := p.Order.Snapshot.ExternalID, a.words.Word(p.To)
	update := func(fields url.Values) command {
		fields.Set("id", id)
		return command{method: "sale.order.update", query: fields}
	}
	var out []command
	switch p.To {
	case orderhub.StatusShipped:
		fields := url.Values{"fields[allowDelivery]": {"Y"}, "fields[deducted]": {"Y"}}
		if t := p.Params["tracking"]; t != "" {
			fields.Set("fields[trackingNumber]", t)
		}
		var err error
		if out, err = shipmentCommands(p, fields); err != nil {
			return nil, err
		}
	case orderhub.StatusDelivered:
		if word == "" {
			word = "F"
		}
	case orderhub.StatusCancelled:
		reason := strings.TrimSpace(p.Reason + " " + p.Comment)
		return []command{update(url.Values{"fields[canceled]": {"Y"}, "fields[reasonCanceled]": {reason}})}, nil
	case orderhub.StatusConfirmed, orderhub.StatusPacked, orderhub.StatusReadyForPickup:
	case orderhub.StatusUnknown, orderhub.StatusPending, orderhub.StatusNew, orderhub.StatusPartiallyReturned, orderhub.StatusReturned:
		return nil, border(orderhub.ClassRejected, "sale.order.update", fmt.Sprintf("the hub does not set %q in the shop", p.To))
	}
	if word != "" {
		out = append(out, update(url.Values{"fields[statusId]": {word}}))
	}
	return out, nil
}

// shipmentCommands are one sale.shipment.update for each shipment of an order.
func shipmentCommands(p channel.Push, fields url.Values) ([]command, error) {
	var out []command
	for _, pair := range strings.Split(p.Order.Snapshot.Attrs[attrShipments], ",") {
		id, delivery, ok := strings.Cut(pair, ":")
		if !ok || id == "" {
			continue
		}
		query := url.Values{"id": {id}}
		if delivery != "" {
			query.Set("fields[deliveryId]", delivery)
		}
		for k, v := range fields {
			query[k] = v
		}
		out = append(out, command{method: "sale.shipment.update", query: query})
	}
	if len(out) == 0 {
		return nil, border(orderhub.ClassRejected, "sale.shipment.update", "the order has no shipment in the shop; make one there")
	}
	return out, nil
}
