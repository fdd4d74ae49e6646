package exchange

import (
	"bytes"
	"testing"

	"github.com/xuri/excelize/v2"
)

func TestReadStatuses(t *testing.T) {
	t.Parallel()
	f := excelize.NewFile()
	for i, row := range [][]any{{"Номер", "Статус", "Трек"}, {100001, "shipped", "RA1"}, {"x", "packed"}} {
		cell, _ := excelize.CoordinatesToCellName(1, i+1)
		if err := f.SetSheetRow("Sheet1", cell, &row); err != nil {
			t.Fatal(err)
		}
	}
	var book bytes.Buffer
	if err := f.Write(&book); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		format Format
		data   string
		bad    int
		ok     bool
	}{
		"csv":            {FormatCSV, "number,status,tracking\n100001,shipped,RA1\nx,packed,\n", 1, true},
		"semicolons":     {FormatCSV, "\xef\xbb\xbfНомер;Статус;Трек\r\n100001;shipped;RA1\r\n\r\n", 0, true},
		"windows-1251":   {FormatCSV, "\xcd\xee\xec\xe5\xf0;\xd1\xf2\xe0\xf2\xf3\xf1;tracking\n100001;shipped;RA1\n", 0, true},
		"xlsx":           {FormatXLSX, book.String(), 1, true},
		"json":           {FormatJSON, `[{"number":100001,"status":"shipped","tracking":"RA1"},{"number":0}]`, 1, true},
		"no heading":     {FormatCSV, "a,b\n1,2\n", 0, false},
		"nothing":        {FormatCSV, "", 0, false},
		"no workbook":    {FormatXLSX, "PK", 0, false},
		"no list":        {FormatJSON, `{"number":1}`, 0, false},
		"another format": {"pdf", "x", 0, false},
	} {
		rows, bad, err := ReadStatuses(c.format, []byte(c.data))
		if (err == nil) != c.ok || len(bad) != c.bad {
			t.Errorf("%s: %+v, %+v, %v", name, rows, bad, err)
		}
		if c.ok && (len(rows) != 1 || rows[0].Number != 100001 || rows[0].Status != "shipped" || rows[0].Tracking != "RA1") {
			t.Errorf("%s: %+v", name, rows)
		}
	}
}
