package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
)

// Order of locks: orders, then words (lockWords), then cards by id, then stock.

const cardColumns = `id, parent_id, root_id, name, shown, keys, erased_at, erase_kind, erase_by, erase_why, version, created_at, updated_at`

// FindCards gives the cards that have one of the words, with all cards that they
// are merged with, oldest first. Whoever looks for the same words waits until the
// commit, so that no buyer gets two cards at once; the roots are locked.
func (tx *Tx) FindCards(ctx context.Context, keys []orderhub.Key) ([]*orderhub.Card, error) {
	words := make([]string, 0, len(keys))
	for _, k := range keys {
		words = append(words, string(k))
	}
	slices.Sort(words)
	words = slices.Compact(words)
	if len(words) == 0 {
		return nil, nil
	}
	if err := tx.q.lockWords(ctx, words); err != nil {
		return nil, fmt.Errorf("lock the words of buyers: %w", err)
	}
	having, arg := tx.q.forEach("customer_keys", "word", words)
	roots, err := readIDs(ctx, tx.q, "SELECT DISTINCT (SELECT c.root_id FROM customers c WHERE c.id = w.customer_id) FROM "+having+" w", arg)
	if err != nil || len(roots) == 0 {
		return nil, err
	}
	merged, arg := tx.q.forEach("customers", "root_id", roots)
	cards, err := scanCardsOf(ctx, tx.q, merged+" c ORDER BY id", arg)
	if err != nil || tx.q.lock() == "" {
		return cards, err
	}
	// Erased at this moment: not found.
	cond, arg := tx.q.in("id", roots)
	locked, err := scanCards(ctx, tx.q, "WHERE "+cond+" AND erased_at = 0 ORDER BY id"+tx.q.lock(), arg)
	return slices.DeleteFunc(cards, func(c *orderhub.Card) bool {
		return !slices.ContainsFunc(locked, func(l *orderhub.Card) bool { return l.ID == c.Root })
	}), err
}

func scanCards(ctx context.Context, q querier, where string, args ...any) ([]*orderhub.Card, error) {
	return scanCardsOf(ctx, q, "customers "+where, args...)
}

func scanCardsOf(ctx context.Context, q querier, from string, args ...any) ([]*orderhub.Card, error) {
	rows, err := q.query(ctx, "SELECT "+cardColumns+" FROM "+from, args...)
	if err != nil {
		return nil, fmt.Errorf("read cards: %w", err)
	}
	defer rows.Close()
	var out []*orderhub.Card
	for rows.Next() {
		var c orderhub.Card
		var keys, by string
		var erased, created, updated int64
		if err := rows.Scan(&c.ID, &c.Parent, &c.Root, &c.Name, &c.Shown, &keys, &erased, &by, &c.ErasedBy.Name, &c.ErasedWhy, &c.Version,
			&created, &updated); err != nil {
			return nil, fmt.Errorf("read cards: %w", err)
		}
		for k := range strings.SplitSeq(keys, "\n") {
			if k != "" && !slices.Contains(c.Keys, orderhub.Key(k)) {
				c.Keys = append(c.Keys, orderhub.Key(k))
			}
		}
		c.ErasedBy.Kind = orderhub.ActorKind(by)
		c.ErasedAt, c.CreatedAt, c.UpdatedAt = fromMicros(erased), fromMicros(created), fromMicros(updated)
		out = append(out, &c)
	}
	return out, rows.Err()
}

func keyLines(keys []orderhub.Key) string {
	var b strings.Builder
	for _, k := range keys {
		b.WriteString(string(k))
		b.WriteByte('\n')
	}
	return b.String()
}

// NumberCards gives new cards their ids.
func (tx *Tx) NumberCards(ctx context.Context, cards []*orderhub.Card) error {
	if len(cards) == 0 {
		return nil
	}
	ids, err := tx.q.nextIDs(ctx, "customers", len(cards))
	if err != nil {
		return fmt.Errorf("number cards: %w", err)
	}
	for i, c := range cards {
		c.ID, c.Root = ids[i], ids[i]
	}
	return nil
}

