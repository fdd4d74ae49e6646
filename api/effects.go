package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// EffectPage is one page of effects.
type EffectPage struct {
	Effects []*orderhub.Effect `json:"effects"`
	Before  int64              `json:"before,omitempty" doc:"Continues the list; absent at its end."`
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
