package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// StockCard unfolds the figure of a product.
type StockCard struct {
	SKU       string          `json:"sku"`
	Name      string          `json:"name"`
	Kit       bool            `json:"kit,omitempty" doc:"It has no stock of its own: the figures are those of its components."`
	Available int64           `json:"available" doc:"What can still be promised: on hand less reserved less quarantine; of a kit, as many as its components make."`
	Policy    PolicyView      `json:"policy"`
	Figures   []FigureView    `json:"figures"`
	Moves     []orderhub.Move `json:"moves" doc:"Every change of the figures with its cause, newest first; the figures are their sum. Of a kit, see its components."`
	Before    int64           `json:"before,omitempty" doc:"Continues the moves; absent at their end."`
	Listings  []ShownView     `json:"listings" doc:"What the channels are to show, and how far that is."`
	Channels  []ChannelTimes  `json:"channels" doc:"How long the channels of these listings take to show a figure: what the exposure is worked out from."`
}

// ChannelTimes are how long the channel of an account takes to show a figure,
// measured over a day.
type ChannelTimes struct {
	Account string `json:"account"`
	StockTimes
}

// StockTimes are measured times.
type StockTimes struct {
	Measured    int64   `json:"measured" doc:"How many figures were read back within a day."`
	MeanSeconds float64 `json:"mean_seconds" doc:"From sending a figure to reading it back, mean of those."`
	MaxSeconds  float64 `json:"max_seconds"`
	LateSeconds float64 `json:"late_seconds" doc:"The longest that a lowered figure was seen not to be shown; 0 = each was there at the first look."`
	LagSeconds  float64 `json:"lag_seconds" doc:"How late at most the channel is expected to show a sale or a figure: the setting --stock-lag, or twice late_seconds if that is more. What it may sell counts as exposure until that long has passed."`
}

func stockTimes(f pipeline.StockFreshness) StockTimes {
	return StockTimes{
		Measured: f.Took.Figures, MeanSeconds: f.Took.Mean().Seconds(), MaxSeconds: f.Took.Longest.Seconds(),
		LateSeconds: f.Took.Late.Seconds(), LagSeconds: f.Lag.Seconds(),
	}
}

// FigureView is the figures of a product, or of a component of a kit.
type FigureView struct {
	SKU         string     `json:"sku"`
	PerKit      int64      `json:"per_kit,omitempty" doc:"Of a component: how many units one kit takes."`
	OnHand      int64      `json:"on_hand" doc:"Lies in the warehouse, whatever for."`
	Reserved    int64      `json:"reserved" doc:"Of it for orders and carts."`
	Quarantine  int64      `json:"quarantine" doc:"Of it waiting for a decision."`
	Expected    int64      `json:"expected" doc:"On its way to the warehouse."`
	Available   int64      `json:"available"`
	CountedAt   *time.Time `json:"counted_at,omitempty" doc:"Since when the figures are known; absent = never counted or received."`
	Exposure    int64      `json:"exposure" doc:"Units that could be sold twice now: what the channels may still sell beyond what is available."`
	ExposureMax int64      `json:"exposure_max" doc:"The most there ever was."`
}

// ShownView is how far the figure of a listing has come.
type ShownView struct {
	Listing     int64                  `json:"listing"`
	Account     string                 `json:"account"`
	Key         string                 `json:"key" doc:"The channel's key of the offer."`
	Article     string                 `json:"article"`
	Live        bool                   `json:"live"`
	Publish     PublishRule            `json:"publish,omitzero" doc:"The listing's own rule; absent = as the account says."`
	State       store.PublicationState `json:"state" enum:"new,idle,intent,sent,accepted,confirmed,uncertain,rejected,stopped" doc:"new: what the channel shows was never read; idle: nothing was ever to be shown; uncertain: it was sent and could not be confirmed, it is sent again; stopped: somebody else writes this figure."`
	Wanted      *int64                 `json:"wanted,omitempty"`
	WantedAt    *time.Time             `json:"wanted_at,omitempty"`
	Sent        *int64                 `json:"sent,omitempty" doc:"Absent = none was sent, or it is not known whether it stands."`
	SentAt      *time.Time             `json:"sent_at,omitempty"`
	AcceptedAt  *time.Time             `json:"accepted_at,omitempty"`
	Confirmed   *int64                 `json:"confirmed,omitempty" doc:"What the channel was last read to show."`
	ConfirmedAt *time.Time             `json:"confirmed_at,omitempty"`
	Took        float64                `json:"took_seconds,omitempty" doc:"From sending the figure to reading it back."`
	Late        float64                `json:"late_seconds,omitempty" doc:"How long after it was sent more than the figure was still shown."`
	ForeignAt   *time.Time             `json:"foreign_at,omitempty" doc:"When a figure was found here that is not the hub's."`
	Foreign     *int64                 `json:"foreign,omitempty" doc:"That figure."`
	Settled     bool                   `json:"settled" doc:"All that was sold before the confirmed figure is in the ledger."`
	Exposure    int64                  `json:"exposure" doc:"Units that the channel may still sell without the hub knowing."`
	Sold        int64                  `json:"sold" doc:"Units sold since the figure was sent, as far as seen."`
	NextAt      *time.Time             `json:"next_at,omitempty" doc:"When the hub looks again."`
	Attempts    int                    `json:"attempts,omitempty"`
	Class       orderhub.Class         `json:"class,omitempty"`
	Error       string                 `json:"error,omitempty" doc:"Why the figure is not there, in words."`
}

