package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/store"
)

func buyer(name, phone, mail string) func(m map[string]any) {
	return func(m map[string]any) {
		m["customer"] = map[string]any{"name": name, "phone": phone, "email": mail}
		m["delivery"] = map[string]any{"type": "courier", "city": "Тверь", "address": "Приметный тупик, 1"}
	}
}

func TestCustomersByAPI(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		shop := w.shop(t)
		one := w.send(t, shop.ID, payload("S-1", 1, buyer("Лев Пробный", "+7 900 123-45-67", "lev@example.org")))
		two := w.send(t, shop.ID, payload("S-2", 1, buyer("Лев Пробный", "8 900 123 45 67", "other@example.org")))
		if one.CustomerID == 0 || two.CustomerID == 0 || one.CustomerID == two.CustomerID {
			t.Fatalf("cards %d and %d", one.CustomerID, two.CustomerID)
		}
		path := func(id int64, tail string) string { return fmt.Sprintf("/customers/%d%s", id, tail) }

		var page api.CustomerPage
		w.do(t, http.MethodGet, "/customers?q=8%20(900)%20123-45-67&limit=1", nil).into(t, http.StatusOK, &page)
		if len(page.Customers) != 1 || page.Cursor == "" || page.Customers[0].ID != two.CustomerID || page.Customers[0].Bought[0] != orderhub.Roubles(301) {
			t.Errorf("page: %+v", page)
		}
		w.do(t, http.MethodGet, "/customers?cursor=x", nil).refused(t, http.StatusUnprocessableEntity, "cursor")
		w.do(t, http.MethodGet, "/customers/999", nil).refused(t, http.StatusNotFound, "", "999")

		var card api.CustomerCard
		w.do(t, http.MethodPatch, path(two.CustomerID, ""), map[string]any{"name": "Лев", "tags": []string{"VIP"}}).into(t, http.StatusOK, &card)
		if card.Name != "Лев" || len(card.Tags) != 1 || card.Tags[0] != "vip" || card.Names[0] != "Лев Пробный" || card.Addresses[0].City != "Тверь" {
			t.Errorf("card: %+v", card)
		}
		w.do(t, http.MethodPatch, path(two.CustomerID, ""), map[string]any{"tags": []string{"a,b"}}).refused(t, http.StatusUnprocessableEntity, "tags")
		var note orderhub.CardNote
		w.do(t, http.MethodPost, path(two.CustomerID, "/notes"), map[string]any{"text": "Звонить вечером"}).into(t, http.StatusCreated, &note)
		if note.Actor.Name != "tester" || note.ID == 0 {
			t.Errorf("note: %+v", note)
		}

		var open api.SuggestionPage
		w.do(t, http.MethodGet, "/customer-suggestions", nil).into(t, http.StatusOK, &open)
		if len(open.Suggestions) != 1 || open.Suggestions[0].Reason != orderhub.ReasonOtherEmail || open.Suggestions[0].Older.ID != one.CustomerID {
			t.Fatalf("suggestions: %+v", open)
		}
		w.do(t, http.MethodPost, fmt.Sprintf("/customer-suggestions/%d/accept", open.Suggestions[0].ID), nil).into(t, http.StatusOK, &card)
		if card.ID != one.CustomerID || card.OrderCount != 2 || len(card.Notes) != 1 || len(card.Merges) != 1 || card.Tags[0] != "vip" {
			t.Fatalf("merged: %+v", card)
		}
		w.do(t, http.MethodPost, fmt.Sprintf("/customer-merges/%d/undo", card.Merges[0].ID), map[string]any{"why": "two people"}).into(t, http.StatusOK, &card)
		if card.ID != two.CustomerID || card.OrderCount != 1 || len(card.Notes) != 1 || card.Merges[0].UndoneWhy != "two people" {
			t.Errorf("undone: %+v", card)
		}
		w.do(t, http.MethodPost, path(one.CustomerID, "/merge"), map[string]any{"other": two.CustomerID, "why": "a call"}).into(t, http.StatusOK, &card)
		w.do(t, http.MethodPost, path(one.CustomerID, "/merge"), map[string]any{"other": two.CustomerID}).refused(t, http.StatusConflict, "", "one already")
		w.do(t, http.MethodDelete, path(one.CustomerID, fmt.Sprintf("/notes/%d", note.ID)), nil).into(t, http.StatusNoContent, nil)
		w.do(t, http.MethodDelete, path(one.CustomerID, fmt.Sprintf("/notes/%d", note.ID)), nil).refused(t, http.StatusNotFound, "", "no note")
		w.erasing(t, shop.ID, one.CustomerID)
	})
}

