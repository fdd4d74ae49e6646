package ozonsim

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// apiError is a refusal: an HTTP status and the rpcStatus body that every method
// of the document answers with.
type apiError struct {
	status int
	// code is a gRPC code: 3 bad request, 5 not found, 7 no access, 8 too many,
	// 9 not in this state, 13 internal, 16 no credentials.
	code    int
	message string
}

func invalid(format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, 3, "Request validation error: " + fmt.Sprintf(format, args...)}
}

// refused is a refusal of the posting's state, named by its code.
func refused(word string) *apiError { return &apiError{http.StatusBadRequest, 9, word} }

// Refusals with the document's words (section "Errors").
var (
	errNotFound       = &apiError{http.StatusNotFound, 5, "POSTING_NOT_FOUND"}
	errShipped        = refused("POSTING_ALREADY_SHIPPED")
	errCancelled      = refused("POSTING_ALREADY_CANCELLED")
	errStatus         = refused("HAS_INCORRECT_STATUS")
	errTransition     = refused("TRANSITION_IS_NOT_POSSIBLE")
	errTPL            = refused("HAS_INCORRECT_TPL_INTEGRATION_TYPE")
	errQuantity       = &apiError{http.StatusBadRequest, 3, "HAS_INCORRECT_PRODUCT_QUANTITY"}
	errUnknownProduct = &apiError{http.StatusBadRequest, 3, "UNKNOWN_PRODUCT_DEFINED"}
	errCancelReason   = &apiError{http.StatusBadRequest, 3, "HAS_INCORRECT_CANCEL_REASON"}
	errPeriod         = &apiError{http.StatusBadRequest, 3, "PERIOD_IS_TOO_LONG"}
	errDateMismatch   = &apiError{http.StatusBadRequest, 3, "the mismatch between cutoff & delivery date: either filter.cutoff or filter.delivering_date must be specified"}
	errObsolete       = refused("obsolete method cannot be used")
	errNoMethod       = &apiError{http.StatusNotFound, 5, "method is not allowed"}
	errNoCredentials  = &apiError{http.StatusUnauthorized, 16, "Client-Id and Api-Key headers are required"}
	errClientID       = &apiError{http.StatusBadRequest, 3, "Client-Id header value should be positive integer"}
	errKey            = &apiError{http.StatusNotFound, 5, "Invalid Api-Key, please check the key and try again"}
	errKeyDeactivated = &apiError{http.StatusForbidden, 7, "Api-key is deactivated, use another one or generate a new one"}
	errKeyRole        = &apiError{http.StatusForbidden, 7, "Api-Key is missing a required role for a method"}
	errKeyIP          = &apiError{http.StatusForbidden, 7, "Api-Key is restricted to specific IP addresses"}
	errRateLimit      = &apiError{http.StatusTooManyRequests, 8, "You have reached request rate limit per second"}
	errInternal       = &apiError{http.StatusInternalServerError, 13, "Internal error"}
	errCircle         = &apiError{http.StatusServiceUnavailable, 14, "Circle is open"}
)

// internalErrorOfRow fails one row inside a 200 answer.
const internalErrorOfRow = "Internal error"

type rpcStatus struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Details []any  `json:"details"`
}

func (e *apiError) write(w http.ResponseWriter) {
	writeJSON(w, e.status, rpcStatus{e.code, e.message, []any{}})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		status, raw = http.StatusInternalServerError, []byte(`{"code":13,"message":"Internal error","details":[]}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(raw)
}

// writeTooMany answers 429; Ozon tells whole seconds.
func writeTooMany(w http.ResponseWriter, retry time.Duration) {
	w.Header().Set("Ratelimit-Remaining", "0")
	w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(retry.Seconds())))))
	errRateLimit.write(w)
}

func writeRateLimited(w http.ResponseWriter, _ *http.Request) { writeTooMany(w, time.Second) }

// writeServerError takes turns: Ozon's own error, its circuit breaker, and a
// proxy in front of it whose answer is not even JSON.
func (m *Market) writeServerError(w http.ResponseWriter, _ *http.Request) {
	switch m.failures.Add(1) % 3 {
	case 1:
		errInternal.write(w)
	case 2:
		errCircle.write(w)
	default:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte("<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"))
	}
}
