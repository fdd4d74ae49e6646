package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
)

// FileExchangeBody is an exchange of files to add or to change; what is absent stays, or
// is the default of a new one.
type FileExchangeBody struct {
	Name     *string                     `json:"name,omitempty" maxLength:"100"`
	Kind     *orderhub.FileKind          `json:"kind,omitempty" enum:"folder,sftp" doc:"folder: below the hub's --exchange-dir; sftp: on a server."`
	State    *orderhub.FileExchangeState `json:"state,omitempty" enum:"active,paused"`
	Every    *int                        `json:"every_minutes,omitempty" minimum:"1" maximum:"1440" doc:"The pause between two looks; default 15."`
	Orders   *string                     `json:"orders,omitempty" enum:",csv,xlsx,json" doc:"The format in which changed orders are written out; empty = none are. JSON has all of an order."`
	Personal *bool                       `json:"personal,omitempty" doc:"Files in JSON carry the buyer's data. Takes the permission personal_data."`
	Folder   *string                     `json:"folder,omitempty" maxLength:"500" doc:"A folder's name below --exchange-dir, or a folder on the server; in it are made in, out, archive and errors."`
	Address  *string                     `json:"address,omitempty" maxLength:"300" doc:"SFTP: host or host:port. A public one, or in a network that the operator allows."`
	User     *string                     `json:"user,omitempty" maxLength:"100"`
	Password *string                     `json:"password,omitempty" maxLength:"500" doc:"Never shown."`
	Key      *string                     `json:"key,omitempty" maxLength:"20000" doc:"A private key in PEM, instead of a password. Never shown."`
	HostKey  *string                     `json:"host_key,omitempty" maxLength:"5000" doc:"The server's public key, as ssh-keyscan shows it: \"ssh-ed25519 AAAA…\"."`
}

// FileExchangeView is an exchange of files as it stands.
type FileExchangeView struct {
	ID           int64                      `json:"id"`
	Name         string                     `json:"name"`
	Kind         orderhub.FileKind          `json:"kind" enum:"folder,sftp"`
	State        orderhub.FileExchangeState `json:"state" enum:"active,paused"`
	Every        int                        `json:"every_minutes"`
	Orders       string                     `json:"orders,omitempty"`
	Personal     bool                       `json:"personal"`
	Folder       string                     `json:"folder,omitempty"`
	Address      string                     `json:"address,omitempty"`
	User         string                     `json:"user,omitempty"`
	HostKey      string                     `json:"host_key,omitempty"`
	RanAt        *time.Time                 `json:"ran_at,omitempty"`
	NextAt       *time.Time                 `json:"next_at,omitempty"`
	Problem      string                     `json:"problem,omitempty"`
	FailingSince *time.Time                 `json:"failing_since,omitempty"`
	CreatedAt    time.Time                  `json:"created_at"`
}

// FileExchangeList lists exchanges of files.
type FileExchangeList struct {
	Exchanges []FileExchangeView `json:"exchanges"`
}

// ExchangedFilePage is one page of files.
type ExchangedFilePage struct {
	Files  []orderhub.ExchangedFile `json:"files" doc:"Newest first."`
	Before int64                    `json:"before,omitempty" doc:"Continues the list; absent at its end."`
}

func (b FileExchangeBody) apply(x *orderhub.FileExchange) {
	s := &x.Settings
	set(&x.Name, b.Name)
	set(&x.Kind, b.Kind)
	set(&x.State, b.State)
	set(&s.Every, b.Every)
	set(&s.Orders, b.Orders)
	set(&s.Personal, b.Personal)
	set(&s.Folder, b.Folder)
	if b.Address != nil && *b.Address != s.Address || b.User != nil && *b.User != s.User {
		s.Password, s.Key = "", "" // another server must not get them
	}
	set(&s.Address, b.Address)
	set(&s.User, b.User)
	set(&s.Password, b.Password)
	set(&s.Key, b.Key)
	set(&s.HostKey, b.HostKey)
}

