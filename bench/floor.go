package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// floorTables are the tables that accepting an order writes.
var floorTables = []string{"inbox", "orders", "lines", "terms", "events", "river_job"}

// keyColumns tell which order (or raw answer) a row belongs to.
var keyColumns = map[string]string{"inbox": "id", "orders": "id", "lines": "order_id", "terms": "order_id", "events": "order_id"}

// rowset is the rows of one table, cut into the batches they were written in.
type rowset struct {
	table   string
	columns []string
	batches [][][]any
}

// readBack reads what the pipeline wrote, cut into batches: the floor writes
// exactly these rows again.
func (db *database) readBack(ctx context.Context, size int) ([]rowset, error) {
	var out []rowset
	for _, table := range floorTables {
		set := rowset{table: table}
		rows, err := db.read(ctx, &set)
		if err != nil {
			return nil, fmt.Errorf("read %s back: %w", table, err)
		}
		set.cut(rows, size)
		out = append(out, set)
	}
	return out, nil
}

// cut distributes rows, ordered by key, over the batches. Rows without a key
// (jobs) go one to a batch.
func (set *rowset) cut(rows [][]any, size int) {
	key := -1
	for i, c := range set.columns {
		if c == keyColumns[set.table] {
			key = i
		}
	}
	for i, r := range rows {
		batch := i
		if key >= 0 {
			batch = int(r[key].(int64)-rows[0][key].(int64)) / size
		}
		for len(set.batches) <= batch {
			set.batches = append(set.batches, nil)
		}
		set.batches[batch] = append(set.batches[batch], r)
	}
}

func (set *rowset) batch(i int) [][]any {
	if i >= len(set.batches) {
		return nil
	}
	return set.batches[i]
}

// read reads all rows of a table and fills in its columns.
func (db *database) read(ctx context.Context, set *rowset) ([][]any, error) {
	order := keyColumns[set.table]
	if order == "" {
		order = "id"
	}
	if pool := db.PgPool(); pool != nil {
		query := "SELECT * FROM " + set.table + " ORDER BY " + order
		if set.table == "river_job" {
			// Its types are River's: one column of JSON stands for the row.
			query = "SELECT to_jsonb(j)::text FROM river_job j ORDER BY id"
		}
		rows, err := pool.Query(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, f := range rows.FieldDescriptions() {
			set.columns = append(set.columns, f.Name)
		}
		return pgx.CollectRows(rows, func(r pgx.CollectableRow) ([]any, error) { return r.Values() })
	}
	rows, err := db.SQLDB().QueryContext(ctx, "SELECT * FROM "+set.table+" ORDER BY "+order)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if set.columns, err = rows.Columns(); err != nil {
		return nil, err
	}
	var out [][]any
	for rows.Next() {
		row, into := make([]any, len(set.columns)), make([]any, len(set.columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// floor writes the rows into a fresh database, one transaction per batch, no
// logic, and tells how long it took. withIndexes tells whether the tables keep
// their secondary indexes.
func (b *run) floor(ctx context.Context, engine string, account orderhub.Account, sets []rowset, withIndexes bool) (took time.Duration, err error) {
	err = b.withDatabase(ctx, engine, func(db *database) error {
		if !withIndexes {
			if _, err := db.dropIndexes(ctx); err != nil {
				return err
			}
		}
		if _, err := db.CreateAccount(ctx, account); err != nil {
			return err
		}
		began := time.Now()
		err := b.write(ctx, db, sets)
		took = time.Since(began)
		return err
	})
	return took, err
}

// write writes the rows batch by batch.
func (b *run) write(ctx context.Context, db *database, sets []rowset) error {
	w, err := newFloorWriter(ctx, db, sets)
	if err != nil {
		return err
	}
	for i := range len(sets[0].batches) {
		if err := db.InTx(ctx, func(tx *store.Tx) error {
			for _, set := range sets {
				if err := w.insert(ctx, tx, set, set.batch(i)); err != nil {
					return fmt.Errorf("insert into %s: %w", set.table, err)
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return w.close()
}

// floorWriter inserts rows in the fastest plain way of the engine: COPY on
// PostgreSQL, prepared statements of several rows on SQLite.
type floorWriter struct {
	prepared map[string][2]*sql.Stmt // by table: of floorRows rows, of one
}

const floorRows = 8

func newFloorWriter(ctx context.Context, db *database, sets []rowset) (*floorWriter, error) {
	w := &floorWriter{prepared: map[string][2]*sql.Stmt{}}
	if db.SQLDB() == nil {
		return w, nil
	}
	for _, set := range sets {
		row := "(" + strings.TrimSuffix(strings.Repeat("?,", len(set.columns)), ",") + ")"
		query := "INSERT INTO " + set.table + " (" + strings.Join(set.columns, ",") + ") VALUES " + row
		var pair [2]*sql.Stmt
		for i, q := range []string{query + strings.Repeat(","+row, floorRows-1), query} {
			var err error
			if pair[i], err = db.SQLDB().PrepareContext(ctx, q); err != nil { //nolint:sqlclosecheck // see close
				return nil, err
			}
		}
		w.prepared[set.table] = pair
	}
	return w, nil
}

func (w *floorWriter) insert(ctx context.Context, tx *store.Tx, set rowset, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	if pg := tx.PgTx(); pg != nil {
		return copyRows(ctx, pg, set, rows)
	}
	for len(rows) > 0 {
		n, stmt := floorRows, w.prepared[set.table][0]
		if len(rows) < n {
			n, stmt = 1, w.prepared[set.table][1]
		}
		args := make([]any, 0, n*len(set.columns))
		for _, r := range rows[:n] {
			args = append(args, r...)
		}
		if _, err := tx.SQLTx().StmtContext(ctx, stmt).ExecContext(ctx, args...); err != nil { //nolint:sqlclosecheck // closed with the transaction
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func copyRows(ctx context.Context, pg pgx.Tx, set rowset, rows [][]any) error {
	if set.table != "river_job" {
		_, err := pg.CopyFrom(ctx, pgx.Identifier{set.table}, set.columns, pgx.CopyFromRows(rows))
		return err
	}
	for _, r := range rows {
		if _, err := pg.Exec(ctx, "INSERT INTO river_job SELECT * FROM jsonb_populate_record(NULL::river_job, $1::jsonb)", r...); err != nil {
			return err
		}
	}
	return nil
}

func (w *floorWriter) close() error {
	var errs []error
	for _, pair := range w.prepared {
		errs = append(errs, pair[0].Close(), pair[1].Close())
	}
	return errors.Join(errs...)
}
