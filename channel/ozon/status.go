package ozon

import (
	"slices"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// The substatuses that the table and the push calls act on.
const (
	subShipFailed             = "ship_failed"
	subInPickupPoint          = "posting_in_pickup_point"
	subConditionallyDelivered = "posting_conditionally_delivered"
)

// The words of available_actions that the hub acts on.
const (
	actionShip           = "ship"
	actionShipAsync      = "ship_async"
	actionShipAsyncRetry = "ship_async_retry"
	actionShipInProcess  = "ship_async_in_process"
	actionCancel         = "cancel"
	actionProductCancel  = "product_cancel"
	actionDelivering     = "non_int_delivering"
	actionLastMile       = "non_int_last_mile"
	actionDelivered      = "non_int_delivered"
)

// statuses is the table of /v4/posting/fbs/list, /v3/posting/fbs/get and
// /v3/posting/fbo/list (fields status, substatus). Any word beside it is
// unknown: kept, shown, never guessed.
var statuses = orderhub.StatusTable{
	Native: []orderhub.NativeStatus{
		{Word: "awaiting_approve", Sub: "*", Status: orderhub.StatusPending},
		{Word: "awaiting_verification", Sub: "*", Status: orderhub.StatusPending},
		{Word: "awaiting_packaging", Sub: "*", Status: orderhub.StatusNew},
		{Word: "awaiting_packaging", Sub: subShipFailed, Status: orderhub.StatusNew, Note: "the assembly failed at Ozon after its 200: hold ship_failed, ship again"},
		{Word: "awaiting_registration", Sub: "*", Status: orderhub.StatusConfirmed, Note: "assembled; the partner carrier registers it"},
		{Word: "awaiting_deliver", Sub: "*", Status: orderhub.StatusConfirmed, Note: "assembled; labels exist from here"},
		{Word: "acceptance_in_progress", Sub: "*", Status: orderhub.StatusConfirmed},
		{Word: "arbitration", Sub: "*", Status: orderhub.StatusConfirmed, Note: "handed over but not scanned: hold arbitration"},
		{Word: "not_accepted", Sub: "*", Status: orderhub.StatusConfirmed, Note: "refused by the sorting centre: hold not_accepted"},
		{Word: "client_arbitration", Sub: "*", Status: orderhub.StatusShipped, Note: "hold arbitration"},
		{Word: "delivering", Sub: "*", Status: orderhub.StatusShipped},
		{Word: "delivering", Sub: subInPickupPoint, Status: orderhub.StatusReadyForPickup},
		{Word: "delivering", Sub: subConditionallyDelivered, Status: orderhub.StatusShipped, Leads: orderhub.StatusDelivered, Note: "rFBS, reported as delivered: Ozon waits for the buyer's word and shows delivered by itself"},
		{Word: "driver_pickup", Sub: "*", Status: orderhub.StatusShipped},
		{Word: "sent_by_seller", Sub: "*", Status: orderhub.StatusShipped, Note: "no call leads here since January 2026"},
		{Word: "delivered", Sub: "*", Status: orderhub.StatusDelivered},
		{Word: "cancelled", Sub: "*", Status: orderhub.StatusCancelled},
		{Word: "cancelled_from_split_pending", Sub: "*", Status: orderhub.StatusCancelled, Note: "nothing was cancelled: the goods moved to the postings of the split"},
	},
	Steps: slices.Concat(steps(orderhub.SchemeFBS), steps(orderhub.SchemeRFBS), sellerSteps, marketSteps, fboSteps),
}

// steps are those that FBS and rFBS share.
func steps(s orderhub.Scheme) []orderhub.Step {
	return []orderhub.Step{
		{Scheme: s, To: orderhub.StatusNew, Kind: orderhub.StepObserved, Note: "Ozon opens the order when payment and checks are done"},
		{Scheme: s, To: orderhub.StatusConfirmed, Kind: orderhub.StepPush, Call: "POST " + pathShip, Actions: []string{actionShip}, Note: "assembles the posting as one package unless told otherwise"},
		{Scheme: s, To: orderhub.StatusPacked, Kind: orderhub.StepLocal, Note: "Ozon has no such step; labels exist from confirmed"},
		{Scheme: s, To: orderhub.StatusReadyForPickup, Kind: orderhub.StepObserved, Note: "the carrier reports it"},
		{Scheme: s, To: orderhub.StatusCancelled, Kind: orderhub.StepPush, Call: "POST " + pathCancel, Actions: []string{actionCancel}, Note: "needs a reason of Ozon's list"},
	}
}

// sellerSteps: on rFBS without an integrated carrier the seller reports the
// delivery. For integrated carriers Ozon does not offer the actions, and the
// step is refused by them.
var sellerSteps = []orderhub.Step{
	{Scheme: orderhub.SchemeRFBS, To: orderhub.StatusShipped, Kind: orderhub.StepPush, Call: "POST " + pathDelivering, Actions: []string{actionDelivering}, Note: "only for carriers that are not integrated with Ozon"},
	// No Action here: Ozon offers the last mile or the delivery, see deliver.
	{Scheme: orderhub.SchemeRFBS, To: orderhub.StatusDelivered, Kind: orderhub.StepPush, Call: "POST " + pathLastMile + ", " + pathDelivered, Note: "only for carriers that are not integrated with Ozon; the last mile goes first"},
}

var marketSteps = []orderhub.Step{
	{Scheme: orderhub.SchemeFBS, To: orderhub.StatusShipped, Kind: orderhub.StepObserved, Note: "Ozon sets it when it has accepted the parcel"},
	{Scheme: orderhub.SchemeFBS, To: orderhub.StatusDelivered, Kind: orderhub.StepObserved, Note: "Ozon delivers and reports it"},
}

// fboSteps: Ozon's warehouse does everything.
var fboSteps = func() []orderhub.Step {
	var out []orderhub.Step
	for _, to := range []orderhub.Status{
		orderhub.StatusNew, orderhub.StatusConfirmed, orderhub.StatusPacked, orderhub.StatusShipped,
		orderhub.StatusReadyForPickup, orderhub.StatusDelivered, orderhub.StatusCancelled,
	} {
		out = append(out, orderhub.Step{Scheme: orderhub.SchemeFBO, To: to, Kind: orderhub.StepObserved, Note: "the order is in Ozon's own warehouse; the seller can only watch it"})
	}
	return out
}()

// cancelReasons are the seller's reasons of /v1/posting/fbs/cancel-reason; which
// of them a posting really takes is asked before the cancel.
var cancelReasons = []channel.CancelReason{
	{Code: "352", Title: "Out of stock"},
	{Code: "400", Title: "Only defective goods are left"},
	{Code: "401", Title: "The seller declined the arbitration"},
	{Code: "402", Title: "Other, by the seller's fault", NeedsComment: true},
}

// holds are what Ozon's words say beside the headline.
func holds(status, sub string) []orderhub.Hold {
	switch {
	case status == "arbitration" || status == "client_arbitration":
		return []orderhub.Hold{orderhub.HoldArbitration}
	case status == "not_accepted":
		return []orderhub.Hold{orderhub.HoldNotAccepted}
	case status == "awaiting_packaging" && sub == subShipFailed:
		return []orderhub.Hold{orderhub.HoldShipFailed}
	default:
		return nil
	}
}

// substatuses are the documented ones (FBS and FBO). Only a few of them change
// the headline, the others are known so that a new one is noticed.
var substatuses = wordSet(
	"posting_acceptance_in_progress", "posting_created", "posting_split_pending", "posting_packing",
	"posting_awaiting_passport_data", "posting_awaiting_registration", "posting_registration_error",
	"posting_registered", "posting_in_carriage", "posting_not_in_carriage", "posting_transferring_to_delivery",
	"posting_in_arbitration", "posting_in_client_arbitration", "posting_on_way_to_city",
	"posting_transferred_to_courier_service", "posting_in_courier_service", "posting_on_way_to_pickup_point",
	subInPickupPoint, subConditionallyDelivered, "posting_driver_pick_up", "posting_not_in_sort_center",
	"posting_delivered", "posting_received", "posting_returned_to_warehouse", "posting_canceled", subShipFailed,
)

func wordSet(words ...string) map[string]bool {
	set := map[string]bool{}
	for _, w := range words {
		set[w] = true
	}
	return set
}
