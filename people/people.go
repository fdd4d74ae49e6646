// Package people decides who may come in: first user, passwords, sessions, codes
// of an app, the sign-in provider, tokens. It knows no HTTP of the hub's own; what a role
// may do stands in the domain, and the API enforces it.
package people

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// Options set up People.
type Options struct {
	Store *store.Store
	// Log gets what nobody outside may see; nil discards it.
	Log *slog.Logger
	// Idle and Absolute end a session: so long after its last use, so long after
	// its beginning. 0 = 12 hours and 30 days.
	Idle, Absolute time.Duration
	// Hash is the cost of new password hashes; zero = password.Default.
	Hash HashCost
	// Provider lets people in by OpenID Connect; nil = it does not.
	Provider *Provider
	// HTTP reaches the provider; nil = a client with a timeout.
	HTTP *http.Client
}

// People is the door of the hub. Safe for concurrent use.
type People struct {
	store    *store.Store
	log      *slog.Logger
	idle     time.Duration
	absolute time.Duration
	hasher   *hasher
	throttle *throttle
	provider *provider
	// touching are the sessions whose last use is being written.
	touching sync.Map
}

// New makes the door.
func New(opts Options) (*People, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	p := &People{
		store: opts.Store, log: opts.Log, idle: opts.Idle, absolute: opts.Absolute, hasher: newHasher(opts.Hash),
		throttle: newThrottle(opts.Store.Now),
	}
	if p.idle == 0 {
		p.idle = 12 * time.Hour
	}
	if p.absolute == 0 {
		p.absolute = 30 * 24 * time.Hour
	}
	if p.idle < time.Minute || p.absolute < p.idle {
		return nil, orderhub.InvalidField("session-idle, session-max", "a session lasts a minute or more, and in all not less than unused")
	}
	if opts.Provider != nil {
		var err error
		if p.provider, err = newProvider(*opts.Provider, opts.HTTP); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// What is answered to somebody who does not come in.
var (
	// ErrWrong does not tell whether the login or the password is wrong.
	ErrWrong = errors.New("login or password is wrong")
	// ErrCodeNeeded: the password is right, a code of the app is missing.
	ErrCodeNeeded = errors.New("a code is needed")
	// ErrCodeWrong: the code is wrong, or was used already.
	ErrCodeWrong = errors.New("the code is wrong")
	// ErrUnproved is the cause of a refusal: who is signed in did not prove to be
	// that person. The caller writes it down as denied.
	ErrUnproved = errors.New("the password was not proved")
)

// Throttled says that there were too many attempts.
type Throttled struct{ Wait time.Duration }

func (t *Throttled) Error() string { return fmt.Sprintf("too many attempts, wait %s", t.Wait) }

// Visitor is who knocks.
type Visitor struct {
	Address netip.Addr
	// Agent is what the browser says of itself.
	Agent string
	// Old is the secret of the session that the browser had; it ends.
	Old string
}

// SignedIn is a new session. Its secret is known nowhere else.
type SignedIn struct {
	Session orderhub.Session
	User    orderhub.User
	Secret  string
}

// NeedsUser tells whether the first user is still to be made.
func (p *People) NeedsUser(ctx context.Context) (bool, error) { return p.store.NeedsUser(ctx) }

// CSRF is what a page must send along with every change it makes in a session: only
// a page of the hub can read it.
func CSRF(secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("csrf"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func newSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return base64.RawURLEncoding.EncodeToString(b)
}

// touchEvery is how exactly the last use of a session is kept.
const touchEvery = time.Minute

// Session finds the session with a secret and notes that it is used; ok is false
// when it has ended.
func (p *People) Session(ctx context.Context, secret string) (s orderhub.Session, u orderhub.User, ok bool, err error) {
	s, row, ok, err := p.store.FindSession(ctx, secret)
	if err != nil || !ok {
		return s, u, false, err
	}
	if now := p.store.Now(); now.Sub(s.SeenAt) >= touchEvery {
		s.SeenAt, s.IdleEnds = now, now.Add(p.idle)
		p.touch(s)
	}
	return s, row.User, true, nil
}

// touchPatience is how long a request waits for its use to be written: reading goes
// on while a long transaction keeps the one writer of SQLite busy.
const touchPatience = 250 * time.Millisecond

func (p *People) touch(s orderhub.Session) {
	if _, busy := p.touching.LoadOrStore(s.ID, true); busy {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer p.touching.Delete(s.ID)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := p.store.TouchSession(ctx, s.ID, s.SeenAt, s.IdleEnds); err != nil {
			p.log.Warn("the last use of a session could not be written", "error", err.Error())
		}
	}()
	select {
	case <-done:
	case <-time.After(touchPatience):
	}
}

// StillOpen tells whether a session goes on, without using it.
func (p *People) StillOpen(ctx context.Context, secret string) (bool, error) {
	_, _, ok, err := p.store.FindSession(ctx, secret)
	return ok, err
}

// open begins a session of a user in a transaction; the visitor's old one ends.
func (p *People) open(ctx context.Context, tx *store.Tx, u orderhub.User, v Visitor) (SignedIn, error) {
	if err := p.endOld(ctx, tx, v.Old); err != nil {
		return SignedIn{}, err
	}
	now := p.store.Now().Truncate(time.Microsecond)
	in := SignedIn{User: u, Secret: newSecret(), Session: orderhub.Session{
		UserID: u.ID, Agent: clip(v.Agent, 200), CreatedAt: now, SeenAt: now, IdleEnds: now.Add(p.idle), Ends: now.Add(p.absolute),
	}}
	if v.Address.IsValid() {
		in.Session.Address = v.Address.String()
	}
	return in, tx.AddSession(ctx, &in.Session, in.Secret)
}

func (p *People) endOld(ctx context.Context, tx *store.Tx, secret string) error {
	if secret == "" {
		return nil
	}
	return tx.EndSessionBySecret(ctx, secret)
}

// LogOut ends a session.
func (p *People) LogOut(ctx context.Context, s orderhub.Session, entry orderhub.AuditEntry) error {
	return p.store.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.EndSession(ctx, s.UserID, s.ID); err != nil {
			return err
		}
		return done(ctx, tx, entry)
	})
}

// EndSession ends one session of a user; id 0 ends all of them.
func (p *People) EndSession(ctx context.Context, userID, id int64, entry orderhub.AuditEntry) error {
	return p.store.InTx(ctx, func(tx *store.Tx) error {
		if id == 0 {
			if err := tx.EndSessions(ctx, userID); err != nil {
				return err
			}
			return done(ctx, tx, entry)
		}
		ok, err := tx.EndSession(ctx, userID, id)
		if err == nil && !ok {
			err = orderhub.Errorf(orderhub.CodeNotFound, "there is no session %d of yours", id)
		}
		if err != nil {
			return err
		}
		return done(ctx, tx, entry)
	})
}

// KeepAudit is how long entries of the audit log are kept.
const KeepAudit = 400 * 24 * time.Hour

// Tidy forgets ended sessions and old entries of the audit log.
func (p *People) Tidy(ctx context.Context) error {
	for more := true; more; {
		var err error
		if more, err = p.store.ForgetPeople(ctx, p.store.Now().Add(-KeepAudit)); err != nil {
			return err
		}
	}
	return nil
}

// done writes into the audit log what the transaction does.
func done(ctx context.Context, tx *store.Tx, e orderhub.AuditEntry) error {
	e.Outcome = orderhub.OutcomeDone
	return tx.AddAudit(ctx, e)
}

// denied writes down an attempt that failed. That it could not be written is for
// the log: the attempt fails all the same.
func (p *People) denied(ctx context.Context, e orderhub.AuditEntry) {
	e.Outcome = orderhub.OutcomeDenied
	if err := p.store.InTx(ctx, func(tx *store.Tx) error { return tx.AddAudit(ctx, e) }); err != nil {
		p.log.Error("the audit log lacks an entry", "operation", e.Operation, "error", err.Error())
	}
}
