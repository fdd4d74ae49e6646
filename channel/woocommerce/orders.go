package woocommerce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// The kinds of items.
const (
	kindOrder       = "order_v3"                     // an order as GET orders shows it
	kindWithRefunds = "order_v3_refunds"             // the same with its refunds beside it
	kindGone        = "order_gone"                   // stands for one that was deleted for good
	kindRefund      = channel.ReturnKind + "_refund" // one refund and its order
)

const (
	// overlap is how far a sweep begins before the newest change that the last one
	// saw: changes are written in other order than they are timed.
	overlap = 5 * time.Minute
	// maxExcluded caps the ids in one address; servers take 8 KB of it.
	maxExcluded = 400
	// pageSize is half of what the API allows: orders full of plugins' meta data take a
	// small host long, and an answer is capped.
	pageSize = 50
)

// position is the cursor of a feed. Times are the shop's own and are compared with
// nothing else, so that no clock can be wrong.
type position struct {
	// After is the time from which on orders are to be read, Seen those of this very
	// second that were read: a page never depends on how many came before it.
	After time.Time `json:"after"`
	Seen  []int64   `json:"seen,omitempty"`
	// Page counts on where more orders share a second than Seen may hold.
	Page int `json:"page,omitempty"`
	// Newest is the newest time that this sweep has seen.
	Newest time.Time `json:"newest,omitzero"`
	// Owed are orders whose refunds the shop did not give although it gives others:
	// they are asked for again by every sweep, see tryAgain.
	Owed []int64 `json:"owed,omitempty"`
	// ByCreation: the shop is too old to select by changes, so new orders are listed
	// and open ones read again (Descriptor.RefreshOpen).
	ByCreation bool `json:"by_creation,omitempty"`
}

// List reads the next page of a feed.
func (a *adapter) List(ctx context.Context, feed string, cursor channel.Cursor) (channel.Page, error) {
	switch feed {
	case feedOrders:
		return a.sweep(ctx, cursor, a.orderItems)
	case feedRefunds:
		return a.sweep(ctx, cursor, a.refundItems)
	}
	return channel.Page{}, orderhub.Errorf(orderhub.CodeInvalid, "woocommerce has no feed %.40q", feed)
}

// sweep reads orders from the position on, oldest change first, and makes items of
// them.
func (a *adapter) sweep(ctx context.Context, cursor channel.Cursor, items reading) (channel.Page, error) {
	var pos position
	if len(cursor) == 0 || json.Unmarshal(cursor, &pos) != nil || pos.After.IsZero() {
		pos = position{After: a.now().UTC().Add(-a.history).Truncate(time.Second)}
	}
	rows, more, err := a.changed(ctx, pos)
	if err != nil && !pos.ByCreation && codeOf(err) == "rest_invalid_param" {
		pos.ByCreation = true
		return again(pos)
	}
	if err != nil {
		return channel.Page{}, fmt.Errorf("list orders: %w", err)
	}
	if !pos.ByCreation && ignoresFilter(rows, pos.After) {
		pos.ByCreation = true
		return again(pos)
	}
	out := channel.Page{}
	var owed []int64
	if out.Items, owed, err = items(ctx, rows); err != nil {
		return channel.Page{}, err
	}
	if pos.begins() {
		late, err := a.tryAgain(ctx, &pos, items)
		if err != nil {
			return channel.Page{}, err
		}
		out.Items = append(late, out.Items...)
	}
	next, done := pos.behind(rows, more)
	if next.Owed, err = owe(next.Owed, owed); err != nil {
		return channel.Page{}, err
	}
	out.Done = done
	out.Next, err = json.Marshal(next)
	return out, err
}

// again goes on at a position without having read anything.
func again(pos position) (channel.Page, error) {
	next, err := json.Marshal(pos)
	return channel.Page{Next: next}, err
}

