package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// RawRow is a raw answer as lists show it; the payload is read one by one.
type RawRow struct {
	ID         int64      `json:"id"`
	Account    string     `json:"account"`
	Kind       string     `json:"kind"`
	ExternalID string     `json:"external_id"`
	Source     string     `json:"source" doc:"The feed, or hint, refresh, check, webhook, api, push, repull."`
	ReadAt     time.Time  `json:"read_at"`
	State      string     `json:"state" enum:"pending,done,quarantined,dropped,erased"`
	Error      string     `json:"error,omitempty" doc:"Why it is in quarantine."`
	Attempts   int        `json:"attempts,omitempty"`
	Bytes      int        `json:"bytes"`
	DoneAt     *time.Time `json:"done_at,omitempty"`
}

// RawPage is one page of raw answers.
type RawPage struct {
	Raw    []RawRow `json:"raw"`
	Before int64    `json:"before,omitempty" doc:"Continues the list; absent at its end."`
}

// RawCard is a raw answer with its payload and what today's adapter makes of it.
type RawCard struct {
	RawRow
	Payload any      `json:"payload" personal:"hidden" doc:"As it came; a text when it is not JSON. Holds personal data."`
	Verdict string   `json:"verdict,omitempty" doc:"What accepting it now would do: applied, same, refused."`
	Why     string   `json:"why,omitempty"`
	Diff    []string `json:"diff,omitempty" doc:"What it would change in the order."`
}

func rawRow(r store.Raw) RawRow {
	return RawRow{
		ID: r.ID, Account: r.AccountID, Kind: r.Kind, ExternalID: r.ExternalID, Source: r.Source, ReadAt: r.ReadAt, State: r.State,
		Error: r.Error, Attempts: r.Attempts, Bytes: len(r.Body), DoneAt: timeOrNil(r.DoneAt),
	}
}

// Requeued counts raw answers that are interpreted again.
type Requeued struct {
	Requeued int64 `json:"requeued"`
}

func (a *API) inbox(h huma.API) {
	type listIn struct {
		Account    string `query:"account"`
		State      string `query:"state" enum:"pending,done,quarantined,dropped,erased"`
		ExternalID string `query:"external_id" maxLength:"200"`
		Before     int64  `query:"before" minimum:"1" doc:"Only ids below: the \"before\" of the previous page."`
		Limit      int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	huma.Register(h, op("list-raw", http.MethodGet, "/inbox", "Inbox", "List raw answers, newest first"),
		func(ctx context.Context, in *listIn) (*body[RawPage], error) {
			if err := a.knownAccounts(ctx, in.Account); err != nil {
				return nil, a.problem(err)
			}
			list, err := a.store.ListRaw(ctx, store.RawFilter{AccountID: in.Account, State: in.State, ExternalID: in.ExternalID, Before: in.Before, Limit: in.Limit})
			if err != nil {
				return nil, a.problem(err)
			}
			page := RawPage{Raw: []RawRow{}}
			for _, r := range list {
				page.Raw = append(page.Raw, rawRow(r))
			}
			if len(list) == in.Limit {
				page.Before = list[len(list)-1].ID
			}
			return answer(page), nil
		})

	type one struct {
		ID int64 `path:"id"`
	}
	huma.Register(h, op("get-raw", http.MethodGet, "/inbox/{id}", "Inbox", "Read a raw answer and what today's adapter makes of it"),
		func(ctx context.Context, in *one) (*body[RawCard], error) {
			rep, err := a.hub.ReplayDry(ctx, in.ID)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(rawCard(rep)), nil
		})

	huma.Register(h, op("retry-raw", http.MethodPost, "/inbox/{id}/retry", "Inbox", "Interpret a quarantined or dropped answer again", http.StatusConflict),
		func(ctx context.Context, in *one) (*body[Requeued], error) {
			raw, err := a.store.Raw(ctx, in.ID)
			if err != nil {
				return nil, a.problem(err)
			}
			n, err := a.hub.Replay(ctx, raw.AccountID, []int64{in.ID})
			if err == nil && n == 0 {
				err = orderhub.Errorf(orderhub.CodeRefused, "raw payload %d is %s, not in quarantine", in.ID, raw.State)
			}
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(Requeued{n}), nil
		})

	huma.Register(h, op("retry-quarantine", http.MethodPost, "/accounts/{account}/quarantine/retry", "Inbox", "Interpret all quarantined answers of an account again"),
		func(ctx context.Context, in *accountPath) (*body[Requeued], error) {
			if err := a.connected(ctx, in.Account); err != nil {
				return nil, a.problem(err)
			}
			n, err := a.hub.Replay(ctx, in.Account, nil)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(Requeued{n}), nil
		})

	huma.Register(h, op("drop-raw", http.MethodPost, "/inbox/{id}/drop", "Inbox", "Let a quarantined answer lie; it stays readable", http.StatusConflict),
		func(ctx context.Context, in *one) (*struct{}, error) {
			if _, err := a.store.Raw(ctx, in.ID); err != nil {
				return nil, a.problem(err)
			}
			var done bool
			err := a.store.InTx(ctx, func(tx *store.Tx) error {
				var err error
				done, err = tx.DropRaw(ctx, in.ID)
				return err
			})
			if err == nil && !done {
				err = orderhub.Errorf(orderhub.CodeRefused, "raw payload %d is not in quarantine", in.ID)
			}
			return nil, a.problem(err)
		})
}

func rawCard(rep pipeline.Replayed) RawCard {
	c := RawCard{RawRow: rawRow(rep.Raw), Verdict: string(rep.Verdict), Why: rep.Why, Diff: rep.Diff}
	if rep.Err != nil {
		c.Why = rep.Err.Error()
	}
	if c.Payload = payload(rep.Raw.Body); c.Payload == nil {
		c.Payload = "" // it came empty
	}
	return c
}

// payload shows bytes as the JSON they are, or as text.
func payload(b []byte) any {
	switch {
	case len(b) == 0:
		return nil
	case json.Valid(b):
		return json.RawMessage(b)
	}
	return string(b)
}
