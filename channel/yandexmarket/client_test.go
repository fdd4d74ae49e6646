package yandexmarket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/specs"
	"github.com/orderhub/orderhub/marketsim/yandexsim"
)

const document = "yandex-market/partner-api.bundled.json"

func TestErrorsInWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		status  int
		until   string
		message string
		class   orderhub.Class
		after   time.Duration
		says    string
	}{
		{"too many at once", 420, "", "Hit rate limit of 4 parallel requests for business 1", orderhub.ClassRateLimited, time.Second, "parallel"},
		{"quota spent", 420, "Fri, 20 Nov 2026 09:05:00 GMT", "Hit rate limit of 10000 requests per 'hour' for resource orders", orderhub.ClassRateLimited, 5 * time.Minute, "10000"},
		{"quota spent, RFC 822", 420, "20 Nov 26 12:05 +0300", "Hit rate limit of 10 requests", orderhub.ClassRateLimited, 5 * time.Minute, ""},
		{"quota spent, renewal past", 420, "Fri, 20 Nov 2026 08:00:00 GMT", "Hit rate limit of 10 requests", orderhub.ClassRateLimited, time.Second, ""},
		{"quota spent, renewal far", 420, "Sat, 21 Nov 2026 08:00:00 GMT", "Hit rate limit of 10 requests", orderhub.ClassRateLimited, time.Hour, ""},
		{"quota spent, renewal unreadable", 420, "soon", "Hit rate limit of 10 requests", orderhub.ClassRateLimited, 10 * time.Second, ""},
		{"429", 429, "", "Too many", orderhub.ClassRateLimited, 10 * time.Second, ""},
		{"key", 401, "", "Api-Key is invalid", orderhub.ClassAuth, 0, "Api-Key is invalid"},
		{"right", 403, "", "Access denied", orderhub.ClassAuth, 0, "Access denied"},
		{"old method", 403, "", "The method is deprecated and is occasionally forbidden", orderhub.ClassRetry, 0, "occasionally"},
		{"other shop", 404, "", "Order not found: partnerId = 17, orderId = 5", orderhub.ClassRejected, 0, "another campaign"},
		{"account is moved", 423, "", "Locked", orderhub.ClassRetry, 0, "Locked"},
		{"illegal", 400, "", "No transition found: PROCESSING -> DELIVERED", orderhub.ClassRejected, 0, "No transition found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, _ := setup(t, noon, nil, func(w http.ResponseWriter, _ asked) {
				if c.until != "" {
					w.Header().Set("X-RateLimit-Resource-Until", c.until)
				}
				w.WriteHeader(c.status)
				fmt.Fprintf(w, `{"status":"ERROR","errors":[{"code":"SOME_CODE","message":%q}]}`, c.message)
			})
			_, err := a.listOrders(t.Context(), orderFilter{}, "")
			var be *orderhub.BorderError
			if !errors.As(err, &be) {
				t.Fatalf("got %v", err)
			}
			if be.Class != c.class || be.RetryAfter != c.after || be.Code != "SOME_CODE" || !strings.Contains(be.Sentence, c.says) {
				t.Errorf("class %s after %s, code %s, %q; want %s after %s, %q", be.Class, be.RetryAfter, be.Code, be.Sentence, c.class, c.after, c.says)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	shops := `{"id":11,"domain":"Полка","business":{"id":1700101,"name":"Полка"},"placementType":"FBS","apiAvailability":"AVAILABLE"},
		{"id":12,"domain":"Склад","business":{"id":1700101,"name":"Полка"},"placementType":"DBS","apiAvailability":"DISABLED_BY_INACTIVITY"},
		{"id":13,"domain":"Новый","business":{"id":1700101,"name":"Полка"},"placementType":"DBS","apiAvailability":"SLEEPING"}`
	for _, c := range []struct {
		name, scopes, shops, campaigns string
		warnings                       []string
		class                          orderhub.Class
	}{
		{name: "all well", scopes: `"ALL_METHODS"`, shops: shops, campaigns: "11"},
		{name: "shops that answer 403", scopes: `"INVENTORY_AND_ORDER_PROCESSING","PRICING"`, shops: shops, warnings: []string{
			`shop 12 "Склад" cannot be used through the API: no goods were on sale for more than 90 days`,
			`shop 13 "Новый": API availability is "SLEEPING"`,
		}},
		{name: "read only", scopes: `"ALL_METHODS_READ_ONLY"`, shops: shops, campaigns: "11", warnings: []string{
			"the key may read orders and not change them: statuses cannot be sent; give it INVENTORY_AND_ORDER_PROCESSING or ALL_METHODS",
		}},
		{name: "other rights", scopes: `"PRICING"`, shops: shops, campaigns: "11,99", warnings: []string{
			"the key may not read orders; give it INVENTORY_AND_ORDER_PROCESSING or ALL_METHODS",
			"campaign 99 of the settings is not among the shops of the key",
		}},
		{name: "no shop", scopes: `"ALL_METHODS"`, warnings: []string{"the key sees no shop"}},
		{name: "key of another account", scopes: `"ALL_METHODS"`, shops: strings.ReplaceAll(shops, "1700101", "42"), class: orderhub.ClassAuth},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, _ := setup(t, noon, map[string]string{settingCampaigns: c.campaigns}, func(w http.ResponseWriter, r asked) {
				switch {
				case r.Path == "POST /v2/auth/token":
					fmt.Fprintf(w, `{"status":"OK","result":{"apiKey":{"name":"hub key","authScopes":[%s]}}}`, c.scopes)
				case r.Token == "":
					fmt.Fprint(w, `{"campaigns":[],"paging":{"nextPageToken":"two"}}`)
				default:
					fmt.Fprintf(w, `{"campaigns":[%s],"paging":{}}`, c.shops)
				}
			})
			got, err := a.Check(t.Context())
			if c.class != "" {
				if err == nil || orderhub.ClassOf(err) != c.class {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || got.Name != "hub key" || len(got.Can) == 0 {
				t.Fatalf("%+v, %v", got, err)
			}
			if diff := cmp.Diff(c.warnings, got.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	good := channel.Settings{settingKey: "ACMA:x:y", settingBusiness: "1700101"}
	if _, err := Channel.Open(good, channel.Deps{}); err != nil {
		t.Fatal(err)
	}
	for key, bad := range map[string][]string{
		settingKey:         {"Bearer y0_abc", "ключ", "two words"},
		settingBusiness:    {"0", "-1", "shop", "1.5"},
		settingCampaigns:   {"1,x", strings.Join(strings.Fields(fmt.Sprint(numbers(51))), ",")},
		settingIncludeTest: {"maybe"},
	} {
		for _, v := range bad {
			in := maps.Clone(good)
			in[key] = strings.Trim(v, "[]")
			_, err := Channel.Open(in, channel.Deps{})
			var de *orderhub.Error
			if !errors.As(err, &de) || de.Field != key {
				t.Errorf("%s = %q: %v", key, v, err)
			}
		}
	}
}

func numbers(n int) []int {
	var out []int
	for i := range n {
		out = append(out, i+1)
	}
	return out
}

func TestBatchesByCampaignOfThirty(t *testing.T) {
	t.Parallel()
	var tasks []task
	for i := range 70 {
		tasks = append(tasks, task{index: i, campaign: int64(1 + i%2), order: int64(i)})
	}
	tasks = append(tasks, task{index: 70, campaign: 1, order: 0}, task{index: 71, campaign: 1, order: 71, boxes: []box{{}}}, task{index: 72, campaign: 2, order: 72})
	var sizes []int
	seen := map[int]bool{}
	for _, call := range batches(tasks) {
		sizes = append(sizes, len(call))
		for _, t := range call {
			seen[t.index] = true
		}
	}
	// The second wish for order 0 and those of campaign 2 join the open calls; the boxes go alone.
	if want := []int{30, 30, 6, 6, 1}; !slices.Equal(sizes, want) || len(seen) != len(tasks) {
		t.Errorf("calls of %v with %d tasks, want %v", sizes, len(seen), want)
	}
}

func TestRateLimitStopsTheRest(t *testing.T) {
	t.Parallel()
	a, s := setup(t, noon, nil, func(w http.ResponseWriter, _ asked) {
		w.WriteHeader(420)
		fmt.Fprint(w, `{"status":"ERROR","errors":[{"code":"LIMIT","message":"Hit rate limit of 4 parallel requests"}]}`)
	})
	var pushes []channel.Push
	for shop := range int64(5) {
		pushes = append(pushes, push(order(orderhub.SchemeFBS, 100+shop, 7000+shop, orderhub.StatusNew), orderhub.StatusPacked, ""))
	}
	if _, err := a.PushStatus(t.Context(), pushes); orderhub.ClassOf(err) != orderhub.ClassRateLimited {
		t.Errorf("got %v", err)
	}
	if n := len(s.requests()); n != 1 {
		t.Errorf("%d requests after the Market said stop", n)
	}
}

func TestEndedContextIsNotSent(t *testing.T) {
	t.Parallel()
	a, s := setup(t, noon, nil, func(w http.ResponseWriter, _ asked) { reply(w, "") })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	pushes := []channel.Push{
		push(order(orderhub.SchemeDBS, dbsShop, 1, orderhub.StatusShipped), "", "", paramTracking, "A1"),
		push(order(orderhub.SchemeDBS, dbsShop, 2, orderhub.StatusShipped), "", "", paramTracking, "A2"),
	}
	results, err := a.PushTracking(ctx, pushes)
	for _, r := range results {
		if orderhub.ClassOf(r.Err) != orderhub.ClassRetry {
			t.Errorf("result %v", r.Err)
		}
	}
	if (err == nil && len(results) != 2) || len(s.requests()) != 0 {
		t.Errorf("%d results, %v, %d requests", len(results), err, len(s.requests()))
	}
}

func TestBoxesAreNotSentTwice(t *testing.T) {
	t.Parallel()
	for layout, want := range map[string]int{
		`[{"boxId":1,"barcode":"b","items":[{"id":820001,"fullCount":2,"instances":[{"cis":"a\u001d1"},{"cis":"b\u001d2"}]},{"id":820002,"fullCount":1}]}]`: 2,
		`[{"boxId":1,"barcode":"b","items":[{"id":820001,"fullCount":2},{"id":820002,"fullCount":1}]}]`:                                                     3,
		`[]`: 3,
	} {
		var mu sync.Mutex
		var calls []string
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			calls = append(calls, r.Method+" "+r.URL.Path)
			mu.Unlock()
			_, _ = io.Copy(io.Discard, r.Body)
			switch {
			case strings.HasSuffix(r.URL.Path, "/status"):
				fmt.Fprint(w, legacyReply(fbsShop, 712000101, "PROCESSING", "READY_TO_SHIP").Body)
			case strings.HasSuffix(r.URL.Path, "/boxes"):
				fmt.Fprint(w, `{"status":"OK"}`)
			default:
				fmt.Fprintf(w, `{"orders":[{"orderId":712000101,"delivery":{"boxesLayout":%s}}]}`, layout)
			}
		}))
		t.Cleanup(srv.Close)
		ad, err := Channel.Open(channel.Settings{settingKey: "k", settingBusiness: "1", channel.SettingBaseURL: srv.URL}, channel.Deps{})
		if err != nil {
			t.Fatal(err)
		}
		p := push(order(orderhub.SchemeFBS, fbsShop, 712000101, orderhub.StatusConfirmed), orderhub.StatusPacked, "", paramBoxes,
			`[[{"id":820001,"count":2,"cis":["a\u001d1","b\u001d2"]},{"id":820002,"count":1}]]`)
		p.Attempt = 2
		results, err := ad.(channel.StatusPusher).PushStatus(t.Context(), []channel.Push{p})
		if err != nil || results[0].Outcome != channel.OutcomeDone || len(calls) != want {
			t.Errorf("layout %s: %v, %v, calls %v; want %d calls", layout, results, err, calls, want)
		}
	}
}

// What the adapter sends is what the official document allows.
func TestRequestsFollowTheDocument(t *testing.T) {
	t.Parallel()
	doc := specs.Load(t, document)
	m := yandexsim.New(yandexsim.Options{Fast: true})
	t.Cleanup(m.Close)
	var mu sync.Mutex
	var violations []string
	srv := httptest.NewServer(doc.Wrap(m.Handler(), func(v specs.Violation) {
		mu.Lock()
		defer mu.Unlock()
		violations = append(violations, v.String())
	}))
	t.Cleanup(srv.Close)
	settings := channel.Settings{channel.SettingBaseURL: srv.URL, settingIncludeTest: "yes", settingCampaigns: fmt.Sprint(yandexsim.CampaignFBS, ",", yandexsim.CampaignDBS)}
	maps.Copy(settings, m.Settings())
	opened, err := Channel.Open(settings, channel.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	a := opened.(*adapter)
	walkThrough(t, a, m)
	if diff := cmp.Diff([]string(nil), violations); diff != "" {
		t.Errorf("violations of the document:\n%s", diff)
	}
}

// walkThrough makes every call of the adapter once.
func walkThrough(t *testing.T, a *adapter, m marketsim.Market) {
	t.Helper()
	if _, err := a.Check(t.Context()); err != nil {
		t.Error(err)
	}
	orders := map[orderhub.Scheme][]orderhub.Order{}
	for _, scheme := range []orderhub.Scheme{orderhub.SchemeFBS, orderhub.SchemeDBS} {
		for range 3 {
			_, err := m.Place(marketsim.OrderSpec{Scheme: scheme, Lines: []marketsim.SpecLine{{SKU: "A-1", Quantity: 2, PriceMinor: 49900}, {SKU: "B-2", Quantity: 1, PriceMinor: 99900}}})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	page, err := a.List(t.Context(), feedOrders, nil)
	if err != nil || len(page.Items) != 6 {
		t.Fatalf("%d orders, %v", len(page.Items), err)
	}
	for _, it := range page.Items {
		s, err := a.Normalise(it.Kind, it.Body)
		if err != nil || len(s.Drift) > 0 {
			t.Fatalf("%v, drift %v", err, s.Drift)
		}
		orders[s.Scheme] = append(orders[s.Scheme], orderhub.Order{Snapshot: s, Headline: s.Status})
	}
	if page, err := a.ListRange(t.Context(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour), nil); err != nil || len(page.Items) != 6 {
		t.Errorf("range: %d orders, %v", len(page.Items), err)
	}
	must := func(results []channel.PushResult, err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
		for _, r := range results {
			if r.Err != nil {
				t.Error(r.Err)
			}
		}
	}
	fbs, dbs := orders[orderhub.SchemeFBS], orders[orderhub.SchemeDBS]
	boxes := fmt.Sprintf(`[[{"id":%s,"count":2,"cis":["0104600000000017215a\u001d93A","0104600000000017215b\u001d93B"]},{"id":%s,"count":1}]]`, fbs[0].Snapshot.Lines[0].ID, fbs[0].Snapshot.Lines[1].ID)
	must(a.PushStatus(t.Context(), []channel.Push{push(fbs[0], orderhub.StatusPacked, "", paramBoxes, boxes)}))
	must(a.PushStatus(t.Context(), []channel.Push{push(fbs[1], orderhub.StatusPacked, ""), push(fbs[2], orderhub.StatusCancelled, "SHOP_FAILED")}))
	must(a.PushTracking(t.Context(), []channel.Push{push(dbs[0], "", "", paramTracking, "RA1", paramCarrier, "139")}))
	must(a.PushStatus(t.Context(), []channel.Push{push(dbs[0], orderhub.StatusShipped, ""), push(dbs[1], orderhub.StatusShipped, "")}))
	if err := m.Act(dbs[1].Snapshot.ExternalID, marketsim.ActRequestCancel); err != nil {
		t.Fatal(err)
	}
	must(a.AnswerCancel(t.Context(), []channel.Push{push(dbs[1], "", "ORDER_IN_DELIVERY", paramAnswer, "decline")}))
	must(a.PushStatus(t.Context(), []channel.Push{push(dbs[0], orderhub.StatusDelivered, "")}))
	// The same once more: already there.
	results, err := a.PushStatus(t.Context(), []channel.Push{push(dbs[0], orderhub.StatusDelivered, "")})
	must(results, err)
	if err == nil && results[0].Note == "" {
		t.Errorf("a repeated status: %+v, want a note that it was there already", results[0])
	}
}
