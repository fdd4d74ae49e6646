package yandexmarket

import (
	"slices"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// The native words that the code itself speaks.
const (
	wordProcessing  = "PROCESSING"
	wordDelivery    = "DELIVERY"
	wordPickup      = "PICKUP"
	wordDelivered   = "DELIVERED"
	wordCancelled   = "CANCELLED"
	wordUnpaid      = "UNPAID"
	subStarted      = "STARTED"
	subReadyToShip  = "READY_TO_SHIP"
	subShopFailed   = "SHOP_FAILED"
	subNotReceived  = "DELIVERY_USER_NOT_RECEIVED"
	subNotReceived2 = "DELIVERED_USER_NOT_RECEIVED"
)

// statuses is what the words of the Market mean and who causes each step. A row
// with "*" keeps the usual headline for a substatus that is not listed, so a
// new substatus never loses an order; it is reported as drift (knownSubstatus).
var statuses = orderhub.StatusTable{
	Native: []orderhub.NativeStatus{
		{Word: "PLACING", Sub: "*", Status: orderhub.StatusPending, Note: "being placed"},
		{Word: "RESERVED", Sub: "*", Status: orderhub.StatusPending, Note: "LaaS draft"},
		{Word: wordUnpaid, Sub: "*", Status: orderhub.StatusPending, Note: "placed, not paid yet"},
		{Word: "PENDING", Sub: "*", Status: orderhub.StatusPending, Note: "under approval at the Market"},

		{Word: wordProcessing, Sub: "*", Status: orderhub.StatusNew, Note: "STARTED and what sellers rarely see: PACKAGING, AWAIT_CONFIRMATION, WAITING_FOR_STOCKS, the search for a courier"},
		{Word: wordProcessing, Sub: subReadyToShip, Status: orderhub.StatusPacked},
		{Word: wordProcessing, Sub: "COURIER_FOUND", Status: orderhub.StatusPacked, Note: "express: the courier comes for a packed order"},
		{Word: wordProcessing, Sub: "COURIER_IN_TRANSIT_TO_SENDER", Status: orderhub.StatusPacked, Note: "express"},
		{Word: wordProcessing, Sub: "COURIER_ARRIVED_TO_SENDER", Status: orderhub.StatusPacked, Note: "express"},
		{Word: wordProcessing, Sub: "SHIPPED", Status: orderhub.StatusShipped, Note: "accepted by the delivery service"},
		{Word: wordProcessing, Sub: "COURIER_RECEIVED", Status: orderhub.StatusShipped, Note: "express: the courier has the goods"},
		{Word: wordProcessing, Sub: "COURIER_NOT_DELIVER_ORDER", Status: orderhub.StatusShipped, Note: "express: the goods are with the courier"},
		{Word: wordProcessing, Sub: "COURIER_RETURNS_ORDER", Status: orderhub.StatusShipped, Note: "express: the goods are with the courier"},
		{Word: wordProcessing, Sub: "COURIER_RETURNED_ORDER", Status: orderhub.StatusShipped, Note: "express: goods come back only through a return"},

		{Word: wordDelivery, Sub: "*", Status: orderhub.StatusShipped},
		{Word: wordPickup, Sub: "*", Status: orderhub.StatusReadyForPickup},
		{Word: wordDelivered, Sub: "*", Status: orderhub.StatusDelivered, Note: "not final: arbitration may cancel it"},
		{Word: wordCancelled, Sub: "*", Status: orderhub.StatusCancelled, Note: "the substatus is the reason"},
		{Word: "PARTIALLY_RETURNED", Sub: "*", Status: orderhub.StatusPartiallyReturned},
		{Word: "RETURNED", Sub: "*", Status: orderhub.StatusReturned},
		{Word: "UNKNOWN", Sub: "*", Status: orderhub.StatusUnknown, Note: "the Market's own word for not knowing"},
	},
	Steps: slices.Concat(
		sellerPacks(orderhub.SchemeFBS, "the Market's sorting centre"),
		sellerPacks(orderhub.SchemeExpress, "the Market's courier"),
		sellerDelivers(),
		watched(orderhub.SchemeFBO, "FBY: the Market packs and delivers from its own warehouse"),
		watched(orderhub.SchemeLaaS, "LaaS: the order is managed in the channel where it was placed"),
	),
}

const callStatus = "PUT /v2/campaigns/{campaignId}/orders/{orderId}/status, or POST …/orders/status-update for several: "

// sellerPacks are the steps of FBS and EXPRESS: the seller packs, the Market
// carries.
func sellerPacks(scheme orderhub.Scheme, taker string) []orderhub.Step {
	return []orderhub.Step{
		{Scheme: scheme, To: orderhub.StatusNew, Kind: orderhub.StepObserved, Note: "the Market opens the order once it is paid"},
		{Scheme: scheme, To: orderhub.StatusConfirmed, Kind: orderhub.StepLocal},
		{
			Scheme: scheme, To: orderhub.StatusPacked, Kind: orderhub.StepPush, Call: callStatus + "PROCESSING READY_TO_SHIP",
			Note: `Params["boxes"] sends the layout of the boxes and the marking codes first`,
		},
		{Scheme: scheme, To: orderhub.StatusShipped, Kind: orderhub.StepObserved, Note: "it happens when " + taker + " takes the parcel"},
		{Scheme: scheme, To: orderhub.StatusReadyForPickup, Kind: orderhub.StepObserved, Note: "the Market delivers"},
		{Scheme: scheme, To: orderhub.StatusDelivered, Kind: orderhub.StepObserved, Note: "the Market delivers"},
		{
			Scheme: scheme, To: orderhub.StatusCancelled, Kind: orderhub.StepPush, From: beforeHandOver,
			Call: callStatus + "CANCELLED SHOP_FAILED", Note: "lowers the shop's quality index",
		},
		{
			Scheme: scheme, To: orderhub.StatusCancelled, Kind: orderhub.StepObserved,
			Note: "the shop can cancel between payment and hand-over only, afterwards the Market or the buyer does",
		},
	}
}

// sellerDelivers are the steps of DBS.
func sellerDelivers() []orderhub.Step {
	const scheme = orderhub.SchemeDBS
	return []orderhub.Step{
		{Scheme: scheme, To: orderhub.StatusNew, Kind: orderhub.StepObserved, Note: "the Market opens the order once it is paid"},
		{Scheme: scheme, To: orderhub.StatusConfirmed, Kind: orderhub.StepLocal},
		{Scheme: scheme, To: orderhub.StatusPacked, Kind: orderhub.StepLocal},
		{Scheme: scheme, To: orderhub.StatusShipped, Kind: orderhub.StepPush, Call: callStatus + "DELIVERY"},
		{
			Scheme: scheme, To: orderhub.StatusReadyForPickup, Kind: orderhub.StepPush, Call: callStatus + "PICKUP",
			Note: `Params["delivered_on"] (YYYY-MM-DD) tells an earlier day`,
		},
		{
			Scheme: scheme, To: orderhub.StatusDelivered, Kind: orderhub.StepPush, Call: callStatus + "DELIVERED",
			Note: `Params["delivered_on"] (YYYY-MM-DD) tells an earlier day`,
		},
		{
			Scheme: scheme, To: orderhub.StatusCancelled, Kind: orderhub.StepPush, From: beforeDelivery,
			Call: callStatus + "CANCELLED and the reason", Note: "the reason must fit the state, see the cancel reasons",
		},
		{Scheme: scheme, To: orderhub.StatusCancelled, Kind: orderhub.StepObserved, Note: "the shop can cancel between payment and delivery only"},
	}
}

// watched are the steps of schemes in which the seller has no call.
func watched(scheme orderhub.Scheme, why string) []orderhub.Step {
	var out []orderhub.Step
	for _, to := range []orderhub.Status{
		orderhub.StatusNew, orderhub.StatusConfirmed, orderhub.StatusPacked, orderhub.StatusShipped,
		orderhub.StatusReadyForPickup, orderhub.StatusDelivered, orderhub.StatusCancelled,
	} {
		out = append(out, orderhub.Step{Scheme: scheme, To: to, Kind: orderhub.StepObserved, Note: why})
	}
	return out
}

var (
	beforeHandOver = []orderhub.Status{orderhub.StatusNew, orderhub.StatusConfirmed, orderhub.StatusPacked}
	beforeDelivery = append(slices.Clone(beforeHandOver), orderhub.StatusShipped, orderhub.StatusReadyForPickup)
)

// cancelReasons are the substatuses that a shop may send with CANCELLED. The
// Market refuses USER_UNREACHABLE unless it was called three times as the
// document demands. LaaS and FBY orders cannot be cancelled from here.
var cancelReasons = []channel.CancelReason{
	{Code: subShopFailed, Title: "The shop cannot fulfil the order", Scheme: orderhub.SchemeFBS, From: beforeHandOver},
	{Code: subShopFailed, Title: "The shop cannot fulfil the order", Scheme: orderhub.SchemeExpress, From: beforeHandOver},
	{Code: subShopFailed, Title: "The shop cannot fulfil the order", Scheme: orderhub.SchemeDBS, From: beforeDelivery},
	{Code: "USER_CHANGED_MIND", Title: "The buyer changed their mind", Scheme: orderhub.SchemeDBS, From: beforeDelivery},
	{
		Code: "USER_UNREACHABLE", Scheme: orderhub.SchemeDBS, From: beforeDelivery,
		Title: "The buyer cannot be reached (three calls between 8:00 and 21:00, 90 minutes apart)",
	},
	{Code: "INCORRECT_PERSONAL_DATA", Title: "The recipient's data are wrong (customs)", Scheme: orderhub.SchemeDBS, From: beforeHandOver},
	{Code: "PICKUP_EXPIRED", Title: "Not collected in time", Scheme: orderhub.SchemeDBS, From: []orderhub.Status{orderhub.StatusReadyForPickup}},
}
