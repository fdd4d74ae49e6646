package site

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
	"github.com/orderhub/orderhub/webhook"
)

// typeKinds maps the events that carry an order or a return to the kind of their
// item.
var typeKinds = map[string]string{
	"order.created":   kindOrder,
	"order.updated":   kindOrder,
	"order.cancelled": kindCancel,
	"order.canceled":  kindCancel,
	"return.created":  kindReturn,
	"return.updated":  kindReturn,
}

// ParseWebhook verifies a message of the shop and takes the order or the
// return out of it.
// Whatever is authentic is taken, even when nothing in it makes sense: it is
// quarantined with its body, and the shop does not send it again for days.
func (a *adapter) ParseWebhook(r *http.Request, body []byte, _ netip.Addr) (channel.Webhook, error) {
	mt, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || (mt != "application/json" && !strings.HasSuffix(mt, "+json")) {
		return channel.Webhook{}, orderhub.Errorf(orderhub.CodeInvalid, "the message must be application/json")
	}
	id, err := webhook.Verify(r.Header, body, a.now(), a.verify...)
	if err != nil {
		return channel.Webhook{}, err
	}
	hook := channel.Webhook{DedupeID: id, Reply: jsonReply(http.StatusAccepted, "accepted")}
	if item, ok := readEvent(body); ok {
		hook.Items = []channel.Item{item}
	}
	return hook, nil
}

// readEvent finds the order or the return in an event; ok is false for a ping. A
// return may come without an event around it.
func readEvent(body []byte) (item channel.Item, ok bool) {
	if !json.Valid(body) {
		// Kept as a JSON string, so that whoever stores it as JSON can.
		text, _ := json.Marshal(string(body))
		return channel.Item{Kind: kindEvent, Body: text}, true
	}
	// Maps, not structs: "ID" is not "id", here as in Normalise.
	var event, data map[string]json.RawMessage
	var typ string
	unread := channel.Item{Kind: kindEvent, Body: body}
	if json.Unmarshal(body, &event) != nil {
		return unread, true
	}
	if event["type"] == nil && event["return"] != nil {
		return channel.Item{Kind: kindReturn, ExternalID: returnID(event), Body: body}, true
	}
	if json.Unmarshal(event["type"], &typ) != nil {
		return unread, true
	}
	if typ == "ping" {
		return channel.Item{}, false
	}
	kind := typeKinds[typ]
	if kind == "" || json.Unmarshal(event["data"], &data) != nil || data == nil {
		return unread, true
	}
	id := keyOf(data)
	if kind == kindReturn {
		id = returnID(data)
	}
	return channel.Item{Kind: kind, ExternalID: id, Body: event["data"]}, true
}

// keyOf reads an id as it is; "" when it is none. Normalise says what is wrong
// with it.
func keyOf(fields map[string]json.RawMessage) string {
	var id rest.Text
	if json.Unmarshal(fields["id"], &id) != nil || len(id) > maxID*utf8.UTFMax {
		return ""
	}
	return id.String()
}

func returnID(message map[string]json.RawMessage) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(message["return"], &fields) != nil {
		return ""
	}
	return keyOf(fields)
}

// ErrorReply answers what was refused. Everything that is wrong with a signature
// has one and the same answer.
func (a *adapter) ErrorReply(err error) channel.Reply {
	var refusal *webhook.Refusal
	if errors.As(err, &refusal) {
		return jsonReply(http.StatusUnauthorized, "not signed as it must be")
	}
	switch orderhub.CodeOf(err) {
	case orderhub.CodeInvalid, orderhub.CodeUnsupported, orderhub.CodeRefused:
		return jsonReply(http.StatusUnsupportedMediaType, "want application/json")
	case orderhub.CodeTooLarge:
		return jsonReply(http.StatusRequestEntityTooLarge, "too large")
	case orderhub.CodeConflict:
		return jsonReply(http.StatusConflict, "the same id came with another body")
	case orderhub.CodeNotFound:
		return jsonReply(http.StatusNotFound, "not found")
	case orderhub.CodeDenied:
		return jsonReply(http.StatusForbidden, "denied")
	case orderhub.CodeUnavailable:
	}
	return jsonReply(http.StatusServiceUnavailable, "try again later")
}

func jsonReply(status int, word string) channel.Reply {
	body, _ := json.Marshal(map[string]string{"status": word})
	return channel.Reply{Status: status, ContentType: "application/json", Body: body}
}
