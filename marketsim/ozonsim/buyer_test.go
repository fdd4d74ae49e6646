package ozonsim

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

func TestPlace(t *testing.T) {
	t.Parallel()
	w, twin := setup(t, nil), setup(t, nil)
	at := w.clock.now().Add(-100 * time.Hour)
	n := w.place(marketsim.OrderSpec{PlacedAt: at, External: "site-15"})
	if n != twin.place(marketsim.OrderSpec{}) {
		t.Error("the same seed gives other numbers")
	}
	p := w.get(n)
	if !p.InProcessAt.Equal(at) || !p.External.IsExternal || p.External.PlatformName != "site-15" || p.Products[1].Price != "1299.9000" {
		t.Errorf("got %+v", p)
	}
	if p.Number != p.OrderNumber+"-1" || p.Products[0].SKU != SKU("MUG-350") {
		t.Errorf("number %s of order %s, sku %d", p.Number, p.OrderNumber, p.Products[0].SKU)
	}
	o := w.truth(n)
	if o.Units != 3 || o.TotalMinor != 49000+2*129990 || o.Headline != orderhub.StatusNew || !o.PlacedAt.Equal(at) || o.Group != p.OrderNumber {
		t.Errorf("books: %+v", o)
	}
	list := ok[listResponse](w, listPath, obj{"limit": 1, "filter": w.window()})
	if got := list.Postings[0].Products[1].Price; got != (money{"1299.90", "RUB"}) {
		t.Errorf("price in the list %v", got)
	}
	line := []marketsim.SpecLine{{SKU: "A", Quantity: 1}}
	for name, bad := range map[string]marketsim.OrderSpec{
		"no lines": {}, "no article": {Lines: []marketsim.SpecLine{{Quantity: 1}}}, "no units": {Lines: []marketsim.SpecLine{{SKU: "A"}}},
		"scheme": {Lines: line, Scheme: orderhub.SchemeDBS}, "unpaid FBO": {Lines: line, Scheme: orderhub.SchemeFBO, Pending: true},
	} {
		if ids, err := w.m.Place(bad); err == nil {
			t.Errorf("%s: placed %v", name, ids)
		}
	}
}

// steps is a story: words of acts, "progress" and "ship", and what follows.
func TestBuyerAndMarketplaceMoves(t *testing.T) {
	t.Parallel()
	type step struct {
		do   string
		want string // status/substatus, "" = refused or nothing to do
	}
	tests := map[string]struct {
		spec  marketsim.OrderSpec
		steps []step
	}{
		"FBS delivered, then returned": {marketsim.OrderSpec{Pending: true}, []step{
			{"progress", ""}, {"refuse", ""}, {"return", ""}, {"pay", "awaiting_packaging/posting_created"}, {"pay", ""}, {"progress", ""},
			{"ship", "awaiting_deliver/posting_transferring_to_delivery"}, {"request_cancel", ""}, {"progress", "delivering/posting_on_way_to_city"},
			{"cancel", ""}, {"progress", "delivering/posting_in_pickup_point"}, {"progress", "delivered/posting_received"}, {"progress", ""},
			{"refuse", ""}, {"return", "delivered/posting_received"}, {"return", ""},
		}},
		"FBS refused at the point": {marketsim.OrderSpec{}, []step{
			{"ship", "awaiting_deliver/posting_transferring_to_delivery"}, {"progress", "delivering/posting_on_way_to_city"},
			{"progress", "delivering/posting_in_pickup_point"}, {"refuse", "cancelled/posting_canceled"}, {"refuse", ""}, {"cancel", ""}, {"progress", ""},
		}},
		"unpaid and cancelled": {marketsim.OrderSpec{Pending: true}, []step{{"cancel", "cancelled/posting_canceled"}, {"pay", ""}}},
		"rFBS asked to cancel": {marketsim.OrderSpec{Scheme: rfbs}, []step{
			{"progress", ""}, {"request_cancel", "awaiting_packaging/posting_created"}, {"request_cancel", ""}, {"progress", "cancelled/posting_canceled"},
		}},
		"FBO": {marketsim.OrderSpec{Scheme: orderhub.SchemeFBO}, []step{
			{"progress", "awaiting_packaging/posting_packing"}, {"progress", "awaiting_deliver/posting_transferring_to_delivery"},
			{"progress", "delivering/posting_on_way_to_city"}, {"progress", "delivering/posting_in_pickup_point"},
			{"progress", "delivered/posting_received"}, {"progress", ""},
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, nil)
			n := w.place(tt.spec)
			for i, s := range tt.steps {
				before := w.truth(n)
				done := true
				switch s.do {
				case "progress":
					moved, err := w.m.Progress(n)
					if err != nil {
						t.Fatal(err)
					}
					done = moved
				case "ship":
					w.ship(n)
				default:
					done = w.m.Act(n, marketsim.BuyerAct(s.do)) == nil
				}
				after := w.truth(n)
				want := s.want
				if want == "" {
					want = before.Native + "/" + before.Sub
				}
				if got := after.Native + "/" + after.Sub; done != (s.want != "") || got != want {
					t.Fatalf("step %d %s: done %v, %s; want %q", i, s.do, done, got, s.want)
				}
				w.clock.add(time.Minute)
			}
		})
	}
}

