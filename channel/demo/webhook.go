package demo

import (
	"crypto/subtle"
	"net/http"
	"net/netip"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// ParseWebhook takes {"event_id":"…","order_id":"…"}: a hint, never news.
func (a *adapter) ParseWebhook(r *http.Request, body []byte, _ netip.Addr) (channel.Webhook, error) {
	given := r.Header.Get("X-Demo-Secret")
	if a.secret == "" || subtle.ConstantTimeCompare([]byte(given), []byte(a.secret)) != 1 {
		return channel.Webhook{}, orderhub.Errorf(orderhub.CodeDenied, "the notification does not carry the account's secret")
	}
	var in struct {
		EventID rest.Text `json:"event_id"`
		OrderID rest.Text `json:"order_id"`
	}
	if err := rest.Decode(body, &in); err != nil || in.OrderID == "" {
		return channel.Webhook{}, orderhub.InvalidField("order_id", "the notification names no order")
	}
	return channel.Webhook{
		DedupeID: in.EventID.String(), Hints: []string{in.OrderID.String()},
		Reply: channel.Reply{Status: http.StatusNoContent},
	}, nil
}

// ErrorReply makes the market try again, except where that is useless.
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
