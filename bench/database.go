package bench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orderhub/orderhub/store"
)

// database is a throw-away database with the hub's schema.
type database struct {
	*store.Store
}

// withDatabase makes a migrated database, hands it to f and removes it.
func (b *run) withDatabase(ctx context.Context, engine string, f func(db *database) error) error {
	cfg, remove, err := b.create(ctx, engine)
	if err != nil {
		return err
	}
	defer remove()
	s, err := store.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	if err := s.Migrate(ctx); err != nil {
		return err
	}
	return f(&database{s})
}

func (b *run) create(ctx context.Context, engine string) (cfg store.Config, remove func(), err error) {
	if engine == "sqlite" {
		dir, err := os.MkdirTemp(b.opts.Dir, "orderhub-bench-")
		if err != nil {
			return cfg, nil, fmt.Errorf("make a folder: %w", err)
		}
		return store.Config{DSN: filepath.Join(dir, "hub.db")}, func() { _ = os.RemoveAll(dir) }, nil
	}
	u, err := url.Parse(b.opts.PostgresDSN)
	if err != nil {
		return cfg, nil, errors.New("the PostgreSQL address cannot be read") // the error repeats the password
	}
	random := make([]byte, 6)
	_, _ = rand.Read(random)
	name := "orderhub_bench_" + hex.EncodeToString(random)
	if err := b.admin(ctx, "CREATE DATABASE "+name); err != nil {
		return cfg, nil, fmt.Errorf("make a database: %w", err)
	}
	remove = func() {
		// Also after the run was broken off.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if err := b.admin(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			fmt.Fprintf(b.out, "the database %s could not be removed: %v\n", name, err)
		}
	}
	u.Path = "/" + name
	return store.Config{DSN: u.String(), Secret: "the bench keeps no secrets"}, remove, nil
}

func (b *run) admin(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, b.opts.PostgresDSN)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.Exec(ctx, statement)
	return err
}

// facts tells the version of the engine and how durable its commits are.
func (db *database) facts(ctx context.Context) (version, durability string, err error) {
	if pool := db.PgPool(); pool != nil {
		var fsync, sync, pages, buffers string
		if err := pool.QueryRow(ctx, `SELECT current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit'),
			current_setting('full_page_writes'), current_setting('shared_buffers')`).Scan(&version, &fsync, &sync, &pages, &buffers); err != nil {
			return "", "", fmt.Errorf("read settings: %w", err)
		}
		durability = fmt.Sprintf("fsync %s, synchronous_commit %s, full_page_writes %s, shared_buffers %s", fsync, sync, pages, buffers)
		if fsync != "on" || sync != "on" {
			durability += " — NOT DURABLE: these figures say nothing about production"
		}
		version, _, _ = strings.Cut(version, " ")
		return version, durability, nil
	}
	var journal string
	var synchronous int
	row := db.SQLDB().QueryRowContext(ctx, "SELECT sqlite_version(), (SELECT journal_mode FROM pragma_journal_mode), (SELECT synchronous FROM pragma_synchronous)")
	if err := row.Scan(&version, &journal, &synchronous); err != nil {
		return "", "", fmt.Errorf("read settings: %w", err)
	}
	return version, fmt.Sprintf("journal_mode %s, synchronous %s", journal, []string{"OFF", "NORMAL", "FULL", "EXTRA"}[synchronous&3]), nil
}

// exec runs a statement that has no parameters.
func (db *database) exec(ctx context.Context, statement string) error {
	var err error
	if pool := db.PgPool(); pool != nil {
		_, err = pool.Exec(ctx, statement)
	} else {
		_, err = db.SQLDB().ExecContext(ctx, statement)
	}
	if err != nil {
		return fmt.Errorf("%.60s: %w", statement, err)
	}
	return nil
}

// index is a secondary index: none of a key.
type index struct{ name, create string }

// secondaryIndexes lists the indexes of the hub's tables that can be dropped.
func (db *database) secondaryIndexes(ctx context.Context) ([]index, error) {
	if pool := db.PgPool(); pool != nil {
		rows, err := pool.Query(ctx, `SELECT indexname, indexdef FROM pg_indexes i WHERE schemaname = 'public' AND tablename = ANY($1)
			AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname) ORDER BY indexname`, floorTables)
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, func(r pgx.CollectableRow) (i index, err error) { return i, r.Scan(&i.name, &i.create) })
	}
	rows, err := db.SQLDB().QueryContext(ctx, "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('"+
		strings.Join(floorTables, "','")+"') ORDER BY name")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []index
	for rows.Next() {
		var i index
		if err := rows.Scan(&i.name, &i.create); err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, rows.Err()
}

// dropIndexes drops the secondary indexes and returns them.
func (db *database) dropIndexes(ctx context.Context) ([]index, error) {
	list, err := db.secondaryIndexes(ctx)
	if err != nil {
		return nil, fmt.Errorf("list indexes: %w", err)
	}
	for _, i := range list {
		if err := db.exec(ctx, "DROP INDEX "+i.name); err != nil {
			return nil, err
		}
	}
	return list, nil
}
