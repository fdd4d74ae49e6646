package insales

import "github.com/orderhub/orderhub"

// statuses: the word is fulfillment_status, which InSales has seven of; the
// second one is the permalink of the shop's own status, which belongs to one of
// the seven.
var statuses = orderhub.StatusTable{
	Native: []orderhub.NativeStatus{
		{Word: "new", Sub: "*", Status: orderhub.StatusNew},
		{Word: "accepted", Sub: "*", Status: orderhub.StatusConfirmed, Note: "«В обработке»"},
		{Word: "approved", Sub: "*", Status: orderhub.StatusConfirmed, Note: "«Согласован» with the buyer"},
		{Word: "dispatched", Sub: "*", Status: orderhub.StatusShipped, Note: "«Отгружен»"},
		{Word: "delivered", Sub: "*", Status: orderhub.StatusDelivered},
		{Word: "declined", Sub: "*", Status: orderhub.StatusCancelled, Note: "«Отменён»"},
		{Word: "returned", Sub: "*", Status: orderhub.StatusReturned, Note: "«Возврат», of the whole order"},
		{Word: wordGone, Sub: "*", Status: orderhub.StatusCancelled, Note: "the shop has no such order any more, and a person cancelled it in the hub"},
	},
	Steps: []orderhub.Step{
		push(orderhub.StatusConfirmed, "accepted"),
		tell(orderhub.StatusPacked),
		push(orderhub.StatusShipped, "dispatched"),
		tell(orderhub.StatusReadyForPickup),
		push(orderhub.StatusDelivered, "delivered"),
		push(orderhub.StatusCancelled, "declined"),
	},
}

func push(to orderhub.Status, word string) orderhub.Step {
	return orderhub.Step{
		To: to, Kind: orderhub.StepPush, Call: "PUT /admin/orders/{id}.json " + word,
		Note: "the order is read first: the shop would revive a cancelled one",
	}
}

// tell: InSales has no such step, but a shop may have made a status for it.
func tell(to orderhub.Status) orderhub.Step {
	return orderhub.Step{
		To: to, Kind: orderhub.StepTell, Call: "PUT /admin/orders/{id}.json custom_status_permalink",
		Note: "where status_words names a status of the shop; else the hub alone keeps the step",
	}
}

// sent are the standard words of the steps.
var sent = map[orderhub.Status]string{
	orderhub.StatusConfirmed: "accepted", orderhub.StatusShipped: "dispatched", orderhub.StatusDelivered: "delivered", orderhub.StatusCancelled: "declined",
}

// wordGone stands for an order that was deleted in the shop.
const wordGone = "deleted"

// standard are the seven words; every other permalink is the shop's own.
var standard = map[string]bool{
	"new": true, "accepted": true, "approved": true, "dispatched": true, "delivered": true, "declined": true, "returned": true,
}

// status translates the words of an order. A status that the settings explain
// means what they say; any other of the shop's own follows the standard one.
func (a *adapter) status(word, own string) (s orderhub.Status, known bool) {
	for _, w := range []string{own, word} {
		if s, ok := a.words.Status(w); ok && standard[word] {
			return s, true
		}
	}
	return statuses.Lookup(orderhub.SchemeSite, word, own)
}
