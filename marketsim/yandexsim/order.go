package yandexsim

import (
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// program is the placement model of an order (programType of the API).
type program string

const (
	programFBS     program = "FBS"
	programDBS     program = "DBS"
	programExpress program = "EXPRESS"
	programFBY     program = "FBY"
)

func (p program) scheme() orderhub.Scheme {
	switch p {
	case programFBS:
		return orderhub.SchemeFBS
	case programDBS:
		return orderhub.SchemeDBS
	case programExpress:
		return orderhub.SchemeExpress
	case programFBY:
		return orderhub.SchemeFBO
	}
	return ""
}

// status and substatus are the Market's words (OrderStatusType,
// OrderSubstatusType).
type (
	status    string
	substatus string
)

const (
	stPlacing   status = "PLACING"
	stReserved  status = "RESERVED"
	stUnpaid    status = "UNPAID"
	stPending   status = "PENDING"
	stProcess   status = "PROCESSING"
	stDelivery  status = "DELIVERY"
	stPickup    status = "PICKUP"
	stDelivered status = "DELIVERED"
	stCancelled status = "CANCELLED"
	stPartly    status = "PARTIALLY_RETURNED"
	stReturned  status = "RETURNED"
	stUnknown   status = "UNKNOWN"
)

const (
	subWaitingInput  substatus = "WAITING_USER_INPUT"
	subAwaitConfirm  substatus = "AWAIT_CONFIRMATION"
	subStarted       substatus = "STARTED"
	subReady         substatus = "READY_TO_SHIP"
	subShipped       substatus = "SHIPPED"
	subServiceGot    substatus = "DELIVERY_SERVICE_RECEIVED"
	subCourierSearch substatus = "COURIER_SEARCH"
	subCourierFound  substatus = "COURIER_FOUND"
	subCourierHere   substatus = "COURIER_ARRIVED_TO_SENDER"
	subCourierGot    substatus = "COURIER_RECEIVED"
	subPickupGot     substatus = "PICKUP_SERVICE_RECEIVED"
	subDelivered     substatus = "DELIVERY_SERVICE_DELIVERED"
	subUserReceived  substatus = "DELIVERED_USER_RECEIVED"
	subShopFailed    substatus = "SHOP_FAILED"
	subChangedMind   substatus = "USER_CHANGED_MIND"
	subUnreachable   substatus = "USER_UNREACHABLE"
	subWrongData     substatus = "INCORRECT_PERSONAL_DATA"
	subPickupExpired substatus = "PICKUP_EXPIRED"
	subRefused       substatus = "USER_REFUSED_DELIVERY"
)

// headline is what a hub's word must be. It is written down here on its own, so
// that a mistake in the hub's table shows.
func headline(s status, sub substatus) orderhub.Status {
	switch s {
	case stPlacing, stReserved, stUnpaid, stPending:
		return orderhub.StatusPending
	case stProcess:
		if sub == subReady {
			return orderhub.StatusPacked
		}
		if sub == subShipped {
			return orderhub.StatusShipped
		}
		return orderhub.StatusNew
	case stDelivery:
		return orderhub.StatusShipped
	case stPickup:
		return orderhub.StatusReadyForPickup
	case stDelivered:
		return orderhub.StatusDelivered
	case stCancelled:
		return orderhub.StatusCancelled
	case stPartly:
		return orderhub.StatusPartiallyReturned
	case stReturned:
		return orderhub.StatusReturned
	case stUnknown:
		return orderhub.StatusUnknown
	}
	return orderhub.StatusUnknown
}

// order is one order: what never changes, and the history of what does.
type order struct {
	id      int64
	shop    campaign
	created time.Time // on the wire; may be backdated
	notes   string
	courier bool // brought to the door, not to a pick-up point
	buyer   buyer
	city    city
	history marketsim.History[*state]
	changes int // how many states there were
	calls   []marketsim.Call
	backs   []*giveback // its returns, oldest first
	// held is what the order took from the seller's figure and holds still.
	held map[string]int64
}

// state is one state of an order. It is never changed once it is in the
// history: a change copies it, so readers may keep it without the lock.
type state struct {
	status  status
	sub     substatus
	updated time.Time
	lines   []line
	layout  []box
	tracks  []track
	// layoutAt is when the layout with its marking codes was sent.
	layoutAt     time.Time
	externalID   string
	shipDate     time.Time
	realDelivery string
	// askedAt is when the buyer asked to cancel; zero = no open request.
	askedAt time.Time
}

type line struct {
	id     int64
	sku    string
	count  int64
	price  int64 // kopecks per unit: what the goods are worth
	bonus  int64 // kopecks per unit of the price paid with Plus points
	bounty int64 // kopecks per unit the Market adds for the seller
	marked bool
	back   int64 // units returned
}

func (s *state) units() (n int64) {
	for _, l := range s.lines {
		n += l.count
	}
	return n
}

// now is a copy of the latest state, to be changed.
func (o *order) now() state { return *o.history.Now() }

// goods is the value of the goods in kopecks.
func (s *state) goods() (sum int64) {
	for _, l := range s.lines {
		sum += l.price * l.count
	}
	return sum
}

// waitsForCancelAnswer: a buyer's request to cancel is open.
func (s *state) waitsForCancelAnswer() bool { return !s.askedAt.IsZero() }

// withLines copies the lines before they are changed.
func (s *state) withLines(change func(l *line)) {
	lines := append([]line(nil), s.lines...)
	for i := range lines {
		change(&lines[i])
	}
	s.lines = lines
}

type track struct {
	Code    string `json:"trackCode"`
	Service int64  `json:"deliveryServiceId"`
}

type buyer struct{ id, last, first, middle, phone string }

type city struct {
	name, street, house, postcode string
	region                        int64
}

// Invented people and places.
var (
	buyers = []buyer{
		{"", "Примерова", "Анна", "Олеговна", "+70000000101"},
		{"", "Образцов", "Пётр", "Ильич", "+70000000102"},
		{"", "Пробный", "Семён", "Львович", "+70000000103"},
		{"", "Тестова", "Вера", "Юрьевна", "+70000000104"},
	}
	cities = []city{
		{"Москва", "Примерная", "7", "101000", 213},
		{"Санкт-Петербург", "Образцовая", "12", "190000", 2},
		{"Казань", "Пробная", "3", "420000", 43},
	}
)
