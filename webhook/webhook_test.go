package webhook

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The test vector of the specification.
const (
	vectorSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID     = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorBody   = `{"test": 2432232314}`
	vectorSign   = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

var vectorAt = time.Unix(1614265330, 0)

func key(t *testing.T, secret string) Key {
	t.Helper()
	k, err := ParseSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSignMatchesTheTestVector(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	if err := Sign(h, key(t, vectorSecret), vectorID, vectorAt, []byte(vectorBody)); err != nil {
		t.Fatal(err)
	}
	if got := h.Get("webhook-signature"); got != vectorSign {
		t.Errorf("signature: got %s, want %s", got, vectorSign)
	}
	if got := h.Get("webhook-timestamp"); got != "1614265330" {
		t.Errorf("timestamp: got %s", got)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	other := key(t, NewSecret())
	own := key(t, vectorSecret)
	head := func(id, stamp, signature string) http.Header {
		h := http.Header{}
		h.Set("webhook-id", id)
		h.Set("webhook-timestamp", stamp)
		h.Set("webhook-signature", signature)
		return h
	}
	right := head(vectorID, "1614265330", vectorSign)
	dotted := http.Header{}
	if err := Sign(dotted, own, "a-b", vectorAt, []byte(vectorBody)); err != nil {
		t.Fatal(err)
	}
	dotted.Set(HeaderID, "a.b")
	tests := []struct {
		name   string
		header http.Header
		body   string
		now    time.Time
		keys   []Key
		want   Reason // "" = passes
	}{
		{"right", right, vectorBody, vectorAt, []Key{own}, ""},
		{"second key during a rotation", right, vectorBody, vectorAt, []Key{other, own}, ""},
		{"several signatures", head(vectorID, "1614265330", "v1a,AAAA v1,AAAA "+vectorSign), vectorBody, vectorAt, []Key{own}, ""},
		{"five minutes old", right, vectorBody, vectorAt.Add(Tolerance), []Key{own}, ""},
		{"five minutes early", right, vectorBody, vectorAt.Add(-Tolerance), []Key{own}, ""},
		{"too old", right, vectorBody, vectorAt.Add(Tolerance + time.Second), []Key{own}, ReasonTimestamp},
		{"too early", right, vectorBody, vectorAt.Add(-Tolerance - time.Second), []Key{own}, ReasonTimestamp},
		{"wild timestamp", head(vectorID, "9223372036854775807", vectorSign), vectorBody, vectorAt, []Key{own}, ReasonTimestamp},
		{"other key", right, vectorBody, vectorAt, []Key{other}, ReasonSignature},
		{"no key", right, vectorBody, vectorAt, nil, ReasonSecret},
		{"changed body", right, vectorBody + " ", vectorAt, []Key{own}, ReasonSignature},
		{"changed id", head("msg_2", "1614265330", vectorSign), vectorBody, vectorAt, []Key{own}, ReasonSignature},
		{"changed timestamp", head(vectorID, "1614265331", vectorSign), vectorBody, vectorAt, []Key{own}, ReasonSignature},
		{"id with a dot", dotted, vectorBody, vectorAt, []Key{own}, ReasonHeader},
		{"no id", head("", "1614265330", vectorSign), vectorBody, vectorAt, []Key{own}, ReasonHeader},
		{"long id", head(strings.Repeat("x", 300), "1614265330", vectorSign), vectorBody, vectorAt, []Key{own}, ReasonHeader},
		{"timestamp with a sign", head(vectorID, "+1614265330", vectorSign), vectorBody, vectorAt, []Key{own}, ReasonHeader},
		{"timestamp is a date", head(vectorID, "2021-02-25T15:02:10Z", vectorSign), vectorBody, vectorAt, []Key{own}, ReasonHeader},
		{"no signature", head(vectorID, "1614265330", ""), vectorBody, vectorAt, []Key{own}, ReasonHeader},
		{"only another version", head(vectorID, "1614265330", strings.Replace(vectorSign, "v1", "v2", 1)), vectorBody, vectorAt, []Key{own}, ReasonSignature},
		{"not base64", head(vectorID, "1614265330", "v1,###"), vectorBody, vectorAt, []Key{own}, ReasonSignature},
		{"a hundred signatures", head(vectorID, "1614265330", strings.Repeat("v1,AAAA ", 100)+vectorSign), vectorBody, vectorAt, []Key{own}, ReasonSignature},
	}
	texts := map[string]bool{}
	for _, tt := range tests {
		id, err := Verify(tt.header, []byte(tt.body), tt.now, tt.keys...)
		if tt.want == "" {
			if err != nil || id != vectorID {
				t.Errorf("%s: got id %q, error %v", tt.name, id, err)
			}
			continue
		}
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Reason != tt.want {
			t.Errorf("%s: got %v (%#v), want reason %s", tt.name, err, refusal, tt.want)
			continue
		}
		texts[err.Error()] = true
	}
	if len(texts) != 1 {
		t.Errorf("the refusals have different texts: %v", texts)
	}
}

func TestParseSecret(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, secret string
		ok           bool
	}{
		{"vector", vectorSecret, true},
		{"without prefix", strings.TrimPrefix(vectorSecret, "whsec_"), true},
		{"without padding", "whsec_" + base64.RawStdEncoding.EncodeToString(make([]byte, 25)), true},
		{"new", NewSecret(), true},
		{"empty", "", false},
		{"short", "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 23)), false},
		{"long", "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65)), false},
		{"words", "whsec_my secret is a secret, it has to be", false},
	} {
		_, err := ParseSecret(tt.secret)
		if (err == nil) != tt.ok {
			t.Errorf("%s: got error %v, want ok %v", tt.name, err, tt.ok)
		}
		if err != nil && len(tt.secret) > 8 && strings.Contains(err.Error(), tt.secret[6:]) {
			t.Errorf("%s: the error quotes the secret", tt.name)
		}
	}
}

func TestSignRefusesAnAmbiguousID(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "a.b", "a b", "ä", "a\nb", strings.Repeat("x", 257)} {
		if err := Sign(http.Header{}, key(t, vectorSecret), id, vectorAt, nil); err == nil {
			t.Errorf("id %q was signed", id)
		}
	}
}

func TestWhatIsSignedVerifies(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k := Key(rapid.SliceOfN(rapid.Byte(), 24, 64).Draw(t, "key"))
		id := rapid.StringMatching(`[!-\-/-~]{1,40}`).Draw(t, "id")
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		at := time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "at"), 0)
		h := http.Header{}
		if err := Sign(h, k, id, at, body); err != nil {
			t.Fatal(err)
		}
		if got, err := Verify(h, body, at, k); err != nil || got != id {
			t.Fatalf("got %q, %v", got, err)
		}
		if _, err := Verify(h, append(body, 'x'), at, k); err == nil {
			t.Fatal("another body passes")
		}
	})
}
