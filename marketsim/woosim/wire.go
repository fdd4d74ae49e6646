package woosim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// moscow is the shop's own zone.
var moscow = time.FixedZone("MSK", 3*60*60)

const (
	taxPercent    = 20
	shippingMinor = 30000
)

func (m *Market) orderJSON(o *order) any {
	lines, goods, tax := m.lineJSON(o)
	net, shippingTax := split(shippingMinor)
	refunds := []any{}
	for _, r := range o.refunds {
		refunds = append(refunds, map[string]any{"id": r.id, "reason": r.reason, "total": "-" + decimal(r.minor)})
	}
	address := map[string]any{
		"first_name": "Зинаида", "last_name": "Проверкина", "company": "", "address_1": "ул. Вымышленная, 5", "address_2": "",
		"city": "Москва", "state": "", "postcode": "101000", "country": "RU", "phone": "+79005550101",
	}
	billing := maps.Clone(address)
	billing["email"] = "zinaida@example.org"
	return map[string]any{
		"id": o.id, "parent_id": 0, "number": "S" + text(o.id), "status": o.status, "currency": "RUB", "prices_include_tax": true,
		"date_created": local(o.created), "date_created_gmt": stamp(o.created), "date_modified": local(o.modified), "date_modified_gmt": stamp(o.modified),
		"date_paid_gmt": orNull(o.paid), "date_completed_gmt": orNull(o.completed),
		"discount_total": "0.00", "discount_tax": "0.00", "shipping_total": decimal(net), "shipping_tax": decimal(shippingTax),
		"total": decimal(goods + tax + shippingMinor), "total_tax": decimal(tax + shippingTax),
		"customer_id": 0, "customer_note": o.spec.Comment, "billing": billing, "shipping": address,
		"payment_method": "yookassa", "payment_method_title": "Картой", "transaction_id": "",
		"line_items": lines, "tax_lines": []any{map[string]any{"id": o.id*100 + 99, "rate_id": 7, "rate_code": "RU-НДС-1", "label": "НДС", "rate_percent": taxPercent}},
		"shipping_lines": []any{map[string]any{"id": o.id*100 + 98, "method_title": "Курьер", "method_id": "flat_rate", "total": decimal(net), "total_tax": decimal(shippingTax)}},
		"fee_lines":      []any{}, "coupon_lines": []any{}, "refunds": refunds, "meta_data": o.metaJSON(),
	}
}

func (m *Market) lineJSON(o *order) (lines []any, goods, tax int64) {
	for i, l := range o.spec.Lines {
		p := m.article(l.SKU)
		net, t := split(l.Quantity * l.PriceMinor)
		goods, tax = goods+net, tax+t
		lines = append(lines, map[string]any{
			"id": lineID(o, i), "name": p.name, "product_id": p.productID(), "variation_id": p.variationID(), "quantity": l.Quantity,
			"subtotal": decimal(net), "subtotal_tax": decimal(t), "total": decimal(net), "total_tax": decimal(t),
			"taxes": []any{map[string]any{"id": 7, "total": decimal(t), "subtotal": decimal(t)}}, "sku": l.SKU,
			"price": float64(net) / 100 / float64(l.Quantity), "meta_data": []any{},
		})
	}
	return lines, goods, tax
}

func lineID(o *order, i int) int64 { return o.id*100 + int64(i) }

// metaJSON lists the meta data, with something of a plugin in between.
func (o *order) metaJSON() []any {
	out := []any{map[string]any{"id": 1, "key": "_plugin_data", "value": map[string]any{"a": []any{1, "x"}}}}
	for i, k := range slices.Sorted(maps.Keys(o.meta)) {
		out = append(out, map[string]any{"id": 2 + i, "key": k, "value": o.meta[k]})
	}
	return out
}

// split parts a price with tax into net and tax.
func split(gross int64) (net, tax int64) {
	net = (gross*100 + (100+taxPercent)/2) / (100 + taxPercent)
	return net, gross - net
}

func decimal(minor int64) string { return fmt.Sprintf("%d.%02d", minor/100, minor%100) }

func text(id int64) string { return strconv.FormatInt(id, 10) }

// stamp is a time as the _gmt fields show it: without a zone.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

// local is a time as the other fields show it.
func local(t time.Time) string { return t.In(moscow).Format("2006-01-02T15:04:05") }

func orNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, map[string]any{"code": code, "message": message, "data": map[string]any{"status": status}})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller is gone
}
