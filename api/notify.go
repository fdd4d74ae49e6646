package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
)

// RuleBody is a rule to write.
type RuleBody struct {
	Name          string           `json:"name" maxLength:"100"`
	On            orderhub.Trigger `json:"on" enum:"received,status,changed,requested,effect,hold,drift,return,rule,account_failing,key_expiring,deadline,return_deadline,integration_failing" doc:"What it listens to: an event on an order, or a state: an account that fails for 10 minutes, a key that ends within 14 days, an order to be shipped within 2 hours or a wish to cancel it answered within a day, a return to be answered within a day or collected within two, a webhook or an exchange of files that fails; rule: what automation rules have to say."`
	Enabled       *bool            `json:"enabled,omitempty" doc:"Absent = true."`
	Filter        *RuleFilter      `json:"filter,omitempty"`
	Recipients    []int64          `json:"recipients,omitempty" maxItems:"100" doc:"Ids; none = everybody."`
	Language      string           `json:"language,omitempty" enum:"ru,en" doc:"Absent = the recipient's."`
	Template      string           `json:"template,omitempty" doc:"Absent = the one named like the trigger."`
	WindowSeconds int64            `json:"window_seconds,omitempty" minimum:"0" maximum:"86400" doc:"How long causes are gathered into one message."`
	QuietFrom     string           `json:"quiet_from,omitempty" doc:"From this time of day messages wait until quiet_to." example:"22:00"`
	QuietTo       string           `json:"quiet_to,omitempty" example:"08:00"`
	DigestAt      string           `json:"digest_at,omitempty" doc:"One message a day, at this time." example:"09:00"`
	Zone          string           `json:"zone,omitempty" doc:"Where the times of day are meant; absent = Europe/Moscow."`
}

// RuleFilter narrows a rule. What is absent lets everything through.
type RuleFilter struct {
	Accounts []string           `json:"accounts,omitempty" maxItems:"100"`
	Channels []orderhub.Channel `json:"channels,omitempty" maxItems:"100"`
	Holds    []orderhub.Hold    `json:"holds,omitempty" maxItems:"100" doc:"For hold: short, unmapped, manual, conflict."`
	Statuses []orderhub.Status  `json:"statuses,omitempty" maxItems:"100" doc:"For status and requested: the new one."`
	States   []string           `json:"states,omitempty" maxItems:"100" doc:"For effect and return: their states; for return_deadline: pick_up, answer; for deadline: cancel_request."`
}

// RuleView is a rule as it stands.
type RuleView struct {
	ID int64 `json:"id"`
	RuleBody
}

// RuleList lists rules.
type RuleList struct {
	Rules []RuleView `json:"rules"`
}

func ruleView(r orderhub.NotifyRule) RuleView {
	f := RuleFilter(r.Filter)
	return RuleView{r.ID, RuleBody{
		Name: r.Name, On: r.On, Enabled: &r.Enabled, Filter: &f, Recipients: r.Recipients, Language: string(r.Language), Template: r.Template,
		WindowSeconds: int64(r.Timing.Window / time.Second), QuietFrom: r.Timing.QuietFrom, QuietTo: r.Timing.QuietTo,
		DigestAt: r.Timing.DigestAt, Zone: r.Timing.Zone,
	}}
}

func (b RuleBody) rule(id int64) orderhub.NotifyRule {
	r := orderhub.NotifyRule{
		ID: id, Name: b.Name, On: b.On, Enabled: b.Enabled == nil || *b.Enabled, Recipients: b.Recipients,
		Language: orderhub.Language(b.Language), Template: b.Template,
		Timing: orderhub.NotifyTiming{
			Window: time.Duration(b.WindowSeconds) * time.Second, QuietFrom: b.QuietFrom, QuietTo: b.QuietTo, DigestAt: b.DigestAt, Zone: b.Zone,
		},
	}
	if b.Filter != nil {
		r.Filter = orderhub.NotifyFilter(*b.Filter)
	}
	return r
}

type idPath struct {
	ID int64 `path:"id"`
}

