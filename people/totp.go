package people

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// Codes are those of every app: SHA-1, 6 digits, 30 seconds. One step before and
// after now is taken too, for clocks that differ.
const (
	codePeriod = 30
	codeSkew   = 1
	codeIssuer = "orderhub"
	// recoveryCodes are given out at once, each for one log-in.
	recoveryCodes = 10
)

// StartTOTP makes a secret for an app of codes. Nothing is asked for until
// ConfirmTOTP has seen a code of it. It takes the password again: somebody at an
// unattended browser must not lock the person out with an app of their own.
func (p *People) StartTOTP(ctx context.Context, u orderhub.User, password string, v Visitor) (secret, url string, err error) {
	if err := p.confirmIfAny(ctx, u, password, v); err != nil {
		return "", "", err
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: codeIssuer, AccountName: u.Login, Period: codePeriod, SecretSize: 20})
	if err != nil {
		return "", "", fmt.Errorf("make a secret for codes: %w", err)
	}
	err = p.store.InTx(ctx, func(tx *store.Tx) error {
		now, err := tx.LockUser(ctx, u.ID)
		if err != nil {
			return err
		}
		if now.TOTP {
			return orderhub.Errorf(orderhub.CodeConflict, "codes are asked for already; switch that off first")
		}
		now.TOTPSecret = key.Secret()
		return tx.SaveUser(ctx, &now)
	})
	if err != nil {
		return "", "", err
	}
	return key.Secret(), key.URL(), nil
}

// ConfirmTOTP begins to ask for codes and gives the recovery codes, which cannot be
// shown again.
func (p *People) ConfirmTOTP(ctx context.Context, u orderhub.User, code string, entry orderhub.AuditEntry) (codes []string, err error) {
	codes, hashes := newRecoveryCodes()
	err = p.store.InTx(ctx, func(tx *store.Tx) error {
		now, err := tx.LockUser(ctx, u.ID)
		if err != nil {
			return err
		}
		step, ok := p.stepOf(now.TOTPSecret, code)
		switch {
		case now.TOTP:
			return orderhub.Errorf(orderhub.CodeConflict, "codes are asked for already")
		case now.TOTPSecret == "":
			return orderhub.Errorf(orderhub.CodeRefused, "there is no secret yet; begin with POST /me/totp")
		case !ok:
			return orderhub.InvalidField("code", "is not what the app shows now; look at the clock of the phone")
		}
		now.TOTP, now.TOTPStep = true, step
		if err := tx.SaveUser(ctx, &now); err != nil {
			return err
		}
		if err := tx.SetRecoveryCodes(ctx, u.ID, hashes); err != nil {
			return err
		}
		return done(ctx, tx, entry)
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// RemoveTOTP stops asking for codes. It takes the password again: somebody at an
// unattended browser must not weaken the next log-in. Who has none here is let in by
// the provider, without codes of ours.
func (p *People) RemoveTOTP(ctx context.Context, u orderhub.User, password string, v Visitor, entry orderhub.AuditEntry) error {
	if err := p.confirmIfAny(ctx, u, password, v); err != nil {
		return err
	}
	return p.store.InTx(ctx, func(tx *store.Tx) error {
		now, err := tx.LockUser(ctx, u.ID)
		if err != nil {
			return err
		}
		now.TOTP, now.TOTPSecret = false, ""
		if err := tx.SaveUser(ctx, &now); err != nil {
			return err
		}
		if err := tx.SetRecoveryCodes(ctx, u.ID, nil); err != nil {
			return err
		}
		return done(ctx, tx, entry)
	})
}

// useCode takes a code of the app or a recovery code; each counts once.
func (p *People) useCode(ctx context.Context, tx *store.Tx, u *store.UserRow, code string) (bool, error) {
	if step, ok := p.stepOf(u.TOTPSecret, code); ok {
		used, err := tx.UseTOTPStep(ctx, u.ID, step)
		u.TOTPStep = max(u.TOTPStep, step)
		return used, err
	}
	return tx.UseRecoveryCode(ctx, u.ID, recoveryHash(code))
}

// stepOf finds the time step whose code this is.
func (p *People) stepOf(secret, code string) (step int64, ok bool) {
	code = strings.ReplaceAll(strings.TrimSpace(code), " ", "")
	if secret == "" || len(code) != 6 {
		return 0, false
	}
	now := p.store.Now()
	for d := -codeSkew; d <= codeSkew; d++ {
		at := now.Add(time.Duration(d*codePeriod) * time.Second)
		want, err := totp.GenerateCodeCustom(secret, at, totp.ValidateOpts{Period: codePeriod, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && sameText(code, want) {
			return at.Unix() / codePeriod, true
		}
	}
	return 0, false
}

func newRecoveryCodes() (codes []string, hashes [][]byte) {
	for range recoveryCodes {
		b := make([]byte, 10)
		_, _ = rand.Read(b) // never fails, see crypto/rand
		c := strings.ToLower(base32.StdEncoding.EncodeToString(b))
		c = c[:4] + "-" + c[4:8] + "-" + c[8:12] + "-" + c[12:]
		codes, hashes = append(codes, c), append(hashes, recoveryHash(c))
	}
	return codes, hashes
}

// recoveryHash needs no salt and no cost: a code has 80 random bits.
func recoveryHash(code string) []byte {
	code = strings.ToLower(strings.NewReplacer(" ", "", "-", "").Replace(code))
	sum := sha256.Sum256([]byte(code))
	return sum[:]
}

// sameText compares without telling by its time how much fits.
func sameText(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
