package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
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
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/time/rate"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/people"
)

type (
	visitKey   struct{}
	schemasKey struct{}
)

// visit is a request with what is known of its caller.
type visit struct {
	people.Visitor
	need need
	// secure: it came by https.
	secure bool
	// codeNeeded: making the first user takes the set-up code.
	codeNeeded bool
	actor      orderhub.Actor
	// user has the id 0 where a program calls.
	user    orderhub.User
	session orderhub.Session
	can     []orderhub.Permission
	known   bool
	entry   orderhub.AuditEntry
	// inTx: what is done writes its entry of the audit log itself.
	inTx bool
	// unproved: who is signed in did not prove it again.
	unproved bool
}

// visitOf is the visit of a request, one without rights outside of any.
func visitOf(ctx context.Context) *visit {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		return v
	}
	return &visit{}
}

// actor is the caller as events name it.
func actor(ctx context.Context) orderhub.Actor { return visitOf(ctx).actor }

// entry is the visit's entry of the audit log, for those who write it in the
// transaction of what they do.
func entry(ctx context.Context) orderhub.AuditEntry {
	v := visitOf(ctx)
	v.inTx = true
	return v.entry
}

// authorise lets only those pass who may do what they ask for, and not more often
// than they may, and writes down who did what.
func (a *API) authorise(h huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, _ := humago.Unwrap(ctx)
		v := a.visit(r, ctx.Operation().OperationID)
		problem, wait := a.admit(r, v)
		if wait > 0 {
			ctx.SetHeader("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		}
		if problem != nil {
			if problem.Status == http.StatusUnauthorized {
				ctx.SetHeader("WWW-Authenticate", `Bearer realm="orderhub"`)
			}
			writeProblem(ctx, problem)
			if v.known && problem.Status == http.StatusForbidden {
				a.write(r, v, problem.Status)
			}
			return
		}
		ctx = huma.WithValue(ctx, schemasKey{}, h.OpenAPI().Components.Schemas)
		ctx = huma.WithValue(ctx, visitKey{}, v)
		next(ctx)
		a.write(r, v, ctx.Status())
	}
}

// visit finds out who asks, as far as the request says.
func (a *API) visit(r *http.Request, operation string) *visit {
	v := &visit{need: needs[operation], secure: a.secure(r), codeNeeded: a.codeNeeded(r)}
	v.Address, v.Agent = a.sender(r), r.UserAgent()
	if c, err := r.Cookie(cookieName(v.secure)); err == nil {
		v.Old = c.Value
	}
	path := strings.TrimPrefix(r.URL.Path, "/api/v1")
	v.entry = orderhub.AuditEntry{Permission: v.need.first(), Operation: operation, Target: clipTarget(path)}
	if v.Address.IsValid() {
		v.entry.Address = v.Address.String()
	}
	return v
}

// admit decides whether a visit goes on; wait is set when it comes too early.
func (a *API) admit(r *http.Request, v *visit) (p *Problem, wait time.Duration) {
	key, err := a.identify(r, v)
	if err != nil {
		a.log.Error("checking a caller failed", "error", err.Error())
		return newProblem(http.StatusServiceUnavailable, "the database does not answer; try again later"), 0
	}
	v.entry.Actor, v.entry.UserID = v.actor, v.user.ID
	if p := a.checkOrigin(r, v); p != nil {
		return p, 0
	}
	if v.need.open {
		return nil, 0
	}
	if !v.known {
		return newProblem(http.StatusUnauthorized, "sign in, or send the header Authorization: Bearer … with a token of the hub"), 0
	}
	if wait := a.rates.wait(key); wait > 0 {
		return newProblem(http.StatusTooManyRequests, "these are more requests than you may make; go on after the seconds in Retry-After"), wait
	}
	if v.need.person {
		if v.user.ID == 0 {
			return coded(http.StatusForbidden, string(orderhub.CodeDenied), "this is about the person who is signed in; a token is nobody"), 0
		}
		return nil, 0
	}
	for _, want := range v.need.all {
		if !slices.Contains(v.can, want) {
			return lacking(want), 0
		}
	}
	if len(v.need.all) == 0 {
		return coded(http.StatusForbidden, string(orderhub.CodeDenied), "nobody may do this"), 0
	}
	return nil, 0
}

// identify looks who calls: a token goes before the cookie. key names the caller to
// the quotas.
func (a *API) identify(r *http.Request, v *visit) (key string, err error) {
	if text := bearer(r.Header.Get("Authorization")); text != "" {
		v.Old = "" // a program with a cookie is a program
		t, ok, err := a.store.FindToken(r.Context(), text)
		if err != nil || !ok {
			return "", err
		}
		v.known, v.can, v.actor = true, t.May(), orderhub.Actor{Kind: orderhub.ActorAPI, Name: t.Name}
		return text, nil
	}
	if v.Old == "" {
		return "", nil
	}
	s, u, ok, err := a.people.Session(r.Context(), v.Old)
	if err != nil || !ok {
		return "", err
	}
	v.known, v.session, v.user, v.can = true, s, u, u.Role.Permissions()
	v.actor = orderhub.Actor{Kind: orderhub.ActorUser, Name: u.Login}
	return "user " + strconv.FormatInt(u.ID, 10), nil
}

// checkOrigin refuses changes that another site's page makes with the visitor's
// browser. Tokens are sent by no browser of itself.
func (a *API) checkOrigin(r *http.Request, v *visit) *Problem {
	if !changes(r.Method) || (v.known && v.user.ID == 0) || (!v.known && !v.need.open) {
		return nil
	}
	if err := a.origins.Check(r); err != nil {
		return coded(http.StatusForbidden, "csrf", "this request comes from another site")
	}
	if v.known && !v.need.open && !sameText(r.Header.Get("X-CSRF-Token"), people.CSRF(v.Old)) {
		return coded(http.StatusForbidden, "csrf", "the header X-CSRF-Token must be the csrf of GET /api/v1/session")
	}
	return nil
}

func sameText(x, y string) bool { return subtle.ConstantTimeCompare([]byte(x), []byte(y)) == 1 }

func changes(method string) bool { return method != http.MethodGet && method != http.MethodHead }

// write writes a visit into the audit log, when it belongs there. What was done is
// done: that it could not be written is for the log.
func (a *API) write(r *http.Request, v *visit, status int) {
	if status == 0 {
		status = http.StatusOK
	}
	e := v.entry
	e.Status, e.Outcome = status, outcomeOf(status)
	if v.unproved {
		e.Outcome = orderhub.OutcomeDenied // what they sent was well formed
	}
	switch {
	case v.need.open, !v.known, v.need.quiet && status < 400, v.inTx && status < 400:
		return
	case !changes(r.Method) && !v.need.told && status != http.StatusForbidden:
		return
	}
	a.audit.add(e)
}

func outcomeOf(status int) orderhub.Outcome {
	switch {
	case status < 400:
		return orderhub.OutcomeDone
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return orderhub.OutcomeDenied
	case status < 500:
		return orderhub.OutcomeRefused
	default:
		return orderhub.OutcomeFailed
	}
}

// clipTarget makes an address fit to be stored.
func clipTarget(path string) string {
	if len(path) > 200 {
		path = path[:200]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(path, "\uFFFD"), "\x00", "\uFFFD")
}

// bearer takes the token out of an Authorization header, "" when there is none.
func bearer(header string) string {
	scheme, token, _ := strings.Cut(strings.TrimSpace(header), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// rates limits how often each caller calls in this process.
type rates struct {
	limit rate.Limit
	burst int
	mu    sync.Mutex
	// by the hash of a token or a user; only known ones get here, so it does not grow
	by map[[32]byte]*rate.Limiter
}

func newRates(perSecond float64) *rates {
	if perSecond == 0 {
		perSecond = 50
	}
	return &rates{limit: rate.Limit(perSecond), burst: max(1, int(2*perSecond)), by: map[[32]byte]*rate.Limiter{}}
}

// wait takes one request from a caller's quota, or tells when to come back.
func (r *rates) wait(caller string) time.Duration {
	if r.limit < 0 {
		return 0
	}
	key := sha256.Sum256([]byte(caller))
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
