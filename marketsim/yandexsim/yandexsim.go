// Package yandexsim simulates the Yandex Market Partner API: one seller account
// with a shop of each placement model, stateful, over real HTTP, with the
// Market's own words for refusals, its limits, lagging replicas and
// notifications.
//
// It is the other side of the wire: built from the official OpenAPI documents
// and the documentation page "Types of errors", never from the hub's adapter,
// which it must not import.
package yandexsim

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// Options make a Market. The zero value is a Market without faults and with the
// documented limits.
type Options struct {
	// Injector decides about faults; nil = none.
	Injector *marketsim.Injector
	// Now is the clock; nil = time.Now. Time never runs backwards inside.
	Now func() time.Time
	// Fast shortens what the Market does in the background (checks of marking
	// codes, retries of notifications) from seconds and minutes to milliseconds.
	Fast bool
	// Seed decides ids, buyers, prices' shares of bonus points and what is returned.
	Seed uint64

	// APIKey is the token of the account; "" = one made from Seed.
	APIKey string
	// Scopes of the token in the words of POST /v2/auth/token; nil = ALL_METHODS.
	Scopes []string
	Limits Limits
	// Marked lists SKUs whose every unit needs a marking code (CIS).
	Marked []string

	// RepeatOK answers 200 without an effect when the seller sends the status
	// that the order already has. The documents don't say what the real API
	// does; the default is a 400.
	RepeatOK bool
	// CreationDefault keeps the default filter "created in the last 30 days"
	// even when the caller filters by update dates. Undocumented either way.
	CreationDefault bool
	// TokenLife is how long a page token is good; 0 = an hour.
	TokenLife time.Duration
	// Separate warehouses: each shop's stock is its own, and only the v3 calls set
	// and read it. As a rule they are one group, for which only v2 does.
	Separate bool
	// KeepCancelled leaves the units of a cancelled order out of the figure until
	// the seller sends a new one. Undocumented either way; as a rule they are for
	// sale again at once, unless they had left the seller.
	KeepCancelled bool
	// CancelAnswer is how long the seller may think about a buyer's request to
	// cancel before it is granted; 0 = the documented 48 hours.
	CancelAnswer time.Duration
	// ReturnAnswer is how long the seller may think about a return before the
	// money goes back; 0 = the documented 48 hours.
	ReturnAnswer time.Duration
}

// The shops of the account. A campaign is one shop; partnerID is the other
// number of it, which the Market prints in its 404s.
const (
	BusinessID      int64 = 1700101
	CampaignFBS     int64 = 21700201
	CampaignDBS     int64 = 21700202
	CampaignExpress int64 = 21700203
	CampaignFBY     int64 = 21700204
)

type campaign struct {
	id        int64
	partnerID int64
	name      string
	placement string  // the word of GET /v2/campaigns; EXPRESS shops read FBS there
	program   program // the word of orders
	warehouse int64
}

var campaigns = []campaign{
	{CampaignFBS, 1800301, "Полка — FBS", "FBS", programFBS, 77001},
	{CampaignDBS, 1800302, "Полка — DBS", "DBS", programDBS, 77002},
	{CampaignExpress, 1800303, "Полка — Экспресс", "FBS", programExpress, 77003},
	{CampaignFBY, 1800304, "Полка — FBY", "FBY", programFBY, 77004},
}

func campaignByID(id int64) (campaign, bool) {
	for _, c := range campaigns {
		if c.id == id {
			return c, true
		}
	}
	return campaign{}, false
}

// Market is the simulated account. All methods are safe for concurrent use.
type Market struct {
	opts     Options
	inject   *marketsim.Injector
	notifier *marketsim.Notifier
	limits   *limiter
	pictures marketsim.Pictures
	handler  http.Handler
	marked   map[string]bool

	mu      sync.Mutex
	last    time.Time // the latest moment handed out by tick
	books   books
	waiting []deadline // cancellation requests, oldest first
	stocks  map[stockKey]*stock
	goods   shelf
	// onlyPublished: buyers take no more than the figure.
	onlyPublished bool

	open  map[int64]bool // the shops that GET /v2/campaigns shows
	boxes int64

	backs     []*giveback // returns and refused deliveries; ids are consecutive
	undecided []undecided // returns that waited for a decision, oldest first
}