// changed reads the orders at and after the position.
func (a *adapter) changed(ctx context.Context, pos position) (rows []listed, more bool, err error) {
	after, order := "modified_after", "modified"
	if pos.ByCreation {
		after, order = "after", "date"
	}
	query := a.orderQuery(order, max(1, pos.Page))
	// Whether the bound itself is included differs: a second less includes it.
	query.Set(after, stamp(pos.After.Add(-time.Second)))
	if len(pos.Seen) > 0 {
		query.Set("exclude", joinIDs(pos.Seen))
	}
	raw, more, err := a.client.listOrders(ctx, query)
	if err != nil {
		return nil, false, err
	}
	rows = make([]listed, len(raw))
	for i, body := range raw {
		rows[i] = readKey(body)
		rows[i].at = rows[i].modified
		if pos.ByCreation {
			rows[i].at = rows[i].created
		}
	}
	return rows, more, nil
}

func (a *adapter) orderQuery(order string, page int) url.Values {
	return url.Values{
		"status": {"any"}, "dates_are_gmt": {"true"}, "orderby": {order}, "order": {"asc"},
		"per_page": {strconv.Itoa(a.pageSize)}, "page": {strconv.Itoa(page)},
	}
}

// begins tells that nothing of the sweep was read yet.
func (p position) begins() bool { return p.Newest.IsZero() && p.Page == 0 && len(p.Seen) == 0 }

// ignoresFilter tells that a shop does not select by changes: it shows orders that
// changed long before.
func ignoresFilter(rows []listed, after time.Time) bool {
	return slices.ContainsFunc(rows, func(r listed) bool { return !r.at.IsZero() && r.at.Before(after.Add(-time.Minute)) })
}

// behind moves the position behind rows that were read; more tells that there may be
// more.
func (p position) behind(rows []listed, more bool) (next position, done bool) {
	newest := time.Time{}
	for _, r := range rows {
		if r.at.After(newest) {
			newest = r.at
		}
	}
	if newest.After(p.Newest) {
		p.Newest = newest
	}
	if !more {
		// The next sweep asks by changes again: the shop may have been brought up to date,
		// or was only out of sorts.
		next = position{After: p.After, Owed: p.Owed}
		if start := p.Newest.Add(-overlap); !p.Newest.IsZero() {
			next.After = start
		}
		return next, true
	}
	if newest.After(p.After) {
		p.After, p.Seen, p.Page = newest, nil, 0
	}
	if p.Page > 0 || len(p.Seen) > maxExcluded-len(rows) {
		p.Page = max(1, p.Page) + 1
		return p, false
	}
	known := len(p.Seen)
	for _, r := range rows {
		if r.at.Equal(p.After) && r.id > 0 {
			p.Seen = append(slices.Clip(p.Seen), r.id)
		}
	}
	if len(p.Seen) == known {
		p.Page = 2 // rows without a time, or none at all: only counting pages is left
	}
	return p, false
}

// listed is a raw order and as much of it as a list needs.
type listed struct {
	id                int64
	status            string
	created, modified time.Time
	at                time.Time // the one that the sweep goes by
	refunds           bool
	body              json.RawMessage
}

// readKey parses no more than the key: an order that Normalise cannot understand
// must still be kept under its id.
func readKey(body json.RawMessage) listed {
	var key wireKey
	_ = rest.Decode(body, &key) // an order without a key is quarantined whole
	out := listed{body: body, status: key.Status.String(), refunds: len(key.Refunds) > 0}
	out.id, _ = positive(key.ID)
	out.created, _ = moment(key.CreatedGMT)
	out.modified, _ = moment(key.ModifiedGMT)
	return out
}

// orderItems makes items of orders, with the refunds where there are any. Drafts of
// the checkout are no orders. owed are those whose refunds the shop did not give.
func (a *adapter) orderItems(ctx context.Context, rows []listed) (out []channel.Item, owed []int64, err error) {
	for _, r := range rows {
		if drafts[r.status] {
			continue
		}
		item, refused, err := a.orderItem(ctx, r)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, item)
		if refused {
			owed = append(owed, r.id)
		}
	}
	return out, owed, nil
}

