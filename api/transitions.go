package api

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
)

// Wish is somebody's wish to move an order.
type Wish struct {
	To      orderhub.Status   `json:"to" doc:"The headline status to reach."`
	Reason  string            `json:"reason,omitempty" maxLength:"100" doc:"For a cancel: the code of a reason, see next[].reasons of the order."`
	Comment string            `json:"comment,omitempty" maxLength:"1000" doc:"Kept in the timeline and sent where the channel takes a text."`
	Params  map[string]string `json:"params,omitempty" doc:"Extras of the channel's call: \"packages\", \"boxes\", \"code\", \"whole_supply\", \"shipping_date\", \"delivered_on\"."`
}

// Wishes is one wish for many orders.
type Wishes struct {
	Wish
	Numbers []int64 `json:"numbers" minItems:"1" maxItems:"500" doc:"The orders to move."`
}

// Tracking is a tracking number to give to the channel.
type Tracking struct {
	Tracking string `json:"tracking" minLength:"1" maxLength:"100"`
	Carrier  string `json:"carrier,omitempty" maxLength:"100" doc:"The carrier's id where the channel wants one (Yandex Market: deliveryServiceId)."`
}

// CancelAnswer answers a buyer's wish to cancel.
type CancelAnswer struct {
	Accept bool   `json:"accept"`
	Reason string `json:"reason,omitempty" maxLength:"100" doc:"For a refusal, in the channel's words."`
}

// LinesCancel takes units out of an order that goes on without them.
type LinesCancel struct {
	Lines   []orderhub.LineUnits `json:"lines" minItems:"1" maxItems:"500" doc:"The place of each line in the order's lines, from 0, and how many of its units to take out."`
	Reason  string               `json:"reason,omitempty" maxLength:"100" doc:"The code of a cancel reason, see next[].reasons of the order."`
	Comment string               `json:"comment,omitempty" maxLength:"1000" doc:"Kept in the timeline and sent where the channel takes a text."`
}

// HoldChange sets or lifts the manual hold.
type HoldChange struct {
	On  bool   `json:"on"`
	Why string `json:"why,omitempty" maxLength:"500"`
}

// Outcomes are in the order of the numbers asked for.
type Outcomes struct {
	Outcomes []Outcome `json:"outcomes"`
}

// Outcome is what a wish led to.
type Outcome struct {
	Number  int64              `json:"number"`
	OK      bool               `json:"ok"`
	Order   *OrderRow          `json:"order,omitempty"`
	Effects []*orderhub.Effect `json:"effects,omitempty" doc:"What is now owed to the channel; none for a local step."`
	Problem *Problem           `json:"problem,omitempty" doc:"Why the wish was refused."`
}

func outcome(adv pipeline.Advanced) Outcome {
	r := row(adv.Order)
	return Outcome{Number: adv.Order.ID, OK: true, Order: &r, Effects: adv.Effects}
}

