package shopifysim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

// accessToken is what the grant gives.
const accessToken = "shpat_0d5e1f7720c94ab8"

// call is one operation.
type call struct {
	vars map[string]json.RawMessage
	doc  *document
}

func (c *call) get(name string, into any) bool {
	return json.Unmarshal(c.vars[name], into) == nil
}

func (c *call) text(name string) string {
	var s string
	_ = json.Unmarshal(c.vars[name], &s) // another shape is none
	return s
}

// number is the id in a global id of a kind.
func number(kind, g string) int64 {
	id, ok := strings.CutPrefix(g, "gid://shopify/"+kind+"/")
	if !ok {
		return 0
	}
	n, _ := strconv.ParseInt(id, 10, 64)
	return n
}

// cost is what the roots cost, in points.
var cost = map[string]int{"orders": 120, "nodes": 60, "productVariants": 60}

// Handler serves the API.
func (m *Market) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /admin/oauth/access_token", m.grant)
	mux.HandleFunc("POST /admin/api/{version}/graphql.json", m.graphql)
	return m.in.Wrap(mux,
		func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "graphql.json") {
				answer(w, http.StatusTooManyRequests, map[string]any{"errors": "Too many requests"})
				return
			}
			throttled(w, 120, 0)
		},
		func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusBadGateway, map[string]any{"errors": "Bad gateway"})
		})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, code, message string) {
	answer(w, http.StatusOK, map[string]any{"errors": []any{map[string]any{"message": message, "extensions": map[string]any{"code": code}}}})
}

func throttled(w http.ResponseWriter, requested, available int) {
	answer(w, http.StatusOK, map[string]any{
		"errors": []any{map[string]any{"message": "Throttled", "extensions": map[string]any{"code": "THROTTLED"}}},
		"extensions": map[string]any{"cost": map[string]any{"requestedQueryCost": requested, "actualQueryCost": nil, "throttleStatus": map[string]any{
			"maximumAvailable": 2000.0, "currentlyAvailable": available, "restoreRate": 100.0,
		}}},
	})
}

// grant: the client credentials grant.
func (m *Market) grant(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("grant_type") != "client_credentials" || r.PostFormValue("client_id") != ClientID || r.PostFormValue("client_secret") != ClientSecret {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_client", "error_description": "the client id or the secret is wrong"})
		return
	}
	answer(w, http.StatusOK, map[string]any{"access_token": accessToken, "scope": "read_orders,write_orders", "expires_in": 86399})
}

