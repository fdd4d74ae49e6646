package yandexmarket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// answerTitles are the decisions in plain words (ReturnDecisionType).
var answerTitles = map[string]string{
	"FAST_REFUND_MONEY":               "Refund and let the buyer keep the goods",
	"REFUND_MONEY":                    "Refund the goods",
	"REFUND_MONEY_INCLUDING_SHIPMENT": "Refund the goods and the way back (comment: what the way back cost)",
	"REPAIR":                          "Repair (comment: by when)",
	"REPLACE":                         "Replace",
	"SEND_TO_EXAMINATION":             "Take the goods for an examination",
	decisionDecline:                   "Decline (comment: why)",
	decisionPartial:                   "Refund a part of the money",
	"OTHER_DECISION":                  "Another decision (comment: which)",
}

// commentWords are the decisions that need a comment.
var commentWords = words("REFUND_MONEY_INCLUDING_SHIPMENT REPAIR DECLINE_REFUND OTHER_DECISION")

// declineTitles are the reasons of a decline (ReturnRequestDecisionReasonType).
var declineTitles = map[string]string{
	"ISSUE_WITH_THE_PRODUCT_WAS_NOT_CONFIRMED": "The fault was not confirmed",
	"MECHANICAL_DAMAGE":                        "The goods have mechanical damage",
	"WARRANTY_PERIOD_HAS_EXPIRED":              "The warranty has expired",
	"CONFIGURATION_OR_PACKAGING_COMPROMISED":   "Parts or the packaging are missing or spoiled",
	"PRODUCT_APPEARANCE_COMPROMISED":           "The goods do not look new",
	"WARRANTY_TERMS_VIOLATED":                  "The terms of the warranty were violated",
	"DEVICE_ACTIVATED":                         "The device was activated",
}

// actions translates the decisions that the Market offers; nil = not told.
func actions(list []returnDecision, n *notes) []orderhub.ReturnAction {
	if list == nil {
		return nil
	}
	out := []orderhub.ReturnAction{}
	for _, d := range list {
		code := string(d.DecisionType)
		action := orderhub.ReturnAction{Code: code, Title: answerTitles[code], NeedsComment: commentWords[code], NeedsAmount: code == decisionPartial}
		if action.Title == "" {
			n.unknown("decisionType", d.DecisionType)
			if code == "" || code == "UNKNOWN" {
				continue // cannot be submitted
			}
			action.Title = code
		}
		if b := d.PartialCompensationBounds; b != nil {
			action.Title += fmt.Sprintf(" (from %s to %s, at most %s %%)", n.money("minAmount", b.MinAmount), n.money("maxAmount", b.MaxAmount), b.MaxPercent)
		}
		for _, r := range d.DecisionReasonTypes {
			title := declineTitles[string(r)]
			if title == "" {
				n.unknown("decisionReasonType", r)
				title = string(r)
			}
			action.Reasons = append(action.Reasons, orderhub.ReturnReason{Code: string(r), Title: title})
		}
		out = append(out, action)
	}
	return out
}

// answerTask is one decision to submit, checked and translated.
type answerTask struct {
	campaign, order, id int64
	placement, action   string
	decisions           []itemDecision
}

// AnswerReturn submits decisions, the same one for every position of a return.
func (a *adapter) AnswerReturn(ctx context.Context, answers []channel.ReturnAnswer) ([]channel.PushResult, error) {
	return inTurn(ctx, answers, func(r channel.ReturnAnswer) string { return r.Key }, a.answerOne)
}

func (a *adapter) answerOne(ctx context.Context, r channel.ReturnAnswer) channel.PushResult {
	t, err := newAnswerTask(r)
	if err != nil {
		return refuse("answer the return", err)
	}
	if r.Attempt > 1 {
		// An answer of which nobody knows whether it arrived.
		if seen, over := a.seeReturn(ctx, t); over || seen.Err != nil {
			return seen
		}
	}
	err = a.submitDecision(ctx, t.campaign, t.order, t.id, t.decisions)
	if err == nil {
		return channel.PushResult{Outcome: channel.OutcomeAccepted}
	}
	if orderhub.ClassOf(err) == orderhub.ClassRejected {
		if seen, over := a.seeReturn(ctx, t); over {
			return seen
		}
	}
	return failed(err)
}

// seeReturn reads the return. over = it waits for no decision any more: what was
// decided tells whether it was this one.
func (a *adapter) seeReturn(ctx context.Context, t answerTask) (result channel.PushResult, over bool) {
	raw, err := a.getReturn(ctx, t.campaign, t.order, t.id)
	if err != nil {
		return failed(err), false
	}
	var r returnV2
	if json.Unmarshal(raw, &r) != nil || awaits(r.RefundStatus) {
		return channel.PushResult{}, false
	}
	result = channel.PushResult{Outcome: channel.OutcomeDone, Note: "the Market already has this decision"}
	if !decided(&r, map[string]bool{t.action: true}) {
		result = refuse("answer the return", fmt.Errorf("return %d waits for no decision: it is %s %s", t.id, clip(string(r.RefundStatus)), clip(string(r.ShipmentStatus))))
	}
	env := returnEnvelope{CampaignID: t.campaign, PlacementType: t.placement, Return: raw}
	if item, err := env.item(); err == nil {
		result.Items = []channel.Item{item}
	}
	return result, true
}

