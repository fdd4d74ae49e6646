package ozonsim

import (
	"time"

	"github.com/orderhub/orderhub"
)

type boolResponse struct {
	Result bool `json:"result"`
}

// cancelReason is one row of the dictionary; only the available ones may be
// given by a seller.
type cancelReason struct {
	ID        int64  `json:"id"`
	Available bool   `json:"is_available_for_cancellation"`
	Title     string `json:"title"`
	Type      string `json:"type_id"`
}

// reasonOther is the reason that must be explained.
const reasonOther = 402

var cancelReasons = []cancelReason{
	{352, true, "Товар закончился на складе продавца", "seller"},
	{400, true, "Остался только бракованный товар", "seller"},
	{401, false, "Продавец отклонил арбитраж", "seller"},
	{reasonOther, true, "Другое (вина продавца)", "seller"},
	{reasonBuyerChangedMind, false, "Покупатель передумал", "buyer"},
	{reasonBuyerRefused, false, "Покупатель не забрал заказ", "buyer"},
	{666, false, "Возврат из службы доставки: нет доставки в указанный регион", "seller"},
	{667, false, "Заказ утерян службой доставки", "seller"},
}

func sellerReason(id int64, text string) (cancellation, *apiError) {
	for _, r := range cancelReasons {
		if r.ID != id || !r.Available {
			continue
		}
		if id == reasonOther {
			if text == "" {
				return cancellation{}, invalid("cancel_reason_message is required for cancel_reason_id 402")
			}
			r.Title = text
		}
		return cancellation{reasonID: id, reason: r.Title, kind: "seller", initiator: "Продавец", againstRating: true}, nil
	}
	return cancellation{}, errCancelReason
}

type cancelRequest struct {
	Number   string `json:"posting_number"`
	ReasonID num    `json:"cancel_reason_id"`
	Message  string `json:"cancel_reason_message"`
}

// cancelPosting is /v2/posting/fbs/cancel.
func (m *Market) cancelPosting(now time.Time, req cancelRequest) (any, *apiError) {
	p, why, e := m.cancelling(req.Number, int64(req.ReasonID), req.Message)
	if e != nil {
		return nil, e
	}
	m.cancel(now, p, why)
	p.called(now, "cancel", orderhub.StatusCancelled)
	return boolResponse{true}, nil
}

func (m *Market) cancelling(number string, reason int64, text string) (*posting, cancellation, *apiError) {
	p, e := m.seller(number)
	if e != nil {
		return nil, cancellation{}, e
	}
	why, e := sellerReason(reason, text)
	if e != nil {
		return nil, cancellation{}, e
	}
	st := p.state()
	if st.status == cancelled || st.status == splitAway {
		return nil, cancellation{}, errCancelled
	}
	if !cancellable(p, st) {
		return nil, cancellation{}, errStatus
	}
	return p, why, nil
}

type productCancelRequest struct {
	Number   string `json:"posting_number"`
	ReasonID num    `json:"cancel_reason_id"`
	Message  string `json:"cancel_reason_message"`
	Items    []struct {
		SKU      num `json:"sku"`
		Quantity num `json:"quantity"`
	} `json:"items"`
}

// cancelProducts (/v2/posting/fbs/product/cancel) cancels a part before the
// assembly. It is not idempotent: a repeat cancels more. The whole posting ends
// when nothing is left.
func (m *Market) cancelProducts(now time.Time, req productCancelRequest) (any, *apiError) {
	p, why, e := m.cancelling(req.Number, int64(req.ReasonID), req.Message)
	if e != nil {
		return nil, e
	}
	if req.Message == "" {
		return nil, invalid("cancel_reason_message is required")
	}
	st := p.state()
	if st.status != awaitingPackaging || st.busy != "" {
		return nil, errStatus
	}
	items := make([]productQuantity, 0, len(req.Items))
	for _, i := range req.Items {
		items = append(items, productQuantity{ProductID: i.SKU, Quantity: i.Quantity})
	}
	wants, e := want(st.lines, [][]productQuantity{items}, false)
	if e != nil {
		return nil, e
	}
	_, rest := take(st.lines, wants[0])
	if len(rest) == 0 {
		m.cancel(now, p, why)
		p.called(now, "product_cancel", orderhub.StatusCancelled)
		return textResponse{p.number}, nil
	}
	st.lines = rest
	m.set(now, p, st)
	p.called(now, "product_cancel", "")
	return textResponse{p.number}, nil
}

type reasonsRequest struct {
	Numbers []string `json:"related_posting_numbers"`
}

type reasonOf struct {
	ID    int64  `json:"id"`
	Title string `json:"title"`
	Type  string `json:"type_id"`
}

type reasonsOf struct {
	Number  string     `json:"posting_number"`
	Reasons []reasonOf `json:"reasons"`
}

type reasonsResponse struct {
	Result []reasonsOf `json:"result"`
}

// reasons is /v1/posting/fbs/cancel-reason.
func (m *Market) reasons(_ time.Time, req reasonsRequest) (any, *apiError) {
	if len(req.Numbers) == 0 {
		return nil, invalid("related_posting_numbers: value must contain at least 1 item(s)")
	}
	answer := reasonsResponse{Result: []reasonsOf{}}
	for _, number := range req.Numbers {
		p, e := m.seller(number)
		if e != nil {
			return nil, e
		}
		row := reasonsOf{Number: number, Reasons: []reasonOf{}}
		for _, r := range cancelReasons {
			if r.Available && cancellable(p, p.state()) {
				row.Reasons = append(row.Reasons, reasonOf{r.ID, r.Title, r.Type})
			}
		}
		answer.Result = append(answer.Result, row)
	}
	return answer, nil
}

type reasonListResponse struct {
	Result []cancelReason `json:"result"`
}

// reasonList is /v2/posting/fbs/cancel-reason/list.
func (m *Market) reasonList(time.Time) (any, *apiError) {
	return reasonListResponse{cancelReasons}, nil
}

type numbersRequest struct {
	Numbers []string `json:"posting_number"`
}

// toArbitration is /v2/posting/fbs/arbitration: a parcel that was handed over
// and not scanned. All postings move or none.
func (m *Market) toArbitration(now time.Time, req numbersRequest) (any, *apiError) {
	return m.moveAll(now, req, "arbitration", arbitration, subArbitration, func(p *posting, st state) bool {
		return p.tpl() == tplOzon && (st.status == awaitingDeliver || st.status == acceptanceInProgress)
	})
}

// toDelivery is /v2/posting/fbs/awaiting-delivery: a disputed parcel is handed
// over again.
func (m *Market) toDelivery(now time.Time, req numbersRequest) (any, *apiError) {
	return m.moveAll(now, req, "awaiting_delivery", awaitingDeliver, subTransferring, func(_ *posting, st state) bool {
		return st.status == arbitration || st.status == notAccepted
	})
}

func (m *Market) moveAll(now time.Time, req numbersRequest, what, status, sub string, ok func(*posting, state) bool) (any, *apiError) {
	if len(req.Numbers) == 0 || len(req.Numbers) > 100 {
		return nil, invalid("posting_number: value must contain 1 to 100 item(s)")
	}
	list := make([]*posting, 0, len(req.Numbers))
	for _, number := range req.Numbers {
		p, e := m.seller(number)
		if e != nil {
			return nil, e
		}
		if !ok(p, p.state()) {
			return nil, errStatus
		}
		list = append(list, p)
	}
	for _, p := range list {
		if p.state().status == status {
			continue // named twice
		}
		m.move(now, p, status, sub)
		p.called(now, what, headline(status, sub))
	}
	return boolResponse{true}, nil
}
