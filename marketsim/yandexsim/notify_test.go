package yandexsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/specs"
)

// hub is the other end of the notifications.
type hub struct {
	mu  sync.Mutex
	got []map[string]any
	// answer is called with the number of the message, from 1.
	answer func(w http.ResponseWriter, n int)
	came   chan struct{}
	url    string
}

func goodReply(w http.ResponseWriter, _ int) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"name":"shop","version":"1","time":%q}`, time.Now().UTC().Format(time.RFC3339))
}

func listen(t *testing.T, answer func(w http.ResponseWriter, n int)) *hub {
	t.Helper()
	h := &hub{answer: answer, came: make(chan struct{}, 1000)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /secret/notification", func(w http.ResponseWriter, r *http.Request) {
		var m map[string]any
		dec := json.NewDecoder(r.Body)
		dec.UseNumber()
		if err := dec.Decode(&m); err != nil {
			t.Error(err)
		}
		h.mu.Lock()
		h.got = append(h.got, m)
		n := len(h.got)
		h.mu.Unlock()
		h.answer(w, n)
		h.came <- struct{}{}
	})
	server := httptest.NewServer(atNotification(t, mux))
	t.Cleanup(server.Close)
	h.url = server.URL + "/secret/"
	return h
}

// atNotification checks the messages against the document, whose only path is
// /notification.
func atNotification(t *testing.T, next http.Handler) http.Handler {
	var doc *specs.Doc
	done := make(chan struct{})
	go func() {
		defer close(done)
		doc = specs.Load(quiet{t}, "yandex-market/notification-api.bundled.json")
	}()
	<-done
	if doc == nil {
		return next
	}
	inner := doc.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/secret" + r.URL.Path
		next.ServeHTTP(w, r)
	}), func(v specs.Violation) {
		if v.Part == "request" {
			t.Errorf("not as the document says: %s", v)
		}
	})
	return http.StripPrefix("/secret", inner)
}

func (h *hub) wait(t *testing.T, n int) {
	t.Helper()
	for range n {
		select {
		case <-h.came:
		case <-time.After(20 * time.Second):
			t.Fatalf("only %d notifications came", len(h.kinds()))
		}
	}
}

func (h *hub) kinds() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, m := range h.got {
		k := fmt.Sprint(m["notificationType"])
		for _, f := range []string{"status", "substatus", "returnType", "updateType"} {
			if m[f] != nil {
				k += " " + fmt.Sprint(m[f])
			}
		}
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Seed: 5})
	h := listen(t, goodReply)
	s.m.Notify(h.url)
	h.wait(t, 1)

	dbs := s.place(orderhub.SchemeDBS)
	if err := s.m.MoveShipment(dbs, 2); err != nil {
		t.Fatal(err)
	}
	s.setStatus(orderhub.SchemeDBS, dbs, "DELIVERY", "")
	if err := s.m.MoveShipment(dbs, 2); err == nil {
		t.Error("a shipment that is on its way cannot be moved")
	}
	s.act(dbs, marketsim.ActRequestCancel)
	s.act(dbs, marketsim.ActRefuse)
	other := s.place(orderhub.SchemeDBS, marketsim.SpecLine{SKU: "A", Quantity: 1, PriceMinor: 100})
	s.setStatus(orderhub.SchemeDBS, other, "DELIVERY", "")
	s.setStatus(orderhub.SchemeDBS, other, "DELIVERED", "")
	s.act(other, marketsim.ActReturn)
	want := []string{
		"ORDER_CANCELLATION_REQUEST", "ORDER_CANCELLED", "ORDER_CREATED", "ORDER_CREATED",
		"ORDER_RETURN_CREATED RETURN", "ORDER_RETURN_CREATED UNREDEEMED",
		"ORDER_STATUS_UPDATED CANCELLED USER_REFUSED_DELIVERY", "ORDER_STATUS_UPDATED DELIVERED DELIVERY_SERVICE_DELIVERED",
		"ORDER_STATUS_UPDATED DELIVERY DELIVERY_SERVICE_RECEIVED", "ORDER_STATUS_UPDATED DELIVERY DELIVERY_SERVICE_RECEIVED",
		"ORDER_UPDATED SHIPMENT_DATE_UPDATED", "PING",
	}
	h.wait(t, len(want)-1)
	if diff := cmp.Diff(want, h.kinds()); diff != "" {
		t.Errorf("notifications (-want +got):\n%s", diff)
	}
	s.m.Notify("")
	s.place(orderhub.SchemeDBS)
	if n := len(h.kinds()); n != len(want) {
		t.Errorf("%d notifications after the subscription ended", n)
	}
}

func TestGoodAnswer(t *testing.T) {
	t.Parallel()
	const good = `{"name":"shop","version":"1","time":"2026-11-20T09:00:00Z"}`
	for _, tt := range []struct {
		code        int
		contentType string
		body        string
		want        bool
	}{
		{200, "application/json", good, true},
		{200, "application/json; charset=utf-8", good, true},
		{200, "text/plain", good, false},
		{200, "", good, false},
		{200, "application/json", `{"name":"shop","version":"1"}`, false},
		{200, "application/json", `{"name":"","version":"1","time":"2026-11-20T09:00:00Z"}`, false},
		{200, "application/json", `{}`, false},
		{200, "application/json", `no`, false},
		{202, "application/json", good, false},
		{400, "application/json", `{"error":{"type":"DUPLICATED_EVENT"}}`, true},
		{500, "application/json", good, false},
	} {
		if got := goodAnswer(tt.code, tt.contentType, []byte(tt.body)); got != tt.want {
			t.Errorf("%d %q %s: %v", tt.code, tt.contentType, tt.body, got)
		}
	}
}

func TestNotificationRetriesAndFaults(t *testing.T) {
	t.Parallel()
	t.Run("again after a 500, not after a 400", func(t *testing.T) {
		t.Parallel()
		s := open(t, Options{})
		h := listen(t, func(w http.ResponseWriter, n int) {
			switch n {
			case 1: // the PING
				goodReply(w, n)
			case 2:
				w.WriteHeader(500)
			case 3:
				goodReply(w, n)
			default:
				w.WriteHeader(400)
			}
		})
		s.m.Notify(h.url)
		h.wait(t, 1)
		s.place(orderhub.SchemeFBS)
		h.wait(t, 2)
		s.place(orderhub.SchemeFBS)
		h.wait(t, 1)
		if diff := cmp.Diff([]string{"ORDER_CREATED", "ORDER_CREATED", "ORDER_CREATED", "PING"}, h.kinds()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if n := s.m.notifier.Failed(); n != 0 {
			t.Errorf("%d given up", n)
		}
	})
	for fault, want := range map[string]int{"lost": 0, "duplicated": 2, "late": 1} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			in := marketsim.NewInjector(1, marketsim.Faults{})
			s := open(t, Options{Injector: in})
			h := listen(t, goodReply)
			s.m.Notify(h.url)
			h.wait(t, 1)
			share := map[string]float64{fault: 1}
			in.Set(marketsim.Faults{Lost: share["lost"], Duplicated: share["duplicated"], Late: share["late"], Delay: time.Millisecond})
			s.place(orderhub.SchemeFBS)
			h.wait(t, want)
			in.Set(marketsim.Faults{})
			id := s.place(orderhub.SchemeDBS)
			h.wait(t, 1)
			if got := len(h.kinds()); got != want+2 {
				t.Errorf("%d notifications for order %s", got-2, id)
			}
		})
	}
}
