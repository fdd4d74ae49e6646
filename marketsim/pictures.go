package marketsim

import (
	"bytes"
	"hash/fnv"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
)

// Pictures gives simulators addresses of pictures of their goods: at the host that
// they were called at, where Control draws them.
type Pictures struct{ host atomic.Pointer[string] }

// Seen remembers at which host the simulator is called.
func (p *Pictures) Seen(r *http.Request) {
	host := r.Host
	p.host.Store(&host)
}

// Of lists the addresses of an article's pictures. Articles that end with 010 have
// none.
func (p *Pictures) Of(sku string) []string {
	host := p.host.Load()
	if host == nil || strings.HasSuffix(sku, "010") {
		return []string{}
	}
	return []string{"http://" + *host + "/_sim/goods/pictures/" + url.PathEscape(sku) + ".png"}
}

const pictureSide = 240

// servePicture draws a mug, a tile of the article's own colour behind it.
func servePicture(w http.ResponseWriter, r *http.Request) {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(strings.TrimSuffix(r.PathValue("file"), ".png")))
	h := sum.Sum32()
	tile := color.NRGBA{uint8(170 + h%70), uint8(170 + h>>8%70), uint8(170 + h>>16%70), 255}
	mug := color.NRGBA{uint8(40 + h>>3%110), uint8(40 + h>>11%110), uint8(40 + h>>19%110), 255}
	img := image.NewNRGBA(image.Rect(0, 0, pictureSide, pictureSide))
	for y := range pictureSide {
		for x := range pictureSide {
			c := tile
			dx, dy := x-160, y-125
			if ring := dx*dx + dy*dy; x >= 60 && x < 160 && y >= 70 && y < 185 || x >= 160 && ring < 42*42 && ring > 28*28 {
				c = mug
			}
			img.SetNRGBA(x, y, c)
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(out.Bytes())
}
