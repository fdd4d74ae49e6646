package orderhub

import (
	"encoding/json"
	"time"
)

// ActorKind is what sort of party caused a change.
type ActorKind string

// The kinds of actors.
const (
	ActorUser    ActorKind = "user"    // a person in the panel
	ActorAPI     ActorKind = "api"     // an API client (1C, a script)
	ActorRule    ActorKind = "rule"    // an automation rule
	ActorChannel ActorKind = "channel" // the marketplace or the shop
	ActorHub     ActorKind = "hub"     // the hub itself (retry, sweep, operator command)
)

// Actor is who caused a change.
type Actor struct {
	Kind ActorKind `json:"kind"`
	// Name is the user, the token, the rule or the account.
	Name string `json:"name,omitempty"`
}

// EventKind is what happened to an order, or to a return.
type EventKind string

// The kinds of events.
const (
	EventReceived    EventKind = "received"     // first sight of the order
	EventStatus      EventKind = "status"       // the headline moved
	EventChanged     EventKind = "changed"      // the channel changed something else
	EventNewsRefused EventKind = "news_refused" // older news, kept for the record
	EventRequested   EventKind = "requested"    // somebody asked for a status
	EventEffect      EventKind = "effect"       // an effect changed its state
	EventHold        EventKind = "hold"         // a hold was set or lifted
	EventDrift       EventKind = "drift"        // a word of the channel that is not known
	EventReturn      EventKind = "return"       // goods of the order come back, or something about that changed
	EventErased      EventKind = "erased"       // the buyer's data was erased
	EventNote        EventKind = "note"         // somebody wrote or deleted a note
	EventTags        EventKind = "tags"         // tags were put on or taken off
	EventAssigned    EventKind = "assigned"     // somebody was given the order
	EventRule        EventKind = "rule"         // an automation rule fired, or would have
	EventShipment    EventKind = "shipment"     // packages, tracking numbers or codes of units were given
)

// Event is one entry of an order's history: what, when, who, why, and from
// which raw payload. Events are only ever added; those of a return whose order is
// not in the hub are its order's from the moment it is.
type Event struct {
	ID int64 `json:"id"`
	// OrderID is the order's number; 0 = the order of the return is not in the hub.
	OrderID int64 `json:"number,omitempty"`
	// ReturnID is the hub's number of the return that it is about; 0 = none.
	ReturnID int64     `json:"return,omitempty"`
	At       time.Time `json:"at"`
	Kind     EventKind `json:"kind"`
	Actor    Actor     `json:"actor"`
	From     Status    `json:"from,omitempty"`
	To       Status    `json:"to,omitempty"`
	// Why is a sentence for people.
	Why string `json:"why,omitempty"`
	// InboxID is the raw payload behind the event; 0 = none.
	InboxID int64 `json:"inbox_id,omitempty"`
	// Data holds details for programs: native words, changed fields, effect id.
	Data json.RawMessage `json:"data,omitempty"`
	// Cause is set when a rule did it.
	Cause RuleCause `json:"cause,omitzero"`
}
