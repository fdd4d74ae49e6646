package marketsim

import "time"

// History keeps every state of a thing, so that a stale replica can answer as
// of a moment ago. Not safe for concurrent use: guard it with the market's lock.
type History[T any] struct {
	states []state[T]
}

type state[T any] struct {
	at    time.Time
	value T
}

// Set records the state from at on.
func (h *History[T]) Set(at time.Time, v T) { h.states = append(h.states, state[T]{at, v}) }

// Now is the latest state; the zero value before the first Set.
func (h *History[T]) Now() T {
	var zero T
	if len(h.states) == 0 {
		return zero
	}
	return h.states[len(h.states)-1].value
}

// At is the state as of t; ok is false when the thing did not exist yet.
func (h *History[T]) At(t time.Time) (v T, ok bool) {
	for i := len(h.states) - 1; i >= 0; i-- {
		if !h.states[i].at.After(t) {
			return h.states[i].value, true
		}
	}
	return v, false
}

// ChangedAt is when the latest state began.
func (h *History[T]) ChangedAt() time.Time {
	if len(h.states) == 0 {
		return time.Time{}
	}
	return h.states[len(h.states)-1].at
}
