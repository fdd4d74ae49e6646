package specs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"sort"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Wrap validates each request and each answer that passes against the document
// and calls report for every violation, from the goroutine of the request. The
// traffic itself is not changed. An answer that is cut (a panic with
// http.ErrAbortHandler) is not validated.
func (d *Doc) Wrap(next http.Handler, report func(v Violation)) http.Handler {
	return WrapAny([]*Doc{d}, next, report)
}

// WrapAny is Wrap with several documents: the first one that has the operation
// is used.
func WrapAny(docs []*Doc, next http.Handler, report func(v Violation)) http.Handler {
	var unknown sync.Map
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		doc, rt, params := find(docs, r)
		if doc == nil {
			if _, seen := unknown.LoadOrStore(r.Method+" "+r.URL.Path, true); !seen {
				report(Violation{Method: r.Method, Path: r.URL.Path, Part: "request", Message: NotInDocument})
			}
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		for _, m := range doc.checkRequest(rt, params, r, body) {
			report(Violation{Method: r.Method, Path: r.URL.Path, Part: "request", Message: m})
		}
		rec := &recorder{ResponseWriter: w}
		next.ServeHTTP(rec, r)
		for _, m := range doc.checkResponse(rt, rec) {
			report(Violation{Method: r.Method, Path: r.URL.Path, Status: rec.code(), Part: "response", Message: m})
		}
	})
}

func (d *Doc) checkRequest(rt *route, params map[string]string, r *http.Request, body []byte) []string {
	input := &openapi3filter.RequestValidationInput{
		Request: r.Clone(r.Context()), PathParams: params,
		Route: &routers.Route{Spec: d.spec, Path: rt.path, PathItem: rt.item, Method: rt.method, Operation: rt.op},
		Options: &openapi3filter.Options{
			ExcludeRequestBody: true, MultiError: true, SkipSettingDefaults: true,
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		},
	}
	out := messages(openapi3filter.ValidateRequest(r.Context(), input))
	out = append(out, unknownQuery(rt, r)...)
	return append(out, checkRequestBody(rt.op, r, body)...)
}

// unknownQuery names query parameters that the operation does not have: the
// real servers ignore them silently, and a filter that is ignored loses orders.
func unknownQuery(rt *route, r *http.Request) []string {
	known := map[string]bool{}
	for _, list := range []openapi3.Parameters{rt.item.Parameters, rt.op.Parameters} {
		for _, p := range list {
			if p.Value != nil && p.Value.In == "query" {
				known[p.Value.Name] = true
			}
		}
	}
	var out []string
	for name := range r.URL.Query() {
		if !known[name] && !known[name+"[]"] {
			out = append(out, fmt.Sprintf("query parameter %q: not in the document", name))
		}
	}
	sort.Strings(out)
	return out
}

func checkRequestBody(op *openapi3.Operation, r *http.Request, body []byte) []string {
	empty := len(bytes.TrimSpace(body)) == 0
	if op.RequestBody == nil || op.RequestBody.Value == nil {
		if empty {
			return nil
		}
		return []string{"body: the document has none for this operation"}
	}
	want := op.RequestBody.Value
	if empty {
		if want.Required {
			return []string{"body: missing"}
		}
		return nil
	}
	return checkBody(want.Content, r.Header.Get("Content-Type"), body, openapi3.VisitAsRequest(), nil)
}

// checkResponse validates an answer by its real status. A status that is not
// listed is counted; "default" stands for failures only.
func (d *Doc) checkResponse(rt *route, rec *recorder) []string {
	status := rec.code()
	var ref *openapi3.ResponseRef
	if rt.op.Responses != nil {
		ref = rt.op.Responses.Status(status)
		if ref == nil && status >= 400 {
			ref = rt.op.Responses.Default()
		}
	}
	if ref == nil || ref.Value == nil {
		d.skipped.Add(1)
		return nil
	}
	if len(ref.Value.Content) == 0 {
		return nil
	}
	if rec.body.Len() == 0 {
		return []string{"body: missing"}
	}
	return checkBody(ref.Value.Content, rec.Header().Get("Content-Type"), rec.body.Bytes(), openapi3.VisitAsResponse(),
		func() { d.skipped.Add(1) })
}

func checkBody(content openapi3.Content, contentType string, body []byte, as openapi3.SchemaValidationOption, skipped func()) []string {
	mt, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return []string{fmt.Sprintf("Content-Type %q: cannot be read", contentType)}
	}
	media := content.Get(mt)
	if media == nil {
		var known []string
		for k := range content {
			known = append(known, k)
		}
		sort.Strings(known)
		return []string{fmt.Sprintf("Content-Type %q: the document has %s", mt, strings.Join(known, ", "))}
	}
	isJSON := mt == "application/json" || strings.HasSuffix(mt, "+json")
	if !isJSON || media.Schema == nil || media.Schema.Value == nil {
		if skipped != nil {
			skipped()
		}
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return []string{"body: not JSON"}
	}
	out := messages(media.Schema.Value.VisitJSON(value, as, openapi3.MultiErrors()))
	return append(out, unknownFields(media.Schema.Value, value, "")...)
}

// messages flattens the library's errors into one short line each.
func messages(err error) []string {
	if err == nil {
		return nil
	}
	var many openapi3.MultiError
	var schema *openapi3.SchemaError
	var request *openapi3filter.RequestError
	switch {
	case errors.As(err, &request) && request.Parameter != nil:
		prefix := fmt.Sprintf("%s parameter %q: ", request.Parameter.In, request.Parameter.Name)
		inner := messages(request.Err)
		if len(inner) == 0 {
			inner = []string{request.Reason}
		}
		for i := range inner {
			inner[i] = prefix + inner[i]
		}
		return inner
	case errors.As(err, &many):
		var out []string
		for _, e := range many {
			out = append(out, messages(e)...)
		}
		return out
	case errors.As(err, &schema):
		return []string{fmt.Sprintf("/%s: %s", strings.Join(schema.JSONPointer(), "/"), oneLine(schema.Reason))}
	default:
		return []string{oneLine(err.Error())}
	}
}

func oneLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if len(s) > 300 {
		s = s[:300] + "…"
	}
	return s
}

// recorder keeps a copy of an answer while it is written.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// WriteHeader notes the status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write copies what is written.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	r.body.Write(p)
	return r.ResponseWriter.Write(p)
}

// Unwrap serves http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
