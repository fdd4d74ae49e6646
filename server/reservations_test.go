package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/store"
)

func (w *world) reserve(t *testing.T, id string, seconds int, sku string, units int64) reply {
	t.Helper()
	return w.do(t, http.MethodPost, "/accounts/shop/reservations", map[string]any{
		"id": id, "expires_in_s": seconds, "lines": []any{map[string]any{"sku": sku, "qty": units}},
	})
}

// wantStock checks figures of a product.
func (w *world) wantStock(t *testing.T, what, sku string, onHand, reserved int64) {
	t.Helper()
	c := w.card(t, sku)
	if f := c.Figures[0]; f.OnHand != onHand || f.Reserved != reserved || c.Available != onHand-reserved {
		t.Errorf("%s: on hand %d, reserved %d, available %d; want %d and %d", what, f.OnHand, f.Reserved, c.Available, onHand, reserved)
	}
}

func TestReservations(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		w.product(t, "A", 5)
		var first, again api.Reservation
		w.reserve(t, "c/1", 60, "A", 3).into(t, http.StatusCreated, &first)
		if first.ID != "c/1" || first.Account != "shop" || first.State != store.CartHeld || !first.ExpiresAt.After(first.CreatedAt) {
			t.Errorf("held: %+v", first)
		}
		w.reserve(t, "c/1", 600, "A", 3).into(t, http.StatusOK, &again)
		if !again.ExpiresAt.After(first.ExpiresAt) || !again.CreatedAt.Equal(first.CreatedAt) {
			t.Errorf("again: %+v after %+v", again, first)
		}
		w.wantStock(t, "held twice", "A", 5, 3)
		w.reserve(t, "c/1", 60, "A", 1).refused(t, http.StatusConflict, "", "other goods")
		w.reserve(t, "c2", 60, "A", 3).refused(t, http.StatusConflict, "", "1 of 3 units of A", "short")
		w.wantStock(t, "refused", "A", 5, 3)
		w.do(t, http.MethodDelete, "/accounts/shop/reservations/c%2F1", nil).into(t, http.StatusNoContent, nil)
		w.do(t, http.MethodDelete, "/accounts/shop/reservations/c%2F1", nil).into(t, http.StatusNoContent, nil)
		w.wantStock(t, "released", "A", 5, 0)
		w.reserve(t, "c/1", 60, "A", 1).refused(t, http.StatusConflict, "", "released", "another id")
		w.reserve(t, "c2", 60, "A", 5).into(t, http.StatusCreated, nil) // what was refused left nothing
		w.wantStock(t, "held", "A", 5, 5)
	})
}

