package channeltest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub/channel"
)

// checkWebhooks: every message gives what its golden says, refusals tell
// nothing inside, and no body whatever brings the parser down.
func checkWebhooks(t testing.TB, s *Suite) {
	b := s.canned(t, http.NotFoundHandler())
	parser, ok := b.open().(channel.WebhookParser)
	if !ok {
		if len(s.Webhooks) > 0 {
			t.Errorf("Suite.Webhooks has cases and the adapter is no WebhookParser")
		}
		return
	}
	accepted, refused := false, false
	for _, c := range s.Webhooks {
		s.webhookCase(t, c)
		accepted, refused = accepted || !c.Refused, refused || c.Refused
	}
	if !accepted || !refused {
		t.Errorf("Suite.Webhooks needs a case that is taken and one that is refused")
	}
	secret := errors.New("inner cause: " + strings.Join(append(b.secrets, s.BuyerWords...), " "))
	if r := parser.ErrorReply(secret); r.Status < 400 || r.Status > 599 {
		t.Errorf("ErrorReply of an inner error: status %d, want 4xx or 5xx", r.Status)
	} else {
		b.clean("ErrorReply of an inner error", string(r.Body))
	}
}

func (s *Suite) webhookBench(t testing.TB, c WebhookCase) (*bench, channel.WebhookParser, channel.Adapter) {
	t.Helper()
	b := s.canned(t, http.NotFoundHandler())
	for k, v := range c.Settings {
		b.settings[k] = v
	}
	if !c.Now.IsZero() {
		b.now = func() time.Time { return c.Now }
	}
	ad := b.open()
	parser, ok := ad.(channel.WebhookParser)
	if !ok {
		t.Fatalf("the adapter is a WebhookParser with some settings only")
	}
	return b, parser, ad
}

func (s *Suite) webhookCase(t testing.TB, c WebhookCase) {
	t.Helper()
	b, parser, ad := s.webhookBench(t, c)
	first, err := b.parse(parser, s, c, []byte(c.Body))
	second, _ := b.parse(parser, s, c, []byte(c.Body))
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("webhook %s twice (-first +second):\n%s", c.Name, diff)
	}
	reply := first.Reply
	if (err != nil) != c.Refused {
		t.Errorf("webhook %s: error %v, want refused: %v", c.Name, err, c.Refused)
		return
	}
	if err != nil {
		reply = parser.ErrorReply(err)
		if reply.Status < 400 {
			t.Errorf("webhook %s: refused with HTTP status %d", c.Name, reply.Status)
		}
	}
	b.clean("the reply to webhook "+c.Name, string(reply.Body))
	for _, it := range first.Items {
		b.normalise(ad, it)
	}
	Golden(t, filepath.Join(s.fixtures(), "webhook", c.Name+".golden"), webhookText(first, reply, err))
	// Damaged bodies: any answer will do but a panic.
	for _, body := range []string{"", "null", "[]", "0", `"x"`, "{", strings.Repeat("[", 20000), c.Body[:len(c.Body)/2], "\xff\xfe"} {
		if hook, err := b.parse(parser, s, c, []byte(body)); err == nil && len(hook.Items) > 0 && !json.Valid([]byte(body)) {
			t.Errorf("webhook %s: a body that is not JSON gives items", c.Name)
		}
	}
}

func (b *bench) parse(parser channel.WebhookParser, s *Suite, c WebhookCase, body []byte) (hook channel.Webhook, err error) {
	b.t.Helper()
	method, path, remote := c.Method, c.Path, c.Remote
	if method == "" {
		method = http.MethodPost
	}
	if path == "" {
		path = "/hook"
	}
	if !remote.IsValid() {
		remote = netip.MustParseAddr("127.0.0.1")
		if ips := s.Channel.Descriptor.WebhookIPs; len(ips) > 0 {
			remote = netip.MustParsePrefix(ips[0]).Addr()
		}
	}
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	r.RemoteAddr = netip.AddrPortFrom(remote, 40000).String()
	for k, v := range c.Header {
		r.Header[http.CanonicalHeaderKey(k)] = v
	}
	err = b.call("webhook "+c.Name, func(context.Context) (err error) {
		hook, err = parser.ParseWebhook(r, body, remote)
		return err
	})
	return hook, err
}

func webhookText(hook channel.Webhook, reply channel.Reply, err error) []byte {
	var out bytes.Buffer
	if err != nil {
		fmt.Fprintf(&out, "refused: %v\n", err)
	}
	fmt.Fprintf(&out, "dedupe id: %s\n", hook.DedupeID)
	for _, h := range hook.Hints {
		fmt.Fprintf(&out, "hint: %s\n", h)
	}
	for _, it := range hook.Items {
		fmt.Fprintf(&out, "item: %s %s\n", it.Kind, it.ExternalID)
		_ = json.Indent(&out, it.Body, "", "  ")
		out.WriteByte('\n')
	}
	fmt.Fprintf(&out, "reply: %d %s\n%s\n", reply.Status, reply.ContentType, reply.Body)
	return out.Bytes()
}
