package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
)

// NotifyCursor is how far a reader is, and when it looked last.
func (s *Store) NotifyCursor(ctx context.Context, name string) (position int64, at time.Time, err error) {
	rows, err := s.engine.reader().query(ctx, "SELECT position, at FROM notify_cursors WHERE name = ?", name)
	if err != nil {
		return 0, at, fmt.Errorf("read cursor %s: %w", name, err)
	}
	defer rows.Close()
	var us int64
	if rows.Next() {
		if err := rows.Scan(&position, &us); err != nil {
			return 0, at, fmt.Errorf("read cursor %s: %w", name, err)
		}
	}
	return position, fromMicros(us), rows.Err()
}

// MoveCursor takes a reader from one position to the next. False: it was not
// there any more, and nothing of the transaction may stay.
func (tx *Tx) MoveCursor(ctx context.Context, name string, from, to int64) (bool, error) {
	n, err := tx.q.exec(ctx, "UPDATE notify_cursors SET position = ?, at = ? WHERE name = ? AND position = ?", to, micros(tx.s.Now()), name, from)
	if err != nil {
		return false, fmt.Errorf("move cursor %s: %w", name, err)
	}
	return n > 0, nil
}

// AddCauses writes what is to be told; what is known already is left out.
func (tx *Tx) AddCauses(ctx context.Context, causes []orderhub.NotifyCause) error {
	rows := make([][]any, 0, len(causes))
	for _, c := range causes {
		facts, err := json.Marshal(c.Facts)
		if err != nil {
			return fmt.Errorf("encode cause: %w", err)
		}
		rows = append(rows, []any{c.RuleID, c.RecipientID, string(c.Kind), c.Key, micros(c.At), micros(c.DueAt), string(facts)})
	}
	if err := tx.q.execMany(ctx, `INSERT INTO notify_causes (rule_id, recipient_id, kind, cause, at, due_at, facts, message_id)
		VALUES (?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (rule_id, cause, recipient_id) DO NOTHING`, rows); err != nil {
		return fmt.Errorf("add causes: %w", err)
	}
	return nil
}

// Deadlines reads orders to be handed over before a moment, of which a rule has
// not told; after pages through them by number.
func (s *Store) Deadlines(ctx context.Context, ruleID int64, from, to time.Time, after int64, limit int) ([]*orderhub.Order, error) {
	return s.readOrders(ctx, `WHERE ship_by > 0 AND status IN ('new','confirmed','packed') AND ship_by > ? AND ship_by <= ? AND read_only = 0
		AND id > ? AND NOT EXISTS (SELECT 1 FROM notify_causes c WHERE c.rule_id = ?
			AND c.cause = 'ship-by-' || CAST(orders.id AS TEXT) || '-' || CAST(orders.ship_by AS TEXT)) ORDER BY id LIMIT ?`,
		micros(from), micros(to), after, ruleID, limit)
}

// DeadlineCause is how Deadlines finds what was told.
func DeadlineCause(orderID int64, shipBy time.Time) string {
	return fmt.Sprintf("ship-by-%d-%d", orderID, micros(shipBy))
}

// Wishes reads orders whose buyer wants to cancel and is to be answered before a
// moment, and of which a rule has not told; after pages through them by number.
func (s *Store) Wishes(ctx context.Context, ruleID int64, from, to time.Time, after int64, limit int) ([]*orderhub.Order, error) {
	return s.readOrders(ctx, `WHERE answer_by <> 0 AND answer_by > ? AND answer_by <= ? AND read_only = 0
		AND id > ? AND NOT EXISTS (SELECT 1 FROM notify_causes c WHERE c.rule_id = ?
			AND c.cause = 'answer-by-' || CAST(orders.id AS TEXT) || '-' || CAST(orders.answer_by AS TEXT)) ORDER BY id LIMIT ?`,
		micros(from), micros(to), after, ruleID, limit)
}

// WishCause is how Wishes finds what was told.
func WishCause(orderID int64, answerBy time.Time) string {
	return fmt.Sprintf("answer-by-%d-%d", orderID, micros(answerBy))
}

