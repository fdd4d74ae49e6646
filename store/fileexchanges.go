package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
)

// SaveFileExchange writes an exchange of files; one without an id is new and gets it.
func (tx *Tx) SaveFileExchange(ctx context.Context, x *orderhub.FileExchange) error {
	fresh := x.ID == 0
	if fresh {
		ids, err := tx.q.nextIDs(ctx, "file_exchanges", 1)
		if err != nil {
			return fmt.Errorf("save exchange: %w", err)
		}
		x.ID, x.CreatedAt = ids[0], tx.s.Now().Truncate(time.Microsecond)
	}
	plain, err := json.Marshal(x.Settings) //nolint:gosec // it is encrypted in the next step
	if err != nil {
		return fmt.Errorf("encode exchange: %w", err)
	}
	values := []any{x.Name, string(x.Kind), string(x.State), tx.s.sealer.seal(plain, fileContext(x.ID)), x.Position, micros(x.NextAt), micros(x.RanAt), x.Error,
		micros(x.FailingSince), micros(x.CreatedAt), micros(tx.s.Now()), x.ID}
	if fresh {
		_, err = tx.q.exec(ctx, `INSERT INTO file_exchanges (name, kind, state, settings, position, next_at, ran_at, error, error_at, created_at, updated_at, id)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, values...)
	} else {
		_, err = tx.q.exec(ctx, `UPDATE file_exchanges SET name = ?, kind = ?, state = ?, settings = ?, position = ?, next_at = ?, ran_at = ?, error = ?,
			error_at = ?, created_at = ?, updated_at = ? WHERE id = ?`, values...)
	}
	if err != nil {
		return fmt.Errorf("save exchange: %w", err)
	}
	return nil
}

func fileContext(id int64) string { return "file exchange " + strconv.FormatInt(id, 10) }

// FileExchanges lists those that were not removed, by id.
func (s *Store) FileExchanges(ctx context.Context) ([]orderhub.FileExchange, error) {
	return s.readFileExchanges(ctx, s.engine.reader(), "WHERE state <> 'removed' ORDER BY id")
}

// FileExchange reads one that was not removed.
func (s *Store) FileExchange(ctx context.Context, id int64) (orderhub.FileExchange, error) {
	return oneFileExchange(id)(s.readFileExchanges(ctx, s.engine.reader(), "WHERE id = ? AND state <> 'removed'", id))
}

// LockFileExchange reads one that was not removed, and locks it until the commit.
func (tx *Tx) LockFileExchange(ctx context.Context, id int64) (orderhub.FileExchange, error) {
	return oneFileExchange(id)(tx.s.readFileExchanges(ctx, tx.q, "WHERE id = ? AND state <> 'removed'"+tx.q.lock(), id))
}

func oneFileExchange(id int64) func([]orderhub.FileExchange, error) (orderhub.FileExchange, error) {
	return func(list []orderhub.FileExchange, err error) (orderhub.FileExchange, error) {
		if err == nil && len(list) == 0 {
			err = orderhub.Errorf(orderhub.CodeNotFound, "there is no exchange of files %d", id)
		}
		if err != nil {
			return orderhub.FileExchange{}, err
		}
		return list[0], nil
	}
}

func (s *Store) readFileExchanges(ctx context.Context, q querier, where string, args ...any) ([]orderhub.FileExchange, error) {
	rows, err := q.query(ctx, "SELECT id, name, kind, state, settings, position, next_at, ran_at, error, error_at, created_at FROM file_exchanges "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read exchanges of files: %w", err)
	}
	defer rows.Close()
	var out []orderhub.FileExchange
	for rows.Next() {
		var x orderhub.FileExchange
		var kind, state string
		var sealed []byte
		var next, ran, failing, created int64
		if err := rows.Scan(&x.ID, &x.Name, &kind, &state, &sealed, &x.Position, &next, &ran, &x.Error, &failing, &created); err != nil {
			return nil, fmt.Errorf("read exchanges of files: %w", err)
		}
		x.Kind, x.State = orderhub.FileKind(kind), orderhub.FileExchangeState(state)
		x.NextAt, x.RanAt, x.FailingSince, x.CreatedAt = fromMicros(next), fromMicros(ran), fromMicros(failing), fromMicros(created)
		plain, err := s.sealer.open(sealed, fileContext(x.ID))
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(plain, &x.Settings); err != nil {
			return nil, fmt.Errorf("read exchange of files %d: %w", x.ID, err)
		}
		out = append(out, x)
	}
	return out, rows.Err()
}

// filesDue finds exchanges of files whose time has come.
func (s *Store) filesDue(ctx context.Context) (out []int64, err error) {
	words, err := s.column(ctx, "SELECT CAST(id AS TEXT) FROM file_exchanges WHERE state = 'active' AND next_at <= ?", micros(s.Now()))
	for _, w := range words {
		id, _ := strconv.ParseInt(w, 10, 64) // it was written by the statement
		out = append(out, id)
	}
	return out, err
}

// SaveExchangedFile writes what became of a file; one without an id is new and gets it.
func (tx *Tx) SaveExchangedFile(ctx context.Context, f *orderhub.ExchangedFile) error {
	report, err := json.Marshal(f.Report)
	if err != nil {
		return fmt.Errorf("encode a report: %w", err)
	}
	if f.ID == 0 {
		ids, err := tx.q.nextIDs(ctx, "exchange_files", 1)
		if err != nil {
			return fmt.Errorf("save file: %w", err)
		}
		f.ID, f.CreatedAt = ids[0], tx.s.Now().Truncate(time.Microsecond)
		direction := "in"
		if f.Out {
			direction = "out"
		}
		if err := tx.q.insert(ctx, "exchange_files", []string{"id", "exchange_id", "name", "direction", "digest", "state", "row_count", "bad", "error", "report",
			"created_at", "finished_at"}, [][]any{{f.ID, f.ExchangeID, f.Name, direction, f.Digest, string(f.State), f.Rows, f.Bad, f.Error, string(report),
			micros(f.CreatedAt), micros(f.FinishedAt)}}); err != nil {
			return fmt.Errorf("save file: %w", err)
		}
		return nil
	}
	if _, err := tx.q.exec(ctx, "UPDATE exchange_files SET state = ?, row_count = ?, bad = ?, error = ?, report = ?, finished_at = ? WHERE id = ?",
		string(f.State), f.Rows, f.Bad, f.Error, string(report), micros(f.FinishedAt), f.ID); err != nil {
		return fmt.Errorf("save file: %w", err)
	}
	return nil
}

// LastExchangedFile finds the newest file of a name that came in; ok is false when
// there was none.
func (s *Store) LastExchangedFile(ctx context.Context, exchangeID int64, name string) (f orderhub.ExchangedFile, ok bool, err error) {
	list, err := s.readExchangedFiles(ctx, "WHERE exchange_id = ? AND direction = 'in' AND name = ? ORDER BY id DESC LIMIT 1", exchangeID, name)
	if err != nil || len(list) == 0 {
		return f, false, err
	}
	return list[0], true, nil
}

// ExchangedFiles lists files of an exchange, newest first; before continues a list.
func (s *Store) ExchangedFiles(ctx context.Context, exchangeID, before int64, limit int) ([]orderhub.ExchangedFile, error) {
	if before <= 0 {
		before = 1<<63 - 1
	}
	return s.readExchangedFiles(ctx, "WHERE exchange_id = ? AND id < ? ORDER BY id DESC LIMIT ?", exchangeID, before, limit)
}

// BadFiles lists files with something wrong that came in since a moment.
func (s *Store) BadFiles(ctx context.Context, since time.Time) ([]orderhub.ExchangedFile, error) {
	return s.readExchangedFiles(ctx, "WHERE direction = 'in' AND created_at > ? AND (state = 'failed' OR bad > 0) ORDER BY id LIMIT 100", micros(since))
}

func (s *Store) readExchangedFiles(ctx context.Context, where string, args ...any) ([]orderhub.ExchangedFile, error) {
	rows, err := s.engine.reader().query(ctx, `SELECT id, exchange_id, name, direction, digest, state, row_count, bad, error, report, created_at, finished_at
		FROM exchange_files `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read files: %w", err)
	}
	defer rows.Close()
	var out []orderhub.ExchangedFile
	for rows.Next() {
		var f orderhub.ExchangedFile
		var direction, state, report string
		var created, finished int64
		if err := rows.Scan(&f.ID, &f.ExchangeID, &f.Name, &direction, &f.Digest, &state, &f.Rows, &f.Bad, &f.Error, &report, &created, &finished); err != nil {
			return nil, fmt.Errorf("read files: %w", err)
		}
		if report != "" {
			if err := json.Unmarshal([]byte(report), &f.Report); err != nil {
				return nil, fmt.Errorf("read file %d: %w", f.ID, err)
			}
		}
		f.Out, f.State, f.CreatedAt, f.FinishedAt = direction == "out", orderhub.ExchangedState(state), fromMicros(created), fromMicros(finished)
		out = append(out, f)
	}
	return out, rows.Err()
}
