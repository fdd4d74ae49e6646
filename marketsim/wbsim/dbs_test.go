package wbsim

import (
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// row posts one order to a DBS status call and gives the answer.
func (c *client) row(step, id, code string) string {
	c.t.Helper()
	body := obj{"ordersIds": ints([]string{id})}
	if step == "receive" || step == "reject" {
		body = obj{"orders": []obj{{"orderId": ints([]string{id})[0], "code": code}}}
	}
	return c.do("POST", "/api/marketplace/v3/dbs/orders/status/"+step, body, 200, nil).body
}

func TestDBSLabelling(t *testing.T) {
	t.Parallel()
	clk := newClock()
	m, c := newMarket(t, Options{Now: clk.now, Traits: func(sku string) Traits {
		return Traits{RequiredMeta: map[string][]string{"PHONE": {"imei"}, "SHOES": {"sgtin"}}[sku]}
	}})
	phone := place(t, m, orderhub.SchemeDBS, "PHONE", 1)[0]
	shoes := place(t, m, orderhub.SchemeDBS, "SHOES", 2)
	set := func(id, code string) string {
		return c.do("POST", "/api/marketplace/v3/dbs/orders/meta/sgtin",
			obj{"orders": []obj{{"orderId": ints([]string{id})[0], "sgtins": []string{code}}}}, 200, nil).body
	}
	wants := func(got, want string) {
		t.Helper()
		if !strings.Contains(got, want) {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	const code = "0104600000000017215ABCDEF\x1d91EE12"
	wants(set(shoes[0], code), `"StatusMismatch"`) // not in assembly yet
	wants(set("17", code), `"NotFound"`)
	for _, id := range append([]string{phone}, shoes...) {
		wants(c.row("confirm", id, ""), `"isError":false`)
	}
	wants(c.row("deliver", phone, ""), `"ImeiIsNotFilled"`)
	wants(set(phone, code), `"StatusMismatch"`) // takes no such code
	wants(set(shoes[0], "short"), `"IncorrectRequest"`)
	wants(set(shoes[0], code), `"isError":false`)
	wants(c.row("deliver", shoes[0], ""), `"pending"`)
	clk.step(time.Minute)
	wants(c.row("deliver", shoes[0], ""), `"isError":false`)

	// Without its code the other pair goes out, but cannot be received.
	wants(c.row("deliver", shoes[1], ""), `"isError":false`)
	for i, want := range []string{`"isError":false`, `"SGTINIsNotFilled"`} {
		buyer, err := m.BuyerCode(shoes[i])
		if err != nil {
			t.Fatal(err)
		}
		wants(c.row("receive", shoes[i], buyer), want)
	}
}

func TestDBSRefusalCanBeReported(t *testing.T) {
	t.Parallel()
	m, c := newMarket(t, Options{})
	id := place(t, m, orderhub.SchemeDBS, "LAMP", 1)[0]
	c.row("confirm", id, "")
	c.row("deliver", id, "")
	act(t, m, id, marketsim.ActRefuse)
	code, err := m.BuyerCode(id)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.row("receive", id, code); !strings.Contains(got, "StatusMismatch") {
		t.Errorf("receive after a refusal: %s", got)
	}
	if got := c.row("reject", id, code); !strings.Contains(got, `"isError":false`) {
		t.Errorf("reject after a refusal: %s", got)
	}
	if got := pair(truth(t, m, id)); got != "reject/canceled_by_client" {
		t.Errorf("got %s", got)
	}
}
