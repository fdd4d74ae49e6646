package bitrix

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
	"github.com/orderhub/orderhub/channel/rest"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/bitrixsim"
)

// small is the page of the stand-in in tests.
const small = 5

func openSmall(settings channel.Settings, deps channel.Deps) (channel.Adapter, error) {
	a, err := open(settings, deps)
	if err != nil {
		return nil, err
	}
	if l, ok := a.(lister); ok {
		l.page = small
		return l, nil
	}
	a.(*adapter).page = small
	return a, nil
}

func suite() channeltest.Suite {
	return channeltest.Suite{
		Channel: channel.Channel{Descriptor: Channel.Descriptor, Open: openSmall},
		Market: func(_ testing.TB, in *marketsim.Injector) marketsim.Market {
			return bitrixsim.New(bitrixsim.Options{Injector: in, Page: small})
		},
		Settings: map[string]string{
			settingWebhook: "https://shop.example/rest/1/k3y0fth3hub99x/", settingEventToken: bitrixsim.EventToken, settingWords: "S1=confirmed; S2=packed; S3=ready_for_pickup",
		},
		Schemes: []orderhub.Scheme{orderhub.SchemeSite},
		ErrorBodies: map[int]string{
			401: `{"error":"INVALID_CREDENTIALS","error_description":"Invalid request credentials"}`,
			503: `{"error":"QUERY_LIMIT_EXCEEDED","error_description":"Too many requests"}`,
			500: `{"error":"INTERNAL_SERVER_ERROR","error_description":"Internal server error"}`,
		},
		ErrorClasses: map[int]orderhub.Class{503: orderhub.ClassRateLimited},
		FreeQuotas:   true,
		Pushes:       pushCases(),
		Webhooks:     webhookCases(),
		BuyerWords:   []string{"Сорокина", "+7 900 000-00-00", "vera@example.org", "Вымышленная"},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	channeltest.Run(t, suite())
}

func FuzzNormalise(f *testing.F) { channeltest.Fuzz(f, suite()) }

func push(id string, to orderhub.Status) channel.Push {
	return channel.Push{Key: "effect-" + id, To: to, Attempt: 1, Order: orderhub.Order{
		ID: 7, AccountID: "bx", Channel: Name, Headline: orderhub.StatusNew, Version: 1,
		Snapshot: orderhub.Snapshot{ExternalID: id, Scheme: orderhub.SchemeSite, Status: orderhub.StatusNew, Native: "N", Attrs: map[string]string{attrShipments: "182:3,183:3"}},
	}}
}

func pushCases() []channeltest.PushCase {
	const path = "/rest/1/k3y0fth3hub99x/batch.json"
	reply := func(body string) []channeltest.Canned {
		return []channeltest.Canned{{Method: "POST", Path: path, Body: `{"result":` + body + `}`, Write: true}}
	}
	done, accepted := channeltest.PushWant{Outcome: channel.OutcomeDone}, channeltest.PushWant{Outcome: channel.OutcomeAccepted}
	failed := func(c orderhub.Class) channeltest.PushWant {
		return channeltest.PushWant{Outcome: channel.OutcomeFailed, Class: c}
	}
	shipped := push("7001", orderhub.StatusShipped)
	shipped.Params = map[string]string{"tracking": "RA123456789RU"}
	cancel := push("7002", orderhub.StatusCancelled)
	cancel.Reason, cancel.Comment = "out_of_stock", "Кружка & разбилась"
	bare := push("7009", orderhub.StatusShipped)
	bare.Order.Snapshot.Attrs = nil
	return []channeltest.PushCase{
		{
			Name: "told", Pushes: []channel.Push{push("1", orderhub.StatusConfirmed), push("2", orderhub.StatusPacked), push("3", orderhub.StatusReadyForPickup)},
			Replies: reply(`{"result":{"p0_0":{"order":{}},"p1_0":{"order":{}},"p2_0":{"order":{}}},"result_error":[]}`), Want: []channeltest.PushWant{done, done, done},
		},
		{
			Name: "steps", Pushes: []channel.Push{shipped, push("7003", orderhub.StatusDelivered), cancel, bare, push("7004", orderhub.StatusDelivered), push("7005", orderhub.StatusDelivered)},
			Replies: reply(`{"result":{"p0_0":{"shipment":{}},"p0_1":{"shipment":{}},"p1_0":{"order":{}}},
				"result_error":{"p2_0":{"error":"SALE_ORDER_CANCEL_SHIPMENT_EXIST_SHIPPED","error_description":"Нельзя отменить отгруженный заказ"},"p4_0":{"error":"OPERATION_TIME_LIMIT","error_description":"later"}}}`),
			Want: []channeltest.PushWant{accepted, accepted, failed(orderhub.ClassRejected), failed(orderhub.ClassRejected), failed(orderhub.ClassRateLimited), failed(orderhub.ClassUncertain)},
		},
		{
			// The shop has deleted them: the cancel has come true, the rest never will.
			Name: "deleted", Pushes: []channel.Push{cancel, push("7010", orderhub.StatusDelivered)},
			Replies: reply(`{"result":[],"result_error":{"p0_0":{"error":200540400001,"error_description":"order is not exists"},"p1_0":{"error":200540400001,"error_description":"order is not exists"}}}`),
			Want:    []channeltest.PushWant{done, failed(orderhub.ClassRejected)},
		},
		{
			Name: "tracking", Kind: orderhub.EffectTracking, Pushes: []channel.Push{shipped},
			Replies: reply(`{"result":{"p0_0":{"shipment":{}},"p0_1":{"shipment":{}}},"result_error":[]}`), Want: []channeltest.PushWant{accepted},
		},
	}
}

func webhookCases() []channeltest.WebhookCase {
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	token := "&auth[application_token]=" + bitrixsim.EventToken
	return []channeltest.WebhookCase{
		{Name: "saved", Header: form, Body: "event=ONSALEORDERSAVED&data[FIELDS][ID]=7311" + token},
		{Name: "payment", Header: form, Body: "event=ONSALEPAYMENTENTITYSAVED&data[FIELDS][ID]=5" + token},
		{Name: "stranger", Header: form, Body: "event=ONSALEORDERSAVED&data[FIELDS][ID]=7311&auth[application_token]=guess", Refused: true},
		{Name: "no token", Header: form, Body: "event=ONSALEORDERSAVED&data[FIELDS][ID]=7311", Refused: true},
	}
}

// serve opens the channel on a stand-in.
func serve(t *testing.T, opts bitrixsim.Options, extra map[string]string) (*bitrixsim.Market, channel.Adapter) {
	t.Helper()
	opts.Page = small
	m := bitrixsim.New(opts)
	t.Cleanup(m.Close)
	srv := httptest.NewServer(m.Handler())
	t.Cleanup(srv.Close)
	settings := maps.Clone(m.Settings())
	maps.Copy(settings, extra)
	settings[channel.SettingBaseURL] = srv.URL
	resolved, err := Channel.Descriptor.Resolve(settings)
	if err != nil {
		t.Fatal(err)
	}
	a, err := openSmall(resolved, channel.Deps{HTTP: srv.Client(), Quotas: rest.NewBuckets(nil)})
	if err != nil {
		t.Fatal(err)
	}
	return m, a
}

// TestManyInOneSecond: more orders of one second than a page holds are all read.
func TestManyInOneSecond(t *testing.T) {
	t.Parallel()
	m, a := serve(t, bitrixsim.Options{}, nil)
	for range 23 {
		if _, err := m.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: "A", Quantity: 1, PriceMinor: 100}}}); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	var cursor channel.Cursor
	for range 50 {
		p, err := a.(channel.Lister).List(t.Context(), feedOrders, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range p.Items {
			seen[it.ExternalID] = true
		}
		if cursor = p.Next; p.Done {
			break
		}
	}
	if len(seen) != 23 {
		t.Errorf("%d of 23 orders", len(seen))
	}
}

