package pipeline

import (
	"context"
	"crypto/subtle"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/notify"
	"github.com/orderhub/orderhub/store"
)

const (
	// pollFor is how long Telegram holds a question for updates open.
	pollFor = 25 * time.Second
	// listenFor is how long one job listens; the tick starts the next one.
	listenFor = time.Minute
)

// listen asks the bot for what people did. An update is confirmed by the position
// that is written after it was handled: a killed hub handles it again, and each
// of them can be handled twice.
func (h *Hub) listen(ctx context.Context, lease store.Lease) error {
	if h.notify.Bot == nil {
		return nil
	}
	at, _, err := h.store.NotifyCursor(ctx, botCursor)
	if err != nil {
		return err
	}
	// A hub that stops hangs up at once.
	ctx, hangUp := context.WithCancel(ctx)
	defer hangUp()
	defer context.AfterFunc(h.stopping, hangUp)()
	failures := 0
	for end := time.Now().Add(h.pause(listenFor)); time.Now().Before(end) && ctx.Err() == nil; {
		updates, err := h.notify.Bot.Updates(ctx, at, pollFor)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			failures++
			h.log.Warn("asking the bot for updates failed", "error", err.Error())
			sleep(ctx, min(jobs.Policy(err, failures, h.scale).Wait+h.pause(time.Second), time.Minute))
			continue
		}
		failures = 0
		for _, u := range updates {
			if err := h.handleUpdate(ctx, u); err != nil {
				return err
			}
			if err := h.between("handled"); err != nil {
				return err
			}
			next := max(at, u.ID+1)
			if err := h.writeCauses(ctx, lease, botCursor, at, next, nil, nil); err != nil {
				return err
			}
			at = next
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (h *Hub) handleUpdate(ctx context.Context, u notify.Update) error {
	switch {
	case u.Callback != nil:
		return h.pressed(ctx, *u.Callback)
	case u.Message != nil:
		// In a group the command carries the bot's name: "/start@orderhub_bot CODE".
		command, code, _ := strings.Cut(u.Message.Text, " ")
		if name, _, _ := strings.Cut(command, "@"); name == "/start" && code != "" {
			return h.link(ctx, strings.TrimSpace(code), *u.Message)
		}
	}
	return nil
}

// link connects the chat that sent a code to the recipient it was made for.
func (h *Hub) link(ctx context.Context, code string, in notify.Incoming) error {
	list, err := h.store.Recipients(ctx)
	if err != nil {
		return err
	}
	now := h.store.Now()
	for _, r := range list {
		if r.Code == "" || subtle.ConstantTimeCompare([]byte(r.Code), []byte(code)) != 1 || now.After(r.CodeUntil) {
			continue
		}
		if r.State == orderhub.RecipientActive {
			if r.Chat != in.Chat.ID || r.User != in.From.ID {
				break // a code is good for one chat
			}
			return h.reply(ctx, in.Chat.ID, said(r.Language, sayLinked))
		}
		if err := h.store.InTx(ctx, func(tx *store.Tx) error {
			locked, err := tx.LockRecipient(ctx, r.ID)
			if err != nil {
				return err
			}
			if locked.State != orderhub.RecipientWaiting || locked.Code != r.Code {
				return nil // changed meanwhile
			}
			locked.State, locked.Chat, locked.User = orderhub.RecipientActive, in.Chat.ID, in.From.ID
			return tx.SaveRecipient(ctx, locked)
		}); err != nil && orderhub.CodeOf(err) != orderhub.CodeNotFound {
			return err
		}
		return h.reply(ctx, in.Chat.ID, said(r.Language, sayLinked))
	}
	return h.reply(ctx, in.Chat.ID, said(orderhub.Russian, sayNoCode)+" / "+said(orderhub.English, sayNoCode))
}

// reply is a courtesy: that it fails changes nothing.
func (h *Hub) reply(ctx context.Context, chat int64, text string) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if err := h.notify.Bot.Send(ctx, notify.Message{To: orderhub.RecipientAddress{Chat: chat}, Text: text}); err != nil {
		h.log.Warn("answering a chat failed", "error", err.Error())
	}
	return nil
}

const confirmPrefix = "confirm:"

func confirmData(number int64) string { return confirmPrefix + strconv.FormatInt(number, 10) }

// pressed does what a button asks for, if who pressed it may. The machine decides
// as everywhere; a button pressed twice finds the order confirmed.
func (h *Hub) pressed(ctx context.Context, c notify.Callback) error {
	list, err := h.store.Recipients(ctx)
	if err != nil {
		return err
	}
	language, text := orderhub.Russian, ""
	number, err := strconv.ParseInt(strings.TrimPrefix(c.Data, confirmPrefix), 10, 64)
	if err != nil || !strings.HasPrefix(c.Data, confirmPrefix) {
		text = said(language, sayNotAllowed)
	}
	var who *orderhub.Recipient
	for i, r := range list {
		if r.Kind == orderhub.RecipientTelegram && r.State == orderhub.RecipientActive && c.Message != nil && r.Chat == c.Message.Chat.ID {
			language = r.Language
			if r.User == c.From.ID && r.MayAct {
				who = &list[i]
				break
			}
		}
	}
	switch {
	case text != "":
	case who == nil:
		text = said(language, sayNotAllowed)
	default:
		text, err = h.confirmFor(ctx, *who, number)
		if err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if err := h.notify.Bot.Answer(ctx, c.ID, text); err != nil {
		h.log.Warn("answering a button failed", "error", err.Error())
	}
	return nil
}

// confirmFor asks for the order to be confirmed in somebody's name, and gives the
// sentence to show. An error is the hub's own trouble: it is tried again.
func (h *Hub) confirmFor(ctx context.Context, who orderhub.Recipient, number int64) (string, error) {
	_, err := h.Advance(ctx, number, orderhub.Request{
		To: orderhub.StatusConfirmed, Actor: orderhub.Actor{Kind: orderhub.ActorUser, Name: "telegram: " + who.Name},
	})
	switch {
	case err == nil:
		return said(who.Language, sayConfirmed), nil
	case orderhub.CodeOf(err) != "":
		return Sentence(err), nil
	default:
		return "", err
	}
}

// phrase is something that the hub itself says in a chat.
type phrase int

const (
	sayOpen phrase = iota
	sayConfirm
	sayConfirmed
	sayNotAllowed
	sayLinked
	sayNoCode
)

func said(language orderhub.Language, p phrase) string {
	texts := map[phrase][2]string{
		sayOpen:       {"Открыть заказ", "Open the order"},
		sayConfirm:    {"Подтвердить", "Confirm"},
		sayConfirmed:  {"Заказ подтверждается", "The order is being confirmed"},
		sayNotAllowed: {"Вам это не разрешено", "You may not do this"},
		sayLinked:     {"Готово: сюда будут приходить сообщения orderhub", "Done: orderhub will write here"},
		sayNoCode:     {"Код не подходит или устарел", "The code is not known or too old"},
	}
	if language == orderhub.English {
		return texts[p][1]
	}
	return texts[p][0]
}
