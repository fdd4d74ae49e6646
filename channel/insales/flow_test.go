package insales

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/insalessim"
)

// sim opens an adapter with small pages against a fresh shop.
func sim(t *testing.T, in *marketsim.Injector, settings map[string]string) (*adapter, *insalessim.Market) {
	t.Helper()
	m := insalessim.New(insalessim.Options{Injector: in, Fast: true, QuotaScale: 1000})
	t.Cleanup(m.Close)
	return connect(t, m.Handler(), m.Settings(), settings), m
}

func connect(t *testing.T, h http.Handler, base, more map[string]string) *adapter {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	in := channel.Settings{channel.SettingBaseURL: srv.URL}
	for _, settings := range []map[string]string{base, more} {
		for k, v := range settings {
			in[k] = v
		}
	}
	ad, err := openPaged(in, channel.Deps{Quotas: rest.NewBuckets(nil)}, smallest)
	if err != nil {
		t.Fatal(err)
	}
	return ad.(*adapter)
}

// canned answers "METHOD /path" from a table; other calls fail the test.
func canned(t *testing.T, replies map[string]string) (*adapter, *[]string) {
	t.Helper()
	var calls []string
	ad := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := r.Method + " " + r.URL.Path
		calls = append(calls, call)
		body, ok := replies[call]
		if !ok {
			t.Errorf("call without an answer: %s", call)
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte(body))
	}), suite().Settings, nil)
	return ad, &calls
}

func place(t *testing.T, m *insalessim.Market, n int) []string {
	t.Helper()
	var out []string
	for i := range n {
		ids, err := m.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: "KR-002", Quantity: int64(1 + i%3), PriceMinor: 129990}}})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, ids...)
	}
	return out
}

// sweep reads a feed to its end, going on after failures as the core does.
func sweep(t *testing.T, a *adapter, feed string, cursor channel.Cursor) ([]channel.Item, channel.Cursor) {
	t.Helper()
	var out []channel.Item
	for range 500 {
		page, err := a.List(t.Context(), feed, cursor)
		if err != nil {
			continue
		}
		out, cursor = append(out, page.Items...), page.Next
		if page.Done {
			return out, cursor
		}
	}
	t.Fatal("the sweep does not end")
	return nil, nil
}

// Whatever fails, lags and changes meanwhile, the sweeps together know the books.
func TestSweepsUnderFaults(t *testing.T) {
	t.Parallel()
	in := marketsim.NewInjector(7, marketsim.Faults{ServerError: 0.2, TimeoutBefore: 0.05, TimeoutAfter: 0.05, Stale: 0.3, Lag: 30 * time.Millisecond, Hang: time.Millisecond})
	a, m := sim(t, in, nil)
	r := rand.New(rand.NewPCG(3, 9))
	known := map[string]orderhub.Status{}
	take := func(its []channel.Item) {
		for _, it := range its {
			snap, err := a.Normalise(it.Kind, it.Body)
			if err != nil {
				t.Fatal(err)
			}
			known[snap.ExternalID] = snap.Status
		}
	}
	var cursor channel.Cursor
	ids := place(t, m, 30)
	for range 12 {
		var its []channel.Item
		its, cursor = sweep(t, a, feedOrders, cursor)
		take(its)
		ids = append(ids, place(t, m, 3)...)
		for range 10 {
			acts := []marketsim.BuyerAct{marketsim.ActPay, marketsim.ActCancel, marketsim.ActRefuse, marketsim.ActReturn}
			_ = m.Act(ids[r.IntN(len(ids))], acts[r.IntN(len(acts))]) // many are not allowed
		}
	}
	in.Set(marketsim.Faults{})
	its, _ := sweep(t, a, feedOrders, cursor)
	take(its)
	for _, o := range m.Truth() {
		if known[o.ID] != o.Headline {
			t.Errorf("order %s: known as %q, the books say %s", o.ID, known[o.ID], o.Headline)
		}
	}
}

