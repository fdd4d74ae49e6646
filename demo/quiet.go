package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
)

// Quiet waits until the hub has nothing left to do and every feed was swept
// after the moment, so that whatever the simulators show is in the hub.
func Quiet(ctx context.Context, c *Client, sims *Sims, since time.Time, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for calm := 0; calm < 3; {
		busy := "the hub does not answer"
		var list api.AccountList
		if err := c.Do(ctx, http.MethodGet, "/accounts", nil, &list); err == nil {
			busy = whatIsBusy(list, sims, since)
		}
		calm++
		if busy != "" {
			calm = 0
		}
		if ctx.Err() != nil {
			return errors.New("still busy: " + busy)
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
			if f.Feed == "catalogue" {
				continue // it shows no orders, and is read once an hour
			}
			if f.ConfirmedAt == nil || f.ConfirmedAt.Before(since) {
				return a.ID + ": feed " + f.Feed + " not swept yet"
			}
		}
	}
	return ""
}
