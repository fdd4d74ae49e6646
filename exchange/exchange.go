// Package exchange reads and writes files of goods: products and stock counts
// come in from CSV and XLSX, products go out to both.
//
// It knows files, not the database: what it reads goes to a Target in batches,
// what it writes comes from an iterator. A file is read as a stream; memory
// holds one batch of rows and about 30 bytes for each SKU (to find the ones
// that come twice), never the file.
//
// COLUMNS.md beside this file lists the headings and what each cell may hold.
package exchange

import (
	"io"

	"github.com/orderhub/orderhub"
)

// Limits of a file.
const (
	// BatchRows is how many rows are checked and applied at once.
	BatchRows = 500
	// MaxErrors is how many row errors, and how many warnings, a Result keeps.
	// All are counted.
	MaxErrors = 1000
	// MaxRows is how many rows one file may have.
	MaxRows = 10_000_000

	maxRowBytes   = 1 << 20 // of one row; more is a quote that was never closed
	maxHeaderRows = 20      // the heading is looked for in so many first rows
)

// Source is a file that can be read from any place, and so more than once: an
// *os.File, a multipart.File, a *bytes.Reader.
type Source struct {
	File io.ReaderAt
	Size int64
}

// Mode says what happens to a file with bad rows.
type Mode string

// The modes.
const (
	// ModeAll imports all rows or none. The whole file is checked first. The zero
	// value means the same.
	ModeAll Mode = "all"
	// ModeSkip imports the good rows and leaves the bad ones out.
	ModeSkip Mode = "skip"
)

// Options are the choices of an import. The zero value is a good one.
type Options struct {
	Mode Mode
	// DryRun checks everything and applies nothing.
	DryRun bool
	// Progress is called from the importing goroutine after each batch of rows
	// read and at the end of each stage; nil = not wanted.
	Progress func(Progress)
	// Encoding and Comma override what is found in a CSV file.
	Encoding Encoding
	Comma    rune
	// TempDir is for the texts of a big XLSX file; "" = the system's.
	TempDir string
}

// Stage is a part of an import.
type Stage string

// The stages.
const (
	StageCheck Stage = "check"
	StageApply Stage = "apply"
)

// Progress is how far an import has come.
type Progress struct {
	Stage   Stage `json:"stage"`
	Rows    int64 `json:"rows"` // read in this stage
	Bad     int64 `json:"bad"`
	Applied int64 `json:"applied"`
	// Bytes of Total were read in this stage. The bytes of an XLSX file are those
	// of the unpacked sheet.
	Bytes int64 `json:"bytes"`
	Total int64 `json:"total"`
}

// Format is a kind of file.
type Format string

// The formats.
const (
	FormatCSV  Format = "csv"
	FormatXLSX Format = "xlsx"
)

// Outcome is what became of a file.
type Outcome string

// The outcomes.
const (
	OutcomeChecked  Outcome = "checked"  // dry run: nothing was applied
	OutcomeImported Outcome = "imported" // the good rows were applied
	OutcomeRefused  Outcome = "refused"  // there are bad rows and the mode is all: nothing was applied
)

// Result is what an import found and did.
type Result struct {
	Outcome Outcome `json:"outcome,omitempty"`
	Format  Format  `json:"format,omitempty"`
	// Encoding and Comma are those of a CSV file, Sheet is the one that was read.
	Encoding Encoding `json:"encoding,omitempty"`
	Comma    string   `json:"comma,omitempty"`
	Sheet    string   `json:"sheet,omitempty"`
	// Columns were understood, Ignored are the other headings of the file.
	Columns []Column `json:"columns"`
	Ignored []string `json:"ignored,omitempty"`

	Rows    int64 `json:"rows"`
	Bad     int64 `json:"bad"` // rows, not errors: a row may have several
	Applied int64 `json:"applied"`

	Errors       []RowError `json:"errors,omitempty"` // the first MaxErrors that were found, by line
	ErrorCount   int64      `json:"error_count"`
	Warnings     []RowError `json:"warnings,omitempty"`
	WarningCount int64      `json:"warning_count"`
}

// Column is a heading of the file and what it was taken for.
type Column struct {
	Heading string `json:"heading"`
	Field   Field  `json:"field"`
}

// RowError is what is wrong, or doubtful, in one place of a file.
type RowError struct {
	// Line is the line of a CSV file where the row begins, or the row's number in
	// the sheet; 0 = the file as a whole.
	Line int64 `json:"line,omitempty"`
	// Column is the heading as the file has it; "" = the row as a whole.
	Column string `json:"column,omitempty"`
	// Sentence says what is there and what is allowed.
	Sentence string `json:"sentence"`
}

func refuse(format string, args ...any) error {
	return orderhub.Errorf(orderhub.CodeInvalid, format, args...)
}

// clip shortens a text of the file for a sentence.
func clip(s string) string {
	const most = 40
	n := 0
	for i := range s {
		if n == most {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
