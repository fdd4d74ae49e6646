package wbsim

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// mixed gives each article the trait that its name says.
func mixed(sku string) Traits {
	switch sku {
	case "LARGE":
		return Traits{CargoType: 3}
	case "OVERSIZED":
		return Traits{CargoType: 2}
	case "SECOND":
		return Traits{WarehouseID: SecondWarehouse}
	case "ABROAD":
		return Traits{CrossBorder: true}
	case "MARKED":
		return Traits{RequiredMeta: []string{"sgtin"}}
	default:
		return Traits{}
	}
}

func TestSupplyTakesOrdersOfOneKind(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{"LARGE", "OVERSIZED", "SECOND", "ABROAD"} {
		t.Run(odd, func(t *testing.T) {
			t.Parallel()
			m, c := newMarket(t, Options{Traits: mixed})
			a := place(t, m, "", "PLAIN", 2)
			b := place(t, m, "", odd, 2)
			s := c.supply()
			add := "/api/marketplace/v3/supplies/" + s + "/orders"

			// A mixed batch changes nothing, even in an empty supply, and names nobody.
			resp := c.do("PATCH", add, obj{"orders": ints([]string{a[0], b[0]})}, 409, nil)
			if strings.Contains(resp.body, a[0]) || strings.Contains(resp.body, b[0]) {
				t.Errorf("the refusal names an order: %s", resp.body)
			}
			if got := pair(truth(t, m, a[0])); got != "new/waiting" {
				t.Errorf("a refused batch moved an order to %s", got)
			}
			c.accept(s, a[0])
			c.fails("PATCH", add, obj{"orders": ints(b)}, 409, "FailedToAddSupplyOrder")
			c.accept(s, a[1])

			// Emptied, the supply takes the other kind.
			for _, id := range a {
				c.do("PATCH", "/api/v3/orders/"+id+"/cancel", nil, 204, nil)
			}
			c.accept(s, b...)
		})
	}
}

func TestSupplySeparatesCompanies(t *testing.T) {
	t.Parallel()
	m, c := newMarket(t, Options{Traits: plain, B2BEvery: 2})
	person := place(t, m, "", "CUP", 1)
	company := place(t, m, "", "CUP", 1)
	s := c.supply()
	c.accept(s, company...)
	c.fails("PATCH", "/api/marketplace/v3/supplies/"+s+"/orders", obj{"orders": ints(person)}, 409, "FailedToAddSupplyOrder")
	if resp := c.do("GET", "/api/v3/supplies/"+s, nil, 200, nil); !strings.Contains(resp.body, `"isB2b":true`) {
		t.Errorf("supply: %s", resp.body)
	}
}

func TestSupplyMovesAndRepeats(t *testing.T) {
	t.Parallel()
	m, c := newMarket(t, Options{Traits: plain})
	id := place(t, m, "", "CUP", 1)[0]
	first, second := c.supply(), c.supply()
	c.accept(first, id)
	c.accept(first, id, id) // again, twice: no effect
	c.accept(second, id)    // moves

	want := []marketsim.Call{{To: orderhub.StatusConfirmed, What: "accept"}, {What: "move"}}
	if got := calls(truth(t, m, id)); !reflect.DeepEqual(got, want) {
		t.Errorf("calls: got %v, want %v", got, want)
	}
	for supply, orders := range map[string]int{first: 0, second: 1} {
		var out struct {
			OrderIDs []int64 `json:"orderIds"`
		}
		c.do("GET", "/api/marketplace/v3/supplies/"+supply+"/order-ids", nil, 200, &out)
		if len(out.OrderIDs) != orders {
			t.Errorf("supply %s holds %v, want %d", supply, out.OrderIDs, orders)
		}
	}
	c.deliver(second)
	c.fails("PATCH", "/api/v3/supplies/"+second+"/deliver", nil, 409, "StatusMismatch")
	c.fails("DELETE", "/api/v3/supplies/"+second, nil, 409, "SupplyHasOrders")
	// A closed supply neither takes nor gives orders.
	c.fails("PATCH", "/api/marketplace/v3/supplies/"+first+"/orders", obj{"orders": ints([]string{id})}, 409, "FailedToAddSupplyOrder")
	other := place(t, m, "", "CUP", 1)
	c.fails("PATCH", "/api/marketplace/v3/supplies/"+second+"/orders", obj{"orders": ints(other)}, 409, "FailedToAddSupplyOrder")
}

