package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/exchange"
)

// ImportKind is what a file holds.
type ImportKind string

// The kinds of files.
const (
	ImportProducts ImportKind = "products"
	ImportCounts   ImportKind = "counts"
)

// ImportState is how far an import is.
type ImportState string

// The states of an import.
const (
	ImportWaiting   ImportState = "waiting"
	ImportRunning   ImportState = "running"
	ImportEnded     ImportState = "ended"
	ImportFailed    ImportState = "failed"
	ImportCancelled ImportState = "cancelled"
)

// ImportView is an import of a file and what became of it.
type ImportView struct {
	ID        int64            `json:"id"`
	Kind      ImportKind       `json:"kind" enum:"products,counts"`
	State     ImportState      `json:"state" enum:"waiting,running,ended,failed,cancelled" doc:"ended: the file was read to its end, see outcome; failed: it could not be, see error; cancelled: somebody broke it off."`
	Outcome   exchange.Outcome `json:"outcome,omitempty" enum:"checked,imported,refused" doc:"Of an import that has ended. checked: a dry run, nothing was written; imported: the good rows were; refused: there are bad rows and the mode is all, nothing was written."`
	Error     string           `json:"error,omitempty" doc:"Why it failed, in a sentence."`
	Mode      exchange.Mode    `json:"mode" enum:"all,skip"`
	DryRun    bool             `json:"dry_run"`
	File      string           `json:"file,omitempty" doc:"The name of the file, if it came with one."`
	Size      int64            `json:"size" doc:"Bytes of the file."`
	By        string           `json:"by" doc:"Whose token it was."`
	CreatedAt time.Time        `json:"created_at"`
	StartedAt *time.Time       `json:"started_at,omitempty"`
	EndedAt   *time.Time       `json:"ended_at,omitempty"`

	Stage   exchange.Stage `json:"stage,omitempty" enum:"check,apply" doc:"The whole file is checked before its first row is written."`
	Rows    int64          `json:"rows" doc:"Read so far in this stage; of an import that has ended, all."`
	Bad     int64          `json:"bad" doc:"Bad rows so far; one row may have several errors."`
	Applied int64          `json:"applied" doc:"Rows written. In mode all they count only when the import has ended, in mode skip they stay even when it is broken off."`
	Bytes   int64          `json:"bytes" doc:"Read in this stage, of total; those of a workbook are the bytes of its unpacked sheet."`
	Total   int64          `json:"total"`
	Percent int            `json:"percent" minimum:"0" maximum:"100" doc:"Of all the work; checking is the first half of it, in a dry run the whole."`

	New      *int64 `json:"new,omitempty" doc:"Of products: new ones among the rows. New, changed and same are there when the import has ended with outcome imported, or checked without bad rows: then they say what it would do."`
	Changed  *int64 `json:"changed,omitempty"`
	Same     *int64 `json:"same,omitempty" doc:"Rows that say what the hub has already."`
	Document int64  `json:"document,omitempty" doc:"Of counts: the stocktake that was written, see /stock/documents."`
	Differ   *int64 `json:"differ,omitempty" doc:"Of counts: products that were counted otherwise than the book had them; present as new is."`
	More     *int64 `json:"more,omitempty" doc:"Units too many, added up."`
	Fewer    *int64 `json:"fewer,omitempty" doc:"Units too few, added up."`

	Format   exchange.Format   `json:"format,omitempty" enum:"csv,xlsx"`
	Encoding exchange.Encoding `json:"encoding,omitempty" doc:"Of a CSV file, as it was found out."`
	Comma    string            `json:"comma,omitempty" doc:"What separates the columns of a CSV file."`
	Sheet    string            `json:"sheet,omitempty" doc:"The sheet of a workbook that was read."`
	Columns  []exchange.Column `json:"columns,omitempty" doc:"The headings that were understood, and as what. This and what follows is given where one import is asked for, when it is over."`
	Ignored  []string          `json:"ignored,omitempty" doc:"The other headings."`

	Errors       []exchange.RowError `json:"errors,omitempty" doc:"What is wrong with the bad rows, by line and column: the first 1000."`
	MoreErrors   int64               `json:"more_errors" doc:"How many errors there are beside those."`
	Warnings     []exchange.RowError `json:"warnings,omitempty" doc:"What is doubtful and was taken nevertheless: the first 1000."`
	MoreWarnings int64               `json:"more_warnings"`
}

// over tells that nothing more happens.
func (v *ImportView) over() bool {
	switch v.State {
	case ImportEnded, ImportFailed, ImportCancelled:
		return true
	case ImportWaiting, ImportRunning:
	}
	return false
}

// ImportList lists imports.
type ImportList struct {
	Imports []ImportView `json:"imports"`
}

// importQuery are the choices of an import.
type importQuery struct {
	Kind     ImportKind        `query:"kind" required:"true" enum:"products,counts" doc:"products: a row adds a product or changes the fields that the file has columns for. counts: a stocktake, the columns sku and quantity; products that are not in the file keep their figures."`
	Format   exchange.Format   `query:"format" enum:"csv,xlsx" doc:"Refuse the file when it is of the other format; absent = whatever it is, found out by its first bytes."`
	Mode     exchange.Mode     `query:"mode" enum:"all,skip" default:"all" doc:"all: one bad row keeps the whole file out. skip: bad rows are left out and the others written, batch by batch."`
	DryRun   bool              `query:"dry_run" doc:"Check everything and write nothing."`
	Encoding exchange.Encoding `query:"encoding" enum:"utf-8,windows-1251,utf-16" doc:"Of a CSV file, when it is found out wrong."`
	Note     string            `query:"note" maxLength:"1000" doc:"With counts: a note on the stocktake; absent = the name of the file."`
	Wait     int               `query:"wait" minimum:"0" maximum:"30" default:"0" doc:"Wait so many seconds for the end of the import: 200 with the result of a small file, else 202."`
	request  huma.Context
}

