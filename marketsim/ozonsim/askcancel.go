package ozonsim

import (
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// States of a request to cancel.
const (
	askWaits    = "ON_APPROVAL"
	askApproved = "APPROVED"
	askRejected = "REJECTED"
)

// askTime is how long a request waits before silence grants it; the document
// tells only the date of each request.
const askTime = 48 * time.Hour

// ask is a buyer's request to cancel an rFBS posting. A buyer can ask again
// after a rejection.
type ask struct {
	id   int64
	p    *posting
	at   time.Time
	hist marketsim.History[askState]
}

type askState struct {
	word    string
	comment string
	decided time.Time
}

// request opens a request to cancel.
func (m *Market) request(now time.Time, p *posting) {
	a := &ask{id: 700_000_000 + int64(len(m.asks)) + 1, p: p, at: now}
	a.hist.Set(now, askState{word: askWaits})
	m.asks = append(m.asks, a)
	p.ask = a
}

// decide closes a posting's request, if one waits.
func (p *posting) decide(now time.Time, word, comment string) {
	if p.ask == nil {
		return
	}
	p.ask.hist.Set(now, askState{word: word, comment: comment, decided: now})
	p.ask = nil
}

// overtake closes a request that the posting's new words have answered.
func (p *posting) overtake(now time.Time, st state) {
	switch {
	case st.status == cancelled:
		p.decide(now, askApproved, "")
	case !cancellable(p, st):
		p.decide(now, askRejected, "")
	}
}

type asksRequest struct {
	Filters struct {
		Initiators []string `json:"cancellation_initiator"`
		Numbers    []string `json:"posting_number"`
		State      string   `json:"state"`
	} `json:"filters"`
	Limit  num `json:"limit"`
	LastID num `json:"last_id"`
	With   struct {
		Counter bool `json:"counter"`
	} `json:"with"`
}

type asksResponse struct {
	Counter int64     `json:"counter"`
	LastID  int64     `json:"last_id"`
	Result  []askWire `json:"result"`
}

type askWire struct {
	Comment     string       `json:"approve_comment"`
	DecidedAt   *time.Time   `json:"approve_date"`
	AutoAt      time.Time    `json:"auto_approve_date"`
	ID          int64        `json:"cancellation_id"`
	Initiator   string       `json:"cancellation_initiator"`
	Reason      askReason    `json:"cancellation_reason"`
	Message     string       `json:"cancellation_reason_message"`
	AskedAt     time.Time    `json:"cancelled_at"`
	OrderDate   time.Time    `json:"order_date"`
	Number      string       `json:"posting_number"`
	State       askStateWire `json:"state"`
	Integration string       `json:"tpl_integration_type"`
}

type askReason struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

type askStateWire struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	State string `json:"state"`
}

var askStates = map[string]askStateWire{
	askWaits:    {1, "На рассмотрении", askWaits},
	askApproved: {2, "Подтверждена", askApproved},
	askRejected: {3, "Отклонена", askRejected},
}

// listAsks is /v2/conditional-cancellation/list.
func (m *Market) listAsks(now time.Time, req asksRequest) (any, *apiError) {
	if req.Limit < 1 || req.Limit > 500 {
		return nil, invalid("invalid Limit: value must be inside range [1, 500]")
	}
	f := req.Filters
	if f.State != "" && f.State != "ALL" && askStates[f.State].ID == 0 {
		return nil, invalid("invalid Filters.State")
	}
	at := m.inject.ReplicaTime(now, "/v2/conditional-cancellation/list")
	answer := asksResponse{Result: []askWire{}, LastID: int64(req.LastID)}
	for _, a := range m.asks {
		st, exists := a.hist.At(at)
		if !exists {
			continue
		}
		if req.With.Counter && st.word == askWaits {
			answer.Counter++
		}
		if a.id <= int64(req.LastID) || len(answer.Result) == int(req.Limit) || !among(f.Numbers, a.p.number) ||
			!among(f.Initiators, "CLIENT") || (f.State != "" && f.State != "ALL" && f.State != st.word) {
			continue
		}
		answer.LastID = a.id
		answer.Result = append(answer.Result, askWire{
			Comment: st.comment, DecidedAt: when(st.decided), AutoAt: a.at.Add(askTime), ID: a.id, Initiator: "CLIENT",
			Reason:  askReason{reasonBuyerChangedMind, buyerCancels.reason},
			AskedAt: a.at, OrderDate: a.p.placedAt, Number: a.p.number, State: askStates[st.word], Integration: a.p.tpl(),
		})
	}
	return answer, nil
}

type askAnswer struct {
	ID      num    `json:"cancellation_id"`
	Comment string `json:"comment"`
}

type nothing struct{}

// Refusals whose words no document has.
var (
	errNoAsk    = &apiError{404, 5, "conditional cancellation is not found"}
	errAskEnded = refused("conditional cancellation is not in state ON_APPROVAL")
)

func (m *Market) waiting(id int64) (*posting, *apiError) {
	i := slices.IndexFunc(m.asks, func(a *ask) bool { return a.id == id })
	switch {
	case i < 0:
		return nil, errNoAsk
	case m.asks[i].p.ask != m.asks[i]:
		return nil, errAskEnded
	}
	return m.asks[i].p, nil
}

// approveAsk is /v2/conditional-cancellation/approve.
func (m *Market) approveAsk(now time.Time, req askAnswer) (any, *apiError) {
	p, e := m.waiting(int64(req.ID))
	if e != nil {
		return nil, e
	}
	p.decide(now, askApproved, req.Comment)
	m.cancel(now, p, buyerCancels)
	p.called(now, "cancel_approve", orderhub.StatusCancelled)
	return nothing{}, nil
}

// rejectAsk is /v2/conditional-cancellation/reject: the posting goes on. The
// document wants the reason in the comment; that it refuses to go without is a
// choice.
func (m *Market) rejectAsk(now time.Time, req askAnswer) (any, *apiError) {
	p, e := m.waiting(int64(req.ID))
	if e != nil {
		return nil, e
	}
	if req.Comment == "" {
		return nil, invalid("comment is required")
	}
	p.decide(now, askRejected, req.Comment)
	st := p.state()
	st.cancelAsked = false
	m.set(now, p, st)
	p.called(now, "cancel_reject", "")
	return nothing{}, nil
}
