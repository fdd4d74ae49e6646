package channel

import (
	"context"
	"strings"

	"github.com/orderhub/orderhub"
)

// Returns come through the same feeds, webhooks and inbox as orders. An Item
// about a return has a Kind that begins with ReturnKind, and as ExternalID the
// key of the return.

// ReturnKind begins the Kind of every Item about a return: "return_fbs_v1",
// "return_claim".
const ReturnKind = "return"

// IsReturn tells whether raw answers of a kind are about returns.
func IsReturn(kind string) bool { return strings.HasPrefix(kind, ReturnKind) }

// ReturnNormaliser translates raw answers about returns; pure, as Normaliser is.
type ReturnNormaliser interface {
	NormaliseReturn(kind string, body []byte) (orderhub.ReturnSnapshot, error)
}

// ReturnAnswerer answers returns that wait for the seller.
type ReturnAnswerer interface {
	// AnswerReturn makes at most one call per answer and never repeats one by
	// itself. Outcomes and errors are those of PushStatus; OutcomeAccepted is
	// confirmed by reading the return again.
	AnswerReturn(ctx context.Context, answers []ReturnAnswer) ([]PushResult, error)
}

// ReturnAnswer is one answer to a return.
type ReturnAnswer struct {
	// Key is the effect's stable key.
	Key string
	// Order and Return as the ledger has them.
	Order  orderhub.Order
	Return orderhub.ReturnSnapshot
	// Action is the Code of one of Return.Actions, Reason the Code of one of its
	// Reasons.
	Action, Reason, Comment string
	Amount                  orderhub.Money
	// Attempt counts from 1. From the second on the answer may have been given.
	Attempt int
}

// LineCanceller takes units out of an order that goes on without them.
type LineCanceller interface {
	// CancelLines makes one attempt for each and never repeats a call by itself:
	// repeated it may take out more. Push.Reason and Push.Comment as in a cancel.
	CancelLines(ctx context.Context, cancels []LineCancel) ([]PushResult, error)
}

// LineCancel is units to take out of one order.
type LineCancel struct {
	Push
	// Units to take out, by index of Push.Order.Snapshot.Lines.
	Units map[int]int64
	// Had is how many units the lines had when the cancel was asked for. The core
	// makes the call only as long as the order of the push has these: an adapter that
	// looks first compares what the channel shows with them.
	Had map[int]int64
}
