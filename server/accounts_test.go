package server_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/demo"
)

// wbToken makes a token as Wildberries gives them, unsigned, that must be in no
// answer.
func wbToken(t *testing.T, w *world) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	token := fmt.Sprintf("%s.%s.%s", part(map[string]any{"alg": "ES256"}),
		part(map[string]any{"exp": time.Now().Add(90 * 24 * time.Hour).Unix(), "s": 16, "sid": "00000000-0000-0000-0000-000000000000", "id": "1"}),
		base64.RawURLEncoding.EncodeToString([]byte("no signature")))
	w.hide(token)
	return token
}

func TestAccounts(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		add := func(body map[string]any) reply { return w.do(t, http.MethodPost, "/accounts", body) }
		const key = "12345678-aaaa-bbbb-cccc-1234567890ab"
		w.hide(key)
		var v api.AccountView
		add(map[string]any{"id": "oz-1", "channel": "ozon", "name": "Главный", "settings": map[string]string{"client_id": "100500", "api_key": key, "fbo": "no"}}).
			into(t, http.StatusCreated, &v)
		if v.ID != "oz-1" || v.Name != "Главный" || v.State != orderhub.AccountActive || v.Settings["api_key"] != "set" || v.Settings["client_id"] != "100500" {
			t.Errorf("%+v", v)
		}
		if !strings.HasPrefix(v.Webhook, "/hooks/oz-1/") || len(v.Webhook) < 40 {
			t.Errorf("webhook: %q", v.Webhook)
		}
		for _, f := range v.Feeds {
			if f.ConfirmedAt != nil || f.Late || f.LagSeconds != 0 {
				t.Errorf("a feed before its first sweep: %+v", f)
			}
		}
		hook := v.Webhook
		add(map[string]any{"id": "site-1", "channel": "site"}).into(t, http.StatusCreated, &v) // nothing is required
		if v.Name == "" || v.QuotaLeft == nil || v.Effects == nil {
			t.Errorf("%+v", v)
		}

		for _, tc := range []struct {
			name   string
			body   map[string]any
			status int
			field  string
			words  []string
		}{
			{"the same id", map[string]any{"id": "oz-1", "channel": "site"}, 409, "", []string{"oz-1"}},
			{"no id", map[string]any{"channel": "site"}, 422, "id", nil},
			{"id empty", map[string]any{"id": "", "channel": "site"}, 422, "id", []string{"a-z"}},
			{"id with capitals", map[string]any{"id": "Shop", "channel": "site"}, 422, "id", []string{"a-z"}},
			{"id with a path", map[string]any{"id": "a/../b", "channel": "site"}, 422, "id", nil},
			{"id too long", map[string]any{"id": strings.Repeat("a", 41), "channel": "site"}, 422, "id", []string{"40"}},
			{"no channel", map[string]any{"id": "a"}, 422, "channel", nil},
			{"unknown channel", map[string]any{"id": "a", "channel": "amazon"}, 422, "channel", []string{"ozon", "site"}},
			{"name too long", map[string]any{"id": "a", "channel": "site", "name": strings.Repeat("я", 101)}, 422, "name", []string{"100"}},
			{"setting of a wrong type", map[string]any{"id": "a", "channel": "site", "settings": map[string]any{"secret": 5}}, 422, "settings.secret", nil},
			{"a secret that is none", map[string]any{"id": "a", "channel": "site", "settings": map[string]string{"secret": "SENTINEL-1"}}, 422, "secret", nil},
			{"an address that is none", map[string]any{"id": "a", "channel": "site", "settings": map[string]string{"delivery_url": "shop"}}, 422, "delivery_url", []string{"https://"}},
			{"a delivery without a secret", map[string]any{"id": "a", "channel": "site", "settings": map[string]string{"delivery_url": "https://shop.example"}}, 422, "delivery_secret", nil},
		} {
			t.Run(tc.name, func(t *testing.T) { add(tc.body).refused(t, tc.status, tc.field, tc.words...) })
		}
		w.hide("SENTINEL-1")
		w.everySetting(t, add)

		// The webhook's key is in the view of the one account and nowhere else.
		r := w.do(t, http.MethodGet, "/accounts", nil)
		var list api.AccountList
		r.into(t, http.StatusOK, &list)
		if len(list.Accounts) != 2 || list.Accounts[0].Webhook != "" || strings.Contains(string(r.Body), hook) {
			t.Errorf("%+v", list)
		}
		w.accountStates(t)
	})
}

