package insales

import (
	"net/http"
	"net/netip"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// topics are the webhooks that the hub wants.
var topics = []string{"orders/create", "orders/update", "orders/destroy"}

// ParseWebhook takes an order in JSON. InSales signs nothing, and the address
// alone proves little: a message is a hint to read the order, never news.
func (a *adapter) ParseWebhook(r *http.Request, body []byte, _ netip.Addr) (channel.Webhook, error) {
	if r.Method != http.MethodPost {
		return channel.Webhook{}, orderhub.Errorf(orderhub.CodeInvalid, "a notification is a POST")
	}
	var key wireKey
	if err := rest.Decode(body, &key); err != nil || !idPattern.MatchString(key.ID.String()) {
		return channel.Webhook{}, orderhub.InvalidField("id", "the notification names no order")
	}
	hook := channel.Webhook{Hints: []string{key.ID.String()}, Reply: textReply(http.StatusOK, "ok\n")}
	if key.FulfillmentStatus == "returned" {
		hook.Sweep = []string{feedReturns}
	}
	return hook, nil
}

// ErrorReply tells no more than the status.
func (a *adapter) ErrorReply(err error) channel.Reply {
	switch orderhub.CodeOf(err) {
	case orderhub.CodeInvalid, orderhub.CodeTooLarge:
		return textReply(http.StatusBadRequest, "not understood\n")
	case orderhub.CodeDenied:
		return textReply(http.StatusForbidden, "denied\n")
	case orderhub.CodeNotFound, orderhub.CodeConflict, orderhub.CodeRefused, orderhub.CodeUnavailable, orderhub.CodeUnsupported:
	}
	return textReply(http.StatusInternalServerError, "try again later\n")
}

func textReply(status int, text string) channel.Reply {
	return channel.Reply{Status: status, ContentType: "text/plain; charset=utf-8", Body: []byte(text)}
}
