package channel

import (
	"context"
	"time"

	"github.com/orderhub/orderhub"
)

// The optional abilities around goods, one method each.

// Catalogue reads the account's offers, page by page to the end, the same way as
// Lister: any saved cursor resumes without a gap.
type Catalogue interface {
	ListListings(ctx context.Context, cursor Cursor) (ListingPage, error)
}

// ListingPage is one page of the catalogue. An adapter fills Key, Article,
// Aliases, Barcodes, Name and Live; the rest is the hub's.
type ListingPage struct {
	Listings []orderhub.Listing
	Next     Cursor
	Done     bool
}

// StockPusher sets absolute figures of what can be ordered.
type StockPusher interface {
	// PushStock makes one call for at most Descriptor.Stock.Batch figures, all of
	// one account. It gives one result per figure, in the same order; the error is
	// for a call that failed as a whole, its class as with PushStatus. Success of a
	// figure is OutcomeAccepted: only ReadStock confirms. A channel without
	// StockReader says OutcomeDone: its own answer is the confirmation.
	PushStock(ctx context.Context, figures []StockFigure) ([]StockResult, error)
}

// StockReader reads what the channel shows of listings now.
type StockReader interface {
	// ReadStock reads at most Descriptor.Stock.ReadBatch listings. What the channel
	// does not name is left out: nothing is known about it, which is not zero.
	ReadStock(ctx context.Context, listings []orderhub.Listing) ([]StockShown, error)
}

// StockFigure is what is to be shown of a listing.
type StockFigure struct {
	Listing  orderhub.Listing
	Quantity int64 // units that can be ordered, absolute, >= 0
	// At is when the figure was worked out: the same at every attempt, and later
	// with every new figure of the listing.
	At time.Time
}

// StockResult is what became of a StockFigure: OutcomeAccepted, OutcomeDone,
// OutcomeUnsent or OutcomeFailed with an error whose class says whether to try again
// (ClassRateLimited with RetryAfter for a pair that was written too often).
type StockResult struct {
	Outcome Outcome
	Err     error
}

// StockShown is what a channel shows of a listing.
type StockShown struct {
	Key string // Listing.Key
	// Quantity is what buyers can still order, without what the channel has
	// reserved for orders: the same figure that PushStock sets.
	Quantity int64
}

// StockLimits are how a channel takes stock figures, as data.
type StockLimits struct {
	// Batch and ReadBatch are how many listings one call takes; 0 = no such call.
	Batch, ReadBatch int
	// PairPause is the least pause between two writes of one listing.
	PairPause time.Duration
	// Restores tells that the channel raises its figure by itself when an order is
	// cancelled; without it the hub does.
	Restores bool
}
