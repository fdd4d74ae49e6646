package ozonsim

import (
	"errors"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// Place makes one posting of all lines, as Ozon does when they come from one
// warehouse. Scheme fbs (the usual one), rfbs or fbo. The free stock falls with
// the posting, under one lock: no list shows the one without the other.
func (m *Market) Place(spec marketsim.OrderSpec) ([]string, error) {
	scheme := spec.Scheme
	if scheme == "" {
		scheme = orderhub.SchemeFBS
	}
	if scheme != orderhub.SchemeFBS && scheme != orderhub.SchemeRFBS && scheme != orderhub.SchemeFBO {
		return nil, fmt.Errorf("place an order: Ozon has no scheme %q", scheme)
	}
	if spec.Pending && scheme == orderhub.SchemeFBO {
		return nil, errors.New("place an order: an FBO posting exists only after the payment")
	}
	if len(spec.Lines) == 0 {
		return nil, errors.New("place an order: no lines")
	}
	for _, l := range spec.Lines {
		if l.SKU == "" || l.Quantity <= 0 || l.PriceMinor < 0 {
			return nil, errors.New("place an order: a line needs an article, a quantity above 0 and a price")
		}
	}
	now := m.enter()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errors.New("place an order: the market is closed")
	}
	if sku := m.soldOut(scheme, spec.Lines); sku != "" {
		return nil, fmt.Errorf("place an order of %s: %w", sku, marketsim.ErrSoldOut)
	}
	placed := now
	if !spec.PlacedAt.IsZero() {
		placed = spec.PlacedAt.UTC()
	}
	placed = placed.Truncate(time.Microsecond)
	o := m.newOrder()
	p := &posting{
		number: o.nextNumber(), order: o, scheme: scheme,
		external: spec.External, comment: spec.Comment, placedAt: placed,
	}
	st := state{
		status: awaitingPackaging, sub: subCreated,
		cutoff:      placed.Truncate(time.Hour).Add(25 * time.Hour),
		deliverFrom: placed.Truncate(time.Hour).Add(72 * time.Hour),
		deliverTo:   placed.Truncate(time.Hour).Add(76 * time.Hour),
	}
	if spec.Pending {
		st.status = awaitingApprove
	}
	for _, l := range spec.Lines {
		g := m.goods.get(l.SKU)
		st.lines = append(st.lines, line{offer: l.SKU, title: g.name, sku: g.sku, quantity: l.Quantity, priceMinor: l.PriceMinor})
	}
	m.create(now, p, st)
	m.sell(p, st.lines)
	return []string{p.number}, nil
}

// Reasons that buyers cause; the seller cannot give them.
const (
	reasonBuyerChangedMind = 508
	reasonBuyerRefused     = 665
)

var (
	buyerCancels = cancellation{reasonID: reasonBuyerChangedMind, reason: "Покупатель передумал", kind: "client", initiator: "Клиент"}
	buyerRefuses = cancellation{reasonID: reasonBuyerRefused, reason: "Покупатель не забрал заказ", kind: "client", initiator: "Клиент"}
)

// Act lets the buyer do something. A return leaves the posting delivered and a
// refusal leaves it cancelled, as at Ozon, where returns have their own list. A request to cancel (rFBS) that the
// seller does not answer is granted by the next Progress.
func (m *Market) Act(externalID string, act marketsim.BuyerAct) error {
	now := m.enter()
	defer m.mu.Unlock()
	p := m.postings[externalID]
	if p == nil {
		return fmt.Errorf("%s: no posting %q", act, externalID)
	}
	st := p.state()
	no := fmt.Errorf("%s: posting %s is %s (%s)", act, p.number, st.status, st.sub)
	switch act {
	case marketsim.ActPay:
		if st.status != awaitingApprove {
			return no
		}
		m.move(now, p, awaitingPackaging, subCreated)
	case marketsim.ActCancel:
		switch st.status {
		case awaitingApprove, awaitingVerification, awaitingPackaging, awaitingRegistration, awaitingDeliver:
			m.cancel(now, p, buyerCancels)
		default:
			return no
		}
	case marketsim.ActRequestCancel:
		if p.scheme != orderhub.SchemeRFBS || st.cancelAsked || !cancellable(p, st) {
			return no
		}
		st.cancelAsked = true
		m.set(now, p, st)
		m.request(now, p)
	case marketsim.ActRefuse:
		if st.status != delivering || st.sub == subConditionally {
			return no
		}
		m.cancel(now, p, buyerRefuses)
	case marketsim.ActReturn:
		if st.status != delivered || p.returned {
			return no
		}
		p.returned = true
		m.buyerReturns(now, p)
	default:
		return fmt.Errorf("%s: no such act", act)
	}
	return nil
}

