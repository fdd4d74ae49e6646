package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/all"
	"github.com/orderhub/orderhub/demo"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/notify"
	"github.com/orderhub/orderhub/panel"
	"github.com/orderhub/orderhub/people"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/server"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

// cheap makes password hashes fast.
var cheap = people.HashCost{Memory: 64, Passes: 1}

// hookSecret signs the webhooks of the shop in these tests.
const hookSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

// options set up a world.
type options struct {
	// sims adds the simulators of the marketplaces and starts the background
	// work.
	sims     bool
	server   server.Options
	provider *people.Provider
	channels []channel.Channel
	// private is a network that webhooks may go to.
	private string
}

// world is a hub behind a real HTTP server.
type world struct {
	store  *store.Store
	hub    *pipeline.Hub
	people *people.People
	owner  *browser
	srv    *httptest.Server
	token  string
	sims   *demo.Sims
	routes routers.Router
	doc    *openapi3.T
	log    *logText

	mu      sync.Mutex
	secrets []string
	// checked counts the answers that were held against the document.
	checked int
	seen    map[string]bool
}

// each runs a test on a hub over each engine.
func each(t *testing.T, opts options, f func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) { f(t, newWorld(t, s, opts)) })
}

func newWorld(t *testing.T, s *store.Store, opts options) *world {
	t.Helper()
	w := &world{store: s, log: &logText{}, seen: map[string]bool{}}
	log := slog.New(slog.NewTextHandler(w.log, nil))
	channels := opts.channels
	if channels == nil {
		channels = all.All()
	}
	private, err := notify.Prefixes("private", strings.Fields(opts.private))
	if err != nil {
		t.Fatal(err)
	}
	w.hub, err = pipeline.New(pipeline.Options{
		Private: private, ExchangeDir: t.TempDir(),
		Store: s, Channels: channels, Log: log, Scale: 0.02, QuotaScale: 10, Tick: 100 * time.Millisecond,
		HTTP: &http.Client{Timeout: 10 * time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	if w.token, err = s.CreateToken(t.Context(), "tester"); err != nil {
		t.Fatal(err)
	}
	w.secrets = append(w.secrets, w.token, hookSecret)
	so := opts.server
	so.Hub, so.Log, so.Version = w.hub, log, "v0"
	if so.Rate == 0 {
		so.Rate = -1
	}
	if so.People == nil {
		if so.People, err = people.New(people.Options{Store: s, Log: log, Hash: cheap, Provider: opts.provider}); err != nil {
			t.Fatal(err)
		}
	}
	w.people = so.People
	so.Panel = panel.New(fstest.MapFS{}, so.Version) // not what happens to be built here
	handler := server.New(so)
	w.srv = httptest.NewServer(handler)
	t.Cleanup(func() {
		w.srv.Close()
		for _, s := range w.secrets {
			if strings.Contains(w.log.String(), s) {
				t.Error("the log holds a secret")
			}
		}
	})
	w.doc, w.routes = document(t, handler)
	if opts.sims {
		w.startSims(t)
	}
	return w
}

// startSims connects an account of each marketplace, and starts the hub.
func (w *world) startSims(t *testing.T) {
	t.Helper()
	w.sims = demo.NewSims(demo.SimOptions{Seed: 1, QuotaScale: 10, Fast: true})
	t.Cleanup(w.sims.Close)
	sims := httptest.NewServer(w.sims)
	t.Cleanup(sims.Close)
	for _, m := range w.sims.Markets() {
		settings := demo.AccountSettings(m, sims.URL)
		w.addAccount(t, demo.AccountID(m.Channel()), m.Channel(), settings)
		c, err := w.hub.Channel(m.Channel())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range c.Descriptor.Settings {
			if s.Secret && settings[s.Key] != "" {
				w.hide(settings[s.Key])
			}
		}
	}
	if err := w.hub.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = w.hub.Stop(ctx)
	})
}

func (w *world) addAccount(t *testing.T, id string, ch orderhub.Channel, settings map[string]string) orderhub.Account {
	t.Helper()
	a, err := w.hub.AddAccount(t.Context(), id, ch, "", settings)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// shop adds the account "shop" of a site with a webhook secret.
func (w *world) shop(t *testing.T) orderhub.Account {
	t.Helper()
	return w.addAccount(t, "shop", "site", map[string]string{"secret": hookSecret})
}

// hide names a text that must be in no answer from here on, and in no log.
func (w *world) hide(secret string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = append(w.secrets, secret)
}

// reply is an answer of the hub.
type reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// do calls the API below /api/v1 with the token. body is sent as it is when it
// is a string or bytes, else as JSON. Every answer is held against the document
// and looked through for what must not be in it.
func (w *world) do(t *testing.T, method, path string, body any, header ...string) reply {
	t.Helper()
	return w.raw(t, method, "/api/v1"+path, body, append([]string{"Authorization", "Bearer " + w.token}, header...)...)
}

// raw calls any address of the server. A header given twice counts as last
// given; with an empty value it is left out.
func (w *world) raw(t *testing.T, method, path string, body any, header ...string) reply {
	t.Helper()
	var payload []byte
	switch b := body.(type) {
	case nil:
	case string:
		payload = []byte(b)
	case []byte:
		payload = b
	default:
		var err error
		if payload, err = json.Marshal(b); err != nil {
			t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), method, w.srv.URL+path, bytes.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	resp, err := w.srv.Client().Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	r := reply{Status: resp.StatusCode, Header: resp.Header}
	if r.Body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	w.inspect(t, req, r)
	return r
}

// leaks are words of the hub's inside.
var leaks = regexp.MustCompile(`(?i)\bsqlite|\bSQLSTATE|\bSELECT .* FROM|sql: |goroutine \d|runtime error|panic|json: cannot|Go struct|\.go:\d|\bint64\b|\*?orderhub\.[A-Z]|0x[0-9a-f]{6}`)

// inspect looks at an answer as a stranger would.
func (w *world) inspect(t *testing.T, req *http.Request, r reply) {
	t.Helper()
	name := fmt.Sprintf("%s %s → %d", req.Method, shorten(req.URL.RequestURI()), r.Status)
	w.mu.Lock()
	secrets := w.secrets
	w.mu.Unlock()
	for _, s := range secrets {
		if bytes.Contains(r.Body, []byte(s)) {
			t.Errorf("%s: the answer holds a secret", name)
		}
	}
	if r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("%s: security headers are missing", name)
	}
	if !strings.HasPrefix(req.URL.Path, "/api/") || req.Method == http.MethodHead {
		return
	}
	if r.Status >= 400 {
		p := r.problem(t)
		if leak := leaks.FindString(string(r.Body)); leak != "" {
			t.Errorf("%s: the problem tells of the inside (%q): %s", name, leak, r.Body)
		}
		if p.Status != r.Status || p.Title == "" || p.Detail == "" || p.Code == "" {
			t.Errorf("%s: not a whole problem: %s", name, r.Body)
		}
	}
	w.conform(t, name, req, r)
}

// conform holds an answer against the OpenAPI document.
func (w *world) conform(t *testing.T, name string, req *http.Request, r reply) {
	t.Helper()
	// The router of the document takes an escaped slash for a step in the path.
	plain, err := http.NewRequest(req.Method, "http://hub"+strings.ReplaceAll(req.URL.RequestURI(), "%2F", "_"), nil)
	if err != nil {
		t.Fatal(err)
	}
	route, params, err := w.routes.FindRoute(plain)
	if err != nil || r.Status == http.StatusMethodNotAllowed || strings.HasSuffix(req.URL.Path, "/") {
		return // not an address of the API; the router finds it nevertheless
	}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: plain, PathParams: params, Route: route},
		Status:                 r.Status, Header: r.Header, Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	in.SetBodyBytes(r.Body)
	// Problems are all alike and were read strictly: one of each is enough.
	if r.Status >= 400 && !w.firstOf(fmt.Sprint(route.Operation.OperationID, r.Status)) {
		return
	}
	if err := openapi3filter.ValidateResponse(t.Context(), in); err != nil {
		t.Errorf("%s: not as the document says: %v\n%s", name, err, shorten(string(r.Body)))
	}
	w.mu.Lock()
	w.checked++
	w.mu.Unlock()
}

func (w *world) firstOf(kind string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen[kind]
	w.seen[kind] = true
	return !seen
}

// problem decodes a problem; the test fails when it is none.
func (r reply) problem(t *testing.T) api.Problem {
	t.Helper()
	var p api.Problem
	dec := json.NewDecoder(bytes.NewReader(r.Body))
	dec.DisallowUnknownFields()
	if ct := r.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("an error as %q: %s", ct, shorten(string(r.Body)))
	} else if err := dec.Decode(&p); err != nil {
		t.Errorf("a problem that cannot be read: %v: %s", err, shorten(string(r.Body)))
	}
	return p
}

