package pipeline_test

import (
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/insales"
	"github.com/orderhub/orderhub/channel/shopify"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/insalessim"
	"github.com/orderhub/orderhub/marketsim/shopifysim"
)

// Web shops: what people do in the hub is done in the shop, what buyers do there
// is known here, and then nothing changes any more.
func TestLifeInAWebShop(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]struct {
		channel channel.Channel
		market  func() marketsim.Market
		// worked are the steps of an order up to its buyer.
		worked []orderhub.Status
	}{
		"insales": {insales.Channel, func() marketsim.Market {
			return insalessim.New(insalessim.Options{Fast: true, Seed: 5, QuotaScale: 100})
		}, []orderhub.Status{orderhub.StatusConfirmed, orderhub.StatusPacked, orderhub.StatusShipped, orderhub.StatusReadyForPickup, orderhub.StatusDelivered}},
		"shopify": {shopify.Channel, func() marketsim.Market {
			return shopifysim.New(shopifysim.Options{Fast: true, Seed: 5, QuotaScale: 100})
		}, []orderhub.Status{orderhub.StatusShipped, orderhub.StatusReadyForPickup, orderhub.StatusDelivered}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tell(t, m.channel, m.market, func(t *testing.T, s *story) {
				worked, dropped, regretted := s.place(basket), s.place(basket), s.place(basket)
				for _, id := range []string{worked, dropped, regretted} {
					s.arrived(id)
				}
				for _, to := range m.worked {
					s.advance(worked, to, "")
				}
				reason := ""
				if list := m.channel.Descriptor.CancelReasons; len(list) > 0 {
					reason = list[0].Code
				}
				s.advance(dropped, orderhub.StatusCancelled, reason)
				if err := s.market.Act(regretted, marketsim.ActCancel); err != nil {
					t.Fatal(err)
				}
				s.eventually("the books agree", s.agrees)
				if err := s.market.Act(worked, marketsim.ActReturn); err != nil {
					t.Fatal(err)
				}
				s.eventually("the books agree on what came back", s.agrees)
				s.eventually("the return is known", func() bool {
					list, err := s.store.ReturnsOf(t.Context(), s.find(worked).ID)
					return err == nil && len(list) == 1 && list[0].Snapshot.Kind != orderhub.ReturnUnknown
				})
				ids := []string{worked, dropped, regretted}
				s.reread(ids) // each kind of answer has been seen
				before := s.versions(ids)
				s.reread(ids)
				for id, v := range s.versions(ids) {
					if v != before[id] {
						t.Errorf("order %s went from version %d to %d though nothing happened", id, before[id], v)
					}
				}
			})
		})
	}
}

// advance asks for a step and waits until the shop shows it.
func (s *story) advance(id string, to orderhub.Status, reason string) {
	s.t.Helper()
	o := s.find(id)
	if _, err := s.hub.Advance(s.t.Context(), o.ID, orderhub.Request{To: to, Reason: reason, Actor: orderhub.Actor{Kind: orderhub.ActorUser, Name: "olga"}}); err != nil {
		s.t.Fatalf("%s to %s: %v", id, to, err)
	}
	s.eventually(id+" is "+string(to), func() bool { return s.settled(o.ID) && s.find(id).Headline.Rank() >= to.Rank() })
	for _, e := range effectsOf(s.t, s, o.ID) {
		if e.State != orderhub.EffectConfirmed {
			s.t.Errorf("effect on %s: %s %s", id, e.State, e.Error)
		}
	}
}

// reread reads orders again and waits until the answers are taken in.
func (s *story) reread(ids []string) {
	s.t.Helper()
	if _, err := s.hub.RepullIDs(s.t.Context(), seller, ids); err != nil {
		s.t.Fatal(err)
	}
	s.eventually("the answers are taken in", func() bool {
		raws, err := s.store.PendingRaw(s.t.Context(), seller, 0, 1)
		return err == nil && len(raws) == 0
	})
}
