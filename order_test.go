package orderhub_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
)

func TestHolds(t *testing.T) {
	t.Parallel()
	o := orderhub.Order{
		Snapshot: orderhub.Snapshot{Holds: []orderhub.Hold{orderhub.HoldArbitration}},
		HubHolds: []orderhub.Hold{orderhub.HoldManual},
	}
	if got := o.Holds(); !slices.Equal(got, []orderhub.Hold{orderhub.HoldArbitration, orderhub.HoldManual}) {
		t.Errorf("Holds() = %v", got)
	}
	if !o.HasHold(orderhub.HoldArbitration) || !o.HasHold(orderhub.HoldManual) || o.HasHold(orderhub.HoldShort) {
		t.Error("HasHold does not agree with Holds")
	}
	for hold, channels := range map[orderhub.Hold]bool{
		orderhub.HoldArbitration: true, orderhub.HoldCancelRequest: true, orderhub.HoldNotAccepted: true, orderhub.HoldShipFailed: true,
		orderhub.HoldUnmapped: false, orderhub.HoldShort: false, orderhub.HoldManual: false, orderhub.HoldConflict: false, "invented": false,
	} {
		if got := hold.IsChannelHold(); got != channels {
			t.Errorf("%s.IsChannelHold() = %t", hold, got)
		}
	}
}

func TestCountsGoods(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why  string
		s    orderhub.Snapshot
		want bool
	}{
		{"a plain order", orderhub.Snapshot{}, true},
		{"a cancelled order", orderhub.Snapshot{Cancellation: &orderhub.Cancellation{By: orderhub.CancelByBuyer}}, true},
		{"split into others", orderhub.Snapshot{Cancellation: &orderhub.Cancellation{By: orderhub.CancelBySplit}}, false},
		{"delivers an order of the site", orderhub.Snapshot{SiteOrderID: "77"}, false},
	} {
		if got := (&orderhub.Order{Snapshot: c.s}).CountsGoods(); got != c.want {
			t.Errorf("%s: CountsGoods() = %t", c.why, got)
		}
	}
	s := orderhub.Snapshot{Lines: []orderhub.Line{{Quantity: 2}, {Quantity: 0}, {Quantity: 3}}}
	if got := s.Units(); got != 5 {
		t.Errorf("Units() = %d, want 5", got)
	}
}

func TestEffectWantsStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		to, read orderhub.Status
		want     bool
	}{
		{orderhub.StatusConfirmed, orderhub.StatusConfirmed, true},
		{orderhub.StatusConfirmed, orderhub.StatusShipped, true},
		{orderhub.StatusConfirmed, orderhub.StatusNew, false},
		{orderhub.StatusConfirmed, orderhub.StatusUnknown, false},
		{orderhub.StatusConfirmed, orderhub.StatusCancelled, false},
		{orderhub.StatusShipped, orderhub.StatusReturned, true},
		{orderhub.StatusDelivered, orderhub.StatusPartiallyReturned, true},
		{orderhub.StatusCancelled, orderhub.StatusCancelled, true},
		{orderhub.StatusCancelled, orderhub.StatusDelivered, false},
		{orderhub.StatusCancelled, orderhub.StatusReturned, false},
	} {
		e := orderhub.Effect{Kind: orderhub.EffectStatus, To: c.to}
		if got := e.WantsStatus(c.read); got != c.want {
			t.Errorf("an effect to %s is fulfilled by %s: %t, want %t", c.to, c.read, got, c.want)
		}
	}
}

func TestEffectStates(t *testing.T) {
	t.Parallel()
	for state, open := range map[orderhub.EffectState]bool{
		orderhub.EffectIntent: true, orderhub.EffectSent: true, orderhub.EffectAccepted: true,
		orderhub.EffectConfirmed: false, orderhub.EffectRejected: false, orderhub.EffectUncertain: false, orderhub.EffectSuperseded: false,
		"invented": false,
	} {
		if got := state.IsOpen(); got != open {
			t.Errorf("%s.IsOpen() = %t", state, got)
		}
	}
	if got := (&orderhub.Effect{ID: 42}).Key(); got != "effect-42" {
		t.Errorf("Key() = %q", got)
	}
}

