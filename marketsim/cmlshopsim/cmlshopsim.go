// Package cmlshopsim simulates a shop engine that offers "Обмен с 1С": it gives
// orders to whoever plays 1C, and takes documents and stock. It speaks CommerceML 2
// by its own means and knows nothing of the hub.
package cmlshopsim

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// Login and Password are of the user that the shop made for the exchange.
const (
	Login    = "exchange"
	Password = "cml-pass-4c1f20"
)

// The shop's words.
const (
	wordUnpaid    = "Ожидает оплаты"
	wordNew       = "Новый"
	wordConfirmed = "Подтвержден"
	wordPacked    = "Собран"
	wordShipped   = "Отгружен"
	wordReady     = "Готов к выдаче"
	wordDone      = "Выполнен"
	wordCancelled = "Отменен"
	wordReturned  = "Возврат"
)

var headlines = map[string]orderhub.Status{
	wordUnpaid: orderhub.StatusPending, wordNew: orderhub.StatusNew, wordConfirmed: orderhub.StatusConfirmed, wordPacked: orderhub.StatusPacked,
	wordShipped: orderhub.StatusShipped, wordReady: orderhub.StatusReadyForPickup, wordDone: orderhub.StatusDelivered,
	wordCancelled: orderhub.StatusCancelled, wordReturned: orderhub.StatusReturned,
}

// zone is the shop's: its files carry times without one.
var zone = time.FixedZone("MSK", 3*3600)

// Options set up a shop.
type Options struct {
	// Injector decides about faults; nil = none.
	Injector *marketsim.Injector
	// Portion is the most orders of one answer; 0 = 5.
	Portion int
	// Read makes Settings say that a real 1C uses the address too.
	Read bool
	// OldOffers makes the shop an engine that passes «ИзмененияПакетаПредложений» over,
	// with success.
	OldOffers bool
}

// Market is the shop. It implements marketsim.Market.
type Market struct {
	opts Options

	mu       sync.Mutex
	change   int64
	orders   map[string]*order
	ids      []string
	sessions map[string]*session
	last     int // number of the newest session
	shelves  map[string]int64
	sold     bool // only what was published
}

var _ marketsim.Stocked = (*Market)(nil)

type order struct {
	marketsim.TruthOrder
	spec marketsim.OrderSpec
	// seq is the number of its latest change, taken the latest that was confirmed.
	seq, taken int64
	paid       bool
	tracking   string
}

// New makes a shop.
func New(opts Options) *Market {
	if opts.Injector == nil {
		opts.Injector = marketsim.NewInjector(1, marketsim.Faults{})
	}
	opts.Portion = cmp.Or(opts.Portion, 5)
	return &Market{opts: opts, orders: map[string]*order{}, sessions: map[string]*session{}, shelves: map[string]int64{}}
}

// Channel is the hub's word.
func (m *Market) Channel() orderhub.Channel { return "cml_shop" }

// Settings are the account's.
func (m *Market) Settings() map[string]string {
	mode := "confirm"
	if m.opts.Read {
		mode = "read"
	}
	return map[string]string{
		"login": Login, "password": Password, "mode": mode,
		"status_words": "Подтвержден=confirmed; Собран=packed; Отгружен=shipped; Готов к выдаче=ready_for_pickup; Выполнен=delivered",
	}
}

// Notify does nothing: an exchange has no notifications.
func (m *Market) Notify(string) {}

// Close does nothing: there is no background work.
func (m *Market) Close() {}

// Place makes an order.
func (m *Market) Place(spec marketsim.OrderSpec) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(spec.Lines) == 0 {
		return nil, fmt.Errorf("an order needs a line")
	}
	wants := map[string]int64{}
	for _, l := range spec.Lines {
		wants[l.SKU] += l.Quantity
	}
	for sku, n := range wants {
		if m.sold && m.shelves[sku] < n {
			return nil, marketsim.ErrSoldOut
		}
	}
	for sku, n := range wants {
		m.shelves[sku] = max(0, m.shelves[sku]-n)
	}
	if spec.PlacedAt.IsZero() {
		spec.PlacedAt = time.Now()
	}
	o := &order{spec: spec, paid: !spec.Pending}
	o.ID, o.Scheme, o.PlacedAt = fmt.Sprint(5001+len(m.ids)), orderhub.SchemeSite, spec.PlacedAt.UTC()
	for _, l := range spec.Lines {
		o.Units += l.Quantity
		o.TotalMinor += l.Quantity * l.PriceMinor
	}
	m.orders[o.ID], m.ids = o, append(m.ids, o.ID)
	word := wordNew
	if spec.Pending {
		word = wordUnpaid
	}
	m.set(o, word)
	return []string{o.ID}, nil
}

func (m *Market) set(o *order, word string) {
	m.change++
	o.seq, o.Native, o.Headline = m.change, word, headlines[word]
}

// Act lets the buyer do something.
func (m *Market) Act(id string, act marketsim.BuyerAct) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.orders[id]
	switch {
	case o == nil:
		return fmt.Errorf("no order %s", id)
	case act == marketsim.ActPay && o.Native == wordUnpaid:
		o.paid = true
		m.set(o, wordNew)
	case act == marketsim.ActCancel && slices.Contains([]string{wordUnpaid, wordNew, wordConfirmed}, o.Native):
		m.set(o, wordCancelled)
	case act == marketsim.ActRefuse && (o.Native == wordShipped || o.Native == wordReady):
		m.set(o, wordCancelled)
	case act == marketsim.ActReturn && o.Native == wordDone:
		m.set(o, wordReturned)
	default:
		return fmt.Errorf("%s is not possible in %s", act, o.Native)
	}
	return nil
}

// Progress lets the courier do the next step.
func (m *Market) Progress(id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.orders[id]
	switch {
	case o == nil:
		return false, fmt.Errorf("no order %s", id)
	case o.Native == wordShipped:
		m.set(o, wordReady)
	case o.Native == wordReady:
		m.set(o, wordDone)
	default:
		return false, nil
	}
	return true, nil
}

// Truth lists the books.
func (m *Market) Truth() []marketsim.TruthOrder {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]marketsim.TruthOrder, 0, len(m.ids))
	for _, id := range m.ids {
		o := m.orders[id].TruthOrder
		o.Calls = slices.Clone(o.Calls)
		if o.Native == wordCancelled { // a requisite of its own beside the status
			o.Native, o.Sub = wordCancelled+"=true", wordCancelled
		}
		out = append(out, o)
	}
	return out
}

// Offer puts articles on sale, without stock.
func (m *Market) Offer(goods []marketsim.Product) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range goods {
		m.shelves[g.SKU] += 0
	}
}

// OnlyPublished makes Place fail beyond the figures.
func (m *Market) OnlyPublished(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sold = on
}

// Published is what is left of an article.
func (m *Market) Published(sku string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.shelves[sku]
}

// Taken counts orders whose latest state 1C's part has confirmed.
func (m *Market) Taken() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for o := range maps.Values(m.orders) {
		if o.taken == o.seq {
			n++
		}
	}
	return n
}

// EndSessions forgets every log-in, as a restart of the shop does.
func (m *Market) EndSessions() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.sessions)
}

// Handler serves the exchange at any path.
func (m *Market) Handler() http.Handler {
	fail := func(status int, text string) marketsim.ErrorWriter {
		return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "failure\n"+text, status) }
	}
	return m.opts.Injector.Wrap(http.HandlerFunc(m.serve),
		fail(http.StatusTooManyRequests, "Слишком много запросов"), fail(http.StatusInternalServerError, "Внутренняя ошибка"))
}
