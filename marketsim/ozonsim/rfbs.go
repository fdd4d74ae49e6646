package ozonsim

import (
	"time"

	"github.com/orderhub/orderhub"
)

// movement is one of the seller's own delivery steps (rFBS, non_integrated).
type movement struct {
	what   string // the call
	action string // its word in available_actions
	status string
	sub    string
	// from lists the substatuses of delivering that it starts from;
	// awaiting_deliver is told by "".
	from []string
	// to is the headline that the call is meant to reach. A delivered posting is
	// conditionally delivered first, under delivering.
	to orderhub.Status
}

// The moves. last-mile may be left out.
var (
	moveDelivering = movement{"delivering", "non_int_delivering", delivering, subOnWay, []string{""}, orderhub.StatusShipped}
	moveLastMile   = movement{"last_mile", "non_int_last_mile", delivering, subCourier, []string{subOnWay}, ""}
	moveDelivered  = movement{"delivered", "non_int_delivered", delivering, subConditionally, []string{subOnWay, subCourier, subPickup}, orderhub.StatusDelivered}
	moves          = []movement{moveDelivering, moveLastMile, moveDelivered}
)

func (mv movement) allowed(st state) bool {
	for _, sub := range mv.from {
		if (sub == "" && st.status == awaitingDeliver) || (sub != "" && st.status == delivering && st.sub == sub) {
			return true
		}
	}
	return false
}

type moveRow struct {
	Error  string `json:"error"`
	Number string `json:"posting_number"`
	Result bool   `json:"result"`
}

type moveResponse struct {
	Result []moveRow `json:"result"`
}

// moveRows is /v2/fbs/posting/delivering, last-mile and delivered. Each row is
// answered on its own; the status changes later.
func (m *Market) moveRows(now time.Time, req numbersRequest, mv movement) (any, *apiError) {
	if len(req.Numbers) == 0 {
		return nil, invalid("posting_number: value must contain at least 1 item(s)")
	}
	answer := moveResponse{}
	for _, number := range req.Numbers {
		answer.Result = append(answer.Result, row(number, m.moveRow(now, number, mv)))
	}
	return answer, nil
}

func row(number, word string) moveRow {
	return moveRow{Error: word, Number: number, Result: word == ""}
}

// moveRow returns the refusal in a word, "" for success.
func (m *Market) moveRow(now time.Time, number string, mv movement) string {
	p, e := m.seller(number)
	if e != nil {
		return e.message
	}
	st := p.state()
	switch {
	case p.tpl() != tplNonIntegrated:
		return errTPL.message
	case st.status == cancelled || st.status == splitAway:
		return errCancelled.message
	case st.busy != "" || !mv.allowed(st):
		return errTransition.message
	case m.inject.RowFails(mv.what):
		return internalErrorOfRow
	}
	m.begin(now, p, mv.what, m.pace.move, func(now time.Time) {
		m.move(now, p, mv.status, mv.sub)
		p.called(now, mv.what, mv.to)
	})
	return ""
}

type trackingRequest struct {
	Numbers []struct {
		Number   string `json:"posting_number"`
		Tracking string `json:"tracking_number"`
	} `json:"tracking_numbers"`
}

// setTracking is /v2/fbs/posting/tracking-number/set.
func (m *Market) setTracking(now time.Time, req trackingRequest) (any, *apiError) {
	if n := len(req.Numbers); n == 0 || n > 20 {
		return nil, invalid("tracking_numbers: value must contain 1 to 20 item(s)")
	}
	answer := moveResponse{}
	for _, t := range req.Numbers {
		answer.Result = append(answer.Result, row(t.Number, m.track(now, t.Number, t.Tracking)))
	}
	return answer, nil
}

func (m *Market) track(now time.Time, number, tracking string) string {
	p, e := m.seller(number)
	if e != nil {
		return e.message
	}
	st := p.state()
	switch {
	case p.tpl() != tplNonIntegrated:
		return errTPL.message
	case st.status == cancelled || st.status == splitAway:
		return errCancelled.message
	case !tracksAllowed(st.status) || tracking == "":
		return errStatus.message
	case m.inject.RowFails("tracking"):
		return internalErrorOfRow
	case st.tracking == tracking:
		return "" // nothing changes
	}
	st.tracking = tracking
	m.set(now, p, st)
	p.called(now, "tracking", "")
	return ""
}
