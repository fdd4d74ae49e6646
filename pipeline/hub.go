// Package pipeline is what happens to an order: raw answers are pulled or
// taken, kept, normalised, accepted into the ledger, and what is owed to the
// channels is pushed and read back. Every step writes rows first and rings a
// doorbell in the same transaction; every step can be killed between any two
// lines and repeated.
//
// It speaks to channels only through package channel and holds no SQL.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/notify"
	"github.com/orderhub/orderhub/store"
)

// Options set up a Hub.
type Options struct {
	Store    *store.Store
	Channels []channel.Channel
	Log      *slog.Logger
	// HTTP is used for all calls to channels; nil = a client of its own.
	HTTP *http.Client
	// Scale shortens every pause of sweeps, retries and read-backs, for the demo
	// and tests; 0 = 1. Quotas are not scaled.
	Scale float64
	// QuotaScale multiplies the channels' quotas, for a demo whose simulators are
	// as generous; 0 = 1.
	QuotaScale float64
	// Batch is how many raw answers are accepted in one transaction; 0 = 100.
	Batch int
	// Hooks change what the pipeline does, for tests that prove that the demo's
	// comparison notices; nil in the program.
	Hooks *Hooks
	// LeaseTTL and Tick are handed to jobs.
	LeaseTTL, Tick time.Duration
	// StockLag is how late at most a channel shows a sale or a figure in its lists;
	// 0 = 10 s. The strict oversell policy holds as long as it does.
	StockLag time.Duration
	// Notify says how people are told; the zero value tells webhooks only.
	Notify NotifyOptions
	// Private are networks that are not public and that webhooks and files may go to.
	Private []netip.Prefix
	// PicturesFrom are further such networks, that pictures of goods may come from.
	PicturesFrom []netip.Prefix
	// ExchangeDir is where folders for the exchange of files are; "" = nowhere.
	ExchangeDir string
}

// Hooks sabotage the pipeline on purpose. Each is called with what it may spoil.
type Hooks struct {
	// DropOrder makes the order vanish between inbox and ledger.
	DropOrder func(externalID string) bool
	// SwallowPush makes the push look confirmed without a call.
	SwallowPush func(e *orderhub.Effect) bool
	// DropMessage makes a message to a person look sent without a call, RepeatMessage
	// sends it twice.
	DropMessage, RepeatMessage func(m orderhub.Notice) bool
	// DoubleOrder stores the order a second time under another id.
	DoubleOrder func(externalID string) bool
}

// Hub is the pipeline of one process.
type Hub struct {
	store    *store.Store
	channels map[orderhub.Channel]channel.Channel
	names    []orderhub.Channel
	log      *slog.Logger
	http     *http.Client
	scale    float64
	quota    float64
	batch    int
	hooks    Hooks
	jobs     *jobs.Runner
	metrics  *Metrics
	lag      time.Duration
	goods    atomic.Bool // the shop has products
	strict   atomic.Bool // some of them are sold by the strict policy
	sellers  atomic.Pointer[map[string]seller]

	mu       sync.Mutex
	adapters map[string]*account
	shown    map[string]int64 // listings by account, counted at shownAt
	shownAt  time.Time

	onec   *onecDesk
	notify NotifyOptions
	// feedWaiters caps how many readers of the feed wait for news.
	feedWaiters chan struct{}
	// developing caps how many photos are read at a time.
	developing chan struct{}
	// outward says what endpoints may be reached, by outClient.
	outward     notify.Outward
	outClient   *http.Client
	exchangeDir string
	// pictures fetches pictures of goods, each listing's once at a time, and as many
	// at a time as fetchers takes.
	pictures *http.Client
	fetching singleflight.Group
	fetchers chan struct{}
	// pictureHold is how long somebody waits for one; another in tests.
	pictureHold time.Duration
	// step is called between the steps of telling people, in tests that kill there.
	step       func(name string) error
	conditions conditions
	faults     faults
	stopping   context.Context // ends long polls
	stopPolls  context.CancelFunc
}

// account is an open adapter with what belongs to it in this process.
type account struct {
	orderhub.Account
	channel channel.Channel
	adapter channel.Adapter
	quotas  *rest.Buckets
}

