package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Writing many rows at once by their key. Values are text or whole numbers, as
// all columns are. A key stands in a list once: PostgreSQL would take either of
// two rows.

func (q sqliteQuerier) update(ctx context.Context, table string, columns, key []string, rows [][]any) error {
	// One compiled statement, row by row: inside the process that costs least.
	return q.execMany(ctx, "UPDATE "+table+" SET "+strings.Join(columns, " = ?, ")+" = ? WHERE "+strings.Join(key, " = ? AND ")+" = ?", rows)
}

func (q pgQuerier) update(ctx context.Context, table string, columns, key []string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	names := slices.Concat(columns, key)
	args, arrays, values := make([]any, len(names)), make([]string, len(names)), make([]string, len(names))
	for i := range names {
		column, kind, err := columnOf(rows, i)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", table, names[i], err)
		}
		args[i], arrays[i], values[i] = column, "?::"+kind+"[]", fmt.Sprintf("v%d", i)
	}
	set, where := make([]string, len(columns)), make([]string, len(key))
	for i, c := range columns {
		set[i] = c + " = " + values[i]
	}
	for i, k := range key {
		where[i] = "t." + k + " = " + values[len(columns)+i]
	}
	_, err := q.exec(ctx, "UPDATE "+table+" t SET "+strings.Join(set, ", ")+" FROM unnest("+strings.Join(arrays, ", ")+") AS v("+strings.Join(values, ", ")+
		") WHERE "+strings.Join(where, " AND "), args...)
	return err
}

// columnOf is the i-th value of all rows as one array, and its kind.
func columnOf(rows [][]any, i int) (array any, kind string, err error) {
	if _, text := rows[0][i].(string); text {
		out := make([]string, len(rows))
		for n, r := range rows {
			s, ok := r[i].(string)
			if !ok {
				return nil, "", fmt.Errorf("row %d is %T, want text", n, r[i])
			}
			out[n] = s
		}
		return out, "text", nil
	}
	out := make([]int64, len(rows))
	for n, r := range rows {
		switch v := r[i].(type) {
		case int64:
			out[n] = v
		case int:
			out[n] = int64(v)
		default:
			return nil, "", fmt.Errorf("row %d is %T, want a whole number", n, r[i])
		}
	}
	return out, "bigint", nil
}
