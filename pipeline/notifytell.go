package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/notify"
	"github.com/orderhub/orderhub/store"
)

const (
	// sendTimeout is how long one sending may take.
	sendTimeout = 15 * time.Second
	// giveUpAfter is how long a message is tried.
	giveUpAfter = 24 * time.Hour
	// tellBatch is how many messages are formed or read in one step.
	tellBatch = 20
	// webhookBatch is how many causes one message to a program lists.
	webhookBatch = 1000
)

// spacing is how long a recipient has rest after a message; what comes meanwhile
// is gathered. Telegram takes 20 messages a minute in a group.
func spacing(kind orderhub.RecipientKind) time.Duration {
	switch kind {
	case orderhub.RecipientTelegram:
		return 3 * time.Second
	case orderhub.RecipientEmail:
		return 30 * time.Second
	case orderhub.RecipientWebhook:
		return 0 // a program says 429 when it wants rest
	}
	return time.Minute
}

// tellLane works a lane of telling.
func (h *Hub) tellLane(ctx context.Context, lane jobs.Lane, lease store.Lease) error {
	to := store.Told{Kind: orderhub.RecipientKind(lane.Account)}
	if lane.Feed != "" {
		var err error
		if to.RecipientID, err = strconv.ParseInt(lane.Feed, 10, 64); err != nil {
			return fmt.Errorf("lane %s: %w", lane, err)
		}
	}
	return h.tell(ctx, to, lease)
}

// tell forms the messages that are due to somebody, and sends them.
func (h *Hub) tell(ctx context.Context, whom store.Told, lease store.Lease) error {
	for {
		if err := h.formDue(ctx, whom, lease); err != nil {
			return err
		}
		list, err := h.store.DueNotices(ctx, whom, tellBatch)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, m := range list {
			if err := h.send(ctx, m, lease); err != nil {
				return err
			}
		}
	}
}

// formDue makes one message of all that waits for a recipient by a rule.
func (h *Hub) formDue(ctx context.Context, whom store.Told, lease store.Lease) error {
	groups, err := h.store.DueGroups(ctx, whom, tellBatch)
	if err != nil || len(groups) == 0 {
		return err
	}
	texts, err := h.texts(ctx)
	if err != nil {
		return err
	}
	formed := map[int64]bool{}
	for _, g := range groups {
		if formed[g.RecipientID] {
			continue // it has rest now
		}
		formed[g.RecipientID] = true
		rule, err := h.store.Rule(ctx, g.RuleID)
		if orderhub.CodeOf(err) == orderhub.CodeNotFound {
			continue // deleted just now, and what waited with it
		}
		if err != nil {
			return err
		}
		if err := h.form(ctx, g, rule, texts, lease); err != nil {
			return err
		}
		if err := h.between("formed"); err != nil {
			return err
		}
	}
	return nil
}

func (h *Hub) form(ctx context.Context, g store.CauseGroup, rule orderhub.NotifyRule, texts map[textKey]string, lease store.Lease) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		to, err := tx.LockRecipient(ctx, g.RecipientID)
		if orderhub.CodeOf(err) == orderhub.CodeNotFound {
			return nil
		}
		if err != nil {
			return err
		}
		show := notify.Shown
		if to.Kind == orderhub.RecipientWebhook {
			show = webhookBatch
		}
		first, err := tx.Waiting(ctx, g, show)
		if err != nil || len(first) == 0 {
			return err
		}
		now, upTo, count := h.store.Now(), int64(0), int64(len(first))
		if to.Kind == orderhub.RecipientWebhook {
			upTo = first[len(first)-1].ID
		} else if count == notify.Shown {
			if count, err = tx.CountWaiting(ctx, g); err != nil {
				return err
			}
		}
		m := &orderhub.Notice{
			RuleID: rule.ID, RecipientID: to.ID, Kind: to.Kind, State: orderhub.MessagePending, NextAt: notify.Awake(rule.Timing, now),
		}
		m.GiveUpAt = m.NextAt.Add(h.pause(giveUpAfter))
		if err := h.write(m, rule, to, count, first, texts); err != nil {
			return err
		}
		return tx.Form(ctx, m, upTo, now.Add(h.pause(spacing(to.Kind))))
	})
}

