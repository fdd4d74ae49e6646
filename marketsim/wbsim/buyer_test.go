package wbsim

import (
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// TestBuyerActs: what the buyer may do where, and what the books say then.
func TestBuyerActs(t *testing.T) {
	t.Parallel()
	// reach brings a fresh order to a state.
	reach := map[string]func(*Market, *client, string){
		"new":     func(*Market, *client, string) {},
		"confirm": func(_ *Market, c *client, id string) { c.accept(c.supply(), id) },
	}
	complete := func(steps int) func(*Market, *client, string) {
		return func(m *Market, c *client, id string) {
			s := c.supply()
			c.accept(s, id)
			c.deliver(s)
			progress(t, m, id, steps)
		}
	}
	reach["complete"], reach["sorted"], reach["ready"], reach["sold"] = complete(0), complete(1), complete(2), complete(3)
	dbs := func(steps ...string) func(*Market, *client, string) {
		return func(m *Market, c *client, id string) {
			for _, s := range steps {
				body := obj{"ordersIds": ints([]string{id})}
				if code, _ := m.BuyerCode(id); s == "receive" {
					body = obj{"orders": []obj{{"orderId": ints([]string{id})[0], "code": code}}}
				}
				c.do("POST", "/api/marketplace/v3/dbs/orders/status/"+s, body, 200, nil)
			}
		}
	}
	reach["dbs new"], reach["dbs confirm"], reach["dbs deliver"], reach["dbs receive"] =
		dbs(), dbs("confirm"), dbs("confirm", "deliver"), dbs("confirm", "deliver", "receive")

	for _, tc := range []struct {
		at   string
		act  marketsim.BuyerAct
		want string // "" = refused
		head orderhub.Status
	}{
		{"new", marketsim.ActCancel, "new/declined_by_client", orderhub.StatusCancelled},
		{"confirm", marketsim.ActCancel, "confirm/declined_by_client", orderhub.StatusCancelled},
		{"complete", marketsim.ActCancel, "", ""},
		{"sorted", marketsim.ActRefuse, "", ""},
		{"ready", marketsim.ActRefuse, "complete/canceled_by_client", orderhub.StatusCancelled},
		{"ready", marketsim.ActReturn, "", ""},
		{"sold", marketsim.ActRefuse, "", ""},
		{"sold", marketsim.ActReturn, "complete/sold", orderhub.StatusDelivered},
		{"new", marketsim.ActPay, "", ""},
		{"new", marketsim.ActRequestCancel, "", ""},
		{"dbs new", marketsim.ActCancel, "new/declined_by_client", orderhub.StatusCancelled},
		{"dbs confirm", marketsim.ActCancel, "confirm/declined_by_client", orderhub.StatusCancelled},
		{"dbs deliver", marketsim.ActCancel, "", ""},
		{"dbs deliver", marketsim.ActRefuse, "deliver/canceled_by_client", orderhub.StatusCancelled},
		{"dbs receive", marketsim.ActReturn, "receive/sold", orderhub.StatusDelivered},
	} {
		t.Run(tc.at+" "+string(tc.act), func(t *testing.T) {
			t.Parallel()
			m, c := newMarket(t, Options{Traits: plain})
			scheme := orderhub.SchemeFBS
			if tc.at[:3] == "dbs" {
				scheme = orderhub.SchemeDBS
			}
			id := place(t, m, scheme, "CUP", 1)[0]
			reach[tc.at](m, c, id)
			before := truth(t, m, id)
			err := m.Act(id, tc.act)
			o := truth(t, m, id)
			if tc.want == "" {
				if err == nil || pair(o) != pair(before) {
					t.Fatalf("allowed: %s to %s", pair(before), pair(o))
				}
				return
			}
			if err != nil || pair(o) != tc.want || o.Headline != tc.head || len(o.Calls) != len(before.Calls) {
				t.Fatalf("got %+v, %v; want %s, %s", o, err, tc.want, tc.head)
			}
			if err := m.Act(id, tc.act); err == nil {
				t.Error("allowed twice")
			}
			if got := append(c.newIDs("/api/v3/orders/new"), c.newIDs("/api/v3/dbs/orders/new")...); len(got) != 0 {
				t.Errorf("still new: %v", got)
			}
		})
	}
}

func TestUnknownOrders(t *testing.T) {
	t.Parallel()
	m, _ := newMarket(t, Options{})
	for _, id := range []string{"", "x", "17"} {
		if err := m.Act(id, marketsim.ActCancel); err == nil {
			t.Errorf("act on %q", id)
		}
		if _, err := m.Progress(id); err == nil {
			t.Errorf("progress of %q", id)
		}
		if _, err := m.BuyerCode(id); err == nil {
			t.Errorf("code of %q", id)
		}
	}
	fbs := place(t, m, "", "CUP", 1)[0]
	if _, err := m.BuyerCode(fbs); err == nil {
		t.Error("an FBS order has a code")
	}
	if moved, err := m.Progress(fbs); moved || err != nil {
		t.Errorf("progress of a new order: %v, %v", moved, err)
	}
}

// BenchmarkReads measures the calls of a polling hub with 50,000 orders, of
// which 500 are new.
func BenchmarkReads(b *testing.B) {
	m, c := newMarket(b, Options{Traits: plain})
	ids := place(b, m, "", "CUP", 1000)
	for range 49 {
		ids = append(ids, place(b, m, "", "CUP", 1000)...)
	}
	for i := 0; i < len(ids)-500; i += 500 {
		s := c.supply()
		for j := i; j < i+500; j += 100 {
			c.accept(s, ids[j:j+100]...)
		}
		c.deliver(s)
	}
	statuses := obj{"orders": ints(ids[:100])}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			c.do("GET", "/api/v3/orders/new", nil, 200, nil)
		}
	})
	b.Run("status100", func(b *testing.B) {
		for b.Loop() {
			c.do("POST", "/api/v3/orders/status", statuses, 200, nil)
		}
	})
	b.Run("list1000", func(b *testing.B) {
		for b.Loop() {
			c.do("GET", "/api/v3/orders?limit=1000&next=0", nil, 200, nil)
		}
	})
	b.Run("reshipment", func(b *testing.B) {
		for b.Loop() {
			c.do("GET", "/api/v3/supplies/orders/reshipment", nil, 200, nil)
		}
	})
	b.Run("supplies", func(b *testing.B) {
		for b.Loop() {
			c.do("GET", "/api/v3/supplies?limit=1000&next=0", nil, 200, nil)
		}
	})
}
