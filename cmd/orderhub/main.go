// Command orderhub is the whole hub in one binary. This package only wires the
// others together: flags and files in, packages out.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// cli is the command line. Every flag can also be set in the YAML file, those
// that a service needs in the environment too. A flag goes before the
// environment, the environment before the file.
type cli struct {
	Config   string `name:"config" type:"path" placeholder:"FILE" help:"YAML file with the same names as the flags; see orderhub.example.yaml." env:"ORDERHUB_CONFIG"`
	Database string `help:"SQLite file, also as sqlite:FILE, or postgres://… address." default:"orderhub.db" env:"ORDERHUB_DATABASE"`
	Secret   string `help:"Encrypts the keys of your accounts. SQLite makes a key file of its own when this is empty; PostgreSQL needs it." env:"ORDERHUB_SECRET" placeholder:"TEXT"`
	LogLevel string `help:"debug, info, warn or error." default:"info" enum:"debug,info,warn,error" env:"ORDERHUB_LOG_LEVEL"`

	Serve    serveCmd    `cmd:"" help:"Run the hub: read orders, push statuses, answer the API and webhooks."`
	Demo     demoCmd     `cmd:"" help:"Run a hub with simulated marketplaces, buyers and a manager. Needs nothing."`
	Sim      simCmd      `cmd:"" help:"Run the simulated marketplaces alone."`
	Migrate  migrateCmd  `cmd:"" help:"Bring the database to this version's schema."`
	Account  accountCmd  `cmd:"" help:"Connect sellers' accounts: add, list, check, pause, resume, remove."`
	Audit    auditCmd    `cmd:"" help:"Compare what a channel lists with what the hub holds, day by day."`
	Repull   repullCmd   `cmd:"" help:"Read orders of a channel again, by range or by ids."`
	Replay   replayCmd   `cmd:"" help:"Run kept raw payloads through today's adapter."`
	Products productsCmd `cmd:"" help:"The shop's goods: import and export as CSV or XLSX."`
	Stock    stockCmd    `cmd:"" help:"The shop's stock: import a stocktake."`
	Onec     onecCmd     `cmd:"" help:"Exchanges with 1C: add, list."`
	Endpoint endpointCmd `cmd:"" help:"Programs that are told events by webhook: add, list, rotate, redeliver, remove."`
	Feed     feedCmd     `cmd:"" help:"Programs that read the feed of orders: add, list, reset, remove."`
	Files    filesCmd    `cmd:"" help:"Exchanges of files: list, remove."`
	Bench    benchCmd    `cmd:"" help:"Measure this machine: orders per second, webhooks, lists."`
	User     userCmd     `cmd:"" help:"People who may sign in: add, list, password, disable, enable."`
	Token    tokenCmd    `cmd:"" help:"Make a further API token."`
	Version  versionCmd  `cmd:"" help:"Print the version."`

	ShowVersion kong.VersionFlag `name:"version" help:"Print the version."`
}

// program is what commands work with.
type program struct {
	ctx    context.Context
	cli    *cli
	out    io.Writer
	errOut io.Writer
	log    *slog.Logger
	given  []string // flags of the command line itself
}

// givenFlags names the flags that stand on the command line, not those of the
// environment or the file.
func givenFlags(k *kong.Context) []string {
	var out []string
	for _, step := range k.Path {
		if step.Flag != nil && !step.Resolved {
			out = append(out, step.Flag.Name)
		}
	}
	return out
}

func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	var c cli
	exited := -1
	file, err := readConfig(configPath(args))
	if err != nil {
		fmt.Fprintln(errOut, "orderhub:", err)
		return 2
	}
	parser, err := kong.New(&c,
		kong.Name("orderhub"),
		kong.Description("Orders of your site and the marketplaces in one place. Begin with: orderhub demo"),
		kong.Writers(out, errOut),
		kong.Exit(func(code int) { exited = code }),
		kong.Resolvers(file),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Vars{"version": "orderhub " + version()},
	)
	if err != nil {
		fmt.Fprintln(errOut, "orderhub:", err)
		return 2
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	if exited >= 0 {
		return exited // --help was printed
	}
	if err != nil {
		fmt.Fprintf(errOut, "orderhub: %s\nTry: orderhub %s--help\n", err, commandOf(err))
		return 2
	}
	p := &program{ctx: ctx, cli: &c, out: out, errOut: errOut, log: newLog(errOut, c.LogLevel), given: givenFlags(k)}
	return p.exitCode(k.Run(p))
}

// commandOf names the command that was given wrong words, with a space behind
// it, "" before any command.
func commandOf(err error) string {
	var pe *kong.ParseError
	if !errors.As(err, &pe) || pe.Context == nil {
		return ""
	}
	name := ""
	for _, step := range pe.Context.Path {
		if step.Command != nil {
			name += step.Command.Name + " "
		}
	}
	return name
}

// errDiffers ends a command with 1 after it has said all there is to say.
var errDiffers = errors.New("differs")

func (p *program) exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errDiffers):
		return 1
	case errors.Is(err, context.Canceled) && p.ctx.Err() != nil:
		return 0 // stopped by a signal
	}
	fmt.Fprintln(p.errOut, "orderhub:", sentence(err))
	return 1
}

// sentence tells an operator what is wrong.
func sentence(err error) string {
	var de *orderhub.Error
	var be *orderhub.BorderError
	switch {
	case errors.As(err, &de):
		return de.Error()
	case errors.As(err, &be):
		return fmt.Sprintf("the channel answered: %s (%s)", be.Sentence, be.Class)
	default:
		return err.Error()
	}
}

func newLog(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l}))
}

// version is the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "commit " + s.Value[:min(12, len(s.Value))]
		}
	}
	return "development"
}

// openStore opens and migrates the database.
func (p *program) openStore() (*store.Store, error) {
	s, err := store.Open(p.ctx, store.Config{DSN: p.cli.Database, Secret: p.cli.Secret})
	if err != nil {
		return nil, err
	}
	if err := s.Migrate(p.ctx); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// shownDSN is the database's address without its password.
func shownDSN(dsn string) string {
	at := strings.LastIndex(dsn, "@")
	scheme := strings.Index(dsn, "://")
	if at < 0 || scheme < 0 {
		return dsn
	}
	return dsn[:scheme+3] + "…" + dsn[at:]
}

type versionCmd struct{}

func (versionCmd) Run(p *program) error { //nolint:unparam // kong calls it so
	fmt.Fprintln(p.out, "orderhub", version())
	return nil
}