// A list that gives the same full page again must not pass for one that ended.
func TestListThatRepeatsItself(t *testing.T) {
	t.Parallel()
	var rows []string
	for range smallest {
		rows = append(rows, `{"id":5,"fulfillment_status":"new","updated_at":"2026-11-20T12:00:00.000+03:00"}`)
	}
	a, _ := canned(t, map[string]string{"GET /admin/orders.json": "[" + strings.Join(rows, ",") + "]"})
	first, err := a.List(t.Context(), feedOrders, position{Since: dawn}.cursor())
	if err != nil || first.Done {
		t.Fatalf("first page: %v, done %v", err, first.Done)
	}
	if page, err := a.List(t.Context(), feedOrders, first.Next); err == nil {
		t.Errorf("the same page again is taken, done %v", page.Done)
	}
}

// The shop's clock and ours may differ: a sweep goes on from the shop's times.
func TestNextSweepStartsAtTheShopsTime(t *testing.T) {
	t.Parallel()
	a, _ := canned(t, map[string]string{"GET /admin/orders.json": `[]`})
	at := time.Date(2031, 5, 1, 10, 0, 0, 0, time.UTC)
	page, err := a.List(t.Context(), feedOrders, position{Since: at, FromID: "17", Newest: at}.cursor())
	var next position
	if err != nil || !page.Done || json.Unmarshal(page.Next, &next) != nil {
		t.Fatalf("%v, %+v", err, page)
	}
	if want := (position{Since: at.Add(-overlap), Newest: at}); !cmp.Equal(next, want) {
		t.Errorf("the next sweep starts at %+v, want %+v", next, want)
	}
}

func TestLimitOfCalls(t *testing.T) {
	t.Parallel()
	m := insalessim.New(insalessim.Options{Fast: true, QuotaScale: 0.004}) // two calls
	t.Cleanup(m.Close)
	a := connect(t, m.Handler(), m.Settings(), nil)
	var be *orderhub.BorderError
	for i := range 3 {
		_, err := a.client.account(t.Context())
		if i < 2 && err != nil {
			t.Fatal(err)
		}
		if i == 2 && (!errors.As(err, &be) || be.Class != orderhub.ClassRateLimited || be.RetryAfter < 4*time.Minute) {
			t.Errorf("the third call: %v", err)
		}
	}
}

