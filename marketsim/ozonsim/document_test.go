package ozonsim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/specs"
)

// violations gathers what the official document does not allow.
type violations struct {
	mu   sync.Mutex
	list []specs.Violation
}

func (v *violations) add(x specs.Violation) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.list = append(v.list, x)
}

// drain returns what was gathered, without the known contradictions of the
// document: its own examples are full of nulls that its schemas do not allow,
// and it has no body for calls that must send {}.
func (v *violations) drain(parts ...string) []specs.Violation {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(parts) == 0 {
		parts = []string{"request", "response"}
	}
	var out []specs.Violation
	for _, x := range v.list {
		null := x.Part == "response" && strings.Contains(x.Message, "not nullable")
		bodyless := x.Part == "request" && strings.Contains(x.Message, "the document has none for this operation")
		// required, but not among the properties
		phantom := x.Part == "request" && strings.Contains(x.Message, `"quant_size" is missing`)
		// one object in the schema, a list in the example
		single := x.Path == "/v2/returns/rfbs/list" && x.Part == "response" && x.Message == "/returns: value must be an object"
		if !phantom && !single && slices.Contains(parts, x.Part) && !null && !bodyless {
			out = append(out, x)
		}
	}
	v.list = nil
	return out
}

// Every method of the simulator and every shape of posting against the official
// document, requests and answers.
func TestAgainstTheOfficialDocument(t *testing.T) {
	t.Parallel()
	doc := specs.Load(t, "ozon-seller.json")
	bad := &violations{}
	w := setupWrapped(t, nil, func(h http.Handler) http.Handler { return doc.Wrap(h, bad.add) })
	at := w.clock.now().Truncate(time.Second)
	all := obj{"analytics_data": true, "barcodes": true, "financial_data": true, "legal_info": true}
	called := map[string]bool{}
	good := func(path string, body any) {
		t.Helper()
		called[path] = true
		if r := w.post(path, body); r.status != http.StatusOK {
			t.Errorf("POST %s: %d %s", path, r.status, r.body)
		}
	}
	fbs, seller, part := w.place(marketsim.OrderSpec{}), w.place(marketsim.OrderSpec{Scheme: rfbs}), w.place(marketsim.OrderSpec{})
	fbo, gone := w.place(marketsim.OrderSpec{Scheme: orderhub.SchemeFBO}), w.place(marketsim.OrderSpec{})
	packages := w.place(marketsim.OrderSpec{})

	read := func() {
		t.Helper()
		w.clock.add(5 * time.Second)
		good("/v4/posting/fbs/unfulfilled/list", obj{"limit": 100, "with": all, "sort_dir": "ASC", "cursor": "", "filter": obj{
			"cutoff_from": at.AddDate(0, -3, 0), "cutoff_to": at.AddDate(0, 6, 0), "statuses": []string{},
			"warehouse_ids": []string{"1020007000101", "1020007000202"}, "last_changed_status_date": obj{"from": at.AddDate(0, 0, -1), "to": at.AddDate(0, 0, 1)},
		}})
		good("/v4/posting/fbs/list", obj{"limit": 100, "with": all, "sort_dir": "DESC", "cursor": "", "filter": obj{
			"since": at.AddDate(0, -6, 0), "to": at.AddDate(0, 5, 0), "last_changed_status_date": obj{"from": at.AddDate(0, 0, -1), "to": at.AddDate(0, 0, 1)},
		}})
		good("/v3/posting/fbo/list", obj{"limit": 100, "with": obj{"analytics_data": true, "financial_data": true, "legal_info": true}, "filter": obj{"since": at.AddDate(0, -6, 0), "to": at.AddDate(0, 5, 0)}})
		for _, n := range []string{fbs, seller, part, gone, packages} {
			good("/v3/posting/fbs/get", obj{"posting_number": n, "with": merge(all, obj{"related_postings": true})})
		}
		good("/v2/posting/fbo/get", obj{"posting_number": fbo, "with": obj{"analytics_data": true, "financial_data": true, "legal_info": true}})
	}
	read()
	good("/v1/roles", "{}")
	good("/v1/seller/info", "")
	good("/v2/warehouse/list", obj{"limit": 200})
	good("/v2/posting/fbs/cancel-reason/list", "{}")
	good("/v1/posting/fbs/cancel-reason", obj{"related_posting_numbers": []string{fbs}})
	good("/v4/posting/fbs/ship", merge(shipBody(fbs), obj{"with": obj{"additional_data": true}}))
	good("/v4/posting/fbs/ship", shipBody(seller))
	good("/v4/posting/fbs/ship/package", obj{"posting_number": packages, "products": goods("LAMP-7", 1)})
	good("/v1/posting/fbs/split", obj{"posting_number": part, "postings": []obj{{"products": goods("MUG-350", 1)}, {"products": goods("LAMP-7", 2)}}})
	good("/v2/posting/fbs/product/cancel", obj{"posting_number": gone, "cancel_reason_id": 352, "cancel_reason_message": "нет", "items": []obj{{"sku": SKU("LAMP-7"), "quantity": 1}}})
	good("/v2/posting/fbs/cancel", obj{"posting_number": gone, "cancel_reason_id": 402, "cancel_reason_message": "нет"})
	read()
	good("/v2/posting/fbs/arbitration", obj{"posting_number": []string{fbs}})
	good("/v2/posting/fbs/awaiting-delivery", obj{"posting_number": []string{fbs}})
	good("/v2/fbs/posting/tracking-number/set", obj{"tracking_numbers": []obj{{"posting_number": seller, "tracking_number": "RA12"}}})
	for _, path := range []string{"/v2/fbs/posting/delivering", "/v2/fbs/posting/last-mile", "/v2/fbs/posting/delivered"} {
		good(path, obj{"posting_number": []string{seller, fbs}})
		read()
	}
	good("/v2/products/stocks", obj{"stocks": []obj{{"offer_id": "MUG-350", "product_id": 0, "stock": 5, "warehouse_id": warehouseFBS.id}}})
	good("/v2/product/info/stocks-by-warehouse/fbs", obj{"limit": 100, "offer_id": []string{"MUG-350"}})
	w.m.Offer([]marketsim.Product{{SKU: "0557722", Name: "Кружка", PriceMinor: 49000}})
	if err := w.m.Archive("0557722", true); err != nil {
		t.Fatal(err)
	}
	for _, visibility := range []string{"ALL", "ARCHIVED"} {
		good("/v3/product/list", obj{"filter": obj{"visibility": visibility}, "last_id": "", "limit": 1000})
	}
	good("/v3/product/list", obj{"filter": obj{"skus": []string{fmt.Sprint(SKU("MUG-350"))}}})
	good("/v3/product/info/list", obj{"offer_id": []string{"MUG-350", "0557722", "no such"}})
	for range 5 {
		for _, n := range []string{fbs, seller, fbo} {
			if _, err := w.m.Progress(n); err != nil {
				t.Fatal(err)
			}
		}
		read()
	}
	w.callReturns(good)
	for path := range methods {
		if !called[path] {
			t.Errorf("%s is not tested against the document", path)
		}
	}
	for _, v := range bad.drain() {
		t.Error(v)
	}
}

// The refusals have the shape of the document too; what is wrong with the
// requests is the point of them.
func TestRefusalsAgainstTheOfficialDocument(t *testing.T) {
	t.Parallel()
	doc := specs.Load(t, "ozon-seller.json")
	bad := &violations{}
	w := setupWrapped(t, nil, func(h http.Handler) http.Handler { return doc.Wrap(h, bad.add) })
	for path := range methods {
		for _, body := range []any{"", "{", "{}", obj{"posting_number": "1-1-1"}, obj{"limit": 1000}} {
			w.post(path, body)
		}
		w.postAs(path, "1", "wrong", "{}")
	}
	for path := range obsolete {
		w.refuse(path, "{}", 400, 9, "obsolete method cannot be used")
	}
	for _, v := range bad.drain("response") {
		t.Error(v)
	}
}
