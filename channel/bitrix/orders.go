package bitrix

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// feedOrders is the one feed.
const feedOrders = "orders"

// kindOrder is sale.order.get: the order with basket, payments, shipments and
// properties; of one that is listed and cannot be shown it is the shop's reason.
// kindRefused is how that was kept before, kindGone stands for one that was deleted.
const (
	kindOrder   = "order_get"
	kindRefused = "order_refused"
	kindGone    = "order_gone"
)

// position is the cursor: rows changed at From or later, oldest change first. Times
// are whole seconds, so a second in which more changed than a page holds is read by
// id: Within is that second and After the last id of it.
type position struct {
	From   time.Time `json:"from"`
	Within bool      `json:"within,omitempty"`
	After  int64     `json:"after,omitempty"`
	// Top is the latest change seen in this sweep: the next one begins before it.
	Top time.Time `json:"top,omitzero"`
	// Owed are orders that the shop lists and does not show: each sweep asks for them
	// again, triedAgain at most, in turn.
	Owed []string `json:"owed,omitempty"`
}

const (
	triedAgain = 25
	// maxOwed keeps the cursor small; with more the feed stands and says so.
	maxOwed = 1000
)

// row is what the list tells of an order; the rest is read by id.
type row struct {
	ID       rest.Text `json:"id"`
	Updated  moment    `json:"dateUpdate"`
	Inserted moment    `json:"dateInsert"`
}

// List reads a page of changed orders by sale.order.list, and each of them whole.
func (a *adapter) List(ctx context.Context, feed string, cursor channel.Cursor) (channel.Page, error) {
	if feed != feedOrders {
		return channel.Page{}, orderhub.Errorf(orderhub.CodeInvalid, "bitrix: no feed %.40q", feed)
	}
	at := position{From: a.now().UTC().Add(-firstSpan).Truncate(time.Second)}
	if len(cursor) > 0 {
		if err := json.Unmarshal(cursor, &at); err != nil {
			return channel.Page{}, orderhub.Errorf(orderhub.CodeInvalid, "bitrix: the position cannot be read")
		}
	}
	filter, order := map[string]any{">=dateUpdate": at.From.Format(time.RFC3339)}, map[string]string{"dateUpdate": "ASC", "id": "ASC"}
	if at.Within {
		filter["<=dateUpdate"], filter[">id"] = filter[">=dateUpdate"], at.After
		order = map[string]string{"id": "ASC"}
	}
	rows, err := a.rows(ctx, filter, order)
	if err != nil {
		return channel.Page{}, err
	}
	next, done := at.next(rows, a.page)
	page := channel.Page{Done: done}
	ids := idsOf(rows)
	if at.Top.IsZero() && !at.Within { // the sweep begins
		n := min(triedAgain, len(at.Owed))
		late, owed, err := a.whole(ctx, at.Owed[:n])
		if err != nil {
			return channel.Page{}, err
		}
		page.Items, next.Owed = late, owe(at.Owed[n:], owed)
		ids = slices.DeleteFunc(ids, func(id string) bool { return slices.Contains(at.Owed[:n], id) })
	}
	items, owed, err := a.whole(ctx, ids)
	if err != nil {
		return channel.Page{}, err
	}
	page.Items, next.Owed = append(page.Items, items...), owe(next.Owed, owed)
	if len(next.Owed) > maxOwed {
		return channel.Page{}, border(orderhub.ClassRetry, "sale.order.get", "the shop lists orders and shows more than "+strconv.Itoa(maxOwed)+" of them to nobody")
	}
	page.Next, err = json.Marshal(next)
	return page, err
}

// next is where to go on after a page.
func (at position) next(rows []row, size int) (position, bool) {
	next := at
	for _, r := range rows {
		if t := r.Updated.Time; t.After(next.Top) {
			next.Top = t
		}
	}
	full := len(rows) >= size
	switch {
	case full && at.Within:
		next.After = rows[len(rows)-1].number()
	case at.Within: // the second is over
		next.From, next.Within, next.After = at.From.Add(time.Second), false, 0
	case full && rows[len(rows)-1].Updated.After(at.From):
		next.From = rows[len(rows)-1].Updated.UTC()
	case full:
		next.Within, next.After = true, 0
	default:
		if !next.Top.IsZero() {
			next.From = next.Top.Add(-overlap)
		}
		return position{From: next.From, Owed: at.Owed}, true
	}
	return next, false
}

func (r row) number() int64 {
	n, _ := strconv.ParseInt(string(r.ID), 10, 64)
	return n
}

// ListRange selects by dateInsert, which is Snapshot.PlacedAt.
func (a *adapter) ListRange(ctx context.Context, from, to time.Time, cursor channel.Cursor) (channel.Page, error) {
	after, err := strconv.ParseInt(string(cursor), 10, 64)
	if len(cursor) > 0 && err != nil {
		return channel.Page{}, orderhub.Errorf(orderhub.CodeInvalid, "bitrix: the position cannot be read")
	}
	filter := map[string]any{">=dateInsert": from.UTC().Format(time.RFC3339), "<dateInsert": to.UTC().Format(time.RFC3339), ">id": after}
	rows, err := a.rows(ctx, filter, map[string]string{"id": "ASC"})
	if err != nil {
		return channel.Page{}, err
	}
	page := channel.Page{Done: len(rows) < a.page, Next: cursor}
	if len(rows) > 0 {
		page.Next = strconv.AppendInt(nil, rows[len(rows)-1].number(), 10)
	}
	page.Items, _, err = a.whole(ctx, idsOf(rows))
	return page, err
}

func idsOf(rows []row) []string {
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID.String()
	}
	return ids
}

