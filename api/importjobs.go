package api

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/exchange"
	"github.com/orderhub/orderhub/pipeline"
)

// importPlaces is how many files may be here at once: one is imported, the others
// arrive or wait. Each may take ImportLimit on the disk.
const importPlaces = 5

// importsKept is how many imports are remembered.
const importsKept = 50

// imports runs imports one after the other and remembers the latest. It lives in
// the memory of one process.
type imports struct {
	hub   *pipeline.Hub
	log   *slog.Logger
	limit int64 // bytes of a file
	// ctx ends with the server.
	ctx  context.Context
	stop context.CancelFunc
	once sync.Once

	mu     sync.Mutex
	places int // taken
	busy   bool
	jobs   []*importJob // by id
}

// importJob is one import.
type importJob struct {
	file   *upload
	actor  orderhub.Actor
	note   string
	opts   exchange.Options
	ctx    context.Context
	cancel context.CancelFunc
	over   chan struct{}

	view ImportView // guarded by the mutex of imports
}

func newImports(hub *pipeline.Hub, log *slog.Logger, limit int64) *imports {
	if limit == 0 {
		limit = ImportLimit
	}
	s := &imports{hub: hub, log: log, limit: limit}
	s.ctx, s.stop = context.WithCancel(context.Background()) //nolint:gosec // called when the server stops
	return s
}

// reserve takes a place for a file.
func (s *imports) reserve() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.places == importPlaces {
		return orderhub.Errorf(orderhub.CodeUnavailable, "%d files are being imported or wait for it; try again when one of them has ended", importPlaces)
	}
	s.places++
	return nil
}

func (s *imports) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.places--
}

// add lines an import up. Its place must be reserved.
func (s *imports) add(ctx context.Context, job *importJob) {
	// A server that stops breaks imports off: it would wait for what they lock.
	if srv, ok := ctx.Value(http.ServerContextKey).(*http.Server); ok {
		s.once.Do(func() { srv.RegisterOnShutdown(s.stop) })
	}
	job.ctx, job.cancel = context.WithCancel(s.ctx)
	job.over = make(chan struct{})
	job.opts.Progress = func(p exchange.Progress) { s.progress(job, p) }
	now := s.hub.Store().Now().UTC()
	s.mu.Lock()
	defer s.mu.Unlock()
	// Ids go on after a restart, so that an old one never means another import.
	job.view.ID = now.UnixMilli()
	if n := len(s.jobs); n > 0 {
		job.view.ID = max(job.view.ID, s.jobs[n-1].view.ID+1)
	}
	job.view.State, job.view.CreatedAt = ImportWaiting, now
	s.jobs = append(s.jobs, job)
	for len(s.jobs) > importsKept && s.jobs[0].view.over() {
		s.jobs = s.jobs[1:]
	}
	if !s.busy {
		s.busy = true
		go s.work()
	}
}

// work runs what waits.
func (s *imports) work() {
	for {
		job := s.next()
		if job == nil {
			return
		}
		s.run(job)
	}
}

func (s *imports) next() *importJob {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.jobs, func(j *importJob) bool { return j.view.State == ImportWaiting })
	if i < 0 {
		s.busy = false
		return nil
	}
	now := s.hub.Store().Now().UTC()
	s.jobs[i].view.State, s.jobs[i].view.StartedAt = ImportRunning, &now
	return s.jobs[i]
}

