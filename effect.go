package orderhub

import (
	"fmt"
	"time"
)

// EffectState is how far an effect on a channel has come. Marketplaces have no
// idempotency keys, and 200 is not success: only a read-back confirms.
type EffectState string

// The states: intent → sent → accepted → confirmed | rejected | uncertain.
const (
	// EffectIntent was written with the change that caused it; not sent yet.
	EffectIntent EffectState = "intent"
	// EffectSent left the hub; no answer is recorded yet. After a crash an
	// effect in this state is read back before anything is repeated.
	EffectSent EffectState = "sent"
	// EffectAccepted was answered with yes, and is not visible there yet.
	EffectAccepted EffectState = "accepted"
	// EffectConfirmed was read back.
	EffectConfirmed EffectState = "confirmed"
	// EffectRejected was refused for good; the sentence says why.
	EffectRejected EffectState = "rejected"
	// EffectUncertain could neither be confirmed nor ruled out: a person must
	// look. It is shown, never hidden behind "synced".
	EffectUncertain EffectState = "uncertain"
	// EffectSuperseded was overtaken before it was sent (a cancel came first).
	EffectSuperseded EffectState = "superseded"
)

// IsOpen reports whether the hub still has work to do on the effect.
func (s EffectState) IsOpen() bool {
	switch s {
	case EffectIntent, EffectSent, EffectAccepted:
		return true
	case EffectConfirmed, EffectRejected, EffectUncertain, EffectSuperseded:
		return false
	}
	return false
}

// EffectKind is what an effect does on the channel.
type EffectKind string

// The kinds of effects.
const (
	EffectStatus       EffectKind = "status"        // move the order to Effect.To
	EffectTracking     EffectKind = "tracking"      // give a tracking number
	EffectAnswerCancel EffectKind = "answer_cancel" // answer a buyer's cancel request
	EffectAnswerReturn EffectKind = "answer_return" // answer a return; Params name it and the answer
	EffectCancelLines  EffectKind = "cancel_lines"  // take units out of the order; Params["cut"] is a LineCut
)

// Effect is something owed to a channel: the row is the truth of what is owed,
// jobs only knock.
type Effect struct {
	ID int64 `json:"id"`
	// OrderID is the order's number; 0 = the order of the return is not in the hub.
	OrderID int64 `json:"number,omitempty"`
	// ReturnID is the hub's number of the return that it answers; 0 = none.
	ReturnID  int64      `json:"return,omitempty"`
	AccountID string     `json:"account"`
	Kind      EffectKind `json:"kind"`
	To        Status     `json:"to,omitempty"`
	// Reason and Comment are a cancel reason's code and text.
	Reason  string            `json:"reason,omitempty"`
	Comment string            `json:"comment,omitempty"`
	Params  map[string]string `json:"params,omitempty"`
	Actor   Actor             `json:"actor"`

	State    EffectState `json:"state"`
	Attempts int         `json:"attempts"`
	// Checks counts read-backs since the last attempt.
	Checks int `json:"checks"`
	// NextAt is when the hub will touch the effect again.
	NextAt time.Time `json:"next_at,omitzero"`
	// Class and Error describe the last failure in words.
	Class Class  `json:"class,omitempty"`
	Error string `json:"error,omitempty"`

	CreatedAt  time.Time `json:"created_at"`
	SentAt     time.Time `json:"sent_at,omitzero"`
	AcceptedAt time.Time `json:"accepted_at,omitzero"`
	FinishedAt time.Time `json:"finished_at,omitzero"`
}

// Key identifies the effect towards the outside: logs, the demo's comparison
// and the webhook-id of deliveries to a site.
func (e *Effect) Key() string { return fmt.Sprintf("effect-%d", e.ID) }

// WantsStatus reports whether a status read from the channel fulfils the
// effect: the channel is there, or further on the way.
func (e *Effect) WantsStatus(s Status) bool {
	switch {
	case s == e.To:
		return true
	case e.To == StatusCancelled || s == StatusCancelled || s == StatusUnknown:
		return false
	default:
		return s.Rank() > e.To.Rank()
	}
}
