package password_test

import (
	"encoding/hex"
	"testing"

	"golang.org/x/crypto/argon2"

	"github.com/orderhub/orderhub/people/password"
)

func TestHashes(t *testing.T) {
	t.Parallel()
	cheap := password.Cost{Memory: 64, Passes: 1}
	salt := []byte("sixteen bytes of")
	short := "argon2id$" + hex.EncodeToString(salt) + "$" + hex.EncodeToString(argon2.IDKey([]byte("open"), salt, 2, 19<<10, 1, 32))
	one := password.Hash(cheap, "open")
	if one == password.Hash(cheap, "open") {
		t.Error("two hashes of one password are the same")
	}
	for hash, want := range map[string]bool{one: true, password.Hash(cheap, "shut"): false, password.Nobody(cheap): false, short: true} {
		if got, err := password.Fits(hash, "open"); err != nil || got != want {
			t.Errorf("%s: %v, %v", hash, got, err)
		}
	}
	if c, err := password.CostOf(one); err != nil || c != cheap {
		t.Errorf("cost %+v, %v", c, err)
	}
	for _, hash := range []string{"", "open", "argon2id$zz$00", "argon2id$00$", "$argon2id$v=19$m=64,t=0,p=1$AA$AA", "$argon2id$v=19$m=9999999,t=1,p=1$AA$AA", "$argon2id$v=19$m=64,t=1,p=1$AA$"} {
		if ok, err := password.Fits(hash, "open"); err == nil || ok {
			t.Errorf("%q was read", hash)
		}
	}
}
