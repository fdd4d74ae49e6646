package yandexsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// route is one operation of the document.
type route struct {
	method, pattern string
	resource        string   // x-resource-id
	scopes          []string // x-auth-scopes, any one is enough
	limit           amount   // x-resource-limit-config
	parallel        int      // parallel-limit-value; 0 = the common cap
	// items: the limit counts items of the body, the handler charges them.
	items   bool
	noBody  bool
	handler func(m *Market, c *call) (any, *apiError)
}

var (
	scopesAll     = []string{"ALL_METHODS", "ALL_METHODS_READ_ONLY", "SETTINGS_MANAGEMENT", "FINANCE_AND_ACCOUNTING", "OFFERS_AND_CARDS_MANAGEMENT", "OFFERS_AND_CARDS_MANAGEMENT_READ_ONLY", "PRICING", "PRICING_READ_ONLY", "INVENTORY_AND_ORDER_PROCESSING", "INVENTORY_AND_ORDER_PROCESSING_READ_ONLY", "PROMOTION", "PROMOTION_READ_ONLY", "COMMUNICATION", "SUPPLIES_MANAGEMENT_READ_ONLY"}
	scopesList    = []string{"ALL_METHODS", "ALL_METHODS_READ_ONLY", "INVENTORY_AND_ORDER_PROCESSING", "INVENTORY_AND_ORDER_PROCESSING_READ_ONLY", "FINANCE_AND_ACCOUNTING"}
	scopesGet     = append([]string{"COMMUNICATION"}, scopesList...)
	scopesRead    = []string{"ALL_METHODS", "ALL_METHODS_READ_ONLY", "INVENTORY_AND_ORDER_PROCESSING", "INVENTORY_AND_ORDER_PROCESSING_READ_ONLY"}
	scopesWrite   = []string{"ALL_METHODS", "INVENTORY_AND_ORDER_PROCESSING"}
	scopesStock   = []string{"ALL_METHODS", "OFFERS_AND_CARDS_MANAGEMENT"}
	scopesStockRO = []string{"ALL_METHODS", "ALL_METHODS_READ_ONLY", "OFFERS_AND_CARDS_MANAGEMENT", "OFFERS_AND_CARDS_MANAGEMENT_READ_ONLY"}
)

const anOrder = "/v2/campaigns/{campaignId}/orders/{orderId}"

var allRoutes = []*route{
	{method: "POST", pattern: "/v2/auth/token", resource: "256", scopes: scopesAll, limit: perHour(100), noBody: true, handler: (*Market).getToken},
	{method: "GET", pattern: "/v2/campaigns", resource: "1", scopes: scopesAll, limit: perHour(1000), noBody: true, handler: (*Market).getCampaigns},
	{method: "POST", pattern: "/v1/businesses/{businessId}/orders", resource: "283", scopes: scopesList, limit: perHour(10000), parallel: 6, handler: (*Market).listOrders},
	{method: "GET", pattern: anOrder, resource: "28", scopes: scopesGet, limit: perHour(10000), parallel: 6, noBody: true, handler: (*Market).getOrder},
	{method: "PUT", pattern: anOrder + "/status", resource: "30", scopes: scopesWrite, limit: perHour(10000), handler: (*Market).putStatus},
	{method: "POST", pattern: "/v2/campaigns/{campaignId}/orders/status-update", resource: "117", scopes: scopesWrite, limit: perHour(10000), items: true, handler: (*Market).updateStatuses},
	{method: "PUT", pattern: anOrder + "/boxes", resource: "206", scopes: scopesWrite, limit: perHour(10000), handler: (*Market).putBoxes},
	{method: "PUT", pattern: anOrder + "/cancellation/accept", resource: "137", scopes: scopesWrite, limit: perHour(500), handler: (*Market).answerCancellation},
	{method: "PUT", pattern: anOrder + "/items", resource: "57", scopes: scopesWrite, limit: perHour(10000), parallel: 6, handler: (*Market).putItems},
	{method: "GET", pattern: "/v2/campaigns/{campaignId}/returns", resource: "148", scopes: scopesRead, limit: perHour(5000), noBody: true, handler: (*Market).listReturns},
	{method: "GET", pattern: anOrder + "/returns/{returnId}", resource: "159", scopes: scopesRead, limit: perHour(7000), noBody: true, handler: (*Market).getReturn},
	{method: "POST", pattern: "/v1/businesses/{businessId}/returns/decisions", resource: "287", scopes: scopesRead, limit: perHour(5000), handler: (*Market).listDecisions},
	{method: "POST", pattern: anOrder + "/returns/{returnId}/decision/submit", resource: "161", scopes: scopesWrite, limit: perHour(5000), handler: (*Market).submitDecision},
	{method: "POST", pattern: anOrder + "/delivery/track", resource: "136", scopes: scopesWrite, limit: perHour(10000), handler: (*Market).postTrack},
	{method: "POST", pattern: anOrder + "/identifiers/status", resource: "259", scopes: scopesRead, limit: perHour(1000), noBody: true, handler: (*Market).identifierStatus},
	{method: "GET", pattern: anOrder + "/buyer", resource: "130", scopes: scopesRead, limit: perHour(3000), noBody: true, handler: (*Market).getBuyer},
	{method: "POST", pattern: anOrder + "/external-id", resource: "255", scopes: scopesWrite, limit: perHour(1000), handler: (*Market).postExternalID},
	{method: "POST", pattern: "/v2/businesses/{businessId}/warehouses", resource: "243", scopes: scopesRead, limit: perHour(100), handler: (*Market).listWarehouses},
	{method: "POST", pattern: "/v2/businesses/{businessId}/offer-mappings", resource: "169", scopes: scopesStockRO, limit: perMinute(100), handler: (*Market).listOffers},
	{method: "POST", pattern: "/v3/businesses/{businessId}/offers/stocks/update", resource: "295", scopes: scopesStock, limit: perMinute(50), handler: (*Market).updateStocks},
	{method: "POST", pattern: "/v3/businesses/{businessId}/offers/stocks", resource: "298", scopes: scopesStockRO, limit: perMinute(500), handler: (*Market).readWarehouse},
	{method: "PUT", pattern: "/v2/campaigns/{campaignId}/offers/stocks", resource: "141", scopes: scopesStock, limit: perMinute(100000), items: true, handler: (*Market).putStocks},
	{method: "POST", pattern: "/v2/campaigns/{campaignId}/offers/stocks", resource: "201", scopes: scopesStockRO, limit: perMinute(100000), items: true, handler: (*Market).readStocks},
}

