package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
)

// AddSession stores a session under its secret, of which only the hash is kept.
func (tx *Tx) AddSession(ctx context.Context, s *orderhub.Session, secret string) error {
	ids, err := tx.q.nextIDs(ctx, "sessions", 1)
	if err != nil {
		return fmt.Errorf("add session: %w", err)
	}
	s.ID = ids[0]
	sum := sha256.Sum256([]byte(secret))
	if err := tx.q.insert(ctx, "sessions", []string{"id", "sha256", "user_id", "address", "agent", "created_at", "seen_at", "idle_ends", "ends"}, [][]any{{
		s.ID, sum[:], s.UserID, s.Address, s.Agent, micros(s.CreatedAt), micros(s.SeenAt), micros(s.IdleEnds), micros(s.Ends),
	}}); err != nil {
		return fmt.Errorf("add session: %w", err)
	}
	return nil
}

const sessionColumns = "id, user_id, address, agent, created_at, seen_at, idle_ends, ends"

// FindSession reads the session with a secret and its user. ok is false when there
// is none, when it has ended, and when the user is disabled.
func (s *Store) FindSession(ctx context.Context, secret string) (found orderhub.Session, u UserRow, ok bool, err error) {
	sum, now := sha256.Sum256([]byte(secret)), micros(s.Now())
	list, err := s.sessions(ctx, "WHERE sha256 = ? AND idle_ends > ? AND ends > ?", sum[:], now, now)
	if err != nil || len(list) == 0 {
		return found, u, false, err
	}
	u, ok, err = s.oneUser(ctx, s.engine.reader(), "WHERE id = ? AND disabled = 0", list[0].UserID)
	return list[0], u, ok, err
}

// Sessions lists a user's sessions that have not ended, the latest used first.
func (s *Store) Sessions(ctx context.Context, userID int64) ([]orderhub.Session, error) {
	now := micros(s.Now())
	return s.sessions(ctx, "WHERE user_id = ? AND idle_ends > ? AND ends > ? ORDER BY seen_at DESC, id DESC LIMIT 200", userID, now, now)
}

func (s *Store) sessions(ctx context.Context, where string, args ...any) ([]orderhub.Session, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT "+sessionColumns+" FROM sessions "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	defer rows.Close()
	var out []orderhub.Session
	for rows.Next() {
		var x orderhub.Session
		var created, seen, idle, ends int64
		if err := rows.Scan(&x.ID, &x.UserID, &x.Address, &x.Agent, &created, &seen, &idle, &ends); err != nil {
			return nil, fmt.Errorf("read sessions: %w", err)
		}
		x.CreatedAt, x.SeenAt, x.IdleEnds, x.Ends = fromMicros(created), fromMicros(seen), fromMicros(idle), fromMicros(ends)
		out = append(out, x)
	}
	return out, rows.Err()
}

// TouchSession notes that a session is used.
func (s *Store) TouchSession(ctx context.Context, id int64, seen, idleEnds time.Time) error {
	return s.InTx(ctx, func(tx *Tx) error {
		if _, err := tx.q.exec(ctx, "UPDATE sessions SET seen_at = ?, idle_ends = ? WHERE id = ?", micros(seen), micros(idleEnds), id); err != nil {
			return fmt.Errorf("touch session: %w", err)
		}
		return nil
	})
}

// EndSession ends one session of a user; false when there is none.
func (tx *Tx) EndSession(ctx context.Context, userID, id int64) (bool, error) {
	n, err := tx.q.exec(ctx, "DELETE FROM sessions WHERE user_id = ? AND id = ?", userID, id)
	if err != nil {
		return false, fmt.Errorf("end session: %w", err)
	}
	return n == 1, nil
}

// EndSessions ends all sessions of a user.
func (tx *Tx) EndSessions(ctx context.Context, userID int64) error {
	if _, err := tx.q.exec(ctx, "DELETE FROM sessions WHERE user_id = ?", userID); err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}

// ForgetPeople deletes sessions that have ended and audit entries older than a
// moment, some at a time; it tells whether more may be left.
func (s *Store) ForgetPeople(ctx context.Context, audit time.Time) (more bool, err error) {
	const some = 1000
	err = s.InTx(ctx, func(tx *Tx) error {
		now := micros(s.Now())
		ended, err := tx.q.exec(ctx, "DELETE FROM sessions WHERE "+tx.q.inQuery("id", "SELECT x.id FROM sessions x WHERE x.ends <= ? OR x.idle_ends <= ? ORDER BY x.id LIMIT ?"), now, now, some)
		if err != nil {
			return fmt.Errorf("forget sessions: %w", err)
		}
		old, err := tx.q.exec(ctx, "DELETE FROM audit_log WHERE "+tx.q.inQuery("id", "SELECT x.id FROM audit_log x WHERE x.at < ? ORDER BY x.at LIMIT ?"), micros(audit), some)
		if err != nil {
			return fmt.Errorf("forget audit entries: %w", err)
		}
		more = ended == some || old == some
		return nil
	})
	return more, err
}

// EndSessionBySecret ends the session with a secret, if there is one.
func (tx *Tx) EndSessionBySecret(ctx context.Context, secret string) error {
	sum := sha256.Sum256([]byte(secret))
	if _, err := tx.q.exec(ctx, "DELETE FROM sessions WHERE sha256 = ?", sum[:]); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}
