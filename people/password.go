package people

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"

	"github.com/orderhub/orderhub"
)

// HashCost is what a password hash costs: memory in KiB, passes over it.
type HashCost struct{ Memory, Passes uint32 }

// DefaultHash is argon2id with 32 MiB and 3 passes: about a tenth of a second of
// one core, and above what OWASP asks for (19 MiB, 2 passes).
var DefaultHash = HashCost{Memory: 32 << 10, Passes: 3}

const (
	hashThreads = 1
	hashLength  = 32
	saltLength  = 16
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
		cost = DefaultHash
	}
	h := &hasher{cost: cost, turn: make(chan struct{}, hashesAtOnce)}
	h.dummy = encodeHash(cost, make([]byte, saltLength), make([]byte, hashLength))
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
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt) // never fails, see crypto/rand
	return encodeHash(h.cost, salt, argon2.IDKey([]byte(password), salt, h.cost.Passes, h.cost.Memory, hashThreads, hashLength)), nil
}

// check tells whether a password fits. An empty hash fits nothing and costs the same.
func (h *hasher) check(ctx context.Context, encoded, password string) (bool, error) {
	none := encoded == ""
	if none {
		encoded = h.dummy
	}
	cost, salt, want, err := decodeHash(encoded)
	if err != nil {
		return false, err
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	got := argon2.IDKey([]byte(password), salt, cost.Passes, cost.Memory, hashThreads, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1 && !none, nil
}

// stale tells whether a hash was made at another cost than today's.
func (h *hasher) stale(encoded string) bool {
	cost, _, _, err := decodeHash(encoded)
	return err == nil && cost != h.cost
}

// encodeHash writes a hash with its parameters, in the form that all argon2
// libraries read.
func encodeHash(c HashCost, salt, sum []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Passes, hashThreads, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

func decodeHash(encoded string) (c HashCost, salt, sum []byte, err error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, errors.New("read a password hash: not argon2id")
	}
	var threads int
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Passes, &threads); err != nil || threads != hashThreads || c.Passes == 0 || c.Memory > 1<<20 {
		return c, nil, nil, errors.New("read a password hash: its parameters are not known")
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err == nil {
		sum, err = base64.RawStdEncoding.DecodeString(parts[5])
	}
	if err != nil || len(sum) == 0 {
		return c, nil, nil, errors.New("read a password hash: it is damaged")
	}
	return c, salt, sum, nil
}

func clip(s string, n int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}
