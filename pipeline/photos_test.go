package pipeline

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/orderhub/orderhub"
)

// snapOf is a picture of one colour; another n is another picture.
func snapOf(t *testing.T, n int) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 8, 8))
	for i := range m.Pix {
		m.SetGray(i%8, i/8, color.Gray{Y: uint8(n * 9)})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (w *world) photo(id string, n int) (orderhub.Photo, bool, error) {
	w.t.Helper()
	return w.hub.AddPhoto(w.t.Context(), w.ret(id).ID, bytes.NewReader(snapOf(w.t, n)), manager)
}

func (w *world) mustPhoto(id string, n int) int64 {
	w.t.Helper()
	p, known, err := w.photo(id, n)
	w.must(err)
	if known {
		w.t.Errorf("picture %d of %s was there", n, id)
	}
	return p.ID
}

// A decision names its photos, and they stay from then on.
func TestPhotosOfReturns(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.stock(map[string]int64{"A": 5})
		w.offer()
		w.soldOut("1", "A", 2)
		w.takeBack(goodsBack("R1", "1", "A", 2, orderhub.ReturnAtPickup, ofKind(orderhub.ReturnDefect)), goodsBack("R2", "?", "A", 1, orderhub.ReturnAnnounced))
		box, crack, spare, other := w.mustPhoto("R1", 1), w.mustPhoto("R1", 2), w.mustPhoto("R1", 3), w.mustPhoto("R2", 1)
		if p, known, err := w.photo("R1", 1); err != nil || !known || p.ID != box || p.Actor != manager || p.Width != 8 {
			t.Errorf("the same again: %+v, %v, %v", p, known, err)
		}
		_, err := w.receive("R1", Received{Photos: []int64{box, other}})
		wantCode(t, err, orderhub.CodeInvalid, "photos: ", "no photo of return")
		_, err = w.receive("R1", Received{Photos: []int64{box, box}})
		wantCode(t, err, orderhub.CodeInvalid, "twice")
		r, err := w.receive("R1", Received{Photos: []int64{box}})
		w.must(err)
		d := orderhub.Decision{Decision: orderhub.DecideWriteOff, Quantity: 1, Why: "cracked", Photos: []int64{other}, Actor: manager}
		_, err = w.hub.DecideReturn(ctx, r.ID, d)
		wantCode(t, err, orderhub.CodeInvalid, "photos: ")
		d.Photos = []int64{crack, box}
		_, err = w.hub.DecideReturn(ctx, r.ID, d)
		w.must(err)
		list, err := w.store.Decisions(ctx, r.ID)
		w.must(err)
		if last := list[len(list)-1]; !slices.Equal(last.Photos, d.Photos) || list[0].Photos != nil {
			t.Errorf("decisions: %+v", list)
		}
		events, err := w.store.EventsOfReturn(ctx, r.ID)
		w.must(err)
		if said := string(events[len(events)-1].Data); !strings.Contains(said, `"photos":[`) {
			t.Errorf("the history says %s", said)
		}
		for _, id := range []int64{box, crack} {
			wantCode(t, w.hub.DeletePhoto(ctx, id), orderhub.CodeRefused, "stays")
		}
		w.must(w.hub.DeletePhoto(ctx, spare))
		wantCode(t, w.hub.DeletePhoto(ctx, spare), orderhub.CodeNotFound)
		photos, err := w.store.Photos(ctx, r.ID)
		w.must(err)
		if len(photos) != 2 || photos[0].UsedAt.IsZero() || photos[1].UsedAt.IsZero() || w.count("1", orderhub.EventReturn) == 0 {
			t.Errorf("photos: %+v", photos)
		}
	}, returning)
}

// Two at once do not get past the cap either.
func TestPhotosAreCapped(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.takeBack(goodsBack("R1", "?", "A", 1, orderhub.ReturnAnnounced))
		for n := range MaxPhotos - 1 {
			w.mustPhoto("R1", n)
		}
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wg.Go(func() { _, _, errs[i] = w.photo("R1", MaxPhotos+i) })
		}
		wg.Wait()
		kept := 0
		for _, err := range errs {
			if err == nil {
				kept++
			} else {
				wantCode(t, err, orderhub.CodeRefused, "20 photos")
			}
		}
		if list, err := w.store.Photos(t.Context(), w.ret("R1").ID); err != nil || kept != 1 || len(list) != MaxPhotos {
			t.Errorf("%d kept of four, %d in all, %v", kept, len(list), err)
		}
		if _, known, err := w.photo("R1", 0); err != nil || !known {
			t.Errorf("one that is there: %v, %v", known, err)
		}
		_, _, err := w.hub.AddPhoto(t.Context(), 999, bytes.NewReader(snapOf(t, 1)), manager)
		wantCode(t, err, orderhub.CodeNotFound)
		_, _, err = w.hub.AddPhoto(t.Context(), w.ret("R1").ID, strings.NewReader("no picture"), manager)
		wantCode(t, err, orderhub.CodeInvalid, "file: ")
	}, returning)
}

