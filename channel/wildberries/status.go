package wildberries

import (
	"slices"

	"github.com/orderhub/orderhub"
)

// The words of supplierStatus, which says what the seller did.
var (
	fbsWords = []string{"new", "confirm", "complete", "cancel", "cancel_carrier"}
	dbsWords = []string{"new", "confirm", "deliver", "receive", "reject", "cancel", "cancel_missed_call"}
)

type ending struct {
	word   string
	status orderhub.Status
	note   string
	by     orderhub.CancelParty
	// after: the goods were under way and come back only through a return.
	after bool
}

// ends are the words of wbStatus after which Wildberries is finished with an
// order. They win over any supplierStatus: a buyer's cancel shows only here.
var ends = []ending{
	{"sold", orderhub.StatusDelivered, "received by the buyer", "", false},
	{"canceled", orderhub.StatusCancelled, "cancelled; Wildberries does not tell by whom", "", false},
	{"declined_by_client", orderhub.StatusCancelled, "the buyer cancelled in the first hour", orderhub.CancelByBuyer, false},
	{"canceled_by_client", orderhub.StatusCancelled, "the buyer refused it at receipt", orderhub.CancelByBuyer, true},
	{"defect", orderhub.StatusCancelled, "cancelled because of a defect", orderhub.CancelByChannel, true},
	{"canceled_by_missed_call", orderhub.StatusCancelled, "the buyer could not be reached", orderhub.CancelBySystem, false},
	{"canceled_by_carrier", orderhub.StatusCancelled, "the cross-border carrier cancelled", orderhub.CancelByCarrier, false},
}

// wbWords are the words of wbStatus that are not ends.
var wbWords = []string{
	"waiting", "sorted", "ready_for_pickup", "postponed_delivery", "accepted_by_carrier", "sent_to_carrier",
}

var statuses = orderhub.StatusTable{Native: nativeRows(), Steps: steps}

// nativeRows writes the table of pairs (supplierStatus, wbStatus): an end of
// wbStatus wins, then an end of supplierStatus, else the progress. An unknown
// supplierStatus beside a known end is translated in code, see translate.
func nativeRows() []orderhub.NativeStatus {
	rows := slices.Clone(progress)
	for _, scheme := range []struct {
		name  orderhub.Scheme
		words []string
	}{{orderhub.SchemeFBS, fbsWords}, {orderhub.SchemeDBS, dbsWords}} {
		for _, word := range scheme.words {
			for _, end := range ends {
				rows = append(rows, orderhub.NativeStatus{
					Scheme: scheme.name, Word: word, Sub: end.word, Status: end.status, Note: end.note,
				})
			}
		}
	}
	return rows
}

