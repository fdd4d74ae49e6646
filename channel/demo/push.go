package demo

import (
	"context"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// PushStatus moves orders in one call; the market answers each by its id.
func (a *adapter) PushStatus(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	const op = "demo: POST /v1/orders/status"
	moves := make([]wireMove, len(pushes))
	for i, p := range pushes {
		moves[i] = wireMove{ID: p.Order.Snapshot.ExternalID, Status: words[p.To], Reason: p.Reason}
	}
	answers, err := a.client.setStatus(ctx, moves)
	if err != nil {
		return nil, err
	}
	byID := map[string]wireResult{}
	for _, r := range answers {
		byID[r.ID.String()] = r
	}
	out := make([]channel.PushResult, len(pushes))
	for i, m := range moves {
		r, answered := byID[m.ID]
		switch {
		case !answered:
			out[i] = failed(orderhub.NewBorderError(orderhub.ClassUncertain, op, "the answer does not mention the order", nil))
		case r.OK:
			out[i] = channel.PushResult{Outcome: channel.OutcomeAccepted}
		case r.Error.Code == "ALREADY":
			out[i] = channel.PushResult{Outcome: channel.OutcomeDone}
		case r.Error.Code == "BUSY":
			out[i] = failed(orderhub.NewBorderError(orderhub.ClassRetry, op, "the market is busy with the order", nil))
		default:
			e := orderhub.NewBorderError(orderhub.ClassRejected, op, rest.Clean(r.Error.Text), nil)
			e.Code = r.Error.Code
			out[i] = failed(e)
		}
	}
	return out, nil
}

func failed(err *orderhub.BorderError) channel.PushResult {
	return channel.PushResult{Outcome: channel.OutcomeFailed, Err: err}
}
