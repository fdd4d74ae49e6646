package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/orderhub/orderhub"
)

// IsConflict reports whether a write failed on a unique key: somebody else
// wrote the same thing first, and the whole step is to be done again.
func IsConflict(err error) bool { return errors.Is(err, errConflict) }

var eventColumns = []string{"order_id", "at", "kind", "actor_kind", "actor", "from_status", "to_status", "why", "inbox_id", "data",
	"cause_rule", "cause_event", "depth", "return_id"}

// CausedBy lets the events that this transaction adds from now on carry their cause.
func (tx *Tx) CausedBy(c orderhub.RuleCause) { tx.cause = c }

// AddEvents appends to the history.
func (tx *Tx) AddEvents(ctx context.Context, events []orderhub.Event) error {
	if len(events) == 0 {
		return nil
	}
	if err := tx.q.writesEvents(ctx); err != nil {
		return fmt.Errorf("add events: %w", err)
	}
	rows := make([][]any, 0, len(events))
	for _, e := range events {
		cause := e.Cause
		if cause.Rule == 0 {
			cause = tx.cause
		}
		rows = append(rows, []any{orNull(e.OrderID), micros(e.At), string(e.Kind), string(e.Actor.Kind), e.Actor.Name, string(e.From),
			string(e.To), e.Why, e.InboxID, string(e.Data), cause.Rule, cause.Event, cause.Depth, orNull(e.ReturnID)})
	}
	if err := tx.q.insert(ctx, "events", eventColumns, rows); err != nil {
		return fmt.Errorf("add events: %w", err)
	}
	return nil
}

// Events reads the history of an order, oldest first.
func (s *Store) Events(ctx context.Context, orderID int64) ([]orderhub.Event, error) {
	return s.events(ctx, "WHERE order_id = ? ORDER BY id LIMIT 2000", orderID)
}

// EventsOfReturn reads the history of a return, oldest first.
func (s *Store) EventsOfReturn(ctx context.Context, returnID int64) ([]orderhub.Event, error) {
	return s.events(ctx, "WHERE return_id IS NOT NULL AND return_id = ? ORDER BY id LIMIT 2000", returnID)
}

// GiveToOrder makes an order's what happened to a return and was answered before its
// order was known. The return and the order are locked.
func (tx *Tx) GiveToOrder(ctx context.Context, returnID, orderID int64) error {
	for _, table := range []string{"effects", "events"} {
		if _, err := tx.q.exec(ctx, "UPDATE "+table+" SET order_id = ? WHERE return_id IS NOT NULL AND return_id = ? AND order_id IS NULL", orderID, returnID); err != nil {
			return fmt.Errorf("link a return: %w", err)
		}
	}
	return nil
}

// SettledEvents gives an id up to which the events are complete, so that a reader
// may go on behind it. ok is false while a long transaction may still add some.
func (s *Store) SettledEvents(ctx context.Context) (id int64, ok bool, err error) {
	return s.engine.settledEvents(ctx)
}

// EventsAfter reads the history of all orders from an id on. Ids of concurrent
// writers may appear late: a durable feed stops at SettledEvents.
func (s *Store) EventsAfter(ctx context.Context, id int64, limit int) ([]orderhub.Event, error) {
	return s.events(ctx, "WHERE id > ? ORDER BY id LIMIT ?", id, limit)
}

// EventsBefore reads the history of all orders from an id backwards, newest first.
func (s *Store) EventsBefore(ctx context.Context, id int64, limit int) ([]orderhub.Event, error) {
	return s.events(ctx, "WHERE id < ? ORDER BY id DESC LIMIT ?", id, limit)
}

// orNull is a reference as it is stored: 0 is none.
func orNull(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

func (s *Store) events(ctx context.Context, where string, args ...any) ([]orderhub.Event, error) {
	rows, err := s.engine.reader().query(ctx, `SELECT id, COALESCE(order_id, 0), COALESCE(return_id, 0), at, kind, actor_kind, actor, from_status, to_status, why, inbox_id, data,
		cause_rule, cause_event, depth FROM events `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	defer rows.Close()
	var out []orderhub.Event
	for rows.Next() {
		var e orderhub.Event
		var at int64
		var kind, actorKind, from, to, data string
		if err := rows.Scan(&e.ID, &e.OrderID, &e.ReturnID, &at, &kind, &actorKind, &e.Actor.Name, &from, &to, &e.Why, &e.InboxID, &data,
			&e.Cause.Rule, &e.Cause.Event, &e.Cause.Depth); err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
		e.At, e.Kind, e.Actor.Kind = fromMicros(at), orderhub.EventKind(kind), orderhub.ActorKind(actorKind)
		e.From, e.To = orderhub.Status(from), orderhub.Status(to)
		if data != "" {
			e.Data = []byte(data)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}
