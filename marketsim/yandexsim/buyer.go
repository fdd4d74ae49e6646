package yandexsim

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// moscow is the Market's own time zone; Russia keeps no summer time.
var moscow = time.FixedZone("MSK", 3*60*60)

// Place makes an order, and its units are gone from the seller's figure at the
// same moment. A backdated one has the old creation date but a fresh
// update date: the Market's books changed now, and a sweep by update date must
// be able to find it.
func (m *Market) Place(spec marketsim.OrderSpec) ([]string, error) {
	shop, err := shopFor(spec.Scheme)
	if err != nil {
		return nil, err
	}
	if err := checkSpec(spec); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	created := spec.PlacedAt
	if created.IsZero() {
		created = now
	}
	held, err := m.take(shop, spec.Lines)
	if err != nil {
		return nil, fmt.Errorf("place order: %w", err)
	}
	id := m.books.nextID()
	luck := mix(m.opts.Seed, uint64(id))
	o := &order{
		id: id, shop: shop, created: created, notes: spec.Comment, held: held,
		buyer: buyers[luck%uint64(len(buyers))], city: cities[luck/7%uint64(len(cities))],
		courier: shop.program == programExpress || (shop.program == programDBS && id%2 == 1),
	}
	o.buyer.id = fmt.Sprintf("%x", luck|1)
	s := state{status: stProcess, sub: subStarted, shipDate: shipDate(created, shop.program), lines: m.newLines(spec, id, luck)}
	if spec.Pending {
		s.status, s.sub = stUnpaid, subWaitingInput
		if luck%2 == 0 {
			s.status, s.sub = stPending, subAwaitConfirm
		}
	}
	m.open[shop.id] = true
	m.books.add(o)
	m.set(o, s, now)
	m.notifyCreated(o)
	return []string{strconv.FormatInt(id, 10)}, nil
}

func shopFor(scheme orderhub.Scheme) (campaign, error) {
	if scheme == "" {
		scheme = orderhub.SchemeFBS
	}
	for _, c := range campaigns {
		if c.program.scheme() == scheme {
			return c, nil
		}
	}
	return campaign{}, fmt.Errorf("place order: yandex market has no scheme %q here", scheme)
}

func checkSpec(spec marketsim.OrderSpec) error {
	if spec.External != "" {
		return fmt.Errorf("place order: yandex market does not deliver site orders here")
	}
	if len(spec.Lines) == 0 || len(spec.Lines) > 99 {
		return fmt.Errorf("place order: %d lines, want 1..99", len(spec.Lines))
	}
	for i, l := range spec.Lines {
		if strings.TrimSpace(l.SKU) == "" || l.Quantity < 1 || l.PriceMinor < 0 {
			return fmt.Errorf("place order: line %d needs a sku, a quantity and a price", i+1)
		}
	}
	return nil
}

// newLines gives every fourth order some bonus points and every fifth a bounty,
// so that payment alone is not the value of the goods.
func (m *Market) newLines(spec marketsim.OrderSpec, id int64, luck uint64) []line {
	var out []line
	for i, l := range spec.Lines {
		n := line{
			id: 810_000_000_000 + (id-firstOrder)*100 + int64(i), count: l.Quantity, price: l.PriceMinor,
			// The Market cuts blanks around an SKU.
			sku: strings.TrimSpace(l.SKU),
		}
		n.marked = m.marked[n.sku]
		if luck%4 == 0 {
			n.bonus = l.PriceMinor / 1000 * 100 // a tenth, in whole roubles
		}
		if luck%5 == 0 {
			n.bounty = l.PriceMinor / 20
		}
		out = append(out, n)
	}
	return out
}

func shipDate(created time.Time, p program) time.Time {
	if p == programExpress {
		return created
	}
	return created.AddDate(0, 0, 1)
}

// set records a new state. Call it with the lock held.
func (m *Market) set(o *order, s state, now time.Time) {
	s.updated = now
	o.history.Set(now, &s)
	m.books.changed(now, o)
}

// move changes the status and tells the shop.
func (m *Market) move(o *order, s state, to status, sub substatus, now time.Time) {
	s.status, s.sub = to, sub
	if to == stCancelled || to == stDelivered {
		s.askedAt = time.Time{}
	}
	m.set(o, s, now)
	m.letGo(o, &s)
	m.notifyStatus(o)
}

// find looks up an order by the id that Place gave.
func (m *Market) find(externalID string) (*order, error) {
	id, err := strconv.ParseInt(externalID, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("yandex market order %.30q: not a number", externalID)
	}
	o := m.books.get(id)
	if o == nil {
		return nil, fmt.Errorf("yandex market order %d: not found", id)
	}
	return o, nil
}

