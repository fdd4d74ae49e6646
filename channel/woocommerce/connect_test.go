package woocommerce

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/marketsim/woosim"
)

func TestCheckKeepsTheWebhooks(t *testing.T) {
	t.Parallel()
	pings := make(chan string, 100)
	hub := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		pings <- string(body)
	}))
	defer hub.Close()
	a, m, _ := setup(t, woosim.Options{}, map[string]string{settingHookURL: hub.URL})
	res, err := a.Check(t.Context())
	if err != nil || len(res.Warnings) > 0 {
		t.Fatalf("first check: %+v, %v", res, err)
	}
	if hooks := m.Hooks(); len(hooks) != 4 || hooks["order.updated"] != "active" {
		t.Fatalf("webhooks in the shop: %v", hooks)
	}
	m.SetHook("order.updated", "disabled")
	m.SetHook("order.deleted", "paused")
	res, err = a.Check(t.Context())
	if err != nil || len(res.Warnings) != 2 || m.Hooks()["order.updated"] != "active" || m.Hooks()["order.deleted"] != "paused" {
		t.Errorf("second check: %+v, %v, %v", res.Warnings, err, m.Hooks())
	}
	if res, err = a.Check(t.Context()); err != nil || len(res.Warnings) != 1 {
		t.Errorf("third check: %+v, %v", res, err)
	}
	for range 4 {
		body := <-pings
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks/shop/key", nil)
		if hook, err := a.ParseWebhook(r, []byte(body), netip.MustParseAddr("127.0.0.1")); err != nil || hook.Reply.Status != 200 || hook.Hints != nil {
			t.Errorf("ping %s: %+v, %v", body, hook, err)
		}
	}
}

// What the stand-in signs is taken, and names the order.
func TestWebhooksOfTheStandIn(t *testing.T) {
	t.Parallel()
	a, m, _ := setup(t, woosim.Options{}, nil)
	hints := make(chan channel.Webhook, 100)
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		hook, err := a.ParseWebhook(r, body, netip.MustParseAddr("127.0.0.1"))
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		w.WriteHeader(hook.Reply.Status)
		if len(hook.Hints) > 0 {
			hints <- hook
		}
	}))
	defer hub.Close()
	m.Notify(hub.URL)
	id := place(t, m, 1)[0]
	if hook := <-hints; hook.Hints[0] != id || hook.DedupeID == "" {
		t.Errorf("got %+v, want a hint at %s", hook, id)
	}
	if err := m.Trash(id); err != nil {
		t.Fatal(err)
	}
	if hook := <-hints; hook.Hints[0] != id || hook.DedupeID != "" {
		t.Errorf("got %+v, want a hint at %s that is never a repeat", hook, id)
	}
}

// More than five refusals in a row switch a webhook off, and none is sent again.
func TestWebhookIsSwitchedOff(t *testing.T) {
	t.Parallel()
	refused := make(chan struct{}, 100)
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		if r.Header.Get("X-WC-Webhook-Topic") != "" {
			refused <- struct{}{}
		}
	}))
	defer hub.Close()
	_, m, _ := setup(t, woosim.Options{}, nil)
	m.Notify(hub.URL)
	place(t, m, 10)
	// Waits: the shop sends by itself, and gives up by itself.
	for deadline := time.Now().Add(10 * time.Second); m.Hooks()["order.created"] != "disabled"; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the webhook is still on")
		}
	}
	if n := len(refused); n > 8 {
		t.Errorf("%d messages were sent; want none after the one that switched it off", n)
	}
}

func TestKeyInTheAddress(t *testing.T) {
	t.Parallel()
	a, m, srv := setup(t, woosim.Options{}, map[string]string{settingAuth: authQuery})
	place(t, m, 1)
	if items, _, _ := sweep(t, a, feedOrders, nil); len(items) != 1 {
		t.Errorf("%d orders", len(items))
	}
	srv.Close()
	_, err := a.List(t.Context(), feedOrders, nil)
	if err == nil || strings.Contains(err.Error(), m.Settings()[settingSecret]) {
		t.Errorf("the error is %v", err)
	}
}

// What stands before a shop answers in its place.
func TestFirewallsAndWrongAddresses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		class  orderhub.Class
		says   string
	}{
		"HTML with 200":    {200, "<html>Checking your browser</html>", orderhub.ClassRetry, "a firewall"},
		"firewall":         {403, "<html>Forbidden</html>", orderhub.ClassAuth, "a firewall"},
		"plain permalinks": {404, "<html>Not found</html>", orderhub.ClassRejected, "permalinks"},
		"no WooCommerce":   {404, refusal("rest_no_route", "No route was found", 404), orderhub.ClassRejected, "switched on"},
		"http for https":   {301, "", orderhub.ClassRejected, "another address"},
		"read-only key":    {401, refusal("woocommerce_rest_cannot_edit", "Sorry, you are not allowed to edit this resource.", 401), orderhub.ClassAuth, "not allowed to edit"},
		"mark before JSON": {200, "\ufeff[]", "", ""},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://www.example.org/")
			w.WriteHeader(tt.status)
			fmt.Fprint(w, tt.body)
		}))
		ad, err := Channel.Open(channel.Settings{channel.SettingBaseURL: srv.URL, settingKey: testKey, settingSecret: testSecret}, channel.Deps{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = ad.(*adapter).List(t.Context(), feedOrders, nil)
		srv.Close()
		if (err == nil) != (tt.class == "") || (err != nil && (orderhub.ClassOf(err) != tt.class || !strings.Contains(err.Error(), tt.says))) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAddressesOfShops(t *testing.T) {
	t.Parallel()
	for v, good := range map[string]bool{
		"https://shop.example.org": true, "https://shop.example.org/store/": true, "http://192.168.1.5": true, "http://localhost:8080": true,
		"http://shop.example.org": false, "https://shop.example.org/wp-json/wc/v3": false, "https://a:b@shop.example.org": false, "https://shop.example.org/?x=1": false,
	} {
		if err := checkShop(v); (err == nil) != good {
			t.Errorf("%s: %v", v, err)
		}
	}
}

func TestKeysThatAreSwapped(t *testing.T) {
	t.Parallel()
	_, err := Channel.Open(channel.Settings{channel.SettingBaseURL: "https://shop.example", settingKey: testSecret, settingSecret: testKey}, channel.Deps{})
	if err == nil || !strings.Contains(err.Error(), "consumer secret") {
		t.Errorf("got %v", err)
	}
}

// The vector of the facts about WooCommerce's signatures.
func TestSignatureVector(t *testing.T) {
	t.Parallel()
	a := &adapter{hookKey: "s3cr3t"}
	if !a.signed([]byte(`{"id":727,"status":"processing"}`), "/ZQ1DdNBQQeY1ffzSoZud+SQvSc9DJ3ep/umJ9T5f4I=") {
		t.Error("the signature is refused")
	}
}
