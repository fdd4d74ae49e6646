package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// ChannelView describes a kind of channel.
type ChannelView struct {
	Name     orderhub.Channel `json:"name"`
	Title    string           `json:"title"`
	Doc      string           `json:"doc,omitempty" doc:"The channel's own documentation."`
	Settings []SettingView    `json:"settings"`
	Statuses []NativeView     `json:"statuses" doc:"The channel's words and what they mean here."`
	Steps    []StepView       `json:"steps" doc:"Who can cause which step."`
}

// SettingView is one field of the account form.
type SettingView struct {
	Key      string `json:"key"`
	Title    string `json:"title"`
	Help     string `json:"help"`
	Secret   bool   `json:"secret,omitempty"`
	Required bool   `json:"required,omitempty"`
	Default  string `json:"default,omitempty"`
}

// NativeView is one row of the status table.
type NativeView struct {
	Scheme orderhub.Scheme `json:"scheme,omitempty" doc:"Absent = any."`
	Word   string          `json:"word"`
	Sub    string          `json:"sub,omitempty" doc:"\"*\" = any."`
	Status orderhub.Status `json:"status"`
	Leads  orderhub.Status `json:"leads,omitempty" doc:"The step that was taken and that the channel will show by itself."`
	Note   string          `json:"note,omitempty"`
}

// StepView tells who can cause a step.
type StepView struct {
	Scheme orderhub.Scheme   `json:"scheme,omitempty"`
	To     orderhub.Status   `json:"to"`
	Kind   orderhub.StepKind `json:"kind"`
	From   []orderhub.Status `json:"from,omitempty"`
	Call   string            `json:"call,omitempty"`
	Note   string            `json:"note,omitempty"`
}

// ChannelList lists the kinds of channels.
type ChannelList struct {
	Channels []ChannelView `json:"channels"`
}

// DriftList lists unknown words, newest first.
type DriftList struct {
	Words []store.DriftRow `json:"words"`
}

func (a *API) channels(h huma.API) {
	huma.Register(h, op("list-channels", http.MethodGet, "/channels", "Channels", "List the kinds of channels with settings and status tables"),
		func(context.Context, *struct{}) (*body[ChannelList], error) {
			o := ChannelList{Channels: []ChannelView{}}
			for _, c := range a.hub.Channels() {
				o.Channels = append(o.Channels, channelView(c.Descriptor))
			}
			return answer(o), nil
		})

	huma.Register(h, op("list-drift", http.MethodGet, "/drift", "Channels", "List words of the channels that the hub does not know"),
		func(ctx context.Context, _ *struct{}) (*body[DriftList], error) {
			words, err := a.store.Drift(ctx, 500)
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(DriftList{Words: append([]store.DriftRow{}, words...)}), nil
		})
}

func channelView(d channel.Descriptor) ChannelView {
	v := ChannelView{Name: d.Name, Title: d.Title, Doc: d.Doc, Settings: []SettingView{}, Statuses: []NativeView{}, Steps: []StepView{}}
	for _, s := range d.Settings {
		v.Settings = append(v.Settings, SettingView{Key: s.Key, Title: s.Title, Help: s.Help, Secret: s.Secret, Required: s.Required, Default: s.Default})
	}
	for _, n := range d.Statuses.Native {
		v.Statuses = append(v.Statuses, NativeView(n))
	}
	for _, s := range d.Statuses.Steps {
		v.Steps = append(v.Steps, StepView{Scheme: s.Scheme, To: s.To, Kind: s.Kind, From: s.From, Call: s.Call, Note: s.Note})
	}
	return v
}
