package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
)

var auditColumns = []string{"at", "actor_kind", "actor", "user_id", "permission", "operation", "target", "outcome", "status", "address"}

// AddAudit writes down who did what.
func (tx *Tx) AddAudit(ctx context.Context, entries ...orderhub.AuditEntry) error {
	rows := make([][]any, 0, len(entries))
	for _, e := range entries {
		if e.At.IsZero() {
			e.At = tx.s.Now()
		}
		rows = append(rows, []any{micros(e.At), string(e.Actor.Kind), e.Actor.Name, e.UserID, string(e.Permission), e.Operation, e.Target,
			string(e.Outcome), int64(e.Status), e.Address})
	}
	if err := tx.q.insert(ctx, "audit_log", auditColumns, rows); err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	return nil
}

// AuditFilter narrows the audit log; what is empty lets everything through.
type AuditFilter struct {
	Actor      string
	Operation  string
	Permission orderhub.Permission
	Outcome    orderhub.Outcome
	From, To   time.Time
	// Before is an id: only older entries.
	Before int64
	Limit  int
}

// ListAudit reads the audit log, the newest first.
func (s *Store) ListAudit(ctx context.Context, f AuditFilter) ([]orderhub.AuditEntry, error) {
	var c condition
	add := func(on bool, cond string, arg any) {
		if on {
			c.add(cond, arg)
		}
	}
	add(f.Actor != "", "actor = ?", f.Actor)
	add(f.Operation != "", "operation = ?", f.Operation)
	add(f.Permission != "", "permission = ?", string(f.Permission))
	add(f.Outcome != "", "outcome = ?", string(f.Outcome))
	add(!f.From.IsZero(), "at >= ?", micros(f.From))
	add(!f.To.IsZero(), "at < ?", micros(f.To))
	add(f.Before > 0, "id < ?", f.Before)
	query := "SELECT id, " + strings.Join(auditColumns, ", ") + " FROM audit_log" + c.where()
	rows, err := s.engine.reader().query(ctx, query+" ORDER BY id DESC LIMIT ?", append(c.args, f.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	defer rows.Close()
	var out []orderhub.AuditEntry
	for rows.Next() {
		var e orderhub.AuditEntry
		var at int64
		var kind, permission, outcome string
		if err := rows.Scan(&e.ID, &at, &kind, &e.Actor.Name, &e.UserID, &permission, &e.Operation, &e.Target, &outcome, &e.Status, &e.Address); err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		e.At, e.Actor.Kind, e.Permission, e.Outcome = fromMicros(at), orderhub.ActorKind(kind), orderhub.Permission(permission), orderhub.Outcome(outcome)
		out = append(out, e)
	}
	return out, rows.Err()
}
