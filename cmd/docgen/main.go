// Command docgen writes the documents that are made from code:
// docs/status-machine.md from the status machine and docs/channels/ from the
// descriptors of the channels. It makes no call to the outside and must not know
// any channel by name.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/orderhub/orderhub/channel/all"
)

//go:generate go run .

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1)
	}
}

// run writes what is stale and names it.
func run(out io.Writer) error {
	dir, err := moduleRoot()
	if err != nil {
		return err
	}
	docs, err := documents(dir)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for _, d := range docs {
		if old, err := root.ReadFile(d.path); err == nil && bytes.Equal(old, d.text) {
			continue
		}
		if err := root.MkdirAll(path.Dir(d.path), 0o755); err != nil {
			return err
		}
		if err := root.WriteFile(d.path, d.text, 0o644); err != nil {
			return err
		}
		fmt.Fprintln(out, "wrote", d.path)
	}
	return nil
}

// document is one generated file.
type document struct {
	path string // in the module, with slashes
	text []byte
}

// documents makes all of them.
func documents(root string) ([]document, error) {
	var sheets []sheet
	for _, c := range all.All() {
		s, err := newSheet(root, c)
		if err != nil {
			return nil, fmt.Errorf("channel %s: %w", c.Descriptor.Name, err)
		}
		sheets = append(sheets, s)
	}
	docs := []document{
		{"docs/status-machine.md", statusMachine(sheets)},
		{"docs/channels/README.md", overview(sheets)},
	}
	for _, s := range sheets {
		docs = append(docs, document{"docs/channels/" + string(s.Name) + ".md", channelPage(s)})
	}
	return docs, nil
}

// moduleRoot looks for go.mod upwards from the working directory.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("run it inside the module: no go.mod here or above")
		}
		dir = parent
	}
}
