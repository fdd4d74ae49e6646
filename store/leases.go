package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrFenced tells that a lease has passed to somebody else: whatever its former
// holder was about to write must not be written.
var ErrFenced = errors.New("the lease was lost to another process")

// Lease is the right to work on something until it expires.
type Lease struct {
	Name  string
	Owner string
	// Token grows with every change of hands.
	Token int64
}

// AcquireLease takes or renews a lease. ok is false while somebody else holds
// it. Owners must be unique per process and worker.
func (s *Store) AcquireLease(ctx context.Context, name, owner string, ttl time.Duration) (l Lease, ok bool, err error) {
	err = s.InTx(ctx, func(tx *Tx) error {
		l, ok, err = tx.acquire(ctx, name, owner, ttl)
		return err
	})
	if err != nil {
		return l, false, fmt.Errorf("take lease %s: %w", name, err)
	}
	return l, ok, nil
}

func (tx *Tx) acquire(ctx context.Context, name, owner string, ttl time.Duration) (l Lease, ok bool, err error) {
	now := tx.s.Now()
	rows, err := tx.q.query(ctx, `INSERT INTO leases (name, owner, token, expires_at) VALUES (?, ?, 1, ?)
		ON CONFLICT (name) DO UPDATE SET
			token = leases.token + CASE WHEN leases.owner = excluded.owner THEN 0 ELSE 1 END,
			owner = excluded.owner, expires_at = excluded.expires_at
		WHERE leases.owner = excluded.owner OR leases.expires_at < ?
		RETURNING token`, name, owner, micros(now.Add(ttl)), micros(now))
	if err != nil {
		return l, false, err
	}
	defer rows.Close()
	if rows.Next() {
		ok = true
		l = Lease{Name: name, Owner: owner}
		if err := rows.Scan(&l.Token); err != nil {
			return l, false, err
		}
	}
	return l, ok, rows.Err()
}

// ReleaseLease gives a lease back early; a lost one is left alone.
func (s *Store) ReleaseLease(ctx context.Context, l Lease) error {
	return s.InTx(ctx, func(tx *Tx) error {
		if _, err := tx.q.exec(ctx, "UPDATE leases SET expires_at = 0 WHERE name = ? AND token = ? AND owner = ?",
			l.Name, l.Token, l.Owner); err != nil {
			return fmt.Errorf("release lease %s: %w", l.Name, err)
		}
		return nil
	})
}

// Hold checks, inside a transaction, that the lease is still the caller's and
// keeps it so until the commit. A zero lease (tests, one-off commands) passes.
func (tx *Tx) Hold(ctx context.Context, l Lease) error {
	if l.Name == "" {
		return nil
	}
	rows, err := tx.q.query(ctx, "SELECT token FROM leases WHERE name = ? AND token = ? AND owner = ?"+tx.q.lock(), l.Name, l.Token, l.Owner)
	if err != nil {
		return fmt.Errorf("check lease %s: %w", l.Name, err)
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return fmt.Errorf("check lease %s: %w", l.Name, err)
		}
		return ErrFenced
	}
	return nil
}

// RingBell counts a ring of a lane's doorbell. first is true when nobody has
// rung since a job last took the bell: then, and only then, a job is to be
// inserted in this transaction. The row lock makes ring and take exclusive, so
// a row committed with its ring is always seen by a job that takes the bell
// later. The time of the first ring stays: it tells how long the job is overdue.
func (tx *Tx) RingBell(ctx context.Context, lane string) (first bool, err error) {
	rows, err := tx.q.query(ctx, `INSERT INTO bells (lane, rung, rung_at, taken_at) VALUES (?, 1, ?, 0)
		ON CONFLICT (lane) DO UPDATE SET rung = bells.rung + 1,
			rung_at = CASE WHEN bells.rung = 0 THEN excluded.rung_at ELSE bells.rung_at END RETURNING rung`, lane, micros(tx.s.Now()))
	if err != nil {
		return false, fmt.Errorf("ring %s: %w", lane, err)
	}
	defer rows.Close()
	var rung int64
	if rows.Next() {
		if err := rows.Scan(&rung); err != nil {
			return false, fmt.Errorf("ring %s: %w", lane, err)
		}
	}
	return rung == 1, rows.Err()
}

// RingAgain rings a doorbell that has been waiting for its job since before the
// given moment. first is true for one caller alone: it inserts the job anew.
func (tx *Tx) RingAgain(ctx context.Context, lane string, before time.Time) (first bool, err error) {
	n, err := tx.q.exec(ctx, "UPDATE bells SET rung_at = ? WHERE lane = ? AND rung > 0 AND rung_at < ?", micros(tx.s.Now()), lane, micros(before))
	if err != nil {
		return false, fmt.Errorf("ring %s again: %w", lane, err)
	}
	return n > 0, nil
}

// Bell is the state of a lane's doorbell.
type Bell struct {
	Lane            string
	Rung            int64
	RungAt, TakenAt time.Time
}

// Bells lists all doorbells by lane.
func (s *Store) Bells(ctx context.Context) (map[string]Bell, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT lane, rung, rung_at, taken_at FROM bells")
	if err != nil {
		return nil, fmt.Errorf("list bells: %w", err)
	}
	defer rows.Close()
	out := map[string]Bell{}
	for rows.Next() {
		var b Bell
		var rung, taken int64
		if err := rows.Scan(&b.Lane, &b.Rung, &rung, &taken); err != nil {
			return nil, fmt.Errorf("list bells: %w", err)
		}
		b.RungAt, b.TakenAt = fromMicros(rung), fromMicros(taken)
		out[b.Lane] = b
	}
	return out, rows.Err()
}
