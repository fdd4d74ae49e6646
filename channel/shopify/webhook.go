package shopify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/netip"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// topics are the webhooks that the hub wants, as mutations name them.
var topics = []string{"ORDERS_CREATE", "ORDERS_UPDATED", "ORDERS_CANCELLED", "ORDERS_DELETE", "REFUNDS_CREATE", "RETURNS_REQUEST", "RETURNS_APPROVE", "RETURNS_CLOSE"}

// ParseWebhook checks X-Shopify-Hmac-Sha256, the base64 of HMAC-SHA256 of the
// body with the client secret, and the shop. The body is an order as the older
// REST API writes it, and may be older than what is known: it is a hint to read,
// but for a deletion.
func (a *adapter) ParseWebhook(r *http.Request, body []byte, _ netip.Addr) (channel.Webhook, error) {
	given, err := base64.StdEncoding.DecodeString(r.Header.Get("X-Shopify-Hmac-Sha256"))
	mac := hmac.New(sha256.New, []byte(a.secret))
	mac.Write(body)
	if err != nil || !hmac.Equal(given, mac.Sum(nil)) {
		return channel.Webhook{}, orderhub.Errorf(orderhub.CodeDenied, "the notification is not signed with the app's client secret")
	}
	if from := r.Header.Get("X-Shopify-Shop-Domain"); from != "" && !strings.EqualFold(from, a.shop) {
		return channel.Webhook{}, orderhub.Errorf(orderhub.CodeDenied, "the notification is of another shop")
	}
	hook := channel.Webhook{DedupeID: r.Header.Get("X-Shopify-Webhook-Id"), Reply: textReply(http.StatusOK, "ok\n")}
	topic := r.Header.Get("X-Shopify-Topic")
	of, _, _ := strings.Cut(topic, "/")
	var in struct {
		ID      rest.Text `json:"id"`
		OrderID rest.Text `json:"order_id"`
		Order   struct {
			ID rest.Text `json:"id"`
		} `json:"order"`
	}
	if rest.Decode(body, &in) != nil {
		return channel.Webhook{}, orderhub.Errorf(orderhub.CodeInvalid, "the notification cannot be read")
	}
	id := in.OrderID
	switch of {
	case "orders":
		id = in.ID
	case "returns":
		hook.Sweep = []string{feedReturns}
		if id == "" {
			id = in.Order.ID
		}
	case "refunds", "fulfillments":
	default:
		return hook, nil // customers/redact and whatever else an app gets
	}
	switch {
	case topic == "orders/delete" && idPattern.MatchString(id.String()):
		// There is nothing left to read, and the message is signed: it is the news.
		hook.Items = []channel.Item{{Kind: kindGone, ExternalID: id.String(), Body: body}}
	case idPattern.MatchString(id.String()):
		hook.Hints = []string{id.String()}
	case hook.Sweep == nil:
		return channel.Webhook{}, orderhub.InvalidField("id", "the notification names no order")
	}
	return hook, nil
}

// ErrorReply tells no more than the status; Shopify repeats what is not 2xx.
func (a *adapter) ErrorReply(err error) channel.Reply {
	switch orderhub.CodeOf(err) {
	case orderhub.CodeDenied:
		return textReply(http.StatusUnauthorized, "denied\n")
	case orderhub.CodeInvalid, orderhub.CodeTooLarge:
		return textReply(http.StatusBadRequest, "not understood\n")
	case orderhub.CodeNotFound, orderhub.CodeConflict, orderhub.CodeRefused, orderhub.CodeUnavailable, orderhub.CodeUnsupported:
	}
	return textReply(http.StatusInternalServerError, "try again later\n")
}

func textReply(status int, text string) channel.Reply {
	return channel.Reply{Status: status, ContentType: "text/plain; charset=utf-8", Body: []byte(text)}
}
