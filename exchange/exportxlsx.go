package exchange

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"

	"github.com/xuri/excelize/v2"

	"github.com/orderhub/orderhub"
)

// ExportXLSX writes products as a workbook with one sheet. All texts are cells
// of text, and so are the empty cells below: Excel neither runs them nor takes
// their zeros. A sheet has room for 1,048,575 products; more are refused.
func ExportXLSX(w io.Writer, products iter.Seq2[orderhub.Product, error], opts ExportOptions) (err error) {
	f := excelize.NewFile(excelize.Options{TmpDir: opts.TempDir})
	defer func() { err = errors.Join(err, f.Close()) }()
	// excelize makes the archive in memory; this one goes straight out.
	f.ZipWriter = func(io.Writer) excelize.ZipWriter { return zip.NewWriter(w) }
	if err := writeSheet(f, products, opts); err != nil {
		return err
	}
	if err := f.Write(io.Discard); err != nil {
		return fmt.Errorf("write products: %w", err)
	}
	return nil
}

func writeSheet(f *excelize.File, products iter.Seq2[orderhub.Product, error], opts ExportOptions) error {
	sheet, err := beginSheet(f, opts)
	if err != nil {
		return fmt.Errorf("write products: %w", err)
	}
	row := make([]any, 0, len(columns))
	for _, heading := range exportHeadings(opts.Language) {
		row = append(row, heading)
	}
	if err := sheet.SetRow("A1", row); err != nil {
		return fmt.Errorf("write products: %w", err)
	}
	n := 1
	for p, err := range products {
		if err != nil {
			return fmt.Errorf("read products: %w", err)
		}
		if n++; n > excelize.TotalRows {
			return refuse("more than %d products do not fit into a sheet; allowed: an export to CSV", excelize.TotalRows-1)
		}
		row = row[:0]
		for _, v := range exportValues(&p, opts.Language) {
			switch {
			case v.empty():
				row = append(row, nil)
			case v.isText:
				row = append(row, v.text)
			default:
				row = append(row, v.number)
			}
		}
		if err := sheet.SetRow("A"+strconv.Itoa(n), row); err != nil {
			return fmt.Errorf("write products: %w", err)
		}
	}
	if err := sheet.Flush(); err != nil {
		return fmt.Errorf("write products: %w", err)
	}
	return nil
}

// beginSheet gives text columns the format Text and keeps the heading in sight.
func beginSheet(f *excelize.File, opts ExportOptions) (*excelize.StreamWriter, error) {
	name := "Products"
	if opts.Language == Russian {
		name = "Товары"
	}
	if err := f.SetSheetName(f.GetSheetName(0), name); err != nil {
		return nil, err
	}
	const formatText = 49 // "@"
	style, err := f.NewStyle(&excelize.Style{NumFmt: formatText})
	if err != nil {
		return nil, err
	}
	sheet, err := f.NewStreamWriter(name)
	if err != nil {
		return nil, err
	}
	at := 0
	for _, v := range exportValues(&orderhub.Product{}, opts.Language) {
		at++
		if !v.isText {
			continue
		}
		if err := sheet.SetColStyle(at, at, style); err != nil {
			return nil, err
		}
	}
	if err := sheet.SetColWidth(1, 1, 18); err != nil {
		return nil, err
	}
	if err := sheet.SetColWidth(2, 3, 40); err != nil {
		return nil, err
	}
	return sheet, sheet.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"})
}
