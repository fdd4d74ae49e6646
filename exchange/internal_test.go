package exchange

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"
)

// TestColumnsDocument makes COLUMNS.md from the table.
func TestColumnsDocument(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Columns of files of goods\n\n" +
		"Made from `columns.go` by `go test ./exchange -update`.\n\n" +
		"Headings are compared by their letters and digits alone, whatever the case: `Вес, г`, `вес_г` and `ВЕС (Г)*` are one.\n" +
		"The heading is looked for in the first " + fmt.Sprint(maxHeaderRows) + " rows. Other columns are ignored and named in the result.\n" +
		"A file of products needs `sku` and one more column, a file of counts `sku` and `quantity`.\n\n" +
		"A field without a column stays as it is; an empty cell empties its field.\n\n" +
		"| Field | Files | Other headings | A cell holds |\n| --- | --- | --- | --- |\n")
	for _, c := range columns {
		var names []string
		for _, name := range append([]string{c.ru}, c.aliases...) {
			names = append(names, "`"+name+"`")
		}
		for _, name := range c.unitless {
			names = append(names, "`"+name+"` (the unit is assumed, with a warning)")
		}
		for _, s := range c.scaled {
			for _, name := range s.aliases {
				names = append(names, fmt.Sprintf("`%s` (× %d)", name, s.factor))
			}
		}
		files := "products"
		switch {
		case c.products && c.counts:
			files = "products, counts"
		case c.counts:
			files = "counts"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c.field, files, strings.Join(names, ", "), strings.ReplaceAll(c.holds, "|", `\|`))
	}
	b.WriteString("\n## Files\n\n" +
		"- CSV: separated by `;`, `,` or tab (found out, or said by a first line `sep=;`); UTF-8 with or without a mark, windows-1251 or UTF-16 with a mark.\n" +
		"- XLSX: the first visible sheet. A SKU or barcode that is a number there is taken by its digits, with a warning; one that became a date or has more than 15 digits is refused. The format `0000000` gives its zeros back.\n" +
		"- Texts of an exported CSV file that a spreadsheet would run as a formula (they begin with `=`, `+`, `-` or `@`) are written `=\"-100\"`: spreadsheets show -100, an import reads -100. Programs that are no spreadsheets should read XLSX or take this off. XLSX needs none of it.\n")
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile("COLUMNS.md", []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile("COLUMNS.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(have)); diff != "" {
		t.Errorf("COLUMNS.md is stale (-want +got):\n%s", diff)
	}
}

// TestHeadingsAreApart: no heading means two things, Russian ones are Russian.
func TestHeadingsAreApart(t *testing.T) {
	t.Parallel()
	owner := map[string]Field{}
	for _, c := range columns {
		names := append(append([]string{string(c.field), c.ru}, c.aliases...), c.unitless...)
		for _, s := range c.scaled {
			names = append(names, s.aliases...)
		}
		for _, name := range names {
			if other, taken := owner[plain(name)]; taken {
				t.Errorf("%q means %s and %s", name, other, c.field)
			}
			owner[plain(name)] = c.field
			latin := strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(unicode.Latin, r) })
			if latin && strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) }) {
				t.Errorf("%q mixes alphabets", name)
			}
		}
	}
}

// TestSheetLikeExcelize reads what excelize wrote and compares with what
// excelize reads.
func TestSheetLikeExcelize(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := excelize.NewFile()
		defer f.Close()
		for y := range rapid.IntRange(1, 5).Draw(t, "rows") {
			for x := range rapid.IntRange(0, 30).Draw(t, "columns") {
				name, _ := excelize.CoordinatesToCellName(x+1, y*2+1)
				var v any
				switch rapid.IntRange(0, 4).Draw(t, "kind") {
				case 0:
					v = rapid.StringOfN(rapid.RuneFrom([]rune("aЯ<>&\"'_x0041_\n\t 😀")), 0, 20, -1).Draw(t, "text")
				case 1:
					v = rapid.Int64Range(0, 999_999_999_999_999).Draw(t, "number")
				case 2:
					v = float64(rapid.IntRange(0, 99_999).Draw(t, "hundredths")) / 100
				case 3:
					v = rapid.Bool().Draw(t, "flag")
				}
				if err := f.SetCellValue("Sheet1", name, v); err != nil {
					t.Fatal(err)
				}
			}
		}
		var b bytes.Buffer
		if err := f.Write(&b); err != nil {
			t.Fatal(err)
		}
		again, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		want, err := again.GetRows("Sheet1", excelize.Options{RawCellValue: true})
		if err != nil {
			t.Fatal(err)
		}
		book, err := openXLSX(Source{bytes.NewReader(b.Bytes()), int64(b.Len())}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer book.close()
		table, err := book.rows()
		if err != nil {
			t.Fatal(err)
		}
		for {
			line, cells, err := table.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range cells {
				got = append(got, c.text)
			}
			if diff := cmp.Diff(want[line-1], got); diff != "" {
				t.Fatalf("row %d (-excelize +ours):\n%s", line, diff)
			}
			want[line-1] = nil
		}
		for i, left := range want {
			if strings.Join(left, "") != "" {
				t.Fatalf("row %d was not read: %q", i+1, left)
			}
		}
	})
}
