package api

import (
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/people"
)

// OwnView is the person who is signed in.
type OwnView struct {
	ID       int64             `json:"id"`
	Login    string            `json:"login"`
	Name     string            `json:"name"`
	Role     orderhub.Role     `json:"role"`
	Language orderhub.Language `json:"language" doc:"ru, en, or empty: the browser's."`
	TOTP     bool              `json:"totp" doc:"Codes of an app are asked for."`
}

// SessionView is a session of a person.
type SessionView struct {
	User        OwnView               `json:"user"`
	Permissions []orderhub.Permission `json:"permissions"`
	CSRF        string                `json:"csrf" doc:"To be sent as X-CSRF-Token with every change."`
	IdleEnds    time.Time             `json:"idle_ends" doc:"When the session ends if it is not used."`
	Ends        time.Time             `json:"ends" doc:"When it ends in any case."`
}

func ownView(u orderhub.User) OwnView {
	return OwnView{ID: u.ID, Login: u.Login, Name: u.Name, Role: u.Role, Language: u.Language, TOTP: u.TOTP}
}

func sessionView(s orderhub.Session, u orderhub.User, secret string) SessionView {
	return SessionView{User: ownView(u), Permissions: u.Role.Permissions(), CSRF: people.CSRF(secret), IdleEnds: s.IdleEnds, Ends: s.Ends}
}

// cookieName: by https the browser itself sees to it that no other site and no
// other host set the cookie.
func cookieName(secure bool) string {
	if secure {
		return "__Host-orderhub"
	}
	return "orderhub"
}

// sessionCookie gives a session to the browser; an empty secret takes it away. With
// SameSite=Strict no other site's link or form carries it.
func sessionCookie(secret string, ends time.Time, secure bool) string {
	c := http.Cookie{ //nolint:gosec // Secure wherever it can be: a hub may be at http://127.0.0.1
		Name: cookieName(secure), Value: secret, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode, Expires: ends,
	}
	if secret == "" {
		c.MaxAge = -1
	}
	return c.String()
}

// signedIn is the answer that begins a session.
type signedIn struct {
	SetCookie string `header:"Set-Cookie"`
	Body      SessionView
}

func begin(ctx context.Context, in people.SignedIn) *signedIn {
	return &signedIn{sessionCookie(in.Secret, in.Session.Ends, visitOf(ctx).secure), sessionView(in.Session, in.User, in.Secret)}
}

// signedOut is the answer that ends one.
type signedOut struct {
	SetCookie string `header:"Set-Cookie"`
}

func leave(ctx context.Context) *signedOut {
	return &signedOut{sessionCookie("", time.Time{}, visitOf(ctx).secure)}
}

// notIn turns what package people says to strangers into answers.
func (a *API) notIn(err error) error {
	var slow *people.Throttled
	switch {
	case errors.As(err, &slow):
		seconds := strconv.Itoa(int(math.Ceil(slow.Wait.Seconds())))
		p := newProblem(http.StatusTooManyRequests, "too many attempts; go on after the seconds in Retry-After")
		return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {seconds}})
	case errors.Is(err, people.ErrWrong):
		return newProblem(http.StatusUnauthorized, "the login or the password is wrong")
	case errors.Is(err, people.ErrCodeNeeded):
		return coded(http.StatusUnauthorized, "totp_required", "send the code that your app shows, or a recovery code")
	case errors.Is(err, people.ErrCodeWrong):
		return coded(http.StatusUnauthorized, "totp_wrong", "the code is wrong or was used already")
	}
	return a.problem(err)
}

const peopleTag = "People"

// SetupView says how the hub is entered.
type SetupView struct {
	Needed     bool           `json:"needed" doc:"Nobody can sign in yet: the first user is to be made."`
	CodeNeeded bool           `json:"code_needed" doc:"Making the first user takes the set-up code that the hub printed at its start."`
	SignedIn   bool           `json:"signed_in" doc:"The caller's session is good: GET /session tells whose it is."`
	OIDC       []ProviderView `json:"oidc" doc:"Sign-in providers."`
}

