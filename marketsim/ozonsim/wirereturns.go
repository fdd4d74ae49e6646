package ozonsim

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
)

// window is a filter by time, both ends inclusive.
type window struct {
	From time.Time `json:"time_from"`
	To   time.Time `json:"time_to"`
}

func (w *window) has(t time.Time) bool { return w == nil || (!t.IsZero() && within(t, w.From, w.To)) }

type returnsRequest struct {
	Filter struct {
		Logistic *window  `json:"logistic_return_date"`
		Storage  *window  `json:"storage_tariffication_start_date"`
		Changed  *window  `json:"visual_status_change_moment"`
		OrderID  num      `json:"order_id"`
		Numbers  []string `json:"posting_numbers"`
		Offer    string   `json:"offer_id"`
		Visual   string   `json:"visual_status_name"`
		Barcode  string   `json:"barcode"`
		Schema   string   `json:"return_schema"`
	} `json:"filter"`
	Limit  num `json:"limit"`
	LastID num `json:"last_id"`
}

type returnsResponse struct {
	HasNext bool         `json:"has_next"`
	Returns []returnWire `json:"returns"`
}

type priceWire struct {
	Currency string      `json:"currency_code"`
	Price    json.Number `json:"price"`
}

type placeWire struct {
	Address string `json:"address"`
	ID      int64  `json:"id"`
	Name    string `json:"name"`
}

type returnWire struct {
	Additional  returnFlags   `json:"additional_info"`
	ClearingID  int64         `json:"clearing_id"`
	CompanyID   int64         `json:"company_id"`
	Exemplars   []struct{}    `json:"exemplars"`
	ID          int64         `json:"id"`
	Logistic    returnMoments `json:"logistic"`
	OrderID     int64         `json:"order_id"`
	OrderNumber string        `json:"order_number"`
	Place       placeWire     `json:"place"`
	Number      string        `json:"posting_number"`
	Product     returnGoods   `json:"product"`
	Reason      string        `json:"return_reason_name"`
	Schema      string        `json:"schema"`
	Storage     returnStore   `json:"storage"`
	Target      placeWire     `json:"target_place"`
	Type        string        `json:"type"`
	Visual      visualWire    `json:"visual"`
}

type returnFlags struct {
	Opened bool `json:"is_opened"`
	Econom bool `json:"is_super_econom"`
}

// returnMoments are null until they come.
type returnMoments struct {
	Barcode     string     `json:"barcode"`
	Compensated *time.Time `json:"cancelled_with_compensation_moment"`
	Final       *time.Time `json:"final_moment"`
	ReturnedAt  *time.Time `json:"return_date"`
	Technical   *time.Time `json:"technical_return_moment"`
}

type returnGoods struct {
	Name     string    `json:"name"`
	Offer    string    `json:"offer_id"`
	Price    priceWire `json:"price"`
	Quantity int64     `json:"quantity"`
	SKU      int64     `json:"sku"`
}

type returnStore struct {
	Arrived     *time.Time `json:"arrived_moment"`
	Days        int64      `json:"days"`
	Sum         priceWire  `json:"sum"`
	Utilisation *time.Time `json:"utilization_forecast_date"`
}

type visualWire struct {
	ChangedAt time.Time    `json:"change_moment"`
	Status    visualStatus `json:"status"`
}

type visualStatus struct {
	Title string `json:"display_name"`
	ID    int    `json:"id"`
	Word  string `json:"sys_name"`
}

// visuals are the titles and numbers of the words; the numbers are made up but
// for the one of the document's example (3).
var visuals = map[string]visualStatus{
	visWaiting: {"Ожидает отправки", 1, visWaiting}, visMoving: {"Едет к вам", 2, visMoving},
	visArrived: {"В пункте выдачи", 3, visArrived}, visReceived: {"Получен", 4, visReceived},
	visCourier: {"Курьер везёт возврат вам", 5, visCourier}, visToOzon: {"Едет на склад Ozon", 6, visToOzon},
	visAtOzon: {"На складе Ozon", 7, visAtOzon}, visAsked: {"На согласовании", 8, visAsked},
	visApproved: {"Заявка одобрена", 9, visApproved}, visRejected: {"Заявка отклонена", 10, visRejected},
	visNoDispute: {"Возврат отклонён, спор не открыт", 11, visNoDispute}, visPaid: {"Вернули всю сумму", 12, visPaid},
	visPartPaying: {"Одобрен частичный возврат денег", 13, visPartPaying}, visPartPaid: {"Вернули часть денег", 14, visPartPaid},
}

