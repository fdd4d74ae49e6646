package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
)

// SaveMarks writes the tags and the assignee of a locked order.
func (tx *Tx) SaveMarks(ctx context.Context, o *orderhub.Order) error {
	o.Version++
	o.UpdatedAt = tx.s.Now().Truncate(time.Microsecond)
	if _, err := tx.q.exec(ctx, "UPDATE orders SET tags = ?, assignee = ?, version = ?, updated_at = ? WHERE id = ?",
		strings.Join(o.Tags, ","), string(o.Assignee), o.Version, micros(o.UpdatedAt), o.ID); err != nil {
		return fmt.Errorf("save marks: %w", err)
	}
	if _, err := tx.q.exec(ctx, "DELETE FROM order_tags WHERE order_id = ?", o.ID); err != nil {
		return fmt.Errorf("save tags: %w", err)
	}
	rows := make([][]any, 0, len(o.Tags))
	for _, tag := range o.Tags {
		rows = append(rows, []any{o.ID, tag, micros(o.Snapshot.PlacedAt)})
	}
	if err := tx.q.insert(ctx, "order_tags", []string{"order_id", "tag", "placed_at"}, rows); err != nil {
		return fmt.Errorf("save tags: %w", err)
	}
	return nil
}

// moveTags keeps the tags of changed orders at the place of the order in lists.
func (tx *Tx) moveTags(ctx context.Context, changes []Change) error {
	var rows [][]any
	for _, c := range changes {
		if placed := micros(c.Order.Snapshot.PlacedAt); len(c.Order.Tags) > 0 {
			rows = append(rows, []any{placed, c.Order.ID, placed})
		}
	}
	if err := tx.q.execMany(ctx, "UPDATE order_tags SET placed_at = ? WHERE order_id = ? AND placed_at <> ?", rows); err != nil {
		return fmt.Errorf("update tags: %w", err)
	}
	return nil
}

// taggedKeys finds the keys of one page and one more of the orders with a tag: it
// walks the tag in the order of the list.
func (s *Store) taggedKeys(ctx context.Context, f OrderFilter) ([]orderKey, error) {
	cursor := f.Cursor
	f.Cursor = ""
	c, err := s.listConditions(f, "g.placed_at")
	if err != nil {
		return nil, err
	}
	c.add("g.tag = ?", f.Tag)
	if cursor != "" {
		k, err := parseCursor(cursor)
		if err != nil {
			return nil, err
		}
		c.add("(g.placed_at, g.order_id) < (?, ?)", k.placed, k.id)
	}
	return heads(f, func(each condition) ([]orderKey, error) {
		all := c.and(each)
		rows, err := s.engine.reader().query(ctx, "SELECT g.placed_at, g.order_id FROM order_tags g JOIN orders ON orders.id = g.order_id"+
			all.where()+" ORDER BY g.placed_at DESC, g.order_id DESC LIMIT ?", append(slices.Clone(all.args), f.Limit+1)...)
		if err != nil {
			return nil, fmt.Errorf("list orders: %w", err)
		}
		defer rows.Close()
		var out []orderKey
		for rows.Next() {
			var k orderKey
			if err := rows.Scan(&k.placed, &k.id); err != nil {
				return nil, fmt.Errorf("list orders: %w", err)
			}
			out = append(out, k)
		}
		return out, rows.Err()
	})
}

// hasTag adds the condition that an order has the tag, for lists that are found
// by something else.
func (f OrderFilter) hasTag(c *condition) {
	if f.Tag != "" {
		c.add("(SELECT 1 FROM order_tags g WHERE g.order_id = orders.id AND g.tag = ?) = 1", f.Tag)
	}
}

// TagCount is a tag and how many orders carry it.
type TagCount struct {
	Tag    string `json:"tag"`
	Orders int64  `json:"orders"`
}

// Tags lists the tags in use that begin so, by name.
func (s *Store) Tags(ctx context.Context, prefix string, limit int) ([]TagCount, error) {
	rows, err := s.engine.reader().query(ctx, `SELECT tag, COUNT(*) FROM order_tags WHERE tag >= ? AND tag < ? GROUP BY tag ORDER BY tag LIMIT ?`,
		prefix, prefix+"\U0010FFFF", limit)
	if err != nil {
		return nil, fmt.Errorf("list tags: %w", err)
	}
	defer rows.Close()
	out := []TagCount{}
	for rows.Next() {
		var t TagCount
		if err := rows.Scan(&t.Tag, &t.Orders); err != nil {
			return nil, fmt.Errorf("list tags: %w", err)
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

// AddNote writes a note and gives it its id.
func (tx *Tx) AddNote(ctx context.Context, n *orderhub.Note) error {
	ids, err := tx.q.nextIDs(ctx, "order_notes", 1)
	if err != nil {
		return fmt.Errorf("add note: %w", err)
	}
	n.ID = ids[0]
	if _, err := tx.q.exec(ctx, "INSERT INTO order_notes (id, order_id, at, actor_kind, actor, body) VALUES (?, ?, ?, ?, ?, ?)",
		n.ID, n.OrderID, micros(n.At), string(n.Author.Kind), n.Author.Name, n.Text); err != nil {
		return fmt.Errorf("add note: %w", err)
	}
	return nil
}

// DeleteNote drops a note of an order, text and all; false: it is not there.
func (tx *Tx) DeleteNote(ctx context.Context, orderID, id int64) (bool, error) {
	n, err := tx.q.exec(ctx, "DELETE FROM order_notes WHERE id = ? AND order_id = ?", id, orderID)
	if err != nil {
		return false, fmt.Errorf("delete note: %w", err)
	}
	return n > 0, nil
}

// CountNotes counts the notes of an order.
func (tx *Tx) CountNotes(ctx context.Context, orderID int64) (n int64, err error) {
	rows, err := tx.q.query(ctx, "SELECT COUNT(*) FROM order_notes WHERE order_id = ?", orderID)
	if err != nil {
		return 0, fmt.Errorf("count notes: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, fmt.Errorf("count notes: %w", err)
		}
	}
	return n, rows.Err()
}

// Notes lists the notes of an order, oldest first.
func (s *Store) Notes(ctx context.Context, orderID int64) ([]orderhub.Note, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT id, order_id, at, actor_kind, actor, body FROM order_notes WHERE order_id = ? ORDER BY id", orderID)
	if err != nil {
		return nil, fmt.Errorf("read notes: %w", err)
	}
	defer rows.Close()
	var out []orderhub.Note
	for rows.Next() {
		var n orderhub.Note
		var at int64
		var kind string
		if err := rows.Scan(&n.ID, &n.OrderID, &at, &kind, &n.Author.Name, &n.Text); err != nil {
			return nil, fmt.Errorf("read notes: %w", err)
		}
		n.At, n.Author.Kind = fromMicros(at), orderhub.ActorKind(kind)
		out = append(out, n)
	}
	return out, rows.Err()
}
