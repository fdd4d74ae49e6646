package orderhub

import (
	"slices"
	"strconv"
	"time"
)

// ReturnPolicy is what an account does with goods that come back.
type ReturnPolicy string

// The policies. Goods that are said to be faulty are inspected under both.
const (
	ReturnRestock ReturnPolicy = "restock" // can be sold again as soon as they are received
	ReturnInspect ReturnPolicy = "inspect" // wait in quarantine for a decision
)

// ReturnPolicies lists the policies, the default first.
func ReturnPolicies() []ReturnPolicy { return []ReturnPolicy{ReturnRestock, ReturnInspect} }

// GoodsDecision is what becomes of units that came back.
type GoodsDecision string

// The decisions.
const (
	DecideResell     GoodsDecision = "resell"
	DecideQuarantine GoodsDecision = "quarantine"
	DecideWriteOff   GoodsDecision = "write_off"
)

// GoodsDecisions lists the decisions.
func GoodsDecisions() []GoodsDecision {
	return []GoodsDecision{DecideResell, DecideQuarantine, DecideWriteOff}
}

// ReturnPart is what one half of a return says, see ReturnSnapshot.Part.
type ReturnPart struct {
	Snapshot ReturnSnapshot `json:"snapshot"`
	ReadAt   time.Time      `json:"read_at"`
	// RawID is the answer that said so and RawKind its kind.
	RawID   int64  `json:"raw_id,omitempty"`
	RawKind string `json:"raw_kind,omitempty"`
}

// ReturnedGoods is a product that comes back with a return, kits taken apart, and
// what became of its units: Restocked + Quarantined + WrittenOff <= Quantity.
type ReturnedGoods struct {
	// Line is the place of the line in Return.Snapshot.Lines, from 0.
	Line int `json:"line"`
	// SKU of the product; "" = the line has none, or its order none like it.
	SKU         string `json:"sku"`
	Quantity    int64  `json:"quantity"`
	Restocked   int64  `json:"restocked"`
	Quarantined int64  `json:"quarantined"`
	WrittenOff  int64  `json:"written_off"`
}

// Booked is how many units are accounted for.
func (g ReturnedGoods) Booked() int64 { return g.Restocked + g.Quarantined + g.WrittenOff }

// Missing is how many are not: the order never had them, or they are not known.
func (g ReturnedGoods) Missing() int64 { return g.Quantity - g.Booked() }

// Decision is one decision about units of a return. Decisions are only added.
type Decision struct {
	ID       int64 `json:"id"`
	ReturnID int64 `json:"return"`
	// Goods is the place in Return.Goods, from 0; SKU its product.
	Goods    int           `json:"goods"`
	SKU      string        `json:"sku"`
	Decision GoodsDecision `json:"decision"`
	Quantity int64         `json:"quantity"`
	Why      string        `json:"why,omitempty"`
	// Photo is where a picture lies that the hub does not have: an address or the name of
	// a file. Photos are numbers of those that it has.
	Photo  string    `json:"photo,omitempty"`
	Photos []int64   `json:"photos,omitempty"`
	Actor  Actor     `json:"actor"`
	At     time.Time `json:"at"`
}

// Photo is a picture that the shop took of goods that came back.
type Photo struct {
	ID       int64     `json:"id"`
	ReturnID int64     `json:"return"`
	Width    int       `json:"width"`
	Height   int       `json:"height"`
	Size     int64     `json:"size"` // bytes
	Actor    Actor     `json:"actor"`
	At       time.Time `json:"at"`
	// UsedAt is when somebody first received or decided with it: from then on it stays.
	UsedAt time.Time `json:"used_at,omitzero"`
	// ErasedAt is when the picture was erased with the buyer's data; its row stays.
	ErasedAt time.Time `json:"erased_at,omitzero"`
}

