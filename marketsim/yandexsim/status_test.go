package yandexsim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// points bring a fresh order to a point of its life.
var points = map[string]func(s *shop, scheme orderhub.Scheme) string{
	"STARTED": func(s *shop, scheme orderhub.Scheme) string { return s.place(scheme) },
	"UNPAID": func(s *shop, scheme orderhub.Scheme) string {
		ids, err := s.m.Place(marketsim.OrderSpec{Scheme: scheme, Pending: true, Lines: []marketsim.SpecLine{{SKU: "A", Quantity: 1, PriceMinor: 1}}})
		if err != nil {
			s.t.Fatal(err)
		}
		return ids[0]
	},
	"READY":     func(s *shop, scheme orderhub.Scheme) string { return packed(s, scheme) },
	"SHIPPED":   func(s *shop, scheme orderhub.Scheme) string { return further(s, scheme, 1) },
	"DELIVERY":  func(s *shop, scheme orderhub.Scheme) string { return further(s, scheme, 2) },
	"PICKUP":    func(s *shop, scheme orderhub.Scheme) string { return further(s, scheme, 3) },
	"DELIVERED": func(s *shop, scheme orderhub.Scheme) string { return further(s, scheme, 4) },
	"CANCELLED": func(s *shop, scheme orderhub.Scheme) string {
		id := s.place(scheme)
		s.act(id, marketsim.ActCancel)
		return id
	},
}

func packed(s *shop, scheme orderhub.Scheme) string {
	id := s.place(scheme)
	if scheme != orderhub.SchemeFBO {
		s.setStatus(scheme, id, "PROCESSING", "READY_TO_SHIP")
		return id
	}
	s.progress(id, 1)
	return id
}

func further(s *shop, scheme orderhub.Scheme, steps int) string {
	if scheme != orderhub.SchemeDBS {
		id := packed(s, scheme)
		s.progress(id, steps)
		return id
	}
	id := s.place(scheme)
	for _, to := range []string{"DELIVERY", "PICKUP", "DELIVERED"}[:steps-1] {
		s.setStatus(scheme, id, to, "")
	}
	return id
}

// TestTransitions tries every status from every point. What is not listed is
// refused with the words given for the point.
func TestTransitions(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	wishes := []string{
		"UNPAID", "PROCESSING", "PROCESSING STARTED", "PROCESSING READY_TO_SHIP", "PROCESSING SHIPPED",
		"DELIVERY", "DELIVERY DELIVERY_SERVICE_RECEIVED", "PICKUP PICKUP_SERVICE_RECEIVED", "DELIVERED DELIVERY_SERVICE_DELIVERED",
		"CANCELLED", "CANCELLED SHOP_FAILED", "CANCELLED USER_CHANGED_MIND", "CANCELLED USER_UNREACHABLE",
		"CANCELLED INCORRECT_PERSONAL_DATA", "CANCELLED PICKUP_EXPIRED", "RETURNED",
	}
	dbsCancel := []string{"CANCELLED SHOP_FAILED", "CANCELLED USER_CHANGED_MIND"}
	for _, tt := range []struct {
		scheme orderhub.Scheme
		point  string
		may    []string
	}{
		{orderhub.SchemeFBS, "UNPAID", nil},
		{orderhub.SchemeFBS, "STARTED", []string{"PROCESSING READY_TO_SHIP", "CANCELLED SHOP_FAILED"}},
		{orderhub.SchemeFBS, "READY", []string{"CANCELLED SHOP_FAILED"}},
		{orderhub.SchemeFBS, "SHIPPED", nil},
		{orderhub.SchemeFBS, "DELIVERY", nil},
		{orderhub.SchemeFBS, "PICKUP", nil},
		{orderhub.SchemeFBS, "DELIVERED", nil},
		{orderhub.SchemeFBS, "CANCELLED", nil},
		{orderhub.SchemeExpress, "STARTED", []string{"PROCESSING READY_TO_SHIP", "CANCELLED SHOP_FAILED"}},
		{orderhub.SchemeExpress, "READY", []string{"CANCELLED SHOP_FAILED"}},
		{orderhub.SchemeDBS, "UNPAID", nil},
		{orderhub.SchemeDBS, "STARTED", append([]string{"DELIVERY", "DELIVERY DELIVERY_SERVICE_RECEIVED", "CANCELLED INCORRECT_PERSONAL_DATA"}, dbsCancel...)},
		{orderhub.SchemeDBS, "DELIVERY", append([]string{"PICKUP PICKUP_SERVICE_RECEIVED", "DELIVERED DELIVERY_SERVICE_DELIVERED"}, dbsCancel...)},
		{orderhub.SchemeDBS, "PICKUP", append([]string{"DELIVERED DELIVERY_SERVICE_DELIVERED", "CANCELLED PICKUP_EXPIRED"}, dbsCancel...)},
		{orderhub.SchemeDBS, "DELIVERED", nil},
		{orderhub.SchemeDBS, "CANCELLED", nil},
		{orderhub.SchemeFBO, "STARTED", nil},
		{orderhub.SchemeFBO, "READY", nil},
	} {
		var may []string
		for _, wish := range wishes {
			id := points[tt.point](s, tt.scheme)
			before := s.truth(id)
			status, sub, _ := strings.Cut(wish, " ")
			body := fmt.Sprintf(`{"order":{"status":%q}}`, status)
			if sub != "" {
				body = fmt.Sprintf(`{"order":{"status":%q,"substatus":%q}}`, status, sub)
			}
			r := s.call("PUT", path(tt.scheme, id, "/status"), body)
			after := s.truth(id)
			switch {
			case r.status == 200:
				may = append(may, wish)
				if after.Native != status || r.at("order", "status") != status || len(after.Calls) != len(before.Calls)+1 {
					t.Errorf("%s %s → %s: %+v", tt.scheme, tt.point, wish, after)
				}
			case r.status != 400 || r.message() == "":
				t.Errorf("%s %s → %s: %d %s", tt.scheme, tt.point, wish, r.status, r.raw)
			case cmp.Diff(before, after) != "":
				t.Errorf("%s %s → %s: a refusal changed the order", tt.scheme, tt.point, wish)
			}
		}
		if diff := cmp.Diff(tt.may, may, asSet); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", tt.scheme, tt.point, diff)
		}
	}
}

