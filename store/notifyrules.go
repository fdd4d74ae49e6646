package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
)

const recipientColumns = "id, kind, name, state, language, may_act, settings, error, created_at"

// CreateRecipient adds a recipient and gives it its id.
func (tx *Tx) CreateRecipient(ctx context.Context, r *orderhub.Recipient) error {
	ids, err := tx.q.nextIDs(ctx, "notify_recipients", 1)
	if err != nil {
		return fmt.Errorf("create recipient: %w", err)
	}
	r.ID, r.CreatedAt = ids[0], tx.s.Now()
	sealed, err := tx.s.sealAddress(*r)
	if err != nil {
		return err
	}
	if _, err := tx.q.exec(ctx, `INSERT INTO notify_recipients (id, kind, name, state, language, may_act, settings, free_at, error,
		created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, 0, '', ?, ?)`, r.ID, string(r.Kind), r.Name, string(r.State),
		string(r.Language), flag(r.MayAct), sealed, micros(r.CreatedAt), micros(r.CreatedAt)); err != nil {
		return fmt.Errorf("create recipient: %w", err)
	}
	return nil
}

// SaveRecipient writes a recipient back.
func (tx *Tx) SaveRecipient(ctx context.Context, r orderhub.Recipient) error {
	sealed, err := tx.s.sealAddress(r)
	if err != nil {
		return err
	}
	if _, err := tx.q.exec(ctx, `UPDATE notify_recipients SET name = ?, state = ?, language = ?, may_act = ?, settings = ?, error = ?,
		updated_at = ? WHERE id = ?`, r.Name, string(r.State), string(r.Language), flag(r.MayAct), sealed, r.Error, micros(tx.s.Now()), r.ID); err != nil {
		return fmt.Errorf("save recipient: %w", err)
	}
	return nil
}

// SetRecipientError notes why the last message was not delivered; "" = it was.
func (tx *Tx) SetRecipientError(ctx context.Context, id int64, text string) error {
	if _, err := tx.q.exec(ctx, "UPDATE notify_recipients SET error = ? WHERE id = ? AND error <> ?", text, id, text); err != nil {
		return fmt.Errorf("save recipient: %w", err)
	}
	return nil
}

func (s *Store) sealAddress(r orderhub.Recipient) ([]byte, error) {
	plain, err := json.Marshal(r.RecipientAddress) //nolint:gosec // it is encrypted in the next step
	if err != nil {
		return nil, fmt.Errorf("encode recipient: %w", err)
	}
	return s.sealer.seal(plain, recipientContext(r.ID)), nil
}

func recipientContext(id int64) string { return "recipient " + strconv.FormatInt(id, 10) }

// Recipients lists those that were not removed, by id.
func (s *Store) Recipients(ctx context.Context) ([]orderhub.Recipient, error) {
	return s.readRecipients(ctx, s.engine.reader(), "WHERE state <> 'removed' ORDER BY id")
}

// Recipient reads one that was not removed.
func (s *Store) Recipient(ctx context.Context, id int64) (orderhub.Recipient, error) {
	return oneRecipient(id)(s.readRecipients(ctx, s.engine.reader(), "WHERE id = ? AND state <> 'removed'", id))
}

// LockRecipient reads one that was not removed, and locks it until the commit.
func (tx *Tx) LockRecipient(ctx context.Context, id int64) (orderhub.Recipient, error) {
	return oneRecipient(id)(tx.s.readRecipients(ctx, tx.q, "WHERE id = ? AND state <> 'removed'"+tx.q.lock(), id))
}

func oneRecipient(id int64) func([]orderhub.Recipient, error) (orderhub.Recipient, error) {
	return func(list []orderhub.Recipient, err error) (orderhub.Recipient, error) {
		if err == nil && len(list) == 0 {
			err = orderhub.Errorf(orderhub.CodeNotFound, "there is no recipient %d", id)
		}
		if err != nil {
			return orderhub.Recipient{}, err
		}
		return list[0], nil
	}
}

