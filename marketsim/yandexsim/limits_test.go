package yandexsim

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

func TestResourceLimit(t *testing.T) {
	t.Parallel()
	c := newClock()
	c.pass(25*time.Minute + 300*time.Millisecond)
	s := open(t, Options{Now: c.now, Limits: Limits{Scale: 0.0003}}) // 3 of 10000
	for left := 2; left >= 0; left-- {
		r := s.ok("POST", listPath, "{}")
		if got := r.header.Get("X-RateLimit-Resource-Remaining"); got != fmt.Sprint(left) {
			t.Errorf("remaining %s, want %d", got, left)
		}
		if got := r.header.Get("X-RateLimit-Resource-Limit"); got != "3" {
			t.Errorf("limit %s", got)
		}
	}
	r := s.refused("POST", listPath, "{}", 420, fmt.Sprintf("Hit rate limit of 3 requests per 1 hour for resource 283 for businessId %d", BusinessID))
	until, err := http.ParseTime(r.header.Get("X-RateLimit-Resource-Until"))
	if err != nil || !until.Equal(start.Add(time.Hour)) {
		t.Errorf("until %v %v, want the next full hour", until, err)
	}
	if r.header.Get("Retry-After") != "" {
		t.Error("the Market knows no Retry-After")
	}
	// Other methods and other shops count for themselves.
	id := s.place(orderhub.SchemeFBS)
	s.ok("GET", path(orderhub.SchemeFBS, id, ""), "")
	c.pass(35 * time.Minute)
	s.ok("POST", listPath, "{}")
}

func TestLimitCountsRows(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Now: newClock().now, Limits: Limits{Scale: 0.0005, Window: time.Minute}}) // 5 orders
	var rows []string
	for range 4 {
		rows = append(rows, `{"id":`+s.place(orderhub.SchemeFBS)+`,"status":"PROCESSING","substatus":"READY_TO_SHIP"}`)
	}
	at := fmt.Sprintf("/v2/campaigns/%d/orders/status-update", CampaignFBS)
	batch := func(n int) string { return `{"orders":[` + strings.Join(rows[:n], ",") + `]}` }
	if r := s.ok("POST", at, batch(3)); r.header.Get("X-RateLimit-Resource-Remaining") != "2" {
		t.Errorf("remaining %s", r.header.Get("X-RateLimit-Resource-Remaining"))
	}
	s.refused("POST", at, batch(4), 420, fmt.Sprintf("for campaignId %d", CampaignFBS))
	s.ok("POST", at, `{"orders":[`+rows[3]+`]}`)
}

func TestParallelLimit(t *testing.T) {
	t.Parallel()
	l := newLimiter(Limits{})
	plain, reading := &route{resource: "30"}, &route{resource: "283", parallel: 6}
	var leave []func()
	for range 4 {
		out, _, ok := l.enter("campaignId 1", plain)
		if !ok {
			t.Fatal("four at once are allowed")
		}
		leave = append(leave, out)
	}
	if _, n, ok := l.enter("campaignId 1", plain); ok || n != 4 {
		t.Error("a fifth at once is not")
	}
	if _, _, ok := l.enter("campaignId 2", plain); !ok {
		t.Error("another shop counts for itself")
	}
	for range 6 {
		if _, _, ok := l.enter("campaignId 1", reading); !ok {
			t.Error("reading orders has six places of its own")
		}
	}
	if _, n, ok := l.enter("campaignId 1", reading); ok || n != 6 {
		t.Error("but not seven")
	}
	leave[0]()
	if _, _, ok := l.enter("campaignId 1", plain); !ok {
		t.Error("a place that became free is free")
	}
	if got := parallelMessage(4, "campaignId 12345"); got != "Hit rate limit of 4 parallel requests for campaignId 12345" {
		t.Error(got)
	}
	off := newLimiter(Limits{Off: true})
	for range 50 {
		if _, _, ok := off.enter("x", plain); !ok {
			t.Error("limits are off")
		}
	}
}

// TestParallelOverHTTP holds the market's lock, so that calls pile up.
func TestParallelOverHTTP(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Limits: Limits{Parallel: 2}})
	s.m.mu.Lock()
	var wg sync.WaitGroup
	codes := make(chan reply, 5)
	for range 5 {
		wg.Go(func() {
			if r, err := s.send("POST", listPath, "{}", nil); err == nil {
				codes <- r
			}
		})
	}
	for range 3 {
		r := <-codes
		if want := fmt.Sprintf("Hit rate limit of 2 parallel requests for businessId %d", BusinessID); r.status != 420 || r.message() != want {
			t.Errorf("%d %s", r.status, r.raw)
		}
		if r.header.Get("X-RateLimit-Resource-Until") != "" {
			t.Error("the parallel limit has no time of reset")
		}
	}
	s.m.mu.Unlock()
	wg.Wait()
	for range 2 {
		if r := <-codes; r.status != 200 {
			t.Errorf("%d %s", r.status, r.raw)
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	in := marketsim.NewInjector(4, marketsim.Faults{RateLimited: 1})
	s := open(t, Options{Injector: in})
	kinds := map[bool]int{}
	for range 20 {
		r := s.refused("GET", "/v2/campaigns", "", 420, "Hit rate limit of ")
		kinds[r.header.Get("X-RateLimit-Resource-Until") != ""]++
	}
	if kinds[true] == 0 || kinds[false] == 0 {
		t.Errorf("both kinds of 420 must occur: %v", kinds)
	}
	in.Set(marketsim.Faults{ServerError: 1})
	codes := map[int]int{}
	for range 20 {
		r, err := s.send("GET", "/v2/campaigns", "", nil)
		if err != nil || r.message() == "" {
			t.Fatal(err, r.raw)
		}
		codes[r.status]++
	}
	if codes[500] == 0 || codes[503] == 0 || codes[500]+codes[503] != 20 {
		t.Errorf("codes %v", codes)
	}
	// An answer lost after the work was done.
	in.Set(marketsim.Faults{})
	id := s.place(orderhub.SchemeFBS)
	in.Set(marketsim.Faults{TimeoutAfter: 1, Hang: time.Millisecond})
	if _, err := s.send("PUT", path(orderhub.SchemeFBS, id, "/status"), `{"order":{"status":"PROCESSING","substatus":"READY_TO_SHIP"}}`, nil); err == nil {
		t.Error("the answer must be lost")
	}
	if o := s.truth(id); o.Sub != "READY_TO_SHIP" || len(o.Calls) != 1 {
		t.Errorf("the work must be done: %+v", o)
	}
	id = s.place(orderhub.SchemeFBS)
	in.Set(marketsim.Faults{TimeoutBefore: 1, Hang: time.Millisecond})
	if _, err := s.send("PUT", path(orderhub.SchemeFBS, id, "/status"), `{"order":{"status":"PROCESSING","substatus":"READY_TO_SHIP"}}`, nil); err == nil {
		t.Error("the answer must be lost")
	}
	if o := s.truth(id); o.Sub != "STARTED" {
		t.Errorf("nothing must be done: %+v", o)
	}
}
