package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

func (a *API) pictures(h huma.API) {
	type one struct {
		ID int64 `path:"id"`
	}
	o := op("get-picture", http.MethodGet, "/listings/{id}/picture", "Listings", "Read the small picture of an offer")
	o.Description = "A JPEG of at most 320 pixels. The hub fetches it from the channel when somebody looks at it first, keeps it, and asks again after 30 days. " +
		"404: the channel has none, it could not be had within the last hour, or it is still on its way: ask again."
	o.Responses = jpegResponses()
	huma.Register(h, o, func(ctx context.Context, in *one) (*huma.StreamResponse, error) {
		kept, err := a.hub.GoodsPicture(ctx, in.ID)
		if err != nil {
			return nil, a.problem(err)
		}
		return serveJPEG(kept.Thumb, fmt.Sprintf("%x", sha256.Sum256(kept.Thumb)), 24*time.Hour, fmt.Sprintf("listing-%d.jpg", in.ID)), nil
	})
}

func jpegResponses() map[string]*huma.Response {
	return map[string]*huma.Response{
		"200": {Description: "The picture.", Content: map[string]*huma.MediaType{typeJPEG: {}}},
		"304": {Description: "It is the one of If-None-Match."},
	}
}

// serveJPEG answers with a picture; sum changes with it, and browsers may keep it for
// so long.
func serveJPEG(body []byte, sum string, keep time.Duration, name string) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		head := w.Header()
		head.Set("Content-Type", typeJPEG)
		head.Set("Cache-Control", fmt.Sprintf("private, max-age=%d", int(keep.Seconds())))
		head.Set("ETag", `"`+sum+`"`)
		head.Set("Content-Disposition", fmt.Sprintf("inline; filename=%q", name))
		r.Header.Del("Range") // pictures are small, and a part of one is none
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	}}
}
