package people

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/people/password"
)

// HashCost is what a password hash costs.
type HashCost = password.Cost

const (
	// hashesAtOnce bounds the memory: so many times HashCost.Memory.
	hashesAtOnce = 2
	// hashesWaiting bounds how many wait for their turn.
	hashesWaiting = 32
)

// hasher makes and checks password hashes, few at a time.
type hasher struct {
	cost    HashCost
	turn    chan struct{}
	waiting atomic.Int64
	// dummy is compared with where there is no password: it costs the same.
	dummy string
}

func newHasher(cost HashCost) *hasher {
	if cost == (HashCost{}) {
		cost = password.Default
	}
	h := &hasher{cost: cost, turn: make(chan struct{}, hashesAtOnce)}
	h.dummy = password.Nobody(cost)
	return h
}

// enter waits for a turn; leave gives it back.
func (h *hasher) enter(ctx context.Context) (leave func(), err error) {
	if h.waiting.Add(1) > hashesWaiting {
		h.waiting.Add(-1)
		return nil, orderhub.Errorf(orderhub.CodeUnavailable, "too many people sign in at this moment; try again in a few seconds")
	}
	defer h.waiting.Add(-1)
	select {
	case h.turn <- struct{}{}:
		return func() { <-h.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// hash makes the hash of a new password.
func (h *hasher) hash(ctx context.Context, word string) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	return password.Hash(h.cost, word), nil
}

// check tells whether a password fits. An empty hash fits nothing and costs the same.
func (h *hasher) check(ctx context.Context, encoded, word string) (bool, error) {
	none := encoded == ""
	if none {
		encoded = h.dummy
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	fits, err := password.Fits(encoded, word)
	return fits && !none, err
}

// stale tells whether a hash was made at another cost than today's.
func (h *hasher) stale(encoded string) bool {
	cost, err := password.CostOf(encoded)
	return err == nil && cost != h.cost
}

func clip(s string, n int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}
