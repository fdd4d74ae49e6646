package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/notify"
	"github.com/orderhub/orderhub/notify/notifytest"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// phone is the manager's Telegram: a Bot API of this machine, with faults like the
// markets, and one chat that is linked to the hub.
type phone struct {
	bot      *notifytest.Telegram
	faults   *marketsim.Injector
	chat, to int64
	resent   int
}

// ToldReport holds what the manager was told of returns against the books.
type ToldReport struct {
	// Returns are in the simulators' books, Messages arrived in the chat in all.
	Returns  int `json:"returns"`
	Messages int `json:"messages"`
	// Resent messages had an unknown fate and were not in the chat: the manager had
	// them sent again.
	Resent int `json:"resent"`
	// Untold returns are in no message that arrived, Twice in more than one.
	Untold []string `json:"untold"`
	Twice  []string `json:"twice"`
}

func (r *ToldReport) clean() bool { return len(r.Untold)+len(r.Twice) == 0 }

// newPhone starts the Bot API.
func newPhone(seed uint64, faults marketsim.Faults) *phone {
	p := &phone{faults: marketsim.NewInjector(seed+4242, faults), chat: time.Now().UnixMicro()}
	say := func(status int, body map[string]any) marketsim.ErrorWriter {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(body)
		}
	}
	p.bot = notifytest.NewTelegram(func(next http.Handler) http.Handler {
		return p.faults.Wrap(next,
			say(http.StatusTooManyRequests, map[string]any{
				"ok": false, "error_code": http.StatusTooManyRequests, "description": "Too Many Requests", "parameters": map[string]int{"retry_after": 1},
			}),
			say(http.StatusInternalServerError, map[string]any{"ok": false, "error_code": http.StatusInternalServerError, "description": "Internal Server Error"}))
	})
	return p
}

func (p *phone) options() pipeline.NotifyOptions {
	bot := notify.NewTelegram(notifytest.BotToken, p.bot.URL, &http.Client{Timeout: 45 * time.Second})
	return pipeline.NotifyOptions{Bot: bot, Senders: map[orderhub.RecipientKind]notify.Sender{orderhub.RecipientTelegram: bot}}
}

func (p *phone) close() {
	p.bot.CloseClientConnections()
	p.bot.Close()
}

// link connects the manager's chat to the hub, as a person does, and lets messages
// gather for a second and not for long.
func (w *world) link(ctx context.Context) error {
	r, err := w.hub.AddRecipient(ctx, orderhub.Recipient{Kind: orderhub.RecipientTelegram, Name: "manager"})
	if err != nil {
		return err
	}
	w.phone.to = r.ID
	rules, err := w.store.Rules(ctx)
	if err != nil {
		return err
	}
	for _, rule := range rules {
		rule.Timing.Window = time.Second
		if _, err := w.hub.SaveRule(ctx, rule); err != nil {
			return err
		}
	}
	w.phone.bot.Say(w.phone.chat, w.phone.chat, "/start "+r.Code)
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until) && ctx.Err() == nil; wait(ctx, 50*time.Millisecond) {
		if r, err = w.store.Recipient(ctx, r.ID); err != nil || r.State == orderhub.RecipientActive {
			return err
		}
	}
	return orderhub.Errorf(orderhub.CodeUnavailable, "the manager's chat could not be linked")
}

// arrived counts the messages in the chat by their text.
func (p *phone) arrived() map[string]int {
	out := map[string]int{}
	for _, m := range p.bot.Sent() {
		if m.Chat == p.chat {
			out[m.Text]++
		}
	}
	return out
}

// messages lists what the hub meant to tell the manager.
func (w *world) messages(ctx context.Context) ([]orderhub.Notice, error) {
	f := store.NoticeFilter{RecipientID: w.phone.to, Limit: 500}
	var out []orderhub.Notice
	for {
		list, err := w.store.ListNotices(ctx, f)
		if err != nil || len(list) == 0 {
			return out, err
		}
		out = append(out, list...)
		f.Before = list[len(list)-1].ID
	}
}

// resend lets messages be sent again whose fate is unknown and that are not in the
// chat: what a person does who is shown them.
func (w *world) resend(ctx context.Context) error {
	list, err := w.messages(ctx)
	if err != nil {
		return err
	}
	there := w.phone.arrived()
	for _, m := range list {
		if m.State == orderhub.MessageUncertain && there[shown(m.Text)] == 0 {
			if err := w.client.Do(ctx, http.MethodPost, fmt.Sprintf("/notify/messages/%d/retry", m.ID), nil, nil); err != nil {
				return err
			}
			w.phone.resent++
		}
	}
	return nil
}

// shown is a text as a chat shows it.
func shown(text string) string { return strings.TrimSpace(text) }

// compareTold compares what the manager was told of returns with the books, until it
// agrees or a while is over: messages are gathered, and have rest between them.
func (w *world) compareTold(ctx context.Context, patience time.Duration) (*ToldReport, error) {
	for until := time.Now().Add(patience); ; wait(ctx, 500*time.Millisecond) {
		if err := w.resend(ctx); err != nil {
			w.log.Warn("messages could not be sent again", "error", err.Error())
		}
		rep, err := w.told(ctx)
		if err != nil || rep.clean() || time.Now().After(until) || ctx.Err() != nil {
			return rep, err
		}
	}
}

// told counts for each return in the books the messages that arrived and tell of it.
func (w *world) told(ctx context.Context) (*ToldReport, error) {
	due, err := w.toTell(ctx)
	if err != nil {
		return nil, err
	}
	list, err := w.messages(ctx)
	if err != nil {
		return nil, err
	}
	there, meant, times := w.phone.arrived(), map[string]int{}, map[string]int{}
	for _, m := range list {
		meant[shown(m.Text)]++
	}
	for _, m := range list {
		causes, err := w.store.Causes(ctx, m.ID, int(m.Causes)+1)
		if err != nil {
			return nil, err
		}
		for _, c := range causes {
			// Two messages of one text are told apart by nothing: each arrived as often
			// as the other.
			times[c.Key] += there[shown(m.Text)] / meant[shown(m.Text)]
		}
	}
	rep := &ToldReport{Returns: len(due), Resent: w.phone.resent}
	for _, n := range there {
		rep.Messages += n
	}
	for _, key := range slices.Sorted(maps.Keys(due)) {
		switch n := times[key]; {
		case n == 0:
			rep.Untold = append(rep.Untold, due[key])
		case n > 1:
			rep.Twice = append(rep.Twice, fmt.Sprintf("%s: %d times", due[key], n))
		}
	}
	return rep, nil
}

// toTell lists the returns in the books: by the key of the cause, in words. A return
// that the hub does not have is in the list all the same.
func (w *world) toTell(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	for _, m := range w.sims.Markets() {
		books, ok := m.(marketsim.Returning)
		if !ok {
			continue
		}
		account := AccountID(m.Channel())
		ours, err := allReturns(ctx, w.client, url.Values{"account": {account}})
		if err != nil {
			return nil, err
		}
		numbers := map[string]int64{}
		for _, r := range ours {
			numbers[r.ExternalID] = r.ID
		}
		for _, t := range books.Returns() {
			key := fmt.Sprintf("return-%d", numbers[t.ID])
			if numbers[t.ID] == 0 {
				key = "no return " + t.ID
			}
			out[key] = account + ": return " + t.ID
		}
	}
	return out, nil
}
