package bench

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/exchange"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// ImportResult is how fast a CSV file of products comes into an empty database:
// checked whole, then written in one transaction.
type ImportResult struct {
	Products  int     `json:"products"`
	FileMB    float64 `json:"file_mb"`
	Seconds   float64 `json:"seconds"`
	Check     float64 `json:"check_s"` // of them reading and checking, without writing
	PerSecond float64 `json:"per_second"`
	// PeakHeap is the highest heap during the import, Base that before it, garbage
	// included. Of SQLite it has Go's side only.
	PeakHeap float64 `json:"peak_heap_mb"`
	Base     float64 `json:"base_heap_mb"`
	// Floor inserts the same rows into the same tables in one transaction, made in
	// memory, no file and no logic. Products per second.
	Floor   float64 `json:"floor_per_second"`
	OfFloor float64 `json:"of_floor"`
}

// importProducts is the size of the file.
const importProducts = 200_000

// imports measures an import.
func (b *run) imports(ctx context.Context, engine string) (*ImportResult, error) {
	r := &ImportResult{Products: importProducts}
	if b.opts.quick {
		r.Products = 1200
	}
	dir, err := os.MkdirTemp(b.opts.Dir, "orderhub-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	f, err := os.Create(filepath.Join(dir, "products.csv")) //nolint:gosec // our own temporary folder
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	size, err := writeProducts(f, r.Products)
	if err != nil {
		return nil, err
	}
	r.FileMB = float64(size) / 1e6
	if err := b.withDatabase(ctx, engine, func(db *database) error {
		return importInto(ctx, db, exchange.Source{File: f, Size: size}, r)
	}); err != nil {
		return nil, err
	}
	if err := b.withDatabase(ctx, engine, func(db *database) error {
		took, err := importFloor(ctx, db, r.Products)
		r.Floor = float64(r.Products) / took.Seconds()
		return err
	}); err != nil {
		return nil, fmt.Errorf("floor: %w", err)
	}
	r.OfFloor = r.PerSecond / r.Floor
	b.printImport(r)
	return r, nil
}

// importedProduct invents product i.
func importedProduct(i int) orderhub.Product {
	return orderhub.Product{
		SKU: fmt.Sprintf("%07d", i), Name: fmt.Sprintf("%s, модель %d", goods[i%len(goods)], i), Barcodes: []string{fmt.Sprintf("46%011d", i)},
		Unit: "шт", WeightG: int64(i%5000 + 1), LengthMM: 200, WidthMM: 150, HeightMM: 100,
	}
}

func writeProducts(f *os.File, n int) (size int64, err error) {
	w := bufio.NewWriter(f)
	if err := exchange.ExportCSV(w, func(yield func(orderhub.Product, error) bool) {
		for i := range n {
			if !yield(importedProduct(i), nil) {
				return
			}
		}
	}, exchange.ExportOptions{}); err != nil {
		return 0, err
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func importInto(ctx context.Context, db *database, src exchange.Source, r *ImportResult) error {
	hub, err := pipeline.New(pipeline.Options{Store: db.Store, Channels: channels})
	if err != nil {
		return err
	}
	runtime.GC()
	r.Base = heapMB()
	peak := watchHeap()
	began := time.Now()
	result, err := hub.ImportProducts(ctx, src, exchange.Options{Progress: func(p exchange.Progress) {
		if p.Stage == exchange.StageCheck {
			r.Check = time.Since(began).Seconds()
		}
	}})
	r.Seconds = time.Since(began).Seconds()
	r.PeakHeap = max(peak(), r.Base)
	if err != nil {
		return err
	}
	if result.Outcome != exchange.OutcomeImported || result.New != int64(r.Products) {
		return fmt.Errorf("%s: %d of %d products are new, %d rows bad", result.Outcome, result.New, r.Products, result.Bad)
	}
	r.PerSecond = float64(r.Products) / r.Seconds
	return nil
}

// heapMB is what objects take, dead ones that wait for the collector included.
func heapMB() float64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return float64(sample[0].Value.Uint64()) / 1e6
}

// watchHeap looks at the heap until peak is called.
func watchHeap() (peak func() float64) { return watchMB(heapMB) }

// watchMB looks at a figure until peak is called, which gives the highest.
func watchMB(now func() float64) (peak func() float64) {
	stop, done, most := make(chan struct{}), make(chan struct{}), 0.0
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, now())
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	return func() float64 {
		close(stop)
		<-done
		return most
	}
}

// importFloor inserts the rows of the same products.
func importFloor(ctx context.Context, db *database, n int) (time.Duration, error) {
	products := rowset{table: "products", columns: []string{"sku", "name", "unit", "weight_g", "length_mm", "width_mm", "height_mm", "marking",
		"oversell", "archived", "version", "created_at", "updated_at"}}
	barcodes := rowset{table: "product_barcodes", columns: []string{"barcode", "sku"}}
	now := time.Now().UnixMicro()
	for from := 0; from < n; from += exchange.BatchRows {
		var rows, codes [][]any
		for i := from; i < min(n, from+exchange.BatchRows); i++ {
			p := importedProduct(i)
			rows = append(rows, []any{p.SKU, p.Name, p.Unit, p.WeightG, p.LengthMM, p.WidthMM, p.HeightMM, int64(0), "", int64(0), int64(1), now, now})
			codes = append(codes, []any{p.Barcodes[0], p.SKU})
		}
		products.batches, barcodes.batches = append(products.batches, rows), append(barcodes.batches, codes)
	}
	began := time.Now()
	w, err := newFloorWriter(ctx, db, []rowset{products, barcodes})
	if err != nil {
		return 0, err
	}
	if err := db.InTx(ctx, func(tx *store.Tx) error {
		for i := range products.batches {
			if err := w.insert(ctx, tx, products, products.batch(i)); err != nil {
				return err
			}
			if err := w.insert(ctx, tx, barcodes, barcodes.batch(i)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return 0, err
	}
	return time.Since(began), w.close()
}
