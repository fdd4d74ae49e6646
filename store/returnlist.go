package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
)

// Return reads one return by its number.
func (s *Store) Return(ctx context.Context, id int64) (*orderhub.Return, error) {
	list, err := s.readReturns(ctx, "WHERE id = ?", id)
	return oneReturn(list, err, id)
}

// ReturnsOf lists the returns of an order, oldest first.
func (s *Store) ReturnsOf(ctx context.Context, order int64) ([]*orderhub.Return, error) {
	if order == 0 {
		return nil, nil
	}
	return s.readReturns(ctx, "WHERE order_id <> 0 AND order_id = ? ORDER BY id", order)
}

// ReturnsByExternal reads returns of an account by external id.
func (s *Store) ReturnsByExternal(ctx context.Context, accountID string, externalIDs []string) ([]*orderhub.Return, error) {
	q := s.engine.reader()
	cond, arg := q.inEach("SELECT r.id FROM returns r WHERE r.account_id = ? AND r.external_id = k.value", externalIDs)
	return s.readReturns(ctx, "WHERE "+cond+" ORDER BY id", accountID, arg)
}

// ReturnsByIDs reads returns by number.
func (s *Store) ReturnsByIDs(ctx context.Context, ids []int64) ([]*orderhub.Return, error) {
	q := s.engine.reader()
	cond, arg := q.in("id", ids)
	return s.readReturns(ctx, "WHERE "+cond+" ORDER BY id", arg)
}

// OrdersNamed finds orders of an account by external id and by Snapshot.Ref.
func (s *Store) OrdersNamed(ctx context.Context, accountID string, ids, refs []string) (map[string]*orderhub.Order, error) {
	out := map[string]*orderhub.Order{}
	byRef, err := ordersByRef(ctx, s.engine.reader(), accountID, refs)
	if err != nil {
		return nil, err
	}
	for _, o := range byRef {
		if o.Snapshot.Ref != "" {
			out[o.Snapshot.Ref] = o
		}
	}
	list, err := s.OrdersByExternal(ctx, accountID, ids)
	for _, o := range list {
		out[o.Snapshot.ExternalID] = o
	}
	return out, err
}

// ReturnFilter selects returns for a list, newest first.
type ReturnFilter struct {
	AccountID string
	State     orderhub.ReturnState
	// Kind, if set; ReturnUnknown selects nothing: those are found without a filter.
	Kind  orderhub.ReturnKind
	Order int64
	// Open selects those about which something is left to do, Waiting those that
	// the channel takes an answer to.
	Open, Waiting bool
	// DeadlineBefore selects those with a deadline before it.
	DeadlineBefore time.Time
	// Before continues a list: only ids below it; 0 = from the newest.
	Before int64
	Limit  int
}

// ListReturns lists returns.
func (s *Store) ListReturns(ctx context.Context, f ReturnFilter) ([]*orderhub.Return, error) {
	var c condition
	if f.AccountID != "" {
		c.add("account_id = ?", f.AccountID)
	}
	if f.State != "" {
		c.add("state = ?", string(f.State))
	}
	if f.Kind != "" {
		c.add("kind = ?", string(f.Kind))
	}
	if f.Order != 0 {
		c.add("order_id <> 0 AND order_id = ?", f.Order)
	}
	if f.Open {
		c.add("(state NOT IN ('decided','closed') OR waits = 1)")
	}
	if f.Waiting {
		c.add("waits = 1")
	}
	if !f.DeadlineBefore.IsZero() {
		c.add("deadline <> 0 AND deadline < ?", micros(f.DeadlineBefore))
	}
	if f.Before > 0 {
		c.add("id < ?", f.Before)
	}
	return s.readReturns(ctx, c.where()+" ORDER BY id DESC LIMIT ?", append(c.args, f.Limit)...)
}

// ReturnsDue pages by number through returns about which somebody must do something
// before a moment: answer, or collect the goods, see orderhub.Return.Due. What is
// overdue is among them.
func (s *Store) ReturnsDue(ctx context.Context, before time.Time, after int64, limit int) ([]*orderhub.Return, error) {
	return s.readReturns(ctx, "WHERE deadline <> 0 AND deadline < ? AND id > ? ORDER BY id LIMIT ?", micros(before), after, limit)
}

// readReturns reads returns, their halves and goods as of one moment.
func (s *Store) readReturns(ctx context.Context, where string, args ...any) (list []*orderhub.Return, err error) {
	err = s.engine.snapshot(ctx, func(q querier) error {
		list, err = scanReturns(ctx, q, where, args...)
		return err
	})
	return list, err
}

