package site

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
	"github.com/orderhub/orderhub/webhook"
)

const (
	testSecret = "whsec_c2VjcmV0LW9mLXRoZS1zaG9wLWZvci10ZXN0cyE="
	oldSecret  = "whsec_YW4tb2xkLXNlY3JldC1vZi10aGUtc2hvcC1oZXJl"
)

func signed(secret, id string, at time.Time, body string) http.Header {
	key, err := webhook.ParseSecret(secret)
	if err != nil {
		panic(err)
	}
	h := http.Header{"Content-Type": {"application/json"}}
	if err := webhook.Sign(h, key, id, at, []byte(body)); err != nil {
		panic(err)
	}
	return h
}

const createdBody = `{"type":"order.created","timestamp":"2026-11-20T12:00:00Z","data":{"id":"727","status":"new","lines":[{"sku":"A","qty":1}]}}`

func webhookCases() []channeltest.WebhookCase {
	at := channeltest.Clock
	take := func(name, body string) channeltest.WebhookCase {
		return channeltest.WebhookCase{Name: name, Header: signed(testSecret, "msg_1", at, body), Body: body}
	}
	refuse := func(name string, header http.Header) channeltest.WebhookCase {
		return channeltest.WebhookCase{Name: name, Header: header, Body: createdBody, Refused: true}
	}
	rotated := take("signed with the old secret", createdBody)
	rotated.Header = signed(oldSecret, "msg_1", at, createdBody)
	rotated.Settings = map[string]string{settingSecretOld: oldSecret}
	form := signed(testSecret, "msg_1", at, createdBody)
	form.Set("Content-Type", "application/x-www-form-urlencoded")
	return []channeltest.WebhookCase{
		take("created", createdBody),
		take("updated", strings.Replace(createdBody, "created", "updated", 1)),
		take("cancelled", `{"type":"order.cancelled","data":{"id":727,"version":4}}`),
		take("ping", `{"type":"ping","timestamp":"2026-11-20T12:00:00Z","data":{}}`),
		rotated,
		refuse("not signed", http.Header{"Content-Type": {"application/json"}}),
		refuse("signed with another secret", signed(oldSecret, "msg_1", at, createdBody)),
		refuse("replayed after ten minutes", signed(testSecret, "msg_1", at.Add(-10*time.Minute), createdBody)),
		refuse("a form", form),
	}
}

func parse(t *testing.T, a *adapter, body string) channel.Webhook {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks/shop/key", strings.NewReader(body))
	r.Header = signed(testSecret, "msg_1", testNow, body)
	hook, err := a.ParseWebhook(r, []byte(body), netip.MustParseAddr("127.0.0.1"))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return hook
}

// What is authentic is taken with 202, however little sense it makes, and
// becomes one item that Normalise refuses: it is quarantined and seen.
func TestMalformedButAuthenticIsTaken(t *testing.T) {
	t.Parallel()
	a := setup(t, nil)
	for _, tt := range []struct{ name, body, id, says string }{
		{"not JSON", `{"type":`, "", "not a JSON object"},
		{"no UTF-8", "\xff\xfe", "", "not a JSON object"},
		{"empty", ``, "", "not a JSON object"},
		{"a list", `[]`, "", "not a JSON object"},
		{"null", `null`, "", "not a JSON object"},
		{"unknown event", `{"type":"order.refunded","data":{"id":"7"}}`, "", "type: is not known"},
		{"no type", `{"data":{"id":"7"}}`, "", "type: is not known"},
		{"no data", `{"type":"order.created"}`, "", "data: is missing"},
		{"data is null", `{"type":"order.created","data":null}`, "", "data: is missing"},
		{"data is a list", `{"type":"order.created","data":[1]}`, "", "data: is missing"},
		{"id is an object", `{"type":"order.created","data":{"id":{}}}`, "", "id: want a string or a number"},
		{"no lines", `{"type":"order.created","data":{"id":"7","status":"new"}}`, "7", "lines: is missing"},
		{"other case", `{"type":"order.created","data":{"ID":"8","id":"7","status":"new"}}`, "7", "lines: is missing"},
	} {
		hook := parse(t, a, tt.body)
		if hook.Reply.Status != http.StatusAccepted || hook.DedupeID != "msg_1" || len(hook.Items) != 1 {
			t.Errorf("%s: got %+v", tt.name, hook)
			continue
		}
		it := hook.Items[0]
		if it.ExternalID != tt.id || !json.Valid(it.Body) {
			t.Errorf("%s: got item %q %q", tt.name, it.ExternalID, it.Body)
		}
		if _, err := a.Normalise(it.Kind, it.Body); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.says)
		}
	}
}

func TestErrorReplyTellsNothingOfTheSignature(t *testing.T) {
	t.Parallel()
	a := setup(t, nil)
	var seen string
	for _, reason := range []webhook.Reason{webhook.ReasonHeader, webhook.ReasonTimestamp, webhook.ReasonSignature, webhook.ReasonSecret} {
		reply := a.ErrorReply(&webhook.Refusal{Reason: reason})
		if reply.Status != http.StatusUnauthorized || (seen != "" && seen != string(reply.Body)) {
			t.Errorf("%s: got %d %s", reason, reply.Status, reply.Body)
		}
		seen = string(reply.Body)
	}
	for code, want := range map[orderhub.Code]int{
		orderhub.CodeTooLarge: 413, orderhub.CodeConflict: 409, orderhub.CodeNotFound: 404, orderhub.CodeUnavailable: 503, orderhub.CodeInvalid: 415,
	} {
		if got := a.ErrorReply(orderhub.Errorf(code, "x")).Status; got != want {
			t.Errorf("%s: got %d, want %d", code, got, want)
		}
	}
}
