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
	// Text finds orders by the beginning of any of their words (numbers, SKUs,
	// phone, name); several words must all be found.
	Text string
	// PlacedFrom and PlacedTo limit the time of placement, [from, to).
	PlacedFrom, PlacedTo time.Time
	// Cursor continues a list; "" begins.
	Cursor string
	Limit  int
}

// common is how many matches of a search word are too many to fetch and sort:
// then the orders are walked from the newest instead, and a page fills quickly
// just because the word is common.
const common = 2000

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

// orderKeys finds the keys of one page and one more. Each combination of
// account and status is a query of its own that reads just the head of an
// index; the heads are merged.
func (s *Store) orderKeys(ctx context.Context, f OrderFilter) ([]orderKey, error) {
	where, args, err := s.listConditions(ctx, f)
	if err != nil || where == nothing {
		return nil, err
	}
	var all []orderKey
	for _, account := range orAny(f.Accounts) {
		for _, status := range orAny(f.Statuses) {
			w, a := where, slices.Clone(args)
			if account != "" {
				w, a = w+" AND account_id = ?", append(a, account)
			}
			if status != "" {
				w, a = w+" AND status = ?", append(a, string(status))
			}
			keys, err := s.keys(ctx, w, append(a, f.Limit+1))
			if err != nil {
				return nil, err
			}
			all = append(all, keys...)
		}
	}
	slices.SortFunc(all, func(a, b orderKey) int { return cmp.Or(cmp.Compare(b.placed, a.placed), cmp.Compare(b.id, a.id)) })
	return all, nil
}

func (s *Store) keys(ctx context.Context, where string, args []any) ([]orderKey, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT placed_at, id FROM orders WHERE "+where+" ORDER BY placed_at DESC, id DESC LIMIT ?", args...)
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

// nothing is the condition of a list that is known to be empty.
const nothing = "1 = 0"

func (s *Store) listConditions(ctx context.Context, f OrderFilter) (where string, args []any, err error) {
	where = "1 = 1"
	add := func(cond string, v ...any) {
		where += " AND " + cond
		args = append(args, v...)
	}
	if f.Cursor != "" {
		k, err := parseCursor(f.Cursor)
		if err != nil {
			return "", nil, err
		}
		add("(placed_at, id) < (?, ?)", k.placed, k.id)
	}
	if !f.PlacedFrom.IsZero() {
		add("placed_at >= ?", micros(f.PlacedFrom))
	}
	if !f.PlacedTo.IsZero() {
		add("placed_at < ?", micros(f.PlacedTo))
	}
	if f.Held || f.Hold != "" {
		add("holds <> ''")
	}
	if f.Hold != "" {
		add("holds LIKE ?", "%,"+string(f.Hold)+",%")
	}
	words := searchTerms(f.Text)
	if strings.TrimSpace(f.Text) != "" && len(words) == 0 {
		return nothing, nil, nil
	}
	narrowed := false
	for _, w := range words {
		if !narrowed {
			ids, few, err := s.termMatches(ctx, w)
			if err != nil {
				return "", nil, err
			}
			if few {
				if len(ids) == 0 {
					return nothing, nil, nil
				}
				cond, arg := s.engine.reader().in("id", ids)
				add(cond, arg)
				narrowed = true
				continue
			}
		}
		add("EXISTS (SELECT 1 FROM terms t WHERE t.order_id = orders.id AND t.term >= ? AND t.term < ?)", w, w+"\U0010FFFF")
	}
	return where, args, nil
}

// termMatches reads the orders that have a word beginning so, if they are few.
func (s *Store) termMatches(ctx context.Context, word string) (ids []int64, few bool, err error) {
	rows, err := s.engine.reader().query(ctx, "SELECT order_id FROM terms WHERE term >= ? AND term < ? LIMIT ?", word, word+"\U0010FFFF", common+1)
	if err != nil {
		return nil, false, fmt.Errorf("search orders: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, false, fmt.Errorf("search orders: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, len(ids) <= common, rows.Err()
}

// orAny gives the list, or one zero value that means "any".
func orAny[T any](list []T) []T {
	if len(list) == 0 {
		return make([]T, 1)
	}
	return list
}
