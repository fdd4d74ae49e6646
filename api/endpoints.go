package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// EndpointBody is an endpoint to add or to change; what is absent stays, or is the
// default of a new one.
type EndpointBody struct {
	Name     *string                 `json:"name,omitempty" maxLength:"100"`
	URL      *string                 `json:"url,omitempty" maxLength:"2000" doc:"Where events are posted: a public https address, or one in a network that the operator allows."`
	State    *orderhub.EndpointState `json:"state,omitempty" enum:"active,paused,stopped" doc:"paused: what happens is kept for it. stopped is set by the hub when the receiver failed for three days or answered 410; active lets it go on with all that waits."`
	Kinds    *[]orderhub.EventKind   `json:"kinds,omitempty" maxItems:"100" doc:"Only these kinds of events; empty = all."`
	Accounts *[]string               `json:"accounts,omitempty" maxItems:"1000" doc:"Only orders of these accounts; empty = all."`
	Personal *bool                   `json:"personal,omitempty" doc:"With the buyer's data. Takes the permission personal_data."`
}

// EndpointView is an endpoint as it stands.
type EndpointView struct {
	ID           int64                  `json:"id"`
	Name         string                 `json:"name"`
	URL          string                 `json:"url"`
	State        orderhub.EndpointState `json:"state" enum:"active,paused,stopped"`
	Kinds        []orderhub.EventKind   `json:"kinds"`
	Accounts     []string               `json:"accounts"`
	Personal     bool                   `json:"personal"`
	Secret       string                 `json:"secret,omitempty" doc:"Signs the messages (Standard Webhooks). Shown once."`
	OldSecrets   int                    `json:"old_secrets" doc:"Older secrets that still sign beside it."`
	Pending      int64                  `json:"pending" doc:"Events that wait."`
	Dead         int64                  `json:"dead" doc:"Events that were given up."`
	WaitingSince *time.Time             `json:"waiting_since,omitempty"`
	Failures     int                    `json:"failures" doc:"Of the receiver, one after the other."`
	FailingSince *time.Time             `json:"failing_since,omitempty"`
	NextAt       *time.Time             `json:"next_at,omitempty" doc:"When a receiver that is away is tried next."`
	Problem      string                 `json:"problem,omitempty"`
	DeliveredAt  *time.Time             `json:"delivered_at,omitempty"`
	CreatedBy    string                 `json:"created_by"`
	CreatedAt    time.Time              `json:"created_at"`
}

// EndpointList lists endpoints.
type EndpointList struct {
	Endpoints []EndpointView `json:"endpoints"`
}

// DeliveryView is an event that an endpoint was or is to be told.
type DeliveryView struct {
	ID        int64                  `json:"id"`
	Event     int64                  `json:"event"`
	Number    int64                  `json:"number" doc:"The order."`
	Kind      orderhub.EventKind     `json:"kind"`
	State     orderhub.DeliveryState `json:"state" enum:"pending,delivered,dead"`
	Attempts  int                    `json:"attempts"`
	NextAt    *time.Time             `json:"next_at,omitempty"`
	TriedAt   *time.Time             `json:"tried_at,omitempty"`
	Status    int                    `json:"status,omitempty" doc:"HTTP status of the last answer; absent = none came."`
	Excerpt   string                 `json:"excerpt,omitempty" personal:"text" doc:"The beginning of the last answer."`
	Problem   string                 `json:"problem,omitempty"`
	CreatedAt time.Time              `json:"created_at"`
	SettledAt *time.Time             `json:"settled_at,omitempty"`
}

// DeliveryPage is one page of deliveries.
type DeliveryPage struct {
	Deliveries []DeliveryView `json:"deliveries"`
	Before     int64          `json:"before,omitempty" doc:"Continues the list; absent at its end."`
}

// DeliveryDetail is a delivery and its message.
type DeliveryDetail struct {
	DeliveryView
	Message *pipeline.Message `json:"message,omitempty" doc:"As it would be sent now, masked for callers without the permission personal_data. Absent = the event is there no more."`
}

// Redelivery says what to send again.
type Redelivery struct {
	Delivery int64      `json:"delivery,omitempty" minimum:"1" doc:"One that was settled."`
	Dead     bool       `json:"dead,omitempty" doc:"All that were given up."`
	Since    *time.Time `json:"since,omitempty" doc:"Everything that happened since this moment, whether it was delivered or not."`
}

// Redelivered tells how many will be sent again.
type Redelivered struct {
	Deliveries int64 `json:"deliveries"`
}

// EndpointTestView is how a test went.
type EndpointTestView struct {
	OK      bool   `json:"ok"`
	Status  int    `json:"status,omitempty"`
	Excerpt string `json:"excerpt,omitempty" personal:"text"`
	Problem string `json:"problem,omitempty"`
	Millis  int64  `json:"millis"`
}

// SecretRotation says for how long the old secret still signs.
type SecretRotation struct {
	OverlapHours int `json:"overlap_hours,omitempty" minimum:"1" maximum:"168" default:"24"`
}

