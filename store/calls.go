package store

import (
	"context"
	"fmt"
	"time"
)

// Call is a call to a channel as it went over the wire.
type Call struct {
	ID        int64
	AccountID string
	// Purpose is "push" or "stock"; of readings that failed "check", "hint" or the feed.
	Purpose string
	At      time.Time
	Took    time.Duration
	Method  string
	Path    string
	Status  int // 0: no answer came
	Failure string
	// Request and Reply are the bodies, as much of them as is kept.
	Request []byte
	Reply   []byte
	// Effects are those that the call was made for. They are only written: a list
	// is asked for by effect.
	Effects []int64
}

// SaveCalls keeps calls, and which effects they were made for: their own, or
// effects where a call names none.
func (tx *Tx) SaveCalls(ctx context.Context, calls []Call, effects []int64) error {
	if len(calls) == 0 {
		return nil
	}
	ids, err := tx.q.nextIDs(ctx, "calls", len(calls))
	if err != nil {
		return fmt.Errorf("keep calls: %w", err)
	}
	rows, links := make([][]any, 0, len(calls)), make([][]any, 0, len(calls))
	for i, c := range calls {
		rows = append(rows, []any{ids[i], c.AccountID, c.Purpose, micros(c.At), c.Took.Microseconds(), c.Method, c.Path, c.Status,
			c.Failure, tx.s.zip.EncodeAll(c.Request, []byte{}), tx.s.zip.EncodeAll(c.Reply, []byte{})})
		made := c.Effects
		if len(made) == 0 {
			made = effects
		}
		for _, e := range made {
			links = append(links, []any{e, ids[i]})
		}
	}
	if err := tx.q.insert(ctx, "calls", []string{"id", "account_id", "purpose", "at", "took", "method", "path", "status", "failure",
		"request", "reply"}, rows); err != nil {
		return fmt.Errorf("keep calls: %w", err)
	}
	if err := tx.q.insert(ctx, "effect_calls", []string{"effect_id", "call_id"}, links); err != nil {
		return fmt.Errorf("keep calls: %w", err)
	}
	return nil
}

// ForgetReadings deletes up to limit calls of an account that were to read something
// and failed before t. Calls that were to change something stay: they are proof.
func (s *Store) ForgetReadings(ctx context.Context, accountID string, t time.Time, limit int) error {
	return s.InTx(ctx, func(tx *Tx) error {
		ids, err := readIDs(ctx, tx.q, "SELECT id FROM calls WHERE account_id = ? AND purpose NOT IN ('push','stock') AND at < ? ORDER BY id LIMIT ?", accountID, micros(t), limit)
		if err != nil || len(ids) == 0 {
			return err
		}
		links, arg := tx.q.in("call_id", ids)
		if _, err := tx.q.exec(ctx, "DELETE FROM effect_calls WHERE "+links, arg); err != nil {
			return fmt.Errorf("forget calls: %w", err)
		}
		rows, arg := tx.q.in("id", ids)
		if _, err := tx.q.exec(ctx, "DELETE FROM calls WHERE "+rows, arg); err != nil {
			return fmt.Errorf("forget calls: %w", err)
		}
		return nil
	})
}

// CallFilter selects calls. Before continues a list: only ids below it; 0 = from
// the newest.
type CallFilter struct {
	AccountID string
	EffectID  int64
	Before    int64
	Limit     int
}

// ListCalls lists calls, newest first.
func (s *Store) ListCalls(ctx context.Context, f CallFilter) ([]Call, error) {
	var c condition
	if f.AccountID != "" {
		c.add("account_id = ?", f.AccountID)
	}
	if f.EffectID != 0 {
		c.add("id IN (SELECT call_id FROM effect_calls WHERE effect_id = ?)", f.EffectID)
	}
	if f.Before > 0 {
		c.add("id < ?", f.Before)
	}
	return s.calls(ctx, c.where()+" ORDER BY id DESC LIMIT ?", append(c.args, f.Limit)...)
}

func (s *Store) calls(ctx context.Context, where string, args ...any) ([]Call, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT id, account_id, purpose, at, took, method, path, status, failure, request, reply FROM calls "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read calls: %w", err)
	}
	defer rows.Close()
	var out []Call
	for rows.Next() {
		var c Call
		var at, took int64
		var request, reply []byte
		if err := rows.Scan(&c.ID, &c.AccountID, &c.Purpose, &at, &took, &c.Method, &c.Path, &c.Status, &c.Failure, &request, &reply); err != nil {
			return nil, fmt.Errorf("read calls: %w", err)
		}
		c.At, c.Took = fromMicros(at), time.Duration(took)*time.Microsecond
		if c.Request, err = s.unzip.DecodeAll(request, nil); err != nil {
			return nil, fmt.Errorf("unpack call %d: %w", c.ID, err)
		}
		if c.Reply, err = s.unzip.DecodeAll(reply, nil); err != nil {
			return nil, fmt.Errorf("unpack call %d: %w", c.ID, err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}
