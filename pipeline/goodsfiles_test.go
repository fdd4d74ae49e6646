package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/exchange"
)

func fileOf(text string) exchange.Source {
	return exchange.Source{File: strings.NewReader(text), Size: int64(len(text))}
}

// manyGoods is a file of n products, every tenth a kit of the one behind it:
// more than one batch, with kits before what they are made of.
func manyGoods(n int, name string) exchange.Source {
	var b strings.Builder
	b.WriteString("sku;name;barcodes;components\n")
	for i := range n {
		kit := ""
		if i%10 == 0 && i+1 < n {
			kit = fmt.Sprintf("%05d*2", i+1)
		}
		fmt.Fprintf(&b, "%05d;%s %d;46%05d;%s\n", i, name, i, i, kit)
	}
	return fileOf(b.String())
}

func (w *world) imports(src exchange.Source, opts exchange.Options) ProductsImported {
	w.t.Helper()
	r, err := w.hub.ImportProducts(w.t.Context(), src, opts)
	w.must(err)
	return r
}

func (w *world) exported() string {
	w.t.Helper()
	var b bytes.Buffer
	w.must(exchange.ExportCSV(&b, w.hub.AllProducts(w.t.Context()), exchange.ExportOptions{}))
	return b.String()
}

func wantTally(t *testing.T, r ProductsImported, fresh, changed, same int64) {
	t.Helper()
	if r.New != fresh || r.Changed != changed || r.Same != same {
		t.Errorf("%d new, %d changed, %d same, want %d, %d, %d: %+v", r.New, r.Changed, r.Same, fresh, changed, same, r.Errors)
	}
}

func TestGoodsFileInAndOut(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		const n = 2300
		wantTally(t, w.imports(manyGoods(n, "cup"), exchange.Options{DryRun: true}), n, 0, 0)
		if has, err := w.store.HasProducts(t.Context()); err != nil || has {
			t.Fatalf("a dry run wrote products (%v)", err)
		}
		wantTally(t, w.imports(manyGoods(n, "cup"), exchange.Options{}), n, 0, 0)
		file := w.exported()
		wantTally(t, w.imports(fileOf(file), exchange.Options{}), 0, 0, n)
		if p, err := w.store.Product(t.Context(), "00010"); err != nil || p.Version != 1 || len(p.Components) != 1 || p.Barcodes[0] != "4600010" {
			t.Errorf("%+v, %v", p, err)
		}
		// A file that speaks of one field leaves the others alone.
		wantTally(t, w.imports(fileOf("sku;unit\n00010;set\n00011;\n"), exchange.Options{}), 0, 1, 1)
		if p, err := w.store.Product(t.Context(), "00010"); err != nil || p.Version != 2 || p.Unit != "set" || len(p.Components) != 1 || len(p.Barcodes) != 1 {
			t.Errorf("%+v, %v", p, err)
		}
		wantTally(t, w.imports(manyGoods(n, "mug"), exchange.Options{Mode: exchange.ModeSkip}), 0, n, 0)
		if due, err := w.hub.due(t.Context()); err != nil || len(due) == 0 {
			t.Errorf("nothing is due: %v", err)
		}
	})
}

// TestGoodsFileRefused: the kits of a file and of the hub do not hold each other.
func TestGoodsFileRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.imports(fileOf("sku;components\nA;\nB;\nKIT;A*1\n"), exchange.Options{})
		for file, want := range map[string]string{
			"sku;components\nX;KIT*1\n":              "2 components KIT is a kit itself; a kit is made of plain products",
			"sku;components\nA;B*1\n":                "2 components A is part of the kit KIT and cannot become a kit",
			"sku;components\nX;Y*1\nY;A*1\n":         "3 components Y is part of the kit in line 2 and cannot be a kit",
			"sku;components\nX;A*1\nB;\nY;X*1\n":     "4 components X is a kit itself in line 2; a kit is made of plain products",
			"sku;components\nX;NO*1\nB;\n":           `2 components no product has the SKU "NO"`,
			"sku;components;name\nX;X*1;x\nB;;b\n":   "2 components a kit cannot contain itself (X)",
			"sku;weight_g\nX;12\nY;-1\n":             "3 weight_g ",
			"sku;name\nX;" + "x\nX;y\n":              `3 sku "X" is already in line 2; allowed: once in a file`,
			"sku;components\nKIT;A*1\nX;KIT*1\nB;\n": "3 components KIT is a kit itself; a kit is made of plain products",
		} {
			r, err := w.hub.ImportProducts(t.Context(), fileOf(file), exchange.Options{})
			w.must(err)
			var got strings.Builder
			for _, e := range r.Errors {
				fmt.Fprintln(&got, e.Line, e.Column, e.Sentence)
			}
			if r.Outcome != exchange.OutcomeRefused || !strings.Contains(got.String(), want) {
				t.Errorf("%q: %s, want %s:\n%s", file, r.Outcome, want, got.String())
			}
		}
		if list := w.exported(); strings.Count(list, "\n") != 4 {
			t.Errorf("refused files left something:\n%s", list)
		}
	})
}