// Resolve keeps the request: the file goes to the disk, not into memory, after
// everything else about the request was found good.
func (q *importQuery) Resolve(ctx huma.Context) []error {
	q.request = ctx
	return nil
}

// importPath is the address of an import.
type importPath struct {
	ID   int64 `path:"id"`
	Wait int   `query:"wait" minimum:"0" maximum:"30" default:"0" doc:"Wait so many seconds for the end of the import."`
}

func (a *API) imports(h huma.API) {
	a.importFile(h)
	huma.Register(h, op("list-imports", http.MethodGet, "/imports", "Imports", "List the latest imports, newest first, without their rows"),
		func(context.Context, *struct{}) (*body[ImportList], error) {
			return answer(ImportList{Imports: a.files.list()}), nil
		})
	huma.Register(h, op("get-import", http.MethodGet, "/imports/{id}", "Imports", "Read how far an import is, and its bad rows"),
		func(ctx context.Context, in *importPath) (*body[ImportView], error) {
			job, err := a.files.find(in.ID)
			if err != nil {
				return nil, a.problem(err)
			}
			a.files.await(ctx, job, time.Duration(in.Wait)*time.Second)
			return answer(a.files.look(job)), nil
		})
	type one struct {
		ID int64 `path:"id"`
	}
	o := op("cancel-import", http.MethodDelete, "/imports/{id}", "Imports", "Break an import off", http.StatusConflict)
	o.Description = "In mode all nothing of it is written; in mode skip the batches that were written stay. One that has ended cannot be broken off (409)."
	huma.Register(h, o, func(ctx context.Context, in *one) (*body[ImportView], error) {
		job, err := a.files.find(in.ID)
		if err == nil {
			err = a.files.cancel(job)
		}
		if err != nil {
			return nil, a.problem(err)
		}
		a.files.await(ctx, job, 10*time.Second)
		return answer(a.files.look(job)), nil
	})
	a.export(h)
}

// importFile takes a file in.
func (a *API) importFile(h huma.API) {
	type out struct {
		Status   int
		Location string `header:"Location" doc:"The address of the import."`
		Body     ImportView
	}
	o := op("import-goods", http.MethodPost, "/imports", "Imports", "Import a CSV or XLSX file of products or of stock counts")
	o.Description = "The file is the body itself, or the part named file of multipart/form-data. It is checked and written in the background, " +
		"one file after the other; the address in Location tells how far it is. What the columns may be called and hold is written in exchange/COLUMNS.md.\n\n" +
		"In mode all the file is one transaction: a hub on SQLite writes nothing else while the rows are written, so import big files at quiet hours or in mode skip. " +
		"Imports are remembered in the memory of the process that took them: after a restart, or at another process of the same database, the answer is 404. " +
		"A restart breaks a running import off as DELETE does. Sending a file again does no harm: a row that says what the hub has already changes nothing."
	o.DefaultStatus = http.StatusAccepted
	o.Responses = map[string]*huma.Response{"200": {
		Description: "It is over already.",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: h.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[ImportView](), true, "ImportView")}},
	}}
	huma.Register(h, o, func(ctx context.Context, in *importQuery) (*out, error) {
		job, err := a.takeFile(ctx, in)
		if err != nil {
			return nil, a.problem(err)
		}
		a.files.await(ctx, job, time.Duration(in.Wait)*time.Second)
		v := a.files.look(job)
		status := http.StatusAccepted
		if v.over() {
			status = http.StatusOK
		}
		return &out{Status: status, Location: fmt.Sprintf("/api/v1/imports/%d", v.ID), Body: v}, nil
	})
	post := a.doc.Paths[o.Path].Post
	post.Responses["200"].Headers = post.Responses["202"].Headers
	file := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		typeCSV: {Schema: file}, typeXLSX: {Schema: file}, "application/octet-stream": {Schema: file},
		typeForm: {Schema: &huma.Schema{Type: huma.TypeObject, Required: []string{formFile}, Properties: map[string]*huma.Schema{formFile: file}}},
	}}
}

// takeFile receives a file and lines its import up.
func (a *API) takeFile(ctx context.Context, in *importQuery) (*importJob, error) {
	if in.Note != "" && in.Kind != ImportCounts {
		return nil, orderhub.InvalidField("note", "belongs to kind counts")
	}
	if in.Kind == ImportProducts {
		if err := require(ctx, orderhub.ProductsManage); err != nil {
			return nil, err
		}
	}
	if err := a.files.reserve(); err != nil {
		return nil, err
	}
	file, err := receive(in.request, a.files.limit, goodsFile)
	if err == nil {
		if err = file.check(in.Format); err != nil {
			file.drop()
		}
	}
	if err != nil {
		a.files.release()
		return nil, err
	}
	by := actor(ctx)
	job := &importJob{
		file: file, actor: by, note: in.Note,
		opts: exchange.Options{Mode: in.Mode, DryRun: in.DryRun, Encoding: in.Encoding},
		view: ImportView{Kind: in.Kind, Mode: in.Mode, DryRun: in.DryRun, File: file.name, Size: file.size, By: by.Name},
	}
	if job.note == "" {
		job.note = "stocktake"
		if file.name != "" {
			job.note += " " + file.name
		}
	}
	a.files.add(ctx, job)
	return job, nil
}
