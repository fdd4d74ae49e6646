package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// backs is the part of the scripted market that takes goods back.
type backs struct {
	books   map[string]orderhub.ReturnSnapshot // by id and part
	answers []channel.ReturnAnswer
	// onAnswer, if set, answers instead of the market.
	onAnswer func(answers []channel.ReturnAnswer) ([]channel.PushResult, error)
}

var (
	_ channel.ReturnNormaliser = bareAdapter{}
	_ channel.ReturnAnswerer   = fullAdapter{}
)

// returning gives the market a counter and a feed of returns.
func returning(f *fake, opts *Options) {
	stocked(f, opts)
	f.backs.books = map[string]orderhub.ReturnSnapshot{}
	f.desc.Feeds = append(f.desc.Feeds, channel.Feed{Name: "returns", Every: time.Minute, Returns: true})
}

func (bareAdapter) NormaliseReturn(_ string, body []byte) (orderhub.ReturnSnapshot, error) {
	var s orderhub.ReturnSnapshot
	if err := json.Unmarshal(body, &s); err != nil {
		return s, errors.New("fake: the body is not a return")
	}
	return s, nil
}

// backItem is the market's answer about a return.
func backItem(s orderhub.ReturnSnapshot) channel.Item {
	body, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return channel.Item{Kind: channel.ReturnKind + "_" + s.Part, ExternalID: s.ExternalID, Body: body}
}

func (f *fake) listReturns() channel.Page {
	f.mu.Lock()
	defer f.mu.Unlock()
	page := channel.Page{Done: true}
	var keys []string
	for k := range f.backs.books {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		page.Items = append(page.Items, backItem(f.backs.books[k]))
	}
	return page
}

// back writes returns into the market's books.
func (f *fake) back(list ...orderhub.ReturnSnapshot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range list {
		f.backs.books[s.ExternalID+"/"+s.Part] = s
	}
}

func (a fullAdapter) AnswerReturn(_ context.Context, answers []channel.ReturnAnswer) ([]channel.PushResult, error) {
	f := a.f
	f.mu.Lock()
	defer f.mu.Unlock()
	f.backs.answers = append(f.backs.answers, answers...)
	if f.backs.onAnswer != nil {
		return f.backs.onAnswer(answers)
	}
	return f.obeyAnswers(answers), nil
}

// obeyAnswers does what is asked. The lock is held.
func (f *fake) obeyAnswers(answers []channel.ReturnAnswer) []channel.PushResult {
	out := make([]channel.PushResult, len(answers))
	for i, ans := range answers {
		out[i].Outcome = channel.OutcomeAccepted
		for k, s := range f.backs.books {
			if s.ExternalID == ans.Return.ExternalID && len(s.Actions) > 0 && !f.deaf {
				s.Actions, s.Native = []orderhub.ReturnAction{}, "answered "+ans.Action
				f.backs.books[k] = s
			}
		}
	}
	return out
}
