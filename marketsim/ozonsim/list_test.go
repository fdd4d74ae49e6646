package ozonsim

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

const (
	unfulfilledPath = "/v4/posting/fbs/unfulfilled/list"
	listPath        = "/v4/posting/fbs/list"
	fboPath         = "/v3/posting/fbo/list"
)

// window is a year around the clock of the tests.
func (w *world) window() obj {
	return obj{"since": w.clock.now().AddDate(0, -6, 0), "to": w.clock.now().AddDate(0, 6, 0)}
}

func (w *world) cutoffs() obj {
	return obj{"cutoff_from": w.clock.now().AddDate(0, -3, 0), "cutoff_to": w.clock.now().AddDate(0, 6, 0)}
}

func merge(a, b obj) obj {
	out := obj{}
	for k, v := range a {
		out[k] = v
	}
	for k, v := range b {
		out[k] = v
	}
	return out
}

// all pages through a list and calls between, if not nil, after each page.
func (w *world) all(path string, filter obj, limit int, sort string, between func()) []string {
	w.t.Helper()
	var out []string
	cursor := ""
	for range 1000 {
		got := ok[listResponse](w, path, obj{"filter": filter, "limit": limit, "cursor": cursor, "sort_dir": sort})
		for _, p := range got.Postings {
			out = append(out, p.Number)
		}
		if !got.HasNext {
			return out
		}
		if len(got.Postings) != limit || got.Cursor == "" || got.Cursor == cursor {
			w.t.Fatalf("a page of %d with cursor %q and more to come", len(got.Postings), got.Cursor)
		}
		cursor = got.Cursor
		if between != nil {
			between()
		}
	}
	w.t.Fatal("the list has no end")
	return nil
}

func TestListValidation(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	now := w.clock.now()
	const mismatch = "the mismatch between cutoff & delivery date: either filter.cutoff or filter.delivering_date must be specified"
	const limit = "Request validation error: invalid Limit: value must be inside range [1, 100]"
	w.refuse(unfulfilledPath, obj{"limit": 100, "filter": obj{}}, 400, 3, mismatch)
	w.refuse(unfulfilledPath, obj{"limit": 100}, 400, 3, mismatch)
	w.refuse(unfulfilledPath, obj{"limit": 100, "filter": merge(w.cutoffs(), obj{"delivering_date_from": now, "delivering_date_to": now})}, 400, 3, mismatch)
	w.refuse(unfulfilledPath, obj{"limit": 101, "filter": w.cutoffs()}, 400, 3, limit)
	w.refuse(unfulfilledPath, obj{"filter": w.cutoffs()}, 400, 3, limit)
	w.refuse(unfulfilledPath, obj{"limit": 1, "filter": obj{"cutoff_from": now.AddDate(-1, 0, 0), "cutoff_to": now.AddDate(0, 0, 1)}}, 400, 3, "PERIOD_IS_TOO_LONG")
	w.refuse(listPath, obj{"limit": 101, "filter": w.window()}, 400, 3, limit)
	w.refuse(listPath, obj{"limit": 1}, 400, 3, "Request validation error: invalid Filter: since and to are required")
	w.refuse(listPath, obj{"limit": 1, "filter": obj{"since": now.AddDate(-2, 0, 0), "to": now}}, 400, 3, "PERIOD_IS_TOO_LONG")
	w.refuse(fboPath, obj{"limit": 1, "filter": obj{"since": now.AddDate(-2, 0, 0), "to": now}}, 400, 3, "PERIOD_IS_TOO_LONG")
	w.refuse(listPath, obj{"limit": 1, "cursor": "?", "filter": w.window()}, 400, 3, "Request validation error: invalid cursor")
	w.refuse(listPath, obj{"limit": 1, "sort_dir": "up", "filter": w.window()}, 400, 3, "Request validation error: invalid SortDir: value must be one of [ASC DESC]")
	w.refuse(listPath, `{"limit":1,"filter":[]}`, 400, 3, "Request validation error: invalid request body")
	for _, old := range []string{"/v3/posting/fbs/list", "/v3/posting/fbs/unfulfilled/list", "/v2/posting/fbo/list"} {
		w.refuse(old, "{}", 400, 9, "obsolete method cannot be used")
	}
	w.refuse("/v9/posting/fbs/list", "{}", 404, 5, "method is not allowed")
}

