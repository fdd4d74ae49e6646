package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/people"
	"github.com/orderhub/orderhub/store"
)

// UserView is a user.
type UserView struct {
	ID        int64             `json:"id"`
	Login     string            `json:"login"`
	Name      string            `json:"name"`
	Role      orderhub.Role     `json:"role"`
	Language  orderhub.Language `json:"language"`
	Disabled  bool              `json:"disabled"`
	Password  bool              `json:"password" doc:"Has a password here; without one only a sign-in provider lets the person in."`
	TOTP      bool              `json:"totp"`
	CreatedAt time.Time         `json:"created_at"`
	UpdatedAt time.Time         `json:"updated_at"`
}

// UserList lists users.
type UserList struct {
	Users []UserView `json:"users"`
	Roles []RoleView `json:"roles" doc:"What each role may do."`
}

// RoleView is a role.
type RoleView struct {
	Role        orderhub.Role         `json:"role"`
	Permissions []orderhub.Permission `json:"permissions"`
}

// NewUser is a user to make.
type NewUser struct {
	Login    string            `json:"login" maxLength:"100"`
	Name     string            `json:"name" maxLength:"100"`
	Role     orderhub.Role     `json:"role" enum:"owner,manager,warehouse,accountant,viewer"`
	Language orderhub.Language `json:"language,omitempty" enum:"ru,en"`
	Password string            `json:"password,omitempty" maxLength:"1024" doc:"10 characters or more; absent = only a sign-in provider lets the person in."`
}

// UserChange changes what is given.
type UserChange struct {
	Name      *string            `json:"name,omitempty" maxLength:"100"`
	Role      *orderhub.Role     `json:"role,omitempty" enum:"owner,manager,warehouse,accountant,viewer"`
	Disabled  *bool              `json:"disabled,omitempty" doc:"A disabled user's sessions end at once."`
	Language  *orderhub.Language `json:"language,omitempty" enum:"ru,en"`
	ResetTOTP bool               `json:"reset_totp,omitempty" doc:"Ask for codes no more: for somebody who lost phone and recovery codes."`
}

// NewPassword is a password for somebody else.
type NewPassword struct {
	Password string `json:"password" maxLength:"1024" doc:"10 characters or more."`
}

func userView(u orderhub.User) UserView {
	return UserView{ID: u.ID, Login: u.Login, Name: u.Name, Role: u.Role, Language: u.Language, Disabled: u.Disabled, Password: u.Password,
		TOTP: u.TOTP, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt}
}

// grants tells whether a caller may give, or touch, what holds these permissions:
// nobody makes somebody more powerful than oneself.
func grants(ctx context.Context, all []orderhub.Permission) error {
	for _, p := range all {
		if !mayRead(ctx, p) {
			return orderhub.Errorf(orderhub.CodeDenied, "this has the permission %s, which you do not have", p)
		}
	}
	return nil
}

// notOneself refuses to do to oneself what takes one's own password elsewhere: the
// right to help others does not stand in for it. Who has none may.
func notOneself(ctx context.Context, id int64) error {
	if u := visitOf(ctx).user; u.ID == id && u.Password {
		return orderhub.Errorf(orderhub.CodeRefused, "this is yourself; do it on your own page, with your present password")
	}
	return nil
}

