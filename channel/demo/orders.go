package demo

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// kindOrder is the one shape that the market has.
const kindOrder = "order"

// List reads what changed after the cursor, which is the market's own change
// number. It never goes back, so no overlap is needed.
func (a *adapter) List(ctx context.Context, _ string, cursor channel.Cursor) (channel.Page, error) {
	return a.page(ctx, url.Values{}, cursor)
}

// ListRange selects by placed_at.
func (a *adapter) ListRange(ctx context.Context, from, to time.Time, cursor channel.Cursor) (channel.Page, error) {
	return a.page(ctx, url.Values{"from": {from.UTC().Format(time.RFC3339)}, "to": {to.UTC().Format(time.RFC3339)}}, cursor)
}

func (a *adapter) page(ctx context.Context, query url.Values, cursor channel.Cursor) (channel.Page, error) {
	if len(cursor) > 0 {
		query.Set("after", string(cursor))
	}
	reply, err := a.client.listOrders(ctx, query)
	if err != nil {
		return channel.Page{}, err
	}
	return channel.Page{Items: items(reply.Orders), Next: channel.Cursor(reply.Last), Done: !reply.More}, nil
}

// ReadOrders reads orders by id; what the market does not know it leaves out.
func (a *adapter) ReadOrders(ctx context.Context, refs []channel.Ref) ([]channel.Item, error) {
	ids := make([]string, len(refs))
	for i, r := range refs {
		ids[i] = r.ExternalID
	}
	orders, err := a.client.getOrders(ctx, ids)
	return items(orders), err
}

// Check asks who the token belongs to.
func (a *adapter) Check(ctx context.Context) (channel.CheckResult, error) {
	me, err := a.client.me(ctx)
	return channel.CheckResult{Name: me.Name, Can: me.Rights}, err
}

// items parses no more than the key: an order that Normalise cannot understand
// must still be stored under its id.
func items(bodies []json.RawMessage) []channel.Item {
	out := make([]channel.Item, len(bodies))
	for i, body := range bodies {
		var key struct{ ID rest.Text }
		_ = rest.Decode(body, &key) // an item without an id is quarantined whole
		out[i] = channel.Item{Kind: kindOrder, ExternalID: key.ID.String(), Body: body}
	}
	return out
}
