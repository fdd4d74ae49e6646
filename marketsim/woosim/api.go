package woosim

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

const api = "/wp-json/wc/v3/"

func (m *Market) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+api+"orders", m.listOrders)
	mux.HandleFunc("GET "+api+"orders/{id}", m.getOrder)
	mux.HandleFunc("PUT "+api+"orders/{id}", m.putOrder)
	mux.HandleFunc("POST "+api+"orders/{id}/notes", m.addNote)
	mux.HandleFunc("GET "+api+"orders/{id}/refunds", m.listRefunds)
	mux.HandleFunc("GET "+api+"products", m.listProducts)
	mux.HandleFunc("GET "+api+"products/{id}/variations", m.listProducts)
	mux.HandleFunc("POST "+api+"products/batch", m.batchProducts)
	mux.HandleFunc("POST "+api+"products/{id}/variations/batch", m.batchProducts)
	mux.HandleFunc("GET "+api+"webhooks", m.hooks.list)
	mux.HandleFunc("POST "+api+"webhooks", m.hooks.create)
	mux.HandleFunc("PUT "+api+"webhooks/{id}", m.hooks.update)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "rest_no_route", "No route was found matching the URL and request method.")
	})
}

// guarded wants the key, in the header or in the address.
func (m *Market) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, secret, _ := r.BasicAuth()
		if q := r.URL.Query(); q.Has("consumer_key") {
			key, secret = q.Get("consumer_key"), q.Get("consumer_secret")
		}
		switch {
		case key == "":
			refuse(w, http.StatusUnauthorized, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
		case key != m.key:
			refuse(w, http.StatusUnauthorized, "woocommerce_rest_authentication_error", "Consumer key is invalid.")
		case secret != m.secret:
			refuse(w, http.StatusUnauthorized, "woocommerce_rest_authentication_error", "Consumer secret is invalid.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// pages is per_page and page.
type pages struct{ size, page int }

// pageOf reads them and refuses what WordPress refuses.
func pageOf(w http.ResponseWriter, r *http.Request) (pages, bool) {
	out := pages{10, 1}
	for name, into := range map[string]*int{"per_page": &out.size, "page": &out.page} {
		v := r.URL.Query().Get(name)
		if v == "" {
			continue
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || (name == "per_page" && n > 100) {
			invalid(w, name)
			return out, false
		}
		*into = n
	}
	return out, true
}

// cut gives the places of a page and tells the totals.
func (p pages) cut(n int, w http.ResponseWriter) []int {
	w.Header().Set("X-WP-Total", strconv.Itoa(n))
	w.Header().Set("X-WP-TotalPages", strconv.Itoa((n+p.size-1)/p.size))
	var out []int
	for i := (p.page - 1) * p.size; i < n && i < p.page*p.size; i++ {
		out = append(out, i)
	}
	return out
}

func invalid(w http.ResponseWriter, param string) {
	answer(w, http.StatusBadRequest, map[string]any{
		"code": "rest_invalid_param", "message": "Invalid parameter(s): " + param,
		"data": map[string]any{"status": 400, "params": map[string]string{param: "is not valid"}},
	})
}

// listOrders filters and sorts as the controllers of WooCommerce do: "any" is
// without the bin, bounds are not included, ties go by id.
func (m *Market) listOrders(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	order := cmp.Or(q.Get("orderby"), "date")
	known := []string{"date", "id", "include", "title", "slug", "modified"}
	if m.opts.Old {
		known = known[:5]
	}
	if !slices.Contains(known, order) {
		invalid(w, "orderby")
		return
	}
	page, ok := pageOf(w, r)
	if !ok {
		return
	}
	var bounds [4]time.Time
	for i, name := range []string{"after", "before", "modified_after", "modified_before"} {
		if bounds[i], ok = bound(q.Get(name), q.Get("dates_are_gmt") == "true"); !ok {
			invalid(w, name)
			return
		}
	}
	if m.opts.Old {
		bounds[2], bounds[3] = time.Time{}, time.Time{}
	}
	include, exclude := idsOf(r, "include"), idsOf(r, "exclude")
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []*sortable
	for _, id := range m.ids {
		o := m.orders[id]
		created, modified := o.created.Truncate(time.Second), o.modified.Truncate(time.Second)
		if o.status == "trash" || (len(include) > 0 && !slices.Contains(include, id)) || slices.Contains(exclude, id) ||
			!within(created, bounds[0], bounds[1]) || !within(modified, bounds[2], bounds[3]) {
			continue
		}
		at := created
		switch order {
		case "modified":
			at = modified
		case "id":
			at = time.Time{}
		}
		found = append(found, &sortable{o, at})
	}
	slices.SortFunc(found, func(a, b *sortable) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) })
	if q.Get("order") != "asc" {
		slices.Reverse(found)
	}
	out := []any{}
	for _, i := range page.cut(len(found), w) {
		out = append(out, m.orderJSON(found[i].order))
	}
	answer(w, http.StatusOK, out)
}

// sortable is an order and what it is sorted by.
type sortable struct {
	*order
	at time.Time
}

// bound reads a filter; without dates_are_gmt it is the shop's own time.
func bound(v string, gmt bool) (time.Time, bool) {
	if v == "" {
		return time.Time{}, true
	}
	zone := moscow
	if gmt {
		zone = time.UTC
	}
	t, err := time.ParseInLocation("2006-01-02T15:04:05", v, zone)
	return t, err == nil
}

func within(t, after, before time.Time) bool {
	return (after.IsZero() || t.After(after)) && (before.IsZero() || t.Before(before))
}

func idsOf(r *http.Request, param string) []int64 {
	var out []int64
	for _, v := range strings.Split(r.URL.Query().Get(param), ",") {
		if n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil {
			out = append(out, n)
		}
	}
	return out
}

func (m *Market) getOrder(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(r.PathValue("id"))
	if o == nil {
		refuse(w, http.StatusNotFound, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
		return
	}
	answer(w, http.StatusOK, m.orderJSON(o))
}

var coreStatuses = []string{"pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft"}

// putOrder takes any status at any time, as WooCommerce does.
func (m *Market) putOrder(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Status   string `json:"status"`
		MetaData []struct {
			Key   string `json:"key"`
			Value string `json:"value"`
		} `json:"meta_data"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "rest_invalid_json", "Invalid JSON body passed.")
		return
	}
	if in.Status != "" && !slices.Contains(coreStatuses, in.Status) && !slices.Contains(m.opts.Statuses, in.Status) {
		invalid(w, "status")
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(r.PathValue("id"))
	if o == nil {
		refuse(w, http.StatusBadRequest, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
		return
	}
	was := headline(o.status, o.meta[metaStatus])
	if len(in.MetaData) > 0 {
		o.modified = m.now()
	}
	for _, d := range in.MetaData {
		o.meta[d.Key] = d.Value
	}
	if in.Status != "" {
		m.set(o, in.Status)
	}
	if now := headline(o.status, o.meta[metaStatus]); now != was {
		o.calls = append(o.calls, marketsim.Call{At: m.now(), To: now, What: "PUT " + o.status})
	} else if len(in.MetaData) > 0 {
		o.calls = append(o.calls, marketsim.Call{At: m.now(), What: "meta"})
	}
	if len(in.MetaData) > 0 && in.Status == "" {
		m.hooks.send("order.updated", o.id)
	}
	answer(w, http.StatusOK, m.orderJSON(o))
}

func (m *Market) addNote(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Note     string `json:"note"`
		Customer bool   `json:"customer_note"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Note == "" {
		invalid(w, "note")
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(r.PathValue("id"))
	if o == nil {
		refuse(w, http.StatusNotFound, "woocommerce_rest_order_invalid_id", "Invalid order ID.")
		return
	}
	m.notes[o.id] = append(m.notes[o.id], Note{in.Note, in.Customer})
	answer(w, http.StatusCreated, map[string]any{"id": m.nextID(), "note": in.Note, "customer_note": in.Customer})
}