// InsertCards writes new cards, numbered before, with their words.
func (tx *Tx) InsertCards(ctx context.Context, cards []*orderhub.Card) error {
	if len(cards) == 0 {
		return nil
	}
	now := micros(tx.s.Now())
	rows, words := make([][]any, 0, len(cards)), make([][]any, 0, 4*len(cards))
	for _, c := range cards {
		rows = append(rows, []any{c.ID, c.Parent, c.Root, c.Name, c.Shown, keyLines(c.Keys), 0, 0, "", "", "", 1, now, now})
		for _, k := range c.Keys {
			words = append(words, []any{string(k), c.ID})
		}
	}
	if err := tx.q.insert(ctx, "customers", []string{"id", "parent_id", "root_id", "name", "shown", "keys", "erasing", "erased_at", "erase_kind",
		"erase_by", "erase_why", "version", "created_at", "updated_at"}, rows); err != nil {
		return fmt.Errorf("insert cards: %w", err)
	}
	// In the order of their table: neighbours go to the same page.
	slices.SortFunc(words, func(a, b []any) int { return strings.Compare(a[0].(string), b[0].(string)) })
	if err := tx.q.insert(ctx, "customer_keys", []string{"word", "customer_id"}, words); err != nil {
		return fmt.Errorf("insert the words of cards: %w", err)
	}
	return nil
}

// AddKeys adds words to cards, by id, but not to erased ones. It appends, so that two orders of one buyer
// taken at once do not lose each other's.
func (tx *Tx) AddKeys(ctx context.Context, added map[int64][]orderhub.Key) error {
	now := micros(tx.s.Now())
	var rows, words [][]any
	for _, id := range sortedIDs(added) {
		rows = append(rows, []any{keyLines(added[id]), now, id})
		for _, k := range added[id] {
			words = append(words, []any{string(k), id})
		}
	}
	if err := tx.q.execMany(ctx, "UPDATE customers SET keys = keys || ?, version = version + 1, updated_at = ? WHERE id = ? AND erased_at = 0", rows); err != nil {
		return fmt.Errorf("add words to cards: %w", err)
	}
	if err := tx.q.execMany(ctx, `INSERT INTO customer_keys (word, customer_id) SELECT CAST(? AS TEXT), id FROM customers
		WHERE id = ? AND erased_at = 0 ON CONFLICT DO NOTHING`, words); err != nil {
		return fmt.Errorf("add words to cards: %w", err)
	}
	return nil
}

