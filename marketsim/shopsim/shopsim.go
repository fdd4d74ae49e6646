// Package shopsim simulates a small web shop: it sells, sends every order and
// every return to the hub (through the REST intake or by signed webhooks) until
// the hub has taken it, and takes the hub's signed messages of statuses and
// stock. It knows the hub only by HTTP.
package shopsim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/webhook"
)

// Mode is how the shop sends its orders.
type Mode string

// The modes.
const (
	// ModeREST posts to {hub}/api/v1/accounts/{account}/orders with a bearer token,
	// returns too.
	ModeREST Mode = "rest"
	// ModeWebhook posts signed events to {hub}/hooks/{account}/{key}.
	ModeWebhook Mode = "webhook"
)

// Options set up a shop.
type Options struct {
	// Injector decides about faults; nil = none. Lost, Duplicated and Late apply
	// to what the shop sends, the rest to what it is told.
	Injector *marketsim.Injector
	// Now is the clock; nil = time.Now.
	Now func() time.Time
	// Fast shortens the pauses between attempts from seconds to milliseconds.
	Fast bool
	// Seed makes buyers, addresses and the secret.
	Seed uint64
	// Mode; "" = ModeWebhook.
	Mode Mode
	// Hub gives the hub's address; nil or "" = not known yet: orders wait.
	Hub func() string
	// Account, and Token (ModeREST, Reserve) or HookKey (ModeWebhook), are of the
	// account in the hub.
	Account, Token, HookKey string
	// Secret signs both ways; "" = one made from Seed.
	Secret string
	// Echo makes the shop send an update after each status that it was told, as
	// shops do that report every change of an order.
	Echo bool
	// Reserve makes the shop ask the hub to keep the goods for so long, in whole
	// seconds, before it takes an order, and take none without a yes; 0 = it does
	// not ask.
	Reserve time.Duration
	// Client makes the calls; nil = one with a time-out of 10 s.
	Client *http.Client
}

// Market is the shop. It implements marketsim.Market.
type Market struct {
	opts Options
	key  webhook.Key
	out  *outbox

	mu     sync.Mutex
	hook   string
	orders map[string]*order
	ids    []string        // in the order of placing
	last   int             // number of the newest order
	taken  map[string]bool // webhook ids
	backs  []*giveback     // in the order of opening

	shelves       map[string]*shelf // by SKU
	onlyPublished bool
}

var _ marketsim.Market = (*Market)(nil)

// order is one order in the shop's books.
type order struct {
	id        string
	status    string
	version   int64
	paid      bool
	createdAt time.Time
	updatedAt time.Time
	lines     []marketsim.SpecLine
	comment   string
	reason    string
	by        string
	// told is the highest version of the hub's messages.
	told     int64
	tracking string
	calls    []marketsim.Call
}

// New makes a shop; Close it.
func New(opts Options) *Market {
	if opts.Injector == nil {
		opts.Injector = marketsim.NewInjector(opts.Seed, marketsim.Faults{})
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Mode == "" {
		opts.Mode = ModeWebhook
	}
	if opts.Secret == "" {
		opts.Secret = seededSecret(opts.Seed)
	}
	if opts.Client == nil {
		opts.Client = &http.Client{Timeout: 10 * time.Second}
	}
	key, err := webhook.ParseSecret(opts.Secret)
	if err != nil {
		panic(fmt.Sprintf("shopsim: %v", err)) // the program's own constant
	}
	m := &Market{
		opts: opts, key: key, orders: map[string]*order{}, last: 10000, taken: map[string]bool{}, shelves: map[string]*shelf{},
	}
	m.out = newOutbox(m)
	return m
}

// seededSecret stays the same from run to run, so that a hub that was connected
// yesterday still is.
func seededSecret(seed uint64) string {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64([]byte("shopsim secret "), seed))
	return "whsec_" + base64.StdEncoding.EncodeToString(sum[:])
}

// Channel is "site".
func (m *Market) Channel() orderhub.Channel { return "site" }

// Settings are those of the hub's account, without delivery_url: the address
// at which Handler is served.
func (m *Market) Settings() map[string]string {
	return map[string]string{"secret": m.opts.Secret, "allow_private_targets": "yes", "stock": "webhook"}
}

// Notify sets the whole address of the hub's webhook for ModeWebhook; "" = the
// one made of Options.
func (m *Market) Notify(url string) {
	m.mu.Lock()
	m.hook = url
	m.mu.Unlock()
	m.out.wake()
}

// Owed counts the messages that the hub has not taken yet: while it is above
// 0, the shop knows orders that the hub may not know.
func (m *Market) Owed() int { return m.out.owed() }

// Close stops sending. What is owed stays owed.
func (m *Market) Close() { m.out.close() }

