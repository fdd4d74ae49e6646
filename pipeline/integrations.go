package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
)

// integrationTrouble is something wrong with a program outside; the key names it and
// its beginning, so that it is told once.
type integrationTrouble struct {
	key   string
	facts orderhub.Facts
}

// integrationTroubles lists webhooks that fail for long, were stopped or have given
// events up.
func (h *Hub) integrationTroubles(ctx context.Context) ([]integrationTrouble, error) {
	endpoints, err := h.store.Endpoints(ctx)
	if err != nil || len(endpoints) == 0 {
		return nil, err
	}
	counts, err := h.store.CountDeliveries(ctx)
	if err != nil {
		return nil, err
	}
	now := h.store.Now()
	var out []integrationTrouble
	add := func(e orderhub.Endpoint, key, state, why string) {
		out = append(out, integrationTrouble{fmt.Sprintf("endpoint-%d-%s", e.ID, key), orderhub.Facts{At: now, AccountName: e.Name, State: state, Why: why}})
	}
	for _, e := range endpoints {
		since := e.FailingSince.Format(time.RFC3339)
		switch {
		case e.State == orderhub.EndpointStopped:
			add(e, "stopped-"+since, "stopped", e.Error)
		case e.State == orderhub.EndpointActive && !e.FailingSince.IsZero() && now.Sub(e.FailingSince) > failingFor:
			add(e, "failing-"+since, "failing", e.Error)
		}
		if dead := counts[e.ID].Dead; dead > 0 {
			add(e, "dead-"+now.Format(time.DateOnly), "dead", plural(int(dead), "event")+" given up")
		}
	}
	return out, nil
}
