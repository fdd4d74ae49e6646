package store

import (
	"context"
	"fmt"

	"github.com/orderhub/orderhub"
)

// DocumentFilter selects papers that changed stock. Before continues a list.
type DocumentFilter struct {
	Kind   orderhub.MoveKind
	Before int64
	Limit  int
}

// ListDocuments lists papers without their lines, newest first.
func (s *Store) ListDocuments(ctx context.Context, f DocumentFilter) ([]Document, error) {
	var c condition
	if f.Kind != "" {
		c.add("kind = ?", string(f.Kind))
	}
	if f.Before > 0 {
		c.add("id < ?", f.Before)
	}
	return readDocuments(ctx, s.engine.reader(), c, f.Limit)
}

// Document reads one paper with its lines.
func (s *Store) Document(ctx context.Context, id int64) (d Document, err error) {
	err = s.engine.snapshot(ctx, func(q querier) error {
		list, err := readDocuments(ctx, q, condition{sql: "id = ?", args: []any{id}}, 1)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return orderhub.Errorf(orderhub.CodeNotFound, "there is no document %d", id)
		}
		d = list[0]
		d.Lines, err = readDocumentLines(ctx, q, id)
		return err
	})
	return d, err
}

func readDocuments(ctx context.Context, q querier, c condition, limit int) ([]Document, error) {
	rows, err := q.query(ctx, "SELECT id, kind, warehouse, at, actor_kind, actor, note FROM documents"+c.where()+" ORDER BY id DESC LIMIT ?",
		append(c.args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("read documents: %w", err)
	}
	defer rows.Close()
	var out []Document
	for rows.Next() {
		var d Document
		var kind, actorKind string
		var at int64
		if err := rows.Scan(&d.ID, &kind, &d.Warehouse, &at, &actorKind, &d.Actor.Name, &d.Note); err != nil {
			return nil, fmt.Errorf("read documents: %w", err)
		}
		d.Kind, d.At, d.Actor.Kind = orderhub.MoveKind(kind), fromMicros(at), orderhub.ActorKind(actorKind)
		out = append(out, d)
	}
	return out, rows.Err()
}

func readDocumentLines(ctx context.Context, q querier, id int64) ([]DocumentLine, error) {
	rows, err := q.query(ctx, "SELECT sku, quantity, before FROM document_lines WHERE document = ? ORDER BY pos", id)
	if err != nil {
		return nil, fmt.Errorf("read lines of document %d: %w", id, err)
	}
	defer rows.Close()
	var out []DocumentLine
	for rows.Next() {
		var l DocumentLine
		if err := rows.Scan(&l.SKU, &l.Quantity, &l.Before); err != nil {
			return nil, fmt.Errorf("read lines of document %d: %w", id, err)
		}
		out = append(out, l)
	}
	return out, rows.Err()
}
