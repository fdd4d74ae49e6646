package store

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
)

// OrderFilter selects orders for a list, newest placed first.
type OrderFilter struct {
	// Accounts and Statuses: any of them; empty = all.
	Accounts []string
	Statuses []orderhub.Status
	// Hold selects orders with this hold; Held those with any.
	Hold orderhub.Hold
	Held bool
	// Tag and Assignee select orders with this tag, and of this person; "" = any.
	Tag      string
	Assignee orderhub.Assignee
	// Text finds orders by the beginning of any of their words (numbers, SKUs,
	// phone, name); several words must all be found.
	Text string
	// WholeWords is for those who may not read personal data: the beginning of a word
	// finds orders by their numbers and goods only, a buyer's words are found whole.
	WholeWords bool
	// PlacedFrom and PlacedTo limit the time of placement, [from, to).
	PlacedFrom, PlacedTo time.Time
	// AnswerBefore selects orders whose buyer wants to cancel and is to be answered
	// before it.
	AnswerBefore time.Time
	// Late selects orders not handed over whose deadline is over.
	Late bool
	// Cursor continues a list; "" begins.
	Cursor string
	Limit  int
}

// ListOrders reads one page of orders and the cursor of the next, "" at the end.
func (s *Store) ListOrders(ctx context.Context, f OrderFilter) (page []*orderhub.Order, next string, err error) {
	if f.Limit <= 0 || f.Limit > 500 {
		f.Limit = 50
	}
	keys, err := s.orderKeys(ctx, f)
	if err != nil {
		return nil, "", err
	}
	if len(keys) > f.Limit {
		keys = keys[:f.Limit]
		next = keys[f.Limit-1].cursor()
	}
	ids := make([]int64, len(keys))
	for i, k := range keys {
		ids[i] = k.id
	}
	if len(ids) == 0 {
		return nil, "", nil
	}
	page, err = s.OrdersByIDs(ctx, ids)
	if err != nil {
		return nil, "", err
	}
	slices.SortFunc(page, func(a, b *orderhub.Order) int {
		return cmp.Or(b.Snapshot.PlacedAt.Compare(a.Snapshot.PlacedAt), cmp.Compare(b.ID, a.ID))
	})
	return page, next, nil
}

// orderKey is the sort key of a list.
type orderKey struct{ placed, id int64 }

func (k orderKey) cursor() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", k.placed, k.id))
}

func parseCursor(c string) (orderKey, error) {
	var k orderKey
	raw, err := base64.RawURLEncoding.DecodeString(c)
	if err == nil {
		_, err = fmt.Sscanf(string(raw), "%d.%d", &k.placed, &k.id)
	}
	if err != nil {
		return k, orderhub.InvalidField("cursor", "is not one that this list gave")
	}
	return k, nil
}

// orderKeys finds the keys of one page and one more.
func (s *Store) orderKeys(ctx context.Context, f OrderFilter) ([]orderKey, error) {
	if strings.TrimSpace(f.Text) != "" {
		return s.search(ctx, f)
	}
	if f.Tag != "" {
		return s.taggedKeys(ctx, f)
	}
	c, err := s.listConditions(f, "placed_at")
	if err != nil {
		return nil, err
	}
	return heads(f, func(each condition) ([]orderKey, error) {
		return s.keys(ctx, f.from(s.engine.reader()), c.and(each), f.Limit+1)
	})
}

// from is the table, with the index of deadlines where these select.
func (f OrderFilter) from(q querier) string {
	if f.Late {
		return "orders" + q.by("orders_ship_by")
	}
	return "orders"
}

// heads asks for each combination of account and status by itself, so that each
// question reads just the head of an index, and merges the answers.
func heads(f OrderFilter, ask func(each condition) ([]orderKey, error)) ([]orderKey, error) {
	var all []orderKey
	for _, account := range orAny(f.Accounts) {
		for _, status := range orAny(f.Statuses) {
			var each condition
			if account != "" {
				each.add(f.column("account_id")+" = ?", account)
			}
			if status != "" {
				each.add(f.column("status")+" = ?", string(status))
			}
			keys, err := ask(each)
			if err != nil {
				return nil, err
			}
			all = append(all, keys...)
		}
	}
	slices.SortFunc(all, func(a, b orderKey) int { return cmp.Or(cmp.Compare(b.placed, a.placed), cmp.Compare(b.id, a.id)) })
	return slices.Compact(all), nil
}

// column is how a column is written for which no index is to be used: the indexes
// of held, tagged and assigned orders are the small ones.
func (f OrderFilter) column(name string) string {
	if f.Held || f.Hold != "" || f.Tag != "" || f.Assignee != "" || !f.AnswerBefore.IsZero() || f.Late {
		return name + " || ''"
	}
	return name
}

// condition is the part of a statement behind WHERE, with its arguments.
type condition struct {
	sql  string
	args []any
}

func (c *condition) add(sql string, args ...any) {
	if c.sql != "" {
		c.sql += " AND "
	}
	c.sql += sql
	c.args = append(c.args, args...)
}

// and joins two conditions into a third.
func (c condition) and(d condition) condition {
	out := condition{sql: c.sql, args: slices.Clone(c.args)}
	if d.sql != "" {
		out.add(d.sql, d.args...)
	}
	return out
}

func (c condition) where() string {
	if c.sql == "" {
		return ""
	}
	return " WHERE " + c.sql
}

func (s *Store) keys(ctx context.Context, from string, c condition, limit int) ([]orderKey, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT placed_at, id FROM "+from+c.where()+" ORDER BY placed_at DESC, id DESC LIMIT ?",
		append(slices.Clone(c.args), limit)...)
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
}

// listConditions are those of all combinations of account and status; placed is
// how the time of placement is written.
func (s *Store) listConditions(f OrderFilter, placed string) (c condition, err error) {
	if f.Cursor != "" {
		k, err := parseCursor(f.Cursor)
		if err != nil {
			return c, err
		}
		c.add("("+placed+", id) < (?, ?)", k.placed, k.id)
	}
	if !f.PlacedFrom.IsZero() {
		c.add(placed+" >= ?", micros(f.PlacedFrom))
	}
	if !f.PlacedTo.IsZero() {
		c.add(placed+" < ?", micros(f.PlacedTo))
	}
	if !f.AnswerBefore.IsZero() {
		c.add("answer_by <> 0 AND answer_by < ?", micros(f.AnswerBefore))
	}
	if f.Late { // as the index of deadlines has it
		c.add("ship_by > 0 AND orders.status IN ('new','confirmed','packed') AND ship_by < ?", micros(s.Now()))
	}
	if f.Held || f.Hold != "" {
		c.add("holds <> ''")
	}
	if f.Hold != "" {
		c.add("holds LIKE ?", "%,"+string(f.Hold)+",%")
	}
	if f.Assignee != "" {
		c.add("assignee <> '' AND assignee = ?", string(f.Assignee))
	}
	return c, nil
}

// orAny gives the list, or one zero value that means "any".
func orAny[T any](list []T) []T {
	if len(list) == 0 {
		return make([]T, 1)
	}
	return list
}
