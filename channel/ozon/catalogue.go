package ozon

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// The names of Listing.Aliases. Ozon has three ids per offer; the third, sku, is
// Listing.Key.
const (
	aliasOffer   = "offer_id"
	aliasProduct = "product_id"
)

// shelf is the adapter's cursor in the catalogue.
type shelf struct {
	// Archive: the offers for sale are read, the archived ones are next.
	Archive bool      `json:"archive,omitempty"`
	LastID  string    `json:"last_id,omitempty"`
	At      time.Time `json:"at,omitzero"`
}

func (s shelf) cursor() channel.Cursor {
	b, _ := json.Marshal(s) // text and a time only: cannot fail
	return b
}

// ListListings reads the offers for sale, then the archived ones: one page of
// POST /v3/product/list and the same offers of POST /v3/product/info/list. An
// offer that moves into the archive meanwhile comes twice, archived last.
func (a *adapter) ListListings(ctx context.Context, cursor channel.Cursor) (channel.ListingPage, error) {
	var at shelf
	if len(cursor) > 0 {
		if err := json.Unmarshal(cursor, &at); err != nil {
			return channel.ListingPage{}, orderhub.NewBorderError(orderhub.ClassRejected, "ozon: resume the catalogue", "the saved cursor cannot be read", nil)
		}
	}
	if a.now().Sub(at.At) > cursorLife {
		at.LastID = ""
	}
	visibility := "ALL" // all but the archive
	if at.Archive {
		visibility = "ARCHIVED"
	}
	list, err := a.productList(ctx, visibility, at.LastID)
	if err != nil {
		return channel.ListingPage{}, err
	}
	listings, err := a.listings(ctx, list.Items, at.Archive)
	if err != nil {
		return channel.ListingPage{}, err
	}
	page := channel.ListingPage{Listings: listings}
	switch {
	case len(list.Items) > 0 && list.LastID != nil && *list.LastID != "" && string(*list.LastID) != at.LastID:
		page.Next = shelf{Archive: at.Archive, LastID: string(*list.LastID), At: a.now().UTC()}.cursor()
	case !at.Archive:
		page.Next = shelf{Archive: true}.cursor()
	default:
		page.Next, page.Done = shelf{}.cursor(), true
	}
	return page, nil
}

func (a *adapter) listings(ctx context.Context, rows []productRow, archive bool) ([]orderhub.Listing, error) {
	var ids []string
	for _, row := range rows {
		if idPattern.MatchString(string(row.ProductID)) {
			ids = append(ids, string(row.ProductID))
		}
	}
	var infos map[string]productInfo
	if len(ids) > 0 {
		var err error
		if infos, err = a.productInfo(ctx, ids); err != nil {
			return nil, err
		}
	}
	var out []orderhub.Listing
	for _, row := range rows {
		info, known := infos[string(row.ProductID)]
		l := listing(row, info)
		l.Live = !archive && row.Archived != "true" && (!known || sellable(info))
		// Without a sku the offer is not created yet: nobody can order it.
		if l.Key != "" {
			out = append(out, l)
		}
	}
	return out, nil
}

// listing joins what the list and the details say of an offer.
func listing(row productRow, info productInfo) orderhub.Listing {
	l := orderhub.Listing{Article: string(row.OfferID), Name: string(info.Name), Aliases: map[string]string{}}
	for _, sku := range []text{row.SKU, info.SKU} {
		if l.Key == "" && idPattern.MatchString(string(sku)) {
			l.Key = string(sku)
		}
	}
	if row.OfferID != "" {
		l.Aliases[aliasOffer] = string(row.OfferID)
	}
	if idPattern.MatchString(string(row.ProductID)) {
		l.Aliases[aliasProduct] = string(row.ProductID)
	}
	for _, address := range slices.Concat(info.Primary.strings(), info.Images.strings()) {
		if l.Picture == "" {
			l.Picture = orderhub.PictureAddress(address)
		}
	}
	l.Barcodes = slices.DeleteFunc(info.Barcodes.strings(), func(code string) bool { return code == "" })
	return l
}

// sellable tells whether the offer can be ordered once it has stock. Only the
// documented marks count: the words of its status are in no document.
func sellable(info productInfo) bool {
	broken := slices.ContainsFunc(info.Errors.v, func(e productError) bool {
		return e.Level == "ERROR_LEVEL_ERROR" || e.Level == "ERROR_LEVEL_INTERNAL"
	})
	return !broken && info.Archived != "true" && info.AutoArchived != "true" &&
		info.Statuses.v.Created != "false" && info.Visibility.v.HasPrice != "false"
}
