package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/notify"
	"github.com/orderhub/orderhub/store"
)

// How pictures of goods are fetched: when somebody looks, a few at a time.
const (
	pictureLimit  = 10 << 20 // bytes of a file
	pictureWait   = 10 * time.Second
	pictureHops   = 3
	pictureLives  = 30 * 24 * time.Hour // then it is asked for again
	pictureRetry  = time.Hour           // so long one that could not be had is not asked for again
	pictureAtOnce = 4
	pictureHold   = 2 * time.Second // so long a browser waits; it has few connections for all it asks
)

// picturesFrom makes the client that fetches pictures of goods: from public addresses
// and allowed networks, each step of a redirect checked like the first.
func picturesFrom(out notify.Outward) *http.Client {
	c := out.Client(pictureWait)
	c.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		r.Header.Del("Referer")
		if len(via) > pictureHops {
			return fmt.Errorf("more than %d redirects", pictureHops)
		}
		return nil
	}
	return c
}

// GoodsPicture gives the small picture of a listing, a JPEG. The first who looks at it
// lets the hub fetch it from the channel. CodeNotFound: the channel has none, or it
// could not be had a short while ago.
func (h *Hub) GoodsPicture(ctx context.Context, listing int64) (store.KeptPicture, error) {
	kept, err := h.store.KeptPicture(ctx, listing)
	if err != nil {
		return kept, err
	}
	if kept.Address == "" {
		return kept, orderhub.Errorf(orderhub.CodeNotFound, "the channel has no picture of listing %d", listing)
	}
	if age := h.store.Now().Sub(kept.At); kept.Made != kept.Address || age >= pictureLives || len(kept.Thumb) == 0 && age >= pictureRetry {
		// Whoever asks for the same meanwhile waits for the same; that one of them
		// goes away ends it for nobody.
		coming := h.fetching.DoChan(strconv.FormatInt(listing, 10), func() (any, error) {
			return h.fetchPicture(h.stopping, listing, kept)
		})
		select {
		case r := <-coming:
			if r.Err != nil {
				return kept, r.Err
			}
			kept, _ = r.Val.(store.KeptPicture)
		case <-time.After(h.pictureHold):
			if len(kept.Thumb) == 0 || kept.Made != kept.Address {
				return kept, orderhub.Errorf(orderhub.CodeNotFound, "the picture of listing %d is still on its way from the channel", listing)
			}
		case <-ctx.Done():
			return kept, ctx.Err()
		}
	}
	if len(kept.Thumb) == 0 {
		return kept, orderhub.Errorf(orderhub.CodeNotFound, "the picture of listing %d cannot be had from the channel; the hub tries again within an hour", listing)
	}
	return kept, nil
}

// fetchPicture asks for a picture and keeps what came of it. One that is kept stays
// when a newer one cannot be had.
func (h *Hub) fetchPicture(ctx context.Context, listing int64, kept store.KeptPicture) (store.KeptPicture, error) {
	select {
	case h.fetchers <- struct{}{}:
		defer func() { <-h.fetchers }()
	case <-ctx.Done():
		return kept, ctx.Err()
	}
	thumb, err := h.download(ctx, kept.Address)
	now := h.store.Now()
	switch {
	case errors.Is(err, context.Canceled):
		return kept, err
	case err != nil:
		h.log.Debug("a picture cannot be had", "listing", listing, "err", err)
		if kept.Made != kept.Address {
			kept.Thumb = nil
		}
		if kept.At = now; len(kept.Thumb) > 0 {
			kept.At = now.Add(pictureRetry - pictureLives)
		}
	default:
		kept.Thumb, kept.At = thumb, now
	}
	kept.Made = kept.Address
	err = h.store.InTx(ctx, func(tx *store.Tx) error { return tx.KeepPicture(ctx, listing, kept) })
	return kept, err
}

// download fetches a file and makes the small picture of it.
func (h *Hub) download(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*pictureWait) // the hub may be busy with other pictures
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "image/jpeg, image/png, image/webp")
	r.Header.Set("User-Agent", "orderhub")
	answer, err := h.pictures.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered with %s", answer.Status)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, pictureLimit+1))
	if err != nil {
		return nil, err
	}
	if len(body) > pictureLimit {
		return nil, fmt.Errorf("more than %d MiB", pictureLimit>>20)
	}
	made, err := h.develop(ctx, bytes.NewReader(body))
	return made.Thumb, err
}
