package exchange_test

import (
	"bytes"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/exchange"
)

func someOrders() iter.Seq2[*orderhub.Order, error] {
	o := &orderhub.Order{ID: 100001, AccountID: "shop", Channel: "site", Headline: orderhub.StatusNew, Snapshot: orderhub.Snapshot{
		ExternalID: "=HYPERLINK(1)", PlacedAt: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), Total: orderhub.Money{Minor: 129050, Currency: "RUB"},
		Lines: []orderhub.Line{{SKU: "0557722", Quantity: 2}, {SKU: "TEA", Quantity: 1}}, Customer: orderhub.Customer{Name: "Лев Пробный", Phone: "+79000000001"},
	}}
	return func(yield func(*orderhub.Order, error) bool) {
		_ = yield(o, nil) && yield(&orderhub.Order{ID: 100002, Headline: orderhub.StatusUnknown}, nil)
	}
}

// TestExportOrders: amounts are numbers, texts stay texts, and buyers stay here.
func TestExportOrders(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	if err := exchange.ExportOrders(&file, exchange.FormatCSV, someOrders(), exchange.ExportOptions{Language: exchange.Russian}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(file.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[1], `"=""=HYPERLINK(1)""";shop;`) || !strings.Contains(lines[1], "0557722 × 2; TEA × 1") || !strings.Contains(lines[1], ";3;1290,50;RUB;") {
		t.Errorf("%q", lines)
	}
	if strings.Contains(file.String(), "Лев") || strings.Contains(file.String(), "7900") {
		t.Errorf("a buyer is in the file: %s", file.String())
	}
	file.Reset()
	if err := exchange.ExportOrders(&file, exchange.FormatXLSX, someOrders(), exchange.ExportOptions{}); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := f.GetRows("Orders")
	if err != nil || len(rows) != 3 || rows[1][1] != "=HYPERLINK(1)" || rows[1][11] != "1290.5" || rows[2][0] != "100002" {
		t.Errorf("%v %q", err, rows)
	}
	if formula, err := f.GetCellFormula("Orders", "B2"); err != nil || formula != "" {
		t.Errorf("a formula: %q %v", formula, err)
	}
}

// TestExportOrdersBreaksOff: what cannot be read is no short file.
func TestExportOrdersBreaksOff(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	list := func(yield func(*orderhub.Order, error) bool) { yield(nil, broken) }
	for _, format := range []exchange.Format{exchange.FormatCSV, exchange.FormatXLSX} {
		if err := exchange.ExportOrders(&bytes.Buffer{}, format, list, exchange.ExportOptions{}); !errors.Is(err, broken) {
			t.Errorf("%s: %v", format, err)
		}
	}
	if err := exchange.ExportOrders(&bytes.Buffer{}, "pdf", someOrders(), exchange.ExportOptions{}); err == nil {
		t.Error("pdf was written")
	}
}