// ProviderView is a sign-in provider.
type ProviderView struct {
	Name string `json:"name"`
	URL  string `json:"url" doc:"Where the browser goes to sign in."`
}

// NewOwner is the first user.
type NewOwner struct {
	Login     string            `json:"login" maxLength:"100"`
	Name      string            `json:"name" maxLength:"100"`
	Password  string            `json:"password" maxLength:"1024"`
	Language  orderhub.Language `json:"language,omitempty" enum:"ru,en"`
	SetupCode string            `json:"setup_code,omitempty" maxLength:"100"`
}

// Credentials let a person in.
type Credentials struct {
	Login    string `json:"login" maxLength:"200"`
	Password string `json:"password" maxLength:"1024"`
	TOTP     string `json:"totp,omitempty" maxLength:"100" doc:"The code of the app, or a recovery code."`
}

func (a *API) signIn(h huma.API) {
	huma.Register(h, op("get-setup", http.MethodGet, "/setup", peopleTag, "Read how one signs in, and whether the first user is to be made"), a.getSetup)

	type setupIn struct{ Body NewOwner }
	set := op("set-up", http.MethodPost, "/setup", peopleTag, "Make the first user, an owner, and sign them in", http.StatusForbidden, http.StatusConflict)
	set.DefaultStatus = http.StatusCreated
	huma.Register(h, set, func(ctx context.Context, in *setupIn) (*signedIn, error) {
		v := visitOf(ctx)
		needed, err := a.people.NeedsUser(ctx)
		if err != nil {
			return nil, a.problem(err)
		}
		if needed && v.codeNeeded {
			if err := a.people.CheckSetupCode(in.Body.SetupCode, v.Visitor); errors.Is(err, people.ErrCodeWrong) {
				p := coded(http.StatusForbidden, string(orderhub.CodeDenied), "setup_code: is not the one that the hub printed at its start")
				p.Field = "setup_code"
				return nil, p
			} else if err != nil {
				return nil, a.notIn(err)
			}
		}
		b := in.Body
		done, err := a.people.SetUp(ctx, people.NewUser{Login: b.Login, Name: b.Name, Password: b.Password, Language: b.Language}, v.Visitor, entryOf(v))
		if err != nil {
			return nil, a.notIn(err)
		}
		return begin(ctx, done), nil
	})

	type logInIn struct{ Body Credentials }
	huma.Register(h, op("log-in", http.MethodPost, "/session", peopleTag, "Sign in", http.StatusForbidden),
		func(ctx context.Context, in *logInIn) (*signedIn, error) {
			v := visitOf(ctx)
			done, err := a.people.LogIn(ctx, in.Body.Login, in.Body.Password, in.Body.TOTP, v.Visitor, entryOf(v))
			if err != nil {
				return nil, a.notIn(err)
			}
			return begin(ctx, done), nil
		})
	namePermissions(h)
}

// namePermissions lists in the document what permissions there are, so that programs
// made from it know them.
func namePermissions(h huma.API) {
	of := h.OpenAPI().Components.Schemas.Map()["SessionView"].Properties["permissions"].Items
	for _, p := range orderhub.Permissions {
		of.Enum = append(of.Enum, string(p))
	}
}

// entryOf is the entry of a log-in: who it is comes out on the way.
func entryOf(v *visit) orderhub.AuditEntry {
	e := v.entry
	e.Actor, e.UserID, e.Target = orderhub.Actor{Kind: orderhub.ActorUser}, 0, ""
	return e
}

func (a *API) getSetup(ctx context.Context, _ *struct{}) (*body[SetupView], error) {
	v := SetupView{SignedIn: visitOf(ctx).user.ID != 0, OIDC: []ProviderView{}}
	var err error
	if v.Needed, err = a.people.NeedsUser(ctx); err != nil {
		return nil, a.problem(err)
	}
	v.CodeNeeded = v.Needed && visitOf(ctx).codeNeeded
	if name := a.people.ProviderName(); name != "" {
		v.OIDC = append(v.OIDC, ProviderView{Name: name, URL: providerStart})
	}
	return answer(v), nil
}

