package wbsim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
	"pgregory.net/rapid"
)

// headlines is the table of the documents, written a third time: what the hub
// must make of a pair, and which pairs exist at all.
var headlines = map[orderhub.Scheme]map[string]orderhub.Status{
	orderhub.SchemeFBS: {
		"new/waiting": orderhub.StatusNew, "new/declined_by_client": orderhub.StatusCancelled,
		"confirm/waiting": orderhub.StatusConfirmed, "confirm/declined_by_client": orderhub.StatusCancelled,
		"cancel/canceled":  orderhub.StatusCancelled,
		"complete/waiting": orderhub.StatusShipped, "complete/sorted": orderhub.StatusShipped,
		"complete/ready_for_pickup": orderhub.StatusReadyForPickup, "complete/sold": orderhub.StatusDelivered,
		"complete/canceled_by_client": orderhub.StatusCancelled,
	},
	orderhub.SchemeDBS: {
		"new/waiting": orderhub.StatusNew, "new/declined_by_client": orderhub.StatusCancelled,
		"confirm/waiting": orderhub.StatusConfirmed, "confirm/declined_by_client": orderhub.StatusCancelled,
		"cancel/canceled": orderhub.StatusCancelled,
		"deliver/waiting": orderhub.StatusShipped, "deliver/canceled_by_client": orderhub.StatusCancelled,
		"receive/sold": orderhub.StatusDelivered, "reject/canceled_by_client": orderhub.StatusCancelled,
	},
}

// sellerMoves are the moves that only a seller's call makes, buyerMoves those of
// the buyer and of Wildberries.
var sellerMoves = map[string]bool{
	"new/waiting > confirm/waiting": true, "new/waiting > cancel/canceled": true,
	"confirm/waiting > complete/waiting": true, "confirm/waiting > cancel/canceled": true,
	"complete/waiting > cancel/canceled": true, "complete/waiting > confirm/waiting": true,
	"confirm/waiting > deliver/waiting": true, "deliver/waiting > receive/sold": true,
	"deliver/waiting > reject/canceled_by_client": true, "deliver/canceled_by_client > reject/canceled_by_client": true,
}

var buyerMoves = map[string]bool{
	"new/waiting > new/declined_by_client": true, "confirm/waiting > confirm/declined_by_client": true,
	"complete/waiting > complete/sorted": true, "complete/sorted > complete/ready_for_pickup": true,
	"complete/ready_for_pickup > complete/sold": true, "complete/ready_for_pickup > complete/canceled_by_client": true,
	"deliver/waiting > deliver/canceled_by_client": true,
}

// world drives one market with random calls and checks the books after each.
type world struct {
	t    *rapid.T
	m    *Market
	c    *client
	clk  *clock
	ids  []string
	sups []string
	last map[string]marketsim.TruthOrder
	// back are the returns as they were.
	back map[string]marketsim.TruthReturn
}

func TestAnyCallsLeaveTheBooksConsistent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		clk := newClock()
		m := New(Options{QuotaScale: -1, Now: clk.now, Traits: mixed, B2BEvery: 5, ReshipAfter: time.Minute})
		w := &world{t: rt, m: m, clk: clk, last: map[string]marketsim.TruthOrder{}, back: map[string]marketsim.TruthReturn{},
			c: &client{t: t, handler: m.Handler(), token: m.Settings()["token"]}}
		// A start in the middle of work, so that late states are reached often.
		for range 2 {
			w.ids = append(w.ids, place(t, m, "", "PLAIN", 2)...)
			w.ids = append(w.ids, place(t, m, orderhub.SchemeDBS, "PLAIN", 2)...)
			w.sups = append(w.sups, w.c.supply())
		}
		w.c.accept(w.sups[0], w.ids[0], w.ids[1])
		for range 2 {
			w.ids = append(w.ids, sold(t, m, w.c))
		}
		act(t, m, w.ids[len(w.ids)-1], marketsim.ActReturn)
		rt.Repeat(map[string]func(*rapid.T){
			"place":   func(*rapid.T) { w.place() },
			"supply":  func(*rapid.T) { w.sups = append(w.sups, w.c.supply()) },
			"time":    func(*rapid.T) { clk.step(time.Minute) },
			"seller":  func(*rapid.T) { w.seller() },
			"accept":  func(*rapid.T) { w.accept() },
			"deliver": func(*rapid.T) { w.deliver() },
			"scan":    func(*rapid.T) { w.scan() },
			"dbs":     func(*rapid.T) { w.dbs() },
			"buyer":   func(*rapid.T) { w.buyer() },
			"returns": func(*rapid.T) { w.returns() },
			"":        func(*rapid.T) { w.check() },
		})
	})
}

