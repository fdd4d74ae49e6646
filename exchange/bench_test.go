package exchange_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/exchange"
)

// benchRows is the import that the issue of this feature names.
const benchRows = 200_000

// goods makes n products, one in ten a kit.
func goods(n int) iter.Seq2[orderhub.Product, error] {
	return func(yield func(orderhub.Product, error) bool) {
		for i := range n {
			p := orderhub.Product{
				SKU: numberedSKU(i), Name: fmt.Sprintf("Чайник электрический, модель %d, синий", i),
				Barcodes: []string{fmt.Sprintf("46%011d", i)}, Unit: "шт", WeightG: int64(i%5000 + 1), LengthMM: 200, WidthMM: 150, HeightMM: 100,
			}
			if i%10 == 9 {
				p.Components = []orderhub.Component{{SKU: numberedSKU(i - 1), Quantity: 2}}
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}

// sink takes rows, forgets them and watches the heap.
type sink struct {
	rows int
	peak uint64
}

func (*sink) Check(context.Context, []exchange.ProductRow) ([]exchange.Refusal, error) {
	return nil, nil
}

func (s *sink) Apply(_ context.Context, rows []exchange.ProductRow) error {
	s.rows += len(rows)
	return nil
}

func (s *sink) watch(p exchange.Progress) {
	if p.Rows%10_000 == 0 {
		s.peak = max(s.peak, liveHeap())
	}
}

// liveHeap is the heap in use after a collection.
func liveHeap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func benchFile(tb testing.TB, name string, n int, write func(io.Writer, iter.Seq2[orderhub.Product, error], exchange.ExportOptions) error) exchange.Source {
	tb.Helper()
	f, err := os.Create(filepath.Join(tb.TempDir(), name))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { f.Close() })
	if err := write(f, goods(n), exchange.ExportOptions{}); err != nil {
		tb.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		tb.Fatal(err)
	}
	return exchange.Source{File: f, Size: info.Size()}
}

func benchImport(b *testing.B, src exchange.Source) {
	base := liveHeap()
	s := &sink{}
	// The heap is watched in a run of its own: collecting takes time.
	if _, err := exchange.ImportProducts(b.Context(), src, s, exchange.Options{Progress: s.watch}); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		s.rows = 0
		result, err := exchange.ImportProducts(b.Context(), src, s, exchange.Options{})
		if err != nil || s.rows != benchRows {
			b.Fatalf("%+v, %v, %d rows", result, err, s.rows)
		}
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(s.peak-base)/(1<<20), "MiB-live-heap")
	b.ReportMetric(float64(src.Size)/(1<<20), "MiB-file")
}

func BenchmarkImportCSV(b *testing.B) {
	benchImport(b, benchFile(b, "goods.csv", benchRows, exchange.ExportCSV))
}
func BenchmarkImportXLSX(b *testing.B) {
	benchImport(b, benchFile(b, "goods.xlsx", benchRows, exchange.ExportXLSX))
}

func BenchmarkExportCSV(b *testing.B) {
	for b.Loop() {
		if err := exchange.ExportCSV(io.Discard, goods(benchRows), exchange.ExportOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExportXLSX(b *testing.B) {
	for b.Loop() {
		if err := exchange.ExportXLSX(io.Discard, goods(benchRows), exchange.ExportOptions{TempDir: b.TempDir()}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestMemory holds the promise of bounded memory: not much more for 20,000
// rows than their SKUs' places, in either format. Not parallel: it looks at the
// heap of the process.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 20,000 rows")
	}
	const n = 20_000
	for name, write := range map[string]func(io.Writer, iter.Seq2[orderhub.Product, error], exchange.ExportOptions) error{"goods.csv": exchange.ExportCSV, "goods.xlsx": exchange.ExportXLSX} {
		src := benchFile(t, name, n, write)
		base, s := liveHeap(), &sink{}
		if _, err := exchange.ImportProducts(t.Context(), src, s, exchange.Options{Progress: s.watch}); err != nil || s.rows != n {
			t.Fatal(err, s.rows)
		}
		if grown := int64(s.peak) - int64(base); grown > 5<<20 {
			t.Errorf("%s: the heap grew by %d bytes", name, grown)
		}
	}
}

// TestManyErrors: what is wrong is counted and not kept.
func TestManyErrors(t *testing.T) {
	file := bytes.Repeat([]byte(" ;x\n"), 300_000)
	file = append([]byte("sku;marking\n"), file...)
	base, s := liveHeap(), &sink{}
	result, err := exchange.ImportProducts(t.Context(), source(file), s, exchange.Options{Progress: s.watch})
	if err != nil || result.ErrorCount != 300_000 {
		t.Fatal(err, result.ErrorCount)
	}
	if grown := int64(s.peak) - int64(base); grown > 8<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}
