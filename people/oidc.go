package people

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// Provider is a sign-in provider (OpenID Connect).
type Provider struct {
	// Name is shown on the button.
	Name                   string
	Issuer                 string
	ClientID, ClientSecret string
	// Redirect is the hub's address that the provider sends people back to.
	Redirect string
	// Domains are those of e-mail addresses that are let in; none = all that the
	// provider knows.
	Domains []string
	// DefaultRole is that of a person who comes for the first time and whose claim says
	// nothing; "" = nobody is let in so.
	DefaultRole orderhub.Role
	// RoleClaim names the claim that Roles translates, for instance "groups". What
	// it says counts at every log-in.
	RoleClaim string
	Roles     map[string]orderhub.Role
}

// Check tells what is wrong with the settings.
func (o Provider) Check() error {
	switch {
	case o.Issuer == "" || o.ClientID == "" || o.ClientSecret == "":
		return orderhub.InvalidField("oidc", "issuer, client id and client secret belong together")
	case !strings.HasPrefix(o.Redirect, "https://") && !strings.HasPrefix(o.Redirect, "http://"):
		return orderhub.InvalidField("public-url", "is needed for signing in with a provider: it sends people back there")
	case o.DefaultRole != "" && len(o.Domains) == 0:
		return orderhub.InvalidField("oidc-default-role", "needs oidc-domains: else everybody whom the provider knows would come in")
	case (o.RoleClaim == "") != (len(o.Roles) == 0):
		return orderhub.InvalidField("oidc-role-claim", "and oidc-roles belong together")
	}
	for _, r := range o.Roles {
		if err := checkRole(r); err != nil {
			return err
		}
	}
	if o.DefaultRole != "" {
		return checkRole(o.DefaultRole)
	}
	return nil
}

// provider reaches a Provider.
type provider struct {
	Provider
	http *http.Client
	mu   sync.Mutex
	// found is what the provider says of itself, asked for when first needed: the hub
	// starts without it.
	found *oidc.Provider
}

func newProvider(o Provider, client *http.Client) (*provider, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if client == nil {
		client = &http.Client{Timeout: 10 * time.Second}
	}
	if o.Name == "" {
		o.Name = "OpenID Connect"
	}
	for i, d := range o.Domains {
		o.Domains[i] = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(d), "@"))
	}
	return &provider{Provider: o, http: client}, nil
}

// ProviderName is the name of the sign-in provider, "" without one.
func (p *People) ProviderName() string {
	if p.provider == nil {
		return ""
	}
	return p.provider.Name
}

func (o *provider) discover(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.found == nil {
		found, err := oidc.NewProvider(oidc.ClientContext(ctx, o.http), o.Issuer)
		if err != nil {
			return nil, nil, orderhub.Errorf(orderhub.CodeUnavailable, "the sign-in provider does not answer as it should").WithCause(err)
		}
		o.found = found
	}
	return o.found, &oauth2.Config{
		ClientID: o.ClientID, ClientSecret: o.ClientSecret, Endpoint: o.found.Endpoint(), RedirectURL: o.Redirect,
		Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
	}, nil
}

// ProviderTrip is what a browser keeps while it is at the provider.
type ProviderTrip struct{ State, Nonce, Verifier string }

// ProviderTripTime is how long it may stay there.
const ProviderTripTime = 10 * time.Minute

func (t ProviderTrip) String() string { return t.State + "." + t.Nonce + "." + t.Verifier }

// ParseProviderTrip reads what String wrote.
func ParseProviderTrip(text string) (t ProviderTrip, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || slices.Contains(parts, "") {
		return t, false
	}
	return ProviderTrip{parts[0], parts[1], parts[2]}, true
}

var noProvider = orderhub.Errorf(orderhub.CodeNotFound, "signing in with a provider is not set up")

// GoToProvider gives the address where the provider asks who it is.
func (p *People) GoToProvider(ctx context.Context) (address string, trip ProviderTrip, err error) {
	if p.provider == nil {
		return "", trip, noProvider
	}
	_, conf, err := p.provider.discover(ctx)
	if err != nil {
		return "", trip, err
	}
	trip = ProviderTrip{State: newSecret(), Nonce: newSecret(), Verifier: oauth2.GenerateVerifier()}
	return conf.AuthCodeURL(trip.State, oidc.Nonce(trip.Nonce), oauth2.S256ChallengeOption(trip.Verifier)), trip, nil
}

// identity is who the provider says it is.
type identity struct {
	subject, login, name string
	language             orderhub.Language
	role                 orderhub.Role // "" = the claim says nothing
}

// ComeBack signs in who comes back from the provider.
func (p *People) ComeBack(ctx context.Context, query url.Values, trip ProviderTrip, v Visitor, entry orderhub.AuditEntry) (in SignedIn, err error) {
	if p.provider == nil {
		return in, noProvider
	}
	if !sameText(query.Get("state"), trip.State) {
		return in, orderhub.Errorf(orderhub.CodeDenied, "this is not the answer to a log-in that was begun in this browser; begin anew")
	}
	// Each answer is a call to the provider: nobody makes many in our name.
	try, wait := p.throttle.begin("\x00provider "+v.Address.String(), v.Address)
	if wait > 0 {
		return in, &Throttled{wait}
	}
	who, err := p.provider.identify(ctx, query, trip)
	if err == nil {
		err = p.store.InTx(ctx, func(tx *store.Tx) error {
			u, err := p.admit(ctx, tx, who)
			if err != nil {
				return err
			}
			if in, err = p.open(ctx, tx, u, v); err != nil {
				return err
			}
			return done(ctx, tx, asUser(entry, u))
		})
	}
	switch {
	case err == nil:
		try.forgive()
	case orderhub.CodeOf(err) == orderhub.CodeDenied:
		p.denied(ctx, entry)
	}
	return in, err
}

