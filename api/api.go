// Package api is the REST API under /api/v1, written code-first: the OpenAPI
// document at /api/openapi.json is made from these types. It translates between
// HTTP and package pipeline and decides nothing itself.
package api

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

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
	// Rate is how many requests per second a token may make, after a burst of
	// twice as many; 0 = 50, -1 = no limit.
	Rate float64
	// ImportLimit caps a file to import, in bytes; 0 = the constant ImportLimit.
	ImportLimit int64
}

// API serves the REST API of one hub.
type API struct {
	hub   *pipeline.Hub
	store *store.Store
	log   *slog.Logger
	doc   *huma.OpenAPI
	rates *rates
	files *imports
}

// Register adds the API's routes and its OpenAPI document to a mux. Whatever else
// is below /api/ gets a problem as its answer.
func Register(mux *http.ServeMux, opts Options) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	cfg := huma.DefaultConfig("orderhub", opts.Version)
	cfg.OpenAPIPath = "" // served by serveDocument
	cfg.DocsPath = ""
	cfg.SchemasPath = ""
	cfg.CreateHooks = nil // no $schema fields in answers
	cfg.Formats = map[string]huma.Format{"application/json": format, "json": format}
	cfg.Info.Description = description
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "The API token that the hub printed at its first start."},
	}
	cfg.Security = []map[string][]string{{"token": {}}}
	h := humago.New(mux, cfg)
	a := &API{hub: opts.Hub, store: opts.Hub.Store(), log: opts.Log, doc: h.OpenAPI(), rates: newRates(opts.Rate)}
	a.files = newImports(a.hub, a.log, opts.ImportLimit)
	h.UseMiddleware(a.authorise(h), checkAddress(h))
	a.orders(h)
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
	a.imports(h)
	a.notifyRules(h)
	a.recipients(h)
	a.notices(h)
	a.texts(h)
	a.onec(h)
	trimProblems(a.doc)
	serveDocument(mux, a.doc)
	mux.HandleFunc("/api/", notFound(mux))
}

const description = `Orders of all channels in one ledger.

Times are RFC 3339 in UTC. Amounts are integers in minor units (kopecks) with an ISO 4217 code. Lists are read page by page
with the cursor that the previous page gave. Errors are application/problem+json; "detail" is a sentence for people and "code"
a word for programs. A query parameter or a field that the API does not know is refused by name. A token may make so many
requests per second (50 unless set otherwise); the answer to more is 429 with Retry-After.`

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

// op describes an operation. Which problems it can answer is told by what it is:
// refused lists further ones.
func op(id, method, path, tag, summary string, refused ...int) huma.Operation {
	errs := append([]int{http.StatusBadRequest, http.StatusUnauthorized}, refused...)
	if strings.Contains(path, "{") {
		errs = append(errs, http.StatusNotFound)
	}
	// huma adds 422 and 500.
	errs = append(append(errs, ofBody...), http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusServiceUnavailable)
	return huma.Operation{
		OperationID: id, Method: method, Path: "/api/v1" + path, Tags: []string{tag}, Summary: summary, Errors: errs,
		// huma refuses a body that reaches the limit.
		MaxBodyBytes: BodyLimit + 1,
	}
}

// body wraps an answer.
type body[T any] struct{ Body T }

func answer[T any](v T) *body[T] { return &body[T]{Body: v} }