func (b EndpointBody) apply(e *orderhub.Endpoint) {
	set(&e.Name, b.Name)
	set(&e.URL, b.URL)
	set(&e.State, b.State)
	set(&e.Filter.Kinds, b.Kinds)
	set(&e.Filter.Accounts, b.Accounts)
	set(&e.Personal, b.Personal)
}

func endpointView(e orderhub.Endpoint, n store.DeliveryCounts) EndpointView {
	return EndpointView{
		ID: e.ID, Name: e.Name, URL: e.URL, State: e.State, Kinds: append([]orderhub.EventKind{}, e.Filter.Kinds...),
		Accounts: append([]string{}, e.Filter.Accounts...), Personal: e.Personal, OldSecrets: max(0, len(e.Secrets)-1), Pending: n.Pending, Dead: n.Dead,
		WaitingSince: timeOrNil(n.Oldest), Failures: e.Failures, FailingSince: timeOrNil(e.FailingSince), NextAt: timeOrNil(e.NextAt), Problem: e.Error,
		DeliveredAt: timeOrNil(e.DeliveredAt), CreatedBy: e.CreatedBy, CreatedAt: e.CreatedAt,
	}
}

func (a *API) endpointNow(ctx context.Context, e orderhub.Endpoint, secret string, err error) (*body[EndpointView], error) {
	if err != nil {
		return nil, a.problem(err)
	}
	counts, err := a.store.CountDeliveries(ctx)
	if err != nil {
		return nil, a.problem(err)
	}
	v := endpointView(e, counts[e.ID])
	v.Secret = secret
	return answer(v), nil
}

func (a *API) endpoints(h huma.API) {
	huma.Register(h, op("list-endpoints", http.MethodGet, "/endpoints", feedTag, "List the endpoints that are told events by webhook"),
		func(ctx context.Context, _ *struct{}) (*body[EndpointList], error) {
			list, err := a.store.Endpoints(ctx)
			if err != nil {
				return nil, a.problem(err)
			}
			counts, err := a.store.CountDeliveries(ctx)
			if err != nil {
				return nil, a.problem(err)
			}
			out := EndpointList{Endpoints: []EndpointView{}}
			for _, e := range list {
				out.Endpoints = append(out.Endpoints, endpointView(e, counts[e.ID]))
			}
			return answer(out), nil
		})
	type addIn struct{ Body EndpointBody }
	add := op("add-endpoint", http.MethodPost, "/endpoints", feedTag, "Tell a program events by webhook; its secret is in the answer and never again", http.StatusConflict)
	add.DefaultStatus = http.StatusCreated
	huma.Register(h, add, func(ctx context.Context, in *addIn) (*body[EndpointView], error) {
		e := orderhub.Endpoint{CreatedBy: actor(ctx).Name}
		in.Body.apply(&e)
		if err := mayTellBuyers(ctx, e.Personal); err != nil {
			return nil, err
		}
		e, secret, err := a.hub.AddEndpoint(ctx, e)
		return a.endpointNow(ctx, e, secret, err)
	})
	huma.Register(h, op("get-endpoint", http.MethodGet, "/endpoints/{id}", feedTag, "Read an endpoint and how it goes"),
		func(ctx context.Context, in *idPath) (*body[EndpointView], error) {
			e, err := a.store.Endpoint(ctx, in.ID)
			return a.endpointNow(ctx, e, "", err)
		})
	type changeIn struct {
		ID   int64 `path:"id" minimum:"1"`
		Body EndpointBody
	}
	huma.Register(h, op("change-endpoint", http.MethodPatch, "/endpoints/{id}", feedTag, "Change an endpoint, pause it or switch it on again"),
		func(ctx context.Context, in *changeIn) (*body[EndpointView], error) {
			have, err := a.store.Endpoint(ctx, in.ID)
			if err != nil {
				return nil, a.problem(err)
			}
			// Who moves it to another address decides who gets what it is told.
			in.Body.apply(&have)
			if err := mayTellBuyers(ctx, have.Personal); err != nil {
				return nil, err
			}
			e, err := a.hub.ChangeEndpoint(ctx, in.ID, in.Body.apply)
			return a.endpointNow(ctx, e, "", err)
		})
	huma.Register(h, op("remove-endpoint", http.MethodDelete, "/endpoints/{id}", feedTag, "Remove an endpoint and all that it was and is to be told"),
		func(ctx context.Context, in *idPath) (*struct{}, error) {
			return nil, a.problem(a.hub.RemoveEndpoint(ctx, in.ID))
		})
	a.endpointWork(h)
	a.delivery(h)
}

func mayTellBuyers(ctx context.Context, personal bool) error {
	if !personal {
		return nil
	}
	return require(ctx, orderhub.PersonalData)
}

