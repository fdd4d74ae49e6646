package woosim

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// refund is money that went back, and the units that it was for.
type refund struct {
	id      int64
	created time.Time
	reason  string
	units   map[int]int64 // by line
	minor   int64
	// sent: the goods had left the shop.
	sent bool
}

// handedOver is when the goods left; zero = they have not.
func (o *order) handedOver() time.Time {
	if t, err := time.Parse(time.RFC3339, o.meta["_orderhub_shipped_at"]); err == nil {
		return t
	}
	return o.completed
}

// cutUnits are the units of a line that were refunded before the goods left. Of an
// order that was refunded as a whole nothing is taken out.
func (o *order) cutUnits(line int) int64 {
	n := int64(0)
	for _, r := range o.refunds {
		if !r.sent && o.status != "refunded" {
			n += r.units[line]
		}
	}
	return n
}

// Refund gives money back for units of the first line, as the staff can.
func (m *Market) Refund(id string, units int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(id)
	if o == nil || units > o.spec.Lines[0].Quantity {
		return fmt.Errorf("no order %s with so many units", id)
	}
	m.refundUnits(o, 0, units, "Нет в наличии")
	return nil
}

func (m *Market) refundUnits(o *order, line int, n int64, reason string) {
	m.addRefund(o, &refund{reason: reason, units: map[int]int64{line: n}, minor: n * o.spec.Lines[line].PriceMinor})
}

// refundAll gives everything back; the order is "refunded" then.
func (m *Market) refundAll(o *order, reason string) {
	r := &refund{reason: reason, units: map[int]int64{}, minor: shippingMinor}
	for i, l := range o.spec.Lines {
		r.units[i] = l.Quantity
		r.minor += l.Quantity * l.PriceMinor
	}
	o.status = "refunded"
	m.addRefund(o, r)
}

func (m *Market) addRefund(o *order, r *refund) {
	r.id, r.created = m.nextID(), m.now()
	if left := o.handedOver(); !left.IsZero() {
		// Times are whole seconds, and nobody comes back within the one of the hand-over.
		r.sent = true
		if first := left.Truncate(time.Second).Add(time.Second); r.created.Before(first) {
			r.created = first
		}
	}
	o.refunds, o.modified = append(o.refunds, r), m.now()
	m.hooks.send("order.updated", o.id)
}

// Returns lists the refunds of goods that had left: what the hub must know as
// returns. The shop never hears what came back.
func (m *Market) Returns() []marketsim.TruthReturn {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []marketsim.TruthReturn
	for _, id := range m.ids {
		o := m.orders[id]
		for _, r := range o.refunds {
			if !r.sent {
				continue
			}
			t := marketsim.TruthReturn{
				ID: text(r.id), Order: text(o.id), Kind: orderhub.ReturnCustomer, State: orderhub.ReturnAnnounced,
				Units: map[string]int64{}, RefundMinor: r.minor, OpenedAt: r.created,
			}
			for i, n := range r.units {
				t.Units[o.spec.Lines[i].SKU] += n
			}
			out = append(out, t)
		}
	}
	return out
}

// ProgressReturn never moves: what comes back comes to the seller's own door.
func (m *Market) ProgressReturn(string) (bool, error) { return false, nil }

func (m *Market) listRefunds(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(r.PathValue("id"))
	if o == nil {
		refuse(w, http.StatusNotFound, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
		return
	}
	page, ok := pageOf(w, r)
	if !ok {
		return
	}
	out := []any{}
	for _, x := range page.cut(len(o.refunds), w) {
		out = append(out, m.refundJSON(o, o.refunds[x]))
	}
	answer(w, http.StatusOK, out)
}

func (m *Market) refundJSON(o *order, r *refund) any {
	lines := []any{}
	var places []int
	for i := range r.units {
		places = append(places, i)
	}
	slices.Sort(places)
	for n, i := range places {
		l := o.spec.Lines[i]
		net, tax := split(r.units[i] * l.PriceMinor)
		p := m.bySKU[l.SKU]
		lines = append(lines, map[string]any{
			"id": r.id*10 + int64(n), "name": marketsim.ProductName(l.SKU), "product_id": p.productID(), "variation_id": p.variationID(),
			"quantity": -r.units[i], "sku": l.SKU, "total": "-" + decimal(net), "total_tax": "-" + decimal(tax),
			"meta_data": []any{map[string]any{"id": 1, "key": "_refunded_item_id", "value": text(lineID(o, i))}},
		})
	}
	return map[string]any{
		"id": r.id, "date_created": local(r.created), "date_created_gmt": stamp(r.created), "amount": decimal(r.minor), "reason": r.reason,
		"refunded_by": 1, "refunded_payment": false, "meta_data": []any{}, "line_items": lines,
	}
}
