package orderhub

import (
	"strconv"
	"time"
)

// Channel is a kind of source: "ozon", "wildberries", "yandex_market", "site".
type Channel string

// Scheme is how the goods reach the buyer, in the field's words.
type Scheme string

// The schemes that the hub tells apart; a channel may use a subset.
const (
	SchemeFBS     Scheme = "fbs"     // the seller packs, the marketplace delivers
	SchemeRFBS    Scheme = "rfbs"    // Ozon: the seller delivers
	SchemeDBS     Scheme = "dbs"     // Wildberries, Yandex Market: the seller delivers
	SchemeExpress Scheme = "express" // Yandex Market: courier within the hour
	SchemeFBO     Scheme = "fbo"     // Ozon's, Wildberries' or Yandex' warehouse: read-only for the seller
	SchemeLaaS    Scheme = "laas"    // Yandex Market delivers an order of another channel
	SchemeSite    Scheme = "site"    // the shop's own site
)

// Snapshot is what a channel says of one order in one answer, translated into
// our words. An adapter fills it and gives no identity: the hub's number,
// product links and history are not the channel's to tell.
type Snapshot struct {
	// ExternalID is the channel's key of the unit of work, unique in the
	// account: Ozon posting_number, WB assembly order id, Yandex orderId, the
	// site's own id.
	ExternalID string `json:"external_id"`
	// ExternalNumber is the number that people see in the channel's cabinet.
	ExternalNumber string `json:"external_number,omitempty"`
	// GroupKey joins what the buyer sees as one purchase: Ozon order_number,
	// WB orderUid. Empty: the order stands alone.
	GroupKey string `json:"group_key,omitempty"`
	// Ref is the channel's other key of the same unit of work, by which its
	// returns and its money name it (WB rid, there called srid).
	Ref string `json:"ref,omitempty"`
	// ParentID is the external id of the order this one was split from.
	ParentID string `json:"parent_id,omitempty"`
	// SiteOrderID is set when this order only delivers an order of the shop's
	// own site (Ozon external_order.is_external): the site's order number. The
	// goods are counted there.
	SiteOrderID string `json:"site_order_id,omitempty"`

	Scheme Scheme `json:"scheme"`
	// ReadOnly orders can only be watched (FBO, FBY).
	ReadOnly bool `json:"read_only,omitempty"`
	// StatusOnly marks an answer that carries only identity, status words,
	// ChangedAt, Revision, holds, the cancel request, cancellation, Actions and
	// Attrs (WB orders/status). Everything else the hub knows stays.
	StatusOnly bool `json:"status_only,omitempty"`

	// Status is the native words translated by the channel's table;
	// StatusUnknown when the table does not list them.
	Status Status `json:"status"`
	// Native and NativeSub are the channel's words as written (Ozon status and
	// substatus, WB supplierStatus and wbStatus, Yandex status and substatus).
	Native    string `json:"native"`
	NativeSub string `json:"native_sub,omitempty"`
	// ChangedAt is the channel's own time of the last change; zero when the
	// channel does not tell (Ozon, WB): then rank decides what is older news.
	ChangedAt time.Time `json:"changed_at,omitzero"`
	// PlacedAt is when the order was made, by the same field that the channel's
	// list calls select by, so that an audit of a day compares equals.
	PlacedAt time.Time `json:"placed_at,omitzero"`
	// ShipBy is the deadline of hand-over or assembly; zero = none.
	ShipBy time.Time `json:"ship_by,omitzero"`

	Payment Payment `json:"payment,omitempty"`
	// Holds that the channel itself puts on the order.
	Holds []Hold `json:"holds,omitempty"`
	// CancelRequest is a buyer's wish to cancel that waits for the seller.
	CancelRequest *CancelRequest `json:"cancel_request,omitempty"`
	Cancellation  *Cancellation  `json:"cancellation,omitempty"`

	Customer Customer `json:"customer,omitzero"`
	Shipping Shipping `json:"shipping,omitzero"`
	Lines    []Line   `json:"lines,omitempty"`
	// Total is what the channel says the goods cost, or the sum of the lines
	// when it gives none.
	Total Money `json:"total,omitzero"`
	// Comment is the buyer's.
	Comment string `json:"comment,omitempty" personal:"text"`

	// Requires lists what must be filled before hand-over, in the channel's
	// words: "sgtin", "mandatory_mark:1550012345", "CIS:810001".
	Requires []string `json:"requires,omitzero"`
	// Actions the channel offers now (Ozon available_actions). nil = the
	// channel does not tell; empty = none.
	Actions []string `json:"actions,omitzero"`
	// Attrs are the adapter's own keys that its push calls need later
	// (campaignId, warehouseId, cargoType, supplyId). Merged key by key.
	Attrs map[string]string `json:"attrs,omitempty"`

	// Revision orders updates of a source that counts its versions (site). 0 = none.
	Revision int64 `json:"revision,omitempty"`

	// Drift lists words and enum values that the adapter does not know. Never a
	// reason to fail.
	Drift []Drift `json:"drift,omitempty"`
	// Discrepancies are differences between the channel's own figures (unit
	// price × quantity against line total, lines against order total).
	Discrepancies []string `json:"discrepancies,omitempty"`
}

