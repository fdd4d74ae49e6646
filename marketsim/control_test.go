package marketsim

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
)

func TestControl(t *testing.T) {
	t.Parallel()
	m := &fakeMarket{name: "ozon"}
	in := NewInjector(1, Faults{})
	h := Control([]Market{m, &fakeMarket{name: "site"}}, map[orderhub.Channel]*Injector{"ozon": in})
	// One story: each call builds on those before it.
	for _, tt := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "/_sim/", "", 200, `"channel": "site"`},
		{"GET", "/_sim/ozon/truth", "", 200, `[]`},
		{"GET", "/_sim/ozon/returns", "", 200, `[]`},
		{"GET", "/_sim/etsy/truth", "", 404, `no simulator \"etsy\"; running: [ozon site]`},
		{"GET", "/_sim/ozon/nothing", "", 404, `is no control call`},
		{"DELETE", "/_sim/ozon/truth", "", 404, `is no control call`},
		{"POST", "/_sim/ozon/orders", "", 400, "needs a JSON body"},
		{"POST", "/_sim/ozon/orders", `{"line":[]}`, 400, `unknown field \"line\"`},
		{"POST", "/_sim/ozon/orders", `{} {}`, 400, "something behind"},
		{"POST", "/_sim/ozon/orders", `{"lines":[]}`, 422, "no lines"},
		{"POST", "/_sim/ozon/orders", strings.Repeat(" ", maxControlBody+1), 400, "too large"},
		{"POST", "/_sim/ozon/orders", `{"lines":[{"sku":"A","quantity":2,"price_minor":100}],"pending":true}`, 200, `"1"`},
		{"GET", "/_sim/ozon/truth", "", 200, `"headline": "pending"`},
		{"POST", "/_sim/ozon/orders/1/act", `{"act":"dance"}`, 400, "known: pay, cancel"},
		{"POST", "/_sim/ozon/orders/2/act", `{"act":"pay"}`, 404, `ozon has no order \"2\"`},
		{"POST", "/_sim/ozon/orders/1/act", `{"act":"pay"}`, 200, `"headline": "new"`},
		{"POST", "/_sim/ozon/orders/1/act", `{"act":"pay"}`, 409, "order 1 is new"},
		{"POST", "/_sim/ozon/orders/1/progress", "", 200, `"moved": true`},
		{"POST", "/_sim/ozon/orders/9/progress", "", 404, "no order"},
		{"GET", "/_sim/", "", 200, `"confirmed": 1`},
		{"PUT", "/_sim/ozon/faults", `{"level":"hard"}`, 200, `"lost": 0.3`},
		{"PUT", "/_sim/ozon/faults", `{"level":"cruel"}`, 400, "known: none, light, hard"},
		{"PUT", "/_sim/ozon/faults", `{"lost":1.5}`, 400, "lost: 1.5 is not a share"},
		{"PUT", "/_sim/ozon/faults", `{"hang":"soon"}`, 400, "like 300ms"},
		{"PUT", "/_sim/ozon/faults", `{"server_error":0.5,"lag":"2s","script":[{"method":"GET","path":"/x","nth":1,"fault":"stale"}]}`, 200, `"lag": "2s"`},
		{"GET", "/_sim/ozon/faults", "", 200, `"server_error": 0.5`},
		{"GET", "/_sim/site/faults", "", 404, "site runs without faults"},
		{"POST", "/_sim/ozon/notify", `{"url":"not a url"}`, 400, "is not an address"},
		{"POST", "/_sim/ozon/notify", `{"url":"http://127.0.0.1:1/hooks/a/b"}`, 200, "hooks"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, strings.NewReader(tt.body)))
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) {
			t.Errorf("%s %s %.80s: got %d %s; want %d with %q", tt.method, tt.path, tt.body, w.Code, w.Body, tt.status, tt.says)
		}
		if ct := w.Header().Get("Content-Type"); ct != "application/json" {
			t.Errorf("%s %s: Content-Type %q", tt.method, tt.path, ct)
		}
		if (w.Code != http.StatusOK) != strings.Contains(w.Body.String(), `"error"`) {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, w.Code, w.Body)
		}
	}
	if f := in.Faults(); f.Lag != 2*time.Second || len(f.Script) != 1 {
		t.Errorf("faults: %+v", f)
	}
	if m.notify != "http://127.0.0.1:1/hooks/a/b" {
		t.Errorf("notify: %q", m.notify)
	}
}
