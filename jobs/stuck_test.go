package jobs_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

// A process is killed after it took a job and before it began the lane: the bell
// stays rung and its job is gone. The lane must be worked soon, however many
// rings go on coming in.
func TestLostJobIsRungAgain(t *testing.T) {
	t.Parallel()
	for _, engine := range storetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			var skew atomic.Int64
			cfg := storetest.Config(t, engine)
			cfg.Now = func() time.Time { return time.Now().Add(time.Duration(skew.Load())) }
			s := storetest.Open(t, cfg)
			lane := jobs.Lane{Work: jobs.WorkAccept, Account: "a"}
			if err := s.InTx(t.Context(), func(tx *store.Tx) error {
				_, err := tx.RingBell(t.Context(), lane.String()) // and no job
				return err
			}); err != nil {
				t.Fatal(err)
			}
			worked := make(chan struct{}, 100)
			r, err := jobs.New(s, jobs.Options{
				Tick:   20 * time.Millisecond,
				Due:    func(context.Context) ([]jobs.Lane, error) { return []jobs.Lane{lane}, nil },
				Handle: func(context.Context, jobs.Lane, store.Lease) error { worked <- struct{}{}; return nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = r.Stop(context.Background()) })
			// Rings go on, a second of the hub's clock apart.
			for began := time.Now(); time.Since(began) < 30*time.Second; {
				skew.Add(int64(time.Second))
				if err := s.InTx(t.Context(), func(tx *store.Tx) error { return r.Ring(t.Context(), tx, lane) }); err != nil {
					t.Fatal(err)
				}
				select {
				case <-worked:
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
			t.Error("the lane was never worked")
		})
	}
}
