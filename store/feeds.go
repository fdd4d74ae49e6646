package store

import (
	"context"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
)

// FeedPosition is where a feed of an account stands.
type FeedPosition struct {
	AccountID string
	Feed      string
	Cursor    []byte
	// SweepStartedAt is set while a sweep is under way.
	SweepStartedAt time.Time
	// ConfirmedAt is when the last sweep began that reached the end: whatever
	// the channel showed before that moment is in the hub. FinishedAt is when it
	// reached it.
	ConfirmedAt, FinishedAt time.Time
	NextAt                  time.Time
	// Pages and Items of the sweep under way, or of the last one.
	Pages, Items int64
	Failures     int
	Error        string
	Class        orderhub.Class
}

const feedColumns = `account_id, feed, cursor, sweep_started_at, confirmed_at, finished_at, next_at, pages, items,
	failures, error, error_class`

// Feeds lists the positions of an account's feeds; accountID "" = of all.
func (s *Store) Feeds(ctx context.Context, accountID string) ([]FeedPosition, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT "+feedColumns+" FROM feeds WHERE (? = '' OR account_id = ?) ORDER BY account_id, feed",
		accountID, accountID)
	if err != nil {
		return nil, fmt.Errorf("list feeds: %w", err)
	}
	defer rows.Close()
	var out []FeedPosition
	for rows.Next() {
		var p FeedPosition
		var started, confirmed, finished, next int64
		var class string
		if err := rows.Scan(&p.AccountID, &p.Feed, &p.Cursor, &started, &confirmed, &finished, &next, &p.Pages, &p.Items,
			&p.Failures, &p.Error, &class); err != nil {
			return nil, fmt.Errorf("list feeds: %w", err)
		}
		p.SweepStartedAt, p.ConfirmedAt, p.FinishedAt = fromMicros(started), fromMicros(confirmed), fromMicros(finished)
		p.NextAt, p.Class = fromMicros(next), orderhub.Class(class)
		out = append(out, p)
	}
	return out, rows.Err()
}

// Feed reads one position; a feed never swept has the zero position.
func (s *Store) Feed(ctx context.Context, accountID, feed string) (FeedPosition, error) {
	all, err := s.Feeds(ctx, accountID)
	if err != nil {
		return FeedPosition{}, err
	}
	for _, p := range all {
		if p.Feed == feed {
			return p, nil
		}
	}
	return FeedPosition{AccountID: accountID, Feed: feed}, nil
}

// SetFeed writes a position.
func (tx *Tx) SetFeed(ctx context.Context, p FeedPosition) error {
	_, err := tx.q.exec(ctx, "INSERT INTO feeds ("+feedColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (account_id, feed) DO UPDATE SET cursor = excluded.cursor, sweep_started_at = excluded.sweep_started_at,
		confirmed_at = excluded.confirmed_at, finished_at = excluded.finished_at, next_at = excluded.next_at,
		pages = excluded.pages, items = excluded.items, failures = excluded.failures, error = excluded.error,
		error_class = excluded.error_class`,
		p.AccountID, p.Feed, p.Cursor, micros(p.SweepStartedAt), micros(p.ConfirmedAt), micros(p.FinishedAt), micros(p.NextAt),
		p.Pages, p.Items, p.Failures, p.Error, string(p.Class))
	if err != nil {
		return fmt.Errorf("save the position of %s/%s: %w", p.AccountID, p.Feed, err)
	}
	return nil
}
