package shopsim

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/webhook"
)

// maxBody caps a message of the hub.
const maxBody = 1 << 20

// Handler takes the hub's signed messages at any path (delivery_url), faults
// included.
func (m *Market) Handler() http.Handler {
	return m.opts.Injector.Wrap(http.HandlerFunc(m.receive),
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "1")
			answer(w, http.StatusTooManyRequests, "too many requests")
		},
		func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusInternalServerError, "the shop is broken")
		})
}

func answer(w http.ResponseWriter, status int, word string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"status": word})
}

// statusData is what the hub sends of an order.
type statusData struct {
	ID       string          `json:"id"`
	Status   orderhub.Status `json:"status"`
	Version  int64           `json:"version"`
	Tracking string          `json:"tracking"`
	Reason   string          `json:"reason"`
}

func (m *Market) receive(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		answer(w, http.StatusMethodNotAllowed, "POST only")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		answer(w, http.StatusRequestEntityTooLarge, "too large")
		return
	}
	id, err := webhook.Verify(r.Header, body, m.opts.Now(), m.key)
	if err != nil {
		answer(w, http.StatusUnauthorized, "not signed as it must be")
		return
	}
	var event struct {
		Type string          `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		answer(w, http.StatusBadRequest, "not understood")
		return
	}
	switch event.Type {
	case "ping":
		w.WriteHeader(http.StatusNoContent)
	case "order.status_changed":
		handle(w, id, event.Data, m.apply)
	case "order.lines_cancelled":
		handle(w, id, event.Data, m.cutLines)
	case "stock.updated":
		handle(w, id, event.Data, m.takeStock)
	default:
		answer(w, http.StatusBadRequest, "unknown type")
	}
}

// handle reads the data of an event and answers with what take says of it.
func handle[T any](w http.ResponseWriter, id string, raw json.RawMessage, take func(id string, data T) (status int, word string)) {
	var data T
	if err := json.Unmarshal(raw, &data); err != nil {
		answer(w, http.StatusBadRequest, "not understood")
		return
	}
	status, word := take(id, data)
	answer(w, status, word)
}

// words are the statuses that the shop takes from the hub.
var words = []orderhub.Status{
	orderhub.StatusNew, orderhub.StatusConfirmed, orderhub.StatusPacked, orderhub.StatusShipped,
	orderhub.StatusReadyForPickup, orderhub.StatusDelivered, orderhub.StatusCancelled,
}

// apply writes a status into the books, once per webhook id.
func (m *Market) apply(id string, d statusData) (status int, word string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.orders[d.ID]
	switch {
	case m.taken[id]:
		return http.StatusOK, "duplicate"
	case o == nil:
		return http.StatusNotFound, "no such order"
	case !slices.Contains(words, d.Status):
		return http.StatusUnprocessableEntity, "no such status"
	case d.Version < o.told:
		m.taken[id] = true
		return http.StatusOK, "older than what is known"
	case o.status == "cancelled" && d.Status == orderhub.StatusCancelled:
		m.taken[id] = true
		return http.StatusOK, "cancelled already"
	case o.status == "cancelled" || o.status == "returned" || o.status == "partially_returned":
		return http.StatusConflict, "the order is " + o.status
	}
	m.taken[id] = true
	o.told = d.Version
	if d.Tracking != "" {
		o.tracking = d.Tracking
	}
	if d.Status == orderhub.StatusCancelled {
		o.reason, o.by = d.Reason, "seller"
	}
	m.change(o, string(d.Status))
	o.calls = append(o.calls, marketsim.Call{At: o.updatedAt, To: d.Status, What: "status"})
	if m.opts.Echo {
		m.out.add(m.message("order.updated", o))
	}
	return http.StatusOK, "taken"
}

// cutData is what the hub sends of units that are out of an order.
type cutData struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
	Lines   []struct {
		SKU string `json:"sku"`
		Qty int64  `json:"qty"`
	} `json:"lines"`
}

// cutLines takes units out of an order, once per webhook id: the message says how
// many are left.
func (m *Market) cutLines(id string, d cutData) (status int, word string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.orders[d.ID]
	switch {
	case m.taken[id]:
		return http.StatusOK, "duplicate"
	case o == nil:
		return http.StatusNotFound, "no such order"
	}
	m.taken[id] = true
	for _, l := range d.Lines {
		i := slices.IndexFunc(o.lines, func(have marketsim.SpecLine) bool { return have.SKU == l.SKU })
		if i >= 0 && l.Qty < o.lines[i].Quantity {
			o.lines[i].Quantity = l.Qty
		}
	}
	o.lines = slices.DeleteFunc(o.lines, func(l marketsim.SpecLine) bool { return l.Quantity == 0 })
	if o.status == "cancelled" {
		return http.StatusOK, "cancelled already" // the books say what it was at last
	}
	m.change(o, o.status)
	o.calls = append(o.calls, marketsim.Call{At: o.updatedAt, What: "cancel lines"})
	if m.opts.Echo {
		m.out.add(m.message("order.updated", o))
	}
	return http.StatusOK, "taken"
}
