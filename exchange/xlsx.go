package exchange

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// XLSX files are read here and not with excelize, which writes them: its
// streaming reader gives texts without the type of the cell, so that 0557722 as
// a text and 557722 as a number with lost zeros look alike, and it takes broken
// XML for the end of the sheet.

// Parts of a workbook that are read as a whole are at most so big.
const maxPart = 16 << 20

// xlsxBook is a workbook; its first visible sheet is read.
type xlsxBook struct {
	zip     *zip.Reader
	sheet   *zip.File
	name    string
	others  []string // visible sheets that are not read
	strings *sharedStrings
	formats []numberFormat
}

// relationship is a link from one part to another.
type relationship struct {
	ID     string `xml:"Id,attr"`
	Type   string `xml:"Type,attr"`
	Target string `xml:"Target,attr"`
	to     string // the path in the archive
}

func openXLSX(src Source, opts Options) (book, error) {
	archive, err := zip.NewReader(src.File, src.Size)
	if err != nil {
		return nil, notXLSX(err)
	}
	b := &xlsxBook{zip: archive}
	if err := b.load(opts); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func notXLSX(cause error) error {
	const sentence = "the file is no workbook that can be read; save it as .xlsx or .csv"
	return orderhubInvalid(sentence, cause)
}

func (b *xlsxBook) load(opts Options) error {
	root, err := b.relationships("")
	if err != nil {
		return err
	}
	at := ""
	for _, r := range root {
		if strings.HasSuffix(r.Type, "/officeDocument") {
			at = r.to
		}
	}
	var workbook struct {
		Sheets []struct {
			Name  string     `xml:"name,attr"`
			State string     `xml:"state,attr"`
			Attrs []xml.Attr `xml:",any,attr"`
		} `xml:"sheets>sheet"`
	}
	if err := b.part(at, &workbook); err != nil {
		return err
	}
	links, err := b.relationships(at)
	if err != nil {
		return err
	}
	sheets := map[string]string{}
	styles, texts := "", ""
	for _, l := range links {
		switch {
		case strings.HasSuffix(l.Type, "/worksheet"):
			sheets[l.ID] = l.to
		case strings.HasSuffix(l.Type, "/styles"):
			styles = l.to
		case strings.HasSuffix(l.Type, "/sharedStrings"):
			texts = l.to
		}
	}
	for _, s := range workbook.Sheets {
		id := ""
		for _, a := range s.Attrs {
			if a.Name.Local == "id" {
				id = a.Value
			}
		}
		switch {
		case s.State != "" && s.State != "visible" || sheets[id] == "":
		case b.sheet == nil:
			b.sheet, b.name = b.find(sheets[id]), s.Name
		default:
			b.others = append(b.others, s.Name)
		}
	}
	if b.sheet == nil {
		return notXLSX(errors.New("no visible sheet"))
	}
	if styles != "" {
		if b.formats, err = b.readFormats(styles); err != nil {
			return err
		}
	}
	if texts != "" && b.find(texts) != nil {
		b.strings, err = readSharedStrings(b.find(texts), opts.TempDir)
	}
	return err
}

// find gives a part; some writers differ in case.
func (b *xlsxBook) find(name string) *zip.File {
	for _, f := range b.zip.File {
		if strings.EqualFold(f.Name, name) {
			return f
		}
	}
	return nil
}

// part decodes a small part.
func (b *xlsxBook) part(name string, into any) error {
	f := b.find(name)
	if f == nil {
		return notXLSX(fmt.Errorf("no part %q", name))
	}
	if f.UncompressedSize64 > maxPart {
		return notXLSX(fmt.Errorf("part %q is too big", name))
	}
	r, err := f.Open()
	if err != nil {
		return notXLSX(err)
	}
	defer r.Close()
	if err := xml.NewDecoder(io.LimitReader(r, maxPart)).Decode(into); err != nil {
		return notXLSX(err)
	}
	return nil
}

// relationships are the links of a part, "" = of the workbook file.
func (b *xlsxBook) relationships(of string) ([]relationship, error) {
	dir, file := path.Split(of)
	var links struct {
		All []relationship `xml:"Relationship"`
	}
	if err := b.part(dir+"_rels/"+file+".rels", &links); err != nil {
		return nil, err
	}
	for i, l := range links.All {
		if strings.HasPrefix(l.Target, "/") {
			links.All[i].to = l.Target[1:]
		} else {
			links.All[i].to = path.Join(dir, l.Target)
		}
	}
	return links.All, nil
}

func (b *xlsxBook) describe(r *Result) {
	r.Format, r.Sheet = FormatXLSX, b.name
	if len(b.others) > 0 {
		r.WarningCount++
		r.Warnings = append(r.Warnings, RowError{Sentence: fmt.Sprintf("only the sheet %s is read; left out: %s", quote(b.name), clip(strings.Join(b.others, ", ")))})
	}
}

func (b *xlsxBook) close() error {
	if b.strings == nil {
		return nil
	}
	return b.strings.close()
}

func (b *xlsxBook) rows() (table, error) {
	r, err := b.sheet.Open()
	if err != nil {
		return nil, notXLSX(err)
	}
	g := &guard{r: r}
	return &sheetTable{book: b, file: r, guard: g, xml: xml.NewDecoder(g)}, nil
}
