package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
)

// onecCursor is the reader that marks orders for the nodes.
const onecCursor = "onec"

const onecNodeColumns = "id, name, login, state, settings, seen_at, taken_at, error, error_at, unanswered, full_at, goods_at, created_at"

// CreateOnecNode adds a node and marks the orders that it is to get.
func (s *Store) CreateOnecNode(ctx context.Context, n *orderhub.OnecNode, passwordHash string) error {
	settings, err := json.Marshal(n.Settings)
	if err != nil {
		return fmt.Errorf("encode the settings of %s: %w", n.Name, err)
	}
	err = s.InTx(ctx, func(tx *Tx) error {
		if err := tx.lockOnecCursor(ctx); err != nil {
			return err
		}
		ids, err := tx.q.nextIDs(ctx, "onec_nodes", 1)
		if err != nil {
			return err
		}
		n.ID, n.State, n.CreatedAt = ids[0], orderhub.OnecActive, s.Now()
		if _, err := tx.q.exec(ctx, `INSERT INTO onec_nodes (id, name, login, password, state, settings, since, seen_at, taken_at, error, error_at,
			unanswered, full_at, goods_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, '', 0, 0, 0, 0, ?, ?)`,
			n.ID, n.Name, n.Login, passwordHash, string(n.State), string(settings), micros(n.Settings.OrdersSince), micros(n.CreatedAt), micros(n.CreatedAt)); err != nil {
			return err
		}
		_, err = tx.ResendOnec(ctx, n.ID, n.Settings.OrdersSince, nil)
		return err
	})
	if errors.Is(err, errConflict) {
		return orderhub.Errorf(orderhub.CodeConflict, "the login %q is taken; choose another", n.Login)
	}
	if err != nil {
		return fmt.Errorf("create the node %s: %w", n.Name, err)
	}
	return nil
}

// lockOnecCursor keeps the reader of events still: what it has passed by now, a
// new node must be told by whoever adds it.
func (tx *Tx) lockOnecCursor(ctx context.Context) error {
	if _, err := tx.q.exec(ctx, "UPDATE notify_cursors SET at = ? WHERE name = ?", micros(tx.s.Now()), onecCursor); err != nil {
		return fmt.Errorf("lock the reader of events: %w", err)
	}
	return nil
}

// SaveOnecNode writes name, login, state and settings back, and the password's
// hash unless it is "".
func (s *Store) SaveOnecNode(ctx context.Context, n orderhub.OnecNode, passwordHash string) error {
	settings, err := json.Marshal(n.Settings)
	if err != nil {
		return fmt.Errorf("encode the settings of %s: %w", n.Name, err)
	}
	err = s.InTx(ctx, func(tx *Tx) error {
		args := []any{n.Name, n.Login, string(n.State), string(settings), micros(n.Settings.OrdersSince), micros(s.Now())}
		set := "name = ?, login = ?, state = ?, settings = ?, since = ?, updated_at = ?"
		if passwordHash != "" {
			set, args = set+", password = ?", append(args, passwordHash)
		}
		if _, err := tx.q.exec(ctx, "UPDATE onec_nodes SET "+set+" WHERE id = ?", append(args, n.ID)...); err != nil {
			return err
		}
		if n.State != orderhub.OnecActive || passwordHash != "" {
			_, err := tx.q.exec(ctx, "DELETE FROM onec_sessions WHERE node_id = ?", n.ID)
			return err
		}
		return nil
	})
	if errors.Is(err, errConflict) {
		return orderhub.Errorf(orderhub.CodeConflict, "the login %q is taken; choose another", n.Login)
	}
	if err != nil {
		return fmt.Errorf("save the node %s: %w", n.Name, err)
	}
	return nil
}

// OnecNodes lists the nodes that were not removed, by id.
func (s *Store) OnecNodes(ctx context.Context) ([]orderhub.OnecNode, error) {
	return readOnecNodes(ctx, s.engine.reader(), "WHERE state <> 'removed' ORDER BY id")
}

// OnecNode reads one node that was not removed.
func (s *Store) OnecNode(ctx context.Context, id int64) (orderhub.OnecNode, error) {
	list, err := readOnecNodes(ctx, s.engine.reader(), "WHERE id = ? AND state <> 'removed'", id)
	if err == nil && len(list) == 0 {
		err = orderhub.Errorf(orderhub.CodeNotFound, "there is no exchange with 1C number %d", id)
	}
	if err != nil {
		return orderhub.OnecNode{}, err
	}
	return list[0], nil
}

// OnecPassword gives the id and the password's hash of an active node; id is 0
// when nobody has the login.
func (s *Store) OnecPassword(ctx context.Context, login string) (id int64, hash string, err error) {
	rows, err := s.engine.reader().query(ctx, "SELECT id, password FROM onec_nodes WHERE login = ? AND state = 'active'", login)
	if err != nil {
		return 0, "", fmt.Errorf("read a login: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		if err := rows.Scan(&id, &hash); err != nil {
			return 0, "", fmt.Errorf("read a login: %w", err)
		}
	}
	return id, hash, rows.Err()
}