// ReturnDeadlines reads returns about which something is to be done before a moment,
// and of whose next deadline a rule has not told; after pages through them.
func (s *Store) ReturnDeadlines(ctx context.Context, ruleID int64, now, until time.Time, after int64, limit int) ([]*orderhub.Return, error) {
	// The column is the earliest deadline when the return was written: the other one
	// may still come after it is over.
	return s.readReturns(ctx, `WHERE deadline <> 0 AND deadline > ? AND deadline <= ? AND (state NOT IN ('decided','closed') OR waits = 1)
		AND id > ? AND (deadline <= ? OR NOT EXISTS (SELECT 1 FROM notify_causes c WHERE c.rule_id = ?
			AND c.cause = 'return-by-' || CAST(returns.id AS TEXT) || '-' || CAST(returns.deadline AS TEXT))) ORDER BY id LIMIT ?`,
		micros(now.Add(-longestReturn)), micros(until), after, micros(now), ruleID, limit)
}

// longestReturn is how long at most a second deadline comes after the first.
const longestReturn = 60 * 24 * time.Hour

// ReturnCause is how ReturnDeadlines finds what was told.
func ReturnCause(returnID int64, deadline time.Time) string {
	return fmt.Sprintf("return-by-%d-%d", returnID, micros(deadline))
}

// NotifyStates lists troubles that last, with their beginning.
func (s *Store) NotifyStates(ctx context.Context) (map[string]time.Time, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT name, since FROM notify_states")
	if err != nil {
		return nil, fmt.Errorf("read states: %w", err)
	}
	defer rows.Close()
	out := map[string]time.Time{}
	for rows.Next() {
		var name string
		var since int64
		if err := rows.Scan(&name, &since); err != nil {
			return nil, fmt.Errorf("read states: %w", err)
		}
		out[name] = fromMicros(since)
	}
	return out, rows.Err()
}

// SaveNotifyState notes since when a trouble lasts; the zero time: it is over.
func (tx *Tx) SaveNotifyState(ctx context.Context, name string, since time.Time) error {
	var err error
	if since.IsZero() {
		_, err = tx.q.exec(ctx, "DELETE FROM notify_states WHERE name = ?", name)
	} else {
		_, err = tx.q.exec(ctx, "INSERT INTO notify_states (name, since) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", name, micros(since))
	}
	if err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	return nil
}

// CauseGroup is what waits for one recipient by one rule.
type CauseGroup struct{ RuleID, RecipientID int64 }

// Told says who is told by one lane: a kind of recipient, or one of them.
type Told struct {
	Kind        orderhub.RecipientKind
	RecipientID int64 // 0 = all of the kind
}

func (w Told) condition(column string) (string, []any) {
	if w.RecipientID == 0 {
		return "", nil
	}
	return " AND " + column + " = ?", []any{w.RecipientID}
}

// DueGroups lists groups of which a cause is due and whose recipient may get a
// message now, the longest waiting first. It looks once for each rule and
// recipient, however much waits.
func (s *Store) DueGroups(ctx context.Context, whom Told, limit int) ([]CauseGroup, error) {
	now := micros(s.Now())
	one, id := whom.condition("r.id")
	rows, err := s.engine.reader().query(ctx, `SELECT rule_id, recipient_id FROM (
			SELECT u.id AS rule_id, r.id AS recipient_id, (SELECT MIN(c.due_at) FROM notify_causes c
				WHERE c.rule_id = u.id AND c.recipient_id = r.id AND c.message_id = 0) AS oldest
			FROM notify_rules u CROSS JOIN notify_recipients r WHERE r.kind = ? AND r.state = 'active' AND r.free_at <= ?`+one+`) g
		WHERE oldest <= ? ORDER BY oldest, rule_id LIMIT ?`, slices.Concat([]any{string(whom.Kind), now}, id, []any{now, limit})...)
	if err != nil {
		return nil, fmt.Errorf("find what is to be told: %w", err)
	}
	defer rows.Close()
	var out []CauseGroup
	for rows.Next() {
		var g CauseGroup
		if err := rows.Scan(&g.RuleID, &g.RecipientID); err != nil {
			return nil, fmt.Errorf("find what is to be told: %w", err)
		}
		out = append(out, g)
	}
	return out, rows.Err()
}

