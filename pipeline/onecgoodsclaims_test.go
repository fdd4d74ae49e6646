package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/onec/onectest"
	"github.com/orderhub/orderhub/store"
)

// offersBack is a file of offers with these rows.
func offersBack(whole bool, rows ...string) onectest.File {
	return onectest.File{Name: "offers0_1.xml", Body: fmt.Appendf(nil,
		`<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация><ПакетПредложений СодержитТолькоИзменения="%v"><Предложения>%s</Предложения></ПакетПредложений></КоммерческаяИнформация>`,
		!whole, strings.Join(rows, ""))}
}

func offerBack(id, rest string) string {
	return "<Предложение><Ид>" + id + "</Ид>" + rest + "</Предложение>"
}

// TestWholeListsOfTwoCatalogues: a node of УТ may have several catalogues, each with
// a whole list of its own. The second does not end the first.
func TestWholeListsOfTwoCatalogues(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		_, b := w.exchange(onecMaster)
		goods := onectest.SomeGoods(30)
		quiet := func() {
			w.clock.add(store.OnecQuiet)
			w.must(w.hub.tendOnec(t.Context()))
		}
		w.send(b, onectest.Catalogue(goods, false), onectest.Offers(goods, false))
		quiet()
		first, second := onectest.Offers(goods[:10], false), onectest.Offers(goods[10:20], false)
		second.Name = "offers1_1.xml"
		w.send(b, first, second)
		quiet()
		if w.figure("S000005").OnHand != 5 || w.figure("S000015").OnHand != 15 || w.figure("S000025").OnHand != 0 {
			t.Errorf("%+v %+v %+v", w.figure("S000005"), w.figure("S000015"), w.figure("S000025"))
		}
	})
}

// TestOneBadRowOfMany: a row that cannot be read is told and left out; the others
// count, and its article is not taken for one that the whole list does not name.
func TestOneBadRowOfMany(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(onecMaster)
		goods := onectest.SomeGoods(6)
		w.send(b, onectest.Catalogue(goods, false), onectest.Offers(goods, false))
		w.clock.add(store.OnecQuiet)
		w.must(w.hub.tendOnec(t.Context()))
		w.send(b, offersBack(true, offerBack(goods[1].ID, "<Количество>7</Количество>"), offerBack(goods[2].ID, "<Количество>много</Количество>"),
			offerBack(goods[3].ID, "<Количество>3</Количество><Цены><Цена><ИдТипаЦены>p1</ИдТипаЦены><ЦенаЗаЕдиницу>договорная</ЦенаЗаЕдиницу></Цена></Цены>"),
			"<Предложение><Количество>9</Количество></Предложение>", offerBack(goods[5].ID, "<Количество>8</Количество>")))
		w.clock.add(store.OnecQuiet)
		w.must(w.hub.tendOnec(t.Context()))
		for sku, want := range map[string]int64{"S000001": 7, "S000002": 2, "S000003": 3, "S000004": 0, "S000005": 8} {
			if got := w.figure(sku).OnHand; got != want {
				t.Errorf("%s: %d, want %d", sku, got, want)
			}
		}
		state, err := w.hub.OnecNodeState(t.Context(), n.ID)
		w.must(err)
		f := state.Files[0]
		if f.State != orderhub.OnecFileDone || f.Rows != 5 || f.Bad != 3 || f.Report[0].Row != 2 || f.Report[0].ID != goods[2].ID || !strings.Contains(f.Report[0].Why, "Количество") {
			t.Errorf("%+v", f)
		}
	})
}

// TestNoQuantityIsNoZero: an element that is there and empty says nothing; what the
// warehouses say counts.
func TestNoQuantityIsNoZero(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		_, b := w.exchange(onecMaster)
		goods := onectest.SomeGoods(4)
		w.send(b, onectest.Catalogue(goods, false), onectest.Offers(goods, false))
		w.send(b, offersBack(false, offerBack(goods[2].ID, "<Количество/>"),
			offerBack(goods[3].ID, `<Количество></Количество><Склад ИдСклада="w1" КоличествоНаСкладе="5"/><Склад ИдСклада="w2" КоличествоНаСкладе="4"/>`)))
		if two, three := w.figure("S000002").OnHand, w.figure("S000003").OnHand; two != 2 || three != 9 {
			t.Errorf("%d and %d, want 2 and 9", two, three)
		}
	})
}

