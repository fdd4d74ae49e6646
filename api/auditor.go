package api

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

const (
	// auditPatience is how long an answer waits for its entry. A database whose one
	// writer is busy for long (a big import on SQLite) writes it afterwards.
	auditPatience = 250 * time.Millisecond
	// auditWaiting caps the entries that wait.
	auditWaiting = 10_000
	// auditBatch is how many are written at once.
	auditBatch = 200
)

// auditor writes entries of the audit log that stand alone, those of many callers
// in one transaction.
type auditor struct {
	store *store.Store
	log   *slog.Logger

	mu      sync.Mutex
	waiting []auditItem
	// idle is closed when nothing is left; nil = nothing is.
	idle chan struct{}
	// told are the secrets that were shown, and when last.
	told map[string]time.Time
}

// auditAgain is how soon the same secret shown to the same caller is written again:
// a page reads it every few seconds.
const auditAgain = time.Hour

// tell has a reading written down that shows a secret.
func (a *auditor) tell(v *visit) {
	key, now := v.actor.Name+" "+string(v.actor.Kind)+" "+v.entry.Target, a.store.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if at, ok := a.told[key]; ok && now.Sub(at) < auditAgain {
		return
	}
	if a.told == nil || len(a.told) > 1000 {
		a.told = map[string]time.Time{}
	}
	a.told[key], v.need.told = now, true
}

type auditItem struct {
	entry orderhub.AuditEntry
	done  chan struct{}
}

// add writes an entry, and waits a moment for it.
func (a *auditor) add(e orderhub.AuditEntry) {
	e.At = a.store.Now()
	item := auditItem{e, make(chan struct{})}
	a.mu.Lock()
	if len(a.waiting) >= auditWaiting {
		a.mu.Unlock()
		a.log.Error("the audit log lacks an entry: too many wait", "operation", e.Operation)
		return
	}
	a.waiting = append(a.waiting, item)
	if a.idle == nil {
		a.idle = make(chan struct{})
		go a.run(a.idle)
	}
	a.mu.Unlock()
	select {
	case <-item.done:
	case <-time.After(auditPatience):
	}
}

// run writes until nothing waits.
func (a *auditor) run(idle chan struct{}) {
	for {
		a.mu.Lock()
		n := min(len(a.waiting), auditBatch)
		batch := a.waiting[:n:n]
		a.waiting = a.waiting[n:]
		if n == 0 {
			a.idle = nil
			a.mu.Unlock()
			close(idle)
			return
		}
		a.mu.Unlock()
		a.write(batch)
	}
}

func (a *auditor) write(batch []auditItem) {
	entries := make([]orderhub.AuditEntry, len(batch))
	for i, item := range batch {
		entries[i] = item.entry
		defer close(item.done)
	}
	var err error
	for range 3 {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		err = a.store.InTx(ctx, func(tx *store.Tx) error { return tx.AddAudit(ctx, entries...) })
		cancel()
		if err == nil {
			return
		}
		time.Sleep(auditPatience)
	}
	for _, e := range entries {
		a.log.Error("the audit log lacks an entry", "operation", e.Operation, "actor", e.Actor.Name, "error", err.Error())
	}
}

// flush waits until all entries are written.
func (a *auditor) flush(ctx context.Context) {
	a.mu.Lock()
	idle := a.idle
	a.mu.Unlock()
	if idle == nil {
		return
	}
	select {
	case <-idle:
	case <-ctx.Done():
	}
}