func TestReturns(t *testing.T) {
	t.Parallel()
	a, m := sim(t, nil, nil)
	ids := place(t, m, 3)
	for _, id := range ids[:2] {
		results, err := a.PushStatus(t.Context(), []channel.Push{pushOf(id, orderhub.StatusPacked, orderhub.StatusShipped)})
		if err != nil || results[0].Outcome != channel.OutcomeDone {
			t.Fatalf("ship: %v, %+v", err, results)
		}
	}
	if _, err := a.PushStatus(t.Context(), []channel.Push{pushOf(ids[1], orderhub.StatusShipped, orderhub.StatusDelivered)}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(m.Act(ids[0], marketsim.ActRefuse), m.Act(ids[1], marketsim.ActReturn)); err != nil {
		t.Fatal(err)
	}
	its, _ := sweep(t, a, feedReturns, nil)
	got := map[string]orderhub.ReturnSnapshot{}
	for _, it := range its {
		s, err := a.NormaliseReturn(it.Kind, it.Body)
		if err != nil || s.ExternalID != it.ExternalID {
			t.Fatalf("%v, %+v", err, s)
		}
		got[s.ExternalID] = s
	}
	for _, r := range m.Returns() {
		s := got[r.ID]
		units := map[string]int64{}
		for _, l := range s.Lines {
			units[l.SKU] += l.Quantity
		}
		if s.OrderID != r.Order || s.Kind != r.Kind || s.State != r.State || !cmp.Equal(units, r.Units) {
			t.Errorf("return %s: %+v, the books say %+v", r.ID, s, r)
		}
	}
	if len(got) != 2 {
		t.Errorf("%d returns, want 2", len(got))
	}
	if _, err := a.NormaliseReturn(kindOrder, its[0].Body); err == nil {
		t.Error("another kind is taken for a return")
	}
}

func TestCatalogueAndStock(t *testing.T) {
	t.Parallel()
	a, m := sim(t, nil, nil)
	goods := marketsim.Catalogue()[:23]
	m.Offer(goods)
	var list []orderhub.Listing
	var cursor channel.Cursor
	for pages := 1; ; pages++ {
		page, err := a.ListListings(t.Context(), cursor)
		if err != nil || pages > 10 {
			t.Fatalf("page %d: %v", pages, err)
		}
		list, cursor = append(list, page.Listings...), page.Next
		if page.Done {
			break
		}
	}
	if len(list) != len(goods) || list[0].Article == "" || list[0].Barcodes[0] != marketsim.Barcode(list[0].Article) || !list[0].Live {
		t.Fatalf("%d offers of %d, the first: %+v", len(list), len(goods), list[0])
	}
	var figures []channel.StockFigure
	want := map[string]int64{}
	for i, l := range list {
		figures = append(figures, channel.StockFigure{Listing: l, Quantity: int64(i)})
		want[l.Key] = int64(i)
	}
	figures = append(figures, channel.StockFigure{Listing: orderhub.Listing{Key: "not a number"}, Quantity: 1}, figures[0])
	results, err := a.PushStock(t.Context(), figures)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		wantOutcome := channel.OutcomeAccepted
		switch i {
		case len(list):
			wantOutcome = channel.OutcomeFailed
		case len(list) + 1:
			wantOutcome = channel.OutcomeUnsent
		}
		if r.Outcome != wantOutcome {
			t.Errorf("figure %d: %s, want %s", i, r.Outcome, wantOutcome)
		}
	}
	// The shop works its queue later.
	got := map[string]int64{}
	// Waits: the shop's own steps and its webhooks are asynchronous.
	for deadline := time.Now().Add(10 * time.Second); !cmp.Equal(got, want) && time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		shown, err := a.ReadStock(t.Context(), list)
		if err != nil {
			t.Fatal(err)
		}
		clear(got)
		for _, s := range shown {
			got[s.Key] = s.Quantity
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
}

func TestReadStockOddFigures(t *testing.T) {
	t.Parallel()
	a, _ := canned(t, map[string]string{"GET /admin/products/by_ids.json": `[{"id":1,"variants":[
		{"id":11,"quantity":"7.0"},{"id":12,"quantity":null},{"id":13,"quantity":-3},{"id":14,"quantity":"much"},{"id":15,"quantity":2.9},{"id":99,"quantity":5}]}]`})
	var list []orderhub.Listing
	for i := range 5 {
		list = append(list, orderhub.Listing{Key: fmt.Sprint(11 + i), Aliases: map[string]string{aliasProduct: "1"}})
	}
	shown, err := a.ReadStock(t.Context(), append(list, orderhub.Listing{Key: "16"}))
	want := []channel.StockShown{{Key: "11", Quantity: 7}, {Key: "13", Quantity: 0}, {Key: "15", Quantity: 2}}
	if diff := cmp.Diff(want, shown); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestWarehouseField(t *testing.T) {
	t.Parallel()
	a, m := sim(t, nil, map[string]string{settingStore: "0"})
	m.Offer(marketsim.Catalogue()[:1])
	page, err := a.ListListings(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.PushStock(t.Context(), []channel.StockFigure{{Listing: page.Listings[0], Quantity: 6}}); err != nil {
		t.Fatal(err)
	}
	// Waits: the shop's own steps and its webhooks are asynchronous.
	for deadline := time.Now().Add(10 * time.Second); m.Published("0557722") != 6; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("published %d", m.Published("0557722"))
		}
	}
}

// A check subscribes the hub once, and says what the settings get wrong.
func TestCheck(t *testing.T) {
	t.Parallel()
	hook := "https://hub.example.org/hooks/insales-main/key"
	a, m := sim(t, nil, map[string]string{
		settingWebhook: hook, settingStore: "3", settingTracking: "no_such_field",
		settingWords: "soglasovan=confirmed; dispatched=shipped; v-punkte=ready_for_pickup",
	})
	for range 2 {
		res, err := a.Check(t.Context())
		if err != nil || res.Name != "Магазин «Пример»" {
			t.Fatalf("%v, %+v", err, res)
		}
		for i, word := range []string{"soglasovan", "index 3", "no_such_field"} {
			if len(res.Warnings) != 3 || !strings.Contains(res.Warnings[i], word) {
				t.Errorf("warnings %v, want one about %s", res.Warnings, word)
			}
		}
	}
	hooks, err := a.client.webhooks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range hooks {
		if h.Address == hook && h.FormatType == "json" {
			got = append(got, h.Topic)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"orders/create", "orders/destroy", "orders/update"}, got); diff != "" {
		t.Errorf("subscribed (-want +got):\n%s", diff)
	}
	m.Notify("")
}

// What the shop sends is taken, and names the order.
func TestWebhookOfTheShop(t *testing.T) {
	t.Parallel()
	a, m := sim(t, nil, nil)
	hints := make(chan string, 10)
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		hook, err := a.ParseWebhook(r, body, netip.Addr{})
		if err != nil {
			t.Errorf("webhook: %v", err)
			return
		}
		hints <- hook.Hints[0]
		w.WriteHeader(hook.Reply.Status)
	}))
	defer hub.Close()
	m.Notify(hub.URL)
	ids := place(t, m, 1)
	if got := <-hints; got != ids[0] {
		t.Errorf("hint %s, want %s", got, ids[0])
	}
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for field, bad := range map[string][]string{
		settingShop: {"http://shop.myinsales.ru", "shop", "shop.myinsales.ru/admin", "a b.ru"},
		settingDays: {"0", "x", "4000"}, settingStore: {"-1", "01", "x"}, settingWebhook: {"hub.example.org"},
		settingWords: {"sobran", "sobran=assembled", "=packed", "sobran=unknown", "в пункте=packed"},
	} {
		for _, v := range bad {
			in := map[string]string{}
			for k, s := range suite().Settings {
				in[k] = s
			}
			in[field] = v
			var de *orderhub.Error
			if _, err := descriptor().Resolve(in); !errors.As(err, &de) || de.Field != field {
				t.Errorf("%s %q: %v", field, v, err)
			}
		}
	}
}

