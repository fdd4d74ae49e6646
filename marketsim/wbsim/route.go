package wbsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxBody caps a request's body.
const maxBody = 1 << 20

// route is one method of the seller API.
type route struct {
	pattern string
	group   quotaGroup
	scope   int64 // category bit that the token needs; 0 = any
	write   bool  // refused with a read-only token
	problem bool  // the gateway answers application/problem+json in this section
	serve   func(*Market, *call) *reply
}

// call is one request on its way.
type call struct {
	r   *http.Request
	m   *Market
	rt  route
	now time.Time
}

// reply is an answer before it is written; body nil = none.
type reply struct {
	status      int
	contentType string
	body        any
}

func answer(status int, body any) *reply {
	return &reply{status: status, contentType: "application/json", body: body}
}

func noContent() *reply { return &reply{status: http.StatusNoContent} }

// routes lists everything served. What is not here answers 404, as the calls
// that Wildberries removed do (.../supplies/{id}/orders/{orderId}, the DBS
// PATCH methods of single orders).
func routes() []route {
	fbs := func(group quotaGroup, write bool, pattern string, serve func(*Market, *call) *reply) route {
		return route{pattern: pattern, group: group, scope: scopeMarketplace, write: write, serve: serve}
	}
	other := func(group quotaGroup, scope int64, write bool, pattern string, serve func(*Market, *call) *reply) route {
		return route{pattern: pattern, group: group, scope: scope, write: write, problem: true, serve: serve}
	}
	list := []route{
		other(groupPing, 0, false, "GET /ping", (*Market).ping),
		other(groupSeller, 0, false, "GET /api/v1/seller-info", (*Market).sellerInfo),
		other(groupCards, scopeContent, false, "POST /content/v2/get/cards/list", (*Market).listCards),
		other(groupWarehouses, scopeMarketplace, false, "GET /api/v3/warehouses", (*Market).listWarehouses),
		other(groupStocks, scopeMarketplace, true, "PUT /api/v3/stocks/{warehouseId}", (*Market).putStocks),
		other(groupStocks, scopeMarketplace, false, "POST /api/v3/stocks/{warehouseId}", (*Market).getStocks),
		other(groupClaims, scopeReturns, false, "GET /api/v1/claims", (*Market).listClaims),
		other(groupClaims, scopeReturns, true, "PATCH /api/v1/claim", (*Market).answerClaim),
		other(groupReturns, scopeAnalytics, false, "GET /api/analytics/v1/item-returns", (*Market).itemReturns),

		fbs(groupFBS, false, "GET /api/v3/orders/new", (*Market).fbsNew),
		fbs(groupFBS, false, "GET /api/v3/orders", (*Market).fbsList),
		fbs(groupFBS, false, "POST /api/v3/orders/status", (*Market).fbsStatus),
		fbs(groupCancel, true, "PATCH /api/v3/orders/{orderId}/cancel", (*Market).fbsCancel),
		fbs(groupMetaWrite, true, "PUT /api/v3/orders/{orderId}/meta/sgtin", (*Market).putSgtin),
		fbs(groupMetaRead, false, "POST /api/marketplace/v3/orders/meta", (*Market).listMeta),

		fbs(groupFBS, false, "GET /api/v3/supplies", (*Market).listSupplies),
		fbs(groupFBS, true, "POST /api/v3/supplies", (*Market).createSupply),
		fbs(groupFBS, false, "GET /api/v3/supplies/{supplyId}", (*Market).getSupply),
		fbs(groupFBS, true, "DELETE /api/v3/supplies/{supplyId}", (*Market).deleteSupply),
		fbs(groupFBS, true, "PATCH /api/marketplace/v3/supplies/{supplyId}/orders", (*Market).addToSupply),
		fbs(groupFBS, false, "GET /api/marketplace/v3/supplies/{supplyId}/order-ids", (*Market).supplyOrderIDs),
		fbs(groupFBS, true, "PATCH /api/v3/supplies/{supplyId}/deliver", (*Market).deliverSupply),
		fbs(groupFBS, false, "GET /api/v3/supplies/orders/reshipment", (*Market).reshipment),
		fbs(groupFBS, false, "GET /api/marketplace/v3/fbs/shipping-points", (*Market).shippingPoints),
		fbs(groupFBS, true, "PATCH /api/marketplace/v3/fbs/supplies/shipping-method", (*Market).setShipping),

		other(groupDBS, scopeMarketplace, false, "GET /api/v3/dbs/orders/new", (*Market).dbsNew),
		other(groupDBS, scopeMarketplace, false, "GET /api/v3/dbs/orders", (*Market).dbsList),
		other(groupDBS, scopeMarketplace, false, "POST /api/v3/dbs/orders/client", (*Market).dbsClient),
		other(groupDBS, scopeMarketplace, false, "POST /api/marketplace/v3/dbs/orders/status/info", (*Market).dbsInfo),
		other(groupDBSMeta, scopeMarketplace, true, "POST /api/marketplace/v3/dbs/orders/meta/sgtin", (*Market).dbsSgtin),
	}
	for _, step := range dbsSteps {
		list = append(list, other(groupDBSStatus, scopeMarketplace, true,
			"POST /api/marketplace/v3/dbs/orders/status/"+step.name,
			func(m *Market, c *call) *reply { return m.dbsChange(c, step) }))
	}
	return list
}

