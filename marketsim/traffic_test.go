package marketsim

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
)

// traffic makes traffic whose clock moves only when it sleeps; after is called
// at every pause.
func traffic(markets []Market, opts TrafficOptions, after func(passed time.Duration)) *Traffic {
	start := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	clock := &fakeClock{at: start}
	opts.Now = clock.now
	opts.Sleep = func(ctx context.Context, d time.Duration) error {
		clock.add(d)
		if after != nil {
			after(clock.now().Sub(start))
		}
		return ctx.Err()
	}
	return NewTraffic(markets, opts)
}

func TestTrafficPlacesAllAndSettles(t *testing.T) {
	t.Parallel()
	a, b := &fakeMarket{name: "ozon"}, &fakeMarket{name: "site"}
	tr := traffic([]Market{a, b}, TrafficOptions{
		Seed: 1, Orders: 600, Over: 10 * time.Second,
		Schemes: map[orderhub.Channel][]orderhub.Scheme{"ozon": {orderhub.SchemeFBS, orderhub.SchemeRFBS}},
	}, nil)
	if err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := tr.Settle(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}
	count := map[orderhub.Status]int{}
	schemes := map[orderhub.Scheme]int{}
	for _, o := range append(a.Truth(), b.Truth()...) {
		count[o.Headline]++
		schemes[o.Scheme]++
		if o.Units < 1 || o.TotalMinor < 1 {
			t.Errorf("an order of nothing: %+v", o)
		}
	}
	if n := len(a.orders) + len(b.orders); n != 600 || tr.Stats().Placed != 600 || len(a.orders) < 200 || len(b.orders) < 200 {
		t.Errorf("placed %d and %d orders, want 600 in all, about half each", len(a.orders), len(b.orders))
	}
	if count[orderhub.StatusDelivered]+count[orderhub.StatusCancelled]+count[orderhub.StatusReturned] != 600 {
		t.Errorf("not settled: %v", count)
	}
	if count[orderhub.StatusCancelled] < 30 || count[orderhub.StatusCancelled] > 120 || count[orderhub.StatusReturned] < 6 {
		t.Errorf("the shares are off: %v", count)
	}
	if schemes[orderhub.SchemeFBS] < 50 || schemes[orderhub.SchemeRFBS] < 50 {
		t.Errorf("the schemes are off: %v", schemes)
	}
	acts := tr.Stats().Acts
	if acts[ActPay] == 0 || acts[ActCancel] == 0 || acts[ActRefuse] == 0 || acts[ActReturn] == 0 {
		t.Errorf("some acts never happened: %v", acts)
	}
}

func TestTrafficRepeatsFromItsSeed(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) (orders []TruthOrder, acts []string) {
		m := &fakeMarket{name: "ozon"}
		tr := traffic([]Market{m}, TrafficOptions{Seed: seed, Orders: 100, Over: 5 * time.Second}, nil)
		if err := errors.Join(tr.Run(t.Context()), tr.Settle(t.Context(), time.Second)); err != nil {
			t.Fatal(err)
		}
		return m.orders, m.acts
	}
	orders, acts := run(5)
	again, actsAgain := run(5)
	if diff := cmp.Diff(orders, again) + cmp.Diff(acts, actsAgain); diff != "" {
		t.Errorf("two runs of one seed differ:\n%s", diff)
	}
	if other, _ := run(6); cmp.Equal(orders, other) {
		t.Error("another seed gives the same orders")
	}
}

func TestTrafficSpreadsOrdersOverTime(t *testing.T) {
	t.Parallel()
	m := &fakeMarket{name: "ozon"}
	var at []int
	tr := traffic([]Market{m}, TrafficOptions{Seed: 1, Orders: 101, Over: 10 * time.Second, Tick: time.Second}, func(time.Duration) {
		at = append(at, len(m.orders))
	})
	if err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{1, 11, 21, 31, 41, 51, 61, 71, 81, 91}, at); diff != "" {
		t.Errorf("orders placed by each second (-want +got):\n%s", diff)
	}
	if len(m.orders) != 101 {
		t.Errorf("placed %d", len(m.orders))
	}
}

func TestTrafficAtAStubbornMarketEnds(t *testing.T) {
	t.Parallel()
	m := &fakeMarket{name: "ozon", refusePay: true, refuseCancelUnpaid: true}
	tr := traffic([]Market{m}, TrafficOptions{Seed: 1, Orders: 50, Shares: Shares{Pending: 1, RequestCancel: 1}}, nil)
	if err := errors.Join(tr.Run(t.Context()), tr.Settle(t.Context(), time.Second)); err != nil {
		t.Fatal(err)
	}
	if tr.Stats().Refused == 0 {
		t.Error("nothing was refused")
	}
}

// Orders that Traffic did not place are delivered too.
func TestTrafficMovesOrdersOfOthers(t *testing.T) {
	t.Parallel()
	m := &fakeMarket{name: "ozon"}
	if _, err := m.Place(OrderSpec{Pending: true, Lines: []SpecLine{{SKU: "A", Quantity: 1, PriceMinor: 1}}}); err != nil {
		t.Fatal(err)
	}
	tr := traffic([]Market{m}, TrafficOptions{}, nil)
	if err := errors.Join(tr.Run(t.Context()), tr.Settle(t.Context(), time.Second)); err != nil {
		t.Fatal(err)
	}
	if got := m.Truth()[0].Headline; got != orderhub.StatusDelivered {
		t.Errorf("got %s", got)
	}
}

func TestTrafficStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	m := &fakeMarket{name: "ozon"}
	tr := traffic([]Market{m}, TrafficOptions{Orders: 1000, Over: time.Hour}, func(time.Duration) { cancel() })
	if err := tr.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := NewTraffic(nil, TrafficOptions{Orders: 1}).Run(t.Context()); err == nil {
		t.Error("no markets and no error")
	}
}

func TestCatalogue(t *testing.T) {
	t.Parallel()
	skus, names := map[string]bool{}, map[string]bool{}
	for _, p := range Catalogue() {
		if p.SKU == "" || p.Name == "" || p.PriceMinor < 10000 || ProductName(p.SKU) != p.Name {
			t.Errorf("%+v", p)
		}
		skus[p.SKU], names[p.Name] = true, true
	}
	if len(skus) != 100 || len(names) != 100 {
		t.Errorf("%d SKUs, %d names, want 100 of each", len(skus), len(names))
	}
	if ProductName("X") != "Товар X" {
		t.Error(ProductName("X"))
	}
}
