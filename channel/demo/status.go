package demo

import "github.com/orderhub/orderhub"

var statuses = orderhub.StatusTable{
	Native: []orderhub.NativeStatus{
		{Word: "unpaid", Sub: "*", Status: orderhub.StatusPending},
		{Word: "created", Sub: "*", Status: orderhub.StatusNew},
		{Word: "accepted", Sub: "*", Status: orderhub.StatusConfirmed},
		{Word: "handed_over", Sub: "*", Status: orderhub.StatusShipped},
		{Word: "arrived", Sub: "*", Status: orderhub.StatusReadyForPickup},
		{Word: "received", Sub: "*", Status: orderhub.StatusDelivered},
		{Word: "void", Sub: "*", Status: orderhub.StatusCancelled},
		{Word: "received", Sub: "sent_back", Status: orderhub.StatusReturned},
	},
	Steps: []orderhub.Step{
		{To: orderhub.StatusConfirmed, Kind: orderhub.StepPush, Call: "POST /v1/orders/status accepted"},
		{To: orderhub.StatusPacked, Kind: orderhub.StepLocal, Note: "the market has no such step"},
		{To: orderhub.StatusShipped, Kind: orderhub.StepPush, Call: "POST /v1/orders/status handed_over"},
		{To: orderhub.StatusReadyForPickup, Kind: orderhub.StepObserved, Note: "the courier causes it"},
		{To: orderhub.StatusDelivered, Kind: orderhub.StepObserved, Note: "the buyer causes it"},
		{To: orderhub.StatusCancelled, Kind: orderhub.StepPush, Call: "POST /v1/orders/status void"},
	},
}

// words are the native words of the steps that are pushed.
var words = map[orderhub.Status]string{
	orderhub.StatusConfirmed: "accepted",
	orderhub.StatusShipped:   "handed_over",
	orderhub.StatusCancelled: "void",
}

// deliveries are the known values of the enum "delivery".
var deliveries = map[string]string{"courier": "Courier", "point": "Pick-up point"}