// codeNeeded tells whether making the first user takes the set-up code: always,
// unless the hub listens on this machine alone and this machine's own browser asks.
// A proxy, or a page that points its name at 127.0.0.1, shows in the headers; nginx as
// it comes shows by HTTP/1.0 only.
func (a *API) codeNeeded(r *http.Request) bool {
	if !a.openSetup || !r.ProtoAtLeast(1, 1) {
		return true
	}
	for _, h := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded", "Via"} {
		if r.Header.Get(h) != "" {
			return true
		}
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !from.Addr().Unmap().IsLoopback() {
		return true
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	addr, err := netip.ParseAddr(host)
	return host != "localhost" && (err != nil || !addr.IsLoopback())
}

// OpenSession is one of a person's sessions.
type OpenSession struct {
	ID        int64     `json:"id"`
	Address   string    `json:"address,omitempty"`
	Agent     string    `json:"agent,omitempty" doc:"What the browser said of itself."`
	CreatedAt time.Time `json:"created_at"`
	SeenAt    time.Time `json:"seen_at" doc:"When it was used last, to the minute."`
	Ends      time.Time `json:"ends"`
	Current   bool      `json:"current" doc:"The one that asks."`
}

// SessionList lists sessions.
type SessionList struct {
	Sessions []OpenSession `json:"sessions"`
}

func (a *API) sessions(h huma.API) {
	huma.Register(h, op("get-session", http.MethodGet, "/session", peopleTag, "Read who is signed in, and what they may do"),
		func(ctx context.Context, _ *struct{}) (*body[SessionView], error) {
			v := visitOf(ctx)
			if v.user.ID != 0 {
				return answer(sessionView(v.session, v.user, v.Old)), nil
			}
			needed, err := a.people.NeedsUser(ctx)
			switch {
			case err != nil:
				return nil, a.problem(err)
			case needed:
				return nil, coded(http.StatusUnauthorized, "setup_needed", "nobody can sign in yet; make the first user with POST /api/v1/setup")
			}
			return nil, newProblem(http.StatusUnauthorized, "nobody is signed in")
		})
	huma.Register(h, op("log-out", http.MethodDelete, "/session", peopleTag, "Sign out"),
		func(ctx context.Context, _ *struct{}) (*signedOut, error) {
			if err := a.people.LogOut(ctx, visitOf(ctx).session, entry(ctx)); err != nil {
				return nil, a.problem(err)
			}
			return leave(ctx), nil
		})
	huma.Register(h, op("list-sessions", http.MethodGet, "/me/sessions", peopleTag, "List one's own sessions"),
		func(ctx context.Context, _ *struct{}) (*body[SessionList], error) {
			v := visitOf(ctx)
			list, err := a.store.Sessions(ctx, v.user.ID)
			if err != nil {
				return nil, a.problem(err)
			}
			out := SessionList{Sessions: []OpenSession{}}
			for _, s := range list {
				out.Sessions = append(out.Sessions, OpenSession{ID: s.ID, Address: s.Address, Agent: s.Agent, CreatedAt: s.CreatedAt,
					SeenAt: s.SeenAt, Ends: s.Ends, Current: s.ID == v.session.ID})
			}
			return answer(out), nil
		})
	huma.Register(h, op("end-sessions", http.MethodDelete, "/me/sessions", peopleTag, "Sign out everywhere, here too"),
		func(ctx context.Context, _ *struct{}) (*signedOut, error) {
			if err := a.people.EndSession(ctx, visitOf(ctx).user.ID, 0, entry(ctx)); err != nil {
				return nil, a.problem(err)
			}
			return leave(ctx), nil
		})
	huma.Register(h, op("end-session", http.MethodDelete, "/me/sessions/{id}", peopleTag, "End one of one's own sessions"),
		func(ctx context.Context, in *idPath) (*struct{}, error) {
			if in.ID <= 0 {
				return nil, a.problem(orderhub.Errorf(orderhub.CodeNotFound, "there is no session %d of yours", in.ID))
			}
			return nil, a.problem(a.people.EndSession(ctx, visitOf(ctx).user.ID, in.ID, entry(ctx)))
		})
}
