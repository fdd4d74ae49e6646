package exchange_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/exchange"
)

func numberedSKU(i int) string { return fmt.Sprintf("%07d", i) }

func noFiles(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// shop has all that a product can be.
var shop = []orderhub.Product{
	{SKU: "0557722", Name: "Чайник; синий", Barcodes: []string{"4601234567890", "0012345678905"}, Unit: "шт", WeightG: 1200, LengthMM: 200, WidthMM: 150, HeightMM: 180, Marking: true, Oversell: orderhub.OversellStrict},
	{SKU: "-5", Name: `=HYPERLINK("http://example.org";"here")`, Archived: true},
	{SKU: "@SUM(1)", Name: "+7 (999)\nвторая строка", Barcodes: []string{"A,B", "+1"}},
	{SKU: "KIT;1*2", Name: "Набор", Components: []orderhub.Component{{SKU: "0557722", Quantity: 2}, {SKU: "@SUM(1)", Quantity: 1}, {SKU: "-5", Quantity: 3}}, Oversell: orderhub.OversellShared},
	{SKU: "KIT2", Name: "Набор с нулями\x00 и \xff", Components: []orderhub.Component{{SKU: `a\b;c*d`, Quantity: 1}}},
	{SKU: `a\b;c*d`},
	{SKU: "1,5E+10", Name: "sep=,"},
	{SKU: "_x0041_", Name: "-" + strings.Repeat("ы", 300) + `"`},
}

func TestExportGoldens(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]exchange.ExportOptions{
		"export.csv":       {},
		"export_ru.csv":    {Language: exchange.Russian, Comma: ','},
		"export_excel.csv": {ForExcel: true},
	} {
		var b bytes.Buffer
		if err := exchange.ExportCSV(&b, all(shop), opts); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
	}
	for name, opts := range map[string]exchange.ExportOptions{"export_xlsx.txt": {}, "export_ru_xlsx.txt": {Language: exchange.Russian}} {
		opts.TempDir = t.TempDir()
		var b bytes.Buffer
		if err := exchange.ExportXLSX(&b, all(shop), opts); err != nil {
			t.Fatal(err)
		}
		noFiles(t, opts.TempDir)
		golden(t, name, []byte(cellsOf(t, b.Bytes())))
	}
}

// cellsOf lists the cells with their types, as excelize sees them.
func cellsOf(t *testing.T, file []byte) string {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out strings.Builder
	sheet := f.GetSheetName(0)
	fmt.Fprintf(&out, "sheet %s\n", sheet)
	lines, err := f.GetRows(sheet)
	if err != nil {
		t.Fatal(err)
	}
	for y, line := range lines {
		for x, text := range line {
			if text == "" {
				continue
			}
			cell, _ := excelize.CoordinatesToCellName(x+1, y+1)
			kind, _ := f.GetCellType(sheet, cell)
			style, _ := f.GetCellStyle(sheet, cell)
			formula, _ := f.GetCellFormula(sheet, cell)
			fmt.Fprintf(&out, "%s type %d style %d formula %q: %q\n", cell, kind, style, formula, text)
		}
	}
	return out.String()
}

// TestNoFormulas reads the CSV as a spreadsheet does: no cell of it may begin
// like a formula but the literals.
func TestNoFormulas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"=", "+", "-", "@", "\t=", " =", "＝", "\n+"}).Draw(t, "start") + rapid.StringOf(rapid.RuneFrom([]rune(`="&;,'1a`))).Draw(t, "rest")
		var b bytes.Buffer
		if err := exchange.ExportCSV(&b, all([]orderhub.Product{{SKU: "A", Name: text}}), exchange.ExportOptions{}); err != nil {
			t.Fatal(err)
		}
		r := csv.NewReader(&b)
		r.Comma = ';'
		records, err := r.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		inner, ok := strings.CutPrefix(records[1][1], `="`)
		if inner, ok2 := strings.CutSuffix(inner, `"`); !ok || !ok2 || strings.ReplaceAll(inner, `""`, "") != strings.ReplaceAll(strings.ReplaceAll(inner, `""`, ""), `"`, "") {
			t.Fatalf("%q is written %q", text, records[1][1])
		}
	})
}

// TestExportFaults pass the iterator's and the writer's errors on.
func TestExportFaults(t *testing.T) {
	t.Parallel()
	broken := func(yield func(orderhub.Product, error) bool) {
		_ = yield(shop[0], nil) && yield(orderhub.Product{}, errDisk)
	}
	dir := t.TempDir()
	for name, err := range map[string]error{
		"csv":         exchange.ExportCSV(&bytes.Buffer{}, broken, exchange.ExportOptions{}),
		"xlsx":        exchange.ExportXLSX(&bytes.Buffer{}, broken, exchange.ExportOptions{TempDir: dir}),
		"csv writer":  exchange.ExportCSV(full{}, all(shop), exchange.ExportOptions{}),
		"xlsx writer": exchange.ExportXLSX(full{}, all(shop), exchange.ExportOptions{TempDir: dir}),
	} {
		if !errors.Is(err, errDisk) {
			t.Errorf("%s: %v", name, err)
		}
	}
	noFiles(t, dir)
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errDisk }