// TestReservationBecomesOrder: the order with the same id takes the goods over;
// there is no moment at which somebody else could get them.
func TestReservationBecomesOrder(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		w.product(t, "0557722", 2)
		w.reserve(t, "O-1", 60, "0557722", 2).into(t, http.StatusCreated, nil)
		rival := w.send(t, "shop", payload("O-2", 1, line("qty", 1)))
		if len(rival.Goods) != 1 || rival.Goods[0].Short != 1 || len(rival.Holds) != 1 || rival.Holds[0] != orderhub.HoldShort {
			t.Errorf("the rival: %+v %v", rival.Goods, rival.Holds)
		}
		taken := w.send(t, "shop", payload("O-1", 1))
		want := api.GoodsView{SKU: "0557722", Needed: 2, Reserved: 2}
		if len(taken.Goods) != 1 || taken.Goods[0] != want || taken.Lines[0].Product != "0557722" || len(taken.Holds) > 0 {
			t.Errorf("the order: %+v, lines %+v, holds %v", taken.Goods, taken.Lines, taken.Holds)
		}
		w.wantStock(t, "an order now", "0557722", 2, 2)
		w.do(t, http.MethodDelete, "/accounts/shop/reservations/O-1", nil).refused(t, http.StatusConflict, "", "became an order")
		w.reserve(t, "O-1", 60, "0557722", 2).refused(t, http.StatusConflict, "", "converted")
		w.wantStock(t, "after both refusals", "0557722", 2, 2)

		// Goods come in: the rival is served, after those whom a person put first.
		third := w.send(t, "shop", payload("O-3", 1, line("qty", 1)))
		var g api.Goods
		w.do(t, http.MethodPost, fmt.Sprintf("/orders/%d/requeue", third.Number), nil).into(t, http.StatusOK, &g)
		if g.Number != third.Number || len(g.Goods) != 1 || g.Goods[0].Short != 1 {
			t.Errorf("put first: %+v", g)
		}
		w.do(t, http.MethodPost, "/orders/1/requeue", nil).refused(t, http.StatusNotFound, "")
		w.do(t, http.MethodPost, fmt.Sprintf("/orders/%d/requeue", taken.Number), nil).refused(t, http.StatusConflict, "", "lacks nothing")
		w.start(t)
		w.paper(t, "receive", "0557722", 1)
		eventually(t, "the order that was put first has its goods", func() bool {
			var card api.OrderCard
			w.do(t, http.MethodGet, fmt.Sprintf("/orders/%d", third.Number), nil).into(t, http.StatusOK, &card)
			return card.Goods[0].Reserved == 1 && len(card.Holds) == 0
		})
		var card api.OrderCard
		w.do(t, http.MethodGet, fmt.Sprintf("/orders/%d", rival.Number), nil).into(t, http.StatusOK, &card)
		if card.Goods[0].Short != 1 {
			t.Errorf("the rival: %+v", card.Goods)
		}
	})
}

func TestReservationsExpire(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		w.product(t, "A", 1)
		w.reserve(t, "c1", 1, "A", 1).into(t, http.StatusCreated, nil)
		w.reserve(t, "c2", 600, "A", 1).refused(t, http.StatusConflict, "", "short")
		w.start(t) // only a hub at work ends carts, however slow the machine is
		eventually(t, "the goods are free again", func() bool { return w.card(t, "A").Available == 1 })
		w.reserve(t, "c1", 600, "A", 1).refused(t, http.StatusConflict, "", "expired")
		w.reserve(t, "c2", 600, "A", 1).into(t, http.StatusCreated, nil)
		if m := w.card(t, "A").Moves; len(m) != 4 || m[1].Kind != orderhub.MoveRelease || !strings.Contains(m[1].Why, "expired") {
			t.Errorf("moves: %+v", m)
		}
	})
}

// TestReservationsAtOnce: the same cart from several requests is one cart, and
// one unit goes to one of many carts.
func TestReservationsAtOnce(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		w.product(t, "A", 4)
		w.product(t, "B", 1)
		statuses := map[string]int{}
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range 12 {
			all.Go(func() {
				same, rival := w.reserve(t, "same", 60, "A", 4), w.reserve(t, fmt.Sprintf("r%d", i), 60, "B", 1)
				mu.Lock()
				defer mu.Unlock()
				statuses[fmt.Sprint("same ", same.Status)]++
				statuses[fmt.Sprint("rival ", rival.Status)]++
			})
		}
		all.Wait()
		if statuses["same 201"] != 1 || statuses["same 200"] != 11 || statuses["rival 201"] != 1 || statuses["rival 409"] != 11 {
			t.Errorf("%v", statuses)
		}
		w.wantStock(t, "one cart", "A", 4, 4)
		w.wantStock(t, "one buyer", "B", 1, 1)
	})
}

