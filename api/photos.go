package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
)

// photoLimit caps a photo as it comes, in bytes.
const photoLimit = 10 << 20

const (
	typeJPEG = "image/jpeg"
	typePNG  = "image/png"
	typeWebP = "image/webp"
)

var photoFile = fileSort{
	types: []string{"", typeJPEG, typePNG, typeWebP, "application/octet-stream"},
	wrong: "the body must be the picture itself (" + typeJPEG + ", " + typePNG + ", " + typeWebP + ", application/octet-stream) or " + typeForm + " with a part named " + formFile,
	large: "take it with fewer pixels",
}

// photoUpload is a photo to keep. What it is, its first bytes tell, not its type.
type photoUpload struct {
	ID      int64 `path:"id" doc:"The hub's number of the return."`
	request huma.Context
}

// Resolve keeps the request: the picture goes to the disk, not into memory, after
// everything else about the request was found good.
func (p *photoUpload) Resolve(ctx huma.Context) []error {
	p.request = ctx
	return nil
}

func (a *API) photos(h huma.API) {
	a.addPhoto(h)
	type getIn struct {
		ID   int64  `path:"id"`
		Size string `query:"size" enum:"small" doc:"small: at most 320 pixels; absent = at most 1600."`
	}
	get := op("get-photo", http.MethodGet, "/photos/{id}", "Returns", "Read a photo of goods that came back")
	get.Description = "A JPEG without anything beside the picture. One that was erased with the buyer's data is not found any more."
	get.Responses = jpegResponses()
	huma.Register(h, get, func(ctx context.Context, in *getIn) (*huma.StreamResponse, error) {
		f, err := a.store.PhotoFile(ctx, in.ID, in.Size == "small")
		if err != nil {
			return nil, a.problem(err)
		}
		// Not for long: what is erased here is not to be seen from there.
		return serveJPEG(f.Body, f.Sum, 10*time.Minute, fmt.Sprintf("photo-%d.jpg", f.ID)), nil
	})
	type one struct {
		ID int64 `path:"id"`
	}
	drop := op("delete-photo", http.MethodDelete, "/photos/{id}", "Returns", "Delete a photo", http.StatusConflict)
	drop.Description = "As long as nobody has received or decided with it: from then on it stays."
	drop.DefaultStatus = http.StatusNoContent
	huma.Register(h, drop, func(ctx context.Context, in *one) (*struct{}, error) {
		if err := a.hub.DeletePhoto(ctx, in.ID); err != nil {
			return nil, a.problem(err)
		}
		return nil, nil
	})
}

func (a *API) addPhoto(h huma.API) {
	type out struct {
		Status int
		Body   orderhub.Photo
	}
	o := op("add-photo", http.MethodPost, "/returns/{id}/photos", "Returns", "Add a photo of goods that came back", http.StatusConflict)
	o.Description = fmt.Sprintf("A JPEG, PNG or WebP of up to %d MiB: the body itself, or the part named file of multipart/form-data. It is made upright and at most 1600 pixels large; "+
		"where and with what it was taken is dropped. A return has up to %d. The same picture again is answered with the photo that is there (200).", photoLimit>>20, pipeline.MaxPhotos)
	o.DefaultStatus = http.StatusCreated
	huma.Register(h, o, func(ctx context.Context, in *photoUpload) (*out, error) {
		p, known, err := a.takePhoto(ctx, in)
		if err != nil {
			return nil, a.problem(err)
		}
		status := http.StatusCreated
		if known {
			status = http.StatusOK
		}
		return &out{Status: status, Body: p}, nil
	})
	post := a.doc.Paths[o.Path].Post
	post.Responses["200"] = &huma.Response{Description: "The return has this picture already.", Content: post.Responses["201"].Content}
	file := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		typeJPEG: {Schema: file}, typePNG: {Schema: file}, typeWebP: {Schema: file}, "application/octet-stream": {Schema: file},
		typeForm: {Schema: &huma.Schema{Type: huma.TypeObject, Required: []string{formFile}, Properties: map[string]*huma.Schema{formFile: file}}},
	}}
}

// takePhoto receives a photo and keeps it.
func (a *API) takePhoto(ctx context.Context, in *photoUpload) (p orderhub.Photo, known bool, err error) {
	if _, err := a.store.Return(ctx, in.ID); err != nil {
		return p, false, err
	}
	file, err := receive(in.request, photoLimit, photoFile)
	if err != nil {
		return p, false, err
	}
	defer file.drop()
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return p, false, fmt.Errorf("read an upload: %w", err)
	}
	return a.hub.AddPhoto(ctx, in.ID, file, actor(ctx))
}
