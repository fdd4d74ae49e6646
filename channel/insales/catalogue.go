package insales

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// aliasProduct names the product of a variant; its figure is read by it.
const aliasProduct = "product_id"

// dawn is before every change: a catalogue is read whole each time.
var dawn = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// ListListings reads products with their variants, those in the bin included:
// GET /admin/products.json. A variant is an offer. A product that changes
// meanwhile comes twice, with the newer state last.
func (a *adapter) ListListings(ctx context.Context, cursor channel.Cursor) (channel.ListingPage, error) {
	pos, err := resume(cursor, dawn)
	if err != nil {
		return channel.ListingPage{}, err
	}
	rows, next, done, err := a.walk(ctx, "products", pos, url.Values{"with_deleted": {"true"}})
	if err != nil {
		return channel.ListingPage{}, err
	}
	page := channel.ListingPage{Done: done}
	if !done {
		page.Next = next.cursor()
	}
	for _, row := range rows {
		page.Listings = append(page.Listings, listings(row)...)
	}
	return page, nil
}

// listings are the offers of one product; one that cannot be read has none, and
// the others come all the same.
func listings(row json.RawMessage) []orderhub.Listing {
	var p wireProduct
	if rest.Decode(row, &p) != nil || p.ID == "" {
		return nil
	}
	var out []orderhub.Listing
	for _, v := range p.Variants {
		l := orderhub.Listing{
			Key: v.text("id"), Article: strings.TrimSpace(v.text("sku")), Aliases: map[string]string{aliasProduct: p.ID.String()},
			Name: strings.TrimSpace(p.Title.String() + " " + v.text("title")), Live: !p.Hidden && !p.Archived,
		}
		if code := strings.TrimSpace(v.text("barcode")); code != "" {
			l.Barcodes = []string{code}
		}
		l.Picture = p.picture(v.text("image_id"))
		if l.Key != "" {
			out = append(out, l)
		}
	}
	return out
}

// picture is the one with the number, or the first.
func (p wireProduct) picture(id string) string {
	out := ""
	for i, image := range p.Images {
		if i == 0 || id != "" && image.ID.String() == id {
			out = cmp.Or(image.Medium.String(), image.Whole.String())
		}
	}
	return orderhub.PictureAddress(out)
}
