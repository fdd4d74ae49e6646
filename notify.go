package orderhub

import (
	"slices"
	"time"
)

// RecipientKind is how a recipient is reached.
type RecipientKind string

// The kinds of recipients.
const (
	RecipientTelegram RecipientKind = "telegram"
	RecipientEmail    RecipientKind = "email"
	RecipientWebhook  RecipientKind = "webhook"
)

// RecipientKinds lists every kind.
func RecipientKinds() []RecipientKind {
	return []RecipientKind{RecipientTelegram, RecipientEmail, RecipientWebhook}
}

// Repeatable reports whether a message that may have arrived can be sent again:
// the other side drops a repeat by its fixed id. Telegram has no such id, and
// telling a person twice is worse than asking somebody to look.
func (k RecipientKind) Repeatable() bool {
	switch k {
	case RecipientEmail, RecipientWebhook:
		return true
	case RecipientTelegram:
		return false
	}
	return false
}

// RecipientState is whether a recipient can be written to.
type RecipientState string

// The states of a recipient.
const (
	RecipientWaiting RecipientState = "waiting" // for the person to send the link code to the bot
	RecipientActive  RecipientState = "active"
	RecipientRemoved RecipientState = "removed" // its address is gone, its messages stay
)

// Recipient is somebody, or some program, that is told things.
type Recipient struct {
	ID       int64
	Kind     RecipientKind
	Name     string
	State    RecipientState
	Language Language
	// MayAct: the buttons of its messages may change orders. Only the person who
	// linked the chat is obeyed.
	MayAct bool
	// Error is why the last message was not delivered; "" = it was.
	Error     string
	CreatedAt time.Time
	// RecipientAddress is stored encrypted.
	RecipientAddress
}

// RecipientAddress is where a recipient is reached, secrets included.
type RecipientAddress struct {
	// Address is an e-mail address or a URL.
	Address string `json:"address,omitempty"`
	// Secret signs the messages to a webhook.
	Secret string `json:"secret,omitempty"`
	// Chat and User are Telegram's ids of the chat and of who linked it.
	Chat int64 `json:"chat,omitempty"`
	User int64 `json:"user,omitempty"`
	// Code links a chat until CodeUntil.
	Code      string    `json:"code,omitempty"`
	CodeUntil time.Time `json:"code_until,omitzero"`
}

// Language is a language of messages.
type Language string

// The languages.
const (
	Russian Language = "ru"
	English Language = "en"
)

// Trigger is what a rule listens to: the kind of an event on an order, or a
// state that is looked for.
type Trigger string

// The triggers.
const (
	OnReceived  Trigger = "received"
	OnStatus    Trigger = "status"
	OnChanged   Trigger = "changed"
	OnRequested Trigger = "requested"
	OnEffect    Trigger = "effect"
	OnHold      Trigger = "hold" // a hold of the hub was set
	OnDrift     Trigger = "drift"
	OnReturn    Trigger = "return"
	OnRule      Trigger = "rule" // an automation rule has something to say

	OnAccountFailing Trigger = "account_failing" // for ten minutes
	OnKeyExpiring    Trigger = "key_expiring"    // within 14 days
	// OnDeadline: to hand an order over within two hours, or to answer the wish to
	// cancel it within a day; the facts' State says which.
	OnDeadline Trigger = "deadline"
	// OnReturnDeadline: goods must be collected within two days, or a return answered
	// within one; the facts' State says which.
	OnReturnDeadline Trigger = "return_deadline"
	// OnIntegration: a webhook's receiver fails, its endpoint was stopped, or a file
	// could not be exchanged; the facts' AccountName names it.
	OnIntegration Trigger = "integration_failing"
)

// What a deadline is for: the State of OnReturnDeadline, and of OnDeadline unless the
// goods are to be handed over.
const (
	DeadlineCancel = "cancel_request"
	DeadlinePickUp = "pick_up"
	DeadlineAnswer = "answer"
)

// Triggers lists every trigger.
func Triggers() []Trigger {
	return []Trigger{OnReceived, OnStatus, OnChanged, OnRequested, OnEffect, OnHold, OnDrift, OnReturn, OnRule,
		OnAccountFailing, OnKeyExpiring, OnDeadline, OnReturnDeadline, OnIntegration}
}

// NotifyFilter narrows a rule. An empty list lets everything through.
type NotifyFilter struct {
	Accounts []string  `json:"accounts,omitempty"`
	Channels []Channel `json:"channels,omitempty"`
	// Holds is for OnHold, Statuses (the new one) for OnStatus and OnRequested,
	// States for OnEffect and OnReturn.
	Holds    []Hold   `json:"holds,omitempty"`
	Statuses []Status `json:"statuses,omitempty"`
	States   []string `json:"states,omitempty"`
}

