package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/orderhub/orderhub"
)

// sealer encrypts the settings of accounts (AES-256-GCM).
type sealer struct{ aead cipher.AEAD }

func newSealer(secret string) *sealer {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "orderhub account settings v1", 32)
	if err != nil {
		panic(err) // only for impossible key lengths
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return &sealer{aead}
}

// seal encrypts; context binds the text to its row.
func (s *sealer) seal(plain []byte, context string) []byte {
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails, see crypto/rand
	return s.aead.Seal(nonce, nonce, plain, []byte(context))
}

func (s *sealer) open(sealed []byte, context string) ([]byte, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("encrypted text is too short")
	}
	plain, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(context))
	if err != nil {
		return nil, orderhub.Errorf(orderhub.CodeUnavailable,
			"the settings of accounts cannot be read with this key: start with the ORDERHUB_SECRET (or the .key file) they were saved with")
	}
	return plain, nil
}

// keyFile reads the key beside a SQLite file, or makes one that only its owner
// can read.
func keyFile(path string) (string, error) {
	b, err := os.ReadFile(path) //nolint:gosec // the operator chose the path
	if err == nil {
		if key := strings.TrimSpace(string(b)); len(key) >= 32 {
			return key, nil
		}
		return "", orderhub.Errorf(orderhub.CodeInvalid, "the key file %s is damaged: it must hold the key that encrypts the accounts' settings", path)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read the key file: %w", err)
	}
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	key := base64.RawURLEncoding.EncodeToString(raw)
	// Written whole under another name and linked: a kill in between leaves no
	// half key, and of two first starts at once only one makes it.
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return "", fmt.Errorf("make the key file: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(key + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", fmt.Errorf("write the key file: %w", err)
	}
	if err := os.Link(f.Name(), path); errors.Is(err, os.ErrExist) {
		return keyFile(path)
	} else if err != nil {
		return "", fmt.Errorf("make the key file: %w", err)
	}
	return key, nil
}
