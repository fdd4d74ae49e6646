package ozonsim

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// publish tells the stock of an article on a warehouse.
func (w *world) publish(offer string, warehouse, units int64) {
	w.t.Helper()
	got := ok[stocksResponse](w, "/v2/products/stocks", obj{"stocks": []obj{{"offer_id": offer, "stock": units, "warehouse_id": warehouse}}}).Result[0]
	if !got.Updated {
		w.t.Fatalf("got %+v", got)
	}
}

func basket(pairs ...any) []marketsim.SpecLine {
	var out []marketsim.SpecLine
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, marketsim.SpecLine{SKU: pairs[i].(string), Quantity: int64(pairs[i+1].(int)), PriceMinor: 100})
	}
	return out
}

func TestOnlyPublished(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.m.Offer([]marketsim.Product{{SKU: "MUG-350", Name: "Кружка", PriceMinor: 49000}, {SKU: "LAMP-7", Name: "Лампа", PriceMinor: 129990}})
	if got := w.m.Published("MUG-350"); got != 0 {
		t.Fatalf("published %d before the seller told", got)
	}
	w.place(marketsim.OrderSpec{Lines: basket("MUG-350", 4)}) // not limited yet
	w.publish("MUG-350", warehouseFBS.id, 5)
	w.m.OnlyPublished(true)
	for _, step := range []struct {
		name  string
		spec  marketsim.OrderSpec
		left  int64
		taken bool
	}{
		{"one line asks too much", marketsim.OrderSpec{Lines: basket("MUG-350", 6)}, 5, false},
		{"two lines together ask too much", marketsim.OrderSpec{Lines: basket("MUG-350", 3, "MUG-350", 3)}, 5, false},
		{"one of two articles was never told", marketsim.OrderSpec{Lines: basket("MUG-350", 1, "LAMP-7", 1)}, 5, false},
		{"from the other warehouse", marketsim.OrderSpec{Scheme: rfbs, Lines: basket("MUG-350", 1)}, 5, false},
		{"some", marketsim.OrderSpec{Lines: basket("MUG-350", 1, "MUG-350", 2)}, 2, true},
		{"from Ozon's warehouse", marketsim.OrderSpec{Scheme: orderhub.SchemeFBO, Lines: basket("MUG-350", 9)}, 2, true},
		{"all that is left", marketsim.OrderSpec{Lines: basket("MUG-350", 2), Pending: true}, 0, true},
		{"one more", marketsim.OrderSpec{Lines: basket("MUG-350", 1)}, 0, false},
	} {
		before := len(w.m.Truth())
		_, err := w.m.Place(step.spec)
		if (err == nil) != step.taken || (err != nil && !errors.Is(err, marketsim.ErrSoldOut)) {
			t.Errorf("%s: %v", step.name, err)
		}
		if got := w.m.Published("MUG-350"); got != step.left {
			t.Errorf("%s: %d left, want %d", step.name, got, step.left)
		}
		if placed := len(w.m.Truth()) - before; (placed == 1) != step.taken {
			t.Errorf("%s: %d postings", step.name, placed)
		}
	}
	w.m.OnlyPublished(false)
	w.place(marketsim.OrderSpec{Lines: basket("MUG-350", 7)})
	if got := w.m.Published("MUG-350"); got != 0 {
		t.Errorf("published %d, want 0", got)
	}
}

// Many buyers, few units: no more is sold than was published, and whoever sees a
// posting in the list sees the lower figure too.
func TestBuyersRace(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.m.OnlyPublished(true)
	w.publish("MUG-350", warehouseFBS.id, 20)
	var wg sync.WaitGroup
	var sold atomic.Int64
	for range 10 {
		wg.Go(func() {
			for range 5 {
				if _, err := w.m.Place(marketsim.OrderSpec{Lines: basket("MUG-350", 1)}); err == nil {
					sold.Add(1)
				} else if !errors.Is(err, marketsim.ErrSoldOut) {
					t.Error(err)
				}
				seen := int64(len(ok[listResponse](w, listPath, obj{"limit": 100, "filter": w.window()}).Postings))
				if left := w.m.Published("MUG-350"); left < 0 || left > 20-seen {
					t.Errorf("%d left after %d postings were seen", left, seen)
				}
			}
		})
	}
	wg.Wait()
	if left := w.m.Published("MUG-350"); sold.Load() != 20 || left != 0 {
		t.Errorf("sold %d, left %d", sold.Load(), left)
	}
}

// A cancelled posting does not raise the figure.
func TestCancelDoesNotRestore(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.publish("MUG-350", warehouseFBS.id, 5)
	n := w.place(marketsim.OrderSpec{Lines: basket("MUG-350", 2)})
	w.act(n, marketsim.ActCancel)
	if got := w.m.Published("MUG-350"); got != 3 {
		t.Errorf("published %d, want 3", got)
	}
}

// The pause of a pair is 30 s divided by the scale of the quotas.
func TestPauseOfAPairScales(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		scale float64
		pause time.Duration
	}{{1, 30 * time.Second}, {100, 300 * time.Millisecond}} {
		w := setup(t, func(o *Options) { o.NoQuotas, o.QuotaScale = false, tt.scale })
		body := obj{"stocks": []obj{{"offer_id": "MUG-350", "stock": 5, "warehouse_id": warehouseFBS.id}}}
		w.publish("MUG-350", warehouseFBS.id, 5)
		w.clock.add(tt.pause - time.Millisecond)
		if got := ok[stocksResponse](w, "/v2/products/stocks", body).Result[0]; got.Updated || got.Errors[0].Code != "TOO_MANY_REQUESTS" {
			t.Errorf("scale %v: got %+v", tt.scale, got)
		}
		w.clock.add(time.Millisecond)
		w.publish("MUG-350", warehouseFBS.id, 6)
	}
}

