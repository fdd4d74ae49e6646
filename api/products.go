package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// ProductFields are what a product is, beside its SKU.
type ProductFields struct {
	Name       string                  `json:"name"`
	Barcodes   []string                `json:"barcodes,omitempty"`
	Unit       string                  `json:"unit,omitempty" doc:"What is counted: шт, м. Absent = pieces."`
	WeightG    int64                   `json:"weight_g,omitempty" doc:"Of one packed unit; absent = not known."`
	LengthMM   int64                   `json:"length_mm,omitempty"`
	WidthMM    int64                   `json:"width_mm,omitempty"`
	HeightMM   int64                   `json:"height_mm,omitempty"`
	Marking    bool                    `json:"marking,omitempty" doc:"Each unit carries a marking code (Честный знак)."`
	Components []orderhub.Component    `json:"components,omitempty" doc:"Make the product a kit: it has no stock of its own and is available as often as its components are."`
	Oversell   orderhub.OversellPolicy `json:"oversell,omitempty" doc:"shared or strict, see /settings/oversell; absent = as the hub's default."`
	Archived   bool                    `json:"archived,omitempty" doc:"Not offered any more; the history stays."`
}

func (f ProductFields) product(sku string) orderhub.Product {
	return orderhub.Product{
		SKU: sku, Name: f.Name, Barcodes: f.Barcodes, Unit: f.Unit, WeightG: f.WeightG, LengthMM: f.LengthMM, WidthMM: f.WidthMM,
		HeightMM: f.HeightMM, Marking: f.Marking, Components: f.Components, Oversell: f.Oversell, Archived: f.Archived,
	}
}

// NewProduct is a whole product.
type NewProduct struct {
	SKU string `json:"sku" doc:"The shop's own article, text: 0557722 is not 557722. 1 to 100 bytes."`
	ProductFields
}

// NewProducts are products to write.
type NewProducts struct {
	Products []NewProduct `json:"products" minItems:"1" maxItems:"1000"`
}

// ProductPatch changes the fields that it names.
type ProductPatch struct {
	SKU        string                   `json:"sku"`
	Name       *string                  `json:"name,omitempty"`
	Barcodes   []string                 `json:"barcodes,omitempty" doc:"All of them; an empty list takes them off."`
	Unit       *string                  `json:"unit,omitempty"`
	WeightG    *int64                   `json:"weight_g,omitempty"`
	LengthMM   *int64                   `json:"length_mm,omitempty"`
	WidthMM    *int64                   `json:"width_mm,omitempty"`
	HeightMM   *int64                   `json:"height_mm,omitempty"`
	Marking    *bool                    `json:"marking,omitempty"`
	Components []orderhub.Component     `json:"components,omitempty" doc:"All of them; an empty list makes it a plain product."`
	Oversell   *orderhub.OversellPolicy `json:"oversell,omitempty" doc:"shared, strict, or an empty text for the hub's default."`
	Archived   *bool                    `json:"archived,omitempty"`
}

// ProductPatches are changes of products.
type ProductPatches struct {
	Products []ProductPatch `json:"products" minItems:"1" maxItems:"1000"`
}

func (c ProductPatch) change(p *orderhub.Product) {
	give(&p.Name, c.Name)
	give(&p.Unit, c.Unit)
	give(&p.WeightG, c.WeightG)
	give(&p.LengthMM, c.LengthMM)
	give(&p.WidthMM, c.WidthMM)
	give(&p.HeightMM, c.HeightMM)
	give(&p.Marking, c.Marking)
	give(&p.Oversell, c.Oversell)
	give(&p.Archived, c.Archived)
	if c.Barcodes != nil {
		p.Barcodes = c.Barcodes
	}
	if c.Components != nil {
		p.Components = c.Components
	}
}

