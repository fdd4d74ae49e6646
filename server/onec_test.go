package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/server"
)

// TestOnecOverHTTP: an exchange is added over the API and used at both addresses.
func TestOnecOverHTTP(t *testing.T) {
	each(t, options{server: server.Options{OnecDir: t.TempDir()}}, func(t *testing.T, w *world) {
		w.shop(t)
		var made api.OnecView
		w.do(t, http.MethodPost, "/onec/nodes", map[string]any{
			"name": "УТ", "login": "ut", "orders_since": "2020-01-01T00:00:00Z", "buyers": map[string]string{"*": "Розничный покупатель"},
			"statuses_out": map[string]string{"new": "Принят"}, "stock": "1c",
		}).into(t, http.StatusCreated, &made)
		if made.Password == "" || *made.Zone != "Europe/Moscow" || made.StatusesOut["new"] != "Принят" {
			t.Errorf("%+v", made)
		}
		w.hide(made.Password)
		taken := w.send(t, "shop", payload("A-1", 1))
		for _, path := range []string{"/1c/exchange", "/bitrix/admin/1c_exchange.php"} {
			login := w.onec(t, path+"?type=sale&mode=checkauth", made.Password, "")
			lines := strings.Split(login, "\n")
			if lines[0] != "success" || len(lines) != 4 {
				t.Fatalf("%s: %q", path, login)
			}
			if got := w.onec(t, path+"?type=sale&mode=query", made.Password, lines[1]+"="+lines[2]); !strings.Contains(got, "<Номер>"+number(taken.Number)+"</Номер>") ||
				!strings.Contains(got, "Розничный покупатель") || !strings.Contains(got, "Принят") {
				t.Errorf("%s: %s", path, got)
			}
		}
		address := "/onec/nodes/" + number(made.ID)
		var state api.OnecStateView
		w.do(t, http.MethodGet, address, nil).into(t, http.StatusOK, &state)
		if state.Due != 1 || state.Unanswered != 2 || state.Password != "" || state.SeenAt == nil {
			t.Errorf("%+v", state)
		}
		var changed api.OnecView
		w.do(t, http.MethodPatch, address, map[string]any{"batch": 10}).into(t, http.StatusOK, &changed)
		if *changed.Batch != 10 || *changed.Login != "ut" || *changed.Stock != "1c" {
			t.Errorf("%+v", changed)
		}
		var resent api.OnecResent
		w.do(t, http.MethodPost, address+"/resend", map[string]any{"numbers": []int64{taken.Number}}).into(t, http.StatusOK, &resent)
		if resent.Orders != 1 {
			t.Errorf("%+v", resent)
		}
		var fresh api.OnecView
		w.do(t, http.MethodPost, address+"/password", nil).into(t, http.StatusOK, &fresh)
		w.hide(fresh.Password)
		if got := w.onec(t, "/1c/exchange?type=sale&mode=checkauth", made.Password, ""); !strings.HasPrefix(got, "failure\n") {
			t.Errorf("the old password: %q", got)
		}
		var conflicts api.OnecConflictList
		w.do(t, http.MethodGet, "/onec/conflicts?state=open", nil).into(t, http.StatusOK, &conflicts)
		if len(conflicts.Conflicts) != 0 {
			t.Errorf("%+v", conflicts)
		}
		w.do(t, http.MethodPost, "/onec/conflicts/4711/done", nil).refused(t, http.StatusNotFound, "")
		for field, bad := range map[string]map[string]any{
			"zone":           {"zone": "Mars/Base"},
			"buyers":         {"buyers": map[string]string{"nobody": "x"}},
			"statuses_out":   {"statuses_out": map[string]string{"lost": "x"}},
			"statuses_in":    {"statuses_in": map[string]string{"x": "lost"}},
			"cancel_reasons": {"cancel_reasons": map[string]string{"amazon": "x"}},
			"name":           {"name": " "},
			"login":          {"login": "a:b"},
			"batch":          {"batch": 0},
		} {
			if bad["name"] == nil {
				bad["name"] = "x"
			}
			w.do(t, http.MethodPost, "/onec/nodes", bad).refused(t, http.StatusUnprocessableEntity, field)
		}
		w.do(t, http.MethodPost, "/onec/nodes", map[string]any{"name": "ut"}).refused(t, http.StatusConflict, "")
		w.do(t, http.MethodDelete, address, nil).into(t, http.StatusNoContent, nil)
		w.do(t, http.MethodGet, address, nil).refused(t, http.StatusNotFound, "")
		w.do(t, http.MethodPost, "/onec/nodes", map[string]any{"name": "ut"}).into(t, http.StatusCreated, &fresh)
		w.hide(fresh.Password)
	})
}

func (w *world) onec(t *testing.T, path, password, cookie string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.srv.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("ut", password)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	resp, err := w.srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
