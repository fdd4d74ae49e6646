package yandexmarket

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// The kinds of items.
const (
	kindV1     = "order_v1"     // one element of the v1 list (BusinessOrderDTO)
	kindLegacy = "order_legacy" // the answer of PUT status, with an OrderDTO inside
)

const (
	// maxRange is the longest date range of one request.
	maxRange = 30 * 24 * time.Hour
	// creationDepth is how many ranges of creation days a sweep of changes goes
	// back: an order is looked at for 120 days after it was placed.
	creationDepth = 4
)

// moscow is the zone of every date and time of the Market without an offset.
// Fixed: it has had no summer time since 2014, and the hub needs no tzdata.
var moscow = time.FixedZone("MSK", 3*60*60)

// position is the cursor of a feed or of a range.
type position struct {
	// Scope is what the sweep selects by besides time. When the account's
	// settings change it, the feed starts anew.
	Scope string `json:"scope"`
	// From and Until bound the sweep; Until is fixed at its first page, so that
	// changes during the sweep belong to the next one.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// Slice counts the requests with filters of their own (see slices); Token
	// is the page within.
	Slice int    `json:"slice,omitempty"`
	Token string `json:"token,omitempty"`
}

// List reads the next page of a feed.
func (a *adapter) List(ctx context.Context, feed string, cursor channel.Cursor) (channel.Page, error) {
	switch feed {
	case feedOrders:
		return a.sweepOrders(ctx, cursor)
	case feedReturns:
		return a.sweepReturns(ctx, cursor)
	}
	return channel.Page{}, orderhub.Errorf(orderhub.CodeInvalid, "yandex_market has no feed %q", feed)
}

// sweepOrders reads the next page of the orders that changed.
//
// Whether the Market applies its default for creation dates (the last 30 days)
// when only update times are sent is not documented. So both are sent: each
// sweep asks for the last 120 days of creation in ranges of 30, and an order
// that is returned two months after it was placed is not missed.
func (a *adapter) sweepOrders(ctx context.Context, cursor channel.Cursor) (channel.Page, error) {
	// A minute ahead: whether the upper bound is included is not told, and the
	// Market's clock is not ours.
	until := a.now().UTC().Truncate(time.Second).Add(time.Minute)
	pos, ok := readPosition(cursor)
	if !ok || pos.Scope != a.scope() {
		pos = position{Scope: a.scope(), From: until.Add(-maxRange)}
	}
	if pos.Until.IsZero() {
		pos.Until = until
		if !pos.From.Before(until) { // the clock was set back
			pos.From = until.Add(-a.overlap)
		}
	}
	after := position{Scope: pos.Scope, From: pos.Until.Add(-a.overlap)}
	return a.walk(ctx, pos, a.changeSlices(pos.From, pos.Until), after, nil)
}

// ListRange reads the orders created within [from, to). The Market selects by
// whole days of Moscow; the exact bounds are applied to creationDate here.
func (a *adapter) ListRange(ctx context.Context, from, to time.Time, cursor channel.Cursor) (channel.Page, error) {
	pos, ok := readPosition(cursor)
	if !ok {
		pos = position{}
	}
	within := func(k orderKey) bool {
		t, ok := parseTime(k.CreationDate)
		return !ok || (!t.Before(from) && t.Before(to))
	}
	return a.walk(ctx, pos, a.creationSlices(from, to), position{}, within)
}

// walk makes the next request of a sweep. Slices without orders are passed over
// within one call, so that a quiet sweep is one page.
func (a *adapter) walk(ctx context.Context, pos position, filters []orderFilter, after position, keep func(orderKey) bool) (channel.Page, error) {
	for tries := 1; ; tries++ {
		if pos.Slice >= len(filters) {
			next, err := after.cursor()
			return channel.Page{Next: next, Done: true}, err
		}
		page, err := a.pageOrRestart(ctx, filters[pos.Slice], pos.Token)
		if err != nil {
			return channel.Page{}, fmt.Errorf("list orders, slice %d of %d: %w", pos.Slice+1, len(filters), err)
		}
		if page.Paging.NextPageToken != "" {
			pos.Token = page.Paging.NextPageToken
		} else {
			pos.Slice, pos.Token = pos.Slice+1, ""
		}
		done := pos.Slice >= len(filters)
		items := a.items(page.Orders, keep)
		if len(items) == 0 && !done && tries < a.maxNothing {
			continue
		}
		next := pos
		if done {
			next = after
		}
		c, err := next.cursor()
		return channel.Page{Items: items, Next: c, Done: done}, err
	}
}

// pageOrRestart reads a page. Page tokens age; when the Market no longer takes
// one, the slice is read from its start, which repeats orders and loses none.
func (a *adapter) pageOrRestart(ctx context.Context, filter orderFilter, token string) (orderPage, error) {
	page, err := a.listOrders(ctx, filter, token)
	if token != "" && agedToken(err) {
		token = ""
		page, err = a.listOrders(ctx, filter, token)
	}
	if err == nil && token != "" && page.Paging.NextPageToken == token {
		return orderPage{}, answerError("POST /orders", orderhub.ClassRetry, "the page token repeats itself")
	}
	return page, err
}

// changeSlices lists the requests of one sweep over changes: ranges of update
// times, within them ranges of creation days, and test orders last.
func (a *adapter) changeSlices(from, until time.Time) []orderFilter {
	tomorrow := day(until).AddDate(0, 0, 1)
	var dates []datesFilter
	for start := from; start.Before(until); start = start.Add(maxRange) {
		end := minTime(start.Add(maxRange), until)
		for back := range creationDepth {
			to := tomorrow.AddDate(0, 0, -30*back)
			dates = append(dates, datesFilter{
				CreationDateFrom: to.AddDate(0, 0, -30).Format(time.DateOnly), CreationDateTo: to.Format(time.DateOnly),
				UpdateDateFrom: start.In(moscow).Format(time.RFC3339), UpdateDateTo: end.In(moscow).Format(time.RFC3339),
			})
		}
	}
	return a.filters(dates)
}

