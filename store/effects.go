package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/orderhub/orderhub"
)

const effectColumns = `id, COALESCE(order_id, 0), COALESCE(return_id, 0), account_id, kind, to_status, reason, comment, params, actor_kind, actor, state, attempts,
	checks, next_at, class, error, created_at, sent_at, accepted_at, finished_at`

var effectInsert = []string{"id", "order_id", "return_id", "account_id", "kind", "to_status", "reason", "comment", "params", "actor_kind",
	"actor", "state", "attempts", "checks", "next_at", "class", "error", "created_at", "sent_at", "accepted_at", "finished_at"}

func effectValues(e *orderhub.Effect) ([]any, error) {
	params := ""
	if len(e.Params) > 0 {
		b, err := json.Marshal(e.Params)
		if err != nil {
			return nil, fmt.Errorf("encode effect: %w", err)
		}
		params = string(b)
	}
	return []any{e.ID, orNull(e.OrderID), orNull(e.ReturnID), e.AccountID, string(e.Kind), string(e.To), e.Reason, e.Comment, params, string(e.Actor.Kind),
		e.Actor.Name, string(e.State), e.Attempts, e.Checks, micros(e.NextAt), string(e.Class), e.Error, micros(e.CreatedAt),
		micros(e.SentAt), micros(e.AcceptedAt), micros(e.FinishedAt)}, nil
}

// AddEffects writes new effects and gives them their ids.
func (tx *Tx) AddEffects(ctx context.Context, effects []*orderhub.Effect) error {
	if len(effects) == 0 {
		return nil
	}
	ids, err := tx.q.nextIDs(ctx, "effects", len(effects))
	if err != nil {
		return fmt.Errorf("add effects: %w", err)
	}
	rows := make([][]any, 0, len(effects))
	for i, e := range effects {
		e.ID = ids[i]
		row, err := effectValues(e)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	if err := tx.q.insert(ctx, "effects", effectInsert, rows); err != nil {
		return fmt.Errorf("add effects: %w", err)
	}
	return nil
}

// SaveEffects writes the progress of effects.
func (tx *Tx) SaveEffects(ctx context.Context, effects []*orderhub.Effect) error {
	rows := make([][]any, 0, len(effects))
	for _, e := range effects {
		rows = append(rows, []any{string(e.State), e.Attempts, e.Checks, micros(e.NextAt), string(e.Class), e.Error,
			micros(e.SentAt), micros(e.AcceptedAt), micros(e.FinishedAt), e.ID})
	}
	if err := tx.q.execMany(ctx, `UPDATE effects SET state = ?, attempts = ?, checks = ?, next_at = ?, class = ?, error = ?,
		sent_at = ?, accepted_at = ?, finished_at = ? WHERE id = ?`, rows); err != nil {
		return fmt.Errorf("save effects: %w", err)
	}
	return nil
}

// DueEffects reads open effects of an account that are due, oldest first, at
// most one per order: the next effect of an order waits for the one before it.
func (s *Store) DueEffects(ctx context.Context, accountID string, limit int) ([]*orderhub.Effect, error) {
	return readEffects(ctx, s.engine.reader(), `WHERE account_id = ? AND state IN ('intent','sent','accepted') AND next_at <= ?
		AND NOT EXISTS (SELECT 1 FROM effects p WHERE p.order_id = effects.order_id AND p.id < effects.id
			AND p.state IN ('intent','sent','accepted'))
		ORDER BY next_at, id LIMIT ?`, accountID, micros(s.Now()), limit)
}

// LockEffects reads effects by id and locks them until the commit.
func (tx *Tx) LockEffects(ctx context.Context, ids []int64) ([]*orderhub.Effect, error) {
	cond, arg := tx.q.in("id", ids)
	return readEffects(ctx, tx.q, "WHERE "+cond+" ORDER BY id"+tx.q.lock(), arg)
}

// OpenEffects reads the open effects of an order, oldest first.
func (tx *Tx) OpenEffects(ctx context.Context, orderID int64) ([]*orderhub.Effect, error) {
	return readEffects(ctx, tx.q, "WHERE order_id = ? AND state IN ('intent','sent','accepted') ORDER BY id"+tx.q.lock(), orderID)
}

// UnsettledEffects reads the effects of several orders that news can still
// settle: the open ones and those whose fate is uncertain.
func (tx *Tx) UnsettledEffects(ctx context.Context, orderIDs []int64) ([]*orderhub.Effect, error) {
	cond, arg := tx.q.in("order_id", orderIDs)
	return readEffects(ctx, tx.q, "WHERE "+cond+" AND state IN ('intent','sent','accepted','uncertain') ORDER BY id"+tx.q.lock(), arg)
}

// OpenAnswers reads the answers to a return that are still under way.
func (tx *Tx) OpenAnswers(ctx context.Context, returnID int64) ([]*orderhub.Effect, error) {
	return readEffects(ctx, tx.q, "WHERE return_id IS NOT NULL AND return_id = ? AND state IN ('intent','sent','accepted') ORDER BY id"+tx.q.lock(), returnID)
}

// CutsOf reads the cuts of lines of an order that were not refused.
func (tx *Tx) CutsOf(ctx context.Context, orderID int64) ([]*orderhub.Effect, error) {
	return readEffects(ctx, tx.q, "WHERE order_id = ? AND kind = 'cancel_lines' AND state NOT IN ('rejected','superseded') ORDER BY id", orderID)
}

// Effect reads one effect.
func (s *Store) Effect(ctx context.Context, id int64) (*orderhub.Effect, error) {
	list, err := readEffects(ctx, s.engine.reader(), "WHERE id = ?", id)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, orderhub.Errorf(orderhub.CodeNotFound, "there is no effect %d", id)
	}
	return list[0], nil
}

