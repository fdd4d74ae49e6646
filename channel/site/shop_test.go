package site

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/shopsim"
)

// TestWithTheShopSimulator joins both sides over HTTP: what the shop sold comes
// in, what the hub decides gets there, whatever goes wrong on the way.
func TestWithTheShopSimulator(t *testing.T) {
	t.Parallel()
	in := marketsim.NewInjector(2, marketsim.Faults{
		ServerError: 0.1, TimeoutAfter: 0.1, Hang: time.Millisecond,
		Lost: 0.2, Duplicated: 0.2, Late: 0.2, Delay: 10 * time.Millisecond,
	})
	shop := shopsim.New(shopsim.Options{Injector: in, Fast: true, Seed: 4, Mode: shopsim.ModeWebhook})
	defer shop.Close()
	shopServer := httptest.NewServer(shop.Handler())
	defer shopServer.Close()

	settings := channel.Settings(shop.Settings())
	settings[settingDeliveryURL] = shopServer.URL
	ad, err := open(settings, channel.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	hub := &tinyHub{t: t, a: ad.(*adapter), orders: map[string]orderhub.Snapshot{}}
	hubServer := httptest.NewServer(hub)
	defer hubServer.Close()
	shop.Notify(hubServer.URL)

	for i := range 20 {
		ids, err := shop.Place(marketsim.OrderSpec{
			Pending: i%5 == 0,
			Lines:   []marketsim.SpecLine{{SKU: "0557722", Quantity: int64(1 + i%3), PriceMinor: 12990}, {SKU: "B", Quantity: 1, PriceMinor: 1}},
		})
		if err != nil {
			t.Fatal(err)
		}
		switch i % 5 {
		case 0:
			err = shop.Act(ids[0], marketsim.ActPay)
		case 1:
			err = shop.Act(ids[0], marketsim.ActCancel)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; shop.Owed() > 0; i++ {
		if i > 3000 {
			t.Fatalf("the shop still owes %d messages", shop.Owed())
		}
		time.Sleep(5 * time.Millisecond) // the shop repeats by its own clock
	}
	hub.compare(shop)
	for n, o := range shop.Truth() {
		if o.Headline == orderhub.StatusNew {
			hub.tell(o.ID, n, orderhub.StatusConfirmed, orderhub.StatusPacked, orderhub.StatusShipped)
		}
	}
	for _, o := range shop.Truth() {
		want, calls := orderhub.StatusShipped, 3
		if o.Native == "cancelled" {
			want, calls = orderhub.StatusCancelled, 0
		}
		if o.Headline != want || len(o.Calls) != calls {
			t.Errorf("order %s: the shop has %s after %d calls, want %s after %d", o.ID, o.Headline, len(o.Calls), want, calls)
		}
	}
}

// tinyHub keeps the newest version of each order.
type tinyHub struct {
	t      *testing.T
	a      *adapter
	mu     sync.Mutex
	orders map[string]orderhub.Snapshot
}

func (h *tinyHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	hook, err := h.a.ParseWebhook(r, body, netip.MustParseAddr("127.0.0.1"))
	reply := hook.Reply
	if err != nil {
		h.t.Errorf("a message of the shop was refused: %v", err)
		reply = h.a.ErrorReply(err)
	}
	for _, it := range hook.Items {
		snap, err := h.a.Normalise(it.Kind, it.Body)
		if err != nil || snap.ExternalID != it.ExternalID || len(snap.Drift)+len(snap.Discrepancies) > 0 {
			h.t.Errorf("normalise %s: %v, %+v", it.Body, err, snap)
			continue
		}
		h.mu.Lock()
		if old := h.orders[snap.ExternalID]; snap.Revision > old.Revision {
			if snap.StatusOnly && old.ExternalID != "" {
				old.Status, old.Revision = snap.Status, snap.Revision
				snap = old
			}
			h.orders[snap.ExternalID] = snap
		}
		h.mu.Unlock()
	}
	w.Header().Set("Content-Type", reply.ContentType)
	w.WriteHeader(reply.Status)
	_, _ = w.Write(reply.Body)
}

func (h *tinyHub) compare(shop *shopsim.Market) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, o := range shop.Truth() {
		got := h.orders[o.ID]
		if got.Status != o.Headline || (!got.StatusOnly && (got.Units() != o.Units || got.Total.Minor != o.TotalMinor)) {
			h.t.Errorf("order %s: got %+v, the books say %+v", o.ID, got, o)
		}
	}
}

// tell sends statuses one after the other, each until the shop took it.
func (h *tinyHub) tell(id string, n int, to ...orderhub.Status) {
	for i, status := range to {
		p := channel.Push{
			Key: fmt.Sprintf("effect-%d", 10*n+i+1), To: status,
			Order: orderhub.Order{ID: int64(n + 1), Snapshot: orderhub.Snapshot{ExternalID: id, Scheme: orderhub.SchemeSite}},
		}
		for {
			p.Attempt++
			results, err := h.a.PushStatus(h.t.Context(), []channel.Push{p})
			if err != nil || p.Attempt > 50 {
				h.t.Fatalf("attempt %d: %v, %+v", p.Attempt, err, results)
			}
			if results[0].Outcome == channel.OutcomeDone {
				break
			}
			if class := orderhub.ClassOf(results[0].Err); class != orderhub.ClassRetry {
				h.t.Fatalf("attempt %d: %v", p.Attempt, results[0].Err)
			}
		}
	}
}
