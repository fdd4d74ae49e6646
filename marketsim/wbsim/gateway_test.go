package wbsim

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

func TestToken(t *testing.T) {
	t.Parallel()
	clk := newClock()
	m, c := newMarket(t, Options{Now: clk.now})
	later := clk.now().Add(time.Hour)
	for _, tc := range []struct {
		name, token, method, path string
		status                    int
		word                      string
	}{
		{"own", m.Settings()["token"], "GET", "/api/v3/orders/new", 200, ""},
		{"bearer", "Bearer " + m.Settings()["token"], "GET", "/api/v3/orders/new", 200, ""},
		{"none", "", "GET", "/api/v3/orders/new", 401, "empty Authorization header"},
		{"garbage", "garbage", "GET", "/api/v3/orders/new", 401, "malformed"},
		{"three garbage parts", "a.b.c", "GET", "/api/v3/orders/new", 401, "malformed"},
		{"another seller", "e30.e30.c2ln", "GET", "/api/v3/orders/new", 401, "signature"},
		{"expired", NewToken(Claims{3, scopeMarketplace, clk.now()}), "GET", "/api/v3/orders/new", 401, "expired"},
		{"test", NewToken(Claims{2, scopeMarketplace, later}), "GET", "/api/v3/orders/new", 401, "sandbox"},
		{"category", NewToken(Claims{3, 1 << 3, later}), "GET", "/api/v3/orders/new", 403, "token scope not allowed"},
		{"any category", NewToken(Claims{3, 1 << 3, later}), "GET", "/ping", 200, ""},
		{"read only reads", NewToken(Claims{3, scopeMarketplace | scopeReadOnly, later}), "GET", "/api/v3/orders/new", 200, ""},
		{"read only writes", NewToken(Claims{3, scopeMarketplace | scopeReadOnly, later}), "POST", "/api/v3/supplies", 403, "read-only"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			own := *c
			own.t, own.token = t, tc.token
			resp := own.do(tc.method, tc.path, nil, tc.status, nil)
			if !strings.Contains(resp.body, tc.word) {
				t.Errorf("got %s, want %q", resp.body, tc.word)
			}
			if tc.status >= 400 {
				for _, key := range []string{"title", "detail", "code", "requestId", "origin", "status", "statusText", "timestamp"} {
					if !strings.Contains(resp.body, `"`+key+`":`) {
						t.Errorf("%s: no %s", resp.body, key)
					}
				}
			}
		})
	}
}

func TestOwnTokenExpires(t *testing.T) {
	t.Parallel()
	clk := newClock()
	_, c := newMarket(t, Options{Now: clk.now})
	clk.step(180*24*time.Hour - time.Minute)
	c.do("GET", "/api/v3/orders/new", nil, 200, nil)
	clk.step(time.Minute)
	c.do("GET", "/api/v3/orders/new", nil, 401, nil)
}

// quotaClient makes a Market with WB's own quotas inside a bubble with a fake
// clock, so that every figure is exact.
func quotaClient(t *testing.T, scale float64) *client {
	_, c := newMarket(t, Options{QuotaScale: scale})
	return c
}

func remaining(t *testing.T, r response, want string) {
	t.Helper()
	if got := r.header.Get("X-Ratelimit-Remaining"); got != want {
		t.Errorf("X-Ratelimit-Remaining: got %q, want %q", got, want)
	}
}

func TestQuotaCountsA4XXTenfold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := quotaClient(t, 1)
		remaining(t, c.do("GET", "/api/v3/orders/new", nil, 200, nil), "19")
		remaining(t, c.do("GET", "/api/v3/supplies/WB-GI-1", nil, 404, nil), "9")
		remaining(t, c.do("GET", "/api/v3/supplies/WB-GI-1", nil, 404, nil), "0") // one in debt

		resp := c.do("GET", "/api/v3/orders/new", nil, 429, nil)
		for key, want := range map[string]string{
			"X-Ratelimit-Retry": "1", "X-Ratelimit-Reset": "5", "X-Ratelimit-Limit": "20", "X-Ratelimit-Remaining": "",
		} {
			if got := resp.header.Get(key); got != want {
				t.Errorf("%s: got %q, want %q", key, got, want)
			}
		}
		if !strings.Contains(resp.body, `"title":"too many requests"`) || !strings.Contains(resp.body, `"detail":"limited by `) {
			t.Errorf("body: %s", resp.body)
		}
		// Another group is not touched, and neither is a group by its own 429.
		remaining(t, c.do("GET", "/api/v3/warehouses", nil, 200, nil), "19")
		time.Sleep(400 * time.Millisecond) // 300 a minute: two tokens, one of them the debt
		remaining(t, c.do("GET", "/api/v3/orders/new", nil, 200, nil), "0")
		time.Sleep(4 * time.Second)
		remaining(t, c.do("GET", "/api/v3/orders/new", nil, 200, nil), "19")
	})
}

func TestQuotaOfDBSStatuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := quotaClient(t, 0)
		c.handler = New(Options{}).Handler() // the documented limits are the default
		confirm := "/api/marketplace/v3/dbs/orders/status/confirm"
		for range 10 {
			c.do("POST", confirm, obj{"ordersIds": []int64{1}}, 200, nil) // an error in a row is no 4XX
		}
		resp := c.do("POST", confirm, obj{"ordersIds": []int64{1}}, 429, nil)
		if got := resp.header.Get("X-Ratelimit-Retry"); got != "1" {
			t.Errorf("retry: %s", got)
		}
		c.do("POST", "/api/marketplace/v3/dbs/orders/status/info", obj{"ordersIds": []int64{1}}, 200, nil)
		time.Sleep(time.Second)
		c.do("POST", confirm, obj{"ordersIds": []int64{1}}, 200, nil)
	})
}

func TestQuotaScale(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		remaining(t, quotaClient(t, 10).do("GET", "/api/v3/orders/new", nil, 200, nil), "199")
		remaining(t, quotaClient(t, -1).do("GET", "/api/v3/orders/new", nil, 200, nil), "20")
		half := quotaClient(t, 0.5)
		remaining(t, half.do("GET", "/api/v3/orders/new", nil, 200, nil), "9")
		time.Sleep(400 * time.Millisecond)
		remaining(t, half.do("GET", "/api/v3/orders/new", nil, 200, nil), "9")
	})
}

func TestFaults(t *testing.T) {
	t.Parallel()
	script := func(method, path string, nth int, f marketsim.Fault) marketsim.Scripted {
		return marketsim.Scripted{Method: method, Path: path, Nth: nth, Fault: f}
	}
	in := marketsim.NewInjector(1, marketsim.Faults{Hang: time.Millisecond, Script: []marketsim.Scripted{
		script("GET", "/api/v3/orders/new", 1, marketsim.FaultRateLimited),
		script("GET", "/api/v3/orders/new", 2, marketsim.FaultServerError),
		script("POST", "/api/v3/supplies", 1, marketsim.FaultTimeoutBefore),
		script("POST", "/api/v3/supplies", 2, marketsim.FaultTimeoutAfter),
	}})
	m, c := newMarket(t, Options{Injector: in})
	srv := httptest.NewServer(m.Handler())
	defer srv.Close()
	c.url = srv.URL

	resp := c.do("GET", "/api/v3/orders/new", nil, 429, nil)
	if resp.header.Get("X-Ratelimit-Retry") != "1" || resp.header.Get("X-Ratelimit-Limit") != "20" {
		t.Errorf("headers of an injected 429: %v", resp.header)
	}
	c.fails("GET", "/api/v3/orders/new", nil, 500, "internal server error")
	c.do("GET", "/api/v3/orders/new", nil, 200, nil)

	for i, want := range []int{0, 1} { // before: nothing done; after: done
		if _, err := c.try("POST", "/api/v3/supplies", obj{"name": "test"}); err == nil {
			t.Fatalf("time-out %d did not happen", i)
		}
		if got := len(m.Supplies()); got != want {
			t.Errorf("after time-out %d: %d supplies, want %d", i, got, want)
		}
	}
	c.supply()
	if got := len(m.Supplies()); got != 2 {
		t.Errorf("repeating made %d supplies, want 2", got)
	}
}

func TestRowsFailInside200(t *testing.T) {
	t.Parallel()
	in := marketsim.NewInjector(1, marketsim.Faults{FailRows: 1})
	m, c := newMarket(t, Options{Injector: in})
	ids := place(t, m, "dbs", "LAMP", 2)
	confirm := "/api/marketplace/v3/dbs/orders/status/confirm"
	resp := c.do("POST", confirm, obj{"ordersIds": ints(ids)}, 200, nil)
	if strings.Count(resp.body, `"isError":true`) != 2 {
		t.Errorf("rows: %s", resp.body)
	}
	if o := truth(t, m, ids[0]); pair(o) != "new/waiting" || len(o.Calls) != 0 {
		t.Errorf("a failed row had an effect: %+v", o)
	}
	in.Set(marketsim.Faults{})
	resp = c.do("POST", confirm, obj{"ordersIds": ints(ids)}, 200, nil)
	if strings.Count(resp.body, `"isError":false`) != 2 {
		t.Errorf("rows: %s", resp.body)
	}
}
