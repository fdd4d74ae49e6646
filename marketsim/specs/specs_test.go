package specs

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

var documents = []struct {
	file       string
	operations int
}{
	{"ozon-seller.json", 461},
	{"wildberries/01-general.yaml", 10},
	{"wildberries/02-items.yaml", 52},
	{"wildberries/03-orders-fbs.yaml", 40},
	{"wildberries/05-dbs.yaml", 21},
	{"wildberries/09-communications.yaml", 25},
	{"wildberries/delta-after-2026-08-18.yaml", 4},
	{"yandex-market/partner-api.bundled.json", 165},
	{"yandex-market/notification-api.bundled.json", 1},
}

func TestLoadReadsEveryDocument(t *testing.T) {
	t.Parallel()
	for _, tt := range documents {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			d := Load(t, tt.file)
			if d.Operations() != tt.operations {
				t.Errorf("operations: got %d, want %d", d.Operations(), tt.operations)
			}
			if Load(t, tt.file) != d {
				t.Error("a second Load read the document again")
			}
		})
	}
}

// sample is one exchange; want holds a part of each violation, in any order.
type sample struct {
	name, method, target string
	header               http.Header
	body                 string
	status               int
	answer               string
	want                 []string
}

var ozonKeys = http.Header{"Client-Id": {"1"}, "Api-Key": {"k"}}

const ozonList = `{"filter":{"since":"2026-11-01T00:00:00Z","to":"2026-11-02T00:00:00Z"},"limit":100}`

// Every right sample has wrong neighbours: a validator that lets everything
// pass cannot go unnoticed.
var samples = map[string][]sample{
	"ozon-seller.json": {
		{name: "right", method: "POST", target: "/v4/posting/fbs/list", header: ozonKeys, body: ozonList,
			status: 200, answer: `{"postings":[],"cursor":"","has_next":false}`},
		{name: "no key", method: "POST", target: "/v4/posting/fbs/list", header: http.Header{"Client-Id": {"1"}}, body: ozonList,
			status: 200, answer: `{"postings":[]}`, want: []string{`request: header parameter "Api-Key"`}},
		{name: "wrong type and missing field", method: "POST", target: "/v4/posting/fbs/list", header: ozonKeys,
			body: `{"limit":"many"}`, status: 200, answer: `{"postings":{}}`,
			want: []string{"request: /filter: ", "request: /limit: ", "response: /postings: "}},
		{name: "misspelt fields", method: "POST", target: "/v4/posting/fbs/list", header: ozonKeys,
			body: strings.Replace(ozonList, `"since"`, `"from_"`, 1), status: 200, answer: `{"postings":[{"posting_nr":"1"}]}`,
			want: []string{"request: /filter/since: ", "request: /filter/from_: no such field", "response: /postings/0/posting_nr: no such field"}},
		{name: "array without type", method: "POST", target: "/v4/posting/fbs/ship", header: ozonKeys,
			body: `{"posting_number":"1-1","packages":"all"}`, status: 200, answer: `{"result":["1-1"]}`,
			want: []string{"request: /packages: "}},
		{name: "error in the default form", method: "POST", target: "/v4/posting/fbs/ship", header: ozonKeys,
			body: `{"posting_number":"1-1","packages":[]}`, status: 404, answer: `{"code":"five","message":"x","details":[]}`,
			want: []string{"404: response: /code: "}},
		{name: "unknown path", method: "POST", target: "/v9/posting", body: `{}`, status: 200, answer: `{}`,
			want: []string{"request: " + NotInDocument}},
		{name: "broken answer", method: "POST", target: "/v4/posting/fbs/list", header: ozonKeys, body: ozonList,
			status: 200, answer: `{"postings":`, want: []string{"response: body: not JSON"}},
	},
	"wildberries/03-orders-fbs.yaml": {
		{name: "right", method: "GET", target: "/api/v3/orders?limit=10&next=0&dateFrom=1700000000", status: 200, answer: `{"next":0,"orders":[]}`},
		{name: "missing and unknown parameter", method: "GET", target: "/api/v3/orders?limit=10&since=1", status: 200, answer: `{"next":0,"orders":[]}`,
			want: []string{`query parameter "next"`, `query parameter "since": not in the document`}},
		{name: "status words only known in prose", method: "POST", target: "/api/v3/orders/status", body: `{"orders":[1]}`, status: 200,
			answer: `{"orders":[{"id":1,"supplierStatus":"cancel_carrier","wbStatus":"canceled_by_carrier"}]}`},
		{name: "invented status word", method: "POST", target: "/api/v3/orders/status", body: `{"orders":[1]}`, status: 200,
			answer: `{"orders":[{"id":1,"supplierStatus":"new","wbStatus":"flying"}]}`, want: []string{"response: /orders/0/wbStatus: "}},
		{name: "status not listed", method: "POST", target: "/api/v3/orders/status", body: `{"orders":[1]}`, status: 418, answer: `teapot`},
		{name: "wrong method", method: "DELETE", target: "/api/v3/orders/status", status: 200, want: []string{NotInDocument}},
	},
	"yandex-market/partner-api.bundled.json": {
		{name: "right", method: "PUT", target: "/v2/campaigns/7/orders/9/status", body: `{"order":{"status":"PROCESSING","substatus":"READY_TO_SHIP"}}`,
			status: 404, answer: `{"status":"ERROR","errors":[{"code":"NOT_FOUND","message":"no order"}]}`},
		{name: "wrong word and path parameter", method: "PUT", target: "/v2/campaigns/x/orders/9/status", body: `{"order":{"status":"PACKED"}}`,
			status: 404, answer: `{"status":"BAD"}`,
			want: []string{`request: path parameter "campaignId"`, "request: /order/status: ", "response: /status: "}},
	},
	"yandex-market/notification-api.bundled.json": {
		{name: "right", method: "POST", target: "/notification", body: `{"notificationType":"PING","time":"2026-11-01T00:00:00Z"}`,
			status: 200, answer: `{"version":"1.0.0","name":"hub","time":"2026-11-01T00:00:00Z"}`},
		{name: "wrong", method: "POST", target: "/notification", body: `{"notificationType":"ORDER_CREATED","time":"2026-11-01T00:00:00Z"}`,
			status: 200, answer: `{}`, want: []string{"request: /", "response: /version", "response: /name", "response: /time"}},
	},
}

