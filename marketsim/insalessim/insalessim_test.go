package insalessim_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/insalessim"
)

type shop struct {
	t   *testing.T
	m   *insalessim.Market
	url string
}

func setup(t *testing.T, opts insalessim.Options) *shop {
	t.Helper()
	opts.Fast = true
	m := insalessim.New(opts)
	t.Cleanup(m.Close)
	srv := httptest.NewServer(m.Handler())
	t.Cleanup(srv.Close)
	return &shop{t: t, m: m, url: srv.URL}
}

// call gives the status, the headers and the body.
func (s *shop) call(method, path, body string, header ...string) (int, http.Header, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.SetBasicAuth(insalessim.Login, insalessim.Password)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(text)
}

func (s *shop) place(n int) (ids []string) {
	s.t.Helper()
	for range n {
		id, err := s.m.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: "0557722", Quantity: 2, PriceMinor: 49050}}})
		if err != nil {
			s.t.Fatal(err)
		}
		ids = append(ids, id...)
	}
	return ids
}

// The recipe for changed data: orders share a second, and from_id goes on within
// it. Without updated_since it counts for nothing; a page has ten rows at least.
func TestLists(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 123_000_000, time.UTC)
	s := setup(t, insalessim.Options{Now: func() time.Time { return now }, QuotaScale: 10})
	ids := s.place(25)
	list := func(query string) (got []struct {
		ID      json.Number
		Updated string `json:"updated_at"`
		Lines   []struct {
			Total json.Number `json:"full_total_price"`
		} `json:"order_lines"`
	}) {
		t.Helper()
		status, _, body := s.call("GET", "/admin/orders.json?"+query, "")
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		return got
	}
	since := "updated_since=" + url.QueryEscape("2026-11-20 15:00:00 +03:00")
	if got := list(since + "&per_page=3"); len(got) != 10 || got[9].ID.String() != ids[9] || got[0].Updated != "2026-11-20T15:00:00.000+03:00" || got[0].Lines[0].Total != "981" {
		t.Errorf("first page: %d rows, %+v", len(got), got[0])
	}
	if got := list(since + "&per_page=100&from_id=" + ids[9]); len(got) != 15 || got[0].ID.String() != ids[10] {
		t.Errorf("second page: %d rows", len(got))
	}
	if got := list("per_page=100&from_id=" + ids[9]); len(got) != 25 {
		t.Errorf("from_id alone: %d rows", len(got))
	}
	if got := list("updated_since=" + url.QueryEscape("2026-11-20 12:00:01 +00:00")); len(got) != 0 {
		t.Errorf("later: %d rows", len(got))
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := setup(t, insalessim.Options{QuotaScale: 0.01}) // five calls
	id := s.place(1)[0]
	if status, _, body := s.call("GET", "/admin/orders/1.json", ""); status != http.StatusNotFound || !strings.HasPrefix(body, "<!doctype html>") {
		t.Errorf("no such order: %d %s", status, body)
	}
	if status, _, body := s.call("PUT", "/admin/orders/"+id+".json", `{}`, "Content-Type", "text/plain"); status != http.StatusUnprocessableEntity || !strings.Contains(body, "Content-Type") {
		t.Errorf("not JSON: %d %s", status, body)
	}
	if status, _, body := s.call("PUT", "/admin/orders/"+id+".json", `{"order":{"fulfillment_status":"lost"}}`); status != http.StatusUnprocessableEntity || !strings.Contains(body, "fulfillment_status") {
		t.Errorf("no such word: %d %s", status, body)
	}
	if status, _, _ := s.call("GET", "/admin/account.json", "", "Authorization", "Basic eDp5"); status != http.StatusUnauthorized {
		t.Errorf("wrong key: %d", status)
	}
	var usage string
	for range 2 {
		_, header, _ := s.call("GET", "/admin/account.json", "")
		usage = header.Get("API-Usage-Limit")
	}
	status, header, _ := s.call("GET", "/admin/account.json", "")
	if usage != "5/5" || status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
		t.Errorf("the sixth call: %d after %s, %v", status, usage, header)
	}
}

// Any status may follow any other: the shop revives what was cancelled.
func TestReviving(t *testing.T) {
	t.Parallel()
	s := setup(t, insalessim.Options{})
	id := s.place(1)[0]
	if err := s.m.Act(id, marketsim.ActCancel); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := s.call("PUT", "/admin/orders/"+id+".json", `{"order":{"fulfillment_status":"dispatched"}}`); status != http.StatusOK || s.m.Truth()[0].Native != "dispatched" {
		t.Errorf("%d, %+v", status, s.m.Truth()[0])
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	s := setup(t, insalessim.Options{})
	s.m.Offer(marketsim.Catalogue()[:1])
	s.m.OnlyPublished(true)
	order := marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: "0557722", Quantity: 2, PriceMinor: 1}}}
	if _, err := s.m.Place(order); !errors.Is(err, marketsim.ErrSoldOut) {
		t.Fatalf("sold without stock: %v", err)
	}
	_, _, body := s.call("GET", "/admin/products.json?updated_since="+url.QueryEscape("2000-01-01 00:00:00 +00:00"), "")
	var products []struct{ Variants []struct{ ID json.Number } }
	if err := json.Unmarshal([]byte(body), &products); err != nil || len(products) != 1 {
		t.Fatalf("%v %s", err, body)
	}
	update := `{"variants":[{"id":` + products[0].Variants[0].ID.String() + `,"quantity":3}]}`
	if status, _, body := s.call("PUT", "/admin/products/variants_group_update.json", update); status != http.StatusOK || strings.TrimSpace(body) != "[]" || s.m.Published("0557722") != 0 {
		t.Errorf("the update is not queued: %d %s", status, body)
	}
	for deadline := time.Now().Add(10 * time.Second); s.m.Published("0557722") != 3; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the queue is not worked")
		}
	}
	ids, err := s.m.Place(order)
	if err != nil || s.m.Published("0557722") != 1 {
		t.Fatalf("%v, %d left", err, s.m.Published("0557722"))
	}
	if err := s.m.Act(ids[0], marketsim.ActCancel); err != nil || s.m.Published("0557722") != 3 {
		t.Errorf("%v, %d left after the cancel", err, s.m.Published("0557722"))
	}
}
