// Package ozonsim simulates the Ozon Seller API with one seller over real HTTP:
// postings that are placed, assembled, split, moved and cancelled, the answers
// and refusals of the official document, quotas, stale replicas and
// notifications. It is written from that document alone and must know nothing
// of the hub: not its adapter, not its store.
//
// Where the document is silent the choice is written beside the code. The main
// ones: lists are ordered by in_process_at; last_changed_status_date moves with
// the status and the substatus only, not with goods, dates or tracking numbers;
// a posting that was split keeps its lines, its status says that they moved; a
// cancelled posting does not raise the free stock again; a return is of one
// article, whatever leaves the seller and is not bought comes back, and a request
// to return rFBS goods has the id of the return of its goods.
package ozonsim

import (
	"fmt"
	"net/http"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// Channel is the hub's word for this marketplace.
const Channel orderhub.Channel = "ozon"

// Options of a simulator. The zero value is a market without faults, with the
// real quotas and the real pace.
type Options struct {
	// Injector causes faults; nil = none.
	Injector *marketsim.Injector
	// Now is the clock; nil = time.Now. Quotas always run on the real clock.
	Now func() time.Time
	// Fast makes asynchronous steps and retries take milliseconds.
	Fast bool
	// Seed makes order numbers; the same seed and the same calls give the same ids.
	Seed uint64
	// ClientID and APIKey are the seller's credentials; zero = made from Seed.
	ClientID int64
	APIKey   string
	// KeyExpiresAt is what /v1/roles tells; zero = in 90 days.
	KeyExpiresAt time.Time
	// NoQuotas switches the quotas off, QuotaScale multiplies them; 0 = 1.
	NoQuotas   bool
	QuotaScale float64
}

// pace is how long the asynchronous steps take.
type pace struct {
	ship, move time.Duration
	retries    []time.Duration
}

var (
	realPace = pace{
		ship: 3 * time.Second, move: time.Second,
		retries: []time.Duration{2 * time.Second, 10 * time.Second, time.Minute, 3 * time.Minute,
			10 * time.Minute, 10 * time.Minute, 10 * time.Minute, 10 * time.Minute, 10 * time.Minute},
	}
	fastPace = pace{
		ship: 20 * time.Millisecond, move: 10 * time.Millisecond,
		retries: []time.Duration{10 * time.Millisecond, 40 * time.Millisecond, 160 * time.Millisecond,
			500 * time.Millisecond, 500 * time.Millisecond},
	}
)

// Market is the simulated marketplace. Safe for concurrent use.
type Market struct {
	opts     Options
	inject   *marketsim.Injector
	notifier *marketsim.Notifier
	handler  http.Handler
	pictures marketsim.Pictures
	pace     pace
	quotas   *quotas
	paths    []string      // everything served, for /v1/roles
	failures atomic.Uint64 // server errors so far: their forms take turns

	mu       sync.Mutex
	key      KeyState
	closed   bool
	postings map[string]*posting
	all      []*posting // in the order of creation
	orders   map[string]*order
	goods    catalogue
	stocks   map[stockKey]*stock
	limited  bool   // buyers take only what was published
	rets     []*ret // by id
	asks     []*ask // by id
	steps    stepQueue
	stepSeq  int

	byPlaced  index // FBS and rFBS, by in_process_at
	byChanged index // FBS and rFBS, by the last change of status
	open      index // the unfulfilled ones of byPlaced, and those that just left
	fbo       index
	leaving   []leaver
}

var _ marketsim.Stocked = (*Market)(nil)

// New makes a market; Close it.
func New(opts Options) *Market {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Injector == nil {
		opts.Injector = marketsim.NewInjector(opts.Seed, marketsim.Faults{})
	}
	if opts.ClientID == 0 {
		opts.ClientID = 100_000 + int64(hash(opts.Seed, "client")%900_000)
	}
	if opts.APIKey == "" {
		opts.APIKey = fmt.Sprintf("%08x-sim-%08x", uint32(hash(opts.Seed, "key")), uint32(hash(opts.Seed, "secret")))
	}
	m := &Market{
		opts: opts, inject: opts.Injector, pace: realPace, key: KeyActive, quotas: newQuotas(opts),
		postings: map[string]*posting{}, orders: map[string]*order{}, goods: newCatalogue(), stocks: map[stockKey]*stock{},
	}
	if opts.Fast {
		m.pace = fastPace
	}
	for path := range methods {
		m.paths = append(m.paths, path)
	}
	sort.Strings(m.paths)
	m.notifier = marketsim.NewNotifier(m.inject, m.pace.retries, goodAnswer)
	m.handler = m.inject.Wrap(http.HandlerFunc(m.serve), writeRateLimited, m.writeServerError)
	return m
}

// Channel is the hub's word for Ozon.
func (m *Market) Channel() orderhub.Channel { return Channel }

// Handler serves the seller API, faults and quotas included.
func (m *Market) Handler() http.Handler { return m.handler }

// Settings are the credentials under the names of Ozon's own headers, and the
// warehouse whose stock Published tells.
func (m *Market) Settings() map[string]string {
	return map[string]string{
		"client_id": strconv.FormatInt(m.opts.ClientID, 10), "api_key": m.opts.APIKey,
		"warehouse_id": strconv.FormatInt(warehouseFBS.id, 10),
	}
}

// Notify sets where notifications go and sends the check request (TYPE_PING)
// there, as connecting an address in the cabinet does.
func (m *Market) Notify(url string) {
	m.notifier.SetURL(url)
	if url != "" {
		m.ping()
	}
}

// FailedNotifications counts notifications given up after all retries.
func (m *Market) FailedNotifications() int { return m.notifier.Failed() }

// Close stops notifications and asynchronous steps.
func (m *Market) Close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.notifier.Close()
}

// KeyState is what became of the seller's key.
type KeyState string

// The states of a key; all but the first refuse every call.
const (
	KeyActive      KeyState = "active"
	KeyDeactivated KeyState = "deactivated"
	KeyNoRole      KeyState = "no_role"
	KeyRestricted  KeyState = "restricted" // to other IP addresses
)

// SetKey changes the state of the seller's key.
func (m *Market) SetKey(s KeyState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.key = s
}

// now is the market's clock in UTC.
func (m *Market) now() time.Time { return m.opts.Now().UTC() }

// enter takes the lock and does the steps that are due.
func (m *Market) enter() time.Time {
	m.mu.Lock()
	now := m.now()
	m.settle(now)
	return now
}

// Truth lists every posting as the books have it, FBO included. A posting with
// the word cancelled_from_split_pending keeps its units, as on the wire; they
// are counted in its children.
func (m *Market) Truth() []marketsim.TruthOrder {
	m.enter()
	defer m.mu.Unlock()
	out := make([]marketsim.TruthOrder, 0, len(m.all))
	for _, p := range m.all {
		st := p.state()
		out = append(out, marketsim.TruthOrder{
			ID: p.number, Group: p.order.number, Native: st.status, Sub: st.sub,
			Headline: headline(st.status, st.sub), Scheme: p.scheme,
			Units: units(st.lines), TotalMinor: total(st.lines), PlacedAt: p.placedAt,
			Calls: append([]marketsim.Call(nil), p.calls...),
		})
	}
	return out
}
