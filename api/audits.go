package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// AuditList lists results of the loss audit.
type AuditList struct {
	Days []store.AuditDay `json:"days"`
}

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
		Limit   int    `query:"limit" minimum:"1" maximum:"400" default:"60"`
	}
	huma.Register(h, op("list-audits", http.MethodGet, "/audits", "Audit", "List the last results of the loss audit"),
		func(ctx context.Context, in *listIn) (*body[AuditList], error) {
			if err := a.knownAccounts(ctx, in.Account); err != nil {
				return nil, a.problem(err)
			}
			days, err := a.store.Audits(ctx, in.Account, in.Limit)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(AuditList{Days: append([]store.AuditDay{}, days...)}), nil
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
			var out AuditList
			for day := from; !day.After(to); day = day.AddDate(0, 0, 1) {
				res, err := a.hub.Audit(ctx, in.Account, day)
				if err != nil {
					return nil, a.problem(err)
				}
				out.Days = append(out.Days, res)
			}
			return answer(out), nil
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