func TestProductList(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	var want []string
	for i := range 7 {
		sku := fmt.Sprintf("A-%d", i)
		w.m.Offer([]marketsim.Product{{SKU: sku, Name: "Вещь " + sku, PriceMinor: 15000}})
		want = append(want, sku)
	}
	w.m.Offer([]marketsim.Product{{SKU: "A-0", Name: "Другая вещь"}}) // stays as it is
	w.publish("A-1", warehouseFBS.id, 3)
	w.publish("A-2", warehouseFBS.id, 3)
	if err := w.m.Archive("A-2", true); err != nil {
		t.Fatal(err)
	}
	all := func(visibility string, total int) []string {
		t.Helper()
		var got []string
		last := ""
		for range 10 {
			page := ok[productListResponse](w, "/v3/product/list", obj{"filter": obj{"visibility": visibility}, "last_id": last, "limit": 2}).Result
			if page.Total != total || (len(page.Items) > 0) != (page.LastID != "") {
				t.Fatalf("got %+v", page)
			}
			if len(page.Items) == 0 {
				return got
			}
			for _, row := range page.Items {
				if row.SKU != SKU(row.OfferID) || row.FBS != (row.OfferID == "A-1") || row.Archived != (visibility == "ARCHIVED") {
					t.Errorf("got %+v", row)
				}
				got = append(got, row.OfferID)
			}
			last = page.LastID
		}
		t.Fatal("the list has no end")
		return nil
	}
	if got := all("ALL", 6); !slices.Equal(got, slices.Delete(slices.Clone(want), 2, 3)) {
		t.Errorf("got %v", got)
	}
	if got := all("ARCHIVED", 1); !slices.Equal(got, []string{"A-2"}) {
		t.Errorf("got %v", got)
	}
	byID := ok[productListResponse](w, "/v3/product/list", obj{"filter": obj{"offer_id": []string{"A-2", "A-3", "no such", "A-3"}}}).Result
	if len(byID.Items) != 2 || byID.Total != 2 {
		t.Errorf("by ids: %+v", byID)
	}
	got := ok[stocksResponse](w, "/v2/products/stocks", obj{"stocks": []obj{{"offer_id": "A-2", "stock": 1, "warehouse_id": warehouseFBS.id}}}).Result[0]
	if got.Updated || got.Errors[0].Code != "PRODUCT_IS_ARCHIVED" || w.m.Published("A-2") != 0 {
		t.Errorf("the archived one: %+v", got)
	}
	if err := w.m.Archive("A-2", false); err != nil || len(all("ALL", 7)) != 7 || w.m.Archive("no such", true) == nil {
		t.Errorf("out of the archive: %v", err)
	}
	w.refuse("/v3/product/list", obj{"limit": 1001}, 400, 3, "Request validation error: invalid GetProductListRequest.Limit: value must be inside range [1, 1000]")
	w.refuse("/v3/product/list", obj{"limit": 1, "last_id": "?"}, 400, 3, "Request validation error: invalid last_id")
	w.refuse("/v3/product/list", obj{"limit": 1, "filter": obj{"visibility": "QUARANTINE"}}, 400, 3,
		"Request validation error: invalid GetProductListRequest_Filter.Visibility: the simulator has ALL and ARCHIVED only")
}

func TestProductInfo(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.m.Offer([]marketsim.Product{{SKU: "0557722", Name: "Кружка «Север»", PriceMinor: 49000}})
	w.publish("0557722", warehouseFBS.id, 3)
	n := w.place(marketsim.OrderSpec{Lines: basket("0557722", 1)})
	if got := w.get(n).Products[0]; got.Name != "Кружка «Север»" {
		t.Errorf("name in the posting %q", got.Name)
	}
	id := w.m.goods.get("0557722").id
	for name, body := range map[string]obj{
		"offer": {"offer_id": []string{"0557722", "no such"}}, "product": {"product_id": []string{fmt.Sprint(id), "5"}}, "sku": {"sku": []int64{SKU("0557722")}},
	} {
		items := ok[productInfoResponse](w, "/v3/product/info/list", body).Items
		if len(items) != 1 {
			t.Fatalf("by %s: %+v", name, items)
		}
		p := items[0]
		if p.ID != id || p.SKU != SKU("0557722") || p.OfferID != "0557722" || p.Price != "490.00" || p.Archived ||
			!slices.Equal(p.Barcodes, []string{marketsim.Barcode("0557722")}) || !p.Statuses.Created || !p.Visibility.HasPrice {
			t.Errorf("by %s: %+v", name, p)
		}
		if want := []productStock{{3, 1, p.SKU, "fbs"}}; !slices.Equal(p.Stocks.Stocks, want) {
			t.Errorf("stocks %+v", p.Stocks)
		}
	}
	for _, bad := range []obj{{}, {"offer_id": []string{"A"}, "sku": []int64{1}}} {
		w.refuse("/v3/product/info/list", bad, 400, 3, "Request validation error: exactly one of offer_id, product_id and sku must be specified")
	}
	many := make([]string, maxProducts+1)
	w.refuse("/v3/product/info/list", obj{"offer_id": many}, 400, 3, "Request validation error: value must contain no more than 1000 item(s)")
}