// write fills a message with what it says.
func (h *Hub) write(m *orderhub.Notice, rule orderhub.NotifyRule, to orderhub.Recipient, count int64, first []orderhub.NotifyCause, texts map[textKey]string) error {
	v := notify.View{Rule: rule.Name, Count: count}
	items := make([]orderhub.Facts, 0, len(first))
	for _, c := range first {
		items = append(items, c.Facts)
	}
	v.Items = items[:min(len(items), notify.Shown)]
	v.More = count - int64(len(v.Items))
	key := textKey{rule.Template, rule.Language}
	if key.name == "" {
		key.name = notify.DefaultTemplate(rule.On)
	}
	if key.language == "" {
		key.language = to.Language
	}
	m.Text = h.text(texts, key, notify.Zone(rule.Timing), v)
	if count == 1 {
		m.OrderID = items[0].Number
		m.Confirm = m.OrderID != 0 && items[0].Status == orderhub.StatusNew && to.MayAct && to.Kind == orderhub.RecipientTelegram && h.notify.Bot != nil
	}
	if to.Kind != orderhub.RecipientWebhook {
		return nil
	}
	payload, err := json.Marshal(map[string]any{"type": "notify." + string(rule.On), "rule": rule.Name, "text": m.Text, "items": items})
	if err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	m.Payload = string(payload)
	return nil
}

type textKey struct {
	name     string
	language orderhub.Language
}

// texts reads the texts that replace the built-in ones.
func (h *Hub) texts(ctx context.Context) (map[textKey]string, error) {
	list, err := h.store.NotifyTexts(ctx)
	if err != nil {
		return nil, err
	}
	out := map[textKey]string{}
	for _, t := range list {
		out[textKey{t.Name, t.Language}] = t.Body
	}
	return out, nil
}

// text fills a template in. An own one that fails on these very facts is no
// reason not to tell.
func (h *Hub) text(texts map[textKey]string, key textKey, zone *time.Location, v notify.View) string {
	if own := texts[key]; own != "" {
		text, err := notify.Write(own, key.language, zone, v)
		if err == nil {
			return text
		}
		h.log.Warn("a template fails, the built-in one is used", "template", key.name, "language", string(key.language), "error", err.Error())
	}
	text, err := notify.Write(notify.BuiltIn(key.name, key.language), key.language, zone, v)
	if err != nil {
		return v.Rule + ": " + strconv.FormatInt(v.Count, 10)
	}
	return text
}

// send sends one message. That it is about to leave is written before, and what
// came of it afterwards; what is found in between may have arrived.
func (h *Hub) send(ctx context.Context, m orderhub.Notice, lease store.Lease) error {
	was := m.State
	if was == orderhub.MessageSending && !m.Kind.Repeatable() {
		m.State, m.Error = orderhub.MessageUncertain, "the hub was stopped while it was sent: it may have arrived"
		return h.saveNotice(ctx, m, was, lease)
	}
	to, err := h.store.Recipient(ctx, m.RecipientID)
	if err != nil && orderhub.CodeOf(err) != orderhub.CodeNotFound {
		return err
	}
	if err != nil || to.State != orderhub.RecipientActive {
		m.State, m.Error = orderhub.MessageFailed, "the recipient cannot be written to any more"
		return h.saveNotice(ctx, m, was, lease)
	}
	timing, err := h.timingOf(ctx, m.RuleID)
	if err != nil {
		return err
	}
	m.State = orderhub.MessageSending
	m.Attempts++
	if err := h.saveNotice(ctx, m, was, lease); err != nil {
		return err
	}
	if err := h.between("marked"); err != nil {
		return err
	}
	err = h.deliver(ctx, m, to)
	if err := h.between("sent"); err != nil {
		return err
	}
	h.settleNotice(&m, err)
	restUntil := m.NextAt
	sleepOver(&m, timing)
	// What came of it is written even if the lane is to stop.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		moved, err := tx.SaveNotice(ctx, m, orderhub.MessageSending)
		if err != nil || !moved {
			return err
		}
		if m.Class == orderhub.ClassRateLimited {
			if err := tx.KeepFree(ctx, m.RecipientID, restUntil); err != nil {
				return err
			}
		}
		return tx.SetRecipientError(ctx, m.RecipientID, m.Error)
	})
}

