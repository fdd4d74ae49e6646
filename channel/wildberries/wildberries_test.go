package wildberries

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

func freeQuotas() channel.Quotas { return rest.NewBuckets(nil) }

// serve starts a server with one handler per "METHOD /path".
func serve(t *testing.T, routes map[string]http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	for pattern, h := range routes {
		mux.HandleFunc(pattern, h)
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestErrorShapes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		status   int
		body     string
		class    orderhub.Class
		code     string
		sentence string
	}{
		{"gateway", 401, `{"title":"unauthorized","detail":"token problem; token is malformed","code":"07e4-[UK]","requestId":"7b80","origin":"s2s-api-auth-catalog","status":401}`,
			orderhub.ClassAuth, "unauthorized", "the token is not accepted: token problem; token is malformed"},
		{"gateway, wrong category", 401, `{"title":"unauthorized","detail":"token scope not allowed","status":401}`,
			orderhub.ClassAuth, "unauthorized", "the token lacks the category Marketplace"},
		{"payment", 402, `{"title":"payment required","detail":"insufficient funds"}`,
			orderhub.ClassAuth, "payment required", "Wildberries wants to be paid for the calls of this service: insufficient funds"},
		{"v3", 409, `{"code":"StatusMismatch","message":"Несоответствие статусов","data":{}}`,
			orderhub.ClassRejected, "StatusMismatch", "the order is in another status by now"},
		{"v3, code without words of ours", 409, `{"code":"Fresh","message":"что-то новое","data":null}`,
			orderhub.ClassRejected, "Fresh", "что-то новое"},
		{"v3, a list", 409, `[{"code":"NotFound","message":"нет такого","data":[{"chrtId":1,"amount":5}]}]`,
			orderhub.ClassRejected, "NotFound", "Wildberries does not know it"},
		{"newer", 400, `{"title":"IncorrectParameter","detail":"Incorrect parameter","code":"BadRequest","errors":[],"origin":"marketplace-public-api","requestId":"a0b5","status":400}`,
			orderhub.ClassRejected, "IncorrectParameter", "Wildberries does not accept a parameter of the request"},
		{"newer, detail is an object", 400, `{"title":"Odd","detail":{},"origin":"dbs-public-api","requestId":"f178"}`,
			orderhub.ClassRejected, "Odd", "Odd"},
		{"prices", 400, `{"data":null,"error":true,"errorText":"Неверный запрос"}`, orderhub.ClassRejected, "", "Неверный запрос"},
		{"a proxy", 502, `<html>Bad Gateway</html>`, orderhub.ClassRetry, "", "Bad Gateway"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := testAdapter(t, serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				w.Write([]byte(tt.body))
			}}), nil)
			_, err := a.List(t.Context(), feedFBSNew, nil)
			var be *orderhub.BorderError
			if !errors.As(err, &be) {
				t.Fatalf("got %v, want a border error", err)
			}
			if be.Class != tt.class || be.Code != tt.code || be.Sentence != tt.sentence || be.HTTPStatus != tt.status {
				t.Errorf("got %s %q %q (HTTP %d)", be.Class, be.Code, be.Sentence, be.HTTPStatus)
			}
		})
	}
}

func TestRateLimitHeaders(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"retry":         {http.Header{"X-Ratelimit-Retry": {"7"}, "X-Ratelimit-Reset": {"40"}}, 7 * time.Second},
		"only reset":    {http.Header{"X-Ratelimit-Reset": {"40"}}, 40 * time.Second},
		"standard only": {http.Header{"Retry-After": {"3"}}, 3 * time.Second},
		"too long":      {http.Header{"X-Ratelimit-Retry": {"86400"}}, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			quotas := rest.NewBuckets(descriptor.Limits)
			url := serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range tt.header {
					w.Header()[k] = v
				}
				w.WriteHeader(http.StatusTooManyRequests)
				w.Write([]byte(gatewayBody))
			}})
			ad, err := Channel.Open(channel.Settings{channel.SettingBaseURL: url, settingToken: "t"}, channel.Deps{Quotas: quotas})
			if err != nil {
				t.Fatal(err)
			}
			_, err = ad.(*adapter).List(t.Context(), feedDBSNew, nil)
			var be *orderhub.BorderError
			if !errors.As(err, &be) || be.Class != orderhub.ClassRateLimited || be.RetryAfter != tt.want {
				t.Errorf("got %v, want rate limited for %s", err, tt.want)
			}
			left := quotas.Left()
			if left[groupDBS] != 0 || left[groupOrders] != 20 {
				t.Errorf("left %v, want the group dbs paused and the others not", left)
			}
		})
	}
}

