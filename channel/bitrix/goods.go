package bitrix

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// goodsPosition is the cursor of the catalogue: the block by its place in the
// setting, and the last id read of it.
type goodsPosition struct {
	Block int   `json:"block"`
	After int64 `json:"after"`
}

// ListListings reads the goods of the blocks in the settings by id.
func (a lister) ListListings(ctx context.Context, cursor channel.Cursor) (channel.ListingPage, error) {
	var at goodsPosition
	if len(cursor) > 0 {
		if err := json.Unmarshal(cursor, &at); err != nil {
			return channel.ListingPage{}, orderhub.Errorf(orderhub.CodeInvalid, "bitrix: the position cannot be read")
		}
	}
	if at.Block >= len(a.iblocks) { // the setting has become shorter
		at = goodsPosition{}
	}
	rows, err := a.products(ctx, map[string]any{"iblockId": a.iblocks[at.Block], ">id": at.After})
	if err != nil {
		return channel.ListingPage{}, err
	}
	var page channel.ListingPage
	for _, r := range rows {
		page.Listings = append(page.Listings, a.listing(r))
		at.After = r.number("id")
	}
	if len(rows) < a.page {
		at = goodsPosition{Block: at.Block + 1}
	}
	if page.Done = at.Block >= len(a.iblocks); page.Done {
		at = goodsPosition{}
	}
	page.Next, err = json.Marshal(at)
	return page, err
}

// product is a row of catalog.product.list: properties are fields of its own.
type product map[string]json.RawMessage

func (p product) text(field string) string {
	var t rest.Text
	if rest.Decode(p[field], &t) == nil {
		return t.String()
	}
	var value struct { // a property comes with the number of its value
		Value rest.Text `json:"value"`
	}
	_ = rest.Decode(p[field], &value)
	return value.Value.String()
}

func (p product) number(field string) int64 {
	n, _ := strconv.ParseInt(p.text(field), 10, 64)
	return n
}

func (a *adapter) listing(p product) orderhub.Listing {
	l := orderhub.Listing{Key: p.text("id"), Name: p.text("name"), Live: p.text("active") == "Y", Aliases: map[string]string{}}
	if x := p.text("xmlId"); x != "" {
		l.Aliases["xml_id"], l.Article = x, x
	}
	if a.article != "" && p.text(a.article) != "" {
		l.Article = p.text(a.article)
	}
	if l.Article == "" {
		l.Article = l.Key
	}
	return l
}

// products is catalog.product.list, the first 50 that fit, by id and uncounted.
func (a *adapter) products(ctx context.Context, filter map[string]any) ([]product, error) {
	fields := []string{"id", "iblockId", "name", "active", "xmlId", "quantity"}
	if a.article != "" {
		fields = append(fields, a.article)
	}
	reply, err := a.call(ctx, "catalog.product.list", map[string]any{
		"select": fields, "filter": filter, "order": map[string]string{"id": "ASC"}, "start": -1,
	}, false)
	if err != nil {
		return nil, err
	}
	var in struct {
		Products []product `json:"products"`
	}
	if err := rest.Decode(reply.Result, &in); err != nil || in.Products == nil {
		return nil, border(orderhub.ClassRetry, "catalog.product.list", "the answer has no list of products")
	}
	return in.Products, nil
}

// PushStock sets quantities, one command of a batch each.
func (a *adapter) PushStock(ctx context.Context, figures []channel.StockFigure) ([]channel.StockResult, error) {
	if len(figures) == 0 {
		return nil, nil
	}
	commands := make([]command, len(figures))
	for i, f := range figures {
		commands[i] = command{key: "s" + strconv.Itoa(i), method: "catalog.product.update", query: url.Values{
			"id": {f.Listing.Key}, "fields[quantity]": {strconv.FormatInt(f.Quantity, 10)},
		}}
	}
	done, err := a.batch(ctx, commands, true)
	if err != nil {
		return nil, err
	}
	out := make([]channel.StockResult, len(figures))
	for i, c := range commands {
		switch o := done[c.key]; {
		case o.err != nil:
			out[i] = channel.StockResult{Outcome: channel.OutcomeFailed, Err: o.err}
		case len(o.result) == 0 || string(o.result) == "null":
			out[i] = channel.StockResult{Outcome: channel.OutcomeFailed, Err: border(orderhub.ClassUncertain, c.method, "the answer does not mention the article")}
		default:
			out[i] = channel.StockResult{Outcome: channel.OutcomeAccepted}
		}
	}
	return out, nil
}

// ReadStock reads quantities. An order takes its goods off by itself in the shop.
func (a *adapter) ReadStock(ctx context.Context, listings []orderhub.Listing) ([]channel.StockShown, error) {
	commands := make([]command, len(listings))
	for i, l := range listings {
		commands[i] = command{key: "r" + strconv.Itoa(i), method: "catalog.product.get", query: url.Values{"id": {l.Key}}}
	}
	if len(commands) == 0 {
		return nil, nil
	}
	done, err := a.batch(ctx, commands, false)
	if err != nil {
		return nil, err
	}
	var out []channel.StockShown
	for i, c := range commands {
		o := done[c.key]
		var in struct {
			Product product `json:"product"`
		}
		if o.err != nil && o.err.Class != orderhub.ClassRejected {
			return out, o.err
		}
		if o.err != nil || rest.Decode(o.result, &in) != nil {
			continue // an article that the shop does not have: nothing is known
		}
		if n, ok := shown(in.Product.text("quantity")); ok {
			out = append(out, channel.StockShown{Key: listings[i].Key, Quantity: n})
		}
	}
	return out, nil
}