func fileExchangeView(x orderhub.FileExchange) FileExchangeView {
	s := x.Settings
	return FileExchangeView{
		ID: x.ID, Name: x.Name, Kind: x.Kind, State: x.State, Every: s.Every, Orders: s.Orders, Personal: s.Personal, Folder: s.Folder, Address: s.Address,
		User: s.User, HostKey: s.HostKey, RanAt: timeOrNil(x.RanAt), NextAt: timeOrNil(x.NextAt), Problem: x.Error, FailingSince: timeOrNil(x.FailingSince), CreatedAt: x.CreatedAt,
	}
}

func (a *API) fileExchanges(h huma.API) {
	huma.Register(h, op("list-file-exchanges", http.MethodGet, "/file-exchanges", feedTag, "List the exchanges of files"),
		func(ctx context.Context, _ *struct{}) (*body[FileExchangeList], error) {
			list, err := a.store.FileExchanges(ctx)
			if err != nil {
				return nil, a.problem(err)
			}
			out := FileExchangeList{Exchanges: []FileExchangeView{}}
			for _, x := range list {
				out.Exchanges = append(out.Exchanges, fileExchangeView(x))
			}
			return answer(out), nil
		})
	save := func(ctx context.Context, id int64, b FileExchangeBody) (*body[FileExchangeView], error) {
		var have orderhub.FileExchange
		if id != 0 {
			var err error
			if have, err = a.store.FileExchange(ctx, id); err != nil {
				return nil, a.problem(err)
			}
		}
		b.apply(&have)
		if err := mayTellBuyers(ctx, have.Settings.Personal); err != nil {
			return nil, err
		}
		x, err := a.hub.SaveFileExchange(ctx, id, b.apply)
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(fileExchangeView(x)), nil
	}
	type addIn struct{ Body FileExchangeBody }
	add := op("add-file-exchange", http.MethodPost, "/file-exchanges", feedTag, "Exchange files with a folder or an SFTP server", http.StatusConflict)
	add.DefaultStatus = http.StatusCreated
	huma.Register(h, add, func(ctx context.Context, in *addIn) (*body[FileExchangeView], error) { return save(ctx, 0, in.Body) })
	type changeIn struct {
		ID   int64 `path:"id" minimum:"1"`
		Body FileExchangeBody
	}
	change := op("change-file-exchange", http.MethodPatch, "/file-exchanges/{id}", feedTag, "Change an exchange of files; it looks at once")
	huma.Register(h, change, func(ctx context.Context, in *changeIn) (*body[FileExchangeView], error) {
		return save(ctx, in.ID, in.Body)
	})
	huma.Register(h, op("remove-file-exchange", http.MethodDelete, "/file-exchanges/{id}", feedTag, "End an exchange of files; the files stay"),
		func(ctx context.Context, in *idPath) (*struct{}, error) {
			return nil, a.problem(a.hub.RemoveFileExchange(ctx, in.ID))
		})
	type listIn struct {
		ID     int64 `path:"id"`
		Before int64 `query:"before" minimum:"1" doc:"Continues a list."`
		Limit  int   `query:"limit" minimum:"1" maximum:"500" default:"50"`
	}
	huma.Register(h, op("list-exchanged-files", http.MethodGet, "/file-exchanges/{id}/files", feedTag, "List the files that came in and went out"),
		func(ctx context.Context, in *listIn) (*body[ExchangedFilePage], error) {
			if _, err := a.store.FileExchange(ctx, in.ID); err != nil {
				return nil, a.problem(err)
			}
			list, err := a.store.ExchangedFiles(ctx, in.ID, in.Before, in.Limit)
			if err != nil {
				return nil, a.problem(err)
			}
			page := ExchangedFilePage{Files: append([]orderhub.ExchangedFile{}, list...)}
			if len(list) == in.Limit {
				page.Before = list[len(list)-1].ID
			}
			return answer(page), nil
		})
}