// New makes a Hub. Start begins its background work.
func New(opts Options) (*Hub, error) {
	h := &Hub{
		store: opts.Store, log: opts.Log, http: opts.HTTP, scale: opts.Scale, quota: opts.QuotaScale, batch: opts.Batch,
		channels: map[orderhub.Channel]channel.Channel{}, adapters: map[string]*account{}, metrics: newMetrics(),
		onec: newOnecDesk(), feedWaiters: make(chan struct{}, maxWaiters), developing: make(chan struct{}, 1),
		outward: notify.Outward{Private: opts.Private}, exchangeDir: opts.ExchangeDir,
		pictures: picturesFrom(notify.Outward{Private: slices.Concat(opts.Private, opts.PicturesFrom)}), fetchers: make(chan struct{}, pictureAtOnce), pictureHold: pictureHold,
	}
	h.outClient = h.outward.Client(deliverTimeout)
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.scale == 0 {
		h.scale = 1
	}
	if h.batch == 0 {
		h.batch = 100
	}
	if h.lag = opts.StockLag; h.lag == 0 {
		h.lag = 10 * time.Second
	}
	if opts.Hooks != nil {
		h.hooks = *opts.Hooks
	}
	for _, c := range opts.Channels {
		h.channels[c.Descriptor.Name] = c
		h.names = append(h.names, c.Descriptor.Name)
	}
	h.prepareNotify(opts)
	var err error
	h.jobs, err = jobs.New(opts.Store, jobs.Options{Log: h.log, LeaseTTL: opts.LeaseTTL, Tick: opts.Tick, Handle: h.work, Due: h.due})
	return h, err
}

// Start begins to read, accept and push.
func (h *Hub) Start(ctx context.Context) error {
	if err := h.firstRules(ctx); err != nil {
		return err
	}
	return h.jobs.Start(ctx)
}

// Stop lets running work finish until ctx ends.
func (h *Hub) Stop(ctx context.Context) error {
	h.stopPolls()
	return h.jobs.Stop(ctx)
}

// Store is the hub's database, for reading.
func (h *Hub) Store() *store.Store { return h.store }

// Metrics counts what this process did.
func (h *Hub) Metrics() *Metrics { return h.metrics }

// Channels lists the kinds of channels, in registry order.
func (h *Hub) Channels() []channel.Channel {
	out := make([]channel.Channel, 0, len(h.names))
	for _, n := range h.names {
		out = append(out, h.channels[n])
	}
	return out
}

// Channel finds a kind of channel by name.
func (h *Hub) Channel(name orderhub.Channel) (channel.Channel, error) {
	c, ok := h.channels[name]
	if !ok {
		known := make([]string, len(h.names))
		for i, n := range h.names {
			known[i] = string(n)
		}
		return c, orderhub.InvalidField("channel", "%q is not known; known: %s", name, strings.Join(known, ", "))
	}
	return c, nil
}

// account opens an account, once per process until its settings change.
func (h *Hub) account(ctx context.Context, id string) (*account, error) {
	row, err := h.store.Account(ctx, id)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if a := h.adapters[id]; a != nil && sameSettings(a.Settings, row.Settings) {
		// The adapter stays, state and health are today's.
		fresh := *a
		fresh.Account = row
		h.adapters[id] = &fresh
		return &fresh, nil
	}
	c, err := h.Channel(row.Channel)
	if err != nil {
		return nil, err
	}
	settings, err := c.Descriptor.Resolve(row.Settings)
	if err != nil {
		return nil, fmt.Errorf("open account %s: %w", id, err)
	}
	quotas := rest.NewBuckets(h.limits(c.Descriptor))
	adapter, err := c.Open(settings, channel.Deps{HTTP: h.http, Now: h.store.Now, Log: h.log.With("account", id), Quotas: quotas})
	if err != nil {
		return nil, fmt.Errorf("open account %s: %w", id, err)
	}
	a := &account{Account: row, channel: c, adapter: adapter, quotas: quotas}
	h.adapters[id] = a
	return a, nil
}

// limits are the quotas of a channel, scaled for the demo.
func (h *Hub) limits(d channel.Descriptor) []channel.Limit {
	if h.quota == 0 || h.quota == 1 {
		return d.Limits
	}
	out := slices.Clone(d.Limits)
	for i := range out {
		out[i].Calls = max(1, int(float64(out[i].Calls)*h.quota))
		out[i].Burst = int(float64(out[i].Burst) * h.quota)
	}
	return out
}

