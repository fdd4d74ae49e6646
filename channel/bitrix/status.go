package bitrix

import "github.com/orderhub/orderhub"

// The substatuses that the adapter makes of Bitrix' other axes.
const (
	subCanceled = "canceled" // canceled = Y, whatever the status
	subDeducted = "deducted" // every shipment has left
)

// wordGone stands for an order that was deleted in the shop.
const wordGone = "deleted"

// statuses translates the codes of a fresh shop. A shop adds its own; the setting
// status_words says what they mean.
var statuses = orderhub.StatusTable{
	Native: []orderhub.NativeStatus{
		{Scheme: orderhub.SchemeSite, Word: "N", Sub: "", Status: orderhub.StatusNew, Note: "accepted; whether it is paid is told apart"},
		{Scheme: orderhub.SchemeSite, Word: "P", Sub: "", Status: orderhub.StatusNew, Note: "paid, nobody has worked it yet"},
		{Scheme: orderhub.SchemeSite, Word: "N", Sub: subDeducted, Status: orderhub.StatusShipped},
		{Scheme: orderhub.SchemeSite, Word: "P", Sub: subDeducted, Status: orderhub.StatusShipped},
		{Scheme: orderhub.SchemeSite, Word: "F", Sub: "*", Status: orderhub.StatusDelivered, Note: "done"},
		{Scheme: orderhub.SchemeSite, Word: "N", Sub: subCanceled, Status: orderhub.StatusCancelled},
		{Scheme: orderhub.SchemeSite, Word: "P", Sub: subCanceled, Status: orderhub.StatusCancelled},
		{Scheme: orderhub.SchemeSite, Word: "F", Sub: subCanceled, Status: orderhub.StatusCancelled},
		{Scheme: orderhub.SchemeSite, Word: wordGone, Sub: "*", Status: orderhub.StatusCancelled, Note: "the shop has no such order any more, and a person cancelled it in the hub"},
	},
	Steps: []orderhub.Step{
		{Scheme: orderhub.SchemeSite, To: orderhub.StatusNew, Kind: orderhub.StepObserved, Note: "the shop alone makes orders"},
		tell(orderhub.StatusConfirmed), tell(orderhub.StatusPacked), tell(orderhub.StatusReadyForPickup),
		{Scheme: orderhub.SchemeSite, To: orderhub.StatusShipped, Kind: orderhub.StepPush, Call: "sale.shipment.update", Note: "every shipment is deducted"},
		{Scheme: orderhub.SchemeSite, To: orderhub.StatusDelivered, Kind: orderhub.StepPush, Call: "sale.order.update", Note: "status F, or the shop's own word"},
		{Scheme: orderhub.SchemeSite, To: orderhub.StatusCancelled, Kind: orderhub.StepPush, Call: "sale.order.update", Note: "canceled = Y"},
	},
}

func tell(to orderhub.Status) orderhub.Step {
	return orderhub.Step{
		Scheme: orderhub.SchemeSite, To: to, Kind: orderhub.StepTell, Call: "sale.order.update",
		Note: "where status_words names a status of the shop; else the hub alone keeps the step",
	}
}

// translate finds the status of an order: a cancellation stands above all, then the
// shop's own word, then the table, then the shipments.
func (a *adapter) translate(word, sub string) (orderhub.Status, bool) {
	own, isOwn := a.words.Status(word)
	switch {
	case sub == subCanceled:
		return orderhub.StatusCancelled, true
	case isOwn && sub == subDeducted && own.Rank() < orderhub.StatusShipped.Rank():
		return orderhub.StatusShipped, true
	case isOwn:
		return own, true
	}
	return statuses.Lookup(orderhub.SchemeSite, word, sub)
}