// A parcel shows its label: photos go with the buyer's data, and none comes after.
func TestPhotosAreErasedWithTheBuyer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.take(marked("1", orderhub.StatusDelivered), marked("2", orderhub.StatusDelivered))
		w.save(markedReturn("R-1", "1", orderhub.ReturnReceived), markedReturn("R-2", "2", orderhub.ReturnReceived))
		w.accept()
		gone, stays := w.mustPhoto("R-1", 1), w.mustPhoto("R-2", 1)
		before, err := w.store.PhotoFile(ctx, gone, true)
		w.must(err)
		if !bytes.HasPrefix(before.Body, []byte("\xff\xd8\xff")) || before.Sum == "" {
			t.Fatalf("the picture: %d bytes", len(before.Body))
		}
		_, err = w.hub.EraseOrder(ctx, w.order("1").ID, false, manager)
		w.must(err)
		for _, small := range []bool{true, false} {
			_, err = w.store.PhotoFile(ctx, gone, small)
			wantCode(t, err, orderhub.CodeNotFound, "erased")
			_, err = w.store.PhotoFile(ctx, stays, small)
			w.must(err)
		}
		p, err := w.store.Photo(ctx, gone)
		w.must(err)
		if p.ErasedAt.IsZero() {
			t.Errorf("its row: %+v", p)
		}
		_, _, err = w.photo("R-1", 2)
		wantCode(t, err, orderhub.CodeRefused, "was erased")
		_, err = w.hub.DecideReturn(ctx, w.ret("R-1").ID, orderhub.Decision{Decision: orderhub.DecideResell, Quantity: 1, Photos: []int64{gone}, Actor: manager})
		if err == nil {
			t.Error("decided with a photo that is erased")
		}
	}, returning)
}

// A double tap, or a request whose answer was lost, books nothing again.
func TestReturnsAreWorkedOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 5})
		w.offer()
		w.soldOut("1", "A", 4)
		w.takeBack(goodsBack("R1", "1", "A", 4, orderhub.ReturnAtPickup, ofKind(orderhub.ReturnDefect)))
		id := w.ret("R1").ID
		atOnce := func(f func() error) {
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if err := f(); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		one := Received{Units: cameOf(0, 1), Key: "tap-1"}
		atOnce(func() error { _, err := w.hub.ReceiveReturn(t.Context(), id, one, manager); return err })
		if n := w.ret("R1").UnitsHere(); n != 1 {
			t.Errorf("%d units came", n)
		}
		w.wantFigure("A", 2, 1)
		one.Units = cameOf(0, 2)
		_, err := w.receive("R1", one)
		wantCode(t, err, orderhub.CodeConflict, "another content")
		one.Key = "tap-2"
		_, err = w.receive("R1", one)
		w.must(err)
		w.wantFigure("A", 4, 3)

		d := orderhub.Decision{Decision: orderhub.DecideResell, Quantity: 1, Why: "sound", Actor: manager}
		decide := func(key string) error {
			_, err := w.hub.DecideReturnOnce(t.Context(), id, d, key)
			return err
		}
		atOnce(func() error { return decide("look-1") })
		w.wantFigure("A", 4, 2)
		d.Decision = orderhub.DecideWriteOff
		wantCode(t, decide("look-1"), orderhub.CodeConflict, "another content")
		w.must(decide("look-2"))
		w.must(decide("look-2"))
		w.wantFigure("A", 3, 1)
		d.Quantity = 7
		wantCode(t, decide("look-3"), orderhub.CodeInvalid, "quantity")
		d.Quantity = 1 // what was refused has used its key for nothing
		w.must(decide("look-3"))
		w.wantFigure("A", 2, 0)
		if n := len(w.ret("R1").Goods); n != 1 {
			t.Errorf("%d goods", n)
		}
	}, returning)
}
