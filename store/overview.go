package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
)

// overviewCap is how far things that wait are counted: more than that is "many".
const overviewCap = 10_000

// OverviewHour is what one channel brought in one hour, in one currency.
type OverviewHour struct {
	Hour     time.Time
	Channel  orderhub.Channel
	Currency string // "" = the channel gave no amounts
	// Orders were placed, Cancelled of them are cancelled by now; their amounts are
	// not in Minor.
	Orders, Cancelled, Minor int64
}

// OverviewWaiting counts what waits for a person. No count goes beyond 10,000.
type OverviewWaiting struct {
	Statuses map[orderhub.Status]int64 // new, confirmed, packed
	Holds    map[orderhub.Hold]int64
	// Late are orders whose deadline is over, Due[h] those whose deadline is in the
	// hour h from now.
	Late int64
	Due  [24]int64
	// Rejected counts effects that were refused within a day, Uncertain all those.
	Rejected, Uncertain int64
	Quarantine          int64
	// Returns are received and wait for a decision.
	Returns   int64
	Unmatched int64 // listings without a product
}

// OverviewHours sums up the orders placed in [from, to), by hour, channel and
// currency. Whole hours come from an index in which they stand in this order; what is
// left at both ends is less than an hour each.
func (s *Store) OverviewHours(ctx context.Context, from, to time.Time) ([]OverviewHour, error) {
	first, last := from.Truncate(time.Hour), to.Truncate(time.Hour)
	if first.Before(from) {
		first = first.Add(time.Hour)
	}
	if last.Before(first) { // within one hour
		return s.overviewPart(ctx, "placed_at >= ? AND placed_at < ?", micros(from), micros(to))
	}
	begun, err := s.overviewPart(ctx, "placed_at >= ? AND placed_at < ?", micros(from), micros(first))
	if err != nil {
		return nil, err
	}
	whole, err := s.overviewPart(ctx, "placed_at / 3600000000 >= ? AND placed_at / 3600000000 < ?", first.Unix()/3600, last.Unix()/3600)
	if err != nil {
		return nil, err
	}
	rest, err := s.overviewPart(ctx, "placed_at >= ? AND placed_at < ?", micros(last), micros(to))
	return slices.Concat(begun, whole, rest), err
}

func (s *Store) overviewPart(ctx context.Context, which string, from, to int64) ([]OverviewHour, error) {
	rows, err := s.engine.reader().query(ctx, `SELECT placed_at / 3600000000 AS hour, channel, currency, COUNT(*),
			SUM(CASE WHEN status = 'cancelled' THEN 1 ELSE 0 END),
			CAST(SUM(CASE WHEN status = 'cancelled' THEN 0 ELSE total_minor END) AS BIGINT)
		FROM orders WHERE `+which+` GROUP BY placed_at / 3600000000, channel, currency
		ORDER BY 1, channel, currency`, from, to)
	if err != nil {
		return nil, fmt.Errorf("sum up orders: %w", err)
	}
	defer rows.Close()
	var out []OverviewHour
	for rows.Next() {
		var h OverviewHour
		var hour int64
		if err := rows.Scan(&hour, &h.Channel, &h.Currency, &h.Orders, &h.Cancelled, &h.Minor); err != nil {
			return nil, fmt.Errorf("sum up orders: %w", err)
		}
		h.Hour = time.Unix(hour*3600, 0).UTC()
		out = append(out, h)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("sum up orders: %w", err)
	}
	return out, nil
}

