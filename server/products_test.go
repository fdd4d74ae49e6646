package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
)

// oddSKUs are SKUs that are awkward somewhere: in addresses, in SQL, in JSON.
var oddSKUs = []string{
	"0557722", "557722", "a/b", "a//b/", "//", "a/stock", "Ä ö/ü ß", "чашка №1", `q"u'o\te`, "50%", "%2F", "a?b#c&d=e+f", "..", ".", "*", "_", "{sku}", "🛒",
	"; DROP TABLE products; --", "null",
}

func skuPath(sku string) string {
	escaped := url.PathEscape(sku)
	if strings.Trim(sku, ".") == "" {
		escaped = strings.ReplaceAll(sku, ".", "%2E") // else it is a step in the address
	}
	return "/products/" + escaped
}

// product writes a product with units on hand.
func (w *world) product(t *testing.T, sku string, units int64, change ...func(m map[string]any)) {
	t.Helper()
	m := map[string]any{"name": "Товар " + sku}
	for _, f := range change {
		f(m)
	}
	w.do(t, http.MethodPut, skuPath(sku), m).into(t, http.StatusOK, nil)
	if units > 0 {
		w.paper(t, "receive", sku, units)
	}
}

func (w *world) paper(t *testing.T, kind, sku string, units int64) {
	t.Helper()
	w.do(t, http.MethodPost, "/stock/documents", map[string]any{"kind": kind, "lines": []any{map[string]any{"sku": sku, "quantity": units}}}).
		into(t, http.StatusCreated, nil)
}

func (w *world) card(t *testing.T, sku string) api.StockCard {
	t.Helper()
	var c api.StockCard
	w.do(t, http.MethodGet, skuPath(sku)+"/stock?limit=500", nil).into(t, http.StatusOK, &c)
	return c
}

func TestProducts(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		full := map[string]any{
			"name": "Чашка", "barcodes": []string{"4601", "4602"}, "unit": "шт", "weight_g": 300, "length_mm": 90, "width_mm": 80, "height_mm": 100,
			"marking": true, "oversell": "strict",
		}
		var p orderhub.Product
		w.do(t, http.MethodPut, "/products/CUP", full).into(t, http.StatusOK, &p)
		if p.SKU != "CUP" || p.Name != "Чашка" || len(p.Barcodes) != 2 || p.WeightG != 300 || !p.Marking || p.Oversell != orderhub.OversellStrict || p.Version != 1 {
			t.Errorf("written: %+v", p)
		}
		w.do(t, http.MethodPatch, "/products", `{"products":[{"sku":"CUP","weight_g":0,"barcodes":[],"oversell":"","archived":true}]}`).into(t, http.StatusOK, nil)
		w.do(t, http.MethodGet, "/products/CUP", nil).into(t, http.StatusOK, &p)
		var changed orderhub.Product
		w.do(t, http.MethodGet, "/products/CUP", nil).into(t, http.StatusOK, &changed)
		if changed.Name != "Чашка" || changed.WeightG != 0 || len(changed.Barcodes) > 0 || changed.Oversell != "" || !changed.Archived || !changed.Marking || changed.Version != 2 {
			t.Errorf("changed: %+v", changed)
		}
		var whole orderhub.Product
		w.do(t, http.MethodPut, "/products/CUP", `{"name":"Кружка"}`).into(t, http.StatusOK, &whole)
		if whole.Name != "Кружка" || whole.Marking || whole.Unit != "" || whole.Archived {
			t.Errorf("written anew: %+v", whole)
		}
		var saved api.Saved
		w.do(t, http.MethodPut, "/products", `{"products":[{"sku":"SET","name":"Набор","components":[{"sku":"CUP","quantity":6},{"sku":"TEA","quantity":1}]},{"sku":"TEA","name":"Чай"}]}`).
			into(t, http.StatusOK, &saved)
		if saved.Saved != 2 {
			t.Errorf("saved %d", saved.Saved)
		}
		for query, want := range map[string]string{
			"": "CUP SET TEA", "?limit=2": "CUP SET", "?after=CUP": "SET TEA", "?q=T": "TEA", "?q=%D0%A7%D0%B0%D0%B9": "TEA", "?q=%25": "", "?q=460": "", "?archived=true": "CUP SET TEA",
		} {
			var page api.ProductPage
			w.do(t, http.MethodGet, "/products"+query, nil).into(t, http.StatusOK, &page)
			var skus []string
			for _, p := range page.Products {
				skus = append(skus, p.SKU)
			}
			if got := strings.Join(skus, " "); got != want || (page.After != "") != (query == "?limit=2") {
				t.Errorf("%s: %q, after %q, want %q", query, got, page.After, want)
			}
		}
	})
}

