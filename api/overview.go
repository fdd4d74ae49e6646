package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// overviewSpan is the longest time that an overview covers.
const overviewSpan = 8 * 24 * time.Hour

// Overview is what a manager looks at first.
type Overview struct {
	From    time.Time      `json:"from"`
	To      time.Time      `json:"to"`
	Hours   []OverviewHour `json:"hours" doc:"Oldest first; hours and channels without orders are left out."`
	Waiting WaitingView    `json:"waiting"`
}

// OverviewHour is what one channel brought in one hour.
type OverviewHour struct {
	Hour      time.Time        `json:"hour" doc:"Its beginning, UTC."`
	Channel   orderhub.Channel `json:"channel"`
	Orders    int64            `json:"orders" doc:"Placed in this hour."`
	Cancelled int64            `json:"cancelled" doc:"Of them cancelled by now."`
	Revenue   *orderhub.Money  `json:"revenue,omitempty" doc:"Totals of those that are not cancelled; absent when the channel gave no amounts. Another currency is another entry."`
}

// WaitingView counts what waits for a person.
type WaitingView struct {
	New        int64                   `json:"new"`
	Confirmed  int64                   `json:"confirmed"`
	Packed     int64                   `json:"packed"`
	Holds      map[orderhub.Hold]int64 `json:"holds" doc:"Orders by hold."`
	Late       int64                   `json:"late" doc:"Orders not handed over whose deadline is over."`
	Due        []int64                 `json:"due" doc:"Orders to hand over within each of the next 24 hours."`
	Rejected   int64                   `json:"rejected" doc:"Effects that were refused within the last day."`
	Uncertain  int64                   `json:"uncertain" doc:"Effects that a person must look at."`
	Quarantine int64                   `json:"quarantine" doc:"Answers of channels that could not be understood."`
	Returns    int64                   `json:"returns" doc:"Received returns that wait for a decision."`
	Unmatched  int64                   `json:"unmatched" doc:"Listings without a product."`
}

func (a *API) overview(h huma.API) {
	type in struct {
		From time.Time `query:"from" doc:"Absent = 24 hours before to."`
		To   time.Time `query:"to" doc:"Absent = now. At most 8 days after from."`
	}
	o := op("get-overview", http.MethodGet, "/overview", "Orders", "Orders and revenue by channel and hour, and what waits for a person")
	o.Description = "Counts end at 10000."
	huma.Register(h, o, func(ctx context.Context, in *in) (*body[Overview], error) {
		from, to := in.From, in.To
		if to.IsZero() {
			to = a.store.Now()
		}
		if from.IsZero() {
			from = to.Add(-24 * time.Hour)
		}
		if span := to.Sub(from); span <= 0 || span > overviewSpan {
			return nil, a.problem(orderhub.InvalidField("to", "must be after from, by 8 days at most"))
		}
		hours, err := a.store.OverviewHours(ctx, from, to)
		if err != nil {
			return nil, a.problem(err)
		}
		waiting, err := a.store.OverviewWaiting(ctx)
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(overviewOf(from, to, hours, waiting)), nil
	})
}

func overviewOf(from, to time.Time, hours []store.OverviewHour, w store.OverviewWaiting) Overview {
	v := Overview{From: from.UTC(), To: to.UTC(), Hours: []OverviewHour{}, Waiting: WaitingView{
		New: w.Statuses[orderhub.StatusNew], Confirmed: w.Statuses[orderhub.StatusConfirmed], Packed: w.Statuses[orderhub.StatusPacked],
		Holds: w.Holds, Late: w.Late, Due: w.Due[:], Rejected: w.Rejected, Uncertain: w.Uncertain, Quarantine: w.Quarantine,
		Returns: w.Returns, Unmatched: w.Unmatched,
	}}
	for _, h := range hours {
		one := OverviewHour{Hour: h.Hour, Channel: h.Channel, Orders: h.Orders, Cancelled: h.Cancelled}
		if h.Currency != "" {
			one.Revenue = &orderhub.Money{Minor: h.Minor, Currency: h.Currency}
		}
		v.Hours = append(v.Hours, one)
	}
	return v
}
