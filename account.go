package orderhub

import (
	"regexp"
	"time"
)

// AccountState is whether the hub works with an account.
type AccountState string

// The states of an account.
const (
	AccountActive  AccountState = "active"
	AccountPaused  AccountState = "paused"  // by a person: nothing is read or sent
	AccountRemoved AccountState = "removed" // kept for history; its orders stay
)

// Account is one seller's connection to a channel.
type Account struct {
	// ID is a short word chosen by the operator: "ozon-main".
	ID      string       `json:"id"`
	Channel Channel      `json:"channel"`
	Name    string       `json:"name"`
	State   AccountState `json:"state"`
	// Settings are the channel's settings, secrets included. Stored encrypted,
	// never printed: see channel.Descriptor for which are secret.
	Settings map[string]string `json:"-"`
	// HookKey is the unguessable part of the account's webhook address.
	HookKey string `json:"-"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Health    Health    `json:"health"`
}

// Health is what is known of an account's connection.
type Health struct {
	// CheckedAt is when the credentials were last tried; KeyExpiresAt what the
	// channel said of them.
	CheckedAt    time.Time `json:"checked_at,omitzero"`
	KeyExpiresAt time.Time `json:"key_expires_at,omitzero"`
	// Failing since, with the class and the words of the last failure; zero when
	// the last call went well.
	FailingSince time.Time `json:"failing_since,omitzero"`
	Class        Class     `json:"class,omitempty"`
	Error        string    `json:"error,omitempty"`
	// Warnings of the last check in words ("the key expires in 6 days").
	Warnings []string `json:"warnings,omitempty"`
}

var accountID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// CheckAccountID tells whether an account id is well-formed.
func CheckAccountID(id string) error {
	if !accountID.MatchString(id) {
		return InvalidField("account", "%q is not allowed; use 1 to 40 of a-z, 0-9 and -, not starting with -", clip(id, 60))
	}
	return nil
}
