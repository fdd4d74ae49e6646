package yandexmarket

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/yandexsim"
)

const (
	fbsShop     = 22000001
	dbsShop     = 22000002
	expressShop = 22000003
)

func suite() channeltest.Suite {
	// Pages of five make a sweep of a few dozen orders several pages long.
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
			return yandexsim.New(yandexsim.Options{Injector: in, Fast: true, CreationDefault: true})
		},
		Settings: map[string]string{settingKey: "ACMA:conformance:0123456789", settingBusiness: "1700101"},
		Schemes:  []orderhub.Scheme{orderhub.SchemeFBS, orderhub.SchemeDBS, orderhub.SchemeExpress, orderhub.SchemeFBO},
		ErrorBodies: map[int]string{
			401: `{"status":"ERROR","errors":[{"code":"UNAUTHORIZED","message":"OAuth credentials are not specified"}]}`,
			403: `{"status":"ERROR","errors":[{"code":"FORBIDDEN","message":"Access denied: no scope for the method"}]}`,
			420: `{"status":"ERROR","errors":[{"code":"LIMIT_EXCEEDED","message":"Hit rate limit of 10000 requests per 'hour' for resource orders for business 1"}]}`,
			500: `{"status":"ERROR","errors":[{"code":"INTERNAL_SERVER_ERROR","message":"Internal server error"}]}`,
			503: `{"status":"ERROR","errors":[{"code":"SERVICE_UNAVAILABLE","message":"Service temporarily unavailable"}]}`,
		},
		Pushes:      append(append(packerPushes(), delivererPushes()...), otherPushes()...),
		PushHeaders: []string{"Api-Key", "X-Market-Integration", "Authorization"},
		Webhooks:    webhookCases(),
		BuyerWords:  []string{"Садовая", "Лесная", "Ракитин", "позвонить заранее", "+79005550101"},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	channeltest.Run(t, suite())
}

func FuzzNormalise(f *testing.F) { channeltest.Fuzz(f, suite()) }

// order is an order as the ledger has it.
func order(scheme orderhub.Scheme, shop, id int64, at orderhub.Status) orderhub.Order {
	return orderhub.Order{
		ID: 1000 + id%1000, Channel: descriptor.Name, Headline: at,
		Snapshot: orderhub.Snapshot{
			ExternalID: fmt.Sprint(id), Scheme: scheme, Status: at,
			Attrs: map[string]string{attrCampaign: fmt.Sprint(shop), attrDeliveryService: "99"},
			Lines: []orderhub.Line{{ID: "820001", SKU: "0557722", Quantity: 2}, {ID: "820002", SKU: "LAMP-7", Quantity: 1}},
		},
	}
}

func push(o orderhub.Order, to orderhub.Status, reason string, params ...string) channel.Push {
	p := channel.Push{Key: "effect-1", Order: o, To: to, Reason: reason, Attempt: 1, Params: map[string]string{}}
	for i := 0; i+1 < len(params); i += 2 {
		p.Params[params[i]] = params[i+1]
	}
	return p
}

func orderPath(shop, id int64, tail string) string {
	return fmt.Sprintf("/v2/campaigns/%d/orders/%d%s", shop, id, tail)
}

// legacyReply is the answer of PUT status.
func legacyReply(shop, id int64, status, sub string) channeltest.Canned {
	return channeltest.Canned{Method: http.MethodPut, Path: orderPath(shop, id, "/status"), Write: true, Body: fmt.Sprintf(
		`{"order":{"id":%d,"status":%q,"substatus":%q,"creationDate":"19-11-2026 23:40:10","updatedAt":"20-11-2026 15:01:02","items":[],"delivery":{"deliveryPartnerType":"SHOP"}}}`, id, status, sub)}
}

// listReply is the answer of the order list when a refused order is looked at
// again.
func listReply(id int64, status, sub string) channeltest.Canned {
	body := `{"orders":[],"paging":{}}`
	if id != 0 {
		body = fmt.Sprintf(`{"orders":[{"orderId":%d,"campaignId":%d,"programType":"FBS","status":%q,"substatus":%q,"creationDate":"2026-11-19T23:40:10+03:00","updateDate":"2026-11-20T15:01:02+03:00","paymentType":"PREPAID","paymentMethod":"YANDEX","fake":false,"items":[],"delivery":{}}],"paging":{}}`,
			id, fbsShop, status, sub)
	}
	return channeltest.Canned{Method: http.MethodPost, Path: "/v1/businesses/1700101/orders", Body: body}
}

