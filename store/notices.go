package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
)

const noticeColumns = `id, key, rule_id, recipient_id, kind, order_id, confirm, causes, body, payload, state, attempts, next_at,
	give_up_at, class, error, created_at, sent_at`

// AddNotice writes a new message; it gets its id and its key.
func (tx *Tx) AddNotice(ctx context.Context, m *orderhub.Notice) error {
	ids, err := tx.q.nextIDs(ctx, "notify_messages", 1)
	if err != nil {
		return fmt.Errorf("add message: %w", err)
	}
	m.ID, m.Key, m.CreatedAt = ids[0], randomKey(), tx.s.Now()
	if _, err := tx.q.exec(ctx, "INSERT INTO notify_messages ("+noticeColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		m.ID, m.Key, m.RuleID, m.RecipientID, string(m.Kind), m.OrderID, flag(m.Confirm), m.Causes, m.Text, m.Payload, string(m.State),
		m.Attempts, micros(m.NextAt), micros(m.GiveUpAt), string(m.Class), m.Error, micros(m.CreatedAt), micros(m.SentAt)); err != nil {
		return fmt.Errorf("add message: %w", err)
	}
	return nil
}

// SaveNotice writes how a message is doing, if it is still in the state it was
// read in; false: somebody else moved it.
func (tx *Tx) SaveNotice(ctx context.Context, m orderhub.Notice, was orderhub.MessageState) (bool, error) {
	n, err := tx.q.exec(ctx, `UPDATE notify_messages SET state = ?, attempts = ?, next_at = ?, give_up_at = ?, class = ?, error = ?, sent_at = ?
		WHERE id = ? AND state = ?`, string(m.State), m.Attempts, micros(m.NextAt), micros(m.GiveUpAt), string(m.Class), m.Error,
		micros(m.SentAt), m.ID, string(was))
	if err != nil {
		return false, fmt.Errorf("save message: %w", err)
	}
	return n > 0, nil
}

// DueNotices reads open messages of a kind whose time has come.
func (s *Store) DueNotices(ctx context.Context, whom Told, limit int) ([]orderhub.Notice, error) {
	one, id := whom.condition("recipient_id")
	return readNotices(ctx, s.engine.reader(), "WHERE kind = ? AND state IN ('pending','sending') AND next_at <= ?"+one+" ORDER BY next_at, id LIMIT ?",
		slices.Concat([]any{string(whom.Kind), micros(s.Now())}, id, []any{limit})...)
}

// Notice reads one message.
func (s *Store) Notice(ctx context.Context, id int64) (orderhub.Notice, error) {
	list, err := readNotices(ctx, s.engine.reader(), "WHERE id = ?", id)
	if err == nil && len(list) == 0 {
		err = orderhub.Errorf(orderhub.CodeNotFound, "there is no message %d", id)
	}
	if err != nil {
		return orderhub.Notice{}, err
	}
	return list[0], nil
}

// NoticeFilter selects messages for people.
type NoticeFilter struct {
	State       orderhub.MessageState
	RecipientID int64
	Before      int64 // only ids below; 0 = from the newest
	Limit       int
}

// ListNotices lists messages, newest first.
func (s *Store) ListNotices(ctx context.Context, f NoticeFilter) ([]orderhub.Notice, error) {
	where, args := "WHERE 1 = 1", []any{}
	add := func(cond string, v any) {
		where += " AND " + cond
		args = append(args, v)
	}
	if f.State != "" {
		add("state = ?", string(f.State))
	}
	if f.RecipientID != 0 {
		add("recipient_id = ?", f.RecipientID)
	}
	if f.Before > 0 {
		add("id < ?", f.Before)
	}
	return readNotices(ctx, s.engine.reader(), where+" ORDER BY id DESC LIMIT ?", append(args, f.Limit)...)
}

