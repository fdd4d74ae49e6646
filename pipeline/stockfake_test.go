package pipeline

import (
	"context"
	"fmt"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// counter is the part of the scripted market that shows and sells stock.
type counter struct {
	offers []orderhub.Listing
	shown  map[string]int64
	// calls are the figures that came, one text per call: "k1=5 k2=0".
	calls []string
	// onStock, if set, answers instead of the market.
	onStock func(figures []channel.StockFigure) ([]channel.StockResult, error)
	// hides, if set, tells whose figures the market does not show as they are: it
	// gives what is shown instead, -1 = nothing.
	hides func(key string, shown int64) int64
	reads int // calls of ReadStock
	// readErr, if set, is what ReadStock answers; onRead is called before it does.
	readErr error
	onRead  func()
}

func (a fullAdapter) ListListings(context.Context, channel.Cursor) (channel.ListingPage, error) {
	f := a.f
	f.mu.Lock()
	defer f.mu.Unlock()
	return channel.ListingPage{Listings: f.counter.offers, Done: true}, nil
}

func (a fullAdapter) PushStock(ctx context.Context, figures []channel.StockFigure) ([]channel.StockResult, error) {
	f := a.f
	f.mu.Lock()
	defer f.mu.Unlock()
	text := ""
	for i, fig := range figures {
		if i > 0 {
			text += " "
		}
		text += fmt.Sprintf("%s=%d", fig.Listing.Key, fig.Quantity)
	}
	f.counter.calls = append(f.counter.calls, text)
	channel.RecorderOf(ctx).Add(channel.Exchange{Method: "POST", Path: "/stock", Status: 200, Request: []byte(text)})
	if f.counter.onStock != nil {
		return f.counter.onStock(figures)
	}
	return f.take(figures), nil
}

// take shows what it was told.
func (f *fake) take(figures []channel.StockFigure) []channel.StockResult {
	out := make([]channel.StockResult, len(figures))
	for i, fig := range figures {
		f.counter.shown[fig.Listing.Key] = fig.Quantity
		out[i].Outcome = channel.OutcomeAccepted
	}
	return out
}

func (a fullAdapter) ReadStock(_ context.Context, listings []orderhub.Listing) ([]channel.StockShown, error) {
	f := a.f
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counter.reads++
	if f.counter.onRead != nil {
		f.counter.onRead()
	}
	if f.counter.readErr != nil {
		return nil, f.counter.readErr
	}
	var out []channel.StockShown
	for _, l := range listings {
		n, ok := f.counter.shown[l.Key]
		if ok && f.counter.hides != nil {
			n = f.counter.hides(l.Key, n)
		}
		if ok && n >= 0 {
			out = append(out, channel.StockShown{Key: l.Key, Quantity: n})
		}
	}
	return out, nil
}

// stocked gives the market a counter.
func stocked(f *fake, opts *Options) {
	f.counter.shown = map[string]int64{}
	f.desc.Stock = channel.StockLimits{Batch: 100, ReadBatch: 100}
	for _, sku := range []string{"A", "B", "C"} {
		f.counter.offers = append(f.counter.offers, orderhub.Listing{Key: "k" + sku, Article: sku, Name: sku, Live: true})
	}
}
