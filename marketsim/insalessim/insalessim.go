// Package insalessim simulates a shop on InSales: its REST API as the vendor
// describes it (lists by updated_since and from_id, the limit of calls, group
// updates that are queued, webhooks that are sent once and not signed), with
// books of its own. It knows nothing of the hub.
package insalessim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// The credentials of the one application.
const (
	Login    = "orderhub-demo-app"
	Password = "4c3f4c197336eb97475506e71c839c71"
	Host     = "orderhub-demo.myinsales.ru"
	// OwnStatus and OwnPickup are statuses that the shop made itself; they belong to
	// approved and to dispatched.
	OwnStatus = "sobran"
	OwnPickup = "v-punkte"
	// TrackingField takes tracking numbers.
	TrackingField = "trace"
)

// Options set up a shop.
type Options struct {
	// Injector decides about faults; nil = none.
	Injector *marketsim.Injector
	// Now is the clock; nil = time.Now.
	Now func() time.Time
	// Fast makes queued work take milliseconds.
	Fast bool
	// Seed makes buyers and addresses.
	Seed uint64
	// QuotaScale multiplies the 500 calls in five minutes; 0 = 1.
	QuotaScale float64
}

// Market is the shop. It implements marketsim.Market.
type Market struct {
	opts     Options
	in       *marketsim.Injector
	quota    window
	notifier *notifier
	work     sync.WaitGroup
	quit     chan struct{}

	mu       sync.Mutex
	orders   map[int64]*order
	ids      []int64
	last     int64
	hooks    []hook
	lastHook int64

	variants      map[string]*variant // by SKU
	onlyPublished bool
}

var (
	_ marketsim.Market    = (*Market)(nil)
	_ marketsim.Stocked   = (*Market)(nil)
	_ marketsim.Returning = (*Market)(nil)
)

// order is one order in the books; what may be shown late is in its history.
type order struct {
	id      int64
	number  int64
	placed  time.Time
	lines   []line
	comment string
	paid    bool
	calls   []marketsim.Call
	history marketsim.History[state]
}

type line struct {
	marketsim.SpecLine
	id int64
	v  *variant
}

// state is what changes in an order.
type state struct {
	status, own string
	paid        bool
	tracking    string
	updated     time.Time
	delivered   time.Time
}

// New makes a shop; Close it.
func New(opts Options) *Market {
	if opts.Injector == nil {
		opts.Injector = marketsim.NewInjector(opts.Seed, marketsim.Faults{})
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.QuotaScale == 0 {
		opts.QuotaScale = 1
	}
	m := &Market{
		opts: opts, in: opts.Injector, quota: window{calls: int(500 * opts.QuotaScale)}, quit: make(chan struct{}),
		orders: map[int64]*order{}, last: 40_000_000 + int64(opts.Seed%1000)*10_000, lastHook: 700, variants: map[string]*variant{},
	}
	m.notifier = newNotifier(m.in)
	return m
}

// Channel is "insales".
func (m *Market) Channel() orderhub.Channel { return "insales" }

// Settings are those of the hub's account.
func (m *Market) Settings() map[string]string {
	return map[string]string{
		"shop": Host, "login": Login, "password": Password, "tracking_field": TrackingField, "status_words": OwnStatus + "=packed; " + OwnPickup + "=ready_for_pickup",
	}
}

// Notify subscribes an address to all events of orders, in place of those that
// are subscribed.
func (m *Market) Notify(url string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hooks = nil
	if url == "" {
		return
	}
	for _, topic := range orderTopics {
		m.lastHook++
		m.hooks = append(m.hooks, hook{ID: m.lastHook, Address: url, Topic: topic, FormatType: "json"})
	}
}

// Close ends background work.
func (m *Market) Close() {
	close(m.quit)
	m.work.Wait()
	m.notifier.Close()
}

// later does something after a while, unless the shop is closed before.
func (m *Market) later(f func()) {
	wait := time.Second
	if m.opts.Fast {
		wait = 15 * time.Millisecond
	}
	m.work.Add(1)
	go func() {
		defer m.work.Done()
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
			f()
		case <-m.quit:
		}
	}()
}

