package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/rules"
	"github.com/orderhub/orderhub/store"
)

// AutoRuleBody is an automation rule to write.
type AutoRuleBody struct {
	Name    string               `json:"name" maxLength:"100" doc:"Unique: the timeline names the rule."`
	On      []orderhub.EventKind `json:"on" maxItems:"20" doc:"Kinds of events: received, status, changed, news_refused, requested, effect, hold, drift, return, note, tags, assigned."`
	If      string               `json:"if,omitempty" maxLength:"4096" doc:"A condition; GET /rule-fields lists what it can ask. Absent = always." example:"channel == \"ozon\" and sum > 5000"`
	Then    []ActionBody         `json:"then" maxItems:"10" doc:"Done in this order; one that is refused does not stop the others."`
	PerHour int                  `json:"per_hour,omitempty" minimum:"1" maximum:"1000" doc:"How often at most it fires for one order within an hour; once more, and it stops itself. Absent = 20."`
}

// ActionBody is one action of a rule.
type ActionBody struct {
	Do         orderhub.ActionKind `json:"do" doc:"status, hold, unhold, tag, untag, assign, note, notify, webhook"`
	Status     orderhub.Status     `json:"status,omitempty" doc:"For status."`
	Reason     string              `json:"reason,omitempty" maxLength:"100" doc:"For status cancelled: the code of a reason."`
	Tag        string              `json:"tag,omitempty" maxLength:"160" doc:"For tag and untag."`
	Assignee   orderhub.Assignee   `json:"assignee,omitempty" maxLength:"100" doc:"For assign; absent = nobody."`
	Text       string              `json:"text,omitempty" maxLength:"4000" doc:"The note; the message (up to 500 bytes); why there is a hold; the comment of a status; what the webhook is told."`
	Recipients []int64             `json:"recipients,omitempty" maxItems:"100" doc:"For notify: ids; none = those of the notification rule on \"rule\"."`
	Recipient  int64               `json:"recipient,omitempty" doc:"For webhook: the id of a recipient of this kind."`
}

