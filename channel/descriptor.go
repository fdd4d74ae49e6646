package channel

import (
	"fmt"
	"net/url"
	"sort"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
)

// Descriptor says what a channel is, needs and does. It is data: the account
// wizard, the documents and the limiter are made from it.
type Descriptor struct {
	Name orderhub.Channel
	// Title is the name for people.
	Title string
	// Doc is the address of the official documentation.
	Doc      string
	Settings []Setting
	Feeds    []Feed
	Limits   []Limit
	Statuses orderhub.StatusTable
	// CancelReasons lists what PushStatus takes as the reason of a cancel;
	// empty = any text.
	CancelReasons []CancelReason
	// ReadBatch and PushBatch are the largest batches of ReadOrders and of the
	// push calls; 0 = 1.
	ReadBatch, PushBatch int
	// Stock is how the channel takes stock figures.
	Stock StockLimits
	// Buyers is what the channel tells of buyers, and what of it is a substitute.
	Buyers Buyers
	// RefreshOpen is how often every open order is read again, for channels
	// whose lists do not show changes (WB); 0 = never.
	RefreshOpen time.Duration
	// Patience is how long a lower status must be seen before it is believed,
	// for channels that do not tell the time of a change.
	Patience time.Duration
	// WebhookIPs are the networks that the channel sends from; empty = any.
	WebhookIPs []string
	// WebhookLimit caps the body of a webhook; 0 = 1 MiB.
	WebhookLimit int64
}

// Contact is what a channel gives in place of a buyer's datum.
type Contact string

// The kinds of contacts. Only a real one may identify a person.
const (
	ContactNone   Contact = ""       // nothing
	ContactReal   Contact = "real"   // as the buyer gave it
	ContactProxy  Contact = "proxy"  // a substitute that leads to the buyer for a while
	ContactMasked Contact = "masked" // with stars, or initials
)

// Buyers is what a channel tells of buyers, as data. The normaliser follows it:
// Customer.ProxyPhone is set where Phone is a proxy.
type Buyers struct {
	Name, Phone, Email Contact
	// ID: the channel names each buyer by an id that is the same in all his orders.
	ID   bool
	Note string
}

// Setting is one field of the account form.
type Setting struct {
	Key   string
	Title string
	// Help tells a newcomer where to find the value.
	Help     string
	Secret   bool
	Required bool
	Default  string
	// Check refuses a malformed value with a sentence; nil = any.
	Check func(string) error
}

// Feed is one stream of List.
type Feed struct {
	Name string
	// Every is the pause between sweeps.
	Every time.Duration
	Note  string
	// Returns: the feed tells of returns and no orders.
	Returns bool
}

// Limit is one quota bucket, as data.
type Limit struct {
	// Group is the name that the client charges.
	Group string
	// Calls per Period, with a burst; Burst 0 = Calls.
	Calls  int
	Period time.Duration
	Burst  int
	// Parallel caps the calls in flight; 0 = no cap.
	Parallel int
	// Source is the document and section the figure comes from.
	Source string
}

// CancelReason is one allowed reason.
type CancelReason struct {
	Code  string
	Title string
	// From limits the reason to headlines; nil = any.
	From []orderhub.Status
	// Scheme limits it to one scheme; "" = any.
	Scheme orderhub.Scheme
	// NeedsComment: the channel wants a text with it.
	NeedsComment bool
}

// Resolve checks settings against the descriptor and fills in defaults.
// Unknown keys are refused by name: a typo must not pass silently.
func (d Descriptor) Resolve(in map[string]string) (Settings, error) {
	out := Settings{}
	known := map[string]bool{}
	for _, s := range d.Settings {
		known[s.Key] = true
		v := strings.TrimSpace(in[s.Key])
		if v == "" {
			v = s.Default
		}
		if v == "" && s.Required {
			return nil, orderhub.InvalidField(s.Key, "is required (%s). %s", s.Title, s.Help)
		}
		if v != "" && s.Check != nil {
			if err := s.Check(v); err != nil {
				return nil, orderhub.InvalidField(s.Key, "%s", err)
			}
		}
		if v != "" {
			out[s.Key] = v
		}
	}
	for k := range in {
		if !known[k] {
			return nil, orderhub.InvalidField(k, "is not a setting of %s; known: %s", d.Title, strings.Join(d.settingKeys(), ", "))
		}
	}
	return out, nil
}

func (d Descriptor) settingKeys() []string {
	var keys []string
	for _, s := range d.Settings {
		keys = append(keys, s.Key)
	}
	sort.Strings(keys)
	return keys
}

// Public returns the settings with every secret replaced by "set".
func (d Descriptor) Public(in map[string]string) map[string]string {
	out := map[string]string{}
	for _, s := range d.Settings {
		v, ok := in[s.Key]
		if !ok {
			continue
		}
		if s.Secret {
			v = "set"
		}
		out[s.Key] = v
	}
	return out
}

// BaseURLSetting is the field that every channel with an outside API lists.
func BaseURLSetting() Setting {
	return Setting{
		Key: SettingBaseURL, Title: "Base URL",
		Help:  "Replaces all hosts of the marketplace, for a test server or a proxy. Leave empty for the real one.",
		Check: CheckURL,
	}
}

// CheckURL accepts absolute http and https addresses.
func CheckURL(v string) error {
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("%q is not an address like https://example.org", v)
	}
	return nil
}

// CheckKey accepts what keys and passwords are made of. Other letters are a slip of
// the keyboard, and hosts differ in what they make of them.
func CheckKey(v string) error {
	if len(v) > 500 || strings.IndexFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
		return fmt.Errorf("allowed: up to 500 Latin letters, digits and signs")
	}
	return nil
}

// FindReason looks a cancel reason up. ok is true for any text when the channel
// has no list.
func (d Descriptor) FindReason(code string, o *orderhub.Order) (CancelReason, bool) {
	if len(d.CancelReasons) == 0 {
		return CancelReason{Code: code}, true
	}
	for _, r := range d.AllowedReasons(o) {
		if r.Code == code {
			return r, true
		}
	}
	return CancelReason{}, false
}

// AllowedReasons lists the reasons for which the order can be cancelled now.
func (d Descriptor) AllowedReasons(o *orderhub.Order) []CancelReason {
	var out []CancelReason
	for _, r := range d.CancelReasons {
		if r.Scheme != "" && r.Scheme != o.Snapshot.Scheme {
			continue
		}
		if len(r.From) > 0 && !contains(r.From, o.Headline) {
			continue
		}
		out = append(out, r)
	}
	return out
}

func contains(list []orderhub.Status, s orderhub.Status) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
