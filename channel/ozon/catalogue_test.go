package ozon

import (
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/ozonsim"
)

// openSimulator opens an account of a market behind a real server.
func openSimulator(t *testing.T, market *ozonsim.Market) *adapter {
	t.Helper()
	srv := httptest.NewServer(market.Handler())
	t.Cleanup(srv.Close)
	settings := channel.Settings(market.Settings())
	settings[channel.SettingBaseURL] = srv.URL
	opened, err := open(settings, channel.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	a := opened.(*adapter)
	a.goodsPage = 3
	return a
}

func everyListing(t *testing.T, a *adapter) []orderhub.Listing {
	t.Helper()
	var out []orderhub.Listing
	var cursor channel.Cursor
	for range 100 {
		page, err := a.ListListings(t.Context(), cursor)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, page.Listings...)
		if cursor = page.Next; page.Done {
			return out
		}
	}
	t.Fatal("the catalogue has no end")
	return nil
}

func TestCatalogueOfTheSimulator(t *testing.T) {
	t.Parallel()
	market := ozonsim.New(ozonsim.Options{Fast: true})
	t.Cleanup(market.Close)
	goods := marketsim.Catalogue()[:10]
	market.Offer(goods)
	for _, sku := range []string{goods[3].SKU, goods[8].SKU} {
		if err := market.Archive(sku, true); err != nil {
			t.Fatal(err)
		}
	}
	a := openSimulator(t, market)
	got := everyListing(t, a)
	var order []string
	for _, g := range slices.Concat(goods[:3], goods[4:8], goods[9:], goods[3:4], goods[8:9]) {
		order = append(order, g.SKU)
	}
	for i, l := range got {
		want := orderhub.Listing{
			Key: strconv.FormatInt(ozonsim.SKU(order[i]), 10), Article: order[i], Name: marketsim.ProductName(order[i]), Live: i < 8,
			Barcodes: []string{marketsim.Barcode(order[i])}, Picture: l.Picture,
			Aliases: map[string]string{aliasOffer: order[i], aliasProduct: l.Aliases[aliasProduct]},
		}
		if diff := cmp.Diff(want, l); diff != "" || l.Aliases[aliasProduct] == l.Key || l.Aliases[aliasProduct] == "" {
			t.Errorf("listing %d (-want +got):\n%s", i, diff)
		}
		if drawn := order[i] != "KR-010"; drawn != strings.HasSuffix(l.Picture, "/"+order[i]+".png") || !drawn && l.Picture != "" {
			t.Errorf("%s has the picture %q", order[i], l.Picture)
		}
	}
	if len(got) != len(order) {
		t.Errorf("%d listings, want %d", len(got), len(order))
	}
	// The key is what the lines of an order carry.
	if _, err := market.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: order[0], Quantity: 1}}}); err != nil {
		t.Fatal(err)
	}
	page, err := a.List(t.Context(), feedUnfulfilled, nil)
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("%d orders, error %v", len(page.Items), err)
	}
	s, err := a.Normalise(page.Items[0].Kind, page.Items[0].Body)
	if err != nil || s.Lines[0].ListingKey != got[0].Key {
		t.Errorf("the line carries %q, the listing %q; %v", s.Lines[0].ListingKey, got[0].Key, err)
	}
}

func listed(last string, rows string) string {
	return `{"result":{"items":[` + rows + `],"total":1,"last_id":"` + last + `"}}`
}

const kettleRow = `{"product_id":912345,"offer_id":"KETTLE-17","sku":1550012345,"archived":false}`

