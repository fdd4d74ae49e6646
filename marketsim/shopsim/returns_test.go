package shopsim

import (
	"fmt"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// sold places an order and has the hub tell statuses of it.
func sold(t *testing.T, m *Market, n int, told ...string) string {
	t.Helper()
	s := spec(n)
	s.Pending = false
	ids, err := m.Place(s)
	if err != nil {
		t.Fatal(err)
	}
	for i, status := range told {
		if got := tell(t, m, fmt.Sprintf("e-%s-%d", ids[0], i), ids[0], status, i+1); got != 200 {
			t.Fatalf("told %s: %d", status, got)
		}
	}
	return ids[0]
}

// TestEveryReturnReachesTheHub: what the hub has in the end is what the books say,
// whatever was lost, doubled or late.
func TestEveryReturnReachesTheHub(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{ModeREST, ModeWebhook} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			h, m := newHub(t, shopIn(mode, hard()))
			h.fail = func(n int) (int, bool) { return []int{0, 500, 0, 429, 0, 0, 0}[n%7], n%5 == 0 }
			for i := range 60 {
				act, told := marketsim.ActReturn, "delivered"
				if i%3 == 0 {
					act, told = marketsim.ActRefuse, "shipped"
				}
				if err := m.Act(sold(t, m, i, told), act); err != nil {
					t.Fatal(err)
				}
			}
			returns := m.Returns()
			if len(returns) != 60 {
				t.Fatalf("%d returns, want 60", len(returns))
			}
			seen := map[string]bool{}
			for i, r := range returns {
				if i%10 == 9 {
					continue // left on its way
				}
				for moved := true; moved; {
					var err error
					if moved, err = m.ProgressReturn(r.ID); err != nil {
						t.Fatal(err)
					}
				}
			}
			settle(t, m)
			truth := map[string]marketsim.TruthOrder{}
			for _, o := range m.Truth() {
				truth[o.ID] = o
				if o.Native == "delivered" {
					continue // the hub's own word: it is not told back
				}
				if got := h.order(o.ID); got.Status != o.Native {
					t.Errorf("order %s: the hub has %+v, the books say %s", o.ID, got, o.Native)
				}
			}
			for _, r := range m.Returns() {
				got := h.backs[r.ID]
				units := int64(0)
				for _, l := range got.Lines {
					units += l.Quantity
					if r.Units[l.SKU] != l.Quantity {
						t.Errorf("%s: %d × %s, the books say %v", r.ID, l.Quantity, l.SKU, r.Units)
					}
				}
				refund := ""
				if r.RefundMinor > 0 {
					refund = decimal(r.RefundMinor)
				}
				if got.OrderID != r.Order || returnState(got.State) != r.State || got.Kind != string(r.Kind) || got.Refund != refund || units == 0 || !got.OpenedAt.Equal(r.OpenedAt) {
					t.Errorf("the hub has %+v, the books say %+v", got, r)
				}
				o := truth[r.Order]
				switch {
				case r.Kind == orderhub.ReturnRefused:
					seen["refused "+string(o.Headline)] = true
				case r.State == orderhub.ReturnReceived && units == o.Units:
					seen["whole "+string(o.Headline)] = true
				case r.State == orderhub.ReturnReceived:
					seen["part "+string(o.Headline)] = true
				default:
					seen[string(r.State)+" "+string(o.Headline)] = true
				}
				seen[string(r.Kind)] = true
			}
			for _, want := range []string{
				"refused cancelled", "whole returned", "part partially_returned", "closed delivered", "announced delivered", "customer", "defect", "refused",
			} {
				if !seen[want] {
					t.Errorf("no return was %q: %v", want, seen)
				}
				delete(seen, want)
			}
			if len(seen) > 0 {
				t.Errorf("these should not be: %v", seen)
			}
		})
	}
}

func TestReturnsFollowEachOther(t *testing.T) {
	t.Parallel()
	_, m := newHub(t, shopIn(ModeWebhook, nil))
	id := sold(t, m, 1, "delivered")
	for n := 1; ; n++ {
		err := m.Act(id, marketsim.ActReturn)
		if find(m, id).Headline == orderhub.StatusReturned {
			if err == nil {
				t.Error("there was nothing left to return")
			}
			break
		}
		if err != nil || n > 20 {
			t.Fatal(n, err)
		}
		if err := m.Act(id, marketsim.ActReturn); err == nil {
			t.Error("a return was opened beside an open one")
		}
		back := m.Returns()[n-1]
		for moved := true; moved; {
			if moved, err = m.ProgressReturn(back.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := map[string]int64{}
	for _, r := range m.Returns() {
		for sku, n := range r.Units {
			if r.State == orderhub.ReturnReceived {
				got[sku] += n
			}
		}
	}
	if got["S-1"] != 2 || got["0557722"] != 1 {
		t.Errorf("came back: %v", got)
	}
	if _, err := m.ProgressReturn("R-0-1"); err == nil {
		t.Error("a return that nobody opened moved")
	}
}
