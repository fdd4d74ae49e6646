package ozonsim

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

// ear takes notifications like a hub.
type ear struct {
	t    testing.TB
	mu   sync.Mutex
	got  []map[string]any
	deaf int // how many to refuse first
	news chan struct{}
}

func listen(t testing.TB, deaf int) (*ear, string) {
	t.Helper()
	e := &ear{t: t, deaf: deaf, news: make(chan struct{}, 1000)}
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	return e, srv.URL
}

func (e *ear) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	var body map[string]any
	if json.Unmarshal(raw, &body) != nil {
		e.t.Errorf("not JSON: %s", raw)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if e.deaf > 0 {
		e.deaf--
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, `{"error":{"code":"ERROR_UNKNOWN","message":"later","details":null}}`)
		return
	}
	e.got = append(e.got, body)
	if body["message_type"] == "TYPE_PING" {
		io.WriteString(w, `{"version":"1.0.0","name":"ear","time":"2026-11-02T08:00:00Z"}`)
	} else {
		io.WriteString(w, `{"result":true}`)
	}
	e.news <- struct{}{}
}

// wait returns the first notification of a kind about a posting, or with a
// state, waiting for it.
func (e *ear) wait(kind, number, state string) map[string]any {
	e.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		if n := e.find(kind, number, state); n != nil {
			return n
		}
		select {
		case <-e.news:
		case <-deadline:
			e.t.Fatalf("no %s of %s %s", kind, number, state)
		}
	}
}

func (e *ear) find(kind, number, state string) map[string]any {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, n := range e.got {
		if n["message_type"] == kind && (number == "" || n["posting_number"] == number) && (state == "" || n["new_state"] == state) {
			return n
		}
	}
	return nil
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *Options) { o.Fast = true })
	e, url := listen(t, 0)
	w.m.Notify(url)
	if ping := e.wait("TYPE_PING", "", ""); ping["time"] == nil {
		t.Fatalf("got %v", ping)
	}
	n := w.place(marketsim.OrderSpec{Pending: true})
	fresh := e.wait("TYPE_NEW_POSTING", n, "")
	if fresh["in_process_at"] != "" || fresh["seller_id"] != float64(w.m.opts.ClientID) || fresh["tpl_integration_type"] != "ozon" {
		t.Fatalf("got %v", fresh)
	}
	if list, _ := fresh["products"].([]any); len(list) != 2 {
		t.Fatalf("got %v", fresh["products"])
	}
	w.act(n, marketsim.ActPay)
	e.wait("TYPE_STATE_CHANGED", n, "posting_created")
	// On a set clock the assembly ends when somebody looks.
	ok[shipResponse](w, "/v4/posting/fbs/ship", shipBody(n))
	w.clock.add(time.Minute)
	w.words(n, awaitingDeliver, subTransferring)
	e.wait("TYPE_STATE_CHANGED", n, "posting_transferring_to_delivery")
	to := w.clock.now().Add(48 * time.Hour)
	if err := w.m.SetCutoff(n, to); err != nil {
		t.Fatal(err)
	}
	if got := e.wait("TYPE_CUTOFF_DATE_CHANGED", n, ""); got["new_cutoff_date"] != to.Format(time.RFC3339) {
		t.Fatalf("got %v", got)
	}
	if !w.get(n).ShipmentDate.Equal(to) {
		t.Fatal("the deadline did not change")
	}
	if err := w.m.SetDelivery(n, to, to.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	e.wait("TYPE_DELIVERY_DATE_CHANGED", n, "")
	w.act(n, marketsim.ActCancel)
	got := e.wait("TYPE_POSTING_CANCELLED", n, "posting_canceled")
	if reason, _ := got["reason"].(map[string]any); got["old_state"] != subTransferring || reason["id"] != float64(reasonBuyerChangedMind) {
		t.Fatalf("got %v", got)
	}
}

func TestNotificationsAreRepeated(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *Options) { o.Fast = true })
	e, url := listen(t, 3)
	w.m.Notify(url)
	n := w.place(marketsim.OrderSpec{})
	e.wait("TYPE_NEW_POSTING", n, "")
}

func TestNotificationFaults(t *testing.T) {
	t.Parallel()
	in := marketsim.NewInjector(3, marketsim.Faults{Lost: 1})
	w := setup(t, func(o *Options) { o.Injector, o.Fast = in, true })
	e, url := listen(t, 0)
	w.m.Notify(url)
	lost := w.place(marketsim.OrderSpec{})
	in.Set(marketsim.Faults{Duplicated: 1})
	twice := w.place(marketsim.OrderSpec{})
	e.wait("TYPE_NEW_POSTING", twice, "")
	in.Set(marketsim.Faults{})
	w.act(twice, marketsim.ActCancel)
	e.wait("TYPE_POSTING_CANCELLED", twice, "")
	if e.find("TYPE_NEW_POSTING", lost, "") != nil || e.find("TYPE_PING", "", "") != nil {
		t.Fatal("what was lost arrived")
	}
	if s := in.Stats(); s[marketsim.FaultLost] != 2 || s[marketsim.FaultDuplicated] != 1 {
		t.Fatalf("stats %v", s)
	}
}

func TestGoodAnswer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status          int
		contentType, in string
		want            bool
	}{
		{200, "application/json", `{"result":true}`, true},
		{200, "application/json; charset=utf-8", `{"version":"1","name":"x","time":"2026-11-02T08:00:00Z"}`, true},
		{200, "application/json", `{"result":false}`, false},
		{200, "application/json", `{"version":"1","name":"x","time":"yesterday"}`, false},
		{200, "text/plain", `{"result":true}`, false},
		{200, "application/json", ``, false},
		{204, "application/json", `{"result":true}`, false},
		{500, "application/json", `{"result":true}`, false},
	} {
		if got := goodAnswer(tt.status, tt.contentType, []byte(tt.in)); got != tt.want {
			t.Errorf("%d %s %s: %v", tt.status, tt.contentType, tt.in, got)
		}
	}
}
