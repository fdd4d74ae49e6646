package yandexmarket

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// aliasMarketSKU is the Market's number of the card that the offer is on.
const aliasMarketSKU = "market_sku"

// cataloguePosition is the cursor of the catalogue: first the offers in use,
// then those in the archive, which the call lists only on demand.
type cataloguePosition struct {
	Business int64  `json:"business"`
	Archived bool   `json:"archived,omitempty"`
	Token    string `json:"token,omitempty"`
}

// ListListings reads the next page of the account's offers. A cursor that cannot
// be read, or of another account, starts anew.
func (a *adapter) ListListings(ctx context.Context, cursor channel.Cursor) (channel.ListingPage, error) {
	var pos cataloguePosition
	if len(cursor) == 0 || json.Unmarshal(cursor, &pos) != nil || pos.Business != a.business {
		pos = cataloguePosition{Business: a.business}
	}
	page, err := a.offersOrRestart(ctx, pos)
	if err != nil {
		return channel.ListingPage{}, fmt.Errorf("list offers: %w", err)
	}
	out := channel.ListingPage{Listings: a.listings(page.Result.OfferMappings)}
	pos.Token = page.Result.Paging.NextPageToken
	if pos.Token == "" && pos.Archived {
		out.Done = true
		return out, nil
	}
	pos.Archived = pos.Archived || pos.Token == ""
	out.Next, err = json.Marshal(pos)
	return out, err
}

// offersOrRestart reads a page; when its token has aged, the list is read from
// its start, which repeats offers and loses none.
func (a *adapter) offersOrRestart(ctx context.Context, pos cataloguePosition) (offerPage, error) {
	page, err := a.listOffers(ctx, pos.Archived, pos.Token)
	if pos.Token != "" && agedToken(err) {
		pos.Token = ""
		page, err = a.listOffers(ctx, pos.Archived, "")
	}
	if err == nil && pos.Token != "" && page.Result.Paging.NextPageToken == pos.Token {
		return offerPage{}, answerError("POST /offer-mappings", orderhub.ClassRetry, "the page token repeats itself")
	}
	return page, err
}

func (a *adapter) listings(offers []offerMapping) []orderhub.Listing {
	out := make([]orderhub.Listing, 0, len(offers))
	for _, o := range offers {
		if o.Offer.OfferID == "" {
			continue // nothing could be sold or stocked under it
		}
		l := orderhub.Listing{
			// The seller can rename an SKU, never reuse one; order lines carry it.
			Key: string(o.Offer.OfferID), Article: string(o.Offer.OfferID),
			Name: string(o.Offer.Name), Live: a.live(o),
		}
		if l.Name == "" {
			l.Name = string(o.Mapping.MarketSKUName)
		}
		if n, ok := o.Mapping.MarketSKU.id(); ok {
			l.Aliases = map[string]string{aliasMarketSKU: n}
		}
		if len(o.Offer.Pictures) > 0 { // the first is the main one
			l.Picture = orderhub.PictureAddress(string(o.Offer.Pictures[0]))
		}
		for _, code := range o.Offer.Barcodes {
			if code != "" && !slices.Contains(l.Barcodes, string(code)) {
				l.Barcodes = append(l.Barcodes, string(code))
			}
		}
		out = append(out, l)
	}
	return out
}

// live reports whether a shop of the account sells the offer now, or would as
// soon as there is stock. A status that is not known counts as no.
func (a *adapter) live(o offerMapping) bool {
	if o.Offer.Archived == "true" {
		return false
	}
	for _, c := range o.Offer.Campaigns {
		id, _ := c.CampaignID.integer()
		if len(a.campaigns) > 0 && !slices.Contains(a.campaigns, id) {
			continue
		}
		if c.Status == "PUBLISHED" || c.Status == "NO_STOCKS" {
			return true
		}
	}
	return false
}
