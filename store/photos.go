package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/orderhub/orderhub"
)

const photoColumns = "id, return_id, width, height, size, actor_kind, actor, at, used_at, erased_at"

// PhotoFile is a photo with one of its pictures, a JPEG.
type PhotoFile struct {
	orderhub.Photo
	Body []byte
	// Sum changes with the picture.
	Sum string
}

// AddPhoto keeps a picture of a locked return and gives it its number. One that the
// return has already becomes no second: p is the first then, and known is true.
func (tx *Tx) AddPhoto(ctx context.Context, p *orderhub.Photo, body, thumb []byte) (known bool, err error) {
	sum := sha256.Sum256(body)
	list, err := scanPhotos(ctx, tx.q, "WHERE return_id = ? AND sha256 = ?", p.ReturnID, sum[:])
	if err != nil || len(list) > 0 {
		if err == nil {
			*p = list[0]
		}
		return err == nil, err
	}
	ids, err := tx.q.nextIDs(ctx, "return_photos", 1)
	if err != nil {
		return false, fmt.Errorf("number a photo: %w", err)
	}
	p.ID, p.Size, p.At = ids[0], int64(len(body)), fromMicros(micros(p.At))
	if err := tx.q.insert(ctx, "return_photos", []string{"id", "return_id", "sha256", "width", "height", "size", "actor_kind", "actor", "at",
		"used_at", "erased_at", "thumb", "body"}, [][]any{{p.ID, p.ReturnID, sum[:], p.Width, p.Height, p.Size, string(p.Actor.Kind), p.Actor.Name,
		micros(p.At), 0, 0, thumb, body}}); err != nil {
		return false, fmt.Errorf("write a photo: %w", err)
	}
	return false, nil
}

// Photos lists the photos of a return, oldest first.
func (s *Store) Photos(ctx context.Context, returnID int64) ([]orderhub.Photo, error) {
	return scanPhotos(ctx, s.engine.reader(), "WHERE return_id = ? ORDER BY id", returnID)
}

// Photos lists the photos of a return as they are in the transaction.
func (tx *Tx) Photos(ctx context.Context, returnID int64) ([]orderhub.Photo, error) {
	return scanPhotos(ctx, tx.q, "WHERE return_id = ? ORDER BY id", returnID)
}

// Photo reads one photo by its number.
func (s *Store) Photo(ctx context.Context, id int64) (orderhub.Photo, error) {
	list, err := scanPhotos(ctx, s.engine.reader(), "WHERE id = ?", id)
	if err == nil && len(list) == 0 {
		err = orderhub.Errorf(orderhub.CodeNotFound, "there is no photo %d", id)
	}
	if err != nil {
		return orderhub.Photo{}, err
	}
	return list[0], nil
}

// PhotoFile reads a photo with its picture, or with the small one.
func (s *Store) PhotoFile(ctx context.Context, id int64, small bool) (f PhotoFile, err error) {
	if f.Photo, err = s.Photo(ctx, id); err != nil {
		return f, err
	}
	column := "body"
	if small {
		column = "thumb"
	}
	rows, err := s.engine.reader().query(ctx, "SELECT "+column+" FROM return_photos WHERE id = ?", id)
	if err != nil {
		return f, fmt.Errorf("read photo %d: %w", id, err)
	}
	defer rows.Close()
	if rows.Next() {
		if err := rows.Scan(&f.Body); err != nil {
			return f, fmt.Errorf("read photo %d: %w", id, err)
		}
	}
	if err := rows.Err(); err != nil {
		return f, fmt.Errorf("read photo %d: %w", id, err)
	}
	if len(f.Body) == 0 {
		return f, orderhub.Errorf(orderhub.CodeNotFound, "photo %d was erased with the buyer's data", id)
	}
	sum := sha256.Sum256(f.Body)
	f.Sum = hex.EncodeToString(sum[:])
	return f, nil
}

// UsePhotos marks photos of a locked return: somebody did something with them.
func (tx *Tx) UsePhotos(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	cond, arg := tx.q.in("id", ids)
	if _, err := tx.q.exec(ctx, "UPDATE return_photos SET used_at = ? WHERE used_at = 0 AND "+cond, micros(tx.s.Now()), arg); err != nil {
		return fmt.Errorf("mark photos: %w", err)
	}
	return nil
}

// DropPhoto deletes a photo of a locked return.
func (tx *Tx) DropPhoto(ctx context.Context, id int64) error {
	if _, err := tx.q.exec(ctx, "DELETE FROM return_photos WHERE id = ?", id); err != nil {
		return fmt.Errorf("delete photo %d: %w", id, err)
	}
	return nil
}

// erasePhotos empties the pictures of locked returns. The rows stay: decisions name
// them.
func (tx *Tx) erasePhotos(ctx context.Context, list []*orderhub.Return) error {
	ids := make([]int64, len(list))
	for i, r := range list {
		ids[i] = r.ID
	}
	cond, arg := tx.q.in("return_id", ids)
	if _, err := tx.q.exec(ctx, "UPDATE return_photos SET body = ?, thumb = ?, erased_at = ? WHERE erased_at = 0 AND "+cond,
		[]byte{}, []byte{}, micros(tx.s.Now()), arg); err != nil {
		return fmt.Errorf("erase photos: %w", err)
	}
	return nil
}

func scanPhotos(ctx context.Context, q querier, where string, args ...any) ([]orderhub.Photo, error) {
	rows, err := q.query(ctx, "SELECT "+photoColumns+" FROM return_photos "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read photos: %w", err)
	}
	defer rows.Close()
	var out []orderhub.Photo
	for rows.Next() {
		var p orderhub.Photo
		var kind string
		var at, used, erased int64
		if err := rows.Scan(&p.ID, &p.ReturnID, &p.Width, &p.Height, &p.Size, &kind, &p.Actor.Name, &at, &used, &erased); err != nil {
			return nil, fmt.Errorf("read photos: %w", err)
		}
		p.Actor.Kind, p.At, p.UsedAt, p.ErasedAt = orderhub.ActorKind(kind), fromMicros(at), fromMicros(used), fromMicros(erased)
		out = append(out, p)
	}
	return out, rows.Err()
}
