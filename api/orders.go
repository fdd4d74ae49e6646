package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// listQuery is the query of the list of orders.
type listQuery struct {
	Account  []string  `query:"account,explode" doc:"Only these accounts: repeated, or with commas."`
	Channel  string    `query:"channel" doc:"Only this kind of channel."`
	Status   []string  `query:"status,explode" doc:"Only these headline statuses: repeated, or with commas."`
	Hold     string    `query:"hold" enum:"any,arbitration,cancel_request,not_accepted,ship_failed,unmapped,short,manual,conflict" doc:"Only orders with this hold; \"any\" = with any."`
	Tag      string    `query:"tag" maxLength:"40" doc:"Only orders with this tag."`
	Assignee string    `query:"assignee" maxLength:"100" doc:"Only orders of this person."`
	Text     string    `query:"q" maxLength:"200" doc:"Finds orders by the beginning of a number, SKU, barcode, phone, mail or name; several words must all be found. Without the permission personal_data the beginning of numbers and articles, all else as whole words."`
	From     time.Time `query:"placed_from" doc:"Placed at or after."`
	To       time.Time `query:"placed_to" doc:"Placed before."`
	Answer   time.Time `query:"answer_before" doc:"Only orders whose buyer waits for an answer to a wish to cancel that is due before this moment."`
	Late     bool      `query:"late" doc:"Only orders not handed over whose deadline is over."`
	Cursor   string    `query:"cursor" maxLength:"200" doc:"The cursor of the previous page."`
	Limit    int       `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

// OrderPage is one page of orders.
type OrderPage struct {
	Orders []OrderRow `json:"orders"`
	Cursor string     `json:"cursor,omitempty" doc:"Continues the list; absent at its end."`
}

func (a *API) orders(h huma.API) {
	huma.Register(h, op("list-orders", http.MethodGet, "/orders", "Orders", "List orders, newest placed first"),
		func(ctx context.Context, in *listQuery) (*body[OrderPage], error) {
			f, err := a.filter(ctx, in)
			if err != nil {
				return nil, a.problem(err)
			}
			list, next, err := a.store.ListOrders(ctx, f)
			if err != nil {
				return nil, a.problem(err)
			}
			page := OrderPage{Cursor: next}
			if page.Orders, err = a.namedRows(ctx, list); err != nil {
				return nil, a.problem(err)
			}
			if err := a.markFailed(ctx, page.Orders); err != nil {
				return nil, a.problem(err)
			}
			return answer(page), nil
		})

	type one struct {
		Number int64 `path:"number" doc:"The hub's order number."`
	}
	huma.Register(h, op("get-order", http.MethodGet, "/orders/{number}", "Orders", "Read an order with lines, siblings, timeline and effects"),
		func(ctx context.Context, in *one) (*body[OrderCard], error) {
			o, err := a.store.Order(ctx, in.Number)
			if err != nil {
				return nil, a.problem(err)
			}
			card, err := a.card(ctx, o)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(card), nil
		})

	type external struct {
		Account string `path:"account"`
		ID      string `path:"id" maxLength:"200" doc:"The channel's key of the order."`
	}
	huma.Register(h, op("get-order-by-external-id", http.MethodGet, "/accounts/{account}/orders/{id}", "Orders", "Read an order by the channel's key"),
		func(ctx context.Context, in *external) (*body[OrderCard], error) {
			list, err := a.store.OrdersByExternal(ctx, in.Account, []string{in.ID})
			if err != nil {
				return nil, a.problem(err)
			}
			if len(list) == 0 {
				return nil, a.problem(orderhub.Errorf(orderhub.CodeNotFound, "account %q has no order %q", in.Account, in.ID))
			}
			card, err := a.card(ctx, list[0])
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(card), nil
		})
}

// markFailed tells on rows how the last effect of their orders failed.
func (a *API) markFailed(ctx context.Context, list []OrderRow) error {
	numbers := make([]int64, 0, len(list))
	for _, r := range list {
		numbers = append(numbers, r.Number)
	}
	failed, err := a.store.FailedEffects(ctx, numbers)
	if err != nil {
		return err
	}
	for i := range list {
		list[i].Failed = string(failed[list[i].Number])
	}
	return nil
}

// filter checks a list query. A channel is the accounts of that channel.
func (a *API) filter(ctx context.Context, in *listQuery) (store.OrderFilter, error) {
	f := store.OrderFilter{Assignee: orderhub.Assignee(in.Assignee), Text: in.Text, WholeWords: !mayRead(ctx, orderhub.PersonalData), PlacedFrom: in.From, PlacedTo: in.To, AnswerBefore: in.Answer, Late: in.Late, Cursor: in.Cursor, Limit: in.Limit}
	for _, s := range listed(in.Status) {
		status, err := orderhub.ParseStatus(s)
		if err != nil {
			return f, orderhub.InvalidField("status", "%q is not known; known: %s", clip(s), words(orderhub.Statuses()))
		}
		f.Statuses = append(f.Statuses, status)
	}
	if in.Tag != "" {
		tag, err := orderhub.ParseTag(in.Tag)
		if err != nil {
			return f, err
		}
		f.Tag = tag
	}
	if in.Hold == "any" {
		f.Held = true
	} else {
		f.Hold = orderhub.Hold(in.Hold)
	}
	if !in.From.IsZero() && !in.To.IsZero() && !in.From.Before(in.To) {
		return f, orderhub.InvalidField("placed_to", "must be after placed_from")
	}
	if err := a.knownAccounts(ctx, listed(in.Account)...); err != nil || in.Channel == "" {
		f.Accounts = listed(in.Account)
		return f, err
	}
	return f, a.ofChannel(ctx, in, &f)
}

// ofChannel limits a filter to the accounts of a channel.
func (a *API) ofChannel(ctx context.Context, in *listQuery, f *store.OrderFilter) error {
	if _, err := a.hub.Channel(orderhub.Channel(in.Channel)); err != nil {
		return err
	}
	accounts, err := a.store.Accounts(ctx, true)
	if err != nil {
		return err
	}
	asked := listed(in.Account)
	for _, acc := range accounts {
		if string(acc.Channel) == in.Channel && (len(asked) == 0 || slices.Contains(asked, acc.ID)) {
			f.Accounts = append(f.Accounts, acc.ID)
		}
	}
	if len(f.Accounts) == 0 {
		f.Accounts = []string{"-"} // no account has this id: the list is empty
	}
	return nil
}

// listed takes a list parameter apart: repeated, or with commas; each value once.
func listed[T ~string](in []T) []T {
	var out []T
	for _, v := range in {
		for part := range strings.SplitSeq(string(v), ",") {
			if word := T(strings.TrimSpace(part)); !slices.Contains(out, word) {
				out = append(out, word)
			}
		}
	}
	return out
}

// knownAccounts refuses the filter of a list by an account that never was: a
// typo must not look like "nothing there". Removed accounts left their orders.
func (a *API) knownAccounts(ctx context.Context, ids ...string) error {
	if len(ids) == 0 || (len(ids) == 1 && ids[0] == "") {
		return nil
	}
	accounts, err := a.store.Accounts(ctx, true)
	if err != nil {
		return err
	}
	known := make([]string, len(accounts))
	for i, acc := range accounts {
		known[i] = acc.ID
	}
	for _, id := range ids {
		if !slices.Contains(known, id) {
			return orderhub.InvalidField("account", "there is no account %q; known: %s", clip(id), words(known))
		}
	}
	return nil
}

// words writes a list for people, a long one in part.
func words[T ~string](list []T) string {
	var b strings.Builder
	for i, w := range list {
		if i == 20 {
			return b.String() + " …"
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(w))
	}
	return b.String()
}

// cardOf is the card of an order, an empty one where there is none.
func (a *API) cardOf(ctx context.Context, o *orderhub.Order) (OrderCard, error) {
	if o == nil {
		return OrderCard{
			OrderRow: OrderRow{Holds: []orderhub.Hold{}, Tags: []string{}}, Lines: []LineView{}, Goods: []GoodsView{}, Siblings: []OrderRow{}, Next: []NextStep{},
			Removed: []RemovedView{}, Returns: []ReturnRow{}, Notes: []orderhub.Note{}, Timeline: []orderhub.Event{}, Effects: []*orderhub.Effect{},
		}, nil
	}
	return a.card(ctx, o)
}

// card gathers what belongs to an order.
func (a *API) card(ctx context.Context, o *orderhub.Order) (OrderCard, error) {
	s := o.Snapshot
	c := OrderCard{
		OrderRow: row(o), Buyer: s.Customer, Shipping: s.Shipping, Comment: s.Comment, Cancellation: s.Cancellation,
		CancelRequest: s.CancelRequest, Requires: s.Requires, ParentID: s.ParentID, SiteOrderID: s.SiteOrderID,
		Discrepancies: s.Discrepancies, Drift: s.Drift, Next: []NextStep{}, ErasedAt: timeOrNil(o.ErasedAt),
	}
	var err error
	if o.CardID != 0 {
		roots, err := a.store.RootsOf(ctx, []int64{o.CardID})
		if err != nil {
			return c, err
		}
		c.CustomerID = roots[o.CardID]
	}
	if c.Lines, err = a.linesOf(ctx, o); err != nil {
		return c, err
	}
	if len(c.Lines) > 0 {
		c.FirstLine = cmp.Or(c.Lines[0].Name, c.Lines[0].Called, c.Lines[0].SKU)
	}
	if c.Goods, err = a.goodsOf(ctx, o.ID); err != nil {
		return c, err
	}
	back, err := a.store.ReturnsOf(ctx, o.ID)
	if err != nil {
		return c, err
	}
	c.Returns = returnRows(back)
	group, err := a.store.Group(ctx, s.GroupKey)
	if err != nil {
		return c, err
	}
	group = slices.DeleteFunc(group, func(g *orderhub.Order) bool { return g.ID == o.ID })
	if c.Siblings, err = a.namedRows(ctx, group); err != nil {
		return c, err
	}
	notes, err := a.store.Notes(ctx, o.ID)
	if err != nil {
		return c, err
	}
	c.Notes = append([]orderhub.Note{}, notes...)
	events, err := a.store.Events(ctx, o.ID)
	if err != nil {
		return c, err
	}
	c.Timeline, c.Removed = append([]orderhub.Event{}, events...), removed(events)
	effects, err := a.store.Effects(ctx, o.ID)
	if err != nil {
		return c, err
	}
	c.Effects = append([]*orderhub.Effect{}, effects...)
	c.Failed = failedOf(effects)
	ch, err := a.hub.Channel(o.Channel)
	if err != nil {
		return c, err
	}
	d := ch.Descriptor
	for _, to := range orderhub.NextAsked(o, d.Statuses) {
		step := d.Statuses.Step(s.Scheme, o.Headline, to)
		n := NextStep{To: to, Kind: step.Kind, Note: step.Note}
		if to == orderhub.StatusCancelled {
			for _, r := range d.AllowedReasons(o) {
				n.Reasons = append(n.Reasons, Reason{Code: r.Code, Title: r.Title, NeedsComment: r.NeedsComment})
			}
		}
		c.Next = append(c.Next, n)
	}
	return c, nil
}

// failedOf is how the last effect of an order failed, "" if it did not.
func failedOf(effects []*orderhub.Effect) string {
	for _, e := range slices.Backward(effects) {
		switch e.State {
		case orderhub.EffectRejected, orderhub.EffectUncertain:
			return string(e.State)
		case orderhub.EffectSuperseded:
			continue
		case orderhub.EffectIntent, orderhub.EffectSent, orderhub.EffectAccepted, orderhub.EffectConfirmed:
			return ""
		}
	}
	return ""
}