const waiting = " FROM notify_causes WHERE rule_id = ? AND recipient_id = ? AND message_id = 0"

// Waiting reads the first causes of a group that wait.
func (tx *Tx) Waiting(ctx context.Context, g CauseGroup, limit int) ([]orderhub.NotifyCause, error) {
	return readCauses(ctx, tx.q, waiting+" ORDER BY id LIMIT ?", g.RuleID, g.RecipientID, limit)
}

// CountWaiting counts the causes of a group that wait.
func (tx *Tx) CountWaiting(ctx context.Context, g CauseGroup) (n int64, err error) {
	rows, err := tx.q.query(ctx, "SELECT COUNT(*)"+waiting, g.RuleID, g.RecipientID)
	if err != nil {
		return 0, fmt.Errorf("count causes: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, fmt.Errorf("count causes: %w", err)
		}
	}
	return n, rows.Err()
}

// Causes reads what a message tells of, oldest first.
func (s *Store) Causes(ctx context.Context, messageID int64, limit int) ([]orderhub.NotifyCause, error) {
	return readCauses(ctx, s.engine.reader(), " FROM notify_causes WHERE message_id = ? AND message_id <> 0 ORDER BY id LIMIT ?", messageID, limit)
}

func readCauses(ctx context.Context, q querier, where string, args ...any) ([]orderhub.NotifyCause, error) {
	rows, err := q.query(ctx, "SELECT id, rule_id, recipient_id, kind, cause, at, due_at, facts"+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read causes: %w", err)
	}
	defer rows.Close()
	var out []orderhub.NotifyCause
	for rows.Next() {
		var c orderhub.NotifyCause
		var kind, facts string
		var at, due int64
		if err := rows.Scan(&c.ID, &c.RuleID, &c.RecipientID, &kind, &c.Key, &at, &due, &facts); err != nil {
			return nil, fmt.Errorf("read causes: %w", err)
		}
		c.Kind, c.At, c.DueAt = orderhub.RecipientKind(kind), fromMicros(at), fromMicros(due)
		if err := json.Unmarshal([]byte(facts), &c.Facts); err != nil {
			return nil, fmt.Errorf("read cause %d: %w", c.ID, err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// Form writes a message for the waiting causes of its rule and recipient up to
// the id upTo (0 = all), and keeps the recipient free of the next one until then.
func (tx *Tx) Form(ctx context.Context, m *orderhub.Notice, upTo int64, freeAt time.Time) error {
	if err := tx.AddNotice(ctx, m); err != nil {
		return err
	}
	if upTo == 0 {
		upTo = 1<<63 - 1
	}
	n, err := tx.q.exec(ctx, "UPDATE notify_causes SET message_id = ? WHERE rule_id = ? AND recipient_id = ? AND message_id = 0 AND id <= ?",
		m.ID, m.RuleID, m.RecipientID, upTo)
	if err != nil {
		return fmt.Errorf("form message: %w", err)
	}
	if m.Causes = n; n == 0 {
		return fmt.Errorf("form message: nothing waits for recipient %d", m.RecipientID)
	}
	if _, err := tx.q.exec(ctx, "UPDATE notify_messages SET causes = ? WHERE id = ?", n, m.ID); err != nil {
		return fmt.Errorf("form message: %w", err)
	}
	return tx.KeepFree(ctx, m.RecipientID, freeAt)
}

// KeepFree lets a recipient have no new message before a moment.
func (tx *Tx) KeepFree(ctx context.Context, recipientID int64, until time.Time) error {
	if _, err := tx.q.exec(ctx, "UPDATE notify_recipients SET free_at = ? WHERE id = ? AND free_at < ?", micros(until), recipientID, micros(until)); err != nil {
		return fmt.Errorf("keep recipient %d free: %w", recipientID, err)
	}
	return nil
}
