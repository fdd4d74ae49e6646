package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// cell is one cell of a row.
type cell struct {
	text string
	kind cellKind
}

// cellKind is what the file knows about a cell.
type cellKind uint8

const (
	cellPlain  cellKind = iota // CSV: whatever the text looks like
	cellText                   // text for certain
	cellNumber                 // a number, written out with a decimal point
	cellBool                   // "1" or "0"
	cellDate                   // a number shown as a date
	cellFault                  // #N/A and the like, or a formula that was never calculated
)

// book is an opened file. Its rows can be read any number of times, one after
// the other.
type book interface {
	rows() (table, error)
	// describe tells the result what was found.
	describe(*Result)
	close() error
}

// table reads rows from the first one.
type table interface {
	// next gives the next row that has any cells; they are valid until the next
	// call. io.EOF is the end, a *rowFault a row that cannot be read while the
	// next ones can.
	next() (line int64, cells []cell, err error)
	// read of total bytes are done.
	read() (done, total int64)
	close() error
}

// rowFault is a row that is broken as text.
type rowFault struct {
	line     int64
	sentence string
}

func (f *rowFault) Error() string { return fmt.Sprintf("line %d: %s", f.line, f.sentence) }

// open finds out what a file is, by its first bytes and not by its name.
func open(src Source, opts Options, counts bool) (book, *layout, error) {
	head := make([]byte, 8)
	n, err := src.File.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("read the file: %w", err)
	}
	head = head[:n]
	var b book
	switch {
	case n == 0 || src.Size == 0:
		return nil, nil, refuse("the file is empty")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		b, err = openXLSX(src, opts)
	case bytes.HasPrefix(head, []byte{0xd0, 0xcf, 0x11, 0xe0}):
		return nil, nil, refuse("the file is an old .xls or is protected by a password; save it as .xlsx or .csv without a password")
	default:
		b, err = openCSV(src, opts, counts)
	}
	if err != nil {
		return nil, nil, err
	}
	l, err := findHeading(b, counts)
	if err != nil {
		return nil, nil, errors.Join(err, b.close())
	}
	return b, l, nil
}

// findHeading looks for the heading in the first rows: files of 1C begin with a
// title.
func findHeading(b book, counts bool) (*layout, error) {
	t, err := b.rows()
	if err != nil {
		return nil, err
	}
	defer func() { _ = t.close() }() // the rows are read again, and closed with their errors, by the import
	var first []string
	for range maxHeaderRows {
		line, cells, err := t.next()
		var fault *rowFault
		switch {
		case errors.Is(err, io.EOF):
			return nil, noHeading(first, counts)
		case errors.As(err, &fault):
			continue
		case err != nil:
			return nil, err
		}
		l, ok := layoutOf(line, cells, counts)
		if ok {
			return l, l.check(counts)
		}
		if first == nil {
			first = l.headings
		}
	}
	return nil, noHeading(first, counts)
}

func noHeading(first []string, counts bool) error {
	need := "sku (артикул) and at least one more column, e.g. name (название)"
	if counts {
		need = "sku (артикул) and quantity (остаток)"
	}
	if len(first) > 10 {
		first = append(first[:10:10], "…")
	}
	return refuse("no row with headings among the first %d; needed: %s; the first row is: %s", maxHeaderRows, need, strings.Join(first, " | "))
}

// guard counts what is read and stops a row that grows without end.
type guard struct {
	r        io.Reader
	n, since int64
}

var errRowTooLong = errors.New("row too long")

func (g *guard) Read(p []byte) (int, error) {
	// The readers above fetch some KiB ahead, so twice the limit is never reached.
	if g.n-g.since > maxRowBytes {
		return 0, errRowTooLong
	}
	n, err := g.r.Read(p)
	g.n += int64(n)
	return n, err
}

// mark is called when a row is complete.
func (g *guard) mark() { g.since = g.n }
