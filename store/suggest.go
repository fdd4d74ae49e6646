package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/orderhub/orderhub"
)

// Suggestion is a product that a listing may be an offer of.
type Suggestion struct {
	SKU  string        `json:"sku"`
	Name string        `json:"name"`
	Why  SuggestedWhy  `json:"why"`
	rank suggestedRank // of the same reason the nearest first
}

// SuggestedWhy is what a product and a listing have in common, the surest first.
type SuggestedWhy string

// The reasons.
const (
	SuggestedBarcode SuggestedWhy = "barcode"
	SuggestedArticle SuggestedWhy = "article"    // the SKU is the article
	SuggestedSKU     SuggestedWhy = "sku_alike"  // the SKU begins like the article
	SuggestedName    SuggestedWhy = "name_alike" // the names begin alike
)

type suggestedRank struct{ why, common int }

// From so many equal characters on two SKUs or two names begin alike; and so many
// products are looked at for one page of listings.
const (
	alikeSKU      = 4
	alikeName     = 10
	maxSuggesting = 2000
)

// Suggest looks for products of listings that have none, at most limit for each
// listing, by the listing's id.
func (s *Store) Suggest(ctx context.Context, listings []orderhub.Listing, limit int) (map[int64][]Suggestion, error) {
	var articles, barcodes, skus, names []string
	for _, l := range listings {
		articles, barcodes = append(articles, l.Article), append(barcodes, l.Barcodes...)
		if begin, ok := beginning(l.Article, alikeSKU); ok {
			skus = append(skus, begin)
		}
		if begin, ok := beginning(l.Name, alikeName); ok {
			names = append(names, begin)
		}
	}
	articles, barcodes = unique(articles), unique(barcodes)
	if len(listings) == 0 {
		return map[int64][]Suggestion{}, nil
	}
	var products []orderhub.Product
	err := s.engine.snapshot(ctx, func(q querier) (err error) {
		products, err = suggested(ctx, q, articles, barcodes, unique(skus), unique(names))
		return err
	})
	out := make(map[int64][]Suggestion, len(listings))
	for _, l := range listings {
		out[l.ID] = suggestFor(l, products, limit)
	}
	return out, err
}

// beginning gives the first n characters of a text that has as many.
func beginning(text string, n int) (string, bool) {
	for i := range text {
		if n == 0 {
			return text[:i], true
		}
		n--
	}
	return text, n == 0
}

// suggested reads the products that any of the listings may be: what is surely
// alike by index, the rest in one walk over the catalogue.
func suggested(ctx context.Context, q querier, articles, barcodes, skus, names []string) ([]orderhub.Product, error) {
	bySKU, arg1 := q.in("sku", articles)
	byBarcode, arg2 := q.in("b.barcode", barcodes)
	beginsSKU, arg3 := q.in(fmt.Sprintf("substr(sku, 1, %d)", alikeSKU), skus)
	beginsName, arg4 := q.in(fmt.Sprintf("substr(name, 1, %d)", alikeName), names)
	var out []orderhub.Product
	for _, part := range []condition{
		{sql: "(" + bySKU + " OR sku IN (SELECT b.sku FROM product_barcodes b WHERE " + byBarcode + "))", args: []any{arg1, arg2}},
		{sql: "(" + beginsSKU + " OR " + beginsName + ")", args: []any{arg3, arg4}},
	} {
		rows, err := q.query(ctx, "SELECT sku, name FROM products WHERE archived = 0 AND "+part.sql+" ORDER BY sku LIMIT ?", append(part.args, maxSuggesting)...)
		if err != nil {
			return nil, fmt.Errorf("look for products alike: %w", err)
		}
		for rows.Next() {
			var p orderhub.Product
			if err := rows.Scan(&p.SKU, &p.Name); err != nil {
				rows.Close()
				return nil, fmt.Errorf("look for products alike: %w", err)
			}
			out = append(out, p)
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return nil, fmt.Errorf("look for products alike: %w", err)
		}
	}
	slices.SortStableFunc(out, func(a, b orderhub.Product) int { return cmp.Compare(a.SKU, b.SKU) })
	out = slices.CompactFunc(out, func(a, b orderhub.Product) bool { return a.SKU == b.SKU })
	return out, addParts(ctx, q, out)
}

// suggestFor picks the products of one listing.
func suggestFor(l orderhub.Listing, products []orderhub.Product, limit int) []Suggestion {
	var out []Suggestion
	for _, p := range products {
		s := Suggestion{SKU: p.SKU, Name: p.Name}
		switch likeSKU, likeName := common(l.Article, p.SKU), common(l.Name, p.Name); {
		case slices.ContainsFunc(p.Barcodes, func(b string) bool { return slices.Contains(l.Barcodes, b) }):
			s.Why, s.rank = SuggestedBarcode, suggestedRank{0, likeSKU}
		case l.Article == p.SKU:
			s.Why, s.rank = SuggestedArticle, suggestedRank{1, likeSKU}
		case likeSKU >= alikeSKU:
			s.Why, s.rank = SuggestedSKU, suggestedRank{2, likeSKU}
		case likeName >= alikeName:
			s.Why, s.rank = SuggestedName, suggestedRank{3, likeName}
		default:
			continue
		}
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(a, b Suggestion) int {
		return cmp.Or(cmp.Compare(a.rank.why, b.rank.why), cmp.Compare(b.rank.common, a.rank.common))
	})
	return out[:min(len(out), limit)]
}

// common counts the characters with which two texts begin alike.
func common(a, b string) (n int) {
	for a != "" && b != "" {
		x, size := utf8.DecodeRuneInString(a)
		if y, _ := utf8.DecodeRuneInString(b); x != y {
			break
		}
		a, b, n = a[size:], b[size:], n+1
	}
	return n
}