func refusal400(method, path, message string) channeltest.Canned {
	return channeltest.Canned{Method: method, Path: path, Status: http.StatusBadRequest, Write: true,
		Body: fmt.Sprintf(`{"status":"ERROR","errors":[{"code":"BAD_REQUEST","message":%q}]}`, message)}
}

func one(outcome channel.Outcome, class orderhub.Class) []channeltest.PushWant {
	return []channeltest.PushWant{{Outcome: outcome, Class: class}}
}

var (
	done     = one(channel.OutcomeDone, "")
	accepted = one(channel.OutcomeAccepted, "")
	rejected = one(channel.OutcomeFailed, orderhub.ClassRejected)
)

// packerPushes are the calls of FBS and EXPRESS.
func packerPushes() []channeltest.PushCase {
	fbs, express := orderhub.SchemeFBS, orderhub.SchemeExpress
	fresh := order(fbs, fbsShop, 712000101, orderhub.StatusConfirmed)
	boxes := `[[{"id":820001,"count":1,"cis":["0104600000000017215abcDEF\u001d93AbCd"]},{"id":"820002","count":1}],[{"id":820001,"count":1,"cis":["0104600000000017215abc\"EG\u001d93<&>"]}]]`
	ok := channeltest.Canned{Body: `{"status":"OK","result":{"boxes":[]}}`, Method: http.MethodPut, Path: orderPath(fbsShop, 712000101, "/boxes"), Write: true}
	return []channeltest.PushCase{
		{
			Name: "fbs_packed", Pushes: []channel.Push{push(fresh, orderhub.StatusPacked, "")}, Want: done,
			Replies: []channeltest.Canned{legacyReply(fbsShop, 712000101, "PROCESSING", "READY_TO_SHIP")},
		},
		{
			Name: "fbs_packed_with_boxes", Pushes: []channel.Push{push(fresh, orderhub.StatusPacked, "", paramBoxes, boxes)}, Want: done,
			Replies: []channeltest.Canned{ok, legacyReply(fbsShop, 712000101, "PROCESSING", "READY_TO_SHIP")},
		},
		{
			Name: "fbs_packed_codes_in_check", Pushes: []channel.Push{push(fresh, orderhub.StatusPacked, "", paramBoxes, boxes)},
			Want: one(channel.OutcomeFailed, orderhub.ClassRetry), WantErr: orderhub.ClassRetry,
			Replies: []channeltest.Canned{ok, refusal400(http.MethodPut, orderPath(fbsShop, 712000101, "/status"), "No permission to set status PROCESSING for order 712000101 by reason: cises not loaded")},
		},
		{
			Name: "fbs_packed_batch",
			Pushes: []channel.Push{
				push(fresh, orderhub.StatusPacked, ""),
				push(order(fbs, fbsShop, 712000102, orderhub.StatusConfirmed), orderhub.StatusPacked, ""),
				push(order(fbs, fbsShop, 712000103, orderhub.StatusConfirmed), orderhub.StatusPacked, ""),
				push(order(fbs, fbsShop, 712000104, orderhub.StatusConfirmed), orderhub.StatusPacked, ""),
				push(order(fbs, fbsShop, 712000105, orderhub.StatusPacked), orderhub.StatusCancelled, "SHOP_FAILED"),
			},
			Want: []channeltest.PushWant{
				{Outcome: channel.OutcomeAccepted},
				{Outcome: channel.OutcomeDone},
				{Outcome: channel.OutcomeFailed, Class: orderhub.ClassRetry},
				{Outcome: channel.OutcomeFailed, Class: orderhub.ClassUncertain},
				{Outcome: channel.OutcomeFailed, Class: orderhub.ClassRejected},
			},
			Replies: []channeltest.Canned{
				{Method: http.MethodPost, Path: fmt.Sprintf("/v2/campaigns/%d/orders/status-update", fbsShop), Write: true, Body: `{"status":"OK","result":{"orders":[
					{"id":712000101,"status":"PROCESSING","substatus":"READY_TO_SHIP","updateStatus":"OK"},
					{"id":712000102,"updateStatus":"ERROR","errorDetails":"Transition PROCESSING -> PROCESSING is not allowed. Reason: order 712000102"},
					{"id":712000103,"updateStatus":"ERROR","errorDetails":"Failed to update order 712000103"},
					{"id":712000105,"updateStatus":"ERROR","errorDetails":"No permission to set status CANCELLED for order 712000105"}]}}`},
				listReply(712000102, "DELIVERY", "DELIVERY_SERVICE_RECEIVED"),
			},
		},
		{
			Name: "fbs_packed_already_there", Pushes: []channel.Push{push(fresh, orderhub.StatusPacked, "")}, Want: done,
			Replies: []channeltest.Canned{
				refusal400(http.MethodPut, orderPath(fbsShop, 712000101, "/status"), "Transition PROCESSING -> PROCESSING is not allowed. Reason: order already is there"),
				listReply(712000101, "PROCESSING", "READY_TO_SHIP"),
			},
		},
		{
			Name: "fbs_packed_after_buyer_cancelled", Pushes: []channel.Push{push(fresh, orderhub.StatusPacked, "")}, Want: rejected,
			Replies: []channeltest.Canned{
				refusal400(http.MethodPut, orderPath(fbsShop, 712000101, "/status"), "No permission to set status PROCESSING for order 712000101 with status CANCELLED"),
				listReply(712000101, "CANCELLED", "USER_CHANGED_MIND"),
			},
		},
		{
			Name: "fbs_cancelled", Pushes: []channel.Push{push(order(fbs, fbsShop, 712000101, orderhub.StatusPacked), orderhub.StatusCancelled, "SHOP_FAILED")}, Want: done,
			Replies: []channeltest.Canned{legacyReply(fbsShop, 712000101, "CANCELLED", "SHOP_FAILED")},
		},
		{
			Name: "express_packed", Pushes: []channel.Push{push(order(express, expressShop, 712000106, orderhub.StatusNew), orderhub.StatusPacked, "")}, Want: done,
			Replies: []channeltest.Canned{legacyReply(expressShop, 712000106, "PROCESSING", "READY_TO_SHIP")},
		},
		{
			// The answer shows the order as it was: only a read-back will tell.
			Name: "express_cancelled", Pushes: []channel.Push{push(order(express, expressShop, 712000106, orderhub.StatusNew), orderhub.StatusCancelled, "SHOP_FAILED")}, Want: accepted,
			Replies: []channeltest.Canned{legacyReply(expressShop, 712000106, "PROCESSING", "STARTED")},
		},
	}
}

