package wildberries

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// windows is a list of orders that is always empty and remembers the periods.
type windows struct {
	mu   sync.Mutex
	seen [][2]int64
}

func (w *windows) serve(rw http.ResponseWriter, r *http.Request) {
	from, _ := strconv.ParseInt(r.URL.Query().Get("dateFrom"), 10, 64)
	to, _ := strconv.ParseInt(r.URL.Query().Get("dateTo"), 10, 64)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, [2]int64{from, to})
	rw.Write([]byte(`{"next":0,"orders":[]}`))
}

// sweepAll lists a feed to its end.
func sweepAll(t *testing.T, a *adapter, feed string, cursor channel.Cursor) channel.Cursor {
	t.Helper()
	for range 20 {
		page, err := a.List(t.Context(), feed, cursor)
		if err != nil {
			t.Fatal(err)
		}
		cursor = page.Next
		if page.Done {
			return cursor
		}
	}
	t.Fatal("never done")
	return nil
}

// TestWindows: no period is longer than 30 days, none is left out, and the next
// sweep overlaps the last one, also after weeks of standstill.
func TestWindows(t *testing.T) {
	t.Parallel()
	const day = 24 * 60 * 60
	now := testNow.Unix() + 1
	long := func(ago int64) channel.Cursor { return channel.Cursor(fmt.Sprintf(`{"done":%d}`, now-ago*day)) }
	for name, tt := range map[string]struct {
		feed   string
		cursor channel.Cursor
		from   int64 // days before now
		calls  int
	}{
		"first sweep":           {feedFBSOrders, nil, 30, 1},
		"a moment ago":          {feedFBSOrders, long(0), 1, 1},
		"forty days ago":        {feedFBSOrders, long(40), 41, 2},
		"dbs, a moment ago":     {feedDBSDone, long(0), 7, 1},
		"a cursor of old times": {feedFBSOrders, channel.Cursor("page=3"), 30, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var w windows
			a := testAdapter(t, serve(t, map[string]http.HandlerFunc{"GET /api/v3/orders": w.serve, "GET /api/v3/dbs/orders": w.serve}), nil)
			next := sweepAll(t, a, tt.feed, tt.cursor)
			at := now - tt.from*day
			for _, p := range w.seen {
				if p[0] != at || p[1]-p[0] > 30*day {
					t.Errorf("period %v: want it to start at %d and to last at most 30 days", p, at)
				}
				at = p[1]
			}
			if at != now || len(w.seen) != tt.calls {
				t.Errorf("periods %v: want %d calls up to %d", w.seen, tt.calls, now)
			}
			if p := readPosition(next); p.Done != now {
				t.Errorf("next sweep starts from %d, want %d", p.Done, now)
			}
		})
	}
	// Half a year ago is more than the list reaches back to.
	var w windows
	a := testAdapter(t, serve(t, map[string]http.HandlerFunc{"GET /api/v3/orders": w.serve}), nil)
	sweepAll(t, a, feedFBSOrders, long(180))
	if limit := testNow.AddDate(0, -3, 0).Unix(); w.seen[0][0] < limit {
		t.Errorf("asks from %d, before three months ago (%d)", w.seen[0][0], limit)
	}
}

// TestOneBrokenOrder: an element without an id goes alone into quarantine.
func TestOneBrokenOrder(t *testing.T) {
	t.Parallel()
	a := testAdapter(t, serve(t, map[string]http.HandlerFunc{"GET /api/v3/orders/new": func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(`{"orders":[{"id":1},{"id":"two"},"three",null,{"id":4}]}`))
	}}), nil)
	page, err := a.List(t.Context(), feedFBSNew, nil)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, it := range page.Items {
		ids = append(ids, it.ExternalID)
	}
	if got := strings.Join(ids, ","); got != "1,,,,4" {
		t.Errorf("ids %q", got)
	}
}

// TestNullIsEmpty: a list that is null is empty, one that is missing is not.
func TestNullIsEmpty(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]orderhub.Class{`{"orders":null}`: "", `{}`: orderhub.ClassRetry} {
		a := testAdapter(t, serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(body)) }}), nil)
		page, err := a.List(t.Context(), feedFBSNew, nil)
		if (err == nil) != (want == "") || (err != nil && orderhub.ClassOf(err) != want) || len(page.Items) > 0 {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestSwitchedOff(t *testing.T) {
	t.Parallel()
	url := serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s although the scheme is off", r.Method, r.URL.Path)
	}})
	a := testAdapter(t, url, map[string]string{settingFBS: "off", settingDBS: "off"})
	for _, f := range descriptor.Feeds {
		page, err := a.List(t.Context(), f.Name, channel.Cursor(`{"done":5}`))
		if err != nil || !page.Done || len(page.Items) > 0 {
			t.Errorf("%s: %+v, %v", f.Name, page, err)
		}
	}
	cursor := channel.Cursor(nil)
	for range 3 {
		page, err := a.ListRange(t.Context(), testNow.Add(-time.Hour), testNow, cursor)
		if err != nil || len(page.Items) > 0 {
			t.Fatalf("range: %+v, %v", page, err)
		}
		cursor = page.Next
	}
	if _, err := a.ReadOrders(t.Context(), []channel.Ref{{ExternalID: "5"}}); err != nil {
		t.Error(err)
	}
}

// TestReadOrdersWithoutScheme: first FBS, then DBS for what FBS does not know.
func TestReadOrdersWithoutScheme(t *testing.T) {
	t.Parallel()
	var asked []string
	var mu sync.Mutex
	answer := func(name, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			var buf strings.Builder
			for b := make([]byte, 512); ; {
				n, err := r.Body.Read(b)
				buf.Write(b[:n])
				if err != nil {
					break
				}
			}
			asked = append(asked, name+" "+buf.String())
			w.Write([]byte(body))
		}
	}
	a := testAdapter(t, serve(t, map[string]http.HandlerFunc{
		"POST /api/v3/orders/status": answer("fbs", `{"orders":[{"id":1,"supplierStatus":"new","wbStatus":"waiting","isCancellable":true}]}`),
		"POST /api/marketplace/v3/dbs/orders/status/info": answer("dbs", `{"orders":[
			{"orderId":2,"supplierStatus":"deliver","wbStatus":"waiting","errors":[]},
			{"orderId":3,"supplierStatus":"","wbStatus":"","errors":[{"code":404,"detail":"NotFound"}]}]}`),
	}), nil)
	items, err := a.ReadOrders(t.Context(), []channel.Ref{{ExternalID: "2"}, {ExternalID: "1"}, {ExternalID: "3"}, {ExternalID: "0557722-A"}, {ExternalID: "-1"}})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, it := range items {
		got += it.Kind + ":" + it.ExternalID + " "
	}
	if got != "dbs_status:2 fbs_status:1 " {
		t.Errorf("items %q", got)
	}
	if want := `[fbs {"orders":[2,1,3]} dbs {"ordersIds":[2,3]}]`; fmt.Sprint(asked) != want {
		t.Errorf("asked %v, want %s", asked, want)
	}
}

func TestRangeTooOld(t *testing.T) {
	t.Parallel()
	a := testAdapter(t, "http://127.0.0.1:1", nil)
	_, err := a.ListRange(t.Context(), testNow.AddDate(0, -4, 0), testNow, nil)
	if orderhub.ClassOf(err) != orderhub.ClassRejected {
		t.Errorf("got %v, want a refusal without a call", err)
	}
}
