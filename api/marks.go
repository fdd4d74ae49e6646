package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// NewNote is a note to write.
type NewNote struct {
	Text string `json:"text" minLength:"1" maxLength:"4000" doc:"For colleagues; the channel learns nothing of it."`
}

// NewAssignee says who works on an order.
type NewAssignee struct {
	Assignee orderhub.Assignee `json:"assignee" maxLength:"100" doc:"A person's id or name; empty = nobody."`
}

// MarksBody is what to note on many orders.
type MarksBody struct {
	Numbers    []int64            `json:"numbers" minItems:"1" maxItems:"500"`
	AddTags    []string           `json:"add_tags,omitempty" maxItems:"20"`
	RemoveTags []string           `json:"remove_tags,omitempty" maxItems:"20"`
	Assignee   *orderhub.Assignee `json:"assignee,omitempty" maxLength:"100" doc:"Absent = stays; empty = nobody."`
	Note       string             `json:"note,omitempty" maxLength:"4000"`
}

// TagList lists tags in use.
type TagList struct {
	Tags []store.TagCount `json:"tags"`
}

// Colleague is somebody who can be given an order.
type Colleague struct {
	Login string        `json:"login" doc:"What orders name as their assignee, and timelines as the actor."`
	Name  string        `json:"name"`
	Role  orderhub.Role `json:"role"`
}

// ColleagueList lists colleagues.
type ColleagueList struct {
	Colleagues []Colleague `json:"colleagues"`
}

func (a *API) marks(h huma.API) {
	type tagPath struct {
		Number int64  `path:"number"`
		Tag    string `path:"tag" maxLength:"160" doc:"Letters, digits and -_. in any case; 1 to 40 characters."`
	}
	mark := func(ctx context.Context, number int64, m pipeline.Marks) (*body[OrderRow], error) {
		o, err := a.hub.Mark(ctx, number, m, actor(ctx))
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(row(o)), nil
	}
	huma.Register(h, op("tag-order", http.MethodPut, "/orders/{number}/tags/{tag}", "Work", "Put a tag on an order", http.StatusConflict),
		func(ctx context.Context, in *tagPath) (*body[OrderRow], error) {
			return mark(ctx, in.Number, pipeline.Marks{AddTags: []string{in.Tag}})
		})
	huma.Register(h, op("untag-order", http.MethodDelete, "/orders/{number}/tags/{tag}", "Work", "Take a tag off an order"),
		func(ctx context.Context, in *tagPath) (*body[OrderRow], error) {
			return mark(ctx, in.Number, pipeline.Marks{RemoveTags: []string{in.Tag}})
		})
	type assignIn struct {
		Number int64 `path:"number"`
		Body   NewAssignee
	}
	huma.Register(h, op("assign-order", http.MethodPut, "/orders/{number}/assignee", "Work", "Give an order to somebody, or to nobody"),
		func(ctx context.Context, in *assignIn) (*body[OrderRow], error) {
			return mark(ctx, in.Number, pipeline.Marks{Assignee: &in.Body.Assignee})
		})
	a.notes(h)
	a.manyMarks(h)
	a.colleagues(h)
	type tagsIn struct {
		Prefix string `query:"q" maxLength:"40" doc:"The beginning of the tag."`
		Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}
	huma.Register(h, op("list-tags", http.MethodGet, "/tags", "Orders", "List the tags in use, by name"),
		func(ctx context.Context, in *tagsIn) (*body[TagList], error) {
			list, err := a.store.Tags(ctx, strings.ToLower(strings.TrimSpace(in.Prefix)), in.Limit)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(TagList{list}), nil
		})
}

func (a *API) notes(h huma.API) {
	type noteIn struct {
		Number int64 `path:"number"`
		Body   NewNote
	}
	add := op("add-note", http.MethodPost, "/orders/{number}/notes", "Work", "Write a note about an order", http.StatusConflict)
	add.DefaultStatus = http.StatusCreated
	huma.Register(h, add, func(ctx context.Context, in *noteIn) (*body[orderhub.Note], error) {
		n, err := a.hub.AddNote(ctx, in.Number, in.Body.Text, actor(ctx))
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(n), nil
	})
	type notePath struct {
		Number int64 `path:"number"`
		ID     int64 `path:"id"`
	}
	huma.Register(h, op("delete-note", http.MethodDelete, "/orders/{number}/notes/{id}", "Work", "Delete a note; the timeline keeps that there was one"),
		func(ctx context.Context, in *notePath) (*struct{}, error) {
			return nil, a.problem(a.hub.DeleteNote(ctx, in.Number, in.ID, actor(ctx)))
		})
}

func (a *API) manyMarks(h huma.API) {
	type manyIn struct{ Body MarksBody }
	huma.Register(h, op("mark-orders", http.MethodPost, "/marks", "Work", "Tag, assign or annotate many orders, with an outcome for each"),
		func(ctx context.Context, in *manyIn) (*body[Outcomes], error) {
			b := in.Body
			m := pipeline.Marks{AddTags: b.AddTags, RemoveTags: b.RemoveTags, Assignee: b.Assignee, Note: b.Note}
			if err := m.Check(); err != nil {
				return nil, a.problem(err)
			}
			var out Outcomes
			for _, n := range b.Numbers {
				o, err := a.hub.Mark(ctx, n, m, actor(ctx))
				if err != nil {
					p, _ := a.problem(err).(*Problem) //nolint:errorlint // problem always makes a *Problem
					out.Outcomes = append(out.Outcomes, Outcome{Number: n, Problem: p})
					continue
				}
				r := row(o)
				out.Outcomes = append(out.Outcomes, Outcome{Number: n, OK: true, Order: &r})
			}
			return answer(out), nil
		})
}

func (a *API) colleagues(h huma.API) {
	huma.Register(h, op("list-colleagues", http.MethodGet, "/colleagues", "Orders", "List who can be given an order: users who are not disabled"),
		func(ctx context.Context, _ *struct{}) (*body[ColleagueList], error) {
			list, err := a.store.Users(ctx)
			if err != nil {
				return nil, a.problem(err)
			}
			out := ColleagueList{Colleagues: []Colleague{}}
			for _, u := range list {
				if !u.Disabled {
					out.Colleagues = append(out.Colleagues, Colleague{Login: u.Login, Name: u.Name, Role: u.Role})
				}
			}
			return answer(out), nil
		})
}
