package store

import (
	"context"
	"fmt"
	"time"
)

// StockTimes is how long a channel took to show the figures it was sent, as read
// back.
type StockTimes struct {
	Figures        int64
	Total, Longest time.Duration
	// Late is the longest that a lowered figure was seen not to be shown: so long
	// at least more could be sold there than the hub had allowed.
	Late time.Duration
}

// Add adds one figure.
func (t *StockTimes) Add(took, late time.Duration) {
	t.Figures++
	t.Total += took
	t.Longest, t.Late = max(t.Longest, took), max(t.Late, late)
}

// Mean is the mean time, 0 when nothing was measured.
func (t StockTimes) Mean() time.Duration {
	if t.Figures == 0 {
		return 0
	}
	return t.Total / time.Duration(t.Figures)
}

// AddStockTimes adds to the times of an account's present hour.
func (tx *Tx) AddStockTimes(ctx context.Context, accountID string, t StockTimes) error {
	if t.Figures == 0 {
		return nil
	}
	const greater = "CASE WHEN excluded.%[1]s > stock_times.%[1]s THEN excluded.%[1]s ELSE stock_times.%[1]s END"
	if _, err := tx.q.exec(ctx, `INSERT INTO stock_times (account_id, hour, figures, total_us, longest_us, late_us) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (account_id, hour) DO UPDATE SET figures = stock_times.figures + excluded.figures, total_us = stock_times.total_us + excluded.total_us,
		longest_us = `+fmt.Sprintf(greater, "longest_us")+", late_us = "+fmt.Sprintf(greater, "late_us"),
		accountID, micros(tx.s.Now().Truncate(time.Hour)), t.Figures, t.Total.Microseconds(), t.Longest.Microseconds(), t.Late.Microseconds()); err != nil {
		return fmt.Errorf("keep how long figures took: %w", err)
	}
	return nil
}

// StockTimes reads how long accounts' channels took since a moment.
func (s *Store) StockTimes(ctx context.Context, since time.Time) (map[string]StockTimes, error) {
	rows, err := s.engine.reader().query(ctx, `SELECT account_id, CAST(SUM(figures) AS BIGINT), CAST(SUM(total_us) AS BIGINT), MAX(longest_us), MAX(late_us)
		FROM stock_times WHERE hour >= ? GROUP BY account_id`, micros(since.Truncate(time.Hour)))
	if err != nil {
		return nil, fmt.Errorf("read how long figures took: %w", err)
	}
	defer rows.Close()
	out := map[string]StockTimes{}
	for rows.Next() {
		var id string
		var n, total, longest, late int64
		if err := rows.Scan(&id, &n, &total, &longest, &late); err != nil {
			return nil, fmt.Errorf("read how long figures took: %w", err)
		}
		out[id] = StockTimes{Figures: n, Total: fromUS(total), Longest: fromUS(longest), Late: fromUS(late)}
	}
	return out, rows.Err()
}

func fromUS(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

// StockShown counts an account's listings by how far their figures are.
type StockShown struct {
	States map[PublicationState]int64
	// Foreign are those where somebody else's figure was found since a moment.
	Foreign int64
}

// StocksShown counts the listings of all accounts; foreign figures count since a
// moment.
func (s *Store) StocksShown(ctx context.Context, since time.Time) (map[string]StockShown, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT p.account_id, "+publicationShown+`, COUNT(*), CAST(SUM(CASE WHEN p.foreign_at > ? THEN 1 ELSE 0 END) AS BIGINT)
		FROM publications p GROUP BY 1, 2`, micros(since))
	if err != nil {
		return nil, fmt.Errorf("count what is published: %w", err)
	}
	defer rows.Close()
	out := map[string]StockShown{}
	for rows.Next() {
		var id, state string
		var n, foreign int64
		if err := rows.Scan(&id, &state, &n, &foreign); err != nil {
			return nil, fmt.Errorf("count what is published: %w", err)
		}
		v := out[id]
		if v.States == nil {
			v.States = map[PublicationState]int64{}
		}
		v.States[PublicationState(state)] += n
		v.Foreign += foreign
		out[id] = v
	}
	return out, rows.Err()
}
