package ozon

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// notification is what all push notifications have in common (Seller API,
// push_types). Only the names of postings are used: the body is not signed.
type notification struct {
	Type          text `json:"message_type"`
	SellerID      text `json:"seller_id"` // a number; a string in the chat types
	PostingNumber text `json:"posting_number"`
	UUID          text `json:"uuid"` // FBO and order types
	NewState      text `json:"new_state"`
	ChangedAt     text `json:"changed_state_date"`
	InProcessAt   text `json:"in_process_at"`
	NewCutoff     text `json:"new_cutoff_date"`
	NewBegin      text `json:"new_delivery_date_begin"`
	NewEnd        text `json:"new_delivery_date_end"`
	MessageID     text `json:"message_id"`
	UpdatedAt     text `json:"updated_at"`
	LastRead      text `json:"last_read_message_id"`
}

// The types that are answered or refused in a way of their own. Every other
// type, known or new, is acknowledged; it is a hint when it names a posting.
const (
	typePing         = "TYPE_PING"
	typeCategoryTree = "TYPE_DESCRIPTION_CATEGORY_TREE_CHANGED" // has no seller
)

// postingTypes must name a posting.
var postingTypes = wordSet(
	"TYPE_NEW_POSTING", "TYPE_POSTING_CANCELLED", "TYPE_STATE_CHANGED", "TYPE_CUTOFF_DATE_CHANGED",
	"TYPE_DELIVERY_DATE_CHANGED", "TYPE_FBO_POSTING_NEW", "TYPE_FBO_POSTING_CANCELLED",
	"TYPE_FBO_POSTING_STATE_CHANGED", "TYPE_FBO_POSTING_DELIVERY_DATE_CHANGED",
)

// ParseWebhook reads one push notification. Ozon signs nothing: the sender's
// network and seller_id are checked, and the message is only ever a hint.
func (a *adapter) ParseWebhook(_ *http.Request, body []byte, remote netip.Addr) (channel.Webhook, error) {
	if !a.allowed(remote) {
		return channel.Webhook{}, orderhub.Errorf(orderhub.CodeDenied, "notifications are taken from Ozon's networks only")
	}
	var n notification
	if err := json.Unmarshal(body, &n); err != nil {
		return channel.Webhook{}, orderhub.Errorf(orderhub.CodeInvalid, "the notification is not a JSON object")
	}
	switch n.Type {
	case "":
		return channel.Webhook{}, orderhub.InvalidField("message_type", "is missing")
	case typePing:
		return channel.Webhook{Reply: a.pong()}, nil
	case typeCategoryTree:
		return channel.Webhook{Reply: reply(http.StatusOK, map[string]bool{"result": true})}, nil
	}
	switch {
	case n.SellerID == "":
		return channel.Webhook{}, orderhub.InvalidField("seller_id", "is missing")
	case !sameSeller(string(n.SellerID), a.clientID):
		return channel.Webhook{}, orderhub.Errorf(orderhub.CodeDenied, "the notification is for another seller")
	case n.PostingNumber == "" && postingTypes[string(n.Type)]:
		return channel.Webhook{}, orderhub.InvalidField("posting_number", "is missing")
	}
	out := channel.Webhook{DedupeID: n.id(), Reply: reply(http.StatusOK, map[string]bool{"result": true})}
	if postingNumber.MatchString(string(n.PostingNumber)) {
		out.Hints = []string{string(n.PostingNumber)}
	}
	return out, nil
}

// ErrorReply answers in Ozon's form (Seller API, service_response). A message
// that could not be stored gets 500: Ozon sends it again.
func (a *adapter) ErrorReply(err error) channel.Reply {
	status, code, message := http.StatusInternalServerError, "ERROR_UNKNOWN", "the notification could not be stored"
	var e *orderhub.Error
	if errors.As(err, &e) {
		message = e.Sentence
		switch e.Code {
		case orderhub.CodeInvalid:
			status = http.StatusBadRequest
			if e.Field != "" {
				code = "ERROR_PARAMETER_VALUE_MISSED"
			}
		case orderhub.CodeDenied:
			status = http.StatusForbidden
		case orderhub.CodeTooLarge:
			status = http.StatusRequestEntityTooLarge
		case orderhub.CodeNotFound:
			status = http.StatusNotFound
		case orderhub.CodeConflict, orderhub.CodeRefused, orderhub.CodeUnavailable, orderhub.CodeUnsupported:
			status = http.StatusServiceUnavailable
		}
	}
	return reply(status, map[string]any{"error": map[string]any{"code": code, "message": message, "details": nil}})
}

// id names the message: FBO and order types have a uuid; of the others the same
// type, posting, state and date are the same message. "" = not told apart.
func (n *notification) id() string {
	switch {
	case n.UUID != "":
		return join(n.Type, n.UUID)
	case n.PostingNumber != "":
		return join(n.Type, n.PostingNumber, n.NewState, n.ChangedAt, n.InProcessAt, n.NewCutoff, n.NewBegin, n.NewEnd)
	case n.MessageID != "":
		return join(n.Type, n.MessageID, n.UpdatedAt, n.LastRead)
	default:
		return ""
	}
}

func join(parts ...text) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, string(p))
		}
	}
	return strings.Join(out, "|")
}

// sameSeller compares ids that may be written with leading zeros.
func sameSeller(a, b string) bool {
	return strings.TrimLeft(a, "0") == strings.TrimLeft(b, "0")
}

// pushVersion is what the hub calls its side of the notification protocol.
const pushVersion = "1.0.0"

// pong answers TYPE_PING: version, name and the time when work on it began.
func (a *adapter) pong() channel.Reply {
	return reply(http.StatusOK, struct {
		Version string    `json:"version"`
		Name    string    `json:"name"`
		Time    time.Time `json:"time"`
	}{pushVersion, "orderhub", a.now().UTC().Truncate(time.Millisecond)})
}

func reply(status int, body any) channel.Reply {
	b, _ := json.Marshal(body) // plain maps and structs: cannot fail
	return channel.Reply{Status: status, ContentType: "application/json", Body: b}
}

// allowed checks the sender.
func (a *adapter) allowed(remote netip.Addr) bool {
	remote = remote.Unmap()
	if a.local && (remote.IsLoopback() || remote.IsPrivate()) {
		return true
	}
	for _, network := range a.senders {
		if network.Contains(remote) {
			return true
		}
	}
	return false
}

// parseNetworks reads "10.0.0.0/8, 192.0.2.7"; empty means Ozon's own.
func parseNetworks(v string) ([]netip.Prefix, error) {
	words := networks
	if v != "" {
		words = strings.Split(v, ",")
	}
	var out []netip.Prefix
	for _, w := range words {
		w = strings.TrimSpace(w)
		prefix, err := netip.ParsePrefix(w)
		if err != nil {
			addr, addrErr := netip.ParseAddr(w)
			if addrErr != nil {
				return nil, orderhub.InvalidField(settingWebhookIPs, "%q is not a network like 195.34.21.0/24", w)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		out = append(out, prefix.Masked())
	}
	return out, nil
}