// creationSlices lists the requests for the days that [from, to) touches.
func (a *adapter) creationSlices(from, to time.Time) []orderFilter {
	if !from.Before(to) {
		return nil
	}
	end := day(to.Add(-time.Nanosecond)).AddDate(0, 0, 1)
	var dates []datesFilter
	for start := day(from); start.Before(end); start = start.AddDate(0, 0, 30) {
		dates = append(dates, datesFilter{
			CreationDateFrom: start.Format(time.DateOnly),
			CreationDateTo:   minTime(start.AddDate(0, 0, 30), end).Format(time.DateOnly),
		})
	}
	return a.filters(dates)
}

func (a *adapter) filters(dates []datesFilter) []orderFilter {
	var out []orderFilter
	for _, fake := range a.fakes() {
		for _, d := range dates {
			out = append(out, orderFilter{CampaignIDs: a.campaigns, Dates: &d, Fake: fake})
		}
	}
	return out
}

// fakes are the values of the filter for test orders. What the Market does
// without the filter is documented for the legacy call only.
func (a *adapter) fakes() []bool {
	if a.withTest {
		return []bool{false, true}
	}
	return []bool{false}
}

// items wraps raw orders. Test orders that came unasked are left out.
func (a *adapter) items(raw []json.RawMessage, keep func(orderKey) bool) []channel.Item {
	var out []channel.Item
	for _, body := range raw {
		var k orderKey
		_ = json.Unmarshal(body, &k) // an order without a key is quarantined by the core
		if (k.Fake == "true" && !a.withTest) || (keep != nil && !keep(k)) {
			continue
		}
		id, _ := k.OrderID.id()
		out = append(out, channel.Item{Kind: kindV1, ExternalID: id, Body: body})
	}
	return out
}

// ReadOrders reads orders by their ids; the list call is the only one that will
// outlive April 2027. Whether its default of 30 days applies to ids as well is
// not documented, so orders that are known to be older and did not come are
// asked for again with their days of creation.
func (a *adapter) ReadOrders(ctx context.Context, refs []channel.Ref) ([]channel.Item, error) {
	var out []channel.Item
	for part := range slices.Chunk(refs, a.pageSize) {
		items, err := a.readSome(ctx, part)
		if err != nil {
			return nil, fmt.Errorf("read %d orders: %w", len(part), err)
		}
		out = append(out, items...)
	}
	return out, nil
}

func (a *adapter) readSome(ctx context.Context, refs []channel.Ref) ([]channel.Item, error) {
	missing := map[int64]time.Time{}
	for _, ref := range refs {
		if id, err := parseID(ref.ExternalID); err == nil {
			created, _ := time.Parse(time.RFC3339, ref.Attrs[attrCreated])
			missing[id] = created
		}
	}
	var out []channel.Item
	ask := func(ids []int64, dates *datesFilter, fake bool) error {
		if len(ids) == 0 {
			return nil
		}
		page, err := a.listOrders(ctx, orderFilter{OrderIDs: ids, CampaignIDs: a.campaigns, Dates: dates, Fake: fake}, "")
		if err != nil {
			return err
		}
		for _, item := range a.items(page.Orders, nil) {
			id, _ := strconv.ParseInt(item.ExternalID, 10, 64)
			delete(missing, id)
			out = append(out, item)
		}
		return nil
	}
	for _, fake := range a.fakes() {
		if err := ask(sortedKeys(missing), nil, fake); err != nil {
			return nil, err
		}
		left := maps.Clone(missing)
		for {
			ids, dates := oldest(left, a.now())
			if len(ids) == 0 {
				break
			}
			if err := ask(ids, &dates, fake); err != nil {
				return nil, err
			}
			for _, id := range ids {
				delete(left, id)
			}
		}
	}
	return out, nil
}

// oldest picks the missing orders that are older than the default range and fit
// into one range of creation days with the oldest of them.
func oldest(missing map[int64]time.Time, now time.Time) ([]int64, datesFilter) {
	limit := now.Add(-maxRange + 24*time.Hour)
	var first time.Time
	for _, t := range missing {
		if !t.IsZero() && t.Before(limit) && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	if first.IsZero() {
		return nil, datesFilter{}
	}
	start := day(first)
	end := start.AddDate(0, 0, 30)
	var ids []int64
	for id, t := range missing {
		if !t.IsZero() && t.Before(limit) && t.Before(end) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, datesFilter{CreationDateFrom: start.Format(time.DateOnly), CreationDateTo: end.Format(time.DateOnly)}
}

// scope writes down what the feed selects by besides time.
func (a *adapter) scope() string {
	return fmt.Sprintf("%d %v test=%t", a.business, a.campaigns, a.withTest)
}

func (p position) cursor() (channel.Cursor, error) {
	if p == (position{}) {
		return nil, nil
	}
	return json.Marshal(p)
}

// readPosition decodes a cursor. One that cannot be read counts as none: the
// sweep starts anew, which repeats orders and loses none.
func readPosition(c channel.Cursor) (position, bool) {
	var p position
	if len(c) == 0 || json.Unmarshal(c, &p) != nil || p.Slice < 0 {
		return position{}, false
	}
	return p, true
}

func day(t time.Time) time.Time {
	y, m, d := t.In(moscow).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, moscow)
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func sortedKeys(m map[int64]time.Time) []int64 {
	var out []int64
	for id := range m {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}
