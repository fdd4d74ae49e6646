package pipeline

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/webhook"
)

// localhost lets endpoints be on this machine, where tests have their receivers.
func localhost(_ *fake, opts *Options) {
	opts.Private = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

// receiver is a program that is told by webhook. It verifies what it gets and drops
// what it has already.
type receiver struct {
	t   *testing.T
	now func() time.Time
	srv *httptest.Server

	mu sync.Mutex
	// answer says what to answer to an event, by order and kind.
	answer func(order, kind string) int
	keys   []webhook.Key
	seen   map[string]bool
	// took are the events in the order in which they came, by order; times counts
	// every message.
	took   map[string][]string
	times  int
	bodies []string
	// lose is how many answers get lost after the event was taken.
	lose int
}

func newReceiver(w *world) *receiver {
	r := &receiver{t: w.t, now: w.clock.now, seen: map[string]bool{}, took: map[string][]string{}, answer: func(string, string) int { return 200 }}
	r.srv = httptest.NewServer(r)
	w.t.Cleanup(r.srv.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.times++
	id, err := webhook.Verify(req.Header, body, r.now(), r.keys...)
	if err != nil {
		r.t.Errorf("%v: %+v", err, req.Header)
	}
	var m struct {
		Type string
		Data FeedEntry
	}
	if err := json.Unmarshal(body, &m); err != nil {
		r.t.Error(err)
	}
	if m.Type == "ping" {
		_, _ = w.Write([]byte("pong"))
		return
	}
	order := m.Data.Order.ExternalID
	if status := r.answer(order, m.Type); status != 200 {
		w.WriteHeader(status)
		_, _ = w.Write([]byte("not now"))
		return
	}
	if !r.seen[id] {
		r.seen[id] = true
		r.took[order] = append(r.took[order], m.Type+" "+string(m.Data.Event.To))
		r.bodies = append(r.bodies, string(body))
	}
	if r.lose > 0 {
		r.lose--
		w.WriteHeader(http.StatusGatewayTimeout)
	}
}

func (r *receiver) set(f func(order, kind string) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

func (r *receiver) got() map[string][]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string][]string{}
	for k, v := range r.took {
		out[k] = slices.Clone(v)
	}
	return out
}

// endpoint adds an endpoint of a receiver.
func (w *world) endpoint(r *receiver, e orderhub.Endpoint) orderhub.Endpoint {
	w.t.Helper()
	e.URL = r.srv.URL
	if e.Name == "" {
		e.Name = "erp"
	}
	e, secret, err := w.hub.AddEndpoint(w.t.Context(), e)
	w.must(err)
	key, err := webhook.ParseSecret(secret)
	w.must(err)
	r.keys = append(r.keys, key)
	return e
}

// deliver works the lanes of webhooks once.
func (w *world) deliver() {
	w.t.Helper()
	w.must(w.hub.fanOut(w.t.Context(), store.Lease{}))
	due, err := w.store.Due(w.t.Context())
	w.must(err)
	for _, id := range due.Endpoints {
		w.must(w.hub.deliverTo(w.t.Context(), id, store.Lease{}))
	}
}

func (w *world) endpointNow(id int64) orderhub.Endpoint {
	w.t.Helper()
	e, err := w.store.Endpoint(w.t.Context(), id)
	w.must(err)
	return e
}

func (w *world) deliveries(id int64, state orderhub.DeliveryState) []orderhub.Delivery {
	w.t.Helper()
	list, err := w.store.Deliveries(w.t.Context(), store.DeliveryFilter{EndpointID: id, State: state, Limit: 100})
	w.must(err)
	return list
}

// ladder is what each order goes through in these tests.
var ladder = []orderhub.Status{orderhub.StatusConfirmed, orderhub.StatusPacked, orderhub.StatusShipped, orderhub.StatusDelivered}

// TestAReceiverThatIsDownForADay gets everything when it returns, in order for each
// order, and the one beside it never waits.
func TestAReceiverThatIsDownForADay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		down, up := newReceiver(w), newReceiver(w)
		dead, live := w.endpoint(down, orderhub.Endpoint{}), w.endpoint(up, orderhub.Endpoint{})
		down.set(func(string, string) int { return 503 })
		const orders = 12
		want := map[string][]string{}
		for hour := range 24 {
			for i := range orders {
				id := fmt.Sprint(i)
				switch step := hour - i; {
				case step == 0:
					w.take(snap(id, orderhub.StatusNew))
					want[id] = []string{"order.received new"}
				case step > 0 && step <= len(ladder):
					w.take(statusOnly(id, ladder[step-1]))
					want[id] = append(want[id], "order.status "+string(ladder[step-1]))
				}
			}
			w.deliver()
			if got := up.got(); !maps.EqualFunc(got, want, slices.Equal) {
				t.Fatalf("hour %d: the live one has %v, want %v", hour, got, want)
			}
			for range 2 {
				w.clock.add(30 * time.Minute)
				w.deliver()
			}
		}
		if e := w.endpointNow(dead.ID); e.State != orderhub.EndpointActive || e.Failures == 0 || e.FailingSince.IsZero() || !strings.Contains(e.Error, "503") {
			t.Errorf("after a day: %+v", e)
		}
		if down.times > 80 {
			t.Errorf("it was knocked at %d times while it was down", down.times)
		}
		down.set(func(string, string) int { return 200 })
		w.clock.add(70 * time.Minute)
		w.deliver()
		w.deliver() // what was tried with the longest pause
		if got := down.got(); !maps.EqualFunc(got, want, slices.Equal) {
			t.Errorf("got %v\nwant %v", got, want)
		}
		if e := w.endpointNow(dead.ID); e.Failures != 0 || !e.FailingSince.IsZero() || len(w.deliveries(dead.ID, orderhub.DeliveryPending)) != 0 {
			t.Errorf("after its return: %+v", e)
		}
		if up.times != down.seenCount() || len(w.deliveries(live.ID, orderhub.DeliveryDelivered)) != up.times {
			t.Errorf("%d messages, %d events", up.times, down.seenCount())
		}
	}, localhost)
}

