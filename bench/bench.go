// Package bench measures the hub on the machine it runs on: how fast orders are
// accepted, how fast a webhook is kept, how fast the list of orders answers, how
// fast a sale reaches the other channels. It uses the real store and the real pipeline with the durability of production,
// in throw-away databases, and calls nothing outside. It must not touch a
// database that it has not made itself, and never decides anything for the hub.
//
// Its own SQL makes and drops those databases and writes the floor that the
// pipeline is compared with.
package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/demo"
)

// The parts of the bench.
const (
	PartAccept  = "accept"
	PartWebhook = "webhook"
	PartList    = "list"
	PartPanel   = "panel"
	PartImport  = "import"
	PartFanout  = "fanout"
	PartFeed    = "feed"
	PartGoods   = "goods"
	// PartFigures takes a quarter of an hour: the quotas of the marketplaces. It runs
	// only when it is named.
	PartFigures = "figures"
)

// Parts lists the parts in the order they run.
func Parts() []string {
	return []string{PartAccept, PartWebhook, PartList, PartPanel, PartImport, PartFanout, PartFeed, PartGoods, PartFigures}
}

// Options say what to measure. The zero value measures everything on SQLite.
type Options struct {
	// Engines are "sqlite" and "postgres"; empty = both.
	Engines []string
	// PostgresDSN names a server on which databases may be created. Without it
	// the PostgreSQL half is skipped, and the report says so.
	PostgresDSN string
	// Dir is where the SQLite files are made; "" = the folder of temporary
	// files. It should be on the disk that the hub will use.
	Dir string
	// Orders is how many orders the list is measured over; 0 = 1,000,000.
	Orders int
	// Only names the parts to run; empty = all.
	Only []string
	// JSON prints the report as JSON instead of tables.
	JSON bool

	quick bool // few repetitions: for tests
}

// Report is what a run found.
type Report struct {
	Machine Machine        `json:"machine"`
	Engines []EngineReport `json:"engines"`
	// Skipped says in words what was not measured.
	Skipped []string `json:"skipped,omitempty"`
}

// Machine is where it ran.
type Machine struct {
	CPUs int    `json:"cpus"`
	Go   string `json:"go"`
	OS   string `json:"os"`
	Load string `json:"load,omitempty"` // average load before the run, 1 5 15 minutes
}

// EngineReport is what was measured on one engine.
type EngineReport struct {
	Engine     string               `json:"engine"`
	Version    string               `json:"version"`
	Durability string               `json:"durability"`
	Accept     []AcceptResult       `json:"accept,omitempty"`
	Webhook    *WebhookResult       `json:"webhook,omitempty"`
	List       *ListReport          `json:"list,omitempty"`
	Panel      *PanelReport         `json:"panel,omitempty"`
	Import     *ImportResult        `json:"import,omitempty"`
	Fanout     *FanoutResult        `json:"fanout,omitempty"`
	Feed       *FeedResult          `json:"feed,omitempty"`
	Goods      *GoodsResult         `json:"goods,omitempty"`
	Figures    []demo.FiguresReport `json:"figures,omitempty"`
	Seconds    float64              `json:"seconds"`
}

// Run measures and prints a report to w. Progress goes there too unless JSON is
// asked for. It removes the databases that it made.
func Run(ctx context.Context, w io.Writer, opts Options) error {
	r, err := measure(ctx, w, opts)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	if opts.JSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	return nil
}

// run is one run of the bench.
type run struct {
	opts Options
	out  io.Writer // tables and progress
	at   time.Time
}