// TestQuotaCost: a 4XX costs ten requests, and Remaining tells of other programs.
func TestQuotaCost(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status    int
		remaining string
		most      int // what may be left of 20
	}{
		"good answer":            {200, "", 19},
		"4XX":                    {409, "", 10},
		"others spend the quota": {200, "4", 4},
		"4XX and others":         {400, "2", 2},
		"5XX costs one":          {500, "", 19},
		"nonsense in the header": {200, "many", 19},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			quotas := &ledger{left: map[string]int{groupOrders: 20}}
			url := serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) {
				if tt.remaining != "" {
					w.Header().Set("X-Ratelimit-Remaining", tt.remaining)
				}
				w.WriteHeader(tt.status)
				w.Write([]byte(`{"orders":[]}`))
			}})
			ad, err := Channel.Open(channel.Settings{channel.SettingBaseURL: url, settingToken: "t"}, channel.Deps{Quotas: quotas})
			if err != nil {
				t.Fatal(err)
			}
			_, _ = ad.(*adapter).List(t.Context(), feedFBSNew, nil)
			if got := ad.(*adapter).QuotaLeft()[groupOrders]; got != tt.most {
				t.Errorf("%d calls left, want %d", got, tt.most)
			}
		})
	}
}

func TestPairs(t *testing.T) {
	t.Parallel()
	const fbs, dbs = orderhub.SchemeFBS, orderhub.SchemeDBS
	tests := []struct {
		scheme    orderhub.Scheme
		word, sub string
		want      orderhub.Status
		by        orderhub.CancelParty
		after     bool
		drift     int
	}{
		{fbs, "new", "waiting", orderhub.StatusNew, "", false, 0},
		{fbs, "confirm", "waiting", orderhub.StatusConfirmed, "", false, 0},
		{fbs, "complete", "waiting", orderhub.StatusShipped, "", false, 0},
		{fbs, "complete", "sorted", orderhub.StatusShipped, "", false, 0},
		{fbs, "complete", "ready_for_pickup", orderhub.StatusReadyForPickup, "", false, 0},
		{fbs, "complete", "sold", orderhub.StatusDelivered, "", false, 0},
		// An end of wbStatus wins over any supplierStatus, also one that we do not know.
		{fbs, "new", "sold", orderhub.StatusDelivered, "", false, 0},
		{fbs, "cancel", "sold", orderhub.StatusDelivered, "", false, 0},
		{fbs, "zz", "sold", orderhub.StatusDelivered, "", false, 1},
		{fbs, "zz", "declined_by_client", orderhub.StatusCancelled, orderhub.CancelByBuyer, false, 1},
		{dbs, "", "canceled", orderhub.StatusCancelled, "", false, 1},
		// A word of the other scheme is not known here.
		{fbs, "deliver", "waiting", orderhub.StatusUnknown, "", false, 1},
		{fbs, "new", "declined_by_client", orderhub.StatusCancelled, orderhub.CancelByBuyer, false, 0},
		{fbs, "confirm", "canceled", orderhub.StatusCancelled, "", false, 0},
		{fbs, "complete", "canceled", orderhub.StatusCancelled, "", true, 0},
		{fbs, "cancel", "canceled", orderhub.StatusCancelled, orderhub.CancelBySeller, false, 0},
		{fbs, "complete", "canceled_by_client", orderhub.StatusCancelled, orderhub.CancelByBuyer, true, 0},
		{fbs, "confirm", "defect", orderhub.StatusCancelled, orderhub.CancelByChannel, true, 0},
		// Then an end of supplierStatus, whatever wbStatus says.
		{fbs, "cancel", "waiting", orderhub.StatusCancelled, orderhub.CancelBySeller, false, 0},
		{fbs, "cancel", "ready_for_pickup", orderhub.StatusCancelled, orderhub.CancelBySeller, false, 0},
		{fbs, "cancel", "zz", orderhub.StatusCancelled, orderhub.CancelBySeller, false, 1},
		{fbs, "cancel_carrier", "sorted", orderhub.StatusCancelled, orderhub.CancelByCarrier, false, 0},
		// What no row says stays unknown.
		{fbs, "zz", "waiting", orderhub.StatusUnknown, "", false, 1},
		{fbs, "zz", "ready_for_pickup", orderhub.StatusUnknown, "", false, 1},
		{fbs, "complete", "zz", orderhub.StatusUnknown, "", false, 1},
		{fbs, "new", "sorted", orderhub.StatusUnknown, "", false, 1},
		{dbs, "deliver", "waiting", orderhub.StatusShipped, "", false, 0},
		{dbs, "deliver", "canceled_by_missed_call", orderhub.StatusCancelled, orderhub.CancelBySystem, true, 0},
		{dbs, "receive", "waiting", orderhub.StatusDelivered, "", false, 0},
		{dbs, "receive", "sold", orderhub.StatusDelivered, "", false, 0},
		{dbs, "reject", "waiting", orderhub.StatusCancelled, orderhub.CancelByBuyer, true, 0},
		{dbs, "reject", "canceled_by_client", orderhub.StatusCancelled, orderhub.CancelByBuyer, true, 0},
		{dbs, "cancel_missed_call", "waiting", orderhub.StatusCancelled, orderhub.CancelBySystem, false, 0},
	}
	for _, tt := range tests {
		got := translate(tt.scheme, tt.word, tt.sub)
		if got.status != tt.want || len(got.drift) != tt.drift {
			t.Errorf("%s %s/%s = %s with drift %v, want %s with %d", tt.scheme, tt.word, tt.sub, got.status, got.drift, tt.want, tt.drift)
		}
		if (got.cancellation != nil) != (tt.want == orderhub.StatusCancelled) {
			t.Errorf("%s %s/%s: cancellation %v", tt.scheme, tt.word, tt.sub, got.cancellation)
			continue
		}
		if c := got.cancellation; c != nil && (c.By != tt.by || c.AfterHandOver != tt.after || c.Reason == "") {
			t.Errorf("%s %s/%s: cancellation %+v, want by %q, after hand-over %v", tt.scheme, tt.word, tt.sub, *c, tt.by, tt.after)
		}
	}
}