// AddDecisions writes decisions about goods and gives them their numbers.
func (tx *Tx) AddDecisions(ctx context.Context, list []*orderhub.Decision) error {
	if len(list) == 0 {
		return nil
	}
	ids, err := tx.q.nextIDs(ctx, "return_decisions", len(list))
	if err != nil {
		return fmt.Errorf("number decisions: %w", err)
	}
	rows := make([][]any, 0, len(list))
	for i, d := range list {
		d.ID, d.At = ids[i], d.At.Truncate(time.Microsecond)
		photos, err := writePhotoIDs(d.Photos)
		if err != nil {
			return err
		}
		rows = append(rows, []any{d.ID, d.ReturnID, d.Goods, d.SKU, string(d.Decision), d.Quantity, d.Why, d.Photo, photos, string(d.Actor.Kind), d.Actor.Name, micros(d.At)})
	}
	if err := tx.q.insert(ctx, "return_decisions", []string{"id", "return_id", "pos", "sku", "decision", "quantity", "why", "photo", "photos", "actor_kind",
		"actor", "at"}, rows); err != nil {
		return fmt.Errorf("write decisions: %w", err)
	}
	return nil
}

// writePhotoIDs is "" for none, so that rows of before read alike.
func writePhotoIDs(ids []int64) (string, error) {
	if len(ids) == 0 {
		return "", nil
	}
	b, err := json.Marshal(ids)
	if err != nil {
		return "", fmt.Errorf("encode photos of a decision: %w", err)
	}
	return string(b), nil
}

// Decisions lists the decisions about a return, oldest first.
func (s *Store) Decisions(ctx context.Context, returnID int64) ([]orderhub.Decision, error) {
	rows, err := s.engine.reader().query(ctx, `SELECT id, pos, sku, decision, quantity, why, photo, photos, actor_kind, actor, at FROM return_decisions
		WHERE return_id = ? ORDER BY id`, returnID)
	if err != nil {
		return nil, fmt.Errorf("read decisions: %w", err)
	}
	defer rows.Close()
	var out []orderhub.Decision
	for rows.Next() {
		d := orderhub.Decision{ReturnID: returnID}
		var word, actorKind, photos string
		var at int64
		if err := rows.Scan(&d.ID, &d.Goods, &d.SKU, &word, &d.Quantity, &d.Why, &d.Photo, &photos, &actorKind, &d.Actor.Name, &at); err != nil {
			return nil, fmt.Errorf("read decisions: %w", err)
		}
		if photos != "" {
			if err := json.Unmarshal([]byte(photos), &d.Photos); err != nil {
				return nil, fmt.Errorf("read decision %d: %w", d.ID, err)
			}
		}
		d.Decision, d.Actor.Kind, d.At = orderhub.GoodsDecision(word), orderhub.ActorKind(actorKind), fromMicros(at)
		out = append(out, d)
	}
	return out, rows.Err()
}

// ReturnPolicy is what an account does with goods that come back.
func (s *Store) ReturnPolicy(ctx context.Context, accountID string) (orderhub.ReturnPolicy, error) {
	return returnPolicy(ctx, s.engine.reader(), accountID)
}

// ReturnPolicy is what an account does with goods that come back.
func (tx *Tx) ReturnPolicy(ctx context.Context, accountID string) (orderhub.ReturnPolicy, error) {
	return returnPolicy(ctx, tx.q, accountID)
}

func returnPolicy(ctx context.Context, q querier, accountID string) (orderhub.ReturnPolicy, error) {
	rows, err := q.query(ctx, "SELECT policy FROM account_returns WHERE account_id = ?", accountID)
	if err != nil {
		return "", fmt.Errorf("read the policy of returns: %w", err)
	}
	defer rows.Close()
	word := string(orderhub.ReturnRestock)
	if rows.Next() {
		if err := rows.Scan(&word); err != nil {
			return "", fmt.Errorf("read the policy of returns: %w", err)
		}
	}
	return orderhub.ReturnPolicy(word), rows.Err()
}

// SetReturnPolicy sets it; goods that are here already stay where they are.
func (tx *Tx) SetReturnPolicy(ctx context.Context, accountID string, p orderhub.ReturnPolicy) error {
	if _, err := tx.q.exec(ctx, `INSERT INTO account_returns (account_id, policy, updated_at) VALUES (?, ?, ?)
		ON CONFLICT (account_id) DO UPDATE SET policy = excluded.policy, updated_at = excluded.updated_at`, accountID, string(p), micros(tx.s.Now())); err != nil {
		return fmt.Errorf("set the policy of returns: %w", err)
	}
	return nil
}
