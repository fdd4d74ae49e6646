package server_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/orderhub/orderhub/api"
)

func TestNotifyRules(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		var made api.RuleView
		w.do(t, http.MethodPost, "/notify/rules", map[string]any{
			"name": "Returns to the manager", "on": "return", "window_seconds": 60, "quiet_from": "22:00", "quiet_to": "08:00",
			"filter": map[string]any{"accounts": []string{"shop"}, "states": []string{"announced"}},
		}).into(t, http.StatusCreated, &made)
		if made.ID == 0 || !*made.Enabled || made.Filter.Accounts[0] != "shop" || made.QuietTo != "08:00" || made.WindowSeconds != 60 {
			t.Errorf("%+v", made)
		}
		address := "/notify/rules/" + number(made.ID)
		var got api.RuleView
		w.do(t, http.MethodPut, address, map[string]any{"name": "Off", "on": "deadline", "enabled": false, "language": "en"}).into(t, http.StatusOK, &got)
		w.do(t, http.MethodGet, address, nil).into(t, http.StatusOK, &got)
		if *got.Enabled || got.Name != "Off" || got.QuietFrom != "" {
			t.Errorf("%+v", got)
		}
		for field, bad := range map[string]map[string]any{
			"on":              {"on": "weather"},
			"name":            {"name": " "},
			"filter.accounts": {"filter": map[string]any{"accounts": []string{"nobody"}}},
			"filter.channels": {"filter": map[string]any{"channels": []string{"amazon"}}},
			"filter.holds":    {"filter": map[string]any{"holds": []string{"tight"}}},
			"filter.statuses": {"filter": map[string]any{"statuses": []string{"lost"}}},
			"filter.states":   {"filter": map[string]any{"states": []string{""}}},
			"recipients":      {"recipients": []int{4711}},
			"template":        {"template": "poem"},
			"language":        {"language": "de"},
			"zone":            {"zone": "Mars/Base"},
			"quiet_from":      {"quiet_from": "late", "quiet_to": "08:00"},
			"digest_at":       {"digest_at": "9"},
			"window_seconds":  {"window_seconds": 100_000},
		} {
			rule := map[string]any{"name": "x", "on": "hold"}
			for k, v := range bad {
				rule[k] = v
			}
			w.do(t, http.MethodPost, "/notify/rules", rule).refused(t, http.StatusUnprocessableEntity, field)
		}
		w.do(t, http.MethodDelete, address, nil).into(t, http.StatusNoContent, nil)
		w.do(t, http.MethodDelete, address, nil).refused(t, http.StatusNotFound, "")
		w.do(t, http.MethodPut, address, map[string]any{"name": "x", "on": "hold"}).refused(t, http.StatusNotFound, "")
	})
}

