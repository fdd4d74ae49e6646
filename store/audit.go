package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
)

// AuditDay compares what a channel lists with what the hub holds, for orders
// placed on one day.
type AuditDay struct {
	AccountID string    `json:"account"`
	Day       string    `json:"day"` // 2026-11-23, UTC
	At        time.Time `json:"at"`
	// Theirs and Ours count orders.
	Theirs int `json:"theirs"`
	Ours   int `json:"ours"`
	// Missing are external ids that the channel lists and the hub does not hold;
	// Extra those that the hub holds and the channel does not list.
	Missing []string `json:"missing"`
	Extra   []string `json:"extra"`
}

// SaveAudit keeps the latest result of a day.
func (s *Store) SaveAudit(ctx context.Context, d AuditDay) error {
	missing, err := json.Marshal(d.Missing)
	if err != nil {
		return fmt.Errorf("save audit: %w", err)
	}
	extra, err := json.Marshal(d.Extra)
	if err != nil {
		return fmt.Errorf("save audit: %w", err)
	}
	return s.InTx(ctx, func(tx *Tx) error {
		if _, err := tx.q.exec(ctx, `INSERT INTO audits (`+auditDayColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (account_id, day) DO UPDATE SET at = excluded.at, theirs = excluded.theirs, ours = excluded.ours,
			missing = excluded.missing, extra = excluded.extra`,
			d.AccountID, d.Day, micros(d.At), d.Theirs, d.Ours, string(missing), string(extra)); err != nil {
			return fmt.Errorf("save audit: %w", err)
		}
		return nil
	})
}

// AuditDayFilter selects saved results.
type AuditDayFilter struct {
	// AccountID "" = of all.
	AccountID string
	// Gaps leaves out days on which both sides agreed.
	Gaps bool
	// Day and After continue a list: only results behind those of this day and
	// account; "" = from the newest.
	Day, After string
	Limit      int
}

const auditDayColumns = "account_id, day, at, theirs, ours, missing, extra"

// Audits lists saved results, newest day first, the accounts of a day by name.
func (s *Store) Audits(ctx context.Context, f AuditDayFilter) ([]AuditDay, error) {
	where, args := "WHERE 1 = 1", []any{}
	add := func(cond string, v ...any) {
		where += " AND " + cond
		args = append(args, v...)
	}
	if f.AccountID != "" {
		add("account_id = ?", f.AccountID)
	}
	if f.Gaps {
		add("(missing <> '[]' OR extra <> '[]')")
	}
	if f.Day != "" {
		add("(day < ? OR (day = ? AND account_id > ?))", f.Day, f.Day, f.After)
	}
	return s.auditRows(ctx, where+" ORDER BY day DESC, account_id LIMIT ?", append(args, f.Limit)...)
}

// AuditOf reads the result of a day (2026-11-23).
func (s *Store) AuditOf(ctx context.Context, accountID, day string) (AuditDay, error) {
	found, err := s.auditRows(ctx, "WHERE account_id = ? AND day = ?", accountID, day)
	if err == nil && len(found) == 0 {
		err = orderhub.Errorf(orderhub.CodeNotFound, "%s was not compared yet for this account", day)
	}
	if err != nil {
		return AuditDay{}, err
	}
	return found[0], nil
}

func (s *Store) auditRows(ctx context.Context, where string, args ...any) ([]AuditDay, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT "+auditDayColumns+" FROM audits "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list audits: %w", err)
	}
	defer rows.Close()
	var out []AuditDay
	for rows.Next() {
		var d AuditDay
		var at int64
		var missing, extra string
		if err := rows.Scan(&d.AccountID, &d.Day, &at, &d.Theirs, &d.Ours, &missing, &extra); err != nil {
			return nil, fmt.Errorf("list audits: %w", err)
		}
		d.At = fromMicros(at)
		if err := json.Unmarshal([]byte(missing), &d.Missing); err != nil {
			return nil, fmt.Errorf("list audits: %w", err)
		}
		if err := json.Unmarshal([]byte(extra), &d.Extra); err != nil {
			return nil, fmt.Errorf("list audits: %w", err)
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

// PlacedIDs lists the external ids of an account's orders placed in [from, to).
func (s *Store) PlacedIDs(ctx context.Context, accountID string, from, to time.Time) ([]string, error) {
	return s.column(ctx, "SELECT external_id FROM orders WHERE account_id = ? AND placed_at >= ? AND placed_at < ?",
		accountID, micros(from), micros(to))
}

// KnownIDs tells which of the external ids the hub holds.
func (s *Store) KnownIDs(ctx context.Context, accountID string, externalIDs []string) ([]string, error) {
	cond, arg := s.engine.reader().inEach(orderByExternal, externalIDs)
	return s.column(ctx, "SELECT external_id FROM orders WHERE "+cond, accountID, arg)
}

func (s *Store) column(ctx context.Context, query string, args ...any) ([]string, error) {
	rows, err := s.engine.reader().query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read ids: %w", err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return nil, fmt.Errorf("read ids: %w", err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// DriftRow is a word of a channel that its adapter does not know.
type DriftRow struct {
	AccountID string    `json:"account"`
	Field     string    `json:"field"`
	Word      string    `json:"word"`
	OrderID   int64     `json:"number"`
	FirstAt   time.Time `json:"first_at"`
	LastAt    time.Time `json:"last_at"`
	Count     int64     `json:"count"`
}

// CountDrift adds sightings of unknown words.
func (tx *Tx) CountDrift(ctx context.Context, accountID string, orderID int64, words []orderhub.Drift) error {
	now := micros(tx.s.Now())
	rows := make([][]any, 0, len(words))
	for _, d := range words {
		rows = append(rows, []any{accountID, d.Field, d.Word, orderID, now, now})
	}
	if err := tx.q.execMany(ctx, `INSERT INTO drift (account_id, field, word, order_id, first_at, last_at, count) VALUES (?, ?, ?, ?, ?, ?, 1)
		ON CONFLICT (account_id, field, word) DO UPDATE SET order_id = excluded.order_id, last_at = excluded.last_at, count = drift.count + 1`,
		rows); err != nil {
		return fmt.Errorf("count drift: %w", err)
	}
	return nil
}

// Drift lists unknown words, newest first.
func (s *Store) Drift(ctx context.Context, limit int) ([]DriftRow, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT account_id, field, word, order_id, first_at, last_at, count FROM drift ORDER BY last_at DESC LIMIT ?", limit)
	if err != nil {
		return nil, fmt.Errorf("list drift: %w", err)
	}
	defer rows.Close()
	var out []DriftRow
	for rows.Next() {
		var d DriftRow
		var first, last int64
		if err := rows.Scan(&d.AccountID, &d.Field, &d.Word, &d.OrderID, &first, &last, &d.Count); err != nil {
			return nil, fmt.Errorf("list drift: %w", err)
		}
		d.FirstAt, d.LastAt = fromMicros(first), fromMicros(last)
		out = append(out, d)
	}
	return out, rows.Err()
}

// Backlog is what waits in the hub's own tables, per account.
type Backlog struct {
	// Pending raw answers, quarantined ones, hints, and effects by state.
	Pending, Quarantined, Hints int64
	Effects                     map[orderhub.EffectState]int64
	// OldestEffect is when the oldest open effect was intended.
	OldestEffect time.Time
}

// Backlogs counts what waits, by account. All counts are over partial indexes.
func (s *Store) Backlogs(ctx context.Context) (map[string]Backlog, error) {
	out := map[string]Backlog{}
	get := func(id string) Backlog {
		b := out[id]
		if b.Effects == nil {
			b.Effects = map[orderhub.EffectState]int64{}
		}
		return b
	}
	err := s.counts(ctx, "SELECT account_id, state, COUNT(*), MIN(read_at) FROM inbox WHERE state = 'pending' GROUP BY account_id, state",
		func(id, _ string, n, _ int64) { b := get(id); b.Pending = n; out[id] = b })
	if err != nil {
		return nil, err
	}
	err = s.counts(ctx, "SELECT account_id, state, COUNT(*), MIN(read_at) FROM inbox WHERE state = 'quarantined' GROUP BY account_id, state",
		func(id, _ string, n, _ int64) { b := get(id); b.Quarantined = n; out[id] = b })
	if err != nil {
		return nil, err
	}
	err = s.counts(ctx, "SELECT account_id, '', COUNT(*), MIN(hinted_at) FROM hints GROUP BY account_id",
		func(id, _ string, n, _ int64) { b := get(id); b.Hints = n; out[id] = b })
	if err != nil {
		return nil, err
	}
	err = s.counts(ctx, `SELECT account_id, state, COUNT(*), MIN(created_at) FROM effects
		WHERE state IN ('intent','sent','accepted','uncertain','rejected') GROUP BY account_id, state`,
		func(id, state string, n, oldest int64) {
			b := get(id)
			es := orderhub.EffectState(state)
			b.Effects[es] = n
			if at := fromMicros(oldest); es.IsOpen() && (b.OldestEffect.IsZero() || at.Before(b.OldestEffect)) {
				b.OldestEffect = at
			}
			out[id] = b
		})
	return out, err
}

func (s *Store) counts(ctx context.Context, query string, each func(account, state string, n, oldest int64)) error {
	rows, err := s.engine.reader().query(ctx, query)
	if err != nil {
		return fmt.Errorf("count the backlog: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var account, state string
		var n, oldest int64
		if err := rows.Scan(&account, &state, &n, &oldest); err != nil {
			return fmt.Errorf("count the backlog: %w", err)
		}
		each(account, state, n, oldest)
	}
	return rows.Err()
}
