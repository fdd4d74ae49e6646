package exchange_test

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/exchange"
)

// workbook makes a file with excelize as Excel would: texts are shared.
func workbook(t *testing.T, fill func(*excelize.File)) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	fill(f)
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func rows(t *testing.T, f *excelize.File, sheet string, rows ...[]any) {
	t.Helper()
	for i, row := range rows {
		cell, err := excelize.CoordinatesToCellName(1, i+1)
		if err == nil {
			err = f.SetSheetRow(sheet, cell, &row)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// styled gives a cell a number format.
func styled(t *testing.T, f *excelize.File, cell string, style excelize.Style) {
	t.Helper()
	id, err := f.NewStyle(&style)
	if err == nil {
		err = f.SetCellStyle("Sheet1", cell, cell, id)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestProductsXLSX(t *testing.T) {
	t.Parallel()
	zeros := "0000000"
	for _, c := range []struct {
		name string
		fill func(*excelize.File)
	}{
		{"text_and_numbers", func(f *excelize.File) {
			rows(t, f, "Sheet1",
				[]any{"Артикул", "Название", "Штрихкод", "Вес, г", "Маркировка", "Состав"},
				[]any{"0557722", "Чайник", "4601234567890", 1200, true},
				[]any{557723, "Числом", 4601234567891, 0.1 + 0.2},
				[]any{557724, "Округлено", int64(12345678901234567)},
				[]any{557725.5, "Дробь", nil, "12,000"},
				[]any{"K", "Набор", nil, nil, nil, "0557722*2"},
				[]any{"L", "Набор числом", nil, nil, nil, 557722},
			)
		}},
		{"formats", func(f *excelize.File) {
			rows(t, f, "Sheet1", []any{"sku", "name"}, []any{557722, "zeros"}, []any{time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), "date"}, []any{45000, "custom date"}, []any{557, "units"})
			styled(t, f, "A2", excelize.Style{CustomNumFmt: &zeros})
			date, unit := "dd/mm/yy", `0" шт. d"`
			styled(t, f, "A4", excelize.Style{CustomNumFmt: &date})
			styled(t, f, "A5", excelize.Style{CustomNumFmt: &unit})
		}},
		{"gaps", func(f *excelize.File) {
			for cell, v := range map[string]any{"B4": "sku", "D4": "name", "E4": "unit", "B6": "A", "D6": "x", "B9": "B", "E9": "шт", "G9": "extra"} {
				if err := f.SetCellValue("Sheet1", cell, v); err != nil {
					t.Fatal(err)
				}
			}
		}},
		{"rich_text", func(f *excelize.File) {
			rows(t, f, "Sheet1", []any{"sku", "name"}, []any{"A"}, []any{"_x0041_", "две\nстроки"})
			if err := f.SetCellRichText("Sheet1", "B2", []excelize.RichTextRun{{Text: "Чай"}, {Text: "ник", Font: &excelize.Font{Bold: true}}}); err != nil {
				t.Fatal(err)
			}
		}},
		{"sheets", func(f *excelize.File) {
			for _, name := range []string{"Hidden", "Data", "Notes"} {
				if _, err := f.NewSheet(name); err != nil {
					t.Fatal(err)
				}
			}
			rows(t, f, "Data", []any{"sku", "name"}, []any{"A", "from data"})
			f.SetActiveSheet(2)
			for _, name := range []string{"Sheet1", "Hidden"} {
				if err := f.SetSheetVisible(name, false); err != nil {
					t.Fatal(err)
				}
			}
		}},
		{"no_heading", func(f *excelize.File) { rows(t, f, "Sheet1", []any{"a", "b"}) }},
		{"blank", func(*excelize.File) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target := newShelf()
			result, err := exchange.ImportProducts(t.Context(), source(workbook(t, c.fill)), target, exchange.Options{Mode: exchange.ModeSkip})
			goldenResult(t, "xlsx/"+c.name+".json", result, err, target)
		})
	}
}

// rewrite changes one part of a workbook.
func rewrite(t *testing.T, file []byte, part string, change func(string) string) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name == part {
			content = []byte(change(string(content)))
		}
		w, err := out.Create(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(content)
	}
	out.Close()
	return b.Bytes()
}

// TestFormulas takes the value that Excel has calculated.
func TestFormulas(t *testing.T) {
	t.Parallel()
	file := workbook(t, func(f *excelize.File) { rows(t, f, "Sheet1", []any{"sku", "name"}) })
	file = rewrite(t, file, "xl/worksheets/sheet1.xml", func(s string) string {
		return strings.Replace(s, "</sheetData>", `<row><c t="str"><f>"A"&amp;1</f><v>A1</v></c><c><f>1+1</f><v>2</v></c></row>`+
			`<row><c t="inlineStr"><is><t>B</t></is></c><c t="str"><f>""</f><v></v></c></row>`+
			`<row><c t="inlineStr"><is><t>C</t><rPh sb="0" eb="1"><t>no</t></rPh></is></c><c><f>1+1</f></c></row>`+
			`<row><c t="inlineStr"><is><t>D</t></is></c><c t="e"><v>#N/A</v></c></row>`+
			`<row><c t="inlineStr"><is><t xml:space="preserve"> E </t></is></c><c t="b"><v>1</v></c></row></sheetData>`, 1)
	})
	target := newShelf()
	result, err := exchange.ImportProducts(t.Context(), source(file), target, exchange.Options{Mode: exchange.ModeSkip})
	goldenResult(t, "xlsx/formulas.json", result, err, target)
}

// TestBrokenXLSX is never taken for the end of the sheet.
func TestBrokenXLSX(t *testing.T) {
	t.Parallel()
	good := workbook(t, func(f *excelize.File) {
		rows(t, f, "Sheet1", []any{"sku", "name"}, []any{"A", "x"}, []any{"B", "y"}, []any{"C", "z"})
	})
	const sheet, texts = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
	for _, c := range []struct {
		name, part string
		change     func(string) string
	}{
		{"cut", sheet, func(s string) string { return s[:strings.Index(s, `<row r="3"`)] }},
		{"no end", sheet, func(s string) string { return strings.Replace(s, "</sheetData>", "", 1) }},
		{"bad xml", sheet, func(s string) string { return strings.Replace(s, `<row r="3"`, "<row r=3 <", 1) }},
		{"rows fall", sheet, func(s string) string { return strings.Replace(s, `<row r="3"`, `<row r="1"`, 1) }},
		{"row too far", sheet, func(s string) string { return strings.Replace(s, `<row r="4"`, `<row r="1048577"`, 1) }},
		{"cells fall", sheet, func(s string) string { return strings.Replace(s, `r="B3"`, `r="A3"`, 1) }},
		{"column too far", sheet, func(s string) string { return strings.Replace(s, `r="B3"`, `r="XFE3"`, 1) }},
		{"no such text", sheet, func(s string) string { return strings.Replace(s, "<v>5</v>", "<v>99</v>", 1) }},
		{"texts cut", texts, func(s string) string { return s[:len(s)/2] }},
		{"no texts", texts, func(string) string { return "" }},
		{"long row", sheet, func(s string) string {
			return strings.Replace(s, "<v>5</v>", "<v>"+strings.Repeat("1", 3<<20)+"</v>", 1)
		}},
		{"workbook", "xl/workbook.xml", func(string) string { return "<workbook/>" }},
		{"links", "xl/_rels/workbook.xml.rels", func(string) string { return "<Relationships/>" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target := newShelf()
			result, err := exchange.ImportProducts(t.Context(), source(rewrite(t, good, c.part, c.change)), target, exchange.Options{Mode: exchange.ModeSkip})
			if orderhub.CodeOf(err) != orderhub.CodeInvalid || len(target.products) != 0 {
				t.Errorf("%+v, %v, %d applied", result, err, len(target.products))
			}
		})
	}
	for name, file := range map[string][]byte{
		"cut":       good[:len(good)-30],
		"only head": []byte("PK\x03\x04"),
		"old xls":   []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and so on"),
	} {
		if _, err := exchange.ImportProducts(t.Context(), source(file), newShelf(), exchange.Options{}); orderhub.CodeOf(err) != orderhub.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	damaged := bytes.Clone(good)
	at := bytes.Index(damaged, []byte(sheet)) + len(sheet) + 20
	damaged[at] ^= 0xff
	if _, err := exchange.ImportProducts(t.Context(), source(damaged), newShelf(), exchange.Options{}); orderhub.CodeOf(err) != orderhub.CodeInvalid {
		t.Errorf("a flipped byte: %v", err)
	}
}

// TestBigTexts go to a file in the temporary folder, which is gone afterwards.
func TestBigTexts(t *testing.T) {
	t.Parallel()
	const n = 400
	file := workbook(t, func(f *excelize.File) {
		rows(t, f, "Sheet1", []any{"sku", "note", "name"})
		for i := range n {
			cell, _ := excelize.CoordinatesToCellName(1, i+2)
			f.SetSheetRow("Sheet1", cell, &[]any{numberedSKU(i), strings.Repeat("ы", 15_000) + numberedSKU(i), "x" + numberedSKU(i)})
		}
	})
	dir, target := t.TempDir(), newShelf()
	result, err := exchange.ImportProducts(t.Context(), source(file), target, exchange.Options{TempDir: dir})
	if err != nil || result.Applied != n {
		t.Fatalf("%+v, %v", result, err)
	}
	for i := range n {
		if name := target.products[numberedSKU(i)].Name; name != "x"+numberedSKU(i) {
			t.Fatalf("%d is %q", i, name)
		}
	}
	noFiles(t, dir)
}