func (s *Store) readRecipients(ctx context.Context, q querier, where string, args ...any) ([]orderhub.Recipient, error) {
	rows, err := q.query(ctx, "SELECT "+recipientColumns+" FROM notify_recipients "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read recipients: %w", err)
	}
	defer rows.Close()
	var out []orderhub.Recipient
	for rows.Next() {
		var r orderhub.Recipient
		var kind, state, language string
		var mayAct, created int64
		var sealed []byte
		if err := rows.Scan(&r.ID, &kind, &r.Name, &state, &language, &mayAct, &sealed, &r.Error, &created); err != nil {
			return nil, fmt.Errorf("read recipients: %w", err)
		}
		r.Kind, r.State, r.Language = orderhub.RecipientKind(kind), orderhub.RecipientState(state), orderhub.Language(language)
		r.MayAct, r.CreatedAt = mayAct == 1, fromMicros(created)
		plain, err := s.sealer.open(sealed, recipientContext(r.ID))
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(plain, &r.RecipientAddress); err != nil {
			return nil, fmt.Errorf("read recipient %d: %w", r.ID, err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// RemoveRecipient forgets where a recipient is reached, and what waits for it.
func (tx *Tx) RemoveRecipient(ctx context.Context, r orderhub.Recipient) error {
	r.State, r.RecipientAddress = orderhub.RecipientRemoved, orderhub.RecipientAddress{}
	if err := tx.SaveRecipient(ctx, r); err != nil {
		return err
	}
	if _, err := tx.q.exec(ctx, "DELETE FROM notify_causes WHERE recipient_id = ? AND message_id = 0", r.ID); err != nil {
		return fmt.Errorf("remove recipient: %w", err)
	}
	if _, err := tx.q.exec(ctx, `UPDATE notify_messages SET state = 'failed', error = 'the recipient was removed'
		WHERE recipient_id = ? AND state = 'pending'`, r.ID); err != nil {
		return fmt.Errorf("remove recipient: %w", err)
	}
	return nil
}

const ruleColumns = "id, name, event, enabled, language, template, filter, recipients, timing"

// SaveRule writes a rule; one without an id gets it.
func (tx *Tx) SaveRule(ctx context.Context, r *orderhub.NotifyRule) error {
	var texts [3]string
	for i, v := range []any{r.Filter, r.Recipients, r.Timing} {
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("encode rule: %w", err)
		}
		texts[i] = string(b)
	}
	now := micros(tx.s.Now())
	values := []any{r.Name, string(r.On), flag(r.Enabled), string(r.Language), r.Template, texts[0], texts[1], texts[2], now}
	if r.ID == 0 {
		ids, err := tx.q.nextIDs(ctx, "notify_rules", 1)
		if err != nil {
			return fmt.Errorf("save rule: %w", err)
		}
		r.ID = ids[0]
		_, err = tx.q.exec(ctx, `INSERT INTO notify_rules (name, event, enabled, language, template, filter, recipients, timing, updated_at,
			created_at, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, append(values, now, r.ID)...)
		if err != nil {
			return fmt.Errorf("save rule: %w", err)
		}
		return nil
	}
	n, err := tx.q.exec(ctx, `UPDATE notify_rules SET name = ?, event = ?, enabled = ?, language = ?, template = ?, filter = ?,
		recipients = ?, timing = ?, updated_at = ? WHERE id = ?`, append(values, r.ID)...)
	if err != nil {
		return fmt.Errorf("save rule: %w", err)
	}
	if n == 0 {
		return noRule(r.ID)
	}
	return nil
}

func noRule(id int64) error { return orderhub.Errorf(orderhub.CodeNotFound, "there is no rule %d", id) }

// DeleteRule drops a rule and what waits to be told by it.
func (tx *Tx) DeleteRule(ctx context.Context, id int64) error {
	n, err := tx.q.exec(ctx, "DELETE FROM notify_rules WHERE id = ?", id)
	if err != nil {
		return fmt.Errorf("delete rule: %w", err)
	}
	if n == 0 {
		return noRule(id)
	}
	if _, err := tx.q.exec(ctx, "DELETE FROM notify_causes WHERE rule_id = ? AND message_id = 0", id); err != nil {
		return fmt.Errorf("delete rule: %w", err)
	}
	return nil
}

// Rules lists the rules, by id.
func (s *Store) Rules(ctx context.Context) ([]orderhub.NotifyRule, error) {
	return readRules(ctx, s.engine.reader(), "ORDER BY id")
}

// Rule reads one rule.
func (s *Store) Rule(ctx context.Context, id int64) (orderhub.NotifyRule, error) {
	list, err := readRules(ctx, s.engine.reader(), "WHERE id = ?", id)
	if err == nil && len(list) == 0 {
		err = noRule(id)
	}
	if err != nil {
		return orderhub.NotifyRule{}, err
	}
	return list[0], nil
}

func readRules(ctx context.Context, q querier, where string, args ...any) ([]orderhub.NotifyRule, error) {
	rows, err := q.query(ctx, "SELECT "+ruleColumns+" FROM notify_rules "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	defer rows.Close()
	var out []orderhub.NotifyRule
	for rows.Next() {
		var r orderhub.NotifyRule
		var on, language, filter, recipients, timing string
		var enabled int64
		if err := rows.Scan(&r.ID, &r.Name, &on, &enabled, &language, &r.Template, &filter, &recipients, &timing); err != nil {
			return nil, fmt.Errorf("read rules: %w", err)
		}
		r.On, r.Enabled, r.Language = orderhub.Trigger(on), enabled == 1, orderhub.Language(language)
		for _, p := range []struct {
			text string
			into any
		}{{filter, &r.Filter}, {recipients, &r.Recipients}, {timing, &r.Timing}} {
			if err := json.Unmarshal([]byte(p.text), p.into); err != nil {
				return nil, fmt.Errorf("read rule %d: %w", r.ID, err)
			}
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// FirstTime reports, once in the life of the database, that something was never
// done; of two processes that ask at once one is told so.
func (tx *Tx) FirstTime(ctx context.Context, what string) (bool, error) {
	n, err := tx.q.exec(ctx, "INSERT INTO meta (key, value) VALUES (?, '') ON CONFLICT (key) DO NOTHING", "first_"+what)
	if err != nil {
		return false, fmt.Errorf("write meta %s: %w", what, err)
	}
	return n > 0, nil
}

// NotifyText is a text that replaces a built-in one.
type NotifyText struct {
	Name      string
	Language  orderhub.Language
	Body      string
	UpdatedAt time.Time
}

// NotifyTexts lists the texts that replace built-in ones.
func (s *Store) NotifyTexts(ctx context.Context) ([]NotifyText, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT name, language, body, updated_at FROM notify_templates ORDER BY name, language")
	if err != nil {
		return nil, fmt.Errorf("read templates: %w", err)
	}
	defer rows.Close()
	var out []NotifyText
	for rows.Next() {
		var t NotifyText
		var language string
		var updated int64
		if err := rows.Scan(&t.Name, &language, &t.Body, &updated); err != nil {
			return nil, fmt.Errorf("read templates: %w", err)
		}
		t.Language, t.UpdatedAt = orderhub.Language(language), fromMicros(updated)
		out = append(out, t)
	}
	return out, rows.Err()
}

// SaveNotifyText replaces a built-in text; an empty body brings it back.
func (tx *Tx) SaveNotifyText(ctx context.Context, t NotifyText) error {
	var err error
	if t.Body == "" {
		_, err = tx.q.exec(ctx, "DELETE FROM notify_templates WHERE name = ? AND language = ?", t.Name, string(t.Language))
	} else {
		_, err = tx.q.exec(ctx, `INSERT INTO notify_templates (name, language, body, updated_at) VALUES (?, ?, ?, ?)
			ON CONFLICT (name, language) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at`,
			t.Name, string(t.Language), t.Body, micros(tx.s.Now()))
	}
	if err != nil {
		return fmt.Errorf("save template: %w", err)
	}
	return nil
}
