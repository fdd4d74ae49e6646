package exchange

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/orderhub/orderhub"
)

// scan reads one row: cells in, fields out, with what is wrong.
type scan struct {
	layout *layout
	line   int64
	cells  []cell
	// short rows are normal in XLSX, where empty cells at the end are left out.
	short bool
	// decoded texts show damage as U+FFFD; in a UTF-8 file that may be meant.
	decoded bool
	bad     bool
	fail    func(RowError)
	warn    func(RowError)
}

func (s *scan) refuse(column, format string, args ...any) {
	s.bad = true
	s.fail(RowError{Line: s.line, Column: column, Sentence: fmt.Sprintf(format, args...)})
}

// width refuses a row that has more or fewer cells than the heading.
func (s *scan) width() {
	want := len(s.layout.headings)
	if len(s.cells) < want && !s.short {
		s.refuse("", "%d cells; the heading has %d", len(s.cells), want)
		return
	}
	for i := want; i < len(s.cells); i++ {
		if strings.TrimSpace(s.cells[i].text) != "" {
			s.refuse("", "%d cells; the heading has %d", len(s.cells), want)
			return
		}
	}
}

// cell gives the cell of a column, trimmed; false = it is refused already.
func (s *scan) cell(at int, b *binding) (cell, bool) {
	var c cell
	if at < len(s.cells) {
		c = s.cells[at]
	}
	c.text = strings.TrimSpace(c.text)
	switch {
	case c.kind == cellFault:
		s.refuse(b.heading, "%s is no value; allowed: a text or a number", quote(c.text))
		return c, false
	case c.kind == cellDate:
		s.refuse(b.heading, "Excel has made a date of the cell; allowed: a cell with the format Text, typed again")
		return c, false
	case !utf8.ValidString(c.text) || s.decoded && strings.ContainsRune(c.text, utf8.RuneError):
		s.refuse(b.heading, "damaged letters in %s; allowed: UTF-8, UTF-16 with a mark or windows-1251", quote(c.text))
		return c, false
	}
	return c, true
}

// code reads a SKU or a barcode, which Excel likes to take for a number.
func (s *scan) code(c cell, b *binding) (string, bool) {
	switch c.kind {
	case cellNumber:
		if digits := strings.TrimLeft(c.text, "0"); len(digits) > exactDigits {
			s.refuse(b.heading, "%s has more than %d digits, and Excel has lost the others; allowed: a cell with the format Text, typed again", quote(c.text), exactDigits)
			return "", false
		}
		s.warn(RowError{Line: s.line, Column: b.heading, Sentence: fmt.Sprintf("%s is a number in the file: zeros at its beginning may have been lost; give the column the format Text", quote(c.text))})
	case cellPlain:
		if scientific.MatchString(c.text) {
			s.refuse(b.heading, "%s is a number that Excel has shortened; allowed: all digits (give the column the format Text)", quote(c.text))
			return "", false
		}
	case cellText, cellBool, cellDate, cellFault:
	}
	return c.text, true
}

// product reads a row of a file of products.
func (s *scan) product() (ProductRow, bool) {
	row := ProductRow{Line: s.line, Given: s.layout.given}
	s.width()
	for at, b := range s.layout.columns {
		if b == nil {
			continue
		}
		if c, ok := s.cell(at, b); ok {
			s.set(&row.Product, c, b)
		}
	}
	if s.bad {
		return row, false
	}
	if err := row.Product.Check(); err != nil {
		var e *orderhub.Error
		if !errors.As(err, &e) {
			s.refuse("", "%s", err)
			return row, false
		}
		s.refuse(s.layout.heading(Field(e.Field)), "%s", strings.TrimPrefix(e.Sentence, e.Field+": "))
	}
	return row, !s.bad
}

// set reads a cell into its field.
func (s *scan) set(p *orderhub.Product, c cell, b *binding) {
	problem := ""
	switch b.field {
	case FieldSKU:
		p.SKU, _ = s.code(c, b)
	case FieldName:
		p.Name = strings.ReplaceAll(c.text, "\r\n", "\n")
		if strings.ContainsFunc(c.text, isControl) {
			problem = "control characters in " + quote(c.text) + "; allowed: letters, digits, signs and line breaks"
		}
	case FieldBarcodes:
		if text, ok := s.code(c, b); ok && text != "" {
			p.Barcodes = parseBarcodes(p.Barcodes, text)
		}
	case FieldUnit:
		p.Unit = c.text
		if strings.ContainsFunc(c.text, isControl) {
			problem = "control characters in " + quote(c.text) + "; allowed: a short word"
		}
	case FieldWeight:
		p.WeightG, problem = s.measure(c, b)
	case FieldLength:
		p.LengthMM, problem = s.measure(c, b)
	case FieldWidth:
		p.WidthMM, problem = s.measure(c, b)
	case FieldHeight:
		p.HeightMM, problem = s.measure(c, b)
	case FieldMarking:
		p.Marking, problem = parseFlag(c)
	case FieldComponents:
		if text, ok := s.code(c, b); ok {
			p.Components, problem = parseComponents(text)
		}
	case FieldOversell:
		p.Oversell, problem = parseOversell(c)
	case FieldArchived:
		p.Archived, problem = parseFlag(c)
	case FieldQuantity:
	}
	if problem != "" {
		s.refuse(b.heading, "%s", problem)
	}
}

func (s *scan) measure(c cell, b *binding) (int64, string) {
	if c.text == "" {
		return 0, ""
	}
	return parseNumber(c, b.factor, maxMeasure)
}

// count reads a row of a file of counts.
func (s *scan) count() (CountRow, bool) {
	row := CountRow{Line: s.line}
	s.width()
	for at, b := range s.layout.columns {
		if b == nil {
			continue
		}
		c, ok := s.cell(at, b)
		if !ok {
			continue
		}
		problem := ""
		if b.field == FieldQuantity {
			if row.Quantity, problem = parseNumber(c, 1, maxQuantity); c.text == "" {
				problem = "empty; allowed: 0 to 1000000000"
			}
		} else if row.SKU, ok = s.code(c, b); ok {
			problem = checkSKU(row.SKU)
		}
		if problem != "" {
			s.refuse(b.heading, "%s", problem)
		}
	}
	return row, !s.bad
}

func checkSKU(sku string) string {
	var e *orderhub.Error
	if errors.As(orderhub.CheckSKU(sku), &e) {
		return strings.TrimPrefix(e.Sentence, e.Field+": ")
	}
	return ""
}

// isControl finds what no name has; line breaks come with Alt+Enter.
func isControl(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f }

// blank tells whether nothing is in the row.
func blank(cells []cell) bool {
	for _, c := range cells {
		if strings.TrimSpace(c.text) != "" {
			return false
		}
	}
	return true
}
