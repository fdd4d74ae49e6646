package ozon

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// The kinds of a posting together with a request to cancel it (askedPosting).
const (
	kindFBSAsked    = "fbs_v4_asked"
	kindFBSGetAsked = "fbs_get_v3_asked"
)

// askedKinds: what a kind becomes with a request.
var askedKinds = map[string]string{kindFBS: kindFBSAsked, kindFBSGet: kindFBSGetAsked}

// The states of a request to cancel.
const (
	cancelWaits    = "ON_APPROVAL"
	cancelApproved = "APPROVED"
	cancelRejected = "REJECTED"
	cancelAll      = "ALL"
)

// normaliseAsked translates a posting whose buyer wants to cancel it.
func normaliseAsked(kind string, body []byte) (orderhub.Snapshot, error) {
	var both askedPosting
	if err := rest.Decode(body, &both); err != nil {
		return orderhub.Snapshot{}, fmt.Errorf("ozon: read a posting of kind %s: %w", kind, err)
	}
	plain := kindFBS
	if kind == kindFBSGetAsked {
		plain = kindFBSGet
	}
	s, err := normalise(plain, both.Posting)
	if err != nil || s.Status.IsEnd() {
		return s, err
	}
	var row cancelRow
	if err := rest.Decode(both.Request, &row); err != nil {
		return orderhub.Snapshot{}, fmt.Errorf("ozon: read a posting of kind %s: field cancel_request: want an object", kind)
	}
	n := &notes{drift: s.Drift}
	s.Holds = append(s.Holds, orderhub.HoldCancelRequest)
	s.CancelRequest = &orderhub.CancelRequest{ID: string(row.ID), AnswerBy: n.time("cancel_request.auto_approve_date", row.AutoApproveAt)}
	s.Drift = n.drift
	return s, nil
}

// withCancelRequests puts the requests to cancel that wait for the seller beside
// the rFBS postings that are not finished: one call more for a page with such
// postings, none for a seller without.
func (a *adapter) withCancelRequests(ctx context.Context, items []channel.Item) ([]channel.Item, error) {
	var open []string
	for _, it := range items {
		if askable(it) {
			open = append(open, it.ExternalID)
		}
	}
	if len(open) == 0 {
		return items, nil
	}
	rows, err := a.cancelsAsked(ctx, open, cancelWaits)
	switch orderhub.ClassOf(err) {
	case orderhub.ClassAuth, orderhub.ClassRejected:
		// A key without this right, or a method that Ozon has switched off, must
		// not stop the orders.
		a.log.Warn("requests to cancel cannot be read", "path", pathCancelAsked, "error", err.Error())
		return items, nil
	case orderhub.ClassRetry, orderhub.ClassRateLimited, orderhub.ClassUncertain:
		if err != nil {
			return nil, err
		}
	}
	byNumber := map[string]json.RawMessage{}
	for _, raw := range rows {
		var row cancelRow
		if json.Unmarshal(raw, &row) == nil && row.State.v.State == cancelWaits {
			byNumber[string(row.PostingNumber)] = raw
		}
	}
	out := slices.Clone(items)
	for i, it := range out {
		raw, asked := byNumber[it.ExternalID]
		kind := askedKinds[it.Kind]
		if !asked || kind == "" {
			continue
		}
		body, err := json.Marshal(askedPosting{Posting: it.Body, Request: raw})
		if err == nil {
			out[i] = channel.Item{Kind: kind, ExternalID: it.ExternalID, Body: body}
		}
	}
	return out, nil
}

// askable: buyers ask for the consent of sellers who deliver themselves, until
// the posting is at its end.
func askable(it channel.Item) bool {
	var key struct {
		Status    text `json:"status"`
		Substatus text `json:"substatus"`
		Tpl       text `json:"tpl_integration_type"`
		Flow      text `json:"integration_type_flow"`
	}
	if askedKinds[it.Kind] == "" || json.Unmarshal(it.Body, &key) != nil || !postingNumber.MatchString(it.ExternalID) {
		return false
	}
	scheme := (&notes{}).scheme(&posting{TplIntegrationType: key.Tpl, IntegrationTypeFlow: key.Flow})
	status, _ := statuses.Lookup(scheme, string(key.Status), string(key.Substatus))
	return scheme == orderhub.SchemeRFBS && !status.IsEnd()
}

// paramAnswer is "accept" or "decline".
const (
	paramAnswer   = "answer"
	answerAccept  = "accept"
	answerDecline = "decline"
)

// AnswerCancel answers buyers who want to cancel an rFBS posting: one call each.
func (a *adapter) AnswerCancel(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	out := make([]channel.PushResult, len(pushes))
	for i, p := range pushes {
		out[i] = a.answerOne(channel.For(ctx, p.Key), p)
	}
	return out, nil
}

func (a *adapter) answerOne(ctx context.Context, p channel.Push) channel.PushResult {
	answer, comment := p.Params[paramAnswer], strings.TrimSpace(cmp.Or(p.Comment, p.Reason))
	path, want := pathCancelApprove, text(cancelApproved)
	switch answer {
	case answerAccept:
	case answerDecline:
		path, want = pathCancelReject, cancelRejected
		if comment == "" {
			return refused("Ozon wants the reason of a decline in words")
		}
	default:
		return refused("an answer to a cancel request is accept or decline")
	}
	number, id := p.Order.Snapshot.ExternalID, ""
	if r := p.Order.Snapshot.CancelRequest; r != nil {
		id = r.ID
	}
	// The answer of an earlier attempt may have been taken, and without a request
	// in the ledger only Ozon can tell which one is meant.
	if p.Attempt > 1 || !idPattern.MatchString(id) {
		row, end := a.findRequest(ctx, number, id)
		switch {
		case end != nil:
			return *end
		case row.State.v.State == want:
			r := done("Ozon has this answer already")
			r.Reread = []string{number}
			return r
		case row.State.v.State != cancelWaits:
			r := refused("the request was answered otherwise meanwhile (" + string(row.State.v.State) + ")")
			r.Reread = []string{number}
			return r
		}
		id = string(row.ID)
	}
	if err := a.answerCancel(ctx, path, id, comment); err != nil {
		r := failed(err)
		r.Reread = []string{number}
		return r
	}
	r := accepted("")
	r.Reread = []string{number}
	return r
}

// findRequest reads the request that is to be answered: the one of the ledger,
// else the one that waits, else the last one listed.
func (a *adapter) findRequest(ctx context.Context, number, id string) (cancelRow, *channel.PushResult) {
	raws, err := a.cancelsAsked(ctx, []string{number}, cancelAll)
	if err != nil {
		r := failed(err)
		return cancelRow{}, &r
	}
	var found cancelRow
	for _, raw := range raws {
		var row cancelRow
		if json.Unmarshal(raw, &row) != nil || string(row.PostingNumber) != number || !idPattern.MatchString(string(row.ID)) {
			continue
		}
		if string(row.ID) == id {
			return row, nil
		}
		if id == "" && found.State.v.State != cancelWaits {
			found = row
		}
	}
	if found.ID == "" {
		// The ledger had one from Ozon: a replica that lags is likelier than a loss.
		r := failed(a.fail(orderhub.ClassRetry, pathCancelAsked, "Ozon shows no such request to cancel", ""))
		r.Reread = []string{number}
		return cancelRow{}, &r
	}
	return found, nil
}
