package wildberries

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// tokenInfo is what a token tells of itself. Nothing of it can be trusted (the
// signature is Wildberries' to check); it only explains things to people.
type tokenInfo struct {
	Type    int    `json:"acc"` // 1 basic, 2 test, 3 personal, 4 service
	Mask    int64  `json:"s"`   // categories, see tokenCategories
	Expires int64  `json:"exp"` // Unix seconds
	Seller  string `json:"sid"` // seller's UUID
	Test    bool   `json:"t"`
}

// Bits of tokenInfo.Mask, counted from 0.
const (
	bitContent     = 1
	bitAnalytics   = 2
	bitMarketplace = 4
	bitReturns     = 11
	bitReadOnly    = 30
)

// The categories that the adapter needs.
const (
	categoryMarketplace = "Marketplace"
	categoryContent     = "Content"
	categoryReturns     = "Returns"
	categoryAnalytics   = "Analytics"
)

// tokenCategories names the bits of the mask (general: token structure).
var tokenCategories = []struct {
	bit  uint
	name string
}{
	{bitContent, categoryContent}, {bitAnalytics, categoryAnalytics}, {3, "Prices"}, {bitMarketplace, categoryMarketplace}, {5, "Statistics"}, {6, "Promotion"},
	{7, "Feedbacks"}, {9, "Chat"}, {10, "Supplies"}, {bitReturns, categoryReturns}, {12, "Documents"}, {13, "Finance"}, {16, "Users"},
}

var errNotJWT = errors.New("not a JSON web token")

// decodeToken reads the payload of the token. The error never quotes the token.
func decodeToken(token string) (tokenInfo, error) {
	var t tokenInfo
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return t, errNotJWT
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return t, errNotJWT
	}
	if err := json.Unmarshal(payload, &t); err != nil {
		return tokenInfo{}, errNotJWT
	}
	return t, nil
}

func (t tokenInfo) has(bit uint) bool { return t.Mask&(1<<bit) != 0 }

func (t tokenInfo) isTest() bool { return t.Test || t.Type == 2 }

func (t tokenInfo) readOnly() bool { return t.has(bitReadOnly) }

// expiresAt is zero when the token does not tell.
func (t tokenInfo) expiresAt() time.Time {
	if t.Expires <= 0 {
		return time.Time{}
	}
	return time.Unix(t.Expires, 0).UTC()
}

// typeName gives the type for people.
func (t tokenInfo) typeName() string {
	switch {
	case t.isTest():
		return "test token"
	case t.Type == 1:
		return "basic token"
	case t.Type == 3:
		return "personal token"
	case t.Type == 4:
		return "service token"
	default:
		return ""
	}
}

// can lists the type, the categories and the right to write.
func (t tokenInfo) can() []string {
	var out []string
	if name := t.typeName(); name != "" {
		out = append(out, name)
	}
	for _, c := range tokenCategories {
		if t.has(c.bit) {
			out = append(out, c.name)
		}
	}
	if t.readOnly() {
		out = append(out, "read only")
	}
	return out
}

// warnings says what is wrong with the token, in plain words.
func (t tokenInfo) warnings(now time.Time, customHost bool) []string {
	var out []string
	if t.Mask != 0 && !t.has(bitMarketplace) {
		out = append(out, "the token lacks the category Marketplace: orders cannot be read; make a new token, categories cannot be changed")
	}
	if t.Mask != 0 && !t.has(bitContent) {
		out = append(out, "the token lacks the category Content: the catalogue cannot be read; make a new token, categories cannot be changed")
	}
	if t.readOnly() {
		out = append(out, "the token is read-only: orders arrive, but neither statuses nor stock can be sent to Wildberries")
	}
	switch {
	case t.isTest() && !customHost:
		out = append(out, "this is a test token: it works only in the sandbox")
	case t.Type == 1:
		out = append(out, "this is a basic token: its limits are a small part of those of a personal token, expect pauses; a hub on the seller's own server may use a personal one")
	}
	if end := t.expiresAt(); !end.IsZero() {
		switch left := end.Sub(now); {
		case left <= 0:
			out = append(out, "the token expired on "+end.Format(time.DateOnly)+"; make a new one in the seller's cabinet")
		case left <= 24*time.Hour:
			out = append(out, "the token expires within a day; make a new one in the seller's cabinet")
		case left <= 14*24*time.Hour:
			out = append(out, fmt.Sprintf("the token expires in %d days; make a new one in the seller's cabinet", int(left.Hours()/24)))
		}
	}
	return out
}

// Check tries the token: what it says of itself, one GET /ping, the seller's
// warehouses and, for the seller's name, one GET /api/v1/seller-info. The latter is only a courtesy
// (one a minute, for a basic token one a day): its failure is not reported.
func (a *adapter) Check(ctx context.Context) (channel.CheckResult, error) {
	res := channel.CheckResult{Name: a.token.Seller, Expires: a.token.expiresAt(), Can: a.token.can()}
	if a.tokenErr != nil {
		res.Warnings = append(res.Warnings, "the token has not the usual form, so its type, categories and end cannot be shown")
	}
	res.Warnings = append(res.Warnings, a.token.warnings(a.now(), a.custom)...)
	res.Warnings = append(res.Warnings, a.returnWarnings()...)
	if end := res.Expires; !end.IsZero() && !a.now().Before(end) {
		return res, orderhub.NewBorderError(orderhub.ClassAuth, "wildberries: check the token",
			"the token expired on "+end.Format(time.DateOnly), nil)
	}
	if err := a.c.ping(ctx); err != nil {
		return res, err
	}
	res.Warnings = append(res.Warnings, a.warehouseWarnings(ctx)...)
	if a.token.Type == 1 {
		return res, nil
	}
	if info, err := a.c.sellerInfo(ctx); err == nil {
		switch {
		case info.TradeMark != "":
			res.Name = info.TradeMark
		case info.Name != "":
			res.Name = info.Name
		}
	}
	return res, nil
}
