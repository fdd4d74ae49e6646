package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/exchange"
	"github.com/orderhub/orderhub/pipeline"
)

type productsCmd struct {
	Import productsImport `cmd:"" help:"Add and change products by a CSV or XLSX file."`
	Export productsExport `cmd:"" help:"Write all products to a CSV or XLSX file."`
}

type stockCmd struct {
	Import stockImport `cmd:"" help:"Post a stocktake: a CSV or XLSX file of what was counted."`
}

// importFlags are what imports have in common.
type importFlags struct {
	File     string `arg:"" type:"path" help:"CSV or XLSX; which of them, its encoding and its separator are found out."`
	DryRun   bool   `help:"Check everything and write nothing."`
	SkipBad  bool   `help:"Leave bad rows out and import the others, batch by batch; without it one bad row keeps the whole file out."`
	Encoding string `help:"Of a CSV file, when it is found out wrong: utf-8, windows-1251 or utf-16." placeholder:"NAME"`
}

const importHelp = "The headings and what the cells may hold: exchange/COLUMNS.md. Exit code 1 when the file was refused.\n\n" +
	"Without --skip-bad the whole file is one transaction. On SQLite a hub at work waits until it ends: import big files at quiet hours or with --skip-bad."

type productsImport struct{ importFlags }

func (c *productsImport) Help() string {
	return "A row adds a product or changes the fields that the file has columns for; an empty cell empties its field. " + importHelp
}

func (c *productsImport) Run(p *program) error {
	return c.run(p, func(h *pipeline.Hub, src exchange.Source, opts exchange.Options) (exchange.Result, string, error) {
		r, err := h.ImportProducts(p.ctx, src, opts)
		return r.Result, fmt.Sprintf("%d new, %d changed, %d as they were", r.New, r.Changed, r.Same), err
	})
}

type stockImport struct {
	importFlags
	Note string `help:"A note on the stocktake; without it, the name of the file." placeholder:"TEXT"`
	By   string `help:"Who counted." default:"command line" placeholder:"NAME"`
}

func (c *stockImport) Help() string {
	return "The columns sku and quantity: what lies there now, whatever it is reserved for. Products that are not in the file keep their figures. " + importHelp
}

func (c *stockImport) Run(p *program) error {
	note := c.Note
	if note == "" {
		note = "stocktake " + filepath.Base(c.File)
	}
	return c.run(p, func(h *pipeline.Hub, src exchange.Source, opts exchange.Options) (exchange.Result, string, error) {
		r, err := h.ImportCounts(p.ctx, src, note, orderhub.Actor{Kind: orderhub.ActorUser, Name: c.By}, opts)
		found := fmt.Sprintf("%d differ from the book: %d units more, %d fewer", r.Differ, r.More, r.Fewer)
		if r.Document != 0 {
			found += fmt.Sprintf(" (document %d)", r.Document)
		}
		return r.Result, found, err
	})
}

// run imports a file; found says what was found out about the rows, if all are good.
func (c *importFlags) run(p *program, imports func(h *pipeline.Hub, src exchange.Source, opts exchange.Options) (result exchange.Result, found string, err error)) error {
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return orderhub.InvalidField("file", "%s is no file; a pipe cannot be read twice", filepath.Base(c.File))
	}
	progress := &progressLog{out: p.errOut, at: time.Now()}
	opts := exchange.Options{Mode: exchange.ModeAll, DryRun: c.DryRun, Encoding: exchange.Encoding(c.Encoding), Progress: progress.tell}
	if c.SkipBad {
		opts.Mode = exchange.ModeSkip
	}
	return p.withHub(func(h *pipeline.Hub) error {
		result, found, err := imports(h, exchange.Source{File: f, Size: info.Size()}, opts)
		printRows(p.out, result)
		switch {
		case errors.Is(err, context.Canceled):
			// Not the good end that a stopped service has.
			return fmt.Errorf("stopped: %s", kept(result))
		case err != nil && result.Applied > 0:
			return fmt.Errorf("%w (%s)", err, kept(result))
		case err != nil:
			return err
		}
		return c.conclude(p.out, result, found)
	})
}

// kept says what an import that was broken off has left.
func kept(r exchange.Result) string {
	if r.Applied == 0 {
		return "nothing was imported"
	}
	return fmt.Sprintf("%d rows were imported, import the file again for the others", r.Applied)
}

