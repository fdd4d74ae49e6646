package picture

import (
	"bytes"
	"encoding/binary"
)

// Markers of a JPEG.
const (
	markerBaseline    = 0xc0
	markerExtended    = 0xc1
	markerProgressive = 0xc2
	markerScan        = 0xda
	markerExif        = 0xe1
)

// jpegHead is what must be known of a JPEG before it is read.
type jpegHead struct {
	turn int // 1 to 8, as Exif counts; 1 = as it is
	// progressive is also said of what is not understood: it is the dear kind.
	progressive bool
}

func lookIntoJPEG(file []byte) jpegHead {
	head := jpegHead{turn: 1, progressive: true}
	for i := 2; i+4 <= len(file) && file[i] == 0xff; {
		marker, n := file[i+1], int(binary.BigEndian.Uint16(file[i+2:]))
		if marker == markerScan || n < 2 || i+2+n > len(file) {
			break
		}
		switch body := file[i+4 : i+2+n]; marker {
		case markerBaseline, markerExtended:
			head.progressive = false
		case markerProgressive:
			head.progressive = true
		case markerExif:
			if exif, ok := bytes.CutPrefix(body, []byte("Exif\x00\x00")); ok && head.turn == 1 {
				head.turn = turnOf(exif)
			}
		}
		i += 2 + n
	}
	return head
}

// turnOf finds the orientation in the first directory of Exif; 1 where there is none.
func turnOf(exif []byte) int {
	const tagOrientation, typeShort, entrySize = 0x0112, 3, 12
	if len(exif) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if string(exif[:2]) == "II" {
		order = binary.LittleEndian
	}
	at := int64(order.Uint32(exif[4:]))
	if at+2 > int64(len(exif)) {
		return 1
	}
	rest := exif[at+2:]
	for range order.Uint16(exif[at:]) {
		if len(rest) < entrySize {
			break
		}
		if order.Uint16(rest) == tagOrientation && order.Uint16(rest[2:]) == typeShort {
			if turn := int(order.Uint16(rest[8:])); turn >= 1 && turn <= 8 {
				return turn
			}
			break
		}
		rest = rest[entrySize:]
	}
	return 1
}
