package wbsim

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

const reportPath = "/api/analytics/v1/item-returns"

// sold brings a fresh FBS order to its buyer.
func sold(t testing.TB, m *Market, c *client) string {
	t.Helper()
	id := place(t, m, "", "PLAIN", 1)[0]
	s := c.supply()
	c.accept(s, id)
	c.deliver(s)
	progress(t, m, id, 3)
	return id
}

// back finds the return of an order in the books.
func back(t testing.TB, m *Market, order string) marketsim.TruthReturn {
	t.Helper()
	for _, r := range m.Returns() {
		if r.Order == order {
			return r
		}
	}
	t.Fatalf("order %s has no return in the books", order)
	return marketsim.TruthReturn{}
}

func (c *client) claims(query string) (out struct {
	Claims []claimWire `json:"claims"`
	Total  int         `json:"total"`
}) {
	c.t.Helper()
	c.do("GET", "/api/v1/claims?"+query, nil, 200, &out)
	return out
}

// report reads the report of a month around the market's day.
func (c *client) report(m *Market, status string) (out struct {
	Report []itemReturn `json:"report"`
	Count  int          `json:"count"`
}) {
	c.t.Helper()
	from, to := m.now().Add(-15*24*time.Hour), m.now().Add(15*24*time.Hour)
	path := fmt.Sprintf("%s?dateFrom=%s&dateTo=%s&status=%s&limit=10&offset=0", reportPath, from.Format(time.DateOnly), to.Format(time.DateOnly), status)
	resp, err := c.try("GET", path, nil)
	if err != nil || (resp.status != 200 && resp.status != 204) {
		c.t.Fatalf("report: %d %s %v", resp.status, resp.body, err)
	}
	if resp.status == 200 {
		c.do("GET", path, nil, 200, &out)
	}
	return out
}

// walkReturns takes one claim of each fate and one refused order to their ends.
func walkReturns(t *testing.T, m *Market, c *client) {
	t.Helper()
	c.report(m, "active")
	for action, want := range map[string]orderhub.ReturnState{
		"approve1": orderhub.ReturnReceived, "approve2": orderhub.ReturnReceived,
		"autorefund1": orderhub.ReturnClosed, "rejectcustom": orderhub.ReturnClosed, "": "",
	} {
		id := sold(t, m, c)
		act(t, m, id, marketsim.ActReturn)
		list := c.claims("is_archive=false&limit=1")
		if list.Total != 1 || list.Claims[0].Srid != back(t, m, id).ID {
			t.Fatalf("claims: %+v", list)
		}
		if action != "" {
			body := obj{"id": list.Claims[0].ID, "action": action}
			if action == "rejectcustom" {
				body["comment"] = "На фото другой товар"
			}
			c.do("PATCH", "/api/v1/claim", body, 200, nil)
		}
		for moved := true; moved; {
			c.claims("is_archive=true")
			c.report(m, "active")
			c.report(m, "archive")
			var err error
			if moved, err = m.ProgressReturn(list.Claims[0].Srid); err != nil {
				t.Fatal(err)
			}
		}
		if got := back(t, m, id).State; got != want && want != "" {
			t.Fatalf("%s: the return is %s, want %s", action, got, want)
		}
		if got := truth(t, m, id); got.Headline != orderhub.StatusDelivered {
			t.Fatalf("%s: the order became %s", action, got.Headline)
		}
	}
}

// TestClaimLife: what the books and both services say on the way of a claim.
func TestClaimLife(t *testing.T) {
	t.Parallel()
	clk := newClock()
	m, c := newMarket(t, Options{Now: clk.now, Traits: plain})
	id := sold(t, m, c)
	act(t, m, id, marketsim.ActReturn)
	if m.Act(id, marketsim.ActReturn) == nil {
		t.Error("a second claim beside an open one")
	}
	cl := c.claims("is_archive=false").Claims[0]
	if cl.Price != "1260.03" || cl.CurrencyCode != "643" || cl.Dt != "2026-11-23T12:00:00" || cl.DtUpdate != cl.Dt {
		t.Errorf("claim %+v", cl)
	}
	want := func(state orderhub.ReturnState, refund, units int64) {
		t.Helper()
		r := back(t, m, id)
		if r.State != state || r.RefundMinor != refund || r.Units["PLAIN"] != units || r.Kind != orderhub.ReturnDefect || !r.OpenedAt.Equal(clk.now().Truncate(24*time.Hour).Add(9*time.Hour)) {
			t.Errorf("books: %+v, want %s, refund %d, units %d", r, state, refund, units)
		}
	}
	answer := func(action string) {
		t.Helper()
		clk.step(time.Minute)
		c.do("PATCH", "/api/v1/claim", obj{"id": cl.ID, "action": action}, 200, nil)
	}
	step := func() {
		t.Helper()
		clk.step(time.Minute)
		if moved, err := m.ProgressReturn(cl.Srid); err != nil || !moved {
			t.Fatalf("progress: %v, %v", moved, err)
		}
	}
	want(orderhub.ReturnAnnounced, 0, 1)
	answer("reject1")
	want(orderhub.ReturnClosed, 0, 0)
	if open, done := c.claims("is_archive=false"), c.claims("is_archive=true&id="+cl.ID); open.Total != 0 || done.Total != 1 {
		t.Errorf("rejected: %d open, %d in the archive", open.Total, done.Total)
	}
	c.fails("PATCH", "/api/v1/claim", obj{"id": cl.ID, "action": "reject1"}, 400, "Validation error")
	answer("approve1") // a rejected claim may be looked at again
	want(orderhub.ReturnAnnounced, 126003, 1)
	step()
	want(orderhub.ReturnOnTheWay, 126003, 1)
	if got := c.report(m, "active"); got.Count != 0 {
		t.Errorf("the goods are in the report already: %+v", got)
	}
	step()
	want(orderhub.ReturnOnTheWay, 126003, 1)
	if got := c.report(m, "active").Report; len(got) != 1 || got[0].ReadyToReturnDt != "" || got[0].Srid != cl.Srid || fmt.Sprint(got[0].OrderID) != id {
		t.Errorf("on the way: %+v", got)
	}
	step()
	want(orderhub.ReturnAtPickup, 126003, 1)
	if got := c.report(m, "active").Report; got[0].ReadyToReturnDt != "2026-11-23T12:05:00" || got[0].ExpiredDt != "2026-11-26T12:05:00" {
		t.Errorf("at the point: %+v", got)
	}
	step()
	want(orderhub.ReturnReceived, 126003, 1)
	if active, done := c.report(m, "active"), c.report(m, "archive"); active.Count != 0 || done.Count != 1 || done.Report[0].CompletedDt == "" {
		t.Errorf("fetched: %+v, %+v", active, done)
	}
	if moved, err := m.ProgressReturn(cl.Srid); moved || err != nil {
		t.Errorf("progress behind the end: %v, %v", moved, err)
	}
	var calls []string
	for _, call := range back(t, m, id).Answers {
		calls = append(calls, call.What)
	}
	if strings.Join(calls, " ") != "reject1 approve1" {
		t.Errorf("answers %v", calls)
	}
	clk.step(15 * 24 * time.Hour)
	if got := c.claims("is_archive=true"); got.Total != 0 {
		t.Error("claims of more than 14 days are listed")
	}
}