// Live is what can be ordered once it has stock, by the marks that are documented.
func TestListingFields(t *testing.T) {
	t.Parallel()
	full := orderhub.Listing{Key: "1550012345", Article: "KETTLE-17", Live: true, Name: "Чайник",
		Aliases: map[string]string{aliasOffer: "KETTLE-17", aliasProduct: "912345"}, Barcodes: []string{"4600000000017", "OZN1550012345"}}
	info := func(more string) string {
		return `{"items":[{"id":912345,"offer_id":"KETTLE-17","sku":1550012345,"name":"Чайник","barcodes":["4600000000017","","OZN1550012345"]` + more + `}]}`
	}
	with := func(change func(*orderhub.Listing)) []orderhub.Listing {
		l := full
		change(&l)
		return []orderhub.Listing{l}
	}
	same := func(*orderhub.Listing) {}
	dead := func(l *orderhub.Listing) { l.Live = false }
	for name, tc := range map[string]struct {
		row, info string
		want      []orderhub.Listing
	}{
		"full":                                   {kettleRow, info(`,"is_archived":false,"is_autoarchived":false,"statuses":{"is_created":true,"status":"price_sent"},"errors":[],"visibility_details":{"has_price":true,"has_stock":false}`), with(same)},
		"bare":                                   {kettleRow, info(""), with(same)},
		"a mistake that does not matter":         {kettleRow, info(`,"errors":[{"level":"ERROR_LEVEL_WARNING"}]`), with(same)},
		"a mistake that stops the sale":          {kettleRow, info(`,"errors":[{"level":"ERROR_LEVEL_WARNING"},{"level":"ERROR_LEVEL_ERROR"}]`), with(dead)},
		"Ozon's own mistake that stops the sale": {kettleRow, info(`,"errors":[{"level":"ERROR_LEVEL_INTERNAL"}]`), with(dead)},
		"not created":                            {kettleRow, info(`,"statuses":{"is_created":false}`), with(dead)},
		"no price":                               {kettleRow, info(`,"visibility_details":{"has_price":false}`), with(dead)},
		"archived by hand":                       {kettleRow, info(`,"is_archived":true`), with(dead)},
		"archived by Ozon":                       {kettleRow, info(`,"is_autoarchived":true`), with(dead)},
		"archived in the list":                   {`{"product_id":"912345","offer_id":"KETTLE-17","sku":"1550012345","archived":true}`, info(""), with(dead)},
		"strange parts":                          {kettleRow, info(`,"statuses":[],"errors":{},"visibility_details":"x"`), with(same)},
		"sku in the details only":                {`{"product_id":912345,"offer_id":"KETTLE-17","sku":0}`, info(""), with(same)},
		"no details": {kettleRow, `{"items":[]}`, with(func(l *orderhub.Listing) {
			l.Name, l.Barcodes = "", nil
		})},
		"not created yet": {`{"product_id":912345,"offer_id":"KETTLE-17","sku":0}`, `{"items":[]}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := setup(t, map[string][]answer{pathProductList: ok(listed("L1", tc.row)), pathProductInfo: ok(tc.info)})
			page, err := a.ListListings(t.Context(), nil)
			if diff := cmp.Diff(tc.want, page.Listings); err != nil || diff != "" || page.Done {
				t.Errorf("error %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// The catalogue ends with an empty page, with the same last_id or with none;
// then the archive is read, and then everything again.
func TestCatalogueEnds(t *testing.T) {
	t.Parallel()
	info := ok(`{"items":[]}`)
	for name, tc := range map[string]struct {
		list  []answer
		asked []string
	}{
		"empty page":   {ok(listed("L1", kettleRow), listed("", ""), listed("L2", kettleRow), listed("", "")), []string{"ALL ", "ALL L1", "ARCHIVED ", "ARCHIVED L2"}},
		"no last_id":   {ok(listed("", kettleRow), listed("", "")), []string{"ALL ", "ARCHIVED "}},
		"same last_id": {ok(listed("L1", kettleRow), listed("L1", kettleRow), listed("", "")), []string{"ALL ", "ALL L1", "ARCHIVED "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, s := setup(t, map[string][]answer{pathProductList: tc.list, pathProductInfo: info})
			var cursor channel.Cursor
			for i := range tc.asked {
				page, err := a.ListListings(t.Context(), cursor)
				if err != nil || page.Done != (i == len(tc.asked)-1) {
					t.Fatalf("page %d: done %v, error %v", i, page.Done, err)
				}
				cursor = page.Next
			}
			var got []string
			for _, q := range s.asked {
				if q.path == pathProductList {
					got = append(got, filterOf(t, q)["visibility"].(string)+" "+q.body["last_id"].(string))
				}
			}
			if !slices.Equal(got, tc.asked) {
				t.Errorf("asked %q, want %q", got, tc.asked)
			}
			if _, err := a.ListListings(t.Context(), cursor); err != nil || filterOf(t, s.asked[len(s.asked)-1])["visibility"] != "ALL" {
				t.Errorf("the next sweep: error %v, asked %v", err, s.asked[len(s.asked)-1].body)
			}
		})
	}
}

// A saved cursor resumes; one that is too old starts its half again.
func TestCatalogueResumes(t *testing.T) {
	t.Parallel()
	a, s := setup(t, map[string][]answer{pathProductList: ok(listed("L1", kettleRow), listed("L2", kettleRow)), pathProductInfo: ok(`{"items":[]}`)})
	page, err := a.ListListings(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		after time.Duration
		want  string
	}{{0, "L1"}, {cursorLife, "L1"}, {cursorLife + time.Second, ""}} {
		a.now = func() time.Time { return testNow.Add(tc.after) }
		s.asked = nil
		if _, err := a.ListListings(t.Context(), page.Next); err != nil || s.asked[0].body["last_id"] != tc.want {
			t.Errorf("after %s: asked %v, error %v", tc.after, s.asked[0].body, err)
		}
	}
	if _, err := a.ListListings(t.Context(), channel.Cursor("no")); orderhub.ClassOf(err) != orderhub.ClassRejected {
		t.Errorf("a broken cursor: %v", err)
	}
}

// Another answer than the one asked for is a failure, never an empty catalogue.
func TestCatalogueFails(t *testing.T) {
	t.Parallel()
	list := ok(listed("L1", kettleRow))
	for name, replies := range map[string]map[string][]answer{
		"no result":        {pathProductList: ok(`{"items":[]}`)},
		"an empty result":  {pathProductList: ok(`{"result":{}}`)},
		"null":             {pathProductList: ok(`null`)},
		"details missing":  {pathProductList: list, pathProductInfo: ok(`{"result":[]}`)},
		"details at fault": {pathProductList: list, pathProductInfo: {{status: 500, body: `{"code":13,"message":"Internal error"}`}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := setup(t, replies)
			if page, err := a.ListListings(t.Context(), nil); err == nil || orderhub.ClassOf(err) != orderhub.ClassRetry {
				t.Errorf("got %+v, error %v", page, err)
			}
		})
	}
}
