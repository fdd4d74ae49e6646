package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/orderhub/orderhub/store/storetest"
)

// The command line as people see it: testdata/*.txtar are stories in which
// "orderhub" is this program, run as a process of its own.

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"orderhub": main})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup:               setUp,
		Condition: func(cond string) (bool, error) {
			if cond != "postgres" {
				return false, fmt.Errorf("unknown condition %s", cond)
			}
			return os.Getenv(storetest.Env) != "", nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"answers":  answers,
			"becomes":  becomes,
			"capture":  capture,
			"fetch":    fetch,
			"json":     isJSON,
			"newer":    newer,
			"postgres": usePostgres,
		},
	})
}

// setUp gives every script ports of its own and days around now.
func setUp(env *testscript.Env) error {
	for _, name := range []string{"ADDR", "ADDR2", "SIM"} {
		addr, err := freeAddr()
		if err != nil {
			return err
		}
		env.Setenv(name, addr)
	}
	sample, err := os.ReadFile("../../orderhub.example.yaml")
	if err != nil {
		return err
	}
	env.Values["t"] = env.T()
	now := time.Now().UTC()
	env.Setenv("YESTERDAY", now.AddDate(0, 0, -1).Format(time.DateOnly))
	env.Setenv("TOMORROW", now.AddDate(0, 0, 1).Format(time.DateOnly))
	return os.WriteFile(env.WorkDir+"/orderhub.example.yaml", sample, 0o600)
}

// freeAddr finds a port below those that the system hands out by itself, so that
// nothing takes it before the script does.
func freeAddr() (string, error) {
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(10000))
		if l, err := net.Listen("tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", fmt.Errorf("no port is free")
}

// answers URL waits until something answers there.
func answers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: answers URL")
	}
	// Waits: another process has to come up.
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(args[0])
		if err == nil {
			_ = resp.Body.Close()
			return
		}
	}
	ts.Fatalf("%s does not answer", args[0])
}

// becomes URL PATTERN waits until the answer to $TOKEN has the pattern.
func becomes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: becomes URL PATTERN")
	}
	want, answer := regexp.MustCompile(args[1]), ""
	// Waits: another process has to come up.
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if _, answer = call(ts, http.MethodGet, args[0], ""); want.MatchString(answer) {
			return
		}
	}
	ts.Fatalf("%s does not become %s: %s", args[0], args[1], answer)
}

// capture VARIABLE PATTERN takes the first group of the pattern out of stdout.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture VARIABLE PATTERN")
	}
	m := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) != 2 {
		ts.Fatalf("no match for %s", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// call makes a call with $TOKEN.
func call(ts *testscript.TestScript, method, url, body string) (status int, answer string) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+ts.Getenv("TOKEN"))
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	ts.Check(err)
	return resp.StatusCode, string(b)
}

// fetch FILE STATUS METHOD URL [BODY] makes a call with $TOKEN and keeps the
// answer in FILE.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 || len(args) > 5 {
		ts.Fatalf("usage: fetch FILE STATUS METHOD URL [BODY]")
	}
	status, answer := call(ts, args[2], args[3], strings.Join(args[4:], ""))
	if fmt.Sprint(status) != args[1] {
		ts.Fatalf("%s %s: %d, want %s: %s", args[2], args[3], status, args[1], answer)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(answer), 0o600))
}

// json FILE [KEY=VALUE…] checks that a file (or stdout) is JSON with these
// values on top, printed as Go does.
func isJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: json FILE [KEY=VALUE…]")
	}
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		ts.Fatalf("%s is not JSON: %v", args[0], err)
	}
	if rest, _ := io.ReadAll(io.MultiReader(dec.Buffered())); len(bytes.TrimSpace(rest)) > 0 {
		ts.Fatalf("%s has something behind its JSON: %q", args[0], rest)
	}
	object, _ := v.(map[string]any)
	for _, kv := range args[1:] {
		key, want, _ := strings.Cut(kv, "=")
		if got := fmt.Sprint(object[key]); got != want {
			ts.Fatalf("%s: %s is %s, want %s", args[0], key, got, want)
		}
	}
}

// newer FILE makes a SQLite database look as if a later version had migrated it.
func newer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: newer FILE")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec("INSERT INTO goose_db_version (version_id, is_applied, tstamp) VALUES (9999, 1, CURRENT_TIMESTAMP)")
	ts.Check(err)
}

// usePostgres sets $PG to the address of an empty database.
func usePostgres(ts *testscript.TestScript, neg bool, args []string) {
	t, ok := ts.Value("t").(testing.TB)
	if neg || len(args) != 0 || !ok {
		ts.Fatalf("usage: postgres")
	}
	ts.Setenv("PG", storetest.Config(t, "postgres").DSN)
}