// call is one request that has passed the gate.
type call struct {
	r      *http.Request
	w      http.ResponseWriter
	m      *Market
	route  *route
	shop   campaign // zero for calls on the business
	entity string
	body   []byte
}

// apiError is a refusal in the Market's form. Codes are coarse there; what
// happened is in the message.
type apiError struct {
	http    int
	code    string
	message string
}

func refuse(format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, "BAD_REQUEST", fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) *apiError {
	return &apiError{http.StatusNotFound, "NOT_FOUND", fmt.Sprintf(format, args...)}
}

// saying changes the words of a 404: the methods differ in them.
func (e *apiError) saying(format string, args ...any) *apiError {
	if e.http == http.StatusNotFound {
		return notFound(format, args...)
	}
	return e
}

func forbidden(format string, args ...any) *apiError {
	return &apiError{http.StatusForbidden, "FORBIDDEN", fmt.Sprintf(format, args...)}
}

func unauthorized(message string) *apiError {
	return &apiError{http.StatusUnauthorized, "UNAUTHORIZED", message}
}

const statusEnhanceYourCalm = 420

func tooMany(message string) *apiError {
	return &apiError{statusEnhanceYourCalm, "LIMIT_EXCEEDED", message}
}

func (e *apiError) write(w http.ResponseWriter) {
	writeJSON(w, e.http, map[string]any{
		"status": "ERROR", "errors": []map[string]string{{"code": e.code, "message": e.message}},
	})
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "simulator: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(body)
}

func (m *Market) routes() http.Handler {
	byPattern := map[string]map[string]*route{}
	mux := http.NewServeMux()
	for _, r := range allRoutes {
		if byPattern[r.pattern] == nil {
			byPattern[r.pattern] = map[string]*route{}
			mux.HandleFunc(r.pattern, m.serve(byPattern[r.pattern]))
		}
		byPattern[r.pattern][r.method] = r
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { notFound("Resource not found").write(w) })
	return mux
}

func (m *Market) serve(methods map[string]*route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rt := methods[r.Method]
		if rt == nil {
			e := apiError{http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", fmt.Sprintf("Request method '%s' not supported", r.Method)}
			e.write(w)
			return
		}
		c := &call{r: r, w: w, m: m, route: rt}
		answer, fail := m.handle(c)
		if fail != nil {
			fail.write(w)
			return
		}
		if _, none := answer.(noBody); none {
			w.WriteHeader(http.StatusOK)
			return
		}
		writeJSON(w, http.StatusOK, answer)
	}
}

