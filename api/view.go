package api

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// OrderRow is an order as lists show it.
type OrderRow struct {
	Number         int64                `json:"number" doc:"The hub's own order number."`
	Account        string               `json:"account"`
	Channel        orderhub.Channel     `json:"channel"`
	ExternalID     string               `json:"external_id" doc:"The channel's key of the order."`
	ExternalNumber string               `json:"external_number,omitempty" doc:"The number that people see in the channel's cabinet."`
	Group          string               `json:"group,omitempty" doc:"Shared by what the buyer sees as one purchase."`
	Scheme         orderhub.Scheme      `json:"scheme"`
	Status         orderhub.Status      `json:"status" doc:"The headline status."`
	Requested      orderhub.Status      `json:"requested,omitempty" doc:"Asked for and on its way to the channel."`
	ChannelStatus  orderhub.Status      `json:"channel_status" doc:"What the channel itself says, translated."`
	Native         string               `json:"native" doc:"The channel's own word."`
	NativeSub      string               `json:"native_sub,omitempty"`
	Payment        orderhub.Payment     `json:"payment,omitempty"`
	Holds          []orderhub.Hold      `json:"holds"`
	Tags           []string             `json:"tags"`
	Assignee       orderhub.Assignee    `json:"assignee,omitempty" doc:"Who works on it."`
	ReadOnly       bool                 `json:"read_only,omitempty" doc:"Handled by the channel alone; can only be watched."`
	PlacedAt       time.Time            `json:"placed_at"`
	ShipBy         *time.Time           `json:"ship_by,omitempty"`
	AnswerBy       *time.Time           `json:"answer_by,omitempty" doc:"When silence becomes an answer to the buyer's wish to cancel."`
	CancelledBy    orderhub.CancelParty `json:"cancelled_by,omitempty" enum:"buyer,seller,channel,carrier,system,split" doc:"Who cancelled, as far as it is known."`
	Total          *orderhub.Money      `json:"total,omitempty"`
	Units          int64                `json:"units"`
	FirstLine      string               `json:"first_line,omitempty" doc:"What its first line is called: by the channel, else by its product, else its article."`
	LineCount      int                  `json:"line_count"`
	Failed         string               `json:"failed,omitempty" doc:"rejected or uncertain: how the last effect of the order ended. Only in lists of orders and on the order itself."`
	Customer       string               `json:"customer,omitempty" personal:"name"`
	Version        int64                `json:"version"`
	UpdatedAt      time.Time            `json:"updated_at"`
	ReceivedAt     time.Time            `json:"received_at" doc:"When the hub first had the order."`
}

func row(o *orderhub.Order) OrderRow {
	s := &o.Snapshot
	r := OrderRow{
		Number: o.ID, Account: o.AccountID, Channel: o.Channel, ExternalID: s.ExternalID, ExternalNumber: s.ExternalNumber,
		Group: s.GroupKey, Scheme: s.Scheme, Status: o.Headline, Requested: o.Requested, ChannelStatus: s.Status, Native: s.Native,
		NativeSub: s.NativeSub, Payment: s.Payment, Holds: o.Holds(), Tags: append([]string{}, o.Tags...), Assignee: o.Assignee, ReadOnly: s.ReadOnly, PlacedAt: s.PlacedAt,
		ShipBy: timeOrNil(s.ShipBy), Units: s.Units(), Customer: s.Customer.Name, Version: o.Version, UpdatedAt: o.UpdatedAt, ReceivedAt: o.CreatedAt,
	}
	if !s.Total.IsZero() {
		r.Total = &s.Total
	}
	if s.CancelRequest != nil {
		r.AnswerBy = timeOrNil(s.CancelRequest.AnswerBy)
	}
	if s.Cancellation != nil && o.Headline == orderhub.StatusCancelled {
		r.CancelledBy = s.Cancellation.By
	}
	if r.LineCount = len(s.Lines); r.LineCount > 0 {
		r.FirstLine = cmp.Or(s.Lines[0].Name, s.Lines[0].SKU)
	}
	return r
}

func rows(list []*orderhub.Order) []OrderRow {
	out := make([]OrderRow, 0, len(list))
	for _, o := range list {
		out = append(out, row(o))
	}
	return out
}

