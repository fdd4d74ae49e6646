// Package storetest gives tests a fresh store on each engine: SQLite in a
// temporary folder always, PostgreSQL when ORDERHUB_TEST_POSTGRES names a server
// where databases may be created (scripts/postgres.sh starts one).
package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orderhub/orderhub/store"
)

// Env names the variable with the address of a PostgreSQL server for tests.
const Env = "ORDERHUB_TEST_POSTGRES"

// EngineEnv names the variable that leaves only one engine for tests: scripts/test.sh
// runs the halves apart.
const EngineEnv = "ORDERHUB_TEST_ENGINE"

// Engines lists the engines that tests run on.
func Engines() []string {
	if only := os.Getenv(EngineEnv); only != "" {
		return []string{only}
	}
	return []string{"sqlite", "postgres"}
}

// Each runs f on a fresh, migrated store of each engine.
func Each(t *testing.T, f func(t *testing.T, s *store.Store)) {
	t.Helper()
	for _, engine := range Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			f(t, Open(t, Config(t, engine)))
		})
	}
}

// Config makes the configuration of an empty database of the engine, gone after
// the test. It skips the test where the engine is not there.
func Config(t testing.TB, engine string) store.Config {
	t.Helper()
	if engine == "sqlite" {
		return store.Config{DSN: filepath.Join(t.TempDir(), "hub.db")}
	}
	server := os.Getenv(Env)
	if server == "" {
		t.Skipf("%s is not set: the PostgreSQL half of this test is skipped", Env)
	}
	b := make([]byte, 6)
	_, _ = rand.Read(b)
	name := "oh_" + hex.EncodeToString(b)
	admin(t, server, "CREATE DATABASE "+name)
	fresh.Store(name, true)
	t.Cleanup(func() { admin(t, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s: %v", Env, err)
	}
	u.Path = "/" + name
	return store.Config{DSN: u.String(), Secret: secret}
}

const secret = "a secret for tests only"

// fresh are the PostgreSQL databases that were never opened.
var fresh sync.Map

// Open opens and migrates a store and closes it after the test.
func Open(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	if !strings.HasPrefix(cfg.DSN, "postgres") && cfg.Secret == "" {
		copyTemplate(t, cfg.DSN)
	} else if u, err := url.Parse(cfg.DSN); err == nil && cfg.Secret == secret {
		if _, ok := fresh.LoadAndDelete(strings.TrimPrefix(u.Path, "/")); ok {
			cloneTemplate(t, strings.TrimPrefix(u.Path, "/"))
		}
	}
	s, err := store.Open(context.Background(), cfg)
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Migrate(context.Background()); err != nil {
		t.Fatalf("migrate store: %v", err)
	}
	return s
}

// template is a migrated, empty SQLite database and its key: migrating takes
// longer than most tests.
var template = sync.OnceValues(func() (files map[string][]byte, err error) {
	dir, err := os.MkdirTemp("", "orderhub-storetest-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "hub.db")
	s, err := store.Open(context.Background(), store.Config{DSN: path})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(s.Migrate(context.Background()), s.Close()); err != nil {
		return nil, err
	}
	files = map[string][]byte{}
	for _, suffix := range []string{"", ".key"} {
		if files[suffix], err = os.ReadFile(path + suffix); err != nil { //nolint:gosec // our own temporary file
			return nil, err
		}
	}
	return files, nil
})

// copyTemplate begins a new SQLite database with the template.
func copyTemplate(t testing.TB, path string) {
	t.Helper()
	if _, err := os.Stat(path); err == nil {
		return // opened again
	}
	files, err := template()
	if err != nil {
		t.Fatalf("make a template: %v", err)
	}
	for suffix, body := range files {
		if err := os.WriteFile(path+suffix, body, 0o600); err != nil {
			t.Fatalf("copy the template: %v", err)
		}
	}
}

// cloneTemplate makes an empty PostgreSQL database anew, from one that is migrated.
func cloneTemplate(t testing.TB, name string) {
	t.Helper()
	from, err := postgresTemplate()
	if err != nil {
		t.Fatalf("make a template: %v", err)
	}
	server := os.Getenv(Env)
	admin(t, server, "DROP DATABASE "+name)
	admin(t, server, "CREATE DATABASE "+name+" TEMPLATE "+from)
}

// postgresTemplate names a migrated, empty database on the server. It is there
// once for all test processes with the same migrations, and stays.
var postgresTemplate = sync.OnceValues(func() (name string, err error) {
	sum := sha256.New()
	_, self, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(self), "..", "..")
	files, err := filepath.Glob(filepath.Join(root, "store", "migrations", "postgres", "*.sql"))
	if err != nil {
		return "", err
	}
	for _, f := range append(files, filepath.Join(root, "go.sum")) { // the job tables come with a module
		b, err := os.ReadFile(f) //nolint:gosec // the module's own files
		if err != nil {
			return "", err
		}
		_, _ = sum.Write(b)
	}
	name = "oh_template_" + hex.EncodeToString(sum.Sum(nil)[:8])
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	server := os.Getenv(Env)
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }()
	// Another process may be at it: the lock ends with the connection.
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(7239114)"); err != nil {
		return "", err
	}
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil || there {
		return name, err
	}
	making := name + "_new"
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + making, "CREATE DATABASE " + making} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return "", err
		}
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", err
	}
	u.Path = "/" + making
	s, err := store.Open(ctx, store.Config{DSN: u.String(), Secret: secret})
	if err != nil {
		return "", err
	}
	if err := errors.Join(s.Migrate(ctx), s.Close()); err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+making+" RENAME TO "+name)
	return name, err
})

func admin(t testing.TB, server, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("connect to the test server: %v", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