// erasing exports a buyer and erases him.
func (w *world) erasing(t *testing.T, shop string, id int64) {
	t.Helper()
	path := fmt.Sprintf("/customers/%d", id)
	var out api.CustomerExport
	w.do(t, http.MethodGet, path+"/export", nil).into(t, http.StatusOK, &out)
	if len(out.Orders) != 2 || len(out.Raw) != 2 || out.Customer.OrderCount != 2 || !strings.Contains(fmt.Sprint(out.Raw[0].Payload), "Приметный") {
		t.Errorf("export: %+v", out)
	}
	w.eraseOrder(t, shop)
	w.do(t, http.MethodPost, path+"/erase", map[string]any{"why": "asked"}).refused(t, http.StatusConflict, "", "even_open")
	var card api.CustomerCard
	w.do(t, http.MethodPost, path+"/erase", map[string]any{"why": "asked", "even_open": true}).into(t, http.StatusOK, &card)
	if card.ErasedAt == nil || card.ErasedBy.Name != "tester" || card.OrderCount != 2 || card.Bought[0] != orderhub.Roubles(602) || len(card.Phones)+len(card.Names)+len(card.Notes) != 0 {
		t.Errorf("erased: %+v", card)
	}
	if taken := w.send(t, shop, payload("S-1", 2, buyer("Лев Пробный", "+7 900 123-45-67", "lev@example.org"))); taken.Buyer != (orderhub.Customer{}) || taken.ErasedAt == nil {
		t.Errorf("sent in again: %+v", taken.Buyer)
	}
	w.send(t, shop, payload("S-1", 2, buyer("Лев Пробный", "+7 900 123-45-67", "lev@example.org")))
	var raw api.RawPage
	w.do(t, http.MethodGet, "/inbox?state=erased", nil).into(t, http.StatusOK, &raw)
	if len(raw.Raw) != 4 || raw.Raw[0].Bytes != 0 {
		t.Errorf("raw: %+v", raw)
	}
	var one api.RawCard
	w.do(t, http.MethodGet, fmt.Sprintf("/inbox/%d", raw.Raw[0].ID), nil).into(t, http.StatusOK, &one)
	var rule api.RetentionSetting
	w.do(t, http.MethodGet, "/settings/retention", nil).into(t, http.StatusOK, &rule)
	if rule.Days != 0 {
		t.Errorf("by default %d days", rule.Days)
	}
	w.do(t, http.MethodPut, "/settings/retention", map[string]any{"days": 1095}).into(t, http.StatusOK, &rule)
	w.do(t, http.MethodPut, "/settings/retention", map[string]any{"days": -1}).refused(t, http.StatusUnprocessableEntity, "days")
}

// Who may not read personal data sees it masked, at every address.
func TestPersonalDataIsMasked(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		shop := w.shop(t)
		words := []string{"Зюзин", "9161239876", "916 123-98-76", "mefodiy", "Приметный", "4711"}
		order := w.send(t, shop.ID, payload("S-1", 1, buyer("Мефодий Зюзин", "+7 916 123-98-76", "mefodiy@marked.example"), set("comment", "код 4711")))
		w.send(t, shop.ID, payload("S-2", 1, buyer("Мефодий Зюзин", "+7 916 123-98-76", "mefodiy2@marked.example")))
		w.do(t, http.MethodPost, "/accounts/shop/orders", shopReturn("R-1", "S-1", "announced", 1, set("comment", "код 4711"))).into(t, http.StatusCreated, nil)
		w.do(t, http.MethodPost, fmt.Sprintf("/customers/%d/notes", order.CustomerID), map[string]any{"text": "Зюзин"}).into(t, http.StatusCreated, nil)
		w.do(t, http.MethodPatch, fmt.Sprintf("/customers/%d", order.CustomerID), map[string]any{"name": "Мефодий Зюзин"}).into(t, http.StatusOK, nil)
		returns, err := w.store.ListReturns(t.Context(), store.ReturnFilter{Limit: 1})
		if err != nil || len(returns) != 1 {
			t.Fatal(err)
		}
		told := ""
		most := slices.DeleteFunc(slices.Clone(orderhub.Permissions), func(p orderhub.Permission) bool { return p == orderhub.PersonalData })
		less := []string{"Authorization", "Bearer " + w.scoped(t, "less", most...)}
		for _, path := range []string{
			"/orders", "/orders?q=S-1", fmt.Sprintf("/orders/%d", order.Number), "/accounts/shop/orders/S-1", "/returns", fmt.Sprintf("/returns/%d", returns[0].ID),
			"/customers", fmt.Sprintf("/customers/%d", order.CustomerID), fmt.Sprintf("/customers/%d/export", order.CustomerID), "/customer-suggestions",
			"/inbox", "/inbox/1", "/inbox/2", "/inbox/3", "/effects", "/calls",
		} {
			open := w.do(t, http.MethodGet, path, nil)
			told += string(open.Body)
			shut := w.do(t, http.MethodGet, path, nil, less...)
			// What is nothing but a buyer's data is refused as a whole.
			want := http.StatusOK
			if strings.HasPrefix(path, "/inbox/") || path == "/calls" || strings.HasSuffix(path, "/export") {
				want = http.StatusForbidden
			}
			if open.Status != http.StatusOK || shut.Status != want {
				t.Errorf("%s: %d and %d", path, open.Status, shut.Status)
			}
			for _, word := range words {
				if strings.Contains(string(shut.Body), word) {
					t.Errorf("%s tells %q", path, word)
				}
			}
		}
		for _, word := range words {
			if !strings.Contains(told, word) {
				t.Errorf("nobody tells %q: the test is blind", word)
			}
		}
		var card api.OrderCard
		w.do(t, http.MethodGet, fmt.Sprintf("/orders/%d", order.Number), nil, less...).into(t, http.StatusOK, &card)
		if card.Buyer.Phone != "+7 9** ***-**-76" || card.Buyer.Email != "m***@m***" || card.Buyer.Name != "Мефодий З." || card.Customer != "Мефодий З." ||
			card.Shipping.City != "Тверь" || card.Shipping.Address != "" || card.Comment != "***" {
			t.Errorf("masked: %+v, %+v, %q", card.Buyer, card.Shipping, card.Comment)
		}
		// What somebody does sees no more than what he reads.
		posted := w.do(t, http.MethodPost, "/accounts/shop/orders", payload("S-3", 1, buyer("Мефодий Зюзин", "+7 916 123-98-76", "")), less...)
		if posted.Status != http.StatusCreated || strings.Contains(string(posted.Body), "Зюзин") {
			t.Errorf("posted: %d %s", posted.Status, posted.Body)
		}
	})
}

