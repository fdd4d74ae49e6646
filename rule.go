package orderhub

import (
	"slices"
	"time"
)

// ActionKind is what a rule does to an order.
type ActionKind string

// The kinds of actions.
const (
	ActStatus  ActionKind = "status"  // ask for a status, as a person does
	ActHold    ActionKind = "hold"    // set the manual hold
	ActUnhold  ActionKind = "unhold"  // lift it
	ActTag     ActionKind = "tag"     // add a tag
	ActUntag   ActionKind = "untag"   // take it off
	ActAssign  ActionKind = "assign"  // give the order to somebody, or to nobody
	ActNote    ActionKind = "note"    // write a note
	ActNotify  ActionKind = "notify"  // tell people, by the notification rules on "rule"
	ActWebhook ActionKind = "webhook" // call a recipient of kind webhook
)

// ActionKinds lists every kind.
func ActionKinds() []ActionKind {
	return []ActionKind{ActStatus, ActHold, ActUnhold, ActTag, ActUntag, ActAssign, ActNote, ActNotify, ActWebhook}
}

// Action is one thing that a rule does. Which fields count depends on Do.
type Action struct {
	Do     ActionKind `json:"do"`
	Status Status     `json:"status,omitempty"`
	// Reason is a cancel reason's code.
	Reason   string   `json:"reason,omitempty"`
	Tag      string   `json:"tag,omitempty"`
	Assignee Assignee `json:"assignee,omitempty"`
	// Text is the note, the message, why there is a hold, or the comment of a status.
	Text string `json:"text,omitempty"`
	// Recipients who are told; empty = those of the notification rule.
	Recipients []int64 `json:"recipients,omitempty"`
	// Recipient is the webhook to call.
	Recipient int64 `json:"recipient,omitempty"`
}

// AutoRule is an automation rule: when one of the events happens to an order, and
// the condition holds, then the actions are done.
type AutoRule struct {
	ID      int64
	Name    string
	Enabled bool
	On      []EventKind
	// If is an expression of package rules; "" = always.
	If   string
	Then []Action
	// PerHour is how often at most the rule fires for one order within an hour; one
	// more and it stops itself.
	PerHour int
	// AfterEvent: only what happens later is looked at. Set when the rule is
	// switched on.
	AfterEvent int64
	// Error is why the rule failed last, or stopped itself; "" = all is well.
	Error     string
	ErrorAt   time.Time
	CreatedAt time.Time
	UpdatedAt time.Time
}

// RuleEvents lists the kinds of events that a rule can listen to. A firing is none
// of them: rules do not listen to rules.
func RuleEvents() []EventKind {
	return []EventKind{
		EventReceived, EventStatus, EventChanged, EventNewsRefused, EventRequested, EventEffect, EventHold, EventDrift, EventReturn,
		EventNote, EventTags, EventAssigned,
	}
}

// ListensTo reports whether the rule is to be asked about an event: not about one
// that it caused itself.
func (r *AutoRule) ListensTo(e Event) bool {
	return e.OrderID != 0 && e.ID > r.AfterEvent && e.Cause.Rule != r.ID && slices.Contains(r.On, e.Kind)
}

// MaxDepth is how long a chain of rules gets: each fired on what the one before did.
const MaxDepth = 5

// RuleCause is the firing that an event comes from.
type RuleCause struct {
	Rule  int64 `json:"rule"`
	Event int64 `json:"event"`
	// Depth counts the rules of the chain; 0 = no rule was at work.
	Depth int `json:"depth"`
}

// FiringOutcome is what became of a rule and an event whose condition held, or
// could not be worked out.
type FiringOutcome string

// The outcomes.
const (
	FiringDone    FiringOutcome = "done"     // every action was done
	FiringRefused FiringOutcome = "refused"  // some action was refused; the others were done
	FiringFailed  FiringOutcome = "failed"   // the condition could not be worked out, or the hub failed
	FiringTooDeep FiringOutcome = "too_deep" // the end of a chain of rules: nothing was done
	FiringStopped FiringOutcome = "stopped"  // too often within an hour: the rule stopped itself
)

// Firing is a rule and an event: there is at most one of each pair.
type Firing struct {
	ID      int64           `json:"id"`
	RuleID  int64           `json:"rule"`
	EventID int64           `json:"event"`
	OrderID int64           `json:"number"`
	At      time.Time       `json:"at"`
	Outcome FiringOutcome   `json:"outcome"`
	Why     string          `json:"why,omitempty"`
	Actions []ActionOutcome `json:"actions,omitempty"`
}

// ActionOutcome is what became of one action.
type ActionOutcome struct {
	Do ActionKind `json:"do"`
	// What was done in words: "status confirmed".
	What string `json:"what"`
	// Refused says why it was not done.
	Refused string `json:"refused,omitempty"`
}
