package orderhub

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// Assignee is who works on an order: a person's id or name. The hub keeps no list
// of people to hold it against; "" = nobody.
type Assignee string

// Note is what somebody wrote about an order, for colleagues only.
type Note struct {
	ID      int64     `json:"id"`
	OrderID int64     `json:"number"`
	At      time.Time `json:"at"`
	Author  Actor     `json:"author"`
	Text    string    `json:"text" personal:"text"`
}

// Limits of what people note on orders.
const (
	MaxNote     = 4000 // bytes of a note
	MaxTag      = 40   // characters of a tag
	MaxTags     = 20   // of an order
	MaxAssignee = 100  // characters of an assignee
)

// ParseTag spells a tag our way: small letters of any alphabet, digits and "-_.".
// Tags that differ in case are one.
func ParseTag(s string) (string, error) {
	tag := strings.ToLower(strings.TrimSpace(s))
	n := 0
	for _, r := range tag {
		n++
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.", r) {
			return "", InvalidField("tag", "%.60q cannot be a tag: want one word of letters, digits and -_.", s)
		}
	}
	if n == 0 || n > MaxTag {
		return "", InvalidField("tag", "a tag has 1 to %d characters", MaxTag)
	}
	return tag, nil
}

// HasTag reports whether the order carries a tag as ParseTag spells it.
func (o *Order) HasTag(tag string) bool { return slices.Contains(o.Tags, tag) }
