package exchange

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/orderhub/orderhub"
)

// Language is the language of an export's headings and of its yes and no.
// Imports read both.
type Language string

// The languages. The zero value is English.
const (
	English Language = "en"
	Russian Language = "ru"
)

// ExportOptions are the choices of an export. The zero value is a good one.
type ExportOptions struct {
	Language Language
	// Comma separates the columns of a CSV file; 0 = a semicolon, as Excel wants
	// it where the decimal sign is a comma.
	Comma rune
	// ForExcel writes texts of a CSV file that begin with a digit as ="0557722",
	// so that opening the file in Excel leaves their zeros and digits alone. Other
	// programs than spreadsheets will not understand them.
	ForExcel bool
	// TempDir is for an XLSX file in the making; "" = the system's.
	TempDir string
}

// ExportCSV writes products as UTF-8 with a byte order mark, without which Excel
// takes Russian for something else. Texts that a spreadsheet would run as
// formulas are written as said in formula.go. It stops at the first error of
// the iterator.
func ExportCSV(w io.Writer, products iter.Seq2[orderhub.Product, error], opts ExportOptions) error {
	buffered := bufio.NewWriterSize(w, 64<<10)
	if _, err := buffered.Write(utf8Mark); err != nil {
		return fmt.Errorf("write products: %w", err)
	}
	out := csv.NewWriter(buffered)
	if out.Comma = opts.Comma; out.Comma == 0 {
		out.Comma = commas[0]
	}
	record := exportHeadings(opts.Language)
	if err := out.Write(record); err != nil {
		return fmt.Errorf("write products: %w", err)
	}
	for p, err := range products {
		if err != nil {
			return fmt.Errorf("read products: %w", err)
		}
		for i, v := range exportValues(&p, opts.Language) {
			record[i] = v.csv(opts.ForExcel)
		}
		if err := out.Write(record); err != nil {
			return fmt.Errorf("write products: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write products: %w", err)
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write products: %w", err)
	}
	return nil
}

// exportHeadings are in the order of exportValues.
func exportHeadings(lang Language) []string {
	var names []string
	for _, c := range columns {
		switch {
		case !c.products:
		case lang == Russian:
			names = append(names, c.ru)
		default:
			names = append(names, string(c.field))
		}
	}
	return names
}

// value is a cell to write: a text or a number.
type value struct {
	text   string
	number int64
	isText bool
}

func text(s string) value    { return value{text: clean(s), isText: true} }
func number(n int64) value   { return value{number: n} }
func (v value) empty() bool  { return v.isText && v.text == "" || !v.isText && v.number == 0 }
func (v value) digits() bool { return v.text[0] >= '0' && v.text[0] <= '9' }
func (v value) literal() bool {
	return isFormula(v.text) || scientific.MatchString(v.text) || strings.HasPrefix(v.text, "sep=")
}

func (v value) csv(forExcel bool) string {
	switch {
	case v.empty():
		return ""
	case !v.isText:
		return strconv.FormatInt(v.number, 10)
	case v.literal() || forExcel && v.digits():
		return quoteFormula(v.text)
	}
	return v.text
}

// exportValues are the cells of a product. Numbers that are not known are empty.
func exportValues(p *orderhub.Product, lang Language) []value {
	flag := func(set bool) value {
		switch {
		case !set:
			return text("")
		case lang == Russian:
			return text("да")
		}
		return text("yes")
	}
	return []value{
		text(p.SKU), text(p.Name), text(formatBarcodes(p.Barcodes)), text(p.Unit),
		number(p.WeightG), number(p.LengthMM), number(p.WidthMM), number(p.HeightMM),
		flag(p.Marking), text(formatComponents(p.Components)), text(string(p.Oversell)), flag(p.Archived),
	}
}

// clean writes a text so that it can be read back: control characters, which no
// import takes, become spaces, damaged letters the sign for such.
func clean(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\r\n", "\n")
	if !strings.ContainsFunc(s, isControl) && !strings.Contains(s, "\r") {
		return s
	}
	return strings.Map(func(r rune) rune {
		if isControl(r) || r == '\r' {
			return ' '
		}
		return r
	}, s)
}
