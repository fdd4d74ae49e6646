package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
)

// FeedPage is a piece of the feed of orders.
type FeedPage struct {
	Entries []pipeline.FeedEntry `json:"entries" doc:"Oldest first."`
	Next    string               `json:"next" doc:"The position behind this piece: acknowledge it, or give it as after."`
	More    bool                 `json:"more" doc:"There is more right now."`
}

// ConsumerBody says how a program reads the feed.
type ConsumerBody struct {
	Kinds    *[]orderhub.EventKind `json:"kinds,omitempty" maxItems:"100" doc:"Only these kinds of events; empty = all. Absent = as it was."`
	Accounts *[]string             `json:"accounts,omitempty" maxItems:"1000" doc:"Only orders of these accounts; empty = all. Absent = as it was."`
	Position *string               `json:"position,omitempty" maxLength:"40" doc:"Go on behind this position: one that the feed gave, 0 for the beginning, or now. Absent = where it is; a new reader begins at 0."`
	Since    *time.Time            `json:"since,omitempty" doc:"Instead of a position: go on with what happened since this moment."`
}

// ConsumerView is a program that reads the feed, and how far it is.
type ConsumerView struct {
	Name      string               `json:"name"`
	Position  string               `json:"position" doc:"What it acknowledged last."`
	Kinds     []orderhub.EventKind `json:"kinds"`
	Accounts  []string             `json:"accounts"`
	Lag       int64                `json:"lag" doc:"Events of all orders behind its position, counted up to 100,000."`
	LagSince  *time.Time           `json:"lag_since,omitempty" doc:"When the oldest of them happened."`
	ReadAt    *time.Time           `json:"read_at,omitempty"`
	AckedAt   *time.Time           `json:"acked_at,omitempty"`
	CreatedAt time.Time            `json:"created_at"`
}

// ConsumerList lists who reads the feed.
type ConsumerList struct {
	Consumers []ConsumerView `json:"consumers"`
}

// FeedAck says up to where everything is done.
type FeedAck struct {
	Position string `json:"position" minLength:"1" maxLength:"40" doc:"The position of the last entry that is done, or next of the page."`
}

const (
	feedTag = "ERP"
	// maxFeedWait is below what proxies wait for an answer.
	maxFeedWait = 25 * time.Second
)

type consumerPath struct {
	Name string `path:"name" maxLength:"40" doc:"Small letters, digits and ._-"`
}

func (a *API) feed(h huma.API) {
	type readIn struct {
		Consumer string               `query:"consumer" maxLength:"40" doc:"Read as this reader: behind what it acknowledged, by its filter."`
		After    string               `query:"after" maxLength:"40" doc:"Read behind this position, whatever was acknowledged. Absent and without a consumer = from the beginning."`
		Kinds    []orderhub.EventKind `query:"kind,explode" maxItems:"100" doc:"Only these kinds of events: repeated, or with commas. Absent = those of the consumer, or all."`
		Accounts []string             `query:"account,explode" maxItems:"1000" doc:"Only orders of these accounts: repeated, or with commas. Absent = those of the consumer, or all."`
		Content  string               `query:"content" enum:"full,link" default:"full" doc:"link: leave the orders out."`
		Limit    int                  `query:"limit" minimum:"1" maximum:"500" default:"100"`
		Wait     int                  `query:"wait" minimum:"0" maximum:"25" default:"0" doc:"Seconds to wait for the first entry."`
	}
	read := op("read-feed", http.MethodGet, "/feed", feedTag, "Read what happened to orders, in the order in which it happened", http.StatusNotFound, http.StatusConflict)
	read.Description = "Each entry comes at least once, entries of one order in its order. An entry carries the order as it is now, masked for callers without the permission personal_data. " +
		"Nothing is forgotten by reading: a reader goes on behind what it acknowledged, and the feed can be read again from any position. " +
		"A position is of the history that gave it: one from before a restore, or of another hub, is refused with 409, which names the newest one."
	huma.Register(h, read, func(ctx context.Context, in *readIn) (*body[FeedPage], error) {
		filter := orderhub.EventFilter{Kinds: listed(in.Kinds), Accounts: listed(in.Accounts)}
		for _, k := range filter.Kinds {
			if !slices.Contains(orderhub.EventKinds(), k) {
				return nil, a.problem(orderhub.InvalidField("kind", "%q is not known; known: %s", clip(string(k)), words(orderhub.EventKinds())))
			}
		}
		if err := a.knownAccounts(ctx, filter.Accounts...); err != nil {
			return nil, a.problem(err)
		}
		page, err := a.hub.Feed(ctx, pipeline.FeedQuery{
			After: in.After, Consumer: in.Consumer, Filter: filter, Limit: in.Limit,
			Wait: min(time.Duration(in.Wait)*time.Second, maxFeedWait), Content: in.Content != "link",
		})
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(FeedPage(page)), nil
	})
	huma.Register(h, op("list-feed-consumers", http.MethodGet, "/feed/consumers", feedTag, "List who reads the feed, and how far each is"),
		func(ctx context.Context, _ *struct{}) (*body[ConsumerList], error) {
			list, err := a.store.FeedConsumers(ctx)
			if err != nil {
				return nil, a.problem(err)
			}
			out := ConsumerList{Consumers: []ConsumerView{}}
			for _, c := range list {
				v, err := a.consumerView(ctx, c)
				if err != nil {
					return nil, a.problem(err)
				}
				out.Consumers = append(out.Consumers, v)
			}
			return answer(out), nil
		})
	a.consumers(h)
}

