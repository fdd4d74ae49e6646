package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
)

func TestListings(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		w.addAccount(t, "shop-2", "site", nil)
		w.product(t, "CUP-1", 3, set("barcodes", []string{"4601"}))
		w.product(t, "CUP-2", 0, set("barcodes", []string{"4602"}))
		a := w.offer(t, "shop", orderhub.Listing{Key: "k/1", Article: "CUP-1x", Name: "Чашка 50%", Barcodes: []string{"4601"}})
		b := w.offer(t, "shop", orderhub.Listing{Key: "k2", Article: "CUP-2", Barcodes: []string{"4602"}})
		w.offer(t, "shop-2", orderhub.Listing{Key: "k3", Article: `"; --`})
		list := func(query string) (string, api.ListingPage) {
			var page api.ListingPage
			w.do(t, http.MethodGet, "/listings"+query, nil).into(t, http.StatusOK, &page)
			var keys []string
			for _, l := range page.Listings {
				keys = append(keys, l.Key)
			}
			return strings.Join(keys, " "), page
		}
		_, page := list("?limit=1")
		if s := page.Listings[0].Suggestions; len(s) != 2 || s[0].SKU != "CUP-1" || s[0].Why != "barcode" || s[1].Why != "sku_alike" || page.After != a.ID {
			t.Errorf("suggestions: %+v, after %d", s, page.After)
		}
		link := func(l orderhub.Listing) string { return fmt.Sprintf("/listings/%d/link", l.ID) }
		var linked orderhub.Listing
		w.do(t, http.MethodPost, link(a), `{"sku":"CUP-1"}`).into(t, http.StatusOK, &linked)
		if linked.SKU != "CUP-1" || linked.LinkedBy != orderhub.LinkedByPerson {
			t.Errorf("linked: %+v", linked)
		}
		w.do(t, http.MethodPost, link(b), `{"sku":"CUP-2"}`).into(t, http.StatusOK, nil)
		for query, want := range map[string]string{
			"": "k/1 k2 k3", "?account=shop": "k/1 k2", "?account=shop,shop-2": "k/1 k2 k3", "?sku=CUP-1": "k/1", "?sku=NONE": "", "?unmatched=true": "k3",
			"?orphans=true": "k2 k3", "?q=k%2F": "k/1", "?q=CUP-2": "k2", "?q=50%25": "k/1", "?q=%25": "k/1", "?q=%22": "k3",
			fmt.Sprintf("?after=%d&limit=1", a.ID): "k2", "?account=shop&unmatched=true": "",
		} {
			if got, _ := list(query); got != want {
				t.Errorf("%s: %q, want %q", query, got, want)
			}
		}
		var published orderhub.Listing
		w.do(t, http.MethodPut, fmt.Sprintf("/listings/%d/publish", a.ID), `{"mode":"share","value":50,"buffer":2}`).into(t, http.StatusOK, &published)
		if published.Publish != (orderhub.Publish{Mode: orderhub.PublishShare, Value: 50, Buffer: 2}) {
			t.Errorf("published: %+v", published.Publish)
		}
		w.do(t, http.MethodPut, fmt.Sprintf("/listings/%d/publish", a.ID), `{}`).into(t, http.StatusOK, &published)
		var untied orderhub.Listing
		w.do(t, http.MethodDelete, link(b), nil).into(t, http.StatusOK, &untied)
		if untied.SKU != "" {
			t.Errorf("untied: %+v", untied)
		}
		// It has the barcode of a product; what a person untied stays so nevertheless.
		w.offer(t, "shop-2", orderhub.Listing{Key: "k4", Barcodes: []string{"4602"}})
		w.start(t)
		w.product(t, "CUP-3", 0)
		eventually(t, "the new listing finds its product", func() bool {
			got, _ := list("?sku=CUP-2")
			return slices.Contains(strings.Fields(got), "k4")
		})
		if got, _ := list("?unmatched=true"); got != "k2 k3" {
			t.Errorf("unmatched: %q", got)
		}
	})
}

// TestLinkingHeals: an order that came before its product gets the goods when
// the listing is linked.
func TestLinkingHeals(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		w.product(t, "CUP-1", 3)
		taken := w.send(t, "shop", payload("H-1", 1, line("sku", "чужой")))
		if len(taken.Holds) != 1 || taken.Holds[0] != orderhub.HoldUnmapped || taken.Lines[0].Product != "" || len(taken.Goods) > 0 {
			t.Fatalf("before: %v %+v %+v", taken.Holds, taken.Lines, taken.Goods)
		}
		l := w.offer(t, "shop", orderhub.Listing{Key: taken.Lines[0].ListingKey, Article: "чужой"})
		w.do(t, http.MethodPost, fmt.Sprintf("/listings/%d/link", l.ID), `{"sku":"CUP-1"}`).into(t, http.StatusOK, nil)
		var card api.OrderCard
		w.do(t, http.MethodGet, fmt.Sprintf("/orders/%d", taken.Number), nil).into(t, http.StatusOK, &card)
		if len(card.Holds) > 0 || card.Lines[0].Product != "CUP-1" || card.Lines[0].Listing != l.ID || card.Goods[0].Reserved != 2 {
			t.Errorf("after: %v %+v %+v", card.Holds, card.Lines, card.Goods)
		}
	})
}

func TestListingsRefuse(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		l := w.offer(t, "shop", orderhub.Listing{Key: "k1"})
		link, publish := fmt.Sprintf("/listings/%d/link", l.ID), fmt.Sprintf("/listings/%d/publish", l.ID)
		for _, tc := range []struct {
			method, path, body, field string
			status                    int
		}{
			{"GET", "/listings?account=nobody", "", "account", 422},
			{"GET", "/listings?account=", "", "account", 422},
			{"GET", "/listings?unmatched=maybe", "", "unmatched", 422},
			{"GET", "/listings?limit=201", "", "limit", 422},
			{"GET", "/listings?after=0", "", "after", 422},
			{"GET", "/listings?q=" + strings.Repeat("x", 201), "", "q", 422},
			{"POST", link, `{"sku":"NONE"}`, "sku", 422},
			{"POST", link, `{"sku":""}`, "sku", 422},
			{"POST", link, `{}`, "sku", 422},
			{"POST", "/listings/999/link", `{"sku":"NONE"}`, "", 404},
			{"DELETE", "/listings/999/link", "", "", 404},
			{"PUT", "/listings/999/publish", `{"mode":"off"}`, "", 404},
			{"PUT", publish, `{"mode":"all"}`, "mode", 422},
			{"PUT", publish, `{"mode":"cap","value":-1}`, "value", 422},
			{"PUT", publish, `{"mode":"mirror","value":1}`, "value", 422},
			{"PUT", publish, `{"buffer":1000001}`, "buffer", 422},
		} {
			t.Run(tc.method+" "+tc.path+" "+tc.body, func(t *testing.T) {
				var body any
				if tc.body != "" {
					body = tc.body
				}
				w.do(t, tc.method, tc.path, body).refused(t, tc.status, tc.field)
			})
		}
	})
}