// TestGoodsFileBrokenOff: a process that ends in the middle leaves nothing, or
// whole batches where that was asked for. Meanwhile others read what was before.
func TestGoodsFileBrokenOff(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.imports(fileOf("sku;name\nOLD;old\n"), exchange.Options{})
		before := w.exported()
		for _, mode := range []exchange.Mode{exchange.ModeAll, exchange.ModeSkip} {
			ctx, cancel := context.WithCancel(t.Context())
			r, err := w.hub.ImportProducts(ctx, manyGoods(3000, "cup"), exchange.Options{Mode: mode, Progress: func(p exchange.Progress) {
				if p.Applied == 0 || ctx.Err() != nil {
					return
				}
				if mode == exchange.ModeAll && w.exported() != before {
					t.Error("half an import is seen")
				}
				cancel()
			}})
			cancel()
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", mode, err)
			}
			wantTally(t, r, 0, 0, 0)
			left := strings.Count(w.exported(), "\n") - 1
			if want := 1 + int(r.Applied); left != want || mode == exchange.ModeAll && r.Applied != 0 || mode == exchange.ModeSkip && r.Applied%500 != 0 {
				t.Errorf("%s: %d products are left, %d applied", mode, left, r.Applied)
			}
		}
		// The database is free again, and importing once more mends it.
		if r := w.imports(manyGoods(3000, "cup"), exchange.Options{}); r.Applied != 3000 {
			t.Errorf("%+v", r)
		}
	})
}

func TestStocktakeFile(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		const n = 1100
		w.imports(manyGoods(n, "cup"), exchange.Options{})
		count := func(of func(i int) int) string {
			b := "sku;quantity\n"
			for i := range n {
				if i%10 != 0 {
					b += fmt.Sprintf("%05d;%d\n", i, of(i))
				}
			}
			return b
		}
		stocktake := func(file string, opts exchange.Options) StockImported {
			t.Helper()
			r, err := w.hub.ImportCounts(t.Context(), fileOf(file), "shelf 4", manager, opts)
			w.must(err)
			return r
		}
		want := func(r StockImported, document, differ, more, fewer int64) {
			t.Helper()
			if r.Document != document || r.Differ != differ || r.More != more || r.Fewer != fewer {
				t.Errorf("document %d, %d differ, %d more, %d fewer, want %d, %d, %d, %d: %+v",
					r.Document, r.Differ, r.More, r.Fewer, document, differ, more, fewer, r.Errors)
			}
		}
		five := count(func(int) int { return 5 })
		want(stocktake(five, exchange.Options{DryRun: true}), 0, 990, 4950, 0)
		want(stocktake(five, exchange.Options{}), 1, 990, 4950, 0)
		want(stocktake(five, exchange.Options{Mode: exchange.ModeSkip}), 2, 0, 0, 0)
		want(stocktake(count(func(i int) int { return 4 + i%10%2*2 }), exchange.Options{}), 3, 990, 550, 440)
		want(stocktake("sku;quantity\n00001;1\n00010;1\nnone;1\n", exchange.Options{}), 0, 0, 0, 0)
		moves, err := w.store.Moves(t.Context(), orderhub.MainWarehouse, "00001", 0, 10)
		w.must(err)
		if len(moves) != 3 || moves[0].Document != 3 || moves[0].OnHand != 1 || moves[0].Why != "shelf 4" || moves[0].Actor != manager {
			t.Errorf("%+v", moves)
		}
		figures, err := w.store.StockOf(t.Context(), orderhub.MainWarehouse, []string{"00001", "01099"})
		w.must(err)
		if figures["00001"].OnHand != 6 || figures["01099"].OnHand != 6 || figures["00001"].CountedAt.IsZero() {
			t.Errorf("%+v", figures)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, err = w.hub.ImportCounts(ctx, fileOf(five), "", manager, exchange.Options{Progress: func(p exchange.Progress) {
			if p.Applied > 0 {
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		want(stocktake(count(func(i int) int { return 4 + i%10%2*2 }), exchange.Options{DryRun: true}), 0, 0, 0, 0)
	})
}
