package exchange_test

import (
	"encoding/json"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/exchange"
)

const bom = "\ufeff"

func ansi(text string) string {
	b, err := charmap.Windows1251.NewEncoder().String(text)
	if err != nil {
		panic(err)
	}
	return b
}

func utf16(text string) string {
	b, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(text)
	if err != nil {
		panic(err)
	}
	return b
}

// TestProductsCSV imports awkward files; the goldens hold the result and the
// products that are there afterwards.
func TestProductsCSV(t *testing.T) {
	t.Parallel()
	full := "sku;name;barcodes;unit;weight_g;length_mm;width_mm;height_mm;marking;components;oversell;archived\n"
	for _, c := range []struct{ name, file string }{
		{"plain", "sku,name\n0557722,Чайник\n557722,Не чайник\n"},
		{"full", full + "A-1;Чайник;4601234567890, 4601234567891;шт;1 200;200;150;0;да;;strict;нет\nKIT;Набор;;;;;;;;A-1*2; OLD*1;;yes\n"},
		{"kit_quoted", full + "A-1;Чайник;;;;;;;;;;\nKIT;Набор;;;;;;;;\"A-1*2; OLD\";;\n"},
		{"bom_russian", bom + "Артикул*;Наименование;Штрих-код;Вес, кг;Длина (см);В архиве\n0557722;Чайник;4601234567890;0,5;12.5;+\n"},
		{"ansi", ansi("артикул;название;ед. изм.\n0557722;Чайник;шт\n")},
		{"utf16", utf16("Артикул\tНазвание\n0557722\tЧайник\n")},
		{"tab", "sku\tname\n0557722\tЧайник, синий; большой\n"},
		{"sep_line", "sep=,\nsku,name\n0557722,a;b;c;d\n"},
		{"title_rows", "Прайс-лист;;\n;;\nСклад: главный;;\nКод товара;Номенклатура;\n0557722;Чайник;\n"},
		{"quotes", "sku;name\nA;\"Труба 1/2\"\"\"\nB;Труба 1/2\"\nC;\"две\r\nстроки\"\nD;\"не \"закрыта;x\nE;ok\n"},
		{"unclosed_end", "sku;name\nA;ok\nB;\"open\nC;lost\n"},
		{"blank_lines", "\n\nsku;name\n\n;\n  ; \nA;ok\n\n\n"},
		{"crlf", "sku;name\r\nA;ok\r\nB;ok\r\n"},
		{"no_heading", "0557722;Чайник\n0557723;Кастрюля\n"},
		{"heading_only", "sku;name\n"},
		{"empty", ""},
		{"blank", "\n \n"},
		{"twice_column", "sku;артикул;name\nA;B;c\n"},
		{"two_barcode_columns", "sku;barcode;штрихкод\nA;111;222 111\n"},
		{"too_many_cells", "sku;name\nA;x;y\nB;x;;\nC;z\n"},
		{"too_few_cells", "sku;name;unit\nA;x\n"},
		{"unknown_columns", "sku;name;цвет;\nA;x;red;\n"},
		{"bad_utf8", "sku;name\nA;Чай\xffник\nB;Чайник\n\xfeC;x\n"},
		{"bad_ansi", ansi("артикул;название\nA;Чай") + "\x98" + ansi("ник\nB;Чайник\n")},
		{"huge_cell", "sku;name\nA;" + strings.Repeat("ы", 600) + "\n" + strings.Repeat("B", 101) + ";x\n"},
		{"control", "sku;name;barcodes\nA\x01;x\x02;1\nB;a\tb;1\n"},
		{"duplicates", "sku;name\nA;1\nB;2\nA;3\nA;4\n"},
		{"numbers", "sku;вес;length_mm;width_cm\nA;12,00;;\nB;12,000;;\nC;-1;;\nD;1.5;10000001;1,23\nE;0,000;1\u00a0200,000;1,2\nF;99999999999999999999;x;1000001\n"},
		{"flags", "sku;marking;oversell\nA;maybe;loose\nB;Истина;Общий\n"},
		{"excel_damage", "sku;barcode\n5,57722E+11;4,60123E+12\n1E5;1\n"},
		{"formulas", "sku;name\n=\"0557722\";=\"-100 °C\"\n-5;=1+1\n=\"a\"&\"b\";=\"say \"\"hi\"\"\"\n"},
		{"components", "sku;components\nA;\nK1;A*2\nK2;A*0\nK3;A*x\nK4;A*1;A*2\nK5;\"A*1; A*2\"\nK6;K6\nK7;NONE*3\nK8;LATER\nLATER;\nK9;A\\*2*3\n"},
		{"chain", "sku;components\nK1;K2\nK2;K3\nK3;NONE\nOK;OLD\n"},
		{"empty_sku", "sku;name\n;x\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target := newShelf(orderhub.Product{SKU: "OLD", Name: "Старый", WeightG: 5})
			result, err := exchange.ImportProducts(t.Context(), source([]byte(c.file)), target, exchange.Options{Mode: exchange.ModeSkip})
			goldenResult(t, "csv/"+c.name+".json", result, err, target)
		})
	}
}

