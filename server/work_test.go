package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

func TestTransitions(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.addAccount(t, "shop", "site", map[string]string{"secret": hookSecret, "delivery_url": "https://shop.example/orders"})
		o := w.send(t, "shop", payload("T-1", 1))
		path := fmt.Sprintf("/orders/%d/transitions", o.Number)
		ask := func(wish map[string]any) reply { return w.do(t, http.MethodPost, path, wish) }

		ask(map[string]any{"to": "sent"}).refused(t, http.StatusUnprocessableEntity, "to", "sent", "shipped")
		ask(map[string]any{"to": ""}).refused(t, http.StatusUnprocessableEntity, "to")
		ask(map[string]any{"to": "delivered"}).refused(t, http.StatusConflict, "", "new", "confirmed")
		ask(map[string]any{"to": "returned"}).refused(t, http.StatusConflict, "")
		ask(map[string]any{"to": "unknown"}).refused(t, http.StatusConflict, "")
		ask(map[string]any{"to": "new"}).refused(t, http.StatusConflict, "", "already")
		ask(map[string]any{"to": "confirmed", "comment": strings.Repeat("ж", 1001)}).refused(t, http.StatusUnprocessableEntity, "comment", "1000")
		ask(map[string]any{"to": "confirmed", "reason": strings.Repeat("ж", 101)}).refused(t, http.StatusUnprocessableEntity, "reason")
		ask(map[string]any{"to": "confirmed", "params": map[string]string{strings.Repeat("k", 61): ""}}).refused(t, http.StatusUnprocessableEntity, "params."+strings.Repeat("k", 60)+"…")
		ask(map[string]any{"to": "confirmed", "params": map[string]string{"boxes": strings.Repeat("k", 20_001)}}).refused(t, http.StatusUnprocessableEntity, "params.boxes")
		ask(map[string]any{"to": "confirmed", "params": map[string]any{"boxes": 1}}).refused(t, http.StatusUnprocessableEntity, "params.boxes")
		w.do(t, http.MethodPost, "/orders/1/transitions", map[string]any{"to": "confirmed"}).refused(t, http.StatusNotFound, "")
		w.do(t, http.MethodPost, "/orders/x/transitions", map[string]any{"to": "confirmed"}).refused(t, http.StatusUnprocessableEntity, "number")

		var out api.Outcome
		ask(map[string]any{"to": "confirmed"}).into(t, http.StatusOK, &out)
		if !out.OK || out.Number != o.Number || out.Order.Status != orderhub.StatusConfirmed || len(out.Effects) != 1 || out.Problem != nil {
			t.Errorf("%+v", out)
		}
		hold := fmt.Sprintf("/orders/%d/hold", o.Number)
		var held api.OrderRow
		w.do(t, http.MethodPost, hold, map[string]any{"on": true, "why": "нет упаковки"}).into(t, http.StatusOK, &held)
		if len(held.Holds) != 1 || held.Holds[0] != orderhub.HoldManual {
			t.Errorf("holds: %v", held.Holds)
		}
		w.do(t, http.MethodPost, hold, map[string]any{"on": true}).into(t, http.StatusOK, nil) // again
		ask(map[string]any{"to": "packed"}).refused(t, http.StatusConflict, "", "hold", "manual")
		w.do(t, http.MethodPost, hold, map[string]any{"on": false}).into(t, http.StatusOK, &held)
		if len(held.Holds) != 0 {
			t.Errorf("holds: %v", held.Holds)
		}
		w.do(t, http.MethodPost, "/orders/1/hold", map[string]any{"on": true}).refused(t, http.StatusNotFound, "")
		ask(map[string]any{"to": "cancelled", "reason": "нет товара"}).into(t, http.StatusOK, &out)
		if out.Order.Status != orderhub.StatusCancelled {
			t.Errorf("%+v", out.Order)
		}
		ask(map[string]any{"to": "packed"}).refused(t, http.StatusConflict, "", "cancelled")

		number := func(tail string) string { return fmt.Sprintf("/orders/%d/%s", o.Number, tail) }
		w.do(t, http.MethodPost, number("tracking"), map[string]any{"tracking": "RA1"}).refused(t, http.StatusUnprocessableEntity, "", "Own site")
		w.do(t, http.MethodPost, number("tracking"), map[string]any{"tracking": ""}).refused(t, http.StatusUnprocessableEntity, "tracking")
		w.do(t, http.MethodPost, number("tracking"), map[string]any{"tracking": "  "}).refused(t, http.StatusUnprocessableEntity, "tracking")
		w.do(t, http.MethodPost, number("tracking"), map[string]any{"tracking": strings.Repeat("1", 101)}).refused(t, http.StatusUnprocessableEntity, "tracking")
		w.do(t, http.MethodPost, number("cancel-answer"), map[string]any{"accept": true}).refused(t, http.StatusConflict, "", "no cancel request")
		w.do(t, http.MethodPost, "/orders/1/cancel-answer", map[string]any{"accept": true}).refused(t, http.StatusNotFound, "")
		w.do(t, http.MethodPost, "/orders/1/tracking", map[string]any{"tracking": "RA1"}).refused(t, http.StatusNotFound, "")
	})
}