func (r *receiver) seenCount() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

// TestRefusedAndDead: what a receiver refuses dies alone, its order waits and the
// others do not; people send it again.
func TestRefusedAndDead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		r := newReceiver(w)
		e := w.endpoint(r, orderhub.Endpoint{})
		r.set(func(order, kind string) int {
			if order == "1" && kind == "order.received" {
				return 422
			}
			return 200
		})
		w.take(snap("1", orderhub.StatusNew), snap("2", orderhub.StatusNew))
		w.take(statusOnly("1", orderhub.StatusConfirmed), statusOnly("2", orderhub.StatusConfirmed))
		w.deliver()
		if got := r.got(); len(got["2"]) != 2 || len(got["1"]) != 0 {
			t.Fatalf("got %v", got)
		}
		for range 20 {
			w.clock.add(20 * time.Minute)
			w.deliver()
		}
		dead := w.deliveries(e.ID, orderhub.DeliveryDead)
		if len(dead) != 1 || dead[0].Attempts != refusals || dead[0].Status != 422 || dead[0].Excerpt != "not now" || len(r.got()["1"]) != 1 {
			t.Fatalf("dead %+v, got %v", dead, r.got())
		}
		r.set(func(string, string) int { return 200 })
		if n, err := w.hub.RedeliverDead(t.Context(), e.ID); err != nil || n != 1 {
			t.Fatalf("%d, %v", n, err)
		}
		w.deliver()
		if got := r.got()["1"]; len(got) != 2 || len(w.deliveries(e.ID, orderhub.DeliveryDead)) != 0 {
			t.Errorf("got %v", got)
		}
		one := w.deliveries(e.ID, orderhub.DeliveryDelivered)[0]
		before := r.times
		w.must(w.hub.RedeliverOne(t.Context(), e.ID, one.ID))
		w.deliver()
		if r.times != before+1 {
			t.Errorf("one again: %d messages more", r.times-before)
		}
		if err := w.hub.RedeliverOne(t.Context(), e.ID, 4711); orderhub.CodeOf(err) != orderhub.CodeNotFound {
			t.Errorf("one that is not there: %v", err)
		}
		// Everything since the beginning, to one that came late as well.
		late := newReceiver(w)
		second := w.endpoint(late, orderhub.Endpoint{Name: "late", Filter: orderhub.EventFilter{Kinds: []orderhub.EventKind{orderhub.EventStatus}}})
		w.deliver()
		if late.times != 0 {
			t.Errorf("it was told what was before its time: %d", late.times)
		}
		if n, err := w.hub.RedeliverSince(t.Context(), second.ID, time.Unix(1, 0)); err != nil || n != 2 {
			t.Errorf("since: %d, %v", n, err)
		}
		w.deliver()
		if got := late.got(); len(got["1"]) != 1 || len(got["2"]) != 1 {
			t.Errorf("since: %v", got)
		}
	}, localhost)
}

