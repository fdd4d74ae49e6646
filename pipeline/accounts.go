package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// AddAccount checks the settings against the channel's descriptor and creates
// the account. It makes no call to the channel, see CheckAccount.
func (h *Hub) AddAccount(ctx context.Context, id string, name orderhub.Channel, title string, settings map[string]string) (orderhub.Account, error) {
	c, err := h.Channel(name)
	if err != nil {
		return orderhub.Account{}, err
	}
	resolved, err := c.Descriptor.Resolve(settings)
	if err != nil {
		return orderhub.Account{}, err
	}
	if _, err := c.Open(resolved, channel.Deps{Now: h.store.Now}); err != nil {
		return orderhub.Account{}, err
	}
	if title == "" {
		title = c.Descriptor.Title
	}
	return h.store.CreateAccount(ctx, orderhub.Account{ID: id, Channel: name, Name: title, Settings: settings})
}

// ChangeSettings replaces some of an account's settings (a key that was renewed);
// an empty value takes the setting back. The rest stays, and the whole is checked
// before anything is written.
func (h *Hub) ChangeSettings(ctx context.Context, id string, changes map[string]string) error {
	a, err := h.store.Account(ctx, id)
	if err != nil {
		return err
	}
	c, err := h.Channel(a.Channel)
	if err != nil {
		return err
	}
	next := maps.Clone(a.Settings)
	if next == nil {
		next = map[string]string{}
	}
	for k, v := range changes {
		next[k] = v
	}
	resolved, err := c.Descriptor.Resolve(next)
	if err != nil {
		return err
	}
	if _, err := c.Open(resolved, channel.Deps{Now: h.store.Now}); err != nil {
		return err
	}
	maps.DeleteFunc(next, func(_, v string) bool { return v == "" })
	a.Settings = next
	return h.store.UpdateAccount(ctx, a)
}

// SetAccountState pauses, resumes or removes an account.
func (h *Hub) SetAccountState(ctx context.Context, id string, state orderhub.AccountState) error {
	return h.store.SetAccountState(ctx, id, state)
}

// CheckAccount tries an account's credentials and records the answer.
func (h *Hub) CheckAccount(ctx context.Context, id string) (channel.CheckResult, error) {
	a, err := h.account(ctx, id)
	if err != nil {
		return channel.CheckResult{}, err
	}
	checker, ok := a.adapter.(channel.Checker)
	if !ok {
		return channel.CheckResult{}, orderhub.Errorf(orderhub.CodeUnsupported, "%s has nothing to check", a.channel.Descriptor.Title)
	}
	res, checkErr := checker.Check(ctx)
	health := orderhub.Health{CheckedAt: h.store.Now(), KeyExpiresAt: res.Expires, Warnings: res.Warnings}
	if checkErr != nil {
		health.FailingSince, health.Class, health.Error = a.Health.FailingSince, orderhub.ClassOf(checkErr), Sentence(checkErr)
		if health.FailingSince.IsZero() {
			health.FailingSince = h.store.Now()
		}
	}
	if err := h.store.SetHealth(ctx, id, health); err != nil {
		return res, err
	}
	return res, checkErr
}

// Freshness is how near the hub is to an account's channel.
type Freshness struct {
	Account orderhub.Account
	Feeds   []FeedFreshness
	Backlog store.Backlog
	// Stock is how near the figures that the account shows are.
	Stock StockFreshness
	// Effects is how long the channel took with changes of the last day.
	Effects store.EffectTimes
	// QuotaLeft counts the calls that each quota group allows right now.
	QuotaLeft map[string]int
	// WebhookPath is where the channel sends its messages.
	WebhookPath string
	// ListsDays: the channel lists the orders of a day, so that the audit can
	// compare; ReadsOrders: it shows single orders by their id.
	ListsDays, ReadsOrders bool
	// Audit is how far the regular loss audit is.
	Audit store.FeedPosition
	// Problem says in words what a person should do, "" = nothing.
	Problem string
}

// StockFreshness is how near the figures are that an account shows.
type StockFreshness struct {
	store.StockShown
	// Took is what the channel needed to show figures, measured over a day; Lag is
	// how late at most it is expected to be, worked out from that.
	Took store.StockTimes
	Lag  time.Duration
	// Reconciled is how far the nightly reading of all figures is, or was.
	Reconciled StockReconciled
}

// FeedFreshness is how near one feed is.
type FeedFreshness struct {
	store.FeedPosition
	Every time.Duration
	// Lag is the age of the last confirmed sweep; 0 before the first.
	Lag time.Duration
	// Late: the feed should have been confirmed long ago.
	Late bool
}

