package pipeline

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/picture"
	"github.com/orderhub/orderhub/store"
)

// MaxPhotos is how many photos a return may have.
const MaxPhotos = 20

// AddPhoto keeps a photo of the goods of a return. The same picture again is found,
// not kept twice: known is true. The caller caps the file.
func (h *Hub) AddPhoto(ctx context.Context, returnID int64, file io.Reader, actor orderhub.Actor) (p orderhub.Photo, known bool, err error) {
	r, err := h.store.Return(ctx, returnID)
	if err != nil {
		return p, false, err
	}
	pic, err := h.develop(ctx, file)
	if err != nil {
		return p, false, err
	}
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		o, r, err := lockReturnOf(ctx, tx, r)
		if err != nil {
			return err
		}
		if o != nil && !o.ErasedAt.IsZero() {
			return orderhub.Errorf(orderhub.CodeRefused, "the buyer's data of order %s was erased: its returns take no photos any more", o.Number())
		}
		p = orderhub.Photo{ReturnID: r.ID, Width: pic.Width, Height: pic.Height, Actor: scrubActor(actor), At: h.store.Now()}
		if known, err = tx.AddPhoto(ctx, &p, pic.JPEG, pic.Thumb); err != nil || known {
			return err
		}
		list, err := tx.Photos(ctx, r.ID)
		if err == nil && len(list) > MaxPhotos {
			err = orderhub.Errorf(orderhub.CodeRefused, "return %s has %d photos, and may not have more; delete one first", r.Number(), MaxPhotos)
		}
		return err
	})
	return p, known, err
}

// develop makes a picture of a file, one at a time: each takes a great deal of memory.
func (h *Hub) develop(ctx context.Context, file io.Reader) (picture.Picture, error) {
	select {
	case h.developing <- struct{}{}:
		defer func() { <-h.developing }()
		body, err := io.ReadAll(file)
		if err != nil {
			return picture.Picture{}, fmt.Errorf("read a photo: %w", err)
		}
		return picture.Make(body)
	case <-ctx.Done():
		return picture.Picture{}, ctx.Err()
	}
}

// DeletePhoto deletes a photo that nobody has received or decided with.
func (h *Hub) DeletePhoto(ctx context.Context, id int64) error {
	p, err := h.store.Photo(ctx, id)
	if err != nil {
		return err
	}
	r, err := h.store.Return(ctx, p.ReturnID)
	if err != nil {
		return err
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if _, _, err := lockReturnOf(ctx, tx, r); err != nil {
			return err
		}
		list, err := tx.Photos(ctx, r.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(p orderhub.Photo) bool { return p.ID == id })
		switch {
		case i < 0:
			return orderhub.Errorf(orderhub.CodeNotFound, "there is no photo %d", id)
		case !list[i].UsedAt.IsZero():
			return orderhub.Errorf(orderhub.CodeRefused, "photo %d stays: somebody has received or decided with it", id)
		}
		return tx.DropPhoto(ctx, id)
	})
}

// usePhotos marks photos with which somebody receives or decides about a locked
// return.
func usePhotos(ctx context.Context, tx *store.Tx, r *orderhub.Return, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	list, err := tx.Photos(ctx, r.ID)
	if err != nil {
		return err
	}
	for i, id := range ids {
		at := slices.IndexFunc(list, func(p orderhub.Photo) bool { return p.ID == id })
		switch {
		case at < 0:
			return orderhub.InvalidField("photos", "%d is no photo of return %s", id, r.Number())
		case !list[at].ErasedAt.IsZero():
			return orderhub.InvalidField("photos", "%d was erased with the buyer's data", id)
		case slices.Contains(ids[:i], id):
			return orderhub.InvalidField("photos", "%d is named twice", id)
		}
	}
	return tx.UsePhotos(ctx, ids)
}
