package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// NewDocument is a paper that changes stock.
type NewDocument struct {
	Kind  orderhub.MoveKind `json:"kind" enum:"count,receive,restock,quarantine,write_off,expect" doc:"count: what lies there was counted, the difference is moved; receive: came in, and is expected no longer; restock: came back and can be sold; quarantine: came back and waits (negative: decided); write_off: is gone, out of quarantine first; expect: is on its way (negative: no longer)."`
	Note  string            `json:"note,omitempty" maxLength:"1000"`
	Lines []NewDocumentLine `json:"lines" minItems:"1" maxItems:"5000" doc:"Each product once."`
}

// NewDocumentLine is a product of the paper. A kit has no stock: its components
// are named.
type NewDocumentLine struct {
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity" minimum:"-1000000000" maximum:"1000000000" doc:"What was counted, came in, is gone: see the kind."`
}

// DocumentPage is one page of papers.
type DocumentPage struct {
	Documents []store.Document `json:"documents" doc:"Without their lines."`
	Before    int64            `json:"before,omitempty" doc:"Continues the list; absent at its end."`
}

func (a *API) documents(h huma.API) {
	type postIn struct {
		Key  string `header:"Idempotency-Key" maxLength:"100" doc:"Recognises a repeated request for 30 days: it gets the paper that the first one made."`
		Body NewDocument
	}
	post := op("post-document", http.MethodPost, "/stock/documents", "Stock", "Change stock by a paper: a stocktake, a delivery, a write-off", http.StatusConflict)
	post.Description = "Whole or not at all. The answer tells what the book said before. A count below what is reserved takes goods from the orders that came last; these are short then."
	post.DefaultStatus = http.StatusCreated
	huma.Register(h, post, func(ctx context.Context, in *postIn) (*body[store.Document], error) {
		d := store.Document{Kind: in.Body.Kind, Note: in.Body.Note, Actor: actor(ctx)}
		for _, l := range in.Body.Lines {
			d.Lines = append(d.Lines, store.DocumentLine{SKU: l.SKU, Quantity: l.Quantity})
		}
		err := a.hub.PostDocumentOnce(ctx, &d, in.Key)
		if orderhub.CodeOf(err) == orderhub.CodeNotFound {
			err = orderhub.InvalidField("lines", "%s", err)
		}
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(d), nil
	})

	type listIn struct {
		Kind   string `query:"kind" enum:"count,receive,restock,quarantine,write_off,expect"`
		Before int64  `query:"before" minimum:"1" doc:"Only ids below: the \"before\" of the previous page."`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	huma.Register(h, op("list-documents", http.MethodGet, "/stock/documents", "Stock", "List papers that changed stock, newest first"),
		func(ctx context.Context, in *listIn) (*body[DocumentPage], error) {
			list, err := a.store.ListDocuments(ctx, store.DocumentFilter{Kind: orderhub.MoveKind(in.Kind), Before: in.Before, Limit: in.Limit})
			if err != nil {
				return nil, a.problem(err)
			}
			page := DocumentPage{Documents: append([]store.Document{}, list...)}
			if len(list) == in.Limit {
				page.Before = list[len(list)-1].ID
			}
			return answer(page), nil
		})

	type one struct {
		ID int64 `path:"id"`
	}
	huma.Register(h, op("get-document", http.MethodGet, "/stock/documents/{id}", "Stock", "Read a paper with its lines"),
		func(ctx context.Context, in *one) (*body[store.Document], error) {
			d, err := a.store.Document(ctx, in.ID)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(d), nil
		})
}