func TestNotifyRecipients(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		var made, got api.RecipientView
		w.do(t, http.MethodPost, "/notify/recipients", map[string]any{"kind": "webhook", "name": "script", "address": "http://127.0.0.1:1/hook"}).into(t, http.StatusCreated, &made)
		if !strings.HasPrefix(made.Secret, "whsec_") || made.State != "active" || made.Language != "ru" {
			t.Fatalf("%+v", made)
		}
		w.hide(made.Secret) // shown once
		address := "/notify/recipients/" + number(made.ID)
		w.do(t, http.MethodPatch, address, map[string]any{"name": "other", "language": "en"}).into(t, http.StatusOK, &got)
		w.do(t, http.MethodGet, address, nil).into(t, http.StatusOK, &got)
		if got.Name != "other" || got.Language != "en" || got.Address != "http://127.0.0.1:1/hook" {
			t.Errorf("%+v", got)
		}
		w.do(t, http.MethodGet, "/notify/recipients", nil).into(t, http.StatusOK, nil)
		for field, bad := range map[string]map[string]any{
			"kind":     {"kind": "pigeon"},
			"name":     {"name": ""},
			"address":  {"address": "ftp://example.org"},
			"secret":   {"secret": "short"},
			"language": {"language": "de"},
			"may_act":  {"may_act": true},
		} {
			r := map[string]any{"kind": "webhook", "name": "x", "address": "https://example.org"}
			for k, v := range bad {
				r[k] = v
			}
			w.do(t, http.MethodPost, "/notify/recipients", r).refused(t, http.StatusUnprocessableEntity, field)
		}
		for _, kind := range []string{"telegram", "email"} {
			w.do(t, http.MethodPost, "/notify/recipients", map[string]any{"kind": kind, "name": "x", "address": "a@example.org"}).refused(t, http.StatusServiceUnavailable, "", "start it with")
		}
		var m api.NoticeView
		w.do(t, http.MethodPost, address+"/test", nil).into(t, http.StatusAccepted, &m)
		var page api.NoticePage
		w.do(t, http.MethodGet, "/notify/messages?state=pending&recipient="+number(made.ID), nil).into(t, http.StatusOK, &page)
		if len(page.Messages) != 1 || page.Messages[0].ID != m.ID || m.Text != "A test message of orderhub" {
			t.Errorf("%+v", page)
		}
		w.do(t, http.MethodPost, "/notify/messages/"+number(m.ID)+"/retry", nil).refused(t, http.StatusConflict, "", "pending")
		// A rule that named nobody else must not speak to everybody.
		var rule api.RuleView
		w.do(t, http.MethodPost, "/notify/rules", map[string]any{"name": "x", "on": "hold", "recipients": []int64{made.ID}}).into(t, http.StatusCreated, &rule)
		w.do(t, http.MethodDelete, address, nil).into(t, http.StatusNoContent, nil)
		w.do(t, http.MethodGet, "/notify/rules/"+number(rule.ID), nil).into(t, http.StatusOK, &rule)
		if *rule.Enabled {
			t.Error("the rule of a removed recipient is still on")
		}
		w.do(t, http.MethodGet, address, nil).refused(t, http.StatusNotFound, "")
		w.do(t, http.MethodGet, "/notify/messages?state=failed", nil).into(t, http.StatusOK, &page)
		if len(page.Messages) != 1 || page.Messages[0].Error != "the recipient was removed" {
			t.Errorf("%+v", page)
		}
		w.do(t, http.MethodPost, "/notify/messages/"+number(m.ID)+"/retry", nil).refused(t, http.StatusNotFound, "")
	})
}

func TestNotifyTemplates(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		const address = "/notify/templates/return/ru"
		own := `{{define "one"}}Вернули {{.First.Number}}{{end}}{{define "many"}}Вернули {{.Count}}{{end}}`
		var p api.Preview
		w.do(t, http.MethodPost, address+"/preview", map[string]any{"text": own}).into(t, http.StatusOK, &p)
		if p.One != "Вернули 100001" || p.Many != "Вернули 12" {
			t.Errorf("%+v", p)
		}
		w.do(t, http.MethodPost, address+"/preview", map[string]any{}).into(t, http.StatusOK, &p)
		if !strings.HasPrefix(p.Many, "12 новых возвратов:") {
			t.Errorf("%+v", p)
		}
		w.do(t, http.MethodPut, address, map[string]any{"text": own}).into(t, http.StatusOK, nil)
		owned := func() (n int) {
			var list api.TextList
			w.do(t, http.MethodGet, "/notify/templates", nil).into(t, http.StatusOK, &list)
			for _, v := range list.Templates {
				if v.Own && v.Text == own {
					n++
				}
			}
			return n
		}
		if owned() != 1 {
			t.Error("the own text is not listed")
		}
		w.do(t, http.MethodPut, address, map[string]any{"text": ""}).into(t, http.StatusOK, nil)
		if owned() != 0 {
			t.Error("the built-in text is not back")
		}
		w.do(t, http.MethodPut, address, map[string]any{"text": `{{define "one"}}{{.First.Phone}}{{end}}`}).refused(t, http.StatusUnprocessableEntity, "text", "Phone")
		w.do(t, http.MethodPut, "/notify/templates/poem/ru", map[string]any{}).refused(t, http.StatusUnprocessableEntity, "name", "known:")
		w.do(t, http.MethodPut, "/notify/templates/return/de", map[string]any{}).refused(t, http.StatusUnprocessableEntity, "language", "ru, en")
	})
}

func number(id int64) string { return strconv.FormatInt(id, 10) }
