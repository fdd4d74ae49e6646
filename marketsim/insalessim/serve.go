package insalessim

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

// maxPage is the most rows of one answer.
const maxPage = 100

// window is the limit: so many calls in five minutes from the first one on.
type window struct {
	mu    sync.Mutex
	calls int
	used  int
	began time.Time
}

func (w *window) take(now time.Time) (ok bool, used int, left time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.began) >= 5*time.Minute {
		w.began, w.used = now, 0
	}
	if w.used >= w.calls {
		return false, w.used, w.began.Add(5 * time.Minute).Sub(now)
	}
	w.used++
	return true, w.used, 0
}

// Handler serves the API.
func (m *Market) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /admin/account.json", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"id": 100200, "title": "Магазин «Пример»", "main_host": Host, "subdomain": "orderhub-demo"})
	})
	mux.HandleFunc("GET /admin/warehouses.json", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, []any{map[string]any{"id": 11, "title": "Основной", "array_index": 0}})
	})
	mux.HandleFunc("GET /admin/custom_statuses.json", func(w http.ResponseWriter, _ *http.Request) {
		rows := []any{}
		for permalink, title := range statusTitles {
			rows = append(rows, map[string]any{"permalink": permalink, "title": title})
		}
		answer(w, http.StatusOK, rows)
	})
	mux.HandleFunc("GET /admin/fields.json", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, []any{map[string]any{"id": 31, "handle": TrackingField, "title": "Трек"}})
	})
	mux.HandleFunc("GET /admin/orders.json", m.listOrders)
	mux.HandleFunc("GET /admin/orders/{file}", m.getOrder)
	mux.HandleFunc("PUT /admin/orders/{file}", m.putOrder)
	mux.HandleFunc("GET /admin/products.json", m.listProducts)
	mux.HandleFunc("GET /admin/products/by_ids.json", m.productsByID)
	mux.HandleFunc("PUT /admin/products/variants_group_update.json", m.groupUpdate)
	mux.HandleFunc("GET /admin/webhooks.json", m.listHooks)
	mux.HandleFunc("POST /admin/webhooks.json", m.addHook)
	mux.HandleFunc("DELETE /admin/webhooks/{file}", m.dropHook)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { lost(w) })
	return m.in.Wrap(m.guard(mux),
		func(w http.ResponseWriter, _ *http.Request) { tooMany(w, 1) },
		func(w http.ResponseWriter, _ *http.Request) {
			page(w, http.StatusInternalServerError, "Что-то пошло не так")
		})
}