// TestOddSKUs: any text is a SKU like any other, in every address.
func TestOddSKUs(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		for i, sku := range oddSKUs {
			w.product(t, sku, int64(i+1))
			var p orderhub.Product
			w.do(t, http.MethodGet, skuPath(sku), nil).into(t, http.StatusOK, &p)
			if p.SKU != sku || p.Name != "Товар "+sku {
				t.Errorf("%q became %+v", sku, p)
			}
			if c := w.card(t, sku); c.SKU != sku || c.Available != int64(i+1) || len(c.Moves) != 1 {
				t.Errorf("%q: %+v", sku, c)
			}
			w.reserve(t, "c"+fmt.Sprint(i), 60, sku, 1).into(t, http.StatusCreated, nil)
		}
		var got []string
		after := ""
		for {
			var page api.StockPage
			w.do(t, http.MethodGet, "/stock?limit=3&after="+url.QueryEscape(after), nil).into(t, http.StatusOK, &page)
			for _, row := range page.Stock {
				if got = append(got, row.SKU); row.Reserved != 1 || row.Available != row.OnHand-1 {
					t.Errorf("%+v", row)
				}
			}
			if after = page.After; after == "" {
				break
			}
		}
		slices.Sort(got)
		want := slices.Sorted(slices.Values(oddSKUs))
		if !slices.Equal(got, want) {
			t.Errorf("page by page %q, want %q", got, want)
		}
		for _, text := range []string{want[0], "Товар " + want[0]} { // by the article, by the name
			var page api.StockPage
			w.do(t, http.MethodGet, "/stock?q="+url.QueryEscape(text), nil).into(t, http.StatusOK, &page)
			if !slices.ContainsFunc(page.Stock, func(r api.StockRow) bool { return r.SKU == want[0] && r.Name == "Товар "+want[0] }) || len(page.Stock) == len(want) {
				t.Errorf("%q finds %+v", text, page.Stock)
			}
		}
	})
}

