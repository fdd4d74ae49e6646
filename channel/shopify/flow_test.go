package shopify

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
	"github.com/orderhub/orderhub/marketsim/shopifysim"
)

// sim opens an adapter with small pages against a fresh shop.
func sim(t *testing.T, in *marketsim.Injector, settings map[string]string) (*adapter, *shopifysim.Market) {
	t.Helper()
	m := shopifysim.New(shopifysim.Options{Injector: in, Fast: true, QuotaScale: 10_000})
	t.Cleanup(m.Close)
	return connect(t, m.Handler(), nil, m.Settings(), settings), m
}

func connect(t *testing.T, h http.Handler, now func() time.Time, base, more map[string]string) *adapter {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	in := channel.Settings{channel.SettingBaseURL: srv.URL}
	for _, settings := range []map[string]string{base, more} {
		for k, v := range settings {
			in[k] = v
		}
	}
	ad, err := openPaged(in, channel.Deps{Quotas: rest.NewBuckets(nil), Now: now}, 5)
	if err != nil {
		t.Fatal(err)
	}
	return ad.(*adapter)
}

// asked is one operation that came.
type asked struct {
	Name string `json:"operationName"`
	Vars struct {
		First int
		After string
		Key   string
	} `json:"variables"`
}

// canned answers operations from a function.
func canned(t *testing.T, reply func(asked) string) *adapter {
	t.Helper()
	return connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in asked
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, reply(in))
	}), nil, suite().Settings, nil)
}

func place(t *testing.T, m *shopifysim.Market, n int) []string {
	t.Helper()
	var out []string
	for i := range n {
		ids, err := m.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: "KR-002", Quantity: int64(1 + i%3), PriceMinor: 129990}, {SKU: "0557722", Quantity: 1, PriceMinor: 49000}}})
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
	ids := place(t, m, 20)
	for range 8 {
		var its []channel.Item
		its, cursor = sweep(t, a, feedOrders, cursor)
		take(its)
		ids = append(ids, place(t, m, 3)...)
		for range 6 {
			id := ids[r.IntN(len(ids))]
			_, _ = a.PushStatus(t.Context(), []channel.Push{pushOf(id, orderhub.StatusNew, orderhub.StatusShipped)}) // some are refused
			_ = m.Act(ids[r.IntN(len(ids))], marketsim.ActCancel)
			_, _ = m.Progress(id)
		}
	}
	in.Set(marketsim.Faults{})
	its, _ := sweep(t, a, feedOrders, cursor)
	take(its)
	for _, o := range m.Truth() {
		if known[o.ID] != o.Headline {
			t.Errorf("order %s: known as %q, the books say %s", o.ID, known[o.ID], o.Headline)
		}
		ships := 0
		for _, c := range o.Calls {
			if c.What == "ship" {
				ships++
			}
		}
		if ships > 1 {
			t.Errorf("order %s was sent %d times", o.ID, ships)
		}
	}
}

// A page that is too dear is asked for in halves; a cursor that is not taken any
// more begins the list anew.
func TestPagesThatAreRefused(t *testing.T) {
	t.Parallel()
	var sizes []int
	a := canned(t, func(in asked) string {
		sizes = append(sizes, in.Vars.First)
		switch {
		case in.Vars.After == "old":
			return `{"errors":[{"message":"Invalid cursor for current pagination sort.","extensions":{"code":"BAD_USER_INPUT"}}]}`
		case in.Vars.First > 1:
			return `{"errors":[{"message":"Query cost is 1500, which exceeds the single query max cost limit 1000","extensions":{"code":"MAX_COST_EXCEEDED"}}]}`
		}
		return `{"data":{"orders":{"nodes":[],"pageInfo":{"hasNextPage":false,"endCursor":null}}}}`
	})
	page, err := a.List(t.Context(), feedOrders, position{Since: time.Now(), After: "old"}.cursor())
	if err != nil || !page.Done {
		t.Fatalf("%v, done %v", err, page.Done)
	}
	if diff := cmp.Diff([]int{5, 5, 2, 1}, sizes); diff != "" {
		t.Errorf("sizes (-want +got):\n%s", diff)
	}
}

func TestErrorsInsideOfAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body  string
		class orderhub.Class
	}{
		"denied as a whole":   {`{"data":{"orders":null},"errors":[{"message":"Access denied for orders field.","path":["orders"],"extensions":{"code":"ACCESS_DENIED"}}]}`, orderhub.ClassAuth},
		"denied in part":      {`{"data":{"orders":{"nodes":[{"id":"gid://shopify/Order/4","customer":null}],"pageInfo":{"hasNextPage":false}}},"errors":[{"message":"Access denied","path":["orders","nodes",0,"customer"],"extensions":{"code":"ACCESS_DENIED"}}]}`, ""},
		"their fault":         {`{"data":null,"errors":[{"message":"Internal error","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`, orderhub.ClassRetry},
		"a field is gone":     {`{"errors":[{"message":"Field 'x' doesn't exist on type 'Order'","extensions":{"code":"undefinedField"}}]}`, orderhub.ClassRejected},
		"a page without end":  {`{"data":{"orders":{"nodes":[],"pageInfo":{"hasNextPage":true,"endCursor":null}}}}`, orderhub.ClassRetry},
		"an error in a text":  {`{"errors":"Not Found"}`, orderhub.ClassRejected},
		"no orders in orders": {`{"data":{"orders":{}}}`, orderhub.ClassRetry},
	} {
		_, err := canned(t, func(asked) string { return c.body }).List(t.Context(), feedOrders, nil)
		if (err == nil) != (c.class == "") || (err != nil && orderhub.ClassOf(err) != c.class) {
			t.Errorf("%s: %v, want class %q", name, err, c.class)
		}
	}
}

// A token is asked for once, again before it ends, and again when it is refused.
func TestTokens(t *testing.T) {
	t.Parallel()
	grants, taken := 0, "t1"
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/admin/oauth/access_token":
			grants++
			if r.PostFormValue("client_secret") != testSecret {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, `{"error":"invalid_client","error_description":"wrong secret `+r.PostFormValue("client_secret")+`"}`)
				return
			}
			_, _ = fmt.Fprintf(w, `{"access_token":"t%d","expires_in":86399}`, grants)
		case r.Header.Get("X-Shopify-Access-Token") != taken:
			w.WriteHeader(http.StatusUnauthorized)
		default:
			_, _ = io.WriteString(w, `{"data":{"orders":{"nodes":[],"pageInfo":{"hasNextPage":false}}}}`)
		}
	})
	settings := suite().Settings
	settings[settingToken] = ""
	a := connect(t, h, func() time.Time { return now }, settings, nil)
	step := func(what string, class orderhub.Class, wantGrants int) {
		t.Helper()
		_, err := a.List(t.Context(), feedOrders, nil)
		if (err == nil) != (class == "") || (err != nil && orderhub.ClassOf(err) != class) || grants != wantGrants {
			t.Errorf("%s: %v after %d grants, want class %q and %d", what, err, grants, class, wantGrants)
		}
	}
	step("first", "", 1)
	step("second", "", 1)
	taken = "t2"
	now = now.Add(23*time.Hour + time.Minute)
	step("near its end", "", 2)
	taken = "t3"
	step("withdrawn", orderhub.ClassAuth, 2)
	step("after it was withdrawn", "", 3)
	settings[settingSecret] = "another-secret-0001"
	_, err := connect(t, h, nil, settings, nil).List(t.Context(), feedOrders, nil)
	if orderhub.ClassOf(err) != orderhub.ClassAuth || strings.Contains(err.Error(), "another-secret") {
		t.Errorf("wrong secret: %v", err)
	}
}

