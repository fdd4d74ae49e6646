package demo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/demo"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/shopsim"
	"github.com/orderhub/orderhub/store"
)

// The real binary as a process of its own, with the simulators, buyers and the
// manager in the process of the test: what the tests that kill it are made of.

const (
	ownToken = "a-token-for-tests-only"
	secret   = "a secret for tests only"
)

var binary struct {
	once sync.Once
	dir  string
	path string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if binary.dir != "" {
		_ = os.RemoveAll(binary.dir)
	}
	os.Exit(code)
}

// build makes the binary, once for all tests.
func build(t *testing.T) string {
	t.Helper()
	binary.once.Do(func() {
		if binary.dir, binary.err = os.MkdirTemp("", "orderhub-test-"); binary.err != nil {
			return
		}
		binary.path = filepath.Join(binary.dir, "orderhub")
		if out, err := exec.Command("go", "build", "-o", binary.path, "github.com/orderhub/orderhub/cmd/orderhub").CombinedOutput(); err != nil {
			binary.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if binary.err != nil {
		t.Fatalf("build orderhub: %v", binary.err)
	}
	return binary.path
}

// freePort finds a port for a process that is started again and again. It is
// below those that the system hands out by itself.
func freePort(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// process is one `orderhub serve`.
type process struct {
	t    *testing.T
	addr string
	args []string
	log  string
	cmd  *exec.Cmd
}

// newProcess prepares a process; flags are added to those that all tests need.
func newProcess(t *testing.T, cfg store.Config, flags ...string) *process {
	t.Helper()
	p := &process{t: t, addr: freePort(t), log: filepath.Join(t.TempDir(), "serve.log")}
	p.args = append([]string{"serve", "--listen", p.addr, "--pace", "0.02", "--quotas", "10", "--log-level", "warn"}, flags...)
	p.cmd = exec.Command(build(t))
	p.cmd.Env = append(os.Environ(), "ORDERHUB_DATABASE="+cfg.DSN, "ORDERHUB_SECRET="+secret, "ORDERHUB_TOKEN="+ownToken)
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the end of the log of %s:\n%s", p.addr, p.tail())
		}
	})
	return p
}

func (p *process) url() string { return "http://" + p.addr }

func (p *process) start() {
	p.t.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(p.cmd.Path, p.args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = p.cmd.Env, log, log
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.cmd = cmd
}

// kill sends SIGKILL, if the process runs.
func (p *process) kill() {
	if p.cmd.Process != nil && p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

func (p *process) tail() string {
	b, _ := os.ReadFile(p.log)
	return string(b[max(0, len(b)-8000):])
}

// ready waits until the hub answers.
func (p *process) ready() {
	p.t.Helper()
	for until := time.Now().Add(60 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(p.url() + "/readyz")
		if err != nil {
			continue
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
	}
	p.t.Fatalf("%s did not get ready:\n%s", p.addr, p.tail())
}

// metrics reads the sum of a metric over its labels.
func (p *process) metrics(name string) (sum float64) {
	p.t.Helper()
	resp, err := http.Get(p.url() + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, line := range strings.Split(string(b), "\n") {
		var v float64
		if key, value, ok := strings.Cut(line, " "); ok && strings.HasPrefix(key, name+"{") {
			if _, err := fmt.Sscan(value, &v); err == nil {
				sum += v
			}
		}
	}
	return sum
}

// outside is everything beyond the hub's process: markets, buyers, couriers and
// the manager.
type outside struct {
	t       *testing.T
	sims    *demo.Sims
	url     string
	client  *demo.Client
	hub     *front
	hooks   map[string]string // path by account
	traffic *marketsim.Traffic
	manager *demo.Manager
	stop    func()
}

// newOutside makes the world beyond the hub at base. wrap, if not nil, is put in
// front of the simulators.
func newOutside(t *testing.T, seed uint64, base string, wrap func(http.Handler) http.Handler) *outside {
	t.Helper()
	faults, _ := marketsim.FaultLevel("light")
	o := &outside{t: t, hooks: map[string]string{}, hub: &front{}}
	o.hub.at.Store(&base)
	o.client = &demo.Client{Base: "http://hub", Token: ownToken, HTTP: &http.Client{Timeout: 20 * time.Second, Transport: o.hub}}
	o.sims = demo.NewSims(demo.SimOptions{
		Seed: seed, Faults: faults, QuotaScale: 10, Fast: true, Shop: shopsim.Options{Account: demo.AccountID("site")},
	})
	t.Cleanup(o.sims.Close)
	var h http.Handler = o.sims
	if wrap != nil {
		h = wrap(h)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	o.url = srv.URL
	o.manager = demo.NewManager(o.client, o.sims, seed, 300*time.Millisecond)
	return o
}

// connect adds the accounts by API and tells the markets where the hub is.
func (o *outside) connect() {
	o.t.Helper()
	for _, m := range o.sims.Markets() {
		id := demo.AccountID(m.Channel())
		settings := demo.AccountSettings(m, o.url)
		if m.Channel() == "site" {
			settings["allow_private_targets"] = "yes"
		}
		body := map[string]any{"id": id, "channel": m.Channel(), "settings": settings}
		var view api.AccountView
		if err := o.client.Do(o.t.Context(), http.MethodPost, "/accounts", body, &view); err != nil {
			o.t.Fatalf("add %s: %v", id, err)
		}
		o.hooks[id] = view.Webhook
	}
	o.talkTo(*o.hub.at.Load())
}

// front sends what the manager asks to the hub that is in front now.
type front struct{ at atomic.Pointer[string] }

func (f *front) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Host = strings.TrimPrefix(*f.at.Load(), "http://")
	return http.DefaultTransport.RoundTrip(r)
}

// talkTo sends the markets' messages and the manager to the hub at base.
func (o *outside) talkTo(base string) {
	o.hub.at.Store(&base)
	for _, m := range o.sims.Markets() {
		m.Notify(base + o.hooks[demo.AccountID(m.Channel())])
	}
}

// live starts buyers, couriers and the manager; finish stops them.
func (o *outside) live(orders int, over time.Duration) {
	ctx, cancel := context.WithCancel(o.t.Context())
	o.traffic = marketsim.NewTraffic(o.sims.Markets(), marketsim.TrafficOptions{Seed: 5, Orders: orders, Over: over, Schemes: demo.Schemes})
	var people sync.WaitGroup
	people.Go(func() { o.manager.Run(ctx) })
	people.Go(func() {
		if err := o.traffic.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			o.t.Error(err)
		}
		for ctx.Err() == nil {
			o.traffic.Step()
			time.Sleep(250 * time.Millisecond)
		}
	})
	o.stop = func() { cancel(); people.Wait() }
	o.t.Cleanup(o.stop)
}

// agree brings the world to rest and compares the hub at base with the books.
func (o *outside) agree(base string) {
	o.t.Helper()
	o.stop()
	ctx := o.t.Context()
	client := &demo.Client{Base: base, Token: ownToken}
	demo.Finish(ctx, client, o.traffic)
	frozen := time.Now()
	if err := demo.Quiet(ctx, client, o.sims, frozen, 90*time.Second); err != nil {
		o.t.Errorf("the hub does not come to rest: %v", err)
	}
	settled := time.Since(frozen)
	cmp, err := demo.Compare(ctx, client, o.sims.Markets())
	if err != nil {
		o.t.Fatal(err)
	}
	total := 0
	for _, a := range cmp.Accounts {
		total += a.Theirs
		o.t.Logf("%s: %d orders in the books, %d in the hub, effects %v", a.Account, a.Theirs, a.Ours, a.Effects)
	}
	o.t.Logf("%d orders, manager %+v, settled in %.1f s", total, o.manager.Stats(), settled.Seconds())
	o.tellOpenQuestions(client)
	for _, f := range findings(demo.Report{Comparison: cmp}) {
		o.t.Error(f)
	}
	if !cmp.OK {
		o.t.Error("the hub's ledger differs from the books")
	}
	if o.traffic.Stats().Placed == 0 || o.manager.Stats().Asked == 0 {
		o.t.Errorf("nothing happened: traffic %+v, manager %+v", o.traffic.Stats(), o.manager.Stats())
	}
}

// tellOpenQuestions logs what the hub calls uncertain, by its sentence.
func (o *outside) tellOpenQuestions(client *demo.Client) {
	var page api.EffectPage
	if err := client.Do(o.t.Context(), http.MethodGet, "/effects?state=uncertain&limit=200", nil, &page); err != nil {
		o.t.Fatal(err)
	}
	for _, e := range page.Effects {
		o.t.Logf("uncertain: %s order %d to %s after %d attempts and %d checks: %s", e.AccountID, e.OrderID, e.To, e.Attempts, e.Checks, e.Error)
	}
}
