package picture_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/picture"
)

// scene is blue with a red left upper quarter.
func scene(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	draw.Draw(m, m.Rect, image.NewUniform(color.NRGBA{B: 255, A: 255}), image.Point{}, draw.Src)
	draw.Draw(m, image.Rect(0, 0, w/2, h/2), image.NewUniform(color.NRGBA{R: 255, A: 255}), image.Point{}, draw.Src)
	return m
}

func asJPEG(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asPNG(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withExif puts an Exif block with an orientation and a place into a JPEG.
func withExif(file []byte, turn uint16) []byte {
	body := []byte("Exif\x00\x00II*\x00\x08\x00\x00\x00\x02\x00")
	entry := func(tag, typ uint16, value uint32) {
		body = binary.LittleEndian.AppendUint16(body, tag)
		body = binary.LittleEndian.AppendUint16(body, typ)
		body = binary.LittleEndian.AppendUint32(body, 1)
		body = binary.LittleEndian.AppendUint32(body, value)
	}
	entry(0x010f, 2, 0)
	entry(0x0112, 3, uint32(turn))
	body = append(body, "PLACE 56.8587N 35.9176E Phone of Olga"...)
	out := append([]byte{}, file[:2]...)
	out = append(out, 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(body)+2))
	return append(append(out, body...), file[2:]...)
}

// reds tells in which quarters a picture is red: left upper, right upper, left lower, right lower.
func reds(m image.Image) (out string) {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	for _, at := range [][2]int{{w / 4, h / 4}, {3 * w / 4, h / 4}, {w / 4, 3 * h / 4}, {3 * w / 4, 3 * h / 4}} {
		if r, _, b, _ := m.At(at[0], at[1]).RGBA(); r > 0xc000 && b < 0x4000 {
			out += "r"
		} else {
			out += "-"
		}
	}
	return out
}

func TestMake(t *testing.T) {
	t.Parallel()
	glass := image.NewNRGBA(image.Rect(0, 0, 40, 20)) // nothing but transparent
	// 1 x 1, made by cwebp.
	tiny, err := base64.StdEncoding.DecodeString("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file []byte
		w, h int
		red  string
	}{
		"JPEG":         {asJPEG(t, scene(640, 480)), 640, 480, "r---"},
		"large":        {asJPEG(t, scene(3400, 1700)), 1600, 800, "r---"},
		"a bit large":  {asJPEG(t, scene(850, 1700)), 800, 1600, "r---"},
		"PNG":          {asPNG(t, scene(40, 20)), 40, 20, "r---"},
		"glass":        {asPNG(t, glass), 40, 20, "----"},
		"WebP":         {tiny, 1, 1, "----"},
		"a line":       {asPNG(t, scene(5000, 1)), 1600, 1, "r-r-"},
		"as it is":     {withExif(asJPEG(t, scene(64, 32)), 1), 64, 32, "r---"},
		"mirrored":     {withExif(asJPEG(t, scene(64, 32)), 2), 64, 32, "-r--"},
		"upside down":  {withExif(asJPEG(t, scene(64, 32)), 3), 64, 32, "---r"},
		"flipped":      {withExif(asJPEG(t, scene(64, 32)), 4), 64, 32, "--r-"},
		"transposed":   {withExif(asJPEG(t, scene(64, 32)), 5), 32, 64, "r---"},
		"on its side":  {withExif(asJPEG(t, scene(64, 32)), 6), 32, 64, "-r--"},
		"transversed":  {withExif(asJPEG(t, scene(64, 32)), 7), 32, 64, "---r"},
		"on the other": {withExif(asJPEG(t, scene(64, 32)), 8), 32, 64, "--r-"},
		"no such turn": {withExif(asJPEG(t, scene(64, 32)), 9), 64, 32, "r---"},
	} {
		got, err := picture.Make(c.file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m, err := jpeg.Decode(bytes.NewReader(got.JPEG))
		if err != nil || m.Bounds().Dx() != c.w || m.Bounds().Dy() != c.h || got.Width != c.w || got.Height != c.h {
			t.Errorf("%s: %v, %d x %d, want %d x %d", name, err, got.Width, got.Height, c.w, c.h)
			continue
		}
		if c.h > 1 && reds(m) != c.red {
			t.Errorf("%s: red is %s, want %s", name, reds(m), c.red)
		}
		thumb, err := jpeg.DecodeConfig(bytes.NewReader(got.Thumb))
		if err != nil || max(thumb.Width, thumb.Height) > picture.ThumbSide || len(got.Thumb) > len(got.JPEG) {
			t.Errorf("%s: the small one: %v, %d x %d", name, err, thumb.Width, thumb.Height)
		}
		for _, word := range []string{"Exif", "PLACE", "Olga"} {
			if bytes.Contains(got.JPEG, []byte(word)) || bytes.Contains(got.Thumb, []byte(word)) {
				t.Errorf("%s: %q is still in it", name, word)
			}
		}
		if name == "glass" {
			if r, _, _, _ := m.At(5, 5).RGBA(); r < 0xf000 {
				t.Error("what is transparent is not white")
			}
		}
	}
}

// pngOf says that it has so many pixels.
func pngOf(w, h uint32, depth, kind byte) []byte {
	ihdr := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte("IHDR"), w), h)
	ihdr = append(ihdr, depth, kind, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	out = append(out, ihdr...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(ihdr))
}

// jpegOf says that it has so many pixels, of the kind of a marker.
func jpegOf(marker byte, w, h uint16, scans int) []byte {
	out := []byte{0xff, 0xd8, 0xff, marker, 0, 11, 8}
	out = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(out, h), w)
	out = append(out, 1, 1, 0x11, 0)
	return append(out, bytes.Repeat([]byte{0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0}, scans)...)
}

