package orderhub

import "fmt"

// Status is the headline of an order: one word on one ladder. Everything else
// that can be said of an order (payment, holds, returns, deadlines) is an axis
// beside it. The constant, the stored value and the API value are one word.
type Status string

// The ladder and its ends.
const (
	// StatusUnknown keeps an order whose native word we do not know yet; the
	// native word is stored beside it and shown.
	StatusUnknown Status = "unknown"
	// StatusPending cannot be worked yet: unpaid, under approval.
	StatusPending Status = "pending"
	// StatusNew waits for the seller.
	StatusNew Status = "new"
	// StatusConfirmed was accepted by the seller.
	StatusConfirmed Status = "confirmed"
	// StatusPacked is ready for hand-over.
	StatusPacked Status = "packed"
	// StatusShipped was handed over.
	StatusShipped Status = "shipped"
	// StatusReadyForPickup waits for the buyer at a point.
	StatusReadyForPickup Status = "ready_for_pickup"
	// StatusDelivered was received by the buyer.
	StatusDelivered Status = "delivered"
	// StatusCancelled will not be (or was not) delivered. A tombstone: later
	// news of an earlier step never revives the order.
	StatusCancelled Status = "cancelled"
	// StatusPartiallyReturned came back in part after delivery.
	StatusPartiallyReturned Status = "partially_returned"
	// StatusReturned came back whole after delivery.
	StatusReturned Status = "returned"
)

// Statuses lists every status in ladder order, ends last.
func Statuses() []Status {
	return []Status{
		StatusUnknown, StatusPending, StatusNew, StatusConfirmed, StatusPacked, StatusShipped,
		StatusReadyForPickup, StatusDelivered, StatusCancelled, StatusPartiallyReturned, StatusReturned,
	}
}

// ParseStatus checks a word from outside.
func ParseStatus(s string) (Status, error) {
	for _, known := range Statuses() {
		if string(known) == s {
			return known, nil
		}
	}
	return "", Errorf(CodeInvalid, "status %q is not known; allowed: %s", clip(s, 40), joinStatuses(Statuses()))
}

// Rank orders the ladder: higher is further. Ends rank above every step;
// unknown ranks lowest.
func (s Status) Rank() int {
	switch s {
	case StatusUnknown:
		return 0
	case StatusPending:
		return 10
	case StatusNew:
		return 20
	case StatusConfirmed:
		return 30
	case StatusPacked:
		return 40
	case StatusShipped:
		return 50
	case StatusReadyForPickup:
		return 60
	case StatusDelivered:
		return 70
	case StatusPartiallyReturned:
		return 80
	case StatusReturned:
		return 90
	case StatusCancelled:
		return 100
	}
	return 0
}

// IsEnd reports whether the order is finished on the ladder. A delivered order
// is finished too, although a channel may still turn it into a return or, after
// arbitration, into a cancellation.
func (s Status) IsEnd() bool {
	switch s {
	case StatusDelivered, StatusCancelled, StatusPartiallyReturned, StatusReturned:
		return true
	case StatusUnknown, StatusPending, StatusNew, StatusConfirmed, StatusPacked, StatusShipped, StatusReadyForPickup:
		return false
	}
	return false
}

// HandedOver reports whether the goods have left the seller in this status.
func (s Status) HandedOver() bool {
	switch s {
	case StatusShipped, StatusReadyForPickup, StatusDelivered, StatusPartiallyReturned, StatusReturned:
		return true
	case StatusUnknown, StatusPending, StatusNew, StatusConfirmed, StatusPacked, StatusCancelled:
		return false
	}
	return false
}

func joinStatuses(list []Status) string {
	out := ""
	for i, s := range list {
		if i > 0 {
			out += ", "
		}
		out += string(s)
	}
	return out
}

// clip shortens text from outside before it is quoted in a message.
func clip(s string, max int) string {
	if len(s) <= max {
		return s
	}
	return fmt.Sprintf("%s…(%d bytes)", s[:max], len(s))
}