// TestOtherAnswerKeepsStatus: an order from the list by time has no status and
// must not report one, nor drift.
func TestOtherAnswerKeepsStatus(t *testing.T) {
	t.Parallel()
	s, err := normalise(kindFBSOrder, []byte(`{"id":7,"article":"MUG","chrtId":1,"createdAt":"2026-11-19T07:56:29Z","deliveryType":"fbs"}`))
	if err != nil || s.Native != "" || s.Status != orderhub.StatusUnknown || len(s.Drift) > 0 || s.Requires != nil {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestCurrencies(t *testing.T) {
	t.Parallel()
	for code, name := range currencies {
		if parsed, err := orderhub.ParseMoney("1.23", name); err != nil || parsed.Minor != 123 {
			t.Errorf("%d %s: %v, %v; only currencies of two decimals may be listed", code, name, parsed, err)
		}
	}
	body := `{"id":7,"article":"MUG","chrtId":1,"createdAt":"2026-11-19T07:56:29Z","convertedPrice":100,"convertedCurrencyCode":%s}`
	for code, want := range map[string]string{"643": "RUB", "933": "BYN", "398": "KZT", "51": "AMD", "417": "KGS", "860": "UZS", "156": "CNY", "840": "USD", "978": "EUR"} {
		s, err := normalise(kindFBSNew, fmt.Appendf(nil, body, code))
		if err != nil || s.Total != (orderhub.Money{Minor: 100, Currency: want}) {
			t.Errorf("%s: %v, %v", code, s.Total, err)
		}
	}
	s, err := normalise(kindFBSNew, fmt.Appendf(nil, body, "12345"))
	if err != nil || !s.Total.IsZero() || len(s.Drift) == 0 {
		t.Errorf("unknown currency: %v, drift %v, %v", s.Total, s.Drift, err)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for key, bad := range map[string]string{
		settingToken: "Bearer abc", settingShippingPoint: "Москва", settingShipping: "pigeon", settingFBS: "yes", settingWarehouse: "Основной",
		settingSupplyPrefix: strings.Repeat("я", 61),
	} {
		in := map[string]string{settingToken: "t", key: bad}
		_, err := descriptor.Resolve(in)
		var de *orderhub.Error
		if !errors.As(err, &de) || de.Field != key {
			t.Errorf("%s=%s: %v", key, bad, err)
		}
	}
}

// ledger is a channel.Quotas that refills nothing, so that figures can be compared.
type ledger struct{ left map[string]int }

func (l *ledger) Wait(_ context.Context, group string, n int) error {
	l.left[group] -= n
	return nil
}
func (l *ledger) Charge(group string, n int)  { l.left[group] -= n }
func (l *ledger) Pause(string, time.Duration) {}
func (l *ledger) Left() map[string]int        { return maps.Clone(l.left) }