// eraseOrder erases the address of an order that has no card.
func (w *world) eraseOrder(t *testing.T, shop string) {
	t.Helper()
	o := w.send(t, shop, payload("S-9", 1, buyer("", "", "")))
	path := fmt.Sprintf("/orders/%d/erase", o.Number)
	if o.CustomerID != 0 || o.Shipping.Address == "" {
		t.Fatalf("without a card: %+v", o.OrderCard)
	}
	w.do(t, http.MethodPost, path, map[string]any{}).refused(t, http.StatusConflict, "", "even_open")
	var card api.OrderCard
	w.do(t, http.MethodPost, path, map[string]any{"even_open": true}).into(t, http.StatusOK, &card)
	if card.Shipping.Address != "" || card.Shipping.City != "Тверь" || card.ErasedAt == nil {
		t.Errorf("erased: %+v", card.Shipping)
	}
	w.do(t, http.MethodPost, path, map[string]any{"even_open": true}).refused(t, http.StatusConflict, "", "already")
}

// Who may not read personal data cannot ask for it letter by letter either.
func TestSearchDoesNotTellPersonalData(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		shop := w.shop(t)
		order := w.send(t, shop.ID, payload("S-4711", 1, buyer("Мефодий Зюзин", "+7 916 123-98-76", "mefodiy@marked.example")))
		w.send(t, shop.ID, payload("S-4712", 1, buyer("Лев Пробный", "+7 900 123-45-67", "lev@example.org")))
		most := slices.DeleteFunc(slices.Clone(orderhub.Permissions), func(p orderhub.Permission) bool { return p == orderhub.PersonalData })
		less := []string{"Authorization", "Bearer " + w.scoped(t, "less", most...)}
		for text, found := range map[string]struct{ open, shut bool }{
			"916123": {true, false}, "+7916123": {true, false}, "mefod": {true, false}, "зюз": {true, false}, "зюзин меф": {true, false},
			"9161239876": {true, true}, "8 916 123 98 76": {true, true}, "mefodiy@marked.example": {true, true}, "мефодий зюзин": {true, true}, "лев зюзин": {false, false},
		} {
			for want, header := range map[bool][]string{found.open: nil, found.shut: less} {
				if found.open == found.shut {
					header = less
				}
				var cards api.CustomerPage
				w.do(t, http.MethodGet, "/customers?q="+url.QueryEscape(text), nil, header...).into(t, http.StatusOK, &cards)
				var orders api.OrderPage
				w.do(t, http.MethodGet, "/orders?q="+url.QueryEscape(text), nil, header...).into(t, http.StatusOK, &orders)
				if got := len(cards.Customers) == 1 && cards.Customers[0].ID == order.CustomerID; got != want {
					t.Errorf("customers %q, masked %t: found %t", text, header != nil, got)
				}
				if got := len(orders.Orders) == 1 && orders.Orders[0].Number == order.Number; got != want && text[0] != '+' {
					t.Errorf("orders %q, masked %t: found %t", text, header != nil, got)
				}
			}
		}
		for text, n := range map[string]int{"S-471": 2, "s-4711": 1, fmt.Sprint(order.Number)[:4]: 2, "no": 0} {
			var orders api.OrderPage
			w.do(t, http.MethodGet, "/orders?q="+text, nil, less...).into(t, http.StatusOK, &orders)
			if len(orders.Orders) != n {
				t.Errorf("%q: %d orders", text, len(orders.Orders))
			}
		}
	})
}