func (a *API) users(h huma.API) {
	huma.Register(h, op("list-users", http.MethodGet, "/users", peopleTag, "List users and roles"),
		func(ctx context.Context, _ *struct{}) (*body[UserList], error) {
			list, err := a.store.Users(ctx)
			if err != nil {
				return nil, a.problem(err)
			}
			out := UserList{Users: []UserView{}}
			for _, u := range list {
				out.Users = append(out.Users, userView(u.User))
			}
			for _, r := range orderhub.Roles {
				out.Roles = append(out.Roles, RoleView{r, r.Permissions()})
			}
			return answer(out), nil
		})
	type addIn struct{ Body NewUser }
	add := op("add-user", http.MethodPost, "/users", peopleTag, "Add a user", http.StatusConflict)
	add.DefaultStatus = http.StatusCreated
	huma.Register(h, add, func(ctx context.Context, in *addIn) (*body[UserView], error) {
		b := in.Body
		if err := grants(ctx, b.Role.Permissions()); err != nil {
			return nil, a.problem(err)
		}
		u, err := a.people.AddUser(ctx, people.NewUser{Login: b.Login, Name: b.Name, Role: b.Role, Language: b.Language, Password: b.Password}, entry(ctx))
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(userView(u)), nil
	})
	type changeIn struct {
		ID   int64 `path:"id" minimum:"1"`
		Body UserChange
	}
	allowed := func(ctx context.Context) func(orderhub.Role) error {
		return func(r orderhub.Role) error { return grants(ctx, r.Permissions()) }
	}
	huma.Register(h, op("change-user", http.MethodPatch, "/users/{id}", peopleTag, "Change a user", http.StatusConflict),
		func(ctx context.Context, in *changeIn) (*body[UserView], error) {
			if in.Body.ResetTOTP {
				if err := notOneself(ctx, in.ID); err != nil {
					return nil, a.problem(err)
				}
			}
			u, err := a.people.ChangeUser(ctx, in.ID, people.UserChange(in.Body), allowed(ctx), entry(ctx))
			if err != nil {
				return nil, a.problem(err)
			}
			return answer(userView(u)), nil
		})
	type passwordIn struct {
		ID   int64 `path:"id" minimum:"1"`
		Body NewPassword
	}
	huma.Register(h, op("set-password", http.MethodPost, "/users/{id}/password", peopleTag, "Give somebody else a new password; their sessions end", http.StatusConflict),
		func(ctx context.Context, in *passwordIn) (*struct{}, error) {
			if err := notOneself(ctx, in.ID); err != nil {
				return nil, a.problem(err)
			}
			return nil, a.problem(a.people.SetPassword(ctx, in.ID, in.Body.Password, allowed(ctx), entry(ctx)))
		})
}

// TokenView is a token without its text.
type TokenView struct {
	ID        int64                 `json:"id"`
	Name      string                `json:"name"`
	Full      bool                  `json:"full" doc:"May do everything: made on the command line."`
	Scopes    []orderhub.Permission `json:"scopes"`
	CreatedBy string                `json:"created_by,omitempty"`
	CreatedAt time.Time             `json:"created_at"`
	ExpiresAt *time.Time            `json:"expires_at,omitempty" doc:"Absent = it does not end."`
	Expired   bool                  `json:"expired"`
	Token     string                `json:"token,omitempty" doc:"The text, shown once."`
}

// TokenList lists tokens.
type TokenList struct {
	Tokens []TokenView `json:"tokens"`
}

// NewToken is a token to make.
type NewToken struct {
	Name      string                `json:"name" maxLength:"100" doc:"Whom it is for; shown in timelines."`
	Scopes    []orderhub.Permission `json:"scopes" minItems:"1" maxItems:"50" doc:"What it may do: permissions that you have yourself."`
	ExpiresAt *time.Time            `json:"expires_at,omitempty" doc:"Absent = it does not end."`
}

func (a *API) tokenView(t orderhub.APIToken) TokenView {
	return TokenView{ID: t.ID, Name: t.Name, Full: t.Full, Scopes: t.May(), CreatedBy: t.CreatedBy, CreatedAt: t.CreatedAt,
		ExpiresAt: timeOrNil(t.ExpiresAt), Expired: !t.ExpiresAt.IsZero() && !t.ExpiresAt.After(a.store.Now())}
}

