package orderhub_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/orderhub/orderhub"

// importRule says what a package may import beside the standard library.
type importRule struct {
	// pkg is a folder of the module, "." = the root; a pattern as of path.Match.
	// The first rule that fits counts.
	pkg string
	// hub are folders of the module, third the prefixes of other modules.
	hub, third []string
	// why is the rule in words.
	why string
}

const (
	timeRate   = "golang.org/x/time/rate"
	pgx        = "github.com/jackc/pgx/v5"
	river      = "github.com/riverqueue/river"
	xsync      = "golang.org/x/sync"
	huma       = "github.com/danielgtaylor/huma/v2"
	prometheus = "github.com/prometheus/client_golang/prometheus"
)

// importRules is the map of the house: imports point inwards, to the root. A
// new package gets a line here; what it may import is a decision, not a habit.
var importRules = []importRule{
	{".", nil, nil, "the domain imports the standard library only"},
	{"webhook", nil, nil, "signing imports the standard library only"},

	{"channel", []string{"."}, nil, "the contract knows the domain only"},
	{"channel/rest", []string{".", "channel"}, []string{timeRate}, "the HTTP client knows the contract and no marketplace"},
	{"channel/all", []string{"channel", "channel/*"}, nil, "the registry names the adapters and does nothing else"},
	{"channel/channeltest", []string{".", "channel", "channel/rest", "marketsim"}, []string{"github.com/google/go-cmp/cmp"},
		"the conformance kit knows no marketplace"},
	{"channel/cmlshop", []string{".", "channel", "channel/rest", "onec/cml"}, nil, "the hub as 1C reads and writes 1C's files by the same package as the hub as a site"},
	{"channel/*", []string{".", "channel", "channel/rest", "webhook"}, []string{timeRate},
		"an adapter knows the contract, never another adapter or the inside of the hub"},

	{"channel/demo/demosim", []string{".", "marketsim"}, nil, "a simulator knows the domain's words, never the hub"},
	{"marketsim", []string{"."}, []string{timeRate}, "a simulator knows the domain's words, never the hub"},
	{"marketsim/specs", nil, []string{"github.com/getkin/kin-openapi", "go.yaml.in/yaml/v3"}, "it reads the official documents and nothing of ours"},
	{"marketsim/shopsim", []string{".", "marketsim", "webhook"}, nil, "a simulator knows the domain's words, never the hub"},
	{"marketsim/*", []string{".", "marketsim"}, nil, "a simulator knows the domain's words, never the hub"},

	{"store", []string{"."}, []string{
		pgx, "modernc.org/sqlite", "github.com/pressly/goose/v3", "github.com/klauspost/compress/zstd",
		river + "/riverdriver", river + "/rivermigrate",
	}, "all SQL, and nothing but the domain above it"},
	{"store/storetest", []string{".", "store"}, []string{pgx}, "it opens fresh stores for tests"},
	{"notify", []string{".", "webhook"}, []string{"github.com/wneessen/go-mail"}, "messages know neither the pipeline nor a database"},
	{"notify/notifytest", nil, nil, "stand-ins speak the real protocols and know nothing of the hub"},
	{"rules", []string{"."}, []string{"github.com/expr-lang/expr"}, "conditions know the domain and touch nothing"},
	{"jobs", []string{".", "store"}, []string{river, pgx}, "jobs knock at the pipeline; they know no marketplace"},
	{"picture", []string{"."}, []string{"golang.org/x/image"}, "pictures know nothing of what they show"},
	{"filebox", nil, []string{"github.com/pkg/sftp", "golang.org/x/crypto/ssh"}, "places of files know no orders and no database"},
	{"pipeline", []string{".", "channel", "channel/rest", "exchange", "filebox", "jobs", "notify", "onec/cml", "people/password", "picture", "rules", "store", "webhook"}, []string{prometheus, xsync, "github.com/nyaruka/phonenumbers"},
		"the pipeline reaches channels through the contract only"},
	{"people/password", nil, []string{"golang.org/x/crypto/argon2"}, "hashes know nobody"},
	{"people", []string{".", "people/password", "store"}, []string{"github.com/pquerna/otp", "github.com/coreos/go-oidc/v3/oidc", "golang.org/x/oauth2"},
		"the door knows neither orders nor the API"},
	{"api", []string{".", "channel", "channel/site", "exchange", "notify", "people", "pipeline", "rules", "store"}, []string{huma, timeRate},
		"the API knows the site channel for its schema and no marketplace"},
	{"panel", nil, nil, "the panel's files know nothing of the hub"},
	{"server", []string{".", "api", "channel", "onec", "panel", "people", "pipeline", "store"}, []string{huma, prometheus, "github.com/klauspost/compress/gzhttp"}, "the server knows no adapter"},

	{"demo", []string{
		".", "api", "channel", "channel/all", "jobs", "marketsim", "marketsim/*", "notify", "notify/notifytest", "onec/onectest", "people", "pipeline", "server", "store", "webhook",
	}, nil, "the demo wires a whole hub to the simulators"},
	{"bench", []string{
		".", "api", "channel", "channel/*", "channel/all", "demo", "exchange", "jobs", "marketsim", "marketsim/*", "onec", "onec/onectest", "pipeline", "server", "store", "webhook",
	}, []string{pgx, river, xsync}, "the bench measures the parts of the hub"},
	{"onec", []string{".", "onec/cml"}, []string{"golang.org/x/text"}, "the dialogue with 1C asks the hub through an interface"},
	{"onec/onectest", nil, []string{"golang.org/x/text"}, "a stand-in of 1C knows its protocol and nothing of the hub"},
	{"onec/cml", []string{"."}, []string{"golang.org/x/text"}, "files of 1C know the domain, no HTTP and no database"},
	{"exchange", []string{"."}, []string{"github.com/xuri/excelize/v2", "golang.org/x/text"}, "files of goods know the domain and no database"},
	{"cmd/docgen", []string{".", "channel", "channel/all"}, nil, "documents are made from descriptors"},
	{"cmd/*", []string{
		".", "api", "bench", "channel", "channel/all", "demo", "exchange", "jobs", "marketsim", "marketsim/*", "notify", "people", "pipeline", "server", "store", "webhook",
	}, []string{"github.com/alecthomas/kong", "go.yaml.in/yaml/v3"}, "commands wire; nothing imports them"},
}

