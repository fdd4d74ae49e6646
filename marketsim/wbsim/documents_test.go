package wbsim

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/specs"
)

// TestCallsMatchTheDocuments walks through every call, happy paths and errors,
// and holds each answer against the official documents.
func TestCallsMatchTheDocuments(t *testing.T) {
	t.Parallel()
	var docs []*specs.Doc
	for _, file := range []string{"01-general", "02-items", "03-orders-fbs", "05-dbs", "09-communications", "delta-after-2026-08-18"} {
		docs = append(docs, specs.Load(t, "wildberries/"+file+".yaml"))
	}
	clk := newClock()
	m, c := newMarket(t, Options{Now: clk.now, Traits: func(sku string) Traits {
		return Traits{CargoType: map[string]int{"SOFA": 2}[sku], OptionalMeta: []string{"sgtin"}}
	}})
	var mu sync.Mutex
	var got []string
	wrong := false // requests that are wrong on purpose
	c.handler = specs.WrapAny(docs, m.Handler(), func(v specs.Violation) {
		mu.Lock()
		defer mu.Unlock()
		if v.Part == "request" && wrong {
			return
		}
		// Fields of a supply that came after the snapshot (delta, SupplyAdditions).
		for _, late := range []string{"shippingDt", "shippingPointId", "shippingType", "waybillUuid", "spotAvailable"} {
			if strings.Contains(v.Message, late) {
				return
			}
		}
		if strings.Contains(v.Message, "the document has application/json; charset=utf-8") {
			return // types are compared without their parameters, the document's has one
		}
		got = append(got, v.String())
	})
	walkFBS(t, m, c, clk)
	walkDBS(t, m, c)
	walkSeller(t, m, c)
	walkReturns(t, m, c)
	wrong = true
	walkErrors(t, m, c)
	if len(got) > 0 {
		t.Errorf("%d violations:\n%s", len(got), strings.Join(got, "\n"))
	}
}

// TestCalls is the same walk where the documents are not at hand.
func TestCalls(t *testing.T) {
	t.Parallel()
	clk := newClock()
	m, c := newMarket(t, Options{Now: clk.now, Traits: func(string) Traits { return Traits{OptionalMeta: []string{"sgtin"}} }})
	walkFBS(t, m, c, clk)
	walkDBS(t, m, c)
	walkSeller(t, m, c)
	walkReturns(t, m, c)
	walkErrors(t, m, c)
}

func walkFBS(t *testing.T, m *Market, c *client, clk *clock) {
	t.Helper()
	ids := place(t, m, "", "MUG-RED", 3)
	sofa := place(t, m, "", "SOFA", 1)
	if got := c.newIDs("/api/v3/orders/new"); len(got) != 4 {
		t.Fatalf("new orders: got %v", got)
	}
	period := fmt.Sprintf("/api/v3/orders?limit=10&next=0&dateFrom=%d&dateTo=%d", clk.now().Add(-time.Hour).Unix(), clk.now().Unix())
	c.do("GET", period, nil, 200, nil)
	s := c.supply()
	c.accept(s, ids...)
	c.do("PUT", "/api/v3/orders/"+ids[0]+"/meta/sgtin", obj{"sgtins": []string{"0104600000000017215ABCDEF\x1d91EE12"}}, 204, nil)
	c.do("POST", "/api/marketplace/v3/orders/meta", obj{"orders": ints(ids)}, 200, nil)
	clk.step(time.Minute)
	c.do("GET", "/api/v3/supplies?limit=10&next=0", nil, 200, nil)
	c.do("GET", "/api/v3/supplies/"+s, nil, 200, nil)
	c.do("GET", "/api/marketplace/v3/supplies/"+s+"/order-ids", nil, 200, nil)
	c.do("GET", "/api/marketplace/v3/fbs/shipping-points?city=%D0%9C%D0%BE%D1%81%D0%BA%D0%B2%D0%B0&cargoType=1", nil, 200, nil)
	c.deliver(s)
	for step, want := range []string{"complete/waiting", "complete/sorted", "complete/ready_for_pickup", "complete/sold"} {
		if step > 0 {
			progress(t, m, ids[0], 1)
		}
		if got := c.statuses(ids[0])[ids[0]]; got != want {
			t.Fatalf("step %d: got %s, want %s", step, got, want)
		}
	}
	c.do("GET", "/api/v3/supplies/"+s, nil, 200, nil)
	clk.step(25 * time.Hour)
	if resp := c.do("GET", "/api/v3/supplies/orders/reshipment", nil, 200, nil); !strings.Contains(resp.body, ids[1]) {
		t.Fatalf("reshipment without %s: %s", ids[1], resp.body)
	}
	c.do("PATCH", "/api/v3/orders/"+sofa[0]+"/cancel", nil, 204, nil)
	empty := c.supply()
	c.do("GET", "/api/v3/supplies/"+empty, nil, 200, nil)
	c.do("DELETE", "/api/v3/supplies/"+empty, nil, 204, nil)
	c.do("GET", "/api/v3/orders?limit=1000&next=0", nil, 200, nil)
}

