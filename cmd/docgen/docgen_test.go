package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const refresh = "run `go generate ./cmd/docgen`"

// TestDocuments fails when a committed document is stale.
func TestDocuments(t *testing.T) {
	t.Parallel()
	root, docs := setup(t)
	for _, d := range docs {
		got, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(d.path)))
		if err != nil {
			t.Errorf("%s is missing: %s", d.path, refresh)
			continue
		}
		if !bytes.Equal(got, d.text) {
			t.Errorf("%s is stale: %s. Missing are the lines with +:\n%s", d.path, refresh, cmp.Diff(string(got), string(d.text)))
		}
	}
	files, err := os.ReadDir(filepath.Join(root, "docs", "channels"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(root, "docs", "channels", f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		written := !bytes.HasPrefix(text, []byte("<!-- Code generated")) // by hand: how to connect, and what has no adapter
		if !written && !slices.ContainsFunc(docs, func(d document) bool { return d.path == "docs/channels/"+f.Name() }) {
			t.Errorf("docs/channels/%s belongs to no channel: delete it", f.Name())
		}
	}
}

func setup(t *testing.T) (root string, docs []document) {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	docs, err = documents(root)
	if err != nil {
		t.Fatal(err)
	}
	return root, docs
}

// TestDocumentsAreWhole: the same text each time, no broken table, no link into
// nothing.
func TestDocumentsAreWhole(t *testing.T) {
	t.Parallel()
	root, docs := setup(t)
	_, again := setup(t)
	for i, d := range docs {
		if !bytes.Equal(d.text, again[i].text) {
			t.Errorf("%s comes out different each time", d.path)
		}
		columns := 0
		for n, line := range strings.Split(string(d.text), "\n") {
			cells := 0
			if strings.HasPrefix(line, "|") {
				cells = strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
			}
			if columns > 0 && cells > 0 && cells != columns {
				t.Errorf("%s:%d: the row has %d cells, the table %d: %s", d.path, n+1, cells, columns, line)
			}
			columns = cells
			for _, part := range strings.Split(line, "](")[1:] {
				link, _, _ := strings.Cut(part, ")")
				if _, err := os.Stat(filepath.Join(root, filepath.Dir(d.path), link)); err != nil {
					t.Errorf("%s:%d: the link %s leads nowhere", d.path, n+1, link)
				}
			}
		}
	}
}

// TestAbilitiesAreComplete: every interface of the contract that an adapter may
// have is asked for.
func TestAbilitiesAreComplete(t *testing.T) {
	t.Parallel()
	root, _ := setup(t)
	files, err := filepath.Glob(filepath.Join(root, "channel", "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of the contract: %v", err)
	}
	// What every adapter has, and what it is lent.
	other := []string{"Adapter", "Normaliser", "Quotas"}
	found := 0
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if _, ok := spec.Type.(*ast.InterfaceType); !ok || !spec.Name.IsExported() || slices.Contains(other, spec.Name.Name) {
				return true
			}
			found++
			if !slices.ContainsFunc(abilities, func(a ability) bool { return a.iface.Name() == spec.Name.Name }) {
				t.Errorf("channel.%s is not among the abilities of sheet.go", spec.Name.Name)
			}
			return true
		})
	}
	if found != len(abilities) {
		t.Errorf("the contract has %d abilities, sheet.go %d", found, len(abilities))
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for in, want := range map[time.Duration]string{
		30 * time.Second: "30s", 90 * time.Second: "1m30s", 10 * time.Minute: "10m", time.Hour: "1h", 100 * time.Millisecond: "100ms",
		time.Hour + time.Second: "1h0m1s", 20 * time.Hour: "20h", 0: "0s",
	} {
		if got := duration(in); got != want {
			t.Errorf("duration(%d) = %q, want %q", in, got, want)
		}
	}
}
