package yandexsim

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

func TestFilters(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := open(t, Options{Now: c.now})
	name := map[string]string{}
	add := func(n string, scheme orderhub.Scheme, placedAt time.Time) string {
		ids, err := s.m.Place(marketsim.OrderSpec{Scheme: scheme, PlacedAt: placedAt, Lines: []marketsim.SpecLine{{SKU: "A", Quantity: 1, PriceMinor: 100}}})
		if err != nil {
			t.Fatal(err)
		}
		name[ids[0]] = n
		return ids[0]
	}
	fbs := add("fbs", orderhub.SchemeFBS, time.Time{})
	dbs := add("dbs", orderhub.SchemeDBS, time.Time{})
	add("express", orderhub.SchemeExpress, time.Time{})
	add("fby", orderhub.SchemeFBO, time.Time{})
	old := add("old", orderhub.SchemeFBS, start.AddDate(0, 0, -40))
	c.pass(2 * time.Hour)
	s.setStatus(orderhub.SchemeFBS, fbs, "PROCESSING", "READY_TO_SHIP")
	s.setStatus(orderhub.SchemeDBS, dbs, "DELIVERY", "")
	s.act(dbs, marketsim.ActRequestCancel)

	for body, want := range map[string][]string{
		`{}`:                               {"fbs", "dbs", "express", "fby"},
		`{"fake":false}`:                   {"fbs", "dbs", "express", "fby"},
		`{"fake":true}`:                    nil,
		`{"orderIds":[` + old + `,1]}`:     {"old"},
		`{"programTypes":["DBS","LAAS"]}`:  {"dbs"},
		`{"statuses":["DELIVERY"]}`:        {"dbs"},
		`{"substatuses":["STARTED"]}`:      {"express", "fby"},
		`{"sourcePlatforms":["OZON"]}`:     nil,
		`{"sourcePlatforms":["MARKET"]}`:   {"fbs", "dbs", "express", "fby"},
		`{"externalOrderIds":["nothing"]}`: nil,
		fmt.Sprintf(`{"campaignIds":[%d,%d]}`, CampaignFBS, CampaignFBY): {"fbs", "fby"},
		`{"waitingForCancellationApprove":true}`:                         {"dbs"},
		`{"waitingForCancellationApprove":false}`:                        {"fbs", "express", "fby"},
		// An hour after placing: what has changed since.
		`{"dates":{"updateDateFrom":"2026-11-20T13:00:00+03:00"}}`: {"fbs", "dbs"},
		// The lower end counts, the upper does not.
		`{"dates":{"updateDateFrom":"2026-11-20T14:00:00+03:00"}}`:                                              {"fbs", "dbs"},
		`{"dates":{"updateDateFrom":"2026-11-20T09:00:00Z","updateDateTo":"2026-11-20T11:00:00Z"}}`:             {"express", "fby", "old"},
		`{"dates":{"updateDateTo":"2026-11-20T11:00:00Z"}}`:                                                     {"express", "fby", "old"},
		`{"dates":{"creationDateFrom":"2026-10-10","creationDateTo":"2026-10-12"}}`:                             {"old"},
		`{"dates":{"creationDateFrom":"2026-11-20","creationDateTo":"2026-11-20"}}`:                             {"fbs", "dbs", "express", "fby"},
		`{"dates":{"creationDateFrom":"2026-11-19","creationDateTo":"2026-11-20"}}`:                             nil,
		`{"dates":{"shipmentDateFrom":"2026-11-20","shipmentDateTo":"2026-11-21"}}`:                             {"express"},
		`{"dates":{"shipmentDateFrom":"2026-11-21","shipmentDateTo":"2026-11-22"},"statuses":["PROCESSING"]}`:   {"fbs", "fby"},
		`{"dates":{"updateDateFrom":"2026-11-20T08:00:00Z","creationDateFrom":"2026-11-01"},"statuses":null}`:   {"fbs", "dbs", "express", "fby"},
		`{"dates":{"updateDateFrom":"2026-11-20T08:00:00.5Z"},"programTypes":["FBS"],"statuses":["CANCELLED"]}`: nil,
	} {
		r, err := s.send("POST", listPath, body, nil)
		if err != nil || r.status != 200 {
			t.Fatalf("%s: %d %v %s", body, r.status, err, r.raw)
		}
		var got []string
		for i := range r.at("orders").([]any) {
			got = append(got, name[fmt.Sprint(r.at("orders", i, "orderId"))])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	for body, words := range map[string]string{
		`{"orderIds":[]}`:                                     "orderIds size must be between 1 and 50 (rejected size: 0)",
		`{"statuses":[]}`:                                     "statuses must not be empty",
		`{"statuses":["MOON"]}`:                               "Illegal input at 'statuses[0]'",
		`{"dates":{"updateDateFrom":"x"}}`:                    "Illegal input at 'dates.updateDateFrom'",
		`{"dates":{"creationDateTo":"11"}}`:                   "Illegal input at 'dates.creationDateTo'",
		`{"dates":{"creationDateFrom":"2026-10-01"}}`:         "interval between creationDateFrom and creationDateTo is more than 30 days.",
		`{"dates":{"updateDateFrom":"2026-10-01T00:00:00Z"}}`: "interval between updateDateFrom and updateDateTo is more than 30 days.",
		`{"dates":{"creationDateFrom":"2026-11-10","creationDateTo":"2026-11-09"}}`:                 "Order creation start date is required to be less than end date",
		`{"dates":{"shipmentDateFrom":"2026-11-10","shipmentDateTo":"2026-11-09"}}`:                 "Order shipment start date is required to be less than end date",
		`{"dates":{"updateDateFrom":"2026-11-10T00:00:00Z","updateDateTo":"2026-11-09T00:00:00Z"}}`: "Order update start is required to be less than end date",
	} {
		s.refused("POST", listPath, body, 400, words)
	}
	s.refused("POST", listPath, `{"campaignIds":[7]}`, 403, "No access to campaigns: 7")
}

// TestCreationDefault: whether update dates lift the thirty days is not
// documented, so both can be had.
func TestCreationDefault(t *testing.T) {
	t.Parallel()
	for keep, want := range map[bool]int{false: 1, true: 0} {
		s := open(t, Options{Now: newClock().now, CreationDefault: keep})
		if _, err := s.m.Place(marketsim.OrderSpec{PlacedAt: start.AddDate(0, 0, -40), Lines: []marketsim.SpecLine{{SKU: "A", Quantity: 1, PriceMinor: 1}}}); err != nil {
			t.Fatal(err)
		}
		if got := len(s.ids(`{"dates":{"updateDateFrom":"2026-11-20T00:00:00Z"}}`, 50)); got != want {
			t.Errorf("default kept %v: %d orders, want %d", keep, got, want)
		}
	}
}

// TestPagingWhileOrdersChange: a sweep in pages sees each order once, although
// orders change and come in between.
func TestPagingWhileOrdersChange(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `{"dates":{"updateDateFrom":"2026-11-20T00:00:00Z"}}`, `{"programTypes":["FBS"]}`} {
		c := newClock()
		s := open(t, Options{Now: c.now})
		rng := rand.New(rand.NewPCG(1, 2))
		var all []string
		for range 60 {
			all = append(all, s.place(orderhub.SchemeFBS))
		}
		want := slices.Clone(all)
		seen, token := []string{}, ""
		for {
			r := s.ok("POST", listPath+"?limit=7"+token, body)
			for i := range r.at("orders").([]any) {
				seen = append(seen, fmt.Sprint(r.at("orders", i, "orderId")))
			}
			next, _ := r.at("paging", "nextPageToken").(string)
			if next == "" {
				break
			}
			token = "&pageToken=" + url.QueryEscape(next)
			c.pass(time.Second)
			for range 5 {
				_ = s.m.Act(all[rng.IntN(len(all))], marketsim.ActCancel)
			}
			all = append(all, s.place(orderhub.SchemeFBS))
		}
		got := slices.Clone(seen)
		slices.Sort(got)
		if len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("%s: an order was listed twice", body)
		}
		for _, id := range want {
			if !slices.Contains(got, id) {
				t.Errorf("%s: order %s was lost between pages", body, id)
			}
		}
	}
}

