package ozonsim

import (
	"fmt"
	"slices"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

// action is what a seller may answer. The document names three ids and what goes
// with them; the others are made up.
type action struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

var (
	actReject      = action{-1, "Отклонить заявку"}
	actRejectLater = action{-10, "Отклонить после проверки"}
	actVerify      = action{1010, "Запросить товар на проверку"}
	actCompensate  = action{1020, "Вернуть часть стоимости"}
	actPay         = action{1040, "Подтвердить возврат денег"}
)

func (st *retState) actions() []action {
	switch st.visual {
	case visAsked:
		return []action{actReject, actVerify, actCompensate}
	case visReceived:
		return []action{actRejectLater, actPay}
	}
	return []action{}
}

// group is the documented group of a request.
func (st *retState) group() string {
	switch st.visual {
	case visAsked:
		return "New"
	case visMoving:
		return "Delivering"
	case visReceived:
		return "Checkout"
	case visRejected, visNoDispute:
		return "Rejected"
	}
	return "Approved"
}

// requestWords are the states of requests; only ON_APPROVAL is in the document.
var requestWords = map[string]string{
	visAsked: "ON_APPROVAL", visApproved: "APPROVED", visMoving: "DELIVERING", visReceived: "CHECKOUT",
	visPaid: "MONEY_RETURNED", visPartPaying: "COMPENSATING", visPartPaid: "COMPENSATED",
	visRejected: "REJECTED", visNoDispute: "REJECTED_FINALLY",
}

type requestsRequest struct {
	Filter struct {
		Offer   string   `json:"offer_id"`
		Number  string   `json:"posting_number"`
		Groups  []string `json:"group_state"`
		Created period   `json:"created_at"`
	} `json:"filter"`
	LastID num `json:"last_id"`
	Limit  num `json:"limit"`
}

// requestsResponse follows the document's example, a list; its schema has one object.
type requestsResponse struct {
	Returns []requestWire `json:"returns"`
}

type requestWire struct {
	Client      string       `json:"client_name"`
	CreatedAt   time.Time    `json:"created_at"`
	OrderNumber string       `json:"order_number"`
	Number      string       `json:"posting_number"`
	Product     requestGoods `json:"product"`
	ID          int64        `json:"return_id"`
	ReturnNo    string       `json:"return_number"`
	State       requestState `json:"state"`
}

type requestGoods struct {
	Currency string `json:"currency_code"`
	Name     string `json:"name"`
	Offer    string `json:"offer_id"`
	Price    int64  `json:"price"`
	SKU      int64  `json:"sku"`
}

type requestState struct {
	Group string `json:"group_state,omitempty"`
	Money string `json:"money_return_state_name,omitempty"`
	State string `json:"state"`
	Name  string `json:"state_name"`
}

func (st *retState) request() requestState {
	out := requestState{Group: st.group(), State: requestWords[st.visual], Name: visuals[st.visual].Title, Money: "Не возвращены"}
	if st.refund > 0 {
		out.Money = "Возвращены"
	}
	return out
}

// goods of a request: the document has their price in whole roubles.
func (r *ret) goods() requestGoods {
	return requestGoods{currency, r.line.title, r.line.offer, (r.line.priceMinor + 50) / 100, r.line.sku}
}

func (r *ret) requestNo() string { return fmt.Sprintf("%s-R%d", r.p.order.number, r.id%100_000) }

// listRequests is /v2/returns/rfbs/list.
func (m *Market) listRequests(now time.Time, req requestsRequest) (any, *apiError) {
	if req.Limit < 1 || req.Limit > 1000 {
		return nil, invalid("invalid Limit: value must be inside range [1, 1000]")
	}
	f := &req.Filter
	at := m.inject.ReplicaTime(now, "/v2/returns/rfbs/list")
	answer := requestsResponse{Returns: []requestWire{}}
	for _, r := range m.rets {
		st, exists := r.hist.At(at)
		if !exists || !r.asked || r.id <= int64(req.LastID) || len(answer.Returns) == int(req.Limit) {
			continue
		}
		if !slices.Contains(f.Groups, "All") && !among(f.Groups, st.group()) {
			continue
		}
		if !within(r.openedAt, f.Created.From, f.Created.To) || (f.Number != "" && f.Number != r.p.number) || (f.Offer != "" && f.Offer != r.line.offer) {
			continue
		}
		answer.Returns = append(answer.Returns, requestWire{
			Client: r.p.buyer().name, CreatedAt: r.openedAt, OrderNumber: r.p.order.number, Number: r.p.number,
			Product: r.goods(), ID: r.id, ReturnNo: r.requestNo(), State: st.request(),
		})
	}
	return answer, nil
}

type requestRequest struct {
	ID num `json:"return_id"`
}

type requestResponse struct {
	Returns requestDetails `json:"returns"`
}

type requestDetails struct {
	Actions     []action         `json:"available_actions"`
	Client      string           `json:"client_name"`
	Photos      []string         `json:"client_photo"`
	Comment     string           `json:"comment"`
	CreatedAt   time.Time        `json:"created_at"`
	OrderNumber string           `json:"order_number"`
	Number      string           `json:"posting_number"`
	Product     requestGoods     `json:"product"`
	Reasons     []rejectReason   `json:"rejection_reason"`
	Method      string           `json:"return_method_description"`
	ReturnNo    string           `json:"return_number"`
	Reason      requestReason    `json:"return_reason"`
	State       requestStateOnly `json:"state"`
	WarehouseID int64            `json:"warehouse_id"`
}

type rejectReason struct {
	Hint     string `json:"hint"`
	ID       int    `json:"id"`
	Required bool   `json:"is_comment_required"`
	Name     string `json:"name"`
}

type requestReason struct {
	ID     int    `json:"id"`
	Defect bool   `json:"is_defect"`
	Name   string `json:"name"`
}

// requestStateOnly: get tells no group.
type requestStateOnly struct {
	State string `json:"state"`
	Name  string `json:"state_name"`
}

// Refusals whose words no document has.
var (
	errNoReturn = &apiError{404, 5, "return is not found"}
	errNoAction = refused("action is not available for the return")
)

func (m *Market) requestOf(id int64) (*ret, *apiError) {
	i := slices.IndexFunc(m.rets, func(r *ret) bool { return r.id == id && r.asked })
	if i < 0 {
		return nil, errNoReturn
	}
	return m.rets[i], nil
}

// getRequest is /v2/returns/rfbs/get.
func (m *Market) getRequest(now time.Time, req requestRequest) (any, *apiError) {
	r, e := m.requestOf(int64(req.ID))
	if e != nil {
		return nil, e
	}
	st, exists := r.hist.At(m.inject.ReplicaTime(now, "/v2/returns/rfbs/get"))
	if !exists {
		return nil, errNoReturn
	}
	reason := requestReason{1, r.defect, r.reason}
	return requestResponse{requestDetails{
		Actions: st.actions(), Client: r.p.buyer().name, Photos: []string{fmt.Sprintf("https://example.org/returns/%d.jpg", r.id)},
		Comment: returnComment, CreatedAt: r.openedAt, OrderNumber: r.p.order.number, Number: r.p.number, Product: r.goods(),
		Reasons: []rejectReason{{"", rejectReasonID, true, "Товар был в употреблении"}}, Method: "Курьер продавца",
		ReturnNo: r.requestNo(), Reason: reason, State: requestStateOnly{st.request().State, st.request().Name}, WarehouseID: r.p.warehouse().id,
	}}, nil
}

type actionRequest struct {
	Comment string  `json:"comment"`
	Amount  float64 `json:"compensation_amount"`
	ID      int     `json:"id"`
	Reason  int     `json:"rejection_reason_id"`
	Return  num     `json:"return_id"`
}

// setAction is /v1/returns/rfbs/action/set.
func (m *Market) setAction(now time.Time, req actionRequest) (any, *apiError) {
	r, e := m.requestOf(int64(req.Return))
	if e != nil {
		return nil, e
	}
	offered := r.hist.Now().actions()
	if !slices.ContainsFunc(offered, func(a action) bool { return a.ID == req.ID }) {
		return nil, errNoAction
	}
	price := r.line.priceMinor
	switch req.ID {
	case actReject.ID, actRejectLater.ID:
		if req.Comment == "" || req.Reason != rejectReasonID {
			return nil, invalid("comment and rejection_reason_id are required")
		}
		r.move(now, visRejected, nil)
	case actVerify.ID:
		r.move(now, visApproved, nil)
	case actCompensate.ID:
		minor := int64(req.Amount*100 + 0.5)
		if minor < 1 || minor > price {
			return nil, invalid("compensation_amount must be above 0 and at most the price")
		}
		r.move(now, visPartPaying, func(st *retState) { st.refund = minor })
	case actPay.ID:
		r.move(now, visPaid, func(st *retState) { st.refund = price })
	}
	r.answers = append(r.answers, marketsim.Call{At: now, What: fmt.Sprintf("return_action %d", req.ID)})
	return nothing{}, nil
}
