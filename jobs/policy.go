package jobs

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/orderhub/orderhub"
)

// Next is what to do after a failed call to the outside.
type Next struct {
	// Again tells whether to try again by itself, after Wait.
	Again bool
	Wait  time.Duration
	// Counts tells whether the failure uses up an attempt.
	Counts bool
}

// Policy is the one switch over classes of border errors. attempt counts from
// 1; scale shortens all waits in the demo and in tests (1 = as is).
func Policy(err error, attempt int, scale float64) Next {
	var be *orderhub.BorderError
	class := orderhub.ClassRetry
	if errors.As(err, &be) {
		class = be.Class
	}
	switch class {
	case orderhub.ClassAuth:
		// A person must act; the key may be renewed at any minute.
		return Next{Again: true, Wait: scaled(time.Minute, scale)}
	case orderhub.ClassRejected:
		return Next{}
	case orderhub.ClassRateLimited:
		wait := time.Second
		if be != nil && be.RetryAfter > 0 {
			wait = be.RetryAfter
		}
		return Next{Again: true, Wait: jitter(wait)}
	case orderhub.ClassRetry, orderhub.ClassUncertain:
		return Next{Again: true, Wait: scaled(backoff(attempt), scale), Counts: true}
	}
	return Next{Again: true, Wait: scaled(backoff(attempt), scale), Counts: true}
}

// backoff grows 2 s, 4 s, 8 s … to 1 h.
func backoff(attempt int) time.Duration {
	d := 2 * time.Second
	for range min(max(attempt, 1)-1, 11) {
		d *= 2
	}
	return min(d, time.Hour)
}

func scaled(d time.Duration, scale float64) time.Duration {
	if scale > 0 {
		d = time.Duration(float64(d) * scale)
	}
	return jitter(d)
}

// jitter spreads retries over +0…20 %.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration(rand.Int64N(int64(d)/5+1))
}
