package exchange

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
)

// The separators, the likeliest first.
var commas = []rune{';', ',', '\t'}

// sampleBytes of a file decide its separator.
const sampleBytes = 64 << 10

// csvBook is a CSV file.
type csvBook struct {
	src      Source
	encoding Encoding
	comma    rune
}

func openCSV(src Source, opts Options, counts bool) (book, error) {
	b := &csvBook{src: src, encoding: opts.Encoding, comma: opts.Comma}
	if b.encoding == "" {
		found, err := detectEncoding(src)
		if err != nil {
			return nil, err
		}
		b.encoding = found
	} else if err := b.encoding.check(); err != nil {
		return nil, err
	}
	if b.comma == 0 {
		sample := make([]byte, sampleBytes)
		n, err := io.ReadFull(b.encoding.decode(io.NewSectionReader(src.File, 0, src.Size)), sample)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, err
		}
		b.comma = detectComma(string(sample[:n]), counts)
	}
	if b.comma == '"' || b.comma == '\r' || b.comma == '\n' || b.comma == 0xFFFD {
		return nil, refuse("%q cannot separate columns; allowed: ; , and tab", b.comma)
	}
	return b, nil
}

// detectComma takes the separator that makes most known headings of a row.
func detectComma(sample string, counts bool) rune {
	if rest, ok := strings.CutPrefix(sample, "sep="); ok && rest != "" {
		for _, comma := range commas {
			if strings.HasPrefix(rest, string(comma)) {
				return comma
			}
		}
	}
	best, most := commas[0], -1
	for _, comma := range commas {
		r := newCSV(strings.NewReader(sample), comma)
		for range maxHeaderRows {
			cells, err := r.Read()
			if err != nil && !isParseError(err) {
				break
			}
			// Known headings decide; without any the row with most cells does.
			l, _ := layoutOf(0, plainCells(nil, cells), counts)
			if score := l.known*1000 + min(len(cells), 999); score > most {
				best, most = comma, score
			}
		}
	}
	return best
}

func (b *csvBook) rows() (table, error) {
	raw := &guard{r: io.NewSectionReader(b.src.File, 0, b.src.Size)}
	text := &guard{r: b.encoding.decode(unlimited{raw})}
	kept := &keeper{r: text}
	return &csvTable{book: b, raw: raw, text: text, kept: kept, r: newCSV(kept, b.comma)}, nil
}

func (b *csvBook) describe(r *Result) {
	r.Format, r.Encoding, r.Comma = FormatCSV, b.encoding, string(b.comma)
}

func (b *csvBook) close() error { return nil }

// unlimited counts with a guard but never stops.
type unlimited struct{ g *guard }

func (u unlimited) Read(p []byte) (int, error) {
	u.g.mark()
	return u.g.Read(p)
}

func newCSV(r io.Reader, comma rune) *csv.Reader {
	c := csv.NewReader(r)
	c.Comma = comma
	c.FieldsPerRecord = -1
	c.ReuseRecord = true
	return c
}

// csvTable reads the rows.
type csvTable struct {
	book      *csvBook
	raw, text *guard
	kept      *keeper
	r         *csv.Reader
	cells     []cell
	last      int // line where the row before began
}

func (t *csvTable) next() (int64, []cell, error) {
	for {
		t.text.mark()
		t.kept.drop(t.r.InputOffset())
		record, err := t.r.Read()
		var parse *csv.ParseError
		switch {
		case errors.As(err, &parse) && errors.Is(err, csv.ErrQuote):
			return 0, nil, &rowFault{int64(parse.StartLine), "a cell that begins with a quote does not end with one before the next column; allowed: \"a 12\"\" pipe\""}
		case errors.As(err, &parse):
			// A quote inside a cell without quotes around it (1/2" pipe, ="0557722")
			// is a character like others for Excel; the rest of the row stays strict.
			record, err = t.literal()
			if err != nil {
				return 0, nil, &rowFault{int64(parse.StartLine), "a quote inside a cell without quotes around it; allowed: \"a 12\"\" pipe\""}
			}
			t.last, t.cells = parse.StartLine, plainCells(t.cells[:0], record)
			return int64(t.last), t.cells, nil
		case errors.Is(err, errRowTooLong):
			return 0, nil, refuse("the row that begins after line %d has more than %d bytes: most likely a quote is not closed", t.last, maxRowBytes)
		case err != nil:
			return 0, nil, err
		}
		line, _ := t.r.FieldPos(0)
		t.last = line
		t.cells = plainCells(t.cells[:0], record)
		if line == 1 && strings.HasPrefix(t.cells[0].text, "sep=") {
			continue // Excel's own word about the separator
		}
		return int64(line), t.cells, nil
	}
}

// literal reads the row that the reader has just refused, quotes taken as they
// are.
func (t *csvTable) literal() ([]string, error) {
	row := csv.NewReader(bytes.NewReader(t.kept.upTo(t.r.InputOffset())))
	row.Comma, row.LazyQuotes = t.book.comma, true
	return row.Read()
}

// keeper keeps what was read of the present row.
type keeper struct {
	r     io.Reader
	bytes []byte
	from  int64 // offset of the first byte
	row   int64 // offset of the present row
}

func (k *keeper) Read(p []byte) (int, error) {
	n, err := k.r.Read(p)
	k.bytes = append(k.bytes, p[:n]...)
	return n, err
}

// drop forgets what is before an offset, now and then.
func (k *keeper) drop(offset int64) {
	if past := offset - k.from; past > 64<<10 {
		k.bytes = append(k.bytes[:0], k.bytes[past:]...)
		k.from = offset
	}
	k.row = offset
}

// upTo gives the bytes of the present row.
func (k *keeper) upTo(offset int64) []byte { return k.bytes[k.row-k.from : offset-k.from] }

func (t *csvTable) read() (int64, int64) { return t.raw.n, t.book.src.Size }

func (t *csvTable) close() error { return nil }

func isParseError(err error) bool {
	var parse *csv.ParseError
	return errors.As(err, &parse)
}

func plainCells(cells []cell, record []string) []cell {
	for _, text := range record {
		if inner, ok := unquoteFormula(text); ok {
			cells = append(cells, cell{inner, cellText})
			continue
		}
		cells = append(cells, cell{text, cellPlain})
	}
	return cells
}
