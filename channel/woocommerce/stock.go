package woocommerce

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// maxFigure is more than any shop shows.
const maxFigure = 1_000_000_000

// shelf is one product without variations (0), or the variations of one product:
// what one call of the shop can carry.
type shelf struct {
	parent int64
	places []int // in the caller's list
	ids    []int64
}

// PushStock sets figures, with one call for the plain products and one for each
// product with variations; the shop answers per article inside one HTTP 200. Stock
// management is switched on for what is written: without it the shop sells without
// end. When a call fails, the ones behind it are left for another time.
func (a *adapter) PushStock(ctx context.Context, figures []channel.StockFigure) ([]channel.StockResult, error) {
	out := make([]channel.StockResult, len(figures))
	keys := make([]string, len(figures))
	for i, f := range figures {
		out[i].Outcome = channel.OutcomeUnsent // an article that stands twice waits for the next call
		keys[i] = f.Listing.Key
		if f.Quantity < 0 || f.Quantity > maxFigure {
			keys[i] = ""
			out[i] = failedStock(stockRefusal("%d units; allowed: 0 to %d", f.Quantity, maxFigure))
		} else if _, _, ok := parseKey(f.Listing.Key); !ok {
			out[i] = failedStock(stockRefusal("%.60q is not the id of a product", f.Listing.Key))
		}
	}
	var away error
	for n, s := range shelves(keys) {
		if away == nil {
			away = a.pushShelf(ctx, s, figures, out)
			if n == 0 && away != nil && len(s.places) == len(figures) {
				return nil, away // one call for everything: it failed as a whole
			}
			continue
		}
		for _, i := range s.places {
			out[i] = channel.StockResult{Outcome: channel.OutcomeUnsent, Err: away}
		}
	}
	return out, nil
}

// pushShelf makes one call and answers its figures. The error is one after which
// other calls are not worth trying.
func (a *adapter) pushShelf(ctx context.Context, s shelf, figures []channel.StockFigure, out []channel.StockResult) error {
	updates := make([]stockUpdate, len(s.ids))
	for n, i := range s.places {
		updates[n] = stockUpdate{ID: s.ids[n], ManageStock: true, Quantity: figures[i].Quantity}
	}
	answers, err := a.client.updateStock(ctx, s.parent, updates)
	if err != nil {
		for _, i := range s.places {
			out[i] = failedStock(err)
		}
		if orderhub.ClassOf(err) == orderhub.ClassRejected && len(s.places) < len(figures) {
			return nil // this product alone is refused (it was deleted)
		}
		return err
	}
	byID := map[int64]wireProduct{}
	for _, p := range answers {
		if id, ok := positive(p.ID); ok {
			byID[id] = p
		}
	}
	for n, i := range s.places {
		p, answered := byID[s.ids[n]]
		switch {
		case !answered:
			out[i] = failedStock(orderhub.NewBorderError(orderhub.ClassUncertain, "woocommerce: set stock", "the answer does not mention the product", nil))
		case p.Error != nil:
			e := orderhub.NewBorderError(orderhub.ClassRejected, "woocommerce: set stock", rest.Clean(p.Error.Message.String()), nil)
			e.Code = rest.Clean(p.Error.Code.String())
			out[i] = failedStock(e)
		default:
			out[i] = channel.StockResult{Outcome: channel.OutcomeAccepted}
		}
	}
	return nil
}

// ReadStock reads what the shop shows. An article without stock management, or one
// that shares its product's, has no figure of its own and is left out.
func (a *adapter) ReadStock(ctx context.Context, listings []orderhub.Listing) ([]channel.StockShown, error) {
	keys := make([]string, len(listings))
	for i, l := range listings {
		keys[i] = l.Key
	}
	var out []channel.StockShown
	for _, s := range shelves(keys) {
		var include []string
		for _, id := range s.ids {
			include = append(include, strconv.FormatInt(id, 10))
		}
		query := url.Values{"include": {joinIDs(s.ids)}, "status": {"any"}, "per_page": {strconv.Itoa(maxPage)}, "_fields": {productFields}}
		list, _, err := a.client.listProducts(ctx, s.parent, query)
		if isAbsent(err) {
			continue // the product is deleted
		}
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			if n, managed := shown(p); managed && slices.Contains(include, p.ID.String()) {
				id, _ := positive(p.ID)
				key := keyOf(id, 0)
				if s.parent != 0 {
					key = keyOf(s.parent, id)
				}
				out = append(out, channel.StockShown{Key: key, Quantity: n})
			}
		}
	}
	return out, nil
}

// shown is the figure of an article that manages its own stock. Below zero (back
// orders) nothing can be bought.
func shown(p wireProduct) (int64, bool) {
	sums := &sums{snapshot: &orderhub.Snapshot{}}
	if p.ManageStock != "true" || p.Quantity == "" {
		return 0, false
	}
	if p.Quantity[0] == '-' {
		return 0, true
	}
	n, err := sums.units("stock", p.Quantity)
	if err == nil && len(sums.snapshot.Discrepancies) > 0 {
		n-- // a part of a unit cannot be promised
	}
	return n, err == nil
}

// shelves sorts keys by the call that carries them, in the order in which they come
// first; each key once.
func shelves(keys []string) []shelf {
	var out []shelf
	seen := map[string]bool{}
	for i, key := range keys {
		product, variation, ok := parseKey(key)
		if !ok || seen[key] {
			continue
		}
		seen[key] = true
		parent, id := int64(0), product
		if variation != 0 {
			parent, id = product, variation
		}
		n := slices.IndexFunc(out, func(s shelf) bool { return s.parent == parent && len(s.ids) < maxPage })
		if n < 0 {
			out = append(out, shelf{parent: parent})
			n = len(out) - 1
		}
		out[n].places, out[n].ids = append(out[n].places, i), append(out[n].ids, id)
	}
	return out
}

func stockRefusal(format string, args ...any) error {
	return orderhub.NewBorderError(orderhub.ClassRejected, "woocommerce: set stock", fmt.Sprintf(format, args...), nil)
}

func failedStock(err error) channel.StockResult {
	return channel.StockResult{Outcome: channel.OutcomeFailed, Err: err}
}