func sameSettings(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// pause scales a pause.
func (h *Hub) pause(d time.Duration) time.Duration { return time.Duration(float64(d) * h.scale) }

// work is the one switch over kinds of lanes.
func (h *Hub) work(ctx context.Context, lane jobs.Lane, lease store.Lease) error {
	switch lane {
	case stockLane:
		return h.tendGoods(ctx, lease)
	case planLane:
		return h.planFigures(ctx, lease)
	case onecLane:
		return h.tendOnec(ctx)
	case fanLane:
		return h.fanOut(ctx, lease)
	}
	switch lane.Work {
	case jobs.WorkDeliver:
		return h.deliverLane(ctx, lane, lease)
	case jobs.WorkFiles:
		return h.filesOfLane(ctx, lane, lease)
	case jobs.WorkNotify:
		return h.notice(ctx, lease)
	case jobs.WorkTell:
		return h.tellLane(ctx, lane, lease)
	case jobs.WorkRules:
		return h.automate(ctx, lease)
	case jobs.WorkListen:
		return h.listen(ctx, lease)
	case jobs.WorkCards:
		return h.tendCards(ctx, lease)
	case jobs.WorkSweep, jobs.WorkHints, jobs.WorkAccept, jobs.WorkFollow, jobs.WorkPush, jobs.WorkPublish, jobs.WorkAllocate, jobs.WorkPlan, jobs.WorkOnec,
		jobs.WorkFanOut:
	}
	a, err := h.account(ctx, lane.Account)
	if err != nil {
		return err
	}
	if a.State == orderhub.AccountRemoved || (a.State == orderhub.AccountPaused && lane.Work != jobs.WorkAccept) {
		return nil
	}
	switch lane.Work {
	case jobs.WorkSweep:
		switch lane.Feed {
		case refreshFeed:
			return h.refresh(ctx, a, lease)
		case auditFeed:
			return h.auditRegularly(ctx, a, lease)
		case catalogueFeed:
			return h.readCatalogue(ctx, a, lease)
		case ReconcileFeed:
			return h.reconcile(ctx, a, lease)
		}
		return h.sweep(ctx, a, lane.Feed, lease)
	case jobs.WorkHints:
		return h.readHints(ctx, a, lease)
	case jobs.WorkAccept:
		return h.acceptPending(ctx, a, lease)
	case jobs.WorkFollow:
		return h.follow(ctx, a)
	case jobs.WorkPush:
		return h.drainEffects(ctx, a, lease)
	case jobs.WorkPublish:
		return h.publish(ctx, a, lease)
	case jobs.WorkAllocate, jobs.WorkPlan, jobs.WorkNotify, jobs.WorkTell, jobs.WorkListen, jobs.WorkCards, jobs.WorkRules, jobs.WorkOnec,
		jobs.WorkFanOut, jobs.WorkDeliver, jobs.WorkFiles:
	}
	return errors.New("unknown work: " + string(lane.Work))
}

// due lists the lanes whose work is due, for the tick.
func (h *Hub) due(ctx context.Context) ([]jobs.Lane, error) {
	d, err := h.store.Due(ctx)
	if err != nil {
		return nil, err
	}
	var lanes []jobs.Lane
	for _, id := range d.Inbox {
		lanes = append(lanes, jobs.Lane{Work: jobs.WorkAccept, Account: id})
	}
	for _, id := range d.Hints {
		lanes = append(lanes, jobs.Lane{Work: jobs.WorkHints, Account: id})
	}
	for _, id := range d.Effects {
		lanes = append(lanes, jobs.Lane{Work: jobs.WorkPush, Account: id})
	}
	for _, id := range d.Publications {
		lanes = append(lanes, jobs.Lane{Work: jobs.WorkPublish, Account: id})
	}
	if d.Dirty {
		lanes = append(lanes, planLane)
	}
	if d.Goods {
		lanes = append(lanes, stockLane)
	}
	lanes = append(lanes, h.notifyLanes(d)...)
	if d.Cards {
		lanes = append(lanes, cardsLane)
	}
	if d.Rules {
		lanes = append(lanes, rulesLane)
	}
	if d.Onec {
		lanes = append(lanes, onecLane)
	}
	if d.FanOut {
		lanes = append(lanes, fanLane)
	}
	for _, id := range d.Endpoints {
		lanes = append(lanes, endpointLane(id))
	}
	for _, id := range d.Files {
		lanes = append(lanes, filesLane(id))
	}
	accounts, err := h.store.Accounts(ctx, false)
	if err != nil {
		return nil, err
	}
	nextAt := map[string]time.Time{}
	for _, p := range d.Feeds {
		nextAt[p.AccountID+"\x00"+p.Feed] = p.NextAt
	}
	now := h.store.Now()
	for _, a := range accounts {
		if a.State != orderhub.AccountActive {
			continue
		}
		for _, feed := range append(h.feeds(a.Channel), auditFeed) {
			if !nextAt[a.ID+"\x00"+feed].After(now) {
				lanes = append(lanes, jobs.Lane{Work: jobs.WorkSweep, Account: a.ID, Feed: feed})
			}
		}
	}
	return lanes, nil
}

// feeds lists a channel's feeds, the refresh of open orders among them.
func (h *Hub) feeds(name orderhub.Channel) []string {
	var out []string
	d := h.channels[name].Descriptor
	for _, f := range d.Feeds {
		out = append(out, f.Name)
	}
	if d.RefreshOpen > 0 {
		out = append(out, refreshFeed)
	}
	if d.Stock.Batch > 0 && len(d.Feeds) > 0 {
		out = append(out, catalogueFeed)
	}
	if readsStock(d) {
		out = append(out, ReconcileFeed)
	}
	return out
}