// AutoRuleView is an automation rule as it stands.
type AutoRuleView struct {
	ID      int64 `json:"id"`
	Enabled bool  `json:"enabled" doc:"A new rule is off: PATCH switches it on."`
	AutoRuleBody
	Failing   bool       `json:"failing,omitempty" doc:"It failed, or stopped itself; problem says why."`
	Problem   string     `json:"problem,omitempty"`
	ProblemAt *time.Time `json:"problem_at,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
}

// AutoRuleList lists automation rules.
type AutoRuleList struct {
	Rules []AutoRuleView `json:"rules"`
}

// AutoRuleSwitch switches a rule.
type AutoRuleSwitch struct {
	Enabled bool `json:"enabled"`
}

// AutoRuleTrial says on which part of the past to try a rule.
type AutoRuleTrial struct {
	Rule AutoRuleBody `json:"rule"`
	From *time.Time   `json:"from,omitempty" doc:"Events at or after."`
	To   *time.Time   `json:"to,omitempty" doc:"Events before."`
	Last int          `json:"last,omitempty" minimum:"1" maximum:"100000" doc:"The newest events of the rule's kinds; absent = all from \"from\" on, or 1000."`
}

// AutoRuleTried is what a rule would have done.
type AutoRuleTried struct {
	Events   int          `json:"events" doc:"Events of the rule's kinds that were looked at."`
	Fired    int          `json:"fired" doc:"So often it would have fired."`
	Orders   []TriedOrder `json:"orders" doc:"The newest orders for which it would have fired, up to 20."`
	Failed   int          `json:"failed" doc:"Events for which the condition could not be worked out."`
	Problem  string       `json:"problem,omitempty" doc:"Why, the first time."`
	Complete bool         `json:"complete" doc:"false: it ended at 100,000 events or 10 seconds."`
	Reached  *time.Time   `json:"reached,omitempty" doc:"The oldest event that was looked at."`
}

// TriedOrder is an order for which a rule would have fired.
type TriedOrder struct {
	Number         int64     `json:"number"`
	ExternalNumber string    `json:"external_number,omitempty"`
	Event          int64     `json:"event"`
	At             time.Time `json:"at"`
}

// FiringPage is one page of firings.
type FiringPage struct {
	Firings []orderhub.Firing `json:"firings"`
	Before  int64             `json:"before,omitempty" doc:"Continues the list; absent at its end."`
}

// FieldList lists what conditions can ask.
type FieldList struct {
	Fields []rules.Field `json:"fields"`
}

const rulesTag = "Automation"

func (b AutoRuleBody) rule(id int64) orderhub.AutoRule {
	r := orderhub.AutoRule{ID: id, Name: b.Name, On: b.On, If: b.If, PerHour: b.PerHour}
	for _, a := range b.Then {
		r.Then = append(r.Then, orderhub.Action(a))
	}
	return r
}

func autoRuleView(r orderhub.AutoRule) AutoRuleView {
	v := AutoRuleView{ID: r.ID, Enabled: r.Enabled, Failing: r.Error != "", Problem: r.Error, ProblemAt: timeOrNil(r.ErrorAt), CreatedAt: r.CreatedAt,
		UpdatedAt: r.UpdatedAt, AutoRuleBody: AutoRuleBody{Name: r.Name, On: r.On, If: r.If, PerHour: r.PerHour, Then: []ActionBody{}}}
	for _, a := range r.Then {
		v.Then = append(v.Then, ActionBody(a))
	}
	return v
}

func (a *API) autoRules(h huma.API) {
	huma.Register(h, op("list-automation-rules", http.MethodGet, "/rules", rulesTag, "List the automation rules"),
		func(ctx context.Context, _ *struct{}) (*body[AutoRuleList], error) {
			list, err := a.store.AutoRules(ctx)
			if err != nil {
				return nil, a.problem(err)
			}
			out := AutoRuleList{Rules: []AutoRuleView{}}
			for _, r := range list {
				out.Rules = append(out.Rules, autoRuleView(r))
			}
			return answer(out), nil
		})
	huma.Register(h, op("get-automation-rule", http.MethodGet, "/rules/{id}", rulesTag, "Read an automation rule"),
		func(ctx context.Context, in *idPath) (*body[AutoRuleView], error) {
			return a.autoRule(a.store.AutoRule(ctx, in.ID))
		})
	type addIn struct{ Body AutoRuleBody }
	add := op("add-automation-rule", http.MethodPost, "/rules", rulesTag, "Add an automation rule, switched off", http.StatusConflict)
	add.DefaultStatus = http.StatusCreated
	huma.Register(h, add, func(ctx context.Context, in *addIn) (*body[AutoRuleView], error) {
		return a.saveAutoRule(ctx, 0, in.Body)
	})
	type putIn struct {
		ID   int64 `path:"id" minimum:"1"`
		Body AutoRuleBody
	}
	huma.Register(h, op("set-automation-rule", http.MethodPut, "/rules/{id}", rulesTag, "Write an automation rule anew; it stays on or off"),
		func(ctx context.Context, in *putIn) (*body[AutoRuleView], error) {
			return a.saveAutoRule(ctx, in.ID, in.Body)
		})
	type patchIn struct {
		ID   int64 `path:"id"`
		Body AutoRuleSwitch
	}
	huma.Register(h, op("switch-automation-rule", http.MethodPatch, "/rules/{id}", rulesTag, "Switch an automation rule on or off; it looks at what happens from then on"),
		func(ctx context.Context, in *patchIn) (*body[AutoRuleView], error) {
			return a.autoRule(a.hub.SwitchAutoRule(ctx, in.ID, in.Body.Enabled))
		})
	huma.Register(h, op("delete-automation-rule", http.MethodDelete, "/rules/{id}", rulesTag, "Delete an automation rule; what it did stays"),
		func(ctx context.Context, in *idPath) (*struct{}, error) {
			return nil, a.problem(a.hub.DeleteAutoRule(ctx, in.ID))
		})
	a.ruleTrials(h)
}

func (a *API) saveAutoRule(ctx context.Context, id int64, b AutoRuleBody) (*body[AutoRuleView], error) {
	if err := mayAsk(ctx, b); err != nil {
		return nil, a.problem(err)
	}
	return a.autoRule(a.hub.SaveAutoRule(ctx, b.rule(id)))
}

// mayAsk refuses conditions that look at what the caller may not read.
func mayAsk(ctx context.Context, b AutoRuleBody) error {
	if !rules.AsksForPersonal(b.If) {
		return nil
	}
	return require(ctx, orderhub.PersonalData)
}

func (a *API) autoRule(r orderhub.AutoRule, err error) (*body[AutoRuleView], error) {
	if err != nil {
		return nil, a.problem(err)
	}
	return answer(autoRuleView(r)), nil
}

func (a *API) ruleTrials(h huma.API) {
	type testIn struct{ Body AutoRuleTrial }
	test := op("test-automation-rule", http.MethodPost, "/rule-trials", rulesTag, "Try a rule on past events, without doing anything")
	test.Description = "Orders are looked at as they are now, but for their age and, at a change of status, the status."
	huma.Register(h, test, func(ctx context.Context, in *testIn) (*body[AutoRuleTried], error) {
		if err := mayAsk(ctx, in.Body.Rule); err != nil {
			return nil, a.problem(err)
		}
		trial := pipeline.RuleTrial{Rule: in.Body.Rule.rule(0), Last: in.Body.Last}
		if in.Body.From != nil {
			trial.From = *in.Body.From
		}
		if in.Body.To != nil {
			trial.To = *in.Body.To
		}
		r, err := a.hub.TryAutoRule(ctx, trial)
		if err != nil {
			return nil, a.problem(err)
		}
		out := AutoRuleTried{Events: r.Events, Fired: r.Fired, Failed: r.Failed, Problem: r.Error, Complete: r.Complete, Reached: timeOrNil(r.Reached), Orders: []TriedOrder{}}
		for _, o := range r.Orders {
			out.Orders = append(out.Orders, TriedOrder{Number: o.Number, ExternalNumber: o.External, Event: o.EventID, At: o.At})
		}
		return answer(out), nil
	})
	type firingsIn struct {
		Rule    int64  `query:"rule" minimum:"1"`
		Number  int64  `query:"number" minimum:"1" doc:"Of the order."`
		Outcome string `query:"outcome" enum:"done,refused,failed,too_deep,stopped"`
		Before  int64  `query:"before" minimum:"1" doc:"Only ids below: the \"before\" of the previous page."`
		Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	huma.Register(h, op("list-firings", http.MethodGet, "/firings", rulesTag, "List what automation rules did, newest first"),
		func(ctx context.Context, in *firingsIn) (*body[FiringPage], error) {
			list, err := a.store.Firings(ctx, store.FiringFilter{
				RuleID: in.Rule, OrderID: in.Number, Outcome: orderhub.FiringOutcome(in.Outcome), Before: in.Before, Limit: in.Limit,
			})
			if err != nil {
				return nil, a.problem(err)
			}
			page := FiringPage{Firings: append([]orderhub.Firing{}, list...)}
			if len(list) == in.Limit {
				page.Before = list[len(list)-1].ID
			}
			return answer(page), nil
		})
	huma.Register(h, op("list-rule-fields", http.MethodGet, "/rule-fields", rulesTag, "List what a condition can ask"),
		func(context.Context, *struct{}) (*body[FieldList], error) {
			return answer(FieldList{rules.Fields()}), nil
		})
}
