package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
)

// WebhookCursor is the reader of events that makes deliveries of them.
const WebhookCursor = "webhooks"

// deliveryHead: of each order only the first event that is pending may leave.
const deliveryHead = `NOT EXISTS (SELECT 1 FROM webhook_deliveries p WHERE p.endpoint_id = d.endpoint_id AND p.order_id = d.order_id
	AND p.state = 'pending' AND p.event_id < d.event_id)`

// FanOut makes deliveries of the events in (from, to] for an endpoint, those that it
// has already are left out; with again they become pending once more. It tells how
// many.
func (tx *Tx) FanOut(ctx context.Context, e orderhub.Endpoint, from, to int64, again bool) (int64, error) {
	now := micros(tx.s.Now())
	args := []any{e.ID, now, now, from, to}
	cond := ""
	if len(e.Filter.Kinds) > 0 {
		in, arg := tx.q.in("ev.kind", texts(e.Filter.Kinds))
		cond, args = cond+" AND "+in, append(args, arg)
	}
	if len(e.Filter.Accounts) > 0 {
		in, arg := tx.q.in("o.account_id", e.Filter.Accounts)
		cond, args = cond+" AND "+in, append(args, arg)
	}
	then := " ON CONFLICT (endpoint_id, event_id) DO NOTHING"
	if again {
		then = ` ON CONFLICT (endpoint_id, event_id) DO UPDATE SET state = 'pending', attempts = 0, next_at = excluded.next_at, began_at = 0, error = '',
			settled_at = 0`
	}
	n, err := tx.q.exec(ctx, `INSERT INTO webhook_deliveries (endpoint_id, event_id, order_id, kind, state, attempts, next_at, began_at, tried_at, status,
		excerpt, error, created_at, settled_at)
		SELECT CAST(? AS BIGINT), ev.id, ev.order_id, ev.kind, 'pending', 0, CAST(? AS BIGINT), 0, 0, 0, '', '', CAST(? AS BIGINT), 0
		FROM events ev JOIN orders o ON o.id = ev.order_id WHERE ev.id > ? AND ev.id <= ?`+cond+then, args...)
	if err != nil {
		return 0, fmt.Errorf("make deliveries: %w", err)
	}
	return n, nil
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

// HoldWebhookCursor keeps the reader that makes deliveries still until the commit, and
// tells where it is.
func (tx *Tx) HoldWebhookCursor(ctx context.Context) (position int64, err error) {
	rows, err := tx.q.query(ctx, "SELECT position FROM notify_cursors WHERE name = ?"+tx.q.lock(), WebhookCursor)
	if err != nil {
		return 0, fmt.Errorf("hold the reader of events: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		if err := rows.Scan(&position); err != nil {
			return 0, fmt.Errorf("hold the reader of events: %w", err)
		}
	}
	return position, rows.Err()
}

// webhooksDue finds out whether there are events to make deliveries of, and which
// endpoints have some that are due.
func (s *Store) webhooksDue(ctx context.Context, d *Due) error {
	now := micros(s.Now())
	words, err := s.column(ctx, `SELECT 'fan' FROM notify_cursors c WHERE c.name = ? AND EXISTS (SELECT 1 FROM events e WHERE e.id > c.position)
		UNION ALL SELECT CAST(e.id AS TEXT) FROM webhook_endpoints e WHERE e.state = 'active' AND e.next_at <= ?
			AND EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.next_at <= ? AND `+deliveryHead+")",
		WebhookCursor, now, now)
	for _, w := range words {
		if w == "fan" {
			d.FanOut = true
			continue
		}
		id, _ := strconv.ParseInt(w, 10, 64) // it was written by the statement
		d.Endpoints = append(d.Endpoints, id)
	}
	return err
}

const deliveryColumns = `d.id, d.endpoint_id, d.event_id, d.order_id, d.kind, d.state, d.attempts, d.next_at, d.began_at, d.tried_at, d.status, d.excerpt,
	d.error, d.created_at, d.settled_at`

// DueDeliveries reads what an endpoint is to be told now, at most one event of each
// order.
func (s *Store) DueDeliveries(ctx context.Context, endpointID int64, limit int) ([]orderhub.Delivery, error) {
	return s.readDeliveries(ctx, "WHERE d.endpoint_id = ? AND d.state = 'pending' AND d.next_at <= ? AND "+deliveryHead+" ORDER BY d.next_at, d.event_id LIMIT ?",
		endpointID, micros(s.Now()), limit)
}

// Delivery reads one of an endpoint.
func (s *Store) Delivery(ctx context.Context, endpointID, id int64) (orderhub.Delivery, error) {
	list, err := s.readDeliveries(ctx, "WHERE d.endpoint_id = ? AND d.id = ?", endpointID, id)
	if err != nil {
		return orderhub.Delivery{}, err
	}
	if len(list) == 0 {
		return orderhub.Delivery{}, orderhub.Errorf(orderhub.CodeNotFound, "endpoint %d has no delivery %d", endpointID, id)
	}
	return list[0], nil
}

// DeliveryFilter narrows a list of deliveries.
type DeliveryFilter struct {
	EndpointID int64
	OrderID    int64 // 0 = any
	State      orderhub.DeliveryState
	Before     int64 // continues a list
	Limit      int
}

// Deliveries lists deliveries, newest first.
func (s *Store) Deliveries(ctx context.Context, f DeliveryFilter) ([]orderhub.Delivery, error) {
	cond, args := []string{"d.endpoint_id = ?"}, []any{f.EndpointID}
	add := func(text string, arg any) { cond, args = append(cond, text), append(args, arg) }
	if f.OrderID != 0 {
		add("d.order_id = ?", f.OrderID)
	}
	if f.State != "" {
		add("d.state = ?", string(f.State))
	}
	if f.Before != 0 {
		add("d.id < ?", f.Before)
	}
	return s.readDeliveries(ctx, "WHERE "+strings.Join(cond, " AND ")+" ORDER BY d.id DESC LIMIT ?", append(args, f.Limit)...)
}

func (s *Store) readDeliveries(ctx context.Context, where string, args ...any) ([]orderhub.Delivery, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT "+deliveryColumns+" FROM webhook_deliveries d "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read deliveries: %w", err)
	}
	defer rows.Close()
	var out []orderhub.Delivery
	for rows.Next() {
		var d orderhub.Delivery
		var kind, state string
		var next, began, tried, created, settled int64
		if err := rows.Scan(&d.ID, &d.EndpointID, &d.EventID, &d.OrderID, &kind, &state, &d.Attempts, &next, &began, &tried, &d.Status, &d.Excerpt,
			&d.Error, &created, &settled); err != nil {
			return nil, fmt.Errorf("read deliveries: %w", err)
		}
		d.Kind, d.State = orderhub.EventKind(kind), orderhub.DeliveryState(state)
		d.NextAt, d.BeganAt, d.TriedAt, d.CreatedAt, d.SettledAt = fromMicros(next), fromMicros(began), fromMicros(tried), fromMicros(created), fromMicros(settled)
		out = append(out, d)
	}
	return out, rows.Err()
}