// identify takes the provider's answer and checks it.
func (o *provider) identify(ctx context.Context, query url.Values, trip ProviderTrip) (who identity, err error) {
	denied := func(cause error, sentence string) error {
		e := orderhub.Errorf(orderhub.CodeDenied, "%s", sentence)
		if cause != nil {
			e = e.WithCause(cause)
		}
		return e
	}
	if query.Get("error") != "" || query.Get("code") == "" {
		return who, denied(nil, "the sign-in provider did not let you in")
	}
	found, conf, err := o.discover(ctx)
	if err != nil {
		return who, err
	}
	ctx = oidc.ClientContext(ctx, o.http)
	token, err := conf.Exchange(ctx, query.Get("code"), oauth2.VerifierOption(trip.Verifier))
	if err != nil {
		// Its text repeats the provider's answer.
		return who, denied(errors.New("the code was not taken"), "the sign-in provider did not take its own answer back; begin anew")
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := found.Verifier(&oidc.Config{ClientID: o.ClientID}).Verify(ctx, raw)
	if err != nil {
		return who, denied(err, "the sign-in provider's answer cannot be trusted")
	}
	if !sameText(id.Nonce, trip.Nonce) {
		return who, denied(nil, "the sign-in provider's answer belongs to another log-in")
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return who, denied(err, "the sign-in provider's answer cannot be read")
	}
	return o.read(id, claims)
}

// read takes out of the claims what the hub wants to know.
func (o *provider) read(id *oidc.IDToken, claims map[string]any) (who identity, err error) {
	text := func(name string) string { s, _ := claims[name].(string); return strings.TrimSpace(s) }
	who = identity{subject: id.Issuer + " " + id.Subject, login: orderhub.CleanLogin(text("email")), name: clip(text("name"), 100)}
	verified := claims["email_verified"] == true || text("email_verified") == "true"
	if who.login == "" || !verified {
		return who, orderhub.Errorf(orderhub.CodeDenied, "the sign-in provider knows no confirmed e-mail address of yours")
	}
	if err := orderhub.CheckLogin(who.login); err != nil {
		return who, orderhub.Errorf(orderhub.CodeDenied, "your e-mail address cannot be a login here")
	}
	_, domain, _ := strings.Cut(who.login, "@")
	if len(o.Domains) > 0 && !slices.Contains(o.Domains, domain) {
		return who, orderhub.Errorf(orderhub.CodeDenied, "your e-mail address is of a domain that is not let in")
	}
	if orderhub.CheckName(who.name) != nil {
		who.name = who.login
	}
	if l := orderhub.Language(strings.ToLower(clip(text("locale"), 2))); checkLanguage(l) == nil {
		who.language = l
	}
	who.role = o.roleOf(claims[o.RoleClaim])
	if o.RoleClaim != "" && who.role == "" && o.DefaultRole == "" {
		return who, orderhub.Errorf(orderhub.CodeDenied, "the sign-in provider gives you no role here")
	}
	return who, nil
}

// roleOf translates a claim: a text or a list of them. Of several roles the one
// that may do most counts.
func (o *provider) roleOf(claim any) orderhub.Role {
	words, isList := claim.([]any)
	if !isList {
		words = []any{claim}
	}
	for _, r := range orderhub.Roles {
		for _, w := range words {
			if s, ok := w.(string); ok && o.Roles[s] == r {
				return r
			}
		}
	}
	return ""
}

// gives tells whether a role is one that the claim can give.
func (o *provider) gives(role orderhub.Role) bool {
	for _, r := range o.Roles {
		if r == role {
			return true
		}
	}
	return false
}

// admit finds the user of an identity or makes one. A user with a password is not
// taken over: whoever can name an address at the provider would own the account.
func (p *People) admit(ctx context.Context, tx *store.Tx, who identity) (orderhub.User, error) {
	deny := func(sentence string) (orderhub.User, error) {
		return orderhub.User{}, orderhub.Errorf(orderhub.CodeDenied, "%s", sentence)
	}
	owners, err := tx.OwnersBut(ctx, 0)
	if err != nil {
		return orderhub.User{}, err
	}
	u, known, err := tx.LockUserBy(ctx, who.subject, who.login)
	switch {
	case err != nil:
		return u.User, err
	case !known:
		role := who.role
		if role == "" {
			role = p.provider.DefaultRole
		}
		if role == "" {
			return deny("nobody has let you in yet; ask the owner to add you")
		}
		first, err := tx.ClaimFirstUser(ctx)
		if err != nil {
			return u.User, err
		}
		if first {
			return deny("the first user is made in the hub itself")
		}
		u = store.UserRow{User: orderhub.User{Login: who.login, Name: who.name, Role: role, Language: who.language}, Subject: who.subject}
		if err := tx.AddUser(ctx, &u); err != nil {
			return u.User, fmt.Errorf("add a user of the provider: %w", err)
		}
		return u.User, nil
	case u.Disabled:
		return deny("your account here is switched off")
	case u.Subject == "" && u.PasswordHash != "":
		return deny("there is a user with this login and a password; sign in with that")
	case u.Subject != "" && u.Subject != who.subject:
		return deny("this login belongs to somebody else at the sign-in provider")
	}
	changed := u.Subject == ""
	u.Subject = who.subject
	lastOwner := u.Role == orderhub.RoleOwner && owners <= 1
	role := who.role
	if role == "" && p.provider.gives(u.Role) {
		role = p.provider.DefaultRole // the claim that gave it does so no more
	}
	if role != "" && role != u.Role && !lastOwner {
		u.Role, changed = role, true
	}
	if changed {
		err = tx.SaveUser(ctx, &u)
	}
	return u.User, err
}
