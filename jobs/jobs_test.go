package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

// each runs f on each engine. The store's clock is real but can be set forward.
func each(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	for _, engine := range storetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			w := &world{t: t}
			cfg := storetest.Config(t, engine)
			cfg.Now = func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }
			w.store = storetest.Open(t, cfg)
			f(t, w)
		})
	}
}

type world struct {
	t     *testing.T
	store *store.Store
	ahead atomic.Int64
}

func noDue(context.Context) ([]Lane, error) { return nil, nil }

// runner makes a Runner, one process as it were.
func (w *world) runner(opts Options) *Runner {
	w.t.Helper()
	if opts.Due == nil {
		opts.Due = noDue
	}
	if opts.Tick == 0 {
		opts.Tick = 50 * time.Millisecond
	}
	r, err := New(w.store, opts)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) start(r *Runner) {
	w.t.Helper()
	if err := r.Start(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = r.Stop(ctx)
	})
}

func (w *world) ring(r *Runner, lane Lane) {
	w.t.Helper()
	if err := w.store.InTx(w.t.Context(), func(tx *store.Tx) error { return r.Ring(w.t.Context(), tx, lane) }); err != nil {
		w.t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestLaneNames(t *testing.T) {
	t.Parallel()
	for want, lane := range map[string]Lane{
		"push:main": {Work: WorkPush, Account: "main"}, "sweep:main:orders": {Work: WorkSweep, Account: "main", Feed: "orders"},
	} {
		if got := lane.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for _, w := range []Work{WorkSweep, WorkHints, WorkAccept, WorkFollow, WorkPush, "unheard of"} {
		if q := (Lane{Work: w}).InsertOpts().Queue; q != "inside" && q != "read" && q != "push" {
			t.Errorf("%s goes to queue %q that nobody works", w, q)
		}
	}
}

// A thousand rings come from many sides while a worker drains: every row that
// was committed with a ring is worked, with far fewer jobs than rings, and never
// by two workers at once.
func TestNoRingIsLost(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		lane := Lane{Work: WorkAccept, Account: "main"}
		var working, collisions, runs atomic.Int64
		var mu sync.Mutex
		seen := map[string]bool{}
		handle := func(ctx context.Context, _ Lane, _ store.Lease) error {
			if working.Add(1) > 1 {
				collisions.Add(1)
			}
			defer working.Add(-1)
			runs.Add(1)
			hints, err := w.store.DueHints(ctx, "main", 1000) // the rows of this lane
			if err != nil {
				return err
			}
			mu.Lock()
			for _, h := range hints {
				seen[h.ExternalID] = true
			}
			mu.Unlock()
			return w.store.InTx(ctx, func(tx *store.Tx) error { return tx.DoneHints(ctx, "main", hints) })
		}
		if _, err := w.store.CreateAccount(t.Context(), account("main")); err != nil {
			t.Fatal(err)
		}
		// Two processes, and no look for due work: the bell alone must do.
		one, two := w.runner(Options{Handle: handle}), w.runner(Options{Handle: handle})
		w.start(one)
		w.start(two)
		const writers, rings = 20, 50
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				for j := range rings {
					if err := w.store.InTx(t.Context(), func(tx *store.Tx) error {
						if err := tx.Hint(t.Context(), "main", []string{fmt.Sprintf("%d-%d", i, j)}); err != nil {
							return err
						}
						return one.Ring(t.Context(), tx, lane)
					}); err != nil {
						t.Errorf("ring: %v", err)
						return
					}
				}
			})
		}
		wg.Wait()
		eventually(t, "every row is seen", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(seen) == writers*rings
		})
		if n := collisions.Load(); n > 0 {
			t.Errorf("%d times two workers were on the lane", n)
		}
		t.Logf("%d rings, %d runs", writers*rings, runs.Load())
	})
}

// Lanes do not wait for each other.
func TestSlowLaneDoesNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		release := make(chan struct{})
		var done atomic.Int64
		r := w.runner(Options{Handle: func(_ context.Context, lane Lane, _ store.Lease) error {
			if lane.Account == "slow" {
				<-release
			}
			done.Add(1)
			return nil
		}})
		w.start(r)
		w.ring(r, Lane{Work: WorkPush, Account: "slow"})
		for i := range 5 {
			w.ring(r, Lane{Work: WorkPush, Account: fmt.Sprint("fast-", i)})
		}
		eventually(t, "the fast lanes are done", func() bool { return done.Load() == 5 })
		close(release)
		eventually(t, "the slow lane is done", func() bool { return done.Load() == 6 })
	})
}