func TestManyTransitions(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		a, b := w.send(t, "shop", payload("1", 1)), w.send(t, "shop", payload("2", 1, set("status", "cancelled")))
		c := w.send(t, "shop", payload("3", 1, set("status", "такого нет")))
		if c.Status != orderhub.StatusUnknown || c.Native != "такого нет" {
			t.Errorf("an unknown word: %+v", c.OrderRow)
		}
		var out api.Outcomes
		w.do(t, http.MethodPost, "/transitions", map[string]any{"to": "confirmed", "numbers": []int64{b.Number, a.Number, 1, c.Number, a.Number}}).into(t, http.StatusOK, &out)
		want := []struct {
			number int64
			status int
			word   string
		}{
			{b.Number, 409, "cancelled"},
			{a.Number, 0, ""},
			{1, 404, "1"},
			{c.Number, 409, "такого нет"},
			{a.Number, 409, "already"},
		}
		if len(out.Outcomes) != len(want) {
			t.Fatalf("%+v", out)
		}
		for i, o := range out.Outcomes {
			tc := want[i]
			if o.Number != tc.number || o.OK != (tc.status == 0) {
				t.Errorf("%d: %+v", i, o)
			}
			if tc.status != 0 && (o.Problem == nil || o.Problem.Status != tc.status || !strings.Contains(o.Problem.Detail, tc.word) || o.Order != nil) {
				t.Errorf("%d: %+v %+v", i, o, o.Problem)
			}
		}
		ask := func(numbers any) reply {
			return w.do(t, http.MethodPost, "/transitions", map[string]any{"to": "confirmed", "numbers": numbers})
		}
		ask([]int{}).refused(t, http.StatusUnprocessableEntity, "numbers")
		ask(make([]int, 501)).refused(t, http.StatusUnprocessableEntity, "numbers", "500")
		ask(nil).refused(t, http.StatusUnprocessableEntity, "numbers")
		ask([]any{"1"}).refused(t, http.StatusUnprocessableEntity, "numbers[0]", "whole number")
		ask([]any{1.5}).refused(t, http.StatusUnprocessableEntity, "numbers[0]", "whole number")
		for _, n := range []string{"1e30", "1.0", "99999999999999999999"} {
			w.do(t, http.MethodPost, "/transitions", `{"to":"confirmed","numbers":[`+n+`]}`).refused(t, http.StatusUnprocessableEntity, "numbers", "whole numbers")
		}
		w.do(t, http.MethodPost, "/transitions", map[string]any{"to": "gone", "numbers": []int64{a.Number}}).refused(t, http.StatusUnprocessableEntity, "to")
	})
}

