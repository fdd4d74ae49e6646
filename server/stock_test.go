package server_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/store"
)

func (w *world) stop(within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	_ = w.hub.Stop(ctx)
}

// offer gives an account a listing.
func (w *world) offer(t *testing.T, account string, l orderhub.Listing) orderhub.Listing {
	t.Helper()
	l.Live = true
	if err := w.store.InTx(t.Context(), func(tx *store.Tx) error {
		return tx.SaveListings(t.Context(), account, []orderhub.Listing{l}, time.Now())
	}); err != nil {
		t.Fatal(err)
	}
	list, err := w.store.ListListings(t.Context(), store.ListingFilter{Accounts: []string{account}, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return list[slices.IndexFunc(list, func(x orderhub.Listing) bool { return x.Key == l.Key })]
}

func TestDocuments(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.product(t, "A", 0)
		w.product(t, "B", 0)
		w.product(t, "KIT", 0, set("components", []any{map[string]any{"sku": "A", "quantity": 2}}))
		post := func(kind string, lines ...any) reply {
			return w.do(t, http.MethodPost, "/stock/documents", map[string]any{"kind": kind, "note": "«накладная» 7/1", "lines": lines})
		}
		line := func(sku string, n any) map[string]any { return map[string]any{"sku": sku, "quantity": n} }
		var d, read store.Document
		post("receive", line("A", 5), line("B", 1)).into(t, http.StatusCreated, &d)
		post("count", line("A", 3)).into(t, http.StatusCreated, &d)
		if d.Kind != orderhub.MoveCount || d.Note != "«накладная» 7/1" || d.Actor.Name != "tester" || len(d.Lines) != 1 || d.Lines[0].Before != 5 {
			t.Errorf("counted: %+v", d)
		}
		w.do(t, http.MethodGet, fmt.Sprintf("/stock/documents/%d", d.ID), nil).into(t, http.StatusOK, &read)
		if read.ID != d.ID || !slices.Equal(read.Lines, d.Lines) || read.Warehouse != orderhub.MainWarehouse {
			t.Errorf("read: %+v", read)
		}
		var page api.DocumentPage
		w.do(t, http.MethodGet, "/stock/documents?limit=1", nil).into(t, http.StatusOK, &page)
		if len(page.Documents) != 1 || page.Documents[0].ID != d.ID || page.Before != d.ID {
			t.Errorf("the first page: %+v", page)
		}
		path := fmt.Sprintf("/stock/documents?kind=receive&before=%d", page.Before)
		page = api.DocumentPage{}
		w.do(t, http.MethodGet, path, nil).into(t, http.StatusOK, &page)
		if len(page.Documents) != 1 || page.Documents[0].Kind != orderhub.MoveReceive {
			t.Errorf("the second page: %+v", page)
		}
		many := make([]any, 5001)
		for i := range many {
			many[i] = line("A", 1)
		}
		for name, tc := range map[string]struct {
			r     reply
			field string
			words []string
		}{
			"an unknown kind":      {post("lose", line("A", 1)), "kind", []string{"count"}},
			"no lines":             {post("count"), "lines", nil},
			"5001 lines":           {post("count", many...), "lines", []string{"5000"}},
			"twice":                {post("count", line("A", 1), line("A", 1)), "lines", []string{"twice"}},
			"no product":           {post("count", line("A", 9), line("NONE", 1)), "lines", []string{"NONE"}},
			"a kit":                {post("count", line("KIT", 1)), "lines", []string{"KIT", "components"}},
			"below zero":           {post("count", line("A", -1)), "quantity", []string{"0 and more"}},
			"more than there are":  {post("write_off", line("A", 9), line("B", 1)), "quantity", []string{"A", "on hand 3"}},
			"no quantity":          {post("count", map[string]any{"sku": "A"}), "lines[0].quantity", nil},
			"a quantity in words":  {post("count", line("A", "five")), "lines[0].quantity", []string{"whole number"}},
			"a quantity too large": {post("receive", line("A", 1_000_000_001)), "lines[0].quantity", nil},
			"a long note": {w.do(t, http.MethodPost, "/stock/documents", map[string]any{"kind": "count", "note": strings.Repeat("x", 1001), "lines": []any{line("A", 1)}}),
				"note", []string{"1000"}},
			"an unknown filter": {w.do(t, http.MethodGet, "/stock/documents?kind=lose", nil), "kind", nil},
		} {
			t.Run(name, func(t *testing.T) { tc.r.refused(t, http.StatusUnprocessableEntity, tc.field, tc.words...) })
		}
		w.do(t, http.MethodGet, "/stock/documents/999", nil).refused(t, http.StatusNotFound, "", "999")
		w.wantStock(t, "refusals left nothing", "A", 3, 0)
	})
}

