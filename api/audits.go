package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// AuditView is what came of comparing a day, and of the gap since.
type AuditView struct {
	store.AuditDay
	Lacking int `json:"lacking" doc:"How many of the missing the hub does not hold to this hour."`
}

// AuditList lists results of the loss audit.
type AuditList struct {
	Days  []AuditView `json:"days"`
	After string      `json:"after,omitempty" doc:"Continues the list; absent at its end."`
}

// AuditCard is one day with what the hub knows of each order that one side lacks.
type AuditCard struct {
	AuditView
	Orders []AuditedOrder `json:"orders" doc:"The missing first, then the extra; at most 1000 of each."`
}

// AuditedOrder is an order that one side did not show.
type AuditedOrder struct {
	ExternalID string          `json:"external_id"`
	Gap        AuditGap        `json:"gap" enum:"missing,extra" doc:"missing: the channel listed it and the hub did not hold it; extra: the other way round."`
	Number     int64           `json:"number,omitempty" doc:"The hub's order; absent = the hub does not hold it."`
	Status     orderhub.Status `json:"status,omitempty"`
	Raw        int64           `json:"raw,omitempty" doc:"The last answer about it in the inbox, for those who may read it."`
	RawState   string          `json:"raw_state,omitempty" enum:"pending,done,quarantined,dropped,erased"`
	RawError   string          `json:"raw_error,omitempty" doc:"Why that answer is in quarantine."`
}

// AuditGap tells which side did not show an order.
type AuditGap string

// The gaps.
const (
	GapMissing AuditGap = "missing"
	GapExtra   AuditGap = "extra"
)

// maxGaps is how many orders of each gap are told one by one.
const maxGaps = 1000

// AuditRange is the days to audit.
type AuditRange struct {
	From string `json:"from" format:"date" doc:"The first day, UTC."`
	To   string `json:"to,omitempty" format:"date" doc:"The last day; absent = only the first. At most 31 days."`
}

// RepullRequest names the orders to read again: by id or by time.
type RepullRequest struct {
	IDs  []string  `json:"ids,omitempty" maxItems:"1000" doc:"External ids to read again."`
	From time.Time `json:"from,omitzero" doc:"Or: everything placed at or after …"`
	To   time.Time `json:"to,omitzero" doc:"… and before; at most 31 days."`
}

func (a *API) audits(h huma.API) {
	type listIn struct {
		Account string `query:"account"`
		Gaps    bool   `query:"gaps" doc:"Only days on which one side lacked orders."`
		After   string `query:"after" maxLength:"60" doc:"Only results behind: the \"after\" of the previous page."`
		Limit   int    `query:"limit" minimum:"1" maximum:"400" default:"60"`
	}
	huma.Register(h, op("list-audits", http.MethodGet, "/audits", "Audit", "List the last results of the loss audit, newest day first"),
		func(ctx context.Context, in *listIn) (*body[AuditList], error) {
			f := store.AuditDayFilter{AccountID: in.Account, Gaps: in.Gaps, Limit: in.Limit}
			err := a.knownAccounts(ctx, in.Account)
			if err == nil {
				f.Day, f.After, err = auditMark(in.After)
			}
			if err != nil {
				return nil, a.problem(err)
			}
			list, err := a.auditList(ctx, f)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(list), nil
		})

	type cardIn struct {
		Account string `path:"account"`
		Day     string `path:"day" format:"date" doc:"As 2026-11-23, UTC."`
	}
	huma.Register(h, op("get-audit", http.MethodGet, "/accounts/{account}/audits/{day}", "Audit", "Read what the loss audit found for a day, order by order"),
		func(ctx context.Context, in *cardIn) (*body[AuditCard], error) {
			card, err := a.auditCard(ctx, in.Account, in.Day)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(card), nil
		})

	type auditIn struct {
		Account string `path:"account"`
		Body    AuditRange
	}
	huma.Register(h, op("audit-account", http.MethodPost, "/accounts/{account}/audit", "Audit", "Compare what the channel lists with what the hub holds", http.StatusBadGateway),
		func(ctx context.Context, in *auditIn) (*body[AuditList], error) {
			from, to, err := days(in.Body.From, in.Body.To)
			if err == nil {
				err = a.connected(ctx, in.Account)
			}
			if err != nil {
				return nil, a.problem(err)
			}
			var days []store.AuditDay
			for day := from; !day.After(to); day = day.AddDate(0, 0, 1) {
				res, err := a.hub.Audit(ctx, in.Account, day)
				if err != nil {
					return nil, a.problem(err)
				}
				days = append(days, res)
			}
			views, err := a.auditViews(ctx, days)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(AuditList{Days: views}), nil
		})

	type repullIn struct {
		Account string `path:"account"`
		Body    RepullRequest
	}
	huma.Register(h, op("repull-account", http.MethodPost, "/accounts/{account}/repull", "Audit", "Read orders of a channel again, by ids or by time of placement", http.StatusBadGateway),
		func(ctx context.Context, in *repullIn) (*body[pipeline.Repulled], error) {
			var res pipeline.Repulled
			err := a.connected(ctx, in.Account)
			switch {
			case err != nil:
			case len(in.Body.IDs) > 0 && in.Body.From.IsZero() && in.Body.To.IsZero():
				res, err = a.hub.RepullIDs(ctx, in.Account, in.Body.IDs)
			case len(in.Body.IDs) == 0 && !in.Body.From.IsZero() && !in.Body.To.IsZero():
				if in.Body.To.Sub(in.Body.From) > maxDays*24*time.Hour {
					err = orderhub.InvalidField("to", "must be at most %d days after from", maxDays)
					break
				}
				res, err = a.hub.RepullRange(ctx, in.Account, in.Body.From, in.Body.To)
			default:
				err = orderhub.InvalidField("ids", "give either ids, or from and to")
			}
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(res), nil
		})
}