// Line is one position of an order, in the channel's words.
type Line struct {
	// ID is the channel's id of the line where it has one (Yandex items[].id).
	ID string `json:"id,omitempty"`
	// SKU is the seller's article as the channel wrote it. Text: "0557722" is
	// not "557722".
	SKU string `json:"sku"`
	// ListingKey is the channel's immutable product key (Ozon sku, WB chrtId,
	// Yandex offerId).
	ListingKey string `json:"listing_key,omitempty"`
	Name       string `json:"name,omitempty"`
	// Quantity counts units, > 0; 0 for a line removed by the seller.
	Quantity int64 `json:"quantity"`
	// UnitPrice is what the seller is owed per unit, Total for all units of
	// the line. Channels give one of them; the other is derived, and when both
	// are given a difference is recorded in Snapshot.Discrepancies.
	UnitPrice Money    `json:"unit_price,omitzero"`
	Discount  Money    `json:"discount,omitzero"`
	Total     Money    `json:"total,omitzero"`
	VAT       string   `json:"vat,omitempty"` // "20", "10", "none", or the channel's word
	Barcodes  []string `json:"barcodes,omitempty"`
}

// Customer is what a channel tells of the buyer; mostly little.
type Customer struct {
	// ID is the channel's own id of the buyer, where it is the same in each of his
	// orders.
	ID    string `json:"id,omitempty" personal:"text"`
	Name  string `json:"name,omitempty" personal:"name"`
	Phone string `json:"phone,omitempty" personal:"phone"`
	Email string `json:"email,omitempty" personal:"email"`
	// ProxyPhone is true when Phone is a marketplace's substitute number:
	// such numbers never identify a person.
	ProxyPhone bool   `json:"proxy_phone,omitempty"`
	Company    string `json:"company,omitempty" personal:"name"`
	INN        string `json:"inn,omitempty" personal:"text"`
	KPP        string `json:"kpp,omitempty" personal:"text"`
}

// Shipping is how and where the goods go.
type Shipping struct {
	// Method in the channel's words, for people.
	Method   string `json:"method,omitempty"`
	Carrier  string `json:"carrier,omitempty"`
	Address  string `json:"address,omitempty" personal:"drop"`
	City     string `json:"city,omitempty"`
	Tracking string `json:"tracking,omitempty"`
	// Warehouse is the seller's warehouse in the channel's words.
	Warehouse   string    `json:"warehouse,omitempty"`
	Price       Money     `json:"price,omitzero"`
	DeliverFrom time.Time `json:"deliver_from,omitzero"`
	DeliverTo   time.Time `json:"deliver_to,omitzero"`
}

// Payment is the payment axis.
type Payment string

// The payment states.
const (
	PaymentUnknown   Payment = ""
	PaymentPaid      Payment = "paid"
	PaymentUnpaid    Payment = "unpaid"
	PaymentOnReceipt Payment = "on_receipt"
	PaymentRefunded  Payment = "refunded"
)

// Hold is a reason why an order must not go on, beside its status.
type Hold string

// The holds. Some are the channel's, some the hub's; see IsChannelHold.
const (
	HoldArbitration   Hold = "arbitration"    // channel: dispute with carrier or buyer
	HoldCancelRequest Hold = "cancel_request" // channel: the buyer asked to cancel, the seller must answer
	HoldNotAccepted   Hold = "not_accepted"   // channel: the sorting centre refused the parcel
	HoldShipFailed    Hold = "ship_failed"    // channel: assembly failed on its side, it will be sent again
	HoldUnmapped      Hold = "unmapped"       // hub: a line has no product
	HoldShort         Hold = "short"          // hub: not enough stock
	HoldManual        Hold = "manual"         // hub: a person said wait
	HoldConflict      Hold = "conflict"       // hub: two sources disagree, a person must decide
)

// IsChannelHold reports whether the channel sets and lifts this hold. The
// others belong to the hub and survive any news.
func (h Hold) IsChannelHold() bool {
	switch h {
	case HoldArbitration, HoldCancelRequest, HoldNotAccepted, HoldShipFailed:
		return true
	case HoldUnmapped, HoldShort, HoldManual, HoldConflict:
		return false
	}
	return false
}

