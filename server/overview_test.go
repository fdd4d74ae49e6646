package server_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
)

// TestOverview: hours add up what the list of orders holds, and what waits is
// counted once.
func TestOverview(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
		at := func(d time.Duration) func(map[string]any) {
			return func(m map[string]any) { m["created_at"], m["total"] = day.Add(d).Format(time.RFC3339), "301.00" }
		}
		first := w.send(t, "shop", payload("a", 1, at(10*time.Hour)))
		w.send(t, "shop", payload("b", 1, at(10*time.Hour+59*time.Minute)))
		w.send(t, "shop", payload("c", 1, at(11*time.Hour), set("status", "cancelled")))
		w.send(t, "shop", payload("d", 1, at(30*time.Hour)))
		w.do(t, http.MethodPost, fmt.Sprintf("/orders/%d/hold", first.Number), map[string]any{"on": true}).into(t, http.StatusOK, nil)
		between := func(from, to time.Time) string {
			return "/overview?" + url.Values{"from": {from.Format(time.RFC3339)}, "to": {to.Format(time.RFC3339)}}.Encode()
		}
		var o api.Overview
		w.do(t, http.MethodGet, between(day, day.Add(24*time.Hour)), nil).into(t, http.StatusOK, &o)
		if len(o.Hours) != 2 {
			t.Fatalf("%d hours: %+v", len(o.Hours), o.Hours)
		}
		ten, eleven := o.Hours[0], o.Hours[1]
		if !ten.Hour.Equal(day.Add(10*time.Hour)) || ten.Orders != 2 || ten.Cancelled != 0 || ten.Channel != "site" ||
			ten.Revenue == nil || *ten.Revenue != orderhub.Roubles(602) {
			t.Errorf("ten o'clock: %+v %+v", ten, ten.Revenue)
		}
		if eleven.Orders != 1 || eleven.Cancelled != 1 || eleven.Revenue.Minor != 0 {
			t.Errorf("eleven o'clock: %+v %+v", eleven, eleven.Revenue)
		}
		if o.Waiting.New != 3 || o.Waiting.Confirmed != 0 || o.Waiting.Holds[orderhub.HoldManual] != 1 || len(o.Waiting.Due) != 24 {
			t.Errorf("waiting: %+v", o.Waiting)
		}
		for _, bad := range []string{between(day, day), between(day.Add(time.Hour), day), between(day, day.Add(9*24*time.Hour))} {
			w.do(t, http.MethodGet, bad, nil).refused(t, http.StatusUnprocessableEntity, "to", "8 days")
		}
	})
}

// TestRowsTellWhatWasSold: a list says what an order holds without its card.
func TestRowsTellWhatWasSold(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		w.send(t, "shop", payload("a", 1, set("lines", []any{
			map[string]any{"sku": "TEA", "name": "Чайник", "qty": 2}, map[string]any{"sku": "CUP", "qty": 1},
		})))
		row := w.list(t, url.Values{}).Orders[0]
		if row.FirstLine != "Чайник" || row.LineCount != 2 || row.Failed != "" {
			t.Errorf("%+v", row)
		}
		// A channel may give no name; the product has one.
		w.do(t, http.MethodPut, "/products/CUP", map[string]any{"name": "Чашка"}).into(t, http.StatusOK, nil)
		nameless := w.send(t, "shop", payload("b", 1, set("lines", []any{map[string]any{"sku": "CUP", "qty": 1}})))
		if row := w.list(t, url.Values{}).Orders[0]; row.Number != nameless.Number || row.FirstLine != "Чашка" {
			t.Errorf("of a product: %+v", row)
		}
		var card api.OrderCard
		w.do(t, http.MethodGet, fmt.Sprintf("/orders/%d", nameless.Number), nil).into(t, http.StatusOK, &card)
		if l := card.Lines[0]; l.Name != "" || l.Called != "Чашка" || card.FirstLine != "Чашка" {
			t.Errorf("card: %+v %+v", l, card.OrderRow)
		}
	})
}

// TestExportOrders: the file holds the orders that the same filter lists, in the
// list's order, and no spreadsheet runs what a shop wrote.
func TestExportOrders(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		for i := range 3 {
			w.send(t, "shop", payload(fmt.Sprintf("e%d", i), 1, set("number", fmt.Sprintf("=cmd%d", i)), set("total", "301.00"), set("created_at", time.Date(2026, 11, i+1, 9, 0, 0, 0, time.UTC).Format(time.RFC3339))))
		}
		w.send(t, "shop", payload("gone", 1, set("status", "cancelled")))
		want := w.list(t, url.Values{"status": {"new"}}).Orders
		r := w.do(t, http.MethodGet, "/orders/export?format=csv&lang=ru&status=new", nil)
		if r.Status != http.StatusOK || r.Header.Get("Content-Disposition") != `attachment; filename="orders.csv"` {
			t.Fatalf("%d %v %s", r.Status, r.Header, r.Body)
		}
		in := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(r.Body), "\ufeff")))
		in.Comma = ';'
		records, err := in.ReadAll()
		if err != nil || len(records) != len(want)+1 || records[0][0] != "Номер" {
			t.Fatalf("%v %q", err, records)
		}
		for i, o := range want {
			got := records[i+1]
			if got[0] != fmt.Sprint(o.Number) || got[5] != "new" || got[1] != `="`+o.ExternalNumber+`"` || got[11] != strings.Replace(o.Total.Decimal(), ".", ",", 1) {
				t.Errorf("row %d: %q, want %+v", i, got, o)
			}
		}
		x := w.do(t, http.MethodGet, "/orders/export?format=xlsx", nil)
		if x.Status != http.StatusOK || x.Header.Get("Content-Type") != typeXLSX || !bytes.HasPrefix(x.Body, []byte("PK")) {
			t.Errorf("%d %v", x.Status, x.Header)
		}
		// What the list can be narrowed to, the file can be.
		number := want[0].Number
		w.do(t, http.MethodPut, fmt.Sprintf("/orders/%d/tags/gift", number), nil).into(t, http.StatusOK, nil)
		w.do(t, http.MethodPut, fmt.Sprintf("/orders/%d/assignee", number), map[string]string{"assignee": "vera"}).into(t, http.StatusOK, nil)
		for narrowed, n := range map[string]int{"tag=gift": 1, "assignee=vera": 1, "late=true": 0, "answer_before=2099-01-01T00:00:00Z": 0} {
			var page api.OrderPage
			w.do(t, http.MethodGet, "/orders?"+narrowed, nil).into(t, http.StatusOK, &page)
			r := w.do(t, http.MethodGet, "/orders/export?format=csv&"+narrowed, nil)
			if rows := strings.Count(string(r.Body), "\n") - 1; r.Status != http.StatusOK || rows != n || len(page.Orders) != n {
				t.Errorf("%s: %d, %d listed, %s", narrowed, r.Status, len(page.Orders), r.Body)
			}
		}
		w.do(t, http.MethodGet, "/orders/export", nil).refused(t, http.StatusUnprocessableEntity, "format")
		w.do(t, http.MethodGet, "/orders/export?format=csv&status=nope", nil).refused(t, http.StatusUnprocessableEntity, "status")
		w.do(t, http.MethodGet, "/orders/export?format=csv&limit=5", nil).refused(t, http.StatusUnprocessableEntity, "limit")
	})
}
