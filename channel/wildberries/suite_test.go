package wildberries

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/wbsim"
)

// kitChannel is the channel as the kit gets it: with pages so small that few
// orders fill three, with a small cap on answers, as the kit sends endless ones,
// and without waiting for quotas.
func kitChannel() channel.Channel {
	c := Channel
	c.Open = func(s channel.Settings, d channel.Deps) (channel.Adapter, error) {
		d.Quotas = noWait{}
		ad, err := Channel.Open(s, d)
		if err != nil {
			return nil, err
		}
		a := ad.(*adapter)
		a.c = newClient(s[settingToken], s[channel.SettingBaseURL], d.HTTP, d.Quotas, 1<<20)
		a.c.page = 20
		return wordDecides{a}, nil
	}
	return c
}

// wordDecides fits the adapter to the kit's rule that an unknown status word
// makes the status unknown. Here an end of wbStatus decides beside an unknown
// supplierStatus, which TestPairs holds on to.
type wordDecides struct{ *adapter }

func (w wordDecides) Normalise(kind string, body []byte) (orderhub.Snapshot, error) {
	s, err := w.adapter.Normalise(kind, body)
	if _, ok := statuses.Lookup(s.Scheme, s.Native, s.NativeSub); err == nil && !ok {
		s.Status, s.Cancellation = orderhub.StatusUnknown, nil
	}
	return s, err
}

// noWait refuses groups that the descriptor does not list and never waits: the
// simulator of the kit runs without limits.
type noWait struct{}

func (noWait) Wait(ctx context.Context, group string, _ int) error {
	if !slices.ContainsFunc(descriptor.Limits, func(l channel.Limit) bool { return l.Group == group }) {
		return fmt.Errorf("quota group %q is not listed", group)
	}
	return ctx.Err()
}
func (noWait) Charge(string, int)          {}
func (noWait) Pause(string, time.Duration) {}
func (noWait) Left() map[string]int        { return map[string]int{} }

const gatewayBody = `{"title":"too many requests","detail":"limited by global limiter for this seller","code":"07e4668e","requestId":"9d3c02cc","origin":"ag-marketplace","status":429,"statusText":"Too Many Requests","timestamp":"2026-11-20T06:52:38Z"}`

