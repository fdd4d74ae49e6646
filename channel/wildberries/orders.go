package wildberries

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

const (
	// maxWindow is the longest period of one call (orders-fbs, dbs: 30 days).
	maxWindow = 30 * 24 * time.Hour
	// firstSweep is how far back the first sweep of an account looks.
	firstSweep = 30 * 24 * time.Hour
	// The overlaps of a sweep with the one before. Finished DBS orders get a
	// longer one, as the document does not say by which time they are selected.
	overlapFBS = 24 * time.Hour
	overlapDBS = 7 * 24 * time.Hour
)

// oldest is the earliest moment that lists reach back to (three months), with a
// day to spare.
func oldest(now time.Time) time.Time { return now.AddDate(0, -3, 1) }

// position is the cursor of a list by time. From and To (Unix seconds) are what
// is left to read; To is fixed when the sweep starts. Next pages the current slice.
type position struct {
	From int64 `json:"from,omitempty"`
	To   int64 `json:"to,omitempty"`
	Next int64 `json:"next,omitempty"`
	// Done is the end of the last complete sweep: the next one starts there.
	Done int64 `json:"done,omitempty"`
	// Part is the list that a range is in.
	Part string `json:"part,omitempty"`
}

// readPosition reads a cursor; one that cannot be read starts over, as reading
// twice does no harm.
func readPosition(c channel.Cursor) position {
	var p position
	if json.Unmarshal(c, &p) != nil {
		return position{}
	}
	return p
}

func (p position) cursor() (channel.Cursor, error) {
	raw, err := json.Marshal(p)
	return raw, err
}

// List reads the next page of a feed. A feed that is switched off is always at
// its end.
func (a *adapter) List(ctx context.Context, feed string, cursor channel.Cursor) (channel.Page, error) {
	switch feed {
	case feedFBSNew:
		return a.listNew(ctx, a.fbs, orderhub.SchemeFBS)
	case feedDBSNew:
		return a.listNew(ctx, a.dbs, orderhub.SchemeDBS)
	case feedFBSOrders:
		return a.sweep(ctx, a.fbs, orderhub.SchemeFBS, overlapFBS, cursor)
	case feedDBSDone:
		return a.sweep(ctx, a.dbs, orderhub.SchemeDBS, overlapDBS, cursor)
	case feedClaims:
		return a.listClaims(ctx, cursor)
	case feedGoods:
		return a.listGoods(ctx, cursor)
	default:
		return channel.Page{}, orderhub.NewBorderError(orderhub.ClassRejected, "wildberries: list", fmt.Sprintf("there is no feed %q", feed), nil)
	}
}

// listNew reads the list of new orders, which has no pages.
func (a *adapter) listNew(ctx context.Context, on bool, scheme orderhub.Scheme) (channel.Page, error) {
	if !on {
		return channel.Page{Done: true}, nil
	}
	read, kind := a.c.newOrders, kindFBSNew
	if scheme == orderhub.SchemeDBS {
		read, kind = a.c.dbsNewOrders, kindDBSNew
	}
	answer, err := read(ctx)
	if err != nil {
		return channel.Page{}, err
	}
	return channel.Page{Items: items(kind, answer.Orders), Done: true}, nil
}

// sweep reads orders by time of creation, with their statuses.
func (a *adapter) sweep(ctx context.Context, on bool, scheme orderhub.Scheme, overlap time.Duration, cursor channel.Cursor) (channel.Page, error) {
	if !on {
		return channel.Page{Next: cursor, Done: true}, nil
	}
	p := readPosition(cursor)
	if p.To == 0 {
		now := a.now()
		p.To, p.Next = now.Unix()+1, 0
		from := time.Unix(p.To, 0).Add(-firstSweep)
		if p.Done != 0 {
			from = time.Unix(p.Done, 0).Add(-overlap)
		}
		if limit := oldest(now); from.Before(limit) {
			from = limit
		}
		p.From = from.Unix()
	}
	found, p, err := a.slice(ctx, scheme, p)
	if err != nil {
		return channel.Page{}, err
	}
	done := p.From >= p.To
	if done {
		p = position{Done: p.To}
	}
	page := channel.Page{Items: found, Done: done}
	page.Next, err = p.cursor()
	return page, err
}

