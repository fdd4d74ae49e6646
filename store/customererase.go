package store

import (
	"context"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
)

// EraseCards takes a buyer's data off locked cards; their orders are marked to be
// erased. What stays is who erased, when and why.
func (tx *Tx) EraseCards(ctx context.Context, cards []*orderhub.Card, why string, actor orderhub.Actor) error {
	ids := cardIDs(cards)
	var words [][]any
	for _, c := range cards {
		for _, k := range c.Keys {
			words = append(words, []any{string(k), c.ID})
		}
	}
	if err := tx.q.execMany(ctx, "DELETE FROM customer_keys WHERE word = ? AND customer_id = ?", words); err != nil {
		return fmt.Errorf("erase customers: %w", err)
	}
	cond, arg := tx.q.in("customer_id", ids)
	for _, table := range []string{"customer_tags", "customer_notes"} {
		if _, err := tx.q.exec(ctx, "DELETE FROM "+table+" WHERE "+cond, arg); err != nil {
			return fmt.Errorf("erase customers: %w", err)
		}
	}
	cond, arg = tx.q.in("id", ids)
	now := micros(tx.s.Now())
	if _, err := tx.q.exec(ctx, `UPDATE customers SET name = '', shown = '', keys = '', erasing = 1, erased_at = ?, erase_kind = ?, erase_by = ?,
		erase_why = ?, version = version + 1, updated_at = ? WHERE `+cond, now, string(actor.Kind), actor.Name, why, now, arg); err != nil {
		return fmt.Errorf("erase customers: %w", err)
	}
	return nil
}

// Erasing lists cards whose orders are still to be erased.
func (s *Store) Erasing(ctx context.Context, limit int) ([]*orderhub.Card, error) {
	return scanCards(ctx, s.engine.reader(), "WHERE erasing = 1 ORDER BY id LIMIT ?", limit)
}

// EraseDone tells that nothing of a card is left to erase.
func (tx *Tx) EraseDone(ctx context.Context, card int64) error {
	if _, err := tx.q.exec(ctx, "UPDATE customers SET erasing = 0 WHERE id = ? AND NOT EXISTS (SELECT 1 FROM orders WHERE customer_id = ? AND customer_id <> 0 AND erased_at = 0)",
		card, card); err != nil {
		return fmt.Errorf("erase card %d: %w", card, err)
	}
	return nil
}

// UnerasedOf lists numbers of orders of a card that are not erased.
func (s *Store) UnerasedOf(ctx context.Context, card int64, limit int) ([]int64, error) {
	return s.ids(ctx, "SELECT id FROM orders WHERE customer_id = ? AND customer_id <> 0 AND erased_at = 0 ORDER BY id LIMIT ?", card, limit)
}

// SiblingsWithoutCard lists numbers of other orders of the same purchases that
// are on no card: deliveries of a marketplace carry the buyer's address too.
func (s *Store) SiblingsWithoutCard(ctx context.Context, orders []int64) ([]int64, error) {
	q := s.engine.reader()
	cond, arg := q.in("o.id", orders)
	return s.ids(ctx, "SELECT s.id FROM orders s WHERE s.group_key <> '' AND s.customer_id = 0 AND s.erased_at = 0 AND "+
		q.inQuery("s.group_key", "SELECT o.group_key FROM orders o WHERE o.group_key <> '' AND "+cond)+" ORDER BY s.id LIMIT 500", arg)
}

