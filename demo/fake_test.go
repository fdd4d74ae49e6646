package demo

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/marketsim"
)

// books is a market of which only the books are looked at.
type books struct{ truth []marketsim.TruthOrder }

func (b books) Truth() []marketsim.TruthOrder             { return b.truth }
func (books) Channel() orderhub.Channel                   { return "ozon" }
func (books) Handler() http.Handler                       { return http.NotFoundHandler() }
func (books) Settings() map[string]string                 { return nil }
func (books) Notify(string)                               {}
func (books) Place(marketsim.OrderSpec) ([]string, error) { return nil, nil }
func (books) Act(string, marketsim.BuyerAct) error        { return nil }
func (books) Progress(string) (moved bool, err error)     { return false, nil }
func (books) Close()                                      {}

// fakeHub answers the calls of a comparison, one row a page, so that the paging
// is walked too.
func fakeHub(t *testing.T, rows []api.OrderRow, effects []*orderhub.Effect, view api.AccountView) *Client {
	t.Helper()
	answer := func(w http.ResponseWriter, v any) {
		if err := json.NewEncoder(w).Encode(v); err != nil {
			t.Error(err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/orders", func(w http.ResponseWriter, r *http.Request) {
		at := len(r.URL.Query().Get("cursor"))
		page := api.OrderPage{Orders: rows[at : at+1]}
		if at+1 < len(rows) {
			page.Cursor = "xxxxxxxxxx"[:at+1]
		}
		answer(w, page)
	})
	mux.HandleFunc("GET /api/v1/effects", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("before") == "" {
			answer(w, api.EffectPage{Effects: effects[1:], Before: 2})
			return
		}
		answer(w, api.EffectPage{Effects: effects[:1]})
	})
	mux.HandleFunc("GET /api/v1/accounts/ozon-main", func(w http.ResponseWriter, _ *http.Request) { answer(w, view) })
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return &Client{Base: srv.URL, Token: "t"}
}
