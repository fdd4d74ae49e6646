package shopifysim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/shopifysim"
)

type shop struct {
	t     *testing.T
	m     *shopifysim.Market
	url   string
	token string
}

func setup(t *testing.T, opts shopifysim.Options) *shop {
	t.Helper()
	opts.Fast = true
	m := shopifysim.New(opts)
	t.Cleanup(m.Close)
	srv := httptest.NewServer(m.Handler())
	t.Cleanup(srv.Close)
	s := &shop{t: t, m: m, url: srv.URL}
	resp, err := http.PostForm(srv.URL+"/admin/oauth/access_token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {shopifysim.ClientID}, "client_secret": {shopifysim.ClientSecret},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || out.Token == "" {
		t.Fatalf("no token: %v", err)
	}
	s.token = out.Token
	return s
}

// ask runs a document with the one operation Q and gives the body of the answer.
func (s *shop) ask(text string, vars map[string]any) string {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"query": text, "operationName": "Q", "variables": vars})
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/admin/api/"+shopifysim.Version+"/graphql.json", strings.NewReader(string(body)))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("X-Shopify-Access-Token", s.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	out, _ := io.ReadAll(resp.Body)
	return string(out)
}

func (s *shop) place() string {
	s.t.Helper()
	ids, err := s.m.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: "0557722", Quantity: 2, PriceMinor: 49050}, {SKU: "KR-002", Quantity: 1, PriceMinor: 100}}})
	if err != nil {
		s.t.Fatal(err)
	}
	return ids[0]
}

// Answers hold what is asked for and nothing else; unknown fields are refused.
func TestSelections(t *testing.T) {
	t.Parallel()
	s := setup(t, shopifysim.Options{LinesPerPage: 1})
	id := "gid://shopify/Order/" + s.place()
	for name, c := range map[string]struct{ query, want string }{
		"fields and a fragment": {`query Q($id: ID!) { order(id: $id) { ...F lineItems(first: 1) { nodes { sku } pageInfo { hasNextPage } } } } fragment F on Order { cancelledAt currencyCode }`,
			`"data":{"order":{"cancelledAt":null,"currencyCode":"RUB","lineItems":{"nodes":[{"sku":"0557722"}],"pageInfo":{"hasNextPage":true}}}}`},
		"a type that it is not": {`query Q($ids: [ID!]!) { nodes(ids: $ids) { ... on Product { title } } }`, `"data":{"nodes":[{}]}`},
		"an unknown field":      {`query Q($id: ID!) { order(id: $id) { colour } }`, `field 'colour' doesn't exist on type 'Order'`},
		"an unknown root":       {`query Q { weather }`, `Field 'weather' doesn't exist`},
		"a broken document":     {`query Q { order(id: $id) { id }`, `cannot be read`},
	} {
		if got := s.ask(c.query, map[string]any{"id": id, "ids": []string{id}}); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestPointsRunOut(t *testing.T) {
	t.Parallel()
	s := setup(t, shopifysim.Options{QuotaScale: 0.1}) // 200 points
	query := `query Q($first: Int!, $query: String!) { orders(first: $first, query: $query) { nodes { id } } }`
	vars := map[string]any{"first": 5, "query": "updated_at:>='2026-01-01T00:00:00Z'"}
	if got := s.ask(query, vars); !strings.Contains(got, `"nodes":[]`) {
		t.Errorf("first: %s", got)
	}
	if got := s.ask(query, vars); !strings.Contains(got, `"THROTTLED"`) || !strings.Contains(got, `"restoreRate":100`) {
		t.Errorf("second: %s", got)
	}
}

// Figures are taken whole or not at all, and with a key only.
func TestFigures(t *testing.T) {
	t.Parallel()
	s := setup(t, shopifysim.Options{})
	s.m.Offer(marketsim.Catalogue()[:1])
	var item string
	got := s.ask(`query Q($first: Int!) { productVariants(first: $first) { nodes { inventoryItem { id } } } }`, map[string]any{"first": 5})
	if _, rest, ok := strings.Cut(got, `"inventoryItem":{"id":"`); ok {
		item, _, _ = strings.Cut(rest, `"`)
	}
	row := func(item string, n int) map[string]any {
		return map[string]any{"inventoryItemId": item, "locationId": "gid://shopify/Location/7700001", "quantity": n, "changeFromQuantity": nil}
	}
	mutation := `mutation Q($input: I!, $key: String!) { inventorySetQuantities(input: $input) @idempotent(key: $key) { userErrors { code field } } }`
	set := func(key string, rows ...map[string]any) string {
		return s.ask(mutation, map[string]any{"key": key, "input": map[string]any{"name": "available", "reason": "correction", "quantities": rows}})
	}
	if got := set("a", row(item, 5), row("gid://shopify/InventoryItem/1", 5)); !strings.Contains(got, `"quantities","1"`) || s.m.Published("0557722") != 0 {
		t.Errorf("one at fault: %s, %d", got, s.m.Published("0557722"))
	}
	set("b", row(item, 5))
	set("c", row(item, 7))
	set("b", row(item, 5))
	if n := s.m.Published("0557722"); n != 7 {
		t.Errorf("%d after a repeated key, want 7", n)
	}
	without := strings.Replace(mutation, "@idempotent(key: $key)", "", 1)
	if got := s.ask(without, map[string]any{"key": "d", "input": map[string]any{}}); !strings.Contains(got, "directive is required") {
		t.Errorf("without a key: %s", got)
	}
}
