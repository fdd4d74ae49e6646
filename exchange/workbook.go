package exchange

import (
	"archive/zip"
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/orderhub/orderhub"
)

func orderhubInvalid(sentence string, cause error) error {
	return orderhub.Errorf(orderhub.CodeInvalid, "%s", sentence).WithCause(cause)
}

// numberFormat is what a format says about codes.
type numberFormat struct {
	date   bool
	digits int // so many digits at least, of formats like 0000000
}

// readFormats gives the number format of each style.
func (b *xlsxBook) readFormats(part string) ([]numberFormat, error) {
	var styles struct {
		Formats []struct {
			ID   int    `xml:"numFmtId,attr"`
			Code string `xml:"formatCode,attr"`
		} `xml:"numFmts>numFmt"`
		Cells []struct {
			Format int `xml:"numFmtId,attr"`
		} `xml:"cellXfs>xf"`
	}
	if err := b.part(part, &styles); err != nil {
		return nil, err
	}
	known := map[int]numberFormat{}
	for _, f := range styles.Formats {
		known[f.ID] = formatOf(f.Code)
	}
	formats := make([]numberFormat, len(styles.Cells))
	for i, c := range styles.Cells {
		formats[i] = known[c.Format]
		// The built-in dates and times: ECMA-376 part 1, 18.8.30.
		if c.Format >= 14 && c.Format <= 22 || c.Format >= 45 && c.Format <= 47 {
			formats[i].date = true
		}
	}
	return formats, nil
}

// formatOf reads a format's code as far as codes of goods are concerned.
func formatOf(code string) numberFormat {
	if strings.Trim(code, "0") == "" {
		return numberFormat{digits: len(code)}
	}
	// Letters in quotes and brackets are no placeholders: "г"0, [Red]0.
	bare, until := strings.Builder{}, rune(0)
	for _, r := range code {
		switch {
		case until != 0:
			if r == until {
				until = 0
			}
		case r == '"':
			until = '"'
		case r == '[':
			until = ']'
		default:
			bare.WriteRune(r)
		}
	}
	text := strings.ToLower(bare.String())
	return numberFormat{date: text != "general" && strings.ContainsAny(text, "dmyhs")}
}

// sharedStrings are the texts of a workbook, each stored once. Small ones stay
// in memory, big ones go to a file.
type sharedStrings struct {
	ends  []int64 // of each text; it begins where the one before ends
	small []byte
	file  *os.File
	w     *bufio.Writer
	size  int64
}

const (
	// smallStrings is how many bytes of texts stay in memory.
	smallStrings = 8 << 20
	// A small archive may unpack into far more than a sheet can use.
	maxStrings     = 16 << 20
	maxStringBytes = 4 << 30
)

func readSharedStrings(part *zip.File, tempDir string) (*sharedStrings, error) {
	r, err := part.Open()
	if err != nil {
		return nil, notXLSX(err)
	}
	defer r.Close()
	s := &sharedStrings{}
	if err := s.load(r, tempDir); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *sharedStrings) load(r io.Reader, tempDir string) error {
	g := &guard{r: r}
	x := xml.NewDecoder(g)
	var text []byte
	keep, phonetic := false, 0
	for {
		token, err := x.RawToken()
		if err != nil {
			return notXLSX(err)
		}
		switch el := token.(type) {
		case xml.StartElement:
			switch el.Name.Local {
			case "si":
				text = text[:0]
			case "t":
				keep = true
			case "rPh":
				phonetic++
			}
		case xml.CharData:
			if keep && phonetic == 0 {
				text = append(text, el...)
			}
		case xml.EndElement:
			switch el.Name.Local {
			case "t":
				keep = false
			case "rPh":
				phonetic--
			case "si":
				g.mark()
				if err := s.add(unescapeXML(string(text)), tempDir); err != nil {
					return err
				}
			case "sst":
				return s.flush()
			}
		}
	}
}

func (s *sharedStrings) add(text, tempDir string) error {
	s.size += int64(len(text))
	if len(s.ends) >= maxStrings || s.size > maxStringBytes {
		return notXLSX(errors.New("too many texts"))
	}
	s.ends = append(s.ends, s.size)
	if s.file == nil && s.size <= smallStrings {
		s.small = append(s.small, text...)
		return nil
	}
	if s.file == nil {
		file, err := os.CreateTemp(tempDir, "orderhub-import-")
		if err != nil {
			return fmt.Errorf("keep the texts of the workbook: %w", err)
		}
		s.file, s.w = file, bufio.NewWriterSize(file, 64<<10)
		if _, err := s.w.Write(s.small); err != nil {
			return fmt.Errorf("keep the texts of the workbook: %w", err)
		}
		s.small = nil
	}
	if _, err := s.w.WriteString(text); err != nil {
		return fmt.Errorf("keep the texts of the workbook: %w", err)
	}
	return nil
}

func (s *sharedStrings) flush() error {
	if s.w == nil {
		return nil
	}
	if err := s.w.Flush(); err != nil {
		return fmt.Errorf("keep the texts of the workbook: %w", err)
	}
	return nil
}

// text gives the text of a number. A nil receiver has none.
func (s *sharedStrings) text(i int) (string, error) {
	if s == nil || i < 0 || i >= len(s.ends) {
		return "", fmt.Errorf("no shared text %d", i)
	}
	begin, end := int64(0), s.ends[i]
	if i > 0 {
		begin = s.ends[i-1]
	}
	if s.file == nil {
		return string(s.small[begin:end]), nil
	}
	text := make([]byte, end-begin)
	if _, err := s.file.ReadAt(text, begin); err != nil {
		return "", fmt.Errorf("shared text %d: %w", i, err)
	}
	return string(text), nil
}

func (s *sharedStrings) close() error {
	if s.file == nil {
		return nil
	}
	return errors.Join(s.file.Close(), os.Remove(s.file.Name()))
}

// unescapeXML reads _x000D_, which stands for a character that XML cannot hold
// (ECMA-376 part 1, 22.9.2.19).
func unescapeXML(text string) string {
	const length = len("_x000D_")
	at := strings.Index(text, "_x")
	if at < 0 {
		return text
	}
	var b strings.Builder
	for ; at >= 0; at = strings.Index(text, "_x") {
		b.WriteString(text[:at])
		text = text[at:]
		if len(text) >= length && text[length-1] == '_' {
			if n, err := strconv.ParseUint(text[2:length-1], 16, 16); err == nil {
				b.WriteRune(rune(n))
				text = text[length:]
				continue
			}
		}
		b.WriteString(text[:2])
		text = text[2:]
	}
	b.WriteString(text)
	return b.String()
}
