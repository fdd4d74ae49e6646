package insales

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

const (
	// kindOrder is the one shape of an order, kindGone stands for one that the shop
	// has deleted.
	kindOrder = "order"
	kindGone  = "order_gone"
	// overlap is how far a sweep goes back behind the newest row of the last one:
	// a change may be stamped before another and be seen after it.
	overlap = 2 * time.Minute
)

// position is the cursor of every list: rows are ordered by the time of their
// change and their id, and the next request asks for what lies behind both.
type position struct {
	Since time.Time `json:"since"`
	// FromID belongs to Since; "" = everything from Since on.
	FromID string `json:"from_id,omitempty"`
	// Newest is the latest change seen, which the next sweep starts from.
	Newest time.Time `json:"newest,omitzero"`
}

func (p position) cursor() channel.Cursor {
	b, _ := json.Marshal(p) // times and a text: cannot fail
	return b
}

// resume reads a cursor; first is where a sweep without one begins.
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

// List reads the next page of a feed. Both feeds read the changed orders; that
// of returns keeps those that came back.
func (a *adapter) List(ctx context.Context, feed string, cursor channel.Cursor) (channel.Page, error) {
	pos, err := resume(cursor, a.now().AddDate(0, 0, -a.days))
	if err != nil {
		return channel.Page{}, err
	}
	var keep func(wireKey) bool
	kind := kindOrder
	switch feed {
	case feedOrders:
	case feedReturns:
		kind, keep = kindReturn, func(k wireKey) bool { return k.FulfillmentStatus == "returned" }
	default:
		return channel.Page{}, orderhub.Errorf(orderhub.CodeInvalid, "insales has no feed %q", feed)
	}
	rows, next, done, err := a.walk(ctx, "orders", pos, nil)
	if err != nil {
		return channel.Page{}, err
	}
	return channel.Page{Items: items(kind, rows, keep), Next: next.cursor(), Done: done}, nil
}

// ListRange reads the orders placed within [from, to). The list knows changes
// only; no order is changed before it is placed, so the orders wanted are among
// those that changed since from.
func (a *adapter) ListRange(ctx context.Context, from, to time.Time, cursor channel.Cursor) (channel.Page, error) {
	pos, err := resume(cursor, from)
	if err != nil {
		return channel.Page{}, err
	}
	rows, next, done, err := a.walk(ctx, "orders", pos, nil)
	if err != nil {
		return channel.Page{}, err
	}
	within := func(k wireKey) bool {
		at := k.CreatedAt.Time
		return at.IsZero() || (!at.Before(from) && at.Before(to))
	}
	return channel.Page{Items: items(kindOrder, rows, within), Next: next.cursor(), Done: done}, nil
}

// ReadOrders reads orders one by one.
func (a *adapter) ReadOrders(ctx context.Context, refs []channel.Ref) ([]channel.Item, error) {
	var out []channel.Item
	for _, r := range refs {
		body, found, err := a.client.order(channel.For(ctx, r.ExternalID), r.ExternalID)
		if err != nil {
			return out, err
		}
		if found {
			out = append(out, channel.Item{Kind: kindOrder, ExternalID: r.ExternalID, Body: body})
		}
	}
	return out, nil
}

// walk makes one request of a list. It is done when the shop has no more rows,
// as the vendor's recipe says: a page that is not full proves nothing, for the
// shop may give fewer than it is asked for.
func (a *adapter) walk(ctx context.Context, what string, pos position, more url.Values) (rows []json.RawMessage, next position, done bool, err error) {
	query := url.Values{"updated_since": {since(pos.Since)}, "per_page": {count(a.perPage)}}
	if pos.FromID != "" {
		query.Set("from_id", pos.FromID)
	}
	for k, v := range more {
		query[k] = v
	}
	if rows, err = a.client.list(ctx, what, query); err != nil {
		return nil, pos, false, err
	}
	next = pos
	for _, row := range rows {
		var key wireKey
		_ = rest.Decode(row, &key) // a row without a time cannot move the position
		id := key.ID.String()
		at := key.UpdatedAt.utc()
		if at.IsZero() || id == "" {
			continue
		}
		if at.After(next.Newest) {
			next.Newest = at
		}
		if c := at.Compare(next.Since); c > 0 || (c == 0 && byNumber(id, next.FromID) > 0) {
			next.Since, next.FromID = at, id
		}
	}
	switch moved := next.Since != pos.Since || next.FromID != pos.FromID; {
	case len(rows) == 0 || (!moved && len(rows) < a.perPage):
		return rows, pos.again(next.Newest), true, nil
	case !moved:
		// To stop here would hide whatever follows.
		return nil, pos, false, orderhub.NewBorderError(orderhub.ClassRetry, string(Name)+": GET /admin/"+what+".json",
			"the list repeats itself: a full page brings nothing behind the last row", nil)
	}
	return rows, next, false, nil
}

// again is where the next sweep begins.
func (p position) again(newest time.Time) position {
	if newest.IsZero() {
		return position{Since: p.Since, FromID: p.FromID}
	}
	return position{Since: newest.Add(-overlap), Newest: newest}
}

// byNumber compares ids, which are whole numbers of any length.
func byNumber(a, b string) int {
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	return cmp.Compare(a, b)
}

// items parses no more than the key: an order that Normalise cannot understand
// must still be stored under its id.
func items(kind string, rows []json.RawMessage, keep func(wireKey) bool) []channel.Item {
	var out []channel.Item
	for _, row := range rows {
		var key wireKey
		_ = rest.Decode(row, &key) // an item without an id is quarantined whole
		if keep == nil || keep(key) {
			out = append(out, channel.Item{Kind: kind, ExternalID: key.ID.String(), Body: row})
		}
	}
	return out
}