func TestListShowsEverythingOnceInBothDirections(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	var want []string
	for i := range 23 {
		n := w.place(marketsim.OrderSpec{PlacedAt: w.clock.now().Add(time.Duration(i/3) * time.Minute)})
		want = append(want, n)
	}
	w.place(marketsim.OrderSpec{Scheme: orderhub.SchemeFBO})
	for _, limit := range []int{1, 4, 100} {
		if got := w.all(listPath, w.window(), limit, "ASC", nil); !slices.Equal(got, want) {
			t.Fatalf("limit %d: got %v\nwant %v", limit, got, want)
		}
		got := w.all(listPath, w.window(), limit, "desc", nil)
		slices.Reverse(got)
		if !slices.Equal(got, want) {
			t.Fatalf("limit %d, descending: got %v\nwant %v", limit, got, want)
		}
		if got := w.all(unfulfilledPath, w.cutoffs(), limit, "", nil); !slices.Equal(got, want) {
			t.Fatalf("unfulfilled, limit %d: got %v\nwant %v", limit, got, want)
		}
	}
	if got := w.all(fboPath, w.window(), 1, "ASC", nil); len(got) != 1 {
		t.Fatalf("FBO: %v", got)
	}
}

// Orders that come (also backdated), go and change while somebody pages neither
// hide nor repeat the ones that stay.
func TestPagingIsStableWhileDataChanges(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"ASC", "DESC"} {
		for _, path := range []string{listPath, unfulfilledPath} {
			w := setup(t, nil)
			var stay []string
			for i := range 40 {
				stay = append(stay, w.place(marketsim.OrderSpec{PlacedAt: w.clock.now().Add(time.Duration(i%7) * time.Hour)}))
			}
			filter := w.window()
			if path == unfulfilledPath {
				filter = w.cutoffs()
			}
			i := 0
			got := w.all(path, filter, 3, dir, func() {
				i++
				w.place(marketsim.OrderSpec{PlacedAt: w.clock.now().Add(time.Duration(i%9) * time.Hour)})
				w.clock.add(time.Second)
				if i%4 == 0 {
					ok[shipResponse](w, "/v4/posting/fbs/ship", shipBody(stay[i], goods("MUG-350", 1), goods("LAMP-7", 2)))
				}
			})
			seen := map[string]int{}
			for _, n := range got {
				seen[n]++
			}
			for n, times := range seen {
				if times != 1 {
					t.Errorf("%s %s: %s listed %d times", path, dir, n, times)
				}
			}
			for _, n := range stay {
				if seen[n] != 1 {
					t.Errorf("%s %s: %s lost", path, dir, n)
				}
			}
		}
	}
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	a := w.place(marketsim.OrderSpec{})
	w.clock.add(time.Hour)
	b := w.place(marketsim.OrderSpec{Scheme: rfbs})
	w.clock.add(time.Hour)
	c := w.place(marketsim.OrderSpec{Pending: true})
	w.clock.add(time.Hour)
	w.ship(a) // the last change
	w.progress(a, true)
	shipped := w.get(a)
	tests := []struct {
		name   string
		path   string
		filter obj
		want   []string
	}{
		{"status", listPath, obj{"statuses": []string{awaitingPackaging, awaitingApprove}}, []string{b, c}},
		{"status, unfulfilled", unfulfilledPath, obj{"statuses": []string{delivering}}, []string{a}},
		{"order number", listPath, obj{"order_numbers": []string{shipped.OrderNumber}}, []string{a}},
		{"order id", listPath, obj{"order_id": shipped.OrderID}, []string{a}},
		{"warehouse", listPath, obj{"warehouse_ids": []string{"1020007000202"}}, []string{b}},
		{"method", listPath, obj{"delivery_method_ids": []int64{warehouseFBS.methodID}}, []string{a, c}},
		{"provider", unfulfilledPath, obj{"provider_ids": []int64{warehouseRFBS.providerID}}, []string{b}},
		{"flow", listPath, obj{"integration_type_flow": []string{"ozon"}}, []string{a, c}},
		{"in_process_at", listPath, obj{"since": w.clock.now().Add(-150 * time.Minute), "to": w.clock.now().Add(-90 * time.Minute)}, []string{b}},
		{"changed", listPath, obj{"last_changed_status_date": obj{"from": w.clock.now().Add(-time.Minute), "to": w.clock.now()}}, []string{a}},
		{"changed before", listPath, obj{"last_changed_status_date": obj{"to": w.clock.now().Add(-90 * time.Minute)}}, []string{b}},
		{"cutoff", unfulfilledPath, obj{"cutoff_from": shipped.ShipmentDate, "cutoff_to": shipped.ShipmentDate}, []string{a}},
	}
	for _, tt := range tests {
		base := w.window()
		if tt.path == unfulfilledPath {
			base = w.cutoffs()
		}
		if got := w.all(tt.path, merge(base, tt.filter), 100, "ASC", nil); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
	moved := obj{"delivering_date_from": w.clock.now().Add(-time.Hour), "delivering_date_to": w.clock.now()}
	if got := w.all(unfulfilledPath, moved, 100, "ASC", nil); !slices.Equal(got, []string{a}) {
		t.Errorf("delivering date: got %v, want %v", got, a)
	}
	if got := w.all(unfulfilledPath, w.cutoffs(), 100, "ASC", nil); !slices.Equal(got, []string{a, b, c}) {
		t.Errorf("unfulfilled: got %v", got)
	}
	w.act(b, marketsim.ActCancel)
	if got := w.all(unfulfilledPath, w.cutoffs(), 100, "ASC", nil); !slices.Equal(got, []string{a, c}) {
		t.Errorf("unfulfilled after a cancellation: got %v", got)
	}
	if len(w.m.open.list) != 3 {
		t.Error("a replica could not see the cancelled one any more")
	}
	w.clock.add(time.Hour)
	w.words(a, delivering, subOnWay)
	if len(w.m.open.list) != 2 {
		t.Error("the cancelled one never leaves the unfulfilled list")
	}
}