func sortedIDs[T any](m map[int64]T) []int64 {
	ids := make([]int64, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// SetKeys replaces the words of a locked card.
func (tx *Tx) SetKeys(ctx context.Context, c *orderhub.Card, keys []orderhub.Key) error {
	var gone, words [][]any
	for _, k := range c.Keys {
		if !slices.Contains(keys, k) {
			gone = append(gone, []any{string(k), c.ID})
		}
	}
	for _, k := range keys {
		words = append(words, []any{string(k), c.ID})
	}
	if err := tx.q.execMany(ctx, "DELETE FROM customer_keys WHERE word = ? AND customer_id = ?", gone); err != nil {
		return fmt.Errorf("replace the words of card %d: %w", c.ID, err)
	}
	if err := tx.q.execMany(ctx, "INSERT INTO customer_keys (word, customer_id) VALUES (?, ?) ON CONFLICT DO NOTHING", words); err != nil {
		return fmt.Errorf("replace the words of card %d: %w", c.ID, err)
	}
	c.Keys = keys
	_, err := tx.q.exec(ctx, "UPDATE customers SET keys = ?, name = ?, shown = ?, version = version + 1, updated_at = ? WHERE id = ?",
		keyLines(keys), c.Name, c.Shown, micros(tx.s.Now()), c.ID)
	if err != nil {
		return fmt.Errorf("replace the words of card %d: %w", c.ID, err)
	}
	return nil
}

// GiveCards puts locked orders that are in the ledger on their cards.
func (tx *Tx) GiveCards(ctx context.Context, orders []*orderhub.Order) error {
	rows := make([][]any, 0, len(orders))
	for _, o := range orders {
		rows = append(rows, []any{o.CardID, o.ID})
	}
	if err := tx.q.execMany(ctx, "UPDATE orders SET customer_id = ? WHERE id = ?", rows); err != nil {
		return fmt.Errorf("put orders on cards: %w", err)
	}
	return nil
}

// LockTrees locks the cards whose roots these are, oldest first.
func (tx *Tx) LockTrees(ctx context.Context, roots ...int64) ([]*orderhub.Card, error) {
	cond, arg := tx.q.in("root_id", roots)
	return scanCards(ctx, tx.q, "WHERE "+cond+" ORDER BY id"+tx.q.lock(), arg)
}

// LockCards locks cards by id, oldest first.
func (tx *Tx) LockCards(ctx context.Context, ids []int64) ([]*orderhub.Card, error) {
	cond, arg := tx.q.in("id", ids)
	return scanCards(ctx, tx.q, "WHERE "+cond+" ORDER BY id"+tx.q.lock(), arg)
}

// SetParents writes parents and roots of locked cards.
func (tx *Tx) SetParents(ctx context.Context, cards []*orderhub.Card) error {
	now := micros(tx.s.Now())
	rows := make([][]any, 0, len(cards))
	for _, c := range cards {
		rows = append(rows, []any{c.Parent, c.Root, now, c.ID})
	}
	if err := tx.q.execMany(ctx, "UPDATE customers SET parent_id = ?, root_id = ?, version = version + 1, updated_at = ? WHERE id = ?", rows); err != nil {
		return fmt.Errorf("join cards: %w", err)
	}
	return nil
}

// NameCard sets the name of a locked card.
func (tx *Tx) NameCard(ctx context.Context, id int64, name string) error {
	if _, err := tx.q.exec(ctx, "UPDATE customers SET name = ?, version = version + 1, updated_at = ? WHERE id = ?", name, micros(tx.s.Now()), id); err != nil {
		return fmt.Errorf("name card %d: %w", id, err)
	}
	return nil
}

// SetCardCursor moves the position of a work of the cards' lane.
func (tx *Tx) SetCardCursor(ctx context.Context, name string, position, until int64) error {
	if _, err := tx.q.exec(ctx, "UPDATE customer_cursors SET position = ?, until = ? WHERE name = ?", position, until, name); err != nil {
		return fmt.Errorf("move the position of %s: %w", name, err)
	}
	return nil
}

// CardCursor reads how far a work of the cards' lane is.
func (s *Store) CardCursor(ctx context.Context, name string) (position, until int64, err error) {
	rows, err := s.engine.reader().query(ctx, "SELECT position, until FROM customer_cursors WHERE name = ?", name)
	if err != nil {
		return 0, 0, fmt.Errorf("read the position of %s: %w", name, err)
	}
	defer rows.Close()
	if rows.Next() {
		err = rows.Scan(&position, &until)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("read the position of %s: %w", name, err)
	}
	return position, until, rows.Err()
}

// CardsDue tells whether the cards' lane has something to do: orders without a
// look, an erasure that was interrupted, the night's round.
func (s *Store) CardsDue(ctx context.Context) (bool, error) {
	due, err := s.column(ctx, `SELECT name FROM customer_cursors WHERE name = 'backfill' AND position < until
		UNION ALL SELECT name FROM customer_cursors WHERE name = 'retention' AND until <= ?
		UNION ALL SELECT 'erase' FROM customers WHERE erasing = 1 LIMIT 1`, micros(s.Now()))
	return len(due) > 0, err
}

// Uncarded pages through the numbers of orders without a card, oldest first; last
// is how far it looked.
func (s *Store) Uncarded(ctx context.Context, after, until int64, limit int) (ids []int64, last int64, err error) {
	rows, err := s.engine.reader().query(ctx, "SELECT id, customer_id FROM orders WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", after, until, limit)
	if err != nil {
		return nil, 0, fmt.Errorf("look for orders without a card: %w", err)
	}
	defer rows.Close()
	last = until
	seen := 0
	for rows.Next() {
		var id, card int64
		if err := rows.Scan(&id, &card); err != nil {
			return nil, 0, fmt.Errorf("look for orders without a card: %w", err)
		}
		if seen++; seen == limit {
			last = id
		}
		if card == 0 {
			ids = append(ids, id)
		}
	}
	return ids, last, rows.Err()
}
