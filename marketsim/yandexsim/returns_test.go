package yandexsim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// returns of one order, oldest first.
func (s *shop) returns(order string) (out []marketsim.TruthReturn) {
	s.t.Helper()
	for _, r := range s.m.Returns() {
		if r.Order == order {
			out = append(out, r)
		}
	}
	return out
}

func (s *shop) back(id string) marketsim.TruthReturn {
	s.t.Helper()
	all := s.m.Returns()
	i := slices.IndexFunc(all, func(r marketsim.TruthReturn) bool { return r.ID == id })
	if i < 0 {
		s.t.Fatalf("no return %s in the books", id)
	}
	return all[i]
}

// bring answers and moves every return of an order to its end.
func (s *shop) bring(order string) {
	s.t.Helper()
	for _, r := range s.returns(order) {
		scheme := s.truth(order).Scheme
		if d := s.ok("GET", returnPath(scheme, r, ""), ""); strings.HasSuffix(fmt.Sprint(d.at("result", "refundStatus")), "WAITING") ||
			d.at("result", "refundStatus") == "WAITING_FOR_DECISION" {
			s.ok("POST", returnPath(scheme, r, "/decision/submit"), decide(d, `"decisionType":"REFUND_MONEY"`))
		}
		s.move(r.ID, 20)
	}
}

// move lets the Market do up to so many steps on a return.
func (s *shop) move(id string, steps int) (done int) {
	s.t.Helper()
	for ; done < steps; done++ {
		moved, err := s.m.ProgressReturn(id)
		if err != nil {
			s.t.Fatal(err)
		}
		if !moved {
			break
		}
	}
	return done
}

func returnPath(scheme orderhub.Scheme, r marketsim.TruthReturn, rest string) string {
	return path(scheme, r.Order, "/returns/"+r.ID+rest)
}

func returnsPath(scheme orderhub.Scheme, query string) string {
	c, err := shopFor(scheme)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("/v2/campaigns/%d/returns%s", c.id, query)
}

// decide writes one decision about every position of a return.
func decide(r reply, fields string) string {
	var rows []string
	items, _ := r.at("result", "items").([]any)
	for i := range items {
		rows = append(rows, fmt.Sprintf(`{"returnItemId":%v,%s}`, r.at("result", "items", i, "decisions", 0, "returnItemId"), fields))
	}
	return `{"returnItemDecisions":[` + strings.Join(rows, ",") + `]}`
}

// waiting makes returns until one waits for the seller.
func (s *shop) waiting(scheme orderhub.Scheme) marketsim.TruthReturn {
	s.t.Helper()
	for range 40 {
		id := points["DELIVERED"](s, scheme)
		s.act(id, marketsim.ActReturn)
		r := s.returns(id)[0]
		if len(s.offers(scheme, r.ID)) > 0 {
			return r
		}
	}
	s.t.Fatal("no return waits for a decision")
	return marketsim.TruthReturn{}
}

var decisionsPath = fmt.Sprintf("/v1/businesses/%d/returns/decisions", BusinessID)

func (s *shop) offers(scheme orderhub.Scheme, id string) (out []string) {
	s.t.Helper()
	c, err := shopFor(scheme)
	if err != nil {
		s.t.Fatal(err)
	}
	r := s.ok("POST", decisionsPath, fmt.Sprintf(`{"campaignId":%d,"returnId":%s}`, c.id, id))
	for i := range r.at("result", "availableDecisions").([]any) {
		out = append(out, fmt.Sprint(r.at("result", "availableDecisions", i, "decisionType")))
	}
	return out
}