var (
	_ marketsim.Stocked   = (*Market)(nil)
	_ marketsim.Returning = (*Market)(nil)
)

// New makes a Market; Close it.
func New(opts Options) *Market {
	if opts.Injector == nil {
		opts.Injector = marketsim.NewInjector(opts.Seed, marketsim.Faults{})
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.APIKey == "" {
		opts.APIKey = fmt.Sprintf("ACMA:%040x:%08x", mix(opts.Seed, 1), uint32(mix(opts.Seed, 2)))
	}
	if opts.Scopes == nil {
		opts.Scopes = []string{"ALL_METHODS"}
	}
	if opts.TokenLife == 0 {
		opts.TokenLife = time.Hour
	}
	if opts.CancelAnswer == 0 {
		opts.CancelAnswer = 48 * time.Hour
	}
	if opts.ReturnAnswer == 0 {
		opts.ReturnAnswer = 48 * time.Hour
	}
	m := &Market{
		opts: opts, inject: opts.Injector, limits: newLimiter(opts.Limits),
		marked: map[string]bool{}, stocks: map[stockKey]*stock{}, goods: newShelf(),
		open: map[int64]bool{CampaignFBS: true, CampaignDBS: true}, boxes: 640_000_000,
	}
	for _, sku := range opts.Marked {
		m.marked[sku] = true
	}
	m.notifier = marketsim.NewNotifier(m.inject, retryPauses(opts.Fast), goodAnswer)
	m.handler = m.inject.Wrap(m.routes(), m.faultRateLimited, m.faultServer)
	return m
}

// Channel names the marketplace.
func (m *Market) Channel() orderhub.Channel { return "yandex_market" }

// Handler serves the Partner API at the paths of the documents.
func (m *Market) Handler() http.Handler { return m.handler }

// Settings are the account settings of a hub.
func (m *Market) Settings() map[string]string {
	out := map[string]string{"api_key": m.opts.APIKey, "business_id": strconv.FormatInt(BusinessID, 10)}
	if fbs := campaigns[0]; m.opts.Separate {
		out["warehouse_id"] = strconv.FormatInt(fbs.warehouse, 10)
	} else {
		out["stock_campaign_id"] = strconv.FormatInt(fbs.id, 10)
	}
	return out
}

// Truth lists every order in the Market's books, oldest id first.
func (m *Market) Truth() []marketsim.TruthOrder {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tick()
	out := make([]marketsim.TruthOrder, 0, len(m.books.orders))
	for _, o := range m.books.orders {
		s := o.history.Now()
		out = append(out, marketsim.TruthOrder{
			ID: strconv.FormatInt(o.id, 10), Native: string(s.status), Sub: string(s.sub),
			Headline: headline(s.status, s.sub), Scheme: o.shop.program.scheme(),
			Units: s.units(), TotalMinor: s.goods(), PlacedAt: o.created,
			Calls: append([]marketsim.Call(nil), o.calls...),
		})
	}
	return out
}

// Close stops the notifications.
func (m *Market) Close() { m.notifier.Close() }

// tick is the moment of one operation: the clock, never backwards. It also lets
// happen what has become due since the last one. Call it with the lock held.
func (m *Market) tick() time.Time {
	now := m.opts.Now().Round(0)
	if now.Before(m.last) {
		now = m.last
	}
	m.last = now
	m.grantOverdue(now)
	m.refundOverdue(now)
	return now
}

// mix turns the seed and a number into well-spread bits, the same on every run.
func mix(seed, n uint64) uint64 {
	x := seed*0x9e3779b97f4a7c15 + n*0xbf58476d1ce4e5b9 + 0x94d049bb133111eb
	x ^= x >> 31
	x *= 0xd6e8feb86659fd93
	x ^= x >> 32
	return x
}
