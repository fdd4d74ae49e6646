package api

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/exchange"
	"github.com/orderhub/orderhub/store"
)

// exportQuery is the filter of the list of orders and how the file is written. Not
// an embedded listQuery: a file has no pages.
type exportQuery struct {
	Format   exchange.Format   `query:"format" required:"true" enum:"csv,xlsx"`
	Lang     exchange.Language `query:"lang" enum:"en,ru" default:"en" doc:"Language of the headings."`
	ForExcel bool              `query:"for_excel" doc:"In CSV, protect texts that begin with a digit from Excel; only spreadsheets read such a file."`
	Account  []string          `query:"account,explode" doc:"As in the list of orders."`
	Channel  string            `query:"channel"`
	Status   []string          `query:"status,explode"`
	Hold     string            `query:"hold" enum:"any,arbitration,cancel_request,not_accepted,ship_failed,unmapped,short,manual,conflict"`
	Tag      string            `query:"tag" maxLength:"40"`
	Assignee string            `query:"assignee" maxLength:"100"`
	Text     string            `query:"q" maxLength:"200"`
	From     time.Time         `query:"placed_from"`
	To       time.Time         `query:"placed_to"`
	Answer   time.Time         `query:"answer_before"`
	Late     bool              `query:"late"`
}

func (a *API) exportOrders(h huma.API) {
	o := op("export-orders", http.MethodGet, "/orders/export", "Orders", "Download the orders that a filter finds as a CSV or XLSX file")
	o.Description = "Newest placed first, without buyers. An export that goes wrong on its way breaks off: a file is whole when its transfer ended well. " +
		"A sheet has room for 1048575 orders."
	o.Responses = map[string]*huma.Response{"200": {
		Description: "The file.", Content: map[string]*huma.MediaType{typeCSV: {}, typeXLSX: {}},
	}}
	huma.Register(h, o, func(ctx context.Context, in *exportQuery) (*huma.StreamResponse, error) {
		f, err := a.filter(ctx, &listQuery{
			Account: in.Account, Channel: in.Channel, Status: in.Status, Hold: in.Hold, Tag: in.Tag, Assignee: in.Assignee, Text: in.Text, From: in.From, To: in.To,
			Answer: in.Answer, Late: in.Late,
		})
		if err != nil {
			return nil, a.problem(err)
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			r, w := humago.Unwrap(ctx)
			out := &download{w: w, name: "orders", format: in.Format}
			err := exchange.ExportOrders(out, in.Format, a.allOrders(r.Context(), f), exchange.ExportOptions{Language: in.Lang, ForExcel: in.ForExcel})
			a.endDownload(h, ctx, out, err)
		}}, nil
	})
}

// allOrders reads all orders that a filter finds. Each page of them is of its own
// moment: a long export holds nothing up.
func (a *API) allOrders(ctx context.Context, f store.OrderFilter) iter.Seq2[*orderhub.Order, error] {
	f.Limit, f.Cursor = 500, ""
	return func(yield func(*orderhub.Order, error) bool) {
		for {
			list, next, err := a.store.ListOrders(ctx, f)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, o := range list {
				if !yield(o, nil) {
					return
				}
			}
			if f.Cursor = next; next == "" {
				return
			}
		}
	}
}
