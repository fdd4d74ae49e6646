package ozon

import (
	"net/netip"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/ozonsim"
)

// suite describes the adapter to the conformance kit.
func suite() channeltest.Suite {
	return channeltest.Suite{
		// Small pages, so that a few orders take several.
		Channel: channel.Channel{Descriptor: descriptor, Open: func(s channel.Settings, d channel.Deps) (channel.Adapter, error) {
			return openPaged(s, d, 5)
		}},
		Market: func(_ testing.TB, in *marketsim.Injector) marketsim.Market {
			return ozonsim.New(ozonsim.Options{Injector: in, Fast: true})
		},
		Settings: map[string]string{settingClientID: "77001", settingAPIKey: "0c0ffee0-test-key1-0000-decade00face"},
		Schemes:  []orderhub.Scheme{orderhub.SchemeFBS, orderhub.SchemeRFBS, orderhub.SchemeFBO},
		ErrorBodies: map[int]string{
			401: `{"code":16,"message":"Client-Id and Api-Key headers are required","details":[]}`,
			403: `{"code":7,"message":"Api-Key is missing a required role for a method","details":[]}`,
			429: `{"code":8,"message":"You have reached request rate limit per second","details":[]}`,
			500: `{"code":13,"message":"Internal error","details":[]}`,
			503: `{"code":14,"message":"Circle is open","details":[]}`,
		},
		Pushes:     pushCases(),
		Webhooks:   webhookCases(),
		BuyerWords: []string{"Лосев", "79990001122", "Речная"},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	channeltest.Run(t, suite())
}

func FuzzNormalise(f *testing.F) { channeltest.Fuzz(f, suite()) }

// order is an order as the ledger has it.
func order(number string, scheme orderhub.Scheme, headline orderhub.Status, actions ...string) orderhub.Order {
	return orderhub.Order{
		ID: 12, AccountID: "ozon-test", Channel: "ozon", Headline: headline, Version: 1,
		Snapshot: orderhub.Snapshot{
			ExternalID: number, Scheme: scheme, Status: headline, Actions: actions,
			Lines: []orderhub.Line{
				{SKU: "KETTLE-17", ListingKey: "1550012345", Quantity: 2},
				{SKU: "0557722", ListingKey: "1550067890", Quantity: 1},
			},
		},
	}
}

func push(o orderhub.Order, to orderhub.Status) channel.Push {
	return channel.Push{Key: "effect-1", Order: o, To: to, Attempt: 1}
}

const (
	okRow   = `{"result":[{"posting_number":"55500111-0007-1","result":true,"error":""}]}`
	reasons = `{"result":[{"posting_number":"41200577-0031-1","reasons":[{"id":352,"title":"Out of stock","type_id":"seller"},{"id":"402","title":"Other","type_id":"seller"},{"id":665,"title":"Not collected","type_id":"buyer"}]}]}`
)

func canned(path, body string) channeltest.Canned {
	return channeltest.Canned{Method: "POST", Path: path, Body: body}
}

func written(path, body string) channeltest.Canned {
	return channeltest.Canned{Method: "POST", Path: path, Body: body, Write: true}
}

func refusal(path, word string) channeltest.Canned {
	return channeltest.Canned{Method: "POST", Path: path, Status: 400, Body: `{"code":9,"message":"` + word + `","details":[]}`, Write: true}
}

var (
	yes      = []channeltest.PushWant{{Outcome: channel.OutcomeAccepted}}
	already  = []channeltest.PushWant{{Outcome: channel.OutcomeDone}}
	rejected = []channeltest.PushWant{{Outcome: channel.OutcomeFailed, Class: orderhub.ClassRejected}}
	again    = []channeltest.PushWant{{Outcome: channel.OutcomeFailed, Class: orderhub.ClassRetry}}
)

// answering is an answer to a buyer who wants to cancel.
func answering(answer, reason string) channel.Push {
	p := push(order("55500111-0007-1", orderhub.SchemeRFBS, orderhub.StatusShipped), "")
	p.Order.Snapshot.CancelRequest = &orderhub.CancelRequest{ID: "700000123"}
	p.Reason, p.Params = reason, map[string]string{paramAnswer: answer}
	return p
}

func pushCases() []channeltest.PushCase {
	fbs := order("41200577-0031-1", orderhub.SchemeFBS, orderhub.StatusNew, "ship", "cancel")
	rfbs := order("55500111-0007-1", orderhub.SchemeRFBS, orderhub.StatusNew, "ship", "cancel")
	confirmed := order("55500111-0007-1", orderhub.SchemeRFBS, orderhub.StatusConfirmed, "non_int_delivering", "cancel")
	onWay := order("55500111-0007-1", orderhub.SchemeRFBS, orderhub.StatusShipped, "non_int_last_mile")
	atDoor := order("55500111-0007-1", orderhub.SchemeRFBS, orderhub.StatusShipped, "non_int_delivered", "non_int_last_mile")
	split := push(fbs, orderhub.StatusConfirmed)
	split.Params = map[string]string{paramPackages: `[[{"sku":"1550012345","quantity":1}],[{"sku":1550012345,"quantity":1},{"sku":"0557722","quantity":1}]]`}
	cancel := push(fbs, orderhub.StatusCancelled)
	cancel.Reason = "352"
	other := push(fbs, orderhub.StatusCancelled)
	other.Reason, other.Comment = "402", "Разбили при упаковке"
	wrongReason := push(fbs, orderhub.StatusCancelled)
	wrongReason.Reason = "400"
	rfbsCancel := push(rfbs, orderhub.StatusCancelled)
	rfbsCancel.Reason = "352"
	tracked := func(number, tracking string) channel.Push {
		p := push(order(number, orderhub.SchemeRFBS, orderhub.StatusConfirmed), "")
		p.Params = map[string]string{paramTracking: tracking}
		return p
	}
	one := func(p channel.Push) []channel.Push { return []channel.Push{p} }
	return []channeltest.PushCase{
		{Name: "ship", Pushes: one(push(fbs, orderhub.StatusConfirmed)), Want: yes,
			Replies: []channeltest.Canned{written(pathShip, `{"result":["41200577-0031-1"],"additional_data":[]}`)}},
		{Name: "ship_rfbs", Pushes: one(push(rfbs, orderhub.StatusConfirmed)), Want: yes,
			Replies: []channeltest.Canned{written(pathShip, `{"result":["55500111-0007-1"]}`)}},
		{Name: "ship_split", Pushes: one(split), Want: yes,
			Replies: []channeltest.Canned{written(pathShip, `{"result":["41200577-0031-1","41200577-0031-2"]}`)}},
		{Name: "ship_already", Pushes: one(push(fbs, orderhub.StatusConfirmed)), Want: already,
			Replies: []channeltest.Canned{refusal(pathShip, wordAlreadyShipped)}},
		{Name: "ship_cancelled", Pushes: one(push(fbs, orderhub.StatusConfirmed)), Want: rejected,
			Replies: []channeltest.Canned{refusal(pathShip, wordAlreadyCancelled)}},
		{Name: "cancel", Pushes: one(cancel), Want: yes,
			Replies: []channeltest.Canned{canned(pathCancelReason, reasons), written(pathCancel, `{"result":true}`)}},
		{Name: "cancel_rfbs", Pushes: one(rfbsCancel), Want: yes,
			Replies: []channeltest.Canned{canned(pathCancelReason, `{"result":[]}`), written(pathCancel, `{"result":true}`)}},
		{Name: "cancel_comment", Pushes: one(other), Want: yes,
			Replies: []channeltest.Canned{canned(pathCancelReason, reasons), written(pathCancel, `{"result":true}`)}},
		{Name: "cancel_already", Pushes: one(cancel), Want: already,
			Replies: []channeltest.Canned{canned(pathCancelReason, reasons), refusal(pathCancel, wordAlreadyCancelled)}},
		{Name: "cancel_wrong_reason", Pushes: one(wrongReason), Want: rejected,
			Replies: []channeltest.Canned{canned(pathCancelReason, reasons)}},
		{Name: "delivering", Pushes: one(push(confirmed, orderhub.StatusShipped)), Want: yes,
			Replies: []channeltest.Canned{written(pathDelivering, okRow)}},
		{Name: "delivering_refused", Pushes: one(push(confirmed, orderhub.StatusShipped)), Want: rejected,
			Replies: []channeltest.Canned{written(pathDelivering, `{"result":[{"posting_number":"55500111-0007-1","result":false,"error":["HAS_INCORRECT_TPL_INTEGRATION_TYPE"]}]}`)}},
		{Name: "delivered", Pushes: one(push(atDoor, orderhub.StatusDelivered)), Want: yes,
			Replies: []channeltest.Canned{written(pathDelivered, okRow)}},
		{Name: "delivered_after_last_mile", Pushes: one(push(onWay, orderhub.StatusDelivered)), Want: yes,
			Replies: []channeltest.Canned{written(pathLastMile, okRow), written(pathDelivered, okRow)}},
		{Name: "delivered_too_early", Pushes: one(push(onWay, orderhub.StatusDelivered)), Want: again,
			Replies: []channeltest.Canned{written(pathLastMile, okRow),
				written(pathDelivered, `{"result":[{"posting_number":"55500111-0007-1","result":false,"error":"TRANSITION_IS_NOT_POSSIBLE"}]}`)}},
		{Name: "cancel_approved", Kind: orderhub.EffectAnswerCancel, Pushes: one(answering(answerAccept, "")), Want: yes,
			Replies: []channeltest.Canned{written(pathCancelApprove, "")}},
		{Name: "cancel_rejected", Kind: orderhub.EffectAnswerCancel, Pushes: one(answering(answerDecline, "Заказ уже едет")), Want: yes,
			Replies: []channeltest.Canned{written(pathCancelReject, "")}},
		{Name: "cancel_rejected_without_words", Kind: orderhub.EffectAnswerCancel, Pushes: one(answering(answerDecline, "")), Want: rejected},
		{Name: "tracking", Kind: orderhub.EffectTracking,
			Pushes: []channel.Push{tracked("55500111-0007-1", "KR-000451"), tracked("55500111-0008-1", "KR-000452")},
			Want:   []channeltest.PushWant{yes[0], rejected[0]},
			Replies: []channeltest.Canned{written(pathTracking, `{"result":[{"posting_number":"55500111-0007-1","result":true,"error":[]},
				{"posting_number":"55500111-0008-1","result":false,"error":"HAS_INCORRECT_STATUS"}]}`)}},
	}
}

func webhookCases() []channeltest.WebhookCase {
	return []channeltest.WebhookCase{
		{Name: "ping", Body: `{"message_type":"TYPE_PING","time":"2026-11-20T11:59:59Z"}`},
		{Name: "new_posting", Body: `{"message_type":"TYPE_NEW_POSTING","posting_number":"41200577-0031-1","products":[{"sku":1550012345,"offer_id":"KETTLE-17","quantity":2}],"in_process_at":"2026-11-20T11:59:00.12Z","warehouse_id":1020009000456,"shipment_date":"2026-11-21T09:00:00Z","tpl_integration_type":"ozon","is_express":false,"seller_id":77001}`},
		{Name: "cancelled", Body: `{"message_type":"TYPE_POSTING_CANCELLED","posting_number":"41200577-0031-1","products":[{"sku":1550012345,"quantity":2}],"old_state":"posting_created","new_state":"posting_canceled","changed_state_date":"2026-11-20T11:59:30Z","reason":{"id":505,"message":"Слишком долго ждать"},"warehouse_id":1020009000456,"seller_id":77001}`},
		{Name: "state_changed", Body: `{"message_type":"TYPE_STATE_CHANGED","posting_number":"41200577-0031-1","new_state":"posting_on_way_to_city","changed_state_date":"2026-11-20T11:59:30Z","warehouse_id":1020009000456,"seller_id":"77001"}`},
		{Name: "cutoff", Body: `{"message_type":"TYPE_CUTOFF_DATE_CHANGED","posting_number":"41200577-0031-1","new_cutoff_date":"","old_cutoff_date":"2026-11-21T09:00:00Z","warehouse_id":0,"seller_id":77001}`},
		{Name: "delivery_date", Body: `{"message_type":"TYPE_DELIVERY_DATE_CHANGED","posting_number":"41200577-0031-1","new_delivery_date_begin":"2026-11-24T07:00:00Z","new_delivery_date_end":"2026-11-24T16:00:00Z","seller_id":77001}`},
		{Name: "stocks", Body: `{"message_type":"TYPE_STOCKS_CHANGED","items":[{"product_id":1,"sku":2,"updated_at":"2026-11-20T11:59:30Z","stocks":[]}],"seller_id":77001}`},
		{Name: "fbo_state", Body: `{"message_type":"TYPE_FBO_POSTING_STATE_CHANGED","posting_number":"91200577-0101-1","order_number":"91200577-0101","uuid":"5b0cf6a2-8f6d-4a53-9a60-0d6f0a6f3f11","new_state":"posting_in_carriage","changed_state_date":"2026-11-20T11:59:30Z","seller_id":77001}`},
		{Name: "order_new", Body: `{"message_type":"TYPE_ORDER_NEW","order_number":"91200577-0101","order_id":31100200300,"uuid":"5b0cf6a2-8f6d-4a53-9a60-0d6f0a6f3f12","created_at":"2026-11-20T11:59:30Z","seller_id":77001}`},
		{Name: "chat", Body: `{"message_type":"TYPE_NEW_MESSAGE","chat_id":"c-1","chat_type":"Buyer_Seller","message_id":"3000000000001","created_at":"2026-11-20T11:59:30Z","user":{"id":"115","type":"Customer"},"data":["Здравствуйте"],"seller_id":"77001"}`},
		{Name: "category_tree", Body: `{"message_type":"TYPE_DESCRIPTION_CATEGORY_TREE_CHANGED","changed_at":"2026-11-20T11:59:30Z"}`},
		{Name: "unknown_type", Body: `{"message_type":"TYPE_POSTING_ENCHANTED","posting_number":"41200577-0031-1","seller_id":77001}`},
		{Name: "other_seller", Refused: true, Body: `{"message_type":"TYPE_STATE_CHANGED","posting_number":"41200577-0031-1","new_state":"posting_delivered","seller_id":15}`},
		{Name: "no_seller", Refused: true, Body: `{"message_type":"TYPE_STATE_CHANGED","posting_number":"41200577-0031-1","new_state":"posting_delivered"}`},
		{Name: "no_posting", Refused: true, Body: `{"message_type":"TYPE_NEW_POSTING","seller_id":77001}`},
		{Name: "no_type", Refused: true, Body: `{"posting_number":"41200577-0031-1","seller_id":77001}`},
		{Name: "not_json", Refused: true, Body: `posting_number=41200577-0031-1`},
		{Name: "stranger", Refused: true, Remote: netip.MustParseAddr("203.0.113.9"), Body: `{"message_type":"TYPE_PING","time":"2026-11-20T11:59:59Z"}`},
	}
}
