package specs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// patch repairs in memory what keeps the published documents from being used
// for validation. It makes nothing stricter than published, with one exception:
// Yandex' own date formats become patterns.
func patch(raw []byte, path string) ([]byte, error) {
	var tree any
	if filepath.Ext(path) == ".json" {
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		if err := dec.Decode(&tree); err != nil {
			return nil, err
		}
	} else if err := yaml.Unmarshal(raw, &tree); err != nil {
		return nil, err
	}
	root, ok := stringKeys(tree).(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s is not an object", path)
	}
	for _, k := range []string{"servers", "security", "tags", "x-tagGroups"} {
		delete(root, k)
	}
	root["info"] = map[string]any{"title": filepath.Base(path), "version": "0"} // Ozon: the version is a number
	if paths, ok := root["paths"].(map[string]any); ok {
		for _, item := range paths {
			patchPathItem(item)
		}
	}
	fix(root)
	return json.Marshal(root)
}

// patchPathItem removes hosts and keys: the traffic of tests goes to a local
// address, and keys are checked by the simulators themselves.
func patchPathItem(item any) {
	ops, ok := item.(map[string]any)
	if !ok {
		return
	}
	delete(ops, "servers")
	for _, op := range ops {
		o, ok := op.(map[string]any)
		if !ok {
			continue
		}
		delete(o, "servers")
		delete(o, "security")
		delete(o, "default") // Ozon: a response that slipped out of "responses"
	}
}

// stringKeys turns YAML's maps (response codes are integers there) into JSON's.
func stringKeys(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k, e := range x {
			x[k] = stringKeys(e)
		}
	case map[any]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[fmt.Sprint(k)] = stringKeys(e)
		}
		return out
	case []any:
		for i, e := range x {
			x[i] = stringKeys(e)
		}
	}
	return v
}

// names are the keywords whose value maps names to things: a property called
// "pattern" or "example" is not a keyword.
var names = map[string]bool{
	"properties": true, "schemas": true, "parameters": true, "responses": true, "requestBodies": true,
	"headers": true, "content": true, "paths": true, "mapping": true,
}

// fix repairs keywords everywhere below a node.
func fix(node any) {
	switch n := node.(type) {
	case map[string]any:
		fixKeywords(n)
		for k, v := range n {
			if k == "enum" || k == "required" {
				continue
			}
			if m, ok := v.(map[string]any); ok && names[k] {
				for _, e := range m {
					fix(e)
				}
				continue
			}
			fix(v)
		}
	case []any:
		for _, e := range n {
			fix(e)
		}
	}
}

func fixKeywords(n map[string]any) {
	delete(n, "example")
	delete(n, "examples")
	if ref, ok := n["$ref"].(string); ok && !strings.HasPrefix(ref, "#") {
		n["$ref"] = "#/components/schemas/" + strings.TrimSuffix(filepath.Base(ref), ".yaml")
	}
	fixPattern(n)
	fixType(n)
	fixRequired(n)
	if _, isList := n["enum"].([]any); n["enum"] != nil && !isList {
		delete(n, "enum")
	}
	if enum, ok := n["enum"].([]any); ok {
		n["enum"] = widen(enum)
	}
	for _, k := range []string{"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"} {
		if _, isText := n[k].(string); isText {
			delete(n, k)
		}
	}
}

// fixPattern drops prose ("YYYY-MM-DD") and what Go's engine cannot read.
func fixPattern(n map[string]any) {
	p, ok := n["pattern"].(string)
	if !ok {
		return
	}
	if _, err := regexp.Compile(p); err != nil || !strings.ContainsAny(p, `^[\`) {
		delete(n, "pattern")
	}
}

var (
	formatPatterns = map[string]string{
		"date-dd-MM-yyyy":          `^\d{2}-\d{2}-\d{4}$`,
		"date-dd-MM-yyyy-HH-mm-ss": `^\d{2}-\d{2}-\d{4} \d{2}:\d{2}:\d{2}$`,
	}
	typeWords  = map[string]string{"int": "integer", "bool": "boolean", "array of strings": "array"}
	knownTypes = []string{"string", "number", "integer", "boolean", "array", "object"}
)

func fixType(n map[string]any) {
	if f, ok := n["format"].(string); ok && formatPatterns[f] != "" {
		n["pattern"] = formatPatterns[f]
	}
	if t, ok := n["type"].(string); ok {
		if better, ok := typeWords[t]; ok {
			n["type"] = better
		} else if !slices.Contains(knownTypes, t) && n["in"] == nil && n["scheme"] == nil && n["flows"] == nil {
			delete(n, "type")
		}
	}
	if _, ok := n["items"].(map[string]any); ok && n["type"] == nil {
		n["type"] = "array"
	}
	if n["type"] == "array" && n["items"] == nil {
		n["items"] = map[string]any{}
	}
}

// fixRequired drops fields past or near their shutdown date from the required
// ones, and the misplaced "required: true" of a property.
func fixRequired(n map[string]any) {
	list, ok := n["required"].([]any)
	if !ok {
		if n["in"] == nil && n["content"] == nil {
			delete(n, "required")
		}
		return
	}
	props, _ := n["properties"].(map[string]any)
	list = slices.DeleteFunc(list, func(name any) bool {
		prop, _ := props[fmt.Sprint(name)].(map[string]any)
		dep, _ := prop["x-deprecation-config"].(map[string]any)
		return dep["shutdown-date"] != nil
	})
	n["required"] = list
}

// proseWords are enum values that a document knows only in its prose, by a set of
// values that tells the enum.
var proseWords = []struct{ has, add []any }{
	{has: []any{"new", "confirm", "complete", "cancel"}, add: []any{"cancel_carrier"}}, // WB supplierStatus
	{has: []any{"waiting", "sorted", "canceled_by_client"}, add: []any{"canceled_by_carrier", "postponed_delivery"}},
}

func widen(enum []any) []any {
	for _, p := range proseWords {
		if slices.ContainsFunc(p.has, func(w any) bool { return !slices.Contains(enum, w) }) {
			continue
		}
		for _, w := range p.add {
			if !slices.Contains(enum, w) {
				enum = append(enum, w)
			}
		}
	}
	return enum
}