// EndedBefore lists numbers of orders that ended before a moment, and nothing of
// which came back since, with data that is not erased. after continues.
func (s *Store) EndedBefore(ctx context.Context, t time.Time, after int64, limit int) (ids []int64, last int64, err error) {
	rows, err := s.engine.reader().query(ctx, `SELECT id, CASE WHEN erased_at = 0 AND status IN ('delivered','cancelled','partially_returned','returned')
			AND (CASE WHEN changed_at > 0 THEN changed_at ELSE updated_at END) < ? AND placed_at < ?
			AND NOT EXISTS (SELECT 1 FROM returns r WHERE r.order_id <> 0 AND r.order_id = orders.id AND r.updated_at >= ?) THEN 1 ELSE 0 END
		FROM orders WHERE id > ? ORDER BY id LIMIT ?`, micros(t), micros(t), micros(t), after, limit)
	if err != nil {
		return nil, 0, fmt.Errorf("look for ended orders: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, due int64
		if err := rows.Scan(&id, &due); err != nil {
			return nil, 0, fmt.Errorf("look for ended orders: %w", err)
		}
		last = id
		if due == 1 {
			ids = append(ids, id)
		}
	}
	return ids, last, rows.Err()
}

// EraseOrders writes locked orders whose snapshots have forgotten the buyer, and
// takes his data out of all that was kept beside: search words, raw payloads,
// calls, comments of finished effects, messages about the order. Payloads that
// wait to be interpreted are erased when they are.
func (tx *Tx) EraseOrders(ctx context.Context, orders []*orderhub.Order) error {
	now := tx.s.Now()
	var changes []Change
	var ids []int64
	var marks, gone, terms, raws [][]any
	nothing := tx.s.zip.EncodeAll(nil, []byte{})
	for _, o := range orders {
		o.ErasedAt = fromMicros(micros(now))
		ids = append(ids, o.ID)
		changes = append(changes, Change{Order: o})
		marks = append(marks, []any{micros(now), o.ID})
		gone = append(gone, []any{o.ID})
		raws = append(raws, []any{nothing, o.AccountID, o.Snapshot.ExternalID})
		for _, t := range orderTerms(o) {
			terms = append(terms, []any{t, o.ID})
		}
	}
	if err := tx.UpdateOrders(ctx, changes); err != nil {
		return err
	}
	for _, step := range []struct {
		sql  string
		rows [][]any
	}{
		{"UPDATE orders SET erased_at = ? WHERE id = ?", marks},
		{"DELETE FROM terms WHERE order_id = ?", gone},
		{"INSERT INTO terms (term, order_id) VALUES (?, ?) ON CONFLICT DO NOTHING", terms},
		{eraseRaw + " AND kind " + like(false), raws},
	} {
		if err := tx.q.execMany(ctx, step.sql, step.rows); err != nil {
			return fmt.Errorf("erase orders: %w", err)
		}
	}
	return tx.eraseBeside(ctx, ids, nothing)
}

const eraseRaw = "UPDATE inbox SET body = ?, state = 'erased', error = '' WHERE account_id = ? AND external_id = ? AND state NOT IN ('pending','erased')"

// eraseBeside erases what was kept of pushes and messages about orders.
func (tx *Tx) eraseBeside(ctx context.Context, ids []int64, nothing []byte) error {
	of, arg := tx.q.in("order_id", ids)
	calls := tx.q.inQuery("id", "SELECT c.call_id FROM effect_calls c JOIN effects e ON e.id = c.effect_id WHERE e."+of)
	told := tx.q.inQuery("message_id", "SELECT m.id FROM notify_messages m WHERE m.order_id <> 0 AND m."+of)
	for _, step := range []struct {
		sql  string
		args []any
	}{
		{"DELETE FROM order_notes WHERE " + of, []any{arg}},
		{"UPDATE effects SET comment = '' WHERE state NOT IN ('intent','sent','accepted') AND " + of, []any{arg}},
		{"UPDATE calls SET request = ?, reply = ? WHERE " + calls, []any{nothing, nothing, arg}},
		{"UPDATE notify_causes SET facts = '{}' WHERE message_id <> 0 AND " + told, []any{arg}},
		{"UPDATE notify_messages SET body = '', payload = '{}' WHERE order_id <> 0 AND state NOT IN ('pending','sending') AND " + of, []any{arg}},
	} {
		if _, err := tx.q.exec(ctx, step.sql, step.args...); err != nil {
			return fmt.Errorf("erase orders: %w", err)
		}
	}
	return nil
}

// FailedReadings pages by number through calls of an account that were to read
// something and failed: no effect leads to them.
func (s *Store) FailedReadings(ctx context.Context, accountID string, after int64, limit int) ([]Call, error) {
	return s.calls(ctx, "WHERE account_id = ? AND id > ? AND purpose NOT IN ('push','stock') ORDER BY id LIMIT ?", accountID, after, limit)
}

// SetAside pages by number through answers of an account that nobody could read, the
// dropped ones included.
func (s *Store) SetAside(ctx context.Context, accountID string, after int64, limit int) ([]Raw, error) {
	return s.rawRows(ctx, s.engine.reader(), "WHERE account_id = ? AND state IN ('quarantined','dropped') AND id > ? ORDER BY id LIMIT ?", accountID, after, limit)
}

// EraseKept drops the bodies of calls, and the payloads of answers that are still set
// aside, by number.
func (tx *Tx) EraseKept(ctx context.Context, calls, raws []int64) error {
	nothing := tx.s.zip.EncodeAll(nil, []byte{})
	if len(calls) > 0 {
		cond, arg := tx.q.in("id", calls)
		if _, err := tx.q.exec(ctx, "UPDATE calls SET request = ?, reply = ? WHERE "+cond, nothing, nothing, arg); err != nil {
			return fmt.Errorf("erase calls: %w", err)
		}
	}
	if len(raws) > 0 {
		cond, arg := tx.q.in("id", raws)
		if _, err := tx.q.exec(ctx, "UPDATE inbox SET body = ?, state = 'erased', error = '' WHERE state IN ('quarantined','dropped') AND "+cond, nothing, arg); err != nil {
			return fmt.Errorf("erase raw answers: %w", err)
		}
	}
	return nil
}

// LockReturnsOf reads the returns of locked orders and locks them.
func (tx *Tx) LockReturnsOf(ctx context.Context, orders []int64) ([]*orderhub.Return, error) {
	cond, arg := tx.q.in("order_id", orders)
	return scanReturns(ctx, tx.q, "WHERE order_id <> 0 AND "+cond+" ORDER BY id"+tx.q.lock(), arg)
}

// EraseReturns writes locked returns that have forgotten the buyer, and erases
// their raw payloads and photos.
func (tx *Tx) EraseReturns(ctx context.Context, list []*orderhub.Return) error {
	if err := tx.SaveReturns(ctx, list); err != nil {
		return err
	}
	nothing := tx.s.zip.EncodeAll(nil, []byte{})
	var raws [][]any
	for _, r := range list {
		raws = append(raws, []any{nothing, r.AccountID, r.Snapshot.ExternalID})
	}
	if err := tx.q.execMany(ctx, eraseRaw+" AND kind "+like(true), raws); err != nil {
		return fmt.Errorf("erase returns: %w", err)
	}
	return tx.erasePhotos(ctx, list)
}

// EraseRaws drops the payloads of raw answers of this transaction's batch: they
// are about orders whose data was erased.
func (tx *Tx) EraseRaws(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	cond, arg := tx.q.in("id", ids)
	if _, err := tx.q.exec(ctx, "UPDATE inbox SET body = ?, state = 'erased', error = '' WHERE "+cond, tx.s.zip.EncodeAll(nil, []byte{}), arg); err != nil {
		return fmt.Errorf("erase raw answers: %w", err)
	}
	return nil
}

// RetentionDays is after how many days the data of ended orders is erased; 0 =
// never.
func (s *Store) RetentionDays(ctx context.Context) (int, error) {
	v, err := meta(ctx, s.engine.reader(), "retention_days")
	if v == "" || err != nil {
		return 0, err
	}
	var days int
	_, err = fmt.Sscanf(v, "%d", &days)
	return days, err
}

// SetRetentionDays sets it; the next round begins at once.
func (tx *Tx) SetRetentionDays(ctx context.Context, days int) error {
	if err := tx.setMeta(ctx, "retention_days", fmt.Sprint(days)); err != nil {
		return err
	}
	return tx.SetCardCursor(ctx, "retention", 0, 0)
}

// LockTreeOf locks all cards of the buyer to whom a card belongs.
func (tx *Tx) LockTreeOf(ctx context.Context, card int64) ([]*orderhub.Card, error) {
	return scanCards(ctx, tx.q, "WHERE root_id = (SELECT root_id FROM customers WHERE id = ?) ORDER BY id"+tx.q.lock(), card)
}

// UnerasedOrders reads the orders of locked cards that have their data, oldest
// first, as many as are needed to know the buyer by.
func (tx *Tx) UnerasedOrders(ctx context.Context, cards []*orderhub.Card) ([]*orderhub.Order, error) {
	cond, arg := tx.q.in("customer_id", cardIDs(cards))
	return scanOrders(ctx, tx.q, "WHERE customer_id <> 0 AND erased_at = 0 AND "+cond+" ORDER BY id LIMIT 2000", arg)
}
