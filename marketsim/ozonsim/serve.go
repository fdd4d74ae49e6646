package ozonsim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

// method serves one path: it gets the raw body and is called under the lock.
type method struct {
	serve func(m *Market, now time.Time, body []byte) (any, *apiError)
	// bodyless methods have no request body in the document.
	bodyless bool
}

func handle[T any](f func(m *Market, now time.Time, req T) (any, *apiError)) method {
	return method{serve: func(m *Market, now time.Time, body []byte) (any, *apiError) {
		var req T
		if len(bytes.TrimSpace(body)) == 0 {
			return nil, invalid("empty request body")
		}
		if err := json.Unmarshal(body, &req); err != nil {
			return nil, invalid("invalid request body")
		}
		return f(m, now, req)
	}}
}

func bodyless(f func(m *Market, now time.Time) (any, *apiError)) method {
	return method{bodyless: true, serve: func(m *Market, now time.Time, _ []byte) (any, *apiError) { return f(m, now) }}
}

// methods is the table of everything served.
var methods = map[string]method{
	"/v4/posting/fbs/unfulfilled/list":         handle((*Market).listUnfulfilled),
	"/v4/posting/fbs/list":                     handle((*Market).listFBS),
	"/v3/posting/fbs/get":                      handle((*Market).getFBS),
	"/v3/posting/fbo/list":                     handle((*Market).listFBO),
	"/v2/posting/fbo/get":                      handle((*Market).getFBO),
	"/v4/posting/fbs/ship":                     handle((*Market).ship),
	"/v4/posting/fbs/ship/package":             handle((*Market).shipPackage),
	"/v1/posting/fbs/split":                    handle((*Market).split),
	"/v2/posting/fbs/cancel":                   handle((*Market).cancelPosting),
	"/v2/posting/fbs/product/cancel":           handle((*Market).cancelProducts),
	"/v1/posting/fbs/cancel-reason":            handle((*Market).reasons),
	"/v2/posting/fbs/cancel-reason/list":       bodyless((*Market).reasonList),
	"/v2/fbs/posting/delivering":               moveMethod(moveDelivering),
	"/v2/fbs/posting/last-mile":                moveMethod(moveLastMile),
	"/v2/fbs/posting/delivered":                moveMethod(moveDelivered),
	"/v2/fbs/posting/tracking-number/set":      handle((*Market).setTracking),
	"/v2/posting/fbs/awaiting-delivery":        handle((*Market).toDelivery),
	"/v2/posting/fbs/arbitration":              handle((*Market).toArbitration),
	"/v1/returns/list":                         handle((*Market).listReturns),
	"/v2/returns/rfbs/list":                    handle((*Market).listRequests),
	"/v2/returns/rfbs/get":                     handle((*Market).getRequest),
	"/v1/returns/rfbs/action/set":              handle((*Market).setAction),
	"/v2/conditional-cancellation/list":        handle((*Market).listAsks),
	"/v2/conditional-cancellation/approve":     handle((*Market).approveAsk),
	"/v2/conditional-cancellation/reject":      handle((*Market).rejectAsk),
	"/v1/roles":                                bodyless((*Market).roles),
	"/v1/seller/info":                          bodyless((*Market).sellerInfo),
	"/v2/warehouse/list":                       handle((*Market).warehouses),
	"/v3/product/list":                         handle((*Market).listProducts),
	"/v3/product/info/list":                    handle((*Market).productInfo),
	"/v2/products/stocks":                      handle((*Market).setStocks),
	"/v2/product/info/stocks-by-warehouse/fbs": handle((*Market).getStocks),
}

func moveMethod(mv movement) method {
	return handle(func(m *Market, now time.Time, req numbersRequest) (any, *apiError) { return m.moveRows(now, req, mv) })
}

// obsolete lists methods that Ozon has switched off by November 2026.
var obsolete = map[string]bool{
	"/v3/posting/fbs/list":                     true,
	"/v3/posting/fbs/unfulfilled/list":         true,
	"/v2/posting/fbo/list":                     true,
	"/v2/posting/fbs/ship":                     true,
	"/v3/posting/fbs/ship":                     true,
	"/v3/posting/fbs/ship/package":             true,
	"/v2/posting/fbs/act/create":               true,
	"/v2/posting/fbs/package-label":            true,
	"/v1/posting/fbs/package-label/create":     true,
	"/v2/posting/fbs/package-label/create":     true,
	"/v1/posting/fbs/package-label/get":        true,
	"/v1/warehouse/list":                       true,
	"/v1/product/info/stocks-by-warehouse/fbs": true,
	"/v1/product/import/stocks":                true,
	"/v1/conditional-cancellation/list":        true,
	"/v2/returns/rfbs/reject":                  true,
	"/v2/returns/rfbs/compensate":              true,
	"/v2/returns/rfbs/verify":                  true,
	"/v2/returns/rfbs/receive-return":          true,
	"/v2/returns/rfbs/return-money":            true,
	"/v3/returns/company/fbo":                  true,
	"/v3/returns/company/fbs":                  true,
	"/v2/fbs/posting/sent-by-seller":           true,
	"/v3/finance/transaction/list":             true,
	"/v3/finance/transaction/totals":           true,
}

// bodyLimit is far above any real call.
const bodyLimit = 8 << 20

// serve answers one call: credentials, quota, method.
func (m *Market) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if err != nil {
		invalid("request body cannot be read").write(w)
		return
	}
	if e := m.authorise(r); e != nil {
		e.write(w)
		return
	}
	m.pictures.Seen(r)
	left, retry, ok := m.quotas.take(r.URL.Path)
	if !ok {
		writeTooMany(w, retry)
		return
	}
	w.Header().Set("Ratelimit-Remaining", strconv.Itoa(left))
	call, known := methods[r.URL.Path]
	switch {
	case obsolete[r.URL.Path]:
		errObsolete.write(w)
		return
	case !known || r.Method != http.MethodPost:
		errNoMethod.write(w)
		return
	}
	answer, e := m.call(call, body)
	if e != nil {
		e.write(w)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (m *Market) call(c method, body []byte) (any, *apiError) {
	now := m.enter()
	defer m.mu.Unlock()
	return c.serve(m, now, body)
}

func (m *Market) authorise(r *http.Request) *apiError {
	client, key := r.Header.Get("Client-Id"), r.Header.Get("Api-Key")
	if client == "" || key == "" {
		return errNoCredentials
	}
	id, err := strconv.ParseInt(client, 10, 64)
	if err != nil || id <= 0 {
		return errClientID
	}
	if id != m.opts.ClientID || key != m.opts.APIKey {
		return errKey
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch m.key {
	case KeyActive:
		return nil
	case KeyDeactivated:
		return errKeyDeactivated
	case KeyNoRole:
		return errKeyRole
	case KeyRestricted:
		return errKeyIP
	}
	return nil
}

// num reads an int64 written as a number or as a string; the document types
// arrays of ids as strings and Ozon takes both.
type num int64

// UnmarshalJSON reads 5 and "5".
func (n *num) UnmarshalJSON(raw []byte) error {
	v, err := strconv.ParseInt(string(bytes.Trim(raw, `"`)), 10, 64)
	*n = num(v)
	return err
}

func contains(list []num, id int64) bool {
	for _, n := range list {
		if int64(n) == id {
			return true
		}
	}
	return false
}
