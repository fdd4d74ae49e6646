package wbsim

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// supplyTraits must be equal for all orders of a supply; the first order sets them.
type supplyTraits struct {
	cargoType   int
	warehouse   int64
	crossBorder int
	b2b         bool
}

// supplyState is the part of a supply that changes.
type supplyState struct {
	done, deleted    bool
	closedAt, scanAt time.Time
	traits           *supplyTraits // nil while empty
	shipping         *shipping     // nil until set
}

// supply is a batch of FBS orders that goes to Wildberries together.
type supply struct {
	id        string
	number    int64 // the numeric part of id, also the cursor of the list
	name      string
	createdAt time.Time
	hist      marketsim.History[supplyState]
	ever      map[int64]*order // every order that was attached at some time
	count     int              // attached now
	unscanned int              // of these: handed over and not scanned
}

func (s *supply) attach(o *order, next state, now time.Time, same bool) {
	if next.isUnscanned() {
		s.unscanned++
	}
	if same {
		return
	}
	s.ever[o.id] = o
	if s.count++; s.count == 1 {
		st := s.hist.Now()
		st.traits = &o.traits
		s.hist.Set(now, st)
	}
}

func (s *supply) detach(prev state, now time.Time, same bool) {
	if prev.isUnscanned() {
		s.unscanned--
	}
	if same {
		return
	}
	if s.count--; s.count == 0 {
		st := s.hist.Now()
		st.traits = nil
		s.hist.Set(now, st)
	}
}

// scan notes that Wildberries saw the first goods of the supply.
func (s *supply) scan(now time.Time) {
	if st := s.hist.Now(); st.scanAt.IsZero() {
		st.scanAt = now
		s.hist.Set(now, st)
	}
}

// attached lists the orders that are in the supply now, by id.
func (s *supply) attached() []*order {
	return s.filter(func(o *order) bool { return o.hist.Now().supply == s.id })
}

func (s *supply) filter(keep func(*order) bool) []*order {
	out := make([]*order, 0, s.count)
	for _, o := range s.ever {
		if keep(o) {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b *order) int { return cmp.Compare(a.id, b.id) })
	return out
}

// supply finds a supply that still exists. The lock must be held.
func (m *Market) supply(id string) *supply {
	if s := m.supplies[id]; s != nil && !s.hist.Now().deleted {
		return s
	}
	return nil
}

type supplyWire struct {
	ID                           string     `json:"id"`
	Name                         string     `json:"name"`
	Done                         bool       `json:"done"`
	CreatedAt                    time.Time  `json:"createdAt"`
	ClosedAt                     *time.Time `json:"closedAt"`
	ScanDt                       *time.Time `json:"scanDt"`
	CargoType                    int        `json:"cargoType"`
	CrossBorderType              *int       `json:"crossBorderType"`
	IsB2b                        *bool      `json:"isB2b"`
	IsPickupPointShipmentAllowed bool       `json:"isPickupPointShipmentAllowed"`
	DestinationOfficeID          *int64     `json:"destinationOfficeId"`
	RecommendedWhID              int64      `json:"recommendedWhId"`
	ShippingDt                   *string    `json:"shippingDt"`
	ShippingPointID              *int64     `json:"shippingPointId"`
	ShippingType                 *string    `json:"shippingType"`
	WaybillUUID                  *string    `json:"waybillUuid"`
	SpotAvailable                bool       `json:"spotAvailable"`
}

func (s *supply) wire(st supplyState) supplyWire {
	w := supplyWire{
		ID: s.id, Name: s.name, Done: st.done, CreatedAt: s.createdAt.Truncate(time.Second),
		ClosedAt: wireTime(st.closedAt), ScanDt: wireTime(st.scanAt), IsPickupPointShipmentAllowed: true,
	}
	if t := st.traits; t != nil {
		office := officeOf(t.warehouse)
		w.CargoType, w.CrossBorderType, w.IsB2b, w.DestinationOfficeID = t.cargoType, &t.crossBorder, &t.b2b, &office
		w.IsPickupPointShipmentAllowed = t.cargoType == 1
	}
	if sh := st.shipping; sh != nil {
		w.ShippingDt, w.ShippingPointID, w.ShippingType = &sh.date, &sh.point, &sh.kind
	}
	return w
}

func wireTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.Truncate(time.Second)
	return &t
}

// createSupply is POST /api/v3/supplies. Repeating it makes another supply.
func (m *Market) createSupply(c *call) *reply {
	var body struct {
		Name string `json:"name"`
	}
	if !c.body(&body) || strings.TrimSpace(body.Name) == "" || utf8.RuneCountInString(body.Name) > 128 {
		return badBody()
	}
	defer c.lock()()
	m.lastSupply += 1 + m.rnd.Int64N(5)
	s := &supply{
		id: fmt.Sprintf("WB-GI-%d", m.lastSupply), number: m.lastSupply, name: body.Name,
		createdAt: c.now, ever: map[int64]*order{},
	}
	s.hist.Set(c.now, supplyState{})
	m.supplies[s.id] = s
	m.supplyList = append(m.supplyList, s)
	return answer(http.StatusCreated, map[string]string{"id": s.id})
}

// listSupplies is GET /api/v3/supplies, oldest first.
func (m *Market) listSupplies(c *call) *reply {
	limit, next, ok := c.page()
	if !ok {
		return badParameter()
	}
	t := c.asOf()
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := []supplyWire{}
	last := int64(0)
	first := sort.Search(len(m.supplyList), func(i int) bool { return m.supplyList[i].number > next })
	for _, s := range m.supplyList[first:] {
		if len(out) == limit {
			break
		}
		if st, exists := s.hist.At(t); exists && !st.deleted {
			out = append(out, s.wire(st))
			last = s.number
		}
	}
	return answer(http.StatusOK, map[string]any{"supplies": out, "next": last})
}

// getSupply is GET /api/v3/supplies/{supplyId}.
func (m *Market) getSupply(c *call) *reply {
	t := c.asOf()
	m.mu.RLock()
	defer m.mu.RUnlock()
	if s := m.supplies[c.r.PathValue("supplyId")]; s != nil {
		if st, exists := s.hist.At(t); exists && !st.deleted {
			return answer(http.StatusOK, s.wire(st))
		}
	}
	return notFound()
}

// deleteSupply is DELETE /api/v3/supplies/{supplyId}: only active and empty ones.
func (m *Market) deleteSupply(c *call) *reply {
	defer c.lock()()
	s := m.supply(c.r.PathValue("supplyId"))
	if s == nil {
		return notFound()
	}
	st := s.hist.Now()
	if st.done || s.count > 0 {
		return conflict("SupplyHasOrders")
	}
	st.deleted = true
	s.hist.Set(c.now, st)
	return noContent()
}

// maxSupplyAdd is how many orders one call may add.
const maxSupplyAdd = 100

// addToSupply is PATCH /api/marketplace/v3/supplies/{supplyId}/orders: all of
// the orders are added or, when one does not fit, none, and the answer does not
// say which.
func (m *Market) addToSupply(c *call) *reply {
	var body idsBody
	if !c.body(&body) || len(body.Orders) == 0 || len(body.Orders) > maxSupplyAdd {
		return badParameter()
	}
	defer c.lock()()
	s := m.supply(c.r.PathValue("supplyId"))
	if s == nil {
		return notFound()
	}
	batch, ok := m.fitting(s, body.Orders, c.now)
	if !ok {
		return conflict("FailedToAddSupplyOrder")
	}
	for _, o := range batch {
		st := o.hist.Now()
		if st.supply == s.id && st.supplier == supplierConfirm {
			continue // already there, or named twice
		}
		what, to := "accept", orderhub.StatusConfirmed
		if st.supplier == supplierConfirm {
			what, to = "move", ""
		}
		st.supplier, st.supply = supplierConfirm, s.id
		m.set(o, st, c.now)
		o.called(what, to, c.now)
	}
	return noContent()
}

