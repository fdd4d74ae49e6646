package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/notify"
	"github.com/orderhub/orderhub/store"
)

// NotifyOptions say how people are told.
type NotifyOptions struct {
	// Senders by kind; a webhook sender is made when there is none.
	Senders map[orderhub.RecipientKind]notify.Sender
	// Bot is asked what people answer; nil = nobody can link a chat.
	Bot *notify.Telegram
	// PublicURL is where people open the hub, for links in messages; "" = no links.
	PublicURL string
}

// noticeLane finds out what is to be told; it belongs to no account. The tell
// lanes send: one for chats, one for mail, and one for each webhook, so that a slow
// one keeps nobody else waiting.
var (
	noticeLane = jobs.Lane{Work: jobs.WorkNotify, Account: "people"}
	listenLane = jobs.Lane{Work: jobs.WorkListen, Account: string(orderhub.RecipientTelegram)}
)

func tellLane(kind orderhub.RecipientKind, recipient int64) jobs.Lane {
	lane := jobs.Lane{Work: jobs.WorkTell, Account: string(kind)}
	if kind == orderhub.RecipientWebhook {
		lane.Feed = strconv.FormatInt(recipient, 10)
	}
	return lane
}

func (h *Hub) prepareNotify(opts Options) {
	h.notify = opts.Notify
	h.notify.PublicURL = strings.TrimRight(h.notify.PublicURL, "/")
	senders := map[orderhub.RecipientKind]notify.Sender{orderhub.RecipientWebhook: notify.NewWebhook(h.outward.Client(sendTimeout), h.store.Now)}
	for kind, s := range h.notify.Senders {
		senders[kind] = s
	}
	h.notify.Senders = senders
	h.stopping, h.stopPolls = context.WithCancel(context.Background())
}

// notifyLanes lists the lanes of telling people with due work.
func (h *Hub) notifyLanes(d store.Due) []jobs.Lane {
	var lanes []jobs.Lane
	if d.Notify {
		lanes = append(lanes, noticeLane)
	}
	for _, to := range d.Tell {
		lanes = append(lanes, tellLane(to.Kind, to.RecipientID))
	}
	if h.notify.Bot != nil {
		lanes = append(lanes, listenLane)
	}
	return lanes
}

// between lets a test stop the work between two steps.
func (h *Hub) between(step string) error {
	if h.step == nil {
		return nil
	}
	return h.step(step)
}

// notice reads what happened since the last time, looks for states, and writes
// down who is to be told of what.
func (h *Hub) notice(ctx context.Context, lease store.Lease) error {
	b, err := h.openBook(ctx)
	if err != nil {
		return err
	}
	if err := h.noticeEvents(ctx, b, lease); err != nil {
		return err
	}
	return h.watch(ctx, b, lease)
}

// noticeBatch is how many events are looked at in one step.
const noticeBatch = 1000

const eventCursor, watchCursor, botCursor = "events", "watch", "telegram"

// noticeEvents follows the events of all orders. The causes are written together
// with the position, so that a killed reader neither skips nor repeats one.
func (h *Hub) noticeEvents(ctx context.Context, b *book, lease store.Lease) error {
	at, _, err := h.store.NotifyCursor(ctx, eventCursor)
	if err != nil {
		return err
	}
	last, settled, err := h.store.SettledEvents(ctx)
	if err != nil || !settled {
		return err // the tick comes again
	}
	for at < last {
		to, causes := last, []orderhub.NotifyCause(nil)
		if !b.deaf() {
			events, err := h.store.EventsAfter(ctx, at, noticeBatch)
			if err != nil {
				return err
			}
			events = slices.DeleteFunc(events, func(e orderhub.Event) bool { return e.ID > last })
			if len(events) == noticeBatch {
				to = events[len(events)-1].ID
			}
			if causes, err = h.findCauses(ctx, b, events); err != nil {
				return err
			}
		}
		if err := h.between("matched"); err != nil {
			return err
		}
		if err := h.writeCauses(ctx, lease, eventCursor, at, to, causes, nil); err != nil {
			return err
		}
		if err := h.between("written"); err != nil {
			return err
		}
		at = to
	}
	return nil
}

// writeCauses moves a cursor and writes the causes found on the way; more may be
// written in the same transaction.
func (h *Hub) writeCauses(ctx context.Context, lease store.Lease, cursor string, from, to int64, causes []orderhub.NotifyCause, more func(tx *store.Tx) error) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		moved, err := tx.MoveCursor(ctx, cursor, from, to)
		if err != nil {
			return err
		}
		if !moved {
			return store.ErrFenced // somebody else was here
		}
		if more != nil {
			if err := more(tx); err != nil {
				return err
			}
		}
		return tx.AddCauses(ctx, causes)
	})
}

