package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/notify"
	"github.com/orderhub/orderhub/store"
)

// NoticeView is a message and what became of it.
type NoticeView struct {
	ID        int64                  `json:"id"`
	Rule      int64                  `json:"rule,omitempty" doc:"Absent = a test, or the call of an automation rule."`
	Recipient int64                  `json:"recipient"`
	Kind      orderhub.RecipientKind `json:"kind"`
	Number    int64                  `json:"number,omitempty" doc:"The order, if it is about one."`
	Causes    int64                  `json:"causes" doc:"How many things it tells of."`
	Text      string                 `json:"text"`
	State     orderhub.MessageState  `json:"state" enum:"pending,sending,sent,failed,uncertain,given_up" doc:"uncertain: it may have arrived, and is not repeated by itself."`
	Attempts  int                    `json:"attempts"`
	NextAt    *time.Time             `json:"next_at,omitempty"`
	Class     orderhub.Class         `json:"class,omitempty"`
	Error     string                 `json:"error,omitempty"`
	CreatedAt time.Time              `json:"created_at"`
	SentAt    *time.Time             `json:"sent_at,omitempty"`
}

// NoticePage is one page of messages.
type NoticePage struct {
	Messages []NoticeView `json:"messages"`
	Before   int64        `json:"before,omitempty" doc:"Continues the list; absent at its end."`
}

func noticeView(m orderhub.Notice) NoticeView {
	v := NoticeView{
		ID: m.ID, Rule: m.RuleID, Recipient: m.RecipientID, Kind: m.Kind, Number: m.OrderID, Causes: m.Causes, Text: m.Text, State: m.State,
		Attempts: m.Attempts, Class: m.Class, Error: m.Error, CreatedAt: m.CreatedAt, SentAt: timeOrNil(m.SentAt),
	}
	if m.State.IsOpen() {
		v.NextAt = timeOrNil(m.NextAt)
	}
	return v
}

func (a *API) notices(h huma.API) {
	type listIn struct {
		State     string `query:"state" enum:"pending,sending,sent,failed,uncertain,given_up"`
		Recipient int64  `query:"recipient" minimum:"1"`
		Before    int64  `query:"before" minimum:"1" doc:"Only ids below: the \"before\" of the previous page."`
		Limit     int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	huma.Register(h, op("list-messages", http.MethodGet, "/notify/messages", notifyTag, "List what was told and what became of it, newest first"),
		func(ctx context.Context, in *listIn) (*body[NoticePage], error) {
			list, err := a.store.ListNotices(ctx, store.NoticeFilter{
				State: orderhub.MessageState(in.State), RecipientID: in.Recipient, Before: in.Before, Limit: in.Limit,
			})
			if err != nil {
				return nil, a.problem(err)
			}
			page := NoticePage{Messages: []NoticeView{}}
			for _, m := range list {
				page.Messages = append(page.Messages, noticeView(m))
			}
			if len(list) == in.Limit {
				page.Before = list[len(list)-1].ID
			}
			return answer(page), nil
		})
	huma.Register(h, op("retry-message", http.MethodPost, "/notify/messages/{id}/retry", notifyTag, "Send a message again that failed, was given up or may have arrived", http.StatusConflict),
		func(ctx context.Context, in *idPath) (*body[NoticeView], error) {
			m, err := a.hub.RetryNotice(ctx, in.ID)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(noticeView(m)), nil
		})
}

// TextView is a text of messages: a Go text/template with the parts "one" and "many".
type TextView struct {
	Name     string            `json:"name"`
	Language orderhub.Language `json:"language"`
	Text     string            `json:"text"`
	Own      bool              `json:"own" doc:"It replaces the built-in one."`
}

// TextList lists texts.
type TextList struct {
	Templates []TextView `json:"templates"`
}

// TextBody is a text to write or to try.
type TextBody struct {
	Text string `json:"text,omitempty" maxLength:"20000" doc:"A Go text/template with the parts \"one\" and \"many\"; empty = the built-in one."`
}

// Preview is a text filled in with an example.
type Preview struct {
	One  string `json:"one"`
	Many string `json:"many"`
}

func (a *API) texts(h huma.API) {
	huma.Register(h, op("list-templates", http.MethodGet, "/notify/templates", notifyTag, "List the texts of messages"),
		func(ctx context.Context, _ *struct{}) (*body[TextList], error) {
			list, err := a.store.NotifyTexts(ctx)
			if err != nil {
				return nil, a.problem(err)
			}
			own := map[string]string{}
			for _, t := range list {
				own[t.Name+"/"+string(t.Language)] = t.Body
			}
			out := TextList{Templates: []TextView{}}
			for _, name := range notify.Templates() {
				for _, language := range []orderhub.Language{orderhub.Russian, orderhub.English} {
					v := TextView{Name: name, Language: language, Text: notify.BuiltIn(name, language)}
					if text := own[name+"/"+string(language)]; text != "" {
						v.Text, v.Own = text, true
					}
					out.Templates = append(out.Templates, v)
				}
			}
			return answer(out), nil
		})
	type textIn struct {
		Name     string            `path:"name"`
		Language orderhub.Language `path:"language"`
		Body     TextBody
	}
	huma.Register(h, op("set-template", http.MethodPut, "/notify/templates/{name}/{language}", notifyTag, "Replace a text; an empty one brings the built-in back"),
		func(ctx context.Context, in *textIn) (*body[TextView], error) {
			if err := a.hub.SaveText(ctx, in.Name, in.Language, in.Body.Text); err != nil {
				return nil, a.problem(err)
			}
			v := TextView{Name: in.Name, Language: in.Language, Text: in.Body.Text, Own: in.Body.Text != ""}
			if !v.Own {
				v.Text = notify.BuiltIn(in.Name, in.Language)
			}
			return answer(v), nil
		})
	huma.Register(h, op("preview-template", http.MethodPost, "/notify/templates/{name}/{language}/preview", notifyTag, "Fill a text in with an example: for one cause and for twelve"),
		func(_ context.Context, in *textIn) (*body[Preview], error) {
			out, err := a.hub.PreviewText(in.Name, in.Language, in.Body.Text)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(Preview{One: out[0], Many: out[1]}), nil
		})
}