// TestGoodsOverABrokenLine: the line is cut before and after every request; in the
// end the book says what 1C says, and each figure was moved once.
func TestGoodsOverABrokenLine(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		_, b := w.exchange(onecMaster)
		dice := rand.New(rand.NewPCG(11, 6))
		cuts := map[string]int{}
		b.Drop = func(step string) bool {
			cut := dice.IntN(16) == 0
			if cut {
				cuts[step]++
			}
			return cut
		}
		goods := onectest.SomeGoods(40)
		done := 0
		for range 40 {
			err := b.SendGoods(t.Context(), 6_000, onectest.Catalogue(goods, false), onectest.Offers(goods, false))
			if err != nil && !errors.Is(err, onectest.ErrDropped) {
				t.Fatal(err)
			}
			if err == nil {
				done++
			}
		}
		if done == 0 {
			t.Fatal("no exchange came through")
		}
		for _, g := range goods {
			moves, err := w.store.Moves(t.Context(), orderhub.MainWarehouse, g.SKU, 0, 10)
			if err != nil || w.figure(g.SKU).OnHand != g.Units || len(moves) > 1 {
				t.Errorf("%s: %+v, %d moves, %v", g.SKU, w.figure(g.SKU), len(moves), err)
			}
		}
		for _, mode := range []string{"init", "file", "import"} {
			if cuts["before catalog "+mode]+cuts["after catalog "+mode] == 0 || cuts["amid catalog file"] == 0 {
				t.Errorf("the line was never cut at %s: the test is too weak: %v", mode, cuts)
			}
		}
	})
}

// TestACorruptArchive: the answer says what is wrong, and what came before the
// corrupt file is not read either.
func TestACorruptArchive(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		_, b := w.exchange(onecMaster)
		c := w.caller(b)
		packed := zipped(t, map[string][]byte{"import0_1.xml": onectest.Catalogue(onectest.SomeGoods(300), false).Body})
		for i := 200; i < 260; i++ {
			packed[i] ^= 0x55
		}
		c.want(c.post("type=catalog&mode=file&filename=v8.zip", packed), "success", "")
		c.want(c.imported("type=catalog&filename=import0_1.xml"), "failure", "Архив")
		c.want(c.imported("type=catalog&filename=v8.zip"), "failure", "Архив")
		c.want(c.post("type=catalog&mode=file&filename=half.zip", packed[:len(packed)/2]), "success", "")
		c.want(c.imported("type=catalog&filename=half.zip"), "failure", "Архив")
	})
}

// TestGoodsMadeAnew: an article is deleted in 1C and made again under another id. The
// new one takes its place, whoever is the master of the products.
func TestGoodsMadeAnew(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		for _, master := range []orderhub.OnecMaster{orderhub.MasterOnec, orderhub.MasterHub} {
			n, b := w.exchange(func(s *orderhub.OnecSettings) { s.Stock, s.Products = orderhub.MasterOnec, master })
			w.stock(map[string]int64{"S000007": 1})
			goods := onectest.SomeGoods(8)[7:]
			w.send(b, onectest.Catalogue(goods, false), onectest.Offers(goods, false))
			gone := onectest.Catalogue(goods, true)
			gone.Name = "import0_2.xml"
			gone.Body = bytes.Replace(gone.Body, []byte("<Товар>"), []byte(`<Товар Статус="Удален">`), 1)
			w.send(b, gone)
			if got := w.figure("S000007"); got.OnHand != 0 {
				t.Errorf("%s: deleted in 1C, and %d on hand", master, got.OnHand)
			}
			goods[0].ID, goods[0].Units = "anew", 4
			w.send(b, onectest.Catalogue(goods, true), onectest.Offers(goods, true), gone)
			ids, err := w.store.OnecIDs(t.Context(), n.ID, []string{"S000007"})
			if got := w.figure("S000007"); err != nil || ids["S000007"] != "anew" || got.OnHand != 4 {
				t.Errorf("%s: %v, %+v, %v", master, ids, got, err)
			}
			list, err := w.store.ListProducts(t.Context(), store.ProductFilter{Limit: 10})
			if err != nil || len(list) != 1 || list[0].Archived {
				t.Errorf("%s: %+v, %v", master, list, err)
			}
			state, err := w.hub.OnecNodeState(t.Context(), n.ID)
			w.must(err)
			for _, f := range state.Files {
				if f.Bad != 0 {
					t.Errorf("%s: %+v", master, f)
				}
			}
			w.must(w.hub.RemoveOnecNode(t.Context(), n.ID))
		}
	})
}