func TestRefusalIsAfterShipWithItsDate(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	n := w.place(marketsim.OrderSpec{})
	w.ship(n)
	w.progress(n, true)
	w.act(n, marketsim.ActRefuse)
	p := w.get(n)
	if c := p.Cancellation; !c.AfterShip || c.Type != "client" || c.ReasonID != reasonBuyerRefused || p.FactDelivery == nil || p.DeliveringDate == nil {
		t.Fatalf("got %+v, handed over %v", c, p.FactDelivery)
	}
	if w.truth(n).Headline != orderhub.StatusCancelled || len(w.truth(n).Calls) != 1 {
		t.Fatal("books")
	}
}

func TestFBOIsOnlyInItsOwnCalls(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	n := w.place(marketsim.OrderSpec{Scheme: orderhub.SchemeFBO})
	if got := w.all(listPath, w.window(), 100, "ASC", nil); len(got) != 0 {
		t.Fatalf("FBS list: %v", got)
	}
	w.refuse("/v3/posting/fbs/get", obj{"posting_number": n}, 404, 5, "POSTING_NOT_FOUND")
	w.refuse("/v2/posting/fbs/cancel", obj{"posting_number": n, "cancel_reason_id": 352}, 404, 5, "POSTING_NOT_FOUND")
	got := ok[fboGetResponse](w, "/v2/posting/fbo/get", obj{"posting_number": n})
	if got.Result.Number != n || got.Result.Products[0].Price != "490.00" {
		t.Fatalf("got %+v", got)
	}
	w.refuse("/v2/posting/fbo/get", obj{"posting_number": "1-1-1"}, 404, 5, "POSTING_NOT_FOUND")
}

// The words that the simulator knows have the headline that the hub must show.
func TestHeadlines(t *testing.T) {
	t.Parallel()
	want := map[string]orderhub.Status{
		"awaiting_approve/posting_created": "pending", "awaiting_verification/posting_created": "pending",
		"awaiting_packaging/posting_created": "new", "awaiting_packaging/ship_failed": "new",
		"awaiting_deliver/posting_in_carriage": "confirmed", "awaiting_registration/posting_awaiting_registration": "confirmed",
		"acceptance_in_progress/posting_acceptance_in_progress": "confirmed", "arbitration/posting_in_arbitration": "confirmed",
		"not_accepted/posting_not_in_sort_center": "confirmed", "delivering/posting_on_way_to_city": "shipped",
		"delivering/posting_conditionally_delivered": "shipped", "delivering/posting_in_pickup_point": "ready_for_pickup",
		"driver_pickup/posting_driver_pick_up": "shipped", "client_arbitration/posting_in_client_arbitration": "shipped",
		"delivered/posting_received": "delivered", "cancelled/posting_canceled": "cancelled",
		"cancelled_from_split_pending/posting_canceled": "cancelled", "teleporting/posting_in_space": "unknown",
	}
	w := setup(t, nil)
	n := w.place(marketsim.OrderSpec{})
	for words, headline := range want {
		status, sub, _ := strings.Cut(words, "/")
		if err := w.m.SetWords(n, status, sub); err != nil {
			t.Fatal(err)
		}
		w.clock.add(time.Second)
		if got := w.truth(n); got.Headline != headline {
			t.Errorf("%s: %s, want %s", words, got.Headline, headline)
		}
		w.words(n, status, sub)
		if listed := w.all(listPath, merge(w.window(), obj{"statuses": []string{status}}), 100, "ASC", nil); !slices.Contains(listed, n) {
			t.Errorf("%s: not in the list", words)
		}
	}
	if a, err := json.Marshal(w.get(n).Actions); err != nil || string(a) == "null" {
		t.Errorf("actions %s", a)
	}
}
