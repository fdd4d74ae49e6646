package wildberries

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
	"github.com/orderhub/orderhub/marketsim"
)

// catalogue reads all listings, each page from a cursor that was saved.
func (s *story) catalogue() []orderhub.Listing {
	s.t.Helper()
	var all []orderhub.Listing
	var cursor channel.Cursor
	for range 1000 {
		page, err := s.a.ListListings(s.t.Context(), cursor)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, page.Listings...)
		if cursor = page.Next; page.Done {
			return all
		}
	}
	s.t.Fatal("never done")
	return nil
}

// TestCatalogue: every card once, over many pages with cards of one moment, and
// the listing is the one that orders name.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	s := newStory(t, nil, nil)
	if got := s.catalogue(); len(got) != 0 {
		t.Fatalf("nothing is offered, got %v", got)
	}
	s.a.c.cardPage = 7
	s.market.Offer(marketsim.Catalogue()[:60])
	s.market.Offer(marketsim.Catalogue()[60:63]) // nine full pages: the end is an empty one
	all := s.catalogue()
	byArticle := map[string]orderhub.Listing{}
	for _, l := range all {
		byArticle[l.Article] = l
	}
	if len(all) != 63 || len(byArticle) != 63 {
		t.Fatalf("%d listings of %d articles, want 63", len(all), len(byArticle))
	}
	ids := s.place(orderhub.SchemeFBS, "0557722", 1)
	s.sync()
	line, l := s.known[ids[0]].Snapshot.Lines[0], byArticle["0557722"]
	if line.ListingKey != l.Key || line.SKU != l.Article || l.Barcodes[0] != marketsim.Barcode("0557722") || l.Name != marketsim.ProductName("0557722") || !l.Live {
		t.Errorf("listing %+v, order line %+v", l, line)
	}
	if want := s.known[ids[0]].Snapshot.Attrs[attrNmID]; l.Aliases[aliasNmID] != want || len(l.Aliases) != 1 {
		t.Errorf("aliases %v, want nm_id %s alone", l.Aliases, want)
	}
}

const cardsBody1 = `{"cards":[
	{"nmID":370870300,"vendorCode":"0557722","title":"Кружка красная","sizes":[{"chrtID":3123515574,"techSize":"0","wbSize":"","skus":["2040000000017","2040000000024"]}],"updatedAt":"2026-10-02T08:00:00.000001Z"},
	{"nmID":370870301,"vendorCode":"SHIRT","title":"Рубашка","sizes":[
		{"chrtID":3123515575,"techSize":"M","wbSize":"46","skus":["2040000000031"]},
		{"chrtID":3123515576,"techSize":"","wbSize":"48","skus":[]},
		{"chrtID":0,"techSize":"L","skus":["2040000000048"]}]},
	{"nmID":"odd","vendorCode":"ODD","title":7,"sizes":[{"chrtID":9007199254740995,"techSize":"0","skus":null}]},
	{"nmID":370870302,"vendorCode":"DRAFT","sizes":[]},
	{"nmID":370870303,"vendorCode":"NULL","sizes":null},
	"broken", null
],"cursor":{"updatedAt":"2026-10-02T08:00:00.000001Z","nmID":370870303,"total":%d}}`

// TestCards holds the mapping and the bodies of two pages.
func TestCards(t *testing.T) {
	t.Parallel()
	var sent strings.Builder
	n := 0
	a := testAdapter(t, serve(t, map[string]http.HandlerFunc{"POST /content/v2/get/cards/list": func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(&sent, "POST %s\n%s", r.URL.Path, pretty(t, r))
		if n++; n == 1 {
			fmt.Fprintf(w, cardsBody1, 7)
			return
		}
		w.Write([]byte(`{"cards":[],"cursor":{"updatedAt":"2026-10-02T08:00:00.000001Z","nmID":370870303,"total":0}}`))
	}}), nil)
	a.c.cardPage = 7
	first, err := a.ListListings(t.Context(), nil)
	if err != nil || first.Done {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := a.ListListings(t.Context(), first.Next)
	if err != nil || !second.Done || second.Next != nil || len(second.Listings) > 0 {
		t.Fatalf("%+v, %v", second, err)
	}
	channeltest.Golden(t, "testdata/catalogue/requests.golden", []byte(sent.String()))
	got, err := json.MarshalIndent(first.Listings, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	channeltest.Golden(t, filepath.Join("testdata", "catalogue", "listings.golden.json"), append(got, '\n'))
}

func TestCardsFail(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status   int
		body     string
		class    orderhub.Class
		sentence string
	}{
		"no cards":          {200, `{"cursor":{"total":0}}`, orderhub.ClassRetry, "lacks the field cards"},
		"no cursor":         {200, `{"cards":[{}],"cursor":{}}`, orderhub.ClassRetry, "does not move on"},
		"the same cursor":   {200, `{"cards":[{}],"cursor":{"updatedAt":"2026-10-02T08:00:00Z","nmID":5,"total":1}}`, orderhub.ClassRetry, "does not move on"},
		"bad request":       {400, `{"data":null,"error":true,"errorText":"Invalid limit","additionalErrors":null}`, orderhub.ClassRejected, "Invalid limit"},
		"category":          {401, `{"title":"unauthorized","detail":"token scope not allowed","status":401}`, orderhub.ClassAuth, "lacks the category Content"},
		"access denied":     {403, `{"data":null,"error":true,"errorText":"Access denied","additionalErrors":"Access denied"}`, orderhub.ClassAuth, "category missing"},
		"too many requests": {429, gatewayBody, orderhub.ClassRateLimited, "too many requests"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := testAdapter(t, serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				w.Write([]byte(tt.body))
			}}), nil)
			a.c.cardPage = 1
			_, err := a.ListListings(t.Context(), channel.Cursor(`{"updatedAt":"2026-10-02T08:00:00Z","nmID":5}`))
			if err == nil || orderhub.ClassOf(err) != tt.class || !strings.Contains(err.Error(), tt.sentence) {
				t.Errorf("got %v (%s), want %s with %q", err, orderhub.ClassOf(err), tt.class, tt.sentence)
			}
		})
	}
}
