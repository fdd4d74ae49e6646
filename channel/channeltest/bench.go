package channeltest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
	"github.com/orderhub/orderhub/marketsim"
)

// callTimeout ends a call that hangs; no check asserts on it.
const callTimeout = 60 * time.Second

// bench is one server and what is needed to open adapters against it. Several
// adapters of one bench share the quotas, as accounts do.
type bench struct {
	t        testing.TB
	s        *Suite
	settings map[string]string
	client   *http.Client
	quotas   channel.Quotas
	now      func() time.Time
	log      *logBuffer
	secrets  []string
	told     sync.Map
}

// market serves a fresh simulator, with the real quotas unless it has none.
func (s *Suite) market(t testing.TB) (*bench, marketsim.Market) {
	t.Helper()
	m := s.Market(t, marketsim.NewInjector(1, marketsim.Faults{}))
	t.Cleanup(m.Close)
	b := s.bench(t, m.Handler(), m.Settings())
	if !s.FreeQuotas {
		b.quotas = &groupGuard{t: t, limits: s.Channel.Descriptor.Limits, Buckets: rest.NewBuckets(s.Channel.Descriptor.Limits)}
	}
	return b, m
}

// canned serves a handler of the kit, without quotas and with a fixed clock.
func (s *Suite) canned(t testing.TB, h http.Handler) *bench {
	t.Helper()
	b := s.bench(t, h, s.cannedSettings(t))
	b.now = func() time.Time { return Clock }
	return b
}

func (s *Suite) cannedSettings(t testing.TB) map[string]string {
	t.Helper()
	if s.Settings != nil {
		return s.Settings
	}
	m := s.Market(t, marketsim.NewInjector(1, marketsim.Faults{}))
	m.Close()
	return m.Settings()
}

func (s *Suite) bench(t testing.TB, h http.Handler, settings map[string]string) *bench {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	b := &bench{t: t, s: s, settings: maps.Clone(settings), log: &logBuffer{}}
	b.quotas = &groupGuard{t: t, limits: s.Channel.Descriptor.Limits, Buckets: rest.NewBuckets(nil)}
	if s.Connect != nil {
		s.Connect(b.settings, srv.URL)
	} else {
		b.settings[channel.SettingBaseURL] = srv.URL
	}
	// The transport is the bench's own, so that checks don't share connections.
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	b.client = &http.Client{Timeout: callTimeout, Transport: &hostGuard{t: t, host: strings.TrimPrefix(srv.URL, "http://"), next: transport}}
	b.secrets = append(b.secrets, s.Secrets...)
	for _, set := range s.Channel.Descriptor.Settings {
		if v := b.settings[set.Key]; set.Secret && len(v) >= 4 {
			b.secrets = append(b.secrets, v)
		}
	}
	t.Cleanup(func() { b.clean("the log", b.log.String()) })
	return b
}

// open opens an adapter as the core does.
func (b *bench) open() channel.Adapter {
	b.t.Helper()
	settings, err := b.s.Channel.Descriptor.Resolve(b.settings)
	if err != nil {
		b.t.Fatalf("the settings of the market are refused: %v", err)
	}
	ad, err := b.s.Channel.Open(settings, channel.Deps{HTTP: b.client, Now: b.now, Log: slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Quotas: b.quotas})
	if err != nil {
		b.t.Fatalf("open: %v", err)
	}
	return ad
}

// clean reports secrets and buyer's words in a text.
func (b *bench) clean(what, text string) {
	b.t.Helper()
	for _, secret := range b.secrets {
		if strings.Contains(text, secret) && b.first(secret) {
			b.t.Errorf("%s contains a secret: %s", what, strings.ReplaceAll(text, secret, "<SECRET>"))
		}
	}
	for _, word := range b.s.BuyerWords {
		if strings.Contains(text, word) && b.first(word) {
			b.t.Errorf("%s contains the buyer's %q: %s", what, word, text)
		}
	}
}

// first keeps one leak from being reported a hundred times.
func (b *bench) first(word string) bool {
	_, told := b.told.LoadOrStore(word, true)
	return !told
}

// cleanErr is clean for an error that may be nil.
func (b *bench) cleanErr(what string, err error) {
	b.t.Helper()
	if err != nil {
		b.clean("the error of "+what, err.Error())
	}
}

// call runs f with a time-out and turns a panic into a failure.
func (b *bench) call(what string, f func(ctx context.Context) error) (err error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), callTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			b.t.Errorf("%s: panic: %v\n%s", what, p, debug.Stack())
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	err = f(ctx)
	b.cleanErr(what, err)
	return err
}

// eventually repeats f until it has nothing to say, and returns its last word:
// asynchronous steps of a market take a moment.
func (s *Suite) eventually(f func() string) string {
	patience := s.patience
	if patience == 0 {
		patience = 20 * time.Second
	}
	deadline, pause := time.Now().Add(patience), 5*time.Millisecond
	for {
		said := f()
		if said == "" || time.Now().After(deadline) {
			return said
		}
		time.Sleep(pause)
		pause = min(2*pause, time.Second)
	}
}

// hostGuard keeps tests away from real marketplaces: every call must go to the
// address in the settings.
type hostGuard struct {
	t    testing.TB
	host string
	next http.RoundTripper
}

func (g *hostGuard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != g.host {
		g.t.Errorf("%s %s: the call goes to another host than the one in the settings", r.Method, r.URL.Host+r.URL.Path)
		return nil, fmt.Errorf("host %s is not allowed in tests", r.URL.Host)
	}
	return g.next.RoundTrip(r)
}

// groupGuard reports quota groups that the descriptor does not list: such calls
// would have no limit at all.
type groupGuard struct {
	*rest.Buckets
	t      testing.TB
	limits []channel.Limit
	mu     sync.Mutex
	told   map[string]bool
}

func (g *groupGuard) Wait(ctx context.Context, group string, n int) error {
	known := len(g.limits) == 0
	for _, l := range g.limits {
		known = known || l.Group == group
	}
	if !known {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.told == nil {
			g.told = map[string]bool{}
		}
		if !g.told[group] {
			g.told[group] = true
			g.t.Errorf("a call is charged to the quota group %q, which Descriptor.Limits does not list", group)
		}
	}
	return g.Buckets.Wait(ctx, group, n)
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// drain reads a request to its end, so that the server notices when the client
// goes away.
func drain(r *http.Request) []byte {
	body, _ := io.ReadAll(r.Body)
	return body
}
