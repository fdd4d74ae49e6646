package api

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/people"
)

// Where a browser begins to sign in with the provider, and where it comes back.
const (
	providerStart = "/api/v1/oidc/start"
	// ProviderCallback is the address to tell the provider.
	ProviderCallback = "/api/v1/oidc/callback"
)

// provider serves the two steps of signing in with a provider. They are for
// browsers, not for programs: each ends in another address, and what goes wrong in
// that of the log-in page.
func (a *API) provider(mux *http.ServeMux) {
	mux.HandleFunc("GET "+providerStart, func(w http.ResponseWriter, r *http.Request) {
		to, trip, err := a.people.GoToProvider(r.Context())
		if err != nil {
			a.backToLogIn(w, r, err)
			return
		}
		http.SetCookie(w, a.tripCookie(r, trip.String()))
		http.Redirect(w, r, to, http.StatusFound)
	})
	mux.HandleFunc("GET "+ProviderCallback, func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie(a.tripCookie(r, "").Name)
		trip, ok := people.ProviderTrip{}, false
		if err == nil {
			trip, ok = people.ParseProviderTrip(c.Value)
		}
		http.SetCookie(w, a.tripCookie(r, ""))
		if !ok {
			a.backToLogIn(w, r, orderhub.Errorf(orderhub.CodeDenied, "this log-in was not begun in this browser, or too long ago"))
			return
		}
		v := a.visit(r, "oidc")
		in, err := a.people.ComeBack(r.Context(), r.URL.Query(), trip, v.Visitor, entryOf(v))
		if err != nil {
			a.backToLogIn(w, r, err)
			return
		}
		w.Header().Add("Set-Cookie", sessionCookie(in.Secret, in.Session.Ends, v.secure))
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
}

// tripCookie keeps the trip to the provider in the browser. It is Lax: the provider's
// page sends the browser back.
func (a *API) tripCookie(r *http.Request, value string) *http.Cookie {
	c := &http.Cookie{ //nolint:gosec // Secure wherever it can be: a hub may be at http://127.0.0.1
		Name: "orderhub-oidc", Value: value, Path: "/", HttpOnly: true, Secure: a.secure(r), SameSite: http.SameSiteLaxMode, MaxAge: int(people.ProviderTripTime.Seconds()),
	}
	if c.Secure {
		c.Name = "__Host-" + c.Name
	}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// backToLogIn tells the log-in page in ?error= why it did not work: denied, throttled
// or unavailable. The sentence goes to the log.
func (a *API) backToLogIn(w http.ResponseWriter, r *http.Request, err error) {
	word := "unavailable"
	var slow *people.Throttled
	switch {
	case errors.As(err, &slow):
		word = "throttled"
	case orderhub.CodeOf(err) == orderhub.CodeDenied:
		word = "denied"
	}
	a.log.Warn("signing in with the provider did not work", "error", err.Error())
	http.Redirect(w, r, "/login?error="+url.QueryEscape(word), http.StatusSeeOther)
}