// newHandler puts the routes behind the gateway and the gateway behind the faults.
func (m *Market) newHandler() http.Handler {
	mux := http.NewServeMux()
	byPattern := map[string]route{}
	for _, rt := range routes() {
		byPattern[rt.pattern] = rt
		mux.HandleFunc(rt.pattern, func(w http.ResponseWriter, r *http.Request) { m.gateway(w, r, rt) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		write(w, m.gatewayError(route{problem: true}, http.StatusNotFound, "path not found",
			"Please consult the https://dev.wildberries.ru/openapi/api-information"))
	})
	routeOf := func(r *http.Request) route {
		_, pattern := mux.Handler(r)
		if rt, ok := byPattern[pattern]; ok {
			return rt
		}
		return route{problem: true, group: groupFBS}
	}
	return m.inject.Wrap(mux,
		func(w http.ResponseWriter, r *http.Request) {
			rt := routeOf(r)
			m.buckets[rt.group].refuse(time.Second, w.Header())
			write(w, m.tooMany(rt))
		},
		func(w http.ResponseWriter, r *http.Request) {
			write(w, m.gatewayError(routeOf(r), http.StatusInternalServerError, "internal server error", ""))
		})
}

// gateway checks token and quota, serves, and charges the answer.
func (m *Market) gateway(w http.ResponseWriter, r *http.Request, rt route) {
	if denied := m.authorize(r, rt); denied != nil {
		write(w, denied)
		return
	}
	b := m.buckets[rt.group]
	if ok, retry := b.take(); !ok {
		b.refuse(retry, w.Header())
		write(w, m.tooMany(rt))
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	out := rt.serve(m, &call{r: r, m: m, rt: rt, now: m.now()})
	b.settle(out.status, w.Header())
	write(w, out)
}

func write(w http.ResponseWriter, out *reply) {
	if out.body == nil {
		w.WriteHeader(out.status)
		return
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out.body); err != nil {
		http.Error(w, "simulator: encode answer", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", out.contentType)
	w.WriteHeader(out.status)
	_, _ = w.Write(buf.Bytes())
}

// lock takes the books for writing and returns how to give them back. Writes
// happen at the time of the lock, so that histories stay in order.
func (c *call) lock() (unlock func()) {
	c.m.mu.Lock()
	c.now = c.m.now()
	return c.m.mu.Unlock
}

// asOf is the moment as of which this read answers: a stale replica lags.
func (c *call) asOf() time.Time { return c.m.inject.ReplicaTime(c.now, c.rt.pattern) }

// body decodes the request; false for anything that is not one JSON value of
// the wanted form. Unknown keys are ignored, as Wildberries does.
func (c *call) body(into any) bool {
	dec := json.NewDecoder(c.r.Body)
	if err := dec.Decode(into); err != nil {
		return false
	}
	_, err := dec.Token()
	return err == io.EOF
}

// pathID reads a number from the path.
func (c *call) pathID(name string) (int64, bool) {
	id, err := strconv.ParseInt(c.r.PathValue(name), 10, 64)
	return id, err == nil
}

// page reads limit and next, which are both required.
func (c *call) page() (limit int, next int64, ok bool) {
	q := c.r.URL.Query()
	limit, err1 := strconv.Atoi(q.Get("limit"))
	next, err2 := strconv.ParseInt(q.Get("next"), 10, 64)
	return limit, next, err1 == nil && err2 == nil && limit >= 1 && limit <= 1000 && next >= 0
}

// maxPeriod is the longest period of one list call.
const maxPeriod = 30 * 24 * time.Hour

// period reads dateFrom and dateTo, Unix seconds, at most 30 days apart.
// Without required, the defaults are the last 30 days.
func (c *call) period(required bool) (from, to time.Time, ok bool) {
	q := c.r.URL.Query()
	if required && (!q.Has("dateFrom") || !q.Has("dateTo")) {
		return from, to, false
	}
	from, to = c.now.Add(-maxPeriod), c.now
	for key, t := range map[string]*time.Time{"dateFrom": &from, "dateTo": &to} {
		if !q.Has(key) {
			continue
		}
		sec, err := strconv.ParseInt(q.Get(key), 10, 64)
		if err != nil {
			return from, to, false
		}
		*t = time.Unix(sec, 0).UTC()
	}
	return from, to, !to.Before(from) && to.Sub(from) <= maxPeriod
}

// requestID invents the id that the support asks for.
func (m *Market) requestID() string {
	rnd := rand.NewPCG(m.opts.Seed, m.serial.Add(1))
	return fmt.Sprintf("%016x%016x", rnd.Uint64(), rnd.Uint64())
}

// isUnset reports whether a raw JSON value is missing or null.
func isUnset(raw json.RawMessage) bool {
	return len(raw) == 0 || strings.TrimSpace(string(raw)) == "null"
}
