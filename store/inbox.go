package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
)

// Raw states.
const (
	RawPending     = "pending"     // not interpreted yet
	RawDone        = "done"        // interpreted; its event tells what it did
	RawQuarantined = "quarantined" // cannot be interpreted; the error says why, can be retried
	RawDropped     = "dropped"     // a person decided to let it lie
	RawErased      = "erased"      // the buyer's data was erased: the payload is gone, its hash stays
)

// Raw is one raw answer in the inbox.
type Raw struct {
	ID         int64
	AccountID  string
	Kind       string
	ExternalID string
	Body       []byte
	Source     string
	ReadAt     time.Time
	State      string
	Attempts   int
	Error      string
	DoneAt     time.Time
}

// SaveRaw writes raw answers to the inbox, leaving out those that are to the
// byte the last answer of the same kind about the same order, unless the order
// was changed by another answer since, its news is doubted, or the order is not
// in the ledger: then seeing the same again is news. saved are the ids of the
// rows written.
func (tx *Tx) SaveRaw(ctx context.Context, accountID, source string, readAt time.Time, items []Raw) (saved []int64, err error) {
	known, err := tx.lastHashes(ctx, accountID, items)
	if err != nil {
		return nil, fmt.Errorf("save raw answers: %w", err)
	}
	rows := make([][]any, 0, len(items))
	for _, it := range items {
		sum := sha256.Sum256(it.Body)
		key := it.Kind + "\x00" + it.ExternalID
		if it.ExternalID != "" && known[key] == sum {
			continue
		}
		known[key] = sum
		rows = append(rows, []any{nil, accountID, it.Kind, it.ExternalID, sum[:], tx.s.zip.EncodeAll(it.Body, make([]byte, 0, len(it.Body))), source,
			micros(readAt), RawPending, 0, "", 0})
	}
	if len(rows) == 0 {
		return nil, nil
	}
	ids, err := tx.q.nextIDs(ctx, "inbox", len(rows))
	if err != nil {
		return nil, fmt.Errorf("save raw answers: %w", err)
	}
	for i := range rows {
		rows[i][0] = ids[i]
	}
	if err := tx.q.insert(ctx, "inbox", []string{"id", "account_id", "kind", "external_id", "sha256", "body", "source",
		"read_at", "state", "attempts", "error", "done_at"}, rows); err != nil {
		return nil, fmt.Errorf("save raw answers: %w", err)
	}
	return ids, nil
}

// lastHashes reads the hash of the last answer per kind and order or return,
// without those that changed since or are in doubt. Each half of a return is told
// by a kind of its own; one that could not be read and was erased stays known.
func (tx *Tx) lastHashes(ctx context.Context, accountID string, items []Raw) (map[string][32]byte, error) {
	byKind := map[string][]string{} // mostly one kind
	for _, it := range items {
		byKind[it.Kind] = append(byKind[it.Kind], it.ExternalID)
	}
	known := map[string][32]byte{}
	for kind, ids := range byKind {
		if err := tx.lastHashesOf(ctx, accountID, kind, ids, known); err != nil {
			return nil, err
		}
	}
	return known, nil
}

func (tx *Tx) lastHashesOf(ctx context.Context, accountID, kind string, externalIDs []string, known map[string][32]byte) error {
	cond, arg := tx.q.inEach("SELECT MAX(i.id) FROM inbox i WHERE i.account_id = ? AND i.kind = ? AND i.external_id = k.value", externalIDs)
	rows, err := tx.q.query(ctx, `SELECT external_id, sha256 FROM inbox WHERE `+cond+`
		AND (state NOT IN ('done','erased') OR EXISTS (SELECT 1 FROM orders o WHERE o.account_id = inbox.account_id AND o.external_id = inbox.external_id
			AND o.doubt = '' AND o.inbox_id <= inbox.id AND o.read_at <= inbox.read_at)
			OR EXISTS (SELECT 1 FROM returns r JOIN return_parts p ON p.return_id = r.id WHERE r.account_id = inbox.account_id
			AND r.external_id = inbox.external_id AND p.kind = inbox.kind AND p.read_at <= inbox.read_at)
			OR (state = 'erased' AND kind LIKE 'return%' AND NOT EXISTS
				(SELECT 1 FROM returns r WHERE r.account_id = inbox.account_id AND r.external_id = inbox.external_id)))`,
		accountID, kind, arg)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var ext string
		var sum []byte
		if err := rows.Scan(&ext, &sum); err != nil {
			return err
		}
		known[kind+"\x00"+ext] = [32]byte(sum)
	}
	return rows.Err()
}

