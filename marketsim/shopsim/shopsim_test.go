package shopsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/webhook"
)

// fakeHub takes orders the way the hub's document says, keeps the highest
// version of each, and fails as told.
type fakeHub struct {
	*httptest.Server
	t   *testing.T
	key webhook.Key

	mu     sync.Mutex
	orders map[string]received
	backs  map[string]wireReturn
	seen   map[string]string // message id → body
	posts  int
	// fail is asked before a message is taken (n counts from 1): the status to
	// answer, 0 = take it; lose: take it and cut the answer.
	fail func(n int) (status int, lose bool)
}

type received struct {
	Version int64
	Status  string
	Lines   int
	Total   string
}

func newHub(t *testing.T, m func(url string) *Market) (*fakeHub, *Market) {
	t.Helper()
	h := &fakeHub{t: t, orders: map[string]received{}, backs: map[string]wireReturn{}, seen: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/accounts/shop/orders", h.rest)
	mux.HandleFunc("POST /hooks/shop/k1", h.hook)
	h.Server = httptest.NewServer(mux)
	t.Cleanup(h.Close)
	shop := m(h.URL)
	t.Cleanup(shop.Close)
	key, err := webhook.ParseSecret(shop.Settings()["secret"])
	if err != nil {
		t.Fatal(err)
	}
	h.key = key
	return h, shop
}

func (h *fakeHub) rest(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer t1" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, _ := io.ReadAll(r.Body)
	h.take(w, r.Header.Get("Idempotency-Key"), body, body)
}

func (h *fakeHub) hook(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	id, err := webhook.Verify(r.Header, body, time.Now(), h.key)
	if err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var event struct {
		Type string
		Data json.RawMessage
	}
	if err := json.Unmarshal(body, &event); err != nil {
		h.t.Errorf("the event is not JSON: %v", err)
	}
	data := event.Data
	if event.Type == "order.cancelled" {
		data = bytes.Replace(data, []byte("{"), []byte(`{"status":"cancelled",`), 1)
	}
	h.take(w, id, body, data)
}

func (h *fakeHub) take(w http.ResponseWriter, id string, body, data []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.posts++
	lose := false
	if h.fail != nil {
		status, cut := h.fail(h.posts)
		if status != 0 {
			w.WriteHeader(status)
			return
		}
		lose = cut
	}
	if old, ok := h.seen[id]; ok && old != string(body) {
		h.t.Errorf("message %s came with two bodies", id)
	}
	h.seen[id] = string(body)
	var o struct {
		ID      string
		Version int64
		Status  string
		Total   string
		Lines   []json.RawMessage
		Return  *wireReturn
	}
	switch err := json.Unmarshal(data, &o); {
	case err == nil && o.Return != nil:
		if o.Return.Version > h.backs[o.Return.ID].Version {
			h.backs[o.Return.ID] = *o.Return
		}
	case err != nil || o.ID == "" || o.Version < 1:
		h.t.Errorf("not an order: %s", data)
	}
	if o.Version > h.orders[o.ID].Version {
		h.orders[o.ID] = received{o.Version, o.Status, len(o.Lines), o.Total}
	}
	if lose {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(http.StatusAccepted)
}

func (h *fakeHub) order(id string) received {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.orders[id]
}

// settle waits until nothing is owed.
func settle(t *testing.T, m *Market) {
	t.Helper()
	for range 3000 {
		if m.Owed() == 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("the shop still owes %d messages", m.Owed())
}

func shopIn(mode Mode, in *marketsim.Injector) func(string) *Market {
	return func(url string) *Market {
		return New(Options{
			Injector: in, Fast: true, Seed: 7, Mode: mode, Hub: func() string { return url }, Account: "shop", Token: "t1", HookKey: "k1",
		})
	}
}

func spec(n int) marketsim.OrderSpec {
	return marketsim.OrderSpec{
		Lines:   []marketsim.SpecLine{{SKU: fmt.Sprintf("S-%d", n), Quantity: 2, PriceMinor: 12990}, {SKU: "0557722", Quantity: 1, PriceMinor: 5}},
		Pending: n%4 == 0,
	}
}

// hard makes the shop's own sending go wrong.
func hard() *marketsim.Injector {
	return marketsim.NewInjector(3, marketsim.Faults{Lost: 0.3, Duplicated: 0.3, Late: 0.2, Delay: 20 * time.Millisecond})
}

func TestEveryOrderReachesTheHub(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{ModeREST, ModeWebhook} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			h, m := newHub(t, shopIn(mode, hard()))
			h.fail = func(n int) (int, bool) { return []int{0, 500, 0, 429, 0, 422, 0}[n%7], n%5 == 0 }
			for i := range 40 {
				ids, err := m.Place(spec(i))
				if err != nil || len(ids) != 1 {
					t.Fatal(ids, err)
				}
				switch {
				case i%4 == 0:
					err = m.Act(ids[0], marketsim.ActPay)
				case i%3 == 0:
					err = m.Act(ids[0], marketsim.ActCancel)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			settle(t, m)
			truth := m.Truth()
			if len(truth) != 40 {
				t.Fatalf("%d orders in the books, want 40", len(truth))
			}
			for _, o := range truth {
				if got := h.order(o.ID); got.Status != o.Native {
					t.Errorf("order %s: the hub has %+v, the books say %s", o.ID, got, o.Native)
				}
			}
			if h.posts <= 60 {
				t.Errorf("only %d posts: the faults did not happen", h.posts)
			}
		})
	}
}

func TestPayload(t *testing.T) {
	t.Parallel()
	h, m := newHub(t, shopIn(ModeREST, nil))
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.FixedZone("", 3*3600))
	s := spec(1)
	s.PlacedAt, s.Comment = at, "Позвонить"
	ids, err := m.Place(s)
	if err != nil {
		t.Fatal(err)
	}
	settle(t, m)
	var o wireOrder
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, body := range h.seen {
		if err := json.Unmarshal([]byte(body), &o); err != nil {
			t.Fatal(err)
		}
	}
	var sum, delivery int
	for _, l := range o.Lines {
		sum += kopecks(t, l.Total)
	}
	delivery = kopecks(t, o.Delivery.Price)
	truth := m.Truth()[0]
	if o.ID != ids[0] || !o.CreatedAt.Equal(at) || o.Comment != "Позвонить" || !o.Paid || o.Version != 1 ||
		kopecks(t, o.Total) != sum+delivery || int64(sum) != truth.TotalMinor || truth.Units != 3 || !truth.PlacedAt.Equal(at) {
		t.Errorf("got %+v, truth %+v", o, truth)
	}
}

func kopecks(t *testing.T, s string) int {
	t.Helper()
	m, err := orderhub.ParseMoney(s, "RUB")
	if err != nil {
		t.Error(err)
	}
	return int(m.Minor)
}

func TestOrdersWaitForTheHubsAddress(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	base := ""
	h, m := newHub(t, func(string) *Market {
		return New(Options{Fast: true, Mode: ModeREST, Account: "shop", Token: "t1", Hub: func() string {
			mu.Lock()
			defer mu.Unlock()
			return base
		}})
	})
	ids, err := m.Place(spec(1))
	if err != nil || m.Owed() != 1 {
		t.Fatal(err, m.Owed())
	}
	mu.Lock()
	base = h.URL
	mu.Unlock()
	settle(t, m)
	if h.order(ids[0]).Version != 1 {
		t.Error("the order did not arrive")
	}
}

func TestNotifySetsTheWebhookAddress(t *testing.T) {
	t.Parallel()
	h, m := newHub(t, func(string) *Market { return New(Options{Fast: true, Mode: ModeWebhook}) })
	ids, err := m.Place(spec(1))
	if err != nil {
		t.Fatal(err)
	}
	m.Notify(h.URL + "/hooks/shop/k1")
	settle(t, m)
	if h.order(ids[0]).Version != 1 {
		t.Error("the order did not arrive")
	}
}

// tell posts a status message the way the hub does.
func tell(t *testing.T, m *Market, webhookID, orderID, status string, version int) int {
	t.Helper()
	body := fmt.Sprintf(`{"type":"order.status_changed","data":{"id":%q,"number":"1","status":%q,"version":%d}}`, orderID, status, version)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hub", strings.NewReader(body))
	if err := webhook.Sign(r.Header, m.key, webhookID, time.Now(), []byte(body)); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	return w.Code
}

func TestTheHubsMessages(t *testing.T) {
	t.Parallel()
	_, m := newHub(t, shopIn(ModeWebhook, nil))
	ids, err := m.Place(spec(1))
	if err != nil {
		t.Fatal(err)
	}
	id := ids[0]
	for _, tt := range []struct {
		name, webhookID, order, status string
		version, want                  int
		headline                       orderhub.Status
		calls                          int
	}{
		{"confirmed", "effect-1", id, "confirmed", 1, 200, "confirmed", 1},
		{"the same again", "effect-1", id, "confirmed", 1, 200, "confirmed", 1},
		{"shipped", "effect-3", id, "shipped", 3, 200, "shipped", 2},
		{"packed, overtaken", "effect-2", id, "packed", 2, 200, "shipped", 2},
		{"unknown order", "effect-4", "99", "shipped", 4, 404, "shipped", 2},
		{"unknown word", "effect-5", id, "flying", 5, 422, "shipped", 2},
		{"cancelled", "effect-6", id, "cancelled", 6, 200, "cancelled", 3},
		{"cancelled twice", "effect-7", id, "cancelled", 7, 200, "cancelled", 3},
		{"no revival", "effect-8", id, "delivered", 8, 409, "cancelled", 3},
	} {
		if got := tell(t, m, tt.webhookID, tt.order, tt.status, tt.version); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
		o := m.Truth()[0]
		if o.Headline != tt.headline || len(o.Calls) != tt.calls {
			t.Errorf("%s: headline %s with %d calls, want %s with %d", tt.name, o.Headline, len(o.Calls), tt.headline, tt.calls)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hub", strings.NewReader(`{"type":"ping"}`))
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("an unsigned message: got %d, want 401", w.Code)
	}
}

func TestActs(t *testing.T) {
	t.Parallel()
	_, m := newHub(t, shopIn(ModeREST, nil))
	place := func(pending bool, told ...string) string {
		s := spec(1)
		s.Pending = pending
		ids, err := m.Place(s)
		if err != nil {
			t.Fatal(err)
		}
		for i, status := range told {
			if got := tell(t, m, fmt.Sprintf("e-%s-%d", ids[0], i), ids[0], status, i+1); got != 200 {
				t.Fatalf("told %s: %d", status, got)
			}
		}
		return ids[0]
	}
	for _, tt := range []struct {
		act  marketsim.BuyerAct
		id   string
		want orderhub.Status // "" = refused
	}{
		{marketsim.ActPay, place(true), orderhub.StatusNew},
		{marketsim.ActPay, place(false), ""},
		{marketsim.ActCancel, place(true), orderhub.StatusCancelled},
		{marketsim.ActCancel, place(false, "confirmed", "packed"), orderhub.StatusCancelled},
		{marketsim.ActCancel, place(false, "shipped"), ""},
		{marketsim.ActRefuse, place(false, "shipped"), orderhub.StatusCancelled},
		{marketsim.ActRefuse, place(false), ""},
		{marketsim.ActReturn, place(false, "delivered"), orderhub.StatusDelivered}, // the goods are not back yet
		{marketsim.ActReturn, place(false, "shipped"), ""},
		{marketsim.ActRequestCancel, place(false), ""},
		{marketsim.ActCancel, "99", ""},
	} {
		before := find(m, tt.id)
		err := m.Act(tt.id, tt.act)
		after := find(m, tt.id)
		if tt.want == "" {
			if err == nil || after.Native != before.Native {
				t.Errorf("%s of %s: got %v and %s", tt.act, before.Native, err, after.Native)
			}
			continue
		}
		if err != nil || after.Headline != tt.want {
			t.Errorf("%s of %s: got %v and %s, want %s", tt.act, before.Native, err, after.Headline, tt.want)
		}
	}
}

func find(m *Market, id string) marketsim.TruthOrder {
	for _, o := range m.Truth() {
		if o.ID == id {
			return o
		}
	}
	return marketsim.TruthOrder{}
}

func TestEchoSendsWhatWasTold(t *testing.T) {
	t.Parallel()
	h, m := newHub(t, func(url string) *Market {
		return New(Options{Fast: true, Mode: ModeWebhook, Hub: func() string { return url }, Account: "shop", HookKey: "k1", Echo: true})
	})
	ids, err := m.Place(spec(1))
	if err != nil {
		t.Fatal(err)
	}
	if got := tell(t, m, "effect-1", ids[0], "confirmed", 1); got != 200 {
		t.Fatal(got)
	}
	settle(t, m)
	if got := h.order(ids[0]); got.Status != "confirmed" || got.Version != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestPlaceRefusesNonsense(t *testing.T) {
	t.Parallel()
	_, m := newHub(t, shopIn(ModeREST, nil))
	for name, s := range map[string]marketsim.OrderSpec{
		"no lines": {}, "other scheme": {Scheme: orderhub.SchemeFBS, Lines: spec(1).Lines},
		"no quantity": {Lines: []marketsim.SpecLine{{SKU: "A"}}}, "external": {External: "5", Lines: spec(1).Lines},
	} {
		if ids, err := m.Place(s); err == nil {
			t.Errorf("%s: placed %v", name, ids)
		}
	}
}

func TestTheSecretOfASeedStays(t *testing.T) {
	t.Parallel()
	one, two, other := New(Options{Seed: 1}), New(Options{Seed: 1}), New(Options{Seed: 2})
	for _, m := range []*Market{one, two, other} {
		m.Close()
	}
	if one.opts.Secret != two.opts.Secret || one.opts.Secret == other.opts.Secret {
		t.Error("the secret depends on something else than the seed")
	}
}
