package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/server"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/webhook"
)

// signed makes the headers of a message of the shop.
func signed(t *testing.T, secret, id string, body []byte) []string {
	t.Helper()
	key, err := webhook.ParseSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	if err := webhook.Sign(h, key, id, time.Now(), body); err != nil {
		t.Fatal(err)
	}
	return []string{
		webhook.HeaderID, h.Get(webhook.HeaderID), webhook.HeaderTimestamp, h.Get(webhook.HeaderTimestamp),
		webhook.HeaderSignature, h.Get(webhook.HeaderSignature),
	}
}

func event(t *testing.T, typ string, data any) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{"type": typ, "timestamp": "2026-11-20T10:00:00Z", "data": data})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSiteWebhook(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		a := w.shop(t)
		hook := "/hooks/shop/" + a.HookKey
		body := event(t, "order.created", payload("W-1", 1))
		good := signed(t, hookSecret, "msg-1", body)
		for range 2 { // the second is a repeat of the sender's
			if r := w.raw(t, http.MethodPost, hook, body, good...); r.Status != http.StatusAccepted {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
		}
		if err := w.hub.AcceptPending(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		var card api.OrderCard
		w.do(t, http.MethodGet, "/accounts/shop/orders/W-1", nil).into(t, http.StatusOK, &card)

		// Whatever is wrong with a signature has the same answer.
		other := signed(t, webhook.NewSecret(), "msg-2", body)
		var texts []string
		for name, header := range map[string][]string{
			"another secret": other,
			"none":           nil,
			"another body":   signed(t, hookSecret, "msg-3", []byte("{}")),
			"no id":          append(signed(t, hookSecret, "msg-4", body), webhook.HeaderID, ""),
			"an old time":    append(signed(t, hookSecret, "msg-5", body), webhook.HeaderTimestamp, "1000000000"),
			"another id":     append(signed(t, hookSecret, "msg-6", body), webhook.HeaderID, "msg-7"),
		} {
			r := w.raw(t, http.MethodPost, hook, body, header...)
			if r.Status != http.StatusUnauthorized {
				t.Errorf("%s: %d %s", name, r.Status, r.Body)
			}
			texts = append(texts, string(r.Body))
		}
		for _, text := range texts {
			if text != texts[0] {
				t.Errorf("different answers: %q and %q", text, texts[0])
			}
		}
		if r := w.raw(t, http.MethodPost, hook, event(t, "order.created", payload("W-2", 1)), signed(t, hookSecret, "msg-1", event(t, "order.created", payload("W-2", 1)))...); r.Status != http.StatusConflict {
			t.Errorf("the same id with another body: %d %s", r.Status, r.Body)
		}
		ping := event(t, "ping", nil)
		if r := w.raw(t, http.MethodPost, hook, ping, signed(t, hookSecret, "msg-8", ping)...); r.Status != http.StatusAccepted {
			t.Errorf("ping: %d %s", r.Status, r.Body)
		}
		if r := w.raw(t, http.MethodPost, hook, body, append(good, "Content-Type", "text/plain")...); r.Status != http.StatusUnsupportedMediaType {
			t.Errorf("text/plain: %d %s", r.Status, r.Body)
		}
		raws, err := w.store.ListRaw(t.Context(), store.RawFilter{Limit: 10})
		if err != nil || len(raws) != 1 {
			t.Errorf("%d raw messages are kept, want the one: %v", len(raws), err)
		}
	})
}

