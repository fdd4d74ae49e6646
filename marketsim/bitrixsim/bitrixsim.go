// Package bitrixsim simulates a shop on 1C-Bitrix with its REST API: orders with
// their three axes (status, cancellation, shipment), batches, events that are sent
// once and never repeated, and goods with quantities. It knows nothing of the hub.
package bitrixsim

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// Code is the secret of the incoming webhook, EventToken that of the outgoing one.
const (
	Code       = "k3y0fth3hub99x"
	EventToken = "evt-token-71ab03"
)

// zone is the shop's.
var zone = time.FixedZone("MSK", 3*3600)

// Options set up a shop.
type Options struct {
	// Injector decides about faults; nil = none.
	Injector *marketsim.Injector
	// Page is how many rows a list gives; 0 = 50, as Bitrix does.
	Page int
	// Iblock is set in Settings, so that the hub lists the goods.
	Iblock bool
	// Words gives the shop statuses of its own for the steps between new and shipped.
	Words bool
}

// Market is the shop.
type Market struct {
	opts     Options
	notifier *marketsim.Notifier

	mu     sync.Mutex
	orders []*order
	goods  []*good
	sold   bool
}

var _ marketsim.Stocked = (*Market)(nil)

type order struct {
	id       int64
	spec     marketsim.OrderSpec
	status   string
	canceled bool
	reason   string
	paid     bool
	deducted bool
	tracking string
	placed   time.Time
	updated  time.Time
	calls    []marketsim.Call
}

type good struct {
	id       int64
	sku      string
	quantity int64
}

// New makes a shop; Close it.
func New(opts Options) *Market {
	if opts.Injector == nil {
		opts.Injector = marketsim.NewInjector(1, marketsim.Faults{})
	}
	opts.Page = cmp.Or(opts.Page, 50)
	m := &Market{opts: opts}
	// Bitrix does not repeat an event.
	m.notifier = marketsim.NewNotifier(opts.Injector, nil, func(status int, _ string, _ []byte) bool { return status < 300 })
	return m
}

// Channel is the hub's word.
func (m *Market) Channel() orderhub.Channel { return "bitrix" }

// Settings are the account's.
func (m *Market) Settings() map[string]string {
	s := map[string]string{"webhook_url": "https://shop.example/rest/1/" + Code + "/", "event_token": EventToken}
	if m.opts.Iblock {
		s["iblocks"], s["article_property"] = "2", "property45"
	}
	if m.opts.Words {
		s["status_words"] = "S1=confirmed; S2=packed; S3=ready_for_pickup"
	}
	return s
}

// own are the statuses that a shop may have made up.
var own = map[string]orderhub.Status{"S1": orderhub.StatusConfirmed, "S2": orderhub.StatusPacked, "S3": orderhub.StatusReadyForPickup}

// Notify sets where events go.
func (m *Market) Notify(url string) { m.notifier.SetURL(url) }

// Close stops the events.
func (m *Market) Close() { m.notifier.Close() }

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
		if g := m.good(sku); m.sold && (g == nil || g.quantity < n) {
			return nil, marketsim.ErrSoldOut
		}
	}
	for sku, n := range wants {
		m.offer(sku).quantity -= n
	}
	now := time.Now().Truncate(time.Second)
	o := &order{id: int64(7001 + len(m.orders)), spec: spec, status: "N", paid: !spec.Pending, placed: now, updated: now}
	if !spec.PlacedAt.IsZero() {
		o.placed = spec.PlacedAt.Truncate(time.Second)
	}
	m.orders = append(m.orders, o)
	m.tell(o)
	return []string{strconv.FormatInt(o.id, 10)}, nil
}

// tell sends the event of a saved order.
func (m *Market) tell(o *order) {
	form := url.Values{
		"event": {"ONSALEORDERSAVED"}, "data[FIELDS][ID]": {strconv.FormatInt(o.id, 10)}, "auth[application_token]": {EventToken},
		"ts": {strconv.FormatInt(time.Now().Unix(), 10)},
	}
	m.notifier.Send("ONSALEORDERSAVED", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, []byte(form.Encode()))
}

func (m *Market) changed(o *order) {
	o.updated = time.Now().Truncate(time.Second)
	m.tell(o)
}

