package shopify

import (
	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// wordCancelled stands for an order with cancelledAt, wordGone for one that was
// deleted: Shopify has no words for them.
const (
	wordCancelled = "CANCELLED"
	wordGone      = "DELETED"
	wordFulfilled = "FULFILLED"
)

// statuses: the word is displayFulfillmentStatus, the second one displayStatus
// of the shipment that is least far.
var statuses = orderhub.StatusTable{
	Native: []orderhub.NativeStatus{
		{Word: "UNFULFILLED", Sub: "*", Status: orderhub.StatusNew},
		{Word: "OPEN", Sub: "*", Status: orderhub.StatusNew},
		{Word: "REQUEST_DECLINED", Sub: "*", Status: orderhub.StatusNew, Note: "a fulfilment service does not send it"},
		{Word: "RESTOCKED", Sub: "*", Status: orderhub.StatusNew, Note: "deprecated: nothing was sent"},
		{Word: "ON_HOLD", Sub: "*", Status: orderhub.StatusPending},
		{Word: "SCHEDULED", Sub: "*", Status: orderhub.StatusPending, Note: "a later day was agreed"},
		{Word: "PENDING_FULFILLMENT", Sub: "*", Status: orderhub.StatusConfirmed},
		{Word: "IN_PROGRESS", Sub: "*", Status: orderhub.StatusConfirmed},
		{Word: "PARTIALLY_FULFILLED", Sub: "*", Status: orderhub.StatusConfirmed, Note: "a part is still to be sent"},
		{Word: wordFulfilled, Sub: "*", Status: orderhub.StatusShipped},
		{Word: wordFulfilled, Sub: "READY_FOR_PICKUP", Status: orderhub.StatusReadyForPickup},
		{Word: wordFulfilled, Sub: "DELIVERED", Status: orderhub.StatusDelivered},
		{Word: wordFulfilled, Sub: "PICKED_UP", Status: orderhub.StatusDelivered},
		{Word: wordCancelled, Sub: "*", Status: orderhub.StatusCancelled, Note: "cancelledAt is set"},
		{Word: wordGone, Sub: "*", Status: orderhub.StatusCancelled, Note: "the webhook orders/delete"},
	},
	Steps: []orderhub.Step{
		{To: orderhub.StatusConfirmed, Kind: orderhub.StepLocal, Note: "Shopify has no such step"},
		{To: orderhub.StatusPacked, Kind: orderhub.StepLocal, Note: "Shopify has no such step"},
		{To: orderhub.StatusShipped, Kind: orderhub.StepPush, Call: "fulfillmentCreate", Note: "one shipment per location, of all that is open there"},
		{To: orderhub.StatusReadyForPickup, Kind: orderhub.StepPush, Call: "fulfillmentEventCreate READY_FOR_PICKUP", From: []orderhub.Status{orderhub.StatusShipped}},
		{To: orderhub.StatusDelivered, Kind: orderhub.StepPush, Call: "fulfillmentEventCreate DELIVERED", From: []orderhub.Status{orderhub.StatusShipped, orderhub.StatusReadyForPickup}},
		{To: orderhub.StatusCancelled, Kind: orderhub.StepPush, Call: "orderCancel", Note: "asynchronous; money stays where it is, the shop's figures follow the hub's"},
	},
}

var cancelReasons = []channel.CancelReason{
	{Code: "CUSTOMER", Title: "The buyer changed their mind"},
	{Code: "INVENTORY", Title: "Out of stock"},
	{Code: "DECLINED", Title: "The payment was declined"},
	{Code: "FRAUD", Title: "Fraud"},
	{Code: "STAFF", Title: "A mistake of ours"},
	{Code: "OTHER", Title: "Another reason"},
}

// shipmentRank tells how far a shipment is by its displayStatus.
var shipmentRank = map[string]int{
	"SUBMITTED": 1, "FULFILLED": 1, "MARKED_AS_FULFILLED": 1, "CONFIRMED": 1, "LABEL_PURCHASED": 1, "LABEL_PRINTED": 1, "LABEL_VOIDED": 1,
	"CARRIER_PICKED_UP": 1, "IN_TRANSIT": 1, "DELAYED": 1, "OUT_FOR_DELIVERY": 1, "ATTEMPTED_DELIVERY": 1, "NOT_DELIVERED": 1, "FAILURE": 1,
	"READY_FOR_PICKUP": 2, "PICKED_UP": 3, "DELIVERED": 3,
}

// payments are the words of displayFinancialStatus.
var payments = map[string]orderhub.Payment{
	"PENDING": orderhub.PaymentUnpaid, "AUTHORIZED": orderhub.PaymentUnpaid, "PARTIALLY_PAID": orderhub.PaymentUnpaid, "EXPIRED": orderhub.PaymentUnpaid,
	"VOIDED": orderhub.PaymentUnpaid, "PAID": orderhub.PaymentPaid, "PARTIALLY_REFUNDED": orderhub.PaymentPaid, "REFUNDED": orderhub.PaymentRefunded,
}
