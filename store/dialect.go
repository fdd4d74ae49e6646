package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// This file is all that differs between the engines. Everywhere else the SQL is
// portable and written with ? placeholders.

// engine is a database.
type engine interface {
	name() string
	inTx(ctx context.Context, f func(q querier) error) error
	// reader runs single statements outside a transaction.
	reader() querier
	close() error
}

// querier runs statements, in a transaction or outside.
type querier interface {
	exec(ctx context.Context, query string, args ...any) (affected int64, err error)
	query(ctx context.Context, query string, args ...any) (rowset, error)
	// execMany runs one statement for each row of arguments.
	execMany(ctx context.Context, query string, rows [][]any) error
	// insert writes many rows into a table at once; a conflict fails the whole.
	insert(ctx context.Context, table string, columns []string, rows [][]any) error
	// nextIDs takes n ids of a table's own sequence.
	nextIDs(ctx context.Context, table string, n int) ([]int64, error)
	// in makes the condition "column is one of values".
	in(column string, values any) (condition string, arg any)
	// lock is the suffix that locks selected rows against other writers.
	lock() string
}

type rowset interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// errConflict tells that a unique key was hit.
var errConflict = errors.New("unique key conflict")

// ---- SQLite

type sqlite struct{ write, read *sql.DB }

func (e *sqlite) name() string    { return "sqlite" }
func (e *sqlite) reader() querier { return sqliteQuerier{db: e.read} }
func (e *sqlite) close() error    { return errors.Join(e.read.Close(), e.write.Close()) }

func (e *sqlite) inTx(ctx context.Context, f func(q querier) error) error {
	tx, err := e.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := f(sqliteQuerier{db: tx, tx: tx}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

type sqlDB interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

type sqliteQuerier struct {
	db sqlDB
	tx *sql.Tx
}

func (q sqliteQuerier) exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := q.db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, sqliteError(err)
	}
	return res.RowsAffected()
}

func (q sqliteQuerier) query(ctx context.Context, query string, args ...any) (rowset, error) {
	rows, err := q.db.QueryContext(ctx, query, args...) //nolint:rowserrcheck,sqlclosecheck // the caller of query closes and checks
	if err != nil {
		return nil, sqliteError(err)
	}
	return sqliteRows{rows}, nil
}

func (q sqliteQuerier) execMany(ctx context.Context, query string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	stmt, err := q.db.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for _, args := range rows {
		if _, err := stmt.ExecContext(ctx, args...); err != nil {
			return sqliteError(err)
		}
	}
	return nil
}

// sqliteParams caps the parameters of one statement, below SQLite's 32,766.
const sqliteParams = 8000

func (q sqliteQuerier) insert(ctx context.Context, table string, columns []string, rows [][]any) error {
	perStatement := max(1, sqliteParams/len(columns))
	for len(rows) > 0 {
		n := min(perStatement, len(rows))
		args := make([]any, 0, n*len(columns))
		for _, r := range rows[:n] {
			args = append(args, r...)
		}
		if _, err := q.exec(ctx, insertSQL(table, columns, n), args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func (q sqliteQuerier) nextIDs(ctx context.Context, table string, n int) ([]int64, error) {
	// Inside an immediate transaction nobody else writes: the next ids are ours,
	// and the inserts that follow move the sequence on.
	var last int64
	row, err := q.query(ctx, "SELECT seq FROM sqlite_sequence WHERE name = ?", table)
	if err != nil {
		return nil, err
	}
	defer row.Close()
	if row.Next() {
		if err := row.Scan(&last); err != nil {
			return nil, err
		}
	}
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = last + int64(i) + 1
	}
	return ids, row.Err()
}

func (q sqliteQuerier) in(column string, values any) (string, any) {
	list, err := json.Marshal(values)
	if err != nil {
		list = []byte("[]")
	}
	return column + " IN (SELECT value FROM json_each(?))", string(list)
}

func (q sqliteQuerier) lock() string { return "" }

type sqliteRows struct{ *sql.Rows }

func (r sqliteRows) Close() { _ = r.Rows.Close() }

func sqliteError(err error) error {
	if strings.Contains(err.Error(), "UNIQUE constraint failed") || strings.Contains(err.Error(), "PRIMARY KEY constraint failed") {
		return fmt.Errorf("%w: %w", errConflict, err)
	}
	return err
}

// ---- PostgreSQL

type postgres struct{ pool *pgxpool.Pool }

func (e *postgres) name() string    { return "postgres" }
func (e *postgres) reader() querier { return pgQuerier{db: e.pool} }

func (e *postgres) close() error {
	e.pool.Close()
	return nil
}

func (e *postgres) inTx(ctx context.Context, f func(q querier) error) error {
	tx, err := e.pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if err := f(pgQuerier{db: tx, tx: tx}); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

type pgDB interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error)
}

type pgQuerier struct {
	db pgDB
	tx pgx.Tx
}

func (q pgQuerier) exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := q.db.Exec(ctx, rebind(query), args...)
	return tag.RowsAffected(), pgError(err)
}

