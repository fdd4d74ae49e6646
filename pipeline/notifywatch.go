package pipeline

import (
	"context"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// When a state is worth telling.
const (
	failingFor    = 10 * time.Minute
	keyEndsWithin = 14 * 24 * time.Hour
	shipWithin    = 2 * time.Hour
	cancelWithin  = 24 * time.Hour
	pickUpWithin  = 48 * time.Hour
	answerWithin  = 24 * time.Hour
)

// checkEvery is how often credentials are tried; a failed check is made again soon.
const checkEvery = 24 * time.Hour

// keepNotices is how long settled messages can be looked up.
const keepNotices = 90 * 24 * time.Hour

// watchBatch is how many orders one step of watching writes.
const watchBatch = 500

// watch looks once a minute for what no event tells. A state is told once: its
// key names the state and its beginning.
func (h *Hub) watch(ctx context.Context, b *book, lease store.Lease) error {
	at, looked, err := h.store.NotifyCursor(ctx, watchCursor)
	if err != nil || h.store.Now().Sub(looked) < store.WatchEvery {
		return err
	}
	since, change, err := h.troubles(ctx, b)
	if err != nil {
		return err
	}
	causes := h.accountCauses(b, since)
	more, err := h.integrationCauses(ctx, b)
	if err != nil {
		return err
	}
	causes = append(causes, more...)
	if err := h.between("watched"); err != nil {
		return err
	}
	if err := h.writeCauses(ctx, lease, watchCursor, at, at+1, causes, change); err != nil {
		return err
	}
	if err := h.store.ForgetFirings(ctx, h.store.Now().Add(-keepFirings), 1000); err != nil || b.deaf() {
		return err
	}
	for _, r := range b.on(orderhub.OnDeadline) {
		if err := h.watchDeadlines(ctx, b, r, lease); err != nil {
			return err
		}
		if err := h.watchWishes(ctx, b, r, lease); err != nil {
			return err
		}
	}
	for _, r := range b.on(orderhub.OnReturnDeadline) {
		if err := h.watchReturns(ctx, b, r, lease); err != nil {
			return err
		}
	}
	if err := h.checkOne(ctx, b); err != nil {
		return err
	}
	return h.store.ForgetNotices(ctx, h.store.Now().Add(-keepNotices), 1000)
}

// trouble is what is wrong with an account.
type trouble struct {
	since time.Time
	why   string
}

// troubles finds accounts that fail and since when; change notes the beginnings
// and the ends.
func (h *Hub) troubles(ctx context.Context, b *book) (map[string]trouble, func(tx *store.Tx) error, error) {
	known, err := h.store.NotifyStates(ctx)
	if err != nil {
		return nil, nil, err
	}
	feeds, err := h.store.Feeds(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	why := map[string]string{}
	for id, a := range b.accounts {
		if a.State == orderhub.AccountActive && a.Health.Error != "" {
			why[id] = a.Health.Error
		}
	}
	for _, f := range feeds {
		if b.accounts[f.AccountID].State == orderhub.AccountActive && f.Error != "" {
			why[f.AccountID] = f.Error
		}
	}
	now := h.store.Now()
	out, starts, ends := map[string]trouble{}, map[string]time.Time{}, []string{}
	for id, text := range why {
		since, ok := known[id]
		if !ok {
			since, starts[id] = now, now
		}
		out[id] = trouble{since, text}
	}
	for id := range known {
		if why[id] == "" {
			ends = append(ends, id)
		}
	}
	return out, func(tx *store.Tx) error {
		for id, at := range starts {
			if err := tx.SaveNotifyState(ctx, id, at); err != nil {
				return err
			}
		}
		for _, id := range ends {
			if err := tx.SaveNotifyState(ctx, id, time.Time{}); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// accountCauses tells of accounts that fail for long and of keys that end soon.
func (h *Hub) accountCauses(b *book, failing map[string]trouble) []orderhub.NotifyCause {
	var out []orderhub.NotifyCause
	now := h.store.Now()
	for _, r := range b.on(orderhub.OnAccountFailing) {
		for id, t := range failing {
			if now.Sub(t.since) < failingFor {
				continue
			}
			f := orderhub.Facts{On: r.On, At: t.since, Why: t.why}
			b.accountFacts(&f, id)
			out = append(out, b.causes(r, "failing-"+id+"-"+t.since.Format(time.RFC3339), f, now)...)
		}
	}
	for _, r := range b.on(orderhub.OnKeyExpiring) {
		for id, a := range b.accounts {
			ends := a.Health.KeyExpiresAt
			if a.State != orderhub.AccountActive || ends.IsZero() || ends.Sub(now) > keyEndsWithin {
				continue
			}
			f := orderhub.Facts{On: r.On, At: now, Deadline: ends}
			b.accountFacts(&f, id)
			out = append(out, b.causes(r, "key-"+id+"-"+ends.UTC().Format(time.DateOnly), f, now)...)
		}
	}
	return out
}

// integrationCauses tells of webhooks and exchanges of files that fail.
func (h *Hub) integrationCauses(ctx context.Context, b *book) ([]orderhub.NotifyCause, error) {
	rules := b.on(orderhub.OnIntegration)
	if len(rules) == 0 {
		return nil, nil
	}
	troubles, err := h.integrationTroubles(ctx)
	now := h.store.Now()
	var out []orderhub.NotifyCause
	for _, r := range rules {
		for _, t := range troubles {
			t.facts.On = r.On
			out = append(out, b.causes(r, t.key, t.facts, now)...)
		}
	}
	return out, err
}

// watchDeadlines tells of orders that must be handed over soon.
func (h *Hub) watchDeadlines(ctx context.Context, b *book, r orderhub.NotifyRule, lease store.Lease) error {
	now := h.store.Now()
	after := int64(0)
	for {
		orders, err := h.store.Deadlines(ctx, r.ID, now, now.Add(shipWithin), after, watchBatch)
		if err != nil || len(orders) == 0 {
			return err
		}
		var causes []orderhub.NotifyCause
		for _, o := range orders {
			after = o.ID
			f := orderhub.Facts{On: r.On, At: now, Deadline: o.Snapshot.ShipBy}
			b.orderFacts(&f, o)
			causes = append(causes, b.causes(r, store.DeadlineCause(o.ID, o.Snapshot.ShipBy), f, now)...)
		}
		if err := h.tellAll(ctx, causes, lease); err != nil {
			return err
		}
	}
}

// tellAll writes down causes that a look at states found.
func (h *Hub) tellAll(ctx context.Context, causes []orderhub.NotifyCause, lease store.Lease) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		return tx.AddCauses(ctx, causes)
	})
}

// watchWishes tells of buyers' wishes to cancel that the channel answers itself soon.
func (h *Hub) watchWishes(ctx context.Context, b *book, r orderhub.NotifyRule, lease store.Lease) error {
	now := h.store.Now()
	after := int64(0)
	for {
		orders, err := h.store.Wishes(ctx, r.ID, now, now.Add(cancelWithin), after, watchBatch)
		if err != nil || len(orders) == 0 {
			return err
		}
		var causes []orderhub.NotifyCause
		for _, o := range orders {
			after = o.ID
			wish := o.Snapshot.CancelRequest
			if wish == nil {
				continue
			}
			f := orderhub.Facts{On: r.On, At: now, State: orderhub.DeadlineCancel, Deadline: wish.AnswerBy}
			b.orderFacts(&f, o)
			causes = append(causes, b.causes(r, store.WishCause(o.ID, wish.AnswerBy), f, now)...)
		}
		if err := h.tellAll(ctx, causes, lease); err != nil {
			return err
		}
	}
}

// watchReturns tells of returns that must be answered, or collected before they are
// destroyed, soon.
func (h *Hub) watchReturns(ctx context.Context, b *book, r orderhub.NotifyRule, lease store.Lease) error {
	now := h.store.Now()
	after := int64(0)
	for {
		list, err := h.store.ReturnDeadlines(ctx, r.ID, now, now.Add(max(pickUpWithin, answerWithin)), after, watchBatch)
		if err != nil || len(list) == 0 {
			return err
		}
		var ids []int64
		for _, back := range list {
			ids = append(ids, back.OrderID)
		}
		slices.Sort(ids)
		found, err := h.store.OrdersByIDs(ctx, slices.Compact(ids))
		if err != nil {
			return err
		}
		orders := map[int64]*orderhub.Order{}
		for _, o := range found {
			orders[o.ID] = o
		}
		var causes []orderhub.NotifyCause
		for _, back := range list {
			after = back.ID
			causes = append(causes, b.returnCauses(r, back, orders[back.OrderID], now)...)
		}
		if err := h.tellAll(ctx, causes, lease); err != nil {
			return err
		}
	}
}

// returnCauses tells of the deadlines of a return that are near; o may be nil.
func (b *book) returnCauses(r orderhub.NotifyRule, back *orderhub.Return, o *orderhub.Order, now time.Time) []orderhub.NotifyCause {
	answer, pickUp := back.Deadlines()
	var out []orderhub.NotifyCause
	for _, d := range []struct {
		state  string
		at     time.Time
		within time.Duration
	}{{orderhub.DeadlineAnswer, answer, answerWithin}, {orderhub.DeadlinePickUp, pickUp, pickUpWithin}} {
		if d.at.IsZero() || !d.at.After(now) || d.at.Sub(now) > d.within {
			continue
		}
		f := orderhub.Facts{On: r.On, At: now, State: d.state, Return: back.ID, Deadline: d.at}
		if o != nil {
			b.orderFacts(&f, o)
		} else {
			b.returnFacts(&f, back)
		}
		out = append(out, b.causes(r, store.ReturnCause(back.ID, d.at), f, now)...)
	}
	return out
}

// checkOne tries the credentials of the account that was not checked for longest:
// when a key ends is known from nothing else. What is wrong is recorded there.
func (h *Hub) checkOne(ctx context.Context, b *book) error {
	now := h.store.Now()
	id, oldest := "", now
	for _, a := range b.accounts {
		last, every := a.Health.CheckedAt, checkEvery
		if last.IsZero() {
			last = a.CreatedAt
		}
		if a.Health.Error != "" {
			every = store.WatchEvery
		}
		if a.State == orderhub.AccountActive && now.Sub(last) >= every && last.Before(oldest) && h.checks(ctx, a.ID) {
			id, oldest = a.ID, last
		}
	}
	if id == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if _, err := h.CheckAccount(ctx, id); err != nil {
		h.log.Warn("checking the credentials failed", "account", id, "error", err.Error())
	}
	return nil
}

// checks tells whether an account's credentials can be tried.
func (h *Hub) checks(ctx context.Context, id string) bool {
	a, err := h.account(ctx, id)
	if err != nil {
		return false // its own lanes say so
	}
	_, ok := a.adapter.(channel.Checker)
	return ok
}
