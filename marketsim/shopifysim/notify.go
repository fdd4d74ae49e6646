package shopifysim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

type hook struct {
	id    int64
	topic string
	uri   string
}

// topicNames are the topics in mutations and in the header.
var topicNames = map[string]string{
	"ORDERS_CREATE": "orders/create", "ORDERS_UPDATED": "orders/updated", "ORDERS_CANCELLED": "orders/cancelled", "ORDERS_DELETE": "orders/delete",
	"REFUNDS_CREATE": "refunds/create", "RETURNS_REQUEST": "returns/request", "RETURNS_APPROVE": "returns/approve", "RETURNS_CLOSE": "returns/close",
}

// tell sends an event to the address of the subscription; the caller holds the
// lock. The body is what the REST API shows of an order, with less in it.
func (m *Market) tell(topic string, o *order, s state) {
	for _, h := range m.hooks {
		if h.topic != topic || h.uri != m.hookURL {
			continue
		}
		body := map[string]any{"id": o.id, "admin_graphql_api_id": gid("Order", o.id), "updated_at": s.updated.Format(time.RFC3339)}
		if len(s.returns) > 0 && topic != "ORDERS_UPDATED" {
			body = map[string]any{"id": s.returns[0].id, "status": s.returns[0].status, "order": map[string]any{"id": o.id}}
		}
		raw, err := json.Marshal(body)
		if err != nil {
			panic("shopifysim: write an event: " + err.Error()) // our own types
		}
		mac := hmac.New(sha256.New, []byte(ClientSecret))
		mac.Write(raw)
		m.lastHook++
		m.notifier.Send(topic, http.Header{
			"X-Shopify-Topic": {topicNames[topic]}, "X-Shopify-Shop-Domain": {Host}, "X-Shopify-Api-Version": {Version},
			"X-Shopify-Webhook-Id":  {fmt.Sprintf("%08x-0000-4000-8000-%012x", o.id%0xffffffff, m.lastHook)},
			"X-Shopify-Hmac-Sha256": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
		}, raw)
	}
}
