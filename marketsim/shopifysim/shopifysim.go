// Package shopifysim simulates a shop on Shopify: the part of the GraphQL Admin
// API that an order hub uses, answered field by field as it is asked for, with
// points, jobs that end later, a search that lags, signed webhooks, and books of
// its own. It knows nothing of the hub.
package shopifysim

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

// The credentials of the one app.
const (
	ClientID     = "d0c5f1a7e2b94c63"
	ClientSecret = "shpss_7c1d9e55aa0b42f3"
	Host         = "orderhub-demo.myshopify.com"
	// Version is the one version of the API that is served.
	Version = "2026-07"
	// Main is the location whose stock is sold, Second another one from which a
	// part of some orders is sent.
	Main, Second = 7700001, 7700002
)

// Options set up a shop.
type Options struct {
	// Injector decides about faults; nil = none.
	Injector *marketsim.Injector
	// Now is the clock; nil = time.Now.
	Now func() time.Time
	// Fast makes jobs and retries take milliseconds.
	Fast bool
	// Seed makes buyers and addresses.
	Seed uint64
	// QuotaScale multiplies the 100 points a second; 0 = 1.
	QuotaScale float64
	// LinesPerPage is how many lines of an order come at once; 0 = 50.
	LinesPerPage int
}

// Market is the shop. It implements marketsim.Market.
type Market struct {
	opts     Options
	in       *marketsim.Injector
	points   *marketsim.Quota
	pictures marketsim.Pictures
	notifier *marketsim.Notifier
	work     sync.WaitGroup
	quit     chan struct{}

	mu       sync.Mutex
	orders   map[int64]*order
	last     int64
	hookURL  string
	hooks    []hook
	lastHook int64
	done     map[string]bool // idempotency keys

	variants      map[string]*variant // by SKU
	onlyPublished bool
}

var (
	_ marketsim.Market    = (*Market)(nil)
	_ marketsim.Stocked   = (*Market)(nil)
	_ marketsim.Returning = (*Market)(nil)
)

type order struct {
	id      int64
	placed  time.Time
	lines   []line
	comment string
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
	updated   time.Time
	cancelled time.Time
	reason    string
	paid      bool
	shipments []shipment
	// open are the fulfilment orders that are still to be sent, by location.
	open    []int64
	returns []giveback
	// refunded are units by line that were given back; nil = none.
	refunded []int64
}

type shipment struct {
	id       int64
	location int64
	display  string
	number   string
	company  string
	// units by line; nil = everything that is sent from the location.
	units []int64
}

// orderOf is the order of a shipment: shipments are numbered within theirs.
func orderOf(shipment int64) int64 { return shipment / shipmentsOfOrder }

// shipmentsOfOrder is more than any order has.
const shipmentsOfOrder = 1000

type giveback struct {
	id     int64
	status string
	opened time.Time
	units  []int64 // by line
	reason string
}

func (s state) clone() state {
	s.shipments, s.open, s.returns = slices.Clone(s.shipments), slices.Clone(s.open), slices.Clone(s.returns)
	return s
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
	if opts.LinesPerPage == 0 {
		opts.LinesPerPage = 50
	}
	retries := []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, time.Hour, time.Hour}
	if opts.Fast {
		retries = []time.Duration{5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond}
	}
	m := &Market{
		opts: opts, in: opts.Injector, quit: make(chan struct{}), orders: map[int64]*order{}, variants: map[string]*variant{}, done: map[string]bool{},
		points: marketsim.NewQuota(int(100*opts.QuotaScale), time.Second, int(2000*opts.QuotaScale)),
		last:   5_900_000_000_000 + int64(opts.Seed%1000)*100_000, lastHook: 88_000,
	}
	m.notifier = marketsim.NewNotifier(m.in, retries, func(status int, _ string, _ []byte) bool { return status >= 200 && status < 300 })
	return m
}

// Channel is "shopify".
func (m *Market) Channel() orderhub.Channel { return "shopify" }

// Settings are those of the hub's account.
func (m *Market) Settings() map[string]string {
	return map[string]string{
		"shop": Host, "client_id": ClientID, "client_secret": ClientSecret, "location_id": strconv.Itoa(Main), "api_version": Version,
	}
}

