package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
)

const autoRuleColumns = "id, name, enabled, events, condition, actions, per_hour, after_event, error, error_at, created_at, updated_at"

// SaveAutoRule writes an automation rule; one without an id gets it.
func (tx *Tx) SaveAutoRule(ctx context.Context, r *orderhub.AutoRule) error {
	on, err := json.Marshal(r.On)
	if err != nil {
		return fmt.Errorf("encode rule: %w", err)
	}
	then, err := json.Marshal(r.Then)
	if err != nil {
		return fmt.Errorf("encode rule: %w", err)
	}
	r.UpdatedAt = tx.s.Now().Truncate(time.Microsecond)
	values := []any{r.Name, flag(r.Enabled), string(on), r.If, string(then), r.PerHour, r.AfterEvent, r.Error, micros(r.ErrorAt), micros(r.UpdatedAt)}
	if r.ID == 0 {
		ids, err := tx.q.nextIDs(ctx, "rules", 1)
		if err != nil {
			return fmt.Errorf("save rule: %w", err)
		}
		r.ID, r.CreatedAt = ids[0], r.UpdatedAt
		if _, err := tx.q.exec(ctx, `INSERT INTO rules (name, enabled, events, condition, actions, per_hour, after_event, error, error_at,
			updated_at, created_at, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, append(values, micros(r.CreatedAt), r.ID)...); err != nil {
			return fmt.Errorf("save rule: %w", err)
		}
		return nil
	}
	if _, err := tx.q.exec(ctx, `UPDATE rules SET name = ?, enabled = ?, events = ?, condition = ?, actions = ?, per_hour = ?, after_event = ?,
		error = ?, error_at = ?, updated_at = ? WHERE id = ?`, append(values, r.ID)...); err != nil {
		return fmt.Errorf("save rule: %w", err)
	}
	return nil
}

// LastEvent gives the id of the newest event, 0 when there is none.
func (tx *Tx) LastEvent(ctx context.Context) (int64, error) { return lastEvent(ctx, tx.q) }

// LockAutoRule reads a rule and locks it until the commit.
func (tx *Tx) LockAutoRule(ctx context.Context, id int64) (orderhub.AutoRule, error) {
	return oneAutoRule(id)(readAutoRules(ctx, tx.q, "WHERE id = ?"+tx.q.lock(), id))
}

// AutoRule reads one rule.
func (s *Store) AutoRule(ctx context.Context, id int64) (orderhub.AutoRule, error) {
	return oneAutoRule(id)(readAutoRules(ctx, s.engine.reader(), "WHERE id = ?", id))
}

func oneAutoRule(id int64) func([]orderhub.AutoRule, error) (orderhub.AutoRule, error) {
	return func(list []orderhub.AutoRule, err error) (orderhub.AutoRule, error) {
		if err == nil && len(list) == 0 {
			err = noRule(id)
		}
		if err != nil {
			return orderhub.AutoRule{}, err
		}
		return list[0], nil
	}
}

// AutoRules lists the automation rules, by id.
func (s *Store) AutoRules(ctx context.Context) ([]orderhub.AutoRule, error) {
	return readAutoRules(ctx, s.engine.reader(), "ORDER BY id")
}

// CountAutoRules counts them.
func (tx *Tx) CountAutoRules(ctx context.Context) (int, error) {
	list, err := readAutoRules(ctx, tx.q, "ORDER BY id")
	return len(list), err
}

// DeleteAutoRule drops a rule; its firings stay.
func (tx *Tx) DeleteAutoRule(ctx context.Context, id int64) error {
	n, err := tx.q.exec(ctx, "DELETE FROM rules WHERE id = ?", id)
	if err != nil {
		return fmt.Errorf("delete rule: %w", err)
	}
	if n == 0 {
		return noRule(id)
	}
	return nil
}

func readAutoRules(ctx context.Context, q querier, where string, args ...any) ([]orderhub.AutoRule, error) {
	rows, err := q.query(ctx, "SELECT "+autoRuleColumns+" FROM rules "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	defer rows.Close()
	var out []orderhub.AutoRule
	for rows.Next() {
		var r orderhub.AutoRule
		var on, then string
		var enabled, errorAt, created, updated int64
		if err := rows.Scan(&r.ID, &r.Name, &enabled, &on, &r.If, &then, &r.PerHour, &r.AfterEvent, &r.Error, &errorAt, &created, &updated); err != nil {
			return nil, fmt.Errorf("read rules: %w", err)
		}
		r.Enabled, r.ErrorAt, r.CreatedAt, r.UpdatedAt = enabled == 1, fromMicros(errorAt), fromMicros(created), fromMicros(updated)
		if err := json.Unmarshal([]byte(on), &r.On); err != nil {
			return nil, fmt.Errorf("read rule %d: %w", r.ID, err)
		}
		if err := json.Unmarshal([]byte(then), &r.Then); err != nil {
			return nil, fmt.Errorf("read rule %d: %w", r.ID, err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// SetAutoRuleError notes why a rule failed last; it stays on.
func (tx *Tx) SetAutoRuleError(ctx context.Context, id int64, text string) error {
	if _, err := tx.q.exec(ctx, "UPDATE rules SET error = ?, error_at = ? WHERE id = ?", text, micros(tx.s.Now()), id); err != nil {
		return fmt.Errorf("save rule: %w", err)
	}
	return nil
}

// Fired reports whether a rule and an event were settled already.
func (tx *Tx) Fired(ctx context.Context, ruleID, eventID int64) (bool, error) {
	n, err := count(ctx, tx.q, "SELECT COUNT(*) FROM firings WHERE rule_id = ? AND event_id = ?", ruleID, eventID)
	return n > 0, err
}

// FiredSince counts how often a rule fired for an order since a moment.
func (tx *Tx) FiredSince(ctx context.Context, ruleID, orderID int64, since time.Time) (int64, error) {
	return count(ctx, tx.q, "SELECT COUNT(*) FROM firings WHERE rule_id = ? AND order_id = ? AND at > ? AND outcome IN ('done','refused')",
		ruleID, orderID, micros(since))
}

func count(ctx context.Context, q querier, query string, args ...any) (n int64, err error) {
	rows, err := q.query(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("count firings: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, fmt.Errorf("count firings: %w", err)
		}
	}
	return n, rows.Err()
}

// AddFiring writes what became of a rule and an event. A pair that is there
// already is a conflict, see IsConflict.
func (tx *Tx) AddFiring(ctx context.Context, f *orderhub.Firing) error {
	actions, err := json.Marshal(f.Actions)
	if err != nil {
		return fmt.Errorf("encode firing: %w", err)
	}
	ids, err := tx.q.nextIDs(ctx, "firings", 1)
	if err != nil {
		return fmt.Errorf("add firing: %w", err)
	}
	f.ID = ids[0]
	if _, err := tx.q.exec(ctx, "INSERT INTO firings (id, rule_id, event_id, order_id, at, outcome, why, actions) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		f.ID, f.RuleID, f.EventID, f.OrderID, micros(f.At), string(f.Outcome), f.Why, string(actions)); err != nil {
		return fmt.Errorf("add firing: %w", err)
	}
	return nil
}

// FiringFilter selects firings for a list, newest first.
type FiringFilter struct {
	RuleID, OrderID int64 // 0 = any
	Outcome         orderhub.FiringOutcome
	Before          int64 // only ids below; 0 = from the newest
	Limit           int
}

// Firings lists firings.
func (s *Store) Firings(ctx context.Context, f FiringFilter) ([]orderhub.Firing, error) {
	var c condition
	if f.RuleID != 0 {
		c.add("rule_id = ?", f.RuleID)
	}
	if f.OrderID != 0 {
		c.add("order_id = ?", f.OrderID)
	}
	if f.Outcome != "" {
		c.add("outcome = ?", string(f.Outcome))
	}
	if f.Before > 0 {
		c.add("id < ?", f.Before)
	}
	rows, err := s.engine.reader().query(ctx, "SELECT id, rule_id, event_id, order_id, at, outcome, why, actions FROM firings"+c.where()+
		" ORDER BY id DESC LIMIT ?", append(c.args, f.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("read firings: %w", err)
	}
	defer rows.Close()
	var out []orderhub.Firing
	for rows.Next() {
		var x orderhub.Firing
		var at int64
		var outcome, actions string
		if err := rows.Scan(&x.ID, &x.RuleID, &x.EventID, &x.OrderID, &at, &outcome, &x.Why, &actions); err != nil {
			return nil, fmt.Errorf("read firings: %w", err)
		}
		x.At, x.Outcome = fromMicros(at), orderhub.FiringOutcome(outcome)
		if err := json.Unmarshal([]byte(actions), &x.Actions); err != nil {
			return nil, fmt.Errorf("read firing %d: %w", x.ID, err)
		}
		out = append(out, x)
	}
	return out, rows.Err()
}

// ForgetFirings drops firings from before a moment; at most limit of them.
func (s *Store) ForgetFirings(ctx context.Context, before time.Time, limit int) error {
	return s.InTx(ctx, func(tx *Tx) error {
		if _, err := tx.q.exec(ctx, "DELETE FROM firings WHERE id IN (SELECT id FROM firings WHERE at < ? ORDER BY at LIMIT ?)", micros(before), limit); err != nil {
			return fmt.Errorf("forget firings: %w", err)
		}
		return nil
	})
}