func (q pgQuerier) query(ctx context.Context, query string, args ...any) (rowset, error) {
	rows, err := q.db.Query(ctx, rebind(query), args...)
	return rows, pgError(err)
}

func (q pgQuerier) execMany(ctx context.Context, query string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	var b pgx.Batch
	for _, args := range rows {
		b.Queue(rebind(query), args...)
	}
	return pgError(q.db.SendBatch(ctx, &b).Close())
}

// copyFrom is where COPY becomes cheaper than one INSERT.
const copyFrom = 4

func (q pgQuerier) insert(ctx context.Context, table string, columns []string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	if len(rows) < copyFrom {
		return q.execMany(ctx, insertSQL(table, columns, 1), rows)
	}
	_, err := q.db.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromRows(rows))
	return pgError(err)
}

func (q pgQuerier) nextIDs(ctx context.Context, table string, n int) ([]int64, error) {
	rows, err := q.query(ctx, "SELECT nextval(pg_get_serial_sequence(?, 'id')) FROM generate_series(1, ?)", table, n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	ids := make([]int64, 0, n)
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

func (q pgQuerier) in(column string, values any) (string, any) { return column + " = ANY(?)", values }

// lock is NO KEY UPDATE: FOR UPDATE would deadlock with the foreign keys of
// lines and events.
func (q pgQuerier) lock() string { return " FOR NO KEY UPDATE" }

func pgError(err error) error {
	var pe *pgconn.PgError
	if errors.As(err, &pe) && pe.Code == "23505" {
		return fmt.Errorf("%w: %w", errConflict, err)
	}
	return err
}

// ---- both

var rebound sync.Map // query with ? → query with $n

// rebind turns ? into $1, $2, …. No statement of ours has a literal ?.
func rebind(query string) string {
	if s, ok := rebound.Load(query); ok {
		return s.(string)
	}
	var b strings.Builder
	n := 0
	for _, c := range query {
		if c == '?' {
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
			continue
		}
		b.WriteRune(c)
	}
	rebound.Store(query, b.String())
	return b.String()
}

func insertSQL(table string, columns []string, rows int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?,", len(columns)), ",") + ")"
	return "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES " +
		strings.TrimSuffix(strings.Repeat(row+",", rows), ",")
}

// SQLTx is the open database/sql transaction on SQLite, nil on PostgreSQL; PgTx
// the other way round. Package jobs inserts its rows there.
func (tx *Tx) SQLTx() *sql.Tx {
	if q, ok := tx.q.(sqliteQuerier); ok {
		return q.tx
	}
	return nil
}

// PgTx is the open pgx transaction on PostgreSQL, nil on SQLite.
func (tx *Tx) PgTx() pgx.Tx {
	if q, ok := tx.q.(pgQuerier); ok {
		return q.tx
	}
	return nil
}

// SQLDB is the writing connection on SQLite, nil on PostgreSQL; for package jobs.
func (s *Store) SQLDB() *sql.DB {
	if e, ok := s.engine.(*sqlite); ok {
		return e.write
	}
	return nil
}

// PgPool is the pool on PostgreSQL, nil on SQLite; for package jobs.
func (s *Store) PgPool() *pgxpool.Pool {
	if e, ok := s.engine.(*postgres); ok {
		return e.pool
	}
	return nil
}
