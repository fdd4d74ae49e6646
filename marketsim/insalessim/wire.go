package insalessim

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

// zone is the shop's: times of an order are written in it.
var zone = time.FixedZone("MSK", 3*60*60)

const stampLayout = "2006-01-02T15:04:05.000-07:00"

// Invented people and places.
var (
	surnames = []string{"Ромашкина", "Тихонов", "Белова", "Громов", "Снегова", "Ветров"}
	names    = []string{"Анна", "Павел", "Мария", "Юрий", "Ольга", "Иван"}
	cities   = []string{"Казань", "Самара", "Пермь", "Рязань"}
)

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.In(zone).Format(stampLayout)
}

// decimal writes kopecks as the shop does, as a number without needless zeroes.
func decimal(minor int64) json.Number {
	return json.Number(strconv.FormatFloat(float64(minor)/100, 'f', -1, 64))
}

var statusTitles = map[string]string{
	"new": "Новый", "accepted": "В обработке", "approved": "Согласован", "dispatched": "Отгружен", "delivered": "Доставлен",
	"declined": "Отменен", "returned": "Возврат", OwnStatus: "Собран", OwnPickup: "В пункте выдачи",
}

// wire is the order as GET /admin/orders/{id}.json shows it.
func (m *Market) wire(o *order, s state) map[string]any {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, m.opts.Seed, o.id)
	r := rand.New(rand.NewPCG(m.opts.Seed, h.Sum64()))
	own := s.own
	if own == "" {
		own = s.status
	}
	goods := int64(0)
	lines := []any{}
	for _, l := range o.lines {
		goods += l.Quantity * l.PriceMinor
		lines = append(lines, m.wireLine(o, l, s))
	}
	delivery := int64(r.IntN(4)) * 15_050
	name, surname := names[r.IntN(len(names))], surnames[r.IntN(len(surnames))]
	phone := fmt.Sprintf("+7900%07d", r.IntN(10_000_000))
	city := cities[r.IntN(len(cities))]
	payment := "pending"
	if s.paid {
		payment = "paid"
	}
	fields := []any{}
	if s.tracking != "" {
		fields = append(fields, map[string]any{"id": o.id + 1, "field_id": 31, "handle": TrackingField, "name": "Трек", "value": s.tracking, "type": "TextField"})
	}
	return map[string]any{
		"id": o.id, "number": o.number, "key": strconv.FormatInt(o.id*7919, 16), "archived": false,
		"fulfillment_status": s.status, "custom_status": map[string]any{"permalink": own, "title": statusTitles[own]},
		"financial_status": payment, "created_at": stamp(o.placed), "updated_at": stamp(s.updated), "delivered_at": stamp(s.delivered),
		"currency_code": "RUR", "items_price": decimal(goods), "total_price": decimal(goods + delivery),
		"delivery_price": decimal(delivery), "full_delivery_price": decimal(delivery), "delivery_title": "Курьером", "payment_title": "Картой на сайте",
		"comment": o.comment, "order_lines": lines, "fields_values": fields, "warehouse_id": nil,
		"client": map[string]any{
			"id": 5_000_000 + o.id%1000, "name": name, "surname": surname, "middlename": nil, "phone": phone,
			"email": fmt.Sprintf("buyer%d@example.org", o.id), "registered": o.id%3 == 0, "type": "Client::Individual",
		},
		"shipping_address": map[string]any{
			"id": o.id + 2, "name": name, "surname": surname, "phone": phone, "city": city, "zip": "420000", "country": "RU",
			"full_locality_name": "г. " + city, "address": "ул. Придуманная, 7", "full_delivery_address": "420000, Россия, г. " + city + ", ул. Придуманная, 7",
		},
	}
}

func (m *Market) wireLine(o *order, l line, s state) map[string]any {
	return map[string]any{
		"id": l.id, "order_id": o.id, "product_id": l.v.product, "variant_id": l.v.id, "sku": l.SKU, "barcode": marketsim.Barcode(l.SKU),
		"title": marketsim.ProductName(l.SKU), "quantity": l.Quantity, "reserved_quantity": 0, "unit": "pce", "vat": 20,
		"sale_price": decimal(l.PriceMinor), "full_sale_price": decimal(l.PriceMinor),
		"total_price": decimal(l.Quantity * l.PriceMinor), "full_total_price": decimal(l.Quantity * l.PriceMinor), "discounts_amount": decimal(0),
		"created_at": stamp(o.placed), "updated_at": stamp(s.updated),
	}
}

// wireProduct is one row of GET /admin/products.json.
func wireProduct(v *variant) map[string]any {
	return map[string]any{
		"id": v.product, "title": v.name, "permalink": fmt.Sprintf("p-%d", v.product), "is_hidden": false, "archived": false,
		"created_at": stamp(v.updated), "updated_at": stamp(v.updated),
		"variants": []any{map[string]any{
			"id": v.id, "product_id": v.product, "title": nil, "sku": v.sku, "barcode": marketsim.Barcode(v.sku), "price": decimal(v.price),
			"quantity": v.left, "quantity_at_warehouse0": fmt.Sprintf("%d.0", v.left),
		}},
	}
}
