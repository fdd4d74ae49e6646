package store

import (
	"context"
	"fmt"
)

// ids reads a column of numbers.
func (s *Store) ids(ctx context.Context, query string, args ...any) ([]int64, error) {
	return readIDs(ctx, s.engine.reader(), query, args...)
}

func readIDs(ctx context.Context, q querier, query string, args ...any) ([]int64, error) {
	rows, err := q.query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read numbers: %w", err)
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("read numbers: %w", err)
		}
		out = append(out, id)
	}
	return out, rows.Err()
}