func TestRefusedDeliveryComesBack(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Seed: 5})
	ends := map[string]int{}
	for range 40 {
		id := points["DELIVERY"](s, orderhub.SchemeFBS)
		s.act(id, marketsim.ActRefuse)
		all := s.returns(id)
		if len(all) != 1 || all[0].Kind != orderhub.ReturnRefused || all[0].State != orderhub.ReturnAnnounced || all[0].Units["SKU-1"] != 2 {
			t.Fatalf("returns %+v", all)
		}
		var seen []string
		for i := 0; ; i++ {
			d := s.ok("GET", returnPath(orderhub.SchemeFBS, all[0], ""), "")
			word := fmt.Sprint(d.at("result", "shipmentStatus"))
			seen = append(seen, word)
			if till := d.at("result", "pickupTillDate"); (till != nil) != (word == "READY_FOR_PICKUP") {
				t.Errorf("pickupTillDate %v in %s", till, word)
			}
			if d.at("result", "refundStatus") != nil || d.at("result", "returnType") != "UNREDEEMED" {
				t.Errorf("refund %v, type %v", d.at("result", "refundStatus"), d.at("result", "returnType"))
			}
			if s.move(all[0].ID, 1) == 0 {
				break
			}
		}
		ends[strings.Join(seen, " ")]++
		if o := s.truth(id); o.Headline != orderhub.StatusCancelled {
			t.Errorf("the order is %s", o.Headline)
		}
	}
	for _, want := range []string{
		"CREATED IN_TRANSIT READY_FOR_PICKUP PICKED", "CREATED IN_TRANSIT LOST",
		"CREATED IN_TRANSIT READY_FOR_PICKUP PREPARED_FOR_UTILIZATION UTILIZED",
	} {
		if ends[want] == 0 {
			t.Errorf("no refused delivery went %s: %v", want, ends)
		}
	}
}

func TestReturnStates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, decision string
		path           string
		state          orderhub.ReturnState
		status         []orderhub.Status
		refund         bool
		kept           bool
	}{
		{
			name: "refund", decision: `"decisionType":"REFUND_MONEY"`,
			path: "DECISION_MADE CREATED, REFUND_IN_PROGRESS RECEIVED, REFUNDED IN_TRANSIT, REFUNDED PICKED", state: orderhub.ReturnReceived, refund: true,
			status: []orderhub.Status{orderhub.StatusReturned, orderhub.StatusPartiallyReturned},
		},
		{
			name: "repair", decision: `"decisionType":"REPAIR","comment":"за неделю"`,
			path: "DECISION_MADE CREATED, REFUND_IN_PROGRESS RECEIVED, COMPLETE_WITHOUT_REFUND IN_TRANSIT, COMPLETE_WITHOUT_REFUND PICKED", state: orderhub.ReturnReceived,
			status: []orderhub.Status{orderhub.StatusReturned, orderhub.StatusPartiallyReturned},
		},
		{
			name: "keep it", decision: `"decisionType":"FAST_REFUND_MONEY"`,
			path: "DECISION_MADE CREATED, REFUNDED <nil>", state: orderhub.ReturnClosed, refund: true, kept: true,
			status: []orderhub.Status{orderhub.StatusReturned, orderhub.StatusPartiallyReturned},
		},
		{
			name: "part of the money", decision: `"decisionType":"PARTIAL_MONEY_REFUND","compensation":{"value":100.5,"currencyId":"RUR"}`,
			path: "DECISION_MADE CREATED, REFUNDED <nil>", state: orderhub.ReturnClosed, refund: true, kept: true,
			status: []orderhub.Status{orderhub.StatusDelivered},
		},
		{
			name: "no", decision: `"decisionType":"DECLINE_REFUND","decisionReasonType":"MECHANICAL_DAMAGE","comment":"сколы"`,
			path: "DECISION_MADE CREATED, REJECTED CANCELLED", state: orderhub.ReturnClosed, kept: true,
			status: []orderhub.Status{orderhub.StatusDelivered},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, Options{Seed: 9})
			r := s.waiting(orderhub.SchemeDBS)
			d := s.ok("GET", returnPath(orderhub.SchemeDBS, r, ""), "")
			s.ok("POST", returnPath(orderhub.SchemeDBS, r, "/decision/submit"), decide(d, c.decision))
			s.refused("POST", returnPath(orderhub.SchemeDBS, r, "/decision/submit"), decide(d, c.decision), http.StatusBadRequest, "does not wait")
			if got := s.offers(orderhub.SchemeDBS, r.ID); len(got) != 0 {
				t.Errorf("decisions after the decision: %v", got)
			}
			var seen []string
			for {
				d := s.ok("GET", returnPath(orderhub.SchemeDBS, r, ""), "")
				seen = append(seen, fmt.Sprint(d.at("result", "refundStatus"), " ", d.at("result", "shipmentStatus")))
				if s.move(r.ID, 1) == 0 {
					break
				}
			}
			if got := strings.Join(seen, ", "); got != c.path {
				t.Errorf("went %s, want %s", got, c.path)
			}
			end := s.back(r.ID)
			if end.State != c.state || (end.RefundMinor > 0) != c.refund || (len(end.Units) == 0) != c.kept || len(end.Answers) != 1 {
				t.Errorf("in the books %+v", end)
			}
			if o := s.truth(r.Order); !slices.Contains(c.status, o.Headline) {
				t.Errorf("the order is %s", o.Headline)
			}
		})
	}
}

