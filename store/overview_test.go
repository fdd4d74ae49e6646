package store_test

import (
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

// TestOverviewOfNothing: an empty hub has an overview too.
func TestOverviewOfNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		hours, err := s.OverviewHours(t.Context(), time.Now().Add(-time.Hour), time.Now())
		if err != nil || len(hours) != 0 {
			t.Errorf("%+v, %v", hours, err)
		}
		w, err := s.OverviewWaiting(t.Context())
		if err != nil || w.Late != 0 || w.Uncertain != 0 || w.Statuses[orderhub.StatusNew] != 0 || len(w.Holds) != 0 {
			t.Errorf("%+v, %v", w, err)
		}
		shopAccount(t, s)
		listings(t, s, "shop", orderhub.Listing{Key: "K", Article: "A", Name: "a thing"})
		if w, err := s.OverviewWaiting(t.Context()); err != nil || w.Unmatched != 1 {
			t.Errorf("%+v, %v", w, err)
		}
		if failed, err := s.FailedEffects(t.Context(), []int64{1, 2}); err != nil || len(failed) != 0 {
			t.Errorf("%v, %v", failed, err)
		}
	})
}