// TestHookAddresses: a stranger cannot tell an account from none.
func TestHookAddresses(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		a := w.shop(t)
		key := a.HookKey
		w.hide(key)
		var texts []string
		for _, address := range []string{
			"/hooks/nobody/" + key, "/hooks/shop/" + strings.Repeat("0", len(key)), "/hooks/shop/x", "/hooks/shop/" + key[1:], "/hooks/shop/" + key + "0",
			"/hooks/nobody/x", "/hooks/%00/x", "/hooks/%ff/x", "/hooks/shop/%00", "/hooks/shop/x/notification", "/hooks/'%20or%201=1/x",
		} {
			r := w.raw(t, http.MethodPost, address, "{}")
			if r.Status != http.StatusNotFound {
				t.Errorf("%s: %d %s", address, r.Status, r.Body)
			}
			texts = append(texts, string(r.Body))
		}
		for _, text := range texts {
			if text != texts[0] {
				t.Errorf("different answers: %q and %q", text, texts[0])
			}
		}
		for _, m := range []string{"GET", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			if r := w.raw(t, m, "/hooks/shop/"+key, nil); r.Status != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "POST" {
				t.Errorf("%s: %d, Allow %q", m, r.Status, r.Header.Get("Allow"))
			}
		}
		big := strings.Repeat(" ", 1<<20) + "{}"
		for _, address := range []string{"/hooks/shop/" + key, "/hooks/nobody/x"} {
			if r := w.raw(t, http.MethodPost, address, big); r.Status != http.StatusRequestEntityTooLarge {
				t.Errorf("more than 1 MiB to %s: %d", address, r.Status)
			}
		}
		w.do(t, http.MethodDelete, "/accounts/shop", nil).into(t, http.StatusNoContent, nil)
		if r := w.raw(t, http.MethodPost, "/hooks/shop/"+key, "{}"); r.Status != http.StatusNotFound {
			t.Errorf("a removed account: %d", r.Status)
		}
	})
}

func TestMarketplaceWebhooks(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		ozon := w.addAccount(t, "oz", "ozon", map[string]string{
			"client_id": "100500", "api_key": "12345678-aaaa-bbbb-cccc-1234567890ab", "base_url": "http://127.0.0.1:1", // may send from here
		})
		yandex := w.addAccount(t, "ym", "yandex_market", map[string]string{"api_key": "ACMA:abcdefghijklmnopqrstuvwxyz0123456789:0a1b2c3d", "business_id": "77"})
		w.hide("12345678-aaaa-bbbb-cccc-1234567890ab")
		w.hide("abcdefghijklmnopqrstuvwxyz0123456789")

		ping := map[string]any{"message_type": "TYPE_PING", "time": "2026-11-20T10:00:00Z"}
		r := w.raw(t, http.MethodPost, "/hooks/oz/"+ozon.HookKey, ping)
		var pong map[string]string
		r.into(t, http.StatusOK, &pong)
		if pong["name"] == "" || pong["version"] == "" || pong["time"] == "" || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			t.Errorf("the answer to Ozon's PING: %s %s", r.Header.Get("Content-Type"), r.Body)
		}
		news := map[string]any{"message_type": "TYPE_NEW_POSTING", "seller_id": 100500, "posting_number": "24219509-0020-1", "products": []any{}, "in_process_at": "2026-11-20T10:00:00Z", "warehouse_id": 1}
		w.raw(t, http.MethodPost, "/hooks/oz/"+ozon.HookKey, news).into(t, http.StatusOK, nil)
		var view api.AccountView
		w.do(t, http.MethodGet, "/accounts/oz", nil).into(t, http.StatusOK, &view)
		if view.Hints != 1 {
			t.Errorf("%d hints after a notification", view.Hints)
		}
		big := fmt.Sprintf(`{"message_type":"TYPE_PING","x":%q}`, strings.Repeat("x", 256<<10))
		if r := w.raw(t, http.MethodPost, "/hooks/oz/"+ozon.HookKey, big); r.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("more than Ozon's limit: %d %s", r.Status, r.Body)
		}
		if r := w.raw(t, http.MethodPost, "/hooks/oz/"+strings.Repeat("0", len(ozon.HookKey)), big); r.Status != http.StatusNotFound {
			t.Errorf("more than Ozon's limit with a wrong key tells that the account exists: %d", r.Status)
		}

		for _, suffix := range []string{"/notification", "", "/"} {
			r := w.raw(t, http.MethodPost, "/hooks/ym/"+yandex.HookKey+suffix, map[string]any{"notificationType": "PING", "time": "2026-11-20T10:00:00Z"})
			pong = nil
			r.into(t, http.StatusOK, &pong)
			if pong["name"] == "" || pong["version"] == "" {
				t.Errorf("the answer to Yandex Market's PING: %s", r.Body)
			}
		}
		if r := w.raw(t, http.MethodPost, "/hooks/ym/"+yandex.HookKey+"/notification", "nonsense"); r.Status != http.StatusBadRequest || leaks.Match(r.Body) {
			t.Errorf("nonsense: %d %s", r.Status, r.Body)
		}
	})
}

