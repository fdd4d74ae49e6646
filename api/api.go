// Package api is the REST API under /api/v1, written code-first: the OpenAPI
// document at /api/openapi.json is made from these types. It translates between
// HTTP and package pipeline and decides nothing itself.
package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/orderhub/orderhub/people"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// BodyLimit caps the body of a request to the API, in bytes.
const BodyLimit = 1 << 20

// Options set up the API.
type Options struct {
	Hub *pipeline.Hub
	// Log gets what callers must not see; nil discards it.
	Log     *slog.Logger
	Version string
	// People lets callers in; nil = with the usual settings.
	People *people.People
	// Sender tells where a request comes from; nil = nobody knows.
	Sender func(*http.Request) netip.Addr
	// Secure tells whether a request came by https, perhaps through a proxy; nil = by
	// its connection.
	Secure func(*http.Request) bool
	// PublicURL is where people open the hub, "" = unknown.
	PublicURL string
	// OpenSetup lets who sits at this machine make the first user without the set-up
	// code; for a hub that nobody else reaches.
	OpenSetup bool
	// Rate is how many requests per second a caller may make, after a burst of
	// twice as many; 0 = 50, -1 = no limit.
	Rate float64
	// ImportLimit caps a file to import, in bytes; 0 = the constant ImportLimit.
	ImportLimit int64
}

// API serves the REST API of one hub.
type API struct {
	hub       *pipeline.Hub
	store     *store.Store
	log       *slog.Logger
	doc       *huma.OpenAPI
	rates     *rates
	files     *imports
	people    *people.People
	sender    func(*http.Request) netip.Addr
	secure    func(*http.Request) bool
	origins   *http.CrossOriginProtection
	openSetup bool
	live      *live
	audit     *auditor
}

// Register adds the API's routes and its OpenAPI document to a mux. Whatever else
// is below /api/ gets a problem as its answer.
func Register(mux *http.ServeMux, opts Options) *API {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	cfg := huma.DefaultConfig("orderhub", opts.Version)
	cfg.OpenAPIPath = "" // served by serveDocument
	cfg.DocsPath = ""
	cfg.SchemasPath = ""
	cfg.CreateHooks = nil // no $schema fields in answers
	cfg.Transformers = append(cfg.Transformers, maskAnswer)
	cfg.Formats = map[string]huma.Format{"application/json": format, "json": format}
	cfg.Info.Description = description
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "An API token: the one that the hub printed at its first start, or one of POST /tokens."},
		"session": {Type: "apiKey", In: "cookie", Name: cookieName(false), Description: "The cookie of POST /session, by https " + cookieName(true) + ". Changes need the header X-CSRF-Token as well."},
	}
	cfg.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	h := humago.New(mux, cfg)
	a := newAPI(opts)
	a.doc = h.OpenAPI()
	h.UseMiddleware(a.authorise(h), checkAddress(h))
	a.orders(h)
	a.overview(h)
	a.exportOrders(h)
	a.transitions(h)
	a.accounts(h)
	a.intake(h)
	a.inbox(h)
	a.effects(h)
	a.calls(h)
	a.audits(h)
	a.channels(h)
	a.products(h)
	a.stock(h)
	a.documents(h)
	a.listings(h)
	a.policies(h)
	a.reservations(h)
	a.goods(h)
	a.returns(h)
	a.customers(h)
	a.imports(h)
	a.notifyRules(h)
	a.recipients(h)
	a.notices(h)
	a.texts(h)
	a.marks(h)
	a.autoRules(h)
	a.signIn(h)
	a.sessions(h)
	a.me(h)
	a.users(h)
	a.tokens(h)
	a.auditLog(h)
	a.stream(h)
	a.provider(mux)
	a.onec(h)
	a.feed(h)
	a.endpoints(h)
	a.shipments(h)
	a.fileExchanges(h)
	trimProblems(a.doc)
	shareProblems(a.doc)
	serveDocument(mux, a.doc)
	mux.HandleFunc("/api/", notFound(mux))
	return a
}

func newAPI(opts Options) *API {
	a := &API{
		hub: opts.Hub, store: opts.Hub.Store(), log: opts.Log, rates: newRates(opts.Rate), people: opts.People, sender: opts.Sender,
		secure: opts.Secure, origins: http.NewCrossOriginProtection(), openSetup: opts.OpenSetup,
	}
	a.files = newImports(a.hub, a.log, opts.ImportLimit)
	a.live = newLive(a.store, a.log)
	a.audit = &auditor{store: a.store, log: a.log}
	if a.people == nil {
		var err error
		if a.people, err = people.New(people.Options{Store: a.store, Log: a.log}); err != nil {
			panic(err) // only for settings that cannot be, and there are none
		}
	}
	if a.sender == nil {
		a.sender = func(*http.Request) netip.Addr { return netip.Addr{} }
	}
	if a.secure == nil {
		a.secure = func(r *http.Request) bool { return r.TLS != nil }
	}
	if u, err := url.Parse(opts.PublicURL); err == nil && u.Host != "" {
		_ = a.origins.AddTrustedOrigin(u.Scheme + "://" + u.Host) // a browser's Host may be another behind a proxy
	}
	return a
}

