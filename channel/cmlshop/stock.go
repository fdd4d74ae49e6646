package cmlshop

import (
	"bytes"
	"context"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/onec/cml"
)

// stockBatch is the most offers of one file.
const stockBatch = 500

// PushStock sends offers0_1.xml with quantities and no prices, in the shape that the
// settings name. The shop's import
// is all the confirmation there is.
func (a publisher) PushStock(ctx context.Context, figures []channel.StockFigure) ([]channel.StockResult, error) {
	if len(figures) == 0 {
		return nil, nil
	}
	t, err := a.checkauth(ctx, typeCatalog)
	if err != nil {
		return nil, err
	}
	part, err := a.init(ctx, t, typeCatalog)
	if err != nil {
		return nil, err
	}
	list := cml.StockFile{Shape: a.shape, Catalogue: a.catalogue, Version: version, Offers: make([]cml.StockOffer, len(figures))}
	at := figures[0].At
	for i, f := range figures {
		list.Offers[i] = cml.StockOffer{ID: f.Listing.Key, SKU: f.Listing.Article, Units: f.Quantity}
		if f.At.After(at) {
			at = f.At
		}
	}
	list.At = at.In(a.zone)
	file := bytes.NewBufferString("\ufeff")
	if err := cml.WriteStock(file, list); err != nil {
		return nil, orderhub.NewBorderError(orderhub.ClassRejected, op("file"), "the offers could not be written", err)
	}
	if err := a.send(ctx, t, typeCatalog, "offers0_1.xml", file.Bytes(), part); err != nil {
		return nil, err
	}
	out := make([]channel.StockResult, len(figures))
	for i := range out {
		out[i].Outcome = channel.OutcomeDone
	}
	return out, nil
}