func TestSubmitRefuses(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Seed: 5})
	r := s.waiting(orderhub.SchemeFBS)
	d := s.ok("GET", returnPath(orderhub.SchemeFBS, r, ""), "")
	submit := returnPath(orderhub.SchemeFBS, r, "/decision/submit")
	for fields, words := range map[string]string{
		`"decisionType":"REPAIR","comment":"x"`:                                                      "not available",
		`"decisionType":"DECLINE_REFUND"`:                                                            "decisionReasonType",
		`"decisionType":"DECLINE_REFUND","decisionReasonType":"DEVICE_ACTIVATED"`:                    "decisionReasonType",
		`"decisionType":"PARTIAL_MONEY_REFUND"`:                                                      "compensation",
		`"decisionType":"PARTIAL_MONEY_REFUND","compensation":{"value":99999999,"currencyId":"RUR"}`: "out of bounds",
		`"decisionType":"REFUND_MONEY","returnItemId":5`:                                             "not found",
		`"decisionType":"PARTIAL_MONEY_REFUND","compensation":{"value":10.005,"currencyId":"RUR"}`:   "",
	} {
		s.refused("POST", submit, decide(d, fields), http.StatusBadRequest, words)
	}
	s.refused("POST", submit, `{"returnItemDecisions":[]}`, http.StatusBadRequest, "must not be empty")
	s.refused("POST", strings.Replace(submit, r.ID, "5", 1), decide(d, `"decisionType":"REFUND_MONEY"`), http.StatusNotFound, "Return not found")
	s.refused("GET", path(orderhub.SchemeFBS, r.Order, "/returns/5"), "", http.StatusNotFound, "Return not found")
	s.refused("POST", decisionsPath, fmt.Sprintf(`{"campaignId":%d,"returnId":%s}`, CampaignDBS, r.ID), http.StatusNotFound, "Return not found")
	s.refused("POST", decisionsPath, `{"campaignId":1}`, http.StatusBadRequest, "returnId")
	if moved, err := s.m.ProgressReturn(r.ID); moved || err != nil {
		t.Errorf("a return that waits for the seller moved: %v, %v", moved, err)
	}
	if _, err := s.m.ProgressReturn("77"); err == nil {
		t.Error("a return that is not there moved")
	}
}

func TestSilenceIsARefund(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := open(t, Options{Seed: 5, Now: c.now})
	r := s.waiting(orderhub.SchemeDBS)
	c.pass(48*time.Hour - time.Second)
	if got := s.offers(orderhub.SchemeDBS, r.ID); len(got) == 0 {
		t.Error("no decisions within the 48 hours")
	}
	c.pass(time.Second)
	d := s.ok("GET", returnPath(orderhub.SchemeDBS, r, ""), "")
	if d.at("result", "refundStatus") != "DECISION_MADE" || d.at("result", "items", 0, "decisions", 0, "decisionType") != "REFUND_MONEY" {
		t.Errorf("after 48 hours: %s", d.raw)
	}
	if b := s.back(r.ID); len(b.Answers) != 0 {
		t.Errorf("answers of the seller: %v", b.Answers)
	}
}

