package ozon

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/rest"
)

// requestGroups are the documented groups of requests. That the seller has the
// goods is never taken from them: "Checkout" is described as "being checked" and
// not as "received"; the goods half says it.
var requestGroups = map[string]orderhub.ReturnState{
	"New": orderhub.ReturnAnnounced, "Approved": orderhub.ReturnAnnounced, "Arbitration": orderhub.ReturnAnnounced,
	"Rejected":   orderhub.ReturnAnnounced, // a dispute can follow
	"Delivering": orderhub.ReturnOnTheWay, "Checkout": orderhub.ReturnOnTheWay,
}

// The actions that want more than their id (ReturnsAPI_ReturnsRfbsActionSet).
const (
	actionReject      = "-1"
	actionRejectLater = "-10"
	actionCompensate  = "1020"
)

func normaliseRequest(body []byte) (orderhub.ReturnSnapshot, error) {
	var both returnRequest
	if err := rest.Decode(body, &both); err != nil {
		return orderhub.ReturnSnapshot{}, err
	}
	var row, details requestRow
	if err := rest.Decode(both.Request, &row); err != nil {
		return orderhub.ReturnSnapshot{}, errors.New("field request: want an object")
	}
	if row.ID == "" {
		return orderhub.ReturnSnapshot{}, errors.New("field request.return_id is missing")
	}
	detailed := len(both.Details) > 0 && string(both.Details) != "null"
	if detailed {
		if err := rest.Decode(both.Details, &details); err != nil {
			return orderhub.ReturnSnapshot{}, errors.New("field details: want an object")
		}
	}
	n := &notes{}
	s := orderhub.ReturnSnapshot{
		ExternalID:     string(row.ID),
		ExternalNumber: string(cmp.Or(row.Number, details.Number)),
		Part:           partRequest,
		OrderID:        string(cmp.Or(row.PostingNumber, details.PostingNumber)),
		Kind:           n.requestKind(detailed, details.Reason),
		State:          n.requestState(row.State.v.Group),
		Native:         string(cmp.Or(details.State.v.State, row.State.v.State)),
		NativeSub:      string(row.State.v.Group),
		Reason:         string(details.Reason.v.Name),
		Comment:        string(details.Comment),
		Photos:         details.Photos.strings(),
		OpenedAt:       n.time("created_at", cmp.Or(row.CreatedAt, details.CreatedAt)),
		Attrs: given(map[string]text{
			"money_return": row.State.v.Money, "return_method": details.Method, "return_tracking": details.Tracking,
		}),
	}
	if detailed {
		s.Actions = n.actions(details.Actions, details.RejectReasons)
	}
	product := row.Product
	if !product.given {
		product = details.Product
	}
	// A request is for one product; how many units of it no field tells.
	line, err := n.returned(product, "1")
	if err != nil {
		return orderhub.ReturnSnapshot{}, err
	}
	s.Lines = []orderhub.ReturnLine{line}
	if row.State.odd || details.State.odd || details.Reason.odd || details.RejectReasons.odd {
		n.unknown("request", "another shape than documented")
	}
	s.Drift = sorted(n.drift)
	return s, nil
}

// requestKind: without details nothing is said of the reason.
func (n *notes) requestKind(detailed bool, reason loose[requestReason]) orderhub.ReturnKind {
	switch {
	case !detailed || !reason.given:
		return orderhub.ReturnUnknown
	case reason.v.Defect == "true":
		return orderhub.ReturnDefect
	default:
		return orderhub.ReturnCustomer
	}
}

func (n *notes) requestState(group text) orderhub.ReturnState {
	state, ok := requestGroups[string(group)]
	if !ok {
		// A request that was read alone, before an answer, has no group.
		if group != "" {
			n.unknown("state.group_state", group)
		}
		return orderhub.ReturnAnnounced
	}
	return state
}

// actions are the answers that Ozon takes now. Their list is not published; what
// goes with an id is known for three of them.
func (n *notes) actions(in loose[[]requestAction], reasons loose[[]rejectReason]) []orderhub.ReturnAction {
	if in.odd {
		n.unknown("available_actions", "another shape than documented")
	}
	if !in.given {
		return nil
	}
	out := []orderhub.ReturnAction{}
	for _, w := range in.v {
		if !actionPattern.MatchString(string(w.ID)) {
			continue
		}
		act := orderhub.ReturnAction{Code: string(w.ID), Title: string(cmp.Or(w.Name, w.ID))}
		switch act.Code {
		case actionReject, actionRejectLater:
			act.NeedsComment = true
			for _, r := range reasons.v {
				if idPattern.MatchString(string(r.ID)) {
					act.Reasons = append(act.Reasons, orderhub.ReturnReason{Code: string(r.ID), Title: string(r.Name)})
				}
			}
		case actionCompensate:
			act.NeedsAmount = true
		}
		out = append(out, act)
	}
	return out
}

// given drops what Ozon did not tell; nil when that is everything.
func given(in map[string]text) map[string]string {
	var out map[string]string
	for k, v := range in {
		if v == "" {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[k] = string(v)
	}
	return out
}

// sorted makes the order of the notes the same at every reading.
func sorted(drift []orderhub.Drift) []orderhub.Drift {
	slices.SortFunc(drift, func(a, b orderhub.Drift) int {
		return cmp.Or(strings.Compare(a.Field, b.Field), strings.Compare(a.Word, b.Word))
	})
	return drift
}