const rawColumns = "id, account_id, kind, external_id, body, source, read_at, state, attempts, error, done_at"

// PendingRaw reads the oldest uninterpreted answers of an account with an id
// above after.
func (s *Store) PendingRaw(ctx context.Context, accountID string, after int64, limit int) ([]Raw, error) {
	return s.rawRows(ctx, s.engine.reader(), "WHERE account_id = ? AND state = 'pending' AND id > ? ORDER BY id LIMIT ?", accountID, after, limit)
}

// LastQuarantined is when the newest answer was read that lies in quarantine; zero
// when none does.
func (s *Store) LastQuarantined(ctx context.Context, accountID string) (time.Time, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT COALESCE(MAX(read_at), 0) FROM inbox WHERE account_id = ? AND state = 'quarantined'", accountID)
	if err != nil {
		return time.Time{}, fmt.Errorf("look into the quarantine: %w", err)
	}
	defer rows.Close()
	var at int64
	if rows.Next() {
		if err := rows.Scan(&at); err != nil {
			return time.Time{}, fmt.Errorf("look into the quarantine: %w", err)
		}
	}
	return fromMicros(at), rows.Err()
}

// Raw reads one raw answer.
func (s *Store) Raw(ctx context.Context, id int64) (Raw, error) {
	list, err := s.rawRows(ctx, s.engine.reader(), "WHERE id = ?", id)
	if err != nil {
		return Raw{}, err
	}
	if len(list) == 0 {
		return Raw{}, orderhub.Errorf(orderhub.CodeNotFound, "there is no raw payload %d", id)
	}
	return list[0], nil
}

// RawsByIDs reads raw answers by id, oldest first.
func (s *Store) RawsByIDs(ctx context.Context, ids []int64) ([]Raw, error) {
	q := s.engine.reader()
	cond, arg := q.in("id", ids)
	return s.rawRows(ctx, q, "WHERE "+cond+" ORDER BY id", arg)
}

// RawFilter selects raw answers for people.
type RawFilter struct {
	AccountID, State, ExternalID string
	// Before continues a list: only ids below it; 0 = from the newest.
	Before int64
	Limit  int
}

// ListRaw lists raw answers, newest first.
func (s *Store) ListRaw(ctx context.Context, f RawFilter) ([]Raw, error) {
	where, args := "WHERE 1 = 1", []any{}
	add := func(cond string, v any) {
		where += " AND " + cond
		args = append(args, v)
	}
	if f.AccountID != "" {
		add("account_id = ?", f.AccountID)
	}
	if f.State != "" {
		add("state = ?", f.State)
	}
	if f.ExternalID != "" {
		add("external_id = ?", f.ExternalID)
	}
	if f.Before > 0 {
		add("id < ?", f.Before)
	}
	return s.rawRows(ctx, s.engine.reader(), where+" ORDER BY id DESC LIMIT ?", append(args, f.Limit)...)
}

