package yandexsim

import (
	"time"

	"github.com/orderhub/orderhub"
)

// answerCancellation: PUT .../cancellation/accept, the seller's answer to a
// buyer who wants to cancel a DBS order that is on its way.
func (m *Market) answerCancellation(c *call) (any, *apiError) {
	var body struct {
		Accepted *bool  `json:"accepted"`
		Reason   string `json:"reason"`
	}
	if fail := c.decode(&body); fail != nil {
		return nil, fail
	}
	switch {
	case body.Accepted == nil:
		return nil, refuse("accepted must not be null (rejected value: null)")
	case body.Reason != "" && body.Reason != "ORDER_DELIVERED" && body.Reason != "ORDER_IN_DELIVERY":
		return nil, refuse("Illegal input at 'reason'")
	case !*body.Accepted && body.Reason == "":
		return nil, refuse("reason must not be null (rejected value: null)")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	o, s, fail := c.order(now)
	if fail != nil {
		return nil, fail
	}
	if o.shop.program != programDBS {
		return nil, refuse("Campaign type is not allowed. Allowed campaign types: [DBS]")
	}
	if !s.waitsForCancelAnswer() {
		return nil, refuse("Action is not allowed for order %d with status %s and substatus %s", o.id, s.status, s.sub)
	}
	if *body.Accepted {
		m.move(o, s, stCancelled, subChangedMind, now)
		o.did(now, orderhub.StatusCancelled, "cancellation_accept")
		return okEmpty(), nil
	}
	s.askedAt = time.Time{}
	m.set(o, s, now)
	o.did(now, "", "cancellation_refuse")
	return okEmpty(), nil
}

// postTrack: POST .../delivery/track, only for orders that the shop delivers.
func (m *Market) postTrack(c *call) (any, *apiError) {
	var body struct {
		Code    string `json:"trackCode"`
		Service *int64 `json:"deliveryServiceId"`
	}
	if fail := c.decode(&body); fail != nil {
		return nil, fail
	}
	if body.Code == "" {
		return nil, refuse("trackCode must not be empty (rejected value: null)")
	}
	if body.Service == nil {
		return nil, refuse("deliveryServiceId must not be null (rejected value: null)")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	o, s, fail := c.order(now)
	if fail != nil {
		return nil, fail.saying("Campaign %d has no order id %s", c.shop.id, c.r.PathValue("orderId"))
	}
	if o.shop.program != programDBS {
		return nil, refuse("Campaign type is not allowed. Allowed campaign types: [DBS]")
	}
	if s.status != stProcess && s.status != stDelivery && s.status != stPickup {
		return nil, refuse("Action is not allowed for order %d with status %s and substatus %s", o.id, s.status, s.sub)
	}
	next := track{body.Code, *body.Service}
	for _, t := range s.tracks {
		if t == next {
			return okEmpty(), nil
		}
	}
	s.tracks = append(append([]track(nil), s.tracks...), next)
	m.set(o, s, now)
	o.did(now, "", "tracking")
	return okEmpty(), nil
}

// getBuyer: GET .../buyer, only while the shop works on a DBS order.
func (m *Market) getBuyer(c *call) (any, *apiError) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, s, fail := c.order(m.inject.ReplicaTime(m.tick(), "buyer"))
	if fail != nil {
		return nil, fail
	}
	if o.shop.program != programDBS {
		return nil, refuse("Campaign type is not allowed. Allowed campaign types: [DBS]")
	}
	if s.status != stProcess && s.status != stDelivery && s.status != stPickup {
		return nil, refuse("Order is not in shop-processing status (actual: %s).", s.status)
	}
	d, trusted := o.buyer.dto(), false
	d.Phone, d.Trusted = o.buyer.phone, &trusted
	return okResult(d), nil
}

// postExternalID: POST .../external-id, once, before READY_TO_SHIP.
func (m *Market) postExternalID(c *call) (any, *apiError) {
	var body struct {
		ID string `json:"externalOrderId"`
	}
	if fail := c.decode(&body); fail != nil {
		return nil, fail
	}
	if body.ID == "" {
		return nil, refuse("externalOrderId must not be empty (rejected value: null)")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	o, s, fail := c.order(now)
	if fail != nil {
		return nil, fail
	}
	if s.externalID != "" {
		return nil, refuse("Cannot do operation, external ID already set for order (partnerId = %d, orderId = %d, externalId = %s)", o.shop.partnerID, o.id, s.externalID)
	}
	if s.status != stProcess || s.sub != subStarted {
		return nil, refuse("Cannot do operation for order with status %s, and substatus %s (partnerId = %d, orderId = %d)", s.status, s.sub, o.shop.partnerID, o.id)
	}
	s.externalID = body.ID
	m.set(o, s, now)
	o.did(now, "", "external_id")
	return okEmpty(), nil
}