func TestWrapFindsViolations(t *testing.T) {
	t.Parallel()
	for file, list := range samples {
		for _, s := range list {
			t.Run(file+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				check(t, Load(t, file), s)
			})
		}
	}
}

func check(t *testing.T, d *Doc, s sample) {
	t.Helper()
	var got []string
	h := d.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); string(body) != s.body {
			t.Errorf("the handler reads %q, want %q", body, s.body)
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(s.status)
		io.WriteString(w, s.answer)
	}), func(v Violation) { got = append(got, v.String()) })
	req := httptest.NewRequestWithContext(t.Context(), s.method, "http://127.0.0.1:1234"+s.target, strings.NewReader(s.body))
	for k, v := range s.header {
		req.Header[k] = v
	}
	if s.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	if rec.Code != s.status || rec.Body.String() != s.answer {
		t.Errorf("the caller got %d %q", rec.Code, rec.Body)
	}
	for _, want := range s.want {
		if !slices.ContainsFunc(got, func(g string) bool { return strings.Contains(g, want) }) {
			t.Errorf("no violation with %q in:\n%s", want, strings.Join(got, "\n"))
		}
	}
	if len(s.want) == 0 && len(got) > 0 {
		t.Errorf("violations in a right sample:\n%s", strings.Join(got, "\n"))
	}
	if t.Failed() || testing.Verbose() {
		t.Logf("\n%s", strings.Join(got, "\n"))
	}
}

func TestUnknownPathIsReportedOnce(t *testing.T) {
	t.Parallel()
	docs := []*Doc{Load(t, "wildberries/03-orders-fbs.yaml"), Load(t, "wildberries/01-general.yaml")}
	n := 0
	h := WrapAny(docs, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"TS":"2026-11-01T00:00:00Z","Status":"OK"}`)
	}), func(v Violation) { n++; t.Log(v) })
	for _, target := range []string{"/no", "/no", "/no", "/ping"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", target, nil))
	}
	if n != 1 {
		t.Errorf("%d violations, want 1: the unknown path once, /ping of the second document none", n)
	}
}

func TestStatusNotListedIsCounted(t *testing.T) {
	t.Parallel()
	d := Load(t, "wildberries/05-dbs.yaml")
	before := d.Skipped()
	h := d.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(599) }), func(v Violation) { t.Error(v) })
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/api/v3/dbs/orders/new", nil))
	if d.Skipped() != before+1 {
		t.Errorf("skipped: got %d, want %d", d.Skipped(), before+1)
	}
}
