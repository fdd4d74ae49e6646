package ozonsim

import (
	"fmt"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

var _ marketsim.Returning = (*Market)(nil)

// Types of returns.
const (
	typeCancellation = "Cancellation"
	typeFull         = "FullReturn"
	typePartial      = "PartialReturn"
	typeClient       = "ClientReturn"
)

// Words of visual.status that the simulator sets.
const (
	visWaiting     = "WaitingShipment"
	visMoving      = "MovingToSeller"
	visCourier     = "ReturningToSellerByCourier"
	visArrived     = "ArrivedAtReturnPlace"
	visReceived    = "ReceivedBySeller"
	visToOzon      = "MovingToOzon"
	visAtOzon      = "ReturnedToOzon"
	visAsked       = "OnSellerApproval"
	visApproved    = "Approved"
	visRejected    = "Rejected"
	visNoDispute   = "CancelledDisputeNotOpen"
	visPaid        = "MoneyReturned"
	visPartPaying  = "PartialCompensationInProcess"
	visPartPaid    = "PartialCompensationReturned"
	returnReason   = "Не подошёл размер"
	returnDefect   = "Товар с браком"
	returnComment  = "Не то, чего я хотел"
	returnStorage  = 30 * 24 * time.Hour
	firstReturnID  = 1_000_000_000
	returnPlaceID  = 23800011000
	returnPlace    = "ПВЗ_ТВЕРЬ_Возвраты"
	returnAddress  = "Россия, Тверь, улица Складская, 9"
	ozonPlaceID    = 23800011999
	ozonPlace      = "ТВЕРЬ_РФЦ"
	ozonAddress    = "Россия, Тверь, улица Заводская, 2"
	rejectReasonID = 51
)

// ret is one return: an article of a posting that comes back. On rFBS what the
// buyer sends back after delivery is a request of one unit that the seller
// answers. No document says whether a request has the id under which
// /v1/returns/list tells of its goods; here it has.
type ret struct {
	id       int64
	p        *posting
	typ      string
	line     line
	reason   string
	defect   bool
	asked    bool // a request
	openedAt time.Time
	hist     marketsim.History[*retState]
	answers  []marketsim.Call
}

// retState is what changes of a return; a change is a new value.
type retState struct {
	visual  string
	at      time.Time // visual.change_moment
	arrived time.Time
	final   time.Time
	refund  int64
}

// openReturn puts a return into the books.
func (m *Market) openReturn(now time.Time, r ret, visual string) {
	r.id, r.openedAt = firstReturnID+int64(len(m.rets))+1, now
	st := &retState{visual: visual, at: now}
	if !r.asked {
		st.refund = r.line.quantity * r.line.priceMinor
	}
	r.hist.Set(now, st)
	m.rets = append(m.rets, &r)
	r.p.rets = append(r.p.rets, m.rets[len(m.rets)-1])
}

// comeBack opens a return of each of these lines.
func (m *Market) comeBack(now time.Time, p *posting, typ, reason string, lines []line) {
	for _, l := range lines {
		r := ret{p: p, typ: typ, line: l, reason: reason}
		switch {
		case p.scheme == orderhub.SchemeFBO:
			m.openReturn(now, r, visToOzon)
		case p.scheme != orderhub.SchemeRFBS:
			m.openReturn(now, r, visWaiting)
		case typ != typeClient:
			m.openReturn(now, r, visCourier)
		default:
			r.asked, r.line.quantity = true, 1
			for n := range l.quantity {
				r.defect, r.reason = (hash(0, p.number)+uint64(n))%3 == 0, reason
				if r.defect {
					r.reason = returnDefect
				}
				m.openReturn(now, r, visAsked)
			}
		}
	}
}

// notBack are the goods of a posting that no return brings back.
func (p *posting) notBack() []line {
	back := map[int64]int64{}
	for _, r := range p.rets {
		back[r.line.sku] += r.line.quantity
	}
	_, rest := take(p.state().lines, back)
	return rest
}

// sendBack: what is cancelled or refused after the hand-over comes back.
func (m *Market) sendBack(now time.Time, p *posting, st state, c cancellation) {
	if st.handedOver.IsZero() {
		return
	}
	typ := typeCancellation
	if c.reasonID == reasonBuyerRefused && (st.sub == subPickup || st.sub == subCourier) {
		typ = typeFull
	}
	m.comeBack(now, p, typ, c.reason, p.notBack())
}

// buyerReturns: every second buyer sends one unit back, the others everything.
func (m *Market) buyerReturns(now time.Time, p *posting) {
	lines := p.notBack()
	if len(lines) > 0 && hash(1, p.number)%2 == 0 {
		lines = lines[:1:1]
		one := lines[0]
		one.quantity = 1
		lines = []line{one}
	}
	m.comeBack(now, p, typeClient, returnReason, lines)
}

// RefuseSome lets the buyer refuse units of one article at the hand-over; the
// posting is delivered with the rest.
func (m *Market) RefuseSome(externalID, article string, quantity int64) error {
	now := m.enter()
	defer m.mu.Unlock()
	p := m.postings[externalID]
	if p == nil || p.state().status != delivering {
		return fmt.Errorf("refuse in part: no posting %q on its way", externalID)
	}
	left := p.notBack()
	i := slices.IndexFunc(left, func(l line) bool { return l.offer == article })
	if i < 0 || quantity < 1 || quantity > left[i].quantity || quantity == units(left) {
		return fmt.Errorf("refuse in part: posting %q has not %d of %q beside other goods", externalID, quantity, article)
	}
	l := left[i]
	l.quantity = quantity
	m.comeBack(now, p, typePartial, "Покупатель отказался от товара при вручении", []line{l})
	return nil
}

// move records a new word.
func (r *ret) move(now time.Time, visual string, change func(*retState)) {
	st := *r.hist.Now()
	st.visual, st.at = visual, now
	if change != nil {
		change(&st)
	}
	r.hist.Set(now, &st)
}

// ProgressReturn lets Ozon, carriers, or on rFBS the buyer do the next step. What
// waits for an answer of the seller does not move; a return that lies at a point
// is handed to the seller.
func (m *Market) ProgressReturn(id string) (bool, error) {
	now := m.enter()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.rets, func(r *ret) bool { return fmt.Sprint(r.id) == id })
	if i < 0 {
		return false, fmt.Errorf("progress: no return %q", id)
	}
	r := m.rets[i]
	final := func(st *retState) { st.final = now }
	switch r.hist.Now().visual {
	case visWaiting, visApproved:
		r.move(now, visMoving, nil)
	case visMoving:
		if r.asked {
			r.move(now, visReceived, final)
			break
		}
		r.move(now, visArrived, func(st *retState) { st.arrived = now })
	case visCourier, visArrived:
		r.move(now, visReceived, final)
	case visToOzon:
		r.move(now, visAtOzon, final)
	case visPartPaying:
		r.move(now, visPartPaid, nil)
	case visRejected:
		if !r.hist.Now().final.IsZero() {
			return false, nil // refused after the check: the seller keeps them
		}
		r.move(now, visNoDispute, nil)
	default:
		return false, nil
	}
	return true, nil
}