// slice reads one page of the current slice and moves the position behind it:
// From reaches To when nothing is left.
func (a *adapter) slice(ctx context.Context, scheme orderhub.Scheme, p position) ([]channel.Item, position, error) {
	list, kind := a.c.orders, kindFBSOrder
	if scheme == orderhub.SchemeDBS {
		list, kind = a.c.dbsOrders, kindDBSOrder
	}
	end := min(p.To, p.From+int64(maxWindow/time.Second))
	answer, err := list(ctx, time.Unix(p.From, 0), time.Unix(end, 0), p.Next)
	if err != nil {
		return nil, p, err
	}
	found, err := a.withStatuses(ctx, scheme, items(kind, answer.Orders))
	if err != nil {
		return nil, p, err
	}
	return found, p.after(answer, end), nil
}

// after is the position behind a page of the slice that ends at end. The
// document does not say how the last page looks: empty, or without a further
// next.
func (p position) after(page orderPage, end int64) position {
	if len(page.Orders) == 0 || page.Next == 0 || page.Next == p.Next {
		p.From, p.Next = end, 0
	} else {
		p.Next = page.Next
	}
	return p
}

// withStatuses reads the statuses of listed orders and puts each behind its
// order: the lists by time carry none.
func (a *adapter) withStatuses(ctx context.Context, scheme orderhub.Scheme, orders []channel.Item) ([]channel.Item, error) {
	var ids []int64
	for _, it := range orders {
		if id, ok := parseID(it.ExternalID); ok {
			ids = append(ids, id)
		}
	}
	known, err := a.readStatuses(ctx, scheme, ids)
	if err != nil {
		return nil, err
	}
	out := make([]channel.Item, 0, len(orders)+len(known))
	for _, it := range orders {
		out = append(out, it)
		if id, ok := parseID(it.ExternalID); ok {
			if status, ok := known[id]; ok {
				out = append(out, status)
				delete(known, id)
			}
		}
	}
	return out, nil
}

// readStatuses reads the statuses of orders. An order that Wildberries does not
// know is absent from the answer.
func (a *adapter) readStatuses(ctx context.Context, scheme orderhub.Scheme, ids []int64) (map[int64]channel.Item, error) {
	read, kind := a.c.orderStatuses, kindFBSStatus
	if scheme == orderhub.SchemeDBS {
		read, kind = a.c.dbsStatuses, kindDBSStatus
	}
	out := make(map[int64]channel.Item, len(ids))
	for batch := range slices.Chunk(ids, maxStatusIDs) {
		answer, err := read(ctx, batch)
		if err != nil {
			return nil, err
		}
		for _, raw := range answer.Orders {
			var w wireStatus
			_ = json.Unmarshal(raw, &w) // what cannot be read has no key
			if w.key() > 0 && (w.SupplierStatus != "" || w.WBStatus != "") {
				out[w.key()] = channel.Item{Kind: kind, ExternalID: formatID(w.key()), Body: raw}
			}
		}
	}
	return out, nil
}