func readOnecNodes(ctx context.Context, q querier, where string, args ...any) ([]orderhub.OnecNode, error) {
	rows, err := q.query(ctx, "SELECT "+onecNodeColumns+" FROM onec_nodes "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read nodes: %w", err)
	}
	defer rows.Close()
	var out []orderhub.OnecNode
	for rows.Next() {
		var n orderhub.OnecNode
		var state, settings string
		var seen, taken, wrong, full, goods, created int64
		if err := rows.Scan(&n.ID, &n.Name, &n.Login, &state, &settings, &seen, &taken, &n.Error, &wrong, &n.Unanswered, &full, &goods, &created); err != nil {
			return nil, fmt.Errorf("read nodes: %w", err)
		}
		if err := json.Unmarshal([]byte(settings), &n.Settings); err != nil {
			return nil, fmt.Errorf("read the settings of node %d: %w", n.ID, err)
		}
		n.State, n.SeenAt, n.TakenAt, n.ErrorAt = orderhub.OnecState(state), fromMicros(seen), fromMicros(taken), fromMicros(wrong)
		n.FullAt, n.GoodsAt, n.CreatedAt = fromMicros(full), fromMicros(goods), fromMicros(created)
		out = append(out, n)
	}
	return out, rows.Err()
}

// SetOnecError notes what went wrong with a node, in words for people.
func (s *Store) SetOnecError(ctx context.Context, nodeID int64, text string) error {
	return s.InTx(ctx, func(tx *Tx) error {
		if _, err := tx.q.exec(ctx, "UPDATE onec_nodes SET error = ?, error_at = ? WHERE id = ?", text, micros(s.Now()), nodeID); err != nil {
			return fmt.Errorf("note the error of a node: %w", err)
		}
		return nil
	})
}

// onecIdle is how long a session lives without a request.
const onecIdle = time.Hour

// keepOnecFiles is about how many files of a node are remembered.
const keepOnecFiles = 5000

// OpenOnecSession begins a session and ends those that were silent for long;
// their ids come back. Other live sessions go on.
func (s *Store) OpenOnecSession(ctx context.Context, nodeID int64, token string) (session orderhub.OnecSession, ended []int64, err error) {
	sum := sha256.Sum256([]byte(token))
	err = s.InTx(ctx, func(tx *Tx) error {
		now := s.Now()
		ids, err := tx.q.nextIDs(ctx, "onec_sessions", 1)
		if err != nil {
			return err
		}
		session = orderhub.OnecSession{ID: ids[0], NodeID: nodeID, SeenAt: now}
		if _, err := tx.q.exec(ctx, "INSERT INTO onec_sessions (id, node_id, sha256, created_at, seen_at) VALUES (?, ?, ?, ?, ?)",
			session.ID, nodeID, sum[:], micros(now), micros(now)); err != nil {
			return err
		}
		if ended, err = readIDs(ctx, tx.q, "SELECT id FROM onec_sessions WHERE seen_at < ? ORDER BY id LIMIT 500", micros(now.Add(-onecIdle))); err != nil {
			return err
		}
		cond, arg := tx.q.in("id", ended)
		if _, err := tx.q.exec(ctx, "DELETE FROM onec_sessions WHERE "+cond, arg); err != nil {
			return err
		}
		// What was given long ago and never taken is due all the same.
		if _, err := tx.q.exec(ctx, "DELETE FROM onec_given WHERE at < ?", micros(now.Add(-24*time.Hour))); err != nil {
			return err
		}
		if _, err := tx.q.exec(ctx, "DELETE FROM onec_files WHERE node_id = ? AND id < (SELECT MAX(id) FROM onec_files WHERE node_id = ?) - ?", nodeID, nodeID, keepOnecFiles); err != nil {
			return err
		}
		_, err = tx.q.exec(ctx, "UPDATE onec_nodes SET seen_at = ? WHERE id = ?", micros(now), nodeID)
		return err
	})
	if err != nil {
		return session, nil, fmt.Errorf("open a session: %w", err)
	}
	return session, ended, nil
}

// OnecSession finds a live session of an active node and keeps it alive; ok is
// false when there is none.
func (s *Store) OnecSession(ctx context.Context, token string) (session orderhub.OnecSession, ok bool, err error) {
	sum := sha256.Sum256([]byte(token))
	now := s.Now()
	rows, err := s.engine.reader().query(ctx, `SELECT s.id, s.node_id, s.seen_at FROM onec_sessions s JOIN onec_nodes n ON n.id = s.node_id
		WHERE s.sha256 = ? AND s.seen_at >= ? AND n.state = 'active'`, sum[:], micros(now.Add(-onecIdle)))
	if err != nil {
		return session, false, fmt.Errorf("find a session: %w", err)
	}
	defer rows.Close()
	var seen int64
	if !rows.Next() {
		return session, false, rows.Err()
	}
	if err := rows.Scan(&session.ID, &session.NodeID, &seen); err != nil {
		return session, false, fmt.Errorf("find a session: %w", err)
	}
	rows.Close()
	session.SeenAt = fromMicros(seen)
	if now.Sub(session.SeenAt) < time.Minute {
		return session, true, nil // not worth a write
	}
	err = s.InTx(ctx, func(tx *Tx) error {
		if _, err := tx.q.exec(ctx, "UPDATE onec_sessions SET seen_at = ? WHERE id = ?", micros(now), session.ID); err != nil {
			return fmt.Errorf("keep a session: %w", err)
		}
		return nil
	})
	return session, err == nil, err
}

// OnecSessionIDs lists the sessions that there are.
func (s *Store) OnecSessionIDs(ctx context.Context) ([]int64, error) {
	return readIDs(ctx, s.engine.reader(), "SELECT id FROM onec_sessions ORDER BY id")
}
