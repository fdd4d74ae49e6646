package pipeline

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/people/password"
	"github.com/orderhub/orderhub/store"
)

// onecLane marks orders for 1C, tries again what 1C wanted and could not be, and
// ends whole lists of goods. It belongs to no account.
var onecLane = jobs.Lane{Work: jobs.WorkOnec, Account: "1c"}

// onecDesk is what the exchanges of this process share.
type onecDesk struct {
	// logins caps how many passwords are checked at once: each takes 19 MiB.
	logins chan struct{}
	mu     sync.Mutex
	desks  map[string]*sync.Mutex
}

func newOnecDesk() *onecDesk {
	return &onecDesk{logins: make(chan struct{}, 2), desks: map[string]*sync.Mutex{}}
}

// alone lets one session of a node at a time write what its files of a kind say.
func (d *onecDesk) alone(kind string, node int64) (unlock func()) {
	key := fmt.Sprintf("%s-%d", kind, node)
	d.mu.Lock()
	m := d.desks[key]
	if m == nil {
		m = &sync.Mutex{}
		d.desks[key] = m
	}
	d.mu.Unlock()
	m.Lock()
	return m.Unlock
}

// AddOnecNode adds an exchange with a 1C; the password is told now and never again.
func (h *Hub) AddOnecNode(ctx context.Context, n orderhub.OnecNode) (orderhub.OnecNode, string, error) {
	if n.Settings.OrdersSince.IsZero() {
		n.Settings.OrdersSince = h.store.Now()
	}
	if err := h.checkOnec(ctx, &n); err != nil {
		return n, "", err
	}
	word := newOnecPassword()
	return n, word, h.store.CreateOnecNode(ctx, &n, password.Hash(password.Least, word))
}

// ChangeOnecNode changes a node; with fresh it gets a new password, which is told.
func (h *Hub) ChangeOnecNode(ctx context.Context, id int64, fresh bool, change func(n *orderhub.OnecNode)) (n orderhub.OnecNode, word string, err error) {
	if n, err = h.store.OnecNode(ctx, id); err != nil {
		return n, "", err
	}
	if change != nil {
		change(&n)
	}
	if err := h.checkOnec(ctx, &n); err != nil {
		return n, "", err
	}
	hash := ""
	if fresh {
		word = newOnecPassword()
		hash = password.Hash(password.Least, word)
	}
	return n, word, h.store.SaveOnecNode(ctx, n, hash)
}

// RemoveOnecNode ends an exchange. What is known of its orders and goods stays.
func (h *Hub) RemoveOnecNode(ctx context.Context, id int64) error {
	n, err := h.store.OnecNode(ctx, id)
	if err != nil {
		return err
	}
	n.State = orderhub.OnecRemoved
	n.Login = fmt.Sprintf("%s#%d", n.Login, n.ID) // the login is free again
	return h.store.SaveOnecNode(ctx, n, "")
}

func (h *Hub) checkOnec(ctx context.Context, n *orderhub.OnecNode) error {
	n.Name, n.Login = strings.TrimSpace(clean(n.Name)), strings.TrimSpace(clean(n.Login))
	if n.Name == "" || len(n.Name) > 100 {
		return orderhub.InvalidField("name", "want 1 to 100 bytes")
	}
	if n.Login == "" {
		n.Login = n.Name
	}
	if len(n.Login) > 100 || strings.ContainsAny(n.Login, ":#") {
		return orderhub.InvalidField("login", "want 1 to 100 bytes without : and #")
	}
	switch n.State {
	case "":
		n.State = orderhub.OnecActive
	case orderhub.OnecActive, orderhub.OnecPaused, orderhub.OnecRemoved:
	default:
		return orderhub.InvalidField("state", "%q is not known; allowed: active, paused", clean(string(n.State)))
	}
	n.Settings = n.Settings.WithDefaults()
	if err := n.Settings.Check(); err != nil {
		return err
	}
	for account := range n.Settings.Buyers {
		if account == "*" {
			continue
		}
		if _, err := h.store.Account(ctx, account); err != nil {
			return orderhub.InvalidField("buyers", "there is no account %q; * stands for all others", clean(account))
		}
	}
	for c, reason := range n.Settings.CancelReasons {
		if _, err := h.Channel(c); err != nil || len(reason) > 100 {
			return orderhub.InvalidField("cancel_reasons", "%q is no channel, or its reason has more than 100 bytes", clean(string(c)))
		}
	}
	return nil
}