func (m *Market) graphql(w http.ResponseWriter, r *http.Request) {
	m.pictures.Seen(r)
	switch {
	case r.Header.Get("X-Shopify-Access-Token") != accessToken:
		answer(w, http.StatusUnauthorized, map[string]any{"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"})
		return
	case r.PathValue("version") != Version:
		answer(w, http.StatusNotFound, map[string]any{"errors": "Not Found"})
		return
	}
	var in struct {
		Query     string
		Name      string `json:"operationName"`
		Variables map[string]json.RawMessage
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil || json.Unmarshal(raw, &in) != nil {
		answer(w, http.StatusBadRequest, map[string]any{"errors": "cannot be parsed"})
		return
	}
	doc, err := parse(in.Query)
	if err != nil || doc.operations[in.Name] == nil {
		refuse(w, "PARSE_ERROR", fmt.Sprint("the document cannot be read: ", err))
		return
	}
	points := 0
	for _, f := range doc.operations[in.Name] {
		points += max(10, cost[f.name])
	}
	if ok, _ := m.points.Take(points); !ok {
		throttled(w, points, m.points.Left())
		return
	}
	doc.vars = in.Variables
	c := &call{vars: in.Variables, doc: doc}
	data := map[string]any{}
	for _, f := range doc.operations[in.Name] {
		resolve := m.roots()[f.name]
		if resolve == nil {
			refuse(w, "undefinedField", "Field '"+f.name+"' doesn't exist on type 'QueryRoot'")
			return
		}
		value, said := resolve(c)
		if said != "" {
			refuse(w, "BAD_USER_INPUT", said)
			return
		}
		if data[f.name], err = doc.pick(value, f.sel); err != nil {
			refuse(w, "undefinedField", err.Error())
			return
		}
	}
	answer(w, http.StatusOK, map[string]any{"data": data, "extensions": map[string]any{"cost": map[string]any{"requestedQueryCost": points, "actualQueryCost": points}}})
}

// roots are the fields of the query and of the mutation root; said is a refusal
// of the whole document.
func (m *Market) roots() map[string]func(c *call) (value any, said string) {
	return map[string]func(c *call) (any, string){
		"orders": m.listOrders, "nodes": m.nodes, "order": m.oneOrder, "fulfillment": m.oneShipment, "return": m.oneReturn, "productVariants": m.listVariants,
		"shop": func(*call) (any, string) {
			return object{"__typename": "Shop", "name": "Example shop", "myshopifyDomain": Host}, ""
		},
		"currentAppInstallation": func(*call) (any, string) {
			var scopes []object
			for _, s := range []string{"write_orders", "read_products", "write_inventory", "write_merchant_managed_fulfillment_orders", "read_returns"} {
				scopes = append(scopes, object{"__typename": "AccessScope", "handle": s})
			}
			return object{"__typename": "AppInstallation", "accessScopes": scopes}, ""
		},
		"locations": func(*call) (any, string) {
			return page("Location", []object{
				{"__typename": "Location", "id": gid("Location", Main), "name": "Main", "isActive": true},
				{"__typename": "Location", "id": gid("Location", Second), "name": "Second", "isActive": true},
			}, false, ""), ""
		},
		"webhookSubscriptions": m.listHooks, "webhookSubscriptionCreate": m.addHook,
		"fulfillmentCreate": m.ship, "fulfillmentEventCreate": m.event, "fulfillmentTrackingInfoUpdate": m.track, "orderCancel": m.cancel,
		"inventorySetQuantities": m.setStock,
	}
}

// bounds are the parts of a search that the stand-in knows.
type bounds struct {
	field    string
	from, to time.Time
}

func search(query string) (bounds, bool) {
	b := bounds{}
	for part := range strings.FieldsSeq(query) {
		field, rest, _ := strings.Cut(part, ":")
		op := ">="
		if strings.HasPrefix(rest, "<") {
			op = "<"
		}
		t, err := time.Parse(time.RFC3339, strings.Trim(strings.TrimPrefix(rest, op), "'"))
		if err != nil || (field != "updated_at" && field != "created_at") {
			return b, false
		}
		b.field = field
		if op == "<" {
			b.to = t
		} else {
			b.from = t
		}
	}
	return b, b.field != ""
}

// listOrders is answered by a search that may lag. A cursor holds the time and
// the id of the last row, so that pages do not shift.
func (m *Market) listOrders(c *call) (any, string) {
	var first int
	b, ok := search(c.text("query"))
	if !c.get("first", &first) || first < 1 || first > 250 || !ok {
		return nil, "orders: first and query"
	}
	key := func(x seen) time.Time { return x.s.updated }
	if b.field == "created_at" {
		key = func(x seen) time.Time { return x.o.placed }
	}
	after := ""
	if raw := c.text("after"); raw != "" {
		plain, err := base64.StdEncoding.DecodeString(raw)
		if err != nil {
			return nil, "Invalid cursor for current pagination sort."
		}
		after = string(plain)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var nodes []object
	end, more := "", false
	for _, x := range m.changed(m.in.ReplicaTime(m.opts.Now(), "orders"), key) {
		at := key(x)
		mark := at.UTC().Format(time.RFC3339) + " " + fmt.Sprintf("%020d", x.o.id)
		if at.Before(b.from) || (!b.to.IsZero() && !at.Before(b.to)) || mark <= after {
			continue
		}
		if len(nodes) == first {
			more = true
			break
		}
		nodes, end = append(nodes, m.wire(x.o, x.s)), mark
	}
	return page("Order", nodes, more, base64.StdEncoding.EncodeToString([]byte(end))), ""
}

func (m *Market) nodes(c *call) (any, string) {
	var ids []string
	if !c.get("ids", &ids) || len(ids) > 250 {
		return nil, "nodes: ids"
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.in.ReplicaTime(m.opts.Now(), "nodes")
	out := []any{}
	for _, id := range ids {
		var found any
		if o := m.orders[number("Order", id)]; o != nil {
			if s, ok := o.history.At(at); ok {
				found = m.wire(o, s)
			}
		}
		if f := m.shipment(id); f != nil {
			found = f
		}
		for _, v := range m.variants {
			if gid("InventoryItem", v.item) == id {
				found = m.wireItem(v, c.text("location"))
			}
		}
		out = append(out, found)
	}
	return out, ""
}

func (m *Market) wireItem(v *variant, location string) object {
	var level any
	if location == gid("Location", Main) {
		level = object{"__typename": "InventoryLevel", "quantities": []object{{"__typename": "InventoryQuantity", "name": "available", "quantity": v.available}}}
	}
	return object{"__typename": "InventoryItem", "id": gid("InventoryItem", v.item), "inventoryLevel": level}
}

func (m *Market) oneOrder(c *call) (any, string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.orders[number("Order", c.text("id"))]
	if o == nil {
		return nil, ""
	}
	return m.wire(o, o.history.Now()), ""
}

// shipment finds one by its id; the caller holds the lock.
func (m *Market) shipment(global string) object {
	o := m.orders[orderOf(number("Fulfillment", global))]
	if o == nil {
		return nil
	}
	for _, f := range m.wireShipments(o, o.history.Now()) {
		if f["id"] == global {
			return f
		}
	}
	return nil
}

func (m *Market) oneShipment(c *call) (any, string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.shipment(c.text("id")), ""
}

func (m *Market) oneReturn(c *call) (any, string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.orders {
		for _, g := range m.wireReturns(o, o.history.Now()) {
			if g["id"] == c.text("id") {
				return g, ""
			}
		}
	}
	return nil, ""
}

func (m *Market) listVariants(c *call) (any, string) {
	var first int
	if !c.get("first", &first) || first < 1 || first > 250 {
		return nil, "productVariants: first"
	}
	after, _ := strconv.ParseInt(c.text("after"), 10, 64)
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []*variant
	for _, v := range m.variants {
		if v.id > after {
			found = append(found, v)
		}
	}
	slices.SortFunc(found, func(a, b *variant) int { return int(a.id - b.id) })
	var nodes []object
	for _, v := range found[:min(len(found), first)] {
		nodes = append(nodes, object{
			"__typename": "ProductVariant", "id": gid("ProductVariant", v.id), "sku": v.sku, "barcode": marketsim.Barcode(v.sku), "title": "Default Title",
			"product":       object{"__typename": "Product", "id": gid("Product", v.id+1), "title": v.name, "status": "ACTIVE", "featuredMedia": m.media(v.sku)},
			"inventoryItem": object{"__typename": "InventoryItem", "id": gid("InventoryItem", v.item)},
		})
		after = v.id
	}
	return page("ProductVariant", nodes, len(found) > first, strconv.FormatInt(after, 10)), ""
}

// media is what a product is shown with; nil = with nothing.
func (m *Market) media(sku string) any {
	for _, address := range m.pictures.Of(sku) {
		return object{"__typename": "MediaImage", "preview": object{"__typename": "MediaPreviewImage", "image": object{"__typename": "Image", "url": address}}}
	}
	return nil
}

func (m *Market) listHooks(*call) (any, string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var nodes []object
	for _, h := range m.hooks {
		nodes = append(nodes, object{"__typename": "WebhookSubscription", "id": gid("WebhookSubscription", h.id), "topic": h.topic, "uri": h.uri})
	}
	return page("WebhookSubscription", nodes, false, ""), ""
}

func (m *Market) addHook(c *call) (any, string) {
	var in struct{ URI, Format string }
	topic := c.text("topic")
	if !c.get("hook", &in) || topicNames[topic] == "" || in.Format != "JSON" {
		return nil, "webhookSubscriptionCreate: topic and webhookSubscription"
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	errs := []object{}
	if slices.ContainsFunc(m.hooks, func(h hook) bool { return h.topic == topic && h.uri == in.URI }) {
		errs = append(errs, userError("Address for this topic has already been taken", "", "webhookSubscription", "callbackUrl"))
	} else {
		m.lastHook++
		m.hooks = append(m.hooks, hook{id: m.lastHook, topic: topic, uri: in.URI})
		m.hookURL = in.URI
		m.notifier.SetURL(in.URI)
	}
	return object{
		"__typename": "WebhookSubscriptionCreatePayload", "userErrors": errs,
		"webhookSubscription": object{"__typename": "WebhookSubscription", "id": gid("WebhookSubscription", m.lastHook)},
	}, ""
}

func userError(message, code string, field ...string) object {
	path := make([]any, len(field))
	for i, f := range field {
		path[i] = f
	}
	return object{"__typename": "UserError", "message": message, "field": path, "code": text(code)}
}