func (a *API) transitions(h huma.API) {
	type oneIn struct {
		Number int64 `path:"number"`
		Body   Wish
	}
	o := op("advance-order", http.MethodPost, "/orders/{number}/transitions", "Work", "Ask for a status", http.StatusConflict)
	o.Description = "The status machine and the channel's table decide. A local step is done at once; a call to the channel is written down as an effect and made right after. A refusal (409) says why."
	huma.Register(h, o, func(ctx context.Context, in *oneIn) (*body[Outcome], error) {
		if err := in.Body.check(); err != nil {
			return nil, a.problem(err)
		}
		adv, err := a.hub.Advance(ctx, in.Number, in.Body.request(ctx))
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(outcome(adv)), nil
	})

	type manyIn struct{ Body Wishes }
	huma.Register(h, op("advance-orders", http.MethodPost, "/transitions", "Work", "Ask for a status of many orders, with an outcome for each"),
		func(ctx context.Context, in *manyIn) (*body[Outcomes], error) {
			if err := in.Body.check(); err != nil {
				return nil, a.problem(err)
			}
			var out Outcomes
			for _, n := range in.Body.Numbers {
				adv, err := a.hub.Advance(ctx, n, in.Body.request(ctx))
				if err != nil {
					p, _ := a.problem(err).(*Problem) //nolint:errorlint // problem always makes a *Problem
					out.Outcomes = append(out.Outcomes, Outcome{Number: n, Problem: p})
					continue
				}
				out.Outcomes = append(out.Outcomes, outcome(adv))
			}
			return answer(out), nil
		})

	type trackingIn struct {
		Number int64 `path:"number"`
		Body   Tracking
	}
	huma.Register(h, op("set-tracking", http.MethodPost, "/orders/{number}/tracking", "Work", "Give the channel a tracking number", http.StatusConflict),
		func(ctx context.Context, in *trackingIn) (*body[Outcome], error) {
			adv, err := a.hub.SetTracking(ctx, in.Number, in.Body.Tracking, in.Body.Carrier, actor(ctx))
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(outcome(adv)), nil
		})

	type answerIn struct {
		Number int64 `path:"number"`
		Body   CancelAnswer
	}
	huma.Register(h, op("answer-cancel-request", http.MethodPost, "/orders/{number}/cancel-answer", "Work", "Answer a buyer's wish to cancel", http.StatusConflict),
		func(ctx context.Context, in *answerIn) (*body[Outcome], error) {
			adv, err := a.hub.AnswerCancel(ctx, in.Number, in.Body.Accept, in.Body.Reason, actor(ctx))
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(outcome(adv)), nil
		})

	a.cancelLines(h)

	type holdIn struct {
		Number int64 `path:"number"`
		Body   HoldChange
	}
	huma.Register(h, op("hold-order", http.MethodPost, "/orders/{number}/hold", "Work", "Put an order on hold by hand, or lift that", http.StatusConflict),
		func(ctx context.Context, in *holdIn) (*body[OrderRow], error) {
			o, err := a.hub.SetHold(ctx, in.Number, orderhub.HoldManual, in.Body.On, in.Body.Why, actor(ctx))
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(row(o)), nil
		})
}

// check refuses a wish that can be fulfilled for no order. Which params mean
// anything is the channel's to say.
func (w Wish) check() error {
	if _, err := orderhub.ParseStatus(string(w.To)); err != nil {
		return orderhub.InvalidField("to", "%q is not known; known: %s", clip(string(w.To)), words(orderhub.Statuses()))
	}
	if len(w.Params) > 10 {
		return orderhub.InvalidField("params", "has %d entries; allowed: up to 10", len(w.Params))
	}
	for _, name := range slices.Sorted(maps.Keys(w.Params)) {
		if len(name) > 60 || len(w.Params[name]) > 20_000 {
			return orderhub.InvalidField("params."+clip(name), "is too long; allowed: a name of 60 bytes, a value of 20000")
		}
	}
	return nil
}

func (w Wish) request(ctx context.Context) orderhub.Request {
	return orderhub.Request{To: w.To, Actor: actor(ctx), Reason: w.Reason, Comment: w.Comment, Params: w.Params}
}

func (a *API) cancelLines(h huma.API) {
	type in struct {
		Number int64 `path:"number"`
		Body   LinesCancel
	}
	o := op("cancel-lines", http.MethodPost, "/orders/{number}/cancel-lines", "Work", "Take units out of an order", http.StatusConflict)
	o.Description = "Ozon and Yandex Market are asked: an effect that is confirmed when the order shows the new quantities, and never repeated blindly. A shop is told, and the units are free at once. All that is left cancels the order. Wildberries orders are one unit each and are cancelled whole."
	huma.Register(h, o, func(ctx context.Context, in *in) (*body[Outcome], error) {
		adv, err := a.hub.CancelLines(ctx, in.Number, in.Body.Lines, orderhub.Request{Actor: actor(ctx), Reason: in.Body.Reason, Comment: in.Body.Comment})
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(outcome(adv)), nil
	})
}
