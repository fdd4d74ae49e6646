package server_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/orderhub/orderhub/store/storetest"
)

var update = flag.Bool("update", false, "rewrite docs/openapi.json")

// docFile is the committed copy of the document.
const docFile = "../docs/openapi.json"

func TestDocumentIsCommitted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{})
	r := w.raw(t, http.MethodGet, "/api/openapi.json", nil) // no token
	if ct := r.Header.Get("Content-Type"); r.Status != http.StatusOK || ct != "application/openapi+json" {
		t.Fatalf("%d %s", r.Status, ct)
	}
	var got bytes.Buffer
	if err := json.Indent(&got, r.Body, "", " "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	if *update {
		if err := os.WriteFile(docFile, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(docFile)
	if err != nil || !bytes.Equal(want, got.Bytes()) {
		t.Errorf("%s is not the API's document (%v): run go test ./server -run TestDocumentIsCommitted -update and look at the difference", docFile, err)
	}
}

func TestDocumentIsValid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{})
	if err := w.doc.Validate(t.Context()); err != nil {
		t.Errorf("the document is not valid: %v", err)
	}
	site := w.doc.Components.Schemas["SiteOrder"]
	if site == nil || site.Value.Properties["lines"] == nil || site.Value.Properties["id"] == nil {
		t.Fatalf("the document has no SiteOrder: %v", site)
	}
	if w.doc.Components.SecuritySchemes["token"] == nil || len(w.doc.Security) == 0 {
		t.Error("the document asks for no token")
	}
	seen := map[string]bool{}
	for path, item := range w.doc.Paths.Map() {
		for method, op := range item.Operations() {
			name := method + " " + path
			if op.Summary == "" || len(op.Tags) != 1 || op.OperationID == "" || seen[op.OperationID] {
				t.Errorf("%s: summary, one tag and an id of its own are wanted: %q %v %q", name, op.Summary, op.Tags, op.OperationID)
			}
			seen[op.OperationID] = true
			want := []string{"400", "401", "422", "429", "500", "503"}
			if strings.Contains(path, "{") {
				want = append(want, "404")
			}
			if op.RequestBody != nil {
				want = append(want, "408", "413", "415")
			}
			for _, status := range want {
				resp := op.Responses.Value(status)
				if resp == nil || resp.Value.Content["application/problem+json"] == nil {
					t.Errorf("%s: the problem %s is not documented", name, status)
				}
			}
		}
	}
	if len(seen) < 25 {
		t.Errorf("only %d operations", len(seen))
	}
}

// TestDocumentTakesOrders: what the examples of a shop send fits the document,
// and what the hub refuses mostly does not.
func TestDocumentTakesOrders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{})
	schema := w.doc.Components.Schemas["SiteOrder"].Value
	check := func(v map[string]any) error {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var plain any
		if err := json.Unmarshal(b, &plain); err != nil {
			t.Fatal(err)
		}
		return w.doc.ValidateSchemaJSON(schema, plain)
	}
	if err := check(payload("1", 1)); err != nil {
		t.Errorf("a good order does not fit: %v", err)
	}
	for _, bad := range []map[string]any{
		payload("1", 1, set("id", nil)), payload("1", 1, set("lines", []any{})), payload("1", 1, set("version", -1)), payload("1", 1, set("total", "x")),
	} {
		if check(bad) == nil {
			t.Errorf("a bad order fits: %v", bad)
		}
	}
}