// TestExplain: the figures of a product are the sum of its moves, and each
// listing tells how far its figure is.
func TestExplain(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		w.product(t, "0557722", 9)
		w.product(t, "KIT", 0, set("components", []any{map[string]any{"sku": "0557722", "quantity": 2}}))
		l := w.offer(t, "shop", orderhub.Listing{Key: "L/1", Article: "0557722", Name: "Чашка"})
		var linked orderhub.Listing
		w.do(t, http.MethodPost, fmt.Sprintf("/listings/%d/link", l.ID), `{"sku":"0557722"}`).into(t, http.StatusOK, &linked)
		w.send(t, "shop", payload("E-1", 1))
		w.send(t, "shop", payload("E-2", 1))
		w.send(t, "shop", payload("E-2", 2, set("status", "cancelled")))
		w.paper(t, "quarantine", "0557722", 1)
		w.paper(t, "expect", "0557722", 4)
		w.send(t, "shop", payload("E-1", 2, set("status", "shipped")))
		w.start(t)
		var card api.StockCard
		eventually(t, "the shop's figure is confirmed", func() bool {
			card = w.card(t, "0557722")
			card.Listings = slices.DeleteFunc(card.Listings, func(s api.ShownView) bool { return s.Key != "L/1" })
			return len(card.Listings) == 1 && card.Listings[0].State == store.PublicationConfirmed && *card.Listings[0].Confirmed == card.Available
		})
		var sum orderhub.Stock
		for _, m := range card.Moves {
			if sum = sum.Add(m); m.Actor.Kind == "" || m.At.IsZero() || m.Kind == "" {
				t.Errorf("a move without a cause: %+v", m)
			}
		}
		f := card.Figures[0]
		if f.OnHand != sum.OnHand || f.Reserved != sum.Reserved || f.Quarantine != sum.Quarantine || f.Expected != sum.Expected || f.CountedAt == nil {
			t.Errorf("the figures %+v are not the sum of the moves %+v", f, sum)
		}
		if f.OnHand != 8 || f.Reserved != 0 || f.Quarantine != 1 || f.Expected != 4 || card.Available != 7 {
			t.Errorf("the figures: %+v", f)
		}
		if card.Policy.Policy != orderhub.OversellShared || card.Policy.Own || card.Policy.Guarantee == "" || card.Policy.Assumes == "" {
			t.Errorf("the policy: %+v", card.Policy)
		}
		s := card.Listings[0]
		if s.Key != "L/1" || *s.Wanted != 7 || *s.Sent != 7 || s.WantedAt == nil || s.SentAt == nil || s.AcceptedAt == nil || s.ConfirmedAt == nil {
			t.Errorf("the listing: %+v", s)
		}
		if i := slices.IndexFunc(card.Channels, func(c api.ChannelTimes) bool { return c.Account == "shop" }); i < 0 || card.Channels[i].Measured == 0 || card.Channels[i].LagSeconds <= 0 {
			t.Errorf("how long the channels take: %+v", card.Channels)
		}
		var shop api.AccountView
		w.do(t, http.MethodGet, "/accounts/shop", nil).into(t, http.StatusOK, &shop)
		if shop.Stock == nil || shop.Stock.States[store.PublicationConfirmed] == 0 || shop.Stock.Measured == 0 || shop.Stock.Foreign != 0 {
			t.Errorf("how near the account's figures are: %+v", shop.Stock)
		}
		w.do(t, http.MethodPost, "/accounts/shop/reconcile", nil).refused(t, http.StatusUnprocessableEntity, "", "does not tell what stock it shows")
		w.do(t, http.MethodPost, "/accounts/none/reconcile", nil).refused(t, http.StatusNotFound, "")
		kit := w.card(t, "KIT")
		if !kit.Kit || kit.Available != 3 || len(kit.Figures) != 1 || kit.Figures[0].PerKit != 2 || len(kit.Moves) > 0 {
			t.Errorf("the kit: %+v", kit)
		}
		w.pagesOfMoves(t, card.Moves)
	})
}

