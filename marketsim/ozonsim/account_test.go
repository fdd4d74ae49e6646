package ozonsim

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

func TestCredentials(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	s := w.m.Settings()
	tests := []struct {
		name, client, key string
		status            int
		want              string
	}{
		{"none", "", "", 401, `{"code":16,"message":"Client-Id and Api-Key headers are required","details":[]}`},
		{"no key", s["client_id"], "", 401, `{"code":16,"message":"Client-Id and Api-Key headers are required","details":[]}`},
		{"client is a word", "shop", s["api_key"], 400, `{"code":3,"message":"Client-Id header value should be positive integer","details":[]}`},
		{"other client", "1", s["api_key"], 404, `{"code":5,"message":"Invalid Api-Key, please check the key and try again","details":[]}`},
		{"other key", s["client_id"], "x", 404, `{"code":5,"message":"Invalid Api-Key, please check the key and try again","details":[]}`},
	}
	for _, tt := range tests {
		if r := w.postAs("/v1/roles", tt.client, tt.key, "{}"); r.status != tt.status || string(r.body) != tt.want {
			t.Errorf("%s: %d %s", tt.name, r.status, r.body)
		}
	}
	for state, word := range map[KeyState]string{
		KeyDeactivated: "Api-key is deactivated, use another one or generate a new one",
		KeyNoRole:      "Api-Key is missing a required role for a method",
		KeyRestricted:  "Api-Key is restricted to specific IP addresses",
	} {
		w.m.SetKey(state)
		w.refuse("/v1/roles", "{}", 403, 7, word)
	}
	w.m.SetKey(KeyActive)
	ok[rolesResponse](w, "/v1/roles", "{}")
}

func TestRolesInfoAndWarehouses(t *testing.T) {
	t.Parallel()
	expires := time.Date(2027, 1, 5, 0, 0, 0, 0, time.UTC)
	w := setup(t, func(o *Options) { o.KeyExpiresAt = expires })
	roles := ok[rolesResponse](w, "/v1/roles", "{}")
	if !roles.ExpiresAt.Equal(expires) || !slices.Contains(roles.Roles[0].Methods, listPath) {
		t.Fatalf("got %+v", roles)
	}
	if info := ok[sellerInfoResponse](w, "/v1/seller/info", "{}"); info.Company.Currency != "RUB" {
		t.Fatalf("got %+v", info)
	}
	if got := ok[warehousesResponse](w, "/v2/warehouse/list", obj{"limit": 200}); len(got.Warehouses) != 2 || got.Warehouses[0].RFBS {
		t.Fatalf("got %+v", got)
	}
	w.refuse("/v2/warehouse/list", obj{}, 400, 3, "Request validation error: invalid Limit: value must be inside range [1, 200]")
}