// calls drops the times.
func calls(o marketsim.TruthOrder) []marketsim.Call {
	var out []marketsim.Call
	for _, c := range o.Calls {
		out = append(out, marketsim.Call{To: c.To, What: c.What})
	}
	return out
}

func TestReshipment(t *testing.T) {
	t.Parallel()
	clk := newClock()
	m, c := newMarket(t, Options{Now: clk.now, Traits: plain})
	ids := place(t, m, "", "CUP", 2)
	s, next := c.supply(), c.supply()
	c.accept(s, ids...)
	c.deliver(s)
	progress(t, m, ids[0], 1)
	add := "/api/marketplace/v3/supplies/" + next + "/orders"
	c.fails("PATCH", add, obj{"orders": ints(ids[1:])}, 409, "FailedToAddSupplyOrder")
	clk.step(24 * time.Hour)
	want := fmt.Sprintf(`{"orders":[{"supplyID":%q,"orderID":%s}]}`, s, ids[1])
	if resp := c.do("GET", "/api/v3/supplies/orders/reshipment", nil, 200, nil); strings.TrimSpace(resp.body) != want {
		t.Errorf("reshipment: got %s, want %s", resp.body, want)
	}
	c.accept(next, ids[1])
	if got := pair(truth(t, m, ids[1])); got != "confirm/waiting" {
		t.Errorf("reshipped order: got %s", got)
	}
	c.fails("PATCH", add, obj{"orders": ints(ids[:1])}, 409, "FailedToAddSupplyOrder") // was scanned
}

func TestDeliverNeedsLabelling(t *testing.T) {
	t.Parallel()
	const good = "0104600000000017215ABCDEF\x1d91EE12"
	for _, tc := range []struct {
		code, first, later string
	}{
		{good, "pending", "sgtinIntroduced"},
		{"0104600000000017215ABCDEF", "sgtinNoGS", "sgtinNoGS"},
		{"0104600000000017215 ABCDEF\x1d91EE12", "sgtinHasInvalidSymbols", "sgtinHasInvalidSymbols"},
		{"0104600000000017215АБВГД\x1d91EE12", "sgtinHasNonLatinSymbols", "sgtinHasNonLatinSymbols"},
		{"9904600000000017215ABCDEF\x1d91EE12", "sgtinInvalidPattern", "sgtinInvalidPattern"},
	} {
		t.Run(tc.later, func(t *testing.T) {
			t.Parallel()
			clk := newClock()
			m, c := newMarket(t, Options{Now: clk.now, Traits: mixed})
			ids := append(place(t, m, "", "MARKED", 1), place(t, m, "", "PLAIN", 1)...)
			s := c.supply()
			c.accept(s, ids...)
			c.setShipping(s)
			put, deliver := "/api/v3/orders/"+ids[0]+"/meta/sgtin", "/api/v3/supplies/"+s+"/deliver"
			c.fails("PATCH", deliver, nil, 409, "MetaValidationFail")
			c.fails("PUT", "/api/v3/orders/"+ids[1]+"/meta/sgtin", obj{"sgtins": []string{good}}, 409, "MetaKeyNotRequired")
			c.do("PUT", put, obj{"sgtins": []string{tc.code}}, 204, nil)
			c.fails("PATCH", deliver, nil, 409, tc.first)
			clk.step(time.Minute)
			meta := c.do("POST", "/api/marketplace/v3/orders/meta", obj{"orders": ints(ids[:1])}, 200, nil)
			if !strings.Contains(meta.body, tc.later) {
				t.Errorf("meta: got %s, want %s", meta.body, tc.later)
			}
			if tc.later != "sgtinIntroduced" {
				c.fails("PATCH", deliver, nil, 409, tc.later)
				return
			}
			c.do("PATCH", deliver, nil, 204, nil)
			c.fails("PUT", put, obj{"sgtins": []string{good}}, 409, "FailedToUpdateMeta")
		})
	}
}

