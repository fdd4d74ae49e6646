package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

// TestEffectTimes: the median of the day's confirmed changes by account, from an index.
func TestEffectTimes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		shopAccount(t, s)
		now := s.Now()
		o := &orderhub.Order{AccountID: "shop", Channel: "site", Headline: orderhub.StatusNew}
		o.Snapshot.ExternalID, o.Snapshot.Scheme, o.Snapshot.Status, o.Snapshot.PlacedAt = "o1", orderhub.SchemeSite, orderhub.StatusNew, now
		if err := s.InTx(t.Context(), func(tx *store.Tx) error {
			return tx.InsertOrders(t.Context(), []store.Change{{Order: o, Content: true}})
		}); err != nil {
			t.Fatal(err)
		}
		effect := func(state orderhub.EffectState, asked time.Time, sent, accepted, confirmed time.Duration) *orderhub.Effect {
			e := &orderhub.Effect{OrderID: o.ID, AccountID: "shop", Kind: orderhub.EffectStatus, To: orderhub.StatusConfirmed, State: state, CreatedAt: asked,
				Actor: orderhub.Actor{Kind: orderhub.ActorUser, Name: "anna"}}
			for _, at := range []struct {
				into *time.Time
				d    time.Duration
			}{{&e.SentAt, sent}, {&e.AcceptedAt, accepted}, {&e.FinishedAt, confirmed}} {
				if at.d > 0 {
					*at.into = asked.Add(at.d)
				}
			}
			return e
		}
		ms := time.Millisecond
		list := []*orderhub.Effect{
			effect(orderhub.EffectConfirmed, now.Add(-time.Hour), 400*ms, 900*ms, 14*time.Second),
			effect(orderhub.EffectConfirmed, now.Add(-time.Hour), 100*ms, 0, 2*time.Second), // its answer was lost
			effect(orderhub.EffectConfirmed, now.Add(-time.Hour), 900*ms, 1000*ms, 20*time.Second),
			effect(orderhub.EffectConfirmed, now.Add(-48*time.Hour), ms, ms, ms), // long ago
			effect(orderhub.EffectConfirmed, now.Add(-time.Hour), 0, 0, ms),      // never sent: it was so already
			effect(orderhub.EffectRejected, now.Add(-time.Hour), ms, 0, ms),
		}
		if err := s.InTx(t.Context(), func(tx *store.Tx) error { return tx.AddEffects(t.Context(), list) }); err != nil {
			t.Fatal(err)
		}
		var got map[string]store.EffectTimes
		plans, err := s.Explain(t.Context(), func(s *store.Store) (err error) {
			got, err = s.EffectTimes(t.Context(), now.Add(-24*time.Hour))
			return err
		})
		want := store.EffectTimes{Confirmed: 3, Sent: 400 * ms, Accepted: 1000 * ms, ConfirmedIn: 14 * time.Second}
		if err != nil || len(got) != 1 || got["shop"] != want {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
		for _, p := range plans {
			if s.Engine() == "sqlite" && !strings.Contains(strings.Join(p.Steps, " "), "effects_state") {
				t.Errorf("%v", p.Steps)
			}
		}
	})
}
