package store_test

import (
	"fmt"
	"strings"
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

// TestOverviewAgreesWithTheOrders: what the indexes add up is what the orders say one
// by one, and no order is read for it.
func TestOverviewAgreesWithTheOrders(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		shopAccount(t, s)
		now := s.Now()
		statuses := []orderhub.Status{orderhub.StatusNew, orderhub.StatusConfirmed, orderhub.StatusPacked, orderhub.StatusShipped, orderhub.StatusCancelled}
		var changes []store.Change
		for i := range 60 {
			o := &orderhub.Order{AccountID: "shop", Channel: "site", Headline: statuses[i%len(statuses)]}
			o.Snapshot.ExternalID, o.Snapshot.Scheme, o.Snapshot.Status = fmt.Sprint("o", i), orderhub.SchemeSite, o.Headline
			o.Snapshot.PlacedAt = now.Add(-time.Duration(i) * 170 * time.Minute)
			o.Snapshot.ShipBy = now.Add(time.Duration(i-20)*50*time.Minute + 7*time.Minute)
			o.Snapshot.Total = orderhub.Roubles(int64(i + 1))
			changes = append(changes, store.Change{Order: o, Content: true})
		}
		if err := s.InTx(t.Context(), func(tx *store.Tx) error { return tx.InsertOrders(t.Context(), changes) }); err != nil {
			t.Fatal(err)
		}
		from, to := now.Add(-100*time.Hour), now // parts of hours at both ends
		want, late, due := map[int64]store.OverviewHour{}, int64(0), [24]int64{}
		for _, c := range changes {
			o := c.Order.Snapshot
			if !o.PlacedAt.Before(from) && o.PlacedAt.Before(to) {
				h := want[o.PlacedAt.Unix()/3600]
				if h.Orders++; o.Status == orderhub.StatusCancelled {
					h.Cancelled++
				} else {
					h.Minor += o.Total.Minor
				}
				want[o.PlacedAt.Unix()/3600] = h
			}
			if left := o.ShipBy.Sub(now); o.Status != orderhub.StatusShipped && o.Status != orderhub.StatusCancelled {
				if left < 0 {
					late++
				} else if left < 24*time.Hour {
					due[left/time.Hour]++
				}
			}
		}
		var hours []store.OverviewHour
		var waiting store.OverviewWaiting
		var listed []*orderhub.Order
		plans, err := s.Explain(t.Context(), func(s *store.Store) (err error) {
			if hours, err = s.OverviewHours(t.Context(), from, to); err == nil {
				waiting, err = s.OverviewWaiting(t.Context())
			}
			if err == nil {
				listed, _, err = s.ListOrders(t.Context(), store.OrderFilter{Late: true, Limit: 100})
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hours {
			if w := want[h.Hour.Unix()/3600]; h.Orders != w.Orders || h.Cancelled != w.Cancelled || h.Minor != w.Minor || h.Currency != "RUB" {
				t.Errorf("got %+v, want %+v", h, w)
			}
			delete(want, h.Hour.Unix()/3600)
		}
		if len(want) > 0 || waiting.Late != late || int64(len(listed)) != late || waiting.Due != due {
			t.Errorf("left %v; late %d and %d listed, want %d; due %v, want %v", want, waiting.Late, len(listed), late, waiting.Due, due)
		}
		if s.Engine() != "sqlite" {
			return // PostgreSQL reads so small a table whole
		}
		whole := 0
		for _, p := range plans {
			steps := strings.Join(p.Steps, " ")
			if strings.Contains(p.Query, "WHERE placed_at / 3600000000") {
				whole++
				if !strings.Contains(steps, "orders_hours") || strings.Contains(steps, "TEMP B-TREE") {
					t.Errorf("hours: %v", p.Steps)
				}
			}
			if strings.Contains(p.Query, "ship_by") && !strings.Contains(strings.Join(p.Steps, " "), "orders_ship_by") {
				t.Errorf("deadlines: %v", p.Steps)
			}
		}
		if whole == 0 {
			t.Error("no whole hours were summed up")
		}
	})
}
