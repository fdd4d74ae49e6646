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
	out, err := h.fileTroubles(ctx)
	if err != nil {
		return nil, err
	}
	endpoints, err := h.store.Endpoints(ctx)
	if err != nil || len(endpoints) == 0 {
		return out, err
	}
	counts, err := h.store.CountDeliveries(ctx)
	if err != nil {
		return nil, err
	}
	now := h.store.Now()
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

// fileTroubles lists exchanges of files that fail for long, and files with something
// wrong of the last day.
func (h *Hub) fileTroubles(ctx context.Context) (out []integrationTrouble, err error) {
	list, err := h.store.FileExchanges(ctx)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	now, names := h.store.Now(), map[int64]string{}
	for _, x := range list {
		names[x.ID] = x.Name
		if x.State == orderhub.FilesActive && !x.FailingSince.IsZero() && now.Sub(x.FailingSince) > failingFor {
			out = append(out, integrationTrouble{fmt.Sprintf("files-%d-failing-%s", x.ID, x.FailingSince.Format(time.RFC3339)),
				orderhub.Facts{At: now, AccountName: x.Name, State: "failing", Why: x.Error}})
		}
	}
	files, err := h.store.BadFiles(ctx, now.Add(-24*time.Hour))
	for _, f := range files {
		why := f.Name + ": " + f.Error
		if f.Error == "" {
			why = f.Name + ": " + plural(int(f.Bad), "row") + " not taken"
		}
		out = append(out, integrationTrouble{fmt.Sprintf("file-%d", f.ID), orderhub.Facts{At: now, AccountName: names[f.ExchangeID], State: "file", Why: why}})
	}
	return out, err
}
