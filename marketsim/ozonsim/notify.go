package ozonsim

import (
	"encoding/json"
	"mime"
	"net/http"
	"time"
)

// goodAnswer tells whether an answer to a notification counts: 200, JSON and
// {"result":true}, or for the check request version, name and time.
func goodAnswer(status int, contentType string, body []byte) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if status != http.StatusOK || err != nil || media != "application/json" {
		return false
	}
	var answer struct {
		Result  bool      `json:"result"`
		Version string    `json:"version"`
		Name    string    `json:"name"`
		Time    time.Time `json:"time"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return false
	}
	return answer.Result || (answer.Version != "" && answer.Name != "" && !answer.Time.IsZero())
}

type pushProduct struct {
	SKU      int64  `json:"sku"`
	OfferID  string `json:"offer_id,omitempty"`
	Quantity int64  `json:"quantity"`
}

func (m *Market) send(kind string, body any) {
	raw, err := json.Marshal(body)
	if err == nil {
		m.notifier.Send(kind, nil, raw)
	}
}

func (m *Market) ping() {
	m.send("TYPE_PING", struct {
		MessageType string    `json:"message_type"`
		Time        time.Time `json:"time"`
	}{"TYPE_PING", m.now()})
}

func (m *Market) notifyNew(p *posting, st state) {
	body := struct {
		MessageType string        `json:"message_type"`
		Number      string        `json:"posting_number"`
		Products    []pushProduct `json:"products"`
		InProcessAt string        `json:"in_process_at"`
		WarehouseID int64         `json:"warehouse_id"`
		Shipment    time.Time     `json:"shipment_date"`
		TPL         string        `json:"tpl_integration_type"`
		IsExpress   bool          `json:"is_express"`
		Tracking    string        `json:"tracking_number"`
		Begin       time.Time     `json:"delivery_date_begin"`
		End         time.Time     `json:"delivery_date_end"`
		SellerID    int64         `json:"seller_id"`
	}{
		MessageType: "TYPE_NEW_POSTING", Number: p.number, WarehouseID: p.warehouse().id, Shipment: st.cutoff,
		TPL: p.tpl(), Begin: st.deliverFrom, End: st.deliverTo, SellerID: m.opts.ClientID,
	}
	// An order that is paid later comes without the moment.
	if st.status != awaitingApprove {
		body.InProcessAt = p.placedAt.Format(time.RFC3339Nano)
	}
	for _, l := range st.lines {
		body.Products = append(body.Products, pushProduct{SKU: l.sku, OfferID: l.offer, Quantity: l.quantity})
	}
	m.send(body.MessageType, body)
}

func (m *Market) notifyChange(now time.Time, p *posting, old, st state) {
	switch {
	case st.status == cancelled || st.status == splitAway:
		m.notifyCancelled(now, p, old, st)
	case st.sub == subShipFailed:
		// The push language has no such word: only a read shows it.
	default:
		m.send("TYPE_STATE_CHANGED", struct {
			MessageType string    `json:"message_type"`
			Number      string    `json:"posting_number"`
			State       string    `json:"new_state"`
			At          time.Time `json:"changed_state_date"`
			WarehouseID int64     `json:"warehouse_id"`
			SellerID    int64     `json:"seller_id"`
		}{"TYPE_STATE_CHANGED", p.number, st.sub, now, p.warehouse().id, m.opts.ClientID})
	}
}

func (m *Market) notifyCancelled(now time.Time, p *posting, old, st state) {
	type reason struct {
		ID      int64  `json:"id"`
		Message string `json:"message"`
	}
	body := struct {
		MessageType string        `json:"message_type"`
		Number      string        `json:"posting_number"`
		Products    []pushProduct `json:"products"`
		Old         string        `json:"old_state"`
		New         string        `json:"new_state"`
		At          time.Time     `json:"changed_state_date"`
		Reason      reason        `json:"reason"`
		WarehouseID int64         `json:"warehouse_id"`
		SellerID    int64         `json:"seller_id"`
	}{
		MessageType: "TYPE_POSTING_CANCELLED", Number: p.number, Old: old.sub, New: subCanceled, At: now,
		Reason:      reason{st.cancellation.reasonID, st.cancellation.reason},
		WarehouseID: p.warehouse().id, SellerID: m.opts.ClientID,
	}
	for _, l := range st.lines {
		body.Products = append(body.Products, pushProduct{SKU: l.sku, Quantity: l.quantity})
	}
	m.send(body.MessageType, body)
}

func (m *Market) notifyCutoff(p *posting, from, to time.Time) {
	m.send("TYPE_CUTOFF_DATE_CHANGED", struct {
		MessageType string    `json:"message_type"`
		Number      string    `json:"posting_number"`
		New         time.Time `json:"new_cutoff_date"`
		Old         time.Time `json:"old_cutoff_date"`
		WarehouseID int64     `json:"warehouse_id"`
		SellerID    int64     `json:"seller_id"`
	}{"TYPE_CUTOFF_DATE_CHANGED", p.number, to, from, p.warehouse().id, m.opts.ClientID})
}

func (m *Market) notifyDelivery(p *posting, old, st state) {
	m.send("TYPE_DELIVERY_DATE_CHANGED", struct {
		MessageType string    `json:"message_type"`
		Number      string    `json:"posting_number"`
		NewBegin    time.Time `json:"new_delivery_date_begin"`
		NewEnd      time.Time `json:"new_delivery_date_end"`
		OldBegin    time.Time `json:"old_delivery_date_begin"`
		OldEnd      time.Time `json:"old_delivery_date_end"`
		WarehouseID int64     `json:"warehouse_id"`
		SellerID    int64     `json:"seller_id"`
	}{"TYPE_DELIVERY_DATE_CHANGED", p.number, st.deliverFrom, st.deliverTo, old.deliverFrom, old.deliverTo,
		p.warehouse().id, m.opts.ClientID})
}
