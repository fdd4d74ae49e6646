package orderhub

import "time"

// ReturnKind is why goods come back. The three are separate flows.
type ReturnKind string

// The kinds of returns.
const (
	ReturnUnknown  ReturnKind = ""         // the channel does not tell
	ReturnRefused  ReturnKind = "refused"  // never bought: refused at the door, not collected, cancelled on the way
	ReturnCustomer ReturnKind = "customer" // bought, and sent back by the buyer
	ReturnDefect   ReturnKind = "defect"   // bought, and said to be faulty, damaged or not what was ordered
)

// ReturnState is how far a return has come.
type ReturnState string

// The states: announced → on_the_way → at_pickup → received → decided; closed
// ends a return of which nothing (more) reaches the seller.
const (
	ReturnAnnounced ReturnState = "announced"  // asked for or granted; the goods have not started
	ReturnOnTheWay  ReturnState = "on_the_way" // the carrier has them
	ReturnAtPickup  ReturnState = "at_pickup"  // they wait for the seller at a point
	ReturnReceived  ReturnState = "received"   // the seller has them
	ReturnDecided   ReturnState = "decided"    // resold, put aside or written off: the hub's own word
	ReturnClosed    ReturnState = "closed"     // refused, withdrawn, stays with the buyer, lost or destroyed
)

// IsEnd reports whether nothing is left to do about a return.
func (s ReturnState) IsEnd() bool { return s == ReturnDecided || s == ReturnClosed }

// Rank orders the states: a channel's news never take a return back.
func (s ReturnState) Rank() int {
	switch s {
	case ReturnAnnounced:
		return 1
	case ReturnOnTheWay:
		return 2
	case ReturnAtPickup:
		return 3
	case ReturnReceived:
		return 4
	case ReturnClosed:
		return 5
	case ReturnDecided:
		return 6
	}
	return 0
}

// ReturnSnapshot is what a channel says of one return in one answer, translated
// into our words. As with Snapshot, identity and decisions are the hub's.
type ReturnSnapshot struct {
	// ExternalID is the channel's key of the return, unique in the account: Ozon
	// returns id, Yandex return id, WB srid, the site's own id.
	ExternalID string `json:"external_id"`
	// ExternalNumber is what people see in the cabinet, if it is another.
	ExternalNumber string `json:"external_number,omitempty"`
	// Part names the half of a return that the answer is about, for channels that
	// tell it in two lists (WB: "claim" and "goods"; Ozon rFBS: "request" and
	// "goods"); what the other half told stays. "" = the whole.
	Part string `json:"part,omitempty"`
	// OrderID is the external id of the order; where the channel does not name it,
	// OrderRef is the order's Snapshot.Ref.
	OrderID  string `json:"order_id,omitempty"`
	OrderRef string `json:"order_ref,omitempty"`

	Kind  ReturnKind  `json:"kind,omitempty"`
	State ReturnState `json:"state"`
	// Native and NativeSub are the channel's words as written.
	Native    string `json:"native,omitempty"`
	NativeSub string `json:"native_sub,omitempty"`
	// NoGoods: the buyer keeps them; only money is at stake.
	NoGoods bool `json:"no_goods,omitempty"`
	// Reason in the channel's wording; Comment is the buyer's own text.
	Reason  string `json:"reason,omitempty"`
	Comment string `json:"comment,omitempty" personal:"text"`

	Lines []ReturnLine `json:"lines,omitempty"`
	// Refund is what the buyer gets back, Compensation what the channel pays the
	// seller for it.
	Refund       Money `json:"refund,omitzero"`
	Compensation Money `json:"compensation,omitzero"`

	// Place is where the goods lie or are brought to, Barcode opens it (Ozon).
	Place   string `json:"place,omitempty"`
	Barcode string `json:"barcode,omitempty"`
	// PickUpBy is when the goods are destroyed or sent on if nobody collects them,
	// AnswerBy when silence becomes an answer; zero = none.
	PickUpBy time.Time `json:"pick_up_by,omitzero"`
	AnswerBy time.Time `json:"answer_by,omitzero"`
	// Actions are the answers that the channel takes now. nil = the channel does
	// not tell in this answer; empty = none.
	Actions []ReturnAction `json:"actions,omitzero"`
	// Photos and videos of the buyer: addresses at the channel.
	Photos []string `json:"photos,omitempty" personal:"drop"`

	OpenedAt time.Time `json:"opened_at,omitzero"`
	// ChangedAt is the channel's own time of the last change; zero = not told.
	ChangedAt time.Time `json:"changed_at,omitzero"`
	// Revision orders answers of a source that counts its versions (site). 0 = none.
	Revision int64 `json:"revision,omitempty"`
	// Attrs are the adapter's own keys that its answers need later.
	Attrs map[string]string `json:"attrs,omitempty"`
	Drift []Drift           `json:"drift,omitempty"`
}

// ReturnLine is one position of a return.
type ReturnLine struct {
	// ID is the channel's id of the position where it has one.
	ID string `json:"id,omitempty"`
	// SKU and ListingKey as in Line: they find the line of the order.
	SKU        string `json:"sku,omitempty"`
	ListingKey string `json:"listing_key,omitempty"`
	Name       string `json:"name,omitempty"`
	Quantity   int64  `json:"quantity"`
	Price      Money  `json:"price,omitzero"` // of one unit
	Reason     string `json:"reason,omitempty"`
}

// ReturnAction is one answer that a channel takes to a return now.
type ReturnAction struct {
	// Code is what AnswerReturn gets back, in the channel's words.
	Code string `json:"code"`
	// Title for people, as the channel words it or in plain English.
	Title string `json:"title"`
	// NeedsComment and NeedsAmount say what must come with it.
	NeedsComment bool `json:"needs_comment,omitempty"`
	NeedsAmount  bool `json:"needs_amount,omitempty"`
	// Reasons, if any, of which one must be given.
	Reasons []ReturnReason `json:"reasons,omitempty"`
}

// ReturnReason is one reason that a channel takes with an answer.
type ReturnReason struct {
	Code  string `json:"code"`
	Title string `json:"title"`
}
