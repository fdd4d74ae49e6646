package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/orderhub/orderhub"
)

// AddCardNote writes a note; it gets its id.
func (tx *Tx) AddCardNote(ctx context.Context, n *orderhub.CardNote) error {
	ids, err := tx.q.nextIDs(ctx, "customer_notes", 1)
	if err != nil {
		return fmt.Errorf("add a note: %w", err)
	}
	n.ID, n.At = ids[0], fromMicros(micros(tx.s.Now()))
	if err := tx.q.insert(ctx, "customer_notes", []string{"id", "customer_id", "body", "actor_kind", "actor", "at"},
		[][]any{{n.ID, n.CardID, n.Text, string(n.Actor.Kind), n.Actor.Name, micros(n.At)}}); err != nil {
		return fmt.Errorf("add a note: %w", err)
	}
	return nil
}

// DropNote deletes a note of one of these cards.
func (tx *Tx) DropNote(ctx context.Context, id int64, cards []*orderhub.Card) (bool, error) {
	cond, arg := tx.q.in("customer_id", cardIDs(cards))
	n, err := tx.q.exec(ctx, "DELETE FROM customer_notes WHERE id = ? AND "+cond, id, arg)
	if err != nil {
		return false, fmt.Errorf("delete note %d: %w", id, err)
	}
	return n > 0, nil
}

// CountCardNotes counts the notes of cards.
func (tx *Tx) CountCardNotes(ctx context.Context, cards []*orderhub.Card) (int64, error) {
	cond, arg := tx.q.in("customer_id", cardIDs(cards))
	n, err := readIDs(ctx, tx.q, "SELECT COUNT(*) FROM customer_notes WHERE "+cond, arg)
	if err != nil {
		return 0, err
	}
	return n[0], nil
}

// NotesOfCards reads the notes of a tree, oldest first.
func (s *Store) NotesOfCards(ctx context.Context, t *CardTree) ([]orderhub.CardNote, error) {
	q := s.engine.reader()
	cond, arg := q.in("customer_id", cardIDs(t.Cards))
	rows, err := q.query(ctx, "SELECT id, customer_id, body, actor_kind, actor, at FROM customer_notes WHERE "+cond+" ORDER BY id", arg)
	if err != nil {
		return nil, fmt.Errorf("read notes: %w", err)
	}
	defer rows.Close()
	var out []orderhub.CardNote
	for rows.Next() {
		var n orderhub.CardNote
		var kind string
		var at int64
		if err := rows.Scan(&n.ID, &n.CardID, &n.Text, &kind, &n.Actor.Name, &at); err != nil {
			return nil, fmt.Errorf("read notes: %w", err)
		}
		n.Actor.Kind, n.At = orderhub.ActorKind(kind), fromMicros(at)
		out = append(out, n)
	}
	return out, rows.Err()
}

// SetTags makes these the tags of a locked tree: what its cards have beside is
// dropped, what they lack goes to the root.
func (tx *Tx) SetTags(ctx context.Context, root int64, cards []*orderhub.Card, tags []string) error {
	ids := cardIDs(cards)
	cond, arg := tx.q.in("customer_id", ids)
	keep, list := tx.q.in("tag", tags)
	if _, err := tx.q.exec(ctx, "DELETE FROM customer_tags WHERE "+cond+" AND NOT ("+keep+")", arg, list); err != nil {
		return fmt.Errorf("set tags: %w", err)
	}
	for _, tag := range tags {
		if _, err := tx.q.exec(ctx, `INSERT INTO customer_tags (tag, customer_id) SELECT CAST(? AS TEXT), CAST(? AS BIGINT)
			WHERE NOT EXISTS (SELECT 1 FROM customer_tags WHERE tag = ? AND `+cond+")", tag, root, tag, arg); err != nil {
			return fmt.Errorf("set tags: %w", err)
		}
	}
	return nil
}

const mergeColumns = "id, winner_id, loser_id, why, actor_kind, actor, at, undone_at, undone_kind, undone_by, undone_why"

