package server_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/demo"
	"github.com/orderhub/orderhub/marketsim"
)

// TestUnitsAreTakenOutOfEveryChannel: of the simulators' orders, by the API.
func TestUnitsAreTakenOutOfEveryChannel(t *testing.T) {
	each(t, options{sims: true}, func(t *testing.T, w *world) {
		w.product(t, "CUP-1", 100)
		lines := []marketsim.SpecLine{{SKU: "CUP-1", Quantity: 3, PriceMinor: 15000}, {SKU: "KETTLE-17", Quantity: 1, PriceMinor: 90000}}
		cut := func(o api.OrderCard, body map[string]any) reply {
			return w.do(t, http.MethodPost, fmt.Sprintf("/orders/%d/cancel-lines", o.Number), body)
		}
		for _, c := range []struct {
			m      marketsim.Market
			scheme orderhub.Scheme
			reason string
		}{{w.sims.Ozon, orderhub.SchemeFBS, "352"}, {w.sims.Yandex, orderhub.SchemeFBS, ""}, {w.sims.Yandex, orderhub.SchemeDBS, ""}} {
			o := w.place(t, c.m, marketsim.OrderSpec{Scheme: c.scheme, Lines: lines})
			wish := map[string]any{"lines": []any{map[string]any{"line": 0, "units": 2}}, "reason": c.reason, "comment": "разбита"}
			if c.reason == "" {
				wish["reason"] = firstReason(o)
			}
			var out api.Outcome
			cut(o, wish).into(t, http.StatusOK, &out)
			if len(out.Effects) != 1 || out.Effects[0].Kind != orderhub.EffectCancelLines {
				t.Fatalf("%s: %+v", c.m.Channel(), out)
			}
			o = w.await(t, c.m, o.ExternalID, func(o api.OrderCard) bool { return o.Effects[0].State == orderhub.EffectConfirmed && o.Units == 2 })
			if len(o.Removed) != 1 || o.Removed[0].Units != 2 || o.Removed[0].By != orderhub.CancelBySeller || o.Total.Minor != 105000 {
				t.Errorf("%s: removed %+v, total %v", c.m.Channel(), o.Removed, o.Total)
			}
			if n := truthOf(c.m, o.ExternalID).Units; n != 2 {
				t.Errorf("%s: %d units in the books", c.m.Channel(), n)
			}
		}
		unit := w.place(t, w.sims.Wildberries, marketsim.OrderSpec{})
		cut(unit, map[string]any{"lines": []any{map[string]any{"line": 0, "units": 1}}}).refused(t, http.StatusUnprocessableEntity, "", "Wildberries", "cancelled whole")
		cut(unit, map[string]any{"lines": []any{}}).refused(t, http.StatusUnprocessableEntity, "lines")
		cut(unit, map[string]any{"lines": []any{map[string]any{"line": 0, "units": 0}}}).refused(t, http.StatusUnprocessableEntity, "")
	})
}

func firstReason(o api.OrderCard) string {
	for _, n := range o.Next {
		if n.To == orderhub.StatusCancelled && len(n.Reasons) > 0 {
			return n.Reasons[0].Code
		}
	}
	return ""
}

func truthOf(m marketsim.Market, id string) marketsim.TruthOrder {
	for _, o := range m.Truth() {
		if o.ID == id {
			return o
		}
	}
	return marketsim.TruthOrder{}
}