const notifyTag = "Notifications"

func (a *API) notifyRules(h huma.API) {
	huma.Register(h, op("list-rules", http.MethodGet, "/notify/rules", notifyTag, "List who is told of what"),
		func(ctx context.Context, _ *struct{}) (*body[RuleList], error) {
			list, err := a.store.Rules(ctx)
			if err != nil {
				return nil, a.problem(err)
			}
			out := RuleList{Rules: []RuleView{}}
			for _, r := range list {
				out.Rules = append(out.Rules, ruleView(r))
			}
			return answer(out), nil
		})
	huma.Register(h, op("get-rule", http.MethodGet, "/notify/rules/{id}", notifyTag, "Read a rule"),
		func(ctx context.Context, in *idPath) (*body[RuleView], error) {
			r, err := a.store.Rule(ctx, in.ID)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(ruleView(r)), nil
		})
	save := func(ctx context.Context, id int64, b RuleBody) (*body[RuleView], error) {
		r, err := a.hub.SaveRule(ctx, b.rule(id))
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(ruleView(r)), nil
	}
	type addIn struct{ Body RuleBody }
	add := op("add-rule", http.MethodPost, "/notify/rules", notifyTag, "Add a rule")
	add.DefaultStatus = http.StatusCreated
	huma.Register(h, add, func(ctx context.Context, in *addIn) (*body[RuleView], error) { return save(ctx, 0, in.Body) })
	type putIn struct {
		ID   int64 `path:"id" minimum:"1"`
		Body RuleBody
	}
	huma.Register(h, op("set-rule", http.MethodPut, "/notify/rules/{id}", notifyTag, "Write a rule anew"),
		func(ctx context.Context, in *putIn) (*body[RuleView], error) { return save(ctx, in.ID, in.Body) })
	huma.Register(h, op("delete-rule", http.MethodDelete, "/notify/rules/{id}", notifyTag, "Delete a rule and what waits to be told by it"),
		func(ctx context.Context, in *idPath) (*struct{}, error) {
			return nil, a.problem(a.hub.DeleteRule(ctx, in.ID))
		})
}

// NewRecipient is somebody to tell.
type NewRecipient struct {
	Kind     orderhub.RecipientKind `json:"kind" enum:"telegram,email,webhook"`
	Name     string                 `json:"name" maxLength:"100"`
	Address  string                 `json:"address,omitempty" doc:"An e-mail address, or the URL of a webhook."`
	Secret   string                 `json:"secret,omitempty" doc:"Of a webhook: signs its messages (Standard Webhooks); absent = one is made."`
	Language orderhub.Language      `json:"language,omitempty" enum:"ru,en" doc:"Absent = ru."`
	MayAct   bool                   `json:"may_act,omitempty" doc:"Of a Telegram chat: its buttons may confirm orders, for the person who linked it."`
}

// RecipientChange changes what is given; the rest stays.
type RecipientChange struct {
	Name     *string            `json:"name,omitempty" maxLength:"100"`
	Address  *string            `json:"address,omitempty"`
	Secret   *string            `json:"secret,omitempty"`
	Language *orderhub.Language `json:"language,omitempty" enum:"ru,en"`
	MayAct   *bool              `json:"may_act,omitempty"`
}

// RecipientView is a recipient; secrets are not shown again.
type RecipientView struct {
	ID        int64                   `json:"id"`
	Kind      orderhub.RecipientKind  `json:"kind"`
	Name      string                  `json:"name"`
	State     orderhub.RecipientState `json:"state" doc:"waiting: for /start and the code to be sent to the bot."`
	Address   string                  `json:"address,omitempty"`
	Language  orderhub.Language       `json:"language"`
	MayAct    bool                    `json:"may_act,omitempty"`
	Problem   string                  `json:"problem,omitempty" doc:"Why the last message was not delivered."`
	Code      string                  `json:"code,omitempty" doc:"Shown once: to be sent to the bot as /start CODE."`
	CodeUntil *time.Time              `json:"code_until,omitempty"`
	Secret    string                  `json:"secret,omitempty" doc:"Shown once: verifies the messages of a webhook."`
	CreatedAt time.Time               `json:"created_at"`
}