// owe adds orders to those that are owed.
func owe(owed, more []string) []string {
	out := slices.Clone(owed)
	for _, id := range more {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// rows is sale.order.list, the first 50 that fit.
func (a *adapter) rows(ctx context.Context, filter map[string]any, order map[string]string) ([]row, error) {
	reply, err := a.call(ctx, "sale.order.list", map[string]any{
		"select": []string{"id", "dateUpdate", "dateInsert"}, "filter": filter, "order": order, "start": 0,
	}, false)
	if err != nil {
		return nil, err
	}
	var in struct {
		Orders []row `json:"orders"`
	}
	if err := rest.Decode(reply.Result, &in); err != nil || in.Orders == nil {
		return nil, border(orderhub.ClassRetry, "sale.order.list", "the answer has no list of orders")
	}
	return in.Orders, nil
}

// whole reads orders of a page; one that is gone meanwhile is left out. One that the
// shop lists and will not show, or breaks on while it shows others, is kept as what it
// answered, quarantined, and owed: the page goes on and would not come back for it.
func (a *adapter) whole(ctx context.Context, ids []string) (items []channel.Item, owed []string, err error) {
	if len(ids) == 0 {
		return nil, nil, nil
	}
	items, refused, broken, err := a.read(ctx, ids)
	if len(broken) > 0 && ctx.Err() == nil && orderhub.ClassOf(err) == orderhub.ClassRetry && (len(broken) == 1 || len(items) > 0) {
		for _, id := range broken {
			var why *orderhub.BorderError
			if errors.As(err, &why) {
				refused[id] = why
			}
		}
		err = nil
	}
	for _, id := range ids {
		if why := refused[id]; why != nil {
			body, _ := json.Marshal(map[string]string{"id": id, "refused": why.Sentence}) // texts: cannot fail
			items = append(items, channel.Item{Kind: kindOrder, ExternalID: id, Body: body})
			owed = append(owed, id)
		}
	}
	return items, owed, err
}

// ReadOrders reads orders by id; those that the shop does not know or show are left out.
func (a *adapter) ReadOrders(ctx context.Context, refs []channel.Ref) ([]channel.Item, error) {
	ids := make([]string, len(refs))
	for i, r := range refs {
		ids[i] = r.ExternalID
	}
	items, _, _, err := a.read(ctx, ids)
	return items, err
}

// readRounds is how often the commands of a batch that the shop put off are asked
// again by themselves: a page would otherwise fail for one of its fifty orders.
const readRounds = 3

// read is sale.order.get for up to 50 orders in one batch. refused are those that
// the shop has and does not show, broken those that failed each time for the last
// reason, while the batch itself was answered.
func (a *adapter) read(ctx context.Context, ids []string) (items []channel.Item, refused map[string]*orderhub.BorderError, broken []string, failure error) {
	refused = map[string]*orderhub.BorderError{}
	for round := 0; round < readRounds && len(ids) > 0; round++ {
		got, again, err := a.readOnce(ctx, ids, refused)
		items, ids, failure = append(items, got...), again, err
		if len(again) == 0 {
			return items, refused, nil, err
		}
	}
	return items, refused, ids, failure
}

// readOnce tells which orders are to be read again, and why.
func (a *adapter) readOnce(ctx context.Context, ids []string, refused map[string]*orderhub.BorderError) (items []channel.Item, again []string, failure error) {
	commands := make([]command, len(ids))
	for i, id := range ids {
		commands[i] = command{key: "o" + strconv.Itoa(i), method: "sale.order.get", query: url.Values{"id": {id}}}
	}
	out, err := a.batch(ctx, commands, false)
	if err != nil {
		return nil, nil, err
	}
	for i, c := range commands {
		o := out[c.key]
		var in struct {
			Order json.RawMessage `json:"order"`
		}
		switch {
		case o.err != nil && noOrder[o.err.Code]:
		case o.err != nil && o.err.Class == orderhub.ClassRejected:
			refused[ids[i]] = o.err
		case o.err != nil:
			again, failure = append(again, ids[i]), o.err
		case rest.Decode(o.result, &in) != nil || len(in.Order) == 0:
			again, failure = append(again, ids[i]), border(orderhub.ClassRetry, c.method, "the answer has no order")
		default:
			items = append(items, channel.Item{Kind: kindOrder, ExternalID: ids[i], Body: in.Order})
		}
	}
	return items, again, failure
}

// Check asks what the key may do.
func (a *adapter) Check(ctx context.Context) (channel.CheckResult, error) {
	var result channel.CheckResult
	reply, err := a.call(ctx, "scope", map[string]any{}, false)
	if err != nil {
		return result, err
	}
	if err := rest.Decode(reply.Result, &result.Can); err != nil {
		return result, border(orderhub.ClassRetry, "scope", "the answer is not a list of rights")
	}
	if !slices.Contains(result.Can, "sale") {
		return result, border(orderhub.ClassAuth, "scope", "the webhook lacks the right sale")
	}
	if !slices.Contains(result.Can, "catalog") {
		result.Warnings = append(result.Warnings, "the webhook lacks the right catalog: stock cannot be sent")
	}
	if a.eventToken == "" {
		result.Warnings = append(result.Warnings, "no token of an outgoing webhook: orders come with the sweep of each minute")
	}
	// The right sale is not enough: sale.order.list wants an administrator.
	_, err = a.rows(ctx, map[string]any{">id": 0}, map[string]string{"id": "ASC"})
	var be *orderhub.BorderError
	if errors.As(err, &be) && (be.Class == orderhub.ClassRejected || denied[be.Code]) {
		return result, border(orderhub.ClassAuth, "sale.order.list", "orders may be read by an administrator's webhook only: "+be.Sentence)
	}
	return result, err
}