func readNotices(ctx context.Context, q querier, where string, args ...any) ([]orderhub.Notice, error) {
	rows, err := q.query(ctx, "SELECT "+noticeColumns+" FROM notify_messages "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	defer rows.Close()
	var out []orderhub.Notice
	for rows.Next() {
		var m orderhub.Notice
		var kind, state, class string
		var confirm, next, giveUp, created, sent int64
		if err := rows.Scan(&m.ID, &m.Key, &m.RuleID, &m.RecipientID, &kind, &m.OrderID, &confirm, &m.Causes, &m.Text, &m.Payload, &state,
			&m.Attempts, &next, &giveUp, &class, &m.Error, &created, &sent); err != nil {
			return nil, fmt.Errorf("read messages: %w", err)
		}
		m.Kind, m.State, m.Class, m.Confirm = orderhub.RecipientKind(kind), orderhub.MessageState(state), orderhub.Class(class), confirm == 1
		m.NextAt, m.GiveUpAt, m.CreatedAt, m.SentAt = fromMicros(next), fromMicros(giveUp), fromMicros(created), fromMicros(sent)
		out = append(out, m)
	}
	return out, rows.Err()
}

// notifyDue tells which lanes of telling people have something to do.
func (s *Store) notifyDue(ctx context.Context, d *Due) error {
	now := s.Now()
	words, err := s.column(ctx, `SELECT c.name FROM notify_cursors c WHERE c.name IN ('events','rules')
			AND EXISTS (SELECT 1 FROM events e WHERE e.id > c.position) AND (c.name = 'events' OR EXISTS (SELECT 1 FROM rules WHERE enabled = 1))
		UNION ALL SELECT 'watch' FROM notify_cursors WHERE name = 'watch' AND at <= ?`, micros(now.Add(-WatchEvery)))
	if err != nil {
		return err
	}
	d.Rules = slices.Contains(words, "rules")
	d.Notify = slices.Contains(words, "events") || slices.Contains(words, "watch")
	// A webhook has a lane of its own.
	kinds, err := s.column(ctx, `SELECT r.kind || ':' || CASE WHEN r.kind = 'webhook' THEN CAST(r.id AS TEXT) ELSE '0' END FROM notify_rules u CROSS JOIN notify_recipients r WHERE r.state = 'active' AND r.free_at <= ?
			AND EXISTS (SELECT 1 FROM notify_causes c WHERE c.rule_id = u.id AND c.recipient_id = r.id AND c.message_id = 0 AND c.due_at <= ?)
		UNION SELECT kind || ':' || CASE WHEN kind = 'webhook' THEN CAST(recipient_id AS TEXT) ELSE '0' END FROM notify_messages WHERE state IN ('pending','sending') AND next_at <= ?`, micros(now), micros(now), micros(now))
	for _, word := range kinds {
		kind, id, _ := strings.Cut(word, ":")
		n, _ := strconv.ParseInt(id, 10, 64) // it was written by the statement
		d.Tell = append(d.Tell, Told{orderhub.RecipientKind(kind), n})
	}
	return err
}

// WatchEvery is how often states are looked for that no event tells of.
const WatchEvery = time.Minute

// ForgetNotices drops messages that were settled before a moment, with their
// causes; at most limit of them.
func (s *Store) ForgetNotices(ctx context.Context, before time.Time, limit int) error {
	return s.InTx(ctx, func(tx *Tx) error {
		const old = `SELECT id FROM notify_messages WHERE created_at < ? AND state NOT IN ('pending','sending') ORDER BY id LIMIT ?`
		if _, err := tx.q.exec(ctx, "DELETE FROM notify_causes WHERE message_id <> 0 AND message_id IN ("+old+")", micros(before), limit); err != nil {
			return fmt.Errorf("forget messages: %w", err)
		}
		if _, err := tx.q.exec(ctx, "DELETE FROM notify_messages WHERE id IN ("+old+")", micros(before), limit); err != nil {
			return fmt.Errorf("forget messages: %w", err)
		}
		return nil
	})
}