// OrderCard is an order with everything that belongs to it.
type OrderCard struct {
	OrderRow
	Lines         []LineView              `json:"lines"`
	Goods         []GoodsView             `json:"goods" doc:"What the order needs of the warehouse, product by product, and what it has got."`
	Buyer         orderhub.Customer       `json:"buyer"`
	Shipping      orderhub.Shipping       `json:"shipping"`
	CustomerID    int64                   `json:"customer_id,omitempty" doc:"The buyer's card; absent when nothing identifies him."`
	ErasedAt      *time.Time              `json:"erased_at,omitempty" doc:"When the buyer's data was erased."`
	Comment       string                  `json:"comment,omitempty" personal:"text"`
	Cancellation  *orderhub.Cancellation  `json:"cancellation,omitempty"`
	CancelRequest *orderhub.CancelRequest `json:"cancel_request,omitempty"`
	Removed       []RemovedView           `json:"removed" doc:"Units that were taken out while the order goes on, oldest first."`
	Requires      []string                `json:"requires,omitempty" doc:"What must be filled before hand-over, in the channel's words."`
	ParentID      string                  `json:"parent_id,omitempty" doc:"The order this one was split from."`
	SiteOrderID   string                  `json:"site_order_id,omitempty" doc:"Set when this order only delivers an order of the shop's own site."`
	Discrepancies []string                `json:"discrepancies,omitempty" doc:"Where the channel's own figures do not add up."`
	Drift         []orderhub.Drift        `json:"drift,omitempty" doc:"Words of the channel that the hub does not know."`
	Next          []NextStep              `json:"next" doc:"What can be asked for now."`
	Siblings      []OrderRow              `json:"siblings" doc:"The other orders of the same purchase."`
	Returns       []ReturnRow             `json:"returns" doc:"Goods of the order that come back, oldest first."`
	Notes         []orderhub.Note         `json:"notes" doc:"What colleagues wrote, oldest first."`
	Timeline      []orderhub.Event        `json:"timeline"`
	Effects       []*orderhub.Effect      `json:"effects"`
}

// RemovedView is units that were taken out of an order.
type RemovedView struct {
	orderhub.RemovedUnits
	By     orderhub.CancelParty `json:"by,omitempty" doc:"Absent = the channel does not tell."`
	Reason string               `json:"reason,omitempty" doc:"The code of the reason, where the hub asked for it."`
	At     time.Time            `json:"at"`
}

// removed reads from the timeline what was taken out. A wish that the channel has
// not carried out took nothing out yet.
func removed(events []orderhub.Event) []RemovedView {
	out := []RemovedView{}
	for _, e := range events {
		var d struct {
			Cancelled []orderhub.RemovedUnits `json:"cancelled"`
			Initiator orderhub.CancelParty    `json:"initiator"`
			Reason    string                  `json:"reason"`
		}
		if e.Kind == orderhub.EventRequested || len(e.Data) == 0 || json.Unmarshal(e.Data, &d) != nil {
			continue
		}
		for _, u := range d.Cancelled {
			out = append(out, RemovedView{RemovedUnits: u, By: d.Initiator, Reason: d.Reason, At: e.At})
		}
	}
	return out
}

// NextStep is a status that can be asked for.
type NextStep struct {
	To      orderhub.Status   `json:"to"`
	Kind    orderhub.StepKind `json:"kind" doc:"push: a call to the channel; local: the channel has no such step; tell: the shop is told."`
	Note    string            `json:"note,omitempty"`
	Reasons []Reason          `json:"reasons,omitempty" doc:"For a cancel: the reasons that the channel takes now."`
}

// Reason is a cancel reason.
type Reason struct {
	Code         string `json:"code"`
	Title        string `json:"title"`
	NeedsComment bool   `json:"needs_comment,omitempty"`
}

// AccountView is an account with its health and freshness. Secrets are shown as
// "set".
type AccountView struct {
	ID          string                         `json:"id"`
	Channel     orderhub.Channel               `json:"channel"`
	Name        string                         `json:"name"`
	State       orderhub.AccountState          `json:"state"`
	Problem     string                         `json:"problem,omitempty" doc:"What a person should know or do, in words."`
	Settings    map[string]string              `json:"settings"`
	Webhook     string                         `json:"webhook,omitempty" doc:"Where the channel sends its messages, below the hub's public address. Keep it secret. Shown only where one account is read."`
	Health      orderhub.Health                `json:"health"`
	Feeds       []FeedView                     `json:"feeds"`
	Pending     int64                          `json:"pending" doc:"Raw answers waiting to be interpreted."`
	Quarantine  int64                          `json:"quarantine"`
	Hints       int64                          `json:"hints"`
	Effects     map[orderhub.EffectState]int64 `json:"effects" doc:"Effects by state, confirmed ones left out."`
	Changes     *ChangeTimes                   `json:"changes,omitempty" doc:"How long the channel took with what was asked of it within a day; absent = it confirmed nothing."`
	Stock       *StockFreshView                `json:"stock,omitempty" doc:"How near the stock figures are that the account shows; absent = it shows none."`
	QuotaLeft   map[string]int                 `json:"quota_left" doc:"Calls that each quota group allows right now, in the process that answers."`
	ListsDays   bool                           `json:"lists_days" doc:"The channel lists the orders of a day: they can be compared with the hub's, and be read again."`
	ReadsOrders bool                           `json:"reads_orders" doc:"Single orders can be read again by their external ids."`
	Audit       *AuditTurn                     `json:"audit,omitempty" doc:"How far the regular loss audit is; absent = the channel lists no days."`
	CreatedAt   time.Time                      `json:"created_at"`
}

