package people

import (
	"context"
	"slices"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// AddUser makes a user. The first one must be an owner: somebody has to let the
// others in.
func (p *People) AddUser(ctx context.Context, n NewUser, entry orderhub.AuditEntry) (orderhub.User, error) {
	made, err := p.prepare(ctx, n)
	if err != nil {
		return orderhub.User{}, err
	}
	var u store.UserRow
	err = p.store.InTx(ctx, func(tx *store.Tx) error {
		u = made
		first, err := tx.ClaimFirstUser(ctx)
		if err != nil {
			return err
		}
		if first && u.Role != orderhub.RoleOwner {
			return orderhub.InvalidField("role", "the first user must be an owner")
		}
		if err := tx.AddUser(ctx, &u); err != nil {
			return err
		}
		entry.Target = target(u.ID)
		return done(ctx, tx, entry)
	})
	return u.User, err
}

// UserChange changes what is given.
type UserChange struct {
	Name     *string
	Role     *orderhub.Role
	Disabled *bool
	Language *orderhub.Language
	// ResetTOTP takes the app of codes away, for somebody who lost everything.
	ResetTOTP bool
}

func (c UserChange) check() error {
	if c.Name != nil {
		if err := orderhub.CheckName(*c.Name); err != nil {
			return err
		}
	}
	if c.Role != nil {
		if err := checkRole(*c.Role); err != nil {
			return err
		}
	}
	if c.Language != nil {
		return checkLanguage(*c.Language)
	}
	return nil
}

func (c UserChange) apply(u *store.UserRow) {
	if c.Name != nil {
		u.Name = *c.Name
	}
	if c.Role != nil {
		u.Role = *c.Role
	}
	if c.Disabled != nil {
		u.Disabled = *c.Disabled
	}
	if c.Language != nil {
		u.Language = *c.Language
	}
	if c.ResetTOTP {
		u.TOTP, u.TOTPSecret = false, ""
	}
}

// ChangeUser changes a user. The last owner stays one. Allowed tells whether the
// changer may touch a user of a role; both the old and the new one are asked for.
func (p *People) ChangeUser(ctx context.Context, id int64, c UserChange, allowed func(orderhub.Role) error, entry orderhub.AuditEntry) (orderhub.User, error) {
	if err := c.check(); err != nil {
		return orderhub.User{}, err
	}
	var u store.UserRow
	err := p.store.InTx(ctx, func(tx *store.Tx) error {
		// Owners are locked before the user: two owners may demote each other at once.
		owners, err := tx.OwnersBut(ctx, id)
		if err != nil {
			return err
		}
		if u, err = tx.LockUser(ctx, id); err != nil {
			return err
		}
		before := u.User
		c.apply(&u)
		for _, r := range []orderhub.Role{before.Role, u.Role} {
			if err := allowed(r); err != nil {
				return err
			}
		}
		was := before.Role == orderhub.RoleOwner && !before.Disabled
		if is := u.Role == orderhub.RoleOwner && !u.Disabled; was && !is && owners == 0 {
			return orderhub.Errorf(orderhub.CodeRefused, "this is the last owner; make somebody else an owner first")
		}
		if err := tx.SaveUser(ctx, &u); err != nil {
			return err
		}
		if c.ResetTOTP {
			if err := tx.SetRecoveryCodes(ctx, id, nil); err != nil {
				return err
			}
		}
		if u.Disabled || c.ResetTOTP {
			if err := tx.EndSessions(ctx, id); err != nil {
				return err
			}
		}
		entry.Target = target(id)
		return done(ctx, tx, entry)
	})
	return u.User, err
}

// SetPassword gives a user a new password; all their sessions end.
func (p *People) SetPassword(ctx context.Context, id int64, password string, allowed func(orderhub.Role) error, entry orderhub.AuditEntry) error {
	if err := orderhub.CheckPassword("", password); err != nil {
		return err
	}
	hash, err := p.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return p.store.InTx(ctx, func(tx *store.Tx) error {
		u, err := tx.LockUser(ctx, id)
		if err != nil {
			return err
		}
		if err := allowed(u.Role); err != nil {
			return err
		}
		if err := orderhub.CheckPassword(u.Login, password); err != nil {
			return err
		}
		u.PasswordHash = hash
		if err := tx.SaveUser(ctx, &u); err != nil {
			return err
		}
		if err := tx.EndSessions(ctx, id); err != nil {
			return err
		}
		entry.Target = target(id)
		return done(ctx, tx, entry)
	})
}

// User finds a user by login.
func (p *People) User(ctx context.Context, login string) (orderhub.User, error) {
	u, ok, err := p.store.UserByLogin(ctx, orderhub.CleanLogin(login))
	if err == nil && !ok {
		err = orderhub.Errorf(orderhub.CodeNotFound, "there is no user with this login")
	}
	return u.User, err
}

// AddToken makes a token with scopes and gives its text, which cannot be shown again.
// allowed tells whether the maker may give these.
func (p *People) AddToken(ctx context.Context, t orderhub.APIToken, allowed func([]orderhub.Permission) error, entry orderhub.AuditEntry) (made orderhub.APIToken, text string, err error) {
	if err := orderhub.CheckName(t.Name); err != nil {
		return t, "", err
	}
	if len(t.Scopes) == 0 {
		return t, "", orderhub.InvalidField("scopes", "name at least one permission")
	}
	for _, s := range t.Scopes {
		if !slices.Contains(orderhub.Permissions, s) {
			return t, "", orderhub.InvalidField("scopes", "%.40q is not a permission", s)
		}
	}
	if err := allowed(t.Scopes); err != nil {
		return t, "", err
	}
	if !t.ExpiresAt.IsZero() && !t.ExpiresAt.After(p.store.Now()) {
		return t, "", orderhub.InvalidField("expires_at", "lies in the past")
	}
	slices.Sort(t.Scopes)
	t.Scopes, t.Full = slices.Compact(t.Scopes), false
	text = store.NewTokenText()
	err = p.store.InTx(ctx, func(tx *store.Tx) error {
		if made, err = tx.AddToken(ctx, t, text); err != nil {
			return err
		}
		entry.Target = "token:" + made.Name
		return done(ctx, tx, entry)
	})
	return made, text, err
}

// DeleteToken ends a token.
func (p *People) DeleteToken(ctx context.Context, id int64, entry orderhub.AuditEntry) error {
	return p.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteToken(ctx, id); err != nil {
			return err
		}
		return done(ctx, tx, entry)
	})
}
