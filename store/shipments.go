package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/orderhub/orderhub"
)

// AddShipment writes how an order was packed, which replaces what was said before. The
// caller has locked the order. Codes that are taken by other orders must have been
// freed, see CodeOwners; of two transactions at once one fails, see IsConflict.
func (tx *Tx) AddShipment(ctx context.Context, s *orderhub.Shipment) error {
	packages, err := json.Marshal(s.Packages)
	if err != nil {
		return fmt.Errorf("encode shipment: %w", err)
	}
	sent, err := json.Marshal(s.Sent)
	if err != nil {
		return fmt.Errorf("encode shipment: %w", err)
	}
	for _, text := range []string{"UPDATE shipments SET state = 'replaced' WHERE order_id = ? AND state = 'current'",
		"UPDATE unit_codes SET taken = 0 WHERE order_id = ? AND taken = 1"} {
		if _, err := tx.q.exec(ctx, text, s.OrderID); err != nil {
			return fmt.Errorf("replace shipment: %w", err)
		}
	}
	ids, err := tx.q.nextIDs(ctx, "shipments", 1)
	if err != nil {
		return fmt.Errorf("add shipment: %w", err)
	}
	s.ID, s.Current = ids[0], true
	if _, err := tx.q.exec(ctx, `INSERT INTO shipments (id, order_id, at, actor_kind, actor, packages, sent, state, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, 'current', ?)`, s.ID, s.OrderID, micros(s.At), string(s.Actor.Kind), s.Actor.Name, string(packages), string(sent),
		micros(tx.s.Now())); err != nil {
		return fmt.Errorf("add shipment: %w", err)
	}
	var rows [][]any
	for _, p := range s.Packages {
		for _, item := range p.Items {
			for _, c := range item.Codes {
				rows = append(rows, []any{string(c.Kind), c.Code, s.OrderID, s.ID, item.Line, flag(c.Kind.Unique())})
			}
		}
	}
	if err := tx.q.insert(ctx, "unit_codes", []string{"kind", "code", "order_id", "shipment_id", "line", "taken"}, rows); err != nil {
		return fmt.Errorf("add codes: %w", err)
	}
	return nil
}

// CodeOwners finds which other orders have taken codes of a kind, by code.
func (tx *Tx) CodeOwners(ctx context.Context, kind orderhub.CodeKind, codes []string, but int64) (map[string]int64, error) {
	cond, arg := tx.q.in("code", codes)
	rows, err := tx.q.query(ctx, "SELECT code, order_id FROM unit_codes WHERE kind = ? AND taken = 1 AND order_id <> ? AND "+cond, string(kind), but, arg)
	if err != nil {
		return nil, fmt.Errorf("look for codes: %w", err)
	}
	defer rows.Close()
	out := map[string]int64{}
	for rows.Next() {
		var code string
		var order int64
		if err := rows.Scan(&code, &order); err != nil {
			return nil, fmt.Errorf("look for codes: %w", err)
		}
		out[code] = order
	}
	return out, rows.Err()
}

// FreeCodes lets codes be taken by others: their order was cancelled or came back.
func (tx *Tx) FreeCodes(ctx context.Context, kind orderhub.CodeKind, codes []string) error {
	cond, arg := tx.q.in("code", codes)
	if _, err := tx.q.exec(ctx, "UPDATE unit_codes SET taken = 0 WHERE kind = ? AND taken = 1 AND "+cond, string(kind), arg); err != nil {
		return fmt.Errorf("free codes: %w", err)
	}
	return nil
}

// Shipment reads one.
func (s *Store) Shipment(ctx context.Context, id int64) (orderhub.Shipment, error) {
	return oneShipment(readShipments(ctx, s.engine.reader(), "WHERE id = ?", id))
}

// Shipment reads one inside the transaction.
func (tx *Tx) Shipment(ctx context.Context, id int64) (orderhub.Shipment, error) {
	return oneShipment(readShipments(ctx, tx.q, "WHERE id = ?", id))
}

func oneShipment(list []orderhub.Shipment, err error) (orderhub.Shipment, error) {
	if err == nil && len(list) == 0 {
		err = orderhub.Errorf(orderhub.CodeNotFound, "there is no such shipment")
	}
	if err != nil {
		return orderhub.Shipment{}, err
	}
	return list[0], nil
}

// Shipments lists what was said of an order, oldest first.
func (s *Store) Shipments(ctx context.Context, orderID int64) ([]orderhub.Shipment, error) {
	return readShipments(ctx, s.engine.reader(), "WHERE order_id = ? ORDER BY id", orderID)
}

func readShipments(ctx context.Context, q querier, where string, args ...any) ([]orderhub.Shipment, error) {
	rows, err := q.query(ctx, "SELECT id, order_id, at, actor_kind, actor, packages, sent, state FROM shipments "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read shipments: %w", err)
	}
	defer rows.Close()
	var out []orderhub.Shipment
	for rows.Next() {
		var s orderhub.Shipment
		var at int64
		var kind, packages, sent, state string
		if err := rows.Scan(&s.ID, &s.OrderID, &at, &kind, &s.Actor.Name, &packages, &sent, &state); err != nil {
			return nil, fmt.Errorf("read shipments: %w", err)
		}
		s.At, s.Actor.Kind, s.Current = fromMicros(at), orderhub.ActorKind(kind), state == "current"
		if err := json.Unmarshal([]byte(packages), &s.Packages); err != nil {
			return nil, fmt.Errorf("read shipment %d: %w", s.ID, err)
		}
		if err := json.Unmarshal([]byte(sent), &s.Sent); err != nil {
			return nil, fmt.Errorf("read shipment %d: %w", s.ID, err)
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
