// Package jobs runs the hub's lanes on River: it takes care that a lane is
// worked by one worker at a time on all nodes, and that a ring is never lost.
// It knows no marketplace and no order.
//
// A job is a doorbell, not the work: it carries only the name of a lane, and
// the worker drains what is due in the hub's own tables. The truth of what is
// owed is in those rows.
package jobs

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"github.com/orderhub/orderhub/store"
)

// Work is a kind of lane.
type Work string

// The kinds of work.
const (
	WorkSweep  Work = "sweep"  // read a feed of an account
	WorkHints  Work = "hints"  // read orders that were hinted at
	WorkAccept Work = "accept" // interpret raw answers
	WorkFollow Work = "follow" // what new orders bring along
	WorkPush   Work = "push"   // drain effects

	WorkPlan     Work = "plan"     // work out stock figures
	WorkPublish  Work = "publish"  // tell a channel stock figures
	WorkAllocate Work = "allocate" // the warehouse: link offers, serve those who wait

	WorkNotify Work = "notify" // find out what people are to be told
	WorkTell   Work = "tell"   // send messages of one kind
	WorkListen Work = "listen" // what people answer the bot

	WorkCards Work = "cards" // buyers' cards: older orders, erasing
	WorkRules Work = "rules" // automation rules
	WorkOnec  Work = "onec"  // mark orders for 1C

	WorkFanOut  Work = "fan_out" // make deliveries of events
	WorkDeliver Work = "deliver" // tell one endpoint by webhook
	WorkFiles   Work = "files"   // exchange files with one folder or server
)

// Lane is one queue of work of one account: at most one worker is on it.
type Lane struct {
	Work    Work   `json:"work"`
	Account string `json:"account"`
	Feed    string `json:"feed,omitempty"`
}

// String is the lane's name: lease and doorbell carry it.
func (l Lane) String() string {
	if l.Feed != "" {
		return string(l.Work) + ":" + l.Account + ":" + l.Feed
	}
	return string(l.Work) + ":" + l.Account
}

// Kind is River's name of the job.
func (Lane) Kind() string { return "lane" }

// InsertOpts puts accepting apart from calls to the outside, so that a slow
// marketplace never keeps orders of another waiting.
func (l Lane) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueOf(l.Work), MaxAttempts: 3}
}

func queueOf(w Work) string {
	switch w {
	case WorkAccept, WorkFollow, WorkAllocate, WorkPlan, WorkNotify, WorkCards, WorkRules, WorkOnec, WorkFanOut:
		return "inside"
	case WorkSweep, WorkHints, WorkListen:
		return "read"
	case WorkPush, WorkPublish:
		return "push"
	case WorkTell:
		return "tell"
	case WorkDeliver:
		return "deliver"
	case WorkFiles:
		return "files"
	}
	return "inside"
}

// Handler works a lane until nothing is due. It must write only under the lease.
type Handler func(ctx context.Context, lane Lane, lease store.Lease) error

// Options set up a Runner.
type Options struct {
	Log *slog.Logger
	// LeaseTTL is how long a lane stays taken after its worker died; 0 = 10 s.
	LeaseTTL time.Duration
	// Tick is how often due work is looked for; 0 = 500 ms.
	Tick time.Duration
	// Handle works the lanes; Due lists lanes with due work.
	Handle Handler
	Due    func(ctx context.Context) ([]Lane, error)
}

// Runner works lanes. Several Runners on one PostgreSQL share the work.
type Runner struct {
	store *store.Store
	opts  Options
	owner string

	lite *river.Client[*sql.Tx]
	pg   *river.Client[pgx.Tx]

	stopTick context.CancelFunc
	ticking  sync.WaitGroup
}