// Returns lists the returns of goods that come back to the seller; those of FBO
// postings go into Ozon's own stock and are not the seller's.
func (m *Market) Returns() []marketsim.TruthReturn {
	m.enter()
	defer m.mu.Unlock()
	out := []marketsim.TruthReturn{}
	for _, r := range m.rets {
		if r.p.scheme == orderhub.SchemeFBO {
			continue
		}
		st := r.hist.Now()
		t := marketsim.TruthReturn{
			ID: fmt.Sprint(r.id), Order: r.p.number, Kind: r.kind(), State: st.truth(), Units: map[string]int64{},
			RefundMinor: st.refund, OpenedAt: r.openedAt, Answers: slices.Clone(r.answers),
		}
		if st.visual != visPartPaid {
			t.Units[r.line.offer] = r.line.quantity
		}
		out = append(out, t)
	}
	return out
}

func (r *ret) kind() orderhub.ReturnKind {
	switch {
	case r.typ != typeClient:
		return orderhub.ReturnRefused
	case r.defect:
		return orderhub.ReturnDefect
	}
	return orderhub.ReturnCustomer
}

// truth is what the hub must say. A rejection can still be disputed; what the
// seller has got stays received whatever becomes of the money.
func (st *retState) truth() orderhub.ReturnState {
	switch st.visual {
	case visMoving, visCourier, visToOzon:
		return orderhub.ReturnOnTheWay
	case visArrived:
		return orderhub.ReturnAtPickup
	case visReceived:
		return orderhub.ReturnReceived
	case visAtOzon, visNoDispute, visPartPaid:
		return orderhub.ReturnClosed
	}
	if !st.final.IsZero() {
		return orderhub.ReturnReceived
	}
	return orderhub.ReturnAnnounced
}