func (a *API) auditList(ctx context.Context, f store.AuditDayFilter) (AuditList, error) {
	days, err := a.store.Audits(ctx, f)
	if err != nil {
		return AuditList{}, err
	}
	var out AuditList
	if n := len(days); n == f.Limit {
		out.After = days[n-1].Day + "/" + days[n-1].AccountID
	}
	out.Days, err = a.auditViews(ctx, days)
	return out, err
}

// auditMark takes the mark of a page apart.
func auditMark(after string) (day, account string, err error) {
	if after == "" {
		return "", "", nil
	}
	day, account, _ = strings.Cut(after, "/")
	if _, err := time.Parse(time.DateOnly, day); err != nil || account == "" {
		return "", "", orderhub.InvalidField("after", "%q is none that an earlier answer gave", clip(after))
	}
	return day, account, nil
}

// auditViews looks up which of the missing have come since, once for each account.
func (a *API) auditViews(ctx context.Context, days []store.AuditDay) ([]AuditView, error) {
	missing := map[string][]string{}
	for _, d := range days {
		if len(d.Missing) > 0 {
			missing[d.AccountID] = append(missing[d.AccountID], d.Missing...)
		}
	}
	type key struct{ account, id string }
	here := map[key]bool{}
	for account, ids := range missing {
		known, err := a.store.KnownIDs(ctx, account, ids)
		if err != nil {
			return nil, err
		}
		for _, id := range known {
			here[key{account, id}] = true
		}
	}
	out := make([]AuditView, len(days))
	for i, d := range days {
		out[i].AuditDay = d
		for _, id := range d.Missing {
			if !here[key{d.AccountID, id}] {
				out[i].Lacking++
			}
		}
	}
	return out, nil
}

func (a *API) auditCard(ctx context.Context, account, day string) (AuditCard, error) {
	d, err := a.store.AuditOf(ctx, account, day)
	if err != nil {
		return AuditCard{}, err
	}
	views, err := a.auditViews(ctx, []store.AuditDay{d})
	if err != nil {
		return AuditCard{}, err
	}
	card := AuditCard{AuditView: views[0], Orders: []AuditedOrder{}}
	for _, id := range d.Missing[:min(len(d.Missing), maxGaps)] {
		card.Orders = append(card.Orders, AuditedOrder{ExternalID: id, Gap: GapMissing})
	}
	for _, id := range d.Extra[:min(len(d.Extra), maxGaps)] {
		card.Orders = append(card.Orders, AuditedOrder{ExternalID: id, Gap: GapExtra})
	}
	return card, a.trace(ctx, account, card.Orders)
}

// trace finds each order in the ledger, and the last answer about it.
func (a *API) trace(ctx context.Context, account string, orders []AuditedOrder) error {
	ids := make([]string, len(orders))
	for i, o := range orders {
		ids[i] = o.ExternalID
	}
	known, err := a.store.OrdersByExternal(ctx, account, ids)
	if err != nil {
		return err
	}
	byID := map[string]*orderhub.Order{}
	for _, o := range known {
		byID[o.Snapshot.ExternalID] = o
	}
	raws := map[string]store.RawTrace{}
	if mayRead(ctx, orderhub.InboxRead) {
		if raws, err = a.store.LastRaws(ctx, account, ids); err != nil {
			return err
		}
	}
	for i := range orders {
		o := &orders[i]
		if found := byID[o.ExternalID]; found != nil {
			o.Number, o.Status = found.ID, found.Headline
		}
		raw := raws[o.ExternalID]
		o.Raw, o.RawState, o.RawError = raw.ID, raw.State, raw.Error
	}
	return nil
}

// maxDays is how many days one request may make the hub read from a channel.
const maxDays = 31

// days checks a range of days.
func days(from, to string) (first, last time.Time, err error) {
	if first, err = time.Parse(time.DateOnly, from); err != nil {
		return first, last, orderhub.InvalidField("from", "%q is not a day like 2026-11-23", from)
	}
	last = first
	if to != "" {
		if last, err = time.Parse(time.DateOnly, to); err != nil {
			return first, last, orderhub.InvalidField("to", "%q is not a day like 2026-11-23", to)
		}
	}
	if last.Before(first) || last.Sub(first) >= maxDays*24*time.Hour {
		return first, last, orderhub.InvalidField("to", "must not be before from; at most %d days are compared at once", maxDays)
	}
	return first, last, nil
}
