package shopify

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

const (
	// kindOrder is the one shape of an order, kindGone is the message of a deleted
	// one.
	kindOrder = "order"
	kindGone  = "order_gone"
	// overlap is how far a sweep goes back behind the newest row of the last one:
	// the list is answered by a search index that follows the orders after a while.
	overlap = 5 * time.Minute
)

// position is the cursor of a feed or of a range.
type position struct {
	Since time.Time `json:"since"`
	// After is Shopify's cursor within the sweep.
	After string `json:"after,omitempty"`
	// Newest is the latest change seen.
	Newest time.Time `json:"newest,omitzero"`
}

func (p position) cursor() channel.Cursor {
	b, _ := json.Marshal(p) // times and a text: cannot fail
	return b
}

func resume(cursor channel.Cursor, first time.Time) (position, error) {
	pos := position{Since: first}
	if len(cursor) == 0 {
		return pos, nil
	}
	if err := json.Unmarshal(cursor, &pos); err != nil {
		return pos, orderhub.NewBorderError(orderhub.ClassRejected, string(Name)+": resume a list", "the saved cursor cannot be read", nil)
	}
	return pos, nil
}

// List reads the next page of a feed, by the time of the orders' change.
func (a *adapter) List(ctx context.Context, feed string, cursor channel.Cursor) (channel.Page, error) {
	pos, err := resume(cursor, a.now().AddDate(0, 0, -a.days))
	if err != nil {
		return channel.Page{}, err
	}
	op := opOrders
	switch feed {
	case feedOrders:
	case feedReturns:
		op = opReturns
	default:
		return channel.Page{}, orderhub.Errorf(orderhub.CodeInvalid, "shopify has no feed %q", feed)
	}
	list, next, err := a.walk(ctx, op, pos, "updated_at:>="+moment(pos.Since), "UPDATED_AT")
	if err != nil {
		return channel.Page{}, err
	}
	page := channel.Page{Next: next.cursor(), Done: !list.PageInfo.HasNextPage}
	if page.Done {
		again := position{Since: next.Since, Newest: next.Newest}
		if !next.Newest.IsZero() {
			again.Since = next.Newest.Add(-overlap)
		}
		page.Next = again.cursor()
	}
	if feed == feedReturns {
		page.Items, err = a.returnItems(ctx, list.Nodes)
		return page, err
	}
	page.Items, err = a.items(ctx, list.Nodes)
	return page, err
}

// ListRange reads the orders placed within [from, to).
func (a *adapter) ListRange(ctx context.Context, from, to time.Time, cursor channel.Cursor) (channel.Page, error) {
	pos, err := resume(cursor, from)
	if err != nil {
		return channel.Page{}, err
	}
	list, next, err := a.walk(ctx, opOrders, pos, "created_at:>="+moment(from)+" created_at:<"+moment(to), "CREATED_AT")
	if err != nil {
		return channel.Page{}, err
	}
	page := channel.Page{Next: next.cursor(), Done: !list.PageInfo.HasNextPage}
	var within []json.RawMessage
	for _, row := range list.Nodes {
		var key wireKey
		_ = rest.Decode(row, &key) // one without a time is kept
		if at := key.CreatedAt.Time; at.IsZero() || (!at.Before(from) && at.Before(to)) {
			within = append(within, row)
		}
	}
	page.Items, err = a.items(ctx, within)
	return page, err
}

// walk makes one request of a list. A page that Shopify finds too dear is asked
// for in halves; a cursor that it no longer takes begins the list anew, which
// repeats orders and loses none.
func (a *adapter) walk(ctx context.Context, op operation, pos position, query, sort string) (list rows, next position, err error) {
	next = pos
	for n := a.perPage; ; n /= 2 {
		vars := map[string]any{"first": n, "query": query, "sort": sort}
		if next.After != "" {
			vars["after"] = next.After
		}
		list = rows{}
		err = a.client.do(ctx, op, vars, &list)
		var be *orderhub.BorderError
		switch {
		case err == nil && list.Nodes == nil:
			return list, pos, a.client.fail(op, orderhub.ClassRetry, "the answer lacks the orders", "", nil)
		case err == nil && list.PageInfo.HasNextPage && (list.PageInfo.EndCursor == "" || list.PageInfo.EndCursor == next.After):
			return list, pos, a.client.fail(op, orderhub.ClassRetry, "the list does not say how it goes on", "", nil)
		case err == nil:
			next.After = list.PageInfo.EndCursor
			for _, row := range list.Nodes {
				var key wireKey
				_ = rest.Decode(row, &key) // one without a time moves nothing
				if key.UpdatedAt.After(next.Newest) {
					next.Newest = key.UpdatedAt.Time
				}
			}
			return list, next, nil
		case errors.As(err, &be) && be.Code == "MAX_COST_EXCEEDED" && n > 1:
		case errors.As(err, &be) && be.Class == orderhub.ClassRejected && next.After != "":
			next.After = ""
			n *= 2 // the same size again
		default:
			return list, pos, err
		}
	}
}

// moment writes a time for a search.
func moment(t time.Time) string { return "'" + t.UTC().Format(time.RFC3339) + "'" }

// ReadOrders reads orders by their ids; what the shop does not know is null.
func (a *adapter) ReadOrders(ctx context.Context, refs []channel.Ref) ([]channel.Item, error) {
	var ids []string
	for _, r := range refs {
		if idPattern.MatchString(r.ExternalID) {
			ids = append(ids, gid("Order", r.ExternalID))
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	var nodes []json.RawMessage
	if err := a.client.do(ctx, opRead, map[string]any{"ids": ids}, &nodes); err != nil {
		return nil, err
	}
	var known []json.RawMessage
	for _, n := range nodes {
		if string(n) != "null" && string(n) != "{}" {
			known = append(known, n)
		}
	}
	return a.items(ctx, known)
}

// items parses no more than the key: an order that Normalise cannot understand
// must still be stored under its id.
func (a *adapter) items(ctx context.Context, nodes []json.RawMessage) ([]channel.Item, error) {
	var out []channel.Item
	for _, body := range nodes {
		var key wireKey
		_ = rest.Decode(body, &key) // an item without an id is quarantined whole
		body, err := a.whole(ctx, body)
		if err != nil {
			return out, err
		}
		out = append(out, channel.Item{Kind: kindOrder, ExternalID: bare(key.ID), Body: body})
	}
	return out, nil
}
