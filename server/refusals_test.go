package server_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/store/storetest"
)

// operation is one operation of the document with an address to call.
type operation struct {
	method, path, address string
	op                    *openapi3.Operation
}

func (o operation) String() string { return o.method + " " + o.path }

var placeholder = regexp.MustCompile(`\{([^}]+)\}`)

// operations lists all operations of the document; path parameters become
// something that could be.
func (w *world) operations() []operation {
	var out []operation
	for path, item := range w.doc.Paths.Map() {
		for method, op := range item.Operations() {
			address := placeholder.ReplaceAllStringFunc(path, func(p string) string {
				if p == "{account}" {
					return "shop"
				}
				return "1"
			})
			out = append(out, operation{method, path, address, op})
		}
	}
	slices.SortFunc(out, func(a, b operation) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// auth is the header with the token.
func (w *world) auth() []string { return []string{"Authorization", "Bearer " + w.token} }

// authFor is what an operation takes: some are for people only.
func (w *world) authFor(t *testing.T, o operation) []string {
	if o.op.Security == nil {
		return w.auth()
	}
	if w.owner == nil {
		w.owner = w.setUp(t, "owner")
	}
	return w.owner.headers()
}

// body is what to send to an operation that wants something.
func (o operation) body(text string) any {
	if o.op.RequestBody == nil {
		return nil
	}
	return text
}

func TestEveryRouteNeedsAToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{})
	for _, o := range w.operations() {
		if o.op.Security != nil && len((*o.op.Security)[0]) == 0 {
			continue // one signs in by it
		}
		for name, header := range map[string][]string{
			"none":           nil,
			"unknown":        {"Authorization", "Bearer oh_000000000000000000000000000000000000000000000000"},
			"empty":          {"Authorization", "Bearer "},
			"another scheme": {"Authorization", "Basic " + w.token},
			"bare":           {"Authorization", w.token},
			"with a tail":    {"Authorization", "Bearer " + w.token + " x"},
		} {
			r := w.raw(t, o.method, o.address, o.body("{}"), header...)
			if r.Status != http.StatusUnauthorized || !strings.HasPrefix(r.Header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s, token %s: %d, WWW-Authenticate %q", o, name, r.Status, r.Header.Get("WWW-Authenticate"))
			}
			if p := r.problem(t); p.Code != "denied" || !strings.Contains(p.Detail, "Authorization: Bearer") {
				t.Errorf("%s: %+v", o, p)
			}
		}
	}
}

func TestSchemeOfTheTokenInAnyCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{})
	for _, h := range []string{"Bearer " + w.token, "bearer " + w.token, "BEARER   " + w.token} {
		w.raw(t, http.MethodGet, "/api/v1/orders", nil, "Authorization", h).into(t, http.StatusOK, nil)
	}
}

// TestEveryRouteRefuses walks the document: what is not understood is refused
// by name, at every route.
func TestEveryRouteRefuses(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		for _, o := range w.operations() {
			t.Run(o.String(), func(t *testing.T) {
				good, auth := o.body("{}"), w.authFor(t, o)
				call := func(query string, body any, header ...string) reply {
					return w.raw(t, o.method, o.address+query, body, append(slices.Clone(auth), header...)...)
				}
				call("?acount=shop", good).refused(t, http.StatusUnprocessableEntity, "acount", "not known")
				call("?status=%zz", good).refused(t, http.StatusUnprocessableEntity, "status", "%-escapes")
				call("?a%00b=1", good).refused(t, http.StatusUnprocessableEntity, "a\uFFFDb")
				call("?status", good).refused(t, http.StatusUnprocessableEntity, "status")
				if strings.Contains(o.path, "{account}") {
					bad := strings.Replace(o.address, "/shop", "/%00", 1)
					w.raw(t, o.method, bad, good, w.auth()...).refused(t, http.StatusBadRequest, "")
					bad = strings.Replace(o.address, "/shop", "/%ff", 1)
					w.raw(t, o.method, bad, good, w.auth()...).refused(t, http.StatusBadRequest, "")
				}
				w.refuseNumbers(t, o, good, auth)
				if o.op.RequestBody != nil && !slices.Contains([]string{"import-goods", "add-photo", "set-preference"}, o.op.OperationID) { // files, see TestImportRefusals and TestPhotosByAPI; any JSON
					w.refuseBodies(t, o, call)
				}
			})
		}
	})
}