// conclude prints what became of the file.
func (c *importFlags) conclude(w io.Writer, r exchange.Result, found string) error {
	rows := fmt.Sprintf("%d rows, %d bad", r.Rows, r.Bad)
	switch r.Outcome {
	case exchange.OutcomeImported:
		fmt.Fprintf(w, "%s; %d imported: %s\n", rows, r.Applied, found)
		return nil
	case exchange.OutcomeRefused:
		fmt.Fprintf(w, "%s: nothing was imported\n", rows)
		return errDiffers
	case exchange.OutcomeChecked:
	}
	if r.Bad == 0 {
		fmt.Fprintf(w, "%s: %s; nothing was written\n", rows, found)
		return nil
	}
	fmt.Fprintf(w, "%s; nothing was written\n", rows)
	if c.SkipBad {
		return nil
	}
	return errDiffers
}

// printRows prints what was understood of the file, what is wrong and what is
// doubtful.
func printRows(w io.Writer, r exchange.Result) {
	if len(r.Ignored) > 0 {
		fmt.Fprintln(w, "columns that are not read:", strings.Join(r.Ignored, ", "))
	}
	for _, e := range r.Errors {
		fmt.Fprintln(w, place(e)+e.Sentence)
	}
	if n := r.ErrorCount - int64(len(r.Errors)); n > 0 {
		fmt.Fprintf(w, "and %d errors more\n", n)
	}
	for _, e := range r.Warnings {
		fmt.Fprintln(w, "warning:", place(e)+e.Sentence)
	}
	if n := r.WarningCount - int64(len(r.Warnings)); n > 0 {
		fmt.Fprintf(w, "and %d warnings more\n", n)
	}
}

func place(e exchange.RowError) string {
	switch {
	case e.Line == 0:
		return ""
	case e.Column == "":
		return fmt.Sprintf("line %d: ", e.Line)
	}
	return fmt.Sprintf("line %d, column %s: ", e.Line, e.Column)
}

// progressLog prints how far an import has come: once a second, and at the end
// of each stage.
type progressLog struct {
	out  io.Writer
	last string
	at   time.Time
}

func (l *progressLog) tell(p exchange.Progress) {
	if p.Bytes < p.Total && time.Since(l.at) < time.Second {
		return
	}
	line := fmt.Sprintf("checked %d rows, %d bad", p.Rows, p.Bad)
	if p.Stage == exchange.StageApply {
		line = fmt.Sprintf("wrote %d rows", p.Applied)
	}
	if p.Bytes < p.Total {
		line += fmt.Sprintf(", %d%% of the file", 100*p.Bytes/p.Total)
	}
	if line != l.last {
		fmt.Fprintln(l.out, line)
	}
	l.last, l.at = line, time.Now()
}

type productsExport struct {
	File     string `arg:"" type:"path" help:"Where to; its name ends with .csv or .xlsx. A file that is there is replaced."`
	Lang     string `help:"Language of the headings: en or ru." default:"en" enum:"en,ru"`
	ForExcel bool   `help:"In CSV, protect SKUs and barcodes from Excel; only spreadsheets and this program read such a file."`
}

func (c *productsExport) Help() string {
	return "All products, archived ones too. Importing the file again changes nothing."
}

func (c *productsExport) Run(p *program) error {
	write := exchange.ExportCSV
	switch strings.ToLower(filepath.Ext(c.File)) {
	case ".csv":
	case ".xlsx":
		write = exchange.ExportXLSX
	default:
		return orderhub.InvalidField("file", "%s names no format; allowed: .csv, .xlsx", filepath.Base(c.File))
	}
	return p.withHub(func(h *pipeline.Hub) (err error) {
		// Beside its place until it is whole.
		f, err := os.CreateTemp(filepath.Dir(c.File), ".orderhub-export-*")
		if err != nil {
			return err
		}
		defer func() { _ = os.Remove(f.Name()) }() // gone when it got its name
		n := 0
		err = write(f, func(yield func(orderhub.Product, error) bool) {
			for product, err := range h.AllProducts(p.ctx) {
				if n++; !yield(product, err) {
					return
				}
			}
		}, exchange.ExportOptions{Language: exchange.Language(c.Lang), ForExcel: c.ForExcel})
		if err = errors.Join(err, f.Close()); err != nil {
			if errors.Is(err, context.Canceled) {
				return errors.New("stopped: nothing was exported")
			}
			return err
		}
		if err := os.Rename(f.Name(), c.File); err != nil {
			return err
		}
		fmt.Fprintf(p.out, "%d products written to %s\n", n, filepath.Base(c.File))
		return nil
	})
}
