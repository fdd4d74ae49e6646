package exchange

import (
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
)

// A sheet of Excel has so many rows and columns.
const (
	maxSheetRows = 1 << 20
	maxColumns   = 1 << 14
)

// sheetTable reads the rows of a sheet as a stream of XML tokens.
type sheetTable struct {
	book  *xlsxBook
	file  io.ReadCloser
	guard *guard
	xml   *xml.Decoder

	line  int64
	cells []cell
	used  bool // the row has a cell with something in it

	// Of the cell that is being read:
	at       int // its column, from 0
	kind     string
	style    int
	formula  bool
	value    bool // there is one, if only an empty text
	text     []byte
	keep     bool // characters belong to the value
	phonetic int  // inside a reading aid of East Asian texts
}

func (t *sheetTable) next() (int64, []cell, error) {
	for {
		token, err := t.xml.RawToken()
		switch {
		case errors.Is(err, errRowTooLong):
			return 0, nil, refuse("the row after row %d has more than %d bytes", t.line, maxRowBytes)
		case errors.Is(err, io.EOF):
			return 0, nil, notXLSX(io.ErrUnexpectedEOF)
		case err != nil:
			return 0, nil, notXLSX(err)
		}
		switch el := token.(type) {
		case xml.StartElement:
			if err := t.start(el); err != nil {
				return 0, nil, err
			}
		case xml.CharData:
			if t.keep && t.phonetic == 0 {
				t.text = append(t.text, el...)
			}
		case xml.EndElement:
			switch el.Name.Local {
			case "v", "t":
				t.keep = false
			case "rPh":
				t.phonetic--
			case "c":
				if err := t.finish(); err != nil {
					return 0, nil, err
				}
			case "row":
				t.guard.mark()
				if t.used {
					return t.line, t.cells, nil
				}
			case "sheetData":
				// The archive's checksum is compared at the end of the part.
				if _, err := io.Copy(io.Discard, t.file); err != nil {
					return 0, nil, notXLSX(err)
				}
				return 0, nil, io.EOF
			}
		}
	}
}

func (t *sheetTable) start(el xml.StartElement) error {
	switch el.Name.Local {
	case "row":
		t.line++
		t.cells, t.used, t.at = t.cells[:0], false, -1
		if r := attr(el, "r"); r != "" {
			line, err := strconv.ParseInt(r, 10, 32)
			if err != nil || line < t.line {
				return notXLSX(errors.New("row numbers do not rise"))
			}
			t.line = line
		}
		if t.line > maxSheetRows {
			return notXLSX(errors.New("too many rows"))
		}
	case "c":
		t.at++
		t.kind, t.style, t.formula, t.value, t.text, t.keep, t.phonetic = attr(el, "t"), 0, false, false, t.text[:0], false, 0
		if s := attr(el, "s"); s != "" {
			t.style, _ = strconv.Atoi(s) // no such style = none
		}
		if r := attr(el, "r"); r != "" {
			at := columnOf(r)
			if at < t.at {
				return notXLSX(errors.New("cells do not rise"))
			}
			t.at = at
		}
		if t.at >= maxColumns {
			return notXLSX(errors.New("too many columns"))
		}
	case "f":
		t.formula = true
	case "v", "t":
		t.keep, t.value = true, true
	case "rPh":
		t.phonetic++
	}
	return nil
}

// finish makes a cell of what was read.
func (t *sheetTable) finish() error {
	c := cell{string(t.text), cellText}
	switch t.kind {
	case "s":
		i, err := strconv.Atoi(strings.TrimSpace(c.text))
		if err == nil {
			c.text, err = t.book.strings.text(i)
		}
		if err != nil {
			return notXLSX(err)
		}
	case "str", "inlineStr":
		c.text = unescapeXML(c.text)
	case "b":
		c.kind = cellBool
	case "d":
		c.kind = cellDate
	case "e":
		c.kind = cellFault
	default: // a number
		c = t.number(strings.TrimSpace(c.text))
	}
	if c.text == "" {
		if !t.formula || t.value {
			return nil
		}
		c = cell{"a formula without a value", cellFault}
	}
	for len(t.cells) < t.at {
		t.cells = append(t.cells, cell{})
	}
	t.cells = append(t.cells, c)
	t.used = true
	return nil
}

// number writes a number out, as Excel stores it: 4.6E12, 0.30000000000000004.
func (t *sheetTable) number(text string) cell {
	if text == "" {
		return cell{}
	}
	var format numberFormat
	if t.style > 0 && t.style < len(t.book.formats) {
		format = t.book.formats[t.style]
	}
	if !digitsOnly(text) || len(text) > exactDigits {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f > 1e30 || f < -1e30 {
			return cell{text, cellFault}
		}
		f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'g', exactDigits, 64), 64)
		text = strconv.FormatFloat(f, 'f', -1, 64)
	}
	switch {
	case format.date:
		return cell{text, cellDate}
	case format.digits > len(text) && digitsOnly(text):
		// The format 0000000 shows 0557722, and that is what the writer meant.
		text = strings.Repeat("0", format.digits-len(text)) + text
	}
	return cell{text, cellNumber}
}

func (t *sheetTable) read() (int64, int64) {
	return t.guard.n, int64(t.book.sheet.UncompressedSize64)
}

func (t *sheetTable) close() error { return t.file.Close() }

func attr(el xml.StartElement, name string) string {
	for _, a := range el.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// columnOf is the column of "C7", from 0; -1 = none.
func columnOf(ref string) int {
	n := 0
	for _, r := range ref {
		switch {
		case r >= 'A' && r <= 'Z':
			n = n*26 + int(r-'A') + 1
		case r >= '0' && r <= '9':
			return n - 1
		default:
			return -1
		}
		if n > maxColumns {
			return maxColumns
		}
	}
	return n - 1
}

func digitsOnly(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
