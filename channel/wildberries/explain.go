package wildberries

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
)

// errorBody holds the four shapes of a failure: the gateway's and the newer
// methods' (title, detail), v3 (code, message, data) and that of prices and
// feedbacks (errorText). One status may come in any of them.
type errorBody struct {
	Title     string          `json:"title"`
	Detail    json.RawMessage `json:"detail"` // text, or an object that says nothing
	Code      json.RawMessage `json:"code"`
	Message   string          `json:"message"`
	Data      json.RawMessage `json:"data"`
	ErrorText string          `json:"errorText"`
	RequestID string          `json:"requestId"`
}

// codeSentences puts the codes that a manager may meet into words.
var codeSentences = map[string]string{
	"StatusMismatch":         "the order is in another status by now",
	"StatusChangeNotAllowed": "the order can no longer be changed: it is finished when it is scanned at the pick-up point",
	"FailedToAddSupplyOrder": "the order does not fit into the supply (other size, warehouse or kind), or it is not new any more",
	"SupplyHasZeroOrders":    "the supply is empty",
	"SupplyShippingRequired": "the supply needs a shipping point before it is handed over: set it in the account's settings (shipping_point_id) or for this supply in the seller's cabinet",
	"MetaValidationFail":     "marking codes are missing or not accepted",
	"ImeiIsNotFilled":        "the IMEI is not filled in",
	"SGTINIsNotFilled":       "the marking code (SGTIN) is not filled in",
	"NotFound":               "Wildberries does not know it",
	"IncorrectRequestBody":   "Wildberries does not understand the request",
	"IncorrectRequest":       "Wildberries does not understand the request",
	"IncorrectParameter":     "Wildberries does not accept a parameter of the request",
	"FulfillmentRequired":    "this shipping point takes only goods of a fulfilment operator",
	"SupplyAlreadyScanned":   "the supply was scanned already, its shipping can no longer be changed",
	"InvalidShippingDt":      "the shipping date is not possible",

	"StoreIsProcessing":          "the warehouse is being changed on Wildberries; it takes stock again in some seconds",
	"WarehouseStocksUpdateBlock": "Wildberries is working on the warehouse and takes no stock at present",
	"StatusNotAcceptable":        "Wildberries has banned the seller and takes no stock",
	"SKUUploadDisabled":          "Wildberries takes stock by chrtId only",
}

// passing are the codes of refusals that end by themselves.
var passing = map[string]bool{"StoreIsProcessing": true, "WarehouseStocksUpdateBlock": true}

// explain reads Wildberries' own words from a failed answer.
func explain(resp *http.Response, body []byte, e *orderhub.BorderError) *orderhub.BorderError {
	b := readErrorBody(body)
	var cause error
	if id := plain(b.RequestID); id != "" {
		cause = errors.New("requestId " + id) // the support asks for it
	}
	needs := categoryMarketplace
	if n := noteOf(resp); n != nil {
		n.refusal = b.Data
		if isList(body) {
			n.refusal = body
		}
		needs = n.category()
	}
	class := e.Class
	if passing[b.code()] {
		class = orderhub.ClassRetry
	}
	out := orderhub.NewBorderError(class, e.Op, b.sentence(resp.StatusCode, needs, e.Sentence), cause)
	out.HTTPStatus, out.Code, out.RetryAfter = e.HTTPStatus, plain(b.code()), e.RetryAfter
	if d := rateHeader(resp.Header); resp.StatusCode == http.StatusTooManyRequests && d > 0 {
		out.RetryAfter = d
	}
	return out
}

// readErrorBody decodes as much as it can; a list (stocks) counts by its first element.
func readErrorBody(body []byte) errorBody {
	var b errorBody
	if isList(body) {
		var list []errorBody
		_ = json.Unmarshal(body, &list) // what could be read is enough
		if len(list) > 0 {
			b = list[0]
		}
		return b
	}
	_ = json.Unmarshal(body, &b) // a page of a proxy is no JSON: the status must do
	return b
}

func isList(body []byte) bool {
	trimmed := bytes.TrimSpace(body)
	return len(trimmed) > 0 && trimmed[0] == '['
}

// code prefers the title: where both exist, code is a trace number or a class.
func (b errorBody) code() string {
	if b.Title != "" {
		return b.Title
	}
	return text(b.Code)
}

var plainWords = regexp.MustCompile(`^[A-Za-z0-9_. -]{1,60}$`)

// plain keeps codes and ids. Anything else that stands in such a field may
// quote what was sent, and only sentences are cleaned by package rest.
func plain(s string) string {
	if plainWords.MatchString(s) {
		return s
	}
	return ""
}

// sentence is the failure in words; category is the one that the call needs.
func (b errorBody) sentence(status int, category, fallback string) string {
	if s, ok := codeSentences[b.code()]; ok {
		return s
	}
	detail := b.Message
	for _, other := range []string{text(b.Detail), b.ErrorText, b.Title} {
		if detail == "" {
			detail = other
		}
	}
	switch status {
	case http.StatusUnauthorized:
		if strings.Contains(detail, "scope") {
			return "the token lacks the category " + category
		}
		return join("the token is not accepted", detail)
	case http.StatusPaymentRequired:
		return join("Wildberries wants to be paid for the calls of this service", detail)
	case http.StatusForbidden:
		return join("the token does not allow this (category missing or read-only)", detail)
	case http.StatusTooManyRequests:
		return join("too many requests", detail)
	}
	if detail == "" {
		return fallback
	}
	return detail
}

func join(what, detail string) string {
	if detail == "" {
		return what
	}
	return what + ": " + detail
}

// text reads a JSON string; anything else is no text.
func text(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s) // not a text: nothing to show
	return s
}

// rateHeader tells how long to wait after a 429: X-Ratelimit-Retry is when the
// next call may pass, X-Ratelimit-Reset when the whole burst is back.
func rateHeader(h http.Header) time.Duration {
	for _, name := range []string{"X-Ratelimit-Retry", "X-Ratelimit-Reset"} {
		if d, err := time.ParseDuration(h.Get(name) + "s"); err == nil && d > 0 {
			return min(d, time.Hour)
		}
	}
	return 0
}