func (s *Store) rawRows(ctx context.Context, q querier, where string, args ...any) ([]Raw, error) {
	rows, err := q.query(ctx, "SELECT "+rawColumns+" FROM inbox "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read the inbox: %w", err)
	}
	defer rows.Close()
	var out []Raw
	for rows.Next() {
		var r Raw
		var read, done int64
		var packed []byte
		if err := rows.Scan(&r.ID, &r.AccountID, &r.Kind, &r.ExternalID, &packed, &r.Source, &read, &r.State, &r.Attempts,
			&r.Error, &done); err != nil {
			return nil, fmt.Errorf("read the inbox: %w", err)
		}
		if r.Body, err = s.unzip.DecodeAll(packed, nil); err != nil {
			return nil, fmt.Errorf("unpack raw payload %d: %w", r.ID, err)
		}
		r.ReadAt, r.DoneAt = fromMicros(read), fromMicros(done)
		out = append(out, r)
	}
	return out, rows.Err()
}

// RawTrace is what became of the last answer about an order.
type RawTrace struct {
	ID           int64
	State, Error string
}

// LastRaws finds the last answer about each of an account's orders, by external id.
func (s *Store) LastRaws(ctx context.Context, accountID string, externalIDs []string) (map[string]RawTrace, error) {
	q := s.engine.reader()
	cond, arg := q.inEach("SELECT MAX(r.id) FROM inbox r WHERE r.account_id = ? AND r.external_id = k.value AND r.kind NOT LIKE 'return%'", externalIDs)
	rows, err := q.query(ctx, "SELECT id, external_id, state, error FROM inbox WHERE "+cond, accountID, arg)
	if err != nil {
		return nil, fmt.Errorf("look for answers: %w", err)
	}
	defer rows.Close()
	out := map[string]RawTrace{}
	for rows.Next() {
		var t RawTrace
		var external string
		if err := rows.Scan(&t.ID, &external, &t.State, &t.Error); err != nil {
			return nil, fmt.Errorf("look for answers: %w", err)
		}
		out[external] = t
	}
	return out, rows.Err()
}

// FinishRaw marks answers as interpreted, in the transaction that interprets
// them, and tells which of them still waited: what another process has
// interpreted meanwhile is left to it. They stay locked until the commit.
func (tx *Tx) FinishRaw(ctx context.Context, ids []int64) (waited map[int64]bool, err error) {
	cond, arg := tx.q.in("id", ids)
	rows, err := tx.q.query(ctx, "UPDATE inbox SET state = 'done', error = '', done_at = ? WHERE state = 'pending' AND "+cond+" RETURNING id",
		micros(tx.s.Now()), arg)
	if err != nil {
		return nil, fmt.Errorf("finish raw answers: %w", err)
	}
	defer rows.Close()
	waited = make(map[int64]bool, len(ids))
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("finish raw answers: %w", err)
		}
		waited[id] = true
	}
	return waited, rows.Err()
}

// QuarantineRaw sets an answer aside with the reason in words.
func (tx *Tx) QuarantineRaw(ctx context.Context, id int64, reason string) error {
	if _, err := tx.q.exec(ctx, "UPDATE inbox SET state = 'quarantined', attempts = attempts + 1, error = ?, done_at = ? WHERE id = ?",
		reason, micros(tx.s.Now()), id); err != nil {
		return fmt.Errorf("quarantine raw answer %d: %w", id, err)
	}
	return nil
}

// SupersedeRaw ends the quarantine of answers that a later one of the same kind about
// the same order or return replaces: later names those that were understood.
func (tx *Tx) SupersedeRaw(ctx context.Context, accountID string, later []int64) error {
	if len(later) == 0 {
		return nil
	}
	cond, arg := tx.q.in("n.id", later)
	// The list of names is made once; of a long quarantine nothing else is looked at. It
	// is no key of a search: an order has more answers than the quarantine.
	if _, err := tx.q.exec(ctx, `UPDATE inbox SET state = 'done', error = '', done_at = ? WHERE state = 'quarantined' AND account_id = ? AND external_id <> ''
		AND (external_id || '') IN (SELECT n.external_id FROM inbox n WHERE `+cond+`)
		AND EXISTS (SELECT 1 FROM inbox n WHERE n.account_id = inbox.account_id AND n.external_id = inbox.external_id AND n.kind = inbox.kind
			AND n.id > inbox.id AND `+cond+`)`, micros(tx.s.Now()), accountID, arg, arg); err != nil {
		return fmt.Errorf("end a quarantine: %w", err)
	}
	return nil
}

