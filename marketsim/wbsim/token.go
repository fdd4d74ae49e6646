package wbsim

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// sellerID is the sid of the simulated seller.
const sellerID = "5d1f0c3e-8a41-4b6e-9f6d-2f0b3c7a9e10"

// Token types (field acc) and categories (bits of field s), as the chapter
// "Authorization" of the API introduction lists them.
const (
	tokenTest     = 2
	tokenPersonal = 3

	scopeContent     int64 = 1 << 1
	scopeAnalytics   int64 = 1 << 2
	scopeMarketplace int64 = 1 << 4
	scopeReturns     int64 = 1 << 11
	scopeReadOnly    int64 = 1 << 30
)

// Claims is the readable part of a seller's token.
type Claims struct {
	// Type: 1 basic, 2 test, 3 personal, 4 service.
	Type int
	// Scopes is the bit mask of categories: bit 1 Content, bit 2 Analytics, bit 4
	// Marketplace, bit 11 Returns, bit 30 read only.
	Scopes  int64
	Expires time.Time
}

type claimsWire struct {
	Acc int    `json:"acc"`
	Exp int64  `json:"exp"`
	For string `json:"for,omitempty"`
	ID  string `json:"id"`
	S   int64  `json:"s"`
	Sid string `json:"sid"`
	T   bool   `json:"t"`
}

// NewToken makes a token as the seller's cabinet would: three parts, of which
// the middle one can be read. The signature is a dummy, nobody outside
// Wildberries can check the real one either.
func NewToken(c Claims) string {
	payload, _ := json.Marshal(claimsWire{
		Acc: c.Type, Exp: c.Expires.Unix(), For: "self", ID: "0f9c1d6e-41f7-4f0e-9f43-6d9f1a8b7c55",
		S: c.Scopes, Sid: sellerID, T: c.Type == tokenTest,
	})
	enc := base64.RawURLEncoding
	return enc.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + enc.EncodeToString(payload) + "." + enc.EncodeToString([]byte("simulated"))
}

// authorize checks a request as the gateway does; nil lets it pass.
func (m *Market) authorize(r *http.Request, rt route) *reply {
	token := strings.TrimSpace(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	if token == "" {
		return m.gatewayError(rt, http.StatusUnauthorized, "unauthorized", "empty Authorization header")
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return m.gatewayError(rt, http.StatusUnauthorized, "unauthorized", "token problem; token is malformed: token contains an invalid number of segments")
	}
	var c claimsWire
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return m.gatewayError(rt, http.StatusUnauthorized, "unauthorized", "token problem; token is malformed: could not decode claims")
	}
	switch {
	case c.Sid != sellerID:
		return m.gatewayError(rt, http.StatusUnauthorized, "unauthorized", "token problem; token signature is invalid")
	case m.now().Unix() >= c.Exp:
		return m.gatewayError(rt, http.StatusUnauthorized, "unauthorized", "token problem; token is expired")
	case c.T:
		return m.gatewayError(rt, http.StatusUnauthorized, "unauthorized", "token problem; test token is for the sandbox only")
	case rt.scope == scopeContent && c.S&rt.scope == 0:
		return contentError(http.StatusForbidden, "Access denied")
	case rt.scope != 0 && c.S&rt.scope == 0:
		return m.gatewayError(rt, http.StatusForbidden, "forbidden", "token scope not allowed")
	case rt.write && c.S&scopeReadOnly != 0:
		return m.gatewayError(rt, http.StatusForbidden, "forbidden", "read-only token is not allowed for this path")
	}
	return nil
}
