package exchange

import (
	"archive/zip"
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/orderhub/orderhub"
)

// orderHeadings are the columns of an export of orders, English and Russian. The
// buyer is not among them: a file leaves the hub.
var orderHeadings = [][2]string{
	{"number", "Номер"}, {"channel_number", "Номер площадки"}, {"account", "Подключение"}, {"channel", "Площадка"}, {"scheme", "Схема"},
	{"status", "Статус"}, {"channel_status", "Статус площадки"}, {"placed_at", "Оформлен"}, {"ship_by", "Отгрузить до"}, {"goods", "Товары"},
	{"units", "Штук"}, {"total", "Сумма"}, {"currency", "Валюта"}, {"payment", "Оплата"}, {"holds", "Задержки"},
}

// orderTotal is the column with an amount.
const orderTotal = 11

// ExportOrders writes orders, one row each, as a CSV or XLSX file; texts are
// protected as those of products are, times are UTC. It stops at the first error
// of the iterator.
func ExportOrders(w io.Writer, format Format, orders iter.Seq2[*orderhub.Order, error], opts ExportOptions) error {
	switch format {
	case FormatCSV:
		return ordersCSV(w, orders, opts)
	case FormatXLSX:
		return ordersXLSX(w, orders, opts)
	case FormatJSON:
	}
	return refuse("%q is no format; allowed: csv, xlsx", string(format))
}

func ordersCSV(w io.Writer, orders iter.Seq2[*orderhub.Order, error], opts ExportOptions) error {
	buffered := bufio.NewWriterSize(w, 64<<10)
	if _, err := buffered.Write(utf8Mark); err != nil {
		return fmt.Errorf("write orders: %w", err)
	}
	out := csv.NewWriter(buffered)
	if out.Comma = opts.Comma; out.Comma == 0 {
		out.Comma = commas[0]
	}
	record := orderTitles(opts.Language)
	if err := out.Write(record); err != nil {
		return fmt.Errorf("write orders: %w", err)
	}
	for o, err := range orders {
		if err != nil {
			return fmt.Errorf("read orders: %w", err)
		}
		for i, v := range orderValues(o) {
			record[i] = v.csv(opts.ForExcel && i != orderTotal)
		}
		if opts.Language == Russian {
			// As a Russian spreadsheet writes a number.
			record[orderTotal] = strings.Replace(record[orderTotal], ".", ",", 1)
		}
		if err := out.Write(record); err != nil {
			return fmt.Errorf("write orders: %w", err)
		}
	}
	out.Flush()
	if err := errors.Join(out.Error(), buffered.Flush()); err != nil {
		return fmt.Errorf("write orders: %w", err)
	}
	return nil
}

func ordersXLSX(w io.Writer, orders iter.Seq2[*orderhub.Order, error], opts ExportOptions) (err error) {
	f := excelize.NewFile(excelize.Options{TmpDir: opts.TempDir})
	defer func() { err = errors.Join(err, f.Close()) }()
	f.ZipWriter = func(io.Writer) excelize.ZipWriter { return zip.NewWriter(w) }
	sheet, err := ordersSheet(f, opts)
	if err != nil {
		return fmt.Errorf("write orders: %w", err)
	}
	n := 1
	row := make([]any, 0, len(orderHeadings))
	for o, err := range orders {
		if err != nil {
			return fmt.Errorf("read orders: %w", err)
		}
		if n++; n > excelize.TotalRows {
			return refuse("more than %d orders do not fit into a sheet; allowed: fewer days, or an export to CSV", excelize.TotalRows-1)
		}
		row = row[:0]
		for i, v := range orderValues(o) {
			row = append(row, v.cell(i == orderTotal))
		}
		if err := sheet.SetRow("A"+strconv.Itoa(n), row); err != nil {
			return fmt.Errorf("write orders: %w", err)
		}
	}
	if err := sheet.Flush(); err != nil {
		return fmt.Errorf("write orders: %w", err)
	}
	if err := f.Write(io.Discard); err != nil {
		return fmt.Errorf("write orders: %w", err)
	}
	return nil
}

// cell is a value as a cell of a workbook; an amount is a number there.
func (v value) cell(amount bool) any {
	switch {
	case v.isText && v.text == "":
		return nil
	case amount:
		if n, err := strconv.ParseFloat(v.text, 64); err == nil {
			return n
		}
		return v.text
	case v.isText:
		return v.text
	}
	return v.number
}

func ordersSheet(f *excelize.File, opts ExportOptions) (*excelize.StreamWriter, error) {
	name := "Orders"
	if opts.Language == Russian {
		name = "Заказы"
	}
	if err := f.SetSheetName(f.GetSheetName(0), name); err != nil {
		return nil, err
	}
	sheet, err := f.NewStreamWriter(name)
	if err != nil {
		return nil, err
	}
	if err := sheet.SetColWidth(1, len(orderHeadings), 16); err != nil {
		return nil, err
	}
	if err := sheet.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return nil, err
	}
	titles := make([]any, 0, len(orderHeadings))
	for _, t := range orderTitles(opts.Language) {
		titles = append(titles, t)
	}
	return sheet, sheet.SetRow("A1", titles)
}

func orderTitles(lang Language) []string {
	titles := make([]string, 0, len(orderHeadings))
	for _, h := range orderHeadings {
		if lang == Russian {
			titles = append(titles, h[1])
		} else {
			titles = append(titles, h[0])
		}
	}
	return titles
}

// orderValues are in the order of orderHeadings.
func orderValues(o *orderhub.Order) []value {
	s := &o.Snapshot
	external := s.ExternalNumber
	if external == "" {
		external = s.ExternalID
	}
	var goods, holds []string
	for _, l := range s.Lines {
		goods = append(goods, l.SKU+" × "+strconv.FormatInt(l.Quantity, 10))
	}
	for _, h := range o.Holds() {
		holds = append(holds, string(h))
	}
	total := value{isText: true}
	if !s.Total.IsZero() {
		total = value{text: s.Total.Decimal(), isText: true}
	}
	return []value{
		number(o.ID), text(external), text(o.AccountID), text(string(o.Channel)), text(string(s.Scheme)), text(string(o.Headline)),
		text(strings.Trim(s.Native+" / "+s.NativeSub, " /")), moment(s.PlacedAt), moment(s.ShipBy), text(strings.Join(goods, "; ")),
		number(s.Units()), total, text(s.Total.Currency), text(string(s.Payment)), text(strings.Join(holds, ", ")),
	}
}

func moment(t time.Time) value {
	if t.IsZero() {
		return text("")
	}
	return text(t.UTC().Format("2006-01-02 15:04:05"))
}