func (w *world) refuseNumbers(t *testing.T, o operation, body any, auth []string) {
	for _, name := range []string{"number", "id"} {
		if !strings.Contains(o.path, "{"+name+"}") || strings.Contains(o.path, "/accounts/") {
			continue
		}
		with := func(value string) string { // in the place of this number
			parts := strings.Split(o.address, "/")
			parts[slices.Index(strings.Split(o.path, "/"), "{"+name+"}")] = value
			return strings.Join(parts, "/")
		}
		for _, bad := range []string{"abc", "1.5", "99999999999999999999", "1e3"} {
			if o.op.RequestBody != nil {
				continue // the body is looked at together with the number
			}
			w.raw(t, o.method, with(bad), body, auth...).refused(t, http.StatusUnprocessableEntity, name, "whole number")
		}
		for _, unknown := range []string{"0", "-1", "9223372036854775807"} {
			if o.op.RequestBody != nil {
				continue
			}
			w.raw(t, o.method, with(unknown), body, auth...).refused(t, http.StatusNotFound, "")
		}
	}
}

func (w *world) refuseBodies(t *testing.T, o operation, call func(query string, body any, header ...string) reply) {
	call("", nil).refused(t, http.StatusBadRequest, "", "body")
	for _, broken := range []string{"{", `{"a":}`, "nonsense", `{"a":1}}`, "{} {}", "\xff", `{"to":"new",}`} {
		call("", broken).refused(t, http.StatusBadRequest, "", "not JSON")
	}
	call("", `{"a":1,"a":2}`).refused(t, http.StatusBadRequest, "a", "twice")
	call("", `{"x":["a\u0000"]}`).refused(t, http.StatusBadRequest, "x[0]", "U+0000")
	call("", strings.Repeat(`{"a":`, 10_000)+"1"+strings.Repeat("}", 10_000)).refused(t, http.StatusBadRequest, "")
	call("", strings.Repeat(`[`, 100)+strings.Repeat("]", 100)).refused(t, http.StatusBadRequest, "", "64 levels")
	for _, ct := range []string{"text/plain", "application/xml", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "json; +x"} {
		call("", "{}", "Content-Type", ct).refused(t, http.StatusUnsupportedMediaType, "", "application/json")
	}
	call("", `"`+strings.Repeat("x", 1<<20)+`"`).refused(t, http.StatusRequestEntityTooLarge, "", "1 MiB")
	for _, wrong := range []string{"[]", `"text"`, "1", "null", "true"} {
		if r := call("", wrong); r.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", wrong, r.Status, r.Body)
		}
	}
	if o.op.OperationID == "send-order" {
		return // shops send more than the hub knows; it is kept with the raw order
	}
	r := call("", `{"colour":"red"}`)
	p := r.problem(t)
	named := slices.ContainsFunc(append(p.Errors, &api.ProblemField{Field: p.Field, Message: p.Detail}), func(e *api.ProblemField) bool {
		return e.Field == "colour" && strings.Contains(e.Message, "known:")
	})
	if r.Status != http.StatusUnprocessableEntity || !named {
		t.Errorf("an unknown field is not refused by name: %s", r.Body)
	}
	for name := range o.op.RequestBody.Value.Content["application/json"].Schema.Value.Properties {
		r := call("", fmt.Sprintf(`{%q:{"a":[1]}}`, name))
		if r.Status != http.StatusUnprocessableEntity || !strings.Contains(string(r.Body), `"`+name) {
			t.Errorf("%s of a wrong type: %d %s", name, r.Status, r.Body)
		}
		// Field names have one spelling.
		if r := call("", fmt.Sprintf(`{%q:1}`, strings.ToUpper(name))); !strings.Contains(string(r.Body), "is not known here") {
			t.Errorf("%s is taken for %s: %s", strings.ToUpper(name), name, r.Body)
		}
	}
}

func TestMethodsAndAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{})
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"}
	byAddress := map[string][]string{}
	for _, o := range w.operations() {
		byAddress[o.address] = append(byAddress[o.address], o.method)
		if o.method == http.MethodGet {
			byAddress[o.address] = append(byAddress[o.address], http.MethodHead)
		}
	}
	byAddress["/api/openapi.json"] = []string{"GET", "HEAD"}
	for address, taken := range byAddress {
		for _, m := range methods {
			if slices.Contains(taken, m) {
				continue
			}
			r := w.raw(t, m, address, nil, w.auth()...)
			if m == http.MethodHead {
				if r.Status != http.StatusMethodNotAllowed {
					t.Errorf("HEAD %s: %d", address, r.Status)
				}
				continue
			}
			r.refused(t, http.StatusMethodNotAllowed, "", m)
			for _, want := range taken {
				if !slices.Contains(strings.Split(r.Header.Get("Allow"), ", "), want) {
					t.Errorf("%s %s: Allow is %q, want %s in it", m, address, r.Header.Get("Allow"), want)
				}
			}
		}
	}
	for _, address := range []string{"/api/", "/api/v1", "/api/v1/", "/api/v2/orders", "/api/v1/order", "/api/v1/orders/", "/api/v1/orders/1/2", "/api/docs", "/api/openapi.yaml"} {
		w.raw(t, http.MethodGet, address, nil).refused(t, http.StatusNotFound, "")
		w.raw(t, http.MethodPost, address, "{}", w.auth()...).refused(t, http.StatusNotFound, "")
	}
	r := w.raw(t, http.MethodHead, "/api/v1/orders", nil, w.auth()...)
	if r.Status != http.StatusOK || len(r.Body) > 0 {
		t.Errorf("HEAD: %d, %d bytes", r.Status, len(r.Body))
	}
	if r := w.raw(t, http.MethodHead, "/api/v1/orders", nil); r.Status != http.StatusUnauthorized {
		t.Errorf("HEAD without a token: %d", r.Status)
	}
}

// TestDatabaseAway: without a database every route says so and nothing of the
// inside.
func TestDatabaseAway(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		a := w.shop(t)
		if err := w.store.Close(); err != nil {
			t.Fatal(err)
		}
		for _, o := range w.operations() {
			w.raw(t, o.method, o.address, o.body("{}"), w.auth()...).refused(t, http.StatusServiceUnavailable, "", "database")
		}
		if r := w.raw(t, http.MethodGet, "/readyz", nil); r.Status != http.StatusServiceUnavailable || leaks.Match(r.Body) {
			t.Errorf("/readyz: %d %s", r.Status, r.Body)
		}
		if r := w.raw(t, http.MethodGet, "/healthz", nil); r.Status != http.StatusOK {
			t.Errorf("/healthz: %d", r.Status)
		}
		// A sender must try again: 404 would make it give up.
		r := w.raw(t, http.MethodPost, "/hooks/shop/"+a.HookKey, "{}")
		if r.Status != http.StatusServiceUnavailable || leaks.Match(r.Body) {
			t.Errorf("a webhook: %d %s", r.Status, r.Body)
		}
		if r := w.raw(t, http.MethodGet, "/metrics", nil); r.Status != http.StatusOK || leaks.Match(onlyOwn(r.Body)) || !strings.Contains(string(r.Body), "go_goroutines") {
			t.Errorf("/metrics: %d %s", r.Status, shorten(string(onlyOwn(r.Body))))
		}
		if !strings.Contains(w.log.String(), "database") && !strings.Contains(w.log.String(), "closed") {
			t.Errorf("the log does not say why: %s", w.log)
		}
	})
}

// onlyOwn keeps the hub's own metrics.
func onlyOwn(text []byte) []byte {
	var out []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "orderhub_") {
			out = append(out, line)
		}
	}
	return []byte(strings.Join(out, ""))
}

// TestRates: a token may make so many requests; then it is told when to come
// back, and other tokens go on.
func TestRates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{server: serverRate(0.5)})
	statuses := map[int]int{}
	for range 5 {
		r := w.do(t, http.MethodGet, "/channels", nil)
		statuses[r.Status]++
		if r.Status == http.StatusTooManyRequests {
			if s := r.Header.Get("Retry-After"); s != "1" && s != "2" {
				t.Errorf("Retry-After is %q", s)
			}
			r.refused(t, http.StatusTooManyRequests, "", "Retry-After")
		}
	}
	if statuses[http.StatusOK] != 1 || statuses[http.StatusTooManyRequests] != 4 {
		t.Errorf("one request per two seconds: %v", statuses)
	}
	other, err := w.store.CreateToken(t.Context(), "tester") // of the same name
	if err != nil {
		t.Fatal(err)
	}
	w.raw(t, http.MethodGet, "/api/v1/channels", nil, "Authorization", "Bearer "+other).into(t, http.StatusOK, nil)
	if r := w.raw(t, http.MethodGet, "/api/v1/channels", nil, "Authorization", "Bearer nobody"); r.Status != http.StatusUnauthorized {
		t.Errorf("an unknown token: %d", r.Status)
	}
}

func TestNoRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{server: serverRate(-1)})
	for range 150 {
		if r := w.raw(t, http.MethodGet, "/api/v1/channels?x=1", nil, w.auth()...); r.Status != http.StatusUnprocessableEntity {
			t.Fatalf("%d", r.Status)
		}
	}
}