var asSet = cmp.Transformer("set", func(in []string) map[string]bool {
	out := map[string]bool{}
	for _, s := range in {
		out[s] = true
	}
	return out
})

// TestRefusalWords: clients decide on these texts.
func TestRefusalWords(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Now: newClock().now})
	set := func(scheme orderhub.Scheme, id, body string, words string) {
		t.Helper()
		s.refused("PUT", path(scheme, id, "/status"), body, 400, words)
	}
	fbs, dbs := s.place(orderhub.SchemeFBS), s.place(orderhub.SchemeDBS)
	set(orderhub.SchemeFBS, fbs, `{"order":{"status":"UNPAID"}}`, "Status not allowed: UNPAID")
	set(orderhub.SchemeFBS, fbs, `{"order":{"status":"SOMETHING"}}`, "Illegal input at 'order.status'")
	set(orderhub.SchemeFBS, fbs, `{}`, "order.status must not be null (rejected value: null)")
	set(orderhub.SchemeFBS, fbs, `{"order":{"status":"DELIVERY"}}`, "No permission to set status DELIVERY for order "+fbs+" with status PROCESSING")
	set(orderhub.SchemeFBS, fbs, `{"order":{"status":"CANCELLED","substatus":"USER_CHANGED_MIND"}}`, "Cancellation request substatus USER_CHANGED_MIND is not available for status PROCESSING and role SHOP for order "+fbs)
	s.setStatus(orderhub.SchemeFBS, fbs, "PROCESSING", "READY_TO_SHIP")
	set(orderhub.SchemeFBS, fbs, `{"order":{"status":"PROCESSING","substatus":"READY_TO_SHIP"}}`, "Transition PROCESSING -> PROCESSING is not allowed. Reason: ")
	set(orderhub.SchemeDBS, dbs, `{"order":{"status":"DELIVERED"}}`, "No transition found: PROCESSING -> DELIVERED")
	set(orderhub.SchemeDBS, dbs, `{"order":{"status":"CANCELLED","substatus":"USER_UNREACHABLE"}}`, "Transition PROCESSING -> CANCELLED is not allowed. Reason: ")
	fby := s.place(orderhub.SchemeFBO)
	set(orderhub.SchemeFBO, fby, `{"order":{"status":"CANCELLED","substatus":"SHOP_FAILED"}}`, "Status change was forbidden for client role")
	s.refused("PUT", path(orderhub.SchemeDBS, fbs, "/status"), `{"order":{"status":"DELIVERY"}}`, 404, "Order not found: partnerId = 1800302, orderId = "+fbs)

	s.setStatus(orderhub.SchemeDBS, dbs, "DELIVERY", "")
	real := func(date string) string {
		return `{"order":{"status":"DELIVERED","delivery":{"dates":{"realDeliveryDate":"` + date + `"}}}}`
	}
	set(orderhub.SchemeDBS, dbs, real("2026-11-21"), "Delivery date 2026-11-21 can't be in the future")
	set(orderhub.SchemeDBS, dbs, real("2026-11-19"), "Real delivery date should be from order creation date to current date inclusively")
	r := s.ok("PUT", path(orderhub.SchemeDBS, dbs, "/status"), real("2026-11-20"))
	if got := r.at("order", "delivery", "dates", "realDeliveryDate"); got != "20-11-2026" {
		t.Errorf("real delivery date %v", got)
	}
}

