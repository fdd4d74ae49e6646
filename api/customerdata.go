package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// CustomerExport is everything that the hub holds about a buyer.
type CustomerExport struct {
	ExportedAt time.Time         `json:"exported_at"`
	Customer   CustomerCard      `json:"customer"`
	Orders     []orderhub.Order  `json:"orders" doc:"All of them, as kept."`
	Returns    []orderhub.Return `json:"returns"`
	Notes      []orderhub.Note   `json:"notes" doc:"What people wrote about the orders."`
	Raw        []RawExport       `json:"raw" doc:"The channels' answers about them, as they came."`
}

// RawExport is a channel's answer about an order or a return of a buyer.
type RawExport struct {
	ID      int64     `json:"id"`
	Account string    `json:"account"`
	Kind    string    `json:"kind"`
	ReadAt  time.Time `json:"read_at"`
	Payload any       `json:"payload" personal:"hidden"`
}

// EraseWish says why a buyer's data is erased.
type EraseWish struct {
	Why      string `json:"why,omitempty" maxLength:"500" doc:"It is kept: no personal data in it."`
	EvenOpen bool   `json:"even_open,omitempty" doc:"Also when orders are still under way; they cannot be delivered without the buyer's data."`
}

// RetentionSetting is after how many days the data of ended orders is erased.
type RetentionSetting struct {
	Days int `json:"days" minimum:"0" maximum:"36500" doc:"0 = never."`
}

func (a *API) customerData(h huma.API) {
	export := op("export-customer", http.MethodGet, "/customers/{id}/export", "Customers", "Read everything that the hub holds about a buyer")
	huma.Register(h, export, func(ctx context.Context, in *customerPath) (*body[CustomerExport], error) {
		out, err := a.exportCustomer(ctx, in.ID)
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(out), nil
	})
	type eraseIn struct {
		ID   int64 `path:"id"`
		Body EraseWish
	}
	erase := op("erase-customer", http.MethodPost, "/customers/{id}/erase", "Customers", "Erase a buyer's data for good", http.StatusConflict)
	erase.Description = "Names, phones, e-mails, addresses, comments, notes and tags are gone from cards, orders, search, raw payloads, returns and messages, those of the other deliveries of the same purchases too. " +
		"Orders, goods and money stay. It cannot be undone, and no later answer of a channel brings the data of these orders back."
	huma.Register(h, erase, func(ctx context.Context, in *eraseIn) (*body[CustomerCard], error) {
		t, err := a.hub.EraseCustomer(ctx, in.ID, in.Body.Why, in.Body.EvenOpen, actor(ctx))
		return a.customerCard(ctx, t, err)
	})
	type orderIn struct {
		Number int64 `path:"number" doc:"The hub's order number."`
		Body   struct {
			EvenOpen bool `json:"even_open,omitempty" doc:"Also while the order is under way."`
		}
	}
	one := op("erase-order", http.MethodPost, "/orders/{number}/erase", "Customers", "Erase the buyer's data of one order for good", http.StatusConflict)
	one.Description = "For an order whose buyer has no card: an address alone identifies nobody. Where there is a card, it keeps what its other orders tell."
	huma.Register(h, one, func(ctx context.Context, in *orderIn) (*body[OrderCard], error) {
		o, err := a.hub.EraseOrder(ctx, in.Number, in.Body.EvenOpen, actor(ctx))
		if err != nil {
			return nil, a.problem(err)
		}
		card, err := a.card(ctx, o)
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(card), nil
	})
	huma.Register(h, op("get-retention", http.MethodGet, "/settings/retention", "Customers", "Read after how many days the data of buyers is erased"),
		func(ctx context.Context, _ *struct{}) (*body[RetentionSetting], error) {
			days, err := a.hub.RetentionDays(ctx)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(RetentionSetting{days}), nil
		})
	type setIn struct{ Body RetentionSetting }
	set := op("set-retention", http.MethodPut, "/settings/retention", "Customers", "Set after how many days the data of buyers is erased")
	set.Description = "Counted from the end of each order. The first round begins at once, the others at night. What is erased cannot be brought back."
	huma.Register(h, set, func(ctx context.Context, in *setIn) (*body[RetentionSetting], error) {
		if err := a.hub.SetRetentionDays(ctx, in.Body.Days); err != nil {
			return nil, a.problem(err)
		}
		return answer(in.Body), nil
	})
}

// exportCustomer gathers all orders of a buyer, with what came along.
func (a *API) exportCustomer(ctx context.Context, id int64) (CustomerExport, error) {
	out := CustomerExport{ExportedAt: a.store.Now(), Orders: []orderhub.Order{}, Returns: []orderhub.Return{}, Notes: []orderhub.Note{}, Raw: []RawExport{}}
	t, err := a.store.CardTreeOf(ctx, id)
	if err != nil {
		return out, err
	}
	if out.Customer, err = a.gatherCustomer(ctx, t); err != nil {
		return out, err
	}
	for before := int64(0); ; {
		orders, err := a.store.OrdersOfCards(ctx, t, before, 200)
		if err != nil || len(orders) == 0 {
			return out, err
		}
		before = orders[len(orders)-1].ID
		var numbers []int64
		for _, o := range orders {
			numbers = append(numbers, o.ID)
			out.Orders = append(out.Orders, *o)
			if err := a.exportRaw(ctx, &out, o.AccountID, o.Snapshot.ExternalID, false); err != nil {
				return out, err
			}
			notes, err := a.store.Notes(ctx, o.ID)
			if err != nil {
				return out, err
			}
			out.Notes = append(out.Notes, notes...)
		}
		returns, err := a.store.ReturnsOfOrders(ctx, numbers)
		if err != nil {
			return out, err
		}
		for _, r := range returns {
			out.Returns = append(out.Returns, *r)
			if err := a.exportRaw(ctx, &out, r.AccountID, r.Snapshot.ExternalID, true); err != nil {
				return out, err
			}
		}
	}
}

func (a *API) exportRaw(ctx context.Context, out *CustomerExport, account, external string, ofReturn bool) error {
	raws, err := a.store.RawOf(ctx, account, external, ofReturn)
	for _, r := range raws {
		if r.State != store.RawErased {
			out.Raw = append(out.Raw, RawExport{r.ID, r.AccountID, r.Kind, r.ReadAt, payload(r.Body)})
		}
	}
	return err
}