// newAnswerTask checks an answer against what the Market offered.
func newAnswerTask(r channel.ReturnAnswer) (answerTask, error) {
	attrs := r.Return.Attrs
	t := answerTask{placement: attrs[attrPlacement], action: r.Action}
	var err error
	if t.id, err = parseID(r.Return.ExternalID); err != nil {
		return t, fmt.Errorf("return id: %w", err)
	}
	if t.order, err = parseID(r.Return.OrderID); err != nil {
		return t, fmt.Errorf("order id: %w", err)
	}
	if t.campaign, err = parseID(attrs[attrCampaign]); err != nil {
		return t, fmt.Errorf("return %d: its campaign is not known; read the returns again", t.id)
	}
	decision, err := checkAnswer(r)
	if err != nil {
		return t, err
	}
	var ids []int64
	for _, text := range splitList(attrs[attrReturnItems]) {
		id, err := parseID(text)
		if err != nil {
			return t, fmt.Errorf("return %d: position: %w", t.id, err)
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return t, fmt.Errorf("return %d: its positions are not known; read the returns again", t.id)
	}
	shares, err := compensations(r, ids)
	if err != nil {
		return t, err
	}
	for i, id := range ids {
		d := decision
		d.ReturnItemID = id
		if shares != nil {
			d.Compensation = &shares[i]
		}
		t.decisions = append(t.decisions, d)
	}
	return t, nil
}

// checkAnswer takes the actions that the Market offered, with what they need.
func checkAnswer(r channel.ReturnAnswer) (itemDecision, error) {
	d := itemDecision{DecisionType: r.Action, Comment: strings.TrimSpace(r.Comment)}
	var allowed []string
	for _, action := range r.Return.Actions {
		allowed = append(allowed, action.Code)
	}
	i := slices.Index(allowed, r.Action)
	if i < 0 {
		if len(allowed) == 0 {
			return d, fmt.Errorf("return %s takes no decision now", r.Return.ExternalID)
		}
		return d, fmt.Errorf("decision %s is not offered for return %s; offered: %s", quote(r.Action), r.Return.ExternalID, strings.Join(allowed, ", "))
	}
	action := r.Return.Actions[i]
	if action.NeedsComment && d.Comment == "" {
		return d, fmt.Errorf("%s needs a comment", r.Action)
	}
	if len(action.Reasons) == 0 {
		return d, nil
	}
	var reasons []string
	for _, reason := range action.Reasons {
		reasons = append(reasons, reason.Code)
	}
	if !slices.Contains(reasons, r.Reason) {
		return d, fmt.Errorf("reason %s is not offered for %s; offered: %s", quote(r.Reason), r.Action, strings.Join(reasons, ", "))
	}
	d.DecisionReasonType = r.Reason
	return d, nil
}

// compensations shares the amount of a partial refund out among the positions by
// their value, to the kopeck; nil for other decisions. Where a value is not
// known, all get the same.
func compensations(r channel.ReturnAnswer, ids []int64) ([]compensation, error) {
	if r.Action != decisionPartial {
		return nil, nil
	}
	if r.Amount.Minor <= 0 {
		return nil, errors.New("a partial refund needs an amount")
	}
	weights, total := make([]int64, len(ids)), int64(0)
	for i, id := range ids {
		for _, l := range r.Return.Lines {
			if value, err := l.Price.Times(l.Quantity); err == nil && l.ID == fmt.Sprint(id) {
				weights[i] = value.Minor
			}
		}
		if weights[i] <= 0 {
			total = 0
			break
		}
		total += weights[i]
	}
	if total == 0 {
		for i := range weights {
			weights[i] = 1
		}
		total = int64(len(ids))
	}
	code := r.Amount.Currency
	if code == "RUB" {
		code = "RUR" // the word that the Market knows
	}
	out := make([]compensation, len(ids))
	left := r.Amount.Minor
	for i, w := range weights {
		// The product may be beyond an int64.
		part := new(big.Int).Div(new(big.Int).Mul(big.NewInt(left), big.NewInt(w)), big.NewInt(total)).Int64()
		left, total = left-part, total-w
		if part <= 0 {
			return nil, fmt.Errorf("%s cannot be shared out among %d positions", r.Amount, len(ids))
		}
		out[i] = compensation{Value: json.Number(orderhub.Money{Minor: part, Currency: r.Amount.Currency}.Decimal()), CurrencyID: code}
	}
	return out, nil
}
