package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
)

// MaxLag is where the counting of what a reader has before it ends.
const MaxLag = 100_000

// FeedConsumers lists who reads the feed, by name.
func (s *Store) FeedConsumers(ctx context.Context) ([]orderhub.FeedConsumer, error) {
	return readConsumers(ctx, s.engine.reader(), "ORDER BY name")
}

// FeedConsumer reads one.
func (s *Store) FeedConsumer(ctx context.Context, name string) (orderhub.FeedConsumer, error) {
	return oneConsumer(name)(readConsumers(ctx, s.engine.reader(), "WHERE name = ?", name))
}

// LockConsumer reads one and locks it until the commit.
func (tx *Tx) LockConsumer(ctx context.Context, name string) (orderhub.FeedConsumer, error) {
	return oneConsumer(name)(readConsumers(ctx, tx.q, "WHERE name = ?"+tx.q.lock(), name))
}

func oneConsumer(name string) func([]orderhub.FeedConsumer, error) (orderhub.FeedConsumer, error) {
	return func(list []orderhub.FeedConsumer, err error) (orderhub.FeedConsumer, error) {
		if err == nil && len(list) == 0 {
			err = orderhub.Errorf(orderhub.CodeNotFound, "nobody reads the feed as %.40q; PUT /feed/consumers/{name} adds a reader", name)
		}
		if err != nil {
			return orderhub.FeedConsumer{}, err
		}
		return list[0], nil
	}
}

func readConsumers(ctx context.Context, q querier, where string, args ...any) ([]orderhub.FeedConsumer, error) {
	rows, err := q.query(ctx, "SELECT name, position, filter, read_at, acked_at, created_at FROM feed_consumers "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read the feed's readers: %w", err)
	}
	defer rows.Close()
	var out []orderhub.FeedConsumer
	for rows.Next() {
		var c orderhub.FeedConsumer
		var filter string
		var read, acked, created int64
		if err := rows.Scan(&c.Name, &c.Position, &filter, &read, &acked, &created); err != nil {
			return nil, fmt.Errorf("read the feed's readers: %w", err)
		}
		if err := json.Unmarshal([]byte(filter), &c.Filter); err != nil {
			return nil, fmt.Errorf("read the feed's reader %s: %w", c.Name, err)
		}
		c.ReadAt, c.AckedAt, c.CreatedAt = fromMicros(read), fromMicros(acked), fromMicros(created)
		out = append(out, c)
	}
	return out, rows.Err()
}

// SaveConsumer adds a reader of the feed or writes its position and filter back.
func (tx *Tx) SaveConsumer(ctx context.Context, c orderhub.FeedConsumer) error {
	filter, err := json.Marshal(c.Filter)
	if err != nil {
		return fmt.Errorf("encode the feed's reader: %w", err)
	}
	if _, err := tx.q.exec(ctx, `INSERT INTO feed_consumers (name, position, filter, read_at, acked_at, created_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET position = excluded.position, filter = excluded.filter, acked_at = excluded.acked_at`,
		c.Name, c.Position, string(filter), micros(c.ReadAt), micros(c.AckedAt), micros(tx.s.Now())); err != nil {
		return fmt.Errorf("save the feed's reader: %w", err)
	}
	return nil
}

// ConsumerRead notes that a reader read.
func (s *Store) ConsumerRead(ctx context.Context, name string) error {
	return s.InTx(ctx, func(tx *Tx) error {
		if _, err := tx.q.exec(ctx, "UPDATE feed_consumers SET read_at = ? WHERE name = ?", micros(s.Now()), name); err != nil {
			return fmt.Errorf("save the feed's reader: %w", err)
		}
		return nil
	})
}

// DeleteConsumer forgets a reader.
func (tx *Tx) DeleteConsumer(ctx context.Context, name string) error {
	if _, err := tx.q.exec(ctx, "DELETE FROM feed_consumers WHERE name = ?", name); err != nil {
		return fmt.Errorf("delete the feed's reader: %w", err)
	}
	return nil
}

// LagAfter tells what lies behind an event, whoever may read it.
func (s *Store) LagAfter(ctx context.Context, id int64) (l orderhub.Lag, err error) {
	rows, err := s.engine.reader().query(ctx, `SELECT COUNT(*), COALESCE(MIN(at), 0) FROM
		(SELECT id, at FROM events WHERE id > ? ORDER BY id LIMIT ?) e`, id, MaxLag)
	if err != nil {
		return l, fmt.Errorf("count events: %w", err)
	}
	defer rows.Close()
	var at int64
	if rows.Next() {
		if err := rows.Scan(&l.Events, &at); err != nil {
			return l, fmt.Errorf("count events: %w", err)
		}
	}
	l.Since = fromMicros(at)
	return l, rows.Err()
}

// LastEvent gives the id of the newest event that is visible.
func (s *Store) LastEvent(ctx context.Context) (int64, error) {
	return lastEvent(ctx, s.engine.reader())
}

// EventBefore gives the last event that happened before a moment. Ids rise with the
// time but for transactions that overlap, so a minute is added.
func (s *Store) EventBefore(ctx context.Context, at time.Time) (int64, error) {
	// Half the interval again and again: events have no index by time.
	low, high := int64(0), int64(0)
	high, err := s.LastEvent(ctx)
	if err != nil {
		return 0, err
	}
	want := at.Add(-time.Minute)
	for low < high {
		middle := low + (high-low+1)/2
		list, err := s.events(ctx, "WHERE id <= ? ORDER BY id DESC LIMIT 1", middle)
		if err != nil {
			return 0, err
		}
		switch {
		case len(list) == 0 || list[0].At.Before(want):
			low = middle
		default:
			high = middle - 1
		}
	}
	return low, nil
}
