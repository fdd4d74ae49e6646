package yandexmarket

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// orderEvents are the notifications about an order (and therefore with an
// orderId), by the document of push notifications. The other types (PING,
// feedback, chats, questions, and any that will be invented) are taken and
// answered alike; an orderId in them is a hint as well.
var orderEvents = words(`
	ORDER_CREATED ORDER_CANCELLED ORDER_STATUS_UPDATED ORDER_RETURN_CREATED ORDER_CANCELLATION_REQUEST
	ORDER_RETURN_STATUS_UPDATED ORDER_UPDATED ORDER_LINE_SERVICE_STATUS_UPDATED`)

// returnEvents are those about a return. What they tell of it is less than the
// list of returns does, and nothing proves where they come from.
var returnEvents = words("ORDER_RETURN_CREATED ORDER_RETURN_STATUS_UPDATED")

// errorReply is SendNotificationErrorResponse.
type errorReply struct {
	Error struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	} `json:"error"`
}

// okReply is SendNotificationResponse. A missing field makes the Market refuse
// the whole subscription.
type okReply struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Time    string `json:"time"`
}

// ParseWebhook reads one notification, POST <registered address>/notification.
// The Market signs nothing and the core has checked the sender's network, so a
// notification is never more than a hint to read the order, or the returns.
func (a *adapter) ParseWebhook(r *http.Request, body []byte, _ netip.Addr) (channel.Webhook, error) {
	if r.Method != http.MethodPost {
		return channel.Webhook{}, orderhub.Errorf(orderhub.CodeInvalid, "a notification is a POST")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return channel.Webhook{}, orderhub.Errorf(orderhub.CodeInvalid, "the body is not a JSON object")
	}
	kind := field(fields, "notificationType")
	if kind == "" {
		return channel.Webhook{}, orderhub.InvalidField("notificationType", "is missing")
	}
	out := channel.Webhook{Reply: jsonReply(http.StatusOK, okReply{
		Name: integrationName, Version: integrationVersion, Time: a.now().UTC().Format(time.RFC3339),
	})}
	if kind == "PING" {
		return out, nil // nothing to store: the answer must be there within a second
	}
	id, ok := field(fields, "orderId").id()
	if !ok && orderEvents[string(kind)] {
		return channel.Webhook{}, orderhub.InvalidField("orderId", "is missing")
	}
	out.DedupeID = dedupeID(fields)
	if a.concerns(field(fields, "campaignId")) {
		if ok {
			out.Hints = []string{id}
		}
		if returnEvents[string(kind)] {
			out.Sweep = []string{feedReturns}
		}
	}
	return out, nil
}

// ErrorReply answers what was refused or could not be stored. Only 400 keeps
// the Market from trying again, so it is given to broken messages alone.
func (a *adapter) ErrorReply(err error) channel.Reply {
	status, kind, text := http.StatusInternalServerError, "UNKNOWN", "the notification could not be processed"
	var de *orderhub.Error
	if errors.As(err, &de) {
		text = de.Sentence
	}
	switch orderhub.CodeOf(err) {
	case orderhub.CodeInvalid, orderhub.CodeTooLarge:
		status, kind = http.StatusBadRequest, "WRONG_EVENT_FORMAT"
	case orderhub.CodeDenied:
		status = http.StatusForbidden
	case orderhub.CodeNotFound, orderhub.CodeConflict, orderhub.CodeRefused, orderhub.CodeUnavailable, orderhub.CodeUnsupported:
	}
	var out errorReply
	out.Error.Type, out.Error.Message = kind, text
	return jsonReply(status, out)
}

// concerns reports whether the account works with the campaign.
func (a *adapter) concerns(campaign scalar) bool {
	id, ok := campaign.integer()
	return !ok || len(a.campaigns) == 0 || slices.Contains(a.campaigns, id)
}

// dedupeID names a notification, which has no id of its own: the hash of its
// type, ids, statuses and time, which is everything but the lists of goods.
func dedupeID(fields map[string]json.RawMessage) string {
	h := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if key == "items" || key == "orderLineServices" {
			continue
		}
		var plain bytes.Buffer
		_ = json.Compact(&plain, fields[key]) // decoded once already: cannot fail
		fmt.Fprintf(h, "%q=%s\n", key, plain.Bytes())
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func field(fields map[string]json.RawMessage, key string) scalar {
	var s scalar
	_ = json.Unmarshal(fields[key], &s)
	return s
}

func jsonReply(status int, body any) channel.Reply {
	raw, err := json.Marshal(body)
	if err != nil { // texts and nothing else: cannot happen
		raw = []byte("{}")
	}
	return channel.Reply{Status: status, ContentType: "application/json", Body: raw}
}