// TestWishesToCancelAreAnswered: of both channels that ask, with the deadline shown.
func TestWishesToCancelAreAnswered(t *testing.T) {
	each(t, options{sims: true}, func(t *testing.T, w *world) {
		for _, c := range []struct {
			m      marketsim.Market
			scheme orderhub.Scheme
			within time.Duration
		}{{w.sims.Yandex, orderhub.SchemeDBS, 49 * time.Hour}, {w.sims.Ozon, orderhub.SchemeRFBS, 90 * 24 * time.Hour}} {
			o := w.place(t, c.m, marketsim.OrderSpec{Scheme: c.scheme})
			path := fmt.Sprintf("/orders/%d/", o.Number)
			for _, to := range []orderhub.Status{orderhub.StatusConfirmed, orderhub.StatusPacked, orderhub.StatusShipped} {
				if o.Status.Rank() >= to.Rank() {
					continue
				}
				w.do(t, http.MethodPost, path+"transitions", map[string]any{"to": to}).into(t, http.StatusOK, nil)
				o = w.await(t, c.m, o.ExternalID, func(o api.OrderCard) bool { return o.Status.Rank() >= to.Rank() && o.Requested == "" })
			}
			if err := c.m.Act(o.ExternalID, marketsim.ActRequestCancel); err != nil {
				t.Fatal(err)
			}
			o = w.await(t, c.m, o.ExternalID, func(o api.OrderCard) bool { return o.CancelRequest != nil })
			if o.AnswerBy == nil || time.Until(*o.AnswerBy) < time.Minute || time.Until(*o.AnswerBy) > c.within {
				t.Errorf("%s: to be answered by %v", c.m.Channel(), o.AnswerBy)
			}
			late := time.Now().Add(c.within).UTC().Format(time.RFC3339)
			for query, want := range map[string]int{"answer_before=" + late: 1, "answer_before=2026-01-01T00:00:00Z": 0, "hold=cancel_request": 1} {
				var page api.OrderPage
				w.do(t, http.MethodGet, "/orders?account="+demo.AccountID(c.m.Channel())+"&"+query, nil).into(t, http.StatusOK, &page)
				if len(page.Orders) != want || (want == 1 && page.Orders[0].AnswerBy == nil) {
					t.Errorf("%s, %s: %d orders", c.m.Channel(), query, len(page.Orders))
				}
			}
			w.do(t, http.MethodPost, path+"cancel-answer", map[string]any{"accept": true}).into(t, http.StatusOK, nil)
			o = w.await(t, c.m, o.ExternalID, func(o api.OrderCard) bool { return o.Status == orderhub.StatusCancelled })
			if o.AnswerBy != nil || o.Cancellation == nil || !o.Cancellation.AfterHandOver {
				t.Errorf("%s: %+v by %v, deadline %v", c.m.Channel(), o.Cancellation, o.CancelledBy, o.AnswerBy)
			}
		}
	})
}

// TestShopOrderLosesUnits: at a shop the units are out at once; the last ones cancel
// the order, in the seller's name.
func TestShopOrderLosesUnits(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		shop := w.shop(t)
		w.product(t, "A", 5)
		two := []any{map[string]any{"sku": "A", "name": "Кружка", "qty": 2, "price": "490.00"}, map[string]any{"sku": "B", "name": "Ложка", "qty": 1, "price": "10.00"}}
		o := w.send(t, shop.ID, payload("S-1", 1, set("lines", two)))
		path := fmt.Sprintf("/orders/%d", o.Number)
		cut := func(line, units int) reply {
			return w.do(t, http.MethodPost, path+"/cancel-lines", map[string]any{"lines": []any{map[string]any{"line": line, "units": units}}, "reason": "бой", "comment": "разбилась"})
		}
		cut(7, 1).refused(t, http.StatusUnprocessableEntity, "lines", "no line 7")
		cut(0, 3).refused(t, http.StatusUnprocessableEntity, "lines", "has 2 units")
		w.do(t, http.MethodPost, "/orders/1/cancel-lines", map[string]any{"lines": []any{map[string]any{"line": 0, "units": 1}}}).refused(t, http.StatusNotFound, "")
		cut(0, 1).into(t, http.StatusOK, nil)
		var card api.OrderCard
		w.do(t, http.MethodGet, path, nil).into(t, http.StatusOK, &card)
		if card.Units != 2 || card.Total.Minor != 50000 || card.Goods[0].Reserved != 1 || len(card.Removed) != 1 || card.Removed[0].By != orderhub.CancelBySeller {
			t.Errorf("%d units over %v, goods %+v, removed %+v", card.Units, card.Total, card.Goods, card.Removed)
		}
		w.send(t, shop.ID, payload("S-1", 2, set("lines", two), set("comment", "позвоните"))) // an echo
		w.do(t, http.MethodGet, path, nil).into(t, http.StatusOK, &card)
		if card.Units != 2 || card.Goods[0].Reserved != 1 {
			t.Errorf("after an echo: %d units, goods %+v", card.Units, card.Goods)
		}
		var out api.Outcome
		w.do(t, http.MethodPost, path+"/cancel-lines", map[string]any{"lines": []any{map[string]any{"line": 0, "units": 1}, map[string]any{"line": 1, "units": 1}}}).into(t, http.StatusOK, &out)
		if out.Order.Status != orderhub.StatusCancelled || out.Order.CancelledBy != orderhub.CancelBySeller {
			t.Errorf("%s by %q", out.Order.Status, out.Order.CancelledBy)
		}
		cut(0, 1).refused(t, http.StatusConflict, "", "cancelled already")
	})
}

