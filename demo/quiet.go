package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/channel/all"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/pipeline"
)

// Finish lets couriers and buyers go on until nothing that the hub asked the
// markets for is open, for 30 s at most: some steps end only with them (a
// conditional delivery).
func Finish(ctx context.Context, c *Client, traffic *marketsim.Traffic) {
	until := time.Now().Add(30 * time.Second)
	for ctx.Err() == nil && time.Now().Before(until) {
		traffic.Step()
		var list api.AccountList
		if err := c.Do(ctx, http.MethodGet, "/accounts", nil, &list); err == nil {
			open := int64(0)
			for _, a := range list.Accounts {
				open += openEffects(a)
			}
			if open == 0 {
				return
			}
		}
		wait(ctx, 250*time.Millisecond)
	}
}

// Quiet waits until the hub has nothing left to do and every feed was swept
// after the moment, so that whatever the simulators show is in the hub.
func Quiet(ctx context.Context, c *Client, sims *Sims, since time.Time, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	busy := "the hub does not answer"
	for calm := 0; calm < 3; {
		if ctx.Err() != nil {
			return errors.New("still busy: " + busy)
		}
		var list api.AccountList
		if err := c.Do(ctx, http.MethodGet, "/accounts", nil, &list); err == nil {
			busy = whatIsBusy(list, sims, since)
		} else if ctx.Err() == nil {
			busy = "the hub does not answer: " + err.Error()
		}
		calm++
		if busy != "" {
			calm = 0
		}
		wait(ctx, 200*time.Millisecond)
	}
	return nil
}

func openEffects(a api.AccountView) int64 {
	return a.Effects[orderhub.EffectIntent] + a.Effects[orderhub.EffectSent] + a.Effects[orderhub.EffectAccepted]
}

func whatIsBusy(list api.AccountList, sims *Sims, since time.Time) string {
	if n := sims.Shop.Owed(); n > 0 {
		return fmt.Sprintf("the shop owes %d messages", n)
	}
	for _, a := range list.Accounts {
		open := openEffects(a)
		if open+a.Pending+a.Hints > 0 {
			return fmt.Sprintf("%s: %d effects, %d raw answers, %d hints", a.ID, open, a.Pending, a.Hints)
		}
		for _, f := range a.Feeds {
			if f.Feed == "catalogue" || f.Feed == pipeline.ReconcileFeed {
				continue // they show no orders, and are read now and then
			}
			read := since
			if tellsReturns(a.Channel, f.Feed) {
				read = since.Add(stockLag) // one look must do: it must not be at a replica that is behind
			}
			if f.ConfirmedAt == nil || f.ConfirmedAt.Before(read) {
				return a.ID + ": feed " + f.Feed + " not swept yet"
			}
		}
	}
	return ""
}

// tellsReturns tells whether a feed is of returns: those are read now and then.
func tellsReturns(name orderhub.Channel, feed string) bool {
	for _, c := range all.All() {
		for _, f := range c.Descriptor.Feeds {
			if c.Descriptor.Name == name && f.Name == feed {
				return f.Returns
			}
		}
	}
	return false
}