// A change feed (a wide window and last_changed_status_date) gives the same
// through the index of changes and through the whole list.
func TestChangeFeedManyAndFew(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	var all []string
	for range 6 * maxPage {
		all = append(all, w.place(marketsim.OrderSpec{}))
	}
	w.clock.add(time.Hour)
	since := w.clock.now()
	changed := merge(w.window(), obj{"last_changed_status_date": obj{"from": since}})
	for _, n := range []int{150, 500} {
		for _, number := range all[:n] {
			if w.m.postings[number].state().status == awaitingPackaging {
				w.act(number, marketsim.ActCancel)
			}
		}
		if got := w.all(listPath, changed, 100, "ASC", nil); !slices.Equal(got, all[:n]) {
			t.Errorf("%d changes: got %d postings", n, len(got))
		}
	}
}

func TestStaleReplica(t *testing.T) {
	t.Parallel()
	in := marketsim.NewInjector(1, marketsim.Faults{})
	w := setup(t, func(o *Options) { o.Injector = in })
	old := w.place(marketsim.OrderSpec{})
	cancelledOne := w.place(marketsim.OrderSpec{})
	w.clock.add(time.Minute)
	w.ship(old)
	w.act(cancelledOne, marketsim.ActCancel)
	young := w.place(marketsim.OrderSpec{})
	in.Set(marketsim.Faults{Stale: 1, Lag: 30 * time.Second})
	w.words(old, awaitingPackaging, subCreated)
	if r := w.post("/v3/posting/fbs/get", obj{"posting_number": young}); r.status != http.StatusNotFound {
		t.Fatalf("a stale replica knows the new posting: %s", r.body)
	}
	want := []string{old, cancelledOne}
	if got := w.all(listPath, w.window(), 100, "ASC", nil); !slices.Equal(got, want) {
		t.Fatalf("list: got %v, want %v", got, want)
	}
	if got := w.all(unfulfilledPath, w.cutoffs(), 100, "ASC", nil); !slices.Equal(got, want) {
		t.Fatalf("unfulfilled: got %v, want %v", got, want)
	}
	// Writes never go to a replica.
	w.refuse("/v4/posting/fbs/ship", shipBody(old), 400, 9, "POSTING_ALREADY_SHIPPED")
	in.Set(marketsim.Faults{})
	if got := w.all(unfulfilledPath, w.cutoffs(), 100, "ASC", nil); !slices.Equal(got, []string{old, young}) {
		t.Fatalf("fresh: got %v", got)
	}
	if in.Stats()[marketsim.FaultStale] == 0 {
		t.Fatal("not counted")
	}
}
