// Package demosim is the made-up market that channel/demo speaks to, in memory
// and over HTTP. A real channel's simulator is in marketsim; this one is here so
// that the folder to copy is complete. It knows nothing of the hub.
package demosim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// Token and Secret are the credentials of the one seller.
const (
	Token  = "demo-token-5f1c9a" //nolint:gosec // credentials of a market that does not exist
	Secret = "demo-hook-77d2e0"  //nolint:gosec // the same
)

// pageSize is the most that the market gives at once.
const pageSize = 5

// Market is the made-up market.
type Market struct {
	inject *marketsim.Injector
	mu     sync.Mutex
	change int64
	orders []*order
}

var _ marketsim.Market = (*Market)(nil)

type order struct {
	marketsim.TruthOrder
	spec    marketsim.OrderSpec
	changed time.Time
	// seq is the number of the latest change: what "after" counts in.
	seq int64
}

// New makes an empty market.
func New(in *marketsim.Injector) *Market { return &Market{inject: in} }

// Channel is the demo's name.
func (m *Market) Channel() orderhub.Channel { return "demo" }

// Settings are the seller's credentials.
func (m *Market) Settings() map[string]string {
	return map[string]string{"token": Token, "webhook_secret": Secret}
}

// Notify does nothing: the market has no notifications of its own.
func (m *Market) Notify(string) {}

// Close does nothing: there is no background work.
func (m *Market) Close() {}

// Place makes one order.
func (m *Market) Place(spec marketsim.OrderSpec) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if spec.PlacedAt.IsZero() {
		spec.PlacedAt = time.Now()
	}
	o := &order{spec: spec}
	o.ID, o.Scheme, o.PlacedAt = fmt.Sprintf("D-%d", 1001+len(m.orders)), orderhub.SchemeFBS, spec.PlacedAt.UTC()
	for _, l := range spec.Lines {
		o.Units += l.Quantity
		o.TotalMinor += l.Quantity * l.PriceMinor
	}
	m.orders = append(m.orders, o)
	if spec.Pending {
		m.set(o, "unpaid", "", orderhub.StatusPending)
	} else {
		m.set(o, "created", "", orderhub.StatusNew)
	}
	return []string{o.ID}, nil
}

func (m *Market) set(o *order, word, why string, headline orderhub.Status) {
	m.change++
	o.seq, o.changed = m.change, time.Now().UTC()
	o.Native, o.Sub, o.Headline = word, why, headline
}

// Act lets the buyer pay, cancel before the hand-over, refuse at the door or
// send a received order back.
func (m *Market) Act(id string, act marketsim.BuyerAct) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(id)
	switch {
	case o == nil:
		return fmt.Errorf("no order %s", id)
	case act == marketsim.ActPay && o.Native == "unpaid":
		m.set(o, "created", "", orderhub.StatusNew)
	case act == marketsim.ActCancel && (o.Native == "unpaid" || o.Native == "created" || o.Native == "accepted"):
		m.set(o, "void", "buyer", orderhub.StatusCancelled)
	case act == marketsim.ActRefuse && (o.Native == "handed_over" || o.Native == "arrived"):
		m.set(o, "void", "refused", orderhub.StatusCancelled)
	case act == marketsim.ActReturn && o.Native == "received" && o.Sub == "":
		m.set(o, "received", "sent_back", orderhub.StatusReturned)
	default:
		return fmt.Errorf("%s is not possible in %s", act, o.Native)
	}
	return nil
}

// Progress lets the courier do the next step.
func (m *Market) Progress(id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(id)
	switch {
	case o == nil:
		return false, fmt.Errorf("no order %s", id)
	case o.Native == "handed_over":
		m.set(o, "arrived", "", orderhub.StatusReadyForPickup)
	case o.Native == "arrived":
		m.set(o, "received", "", orderhub.StatusDelivered)
	default:
		return false, nil
	}
	return true, nil
}

// Truth lists the books.
func (m *Market) Truth() []marketsim.TruthOrder {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]marketsim.TruthOrder, len(m.orders))
	for i, o := range m.orders {
		out[i] = o.TruthOrder
		out[i].Calls = slices.Clone(o.Calls)
	}
	return out
}

func (m *Market) find(id string) *order {
	for _, o := range m.orders {
		if o.ID == id {
			return o
		}
	}
	return nil
}

