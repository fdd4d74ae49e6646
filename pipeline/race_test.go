package pipeline

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// at runs the functions at the same time and fails on the first error of each.
func (w *world) at(fs ...func(ctx context.Context) error) {
	w.t.Helper()
	errs := make([]error, len(fs))
	var wg sync.WaitGroup
	for i, f := range fs {
		wg.Go(func() { errs[i] = f(w.t.Context()) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			w.t.Errorf("at the same time: %v", err)
		}
	}
}

// Two processes accept the same answers at the same time, without a lease
// between them: one order each, received once.
func TestSameAnswersAcceptedAtTheSameTime(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		other := w.newHub(Options{})
		const n = 30
		for round := range 3 {
			var items []channel.Item
			for i := range n {
				id := fmt.Sprintf("%d-%d", round, i)
				items = append(items, itemOf(snap(id, orderhub.StatusNew)), itemOf(statusOnly(id, orderhub.StatusConfirmed)))
			}
			w.save(items...)
			accept := func(h *Hub) func(context.Context) error {
				return func(ctx context.Context) error { return h.AcceptPending(ctx, acct) }
			}
			w.at(accept(w.hub), accept(other), accept(w.hub), accept(other))
			for i := range n {
				id := fmt.Sprintf("%d-%d", round, i)
				if c := w.count(id, orderhub.EventReceived); c != 1 {
					t.Fatalf("order %s was received %d times", id, c)
				}
				if h := w.history(id); len(h) != 2 || w.order(id).Headline != orderhub.StatusConfirmed {
					t.Fatalf("order %s: %v", id, h)
				}
			}
		}
		if aside := w.raws(store.RawQuarantined); len(aside) > 0 {
			t.Errorf("%d answers were set aside: %s", len(aside), aside[0].Error)
		}
	})
}

// ShopifySharp#919: identical messages at the same instant.
func TestSameOrderSubmittedAtTheSameTime(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, w *shopWorld) {
		var submits []func(context.Context) error
		created := make([]bool, 8)
		for i := range created {
			submits = append(submits, func(ctx context.Context) error {
				res, err := w.hub.Submit(ctx, shopAcct, "site_order", shopOrder("S-1", 1, "new"))
				created[i] = res.Created
				return err
			})
		}
		w.at(submits...)
		list, err := w.store.OrdersByExternal(t.Context(), shopAcct, []string{"S-1"})
		w.must(err)
		if len(list) != 1 {
			t.Fatalf("%d orders", len(list))
		}
		events, err := w.store.Events(t.Context(), list[0].ID)
		w.must(err)
		if len(events) != 1 {
			t.Errorf("history: %+v, want one event", events)
		}
		if !slices.Contains(created, true) {
			t.Error("nobody was told that the order was created")
		}
	})
}

// Eight contents under one id and version: one becomes the order, the others are
// told so, and nobody gets another one's order for his own.
func TestOtherContentSubmittedAtTheSameTime(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, w *shopWorld) {
		words := []string{"new", "confirmed", "shipped", "delivered"}
		results, errs := make([]Submitted, 2*len(words)), make([]error, 2*len(words))
		var submits []func(context.Context) error
		for i := range results {
			submits = append(submits, func(ctx context.Context) error {
				results[i], errs[i] = w.hub.Submit(ctx, shopAcct, "site_order", shopOrder("S-1", 1, words[i/2]))
				return nil
			})
		}
		w.at(submits...)
		created, word := 0, ""
		for i, res := range results {
			if orderhub.CodeOf(errs[i]) == orderhub.CodeConflict {
				continue
			}
			w.must(errs[i])
			if res.Created {
				created++
			}
			if got := res.Order.Snapshot.Native; got != words[i/2] || (word != "" && word != got) {
				t.Errorf("sent %s, told of %s (others of %q)", words[i/2], got, word)
			}
			word = res.Order.Snapshot.Native
		}
		if created != 1 {
			t.Errorf("%d were told that the order was created, want 1", created)
		}
	})
}