// progress are the pairs that are not decided by an end of wbStatus.
var progress = []orderhub.NativeStatus{
	{Scheme: orderhub.SchemeFBS, Word: "new", Sub: "waiting", Status: orderhub.StatusNew},
	{Scheme: orderhub.SchemeFBS, Word: "confirm", Sub: "waiting", Status: orderhub.StatusConfirmed, Note: "in a supply"},
	{Scheme: orderhub.SchemeFBS, Word: "confirm", Sub: "sorted", Status: orderhub.StatusShipped, Note: "scanned before the supply was closed"},
	{Scheme: orderhub.SchemeFBS, Word: "complete", Sub: "waiting", Status: orderhub.StatusShipped, Note: "the supply was handed over"},
	{Scheme: orderhub.SchemeFBS, Word: "complete", Sub: "sorted", Status: orderhub.StatusShipped},
	{Scheme: orderhub.SchemeFBS, Word: "complete", Sub: "postponed_delivery", Status: orderhub.StatusShipped},
	{Scheme: orderhub.SchemeFBS, Word: "complete", Sub: "accepted_by_carrier", Status: orderhub.StatusShipped, Note: "cross-border"},
	{Scheme: orderhub.SchemeFBS, Word: "complete", Sub: "sent_to_carrier", Status: orderhub.StatusShipped, Note: "cross-border"},
	{Scheme: orderhub.SchemeFBS, Word: "new", Sub: "ready_for_pickup", Status: orderhub.StatusReadyForPickup},
	{Scheme: orderhub.SchemeFBS, Word: "confirm", Sub: "ready_for_pickup", Status: orderhub.StatusReadyForPickup},
	{Scheme: orderhub.SchemeFBS, Word: "complete", Sub: "ready_for_pickup", Status: orderhub.StatusReadyForPickup},
	{Scheme: orderhub.SchemeFBS, Word: "cancel", Sub: "*", Status: orderhub.StatusCancelled, Note: "cancelled by the seller"},
	{Scheme: orderhub.SchemeFBS, Word: "cancel_carrier", Sub: "*", Status: orderhub.StatusCancelled, Note: "cancelled by the cross-border carrier"},

	{Scheme: orderhub.SchemeDBS, Word: "new", Sub: "waiting", Status: orderhub.StatusNew},
	{Scheme: orderhub.SchemeDBS, Word: "confirm", Sub: "waiting", Status: orderhub.StatusConfirmed},
	{Scheme: orderhub.SchemeDBS, Word: "deliver", Sub: "waiting", Status: orderhub.StatusShipped},
	{Scheme: orderhub.SchemeDBS, Word: "deliver", Sub: "postponed_delivery", Status: orderhub.StatusShipped},
	{Scheme: orderhub.SchemeDBS, Word: "new", Sub: "ready_for_pickup", Status: orderhub.StatusReadyForPickup},
	{Scheme: orderhub.SchemeDBS, Word: "confirm", Sub: "ready_for_pickup", Status: orderhub.StatusReadyForPickup},
	{Scheme: orderhub.SchemeDBS, Word: "deliver", Sub: "ready_for_pickup", Status: orderhub.StatusReadyForPickup, Note: "arrived at the pick-up point"},
	{Scheme: orderhub.SchemeDBS, Word: "receive", Sub: "*", Status: orderhub.StatusDelivered, Note: "handed over, code accepted"},
	{Scheme: orderhub.SchemeDBS, Word: "reject", Sub: "*", Status: orderhub.StatusCancelled, Note: "refused at the door; the seller has the goods"},
	{Scheme: orderhub.SchemeDBS, Word: "cancel", Sub: "*", Status: orderhub.StatusCancelled, Note: "cancelled by the seller"},
	{Scheme: orderhub.SchemeDBS, Word: "cancel_missed_call", Sub: "*", Status: orderhub.StatusCancelled, Note: "the buyer could not be reached"},
}

// actionCancel is offered while orders/status says isCancellable.
const actionCancel = "cancel"

var steps = []orderhub.Step{
	{Scheme: orderhub.SchemeFBS, To: orderhub.StatusConfirmed, Kind: orderhub.StepPush,
		Call: "PATCH /api/marketplace/v3/supplies/{supplyId}/orders", Note: "puts the order into an open supply, which is made when there is none"},
	{Scheme: orderhub.SchemeFBS, To: orderhub.StatusPacked, Kind: orderhub.StepLocal},
	{Scheme: orderhub.SchemeFBS, To: orderhub.StatusShipped, Kind: orderhub.StepPush,
		Call: "PATCH /api/v3/supplies/{supplyId}/deliver", Note: "hands over the whole supply: ask for all its orders at once, or say whole_supply=yes"},
	{Scheme: orderhub.SchemeFBS, To: orderhub.StatusReadyForPickup, Kind: orderhub.StepObserved, Note: "Wildberries delivers and reports it"},
	{Scheme: orderhub.SchemeFBS, To: orderhub.StatusDelivered, Kind: orderhub.StepObserved, Note: "Wildberries delivers and reports it"},
	{Scheme: orderhub.SchemeFBS, To: orderhub.StatusCancelled, Kind: orderhub.StepPush, Actions: []string{actionCancel},
		Call: "PATCH /api/v3/orders/{orderId}/cancel", Note: "only before hand-over"},

	{Scheme: orderhub.SchemeDBS, To: orderhub.StatusConfirmed, Kind: orderhub.StepPush,
		Call: "POST /api/marketplace/v3/dbs/orders/status/confirm"},
	{Scheme: orderhub.SchemeDBS, To: orderhub.StatusPacked, Kind: orderhub.StepLocal},
	{Scheme: orderhub.SchemeDBS, To: orderhub.StatusShipped, Kind: orderhub.StepPush,
		Call: "POST /api/marketplace/v3/dbs/orders/status/deliver"},
	{Scheme: orderhub.SchemeDBS, To: orderhub.StatusReadyForPickup, Kind: orderhub.StepObserved, Note: "the pick-up point reports the arrival"},
	{Scheme: orderhub.SchemeDBS, To: orderhub.StatusDelivered, Kind: orderhub.StepPush,
		Call: "POST /api/marketplace/v3/dbs/orders/status/receive", Note: "needs the code that the buyer shows (code)"},
	{Scheme: orderhub.SchemeDBS, To: orderhub.StatusCancelled, Kind: orderhub.StepPush,
		Call: "POST /api/marketplace/v3/dbs/orders/status/cancel", Note: "only before hand-over"},
	{Scheme: orderhub.SchemeDBS, To: orderhub.StatusCancelled, Kind: orderhub.StepPush,
		From: []orderhub.Status{orderhub.StatusShipped, orderhub.StatusReadyForPickup},
		Call: "POST /api/marketplace/v3/dbs/orders/status/reject", Note: "the buyer refused at the door; needs the code that the buyer shows (code)"},
}

