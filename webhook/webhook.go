// Package webhook signs and verifies messages by the Standard Webhooks
// specification 1.0.0 (scheme v1, HMAC-SHA256): what a site sends to the hub and
// what the hub sends to a site; and it keeps what is sent out of the hub's own
// network. It makes no calls, and never looks into a body.
//
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a message.
const (
	HeaderID        = "Webhook-Id"        // of the event, unchanged on repeats
	HeaderTimestamp = "Webhook-Timestamp" // of the attempt, Unix seconds
	HeaderSignature = "Webhook-Signature" // space-separated "v1,<base64>"
)

// Tolerance is how far the timestamp of a message may be from the receiver's
// clock, either way.
const Tolerance = 5 * time.Minute

const (
	secretPrefix = "whsec_"
	version      = "v1,"
	// maxID and maxSignatures keep a stranger from making the hub work.
	maxID         = 256
	maxSignatures = 16
)

// Reason says why a message was refused, for counters. The sender is never told.
type Reason string

// The reasons of a refusal.
const (
	ReasonHeader    Reason = "header"    // a header is missing or malformed
	ReasonTimestamp Reason = "timestamp" // older or newer than Tolerance
	ReasonSignature Reason = "signature" // no signature fits any secret
	ReasonSecret    Reason = "secret"    // the receiver has no usable secret
)

// Refusal is the error of Verify. Its text is the same for every reason, so that
// a stranger cannot feel his way.
type Refusal struct{ Reason Reason }

func (e *Refusal) Error() string { return "the message is not signed as it must be" }

// Key is a decoded secret.
type Key []byte

// ParseSecret reads a secret: 24 to 64 bytes in base64, with or without the
// prefix whsec_. The error does not quote it.
func ParseSecret(secret string) (Key, error) {
	text := strings.TrimPrefix(strings.TrimSpace(secret), secretPrefix)
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		raw, err = base64.RawStdEncoding.DecodeString(text)
	}
	if err != nil {
		return nil, errors.New("the secret is not base64; it looks like whsec_ and then 32 to 88 letters and digits")
	}
	if len(raw) < 24 || len(raw) > 64 {
		return nil, fmt.Errorf("the secret has %d bytes; allowed: 24 to 64", len(raw))
	}
	return raw, nil
}

// NewSecret makes a random secret of 32 bytes in its written form.
func NewSecret() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails: it ends the program instead
	return secretPrefix + base64.StdEncoding.EncodeToString(raw)
}

// Sign writes the three headers of a message into h. at is the time of this
// attempt. An id that could make the signed text ambiguous is refused. During a
// rotation the older keys sign too, and the receiver may know either.
func Sign(h http.Header, key Key, id string, at time.Time, body []byte, older ...Key) error {
	if err := checkID(id); err != nil {
		return err
	}
	stamp := strconv.FormatInt(at.Unix(), 10)
	signatures := version + base64.StdEncoding.EncodeToString(mac(key, id, stamp, body))
	for _, k := range older {
		signatures += " " + version + base64.StdEncoding.EncodeToString(mac(k, id, stamp, body))
	}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, stamp)
	h.Set(HeaderSignature, signatures)
	return nil
}

// Verify checks the headers of a message against the raw body and returns its
// id. Any of the keys may fit: during a rotation there are two. The error is
// always a *Refusal.
func Verify(h http.Header, body []byte, now time.Time, keys ...Key) (id string, err error) {
	if len(keys) == 0 {
		return "", &Refusal{ReasonSecret}
	}
	id, stamp, signatures := h.Get(HeaderID), h.Get(HeaderTimestamp), h.Get(HeaderSignature)
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || signatures == "" || checkID(id) != nil || strconv.FormatInt(seconds, 10) != stamp {
		return "", &Refusal{ReasonHeader}
	}
	// In seconds: a time.Duration would overflow on a wild timestamp.
	limit := int64(Tolerance / time.Second)
	if at := now.Unix(); seconds < at-limit || seconds > at+limit {
		return "", &Refusal{ReasonTimestamp}
	}
	if !anyFits(signatures, keys, id, stamp, body) {
		return "", &Refusal{ReasonSignature}
	}
	return id, nil
}

// anyFits compares every signature with every key in constant time. Versions
// other than v1 are passed over, as the specification asks.
func anyFits(signatures string, keys []Key, id, stamp string, body []byte) bool {
	list := strings.Fields(signatures)
	if len(list) > maxSignatures {
		return false
	}
	fits := false
	for _, key := range keys {
		want := mac(key, id, stamp, body)
		for _, s := range list {
			text, ok := strings.CutPrefix(s, version)
			if !ok {
				continue
			}
			got, err := base64.StdEncoding.DecodeString(text)
			if err == nil && hmac.Equal(got, want) {
				fits = true
			}
		}
	}
	return fits
}

// checkID refuses ids with a dot, which separates the parts of the signed text,
// and anything that is not plain printable ASCII.
func checkID(id string) error {
	if id == "" || len(id) > maxID {
		return fmt.Errorf("webhook id: want 1 to %d characters", maxID)
	}
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' || c == '.' {
			return errors.New("webhook id: want printable ASCII without dots and blanks")
		}
	}
	return nil
}

func mac(key Key, id, stamp string, body []byte) []byte {
	m := hmac.New(sha256.New, key)
	for _, part := range [][]byte{[]byte(id), []byte("."), []byte(stamp), []byte("."), body} {
		_, _ = m.Write(part)
	}
	return m.Sum(nil)
}
