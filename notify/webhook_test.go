package notify

import (
	"testing"
	"time"

	"github.com/orderhub/orderhub"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "30": 30 * time.Second, "-5": 0, "999999": time.Hour, "soon": 0,
		"Mon, 02 Nov 2026 09:02:00 GMT": 2 * time.Minute, "Mon, 02 Nov 2026 08:00:00 GMT": 0,
	} {
		if got := RetryAfter(header, now); got != want {
			t.Errorf("%q: got %s, want %s", header, got, want)
		}
	}
}

func TestAwake(t *testing.T) {
	t.Parallel()
	night := orderhub.NotifyTiming{QuietFrom: "22:00", QuietTo: "08:00", DigestAt: "09:00"}
	at := func(clock string) time.Time {
		c, err := time.ParseInLocation("02 15:04", clock, Zone(night))
		if err != nil {
			t.Fatal(err)
		}
		return time.Date(2026, 11, c.Day(), c.Hour(), c.Minute(), 0, 0, Zone(night))
	}
	for from, to := range map[string]string{"02 21:59": "02 21:59", "02 22:00": "03 08:00", "03 03:00": "03 08:00", "03 08:00": "03 08:00", "03 12:00": "03 12:00"} {
		if got := Awake(night, at(from)); !got.Equal(at(to)) {
			t.Errorf("%s: got %s, want %s", from, got.In(Zone(night)), to)
		}
	}
}
