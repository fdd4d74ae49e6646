// Package picture makes of whatever a phone or a browser sends a small JPEG that is
// nothing but a picture: no place, no name of a phone, no file of another kind. It
// knows neither returns nor a database.
package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"

	"github.com/orderhub/orderhub"
)

// Sizes of what is kept, in pixels of the longer side, and how well it is kept.
const (
	Side         = 1600
	ThumbSide    = 320
	quality      = 82
	thumbQuality = 75
)

// memory is what a picture may take while it is read, in bytes: a file of some
// kilobytes can say that it has a billion pixels.
const memory = 200 << 20

// maxScans is of how many passes a progressive JPEG may consist. Each walks over all
// pixels and may be a few bytes long; cameras write ten.
const maxScans = 100

// Picture is a picture as it is kept: upright, on white, without anything beside it.
type Picture struct {
	JPEG          []byte
	Thumb         []byte // the same, at most ThumbSide
	Width, Height int    // of JPEG
}

// Make reads a JPEG, PNG or WebP and makes the picture of it. What it refuses is an
// error of the field "file".
func Make(file []byte) (Picture, error) {
	src, turn, err := read(file)
	if err != nil {
		return Picture{}, err
	}
	big := upright(shrink(src, Side), turn)
	out := Picture{Width: big.Rect.Dx(), Height: big.Rect.Dy()}
	if out.JPEG, err = encode(big, quality); err != nil {
		return Picture{}, err
	}
	out.Thumb, err = encode(shrink(big, ThumbSide), thumbQuality)
	return out, err
}

var errKind = orderhub.InvalidField("file", "is no picture that the hub can read; it takes JPEG, PNG and WebP")

// read decodes a file, and tells how it is to be turned: 1 to 8, as Exif counts.
func read(file []byte) (src image.Image, turn int, err error) {
	turn = 1
	var config func() (image.Config, error)
	var decode func() (image.Image, error)
	each := int64(4) // bytes of a pixel while the picture is read
	switch {
	case bytes.HasPrefix(file, []byte("\xff\xd8\xff")):
		head := lookIntoJPEG(file)
		if turn, each = head.turn, 3; head.progressive {
			each = 16 // the coefficients of all passes are kept until the last
			if bytes.Count(file, []byte{0xff, markerScan}) > maxScans {
				return nil, 0, errKind
			}
		}
		config = func() (image.Config, error) { return jpeg.DecodeConfig(bytes.NewReader(file)) }
		decode = func() (image.Image, error) { return jpeg.Decode(bytes.NewReader(file)) }
	case bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")):
		config = func() (image.Config, error) { return png.DecodeConfig(bytes.NewReader(file)) }
		decode = func() (image.Image, error) { return png.Decode(bytes.NewReader(file)) }
	case len(file) > 12 && string(file[:4]) == "RIFF" && string(file[8:12]) == "WEBP":
		each = 8
		config = func() (image.Config, error) { return webp.DecodeConfig(bytes.NewReader(file)) }
		decode = func() (image.Image, error) { return webp.Decode(bytes.NewReader(file)) }
	default:
		return nil, 0, errKind
	}
	c, err := config()
	if err != nil || c.Width < 1 || c.Height < 1 {
		return nil, 0, unreadable(err)
	}
	if c.ColorModel == color.RGBA64Model || c.ColorModel == color.NRGBA64Model {
		each = 8
	}
	if pixels := int64(c.Width) * int64(c.Height); pixels > memory/each {
		return nil, 0, orderhub.InvalidField("file", "has %d x %d pixels; the hub reads up to %d million of such a picture", c.Width, c.Height, memory/each/1_000_000)
	}
	src, err = decode()
	if err != nil {
		return nil, 0, unreadable(err)
	}
	return src, turn, nil
}

// unreadable keeps why for the log: for people the file is broken.
func unreadable(err error) error {
	if err == nil {
		err = errors.New("no pixels")
	}
	return orderhub.InvalidField("file", "is broken or cut off: it cannot be read as a picture").WithCause(fmt.Errorf("decode picture: %w", err))
}

// shrink makes a picture fit into a square, on white. Halves first: then no pixel is
// passed over, and little memory is needed.
func shrink(src image.Image, side int) *image.RGBA {
	for {
		w, h := src.Bounds().Dx(), src.Bounds().Dy()
		long := max(w, h)
		if long > 2*side {
			w, h = (w+1)/2, (h+1)/2
		} else if long > side {
			w, h = max(1, w*side/long), max(1, h*side/long)
		}
		dst := image.NewRGBA(image.Rect(0, 0, w, h))
		draw.Draw(dst, dst.Rect, image.White, image.Point{}, draw.Src)
		draw.ApproxBiLinear.Scale(dst, dst.Rect, src, src.Bounds(), draw.Over, nil)
		if max(w, h) <= side {
			return dst
		}
		src = dst
	}
}

// upright turns a picture as Exif says that it lies.
func upright(src *image.RGBA, turn int) *image.RGBA {
	if turn < 2 || turn > 8 {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	if turn >= 5 {
		dst = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			tx, ty := turned(x, y, w, h, turn)
			dst.SetRGBA(tx, ty, src.RGBAAt(x, y))
		}
	}
	return dst
}

// turned is where a pixel of a picture of w x h comes to lie.
func turned(x, y, w, h, turn int) (int, int) {
	switch turn {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return h - 1 - y, x
	case 7:
		return h - 1 - y, w - 1 - x
	case 8:
		return y, w - 1 - x
	}
	return x, y
}

func encode(m image.Image, quality int) ([]byte, error) {
	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("encode picture: %w", err)
	}
	return out.Bytes(), nil
}