func walkDBS(t *testing.T, m *Market, c *client) {
	t.Helper()
	ids := place(t, m, orderhub.SchemeDBS, "LAMP", 4)
	batch := func(step string, want string, body obj) {
		t.Helper()
		resp := c.do("POST", "/api/marketplace/v3/dbs/orders/status/"+step, body, 200, nil)
		if !strings.Contains(resp.body, want) {
			t.Fatalf("%s: got %s, want %s", step, resp.body, want)
		}
	}
	all := obj{"ordersIds": ints(ids)}
	if got := c.newIDs("/api/v3/dbs/orders/new"); len(got) != 4 {
		t.Fatalf("new DBS orders: got %v", got)
	}
	batch("confirm", `"isError":false`, all)
	batch("confirm", `"StatusMismatch"`, all)
	c.do("POST", "/api/marketplace/v3/dbs/orders/meta/sgtin",
		obj{"orders": []obj{{"orderId": ints(ids)[0], "sgtins": []string{"0104600000000017215ABCDEF"}}}}, 200, nil)
	batch("deliver", `"sgtinNoGS"`, all)
	if resp := c.do("POST", "/api/v3/dbs/orders/client", obj{"orders": ints(ids)}, 200, nil); !strings.Contains(resp.body, "replacementPhone") {
		t.Fatalf("client: %s", resp.body)
	}
	batch("cancel", `"isError":false`, obj{"ordersIds": ints(ids[:1])})
	code := func(i int) obj {
		word, err := m.BuyerCode(ids[i])
		if err != nil {
			t.Fatal(err)
		}
		return obj{"orders": []obj{{"orderId": ints(ids)[i], "code": word}}}
	}
	batch("receive", `"isError":false`, code(1))
	batch("reject", `"isError":false`, code(2))
	batch("receive", `"IncorrectRequest"`, obj{"orders": []obj{{"orderId": ints(ids)[3], "code": "wrong"}}})
	batch("info", `"supplierStatus":"","wbStatus":"","errors":[{"code":404`, obj{"ordersIds": []int64{17}})
	batch("cancel", `"NotFound"`, obj{"ordersIds": []int64{17}})
	for i, want := range []string{"cancel/canceled", "receive/sold", "reject/canceled_by_client", "deliver/waiting"} {
		if got := pair(truth(t, m, ids[i])); got != want {
			t.Fatalf("DBS order %d: got %s, want %s", i, got, want)
		}
	}
	now := m.now()
	path := fmt.Sprintf("/api/v3/dbs/orders?limit=100&next=0&dateFrom=%d&dateTo=%d", now.Add(-time.Hour).Unix(), now.Unix())
	if got := c.newIDs(path); fmt.Sprint(got) != fmt.Sprint(ids[:3]) {
		t.Fatalf("finished DBS orders: got %v, want %v", got, ids[:3])
	}
}

