package insales

import (
	"context"
	"encoding/json"
	"math/big"
	"regexp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

var idPattern = regexp.MustCompile(`^[0-9]{1,18}$`)

// PushStock sets figures with one group update. The shop answers at once and
// works later, so its yes is no more than "queued": ReadStock confirms.
func (a *adapter) PushStock(ctx context.Context, figures []channel.StockFigure) ([]channel.StockResult, error) {
	const op = string(Name) + ": PUT /admin/products/variants_group_update.json"
	out := make([]channel.StockResult, len(figures))
	var send []map[string]any
	seen := map[string]bool{}
	for i, f := range figures {
		switch key := f.Listing.Key; {
		case !idPattern.MatchString(key) || f.Quantity < 0:
			out[i] = channel.StockResult{Outcome: channel.OutcomeFailed, Err: orderhub.NewBorderError(orderhub.ClassRejected, op,
				"the listing is no variant of the shop, or the figure is below zero", nil)}
		case seen[key] || len(send) >= stockBatch:
			out[i].Outcome = channel.OutcomeUnsent
		default:
			seen[key] = true
			out[i].Outcome = channel.OutcomeAccepted
			send = append(send, map[string]any{"id": json.Number(key), a.stockField: f.Quantity})
		}
	}
	if len(send) == 0 {
		return out, nil
	}
	if err := a.client.groupUpdate(ctx, send); err != nil {
		return nil, err
	}
	return out, nil
}

// ReadStock reads the variants by their products. A variant without a figure is
// sold without limit: nothing is known about it.
func (a *adapter) ReadStock(ctx context.Context, list []orderhub.Listing) ([]channel.StockShown, error) {
	var products []string
	wanted, asked := map[string]bool{}, map[string]bool{}
	for _, l := range list {
		product := l.Aliases[aliasProduct]
		if !idPattern.MatchString(product) {
			continue
		}
		wanted[l.Key] = true
		if !asked[product] {
			asked[product] = true
			products = append(products, product)
		}
	}
	if len(products) == 0 {
		return nil, nil
	}
	rows, err := a.client.productsByID(ctx, products)
	if err != nil {
		return nil, err
	}
	var out []channel.StockShown
	for _, p := range rows {
		for _, v := range p.Variants {
			key := v.text("id")
			n, ok := figure(v.text(a.stockField))
			if wanted[key] && ok {
				wanted[key] = false
				out = append(out, channel.StockShown{Key: key, Quantity: n})
			}
		}
	}
	return out, nil
}

// figure reads 3 and "3.0"; a part of a unit cannot be ordered whole.
func figure(text string) (int64, bool) {
	r, ok := new(big.Rat), text != "" && len(text) <= 30
	if ok {
		_, ok = r.SetString(text)
	}
	if !ok {
		return 0, false
	}
	if r.Sign() < 0 {
		return 0, true
	}
	n := new(big.Int).Quo(r.Num(), r.Denom())
	return n.Int64(), n.IsInt64()
}
