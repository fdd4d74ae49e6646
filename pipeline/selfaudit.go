package pipeline

import (
	"context"
	"time"

	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// auditFeed is the name under which the regular loss audit keeps its position.
const auditFeed = "audit"

const (
	// auditEvery is the pause between two audits of an account; auditDays how many
	// finished days each looks at.
	auditEvery = 6 * time.Hour
	auditDays  = 2
	// keepReadings is how long readings that failed can be looked up.
	keepReadings = 30 * 24 * time.Hour
	// keepHookIDs is how long webhook ids are remembered: longer than any sender
	// goes on repeating.
	keepHookIDs = 90 * 24 * time.Hour
)

// auditRegularly keeps comparing what the channel lists with what the hub holds.
// A day with a gap is read again; the result is saved either way.
func (h *Hub) auditRegularly(ctx context.Context, a *account, lease store.Lease) error {
	pos, err := h.store.Feed(ctx, a.ID, auditFeed)
	if err != nil {
		return err
	}
	pos.SweepStartedAt = h.store.Now()
	missing := 0
	if _, ok := a.adapter.(channel.RangeLister); ok {
		for back := auditDays; back > 0; back-- {
			day := h.store.Now().AddDate(0, 0, -back).Truncate(24 * time.Hour)
			found, err := h.Audit(ctx, a.ID, day)
			if err == nil && len(found.Missing) > 0 {
				// By range: single reads may not carry the goods (Wildberries).
				missing += len(found.Missing)
				_, err = h.RepullRange(ctx, a.ID, day, day.AddDate(0, 0, 1))
			}
			if err != nil {
				return h.feedFailed(ctx, a, pos, nil, err, lease)
			}
		}
	}
	if err := h.store.ForgetHooks(ctx, h.store.Now().Add(-keepHookIDs)); err != nil {
		return err
	}
	if err := h.store.ForgetReadings(ctx, a.ID, h.store.Now().Add(-keepReadings), 1000); err != nil {
		return err
	}
	pos.ConfirmedAt, pos.FinishedAt, pos.SweepStartedAt = pos.SweepStartedAt, h.store.Now(), time.Time{}
	pos.Failures, pos.Error, pos.Class = 0, "", ""
	pos.NextAt = pos.FinishedAt.Add(h.pause(auditEvery))
	if missing > 0 {
		h.log.Warn("the audit found orders that the hub did not hold; their day was read again", "account", a.ID, "orders", missing)
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		return tx.SetFeed(ctx, pos)
	})
}