// everySetting leaves out, spoils and misspells each setting of each channel.
func (w *world) everySetting(t *testing.T, add func(map[string]any) reply) {
	t.Helper()
	good := map[string]map[string]string{
		"ozon":          {"client_id": "1", "api_key": "12345678-aaaa-bbbb-cccc-1234567890ab"},
		"wildberries":   {"token": wbToken(t, w)},
		"yandex_market": {"api_key": "ACMA:abcdefghijklmnopqrstuvwxyz0123456789:0a1b2c3d", "business_id": "77"},
		"site":          {},
		"bitrix":        {"webhook_url": "https://shop.example/rest/1/abcdef1234567890/"},
		"cml_shop":      {"base_url": "https://shop.example/1c_exchange.php", "login": "exchange", "password": "secret-of-the-exchange"},
		"insales":       {"shop": "myshop.myinsales.ru", "login": "0123456789abcdef", "password": "secret-of-the-key"},
		"shopify":       {"shop": "my-shop.myshopify.com", "client_id": "0123456789abcdef", "client_secret": "secret-of-the-app"},
		"woocommerce":   {"base_url": "https://shop.example", "consumer_key": "ck_0123456789", "consumer_secret": "cs_0123456789"},
	}
	w.hide("ACMA:abcdefghijklmnopqrstuvwxyz0123456789:0a1b2c3d")
	w.hide("SENTINEL")
	for _, c := range w.hub.Channels() {
		name := string(c.Descriptor.Name)
		try := func(field string, change func(s map[string]string), words ...string) {
			t.Helper()
			s := maps.Clone(good[name])
			change(s)
			add(map[string]any{"id": "try", "channel": name, "settings": s}).refused(t, http.StatusUnprocessableEntity, field, words...)
		}
		try("tokn", func(s map[string]string) { s["tokn"] = "SENTINEL" }, "known:")
		for _, s := range c.Descriptor.Settings {
			if s.Required {
				try(s.Key, func(m map[string]string) { delete(m, s.Key) }, s.Title)
			}
			if s.Secret {
				try(s.Key, func(m map[string]string) { m[s.Key] = "SENTINEL ё" })
			}
		}
	}
	var list api.AccountList
	w.do(t, http.MethodGet, "/accounts", nil).into(t, http.StatusOK, &list)
	for _, a := range list.Accounts {
		if a.ID == "try" {
			t.Error("a refused account is there")
		}
	}
}

func (w *world) accountStates(t *testing.T) {
	t.Helper()
	const path = "/accounts/oz-1"
	var v api.AccountView
	w.do(t, http.MethodPatch, path, map[string]any{"state": "paused"}).into(t, http.StatusOK, &v)
	if v.State != orderhub.AccountPaused || !strings.Contains(v.Problem, "paused") {
		t.Errorf("%+v", v)
	}
	w.do(t, http.MethodPatch, path, map[string]any{"state": "active"}).into(t, http.StatusOK, &v)
	if v.State != orderhub.AccountActive {
		t.Errorf("%+v", v)
	}
	for _, state := range []any{"removed", "Active", "", nil, 1} {
		w.do(t, http.MethodPatch, path, map[string]any{"state": state}).refused(t, http.StatusUnprocessableEntity, "state")
	}
	w.settingsChange(t, path)
	w.do(t, http.MethodDelete, path, nil).into(t, http.StatusNoContent, nil)
	// What was removed is gone for everything but its orders.
	w.do(t, http.MethodGet, path, nil).refused(t, http.StatusNotFound, "", "oz-1")
	w.do(t, http.MethodPatch, path, map[string]any{"state": "active"}).refused(t, http.StatusNotFound, "", "oz-1")
	w.do(t, http.MethodPatch, path, map[string]any{"settings": map[string]any{"client_id": "2"}}).refused(t, http.StatusNotFound, "", "oz-1")
	w.do(t, http.MethodDelete, path, nil).refused(t, http.StatusNotFound, "", "oz-1")
	w.do(t, http.MethodPost, path+"/check", nil).refused(t, http.StatusNotFound, "", "oz-1")
	w.do(t, http.MethodPost, path+"/audit", map[string]any{"from": "2026-11-01"}).refused(t, http.StatusNotFound, "", "oz-1")
	w.do(t, http.MethodPost, path+"/repull", map[string]any{"ids": []string{"1"}}).refused(t, http.StatusNotFound, "", "oz-1")
	w.do(t, http.MethodPost, path+"/quarantine/retry", nil).refused(t, http.StatusNotFound, "", "oz-1")
	for _, m := range []string{http.MethodGet, http.MethodDelete} {
		w.do(t, m, "/accounts/nobody", nil).refused(t, http.StatusNotFound, "", "nobody")
	}
	w.do(t, http.MethodPatch, "/accounts/nobody", map[string]any{"state": "active"}).refused(t, http.StatusNotFound, "", "nobody")
	w.do(t, http.MethodPost, "/accounts/nobody/check", nil).refused(t, http.StatusNotFound, "", "nobody")
	w.do(t, http.MethodPost, "/accounts", map[string]any{"id": "oz-1", "channel": "site"}).refused(t, http.StatusConflict, "", "another id")
}