func walkSeller(t *testing.T, m *Market, c *client) {
	t.Helper()
	m.Offer([]marketsim.Product{{SKU: "MUG-RED", Name: "Кружка красная"}, {SKU: "CUP", Name: "Чашка"}})
	list := obj{"settings": obj{"sort": obj{"ascending": true}, "filter": obj{"withPhoto": -1}, "cursor": obj{"limit": 100}}}
	if got := c.do("POST", cardsPath, list, 200, nil).body; strings.Count(got, `"vendorCode"`) != 2 {
		t.Fatalf("cards: %s", got)
	}
	c.do("POST", cardsPath, obj{"settings": obj{"cursor": obj{"updatedAt": "2026-12-31T00:00:00.5Z", "nmID": 1}}}, 200, nil)
	c.do("GET", "/ping", nil, 200, nil)
	c.do("GET", "/api/v1/seller-info", nil, 200, nil)
	c.do("GET", "/api/v3/warehouses", nil, 200, nil)
	stocks := fmt.Sprintf("/api/v3/stocks/%d", MainWarehouse)
	c.do("PUT", stocks, obj{"stocks": []obj{{"chrtId": ChrtID("MUG-RED"), "amount": 7}}}, 204, nil)
	var out struct {
		Stocks []stockRow `json:"stocks"`
	}
	c.do("POST", stocks, obj{"chrtIds": []int64{ChrtID("MUG-RED"), 1}}, 200, &out)
	c.do("POST", stocks, obj{"chrtIds": []int64{}}, 200, nil)
	if len(out.Stocks) != 1 || out.Stocks[0].Amount != 7 {
		t.Fatalf("stocks: got %+v", out.Stocks)
	}
}

