package wbsim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// clock is a hand-moved clock. It starts at the real day, so that dates that
// the tests name are in the future of both.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// client speaks to a handler without a network, or to url when set.
type client struct {
	t       testing.TB
	handler http.Handler
	url     string
	token   string
}

// newMarket makes a Market without quotas and a client of it.
func newMarket(t testing.TB, opts Options) (*Market, *client) {
	t.Helper()
	if opts.QuotaScale == 0 {
		opts.QuotaScale = -1
	}
	m := New(opts)
	t.Cleanup(m.Close)
	return m, &client{t: t, handler: m.Handler(), token: m.Settings()["token"]}
}

type response struct {
	status int
	header http.Header
	body   string
}

func (c *client) try(method, path string, body any) (response, error) {
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		in = bytes.NewReader(raw)
	}
	if c.url == "" {
		r := httptest.NewRequest(method, path, in)
		c.head(r, body != nil)
		rec := httptest.NewRecorder()
		c.handler.ServeHTTP(rec, r)
		return response{rec.Code, rec.Header(), rec.Body.String()}, nil
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, in)
	if err != nil {
		return response{}, err
	}
	c.head(r, body != nil)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return response{resp.StatusCode, resp.Header, string(raw)}, err
}

func (c *client) head(r *http.Request, body bool) {
	r.Header.Set("Authorization", c.token)
	if body {
		r.Header.Set("Content-Type", "application/json")
	}
}

// do calls and wants the status; into, if not nil, gets the answer.
func (c *client) do(method, path string, body any, status int, into any) response {
	c.t.Helper()
	resp, err := c.try(method, path, body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	if resp.status != status {
		c.t.Fatalf("%s %s %v: got %d %s, want %d", method, path, body, resp.status, resp.body, status)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(resp.body), into); err != nil {
			c.t.Fatalf("%s %s: %v in %s", method, path, err, resp.body)
		}
	}
	return resp
}

// fails calls and wants the status and the word of the error in the answer.
func (c *client) fails(method, path string, body any, status int, word string) {
	c.t.Helper()
	if resp := c.do(method, path, body, status, nil); !strings.Contains(resp.body, `"`+word+`"`) {
		c.t.Fatalf("%s %s: got %s, want the word %s", method, path, resp.body, word)
	}
}

type obj = map[string]any

func (c *client) supply() string {
	c.t.Helper()
	var out struct {
		ID string `json:"id"`
	}
	c.do("POST", "/api/v3/supplies", obj{"name": "test"}, 201, &out)
	return out.ID
}

func (c *client) accept(supply string, ids ...string) {
	c.t.Helper()
	c.do("PATCH", "/api/marketplace/v3/supplies/"+supply+"/orders", obj{"orders": ints(ids)}, 204, nil)
}

func (c *client) setShipping(supply string) {
	c.t.Helper()
	row := obj{"supplyId": supply, "shippingType": "selfShipping", "shippingDt": "2999-12-31", "shippingPointId": 507}
	resp := c.do("PATCH", "/api/marketplace/v3/fbs/supplies/shipping-method", obj{"data": []obj{row}}, 200, nil)
	if !strings.Contains(resp.body, `"success":true`) {
		c.t.Fatalf("shipping method: %s", resp.body)
	}
}

func (c *client) deliver(supply string) {
	c.t.Helper()
	c.setShipping(supply)
	c.do("PATCH", "/api/v3/supplies/"+supply+"/deliver", nil, 204, nil)
}

func (c *client) newIDs(path string) []string {
	c.t.Helper()
	var out struct {
		Orders []struct {
			ID int64 `json:"id"`
		} `json:"orders"`
	}
	c.do("GET", path, nil, 200, &out)
	ids := []string{}
	for _, o := range out.Orders {
		ids = append(ids, strconv.FormatInt(o.ID, 10))
	}
	return ids
}

// statuses reads the FBS statuses as "supplier/wb".
func (c *client) statuses(ids ...string) map[string]string {
	c.t.Helper()
	var out struct {
		Orders []fbsStatusRow `json:"orders"`
	}
	c.do("POST", "/api/v3/orders/status", obj{"orders": ints(ids)}, 200, &out)
	got := map[string]string{}
	for _, o := range out.Orders {
		got[strconv.FormatInt(o.ID, 10)] = string(o.SupplierStatus) + "/" + string(o.WbStatus)
	}
	return got
}

func ints(ids []string) []int64 {
	out := make([]int64, 0, len(ids))
	for _, id := range ids {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			panic(err)
		}
		out = append(out, n)
	}
	return out
}

// place puts n units of one article into one basket.
func place(t testing.TB, m *Market, scheme orderhub.Scheme, sku string, n int64) []string {
	t.Helper()
	ids, err := m.Place(marketsim.OrderSpec{Scheme: scheme, Lines: []marketsim.SpecLine{{SKU: sku, Quantity: n, PriceMinor: 129_900}}})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func progress(t testing.TB, m *Market, id string, steps int) {
	t.Helper()
	for range steps {
		if moved, err := m.Progress(id); err != nil || !moved {
			t.Fatalf("progress %s: moved %v, err %v", id, moved, err)
		}
	}
}

func act(t testing.TB, m *Market, id string, a marketsim.BuyerAct) {
	t.Helper()
	if err := m.Act(id, a); err != nil {
		t.Fatal(err)
	}
}

// truth finds an order in the books.
func truth(t testing.TB, m *Market, id string) marketsim.TruthOrder {
	t.Helper()
	for _, o := range m.Truth() {
		if o.ID == id {
			return o
		}
	}
	t.Fatalf("order %s is not in the books", id)
	return marketsim.TruthOrder{}
}

func pair(o marketsim.TruthOrder) string { return o.Native + "/" + o.Sub }

// plain makes every article small and in the main warehouse.
func plain(string) Traits { return Traits{} }

// marked requires a labelling code.
func marked(string) Traits { return Traits{RequiredMeta: []string{"sgtin"}} }
