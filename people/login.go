package people

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// NewUser is a user to make.
type NewUser struct {
	Login, Name string
	Role        orderhub.Role
	Language    orderhub.Language
	// Password may be empty: then only the sign-in provider lets the person in.
	Password string
}

// prepare checks a new user and hashes the password.
func (p *People) prepare(ctx context.Context, n NewUser) (store.UserRow, error) {
	n.Login = orderhub.CleanLogin(n.Login)
	if err := orderhub.CheckLogin(n.Login); err != nil {
		return store.UserRow{}, err
	}
	if err := orderhub.CheckName(n.Name); err != nil {
		return store.UserRow{}, err
	}
	if err := checkRole(n.Role); err != nil {
		return store.UserRow{}, err
	}
	if err := checkLanguage(n.Language); err != nil {
		return store.UserRow{}, err
	}
	u := store.UserRow{User: orderhub.User{Login: n.Login, Name: n.Name, Role: n.Role, Language: n.Language, Password: n.Password != ""}}
	if n.Password == "" {
		return u, nil
	}
	if err := orderhub.CheckPassword(n.Login, n.Password); err != nil {
		return u, err
	}
	var err error
	u.PasswordHash, err = p.hasher.hash(ctx, n.Password)
	return u, err
}

// SetUp makes the first user, an owner, and signs them in. Of several at once one
// succeeds.
func (p *People) SetUp(ctx context.Context, n NewUser, v Visitor, entry orderhub.AuditEntry) (in SignedIn, err error) {
	taken := orderhub.Errorf(orderhub.CodeConflict, "there is a first user already; sign in")
	if needed, err := p.store.NeedsUser(ctx); err != nil || !needed {
		if err == nil {
			err = taken
		}
		return in, err
	}
	n.Role = orderhub.RoleOwner
	if n.Password == "" {
		return in, orderhub.InvalidField("password", "must have at least %d characters", orderhub.PasswordMin)
	}
	made, err := p.prepare(ctx, n)
	if err != nil {
		return in, err
	}
	err = p.store.InTx(ctx, func(tx *store.Tx) error {
		u := made
		first, err := tx.ClaimFirstUser(ctx)
		if err != nil {
			return err
		}
		if !first {
			return taken
		}
		if err := tx.AddUser(ctx, &u); err != nil {
			return err
		}
		if in, err = p.open(ctx, tx, u.User, v); err != nil {
			return err
		}
		return done(ctx, tx, asUser(entry, u.User))
	})
	return in, err
}

// CheckSetupCode tells whether a set-up code is right; it is throttled.
func (p *People) CheckSetupCode(code string, v Visitor) error {
	try, wait := p.throttle.begin("\x00setup", v.Address)
	if wait > 0 {
		return &Throttled{wait}
	}
	if !sameText(orderhub.CleanLogin(code), p.store.SetupCode()) {
		return ErrCodeWrong
	}
	try.forgive()
	return nil
}

// asUser makes an entry that of a person, who was not known when it was begun.
func asUser(e orderhub.AuditEntry, u orderhub.User) orderhub.AuditEntry {
	e.Actor, e.UserID = orderhub.Actor{Kind: orderhub.ActorUser, Name: u.Login}, u.ID
	if e.Target == "" {
		e.Target = target(u.ID)
	}
	return e
}

func target(userID int64) string { return "user:" + strconv.FormatInt(userID, 10) }