// Act lets the buyer do something.
func (m *Market) Act(id string, act marketsim.BuyerAct) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(id)
	switch {
	case o == nil:
		return fmt.Errorf("no order %s", id)
	case act == marketsim.ActPay && !o.paid && !o.canceled:
		o.paid, o.status = true, "P"
	case act == marketsim.ActCancel && !o.canceled && !o.deducted && o.status != "F":
		o.canceled, o.reason = true, "Передумал"
	case act == marketsim.ActRefuse && !o.canceled && o.deducted && o.status != "F":
		o.canceled, o.reason = true, "Отказ при получении"
	default:
		return fmt.Errorf("%s is not possible in %s", act, o.status)
	}
	m.changed(o)
	return nil
}

// Progress lets the shop's courier do the next step.
func (m *Market) Progress(id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(id)
	if o == nil {
		return false, fmt.Errorf("no order %s", id)
	}
	if !o.deducted || o.canceled || o.status == "F" {
		return false, nil
	}
	o.status = "F"
	m.changed(o)
	return true, nil
}

// Truth lists the books.
func (m *Market) Truth() []marketsim.TruthOrder {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]marketsim.TruthOrder, 0, len(m.orders))
	for _, o := range m.orders {
		t := marketsim.TruthOrder{
			ID: strconv.FormatInt(o.id, 10), Native: o.status, Headline: o.headline(), Scheme: orderhub.SchemeSite,
			PlacedAt: o.placed.UTC(), Calls: slices.Clone(o.calls),
		}
		switch {
		case o.canceled:
			t.Sub = "canceled"
		case o.deducted:
			t.Sub = "deducted"
		}
		for _, l := range o.spec.Lines {
			t.Units += l.Quantity
			t.TotalMinor += l.Quantity * l.PriceMinor
		}
		out = append(out, t)
	}
	return out
}

func (o *order) headline() orderhub.Status {
	switch {
	case o.canceled:
		return orderhub.StatusCancelled
	case o.status == "F":
		return orderhub.StatusDelivered
	case o.status == "S3":
		return orderhub.StatusReadyForPickup
	case o.deducted:
		return orderhub.StatusShipped
	case own[o.status] != "":
		return own[o.status]
	}
	return orderhub.StatusNew
}

func (m *Market) find(id string) *order {
	n, err := strconv.ParseInt(id, 10, 64)
	if i := n - 7001; err == nil && i >= 0 && i < int64(len(m.orders)) {
		return m.orders[i]
	}
	return nil
}

// Offer puts articles into the catalogue, without stock.
func (m *Market) Offer(goods []marketsim.Product) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range goods {
		m.offer(g.SKU)
	}
}

func (m *Market) good(sku string) *good {
	for _, g := range m.goods {
		if g.sku == sku {
			return g
		}
	}
	return nil
}

func (m *Market) offer(sku string) *good {
	if g := m.good(sku); g != nil {
		return g
	}
	g := &good{id: int64(301 + len(m.goods)), sku: sku}
	m.goods = append(m.goods, g)
	return g
}

// OnlyPublished makes Place fail beyond the quantities.
func (m *Market) OnlyPublished(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sold = on
}

// Published is what is left of an article.
func (m *Market) Published(sku string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if g := m.good(sku); g != nil {
		return max(0, g.quantity)
	}
	return 0
}

// Handler serves the REST API.
func (m *Market) Handler() http.Handler {
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method, ok := strings.CutPrefix(r.URL.Path, "/rest/1/"+Code+"/")
		if !ok {
			failed(w, http.StatusUnauthorized, "INVALID_CREDENTIALS", "Invalid request credentials")
			return
		}
		m.serve(w, r, strings.TrimSuffix(method, ".json"))
	})
	return m.opts.Injector.Wrap(api,
		func(w http.ResponseWriter, _ *http.Request) {
			failed(w, http.StatusServiceUnavailable, "QUERY_LIMIT_EXCEEDED", "Too many requests")
		},
		func(w http.ResponseWriter, _ *http.Request) {
			failed(w, http.StatusInternalServerError, "INTERNAL_SERVER_ERROR", "Internal server error")
		})
}