func TestProductsRefuse(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.product(t, "CUP", 0)
		w.product(t, "KIT", 0, set("components", []any{map[string]any{"sku": "CUP", "quantity": 2}}))
		long := strings.Repeat("ж", 60) // 120 bytes
		for _, tc := range []struct {
			name, method, path, body, field string
			status                          int
			words                           []string
		}{
			{"unknown", "GET", "/products/NONE", "", "", 404, []string{"NONE"}},
			{"unknown, its stock", "GET", "/products/NONE/stock", "", "", 404, []string{"NONE"}},
			{"moves from nowhere", "GET", "/products/CUP/stock?before=0", "", "before", 422, nil},
			{"too many moves", "GET", "/products/CUP/stock?limit=501", "", "limit", 422, nil},
			{"a list too long", "GET", "/products?limit=501", "", "limit", 422, nil},
			{"a huge search", "GET", "/products?q=" + strings.Repeat("x", 201), "", "q", 422, nil},
			{"a SKU too long", "PUT", "/products/" + strings.Repeat("x", 101), `{"name":""}`, "sku", 422, []string{"100"}},
			{"a SKU too long in bytes", "PUT", "/products/" + url.PathEscape(long), `{"name":""}`, "sku", 422, []string{"100 bytes"}},
			{"a SKU with a blank", "PUT", "/products/%20a", `{"name":""}`, "sku", 422, []string{"spaces"}},
			{"a SKU with a line break", "PUT", "/products/a%0Ab", `{"name":""}`, "sku", 422, []string{"control"}},
			{"no name", "PUT", "/products/A", `{}`, "name", 422, nil},
			{"a name too long", "PUT", "/products/A", `{"name":"` + strings.Repeat("x", 1001) + `"}`, "name", 422, []string{"1000"}},
			{"an empty barcode", "PUT", "/products/A", `{"name":"","barcodes":[""]}`, "barcodes", 422, []string{"64"}},
			{"51 barcodes", "PUT", "/products/A", `{"name":"","barcodes":["1"` + strings.Repeat(`,"1"`, 50) + `]}`, "barcodes", 422, []string{"50"}},
			{"a weight below zero", "PUT", "/products/A", `{"name":"","weight_g":-1}`, "weight_g", 422, []string{"0 to"}},
			{"a weight too long", "PUT", "/products/A", `{"name":"","weight_g":99999999999999999999}`, "weight_g", 0, nil},
			{"a policy nobody has", "PUT", "/products/A", `{"name":"","oversell":"never"}`, "oversell", 422, []string{"shared, strict"}},
			{"a component nobody has", "PUT", "/products/A", `{"name":"","components":[{"sku":"NONE","quantity":1}]}`, "components", 422, []string{"NONE"}},
			{"a kit in a kit", "PUT", "/products/A", `{"name":"","components":[{"sku":"KIT","quantity":1}]}`, "components", 422, []string{"KIT"}},
			{"a part becomes a kit", "PUT", "/products/CUP", `{"name":"","components":[{"sku":"KIT","quantity":1}]}`, "components", 422, nil},
			{"none of a component", "PUT", "/products/A", `{"name":"","components":[{"sku":"CUP","quantity":0}]}`, "components", 422, []string{"1 to"}},
			{"a component without quantity", "PUT", "/products/A", `{"name":"","components":[{"sku":"CUP"}]}`, "components[0].quantity", 422, nil},
			{"itself", "PUT", "/products/A", `{"name":"","components":[{"sku":"A","quantity":1}]}`, "components", 422, []string{"itself"}},
			{"no products", "PUT", "/products", `{"products":[]}`, "products", 422, nil},
			{"products missing", "PUT", "/products", `{}`, "products", 422, nil},
			{"a second without SKU", "PUT", "/products", `{"products":[{"sku":"A","name":""},{"name":""}]}`, "products[1].sku", 422, nil},
			{"a second with a bad unit", "PUT", "/products", `{"products":[{"sku":"A","name":""},{"sku":"B","name":"","unit":"` + long + `"}]}`, "products[1].unit", 422, []string{"20"}},
			{"one twice", "PUT", "/products", `{"products":[{"sku":"A","name":""},{"sku":"A","name":""}]}`, "products[1].sku", 422, []string{"twice"}},
			{"1001 of them", "PUT", "/products", `{"products":[{"sku":"A","name":""}` + strings.Repeat(`,{"sku":"A","name":""}`, 1000) + `]}`, "products", 422, []string{"1000"}},
			{"change what is not there", "PATCH", "/products", `{"products":[{"sku":"CUP","name":"x"},{"sku":"A"}]}`, "products[1].sku", 422, []string{`"A"`}},
			{"change to something bad", "PATCH", "/products", `{"products":[{"sku":"CUP","name":"x","width_mm":-5}]}`, "products[0].width_mm", 422, []string{"0 to"}},
			{"change twice", "PATCH", "/products", `{"products":[{"sku":"CUP"},{"sku":"CUP"}]}`, "products[1].sku", 422, []string{"twice"}},
			{"change the SKU", "PATCH", "/products", `{"products":[{"sku":"CUP","new_sku":"B"}]}`, "products[0].new_sku", 422, nil},
		} {
			t.Run(tc.name, func(t *testing.T) {
				var body any
				if tc.body != "" {
					body = tc.body
				}
				r := w.do(t, tc.method, tc.path, body)
				if tc.status == 0 {
					tc.status = r.Status // a number that no type holds: either refusal will do
				}
				r.refused(t, tc.status, tc.field, tc.words...)
			})
		}
		var page api.ProductPage
		w.do(t, http.MethodGet, "/products?archived=true", nil).into(t, http.StatusOK, &page)
		if len(page.Products) != 2 || page.Products[0].Name != "Товар CUP" {
			t.Errorf("a refusal left something: %+v", page.Products)
		}
	})
}