// LogIn signs a person in with a password and, where they use one, a code. It does the
// same work whatever is wrong.
func (p *People) LogIn(ctx context.Context, login, password, code string, v Visitor, entry orderhub.AuditEntry) (in SignedIn, err error) {
	login = orderhub.CleanLogin(login)
	try, wait := p.throttle.begin(login, v.Address)
	if wait > 0 {
		return in, &Throttled{wait}
	}
	u, known, err := p.store.UserByLogin(ctx, login)
	if err != nil {
		return in, err
	}
	entry.Target = "" // what was typed is written down only when it is a login
	if known {
		entry.Target = target(u.ID)
	}
	hash := u.PasswordHash
	if u.Disabled {
		hash = ""
	}
	right, err := p.hasher.check(ctx, hash, password)
	if err != nil {
		return in, err
	}
	if !right {
		p.denied(ctx, entry)
		return in, ErrWrong
	}
	if u.TOTP && code == "" {
		try.forgive()
		return in, ErrCodeNeeded
	}
	fresh := ""
	if p.hasher.stale(hash) {
		if fresh, err = p.hasher.hash(ctx, password); err != nil {
			return in, err
		}
	}
	err = p.store.InTx(ctx, func(tx *store.Tx) error {
		now, err := tx.LockUser(ctx, u.ID)
		if err != nil {
			return err
		}
		if now.PasswordHash != hash || now.Disabled {
			return ErrWrong // changed a moment ago
		}
		if now.TOTP {
			if ok, err := p.useCode(ctx, tx, &now, code); err != nil || !ok {
				return orElse(err, ErrCodeWrong)
			}
		}
		if fresh != "" {
			now.PasswordHash = fresh
			if err := tx.SaveUser(ctx, &now); err != nil {
				return err
			}
		}
		if in, err = p.open(ctx, tx, now.User, v); err != nil {
			return err
		}
		return done(ctx, tx, asUser(entry, now.User))
	})
	if err == nil {
		try.forgive()
	} else if isDenial(err) {
		p.denied(ctx, entry)
	}
	return in, err
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func isDenial(err error) bool { return errors.Is(err, ErrWrong) || errors.Is(err, ErrCodeWrong) }

// ChangePassword changes one's own password. All sessions end; the answer is a new one.
func (p *People) ChangePassword(ctx context.Context, u orderhub.User, old, password string, v Visitor, entry orderhub.AuditEntry) (in SignedIn, err error) {
	if err := orderhub.CheckPassword(u.Login, password); err != nil {
		return in, err
	}
	before, err := p.confirm(ctx, u, old, v)
	if err != nil {
		return in, err
	}
	hash, err := p.hasher.hash(ctx, password)
	if err != nil {
		return in, err
	}
	err = p.store.InTx(ctx, func(tx *store.Tx) error {
		now, err := tx.LockUser(ctx, u.ID)
		if err != nil {
			return err
		}
		if now.PasswordHash != before || now.Disabled {
			return orderhub.Errorf(orderhub.CodeConflict, "the password was changed a moment ago")
		}
		now.PasswordHash = hash
		if err := tx.SaveUser(ctx, &now); err != nil {
			return err
		}
		if err := tx.EndSessions(ctx, u.ID); err != nil {
			return err
		}
		if in, err = p.open(ctx, tx, now.User, Visitor{Address: v.Address, Agent: v.Agent}); err != nil {
			return err
		}
		return done(ctx, tx, entry)
	})
	return in, err
}

// confirm lets a signed-in person prove the password again, and gives its hash. That
// it was wrong is written down with the refused operation, not here: it would be two.
func (p *People) confirm(ctx context.Context, u orderhub.User, password string, v Visitor) (hash string, err error) {
	try, wait := p.throttle.begin(u.Login, v.Address)
	if wait > 0 {
		return "", &Throttled{wait}
	}
	row, _, err := p.store.UserByLogin(ctx, u.Login)
	if err != nil {
		return "", err
	}
	right, err := p.hasher.check(ctx, row.PasswordHash, password)
	if err != nil {
		return "", err
	}
	if !right {
		if row.PasswordHash == "" {
			return "", orderhub.Errorf(orderhub.CodeRefused, "you have no password here: the sign-in provider lets you in").WithCause(ErrUnproved)
		}
		return "", orderhub.InvalidField("current", "is not your password").WithCause(ErrUnproved)
	}
	try.forgive()
	return row.PasswordHash, nil
}

// confirmIfAny is confirm for those who have a password; who has none here proves
// nothing.
func (p *People) confirmIfAny(ctx context.Context, u orderhub.User, password string, v Visitor) error {
	if !u.Password {
		return nil
	}
	_, err := p.confirm(ctx, u, password, v)
	return err
}

func checkRole(r orderhub.Role) error {
	if !r.Known() {
		return orderhub.InvalidField("role", "%s is not known; allowed: owner, manager, warehouse, accountant, viewer", fmt.Sprintf("%.20q", r))
	}
	return nil
}

func checkLanguage(l orderhub.Language) error {
	if l != "" && l != orderhub.Russian && l != orderhub.English {
		return orderhub.InvalidField("language", "%.20q is not known; allowed: ru, en", l)
	}
	return nil
}
