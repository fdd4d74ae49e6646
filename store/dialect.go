package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
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
	// learn lets the engine look at its tables again after many rows came at once:
	// plans made for empty tables are bad ones.
	learn(ctx context.Context) error
	// settledEvents gives an id up to which the events are complete: nobody will
	// commit a smaller one any more. ok is false while somebody may for long.
	settledEvents(ctx context.Context) (id int64, ok bool, err error)
	// snapshot runs readings that see the same moment.
	snapshot(ctx context.Context, f func(q querier) error) error
	close() error
}

// querier runs statements, in a transaction or outside.
type querier interface {
	exec(ctx context.Context, query string, args ...any) (affected int64, err error)
	query(ctx context.Context, query string, args ...any) (rowset, error)
	// execMany runs one statement for each row of arguments.
	execMany(ctx context.Context, query string, rows [][]any) error
	// update writes columns of many rows, found by their key: each row is the values
	// of the columns, then of the key.
	update(ctx context.Context, table string, columns, key []string, rows [][]any) error
	// insert writes many rows into a table at once; a conflict fails the whole.
	insert(ctx context.Context, table string, columns []string, rows [][]any) error
	// nextIDs takes n ids of a table's own sequence.
	nextIDs(ctx context.Context, table string, n int) ([]int64, error)
	// in makes the condition "column is one of values".
	in(column string, values any) (condition string, arg any)
	// inEach makes the condition "id is what the subquery finds for one of
	// values", where the subquery calls the value k.value. Its own arguments come
	// before arg.
	inEach(subquery string, values []string) (condition string, arg any)
	// forEach makes a table of the rows that have one of values in a column, looked
	// up one value after the other whatever the planner thinks of their number.
	forEach(table, column string, values any) (rows string, arg any)
	// inQuery makes the condition "column is in what the subquery finds", a step
	// that is done first and not woven into the rest.
	inQuery(column, subquery string) (condition string)
	// unindexed writes a text column so that no index is chosen by it where
	// another is the better one, if the engine has to be told.
	unindexed(column string) string
	// by names the index to read a table by, behind the table, if the engine has to be
	// told: it would sort what the index holds in order.
	by(index string) string
	// lock is the suffix that locks selected rows against other writers.
	lock() string
	// writesEvents tells settledEvents of this transaction; before ids are taken.
	writesEvents(ctx context.Context) error
	// lockWords lets one transaction at a time go on with a word, until its end. The
	// words are sorted.
	lockWords(ctx context.Context, words []string) error
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

type sqlite struct {
	write, read         *sql.DB
	writeStmt, readStmt *statements
}

func newSQLite(write, read *sql.DB) *sqlite {
	return &sqlite{write: write, read: read, writeStmt: newStatements(write), readStmt: newStatements(read)}
}

func (e *sqlite) name() string    { return "sqlite" }
func (e *sqlite) reader() querier { return sqliteQuerier{db: e.read, stmts: e.readStmt} }
func (e *sqlite) close() error    { return errors.Join(e.read.Close(), e.write.Close()) }

func (e *sqlite) inTx(ctx context.Context, f func(q querier) error) error {
	// Here, because the transaction will hold the one connection.
	if err := e.writeStmt.compile(ctx); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	tx, err := e.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := f(sqliteQuerier{db: tx, tx: tx, stmts: e.writeStmt}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (e *sqlite) learn(ctx context.Context) error {
	_, err := e.write.ExecContext(ctx, "PRAGMA optimize")
	return err
}

func (e *sqlite) settledEvents(ctx context.Context) (int64, bool, error) {
	id, err := lastEvent(ctx, e.reader())
	return id, true, err
}

func (e *sqlite) snapshot(ctx context.Context, f func(q querier) error) error {
	if err := e.readStmt.compile(ctx); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	tx, err := e.read.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	return f(sqliteQuerier{db: tx, tx: tx, stmts: e.readStmt})
}

type sqlDB interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

type sqliteQuerier struct {
	db    sqlDB
	tx    *sql.Tx // nil outside a transaction
	stmts *statements
}

// stmt gives the compiled statement, nil when there is none yet. While its rows
// are open it cannot run a second time in the same transaction.
func (q sqliteQuerier) stmt(ctx context.Context, query string) *sql.Stmt {
	s := q.stmts.find(query)
	if q.tx != nil {
		if s == nil {
			return nil
		}
		return q.tx.StmtContext(ctx, s)
	}
	if s == nil && q.stmts.compile(ctx) == nil {
		s = q.stmts.find(query)
	}
	return s
}

func (q sqliteQuerier) exec(ctx context.Context, query string, args ...any) (affected int64, err error) {
	var res sql.Result
	if stmt := q.stmt(ctx, query); stmt != nil { //nolint:sqlclosecheck // closed with the transaction; compiled ones live as long as the store
		res, err = stmt.ExecContext(ctx, args...)
	} else {
		res, err = q.db.ExecContext(ctx, query, args...)
	}
	if err != nil {
		return 0, sqliteError(err)
	}
	return res.RowsAffected()
}

func (q sqliteQuerier) query(ctx context.Context, query string, args ...any) (rowset, error) {
	var rows *sql.Rows
	var err error
	if stmt := q.stmt(ctx, query); stmt != nil { //nolint:sqlclosecheck // closed with the transaction; compiled ones live as long as the store
		rows, err = stmt.QueryContext(ctx, args...) //nolint:rowserrcheck // the caller of query closes and checks
	} else {
		rows, err = q.db.QueryContext(ctx, query, args...) //nolint:rowserrcheck // the caller of query closes and checks
	}
	if err != nil {
		return nil, sqliteError(err)
	}
	return sqliteRows{rows}, nil
}

func (q sqliteQuerier) execMany(ctx context.Context, query string, rows [][]any) error {
	for _, args := range rows {
		if _, err := q.exec(ctx, query, args...); err != nil {
			return err
		}
	}
	return nil
}

// insertRows is how many rows one INSERT takes. More is not faster, and a fixed
// number keeps the statement the same, so that it is compiled once.
const insertRows = 8

func (q sqliteQuerier) insert(ctx context.Context, table string, columns []string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	many, one := insertSQL(table, columns, insertRows), insertSQL(table, columns, 1)
	args := make([]any, 0, insertRows*len(columns))
	for ; len(rows) >= insertRows; rows = rows[insertRows:] {
		args = args[:0]
		for _, r := range rows[:insertRows] {
			args = append(args, r...)
		}
		if _, err := q.exec(ctx, many, args...); err != nil {
			return err
		}
	}
	return q.execMany(ctx, one, rows)
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

// list makes a nil slice an empty one: NULL is neither in a list nor not in it.
func list(values any) any {
	if v := reflect.ValueOf(values); v.Kind() == reflect.Slice && v.IsNil() {
		return reflect.MakeSlice(v.Type(), 0, 0).Interface()
	}
	return values
}

func (q sqliteQuerier) in(column string, values any) (string, any) {
	list, err := json.Marshal(list(values))
	if err != nil {
		list = []byte("[]")
	}
	return column + " IN (SELECT value FROM json_each(?))", string(list)
}

func (q sqliteQuerier) inEach(subquery string, values []string) (string, any) {
	_, list := q.in("", values)
	return "id IN (SELECT (" + subquery + ") FROM json_each(?) k)", list
}

func (q sqliteQuerier) forEach(table, column string, values any) (string, any) {
	_, list := q.in("", values)
	return "(SELECT t.* FROM json_each(?) k CROSS JOIN " + table + " t ON t." + column + " = k.value)", list
}

func (q sqliteQuerier) inQuery(column, subquery string) string {
	return column + " IN (" + subquery + ")"
}

func (q sqliteQuerier) unindexed(column string) string { return column }

func (q sqliteQuerier) by(index string) string { return " INDEXED BY " + index }

func (q sqliteQuerier) lock() string { return "" }

// One writer at a time: ids appear in their order.
func (q sqliteQuerier) writesEvents(context.Context) error { return nil }

func (q sqliteQuerier) lockWords(context.Context, []string) error { return nil }

// statements keeps statements compiled: with SQLite compiling a statement often
// takes longer than running it.
type statements struct {
	db *sql.DB

	mu     sync.Mutex
	ready  map[string]*sql.Stmt
	wanted map[string]bool // seen, to be compiled
}

func newStatements(db *sql.DB) *statements {
	return &statements{db: db, ready: map[string]*sql.Stmt{}, wanted: map[string]bool{}}
}

// maxStatements caps the memory of compiled statements; what comes later is
// compiled at each use.
const maxStatements = 400

// find gives the compiled statement, or nil and notes that it is wanted.
func (s *statements) find(query string) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	stmt := s.ready[query]
	if stmt == nil && len(s.ready)+len(s.wanted) < maxStatements {
		s.wanted[query] = true
	}
	return stmt
}

// compile compiles what is wanted. It needs a free connection.
func (s *statements) compile(ctx context.Context) error {
	s.mu.Lock()
	wanted := s.wanted
	s.wanted = map[string]bool{}
	s.mu.Unlock()
	for query := range wanted {
		// Without the lock: whoever holds the connection looks for statements.
		stmt, err := s.db.PrepareContext(ctx, query) //nolint:sqlclosecheck // lives as long as the store
		if err != nil && ctx.Err() != nil {
			return err
		}
		if err != nil {
			continue // its use will tell what is wrong with it
		}
		s.mu.Lock()
		if s.ready[query] == nil {
			s.ready[query] = stmt
			stmt = nil
		}
		s.mu.Unlock()
		if stmt != nil {
			_ = stmt.Close() // somebody was faster
		}
	}
	return nil
}

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

func (e *postgres) learn(ctx context.Context) error {
	_, err := e.pool.Exec(ctx, "ANALYZE products, product_barcodes, listings, publications, stock")
	return err
}

func (e *postgres) snapshot(ctx context.Context, f func(q querier) error) error {
	tx, err := e.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	return f(pgQuerier{db: tx, tx: tx})
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
	rows, err := q.db.Query(ctx, rebind(query), args...) //nolint:sqlclosecheck // the caller of query closes
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
	rows, err := q.query(ctx, "SELECT nextval(?::text::regclass) FROM generate_series(1, ?)", table+"_id_seq", n)
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

func (q pgQuerier) in(column string, values any) (string, any) {
	return column + " = ANY(?)", list(values)
}

// inEach keeps the subquery a step of its own that looks into an index once for
// each value. With a plain "account_id = ? AND external_id = ANY(?)" the planner
// may read every row of the account, as long as the new tables of a hub have
// never been analyzed.
func (q pgQuerier) inEach(subquery string, values []string) (string, any) {
	return "id = ANY(ARRAY(SELECT (" + subquery + ") FROM unnest(?::text[]) k(value)))", values
}

func (q pgQuerier) forEach(table, column string, values any) (string, any) {
	array := "bigint[]"
	if _, ok := values.([]string); ok {
		array = "text[]"
	}
	return "(SELECT t.* FROM unnest(?::" + array + ") k(value) CROSS JOIN LATERAL (SELECT * FROM " + table + " WHERE " + column + " = k.value OFFSET 0) t)", list(values)
}

func (q pgQuerier) inQuery(column, subquery string) string {
	return column + " = ANY(ARRAY(" + subquery + "))"
}

func (q pgQuerier) unindexed(column string) string { return column + " || ''" }

func (q pgQuerier) by(string) string { return "" }

// lock is NO KEY UPDATE: FOR UPDATE would deadlock with the foreign keys of
// lines and events.
func (q pgQuerier) lock() string { return " FOR NO KEY UPDATE" }

func (q pgQuerier) lockWords(ctx context.Context, words []string) error {
	_, err := q.db.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended(w, 0)) FROM unnest($1::text[]) w", words)
	return pgError(err)
}

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