// AddMerge writes down a merge; it gets its id.
func (tx *Tx) AddMerge(ctx context.Context, m *orderhub.CardMerge) error {
	ids, err := tx.q.nextIDs(ctx, "customer_merges", 1)
	if err != nil {
		return fmt.Errorf("write a merge: %w", err)
	}
	m.ID, m.At = ids[0], fromMicros(micros(tx.s.Now()))
	if err := tx.q.insert(ctx, "customer_merges", strings.Split(mergeColumns, ", "),
		[][]any{{m.ID, m.Winner, m.Loser, m.Why, string(m.Actor.Kind), m.Actor.Name, micros(m.At), 0, "", "", ""}}); err != nil {
		return fmt.Errorf("write a merge: %w", err)
	}
	return nil
}

// EndMerge writes down that a merge was undone; false: it was before.
func (tx *Tx) EndMerge(ctx context.Context, id int64, why string, actor orderhub.Actor) (bool, error) {
	n, err := tx.q.exec(ctx, "UPDATE customer_merges SET undone_at = ?, undone_kind = ?, undone_by = ?, undone_why = ? WHERE id = ? AND undone_at = 0",
		micros(tx.s.Now()), string(actor.Kind), actor.Name, why, id)
	if err != nil {
		return false, fmt.Errorf("undo merge %d: %w", id, err)
	}
	return n > 0, nil
}

// Merge reads one merge.
func (s *Store) Merge(ctx context.Context, id int64) (orderhub.CardMerge, error) {
	list, err := s.merges(ctx, "WHERE id = ?", id)
	if err == nil && len(list) == 0 {
		err = orderhub.Errorf(orderhub.CodeNotFound, "there is no merge %d", id)
	}
	if err != nil {
		return orderhub.CardMerge{}, err
	}
	return list[0], nil
}

// MergesOfCards reads the merges of a tree, undone ones too, oldest first.
func (s *Store) MergesOfCards(ctx context.Context, t *CardTree) ([]orderhub.CardMerge, error) {
	q := s.engine.reader()
	lost, arg := q.in("loser_id", cardIDs(t.Cards))
	won, _ := q.in("winner_id", cardIDs(t.Cards))
	return s.merges(ctx, "WHERE "+lost+" OR "+won+" ORDER BY id", arg, arg)
}

func (s *Store) merges(ctx context.Context, where string, args ...any) ([]orderhub.CardMerge, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT "+mergeColumns+" FROM customer_merges "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read merges: %w", err)
	}
	defer rows.Close()
	var out []orderhub.CardMerge
	for rows.Next() {
		var m orderhub.CardMerge
		var kind, undoneKind string
		var at, undone int64
		if err := rows.Scan(&m.ID, &m.Winner, &m.Loser, &m.Why, &kind, &m.Actor.Name, &at, &undone, &undoneKind, &m.UndoneBy.Name, &m.UndoneWhy); err != nil {
			return nil, fmt.Errorf("read merges: %w", err)
		}
		m.Actor.Kind, m.UndoneBy.Kind = orderhub.ActorKind(kind), orderhub.ActorKind(undoneKind)
		m.At, m.UndoneAt = fromMicros(at), fromMicros(undone)
		out = append(out, m)
	}
	return out, rows.Err()
}

const suggestColumns = "id, low_id, high_id, same, reason, order_id, state, actor_kind, actor, at, decided_at"

// Suggest writes down pairs that may be one buyer. A pair of which something was
// said before stays as it is.
func (tx *Tx) Suggest(ctx context.Context, list []orderhub.CardSuggestion) error {
	rows := make([][]any, 0, len(list))
	for _, s := range list {
		rows = append(rows, []any{min(s.Low, s.High), max(s.Low, s.High), string(s.Same), string(s.Reason), s.OrderID, micros(tx.s.Now())})
	}
	if err := tx.q.execMany(ctx, `INSERT INTO customer_suggestions (low_id, high_id, same, reason, order_id, state, actor_kind, actor, at, decided_at)
		VALUES (?, ?, ?, ?, ?, 'open', '', '', ?, 0) ON CONFLICT (low_id, high_id) DO NOTHING`, rows); err != nil {
		return fmt.Errorf("suggest a merge: %w", err)
	}
	return nil
}