func (a *API) consumers(h huma.API) {
	type setIn struct {
		Name string `path:"name" maxLength:"40" doc:"Small letters, digits and ._-"`
		Body ConsumerBody
	}
	view := func(ctx context.Context, c orderhub.FeedConsumer, err error) (*body[ConsumerView], error) {
		if err != nil {
			return nil, a.problem(err)
		}
		v, err := a.consumerView(ctx, c)
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(v), nil
	}
	huma.Register(h, op("set-feed-consumer", http.MethodPut, "/feed/consumers/{name}", feedTag, "Add a reader of the feed, or move it to replay", http.StatusConflict),
		func(ctx context.Context, in *setIn) (*body[ConsumerView], error) {
			change := pipeline.ConsumerChange{Position: in.Body.Position, Since: in.Body.Since}
			if in.Body.Kinds != nil || in.Body.Accounts != nil {
				c, err := a.store.FeedConsumer(ctx, in.Name)
				if err != nil && orderhub.CodeOf(err) != orderhub.CodeNotFound {
					return nil, a.problem(err)
				}
				set(&c.Filter.Kinds, in.Body.Kinds)
				set(&c.Filter.Accounts, in.Body.Accounts)
				change.Filter = &c.Filter
			}
			c, err := a.hub.SetConsumer(ctx, in.Name, change)
			return view(ctx, c, err)
		})
	type ackIn struct {
		Name string `path:"name" maxLength:"40" doc:"Small letters, digits and ._-"`
		Body FeedAck
	}
	huma.Register(h, op("acknowledge-feed", http.MethodPost, "/feed/consumers/{name}/ack", feedTag, "Say that everything up to a position is done", http.StatusConflict),
		func(ctx context.Context, in *ackIn) (*body[ConsumerView], error) {
			c, err := a.hub.AckFeed(ctx, in.Name, in.Body.Position)
			return view(ctx, c, err)
		})
	huma.Register(h, op("delete-feed-consumer", http.MethodDelete, "/feed/consumers/{name}", feedTag, "Forget a reader and its position"),
		func(ctx context.Context, in *consumerPath) (*struct{}, error) {
			return nil, a.problem(a.hub.DeleteConsumer(ctx, in.Name))
		})
}

func (a *API) consumerView(ctx context.Context, c orderhub.FeedConsumer) (ConsumerView, error) {
	lag, err := a.store.LagAfter(ctx, c.Position)
	if err != nil {
		return ConsumerView{}, err
	}
	position, err := a.hub.Position(ctx, c.Position)
	return ConsumerView{
		Name: c.Name, Position: position, Kinds: append([]orderhub.EventKind{}, c.Filter.Kinds...),
		Accounts: append([]string{}, c.Filter.Accounts...), Lag: lag.Events, LagSince: timeOrNil(lag.Since), ReadAt: timeOrNil(c.ReadAt),
		AckedAt: timeOrNil(c.AckedAt), CreatedAt: c.CreatedAt,
	}, err
}
