package server_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
)

func TestAutomationRules(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		w.send(t, "shop", payload("a", 1))
		rule := map[string]any{"name": "Дорогие", "on": []string{"received"}, "if": `channel == "site" and sum > 1`, "then": []any{map[string]any{"do": "tag", "tag": "vip"}}}
		var made, got api.AutoRuleView
		w.do(t, http.MethodPost, "/rules", rule).into(t, http.StatusCreated, &made)
		if made.Enabled || made.PerHour != 20 || made.ID == 0 {
			t.Errorf("%+v", made)
		}
		address := "/rules/" + number(made.ID)
		w.do(t, http.MethodPatch, address, map[string]any{"enabled": true}).into(t, http.StatusOK, &got)
		rule["per_hour"] = 5
		w.do(t, http.MethodPut, address, rule).into(t, http.StatusOK, &got)
		w.do(t, http.MethodGet, address, nil).into(t, http.StatusOK, &got)
		if !got.Enabled || got.PerHour != 5 {
			t.Errorf("%+v", got)
		}
		w.do(t, http.MethodGet, "/rules", nil).into(t, http.StatusOK, nil)
		var tried api.AutoRuleTried
		w.do(t, http.MethodPost, "/rule-trials", map[string]any{"rule": map[string]any{"name": "x", "on": []string{"received"}, "if": "units > 0", "then": rule["then"]}, "last": 10}).into(t, http.StatusOK, &tried)
		if tried.Fired != 1 || tried.Events != 1 || len(tried.Orders) != 1 || !tried.Complete {
			t.Errorf("%+v", tried)
		}
		for field, bad := range map[string]map[string]any{
			"on":                {"on": []string{"moonrise"}},
			"if":                {"if": "sume > 1"},
			"name":              {"name": " "},
			"per_hour":          {"per_hour": 0.5},
			"then":              {"then": []any{}},
			"then[0].do":        {"then": []any{map[string]any{"do": "explode"}}},
			"then[0].recipient": {"then": []any{map[string]any{"do": "webhook", "recipient": 4711}}},
		} {
			r := map[string]any{"name": "y", "on": []string{"received"}, "then": rule["then"]}
			for k, v := range bad {
				r[k] = v
			}
			w.do(t, http.MethodPost, "/rules", r).refused(t, http.StatusUnprocessableEntity, field)
		}
		w.do(t, http.MethodPost, "/rules", rule).refused(t, http.StatusUnprocessableEntity, "name")
		w.do(t, http.MethodGet, "/firings?rule="+number(made.ID)+"&number=1&outcome=done", nil).into(t, http.StatusOK, nil)
		var fields api.FieldList
		w.do(t, http.MethodGet, "/rule-fields", nil).into(t, http.StatusOK, &fields)
		if len(fields.Fields) < 30 {
			t.Errorf("%d fields", len(fields.Fields))
		}
		w.do(t, http.MethodDelete, address, nil).into(t, http.StatusNoContent, nil)
		w.do(t, http.MethodGet, address, nil).refused(t, http.StatusNotFound, "")
		w.do(t, http.MethodPatch, address, map[string]any{"enabled": true}).refused(t, http.StatusNotFound, "")
	})
}

// A condition about what buyers wrote, tried again and again, would read it aloud.
func TestConditionsDoNotTellPersonalData(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		shop := w.shop(t)
		w.send(t, shop.ID, payload("S-1", 1, set("comment", "код 4711")))
		most := slices.DeleteFunc(slices.Clone(orderhub.Permissions), func(p orderhub.Permission) bool { return p == orderhub.PersonalData })
		less := []string{"Authorization", "Bearer " + w.scoped(t, "less", most...)}
		rule := map[string]any{"name": "r", "on": []string{"received"}, "if": `lower(comment) contains "код 4"`, "then": []any{map[string]any{"do": "tag", "tag": "x"}}}
		var tried api.AutoRuleTried
		w.do(t, http.MethodPost, "/rule-trials", map[string]any{"rule": rule}).into(t, http.StatusOK, &tried)
		if tried.Fired != 1 {
			t.Fatalf("the test is blind: %+v", tried)
		}
		w.do(t, http.MethodPost, "/rule-trials", map[string]any{"rule": rule}, less...).refused(t, http.StatusForbidden, "", "personal_data")
		w.do(t, http.MethodPost, "/rules", rule, less...).refused(t, http.StatusForbidden, "", "personal_data")
		rule["if"] = "sum > 1"
		w.do(t, http.MethodPost, "/rule-trials", map[string]any{"rule": rule}, less...).into(t, http.StatusOK, &tried)
	})
}