// Return is a return in the hub's ledger.
type Return struct {
	ID        int64   `json:"id"`
	AccountID string  `json:"account"`
	Channel   Channel `json:"channel"`
	// OrderID is the number of the order; 0 = it is not in the hub yet.
	OrderID int64 `json:"number,omitempty"`
	// Snapshot is what all halves together say, Parts what each says.
	Snapshot ReturnSnapshot `json:"snapshot"`
	Parts    []ReturnPart   `json:"parts"`
	// State is the channel's, or further: received and decided are the hub's own
	// words once it has the goods, and no news takes them back.
	State ReturnState `json:"state"`
	// ReceivedAt is when the hub learned that the seller has the goods, and by whom.
	ReceivedAt time.Time `json:"received_at,omitzero"`
	ReceivedBy Actor     `json:"received_by,omitzero"`
	// Came is what came, where a person counted; nil = all of it.
	Came *Came `json:"came,omitempty"`
	// Goods are set once the goods are received and the order is known.
	Goods []ReturnedGoods `json:"goods,omitempty"`
	// Discrepancy says in words why units are not accounted for.
	Discrepancy string `json:"discrepancy,omitempty"`

	Version   int64     `json:"version"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Number writes the hub's own number of the return.
func (r *Return) Number() string { return strconv.FormatInt(r.ID, 10) }

// Units is how many units come back, 0 when the buyer keeps them.
func (r *Return) Units() int64 {
	if r.Snapshot.NoGoods {
		return 0
	}
	n := int64(0)
	for _, l := range r.Snapshot.Lines {
		n += l.Quantity
	}
	return n
}

// ReturnDue is what is to be done about a return by its deadline.
type ReturnDue string

// What can be due.
const (
	DueAnswer ReturnDue = "answer"  // else silence becomes an answer
	DuePickUp ReturnDue = "pick_up" // else the goods are destroyed or sent on
)

// Deadline is the next moment by which somebody must do something; zero = none.
func (r *Return) Deadline() time.Time {
	at, _ := r.Due()
	return at
}

// Due is the next moment by which somebody must do something, and what; zero = none.
func (r *Return) Due() (time.Time, ReturnDue) {
	answer, pickUp := r.answerBy(), r.pickUpBy()
	switch {
	case answer.IsZero() && pickUp.IsZero():
		return time.Time{}, ""
	case answer.IsZero() || (!pickUp.IsZero() && pickUp.Before(answer)):
		return pickUp, DuePickUp
	}
	return answer, DueAnswer
}

// Deadlines are the moments by which the return must be answered and its goods
// collected; zero = none.
func (r *Return) Deadlines() (answer, pickUp time.Time) { return r.answerBy(), r.pickUpBy() }

// answerBy counts as long as there is something to answer, also while the channel does
// not tell which answers it takes; pickUpBy until the goods are here.
func (r *Return) answerBy() time.Time {
	if a := r.Snapshot.Actions; a != nil && len(a) == 0 {
		return time.Time{}
	}
	return r.Snapshot.AnswerBy
}

func (r *Return) pickUpBy() time.Time {
	if r.State.Rank() >= ReturnReceived.Rank() && r.Awaited() == 0 {
		return time.Time{}
	}
	return r.Snapshot.PickUpBy
}

// Action finds an answer that the channel takes now.
func (r *Return) Action(code string) (ReturnAction, bool) {
	i := slices.IndexFunc(r.Snapshot.Actions, func(a ReturnAction) bool { return a.Code == code })
	if i < 0 {
		return ReturnAction{}, false
	}
	return r.Snapshot.Actions[i], true
}

// Receive records that the seller has the goods. It reports whether that is new.
func (r *Return) Receive(at time.Time, by Actor) bool {
	if !r.ReceivedAt.IsZero() {
		return false
	}
	r.ReceivedAt, r.ReceivedBy = at, by
	r.Settle()
	return true
}

// Settle brings the state in line with what the channel says and the hub knows:
// decided when every unit that came is restocked or written off, and none is
// awaited.
func (r *Return) Settle() {
	if r.State = r.Snapshot.State; r.ReceivedAt.IsZero() {
		return
	}
	r.State = ReturnReceived
	if r.Awaited() > 0 {
		return
	}
	for _, g := range r.Goods {
		if g.Restocked+g.WrittenOff < g.Quantity {
			return
		}
	}
	if len(r.Goods) > 0 {
		r.State = ReturnDecided
	}
}

// ReturnedHeadline is the headline of an order of which back units have been
// received: the order itself when it is not handed over yet, or cancelled.
func ReturnedHeadline(o *Order, back int64) Status {
	to := StatusPartiallyReturned
	if back >= o.Snapshot.Units() {
		to = StatusReturned
	}
	if _, ok := transition(o.Headline, to, News); back <= 0 || !ok || !o.Headline.HandedOver() {
		return o.Headline
	}
	return to
}
