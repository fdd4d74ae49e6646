package store

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
)

// TestMigrationParity compares the two engines' migrations: same files, same
// tables, columns and indexes, in the same order.
func TestMigrationParity(t *testing.T) {
	t.Parallel()
	lite, pg := schemaOf(t, "sqlite"), schemaOf(t, "postgres")
	if !slices.Equal(lite, pg) {
		for i := range max(len(lite), len(pg)) {
			a, b := "(nothing)", "(nothing)"
			if i < len(lite) {
				a = lite[i]
			}
			if i < len(pg) {
				b = pg[i]
			}
			if a != b {
				t.Fatalf("schemas part ways: sqlite has %q, postgres has %q", a, b)
			}
		}
	}
	if len(lite) < 100 {
		t.Fatalf("found only %d schema items: the comparison is blind", len(lite))
	}
}

var (
	tableLine  = regexp.MustCompile(`^CREATE TABLE (\w+)`)
	columnLine = regexp.MustCompile(`^  (\w+)\s+(TEXT|INTEGER|BIGINT|BLOB|BYTEA)`)
	otherLine  = regexp.MustCompile(`^(CREATE (UNIQUE )?INDEX .*|  PRIMARY KEY.*|  UNIQUE.*|  WHERE.*)$`)
)

func schemaOf(t *testing.T, engine string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("migrations", engine, "*.sql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no migrations for %s: %v", engine, err)
	}
	var out []string
	for _, f := range files {
		out = append(out, "file "+filepath.Base(f))
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(b), "\n") {
			if m := tableLine.FindStringSubmatch(line); m != nil {
				out = append(out, "table "+m[1])
			} else if m := columnLine.FindStringSubmatch(line); m != nil {
				nullable := !strings.Contains(line, "NOT NULL") && !strings.Contains(line, "PRIMARY KEY")
				out = append(out, "column "+m[1]+map[bool]string{true: " null", false: ""}[nullable])
			} else if otherLine.MatchString(line) {
				out = append(out, strings.TrimSpace(line))
			}
		}
	}
	return out
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, err := Open(ctx, Config{DSN: filepath.Join(t.TempDir(), "hub.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.InTx(ctx, func(tx *Tx) error {
		_, err := tx.q.exec(ctx, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	err = s.Migrate(ctx)
	if orderhub.CodeOf(err) != orderhub.CodeConflict || !strings.Contains(err.Error(), "newer orderhub") {
		t.Errorf("newer database: got %v, want a clear refusal", err)
	}
}
