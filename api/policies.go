package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// PublishRule is how much of the available stock is shown.
type PublishRule struct {
	Mode   orderhub.PublishMode `json:"mode,omitempty" enum:"mirror,cap,share,fixed,off" doc:"mirror: all that is available; cap: at most value units; share: value percent, rounded down; fixed: always value units (made to order; with the strict policy never more than is available); off: the hub never writes the figure, somebody else does. Absent = as the account says; of an account: mirror."`
	Value  int64                `json:"value,omitempty" doc:"Units of cap and fixed (0 to 1000000), percent of share (0 to 100)."`
	Buffer int64                `json:"buffer,omitempty" doc:"Units held back before anything else, 0 to 1000000. The larger one of listing and account counts where the listing follows the account."`
}

// AccountStockRule is how an account shows stock.
type AccountStockRule struct {
	Publish      PublishRule `json:"publish,omitzero" doc:"For listings that say nothing of their own."`
	SecondWriter string      `json:"second_writer,omitempty" enum:"overwrite,accept,stop" doc:"When the channel shows another figure than the hub's, three looks in a row, somebody else writes there: overwrite it (the default), accept the figure until the next change, or stop writing this listing. It is counted and shown in any case."`
}

// OversellSetting is the hub's default policy.
type OversellSetting struct {
	Policy orderhub.OversellPolicy `json:"policy" enum:"shared,strict"`
}

// PolicyView is a policy and what it is worth.
type PolicyView struct {
	Policy    orderhub.OversellPolicy `json:"policy" enum:"shared,strict"`
	Own       bool                    `json:"own,omitempty" doc:"Set on the product itself; else it is the hub's default."`
	Guarantee string                  `json:"guarantee" doc:"What the policy promises."`
	Assumes   string                  `json:"assumes" doc:"What must be so for the promise to hold."`
}

func policyView(p orderhub.OversellPolicy, own bool) PolicyView {
	v := PolicyView{Policy: p, Own: own}
	switch p {
	case orderhub.OversellStrict:
		v.Guarantee = "What all channels together may still sell is never more than what is available: no unit is sold twice. A listing is given units only after the others have confirmed that they do not show them any more."
		v.Assumes = "Each channel shows a sale or a new figure in its lists within the time that the hub allows for it (10 seconds unless set otherwise) and sells no more than its figure, the counted stock is right, and no other program writes the figures."
	case orderhub.OversellShared, orderhub.OversellDefault:
		v.Guarantee = "Every channel shows all that is available. One unit can be sold on several channels before each has heard of the sale; never more units than the exposure that is stated here."
		v.Assumes = "Each channel sells no more than the figures that the hub sent and may still stand there, the counted stock is right, and no other program writes the figures."
	}
	return v
}

func (a *API) policies(h huma.API) {
	huma.Register(h, op("get-oversell", http.MethodGet, "/settings/oversell", "Stock", "Read the oversell policy of products without one of their own, and what it guarantees"),
		func(ctx context.Context, _ *struct{}) (*body[PolicyView], error) {
			p, err := a.hub.Oversell(ctx)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(policyView(p, false)), nil
		})
	type setIn struct{ Body OversellSetting }
	huma.Register(h, op("set-oversell", http.MethodPut, "/settings/oversell", "Stock", "Set the oversell policy of products without one of their own"),
		func(ctx context.Context, in *setIn) (*body[PolicyView], error) {
			if err := a.hub.SetOversell(ctx, in.Body.Policy); err != nil {
				return nil, a.problem(err)
			}
			return answer(policyView(in.Body.Policy, false)), nil
		})

	huma.Register(h, op("get-account-stock", http.MethodGet, "/accounts/{account}/stock", "Stock", "Read how an account shows stock"),
		func(ctx context.Context, in *accountPath) (*body[AccountStockRule], error) {
			return a.accountStock(ctx, in.Account)
		})
	type accountIn struct {
		Account string `path:"account"`
		Body    AccountStockRule
	}
	huma.Register(h, op("set-account-stock", http.MethodPut, "/accounts/{account}/stock", "Stock", "Set how an account shows stock; its listings are worked out again"),
		func(ctx context.Context, in *accountIn) (*body[AccountStockRule], error) {
			rule := store.AccountStock{Publish: orderhub.Publish(in.Body.Publish), SecondWriter: in.Body.SecondWriter}
			err := a.connected(ctx, in.Account)
			if err == nil {
				err = pipeline.Within("publish", rule.Publish.Check())
			}
			if err == nil {
				err = a.hub.SetAccountStock(ctx, in.Account, rule)
			}
			if err != nil {
				return nil, a.problem(err)
			}
			return a.accountStock(ctx, in.Account)
		})
}

func (a *API) accountStock(ctx context.Context, account string) (*body[AccountStockRule], error) {
	if err := a.connected(ctx, account); err != nil {
		return nil, a.problem(err)
	}
	all, err := a.store.AccountsStock(ctx)
	if err != nil {
		return nil, a.problem(err)
	}
	rule := AccountStockRule{Publish: PublishRule(all[account].Publish), SecondWriter: all[account].SecondWriter}
	if rule.Publish.Mode == orderhub.PublishDefault {
		rule.Publish.Mode = orderhub.PublishMirror
	}
	if rule.SecondWriter == "" {
		rule.SecondWriter = "overwrite"
	}
	return answer(rule), nil
}
