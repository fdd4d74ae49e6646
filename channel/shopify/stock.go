package shopify

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// aliasItem names the inventory item of a variant: figures are its.
const aliasItem = "inventory_item"

// ListListings reads the variants by their ids.
func (a *adapter) ListListings(ctx context.Context, cursor channel.Cursor) (channel.ListingPage, error) {
	vars := map[string]any{"first": min(100, 4*a.perPage)}
	if len(cursor) > 0 {
		vars["after"] = string(cursor)
	}
	var list rows
	if err := a.client.do(ctx, opOffers, vars, &list); err != nil {
		return channel.ListingPage{}, err
	}
	if list.Nodes == nil || (list.PageInfo.HasNextPage && list.PageInfo.EndCursor == "") {
		return channel.ListingPage{}, a.client.fail(opOffers, orderhub.ClassRetry, "the answer lacks the variants", "", nil)
	}
	page := channel.ListingPage{Done: !list.PageInfo.HasNextPage}
	if !page.Done {
		page.Next = channel.Cursor(list.PageInfo.EndCursor)
	}
	for _, row := range list.Nodes {
		var v struct {
			ID      string
			SKU     rest.Text
			Barcode rest.Text
			Title   rest.Text
			Product struct {
				ID     string
				Title  rest.Text
				Status string
				Media  wireMedia `json:"featuredMedia"`
			}
			InventoryItem struct{ ID string }
		}
		if rest.Decode(row, &v) != nil || bare(v.ID) == "" {
			continue // one that cannot be read is no offer, and the others come
		}
		l := orderhub.Listing{
			Key: bare(v.ID), Article: strings.TrimSpace(v.SKU.String()), Live: v.Product.Status == "ACTIVE",
			Name:    strings.TrimSpace(v.Product.Title.String() + " " + strings.TrimPrefix(v.Title.String(), "Default Title")),
			Aliases: map[string]string{aliasItem: bare(v.InventoryItem.ID), "product": bare(v.Product.ID)},
		}
		l.Picture = orderhub.PictureAddress(v.Product.Media.Preview.Image.URL.String())
		if code := strings.TrimSpace(v.Barcode.String()); code != "" {
			l.Barcodes = []string{code}
		}
		page.Listings = append(page.Listings, l)
	}
	return page, nil
}

// wireMedia is what a product is shown with.
type wireMedia struct {
	Preview struct{ Image struct{ URL rest.Text } }
}

// noLocation refuses a call about stock before it is made.
func (a *adapter) noLocation(op operation) error {
	return a.client.fail(op, orderhub.ClassRejected, "the setting "+settingLocation+" is empty: fill in the number of the location whose stock the hub publishes", "", nil)
}

// PushStock sets what is available with one mutation. Shopify takes all figures
// or none: what was not at fault goes out again without those that were.
func (a *adapter) PushStock(ctx context.Context, figures []channel.StockFigure) ([]channel.StockResult, error) {
	if a.location == "" {
		return nil, a.noLocation(opStock)
	}
	out := make([]channel.StockResult, len(figures))
	var rows []map[string]any
	var at []int
	seen := map[string]bool{}
	hash := sha256.New()
	for i, f := range figures {
		item := f.Listing.Aliases[aliasItem]
		switch {
		case !idPattern.MatchString(item) || f.Quantity < 0:
			out[i] = notTaken(a.client.fail(opStock, orderhub.ClassRejected, "the inventory item of the listing is not known; read the catalogue first", "", nil))
		case seen[item] || len(rows) >= stockBatch:
			out[i].Outcome = channel.OutcomeUnsent
		default:
			seen[item] = true
			out[i].Outcome = channel.OutcomeAccepted
			rows = append(rows, map[string]any{
				"inventoryItemId": gid("InventoryItem", item), "locationId": gid("Location", a.location), "quantity": f.Quantity,
				"changeFromQuantity": nil, // no comparison: the hub is master
			})
			at = append(at, i)
			fmt.Fprintln(hash, item, f.Quantity, f.At.UnixMicro())
		}
	}
	if len(rows) == 0 {
		return out, nil
	}
	// The same figures of the same moment have the same key: Shopify does them once.
	key := fmt.Sprintf("%x", hash.Sum(nil)[:16])
	var answer struct {
		Group      json.RawMessage `json:"inventoryAdjustmentGroup"`
		UserErrors *[]userError
	}
	input := map[string]any{"name": "available", "reason": "correction", "quantities": rows}
	if err := a.client.do(ctx, opStock, map[string]any{"input": input, "key": key}, &answer); err != nil {
		return nil, err
	}
	if answer.UserErrors == nil {
		return nil, a.client.fail(opStock, orderhub.ClassUncertain, "the answer does not tell what became of the figures", "", nil)
	}
	return out, a.spread(*answer.UserErrors, at, out)
}

// spread gives every figure its own refusal; an error that names none refuses
// the call.
func (a *adapter) spread(errs []userError, at []int, out []channel.StockResult) error {
	if len(errs) == 0 {
		return nil
	}
	for _, i := range at {
		out[i] = channel.StockResult{Outcome: channel.OutcomeUnsent}
	}
	for _, e := range errs {
		row := rowOf(e.Field)
		if row < 0 || row >= len(at) {
			return a.client.refused(opStock, errs)
		}
		refusal := a.client.refused(opStock, []userError{e})
		if e.Code == "CHANGE_FROM_QUANTITY_STALE" || e.Code == "IDEMPOTENCY_CONCURRENT_REQUEST" {
			refusal.Class = orderhub.ClassRetry
		}
		out[at[row]] = notTaken(refusal)
	}
	return nil
}

// rowOf reads the index in ["input", "quantities", "3", "quantity"].
func rowOf(field []string) int {
	for i, f := range field {
		if f == "quantities" && i+1 < len(field) {
			if n, err := strconv.Atoi(field[i+1]); err == nil {
				return n
			}
		}
	}
	return -1
}

func notTaken(err error) channel.StockResult {
	return channel.StockResult{Outcome: channel.OutcomeFailed, Err: err}
}

// ReadStock reads what is available at the location. An item that is not stocked
// there has no figure.
func (a *adapter) ReadStock(ctx context.Context, list []orderhub.Listing) ([]channel.StockShown, error) {
	if a.location == "" {
		return nil, a.noLocation(opShown)
	}
	var ids []string
	keys := map[string]string{}
	for _, l := range list {
		if item := l.Aliases[aliasItem]; idPattern.MatchString(item) && keys[item] == "" {
			keys[item] = l.Key
			ids = append(ids, gid("InventoryItem", item))
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	var nodes []*struct {
		ID    string
		Level *struct {
			Quantities []struct {
				Name     string
				Quantity *int64
			}
		} `json:"inventoryLevel"`
	}
	if err := a.client.do(ctx, opShown, map[string]any{"ids": ids, "location": gid("Location", a.location)}, &nodes); err != nil {
		return nil, err
	}
	var out []channel.StockShown
	for _, n := range nodes {
		if n == nil || n.Level == nil || keys[bare(n.ID)] == "" {
			continue
		}
		for _, q := range n.Level.Quantities {
			if q.Name == "available" && q.Quantity != nil {
				out = append(out, channel.StockShown{Key: keys[bare(n.ID)], Quantity: max(0, *q.Quantity)})
			}
		}
	}
	return out, nil
}