// EndStreams ends the streams of news, for a hub that stops.
func (a *API) EndStreams() { a.live.end() }

// Flush waits until the audit log is written, once no request runs any more.
func (a *API) Flush(ctx context.Context) { a.audit.flush(ctx) }

const description = `Orders of all channels in one ledger.

Times are RFC 3339 in UTC. Amounts are integers in minor units (kopecks) with an ISO 4217 code. Lists are read page by page
with the cursor that the previous page gave. Errors are application/problem+json; "detail" is a sentence for people and "code"
a word for programs. A query parameter or a field that the API does not know is refused by name. A caller may make so many
requests per second (50 unless set otherwise); the answer to more is 429 with Retry-After. What an operation takes of its
caller stands under x-permissions; a role or a token without it gets 403.`

// serveDocument serves the OpenAPI document, made once: it does not change.
func serveDocument(mux *http.ServeMux, doc *huma.OpenAPI) {
	b, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("the OpenAPI document cannot be written: %v", err))
	}
	mux.HandleFunc("GET /api/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(b)
	})
}

// notFound answers what no route of the API takes: 405 where only the method is
// wrong, else 404.
func notFound(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			probe := r.Clone(r.Context())
			probe.Method = m
			if _, pattern := mux.Handler(probe); pattern != "/api/" {
				allowed = append(allowed, m)
			}
		}
		if len(allowed) == 0 {
			WriteProblem(w, http.StatusNotFound, "there is nothing at this address; /api/openapi.json lists what there is")
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		WriteProblem(w, http.StatusMethodNotAllowed, "this address does not take "+r.Method+"; it takes "+strings.Join(allowed, ", "))
	}
}

// ofBody are the refusals that only an operation with a body knows.
var ofBody = []int{http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType}

// trimProblems takes them off the operations without one.
func trimProblems(doc *huma.OpenAPI) {
	for _, item := range doc.Paths {
		for _, o := range []*huma.Operation{item.Get, item.Post, item.Patch, item.Delete} {
			if o == nil || o.RequestBody != nil {
				continue
			}
			for _, status := range ofBody {
				delete(o.Responses, strconv.Itoa(status))
			}
		}
	}
}

// shareProblems describes each kind of problem once: a third of the document would
// be repetitions.
func shareProblems(doc *huma.OpenAPI) {
	doc.Components.Responses = map[string]*huma.Response{}
	for _, item := range doc.Paths {
		for _, o := range []*huma.Operation{item.Get, item.Put, item.Post, item.Patch, item.Delete} {
			if o == nil {
				continue
			}
			for status, r := range o.Responses {
				code, err := strconv.Atoi(status)
				if err != nil || code < http.StatusBadRequest || len(r.Headers) > 0 || r.Description != http.StatusText(code) {
					continue
				}
				name := strings.ReplaceAll(http.StatusText(code), " ", "")
				doc.Components.Responses[name] = r
				o.Responses[status] = &huma.Response{Ref: "#/components/responses/" + name}
			}
		}
	}
}

// op describes an operation. Which problems it can answer is told by what it is:
// refused lists further ones.
func op(id, method, path, tag, summary string, refused ...int) huma.Operation {
	errs := append([]int{http.StatusBadRequest, http.StatusUnauthorized}, refused...)
	if strings.Contains(path, "{") {
		errs = append(errs, http.StatusNotFound)
	}
	n := needOf(id)
	if !n.open {
		errs = append(errs, http.StatusForbidden)
	}
	// huma adds 422 and 500.
	errs = append(append(errs, ofBody...), http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusServiceUnavailable)
	o := huma.Operation{
		OperationID: id, Method: method, Path: "/api/v1" + path, Tags: []string{tag}, Summary: summary, Errors: errs,
		// huma refuses a body that reaches the limit.
		MaxBodyBytes: BodyLimit + 1,
	}
	switch {
	case n.open:
		o.Security = []map[string][]string{{}}
	case n.person:
		o.Security = []map[string][]string{{"session": {}}}
	default:
		o.Extensions = map[string]any{"x-permissions": n.all}
	}
	return o
}

// body wraps an answer.
type body[T any] struct{ Body T }

func answer[T any](v T) *body[T] { return &body[T]{Body: v} }
