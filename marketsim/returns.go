package marketsim

import (
	"time"

	"github.com/orderhub/orderhub"
)

// Returning is a market whose goods come back: ActRefuse and ActReturn open a
// return in its books, the same calls show it to the seller as at the real one.
type Returning interface {
	// Returns lists every return as the market's own books have it.
	Returns() []TruthReturn
	// ProgressReturn lets the market and its carriers do their next step on a
	// return (grant it, bring the goods, hand them to the seller). moved is false
	// when the seller is to act, or nothing is left to do.
	ProgressReturn(id string) (moved bool, err error)
}

// TruthReturn is one return in the market's books.
type TruthReturn struct {
	// ID is the return's key as the hub must know it, Order the order's.
	ID    string              `json:"id"`
	Order string              `json:"order"`
	Kind  orderhub.ReturnKind `json:"kind"`
	// State is what the hub's word for the market's side must be, written down
	// here independently of the adapter.
	State orderhub.ReturnState `json:"state"`
	// Units by article that come back; empty when the buyer keeps them.
	Units map[string]int64 `json:"units"`
	// RefundMinor is what the buyer got back, in kopecks.
	RefundMinor int64     `json:"refund_minor"`
	OpenedAt    time.Time `json:"opened_at"`
	// Answers are the seller's calls that had an effect on it, in order.
	Answers []Call `json:"answers,omitempty"`
}