// RequeueRaw makes answers pending again and tells how many: those with the ids,
// quarantined or dropped, or, ids nil, all quarantined ones of the account. What
// a person dropped comes back only by its id.
func (tx *Tx) RequeueRaw(ctx context.Context, accountID string, ids []int64) (int64, error) {
	query, args := "UPDATE inbox SET state = 'pending' WHERE state = 'quarantined' AND account_id = ?", []any{accountID}
	if ids != nil {
		cond, arg := tx.q.in("id", ids)
		query = "UPDATE inbox SET state = 'pending' WHERE state IN ('quarantined','dropped') AND account_id = ? AND " + cond
		args = append(args, arg)
	}
	n, err := tx.q.exec(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("requeue raw answers: %w", err)
	}
	return n, nil
}

// ReopenRaw makes answers pending again whatever became of them, and tells how
// many: an adapter that misread them has been mended.
func (tx *Tx) ReopenRaw(ctx context.Context, accountID string, ids []int64) (int64, error) {
	cond, arg := tx.q.in("id", ids)
	n, err := tx.q.exec(ctx, "UPDATE inbox SET state = 'pending' WHERE account_id = ? AND state <> 'erased' AND "+cond, accountID, arg)
	if err != nil {
		return 0, fmt.Errorf("reopen raw answers: %w", err)
	}
	return n, nil
}

// DropRaw lets a quarantined answer lie, on a person's decision.
func (tx *Tx) DropRaw(ctx context.Context, id int64) (bool, error) {
	n, err := tx.q.exec(ctx, "UPDATE inbox SET state = 'dropped' WHERE id = ? AND state = 'quarantined'", id)
	if err != nil {
		return false, fmt.Errorf("drop raw answer %d: %w", id, err)
	}
	return n > 0, nil
}

// TakeHook records a webhook message by its id. fresh is false when the same
// message was taken before; the same id with another content is a conflict.
func (tx *Tx) TakeHook(ctx context.Context, accountID, dedupeID string, body []byte) (fresh bool, err error) {
	sum := sha256.Sum256(body)
	n, err := tx.q.exec(ctx, "INSERT INTO hooks (account_id, dedupe_id, sha256, received_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
		accountID, dedupeID, sum[:], micros(tx.s.Now()))
	if err != nil {
		return false, fmt.Errorf("record webhook: %w", err)
	}
	if n > 0 {
		return true, nil
	}
	rows, err := tx.q.query(ctx, "SELECT sha256 FROM hooks WHERE account_id = ? AND dedupe_id = ?", accountID, dedupeID)
	if err != nil {
		return false, fmt.Errorf("record webhook: %w", err)
	}
	defer rows.Close()
	var have []byte
	if rows.Next() {
		if err := rows.Scan(&have); err != nil {
			return false, fmt.Errorf("record webhook: %w", err)
		}
	}
	if string(have) != string(sum[:]) {
		return false, orderhub.Errorf(orderhub.CodeConflict, "message %q was received before with another content", dedupeID)
	}
	return false, rows.Err()
}

// ForgetHooks deletes the records of messages received before t.
func (s *Store) ForgetHooks(ctx context.Context, t time.Time) error {
	return s.InTx(ctx, func(tx *Tx) error {
		_, err := tx.q.exec(ctx, "DELETE FROM hooks WHERE received_at < ?", micros(t))
		return err
	})
}