// TestReturnsWithoutTheirOrder: linked by hand, or received by SKU and in parts.
func TestReturnsWithoutTheirOrder(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		shop := w.shop(t)
		w.product(t, "A", 5)
		o := w.send(t, shop.ID, payload("S-1", 1, set("status", "shipped"), set("lines", []any{map[string]any{"sku": "A", "qty": 2, "price": "490.00"}})))
		add := func(id string, units int) (path string) {
			var taken api.Taken
			w.do(t, http.MethodPost, "/accounts/"+shop.ID+"/orders", shopReturn(id, "old", "on_the_way", 1, set("lines", []any{map[string]any{"sku": "A", "quantity": units}}))).
				into(t, http.StatusCreated, &taken)
			return fmt.Sprintf("/returns/%d", taken.Return.ID)
		}
		first, second := add("R-1", 1), add("R-2", 2)
		w.do(t, http.MethodPost, first+"/link", map[string]any{"number": 1}).refused(t, http.StatusNotFound, "")
		var card api.ReturnCard
		w.do(t, http.MethodPost, first+"/link", map[string]any{"number": o.Number}).into(t, http.StatusOK, &card)
		if card.Number != o.Number {
			t.Errorf("linked to %d", card.Number)
		}
		w.do(t, http.MethodPost, first+"/link", map[string]any{"number": o.Number}).refused(t, http.StatusConflict, "", "already")
		w.do(t, http.MethodPost, first+"/receive", map[string]any{"lines": []any{map[string]any{"line": 0, "units": 1, "sku": "A"}}}).refused(t, http.StatusUnprocessableEntity, "lines", "leave sku out")
		receive := func(body map[string]any) reply { return w.do(t, http.MethodPost, second+"/receive", body) }
		receive(map[string]any{"lines": []any{map[string]any{"line": 0, "units": 1, "sku": "Z"}}}).refused(t, http.StatusUnprocessableEntity, "lines", "Z")
		receive(map[string]any{"lines": []any{map[string]any{"line": 0, "units": 1, "sku": "A"}}}).into(t, http.StatusOK, &card)
		if card.Awaited != 1 || len(card.Here) != 1 || card.Here[0] != 1 {
			t.Errorf("a part: %d awaited, %v here", card.Awaited, card.Here)
		}
		if card.UnitsHere != 1 || card.State != orderhub.ReturnReceived || len(card.Goods) != 1 || card.Goods[0].Restocked != 1 {
			t.Errorf("a part: %d here, %s, %+v", card.UnitsHere, card.State, card.Goods)
		}
		receive(map[string]any{"rest": "missing"}).into(t, http.StatusOK, &card)
		if card.State != orderhub.ReturnDecided || card.Discrepancy == "" {
			t.Errorf("the rest is missing: %s, %q", card.State, card.Discrepancy)
		}
		w.do(t, http.MethodPost, second+"/link", map[string]any{"number": o.Number}).refused(t, http.StatusConflict, "", "without its order")
		w.do(t, http.MethodGet, "/returns?due_before=2027-01-01T00:00:00Z", nil).into(t, http.StatusOK, nil)
	})
}
