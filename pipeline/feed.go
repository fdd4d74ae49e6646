package pipeline

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// FeedEntry is one event of the feed: what changed, and the order as it is when it
// is read, which may be further on already.
type FeedEntry struct {
	Position string         `json:"position" doc:"The place in the feed; acknowledge it when the entry is done."`
	Event    orderhub.Event `json:"event"`
	Order    *FeedOrder     `json:"order,omitempty" doc:"The order as it is now: it may be further on than the event. Absent with content=link."`
	Link     string         `json:"link" doc:"Where the order is read, below the hub's address."`
}

// FeedOrder is an order as programs outside get it.
type FeedOrder struct {
	Number         int64                  `json:"number" doc:"The hub's own order number."`
	Account        string                 `json:"account"`
	Channel        orderhub.Channel       `json:"channel"`
	ExternalID     string                 `json:"external_id"`
	ExternalNumber string                 `json:"external_number,omitempty"`
	Group          string                 `json:"group,omitempty"`
	Scheme         orderhub.Scheme        `json:"scheme"`
	Status         orderhub.Status        `json:"status"`
	Requested      orderhub.Status        `json:"requested,omitempty"`
	Native         string                 `json:"native"`
	NativeSub      string                 `json:"native_sub,omitempty"`
	Payment        orderhub.Payment       `json:"payment,omitempty"`
	Holds          []orderhub.Hold        `json:"holds"`
	Tags           []string               `json:"tags"`
	Assignee       orderhub.Assignee      `json:"assignee,omitempty"`
	ReadOnly       bool                   `json:"read_only,omitempty"`
	PlacedAt       time.Time              `json:"placed_at"`
	ShipBy         *time.Time             `json:"ship_by,omitempty"`
	Lines          []FeedLine             `json:"lines"`
	Total          *orderhub.Money        `json:"total,omitempty"`
	Buyer          orderhub.Customer      `json:"buyer"`
	Shipping       orderhub.Shipping      `json:"shipping"`
	Comment        string                 `json:"comment,omitempty" personal:"text"`
	Cancellation   *orderhub.Cancellation `json:"cancellation,omitempty"`
	Requires       []string               `json:"requires,omitempty"`
	ParentID       string                 `json:"parent_id,omitempty"`
	SiteOrderID    string                 `json:"site_order_id,omitempty"`
	Version        int64                  `json:"version" doc:"Counts the changes of the order: a lower one than you have is older."`
	UpdatedAt      time.Time              `json:"updated_at"`
}

// FeedLine is a line and the product that it is.
type FeedLine struct {
	orderhub.Line
	Product string `json:"product,omitempty" doc:"The SKU of the product; absent = none is known."`
}

func feedOrder(o *orderhub.Order, links map[int]store.LineLink) *FeedOrder {
	s := &o.Snapshot
	out := &FeedOrder{
		Number: o.ID, Account: o.AccountID, Channel: o.Channel, ExternalID: s.ExternalID, ExternalNumber: s.ExternalNumber, Group: s.GroupKey,
		Scheme: s.Scheme, Status: o.Headline, Requested: o.Requested, Native: s.Native, NativeSub: s.NativeSub, Payment: s.Payment, Holds: o.Holds(),
		Tags: append([]string{}, o.Tags...), Assignee: o.Assignee, ReadOnly: s.ReadOnly, PlacedAt: s.PlacedAt, Lines: []FeedLine{}, Buyer: s.Customer,
		Shipping: s.Shipping, Comment: s.Comment, Cancellation: s.Cancellation, Requires: s.Requires, ParentID: s.ParentID, SiteOrderID: s.SiteOrderID,
		Version: o.Version, UpdatedAt: o.UpdatedAt,
	}
	if !s.ShipBy.IsZero() {
		out.ShipBy = &s.ShipBy
	}
	if !s.Total.IsZero() {
		out.Total = &s.Total
	}
	for i, l := range s.Lines {
		out.Lines = append(out.Lines, FeedLine{Line: l, Product: links[i].SKU})
	}
	return out
}

// FeedQuery says what to read of the feed.
type FeedQuery struct {
	// After is a position; it wins over the consumer's. "" = the consumer's, or the
	// beginning.
	After string
	// Consumer is who reads, "" = nobody whose position is kept.
	Consumer string
	Filter   orderhub.EventFilter
	Limit    int
	// Wait is how long to wait for the first entry.
	Wait time.Duration
	// Content tells that the entries carry their orders.
	Content bool
}

// FeedPage is what was read.
type FeedPage struct {
	Entries []FeedEntry
	// Next is the position behind everything that was looked at.
	Next string
	// More: there is more to be read right now.
	More bool
}

// feedLook is how many events are looked at for one page at most, while the filter
// lets none through.
const feedLook = 20_000

