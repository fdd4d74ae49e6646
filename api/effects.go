package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// EffectPage is one page of effects.
type EffectPage struct {
	Effects []*orderhub.Effect `json:"effects"`
	Before  int64              `json:"before,omitempty" doc:"Continues the list; absent at its end."`
}

// CallView is one call to a channel as it went over the wire, without headers.
type CallView struct {
	ID      int64     `json:"id"`
	Account string    `json:"account"`
	Purpose string    `json:"purpose" doc:"push or stock; of readings that failed: check (an order is read back), hint, or the feed."`
	At      time.Time `json:"at"`
	TookMS  float64   `json:"took_ms"`
	Method  string    `json:"method"`
	Path    string    `json:"path"`
	Status  int       `json:"status" doc:"The HTTP status; 0 when no answer came."`
	Failure string    `json:"failure,omitempty"`
	Request any       `json:"request,omitempty" personal:"hidden" doc:"As it was sent, without keys, its first 256 KB; a text when it is not JSON."`
	Reply   any       `json:"reply,omitempty" personal:"hidden" doc:"As it came, without keys, its first 256 KB; a text when it is not JSON. May hold personal data."`
}

func callView(c store.Call) CallView {
	return CallView{
		ID: c.ID, Account: c.AccountID, Purpose: c.Purpose, At: c.At, TookMS: float64(c.Took.Microseconds()) / 1000,
		Method: c.Method, Path: c.Path, Status: c.Status, Failure: c.Failure, Request: payload(c.Request), Reply: payload(c.Reply),
	}
}

// CallPage is one page of calls.
type CallPage struct {
	Calls  []CallView `json:"calls"`
	Before int64      `json:"before,omitempty" doc:"Continues the list; absent at its end."`
}

func (a *API) calls(h huma.API) {
	type listIn struct {
		Account string `query:"account"`
		Effect  int64  `query:"effect" minimum:"1" doc:"Only calls made for this effect."`
		Before  int64  `query:"before" minimum:"1" doc:"Only ids below: the \"before\" of the previous page."`
		Limit   int    `query:"limit" minimum:"1" maximum:"100" default:"20"`
	}
	huma.Register(h, op("list-calls", http.MethodGet, "/calls", "Effects", "List the calls that were to change something at a channel, and readings that failed, as they went over the wire, newest first"),
		func(ctx context.Context, in *listIn) (*body[CallPage], error) {
			if err := a.knownAccounts(ctx, in.Account); err != nil {
				return nil, a.problem(err)
			}
			list, err := a.store.ListCalls(ctx, store.CallFilter{AccountID: in.Account, EffectID: in.Effect, Before: in.Before, Limit: in.Limit})
			if err != nil {
				return nil, a.problem(err)
			}
			page := CallPage{Calls: []CallView{}}
			for _, c := range list {
				page.Calls = append(page.Calls, callView(c))
			}
			if len(list) == in.Limit {
				page.Before = list[len(list)-1].ID
			}
			return answer(page), nil
		})
}

func (a *API) effects(h huma.API) {
	type listIn struct {
		Account string `query:"account"`
		State   string `query:"state" enum:"intent,sent,accepted,confirmed,rejected,uncertain,superseded"`
		Before  int64  `query:"before" minimum:"1" doc:"Only ids below: the \"before\" of the previous page."`
		Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	huma.Register(h, op("list-effects", http.MethodGet, "/effects", "Effects", "List what is owed to the channels and what became of it, newest first"),
		func(ctx context.Context, in *listIn) (*body[EffectPage], error) {
			if err := a.knownAccounts(ctx, in.Account); err != nil {
				return nil, a.problem(err)
			}
			list, err := a.store.ListEffects(ctx, store.EffectFilter{AccountID: in.Account, State: orderhub.EffectState(in.State), Before: in.Before, Limit: in.Limit})
			if err != nil {
				return nil, a.problem(err)
			}
			page := EffectPage{Effects: list}
			if page.Effects == nil {
				page.Effects = []*orderhub.Effect{}
			}
			if len(list) == in.Limit {
				page.Before = list[len(list)-1].ID
			}
			return answer(page), nil
		})

	type one struct {
		ID int64 `path:"id"`
	}
	huma.Register(h, op("retry-effect", http.MethodPost, "/effects/{id}/retry", "Effects", "Send a rejected or uncertain effect again; an uncertain one is read back first", http.StatusConflict),
		func(ctx context.Context, in *one) (*body[*orderhub.Effect], error) {
			e, err := a.hub.RetryEffect(ctx, in.ID, actor(ctx))
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(e), nil
		})
}