// translation is what a pair of native words means.
type translation struct {
	status       orderhub.Status
	cancellation *orderhub.Cancellation
	drift        []orderhub.Drift
}

// translate looks a pair up. Words that no document knows are reported as drift
// even where a wildcard or an end decides without them.
func translate(scheme orderhub.Scheme, word, sub string) translation {
	out := translation{status: orderhub.StatusUnknown}
	status, ok := statuses.Lookup(scheme, word, sub)
	end := slices.IndexFunc(ends, func(e ending) bool { return e.word == sub })
	switch {
	case ok:
		out.status = status
	case end >= 0:
		out.status = ends[end].status
	}
	words := fbsWords
	if scheme == orderhub.SchemeDBS {
		words = dbsWords
	}
	wordKnown, subKnown := slices.Contains(words, word), end >= 0 || slices.Contains(wbWords, sub)
	if !wordKnown {
		out.drift = append(out.drift, orderhub.Drift{Field: "supplierStatus", Word: word})
	}
	if !subKnown {
		out.drift = append(out.drift, orderhub.Drift{Field: "wbStatus", Word: sub})
	}
	if wordKnown && subKnown && out.status == orderhub.StatusUnknown {
		out.drift = append(out.drift, orderhub.Drift{Field: "supplierStatus/wbStatus", Word: word + "/" + sub})
	}
	if out.status == orderhub.StatusCancelled {
		out.cancellation = cancellation(word, sub)
	}
	return out
}

// cancellation tells who cancelled. Goods that had left the seller come back
// only through a return: when the buyer refused them or they were defective,
// and when the seller's own status says that they were handed over.
func cancellation(word, sub string) *orderhub.Cancellation {
	c := &orderhub.Cancellation{ReasonCode: sub}
	for _, end := range ends {
		if end.word == sub {
			c.By, c.Reason, c.AfterHandOver = end.by, end.note, end.after
		}
	}
	switch word {
	case "cancel":
		if c.By == "" {
			c.By, c.ReasonCode, c.Reason = orderhub.CancelBySeller, word, "cancelled by the seller"
		}
	case "cancel_carrier":
		c.By, c.ReasonCode, c.Reason = orderhub.CancelByCarrier, word, "cancelled by the cross-border carrier"
	case "cancel_missed_call":
		if c.By == "" {
			c.By, c.ReasonCode, c.Reason = orderhub.CancelBySystem, word, "the buyer could not be reached"
		}
	case "reject":
		if c.By == "" {
			c.By, c.ReasonCode, c.Reason = orderhub.CancelByBuyer, word, "the buyer refused it at the door"
		}
		c.AfterHandOver = true
	case "complete", "deliver", "receive":
		c.AfterHandOver = true
	}
	return c
}
