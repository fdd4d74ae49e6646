// Package woosim simulates a WooCommerce shop: its orders, refunds, products and
// webhooks behind REST API v3, as the documents and the source of WooCommerce say.
// It takes any status at any time, tells times in whole seconds, never sends a
// webhook again and switches one off that fails too often.
package woosim

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// Options set up a shop.
type Options struct {
	// Injector decides about faults; nil = none.
	Injector *marketsim.Injector
	Seed     uint64
	// Now is the clock; nil = time.Now.
	Now func() time.Time
	// Statuses are those that plugins added.
	Statuses []string
	// Old makes the shop one of before WooCommerce 5.8, which cannot select or sort
	// by the time of the last change.
	Old bool
}

// Market is the shop. It implements marketsim.Market.
type Market struct {
	opts        Options
	key, secret string
	hookSecret  string
	hooks       *hooks

	mu       sync.Mutex
	last     int64 // of the ids, which orders, refunds and products share
	orders   map[int64]*order
	ids      []int64 // in the order of placing
	products map[int64]*product
	bySKU    map[string]*product
	notes    map[int64][]Note

	onlyPublished bool
}

var (
	_ marketsim.Market    = (*Market)(nil)
	_ marketsim.Stocked   = (*Market)(nil)
	_ marketsim.Returning = (*Market)(nil)
)

// Note is a note of an order.
type Note struct {
	Text     string
	Customer bool
}

// order is one order in the shop's books.
type order struct {
	id                                 int64
	status                             string
	created, modified, paid, completed time.Time
	spec                               marketsim.OrderSpec
	meta                               map[string]string
	refunds                            []*refund
	reduced                            bool // the stock was taken off
	held                               bool // the stock is kept for an unpaid order
	calls                              []marketsim.Call
}

// New makes a shop; Close it.
func New(opts Options) *Market {
	if opts.Injector == nil {
		opts.Injector = marketsim.NewInjector(opts.Seed, marketsim.Faults{})
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	m := &Market{
		opts: opts, key: "ck_" + seeded("key", opts.Seed), secret: "cs_" + seeded("secret", opts.Seed), hookSecret: seeded("hook", opts.Seed),
		last: 5000, orders: map[int64]*order{}, products: map[int64]*product{}, bySKU: map[string]*product{}, notes: map[int64][]Note{},
	}
	m.hooks = newHooks(m)
	return m
}

// seeded stays the same from run to run, so that a hub that was connected yesterday
// still is.
func seeded(what string, seed uint64) string {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64([]byte("woosim "+what+" "), seed))
	return hex.EncodeToString(sum[:20])
}

// Channel is "woocommerce".
func (m *Market) Channel() orderhub.Channel { return "woocommerce" }

// Settings are those of a hub's account.
func (m *Market) Settings() map[string]string {
	return map[string]string{"consumer_key": m.key, "consumer_secret": m.secret, "webhook_secret": m.hookSecret}
}

// Notify makes the webhooks as the shop's owner would, "" takes them away.
func (m *Market) Notify(url string) { m.hooks.only(url) }

// Close stops sending.
func (m *Market) Close() { m.hooks.close() }

// Handler serves the API.
func (m *Market) Handler() http.Handler {
	mux := http.NewServeMux()
	m.routes(mux)
	return m.opts.Injector.Wrap(m.guarded(mux),
		func(w http.ResponseWriter, _ *http.Request) {
			// A firewall before the shop, not the shop.
			w.Header().Set("Retry-After", "1")
			w.Header().Set("Content-Type", "text/html; charset=UTF-8")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte("<html><h1>429 Too Many Requests</h1></html>"))
		},
		func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusInternalServerError, "internal_server_error", "<p>There has been a critical error on this website.</p>")
		})
}

func (m *Market) now() time.Time { return m.opts.Now().UTC() }

func (m *Market) nextID() int64 {
	m.last += 3 // posts of other kinds take ids, too
	return m.last
}

