package store

import (
	"context"
	"fmt"
	"slices"
)

// The two ways to search, and where one becomes cheaper than the other; measured
// over a million orders, see orderhub bench.
const (
	// fewMatches is up to how many orders with a word are looked up one by one.
	fewMatches = 4000
	// newestFirst is how many orders are walked from the newest in search of a
	// word that more have: a page fills soon just because the word is common.
	newestFirst = 13_000
	// firstLook is a part of that: who finds next to nothing in it stops there.
	firstLook = 2000
)

// searchWord is a word to search for and how many orders have one that begins
// so, counted up to fewMatches+1.
type searchWord struct {
	text    string
	matches int
}

// begins is the condition on a row of terms.
func (w searchWord) begins(c *condition, alias string) {
	c.add(alias+".term >= ? AND "+alias+".term < ?", w.text, w.text+"\U0010FFFF")
}

// search finds the keys of one page and one more of the orders that have all
// words of the text.
func (s *Store) search(ctx context.Context, f OrderFilter) ([]orderKey, error) {
	words, err := s.searchWords(ctx, f.Text)
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
func (s *Store) searchWords(ctx context.Context, text string) ([]searchWord, error) {
	typed, phone := searchTerms(text)
	words := make([]searchWord, 0, len(typed))
	for _, t := range typed {
		n, err := s.countTerm(ctx, t)
		if err != nil {
			return nil, err
		}
		words = append(words, searchWord{t, n})
	}
	if phone != "" && (len(words) != 1 || words[0].matches == 0) {
		n, err := s.countTerm(ctx, phone)
		return []searchWord{{phone, n}}, err
	}
	slices.SortStableFunc(words, func(a, b searchWord) int { return a.matches - b.matches })
	return words, nil
}

func (s *Store) countTerm(ctx context.Context, word string) (n int, err error) {
	var c condition
	searchWord{text: word}.begins(&c, "t")
	rows, err := s.engine.reader().query(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM terms t"+c.where()+" LIMIT ?) m", append(c.args, fewMatches+1)...)
	if err != nil {
		return 0, fmt.Errorf("search orders: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, fmt.Errorf("search orders: %w", err)
		}
	}
	return n, rows.Err()
}

// searchNewest walks the newest orders of each combination of account and
// status. complete is false when it gave up before a page was full.
func (s *Store) searchNewest(ctx context.Context, f OrderFilter, words []searchWord) (keys []orderKey, complete bool, err error) {
	for _, walk := range []int{firstLook, newestFirst} {
		keys, complete, err = s.walkNewest(ctx, f, words, walk)
		hopeless := len(keys)*newestFirst/firstLook < f.Limit/2
		if err != nil || complete || hopeless {
			break
		}
	}
	return keys, complete, err
}

func (s *Store) walkNewest(ctx context.Context, f OrderFilter, words []searchWord, walk int) (keys []orderKey, complete bool, err error) {
	c, err := listConditions(f, "placed_at")
	if err != nil {
		return nil, false, err
	}
	walk = max(500, walk/(len(orAny(f.Accounts))*len(orAny(f.Statuses))))
	complete = true
	keys, err = heads(f, func(each condition) ([]orderKey, error) {
		walked := c.and(each)
		oldest, more, err := s.nth(ctx, walked, walk)
		if err != nil {
			return nil, err
		}
		if more {
			walked.add("placed_at >= ?", oldest)
		}
		for _, w := range words {
			var t condition
			w.begins(&t, "t")
			walked.add("EXISTS (SELECT 1 FROM terms t WHERE t.order_id = orders.id AND "+t.sql+")", t.args...)
		}
		head, err := s.keys(ctx, walked, f.Limit+1)
		if more && len(head) <= f.Limit {
			complete = false
		}
		return head, err
	})
	return keys, complete, err
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
	c, err := listConditions(f, "placed_at + 0")
	if err != nil {
		return nil, err
	}
	q := s.engine.reader()
	var found condition
	words[0].begins(&found, "t")
	for i, w := range words[1:] {
		alias := fmt.Sprint("t", i)
		var other condition
		w.begins(&other, alias)
		if words[0].matches > fewMatches {
			found.add("t.order_id + 0 IN (SELECT "+alias+".order_id FROM terms "+alias+" WHERE "+other.sql+")", other.args...)
		} else {
			found.add("EXISTS (SELECT 1 FROM terms "+alias+" WHERE "+alias+".order_id = t.order_id AND "+other.sql+")", other.args...)
		}
	}
	var all condition
	all.add(q.inQuery("id", "SELECT t.order_id FROM terms t WHERE "+found.sql), found.args...)
	if len(f.Accounts) > 0 {
		cond, arg := q.in("account_id || ''", f.Accounts)
		all.add(cond, arg)
	}
	if len(f.Statuses) > 0 {
		cond, arg := q.in("status || ''", f.Statuses)
		all.add(cond, arg)
	}
	return s.keys(ctx, all.and(c), f.Limit+1)
}