// OverviewWaiting counts what waits. Every count reads the head of an index that
// holds little else.
func (s *Store) OverviewWaiting(ctx context.Context) (OverviewWaiting, error) {
	w := OverviewWaiting{Statuses: map[orderhub.Status]int64{}, Holds: map[orderhub.Hold]int64{}}
	for _, status := range []orderhub.Status{orderhub.StatusNew, orderhub.StatusConfirmed, orderhub.StatusPacked} {
		n, err := s.countUpTo(ctx, "orders WHERE status = ?", string(status))
		if err != nil {
			return w, err
		}
		w.Statuses[status] = n
	}
	now := s.Now()
	for _, c := range []struct {
		into *int64
		what string
		args []any
	}{
		{&w.Uncertain, "effects WHERE state = 'uncertain'", nil},
		{&w.Rejected, "(SELECT created_at FROM effects WHERE state = 'rejected' ORDER BY id DESC LIMIT 1000) r WHERE created_at >= ?", []any{micros(now.Add(-24 * time.Hour))}},
		{&w.Quarantine, "inbox WHERE state = 'quarantined'", nil},
		{&w.Returns, "returns WHERE state = 'received'", nil},
		{&w.Unmatched, "listings WHERE sku = ''", nil},
	} {
		n, err := s.countUpTo(ctx, c.what, c.args...)
		if err != nil {
			return w, err
		}
		*c.into = n
	}
	if err := s.overviewHolds(ctx, w.Holds); err != nil {
		return w, err
	}
	return w, s.overviewDeadlines(ctx, now, &w)
}

// countUpTo counts rows, but not beyond the cap.
func (s *Store) countUpTo(ctx context.Context, what string, args ...any) (n int64, err error) {
	rows, err := s.engine.reader().query(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM "+what+fmt.Sprintf(" LIMIT %d) c", overviewCap), args...)
	if err != nil {
		return 0, fmt.Errorf("count what waits: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, fmt.Errorf("count what waits: %w", err)
		}
	}
	return n, rows.Err()
}

func (s *Store) overviewHolds(ctx context.Context, into map[orderhub.Hold]int64) error {
	rows, err := s.engine.reader().query(ctx, fmt.Sprintf(`SELECT holds, COUNT(*) FROM
		(SELECT holds FROM orders WHERE holds <> '' ORDER BY placed_at DESC, id DESC LIMIT %d) h GROUP BY holds`, overviewCap))
	if err != nil {
		return fmt.Errorf("count holds: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var list string
		var n int64
		if err := rows.Scan(&list, &n); err != nil {
			return fmt.Errorf("count holds: %w", err)
		}
		for h := range strings.SplitSeq(strings.Trim(list, ","), ",") {
			into[orderhub.Hold(h)] += n
		}
	}
	return rows.Err()
}

func (s *Store) overviewDeadlines(ctx context.Context, now time.Time, w *OverviewWaiting) error {
	q := s.engine.reader()
	rows, err := q.query(ctx, fmt.Sprintf(`SELECT ship_by FROM orders%s WHERE ship_by > 0 AND status IN ('new','confirmed','packed')
		AND ship_by < ? ORDER BY ship_by, id LIMIT %d`, q.by("orders_ship_by"), overviewCap), micros(now.Add(24*time.Hour)))
	if err != nil {
		return fmt.Errorf("count deadlines: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var us int64
		if err := rows.Scan(&us); err != nil {
			return fmt.Errorf("count deadlines: %w", err)
		}
		if left := fromMicros(us).Sub(now); left < 0 {
			w.Late++
		} else if h := int(left / time.Hour); h < len(w.Due) {
			w.Due[h]++
		}
	}
	return rows.Err()
}

// FailedEffects tells which of these orders have a last effect that was rejected
// or is uncertain, by number.
func (s *Store) FailedEffects(ctx context.Context, numbers []int64) (map[int64]orderhub.EffectState, error) {
	out := map[int64]orderhub.EffectState{}
	if len(numbers) == 0 {
		return out, nil
	}
	q := s.engine.reader()
	cond, arg := q.in("order_id", numbers)
	rows, err := q.query(ctx, "SELECT order_id, state FROM effects WHERE "+cond+" AND state <> 'superseded' ORDER BY order_id, id", arg)
	if err != nil {
		return nil, fmt.Errorf("read failed effects: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var number int64
		var state orderhub.EffectState
		if err := rows.Scan(&number, &state); err != nil {
			return nil, fmt.Errorf("read failed effects: %w", err)
		}
		if state == orderhub.EffectRejected || state == orderhub.EffectUncertain {
			out[number] = state
		} else {
			delete(out, number)
		}
	}
	return out, rows.Err()
}
