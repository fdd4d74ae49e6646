package wildberries

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// The keys of Listing.Aliases.
const (
	aliasNmID = "nm_id"
	aliasSize = "size"
)

// ListListings reads the next page of cards, oldest change first: a card that
// changes meanwhile moves to the end and is read again. When Done, Next is empty
// and the next sweep reads all cards: one that went to the trash is only noticed
// by its absence.
func (a *adapter) ListListings(ctx context.Context, cursor channel.Cursor) (channel.ListingPage, error) {
	at := cardCursor{}
	if json.Unmarshal(cursor, &at) != nil {
		at = cardCursor{} // starting over does no harm
	}
	answer, err := a.c.cards(ctx, at)
	if err != nil {
		return channel.ListingPage{}, err
	}
	page := channel.ListingPage{Done: max(len(answer.Cards), answer.Cursor.Total) < a.c.cardPage}
	for _, raw := range answer.Cards {
		var w wireCard
		if _, err := decode(raw, &w); err == nil { // what is no card has no key either
			page.Listings = append(page.Listings, w.listings()...)
		}
	}
	if page.Done {
		return page, nil
	}
	next := cardCursor{UpdatedAt: answer.Cursor.UpdatedAt, NmID: answer.Cursor.NmID}
	if next == at || next.UpdatedAt == "" {
		return channel.ListingPage{}, orderhub.NewBorderError(orderhub.ClassRetry, "wildberries: read the catalogue",
			"the cursor of the cards does not move on", nil)
	}
	page.Next, err = json.Marshal(next)
	return page, err
}

// listings makes one listing per size: the size is what has stock and what an
// order line carries. A size without an id cannot be ordered yet.
func (w wireCard) listings() []orderhub.Listing {
	var out []orderhub.Listing
	for _, s := range w.Sizes {
		if s.ChrtID <= 0 {
			continue
		}
		l := orderhub.Listing{
			Key: formatID(s.ChrtID), Article: w.VendorCode, Name: w.Title, Barcodes: s.SKUs, Live: true, Aliases: map[string]string{}, Picture: w.picture(),
		}
		if w.NmID > 0 {
			l.Aliases[aliasNmID] = formatID(w.NmID)
		}
		if size := s.name(); size != "" && len(w.Sizes) > 1 {
			l.Aliases[aliasSize] = size
		}
		out = append(out, l)
	}
	return out
}

// picture is the first, which buyers see in lists.
func (w wireCard) picture() string {
	if len(w.Photos) == 0 {
		return ""
	}
	first := w.Photos[0]
	return orderhub.PictureAddress(cmp.Or(first.Medium, first.Small, first.Big))
}

func (s wireSize) name() string {
	if s.TechSize != "" {
		return s.TechSize
	}
	return s.WBSize
}