func TestPageTokens(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := open(t, Options{Now: c.now})
	for range 120 {
		s.place(orderhub.SchemeFBS)
	}
	r, err := s.send("POST", listPath+"?limit=1000", "{}", nil)
	if err != nil || len(r.at("orders").([]any)) != 50 {
		t.Fatalf("a page of 1000 must be cut to 50: %v %v", err, r.status)
	}
	token := s.ok("POST", listPath+"?limit=5", "{}").at("paging", "nextPageToken").(string)
	raw, _ := base64.RawURLEncoding.DecodeString(token)
	raw[3] ^= 1
	bad := func(query, body string) {
		t.Helper()
		s.refused("POST", listPath+query, body, 400, "Bad page token")
	}
	s.ok("POST", listPath+"?limit=5&pageToken="+token, "{}")
	if r, err := s.send("POST", listPath+"?limit=5&page_token="+token, "{}", nil); err != nil || r.status != 200 {
		t.Errorf("the alias page_token: %d %v", r.status, err)
	}
	bad("?limit=5&pageToken="+base64.RawURLEncoding.EncodeToString(raw), "{}")
	bad("?limit=5&pageToken=eyJvcCI6Ij4ifQ", "{}")
	bad("?limit=6&pageToken="+token, "{}")
	bad("?limit=5&pageToken="+token, `{"statuses":["PROCESSING"]}`)
	s.refused("POST", listPath+"?limit=0", "{}", 400, "limit must be greater than or equal to 1")
	s.refused("POST", listPath+"?limit=x", "{}", 400, "Type mismatch: x")
	c.pass(time.Hour + time.Second)
	bad("?limit=5&pageToken="+token, "{}")
	if got := len(s.ids("{}", 7)); got != 120 {
		t.Errorf("%d orders in pages of 7", got)
	}
}