// Place sells: the order is in the books at once and on its way to the hub.
func (m *Market) Place(spec marketsim.OrderSpec) ([]string, error) {
	if err := check(spec); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	basket, err := m.sell(spec.Lines)
	if err != nil {
		return nil, err
	}
	m.last++
	id := strconv.Itoa(m.last)
	if m.opts.Reserve > 0 {
		// The basket is off the shelves already: the figure that the hub sends after
		// its yes is without it too.
		m.mu.Unlock()
		err := m.reserve(id, spec.Lines)
		m.mu.Lock()
		if err != nil {
			m.putBack(basket)
			return nil, err
		}
	}
	m.add(id, spec)
	return []string{id}, nil
}

// check refuses what no shop sells.
func check(spec marketsim.OrderSpec) error {
	if spec.Scheme != "" && spec.Scheme != orderhub.SchemeSite {
		return fmt.Errorf("place: the shop has no scheme %q", spec.Scheme)
	}
	if spec.External != "" {
		return fmt.Errorf("place: a shop does not deliver another site's orders")
	}
	if len(spec.Lines) == 0 {
		return fmt.Errorf("place: no lines")
	}
	for _, l := range spec.Lines {
		if l.Quantity < 1 || l.PriceMinor < 0 {
			return fmt.Errorf("place: quantity %d at %d", l.Quantity, l.PriceMinor)
		}
	}
	return nil
}

// add writes an order into the books; the caller holds the lock.
func (m *Market) add(id string, spec marketsim.OrderSpec) {
	now := m.opts.Now().UTC()
	o := &order{
		id: id, status: "processing", paid: true, version: 1,
		createdAt: now, updatedAt: now, lines: append([]marketsim.SpecLine(nil), spec.Lines...), comment: spec.Comment,
	}
	if !spec.PlacedAt.IsZero() {
		o.createdAt = spec.PlacedAt.UTC()
	}
	if spec.Pending {
		o.status, o.paid = "unpaid", false
	}
	m.orders[o.id], m.ids = o, append(m.ids, o.id)
	m.out.add(m.message("order.created", o))
}

// Act lets the buyer do something. The shop has no cancel requests: its buyers
// cancel at once, until the hand-over.
func (m *Market) Act(id string, act marketsim.BuyerAct) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.orders[id]
	if o == nil {
		return fmt.Errorf("%s: no order %s", act, id)
	}
	to, kind := "", "order.updated"
	switch act {
	case marketsim.ActPay:
		if o.status == "unpaid" {
			to, o.paid = "processing", true
		}
	case marketsim.ActCancel:
		switch o.status {
		case "unpaid", "new", "processing", "confirmed", "packed":
			to, kind, o.reason, o.by = "cancelled", "order.cancelled", "Покупатель передумал", "buyer"
		}
	case marketsim.ActRefuse:
		if o.status == "shipped" || o.status == "ready_for_pickup" {
			to, kind, o.reason, o.by = "cancelled", "order.cancelled", "Отказ при получении", "buyer"
		}
	case marketsim.ActReturn:
		switch o.status {
		case "delivered", "completed", "partially_returned":
			// The order says so when the goods are back.
			if m.openReturn(o, false) {
				return nil
			}
		}
	case marketsim.ActRequestCancel:
	}
	if to == "" {
		return fmt.Errorf("%s: order %s is %s", act, id, o.status)
	}
	m.change(o, to)
	m.out.add(m.message(kind, o))
	if act == marketsim.ActRefuse {
		m.openReturn(o, true)
	}
	return nil
}

// change makes a new version; the caller holds the lock.
func (m *Market) change(o *order, status string) {
	o.status, o.version, o.updatedAt = status, o.version+1, m.opts.Now().UTC()
}

// Progress never moves: the couriers of a shop are its own, and what they do is
// told to the hub's users, who tell the shop.
func (m *Market) Progress(id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.orders[id] == nil {
		return false, fmt.Errorf("progress: no order %s", id)
	}
	return false, nil
}

// Truth lists what the shop believes.
func (m *Market) Truth() []marketsim.TruthOrder {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]marketsim.TruthOrder, 0, len(m.ids))
	for _, id := range m.ids {
		o := m.orders[id]
		t := marketsim.TruthOrder{
			ID: o.id, Native: o.status, Headline: headline(o.status), Scheme: orderhub.SchemeSite, PlacedAt: o.createdAt,
			Calls: append([]marketsim.Call(nil), o.calls...),
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
func headline(word string) orderhub.Status {
	switch word {
	case "unpaid":
		return orderhub.StatusPending
	case "processing":
		return orderhub.StatusNew
	default: // the shop took the hub's other words over
		return orderhub.Status(word)
	}
}
