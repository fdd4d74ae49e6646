package exchange

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
)

// StatusRow is a line of a file of statuses: what became of an order elsewhere.
type StatusRow struct {
	Line     int64  `json:"-"`
	Number   int64  `json:"number"`
	Status   string `json:"status"`
	Tracking string `json:"tracking"`
	Carrier  string `json:"carrier"`
	Reason   string `json:"reason"` // the code of a cancel reason
	Comment  string `json:"comment"`
}

// FormatJSON is a list of objects.
const FormatJSON Format = "json"

// maxStatuses is how many rows a file of statuses may have.
const maxStatuses = 20_000

// statusHeadings are what columns may be called.
var statusHeadings = map[string]string{
	"number": "number", "номер": "number", "status": "status", "статус": "status", "tracking": "tracking", "трек": "tracking", "трек-номер": "tracking",
	"carrier": "carrier", "перевозчик": "carrier", "reason": "reason", "причина": "reason", "comment": "comment", "комментарий": "comment",
}

// ReadStatuses reads a file of statuses: CSV and XLSX with a heading in the first row
// (number, status, tracking, carrier, reason, comment, in English or Russian), or a JSON
// list. Rows that cannot be read are told apart.
func ReadStatuses(format Format, data []byte) (rows []StatusRow, bad []RowError, err error) {
	var table [][]string
	switch format {
	case FormatJSON:
		return statusesJSON(data)
	case FormatCSV:
		table, err = csvTableOf(data)
	case FormatXLSX:
		table, err = xlsxTableOf(data)
	default:
		return nil, nil, refuse("%q is no format; allowed: csv, xlsx, json", string(format))
	}
	if err != nil || len(table) == 0 {
		return nil, nil, errors.Join(err, emptyFile(len(table)))
	}
	columns := map[string]int{}
	for i, h := range table[0] {
		if name := statusHeadings[strings.ToLower(strings.TrimSpace(h))]; name != "" {
			columns[name] = i
		}
	}
	if _, ok := columns["number"]; !ok {
		return nil, nil, refuse("the first row has no heading \"number\"; known headings: number, status, tracking, carrier, reason, comment")
	}
	for i, cells := range table[1:] {
		at := func(name string) string {
			if c, ok := columns[name]; ok && c < len(cells) {
				return strings.TrimSpace(cells[c])
			}
			return ""
		}
		line := int64(i + 2)
		if strings.Join(cells, "") == "" {
			continue
		}
		n, err := strconv.ParseInt(at("number"), 10, 64)
		if err != nil || n <= 0 {
			bad = append(bad, RowError{Line: line, Column: "number", Sentence: quote(at("number")) + " is no order number of the hub"})
			continue
		}
		rows = append(rows, StatusRow{Line: line, Number: n, Status: at("status"), Tracking: at("tracking"), Carrier: at("carrier"), Reason: at("reason"), Comment: at("comment")})
	}
	return rows, bad, nil
}

func emptyFile(rows int) error {
	if rows == 0 {
		return refuse("the file is empty")
	}
	return nil
}

func statusesJSON(data []byte) (rows []StatusRow, bad []RowError, err error) {
	if err := json.Unmarshal(bytes.TrimPrefix(data, utf8Mark), &rows); err != nil {
		return nil, nil, refuse(`want a JSON list like [{"number": 100001, "status": "shipped", "tracking": "RA123"}]`)
	}
	if len(rows) > maxStatuses {
		return nil, nil, tooManyStatuses()
	}
	for i := range rows {
		rows[i].Line = int64(i + 1)
		if rows[i].Number <= 0 {
			bad = append(bad, RowError{Line: int64(i + 1), Column: "number", Sentence: "is no order number of the hub"})
		}
	}
	kept := rows[:0]
	for _, r := range rows {
		if r.Number > 0 {
			kept = append(kept, r)
		}
	}
	return kept, bad, nil
}

func tooManyStatuses() error { return refuse("more than %d rows; split the file", maxStatuses) }

func csvTableOf(data []byte) ([][]string, error) {
	src := Source{File: bytes.NewReader(data), Size: int64(len(data))}
	encoding, err := detectEncoding(src)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(encoding.decode(bytes.NewReader(data)))
	if err != nil {
		return nil, refuse("the file's text cannot be read")
	}
	first, _, _ := strings.Cut(string(text), "\n")
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	if r.Comma = ','; strings.Count(first, ";") >= strings.Count(first, ",") && strings.Contains(first, ";") {
		r.Comma = ';'
	} else if strings.Contains(first, "\t") {
		r.Comma = '\t'
	}
	var out [][]string
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, refuse("line %d is no CSV", len(out)+1)
		}
		if out = append(out, record); len(out) > maxStatuses+1 {
			return nil, tooManyStatuses()
		}
	}
}

func xlsxTableOf(data []byte) (out [][]string, err error) {
	f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{UnzipSizeLimit: 256 << 20, UnzipXMLSizeLimit: 16 << 20})
	if err != nil {
		return nil, refuse("the file is no XLSX workbook, or too large when it is unpacked")
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sheets := f.GetSheetList()
	if len(sheets) == 0 {
		return nil, refuse("the workbook has no sheet")
	}
	rows, err := f.Rows(sheets[0])
	if err != nil {
		return nil, fmt.Errorf("read the sheet: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		cells, err := rows.Columns(excelize.Options{RawCellValue: true})
		if err != nil {
			return nil, refuse("row %d cannot be read", len(out)+1)
		}
		if out = append(out, cells); len(out) > maxStatuses+1 {
			return nil, tooManyStatuses()
		}
	}
	return out, rows.Error()
}
