package orderhub

import (
	"slices"
	"strings"
	"time"
)

// KeyKind is what a word of a card is.
type KeyKind string

// The kinds of words. A name finds cards for people and identifies nobody.
const (
	KeyPhone KeyKind = "phone" // +79001234567
	KeyEmail KeyKind = "email" // lower case
	KeyBuyer KeyKind = "buyer" // the channel's own id of the buyer, within an account
	KeyName  KeyKind = "name"  // one word of a name, lower case
)

// Key is a word by which a card is found: "phone:+79001234567".
type Key string

// NewKey joins a kind and a value.
func NewKey(kind KeyKind, value string) Key { return Key(string(kind) + ":" + value) }

// Kind is what the word is.
func (k Key) Kind() KeyKind {
	kind, _, _ := strings.Cut(string(k), ":")
	return KeyKind(kind)
}

// Value is the word without its kind.
func (k Key) Value() string {
	_, value, _ := strings.Cut(string(k), ":")
	return value
}

// Identifies reports whether one person alone is expected to have the word.
func (k Key) Identifies() bool {
	switch k.Kind() {
	case KeyPhone, KeyEmail, KeyBuyer:
		return true
	case KeyName:
		return false
	}
	return false
}

// Card is what the hub keeps of one buyer over all channels. Cards that were
// merged are a tree: its root is what people see, each card keeps its own orders,
// so that every merge can be undone.
type Card struct {
	ID int64
	// Parent is the card that this one was merged into, 0 = none; Root the end of
	// the parents, ID itself where there is none.
	Parent, Root int64
	// Name is a person's choice; "" = Shown, the first name that an order told.
	Name, Shown string
	Keys        []Key
	// ErasedAt is when the buyer's data was erased; such a card finds nobody.
	ErasedAt  time.Time
	ErasedBy  Actor
	ErasedWhy string
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Title is the name for people, "" when none is known.
func (c *Card) Title() string {
	if c.Name != "" {
		return c.Name
	}
	return c.Shown
}

// Values lists the words of a kind.
func (c *Card) Values(kind KeyKind) []string {
	var out []string
	for _, k := range c.Keys {
		if k.Kind() == kind && !slices.Contains(out, k.Value()) {
			out = append(out, k.Value())
		}
	}
	return out
}

// CardNote is what somebody wrote about a buyer.
type CardNote struct {
	ID    int64     `json:"id"`
	Text  string    `json:"text" personal:"text"`
	Actor Actor     `json:"actor"`
	At    time.Time `json:"at"`
	// CardID is the card it was written on, before or after a merge.
	CardID int64 `json:"card"`
}

// CardMerge is one joining of two cards.
type CardMerge struct {
	ID     int64     `json:"id"`
	Winner int64     `json:"winner"`
	Loser  int64     `json:"loser"`
	Why    string    `json:"why"`
	Actor  Actor     `json:"actor"`
	At     time.Time `json:"at"`
	// UndoneAt is zero as long as it holds.
	UndoneAt  time.Time `json:"undone_at,omitzero"`
	UndoneBy  Actor     `json:"undone_by,omitzero"`
	UndoneWhy string    `json:"undone_why,omitempty"`
}

// SuggestState is what became of a suggestion.
type SuggestState string

// The states of a suggestion.
const (
	SuggestOpen     SuggestState = "open"
	SuggestAccepted SuggestState = "accepted"
	SuggestDeclined SuggestState = "declined"
)

// SuggestReason is why two cards were not merged by the hub itself.
type SuggestReason string

// The reasons.
const (
	ReasonOtherName  SuggestReason = "other_name"  // one thing in common, and another name
	ReasonOtherPhone SuggestReason = "other_phone" // the same e-mail, and another phone
	ReasonOtherEmail SuggestReason = "other_email" // the same phone, and another e-mail
	ReasonOtherBuyer SuggestReason = "other_buyer" // the channel says that they are two
	ReasonSeveral    SuggestReason = "several"     // more than one card would fit
	ReasonChanged    SuggestReason = "changed"     // an order that has a card got data that another card has
	ReasonUndone     SuggestReason = "undone"      // were merged, and a person undid it
)

// CardSuggestion is a pair of cards that may be one buyer.
type CardSuggestion struct {
	ID        int64         `json:"id"`
	Low       int64         `json:"low"`
	High      int64         `json:"high"`
	Same      KeyKind       `json:"same,omitempty"`
	Reason    SuggestReason `json:"reason"`
	OrderID   int64         `json:"number,omitempty"`
	State     SuggestState  `json:"state"`
	Actor     Actor         `json:"actor,omitzero"`
	At        time.Time     `json:"at"`
	DecidedAt time.Time     `json:"decided_at,omitzero"`
}

// Person is what one order tells of its buyer, normalised. Substitute numbers and
// masked words are not in it.
type Person struct {
	Phone, Email, Buyer string
	// Names are the words of the name, lower case; Shown is the name as it came.
	Names []string
	Shown string
}

// Identified reports whether there is anything by which a card could be found.
func (p Person) Identified() bool { return p.Phone != "" || p.Email != "" || p.Buyer != "" }

// Without is the person without some of the words that identify.
func (p Person) Without(keys []Key) Person {
	for _, k := range keys {
		switch k.Kind() {
		case KeyPhone:
			p.Phone = ""
		case KeyEmail:
			p.Email = ""
		case KeyBuyer:
			p.Buyer = ""
		case KeyName:
		}
	}
	return p
}

// Keys lists the words, those that identify first.
func (p Person) Keys() []Key {
	var out []Key
	for _, k := range []struct {
		kind  KeyKind
		value string
	}{{KeyPhone, p.Phone}, {KeyEmail, p.Email}, {KeyBuyer, p.Buyer}} {
		if k.value != "" {
			out = append(out, NewKey(k.kind, k.value))
		}
	}
	for _, w := range p.Names {
		if k := NewKey(KeyName, w); !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

// Fit is how one side's word compares with the other's.
type Fit int

// The fits. FitOpen: at least one side has none.
const (
	FitOpen Fit = iota
	FitSame
	FitOther
)

// Likeness compares a person with a card.
type Likeness struct{ Phone, Email, Buyer, Name Fit }

// Compare tells in what a person is like the owner of these words. A buyer's id is
// compared within its account only.
func Compare(p Person, keys []Key) Likeness {
	account, _, _ := strings.Cut(p.Buyer, ":")
	var names []string
	var l Likeness
	for _, k := range keys {
		switch v := k.Value(); k.Kind() {
		case KeyPhone:
			l.Phone = l.Phone.with(p.Phone, v)
		case KeyEmail:
			l.Email = l.Email.with(p.Email, v)
		case KeyBuyer:
			if strings.HasPrefix(v, account+":") {
				l.Buyer = l.Buyer.with(p.Buyer, v)
			}
		case KeyName:
			names = append(names, v)
		}
	}
	l.Name = sameNames(p.Names, names)
	return l
}

// with adds one more word of the card: one that is the same is enough.
func (f Fit) with(theirs, ours string) Fit {
	switch {
	case theirs == "" || f == FitSame:
		return f
	case theirs == ours:
		return FitSame
	}
	return FitOther
}

// sameNames: the shorter name is a part of the longer one, an initial stands for
// any word that begins so.
func sameNames(a, b []string) Fit {
	if len(a) == 0 || len(b) == 0 {
		return FitOpen
	}
	if partOf(a, b) || partOf(b, a) {
		return FitSame
	}
	return FitOther
}

func partOf(part, whole []string) bool {
	for _, w := range part {
		if !slices.ContainsFunc(whole, func(x string) bool {
			return x == w || (isInitial(w) && strings.HasPrefix(x, w)) || (isInitial(x) && strings.HasPrefix(w, x))
		}) {
			return false
		}
	}
	return true
}

func isInitial(w string) bool { return len([]rune(w)) == 1 }

// Common is the strongest thing that both have.
func (l Likeness) Common() KeyKind {
	switch {
	case l.Buyer == FitSame:
		return KeyBuyer
	case l.Phone == FitSame:
		return KeyPhone
	case l.Email == FitSame:
		return KeyEmail
	}
	return ""
}

// Whole reports whether both phone and e-mail, or the channel's own id, are the
// same: then the name does not matter.
func (l Likeness) Whole() bool {
	return l.contradiction() == "" && (l.Buyer == FitSame || (l.Phone == FitSame && l.Email == FitSame))
}

// Joins reports whether they may be taken for one person without asking: what
// both sides have is equal, and the names do not contradict.
func (l Likeness) Joins() bool {
	return l.Whole() || (l.Common() != "" && l.contradiction() == "" && l.Name != FitOther)
}

// contradiction names what both sides have and is not the same.
func (l Likeness) contradiction() SuggestReason {
	switch {
	case l.Buyer == FitOther:
		return ReasonOtherBuyer
	case l.Phone == FitOther:
		return ReasonOtherPhone
	case l.Email == FitOther:
		return ReasonOtherEmail
	}
	return ""
}

// Reason is why they were not joined.
func (l Likeness) Reason() SuggestReason {
	if r := l.contradiction(); r != "" {
		return r
	}
	if l.Joins() {
		return ReasonSeveral
	}
	return ReasonOtherName
}