// Test files may also import these.
var (
	testHub = []string{
		".", "channel", "channel/rest", "channel/channeltest", "channel/demo", "channel/demo/demosim",
		"marketsim", "marketsim/*", "marketsim/specs", "notify/notifytest", "store/storetest",
	}
	testThird = []string{
		"github.com/google/go-cmp/cmp", "golang.org/x/text", "pgregory.net/rapid", "github.com/rogpeppe/go-internal",
		"github.com/santhosh-tekuri/jsonschema/v6", "github.com/getkin/kin-openapi", "go.yaml.in/yaml/v3", "github.com/prometheus/common",
		"github.com/pquerna/otp",
	}
	// From the pipeline outwards tests run whole hubs.
	testOuter = map[string][]string{
		"pipeline": {"channel/all", "channel/*", "marketsim", "marketsim/cmlshopsim", "onec", "onec/onectest", "webhook"},
		"api":      {"channel/all", "channel/*", "jobs", "webhook"},
		"server":   {"channel/all", "channel/*", "jobs", "notify", "webhook", "demo"},
		"demo":     {"channel/*"},
	}
)

// TestImports parses every Go file of the module.
func TestImports(t *testing.T) {
	t.Parallel()
	files, used := 0, map[string]bool{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if name := d.Name(); file != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		case !strings.HasSuffix(file, ".go"):
			return nil
		}
		src, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		files++
		problems, rule := checkImports(filepath.ToSlash(file), src)
		used[rule] = true
		for _, p := range problems {
			t.Error(p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 100 || !used["."] || !used["store"] {
		t.Errorf("only %d files were looked at: the test does not see the module", files)
	}
}

// checkImports gives what is wrong with the imports of one file, and the rule
// that was used.
func checkImports(file string, src []byte) (problems []string, used string) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, src, parser.ImportsOnly)
	if err != nil {
		return []string{err.Error()}, ""
	}
	dir := path.Dir(file)
	at := slices.IndexFunc(importRules, func(r importRule) bool { return r.pkg == dir || matches([]string{r.pkg}, dir) })
	if at < 0 {
		return []string{fmt.Sprintf("%s:1: package %s has no rule; say in imports_test.go what it may import", file, dir)}, ""
	}
	rule := importRules[at]
	hub, third := rule.hub, rule.third
	if strings.HasSuffix(file, "_test.go") {
		hub = slices.Concat(hub, testHub, testOuter[dir])
		third = slices.Concat(third, testThird)
	}
	for _, spec := range parsed.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the compiler will say so
		}
		if fault := importFault(name, dir, hub, third, strings.HasSuffix(file, "_test.go")); fault != "" {
			problems = append(problems, fmt.Sprintf("%s: imports %s: %s; rule for %s: %s", set.Position(spec.Pos()), name, fault, rule.pkg, rule.why))
		}
	}
	return problems, rule.pkg
}