// Decide writes down what was said of a pair; the pair may be new.
func (tx *Tx) Decide(ctx context.Context, low, high int64, state orderhub.SuggestState, reason orderhub.SuggestReason, actor orderhub.Actor) error {
	low, high = min(low, high), max(low, high)
	now := micros(tx.s.Now())
	if _, err := tx.q.exec(ctx, `INSERT INTO customer_suggestions (low_id, high_id, same, reason, order_id, state, actor_kind, actor, at, decided_at)
		VALUES (?, ?, '', ?, 0, ?, ?, ?, ?, ?) ON CONFLICT (low_id, high_id) DO UPDATE SET state = excluded.state,
		actor_kind = excluded.actor_kind, actor = excluded.actor, decided_at = excluded.decided_at`,
		low, high, string(reason), string(state), string(actor.Kind), actor.Name, now, now); err != nil {
		return fmt.Errorf("decide on a suggestion: %w", err)
	}
	return nil
}

// Declined reports whether a person said that cards of these two trees are not one
// buyer.
func (tx *Tx) Declined(ctx context.Context, a, b []*orderhub.Card) (bool, error) {
	ofA, argA := tx.q.in("low_id", append(cardIDs(a), cardIDs(b)...))
	ofB, argB := tx.q.in("high_id", append(cardIDs(a), cardIDs(b)...))
	found, err := readIDs(ctx, tx.q, "SELECT id FROM customer_suggestions WHERE state = 'declined' AND "+ofA+" AND "+ofB+" LIMIT 1", argA, argB)
	return len(found) > 0, err
}

// Suggestion reads one suggestion.
func (s *Store) Suggestion(ctx context.Context, id int64) (orderhub.CardSuggestion, error) {
	list, err := s.suggestions(ctx, "WHERE id = ?", id)
	if err == nil && len(list) == 0 {
		err = orderhub.Errorf(orderhub.CodeNotFound, "there is no suggestion %d", id)
	}
	if err != nil {
		return orderhub.CardSuggestion{}, err
	}
	return list[0], nil
}

// OpenSuggestions lists the pairs that wait for a person, newest first: not those
// that have become one meanwhile, nor erased ones. before continues; 0 begins.
func (s *Store) OpenSuggestions(ctx context.Context, before int64, limit int) ([]orderhub.CardSuggestion, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	return s.suggestions(ctx, `WHERE state = 'open' AND id < ? AND EXISTS (SELECT 1 FROM customers a, customers b
		WHERE a.id = low_id AND b.id = high_id AND a.root_id <> b.root_id AND a.erased_at = 0 AND b.erased_at = 0) ORDER BY id DESC LIMIT ?`, before, limit)
}

// SuggestionsOfCards reads all that was suggested of a tree.
func (s *Store) SuggestionsOfCards(ctx context.Context, t *CardTree) ([]orderhub.CardSuggestion, error) {
	q := s.engine.reader()
	low, arg := q.in("low_id", cardIDs(t.Cards))
	high, _ := q.in("high_id", cardIDs(t.Cards))
	return s.suggestions(ctx, "WHERE "+low+" OR "+high+" ORDER BY id", arg, arg)
}

func (s *Store) suggestions(ctx context.Context, where string, args ...any) ([]orderhub.CardSuggestion, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT "+suggestColumns+" FROM customer_suggestions "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read suggestions: %w", err)
	}
	defer rows.Close()
	var out []orderhub.CardSuggestion
	for rows.Next() {
		var g orderhub.CardSuggestion
		var same, reason, state, kind string
		var at, decided int64
		if err := rows.Scan(&g.ID, &g.Low, &g.High, &same, &reason, &g.OrderID, &state, &kind, &g.Actor.Name, &at, &decided); err != nil {
			return nil, fmt.Errorf("read suggestions: %w", err)
		}
		g.Same, g.Reason, g.State = orderhub.KeyKind(same), orderhub.SuggestReason(reason), orderhub.SuggestState(state)
		g.Actor.Kind, g.At, g.DecidedAt = orderhub.ActorKind(kind), fromMicros(at), fromMicros(decided)
		out = append(out, g)
	}
	return out, rows.Err()
}
