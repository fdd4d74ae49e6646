package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/pipeline"
)

// AccountList lists accounts.
type AccountList struct {
	Accounts []AccountView `json:"accounts"`
}

// NewAccount is an account to add.
type NewAccount struct {
	ID       string            `json:"id" doc:"A short word of your choice: a-z, 0-9 and -."`
	Channel  orderhub.Channel  `json:"channel"`
	Name     string            `json:"name,omitempty" maxLength:"100"`
	Settings map[string]string `json:"settings,omitempty" doc:"See the channel's settings in /api/v1/channels."`
}

// AccountChange pauses or resumes an account, or replaces settings, or both.
type AccountChange struct {
	State    orderhub.AccountState `json:"state,omitempty" enum:"active,paused" doc:"A paused account is neither read nor written to."`
	Settings map[string]string     `json:"settings,omitempty" doc:"Settings to replace (a renewed key); an empty text takes one back. The others stay."`
}

// CheckView is what a channel says of an account's credentials.
type CheckView struct {
	OK       bool       `json:"ok"`
	Name     string     `json:"name,omitempty" doc:"The seller or the key, in the channel's words."`
	Expires  *time.Time `json:"expires,omitempty"`
	Can      []string   `json:"can,omitempty" doc:"What the key may do."`
	Warnings []string   `json:"warnings,omitempty"`
	Problem  string     `json:"problem,omitempty" doc:"Why the credentials do not work."`
}

type accountPath struct {
	Account string `path:"account"`
}

func (a *API) accounts(h huma.API) {
	huma.Register(h, op("list-accounts", http.MethodGet, "/accounts", "Accounts", "List accounts with health and freshness"),
		func(ctx context.Context, _ *struct{}) (*body[AccountList], error) {
			list, err := a.accountViews(ctx)
			if err != nil {
				return nil, a.problem(err)
			}
			for i := range list {
				list[i].Webhook = "" // secret: only where one account is asked for
			}
			return answer(AccountList{Accounts: list}), nil
		})
	huma.Register(h, op("get-account", http.MethodGet, "/accounts/{account}", "Accounts", "Read an account with health and freshness"),
		func(ctx context.Context, in *accountPath) (*body[AccountView], error) {
			return a.accountAnswer(ctx, in.Account)
		})

	type addIn struct{ Body NewAccount }
	add := op("add-account", http.MethodPost, "/accounts", "Accounts", "Add an account", http.StatusConflict)
	add.DefaultStatus = http.StatusCreated
	huma.Register(h, add, func(ctx context.Context, in *addIn) (*body[AccountView], error) {
		if err := orderhub.CheckAccountID(in.Body.ID); err != nil {
			return nil, a.problem(orderhub.InvalidField("id", "%q is not allowed; use 1 to 40 of a-z, 0-9 and -, not starting with -", clip(in.Body.ID)))
		}
		if _, err := a.hub.AddAccount(ctx, in.Body.ID, in.Body.Channel, in.Body.Name, in.Body.Settings); err != nil {
			return nil, a.problem(err)
		}
		return a.accountAnswer(ctx, in.Body.ID)
	})

	type changeIn struct {
		Account string `path:"account"`
		Body    AccountChange
	}
	huma.Register(h, op("change-account", http.MethodPatch, "/accounts/{account}", "Accounts", "Pause or resume an account, or replace settings"),
		func(ctx context.Context, in *changeIn) (*body[AccountView], error) {
			if err := a.change(ctx, in.Account, in.Body); err != nil {
				return nil, a.problem(err)
			}
			return a.accountAnswer(ctx, in.Account)
		})
	huma.Register(h, op("remove-account", http.MethodDelete, "/accounts/{account}", "Accounts", "Remove an account; its orders stay"),
		func(ctx context.Context, in *accountPath) (*struct{}, error) {
			return nil, a.problem(a.setState(ctx, in.Account, orderhub.AccountRemoved))
		})
	again := op("reconcile-stock", http.MethodPost, "/accounts/{account}/reconcile", "Stock", "Read all stock figures that an account shows, now and not at night", http.StatusConflict)
	again.DefaultStatus = http.StatusAccepted
	again.Description = "It is done page after page with pauses; how far it is stands under stock.reconciled of the account."
	huma.Register(h, again, func(ctx context.Context, in *accountPath) (*body[AccountView], error) {
		if err := a.connected(ctx, in.Account); err != nil {
			return nil, a.problem(err)
		}
		if err := a.hub.ReconcileStock(ctx, in.Account); err != nil {
			return nil, a.problem(err)
		}
		return a.accountAnswer(ctx, in.Account)
	})
	huma.Register(h, op("check-account", http.MethodPost, "/accounts/{account}/check", "Accounts", "Try an account's credentials"),
		func(ctx context.Context, in *accountPath) (*body[CheckView], error) {
			if err := a.connected(ctx, in.Account); err != nil {
				return nil, a.problem(err)
			}
			res, err := a.hub.CheckAccount(ctx, in.Account)
			var told *orderhub.BorderError
			if err != nil && !errors.As(err, &told) {
				return nil, a.problem(err)
			}
			return answer(checkView(res, err)), nil
		})
}

// connected refuses what is asked of an account that is not there, or not any
// more: a removed account left only its orders.
func (a *API) connected(ctx context.Context, id string) error {
	acc, err := a.store.Account(ctx, id)
	if err != nil {
		return err
	}
	if acc.State == orderhub.AccountRemoved {
		return orderhub.Errorf(orderhub.CodeNotFound, "account %q was removed", id)
	}
	return nil
}

// change replaces settings first: a refusal of them leaves the state as it is.
func (a *API) change(ctx context.Context, id string, c AccountChange) error {
	if c.State == "" && len(c.Settings) == 0 {
		return orderhub.InvalidField("state", "is missing; give state, settings or both")
	}
	if len(c.Settings) > 0 {
		if err := a.connected(ctx, id); err != nil {
			return err
		}
		if err := a.hub.ChangeSettings(ctx, id, c.Settings); err != nil {
			return err
		}
	}
	if c.State == "" {
		return nil
	}
	return a.setState(ctx, id, c.State)
}

func (a *API) setState(ctx context.Context, id string, state orderhub.AccountState) error {
	if err := a.connected(ctx, id); err != nil {
		return err
	}
	return a.hub.SetAccountState(ctx, id, state)
}

func checkView(res channel.CheckResult, err error) CheckView {
	v := CheckView{OK: err == nil, Name: res.Name, Expires: timeOrNil(res.Expires), Can: res.Can, Warnings: res.Warnings}
	if err != nil {
		v.Problem = pipeline.Sentence(err)
	}
	return v
}

func (a *API) accountViews(ctx context.Context) ([]AccountView, error) {
	list, err := a.hub.Freshness(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]AccountView, 0, len(list))
	for _, f := range list {
		c, err := a.hub.Channel(f.Account.Channel)
		if err != nil {
			return nil, err
		}
		out = append(out, accountView(f, c.Descriptor.Public(f.Account.Settings)))
	}
	return out, nil
}

func (a *API) accountAnswer(ctx context.Context, id string) (*body[AccountView], error) {
	list, err := a.accountViews(ctx)
	if err != nil {
		return nil, a.problem(err)
	}
	for _, v := range list {
		if v.ID == id {
			if !mayRead(ctx, orderhub.AccountsManage) {
				v.Webhook = "" // whoever knows it can send in news
			} else if v.Webhook != "" {
				a.audit.tell(visitOf(ctx))
			}
			return answer(v), nil
		}
	}
	return nil, a.problem(orderhub.Errorf(orderhub.CodeNotFound, "there is no account %q", id))
}
