package shopify

import (
	"fmt"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/shopifysim"
)

const (
	manyLines     = 70 // more than one answer has, of an order and of a shipment
	manyShipments = 25 // more than come with an order
	manyReturns   = 4
)

// longOrder is one of 70 lines of two units. One shipment has a unit of each line, 24
// more have the rest; then everything was given back, so that Shopify counts nothing of
// it as current any more: what was sold is only told by the shipments.
func longOrder(t *testing.T, m *shopifysim.Market) string {
	t.Helper()
	spec := marketsim.OrderSpec{}
	for i := range manyLines {
		spec.Lines = append(spec.Lines, marketsim.SpecLine{SKU: fmt.Sprintf("LONG-%02d", i), Quantity: 2, PriceMinor: 10000})
	}
	ids, err := m.Place(spec)
	if err != nil {
		t.Fatal(err)
	}
	parts := make([][]int64, manyShipments)
	for p := range parts {
		parts[p] = make([]int64, manyLines)
		for i := range manyLines {
			if p == 0 || i%(manyShipments-1) == p-1 {
				parts[p][i] = 1
			}
		}
	}
	if err := m.ShipInParts(ids[0], parts); err != nil {
		t.Fatal(err)
	}
	return ids[0]
}

// TestLongOrders: what does not fit into one answer is read all the same, in sweeps and
// in readings of one order.
func TestLongOrders(t *testing.T) {
	t.Parallel()
	a, m := sim(t, nil, nil)
	id := longOrder(t, m)
	if err := m.GiveBack(id, manyReturns); err != nil {
		t.Fatal(err)
	}
	swept, _ := sweep(t, a, feedOrders, nil)
	read, err := a.ReadOrders(t.Context(), []channel.Ref{{ExternalID: id}})
	if err != nil {
		t.Fatal(err)
	}
	for what, its := range map[string][]channel.Item{"sweep": swept, "read": read} {
		if len(its) != 1 {
			t.Fatalf("%s: %d items", what, len(its))
		}
		s, err := a.Normalise(its[0].Kind, its[0].Body)
		if err != nil || len(s.Lines) != manyLines {
			t.Fatalf("%s: %d lines, %v", what, len(s.Lines), err)
		}
		for _, l := range s.Lines {
			if l.Quantity != 2 {
				t.Errorf("%s: %s: %d units were sent, want 2", what, l.SKU, l.Quantity)
			}
		}
		if want := fmt.Sprintf("RA%09dRU", manyShipments); s.Shipping.Tracking != want || s.Status != orderhub.StatusShipped {
			t.Errorf("%s: %s, number of the last shipment %q, want %q", what, s.Status, s.Shipping.Tracking, want)
		}
	}
	returns, _ := sweep(t, a, feedReturns, nil)
	if len(returns) != manyReturns {
		t.Errorf("%d returns, want %d", len(returns), manyReturns)
	}
	for _, it := range returns {
		if s, err := a.NormaliseReturn(it.Kind, it.Body); err != nil || len(s.Lines) != manyLines {
			t.Errorf("return %s: %d lines, want %d: %v", it.ExternalID, len(s.Lines), manyLines, err)
		}
	}
}

// TestStepsOfLongOrders: a step tells every shipment, and a number goes to the last one.
func TestStepsOfLongOrders(t *testing.T) {
	t.Parallel()
	a, m := sim(t, nil, nil)
	id := longOrder(t, m)
	track := pushOf(id, orderhub.StatusShipped, "")
	track.Params = map[string]string{paramTracking: "CC777", paramCarrier: "Courier"}
	if res, err := a.PushTracking(t.Context(), []channel.Push{track}); err != nil || res[0].Err != nil {
		t.Fatalf("%v, %+v", err, res)
	}
	if res, err := a.PushStatus(t.Context(), []channel.Push{pushOf(id, orderhub.StatusShipped, orderhub.StatusDelivered)}); err != nil || res[0].Err != nil {
		t.Fatalf("%v, %+v", err, res)
	}
	for _, o := range m.Truth() {
		if o.Headline != orderhub.StatusDelivered {
			t.Errorf("the books say %s %s", o.Native, o.Sub)
		}
	}
	its, err := a.ReadOrders(t.Context(), []channel.Ref{{ExternalID: id}})
	if err != nil || len(its) != 1 {
		t.Fatal(err)
	}
	if s, err := a.Normalise(its[0].Kind, its[0].Body); err != nil || s.Shipping.Tracking != "CC777" || s.Status != orderhub.StatusDelivered {
		t.Errorf("%s, %q, %v", s.Status, s.Shipping.Tracking, err)
	}
}

// TestOrdersThatCannotBeCompleted: an order of which a part is refused, or which never
// ends, is set aside with the reason; it is not taken for a shorter one, and the others
// come.
func TestOrdersThatCannotBeCompleted(t *testing.T) {
	t.Parallel()
	const node = `{"id":"gid://shopify/Order/%d","updatedAt":"2026-11-20T10:00:00Z","displayFulfillmentStatus":"UNFULFILLED","displayFinancialStatus":"PAID","currencyCode":"RUB",
		"lineItems":{"nodes":[{"id":"gid://shopify/LineItem/%[1]d","sku":"A","quantity":1,"currentQuantity":1,"originalUnitPriceSet":{"shopMoney":{"amount":"1.0","currencyCode":"RUB"}}}],"pageInfo":{"hasNextPage":%v,"endCursor":"0"}},"fulfillments":[]}`
	for name, tc := range map[string]struct {
		more func(n int) string
		want string
	}{
		"refused": {func(int) string {
			return `{"errors":[{"message":"Not this one","extensions":{"code":"BAD_USER_INPUT"}}]}`
		}, "Not this one"},
		"without end": {func(n int) string {
			return fmt.Sprintf(`{"data":{"order":{"lineItems":{"nodes":[],"pageInfo":{"hasNextPage":true,"endCursor":"%d"}}}}}`, n)
		}, "do not end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 0
			a := canned(t, func(in asked) string {
				if in.Name == opLines.name {
					n++
					return tc.more(n)
				}
				return `{"data":{"orders":{"nodes":[` + fmt.Sprintf(node, 1, true) + "," + fmt.Sprintf(node, 2, false) + `],"pageInfo":{"hasNextPage":false,"endCursor":null}}}}`
			})
			page, err := a.List(t.Context(), feedOrders, nil)
			if err != nil || len(page.Items) != 2 {
				t.Fatalf("%d items, %v", len(page.Items), err)
			}
			if _, err := a.Normalise(page.Items[0].Kind, page.Items[0].Body); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the first: %v", err)
			}
			if s, err := a.Normalise(page.Items[1].Kind, page.Items[1].Body); err != nil || len(s.Lines) != 1 {
				t.Errorf("the second: %v", err)
			}
		})
	}
}
