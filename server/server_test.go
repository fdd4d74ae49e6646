package server_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/server"
	"github.com/orderhub/orderhub/store/storetest"
)

func TestHealthAndFront(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
			r := w.raw(t, http.MethodGet, path, nil)
			if r.Status != http.StatusOK || string(r.Body) != want || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
				t.Errorf("%s: %d %q", path, r.Status, r.Body)
			}
			if r := w.raw(t, http.MethodHead, path, nil); r.Status != http.StatusOK {
				t.Errorf("HEAD %s: %d", path, r.Status)
			}
			if r := w.raw(t, http.MethodPost, path, "x"); r.Status != http.StatusMethodNotAllowed {
				t.Errorf("POST %s: %d", path, r.Status)
			}
		}
		front := w.raw(t, http.MethodGet, "/", nil)
		if front.Status != http.StatusOK || !strings.HasPrefix(front.Header.Get("Content-Type"), "text/html") || !strings.Contains(string(front.Body), "orderhub v0") {
			t.Errorf("front page: %d %s", front.Status, front.Body)
		}
		csp := front.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "http") {
			t.Errorf("Content-Security-Policy: %s", csp)
		}
		if bad := regexp.MustCompile(`(?i)<script|<img|<link|<iframe|@import|url\(|src=|https?://|//[a-z]`).Find(front.Body); bad != nil {
			t.Errorf("the front page asks the network for something: %s", bad)
		}
		for header, want := range map[string]string{"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
			if got := front.Header.Get(header); got != want {
				t.Errorf("%s is %q", header, got)
			}
		}
		for _, path := range []string{"/nothing", "/index.html", "/hooks", "/hooks/shop", "/.env", "/debug/pprof/"} {
			if r := w.raw(t, http.MethodGet, path, nil); r.Status != http.StatusNotFound {
				t.Errorf("%s: %d", path, r.Status)
			}
		}
	})
}

// documented are the metrics that the documents promise.
var documented = []string{
	"orderhub_raw_saved_total", "orderhub_news_total", "orderhub_inbox_pending", "orderhub_inbox_quarantined", "orderhub_effects",
	"orderhub_effect_oldest_seconds", "orderhub_feed_lag_seconds", "orderhub_webhooks_total", "go_goroutines",
}

func TestMetrics(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.addAccount(t, "oz", "ozon", map[string]string{"client_id": "1", "api_key": "12345678-aaaa-bbbb-cccc-1234567890ab"})
		a := w.addAccount(t, "shop", "site", map[string]string{"secret": hookSecret, "delivery_url": "https://shop.example/orders"})
		o := w.send(t, "shop", payload("M-1", 1))
		w.do(t, http.MethodPost, fmt.Sprintf("/orders/%d/transitions", o.Number), map[string]any{"to": "confirmed"}).into(t, http.StatusOK, nil)
		body := event(t, "order.created", payload("M-2", 1))
		w.raw(t, http.MethodPost, "/hooks/shop/"+a.HookKey, body, signed(t, hookSecret, "m", body)...)
		r := w.raw(t, http.MethodGet, "/metrics", nil)
		if r.Status != http.StatusOK {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(string(r.Body)))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range documented {
			if f := families[name]; f == nil || f.GetHelp() == "" {
				t.Errorf("%s is missing", name)
			}
		}
		for _, want := range []string{
			`orderhub_inbox_pending{account="shop"} 1`, `orderhub_effects{account="shop",state="intent"} 1`, `orderhub_webhooks_total{account="shop",result="taken"} 1`,
			`orderhub_news_total{account="shop",verdict="applied"} 1`, `orderhub_inbox_quarantined{account="oz"} 0`,
		} {
			if !strings.Contains(string(r.Body), want+"\n") {
				t.Errorf("want %s in\n%s", want, onlyOwn(r.Body))
			}
		}
		if strings.Contains(string(r.Body), a.HookKey) {
			t.Error("the metrics tell the webhook key")
		}
	})
}

// broken is a channel whose adapter fails badly.
type broken struct{}

func (broken) Normalise(string, []byte) (orderhub.Snapshot, error) {
	panic("secret inside: lev@example.org")
}

func (broken) Check(context.Context) (channel.CheckResult, error) {
	panic("secret inside: lev@example.org")
}

func (broken) ParseWebhook(*http.Request, []byte, netip.Addr) (channel.Webhook, error) {
	panic("secret inside: lev@example.org")
}

func (broken) ErrorReply(error) channel.Reply { return channel.Reply{Status: http.StatusTeapot} }

func TestPanics(t *testing.T) {
	ch := channel.Channel{
		Descriptor: channel.Descriptor{Name: "broken", Title: "Broken"},
		Open:       func(channel.Settings, channel.Deps) (channel.Adapter, error) { return broken{}, nil },
	}
	each(t, options{channels: []channel.Channel{ch}}, func(t *testing.T, w *world) {
		a := w.addAccount(t, "b", "broken", nil)
		r := w.do(t, http.MethodPost, "/accounts/b/check", nil)
		r.refused(t, http.StatusInternalServerError, "", "log")
		hook := w.raw(t, http.MethodPost, "/hooks/b/"+a.HookKey, "{}")
		if hook.Status != http.StatusInternalServerError || leaks.Match(hook.Body) || strings.Contains(string(r.Body)+string(hook.Body), "secret") {
			t.Errorf("%s, a webhook: %d %s", r.Body, hook.Status, hook.Body)
		}
		if !strings.Contains(w.log.String(), "panicked") || !strings.Contains(w.log.String(), "server_test.go") {
			t.Errorf("the log does not say where: %s", w.log)
		}
		w.do(t, http.MethodGet, "/orders", nil).into(t, http.StatusOK, nil) // it goes on
	})
}

// TestServe: the server ends with its context, and lets a running request end.
func TestServe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.New(server.Options{Hub: w.hub}).Serve(ctx, l) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Error("the server does not end")
	}
}

// TestAnswersAreNotForOtherSites: no cross-origin permission is ever given.
func TestAnswersAreNotForOtherSites(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{})
	for _, path := range []string{"/", "/metrics", "/api/openapi.json", "/api/v1/orders"} {
		for _, m := range []string{http.MethodGet, http.MethodOptions} {
			r := w.raw(t, m, path, nil, "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
			for h := range r.Header {
				if strings.HasPrefix(h, "Access-Control-") {
					t.Errorf("%s %s: %s", m, path, h)
				}
			}
			if m == http.MethodOptions && r.Status != http.StatusMethodNotAllowed && !slices.Contains([]int{http.StatusNotFound, http.StatusUnauthorized}, r.Status) {
				t.Errorf("OPTIONS %s: %d", path, r.Status)
			}
		}
	}
}