// A handler that panics gives the lane back at once: the next ring is worked
// long before its lease would have run out.
func TestPanicLeavesTheLaneWorkable(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		var runs atomic.Int64
		r := w.runner(Options{LeaseTTL: time.Hour, Handle: func(context.Context, Lane, store.Lease) error {
			if runs.Add(1) == 1 {
				panic("index out of range")
			}
			return nil
		}})
		w.start(r)
		lane := Lane{Work: WorkPush, Account: "main"}
		w.ring(r, lane)
		eventually(t, "the first run", func() bool { return runs.Load() == 1 })
		eventually(t, "the lane is given back", func() bool {
			leases, err := w.store.Leases(t.Context())
			return err == nil && len(leases) == 0
		})
		w.ring(r, lane)
		eventually(t, "a second run", func() bool { return runs.Load() >= 2 })
	})
}

// Work that failed and that nothing else calls for (follow has no rows that are
// due) is tried again.
func TestFailedFollowIsTriedAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		var runs atomic.Int64
		r := w.runner(Options{Handle: func(context.Context, Lane, store.Lease) error {
			if runs.Add(1) == 1 {
				return errors.New("the database was away")
			}
			return nil
		}})
		w.start(r)
		w.ring(r, Lane{Work: WorkFollow, Account: "main"})
		eventually(t, "a second run", func() bool { return runs.Load() >= 2 })
	})
}

// Stop lets a running lane finish and gives it back.
func TestStopLetsARunningLaneFinish(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		began, release := make(chan struct{}), make(chan struct{})
		var finished atomic.Bool
		r := w.runner(Options{Handle: func(ctx context.Context, _ Lane, _ store.Lease) error {
			close(began)
			<-release
			finished.Store(ctx.Err() == nil)
			return nil
		}})
		w.start(r)
		w.ring(r, Lane{Work: WorkPush, Account: "main"})
		<-began
		stopped := make(chan error)
		go func() { stopped <- r.Stop(context.Background()) }()
		select {
		case <-stopped:
			t.Error("stopped while a lane was worked")
		default:
		}
		close(release)
		if err := <-stopped; err != nil {
			t.Errorf("stop: %v", err)
		}
		if !finished.Load() {
			t.Error("the lane was cut off")
		}
		if leases, err := w.store.Leases(t.Context()); err != nil || len(leases) != 0 {
			t.Errorf("leases after stop: %v, %v", leases, err)
		}
	})
}

// Stop cancels a lane that does not finish in time.
func TestStopCancelsInTheEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		began := make(chan struct{})
		r := w.runner(Options{Handle: func(ctx context.Context, _ Lane, _ store.Lease) error {
			close(began)
			<-ctx.Done()
			return ctx.Err()
		}})
		w.start(r)
		w.ring(r, Lane{Work: WorkPush, Account: "main"})
		<-began
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := r.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
}

func TestStopWithoutStart(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		r := w.runner(Options{Handle: func(context.Context, Lane, store.Lease) error { return nil }})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := r.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
}

// A process dies on a lane: another takes over when the lease has run out, and
// the dead one's late word is fenced off.
func TestAnotherRunnerTakesOverADeadLane(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		lane := Lane{Work: WorkPush, Account: "main"}
		dead, ok, err := w.store.StartLane(t.Context(), lane.String(), "dead", time.Minute)
		if err != nil || !ok {
			t.Fatal(err)
		}
		var lease atomic.Pointer[store.Lease]
		r := w.runner(Options{Handle: func(_ context.Context, _ Lane, l store.Lease) error {
			lease.Store(&l)
			return nil
		}, Due: func(context.Context) ([]Lane, error) { return []Lane{lane}, nil }})
		w.start(r)
		w.ring(r, lane)
		if lease.Load() != nil {
			t.Error("taken over while the lease runs")
		}
		w.ahead.Store(int64(2 * time.Minute))
		eventually(t, "another takes over", func() bool { return lease.Load() != nil })
		if l := lease.Load(); l.Token <= dead.Token {
			t.Errorf("token %d after %d", l.Token, dead.Token)
		}
		err = w.store.InTx(t.Context(), func(tx *store.Tx) error { return tx.Hold(t.Context(), dead) })
		if !errors.Is(err, store.ErrFenced) {
			t.Errorf("the dead one may write: %v", err)
		}
	})
}

// A worker that keeps its lane longer than the lease keeps the lease, too; one
// whose lease went to somebody else is stopped and does not take it back.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		lane := Lane{Work: WorkPush, Account: "main"}
		began, stopped, release := make(chan store.Lease, 9), make(chan error, 9), make(chan struct{})
		r := w.runner(Options{LeaseTTL: 400 * time.Millisecond, Handle: func(ctx context.Context, _ Lane, l store.Lease) error {
			began <- l
			select {
			case <-ctx.Done():
				stopped <- context.Cause(ctx)
				return ctx.Err()
			case <-release:
				return nil
			}
		}})
		w.start(r)
		w.ring(r, lane)
		held := <-began
		// It is renewed: its end moves on.
		first := w.expiry(lane)
		eventually(t, "the lease is renewed twice", func() bool { return w.expiry(lane)-first > (200 * time.Millisecond).Microseconds() })
		// Somebody else held the lease in the meantime and has given it back.
		w.steal(held)
		select {
		case err := <-stopped:
			if !errors.Is(err, store.ErrFenced) {
				t.Errorf("stopped because of %v", err)
			}
		case <-time.After(time.Minute):
			t.Error("a worker that lost its lease goes on")
		}
		close(release)
	})
}

