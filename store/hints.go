package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
)

// LiveMark is a place in the streams of events and of moves. What concurrent
// writers commit late may lie before it.
type LiveMark struct{ Event, Move int64 }

// LiveMark reads where the streams end now.
func (s *Store) LiveMark(ctx context.Context) (m LiveMark, err error) {
	rows, err := s.engine.reader().query(ctx, "SELECT COALESCE((SELECT MAX(id) FROM events), 0), COALESCE((SELECT MAX(id) FROM moves), 0)")
	if err != nil {
		return m, fmt.Errorf("find the last change: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		err = rows.Scan(&m.Event, &m.Move)
	}
	return m, errors.Join(err, rows.Err())
}

// MoveHint says that a figure of a SKU changed.
type MoveHint struct {
	ID  int64
	SKU string
}

// MovesAfter reads which figures changed after a move.
func (s *Store) MovesAfter(ctx context.Context, id int64, limit int) ([]MoveHint, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT id, sku FROM moves WHERE id > ? ORDER BY id LIMIT ?", id, limit)
	if err != nil {
		return nil, fmt.Errorf("read moves: %w", err)
	}
	defer rows.Close()
	var out []MoveHint
	for rows.Next() {
		var m MoveHint
		if err := rows.Scan(&m.ID, &m.SKU); err != nil {
			return nil, fmt.Errorf("read moves: %w", err)
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

// OrderHint is what a list shows of an order that changed.
type OrderHint struct {
	Number    int64
	Account   string
	Status    orderhub.Status
	UpdatedAt time.Time
}

// OrderHints reads orders by number.
func (s *Store) OrderHints(ctx context.Context, numbers []int64) ([]OrderHint, error) {
	q := s.engine.reader()
	cond, arg := q.in("id", numbers)
	rows, err := q.query(ctx, "SELECT id, account_id, status, updated_at FROM orders WHERE "+cond+" ORDER BY id", arg)
	if err != nil {
		return nil, fmt.Errorf("read changed orders: %w", err)
	}
	defer rows.Close()
	var out []OrderHint
	for rows.Next() {
		var h OrderHint
		var status string
		var updated int64
		if err := rows.Scan(&h.Number, &h.Account, &status, &updated); err != nil {
			return nil, fmt.Errorf("read changed orders: %w", err)
		}
		h.Status, h.UpdatedAt = orderhub.Status(status), fromMicros(updated)
		out = append(out, h)
	}
	return out, rows.Err()
}

// AccountMarks gives for each account a text that changes with its state and its
// health.
func (s *Store) AccountMarks(ctx context.Context) (map[string]string, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT id, state || ' ' || updated_at || ' ' || health FROM accounts")
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var id, mark string
		if err := rows.Scan(&id, &mark); err != nil {
			return nil, fmt.Errorf("read accounts: %w", err)
		}
		out[id] = mark
	}
	return out, rows.Err()
}