func (w *world) pagesOfMoves(t *testing.T, want []orderhub.Move) {
	t.Helper()
	var got []orderhub.Move
	for before := int64(0); ; {
		path := "/products/0557722/stock?limit=2"
		if before > 0 {
			path += fmt.Sprintf("&before=%d", before)
		}
		var page api.StockCard
		w.do(t, http.MethodGet, path, nil).into(t, http.StatusOK, &page)
		got = append(got, page.Moves...)
		if before = page.Before; before == 0 {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("page by page %d moves, want %d", len(got), len(want))
	}
}

// TestPull: a shop reads all figures once and then what changed.
func TestPull(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		w.product(t, "A", 5)
		w.product(t, "B", 2)
		w.product(t, "KIT", 0, set("components", []any{map[string]any{"sku": "A", "quantity": 2}}))
		w.product(t, "OLD", 1, set("archived", true))
		l := w.offer(t, "shop", orderhub.Listing{Key: "L1", Article: "A"})
		w.do(t, http.MethodPost, fmt.Sprintf("/listings/%d/link", l.ID), `{"sku":"A"}`).into(t, http.StatusOK, nil)
		w.do(t, http.MethodPut, fmt.Sprintf("/listings/%d/publish", l.ID), `{"mode":"cap","value":3}`).into(t, http.StatusOK, nil)
		read := func(query string) api.StockPage {
			var page api.StockPage
			w.do(t, http.MethodGet, "/stock?"+query, nil).into(t, http.StatusOK, &page)
			return page
		}
		rows := func(p api.StockPage) string {
			var out []string
			for _, r := range p.Stock {
				out = append(out, fmt.Sprintf("%s:%d", r.SKU, r.Available))
			}
			return strings.Join(out, " ")
		}
		all := read("")
		if got := rows(all); got != "A:5 B:2 KIT:2" || all.Since == "" || all.After != "" {
			t.Fatalf("all: %q %+v", got, all)
		}
		if part := read("limit=2&after=A"); rows(part) != "B:2 KIT:2" || part.After != "KIT" || part.Since != "" {
			t.Errorf("a part: %+v", part)
		}
		if none := read("since=" + all.Since); len(none.Stock) > 0 || none.Since != all.Since {
			t.Errorf("nothing changed: %+v", none)
		}
		w.reserve(t, "c1", 60, "A", 2).into(t, http.StatusCreated, nil)
		changed := read("wait=30&since=" + all.Since)
		if got := rows(changed); got != "A:3 KIT:1" || changed.Since == all.Since {
			t.Errorf("changed: %q %+v", got, changed)
		}
		if first := read("limit=1&since=" + all.Since); rows(first) != "A:3" || first.After != "A" {
			t.Errorf("changed, the first: %+v", first)
		}
		if second := read("limit=1&after=A&since=" + all.Since); rows(second) != "KIT:1" {
			t.Errorf("changed, the second: %+v", second)
		}
		if got := rows(read("since=1")); got != "A:3 B:2 KIT:1" {
			t.Errorf("since the first move: %q", got)
		}
		w.pullAccount(t, read)
		for query, field := range map[string]string{
			"limit=0": "limit", "limit=1001": "limit", "account=nobody": "account", "wait=31&since=1": "wait", "wait=5": "wait", "wait=-1": "wait",
			"since=x": "since", "since=-1": "since", "since=1.x": "since", "since=1&account=shop": "since", "since=f1.1": "since", "since=f1&account=shop": "since",
			"after=" + strings.Repeat("x", 101): "after",
		} {
			w.do(t, http.MethodGet, "/stock?"+query, nil).refused(t, http.StatusUnprocessableEntity, field)
		}
	})
}