// steal makes a lease change hands twice, as when its worker was paused for long.
func (w *world) steal(l store.Lease) {
	w.t.Helper()
	// Only when it has run out may anyone take it: set the clock forward for that
	// moment.
	w.ahead.Add(int64(time.Hour))
	stolen, ok, err := w.store.AcquireLease(w.t.Context(), l.Name, "thief", time.Minute)
	if err != nil {
		w.t.Fatal(err)
	}
	if ok {
		err = w.store.ReleaseLease(w.t.Context(), stolen)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if !ok {
		w.steal(l) // the heartbeat was faster
	}
}

// expiry reads the end of a lane's lease.
func (w *world) expiry(lane Lane) int64 {
	w.t.Helper()
	const query = "SELECT expires_at FROM leases WHERE name = "
	var at int64
	var err error
	if pool := w.store.PgPool(); pool != nil {
		err = pool.QueryRow(w.t.Context(), query+"$1", lane.String()).Scan(&at)
	} else {
		err = w.store.SQLDB().QueryRowContext(w.t.Context(), query+"?", lane.String()).Scan(&at)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return at
}

func account(id string) orderhub.Account {
	return orderhub.Account{ID: id, Channel: "fake", Name: id, Settings: map[string]string{}}
}

// forget deletes all jobs, as a killed process and an hour of waiting would.
func (w *world) forget() {
	w.t.Helper()
	var err error
	if pool := w.store.PgPool(); pool != nil {
		_, err = pool.Exec(w.t.Context(), "DELETE FROM river_job")
	} else {
		_, err = w.store.SQLDB().ExecContext(w.t.Context(), "DELETE FROM river_job")
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) jobs() int {
	w.t.Helper()
	const query = "SELECT COUNT(*) FROM river_job"
	var n int
	var err error
	if pool := w.store.PgPool(); pool != nil {
		err = pool.QueryRow(w.t.Context(), query).Scan(&n)
	} else {
		err = w.store.SQLDB().QueryRowContext(w.t.Context(), query).Scan(&n)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// A bell whose job was lost with its process is rung by force, even while others
// keep ringing it, and once in a while only.
func TestLostJobIsReplaced(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		// The one lane is due by its rows, the other is known by its bell alone.
		push, follow := Lane{Work: WorkPush, Account: "main"}, Lane{Work: WorkFollow, Account: "main"}
		r := w.runner(Options{
			Handle: func(context.Context, Lane, store.Lease) error { return nil },
			Due:    func(context.Context) ([]Lane, error) { return []Lane{push}, nil },
		})
		due := func() {
			t.Helper()
			if err := r.ringDue(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			w.ring(r, push)
			w.ring(r, follow)
			due()
		}
		if n := w.jobs(); n != 2 {
			t.Fatalf("%d jobs for two lanes, want rings merged", n)
		}
		w.forget()
		for range 4 {
			w.ahead.Add(int64(stuck * 2 / 5))
			w.ring(r, push)
			w.ring(r, follow)
			due()
		}
		if n := w.jobs(); n != 2 {
			t.Errorf("%d jobs after a while of ringing, want one by force for each lane", n)
		}
	})
}

// No job is made for a lane that is being worked.
func TestDueLaneThatIsBusyIsLeftAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		lane := Lane{Work: WorkSweep, Account: "main", Feed: "orders"}
		r := w.runner(Options{Handle: func(context.Context, Lane, store.Lease) error { return nil }, Due: func(context.Context) ([]Lane, error) { return []Lane{lane}, nil }})
		l, _, err := w.store.StartLane(t.Context(), lane.String(), "somebody", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := r.ringDue(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := w.jobs(); n != 0 {
			t.Errorf("%d jobs for a busy lane", n)
		}
		if err := w.store.ReleaseLease(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := r.ringDue(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := w.jobs(); n != 1 {
			t.Errorf("%d jobs for a free lane, want 1", n)
		}
	})
}

// A ring of a transaction that is taken back never happened.
func TestRingIsTakenBackWithItsTransaction(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		r := w.runner(Options{Handle: func(context.Context, Lane, store.Lease) error { return nil }})
		lane := Lane{Work: WorkPush, Account: "main"}
		err := w.store.InTx(t.Context(), func(tx *store.Tx) error {
			if err := r.Ring(t.Context(), tx, lane); err != nil {
				return err
			}
			return errors.New("taken back")
		})
		if err == nil || !strings.Contains(err.Error(), "taken back") {
			t.Fatal(err)
		}
		if n := w.jobs(); n != 0 {
			t.Errorf("%d jobs", n)
		}
		w.ring(r, lane)
		if n := w.jobs(); n != 1 {
			t.Errorf("%d jobs after a ring that holds", n)
		}
	})
}
