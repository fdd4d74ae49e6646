package shopsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/webhook"
)

// post sends an event the way the hub does.
func post(t *testing.T, m *Market, id, body string) int {
	t.Helper()
	srv := httptest.NewServer(m.Handler())
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/hub", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if id != "" {
		if err := webhook.Sign(req.Header, m.key, id, time.Now(), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// shown is a figure of the article A.
func shown(units, second int) string {
	return fmt.Sprintf(`{"sku":"hub-A","listing":"A","available":%d,"at":"2026-11-20T12:00:%02dZ"}`, units, second)
}

func stockOf(figures ...string) string {
	return `{"type":"stock.updated","data":{"figures":[` + strings.Join(figures, ",") + `]}}`
}

func buy(sku string, units ...int64) marketsim.OrderSpec {
	var s marketsim.OrderSpec
	for _, n := range units {
		s.Lines = append(s.Lines, marketsim.SpecLine{SKU: sku, Quantity: n, PriceMinor: 100})
	}
	return s
}

func TestStockOfTheHub(t *testing.T) {
	t.Parallel()
	m := New(Options{Fast: true})
	t.Cleanup(m.Close)
	for _, tt := range []struct {
		name, id, body string
		status         int
		left           int64
		buy            int64 // after the message
	}{
		{"first", "s-1", stockOf(shown(5, 10)), 200, 5, 2},
		{"a repeat does not bring back what was sold", "s-1", stockOf(shown(5, 10)), 200, 3, 0},
		{"nor does the same figure under another id", "s-2", stockOf(shown(5, 10)), 200, 3, 0},
		{"overtaken", "s-3", stockOf(shown(9, 9)), 200, 3, 0},
		{"newer", "s-4", stockOf(shown(4, 20)), 200, 4, 4},
		{"empty", "s-5", stockOf(), 422, 0, 0},
		{"negative", "s-6", stockOf(shown(-1, 30)), 422, 0, 0},
		{"no figure", "s-7", stockOf(`{"listing":"A","at":"2026-11-20T12:00:30Z"}`), 422, 0, 0},
		{"no time", "s-8", stockOf(`{"listing":"A","available":1}`), 422, 0, 0},
		{"no article", "s-9", stockOf(shown(8, 30), `{"sku":"hub-A","available":1,"at":"2026-11-20T12:00:30Z"}`), 422, 0, 0},
		{"text", "s-10", `{"type":"stock.updated","data":{"figures":"A"}}`, 400, 0, 0},
		{"no data", "s-11", `{"type":"stock.updated"}`, 400, 0, 0},
		{"not signed", "", stockOf(shown(8, 30)), 401, 0, 0},
		{"refused before, right now", "s-6", stockOf(shown(1, 30)), 200, 1, 0},
	} {
		if got := post(t, m, tt.id, tt.body); got != tt.status {
			t.Errorf("%s: answered %d, want %d", tt.name, got, tt.status)
		}
		if got := m.Published("A"); got != tt.left {
			t.Errorf("%s: %d left, want %d", tt.name, got, tt.left)
		}
		if tt.buy > 0 {
			if _, err := m.Place(buy("A", tt.buy)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := m.Published("hub-A"); n != 0 {
		t.Errorf("the hub's own article has %d", n)
	}
}

func TestOnlyPublished(t *testing.T) {
	t.Parallel()
	m := New(Options{Fast: true})
	t.Cleanup(m.Close)
	m.Offer([]marketsim.Product{{SKU: "A"}, {SKU: "B"}})
	if got := post(t, m, "s-1", stockOf(shown(3, 10))); got != 200 {
		t.Fatal(got)
	}
	m.Offer([]marketsim.Product{{SKU: "A"}})
	m.OnlyPublished(true)
	both := buy("A", 1)
	both.Lines = append(both.Lines, buy("B", 1).Lines...)
	for _, tt := range []struct {
		name string
		spec marketsim.OrderSpec
		sold bool
		left int64
	}{
		{"too many", buy("A", 4), false, 3},
		{"too many in two lines", buy("A", 2, 2), false, 3},
		{"one of two articles", both, false, 3},
		{"never published", buy("B", 1), false, 3},
		{"never heard of", buy("C", 1), false, 3},
		{"all in two lines", buy("A", 1, 2), true, 0},
		{"the next one", buy("A", 1), false, 0},
	} {
		before := len(m.Truth())
		ids, err := m.Place(tt.spec)
		if tt.sold != (err == nil) || tt.sold == errors.Is(err, marketsim.ErrSoldOut) {
			t.Errorf("%s: got %v, %v", tt.name, ids, err)
		}
		if got := m.Published("A"); got != tt.left {
			t.Errorf("%s: %d left, want %d", tt.name, got, tt.left)
		}
		if sold := len(m.Truth()) > before; sold != tt.sold {
			t.Errorf("%s: an order in the books: %v", tt.name, sold)
		}
	}
	m.OnlyPublished(false)
	ids, err := m.Place(buy("A", 9))
	if err != nil || ids[0] != "10002" || m.Published("A") != 0 {
		t.Errorf("unlimited: got %v, %v, %d left", ids, err, m.Published("A"))
	}
	// What a buyer gives up is the hub's to publish.
	if err := m.Act("10001", marketsim.ActCancel); err != nil || m.Published("A") != 0 {
		t.Errorf("cancelled: %v, %d left", err, m.Published("A"))
	}
}

// reserving is a hub that answers reservations with the statuses given.
func reserving(t *testing.T, answers ...int) (*Market, func() []string) {
	var mu sync.Mutex
	var bodies []string
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/accounts/shop/reservations" {
			return // an order
		}
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		bodies = append(bodies, string(body))
		if r.Method != http.MethodPost || r.Header.Get("Authorization") != "Bearer t1" || !json.Valid(body) {
			t.Errorf("%s with %q: %s", r.Method, r.Header.Get("Authorization"), body)
		}
		w.WriteHeader(answers[len(bodies)-1])
	}))
	t.Cleanup(hub.Close)
	m := New(Options{
		Fast: true, Mode: ModeREST, Account: "shop", Token: "t1", Hub: func() string { return hub.URL }, Reserve: 15 * time.Minute,
	})
	t.Cleanup(m.Close)
	return m, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return bodies
	}
}