// Notify subscribes an address to the events of orders, in place of others.
func (m *Market) Notify(url string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hooks = nil
	m.hookURL = url
	m.notifier.SetURL(url)
	if url == "" {
		return
	}
	for topic := range topicNames {
		m.lastHook++
		m.hooks = append(m.hooks, hook{id: m.lastHook, topic: topic, uri: url})
	}
}

// Close ends background work.
func (m *Market) Close() {
	close(m.quit)
	m.work.Wait()
	m.notifier.Close()
}

// later does a job after a while, unless the shop is closed before.
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

// Place makes an order. Every fourth is sent from two locations.
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
	m.last++
	o := &order{id: m.last, placed: m.opts.Now().UTC().Truncate(time.Second), comment: spec.Comment}
	if !spec.PlacedAt.IsZero() {
		o.placed = spec.PlacedAt.UTC()
	}
	for i, l := range spec.Lines {
		o.lines = append(o.lines, line{SpecLine: l, id: o.id*100 + int64(i), v: m.variant(l.SKU)})
	}
	s := state{paid: !spec.Pending, open: []int64{Main}}
	if o.id%4 == 0 {
		s.open = append(s.open, Second)
	}
	m.orders[o.id] = o
	m.set(o, s, "ORDERS_CREATE")
	return []string{strconv.FormatInt(o.id, 10)}, nil
}

// set writes a new state and tells of it; the caller holds the lock. Times are
// whole seconds.
func (m *Market) set(o *order, s state, topic string) {
	now := m.opts.Now().UTC()
	s.updated = now.Truncate(time.Second)
	o.history.Set(now, s)
	m.tell(topic, o, s)
}

// Act lets the buyer do something.
func (m *Market) Act(id string, act marketsim.BuyerAct) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(id)
	if o == nil {
		return fmt.Errorf("%s: no order %s", act, id)
	}
	s := o.history.Now().clone()
	topic := "ORDERS_UPDATED"
	_, sub := words(s)
	switch {
	case !s.cancelled.IsZero():
		return fmt.Errorf("%s: order %s is cancelled", act, id)
	case act == marketsim.ActPay && !s.paid:
		s.paid = true
	case act == marketsim.ActCancel && len(s.shipments) == 0:
		s.cancelled, s.reason, topic = m.opts.Now().UTC(), "CUSTOMER", "ORDERS_CANCELLED"
		m.putBack(o)
	case act == marketsim.ActReturn && sub == "DELIVERED" && len(s.returns) == 0:
		g := giveback{id: o.id + 1, status: "REQUESTED", opened: m.opts.Now().UTC().Truncate(time.Second), reason: "UNWANTED", units: make([]int64, len(o.lines))}
		if o.id%3 == 0 {
			g.reason = "DEFECTIVE"
		}
		for i, l := range o.lines {
			if i == 0 || o.id%2 == 0 {
				g.units[i] = l.Quantity
			}
		}
		s.returns, topic = append(s.returns, g), "RETURNS_REQUEST"
	default:
		return fmt.Errorf("%s: not possible for order %s", act, id)
	}
	m.set(o, s, topic)
	return nil
}

// Progress: every other order goes with a carrier that tells Shopify where it
// is; of the others its people tell.
func (m *Market) Progress(id string) (moved bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(id)
	if o == nil {
		return false, fmt.Errorf("progress: no order %s", id)
	}
	s := o.history.Now().clone()
	word, _ := words(s)
	if word != "FULFILLED" || o.id%2 == 1 {
		return false, nil
	}
	next := map[string]string{"FULFILLED": "IN_TRANSIT", "IN_TRANSIT": "OUT_FOR_DELIVERY", "OUT_FOR_DELIVERY": "DELIVERED", "READY_FOR_PICKUP": "DELIVERED"}
	for i, f := range s.shipments {
		if to := next[f.display]; to != "" {
			s.shipments[i].display, moved = to, true
		}
	}
	if moved {
		m.set(o, s, "ORDERS_UPDATED")
	}
	return moved, nil
}

func (m *Market) find(id string) *order {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil
	}
	return m.orders[n]
}

