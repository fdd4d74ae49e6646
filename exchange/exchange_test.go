package exchange_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/exchange"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func source(b []byte) exchange.Source {
	return exchange.Source{File: bytes.NewReader(b), Size: int64(len(b))}
}

// shelf is a target in memory.
type shelf struct {
	products map[string]orderhub.Product
	changed  int // products that Apply really changed
	batches  []int
	failAt   int // Apply fails at this batch, counted from 1; 0 = never
	refuse   map[string]string
}

func newShelf(products ...orderhub.Product) *shelf {
	s := &shelf{products: map[string]orderhub.Product{}}
	for _, p := range products {
		s.products[p.SKU] = p
	}
	return s
}

func (s *shelf) Check(_ context.Context, rows []exchange.ProductRow) ([]exchange.Refusal, error) {
	var refusals []exchange.Refusal
	for i, r := range rows {
		if why, ok := s.refuse[r.Product.SKU]; ok {
			refusals = append(refusals, exchange.Refusal{Row: i, Field: exchange.FieldName, Sentence: why})
		}
		for _, c := range r.Product.Components {
			if _, ok := s.products[c.SKU]; !ok {
				refusals = append(refusals, exchange.Refusal{Row: i, Field: exchange.FieldComponents, Unknown: c.SKU})
			}
		}
	}
	return refusals, nil
}

var errDisk = errors.New("disk full")

func (s *shelf) Apply(_ context.Context, rows []exchange.ProductRow) error {
	s.batches = append(s.batches, len(rows))
	if len(s.batches) == s.failAt {
		return errDisk
	}
	for _, r := range rows {
		old := s.products[r.Product.SKU]
		for _, c := range r.Product.Components {
			if _, ok := s.products[c.SKU]; !ok {
				return errors.New("component " + c.SKU + " is not there yet")
			}
		}
		now := r.Onto(old)
		if !cmp.Equal(old, now) {
			s.changed++
		}
		s.products[now.SKU] = now
	}
	return nil
}

func (s *shelf) list() []orderhub.Product {
	var list []orderhub.Product
	for _, sku := range slices.Sorted(maps.Keys(s.products)) {
		list = append(list, s.products[sku])
	}
	return list
}

// vault is a shelf with transactions.
type vault struct {
	*shelf
	opened int
}

func (v *vault) Transaction(ctx context.Context, write func(context.Context, exchange.ProductTarget) error) error {
	v.opened++
	before := maps.Clone(v.products)
	if err := write(ctx, v.shelf); err != nil {
		v.products = before
		return err
	}
	return nil
}

// till takes counts of known SKUs.
type till map[string]int64

func (c till) Check(_ context.Context, rows []exchange.CountRow) ([]exchange.Refusal, error) {
	var refusals []exchange.Refusal
	for i, r := range rows {
		if _, ok := c[r.SKU]; !ok {
			refusals = append(refusals, exchange.Refusal{Row: i, Field: exchange.FieldSKU, Unknown: r.SKU})
		}
	}
	return refusals, nil
}

func (c till) Apply(_ context.Context, rows []exchange.CountRow) error {
	for _, r := range rows {
		c[r.SKU] = r.Quantity
	}
	return nil
}

// all iterates over products.
func all(products []orderhub.Product) func(func(orderhub.Product, error) bool) {
	return func(yield func(orderhub.Product, error) bool) {
		for _, p := range products {
			if !yield(p, nil) {
				return
			}
		}
	}
}