// feedBeat is how often a waiting reader looks for news.
const feedBeat = 250 * time.Millisecond

// maxWaiters is how many readers may wait in this process; more are answered at once.
const maxWaiters = 100

// Feed reads the history of all orders in the order in which it was written, up to
// where no late writer can add anything any more. Entries of one order are in its
// order. What was read is not forgotten: reading again gives the same.
func (h *Hub) Feed(ctx context.Context, q FeedQuery) (FeedPage, error) {
	after, err := h.feedStart(ctx, &q)
	if err != nil {
		return FeedPage{}, err
	}
	page, after, err := h.readFeed(ctx, after, q)
	if err != nil || len(page.Entries) > 0 || page.More || q.Wait <= 0 {
		return page, err
	}
	select {
	case h.feedWaiters <- struct{}{}:
		defer func() { <-h.feedWaiters }()
	default:
		return page, nil
	}
	end := time.NewTimer(q.Wait)
	defer end.Stop()
	beat := time.NewTicker(feedBeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return page, ctx.Err()
		case <-h.stopping.Done():
			return page, nil
		case <-end.C:
			return page, nil
		case <-beat.C:
		}
		last, err := h.store.LastEvent(ctx)
		if err != nil {
			return page, err
		}
		if last <= after {
			continue
		}
		if page, after, err = h.readFeed(ctx, after, q); err != nil || len(page.Entries) > 0 {
			return page, err
		}
	}
}

// feedStart finds where to begin, and notes that the consumer reads.
func (h *Hub) feedStart(ctx context.Context, q *FeedQuery) (after int64, err error) {
	if q.Consumer != "" {
		c, err := h.store.FeedConsumer(ctx, q.Consumer)
		if err != nil {
			return 0, err
		}
		after = c.Position
		if len(q.Filter.Kinds) == 0 {
			q.Filter.Kinds = c.Filter.Kinds
		}
		if len(q.Filter.Accounts) == 0 {
			q.Filter.Accounts = c.Filter.Accounts
		}
		if h.store.Now().Sub(c.ReadAt) > time.Second {
			if err := h.store.ConsumerRead(ctx, c.Name); err != nil {
				return 0, err
			}
		}
	}
	if q.After != "" {
		last, err := h.store.LastEvent(ctx)
		if err != nil {
			return 0, err
		}
		if after, err = h.parsePosition(ctx, "after", q.After, last); err != nil {
			return 0, err
		}
	}
	return after, q.Filter.Check()
}

// readFeed reads one page; behind is where it ends.
func (h *Hub) readFeed(ctx context.Context, after int64, q FeedQuery) (page FeedPage, behind int64, err error) {
	page = FeedPage{Entries: []FeedEntry{}}
	last, settled, err := h.store.SettledEvents(ctx)
	if err != nil {
		return page, after, err
	}
	if !settled {
		last = after // the reader comes again
	}
	for looked := 0; after < last && len(page.Entries) < q.Limit && looked < feedLook; {
		n := q.Limit
		if len(q.Filter.Kinds)+len(q.Filter.Accounts) > 0 {
			n = max(n, 200)
		}
		events, err := h.store.EventsAfter(ctx, after, n)
		if err != nil {
			return page, after, err
		}
		events = slices.DeleteFunc(events, func(e orderhub.Event) bool { return e.ID > last })
		if looked += len(events); len(events) == 0 {
			after = last
			break
		}
		orders, err := h.feedOrders(ctx, events)
		if err != nil {
			return page, after, err
		}
		for _, e := range events {
			if len(page.Entries) == q.Limit {
				break
			}
			after = e.ID
			if o := orders[e.OrderID]; o != nil && q.Filter.Passes(e.Kind, o.Account) {
				page.Entries = append(page.Entries, feedEntry(e, o, q.Content))
			}
		}
	}
	page.More = after < last
	page.Next, err = h.Position(ctx, after)
	return page, after, err
}

func feedEntry(e orderhub.Event, o *FeedOrder, content bool) FeedEntry {
	out := FeedEntry{Position: positionOf(e), Event: e, Link: "/api/v1/orders/" + strconv.FormatInt(e.OrderID, 10)}
	if content {
		out.Order = o
	}
	return out
}

// feedOrders reads the orders of events as they are now.
func (h *Hub) feedOrders(ctx context.Context, events []orderhub.Event) (map[int64]*FeedOrder, error) {
	ids := make([]int64, len(events))
	for i, e := range events {
		ids[i] = e.OrderID
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	list, err := h.store.OrdersByIDs(ctx, ids)
	if err != nil {
		return nil, err
	}
	links, err := h.store.LinksOfOrders(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]*FeedOrder, len(list))
	for _, o := range list {
		out[o.ID] = feedOrder(o, links[o.ID])
	}
	return out, nil
}

