// Package store keeps everything: the raw inbox, orders, events, effects,
// accounts and positions, on SQLite or PostgreSQL. All SQL of the hub is here
// and nowhere else. It decides nothing: what is written, and when, is decided
// in package pipeline.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/klauspost/compress/zstd"
	_ "modernc.org/sqlite" // the SQLite driver

	"github.com/orderhub/orderhub"
)

// Config says which database to open.
type Config struct {
	// DSN is "postgres://…" for PostgreSQL, else the path of a SQLite file, with or
	// without "sqlite:" or, where the path is absolute, "sqlite://" before it.
	DSN string
	// Secret encrypts the settings of accounts. Empty with SQLite: a key file is
	// made next to the database. Empty with PostgreSQL is an error.
	Secret string
	// MaxConns caps the connections to PostgreSQL; 0 = pool_max_conns of the
	// address, or 10.
	MaxConns int
	// Now is the clock; nil = time.Now.
	Now func() time.Time
}

// Store is the database. Safe for concurrent use.
type Store struct {
	engine engine
	file   string
	sealer *sealer
	// setupKey is what the set-up code is made of.
	setupKey []byte
	now      func() time.Time
	zip      *zstd.Encoder
	unzip    *zstd.Decoder
}

// Open connects. It does not migrate, see Migrate.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{now: cfg.Now}
	if s.now == nil {
		s.now = time.Now
	}
	var err error
	if s.zip, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest)); err != nil {
		return nil, fmt.Errorf("set up compression: %w", err)
	}
	if s.unzip, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20)); err != nil {
		return nil, fmt.Errorf("set up compression: %w", err)
	}
	if isPostgres(cfg.DSN) {
		err = s.openPostgres(ctx, cfg)
	} else {
		err = s.openSQLite(ctx, cfg)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func isPostgres(dsn string) bool {
	return strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
}

// File is the path of the SQLite file; "" with PostgreSQL. What lies beside the
// database is named after it.
func (s *Store) File() string { return s.file }

// sqliteFile is the path that a DSN names.
func sqliteFile(dsn string) (string, error) {
	path, prefixed := strings.CutPrefix(dsn, "sqlite:")
	if rest, slashes := strings.CutPrefix(path, "//"); prefixed && slashes {
		if !filepath.IsAbs(rest) {
			return "", orderhub.InvalidField("database", "behind sqlite:// comes an absolute path, like sqlite:///var/lib/orderhub.db; for one below this folder write sqlite:orderhub.db")
		}
		path = rest
	}
	switch scheme, _, other := strings.Cut(path, "://"); {
	case path == "":
		return "", orderhub.InvalidField("database", "no database given: want a file path or postgres://…")
	case other:
		return "", orderhub.InvalidField("database", "%.20q is not known; want a file path, sqlite:path or postgres://…", scheme+"://")
	}
	return path, nil
}

func (s *Store) openPostgres(ctx context.Context, cfg Config) error {
	if cfg.Secret == "" {
		return orderhub.Errorf(orderhub.CodeInvalid,
			"PostgreSQL needs ORDERHUB_SECRET: a long random text that encrypts the keys of your accounts; keep it, without it they cannot be read")
	}
	pc, err := pgxpool.ParseConfig(cfg.DSN)
	if err != nil {
		// pgx repeats the DSN in its error, password and all.
		return orderhub.Errorf(orderhub.CodeInvalid, "the PostgreSQL address cannot be read; want postgres://user:password@host:5432/database")
	}
	switch {
	case cfg.MaxConns > 0:
		pc.MaxConns = int32(max(4, cfg.MaxConns))
	case !strings.Contains(cfg.DSN, "pool_max_conns"):
		pc.MaxConns = 10
	}
	pc.ConnConfig.RuntimeParams["timezone"] = "UTC"
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	s.engine, s.sealer, s.setupKey = &postgres{pool: pool}, newSealer(cfg.Secret), setupKey(cfg.Secret)
	return nil
}

func (s *Store) openSQLite(ctx context.Context, cfg Config) error {
	path, err := sqliteFile(cfg.DSN)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the folder of the database: %w", err)
	}
	secret := cfg.Secret
	if secret == "" {
		if secret, err = keyFile(path + ".key"); err != nil {
			return err
		}
	}
	// Buyers' data is for its owner only; SQLite gives its side files the same mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator chose the path
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	// One writing connection: SQLite has one writer anyway, and waiting in Go is
	// fair and cheap. FULL: what was answered with 200 survives a power cut.
	write, err := sql.Open("sqlite", sqliteDSN(path, "_txlock=immediate", "_pragma=synchronous(FULL)"))
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	write.SetMaxOpenConns(1)
	write.SetConnMaxLifetime(0)
	if err := write.PingContext(ctx); err != nil {
		_ = write.Close()
		return fmt.Errorf("open %s: %w", path, err)
	}
	read, err := sql.Open("sqlite", sqliteDSN(path, "_pragma=query_only(1)"))
	if err != nil {
		_ = write.Close()
		return fmt.Errorf("open %s: %w", path, err)
	}
	read.SetMaxOpenConns(max(4, runtime.NumCPU()))
	read.SetMaxIdleConns(4)
	s.file = path
	s.engine, s.sealer, s.setupKey = newSQLite(write, read), newSealer(secret), setupKey(secret)
	return nil
}

func sqliteDSN(path string, options ...string) string {
	options = append(options, "_pragma=busy_timeout(15000)", "_pragma=journal_mode(WAL)", "_pragma=foreign_keys(1)",
		"_pragma=cache_size(-16000)", "_pragma=temp_store(MEMORY)", "_pragma=wal_autocheckpoint(2000)")
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: strings.Join(options, "&")}
	return u.String()
}

// Close lets go of the database.
func (s *Store) Close() error {
	s.unzip.Close()
	return errors.Join(s.zip.Close(), s.engine.close())
}

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	rows, err := s.engine.reader().query(ctx, "SELECT 1")
	if err != nil {
		return fmt.Errorf("ping the database: %w", err)
	}
	rows.Close()
	return nil
}

// Engine names the engine: "sqlite" or "postgres".
func (s *Store) Engine() string { return s.engine.name() }

// Now is the store's clock.
func (s *Store) Now() time.Time { return s.now().UTC() }

// txTries is how often a transaction is tried that PostgreSQL ended because it and
// another one waited for each other.
const txTries = 4

// InTx runs f in one transaction: everything or nothing. f must use tx only, and
// begin anew each time it is called: a transaction that the engine ended to free
// another one is tried again.
func (s *Store) InTx(ctx context.Context, f func(tx *Tx) error) error {
	for try := 1; ; try++ {
		err := s.engine.inTx(ctx, func(q querier) error { return f(&Tx{s: s, q: q}) })
		if try == txTries || !isDeadlock(err) || ctx.Err() != nil {
			return err
		}
	}
}

// isDeadlock reports whether the engine ended the transaction for the sake of
// another one: the same again may go well.
func isDeadlock(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && (pe.Code == "40P01" || pe.Code == "40001")
}

// Tx is a transaction. Its methods are beside the tables they write.
type Tx struct {
	s *Store
	q querier
	// cause is what the events come from that this transaction adds.
	cause orderhub.RuleCause
}

// micros writes a time for the database; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// fromMicros reads a time of the database.
func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
