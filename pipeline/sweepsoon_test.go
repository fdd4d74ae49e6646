package pipeline

import (
	"testing"
	"time"

	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// TestSweepsAskedForRest: figures that wait for the newest orders do not make one
// sweep follow the other, since each reads again what the one before it read.
func TestSweepsAskedForRest(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		lane := jobs.Lane{Work: jobs.WorkSweep, Account: acct, Feed: "orders"}
		asked := func() bool {
			t.Helper()
			w.must(w.hub.sweepSoon(t.Context(), w.account()))
			bells, err := w.store.Bells(t.Context())
			w.must(err)
			return bells[lane.String()].Rung > 0
		}
		began := w.clock.now()
		w.clock.add(4 * time.Second)
		w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error {
			return tx.SetFeed(t.Context(), store.FeedPosition{AccountID: acct, Feed: "orders", ConfirmedAt: began, FinishedAt: w.clock.now(), NextAt: w.clock.now().Add(time.Minute)})
		}))
		for _, after := range []time.Duration{0, 11 * time.Second} {
			w.clock.add(after)
			if asked() {
				t.Errorf("a sweep of 4 s ended %s ago, and the next is asked for", w.clock.now().Sub(began)-4*time.Second)
			}
		}
		w.clock.add(2 * time.Second)
		if !asked() {
			t.Error("13 s after a sweep of 4 s none is asked for")
		}
	}, stocked)
}
