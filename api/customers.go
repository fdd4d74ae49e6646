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

// CustomerRow is a buyer in a list.
type CustomerRow struct {
	ID          int64            `json:"id"`
	Name        string           `json:"name,omitempty" personal:"name" doc:"A person's choice, else the first name that an order told."`
	Phones      []string         `json:"phones" personal:"phone" doc:"As used in orders, like +79001234567. Substitute numbers of marketplaces are not among them."`
	Emails      []string         `json:"emails" personal:"email"`
	Tags        []string         `json:"tags"`
	OrderCount  int64            `json:"order_count" doc:"All orders."`
	BoughtCount int64            `json:"bought_count" doc:"Orders that are in bought: not cancelled, and no mere delivery of an order of the site."`
	Bought      []orderhub.Money `json:"bought" doc:"Their sum, one per currency."`
	ReturnCount int64            `json:"return_count"`
	Returned    []orderhub.Money `json:"returned" doc:"What the buyer gets or got back, one per currency."`
	LastOrderAt *time.Time       `json:"last_order_at,omitempty"`
	Cards       []int64          `json:"cards" doc:"The cards that were merged into this one, and itself: one of them is where each order arrived."`
	ErasedAt    *time.Time       `json:"erased_at,omitempty" doc:"When the buyer's data was erased."`
	Version     int64            `json:"version"`
	CreatedAt   time.Time        `json:"created_at"`
}

func customerRow(t *store.CardTree) CustomerRow {
	keys := &orderhub.Card{Keys: t.Keys()}
	r := CustomerRow{
		ID: t.Root.ID, Name: t.Title(), Phones: append([]string{}, keys.Values(orderhub.KeyPhone)...), Emails: append([]string{}, keys.Values(orderhub.KeyEmail)...),
		Tags: append([]string{}, t.Tags...), OrderCount: t.Orders, BoughtCount: t.Counted, Bought: append([]orderhub.Money{}, t.Sums...),
		ReturnCount: t.Returns, Returned: append([]orderhub.Money{}, t.Returned...), LastOrderAt: timeOrNil(t.LastAt), Cards: []int64{},
		ErasedAt: timeOrNil(t.Root.ErasedAt), Version: t.Root.Version, CreatedAt: t.Root.CreatedAt,
	}
	for _, c := range t.Cards {
		r.Cards = append(r.Cards, c.ID)
	}
	return r
}

// AddressView is where an order went.
type AddressView struct {
	City    string `json:"city,omitempty"`
	Address string `json:"address,omitempty" personal:"drop"`
}

// CustomerCard is a buyer with everything that belongs to him.
type CustomerCard struct {
	CustomerRow
	Names       []string                  `json:"names" personal:"name" doc:"As written on orders."`
	Addresses   []AddressView             `json:"addresses" doc:"Of the orders below."`
	Orders      []OrderRow                `json:"orders" doc:"The newest 100."`
	Returns     []ReturnRow               `json:"returns" doc:"Of the orders below, oldest first."`
	Notes       []orderhub.CardNote       `json:"notes" doc:"Oldest first."`
	Merges      []orderhub.CardMerge      `json:"merges" doc:"Oldest first, undone ones too."`
	Suggestions []orderhub.CardSuggestion `json:"suggestions" doc:"Other buyers who may be the same, and what was said of it."`
	ErasedBy    *orderhub.Actor           `json:"erased_by,omitempty"`
	ErasedWhy   string                    `json:"erased_why,omitempty"`
}

// CustomerPage is one page of buyers.
type CustomerPage struct {
	Customers []CustomerRow `json:"customers"`
	Cursor    string        `json:"cursor,omitempty" doc:"Continues the list; absent at its end."`
}

// cardOrders is how many orders the card of a buyer shows.
const cardOrders = 100

type customerPath struct {
	ID int64 `path:"id" doc:"The buyer's number; that of a card that was merged into it will do."`
}

