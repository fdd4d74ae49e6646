// Package specs validates HTTP traffic against the official API documents of
// the marketplaces, so that a simulator and an adapter cannot agree on a
// mistake. It is for tests only (it imports testing) and must never be reached
// from a program.
//
// The documents are not part of the project: tests that need them are skipped
// visibly where the folder is missing. Set ORDERHUB_SPECS to name it.
package specs

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// Doc is one loaded document. It is safe for concurrent use and shared by all
// tests of a process.
type Doc struct {
	// Name is the file, relative to the folder of documents.
	Name    string
	spec    *openapi3.T
	routes  []route
	skipped atomic.Int64
}

// Violation is one thing in the traffic that the document does not allow.
type Violation struct {
	Method, Path string
	// Status is the answer's; 0 for a request.
	Status int
	// Part is "request" or "response".
	Part string
	// Message says where (a JSON pointer or a parameter) and why. It is
	// NotInDocument for a path or a method that no document has.
	Message string
}

// NotInDocument is the message of the one violation that is reported for a
// path without an operation, so that callers can allow-list it.
const NotInDocument = "not in the document"

// String writes the violation on one line.
func (v Violation) String() string {
	if v.Part == "response" {
		return fmt.Sprintf("%s %s → %d: response: %s", v.Method, v.Path, v.Status, v.Message)
	}
	return fmt.Sprintf("%s %s: %s: %s", v.Method, v.Path, v.Part, v.Message)
}

// Skipped counts the answers that were not validated, because the document does
// not list their status or their body is not JSON.
func (d *Doc) Skipped() int64 { return d.skipped.Load() }

// Operations counts the operations of the document.
func (d *Doc) Operations() int { return len(d.routes) }

type entry struct {
	once sync.Once
	doc  *Doc
	err  error
}

var (
	cacheMu sync.Mutex
	cache   = map[string]*entry{}
)

// Load reads a document, once per process; file is relative to the folder of
// documents ("ozon-seller.json", "wildberries/03-orders-fbs.yaml"). It skips the
// test when the folder is missing and fails it when the document is broken.
func Load(t testing.TB, file string) *Doc {
	t.Helper()
	dir := folder()
	if dir == "" {
		t.Skip("SKIPPED: the official API documents are not here; set ORDERHUB_SPECS to their folder")
	}
	path := filepath.Join(dir, filepath.FromSlash(file))
	cacheMu.Lock()
	e := cache[path]
	if e == nil {
		e = &entry{}
		cache[path] = e
	}
	cacheMu.Unlock()
	e.once.Do(func() { e.doc, e.err = load(path, file) })
	if e.err != nil {
		t.Fatalf("load API document %s: %v", file, e.err)
	}
	return e.doc
}

// folder finds the documents: ORDERHUB_SPECS, or shared/specs beside the project
// or any folder above it.
func folder() string {
	if dir := os.Getenv("ORDERHUB_SPECS"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		candidate := filepath.Join(dir, "shared", "specs")
		if info, err := os.Stat(candidate); err == nil && info.IsDir() {
			return candidate
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}

func load(path, name string) (*Doc, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	patched, err := patch(raw, path)
	if err != nil {
		return nil, err
	}
	spec, err := openapi3.NewLoader().LoadFromData(patched)
	if err != nil {
		return nil, err
	}
	d := &Doc{Name: name, spec: spec}
	d.routes = routesOf(spec)
	if len(d.routes) == 0 {
		return nil, fmt.Errorf("%s has no operations", name)
	}
	return d, nil
}