// TestEndpointIsStopped after days, keeps what it is to be told, and is told it when
// a person switches it on.
func TestEndpointIsStopped(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		r := newReceiver(w)
		e := w.endpoint(r, orderhub.Endpoint{})
		r.srv.Close()
		w.take(snap("1", orderhub.StatusNew))
		for range 4 * 12 {
			w.deliver()
			w.clock.add(2 * time.Hour)
		}
		stopped := w.endpointNow(e.ID)
		if stopped.State != orderhub.EndpointStopped || !strings.Contains(stopped.Error, "no connection") {
			t.Fatalf("%+v", stopped)
		}
		w.take(statusOnly("1", orderhub.StatusConfirmed))
		w.deliver()
		if n := len(w.deliveries(e.ID, orderhub.DeliveryPending)); n != 2 {
			t.Fatalf("%d wait", n)
		}
		back := newReceiver(w)
		back.keys = r.keys
		_, err := w.hub.ChangeEndpoint(t.Context(), e.ID, func(e *orderhub.Endpoint) { e.URL, e.State = back.srv.URL, orderhub.EndpointActive })
		w.must(err)
		w.deliver()
		if got := back.got()["1"]; len(got) != 2 {
			t.Errorf("got %v", got)
		}
		back.set(func(string, string) int { return 410 })
		w.take(statusOnly("1", orderhub.StatusPacked))
		w.deliver()
		if e := w.endpointNow(e.ID); e.State != orderhub.EndpointStopped {
			t.Errorf("gone: %+v", e)
		}
		w.must(w.hub.RemoveEndpoint(t.Context(), e.ID))
		w.take(statusOnly("1", orderhub.StatusShipped))
		w.deliver()
	}, localhost)
}

// TestSecretRotation: during the overlap both secrets sign, afterwards the new one.
func TestSecretRotation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		r := newReceiver(w)
		e := w.endpoint(r, orderhub.Endpoint{Personal: true})
		old := r.keys[0]
		_, secret, err := w.hub.RotateEndpointSecret(t.Context(), e.ID, time.Hour)
		w.must(err)
		fresh, err := webhook.ParseSecret(secret)
		w.must(err)
		ping := func(what string) {
			t.Helper()
			out, err := w.hub.TestEndpoint(t.Context(), e.ID)
			if err != nil || out.Status != 200 || out.Excerpt != "pong" || out.Error != "" {
				t.Errorf("%s: %+v, %v", what, out, err)
			}
		}
		ping("the old secret")
		r.keys = []webhook.Key{fresh}
		ping("the new secret")
		w.clock.add(2 * time.Hour)
		ping("the new secret alone")
		if n := len(w.endpointNow(e.ID).Secrets); n != 2 || string(old) == string(fresh) {
			t.Errorf("%d secrets", n)
		}
	}, localhost)
}

