// Package marketsim is the common ground of the marketplace simulators: what a
// simulator is (Market), the truth it keeps, faults, quotas, notifications,
// stale replicas, the control API and the buyers. The simulators themselves are
// in the folders below, one per marketplace, and speak the seller API of theirs
// over real HTTP.
//
// Nothing here knows the hub: the simulators are the other side of the wire.
package marketsim

import (
	"net/http"
	"time"

	"github.com/orderhub/orderhub"
)

// Market is one simulated marketplace (or shop) with one seller.
type Market interface {
	// Channel is the hub's word for it; also the path prefix in `orderhub sim`.
	Channel() orderhub.Channel
	// Handler serves the seller API, faults and quotas included.
	Handler() http.Handler
	// Settings are the account settings with which a hub connects, without
	// base_url, which whoever serves Handler knows.
	Settings() map[string]string
	// Notify sets where notifications go; "" = nowhere.
	Notify(url string)

	// Place makes an order as a buyer would and returns the external ids of
	// the units of work it became.
	Place(spec OrderSpec) ([]string, error)
	// Act lets the buyer do something to an order. An act that the marketplace
	// would not allow now is an error and changes nothing.
	Act(externalID string, act BuyerAct) error
	// Progress lets the marketplace, its couriers and its warehouses do their
	// next step on an order (accept at the sorting centre, deliver). moved is
	// false when nothing is to be done by them.
	Progress(externalID string) (moved bool, err error)

	// Truth lists every order as the marketplace's own books have it.
	Truth() []TruthOrder
	// Close stops background work (notifications, asynchronous steps).
	Close()
}

// OrderSpec is what a buyer puts in the basket.
type OrderSpec struct {
	Lines []SpecLine `json:"lines"`
	// Scheme: "" = the marketplace's usual one.
	Scheme orderhub.Scheme `json:"scheme,omitempty"`
	// Pending starts the order unpaid or under approval, where there is such a state.
	Pending bool `json:"pending,omitempty"`
	// External, if set, makes the order one that delivers this order of the
	// shop's own site (Ozon external_order).
	External string `json:"external,omitempty"`
	// PlacedAt backdates the order; zero = now.
	PlacedAt time.Time `json:"placed_at,omitzero"`
	// Comment is the buyer's.
	Comment string `json:"comment,omitempty"`
}

// SpecLine is one article in the basket.
type SpecLine struct {
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity"`
	// PriceMinor is the unit price in kopecks.
	PriceMinor int64 `json:"price_minor"`
}

// BuyerAct is what a buyer can do to an order.
type BuyerAct string

// The acts.
const (
	ActPay           BuyerAct = "pay"            // a pending order becomes workable
	ActCancel        BuyerAct = "cancel"         // before hand-over
	ActRequestCancel BuyerAct = "request_cancel" // the seller must answer (Yandex DBS, Ozon rFBS)
	ActRefuse        BuyerAct = "refuse"         // at the door or at the point
	ActReturn        BuyerAct = "return"         // after delivery
)

// TruthOrder is one order in the marketplace's books.
type TruthOrder struct {
	ID    string `json:"id"`
	Group string `json:"group,omitempty"`
	// Native and Sub are the marketplace's words now.
	Native string `json:"native"`
	Sub    string `json:"sub,omitempty"`
	// Headline is what the hub's word must be, written down here independently
	// of the adapter.
	Headline orderhub.Status `json:"headline"`
	Scheme   orderhub.Scheme `json:"scheme"`
	Units    int64           `json:"units"`
	// TotalMinor is the value of the goods in kopecks.
	TotalMinor int64     `json:"total_minor"`
	PlacedAt   time.Time `json:"placed_at"`
	// Calls are the seller's calls that had an effect on this order, in order.
	Calls []Call `json:"calls,omitempty"`
}

// Call is a seller's call that changed something.
type Call struct {
	At time.Time `json:"at"`
	// To is the headline that the call caused, "" for other changes.
	To orderhub.Status `json:"to,omitempty"`
	// What names the call: "ship", "cancel", "tracking".
	What string `json:"what"`
}
