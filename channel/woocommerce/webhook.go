package woocommerce

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// pingBody is what WooCommerce posts unsigned when a webhook is made; anything but
// 200 fails it.
var pingBody = regexp.MustCompile(`^webhook_id=[0-9]{1,20}$`)

// ParseWebhook reads one message: base64 of HMAC-SHA256 over the bytes as they came,
// in X-WC-Webhook-Signature. A message is a hint: it was built when it was sent,
// comes late and out of order, and is never sent again.
func (a *adapter) ParseWebhook(r *http.Request, body []byte, _ netip.Addr) (channel.Webhook, error) {
	taken := channel.Webhook{Reply: plain(http.StatusOK, "ok\n")}
	if r.Method != http.MethodPost {
		return channel.Webhook{}, orderhub.Errorf(orderhub.CodeInvalid, "a webhook is a POST")
	}
	signature := r.Header.Get("X-WC-Webhook-Signature")
	if signature == "" && pingBody.Match(body) {
		return taken, nil
	}
	if !a.signed(body, signature) {
		return channel.Webhook{}, orderhub.Errorf(orderhub.CodeDenied, "the message is not signed with the account's webhook secret")
	}
	// Whatever is authentic is taken: after five refusals the shop switches the
	// webhook off.
	topic := r.Header.Get("X-WC-Webhook-Topic")
	if topic != "" && !strings.HasPrefix(topic, "order.") {
		return taken, nil
	}
	var key wireKey
	id, ok := int64(0), false
	if rest.Decode(body, &key) == nil {
		id, ok = positive(key.ID)
	}
	if !ok || drafts[key.Status.String()] {
		return taken, nil
	}
	taken.Hints = []string{strconv.FormatInt(id, 10)}
	if len(key.Refunds) > 0 {
		taken.Sweep = []string{feedRefunds}
	}
	if key.ModifiedGMT != "" {
		// The delivery id is the same for all messages of a second. A deleted order
		// says its id only, each time the same.
		sum := sha256.Sum256(body)
		taken.DedupeID = hex.EncodeToString(sum[:16])
	}
	return taken, nil
}

func (a *adapter) signed(body []byte, signature string) bool {
	given, err := base64.StdEncoding.DecodeString(signature)
	if a.hookKey == "" || err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(a.hookKey))
	mac.Write(body)
	return hmac.Equal(given, mac.Sum(nil))
}

// ErrorReply answers what was refused or could not be stored. The shop does not send
// it again; the sweep finds the order.
func (a *adapter) ErrorReply(err error) channel.Reply {
	switch orderhub.CodeOf(err) {
	case orderhub.CodeDenied:
		return plain(http.StatusUnauthorized, "not signed as it must be\n")
	case orderhub.CodeInvalid, orderhub.CodeUnsupported, orderhub.CodeRefused:
		return plain(http.StatusBadRequest, "not understood\n")
	case orderhub.CodeTooLarge:
		return plain(http.StatusRequestEntityTooLarge, "too large\n")
	case orderhub.CodeConflict:
		return plain(http.StatusConflict, "conflict\n")
	case orderhub.CodeNotFound:
		return plain(http.StatusNotFound, "not found\n")
	case orderhub.CodeUnavailable:
	}
	return plain(http.StatusServiceUnavailable, "try again later\n")
}

func plain(status int, text string) channel.Reply {
	return channel.Reply{Status: status, ContentType: "text/plain; charset=utf-8", Body: []byte(text)}
}