// TestGoods: the catalogue is read whole, figures are set and read back, and a row
// that fails concerns one article.
func TestGoods(t *testing.T) {
	t.Parallel()
	m, a := serve(t, bitrixsim.Options{Iblock: true}, map[string]string{settingIblocks: "2, 3"})
	var goods []marketsim.Product
	for i := range 12 {
		goods = append(goods, marketsim.Product{SKU: fmt.Sprintf("SKU-%d", i)})
	}
	m.Offer(goods)
	var listings []orderhub.Listing
	var cursor channel.Cursor
	for range 20 {
		p, err := a.(channel.Catalogue).ListListings(t.Context(), cursor)
		if err != nil {
			t.Fatal(err)
		}
		listings = append(listings, p.Listings...)
		if cursor = p.Next; p.Done {
			break
		}
	}
	// The stand-in has one block and gives it for both numbers.
	if len(listings) != 24 || listings[3].Article != "SKU-3" || listings[3].Aliases["xml_id"] != "x-SKU-3" || !listings[3].Live {
		t.Fatalf("%d listings: %+v", len(listings), listings)
	}
	listings = listings[:12]
	figures := []channel.StockFigure{{Listing: orderhub.Listing{Key: "999"}, Quantity: 1}}
	for i, l := range listings {
		figures = append(figures, channel.StockFigure{Listing: l, Quantity: int64(i), At: time.Now()})
	}
	results, err := a.(channel.StockPusher).PushStock(t.Context(), figures)
	if err != nil || orderhub.ClassOf(results[0].Err) != orderhub.ClassRejected {
		t.Fatal(results, err)
	}
	if slices.ContainsFunc(results[1:], func(r channel.StockResult) bool { return r.Outcome != channel.OutcomeAccepted }) {
		t.Fatal(results)
	}
	shown, err := a.(channel.StockReader).ReadStock(t.Context(), append(listings, orderhub.Listing{Key: "999"}))
	if err != nil || len(shown) != 12 || shown[7].Quantity != 7 || m.Published("SKU-7") != 7 {
		t.Fatal(shown, err)
	}
}

// TestFaultsLoseNothing: with failing rows and lost answers a sweep ends with all.
func TestFaultsLoseNothing(t *testing.T) {
	t.Parallel()
	in := marketsim.NewInjector(3, marketsim.Faults{RateLimited: 0.1, ServerError: 0.1, TimeoutBefore: 0.1, TimeoutAfter: 0.1, FailRows: 0.05, Hang: time.Millisecond})
	m, a := serve(t, bitrixsim.Options{Injector: in}, nil)
	for range 30 {
		if _, err := m.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: "A", Quantity: 1, PriceMinor: 100}}}); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	var cursor channel.Cursor
	for range 500 {
		p, err := a.(channel.Lister).List(t.Context(), feedOrders, cursor)
		if err != nil {
			continue
		}
		for _, it := range p.Items {
			seen[it.ExternalID] = true
		}
		if cursor = p.Next; p.Done {
			break
		}
	}
	if len(seen) != 30 {
		t.Errorf("%d of 30 orders", len(seen))
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2.0000": "2 true", "2.5": "3 false", "0": "0 true", "1000000": "1000000 true", "-1": "error", "1e9": "error", "": "error", "1000001": "error", "1/3": "error",
	} {
		n, whole, err := units(text)
		got := strconv.FormatInt(n, 10) + " " + strconv.FormatBool(whole)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{"0.2000": "20", "0.1": "10", "0": "0", "": "", "0.055": "", "x": ""} {
		if got := vat(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
