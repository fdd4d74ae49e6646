package site

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

const noAddress = "no delivery address is set; the shop reads statuses by API"

// statusEvent is what the shop gets; MAPPINGS.md explains the fields.
type statusEvent struct {
	Type      string     `json:"type"`
	Timestamp time.Time  `json:"timestamp"`
	Data      statusData `json:"data"`
}

type statusData struct {
	ID       string `json:"id"`
	Number   string `json:"number"`
	Status   string `json:"status"`
	Previous string `json:"previous,omitempty"`
	// Version grows from message to message of an order: a shop that got a
	// higher one drops a lower one.
	Version  int64     `json:"version"`
	Tracking string    `json:"tracking,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Comment  string    `json:"comment,omitempty"`
	At       time.Time `json:"at"`
}

// PushStatus tells the shop of status changes, one message each, in the order
// given. Push.Params may carry "previous" (the headline before), "at" (RFC 3339,
// when the status changed) and "tracking". When the shop seems to be away the
// rest of the batch is left unsent: a dead address must not cost a time-out per
// message. The core sends at most one message of an order at a time, so none
// overtakes another.
func (a *adapter) PushStatus(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	return a.pushAll(ctx, pushes, a.push)
}

// pushAll sends one message for each push.
func (a *adapter) pushAll(ctx context.Context, pushes []channel.Push, send func(context.Context, channel.Push) error) ([]channel.PushResult, error) {
	out := make([]channel.PushResult, 0, len(pushes))
	if a.url == "" {
		for range pushes {
			out = append(out, channel.PushResult{Outcome: channel.OutcomeDone, Note: noAddress})
		}
		return out, nil
	}
	away := 0 // passing failures in a row
	for _, p := range pushes {
		if away >= seemsAway {
			out = append(out, channel.PushResult{Outcome: channel.OutcomeUnsent, Err: out[len(out)-1].Err})
			continue
		}
		err := send(channel.For(ctx, p.Key), p)
		switch orderhub.ClassOf(err) {
		case orderhub.ClassRejected:
			away = 0
		case orderhub.ClassAuth, orderhub.ClassRateLimited:
			away = seemsAway // the same answer awaits the others
		case orderhub.ClassRetry, orderhub.ClassUncertain:
			away++
		}
		if err == nil {
			away = 0
			out = append(out, channel.PushResult{Outcome: channel.OutcomeDone, Note: "the shop took the message"})
			continue
		}
		out = append(out, channel.PushResult{Outcome: channel.OutcomeFailed, Err: err})
	}
	return out, nil
}

// seemsAway is how many passing failures in a row mean that the shop is away.
const seemsAway = 3

func (a *adapter) push(ctx context.Context, p channel.Push) error {
	at := a.changedAt(p)
	tracking := p.Params["tracking"]
	if tracking == "" {
		tracking = p.Order.Snapshot.Shipping.Tracking
	}
	body, err := encode(statusEvent{
		Type: "order.status_changed", Timestamp: at,
		Data: statusData{
			ID: p.Order.Snapshot.ExternalID, Number: p.Order.Number(), Status: string(p.To), Previous: p.Params["previous"],
			Version: version(p), Tracking: tracking, Reason: p.Reason, Comment: p.Comment, At: at,
		},
	})
	if err != nil {
		return orderhub.NewBorderError(orderhub.ClassRejected, "site: order.status_changed", "the message could not be written", err)
	}
	return a.post(ctx, p.Key, body)
}

// changedAt is the same at every attempt where the core tells the time: a
// repeated message must have the same body.
func (a *adapter) changedAt(p channel.Push) time.Time {
	if t, err := time.Parse(time.RFC3339, p.Params["at"]); err == nil {
		return t.UTC()
	}
	if !p.Order.UpdatedAt.IsZero() {
		return p.Order.UpdatedAt.UTC()
	}
	return a.now().UTC()
}

// version orders the messages of an order by the number of the effect, which
// only grows; two waiting effects see one and the same Order.Version.
func version(p channel.Push) int64 {
	_, digits, _ := strings.Cut(p.Key, "-")
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil && n > 0 {
		return n
	}
	return p.Order.Version
}

// Check sends a signed ping to the shop.
func (a *adapter) Check(ctx context.Context) (channel.CheckResult, error) {
	var result channel.CheckResult
	if len(a.verify) == 0 {
		result.Warnings = append(result.Warnings, "no secret is set: webhooks of the shop are refused, only the REST intake works")
	}
	if a.url == "" {
		result.Warnings = append(result.Warnings, noAddress)
		return result, nil
	}
	now := a.now().UTC()
	body, err := encode(map[string]any{"type": "ping", "timestamp": now, "data": map[string]any{}})
	if err != nil {
		return result, fmt.Errorf("site: write ping: %w", err)
	}
	if err := a.post(ctx, fmt.Sprintf("ping-%d", now.UnixNano()), body); err != nil {
		return result, err
	}
	if u, err := url.Parse(a.url); err == nil {
		result.Name = u.Host
	}
	result.Can = []string{"order.status_changed", "order.lines_cancelled"}
	if a.stock == stockWebhook {
		result.Can = append(result.Can, "stock.updated")
	}
	return result, nil
}

func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}
