package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/orderhub/orderhub"
)

// What files of goods need beside the calls for single products and papers.

// KitsWith tells for products that are part of kits one of these kits.
func (s *Store) KitsWith(ctx context.Context, components []string) (map[string]string, error) {
	return kitsWith(ctx, s.engine.reader(), components)
}

// KitsWith is the same inside the transaction.
func (tx *Tx) KitsWith(ctx context.Context, components []string) (map[string]string, error) {
	return kitsWith(ctx, tx.q, components)
}

func kitsWith(ctx context.Context, q querier, components []string) (map[string]string, error) {
	if len(components) == 0 {
		return nil, nil
	}
	cond, arg := q.in("component", components)
	rows, err := q.query(ctx, "SELECT component, MIN(sku) FROM product_components WHERE "+cond+" GROUP BY component", arg)
	if err != nil {
		return nil, fmt.Errorf("read kits: %w", err)
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var component, kit string
		if err := rows.Scan(&component, &kit); err != nil {
			return nil, fmt.Errorf("read kits: %w", err)
		}
		out[component] = kit
	}
	return out, rows.Err()
}

// BeginDocument writes the head of a paper that is too long to be held at once
// and numbers it; AddLines does the rest.
func (tx *Tx) BeginDocument(ctx context.Context, d *Document) error {
	ids, err := tx.q.nextIDs(ctx, "documents", 1)
	if err != nil {
		return fmt.Errorf("number the document: %w", err)
	}
	d.ID, d.At = ids[0], tx.s.Now()
	if _, err := tx.q.exec(ctx, "INSERT INTO documents (id, kind, warehouse, at, actor_kind, actor, note) VALUES (?, ?, ?, ?, ?, ?, ?)",
		d.ID, string(d.Kind), d.Warehouse, micros(d.At), string(d.Actor.Kind), d.Actor.Name, d.Note); err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	return nil
}

// AddLines writes lines of a paper from a place on, with the moves that they
// mean, as PostDocument says. The caller sees to it that no SKU of the paper
// comes twice.
func (tx *Tx) AddLines(ctx context.Context, d *Document, from int, lines []DocumentLine) error {
	skus := make([]string, len(lines))
	for i, l := range lines {
		skus[i] = l.SKU
	}
	kits, err := kitsOf(ctx, tx.q, skus)
	if err != nil {
		return err
	}
	for _, sku := range skus {
		if len(kits[sku]) > 0 {
			return orderhub.InvalidField("lines", "%s is a kit: its components are counted, not the kit", sku)
		}
	}
	b, err := tx.stockBook(ctx, d.Warehouse, slices.Clone(skus), d.Actor)
	if err != nil {
		return err
	}
	rows := make([][]any, 0, len(lines))
	for i := range lines {
		l := &lines[i]
		if err := b.post(ctx, d, l); err != nil {
			return err
		}
		rows = append(rows, []any{d.ID, from + i, l.SKU, l.Quantity, l.Before})
	}
	if err := tx.q.insert(ctx, "document_lines", []string{"document", "pos", "sku", "quantity", "before"}, rows); err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	return b.write(ctx)
}

// ManyRows prepares a transaction that writes very many rows. PostgreSQL keeps
// the plans of statements that it made while a table was small, which read the
// whole table, and they would be run once for each batch.
func (tx *Tx) ManyRows(ctx context.Context) error {
	if tx.PgTx() == nil {
		return nil
	}
	for _, statement := range []string{"DISCARD PLANS", "SET LOCAL enable_seqscan = off"} {
		if _, err := tx.q.exec(ctx, statement); err != nil {
			return fmt.Errorf("prepare for many rows: %w", err)
		}
	}
	return nil
}
