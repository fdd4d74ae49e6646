package site

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/webhook"
)

// shop is a server that keeps what it gets.
type shop struct {
	*httptest.Server
	mu    sync.Mutex
	ids   []string
	types []string
}

func newShop(t *testing.T, answer http.HandlerFunc) *shop {
	s := &shop{}
	key, err := webhook.ParseSecret(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		id, err := webhook.Verify(r.Header, body, testNow, key)
		if err != nil {
			t.Errorf("the shop got a message that does not verify: %v", err)
		}
		var event struct{ Type string }
		_ = json.Unmarshal(body, &event)
		s.mu.Lock()
		s.ids, s.types = append(s.ids, id), append(s.types, event.Type)
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func toShop(s *shop) channel.Settings {
	return channel.Settings{settingDeliveryURL: s.URL + "/hub?token=x", settingAllowPrivate: "yes"}
}

func push(key string) channel.Push {
	return channel.Push{Key: key, Order: siteOrder(1001, "727"), To: orderhub.StatusPacked, Attempt: 1}
}

// The shop drops repeats by webhook-id, so nothing about a lost answer is
// uncertain: it is sent again.
func TestLostAnswersAreRepeatedAndNeverUncertain(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"cut":     func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"silence": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"500":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"502":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) },
		"408":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(408) },
		"425":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(425) },
	} {
		s := newShop(t, answer)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		results, err := setup(t, toShop(s)).PushStatus(ctx, []channel.Push{push("effect-1")})
		cancel()
		if err != nil || results[0].Outcome != channel.OutcomeFailed || orderhub.ClassOf(results[0].Err) != orderhub.ClassRetry {
			t.Errorf("%s: got %+v, %v", name, results, err)
		}
	}
}

func TestAnswersOfTheShop(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]struct {
		class orderhub.Class // "" = done
		says  string
	}{
		200: {}, 202: {}, 204: {},
		302: {orderhub.ClassRejected, "redirects are not followed"},
		400: {orderhub.ClassRejected, "refused"},
		401: {orderhub.ClassAuth, "compare the secrets"},
		404: {orderhub.ClassRejected, "refused"},
		410: {orderhub.ClassRejected, "the shop's address is gone"},
		429: {orderhub.ClassRateLimited, ""},
	} {
		s := newShop(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
		})
		results, err := setup(t, toShop(s)).PushStatus(t.Context(), []channel.Push{push("effect-1")})
		if err != nil {
			t.Fatal(err)
		}
		r := results[0]
		if want.class == "" {
			if r.Outcome != channel.OutcomeDone {
				t.Errorf("%d: got %+v", status, r)
			}
			continue
		}
		if r.Outcome != channel.OutcomeFailed || orderhub.ClassOf(r.Err) != want.class || !strings.Contains(r.Err.Error(), want.says) {
			t.Errorf("%d: got %+v", status, r)
		}
		if strings.Contains(r.Err.Error(), "token=x") {
			t.Errorf("%d: the error quotes the address's query: %v", status, r.Err)
		}
		if n := len(s.ids); n != 1 {
			t.Errorf("%d: %d calls, want 1", status, n)
		}
	}
}

func TestALongAnswerOfTheShopIsNoFailure(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, maxAnswer+1)) })
	results, err := setup(t, toShop(s)).PushStatus(t.Context(), []channel.Push{push("effect-1")})
	if err != nil || results[0].Outcome != channel.OutcomeDone {
		t.Errorf("got %+v, %v", results, err)
	}
}

// One bad answer costs one message; a shop that seems to be away is left alone.
func TestABatchLeavesAShopAloneThatIsAway(t *testing.T) {
	t.Parallel()
	answers := []int{200, 400, 503, 200, 503, 503, 400, 502, 503, 503}
	n := 0
	s := newShop(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(answers[n])
		n++
	})
	var batch []channel.Push
	for i := range 12 {
		batch = append(batch, push("effect-"+strconv.Itoa(i+1)))
	}
	results, err := setup(t, toShop(s)).PushStatus(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range results {
		got = append(got, string(r.Outcome))
	}
	want := []string{"done", "failed", "failed", "done", "failed", "failed", "failed", "failed", "failed", "failed", "unsent", "unsent"}
	if !slices.Equal(got, want) || n != len(answers) {
		t.Errorf("got %v with %d calls, want %v with %d", got, n, want, len(answers))
	}
}