// run imports a file.
func (s *imports) run(job *importJob) {
	done := job.view // its file and choices do not change any more
	var result exchange.Result
	var err error
	func() {
		defer func() {
			if p := recover(); p != nil {
				s.log.Error("import panicked", "panic", p, "trace", string(debug.Stack()))
				err = orderhub.Errorf(orderhub.CodeUnavailable, "something went wrong inside the hub; the log has the details")
			}
		}()
		result, err = s.feed(job, &done)
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	v := &job.view
	v.New, v.Changed, v.Same = done.New, done.Changed, done.Same
	v.Document, v.Differ, v.More, v.Fewer = done.Document, done.Differ, done.More, done.Fewer
	v.found(result)
	switch {
	case err == nil:
		v.Percent = 100
		s.end(job, ImportEnded)
	case job.ctx.Err() != nil:
		s.end(job, ImportCancelled)
	default:
		v.Error = pipeline.Sentence(err)
		s.log.Error("import failed", "import", v.ID, "error", err.Error())
		s.end(job, ImportFailed)
	}
}

// feed hands the file to the hub.
func (s *imports) feed(job *importJob, v *ImportView) (exchange.Result, error) {
	src := exchange.Source{File: job.file, Size: job.file.size}
	// The figures of a result are known when all rows were, or would be, written.
	told := func(r exchange.Result) bool {
		return r.Outcome == exchange.OutcomeImported || (r.Outcome == exchange.OutcomeChecked && r.Bad == 0)
	}
	if job.view.Kind == ImportCounts {
		r, err := s.hub.ImportCounts(job.ctx, src, job.note, job.actor, job.opts)
		v.Document = r.Document
		if err == nil && told(r.Result) {
			v.Differ, v.More, v.Fewer = &r.Differ, &r.More, &r.Fewer
		}
		return r.Result, err
	}
	r, err := s.hub.ImportProducts(job.ctx, src, job.opts)
	if err == nil && told(r.Result) {
		v.New, v.Changed, v.Same = &r.New, &r.Changed, &r.Same
	}
	return r.Result, err
}

// found writes down what was found in the file.
func (v *ImportView) found(r exchange.Result) {
	v.Outcome, v.Format, v.Encoding, v.Comma, v.Sheet = r.Outcome, r.Format, r.Encoding, r.Comma, r.Sheet
	v.Columns, v.Ignored = r.Columns, r.Ignored
	v.Rows, v.Bad, v.Applied = r.Rows, r.Bad, r.Applied
	v.Errors, v.MoreErrors = r.Errors, r.ErrorCount-int64(len(r.Errors))
	v.Warnings, v.MoreWarnings = r.Warnings, r.WarningCount-int64(len(r.Warnings))
}

// end gives the file and its place up; the caller holds the lock.
func (s *imports) end(job *importJob, state ImportState) {
	now := s.hub.Store().Now().UTC()
	job.view.State, job.view.EndedAt = state, &now
	job.cancel()
	job.file.drop()
	s.places--
	close(job.over)
}

func (s *imports) progress(job *importJob, p exchange.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := &job.view
	v.Stage, v.Rows, v.Bad, v.Applied, v.Bytes, v.Total = p.Stage, p.Rows, p.Bad, p.Applied, p.Bytes, p.Total
	part := int64(0)
	if p.Total > 0 {
		part = 100 * p.Bytes / p.Total
	}
	if !v.DryRun {
		if part /= 2; p.Stage == exchange.StageApply {
			part += 50
		}
	}
	v.Percent = int(min(part, 99)) // 100 is when it is over
}

// find finds an import.
func (s *imports) find(id int64) (*importJob, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if j.view.ID == id {
			return j, nil
		}
	}
	return nil, orderhub.Errorf(orderhub.CodeNotFound, "there is no import %d here; the latest %d are remembered, until the hub is restarted", id, importsKept)
}

// look is the import as it is now.
func (s *imports) look(job *importJob) ImportView {
	s.mu.Lock()
	defer s.mu.Unlock()
	return job.view
}

// list is the latest imports, newest first, without what is long.
func (s *imports) list() []ImportView {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]ImportView, 0, len(s.jobs))
	for _, j := range slices.Backward(s.jobs) {
		v := j.view
		v.Errors, v.MoreErrors = nil, v.MoreErrors+int64(len(v.Errors))
		v.Warnings, v.MoreWarnings = nil, v.MoreWarnings+int64(len(v.Warnings))
		v.Columns, v.Ignored = nil, nil
		out = append(out, v)
	}
	return out
}

// cancel breaks an import off.
func (s *imports) cancel(job *importJob) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch job.view.State {
	case ImportWaiting:
		s.end(job, ImportCancelled)
	case ImportRunning:
		job.cancel()
	case ImportEnded, ImportFailed, ImportCancelled:
		return orderhub.Errorf(orderhub.CodeConflict, "the import is over already (%s); nothing is left to break off", job.view.State)
	}
	return nil
}

// await waits for the end of an import.
func (s *imports) await(ctx context.Context, job *importJob, wait time.Duration) {
	if wait == 0 {
		return
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	select {
	case <-job.over:
	case <-over.C:
	case <-ctx.Done():
	}
}
