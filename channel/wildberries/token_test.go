package wildberries

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// testToken writes a token as the cabinet gives it, with a signature of nothing.
func testToken(t tokenInfo) string {
	payload, err := json.Marshal(t)
	if err != nil {
		panic(err)
	}
	enc := base64.RawURLEncoding
	return enc.EncodeToString([]byte(`{"alg":"ES256","typ":"JWT"}`)) + "." + enc.EncodeToString(payload) + "." + enc.EncodeToString([]byte("not checked"))
}

var testNow = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// allCategories are those that the adapter uses.
const allCategories = 1<<bitMarketplace | 1<<bitContent | 1<<bitReturns | 1<<bitAnalytics

func TestDecodeToken(t *testing.T) {
	t.Parallel()
	want := tokenInfo{Type: 3, Mask: 1<<bitMarketplace | 1<<5 | 1<<bitReadOnly, Expires: testNow.Unix(), Seller: "seller-uuid"}
	got, err := decodeToken(testToken(want))
	if err != nil || got != want {
		t.Fatalf("got %+v, %v; want %+v", got, err, want)
	}
	if can := got.can(); !slices.Equal(can, []string{"personal token", "Marketplace", "Statistics", "read only"}) {
		t.Errorf("can = %v", can)
	}
	for _, bad := range []string{"", "abc", "a.b.c", "a.!!!.c", "a." + base64.RawURLEncoding.EncodeToString([]byte(`[1]`)) + ".c"} {
		if _, err := decodeToken(bad); !errors.Is(err, errNotJWT) {
			t.Errorf("decodeToken(%q) = %v, want errNotJWT", bad, err)
		}
	}
}

func TestTokenWarnings(t *testing.T) {
	t.Parallel()
	good := tokenInfo{Type: 3, Mask: 1<<bitMarketplace | 1<<bitContent, Expires: testNow.Add(100 * 24 * time.Hour).Unix()}
	tests := []struct {
		name   string
		change func(*tokenInfo)
		custom bool
		want   string // part of the one warning; "" = none
	}{
		{"good", func(*tokenInfo) {}, false, ""},
		{"read-only", func(i *tokenInfo) { i.Mask |= 1 << bitReadOnly }, false, "read-only"},
		{"other category", func(i *tokenInfo) { i.Mask = 1 << bitContent }, false, "lacks the category Marketplace"},
		{"orders only", func(i *tokenInfo) { i.Mask = 1 << bitMarketplace }, false, "lacks the category Content"},
		{"fifteen days", func(i *tokenInfo) { i.Expires = testNow.Add(15 * 24 * time.Hour).Unix() }, false, ""},
		{"thirteen days", func(i *tokenInfo) { i.Expires = testNow.Add(13*24*time.Hour + time.Hour).Unix() }, false, "expires in 13 days"},
		{"an hour", func(i *tokenInfo) { i.Expires = testNow.Add(time.Hour).Unix() }, false, "within a day"},
		{"over", func(i *tokenInfo) { i.Expires = testNow.Add(-time.Hour).Unix() }, false, "expired on 2026-11-20"},
		{"basic", func(i *tokenInfo) { i.Type = 1 }, false, "basic token"},
		{"test", func(i *tokenInfo) { i.Type, i.Test = 2, true }, false, "sandbox"},
		{"test at another host", func(i *tokenInfo) { i.Type, i.Test = 2, true }, true, ""},
		{"no end told", func(i *tokenInfo) { i.Expires = 0 }, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			info := good
			tt.change(&info)
			got := info.warnings(testNow, tt.custom)
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("warnings = %v, want none", got)
			case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)):
				t.Errorf("warnings = %v, want one with %q", got, tt.want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	var pings, infos atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) {
		pings.Add(1)
		w.Write([]byte(`{"TS":"2026-11-20T15:00:00+03:00","Status":"OK"}`))
	})
	mux.HandleFunc("GET /api/v1/seller-info", func(w http.ResponseWriter, _ *http.Request) {
		infos.Add(1)
		w.Write([]byte(`{"name":"ИП Образец","sid":"seller-uuid","tradeMark":"Тестовый дом"}`))
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	end := testNow.Add(10 * 24 * time.Hour)
	check := func(info tokenInfo) (channel.CheckResult, error) {
		a := testAdapter(t, srv.URL, map[string]string{settingToken: testToken(info)})
		return a.Check(t.Context())
	}

	res, err := check(tokenInfo{Type: 3, Mask: allCategories, Expires: end.Unix(), Seller: "seller-uuid"})
	if err != nil || res.Name != "Тестовый дом" || !res.Expires.Equal(end) || len(res.Warnings) != 1 || pings.Load() != 1 || infos.Load() != 1 {
		t.Errorf("personal: %+v, %v; %d pings, %d infos", res, err, pings.Load(), infos.Load())
	}
	// A basic token may ask for its name once a day: the hub does not.
	res, err = check(tokenInfo{Type: 1, Mask: allCategories, Seller: "seller-uuid"})
	if err != nil || res.Name != "seller-uuid" || pings.Load() != 2 || infos.Load() != 1 {
		t.Errorf("basic: %+v, %v; %d pings, %d infos", res, err, pings.Load(), infos.Load())
	}
	// An expired token is told without a call.
	_, err = check(tokenInfo{Type: 3, Mask: 1 << bitMarketplace, Expires: testNow.Add(-time.Hour).Unix()})
	if orderhub.ClassOf(err) != orderhub.ClassAuth || pings.Load() != 2 {
		t.Errorf("expired: %v, %d pings", err, pings.Load())
	}
	if res, err := testAdapter(t, srv.URL, map[string]string{settingToken: "opaque"}).Check(t.Context()); err != nil || len(res.Warnings) != 1 {
		t.Errorf("opaque: %+v, %v", res, err)
	}
}

// testAdapter opens an adapter against a server, at a fixed time and without
// quotas in the way.
func testAdapter(t *testing.T, url string, settings map[string]string) *adapter {
	t.Helper()
	s := channel.Settings{channel.SettingBaseURL: url, settingToken: testToken(tokenInfo{Type: 3, Mask: 1 << bitMarketplace})}
	for k, v := range settings {
		s[k] = v
	}
	ad, err := Channel.Open(s, channel.Deps{Now: func() time.Time { return testNow }, Quotas: freeQuotas()})
	if err != nil {
		t.Fatal(err)
	}
	return ad.(*adapter)
}
