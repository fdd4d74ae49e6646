package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
)

// ids are the external ids of a page.
func ids(page api.OrderPage) []string {
	out := make([]string, 0, len(page.Orders))
	for _, o := range page.Orders {
		out = append(out, o.ExternalID)
	}
	return out
}

func TestOrderFilters(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		w.addAccount(t, "shop-2", "site", nil)
		w.addAccount(t, "wb", "wildberries", map[string]string{"token": wbToken(t, w), "shipping_point_id": "507"})
		at := func(day int) func(m map[string]any) {
			return set("created_at", time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC).Format(time.RFC3339))
		}
		w.send(t, "shop", payload("a", 1, at(1)))
		w.send(t, "shop", payload("b", 1, at(2), set("status", "confirmed")))
		w.send(t, "shop", payload("c", 1, at(3), set("status", "cancelled")))
		held := w.send(t, "shop-2", payload("d", 1, at(4), set("customer", map[string]any{"name": "Ада Ёлкина", "phone": "8 911 222-33-44"})))
		w.send(t, "shop-2", payload("e", 1, at(5), set("lines", []any{map[string]any{"sku": "TEA-9", "qty": 1, "barcode": "4601234567890"}})))
		w.do(t, http.MethodPost, fmt.Sprintf("/orders/%d/hold", held.Number), map[string]any{"on": true, "why": "ждём"}).into(t, http.StatusOK, nil)
		for _, tc := range []struct{ query, want string }{
			{"", "e d c b a"},
			{"account=shop", "c b a"},
			{"account=shop&account=shop-2", "e d c b a"},
			{"account=shop,shop-2", "e d c b a"},
			{"account=shop&account=shop", "c b a"},
			{"account=wb", ""},
			{"channel=site", "e d c b a"},
			{"channel=site&account=shop", "c b a"},
			{"channel=wildberries", ""},
			{"channel=ozon", ""},
			{"channel=wildberries&account=shop", ""},
			{"status=new", "e d a"},
			{"status=new&status=confirmed", "e d b a"},
			{"status=new,confirmed", "e d b a"},
			{"status=new,%20confirmed", "e d b a"},
			{"status=new,new", "e d a"},
			{"status=delivered", ""},
			{"account=shop&status=new&status=cancelled", "c a"},
			{"hold=any", "d"},
			{"hold=manual", "d"},
			{"hold=arbitration", ""},
			{"hold=any&account=shop", ""},
			{"placed_from=2026-11-03T12:00:00Z", "e d c"},
			{"placed_to=2026-11-03T12:00:00Z", "b a"},
			{"placed_from=2026-11-02T15:00:00%2B03:00&placed_to=2026-11-04T00:00:00Z", "c b"},
			{"q=TEA-9", "e"},
			{"q=tea", "e"},
			{"q=46012345", "e"},
			{"q=%D0%95%D0%BB%D0%BA", "d"}, // Елк finds Ёлкина
			{"q=%2B7%20911%20222-33-44", "d"},
			{"q=N-a", "a"},
			{"q=nothing", ""},
			{"q=%25", ""},
			{"q=_", ""},
			{"q=0557722&status=new&account=shop", "a"},
			{"q=" + held.ExternalNumber, "d"},
			{"limit=2", "e d"},
			{"cursor=", "e d c b a"},
			{"status=", "REFUSED status"},
			{"status=&status=new", "REFUSED status"},
			{"status=new,", "REFUSED status"},
			{"status=old", "REFUSED status"},
			{"status=New", "REFUSED status"},
			{"account=", "REFUSED account"},
			{"account=shopp", "REFUSED account"},
			{"account=shop&account=nobody", "REFUSED account"},
			{"account=shop,", "REFUSED account"},
			{"channel=amazon", "REFUSED channel"},
			{"hold=all", "REFUSED hold"},
			{"placed_from=yesterday", "REFUSED placed_from"},
			{"placed_from=2026-11-03", "REFUSED placed_from"},
			{"placed_from=2026-11-03T12:00:00+03:00", "REFUSED placed_from"},
			{"placed_to=2026-02-30T00:00:00Z", "REFUSED placed_to"},
			{"placed_from=2026-11-03T00:00:00Z&placed_to=2026-11-03T00:00:00Z", "REFUSED placed_to"},
			{"limit=0", "REFUSED limit"},
			{"limit=501", "REFUSED limit"},
			{"limit=-1", "REFUSED limit"},
			{"limit=abc", "REFUSED limit"},
			{"limit=1.5", "REFUSED limit"},
			{"limit=2&limit=3", "REFUSED limit"},
			{"cursor=nonsense", "REFUSED cursor"},
			{"cursor=MS4y4", "REFUSED cursor"},
			{"cursor=Li4uLg", "REFUSED cursor"},
			{"q=" + strings.Repeat("x", 201), "REFUSED q"},
			{"q=%00", "REFUSED q"},
			{"q=%ff", "REFUSED q"},
			{"statuss=new", "REFUSED statuss"},
			{"limit=1;status=new", "REFUSED limit"},
		} {
			t.Run(tc.query, func(t *testing.T) {
				r := w.do(t, http.MethodGet, "/orders?"+tc.query, nil)
				if field, refused := strings.CutPrefix(tc.want, "REFUSED "); refused {
					r.refused(t, http.StatusUnprocessableEntity, field)
					return
				}
				var page api.OrderPage
				r.into(t, http.StatusOK, &page)
				if got := strings.Join(ids(page), " "); got != tc.want {
					t.Errorf("got %q, want %q", got, tc.want)
				}
			})
		}
		// A removed account leaves its orders.
		w.do(t, http.MethodDelete, "/accounts/shop-2", nil).into(t, http.StatusNoContent, nil)
		if got := ids(w.list(t, url.Values{"account": {"shop-2"}})); len(got) != 2 {
			t.Errorf("orders of a removed account: %v", got)
		}
	})
}