func (a *API) customers(h huma.API) {
	type listIn struct {
		Text   string `query:"q" maxLength:"200" doc:"A phone in any spelling, or the beginnings of words of a name, an e-mail, a phone; all must be found. Without the permission personal_data whole words only."`
		Tag    string `query:"tag" maxLength:"40" doc:"Only buyers with this tag."`
		Cursor string `query:"cursor" maxLength:"200" doc:"The cursor of the previous page."`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	huma.Register(h, op("list-customers", http.MethodGet, "/customers", "Customers", "List buyers, newest first"),
		func(ctx context.Context, in *listIn) (*body[CustomerPage], error) {
			list, next, err := a.hub.FindCustomers(ctx, in.Text, store.CardFilter{WholeWords: !mayRead(ctx, orderhub.PersonalData), Tag: in.Tag, Cursor: in.Cursor, Limit: in.Limit})
			if err != nil {
				return nil, a.problem(err)
			}
			page := CustomerPage{Customers: []CustomerRow{}, Cursor: next}
			for _, t := range list {
				page.Customers = append(page.Customers, customerRow(t))
			}
			return answer(page), nil
		})
	huma.Register(h, op("get-customer", http.MethodGet, "/customers/{id}", "Customers", "Read a buyer with orders, returns, notes and merges"),
		func(ctx context.Context, in *customerPath) (*body[CustomerCard], error) {
			t, err := a.store.CardTreeOf(ctx, in.ID)
			return a.customerCard(ctx, t, err)
		})
	type changeIn struct {
		ID   int64 `path:"id"`
		Body struct {
			Name *string   `json:"name,omitempty" maxLength:"200" doc:"Replaces the name that orders tell; empty shows that again."`
			Tags *[]string `json:"tags,omitempty" maxItems:"30" doc:"All tags: those that are left out are dropped, from merged cards too."`
		}
	}
	huma.Register(h, op("change-customer", http.MethodPatch, "/customers/{id}", "Customers", "Set a buyer's name and tags", http.StatusConflict),
		func(ctx context.Context, in *changeIn) (*body[CustomerCard], error) {
			t, err := a.hub.ChangeCustomer(ctx, in.ID, pipeline.CustomerChange{Name: in.Body.Name, Tags: in.Body.Tags})
			return a.customerCard(ctx, t, err)
		})
	a.customerNotes(h)
	a.customerMerges(h)
	a.customerData(h)
}

func (a *API) customerNotes(h huma.API) {
	type addIn struct {
		ID   int64 `path:"id"`
		Body struct {
			Text string `json:"text" minLength:"1" maxLength:"4000"`
		}
	}
	add := op("add-customer-note", http.MethodPost, "/customers/{id}/notes", "Customers", "Write a note about a buyer", http.StatusConflict)
	add.DefaultStatus = http.StatusCreated
	huma.Register(h, add, func(ctx context.Context, in *addIn) (*body[orderhub.CardNote], error) {
		n, err := a.hub.AddCardNote(ctx, in.ID, in.Body.Text, actor(ctx))
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(n), nil
	})
	type dropIn struct {
		ID   int64 `path:"id"`
		Note int64 `path:"note"`
	}
	huma.Register(h, op("delete-customer-note", http.MethodDelete, "/customers/{id}/notes/{note}", "Customers", "Delete a note about a buyer", http.StatusConflict),
		func(ctx context.Context, in *dropIn) (*struct{}, error) {
			return nil, a.problem(a.hub.DropNote(ctx, in.ID, in.Note))
		})
}

// SuggestionPage is one page of suggestions.
type SuggestionPage struct {
	Suggestions []SuggestionView `json:"suggestions"`
	Before      int64            `json:"before,omitempty" doc:"Continues the list; absent at its end."`
}

// SuggestionView is a pair of buyers who may be one.
type SuggestionView struct {
	orderhub.CardSuggestion
	Older CustomerRow `json:"older"`
	Newer CustomerRow `json:"newer"`
}

func (a *API) customerMerges(h huma.API) {
	type listIn struct {
		Before int64 `query:"before" minimum:"1" doc:"Only ids below: the \"before\" of the previous page."`
		Limit  int   `query:"limit" minimum:"1" maximum:"100" default:"50"`
	}
	huma.Register(h, op("list-customer-suggestions", http.MethodGet, "/customer-suggestions", "Customers", "List pairs of buyers who may be one, newest first"),
		func(ctx context.Context, in *listIn) (*body[SuggestionPage], error) {
			return a.suggestions(ctx, in.Before, in.Limit)
		})
	type suggestionPath struct {
		ID int64 `path:"id"`
	}
	huma.Register(h, op("accept-customer-suggestion", http.MethodPost, "/customer-suggestions/{id}/accept", "Customers", "Say that two buyers are one: they are merged, the older one wins", http.StatusConflict),
		func(ctx context.Context, in *suggestionPath) (*body[CustomerCard], error) {
			t, err := a.hub.AcceptSuggestion(ctx, in.ID, actor(ctx))
			return a.customerCard(ctx, t, err)
		})
	huma.Register(h, op("decline-customer-suggestion", http.MethodPost, "/customer-suggestions/{id}/decline", "Customers", "Say that two buyers are two; it is not suggested again", http.StatusConflict),
		func(ctx context.Context, in *suggestionPath) (*body[orderhub.CardSuggestion], error) {
			s, err := a.hub.DeclineSuggestion(ctx, in.ID, actor(ctx))
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(s), nil
		})
	type mergeIn struct {
		ID   int64 `path:"id"`
		Body struct {
			Other int64  `json:"other" minimum:"1" doc:"The buyer who is the same."`
			Why   string `json:"why,omitempty" maxLength:"500"`
		}
	}
	huma.Register(h, op("merge-customers", http.MethodPost, "/customers/{id}/merge", "Customers", "Merge another buyer into this one; it can be undone", http.StatusConflict),
		func(ctx context.Context, in *mergeIn) (*body[CustomerCard], error) {
			t, err := a.hub.MergeCustomers(ctx, in.ID, in.Body.Other, in.Body.Why, actor(ctx))
			return a.customerCard(ctx, t, err)
		})
	type undoIn struct {
		ID   int64 `path:"id" doc:"The number of the merge."`
		Body struct {
			Why string `json:"why,omitempty" maxLength:"500"`
		}
	}
	undo := op("undo-customer-merge", http.MethodPost, "/customer-merges/{id}/undo", "Customers", "Undo a merge; answers with the buyer who is alone again", http.StatusConflict)
	undo.Description = "Merges can be undone in any order. Orders return to the card on which they came, with its notes and tags; what came after the merge stays with the winner."
	huma.Register(h, undo, func(ctx context.Context, in *undoIn) (*body[CustomerCard], error) {
		t, err := a.hub.UndoMerge(ctx, in.ID, in.Body.Why, actor(ctx))
		return a.customerCard(ctx, t, err)
	})
}

func (a *API) suggestions(ctx context.Context, before int64, limit int) (*body[SuggestionPage], error) {
	list, err := a.store.OpenSuggestions(ctx, before, limit)
	if err != nil {
		return nil, a.problem(err)
	}
	page := SuggestionPage{Suggestions: []SuggestionView{}}
	for _, s := range list {
		v := SuggestionView{CardSuggestion: s}
		for _, side := range []struct {
			card int64
			into *CustomerRow
		}{{s.Low, &v.Older}, {s.High, &v.Newer}} {
			t, err := a.store.CardTreeOf(ctx, side.card)
			if err != nil {
				return nil, a.problem(err)
			}
			*side.into = customerRow(t)
		}
		page.Suggestions = append(page.Suggestions, v)
	}
	if len(list) == limit {
		page.Before = list[len(list)-1].ID
	}
	return answer(page), nil
}

// customerCard answers with a buyer, or with the error of reading him.
func (a *API) customerCard(ctx context.Context, t *store.CardTree, err error) (*body[CustomerCard], error) {
	if err != nil {
		return nil, a.problem(err)
	}
	c, err := a.gatherCustomer(ctx, t)
	if err != nil {
		return nil, a.problem(err)
	}
	return answer(c), nil
}

func (a *API) gatherCustomer(ctx context.Context, t *store.CardTree) (CustomerCard, error) {
	c := CustomerCard{
		CustomerRow: customerRow(t), Names: []string{}, Addresses: []AddressView{}, Notes: []orderhub.CardNote{},
		Merges: []orderhub.CardMerge{}, Suggestions: []orderhub.CardSuggestion{}, ErasedWhy: t.Root.ErasedWhy,
	}
	if !t.Root.ErasedAt.IsZero() {
		c.ErasedBy = &t.Root.ErasedBy
	}
	orders, err := a.store.OrdersOfCards(ctx, t, 0, cardOrders)
	if err != nil {
		return c, err
	}
	if c.Orders, err = a.namedRows(ctx, orders); err != nil {
		return c, err
	}
	seen := map[AddressView]bool{{}: true}
	var numbers []int64
	for _, o := range orders {
		numbers = append(numbers, o.ID)
		if v := (AddressView{o.Snapshot.Shipping.City, o.Snapshot.Shipping.Address}); !seen[v] {
			seen[v] = true
			c.Addresses = append(c.Addresses, v)
		}
	}
	returns, err := a.store.ReturnsOfOrders(ctx, numbers)
	if err != nil {
		return c, err
	}
	c.Returns = returnRows(returns)
	names, err := a.store.NamesOfCards(ctx, t)
	if err != nil {
		return c, err
	}
	c.Names = append(c.Names, names...)
	notes, err := a.store.NotesOfCards(ctx, t)
	if err != nil {
		return c, err
	}
	c.Notes = append(c.Notes, notes...)
	merges, err := a.store.MergesOfCards(ctx, t)
	if err != nil {
		return c, err
	}
	c.Merges = append(c.Merges, merges...)
	suggestions, err := a.store.SuggestionsOfCards(ctx, t)
	c.Suggestions = append(c.Suggestions, suggestions...)
	return c, err
}
