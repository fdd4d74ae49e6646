package site

import "github.com/orderhub/orderhub"

// statuses translates the words of shops. A shop writes what it likes: an
// unlisted word is kept and shown, and the order becomes unknown.
//
// Every step is told: the hub decides, the headline moves at once, and the shop
// gets a message.
var statuses = orderhub.StatusTable{
	Native: []orderhub.NativeStatus{
		{Scheme: orderhub.SchemeSite, Word: "pending", Sub: "*", Status: orderhub.StatusPending},
		{Scheme: orderhub.SchemeSite, Word: "unpaid", Sub: "*", Status: orderhub.StatusPending, Note: "waits for the payment"},
		{Scheme: orderhub.SchemeSite, Word: "new", Sub: "*", Status: orderhub.StatusNew},
		{Scheme: orderhub.SchemeSite, Word: "created", Sub: "*", Status: orderhub.StatusNew},
		{Scheme: orderhub.SchemeSite, Word: "processing", Sub: "*", Status: orderhub.StatusNew, Note: "the usual word for a paid order that nobody has worked yet"},
		{Scheme: orderhub.SchemeSite, Word: "confirmed", Sub: "*", Status: orderhub.StatusConfirmed},
		{Scheme: orderhub.SchemeSite, Word: "packed", Sub: "*", Status: orderhub.StatusPacked},
		{Scheme: orderhub.SchemeSite, Word: "shipped", Sub: "*", Status: orderhub.StatusShipped},
		{Scheme: orderhub.SchemeSite, Word: "ready_for_pickup", Sub: "*", Status: orderhub.StatusReadyForPickup},
		{Scheme: orderhub.SchemeSite, Word: "delivered", Sub: "*", Status: orderhub.StatusDelivered},
		{Scheme: orderhub.SchemeSite, Word: "completed", Sub: "*", Status: orderhub.StatusDelivered},
		{Scheme: orderhub.SchemeSite, Word: "cancelled", Sub: "*", Status: orderhub.StatusCancelled},
		{Scheme: orderhub.SchemeSite, Word: "canceled", Sub: "*", Status: orderhub.StatusCancelled},
		{Scheme: orderhub.SchemeSite, Word: "partially_returned", Sub: "*", Status: orderhub.StatusPartiallyReturned},
		{Scheme: orderhub.SchemeSite, Word: "returned", Sub: "*", Status: orderhub.StatusReturned},
	},
	Steps: []orderhub.Step{
		tell(orderhub.StatusNew),
		tell(orderhub.StatusConfirmed),
		tell(orderhub.StatusPacked),
		tell(orderhub.StatusShipped),
		tell(orderhub.StatusReadyForPickup),
		tell(orderhub.StatusDelivered),
		tell(orderhub.StatusCancelled),
	},
}

func tell(to orderhub.Status) orderhub.Step {
	return orderhub.Step{
		Scheme: orderhub.SchemeSite, To: to, Kind: orderhub.StepTell,
		Call: "POST delivery_url order.status_changed", Note: "the shop is told by a signed message, or reads it by API",
	}
}
