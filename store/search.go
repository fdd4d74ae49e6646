package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The two ways to search, and where one becomes cheaper than the other; measured
// over a million orders, see orderhub bench.
const (
	// fewMatches is up to how many orders with a word are looked up one by one.
	fewMatches = 2600
	// newestFirst is how many orders are walked from the newest in search of a
	// word that more have: a page fills soon just because the word is common.
	newestFirst = 10_500
	// firstLook is a part of that: who finds next to nothing in it stops there.
	firstLook = 1500
)

// searchWord is a word to search for and how many orders have one that begins
// so, counted up to fewMatches+1.
type searchWord struct {
	text    string
	whole   bool // OrderFilter.WholeWords
	matches int
}

// begins is the condition on the word of a row of this order.
func (w searchWord) begins(column, order string) condition {
	c := condition{sql: column + " >= ? AND " + column + " < ?", args: []any{w.text, w.text + "\U0010FFFF"}}
	if !w.whole {
		return c
	}
	// Word by word, whoever may not read a phone could ask for its digits.
	var shown []string
	c.args = append(c.args, w.text)
	length := utf8.RuneCountInString(w.text)
	for _, of := range []string{"CAST(o.id AS TEXT)", "LOWER(o.external_id)", "LOWER(o.external_number)", "LOWER(o.group_key)"} {
		shown = append(shown, "substr("+of+", 1, ?) = ?")
		c.args = append(c.args, length, w.text)
	}
	c.args = append(c.args, length, w.text, length, w.text)
	c.sql += " AND (" + column + " = ? OR EXISTS (SELECT 1 FROM orders o WHERE o.id = " + order + " AND (" + strings.Join(shown, " OR ") + `))
		OR EXISTS (SELECT 1 FROM lines l WHERE l.order_id = ` + order + ` AND (substr(LOWER(l.sku), 1, ?) = ? OR substr(LOWER(l.listing_key), 1, ?) = ?)))`
	return c
}

// found selects the orders that have the word.
func (w searchWord) found() condition {
	c := w.begins("t.term", "t.order_id")
	return condition{sql: "SELECT t.order_id FROM terms t WHERE " + c.sql, args: c.args}
}

// has looks into the words of one order. It is a value and not EXISTS, which
// PostgreSQL would turn round: it takes every beginning of a word for rare.
func (w searchWord) has(q querier, order string) condition {
	c := w.begins(q.unindexed("w.term"), "w.order_id")
	return condition{sql: "(SELECT 1 FROM terms w WHERE w.order_id = " + order + " AND " + c.sql + " LIMIT 1) = 1", args: c.args}
}

// search finds the keys of one page and one more of the orders that have all
// words of the text.
func (s *Store) search(ctx context.Context, f OrderFilter) ([]orderKey, error) {
	words, err := s.searchWords(ctx, f.Text, f.WholeWords)
	if err != nil || len(words) == 0 || words[0].matches == 0 {
		return nil, err
	}
	if words[0].matches > fewMatches {
		keys, complete, err := s.searchNewest(ctx, f, words)
		if err != nil || complete {
			return keys, err
		}
	}
	return s.searchAll(ctx, f, words)
}

// searchWords counts the words of the text, the rarest first. What looks like a
// phone is one, unless an order has just this number.
func (s *Store) searchWords(ctx context.Context, text string, whole bool) ([]searchWord, error) {
	typed, phone := searchTerms(text)
	words := make([]searchWord, 0, len(typed))
	for _, t := range typed {
		w, err := s.counted(ctx, searchWord{text: t, whole: whole})
		if err != nil {
			return nil, err
		}
		words = append(words, w)
	}
	if phone != "" && (len(words) != 1 || words[0].matches == 0) {
		w, err := s.counted(ctx, searchWord{text: phone, whole: whole})
		return []searchWord{w}, err
	}
	slices.SortStableFunc(words, func(a, b searchWord) int { return a.matches - b.matches })
	return words, nil
}

