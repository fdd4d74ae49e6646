package server_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/store"
)

func TestAudits(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		w.addAccount(t, "other", "site", map[string]string{"secret": hookSecret})
		w.send(t, "shop", payload("T-1", 1))
		quarantined := w.keep(t, "shop", "site_order", "no order", "no order either")[1]
		if err := w.hub.AcceptPending(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		at := w.store.Now()
		save := func(account, day string, missing, extra []string) {
			t.Helper()
			if err := w.store.SaveAudit(t.Context(), store.AuditDay{AccountID: account, Day: day, At: at, Theirs: 3, Ours: 2, Missing: missing, Extra: extra}); err != nil {
				t.Fatal(err)
			}
		}
		none := []string{}
		save("shop", "2026-11-02", []string{"T-1", "X-1", "X-9"}, []string{"E-1"})
		save("shop", "2026-11-01", none, none)
		save("other", "2026-11-02", none, none)

		var list api.AuditList
		w.do(t, http.MethodGet, "/audits", nil).into(t, http.StatusOK, &list)
		var got []string
		for _, d := range list.Days {
			got = append(got, d.Day+"/"+d.AccountID)
		}
		if want := []string{"2026-11-02/other", "2026-11-02/shop", "2026-11-01/shop"}; !slices.Equal(got, want) || list.After != "" {
			t.Errorf("listed %v, then %q, want %v", got, list.After, want)
		}
		if d := list.Days[1]; d.Lacking != 2 || len(d.Missing) != 3 {
			t.Errorf("T-1 has come since, the other two have not: %+v", d)
		}
		var page api.AuditList
		w.do(t, http.MethodGet, "/audits?limit=2", nil).into(t, http.StatusOK, &page)
		if len(page.Days) != 2 || page.After != "2026-11-02/shop" {
			t.Fatalf("first page: %+v", page)
		}
		after := page.After
		page = api.AuditList{}
		w.do(t, http.MethodGet, "/audits?limit=2&after="+after, nil).into(t, http.StatusOK, &page)
		if len(page.Days) != 1 || page.Days[0].Day != "2026-11-01" || page.After != "" {
			t.Errorf("second page: %+v", page)
		}
		list = api.AuditList{}
		w.do(t, http.MethodGet, "/audits?gaps=true", nil).into(t, http.StatusOK, &list)
		if len(list.Days) != 1 || list.Days[0].AccountID != "shop" {
			t.Errorf("with gaps: %+v", list)
		}

		var card api.AuditCard
		w.do(t, http.MethodGet, "/accounts/shop/audits/2026-11-02", nil).into(t, http.StatusOK, &card)
		if len(card.Orders) != 4 || card.Lacking != 2 || !card.At.Equal(at.Truncate(time.Microsecond)) {
			t.Fatalf("%+v", card)
		}
		if o := card.Orders[0]; o.ExternalID != "T-1" || o.Gap != api.GapMissing || o.Number == 0 || o.Status != "new" || o.RawState != "done" {
			t.Errorf("come since: %+v", o)
		}
		if o := card.Orders[1]; o.Number != 0 || o.Raw != quarantined || o.RawState != "quarantined" || o.RawError == "" {
			t.Errorf("in quarantine: %+v", o)
		}
		if o := card.Orders[2]; o.Number != 0 || o.Raw != 0 {
			t.Errorf("never heard of: %+v", o)
		}
		if o := card.Orders[3]; o.ExternalID != "E-1" || o.Gap != api.GapExtra {
			t.Errorf("extra: %+v", o)
		}
		w.do(t, http.MethodGet, "/accounts/shop/audits/2026-11-03", nil).refused(t, http.StatusNotFound, "", "2026-11-03")
		w.do(t, http.MethodGet, "/accounts/nobody/audits/2026-11-02", nil).refused(t, http.StatusNotFound, "")
		w.do(t, http.MethodGet, "/accounts/shop/audits/yesterday", nil).refused(t, http.StatusUnprocessableEntity, "day")
		for _, mark := range []string{"2026-11-02", "soon/shop", "2026-11-02%2F"} {
			w.do(t, http.MethodGet, "/audits?after="+mark, nil).refused(t, http.StatusUnprocessableEntity, "after")
		}
	})
}