// TestSecondClaim: after a rejection the buyer may complain again, and the old
// claim takes no answers any more.
func TestSecondClaim(t *testing.T) {
	t.Parallel()
	m, c := newMarket(t, Options{Traits: plain})
	id := sold(t, m, c)
	act(t, m, id, marketsim.ActReturn)
	first := c.claims("is_archive=false").Claims[0]
	c.do("PATCH", "/api/v1/claim", obj{"id": first.ID, "action": "reject2"}, 200, nil)
	act(t, m, id, marketsim.ActReturn)
	c.fails("PATCH", "/api/v1/claim", obj{"id": first.ID, "action": "approve1"}, 400, "Validation error")
	second := c.claims("is_archive=false").Claims[0]
	if second.Srid != first.Srid || second.ID == first.ID || len(m.Returns()) != 1 || back(t, m, id).State != orderhub.ReturnAnnounced {
		t.Errorf("claims %+v, %+v; books %+v", first, second, m.Returns())
	}
}

// TestRefused: refused FBS goods come back, those of DBS never left the seller.
func TestRefused(t *testing.T) {
	t.Parallel()
	m, c := newMarket(t, Options{Traits: plain})
	id := place(t, m, "", "PLAIN", 1)[0]
	s := c.supply()
	c.accept(s, id)
	c.deliver(s)
	progress(t, m, id, 2)
	act(t, m, id, marketsim.ActRefuse)
	if r := back(t, m, id); r.Kind != orderhub.ReturnRefused || r.State != orderhub.ReturnOnTheWay || r.RefundMinor != 0 {
		t.Errorf("books: %+v", r)
	}
	if got := c.report(m, "active").Report; len(got) != 1 || got[0].ReturnType != "АвтоВозврат МП" {
		t.Errorf("report: %+v", got)
	}
	dbs := place(t, m, orderhub.SchemeDBS, "PLAIN", 1)
	for _, step := range []string{"confirm", "deliver"} {
		c.do("POST", "/api/marketplace/v3/dbs/orders/status/"+step, obj{"ordersIds": ints(dbs)}, 200, nil)
	}
	act(t, m, dbs[0], marketsim.ActRefuse)
	if got := m.Returns(); len(got) != 1 {
		t.Errorf("books: %+v", got)
	}
	if _, err := m.ProgressReturn("17"); err == nil {
		t.Error("an unknown return moves")
	}
}

// TestStaleReturns: a replica that lags shows both services as they were.
func TestStaleReturns(t *testing.T) {
	t.Parallel()
	clk := newClock()
	in := marketsim.NewInjector(1, marketsim.Faults{Stale: 1, Lag: time.Minute})
	m, c := newMarket(t, Options{Now: clk.now, Traits: plain, Injector: in})
	act(t, m, sold(t, m, c), marketsim.ActReturn)
	if got := c.claims("is_archive=false"); got.Total != 0 {
		t.Error("a replica is ahead of its lag")
	}
	clk.step(time.Minute)
	cl := c.claims("is_archive=false").Claims[0]
	c.do("PATCH", "/api/v1/claim", obj{"id": cl.ID, "action": "approve2"}, 200, nil)
	if got := c.claims("is_archive=false"); got.Total != 1 {
		t.Error("a replica is ahead of its lag")
	}
	if _, err := m.ProgressReturn(cl.Srid); err != nil {
		t.Fatal(err)
	}
	if got := c.report(m, "active"); got.Count != 0 {
		t.Error("a replica is ahead of its lag")
	}
}

func TestReturnsNeedTheirCategories(t *testing.T) {
	t.Parallel()
	m, c := newMarket(t, Options{})
	c.token = NewToken(Claims{tokenPersonal, scopeMarketplace, m.now().Add(time.Hour)})
	c.fails("GET", "/api/v1/claims?is_archive=true", nil, 403, "forbidden")
	c.fails("GET", reportPath, nil, 403, "forbidden")
	c.token = NewToken(Claims{tokenPersonal, scopeReturns | scopeReadOnly, m.now().Add(time.Hour)})
	c.do("GET", "/api/v1/claims?is_archive=true", nil, 200, nil)
	c.fails("PATCH", "/api/v1/claim", obj{}, 403, "forbidden")
}
