package exchange

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/orderhub/orderhub"
)

// ImportProducts reads a file of products. Bad rows are in the Result; an error
// is about the file as a whole (then it is an *orderhub.Error with a sentence
// for people), the target or the context.
func ImportProducts(ctx context.Context, src Source, target ProductTarget, opts Options) (Result, error) {
	return run(ctx, src, target, opts, kind[ProductRow]{
		parse: (*scan).product,
		sku:   func(r ProductRow) string { return r.Product.SKU },
		later: func(r ProductRow) bool { return len(r.Product.Components) > 0 },
		makes: true,
	})
}

// ImportCounts reads a file of stock counts: sku and quantity. See
// ImportProducts.
func ImportCounts(ctx context.Context, src Source, target CountTarget, opts Options) (Result, error) {
	return run(ctx, src, target, opts, kind[CountRow]{
		parse:  (*scan).count,
		sku:    func(r CountRow) string { return r.SKU },
		later:  func(CountRow) bool { return false },
		counts: true,
	})
}

// kind is what differs between the two kinds of files.
type kind[Row any] struct {
	parse func(*scan) (Row, bool)
	sku   func(Row) string
	// later rows refer to other rows of the file and are applied after them.
	later func(Row) bool
	// makes tells that a row brings its SKU into being.
	makes  bool
	counts bool
}

// importer is one import.
type importer[Row any] struct {
	kind   kind[Row]
	opts   Options
	target Target[Row]
	book   book
	layout *layout
	result Result

	seen  *seen
	bad   lineSet
	later int64 // good rows that are applied later
	// open are references to SKUs that no product has; the file may bring them.
	open []reference
}

type reference struct {
	line   int64
	column string
	sku    string
}

// item is a row in a batch.
type item[Row any] struct {
	line int64
	row  Row
}

func run[Row any](ctx context.Context, src Source, target Target[Row], opts Options, k kind[Row]) (result Result, err error) {
	switch opts.Mode {
	case "", ModeAll, ModeSkip:
	default:
		return Result{}, orderhub.InvalidField("mode", "%s is not known; allowed: %s, %s", quote(string(opts.Mode)), ModeAll, ModeSkip)
	}
	b, l, err := open(src, opts, k.counts)
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	im := &importer[Row]{kind: k, opts: opts, target: target, book: b, layout: l, seen: newSeen()}
	im.describe()
	if err := im.check(ctx); err != nil {
		return im.result, err
	}
	switch {
	case opts.DryRun:
		im.result.Outcome = OutcomeChecked
	case im.result.Bad > 0 && opts.Mode != ModeSkip:
		im.result.Outcome = OutcomeRefused
	default:
		if err := im.apply(ctx); err != nil {
			return im.result, err
		}
		im.result.Outcome = OutcomeImported
	}
	return im.result, nil
}

// describe tells what was understood of the file.
func (im *importer[Row]) describe() {
	r := &im.result
	im.book.describe(r)
	r.Columns = []Column{}
	for i, b := range im.layout.columns {
		switch {
		case b != nil:
			r.Columns = append(r.Columns, Column{b.heading, b.field})
			if b.unitless {
				im.warn(RowError{im.layout.line, b.heading, "the heading names no unit: read as " + string(b.field)})
			}
		case im.layout.headings[i] != "":
			r.Ignored = append(r.Ignored, im.layout.headings[i])
		}
	}
}

func (im *importer[Row]) fail(e RowError) {
	im.result.ErrorCount++
	if len(im.result.Errors) < MaxErrors {
		im.result.Errors = append(im.result.Errors, e)
	}
}

func (im *importer[Row]) warn(e RowError) {
	im.result.WarningCount++
	if len(im.result.Warnings) < MaxErrors {
		im.result.Warnings = append(im.result.Warnings, e)
	}
}

// spoil marks a row as bad, with the reason.
func (im *importer[Row]) spoil(e RowError) {
	im.fail(e)
	if !im.bad.has(e.Line) {
		im.bad.add(e.Line)
		im.result.Bad++
	}
}

// check reads the whole file once and applies nothing.
func (im *importer[Row]) check(ctx context.Context) error {
	batch := make([]item[Row], 0, BatchRows)
	flush := func() error {
		err := im.refer(ctx, batch)
		batch = batch[:0]
		return err
	}
	err := im.sweep(ctx, StageCheck, 0, 1, func(line int64, row Row, ok bool) error {
		im.result.Rows++
		if im.result.Rows > MaxRows || line >= 1<<32 {
			return refuse("more than %d rows; split the file", MaxRows)
		}
		if !ok {
			return nil
		}
		if first, twice := im.seen.add(im.kind.sku(row), line); twice {
			im.spoil(RowError{line, im.layout.heading(FieldSKU), fmt.Sprintf("%s is already in line %d; allowed: once in a file", quote(im.kind.sku(row)), first)})
			return nil
		}
		if im.kind.later(row) {
			im.later++
		}
		if batch = append(batch, item[Row]{line, row}); len(batch) == BatchRows {
			return flush()
		}
		return nil
	}, flush)
	if err != nil {
		return err
	}
	im.resolve()
	slices.SortStableFunc(im.result.Errors, func(a, b RowError) int { return int(a.Line - b.Line) })
	return nil
}