func (w *world) place() {
	sku := rapid.SampledFrom([]string{"PLAIN", "PLAIN", "PLAIN", "LARGE", "SECOND", "MARKED"}).Draw(w.t, "sku")
	scheme := rapid.SampledFrom([]orderhub.Scheme{orderhub.SchemeFBS, orderhub.SchemeDBS}).Draw(w.t, "scheme")
	ids, err := w.m.Place(marketsim.OrderSpec{Scheme: scheme, Lines: []marketsim.SpecLine{
		{SKU: sku, Quantity: rapid.Int64Range(1, 3).Draw(w.t, "quantity"), PriceMinor: 100},
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.ids = append(w.ids, ids...)
}

func (w *world) id() string { return rapid.SampledFrom(append(w.ids, "17")).Draw(w.t, "order") }

func (w *world) some() []string {
	return rapid.SliceOfN(rapid.SampledFrom(append(w.ids, "17")), 1, 3).Draw(w.t, "orders")
}

func (w *world) sup() string {
	return rapid.SampledFrom(append(w.sups, "WB-GI-1")).Draw(w.t, "supply")
}

// scan is a round of Wildberries: some orders go on by one step.
func (w *world) scan() {
	for _, id := range w.some() {
		if id != "17" {
			if _, err := w.m.Progress(id); err != nil {
				w.t.Fatal(err)
			}
			w.check()
		}
	}
}

// call makes a call whose answer may be anything but a failure of the server.
func (w *world) call(method, path string, body any) {
	resp, err := w.c.try(method, path, body)
	if err != nil || resp.status >= 500 {
		w.t.Fatalf("%s %s: %d %s %v", method, path, resp.status, resp.body, err)
	}
}

func (w *world) seller() {
	switch rapid.IntRange(0, 2).Draw(w.t, "call") {
	case 0:
		w.call("PATCH", "/api/v3/orders/"+w.id()+"/cancel", nil)
	case 1:
		w.call("DELETE", "/api/v3/supplies/"+w.sup(), nil)
	default:
		w.call("PUT", "/api/v3/orders/"+w.id()+"/meta/sgtin", obj{"sgtins": []string{"0104600000000017215ABCDEF\x1d91EE12"}})
	}
}

func (w *world) accept() {
	w.call("PATCH", "/api/marketplace/v3/supplies/"+w.sup()+"/orders", obj{"orders": ints(w.some())})
}

func (w *world) deliver() {
	s := w.sup()
	if rapid.IntRange(0, 3).Draw(w.t, "shipping") > 0 {
		w.call("PATCH", "/api/marketplace/v3/fbs/supplies/shipping-method", obj{"data": []obj{
			{"supplyId": s, "shippingType": "selfShipping", "shippingDt": "2999-12-31", "shippingPointId": 507}}})
	}
	w.call("PATCH", "/api/v3/supplies/"+s+"/deliver", nil)
}

func (w *world) dbs() {
	step := rapid.SampledFrom(dbsSteps).Draw(w.t, "step")
	body := obj{"ordersIds": ints(w.some())}
	if step.code {
		id := w.id()
		code, _ := w.m.BuyerCode(id)
		body = obj{"orders": []obj{{"orderId": ints([]string{id})[0], "code": code}}}
	}
	w.call("POST", "/api/marketplace/v3/dbs/orders/status/"+step.name, body)
}

func (w *world) buyer() {
	id := w.id()
	before := w.m.Truth()
	acts := []marketsim.BuyerAct{"", "", marketsim.ActCancel, marketsim.ActRefuse, marketsim.ActReturn, marketsim.ActPay, "nonsense"}
	a := rapid.SampledFrom(acts).Draw(w.t, "act")
	var err error
	moved := true
	if a == "" {
		moved, err = w.m.Progress(id)
	} else {
		err = w.m.Act(id, a)
	}
	if (err != nil || !moved) && fmt.Sprint(before) != fmt.Sprint(w.m.Truth()) {
		w.t.Fatalf("%q was refused (%v) and changed the books", a, err)
	}
}

// returns lets Wildberries or the seller do something about a return.
func (w *world) returns() {
	all := w.m.Returns()
	if len(all) == 0 {
		return
	}
	r := rapid.SampledFrom(all).Draw(w.t, "return")
	if rapid.Bool().Draw(w.t, "progress") {
		if moved, err := w.m.ProgressReturn(r.ID); err != nil || (moved && r.State == orderhub.ReturnReceived) {
			w.t.Fatalf("progress of a return that is %s: %v, %v", r.State, moved, err)
		}
		return
	}
	for _, cl := range w.m.backs[r.ID].claims {
		action := rapid.SampledFrom(append(openActions, "approvecc1")).Draw(w.t, "action")
		w.call("PATCH", "/api/v1/claim", obj{"id": cl.id, "action": action, "comment": "Товар без следов брака"})
	}
}

// checkReturns: one return per order, that never goes back but for a closed one,
// which the seller or another claim may open; refunds come with granted claims.
func (w *world) checkReturns(now map[string]marketsim.TruthOrder) {
	seen := map[string]bool{}
	for _, r := range w.m.Returns() {
		o := now[r.Order]
		refused := r.Kind == orderhub.ReturnRefused
		if seen[r.Order] || refused != (o.Headline == orderhub.StatusCancelled) || (!refused && o.Headline != orderhub.StatusDelivered) {
			w.t.Fatalf("return %+v of %s", r, pair(o))
		}
		seen[r.Order] = true
		prev := w.back[r.ID]
		if r.State.Rank() < prev.State.Rank() && prev.State != orderhub.ReturnClosed {
			w.t.Fatalf("return %s went from %s to %s", r.ID, prev.State, r.State)
		}
		if came := r.State == orderhub.ReturnReceived && !refused; came && (r.RefundMinor == 0 || len(r.Units) != 1) {
			w.t.Fatalf("goods came back without a refund: %+v", r)
		}
		w.back[r.ID] = r
	}
}

func (w *world) check() {
	now := map[string]marketsim.TruthOrder{}
	var fresh []string
	for _, o := range w.m.Truth() {
		now[o.ID] = o
		if want, ok := headlines[o.Scheme][pair(o)]; !ok || o.Headline != want {
			w.t.Fatalf("%s order %s: %s is %s, want %q", o.Scheme, o.ID, pair(o), o.Headline, want)
		}
		w.checkMove(o)
		if o.Scheme == orderhub.SchemeFBS && pair(o) == "new/waiting" {
			fresh = append(fresh, o.ID)
		}
	}
	if len(now) != len(w.ids) {
		w.t.Fatalf("%d orders in the books, %d placed", len(now), len(w.ids))
	}
	w.last = now
	if got := w.c.newIDs("/api/v3/orders/new"); !slices.Equal(got, fresh) {
		w.t.Fatalf("orders/new: got %v, want %v", got, fresh)
	}
	if len(w.ids) > 0 {
		for id, got := range w.c.statuses(w.ids...) {
			if got != pair(now[id]) {
				w.t.Fatalf("status of %s: got %s, want %s", id, got, pair(now[id]))
			}
		}
	}
	w.checkSupplies(now)
	w.checkReturns(now)
}

// checkMove: an order moved along the documented arrows, at most one step, and
// a seller's move is in its calls.
func (w *world) checkMove(o marketsim.TruthOrder) {
	prev, ok := w.last[o.ID]
	if !ok {
		return
	}
	added := o.Calls[len(prev.Calls):]
	if pair(prev) == pair(o) {
		for _, c := range added {
			if c.To != "" {
				w.t.Fatalf("order %s: call %s without an effect", o.ID, c.What)
			}
		}
		return
	}
	move := pair(prev) + " > " + pair(o)
	switch {
	case buyerMoves[move] && len(added) == 0:
	case sellerMoves[move] && len(added) == 1 && added[0].To == o.Headline:
	default:
		w.t.Fatalf("order %s: move %s with calls %v", o.ID, move, added)
	}
}

// checkSupplies: each order in work is in exactly one supply, open or closed as
// its status says, with orders of one kind.
func (w *world) checkSupplies(now map[string]marketsim.TruthOrder) {
	where := map[string]SupplyInfo{}
	for _, s := range w.m.Supplies() {
		kinds := map[supplyTraits]bool{}
		unscanned := 0
		for _, n := range s.Orders {
			id := strconv.FormatInt(n, 10)
			if other, twice := where[id]; twice || s.Deleted {
				w.t.Fatalf("order %s in %s and %s", id, other.ID, s.ID)
			}
			where[id] = s
			kinds[w.m.orders[n].traits] = true
			if pair(now[id]) == "complete/waiting" {
				unscanned++
			}
		}
		own := w.m.supplies[s.ID]
		if len(kinds) > 1 || own.count != len(s.Orders) || own.unscanned != unscanned || (own.hist.Now().traits == nil) != (len(s.Orders) == 0) {
			w.t.Fatalf("supply %+v: kinds %v, count %d, unscanned %d", s, slices.Collect(maps.Keys(kinds)), own.count, own.unscanned)
		}
	}
	for id, o := range now {
		s, in := where[id]
		want := o.Scheme == orderhub.SchemeFBS && (pair(o) == "confirm/waiting" || o.Native == "complete")
		if in != want || (in && s.Done != (o.Native == "complete")) {
			w.t.Fatalf("order %s %s: in supply %v %+v", id, pair(o), in, s)
		}
	}
}

// TestManyClients: buyers, Wildberries and several sellers at once; every new
// order ends in exactly one supply, whoever was first.
func TestManyClients(t *testing.T) {
	t.Parallel()
	m, c := newMarket(t, Options{Traits: plain, Injector: marketsim.NewInjector(1, marketsim.Faults{Stale: 0.1, Lag: time.Millisecond})})
	srv := httptest.NewServer(m.Handler())
	defer srv.Close()
	c.url = srv.URL
	// call is do for goroutines: they must not end the test.
	call := func(method, path string, body, into any) {
		resp, err := c.try(method, path, body)
		if err != nil || resp.status >= 500 {
			t.Errorf("%s %s: %d %s %v", method, path, resp.status, resp.body, err)
		}
		if into != nil && json.Unmarshal([]byte(resp.body), into) != nil {
			t.Errorf("%s %s: %s", method, path, resp.body)
		}
	}
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for range 25 {
				_, _ = m.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: fmt.Sprint("SKU-", n), Quantity: 2}}})
			}
		})
		wg.Go(func() {
			for range 10 {
				var created struct {
					ID string `json:"id"`
				}
				var list struct {
					Orders []struct {
						ID int64 `json:"id"`
					} `json:"orders"`
				}
				call("POST", "/api/v3/supplies", obj{"name": "race"}, &created)
				call("GET", "/api/v3/orders/new", nil, &list)
				ids := []int64{}
				for _, o := range list.Orders {
					ids = append(ids, o.ID)
				}
				// Refused as a whole when another seller was first, which is fine.
				call("PATCH", "/api/marketplace/v3/supplies/"+created.ID+"/orders", obj{"orders": ids}, nil)
				call("PATCH", "/api/marketplace/v3/fbs/supplies/shipping-method", obj{"data": []obj{
					{"supplyId": created.ID, "shippingType": "selfShipping", "shippingDt": "2999-12-31", "shippingPointId": 507}}}, nil)
				call("PATCH", "/api/v3/supplies/"+created.ID+"/deliver", nil, nil)
				call("POST", "/api/v3/orders/status", obj{"orders": ids}, nil)
			}
		})
		wg.Go(func() {
			for range 40 {
				for _, o := range m.Truth() {
					_, _ = m.Progress(o.ID)
				}
				m.Supplies()
			}
		})
	}
	wg.Wait()
	seen := map[int64]bool{}
	for _, s := range m.Supplies() {
		for _, id := range s.Orders {
			if seen[id] {
				t.Errorf("order %d is in two supplies", id)
			}
			seen[id] = true
		}
	}
	orders := m.Truth()
	if len(orders) != 4*25*2 {
		t.Errorf("%d orders, want 200", len(orders))
	}
	for _, o := range orders {
		if in := seen[ints([]string{o.ID})[0]]; in != (o.Native != "new") {
			t.Errorf("order %s %s: in a supply %v", o.ID, pair(o), in)
		}
	}
}