func TestWithoutAddressNothingIsSent(t *testing.T) {
	t.Parallel()
	a := setup(t, nil)
	results, err := a.PushStatus(t.Context(), []channel.Push{push("effect-1")})
	if err != nil || results[0].Outcome != channel.OutcomeDone || results[0].Note != noAddress {
		t.Errorf("got %+v, %v", results, err)
	}
	check, err := a.Check(t.Context())
	if err != nil || !slices.Contains(check.Warnings, noAddress) {
		t.Errorf("check: got %+v, %v", check, err)
	}
}

func TestPrivateTargetsAreRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(http.ResponseWriter, *http.Request) { t.Error("the hub called a private address") })
	for _, url := range []string{s.URL, strings.Replace(s.URL, "127.0.0.1", "localhost", 1), "http://[::1]:9/", "http://169.254.169.254/latest"} {
		a, err := open(channel.Settings{settingSecret: testSecret, settingDeliveryURL: url}, channel.Deps{HTTP: s.Client()})
		if err != nil {
			t.Fatal(err)
		}
		results, err := a.(*adapter).PushStatus(t.Context(), []channel.Push{push("effect-1")})
		if err != nil || orderhub.ClassOf(results[0].Err) != orderhub.ClassRejected || !strings.Contains(results[0].Err.Error(), "allow_private_targets") {
			t.Errorf("%s: got %+v, %v", url, results, err)
		}
	}
}

func TestIsPublic(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]bool{
		"93.184.216.34": true, "2a02:6b8::2:242": true, "::ffff:93.184.216.34": true,
		"127.0.0.1": false, "127.9.9.9": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false,
		"100.64.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "255.255.255.255": false, "224.0.0.1": false, "240.0.0.1": false,
		"198.18.0.1": false, "::": false, "::1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "ff02::1": false,
		"::ffff:127.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001:db8::1": false,
	} {
		if got := webhook.IsPublic(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: got %v, want %v", addr, got, want)
		}
	}
}

func TestCheckSendsASignedPing(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	result, err := setup(t, toShop(s)).Check(t.Context())
	if err != nil || !slices.Equal(s.types, []string{"ping"}) || result.Name == "" {
		t.Errorf("got %+v, %v, the shop got %v", result, err, s.types)
	}
	if !slices.Equal(result.Can, []string{"order.status_changed", "order.lines_cancelled"}) {
		t.Errorf("can: got %v", result.Can)
	}
	result, err = setup(t, withStock(s)).Check(t.Context())
	if err != nil || !slices.Equal(result.Can, []string{"order.status_changed", "order.lines_cancelled", "stock.updated"}) {
		t.Errorf("can, with stock: got %v, %v", result.Can, err)
	}
	down := newShop(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) })
	if _, err := setup(t, toShop(down)).Check(t.Context()); orderhub.ClassOf(err) != orderhub.ClassAuth {
		t.Errorf("got %v, want class auth", err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		in    map[string]string
		field string // "" = fine
	}{
		{"nothing: REST intake only", map[string]string{}, ""},
		{"all", map[string]string{
			"secret": testSecret, "secret_old": oldSecret, "delivery_url": "https://shop.example.org/hub",
			"delivery_secret": oldSecret, "allow_private_targets": "yes", "stock": "webhook",
		}, ""},
		{"short secret", map[string]string{"secret": "whsec_AAAA"}, "secret"},
		{"no address", map[string]string{"delivery_url": "shop.example.org"}, "delivery_url"},
		{"address with a password", map[string]string{"delivery_url": "https://a:b@shop.example.org"}, "delivery_url"},
		{"address without any secret", map[string]string{"delivery_url": "https://shop.example.org"}, "delivery_secret"},
		{"stock some way", map[string]string{"stock": "push"}, "stock"},
		{"stock to nowhere", map[string]string{"secret": testSecret, "stock": "webhook"}, "stock"},
		{"maybe", map[string]string{"allow_private_targets": "maybe"}, "allow_private_targets"},
	} {
		settings, err := Channel.Descriptor.Resolve(tt.in)
		if err == nil {
			_, err = Channel.Open(settings, channel.Deps{})
		}
		var e *orderhub.Error
		if (err == nil) != (tt.field == "") || (err != nil && (!asError(err, &e) || e.Field != tt.field)) {
			t.Errorf("%s: got %v, want field %q", tt.name, err, tt.field)
		}
	}
}