// Place makes an order.
func (m *Market) Place(spec marketsim.OrderSpec) ([]string, error) {
	switch {
	case spec.Scheme != "" && spec.Scheme != orderhub.SchemeSite:
		return nil, fmt.Errorf("place: the shop has no scheme %q", spec.Scheme)
	case spec.External != "":
		return nil, fmt.Errorf("place: a shop does not deliver another site's orders")
	case len(spec.Lines) == 0:
		return nil, fmt.Errorf("place: no lines")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.sell(spec.Lines); err != nil {
		return nil, err
	}
	now := m.opts.Now().UTC()
	m.last++
	o := &order{id: m.last, number: m.last % 100_000, placed: now, comment: spec.Comment, paid: !spec.Pending}
	if !spec.PlacedAt.IsZero() {
		o.placed = spec.PlacedAt.UTC()
	}
	for i, l := range spec.Lines {
		o.lines = append(o.lines, line{SpecLine: l, id: o.id*10 + int64(i), v: m.variant(l.SKU)})
	}
	m.orders[o.id], m.ids = o, append(m.ids, o.id)
	m.set(o, state{status: "new", paid: o.paid}, "orders/create")
	return []string{strconv.FormatInt(o.id, 10)}, nil
}

// set writes a new state and tells of it; the caller holds the lock. Times of
// change are whole seconds: several orders share one.
func (m *Market) set(o *order, s state, topic string) {
	now := m.opts.Now().UTC()
	s.updated = now.Truncate(time.Second)
	o.history.Set(now, s)
	m.tell(topic, o, s)
}

// Act lets the buyer do something. There are no cancel requests: who cancels,
// cancels at once.
func (m *Market) Act(id string, act marketsim.BuyerAct) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(id)
	if o == nil {
		return fmt.Errorf("%s: no order %s", act, id)
	}
	s := o.history.Now()
	underWay := s.status == "dispatched"
	open := s.status == "new" || s.status == "accepted" || s.status == "approved"
	switch {
	case act == marketsim.ActPay && !s.paid && open:
		s.paid = true
	case act == marketsim.ActCancel && open:
		s.status, s.own = "declined", ""
		m.putBack(o)
	case act == marketsim.ActRefuse && underWay:
		s.status, s.own = "returned", ""
	case act == marketsim.ActReturn && s.status == "delivered":
		s.status, s.own = "returned", ""
	default:
		return fmt.Errorf("%s: order %s is %s", act, id, s.status)
	}
	m.set(o, s, "orders/update")
	return nil
}

// Progress: every other order goes with a delivery service that tells the shop
// when it was handed to the buyer; the others are the shop's own couriers, of
// whom its people tell.
func (m *Market) Progress(id string) (moved bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(id)
	if o == nil {
		return false, fmt.Errorf("progress: no order %s", id)
	}
	s := o.history.Now()
	if s.status != "dispatched" || o.id%2 == 1 {
		return false, nil
	}
	s.status, s.own, s.delivered = "delivered", "", m.opts.Now().UTC()
	m.set(o, s, "orders/update")
	return true, nil
}

func (m *Market) find(id string) *order {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil
	}
	return m.orders[n]
}

// Truth lists the books.
func (m *Market) Truth() []marketsim.TruthOrder {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]marketsim.TruthOrder, 0, len(m.ids))
	for _, id := range m.ids {
		o := m.orders[id]
		s := o.history.Now()
		t := marketsim.TruthOrder{
			ID: strconv.FormatInt(o.id, 10), Native: s.status, Sub: s.own, Headline: headline(s), Scheme: orderhub.SchemeSite,
			PlacedAt: o.placed, Calls: slices.Clone(o.calls),
		}
		for _, l := range o.lines {
			t.Units += l.Quantity
			t.TotalMinor += l.Quantity * l.PriceMinor
		}
		out = append(out, t)
	}
	return out
}

// headline is written down here independently of the adapter.
func headline(s state) orderhub.Status {
	switch s.own {
	case OwnStatus:
		return orderhub.StatusPacked
	case OwnPickup:
		return orderhub.StatusReadyForPickup
	}
	return map[string]orderhub.Status{
		"new": orderhub.StatusNew, "accepted": orderhub.StatusConfirmed, "approved": orderhub.StatusConfirmed, "dispatched": orderhub.StatusShipped,
		"delivered": orderhub.StatusDelivered, "declined": orderhub.StatusCancelled, "returned": orderhub.StatusReturned,
	}[s.status]
}

// Returns are the orders that came back, whole: the shop knows no more.
func (m *Market) Returns() []marketsim.TruthReturn {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []marketsim.TruthReturn
	for _, id := range m.ids {
		o := m.orders[id]
		s := o.history.Now()
		if s.status != "returned" {
			continue
		}
		r := marketsim.TruthReturn{
			ID: strconv.FormatInt(o.id, 10), Order: strconv.FormatInt(o.id, 10), Kind: orderhub.ReturnRefused,
			State: orderhub.ReturnAnnounced, Units: map[string]int64{}, OpenedAt: s.updated,
		}
		if !s.delivered.IsZero() {
			r.Kind = orderhub.ReturnCustomer
		}
		for _, l := range o.lines {
			r.Units[l.SKU] += l.Quantity
		}
		out = append(out, r)
	}
	return out
}

// ProgressReturn never moves: what comes back is between the buyer and the
// shop's people.
func (m *Market) ProgressReturn(id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.find(id) == nil {
		return false, fmt.Errorf("progress: no return %s", id)
	}
	return false, nil
}

// Remove deletes an order, as people do with tests: it is in no list any more.
func (m *Market) Remove(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(id)
	if o == nil {
		return
	}
	m.tell("orders/destroy", o, o.history.Now())
	delete(m.orders, o.id)
	m.ids = slices.DeleteFunc(m.ids, func(n int64) bool { return n == o.id })
}

// changed lists the orders as of a moment, by the time of their change and id.
func (m *Market) changed(at time.Time) []seen {
	var out []seen
	for _, id := range slices.Sorted(maps.Keys(m.orders)) {
		if s, ok := m.orders[id].history.At(at); ok {
			out = append(out, seen{m.orders[id], s})
		}
	}
	slices.SortStableFunc(out, func(a, b seen) int {
		return cmp.Or(a.s.updated.Compare(b.s.updated), cmp.Compare(a.o.id, b.o.id))
	})
	return out
}

type seen struct {
	o *order
	s state
}