// deliver makes the call. A hub that stops lets it end: half a sending is worse.
func (h *Hub) deliver(ctx context.Context, m orderhub.Notice, to orderhub.Recipient) error {
	sender := h.notify.Senders[m.Kind]
	if sender == nil {
		return orderhub.NewBorderError(orderhub.ClassAuth, "notify", Sentence(errNoSender(m.Kind)), nil)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	msg := notify.Message{Key: m.Key, To: to.RecipientAddress, Text: m.Text, Payload: []byte(m.Payload)}
	if m.OrderID != 0 && h.notify.PublicURL != "" {
		msg.Buttons = append(msg.Buttons, notify.Button{
			Text: said(to.Language, sayOpen), URL: h.notify.PublicURL + "/orders/" + strconv.FormatInt(m.OrderID, 10),
		})
	}
	if m.Confirm {
		msg.Buttons = append(msg.Buttons, notify.Button{Text: said(to.Language, sayConfirm), Data: confirmData(m.OrderID)})
	}
	if drop := h.hooks.DropMessage; drop != nil && drop(m) {
		return nil
	}
	if again := h.hooks.RepeatMessage; again != nil && again(m) {
		if err := sender.Send(ctx, msg); err != nil {
			return err
		}
	}
	return sender.Send(ctx, msg)
}

// settleNotice decides what comes after a sending.
func (h *Hub) settleNotice(m *orderhub.Notice, err error) {
	now := h.store.Now()
	if err == nil {
		m.State, m.SentAt, m.Class, m.Error = orderhub.MessageSent, now, "", ""
		return
	}
	m.Class, m.Error = orderhub.ClassOf(err), Sentence(err)
	next := jobs.Policy(err, m.Attempts, h.scale)
	next.Wait = h.paced(err, m.Attempts, next.Wait)
	switch {
	case m.Class == orderhub.ClassUncertain && !m.Kind.Repeatable():
		m.State = orderhub.MessageUncertain
	case !next.Again:
		m.State = orderhub.MessageFailed
	case now.Add(next.Wait).After(m.GiveUpAt):
		m.State = orderhub.MessageGivenUp
	default:
		m.State, m.NextAt = orderhub.MessagePending, now.Add(next.Wait)
	}
}

// authPause is the longest pause between tries that the other side does not let in:
// a person may mend that at any minute.
const authPause = 15 * time.Minute

// paced lets tries come ever more slowly that the policy repeats evenly: it is made
// for one call after the other, here each message has tries of its own.
func (h *Hub) paced(err error, attempts int, wait time.Duration) time.Duration {
	var e *orderhub.BorderError
	if !errors.As(err, &e) {
		return wait
	}
	backoff := jobs.Policy(orderhub.NewBorderError(orderhub.ClassRetry, e.Op, e.Sentence, nil), attempts, h.scale).Wait
	switch e.Class {
	case orderhub.ClassRateLimited:
		if e.RetryAfter == 0 {
			return max(wait, backoff)
		}
	case orderhub.ClassAuth:
		return max(wait, min(backoff, h.pause(authPause)))
	case orderhub.ClassRejected, orderhub.ClassRetry, orderhub.ClassUncertain:
	}
	return wait
}

// timingOf reads when a message's rule speaks: any time, when there is no rule.
func (h *Hub) timingOf(ctx context.Context, ruleID int64) (orderhub.NotifyTiming, error) {
	if ruleID == 0 {
		return orderhub.NotifyTiming{}, nil
	}
	rule, err := h.store.Rule(ctx, ruleID)
	if orderhub.CodeOf(err) == orderhub.CodeNotFound {
		return orderhub.NotifyTiming{}, nil // deleted: its hours with it
	}
	return rule.Timing, err
}

// sleepOver puts the next try behind the quiet hours. They do not count as time in
// which it was tried.
func sleepOver(m *orderhub.Notice, timing orderhub.NotifyTiming) {
	if m.State == orderhub.MessagePending {
		awake := notify.Awake(timing, m.NextAt)
		m.GiveUpAt, m.NextAt = m.GiveUpAt.Add(awake.Sub(m.NextAt)), awake
	}
}

func (h *Hub) saveNotice(ctx context.Context, m orderhub.Notice, was orderhub.MessageState, lease store.Lease) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		moved, err := tx.SaveNotice(ctx, m, was)
		if err == nil && !moved {
			err = errors.New("message " + strconv.FormatInt(m.ID, 10) + " was changed meanwhile")
		}
		return err
	})
}