func (a *API) tokens(h huma.API) {
	huma.Register(h, op("list-tokens", http.MethodGet, "/tokens", peopleTag, "List API tokens, without their texts"),
		func(ctx context.Context, _ *struct{}) (*body[TokenList], error) {
			list, err := a.store.Tokens(ctx)
			if err != nil {
				return nil, a.problem(err)
			}
			out := TokenList{Tokens: []TokenView{}}
			for _, t := range list {
				out.Tokens = append(out.Tokens, a.tokenView(t))
			}
			return answer(out), nil
		})
	type addIn struct{ Body NewToken }
	add := op("add-token", http.MethodPost, "/tokens", peopleTag, "Make an API token; its text is in this answer only")
	add.DefaultStatus = http.StatusCreated
	huma.Register(h, add, func(ctx context.Context, in *addIn) (*body[TokenView], error) {
		t := orderhub.APIToken{Name: in.Body.Name, Scopes: in.Body.Scopes, CreatedBy: actor(ctx).Name}
		if in.Body.ExpiresAt != nil {
			t.ExpiresAt = in.Body.ExpiresAt.UTC()
			if t.ExpiresAt.IsZero() { // would not end
				return nil, a.problem(orderhub.InvalidField("expires_at", "lies in the past"))
			}
		}
		made, text, err := a.people.AddToken(ctx, t, func(all []orderhub.Permission) error { return grants(ctx, all) }, entry(ctx))
		if err != nil {
			return nil, a.problem(err)
		}
		v := a.tokenView(made)
		v.Token = text
		return answer(v), nil
	})
	huma.Register(h, op("delete-token", http.MethodDelete, "/tokens/{id}", peopleTag, "End an API token at once"),
		func(ctx context.Context, in *idPath) (*struct{}, error) {
			return nil, a.problem(a.people.DeleteToken(ctx, in.ID, entry(ctx)))
		})
}

// AuditLogEntry is who did what.
type AuditLogEntry struct {
	ID         int64               `json:"id"`
	At         time.Time           `json:"at"`
	Actor      orderhub.Actor      `json:"actor" doc:"kind user: a person by login; api: a token by name. No name: a log-in at a login that nobody has."`
	UserID     int64               `json:"user_id,omitempty"`
	Permission orderhub.Permission `json:"permission,omitempty"`
	Operation  string              `json:"operation" doc:"The id of the API's operation."`
	Target     string              `json:"target,omitempty" doc:"An address below /api/v1, or user:7."`
	Outcome    orderhub.Outcome    `json:"outcome"`
	Status     int                 `json:"status,omitempty"`
	Address    string              `json:"address,omitempty"`
}

// AuditLogPage is one page of the audit log.
type AuditLogPage struct {
	Entries []AuditLogEntry `json:"entries"`
	Before  int64           `json:"before,omitempty" doc:"Continues the list; absent at its end."`
}

func (a *API) auditLog(h huma.API) {
	type listIn struct {
		Actor      string              `query:"actor" maxLength:"200" doc:"A login or the name of a token."`
		Operation  string              `query:"operation" maxLength:"100"`
		Permission orderhub.Permission `query:"permission" maxLength:"100"`
		Outcome    orderhub.Outcome    `query:"outcome" enum:"done,denied,refused,failed"`
		From       time.Time           `query:"from"`
		To         time.Time           `query:"to"`
		Before     int64               `query:"before" minimum:"1" doc:"Only ids below: the \"before\" of the previous page."`
		Limit      int                 `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	o := op("get-audit-log", http.MethodGet, "/audit-log", peopleTag, "Read who did what, newest first")
	o.Description = "Changes, log-ins, failed log-ins, exports and readings of raw answers, for 400 days. Orders that a site sends in stand in the orders' own timelines."
	huma.Register(h, o, func(ctx context.Context, in *listIn) (*body[AuditLogPage], error) {
		list, err := a.store.ListAudit(ctx, store.AuditFilter{Actor: in.Actor, Operation: in.Operation, Permission: in.Permission,
			Outcome: in.Outcome, From: in.From, To: in.To, Before: in.Before, Limit: in.Limit})
		if err != nil {
			return nil, a.problem(err)
		}
		page := AuditLogPage{Entries: []AuditLogEntry{}}
		for _, e := range list {
			page.Entries = append(page.Entries, AuditLogEntry(e))
		}
		if len(list) == in.Limit {
			page.Before = list[len(list)-1].ID
		}
		return answer(page), nil
	})
}