// SaveDeliveries writes what became of attempts. One that was settled or sent anew by
// a person meanwhile stays as it is.
func (tx *Tx) SaveDeliveries(ctx context.Context, list []orderhub.Delivery) error {
	rows := make([][]any, 0, len(list))
	for _, d := range list {
		rows = append(rows, []any{string(d.State), d.Attempts, micros(d.NextAt), micros(d.BeganAt), micros(d.TriedAt), d.Status, d.Excerpt, d.Error,
			micros(d.SettledAt), d.ID, d.Attempts})
	}
	if err := tx.q.execMany(ctx, `UPDATE webhook_deliveries SET state = ?, attempts = ?, next_at = ?, began_at = ?, tried_at = ?, status = ?, excerpt = ?,
		error = ?, settled_at = ? WHERE id = ? AND state = 'pending' AND attempts < ?`, rows); err != nil {
		return fmt.Errorf("save deliveries: %w", err)
	}
	return nil
}

// ReleaseDeliveries lets everything that an endpoint is to be told leave now. With
// anew it counts as not tried yet.
func (tx *Tx) ReleaseDeliveries(ctx context.Context, endpointID int64, anew bool) error {
	set := ""
	if anew {
		set = ", began_at = 0, attempts = 0"
	}
	now := micros(tx.s.Now())
	if _, err := tx.q.exec(ctx, "UPDATE webhook_deliveries SET next_at = ?"+set+" WHERE endpoint_id = ? AND state = 'pending' AND (next_at > ? OR began_at > 0)",
		now, endpointID, now); err != nil {
		return fmt.Errorf("release deliveries: %w", err)
	}
	return nil
}

