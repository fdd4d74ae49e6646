package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/orderhub/orderhub"
)

// CreateAccount adds an account with a fresh webhook key, in state active. An
// id that was ever used is refused: the orders of the old account keep it.
func (s *Store) CreateAccount(ctx context.Context, a orderhub.Account) (orderhub.Account, error) {
	if err := orderhub.CheckAccountID(a.ID); err != nil {
		return a, err
	}
	a.State = orderhub.AccountActive
	a.HookKey = randomKey()
	a.CreatedAt = s.Now()
	a.UpdatedAt = a.CreatedAt
	err := s.InTx(ctx, func(tx *Tx) error {
		settings, err := s.sealSettings(a)
		if err != nil {
			return err
		}
		health, err := json.Marshal(a.Health)
		if err != nil {
			return err
		}
		_, err = tx.q.exec(ctx, `INSERT INTO accounts (id, channel, name, state, settings, hook_key, health, created_at, updated_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, a.ID, string(a.Channel), a.Name, string(a.State), settings, a.HookKey,
			string(health), micros(a.CreatedAt), micros(a.UpdatedAt))
		return err
	})
	if errors.Is(err, errConflict) {
		return a, orderhub.Errorf(orderhub.CodeConflict, "an account %q exists already (or existed and left its orders); choose another id", a.ID)
	}
	if err != nil {
		return a, fmt.Errorf("create account %s: %w", a.ID, err)
	}
	return a, nil
}

func (s *Store) sealSettings(a orderhub.Account) ([]byte, error) {
	plain, err := json.Marshal(a.Settings)
	if err != nil {
		return nil, err
	}
	return s.sealer.seal(plain, "account "+a.ID), nil
}

func randomKey() string {
	b := make([]byte, 20)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

const accountColumns = "id, channel, name, state, settings, hook_key, health, created_at, updated_at"

// Accounts lists the accounts, removed ones too when all is set, by id.
func (s *Store) Accounts(ctx context.Context, all bool) ([]orderhub.Account, error) {
	query := "SELECT " + accountColumns + " FROM accounts"
	if !all {
		query += " WHERE state <> 'removed'"
	}
	rows, err := s.engine.reader().query(ctx, query+" ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	defer rows.Close()
	var out []orderhub.Account
	for rows.Next() {
		a, err := s.scanAccount(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

// Account reads one account.
func (s *Store) Account(ctx context.Context, id string) (orderhub.Account, error) {
	if orderhub.CheckAccountID(id) != nil {
		// Perhaps not even text that the database takes.
		return orderhub.Account{}, orderhub.Errorf(orderhub.CodeNotFound, "there is no account %.40q", id)
	}
	rows, err := s.engine.reader().query(ctx, "SELECT "+accountColumns+" FROM accounts WHERE id = ?", id)
	if err != nil {
		return orderhub.Account{}, fmt.Errorf("read account: %w", err)
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return orderhub.Account{}, err
		}
		return orderhub.Account{}, orderhub.Errorf(orderhub.CodeNotFound, "there is no account %q", id)
	}
	return s.scanAccount(rows)
}

func (s *Store) scanAccount(rows rowset) (orderhub.Account, error) {
	var a orderhub.Account
	var ch, state, health string
	var sealed []byte
	var created, updated int64
	if err := rows.Scan(&a.ID, &ch, &a.Name, &state, &sealed, &a.HookKey, &health, &created, &updated); err != nil {
		return a, fmt.Errorf("read account: %w", err)
	}
	a.Channel, a.State = orderhub.Channel(ch), orderhub.AccountState(state)
	a.CreatedAt, a.UpdatedAt = fromMicros(created), fromMicros(updated)
	if err := json.Unmarshal([]byte(health), &a.Health); err != nil {
		return a, fmt.Errorf("read health of account %s: %w", a.ID, err)
	}
	plain, err := s.sealer.open(sealed, "account "+a.ID)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(plain, &a.Settings); err != nil {
		return a, fmt.Errorf("read settings of account %s: %w", a.ID, err)
	}
	return a, nil
}

// UpdateAccount saves name, state and settings.
func (s *Store) UpdateAccount(ctx context.Context, a orderhub.Account) error {
	settings, err := s.sealSettings(a)
	if err != nil {
		return fmt.Errorf("update account %s: %w", a.ID, err)
	}
	return s.updateAccount(ctx, a.ID, "name = ?, state = ?, settings = ?", a.Name, string(a.State), settings)
}

// SetAccountState pauses, resumes or removes an account.
func (s *Store) SetAccountState(ctx context.Context, id string, state orderhub.AccountState) error {
	return s.InTx(ctx, func(tx *Tx) error {
		if err := tx.updateAccount(ctx, id, "state = ?", string(state)); err != nil {
			return err
		}
		// Its stock figures count, or do not count any more.
		if _, err := tx.q.exec(ctx, "UPDATE publications SET dirty = 1, revision = revision + 1 WHERE "+tx.q.inQuery("listing_id",
			"SELECT p.listing_id FROM publications p WHERE p.account_id = ? ORDER BY p.listing_id"+tx.q.lock()), id); err != nil {
			return fmt.Errorf("mark the figures of %s: %w", id, err)
		}
		return nil
	})
}

// AccountState reads whether an account is at work; "" = there is none.
func (s *Store) AccountState(ctx context.Context, id string) (orderhub.AccountState, error) {
	return accountState(ctx, s.engine.reader(), id)
}

// AccountState reads the same in a transaction.
func (tx *Tx) AccountState(ctx context.Context, id string) (orderhub.AccountState, error) {
	return accountState(ctx, tx.q, id)
}

func accountState(ctx context.Context, q querier, id string) (orderhub.AccountState, error) {
	rows, err := q.query(ctx, "SELECT state FROM accounts WHERE id = ?", id)
	if err != nil {
		return "", fmt.Errorf("read the state of account %s: %w", id, err)
	}
	defer rows.Close()
	var state string
	if rows.Next() {
		err = rows.Scan(&state)
	}
	return orderhub.AccountState(state), errors.Join(err, rows.Err())
}

// SetHealth records what is known of an account's connection.
func (s *Store) SetHealth(ctx context.Context, id string, h orderhub.Health) error {
	b, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("update account %s: %w", id, err)
	}
	return s.updateAccount(ctx, id, "health = ?", string(b))
}

func (s *Store) updateAccount(ctx context.Context, id, set string, args ...any) error {
	return s.InTx(ctx, func(tx *Tx) error { return tx.updateAccount(ctx, id, set, args...) })
}

func (tx *Tx) updateAccount(ctx context.Context, id, set string, args ...any) error {
	n, err := tx.q.exec(ctx, "UPDATE accounts SET "+set+", updated_at = ? WHERE id = ?", append(args, micros(tx.s.Now()), id)...)
	if err != nil {
		return fmt.Errorf("update account %s: %w", id, err)
	}
	if n == 0 {
		return orderhub.Errorf(orderhub.CodeNotFound, "there is no account %q", id)
	}
	return nil
}
