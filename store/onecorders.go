package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
)

// OnecOrder is what a node has of an order.
type OnecOrder struct {
	OrderID int64
	// Marks counts the order's changes; Settled is where the node is.
	Marks, Settled int64
	Version        int64
	// Digest and Rows tell the content that it has apart, "" = it has nothing.
	Digest, Rows string
	Suspect      OnecSuspect
	Alone        int
	OfferedAt    time.Time
	TakenAt      time.Time
	Facts        string
}

// OnecSuspect tells whether an order is thought to be why a batch is not taken.
type OnecSuspect int

// The degrees of suspicion.
const (
	OnecFine     OnecSuspect = iota
	OnecSuspects             // was in a batch that was not taken: to be offered alone
	OnecSticks               // was offered alone and not taken
)

const onecOrderColumns = "order_id, marks, settled, version, digest, row_digest, suspect, alone, offered_at, taken_at, facts"

// MarkOnec follows the events of all orders and marks those that changed for
// every node. It goes on behind the last one it saw, up to limit ids further, and
// tells whether there is more; without a node to the end at once.
func (s *Store) MarkOnec(ctx context.Context, limit int64) (more bool, err error) {
	at, _, err := s.NotifyCursor(ctx, onecCursor)
	if err != nil {
		return false, err
	}
	last, settled, err := s.SettledEvents(ctx)
	if err != nil || !settled || at >= last {
		return false, err
	}
	to := last
	err = s.InTx(ctx, func(tx *Tx) error {
		if err := tx.lockOnecCursor(ctx); err != nil {
			return err
		}
		nodes, err := readIDs(ctx, tx.q, "SELECT id FROM onec_nodes WHERE state <> 'removed' LIMIT 1")
		if err != nil {
			return err
		}
		if to = last; len(nodes) > 0 {
			to = min(last, at+limit)
		}
		moved, err := tx.MoveCursor(ctx, onecCursor, at, to)
		if err != nil || !moved {
			return err // somebody else did it
		}
		_, err = tx.q.exec(ctx, markOnec+`o.id IN (SELECT e.order_id FROM events e WHERE e.id > ? AND e.id <= ?) ORDER BY n.id, o.id`+markedOnec, at, to)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("mark orders for 1C: %w", err)
	}
	return to < last, nil
}

const (
	placedOnec = "(CASE WHEN o.placed_at > 0 THEN o.placed_at ELSE o.created_at END)"
	markOnec   = `INSERT INTO onec_orders (node_id, ` + onecOrderColumns + `)
		SELECT n.id, o.id, 1, 0, 0, '', '', 0, 0, 0, 0, '' FROM onec_nodes n CROSS JOIN orders o
		WHERE n.state <> 'removed' AND (` + placedOnec + ` >= n.since
			OR EXISTS (SELECT 1 FROM onec_orders x WHERE x.node_id = n.id AND x.order_id = o.id)) AND `
	markedOnec = ` ON CONFLICT (node_id, order_id) DO UPDATE SET marks = onec_orders.marks + 1,
		alone = CASE WHEN onec_orders.suspect = 2 THEN 0 ELSE onec_orders.alone END,
		suspect = CASE WHEN onec_orders.suspect = 2 THEN 1 ELSE onec_orders.suspect END`
)

// OnecQuiet is how long after the last file of goods a whole list is taken to be
// over. 1C sends it in portions, each a session of its own, and marks the second
// and later ones as changes.
const OnecQuiet = 15 * time.Minute

// onecBehind is how many events the reader lets lie while there is no node, so that one
// that is added finds it near the end.
const onecBehind = 10_000

// OnecDue tells whether the reader that marks orders has something to read, or a
// whole list of goods is over.
func (s *Store) OnecDue(ctx context.Context) (bool, error) {
	words, err := s.column(ctx, `SELECT 'due' FROM notify_cursors c WHERE c.name = ? AND EXISTS (SELECT 1 FROM events e WHERE e.id > c.position)
			AND (EXISTS (SELECT 1 FROM onec_nodes WHERE state <> 'removed') OR (SELECT MAX(id) FROM events) > c.position + ?)
		UNION ALL SELECT 'full' FROM onec_nodes WHERE state <> 'removed' AND full_at > 0 AND goods_at <= ?`,
		onecCursor, onecBehind, micros(s.Now().Add(-OnecQuiet)))
	return len(words) > 0, err
}

// ResendOnec marks orders that were placed since a moment, or those with the
// numbers, as if the node had nothing of them. It tells how many.
func (tx *Tx) ResendOnec(ctx context.Context, nodeID int64, since time.Time, numbers []int64) (int64, error) {
	cond, args := placedOnec+" >= ?", []any{nodeID, micros(since)}
	if numbers != nil {
		in, arg := tx.q.in("o.id", numbers)
		cond, args = in, []any{nodeID, arg}
	}
	n, err := tx.q.exec(ctx, `INSERT INTO onec_orders (node_id, `+onecOrderColumns+`)
		SELECT n.id, o.id, 1, 0, 0, '', '', 0, 0, 0, 0, '' FROM onec_nodes n CROSS JOIN orders o WHERE n.id = ? AND `+cond+` ORDER BY o.id`+
		markedOnec+", digest = ''", args...)
	if err != nil {
		return 0, fmt.Errorf("mark orders for 1C: %w", err)
	}
	return n, nil
}

// DueOnec lists orders that a node is to get, by number, without those that were
// given in the session.
func (s *Store) DueOnec(ctx context.Context, nodeID, sessionID int64, suspect OnecSuspect, after int64, limit int) ([]OnecOrder, error) {
	order := "order_id"
	if suspect != OnecFine {
		order = "alone, order_id"
	}
	return readOnecOrders(ctx, s.engine.reader(), `WHERE node_id = ? AND suspect = ? AND marks > settled AND order_id > ?
		AND NOT EXISTS (SELECT 1 FROM onec_given g WHERE g.session_id = ? AND g.order_id = onec_orders.order_id)
		ORDER BY `+order+" LIMIT ?", nodeID, int(suspect), after, sessionID, limit)
}

// CountOnecDue counts the orders that a node is to get.
func (s *Store) CountOnecDue(ctx context.Context, nodeID int64) (due, sticking int64, err error) {
	rows, err := s.engine.reader().query(ctx, `SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN suspect = 2 THEN 1 ELSE 0 END), 0) AS BIGINT)
		FROM onec_orders WHERE node_id = ? AND marks > settled`, nodeID)
	if err != nil {
		return 0, 0, fmt.Errorf("count orders for 1C: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		if err := rows.Scan(&due, &sticking); err != nil {
			return 0, 0, fmt.Errorf("count orders for 1C: %w", err)
		}
	}
	return due, sticking, rows.Err()
}

// OnecOrder reads what a node has of an order; ok is false when the order was
// never meant for it.
func (s *Store) OnecOrder(ctx context.Context, nodeID, orderID int64) (o OnecOrder, ok bool, err error) {
	list, err := readOnecOrders(ctx, s.engine.reader(), "WHERE node_id = ? AND order_id = ?", nodeID, orderID)
	if err != nil || len(list) == 0 {
		return o, false, err
	}
	return list[0], true, nil
}

func readOnecOrders(ctx context.Context, q querier, where string, args ...any) ([]OnecOrder, error) {
	rows, err := q.query(ctx, "SELECT "+onecOrderColumns+" FROM onec_orders "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read orders for 1C: %w", err)
	}
	defer rows.Close()
	var out []OnecOrder
	for rows.Next() {
		var o OnecOrder
		var offered, taken int64
		if err := rows.Scan(&o.OrderID, &o.Marks, &o.Settled, &o.Version, &o.Digest, &o.Rows, &o.Suspect, &o.Alone, &offered, &taken, &o.Facts); err != nil {
			return nil, fmt.Errorf("read orders for 1C: %w", err)
		}
		o.OfferedAt, o.TakenAt = fromMicros(offered), fromMicros(taken)
		out = append(out, o)
	}
	return out, rows.Err()
}

// OnecGiven is an order as a node was given it.
type OnecGiven struct {
	OrderID        int64
	Marks, Version int64
	Digest, Rows   string
	// Late tells that 1C will probably pass over what is new in it.
	Late OnecLate
}

// What became of what a session was given (onec_given.taken).
const (
	givenWaits   = 0 // success may come
	givenTaken   = 1 // success came
	givenDoubted = 2 // the session asked again instead: the answer may be lost
)

// OnecLate is what 1C passes over in an order that it has approved.
type OnecLate int

// What 1C passes over.
const (
	OnecInTime OnecLate = iota
	OnecLateCancel
	OnecLateLines
)

// SettleOnec notes that an order has nothing new for a node.
func (tx *Tx) SettleOnec(ctx context.Context, nodeID int64, list []OnecGiven) error {
	rows := make([][]any, len(list))
	for i, g := range list {
		rows[i] = []any{g.Marks, nodeID, g.OrderID, g.Marks}
	}
	if err := tx.q.execMany(ctx, "UPDATE onec_orders SET settled = ?, suspect = 0, alone = 0 WHERE node_id = ? AND order_id = ? AND settled < ?", rows); err != nil {
		return fmt.Errorf("settle orders for 1C: %w", err)
	}
	return nil
}

// GiveOnec notes what a session is given and that an answer to it is awaited.
func (tx *Tx) GiveOnec(ctx context.Context, session orderhub.OnecSession, list []OnecGiven) error {
	now, alone := micros(tx.s.Now()), 0
	if len(list) == 1 {
		alone = 1
	}
	given, offered := make([][]any, len(list)), make([][]any, len(list))
	for i, g := range list {
		given[i] = []any{session.ID, g.OrderID, session.NodeID, g.Marks, g.Version, g.Digest, g.Rows, int(g.Late), givenWaits, now}
		offered[i] = []any{now, alone, session.NodeID, g.OrderID}
	}
	if err := tx.q.insert(ctx, "onec_given", []string{"session_id", "order_id", "node_id", "marks", "version", "digest", "row_digest", "late", "taken", "at"}, given); err != nil {
		return fmt.Errorf("give orders to 1C: %w", err)
	}
	if err := tx.q.execMany(ctx, "UPDATE onec_orders SET offered_at = ?, alone = alone + CASE WHEN suspect > 0 THEN ? ELSE 0 END WHERE node_id = ? AND order_id = ?", offered); err != nil {
		return fmt.Errorf("give orders to 1C: %w", err)
	}
	if _, err := tx.q.exec(ctx, "UPDATE onec_nodes SET unanswered = unanswered + 1 WHERE id = ?", session.NodeID); err != nil {
		return fmt.Errorf("give orders to 1C: %w", err)
	}
	return nil
}

// DoubtOnec notes that a session asks again without having said success: what it
// was given before may never have arrived. It is not given twice in the session,
// and a success is not about it.
func (tx *Tx) DoubtOnec(ctx context.Context, session orderhub.OnecSession) error {
	if _, err := tx.q.exec(ctx, "UPDATE onec_given SET taken = ? WHERE session_id = ? AND taken = ?", givenDoubted, session.ID, givenWaits); err != nil {
		return fmt.Errorf("doubt what 1C was given: %w", err)
	}
	return nil
}

// SuspectOnec lets orders be offered alone from now on, or, if they were, be
// shown as those that 1C does not take.
func (tx *Tx) SuspectOnec(ctx context.Context, nodeID int64, orders []int64, how OnecSuspect) error {
	cond, arg := tx.q.in("order_id", orders)
	if _, err := tx.q.exec(ctx, "UPDATE onec_orders SET suspect = ? WHERE node_id = ? AND suspect < ? AND "+cond, int(how), nodeID, int(how), arg); err != nil {
		return fmt.Errorf("suspect orders: %w", err)
	}
	return nil
}

// LastOnecGiven lists the orders that a node was given last and did not take.
func (tx *Tx) LastOnecGiven(ctx context.Context, nodeID int64) ([]int64, error) {
	return readIDs(ctx, tx.q, `SELECT g.order_id FROM onec_given g JOIN onec_orders o ON o.node_id = g.node_id AND o.order_id = g.order_id
		WHERE g.node_id = ? AND g.taken <> 1 AND o.marks > o.settled AND o.suspect = 0
			AND g.session_id = (SELECT MAX(session_id) FROM onec_given WHERE node_id = ?) ORDER BY g.order_id`, nodeID, nodeID)
}

// TakenOnec is an order that a node has taken, with what it had of it before.
type TakenOnec struct {
	OnecGiven
	Before OnecOrder
}

// TakeOnec marks exactly what a session was given by its last query as taken.
func (tx *Tx) TakeOnec(ctx context.Context, session orderhub.OnecSession) ([]TakenOnec, error) {
	given, err := tx.given(ctx, session.ID)
	if err != nil || len(given) == 0 {
		return nil, err
	}
	ids := make([]int64, len(given))
	for i, g := range given {
		ids[i] = g.OrderID
	}
	cond, arg := tx.q.in("order_id", ids)
	have, err := readOnecOrders(ctx, tx.q, "WHERE node_id = ? AND "+cond+" ORDER BY order_id"+tx.q.lock(), session.NodeID, arg)
	if err != nil {
		return nil, err
	}
	now := micros(tx.s.Now())
	out := make([]TakenOnec, 0, len(given))
	rows := make([][]any, 0, len(given))
	for _, o := range have {
		g := given[slices.IndexFunc(given, func(g OnecGiven) bool { return g.OrderID == o.OrderID })]
		settled, marks := max(o.Settled, g.Marks), o.Marks
		if g.Version < o.Version && g.Digest != o.Digest {
			// Another session has given a newer one already, and this success came late:
			// which of them 1C stored last nobody knows. The newest is given again.
			marks = max(marks, settled) + 1
		}
		rows = append(rows, []any{marks, settled, g.Version, g.Digest, g.Rows, now, session.NodeID, o.OrderID})
		out = append(out, TakenOnec{g, o})
	}
	if err := tx.q.execMany(ctx, `UPDATE onec_orders SET marks = ?, settled = ?, version = ?, digest = ?, row_digest = ?, taken_at = ?, suspect = 0, alone = 0
		WHERE node_id = ? AND order_id = ?`, rows); err != nil {
		return nil, fmt.Errorf("note what 1C took: %w", err)
	}
	if _, err := tx.q.exec(ctx, "UPDATE onec_given SET taken = ? WHERE session_id = ? AND taken = ?", givenTaken, session.ID, givenWaits); err != nil {
		return nil, fmt.Errorf("note what 1C took: %w", err)
	}
	if _, err := tx.q.exec(ctx, "UPDATE onec_nodes SET unanswered = 0, taken_at = ?, error = '', error_at = 0 WHERE id = ?", now, session.NodeID); err != nil {
		return nil, fmt.Errorf("note what 1C took: %w", err)
	}
	return out, nil
}

// given reads what a session was given and has not taken.
func (tx *Tx) given(ctx context.Context, sessionID int64) ([]OnecGiven, error) {
	rows, err := tx.q.query(ctx, "SELECT order_id, marks, version, digest, row_digest, late FROM onec_given WHERE session_id = ? AND taken = 0 ORDER BY order_id"+tx.q.lock(), sessionID)
	if err != nil {
		return nil, fmt.Errorf("read what 1C was given: %w", err)
	}
	defer rows.Close()
	var out []OnecGiven
	for rows.Next() {
		var g OnecGiven
		if err := rows.Scan(&g.OrderID, &g.Marks, &g.Version, &g.Digest, &g.Rows, &g.Late); err != nil {
			return nil, fmt.Errorf("read what 1C was given: %w", err)
		}
		out = append(out, g)
	}
	return out, rows.Err()
}

// LinksOfOrders reads the products of the lines of orders, by order and place.
func (s *Store) LinksOfOrders(ctx context.Context, ids []int64) (out map[int64]map[int]LineLink, err error) {
	err = s.engine.snapshot(ctx, func(q querier) error {
		tx := &Tx{s: s, q: q}
		out, err = tx.lineLinks(ctx, ids)
		return err
	})
	return out, err
}
