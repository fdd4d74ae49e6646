package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Encoding is how a CSV file writes letters as bytes.
type Encoding string

// The encodings.
const (
	EncodingUTF8 Encoding = "utf-8"
	EncodingANSI Encoding = "windows-1251" // what Russian Excel saves as CSV
	// EncodingUTF16 is what Excel saves as "Unicode text"; it begins with a mark.
	EncodingUTF16 Encoding = "utf-16"
)

func (e Encoding) check() error {
	switch e {
	case EncodingUTF8, EncodingANSI, EncodingUTF16:
		return nil
	}
	return refuse("the encoding %q is not known; allowed: %s, %s, %s", clip(string(e)), EncodingUTF8, EncodingANSI, EncodingUTF16)
}

var utf8Mark = []byte("\ufeff")

// detectEncoding reads the whole file: Latin letters may go on for megabytes
// before the first Cyrillic one. A file that is UTF-8 but for some damaged
// bytes stays UTF-8, so that its bad rows can be named.
func detectEncoding(src Source) (Encoding, error) {
	r := io.NewSectionReader(src.File, 0, src.Size)
	buf := make([]byte, 256<<10)
	good, bad, held := 0, 0, 0
	for first := true; ; first = false {
		n, err := io.ReadFull(r, buf[held:])
		chunk := buf[:held+n]
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		switch {
		case err != nil && !last:
			return "", fmt.Errorf("read the file: %w", err)
		case first && (bytes.HasPrefix(chunk, []byte{0xff, 0xfe}) || bytes.HasPrefix(chunk, []byte{0xfe, 0xff})):
			return EncodingUTF16, nil
		case first && bytes.HasPrefix(chunk, utf8Mark):
			return EncodingUTF8, nil
		}
		for len(chunk) > 0 && (last || utf8.FullRune(chunk)) {
			r, size := utf8.DecodeRune(chunk)
			switch {
			case r == utf8.RuneError && size == 1:
				bad++
			case size > 1:
				good++
			}
			chunk = chunk[size:]
		}
		if last {
			break
		}
		held = copy(buf, chunk)
	}
	// In windows-1251 Russian nearly every byte is bad UTF-8.
	if bad > good {
		return EncodingANSI, nil
	}
	return EncodingUTF8, nil
}

// decode gives the file as UTF-8 without a mark. Bytes of a UTF-8 file pass as
// they are: bad ones are found in their cells.
func (e Encoding) decode(r io.Reader) io.Reader {
	switch e {
	case EncodingANSI:
		return transform.NewReader(r, charmap.Windows1251.NewDecoder())
	case EncodingUTF16:
		return transform.NewReader(r, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder())
	case EncodingUTF8:
	}
	return &markless{r: r}
}

// markless drops a byte order mark.
type markless struct {
	r     io.Reader
	begun bool
}

func (m *markless) Read(p []byte) (int, error) {
	if m.begun {
		return m.r.Read(p)
	}
	m.begun = true
	head := make([]byte, len(utf8Mark))
	n, err := io.ReadFull(m.r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, err
	}
	if bytes.Equal(head[:n], utf8Mark) {
		n = 0
	}
	m.r = io.MultiReader(bytes.NewReader(head[:n]), m.r)
	return m.r.Read(p)
}
