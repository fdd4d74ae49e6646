package store

import (
	"context"
	"fmt"
	"time"
)

// Mark is a place in the stream of changed figures. Changes become visible in
// another order than they are numbered, so the number of the last one is not
// enough: Seen counts those that were visible in a window before it. When there
// are more of them later, somebody came late, and the window is read again.
type Mark struct {
	// Last is the id of the last move, or, for the listings of an account, the
	// time in microseconds of the figure that was worked out last.
	Last int64
	Seen int64
}

// The windows: far more than what is written at one moment.
const (
	lateMoves   = 10_000
	lateFigures = 30 * time.Second
)

// StockMark tells how far the figures are: of all products, or, with an account,
// what its listings are to show.
func (s *Store) StockMark(ctx context.Context, accountID string) (Mark, error) {
	q := s.engine.reader()
	if accountID == "" {
		return readMark(ctx, q, `SELECT m.last, (SELECT COUNT(*) FROM moves WHERE id > m.last - ? AND id <= m.last)
			FROM (SELECT COALESCE(MAX(id), 0) AS last FROM moves) m`, lateMoves)
	}
	return readMark(ctx, q, `SELECT m.last, (SELECT COUNT(*) FROM publications WHERE account_id = m.account AND wanted_at > m.last - ?)
		FROM (SELECT COALESCE(MAX(wanted_at), 0) AS last, CAST(? AS TEXT) AS account FROM publications WHERE account_id = ?) m`,
		lateFigures.Microseconds(), accountID, accountID)
}

func readMark(ctx context.Context, q querier, query string, args ...any) (m Mark, err error) {
	rows, err := q.query(ctx, query, args...)
	if err != nil {
		return m, fmt.Errorf("read how far the figures are: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		if err := rows.Scan(&m.Last, &m.Seen); err != nil {
			return m, fmt.Errorf("read how far the figures are: %w", err)
		}
	}
	return m, rows.Err()
}

// ChangedStock lists products whose figures changed since a mark, by SKU; after
// continues the list. Some may be listed that did not change.
func (s *Store) ChangedStock(ctx context.Context, accountID string, since Mark, after string, limit int) (skus []string, err error) {
	err = s.engine.snapshot(ctx, func(q querier) error {
		skus, err = changedStock(ctx, q, accountID, since, after, limit)
		return err
	})
	return skus, err
}

func changedStock(ctx context.Context, q querier, accountID string, since Mark, after string, limit int) ([]string, error) {
	query := `SELECT DISTINCT l.sku FROM publications p JOIN listings l ON l.id = p.listing_id
		WHERE p.account_id = ? AND p.wanted_at > ? AND l.sku > ? ORDER BY l.sku LIMIT ?`
	args := []any{accountID, since.Last - lateFigures.Microseconds(), after, limit}
	if accountID == "" {
		now, err := readMark(ctx, q, "SELECT CAST(? AS BIGINT), COUNT(*) FROM moves WHERE id > ? AND id <= ?", since.Last, since.Last-lateMoves, since.Last)
		if err != nil {
			return nil, err
		}
		from := since.Last
		if now.Seen != since.Seen {
			from -= lateMoves
		}
		// A kit changes with its components.
		query = `SELECT sku FROM (SELECT sku FROM moves WHERE id > ? UNION
			SELECT c.sku FROM product_components c WHERE c.component IN (SELECT sku FROM moves WHERE id > ?)) m
			WHERE sku > ? ORDER BY sku LIMIT ?`
		args = []any{from, from, after, limit}
	}
	rows, err := q.query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read changed figures: %w", err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var sku string
		if err := rows.Scan(&sku); err != nil {
			return nil, fmt.Errorf("read changed figures: %w", err)
		}
		out = append(out, sku)
	}
	return out, rows.Err()
}
