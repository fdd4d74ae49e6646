package woocommerce

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/woosim"
)

const (
	testKey    = "ck_0123456789abcdef"
	testSecret = "cs_fedcba9876543210"
	hookSecret = "0123456789abcdef0123456789abcdef"
)

func suite() channeltest.Suite {
	// Pages of five make a sweep of a dozen orders several pages long.
	small := Channel
	small.Open = func(s channel.Settings, d channel.Deps) (channel.Adapter, error) {
		ad, err := Channel.Open(s, d)
		if a, ok := ad.(*adapter); ok {
			a.pageSize = 5
		}
		return ad, err
	}
	return channeltest.Suite{
		Channel: small,
		Market: func(_ testing.TB, in *marketsim.Injector) marketsim.Market {
			return woosim.New(woosim.Options{Injector: in})
		},
		Settings: map[string]string{
			channel.SettingBaseURL: "https://shop.example", settingKey: testKey, settingSecret: testSecret, settingHookKey: hookSecret,
		},
		Schemes: []orderhub.Scheme{orderhub.SchemeSite}, FreeQuotas: true,
		ErrorBodies: map[int]string{
			400: refusal("rest_invalid_param", "Invalid parameter(s): status", 400),
			401: refusal("woocommerce_rest_cannot_view", "Sorry, you cannot list resources.", 401),
			404: refusal("rest_no_route", "No route was found matching the URL and request method.", 404),
			500: refusal("internal_server_error", "There has been a critical error on this website.", 500),
		},
		Pushes:      append(statusPushes(), trackingPushes()...),
		PushHeaders: []string{"Authorization"},
		Webhooks:    webhookCases(),
		BuyerWords:  []string{"Сорокина", "+7 900 000-00-11", "vera@example.org", "Вымышленная", "Проверкина", "zinaida@example.org"},
		Secrets:     []string{base64.StdEncoding.EncodeToString([]byte(testKey + ":" + testSecret))},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	channeltest.Run(t, suite())
}

func FuzzNormalise(f *testing.F) { channeltest.Fuzz(f, suite()) }

func refusal(code, message string, status int) string {
	return fmt.Sprintf(`{"code":%q,"message":%q,"data":{"status":%d}}`, code, message, status)
}

func push(id string, from, to orderhub.Status) channel.Push {
	return channel.Push{Key: "effect-" + id, To: to, Attempt: 1, Params: map[string]string{}, Order: orderhub.Order{
		ID: 7, AccountID: "shop", Channel: "woocommerce", Headline: from, Version: 1,
		Snapshot: orderhub.Snapshot{ExternalID: id, Scheme: orderhub.SchemeSite, Status: from},
	}}
}

func orderBody(id, status, meta string) string {
	return fmt.Sprintf(`{"id":%s,"number":"%s","status":%q,"currency":"RUB","date_created_gmt":"2026-11-20T11:01:02","date_modified_gmt":"2026-11-20T11:05:10",
		"total":"100.00","line_items":[],"refunds":[],"meta_data":[%s]}`, id, id, status, meta)
}

func get(id, status, meta string) channeltest.Canned {
	return channeltest.Canned{Method: http.MethodGet, Path: "/wp-json/wc/v3/orders/" + id, Body: orderBody(id, status, meta)}
}

func put(id, status, meta string) channeltest.Canned {
	return channeltest.Canned{Method: http.MethodPut, Path: "/wp-json/wc/v3/orders/" + id, Body: orderBody(id, status, meta), Write: true}
}

func note(id string) channeltest.Canned {
	return channeltest.Canned{Method: http.MethodPost, Path: "/wp-json/wc/v3/orders/" + id + "/notes", Status: http.StatusCreated, Body: `{"id":1,"note":"x"}`}
}

func meta(key, value string) string { return fmt.Sprintf(`{"id":1,"key":%q,"value":%q}`, key, value) }

var (
	done     = channeltest.PushWant{Outcome: channel.OutcomeDone}
	accepted = channeltest.PushWant{Outcome: channel.OutcomeAccepted}
	rejected = channeltest.PushWant{Outcome: channel.OutcomeFailed, Class: orderhub.ClassRejected}
)

func statusPushes() []channeltest.PushCase {
	cancel := push("727", orderhub.StatusNew, orderhub.StatusCancelled)
	cancel.Reason, cancel.Comment = "out_of_stock", "Кружка разбилась"
	shipped := meta(metaStatus, "shipped")
	one := func(name string, p channel.Push, want channeltest.PushWant, replies ...channeltest.Canned) channeltest.PushCase {
		return channeltest.PushCase{Name: name, Pushes: []channel.Push{p}, Want: []channeltest.PushWant{want}, Replies: replies}
	}
	return []channeltest.PushCase{
		one("paid_by_hand", push("727", orderhub.StatusPending, orderhub.StatusNew), done, get("727", "on-hold", ""), put("727", "processing", "")),
		one("shipped_is_noted", push("727", orderhub.StatusPacked, orderhub.StatusShipped), done, get("727", "processing", ""), put("727", "processing", shipped)),
		one("ready_is_noted", push("727", orderhub.StatusShipped, orderhub.StatusReadyForPickup), done,
			get("727", "processing", shipped+","+meta(metaShipped, "2026-11-20T10:00:00Z")), put("727", "processing", meta(metaStatus, "ready_for_pickup"))),
		one("completed", push("727", orderhub.StatusShipped, orderhub.StatusDelivered), done, get("727", "processing", shipped), put("727", "completed", shipped)),
		one("cancelled_with_a_reason", cancel, done, get("727", "processing", ""), put("727", "cancelled", ""), note("727")),
		one("a_plugin_answers_otherwise", push("727", orderhub.StatusShipped, orderhub.StatusDelivered), accepted, get("727", "processing", ""), put("727", "awaiting-review", "")),
		one("status_is_not_taken", push("727", orderhub.StatusShipped, orderhub.StatusDelivered), rejected, get("727", "processing", ""),
			channeltest.Canned{Method: http.MethodPut, Path: "/wp-json/wc/v3/orders/727", Status: 400, Body: refusal("rest_invalid_param", "Invalid parameter(s): status", 400), Write: true}),
		one("deleted_order", push("727", orderhub.StatusShipped, orderhub.StatusDelivered), rejected,
			channeltest.Canned{Method: http.MethodGet, Path: "/wp-json/wc/v3/orders/727", Status: 404, Body: refusal("woocommerce_rest_shop_order_invalid_id", "Invalid ID.", 404)}),
		one("no_shop_is_not_no_order", cancel, rejected,
			channeltest.Canned{Method: http.MethodGet, Path: "/wp-json/wc/v3/orders/727", Status: 404, Body: refusal("rest_no_route", "No route was found", 404)}),
		{
			Name: "each_by_itself",
			Pushes: []channel.Push{
				push("1", orderhub.StatusShipped, orderhub.StatusDelivered), push("2", orderhub.StatusShipped, orderhub.StatusDelivered),
				push("3", orderhub.StatusShipped, orderhub.StatusDelivered), push("4", orderhub.StatusShipped, orderhub.StatusDelivered),
			},
			// The first one is there already, the second one was cancelled meanwhile, the
			// third is taken, the fourth is no order any more.
			Want: []channeltest.PushWant{done, rejected, done, rejected},
			Replies: []channeltest.Canned{
				get("1", "completed", ""), get("2", "cancelled", ""), get("3", "processing", ""), put("3", "completed", ""),
				{Method: http.MethodGet, Path: "/wp-json/wc/v3/orders/4", Status: 404, Body: refusal("woocommerce_rest_shop_order_invalid_id", "Invalid ID.", 404)},
			},
		},
	}
}

func trackingPushes() []channeltest.PushCase {
	track := push("727", orderhub.StatusShipped, "")
	track.Params = map[string]string{"tracking": "RA123456789RU", "carrier": "Почта России"}
	return []channeltest.PushCase{
		{
			Name: "tracking", Kind: orderhub.EffectTracking, Pushes: []channel.Push{track}, Want: []channeltest.PushWant{done},
			Replies: []channeltest.Canned{get("727", "processing", ""), put("727", "processing", meta(metaTracking, "RA123456789RU")), note("727")},
		},
		{
			Name: "tracking_without_a_number", Kind: orderhub.EffectTracking, Pushes: []channel.Push{push("727", orderhub.StatusShipped, "")},
			Want: []channeltest.PushWant{rejected},
		},
	}
}

func signature(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func webhookCases() []channeltest.WebhookCase {
	updated := `{"id":727,"status":"processing","date_modified_gmt":"2026-11-20T11:05:10","billing":{"last_name":"Сорокина"}}`
	take := func(name, topic, body string) channeltest.WebhookCase {
		return channeltest.WebhookCase{Name: name, Body: body, Header: http.Header{
			"Content-Type": {"application/json"}, "X-WC-Webhook-Topic": {topic}, "X-WC-Webhook-Signature": {signature(hookSecret, body)},
		}}
	}
	other := take("another_secret", "order.updated", updated)
	other.Header["X-WC-Webhook-Signature"] = []string{signature("0000000000000000", updated)}
	other.Refused = true
	form := url.Values{"webhook_id": {"12"}, "x": {"1"}}.Encode()
	return []channeltest.WebhookCase{
		take("updated", "order.updated", updated),
		take("with_a_refund", "order.updated", `{"id":727,"status":"completed","date_modified_gmt":"2026-11-20T11:05:10","refunds":[{"id":9,"total":"-1.00"}]}`),
		take("deleted", "order.deleted", `{"id":727}`),
		take("draft_of_a_checkout", "order.created", `{"id":728,"status":"checkout-draft","date_modified_gmt":"2026-11-20T11:05:10"}`),
		take("product", "product.updated", `{"id":501,"sku":"A"}`),
		take("authentic_nonsense", "order.updated", `{"order":"none"}`),
		{Name: "ping", Body: "webhook_id=12", Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}},
		{Name: "another_form", Body: form, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, Refused: true},
		{Name: "not_signed", Body: updated, Header: http.Header{"Content-Type": {"application/json"}}, Refused: true},
		{Name: "signature_is_no_base64", Body: updated, Header: http.Header{"X-WC-Webhook-Signature": {"%%%"}}, Refused: true},
		other,
	}
}
