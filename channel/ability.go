package channel

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/orderhub/orderhub"
)

// The optional abilities of an adapter, one method each. An adapter states what
// it has with var _ lines; the core asks by type assertion.

// OrderReader reads single orders again: after a hint, after a push, after a
// time-out, and on the regular refresh of open orders.
type OrderReader interface {
	// ReadOrders reads orders again, at most Descriptor.ReadBatch at a time. A
	// ref without an item in the answer is an order that the channel does not
	// know (any more). With an error come the items that were read before it.
	ReadOrders(ctx context.Context, refs []Ref) ([]Item, error)
}

// Ref names an order to read. From a hint only ExternalID is known.
type Ref struct {
	ExternalID string
	Scheme     orderhub.Scheme
	Attrs      map[string]string
}

// RangeLister reads the orders placed within [from, to), for audit and repull.
// It selects by the same time that Snapshot.PlacedAt carries.
type RangeLister interface {
	ListRange(ctx context.Context, from, to time.Time, cursor Cursor) (Page, error)
}

// StatusPusher causes the steps that the status table marks as push.
type StatusPusher interface {
	// PushStatus sends at most Descriptor.PushBatch moves and answers each by
	// its index. It makes one attempt and never repeats a call by itself. An
	// error means that nothing of the batch was sent or that nothing is known;
	// its class says which (ClassUncertain after a time-out).
	PushStatus(ctx context.Context, pushes []Push) ([]PushResult, error)
}

// TrackingPusher gives tracking numbers (Push.Params["tracking"], and
// "carrier" where the channel wants one).
type TrackingPusher interface {
	PushTracking(ctx context.Context, pushes []Push) ([]PushResult, error)
}

// CancelAnswerer answers a buyer's wish to cancel (Push.Params["answer"] is
// "accept" or "decline", Push.Reason the reason of a decline).
type CancelAnswerer interface {
	AnswerCancel(ctx context.Context, pushes []Push) ([]PushResult, error)
}

// Push is one thing to do on the channel.
type Push struct {
	// Key is the effect's stable key; a site gets it as webhook-id.
	Key string
	// Order as the ledger has it, lines and Attrs included.
	Order orderhub.Order
	To    orderhub.Status
	// Reason is the code of a cancel reason, Comment free text.
	Reason, Comment string
	Params          map[string]string
	// Attempt counts from 1. From the second on, something may already have
	// happened: the adapter looks before it creates (WB supplies).
	Attempt int
}

// Outcome is what the channel said of one Push.
type Outcome string

// The outcomes.
const (
	// OutcomeAccepted: the channel said yes; a read-back must confirm it.
	OutcomeAccepted Outcome = "accepted"
	// OutcomeDone: the channel's answer itself proves the new state, or says
	// that it was already there.
	OutcomeDone Outcome = "done"
	// OutcomeUnsent: the adapter did not get to it in this call (the ones before
	// it found the other side away). It is no attempt; Err may say why.
	OutcomeUnsent Outcome = "unsent"
	// OutcomeFailed: see Err and its class.
	OutcomeFailed Outcome = "failed"
)

// PushResult answers one Push.
type PushResult struct {
	Outcome Outcome
	// Err is set with OutcomeFailed: a *orderhub.BorderError.
	Err error
	// Items are raw answers about orders that came with the result (Yandex
	// answers PUT status with the order). They go through the inbox.
	Items []Item
	// Attrs are merged into the order's (WB: supplyId).
	Attrs map[string]string
	// Note is a sentence for people, shown with the effect.
	Note string
	// Reread names further orders to read again (Ozon: the postings of a split).
	Reread []string
}

// Checker tries the credentials.
type Checker interface {
	Check(ctx context.Context) (CheckResult, error)
}

// CheckResult is what the channel says of the account's credentials.
type CheckResult struct {
	// Name of the seller or the key, for people.
	Name string
	// Expires is when the key ends; zero = never or not told.
	Expires time.Time
	// Can lists what the key may do, in the channel's words.
	Can []string
	// Warnings in plain words: "the key expires in 6 days".
	Warnings []string
}

// WebhookParser takes what the channel sends to the hub.
type WebhookParser interface {
	// ParseWebhook checks and reads one message. body is read already and within
	// the limit. remote is the sender's address as the server sees it. The core
	// stores Items and Hints durably and only then writes the Reply. An error
	// makes the core write ErrorReply(err) and store nothing.
	ParseWebhook(r *http.Request, body []byte, remote netip.Addr) (Webhook, error)
	// ErrorReply answers a message that was refused or could not be stored.
	ErrorReply(err error) Reply
}

// Webhook is one message understood.
type Webhook struct {
	// DedupeID identifies the message where the sender gives or implies an id;
	// the same id with the same body is acknowledged and not stored again.
	DedupeID string
	// Hints name orders to read again. A hint is never news itself.
	Hints []string
	// Sweep names feeds to read soon (returns, where a message tells only that
	// there is one).
	Sweep []string
	// Items are full answers that need no read (a site's own webhook).
	Items []Item
	Reply Reply
}

// Reply is an HTTP answer.
type Reply struct {
	Status int
	// ContentType of Body.
	ContentType string
	Body        []byte
}

// QuotaReporter tells what is left of the account's quotas.
type QuotaReporter interface {
	QuotaLeft() map[string]int
}

// ParcelPacker says how the channel is told what lies in which package. It makes no
// call: what it gives goes with the push of a status.
type ParcelPacker interface {
	// PackParcels gives the step that takes the layout and the Push.Params for it.
	// codes tells that the codes of units are among them. ok is false when the channel
	// takes no layout of this order; Why says so in a sentence, as it does when only
	// the codes are left out.
	PackParcels(o orderhub.Order, packages []orderhub.Package) (p Packing, ok bool)
}

// Packing is how a channel is told of packages.
type Packing struct {
	To     orderhub.Status
	Params map[string]string
	Codes  bool
	Why    string
}