// TestMarketplaceWork: a push to each marketplace and what comes back of it,
// through the API alone.
func TestMarketplaceWork(t *testing.T) {
	each(t, options{sims: true}, func(t *testing.T, w *world) {
		oz := w.place(t, w.sims.Ozon, marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: "A", Quantity: 1, PriceMinor: 100}, {SKU: "B", Quantity: 2, PriceMinor: 50}}})
		if oz.Status != orderhub.StatusNew || oz.Units != 3 || len(oz.Lines) != 2 {
			t.Errorf("Ozon: %+v", oz.OrderRow)
		}
		var cancel *api.NextStep
		for i, n := range oz.Next {
			if n.To == orderhub.StatusCancelled {
				cancel = &oz.Next[i]
			}
			if n.To == orderhub.StatusShipped || n.To == orderhub.StatusDelivered {
				t.Errorf("%s can be asked for", n.To)
			}
		}
		if cancel == nil || len(cancel.Reasons) == 0 || cancel.Reasons[0].Code == "" || cancel.Reasons[0].Title == "" {
			t.Fatalf("no reasons to cancel with: %+v", oz.Next)
		}
		path := fmt.Sprintf("/orders/%d/transitions", oz.Number)
		w.do(t, http.MethodPost, path, map[string]any{"to": "cancelled"}).refused(t, http.StatusUnprocessableEntity, "reason", cancel.Reasons[0].Code)
		w.do(t, http.MethodPost, path, map[string]any{"to": "cancelled", "reason": "bored"}).refused(t, http.StatusUnprocessableEntity, "reason")
		w.do(t, http.MethodPost, path, map[string]any{"to": "shipped"}).refused(t, http.StatusConflict, "")
		var out api.Outcome
		w.do(t, http.MethodPost, path, map[string]any{"to": "confirmed"}).into(t, http.StatusOK, &out)
		if out.Order.Requested != orderhub.StatusConfirmed || out.Order.Status != orderhub.StatusNew || len(out.Effects) != 1 {
			t.Errorf("asked: %+v", out.Order)
		}
		card := w.await(t, w.sims.Ozon, oz.ExternalID, func(c api.OrderCard) bool {
			return c.Status == orderhub.StatusConfirmed && len(c.Effects) > 0 && c.Effects[0].State == orderhub.EffectConfirmed
		})
		if card.Requested != "" || card.ChannelStatus != orderhub.StatusConfirmed {
			t.Errorf("confirmed: %+v", card.OrderRow)
		}

		group := w.place(t, w.sims.Yandex, marketsim.OrderSpec{})
		w.do(t, http.MethodPost, fmt.Sprintf("/orders/%d/transitions", group.Number), map[string]any{"to": "packed"}).into(t, http.StatusOK, nil)
		w.await(t, w.sims.Yandex, group.ExternalID, func(c api.OrderCard) bool { return c.Status == orderhub.StatusPacked && c.Requested == "" })

		w.auditsAndRepulls(t, oz, card)
		w.views(t)
	})
}

