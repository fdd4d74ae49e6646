package shopify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/shopifysim"
)

const (
	testSecret = "shpss_00aa11bb22cc33dd"
	testToken  = "shpat_99887766554433aa"
	path       = "/admin/api/2026-07/graphql.json"
)

// suite describes the adapter to the conformance kit.
func suite() channeltest.Suite {
	return channeltest.Suite{
		// Small pages, so that a few orders take several.
		Channel: channel.Channel{Descriptor: descriptor(), Open: func(s channel.Settings, d channel.Deps) (channel.Adapter, error) {
			return openPaged(s, d, 5)
		}},
		Market: func(_ testing.TB, in *marketsim.Injector) marketsim.Market {
			return shopifysim.New(shopifysim.Options{Injector: in, Fast: true, QuotaScale: 10_000, LinesPerPage: 1})
		},
		Settings: map[string]string{
			settingShop: "example.myshopify.com", settingClient: "abc123", settingSecret: testSecret, settingToken: testToken, settingLocation: "17",
		},
		Schemes: []orderhub.Scheme{orderhub.SchemeSite}, Orders: 17, FreeQuotas: true,
		ErrorBodies: map[int]string{
			401: `{"errors":"[API] Invalid API key or access token (unrecognized login or wrong password)"}`,
			402: `{"errors":"This shop is currently frozen"}`,
			403: `{"errors":"[API] This action requires merchant approval for read_orders scope."}`,
			429: `{"errors":"Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service."}`,
			500: `{"errors":[{"message":"Internal error. Looks like something went wrong on our end.","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`,
		},
		Pushes: pushCases(), Webhooks: webhookCases(),
		BuyerWords: []string{"Morozova", "79005550101", "Invented"},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	channeltest.Run(t, suite())
}

func FuzzNormalise(f *testing.F) { channeltest.Fuzz(f, suite()) }

// FuzzReturns: a return is one of a named order or nothing.
func FuzzReturns(f *testing.F) {
	f.Add([]byte(`{"id":"gid://shopify/Return/5","status":"OPEN","order":{"id":"gid://shopify/Order/4"},"returnLineItems":{"nodes":[{"quantity":1,"fulfillmentLineItem":{"lineItem":{"id":"gid://shopify/LineItem/7","sku":"A"}}},{}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := (&adapter{}).NormaliseReturn(kindReturn, body)
		if err == nil && (s.ExternalID == "" || s.OrderID == "" || s.State == "") {
			t.Errorf("a return without a name: %+v", s)
		}
	})
}

// pushOf asks for a move of an order that stands at from.
func pushOf(id string, from, to orderhub.Status) channel.Push {
	return channel.Push{Key: "effect-1", To: to, Attempt: 1, Order: orderhub.Order{
		ID: 7, AccountID: "shopify-test", Channel: Name, Headline: from, Version: 1,
		Snapshot: orderhub.Snapshot{ExternalID: id, Scheme: orderhub.SchemeSite, Status: from},
	}}
}

// looked is an answer to Work.
func looked(cancelled, orders, shipments string) channeltest.Canned {
	return channeltest.Canned{Method: "POST", Path: path, Body: `{"data":{"order":{"id":"gid://shopify/Order/41","cancelledAt":` + cancelled +
		`,"displayFulfillmentStatus":"UNFULFILLED","fulfillmentOrders":{"nodes":[` + orders + `]},"fulfillments":[` + shipments + `]}}}`}
}

func written(body string) channeltest.Canned {
	return channeltest.Canned{Method: "POST", Path: path, Body: body, Write: true}
}

const (
	openHere  = `{"id":"gid://shopify/FulfillmentOrder/1","status":"OPEN","assignedLocation":{"location":{"id":"gid://shopify/Location/17"}}}`
	alsoHere  = `{"id":"gid://shopify/FulfillmentOrder/2","status":"IN_PROGRESS","assignedLocation":{"location":{"id":"gid://shopify/Location/17"}}}`
	openThere = `{"id":"gid://shopify/FulfillmentOrder/3","status":"OPEN","assignedLocation":{"location":{"id":"gid://shopify/Location/18"}}}`
	closed    = `{"id":"gid://shopify/FulfillmentOrder/4","status":"CLOSED","assignedLocation":{"location":null}}`
	onHold    = `{"id":"gid://shopify/FulfillmentOrder/5","status":"ON_HOLD","assignedLocation":{"location":null}}`
	sentOff   = `{"id":"gid://shopify/Fulfillment/9","status":"SUCCESS","displayStatus":"IN_TRANSIT"}`
	takenBack = `{"id":"gid://shopify/Fulfillment/8","status":"CANCELLED","displayStatus":"CANCELED"}`
	shipped   = `{"data":{"fulfillmentCreate":{"fulfillment":{"id":"gid://shopify/Fulfillment/9","status":"SUCCESS"},"userErrors":[]}}}`
)

func pushCases() []channeltest.PushCase {
	one := func(p channel.Push) []channel.Push { return []channel.Push{p} }
	accepted := []channeltest.PushWant{{Outcome: channel.OutcomeAccepted}}
	rejected := []channeltest.PushWant{{Outcome: channel.OutcomeFailed, Class: orderhub.ClassRejected}}
	ship := pushOf("41", orderhub.StatusPacked, orderhub.StatusShipped)
	withNumber := ship
	withNumber.Params = map[string]string{paramTracking: "RA123456785RU", paramCarrier: "Russian Post"}
	cancel := pushOf("41", orderhub.StatusNew, orderhub.StatusCancelled)
	cancel.Reason, cancel.Comment = "INVENTORY", "broken at packing"
	tracked := pushOf("41", orderhub.StatusShipped, "")
	tracked.Params = map[string]string{paramTracking: "RA123456785RU"}
	return []channeltest.PushCase{
		{Name: "ship_one_location", Pushes: one(withNumber), Want: accepted, Replies: []channeltest.Canned{looked("null", openHere+","+alsoHere+","+closed, ""), written(shipped)}},
		{Name: "ship_two_locations", Pushes: one(ship), Want: accepted, Replies: []channeltest.Canned{looked("null", openHere+","+openThere, takenBack), written(shipped), written(shipped)}},
		{Name: "ship_cancelled", Pushes: one(ship), Want: rejected, Replies: []channeltest.Canned{looked(`"2026-11-20T10:00:00Z"`, openHere, "")}},
		{Name: "ship_on_hold", Pushes: one(ship), Want: rejected, Replies: []channeltest.Canned{looked("null", openHere+","+onHold, "")}},
		{Name: "ship_nothing_left", Pushes: one(ship), Want: rejected, Replies: []channeltest.Canned{looked("null", closed, takenBack)}},
		{Name: "ship_refused", Pushes: one(ship), Want: rejected, Replies: []channeltest.Canned{looked("null", openHere, ""),
			written(`{"data":{"fulfillmentCreate":{"fulfillment":null,"userErrors":[{"field":["fulfillment"],"message":"Fulfillment order has an unfulfillable status= closed."}]}}}`)}},
		// The first is sent already: nothing is done for it.
		{Name: "ship_already", Pushes: []channel.Push{ship, ship}, Want: []channeltest.PushWant{{Outcome: channel.OutcomeDone}, {Outcome: channel.OutcomeAccepted}},
			Replies: []channeltest.Canned{looked("null", closed, sentOff), looked("null", openHere, ""), written(shipped)}},
		{Name: "no_such_order", Pushes: one(ship), Want: rejected, Replies: []channeltest.Canned{{Method: "POST", Path: path, Body: `{"data":{"order":null}}`}}},
		{Name: "throttled", Pushes: one(ship), Want: []channeltest.PushWant{{Outcome: channel.OutcomeFailed, Class: orderhub.ClassRateLimited}}, Replies: []channeltest.Canned{{Method: "POST", Path: path,
			Body: `{"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}],"extensions":{"cost":{"requestedQueryCost":752,"actualQueryCost":null,"throttleStatus":{"maximumAvailable":1000.0,"currentlyAvailable":666,"restoreRate":50.0}}}}`}}},
		{Name: "pickup", Pushes: one(pushOf("41", orderhub.StatusShipped, orderhub.StatusReadyForPickup)), Want: accepted, Replies: []channeltest.Canned{looked("null", closed, takenBack+","+sentOff),
			written(`{"data":{"fulfillmentEventCreate":{"fulfillmentEvent":{"id":"gid://shopify/FulfillmentEvent/3","status":"READY_FOR_PICKUP"},"userErrors":[]}}}`)}},
		{Name: "delivered", Pushes: one(pushOf("41", orderhub.StatusShipped, orderhub.StatusDelivered)), Want: accepted, Replies: []channeltest.Canned{looked("null", closed, sentOff),
			written(`{"data":{"fulfillmentEventCreate":{"fulfillmentEvent":{"id":"gid://shopify/FulfillmentEvent/3","status":"DELIVERED"},"userErrors":[]}}}`)}},
		{Name: "cancel", Pushes: one(cancel), Want: accepted, Replies: []channeltest.Canned{looked("null", openHere, ""),
			written(`{"data":{"orderCancel":{"job":{"id":"gid://shopify/Job/1","done":false},"orderCancelUserErrors":[]}}}`)}},
		{Name: "cancel_refused", Pushes: one(cancel), Want: rejected, Replies: []channeltest.Canned{looked("null", openHere, sentOff),
			written(`{"data":{"orderCancel":{"job":null,"orderCancelUserErrors":[{"field":["orderId"],"message":"Cannot cancel an order that has outstanding fulfillments","code":"INVALID"}]}}}`)}},
		{Name: "no_such_call", Pushes: one(pushOf("41", orderhub.StatusNew, orderhub.StatusPacked)), Want: rejected, Replies: []channeltest.Canned{looked("null", openHere, "")}},
		{Name: "tracking", Kind: orderhub.EffectTracking, Pushes: one(tracked), Want: accepted, Replies: []channeltest.Canned{looked("null", closed, sentOff),
			written(`{"data":{"fulfillmentTrackingInfoUpdate":{"fulfillment":{"id":"gid://shopify/Fulfillment/9","status":"SUCCESS"},"userErrors":[]}}}`)}},
		{Name: "tracking_too_early", Kind: orderhub.EffectTracking, Pushes: one(tracked), Want: rejected, Replies: []channeltest.Canned{looked("null", openHere, "")}},
	}
}

// signed are the headers of a message.
func signed(topic, body string) http.Header {
	mac := hmac.New(sha256.New, []byte(testSecret))
	mac.Write([]byte(body))
	return http.Header{
		"X-Shopify-Topic": {topic}, "X-Shopify-Shop-Domain": {"example.myshopify.com"}, "X-Shopify-Webhook-Id": {"b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"},
		"X-Shopify-Hmac-Sha256": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	}
}

func webhookCases() []channeltest.WebhookCase {
	order := `{"id":5900000000041,"admin_graphql_api_id":"gid://shopify/Order/5900000000041","name":"#41"}`
	other := signed("orders/updated", order)
	other.Set("X-Shopify-Shop-Domain", "other.myshopify.com")
	return []channeltest.WebhookCase{
		{Name: "order_updated", Header: signed("orders/updated", order), Body: order},
		{Name: "deleted", Header: signed("orders/delete", `{"id":5900000000041}`), Body: `{"id":5900000000041}`},
		{Name: "refund", Header: signed("refunds/create", `{"id":7,"order_id":5900000000041}`), Body: `{"id":7,"order_id":5900000000041}`},
		{Name: "return", Header: signed("returns/approve", `{"id":9,"order":{"id":5900000000041}}`), Body: `{"id":9,"order":{"id":5900000000041}}`},
		{Name: "return_without_order", Header: signed("returns/close", `{"id":9}`), Body: `{"id":9}`},
		{Name: "of_no_order", Header: signed("customers/redact", `{"shop_id":1}`), Body: `{"shop_id":1}`},
		{Name: "not_signed", Header: http.Header{"X-Shopify-Topic": {"orders/updated"}}, Body: order, Refused: true},
		{Name: "signed_for_another_body", Header: signed("orders/updated", order+" "), Body: order, Refused: true},
		{Name: "another_shop", Header: other, Body: order, Refused: true},
		{Name: "no_order", Header: signed("orders/updated", `{"name":"#41"}`), Body: `{"name":"#41"}`, Refused: true},
	}
}