// delivererPushes are the calls of DBS.
func delivererPushes() []channeltest.PushCase {
	at := func(s orderhub.Status) orderhub.Order { return order(orderhub.SchemeDBS, dbsShop, 712000103, s) }
	reply := func(status, sub string) []channeltest.Canned {
		return []channeltest.Canned{legacyReply(dbsShop, 712000103, status, sub)}
	}
	return []channeltest.PushCase{
		{Name: "dbs_shipped", Pushes: []channel.Push{push(at(orderhub.StatusPacked), orderhub.StatusShipped, "")}, Want: done, Replies: reply("DELIVERY", "DELIVERY_SERVICE_RECEIVED")},
		{Name: "dbs_ready_for_pickup", Pushes: []channel.Push{push(at(orderhub.StatusShipped), orderhub.StatusReadyForPickup, "", paramDeliveredOn, "2026-11-18")}, Want: done, Replies: reply("PICKUP", "PICKUP_SERVICE_RECEIVED")},
		{Name: "dbs_delivered_today", Pushes: []channel.Push{push(at(orderhub.StatusReadyForPickup), orderhub.StatusDelivered, "", paramDeliveredOn, "2026-11-20")}, Want: done, Replies: reply("DELIVERED", "DELIVERY_SERVICE_DELIVERED")},
		{Name: "dbs_cancelled", Pushes: []channel.Push{push(at(orderhub.StatusShipped), orderhub.StatusCancelled, "USER_CHANGED_MIND")}, Want: done, Replies: reply("CANCELLED", "USER_CHANGED_MIND")},
		{
			Name: "dbs_cancelled_unreachable", Pushes: []channel.Push{push(at(orderhub.StatusShipped), orderhub.StatusCancelled, "USER_UNREACHABLE")}, Want: rejected,
			Replies: []channeltest.Canned{
				refusal400(http.MethodPut, orderPath(dbsShop, 712000103, "/status"), "Transition DELIVERY -> CANCELLED is not allowed. Reason: too few calls"),
				listReply(0, "", ""),
			},
		},
	}
}