func TestQuotaPerClient(t *testing.T) {
	t.Parallel()
	// One call per 200 seconds after the burst of one.
	m := New(Options{QuotaScale: 0.0001})
	t.Cleanup(m.Close)
	w := &world{t: t, m: m, clock: newClock(), url: serveOn(t, m)}
	first := w.post("/v1/roles", "{}")
	if first.status != 200 || first.header.Get("Ratelimit-Remaining") != "0" {
		t.Fatalf("%d, remaining %q", first.status, first.header.Get("Ratelimit-Remaining"))
	}
	r := w.post("/v1/seller/info", "{}")
	if r.status != http.StatusTooManyRequests || string(r.body) != `{"code":8,"message":"You have reached request rate limit per second","details":[]}` {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if s, err := strconv.Atoi(r.header.Get("Retry-After")); err != nil || s < 1 || s > 200 {
		t.Fatalf("Retry-After %q", r.header.Get("Retry-After"))
	}
}

func TestQuotaOfTheStocksMethod(t *testing.T) {
	t.Parallel()
	m := New(Options{Fast: true})
	t.Cleanup(m.Close)
	w := &world{t: t, m: m, clock: newClock(), url: serveOn(t, m)}
	body := obj{"stocks": []obj{{"offer_id": "MUG-350", "stock": 5, "warehouse_id": warehouseFBS.id}}}
	before, _ := strconv.Atoi(w.post("/v2/products/stocks", body).header.Get("Ratelimit-Remaining"))
	if before < 1 || before > 79 {
		t.Fatalf("remaining %d, want at most 79 and the seller's 50 per second", before)
	}
}

func serveOn(t *testing.T, m *Market) string {
	t.Helper()
	srv := httptest.NewServer(m.Handler())
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestStocks(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *Options) { o.NoQuotas, o.QuotaScale = false, 100 })
	set := func(offer string, n any, warehouse int64) stockRow {
		t.Helper()
		return ok[stocksResponse](w, "/v2/products/stocks", obj{"stocks": []obj{{"offer_id": offer, "stock": n, "warehouse_id": warehouse}}}).Result[0]
	}
	if got := set("MUG-350", 17, warehouseFBS.id); !got.Updated || len(got.Errors) != 0 || got.ProductID == 0 || got.ProductID == SKU("MUG-350") {
		t.Fatalf("got %+v", got)
	}
	if got := set("MUG-350", 18, warehouseFBS.id); got.Updated || got.Errors[0].Code != "TOO_MANY_REQUESTS" {
		t.Fatalf("got %+v", got)
	}
	if got := set("MUG-350", 1, warehouseRFBS.id); !got.Updated {
		t.Fatalf("another warehouse is another pair: %+v", got)
	}
	if got := set("LAMP-7", 1_000_000, warehouseFBS.id); got.Errors[0].Code != "STOCK_TOO_BIG" {
		t.Fatalf("got %+v", got)
	}
	if got := set("LAMP-7", 1, 5); got.Errors[0].Code != "WAREHOUSE_NOT_FOUND" {
		t.Fatalf("got %+v", got)
	}
	w.refuse("/v2/products/stocks", obj{"stocks": []obj{{"offer_id": "A", "stock": 1}}}, 400, 3,
		"Request validation error: invalid ProductsStocksRequest.Stocks[0]: embedded message failed validation")

	n := w.place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: "MUG-350", Quantity: 2, PriceMinor: 49000}}})
	read := func() stockOfItem {
		t.Helper()
		got := ok[stocksByWarehouseResponse](w, "/v2/product/info/stocks-by-warehouse/fbs", obj{"limit": 1, "sku": []int64{SKU("MUG-350")}})
		if !got.HasNext || len(got.Products) != 1 {
			t.Fatalf("got %+v", got)
		}
		return got.Products[0]
	}
	if got := read(); got.Free != 15 || got.Reserved != 2 || got.Present != 17 {
		t.Fatalf("got %+v", got)
	}
	ok[shipResponse](w, "/v4/posting/fbs/ship", shipBody(n, goods("MUG-350", 2)))
	w.clock.add(5 * time.Second)
	w.progress(n, true) // handed over
	if got := read(); got.Free != 15 || got.Reserved != 0 {
		t.Fatalf("got %+v", got)
	}
	// The pause between updates of one pair is over.
	if got := set("MUG-350", 40, warehouseFBS.id); !got.Updated {
		t.Fatalf("got %+v", got)
	}
	if free, ok := w.m.FreeStock("MUG-350", warehouseFBS.id); !ok || free != 40 {
		t.Fatalf("free %d %v", free, ok)
	}
}

func TestFaultsInOzonsWords(t *testing.T) {
	t.Parallel()
	script := func(faults ...marketsim.Fault) func(*Options) {
		var list []marketsim.Scripted
		for i, f := range faults {
			list = append(list, marketsim.Scripted{Method: "POST", Path: "/v4/posting/fbs/ship", Nth: i + 1, Fault: f})
		}
		return func(o *Options) {
			o.Injector = marketsim.NewInjector(1, marketsim.Faults{Script: list, Hang: time.Millisecond})
		}
	}
	w := setup(t, script(marketsim.FaultRateLimited, marketsim.FaultServerError, marketsim.FaultServerError, marketsim.FaultServerError, marketsim.FaultTimeoutAfter))
	n := w.place(marketsim.OrderSpec{})
	r := w.post("/v4/posting/fbs/ship", shipBody(n))
	if r.status != 429 || r.header.Get("Retry-After") != "1" || !strings.Contains(string(r.body), `"code":8`) {
		t.Fatalf("%d %s", r.status, r.body)
	}
	for i, want := range []struct {
		status int
		text   string
	}{{500, `"Internal error"`}, {503, `"Circle is open"`}, {502, "<html>"}} {
		if r := w.post("/v4/posting/fbs/ship", shipBody(n)); r.status != want.status || !strings.Contains(string(r.body), want.text) {
			t.Fatalf("error %d: %d %s", i, r.status, r.body)
		}
	}
	// The answer is lost, the assembly is not.
	req, _ := http.NewRequestWithContext(t.Context(), "POST", w.url+"/v4/posting/fbs/ship", strings.NewReader(
		`{"posting_number":"`+n+`","packages":[{"products":[{"product_id":`+strconv.FormatInt(SKU("MUG-350"), 10)+`,"quantity":1},{"product_id":`+strconv.FormatInt(SKU("LAMP-7"), 10)+`,"quantity":2}]}]}`))
	req.Header.Set("Client-Id", w.m.Settings()["client_id"])
	req.Header.Set("Api-Key", w.m.Settings()["api_key"])
	if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
		resp.Body.Close()
		t.Fatal("an answer came")
	}
	w.clock.add(5 * time.Second)
	w.words(n, awaitingDeliver, subTransferring)
}