// CancelRequest is a buyer's wish to cancel that waits for the seller's answer.
type CancelRequest struct {
	ID string `json:"id,omitempty"`
	// AnswerBy is when silence becomes an answer; zero = not told.
	AnswerBy time.Time `json:"answer_by,omitzero"`
}

// CancelParty is who cancelled.
type CancelParty string

// The parties of a cancellation.
const (
	CancelByBuyer   CancelParty = "buyer"
	CancelBySeller  CancelParty = "seller"
	CancelByChannel CancelParty = "channel"
	CancelByCarrier CancelParty = "carrier"
	CancelBySystem  CancelParty = "system"
	// CancelBySplit: nothing was cancelled; the goods moved to the child orders.
	CancelBySplit CancelParty = "split"
)

// Cancellation tells who cancelled and why, in the channel's words.
type Cancellation struct {
	By         CancelParty `json:"by,omitempty"`
	ReasonCode string      `json:"reason_code,omitempty"`
	Reason     string      `json:"reason,omitempty"`
	// AfterHandOver: the goods were already on their way and come back only
	// through a return.
	AfterHandOver bool `json:"after_hand_over,omitempty"`
}

// Drift is a word of the channel that the adapter does not know.
type Drift struct {
	Field string `json:"field"`
	Word  string `json:"word"`
}

// Order is an order in the ledger: what the channel says (Snapshot) and what
// the hub adds. The columns have one owner each: news of the channel never
// touch the hub's.
type Order struct {
	// ID is the hub's own order number: digits only, at most 11, unique over
	// all channels, never reused.
	ID        int64   `json:"number"`
	AccountID string  `json:"account"`
	Channel   Channel `json:"channel"`

	// Snapshot holds the channel's side; its Status is the channel's last
	// accepted word translated, see Headline.
	Snapshot Snapshot `json:"snapshot"`

	// Headline is the status of the order. It follows the channel's status and
	// adds the local steps that the channel does not have.
	Headline Status `json:"status"`
	// Requested is the status that was asked for and is on its way to the
	// channel; empty = none.
	Requested Status `json:"requested,omitempty"`
	// HubHolds are the holds that belong to the hub.
	HubHolds []Hold `json:"hub_holds,omitempty"`
	// Tags are the hub's, sorted, each as ParseTag spells it.
	Tags     []string `json:"tags,omitempty"`
	Assignee Assignee `json:"assignee,omitempty"`

	// Doubt remembers news of a lower rank that was refused as probably stale;
	// the same news seen again after a while is believed. See Merge.
	Doubt      Status    `json:"doubt,omitempty"`
	DoubtSince time.Time `json:"doubt_since,omitzero"`

	// ReadAt is when the last answer was read that changed the order; an answer
	// read earlier and saved later is not news. RawID is that answer.
	ReadAt time.Time `json:"read_at,omitzero"`
	RawID  int64     `json:"raw_id,omitempty"`

	// CardID is the card on which the order arrived, 0 = none: cards are merged and
	// parted without touching orders. ErasedAt is when the buyer's data was erased;
	// no news brings it back.
	CardID   int64     `json:"card,omitempty"`
	ErasedAt time.Time `json:"erased_at,omitzero"`

	// Version counts changes, from 1; used to detect lost updates.
	Version   int64     `json:"version"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Number writes the hub's own order number.
func (o *Order) Number() string { return strconv.FormatInt(o.ID, 10) }

// Holds lists the holds of the channel and of the hub.
func (o *Order) Holds() []Hold {
	out := make([]Hold, 0, len(o.Snapshot.Holds)+len(o.HubHolds))
	out = append(out, o.Snapshot.Holds...)
	return append(out, o.HubHolds...)
}

// HasHold reports whether the order carries the hold.
func (o *Order) HasHold(h Hold) bool {
	for _, have := range o.Holds() {
		if have == h {
			return true
		}
	}
	return false
}

// CountsGoods reports whether the units of this order are to be counted: not
// when they were split into other orders, and not when the order only delivers
// an order of the shop's own site.
func (o *Order) CountsGoods() bool {
	if o.Snapshot.SiteOrderID != "" {
		return false
	}
	c := o.Snapshot.Cancellation
	return c == nil || c.By != CancelBySplit
}

// Units sums the quantities of the lines.
func (s *Snapshot) Units() int64 {
	var n int64
	for _, l := range s.Lines {
		n += l.Quantity
	}
	return n
}
