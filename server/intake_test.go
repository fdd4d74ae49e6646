package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/store"
)

func TestIntake(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		const path = "/accounts/shop/orders"
		var first, again, changed, stale, cancelled api.Taken
		w.do(t, http.MethodPost, path, payload("A-1", 1)).into(t, http.StatusCreated, &first)
		if !first.Created || first.Stale || first.Status != orderhub.StatusNew || first.Units != 2 || first.Total.Minor != 30100 || first.ExternalID != "A-1" {
			t.Errorf("created: %+v", first)
		}
		w.do(t, http.MethodPost, path, payload("A-1", 1)).into(t, http.StatusOK, &again)
		if again.Created || again.Number != first.Number || again.Version != first.Version {
			t.Errorf("sent again: %+v", again)
		}
		w.do(t, http.MethodPost, path, payload("A-1", 2, set("comment", "звонить"))).into(t, http.StatusOK, &changed)
		if changed.Comment != "звонить" || changed.Version <= first.Version {
			t.Errorf("changed: %+v", changed)
		}
		w.do(t, http.MethodPost, path, payload("A-1", 1)).into(t, http.StatusOK, &stale)
		if !stale.Stale || stale.Comment != "звонить" {
			t.Errorf("an older version: %+v", stale)
		}
		w.do(t, http.MethodPost, path, payload("A-1", 2, set("comment", "другое"))).refused(t, http.StatusConflict, "", "A-1", "higher version")
		w.do(t, http.MethodPost, path, payload("A-1", 3, set("status", "cancelled"), set("cancelled_by", "buyer"))).into(t, http.StatusOK, &cancelled)
		if cancelled.Status != orderhub.StatusCancelled || cancelled.Cancellation == nil || cancelled.Cancellation.By != orderhub.CancelByBuyer {
			t.Errorf("cancelled: %+v", cancelled)
		}
		w.do(t, http.MethodPost, path, payload("A-1", 4)) // a cancel is a tombstone
		var card api.OrderCard
		w.do(t, http.MethodGet, "/accounts/shop/orders/A-1", nil).into(t, http.StatusOK, &card)
		if card.Status != orderhub.StatusCancelled || card.Number != first.Number {
			t.Errorf("after the cancel: %+v", card.OrderRow)
		}
		if n := len(w.list(t, nil).Orders); n != 1 {
			t.Errorf("%d orders", n)
		}
	})
}

