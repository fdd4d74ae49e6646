package orderhub

import "time"

// MainWarehouse is the one warehouse that there is today.
const MainWarehouse = "main"

// Stock is the figures of one product in one warehouse, in units. Each is the
// sum of its moves.
type Stock struct {
	Warehouse string `json:"warehouse"`
	SKU       string `json:"sku"`
	// OnHand lies in the warehouse, whatever for.
	OnHand int64 `json:"on_hand"`
	// Reserved of it belongs to orders and carts, Quarantine waits for a decision
	// (a return that is not inspected).
	Reserved   int64 `json:"reserved"`
	Quarantine int64 `json:"quarantine"`
	// Expected is on its way to the warehouse.
	Expected int64 `json:"expected"`
	// CountedAt is since when the figures are known; zero = the product was never
	// counted or received.
	CountedAt time.Time `json:"counted_at,omitzero"`
	// Exposure is how many units could be sold twice now: what the channels may
	// still sell beyond what is available. ExposureMax is the most there ever was.
	Exposure    int64 `json:"exposure"`
	ExposureMax int64 `json:"exposure_max"`
}

// Available is what can still be promised to somebody.
func (s Stock) Available() int64 { return s.OnHand - s.Reserved - s.Quarantine }

// MoveKind is what a move of stock means.
type MoveKind string

// The kinds of moves.
const (
	MoveReceive    MoveKind = "receive"    // goods came in
	MoveCount      MoveKind = "count"      // a stocktake found another figure
	MoveReserve    MoveKind = "reserve"    // goods were set aside for an order or a cart
	MoveRelease    MoveKind = "release"    // they are free again
	MoveConsume    MoveKind = "consume"    // they left with an order
	MoveQuarantine MoveKind = "quarantine" // they wait for a decision
	MoveRestock    MoveKind = "restock"    // goods of a return can be sold again
	MoveWriteOff   MoveKind = "write_off"  // goods are gone
	MoveExpect     MoveKind = "expect"     // goods are on their way, or no longer
)

// Move is one change of the figures of a product, with its cause. Moves are
// only ever added. The figures are differences.
type Move struct {
	ID         int64     `json:"id"`
	Warehouse  string    `json:"warehouse"`
	SKU        string    `json:"sku"`
	At         time.Time `json:"at"`
	Kind       MoveKind  `json:"kind"`
	OnHand     int64     `json:"on_hand"`
	Reserved   int64     `json:"reserved"`
	Quarantine int64     `json:"quarantine"`
	Expected   int64     `json:"expected"`
	// Holder is the order's number, or minus the number of a cart; 0 = neither.
	Holder int64 `json:"holder,omitempty"`
	// Document is the stocktake or delivery; 0 = none.
	Document int64  `json:"document,omitempty"`
	Actor    Actor  `json:"actor"`
	Why      string `json:"why,omitempty"`
}

// Add lays a move over the figures.
func (s Stock) Add(m Move) Stock {
	s.OnHand += m.OnHand
	s.Reserved += m.Reserved
	s.Quarantine += m.Quarantine
	s.Expected += m.Expected
	return s
}

// Demand is what an order or a cart needs of a product, kits taken apart, and
// what it has got: Needed = Reserved + Consumed + Unbacked + Short.
type Demand struct {
	Holder    int64  `json:"holder"`
	Warehouse string `json:"warehouse"`
	SKU       string `json:"sku"`
	Needed    int64  `json:"needed"`
	Reserved  int64  `json:"reserved"`
	// Consumed left the warehouse, Unbacked left it without being in the book.
	Consumed int64 `json:"consumed"`
	Unbacked int64 `json:"unbacked"`
	// Returned came back of what had left, whatever became of it then.
	Returned int64 `json:"returned"`
	// Rank is the place in the queue: lower is served first. The time of
	// placement in microseconds unless a person moved the order.
	Rank int64 `json:"rank"`
}

// Short is what the demand still lacks.
func (d Demand) Short() int64 { return d.Needed - d.Reserved - d.Consumed - d.Unbacked }

// Claim is what the headline of an order asks of the warehouse.
type Claim uint8

// The claims.
const (
	ClaimNone     Claim = iota // nothing: goods that are reserved are released
	ClaimReserve               // goods are set aside
	ClaimConsumed              // goods have left the warehouse
)

// ClaimOf tells what an order asks of the warehouse now. An order that is
// cancelled after its goods have left keeps them out: they come back through a
// return only.
func ClaimOf(o *Order) Claim {
	if o.Snapshot.ReadOnly || !o.CountsGoods() {
		return ClaimNone
	}
	switch o.Headline {
	case StatusUnknown, StatusPending, StatusNew, StatusConfirmed, StatusPacked:
		return ClaimReserve
	case StatusShipped, StatusReadyForPickup, StatusDelivered, StatusPartiallyReturned, StatusReturned:
		return ClaimConsumed
	case StatusCancelled:
		if c := o.Snapshot.Cancellation; c != nil && c.AfterHandOver {
			return ClaimConsumed
		}
		return ClaimNone
	}
	return ClaimReserve
}