// endpointWork is what people do about endpoints.
func (a *API) endpointWork(h huma.API) {
	type rotateIn struct {
		ID   int64 `path:"id" minimum:"1"`
		Body SecretRotation
	}
	huma.Register(h, op("rotate-endpoint-secret", http.MethodPost, "/endpoints/{id}/secret", feedTag, "Give an endpoint a new secret; the old one signs beside it for a while"),
		func(ctx context.Context, in *rotateIn) (*body[EndpointView], error) {
			e, secret, err := a.hub.RotateEndpointSecret(ctx, in.ID, time.Duration(in.Body.OverlapHours)*time.Hour)
			return a.endpointNow(ctx, e, secret, err)
		})
	huma.Register(h, op("test-endpoint", http.MethodPost, "/endpoints/{id}/test", feedTag, "Send a signed ping now and see what comes of it"),
		func(ctx context.Context, in *idPath) (*body[EndpointTestView], error) {
			t, err := a.hub.TestEndpoint(ctx, in.ID)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(EndpointTestView{OK: t.Error == "", Status: t.Status, Excerpt: t.Excerpt, Problem: t.Error, Millis: t.Took.Milliseconds()}), nil
		})
	type againIn struct {
		ID   int64 `path:"id" minimum:"1"`
		Body Redelivery
	}
	huma.Register(h, op("redeliver", http.MethodPost, "/endpoints/{id}/redeliver", feedTag, "Send one event again, all that were given up, or all since a moment"),
		func(ctx context.Context, in *againIn) (*body[Redelivered], error) {
			n, err := a.redeliver(ctx, in.ID, in.Body)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(Redelivered{n}), nil
		})
	type listIn struct {
		ID     int64                  `path:"id"`
		State  orderhub.DeliveryState `query:"state" enum:"pending,delivered,dead"`
		Number int64                  `query:"number" minimum:"1" doc:"Of this order alone."`
		Before int64                  `query:"before" minimum:"1" doc:"Continues a list."`
		Limit  int                    `query:"limit" minimum:"1" maximum:"500" default:"50"`
	}
	huma.Register(h, op("list-deliveries", http.MethodGet, "/endpoints/{id}/deliveries", feedTag, "List what an endpoint was and is to be told, newest first"),
		func(ctx context.Context, in *listIn) (*body[DeliveryPage], error) {
			if _, err := a.store.Endpoint(ctx, in.ID); err != nil {
				return nil, a.problem(err)
			}
			list, err := a.store.Deliveries(ctx, store.DeliveryFilter{EndpointID: in.ID, OrderID: in.Number, State: in.State, Before: in.Before, Limit: in.Limit})
			if err != nil {
				return nil, a.problem(err)
			}
			page := DeliveryPage{Deliveries: []DeliveryView{}}
			for _, d := range list {
				page.Deliveries = append(page.Deliveries, deliveryView(d))
			}
			if len(list) == in.Limit {
				page.Before = list[len(list)-1].ID
			}
			return answer(page), nil
		})
}

func deliveryView(d orderhub.Delivery) DeliveryView {
	v := DeliveryView{
		ID: d.ID, Event: d.EventID, Number: d.OrderID, Kind: d.Kind, State: d.State, Attempts: d.Attempts, TriedAt: timeOrNil(d.TriedAt),
		Status: d.Status, Excerpt: d.Excerpt, Problem: d.Error, CreatedAt: d.CreatedAt, SettledAt: timeOrNil(d.SettledAt),
	}
	if d.State == orderhub.DeliveryPending {
		v.NextAt = timeOrNil(d.NextAt)
	}
	return v
}

// delivery is one delivery and what it tells.
func (a *API) delivery(h huma.API) {
	type readIn struct {
		ID       int64 `path:"id"`
		Delivery int64 `path:"delivery"`
	}
	read := op("get-delivery", http.MethodGet, "/endpoints/{id}/deliveries/{delivery}", feedTag, "Read a delivery, and what would be sent if it left now")
	read.Description = "What was sent is not kept: the message holds the order as it is now. It takes the permission orders.read, too."
	huma.Register(h, read, func(ctx context.Context, in *readIn) (*body[DeliveryDetail], error) {
		if err := require(ctx, orderhub.OrdersRead); err != nil {
			return nil, err
		}
		d, message, err := a.hub.DeliveryMessage(ctx, in.ID, in.Delivery)
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(DeliveryDetail{deliveryView(d), message}), nil
	})
}

func (a *API) redeliver(ctx context.Context, id int64, b Redelivery) (int64, error) {
	asked := 0
	for _, set := range []bool{b.Delivery != 0, b.Dead, b.Since != nil} {
		if set {
			asked++
		}
	}
	switch {
	case asked != 1:
		return 0, orderhub.InvalidField("delivery", "say one of delivery, dead and since")
	case b.Delivery != 0:
		return 1, a.hub.RedeliverOne(ctx, id, b.Delivery)
	case b.Dead:
		return a.hub.RedeliverDead(ctx, id)
	}
	return a.hub.RedeliverSince(ctx, id, *b.Since)
}