func (w *world) auditsAndRepulls(t *testing.T, oz api.OrderCard, card api.OrderCard) {
	t.Helper()
	day := oz.PlacedAt.Format("2006-01-02")
	var list api.AuditList
	w.do(t, http.MethodPost, "/accounts/ozon-main/audit", map[string]any{"from": day}).into(t, http.StatusOK, &list)
	if len(list.Days) != 1 || list.Days[0].Ours != 1 || list.Days[0].Theirs != 1 || len(list.Days[0].Missing)+len(list.Days[0].Extra) > 0 {
		t.Errorf("audit: %+v", list)
	}
	var saved api.AuditList
	w.do(t, http.MethodGet, "/audits?account=ozon-main&limit=400", nil).into(t, http.StatusOK, &saved)
	if !slices.ContainsFunc(saved.Days, func(d api.AuditView) bool { return d.Day == day && d.Ours == 1 }) {
		t.Errorf("saved audits: %+v", saved)
	}
	for _, tc := range []struct {
		body  map[string]any
		field string
	}{
		{map[string]any{}, "from"},
		{map[string]any{"from": "23.11.2026"}, "from"},
		{map[string]any{"from": "2026-11-31"}, "from"},
		{map[string]any{"from": "2026-11-02", "to": "2026-11-01"}, "to"},
		{map[string]any{"from": "2026-11-01", "to": "2026-12-02"}, "to"},
		{map[string]any{"from": "2026-11-01", "to": "soon"}, "to"},
	} {
		w.do(t, http.MethodPost, "/accounts/ozon-main/audit", tc.body).refused(t, http.StatusUnprocessableEntity, tc.field)
	}
	w.do(t, http.MethodPost, "/accounts/ozon-main/audit", map[string]any{"from": "2026-01-01", "to": "2026-01-31"}).into(t, http.StatusOK, &list)
	if len(list.Days) != 31 {
		t.Errorf("%d days", len(list.Days))
	}
	w.do(t, http.MethodPost, "/accounts/shop/audit", map[string]any{"from": day}).refused(t, http.StatusUnprocessableEntity, "", "Own site")
	w.do(t, http.MethodPost, "/accounts/nobody/audit", map[string]any{"from": day}).refused(t, http.StatusNotFound, "")

	var got struct {
		Read, Saved int
		NotFound    []string `json:"not_found"`
	}
	repull := func(body map[string]any) reply {
		return w.do(t, http.MethodPost, "/accounts/ozon-main/repull", body)
	}
	repull(map[string]any{"ids": []string{card.ExternalID, "00000000-0000-1"}}).into(t, http.StatusOK, &got)
	if got.Read != 1 || len(got.NotFound) != 1 || got.NotFound[0] != "00000000-0000-1" {
		t.Errorf("repull by ids: %+v", got)
	}
	from, to := oz.PlacedAt.Add(-3600e9).Format("2006-01-02T15:04:05Z"), oz.PlacedAt.Add(3600e9).Format("2006-01-02T15:04:05Z")
	repull(map[string]any{"from": from, "to": to}).into(t, http.StatusOK, &got)
	if got.Read != 1 {
		t.Errorf("repull by time: %+v", got)
	}
	for _, body := range []map[string]any{
		{}, {"ids": []string{}}, {"from": from}, {"to": to}, {"ids": []string{"1"}, "from": from, "to": to}, {"ids": []string{"1"}, "to": to},
	} {
		repull(body).refused(t, http.StatusUnprocessableEntity, "ids", "either")
	}
	repull(map[string]any{"ids": make([]string, 1001)}).refused(t, http.StatusUnprocessableEntity, "ids", "1000")
	repull(map[string]any{"from": to, "to": from}).refused(t, http.StatusUnprocessableEntity, "to")
	repull(map[string]any{"from": "2025-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}).refused(t, http.StatusUnprocessableEntity, "to", "31 days")
	repull(map[string]any{"from": "2025-01-01", "to": to}).refused(t, http.StatusUnprocessableEntity, "from")
	w.do(t, http.MethodPost, "/accounts/shop/repull", map[string]any{"ids": []string{"1"}}).refused(t, http.StatusUnprocessableEntity, "", "Own site")
	w.do(t, http.MethodPost, "/accounts/nobody/repull", map[string]any{"ids": []string{"1"}}).refused(t, http.StatusNotFound, "")
}

// views looks at accounts that live: freshness, quotas, the check.
func (w *world) views(t *testing.T) {
	t.Helper()
	var list api.AccountList
	eventually(t, "all feeds swept", func() bool {
		w.do(t, http.MethodGet, "/accounts", nil).into(t, http.StatusOK, &list)
		for _, a := range list.Accounts {
			for _, f := range a.Feeds {
				if f.ConfirmedAt == nil && f.Feed != pipeline.ReconcileFeed {
					return false
				}
			}
		}
		return true
	})
	for _, a := range list.Accounts {
		var check api.CheckView
		w.do(t, http.MethodPost, "/accounts/"+a.ID+"/check", nil).into(t, http.StatusOK, &check)
		if !check.OK || check.Problem != "" {
			t.Errorf("check of %s: %+v", a.ID, check)
		}
		if a.Channel != "site" && (len(a.Feeds) == 0 || len(a.QuotaLeft) == 0) {
			t.Errorf("%s: feeds %v, quotas %v", a.ID, a.Feeds, a.QuotaLeft)
		}
		for _, f := range a.Feeds {
			if f.Late || f.LagSeconds < 0 || f.NextAt == nil || (f.Pages < 1 && f.Feed != pipeline.ReconcileFeed) {
				t.Errorf("%s: %+v", a.ID, f)
			}
		}
	}
	if w.checked < 20 {
		t.Errorf("only %d answers were held against the document", w.checked)
	}
	states, err := w.store.ListEffects(t.Context(), store.EffectFilter{Limit: 10})
	if err != nil || len(states) != 2 {
		t.Errorf("effects: %+v %v", states, err)
	}
}
