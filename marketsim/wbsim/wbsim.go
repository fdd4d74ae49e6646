// Package wbsim simulates the seller API of Wildberries with one seller behind
// it: assembly orders of the FBS and DBS models, supplies, labelling codes,
// cards, stocks, claims and returns, the gateway's token check and its token buckets. It is built from the
// official documents only and is the other side of the wire: it must not import
// the hub's adapter or store, and the adapter must not import it.
//
// All hosts of Wildberries are served under one handler. There are no
// notifications, because Wildberries has none.
package wbsim

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// The seller's warehouses, as GET /api/v3/warehouses lists them.
const (
	MainWarehouse   int64 = 901001 // FBS, where most articles lie
	SecondWarehouse int64 = 901002 // FBS, for some articles
	DBSWarehouse    int64 = 901003 // DBS
)

// Options of a Market. The zero value works.
type Options struct {
	// Seed makes ids and other invented data repeat.
	Seed uint64
	// Injector causes faults; nil = none.
	Injector *marketsim.Injector
	// Now is the clock of the books; nil = time.Now. Quotas always run on the
	// real clock.
	Now func() time.Time
	// Fast checks labelling codes within milliseconds instead of seconds.
	Fast bool
	// QuotaScale multiplies the documented limits and bursts; 0 = 1, negative =
	// no limits.
	QuotaScale float64
	// Traits tells what an article is; nil = DefaultTraits.
	Traits func(article string) Traits
	// B2BEvery makes every n-th FBS purchase one of a company; 0 = none.
	B2BEvery int
	// ReshipAfter is how long after the first scan of a supply its unscanned
	// orders are asked for again; 0 = 24 hours.
	ReshipAfter time.Duration
}

// Market is a simulated Wildberries. Safe for concurrent use.
type Market struct {
	opts   Options
	inject *marketsim.Injector
	now    func() time.Time
	token  string

	pictures marketsim.Pictures
	buckets  map[quotaGroup]*bucket
	handler  http.Handler
	serial   atomic.Uint64 // of requestId

	mu         sync.RWMutex
	rnd        *rand.Rand
	orders     map[int64]*order
	fbs, dbs   orderList
	supplies   map[string]*supply
	supplyList []*supply // by number
	stocks     map[stockKey]*marketsim.History[int64]
	goods      map[string]*card     // by article
	cards      []*card              // by time of change and number
	chrts, nms map[int64]bool       // the numbers in the catalogue
	backs      map[string]*comeback // returns by rid
	backList   []*comeback          // in the order of their opening
	claims     map[string]*claim
	claimList  []*claim // oldest first
	lastOrder  int64
	lastSupply int64
	purchases  int
	// onlyPublished: see Market.OnlyPublished.
	onlyPublished bool
}

var _ marketsim.Market = (*Market)(nil)

// New makes a Market without orders.
func New(opts Options) *Market {
	if opts.Injector == nil {
		opts.Injector = marketsim.NewInjector(opts.Seed, marketsim.Faults{})
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Traits == nil {
		opts.Traits = DefaultTraits
	}
	if opts.ReshipAfter == 0 {
		opts.ReshipAfter = 24 * time.Hour
	}
	m := &Market{
		opts: opts, inject: opts.Injector,
		now:      func() time.Time { return opts.Now().UTC() },
		buckets:  newBuckets(opts.QuotaScale),
		rnd:      rand.New(rand.NewPCG(opts.Seed, 1)),
		orders:   map[int64]*order{},
		supplies: map[string]*supply{},
		stocks:   map[stockKey]*marketsim.History[int64]{},
		goods:    map[string]*card{},
		chrts:    map[int64]bool{}, nms: map[int64]bool{},
		backs:      map[string]*comeback{},
		claims:     map[string]*claim{},
		lastOrder:  4_000_000_000,
		lastSupply: 180_000_000,
	}
	m.token = NewToken(Claims{
		Type: tokenPersonal, Scopes: scopeMarketplace | scopeContent | scopeReturns | scopeAnalytics,
		Expires: m.now().Add(180 * 24 * time.Hour),
	})
	m.handler = m.newHandler()
	return m
}

// Channel implements marketsim.Market.
func (m *Market) Channel() orderhub.Channel { return "wildberries" }

// Handler implements marketsim.Market.
func (m *Market) Handler() http.Handler { return m.handler }

// Settings implements marketsim.Market: a personal token of the categories
// Marketplace, Content, Returns and Analytics that is valid for 180 days, and the
// main warehouse.
func (m *Market) Settings() map[string]string {
	return map[string]string{"token": m.token, "warehouse_id": strconv.FormatInt(MainWarehouse, 10)}
}

// Notify does nothing: Wildberries sends no notifications.
func (m *Market) Notify(string) {}

// Close does nothing: there is no background work.
func (m *Market) Close() {}

// SupplyInfo is a supply as the books have it.
type SupplyInfo struct {
	ID        string
	Name      string
	Done      bool
	Deleted   bool
	CreatedAt time.Time
	Orders    []int64
}

// Supplies lists every supply ever created, deleted ones included, oldest
// first: a hub that repeats a creation after a time-out shows here.
func (m *Market) Supplies() []SupplyInfo {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := make([]SupplyInfo, 0, len(m.supplyList))
	for _, s := range m.supplyList {
		st := s.hist.Now()
		info := SupplyInfo{ID: s.id, Name: s.name, Done: st.done, Deleted: st.deleted, CreatedAt: s.createdAt}
		for _, o := range s.attached() {
			info.Orders = append(info.Orders, o.id)
		}
		out = append(out, info)
	}
	return out
}

// BuyerCode is the code that the buyer's app shows for a DBS order; the courier
// asks for it and the seller sends it with receive or reject.
func (m *Market) BuyerCode(externalID string) (string, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	o, err := m.find(externalID)
	if err != nil {
		return "", err
	}
	if o.scheme != orderhub.SchemeDBS {
		return "", fmt.Errorf("order %s: only DBS orders have a hand-over code", externalID)
	}
	return o.code, nil
}