// importFault says why a package may not import another one, "" if it may.
func importFault(name, dir string, hub, third []string, test bool) string {
	first, _, _ := strings.Cut(name, "/")
	own, ours := strings.CutPrefix(name, module)
	ours = ours && (own == "" || own[0] == '/')
	switch {
	case !ours && !strings.Contains(first, "."):
		return "" // the standard library
	case !ours:
		if slices.ContainsFunc(third, func(prefix string) bool { return name == prefix || strings.HasPrefix(name, prefix+"/") }) {
			return ""
		}
		return "a module that is not on the package's list"
	}
	folder := strings.TrimPrefix(own, "/")
	if folder == "" {
		folder = "."
	}
	switch {
	case strings.HasPrefix(folder, "cmd/"):
		return "nothing imports a command"
	case folder == dir && test, matches(hub, folder):
		return ""
	default:
		return "a package that is not on the package's list"
	}
}

// matches reports whether a folder fits one of the patterns. A star stands for
// the adapters or simulators, not for the helpers that live beside them.
func matches(patterns []string, folder string) bool {
	helpers := []string{"channel/rest", "channel/channeltest", "channel/all", "marketsim/specs"}
	return slices.ContainsFunc(patterns, func(p string) bool {
		if p == folder {
			return true
		}
		ok, err := path.Match(p, folder)
		return err == nil && ok && !slices.Contains(helpers, folder)
	})
}

// TestImportsFindsFaults proves that the check sees what it is for.
func TestImportsFindsFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, imports string
		fault         string // "" = allowed
	}{
		{"order.go", "time", ""},
		{"order.go", module + "/channel", "order.go:2:8: imports " + module + "/channel: a package that is not on the package's list; rule for .: the domain imports the standard library only"},
		{"order.go", "github.com/google/go-cmp/cmp", "a module that is not on the package's list"},
		{"order_test.go", "github.com/google/go-cmp/cmp", ""},
		{"order_test.go", module, ""},
		{"order_test.go", module + "/store", "not on the package's list"},
		{"channel/ozon/ozon.go", module + "/channel/rest", ""},
		{"channel/ozon/ozon.go", module + "/channel/wildberries", "not on the package's list"},
		{"channel/ozon/ozon_test.go", module + "/channel/wildberries", "not on the package's list"},
		{"channel/ozon/ozon_test.go", module + "/marketsim/ozonsim", ""},
		{"channel/ozon/ozon.go", module + "/marketsim/ozonsim", "not on the package's list"},
		{"channel/ozon/ozon.go", module + "/store", "not on the package's list"},
		{"channel/fifth/fifth.go", module + "/pipeline", "never another adapter or the inside of the hub"},
		{"channel/rest/client.go", module + "/channel/ozon", "knows the contract and no marketplace"},
		{"channel/all/all.go", module + "/channel/ozon", ""},
		{"channel/all/all.go", module + "/channel/channeltest", "not on the package's list"},
		{"store/orders.go", "modernc.org/sqlite", ""},
		{"store/orders.go", "modernc.org/sqliteother", "a module that is not on the package's list"},
		{"store/orders.go", module + "/channel", "not on the package's list"},
		{"jobs/jobs.go", module + "/pipeline", "not on the package's list"},
		{"pipeline/hub.go", module + "/channel/ozon", "through the contract only"},
		{"api/api.go", module + "/channel/site", ""},
		{"api/api.go", module + "/channel/ozon", "no marketplace"},
		{"marketsim/ozonsim/market.go", module + "/channel", "never the hub"},
		{"marketsim/ozonsim/market_test.go", module + "/channel/ozon", "never the hub"},
		{"server/server.go", module + "/cmd/orderhub", "nothing imports a command"},
		{"cmd/orderhub/main.go", module + "/channel/all", ""},
		{"cmd/orderhub/main.go", module + "/channel/ozon", "not on the package's list"},
		{"attic/junk.go", "fmt", "attic/junk.go:1: package attic has no rule"},
	} {
		problems, _ := checkImports(c.file, []byte("package x\nimport "+strconv.Quote(c.imports)+"\n"))
		got := strings.Join(problems, "\n")
		if (c.fault == "") != (got == "") || !strings.Contains(got, c.fault) {
			t.Errorf("%s imports %s: %q, want %q", c.file, c.imports, got, c.fault)
		}
	}
}
