package store

import (
	"context"
	"fmt"
	"time"
)

// CartState is what became of a reservation.
type CartState string

// The states of a cart.
const (
	CartHeld      CartState = "held"
	CartConverted CartState = "converted" // its order came
	CartExpired   CartState = "expired"
	CartReleased  CartState = "released" // by the shop
)

// Cart is goods that the shop's own site holds for a while. Its holder in the
// book of stock is minus its id.
type Cart struct {
	ID         int64
	AccountID  string
	ExternalID string
	State      CartState
	ExpiresAt  time.Time
	CreatedAt  time.Time
	// Again marks a cart that was there before the call that returns it; it is not
	// stored.
	Again bool
}

// LockCart reads and locks a cart by the shop's id; nil when there is none.
func (tx *Tx) LockCart(ctx context.Context, accountID, externalID string) (*Cart, error) {
	list, err := readCarts(ctx, tx.q, "WHERE account_id = ? AND external_id = ?"+tx.q.lock(), accountID, externalID)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// CartsOf locks the held carts that become orders with these ids.
func (tx *Tx) CartsOf(ctx context.Context, accountID string, externalIDs []string) ([]Cart, error) {
	cond, arg := tx.q.in("external_id", externalIDs)
	return readCarts(ctx, tx.q, "WHERE account_id = ? AND state = 'held' AND "+cond+" ORDER BY id"+tx.q.lock(), accountID, arg)
}

// ExpiredCarts lists held carts whose time is over.
func (s *Store) ExpiredCarts(ctx context.Context, limit int) ([]Cart, error) {
	return readCarts(ctx, s.engine.reader(), "WHERE state = 'held' AND expires_at <= ? ORDER BY expires_at, id LIMIT ?", micros(s.Now()), limit)
}

func readCarts(ctx context.Context, q querier, where string, args ...any) ([]Cart, error) {
	rows, err := q.query(ctx, "SELECT id, account_id, external_id, state, expires_at, created_at FROM carts "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read carts: %w", err)
	}
	defer rows.Close()
	var out []Cart
	for rows.Next() {
		var c Cart
		var state string
		var expires, created int64
		if err := rows.Scan(&c.ID, &c.AccountID, &c.ExternalID, &state, &expires, &created); err != nil {
			return nil, fmt.Errorf("read carts: %w", err)
		}
		c.State, c.ExpiresAt, c.CreatedAt = CartState(state), fromMicros(expires), fromMicros(created)
		out = append(out, c)
	}
	return out, rows.Err()
}

// AddCart writes a new cart and gives it its id.
func (tx *Tx) AddCart(ctx context.Context, c *Cart) error {
	ids, err := tx.q.nextIDs(ctx, "carts", 1)
	if err != nil {
		return fmt.Errorf("number the cart: %w", err)
	}
	c.ID, c.CreatedAt = ids[0], tx.s.Now()
	if _, err := tx.q.exec(ctx, "INSERT INTO carts (id, account_id, external_id, state, expires_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
		c.ID, c.AccountID, c.ExternalID, string(c.State), micros(c.ExpiresAt), micros(c.CreatedAt), micros(c.CreatedAt)); err != nil {
		return fmt.Errorf("write the cart: %w", err)
	}
	return nil
}

// SaveCart writes state and time limit of a locked cart.
func (tx *Tx) SaveCart(ctx context.Context, c Cart) error {
	if _, err := tx.q.exec(ctx, "UPDATE carts SET state = ?, expires_at = ?, updated_at = ? WHERE id = ?",
		string(c.State), micros(c.ExpiresAt), micros(tx.s.Now()), c.ID); err != nil {
		return fmt.Errorf("write the cart: %w", err)
	}
	return nil
}