// TestImportOfExport is a no-op, whatever the products are.
func TestImportOfExport(t *testing.T) {
	t.Parallel()
	for _, format := range []exchange.Format{exchange.FormatCSV, exchange.FormatXLSX} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				products := genProducts(t)
				opts := exchange.ExportOptions{
					Language: rapid.SampledFrom([]exchange.Language{"", exchange.English, exchange.Russian}).Draw(t, "language"),
					Comma:    rapid.SampledFrom([]rune{0, ';', ',', '\t'}).Draw(t, "comma"),
					ForExcel: rapid.Bool().Draw(t, "excel"),
				}
				var b bytes.Buffer
				write := exchange.ExportCSV
				if format == exchange.FormatXLSX {
					write = exchange.ExportXLSX
				}
				if err := write(&b, all(products), opts); err != nil {
					t.Fatal(err)
				}
				for what, target := range map[string]*shelf{"the same": newShelf(products...), "an empty": newShelf()} {
					result, err := exchange.ImportProducts(t.Context(), source(b.Bytes()), target, exchange.Options{})
					if err != nil || result.Outcome != exchange.OutcomeImported || result.WarningCount > 0 || result.Format != format {
						t.Fatalf("into %s: %+v, %v\n%s", what, result, err, b.String())
					}
					if d := cmp.Diff(newShelf(products...).list(), target.list()); d != "" {
						t.Fatalf("into %s (-want +got):\n%s", what, d)
					}
					if what == "the same" && target.changed > 0 {
						t.Fatalf("%d products were changed", target.changed)
					}
				}
			})
		})
	}
}

// genProducts draws valid products. Texts have no spaces at their ends: an
// import takes them off.
func genProducts(t *rapid.T) []orderhub.Product {
	letters := []rune(`aЯ0019 ;,*\"'=+-@._|&<>#%()E` + "\u00a0\n😀\ufffd")
	word := func(name string, most int, no string) string {
		s := rapid.StringOfN(rapid.RuneFrom(letters), 0, 12, most).Draw(t, name)
		return strings.TrimSpace(strings.Map(func(r rune) rune {
			if strings.ContainsRune(no, r) {
				return -1
			}
			return r
		}, s))
	}
	products := map[string]orderhub.Product{}
	for range rapid.IntRange(1, 6).Draw(t, "products") {
		p := orderhub.Product{
			SKU: word("sku", 100, "\n"), Name: word("name", 1000, ""), Unit: word("unit", 20, ""),
			WeightG: rapid.Int64Range(0, 10_000_000).Draw(t, "weight"), LengthMM: rapid.Int64Range(0, 10_000_000).Draw(t, "length"),
			Marking: rapid.Bool().Draw(t, "marking"), Archived: rapid.Bool().Draw(t, "archived"),
			Oversell: rapid.SampledFrom([]orderhub.OversellPolicy{"", orderhub.OversellShared, orderhub.OversellStrict}).Draw(t, "oversell"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "barcodes") {
			if code := word("barcode", 64, " \n\u00a0"); code != "" && !slices.Contains(p.Barcodes, code) {
				p.Barcodes = append(p.Barcodes, code)
			}
		}
		if p.Check() == nil {
			products[p.SKU] = p
		}
	}
	plain := slices.Sorted(maps.Keys(products))
	if len(plain) > 0 && rapid.Bool().Draw(t, "kit") {
		kit := orderhub.Product{SKU: "A kit", Name: "kit"}
		for _, sku := range plain {
			if sku != kit.SKU {
				kit.Components = append(kit.Components, orderhub.Component{SKU: sku, Quantity: rapid.Int64Range(1, 10_000).Draw(t, "quantity")})
			}
		}
		products[kit.SKU] = kit
	}
	return newShelf(slices.Collect(maps.Values(products))...).list()
}

// TestShopComesBack is the property for the goldens' products, after cleaning.
func TestShopComesBack(t *testing.T) {
	t.Parallel()
	want := slices.Clone(shop)
	want[4].Name = "Набор с нулями  и \ufffd"
	for _, write := range []func(*bytes.Buffer) error{
		func(b *bytes.Buffer) error { return exchange.ExportCSV(b, all(shop), exchange.ExportOptions{}) },
		func(b *bytes.Buffer) error { return exchange.ExportXLSX(b, all(shop), exchange.ExportOptions{}) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		target := newShelf()
		result, err := exchange.ImportProducts(t.Context(), source(b.Bytes()), target, exchange.Options{})
		if err != nil || result.ErrorCount > 0 {
			t.Fatalf("%+v, %v", result, err)
		}
		diff(t, "products", newShelf(want...).list(), target.list())
	}
}