// Redeliver makes settled deliveries pending again: one by id, or with id 0 all dead
// ones. It tells how many.
func (tx *Tx) Redeliver(ctx context.Context, endpointID, id int64) (int64, error) {
	cond, args := "state = 'dead'", []any{micros(tx.s.Now()), endpointID}
	if id != 0 {
		cond, args = "id = ? AND state <> 'pending'", append(args, id)
	}
	n, err := tx.q.exec(ctx, `UPDATE webhook_deliveries SET state = 'pending', attempts = 0, began_at = 0, settled_at = 0, error = '', next_at = ?
		WHERE endpoint_id = ? AND `+cond, args...)
	if err != nil {
		return 0, fmt.Errorf("send deliveries again: %w", err)
	}
	return n, nil
}

// DeliveryCounts are how an endpoint's queue is.
type DeliveryCounts struct {
	Pending, Dead int64
	// Oldest is since when the oldest pending one waits.
	Oldest time.Time
}

// CountDeliveries counts what endpoints are to be told, by endpoint.
func (s *Store) CountDeliveries(ctx context.Context) (map[int64]DeliveryCounts, error) {
	rows, err := s.engine.reader().query(ctx, `SELECT endpoint_id, state, COUNT(*), MIN(created_at) FROM webhook_deliveries
		WHERE state IN ('pending','dead') GROUP BY endpoint_id, state`)
	if err != nil {
		return nil, fmt.Errorf("count deliveries: %w", err)
	}
	defer rows.Close()
	out := map[int64]DeliveryCounts{}
	for rows.Next() {
		var id, n, oldest int64
		var state string
		if err := rows.Scan(&id, &state, &n, &oldest); err != nil {
			return nil, fmt.Errorf("count deliveries: %w", err)
		}
		c := out[id]
		if orderhub.DeliveryState(state) == orderhub.DeliveryPending {
			c.Pending, c.Oldest = n, fromMicros(oldest)
		} else {
			c.Dead = n
		}
		out[id] = c
	}
	return out, rows.Err()
}

// ForgetDeliveries drops those that were delivered before a moment, and dead ones
// three times as old; at most limit of them.
func (s *Store) ForgetDeliveries(ctx context.Context, before, dead time.Time, limit int) error {
	return s.InTx(ctx, func(tx *Tx) error {
		if _, err := tx.q.exec(ctx, `DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries
			WHERE state <> 'pending' AND settled_at > 0 AND settled_at < ? AND (state = 'delivered' OR settled_at < ?) ORDER BY settled_at LIMIT ?)`,
			micros(before), micros(dead), limit); err != nil {
			return fmt.Errorf("forget deliveries: %w", err)
		}
		return nil
	})
}

// EventsByIDs reads events by id.
func (s *Store) EventsByIDs(ctx context.Context, ids []int64) ([]orderhub.Event, error) {
	cond, arg := s.engine.reader().in("id", ids)
	return s.events(ctx, "WHERE "+cond+" ORDER BY id", arg)
}