// words are displayFulfillmentStatus, and displayStatus of the shipment that is
// least far.
func words(s state) (word, sub string) {
	switch {
	case !s.cancelled.IsZero():
		return "CANCELLED", ""
	case len(s.shipments) == 0:
		return "UNFULFILLED", ""
	case len(s.open) > 0:
		return "PARTIALLY_FULFILLED", ""
	}
	order := []string{"FULFILLED", "IN_TRANSIT", "OUT_FOR_DELIVERY", "READY_FOR_PICKUP", "DELIVERED"}
	sub = "DELIVERED"
	for _, f := range s.shipments {
		if slices.Index(order, f.display) < slices.Index(order, sub) {
			sub = f.display
		}
	}
	return "FULFILLED", sub
}

// headline is written down here independently of the adapter.
func headline(s state) orderhub.Status {
	word, sub := words(s)
	switch word + " " + sub {
	case "CANCELLED ":
		return orderhub.StatusCancelled
	case "UNFULFILLED ":
		return orderhub.StatusNew
	case "PARTIALLY_FULFILLED ":
		return orderhub.StatusConfirmed
	case "FULFILLED READY_FOR_PICKUP":
		return orderhub.StatusReadyForPickup
	case "FULFILLED DELIVERED":
		return orderhub.StatusDelivered
	}
	return orderhub.StatusShipped
}

// Truth lists the books.
func (m *Market) Truth() []marketsim.TruthOrder {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]marketsim.TruthOrder, 0, len(m.orders))
	for _, id := range slices.Sorted(maps.Keys(m.orders)) {
		o := m.orders[id]
		s := o.history.Now()
		t := marketsim.TruthOrder{
			ID: strconv.FormatInt(o.id, 10), Headline: headline(s), Scheme: orderhub.SchemeSite, PlacedAt: o.placed, Calls: slices.Clone(o.calls),
		}
		t.Native, t.Sub = words(s)
		for _, l := range o.lines {
			t.Units += l.Quantity
			t.TotalMinor += l.Quantity * l.PriceMinor
		}
		out = append(out, t)
	}
	return out
}

// Returns lists what the buyers want to send back.
func (m *Market) Returns() []marketsim.TruthReturn {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []marketsim.TruthReturn
	for _, id := range slices.Sorted(maps.Keys(m.orders)) {
		o := m.orders[id]
		for _, g := range o.history.Now().returns {
			r := marketsim.TruthReturn{
				ID: strconv.FormatInt(g.id, 10), Order: strconv.FormatInt(o.id, 10), Kind: orderhub.ReturnCustomer,
				State: orderhub.ReturnAnnounced, Units: map[string]int64{}, OpenedAt: g.opened,
			}
			if g.reason == "DEFECTIVE" {
				r.Kind = orderhub.ReturnDefect
			}
			if g.status != "REQUESTED" {
				r.State = orderhub.ReturnOnTheWay
			}
			for i, n := range g.units {
				if n > 0 {
					r.Units[o.lines[i].SKU] += n
				}
			}
			out = append(out, r)
		}
	}
	return out
}

// ProgressReturn: the shop's people approve what is asked for, and close it.
func (m *Market) ProgressReturn(id string) (moved bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.orders {
		s := o.history.Now().clone()
		for i, g := range s.returns {
			if strconv.FormatInt(g.id, 10) != id {
				continue
			}
			to := map[string]string{"REQUESTED": "OPEN", "OPEN": "CLOSED"}[g.status]
			if to == "" {
				return false, nil
			}
			s.returns[i].status = to
			m.set(o, s, map[string]string{"OPEN": "RETURNS_APPROVE", "CLOSED": "RETURNS_CLOSE"}[to])
			return true, nil
		}
	}
	return false, fmt.Errorf("progress: no return %s", id)
}

type seen struct {
	o *order
	s state
}

// changed lists the orders as of a moment, by a time of theirs and their id.
func (m *Market) changed(at time.Time, by func(seen) time.Time) []seen {
	var out []seen
	for _, o := range m.orders {
		if s, ok := o.history.At(at); ok {
			out = append(out, seen{o, s})
		}
	}
	slices.SortFunc(out, func(a, b seen) int { return cmp.Or(by(a).Compare(by(b)), cmp.Compare(a.o.id, b.o.id)) })
	return out
}