func measure(ctx context.Context, w io.Writer, opts Options) (Report, error) {
	if opts.Orders == 0 {
		opts.Orders = 1_000_000
	}
	for _, p := range opts.Only {
		if !slices.Contains(Parts(), p) {
			return Report{}, orderhub.InvalidField("only", "%q is not a part; allowed: %v", p, Parts())
		}
	}
	b := &run{opts: opts, out: w, at: time.Now().UTC()}
	if opts.JSON {
		b.out = io.Discard
	}
	r := Report{Machine: machine()}
	b.printMachine(r.Machine)
	engines := opts.Engines
	if len(engines) == 0 {
		engines = []string{"sqlite", "postgres"}
	}
	for _, name := range engines {
		if name != "sqlite" && name != "postgres" {
			return r, orderhub.InvalidField("engine", "%q is not known; allowed: sqlite, postgres", name)
		}
		if name == "postgres" && opts.PostgresDSN == "" {
			const skipped = "SKIPPED: the PostgreSQL half, no PostgreSQL address was given"
			r.Skipped = append(r.Skipped, skipped)
			fmt.Fprintf(b.out, "\n%s\n", skipped)
			continue
		}
		e, err := b.engine(ctx, name)
		if err != nil {
			return r, fmt.Errorf("%s: %w", name, err)
		}
		r.Engines = append(r.Engines, e)
	}
	return r, nil
}

func (b *run) wants(part string) bool {
	return len(b.opts.Only) == 0 || slices.Contains(b.opts.Only, part)
}

// engine runs the wanted parts on one engine.
func (b *run) engine(ctx context.Context, name string) (EngineReport, error) {
	began := time.Now()
	e := EngineReport{Engine: name}
	err := b.withDatabase(ctx, name, func(db *database) error {
		var err error
		e.Version, e.Durability, err = db.facts(ctx)
		return err
	})
	if err != nil {
		return e, err
	}
	fmt.Fprintf(b.out, "\n== %s %s, %s\n", e.Engine, e.Version, e.Durability)
	if b.wants(PartAccept) {
		if e.Accept, err = b.accept(ctx, name); err != nil {
			return e, fmt.Errorf("accept: %w", err)
		}
	}
	if b.wants(PartWebhook) {
		if e.Webhook, err = b.webhook(ctx, name); err != nil {
			return e, fmt.Errorf("webhook: %w", err)
		}
	}
	if b.wants(PartList) {
		if e.List, err = b.list(ctx, name); err != nil {
			return e, fmt.Errorf("list: %w", err)
		}
	}
	if b.wants(PartPanel) {
		if e.Panel, err = b.panel(ctx, name); err != nil {
			return e, fmt.Errorf("panel: %w", err)
		}
	}
	if b.wants(PartImport) {
		if e.Import, err = b.imports(ctx, name); err != nil {
			return e, fmt.Errorf("import: %w", err)
		}
	}
	if b.wants(PartFanout) {
		if e.Fanout, err = b.fanout(ctx, name); err != nil {
			return e, fmt.Errorf("fanout: %w", err)
		}
	}
	if err := b.integrations(ctx, name, &e); err != nil {
		return e, err
	}
	if slices.Contains(b.opts.Only, PartFigures) {
		if e.Figures, err = b.figures(ctx, name); err != nil {
			return e, fmt.Errorf("figures: %w", err)
		}
	}
	e.Seconds = time.Since(began).Seconds()
	return e, nil
}

// integrations runs the parts about programs outside.
func (b *run) integrations(ctx context.Context, name string, e *EngineReport) (err error) {
	if b.wants(PartFeed) {
		if e.Feed, err = b.feed(ctx, name); err != nil {
			return fmt.Errorf("feed: %w", err)
		}
	}
	if b.wants(PartGoods) {
		if e.Goods, err = b.goods(ctx, name); err != nil {
			return fmt.Errorf("goods: %w", err)
		}
	}
	return nil
}

func machine() Machine {
	m := Machine{CPUs: runtime.NumCPU(), Go: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH}
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		var a, b, c string
		if _, err := fmt.Sscan(string(raw), &a, &b, &c); err == nil {
			m.Load = a + " " + b + " " + c
		}
	}
	return m
}