// RecipientList lists recipients.
type RecipientList struct {
	Recipients []RecipientView `json:"recipients"`
}

func recipientView(r orderhub.Recipient) RecipientView {
	return RecipientView{ID: r.ID, Kind: r.Kind, Name: r.Name, State: r.State, Address: r.Address, Language: r.Language, MayAct: r.MayAct,
		Problem: r.Error, CreatedAt: r.CreatedAt}
}

func (a *API) recipients(h huma.API) {
	huma.Register(h, op("list-recipients", http.MethodGet, "/notify/recipients", notifyTag, "List who can be told"),
		func(ctx context.Context, _ *struct{}) (*body[RecipientList], error) {
			list, err := a.store.Recipients(ctx)
			if err != nil {
				return nil, a.problem(err)
			}
			out := RecipientList{Recipients: []RecipientView{}}
			for _, r := range list {
				out.Recipients = append(out.Recipients, recipientView(r))
			}
			return answer(out), nil
		})
	huma.Register(h, op("get-recipient", http.MethodGet, "/notify/recipients/{id}", notifyTag, "Read a recipient"),
		func(ctx context.Context, in *idPath) (*body[RecipientView], error) {
			r, err := a.store.Recipient(ctx, in.ID)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(recipientView(r)), nil
		})
	type addIn struct{ Body NewRecipient }
	add := op("add-recipient", http.MethodPost, "/notify/recipients", notifyTag, "Add a recipient; a Telegram chat is linked by the code in the answer")
	add.DefaultStatus = http.StatusCreated
	huma.Register(h, add, func(ctx context.Context, in *addIn) (*body[RecipientView], error) {
		b := in.Body
		r, err := a.hub.AddRecipient(ctx, orderhub.Recipient{Kind: b.Kind, Name: b.Name, Language: b.Language, MayAct: b.MayAct,
			RecipientAddress: orderhub.RecipientAddress{Address: b.Address, Secret: b.Secret}})
		if err != nil {
			return nil, a.problem(err)
		}
		v := recipientView(r)
		v.Code, v.CodeUntil = r.Code, timeOrNil(r.CodeUntil)
		if b.Secret == "" {
			v.Secret = r.Secret
		}
		return answer(v), nil
	})
	type changeIn struct {
		ID   int64 `path:"id" minimum:"1"`
		Body RecipientChange
	}
	huma.Register(h, op("change-recipient", http.MethodPatch, "/notify/recipients/{id}", notifyTag, "Change a recipient"),
		func(ctx context.Context, in *changeIn) (*body[RecipientView], error) {
			r, err := a.hub.ChangeRecipient(ctx, in.ID, in.Body.apply)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(recipientView(r)), nil
		})
	huma.Register(h, op("remove-recipient", http.MethodDelete, "/notify/recipients/{id}", notifyTag, "Remove a recipient: its address is forgotten, its messages stay; rules that named nobody else are switched off"),
		func(ctx context.Context, in *idPath) (*struct{}, error) {
			return nil, a.problem(a.hub.RemoveRecipient(ctx, in.ID))
		})
	test := op("test-recipient", http.MethodPost, "/notify/recipients/{id}/test", notifyTag, "Send a test message; its state tells what became of it", http.StatusConflict)
	test.DefaultStatus = http.StatusAccepted
	huma.Register(h, test, func(ctx context.Context, in *idPath) (*body[NoticeView], error) {
		m, err := a.hub.TestRecipient(ctx, in.ID)
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(noticeView(m)), nil
	})
}

func (c RecipientChange) apply(r *orderhub.Recipient) {
	if c.Name != nil {
		r.Name = *c.Name
	}
	if c.Address != nil {
		r.Address = *c.Address
	}
	if c.Secret != nil {
		r.Secret = *c.Secret
	}
	if c.Language != nil {
		r.Language = *c.Language
	}
	if c.MayAct != nil {
		r.MayAct = *c.MayAct
	}
}
