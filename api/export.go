package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/orderhub/orderhub/exchange"
)

// exportStall is how long a reader of an export may stop reading.
const exportStall = time.Minute

func (a *API) export(h huma.API) {
	type exportIn struct {
		Format   exchange.Format   `query:"format" required:"true" enum:"csv,xlsx"`
		Lang     exchange.Language `query:"lang" enum:"en,ru" default:"en" doc:"Language of the headings; imports read both."`
		ForExcel bool              `query:"for_excel" doc:"In CSV, protect SKUs and barcodes from Excel; only spreadsheets and this hub read such a file."`
	}
	o := op("export-products", http.MethodGet, "/product-export", "Imports", "Download all products as a CSV or XLSX file")
	o.Description = "All products by SKU, archived ones too; importing the file again changes nothing. An export that goes wrong on its way breaks off: a file is whole when its transfer ended well. " +
		"A sheet has room for 1048575 products."
	o.Responses = map[string]*huma.Response{"200": {
		Description: "The file.", Content: map[string]*huma.MediaType{typeCSV: {}, typeXLSX: {}},
	}}
	huma.Register(h, o, func(_ context.Context, in *exportIn) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			r, w := humago.Unwrap(ctx)
			out := &download{w: w, name: "products", format: in.Format}
			write := exchange.ExportCSV
			if in.Format == exchange.FormatXLSX {
				write = exchange.ExportXLSX
			}
			err := write(out, a.hub.AllProducts(r.Context()), exchange.ExportOptions{Language: in.Lang, ForExcel: in.ForExcel})
			a.endDownload(h, ctx, out, err)
		}}, nil
	})
}

// endDownload ends an answer with a file, whole or not.
func (a *API) endDownload(h huma.API, ctx huma.Context, out *download, err error) {
	out.end()
	if err == nil {
		return
	}
	if out.begun {
		a.log.Error("export broke off", "error", err.Error())
		panic(http.ErrAbortHandler) // else half a file would look whole
	}
	if p, ok := a.problem(err).(huma.StatusError); ok { //nolint:errorlint // made just here
		_ = huma.WriteErr(h, ctx, p.GetStatus(), p.Error())
	}
}

// download is the answer with a file. It begins with the first byte: until then
// a fault can be told.
type download struct {
	w      http.ResponseWriter
	name   string
	format exchange.Format
	begun  bool
}

func (d *download) Write(p []byte) (int, error) {
	if !d.begun {
		d.begun = true
		kind := typeCSV + "; charset=utf-8"
		if d.format == exchange.FormatXLSX {
			kind = typeXLSX
		}
		d.w.Header().Set("Content-Type", kind)
		d.w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s.%s"`, d.name, d.format))
	}
	// One who stops reading must not hold a file of the hub for ever.
	_ = http.NewResponseController(d.w).SetWriteDeadline(time.Now().Add(exportStall))
	return d.w.Write(p)
}

// end takes the deadline off the connection.
func (d *download) end() { _ = http.NewResponseController(d.w).SetWriteDeadline(time.Time{}) }
