package orderhub

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// User is a person who signs in.
type User struct {
	ID       int64
	Login    string
	Name     string
	Role     Role
	Language Language
	Disabled bool
	// Password tells whether there is one; without it only the sign-in provider
	// lets the person in.
	Password bool
	// TOTP tells whether codes of an app are asked for.
	TOTP                 bool
	CreatedAt, UpdatedAt time.Time
}

// Session is a signed-in browser. Its secret is known to the browser alone.
type Session struct {
	ID        int64
	UserID    int64
	Address   string
	Agent     string
	CreatedAt time.Time
	// SeenAt is when it was used last, to the minute.
	SeenAt time.Time
	// IdleEnds moves on with every use, Ends does not.
	IdleEnds, Ends time.Time
}

// APIToken is a program's key. Its text is known to the program alone.
type APIToken struct {
	ID   int64
	Name string
	// Full tokens may do everything: those of the command line, and those older
	// than scopes.
	Full      bool
	Scopes    []Permission
	CreatedBy string
	CreatedAt time.Time
	// ExpiresAt is zero when it does not end.
	ExpiresAt time.Time
}

// May lists what the token may do.
func (t APIToken) May() []Permission {
	if t.Full {
		return Permissions
	}
	return t.Scopes
}

// Outcome is how an attempt ended.
type Outcome string

// The outcomes.
const (
	OutcomeDone    Outcome = "done"
	OutcomeDenied  Outcome = "denied"  // not allowed, or not who they said
	OutcomeRefused Outcome = "refused" // allowed, but wrong or impossible
	OutcomeFailed  Outcome = "failed"  // something broke
)

// Outcomes lists all outcomes.
var Outcomes = []Outcome{OutcomeDone, OutcomeDenied, OutcomeRefused, OutcomeFailed}

// AuditEntry is who did what. Entries are only ever added.
type AuditEntry struct {
	ID    int64
	At    time.Time
	Actor Actor
	// UserID is 0 for programs.
	UserID     int64
	Permission Permission
	// Operation is the id of the API's operation.
	Operation string
	// Target is what it was done to: an address below /api/v1, or "user:7".
	Target  string
	Outcome Outcome
	// Status is the HTTP status, 0 outside the API.
	Status int
	// Address is where the call came from.
	Address string
}

var loginPattern = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}._@+-]{0,99}$`)

// CleanLogin gives a login as it is stored and compared: without spaces around,
// in small letters.
func CleanLogin(login string) string {
	return strings.ToLower(strings.TrimSpace(strings.ToValidUTF8(login, "\uFFFD")))
}

// CheckLogin tells what is wrong with a clean login.
func CheckLogin(login string) error {
	if !loginPattern.MatchString(login) {
		return InvalidField("login", "use 1 to 100 letters, digits and . _ @ + -, beginning with a letter or a digit")
	}
	return nil
}

// PasswordMin and PasswordMax bound a password, in characters and in bytes.
const (
	PasswordMin = 10
	PasswordMax = 1024
)

// CheckPassword tells what is wrong with a new password.
func CheckPassword(login, password string) error {
	runes := map[rune]bool{}
	for _, r := range password {
		runes[r] = true
	}
	switch {
	case utf8.RuneCountInString(password) < PasswordMin:
		return InvalidField("password", "must have at least %d characters", PasswordMin)
	case len(password) > PasswordMax:
		return InvalidField("password", "must have at most %d bytes", PasswordMax)
	case len(runes) < 5 || (login != "" && strings.Contains(strings.ToLower(password), login) && utf8.RuneCountInString(password)-utf8.RuneCountInString(login) < 5):
		return InvalidField("password", "is too easy to guess; take several words")
	}
	return nil
}

// CheckName tells what is wrong with a person's or a token's name.
func CheckName(name string) error {
	if n := utf8.RuneCountInString(name); n == 0 || n > 100 || strings.TrimSpace(name) != name || strings.ContainsFunc(name, unicode.IsControl) {
		return InvalidField("name", "must have 1 to 100 characters, without spaces around")
	}
	return nil
}