// pullAccount reads what the account's listings are to show.
func (w *world) pullAccount(t *testing.T, read func(query string) api.StockPage) {
	t.Helper()
	before := read("account=shop")
	if len(before.Stock) != 3 || len(before.Stock[0].Listings) != 1 || before.Stock[0].Listings[0].Figure != nil {
		t.Errorf("nothing is worked out yet: %+v", before)
	}
	waited := make(chan api.StockPage, 1)
	go func() { waited <- read("account=shop&wait=30&since=" + before.Since) }()
	w.start(t)
	// Beside L1 each product is offered on the shop's site under its SKU.
	shown := map[string]api.PulledRow{}
	keep := func(page api.StockPage) {
		for _, row := range page.Stock {
			for _, l := range row.Listings {
				shown[l.Key] = l
			}
		}
	}
	page := <-waited
	if keep(page); len(page.Stock) == 0 || page.Since == before.Since {
		t.Fatalf("after a wait: %+v", page)
	}
	eventually(t, "every listing has its figure", func() bool {
		page = read("account=shop&since=" + page.Since)
		keep(page)
		for key, want := range map[string]int64{"L1": 3, "A": 3, "B": 2, "KIT": 1} {
			if l := shown[key]; l.Figure == nil || *l.Figure != want || l.At == nil {
				return false
			}
		}
		return true
	})
	w.do(t, http.MethodPut, fmt.Sprintf("/listings/%d/publish", shown["L1"].Listing), `{"mode":"off"}`).into(t, http.StatusOK, nil)
	if keep(read("account=shop")); shown["L1"].Figure != nil {
		t.Errorf("off: %+v", shown["L1"])
	}
}

func TestStockPolicies(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		w.product(t, "A", 1)
		w.product(t, "B", 1, set("oversell", "shared"))
		var p api.PolicyView
		w.do(t, http.MethodGet, "/settings/oversell", nil).into(t, http.StatusOK, &p)
		if p.Policy != orderhub.OversellShared || !strings.Contains(p.Guarantee, "exposure") {
			t.Errorf("%+v", p)
		}
		w.do(t, http.MethodPut, "/settings/oversell", `{"policy":"strict"}`).into(t, http.StatusOK, &p)
		if p.Policy != orderhub.OversellStrict || !strings.Contains(p.Guarantee, "twice") || !strings.Contains(p.Assumes, "seconds") {
			t.Errorf("%+v", p)
		}
		if a, b := w.card(t, "A").Policy, w.card(t, "B").Policy; a.Policy != orderhub.OversellStrict || a.Own || b.Policy != orderhub.OversellShared || !b.Own {
			t.Errorf("%+v %+v", a, b)
		}
		w.do(t, http.MethodPut, "/settings/oversell", `{"policy":"never"}`).refused(t, http.StatusUnprocessableEntity, "policy", "shared")
		w.do(t, http.MethodPut, "/settings/oversell", `{}`).refused(t, http.StatusUnprocessableEntity, "policy")

		const path = "/accounts/shop/stock"
		var rule api.AccountStockRule
		w.do(t, http.MethodGet, path, nil).into(t, http.StatusOK, &rule)
		if rule.Publish.Mode != orderhub.PublishMirror || rule.SecondWriter != "overwrite" {
			t.Errorf("%+v", rule)
		}
		w.do(t, http.MethodPut, path, `{"publish":{"mode":"share","value":50,"buffer":1},"second_writer":"stop"}`).into(t, http.StatusOK, &rule)
		want := api.AccountStockRule{Publish: api.PublishRule{Mode: orderhub.PublishShare, Value: 50, Buffer: 1}, SecondWriter: "stop"}
		if rule != want {
			t.Errorf("%+v", rule)
		}
		for body, field := range map[string]string{
			`{"publish":{"mode":"all"}}`: "publish.mode", `{"publish":{"mode":"share","value":101}}`: "publish.value", `{"publish":{"value":1}}`: "publish.value",
			`{"publish":{"buffer":-1}}`: "publish.buffer", `{"second_writer":"shout"}`: "second_writer",
		} {
			w.do(t, http.MethodPut, path, body).refused(t, http.StatusUnprocessableEntity, field)
		}
		w.do(t, http.MethodGet, "/accounts/nobody/stock", nil).refused(t, http.StatusNotFound, "", "nobody")
		w.do(t, http.MethodPut, "/accounts/nobody/stock", `{}`).refused(t, http.StatusNotFound, "", "nobody")
	})
}