func goldenResult(t *testing.T, name string, result exchange.Result, err error, target *shelf) {
	t.Helper()
	out := struct {
		Error    string `json:",omitempty"`
		Result   exchange.Result
		Products []orderhub.Product
	}{Result: result, Products: target.list()}
	if err != nil {
		if out.Error = err.Error(); orderhub.CodeOf(err) != orderhub.CodeInvalid {
			t.Errorf("%v is not a sentence for people", err)
		}
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, name, append(b, '\n'))
}

// TestUnclosedQuote must not read the rest of a big file into memory.
func TestUnclosedQuote(t *testing.T) {
	t.Parallel()
	file := "sku;name\nA;ok\nB;\"open\n" + strings.Repeat("C;lost\n", 1<<20)
	target := newShelf()
	result, err := exchange.ImportProducts(t.Context(), source([]byte(file)), target, exchange.Options{})
	if orderhub.CodeOf(err) != orderhub.CodeInvalid || !strings.Contains(err.Error(), "after line 2 has more than 1048576 bytes") || result.Applied != 0 || len(target.products) != 0 {
		t.Errorf("%+v, %v", result, err)
	}
}

// TestErrorsAreCounted keeps a thousand errors and counts all.
func TestErrorsAreCounted(t *testing.T) {
	t.Parallel()
	file := "sku;marking\n" + strings.Repeat(" ;x\n", 2500)
	result, err := exchange.ImportProducts(t.Context(), source([]byte(file)), newShelf(), exchange.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Errors) != exchange.MaxErrors || result.ErrorCount != 2500 || result.Bad != 2500 || result.Outcome != exchange.OutcomeRefused {
		t.Errorf("%d kept of %d, %d bad, %s", len(result.Errors), result.ErrorCount, result.Bad, result.Outcome)
	}
}

// TestCounts imports stock counts.
func TestCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file string
		want       till
		errors     []exchange.RowError
	}{
		{"good", "Артикул;Название;Остаток\n0557722;Чайник;12\nA;;0\n", till{"0557722": 12, "557722": -1, "A": 0}, nil},
		{"bad", "sku,qty\n557722,\nA,1.5\nB,1\n,1\nA,3\n0557722,-1\n", till{"0557722": -1, "557722": -1, "A": 3}, []exchange.RowError{
			{Line: 2, Column: "qty", Sentence: "empty; allowed: 0 to 1000000000"},
			{Line: 3, Column: "qty", Sentence: `"1.5" is not a whole number; allowed: 0 to 1000000000`},
			{Line: 4, Column: "sku", Sentence: `no product has the SKU "B"`},
			{Line: 5, Column: "sku", Sentence: `"" is not allowed; a SKU has 1 to 100 bytes, no control characters and no spaces at its ends`},
			{Line: 7, Column: "qty", Sentence: `"-1" is not a number from 0 to 1000000000`},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target := till{"0557722": -1, "557722": -1, "A": -1}
			result, err := exchange.ImportCounts(t.Context(), source([]byte(c.file)), target, exchange.Options{Mode: exchange.ModeSkip})
			if err != nil {
				t.Fatal(err)
			}
			diff(t, "errors", c.errors, result.Errors)
			diff(t, "counts", c.want, target)
		})
	}
	_, err := exchange.ImportCounts(t.Context(), source([]byte("sku;name\nA;1\n")), till{}, exchange.Options{})
	if orderhub.CodeOf(err) != orderhub.CodeInvalid || !strings.Contains(err.Error(), "quantity (остаток)") {
		t.Error(err)
	}
}

// TestLateRussian finds windows-1251 far behind the beginning.
func TestLateRussian(t *testing.T) {
	t.Parallel()
	target := newShelf()
	file := string(numbered(20_000)) + ansi("A;Ёлка\n")
	result, err := exchange.ImportProducts(t.Context(), source([]byte(file)), target, exchange.Options{})
	if err != nil || result.Encoding != exchange.EncodingANSI || target.products["A"].Name != "Ёлка" {
		t.Errorf("%+v, %v, %q", result, err, target.products["A"].Name)
	}
}