// TestOrderPages: page by page no order comes twice and none of the old ones is
// left out, while new ones arrive.
func TestOrderPages(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		place := func(i, minute int) {
			at := time.Date(2026, 11, 1, 12, minute, 0, 0, time.UTC).Format(time.RFC3339)
			w.send(t, "shop", payload(fmt.Sprintf("p%d", i), 1, set("created_at", at), set("status", []string{"new", "confirmed"}[i%2])))
		}
		for i := range 12 {
			place(i, i/3) // several in the same minute
		}
		for _, q := range []url.Values{{}, {"status": {"new", "confirmed"}}, {"account": {"shop"}}, {"q": {"0557722"}}} {
			q.Set("limit", "5")
			var got []string
			for n := 0; ; n++ {
				page := w.list(t, q)
				got = append(got, ids(page)...)
				place(100+n*2+len(got), 30)
				place(101+n*2+len(got), 0)
				if page.Cursor == "" {
					break
				}
				q.Set("cursor", page.Cursor)
			}
			seen := map[string]bool{}
			for _, id := range got {
				if seen[id] {
					t.Errorf("%v: %s comes twice", q, id)
				}
				seen[id] = true
			}
			for i := range 12 {
				if !seen[fmt.Sprintf("p%d", i)] {
					t.Errorf("%v: p%d is left out", q, i)
				}
			}
		}
	})
}

func TestOrderCard(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.addAccount(t, "shop", "site", map[string]string{"secret": hookSecret, "delivery_url": "https://shop.example/orders"})
		taken := w.send(t, "shop", payload("K-1", 1))
		path := fmt.Sprintf("/orders/%d", taken.Number)
		var card api.OrderCard
		w.do(t, http.MethodGet, path, nil).into(t, http.StatusOK, &card)
		if len(card.Lines) != 1 || card.Lines[0].SKU != "0557722" || card.Lines[0].Total.Minor != 30100 || card.Buyer.Phone == "" {
			t.Errorf("lines and buyer: %+v %+v", card.Lines, card.Buyer)
		}
		if card.Siblings == nil || card.Effects == nil || len(card.Timeline) != 1 {
			t.Errorf("siblings, effects, timeline: %+v", card)
		}
		received := card.Timeline[0]
		if received.Kind != orderhub.EventReceived || received.Actor.Kind != orderhub.ActorChannel || received.InboxID == 0 {
			t.Errorf("the first event: %+v", received)
		}
		var raw api.RawCard
		w.do(t, http.MethodGet, fmt.Sprintf("/inbox/%d", received.InboxID), nil).into(t, http.StatusOK, &raw)
		if raw.ExternalID != "K-1" || raw.State != "done" {
			t.Errorf("the raw payload of the event: %+v", raw.RawRow)
		}
		var to []orderhub.Status
		for _, n := range card.Next {
			to = append(to, n.To)
		}
		if !slices.Contains(to, orderhub.StatusConfirmed) || !slices.Contains(to, orderhub.StatusCancelled) {
			t.Errorf("next steps: %v", to)
		}
		w.do(t, http.MethodPost, path+"/transitions", map[string]any{"to": "confirmed", "comment": "взяли"}).into(t, http.StatusOK, nil)
		w.do(t, http.MethodGet, path, nil).into(t, http.StatusOK, &card)
		if len(card.Effects) != 1 || card.Effects[0].To != orderhub.StatusConfirmed || card.Effects[0].Actor.Name != "tester" {
			t.Errorf("effects: %+v", card.Effects)
		}
		moved := card.Timeline[len(card.Timeline)-1]
		if moved.Actor != (orderhub.Actor{Kind: orderhub.ActorAPI, Name: "tester"}) || moved.Why != "взяли" || moved.To != orderhub.StatusConfirmed {
			t.Errorf("the last event: %+v", moved)
		}
		w.siblings(t)
		for _, unknown := range []string{"/orders/1", "/accounts/shop/orders/K-2", "/accounts/nobody/orders/K-1"} {
			w.do(t, http.MethodGet, unknown, nil).refused(t, http.StatusNotFound, "")
		}
		w.do(t, http.MethodGet, "/accounts/shop/orders/"+strings.Repeat("x", 300), nil).refused(t, http.StatusUnprocessableEntity, "id")
	})
}

// siblings: orders that the buyer sees as one purchase name each other.
func (w *world) siblings(t *testing.T) {
	t.Helper()
	together := set("delivery", map[string]any{"type": "courier", "provider_order": "G-77"})
	a, b := w.send(t, "shop", payload("S-1", 1, together)), w.send(t, "shop", payload("S-2", 1, together))
	var card api.OrderCard
	w.do(t, http.MethodGet, fmt.Sprintf("/orders/%d", a.Number), nil).into(t, http.StatusOK, &card)
	if card.Group != "G-77" || len(card.Siblings) != 1 || card.Siblings[0].Number != b.Number {
		t.Errorf("siblings of %d: group %q, %+v", a.Number, card.Group, card.Siblings)
	}
}
