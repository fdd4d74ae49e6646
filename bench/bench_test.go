package bench

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/orderhub/orderhub/store/storetest"
)

// TestRun runs every part small, on both engines, and looks only at whether
// everything was measured: figures of a test run mean nothing.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("long: it is run without the race detector")
	}
	t.Parallel()
	for _, engine := range storetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			server := os.Getenv(storetest.Env)
			if engine == "postgres" && server == "" {
				t.Skipf("%s is not set: the PostgreSQL half of this test is skipped", storetest.Env)
			}
			var out bytes.Buffer
			opts := Options{Engines: []string{engine}, PostgresDSN: server, Dir: t.TempDir(), Orders: 1500, JSON: true, quick: true}
			if err := Run(t.Context(), &out, opts); err != nil {
				t.Fatal(err)
			}
			var r Report
			if err := json.Unmarshal(out.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			if len(r.Engines) != 1 || len(r.Skipped) != 0 || r.Machine.CPUs == 0 {
				t.Fatalf("got %+v", r)
			}
			checkEngine(t, r.Engines[0])
			if left, _ := os.ReadDir(opts.Dir); len(left) > 0 {
				t.Errorf("%v is left behind", left)
			}
		})
	}
}

func checkEngine(t *testing.T, e EngineReport) {
	t.Helper()
	if e.Version == "" || e.Durability == "" || e.Seconds <= 0 {
		t.Errorf("facts are missing: %+v", e)
	}
	if len(e.Accept) != len(acceptCases) {
		t.Errorf("got %d rows of accepting, want %d", len(e.Accept), len(acceptCases))
	}
	for _, a := range e.Accept {
		if a.Orders == 0 || a.PerSecond <= 0 || a.Save <= 0 || a.Normalise <= 0 || a.Floor <= 0 || a.FloorBare <= 0 || a.OfFloor <= 0 {
			t.Errorf("a figure is missing: %+v", a)
		}
	}
	if w := e.Webhook; w == nil || w.Sent == 0 || w.Errors != 0 || w.Orders != w.Sent || w.P50 <= 0 || w.Max < w.P99 {
		t.Errorf("webhooks: %+v", w)
	}
	if f := e.Fanout; f == nil || f.Free.Orders == 0 || f.Free.Pairs == 0 || f.Free.Missing != 0 || f.Free.Told[0] <= 0 {
		t.Errorf("fan-out: %+v", f)
	}
	if i := e.Import; i == nil || i.Products == 0 || i.PerSecond <= 0 || i.PeakHeap <= 0 || i.Floor <= 0 || i.OfFloor <= 0 {
		t.Errorf("import: %+v", i)
	}
	if f := e.Feed; f == nil || f.Events < f.Orders || f.Read <= 0 || f.ReadFloor <= 0 || f.Delivered <= 0 || f.DeliverFloor <= 0 || f.OfDeliverFloor <= 0 {
		t.Errorf("feed: %+v", f)
	}
	if g := e.Goods; g == nil || g.Products == 0 || g.PerSecond <= 0 || g.FilesMB <= 0 {
		t.Errorf("goods of 1C: %+v", g)
	}
	if e.Panel == nil || len(e.Panel.Kinds) != len(panelKinds) {
		t.Fatalf("panel: %+v", e.Panel)
	}
	plans := 0 // of what has a query of its own in the bench
	for _, k := range e.Panel.Kinds {
		if k.Queries == 0 || k.Max < k.P50 {
			t.Errorf("a figure is missing: %+v", k)
		}
		plans += len(k.Plan)
	}
	if plans == 0 {
		t.Error("no plan of the panel's questions is shown")
	}
	if e.List == nil || len(e.List.Kinds) != len(listKinds) {
		t.Fatalf("list: %+v", e.List)
	}
	for _, k := range e.List.Kinds {
		if k.Queries == 0 || len(k.Plan) == 0 || k.Max < k.P50 {
			t.Errorf("a figure is missing: %+v", k)
		}
	}
}

// TestText: what people read names the parts, and says what was skipped.
func TestText(t *testing.T) {
	if testing.Short() {
		t.Skip("long: it is run without the race detector")
	}
	t.Parallel()
	var out bytes.Buffer
	if err := Run(t.Context(), &out, Options{Dir: t.TempDir(), Orders: 300, quick: true}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"CPUs", "== sqlite", "synchronous FULL", "of floor", "Webhooks:", "newest page", "Query plans", "goal p95", "peak heap",
		"SKIPPED: the PostgreSQL half"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, out.String())
		}
	}
}

func TestUnknownNames(t *testing.T) {
	t.Parallel()
	for _, opts := range []Options{{Only: []string{"speed"}}, {Engines: []string{"oracle"}, Only: []string{PartWebhook}}} {
		if err := Run(t.Context(), &bytes.Buffer{}, opts); err == nil {
			t.Errorf("%+v was accepted", opts)
		}
	}
}