// TestIndexes compares the indexed search with looking at every order.
func TestIndexes(t *testing.T) {
	t.Parallel()
	c := newClock()
	m := New(Options{Now: c.now, Fast: true})
	t.Cleanup(m.Close)
	rng := rand.New(rand.NewPCG(7, 7))
	var ids []string
	schemes := []orderhub.Scheme{orderhub.SchemeFBS, orderhub.SchemeDBS, orderhub.SchemeFBO}
	for range 6000 {
		c.pass(time.Duration(rng.IntN(60)) * time.Second)
		if len(ids) < 1500 {
			spec := marketsim.OrderSpec{Scheme: schemes[rng.IntN(3)], Lines: []marketsim.SpecLine{{SKU: "A", Quantity: 1, PriceMinor: 1}}}
			if rng.IntN(3) == 0 {
				spec.PlacedAt = c.now().Add(-time.Duration(rng.IntN(40*24)) * time.Hour)
			}
			got, err := m.Place(spec)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, got[0])
		}
		id := ids[rng.IntN(len(ids))]
		if _, err := m.Progress(id); err != nil {
			t.Fatal(err)
		}
		_ = m.Act(id, marketsim.ActCancel)
	}
	if len(m.books.log) > 2*len(ids)+1024 {
		t.Errorf("the log of changes has %d entries for %d orders", len(m.books.log), len(ids))
	}
	now := c.now()
	for range 400 {
		f := filter{Dates: &dates{}}
		from := now.Add(-time.Duration(rng.IntN(48*3600)) * time.Second)
		switch rng.IntN(3) {
		case 0:
			f.Dates.UpdateDateFrom = from.Format(time.RFC3339)
			if rng.IntN(2) == 0 {
				f.Dates.UpdateDateTo = from.Add(time.Duration(1+rng.IntN(3600)) * time.Second).Format(time.RFC3339)
			}
		case 1:
			day := now.AddDate(0, 0, -rng.IntN(30))
			f.Dates.CreationDateFrom, f.Dates.CreationDateTo = wireDate(day), wireDate(day.AddDate(0, 0, rng.IntN(3)))
		case 2:
			f.Statuses = []string{"CANCELLED"}
		}
		if fail := f.prepare(now, rng.IntN(2) == 0); fail != nil {
			t.Fatal(fail.message)
		}
		asOf := now.Add(-time.Duration(rng.IntN(3600)) * time.Second)
		after := firstOrder + int64(rng.IntN(200))
		found, _ := m.search(&f, after, 1<<30, asOf)
		var want, got []int64
		for _, v := range found {
			got = append(got, v.o.id)
		}
		for _, o := range m.books.orders {
			if s, ok := o.history.At(asOf); ok && o.id > after && f.matches(o, s) {
				want = append(want, o.id)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("filter %+v as of %s (-want +got):\n%s", *f.Dates, asOf, diff)
		}
	}
}

// TestStaleReads: a lagging replica shows the old state with its old update
// date, and does not know what came later.
func TestStaleReads(t *testing.T) {
	t.Parallel()
	c := newClock()
	in := marketsim.NewInjector(1, marketsim.Faults{})
	s := open(t, Options{Now: c.now, Injector: in})
	id := s.place(orderhub.SchemeFBS)
	c.pass(10 * time.Second)
	s.setStatus(orderhub.SchemeFBS, id, "PROCESSING", "READY_TO_SHIP")
	c.pass(time.Second)
	young := s.place(orderhub.SchemeFBS)

	in.Set(marketsim.Faults{Stale: 1, Lag: 2 * time.Second})
	r := s.ok("POST", listPath, `{"orderIds":[`+id+`,`+young+`]}`)
	if got := r.at("orders", 0, "substatus"); got != "STARTED" || r.at("orders", 0, "updateDate") != "2026-11-20T12:00:00+03:00" {
		t.Errorf("stale list shows %v of %v", got, r.at("orders", 0, "updateDate"))
	}
	if r.at("orders", 1) != nil {
		t.Error("a stale list knows an order that came later")
	}
	if got := s.ok("GET", path(orderhub.SchemeFBS, id, ""), "").at("order", "substatus"); got != "STARTED" {
		t.Errorf("stale order shows %v", got)
	}
	s.refused("GET", path(orderhub.SchemeFBS, young, ""), "", 404, "Order not found")
	// What changed after the replica's moment is not found by its update date.
	if got := s.ids(`{"dates":{"updateDateFrom":"2026-11-20T09:00:10Z"}}`, 50); len(got) != 0 {
		t.Errorf("stale list by update date: %v", got)
	}
	// A write works on the real books.
	s.refused("PUT", path(orderhub.SchemeFBS, id, "/status"), `{"order":{"status":"PROCESSING","substatus":"READY_TO_SHIP"}}`, 400, "not allowed")
	c.pass(5 * time.Second)
	if got := s.ok("POST", listPath, `{"orderIds":[`+id+`]}`).at("orders", 0, "substatus"); got != "READY_TO_SHIP" {
		t.Errorf("later the replica shows %v", got)
	}
}