// Handler serves the API.
func (m *Market) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/me", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"name": "Demo seller", "rights": []string{"orders"}})
	})
	mux.HandleFunc("GET /v1/orders", m.list)
	mux.HandleFunc("POST /v1/orders/get", m.get)
	mux.HandleFunc("POST /v1/orders/status", m.move)
	guarded := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+Token {
			refuse(w, http.StatusUnauthorized, "BAD_TOKEN", "the token is not known")
			return
		}
		mux.ServeHTTP(w, r)
	})
	return m.inject.Wrap(guarded,
		func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusTooManyRequests, "LIMIT", "too many calls")
		},
		func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusInternalServerError, "INTERNAL", "something broke")
		})
}

// list gives the orders changed after a change number, oldest change first.
func (m *Market) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	after, _ := strconv.ParseInt(q.Get("after"), 10, 64)
	from, _ := time.Parse(time.RFC3339, q.Get("from"))
	to, _ := time.Parse(time.RFC3339, q.Get("to"))
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []*order
	for _, o := range m.orders {
		if o.seq > after && !o.PlacedAt.Before(from) && (to.IsZero() || o.PlacedAt.Before(to)) {
			found = append(found, o)
		}
	}
	slices.SortFunc(found, func(a, b *order) int { return cmp.Compare(a.seq, b.seq) })
	more := len(found) > pageSize
	if more {
		found = found[:pageSize]
	}
	orders := []any{}
	for _, o := range found {
		orders = append(orders, o.wire())
		after = o.seq
	}
	answer(w, http.StatusOK, map[string]any{"orders": orders, "last": after, "more": more})
}

func (m *Market) get(w http.ResponseWriter, r *http.Request) {
	var in struct{ IDs []string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "BAD_JSON", "the body is not understood")
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	orders := []any{}
	for _, id := range in.IDs {
		if o := m.find(id); o != nil {
			orders = append(orders, o.wire())
		}
	}
	answer(w, http.StatusOK, map[string]any{"orders": orders})
}

func (m *Market) move(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Orders []struct{ ID, Status, Reason string }
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "BAD_JSON", "the body is not understood")
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	results := []any{}
	for _, mv := range in.Orders {
		code := m.moveOne(mv.ID, mv.Status)
		results = append(results, map[string]any{"id": mv.ID, "ok": code == "", "error": map[string]any{"code": code, "text": "status " + mv.Status + " is not possible now"}})
	}
	answer(w, http.StatusOK, map[string]any{"results": results})
}

func (m *Market) moveOne(id, status string) (code string) {
	o := m.find(id)
	switch {
	case o == nil:
		return "NO_ORDER"
	case o.Native == status:
		return "ALREADY"
	case status == "accepted" && o.Native == "created":
		m.set(o, status, "", orderhub.StatusConfirmed)
	case status == "handed_over" && o.Native == "accepted":
		m.set(o, status, "", orderhub.StatusShipped)
	case status == "void" && (o.Native == "created" || o.Native == "accepted"):
		m.set(o, status, "shop", orderhub.StatusCancelled)
	default:
		return "NOT_NOW"
	}
	o.Calls = append(o.Calls, marketsim.Call{At: time.Now(), To: o.Headline, What: status})
	return ""
}

func (o *order) wire() any {
	lines := []any{}
	for _, l := range o.spec.Lines {
		lines = append(lines, map[string]any{"sku": l.SKU, "title": "Thing " + l.SKU, "qty": l.Quantity, "price": decimal(l.PriceMinor)})
	}
	return map[string]any{
		"id": o.ID, "number": o.ID[2:], "status": o.Native, "why": o.Sub, "delivery": "courier",
		"placed_at": o.PlacedAt.Format(time.RFC3339), "changed_at": o.changed.Format(time.RFC3339Nano),
		"lines": lines, "total": decimal(o.TotalMinor), "currency": "RUB",
		"buyer": map[string]any{"name": "Zinaida Proverkina", "phone": "+79005550101"},
	}
}

func decimal(minor int64) json.Number {
	return json.Number(fmt.Sprintf("%d.%02d", minor/100, minor%100))
}

func refuse(w http.ResponseWriter, status int, code, text string) {
	answer(w, status, map[string]any{"error": map[string]any{"code": code, "text": text}})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
