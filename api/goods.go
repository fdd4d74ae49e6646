package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
)

// LineView is a line with the product that it sells.
type LineView struct {
	orderhub.Line
	Product string `json:"product,omitempty" doc:"The SKU of the product; absent = none is known."`
	Called  string `json:"product_name,omitempty" doc:"What the product is called here: some channels give no name with an order."`
	Listing int64  `json:"listing,omitempty" doc:"The listing through which it was sold."`
	Picture string `json:"picture,omitempty" doc:"Path of its small picture: of the listing, or of another one of the product; absent = no channel has one."`
}

// GoodsView is what an order needs of a product, kits taken apart, and what it
// has got: needed = reserved + consumed + unbacked + short.
type GoodsView struct {
	SKU      string `json:"sku"`
	Needed   int64  `json:"needed"`
	Reserved int64  `json:"reserved"`
	Consumed int64  `json:"consumed" doc:"Left the warehouse."`
	Unbacked int64  `json:"unbacked" doc:"Left it without having been in the book."`
	Short    int64  `json:"short" doc:"Still lacks."`
	Returned int64  `json:"returned" doc:"Came back of what had left, whatever became of it then."`
}

// Goods are what an order needs and has got.
type Goods struct {
	Number int64       `json:"number"`
	Goods  []GoodsView `json:"goods"`
}

func (a *API) goods(h huma.API) {
	type one struct {
		Number int64 `path:"number"`
	}
	o := op("requeue-order", http.MethodPost, "/orders/{number}/requeue", "Stock", "Move an order to the head of the queue for goods that are short", http.StatusConflict)
	o.Description = "It is served first when goods come in or become free. What other orders have already stays theirs."
	huma.Register(h, o, func(ctx context.Context, in *one) (*body[Goods], error) {
		if err := a.hub.Requeue(ctx, in.Number, actor(ctx)); err != nil {
			return nil, a.problem(err)
		}
		goods, err := a.goodsOf(ctx, in.Number)
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(Goods{Number: in.Number, Goods: goods}), nil
	})
}

func (a *API) goodsOf(ctx context.Context, number int64) ([]GoodsView, error) {
	demands, err := a.store.DemandsOf(ctx, number)
	out := make([]GoodsView, 0, len(demands))
	for _, d := range demands {
		out = append(out, GoodsView{SKU: d.SKU, Needed: d.Needed, Reserved: d.Reserved, Consumed: d.Consumed, Unbacked: d.Unbacked, Short: d.Short(), Returned: d.Returned})
	}
	return out, err
}

// linesOf are the lines of an order with their products.
func (a *API) linesOf(ctx context.Context, o *orderhub.Order) ([]LineView, error) {
	links, err := a.store.LinksOf(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	names, err := a.store.NamesOfLines(ctx, []int64{o.ID})
	if err != nil {
		return nil, err
	}
	out := make([]LineView, 0, len(o.Snapshot.Lines))
	for i, l := range o.Snapshot.Lines {
		out = append(out, LineView{Line: l, Product: links[i].SKU, Listing: links[i].ListingID})
	}
	for _, n := range names {
		if n.Pos < len(out) {
			out[n.Pos].Called = n.Name
		}
	}
	return out, a.picture(ctx, out)
}

// picture says of lines where their pictures are.
func (a *API) picture(ctx context.Context, lines []LineView) error {
	var listings []int64
	var skus []string
	for _, l := range lines {
		listings, skus = append(listings, l.Listing), append(skus, l.Product)
	}
	own, ofSKU, err := a.store.Pictured(ctx, listings, skus)
	for i, l := range lines {
		if id := ofSKU[l.Product]; own[l.Listing] {
			lines[i].Picture = picturePath(l.Listing)
		} else if id > 0 {
			lines[i].Picture = picturePath(id)
		}
	}
	return err
}

func picturePath(listing int64) string { return fmt.Sprintf("/api/v1/listings/%d/picture", listing) }

// namedRows are the rows of orders; a first line that the channel gave no name is
// called as its product is.
func (a *API) namedRows(ctx context.Context, list []*orderhub.Order) ([]OrderRow, error) {
	out := rows(list)
	at := map[int64]int{}
	var nameless []int64
	for i, o := range list {
		if lines := o.Snapshot.Lines; len(lines) > 0 && lines[0].Name == "" {
			nameless = append(nameless, o.ID)
			at[o.ID] = i
		}
	}
	if len(nameless) == 0 {
		return out, nil
	}
	names, err := a.store.NamesOfLines(ctx, nameless)
	for _, n := range names {
		if n.Pos == 0 && n.Name != "" {
			out[at[n.OrderID]].FirstLine = n.Name
		}
	}
	return out, err
}
