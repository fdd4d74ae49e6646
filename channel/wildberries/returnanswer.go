package wildberries

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

const opAnswer = "wildberries: answer a claim"

// The documented length of a comment.
const (
	minComment = 10
	maxComment = 1000
)

// AnswerReturn answers claims one by one: there is no call for several. An answer
// that may have been given already is looked for before it is given again.
func (a *adapter) AnswerReturn(ctx context.Context, answers []channel.ReturnAnswer) ([]channel.PushResult, error) {
	if a.token.readOnly() {
		return nil, orderhub.NewBorderError(orderhub.ClassAuth, opAnswer, "the token is read-only", nil)
	}
	if err := a.needs(opAnswer, bitReturns, categoryReturns); err != nil {
		return nil, err
	}
	out := make([]channel.PushResult, len(answers))
	for i, answer := range answers {
		out[i] = a.answerReturn(channel.For(ctx, answer.Key), answer)
		if err := out[i].Err; err != nil && stops(err) {
			for left := i + 1; left < len(answers); left++ {
				out[left] = channel.PushResult{Outcome: channel.OutcomeUnsent, Err: err}
			}
			break
		}
	}
	return out, nil
}

func (a *adapter) answerReturn(ctx context.Context, answer channel.ReturnAnswer) channel.PushResult {
	body, note, err := claimAnswerOf(answer)
	if err != nil {
		return failed(err)
	}
	if answer.Attempt > 1 {
		if r, decided := a.lookAtClaim(ctx, body); decided {
			return r
		}
	}
	err = a.c.answerClaim(ctx, body)
	if err == nil {
		return channel.PushResult{Outcome: channel.OutcomeAccepted, Note: note}
	}
	if isStatus(err, http.StatusBadRequest, http.StatusNotFound, http.StatusConflict) {
		// Perhaps somebody else gave the same answer.
		if r, decided := a.lookAtClaim(ctx, body); decided && r.Outcome == channel.OutcomeDone {
			return r
		}
	}
	return failed(err)
}

func failed(err error) channel.PushResult {
	return channel.PushResult{Outcome: channel.OutcomeFailed, Err: err}
}

func noAnswer(format string, args ...any) error {
	return orderhub.NewBorderError(orderhub.ClassRejected, opAnswer, fmt.Sprintf(format, args...), nil)
}

// claimAnswerOf makes the call's body, or says what is wrong with the answer.
func claimAnswerOf(answer channel.ReturnAnswer) (body claimAnswer, note string, err error) {
	body = claimAnswer{ID: answer.Return.Attrs[attrClaim], Action: answer.Action}
	if body.ID == "" {
		return body, "", noAnswer("there is no claim of the buyer to answer")
	}
	// A first answer may have taken the offer away: that is looked up, see answered.
	if answer.Attempt <= 1 && !offered(answer.Return.Actions, answer.Action) {
		return body, "", noAnswer("Wildberries does not offer the answer %s for this claim", plain(answer.Action))
	}
	comment := strings.TrimSpace(answer.Comment)
	n := utf8.RuneCountInString(comment)
	switch {
	case body.Action != actionRejectCustom && body.Action != actionApproveShop:
		if n > 0 {
			note = "the comment was not sent: Wildberries takes none with this answer"
		}
		return body, note, nil
	case n == 0 && body.Action == actionApproveShop:
		return body, "", nil
	case n < minComment || n > maxComment:
		return body, "", noAnswer("the comment must have %d to %d characters, not %d", minComment, maxComment, n)
	}
	body.Comment = comment
	return body, "", nil
}

func offered(actions []orderhub.ReturnAction, code string) bool {
	for _, a := range actions {
		if a.Code == code {
			return true
		}
	}
	return false
}

// lookAtClaim reads a claim and decides an answer by it, where it can.
func (a *adapter) lookAtClaim(ctx context.Context, body claimAnswer) (channel.PushResult, bool) {
	raw, w, err := a.readClaim(ctx, body.ID)
	switch {
	case err != nil:
		return failed(err), true
	case raw == nil:
		return channel.PushResult{}, false // not on this replica, or too old: the call will tell
	}
	items := []channel.Item{{Kind: kindClaim, ExternalID: w.SRID, Body: raw}}
	words := w.Status.String() + "/" + w.StatusEx.String()
	is, known := answered(body.Action, w)
	switch {
	case !known:
		return channel.PushResult{}, false
	case is:
		return channel.PushResult{Outcome: channel.OutcomeDone, Items: items, Note: "Wildberries has the claim as " + words + " already"}, true
	}
	for _, code := range w.Actions {
		if code == body.Action {
			return channel.PushResult{}, false
		}
	}
	return channel.PushResult{
		Outcome: channel.OutcomeFailed, Items: items,
		Err: noAnswer("Wildberries does not take this answer any more: the claim was decided otherwise (%s)", words),
	}, true
}

// readClaim reads one claim, nil when Wildberries does not list it. Claims move
// from the open ones to the archive, so this order misses none.
func (a *adapter) readClaim(ctx context.Context, id string) (json.RawMessage, wireClaim, error) {
	for _, archive := range []bool{false, true} {
		page, err := a.c.claims(ctx, archive, id, 0)
		if err != nil {
			return nil, wireClaim{}, err
		}
		for _, raw := range page.Claims {
			var w wireClaim
			if _, err := decode(raw, &w); err == nil && w.ID == id && w.SRID != "" {
				return raw, w, nil
			}
		}
	}
	return nil, wireClaim{}, nil
}

// answered tells whether a claim stands as the action would leave it. known is
// false where the document does not say how that is (click & collect).
func answered(action string, w wireClaim) (is, known bool) {
	approved := w.Status == claimApproved
	switch action {
	case "approve1": // the check may be over
		return approved && (w.StatusEx == goodsToCheck || w.StatusEx == goodsToSeller), true
	case "approve2":
		return approved && w.StatusEx == goodsToSeller, true
	case "autorefund1":
		return approved && w.StatusEx == goodsRefunded, true
	case "reject1", "reject2", "reject3", actionRejectCustom:
		return w.Status == claimRejected, true
	}
	return false, false
}
