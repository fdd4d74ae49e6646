package api

import (
	"context"
	"crypto/sha256"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/time/rate"

	"github.com/orderhub/orderhub"
)

type (
	callerKey  struct{}
	schemasKey struct{}
)

// authorise lets only a known token pass, and not more often than it may. Until
// accounts for people exist, a token may do everything.
func (a *API) authorise(h huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		token := bearer(ctx.Header("Authorization"))
		name, known, err := "", false, error(nil)
		if token != "" {
			name, known, err = a.store.Token(ctx.Context(), token)
		}
		switch {
		case err != nil:
			a.log.Error("checking a token failed", "error", err.Error())
			_ = huma.WriteErr(h, ctx, http.StatusServiceUnavailable, "the database does not answer; try again later")
			return
		case !known:
			ctx.SetHeader("WWW-Authenticate", `Bearer realm="orderhub"`)
			_ = huma.WriteErr(h, ctx, http.StatusUnauthorized, "this needs a token: send the header Authorization: Bearer … with the token that the hub printed at its first start")
			return
		}
		if wait := a.rates.wait(token); wait > 0 {
			ctx.SetHeader("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
			_ = huma.WriteErr(h, ctx, http.StatusTooManyRequests, "this token makes more requests than it may; go on after the seconds in Retry-After")
			return
		}
		ctx = huma.WithValue(ctx, schemasKey{}, h.OpenAPI().Components.Schemas)
		next(huma.WithValue(ctx, callerKey{}, name))
	}
}

// bearer takes the token out of an Authorization header, "" when there is none.
func bearer(header string) string {
	scheme, token, _ := strings.Cut(strings.TrimSpace(header), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// actor is the caller as events name it.
func actor(ctx context.Context) orderhub.Actor {
	name, _ := ctx.Value(callerKey{}).(string)
	return orderhub.Actor{Kind: orderhub.ActorAPI, Name: name}
}

// rates limits how often each token is used in this process.
type rates struct {
	limit rate.Limit
	burst int
	mu    sync.Mutex
	// by the token's hash; only known tokens get here, so it does not grow
	by map[[32]byte]*rate.Limiter
}

func newRates(perSecond float64) *rates {
	if perSecond == 0 {
		perSecond = 50
	}
	return &rates{limit: rate.Limit(perSecond), burst: max(1, int(2*perSecond)), by: map[[32]byte]*rate.Limiter{}}
}

// wait takes one request from the token's quota, or tells when to come back.
func (r *rates) wait(token string) time.Duration {
	if r.limit < 0 {
		return 0
	}
	key := sha256.Sum256([]byte(token))
	r.mu.Lock()
	l := r.by[key]
	if l == nil {
		l = rate.NewLimiter(r.limit, r.burst)
		r.by[key] = l
	}
	r.mu.Unlock()
	take := l.Reserve()
	wait := take.Delay()
	if wait > 0 {
		take.Cancel()
	}
	return wait
}

// checkAddress refuses addresses that would be read otherwise than they were
// meant: a filter with a typo must not list everything.
func checkAddress(h huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		u := ctx.URL()
		if !plain(u.Path) {
			_ = huma.WriteErr(h, ctx, http.StatusBadRequest, "the address has a character that is no text")
			return
		}
		if field, message := checkQuery(ctx.Operation(), u.RawQuery); message != "" {
			_ = huma.WriteErr(h, ctx, http.StatusUnprocessableEntity, "", &huma.ErrorDetail{Location: "query." + field, Message: message})
			return
		}
		next(ctx)
	}
}

// plain tells whether a text can be stored and compared in every database.
func plain(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// checkQuery finds what is wrong with a query beside the values themselves.
func checkQuery(op *huma.Operation, raw string) (field, message string) {
	lists := map[string]bool{}
	var known []string
	for _, p := range op.Parameters {
		if p.In == "query" {
			known = append(known, p.Name)
			lists[p.Name] = p.Schema.Type == huma.TypeArray
		}
	}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		k, v, ok := strings.Cut(part, "=")
		name, errName := url.QueryUnescape(k)
		value, errValue := url.QueryUnescape(v)
		switch {
		case !ok || errName != nil || errValue != nil || strings.Contains(part, ";") || !plain(name) || !plain(value):
			return clip(name), "is not written as name=value with %-escapes"
		case !slices.Contains(known, name) && len(known) == 0:
			return clip(name), "is not known here; this address takes no parameters"
		case !slices.Contains(known, name):
			return clip(name), "is not known here; known: " + strings.Join(known, ", ")
		case seen[name] && !lists[name]:
			return name, "is given more than once"
		case value == "" && lists[name]:
			return name, "is empty; leave it out to get all"
		}
		seen[name] = true
	}
	return "", ""
}

// clip shortens a name from outside before it is quoted.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}
