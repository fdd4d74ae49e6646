package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/orderhub/orderhub"
)

// BeginOnecDocument notes an order that a node sent back. fresh is false when it
// is what the node said of that number last, and that was done.
func (tx *Tx) BeginOnecDocument(ctx context.Context, nodeID int64, number, digest string) (id int64, fresh bool, err error) {
	// The node's row is the lock: two sessions must not both find the document new.
	if _, err := tx.q.exec(ctx, "UPDATE onec_nodes SET updated_at = ? WHERE id = ?", micros(tx.s.Now()), nodeID); err != nil {
		return 0, false, fmt.Errorf("note a document of 1C: %w", err)
	}
	rows, err := tx.q.query(ctx, "SELECT id, digest, applied_at FROM onec_documents WHERE node_id = ? AND number = ? ORDER BY id DESC LIMIT 1", nodeID, number)
	if err != nil {
		return 0, false, fmt.Errorf("read a document of 1C: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		var last string
		var applied int64
		if err := rows.Scan(&id, &last, &applied); err != nil {
			return 0, false, fmt.Errorf("read a document of 1C: %w", err)
		}
		if last == digest {
			return id, applied == 0, nil // begun and broken off: it is done again
		}
	}
	rows.Close()
	ids, err := tx.q.nextIDs(ctx, "onec_documents", 1)
	if err != nil {
		return 0, false, fmt.Errorf("note a document of 1C: %w", err)
	}
	if _, err := tx.q.exec(ctx, "INSERT INTO onec_documents (id, node_id, number, digest, applied_at, created_at) VALUES (?, ?, ?, ?, 0, ?)",
		ids[0], nodeID, number, digest, micros(tx.s.Now())); err != nil {
		return 0, false, fmt.Errorf("note a document of 1C: %w", err)
	}
	return ids[0], true, nil
}

// EndOnecDocument notes that a document is done, and what 1C says of the order.
func (tx *Tx) EndOnecDocument(ctx context.Context, id, nodeID, orderID int64, facts string) error {
	if _, err := tx.q.exec(ctx, "UPDATE onec_documents SET applied_at = ? WHERE id = ?", micros(tx.s.Now()), id); err != nil {
		return fmt.Errorf("note a document of 1C: %w", err)
	}
	if _, err := tx.q.exec(ctx, "UPDATE onec_orders SET facts = ? WHERE node_id = ? AND order_id = ?", facts, nodeID, orderID); err != nil {
		return fmt.Errorf("note a document of 1C: %w", err)
	}
	return nil
}

// CountOnecDocuments counts the documents of a number that were done.
func (s *Store) CountOnecDocuments(ctx context.Context, nodeID int64, number string) (int64, error) {
	ids, err := readIDs(ctx, s.engine.reader(), "SELECT COUNT(*) FROM onec_documents WHERE node_id = ? AND number = ? AND applied_at > 0", nodeID, number)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return ids[0], nil
}

// AddOnecConflict shows a conflict; one that is open already gets the new reason.
// marks are the order's when it was tried, see OnecConflictFilter.Moved.
func (tx *Tx) AddOnecConflict(ctx context.Context, c orderhub.OnecConflict, marks int64) error {
	now := micros(tx.s.Now())
	if _, err := tx.q.exec(ctx, `INSERT INTO onec_conflicts (node_id, order_id, field, wanted, why, state, marks, created_at, updated_at, done_at, done_by)
		VALUES (?, ?, ?, ?, ?, 'open', ?, ?, ?, 0, '')
		ON CONFLICT (node_id, order_id, field, wanted) WHERE state = 'open' DO UPDATE SET why = excluded.why, marks = excluded.marks, updated_at = excluded.updated_at`,
		c.NodeID, c.OrderID, string(c.Field), c.Wanted, c.Why, marks, now, now); err != nil {
		return fmt.Errorf("add a conflict: %w", err)
	}
	return nil
}

// CloseOnecConflicts ends the open conflicts of a field of an order; wanted ""
// means all of them.
func (tx *Tx) CloseOnecConflicts(ctx context.Context, nodeID, orderID int64, field orderhub.OnecField, wanted, by string) error {
	if _, err := tx.q.exec(ctx, `UPDATE onec_conflicts SET state = 'done', done_at = ?, done_by = ?
		WHERE state = 'open' AND node_id = ? AND order_id = ? AND field = ? AND (wanted = ? OR '' = CAST(? AS TEXT))`,
		micros(tx.s.Now()), by, nodeID, orderID, string(field), wanted, wanted); err != nil {
		return fmt.Errorf("close a conflict: %w", err)
	}
	return nil
}

// DoneOnecConflict notes that a person has seen to a conflict.
func (s *Store) DoneOnecConflict(ctx context.Context, id int64, by string) (orderhub.OnecConflict, error) {
	err := s.InTx(ctx, func(tx *Tx) error {
		if _, err := tx.q.exec(ctx, "UPDATE onec_conflicts SET state = 'done', done_at = ?, done_by = ? WHERE state = 'open' AND id = ?", micros(s.Now()), by, id); err != nil {
			return fmt.Errorf("close a conflict: %w", err)
		}
		return nil
	})
	if err != nil {
		return orderhub.OnecConflict{}, err
	}
	list, err := s.OnecConflicts(ctx, OnecConflictFilter{ID: id, Limit: 1})
	if err == nil && len(list) == 0 {
		err = orderhub.Errorf(orderhub.CodeNotFound, "there is no conflict %d", id)
	}
	if err != nil {
		return orderhub.OnecConflict{}, err
	}
	return list[0], nil
}

// OnecConflictFilter selects conflicts, newest first.
type OnecConflictFilter struct {
	ID, NodeID, OrderID int64 // 0 = any
	State               orderhub.OnecConflictState
	Field               orderhub.OnecField
	// Moved selects those whose order has changed since they were tried.
	Moved  bool
	Before int64 // continues a list
	Limit  int
}

// OnecConflicts lists conflicts.
func (s *Store) OnecConflicts(ctx context.Context, f OnecConflictFilter) ([]orderhub.OnecConflict, error) {
	var c condition
	if f.ID != 0 {
		c.add("id = ?", f.ID)
	}
	if f.NodeID != 0 {
		c.add("node_id = ?", f.NodeID)
	}
	if f.OrderID != 0 {
		c.add("order_id = ?", f.OrderID)
	}
	if f.State != "" {
		c.add("state = ?", string(f.State))
	}
	if f.Field != "" {
		c.add("field = ?", string(f.Field))
	}
	if f.Before > 0 {
		c.add("id < ?", f.Before)
	}
	if f.Moved {
		c.add("EXISTS (SELECT 1 FROM onec_orders o WHERE o.node_id = onec_conflicts.node_id AND o.order_id = onec_conflicts.order_id AND o.marks > onec_conflicts.marks)")
	}
	rows, err := s.engine.reader().query(ctx, "SELECT id, node_id, order_id, field, wanted, why, state, created_at, done_at, done_by FROM onec_conflicts"+
		c.where()+" ORDER BY id DESC LIMIT ?", append(c.args, f.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("read conflicts: %w", err)
	}
	defer rows.Close()
	var out []orderhub.OnecConflict
	for rows.Next() {
		var x orderhub.OnecConflict
		var field, state string
		var created, done int64
		if err := rows.Scan(&x.ID, &x.NodeID, &x.OrderID, &field, &x.Wanted, &x.Why, &state, &created, &done, &x.DoneBy); err != nil {
			return nil, fmt.Errorf("read conflicts: %w", err)
		}
		x.Field, x.State = orderhub.OnecField(field), orderhub.OnecConflictState(state)
		x.CreatedAt, x.DoneAt = fromMicros(created), fromMicros(done)
		out = append(out, x)
	}
	return out, rows.Err()
}

// SaveOnecFile writes how far the reading of a file is; one that begins anew under
// the same name of a session replaces the former.
func (s *Store) SaveOnecFile(ctx context.Context, f orderhub.OnecFile) error {
	report, err := json.Marshal(f.Report)
	if err != nil {
		return fmt.Errorf("encode a report: %w", err)
	}
	return s.InTx(ctx, func(tx *Tx) error {
		_, err := tx.q.exec(ctx, `INSERT INTO onec_files (node_id, session_id, name, state, lines, bad, report, error, started_at, finished_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session_id, name) DO UPDATE SET state = excluded.state, lines = excluded.lines,
				bad = excluded.bad, report = excluded.report, error = excluded.error, started_at = excluded.started_at, finished_at = excluded.finished_at`,
			f.NodeID, f.Session, f.Name, string(f.State), f.Rows, f.Bad, string(report), f.Error, micros(f.StartedAt), micros(f.FinishedAt))
		if err != nil {
			return fmt.Errorf("save a file of 1C: %w", err)
		}
		return nil
	})
}

// OnecFiles lists what a node sent, newest first.
func (s *Store) OnecFiles(ctx context.Context, nodeID, sessionID int64, limit int) ([]orderhub.OnecFile, error) {
	var c condition
	c.add("node_id = ?", nodeID)
	if sessionID != 0 {
		c.add("session_id = ?", sessionID)
	}
	rows, err := s.engine.reader().query(ctx, `SELECT id, node_id, session_id, name, state, lines, bad, report, error, started_at, finished_at
		FROM onec_files`+c.where()+" ORDER BY id DESC LIMIT ?", append(c.args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("read files of 1C: %w", err)
	}
	defer rows.Close()
	var out []orderhub.OnecFile
	for rows.Next() {
		var f orderhub.OnecFile
		var state, report string
		var started, finished int64
		if err := rows.Scan(&f.ID, &f.NodeID, &f.Session, &f.Name, &state, &f.Rows, &f.Bad, &report, &f.Error, &started, &finished); err != nil {
			return nil, fmt.Errorf("read files of 1C: %w", err)
		}
		if err := json.Unmarshal([]byte(report), &f.Report); err != nil {
			return nil, fmt.Errorf("read files of 1C: %w", err)
		}
		f.State, f.StartedAt, f.FinishedAt = orderhub.OnecFileState(state), fromMicros(started), fromMicros(finished)
		out = append(out, f)
	}
	return out, rows.Err()
}