func TestReturns(t *testing.T) {
	t.Parallel()
	a, m := sim(t, nil, nil)
	ids := place(t, m, 4)
	for _, id := range ids {
		for _, to := range []orderhub.Status{orderhub.StatusShipped, orderhub.StatusDelivered} {
			if results, err := a.PushStatus(t.Context(), []channel.Push{pushOf(id, orderhub.StatusNew, to)}); err != nil || results[0].Err != nil {
				t.Fatalf("%s to %s: %v, %+v", id, to, err, results)
			}
		}
		if err := m.Act(id, marketsim.ActReturn); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.ProgressReturn(m.Returns()[0].ID); err != nil {
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
		if s.OrderID != r.Order || s.Kind != r.Kind || s.State != r.State || !s.OpenedAt.Equal(r.OpenedAt) || !cmp.Equal(units, r.Units) {
			t.Errorf("return %s: %+v, the books say %+v", r.ID, s, r)
		}
	}
	if len(got) != len(ids) {
		t.Errorf("%d returns, want %d", len(got), len(ids))
	}
}

func TestCatalogueAndStock(t *testing.T) {
	t.Parallel()
	a, m := sim(t, nil, nil)
	goods := marketsim.Catalogue()[:33]
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
	if len(list) != len(goods) || list[0].Barcodes[0] != marketsim.Barcode(list[0].Article) || !list[0].Live || list[0].Name == "" {
		t.Fatalf("%d offers of %d, the first: %+v", len(list), len(goods), list[0])
	}
	stranger := orderhub.Listing{Key: "5", Aliases: map[string]string{aliasItem: "5"}}
	at := time.Now()
	figures := []channel.StockFigure{{Listing: list[0], Quantity: 4, At: at}, {Listing: stranger, Quantity: 1, At: at}, {Listing: list[1], Quantity: 6, At: at}, {Listing: orderhub.Listing{Key: "7"}, Quantity: 1, At: at}}
	// One figure is at fault: the shop takes none, and the others go out again.
	outcomes := func(figures []channel.StockFigure) (out []channel.Outcome) {
		t.Helper()
		results, err := a.PushStock(t.Context(), figures)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			out = append(out, r.Outcome)
		}
		return out
	}
	if diff := cmp.Diff([]channel.Outcome{channel.OutcomeUnsent, channel.OutcomeFailed, channel.OutcomeUnsent, channel.OutcomeFailed}, outcomes(figures)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	figures = []channel.StockFigure{figures[0], figures[2]}
	if diff := cmp.Diff([]channel.Outcome{channel.OutcomeAccepted, channel.OutcomeAccepted}, outcomes(figures)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	shown, err := a.ReadStock(t.Context(), append(list[:3:3], stranger))
	want := []channel.StockShown{{Key: list[0].Key, Quantity: 4}, {Key: list[1].Key, Quantity: 6}, {Key: list[2].Key, Quantity: 0}}
	if diff := cmp.Diff(want, shown); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	// Two are sold. The same figures of the same moment, sent again after a lost
	// answer, must not bring them back.
	if _, err := m.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: list[0].Article, Quantity: 2}}}); err != nil {
		t.Fatal(err)
	}
	outcomes(figures)
	if got := m.Published(list[0].Article); got != 2 {
		t.Errorf("published %d after a repeat, want 2", got)
	}
	figures[0].At = at.Add(time.Second)
	outcomes(figures)
	if got := m.Published(list[0].Article); got != 4 {
		t.Errorf("published %d after a new figure, want 4", got)
	}
}

func TestStockNeedsALocation(t *testing.T) {
	t.Parallel()
	a, _ := sim(t, nil, map[string]string{settingLocation: ""})
	_, err1 := a.PushStock(t.Context(), []channel.StockFigure{{Quantity: 1}})
	_, err2 := a.ReadStock(t.Context(), nil)
	for _, err := range []error{err1, err2} {
		if orderhub.ClassOf(err) != orderhub.ClassRejected || !strings.Contains(err.Error(), settingLocation) {
			t.Errorf("got %v", err)
		}
	}
}

// A check subscribes the hub, again after Shopify dropped it, and says what the
// settings get wrong.
func TestCheck(t *testing.T) {
	t.Parallel()
	hook := "https://hub.example.org/hooks/shopify-main/key"
	a, m := sim(t, nil, map[string]string{settingWebhook: hook, settingLocation: "5", settingDays: "90", settingShop: "other.myshopify.com"})
	subscribed := func() []string {
		var out struct{ Nodes []wireHook }
		if err := a.client.do(t.Context(), operation{name: "Shop", root: "webhookSubscriptions", text: opShop.text}, nil, &out); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, h := range out.Nodes {
			if h.URI == hook {
				got = append(got, h.Topic)
			}
		}
		return got
	}
	for i := range 3 {
		res, err := a.Check(t.Context())
		if err != nil || res.Name != "Example shop" || !slices.Contains(res.Can, "write_orders") {
			t.Fatalf("%v, %+v", err, res)
		}
		for j, word := range []string{"read_all_orders", "no location 5; it has 7700001 (Main), 7700002 (Second)", shopifysim.Host} {
			if len(res.Warnings) != 3 || !strings.Contains(res.Warnings[j], word) {
				t.Errorf("warnings %q, want one about %s", res.Warnings, word)
			}
		}
		if got := subscribed(); !cmp.Equal(got, topics) {
			t.Errorf("check %d: subscribed %v", i, got)
		}
		if i == 1 {
			m.Notify("") // dropped
		}
	}
}

// What the shop sends is signed as the adapter expects, and names the order.
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
		settingShop: {"http://a.myshopify.com", "shop", "a.myshopify.com/admin"}, settingVersion: {"2026-01", "2026-05", "latest", "unstable"},
		settingDays: {"0", "x", "4000"}, settingLocation: {"gid://shopify/Location/5", "-1"}, settingNotify: {"maybe"}, settingWebhook: {"hub"},
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
