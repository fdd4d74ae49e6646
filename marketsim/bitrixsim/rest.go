package bitrixsim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// failure is an error in Bitrix' words.
type failure struct {
	Code string `json:"error"`
	Text string `json:"error_description"`
}

func failed(w http.ResponseWriter, status int, code, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(failure{code, text})
}

// serve answers one call: a method, or a batch of them.
func (m *Market) serve(w http.ResponseWriter, r *http.Request, method string) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		failed(w, http.StatusBadRequest, "ERROR_CORE", "unreadable")
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var result any
	var fault *failure
	if method == "batch" {
		result, fault = m.batch(body)
	} else {
		result, fault = m.list(method, body)
	}
	if fault != nil {
		failed(w, http.StatusBadRequest, fault.Code, fault.Text)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"result": result, "time": map[string]any{"duration": 0.01}})
}

// batch makes up to 50 calls; empty maps come as lists, as PHP writes them.
func (m *Market) batch(body []byte) (any, *failure) {
	var in struct {
		Cmd map[string]string `json:"cmd"`
	}
	if json.Unmarshal(body, &in) != nil || len(in.Cmd) > 50 {
		return nil, &failure{"ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded"}
	}
	results, faults := map[string]any{}, map[string]any{}
	for _, key := range slices.Sorted(func(yield func(string) bool) {
		for k := range in.Cmd {
			if !yield(k) {
				return
			}
		}
	}) {
		method, query, _ := strings.Cut(in.Cmd[key], "?")
		q, err := url.ParseQuery(query)
		if err != nil {
			faults[key] = failure{"ERROR_CORE", "bad query"}
			continue
		}
		if m.opts.Injector.RowFails(method) {
			faults[key] = failure{"OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit."}
			continue
		}
		if v, f := m.command(method, q); f != nil {
			faults[key] = f
		} else {
			results[key] = v
		}
	}
	return map[string]any{"result": php(results), "result_error": php(faults), "result_total": []any{}, "result_next": []any{}}, nil
}

func php(in map[string]any) any {
	if len(in) == 0 {
		return []any{}
	}
	return in
}

// command is one call by query.
func (m *Market) command(method string, q url.Values) (any, *failure) {
	switch method {
	case "sale.order.get":
		if o := m.find(q.Get("id")); o != nil {
			return map[string]any{"order": o.wire(m)}, nil
		}
		return nil, &failure{"200540400001", "order is not exists"}
	case "sale.order.update":
		return m.updateOrder(q)
	case "sale.shipment.update":
		return m.updateShipment(q)
	case "catalog.product.get":
		if g := m.goodByID(q.Get("id")); g != nil {
			return map[string]any{"product": g.wire()}, nil
		}
		return nil, &failure{"200040300040", "product does not exist."}
	case "catalog.product.update":
		g := m.goodByID(q.Get("id"))
		n, err := strconv.ParseInt(q.Get("fields[quantity]"), 10, 64)
		if g == nil || err != nil {
			return nil, &failure{"200040300040", "product does not exist."}
		}
		g.quantity = n
		return map[string]any{"element": g.wire()}, nil
	}
	return nil, &failure{"ERROR_METHOD_NOT_FOUND", "Method not found!"}
}

func (m *Market) updateOrder(q url.Values) (any, *failure) {
	o := m.find(q.Get("id"))
	if o == nil {
		return nil, &failure{"200540400001", "order is not exists"}
	}
	before := o.headline()
	switch status := q.Get("fields[statusId]"); {
	case q.Get("fields[canceled]") == "Y":
		if o.deducted && !o.canceled {
			return nil, &failure{"SALE_ORDER_CANCEL_SHIPMENT_EXIST_SHIPPED", "Нельзя отменить отгруженный заказ"}
		}
		o.canceled, o.reason = true, q.Get("fields[reasonCanceled]")
	case o.canceled:
		return nil, &failure{"0", "Заказ отменён"}
	case status == "F" || status == "P" || status == "N" || m.opts.Words && own[status] != "":
		o.status = status
	default:
		return nil, &failure{"0", "Неизвестный статус"}
	}
	m.took(o, before, "sale.order.update")
	return map[string]any{"order": o.wire(m)}, nil
}

func (m *Market) updateShipment(q url.Values) (any, *failure) {
	id, _ := strconv.ParseInt(q.Get("id"), 10, 64)
	o := m.find(strconv.FormatInt(id-100_000, 10))
	if o == nil {
		return nil, &failure{"201240400001", "shipment is not exists"}
	}
	if o.canceled && q.Get("fields[deducted]") == "Y" {
		return nil, &failure{"0", "Заказ отменён"}
	}
	before := o.headline()
	if q.Get("fields[deducted]") == "Y" {
		o.deducted = true
	}
	if t := q.Get("fields[trackingNumber]"); t != "" {
		o.tracking = t
	}
	m.took(o, before, "sale.shipment.update")
	return map[string]any{"shipment": o.shipment()}, nil
}

func (m *Market) took(o *order, before orderhub.Status, what string) {
	call := marketsim.Call{At: time.Now().UTC(), What: what}
	if now := o.headline(); now != before {
		call.To = now
		o.calls = append(o.calls, call)
	}
	m.changed(o)
}