func TestShippingMethodAnswersPerSupply(t *testing.T) {
	t.Parallel()
	clk := newClock()
	m, c := newMarket(t, Options{Now: clk.now, Traits: plain})
	scanned := c.supply()
	ids := place(t, m, "", "CUP", 1)
	c.accept(scanned, ids...)
	c.deliver(scanned)
	c.setShipping(scanned) // still changeable
	progress(t, m, ids[0], 1)
	open := c.supply()
	row := func(supply, kind, date string, point int) obj {
		return obj{"supplyId": supply, "shippingType": kind, "shippingDt": date, "shippingPointId": point}
	}
	var out struct {
		Results []shippingResult `json:"results"`
	}
	c.do("PATCH", "/api/marketplace/v3/fbs/supplies/shipping-method", obj{"data": []obj{
		row(open, "selfShipping", "2026-11-23", 507),
		row("WB-GI-1", "selfShipping", "2026-11-23", 507),
		row(open, "byPigeon", "2026-11-23", 507),
		row(open, "selfShipping", "2026-11-22", 507),
		row(open, "selfShipping", "23.11.2026", 507),
		row(open, "selfShipping", "2026-11-23", 1),
		row(scanned, "selfShipping", "2026-11-24", 507),
	}}, http.StatusOK, &out)
	var got []string
	for _, r := range out.Results {
		if r.Error == nil {
			got = append(got, fmt.Sprint(r.Success))
		} else {
			got = append(got, r.Error.Detail)
		}
	}
	want := []string{"true", "NotFound", "IncorrectRequestBody", "InvalidShippingDt", "InvalidShippingDt", "NotFound", "SupplyAlreadyScanned"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("results: got %v, want %v", got, want)
	}
	c.fails("PATCH", "/api/marketplace/v3/fbs/supplies/shipping-method",
		obj{"data": []obj{row(open, "transportCompany", "2026-11-24", 507)}}, 409, "WaybillUUIDConflict")
}

func TestCancelRules(t *testing.T) {
	t.Parallel()
	m, c := newMarket(t, Options{Traits: plain})
	ids := place(t, m, "", "CUP", 5)
	cancel := func(i int) string { return "/api/v3/orders/" + ids[i] + "/cancel" }
	c.do("PATCH", cancel(0), nil, 204, nil) // new
	s := c.supply()
	c.accept(s, ids[1:4]...)
	c.do("PATCH", cancel(1), nil, 204, nil) // confirmed
	c.deliver(s)
	c.do("PATCH", cancel(2), nil, 204, nil) // handed over, not scanned
	progress(t, m, ids[3], 1)
	c.fails("PATCH", cancel(3), nil, 409, "StatusChangeNotAllowed")
	c.fails("PATCH", cancel(0), nil, 409, "StatusMismatch")
	act(t, m, ids[4], marketsim.ActCancel)
	c.fails("PATCH", cancel(4), nil, 409, "StatusMismatch")
	dbs := place(t, m, orderhub.SchemeDBS, "CUP", 1)
	c.fails("PATCH", "/api/v3/orders/"+dbs[0]+"/cancel", nil, 404, "NotFound")
	if supplies := m.Supplies(); len(supplies) != 1 || len(supplies[0].Orders) != 1 || !supplies[0].Done {
		t.Errorf("supplies: %+v", supplies)
	}
}
