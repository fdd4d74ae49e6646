package shopifysim

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

func gid(kind string, id int64) string {
	return "gid://shopify/" + kind + "/" + strconv.FormatInt(id, 10)
}

// decimal writes minor units as Shopify does, "1299.9".
func decimal(minor int64) string {
	return strconv.FormatFloat(float64(minor)/100, 'f', 1+b2i(minor%10 != 0), 64)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func money(minor int64) object {
	return object{"__typename": "MoneyBag", "shopMoney": object{"__typename": "MoneyV2", "amount": decimal(minor), "currencyCode": "RUB"}}
}

func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Invented people and places.
var (
	people = []string{"Anna Morozova", "Pavel Lisin", "Maria Klenova", "Yuri Sokol", "Olga Berezina", "Ivan Kedrov"}
	cities = []string{"Kazan", "Samara", "Perm", "Ryazan"}
)

// page is a connection.
func page(kind string, nodes []object, more bool, end string) object {
	return object{
		"__typename": kind + "Connection", "nodes": nodes,
		"pageInfo": object{"__typename": "PageInfo", "hasNextPage": more, "endCursor": text(end)},
	}
}

// wire is an order with all that the stand-in knows of one.
func (m *Market) wire(o *order, s state) object {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, m.opts.Seed, o.id)
	r := rand.New(rand.NewPCG(m.opts.Seed, h.Sum64()))
	who, city, delivery := people[r.IntN(len(people))], cities[r.IntN(len(cities))], int64(r.IntN(4))*15_050
	goods := int64(0)
	for _, l := range o.lines {
		goods += l.Quantity * l.PriceMinor
	}
	payment := "PENDING"
	if s.paid {
		payment = "PAID"
	}
	word, _ := words(s)
	if word == "CANCELLED" {
		word = "UNFULFILLED"
	}
	phone := fmt.Sprintf("+7900%07d", r.IntN(10_000_000))
	return object{
		"__typename": "Order", "id": gid("Order", o.id), "name": "#" + strconv.FormatInt(o.id%100_000, 10), "createdAt": moment(o.placed),
		"updatedAt": moment(s.updated), "cancelledAt": moment(s.cancelled), "cancelReason": text(s.reason),
		"displayFinancialStatus": payment, "displayFulfillmentStatus": word, "note": text(o.comment),
		"email": fmt.Sprintf("buyer%d@example.org", o.id), "phone": phone, "currencyCode": "RUB",
		"customer": object{"__typename": "Customer", "id": gid("Customer", 7_100_000+o.id%1000), "displayName": who},
		"shippingAddress": object{
			"__typename": "MailingAddress", "name": who, "phone": phone, "company": nil, "address1": "Invented st. 7", "address2": nil, "city": city,
			"province": nil, "zip": "420000", "country": "Russia",
		},
		"shippingLine":            object{"__typename": "ShippingLine", "title": "Courier", "discountedPriceSet": money(delivery)},
		"currentSubtotalPriceSet": money(goods), "lineItems": m.lines(o, s),
		"fulfillments":      list{kind: "Fulfillment", nodes: m.wireShipments(o, s), plain: true},
		"fulfillmentOrders": list{kind: "FulfillmentOrder", nodes: wireOpen(o, s)}, "returns": list{kind: "Return", nodes: m.wireReturns(o, s)},
	}
}

// lines are an order's; what was given back is no longer counted.
func (m *Market) lines(o *order, s state) list {
	var nodes []object
	for i, l := range o.lines {
		n := wireLine(l)
		if s.refunded != nil {
			n["currentQuantity"] = l.Quantity - s.refunded[i]
		}
		nodes = append(nodes, n)
	}
	return list{kind: "LineItem", nodes: nodes, most: m.opts.LinesPerPage}
}

func wireLine(l line) object {
	return object{
		"__typename": "LineItem", "id": gid("LineItem", l.id), "sku": l.SKU, "name": marketsim.ProductName(l.SKU), "quantity": l.Quantity,
		"currentQuantity": l.Quantity, "variant": object{"__typename": "ProductVariant", "id": gid("ProductVariant", l.v.id), "barcode": marketsim.Barcode(l.SKU)},
		"taxLines":             []object{{"__typename": "TaxLine", "ratePercentage": 20.0}},
		"originalUnitPriceSet": money(l.PriceMinor), "discountedUnitPriceAfterAllDiscountsSet": money(l.PriceMinor),
	}
}

// wireShipments: what is sent from the second location is the last line.
func (m *Market) wireShipments(o *order, s state) []object {
	var out []object
	for _, f := range s.shipments {
		var lines []object
		for i, l := range o.lines {
			n := l.Quantity
			if f.units != nil {
				n = f.units[i]
			} else if (i == len(o.lines)-1 && len(o.lines) > 1 && o.id%4 == 0) != (f.location == Second) {
				n = 0
			}
			if n > 0 {
				lines = append(lines, object{"__typename": "FulfillmentLineItem", "quantity": n, "lineItem": wireLine(l)})
			}
		}
		var info []object
		if f.number != "" {
			info = []object{{"__typename": "FulfillmentTrackingInfo", "number": f.number, "company": text(f.company)}}
		}
		out = append(out, object{
			"__typename": "Fulfillment", "id": gid("Fulfillment", f.id), "status": "SUCCESS", "displayStatus": f.display,
			"trackingInfo": list{nodes: info, plain: true}, "fulfillmentLineItems": list{kind: "FulfillmentLineItem", nodes: lines, most: m.opts.LinesPerPage},
		})
	}
	return out
}

func wireOpen(o *order, s state) []object {
	var out []object
	status := "OPEN"
	if !s.cancelled.IsZero() {
		status = "CLOSED"
	}
	for _, at := range s.open {
		out = append(out, object{
			"__typename": "FulfillmentOrder", "id": gid("FulfillmentOrder", o.id*10+at%10), "status": status,
			"assignedLocation": object{"__typename": "FulfillmentOrderAssignedLocation", "location": object{"__typename": "Location", "id": gid("Location", at)}},
		})
	}
	return out
}

func (m *Market) wireReturns(o *order, s state) []object {
	var out []object
	for _, g := range s.returns {
		var lines []object
		for i, n := range g.units {
			if n > 0 {
				lines = append(lines, object{
					"__typename": "ReturnLineItem", "id": gid("ReturnLineItem", g.id*10+int64(i)), "quantity": n, "returnReason": g.reason, "customerNote": "does not fit",
					"fulfillmentLineItem": object{"__typename": "FulfillmentLineItem", "lineItem": wireLine(o.lines[i])},
				})
			}
		}
		out = append(out, object{
			"__typename": "Return", "id": gid("Return", g.id), "name": fmt.Sprintf("#%d-R1", o.id%100_000), "status": g.status, "createdAt": moment(g.opened),
			"order": object{"__typename": "Order", "id": gid("Order", o.id)}, "returnLineItems": list{kind: "ReturnLineItem", nodes: lines, most: m.opts.LinesPerPage},
		})
	}
	return out
}
