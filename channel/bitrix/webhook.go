package bitrix

import (
	"crypto/subtle"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// ParseWebhook takes an event of the shop: a form that names an order. Bitrix sends
// it once and does not repeat it, so it is a hint and the sweep is the truth.
func (a *adapter) ParseWebhook(_ *http.Request, body []byte, _ netip.Addr) (channel.Webhook, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return channel.Webhook{}, orderhub.InvalidField("body", "is no form")
	}
	token := form.Get("auth[application_token]")
	if a.eventToken == "" || subtle.ConstantTimeCompare([]byte(token), []byte(a.eventToken)) != 1 {
		return channel.Webhook{}, orderhub.Errorf(orderhub.CodeDenied, "the event does not carry the account's token")
	}
	out := channel.Webhook{Reply: channel.Reply{Status: http.StatusOK, ContentType: "text/plain; charset=utf-8", Body: []byte("ok")}}
	event := strings.ToUpper(form.Get("event"))
	switch {
	case strings.HasPrefix(event, "ONSALEORDER"), strings.HasPrefix(event, "ONSALEBEFOREORDER"):
	default:
		// Payments and shipments name themselves and not their order.
		out.Sweep = []string{feedOrders}
		return out, nil
	}
	for _, key := range []string{"data[FIELDS][ID]", "data[FIELDS][id]", "data[ID]", "data[id]"} {
		if id := form.Get(key); id != "" && len(id) <= 20 && strings.Trim(id, "0123456789") == "" {
			out.Hints = []string{id}
			return out, nil
		}
	}
	out.Sweep = []string{feedOrders}
	return out, nil
}

// ErrorReply answers what was refused.
func (a *adapter) ErrorReply(err error) channel.Reply {
	status, text := http.StatusInternalServerError, "try again later\n"
	switch orderhub.CodeOf(err) {
	case orderhub.CodeDenied:
		status, text = http.StatusForbidden, "denied\n"
	case orderhub.CodeInvalid, orderhub.CodeTooLarge:
		status, text = http.StatusBadRequest, "not understood\n"
	case orderhub.CodeNotFound, orderhub.CodeConflict, orderhub.CodeRefused, orderhub.CodeUnavailable, orderhub.CodeUnsupported:
	}
	return channel.Reply{Status: status, ContentType: "text/plain; charset=utf-8", Body: []byte(text)}
}