// book is who is to be told of what, as of one moment.
type book struct {
	rules      []orderhub.NotifyRule // the enabled ones
	recipients map[int64]orderhub.Recipient
	accounts   map[string]orderhub.Account
}

func (h *Hub) openBook(ctx context.Context) (*book, error) {
	rules, err := h.store.Rules(ctx)
	if err != nil {
		return nil, err
	}
	recipients, err := h.store.Recipients(ctx)
	if err != nil {
		return nil, err
	}
	accounts, err := h.store.Accounts(ctx, true)
	if err != nil {
		return nil, err
	}
	b := &book{recipients: map[int64]orderhub.Recipient{}, accounts: map[string]orderhub.Account{}}
	b.rules = slices.DeleteFunc(rules, func(r orderhub.NotifyRule) bool { return !r.Enabled })
	for _, r := range recipients {
		if r.State == orderhub.RecipientActive {
			b.recipients[r.ID] = r
		}
	}
	for _, a := range accounts {
		b.accounts[a.ID] = a
	}
	return b, nil
}

// deaf tells that nobody is to be told anything.
func (b *book) deaf() bool { return len(b.rules) == 0 || len(b.recipients) == 0 }

// on lists the rules that listen to a trigger.
func (b *book) on(t orderhub.Trigger) []orderhub.NotifyRule {
	var out []orderhub.NotifyRule
	for _, r := range b.rules {
		if r.On == t {
			out = append(out, r)
		}
	}
	return out
}

// causes makes a rule's causes of facts, one for each recipient.
func (b *book) causes(r orderhub.NotifyRule, key string, f orderhub.Facts, now time.Time) []orderhub.NotifyCause {
	if !r.Filter.Passes(f) {
		return nil
	}
	ids := f.Recipients
	if len(ids) == 0 {
		ids = r.Recipients
	}
	if len(ids) == 0 {
		for id := range b.recipients {
			ids = append(ids, id)
		}
		slices.Sort(ids)
	}
	due := notify.Due(r.Timing, now)
	var out []orderhub.NotifyCause
	for _, id := range ids {
		if to, ok := b.recipients[id]; ok {
			out = append(out, orderhub.NotifyCause{RuleID: r.ID, RecipientID: id, Kind: to.Kind, Key: key, At: f.At, DueAt: due, Facts: f})
		}
	}
	return out
}

// eventData is what events carry for programs, as far as rules look at it.
type eventData struct {
	Hold   orderhub.Hold   `json:"hold"`
	On     bool            `json:"on"`
	State  json.RawMessage `json:"state"`
	Return json.RawMessage `json:"return"`
	Notify []tell          `json:"notify"`
}

// findCauses finds the causes in events.
func (h *Hub) findCauses(ctx context.Context, b *book, events []orderhub.Event) ([]orderhub.NotifyCause, error) {
	wanted := slices.DeleteFunc(events, func(e orderhub.Event) bool { return len(b.on(orderhub.Trigger(e.Kind))) == 0 })
	if len(wanted) == 0 {
		return nil, nil
	}
	about, err := h.subjectsOf(ctx, wanted)
	if err != nil {
		return nil, err
	}
	now := h.store.Now()
	var out []orderhub.NotifyCause
	for _, e := range wanted {
		key, f, ok := eventFacts(e)
		if !ok {
			continue
		}
		for i, f := range spoken(e, f) {
			if !b.subjectFacts(&f, e, about) {
				continue
			}
			for _, r := range b.on(f.On) {
				out = append(out, b.causes(r, key+strings.Repeat("+", i), f, now)...)
			}
		}
	}
	return out, nil
}

// subjects are the orders that events are about, and the returns without one.
type subjects struct {
	orders  map[int64]*orderhub.Order
	returns map[int64]*orderhub.Return
}

func (h *Hub) subjectsOf(ctx context.Context, events []orderhub.Event) (subjects, error) {
	about := subjects{orders: map[int64]*orderhub.Order{}, returns: map[int64]*orderhub.Return{}}
	var numbers, backs []int64
	for _, e := range events {
		if e.OrderID != 0 {
			numbers = append(numbers, e.OrderID)
		} else {
			backs = append(backs, e.ReturnID)
		}
	}
	slices.Sort(numbers)
	orders, err := h.store.OrdersByIDs(ctx, slices.Compact(numbers))
	if err != nil {
		return about, err
	}
	for _, o := range orders {
		about.orders[o.ID] = o
	}
	if len(backs) == 0 {
		return about, nil
	}
	slices.Sort(backs)
	returns, err := h.store.ReturnsByIDs(ctx, slices.Compact(backs))
	for _, r := range returns {
		about.returns[r.ID] = r
	}
	return about, err
}

