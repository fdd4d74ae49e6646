// Package password makes and checks hashes of passwords. It knows neither people
// nor nodes, and does not cap how many are made at once: who calls it does.
package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Cost is what a hash costs: memory in KiB, passes over it.
type Cost struct{ Memory, Passes uint32 }

// Default is argon2id with 32 MiB and 3 passes: about a tenth of a second of one core,
// and above what OWASP asks for, which is Least.
var (
	Default = Cost{Memory: 32 << 10, Passes: 3}
	Least   = Cost{Memory: 19 << 10, Passes: 2}
)

const (
	threads    = 1
	hashLength = 32
	saltLength = 16
)

// Hash makes the hash of a password, which is written with its cost.
func Hash(cost Cost, password string) string {
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt) // never fails, see crypto/rand
	return encode(cost, salt, argon2.IDKey([]byte(password), salt, cost.Passes, cost.Memory, threads, hashLength))
}

// Nobody is a hash that fits no password and costs as much to check.
func Nobody(cost Cost) string {
	return encode(cost, make([]byte, saltLength), make([]byte, hashLength))
}

// Fits tells whether a password has a hash.
func Fits(hash, password string) (bool, error) {
	cost, salt, want, err := decode(hash)
	if err != nil {
		return false, err
	}
	got := argon2.IDKey([]byte(password), salt, cost.Passes, cost.Memory, threads, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

// CostOf tells what a hash was made at.
func CostOf(hash string) (Cost, error) {
	cost, _, _, err := decode(hash)
	return cost, err
}

// encode writes a hash with its parameters, in the form that all argon2 libraries read.
func encode(c Cost, salt, sum []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Passes, threads, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

func decode(hash string) (c Cost, salt, sum []byte, err error) {
	parts := strings.Split(hash, "$")
	if len(parts) == 3 && parts[0] == "argon2id" {
		return decodeShort(parts[1], parts[2])
	}
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, errors.New("read a password hash: not argon2id")
	}
	var lanes int
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Passes, &lanes); err != nil || lanes != threads || c.Passes == 0 || c.Memory > 1<<20 {
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

// decodeShort reads what the passwords of the first 1C nodes were kept as.
func decodeShort(salt, sum string) (Cost, []byte, []byte, error) {
	s, err := hex.DecodeString(salt)
	if err != nil {
		return Least, nil, nil, errors.New("read a password hash: it is damaged")
	}
	h, err := hex.DecodeString(sum)
	if err != nil || len(h) == 0 {
		return Least, nil, nil, errors.New("read a password hash: it is damaged")
	}
	return Least, s, h, nil
}