// Effects reads all effects of an order, oldest first.
func (s *Store) Effects(ctx context.Context, orderID int64) ([]*orderhub.Effect, error) {
	return readEffects(ctx, s.engine.reader(), "WHERE order_id = ? ORDER BY id", orderID)
}

// EffectsOfReturn reads the answers that were given to a return, oldest first.
func (s *Store) EffectsOfReturn(ctx context.Context, returnID int64) ([]*orderhub.Effect, error) {
	return readEffects(ctx, s.engine.reader(), "WHERE return_id IS NOT NULL AND return_id = ? ORDER BY id", returnID)
}

// EffectFilter selects effects for people.
type EffectFilter struct {
	AccountID string
	State     orderhub.EffectState
	Before    int64 // only ids below; 0 = from the newest
	Limit     int
}

// ListEffects lists effects, newest first.
func (s *Store) ListEffects(ctx context.Context, f EffectFilter) ([]*orderhub.Effect, error) {
	where, args := "WHERE 1 = 1", []any{}
	add := func(cond string, v any) {
		where += " AND " + cond
		args = append(args, v)
	}
	if f.AccountID != "" {
		add("account_id = ?", f.AccountID)
	}
	if f.State != "" {
		add("state = ?", string(f.State))
	}
	if f.Before > 0 {
		add("id < ?", f.Before)
	}
	return readEffects(ctx, s.engine.reader(), where+" ORDER BY id DESC LIMIT ?", append(args, f.Limit)...)
}

func readEffects(ctx context.Context, q querier, where string, args ...any) ([]*orderhub.Effect, error) {
	rows, err := q.query(ctx, "SELECT "+effectColumns+" FROM effects "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read effects: %w", err)
	}
	defer rows.Close()
	var out []*orderhub.Effect
	for rows.Next() {
		var e orderhub.Effect
		var kind, to, params, actorKind, state, class string
		var next, created, sent, accepted, finished int64
		if err := rows.Scan(&e.ID, &e.OrderID, &e.ReturnID, &e.AccountID, &kind, &to, &e.Reason, &e.Comment, &params, &actorKind, &e.Actor.Name,
			&state, &e.Attempts, &e.Checks, &next, &class, &e.Error, &created, &sent, &accepted, &finished); err != nil {
			return nil, fmt.Errorf("read effects: %w", err)
		}
		if params != "" {
			if err := json.Unmarshal([]byte(params), &e.Params); err != nil {
				return nil, fmt.Errorf("read effect %d: %w", e.ID, err)
			}
		}
		e.Kind, e.To, e.State = orderhub.EffectKind(kind), orderhub.Status(to), orderhub.EffectState(state)
		e.Actor.Kind, e.Class = orderhub.ActorKind(actorKind), orderhub.Class(class)
		e.NextAt, e.CreatedAt, e.SentAt = fromMicros(next), fromMicros(created), fromMicros(sent)
		e.AcceptedAt, e.FinishedAt = fromMicros(accepted), fromMicros(finished)
		out = append(out, &e)
	}
	return out, rows.Err()
}
