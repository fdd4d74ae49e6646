package specs

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// route is one operation. The library's routers are not used: they match hosts,
// and these documents give none, one without a scheme, or one per path.
type route struct {
	method, path string
	segments     []string
	literals     int
	item         *openapi3.PathItem
	op           *openapi3.Operation
}

func routesOf(spec *openapi3.T) []route {
	var out []route
	for path, item := range spec.Paths.Map() {
		segments := strings.Split(strings.TrimSpace(path), "/")
		literals := 0
		for _, s := range segments {
			if !isParam(s) {
				literals++
			}
		}
		for method, op := range item.Operations() {
			out = append(out, route{method, path, segments, literals, item, op})
		}
	}
	return out
}

func isParam(segment string) bool {
	return strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "}")
}

// find picks the operation with the most literal segments.
func find(docs []*Doc, r *http.Request) (*Doc, *route, map[string]string) {
	segments := strings.Split(r.URL.EscapedPath(), "/")
	for _, d := range docs {
		var best *route
		for i := range d.routes {
			rt := &d.routes[i]
			if rt.method == r.Method && rt.matches(segments) && (best == nil || rt.literals > best.literals) {
				best = rt
			}
		}
		if best != nil {
			return d, best, best.params(segments)
		}
	}
	return nil, nil, nil
}

func (rt *route) matches(segments []string) bool {
	if len(segments) != len(rt.segments) {
		return false
	}
	for i, want := range rt.segments {
		if isParam(want) {
			if segments[i] == "" {
				return false
			}
			continue
		}
		if segments[i] != want {
			return false
		}
	}
	return true
}

func (rt *route) params(segments []string) map[string]string {
	out := map[string]string{}
	for i, want := range rt.segments {
		if !isParam(want) {
			continue
		}
		v, err := url.PathUnescape(segments[i])
		if err != nil {
			v = segments[i]
		}
		out[strings.Trim(want, "{}")] = v
	}
	return out
}
