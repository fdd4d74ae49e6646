package shopifysim

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// ship: fulfillmentCreate, of whole fulfilment orders of one order at one
// location.
func (m *Market) ship(c *call) (any, string) {
	var in struct {
		Orders []struct {
			ID string `json:"fulfillmentOrderId"`
		} `json:"lineItemsByFulfillmentOrder"`
		Info *struct{ Number, Company string } `json:"trackingInfo"`
	}
	if !c.get("fulfillment", &in) || len(in.Orders) == 0 {
		return nil, "fulfillmentCreate: fulfillment"
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	payload := object{"__typename": "FulfillmentCreatePayload", "fulfillment": nil, "userErrors": []object{}}
	fo := number("FulfillmentOrder", in.Orders[0].ID)
	o := m.orders[fo/10]
	if len(in.Orders) > 1 || o == nil {
		payload["userErrors"] = []object{userError("The fulfillment orders are not of one order at one location", "", "fulfillment")}
		return payload, ""
	}
	s := o.history.Now().clone()
	at := slices.IndexFunc(s.open, func(l int64) bool { return l%10 == fo%10 })
	if at < 0 || !s.cancelled.IsZero() {
		payload["userErrors"] = []object{userError("Fulfillment order has an unfulfillable status= closed.", "", "fulfillment")}
		return payload, ""
	}
	f := shipment{id: o.id*shipmentsOfOrder + int64(len(s.shipments)) + 5, location: s.open[at], display: "FULFILLED"}
	if in.Info != nil {
		f.number, f.company = in.Info.Number, in.Info.Company
	}
	s.open = slices.Delete(s.open, at, at+1)
	s.shipments = append(s.shipments, f)
	if len(s.open) == 0 {
		o.calls = append(o.calls, marketsim.Call{At: m.opts.Now(), To: orderhub.StatusShipped, What: "ship"})
	}
	m.set(o, s, "ORDERS_UPDATED")
	payload["fulfillment"] = object{"__typename": "Fulfillment", "id": gid("Fulfillment", f.id), "status": "SUCCESS"}
	return payload, ""
}

// ShipInParts lets the shop's people send what is open of an order in single
// shipments: each is what parts gives for it, units by line.
func (m *Market) ShipInParts(id string, parts [][]int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(id)
	if o == nil {
		return fmt.Errorf("ship: no order %s", id)
	}
	s := o.history.Now().clone()
	for i, units := range parts {
		s.shipments = append(s.shipments, shipment{
			id: o.id*shipmentsOfOrder + int64(len(s.shipments)) + 5, location: Main, display: "FULFILLED", number: fmt.Sprintf("RA%09dRU", i+1), units: units,
		})
	}
	s.open = nil
	m.set(o, s, "ORDERS_UPDATED")
	return nil
}

// GiveBack refunds every unit of an order, after which Shopify counts none of them as
// current, and makes n returns of all its lines.
func (m *Market) GiveBack(id string, n int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(id)
	if o == nil {
		return fmt.Errorf("give back: no order %s", id)
	}
	s := o.history.Now().clone()
	for _, l := range o.lines {
		s.refunded = append(s.refunded, l.Quantity)
	}
	for i := range n {
		g := giveback{id: o.id*100 + int64(i), status: "REQUESTED", opened: m.opts.Now().UTC().Truncate(time.Second), reason: "UNWANTED"}
		for range o.lines {
			g.units = append(g.units, 1)
		}
		s.returns = append(s.returns, g)
	}
	m.set(o, s, "ORDERS_UPDATED")
	return nil
}

// change finds a shipment and lets f change it.
func (m *Market) change(fulfillment string, f func(*shipment) orderhub.Status) bool {
	id := number("Fulfillment", fulfillment)
	o := m.orders[orderOf(id)]
	if o == nil {
		return false
	}
	s := o.history.Now().clone()
	at := slices.IndexFunc(s.shipments, func(x shipment) bool { return x.id == id })
	if at < 0 {
		return false
	}
	before := headline(s)
	to := f(&s.shipments[at])
	if to == "" || headline(s) != before {
		o.calls = append(o.calls, marketsim.Call{At: m.opts.Now(), To: to, What: "shipment"})
	}
	m.set(o, s, "ORDERS_UPDATED")
	return true
}

func (m *Market) event(c *call) (any, string) {
	var in struct {
		ID     string `json:"fulfillmentId"`
		Status string
	}
	to := map[string]orderhub.Status{"READY_FOR_PICKUP": orderhub.StatusReadyForPickup, "DELIVERED": orderhub.StatusDelivered}
	if !c.get("event", &in) || to[in.Status] == "" {
		return nil, "fulfillmentEventCreate: fulfillmentEvent"
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	payload := object{"__typename": "FulfillmentEventCreatePayload", "fulfillmentEvent": nil, "userErrors": []object{}}
	if !m.change(in.ID, func(f *shipment) orderhub.Status { f.display = in.Status; return to[in.Status] }) {
		payload["userErrors"] = []object{userError("Fulfillment does not exist", "", "fulfillmentEvent", "fulfillmentId")}
		return payload, ""
	}
	payload["fulfillmentEvent"] = object{"__typename": "FulfillmentEvent", "id": gid("FulfillmentEvent", number("Fulfillment", in.ID)), "status": in.Status}
	return payload, ""
}

func (m *Market) track(c *call) (any, string) {
	var info struct{ Number, Company string }
	id := c.text("id")
	if !c.get("info", &info) || info.Number == "" {
		return nil, "fulfillmentTrackingInfoUpdate: trackingInfoInput"
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	payload := object{"__typename": "FulfillmentTrackingInfoUpdatePayload", "fulfillment": nil, "userErrors": []object{}}
	if !m.change(id, func(f *shipment) orderhub.Status { f.number, f.company = info.Number, info.Company; return "" }) {
		payload["userErrors"] = []object{userError("Fulfillment does not exist", "", "fulfillmentId")}
		return payload, ""
	}
	payload["fulfillment"] = object{"__typename": "Fulfillment", "id": id, "status": "SUCCESS"}
	return payload, ""
}

// cancel: orderCancel answers with a job that ends later, and may fail.
func (m *Market) cancel(c *call) (any, string) {
	var restock bool
	reason := c.text("reason")
	if !c.get("restock", &restock) || !slices.Contains([]string{"CUSTOMER", "DECLINED", "FRAUD", "INVENTORY", "OTHER", "STAFF"}, reason) {
		return nil, "orderCancel: restock and reason"
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	payload := object{"__typename": "OrderCancelPayload", "job": nil, "orderCancelUserErrors": []object{}}
	o := m.orders[number("Order", c.text("id"))]
	if o == nil || !o.history.Now().cancelled.IsZero() || len(o.history.Now().shipments) > 0 {
		payload["orderCancelUserErrors"] = []object{userError("Cannot cancel an order that is cancelled or has outstanding fulfillments", "INVALID", "orderId")}
		return payload, ""
	}
	m.later(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		s := o.history.Now().clone()
		if m.in.RowFails("cancel") || !s.cancelled.IsZero() || len(s.shipments) > 0 {
			return
		}
		s.cancelled, s.reason = m.opts.Now().UTC(), reason
		if restock {
			m.putBack(o)
		}
		o.calls = append(o.calls, marketsim.Call{At: m.opts.Now(), To: orderhub.StatusCancelled, What: "cancel"})
		m.set(o, s, "ORDERS_CANCELLED")
	})
	payload["job"] = object{"__typename": "Job", "id": fmt.Sprintf("gid://shopify/Job/%x", o.id), "done": false}
	return payload, ""
}

// setStock takes all figures or none, and the same key once.
func (m *Market) setStock(c *call) (any, string) {
	type row struct {
		Item     string `json:"inventoryItemId"`
		Location string `json:"locationId"`
		Quantity int64
		From     *struct{} `json:"changeFromQuantity"`
	}
	var in struct {
		Name, Reason string
		Quantities   []row
	}
	key := c.text("key")
	if !c.doc.directives["idempotent"] || key == "" {
		return nil, "The @idempotent directive is required for this mutation but was not provided."
	}
	if !c.get("input", &in) || in.Name != "available" || in.Reason != "correction" || len(in.Quantities) == 0 || len(in.Quantities) > 250 {
		return nil, "inventorySetQuantities: input"
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	byItem := map[string]*variant{}
	for _, v := range m.variants {
		byItem[gid("InventoryItem", v.item)] = v
	}
	errs := []object{}
	for i, r := range in.Quantities {
		at := []string{"input", "quantities", strconv.Itoa(i)}
		switch {
		case byItem[r.Item] == nil:
			errs = append(errs, userError("The specified inventory item could not be found.", "INVALID_INVENTORY_ITEM", append(at, "inventoryItemId")...))
		case r.Location != gid("Location", Main):
			errs = append(errs, userError("The specified inventory item is not stocked at the location.", "ITEM_NOT_STOCKED_AT_LOCATION", append(at, "locationId")...))
		case r.Quantity > 1_000_000_000:
			errs = append(errs, userError("The quantity is too high.", "INVALID_QUANTITY_TOO_HIGH", append(at, "quantity")...))
		}
	}
	if len(errs) == 0 && !m.done[key] {
		m.done[key] = true
		for _, r := range in.Quantities {
			byItem[r.Item].available = r.Quantity
		}
	}
	return object{"__typename": "InventorySetQuantitiesPayload", "inventoryAdjustmentGroup": nil, "userErrors": errs}, ""
}