// subjectFacts tells what an event is about; false when that is not to be found.
func (b *book) subjectFacts(f *orderhub.Facts, e orderhub.Event, about subjects) bool {
	f.Return = e.ReturnID
	if o := about.orders[e.OrderID]; o != nil {
		b.orderFacts(f, o)
		return true
	}
	r := about.returns[e.ReturnID]
	if r != nil {
		b.returnFacts(f, r)
	}
	return r != nil
}

// returnFacts tells of a return whose order is not in the hub.
func (b *book) returnFacts(f *orderhub.Facts, r *orderhub.Return) {
	f.Return, f.External, f.Units = r.ID, cmp.Or(r.Snapshot.ExternalNumber, r.Snapshot.ExternalID), r.Units()
	b.accountFacts(f, r.AccountID)
	f.Channel = r.Channel
}

// eventFacts takes out of an event what can be told; ok is false for one that is
// no news to anybody.
func eventFacts(e orderhub.Event) (key string, f orderhub.Facts, ok bool) {
	f = orderhub.Facts{On: orderhub.Trigger(e.Kind), At: e.At, From: e.From, To: e.To}
	key = "event-" + strconv.FormatInt(e.ID, 10)
	var d eventData
	if len(e.Data) > 0 && json.Unmarshal(e.Data, &d) != nil {
		d = eventData{} // the event is news all the same
	}
	f.State = strings.Trim(string(d.State), `"`)
	switch f.On {
	case orderhub.OnHold:
		f.Hold = d.Hold
		return key, f, d.On && d.Hold != "" // not when it is lifted
	case orderhub.OnEffect:
		// The sentence of the channel; events of other kinds may hold what people typed.
		f.Why = strings.TrimPrefix(strings.TrimPrefix(e.Why, f.State), ": ")
	case orderhub.OnReturn:
		// A return moves on in several events and is new once.
		if id := strings.Trim(string(d.Return), `"`); e.ReturnID != 0 {
			key = fmt.Sprintf("return-%d", e.ReturnID)
		} else if id != "" && id != "null" {
			key = "return-" + clean(fmt.Sprintf("%d-%s", e.OrderID, id))
		}
	case orderhub.OnRule:
		return key, f, len(d.Notify) > 0
	case orderhub.OnReceived, orderhub.OnStatus, orderhub.OnChanged, orderhub.OnRequested, orderhub.OnDrift,
		orderhub.OnAccountFailing, orderhub.OnKeyExpiring, orderhub.OnDeadline, orderhub.OnReturnDeadline, orderhub.OnIntegration:
	}
	return key, f, true
}

// spoken are the facts of an event, or of each message of an automation rule.
func spoken(e orderhub.Event, f orderhub.Facts) []orderhub.Facts {
	if f.On != orderhub.OnRule {
		return []orderhub.Facts{f}
	}
	var d eventData
	if json.Unmarshal(e.Data, &d) != nil {
		return nil
	}
	var out []orderhub.Facts
	for _, t := range d.Notify {
		f.Automation, f.Why, f.Recipients = e.Actor.Name, t.Text, t.Recipients
		out = append(out, f)
	}
	return out
}

func (b *book) orderFacts(f *orderhub.Facts, o *orderhub.Order) {
	f.Number, f.External, f.Status = o.ID, o.Snapshot.ExternalNumber, o.Headline
	f.Units, f.Total = o.Snapshot.Units(), o.Snapshot.Total
	b.accountFacts(f, o.AccountID)
	f.Channel = o.Channel
}

func (b *book) accountFacts(f *orderhub.Facts, id string) {
	f.Account, f.AccountName, f.Channel = id, id, b.accounts[id].Channel
	if name := b.accounts[id].Name; name != "" {
		f.AccountName = name
	}
}

// errNoSender tells that a kind of recipient is not set up in this process.
func errNoSender(kind orderhub.RecipientKind) error {
	switch kind {
	case orderhub.RecipientTelegram:
		return orderhub.Errorf(orderhub.CodeUnavailable, "the hub has no Telegram bot: start it with --telegram-token")
	case orderhub.RecipientEmail:
		return orderhub.Errorf(orderhub.CodeUnavailable, "the hub has no mail server: start it with --smtp-host and --smtp-from")
	case orderhub.RecipientWebhook:
	}
	return errors.New("no sender for " + string(kind))
}