func TestRepeatOK(t *testing.T) {
	t.Parallel()
	s := open(t, Options{RepeatOK: true})
	id := s.place(orderhub.SchemeFBS)
	for range 2 {
		s.setStatus(orderhub.SchemeFBS, id, "PROCESSING", "READY_TO_SHIP")
	}
	if n := len(s.truth(id).Calls); n != 1 {
		t.Errorf("%d effects, want 1", n)
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	in := marketsim.NewInjector(1, marketsim.Faults{})
	s := open(t, Options{Injector: in})
	at := fmt.Sprintf("/v2/campaigns/%d/orders/status-update", CampaignFBS)
	row := func(id string) string {
		return `{"id":` + id + `,"status":"PROCESSING","substatus":"READY_TO_SHIP"}`
	}
	batch := func(rows ...string) string { return `{"orders":[` + strings.Join(rows, ",") + `]}` }
	good, cancelled, foreign := s.place(orderhub.SchemeFBS), s.place(orderhub.SchemeFBS), s.place(orderhub.SchemeDBS)
	s.act(cancelled, marketsim.ActCancel)

	r := s.ok("POST", at, batch(row(good), row(cancelled), row(foreign), row("12"), row(good)))
	var got []string
	for i := range 5 {
		got = append(got, fmt.Sprint(r.at("result", "orders", i, "updateStatus"), " ", r.at("result", "orders", i, "errorDetails")))
	}
	want := []string{
		"OK <nil>",
		"ERROR No permission to set status PROCESSING for order " + cancelled + " with status CANCELLED",
		"ERROR Order not found: " + foreign,
		"ERROR Order not found: 12",
		"ERROR Transition PROCESSING -> PROCESSING is not allowed. Reason: order " + good + " already is in PROCESSING READY_TO_SHIP",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	s.refused("POST", at, batch(), 400, "orders size must be between 1 and 30 (rejected size: 0)")
	s.refused("POST", at, batch(strings.Split(strings.Repeat(row(good)+"|", 31), "|")[:31]...), 400, "(rejected size: 31)")
	s.refused("POST", at, batch(`{"id":1,"status":"MOON"}`), 400, "Illegal input at 'orders[0].status'")

	// A row may fail inside a 200, without an effect.
	in.Set(marketsim.Faults{FailRows: 1})
	id := s.place(orderhub.SchemeFBS)
	if r := s.ok("POST", at, batch(row(id))); r.at("result", "orders", 0, "updateStatus") != "ERROR" {
		t.Errorf("row %s", r.raw)
	}
	if o := s.truth(id); o.Sub != "STARTED" || len(o.Calls) != 0 {
		t.Errorf("a failed row had an effect: %+v", o)
	}
}

// TestLives walks orders of each model through their whole life.
func TestLives(t *testing.T) {
	t.Parallel()
	for scheme, want := range map[orderhub.Scheme][]string{
		orderhub.SchemeFBS: {
			"new PROCESSING STARTED", "packed PROCESSING READY_TO_SHIP", "shipped PROCESSING SHIPPED",
			"shipped DELIVERY DELIVERY_SERVICE_RECEIVED", "ready_for_pickup PICKUP PICKUP_SERVICE_RECEIVED", "delivered DELIVERED DELIVERED_USER_RECEIVED",
		},
		orderhub.SchemeExpress: {
			"new PROCESSING STARTED", "packed PROCESSING READY_TO_SHIP", "shipped DELIVERY COURIER_SEARCH", "shipped DELIVERY COURIER_FOUND",
			"shipped DELIVERY COURIER_ARRIVED_TO_SENDER", "shipped DELIVERY COURIER_RECEIVED", "delivered DELIVERED DELIVERED_USER_RECEIVED",
		},
		orderhub.SchemeFBO: {
			"new PROCESSING STARTED", "packed PROCESSING READY_TO_SHIP", "shipped PROCESSING SHIPPED",
			"shipped DELIVERY DELIVERY_SERVICE_RECEIVED", "ready_for_pickup PICKUP PICKUP_SERVICE_RECEIVED", "delivered DELIVERED DELIVERED_USER_RECEIVED",
		},
		orderhub.SchemeDBS: {"new PROCESSING STARTED"},
	} {
		t.Run(string(scheme), func(t *testing.T) {
			t.Parallel()
			s := open(t, Options{})
			id := s.place(scheme)
			now := func() string {
				o := s.truth(id)
				return fmt.Sprintf("%s %s %s", o.Headline, o.Native, o.Sub)
			}
			got := []string{now()}
			if scheme == orderhub.SchemeFBS || scheme == orderhub.SchemeExpress {
				if moved, _ := s.m.Progress(id); moved {
					t.Error("the market moved an order that waits for the seller")
				}
				s.setStatus(scheme, id, "PROCESSING", "READY_TO_SHIP")
				got = append(got, now())
			}
			for {
				moved, err := s.m.Progress(id)
				if err != nil {
					t.Fatal(err)
				}
				if !moved {
					break
				}
				got = append(got, now())
				s.ok("POST", listPath, `{"orderIds":[`+id+`]}`)
				s.ok("GET", path(scheme, id, ""), "")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("life (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBuyersActs(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Seed: 5})
	acts := []marketsim.BuyerAct{marketsim.ActPay, marketsim.ActCancel, marketsim.ActRequestCancel, marketsim.ActRefuse, marketsim.ActReturn}
	for point, want := range map[string]map[marketsim.BuyerAct]string{
		"UNPAID":    {marketsim.ActPay: "PROCESSING STARTED", marketsim.ActCancel: "CANCELLED USER_CHANGED_MIND"},
		"STARTED":   {marketsim.ActCancel: "CANCELLED USER_CHANGED_MIND"},
		"DELIVERY":  {marketsim.ActRequestCancel: "DELIVERY DELIVERY_SERVICE_RECEIVED", marketsim.ActRefuse: "CANCELLED USER_REFUSED_DELIVERY"},
		"PICKUP":    {marketsim.ActRequestCancel: "PICKUP PICKUP_SERVICE_RECEIVED", marketsim.ActRefuse: "CANCELLED PICKUP_EXPIRED"},
		"DELIVERED": {marketsim.ActReturn: "DELIVERED DELIVERY_SERVICE_DELIVERED"},
		"CANCELLED": {},
	} {
		for _, act := range acts {
			id := points[point](s, orderhub.SchemeDBS)
			before := s.truth(id)
			err := s.m.Act(id, act)
			after := s.truth(id)
			got := after.Native + " " + after.Sub
			switch {
			case want[act] == "" && (err == nil || cmp.Diff(before, after) != ""):
				t.Errorf("%s in %s: %v, %s; want an error and no change", act, point, err, got)
			case want[act] != "" && (err != nil || !strings.Contains(got, want[act])):
				t.Errorf("%s in %s: %v, %s; want %s", act, point, err, got, want[act])
			}
		}
	}
	// The second return of a partly returned order brings the rest.
	partly := 0
	for range 20 {
		id := points["DELIVERED"](s, orderhub.SchemeFBS)
		s.act(id, marketsim.ActReturn)
		s.bring(id)
		o := s.truth(id)
		if o.Headline == orderhub.StatusPartiallyReturned {
			partly++
			s.act(id, marketsim.ActReturn)
			s.bring(id)
			o = s.truth(id)
		}
		if o.Headline != orderhub.StatusReturned || o.Units != 3 {
			t.Errorf("in the end %+v", o)
		}
	}
	if partly == 0 || partly == 20 {
		t.Errorf("%d of 20 returns were partial", partly)
	}
}

func TestPlaceRefuses(t *testing.T) {
	t.Parallel()
	m := New(Options{})
	t.Cleanup(m.Close)
	ok := []marketsim.SpecLine{{SKU: "A", Quantity: 1, PriceMinor: 1}}
	for name, spec := range map[string]marketsim.OrderSpec{
		"no lines":       {},
		"no sku":         {Lines: []marketsim.SpecLine{{SKU: " ", Quantity: 1}}},
		"no quantity":    {Lines: []marketsim.SpecLine{{SKU: "A"}}},
		"unknown scheme": {Scheme: "rfbs", Lines: ok},
		"site order":     {External: "1", Lines: ok},
	} {
		if ids, err := m.Place(spec); err == nil {
			t.Errorf("%s: placed %v", name, ids)
		}
	}
	if err := m.Act("1", marketsim.ActPay); err == nil {
		t.Error("an act on an unknown order must be an error")
	}
	if _, err := m.Progress("x"); err == nil {
		t.Error("progress of an unknown order must be an error")
	}
}
