package api

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/exchange"
)

// ImportLimit caps a file to import, in bytes.
const ImportLimit = 512 << 20

const (
	typeCSV  = "text/csv"
	typeXLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	typeForm = "multipart/form-data"
	formFile = "file" // the name of the part
)

// fileTypes are what a body that is a file may call itself. Windows calls CSV
// files application/vnd.ms-excel. What the file is, its first bytes tell.
var fileTypes = []string{"", typeCSV, typeXLSX, "application/octet-stream", "application/vnd.ms-excel", "application/csv", "text/plain", "text/tab-separated-values"}

const msgFileType = "the body must be the file itself (" + typeCSV + ", " + typeXLSX + ", application/octet-stream) or " + typeForm + " with a part named " + formFile

// How long a file may take to arrive: as a whole, and from one piece to the next.
const (
	fileTime  = time.Hour
	fileStall = 30 * time.Second
)

// fileSort is a sort of files that an operation takes.
type fileSort struct {
	types []string
	// wrong is said of a body of another type, large of one over the limit.
	wrong, large string
}

var goodsFile = fileSort{types: fileTypes, wrong: msgFileType, large: "split it"}

// upload is a file that was sent in, on the disk.
type upload struct {
	*os.File
	name string
	size int64
}

// drop deletes it.
func (u *upload) drop() {
	_ = u.Close()
	_ = os.Remove(u.Name()) // on most systems gone already, see keep
}

// check refuses a file that is not of the format that it was said to be.
func (u *upload) check(want exchange.Format) error {
	head := make([]byte, 4)
	_, _ = u.ReadAt(head, 0) // shorter than that is no workbook
	is := exchange.FormatCSV
	if string(head) == "PK\x03\x04" {
		is = exchange.FormatXLSX
	}
	if want != "" && want != is {
		return orderhub.InvalidField("format", "is %s, but the file is not; its first bytes look like %s", want, is)
	}
	return nil
}

// receive takes a file from the body of a request.
func receive(ctx huma.Context, limit int64, want fileSort) (*upload, error) {
	r, w := humago.Unwrap(ctx)
	typ, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Header.Get("Content-Type") == "" {
		typ, err = "", nil
	}
	if err != nil || (typ != typeForm && !slices.Contains(want.types, typ)) {
		return nil, newProblem(http.StatusUnsupportedMediaType, want.wrong)
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit, want)
	}
	body := &patient{r: http.MaxBytesReader(w, r.Body, limit), deadline: ctx.SetReadDeadline, until: time.Now().Add(fileTime)}
	defer func() { _ = ctx.SetReadDeadline(time.Time{}) }() // else the request would end while it waits for the import
	var u *upload
	if typ == typeForm {
		u, err = receiveForm(multipart.NewReader(body, params["boundary"]))
	} else {
		u, err = keep(body)
		if err == nil && u.size == 0 {
			u.drop()
			return nil, newProblem(http.StatusBadRequest, "the body is empty; "+want.wrong)
		}
	}
	var ours *orderhub.Error
	var disk *os.PathError
	var large *http.MaxBytesError
	switch {
	case err == nil || errors.As(err, &ours):
		return u, err
	case errors.As(err, &large):
		return nil, tooLarge(limit, want)
	case errors.As(err, &disk):
		return nil, orderhub.Errorf(orderhub.CodeUnavailable, "the hub has no place for the file now; try again later").WithCause(err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, newProblem(http.StatusRequestTimeout, "the body took too long to arrive")
	case typ == typeForm && body.err == nil:
		return nil, newProblem(http.StatusBadRequest, "the body is no "+typeForm+" that can be read")
	}
	return nil, newProblem(http.StatusBadRequest, "the body broke off")
}

func tooLarge(limit int64, want fileSort) error {
	size := fmt.Sprintf("%d bytes", limit)
	if limit >= 1<<20 {
		size = fmt.Sprintf("%d MiB", limit>>20)
	}
	return newProblem(http.StatusRequestEntityTooLarge, "the file is larger than "+size+"; "+want.large)
}

// receiveForm finds the one file of a form.
func receiveForm(form *multipart.Reader) (file *upload, err error) {
	defer func() {
		if err != nil && file != nil {
			file.drop()
			file = nil
		}
	}()
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return file, err
		}
		switch name := part.FormName(); {
		case name != formFile:
			return file, orderhub.InvalidField(clip(name), "is not known here; known: %s (the choices are parameters of the address)", formFile)
		case file != nil:
			return file, orderhub.InvalidField(formFile, "is given more than once")
		}
		if file, err = keep(part); err != nil {
			return file, err
		}
		file.name = strings.TrimSpace(clip(part.FileName()))
	}
	switch {
	case file == nil:
		return nil, orderhub.InvalidField(formFile, "is missing")
	case file.size == 0:
		return file, orderhub.InvalidField(formFile, "is empty")
	}
	return file, nil
}

// keep writes a file to the disk. Its name is taken off at once where the system
// allows it: whatever happens to the process, nothing is left behind.
func keep(from io.Reader) (*upload, error) {
	f, err := os.CreateTemp("", "orderhub-upload-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name())
	u := &upload{File: f}
	if u.size, err = io.Copy(f, from); err != nil {
		u.drop()
		return nil, err
	}
	return u, nil
}

// patient reads a body for as long as it keeps coming: a big file on a slow line
// takes longer than the server gives to a request.
type patient struct {
	r        io.Reader
	deadline func(time.Time) error
	until    time.Time
	err      error
}

func (p *patient) Read(b []byte) (int, error) {
	next := time.Now().Add(fileStall)
	if next.After(p.until) {
		next = p.until
	}
	_ = p.deadline(next) // where it cannot be set, the server's own holds
	n, err := p.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		p.err = err
	}
	return n, err
}