// Progress lets Ozon do its next step: FBS from the hand-over to the delivery,
// FBO all the way. An rFBS posting is moved by the seller; Ozon only turns
// conditionally delivered into delivered and grants unanswered requests to cancel.
func (m *Market) Progress(externalID string) (bool, error) {
	now := m.enter()
	defer m.mu.Unlock()
	p := m.postings[externalID]
	if p == nil {
		return false, fmt.Errorf("progress: no posting %q", externalID)
	}
	st := p.state()
	if p.scheme == orderhub.SchemeRFBS {
		switch {
		case st.cancelAsked && cancellable(p, st):
			m.cancel(now, p, buyerCancels)
		case st.status == delivering && st.sub == subConditionally:
			m.move(now, p, delivered, subDelivered)
		default:
			return false, nil
		}
		return true, nil
	}
	status, sub := nextOfOzon(p.scheme == orderhub.SchemeFBO, st)
	if status == "" {
		return false, nil
	}
	m.move(now, p, status, sub)
	return true, nil
}

// nextOfOzon is the way of a parcel in Ozon's hands; "" when the next step is
// somebody else's.
func nextOfOzon(fbo bool, st state) (status, sub string) {
	switch st.status {
	case awaitingPackaging:
		switch {
		case fbo && st.sub == subCreated:
			return awaitingPackaging, subPacking
		case fbo:
			return awaitingDeliver, subTransferring
		}
	case awaitingDeliver, acceptanceInProgress, driverPickup:
		return delivering, subOnWay
	case awaitingRegistration:
		return awaitingDeliver, subTransferring
	case delivering:
		if st.sub == subPickup {
			return delivered, subReceived
		}
		return delivering, subPickup
	}
	return "", ""
}

// SetCutoff changes the deadline of assembly (shipment_date), as Ozon does, and
// notifies.
func (m *Market) SetCutoff(externalID string, to time.Time) error {
	m.enter()
	defer m.mu.Unlock()
	p := m.postings[externalID]
	if p == nil {
		return fmt.Errorf("set cut-off: no posting %q", externalID)
	}
	st := p.state()
	from := st.cutoff
	st.cutoff = to.UTC()
	m.set(m.now(), p, st)
	m.notifyCutoff(p, from, st.cutoff)
	return nil
}

// SetDelivery changes the promised delivery interval and notifies.
func (m *Market) SetDelivery(externalID string, from, to time.Time) error {
	m.enter()
	defer m.mu.Unlock()
	p := m.postings[externalID]
	if p == nil {
		return fmt.Errorf("set delivery: no posting %q", externalID)
	}
	old := p.state()
	st := old
	st.deliverFrom, st.deliverTo = from.UTC(), to.UTC()
	m.set(m.now(), p, st)
	m.notifyDelivery(p, old, st)
	return nil
}

// SetWords puts a posting into any status and substatus, also into words that
// no document lists: what Ozon's support or a new release would do.
func (m *Market) SetWords(externalID, status, sub string) error {
	now := m.enter()
	defer m.mu.Unlock()
	p := m.postings[externalID]
	if p == nil {
		return fmt.Errorf("set words: no posting %q", externalID)
	}
	m.move(now, p, status, sub)
	return nil
}