// otherPushes are refusals without a call, tracking numbers and answers to
// cancel requests.
func otherPushes() []channeltest.PushCase {
	dbs := order(orderhub.SchemeDBS, dbsShop, 712000103, orderhub.StatusShipped)
	fbs := order(orderhub.SchemeFBS, fbsShop, 712000101, orderhub.StatusConfirmed)
	lost := fbs
	lost.Snapshot.Attrs = nil
	empty := func(method, tail string) []channeltest.Canned {
		return []channeltest.Canned{{Method: method, Path: orderPath(dbsShop, 712000103, tail), Write: true, Body: `{"status":"OK"}`}}
	}
	refused := []channel.Push{
		push(fbs, orderhub.StatusCancelled, "USER_CHANGED_MIND"),
		push(order(orderhub.SchemeFBS, fbsShop, 712000101, orderhub.StatusShipped), orderhub.StatusCancelled, "SHOP_FAILED"),
		push(dbs, orderhub.StatusCancelled, "INCORRECT_PERSONAL_DATA"),
		push(dbs, orderhub.StatusDelivered, "", paramDeliveredOn, "2026-11-21"),
		push(dbs, orderhub.StatusDelivered, "", paramDeliveredOn, "yesterday"),
		push(fbs, orderhub.StatusPacked, "", paramBoxes, `[[{"id":820001,"count":2}]]`),
		push(fbs, orderhub.StatusPacked, "", paramBoxes, `[[{"id":820001,"count":2},{"id":820002,"count":1},{"id":820099,"count":1}]]`),
		push(fbs, orderhub.StatusPacked, "", paramBoxes, `[[{"id":820001,"count":2,"cis":["one"]},{"id":820002,"count":1}]]`),
		push(fbs, orderhub.StatusPacked, "", paramBoxes, `[[],[]]`),
		push(fbs, orderhub.StatusPacked, "", paramBoxes, `{`),
		push(fbs, orderhub.StatusReturned, ""),
		push(lost, orderhub.StatusPacked, ""),
	}
	var wants []channeltest.PushWant
	for range refused {
		wants = append(wants, rejected...)
	}
	return []channeltest.PushCase{
		{Name: "refused_without_a_call", Pushes: refused, Want: wants},
		{Name: "tracking", Kind: orderhub.EffectTracking, Want: accepted, Replies: empty(http.MethodPost, "/delivery/track"), Pushes: []channel.Push{push(dbs, "", "", paramTracking, "RA100200300RU", paramCarrier, "139")}},
		{Name: "tracking_own_carrier", Kind: orderhub.EffectTracking, Want: accepted, Replies: empty(http.MethodPost, "/delivery/track"), Pushes: []channel.Push{push(dbs, "", "", paramTracking, "OWN-1")}},
		{Name: "tracking_refused_without_a_call", Kind: orderhub.EffectTracking, Want: append(append(rejected, rejected...), rejected...), Pushes: []channel.Push{
			push(fbs, "", "", paramTracking, "RA1", paramCarrier, "139"), push(dbs, "", "", paramCarrier, "139"), push(dbs, "", "", paramTracking, "RA1", paramCarrier, "СДЭК"),
		}},
		{Name: "cancel_request_accepted", Kind: orderhub.EffectAnswerCancel, Want: accepted, Replies: empty(http.MethodPut, "/cancellation/accept"), Pushes: []channel.Push{push(dbs, "", "", paramAnswer, "accept")}},
		{Name: "cancel_request_declined", Kind: orderhub.EffectAnswerCancel, Want: accepted, Replies: empty(http.MethodPut, "/cancellation/accept"), Pushes: []channel.Push{push(dbs, "", "ORDER_IN_DELIVERY", paramAnswer, "decline")}},
		{Name: "cancel_answer_refused_without_a_call", Kind: orderhub.EffectAnswerCancel, Want: append(append([]channeltest.PushWant{}, rejected...), rejected...), Pushes: []channel.Push{
			push(dbs, "", "", paramAnswer, "decline"), push(dbs, "", "", paramAnswer, "perhaps"),
		}},
	}
}

// notification writes one message of the Market.
func notification(kind string, fields ...any) string {
	m := map[string]any{"notificationType": kind}
	for i := 0; i+1 < len(fields); i += 2 {
		m[fields[i].(string)] = fields[i+1]
	}
	body, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(body)
}