// TestReservationsStrict: with the strict policy a unit that another channel
// shows is not given to a cart.
func TestReservationsStrict(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.addAccount(t, "shop", "site", map[string]string{"secret": hookSecret, "reserve": "yes"})
		w.addAccount(t, "kiosk", "site", nil)
		w.product(t, "A", 1, set("oversell", "strict"))
		w.start(t)
		eventually(t, "the kiosk shows the unit", func() bool {
			return slices.ContainsFunc(w.card(t, "A").Listings, func(l api.ShownView) bool { return l.Account == "kiosk" && l.Exposure == 1 })
		})
		w.reserve(t, "c1", 60, "A", 1).refused(t, http.StatusConflict, "", "A", "other channels")
		w.wantStock(t, "refused", "A", 1, 0)
	})
}

func TestReservationsRefuse(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		w.addAccount(t, "wb", "wildberries", map[string]string{"token": wbToken(t, w), "shipping_point_id": "507"})
		w.product(t, "A", 5)
		w.product(t, "KIT", 0, set("components", []any{map[string]any{"sku": "A", "quantity": 2}}))
		line := func(sku string, n any) map[string]any { return map[string]any{"sku": sku, "qty": n} }
		good := func(change ...func(m map[string]any)) map[string]any {
			m := map[string]any{"id": "c", "expires_in_s": 60, "lines": []any{line("A", 1)}}
			for _, f := range change {
				f(m)
			}
			return m
		}
		many := make([]any, 1001)
		for i := range many {
			many[i] = line("A", 1)
		}
		for name, tc := range map[string]struct {
			body   map[string]any
			status int
			field  string
		}{
			"no id":               {good(set("id", "")), 422, "id"},
			"an id with a blank":  {good(set("id", " c")), 422, "id"},
			"an id too long":      {good(set("id", strings.Repeat("x", 101))), 422, "id"},
			"an id too many byte": {good(set("id", strings.Repeat("ж", 60))), 422, "id"},
			"for no time":         {good(set("expires_in_s", 0)), 422, "expires_in_s"},
			"for two days":        {good(set("expires_in_s", 86401)), 422, "expires_in_s"},
			"no lines":            {good(set("lines", []any{})), 422, "lines"},
			"1001 lines":          {good(set("lines", many)), 422, "lines"},
			"no units":            {good(set("lines", []any{line("A", 0)})), 422, "lines[0].qty"},
			"half a unit":         {good(set("lines", []any{line("A", 0.5)})), 422, "lines[0].qty"},
			"too many units":      {good(set("lines", []any{line("A", 1000001)})), 422, "lines[0].qty"},
			"no product":          {good(set("lines", []any{line("A", 1), line("NONE", 1)})), 422, "lines[1].sku"},
			"short in two lines":  {good(set("lines", []any{line("A", 3), line("A", 3)})), 409, ""},
			"short with a kit":    {good(set("lines", []any{line("KIT", 2), line("A", 2)})), 409, ""},
			"unknown field":       {good(set("until", "x")), 422, "until"},
		} {
			t.Run(name, func(t *testing.T) {
				w.do(t, http.MethodPost, "/accounts/shop/reservations", tc.body).refused(t, tc.status, tc.field)
			})
		}
		w.do(t, http.MethodPost, "/accounts/nobody/reservations", good()).refused(t, http.StatusNotFound, "", "nobody")
		w.do(t, http.MethodPost, "/accounts/wb/reservations", good()).refused(t, http.StatusUnprocessableEntity, "", "wb", "site")
		w.do(t, http.MethodDelete, "/accounts/shop/reservations/none", nil).refused(t, http.StatusNotFound, "", "none")
		w.do(t, http.MethodDelete, "/accounts/nobody/reservations/none", nil).refused(t, http.StatusNotFound, "", "nobody")
		w.wantStock(t, "nothing was held", "A", 5, 0)
		w.do(t, http.MethodPost, "/accounts/shop/reservations", good(set("lines", []any{line("KIT", 2), line("A", 1)}))).into(t, http.StatusCreated, nil)
		w.wantStock(t, "two kits and a plain one", "A", 5, 5)
	})
}

// start starts the background work.
func (w *world) start(t *testing.T) {
	t.Helper()
	if err := w.hub.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.stop(20 * time.Second) })
}
