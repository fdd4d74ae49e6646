package pipeline

import (
	"maps"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/cmlshop"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/cmlshopsim"
	"github.com/orderhub/orderhub/store"
)

// TestShopWith1CExchange: orders come in once, their states go back, and offers
// learnt from orders get their stock.
func TestShopWith1CExchange(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		m := cmlshopsim.New(cmlshopsim.Options{})
		srv := httptest.NewServer(m.Handler())
		t.Cleanup(srv.Close)
		settings := maps.Clone(m.Settings())
		settings[channel.SettingBaseURL] = srv.URL + "/1c_exchange.php"
		_, err := w.hub.AddAccount(t.Context(), "cml", cmlshop.Name, "", settings)
		w.must(err)
		a, err := w.hub.account(t.Context(), "cml")
		w.must(err)
		w.stock(map[string]int64{"CUP-1": 10})
		m.Offer([]marketsim.Product{{SKU: "CUP-1"}})
		round := func() {
			w.must(w.hub.sweep(t.Context(), a, "orders", store.Lease{}))
			w.must(w.hub.AcceptPending(t.Context(), "cml"))
			w.tend()
			w.must(w.hub.drainEffects(t.Context(), a, store.Lease{}))
			w.must(w.hub.planFigures(t.Context(), store.Lease{}))
			w.must(w.hub.publish(t.Context(), a, store.Lease{}))
			w.clock.add(time.Minute)
		}
		ids, err := m.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: "CUP-1", Quantity: 3, PriceMinor: 45000}}})
		w.must(err)
		for range 3 {
			round()
		}
		list, err := w.store.OrdersByExternal(t.Context(), "cml", ids)
		w.must(err)
		if len(list) != 1 || list[0].Headline != orderhub.StatusNew || len(list[0].Holds()) != 0 || m.Taken() != 1 {
			t.Fatalf("%d orders, %d confirmed: %+v", len(list), m.Taken(), list)
		}
		if m.Published("CUP-1") != 7 {
			t.Errorf("the shop shows %d of the 7 cups that are left", m.Published("CUP-1"))
		}
		for _, to := range []orderhub.Status{orderhub.StatusConfirmed, orderhub.StatusShipped} {
			_, err := w.hub.Advance(t.Context(), list[0].ID, orderhub.Request{To: to, Actor: manager})
			w.must(err)
			round()
			if got := m.Truth()[0].Headline; got != to {
				t.Errorf("the shop says %s, want %s", got, to)
			}
		}
		// A refusal is seen, and can be sent again by hand.
		w.must(m.Act(ids[0], marketsim.ActRefuse))
		_, err = w.hub.Advance(t.Context(), list[0].ID, orderhub.Request{To: orderhub.StatusDelivered, Actor: manager})
		w.must(err)
		w.must(w.hub.drainEffects(t.Context(), a, store.Lease{}))
		effects, err := w.store.Effects(t.Context(), list[0].ID)
		w.must(err)
		last := effects[len(effects)-1]
		if last.To != orderhub.StatusDelivered || last.State != orderhub.EffectRejected || last.Error == "" {
			t.Errorf("got %+v", last)
		}
	}, func(_ *fake, opts *Options) { opts.Channels = []channel.Channel{cmlshop.Channel} })
}
