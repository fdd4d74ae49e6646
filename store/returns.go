package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
)

const returnColumns = `id, account_id, channel, order_id, state, received_at, received_kind, received_by, came, discrepancy, data,
	version, created_at, updated_at`

// LockReturns reads returns of an account by external id and locks them until the
// commit. The caller has locked their orders.
func (tx *Tx) LockReturns(ctx context.Context, accountID string, externalIDs []string) (map[string]*orderhub.Return, error) {
	if len(externalIDs) == 0 {
		return nil, nil
	}
	cond, arg := tx.q.inEach("SELECT r.id FROM returns r WHERE r.account_id = ? AND r.external_id = k.value", externalIDs)
	list, err := scanReturns(ctx, tx.q, "WHERE "+cond+" ORDER BY id"+tx.q.lock(), accountID, arg)
	out := make(map[string]*orderhub.Return, len(list))
	for _, r := range list {
		out[r.Snapshot.ExternalID] = r
	}
	return out, err
}

// LockReturn reads one return and locks it until the commit.
func (tx *Tx) LockReturn(ctx context.Context, id int64) (*orderhub.Return, error) {
	list, err := scanReturns(ctx, tx.q, "WHERE id = ?"+tx.q.lock(), id)
	return oneReturn(list, err, id)
}

func oneReturn(list []*orderhub.Return, err error, id int64) (*orderhub.Return, error) {
	if err == nil && len(list) == 0 {
		err = orderhub.Errorf(orderhub.CodeNotFound, "there is no return %d", id)
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// WaitingReturns reads and locks returns of an account that came before one of
// these orders.
func (tx *Tx) WaitingReturns(ctx context.Context, accountID string, orders []*orderhub.Order) ([]*orderhub.Return, error) {
	var ids, refs []string
	for _, o := range orders {
		ids = append(ids, o.Snapshot.ExternalID)
		if o.Snapshot.Ref != "" {
			refs = append(refs, o.Snapshot.Ref)
		}
	}
	var out []*orderhub.Return
	for column, words := range map[string][]string{"order_external": ids, "order_ref": refs} {
		if len(words) == 0 {
			continue
		}
		cond, arg := tx.q.in(column, words)
		list, err := scanReturns(ctx, tx.q, "WHERE account_id = ? AND order_id = 0 AND "+cond+" ORDER BY id"+tx.q.lock(), accountID, arg)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

// UnmatchedReturns pages through returns of an account whose order is not known,
// by number.
func (s *Store) UnmatchedReturns(ctx context.Context, accountID string, after int64, limit int) ([]*orderhub.Return, error) {
	return scanReturns(ctx, s.engine.reader(), "WHERE account_id = ? AND order_id = 0 AND id > ? ORDER BY id LIMIT ?", accountID, after, limit)
}

// OpenGoods reads and locks returns of these orders whose goods are here and not
// in the book yet. The caller has locked the orders.
func (tx *Tx) OpenGoods(ctx context.Context, orders []int64) ([]*orderhub.Return, error) {
	if len(orders) == 0 {
		return nil, nil
	}
	cond, arg := tx.q.in("order_id", orders)
	return scanReturns(ctx, tx.q, "WHERE open_goods = 1 AND "+cond+" ORDER BY id"+tx.q.lock(), arg)
}

// FaultyOnSale reads and locks returns of these orders that are said to be faulty
// and have goods on sale that no person has decided about: the policy put them there
// before it was said. The caller has locked the orders.
func (tx *Tx) FaultyOnSale(ctx context.Context, orders []int64) ([]*orderhub.Return, error) {
	if len(orders) == 0 {
		return nil, nil
	}
	cond, arg := tx.q.in("order_id", orders)
	return scanReturns(ctx, tx.q, `WHERE order_id <> 0 AND kind = 'defect' AND received_at <> 0 AND `+cond+`
		AND EXISTS (SELECT 1 FROM return_lines l WHERE l.return_id = returns.id AND l.restocked > 0)
		AND NOT EXISTS (SELECT 1 FROM return_decisions d WHERE d.return_id = returns.id AND d.actor_kind <> 'hub')
		ORDER BY id`+tx.q.lock(), arg)
}

// ReceivedReturns reads the returns of orders of which goods were received, by order.
func (tx *Tx) ReceivedReturns(ctx context.Context, orders []int64) (map[int64][]*orderhub.Return, error) {
	if len(orders) == 0 {
		return nil, nil
	}
	cond, arg := tx.q.in("order_id", orders)
	list, err := scanReturns(ctx, tx.q, "WHERE order_id <> 0 AND received_at <> 0 AND "+cond+" ORDER BY id", arg)
	out := map[int64][]*orderhub.Return{}
	for _, r := range list {
		out[r.OrderID] = append(out[r.OrderID], r)
	}
	return out, err
}

// ReturnsByIDs reads returns by number, as they are in the transaction.
func (tx *Tx) ReturnsByIDs(ctx context.Context, ids []int64) (map[int64]*orderhub.Return, error) {
	cond, arg := tx.q.in("id", ids)
	list, err := scanReturns(ctx, tx.q, "WHERE "+cond, arg)
	out := make(map[int64]*orderhub.Return, len(list))
	for _, r := range list {
		out[r.ID] = r
	}
	return out, err
}

// OrdersByRef finds orders of an account by Snapshot.Ref: their external ids.
func (tx *Tx) OrdersByRef(ctx context.Context, accountID string, refs []string) (map[string]string, error) {
	list, err := ordersByRef(ctx, tx.q, accountID, refs)
	out := map[string]string{}
	for _, o := range list {
		if o.Snapshot.Ref != "" {
			out[o.Snapshot.Ref] = o.Snapshot.ExternalID
		}
	}
	return out, err
}

// ordersByRef goes by the search words: the ref is one of them.
func ordersByRef(ctx context.Context, q querier, accountID string, refs []string) ([]*orderhub.Order, error) {
	var folded []string
	for _, ref := range refs {
		if w := foldTerm(ref); w != "" {
			folded = append(folded, w)
		}
	}
	if len(folded) == 0 {
		return nil, nil
	}
	cond, arg := q.in("term", folded)
	return scanOrders(ctx, q, "WHERE "+q.inQuery("id", "SELECT order_id FROM terms WHERE "+cond)+" AND account_id = ?", arg, accountID)
}

var returnInsert = []string{"id", "account_id", "channel", "external_id", "order_id", "order_external", "order_ref", "kind", "state",
	"units", "units_here", "deadline", "waits", "received_at", "received_kind", "received_by", "came", "open_goods", "discrepancy", "data", "version",
	"created_at", "updated_at"}

// returnValues lists the values of returnInsert.
func returnValues(r *orderhub.Return) ([]any, error) {
	s := r.Snapshot
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode return %s: %w", s.ExternalID, err)
	}
	came := ""
	if r.Came != nil {
		b, err := json.Marshal(r.Came)
		if err != nil {
			return nil, fmt.Errorf("encode return %s: %w", s.ExternalID, err)
		}
		came = string(b)
	}
	return []any{r.ID, r.AccountID, string(r.Channel), s.ExternalID, r.OrderID, s.OrderID, s.OrderRef, string(s.Kind), string(r.State),
		r.Units(), r.UnitsHere(), micros(r.Deadline()), flag(len(s.Actions) > 0), micros(r.ReceivedAt), string(r.ReceivedBy.Kind), r.ReceivedBy.Name,
		came, flag(r.Unbooked()), r.Discrepancy, string(data), r.Version, micros(r.CreatedAt), micros(r.UpdatedAt)}, nil
}

const returnUpdate = `UPDATE returns SET order_id = ?, order_external = ?, order_ref = ?, kind = ?, state = ?, units = ?, units_here = ?, deadline = ?,
	waits = ?, received_at = ?, received_kind = ?, received_by = ?, came = ?, open_goods = ?, discrepancy = ?, data = ?, version = ?,
	updated_at = ? WHERE id = ?`

// SaveReturns writes returns, locked before or new: those get their numbers. One
// that exists already fails the whole with a conflict, see IsConflict.
func (tx *Tx) SaveReturns(ctx context.Context, list []*orderhub.Return) error {
	var fresh []*orderhub.Return
	for _, r := range list {
		if r.ID == 0 {
			fresh = append(fresh, r)
		}
	}
	var ids []int64
	if len(fresh) > 0 {
		var err error
		if ids, err = tx.q.nextIDs(ctx, "returns", len(fresh)); err != nil {
			return fmt.Errorf("number returns: %w", err)
		}
	}
	now := tx.s.Now().Truncate(time.Microsecond) // as it will be read
	var inserts, updates [][]any
	for _, r := range list {
		isNew := r.ID == 0
		if isNew {
			r.ID, ids, r.CreatedAt = ids[0], ids[1:], now
		}
		r.Version++
		r.UpdatedAt = now
		v, err := returnValues(r)
		if err != nil {
			return err
		}
		if isNew {
			inserts = append(inserts, v)
			continue
		}
		// returnValues from order_id to version.
		updates = append(updates, append(append([]any{}, v[4:21]...), micros(now), r.ID))
	}
	if err := tx.q.insert(ctx, "returns", returnInsert, inserts); err != nil {
		return fmt.Errorf("insert returns: %w", err)
	}
	if err := tx.q.execMany(ctx, returnUpdate, updates); err != nil {
		return fmt.Errorf("update returns: %w", err)
	}
	return tx.saveReturnParts(ctx, list)
}

// saveReturnParts writes the halves of returns and the goods that came back.
func (tx *Tx) saveReturnParts(ctx context.Context, list []*orderhub.Return) error {
	var gone, parts, goods [][]any
	for _, r := range list {
		gone = append(gone, []any{r.ID})
		for _, p := range r.Parts {
			data, err := json.Marshal(p.Snapshot)
			if err != nil {
				return fmt.Errorf("encode return %d: %w", r.ID, err)
			}
			parts = append(parts, []any{r.ID, p.Snapshot.Part, p.RawKind, p.RawID, micros(p.ReadAt), string(data)})
		}
		for i, g := range r.Goods {
			goods = append(goods, []any{r.ID, i, g.Line, g.SKU, g.Quantity, g.Restocked, g.Quarantined, g.WrittenOff})
		}
	}
	for _, table := range []string{"return_parts", "return_lines"} {
		if err := tx.q.execMany(ctx, "DELETE FROM "+table+" WHERE return_id = ?", gone); err != nil {
			return fmt.Errorf("rewrite %s: %w", table, err)
		}
	}
	if err := tx.q.insert(ctx, "return_parts", []string{"return_id", "part", "kind", "inbox_id", "read_at", "data"}, parts); err != nil {
		return fmt.Errorf("write parts of returns: %w", err)
	}
	if err := tx.q.insert(ctx, "return_lines", []string{"return_id", "pos", "line", "sku", "quantity", "restocked", "quarantined",
		"written_off"}, goods); err != nil {
		return fmt.Errorf("write goods of returns: %w", err)
	}
	return nil
}

// scanReturns reads returns with their halves and goods.
func scanReturns(ctx context.Context, q querier, where string, args ...any) ([]*orderhub.Return, error) {
	rows, err := q.query(ctx, "SELECT "+returnColumns+" FROM returns "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read returns: %w", err)
	}
	var out []*orderhub.Return
	for rows.Next() {
		var r orderhub.Return
		var ch, state, byKind, came, data string
		var received, created, updated int64
		if err := rows.Scan(&r.ID, &r.AccountID, &ch, &r.OrderID, &state, &received, &byKind, &r.ReceivedBy.Name, &came, &r.Discrepancy, &data,
			&r.Version, &created, &updated); err != nil {
			rows.Close()
			return nil, fmt.Errorf("read returns: %w", err)
		}
		if err := json.Unmarshal([]byte(data), &r.Snapshot); err != nil {
			rows.Close()
			return nil, fmt.Errorf("read return %d: %w", r.ID, err)
		}
		if came != "" {
			if err := json.Unmarshal([]byte(came), &r.Came); err != nil {
				rows.Close()
				return nil, fmt.Errorf("read return %d: %w", r.ID, err)
			}
		}
		r.Channel, r.State, r.ReceivedBy.Kind = orderhub.Channel(ch), orderhub.ReturnState(state), orderhub.ActorKind(byKind)
		r.ReceivedAt, r.CreatedAt, r.UpdatedAt = fromMicros(received), fromMicros(created), fromMicros(updated)
		out = append(out, &r)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read returns: %w", err)
	}
	return out, readReturnParts(ctx, q, out)
}

func readReturnParts(ctx context.Context, q querier, list []*orderhub.Return) error {
	if len(list) == 0 {
		return nil
	}
	byID, ids := make(map[int64]*orderhub.Return, len(list)), make([]int64, len(list))
	for i, r := range list {
		byID[r.ID], ids[i] = r, r.ID
	}
	cond, arg := q.in("return_id", ids)
	rows, err := q.query(ctx, "SELECT return_id, kind, inbox_id, read_at, data FROM return_parts WHERE "+cond+" ORDER BY return_id, part", arg)
	if err != nil {
		return fmt.Errorf("read parts of returns: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, readAt int64
		var p orderhub.ReturnPart
		var data string
		if err := rows.Scan(&id, &p.RawKind, &p.RawID, &readAt, &data); err != nil {
			return fmt.Errorf("read parts of returns: %w", err)
		}
		if err := json.Unmarshal([]byte(data), &p.Snapshot); err != nil {
			return fmt.Errorf("read return %d: %w", id, err)
		}
		p.ReadAt = fromMicros(readAt)
		byID[id].Parts = append(byID[id].Parts, p)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read parts of returns: %w", err)
	}
	rows.Close()
	return readReturnGoods(ctx, q, byID, cond, arg)
}

func readReturnGoods(ctx context.Context, q querier, byID map[int64]*orderhub.Return, cond string, arg any) error {
	rows, err := q.query(ctx, `SELECT return_id, line, sku, quantity, restocked, quarantined, written_off FROM return_lines
		WHERE `+cond+" ORDER BY return_id, pos", arg)
	if err != nil {
		return fmt.Errorf("read goods of returns: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var g orderhub.ReturnedGoods
		if err := rows.Scan(&id, &g.Line, &g.SKU, &g.Quantity, &g.Restocked, &g.Quarantined, &g.WrittenOff); err != nil {
			return fmt.Errorf("read goods of returns: %w", err)
		}
		byID[id].Goods = append(byID[id].Goods, g)
	}
	return rows.Err()
}
