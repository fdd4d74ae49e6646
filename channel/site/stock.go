package site

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// The values of the setting stock.
const (
	stockWebhook = "webhook" // the hub sends stock.updated
	stockPull    = "pull"    // the shop reads GET /api/v1/stock
)

// stockBatch is the most figures of one message: a shop writes them in one go
// before it answers.
const stockBatch = 500

// stockEvent is what the shop gets; MAPPINGS.md explains the fields.
type stockEvent struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      stockData `json:"data"`
}

type stockData struct {
	Figures []stockFigure `json:"figures"`
}

type stockFigure struct {
	SKU       string `json:"sku"`
	Listing   string `json:"listing"`
	Available int64  `json:"available"`
	// At orders the figures of a listing: a shop that has one of the same time or
	// a later one drops this one.
	At time.Time `json:"at"`
}

// PushStock tells the shop of figures in one message. All of them stand or fall
// with it. Success is OutcomeDone, not OutcomeAccepted: a shop has no read call,
// so its own 2xx is all the confirmation there is.
func (a *adapter) PushStock(ctx context.Context, figures []channel.StockFigure) ([]channel.StockResult, error) {
	out := make([]channel.StockResult, len(figures))
	for i := range out {
		out[i].Outcome = channel.OutcomeDone
	}
	// A shop that reads always gets the hub's own figure: there is nothing to send
	// and nothing that could be late, so the figure counts as shown.
	if a.stock != stockWebhook || len(figures) == 0 {
		return out, nil
	}
	const op = "site: stock.updated"
	if len(figures) > stockBatch {
		return nil, orderhub.NewBorderError(orderhub.ClassRejected, op,
			fmt.Sprintf("%d figures in one message; allowed: up to %d", len(figures), stockBatch), nil)
	}
	event := stockEvent{Type: "stock.updated"}
	for _, f := range figures {
		at := f.At.UTC()
		if at.After(event.Timestamp) {
			event.Timestamp = at // the same at every attempt, so that a repeat is one
		}
		event.Data.Figures = append(event.Data.Figures, stockFigure{
			SKU: f.Listing.SKU, Listing: f.Listing.Key, Available: f.Quantity, At: at,
		})
	}
	body, err := encode(event)
	if err != nil {
		return nil, orderhub.NewBorderError(orderhub.ClassRejected, op, "the message could not be written", err)
	}
	if err := a.post(ctx, stockID(body), body); err != nil {
		return nil, err
	}
	return out, nil
}

// stockID is the same for the same figures of the same moment. The moment is part
// of it: the figures 5, 3 and 5 again are three messages, and a shop that took
// the third one for a repeat would go on showing 3.
func stockID(body []byte) string {
	sum := sha256.Sum256(body)
	return "stock-" + hex.EncodeToString(sum[:16])
}

func checkStock(v string) error {
	if v != stockWebhook && v != stockPull {
		return fmt.Errorf("%.20q is not allowed; allowed: %s, %s", v, stockPull, stockWebhook)
	}
	return nil
}
