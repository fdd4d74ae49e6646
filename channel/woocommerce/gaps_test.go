package woocommerce

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
	"github.com/orderhub/orderhub/marketsim/woosim"
)

// brokenShop has orders 1 to 30, all changed in one second, and products 1 to 30. It
// leaves some of each out of its pages, as WooCommerce does with what it cannot load,
// and does not fill the page up.
func brokenShop(t *testing.T, broken ...int) *adapter {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		size, _ := strconv.Atoi(q.Get("per_page"))
		page, _ := strconv.Atoi(q.Get("page"))
		excluded := strings.Split(q.Get("exclude"), ",")
		var ids []int
		for id := 1; id <= 30; id++ {
			if !slices.Contains(excluded, strconv.Itoa(id)) {
				ids = append(ids, id)
			}
		}
		w.Header().Set("X-WP-TotalPages", strconv.Itoa((len(ids)+size-1)/size))
		rows := []string{}
		for _, id := range ids[min((page-1)*size, len(ids)):min(page*size, len(ids))] {
			if !slices.Contains(broken, id) {
				rows = append(rows, fmt.Sprintf(`{"id":%d,"status":"processing","type":"simple","date_modified_gmt":"2026-11-20T10:00:00","date_created_gmt":"2026-11-20T10:00:00"}`, id))
			}
		}
		_, _ = fmt.Fprintf(w, "[%s]", strings.Join(rows, ","))
	}))
	t.Cleanup(srv.Close)
	m := woosim.New(woosim.Options{})
	t.Cleanup(m.Close)
	settings := m.Settings()
	settings[channel.SettingBaseURL] = srv.URL
	ad, err := Channel.Open(settings, channel.Deps{HTTP: srv.Client(), Quotas: rest.NewBuckets(nil), Now: func() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	a := ad.(*adapter)
	a.pageSize = 5
	return a
}

// TestPagesThatAreNotFull: a page short of a broken row is not the last one, or
// whatever lies behind it is never read.
func TestPagesThatAreNotFull(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string][]int{
		"none": nil, "one of the first page": {3}, "a whole page": {6, 7, 8, 9, 10}, "the first and the last": {1, 2, 3, 4, 5, 26, 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := brokenShop(t, broken...)
			from, to := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
			want := 30 - len(broken)
			for what, next := range map[string]func(channel.Cursor) (channel.Page, error){
				"sweep": func(c channel.Cursor) (channel.Page, error) { return a.List(t.Context(), feedOrders, c) },
				"range": func(c channel.Cursor) (channel.Page, error) { return a.ListRange(t.Context(), from, to, c) },
				"catalogue": func(c channel.Cursor) (channel.Page, error) {
					p, err := a.ListListings(t.Context(), c)
					out := channel.Page{Next: p.Next, Done: p.Done}
					for _, l := range p.Listings {
						out.Items = append(out.Items, channel.Item{ExternalID: l.Key})
					}
					return out, err
				},
			} {
				seen, done := map[string]bool{}, false
				var cursor channel.Cursor
				for range 40 {
					p, err := next(cursor)
					if err != nil {
						t.Fatalf("%s: %v", what, err)
					}
					for _, it := range p.Items {
						seen[it.ExternalID] = true
					}
					if cursor, done = p.Next, p.Done; done {
						break
					}
				}
				if !done || len(seen) != want {
					t.Errorf("%s: %d of %d, at its end: %v", what, len(seen), want, done)
				}
			}
		})
	}
}

// TestDeletedForGood: an order that was deleted past the bin is in no list; a person's
// cancel ends it, or its goods would be kept for ever.
func TestDeletedForGood(t *testing.T) {
	t.Parallel()
	a, _, _ := setup(t, woosim.Options{}, nil)
	res, err := a.PushStatus(t.Context(), []channel.Push{push("424242", orderhub.StatusNew, orderhub.StatusCancelled)})
	if err != nil || res[0].Outcome != channel.OutcomeDone || len(res[0].Items) != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	it := res[0].Items[0]
	s, err := a.Normalise(it.Kind, it.Body)
	if err != nil || s.ExternalID != "424242" || s.Status != orderhub.StatusCancelled || !s.StatusOnly || len(s.Drift) > 0 {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []string{`{}`, `{"id":0}`, `null`, `{"id":"x"}`} {
		if _, err := a.Normalise(kindGone, json.RawMessage(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// TestRefundsThatAreRefused: one order whose refunds the shop does not give (a plugin
// forbids it) holds neither the others up nor is it taken for one without refunds.
func TestRefundsThatAreRefused(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/orders/1/refunds"):
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"code":"plugin_says_no","message":"Not this one","data":{"status":400}}`))
		case strings.HasSuffix(r.URL.Path, "/refunds"):
			_, _ = w.Write([]byte(`[{"id":9,"date_created_gmt":"2026-11-20T11:00:00","amount":"1.00","line_items":[]}]`))
		default:
			const order = `{"id":%d,"status":"completed","currency":"RUB","refunds":[{"id":9}],"date_completed_gmt":"2026-11-20T10:00:00","date_modified_gmt":"2026-11-20T10:00:00","date_created_gmt":"2026-11-20T10:00:00"}`
			_, _ = fmt.Fprintf(w, "["+order+","+order+"]", 1, 2)
		}
	}))
	t.Cleanup(srv.Close)
	a, _, _ := setup(t, woosim.Options{}, map[string]string{channel.SettingBaseURL: srv.URL})
	page, err := a.List(t.Context(), feedOrders, nil)
	if err != nil || len(page.Items) != 2 {
		t.Fatalf("%d orders, %v", len(page.Items), err)
	}
	for i, it := range page.Items {
		_, err := a.Normalise(it.Kind, it.Body)
		if bad := i == 0; (err != nil) != bad || bad && !strings.Contains(err.Error(), "Not this one") {
			t.Errorf("order %s: %v", it.ExternalID, err)
		}
	}
	page, err = a.List(t.Context(), feedRefunds, nil)
	if err != nil || len(page.Items) != 2 {
		t.Fatalf("%d refunds, %v", len(page.Items), err)
	}
	for i, it := range page.Items {
		if _, err := a.NormaliseReturn(it.Kind, it.Body); (err != nil) != (i == 0) {
			t.Errorf("refund %d: %v", i, err)
		}
	}
}