func suite() channeltest.Suite {
	return channeltest.Suite{
		Channel: kitChannel(),
		Market: func(_ testing.TB, in *marketsim.Injector) marketsim.Market {
			return wbsim.New(wbsim.Options{Injector: in, Fast: true, QuotaScale: -1})
		},
		Settings: map[string]string{settingToken: testToken(tokenInfo{Type: 3, Mask: 1 << bitMarketplace, Seller: "seller-uuid"})},
		Schemes:  []orderhub.Scheme{orderhub.SchemeFBS, orderhub.SchemeDBS},
		ErrorBodies: map[int]string{
			http.StatusUnauthorized:        `{"title":"unauthorized","detail":"token problem; token is malformed","code":"07e4668e","requestId":"7b807424","origin":"s2s-api-auth-catalog","status":401,"statusText":"Unauthorized"}`,
			http.StatusPaymentRequired:     `{"title":"payment required","detail":"insufficient funds on the balance of the service"}`,
			http.StatusForbidden:           `{"code":"AccessDenied","message":"access is denied for this token"}`,
			http.StatusTooManyRequests:     gatewayBody,
			http.StatusInternalServerError: `{"data":null,"error":true,"errorText":"something went wrong inside"}`,
			http.StatusServiceUnavailable:  `[{"code":"Unavailable","message":"come back later","data":[]}]`,
		},
		Pushes:     pushCases(),
		BuyerWords: []string{"Отрадная", "Позвоните заранее"},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	channeltest.Run(t, suite())
}

func FuzzNormalise(f *testing.F) { channeltest.Fuzz(f, suite()) }

func order(scheme orderhub.Scheme, id string, headline orderhub.Status, attrs map[string]string) orderhub.Order {
	return orderhub.Order{
		ID: 1000001, AccountID: "wb", Channel: Name, Headline: headline, Version: 1,
		Snapshot: orderhub.Snapshot{
			ExternalID: id, Scheme: scheme, Status: headline, Attrs: attrs,
			PlacedAt: time.Date(2026, 11, 19, 8, 0, 0, 0, time.UTC),
		},
	}
}

func fbsPush(id string, headline, to orderhub.Status, supplyID string) channel.Push {
	attrs := map[string]string{attrWarehouse: "658434", attrCargoType: "1", attrCrossBorder: "0", attrB2B: "false"}
	if supplyID != "" {
		attrs[attrSupply] = supplyID
	}
	return channel.Push{Key: "effect-1", To: to, Attempt: 1, Order: order(orderhub.SchemeFBS, id, headline, attrs)}
}

func dbsPush(id string, headline, to orderhub.Status, code string) channel.Push {
	p := channel.Push{Key: "effect-1", To: to, Attempt: 1, Order: order(orderhub.SchemeDBS, id, headline, nil)}
	if code != "" {
		p.Params = map[string]string{paramCode: code}
	}
	return p
}

// Replies of the canned channel.
func get(path, body string) channeltest.Canned {
	return channeltest.Canned{Method: http.MethodGet, Path: path, Body: body}
}

func statusReply(body string) channeltest.Canned {
	return channeltest.Canned{Method: http.MethodPost, Path: "/api/v3/orders/status", Body: body}
}

func patched(path string) channeltest.Canned {
	return channeltest.Canned{Method: http.MethodPatch, Path: path, Status: http.StatusNoContent, Write: true}
}

func refused(path string, status int, body string) channeltest.Canned {
	return channeltest.Canned{Method: http.MethodPatch, Path: path, Status: status, Body: body}
}

func dbsReply(verb, body string) channeltest.Canned {
	return channeltest.Canned{Method: http.MethodPost, Path: "/api/marketplace/v3/dbs/orders/status/" + verb, Body: body, Write: true}
}

func dbsInfo(body string) channeltest.Canned {
	return channeltest.Canned{Method: http.MethodPost, Path: "/api/marketplace/v3/dbs/orders/status/info", Body: body}
}

var (
	accepted = channeltest.PushWant{Outcome: channel.OutcomeAccepted}
	done     = channeltest.PushWant{Outcome: channel.OutcomeDone}
	no       = channeltest.PushWant{Outcome: channel.OutcomeFailed, Class: orderhub.ClassRejected}
	later    = channeltest.PushWant{Outcome: channel.OutcomeFailed, Class: orderhub.ClassRetry}
	unsure   = channeltest.PushWant{Outcome: channel.OutcomeFailed, Class: orderhub.ClassUncertain}
)

const (
	newStatuses = `{"orders":[{"id":71001,"isCancellable":true,"supplierStatus":"new","wbStatus":"waiting"},{"id":71002,"isCancellable":true,"supplierStatus":"new","wbStatus":"waiting"}]}`
	inSupply    = `{"orders":[{"id":71001,"isCancellable":true,"supplierStatus":"confirm","wbStatus":"waiting"},{"id":71002,"isCancellable":true,"supplierStatus":"confirm","wbStatus":"waiting"}]}`
	noSupplies  = `{"next":0,"supplies":[]}`
	openSupply  = `{"next":9,"supplies":[{"id":"WB-GI-9","name":"orderhub w658434 c1 x0","done":false,"createdAt":"2026-11-20T06:00:00Z","cargoType":1,"crossBorderType":0,"isB2b":false}]}`
	supplyOpen  = `{"id":"WB-GI-9","name":"orderhub w658434 c1 x0","done":false,"createdAt":"2026-11-20T06:00:00Z","cargoType":1,"crossBorderType":0,"isB2b":false}`
	supplyDone  = `{"id":"WB-GI-9","name":"orderhub w658434 c1 x0","done":true,"createdAt":"2026-11-20T06:00:00Z","cargoType":1,"crossBorderType":0,"isB2b":false}`
	pathAdd     = "/api/marketplace/v3/supplies/WB-GI-9/orders"
	pathIDs     = "/api/marketplace/v3/supplies/WB-GI-9/order-ids"
	pathSupply  = "/api/v3/supplies/WB-GI-9"
	pathDeliver = "/api/v3/supplies/WB-GI-9/deliver"
)

func pushCases() []channeltest.PushCase {
	return append(append(fbsAcceptCases(), fbsDeliverCases()...), append(fbsCancelCases(), dbsCases()...)...)
}

func fbsAcceptCases() []channeltest.PushCase {
	one := fbsPush("71001", orderhub.StatusNew, orderhub.StatusConfirmed, "")
	two := fbsPush("71002", orderhub.StatusNew, orderhub.StatusConfirmed, "")
	return []channeltest.PushCase{
		{
			Name:   "fbs_accept_new_supply",
			Pushes: []channel.Push{one, two},
			Replies: []channeltest.Canned{
				statusReply(newStatuses), get("/api/v3/supplies", noSupplies),
				{Method: http.MethodPost, Path: "/api/v3/supplies", Status: http.StatusCreated, Body: `{"id":"WB-GI-9"}`},
				patched(pathAdd),
			},
			Want: []channeltest.PushWant{accepted, accepted},
		},
		{
			Name:   "fbs_accept_open_supply",
			Pushes: []channel.Push{one},
			Replies: []channeltest.Canned{
				statusReply(newStatuses), get("/api/v3/supplies", openSupply), get("/api/v3/supplies", noSupplies), patched(pathAdd),
			},
			Want: []channeltest.PushWant{accepted},
		},
		{
			Name:   "fbs_accept_already_and_cancelled",
			Pushes: []channel.Push{one, two, fbsPush("71003", orderhub.StatusNew, orderhub.StatusConfirmed, "")},
			Replies: []channeltest.Canned{
				statusReply(`{"orders":[
					{"id":71001,"isCancellable":true,"supplierStatus":"confirm","wbStatus":"waiting"},
					{"id":71002,"isCancellable":false,"supplierStatus":"new","wbStatus":"declined_by_client"},
					{"id":71003,"isCancellable":true,"supplierStatus":"new","wbStatus":"waiting"}]}`),
				get("/api/v3/supplies", openSupply), get("/api/v3/supplies", noSupplies), patched(pathAdd),
			},
			Want: []channeltest.PushWant{done, no, accepted},
		},
		{
			// The refusal names no order: the adapter halves until 71002 is alone.
			Name:   "fbs_accept_bisect",
			Pushes: []channel.Push{one, two, fbsPush("71003", orderhub.StatusNew, orderhub.StatusConfirmed, "")},
			Replies: []channeltest.Canned{
				statusReply(newStatuses), get("/api/v3/supplies", openSupply), get("/api/v3/supplies", noSupplies),
				refused(pathAdd, http.StatusConflict, failedToAdd), get(pathSupply, supplyOpen),
				patched(pathAdd), refused(pathAdd, http.StatusConflict, failedToAdd), refused(pathAdd, http.StatusConflict, failedToAdd), patched(pathAdd),
			},
			Want: []channeltest.PushWant{accepted, no, accepted},
		},
	}
}

const failedToAdd = `{"code":"FailedToAddSupplyOrder","message":"the order or the supply does not meet the requirements","data":null}`

func fbsDeliverCases() []channeltest.PushCase {
	one := fbsPush("71001", orderhub.StatusPacked, orderhub.StatusShipped, "WB-GI-9")
	two := fbsPush("71002", orderhub.StatusConfirmed, orderhub.StatusShipped, "WB-GI-9")
	whole := one
	whole.Params = map[string]string{paramWholeSupply: "yes"}
	reads := []channeltest.Canned{statusReply(inSupply), get(pathIDs, `{"orderIds":[71001,71002]}`), get(pathSupply, supplyOpen)}
	with := func(more ...channeltest.Canned) []channeltest.Canned {
		return append(append([]channeltest.Canned{}, reads...), more...)
	}
	return []channeltest.PushCase{
		{Name: "fbs_deliver", Pushes: []channel.Push{one, two}, Replies: with(patched(pathDeliver)), Want: []channeltest.PushWant{accepted, accepted}},
		{Name: "fbs_deliver_others_inside", Pushes: []channel.Push{one}, Replies: reads, Want: []channeltest.PushWant{no}},
		{Name: "fbs_deliver_whole_supply", Pushes: []channel.Push{whole}, Replies: with(patched(pathDeliver)), Want: []channeltest.PushWant{accepted}},
		{
			Name: "fbs_deliver_needs_shipping_point", Pushes: []channel.Push{one, two},
			Replies: with(refused(pathDeliver, http.StatusConflict, `{"code":"SupplyShippingRequired","message":"shipping parameters are required","data":null}`)),
			Want:    []channeltest.PushWant{no, no},
		},
		{
			Name: "fbs_deliver_marking", Pushes: []channel.Push{one, two},
			Replies: with(refused(pathDeliver, http.StatusConflict,
				`{"code":"MetaValidationFail","message":"fix them","data":{"orders":[{"id":71002,"metaDetails":[{"key":"sgtin","value":"0104600000000000","decision":"sgtinNotFound"}]}]}}`)),
			Want: []channeltest.PushWant{no, no},
		},
		{
			Name: "fbs_deliver_marking_pending", Pushes: []channel.Push{one, two},
			Replies: with(refused(pathDeliver, http.StatusConflict,
				`{"code":"MetaValidationFail","message":"fix them","data":{"orders":[{"id":71002,"metaDetails":[{"key":"uin","value":"1","decision":"pending"}]}]}}`)),
			Want: []channeltest.PushWant{later, later},
		},
		{
			Name: "fbs_deliver_closed_meanwhile", Pushes: []channel.Push{one},
			Replies: []channeltest.Canned{statusReply(inSupply), get(pathIDs, `{"orderIds":[71001]}`), get(pathSupply, supplyDone)},
			Want:    []channeltest.PushWant{later},
		},
		{
			// The order was moved in the cabinet: the list of orders tells where.
			Name: "fbs_deliver_moved", Pushes: []channel.Push{fbsPush("71001", orderhub.StatusConfirmed, orderhub.StatusShipped, "WB-GI-1")},
			Replies: []channeltest.Canned{
				statusReply(inSupply), get("/api/marketplace/v3/supplies/WB-GI-1/order-ids", `{"orderIds":[]}`),
				get("/api/v3/orders", `{"next":71001,"orders":[{"id":71001,"supplyId":"WB-GI-9"}]}`),
				get(pathIDs, `{"orderIds":[71001]}`), get(pathSupply, supplyOpen), patched(pathDeliver),
			},
			Want: []channeltest.PushWant{accepted},
		},
	}
}

func fbsCancelCases() []channeltest.PushCase {
	one := fbsPush("71001", orderhub.StatusNew, orderhub.StatusCancelled, "")
	two := fbsPush("71002", orderhub.StatusConfirmed, orderhub.StatusCancelled, "")
	const pathOne, pathTwo = "/api/v3/orders/71001/cancel", "/api/v3/orders/71002/cancel"
	const mismatch = `{"code":"StatusMismatch","message":"status mismatch","data":null}`
	return []channeltest.PushCase{
		{
			Name: "fbs_cancel", Pushes: []channel.Push{one, two},
			Replies: []channeltest.Canned{statusReply(newStatuses), patched(pathOne), patched(pathTwo)},
			Want:    []channeltest.PushWant{accepted, accepted},
		},
		{
			// 409, and the order turns out to be cancelled already.
			Name: "fbs_cancel_mismatch_is_there", Pushes: []channel.Push{one, two},
			Replies: []channeltest.Canned{
				statusReply(newStatuses), refused(pathOne, http.StatusConflict, mismatch),
				statusReply(`{"orders":[{"id":71001,"isCancellable":false,"supplierStatus":"cancel","wbStatus":"canceled"}]}`), patched(pathTwo),
			},
			Want: []channeltest.PushWant{done, accepted},
		},
		{
			Name: "fbs_cancel_too_late", Pushes: []channel.Push{one},
			Replies: []channeltest.Canned{statusReply(`{"orders":[{"id":71001,"isCancellable":false,"supplierStatus":"complete","wbStatus":"sorted"}]}`)},
			Want:    []channeltest.PushWant{no},
		},
	}
}

func dbsCases() []channeltest.PushCase {
	const mixed = `{"requestId":"f1","results":[{"orderId":82001,"isError":false},{"orderId":82002,"isError":true,"errors":[{"code":409,"detail":"StatusMismatch"}]},{"orderId":82003,"isError":true,"errors":[{"code":404,"detail":"NotFound"}]}]}`
	info := dbsInfo(`{"orders":[{"orderId":82002,"supplierStatus":"confirm","wbStatus":"waiting","errors":[]}]}`)
	three := func(head, to orderhub.Status, code string) []channel.Push {
		return []channel.Push{dbsPush("82001", head, to, code), dbsPush("82002", head, to, code), dbsPush("82003", head, to, code)}
	}
	return []channeltest.PushCase{
		{
			Name: "dbs_confirm", Pushes: three(orderhub.StatusNew, orderhub.StatusConfirmed, ""),
			Replies: []channeltest.Canned{dbsReply("confirm", mixed), info},
			Want:    []channeltest.PushWant{accepted, done, no},
		},
		{
			Name: "dbs_deliver", Pushes: append(three(orderhub.StatusConfirmed, orderhub.StatusShipped, ""),
				dbsPush("82004", orderhub.StatusConfirmed, orderhub.StatusShipped, ""), dbsPush("82005", orderhub.StatusConfirmed, orderhub.StatusShipped, "")),
			Replies: []channeltest.Canned{dbsReply("deliver", `{"requestId":"f1","results":[{"orderId":82001,"isError":false},
				{"orderId":82002,"isError":true,"errors":[{"code":409,"detail":"MetaValidationFail","metaDetails":[{"key":"sgtin","value":"1","decision":"sgtinNoGS"}]}]},
				{"orderId":82003,"isError":true,"errors":[{"code":409,"detail":"MetaValidationFail","metaDetails":[{"key":"sgtin","value":"1","decision":"pending"}]}]},
				{"orderId":82005,"isError":true,"errors":[{"code":500,"detail":"InternalServerError"}]}]}`)},
			Want: []channeltest.PushWant{accepted, no, later, unsure, unsure},
		},
		{
			Name: "dbs_receive", Pushes: append(three(orderhub.StatusShipped, orderhub.StatusDelivered, "741852"), dbsPush("82004", orderhub.StatusShipped, orderhub.StatusDelivered, "")),
			Replies: []channeltest.Canned{dbsReply("receive", mixed), info},
			Want:    []channeltest.PushWant{accepted, no, no, no},
		},
		{
			Name: "dbs_reject", Pushes: []channel.Push{dbsPush("82001", orderhub.StatusShipped, orderhub.StatusCancelled, "741852")},
			Replies: []channeltest.Canned{dbsReply("reject", mixed)},
			Want:    []channeltest.PushWant{accepted},
		},
		{
			Name: "dbs_cancel", Pushes: []channel.Push{dbsPush("82001", orderhub.StatusNew, orderhub.StatusCancelled, "")},
			Replies: []channeltest.Canned{dbsReply("cancel", mixed)},
			Want:    []channeltest.PushWant{accepted},
		},
	}
}
