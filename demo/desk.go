package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/marketsim"
)

// desk is who works the returns of a demo: fetches what lies at a point, answers,
// and decides about what waits in quarantine. Whoever tries the demo keeps a return
// to themselves by taking its order.
type desk struct {
	world *world
	stats DeskStats
	// answered are returns that an answer was asked for: a second one is refused as
	// long as the first is on its way.
	answered map[int64]bool
}

// DeskStats counts what was done about returns.
type DeskStats struct {
	Fetched  int `json:"fetched"`
	Decided  int `json:"decided"`
	Answered int `json:"answered"`
	Refused  int `json:"refused"`
}

// run works until ctx ends.
func (d *desk) run(ctx context.Context) {
	for ctx.Err() == nil {
		_ = d.round(ctx) // the hub may be away for a moment: the next round goes on
		_ = d.world.resend(ctx)
		wait(ctx, 700*time.Millisecond)
	}
}

func (d *desk) round(ctx context.Context) error {
	for _, work := range []struct {
		filter url.Values
		do     func(context.Context, api.ReturnRow) error
	}{
		{url.Values{"waiting": {"true"}}, d.answer},
		{url.Values{"state": {"at_pickup"}}, d.fetch},
		{url.Values{"state": {"received"}}, d.decide},
	} {
		list, err := allReturns(ctx, d.world.client, work.filter)
		if err != nil {
			return err
		}
		for _, r := range list {
			if err := work.do(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// fetch drives to the point, and receives what is handed over there.
func (d *desk) fetch(ctx context.Context, r api.ReturnRow) error {
	for _, m := range d.world.sims.Markets() {
		books, ok := m.(marketsim.Returning)
		if !ok || AccountID(m.Channel()) != r.Account {
			continue
		}
		if t, ok := truthOf(books, r.ExternalID); ok && t.State == orderhub.ReturnAtPickup {
			if _, err := books.ProgressReturn(r.ExternalID); err != nil {
				return err
			}
		}
		t, ok := truthOf(books, r.ExternalID)
		if !ok || t.State != orderhub.ReturnReceived {
			return nil // it is destroyed, or still on its way
		}
		d.world.shelf.Back(string(m.Channel()), t)
		d.stats.Fetched++
		return d.ask(ctx, fmt.Sprintf("/returns/%d/receive", r.ID), api.ReceiveWish{Note: "fetched at the point"})
	}
	return nil
}

func truthOf(books marketsim.Returning, id string) (marketsim.TruthReturn, bool) {
	for _, t := range books.Returns() {
		if t.ID == id {
			return t, true
		}
	}
	return marketsim.TruthReturn{}, false
}

// decide looks at what lies in quarantine: two of three units are sound.
func (d *desk) decide(ctx context.Context, r api.ReturnRow) error {
	var card api.ReturnCard
	if err := d.world.client.Do(ctx, http.MethodGet, fmt.Sprintf("/returns/%d", r.ID), nil, &card); err != nil {
		return err
	}
	for i, g := range card.Goods {
		if g.Quarantined == 0 || r.ID%4 == 0 {
			continue // some are left for tomorrow
		}
		if taken, err := d.taken(ctx, card.Number); err != nil || taken {
			return err
		}
		wish := api.DecideWish{Goods: i, Decision: orderhub.DecideResell, Quantity: g.Quarantined, Why: "looked at, sound"}
		if r.ID%3 == 0 {
			wish.Decision, wish.Why, wish.Photo = orderhub.DecideWriteOff, "cracked", fmt.Sprintf("photos/return-%d.jpg", r.ID)
		}
		d.stats.Decided++
		if err := d.ask(ctx, fmt.Sprintf("/returns/%d/decide", r.ID), wish); err != nil {
			return err
		}
	}
	return nil
}

// answer gives one of the answers that the channel takes.
func (d *desk) answer(ctx context.Context, r api.ReturnRow) error {
	var card api.ReturnCard
	if err := d.world.client.Do(ctx, http.MethodGet, fmt.Sprintf("/returns/%d", r.ID), nil, &card); err != nil {
		return err
	}
	if len(card.Actions) == 0 || card.Number == 0 || d.answered[r.ID] {
		return nil
	}
	if taken, err := d.taken(ctx, card.Number); err != nil || taken {
		return err
	}
	action := card.Actions[int(r.ID)%len(card.Actions)]
	wish := api.AnswerWish{Action: action.Code, Comment: "looked into it"}
	if len(action.Reasons) > 0 {
		wish.Reason = action.Reasons[0].Code
	}
	if action.NeedsAmount {
		wish.Amount = &orderhub.Money{Minor: 10000, Currency: "RUB"}
	}
	d.answered[r.ID] = true
	d.stats.Answered++
	return d.ask(ctx, fmt.Sprintf("/returns/%d/answer", r.ID), wish)
}

// taken tells whether somebody else works on an order.
func (d *desk) taken(ctx context.Context, number int64) (bool, error) {
	if number == 0 {
		return false, nil
	}
	var o api.OrderRow
	err := d.world.client.Do(ctx, http.MethodGet, fmt.Sprintf("/orders/%d", number), nil, &o)
	return o.Assignee != "", err
}

// ask counts refusals: returns move under people's hands.
func (d *desk) ask(ctx context.Context, path string, wish any) error {
	err := d.world.client.Do(ctx, http.MethodPost, path, wish, nil)
	if p, ok := err.(*api.Problem); ok && p.Status < 500 { //nolint:errorlint // Do returns a bare *api.Problem
		d.stats.Refused++
		return nil
	}
	return err
}
