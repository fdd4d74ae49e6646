package site

import (
	"context"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

var _ channel.LineCanceller = (*adapter)(nil)

// cutData is what the shop gets of units that were taken out of an order.
type cutData struct {
	ID      string    `json:"id"`
	Number  string    `json:"number"`
	Lines   []cutLine `json:"lines"`
	Version int64     `json:"version"`
	Reason  string    `json:"reason,omitempty"`
	Comment string    `json:"comment,omitempty"`
	At      time.Time `json:"at"`
}

// cutLine is one line: how many units are out, and how many are left.
type cutLine struct {
	ID       string `json:"id,omitempty"`
	SKU      string `json:"sku"`
	Taken    int64  `json:"cancelled"`
	Quantity int64  `json:"qty"`
}

// CancelLines tells the shop of units that the hub took out of orders. The message
// says the same at every attempt: it is made of the wish, not of the order as it is
// by then.
func (a *adapter) CancelLines(ctx context.Context, cancels []channel.LineCancel) ([]channel.PushResult, error) {
	pushes := make([]channel.Push, len(cancels))
	for i, c := range cancels {
		pushes[i] = c.Push
	}
	return a.pushAll(ctx, pushes, a.pushCut)
}

func (a *adapter) pushCut(ctx context.Context, p channel.Push) error {
	cut, ok := orderhub.ReadLineCut(p.Params["cut"])
	if !ok {
		return orderhub.NewBorderError(orderhub.ClassRejected, "site: order.lines_cancelled", "the message could not be written", nil)
	}
	at := a.changedAt(p)
	data := cutData{
		ID: p.Order.Snapshot.ExternalID, Number: p.Order.Number(), Version: version(p), Reason: p.Reason, Comment: p.Comment, At: at,
	}
	for _, l := range cut.Lines {
		data.Lines = append(data.Lines, cutLine{ID: l.ID, SKU: l.SKU, Taken: l.Units, Quantity: l.Left})
	}
	body, err := encode(map[string]any{"type": "order.lines_cancelled", "timestamp": at, "data": data})
	if err != nil {
		return orderhub.NewBorderError(orderhub.ClassRejected, "site: order.lines_cancelled", "the message could not be written", err)
	}
	return a.post(ctx, p.Key, body)
}