// Freshness tells how near the hub is to each account's channel.
func (h *Hub) Freshness(ctx context.Context) ([]Freshness, error) {
	accounts, err := h.store.Accounts(ctx, false)
	if err != nil {
		return nil, err
	}
	positions, err := h.store.Feeds(ctx, "")
	if err != nil {
		return nil, err
	}
	backlogs, err := h.store.Backlogs(ctx)
	if err != nil {
		return nil, err
	}
	stock, err := h.stockFreshness(ctx, positions)
	if err != nil {
		return nil, err
	}
	times, err := h.store.EffectTimes(ctx, h.store.Now().Add(-measuredOver))
	if err != nil {
		return nil, err
	}
	out := make([]Freshness, 0, len(accounts))
	for _, a := range accounts {
		f := Freshness{Account: a, Backlog: backlogs[a.ID], Stock: stock[a.ID], Effects: times[a.ID], WebhookPath: "/hooks/" + a.ID + "/" + a.HookKey}
		f.Stock.Lag = h.lagOf(f.Stock.Took)
		if open, err := h.account(ctx, a.ID); err == nil {
			f.QuotaLeft = open.quotas.Left()
			_, f.ListsDays = open.adapter.(channel.RangeLister)
			_, f.ReadsOrders = open.adapter.(channel.OrderReader)
		} else {
			f.Problem = Sentence(err)
		}
		h.feedFreshness(&f, positions)
		if f.Problem == "" {
			f.Problem = problem(f)
		}
		out = append(out, f)
	}
	return out, nil
}

// ForeignFor is how long a figure that somebody else wrote is shown as trouble.
const ForeignFor = 24 * time.Hour

func (h *Hub) stockFreshness(ctx context.Context, positions []store.FeedPosition) (map[string]StockFreshness, error) {
	now := h.store.Now()
	shown, err := h.store.StocksShown(ctx, now.Add(-ForeignFor))
	if err != nil {
		return nil, err
	}
	times, err := h.store.StockTimes(ctx, now.Add(-measuredOver))
	if err != nil {
		return nil, err
	}
	out := map[string]StockFreshness{}
	for id, s := range shown {
		out[id] = StockFreshness{StockShown: s, Took: times[id]}
	}
	for _, p := range positions {
		if f, ok := out[p.AccountID]; ok && p.Feed == ReconcileFeed && len(p.Cursor) > 0 {
			if err := json.Unmarshal(p.Cursor, &f.Reconciled); err != nil {
				return nil, fmt.Errorf("read how far the figures of %s are reconciled: %w", p.AccountID, err)
			}
			out[p.AccountID] = f
		}
	}
	return out, nil
}

func (h *Hub) feedFreshness(f *Freshness, positions []store.FeedPosition) {
	d := h.channels[f.Account.Channel].Descriptor
	every := map[string]time.Duration{refreshFeed: d.RefreshOpen, catalogueFeed: catalogueEvery, ReconcileFeed: 24 * time.Hour}
	for _, feed := range d.Feeds {
		every[feed.Name] = feed.Every
	}
	now := h.store.Now()
	for _, p := range positions {
		if p.AccountID == f.Account.ID && p.Feed == auditFeed {
			f.Audit = p
		}
	}
	for _, name := range h.feeds(f.Account.Channel) {
		ff := FeedFreshness{FeedPosition: store.FeedPosition{AccountID: f.Account.ID, Feed: name}, Every: h.pause(every[name])}
		for _, p := range positions {
			if p.AccountID == f.Account.ID && p.Feed == name {
				ff.FeedPosition = p
			}
		}
		if !ff.ConfirmedAt.IsZero() {
			ff.Lag = now.Sub(ff.ConfirmedAt)
			ff.Late = ff.Lag > 3*ff.Every+2*time.Minute
		}
		f.Feeds = append(f.Feeds, ff)
	}
}

// problem puts an account's worst trouble into words.
func problem(f Freshness) string {
	if f.Account.State == orderhub.AccountPaused {
		return "paused: nothing is read or sent"
	}
	for _, feed := range f.Feeds {
		if feed.Error != "" {
			return "reading " + feed.Feed + " fails: " + feed.Error
		}
	}
	switch {
	case f.Account.Health.Error != "":
		return f.Account.Health.Error
	case f.Backlog.Quarantined > 0:
		return plural(int(f.Backlog.Quarantined), "answer") + " in quarantine"
	case f.Backlog.Effects[orderhub.EffectUncertain] > 0:
		return plural(int(f.Backlog.Effects[orderhub.EffectUncertain]), "effect") + " of uncertain fate"
	case f.Stock.Foreign > 0:
		return "somebody else writes stock figures: " + plural(int(f.Stock.Foreign), "listing")
	case f.Stock.States[store.PublicationRejected] > 0:
		return "stock figures are refused: " + plural(int(f.Stock.States[store.PublicationRejected]), "listing")
	case len(f.Account.Health.Warnings) > 0:
		return f.Account.Health.Warnings[0]
	default:
		return ""
	}
}