// Hint asks for orders to be read again.
func (tx *Tx) Hint(ctx context.Context, accountID string, externalIDs []string) error {
	now := micros(tx.s.Now())
	rows := make([][]any, 0, len(externalIDs))
	// In one order, so that two transactions never wait for each other.
	for _, id := range slices.Compact(slices.Sorted(slices.Values(externalIDs))) {
		rows = append(rows, []any{accountID, id, now, now})
	}
	if err := tx.q.execMany(ctx, `INSERT INTO hints (account_id, external_id, hinted_at, next_at, attempts) VALUES (?, ?, ?, ?, 0)
		ON CONFLICT (account_id, external_id) DO UPDATE SET hinted_at = excluded.hinted_at, next_at = excluded.next_at,
		attempts = 0`, rows); err != nil {
		return fmt.Errorf("save hints: %w", err)
	}
	return nil
}

// HintRow is an order to read again.
type HintRow struct {
	ExternalID string
	HintedAt   time.Time
	Attempts   int
	// Scheme and Attrs are of the order, if the hub has it.
	Scheme orderhub.Scheme
	Attrs  map[string]string
}

// DueHints reads hints of an account that are due, oldest first.
func (s *Store) DueHints(ctx context.Context, accountID string, limit int) ([]HintRow, error) {
	rows, err := s.engine.reader().query(ctx, `SELECT h.external_id, h.hinted_at, h.attempts, COALESCE(o.scheme, ''), COALESCE(o.data, '{}')
		FROM hints h LEFT JOIN orders o ON o.account_id = h.account_id AND o.external_id = h.external_id
		WHERE h.account_id = ? AND h.next_at <= ? ORDER BY h.hinted_at, h.external_id LIMIT ?`, accountID, micros(s.Now()), limit)
	if err != nil {
		return nil, fmt.Errorf("read hints: %w", err)
	}
	defer rows.Close()
	var out []HintRow
	for rows.Next() {
		var h HintRow
		var at int64
		var scheme, data string
		if err := rows.Scan(&h.ExternalID, &at, &h.Attempts, &scheme, &data); err != nil {
			return nil, fmt.Errorf("read hints: %w", err)
		}
		var snap struct {
			Attrs map[string]string `json:"attrs"`
		}
		if err := json.Unmarshal([]byte(data), &snap); err != nil {
			return nil, fmt.Errorf("read hints: %w", err)
		}
		h.HintedAt, h.Scheme, h.Attrs = fromMicros(at), orderhub.Scheme(scheme), snap.Attrs
		out = append(out, h)
	}
	return out, rows.Err()
}

// inOrder sorts hints as Hint does.
func inOrder(hints []HintRow) []HintRow {
	return slices.SortedFunc(slices.Values(hints), func(a, b HintRow) int { return strings.Compare(a.ExternalID, b.ExternalID) })
}

// DoneHints removes hints that were read, unless the same order was hinted at
// again meanwhile.
func (tx *Tx) DoneHints(ctx context.Context, accountID string, hints []HintRow) error {
	rows := make([][]any, 0, len(hints))
	for _, h := range inOrder(hints) {
		rows = append(rows, []any{accountID, h.ExternalID, micros(h.HintedAt)})
	}
	if err := tx.q.execMany(ctx, "DELETE FROM hints WHERE account_id = ? AND external_id = ? AND hinted_at = ?", rows); err != nil {
		return fmt.Errorf("finish hints: %w", err)
	}
	return nil
}

// DelayHints puts hints off until next.
func (tx *Tx) DelayHints(ctx context.Context, accountID string, hints []HintRow, next time.Time) error {
	rows := make([][]any, 0, len(hints))
	for _, h := range inOrder(hints) {
		rows = append(rows, []any{micros(next), accountID, h.ExternalID, micros(h.HintedAt)})
	}
	if err := tx.q.execMany(ctx, "UPDATE hints SET next_at = ?, attempts = attempts + 1 WHERE account_id = ? AND external_id = ? AND hinted_at = ?", rows); err != nil {
		return fmt.Errorf("put off hints: %w", err)
	}
	return nil
}