// New makes a Runner. Rings work at once; lanes are worked after Start.
func New(s *store.Store, opts Options) (*Runner, error) {
	if opts.LeaseTTL == 0 {
		opts.LeaseTTL = 10 * time.Second
	}
	if opts.Tick == 0 {
		opts.Tick = 500 * time.Millisecond
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	r := &Runner{store: s, opts: opts, owner: ownerName()}
	workers := river.NewWorkers()
	river.AddWorker(workers, &laneWorker{runner: r})
	cfg := &river.Config{
		Workers: workers,
		Queues: map[string]river.QueueConfig{
			"inside": {MaxWorkers: 4}, "read": {MaxWorkers: 16}, "push": {MaxWorkers: 12}, "tell": {MaxWorkers: 12},
			// Each may wait for a receiver that does not answer: as many as there may be lanes,
			// so that none waits for another (50 endpoints, 20 exchanges of files).
			"deliver": {MaxWorkers: 50}, "files": {MaxWorkers: 20},
		},
		FetchCooldown:               5 * time.Millisecond,
		FetchPollInterval:           500 * time.Millisecond,
		JobTimeout:                  10 * time.Minute,
		CompletedJobRetentionPeriod: 10 * time.Minute,
		Logger:                      slog.New(slog.DiscardHandler),
		ErrorHandler:                r,
	}
	var err error
	if pool := s.PgPool(); pool != nil {
		r.pg, err = river.NewClient(riverpgxv5.New(pool), cfg)
	} else {
		r.lite, err = river.NewClient(riversqlite.New(s.SQLDB()), cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("set up jobs: %w", err)
	}
	return r, nil
}

func ownerName() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b)
	host, _ := os.Hostname()
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), hex.EncodeToString(b))
}

// Start begins to work lanes and to look for due work.
func (r *Runner) Start(ctx context.Context) error {
	var err error
	if r.pg != nil {
		err = r.pg.Start(ctx)
	} else {
		err = r.lite.Start(ctx)
	}
	if err != nil {
		return fmt.Errorf("start jobs: %w", err)
	}
	tickCtx, cancel := context.WithCancel(ctx)
	r.stopTick = cancel
	r.ticking.Add(1)
	go r.tick(tickCtx)
	return nil
}

// Stop lets running lanes finish until ctx ends, then cancels them.
func (r *Runner) Stop(ctx context.Context) error {
	if r.stopTick != nil {
		r.stopTick()
		r.ticking.Wait()
	}
	stop, cancel := func(c context.Context) error { return r.lite.Stop(c) }, func(c context.Context) error { return r.lite.StopAndCancel(c) }
	if r.pg != nil {
		stop, cancel = r.pg.Stop, r.pg.StopAndCancel
	}
	if err := stop(ctx); err != nil {
		hard, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer done()
		return cancel(hard)
	}
	return nil
}

// Ring asks for a lane to be worked, in the transaction of the rows that are to
// be worked there. Rings of one lane merge until a worker takes the bell.
func (r *Runner) Ring(ctx context.Context, tx *store.Tx, lane Lane) error {
	first, err := tx.RingBell(ctx, lane.String())
	if err != nil || !first {
		return err
	}
	return r.insert(ctx, tx, lane)
}

func (r *Runner) insert(ctx context.Context, tx *store.Tx, lane Lane) error {
	var err error
	if r.pg != nil {
		_, err = r.pg.InsertTx(ctx, tx.PgTx(), lane, nil)
	} else {
		_, err = r.lite.InsertTx(ctx, tx.SQLTx(), lane, nil)
	}
	if err != nil {
		return fmt.Errorf("insert job %s: %w", lane, err)
	}
	return nil
}

// stuck is how long a bell may stay rung on a free lane before it is rung again:
// its job was lost with a process that was killed before it began.
const stuck = 5 * time.Second

