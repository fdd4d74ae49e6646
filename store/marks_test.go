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

// TestMarkedOrdersAreFoundByIndex: lists by tag and by assignee hold what a plain
// look finds, page by page, and walk an index of their own.
func TestMarkedOrdersAreFoundByIndex(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const n = 3000
		if _, err := s.CreateAccount(t.Context(), orderhub.Account{ID: "a", Channel: "demo", Name: "a"}); err != nil {
			t.Fatal(err)
		}
		base := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		changes := make([]store.Change, n)
		for i := range n {
			o := &orderhub.Order{AccountID: "a", Channel: "demo", Headline: orderhub.StatusNew}
			o.Snapshot = orderhub.Snapshot{ExternalID: fmt.Sprint(i), Status: orderhub.StatusNew, PlacedAt: base.Add(time.Duration(i*7%n) * time.Minute)}
			changes[i] = store.Change{Order: o, Content: true}
		}
		if err := s.InTx(t.Context(), func(tx *store.Tx) error {
			if err := tx.InsertOrders(t.Context(), changes); err != nil {
				return err
			}
			for i := 0; i < n; i += 50 {
				o := changes[i].Order
				if o.Tags = []string{"vip"}; i%100 == 0 {
					o.Tags, o.Assignee = []string{"gift", "vip"}, "Анна"
				}
				if err := tx.SaveMarks(t.Context(), o); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for _, tc := range []struct {
			name, index string
			filter      store.OrderFilter
			want        int
		}{
			{"tag", "order_tags_placed", store.OrderFilter{Tag: "vip"}, 60},
			{"tag and status", "order_tags_placed", store.OrderFilter{Tag: "gift", Statuses: []orderhub.Status{orderhub.StatusNew}}, 30},
			{"assignee", "orders_assignee", store.OrderFilter{Assignee: "Анна"}, 30},
			{"assignee and account", "orders_assignee", store.OrderFilter{Assignee: "Анна", Accounts: []string{"a"}}, 30},
			{"both", "", store.OrderFilter{Assignee: "Анна", Tag: "vip"}, 30},
			{"nobody", "", store.OrderFilter{Assignee: "Олег"}, 0},
		} {
			got, last := 0, time.Time{}
			f := tc.filter
			for f.Limit = 7; ; {
				page, next, err := s.ListOrders(t.Context(), f)
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range page {
					if !last.IsZero() && o.Snapshot.PlacedAt.After(last) {
						t.Errorf("%s: not newest first", tc.name)
					}
					last, got = o.Snapshot.PlacedAt, got+1
				}
				if f.Cursor = next; next == "" {
					break
				}
			}
			if got != tc.want {
				t.Errorf("%s: %d orders, want %d", tc.name, got, tc.want)
			}
			plans, err := s.Explain(t.Context(), func(s *store.Store) error {
				_, _, err := s.ListOrders(t.Context(), tc.filter)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			steps := ""
			for _, p := range plans {
				if steps += strings.Join(p.Steps, "\n") + "\n"; len(p.Scans) > 0 && s.Engine() == "sqlite" {
					t.Errorf("%s reads a whole table: %v", tc.name, p.Scans)
				}
			}
			if !strings.Contains(steps, tc.index) {
				t.Errorf("%s does not use %s:\n%s", tc.name, tc.index, steps)
			}
		}
	})
}