// Passes tells whether facts get through.
func (f NotifyFilter) Passes(x Facts) bool {
	return passes(f.Accounts, x.Account) && passes(f.Channels, x.Channel) && passes(f.Holds, x.Hold) &&
		passes(f.Statuses, x.To) && passes(f.States, x.State)
}

func passes[T comparable](allowed []T, v T) bool {
	return len(allowed) == 0 || slices.Contains(allowed, v)
}

// NotifyRule says who is told of what, and when.
type NotifyRule struct {
	ID      int64
	Name    string
	On      Trigger
	Enabled bool
	Filter  NotifyFilter
	// Recipients by id; empty = everybody.
	Recipients []int64
	// Language overrides the recipient's; "" = theirs.
	Language Language
	// Template names the texts; "" = the one named like the trigger.
	Template string
	Timing   NotifyTiming
}

// NotifyTiming is when a rule speaks. Clock times are those of Zone.
type NotifyTiming struct {
	// Window is how long causes are gathered into one message.
	Window time.Duration `json:"window,omitempty"`
	// QuietFrom and QuietTo ("22:00", "08:00") keep messages for later.
	QuietFrom string `json:"quiet_from,omitempty"`
	QuietTo   string `json:"quiet_to,omitempty"`
	// DigestAt ("09:00") gathers a whole day.
	DigestAt string `json:"digest_at,omitempty"`
	// Zone as in the IANA list; "" = Europe/Moscow.
	Zone string `json:"zone,omitempty"`
}

// Facts are what a message can tell of one cause. Names, phones and addresses of
// buyers are not among them.
type Facts struct {
	On          Trigger   `json:"on"`
	At          time.Time `json:"at"`
	Number      int64     `json:"number,omitempty"` // of the order
	External    string    `json:"external_number,omitempty"`
	Account     string    `json:"account,omitempty"`
	AccountName string    `json:"account_name,omitempty"`
	Channel     Channel   `json:"channel,omitempty"`
	Status      Status    `json:"status,omitempty"` // of the order when it was told
	Units       int64     `json:"units,omitempty"`
	Total       Money     `json:"total,omitzero"`
	From        Status    `json:"from,omitempty"`
	To          Status    `json:"to,omitempty"`
	Hold        Hold      `json:"hold,omitempty"`
	State       string    `json:"state,omitempty"`
	// Why is the hub's or the channel's sentence.
	Why string `json:"why,omitempty"`
	// Automation names the rule that speaks, and Recipients whom it wants told; empty =
	// those of the notification rule.
	Automation string  `json:"automation,omitempty"`
	Recipients []int64 `json:"-"`
	// Return is the hub's number of a return.
	Return int64 `json:"return,omitempty"`
	// Deadline is when an order must be handed over, a return collected or answered,
	// or a key ends.
	Deadline time.Time `json:"deadline,omitzero"`
}

// NotifyCause is one thing to tell one recipient by one rule: told once.
type NotifyCause struct {
	ID          int64
	RuleID      int64
	RecipientID int64
	Kind        RecipientKind
	// Key names the cause: "event-17", "ship-by-100001-…".
	Key   string
	At    time.Time
	DueAt time.Time
	Facts Facts
}

// MessageState is how far a message has come.
type MessageState string

// The states of a message.
const (
	MessagePending MessageState = "pending"
	// MessageSending is written before the call: found after a crash, the message
	// may have arrived.
	MessageSending MessageState = "sending"
	MessageSent    MessageState = "sent"
	// MessageFailed was refused for good.
	MessageFailed MessageState = "failed"
	// MessageUncertain may have arrived; it is not repeated by itself.
	MessageUncertain MessageState = "uncertain"
	// MessageGivenUp could not be delivered for a day.
	MessageGivenUp MessageState = "given_up"
)

// IsOpen reports whether the hub still works on the message.
func (s MessageState) IsOpen() bool {
	switch s {
	case MessagePending, MessageSending:
		return true
	case MessageSent, MessageFailed, MessageUncertain, MessageGivenUp:
		return false
	}
	return false
}

// Notice is a message to one recipient about one cause or many.
type Notice struct {
	ID int64
	// Key is the same at every attempt: Message-ID and webhook-id carry it.
	Key         string
	RuleID      int64 // 0 = a test, or the call of an automation rule
	RecipientID int64
	Kind        RecipientKind
	// OrderID is set when the message is about one order; Confirm: it can be
	// confirmed from the message.
	OrderID int64
	Confirm bool
	Causes  int64
	// Text is for people, its first line the subject; Payload for programs.
	Text    string
	Payload string

	State    MessageState
	Attempts int
	NextAt   time.Time
	GiveUpAt time.Time
	Class    Class
	Error    string

	CreatedAt time.Time
	SentAt    time.Time
}
