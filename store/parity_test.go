package store

import (
	"context"
	"maps"
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
	addLine    = regexp.MustCompile(`^ALTER TABLE (\w+) ADD COLUMN (\w+) `)
	looseLine  = regexp.MustCompile(`^ALTER TABLE (\w+) ALTER COLUMN (\w+) DROP NOT NULL`)
	checkLine  = regexp.MustCompile(`^ALTER TABLE (\w+) ADD CONSTRAINT \w+ (CHECK .*);$`)
	renameLine = regexp.MustCompile(`^ALTER TABLE (\w+) RENAME TO (\w+)`)
	dropLine   = regexp.MustCompile(`^DROP (TABLE|INDEX) (\w+)`)
	indexLine  = regexp.MustCompile(`^CREATE (?:UNIQUE )?INDEX (\w+) ON (\w+) `)
	otherLine  = regexp.MustCompile(`^(  PRIMARY KEY.*|  UNIQUE.*|  CHECK.*|  WHERE.*)$`)
)

// schemaOf reads what the migrations of an engine make, one table after the other: a
// table that was written anew is as one that was altered.
func schemaOf(t *testing.T, engine string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("migrations", engine, "*.sql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no migrations for %s: %v", engine, err)
	}
	var out []string
	tables, indexes := map[string][]string{}, map[string][2]string{} // of an index: its table and its line
	for _, f := range files {
		out = append(out, "file "+filepath.Base(f))
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		table, index := "", ""
		for line := range strings.SplitSeq(string(b), "\n") {
			if m := tableLine.FindStringSubmatch(line); m != nil {
				table = m[1]
				tables[table] = []string{}
			} else if line == ");" || line == ") WITHOUT ROWID;" {
				table = ""
			} else if table != "" {
				tables[table] = append(tables[table], itemsOf(line)...)
			} else if m := indexLine.FindStringSubmatch(line); m != nil {
				index = m[1]
				indexes[index] = [2]string{m[2], line}
			} else if strings.HasPrefix(line, "  WHERE") && indexes[index][1] != "" {
				indexes[index] = [2]string{indexes[index][0], indexes[index][1] + line}
			} else {
				alter(tables, indexes, line)
			}
		}
	}
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		out = append(append(out, "table "+table), tables[table]...)
	}
	for _, name := range slices.Sorted(maps.Keys(indexes)) {
		out = append(out, indexes[name][1])
	}
	return out
}

// itemsOf is what a line of a CREATE TABLE says.
func itemsOf(line string) []string {
	if m := columnLine.FindStringSubmatch(line); m != nil {
		nullable := !strings.Contains(line, "NOT NULL") && !strings.Contains(line, "PRIMARY KEY")
		return []string{"column " + m[1] + map[bool]string{true: " null", false: ""}[nullable]}
	}
	if otherLine.MatchString(line) {
		return []string{strings.TrimSuffix(strings.TrimSpace(line), ",")}
	}
	return nil
}

// alter changes what is there already.
func alter(tables map[string][]string, indexes map[string][2]string, line string) {
	if m := addLine.FindStringSubmatch(line); m != nil {
		column := "column " + m[2]
		if !strings.Contains(line, "NOT NULL") {
			column += " null"
		}
		tables[m[1]] = append(tables[m[1]], column)
	} else if m := looseLine.FindStringSubmatch(line); m != nil {
		if i := slices.Index(tables[m[1]], "column "+m[2]); i >= 0 {
			tables[m[1]][i] += " null"
		}
	} else if m := checkLine.FindStringSubmatch(line); m != nil {
		tables[m[1]] = append(tables[m[1]], m[2])
	} else if m := renameLine.FindStringSubmatch(line); m != nil {
		tables[m[2]] = tables[m[1]]
		delete(tables, m[1])
	} else if m := dropLine.FindStringSubmatch(line); m != nil {
		delete(tables, m[2])
		delete(indexes, m[2])
		maps.DeleteFunc(indexes, func(_ string, of [2]string) bool { return of[0] == m[2] })
	}
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
