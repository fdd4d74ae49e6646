package woocommerce

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
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
	// The order tells it; the refunds of the other one are read.
	page, err = a.List(t.Context(), feedRefunds, nil)
	if err != nil || len(page.Items) != 1 || page.Items[0].ExternalID != "9" {
		t.Fatalf("%d refunds, %v", len(page.Items), err)
	}
	if _, err := a.NormaliseReturn(page.Items[0].Kind, page.Items[0].Body); err != nil {
		t.Error(err)
	}
}

// breakingShop has three orders that were completed and have a refund each. It breaks
// on the second one's as long as broken is set, and on everything while away is.
func breakingShop(t *testing.T) (a *adapter, broken, away *atomic.Bool, asked *atomic.Int64) {
	t.Helper()
	broken, away, asked = &atomic.Bool{}, &atomic.Bool{}, &atomic.Int64{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, ofRefunds := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/wp-json/wc/v3/orders/"), "/refunds")
		switch {
		case away.Load() || ofRefunds && id == "2" && broken.Load():
			asked.Add(1)
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(refusal("internal_server_error", "There has been a critical error on this website.", 500)))
		case ofRefunds:
			_, _ = fmt.Fprintf(w, `[{"id":9%s,"date_created_gmt":"2026-11-20T11:00:00","amount":"1.00","line_items":[]}]`, id)
		case id == "5": // it breaks alone, too, for ever
			w.WriteHeader(http.StatusInternalServerError)
		case !strings.HasSuffix(r.URL.Path, "/orders"):
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(refusal("woocommerce_rest_shop_order_invalid_id", "Invalid ID.", 404)))
		default:
			var rows []string
			for _, id := range []string{"1", "2", "3"} {
				in, out := r.URL.Query().Get("include"), r.URL.Query().Get("exclude")
				if in != "" && !slices.Contains(strings.Split(in, ","), id) || slices.Contains(strings.Split(out, ","), id) || r.URL.Query().Get("modified_after") > "2026-11-20T11" {
					continue
				}
				rows = append(rows, fmt.Sprintf(`{"id":%[1]s,"status":"completed","currency":"RUB","refunds":[{"id":9%[1]s}],"date_completed_gmt":"2026-11-20T10:00:00",
					"date_modified_gmt":"2026-11-20T1%[1]s:00:00","date_created_gmt":"2026-11-20T10:00:00"}`, id))
			}
			_, _ = fmt.Fprintf(w, "[%s]", strings.Join(rows, ","))
		}
	}))
	t.Cleanup(srv.Close)
	a, _, _ = setup(t, woosim.Options{}, map[string]string{channel.SettingBaseURL: srv.URL})
	return a, broken, away, asked
}

// TestOrderThatTheShopBreaksOn: a failure that lasts on one order's refunds holds
// nobody up. The order is shown as unreadable, asked for again by every sweep although
// it never changes again, and read when the shop gives it.
func TestOrderThatTheShopBreaksOn(t *testing.T) {
	t.Parallel()
	for feed, want := range map[string][]string{feedOrders: {"1", "2", "3"}, feedRefunds: {"91", "92", "93"}} {
		t.Run(feed, func(t *testing.T) {
			t.Parallel()
			a, broken, away, asked := breakingShop(t)
			away.Store(true)
			if _, err := a.List(t.Context(), feed, nil); orderhub.ClassOf(err) != orderhub.ClassRetry || err == nil {
				t.Fatalf("a shop that is away: %v", err)
			}
			away.Store(false)
			broken.Store(true)
			var cursor channel.Cursor
			for n := range 3 {
				asked.Store(0)
				var items map[string]channel.Item
				items, cursor, _ = sweep(t, a, feed, cursor)
				if asked.Load() == 0 {
					t.Errorf("sweep %d does not ask for the order again", n+1)
				}
				if n == 0 && (items[want[0]].Body == nil || items[want[2]].Body == nil) {
					t.Errorf("the others are held up: %v", items)
				}
				if feed == feedRefunds {
					continue
				}
				if _, err := a.Normalise(items["2"].Kind, items["2"].Body); err == nil || !strings.Contains(err.Error(), "critical error") {
					t.Errorf("sweep %d: the order is not shown as unreadable: %v", n+1, err)
				}
			}
			broken.Store(false)
			items, cursor, _ := sweep(t, a, feed, cursor)
			it, there := items[want[1]]
			if !there {
				t.Fatalf("the order stays lost: %v", items)
			}
			if feed == feedOrders {
				if _, err := a.Normalise(it.Kind, it.Body); err != nil {
					t.Error(err)
				}
			}
			var pos position
			if err := json.Unmarshal(cursor, &pos); err != nil || len(pos.Owed) > 0 {
				t.Errorf("still owed: %v, %v", pos.Owed, err)
			}
		})
	}
}

// TestOwedInTurn: more orders than a sweep asks for have their turn, and a shop that
// gives nobody's refunds is told instead of a cursor without end.
func TestOwedInTurn(t *testing.T) {
	t.Parallel()
	a, _, _, _ := breakingShop(t)
	var pos position
	for id := int64(1); id <= triedAgain+5; id++ {
		pos.Owed = append(pos.Owed, id)
	}
	never := func(_ context.Context, rows []listed) (_ []channel.Item, owed []int64, _ error) {
		for _, r := range rows {
			owed = append(owed, r.id)
		}
		return nil, owed, nil
	}
	if _, err := a.tryAgain(t.Context(), &pos, never); err != nil {
		t.Fatal(err)
	}
	// The shop knows 1 to 3 and breaks on 5; the rest of this turn is gone for good.
	if want := []int64{26, 27, 28, 29, 30, 5, 1, 2, 3}; !slices.Equal(pos.Owed, want) {
		t.Errorf("owed %v, want %v", pos.Owed, want)
	}
	many := make([]int64, maxOwed+1)
	for i := range many {
		many[i] = int64(i + 1)
	}
	if _, err := owe(nil, many); orderhub.ClassOf(err) != orderhub.ClassRetry || err == nil {
		t.Errorf("%d orders are owed: %v", len(many), err)
	}
}
