package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
)

// NewShipment is how a warehouse packed an order.
type NewShipment struct {
	Packages []orderhub.Package `json:"packages" minItems:"1" maxItems:"100"`
	To       orderhub.Status    `json:"to,omitempty" doc:"The status to ask for with it: packed, shipped. Absent = none. Where the channel takes packages and codes, it takes them with a status."`
}

// ShipmentView is a shipment and what it led to.
type ShipmentView struct {
	orderhub.Shipment
	Effects []*orderhub.Effect `json:"effects,omitempty" doc:"What is now owed to the channel."`
	Known   bool               `json:"known,omitempty" doc:"The same request came before: nothing was done again."`
}

// ShipmentList lists what was said of an order, oldest first.
type ShipmentList struct {
	Shipments []orderhub.Shipment `json:"shipments"`
}

func (a *API) shipments(h huma.API) {
	type addIn struct {
		Number int64  `path:"number"`
		Key    string `header:"Idempotency-Key" maxLength:"100" doc:"Recognises a repeated request for 30 days."`
		Body   NewShipment
	}
	add := op("add-shipment", http.MethodPost, "/orders/{number}/shipments", feedTag, "Tell how an order was packed: packages, tracking numbers, codes of units", http.StatusConflict)
	add.Description = "Kept, checked against the lines, and handed on as far as the channel takes it; \"sent\" says what was. A newer shipment replaces the last one. " +
		"A marking code (CIS), UIN or IMEI can be on one order only, until that one is cancelled or comes back."
	add.DefaultStatus = http.StatusCreated
	huma.Register(h, add, func(ctx context.Context, in *addIn) (*body[ShipmentView], error) {
		s, err := a.hub.Ship(ctx, in.Number, pipeline.ShipmentRequest{Packages: in.Body.Packages, To: in.Body.To, Key: in.Key, Actor: actor(ctx)})
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(ShipmentView(s)), nil
	})
	type listIn struct {
		Number int64 `path:"number"`
	}
	huma.Register(h, op("list-shipments", http.MethodGet, "/orders/{number}/shipments", feedTag, "List what was said about how an order was packed"),
		func(ctx context.Context, in *listIn) (*body[ShipmentList], error) {
			if _, err := a.store.Order(ctx, in.Number); err != nil {
				return nil, a.problem(err)
			}
			list, err := a.store.Shipments(ctx, in.Number)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(ShipmentList{append([]orderhub.Shipment{}, list...)}), nil
		})
}
