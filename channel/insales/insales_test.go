package insales

import (
	"net/http"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/insalessim"
)

const testPassword = "0c0ffee0d1cab0de00112233445566aa"

// suite describes the adapter to the conformance kit.
func suite() channeltest.Suite {
	return channeltest.Suite{
		// The shop's smallest page is ten, so it takes a few orders to fill three.
		Channel: channel.Channel{Descriptor: descriptor(), Open: func(s channel.Settings, d channel.Deps) (channel.Adapter, error) {
			return openPaged(s, d, smallest)
		}},
		Market: func(_ testing.TB, in *marketsim.Injector) marketsim.Market {
			return insalessim.New(insalessim.Options{Injector: in, Fast: true, QuotaScale: 1000})
		},
		Settings: map[string]string{
			settingShop: "shop.myinsales.ru", settingLogin: "app", settingPassword: testPassword, settingTracking: "trace",
			settingWords: "soglasovan=confirmed; sobran=packed; v-punkte=ready_for_pickup",
		},
		Schemes: []orderhub.Scheme{orderhub.SchemeSite}, Orders: 25, FreeQuotas: true,
		ErrorBodies: map[int]string{
			403: `{"message":"Access denied for this application"}`,
			429: `{"message":"Too many requests"}`,
			500: `{"message":"something broke inside"}`,
		},
		Pushes: pushCases(), Webhooks: webhookCases(), PushHeaders: []string{"Content-Type"},
		BuyerWords: []string{"Журавлёва", "79005550101", "Вымышленная"},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	channeltest.Run(t, suite())
}

func FuzzNormalise(f *testing.F) { channeltest.Fuzz(f, suite()) }

// FuzzReturns: a return is one of a named order or nothing.
func FuzzReturns(f *testing.F) {
	f.Add([]byte(`{"id":1,"fulfillment_status":"returned","order_lines":[{"id":2,"sku":"A","quantity":"1.5","sale_price":"10.001"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := normaliseReturn(kindReturn, body)
		if err == nil && (s.ExternalID == "" || s.OrderID == "") {
			t.Errorf("a return without a name: %+v", s)
		}
	})
}

// push asks for a move of an order that stands at from.
func pushOf(id string, from, to orderhub.Status) channel.Push {
	return channel.Push{Key: "effect-1", To: to, Attempt: 1, Order: orderhub.Order{
		ID: 7, AccountID: "insales-test", Channel: Name, Headline: from, Version: 1,
		Snapshot: orderhub.Snapshot{ExternalID: id, Scheme: orderhub.SchemeSite, Status: from},
	}}
}

func shown(id, word, own string) string {
	return `{"id":` + id + `,"number":17,"fulfillment_status":"` + word + `","custom_status":{"permalink":"` + own + `","title":"x"},"updated_at":"2026-11-20T14:00:00.000+03:00"}`
}

func pushCases() []channeltest.PushCase {
	get := func(id, body string) channeltest.Canned {
		return channeltest.Canned{Method: "GET", Path: "/admin/orders/" + id + ".json", Body: body}
	}
	put := func(id, body string) channeltest.Canned {
		return channeltest.Canned{Method: "PUT", Path: "/admin/orders/" + id + ".json", Body: body, Write: true}
	}
	refusal := func(id string, status int, body string) channeltest.Canned {
		return channeltest.Canned{Method: "PUT", Path: "/admin/orders/" + id + ".json", Status: status, Body: body, Write: true}
	}
	one := func(p channel.Push) []channel.Push { return []channel.Push{p} }
	want := func(o channel.Outcome) []channeltest.PushWant { return []channeltest.PushWant{{Outcome: o}} }
	rejected := []channeltest.PushWant{{Outcome: channel.OutcomeFailed, Class: orderhub.ClassRejected}}
	tracked := pushOf("41", orderhub.StatusShipped, "")
	tracked.Params = map[string]string{paramTracking: "RA123456785RU"}
	bare := pushOf("41", orderhub.StatusShipped, "")
	return []channeltest.PushCase{
		{Name: "confirm_own_word", Pushes: one(pushOf("41", orderhub.StatusNew, orderhub.StatusConfirmed)), Want: want(channel.OutcomeDone),
			Replies: []channeltest.Canned{get("41", shown("41", "new", "new")), put("41", shown("41", "approved", "soglasovan"))}},
		{Name: "ship_two", Pushes: []channel.Push{pushOf("41", orderhub.StatusPacked, orderhub.StatusShipped), pushOf("42", orderhub.StatusPacked, orderhub.StatusShipped)},
			// The first answer still shows the old word; the second order was cancelled by its buyer.
			Want: []channeltest.PushWant{{Outcome: channel.OutcomeAccepted}, {Outcome: channel.OutcomeFailed, Class: orderhub.ClassRejected}},
			Replies: []channeltest.Canned{get("41", shown("41", "approved", "sobran")), put("41", shown("41", "approved", "sobran")),
				get("42", shown("42", "declined", "declined"))}},
		// The first is further already: no word is sent for it.
		{Name: "ship_already", Pushes: []channel.Push{pushOf("41", orderhub.StatusPacked, orderhub.StatusShipped), pushOf("42", orderhub.StatusPacked, orderhub.StatusShipped)},
			Want: []channeltest.PushWant{{Outcome: channel.OutcomeDone}, {Outcome: channel.OutcomeDone}},
			Replies: []channeltest.Canned{get("41", shown("41", "delivered", "delivered")),
				get("42", shown("42", "accepted", "accepted")), put("42", shown("42", "dispatched", "dispatched"))}},
		{Name: "deliver", Pushes: one(pushOf("41", orderhub.StatusShipped, orderhub.StatusDelivered)), Want: want(channel.OutcomeDone),
			Replies: []channeltest.Canned{get("41", shown("41", "dispatched", "dispatched")), put("41", shown("41", "delivered", "delivered"))}},
		{Name: "cancel", Pushes: one(pushOf("41", orderhub.StatusNew, orderhub.StatusCancelled)), Want: want(channel.OutcomeDone),
			Replies: []channeltest.Canned{get("41", shown("41", "new", "new")), put("41", shown("41", "declined", "declined"))}},
		{Name: "refused_by_fields", Pushes: one(pushOf("41", orderhub.StatusNew, orderhub.StatusConfirmed)), Want: rejected,
			Replies: []channeltest.Canned{get("41", shown("41", "new", "new")), refusal("41", 422, `{"custom_status":["имеет неверное значение"]}`)}},
		// The first was deleted in the shop: nothing is left to be cancelled there.
		{Name: "cancel_gone", Pushes: []channel.Push{pushOf("41", orderhub.StatusNew, orderhub.StatusCancelled), pushOf("42", orderhub.StatusNew, orderhub.StatusCancelled)},
			Want: []channeltest.PushWant{{Outcome: channel.OutcomeDone}, {Outcome: channel.OutcomeDone}},
			Replies: []channeltest.Canned{{Method: "GET", Path: "/admin/orders/41.json", Status: 404, Body: "<html>no</html>"},
				get("42", shown("42", "new", "new")), put("42", shown("42", "declined", "declined"))}},
		{Name: "gone", Pushes: one(pushOf("41", orderhub.StatusNew, orderhub.StatusConfirmed)), Want: rejected,
			Replies: []channeltest.Canned{{Method: "GET", Path: "/admin/orders/41.json", Status: 404, Body: "<html>no</html>"}}},
		{Name: "packed", Pushes: one(pushOf("41", orderhub.StatusConfirmed, orderhub.StatusPacked)), Want: want(channel.OutcomeDone),
			Replies: []channeltest.Canned{get("41", shown("41", "approved", "soglasovan")), put("41", shown("41", "approved", "sobran"))}},
		{Name: "pickup", Pushes: one(pushOf("41", orderhub.StatusShipped, orderhub.StatusReadyForPickup)), Want: want(channel.OutcomeDone),
			Replies: []channeltest.Canned{get("41", shown("41", "dispatched", "dispatched")), put("41", shown("41", "dispatched", "v-punkte"))}},
		{Name: "no_such_call", Pushes: one(pushOf("41", orderhub.StatusNew, orderhub.StatusReturned)), Want: rejected},
		{Name: "tracking", Kind: orderhub.EffectTracking, Pushes: []channel.Push{tracked, bare},
			Want:    []channeltest.PushWant{{Outcome: channel.OutcomeAccepted}, rejected[0]},
			Replies: []channeltest.Canned{put("41", shown("41", "dispatched", "dispatched"))}},
	}
}

func webhookCases() []channeltest.WebhookCase {
	return []channeltest.WebhookCase{
		{Name: "changed", Body: shown("41", "approved", "approved")},
		{Name: "returned", Body: shown("41", "returned", "returned")},
		{Name: "no_order", Body: `{"order":{"id":41}}`, Refused: true},
		{Name: "array_of_products", Body: `[{"id":41}]`, Refused: true},
		{Name: "not_post", Method: http.MethodGet, Body: shown("41", "new", "new"), Refused: true},
	}
}
