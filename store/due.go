package store

import (
	"context"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
)

// Due is work that waits and whose time has come, by account. Doorbells are the
// fast way to it; looking here regularly is the safe one.
type Due struct {
	Inbox, Effects, Hints []string // account ids
	// Publications are accounts with stock figures to send or to look at, Goods
	// tells that the warehouse has something to do.
	Publications []string
	// Dirty: figures are to be worked out.
	Dirty bool
	Goods bool
	Feeds []FeedPosition
	// Notify: there are events to look through, or states to look for. Tell are those
	// for whom something waits. Rules: there are events to ask the rules about.
	Notify bool
	Tell   []Told
	Rules  bool
	// Cards tells that the lane of buyers' cards has something to do.
	Cards bool
	// Onec: orders are to be marked for 1C, or a list of goods may be over.
	Onec bool
	// FanOut: there are events to make deliveries of; Endpoints have some that are due.
	FanOut    bool
	Endpoints []int64
	// Files are exchanges of files whose time has come.
	Files []int64
}

// Due finds due work of active accounts. All queries read partial or small
// indexes.
func (s *Store) Due(ctx context.Context) (Due, error) {
	var d Due
	var err error
	now := micros(s.Now())
	const active = "(SELECT id FROM accounts WHERE state = 'active')"
	if d.Inbox, err = s.column(ctx, `SELECT a.id FROM accounts a WHERE a.state <> 'removed'
		AND EXISTS (SELECT 1 FROM inbox i WHERE i.account_id = a.id AND i.state = 'pending')`); err != nil {
		return d, err
	}
	if d.Effects, err = s.column(ctx, `SELECT a.id FROM accounts a WHERE a.state = 'active' AND EXISTS
		(SELECT 1 FROM effects e WHERE e.account_id = a.id AND e.state IN ('intent','sent','accepted') AND e.next_at <= ?)`, now); err != nil {
		return d, err
	}
	if d.Hints, err = s.column(ctx, "SELECT DISTINCT account_id FROM hints WHERE next_at <= ? AND account_id IN "+active, now); err != nil {
		return d, err
	}
	if d.Publications, err = s.column(ctx, `SELECT a.id FROM accounts a WHERE a.state = 'active' AND EXISTS
		(SELECT 1 FROM publications p WHERE p.account_id = a.id AND p.next_at <= ? AND `+publicationDue+")", now); err != nil {
		return d, err
	}
	dirty, err := s.DirtyPublications(ctx, 1)
	if err != nil {
		return d, err
	}
	d.Dirty = len(dirty) > 0
	if d.Goods, err = s.goodsDue(ctx, now); err != nil {
		return d, err
	}
	if err := s.notifyDue(ctx, &d); err != nil {
		return d, err
	}
	if d.Cards, err = s.CardsDue(ctx); err != nil {
		return d, err
	}
	if d.Onec, err = s.OnecDue(ctx); err != nil {
		return d, err
	}
	if err := s.webhooksDue(ctx, &d); err != nil {
		return d, err
	}
	if d.Files, err = s.filesDue(ctx); err != nil {
		return d, err
	}
	d.Feeds, err = s.Feeds(ctx, "")
	return d, err
}

// goodsDue tells whether the warehouse has something to do: a cart whose time is
// over, goods for somebody who waits, a lack that is not shown.
func (s *Store) goodsDue(ctx context.Context, now int64) (bool, error) {
	due, err := s.column(ctx, `SELECT 'cart' FROM carts WHERE state = 'held' AND expires_at <= ?
		UNION ALL SELECT 'free' FROM demands d JOIN stock s ON s.warehouse = d.warehouse AND s.sku = d.sku
			WHERE d.reserved + d.consumed + d.unbacked < d.needed AND s.on_hand - s.reserved - s.quarantine > 0
		UNION ALL SELECT 'short' FROM demands d JOIN orders o ON o.id = d.holder
			WHERE d.reserved + d.consumed + d.unbacked < d.needed AND o.hub_holds NOT LIKE '%short%' LIMIT 1`, now)
	return len(due) > 0, err
}

// Leases lists who holds which lease now, by name.
func (s *Store) Leases(ctx context.Context) (map[string]string, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT name, owner FROM leases WHERE expires_at >= ?", micros(s.Now()))
	if err != nil {
		return nil, fmt.Errorf("list leases: %w", err)
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var name, owner string
		if err := rows.Scan(&name, &owner); err != nil {
			return nil, fmt.Errorf("list leases: %w", err)
		}
		out[name] = owner
	}
	return out, rows.Err()
}

// StartLane takes a lane's lease and resets its doorbell in one step; call it
// before looking for work. ok is false while another worker is on the lane.
func (s *Store) StartLane(ctx context.Context, lane, owner string, ttl time.Duration) (l Lease, ok bool, err error) {
	err = s.InTx(ctx, func(tx *Tx) error {
		l, ok, err = tx.acquire(ctx, lane, owner, ttl)
		if err != nil || !ok {
			return err
		}
		_, err = tx.q.exec(ctx, "UPDATE bells SET rung = 0, taken_at = ? WHERE lane = ?", micros(s.Now()), lane)
		return err
	})
	if err != nil {
		return l, false, fmt.Errorf("start lane %s: %w", lane, err)
	}
	return l, ok, nil
}

// ForgetLeases drops all leases and doorbells. Only for the one process that
// owns a SQLite file, at its start: whoever held them is dead.
func (s *Store) ForgetLeases(ctx context.Context) error {
	return s.InTx(ctx, func(tx *Tx) error {
		if _, err := tx.q.exec(ctx, "UPDATE leases SET expires_at = 0"); err != nil {
			return fmt.Errorf("forget leases: %w", err)
		}
		if _, err := tx.q.exec(ctx, "UPDATE bells SET rung = 0"); err != nil {
			return fmt.Errorf("forget doorbells: %w", err)
		}
		return nil
	})
}

// CountOrders counts all orders and those of an account by status.
func (s *Store) CountOrders(ctx context.Context, accountID string) (map[orderhub.Status]int64, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT status, COUNT(*) FROM orders WHERE account_id = ? GROUP BY status", accountID)
	if err != nil {
		return nil, fmt.Errorf("count orders: %w", err)
	}
	defer rows.Close()
	out := map[orderhub.Status]int64{}
	for rows.Next() {
		var status string
		var n int64
		if err := rows.Scan(&status, &n); err != nil {
			return nil, fmt.Errorf("count orders: %w", err)
		}
		out[orderhub.Status(status)] = n
	}
	return out, rows.Err()
}