func TestMakeRefuses(t *testing.T) {
	t.Parallel()
	whole := asJPEG(t, scene(640, 480))
	for name, c := range map[string]struct {
		file []byte
		says string
	}{
		"nothing":                {nil, "takes JPEG, PNG and WebP"},
		"a GIF":                  {[]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), "takes JPEG, PNG and WebP"},
		"a page":                 {[]byte("<svg onload=alert(1)>"), "takes JPEG, PNG and WebP"},
		"a page after a head":    {[]byte("\xff\xd8\xff<script>alert(1)</script>"), "broken"},
		"cut off":                {whole[:len(whole)/2], "broken"},
		"an empty WebP":          {[]byte("RIFF\x04\x00\x00\x00WEBPVP8 "), "broken"},
		"a bomb of PNG":          {pngOf(30000, 30000, 8, 6), "30000 x 30000 pixels"},
		"a bomb of 16 bits":      {pngOf(6000, 6000, 16, 6), "pixels"},
		"a bomb of JPEG":         {jpegOf(0xc0, 65000, 65000, 1), "pixels"},
		"a bomb of coefficients": {jpegOf(0xc2, 4000, 4000, 1), "pixels"},
		"a bomb of passes":       {jpegOf(0xc2, 1000, 1000, 101), "takes JPEG"},
		"a PNG without pixels":   {pngOf(10, 10, 8, 6), "broken"},
	} {
		_, err := picture.Make(c.file)
		if orderhub.CodeOf(err) != orderhub.CodeInvalid || !strings.HasPrefix(err.Error(), "file: ") || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// FuzzMake: whatever comes, a picture or a refusal.
func FuzzMake(f *testing.F) {
	f.Add([]byte("\xff\xd8\xff"))
	f.Add(pngOf(3, 3, 8, 6))
	f.Add(jpegOf(0xc2, 8, 8, 3))
	f.Fuzz(func(t *testing.T, file []byte) {
		if got, err := picture.Make(file); err == nil && (len(got.JPEG) == 0 || len(got.Thumb) == 0 || max(got.Width, got.Height) > picture.Side) {
			t.Errorf("%d x %d, %d and %d bytes", got.Width, got.Height, len(got.JPEG), len(got.Thumb))
		}
	})
}