// TestSenders: whose word counts for where a message came from.
func TestSenders(t *testing.T) {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	inner := append([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, loopback...)
	const ozons, foreign = "195.34.21.7", "203.0.113.9"
	each(t, options{}, func(t *testing.T, w *world) {
		a := w.addAccount(t, "oz", "ozon", map[string]string{"client_id": "1", "api_key": "12345678-aaaa-bbbb-cccc-1234567890ab"})
		for _, tc := range []struct {
			name    string
			trusted []netip.Prefix
			remote  string
			xff     []string
			want    int
		}{
			{"straight from Ozon", nil, ozons + ":9", nil, 200},
			{"straight from a stranger", nil, foreign + ":9", nil, 403},
			{"a stranger who says to be Ozon", nil, foreign + ":9", []string{ozons}, 403},
			{"a stranger who says to be us", nil, foreign + ":9", []string{"127.0.0.1"}, 403},
			{"through the proxy from Ozon", loopback, "127.0.0.1:9", []string{ozons}, 200},
			{"through the proxy from Ozon, by IPv6", loopback, "[::1]:9", []string{ozons}, 200},
			{"through the proxy, mapped into IPv6", loopback, "127.0.0.1:9", []string{"::ffff:" + ozons}, 200},
			{"through the proxy from a stranger", loopback, "127.0.0.1:9", []string{foreign}, 403},
			{"through the proxy from a stranger who says to be Ozon", loopback, "127.0.0.1:9", []string{ozons + ", " + foreign}, 403},
			{"the same in two headers", loopback, "127.0.0.1:9", []string{ozons, foreign}, 403},
			{"through the proxy from a stranger who says to be us", loopback, "127.0.0.1:9", []string{"127.0.0.1, " + foreign}, 403},
			{"through two proxies from Ozon", inner, "127.0.0.1:9", []string{foreign + ", " + ozons + ", 10.1.2.3"}, 200},
			{"through two proxies from a stranger", inner, "127.0.0.1:9", []string{ozons + "," + foreign + ",10.1.2.3"}, 403},
			{"nobody can read it", loopback, "127.0.0.1:9", []string{"unknown"}, 403},
			{"nobody can read what a stranger wrote before it", loopback, "127.0.0.1:9", []string{"x, " + ozons}, 200},
			{"nobody can read what came to the first proxy", inner, "127.0.0.1:9", []string{"x, 10.1.2.3"}, 403},
			{"an empty entry", loopback, "127.0.0.1:9", []string{ozons + ","}, 403},
			{"with a port", loopback, "127.0.0.1:9", []string{ozons + ":4711"}, 200},
			{"IPv6 with a port", loopback, "127.0.0.1:9", []string{"[2001:db8::1]:4711"}, 403},
			{"the proxy itself", loopback, "127.0.0.1:9", nil, 403},
			{"not the proxy", inner, "198.51.100.1:9", []string{ozons}, 403},
			{"the machine itself", nil, "127.0.0.1:9", nil, 403},
		} {
			h := server.New(server.Options{Hub: w.hub, TrustedProxies: tc.trusted})
			req := httptest.NewRequest(http.MethodPost, "/hooks/oz/"+a.HookKey, strings.NewReader(`{"message_type":"TYPE_PING"}`))
			req.RemoteAddr = tc.remote
			req.Header["X-Forwarded-For"] = tc.xff
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, req)
			if rec.Code != tc.want {
				t.Errorf("%s: %d, want %d: %s", tc.name, rec.Code, tc.want, rec.Body)
			}
		}
	})
}

// TestPausedAccountsListen: a pause stops our calls; what is told to us is kept.
func TestPausedAccountsListen(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		a := w.shop(t)
		w.do(t, http.MethodPatch, "/accounts/shop", map[string]any{"state": orderhub.AccountPaused}).into(t, http.StatusOK, nil)
		body := event(t, "order.created", payload("W-1", 1))
		if r := w.raw(t, http.MethodPost, "/hooks/shop/"+a.HookKey, body, signed(t, hookSecret, "m", body)...); r.Status != http.StatusAccepted {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		if page := w.list(t, url.Values{}); len(page.Orders) != 0 {
			t.Errorf("accepted without anybody's work: %v", ids(page))
		}
	})
}