func webhookCases() []channeltest.WebhookCase {
	when := "2026-11-20T15:01:02+03:00"
	goods := []map[string]any{{"offerId": "0557722", "count": 2}}
	id, shop := json.Number("712000101"), json.Number("22000001")
	about := func(more ...any) []any { return append([]any{"orderId", id, "campaignId", shop}, more...) }
	talk := func(more ...any) []any { return append([]any{"businessId", 1700101}, more...) }
	bodies := map[string]string{
		"PING":                              notification("PING", "time", when),
		"ORDER_CREATED":                     notification("ORDER_CREATED", about("items", goods, "createdAt", when)...),
		"ORDER_CANCELLED":                   notification("ORDER_CANCELLED", about("items", goods, "cancelledAt", when)...),
		"ORDER_STATUS_UPDATED":              notification("ORDER_STATUS_UPDATED", about("status", "PROCESSING", "substatus", "STARTED", "updatedAt", when)...),
		"ORDER_CANCELLATION_REQUEST":        notification("ORDER_CANCELLATION_REQUEST", about("requestedAt", when)...),
		"ORDER_UPDATED":                     notification("ORDER_UPDATED", about("updateType", "DELIVERY_DATE_UPDATED", "updatedAt", when)...),
		"ORDER_RETURN_CREATED":              notification("ORDER_RETURN_CREATED", about("returnId", 51, "returnType", "RETURN", "items", goods, "createdAt", when)...),
		"ORDER_RETURN_STATUS_UPDATED":       notification("ORDER_RETURN_STATUS_UPDATED", about("returnId", 51, "statuses", map[string]string{"shipmentStatus": "PICKED"}, "updatedAt", when)...),
		"ORDER_LINE_SERVICE_STATUS_UPDATED": notification("ORDER_LINE_SERVICE_STATUS_UPDATED", about("itemId", 820001, "serviceArticle", "FIT", "statuses", []any{map[string]any{"status": "CREATED", "count": 1}}, "updatedAt", when)...),
		"GOODS_FEEDBACK_CREATED":            notification("GOODS_FEEDBACK_CREATED", talk("feedbackId", 1, "createdAt", when)...),
		"GOODS_FEEDBACK_COMMENT_CREATED":    notification("GOODS_FEEDBACK_COMMENT_CREATED", talk("feedbackId", 1, "commentId", 2, "createdAt", when)...),
		"CHAT_CREATED":                      notification("CHAT_CREATED", talk("chatId", 1, "createdAt", when)...),
		"CHAT_MESSAGE_SENT":                 notification("CHAT_MESSAGE_SENT", talk("chatId", 1, "messageId", "m", "sentAt", when)...),
		"CHAT_ARBITRAGE_STARTED":            notification("CHAT_ARBITRAGE_STARTED", talk("chatId", 1, "startedAt", when)...),
		"CHAT_ARBITRAGE_FINISHED":           notification("CHAT_ARBITRAGE_FINISHED", talk("chatId", 1, "finishedAt", when)...),
		"QUESTION_CREATED":                  notification("QUESTION_CREATED", talk("questionId", 1, "createdAt", when)...),
		"QUESTION_ANSWER_CREATED":           notification("QUESTION_ANSWER_CREATED", talk("answerId", 1, "createdAt", when)...),
		"QUESTION_COMMENT_CREATED":          notification("QUESTION_COMMENT_CREATED", talk("answerId", 1, "commentId", 2, "createdAt", when)...),
		"unknown_type_with_order":           notification("ORDER_TELEPORTED", about("updatedAt", when)...),
		"unknown_type_without_order":        notification("WEATHER_CHANGED", "time", when),
	}
	var out []channeltest.WebhookCase
	for name, body := range bodies {
		out = append(out, channeltest.WebhookCase{Name: strings.ToLower(name), Body: body, Path: "/hooks/ym/key/notification"})
	}
	return append(out,
		channeltest.WebhookCase{Name: "other_campaign", Body: bodies["ORDER_CREATED"], Settings: map[string]string{settingCampaigns: "22000002"}},
		channeltest.WebhookCase{Name: "refused_not_json", Body: "status=ok", Refused: true},
		channeltest.WebhookCase{Name: "refused_no_type", Body: `{"orderId":712000101}`, Refused: true},
		channeltest.WebhookCase{Name: "refused_no_order", Body: notification("ORDER_CREATED", "createdAt", when), Refused: true},
		channeltest.WebhookCase{Name: "refused_get", Method: http.MethodGet, Body: bodies["PING"], Refused: true},
	)
}
