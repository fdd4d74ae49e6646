package demo_test

import (
	"net/http"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
	"github.com/orderhub/orderhub/channel/demo"
	"github.com/orderhub/orderhub/channel/demo/demosim"
	"github.com/orderhub/orderhub/marketsim"
)

func suite() channeltest.Suite {
	return channeltest.Suite{
		Channel: demo.Channel,
		Market:  func(_ testing.TB, in *marketsim.Injector) marketsim.Market { return demosim.New(in) },
		Schemes: []orderhub.Scheme{orderhub.SchemeFBS},
		ErrorBodies: map[int]string{
			401: `{"error":{"code":"BAD_TOKEN","text":"the token is not known"}}`,
			429: `{"error":{"code":"LIMIT","text":"too many calls"}}`,
			500: `{"error":{"code":"INTERNAL","text":"something broke"}}`,
		},
		Pushes:     pushes(),
		Webhooks:   webhooks(),
		BuyerWords: []string{"Zinaida", "Proverkina", "79005550101"},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	channeltest.Run(t, suite())
}

func FuzzNormalise(f *testing.F) { channeltest.Fuzz(f, suite()) }

// push asks for a move of an order that stands at from.
func push(id string, from, to orderhub.Status) channel.Push {
	return channel.Push{Key: "effect-1", To: to, Attempt: 1, Order: orderhub.Order{
		ID: 7, AccountID: "demo-main", Channel: "demo", Headline: from, Version: 1,
		Snapshot: orderhub.Snapshot{ExternalID: id, Scheme: orderhub.SchemeFBS, Status: from},
	}}
}

func pushes() []channeltest.PushCase {
	reply := func(body string) []channeltest.Canned {
		return []channeltest.Canned{{Method: "POST", Path: "/v1/orders/status", Body: body, Write: true}}
	}
	cancel := push("D-4", orderhub.StatusNew, orderhub.StatusCancelled)
	cancel.Reason = "out_of_stock"
	return []channeltest.PushCase{
		{
			Name: "confirm_batch",
			Pushes: []channel.Push{
				push("D-1", orderhub.StatusNew, orderhub.StatusConfirmed), push("D-2", orderhub.StatusNew, orderhub.StatusConfirmed),
				push("D-3", orderhub.StatusNew, orderhub.StatusConfirmed), push("D-4", orderhub.StatusNew, orderhub.StatusConfirmed),
				push("D-5", orderhub.StatusNew, orderhub.StatusConfirmed),
			},
			// Answers come in the market's own order, and D-5 is not mentioned.
			Replies: reply(`{"results":[{"id":"D-4","ok":false,"error":{"code":"BUSY","text":"later"}},
				{"id":"D-1","ok":true},{"id":"D-2","ok":false,"error":{"code":"NOT_NOW","text":"status accepted is not possible now"}},
				{"id":"D-3","ok":false,"error":{"code":"ALREADY","text":"it is"}}]}`),
			Want: []channeltest.PushWant{
				{Outcome: channel.OutcomeAccepted},
				{Outcome: channel.OutcomeFailed, Class: orderhub.ClassRejected},
				{Outcome: channel.OutcomeDone},
				{Outcome: channel.OutcomeFailed, Class: orderhub.ClassRetry},
				{Outcome: channel.OutcomeFailed, Class: orderhub.ClassUncertain},
			},
		},
		{
			Name:    "ship",
			Pushes:  []channel.Push{push("D-1", orderhub.StatusPacked, orderhub.StatusShipped)},
			Replies: reply(`{"results":[{"id":"D-1","ok":true}]}`),
			Want:    []channeltest.PushWant{{Outcome: channel.OutcomeAccepted}},
		},
		{
			Name:    "cancel",
			Pushes:  []channel.Push{cancel},
			Replies: reply(`{"results":[{"id":"D-4","ok":true}]}`),
			Want:    []channeltest.PushWant{{Outcome: channel.OutcomeAccepted}},
		},
	}
}

func webhooks() []channeltest.WebhookCase {
	signed := http.Header{"X-Demo-Secret": {demosim.Secret}}
	return []channeltest.WebhookCase{
		{Name: "changed", Header: signed, Body: `{"event_id": 17, "order_id": "D-1001"}`},
		{Name: "no_secret", Body: `{"event_id": 17, "order_id": "D-1001"}`, Refused: true},
		{Name: "no_order", Header: signed, Body: `{"event_id": 17}`, Refused: true},
	}
}