func TestReservations(t *testing.T) {
	t.Parallel()
	m, bodies := reserving(t, 201, 409, 200, 503)
	if got := post(t, m, "s-1", stockOf(shown(9, 10))); got != 200 {
		t.Fatal(got)
	}
	for i, tt := range []struct {
		id      string // "" = no order
		soldOut bool
		left    int64
	}{{"10001", false, 6}, {"", true, 6}, {"10003", false, 3}, {"", false, 3}} {
		ids, err := m.Place(buy("A", 1, 2))
		if (err == nil) != (tt.id != "") || errors.Is(err, marketsim.ErrSoldOut) != tt.soldOut || (err == nil && ids[0] != tt.id) {
			t.Errorf("%d: got %v, %v", i, ids, err)
		}
		if got := m.Published("A"); got != tt.left {
			t.Errorf("%d: %d left, want %d", i, got, tt.left)
		}
		want := fmt.Sprintf(`{"id":"%d","expires_in_s":900,"lines":[{"sku":"A","qty":1},{"sku":"A","qty":2}]}`, 10001+i)
		if got := bodies()[i]; got != want {
			t.Errorf("%d: asked %s, want %s", i, got, want)
		}
	}
	if n := len(m.Truth()); n != 2 {
		t.Errorf("%d orders in the books, want 2", n)
	}
	m.OnlyPublished(true)
	if _, err := m.Place(buy("A", 4)); !errors.Is(err, marketsim.ErrSoldOut) || len(bodies()) != 4 {
		t.Errorf("beyond the figure: got %v after %d questions", err, len(bodies()))
	}
}

// A figure that came while the hub was asked already counts what was refused.
func TestPutBackKeepsANewerFigure(t *testing.T) {
	t.Parallel()
	m := New(Options{Fast: true})
	t.Cleanup(m.Close)
	if got := post(t, m, "s-1", stockOf(shown(5, 10))); got != 200 {
		t.Fatal(got)
	}
	m.mu.Lock()
	taken, err := m.sell(buy("A", 2).Lines)
	m.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if got := post(t, m, "s-2", stockOf(shown(4, 20))); got != 200 {
		t.Fatal(got)
	}
	m.mu.Lock()
	m.putBack(taken)
	m.mu.Unlock()
	if got := m.Published("A"); got != 4 {
		t.Errorf("%d left, want 4", got)
	}
}

func TestReservingNeedsAHub(t *testing.T) {
	t.Parallel()
	m := New(Options{Fast: true, Reserve: time.Minute})
	t.Cleanup(m.Close)
	if ids, err := m.Place(buy("A", 1)); !errors.Is(err, errNoHub) || len(m.Truth()) != 0 {
		t.Errorf("got %v, %v", ids, err)
	}
}
