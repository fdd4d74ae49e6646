package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// suggestions is how many products are suggested for one listing.
const suggestions = 5

// ListingView is a listing, and which product it may be an offer of when it has
// none.
type ListingView struct {
	orderhub.Listing
	Shown       string             `json:"picture_path,omitempty" doc:"Path of its small picture; absent = the channel has none."`
	Suggestions []store.Suggestion `json:"suggestions,omitempty" doc:"For a listing without a product: products with the same barcode or article, or whose SKU or name begins alike, the surest first."`
}

// ListingPage is one page of listings.
type ListingPage struct {
	Listings []ListingView `json:"listings"`
	After    int64         `json:"after,omitempty" doc:"Continues the list; absent at its end."`
}

// NewLink names the product of a listing.
type NewLink struct {
	SKU string `json:"sku" minLength:"1" maxLength:"100"`
}

func (a *API) listings(h huma.API) {
	a.pictures(h)
	type listIn struct {
		Account   []string `query:"account,explode" doc:"Only these accounts: repeated, or with commas."`
		SKU       string   `query:"sku" maxLength:"100" doc:"Only listings of this product."`
		Unmatched bool     `query:"unmatched" doc:"Only listings without a product."`
		Orphans   bool     `query:"orphans" doc:"Only live listings that cannot be delivered: without a product, or whose product (of a kit: a component) has nothing to sell on hand."`
		State     string   `query:"state" enum:"new,idle,intent,sent,accepted,confirmed,uncertain,rejected,stopped" doc:"Only listings whose stock figure is that far."`
		Foreign   bool     `query:"foreign" doc:"Only listings where within a day a stock figure was found that is not the hub's."`
		Text      string   `query:"q" maxLength:"200" doc:"The beginning of key, article or SKU, or a part of the name."`
		After     int64    `query:"after" minimum:"1" doc:"Only ids above: the \"after\" of the previous page."`
		Limit     int      `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	huma.Register(h, op("list-listings", http.MethodGet, "/listings", "Listings", "List the offers of the channels, with suggestions for those without a product"),
		func(ctx context.Context, in *listIn) (*body[ListingPage], error) {
			if err := a.knownAccounts(ctx, listed(in.Account)...); err != nil {
				return nil, a.problem(err)
			}
			f := store.ListingFilter{Accounts: listed(in.Account), Unmatched: in.Unmatched, Orphans: in.Orphans, Text: in.Text, After: in.After, Limit: in.Limit,
				State: store.PublicationState(in.State)}
			if in.Foreign {
				f.Foreign = a.store.Now().Add(-pipeline.ForeignFor)
			}
			if in.SKU != "" {
				f.SKUs = []string{in.SKU}
			}
			page, err := a.listingPage(ctx, f)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(page), nil
		})

	type linkIn struct {
		ID   int64 `path:"id"`
		Body NewLink
	}
	huma.Register(h, op("link-listing", http.MethodPost, "/listings/{id}/link", "Listings", "Tie a listing to a product; orders that waited for it get their goods"),
		func(ctx context.Context, in *linkIn) (*body[orderhub.Listing], error) {
			_, err := a.store.Listing(ctx, in.ID)
			if err != nil {
				return nil, a.problem(err)
			}
			l, err := a.hub.LinkListing(ctx, in.ID, in.Body.SKU)
			if orderhub.CodeOf(err) == orderhub.CodeNotFound {
				err = orderhub.InvalidField("sku", "%s", err)
			}
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(l), nil
		})

	type one struct {
		ID int64 `path:"id"`
	}
	huma.Register(h, op("unlink-listing", http.MethodDelete, "/listings/{id}/link", "Listings", "Untie a listing from its product; the hub does not tie it by itself again"),
		func(ctx context.Context, in *one) (*body[orderhub.Listing], error) {
			l, err := a.hub.LinkListing(ctx, in.ID, "")
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(l), nil
		})

	type publishIn struct {
		ID   int64 `path:"id"`
		Body PublishRule
	}
	huma.Register(h, op("set-publish", http.MethodPut, "/listings/{id}/publish", "Listings", "Set how much of the stock a listing shows"),
		func(ctx context.Context, in *publishIn) (*body[orderhub.Listing], error) {
			l, err := a.hub.SetPublish(ctx, in.ID, orderhub.Publish(in.Body))
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(l), nil
		})
}

func (a *API) listingPage(ctx context.Context, f store.ListingFilter) (ListingPage, error) {
	page := ListingPage{Listings: []ListingView{}}
	list, err := a.store.ListListings(ctx, f)
	if err != nil {
		return page, err
	}
	var unmatched []orderhub.Listing
	for _, l := range list {
		if l.SKU == "" {
			unmatched = append(unmatched, l)
		}
	}
	suggested, err := a.store.Suggest(ctx, unmatched, suggestions)
	for _, l := range list {
		view := ListingView{Listing: l, Suggestions: suggested[l.ID]}
		if l.Picture != "" {
			view.Shown = picturePath(l.ID)
		}
		page.Listings = append(page.Listings, view)
	}
	if len(list) == f.Limit {
		page.After = list[len(list)-1].ID
	}
	return page, err
}