// orderItem makes an item of an order; refused: without its refunds, so that it goes
// to quarantine until they can be read.
func (a *adapter) orderItem(ctx context.Context, r listed) (item channel.Item, refused bool, err error) {
	item = channel.Item{Kind: kindOrder, Body: r.body}
	if r.id > 0 {
		item.ExternalID = strconv.FormatInt(r.id, 10)
	}
	if !r.refunds || r.id == 0 {
		return item, false, nil
	}
	refunds, why, err := a.refundsOf(ctx, r.id)
	if err != nil {
		return item, false, err
	}
	item.Kind = kindWithRefunds
	item.Body, err = json.Marshal(withRefunds{Order: r.body, Refunds: refunds, Refused: why})
	return item, why != "", err
}

// ListRange reads the orders created within [from, to). The pages go by id, which
// no change moves.
func (a *adapter) ListRange(ctx context.Context, from, to time.Time, cursor channel.Cursor) (channel.Page, error) {
	page := 1
	if n, err := strconv.Atoi(string(cursor)); err == nil && n > 1 {
		page = n
	}
	query := a.orderQuery("id", page)
	query.Set("after", stamp(from.Add(-time.Second)))
	query.Set("before", stamp(to.Add(time.Second)))
	raw, more, err := a.client.listOrders(ctx, query)
	if err != nil {
		return channel.Page{}, fmt.Errorf("list orders of a range, page %d: %w", page, err)
	}
	var rows []listed
	for _, body := range raw {
		r := readKey(body)
		if r.created.IsZero() || !r.created.Before(from) && r.created.Before(to) {
			rows = append(rows, r)
		}
	}
	out := channel.Page{Done: !more, Next: channel.Cursor(strconv.Itoa(page + 1))}
	out.Items, _, err = a.orderItems(ctx, rows)
	return out, err
}

// ReadOrders reads orders by their ids. Those in the bin are in no list and are
// asked for one by one.
func (a *adapter) ReadOrders(ctx context.Context, refs []channel.Ref) ([]channel.Item, error) {
	var out []channel.Item
	for part := range slices.Chunk(refs, pageSize) {
		items, err := a.readSome(ctx, part)
		out = append(out, items...)
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

func (a *adapter) readSome(ctx context.Context, refs []channel.Ref) ([]channel.Item, error) {
	var ids []int64
	for _, ref := range refs {
		if id, ok := positive(rest.Text(ref.ExternalID)); ok && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	rows, err := a.rowsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	items, _, err := a.orderItems(ctx, rows)
	return items, err
}

// rowsOf reads orders by their ids, at most a page.
func (a *adapter) rowsOf(ctx context.Context, ids []int64) (rows []listed, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	missing := map[int64]bool{}
	for _, id := range ids {
		missing[id] = true
	}
	query := url.Values{"include": {joinIDs(ids)}, "status": {"any"}, "per_page": {strconv.Itoa(maxPage)}, "orderby": {"id"}, "order": {"asc"}}
	raw, _, err := a.client.listOrders(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("read %d orders: %w", len(ids), err)
	}
	for _, body := range raw {
		if r := readKey(body); missing[r.id] {
			delete(missing, r.id)
			rows = append(rows, r)
		}
	}
	for _, id := range ids {
		if !missing[id] {
			continue
		}
		body, err := a.client.getOrder(ctx, id)
		switch r := readKey(body); {
		case gone(err):
		case err != nil:
			return nil, fmt.Errorf("read order %d: %w", id, err)
		case r.id != id:
			return nil, misses("orders/id", "the order that was asked for", orderhub.ClassRetry)
		default:
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// gone tells that the shop says that there is no such order.
func gone(err error) bool {
	var be *orderhub.BorderError
	return errors.As(err, &be) && be.HTTPStatus == http.StatusNotFound && strings.HasSuffix(be.Code, "_invalid_id")
}

// stamp writes a time as the filters want it; dates_are_gmt says that it is UTC.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

func joinIDs(ids []int64) string {
	var out []string
	for _, id := range ids {
		out = append(out, strconv.FormatInt(id, 10))
	}
	return strings.Join(out, ",")
}

// positive reads an id.
func positive(t rest.Text) (int64, bool) {
	n, err := t.Int64()
	return n, err == nil && n > 0
}