func walkErrors(t *testing.T, m *Market, c *client) {
	t.Helper()
	id := place(t, m, "", "CUP", 1)[0]
	s := c.supply()
	full := c.supply()
	c.accept(full, place(t, m, "", "CUP", 1)...)
	many := make([]int64, 1001)
	stocks := fmt.Sprintf("/api/v3/stocks/%d", MainWarehouse)
	dbs := "/api/marketplace/v3/dbs/orders/"
	for _, e := range []struct {
		method, path string
		body         any
		status       int
		word         string
	}{
		{"GET", "/api/v3/orders", nil, 400, "IncorrectParameter"},
		{"GET", "/api/v3/orders?limit=0&next=0", nil, 400, "IncorrectParameter"},
		{"GET", "/api/v3/orders?limit=1001&next=0", nil, 400, "IncorrectParameter"},
		{"GET", "/api/v3/orders?limit=10&next=0&dateFrom=yesterday", nil, 400, "IncorrectParameter"},
		{"GET", "/api/v3/orders?limit=10&next=0&dateFrom=1&dateTo=2592002", nil, 400, "IncorrectParameter"},
		{"GET", "/api/v3/orders?limit=10&next=0&dateFrom=9&dateTo=8", nil, 400, "IncorrectParameter"},
		{"POST", "/api/v3/orders/status", "{", 400, "IncorrectRequestBody"},
		{"POST", "/api/v3/orders/status", obj{"ordersIds": []int64{1}}, 400, "IncorrectRequestBody"},
		{"POST", "/api/v3/orders/status", obj{"orders": many}, 400, "IncorrectRequest"},
		{"PATCH", "/api/v3/orders/x/cancel", nil, 400, "IncorrectParameter"},
		{"PATCH", "/api/v3/orders/17/cancel", nil, 404, "NotFound"},
		{"PUT", "/api/v3/orders/17/meta/sgtin", obj{"sgtins": []string{strings.Repeat("1", 20)}}, 404, "NotFound"},
		{"PUT", "/api/v3/orders/17/meta/sgtin", obj{"sgtin": "x"}, 400, "IncorrectRequestBody"},
		{"PUT", "/api/v3/orders/17/meta/sgtin", obj{"sgtins": []string{"short"}}, 400, "IncorrectRequest"},
		{"PUT", "/api/v3/orders/" + id + "/meta/sgtin", obj{"sgtins": []string{strings.Repeat("1", 20)}}, 409, "FailedToUpdateMeta"},
		{"POST", "/api/marketplace/v3/orders/meta", obj{"orders": many[:101]}, 400, "BadRequest"},
		{"POST", "/api/v3/supplies", obj{"name": ""}, 400, "IncorrectRequestBody"},
		{"POST", "/api/v3/supplies", obj{"name": strings.Repeat("я", 129)}, 400, "IncorrectRequestBody"},
		{"GET", "/api/v3/supplies?limit=10", nil, 400, "IncorrectParameter"},
		{"GET", "/api/v3/supplies/WB-GI-1", nil, 404, "NotFound"},
		{"DELETE", "/api/v3/supplies/WB-GI-1", nil, 404, "NotFound"},
		{"DELETE", "/api/v3/supplies/" + full, nil, 409, "SupplyHasOrders"},
		{"PATCH", "/api/marketplace/v3/supplies/WB-GI-1/orders", obj{"orders": ints([]string{id})}, 404, "NotFound"},
		{"PATCH", "/api/marketplace/v3/supplies/" + s + "/orders", obj{"orders": many[:101]}, 400, "IncorrectParameter"},
		{"PATCH", "/api/marketplace/v3/supplies/" + s + "/orders", obj{"orders": []int64{17}}, 409, "FailedToAddSupplyOrder"},
		{"GET", "/api/marketplace/v3/supplies/WB-GI-1/order-ids", nil, 404, "NotFound"},
		{"PATCH", "/api/v3/supplies/WB-GI-1/deliver", nil, 404, "NotFound"},
		{"PATCH", "/api/v3/supplies/" + s + "/deliver", nil, 409, "SupplyHasZeroOrders"},
		{"PATCH", "/api/v3/supplies/" + full + "/deliver", nil, 409, "SupplyShippingRequired"},
		{"GET", "/api/marketplace/v3/fbs/shipping-points?cargoType=1", nil, 400, "IncorrectParameter"},
		{"PATCH", "/api/marketplace/v3/fbs/supplies/shipping-method", obj{"data": []obj{}}, 400, "IncorrectParameter"},

		{"GET", "/api/v3/dbs/orders?limit=10&next=0", nil, 400, "IncorrectParameter"},
		{"POST", "/api/v3/dbs/orders/client", "[]", 400, "IncorrectRequestBody"},
		{"POST", dbs + "status/info", obj{"orders": []int64{1}}, 400, "IncorrectRequest"},
		{"POST", dbs + "status/confirm", obj{"orders": []int64{1}}, 400, "IncorrectRequest"},
		{"POST", dbs + "status/deliver", obj{"ordersIds": many}, 400, "IncorrectRequest"},
		{"POST", dbs + "status/receive", obj{"ordersIds": []int64{1}}, 400, "IncorrectRequest"},
		{"POST", dbs + "meta/sgtin", obj{}, 400, "IncorrectRequest"},

		{"PUT", "/api/v3/stocks/1", obj{"stocks": []obj{{"chrtId": 1, "amount": 1}}}, 404, "NotFound"},
		{"PUT", stocks, obj{"stocks": []obj{{"sku": "2000", "amount": 1}}}, 400, "SKUUploadDisabled"},
		{"PUT", stocks, obj{"stocks": []obj{{"chrtId": ChrtID("CUP"), "amount": 100_001}}}, 409, "UploadDataLimit"},
		{"PUT", stocks, obj{"stocks": []obj{{"chrtId": ChrtID("CUP"), "amount": 1}, {"chrtId": 5, "amount": 1}}}, 409, "NotFound"},
		{"PUT", stocks, obj{"stocks": []obj{}}, 400, "IncorrectRequest"},
		{"POST", stocks, obj{"skus": []string{"2000"}}, 400, "SKUUploadDisabled"},

		{"POST", cardsPath, "cards", 400, "errorText"},
		{"POST", cardsPath, obj{"settings": obj{"cursor": obj{"limit": 101}}}, 400, "errorText"},
		{"POST", cardsPath, obj{"settings": obj{"cursor": obj{"updatedAt": "yesterday"}}}, 400, "errorText"},

		{"GET", "/api/v1/claims", nil, 400, "Invalid query params"},
		{"GET", "/api/v1/claims?is_archive=maybe", nil, 400, "Invalid query params"},
		{"GET", "/api/v1/claims?is_archive=true&limit=201", nil, 400, "Invalid query params"},
		{"GET", "/api/v1/claims?is_archive=true&offset=-1", nil, 400, "Invalid query params"},
		{"PATCH", "/api/v1/claim", obj{"id": "fe3e9337-e9f9-423c-8930-946a8ebef80a"}, 400, "Validation error"},
		{"PATCH", "/api/v1/claim", obj{"action": "approve1"}, 400, "Validation error"},
		{"PATCH", "/api/v1/claim", obj{"id": "fe3e9337-e9f9-423c-8930-946a8ebef80a", "action": "approve1"}, 400, "Validation error"},
		{"PATCH", "/api/v1/claim", obj{"id": "x", "action": "rejectcustom"}, 400, "Validation error"},
		{"PATCH", "/api/v1/claim", obj{"id": "x", "action": "rejectcustom", "comment": "short"}, 400, "Validation error"},
		{"GET", reportPath + "?status=active&limit=10&offset=0", nil, 400, "Bad Request"},
		{"GET", reportPath + "?dateFrom=2026-11-01&dateTo=2026-12-02&status=active&limit=10&offset=0", nil, 400, "Bad Request"},
		{"GET", reportPath + "?dateFrom=2026-11-01&dateTo=2026-11-02&status=old&limit=10&offset=0", nil, 400, "Bad Request"},
		{"GET", reportPath + "?dateFrom=2026-11-01&dateTo=2026-11-02&status=active", nil, 400, "Bad Request"},

		// Removed calls.
		{"PATCH", "/api/v3/supplies/" + s + "/orders/" + id, nil, 404, "path not found"},
		{"GET", "/api/v3/supplies/" + s + "/orders", nil, 404, "path not found"},
		{"PATCH", "/api/v3/dbs/orders/" + id + "/confirm", nil, 404, "path not found"},
		{"PATCH", "/api/v3/dbs/orders/" + id + "/receive", nil, 404, "path not found"},
		{"POST", "/api/v3/dbs/orders/status", obj{"orders": []int64{1}}, 404, "path not found"},
	} {
		if e.word == "path not found" {
			// Not in the documents either.
			direct := *c
			direct.handler = m.Handler()
			direct.fails(e.method, e.path, e.body, e.status, e.word)
			continue
		}
		c.fails(e.method, e.path, e.body, e.status, e.word)
	}
	bad := *c
	bad.token = "garbage"
	for _, path := range []string{"/ping", "/api/v3/orders/new", "/api/v3/dbs/orders/new", "/api/v3/warehouses"} {
		bad.fails("GET", path, nil, http.StatusUnauthorized, "unauthorized")
	}
	bad.fails("POST", cardsPath, obj{}, http.StatusUnauthorized, "unauthorized")
	bad.token = NewToken(Claims{tokenPersonal, scopeMarketplace, m.now().Add(time.Hour)})
	bad.fails("POST", cardsPath, obj{}, http.StatusForbidden, "Access denied")
	if got := pair(truth(t, m, id)); got != "new/waiting" {
		t.Fatalf("errors moved the order to %s", got)
	}
	if err := m.Act(id, marketsim.ActPay); err == nil {
		t.Fatal("paying exists")
	}
}
