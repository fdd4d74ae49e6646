package store

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strconv"
	"strings"

	"github.com/orderhub/orderhub"
)

// UserRow is a user with what proves who they are.
type UserRow struct {
	orderhub.User
	// PasswordHash is "" without a password.
	PasswordHash string
	// Subject names the person at the sign-in provider, "" = not there.
	Subject string
	// TOTPSecret is "" without one. It is asked for only when User.TOTP is set.
	TOTPSecret string
	// TOTPStep is the last time step whose code was used.
	TOTPStep int64
}

const firstUser = "first_user"

// NeedsUser tells whether nobody was ever made who can sign in.
func (s *Store) NeedsUser(ctx context.Context) (bool, error) {
	v, err := meta(ctx, s.engine.reader(), firstUser)
	return v == "", err
}

// ClaimFirstUser tells whether this transaction makes the first user; of several
// at once only one is told so, the others wait for its end.
func (tx *Tx) ClaimFirstUser(ctx context.Context) (bool, error) {
	n, err := tx.q.exec(ctx, "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING", firstUser, "MQ==")
	if err != nil {
		return false, fmt.Errorf("claim the first user: %w", err)
	}
	return n == 1, nil
}

// SetupCode is what the maker of the first user has to know where anybody can
// reach the hub. It follows from the secret: every process of a hub prints the same.
func (s *Store) SetupCode() string {
	sum := sha256.Sum256(s.setupKey)
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

func setupKey(secret string) []byte {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "orderhub setup code v1", 32)
	if err != nil {
		panic(err) // only for impossible key lengths
	}
	return key
}