func TestReturnsList(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := open(t, Options{Seed: 5, Now: c.now})
	var refused, returned []string
	for range 7 {
		id := points["DELIVERY"](s, orderhub.SchemeDBS)
		s.act(id, marketsim.ActRefuse)
		refused = append(refused, s.returns(id)[0].ID)
		c.pass(24 * time.Hour)
		id = points["DELIVERED"](s, orderhub.SchemeDBS)
		s.act(id, marketsim.ActReturn)
		returned = append(returned, s.returns(id)[0].ID)
	}
	list := func(query string) (out []string) {
		token := ""
		for {
			r := s.ok("GET", returnsPath(orderhub.SchemeDBS, "?limit=3&"+query+token), "")
			for i := range r.at("result", "returns").([]any) {
				out = append(out, fmt.Sprint(r.at("result", "returns", i, "id")))
			}
			next, _ := r.at("result", "paging", "nextPageToken").(string)
			if next == "" {
				slices.Sort(out)
				return out
			}
			token = "&pageToken=" + next
		}
	}
	all := slices.Sorted(slices.Values(append(slices.Clone(refused), returned...)))
	day := func(n int) string { return start.AddDate(0, 0, n).Format(time.DateOnly) }
	for query, want := range map[string][]string{
		"":                                   all,
		"type=UNREDEEMED":                    refused,
		"type=RETURN":                        returned,
		"statuses=WAITING_FOR_DECISION":      returned[5:], // the older ones ran out of time
		"shipmentStatuses=PICKED":            nil,
		"type=UNREDEEMED&fromDate=" + day(5): refused[5:],
		"type=UNREDEEMED&toDate=" + day(1):   refused[:2],
	} {
		if diff := cmp.Diff(want, list(query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	if got := s.ok("GET", returnsPath(orderhub.SchemeFBS, ""), "").at("result", "returns").([]any); len(got) != 0 {
		t.Errorf("another shop has %d returns", len(got))
	}
	for _, bad := range []string{"?type=ALL", "?fromDate=1.1.2026", "?statuses=NO", "?orderIds=x", "?pageToken=x", "?limit=0"} {
		s.refused("GET", returnsPath(orderhub.SchemeDBS, bad), "", http.StatusBadRequest, "")
	}
}

func TestReturnNotifications(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Seed: 5})
	r := s.waiting(orderhub.SchemeDBS)
	h := listen(t, goodReply)
	s.m.Notify(h.url)
	h.wait(t, 1)
	s.bring(r.Order)
	h.wait(t, 5)
	got := map[string]int{}
	for _, k := range h.kinds() {
		got[strings.Fields(k)[0]]++
	}
	if got["ORDER_RETURN_STATUS_UPDATED"] != 4 || got["ORDER_STATUS_UPDATED"] != 1 {
		t.Errorf("notifications %v", got)
	}
}

func TestPutItems(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Seed: 5})
	three := []marketsim.SpecLine{{SKU: "A", Quantity: 3, PriceMinor: 10_000}, {SKU: "B", Quantity: 1, PriceMinor: 20_000}, {SKU: "C", Quantity: 1, PriceMinor: 20_000}}
	id := s.place(orderhub.SchemeDBS, three...)
	lines := s.m.books.get(firstOrder + 1).history.Now().lines
	items := path(orderhub.SchemeDBS, id, "/items")
	list := func(counts ...int) string {
		var rows []string
		for i, n := range counts {
			if n >= 0 {
				rows = append(rows, fmt.Sprintf(`{"id":%d,"count":%d}`, lines[i].id, n))
			}
		}
		return `{"items":[` + strings.Join(rows, ",") + `],"reason":"PARTNER_REQUESTED_REMOVE"}`
	}
	put := func(body string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.url+items, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Api-Key", s.key)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set(strictHeader, "1")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.ContentLength != 0 {
			t.Errorf("the answer has a body of %d bytes", resp.ContentLength)
		}
		return resp.StatusCode
	}
	s.refused("PUT", items, list(4, 1, 1), http.StatusBadRequest, "has 4 units")
	s.refused("PUT", items, list(0, 0, 0), http.StatusBadRequest, "the only one")
	s.refused("PUT", items, `{"items":[{"id":5,"count":1}]}`, http.StatusBadRequest, "not found")
	s.refused("PUT", items, `{"items":[]}`, http.StatusBadRequest, "must not be empty")
	if code := put(list(1, 1, -1)); code != http.StatusOK { // C is left out
		t.Errorf("answered %d", code)
	}
	if code := put(list(1, 1, 0)); code != http.StatusOK { // the same again
		t.Errorf("repeated: answered %d", code)
	}
	if o := s.truth(id); o.Units != 2 || len(o.Calls) != 1 || o.Calls[0].What != "remove_items" {
		t.Errorf("in the books %+v", o)
	}
	fbs := s.place(orderhub.SchemeFBS, three...)
	s.refused("PUT", path(orderhub.SchemeFBS, fbs, "/items"), list(1, 1, 1), http.StatusBadRequest, "not allowed")
	s.setStatus(orderhub.SchemeDBS, id, "DELIVERY", "")
	s.refused("PUT", items, list(1, 0, 0), http.StatusBadRequest, "not allowed")
}