// refer has the target look at a batch.
func (im *importer[Row]) refer(ctx context.Context, batch []item[Row]) error {
	if len(batch) == 0 {
		return nil
	}
	refusals, err := im.target.Check(ctx, rowsOf(batch))
	if err != nil {
		return fmt.Errorf("check rows: %w", err)
	}
	for _, r := range refusals {
		at := batch[r.Row].line
		column := ""
		if r.Field != "" {
			column = im.layout.heading(r.Field)
		}
		switch {
		case r.Unknown == "":
			im.spoil(RowError{at, column, r.Sentence})
		case im.kind.makes:
			im.open = append(im.open, reference{at, column, r.Unknown})
		default:
			im.spoil(unknown(at, column, r.Unknown))
		}
	}
	return nil
}

func unknown(line int64, column, sku string) RowError {
	return RowError{line, column, "no product has the SKU " + quote(sku)}
}

// resolve drops the references to products that good rows of the file bring.
// A row that turns out bad may take others with it.
func (im *importer[Row]) resolve() {
	for again := true; again; {
		again = false
		left := im.open[:0]
		for _, ref := range im.open {
			if line, ok := im.seen.line(ref.sku); ok && !im.bad.has(line) {
				left = append(left, ref)
				continue
			}
			again = true
			im.spoil(unknown(ref.line, ref.column, ref.sku))
		}
		im.open = left
	}
	im.open = nil
}

// apply reads the file again and hands the good rows to the target.
func (im *importer[Row]) apply(ctx context.Context) error {
	if tx, ok := im.target.(Transactor[Row]); ok && im.opts.Mode != ModeSkip {
		err := tx.Transaction(ctx, func(ctx context.Context, target Target[Row]) error {
			im.result.Applied = 0 // the transaction may be tried again
			return im.write(ctx, target)
		})
		if err != nil {
			im.result.Applied = 0
		}
		return err
	}
	return im.write(ctx, im.target)
}

var errChanged = refuse("the file has changed while it was imported; import it again")

func (im *importer[Row]) write(ctx context.Context, target Target[Row]) error {
	sweeps := int64(1)
	if im.later > 0 {
		sweeps = 2
	}
	for sweep := range sweeps {
		batch := make([]item[Row], 0, BatchRows)
		flush := func() error {
			if len(batch) == 0 {
				return nil
			}
			if err := target.Apply(ctx, rowsOf(batch)); err != nil {
				return fmt.Errorf("apply lines %d to %d: %w", batch[0].line, batch[len(batch)-1].line, err)
			}
			im.result.Applied += int64(len(batch))
			batch = batch[:0]
			return nil
		}
		err := im.sweep(ctx, StageApply, sweep, sweeps, func(line int64, row Row, ok bool) error {
			switch {
			case im.bad.has(line):
				return nil
			case !ok:
				return errChanged
			case im.kind.later(row) != (sweep == 1):
				return nil
			}
			if batch = append(batch, item[Row]{line, row}); len(batch) == BatchRows {
				return flush()
			}
			return nil
		}, flush)
		if err != nil {
			return err
		}
	}
	if im.result.Applied != im.result.Rows-im.result.Bad {
		return errChanged
	}
	return nil
}

// sweep reads the rows below the heading. Faults are reported in the stage of
// checking only. A row that cannot be read comes with ok = false; flush is
// called after the last row.
func (im *importer[Row]) sweep(ctx context.Context, stage Stage, sweep, sweeps int64, take func(line int64, row Row, ok bool) error, flush func() error) (err error) {
	t, err := im.book.rows()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	s := &scan{
		layout: im.layout, short: im.result.Format == FormatXLSX,
		decoded: im.result.Format == FormatCSV && im.result.Encoding != EncodingUTF8,
		fail:    func(RowError) {}, warn: func(RowError) {},
	}
	if stage == StageCheck {
		s.fail, s.warn = im.spoil, im.warn
	}
	for n := int64(0); ; {
		line, cells, err := t.next()
		var fault *rowFault
		var row Row
		ok := false
		switch {
		case errors.Is(err, io.EOF):
			if err := flush(); err != nil {
				return err
			}
			_, total := t.read()
			im.tell(stage, n, (sweep+1)*total, sweeps*total)
			return nil
		case errors.As(err, &fault):
			if fault.line <= im.layout.line {
				continue
			}
			line = fault.line
			s.fail(RowError{Line: line, Sentence: fault.sentence})
		case err != nil:
			return fmt.Errorf("read the file: %w", err)
		case line <= im.layout.line || blank(cells):
			continue
		default:
			s.line, s.cells, s.bad = line, cells, false
			row, ok = im.kind.parse(s)
		}
		if err := take(line, row, ok); err != nil {
			return err
		}
		if n++; n%BatchRows == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			done, total := t.read()
			im.tell(stage, n, sweep*total+done, sweeps*total)
		}
	}
}

func (im *importer[Row]) tell(stage Stage, rows, done, total int64) {
	if im.opts.Progress != nil {
		im.opts.Progress(Progress{Stage: stage, Rows: rows, Bad: im.result.Bad, Applied: im.result.Applied, Bytes: done, Total: total})
	}
}

func rowsOf[Row any](batch []item[Row]) []Row {
	rows := make([]Row, len(batch))
	for i, it := range batch {
		rows[i] = it.row
	}
	return rows
}
