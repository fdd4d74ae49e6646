package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// keepOnce is how long a repeated request is recognised by its Idempotency-Key.
const keepOnce = 30 * 24 * time.Hour

// once makes the mark of a request of its key and of what it says; "" = it has none.
func once(operation, key string, actor orderhub.Actor, says any) (store.Once, error) {
	if key == "" {
		return store.Once{}, nil
	}
	if len(key) > 100 || clean(key) != key {
		return store.Once{}, orderhub.InvalidField("Idempotency-Key", "want 1 to 100 characters")
	}
	b, err := json.Marshal(says)
	if err != nil {
		return store.Once{}, orderhub.InvalidField("body", "cannot be read")
	}
	sum := sha256.Sum256(b)
	return store.Once{Caller: string(actor.Kind) + ":" + clean(actor.Name), Operation: operation, Key: key, Digest: hex.EncodeToString(sum[:])}, nil
}

// twice does a thing a second time when somebody did the same at the same moment: now
// it is there and is found.
func twice(f func() error) error {
	err := f()
	if store.IsConflict(err) {
		err = f()
	}
	if store.IsConflict(err) {
		return orderhub.Errorf(orderhub.CodeConflict, "somebody did the same at the same moment; look, and try again").WithCause(err)
	}
	return err
}
