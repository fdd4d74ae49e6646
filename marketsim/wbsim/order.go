package wbsim

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// supplierStatus is what the seller did (03-orders-fbs.yaml and 05-dbs.yaml,
// supplierStatus).
type supplierStatus string

const (
	supplierNew      supplierStatus = "new"
	supplierConfirm  supplierStatus = "confirm"
	supplierComplete supplierStatus = "complete" // FBS
	supplierDeliver  supplierStatus = "deliver"  // DBS
	supplierReceive  supplierStatus = "receive"  // DBS
	supplierReject   supplierStatus = "reject"   // DBS
	supplierCancel   supplierStatus = "cancel"
)

// wbStatus is what Wildberries and the buyer did; only those that the simulator
// produces.
type wbStatus string

const (
	wbWaiting  wbStatus = "waiting"
	wbSorted   wbStatus = "sorted"
	wbReady    wbStatus = "ready_for_pickup"
	wbSold     wbStatus = "sold"
	wbCanceled wbStatus = "canceled"           // mirrors the seller's cancel
	wbRefused  wbStatus = "canceled_by_client" // at receipt
	wbDeclined wbStatus = "declined_by_client" // before hand-over
)

// state is the part of an order that changes. Values are never modified, only
// replaced, so History may keep them.
type state struct {
	supplier supplierStatus
	wb       wbStatus
	supply   string // id of the supply that the order is attached to
	sgtins   []string
	sgtinAt  time.Time
}

// isNew is the condition of the "orders/new" lists.
func (s state) isNew() bool { return s.supplier == supplierNew && s.wb == wbWaiting }

// isUnscanned: handed over by the seller, not yet seen by Wildberries.
func (s state) isUnscanned() bool { return s.supplier == supplierComplete && s.wb == wbWaiting }

// isFinished is the condition of the DBS list of finished orders.
func (s state) isFinished() bool { return s.wb != wbWaiting || s.supplier == supplierCancel }

// canCancel is isCancellable of orders/status: until Wildberries has the goods.
func (s state) canCancel() bool {
	return s.wb == wbWaiting && (s.supplier == supplierNew || s.supplier == supplierConfirm || s.supplier == supplierComplete)
}

// headline says which word of the hub a pair of statuses must become. Written
// down from the documents; the adapter has its own table.
func (s state) headline() orderhub.Status {
	switch s.wb {
	case wbSold:
		return orderhub.StatusDelivered
	case wbCanceled, wbRefused, wbDeclined:
		return orderhub.StatusCancelled
	case wbReady:
		return orderhub.StatusReadyForPickup
	case wbWaiting, wbSorted:
	}
	switch s.supplier {
	case supplierNew:
		return orderhub.StatusNew
	case supplierConfirm:
		return orderhub.StatusConfirmed
	case supplierComplete, supplierDeliver:
		return orderhub.StatusShipped
	case supplierReceive:
		return orderhub.StatusDelivered
	case supplierReject, supplierCancel:
		return orderhub.StatusCancelled
	}
	return orderhub.StatusUnknown
}

// order is one assembly order: one unit of one article.
type order struct {
	id       int64
	rid      string
	uid      string // orderUid: one purchase
	groupID  string // DBS: one purchase and one warehouse
	code     string // DBS: shown to the buyer, asked at hand-over
	scheme   orderhub.Scheme
	article  article
	traits   supplyTraits
	required []string
	optional []string
	price    int64 // kopecks
	placed   time.Time
	comment  string
	zero     bool // ordered at zero stock

	hist  marketsim.History[state]
	calls []marketsim.Call
}

// has reports whether a labelling key may be set on the order.
func (o *order) has(key string) bool {
	return slices.Contains(o.required, key) || slices.Contains(o.optional, key)
}

// find looks an order up by the text form of its id. The lock must be held.
func (m *Market) find(externalID string) (*order, error) {
	id, err := strconv.ParseInt(externalID, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("order %q: not an assembly order id", externalID)
	}
	o := m.orders[id]
	if o == nil {
		return nil, fmt.Errorf("order %s: not found", externalID)
	}
	return o, nil
}

// order finds an order of one scheme; nil for ids of the other: each model has
// its own API. The lock must be held.
func (m *Market) order(id int64, scheme orderhub.Scheme) *order {
	if o := m.orders[id]; o != nil && o.scheme == scheme {
		return o
	}
	return nil
}

// set gives the order its next state and keeps the lists and supplies in step.
// The lock must be held for writing.
func (m *Market) set(o *order, next state, now time.Time) {
	prev := o.hist.Now()
	o.hist.Set(now, next)
	if prev.isNew() && !next.isNew() {
		m.list(o.scheme).left(now)
	}
	if s := m.supplies[prev.supply]; s != nil {
		s.detach(prev, now, next.supply == prev.supply)
	}
	if s := m.supplies[next.supply]; s != nil {
		s.attach(o, next, now, next.supply == prev.supply)
	}
}

// called records a seller's call that changed the order.
func (o *order) called(what string, to orderhub.Status, now time.Time) {
	o.calls = append(o.calls, marketsim.Call{At: now, To: to, What: what})
}

func (m *Market) list(scheme orderhub.Scheme) *orderList {
	if scheme == orderhub.SchemeDBS {
		return &m.dbs
	}
	return &m.fbs
}

// orderList keeps the orders of one scheme so that neither the new ones nor
// those of a recent period cost a walk over all.
type orderList struct {
	all       []*order // by id
	maxPlaced []int64  // running maximum of placed over all, Unix seconds
	fresh     []*order // by id: the new ones, and some that have left
	gone      int      // how many have left fresh since it was last swept
}

// replicaReach is how long orders that are no longer new are still remembered
// for stale replicas.
const replicaReach = 5 * time.Minute

func (l *orderList) add(o *order) {
	placed := o.placed.Unix()
	if n := len(l.maxPlaced); n > 0 {
		placed = max(placed, l.maxPlaced[n-1])
	}
	l.all = append(l.all, o)
	l.maxPlaced = append(l.maxPlaced, placed)
	l.fresh = append(l.fresh, o)
}

// left counts an order that is new no more and sweeps now and then: at most
// twice the work of the leaving itself.
func (l *orderList) left(now time.Time) {
	l.gone++
	if l.gone < 256 || l.gone*2 < len(l.fresh) {
		return
	}
	l.gone = 0
	l.fresh = slices.DeleteFunc(l.fresh, func(o *order) bool {
		return !o.hist.Now().isNew() && now.Sub(o.hist.ChangedAt()) > replicaReach
	})
}

// newAt lists the orders that were new at the moment t.
func (l *orderList) newAt(t time.Time) []*order {
	var out []*order
	for _, o := range l.fresh {
		if st, ok := o.hist.At(t); ok && st.isNew() {
			out = append(out, o)
		}
	}
	return out
}

// page lists at most limit orders with an id above next that were placed in
// [from, to] and pass keep.
func (l *orderList) page(next int64, limit int, from, to time.Time, keep func(*order) bool) []*order {
	first := sort.Search(len(l.all), func(i int) bool { return l.all[i].id > next })
	// Before the first index whose running maximum reaches from, everything is older.
	if i, _ := slices.BinarySearch(l.maxPlaced, from.Unix()); i > first {
		first = i
	}
	var out []*order
	for _, o := range l.all[first:] {
		if len(out) == limit {
			break
		}
		if !o.placed.Before(from) && !o.placed.After(to) && keep(o) {
			out = append(out, o)
		}
	}
	return out
}