// ResendOnec gives a node orders again: those placed since a moment, or those
// with the numbers. It tells how many.
func (h *Hub) ResendOnec(ctx context.Context, id int64, since time.Time, numbers []int64) (n int64, err error) {
	if _, err := h.store.OnecNode(ctx, id); err != nil {
		return 0, err
	}
	if since.IsZero() && len(numbers) == 0 {
		return 0, orderhub.InvalidField("since", "say since when, or which numbers")
	}
	if len(numbers) == 0 {
		numbers = nil
	}
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		n, err = tx.ResendOnec(ctx, id, since, numbers)
		return err
	})
	return n, err
}

func newOnecPassword() string {
	b := make([]byte, 15)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// nobodysPassword is checked for logins that nobody has, so that the time of the
// answer does not tell them apart.
var nobodysPassword = password.Nobody(password.Least)

// OnecLogin checks a login and opens a session. ok is false when it is wrong.
// ended are sessions whose files can go.
func (h *Hub) OnecLogin(ctx context.Context, login, word string) (token string, s orderhub.OnecSession, ended []int64, ok bool, err error) {
	id, hash, err := h.store.OnecPassword(ctx, clean(login))
	if err != nil {
		return "", s, nil, false, err
	}
	if id == 0 {
		hash = nobodysPassword
	}
	select {
	case h.onec.logins <- struct{}{}:
	case <-ctx.Done():
		return "", s, nil, false, ctx.Err()
	}
	fits, err := len(word) <= 200, error(nil)
	if fits {
		fits, err = password.Fits(hash, word)
	}
	<-h.onec.logins
	if err != nil {
		return "", s, nil, false, err
	}
	if id == 0 || !fits {
		return "", s, nil, false, nil
	}
	b := make([]byte, 20)
	_, _ = rand.Read(b)
	token = hex.EncodeToString(b)
	s, ended, err = h.store.OpenOnecSession(ctx, id, token)
	return token, s, ended, err == nil, err
}

// OnecSession finds a live session and its node.
func (h *Hub) OnecSession(ctx context.Context, token string) (s orderhub.OnecSession, n orderhub.OnecNode, ok bool, err error) {
	if s, ok, err = h.store.OnecSession(ctx, token); err != nil || !ok {
		return s, n, false, err
	}
	n, err = h.store.OnecNode(ctx, s.NodeID)
	return s, n, err == nil, err
}

// OnecSessions lists the sessions that there are.
func (h *Hub) OnecSessions(ctx context.Context) ([]int64, error) { return h.store.OnecSessionIDs(ctx) }

// OnecFailed notes what went wrong with a node for people to see.
func (h *Hub) OnecFailed(ctx context.Context, nodeID int64, sentence string) error {
	return h.store.SetOnecError(ctx, nodeID, text(sentence))
}

// OnecFile notes how far the reading of a file is.
func (h *Hub) OnecFile(ctx context.Context, f orderhub.OnecFile) error {
	f.Name, f.Error = clean(f.Name), text(f.Error)
	return h.store.SaveOnecFile(ctx, f)
}

// OnecFileDone tells whether a file of a session was read to its end already, in
// this process or the one before.
func (h *Hub) OnecFileDone(ctx context.Context, s orderhub.OnecSession, name string) (bool, error) {
	list, err := h.store.OnecFiles(ctx, s.NodeID, s.ID, 1000)
	for _, f := range list {
		if f.Name == clean(name) && f.State == orderhub.OnecFileDone {
			return true, err
		}
	}
	return false, err
}

// tendOnec is the work of 1C's lane.
func (h *Hub) tendOnec(ctx context.Context) error {
	if err := h.followOnec(ctx); err != nil {
		return err
	}
	if err := h.retryOnec(ctx); err != nil {
		return err
	}
	return h.endOnecLists(ctx)
}

// followOnec marks the orders that changed since it last looked.
func (h *Hub) followOnec(ctx context.Context) error {
	for ctx.Err() == nil {
		more, err := h.store.MarkOnec(ctx, 5000)
		if err != nil || !more {
			return err
		}
	}
	return ctx.Err()
}

// OnecNodeState is how an exchange goes.
type OnecNodeState struct {
	Due, Sticking int64
	Conflicts     []orderhub.OnecConflict // the newest open ones
	Files         []orderhub.OnecFile     // the newest
}

// OnecNodeState looks how an exchange goes.
func (h *Hub) OnecNodeState(ctx context.Context, id int64) (out OnecNodeState, err error) {
	if out.Due, out.Sticking, err = h.store.CountOnecDue(ctx, id); err != nil {
		return out, err
	}
	if out.Conflicts, err = h.store.OnecConflicts(ctx, store.OnecConflictFilter{NodeID: id, State: orderhub.OnecConflictOpen, Limit: 20}); err != nil {
		return out, err
	}
	out.Files, err = h.store.OnecFiles(ctx, id, 0, 20)
	return out, err
}