// handle is the gate: key, shop, scope, limits, body; then the call itself.
func (m *Market) handle(c *call) (any, *apiError) {
	if fail := m.authorise(c.r); fail != nil {
		return nil, fail
	}
	if fail := c.resolve(); fail != nil {
		return nil, fail
	}
	if !anyOf(m.opts.Scopes, c.route.scopes) {
		return nil, forbidden("Token does not have any of the scopes to access the API method: %s", strings.Join(c.route.scopes, ", "))
	}
	leave, highest, ok := m.limits.enter(c.entity, c.route)
	if !ok {
		return nil, tooMany(parallelMessage(highest, c.entity))
	}
	defer leave()
	if !c.route.items {
		if fail := c.charge(1); fail != nil {
			return nil, fail
		}
	}
	if fail := c.read(); fail != nil {
		return nil, fail
	}
	return c.route.handler(m, c)
}

func (m *Market) authorise(r *http.Request) *apiError {
	key := r.Header.Get("Api-Key")
	switch {
	case key == "" && r.Header.Get("Authorization") != "":
		return forbidden("OAuth token is invalid") // the simulated account has none
	case key == "":
		return unauthorized("Credentials are not specified")
	case strings.HasPrefix(key, "Bearer"):
		return unauthorized("Api-Key token prefix invalid")
	case key != m.opts.APIKey:
		return unauthorized("Api-Key token is invalid")
	}
	return nil
}

// resolve finds whom the path speaks of.
func (c *call) resolve() *apiError {
	c.entity = fmt.Sprintf("businessId %d", BusinessID)
	if text := c.r.PathValue("businessId"); text != "" {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return refuse("Type mismatch: %s", text)
		}
		if id != BusinessID {
			return forbidden("Access denied")
		}
	}
	if text := c.r.PathValue("campaignId"); text != "" {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return refuse("Type mismatch: %s", text)
		}
		shop, ok := campaignByID(id)
		if !ok {
			return forbidden("Access denied")
		}
		c.shop, c.entity = shop, fmt.Sprintf("campaignId %d", id)
	}
	return nil
}

// charge takes n from the limit of the operation and reports what is left.
func (c *call) charge(n int) *apiError {
	a, ok := c.m.limits.take(c.entity, c.route, n, c.m.opts.Now())
	a.headers(c.w.Header())
	if !ok {
		return tooMany(resourceMessage(a.limit, c.route.limit.word, c.route.resource, c.entity))
	}
	return nil
}

const maxBody = 512 << 10

func (c *call) read() *apiError {
	body, err := io.ReadAll(io.LimitReader(c.r.Body, maxBody+1))
	if err != nil {
		return refuse("Unexpected end of content")
	}
	if len(body) > maxBody {
		return refuse("The request is too big: Maximum allowed request size must be less than %d KB", maxBody>>10)
	}
	if len(body) > 0 && !c.route.noBody {
		media, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
		if err != nil || media != "application/json" {
			return &apiError{http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", fmt.Sprintf("Content type '%s' not supported", c.r.Header.Get("Content-Type"))}
		}
	}
	c.body = body
	return nil
}

// decode reads the body. Unknown fields pass silently, as they do there.
func (c *call) decode(into any) *apiError {
	if len(c.body) == 0 {
		return refuse("Required request body is missing")
	}
	err := json.Unmarshal(c.body, into)
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType):
		return refuse("Illegal input at '%s'", wrongType.Field)
	case err != nil:
		return refuse("JSON: %s", err)
	}
	return nil
}

func anyOf(have, want []string) bool {
	for _, h := range have {
		for _, w := range want {
			if h == w {
				return true
			}
		}
	}
	return false
}

// faultRateLimited is a 420 by fault injection: either kind, by turns of chance.
func (m *Market) faultRateLimited(w http.ResponseWriter, _ *http.Request) {
	entity := fmt.Sprintf("businessId %d", BusinessID)
	if m.inject.Chance("420 kind", 0.5) {
		tooMany(parallelMessage(4, entity)).write(w)
		return
	}
	wait := 5 * time.Second
	if m.opts.Fast {
		wait = 50 * time.Millisecond
	}
	allowance{limit: 10000, until: m.opts.Now().Add(wait)}.headers(w.Header())
	tooMany(resourceMessage(10000, "1 hour", "283", entity)).write(w)
}

func (m *Market) faultServer(w http.ResponseWriter, _ *http.Request) {
	e := apiError{http.StatusInternalServerError, "INTERNAL_SERVER_ERROR", "Internal server error"}
	if m.inject.Chance("5xx kind", 0.5) {
		e = apiError{http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE", "Service temporarily unavailable. Please, try again later"}
	}
	e.write(w)
}
