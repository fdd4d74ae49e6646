package store_test

import (
	"slices"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

// TestProductsNewAndOld in one call: what was there loses its old barcodes and
// components, what is new gets its own, and the last of one SKU counts.
func TestProductsNewAndOld(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		part := []orderhub.Component{{SKU: "A", Quantity: 2}}
		products(t, s, orderhub.Product{SKU: "A", Barcodes: []string{"1", "2"}}, orderhub.Product{SKU: "KIT", Components: part})
		list := []orderhub.Product{
			{SKU: "KIT", Barcodes: []string{"2"}}, {SKU: "NEW", Components: part, Barcodes: []string{"3", "3"}},
			{SKU: "A", Barcodes: []string{"9"}}, {SKU: "A", Name: "cup", Barcodes: []string{"2"}},
		}
		for _, sku := range []string{"c", "d", "e", "f", "g", "h", "i"} {
			list = append(list, orderhub.Product{SKU: sku, Barcodes: []string{sku}})
		}
		products(t, s, list...)
		got, err := s.ListProducts(t.Context(), store.ProductFilter{Limit: 100})
		if err != nil || len(got) != 10 {
			t.Fatalf("%d products, %v", len(got), err)
		}
		for _, p := range got {
			var barcodes []string
			var components []orderhub.Component
			version := int64(1)
			switch p.SKU {
			case "A":
				barcodes, version = []string{"2"}, 2
			case "KIT":
				barcodes, version = []string{"2"}, 2
			case "NEW":
				barcodes, components = []string{"3"}, part
			default:
				barcodes = []string{p.SKU}
			}
			if !slices.Equal(p.Barcodes, barcodes) || !slices.Equal(p.Components, components) || p.Version != version {
				t.Errorf("%+v", p)
			}
		}
		kits, err := s.KitsWith(t.Context(), []string{"A", "c"})
		if err != nil || len(kits) != 1 || kits["A"] != "NEW" {
			t.Errorf("kits %v, %v", kits, err)
		}
	})
}

// TestLongDocument comes in parts and refuses what a short one refuses.
func TestLongDocument(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		products(t, s, orderhub.Product{SKU: "A"}, orderhub.Product{SKU: "B"})
		products(t, s, orderhub.Product{SKU: "KIT", Components: []orderhub.Component{{SKU: "A", Quantity: 2}}})
		long := func(parts ...[]store.DocumentLine) error {
			return s.InTx(t.Context(), func(tx *store.Tx) error {
				if err := tx.ManyRows(t.Context()); err != nil {
					return err
				}
				d := &store.Document{Kind: orderhub.MoveCount, Warehouse: orderhub.MainWarehouse, Actor: person}
				if err := tx.BeginDocument(t.Context(), d); err != nil {
					return err
				}
				from := 0
				for _, lines := range parts {
					if err := tx.AddLines(t.Context(), d, from, lines); err != nil {
						return err
					}
					from += len(lines)
				}
				return nil
			})
		}
		line := func(sku string, n int64) []store.DocumentLine { return []store.DocumentLine{{SKU: sku, Quantity: n}} }
		if err := long(line("B", 4), line("A", 5)); err != nil {
			t.Fatal(err)
		}
		for what, err := range map[string]error{
			"a kit": long(line("A", 1), line("KIT", 1)), "no product": long(line("A", 1), line("X", 1)), "below zero": long(line("A", -1)),
		} {
			if orderhub.CodeOf(err) == "" {
				t.Errorf("%s: got %v, want a refusal", what, err)
			}
		}
		if a, b := figures(t, s, "A"), figures(t, s, "B"); a.OnHand != 5 || b.OnHand != 4 {
			t.Errorf("%+v %+v", a, b)
		}
	})
}
