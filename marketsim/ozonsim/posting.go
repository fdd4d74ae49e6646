package ozonsim

import (
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// Statuses of the document.
const (
	awaitingRegistration = "awaiting_registration"
	acceptanceInProgress = "acceptance_in_progress"
	awaitingApprove      = "awaiting_approve"
	awaitingVerification = "awaiting_verification"
	awaitingPackaging    = "awaiting_packaging"
	awaitingDeliver      = "awaiting_deliver"
	arbitration          = "arbitration"
	clientArbitration    = "client_arbitration"
	delivering           = "delivering"
	driverPickup         = "driver_pickup"
	delivered            = "delivered"
	cancelled            = "cancelled"
	splitAway            = "cancelled_from_split_pending"
	notAccepted          = "not_accepted"
)

// Substatuses that the simulator itself sets.
const (
	subCreated       = "posting_created"
	subTransferring  = "posting_transferring_to_delivery"
	subArbitration   = "posting_in_arbitration"
	subOnWay         = "posting_on_way_to_city"
	subCourier       = "posting_in_courier_service"
	subPickup        = "posting_in_pickup_point"
	subConditionally = "posting_conditionally_delivered"
	subDelivered     = "posting_delivered"
	subReceived      = "posting_received"
	subCanceled      = "posting_canceled"
	subPacking       = "posting_packing" // FBO only
	subShipFailed    = "ship_failed"
)

// tpl_integration_type of the schemes.
const (
	tplOzon          = "ozon"
	tplNonIntegrated = "non_integrated"
)

// order is what the buyer sees as one purchase: its postings share the number.
type order struct {
	number   string
	id       int64
	next     int // the n of the last posting number <order_number>-<n>
	postings []*posting
}

// posting is the unit of work. Only hist, calls and what is below them change.
type posting struct {
	seq      int // order of creation, breaks ties in lists
	number   string
	order    *order
	scheme   orderhub.Scheme
	parent   string
	external string
	comment  string
	placedAt time.Time // in_process_at

	hist     marketsim.History[*state]
	calls    []marketsim.Call
	returned bool
	rets     []*ret
	ask      *ask // the request to cancel that waits for the seller
	inOpen   bool
}

// state is everything of a posting that changes. Values are never modified:
// a change is a new state.
type state struct {
	status, sub, previous string
	// statusAt is last_changed_status_date.
	statusAt time.Time
	lines    []line
	tracking string
	// busy is the asynchronous call on its way: "ship", or the status asked for.
	// A ticket tells the call from another one like it.
	busy   string
	ticket int
	// cutoff is shipment_date.
	cutoff             time.Time
	deliverFrom        time.Time
	deliverTo          time.Time
	handedOver         time.Time // delivering_date, zero = not yet
	cancellation       cancellation
	cancelAsked        bool
	cancelledAfterShip bool
}

// cancellation is who cancelled and why.
type cancellation struct {
	reasonID  int64
	reason    string
	kind      string // cancellation_type
	initiator string
	// againstRating is affect_cancellation_rating.
	againstRating bool
}

// line is one article of a posting.
type line struct {
	offer, title string
	sku          int64
	quantity     int64
	priceMinor   int64
}

// state is the posting as the books have it now.
func (p *posting) state() state { return *p.hist.Now() }

func (p *posting) tpl() string {
	if p.scheme == orderhub.SchemeRFBS {
		return tplNonIntegrated
	}
	return tplOzon
}

func (p *posting) warehouse() warehouse { return warehouseOf(p.scheme) }

func warehouseOf(scheme orderhub.Scheme) warehouse {
	switch scheme {
	case orderhub.SchemeRFBS:
		return warehouseRFBS
	case orderhub.SchemeFBO:
		return warehouseFBO
	case orderhub.SchemeFBS, orderhub.SchemeDBS, orderhub.SchemeExpress, orderhub.SchemeLaaS, orderhub.SchemeSite:
		return warehouseFBS
	}
	return warehouseFBS
}

func (p *posting) called(at time.Time, what string, to orderhub.Status) {
	p.calls = append(p.calls, marketsim.Call{At: at, What: what, To: to})
}

// headline is what the hub must say of a posting, from the meaning of the words
// in the document.
func headline(status, sub string) orderhub.Status {
	switch status {
	case awaitingApprove, awaitingVerification:
		return orderhub.StatusPending
	case awaitingPackaging:
		return orderhub.StatusNew
	case awaitingDeliver, awaitingRegistration, acceptanceInProgress, arbitration, notAccepted:
		return orderhub.StatusConfirmed
	case delivering:
		if sub == subPickup {
			return orderhub.StatusReadyForPickup
		}
		return orderhub.StatusShipped
	case driverPickup, clientArbitration:
		return orderhub.StatusShipped
	case delivered:
		return orderhub.StatusDelivered
	case cancelled, splitAway:
		return orderhub.StatusCancelled
	}
	return orderhub.StatusUnknown
}

// unfulfilled tells whether a status belongs to the unfulfilled list.
func unfulfilled(status string) bool {
	switch status {
	case delivered, cancelled, splitAway:
		return false
	}
	return true
}

// actions is available_actions: what the seller may do now.
func (p *posting) actions(st state) []string {
	out := []string{}
	add := func(words ...string) { out = append(out, words...) }
	rfbs := p.tpl() == tplNonIntegrated
	if cancellable(p, st) {
		add("cancel")
	}
	switch st.status {
	case awaitingPackaging:
		switch {
		case st.busy == "ship":
			add("ship_async_in_process")
		case st.sub == subShipFailed:
			add("product_cancel", "ship", "ship_async", "ship_async_retry")
		default:
			add("product_cancel", "ship", "ship_async")
		}
	case awaitingDeliver:
		add("has_barcode_for_printing", "label_download", "label_download_small")
		if !rfbs {
			add("arbitration")
		}
	case arbitration, notAccepted:
		add("awaiting_delivery")
	}
	if rfbs {
		add("customer_phone_available")
		if tracksAllowed(st.status) {
			add("set_track_number")
		}
		for _, mv := range moves {
			if st.busy == "" && mv.allowed(st) {
				add(mv.action)
			}
		}
	}
	slices.Sort(out)
	return out
}

// cancellable: the seller may cancel until the goods leave the seller's hands,
// on rFBS until they are conditionally delivered. What still waits for payment
// is not the seller's to cancel.
func cancellable(p *posting, st state) bool {
	switch st.status {
	case awaitingPackaging, awaitingDeliver, awaitingRegistration, arbitration, notAccepted:
		return true
	case delivering:
		return p.tpl() == tplNonIntegrated && st.sub != subConditionally
	}
	return false
}

// tracksAllowed: a tracking number belongs to an assembled parcel.
func tracksAllowed(status string) bool { return status == awaitingDeliver || status == delivering }

// assembled tells whether the assembly (or a later step) is behind the posting.
func assembled(status string) bool {
	switch status {
	case awaitingDeliver, awaitingRegistration, acceptanceInProgress, arbitration, notAccepted,
		clientArbitration, delivering, driverPickup, delivered:
		return true
	}
	return false
}

func units(lines []line) (n int64) {
	for _, l := range lines {
		n += l.quantity
	}
	return n
}

func total(lines []line) (minor int64) {
	for _, l := range lines {
		minor += l.quantity * l.priceMinor
	}
	return minor
}

func bySKU(lines []line) map[int64]int64 {
	out := map[int64]int64{}
	for _, l := range lines {
		out[l.sku] += l.quantity
	}
	return out
}

// take divides lines into the wanted quantities per SKU and the rest. The
// caller has checked that there is enough.
func take(lines []line, want map[int64]int64) (taken, rest []line) {
	left := map[int64]int64{}
	for sku, n := range want {
		left[sku] = n
	}
	for _, l := range lines {
		n := min(l.quantity, left[l.sku])
		left[l.sku] -= n
		if n > 0 {
			part := l
			part.quantity = n
			taken = append(taken, part)
		}
		if n < l.quantity {
			part := l
			part.quantity -= n
			rest = append(rest, part)
		}
	}
	return taken, rest
}