// lessons.md 49: locks are taken in one order, whatever order is asked for.
func TestLockingInOppositeOrdersDoesNotDeadlock(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		var ids []string
		for i := range 6 {
			ids = append(ids, fmt.Sprint("o-", i))
			w.fake.place(snap(ids[i], orderhub.StatusNew))
			w.take(snap(ids[i], orderhub.StatusNew))
		}
		back := slices.Clone(ids)
		slices.Reverse(back)
		lock := func(ids []string) func(context.Context) error {
			return func(ctx context.Context) error {
				for range 100 {
					if err := w.store.InTx(ctx, func(tx *store.Tx) error {
						locked, err := tx.LockOrders(ctx, acct, ids)
						if err != nil {
							return err
						}
						if err := tx.Hint(ctx, acct, ids); err != nil {
							return err
						}
						var changes []store.Change
						for _, id := range ids {
							changes = append(changes, store.Change{Order: locked[id]})
						}
						return tx.UpdateOrders(ctx, changes)
					}); err != nil {
						return err
					}
				}
				return nil
			}
		}
		w.at(lock(ids), lock(back))
	})
}

// The push lane, the accept lane, a manager and a webhook work on the same
// orders: nobody waits for ever, nothing is lost.
func TestLanesOnTheSameOrdersDoNotDeadlock(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		const n, rounds = 6, 8
		var ids []string
		for i := range n {
			ids = append(ids, fmt.Sprint("o-", i))
			w.fake.place(snap(ids[i], orderhub.StatusNew))
			w.take(snap(ids[i], orderhub.StatusNew))
		}
		// Every answer carries attributes and orders to read again.
		w.fake.onPush = func(pushes []channel.Push) ([]channel.PushResult, error) {
			out := make([]channel.PushResult, len(pushes))
			for i, p := range pushes {
				back := slices.Clone(ids)
				slices.Reverse(back)
				out[i] = channel.PushResult{Outcome: channel.OutcomeAccepted, Attrs: map[string]string{"supply": p.Key}, Reread: back}
			}
			return out, nil
		}
		a := w.account()
		w.at(
			func(ctx context.Context) error {
				for range rounds {
					for _, id := range ids {
						_, err := w.hub.SetTracking(ctx, w.find(id).ID, fmt.Sprint("TRACK-", id), "", manager)
						if err != nil {
							return err
						}
					}
				}
				return nil
			},
			func(ctx context.Context) error {
				for range rounds * 2 {
					if err := w.hub.drainEffects(ctx, a, store.Lease{}); err != nil {
						return err
					}
				}
				return nil
			},
			func(ctx context.Context) error {
				for i := range rounds * 2 {
					back := slices.Clone(ids)
					slices.Reverse(back)
					for _, id := range back {
						w.save(itemOf(with(snap(id, orderhub.StatusNew), func(s *orderhub.Snapshot) { s.Comment = fmt.Sprint(i) })))
					}
					if err := w.hub.AcceptPending(ctx, acct); err != nil {
						return err
					}
				}
				return nil
			},
			func(ctx context.Context) error {
				for range rounds * 4 {
					if err := w.hub.keepWebhook(ctx, a, channel.Webhook{Hints: ids}, nil); err != nil {
						return err
					}
					if err := w.hub.readHints(ctx, a, store.Lease{}); err != nil {
						return err
					}
				}
				return nil
			},
		)
		for _, id := range ids {
			w.order(id)
		}
	})
}

// A manager asks twice at the same moment, from two browser windows: one wish.
func TestSameWishAtTheSameTime(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(snap("1", orderhub.StatusNew))
		number := w.order("1").ID
		var wishes []func(context.Context) error
		refused := make([]bool, 6)
		for i := range refused {
			wishes = append(wishes, func(ctx context.Context) error {
				_, err := w.hub.Advance(ctx, number, orderhub.Request{To: orderhub.StatusConfirmed, Actor: manager})
				refused[i] = orderhub.CodeOf(err) == orderhub.CodeRefused
				if refused[i] {
					return nil
				}
				return err
			})
		}
		w.at(wishes...)
		if len(w.effects("1")) != 1 || w.count("1", orderhub.EventRequested) != 1 {
			t.Errorf("%d effects, history %v", len(w.effects("1")), w.history("1"))
		}
	})
}
