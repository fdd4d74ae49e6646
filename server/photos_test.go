package server_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
)

// snapshot is a PNG of one colour.
func snapshot(t *testing.T, w, h int, grey uint8) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = grey
	}
	m.SetGray(0, 0, color.Gray{Y: 1})
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bomb is a PNG of some bytes that says it is huge.
func bomb() []byte {
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte("IHDR"), 60000), 60000)
	head = append(head, 8, 6, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(head))
}

// TestPhotosByAPI: a photo is taken in, shown, decided with; what is none is refused.
func TestPhotosByAPI(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		shop := w.shop(t)
		w.product(t, "A", 5)
		line := set("lines", []any{map[string]any{"sku": "A", "name": "Кружка", "qty": 2, "price": "490.00"}})
		post := func(body any) reply { return w.do(t, http.MethodPost, "/accounts/"+shop.ID+"/orders", body) }
		var taken api.Taken
		post(payload("S-1", 1, line, set("status", "shipped"))).into(t, http.StatusCreated, &taken)
		post(shopReturn("R-1", "S-1", "on_the_way", 1, func(m map[string]any) { m["kind"] = "defect" })).into(t, http.StatusCreated, &taken)
		path := fmt.Sprintf("/returns/%d", taken.Return.ID)
		add := func(typ string, body []byte) reply {
			return w.do(t, http.MethodPost, path+"/photos", body, "Content-Type", typ)
		}
		var p, again, second orderhub.Photo
		add("image/png", snapshot(t, 2000, 1000, 200)).into(t, http.StatusCreated, &p)
		if p.Width != 1600 || p.Height != 800 || p.Actor.Name != "tester" || p.ReturnID != taken.Return.ID {
			t.Errorf("kept: %+v", p)
		}
		add("application/octet-stream", snapshot(t, 2000, 1000, 200)).into(t, http.StatusOK, &again)
		if again.ID != p.ID {
			t.Errorf("the same again: %+v", again)
		}
		typ, body := form(t, "file", string(snapshot(t, 20, 10, 90)))
		w.do(t, http.MethodPost, path+"/photos", body, "Content-Type", typ).into(t, http.StatusCreated, &second)
		w.photoRefusals(t, path)

		key := []string{"Idempotency-Key", "tap"}
		var card api.ReturnCard
		for range 2 {
			w.do(t, http.MethodPost, path+"/receive", map[string]any{"photos": []int64{p.ID}}, key...).into(t, http.StatusOK, &card)
		}
		w.do(t, http.MethodPost, path+"/receive", map[string]any{"note": "x"}, key...).refused(t, http.StatusConflict, "", "Idempotency-Key")
		wish := map[string]any{"goods": 0, "decision": "write_off", "quantity": 1, "why": "cracked", "photos": []int64{second.ID}}
		for range 2 {
			w.do(t, http.MethodPost, path+"/decide", wish, key...).into(t, http.StatusOK, &card)
		}
		if last := card.Decisions[len(card.Decisions)-1]; len(card.Pictures) != 2 || len(card.Decisions) != 2 || len(last.Photos) != 1 || last.Photos[0] != second.ID {
			t.Errorf("the card: %+v %+v", card.Pictures, card.Decisions)
		}
		w.photoShown(t, p)
	})
}

