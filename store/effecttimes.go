package store

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// EffectTimes is how long a channel took with what was asked of it: half of the
// changes were sent, accepted and confirmed as fast as this, counted from when somebody
// asked for them.
type EffectTimes struct {
	Confirmed int // how many changes it rests on
	// Sent, Accepted and ConfirmedIn; 0 = not known.
	Sent, Accepted, ConfirmedIn time.Duration
}

// effectsTimed is how many of the newest confirmed changes are looked at, of all
// accounts together.
const effectsTimed = 1000

// EffectTimes measures the newest changes that were asked for since a moment, by
// account.
func (s *Store) EffectTimes(ctx context.Context, since time.Time) (map[string]EffectTimes, error) {
	rows, err := s.engine.reader().query(ctx, `SELECT account_id, created_at, sent_at, accepted_at, finished_at FROM effects
		WHERE state = 'confirmed' ORDER BY id DESC LIMIT ?`, effectsTimed)
	if err != nil {
		return nil, fmt.Errorf("read how long changes took: %w", err)
	}
	defer rows.Close()
	type times struct{ sent, accepted, confirmed []time.Duration }
	took := map[string]*times{}
	for rows.Next() {
		var account string
		var created, sent, accepted, finished int64
		if err := rows.Scan(&account, &created, &sent, &accepted, &finished); err != nil {
			return nil, fmt.Errorf("read how long changes took: %w", err)
		}
		if created < micros(since) || sent == 0 { // what the channel had done already was never sent
			continue
		}
		t := took[account]
		if t == nil {
			t = &times{}
			took[account] = t
		}
		after := func(list *[]time.Duration, at int64) {
			if at >= created {
				*list = append(*list, time.Duration(at-created)*time.Microsecond)
			}
		}
		after(&t.sent, sent)
		after(&t.accepted, accepted)
		after(&t.confirmed, finished)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read how long changes took: %w", err)
	}
	out := map[string]EffectTimes{}
	for account, t := range took {
		out[account] = EffectTimes{Confirmed: len(t.confirmed), Sent: median(t.sent), Accepted: median(t.accepted), ConfirmedIn: median(t.confirmed)}
	}
	return out, nil
}

func median(list []time.Duration) time.Duration {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[len(list)/2]
}
