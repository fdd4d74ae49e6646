package yandexsim

import (
	"fmt"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// The Market's words for returns: RefundStatusType, ReturnShipmentStatusType and
// ReturnDecisionType.
type (
	refund   string
	shipment string
	decision string
)

const (
	refStarted    refund = "STARTED_BY_USER"
	refInProgress refund = "REFUND_IN_PROGRESS"
	refRefunded   refund = "REFUNDED"
	refNoMoney    refund = "COMPLETE_WITHOUT_REFUND"
	refRejected   refund = "REJECTED"
	refWaits      refund = "WAITING_FOR_DECISION" // DBS
	refDecided    refund = "DECISION_MADE"
	refPreWaits   refund = "PREMODERATION_DECISION_WAITING" // the other models
	refPreDecided refund = "PREMODERATION_DECISION_MADE"
	refDelivery   refund = "PREMODERATION_SELECT_DELIVERY"
)

const (
	shNone      shipment = "" // the goods stay where they are
	shCreated   shipment = "CREATED"
	shReceived  shipment = "RECEIVED"
	shTransit   shipment = "IN_TRANSIT"
	shReady     shipment = "READY_FOR_PICKUP"
	shPicked    shipment = "PICKED"
	shLost      shipment = "LOST"
	shCancelled shipment = "CANCELLED"
	shWarehouse shipment = "FULFILMENT_RECEIVED"
	shToUtilize shipment = "PREPARED_FOR_UTILIZATION"
	shUtilized  shipment = "UTILIZED"
)

const (
	// firstReturn is the id before the first return.
	firstReturn int64 = 91_000_000
	// keptForDays is how long goods wait for the seller at a point.
	keptForDays = 7
	// cheap is up to what faulty goods stay with the buyer, in kopecks.
	cheap int64 = 100_000
)

const (
	deFast     decision = "FAST_REFUND_MONEY"
	deRefund   decision = "REFUND_MONEY"
	deShipping decision = "REFUND_MONEY_INCLUDING_SHIPMENT"
	deRepair   decision = "REPAIR"
	deReplace  decision = "REPLACE"
	deExamine  decision = "SEND_TO_EXAMINATION"
	deDecline  decision = "DECLINE_REFUND"
	dePartial  decision = "PARTIAL_MONEY_REFUND"
	deOther    decision = "OTHER_DECISION"
)

// giveback is one return (RETURN) or refused delivery (UNREDEEMED): what never
// changes, and the history of what does. Guarded by the market's lock.
type giveback struct {
	id      int64
	o       *order
	refused bool
	created time.Time
	items   []backItem
	// fast: cheap faulty goods stay with the buyer.
	fast    bool
	history marketsim.History[*backState]
	// over: it has come to its end, and the order knows.
	over    bool
	answers []marketsim.Call
}

type backItem struct {
	id     int64 // returnItemId
	line   int64 // of the order
	sku    string
	count  int64
	amount int64 // what the buyer paid for the units, in kopecks

	reason, subreason, comment string
}

// backState is one state of a giveback; never changed once it is in the history.
type backState struct {
	refund   refund // "" for refused deliveries
	shipment shipment
	updated  time.Time
	till     time.Time // the last moment of collecting
	verdicts map[int64]verdict
}

// verdict is the decision about one position.
type verdict struct {
	decision decision
	amount   int64 // of a partial refund
}

// comesBack tells whether the goods of a decision travel.
func (d decision) comesBack() bool { return d != deFast && d != dePartial && d != deDecline }

func (b *giveback) now() backState { return *b.history.Now() }

func (s *backState) waits() bool { return s.refund == refWaits || s.refund == refPreWaits }

// money is what the buyer gets for a position as things stand.
func (s *backState) money(it *backItem) int64 {
	v, ok := s.verdicts[it.id]
	if !ok {
		return it.amount
	}
	switch v.decision {
	case deRefund, deShipping, deFast:
		return it.amount
	case dePartial:
		return v.amount
	case deRepair, deReplace, deExamine, deDecline, deOther:
	}
	return 0
}

func (b *giveback) money(s *backState) (sum int64) {
	for i := range b.items {
		sum += s.money(&b.items[i])
	}
	return sum
}

// kept tells whether the buyer keeps everything.
func (b *giveback) kept(s *backState) bool {
	if b.fast {
		return true
	}
	for _, it := range b.items {
		if v, ok := s.verdicts[it.id]; !ok || v.decision.comesBack() {
			return false
		}
	}
	return true
}

// faults are what buyers say is wrong, in turn; the first is a matter of taste.
var faults = []struct{ reason, sub, comment string }{
	{"DOES_NOT_FIT", "USER_DID_NOT_LIKE", "Не подошёл цвет"},
	{"BAD_QUALITY", "NOT_WORKING", "Не включается"},
	{"WRONG_ITEM", "WRONG_COLOR", "Привезли другой цвет"},
}

// openRefused opens the way back of goods that nobody bought.
func (m *Market) openRefused(o *order, s *state, now time.Time) {
	b := m.newBack(o, true, now)
	for _, l := range s.lines {
		if l.count > 0 {
			b.items = append(b.items, backItem{line: l.id, sku: l.sku, count: l.count})
		}
	}
	m.setBack(b, backState{shipment: shCreated}, now)
}

// openReturn opens a buyer's return: one unit (every other order that has more
// than one) or all that is left. false = nothing is left.
func (m *Market) openReturn(o *order, s *state, now time.Time) bool {
	asked := o.askedBack()
	one := s.status == stDelivered && len(asked) == 0 && s.units() > 1 && mix(m.opts.Seed, uint64(o.id))%2 == 0
	var items []backItem
	for _, l := range s.lines {
		left := l.count - l.back - asked[l.id]
		if one {
			left = min(left, 1)
		}
		if left > 0 && (!one || len(items) == 0) {
			items = append(items, backItem{line: l.id, sku: l.sku, count: left, amount: (l.price - l.bonus) * left})
		}
	}
	if len(items) == 0 {
		return false
	}
	b := m.newBack(o, false, now)
	luck := mix(m.opts.Seed, uint64(b.id))
	why := faults[luck%uint64(len(faults))]
	for i := range items {
		items[i].id = b.id*100 + int64(i)
		items[i].reason, items[i].subreason, items[i].comment = why.reason, why.sub, why.comment
	}
	b.items = items
	st := backState{refund: refStarted, shipment: shCreated}
	switch {
	case o.shop.program == programDBS:
		st.refund = refWaits
	case why.reason == "BAD_QUALITY" && luck/7%2 == 0 && b.money(&st) < cheap:
		b.fast, st.shipment = true, shNone
	case why.reason != "DOES_NOT_FIT":
		st.refund = refPreWaits
	}
	m.setBack(b, st, now)
	if st.waits() {
		m.undecided = append(m.undecided, undecided{now.Add(m.opts.ReturnAnswer), b})
	}
	return true
}

// askedBack counts the units of each line in returns that are not over.
func (o *order) askedBack() map[int64]int64 {
	out := map[int64]int64{}
	for _, b := range o.backs {
		if b.refused || b.over {
			continue
		}
		for _, it := range b.items {
			out[it.line] += it.count
		}
	}
	return out
}

func (m *Market) newBack(o *order, refused bool, now time.Time) *giveback {
	b := &giveback{id: firstReturn + 1 + int64(len(m.backs)), o: o, refused: refused, created: now}
	m.backs = append(m.backs, b)
	o.backs = append(o.backs, b)
	return b
}

// setBack records a state and tells the shop what is new in it.
func (m *Market) setBack(b *giveback, s backState, now time.Time) {
	was := b.history.Now()
	s.updated = now
	b.history.Set(now, &s)
	if was == nil {
		m.notifyReturn(b)
		return
	}
	m.notifyReturnStatus(b, was)
}

// undecided is when silence about a return becomes a yes.
type undecided struct {
	at time.Time
	b  *giveback
}

// refundOverdue decides what the seller did not in time.
func (m *Market) refundOverdue(now time.Time) {
	for len(m.undecided) > 0 && !m.undecided[0].at.After(now) {
		b := m.undecided[0].b
		m.undecided = m.undecided[1:]
		if s := b.now(); s.waits() {
			all := map[int64]verdict{}
			for _, it := range b.items {
				all[it.id] = verdict{decision: deRefund}
			}
			m.decide(b, s, all, now)
		}
	}
}

func (m *Market) decide(b *giveback, s backState, verdicts map[int64]verdict, now time.Time) {
	s.verdicts, s.refund = verdicts, refPreDecided
	if b.o.shop.program == programDBS {
		s.refund = refDecided
	}
	m.setBack(b, s, now)
}

// ProgressReturn lets the Market and its carriers do their next step.
func (m *Market) ProgressReturn(id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || m.back(n) == nil {
		return false, fmt.Errorf("yandex market return %.30q: not found", id)
	}
	b := m.back(n)
	s := b.now()
	if b.over || s.waits() {
		return false, nil
	}
	if b.kept(&s) {
		m.moveMoney(b, s, now)
	} else {
		m.moveGoods(b, s, now)
	}
	return true, nil
}

func (m *Market) back(id int64) *giveback {
	if i := id - firstReturn - 1; i >= 0 && i < int64(len(m.backs)) {
		return m.backs[i]
	}
	return nil
}

// moveMoney is the next step of a return whose goods stay with the buyer.
func (m *Market) moveMoney(b *giveback, s backState, now time.Time) {
	switch {
	case s.refund == refStarted:
		s.refund = refInProgress
		m.setBack(b, s, now)
		return
	case b.money(&s) > 0:
		s.refund, s.shipment = refRefunded, shNone
	default: // declined
		s.refund, s.shipment = refRejected, shCancelled
	}
	m.setBack(b, s, now)
	m.finish(b, &s, now)
}

// moveGoods is the next step of goods on their way back.
func (m *Market) moveGoods(b *giveback, s backState, now time.Time) {
	luck := mix(m.opts.Seed, uint64(b.id)) / 64 % 16
	program := b.o.shop.program
	switch {
	case s.refund == refPreDecided:
		s.refund = refDelivery
	case s.shipment == shCreated && !b.refused:
		s.shipment, s.refund = shReceived, refInProgress
	case s.shipment == shCreated, s.shipment == shReceived:
		s.shipment = shTransit
		if !b.refused {
			s.refund = refRefunded
			if b.money(&s) == 0 {
				s.refund = refNoMoney
			}
		}
	case s.shipment == shTransit && luck == 1:
		s.shipment = shLost
	case s.shipment == shTransit && program == programFBY:
		s.shipment = shWarehouse
	case s.shipment == shTransit && program == programDBS:
		s.shipment = shPicked
	case s.shipment == shTransit:
		s.shipment, s.till = shReady, now.AddDate(0, 0, keptForDays)
	case s.shipment == shReady && luck == 2:
		s.shipment, s.till = shToUtilize, time.Time{}
	case s.shipment == shReady:
		s.shipment, s.till = shPicked, time.Time{}
	case s.shipment == shToUtilize:
		s.shipment = shUtilized
	}
	m.setBack(b, s, now)
	switch s.shipment {
	case shPicked, shLost, shWarehouse, shUtilized:
		m.finish(b, &s, now)
	case shNone, shCreated, shReceived, shTransit, shReady, shToUtilize, shCancelled:
	}
}

// finish ends a return; what the buyer got the whole money for is returned, and
// the order says so.
func (m *Market) finish(b *giveback, s *backState, now time.Time) {
	b.over = true
	if b.refused {
		return
	}
	back := map[int64]int64{}
	for _, it := range b.items {
		v, ok := s.verdicts[it.id]
		if !ok || v.decision == deFast || v.decision.comesBack() {
			back[it.line] += it.count
		}
	}
	if len(back) == 0 {
		return
	}
	os := b.o.now()
	to := stReturned
	os.withLines(func(l *line) {
		if l.back += back[l.id]; l.back < l.count {
			to = stPartly
		}
	})
	m.move(b.o, os, to, os.sub, now)
}

// Returns lists every return in the Market's books, oldest first.
func (m *Market) Returns() []marketsim.TruthReturn {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tick()
	out := make([]marketsim.TruthReturn, 0, len(m.backs))
	for _, b := range m.backs {
		s := b.history.Now()
		t := marketsim.TruthReturn{
			ID: strconv.FormatInt(b.id, 10), Order: strconv.FormatInt(b.o.id, 10), Kind: b.kind(), State: s.state(),
			Units: map[string]int64{}, OpenedAt: b.created, Answers: append([]marketsim.Call(nil), b.answers...),
		}
		if !b.kept(s) {
			for _, it := range b.items {
				t.Units[it.sku] += it.count
			}
		}
		if s.refund == refRefunded {
			t.RefundMinor = b.money(s)
		}
		out = append(out, t)
	}
	return out
}

func (b *giveback) kind() orderhub.ReturnKind {
	switch {
	case b.refused:
		return orderhub.ReturnRefused
	case b.items[0].reason == "DOES_NOT_FIT":
		return orderhub.ReturnCustomer
	}
	return orderhub.ReturnDefect
}

// state is what a hub's word must be, written down here on its own.
func (s *backState) state() orderhub.ReturnState {
	switch s.shipment {
	case shCreated:
		return orderhub.ReturnAnnounced
	case shReceived, shTransit:
		return orderhub.ReturnOnTheWay
	case shReady:
		return orderhub.ReturnAtPickup
	case shPicked:
		return orderhub.ReturnReceived
	case shLost, shCancelled, shWarehouse, shToUtilize, shUtilized:
		return orderhub.ReturnClosed
	case shNone:
		if s.refund == refRefunded {
			return orderhub.ReturnClosed
		}
	}
	return orderhub.ReturnAnnounced
}
