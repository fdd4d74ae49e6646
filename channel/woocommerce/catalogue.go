package woocommerce

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// keyOf is the key of an article: the product, or the product and its variation.
func keyOf(product, variation int64) string {
	if variation <= 0 {
		return strconv.FormatInt(product, 10)
	}
	return fmt.Sprintf("%d/%d", product, variation)
}

// parseKey is keyOf the other way round.
func parseKey(key string) (product, variation int64, ok bool) {
	first, second, varies := strings.Cut(key, "/")
	if product, ok = positive(rest.Text(first)); !ok || !varies {
		return product, 0, ok
	}
	variation, ok = positive(rest.Text(second))
	return product, variation, ok
}

// cataloguePosition is the cursor of the catalogue: the page of products to read
// next, and before it the products whose variations are still to be read.
type cataloguePosition struct {
	Page    int      `json:"page"`
	Last    bool     `json:"last,omitempty"` // there are no further products
	Varying []varied `json:"varying,omitempty"`
	// Variations is the page of the first of Varying.
	Variations int `json:"variations,omitempty"`
}

type varied struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Live    bool   `json:"live"`
	Picture string `json:"picture,omitempty"`
}

// noStock are the types of products that hold no stock of their own.
var noStock = map[string]bool{"grouped": true, "external": true}

// ListListings reads the next page of products or of the variations of one, ordered
// by id. A cursor that cannot be read starts anew.
func (a *adapter) ListListings(ctx context.Context, cursor channel.Cursor) (channel.ListingPage, error) {
	pos := cataloguePosition{Page: 1}
	if len(cursor) > 0 && (json.Unmarshal(cursor, &pos) != nil || pos.Page < 1) {
		pos = cataloguePosition{Page: 1}
	}
	var out channel.ListingPage
	var err error
	if len(pos.Varying) > 0 {
		out.Listings, err = a.variations(ctx, &pos)
	} else {
		out.Listings, err = a.products(ctx, &pos)
	}
	if err != nil {
		return channel.ListingPage{}, fmt.Errorf("list products: %w", err)
	}
	if pos.Last && len(pos.Varying) == 0 {
		out.Done = true
		return out, nil
	}
	out.Next, err = json.Marshal(pos)
	return out, err
}

func (a *adapter) products(ctx context.Context, pos *cataloguePosition) ([]orderhub.Listing, error) {
	list, more, err := a.client.listProducts(ctx, 0, a.productQuery(pos.Page))
	if err != nil {
		return nil, err
	}
	pos.Page, pos.Last = pos.Page+1, !more
	var out []orderhub.Listing
	for _, p := range list {
		id, ok := positive(p.ID)
		switch {
		case !ok || noStock[p.Type.String()]:
		case p.Type == "variable" || p.Type == "variable-subscription":
			pos.Varying, pos.Variations = append(pos.Varying, varied{id, clip(p.Name.String()), live(p), picture(p)}), 1
		default:
			out = append(out, listing(p, keyOf(id, 0), p.Name.String(), live(p)))
		}
	}
	return out, nil
}

func (a *adapter) variations(ctx context.Context, pos *cataloguePosition) ([]orderhub.Listing, error) {
	parent := pos.Varying[0]
	list, more, err := a.client.listProducts(ctx, parent.ID, a.productQuery(max(1, pos.Variations)))
	if err != nil && !isAbsent(err) { // deleted since the page was read
		return nil, err
	}
	if pos.Variations = max(1, pos.Variations) + 1; !more {
		pos.Varying, pos.Variations = pos.Varying[1:], 1
	}
	var out []orderhub.Listing
	for _, p := range list {
		id, ok := positive(p.ID)
		if !ok {
			continue
		}
		name := parent.Name
		for _, attr := range p.Attributes {
			if attr.Option != "" {
				name += ", " + attr.Option.String()
			}
		}
		l := listing(p, keyOf(parent.ID, id), name, parent.Live && live(p))
		l.Picture = cmp.Or(l.Picture, parent.Picture)
		out = append(out, l)
	}
	return out, nil
}

func (a *adapter) productQuery(page int) url.Values {
	return url.Values{
		"status": {"any"}, "orderby": {"id"}, "order": {"asc"}, "per_page": {strconv.Itoa(a.pageSize)}, "page": {strconv.Itoa(page)},
		"_fields": {productFields},
	}
}

// productFields keeps descriptions at home.
const productFields = "id,name,type,status,sku,global_unique_id,manage_stock,stock_quantity,attributes,images,image"

func listing(p wireProduct, key, name string, live bool) orderhub.Listing {
	l := orderhub.Listing{Key: key, Article: p.SKU.String(), Name: name, Live: live}
	if p.GTIN != "" {
		l.Barcodes = []string{p.GTIN.String()}
	}
	l.Picture = picture(p)
	return l
}

// picture is that of a variation, or the first of a product.
func picture(p wireProduct) string {
	if len(p.Images) > 0 {
		return orderhub.PictureAddress(p.Images[0].Src.String())
	}
	return orderhub.PictureAddress(p.Image.Src.String())
}

// live tells whether buyers can order it, or could with stock.
func live(p wireProduct) bool { return p.Status == "publish" || p.Status == "private" }

// clip keeps a cursor small.
func clip(s string) string {
	if len(s) <= 200 {
		return s
	}
	return strings.ToValidUTF8(s[:200], "")
}