// list answers the calls that come with a JSON body.
func (m *Market) list(method string, body []byte) (any, *failure) {
	var in struct {
		Filter map[string]any    `json:"filter"`
		Order  map[string]string `json:"order"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, &failure{"ERROR_CORE", "bad JSON"}
	}
	switch method {
	case "scope":
		return []string{"sale", "catalog"}, nil
	case "sale.order.list":
		return m.listOrders(in.Filter, in.Order), nil
	case "catalog.product.list":
		after := number(in.Filter[">id"])
		rows := []any{}
		for _, g := range m.goods {
			if g.id > after && len(rows) < m.opts.Page {
				rows = append(rows, g.wire())
			}
		}
		return map[string]any{"products": rows}, nil
	}
	return nil, &failure{"ERROR_METHOD_NOT_FOUND", "Method not found!"}
}

func (m *Market) listOrders(filter map[string]any, by map[string]string) any {
	lag := m.opts.Injector.ReplicaTime(time.Now(), "sale.order.list")
	var found []*order
	for _, o := range m.orders {
		if fits(o, filter) && !o.updated.After(lag) {
			found = append(found, o)
		}
	}
	_, byTime := by["dateUpdate"]
	slices.SortFunc(found, func(a, b *order) int {
		if byTime {
			if c := a.updated.Compare(b.updated); c != 0 {
				return c
			}
		}
		return cmp.Compare(a.id, b.id)
	})
	rows := []any{}
	for _, o := range found[:min(len(found), m.opts.Page)] {
		rows = append(rows, map[string]any{"id": o.id, "dateUpdate": stamp(o.updated), "dateInsert": stamp(o.placed)})
	}
	return map[string]any{"orders": rows}
}

func fits(o *order, filter map[string]any) bool {
	for key, v := range filter {
		text, _ := v.(string)
		t, _ := time.Parse(time.RFC3339, text)
		ok := true
		switch key {
		case ">=dateUpdate":
			ok = !o.updated.Before(t)
		case "<=dateUpdate":
			ok = !o.updated.After(t)
		case ">=dateInsert":
			ok = !o.placed.Before(t)
		case "<dateInsert":
			ok = o.placed.Before(t)
		case ">id":
			ok = o.id > number(v)
		}
		if !ok {
			return false
		}
	}
	return true
}

func number(v any) int64 {
	n, _ := v.(float64)
	return int64(n)
}

func stamp(t time.Time) string { return t.In(zone).Format(time.RFC3339) }

func yes(b bool) string {
	if b {
		return "Y"
	}
	return "N"
}

func (o *order) shipment() map[string]any {
	return map[string]any{
		"id": strconv.FormatInt(o.id+100_000, 10), "orderId": o.id, "deliveryId": "1", "deliveryName": "Доставка курьером", "system": "N",
		"canceled": "N", "deducted": yes(o.deducted), "trackingNumber": o.tracking,
	}
}

func (o *order) wire(m *Market) map[string]any {
	basket, total := []any{}, int64(0)
	for i, l := range o.spec.Lines {
		total += l.PriceMinor * l.Quantity
		basket = append(basket, map[string]any{
			"id": strconv.FormatInt(o.id*10+int64(i), 10), "productId": strconv.FormatInt(m.offer(l.SKU).id, 10), "productXmlId": "x-" + l.SKU, "name": "Товар " + l.SKU,
			"price": decimal(l.PriceMinor), "quantity": fmt.Sprintf("%d.0000", l.Quantity), "vatRate": "0.2000",
			"properties": []any{map[string]any{"code": "CML2_ARTICLE", "name": "Артикул", "value": l.SKU}},
		})
	}
	return map[string]any{
		"id": o.id, "accountNumber": fmt.Sprintf("B%d", o.id), "statusId": o.status, "canceled": yes(o.canceled), "reasonCanceled": o.reason,
		"payed": yes(o.paid), "currency": "RUB", "price": decimal(total), "priceDelivery": "0.0000",
		"dateInsert": stamp(o.placed), "dateUpdate": stamp(o.updated), "userId": strconv.FormatInt(10+o.id%7, 10), "userDescription": o.spec.Comment,
		"basketItems": basket, "payments": []any{},
		"shipments": []any{map[string]any{"id": "1", "system": "Y", "deducted": "N", "deliveryId": "0"}, o.shipment()},
		"propertyValues": []any{
			map[string]any{"code": "FIO", "name": "Ф.И.О.", "value": "Нина Образцова"},
			map[string]any{"code": "PHONE", "name": "Телефон", "value": "+7 900 555-01-77"},
			map[string]any{"code": "ADDRESS", "name": "Адрес", "value": []string{"Выдуманск", "ул. Примерная, 7"}},
		},
	}
}

func decimal(minor int64) string { return fmt.Sprintf("%d.%02d00", minor/100, minor%100) }

func (m *Market) goodByID(id string) *good {
	n, err := strconv.ParseInt(id, 10, 64)
	if i := n - 301; err == nil && i >= 0 && i < int64(len(m.goods)) {
		return m.goods[i]
	}
	return nil
}

func (g *good) wire() map[string]any {
	return map[string]any{
		"id": g.id, "iblockId": 2, "name": "Товар " + g.sku, "active": "Y", "xmlId": "x-" + g.sku, "quantity": g.quantity,
		"property45": map[string]any{"value": g.sku, "valueId": "9"},
	}
}