// guard checks the key, the limit and the form of writes.
func (m *Market) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != Login || password != Password {
			w.Header().Set("WWW-Authenticate", `Basic realm="Application"`)
			page(w, http.StatusUnauthorized, "HTTP Basic: Access denied.")
			return
		}
		ok, used, wait := m.quota.take(m.opts.Now())
		if !ok {
			tooMany(w, int(wait.Seconds())+1)
			return
		}
		w.Header().Set("API-Usage-Limit", strconv.Itoa(used)+"/"+strconv.Itoa(m.quota.calls))
		if r.Method != http.MethodGet && r.Method != http.MethodDelete && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			answer(w, http.StatusUnprocessableEntity, map[string]any{"message": "incorrect Content-Type, should be application/json"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func tooMany(w http.ResponseWriter, seconds int) {
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	page(w, http.StatusServiceUnavailable, "API call limit")
}

// lost: a 404 is a page for people, whatever Accept says.
func lost(w http.ResponseWriter) {
	page(w, http.StatusNotFound, "Страница не найдена")
}

func page(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<!doctype html><html><body><h1>"+text+"</h1></body></html>")
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// behind is the filter of every list.
type behind struct {
	since  time.Time
	fromID int64
	limit  int
}

// filter reads updated_since, from_id and per_page. from_id counts only together
// with updated_since; a page of less than ten is one of ten.
func filter(q url.Values) (behind, bool) {
	f := behind{limit: 25}
	if n, err := strconv.Atoi(q.Get("per_page")); err == nil {
		f.limit = min(max(n, 10), maxPage)
	}
	if v := q.Get("updated_since"); v != "" {
		t, err := time.Parse("2006-01-02 15:04:05.999999 -07:00", v)
		if err != nil {
			return f, false
		}
		f.since = t
		f.fromID, _ = strconv.ParseInt(q.Get("from_id"), 10, 64)
	}
	return f, true
}

func (f behind) takes(updated time.Time, id int64) bool {
	c := updated.Compare(f.since)
	return c > 0 || (c == 0 && id > f.fromID)
}

func (m *Market) listOrders(w http.ResponseWriter, r *http.Request) {
	f, ok := filter(r.URL.Query())
	if !ok {
		answer(w, http.StatusUnprocessableEntity, map[string]any{"errors": "updated_since"})
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out := []any{}
	for _, x := range m.changed(m.in.ReplicaTime(m.opts.Now(), "orders")) {
		if f.takes(x.s.updated, x.o.id) && len(out) < f.limit {
			out = append(out, m.wire(x.o, x.s))
		}
	}
	answer(w, http.StatusOK, out)
}

func (m *Market) order(r *http.Request) *order {
	id, ok := strings.CutSuffix(r.PathValue("file"), ".json")
	if !ok {
		return nil
	}
	return m.find(id)
}

func (m *Market) getOrder(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.order(r)
	if o == nil {
		lost(w)
		return
	}
	s, ok := o.history.At(m.in.ReplicaTime(m.opts.Now(), "order"))
	if !ok {
		lost(w)
		return
	}
	answer(w, http.StatusOK, m.wire(o, s))
}

// ownOf are the standard statuses to which the shop's own ones belong.
var ownOf = map[string]string{OwnStatus: "approved", OwnPickup: "dispatched"}

// putOrder changes an order. Any status may follow any other: the shop leaves
// sense to people.
func (m *Market) putOrder(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Order struct {
			Status string `json:"fulfillment_status"`
			Own    string `json:"custom_status_permalink"`
			Fields []struct {
				Handle, Value string
			} `json:"fields_values_attributes"`
		}
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		answer(w, http.StatusBadRequest, map[string]any{"message": "broken JSON"})
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.order(r)
	if o == nil {
		lost(w)
		return
	}
	word, own := in.Order.Status, ""
	if in.Order.Own != "" {
		if word = in.Order.Own; ownOf[word] != "" {
			word, own = ownOf[word], word
		}
	}
	if _, known := statusTitles[word]; word != "" && (!known || ownOf[word] != "") {
		answer(w, http.StatusUnprocessableEntity, map[string]any{"fulfillment_status": []string{"имеет неверное значение"}})
		return
	}
	s := o.history.Now()
	if word != "" && (word != s.status || own != s.own) {
		was := headline(s)
		if word == "declined" && was.Rank() < 50 {
			m.putBack(o)
		}
		s.status, s.own = word, own
		if word == "delivered" {
			s.delivered = m.opts.Now().UTC()
		}
		o.calls = append(o.calls, marketsim.Call{At: m.opts.Now(), To: headline(s), What: word})
	}
	for _, f := range in.Order.Fields {
		if f.Handle == TrackingField {
			s.tracking = f.Value
			o.calls = append(o.calls, marketsim.Call{At: m.opts.Now(), What: "tracking"})
		}
	}
	m.set(o, s, "orders/update")
	answer(w, http.StatusOK, m.wire(o, o.history.Now()))
}

func (m *Market) listProducts(w http.ResponseWriter, r *http.Request) {
	f, ok := filter(r.URL.Query())
	if !ok {
		answer(w, http.StatusUnprocessableEntity, map[string]any{"errors": "updated_since"})
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []*variant
	for _, v := range m.variants {
		if f.takes(v.updated, v.product) {
			found = append(found, v)
		}
	}
	slices.SortFunc(found, func(a, b *variant) int {
		return cmp.Or(a.updated.Compare(b.updated), cmp.Compare(a.product, b.product))
	})
	out := []any{}
	for _, v := range found[:min(len(found), f.limit)] {
		out = append(out, wireProduct(v))
	}
	answer(w, http.StatusOK, out)
}

func (m *Market) productsByID(w http.ResponseWriter, r *http.Request) {
	ids := strings.Split(r.URL.Query().Get("product_ids"), ",")
	if len(ids) > 100 {
		answer(w, http.StatusUnprocessableEntity, map[string]any{"message": "too many product_ids"})
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out := []any{}
	for _, v := range m.variants {
		if slices.Contains(ids, strconv.FormatInt(v.product, 10)) {
			out = append(out, wireProduct(v))
		}
	}
	answer(w, http.StatusOK, out)
}

func (m *Market) groupUpdate(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Variants []struct {
			ID    int64
			One   *int64 `json:"quantity"`
			Index *int64 `json:"quantity_at_warehouse0"`
		}
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil || len(in.Variants) > 100 {
		answer(w, http.StatusUnprocessableEntity, map[string]any{"message": "variants"})
		return
	}
	figures := map[int64]int64{}
	for _, v := range in.Variants {
		if n := cmp.Or(v.One, v.Index); n != nil {
			figures[v.ID] = *n
		}
	}
	m.queue(figures)
	answer(w, http.StatusOK, []any{})
}

func (m *Market) listHooks(w http.ResponseWriter, _ *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	answer(w, http.StatusOK, append([]hook{}, m.hooks...))
}

func (m *Market) addHook(w http.ResponseWriter, r *http.Request) {
	var in struct{ Webhook hook }
	if json.NewDecoder(r.Body).Decode(&in) != nil || in.Webhook.Address == "" || !slices.Contains(orderTopics, in.Webhook.Topic) {
		answer(w, http.StatusUnprocessableEntity, map[string]any{"topic": []string{"имеет неверное значение"}})
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(m.hooks, func(h hook) bool { return h.Address == in.Webhook.Address && h.Topic == in.Webhook.Topic }) {
		answer(w, http.StatusUnprocessableEntity, map[string]any{"address": []string{"уже существует"}})
		return
	}
	m.lastHook++
	in.Webhook.ID = m.lastHook
	m.hooks = append(m.hooks, in.Webhook)
	answer(w, http.StatusCreated, in.Webhook)
}

func (m *Market) dropHook(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id, _ := strings.CutSuffix(r.PathValue("file"), ".json")
	before := len(m.hooks)
	m.hooks = slices.DeleteFunc(m.hooks, func(h hook) bool { return strconv.FormatInt(h.ID, 10) == id })
	if len(m.hooks) == before {
		lost(w)
		return
	}
	answer(w, http.StatusOK, map[string]any{"status": "ok"})
}
