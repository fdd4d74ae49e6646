package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
)

// stillThere asks a receiver whose endpoint is about to be stopped with a ping. One that
// takes it is there: what it failed at for days is what it was told.
func (h *Hub) stillThere(ctx context.Context, e orderhub.Endpoint, list []tried) bool {
	if e.FailingSince.IsZero() || h.store.Now().Sub(e.FailingSince) <= stopAfter {
		return false
	}
	for _, t := range list {
		if t.verdict != verdictAway {
			return false
		}
	}
	status, _, err := h.ping(ctx, e)
	return err == nil && status >= 200 && status < 300
}

// ping sends a signed message without an event.
func (h *Hub) ping(ctx context.Context, e orderhub.Endpoint) (status int, excerpt string, err error) {
	now := h.store.Now()
	body, err := json.Marshal(map[string]any{"type": "ping", "timestamp": now, "data": map[string]any{"endpoint": e.ID}})
	if err != nil {
		return 0, "", fmt.Errorf("write ping: %w", err)
	}
	status, excerpt, _, err = h.post(ctx, e, fmt.Sprintf("ping-%d-%d", e.ID, now.UnixMicro()), body)
	return status, excerpt, err
}

// EndpointTest is how a test went.
type EndpointTest struct {
	Status  int
	Excerpt string
	Error   string
	Took    time.Duration
}

// TestEndpoint sends a signed ping now, whatever waits, and tells what came of it.
func (h *Hub) TestEndpoint(ctx context.Context, id int64) (out EndpointTest, err error) {
	e, err := h.store.Endpoint(ctx, id)
	if err != nil {
		return out, err
	}
	began := time.Now()
	out.Status, out.Excerpt, err = h.ping(ctx, e)
	out.Took = time.Since(began)
	if err != nil {
		out.Error = Sentence(err)
	} else if out.Status < 200 || out.Status > 299 {
		out.Error = "the receiver answered " + strconv.Itoa(out.Status)
	}
	return out, nil
}