func (s *Store) counted(ctx context.Context, w searchWord) (searchWord, error) {
	found := w.found()
	rows, err := s.engine.reader().query(ctx, "SELECT COUNT(*) FROM ("+found.sql+" LIMIT ?) m", append(found.args, fewMatches+1)...)
	if err != nil {
		return w, fmt.Errorf("search orders: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		if err := rows.Scan(&w.matches); err != nil {
			return w, fmt.Errorf("search orders: %w", err)
		}
	}
	return w, rows.Err()
}

// searchNewest walks the newest orders of each combination of account and
// status, a first look and then the rest. complete is false when it gave up
// before a page was full.
func (s *Store) searchNewest(ctx context.Context, f OrderFilter, words []searchWord) (keys []orderKey, complete bool, err error) {
	c, err := s.listConditions(f, "placed_at")
	if err != nil {
		return nil, false, err
	}
	f.hasTag(&c)
	parts := len(orAny(f.Accounts)) * len(orAny(f.Statuses))
	complete = true
	keys, err = heads(f, func(each condition) ([]orderKey, error) {
		var head []orderKey
		below := c.and(each)
		for _, walk := range []int{firstLook, newestFirst - firstLook} {
			found, oldest, more, err := s.walk(ctx, below, words, max(400, walk/parts), f.Limit+1-len(head))
			head = append(head, found...)
			if err != nil || !more || len(head) > f.Limit {
				return head, err
			}
			if hopeless := len(head)*newestFirst/firstLook < f.Limit; hopeless {
				break
			}
			below = below.and(condition{sql: "placed_at < ?", args: []any{oldest}})
		}
		complete = false
		return head, nil
	})
	return keys, complete, err
}

// walk looks at about n orders from the newest for those that have all words.
// more tells that there are older ones, placed before oldest.
func (s *Store) walk(ctx context.Context, c condition, words []searchWord, n, limit int) (keys []orderKey, oldest int64, more bool, err error) {
	oldest, more, err = s.nth(ctx, c, n)
	if err != nil {
		return nil, 0, false, err
	}
	if more {
		c = c.and(condition{sql: "placed_at >= ?", args: []any{oldest}})
	}
	for _, w := range words {
		c = c.and(w.has(s.engine.reader(), "orders.id"))
	}
	keys, err = s.keys(ctx, "orders", c, limit)
	return keys, oldest, more, err
}

// nth gives the time of the order n places down the list; more is false when
// the list is shorter.
func (s *Store) nth(ctx context.Context, c condition, n int) (placed int64, more bool, err error) {
	rows, err := s.engine.reader().query(ctx, "SELECT placed_at FROM orders"+c.where()+" ORDER BY placed_at DESC, id DESC LIMIT 1 OFFSET ?",
		append(slices.Clone(c.args), n)...)
	if err != nil {
		return 0, false, fmt.Errorf("search orders: %w", err)
	}
	defer rows.Close()
	if more = rows.Next(); more {
		if err := rows.Scan(&placed); err != nil {
			return 0, false, fmt.Errorf("search orders: %w", err)
		}
	}
	return placed, more, rows.Err()
}

// searchAll looks up every order that has all the words. The other conditions
// are written so that no index serves them.
func (s *Store) searchAll(ctx context.Context, f OrderFilter, words []searchWord) ([]orderKey, error) {
	c, err := s.listConditions(f, "placed_at + 0")
	if err != nil {
		return nil, err
	}
	f.hasTag(&c)
	q := s.engine.reader()
	found := words[0].found()
	for _, w := range words[1:] {
		if words[0].matches > fewMatches {
			other := w.found()
			found.sql, found.args = found.sql+" INTERSECT "+other.sql, append(found.args, other.args...)
		} else {
			found = found.and(w.has(q, "t.order_id"))
		}
	}
	all := condition{sql: q.inQuery("id", found.sql), args: found.args}
	if len(f.Accounts) > 0 {
		cond, arg := q.in("account_id || ''", f.Accounts)
		all.add(cond, arg)
	}
	if len(f.Statuses) > 0 {
		cond, arg := q.in("status || ''", f.Statuses)
		all.add(cond, arg)
	}
	return s.keys(ctx, "orders", all.and(c), f.Limit+1)
}