func give[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// Saved counts what was written.
type Saved struct {
	Saved int `json:"saved"`
}

// ProductPage is one page of products.
type ProductPage struct {
	Products []orderhub.Product `json:"products"`
	After    string             `json:"after,omitempty" doc:"Continues the list; absent at its end."`
}

// skuPath is the address of a product.
type skuPath struct {
	SKU string `path:"sku" maxLength:"100" doc:"With %-escapes: / is %2F."`
}

func (a *API) products(h huma.API) {
	type listIn struct {
		Text     string `query:"q" maxLength:"200" doc:"The beginning of SKU or barcode, or a part of the name."`
		Archived bool   `query:"archived" doc:"Archived ones too."`
		After    string `query:"after" maxLength:"100" doc:"Only SKUs behind: the \"after\" of the previous page."`
		Limit    int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
	}
	huma.Register(h, op("list-products", http.MethodGet, "/products", "Products", "List products by SKU"),
		func(ctx context.Context, in *listIn) (*body[ProductPage], error) {
			list, err := a.store.ListProducts(ctx, store.ProductFilter{Text: in.Text, Archived: in.Archived, After: in.After, Limit: in.Limit})
			if err != nil {
				return nil, a.problem(err)
			}
			page := ProductPage{Products: append([]orderhub.Product{}, list...)}
			if len(list) == in.Limit {
				page.After = list[len(list)-1].SKU
			}
			return answer(page), nil
		})
	huma.Register(h, op("get-product", http.MethodGet, "/products/{sku}", "Products", "Read a product"),
		func(ctx context.Context, in *skuPath) (*body[orderhub.Product], error) {
			return a.productAnswer(ctx, in.SKU)
		})

	type putIn struct {
		SKU  string `path:"sku" maxLength:"100" doc:"With %-escapes: / is %2F."`
		Body ProductFields
	}
	huma.Register(h, op("put-product", http.MethodPut, "/products/{sku}", "Products", "Write a product, new or whole anew"),
		func(ctx context.Context, in *putIn) (*body[orderhub.Product], error) {
			if err := a.hub.SaveProducts(ctx, []orderhub.Product{in.Body.product(in.SKU)}); err != nil {
				return nil, a.problem(err)
			}
			return a.productAnswer(ctx, in.SKU)
		})

	type putManyIn struct{ Body NewProducts }
	huma.Register(h, op("put-products", http.MethodPut, "/products", "Products", "Write products, new or whole anew: all of them or none"),
		func(ctx context.Context, in *putManyIn) (*body[Saved], error) {
			list, err := in.Body.products()
			if err == nil {
				err = a.hub.SaveProducts(ctx, list)
			}
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(Saved{len(list)}), nil
		})

	type patchIn struct{ Body ProductPatches }
	huma.Register(h, op("change-products", http.MethodPatch, "/products", "Products", "Change the named fields of products that are there: of all of them or none"),
		func(ctx context.Context, in *patchIn) (*body[Saved], error) {
			changes := make([]pipeline.ProductChange, len(in.Body.Products))
			for i, p := range in.Body.Products {
				changes[i] = pipeline.ProductChange{SKU: p.SKU, Change: p.change}
			}
			if err := a.hub.ChangeProducts(ctx, changes); err != nil {
				return nil, a.problem(err)
			}
			return answer(Saved{len(changes)}), nil
		})
}

// products checks each, so that a refusal names its place.
func (n NewProducts) products() ([]orderhub.Product, error) {
	list, seen := make([]orderhub.Product, len(n.Products)), map[string]bool{}
	for i, p := range n.Products {
		list[i] = p.product(p.SKU)
		where := fmt.Sprintf("products[%d]", i)
		if err := list[i].Check(); err != nil {
			return nil, pipeline.Within(where, err)
		}
		if seen[p.SKU] {
			return nil, orderhub.InvalidField(where+".sku", "%q is named twice", clip(p.SKU))
		}
		seen[p.SKU] = true
	}
	return list, nil
}

func (a *API) productAnswer(ctx context.Context, sku string) (*body[orderhub.Product], error) {
	p, err := a.store.Product(ctx, sku)
	if err != nil {
		return nil, a.problem(err)
	}
	return answer(p), nil
}
