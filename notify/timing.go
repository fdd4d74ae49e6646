package notify

import (
	"sync"
	"time"
	_ "time/tzdata" // machines without a list of zones

	"github.com/orderhub/orderhub"
)

// defaultZone is where clock times are meant that name no zone.
const defaultZone = "Europe/Moscow"

// maxWindow is how long causes may be gathered.
const maxWindow = 24 * time.Hour

// CheckTiming names the field that is wrong.
func CheckTiming(t orderhub.NotifyTiming) error {
	if t.Window < 0 || t.Window > maxWindow {
		return orderhub.InvalidField("window_seconds", "must be 0 to %d", int(maxWindow/time.Second))
	}
	if _, err := time.LoadLocation(t.Zone); err != nil {
		return orderhub.InvalidField("zone", "%.40q is not a time zone like Europe/Moscow", t.Zone)
	}
	if (t.QuietFrom == "") != (t.QuietTo == "") {
		return orderhub.InvalidField("quiet_to", "quiet_from and quiet_to are given together or not at all")
	}
	for field, clock := range map[string]string{"quiet_from": t.QuietFrom, "quiet_to": t.QuietTo, "digest_at": t.DigestAt} {
		if clock == "" {
			continue
		}
		if _, ok := minutes(clock); !ok {
			return orderhub.InvalidField(field, "%.20q is not a time of day like 22:00", clock)
		}
	}
	return nil
}

// Zone is where a rule's clock hangs.
func Zone(t orderhub.NotifyTiming) *time.Location {
	name := t.Zone
	if name == "" {
		name = defaultZone
	}
	if loc, ok := zones.Load(name); ok {
		return loc.(*time.Location)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	zones.Store(name, loc)
	return loc
}

var zones sync.Map // by name, those that exist

// Due is when the message about a cause of now is formed: after the window, with
// the day's digest, and not in quiet hours.
func Due(t orderhub.NotifyTiming, now time.Time) time.Time {
	due := now.Add(t.Window)
	if at, ok := minutes(t.DigestAt); ok {
		due = next(due.In(Zone(t)), at)
	}
	return Awake(t, due)
}

// Awake is the moment itself, or the end of the quiet hours that it is in.
func Awake(t orderhub.NotifyTiming, due time.Time) time.Time {
	from, ok := minutes(t.QuietFrom)
	to, ok2 := minutes(t.QuietTo)
	if !ok || !ok2 || from == to {
		return due.UTC()
	}
	at := due.In(Zone(t))
	m := at.Hour()*60 + at.Minute()
	quiet := m >= from && m < to
	if from > to { // over midnight
		quiet = m >= from || m < to
	}
	if quiet {
		due = next(at, to)
	}
	return due.UTC()
}

// next is the first moment after t at which a clock shows these minutes of a day.
func next(t time.Time, m int) time.Time {
	at := time.Date(t.Year(), t.Month(), t.Day(), m/60, m%60, 0, 0, t.Location())
	if !at.After(t) {
		at = time.Date(t.Year(), t.Month(), t.Day()+1, m/60, m%60, 0, 0, t.Location())
	}
	return at
}

// minutes reads "22:00" as minutes of the day.
func minutes(clock string) (int, bool) {
	t, err := time.Parse("15:04", clock)
	return t.Hour()*60 + t.Minute(), err == nil && len(clock) == 5
}