// Place sells.
func (m *Market) Place(spec marketsim.OrderSpec) ([]string, error) {
	if spec.Scheme != "" && spec.Scheme != orderhub.SchemeSite {
		return nil, fmt.Errorf("place: the shop has no scheme %q", spec.Scheme)
	}
	if spec.External != "" || len(spec.Lines) == 0 {
		return nil, fmt.Errorf("place: no lines, or an order of another site")
	}
	for _, l := range spec.Lines {
		if l.Quantity < 1 || l.PriceMinor < 0 {
			return nil, fmt.Errorf("place: quantity %d at %d", l.Quantity, l.PriceMinor)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.inStock(spec.Lines); err != nil {
		return nil, err
	}
	now := m.now()
	o := &order{id: m.nextID(), status: "processing", created: now, modified: now, paid: now, spec: spec, meta: map[string]string{}}
	o.spec.Lines = slices.Clone(spec.Lines)
	if !spec.PlacedAt.IsZero() {
		o.created = spec.PlacedAt.UTC()
	}
	if spec.Pending {
		o.status, o.paid = "pending", time.Time{}
		m.hold(o, 1)
	} else {
		m.reduce(o)
	}
	m.orders[o.id], m.ids = o, append(m.ids, o.id)
	m.hooks.send("order.created", o.id)
	return []string{text(o.id)}, nil
}

// Act lets the buyer do something, or the staff whom the buyer calls.
func (m *Market) Act(id string, act marketsim.BuyerAct) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(id)
	if o == nil {
		return fmt.Errorf("%s: no order %s", act, id)
	}
	at := headline(o.status, o.meta[metaStatus])
	switch {
	case act == marketsim.ActPay && o.status == "pending":
		o.paid = m.now()
		m.set(o, "processing")
	case act == marketsim.ActCancel && at.Rank() < orderhub.StatusShipped.Rank():
		m.set(o, "cancelled")
	case act == marketsim.ActRefuse && (at == orderhub.StatusShipped || at == orderhub.StatusReadyForPickup):
		m.refundAll(o, "Отказ при получении")
	case act == marketsim.ActReturn && o.status == "completed" && len(o.refunds) == 0:
		if first := o.spec.Lines[0]; first.Quantity > 1 || len(o.spec.Lines) > 1 {
			m.refundUnits(o, 0, 1, "Не подошло")
		} else {
			m.refundAll(o, "Не подошло")
		}
	default:
		return fmt.Errorf("%s: order %s is %s", act, id, o.status)
	}
	return nil
}

// Progress never moves: the couriers of a shop are its own.
func (m *Market) Progress(id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.find(id) == nil {
		return false, fmt.Errorf("progress: no order %s", id)
	}
	return false, nil
}

// Trash puts an order into the bin, as the staff can.
func (m *Market) Trash(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(id)
	if o == nil {
		return fmt.Errorf("no order %s", id)
	}
	o.status, o.modified = "trash", m.now()
	m.hooks.send("order.deleted", o.id)
	return nil
}

// Set gives an order any status, as the staff can.
func (m *Market) Set(id, status string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(id)
	if o == nil {
		return fmt.Errorf("no order %s", id)
	}
	m.set(o, status)
	return nil
}

// Notes lists the notes of an order.
func (m *Market) Notes(id string) []Note {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o := m.find(id); o != nil {
		return slices.Clone(m.notes[o.id])
	}
	return nil
}

// set changes the status and what hangs on it; the caller holds the lock.
func (m *Market) set(o *order, status string) {
	was := o.status
	o.status, o.modified = status, m.now()
	switch status {
	case "cancelled":
		m.restore(o)
	case "processing", "completed", "on-hold":
		m.hold(o, 0)
		m.reduce(o)
		if o.paid.IsZero() && status != "on-hold" {
			o.paid = o.modified
		}
	}
	if status == "completed" && o.completed.IsZero() {
		o.completed = o.modified
	}
	if was != status {
		m.hooks.send("order.updated", o.id)
	}
}

// Truth lists the books.
func (m *Market) Truth() []marketsim.TruthOrder {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]marketsim.TruthOrder, 0, len(m.ids))
	for _, id := range m.ids {
		o := m.orders[id]
		t := marketsim.TruthOrder{
			ID: text(o.id), Native: o.status, Sub: o.meta[metaStatus], Headline: headline(o.status, o.meta[metaStatus]),
			Scheme: orderhub.SchemeSite, PlacedAt: o.created, Calls: slices.Clone(o.calls),
		}
		for i, l := range o.spec.Lines {
			left := l.Quantity - o.cutUnits(i)
			t.Units += left
			t.TotalMinor += left * l.PriceMinor
		}
		out = append(out, t)
	}
	return out
}

func (m *Market) find(id string) *order {
	for _, n := range m.ids {
		if text(n) == id {
			return m.orders[n]
		}
	}
	return nil
}

// metaStatus is where the hub notes steps that the shop has no status for.
const metaStatus = "_orderhub_status"

// headline is written down here independently of the adapter.
func headline(status, noted string) orderhub.Status {
	switch status {
	case "pending", "on-hold", "failed":
		return orderhub.StatusPending
	case "processing":
		if noted == "shipped" || noted == "ready_for_pickup" {
			return orderhub.Status(noted)
		}
		return orderhub.StatusNew
	case "shipped":
		return orderhub.StatusShipped
	case "ready-for-pickup":
		return orderhub.StatusReadyForPickup
	case "completed", "delivered":
		return orderhub.StatusDelivered
	case "cancelled", "refunded", "trash":
		return orderhub.StatusCancelled
	}
	return orderhub.StatusUnknown
}