// Act lets the buyer do something.
func (m *Market) Act(externalID string, act marketsim.BuyerAct) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	o, err := m.find(externalID)
	if err != nil {
		return err
	}
	s := o.now()
	switch act {
	case marketsim.ActPay:
		if s.status == stUnpaid || s.status == stPending {
			m.move(o, s, stProcess, subStarted, now)
			return nil
		}
	case marketsim.ActCancel:
		// While an order is being processed the buyer need not ask anyone.
		if s.status == stUnpaid || s.status == stPending || s.status == stProcess {
			m.move(o, s, stCancelled, subChangedMind, now)
			return nil
		}
	case marketsim.ActRequestCancel:
		if o.shop.program == programDBS && (s.status == stDelivery || s.status == stPickup) && !s.waitsForCancelAnswer() {
			s.askedAt = now
			m.set(o, s, now)
			m.waiting = append(m.waiting, deadline{now.Add(m.opts.CancelAnswer), o.id, now})
			m.notifyCancelRequest(o)
			return nil
		}
	case marketsim.ActRefuse:
		if s.status == stDelivery || s.status == stPickup {
			m.refuse(o, s, now)
			return nil
		}
	case marketsim.ActReturn:
		if (s.status == stDelivered || s.status == stPartly) && m.openReturn(o, &s, now) {
			return nil
		}
	}
	return fmt.Errorf("yandex market order %d: %s is not possible in %s %s (%s)", o.id, act, s.status, s.sub, o.shop.program)
}

func (m *Market) refuse(o *order, s state, now time.Time) {
	sub := subRefused
	if s.status == stPickup {
		sub = subPickupExpired
	}
	m.move(o, s, stCancelled, sub, now)
	m.openRefused(o, &s, now)
}

func countsOf(lines []line) map[string]int64 {
	out := map[string]int64{}
	for _, l := range lines {
		if l.count > 0 {
			out[l.sku] += l.count
		}
	}
	return out
}

// deadline is when an unanswered cancellation request is granted.
type deadline struct {
	at    time.Time
	id    int64
	asked time.Time
}

// grantOverdue cancels what the seller did not answer in time.
func (m *Market) grantOverdue(now time.Time) {
	for len(m.waiting) > 0 && !m.waiting[0].at.After(now) {
		d := m.waiting[0]
		m.waiting = m.waiting[1:]
		o := m.books.get(d.id)
		if s := o.now(); s.askedAt.Equal(d.asked) {
			m.move(o, s, stCancelled, subChangedMind, now)
		}
	}
}

// step is one step of the Market, its couriers or its warehouses.
type step struct {
	from status
	sub  substatus
	to   status
	next substatus
}

// marketSteps are what the Market does by itself. DBS has none: the seller
// moves those orders.
var marketSteps = map[program][]step{
	programFBS: {
		{stProcess, subReady, stProcess, subShipped},
		{stProcess, subShipped, stDelivery, subServiceGot},
		{stDelivery, subServiceGot, stPickup, subPickupGot},
		{stPickup, subPickupGot, stDelivered, subUserReceived},
	},
	programExpress: {
		{stProcess, subReady, stDelivery, subCourierSearch},
		{stDelivery, subCourierSearch, stDelivery, subCourierFound},
		{stDelivery, subCourierFound, stDelivery, subCourierHere},
		{stDelivery, subCourierHere, stDelivery, subCourierGot},
		{stDelivery, subCourierGot, stDelivered, subUserReceived},
	},
	programFBY: {
		{stProcess, subStarted, stProcess, subReady},
		{stProcess, subReady, stProcess, subShipped},
		{stProcess, subShipped, stDelivery, subServiceGot},
		{stDelivery, subServiceGot, stPickup, subPickupGot},
		{stPickup, subPickupGot, stDelivered, subUserReceived},
	},
}

// Progress does the Market's next step.
func (m *Market) Progress(externalID string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	o, err := m.find(externalID)
	if err != nil {
		return false, err
	}
	s := o.now()
	for _, st := range marketSteps[o.shop.program] {
		if st.from == s.status && st.sub == s.sub {
			m.move(o, s, st.to, st.next, now)
			return true, nil
		}
	}
	return false, nil
}

// MoveShipment moves the day of shipment, as the Market does when a sorting
// centre is full. Only orders that still wait for shipment can be moved.
func (m *Market) MoveShipment(externalID string, days int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	o, err := m.find(externalID)
	if err != nil {
		return err
	}
	s := o.now()
	if s.status != stProcess || s.sub == subShipped {
		return fmt.Errorf("yandex market order %d: shipment cannot move in %s %s", o.id, s.status, s.sub)
	}
	s.shipDate = s.shipDate.AddDate(0, 0, days)
	m.set(o, s, now)
	m.notifyUpdated(o, "SHIPMENT_DATE_UPDATED")
	return nil
}
