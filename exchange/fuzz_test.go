package exchange_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/exchange"
)

// FuzzProductsCSV imports whatever comes. An import never panics, counts every
// row once, hands on valid products only, and what it took in survives an export.
func FuzzProductsCSV(f *testing.F) {
	for _, seed := range []string{
		"sku;name\n0557722;Чайник\n", bom + "Артикул,Название\nA,\"b\"\"c\"\n", "sep=;\nsku;barcode\n=\"1\";1 2\n",
		"sku\tcomponents\nA\t\nK\tA*2; A\\;*1\n", "sku;name\nA;\"open\n", "sku;вес кг\nA;0,5\n", "\n\nx\nsku;name\r\nA;1/2\"\r\n", ansi("артикул;название\nЯ;ё\n"),
		utf16("sku\tname\nA\tб\n"), "sku;name\nA;=\"x\"&\"y\"\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if bytes.HasPrefix(file, []byte("PK")) {
			return
		}
		target := newShelf()
		result, err := exchange.ImportProducts(t.Context(), source(file), target, exchange.Options{Mode: exchange.ModeSkip})
		if err != nil {
			if orderhub.CodeOf(err) != orderhub.CodeInvalid || len(target.products) > 0 && !errors.Is(err, errDisk) {
				t.Fatalf("%v, %d applied", err, len(target.products))
			}
			return
		}
		if result.Applied+result.Bad != result.Rows || int(result.Applied) != len(target.products) {
			t.Fatalf("%+v, %d applied", result, len(target.products))
		}
		for _, p := range target.products {
			if err := p.Check(); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		if err := exchange.ExportCSV(&out, all(target.list()), exchange.ExportOptions{}); err != nil {
			t.Fatal(err)
		}
		again := newShelf()
		if result, err := exchange.ImportProducts(t.Context(), source(out.Bytes()), again, exchange.Options{}); err != nil || result.Bad > 0 {
			t.Fatalf("%+v, %v\n%s", result, err, out.String())
		}
		if diff := cmp.Diff(target.list(), again.list()); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}