// A deleted order ends when a person cancels it.
func TestDeletedOrder(t *testing.T) {
	t.Parallel()
	a, m := sim(t, nil, nil)
	id := place(t, m, 1)[0]
	m.Remove(id)
	if its, err := a.ReadOrders(t.Context(), []channel.Ref{{ExternalID: id}}); err != nil || len(its) != 0 {
		t.Fatalf("%v, %v", err, its)
	}
	results, err := a.PushStatus(t.Context(), []channel.Push{pushOf(id, orderhub.StatusNew, orderhub.StatusCancelled)})
	if err != nil || results[0].Outcome != channel.OutcomeDone {
		t.Fatalf("%v, %+v", err, results)
	}
	it := results[0].Items[0]
	if snap, err := a.Normalise(it.Kind, it.Body); err != nil || snap.ExternalID != id || snap.Status != orderhub.StatusCancelled || !snap.StatusOnly {
		t.Errorf("%v, %+v", err, snap)
	}
}

// Without a word of the shop's own, the hub alone keeps what InSales does not have.
func TestStepsWithoutAWord(t *testing.T) {
	t.Parallel()
	a, m := sim(t, nil, map[string]string{settingWords: "approved=packed"})
	id := place(t, m, 1)[0]
	for to, want := range map[orderhub.Status]string{orderhub.StatusReadyForPickup: "new", orderhub.StatusPacked: "approved"} {
		results, err := a.PushStatus(t.Context(), []channel.Push{pushOf(id, orderhub.StatusNew, to)})
		if err != nil || results[0].Outcome != channel.OutcomeDone || (to == orderhub.StatusPacked && m.Truth()[0].Native != want) {
			t.Errorf("%s: %v, %+v, the shop says %s", to, err, results, m.Truth()[0].Native)
		}
	}
}
