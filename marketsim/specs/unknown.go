package specs

import (
	"fmt"
	"sort"

	"github.com/getkin/kin-openapi/openapi3"
)

// unknownFields names fields that the schema does not have. A JSON schema lets
// them pass, and so do the real servers, silently: a misspelt field of a call
// is answered with success and does nothing.
func unknownFields(schema *openapi3.Schema, value any, pointer string) []string {
	switch v := value.(type) {
	case []any:
		var out []string
		for _, s := range parts(schema, 0) {
			if s.Items == nil || s.Items.Value == nil {
				continue
			}
			for i, e := range v {
				out = append(out, unknownFields(s.Items.Value, e, fmt.Sprintf("%s/%d", pointer, i))...)
			}
			break
		}
		return out
	case map[string]any:
		return unknownInObject(schema, v, pointer)
	default:
		return nil
	}
}

func unknownInObject(schema *openapi3.Schema, v map[string]any, pointer string) []string {
	known := map[string][]*openapi3.Schema{}
	for _, s := range parts(schema, 0) {
		if len(s.Properties) == 0 && len(s.AllOf)+len(s.OneOf)+len(s.AnyOf) == 0 {
			return nil // an object of any shape
		}
		if s.AdditionalProperties.Schema != nil || (s.AdditionalProperties.Has != nil && *s.AdditionalProperties.Has) {
			return nil
		}
		for name, p := range s.Properties {
			if p.Value != nil {
				known[name] = append(known[name], p.Value)
			}
		}
	}
	var out []string
	for name, e := range v {
		at := pointer + "/" + name
		schemas, ok := known[name]
		if !ok {
			out = append(out, at+": no such field in the document")
			continue
		}
		out = append(out, fewest(schemas, e, at)...)
	}
	sort.Strings(out)
	return out
}

// fewest tries the alternatives of a field and keeps the best fit.
func fewest(schemas []*openapi3.Schema, value any, at string) []string {
	var best []string
	for i, s := range schemas {
		got := unknownFields(s, value, at)
		if i == 0 || len(got) < len(best) {
			best = got
		}
	}
	return best
}

// parts lists a schema and everything it is composed of.
func parts(s *openapi3.Schema, depth int) []*openapi3.Schema {
	if depth > 10 {
		return nil
	}
	out := []*openapi3.Schema{s}
	for _, list := range []openapi3.SchemaRefs{s.AllOf, s.OneOf, s.AnyOf} {
		for _, ref := range list {
			if ref.Value != nil {
				out = append(out, parts(ref.Value, depth+1)...)
			}
		}
	}
	return out
}