// ReadOrders reads the statuses again. Wildberries has no call that reads one
// order; its details come with the lists.
func (a *adapter) ReadOrders(ctx context.Context, refs []channel.Ref) ([]channel.Item, error) {
	var fbs, dbs, unsure []int64
	for _, ref := range refs {
		id, ok := parseID(ref.ExternalID)
		switch {
		case !ok: // not one of Wildberries' ids: unknown there
		case ref.Scheme == orderhub.SchemeFBS:
			fbs = append(fbs, id)
		case ref.Scheme == orderhub.SchemeDBS:
			dbs = append(dbs, id)
		default:
			unsure = append(unsure, id)
		}
	}
	if a.fbs {
		fbs = append(fbs, unsure...)
	}
	found, err := a.readStatuses(ctx, orderhub.SchemeFBS, fbs)
	if err != nil {
		return nil, err
	}
	if a.dbs {
		for _, id := range unsure {
			if _, ok := found[id]; !ok {
				dbs = append(dbs, id)
			}
		}
	}
	more, err := a.readStatuses(ctx, orderhub.SchemeDBS, dbs)
	if err != nil {
		return nil, err
	}
	out := make([]channel.Item, 0, len(found)+len(more))
	for _, ref := range refs {
		id, _ := parseID(ref.ExternalID)
		for _, m := range []map[int64]channel.Item{found, more} {
			if it, ok := m[id]; ok {
				out = append(out, it)
				delete(m, id)
			}
		}
	}
	return out, nil
}

// The parts of a range, in order.
const (
	partFBS    = "fbs"
	partDBS    = "dbs"
	partDBSNew = "dbs_new"
)

// ListRange reads the orders created in [from, to): FBS, then finished DBS
// orders, then new ones. DBS orders in work are in no list of Wildberries.
func (a *adapter) ListRange(ctx context.Context, from, to time.Time, cursor channel.Cursor) (channel.Page, error) {
	p := readPosition(cursor)
	if p.Part == "" {
		if from.Before(a.now().AddDate(0, -3, 0)) {
			return channel.Page{}, orderhub.NewBorderError(orderhub.ClassRejected, "wildberries: list a range",
				"Wildberries lists the orders of the last three months only", nil)
		}
		p = position{Part: partFBS, From: from.Unix(), To: seconds(to)}
	}
	var found []channel.Item
	var err error
	switch {
	case p.Part == partDBSNew && a.dbs:
		var page channel.Page
		page, err = a.listNew(ctx, true, orderhub.SchemeDBS)
		found, p.From = page.Items, p.To
	case p.Part == partDBS && a.dbs:
		found, p, err = a.slice(ctx, orderhub.SchemeDBS, p)
	case p.Part == partFBS && a.fbs:
		found, p, err = a.slice(ctx, orderhub.SchemeFBS, p)
	default:
		p.From = p.To
	}
	if err != nil {
		return channel.Page{}, err
	}
	page := channel.Page{Items: within(found, from, to)}
	if p.From >= p.To {
		next := map[string]string{partFBS: partDBS, partDBS: partDBSNew}[p.Part]
		page.Done = next == ""
		p = position{Part: next, From: from.Unix(), To: seconds(to)}
	}
	if page.Done {
		return page, nil
	}
	page.Next, err = p.cursor()
	return page, err
}

// within drops orders outside [from, to) and their statuses: Wildberries
// selects by whole seconds and does not say whether the end belongs to it.
func within(found []channel.Item, from, to time.Time) []channel.Item {
	outside := map[string]bool{}
	for _, it := range found {
		var w struct {
			CreatedAt string `json:"createdAt"`
		}
		_ = json.Unmarshal(it.Body, &w) // no time: kept, to be looked at
		if at, err := time.Parse(time.RFC3339, w.CreatedAt); err == nil && (at.Before(from) || !at.Before(to)) {
			outside[it.ExternalID] = true
		}
	}
	return slices.DeleteFunc(found, func(it channel.Item) bool { return outside[it.ExternalID] })
}

// seconds rounds up.
func seconds(t time.Time) int64 {
	s := t.Unix()
	if t.Nanosecond() > 0 {
		s++
	}
	return s
}

// items makes items of a list's elements; one whose id cannot be read goes to
// quarantine alone.
func items(kind string, raws []json.RawMessage) []channel.Item {
	out := make([]channel.Item, 0, len(raws))
	for _, raw := range raws {
		var w struct {
			ID int64 `json:"id"`
		}
		it := channel.Item{Kind: kind, Body: raw}
		if json.Unmarshal(raw, &w) == nil && w.ID > 0 {
			it.ExternalID = formatID(w.ID)
		}
		out = append(out, it)
	}
	return out
}
