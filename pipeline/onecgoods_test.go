package pipeline

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/onec/onectest"
	"github.com/orderhub/orderhub/store"
)

func onecMaster(s *orderhub.OnecSettings) {
	s.Stock, s.Products = orderhub.MasterOnec, orderhub.MasterOnec
}

func (w *world) send(b *onectest.Base, files ...onectest.File) {
	w.t.Helper()
	if err := b.SendGoods(w.t.Context(), 30_000, files...); err != nil {
		w.t.Fatal(err)
	}
}

// TestOnecGoods: products, prices and stock come in, in parts and in archives, and
// orders carry 1C's ids from then on.
func TestOnecGoods(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(onecMaster)
		goods := onectest.SomeGoods(2500)
		w.send(b, onectest.Catalogue(goods, false), onectest.Offers(goods, false))
		if got := w.figure("S000049"); got.OnHand != 49 || got.CountedAt.IsZero() {
			t.Errorf("%+v", got)
		}
		prices, err := w.store.OnecPrices(t.Context(), n.ID, "S000049")
		if err != nil || len(prices) != 1 || prices[0].Price != (orderhub.Money{Minor: 123450, Currency: "RUB"}) {
			t.Errorf("%+v, %v", prices, err)
		}
		// The same again changes nothing.
		before, err := w.store.Moves(t.Context(), orderhub.MainWarehouse, "S000049", 0, 10)
		w.must(err)
		w.must(b.SendZip(t.Context(), 7_000, onectest.Catalogue(goods, false), onectest.Offers(goods, false)))
		after, err := w.store.Moves(t.Context(), orderhub.MainWarehouse, "S000049", 0, 10)
		if err != nil || len(after) != len(before) {
			t.Errorf("%d moves, then %d, %v", len(before), len(after), err)
		}
		// What is reserved stays explained: a count is what lies there.
		w.take(with(snap("1", orderhub.StatusNew), func(s *orderhub.Snapshot) {
			s.Lines = []orderhub.Line{{SKU: "S000049", Quantity: 5, Total: orderhub.Roubles(100)}}
		}))
		goods[49].Units = 30
		w.send(b, onectest.Offers(goods[49:50], true))
		if got := w.figure("S000049"); got.OnHand != 30 || got.Reserved != 5 || w.figure("S000048").OnHand != 48 {
			t.Errorf("%+v", got)
		}
		w.download(b, 1)
		if row := b.Orders()[0].Rows[0]; row.ID != goods[49].ID || row.SKU != "S000049" {
			t.Errorf("%+v", row)
		}
	})
}

// TestOnecWholeList: what a whole list does not name is gone, once all its
// portions are here, and not when one of them failed.
func TestOnecWholeList(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(onecMaster)
		goods := onectest.SomeGoods(40)
		w.send(b, onectest.Catalogue(goods, false), onectest.Offers(goods, false))
		quiet := func() {
			w.clock.add(store.OnecQuiet)
			w.must(w.hub.tendOnec(t.Context()))
		}
		quiet()
		// Portion 2 is marked as changes, and comes in a session of its own.
		w.send(b, onectest.Offers(goods[:10], false))
		w.must(w.hub.tendOnec(t.Context()))
		w.send(b, onectest.Offers(goods[10:30], true))
		w.must(w.hub.tendOnec(t.Context()))
		if w.figure("S000035").OnHand != 35 {
			t.Error("the list was taken to be over before its last portion")
		}
		quiet()
		if w.figure("S000035").OnHand != 0 || w.figure("S000005").OnHand != 5 || w.figure("S000025").OnHand != 25 {
			t.Errorf("%+v %+v", w.figure("S000035"), w.figure("S000025"))
		}
		// A portion that fails.
		w.send(b, onectest.Offers(goods[:10], false))
		broken := onectest.Offers(goods[10:30], true)
		broken.Body = broken.Body[:len(broken.Body)-50]
		if err := b.SendGoods(t.Context(), 30_000, broken); err == nil || !strings.Contains(err.Error(), "оборван") {
			t.Errorf("a broken file: %v", err)
		}
		quiet()
		if w.figure("S000025").OnHand != 25 {
			t.Error("a list that broke off set stock to nothing")
		}
		if list := w.conflicts(n); len(list) != 1 || list[0].Field != orderhub.OnecFieldFullList {
			t.Errorf("%+v", list)
		}
		// Changes alone never take anything away.
		w.send(b, onectest.Offers(goods[:1], true))
		quiet()
		if w.figure("S000025").OnHand != 25 {
			t.Error("changes set stock to nothing")
		}
	})
}

// TestOnecIsNotMaster: where the hub is the master, 1C's goods are only known by
// their ids; bad rows are told one by one.
func TestOnecIsNotMaster(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(nil)
		w.stock(map[string]int64{"S000000": 7})
		goods := onectest.SomeGoods(3)
		goods = append(goods, onectest.Goods{ID: goods[0].ID + "#c1", SKU: "S000000", Name: "Другой", Price: "1"})
		w.send(b, onectest.Catalogue(goods, false), onectest.Offers(goods, false))
		if got := w.figure("S000000"); got.OnHand != 7 {
			t.Errorf("1C set stock that is not its own: %+v", got)
		}
		ids, err := w.store.OnecIDs(t.Context(), n.ID, []string{"S000000", "S000001"})
		if err != nil || len(ids) != 1 || ids["S000000"] != goods[0].ID {
			t.Errorf("%v, %v", ids, err)
		}
		state, err := w.hub.OnecNodeState(t.Context(), n.ID)
		w.must(err)
		for _, f := range state.Files {
			if f.Rows != 4 || f.Bad != 3 || len(f.Report) != 3 || f.Report[0].Row != 2 || !strings.Contains(f.Report[2].Why, "характеристик") {
				t.Errorf("%+v", f)
			}
		}
	})
}

// TestOnecManyGoods measures when told how many: ORDERHUB_ONEC_GOODS=100000.
func TestOnecManyGoods(t *testing.T) {
	count, err := strconv.Atoi(os.Getenv("ORDERHUB_ONEC_GOODS"))
	if err != nil {
		t.Skip("SKIPPED: set ORDERHUB_ONEC_GOODS to a number of products to measure with")
	}
	each(t, func(t *testing.T, w *world) {
		_, b := w.exchange(onecMaster)
		goods := onectest.SomeGoods(count)
		products, offers := onectest.Catalogue(goods, false), onectest.Offers(goods, false)
		began := time.Now()
		if err := b.SendGoods(t.Context(), 1_000_000, products, offers); err != nil {
			t.Fatal(err)
		}
		took := time.Since(began)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		t.Logf("%d products and offers in %v; %d MB from the system", count, took.Round(time.Millisecond), m.Sys>>20)
		list, err := w.store.ListProducts(t.Context(), store.ProductFilter{After: fmt.Sprintf("S%06d", count-2), Limit: 10})
		if err != nil || len(list) != 1 || w.figure(list[0].SKU).OnHand != int64((count-1)%50) {
			t.Errorf("%+v, %v", list, err)
		}
	})
}