// refused checks the status of a refusal and that it names field and words.
func (r reply) refused(t *testing.T, status int, field string, words ...string) {
	t.Helper()
	if r.Status != status {
		t.Errorf("want %d, got %d: %s", status, r.Status, shorten(string(r.Body)))
		return
	}
	p := r.problem(t)
	if p.Field != field {
		t.Errorf("want the field %q named, got %q: %s", field, p.Field, p.Detail)
	}
	for _, w := range append(words, field) {
		if !strings.Contains(p.Detail, w) {
			t.Errorf("%q is not in the sentence: %s", w, p.Detail)
		}
	}
}

// into checks the status and decodes the answer.
func (r reply) into(t *testing.T, status int, out any) {
	t.Helper()
	if r.Status != status {
		t.Fatalf("want %d, got %d: %s", status, r.Status, shorten(string(r.Body)))
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(r.Body, out); err != nil {
		t.Fatalf("%v: %s", err, shorten(string(r.Body)))
	}
}

func shorten(s string) string {
	if len(s) > 600 {
		return s[:600] + "…"
	}
	return s
}

// document loads the API's own document, read over HTTP.
func document(t *testing.T, h http.Handler) (*openapi3.T, routers.Router) {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/api/openapi.json", nil))
	if rec.Code != http.StatusOK {
		t.Fatalf("the document: %d", rec.Code)
	}
	doc, err := openapi3.NewLoader().LoadFromData(rec.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	routes, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return doc, routes
}

// logText collects what the hub logs.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// payload is an order of the shop's site.
func payload(id string, version int, change ...func(m map[string]any)) map[string]any {
	m := map[string]any{
		"id": id, "number": "N-" + id, "version": version, "status": "new", "currency": "RUB", "created_at": "2026-11-20T10:00:00+03:00",
		"customer": map[string]any{"name": "Лев Пробный", "phone": "+7 900 000-00-01", "email": "lev@example.org"},
		"lines":    []any{map[string]any{"sku": "0557722", "name": "Чашка", "qty": 2, "price": "150.50"}},
	}
	for _, f := range change {
		f(m)
	}
	return m
}

func set(key string, v any) func(m map[string]any) { return func(m map[string]any) { m[key] = v } }

// send sends an order in and wants it taken.
func (w *world) send(t *testing.T, account string, order map[string]any) api.Taken {
	t.Helper()
	r := w.do(t, http.MethodPost, "/accounts/"+account+"/orders", order)
	if r.Status != http.StatusOK && r.Status != http.StatusCreated {
		t.Fatalf("%d: %s", r.Status, r.Body)
	}
	var out api.Taken
	r.into(t, r.Status, &out)
	return out
}

// list reads one page of orders.
func (w *world) list(t *testing.T, query url.Values) api.OrderPage {
	t.Helper()
	var page api.OrderPage
	w.do(t, http.MethodGet, "/orders?"+query.Encode(), nil).into(t, http.StatusOK, &page)
	return page
}

// eventually waits for what the background work brings about. The limit is for
// hubs that are broken, not for slow machines.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("never came: %s", what)
}

// place lets a buyer order, and waits until the hub has the order.
func (w *world) place(t *testing.T, m marketsim.Market, spec marketsim.OrderSpec) api.OrderCard {
	t.Helper()
	if spec.Lines == nil {
		spec.Lines = []marketsim.SpecLine{{SKU: "CUP-1", Quantity: 1, PriceMinor: 15000}}
	}
	ids, err := m.Place(spec)
	if err != nil {
		t.Fatal(err)
	}
	return w.await(t, m, ids[0], func(api.OrderCard) bool { return true })
}

// await waits until the hub shows an order as wanted.
func (w *world) await(t *testing.T, m marketsim.Market, id string, want func(api.OrderCard) bool) api.OrderCard {
	t.Helper()
	var card api.OrderCard
	eventually(t, "order "+id+" of "+string(m.Channel()), func() bool {
		r := w.do(t, http.MethodGet, "/accounts/"+demo.AccountID(m.Channel())+"/orders/"+url.PathEscape(id), nil)
		if r.Status != http.StatusOK {
			return false
		}
		card = api.OrderCard{}
		r.into(t, http.StatusOK, &card)
		return want(card)
	})
	return card
}

func serverRate(perSecond float64) server.Options { return server.Options{Rate: perSecond} }