// TestEndpointsOfInside: an address that leads inside is refused, or not reached.
func TestEndpointsOfInside(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		for _, url := range []string{"http://127.0.0.1:1/x", "https://169.254.169.254/", "http://erp.example.com/", "https://[::ffff:10.0.0.1]/"} {
			_, _, err := w.hub.AddEndpoint(t.Context(), orderhub.Endpoint{Name: "x", URL: url})
			if orderhub.CodeOf(err) != orderhub.CodeInvalid {
				t.Errorf("%s: %v", url, err)
			}
		}
		e, _, err := w.hub.AddEndpoint(t.Context(), orderhub.Endpoint{Name: "x", URL: "https://localhost:1/x"})
		w.must(err)
		out, err := w.hub.TestEndpoint(t.Context(), e.ID)
		if err != nil || !strings.Contains(out.Error, "not public") {
			t.Errorf("%+v, %v", out, err)
		}
	}, func(_ *fake, opts *Options) { opts.Private = []netip.Prefix{} })
}

// TestWebhooksLeaveTheBuyerOut unless the endpoint is to have his data.
func TestWebhooksLeaveTheBuyerOut(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		without, full := newReceiver(w), newReceiver(w)
		w.endpoint(without, orderhub.Endpoint{})
		w.endpoint(full, orderhub.Endpoint{Personal: true})
		w.take(with(snap("1", orderhub.StatusNew), func(s *orderhub.Snapshot) {
			s.Customer = orderhub.Customer{Name: "Иван Петров", Phone: "+79161234567"}
			s.Comment, s.Shipping.Address = "код 4711", "Ленина 1"
		}))
		w.deliver()
		for _, word := range []string{"Петров", "9161234567", "4711", "Ленина"} {
			if strings.Contains(without.bodies[0], word) || !strings.Contains(full.bodies[0], word) {
				t.Errorf("%s: %s\n%s", word, without.bodies[0], full.bodies[0])
			}
		}
	}, localhost)
}

// TestHangingEndpointsDelayNobody runs the hub: more receivers that never answer than
// there were workers once, and one that does. Fewer workers than endpoints would make it
// wait for deliverTimeout.
func TestHangingEndpointsDelayNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		release := make(chan struct{})
		letGo := sync.OnceFunc(func() { close(release) })
		hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
		defer hanging.Close()
		defer letGo()
		for i := range 28 {
			_, _, err := w.hub.AddEndpoint(t.Context(), orderhub.Endpoint{Name: fmt.Sprint(i), URL: hanging.URL})
			w.must(err)
		}
		r := newReceiver(w)
		w.endpoint(r, orderhub.Endpoint{})
		w.take(snap("1", orderhub.StatusNew))
		w.must(w.hub.Start(t.Context()))
		defer func() {
			letGo()
			w.must(w.hub.Stop(t.Context()))
		}()
		for end := time.Now().Add(deliverTimeout - time.Second); len(r.got()) == 0; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the live receiver waits for the hanging ones")
			}
		}
	}, localhost, func(_ *fake, opts *Options) { opts.Tick = 50 * time.Millisecond })
}

// TestOwnersAreToldOfDeadEndpoints once, by the rule that every hub has.
func TestOwnersAreToldOfDeadEndpoints(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		r := newReceiver(w)
		w.must(w.hub.firstRules(t.Context()))
		_, err := w.hub.AddRecipient(t.Context(), orderhub.Recipient{Kind: orderhub.RecipientWebhook, Name: "owner", RecipientAddress: orderhub.RecipientAddress{Address: r.srv.URL}})
		w.must(err)
		w.endpoint(r, orderhub.Endpoint{Name: "Склад"})
		r.set(func(string, string) int { return 503 })
		w.take(snap("1", orderhub.StatusNew))
		for range 6 {
			w.deliver()
			w.clock.add(5 * time.Minute)
			w.must(w.hub.notice(t.Context(), store.Lease{}))
		}
		groups, err := w.store.DueGroups(t.Context(), store.Told{Kind: orderhub.RecipientWebhook}, 10)
		w.must(err)
		told := 0
		for _, g := range groups {
			var list []orderhub.NotifyCause
			w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error { list, err = tx.Waiting(t.Context(), g, 10); return err }))
			for _, c := range list {
				if c.Facts.On == orderhub.OnIntegration && c.Facts.AccountName == "Склад" && c.Facts.State == "failing" && strings.Contains(c.Facts.Why, "503") {
					told++
				}
			}
		}
		if told != 1 {
			t.Errorf("told %d times", told)
		}
	}, localhost)
}
