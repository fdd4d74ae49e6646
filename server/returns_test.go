package server_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
)

// shopReturn is a return as a shop sends it.
func shopReturn(id, order, state string, version int, change ...func(m map[string]any)) map[string]any {
	m := map[string]any{
		"id": id, "order_id": order, "state": state, "version": version, "kind": "customer", "currency": "RUB", "refund": "490.00",
		"lines": []any{map[string]any{"sku": "A", "quantity": 1}},
	}
	for _, f := range change {
		f(m)
	}
	return map[string]any{"return": m}
}

// TestReturnsByAPI: a shop sends a return in, the warehouse receives it and decides
// about the goods.
func TestReturnsByAPI(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		shop := w.shop(t)
		w.product(t, "A", 5)
		var order api.Taken
		line := set("lines", []any{map[string]any{"sku": "A", "name": "Кружка", "qty": 2, "price": "490.00"}})
		post := func(body any) reply { return w.do(t, http.MethodPost, "/accounts/"+shop.ID+"/orders", body) }
		post(payload("S-1", 1, line)).into(t, http.StatusCreated, &order)
		post(payload("S-1", 2, line, set("status", "shipped"))).into(t, http.StatusOK, &order)

		var taken api.Taken
		post(shopReturn("R-0", "later", "announced", 1)).into(t, http.StatusCreated, &taken)
		if taken.Return == nil || taken.Return.Number != 0 || taken.Number != 0 {
			t.Errorf("a return whose order is not here: %+v", taken.Return)
		}
		var alone api.ReturnCard
		w.do(t, http.MethodGet, fmt.Sprintf("/returns/%d", taken.Return.ID), nil).into(t, http.StatusOK, &alone)
		if len(alone.Timeline) != 1 || alone.Timeline[0].Kind != orderhub.EventReturn || alone.Timeline[0].ReturnID != alone.ID || alone.Effects == nil {
			t.Errorf("its own history: %+v", alone.Timeline)
		}
		taken = api.Taken{}
		post(shopReturn("R-1", "S-1", "on_the_way", 1)).into(t, http.StatusCreated, &taken)
		if taken.Return == nil || taken.Return.Number != order.Number || taken.Number != order.Number || !taken.Created || len(taken.Returns) != 1 {
			t.Fatalf("taken: %+v of %d", taken.Return, taken.Number)
		}
		id := taken.Return.ID
		taken = api.Taken{}
		post(shopReturn("R-1", "S-1", "on_the_way", 1)).into(t, http.StatusOK, &taken)
		if taken.Created || taken.Stale {
			t.Errorf("the same again: %+v", taken)
		}
		post(shopReturn("R-1", "S-1", "received", 1)).refused(t, http.StatusConflict, "", "higher version")
		post(shopReturn("R-1", "S-1", "", 2)).refused(t, http.StatusUnprocessableEntity, "return.state", "known words")

		path := fmt.Sprintf("/returns/%d", id)
		decide := func(body map[string]any) reply { return w.do(t, http.MethodPost, path+"/decide", body) }
		decide(map[string]any{"goods": 0, "decision": "resell", "quantity": 1}).refused(t, http.StatusConflict, "", "received")
		w.do(t, http.MethodPost, path+"/answer", map[string]any{"action": "grant"}).refused(t, http.StatusUnprocessableEntity, "", "takes no answers")
		w.do(t, http.MethodPut, "/accounts/"+shop.ID+"/returns", map[string]any{"policy": "burn"}).refused(t, http.StatusUnprocessableEntity, "policy", "inspect")
		var rule api.ReturnRule
		w.do(t, http.MethodGet, "/accounts/"+shop.ID+"/returns", nil).into(t, http.StatusOK, &rule)
		if rule.Policy != orderhub.ReturnRestock {
			t.Errorf("the default is %s", rule.Policy)
		}
		w.do(t, http.MethodPut, "/accounts/"+shop.ID+"/returns", map[string]any{"policy": "inspect"}).into(t, http.StatusOK, &rule)

		var card api.ReturnCard
		w.do(t, http.MethodPost, path+"/receive", map[string]any{"note": "by courier"}).into(t, http.StatusOK, &card)
		if card.State != orderhub.ReturnReceived || len(card.Goods) != 1 || card.Goods[0].Quarantined != 1 || len(card.Decisions) != 1 || card.Received.Name != "tester" {
			t.Errorf("received: %+v", card)
		}
		w.do(t, http.MethodPost, path+"/receive", map[string]any{}).refused(t, http.StatusConflict, "", "already")
		decide(map[string]any{"goods": 7, "decision": "resell", "quantity": 1}).refused(t, http.StatusUnprocessableEntity, "goods", "0 to 0")
		decide(map[string]any{"goods": 0, "decision": "write_off", "quantity": 1}).refused(t, http.StatusUnprocessableEntity, "why")
		decide(map[string]any{"goods": 0, "decision": "resell", "quantity": 2}).refused(t, http.StatusUnprocessableEntity, "quantity", "up to 1")
		decide(map[string]any{"goods": 0, "decision": "resell", "quantity": 1, "why": "sound", "photo": "p/1.jpg"}).into(t, http.StatusOK, &card)
		if card.State != orderhub.ReturnDecided || card.Goods[0].Restocked != 1 || len(card.Decisions) != 2 || len(card.Parts) != 1 || card.Parts[0].Native != "on_the_way" {
			t.Errorf("decided: %+v", card)
		}
		w.returnLists(t, shop.ID, order.Number, id)
	})
}

// returnLists reads what there is of returns by all filters.
func (w *world) returnLists(t *testing.T, account string, number, id int64) {
	t.Helper()
	var o api.OrderCard
	w.do(t, http.MethodGet, fmt.Sprintf("/orders/%d", number), nil).into(t, http.StatusOK, &o)
	if o.Status != orderhub.StatusPartiallyReturned || len(o.Returns) != 1 || o.Returns[0].ID != id || o.Goods[0].Returned != 1 {
		t.Errorf("the order's card: %s, %+v, %+v", o.Status, o.Returns, o.Goods)
	}
	for query, want := range map[string]int{
		"": 2, "account=" + account: 2, "state=decided": 1, "state=announced": 1, "kind=customer": 2, "kind=defect": 0, "open=true": 1, "waiting=true": 0,
		fmt.Sprint("order=", number): 1, "deadline_before=2027-01-01T00:00:00Z": 0, "limit=1": 1, "limit=1&before=2": 1,
	} {
		var page api.ReturnPage
		w.do(t, http.MethodGet, "/returns?"+query, nil).into(t, http.StatusOK, &page)
		if len(page.Returns) != want {
			t.Errorf("%q: %d returns, want %d", query, len(page.Returns), want)
		}
	}
	w.do(t, http.MethodGet, "/returns?account=nobody", nil).refused(t, http.StatusUnprocessableEntity, "account", account)
	w.do(t, http.MethodGet, "/returns?state=lost", nil).refused(t, http.StatusUnprocessableEntity, "state", "at_pickup")
	w.do(t, http.MethodGet, "/returns/999", nil).refused(t, http.StatusNotFound, "")
}
