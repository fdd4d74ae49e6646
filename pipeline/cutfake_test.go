package pipeline

import (
	"context"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// cuts is the part of the scripted market that takes units out of orders.
type cuts struct {
	made []channel.LineCancel
	// onCut, if set, answers instead of the market.
	onCut func(f *fake, c channel.LineCancel) channel.PushResult
}

var _ channel.LineCanceller = fullAdapter{}

func (a fullAdapter) CancelLines(_ context.Context, cancels []channel.LineCancel) ([]channel.PushResult, error) {
	f := a.f
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]channel.PushResult, len(cancels))
	for i, c := range cancels {
		f.cuts.made = append(f.cuts.made, c)
		if f.cuts.onCut != nil {
			out[i] = f.cuts.onCut(f, c)
			continue
		}
		out[i] = f.obeyCut(c)
	}
	return out, nil
}

// obeyCut does what is asked. The lock is held.
func (f *fake) obeyCut(c channel.LineCancel) channel.PushResult {
	if s, ok := f.books[c.Order.Snapshot.ExternalID]; ok {
		s.Cut(c.Units)
		f.books[s.ExternalID] = s
	}
	return channel.PushResult{Outcome: channel.OutcomeAccepted}
}

func lostCut() channel.PushResult {
	return channel.PushResult{Outcome: channel.OutcomeFailed, Err: orderhub.NewBorderError(orderhub.ClassUncertain, "fake", "no answer came", nil)}
}
