package woocommerce

import "github.com/orderhub/orderhub"

// scheme is the one scheme: the shop's own site.
const scheme = orderhub.SchemeSite

// wordGone stands for an order that was deleted for good.
const wordGone = "deleted"

// The native substatus is what the hub wrote into the order's meta data, for
// shops without a status of their own for it.
var statuses = orderhub.StatusTable{
	Native: []orderhub.NativeStatus{
		row("pending", orderhub.StatusPending, "waits for the payment"),
		row("on-hold", orderhub.StatusPending, "stock is reserved, the payment is to be confirmed by hand (bank transfer)"),
		row("failed", orderhub.StatusPending, "the payment failed; the buyer may try again"),
		row("processing", orderhub.StatusNew, "paid, or paid on delivery: to be worked"),
		{Scheme: scheme, Word: "processing", Sub: "shipped", Status: orderhub.StatusShipped, Note: "as the hub noted it in the order's meta data"},
		{Scheme: scheme, Word: "processing", Sub: "ready_for_pickup", Status: orderhub.StatusReadyForPickup, Note: "as the hub noted it in the order's meta data"},
		row("shipped", orderhub.StatusShipped, "of plugins"),
		row("partial-shipped", orderhub.StatusShipped, "of plugins"),
		row("ready-for-pickup", orderhub.StatusReadyForPickup, "of plugins"),
		row("delivered", orderhub.StatusDelivered, "of plugins"),
		row("completed", orderhub.StatusDelivered, "nothing is left to do"),
		row("cancelled", orderhub.StatusCancelled, ""),
		row("refunded", orderhub.StatusCancelled, "all money went back; goods that had left come back through a return"),
		row("trash", orderhub.StatusCancelled, "in the bin"),
		row(wordGone, orderhub.StatusCancelled, "deleted for good, and a person cancelled it in the hub"),
	},
	Steps: []orderhub.Step{
		{To: orderhub.StatusNew, Kind: orderhub.StepPush, Call: "PUT orders/{id} processing", Note: "the payment was confirmed by hand"},
		{To: orderhub.StatusConfirmed, Kind: orderhub.StepLocal, Note: "a shop has no such step"},
		{To: orderhub.StatusPacked, Kind: orderhub.StepLocal, Note: "a shop has no such step"},
		{To: orderhub.StatusShipped, Kind: orderhub.StepPush, Call: "PUT orders/{id}", Note: "the shop's own status (setting status_words), else noted in the order's meta data"},
		{To: orderhub.StatusReadyForPickup, Kind: orderhub.StepPush, Call: "PUT orders/{id}", Note: "the shop's own status (setting status_words), else noted in the order's meta data"},
		{To: orderhub.StatusDelivered, Kind: orderhub.StepPush, Call: "PUT orders/{id} completed"},
		{To: orderhub.StatusCancelled, Kind: orderhub.StepPush, Call: "PUT orders/{id} cancelled", Note: "money is not sent back by this: refund it in the shop"},
	},
}

func row(word string, status orderhub.Status, note string) orderhub.NativeStatus {
	return orderhub.NativeStatus{Scheme: scheme, Word: word, Sub: "*", Status: status, Note: note}
}

// defaultSays are the statuses that every shop has.
var defaultSays = map[orderhub.Status]string{
	orderhub.StatusNew:       "processing",
	orderhub.StatusDelivered: "completed",
	orderhub.StatusCancelled: "cancelled",
}

// noted are the steps that are written into the meta data where the shop has no
// status for them.
var noted = map[orderhub.Status]bool{orderhub.StatusShipped: true, orderhub.StatusReadyForPickup: true}

// drafts are carts that are not orders yet, and may never be.
var drafts = map[string]bool{"checkout-draft": true, "auto-draft": true, "draft": true}

// lookup translates a status and what the hub noted beside it.
func (w words) lookup(word, sub string) (orderhub.Status, bool) {
	status, known := statuses.Lookup(scheme, word, sub)
	if word == defaultSays[orderhub.StatusNew] && noted[orderhub.Status(sub)] {
		return status, known
	}
	if own, ok := w.own.Status(word); ok {
		return own, true
	}
	return status, known
}