// fitting resolves the ids and checks the rules: an open supply, orders that
// may be put into one, and one set of traits.
func (m *Market) fitting(s *supply, ids []int64, now time.Time) ([]*order, bool) {
	st := s.hist.Now()
	if st.done {
		return nil, false
	}
	want := st.traits
	batch := make([]*order, 0, len(ids))
	for _, id := range ids {
		o := m.order(id, orderhub.SchemeFBS)
		if o == nil || !m.canJoin(o, now) {
			return nil, false
		}
		if want == nil {
			want = &o.traits
		}
		if o.traits != *want {
			return nil, false
		}
		batch = append(batch, o)
	}
	return batch, true
}

// canJoin: new orders, orders of another open supply, and orders of a closed one
// that must be shipped again.
func (m *Market) canJoin(o *order, now time.Time) bool {
	st := o.hist.Now()
	if st.wb != wbWaiting {
		return false
	}
	switch st.supplier {
	case supplierNew, supplierConfirm:
		return true
	case supplierComplete:
		s := m.supplies[st.supply]
		return s != nil && m.mustReship(s.hist.Now(), st, now)
	case supplierDeliver, supplierReceive, supplierReject, supplierCancel:
		return false
	}
	return false
}

// mustReship: the supply was scanned long enough ago and this order was not in it.
func (m *Market) mustReship(s supplyState, o state, t time.Time) bool {
	return o.isUnscanned() && !s.scanAt.IsZero() && !t.Before(s.scanAt.Add(m.opts.ReshipAfter))
}

// reshipment is GET /api/v3/supplies/orders/reshipment.
func (m *Market) reshipment(c *call) *reply {
	t := c.asOf()
	type row struct {
		SupplyID string `json:"supplyID"`
		OrderID  int64  `json:"orderID"`
	}
	out := []row{}
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, s := range m.supplyList {
		if s.unscanned == 0 {
			continue
		}
		sup, ok := s.hist.At(t)
		if !ok || sup.scanAt.IsZero() {
			continue
		}
		for _, o := range s.filter(func(o *order) bool {
			st, exists := o.hist.At(t)
			return exists && st.supply == s.id && m.mustReship(sup, st, t)
		}) {
			out = append(out, row{SupplyID: s.id, OrderID: o.id})
		}
	}
	return answer(http.StatusOK, map[string]any{"orders": out})
}

// supplyOrderIDs is GET /api/marketplace/v3/supplies/{supplyId}/order-ids.
func (m *Market) supplyOrderIDs(c *call) *reply {
	t := c.asOf()
	m.mu.RLock()
	defer m.mu.RUnlock()
	s := m.supplies[c.r.PathValue("supplyId")]
	if s == nil {
		return notFound()
	}
	if st, exists := s.hist.At(t); !exists || st.deleted {
		return notFound()
	}
	ids := []int64{}
	for _, o := range s.filter(func(o *order) bool {
		st, exists := o.hist.At(t)
		return exists && st.supply == s.id
	}) {
		ids = append(ids, o.id)
	}
	return answer(http.StatusOK, map[string]any{"orderIds": ids})
}

// deliverSupply is PATCH /api/v3/supplies/{supplyId}/deliver. The answer to
// delivering a closed supply again is not documented; 409 StatusMismatch here.
func (m *Market) deliverSupply(c *call) *reply {
	defer c.lock()()
	s := m.supply(c.r.PathValue("supplyId"))
	if s == nil {
		return notFound()
	}
	st := s.hist.Now()
	switch {
	case st.done:
		return conflict("StatusMismatch")
	case s.count == 0:
		return conflict("SupplyHasZeroOrders")
	case st.shipping == nil:
		return conflict("SupplyShippingRequired")
	}
	orders := s.attached()
	if bad := m.badMeta(orders, c.now); len(bad) > 0 {
		return v3ErrorData(http.StatusConflict, "MetaValidationFail", map[string]any{"orders": bad})
	}
	st.done, st.closedAt = true, c.now
	s.hist.Set(c.now, st)
	for _, o := range orders {
		next := o.hist.Now()
		next.supplier = supplierComplete
		m.set(o, next, c.now)
		o.called("deliver", orderhub.StatusShipped, c.now)
	}
	return noContent()
}
