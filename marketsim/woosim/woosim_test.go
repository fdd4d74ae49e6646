package woosim_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/woosim"
)

// call speaks to the shop and gives the status and the body.
func call(t *testing.T, m *woosim.Market, method, path, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "/wp-json/wc/v3/"+path, strings.NewReader(body))
	r.SetBasicAuth(m.Settings()["consumer_key"], m.Settings()["consumer_secret"])
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func setup(t *testing.T) *woosim.Market {
	t.Helper()
	m := woosim.New(woosim.Options{})
	t.Cleanup(m.Close)
	return m
}

func spec(units int64, pending bool) marketsim.OrderSpec {
	return marketsim.OrderSpec{Pending: pending, Lines: []marketsim.SpecLine{{SKU: "0557722", Quantity: units, PriceMinor: 49000}}}
}

// The stock goes down when an order is paid, is kept while it is not, and comes back
// with a cancel.
func TestStockFollowsOrders(t *testing.T) {
	t.Parallel()
	m := setup(t)
	m.Offer([]marketsim.Product{{SKU: "0557722"}})
	m.OnlyPublished(true)
	if _, err := m.Place(spec(1, false)); !errors.Is(err, marketsim.ErrSoldOut) {
		t.Fatalf("without stock: %v", err)
	}
	var list []struct{ ID int64 }
	if _, body := call(t, m, http.MethodGet, "products", ""); json.Unmarshal([]byte(body), &list) != nil || len(list) != 1 {
		t.Fatalf("products: %s", body)
	}
	stock := func(want int64) {
		t.Helper()
		if got := m.Published("0557722"); got != want {
			t.Errorf("%d can be bought, want %d", got, want)
		}
	}
	call(t, m, http.MethodPost, "products/batch", fmt.Sprintf(`{"update":[{"id":%d,"stock_quantity":5}]}`, list[0].ID))
	stock(5)
	unpaid, _ := m.Place(spec(2, true))
	stock(3)
	if _, err := m.Place(spec(4, false)); !errors.Is(err, marketsim.ErrSoldOut) {
		t.Errorf("more than is left: %v", err)
	}
	paid, _ := m.Place(spec(1, false))
	stock(2)
	if err := m.Act(unpaid[0], marketsim.ActPay); err != nil {
		t.Fatal(err)
	}
	stock(2)
	for _, id := range append(unpaid, paid...) {
		if err := m.Act(id, marketsim.ActCancel); err != nil {
			t.Fatal(err)
		}
	}
	stock(5)
	if err := m.Act(paid[0], marketsim.ActCancel); err == nil {
		t.Error("an order is cancelled twice")
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	m := setup(t)
	ids, _ := m.Place(spec(1, false))
	for _, tt := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{http.MethodGet, "orders?per_page=101", "", 400, "rest_invalid_param"},
		{http.MethodGet, "orders?orderby=total", "", 400, "rest_invalid_param"},
		{http.MethodGet, "orders?modified_after=yesterday", "", 400, "rest_invalid_param"},
		{http.MethodGet, "orders/1", "", 404, "invalid_id"},
		{http.MethodPut, "orders/" + ids[0], `{"status":"shipped"}`, 400, "rest_invalid_param"},
		{http.MethodPost, "products/batch", `{"update":[` + strings.TrimSuffix(strings.Repeat(`{"id":1},`, 101), ",") + `]}`, 413, "too_large"},
		{http.MethodPost, "products/batch", `{"update":[{"id":1}]}`, 200, "woocommerce_rest_product_invalid_id"},
		{http.MethodGet, "customers", "", 404, "rest_no_route"},
	} {
		if status, body := call(t, m, tt.method, tt.path, tt.body); status != tt.status || !strings.Contains(body, tt.says) {
			t.Errorf("%s %s: %d %.200s", tt.method, tt.path, status, body)
		}
	}
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/wp-json/wc/v3/orders", nil))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("without a key: %d", w.Code)
	}
	// A shop's own times are three hours ahead; without dates_are_gmt filters mean those.
	if _, body := call(t, m, http.MethodGet, "orders", ""); !strings.Contains(body, `"number":"S`) {
		t.Errorf("the list: %.200s", body)
	}
	if err := m.Trash(ids[0]); err != nil {
		t.Fatal(err)
	}
	if _, body := call(t, m, http.MethodGet, "orders?status=any", ""); strings.TrimSpace(body) != "[]" {
		t.Errorf("the list shows the bin: %.200s", body)
	}
	if status, _ := call(t, m, http.MethodGet, "orders/"+ids[0], ""); status != http.StatusOK {
		t.Errorf("an order in the bin: %d", status)
	}
}
