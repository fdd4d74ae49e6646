package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"
)

// Who reads all events after an id must not pass over one: on PostgreSQL a
// transaction may take an id, and commit after others with higher ids did.

// The advisory lock that transactions with new events share until they end, any
// two numbers that nothing else uses. Nobody takes it alone, so nobody waits.
const eventsLockA, eventsLockB = 0x6f68, 0x6576

func (q pgQuerier) writesEvents(ctx context.Context) error {
	_, err := q.db.Exec(ctx, "SELECT pg_advisory_xact_lock_shared($1::int, $2::int)", eventsLockA, eventsLockB)
	return err
}

// eventsPatience is how long settledEvents waits for those that write now.
const eventsPatience = 2 * time.Second

// settledEvents looks which id is the last one, then who is still writing: what
// has a smaller id and is not visible yet can only be theirs.
func (e *postgres) settledEvents(ctx context.Context) (int64, bool, error) {
	id, err := lastEvent(ctx, e.reader())
	if err != nil {
		return 0, false, err
	}
	writing, err := e.eventWriters(ctx)
	for waited := time.Duration(0); err == nil && len(writing) > 0; waited += 5 * time.Millisecond {
		if waited >= eventsPatience {
			return 0, false, nil
		}
		select {
		case <-ctx.Done():
			return 0, false, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
		var now map[string]bool
		now, err = e.eventWriters(ctx)
		maps.DeleteFunc(writing, func(tx string, _ bool) bool { return !now[tx] })
	}
	return id, err == nil, err
}

func (e *postgres) eventWriters(ctx context.Context) (map[string]bool, error) {
	rows, err := e.reader().query(ctx, `SELECT l.virtualtransaction FROM pg_locks l JOIN pg_database d ON d.oid = l.database
		WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted AND d.datname = current_database()
			AND l.classid::bigint = ? AND l.objid::bigint = ?`, int64(eventsLockA), int64(eventsLockB))
	if err != nil {
		return nil, fmt.Errorf("look who writes events: %w", err)
	}
	defer rows.Close()
	out := map[string]bool{}
	for rows.Next() {
		var tx string
		if err := rows.Scan(&tx); err != nil {
			return nil, fmt.Errorf("look who writes events: %w", err)
		}
		out[tx] = true
	}
	return out, rows.Err()
}

func lastEvent(ctx context.Context, q querier) (id int64, err error) {
	rows, err := q.query(ctx, "SELECT COALESCE(MAX(id), 0) FROM events")
	if err != nil {
		return 0, fmt.Errorf("find the last event: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		err = rows.Scan(&id)
	}
	return id, errors.Join(err, rows.Err())
}