// settingsChange replaces a key, and refuses what would leave the account without
// one.
func (w *world) settingsChange(t *testing.T, path string) {
	t.Helper()
	change := func(settings map[string]any) reply {
		return w.do(t, http.MethodPatch, path, map[string]any{"settings": settings})
	}
	const renewed = "87654321-aaaa-bbbb-cccc-1234567890ab"
	w.hide(renewed)
	var v api.AccountView
	change(map[string]any{"api_key": renewed}).into(t, http.StatusOK, &v)
	acc, err := w.store.Account(t.Context(), "oz-1")
	if err != nil || acc.Settings["api_key"] != renewed || acc.Settings["client_id"] != "100500" || v.Settings["api_key"] != "set" {
		t.Errorf("a renewed key: %v %v", v.Settings, err)
	}
	change(map[string]any{"api_key": ""}).refused(t, http.StatusUnprocessableEntity, "api_key")
	change(map[string]any{"api_key": "SENTINEL ё"}).refused(t, http.StatusUnprocessableEntity, "api_key")
	change(map[string]any{"tokn": "SENTINEL"}).refused(t, http.StatusUnprocessableEntity, "tokn", "known:")
	change(map[string]any{"client_id": 5}).refused(t, http.StatusUnprocessableEntity, "settings.client_id")
	change(map[string]any{}).refused(t, http.StatusUnprocessableEntity, "state")
	w.do(t, http.MethodPatch, path, map[string]any{"state": "paused", "settings": map[string]any{"client_id": "x"}}).refused(t, http.StatusUnprocessableEntity, "client_id")
	w.do(t, http.MethodGet, path, nil).into(t, http.StatusOK, &v)
	if v.State != orderhub.AccountActive || v.Settings["client_id"] != "100500" {
		t.Errorf("a refused change left something: %+v", v)
	}
	w.do(t, http.MethodPatch, "/accounts/nobody", map[string]any{"settings": map[string]any{"a": "b"}}).refused(t, http.StatusNotFound, "", "nobody")
}

// TestFailingCheck: credentials that do not work are an answer, not an error,
// and the account says so from then on.
func TestFailingCheck(t *testing.T) {
	each(t, options{sims: true}, func(t *testing.T, w *world) {
		for _, m := range w.sims.Markets() {
			if m.Channel() == "site" {
				continue
			}
			acc, err := w.store.Account(t.Context(), demo.AccountID(m.Channel()))
			if err != nil {
				t.Fatal(err)
			}
			settings := maps.Clone(acc.Settings)
			switch m.Channel() {
			case "ozon", "yandex_market":
				for k, v := range settings {
					if strings.Contains(k, "key") {
						settings[k] = v[:len(v)-1] + "0"
						if settings[k] == v {
							settings[k] = v[:len(v)-1] + "1"
						}
						w.hide(settings[k])
					}
				}
			case "wildberries":
				settings["token"] = wbToken(t, w)
			}
			w.addAccount(t, "bad", m.Channel(), settings)
			var check api.CheckView
			w.do(t, http.MethodPost, "/accounts/bad/check", nil).into(t, http.StatusOK, &check)
			if check.OK || check.Problem == "" {
				t.Errorf("%s: %+v", m.Channel(), check)
			}
			var v api.AccountView
			w.do(t, http.MethodGet, "/accounts/bad", nil).into(t, http.StatusOK, &v)
			if v.Problem == "" || v.Health.Error == "" || v.Health.FailingSince.IsZero() || v.Health.Class != orderhub.ClassAuth {
				t.Errorf("%s: %q %+v", m.Channel(), v.Problem, v.Health)
			}
			w.do(t, http.MethodPost, "/accounts/bad/audit", map[string]any{"from": "2026-11-01"}).refused(t, http.StatusBadGateway, "", "channel answered")
			w.do(t, http.MethodDelete, "/accounts/bad", nil).into(t, http.StatusNoContent, nil)
			break // one account "bad" per hub
		}
	})
}

func TestChannels(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		var list api.ChannelList
		w.do(t, http.MethodGet, "/channels", nil).into(t, http.StatusOK, &list)
		if len(list.Channels) != len(w.hub.Channels()) {
			t.Errorf("%d channels", len(list.Channels))
		}
		for _, c := range list.Channels {
			if c.Title == "" || len(c.Settings) == 0 || len(c.Statuses) == 0 || len(c.Steps) == 0 {
				t.Errorf("%+v", c)
			}
			for _, s := range c.Settings {
				if s.Title == "" || s.Help == "" {
					t.Errorf("%s: setting %+v", c.Name, s)
				}
			}
		}
		w.shop(t)
		for range 2 {
			w.send(t, "shop", payload("D-1", 1, set("status", "упаковывается")))
		}
		w.send(t, "shop", payload("D-2", 1, set("status", "упаковывается")))
		var drift api.DriftList
		w.do(t, http.MethodGet, "/drift", nil).into(t, http.StatusOK, &drift)
		if len(drift.Words) != 1 || drift.Words[0].Word != "упаковывается" || drift.Words[0].Count != 2 || drift.Words[0].AccountID != "shop" {
			t.Errorf("%+v", drift)
		}
	})
}