// tick rings the lanes with due work that nobody is working on.
func (r *Runner) tick(ctx context.Context) {
	defer r.ticking.Done()
	ticker := time.NewTicker(r.opts.Tick)
	defer ticker.Stop()
	for {
		if err := r.ringDue(ctx); err != nil && ctx.Err() == nil {
			r.opts.Log.Warn("looking for due work failed", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (r *Runner) ringDue(ctx context.Context) error {
	lanes, err := r.opts.Due(ctx)
	if err != nil {
		return err
	}
	bells, err := r.store.Bells(ctx)
	if err != nil {
		return err
	}
	for name, bell := range bells {
		// No rows tell that there is something to follow, only the bell.
		if account, ok := strings.CutPrefix(name, string(WorkFollow)+":"); ok && bell.Rung > 0 {
			lanes = append(lanes, Lane{Work: WorkFollow, Account: account})
		}
	}
	if len(lanes) == 0 {
		return nil
	}
	leases, err := r.store.Leases(ctx)
	if err != nil {
		return err
	}
	for _, lane := range lanes {
		name := lane.String()
		overdue := r.store.Now().Add(-stuck)
		bell := bells[name]
		if _, busy := leases[name]; busy || (bell.Rung > 0 && bell.RungAt.After(overdue)) {
			continue
		}
		if err := r.store.InTx(ctx, func(tx *store.Tx) error {
			ring := func() (bool, error) { return tx.RingBell(ctx, name) }
			if bell.Rung > 0 {
				ring = func() (bool, error) { return tx.RingAgain(ctx, name, overdue) }
			}
			first, err := ring()
			if err != nil || !first {
				return err
			}
			return r.insert(ctx, tx, lane)
		}); err != nil {
			return err
		}
	}
	return nil
}

// laneWorker is River's side of a Runner.
type laneWorker struct {
	river.WorkerDefaults[Lane]
	runner *Runner
}

// Work takes the lane, works it and gives it back. A lane that is taken is
// tried again soon: its worker may have looked for work before our ring.
func (w *laneWorker) Work(ctx context.Context, job *river.Job[Lane]) error {
	r, lane := w.runner, job.Args
	owner := fmt.Sprintf("%s/%d", r.owner, job.ID)
	lease, ok, err := r.store.StartLane(ctx, lane.String(), owner, r.opts.LeaseTTL)
	if err != nil {
		return err
	}
	if !ok {
		return river.JobSnooze(100 * time.Millisecond)
	}
	err = r.handle(ctx, lane, lease)
	if errors.Is(err, store.ErrFenced) || errors.Is(err, context.Canceled) {
		return nil // whoever holds the lane now goes on
	}
	if err != nil {
		// The rows are still due: the tick rings again.
		r.opts.Log.Warn("lane failed", "lane", lane.String(), "error", err.Error())
		if lane.Work == WorkFollow {
			return river.JobSnooze(time.Second) // it has no rows that are due
		}
	}
	return nil
}

// handle works a lane under its lease and gives the lease back, even when the
// handler panics.
func (r *Runner) handle(ctx context.Context, lane Lane, lease store.Lease) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var beating sync.WaitGroup
	beating.Go(func() { r.heartbeat(ctx, lease, cancel) })
	defer func() {
		cancel(nil)
		beating.Wait()
		if err := r.store.ReleaseLease(context.WithoutCancel(ctx), lease); err != nil {
			r.opts.Log.Warn("releasing a lane failed", "lane", lane.String(), "error", err.Error())
		}
	}()
	return r.opts.Handle(ctx, lane, lease)
}

// heartbeat keeps the lease while the lane is worked and stops the worker when
// the lease is lost.
func (r *Runner) heartbeat(ctx context.Context, lease store.Lease, lost context.CancelCauseFunc) {
	ticker := time.NewTicker(r.opts.LeaseTTL / 4)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			now, ok, err := r.store.AcquireLease(ctx, lease.Name, lease.Owner, r.opts.LeaseTTL)
			if err != nil || now.Token == lease.Token {
				continue
			}
			lost(store.ErrFenced)
			if ok {
				// It was somebody else's for a while, and what this worker knows is old.
				_ = r.store.ReleaseLease(context.WithoutCancel(ctx), now)
			}
			return
		}
	}
}