// TestIntakeKeepsText: what looks like code of some kind is text like any other,
// and an id with any character is found again.
func TestIntakeKeepsText(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		for i, text := range []string{
			`<script>alert(1)</script>`, `'; DROP TABLE orders; --`, `" OR 1=1`, `{{.Secret}} ${HOME} %s %d`, "🛒 заказ ёЁ", `a/b?c#d`, `..`, `\u0041\`,
			`%2F%00`, "ﷺ\u202e", "null", "+7 (900)",
		} {
			taken := w.send(t, "shop", payload(text, 1, set("comment", text), set("customer", map[string]any{"name": text})))
			if taken.ExternalID != text || taken.Comment != text || taken.Buyer.Name != text {
				t.Errorf("%q became %q, %q, %q", text, taken.ExternalID, taken.Comment, taken.Buyer.Name)
			}
			if n := len(w.list(t, map[string][]string{"q": {text}}).Orders); n < 1 {
				t.Errorf("%q is not found by its id", text)
			}
			var card api.OrderCard
			w.do(t, http.MethodGet, fmt.Sprintf("/orders/%d", taken.Number), nil).into(t, http.StatusOK, &card)
			if card.Comment != text || card.Lines[0].SKU != "0557722" {
				t.Errorf("%d: the card: %+v", i, card)
			}
		}
	})
}

func TestIntakeOfOtherAccounts(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		w.addAccount(t, "wb", "wildberries", map[string]string{"token": wbToken(t, w), "shipping_point_id": "507"})
		w.do(t, http.MethodPost, "/accounts/nobody/orders", payload("1", 1)).refused(t, http.StatusNotFound, "", "nobody")
		w.do(t, http.MethodPost, "/accounts/wb/orders", payload("1", 1)).refused(t, http.StatusUnprocessableEntity, "", "wildberries")
		w.do(t, http.MethodPatch, "/accounts/shop", map[string]any{"state": "paused"}).into(t, http.StatusOK, nil)
		w.do(t, http.MethodPost, "/accounts/shop/orders", payload("1", 1)).refused(t, http.StatusServiceUnavailable, "", "paused")
		w.do(t, http.MethodDelete, "/accounts/shop", nil).into(t, http.StatusNoContent, nil)
		w.do(t, http.MethodPost, "/accounts/shop/orders", payload("1", 1)).refused(t, http.StatusNotFound, "", "shop")
		w.nothingKept(t)
	})
}

// nothingKept checks that refusals left no trace.
func (w *world) nothingKept(t *testing.T) {
	t.Helper()
	raws, err := w.store.ListRaw(t.Context(), store.RawFilter{Limit: 10})
	if err != nil || len(raws) > 0 {
		t.Errorf("a refused order was kept: %+v, %v", raws, err)
	}
	if n := len(w.list(t, nil).Orders); n > 0 {
		t.Errorf("%d orders", n)
	}
}

// line changes the first line of an order.
func line(key string, v any) func(m map[string]any) {
	return func(m map[string]any) { m["lines"].([]any)[0].(map[string]any)[key] = v }
}

func TestIntakeRefuses(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		many := make([]any, 1001)
		for i := range many {
			many[i] = map[string]any{"sku": "a", "qty": 1}
		}
		huge := strings.Repeat("ж", 5000)
		for _, tc := range []struct {
			name, field string
			order       map[string]any
		}{
			{"no id", "id", payload("", 1)},
			{"id null", "id", payload("", 1, set("id", nil))},
			{"id a list", "id", payload("", 1, set("id", []int{1}))},
			{"id a fraction", "id", payload("", 1, set("id", 1.5))},
			{"id with blanks", "id", payload(" 1", 1)},
			{"id huge", "id", payload(huge, 1)},
			{"id with a control character", "id", payload("a\x01", 1)},
			{"no status", "status", payload("1", 1, set("status", ""))},
			{"status a number", "status", payload("1", 1, set("status", map[string]any{}))},
			{"status huge", "status", payload("1", 1, set("status", huge))},
			{"no lines", "lines", payload("1", 1, set("lines", nil))},
			{"lines empty", "lines", payload("1", 1, set("lines", []any{}))},
			{"lines an object", "lines", payload("1", 1, set("lines", map[string]any{}))},
			{"lines of text", "lines[0]", payload("1", 1, set("lines", []any{"x"}))},
			{"1001 lines", "lines", payload("1", 1, set("lines", many))},
			{"quantity 0", "lines[0].qty", payload("1", 1, line("qty", 0))},
			{"quantity -1", "lines[0].qty", payload("1", 1, line("qty", -1))},
			{"quantity 1.5", "lines[0].qty", payload("1", 1, line("qty", 1.5))},
			{"quantity 1e9", "lines[0].qty", payload("1", 1, line("qty", json.Number("1e9")))},
			{"quantity a word", "lines[0].qty", payload("1", 1, line("qty", "abc"))},
			{"quantity absent", "lines[0].qty", payload("1", 1, line("qty", nil))},
			{"quantity a list", "lines[0].qty", payload("1", 1, line("qty", []int{1}))},
			{"price -1", "lines[0].price", payload("1", 1, line("price", -1))},
			{"price a word", "lines[0].price", payload("1", 1, line("price", "дорого"))},
			{"price huge", "lines[0].price", payload("1", 1, line("price", "99999999999999"))},
			{"price true", "lines[0].price", payload("1", 1, line("price", true))},
			{"line total -1", "lines[0].total", payload("1", 1, line("total", "-1"))},
			{"sku a list", "lines[0].sku", payload("1", 1, line("sku", []int{1}))},
			{"sku huge", "lines[0].sku", payload("1", 1, line("sku", huge))},
			{"name huge", "lines[0].name", payload("1", 1, line("name", huge))},
			{"barcode an object", "lines[0].barcode", payload("1", 1, line("barcode", map[string]any{}))},
			{"no currency", "lines[0].price", payload("1", 1, set("currency", nil))},
			{"currency a word", "currency", payload("1", 1, set("currency", "рубли"))},
			{"currency two letters", "currency", payload("1", 1, set("currency", "RU"))},
			{"total a word", "total", payload("1", 1, set("total", "x"))},
			{"version -1", "version", payload("1", -1)},
			{"version a word", "version", payload("1", 1, set("version", "v2"))},
			{"version too long", "version", payload("1", 1, set("version", strings.Repeat("9", 30)))},
			{"a day, no time", "created_at", payload("1", 1, set("created_at", "2026-11-20"))},
			{"no zone", "created_at", payload("1", 1, set("created_at", "2026-11-20T10:00:00"))},
			{"the year 1", "created_at", payload("1", 1, set("created_at", "0001-01-01T00:00:00Z"))},
			{"the year 9999", "created_at", payload("1", 1, set("created_at", "9999-01-01T00:00:00Z"))},
			{"a time in seconds", "updated_at", payload("1", 1, set("updated_at", 1700000000))},
			{"the 31st of February", "updated_at", payload("1", 1, set("updated_at", "2026-02-31T00:00:00Z"))},
			{"paid a word", "paid", payload("1", 1, set("paid", "yes"))},
			{"customer a text", "customer", payload("1", 1, set("customer", "Лев"))},
			{"customer's name a list", "customer.name", payload("1", 1, set("customer", map[string]any{"name": []int{1}}))},
			{"customer's mail huge", "customer.email", payload("1", 1, set("customer", map[string]any{"email": huge}))},
			{"delivery a text", "delivery", payload("1", 1, set("delivery", "почта"))},
			{"delivery's price -5", "delivery.price", payload("1", 1, set("delivery", map[string]any{"price": -5}))},
			{"comment huge", "comment", payload("1", 1, set("comment", huge))},
			{"comment with a bell", "comment", payload("1", 1, set("comment", "a\x07"))},
		} {
			t.Run(tc.name, func(t *testing.T) {
				r := w.do(t, http.MethodPost, "/accounts/shop/orders", tc.order)
				r.refused(t, http.StatusUnprocessableEntity, tc.field)
				if strings.Contains(string(r.Body), "Лев") || strings.Contains(string(r.Body), "lev@") || len(r.Body) > 600 {
					t.Errorf("the answer quotes the order: %s", shorten(string(r.Body)))
				}
			})
		}
		for name, raw := range map[string]struct {
			body, field string
			status      int
		}{
			"a zero byte":          {`{"id":"1","status":"new","comment":"a\u0000b","lines":[{"qty":1}]}`, "comment", http.StatusBadRequest},
			"a zero byte in an id": {`{"id":"1\u0000","status":"new","lines":[{"qty":1}]}`, "id", http.StatusBadRequest},
			"a key twice":          {`{"id":"1","id":"2","status":"new","lines":[{"qty":1}]}`, "id", http.StatusBadRequest},
			"a key twice inside":   {`{"id":"1","status":"new","lines":[{"qty":1,"qty":2}]}`, "lines[0].qty", http.StatusBadRequest},
			"10,000 levels":        {`{"id":"1","x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, "", http.StatusBadRequest},
			"a list":               {`[{"id":"1"}]`, "", http.StatusUnprocessableEntity},
			"cut off":              {`{"id":"1","status":"ne`, "", http.StatusBadRequest},
			"something behind":     {`{"id":"1","status":"new","lines":[{"qty":1}]} ]`, "", http.StatusBadRequest},
			"1 MiB and a byte":     {`{"id":"1","status":"new","lines":[{"qty":1}],"x":"` + strings.Repeat("x", 1<<20) + `"}`, "", http.StatusRequestEntityTooLarge},
		} {
			t.Run(name, func(t *testing.T) {
				w.do(t, http.MethodPost, "/accounts/shop/orders", raw.body).refused(t, raw.status, raw.field)
			})
		}
		w.nothingKept(t)
	})
}

// TestIntakeOfAWholeMiB: the limit itself is allowed.
func TestIntakeOfAWholeMiB(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		head := `{"id":"1","status":"new","lines":[{"qty":1}],"x":"`
		body := head + strings.Repeat("x", 1<<20-len(head)-2) + `"}`
		w.do(t, http.MethodPost, "/accounts/shop/orders", body).into(t, http.StatusCreated, nil)
		w.do(t, http.MethodPost, "/accounts/shop/orders", `{"id":2,"status":"new","lines":[{"qty":1}]}`, "Content-Type", "").into(t, http.StatusCreated, nil)
		w.do(t, http.MethodPost, "/accounts/shop/orders", `{"id":3,"status":"new","lines":[{"qty":1}]}`, "Content-Type", "application/json; charset=utf-8").into(t, http.StatusCreated, nil)
	})
}
