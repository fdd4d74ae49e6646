package ozonsim

import (
	"fmt"
	"time"
)

// fboMessage is what the notifications about FBO postings share (push_types,
// since August 2026). Unlike those about FBS each carries an event id.
type fboMessage struct {
	MessageType string        `json:"message_type"`
	Number      string        `json:"posting_number"`
	OrderNumber string        `json:"order_number"`
	UUID        string        `json:"uuid"`
	Products    []pushProduct `json:"products,omitempty"`
	Created     *time.Time    `json:"creation_date,omitempty"`
	Old         string        `json:"old_state,omitempty"`
	New         string        `json:"new_state,omitempty"`
	ChangedAt   *time.Time    `json:"changed_state_date,omitempty"`
	CancelledAt *time.Time    `json:"cancel_date,omitempty"`
	WarehouseID int64         `json:"warehouse_id"`
	SellerID    int64         `json:"seller_id"`
}

func (m *Market) fboMessage(kind string, p *posting, at time.Time) fboMessage {
	return fboMessage{
		MessageType: kind, Number: p.number, OrderNumber: p.order.number, WarehouseID: p.warehouse().id, SellerID: m.opts.ClientID,
		UUID: fmt.Sprintf("%08x-0000-4000-8000-%012x", m.opts.Seed&0xffffffff, uint64(at.UnixNano())&0xffffffffffff),
	}
}

func (m *Market) notifyFBONew(p *posting, st state) {
	msg := m.fboMessage("TYPE_FBO_POSTING_NEW", p, p.placedAt)
	msg.Created = &p.placedAt
	for _, l := range st.lines {
		msg.Products = append(msg.Products, pushProduct{SKU: l.sku, Quantity: l.quantity})
	}
	m.send(msg.MessageType, msg)
}

func (m *Market) notifyFBOChange(now time.Time, p *posting, old, st state) {
	if st.status == cancelled {
		msg := m.fboMessage("TYPE_FBO_POSTING_CANCELLED", p, now)
		msg.Old, msg.New, msg.CancelledAt = old.sub, subCanceled, &now
		for _, l := range st.lines {
			msg.Products = append(msg.Products, pushProduct{SKU: l.sku, Quantity: l.quantity})
		}
		m.send(msg.MessageType, msg)
		return
	}
	msg := m.fboMessage("TYPE_FBO_POSTING_STATE_CHANGED", p, now)
	msg.New, msg.ChangedAt = st.sub, &now
	m.send(msg.MessageType, msg)
}