// listReturns is /v1/returns/list.
func (m *Market) listReturns(now time.Time, req returnsRequest) (any, *apiError) {
	f := &req.Filter
	times := 0
	for _, w := range []*window{f.Logistic, f.Storage, f.Changed} {
		if w != nil {
			times++
		}
	}
	switch {
	case req.Limit < 1 || req.Limit > 500:
		return nil, invalid("invalid Limit: value must be inside range [1, 500]")
	case times > 1:
		return nil, invalid("only one of the filters by date is allowed")
	case len(f.Numbers) > 50:
		return nil, invalid("invalid Filter.PostingNumbers: value must contain no more than 50 item(s)")
	}
	at := m.inject.ReplicaTime(now, "/v1/returns/list")
	answer := returnsResponse{Returns: []returnWire{}}
	for _, r := range m.rets {
		st, exists := r.hist.At(at)
		if !exists || r.id <= int64(req.LastID) || !req.match(r, st) {
			continue
		}
		if len(answer.Returns) == int(req.Limit) {
			answer.HasNext = true
			break
		}
		answer.Returns = append(answer.Returns, m.toReturn(r, st))
	}
	return answer, nil
}

func (req *returnsRequest) match(r *ret, st *retState) bool {
	f := &req.Filter
	switch {
	case !f.Changed.has(st.at), !f.Logistic.has(r.openedAt), !f.Storage.has(st.arrived),
		!among(f.Numbers, r.p.number), f.OrderID != 0 && int64(f.OrderID) != r.p.order.id,
		f.Offer != "" && f.Offer != r.line.offer, f.Visual != "" && f.Visual != st.visual,
		f.Barcode != "" && f.Barcode != r.barcode(), f.Schema != "" && !strings.EqualFold(f.Schema, r.schema()):
		return false
	}
	return true
}

func (r *ret) barcode() string { return fmt.Sprintf("ii%d", r.id) }

// schema: the document has two words; its example spells one "Fbs".
func (r *ret) schema() string {
	if r.p.scheme == orderhub.SchemeFBO {
		return "Fbo"
	}
	return "Fbs"
}

func (m *Market) toReturn(r *ret, st *retState) returnWire {
	here := placeWire{ozonAddress, ozonPlaceID, ozonPlace}
	target := placeWire{returnAddress, returnPlaceID, returnPlace}
	if r.p.scheme == orderhub.SchemeFBO {
		target = here
	}
	if !st.arrived.IsZero() {
		here = target
	}
	out := returnWire{
		Additional: returnFlags{Opened: r.typ == typeClient}, CompanyID: m.opts.ClientID, Exemplars: []struct{}{}, ID: r.id,
		Logistic: returnMoments{Barcode: r.barcode(), Final: when(st.final), ReturnedAt: when(r.openedAt)},
		OrderID:  r.p.order.id, OrderNumber: r.p.order.number, Place: here, Target: target, Number: r.p.number,
		Product: returnGoods{
			Name: r.line.title, Offer: r.line.offer, Price: priceWire{currency, number(r.line.priceMinor)},
			Quantity: r.line.quantity, SKU: r.line.sku,
		},
		Reason: r.reason, Schema: r.schema(), Type: r.typ,
		Storage: returnStore{Arrived: when(st.arrived), Sum: priceWire{currency, "0"}},
		Visual:  visualWire{st.at, visuals[st.visual]},
	}
	if st.visual == visArrived {
		out.Storage.Utilisation = when(st.arrived.Add(returnStorage))
	}
	return out
}