func TestCheckAccountID(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{"a", "ozon-main", "7", "a--b-", strings.Repeat("a", 40)} {
		if err := orderhub.CheckAccountID(ok); err != nil {
			t.Errorf("CheckAccountID(%q): %v", ok, err)
		}
	}
	for _, bad := range []string{
		"", "-a", "Ozon", "ozon_main", "ozon main", "ozon/main", "озон", "a\n", "a\x00", strings.Repeat("a", 41), strings.Repeat("a", 4000),
	} {
		err := orderhub.CheckAccountID(bad)
		var e *orderhub.Error
		if !errors.As(err, &e) || e.Code != orderhub.CodeInvalid || e.Field != "account" {
			t.Errorf("CheckAccountID(%.50q): %v, want an invalid field account", bad, err)
		}
		if err != nil && len(err.Error()) > 300 {
			t.Errorf("CheckAccountID answers %d bytes", len(err.Error()))
		}
	}
}

func TestAccountHidesSecrets(t *testing.T) {
	t.Parallel()
	a := orderhub.Account{ID: "ozon-main", Settings: map[string]string{"api_key": "hush"}, HookKey: "hush"}
	b, err := json.Marshal(a)
	if err != nil || strings.Contains(string(b), "hush") {
		t.Errorf("an account is written as %s, %v", b, err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk full")
	plain := orderhub.Errorf(orderhub.CodeConflict, "order %s changed meanwhile", "17")
	withCause := plain.WithCause(cause)
	if plain.Error() != "order 17 changed meanwhile" || plain.Unwrap() != nil {
		t.Errorf("WithCause changed the error it was called on: %v", plain)
	}
	if withCause.Error() != "order 17 changed meanwhile: disk full" || withCause.Sentence != plain.Sentence {
		t.Errorf("with a cause: %q, sentence %q", withCause, withCause.Sentence)
	}
	wrapped := fmt.Errorf("accept: %w", withCause)
	if !errors.Is(wrapped, cause) || orderhub.CodeOf(wrapped) != orderhub.CodeConflict {
		t.Errorf("wrapped: %v, code %q", wrapped, orderhub.CodeOf(wrapped))
	}
	if got := orderhub.CodeOf(cause); got != "" {
		t.Errorf("CodeOf(any error) = %q", got)
	}
	if got := orderhub.CodeOf(nil); got != "" {
		t.Errorf("CodeOf(nil) = %q", got)
	}
	field := orderhub.InvalidField("lines[0].quantity", "must be above %d", 0)
	if field.Field != "lines[0].quantity" || field.Error() != "lines[0].quantity: must be above 0" || field.Code != orderhub.CodeInvalid {
		t.Errorf("InvalidField = %+v", field)
	}
}

func TestBorderErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("EOF")
	e := orderhub.NewBorderError(orderhub.ClassRateLimited, "ozon: POST /v4/posting/fbs/list", "too many requests", cause)
	e.HTTPStatus, e.RetryAfter = 429, time.Second
	if got, want := e.Error(), "ozon: POST /v4/posting/fbs/list: too many requests (HTTP 429): EOF"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	wrapped := fmt.Errorf("pull: %w", e)
	if !errors.Is(wrapped, cause) || orderhub.ClassOf(wrapped) != orderhub.ClassRateLimited {
		t.Errorf("wrapped: %v, class %q", wrapped, orderhub.ClassOf(wrapped))
	}
	if got := orderhub.ClassOf(cause); got != orderhub.ClassRetry {
		t.Errorf("ClassOf(any error) = %q, want retry", got)
	}
	silent := orderhub.NewBorderError(orderhub.ClassAuth, "wb: GET /ping", "the key has expired", nil)
	if got := silent.Error(); got != "wb: GET /ping: the key has expired" {
		t.Errorf("Error() = %q", got)
	}
}