// ConsumerChange is what to change of a reader of the feed; what is absent stays, or
// is the default of a new one: from the beginning, everything.
type ConsumerChange struct {
	Filter *orderhub.EventFilter
	// Position or Since moves the reader: to replay, or to leave things out. "now" is
	// behind all that happened.
	Position *string
	Since    *time.Time
}

// PositionNow stands for the end of the feed.
const PositionNow = "now"

var consumerName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,39}$`)

// maxConsumers is how many readers may be known by name.
const maxConsumers = 100

// SetConsumer adds or changes a reader of the feed.
func (h *Hub) SetConsumer(ctx context.Context, name string, change ConsumerChange) (orderhub.FeedConsumer, error) {
	if !consumerName.MatchString(name) {
		return orderhub.FeedConsumer{}, orderhub.InvalidField("name", "want 1 to 40 small letters, digits and ._-")
	}
	if change.Filter != nil {
		if err := h.checkEventFilter(ctx, *change.Filter); err != nil {
			return orderhub.FeedConsumer{}, err
		}
	}
	to, moved, err := h.consumerPlace(ctx, change)
	if err != nil {
		return orderhub.FeedConsumer{}, err
	}
	list, err := h.store.FeedConsumers(ctx)
	if err != nil {
		return orderhub.FeedConsumer{}, err
	}
	if len(list) >= maxConsumers && !slices.ContainsFunc(list, func(c orderhub.FeedConsumer) bool { return c.Name == name }) {
		return orderhub.FeedConsumer{}, orderhub.Errorf(orderhub.CodeRefused, "there are %d readers of the feed already; delete one first", len(list))
	}
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		c, err := tx.LockConsumer(ctx, name)
		if err != nil && orderhub.CodeOf(err) != orderhub.CodeNotFound {
			return err
		}
		c.Name = name
		if moved {
			c.Position = to
		}
		if change.Filter != nil {
			c.Filter = *change.Filter
		}
		return tx.SaveConsumer(ctx, c)
	})
	if err != nil {
		return orderhub.FeedConsumer{}, err
	}
	return h.store.FeedConsumer(ctx, name)
}

// consumerPlace finds where a reader is to go on.
func (h *Hub) consumerPlace(ctx context.Context, change ConsumerChange) (to int64, moved bool, err error) {
	switch {
	case change.Position != nil && change.Since != nil:
		return 0, false, orderhub.InvalidField("since", "say a position or a moment, not both")
	case change.Since != nil && change.Since.After(h.store.Now().Add(time.Minute)):
		return 0, false, orderhub.InvalidField("since", "want a moment that is over")
	case change.Since == nil && change.Position == nil:
		return 0, false, nil
	}
	last, settled, err := h.store.SettledEvents(ctx)
	if err != nil {
		return 0, false, err
	}
	if !settled {
		return 0, false, orderhub.Errorf(orderhub.CodeUnavailable, "the hub is writing; try again in a moment")
	}
	if change.Since != nil {
		to, err = h.store.EventBefore(ctx, *change.Since)
		return min(to, last), true, err
	}
	if *change.Position == PositionNow {
		return last, true, nil
	}
	to, err = h.parsePosition(ctx, "position", *change.Position, last)
	return to, err == nil, err
}

func (h *Hub) checkEventFilter(ctx context.Context, f orderhub.EventFilter) error {
	if err := f.Check(); err != nil {
		return err
	}
	for _, id := range f.Accounts {
		if _, err := h.store.Account(ctx, id); orderhub.CodeOf(err) == orderhub.CodeNotFound {
			return orderhub.InvalidField("accounts", "there is no account %.40q", clean(id))
		} else if err != nil {
			return err
		}
	}
	return nil
}

// AckFeed notes that a reader has done everything up to a position. An older one than
// it has acknowledged changes nothing: acknowledgements may come twice and late.
func (h *Hub) AckFeed(ctx context.Context, name, position string) (orderhub.FeedConsumer, error) {
	// Nobody can have read beyond the end: such a position would skip what comes.
	last, err := h.store.LastEvent(ctx)
	if err != nil {
		return orderhub.FeedConsumer{}, err
	}
	to, err := h.parsePosition(ctx, "position", position, last)
	if err != nil {
		return orderhub.FeedConsumer{}, err
	}
	var c orderhub.FeedConsumer
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		if c, err = tx.LockConsumer(ctx, name); err != nil {
			return err
		}
		c.Position, c.AckedAt = max(c.Position, to), h.store.Now().Truncate(time.Microsecond)
		return tx.SaveConsumer(ctx, c)
	})
	return c, err
}

// DeleteConsumer forgets a reader of the feed and its position.
func (h *Hub) DeleteConsumer(ctx context.Context, name string) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.LockConsumer(ctx, name); err != nil {
			return err
		}
		return tx.DeleteConsumer(ctx, name)
	})
}
