package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/orderhub/orderhub"
)

// allScopes marks a token that may do everything.
const allScopes = "*"

// NewTokenText makes the text of a token.
func NewTokenText() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b)
	return "oh_" + hex.EncodeToString(b)
}

// CreateToken makes a token that may do everything and returns its text, which is
// stored only as a hash and cannot be shown again.
func (s *Store) CreateToken(ctx context.Context, name string) (string, error) {
	token := NewTokenText()
	return token, s.SaveToken(ctx, name, token)
}

// SaveToken stores a token whose text is known (the demo's, an operator's own).
func (s *Store) SaveToken(ctx context.Context, name, token string) error {
	return s.InTx(ctx, func(tx *Tx) error {
		_, err := tx.AddToken(ctx, orderhub.APIToken{Name: name, Full: true}, token)
		return err
	})
}

// AddToken stores a token; one with this text that is there already stays as it is.
func (tx *Tx) AddToken(ctx context.Context, t orderhub.APIToken, text string) (orderhub.APIToken, error) {
	sum := sha256.Sum256([]byte(text))
	t.CreatedAt = fromMicros(micros(tx.s.Now()))
	scopes := allScopes
	if !t.Full {
		words := make([]string, len(t.Scopes))
		for i, p := range t.Scopes {
			words[i] = string(p)
		}
		scopes = strings.Join(words, " ")
	}
	rows, err := tx.q.query(ctx, `INSERT INTO tokens (name, sha256, created_at, scopes, created_by, expires_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING RETURNING id`, t.Name, sum[:], micros(t.CreatedAt), scopes, t.CreatedBy, micros(t.ExpiresAt))
	if err != nil {
		return t, fmt.Errorf("save token: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		err = rows.Scan(&t.ID)
	}
	if err == nil {
		err = rows.Err()
	}
	if err != nil {
		return t, fmt.Errorf("save token: %w", err)
	}
	return t, nil
}

// FindToken reads the token with a text; ok is false for one that is unknown or
// has ended.
func (s *Store) FindToken(ctx context.Context, text string) (t orderhub.APIToken, ok bool, err error) {
	sum := sha256.Sum256([]byte(text))
	list, err := s.tokens(ctx, "WHERE sha256 = ? AND (expires_at = 0 OR expires_at > ?)", sum[:], micros(s.Now()))
	if err != nil || len(list) == 0 {
		return t, false, err
	}
	return list[0], true, nil
}

// Tokens lists all tokens, ended ones too, the newest first.
func (s *Store) Tokens(ctx context.Context) ([]orderhub.APIToken, error) {
	return s.tokens(ctx, "ORDER BY id DESC LIMIT 1000")
}

func (s *Store) tokens(ctx context.Context, where string, args ...any) ([]orderhub.APIToken, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT id, name, scopes, created_by, created_at, expires_at FROM tokens "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	defer rows.Close()
	var out []orderhub.APIToken
	for rows.Next() {
		var t orderhub.APIToken
		var scopes string
		var created, expires int64
		if err := rows.Scan(&t.ID, &t.Name, &scopes, &t.CreatedBy, &created, &expires); err != nil {
			return nil, fmt.Errorf("read tokens: %w", err)
		}
		t.CreatedAt, t.ExpiresAt, t.Full = fromMicros(created), fromMicros(expires), scopes == allScopes
		if !t.Full {
			for _, w := range strings.Fields(scopes) {
				t.Scopes = append(t.Scopes, orderhub.Permission(w))
			}
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

// DeleteToken ends a token at once.
func (tx *Tx) DeleteToken(ctx context.Context, id int64) error {
	n, err := tx.q.exec(ctx, "DELETE FROM tokens WHERE id = ?", id)
	if err != nil {
		return fmt.Errorf("delete token: %w", err)
	}
	if n == 0 {
		return orderhub.Errorf(orderhub.CodeNotFound, "there is no token %d", id)
	}
	return nil
}

// HasTokens tells whether any token exists; at first start none does.
func (s *Store) HasTokens(ctx context.Context) (bool, error) {
	names, err := s.column(ctx, "SELECT name FROM tokens LIMIT 1")
	return len(names) > 0, err
}