// ChangeTimes says how fast half of the changes were, in seconds since somebody asked
// for them: a manager, 1C or a rule.
type ChangeTimes struct {
	Count     int      `json:"count" doc:"Confirmed changes that this rests on, of the newest of the last day."`
	Sent      *float64 `json:"sent_seconds,omitempty" doc:"Until the hub sent it."`
	Accepted  *float64 `json:"accepted_seconds,omitempty" doc:"Until the channel's answer took it."`
	Confirmed *float64 `json:"confirmed_seconds,omitempty" doc:"Until the channel's own data showed it."`
}

func changeTimes(t store.EffectTimes) *ChangeTimes {
	if t.Confirmed == 0 {
		return nil
	}
	seconds := func(d time.Duration) *float64 {
		if d == 0 {
			return nil
		}
		s := d.Seconds()
		return &s
	}
	return &ChangeTimes{Count: t.Confirmed, Sent: seconds(t.Sent), Accepted: seconds(t.Accepted), Confirmed: seconds(t.ConfirmedIn)}
}

// AuditTurn is the last and the next turn of the regular loss audit.
type AuditTurn struct {
	At     *time.Time     `json:"at,omitempty" doc:"When it last came to its end."`
	NextAt *time.Time     `json:"next_at,omitempty"`
	Class  orderhub.Class `json:"class,omitempty" doc:"Of the last failure, while it fails."`
	Error  string         `json:"error,omitempty"`
}

// StockFreshView is how near the stock figures are that an account shows.
type StockFreshView struct {
	States  map[store.PublicationState]int64 `json:"states" doc:"Listings by how far their figure is."`
	Foreign int64                            `json:"foreign" doc:"Listings where within a day a figure was found that is not the hub's."`
	StockTimes
	Reconciled *ReconcileView `json:"reconciled,omitempty" doc:"The nightly reading of all figures, under way or the last."`
}

// ReconcileView is how far the reading of all figures is.
type ReconcileView struct {
	pipeline.StockReconciled
	Read int64 `json:"read" doc:"Listings read so far, of \"of\"."`
}

func stockFreshView(f pipeline.Freshness) *StockFreshView {
	s := f.Stock
	if s.States == nil {
		return nil
	}
	v := &StockFreshView{
		States: s.States, Foreign: s.Foreign, StockTimes: stockTimes(s),
	}
	for _, feed := range f.Feeds {
		if feed.Feed == pipeline.ReconcileFeed && s.Reconciled.Of > 0 {
			v.Reconciled = &ReconcileView{s.Reconciled, feed.Items}
		}
	}
	return v
}

// FeedView is how near a feed is to the channel.
type FeedView struct {
	Feed        string         `json:"feed"`
	ConfirmedAt *time.Time     `json:"confirmed_at,omitempty" doc:"What the channel showed before this moment is in the hub."`
	LagSeconds  float64        `json:"lag_seconds" doc:"Age of the last confirmed sweep."`
	Late        bool           `json:"late,omitempty"`
	Sweeping    bool           `json:"sweeping,omitempty"`
	Pages       int64          `json:"pages"`
	Items       int64          `json:"items"`
	NextAt      *time.Time     `json:"next_at,omitempty"`
	Failures    int            `json:"failures,omitempty"`
	Class       orderhub.Class `json:"class,omitempty"`
	Error       string         `json:"error,omitempty"`
}

func accountView(f pipeline.Freshness, public map[string]string) AccountView {
	v := AccountView{
		ID: f.Account.ID, Channel: f.Account.Channel, Name: f.Account.Name, State: f.Account.State, Problem: f.Problem, Settings: public,
		Webhook: f.WebhookPath, Health: f.Account.Health, Pending: f.Backlog.Pending, Quarantine: f.Backlog.Quarantined,
		Hints: f.Backlog.Hints, Effects: f.Backlog.Effects, QuotaLeft: f.QuotaLeft, CreatedAt: f.Account.CreatedAt, Feeds: []FeedView{}, Stock: stockFreshView(f), Changes: changeTimes(f.Effects),
		ListsDays: f.ListsDays, ReadsOrders: f.ReadsOrders,
	}
	if v.Effects == nil {
		v.Effects = map[orderhub.EffectState]int64{}
	}
	if v.QuotaLeft == nil {
		v.QuotaLeft = map[string]int{}
	}
	if p := f.Audit; f.ListsDays {
		v.Audit = &AuditTurn{At: timeOrNil(p.FinishedAt), NextAt: timeOrNil(p.NextAt), Class: p.Class, Error: p.Error}
	}
	for _, p := range f.Feeds {
		v.Feeds = append(v.Feeds, FeedView{
			Feed: p.Feed, ConfirmedAt: timeOrNil(p.ConfirmedAt), LagSeconds: p.Lag.Seconds(), Late: p.Late, Sweeping: !p.SweepStartedAt.IsZero(),
			Pages: p.Pages, Items: p.Items, NextAt: timeOrNil(p.NextAt), Failures: p.Failures, Class: p.Class, Error: p.Error,
		})
	}
	return v
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
