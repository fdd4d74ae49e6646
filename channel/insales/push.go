package insales

import (
	"context"
	"encoding/json"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

const paramTracking = "tracking"

// PushStatus moves orders one by one: GET, then PUT /admin/orders/{id}.json. The
// shop takes any status after any other, so a dispatch would revive an order
// that was cancelled meanwhile: each is read first.
func (a *adapter) PushStatus(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	return each(ctx, pushes, a.move), nil
}

// PushTracking writes the number into the field of the settings.
func (a *adapter) PushTracking(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	return each(ctx, pushes, a.giveTracking), nil
}

// each answers every push; once the shop is away the rest is not tried.
func each(ctx context.Context, pushes []channel.Push, one func(context.Context, channel.Push) channel.PushResult) []channel.PushResult {
	out := make([]channel.PushResult, len(pushes))
	away := false
	for i, p := range pushes {
		if away {
			out[i].Outcome = channel.OutcomeUnsent
			continue
		}
		out[i] = one(channel.For(ctx, p.Key), p)
		if out[i].Err != nil && orderhub.ClassOf(out[i].Err) != orderhub.ClassRejected {
			away = true
		}
	}
	return out
}

func (a *adapter) move(ctx context.Context, p channel.Push) channel.PushResult {
	id := p.Order.Snapshot.ExternalID
	op := string(Name) + ": PUT /admin/orders/" + rest.Clean(id) + ".json"
	word := a.words.Word(p.To)
	if word == "" {
		word = sent[p.To]
	}
	switch {
	case word != "":
	case p.To == orderhub.StatusPacked || p.To == orderhub.StatusReadyForPickup:
		return channel.PushResult{Outcome: channel.OutcomeDone} // the hub alone keeps it
	default:
		return failed(orderhub.NewBorderError(orderhub.ClassRejected, op, "InSales has no call for "+string(p.To), nil))
	}
	body, found, err := a.client.order(ctx, id)
	switch {
	case err != nil:
		return failed(err)
	case !found && p.To == orderhub.StatusCancelled:
		// A deleted order can be seen no more, only a person can end it in the hub.
		body, _ := json.Marshal(map[string]string{"id": id}) // a text: cannot fail
		return channel.PushResult{
			Outcome: channel.OutcomeDone, Items: []channel.Item{{Kind: kindGone, ExternalID: id, Body: body}},
			Note: "the order was deleted in the shop",
		}
	case !found:
		return failed(orderhub.NewBorderError(orderhub.ClassRejected, op, "the shop has no such order any more", nil))
	}
	now, own := words(body)
	before := channel.Item{Kind: kindOrder, ExternalID: id, Body: body}
	head, _ := a.status(now, own)
	switch {
	case now == word || own == word:
		return channel.PushResult{Outcome: channel.OutcomeDone, Items: []channel.Item{before}}
	case now == "declined" || now == "returned":
		out := failed(orderhub.NewBorderError(orderhub.ClassRejected, op, "the order is "+now+" in the shop; nothing was sent", nil))
		out.Items = []channel.Item{before}
		return out
	case p.To != orderhub.StatusCancelled && head.Rank() >= p.To.Rank():
		// The shop is there or further: to send an earlier word would take it back.
		return channel.PushResult{Outcome: channel.OutcomeDone, Items: []channel.Item{before}}
	}
	field := "custom_status_permalink"
	if standard[word] {
		field = "fulfillment_status"
	}
	answer, err := a.client.putOrder(ctx, id, map[string]any{field: word})
	if err != nil {
		return failed(err)
	}
	out := channel.PushResult{Outcome: channel.OutcomeAccepted, Items: []channel.Item{{Kind: kindOrder, ExternalID: id, Body: answer}}}
	if now, own := words(answer); now == word || own == word {
		out.Outcome = channel.OutcomeDone
	}
	return out
}

func (a *adapter) giveTracking(ctx context.Context, p channel.Push) channel.PushResult {
	id := p.Order.Snapshot.ExternalID
	op := string(Name) + ": PUT /admin/orders/" + rest.Clean(id) + ".json"
	number := p.Params[paramTracking]
	switch {
	case a.track == "":
		return failed(orderhub.NewBorderError(orderhub.ClassRejected, op, "the setting "+settingTracking+" is empty: name the order's field that takes tracking numbers", nil))
	case number == "":
		return failed(orderhub.NewBorderError(orderhub.ClassRejected, op, "there is no tracking number", nil))
	}
	answer, err := a.client.putOrder(ctx, id, map[string]any{"fields_values_attributes": []map[string]string{{"handle": a.track, "value": number}}})
	if err != nil {
		return failed(err)
	}
	return channel.PushResult{Outcome: channel.OutcomeAccepted, Items: []channel.Item{{Kind: kindOrder, ExternalID: id, Body: answer}}}
}

// words are the standard and the own status of an order.
func words(body json.RawMessage) (word, own string) {
	var o wireOrder
	_ = rest.Decode(body, &o) // one that cannot be read has no words
	return o.FulfillmentStatus, o.ownStatus()
}

func failed(err error) channel.PushResult {
	return channel.PushResult{Outcome: channel.OutcomeFailed, Err: err}
}