// AddUser stores a new user and gives it its id.
func (tx *Tx) AddUser(ctx context.Context, u *UserRow) error {
	ids, err := tx.q.nextIDs(ctx, "users", 1)
	if err != nil {
		return fmt.Errorf("add user: %w", err)
	}
	u.ID, u.CreatedAt = ids[0], fromMicros(micros(tx.s.Now()))
	n, err := tx.q.exec(ctx, `INSERT INTO users (id, login, name, role, language, disabled, password, subject, totp, totp_on, totp_step, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, u.ID, u.Login, u.Name, string(u.Role), string(u.Language), flag(u.Disabled),
		u.PasswordHash, u.Subject, tx.s.sealTOTP(u), flag(u.TOTP), u.TOTPStep, micros(u.CreatedAt), micros(u.CreatedAt))
	if err != nil {
		return fmt.Errorf("add user: %w", err)
	}
	if n == 0 {
		return &orderhub.Error{Code: orderhub.CodeConflict, Field: "login", Sentence: "login: there is a user with this login already"}
	}
	u.UpdatedAt = u.CreatedAt
	return nil
}

// SaveUser writes a user that LockUser read.
func (tx *Tx) SaveUser(ctx context.Context, u *UserRow) error {
	u.UpdatedAt = fromMicros(micros(tx.s.Now()))
	if _, err := tx.q.exec(ctx, `UPDATE users SET name = ?, role = ?, language = ?, disabled = ?, password = ?, subject = ?, totp = ?, totp_on = ?,
		totp_step = ?, updated_at = ? WHERE id = ?`, u.Name, string(u.Role), string(u.Language), flag(u.Disabled), u.PasswordHash, u.Subject,
		tx.s.sealTOTP(u), flag(u.TOTP), u.TOTPStep, micros(u.UpdatedAt), u.ID); err != nil {
		return fmt.Errorf("save user: %w", err)
	}
	return nil
}

func totpContext(id int64) string { return "totp " + strconv.FormatInt(id, 10) }

func (s *Store) sealTOTP(u *UserRow) []byte {
	if u.TOTPSecret == "" {
		return nil
	}
	return s.sealer.seal([]byte(u.TOTPSecret), totpContext(u.ID))
}

// Users lists all users, disabled ones too, by id.
func (s *Store) Users(ctx context.Context) ([]UserRow, error) {
	return s.readUsers(ctx, s.engine.reader(), "ORDER BY id LIMIT 10000")
}

// UserByLogin reads a user by the clean login; ok is false when there is none.
func (s *Store) UserByLogin(ctx context.Context, login string) (u UserRow, ok bool, err error) {
	return s.oneUser(ctx, s.engine.reader(), "WHERE login = ?", login)
}

// LockUser reads a user and locks it until the commit.
func (tx *Tx) LockUser(ctx context.Context, id int64) (UserRow, error) {
	u, ok, err := tx.s.oneUser(ctx, tx.q, "WHERE id = ?"+tx.q.lock(), id)
	if err == nil && !ok {
		err = orderhub.Errorf(orderhub.CodeNotFound, "there is no user %d", id)
	}
	return u, err
}

// LockUserBy reads and locks the user of a provider's subject, or with a login; ok
// is false when there is none.
func (tx *Tx) LockUserBy(ctx context.Context, subject, login string) (u UserRow, ok bool, err error) {
	if u, ok, err = tx.s.oneUser(ctx, tx.q, "WHERE subject = ? AND subject <> ''"+tx.q.lock(), subject); ok || err != nil {
		return u, ok, err
	}
	return tx.s.oneUser(ctx, tx.q, "WHERE login = ?"+tx.q.lock(), login)
}

func (s *Store) oneUser(ctx context.Context, q querier, where string, args ...any) (u UserRow, ok bool, err error) {
	list, err := s.readUsers(ctx, q, where, args...)
	if err != nil || len(list) == 0 {
		return u, false, err
	}
	return list[0], true, nil
}

// OwnersBut locks those who may do everything, and counts them without one user.
func (tx *Tx) OwnersBut(ctx context.Context, id int64) (n int, err error) {
	rows, err := tx.q.query(ctx, "SELECT id FROM users WHERE role = 'owner' AND disabled = 0 ORDER BY id"+tx.q.lock())
	if err != nil {
		return 0, fmt.Errorf("count owners: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var other int64
		if err := rows.Scan(&other); err != nil {
			return 0, fmt.Errorf("count owners: %w", err)
		}
		if other != id {
			n++
		}
	}
	return n, rows.Err()
}

const userColumns = "id, login, name, role, language, disabled, password, subject, totp, totp_on, totp_step, created_at, updated_at"

func (s *Store) readUsers(ctx context.Context, q querier, where string, args ...any) ([]UserRow, error) {
	rows, err := q.query(ctx, "SELECT "+userColumns+" FROM users "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	defer rows.Close()
	var out []UserRow
	for rows.Next() {
		var u UserRow
		var role, language string
		var disabled, totpOn, created, updated int64
		var sealed []byte
		if err := rows.Scan(&u.ID, &u.Login, &u.Name, &role, &language, &disabled, &u.PasswordHash, &u.Subject, &sealed, &totpOn, &u.TOTPStep, &created, &updated); err != nil {
			return nil, fmt.Errorf("read users: %w", err)
		}
		u.Role, u.Language, u.Disabled, u.TOTP = orderhub.Role(role), orderhub.Language(language), disabled == 1, totpOn == 1
		u.Password, u.CreatedAt, u.UpdatedAt = u.PasswordHash != "", fromMicros(created), fromMicros(updated)
		if len(sealed) > 0 {
			plain, err := s.sealer.open(sealed, totpContext(u.ID))
			if err != nil {
				return nil, err
			}
			u.TOTPSecret = string(plain)
		}
		out = append(out, u)
	}
	return out, rows.Err()
}

// UseTOTPStep takes the code of a time step; false when it, or a later one, was
// used already.
func (tx *Tx) UseTOTPStep(ctx context.Context, userID, step int64) (bool, error) {
	n, err := tx.q.exec(ctx, "UPDATE users SET totp_step = ? WHERE id = ? AND totp_step < ?", step, userID, step)
	if err != nil {
		return false, fmt.Errorf("use a code: %w", err)
	}
	return n == 1, nil
}

// SetRecoveryCodes replaces a user's codes by those with these hashes.
func (tx *Tx) SetRecoveryCodes(ctx context.Context, userID int64, hashes [][]byte) error {
	if _, err := tx.q.exec(ctx, "DELETE FROM recovery_codes WHERE user_id = ?", userID); err != nil {
		return fmt.Errorf("set recovery codes: %w", err)
	}
	rows := make([][]any, len(hashes))
	for i, h := range hashes {
		rows[i] = []any{userID, h}
	}
	if err := tx.q.insert(ctx, "recovery_codes", []string{"user_id", "sha256"}, rows); err != nil {
		return fmt.Errorf("set recovery codes: %w", err)
	}
	return nil
}

// UseRecoveryCode takes a code; false when there is none with this hash.
func (tx *Tx) UseRecoveryCode(ctx context.Context, userID int64, hash []byte) (bool, error) {
	n, err := tx.q.exec(ctx, "DELETE FROM recovery_codes WHERE user_id = ? AND sha256 = ?", userID, hash)
	if err != nil {
		return false, fmt.Errorf("use a recovery code: %w", err)
	}
	return n == 1, nil
}

// Preference reads what the panel keeps for a user; ok is false when there is nothing.
func (s *Store) Preference(ctx context.Context, userID int64, key string) (value string, ok bool, err error) {
	list, err := s.column(ctx, "SELECT value FROM preferences WHERE user_id = ? AND key = ?", userID, key)
	if err != nil || len(list) == 0 {
		return "", false, err
	}
	return list[0], true, nil
}

// PreferenceLimit is how many keys a user may have.
const PreferenceLimit = 200

// SetPreference keeps a value for a user.
func (s *Store) SetPreference(ctx context.Context, userID int64, key, value string) error {
	return s.InTx(ctx, func(tx *Tx) error {
		n, err := tx.q.exec(ctx, `INSERT INTO preferences (user_id, key, value, updated_at)
			SELECT CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT)
			WHERE (SELECT COUNT(*) FROM preferences WHERE user_id = ? AND key <> ?) < ?
			ON CONFLICT (user_id, key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`,
			userID, key, value, micros(s.Now()), userID, key, PreferenceLimit)
		if err != nil {
			return fmt.Errorf("keep a preference: %w", err)
		}
		if n == 0 {
			return orderhub.Errorf(orderhub.CodeTooLarge, "there are %d preferences already; no further one is kept", PreferenceLimit)
		}
		return nil
	})
}
