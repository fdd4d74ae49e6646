package api

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// NewReservation is goods to hold for a cart.
type NewReservation struct {
	ID        string            `json:"id" minLength:"1" maxLength:"100" doc:"The id that the order will have: the order takes the goods over."`
	ExpiresIn int64             `json:"expires_in_s" minimum:"1" maximum:"86400" doc:"For how many seconds; then the goods are free again."`
	Lines     []ReservationLine `json:"lines" minItems:"1" maxItems:"1000"`
}

// ReservationLine is a product in a cart.
type ReservationLine struct {
	SKU      string `json:"sku" minLength:"1" maxLength:"200" doc:"The SKU of a product, or the key of one of the account's listings."`
	Quantity int64  `json:"qty" minimum:"1" maximum:"1000000"`
}

// Reservation is goods that are held for a cart.
type Reservation struct {
	ID        string          `json:"id"`
	Account   string          `json:"account"`
	State     store.CartState `json:"state" enum:"held,converted,expired,released"`
	ExpiresAt time.Time       `json:"expires_at"`
	CreatedAt time.Time       `json:"created_at"`
}

func (a *API) reservations(h huma.API) {
	type in struct {
		Account string `path:"account"`
		Body    NewReservation
	}
	type out struct {
		Status int
		Body   Reservation
	}
	o := op("reserve", http.MethodPost, "/accounts/{account}/reservations", "Stock", "Hold goods for a cart of the shop's own site", http.StatusConflict)
	o.Description = "All of it or nothing: when something is short, or with the strict policy may be sold elsewhere right now, 409 names it. The same id with the same goods again gives the same reservation a new time limit. It ends by itself, by DELETE, or when the order with the same id comes in, which takes the goods over. With the strict policy set the account's setting \"reserve\" to yes: else the shop's own figure counts among those that may be sold elsewhere."
	o.DefaultStatus = http.StatusOK
	o.Responses = map[string]*huma.Response{"201": {
		Description: "The goods were not held before.",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: h.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Reservation](), true, "Reservation")}},
	}}
	huma.Register(h, o, func(ctx context.Context, in *in) (*out, error) {
		err := a.connected(ctx, in.Account)
		if err == nil {
			err = checkReservationID(in.Body.ID)
		}
		if err != nil {
			return nil, a.problem(err)
		}
		lines := make([]pipeline.CartLine, len(in.Body.Lines))
		for i, l := range in.Body.Lines {
			lines[i] = pipeline.CartLine{SKU: l.SKU, Quantity: l.Quantity}
		}
		c, err := a.hub.Reserve(ctx, in.Account, in.Body.ID, lines, time.Duration(in.Body.ExpiresIn)*time.Second, actor(ctx))
		if err != nil {
			return nil, a.problem(err)
		}
		status := http.StatusCreated
		if c.Again {
			status = http.StatusOK
		}
		return &out{Status: status, Body: reservation(c)}, nil
	})

	type path struct {
		Account string `path:"account"`
		ID      string `path:"id" maxLength:"100" doc:"With %-escapes: / is %2F."`
	}
	huma.Register(h, op("release", http.MethodDelete, "/accounts/{account}/reservations/{id}", "Stock", "Give back the goods of a cart; harmless when its time is over already", http.StatusConflict),
		func(ctx context.Context, in *path) (*struct{}, error) {
			if err := a.connected(ctx, in.Account); err != nil {
				return nil, a.problem(err)
			}
			return nil, a.problem(a.hub.Release(ctx, in.Account, in.ID, actor(ctx)))
		})
}

// reservation shows times as they are kept.
func reservation(c store.Cart) Reservation {
	return Reservation{
		ID: c.ExternalID, Account: c.AccountID, State: c.State,
		ExpiresAt: c.ExpiresAt.Truncate(time.Microsecond), CreatedAt: c.CreatedAt.Truncate(time.Microsecond),
	}
}

// checkReservationID refuses what no order can have as its id either.
func checkReservationID(id string) error {
	if orderhub.CheckSKU(id) != nil { // the same rule
		return orderhub.InvalidField("id", "%q is not allowed; an id has 1 to 100 bytes, no control characters and no spaces at its ends", clip(id))
	}
	return nil
}
