package store

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
)

// CardTree is what people see as one buyer: a root and the cards that were merged
// into it, oldest first.
type CardTree struct {
	Root  *orderhub.Card
	Cards []*orderhub.Card
	Tags  []string
	CardTotals
}

// Keys lists the words of all cards of the tree.
func (t *CardTree) Keys() []orderhub.Key {
	var out []orderhub.Key
	for _, c := range t.Cards {
		for _, k := range c.Keys {
			if !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
	}
	return out
}

// Title is the root's name, or the first that any of its cards has.
func (t *CardTree) Title() string {
	title := t.Root.Title()
	for _, c := range t.Cards {
		title = cmp.Or(title, c.Title())
	}
	return title
}

// CardTotals are figures of a tree, added up from its orders and returns.
type CardTotals struct {
	// Orders counts all, Counted those that are in Sums: not cancelled, and not the
	// mere delivery of an order of the site.
	Orders, Counted int64
	Sums            []orderhub.Money // one per currency
	LastAt          time.Time        // when the newest was placed
	Returns         int64
	Returned        []orderhub.Money // what the buyer gets or got back
}

// CardFilter selects roots for a list, newest first.
type CardFilter struct {
	// Words: each must be found, as the beginning of one of its spellings; with
	// WholeWords as one of them.
	Words      [][]string
	WholeWords bool
	// Tag is one that they have; "" = any.
	Tag string
	// Cursor continues a list; "" begins.
	Cursor string
	Limit  int
}

// ListCards reads one page of buyers and the cursor of the next, "" at the end.
func (s *Store) ListCards(ctx context.Context, f CardFilter) (page []*CardTree, next string, err error) {
	if f.Limit <= 0 || f.Limit > 200 {
		f.Limit = 50
	}
	before := int64(math.MaxInt64)
	if f.Cursor != "" {
		raw, err := base64.RawURLEncoding.DecodeString(f.Cursor)
		var errID error
		if before, errID = strconv.ParseInt(string(raw), 10, 64); err != nil || errID != nil {
			return nil, "", orderhub.InvalidField("cursor", "is not one that this list gave")
		}
	}
	c := condition{sql: "parent_id = 0 AND erased_at = 0"}
	c.add("id < ?", before)
	q := s.engine.reader()
	for _, spellings := range f.Words {
		var one condition
		for _, w := range spellings {
			if one.sql != "" {
				one.sql += " OR "
			}
			if f.WholeWords {
				one.sql, one.args = one.sql+"k.word = ?", append(one.args, w)
				continue
			}
			one.sql += "(k.word >= ? AND k.word < ?)"
			one.args = append(one.args, w, w+"\U0010FFFF")
		}
		c.add(q.inQuery("id", "SELECT t.root_id FROM customer_keys k JOIN customers t ON t.id = k.customer_id WHERE "+one.sql), one.args...)
	}
	if f.Tag != "" {
		c.add(q.inQuery("id", "SELECT t.root_id FROM customer_tags g JOIN customers t ON t.id = g.customer_id WHERE g.tag = ?"), f.Tag)
	}
	roots, err := s.ids(ctx, "SELECT id FROM customers"+c.where()+" ORDER BY id DESC LIMIT ?", append(c.args, f.Limit+1)...)
	if err != nil {
		return nil, "", err
	}
	if len(roots) > f.Limit {
		roots = roots[:f.Limit]
		next = base64.RawURLEncoding.EncodeToString(strconv.AppendInt(nil, roots[f.Limit-1], 10))
	}
	page, err = s.CardTrees(ctx, roots)
	slices.SortFunc(page, func(a, b *CardTree) int { return cmp.Compare(b.Root.ID, a.Root.ID) })
	return page, next, err
}

// CardTreeOf reads the buyer to whom a card belongs.
func (s *Store) CardTreeOf(ctx context.Context, card int64) (*CardTree, error) {
	roots, err := s.ids(ctx, "SELECT root_id FROM customers WHERE id = ?", card)
	if err == nil && len(roots) == 0 {
		err = orderhub.Errorf(orderhub.CodeNotFound, "there is no customer %d", card)
	}
	if err != nil {
		return nil, err
	}
	trees, err := s.CardTrees(ctx, roots)
	if err == nil && len(trees) == 0 {
		err = orderhub.Errorf(orderhub.CodeConflict, "customer %d was merged at this moment; try again", card)
	}
	if err != nil {
		return nil, err
	}
	return trees[0], nil
}

// CardTrees reads trees by their roots, with their figures, as of one moment.
func (s *Store) CardTrees(ctx context.Context, roots []int64) (trees []*CardTree, err error) {
	if len(roots) == 0 {
		return nil, nil
	}
	err = s.engine.snapshot(ctx, func(q querier) error {
		trees, err = readTrees(ctx, q, roots)
		return err
	})
	return trees, err
}

func readTrees(ctx context.Context, q querier, roots []int64) ([]*CardTree, error) {
	cond, arg := q.in("root_id", roots)
	cards, err := scanCards(ctx, q, "WHERE "+cond+" ORDER BY root_id, id", arg)
	if err != nil {
		return nil, err
	}
	var out []*CardTree
	byRoot := map[int64]*CardTree{}
	for _, c := range cards {
		t := byRoot[c.Root]
		if t == nil {
			t = &CardTree{}
			byRoot[c.Root] = t
			out = append(out, t)
		}
		t.Cards = append(t.Cards, c)
		if c.ID == c.Root {
			t.Root = c
		}
	}
	if err := readTags(ctx, q, byRoot, cond, arg); err != nil {
		return nil, err
	}
	if err := addOrders(ctx, q, byRoot, cond, arg); err != nil {
		return nil, err
	}
	return out, addReturns(ctx, q, byRoot, cond, arg)
}

func readTags(ctx context.Context, q querier, byRoot map[int64]*CardTree, cond string, arg any) error {
	rows, err := q.query(ctx, "SELECT DISTINCT c.root_id, g.tag FROM customers c JOIN customer_tags g ON g.customer_id = c.id WHERE "+cond+" ORDER BY c.root_id, g.tag", arg)
	if err != nil {
		return fmt.Errorf("read tags: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var root int64
		var tag string
		if err := rows.Scan(&root, &tag); err != nil {
			return fmt.Errorf("read tags: %w", err)
		}
		byRoot[root].Tags = append(byRoot[root].Tags, tag)
	}
	return rows.Err()
}

// addOrders adds up the orders of trees.
func addOrders(ctx context.Context, q querier, byRoot map[int64]*CardTree, cond string, arg any) error {
	const counted = "o.status <> 'cancelled' AND o.site_order_id = ''"
	rows, err := q.query(ctx, `SELECT c.root_id, o.currency, COUNT(*), CAST(SUM(CASE WHEN `+counted+` THEN 1 ELSE 0 END) AS BIGINT),
		CAST(SUM(CASE WHEN `+counted+` THEN o.total_minor ELSE 0 END) AS BIGINT), MAX(o.placed_at)
		FROM customers c JOIN orders o ON o.customer_id = c.id AND o.customer_id <> 0 WHERE `+cond+" GROUP BY c.root_id, o.currency ORDER BY c.root_id, o.currency", arg)
	if err != nil {
		return fmt.Errorf("add up the orders of customers: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var root, orders, n, sum, last int64
		var currency string
		if err := rows.Scan(&root, &currency, &orders, &n, &sum, &last); err != nil {
			return fmt.Errorf("add up the orders of customers: %w", err)
		}
		t := byRoot[root]
		t.Orders, t.Counted = t.Orders+orders, t.Counted+n
		if at := fromMicros(last); at.After(t.LastAt) {
			t.LastAt = at
		}
		if n > 0 && currency != "" {
			t.Sums = append(t.Sums, orderhub.Money{Minor: sum, Currency: currency})
		}
	}
	return rows.Err()
}

// addReturns adds up what the buyers of trees get back. A return that was closed
// gives nothing back, unless the buyer keeps the goods.
func addReturns(ctx context.Context, q querier, byRoot map[int64]*CardTree, cond string, arg any) error {
	rows, err := q.query(ctx, `SELECT c.root_id, r.state, r.data FROM customers c JOIN orders o ON o.customer_id = c.id AND o.customer_id <> 0
		JOIN returns r ON r.order_id = o.id AND r.order_id <> 0 WHERE `+cond+" ORDER BY r.id", arg)
	if err != nil {
		return fmt.Errorf("add up the returns of customers: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var root int64
		var state, data string
		if err := rows.Scan(&root, &state, &data); err != nil {
			return fmt.Errorf("add up the returns of customers: %w", err)
		}
		var snap orderhub.ReturnSnapshot
		if err := json.Unmarshal([]byte(data), &snap); err != nil {
			return fmt.Errorf("add up the returns of customers: %w", err)
		}
		t := byRoot[root]
		t.Returns++
		if orderhub.ReturnState(state) == orderhub.ReturnClosed && !snap.NoGoods || snap.Refund.IsZero() {
			continue
		}
		i := slices.IndexFunc(t.Returned, func(m orderhub.Money) bool { return m.Currency == snap.Refund.Currency })
		if i < 0 {
			t.Returned = append(t.Returned, orderhub.Money{Currency: snap.Refund.Currency})
			i = len(t.Returned) - 1
		}
		t.Returned[i].Minor += snap.Refund.Minor
	}
	return rows.Err()
}

// cardIDs lists the cards of a tree.
func cardIDs(cards []*orderhub.Card) []int64 {
	ids := make([]int64, len(cards))
	for i, c := range cards {
		ids[i] = c.ID
	}
	return ids
}

// OrdersOfCards reads the newest orders of a tree: those with a number below
// before; 0 = from the newest.
func (s *Store) OrdersOfCards(ctx context.Context, t *CardTree, before int64, limit int) ([]*orderhub.Order, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	q := s.engine.reader()
	cond, arg := q.in("customer_id", cardIDs(t.Cards))
	return s.readOrders(ctx, "WHERE "+cond+" AND customer_id <> 0 AND id < ? ORDER BY id DESC LIMIT ?", arg, before, limit)
}

// ReturnsOfOrders reads the returns of orders, oldest first.
func (s *Store) ReturnsOfOrders(ctx context.Context, orders []int64) ([]*orderhub.Return, error) {
	q := s.engine.reader()
	cond, arg := q.in("order_id", orders)
	return s.readReturns(ctx, "WHERE order_id <> 0 AND "+cond+" ORDER BY id", arg)
}

// NamesOfCards lists the names on the orders of a tree.
func (s *Store) NamesOfCards(ctx context.Context, t *CardTree) ([]string, error) {
	q := s.engine.reader()
	cond, arg := q.in("customer_id", cardIDs(t.Cards))
	return s.column(ctx, "SELECT DISTINCT customer FROM orders WHERE customer_id <> 0 AND customer <> '' AND "+cond+" ORDER BY customer LIMIT 50", arg)
}

// RootsOf gives the roots of cards.
func (s *Store) RootsOf(ctx context.Context, cards []int64) (map[int64]int64, error) {
	q := s.engine.reader()
	cond, arg := q.in("id", cards)
	rows, err := q.query(ctx, "SELECT id, root_id FROM customers WHERE "+cond, arg)
	if err != nil {
		return nil, fmt.Errorf("read customers: %w", err)
	}
	defer rows.Close()
	out := map[int64]int64{}
	for rows.Next() {
		var id, root int64
		if err := rows.Scan(&id, &root); err != nil {
			return nil, fmt.Errorf("read customers: %w", err)
		}
		out[id] = root
	}
	return out, rows.Err()
}

// RawOf reads the raw answers about an order, or about a return, oldest first.
func (s *Store) RawOf(ctx context.Context, accountID, externalID string, ofReturn bool) ([]Raw, error) {
	return s.rawRows(ctx, s.engine.reader(), "WHERE account_id = ? AND external_id = ? AND kind "+like(ofReturn)+" ORDER BY id", accountID, externalID)
}

// like is the condition on the kinds of raw answers about returns, or about orders.
func like(returns bool) string {
	if returns {
		return "LIKE 'return%'"
	}
	return "NOT LIKE 'return%'"
}
