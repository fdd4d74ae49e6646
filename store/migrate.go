package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/orderhub/orderhub"
)

//go:embed migrations
var migrations embed.FS

// Migrate brings the schema (ours and River's) to this binary's version. A
// database that a newer binary has already migrated is refused and not touched.
// Several processes may call it at once.
func (s *Store) Migrate(ctx context.Context) error {
	p, db, err := s.provider()
	if err != nil {
		return err
	}
	if db != nil {
		defer func() { _ = db.Close() }()
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	if have > want {
		return orderhub.Errorf(orderhub.CodeConflict,
			"the database is at schema %d, this binary knows only up to %d: it was used by a newer orderhub; start that one, or restore a backup", have, want)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate the schema: %w", err)
	}
	if err := s.migrateJobs(ctx); err != nil {
		return fmt.Errorf("migrate the job tables: %w", err)
	}
	return s.checkKey(ctx)
}

// SchemaVersion tells the version of the database and of this binary.
func (s *Store) SchemaVersion(ctx context.Context) (have, want int64, err error) {
	p, db, err := s.provider()
	if err != nil {
		return 0, 0, err
	}
	if db != nil {
		defer func() { _ = db.Close() }()
	}
	return p.GetVersions(ctx)
}

// provider makes a goose provider; db is to be closed by the caller if not nil.
func (s *Store) provider() (p *goose.Provider, db *sql.DB, err error) {
	dialect, dir := goose.DialectSQLite3, "migrations/sqlite"
	var opts []goose.ProviderOption
	use := s.SQLDB()
	if pool := s.PgPool(); pool != nil {
		dialect, dir = goose.DialectPostgres, "migrations/postgres"
		db = stdlib.OpenDBFromPool(pool)
		use = db
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, nil, fmt.Errorf("set up migrations: %w", err)
		}
		opts = append(opts, goose.WithSessionLocker(locker))
	}
	files, err := fs.Sub(migrations, dir)
	if err != nil {
		return nil, nil, fmt.Errorf("read migrations: %w", err)
	}
	p, err = goose.NewProvider(dialect, use, files, opts...)
	if err != nil {
		return nil, nil, fmt.Errorf("set up migrations: %w", err)
	}
	return p, db, nil
}

// jobsLock is the advisory lock of the job tables' migration, any number that
// nothing else uses.
const jobsLock = 0x6f7264657268

func (s *Store) migrateJobs(ctx context.Context) error {
	if pool := s.PgPool(); pool != nil {
		// River takes no lock of its own: two first starts at once would both
		// make its tables.
		conn, err := pool.Acquire(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", jobsLock); err != nil {
			return err
		}
		defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", jobsLock) }()
		m, err := rivermigrate.New(riverpgxv5.New(pool), nil)
		if err != nil {
			return err
		}
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
		return err
	}
	m, err := rivermigrate.New(riversqlite.New(s.SQLDB()), nil)
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// checkKey finds out at start whether the secret is the one the settings were
// saved with, not when the first account is opened.
func (s *Store) checkKey(ctx context.Context) error {
	return s.InTx(ctx, func(tx *Tx) error {
		const name = "key_check"
		sealed, err := meta(ctx, tx.q, name)
		if err != nil {
			return err
		}
		if sealed != "" {
			_, err := s.sealer.open([]byte(sealed), name)
			return err
		}
		return tx.setMeta(ctx, name, string(s.sealer.seal([]byte("orderhub"), name)))
	})
}