func (a *API) stock(h huma.API) {
	type explainIn struct {
		SKU    string `path:"sku" maxLength:"100" doc:"With %-escapes: / is %2F."`
		Before int64  `query:"before" minimum:"1" doc:"Only moves with ids below: the \"before\" of the previous page."`
		Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many moves."`
	}
	huma.Register(h, op("explain-stock", http.MethodGet, "/products/{sku}/stock", "Stock", "Unfold the figure of a product: its moves, its policy, and what each listing is to show, was sent and shows"),
		func(ctx context.Context, in *explainIn) (*body[StockCard], error) {
			e, err := a.hub.ExplainStock(ctx, in.SKU, in.Before, in.Limit)
			if err != nil {
				return nil, a.problem(err)
			}
			card := stockCard(e)
			if len(e.Moves) == in.Limit {
				card.Before = e.Moves[len(e.Moves)-1].ID
			}
			return answer(card), nil
		})
	a.pull(h)
}

func stockCard(e pipeline.Explained) StockCard {
	c := StockCard{
		SKU: e.Product.SKU, Name: e.Product.Name, Kit: len(e.Product.Components) > 0, Available: e.Available,
		Policy:  policyView(e.Policy, e.Product.Oversell != orderhub.OversellDefault),
		Figures: []FigureView{}, Moves: append([]orderhub.Move{}, e.Moves...), Listings: []ShownView{},
	}
	for i, s := range e.Stock {
		f := FigureView{
			SKU: s.SKU, OnHand: s.OnHand, Reserved: s.Reserved, Quarantine: s.Quarantine, Expected: s.Expected, Available: s.Available(),
			CountedAt: timeOrNil(s.CountedAt), Exposure: s.Exposure, ExposureMax: s.ExposureMax,
		}
		if c.Kit {
			f.PerKit = e.Product.Components[i].Quantity
		}
		c.Figures = append(c.Figures, f)
	}
	for _, l := range e.Listings {
		c.Listings = append(c.Listings, shownView(l.Listing, l.Publication))
	}
	c.Channels = []ChannelTimes{}
	for _, id := range slices.Sorted(maps.Keys(e.Times)) {
		c.Channels = append(c.Channels, ChannelTimes{id, stockTimes(e.Times[id])})
	}
	return c
}

func shownView(l orderhub.Listing, p *store.Publication) ShownView {
	v := ShownView{
		Listing: l.ID, Account: l.AccountID, Key: l.Key, Article: l.Article, Live: l.Live, Publish: PublishRule(l.Publish),
		State: store.PublicationIdle, Settled: true,
	}
	if p == nil {
		return v
	}
	v.State, v.Settled, v.Exposure, v.Sold, v.Attempts, v.Class, v.Error = p.Shown(), p.Settled, p.Exposure, p.Sold, p.Attempts, p.Class, p.Error
	v.Wanted, v.WantedAt = figureOrNil(p.Wanted), timeOrNil(p.WantedAt)
	v.Sent, v.SentAt, v.AcceptedAt = figureOrNil(p.Sent), timeOrNil(p.SentAt), timeOrNil(p.AcceptedAt)
	v.Took, v.Late = p.Took.Seconds(), p.Late.Seconds()
	if v.ForeignAt = timeOrNil(p.ForeignAt); v.ForeignAt != nil {
		v.Foreign = &p.ForeignShown
	}
	v.Confirmed, v.ConfirmedAt, v.NextAt = figureOrNil(p.Confirmed), timeOrNil(p.ConfirmedAt), timeOrNil(p.NextAt)
	return v
}

// figureOrNil leaves out what is no figure: -1 is never, -2 not known.
func figureOrNil(n int64) *int64 {
	if n < 0 {
		return nil
	}
	return &n
}
