package orderhub

import (
	"slices"
	"time"
)

// EventKinds lists every kind of event.
func EventKinds() []EventKind {
	return []EventKind{EventReceived, EventStatus, EventChanged, EventNewsRefused, EventRequested, EventEffect, EventHold, EventDrift, EventReturn,
		EventErased, EventNote, EventTags, EventAssigned, EventRule, EventShipment}
}

// EventFilter narrows a stream of events. An empty list lets everything through.
type EventFilter struct {
	Kinds    []EventKind `json:"kinds,omitempty"`
	Accounts []string    `json:"accounts,omitempty"`
}

// Passes tells whether an event of an account's order gets through.
func (f EventFilter) Passes(kind EventKind, account string) bool {
	return passes(f.Kinds, kind) && passes(f.Accounts, account)
}

// Check names the field that is wrong; accounts are looked up by the caller.
func (f EventFilter) Check() error {
	for _, k := range f.Kinds {
		if !slices.Contains(EventKinds(), k) {
			return InvalidField("kinds", "%.40q is not known; known: %v", string(k), EventKinds())
		}
	}
	if len(f.Kinds) > 100 || len(f.Accounts) > 1000 {
		return InvalidField("accounts", "more than 1000 accounts or 100 kinds")
	}
	return nil
}

// FeedConsumer is a program that reads the feed of orders, and how far it says it
// has got.
type FeedConsumer struct {
	Name string
	// Position is the last event that it acknowledged.
	Position  int64
	Filter    EventFilter
	ReadAt    time.Time
	AckedAt   time.Time
	CreatedAt time.Time
}

// Lag is how far a reader is behind: Events of all orders, counted up to a limit,
// the oldest of them of Since.
type Lag struct {
	Events int64
	Since  time.Time
}

// EndpointState is whether an endpoint is told.
type EndpointState string

// The states of an endpoint. Except for a removed one, what it is to be told is
// kept in any of them.
const (
	EndpointActive  EndpointState = "active"
	EndpointPaused  EndpointState = "paused"  // a person wants it so
	EndpointStopped EndpointState = "stopped" // by the hub: it failed for too long
	EndpointRemoved EndpointState = "removed"
)

// Endpoint is a program that is told events by webhook.
type Endpoint struct {
	ID     int64
	Name   string
	URL    string
	State  EndpointState
	Filter EventFilter
	// Personal: it is told the buyer's data.
	Personal bool
	// Secrets sign: the first is the one in use, the others still sign until their
	// time. Stored encrypted.
	Secrets []EndpointSecret
	// AfterEvent: events up to this one are not for the endpoint.
	AfterEvent int64
	// Failures of the receiver one after the other, FailingSince the first of them.
	Failures     int
	FailingSince time.Time
	NextAt       time.Time
	Error        string
	DeliveredAt  time.Time
	CreatedBy    string
	CreatedAt    time.Time
}

// EndpointSecret is a secret and until when it signs; the zero time: for good.
type EndpointSecret struct {
	Secret string    `json:"secret"`
	Until  time.Time `json:"until,omitzero"`
}

// DeliveryState is how far the telling of an event has come.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryDead      DeliveryState = "dead" // tried for days, or refused so often; a person may send it again
)

// Delivery is an event that an endpoint is to be told.
type Delivery struct {
	ID         int64
	EndpointID int64
	EventID    int64
	OrderID    int64
	Kind       EventKind
	State      DeliveryState
	Attempts   int
	NextAt     time.Time
	// BeganAt is the first attempt since it became pending.
	BeganAt, TriedAt time.Time
	// Status and Excerpt are of the receiver's last answer.
	Status    int
	Excerpt   string
	Error     string
	CreatedAt time.Time
	SettledAt time.Time
}