// photoRefusals sends to a return what it does not take.
func (w *world) photoRefusals(t *testing.T, path string) {
	t.Helper()
	add := func(typ string, body any) reply {
		return w.do(t, http.MethodPost, path+"/photos", body, "Content-Type", typ)
	}
	add("image/gif", "GIF89a").refused(t, http.StatusUnsupportedMediaType, "", "image/webp")
	add("image/png", "GIF89a").refused(t, http.StatusUnprocessableEntity, "file", "JPEG, PNG and WebP")
	add("image/jpeg", "\xff\xd8\xff<script>alert(1)</script>").refused(t, http.StatusUnprocessableEntity, "file", "broken")
	add("image/png", bomb()).refused(t, http.StatusUnprocessableEntity, "file", "60000 x 60000")
	add("image/png", "").refused(t, http.StatusBadRequest, "", "empty")
	add("image/jpeg", strings.Repeat("x", 10<<20+1)).refused(t, http.StatusRequestEntityTooLarge, "", "10 MiB")
	typ, body := form(t, "file", "x", "file", "y")
	add(typ, body).refused(t, http.StatusUnprocessableEntity, "file", "more than once")
	typ, body = form(t, "photo", "x")
	add(typ, body).refused(t, http.StatusUnprocessableEntity, "photo", "known: file")
	w.do(t, http.MethodPost, "/returns/999/photos", snapshot(t, 1, 1, 1), "Content-Type", "image/png").refused(t, http.StatusNotFound, "")
	w.setUp(t, "owner")
	viewer := w.person(t, "viewer", orderhub.RoleViewer)
	viewer.do(t, http.MethodPost, path+"/photos", snapshot(t, 1, 1, 1), "Content-Type", "image/png").refused(t, http.StatusForbidden, "", "returns.receive")
	w.do(t, http.MethodPost, path+"/receive", map[string]any{"photos": []int64{999}}).refused(t, http.StatusUnprocessableEntity, "photos", "no photo of return")
	for n := range uint8(18) {
		if r := add("image/png", snapshot(t, 2, 2, 10+n*9)); r.Status != http.StatusCreated {
			t.Fatalf("photo %d: %d %s", n, r.Status, r.Body)
		}
	}
	add("image/png", snapshot(t, 2, 2, 255)).refused(t, http.StatusConflict, "", "20 photos")
	var card api.ReturnCard
	w.do(t, http.MethodGet, path, nil).into(t, http.StatusOK, &card)
	for _, p := range card.Pictures[2:] {
		if r := w.do(t, http.MethodDelete, fmt.Sprintf("/photos/%d", p.ID), nil); r.Status != http.StatusNoContent {
			t.Fatalf("delete %d: %d %s", p.ID, r.Status, r.Body)
		}
	}
	viewer.do(t, http.MethodDelete, fmt.Sprintf("/photos/%d", card.Pictures[0].ID), nil).refused(t, http.StatusForbidden, "", "returns.receive")
}

// photoShown reads a photo as a browser does.
func (w *world) photoShown(t *testing.T, p orderhub.Photo) {
	t.Helper()
	at := fmt.Sprintf("/photos/%d", p.ID)
	for query, side := range map[string]int{"": 1600, "?size=small": 320} {
		r := w.do(t, http.MethodGet, at+query, nil)
		c, err := jpeg.DecodeConfig(bytes.NewReader(r.Body))
		if r.Status != http.StatusOK || err != nil || c.Width != side || r.Header.Get("Content-Type") != "image/jpeg" {
			t.Errorf("%q: %d, %v, %d pixels, %s", query, r.Status, err, c.Width, r.Header.Get("Content-Type"))
		}
		if cache := r.Header.Get("Cache-Control"); !strings.HasPrefix(cache, "private, max-age=") || r.Header.Get("ETag") == "" {
			t.Errorf("%q: kept by %q, ETag %q", query, cache, r.Header.Get("ETag"))
		}
		if r := w.do(t, http.MethodGet, at+query, nil, "If-None-Match", r.Header.Get("ETag")); r.Status != http.StatusNotModified || len(r.Body) > 0 {
			t.Errorf("%q again: %d, %d bytes", query, r.Status, len(r.Body))
		}
	}
	w.do(t, http.MethodGet, at+"?size=huge", nil).refused(t, http.StatusUnprocessableEntity, "size", "small")
	w.do(t, http.MethodGet, "/photos/999", nil).refused(t, http.StatusNotFound, "")
	w.do(t, http.MethodDelete, at, nil).refused(t, http.StatusConflict, "", "stays")
	w.raw(t, http.MethodGet, "/api/v1"+at, nil).refused(t, http.StatusUnauthorized, "")
}
