package yandexmarket

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/yandexsim"
)

// wholeCatalogue reads the catalogue to its end.
func wholeCatalogue(t *testing.T, a *adapter) []orderhub.Listing {
	t.Helper()
	var out []orderhub.Listing
	var cursor channel.Cursor
	for range 1000 {
		page, err := a.ListListings(t.Context(), cursor)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, page.Listings...)
		if cursor = page.Next; page.Done {
			return out
		}
	}
	t.Fatal("the catalogue does not end")
	return nil
}

func TestListings(t *testing.T) {
	t.Parallel()
	shops := func(words ...string) string {
		var out []string
		for i, w := range words {
			out = append(out, fmt.Sprintf(`{"campaignId":%d,"status":%q}`, 11+i, w))
		}
		return `"campaigns":[` + strings.Join(out, ",") + `]`
	}
	for _, c := range []struct {
		name, body, campaigns string
		want                  []orderhub.Listing
	}{
		{
			name: "everything", body: `{"offer":{"offerId":"0557722","name":"Кружка","barcodes":["4600","4601","4600",""],"vendorCode":"V-1","archived":false,` + shops("PUBLISHED") + `},"mapping":{"marketSku":100500,"marketSkuName":"Кружка, 300 мл"}}`,
			want: []orderhub.Listing{{Key: "0557722", Article: "0557722", Name: "Кружка", Barcodes: []string{"4600", "4601"}, Aliases: map[string]string{"market_sku": "100500"}, Live: true}},
		},
		{name: "no more than a key", body: `{"offer":{"offerId":"A"}}`, want: []orderhub.Listing{{Key: "A", Article: "A"}}},
		{name: "null everywhere", body: `{"offer":{"offerId":"A","barcodes":null,"campaigns":null,"archived":null},"mapping":null}`, want: []orderhub.Listing{{Key: "A", Article: "A"}}},
		{name: "name of the card", body: `{"offer":{"offerId":"A"},"mapping":{"marketSkuName":"Card"}}`, want: []orderhub.Listing{{Key: "A", Article: "A", Name: "Card"}}},
		{name: "no key", body: `{"offer":{"name":"A"}}`, want: []orderhub.Listing{}},
		{name: "out of stock", body: `{"offer":{"offerId":"A",` + shops("REJECTED_BY_MARKET", "NO_STOCKS") + `}}`, want: []orderhub.Listing{{Key: "A", Article: "A", Live: true}}},
		{name: "sold by another shop", campaigns: "11", body: `{"offer":{"offerId":"A",` + shops("REJECTED_BY_MARKET", "PUBLISHED") + `}}`, want: []orderhub.Listing{{Key: "A", Article: "A"}}},
		{name: "archived", body: `{"offer":{"offerId":"A","archived":true,` + shops("PUBLISHED") + `}}`, want: []orderhub.Listing{{Key: "A", Article: "A"}}},
		{
			name: "not sold", body: `{"offer":{"offerId":"A",` + shops("CHECKING", "DISABLED_BY_PARTNER", "DISABLED_AUTOMATICALLY", "REJECTED_BY_MARKET", "CREATING_CARD", "NO_CARD", "ARCHIVED", "READY_FOR_PUBLICATION", "SOMETHING_NEW") + `}}`,
			want: []orderhub.Listing{{Key: "A", Article: "A"}},
		},
	} {
		a, _ := stockSetup(t, atNoon, map[string]string{settingCampaigns: c.campaigns}, nil)
		var o offerMapping
		if err := json.Unmarshal([]byte(c.body), &o); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, a.listings([]offerMapping{o})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestCatalogueRequests: the offers in use page by page, then the archive.
func TestCatalogueRequests(t *testing.T) {
	t.Parallel()
	n := 0
	a, tp := stockSetup(t, atNoon, nil, func(string) (int, string) {
		n++
		next := map[int]string{1: `"nextPageToken":"two"`, 3: `"nextPageToken":"a2"`}[n]
		return 200, fmt.Sprintf(`{"status":"OK","result":{"offerMappings":[{"offer":{"offerId":"S%d"}}],"paging":{%s}}}`, n, next)
	})
	var keys []string
	for _, l := range wholeCatalogue(t, a) {
		keys = append(keys, l.Key)
	}
	if diff := cmp.Diff([]string{"S1", "S2", "S3", "S4"}, keys); diff != "" {
		t.Errorf("offers (-want +got):\n%s", diff)
	}
	channeltest.Golden(t, filepath.Join("testdata", "stock", "catalogue.golden"), tp.text.Bytes())
}

func TestCatalogueCursors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, cursor, answer string
		status               int
		calls                int
		class                orderhub.Class
	}{
		{name: "aged token", cursor: `{"business":1700101,"archived":true,"token":"old"}`, status: 400, answer: `{"status":"ERROR","errors":[{"code":"BAD_REQUEST","message":"Bad page token"}]}`, calls: 2, class: orderhub.ClassRejected},
		{name: "no list", status: 200, answer: `{"status":"OK","result":{}}`, calls: 1, class: orderhub.ClassRetry},
		{name: "a token that repeats", cursor: `{"business":1700101,"token":"same"}`, status: 200, answer: `{"result":{"offerMappings":[],"paging":{"nextPageToken":"same"}}}`, calls: 1, class: orderhub.ClassRetry},
		{name: "unreadable", cursor: `x`, status: 200, answer: `{"result":{"offerMappings":[],"paging":{"nextPageToken":"x"}}}`, calls: 1},
		{name: "another account", cursor: `{"business":5,"token":"x"}`, status: 200, answer: `{"result":{"offerMappings":[],"paging":{"nextPageToken":"x"}}}`, calls: 1},
	} {
		a, tp := stockSetup(t, atNoon, nil, func(string) (int, string) { return c.status, c.answer })
		_, err := a.ListListings(t.Context(), channel.Cursor(c.cursor))
		if (err != nil) != (c.class != "") || (err != nil && orderhub.ClassOf(err) != c.class) || len(tp.calls()) != c.calls {
			t.Errorf("%s: %v, calls %v", c.name, err, tp.calls())
		}
	}
}

func TestCatalogueWithTheSimulator(t *testing.T) {
	t.Parallel()
	m, a := simulated(t, yandexsim.Options{Fast: true})
	a.offersPage = 7
	m.Offer(marketsim.Catalogue())
	m.Archive("KR-002")
	got := map[string]orderhub.Listing{}
	for _, l := range wholeCatalogue(t, a) {
		got[l.Key] = l
	}
	for _, p := range marketsim.Catalogue() {
		l := got[p.SKU]
		if l.Name != p.Name || l.Article != p.SKU || len(l.Barcodes) != 1 || l.Barcodes[0] != marketsim.Barcode(p.SKU) || l.Live != (p.SKU != "KR-002") || l.Aliases[aliasMarketSKU] == "" {
			t.Errorf("%s: %+v", p.SKU, l)
		}
	}
	if len(got) != len(marketsim.Catalogue()) {
		t.Errorf("%d offers", len(got))
	}
	// Order lines carry the key.
	if _, err := m.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: "0557722", Quantity: 1, PriceMinor: 100}}}); err != nil {
		t.Fatal(err)
	}
	page, err := a.List(t.Context(), feedOrders, nil)
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("%d orders, %v", len(page.Items), err)
	}
	s, err := a.Normalise(page.Items[0].Kind, page.Items[0].Body)
	if err != nil || got[s.Lines[0].ListingKey].Key == "" {
		t.Errorf("line of %q, %v", s.Lines[0].ListingKey, err)
	}
}
