package pipeline

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"slices"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/notify"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/webhook"
)

// codeFor is how long a link code is good.
const codeFor = 24 * time.Hour

// firstRules makes the rules that a new hub has, once in its life: what is
// deleted stays deleted.
func (h *Hub) firstRules(ctx context.Context) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		for _, set := range []struct {
			name  string
			rules []orderhub.NotifyRule
		}{{"notify_rules", defaultRules()}, {"notify_rules_2", laterRules()}, {"notify_rules_3", erpRules()}} {
			first, err := tx.FirstTime(ctx, set.name)
			if err != nil {
				return err
			}
			for _, r := range set.rules {
				if !first {
					break
				}
				if err := tx.SaveRule(ctx, &r); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// laterRules came with automation: hubs that have the first ones get them too.
func laterRules() []orderhub.NotifyRule {
	rules := []orderhub.NotifyRule{
		{Name: "Return's deadline near", On: orderhub.OnReturnDeadline},
		{Name: "Automation rule speaks", On: orderhub.OnRule},
	}
	for i := range rules {
		rules[i].Enabled, rules[i].Timing.Window = true, 15*time.Second
	}
	return rules
}

// erpRules came with webhooks and the exchange of files.
func erpRules() []orderhub.NotifyRule {
	r := orderhub.NotifyRule{Name: "Integration failing", On: orderhub.OnIntegration, Enabled: true}
	r.Timing.Window = 15 * time.Second
	return []orderhub.NotifyRule{r}
}

func defaultRules() []orderhub.NotifyRule {
	hold := func(h orderhub.Hold) orderhub.NotifyFilter { return orderhub.NotifyFilter{Holds: []orderhub.Hold{h}} }
	failed := orderhub.NotifyFilter{States: []string{string(orderhub.EffectRejected), string(orderhub.EffectUncertain)}}
	rules := []orderhub.NotifyRule{
		{Name: "New return", On: orderhub.OnReturn},
		{Name: "Order short of goods", On: orderhub.OnHold, Filter: hold(orderhub.HoldShort), Template: "short"},
		{Name: "Order without a product", On: orderhub.OnHold, Filter: hold(orderhub.HoldUnmapped), Template: "unmapped"},
		{Name: "Channel did not do it", On: orderhub.OnEffect, Filter: failed},
		{Name: "Account failing", On: orderhub.OnAccountFailing},
		{Name: "Key expiring", On: orderhub.OnKeyExpiring},
		{Name: "Ship-by deadline near", On: orderhub.OnDeadline},
	}
	for i := range rules {
		rules[i].Enabled, rules[i].Timing.Window = true, 15*time.Second
	}
	return rules
}

// SaveRule checks a rule and writes it; one without an id is new.
func (h *Hub) SaveRule(ctx context.Context, r orderhub.NotifyRule) (orderhub.NotifyRule, error) {
	if err := h.checkRule(ctx, &r); err != nil {
		return r, err
	}
	err := h.store.InTx(ctx, func(tx *store.Tx) error { return tx.SaveRule(ctx, &r) })
	return r, err
}

// DeleteRule drops a rule and what waits to be told by it.
func (h *Hub) DeleteRule(ctx context.Context, id int64) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error { return tx.DeleteRule(ctx, id) })
}

func (h *Hub) checkRule(ctx context.Context, r *orderhub.NotifyRule) error {
	var err error
	if r.Name, err = checkName(r.Name); err != nil {
		return err
	}
	if !slices.Contains(orderhub.Triggers(), r.On) {
		return orderhub.InvalidField("on", "%.40q is not known; known: %s", r.On, joinWords(orderhub.Triggers()))
	}
	if r.Language != "" {
		if err := checkLanguage(r.Language); err != nil {
			return err
		}
	}
	if r.Template != "" {
		if err := notify.CheckTemplate("template", r.Template, orderhub.English); err != nil {
			return err
		}
	}
	if err := notify.CheckTiming(r.Timing); err != nil {
		return err
	}
	if err := h.checkFilter(ctx, r.Filter); err != nil {
		return err
	}
	recipients, err := h.store.Recipients(ctx)
	if err != nil {
		return err
	}
	slices.Sort(r.Recipients)
	r.Recipients = slices.Compact(r.Recipients)
	for _, id := range r.Recipients {
		if !slices.ContainsFunc(recipients, func(have orderhub.Recipient) bool { return have.ID == id }) {
			return orderhub.InvalidField("recipients", "there is no recipient %d", id)
		}
	}
	return nil
}

func (h *Hub) checkFilter(ctx context.Context, f orderhub.NotifyFilter) error {
	for _, id := range f.Accounts {
		if _, err := h.store.Account(ctx, id); orderhub.CodeOf(err) == orderhub.CodeNotFound {
			return orderhub.InvalidField("filter.accounts", "there is no account %.40q", id)
		} else if err != nil {
			return err
		}
	}
	for _, c := range f.Channels {
		if _, err := h.Channel(c); err != nil {
			return orderhub.InvalidField("filter.channels", "%.40q is not known; known: %s", c, joinWords(h.names))
		}
	}
	for _, s := range f.Statuses {
		if _, err := orderhub.ParseStatus(string(s)); err != nil {
			return orderhub.InvalidField("filter.statuses", "%s", Sentence(err))
		}
	}
	holds := []orderhub.Hold{orderhub.HoldShort, orderhub.HoldUnmapped, orderhub.HoldManual, orderhub.HoldConflict}
	for _, hold := range f.Holds {
		if !slices.Contains(holds, hold) {
			return orderhub.InvalidField("filter.holds", "%.40q is not a hold of the hub; known: %s", hold, joinWords(holds))
		}
	}
	for _, s := range f.States {
		if s == "" || len(s) > 40 || clean(s) != s {
			return orderhub.InvalidField("filter.states", "want words of 1 to 40 characters")
		}
	}
	return nil
}

func joinWords[T ~string](list []T) string {
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = string(w)
	}
	return strings.Join(words, ", ")
}

func checkName(name string) (string, error) {
	name = strings.TrimSpace(text(name))
	if name == "" || len([]rune(name)) > 100 {
		return name, orderhub.InvalidField("name", "want 1 to 100 characters")
	}
	return name, nil
}

func checkLanguage(l orderhub.Language) error {
	if l != orderhub.Russian && l != orderhub.English {
		return orderhub.InvalidField("language", "%.20q is not known; allowed: ru, en", l)
	}
	return nil
}

// AddRecipient adds somebody to tell. Of a Telegram chat it gives the code to
// send to the bot, of a webhook the secret that signs; both are shown only here.
func (h *Hub) AddRecipient(ctx context.Context, r orderhub.Recipient) (orderhub.Recipient, error) {
	if r.Language == "" {
		r.Language = orderhub.Russian
	}
	r.State = orderhub.RecipientActive
	if !slices.Contains(orderhub.RecipientKinds(), r.Kind) {
		return r, orderhub.InvalidField("kind", "%.40q is not known; known: %s", r.Kind, joinWords(orderhub.RecipientKinds()))
	}
	if r.Kind == orderhub.RecipientTelegram {
		if h.notify.Bot == nil {
			return r, errNoSender(r.Kind)
		}
		r.State, r.Code, r.CodeUntil = orderhub.RecipientWaiting, linkCode(), h.store.Now().Add(codeFor)
	}
	if r.Kind == orderhub.RecipientWebhook && r.Secret == "" {
		r.Secret = webhook.NewSecret()
	}
	if h.notify.Senders[r.Kind] == nil {
		return r, errNoSender(r.Kind)
	}
	if err := checkRecipient(&r); err != nil {
		return r, err
	}
	err := h.store.InTx(ctx, func(tx *store.Tx) error { return tx.CreateRecipient(ctx, &r) })
	return r, err
}

// ChangeRecipient lets change alter a recipient and writes it, if what comes out
// is right.
func (h *Hub) ChangeRecipient(ctx context.Context, id int64, change func(r *orderhub.Recipient)) (orderhub.Recipient, error) {
	var out orderhub.Recipient
	err := h.store.InTx(ctx, func(tx *store.Tx) error {
		r, err := tx.LockRecipient(ctx, id)
		if err != nil {
			return err
		}
		change(&r)
		if err := checkRecipient(&r); err != nil {
			return err
		}
		out = r
		return tx.SaveRecipient(ctx, r)
	})
	return out, err
}

func checkRecipient(r *orderhub.Recipient) error {
	var err error
	if r.Name, err = checkName(r.Name); err != nil {
		return err
	}
	if err := checkLanguage(r.Language); err != nil {
		return err
	}
	if r.Kind != orderhub.RecipientTelegram && r.MayAct {
		return orderhub.InvalidField("may_act", "only a Telegram chat has buttons that act")
	}
	switch r.Kind {
	case orderhub.RecipientTelegram:
		if r.Address != "" || r.Secret != "" {
			return orderhub.InvalidField("address", "a Telegram chat is linked by its code and takes no address and no secret")
		}
	case orderhub.RecipientEmail:
		if err := notify.CheckEmail(r.Address); err != nil {
			return orderhub.InvalidField("address", "%s", err)
		}
		if r.Secret != "" {
			return orderhub.InvalidField("secret", "only a webhook has one")
		}
	case orderhub.RecipientWebhook:
		if err := notify.CheckURL(r.Address); err != nil {
			return orderhub.InvalidField("address", "%s", err)
		}
		if _, err := webhook.ParseSecret(r.Secret); err != nil {
			return orderhub.InvalidField("secret", "%s", err)
		}
	}
	return nil
}

func linkCode() string {
	b := make([]byte, 10)
	_, _ = rand.Read(b) // never fails: it ends the program instead
	return base32.StdEncoding.EncodeToString(b)
}

// RemoveRecipient forgets where somebody is reached and what waits for them. Rules
// that named nobody else are switched off: an empty list would mean everybody.
func (h *Hub) RemoveRecipient(ctx context.Context, id int64) error {
	rules, err := h.store.Rules(ctx)
	if err != nil {
		return err
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		r, err := tx.LockRecipient(ctx, id)
		if err != nil {
			return err
		}
		for _, rule := range rules {
			if !slices.Contains(rule.Recipients, id) {
				continue
			}
			if rest := slices.DeleteFunc(slices.Clone(rule.Recipients), func(have int64) bool { return have == id }); len(rest) > 0 {
				rule.Recipients = rest
			} else {
				rule.Enabled = false
			}
			if err := tx.SaveRule(ctx, &rule); err != nil && orderhub.CodeOf(err) != orderhub.CodeNotFound {
				return err
			}
		}
		return tx.RemoveRecipient(ctx, r)
	})
}

// TestRecipient sends a test message; what becomes of it is seen in the list.
func (h *Hub) TestRecipient(ctx context.Context, id int64) (orderhub.Notice, error) {
	texts, err := h.texts(ctx)
	if err != nil {
		return orderhub.Notice{}, err
	}
	m := orderhub.Notice{RecipientID: id, Causes: 1, State: orderhub.MessagePending}
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		r, err := tx.LockRecipient(ctx, id)
		if err != nil {
			return err
		}
		if r.State != orderhub.RecipientActive {
			return orderhub.Errorf(orderhub.CodeRefused, "recipient %d is not linked yet: send /start and the code to the bot", id)
		}
		now := h.store.Now()
		m.Kind, m.NextAt, m.GiveUpAt = r.Kind, now, now.Add(h.pause(giveUpAfter))
		first := []orderhub.NotifyCause{{Facts: orderhub.Facts{On: notify.TestTemplate, At: now}}}
		rule := orderhub.NotifyRule{Name: "Test", On: notify.TestTemplate, Template: notify.TestTemplate}
		if err := h.write(&m, rule, r, 1, first, texts); err != nil {
			return err
		}
		if err := tx.AddNotice(ctx, &m); err != nil {
			return err
		}
		return h.jobs.Ring(ctx, tx, tellLane(r.Kind, r.ID))
	})
	return m, err
}

// RetryNotice sends a message again that failed, was given up, or may have
// arrived: then a person decided that twice is better than not at all.
func (h *Hub) RetryNotice(ctx context.Context, id int64) (orderhub.Notice, error) {
	m, err := h.store.Notice(ctx, id)
	if err != nil {
		return m, err
	}
	if m.State.IsOpen() || m.State == orderhub.MessageSent {
		return m, orderhub.Errorf(orderhub.CodeRefused, "message %d is %s: only one that failed, was given up or is uncertain can be sent again", id, m.State)
	}
	if _, err := h.store.Recipient(ctx, m.RecipientID); err != nil {
		return m, err
	}
	was, now := m.State, h.store.Now()
	m.State, m.NextAt, m.GiveUpAt = orderhub.MessagePending, now, now.Add(h.pause(giveUpAfter))
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		moved, err := tx.SaveNotice(ctx, m, was)
		if err != nil {
			return err
		}
		if !moved {
			return orderhub.Errorf(orderhub.CodeConflict, "message %d has moved on meanwhile", id)
		}
		return h.jobs.Ring(ctx, tx, tellLane(m.Kind, m.RecipientID))
	})
	return m, err
}

// SaveText replaces a built-in text, if it can be filled in; an empty body brings
// the built-in one back.
func (h *Hub) SaveText(ctx context.Context, name string, language orderhub.Language, body string) error {
	if err := notify.CheckTemplate("name", name, language); err != nil {
		return err
	}
	if body != "" {
		if _, err := h.PreviewText(name, language, body); err != nil {
			return err
		}
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		return tx.SaveNotifyText(ctx, store.NotifyText{Name: name, Language: language, Body: body})
	})
}

// PreviewText fills a text in with an example: for one cause and for twelve.
func (h *Hub) PreviewText(name string, language orderhub.Language, body string) ([2]string, error) {
	var out [2]string
	if err := notify.CheckTemplate("name", name, language); err != nil {
		return out, err
	}
	if body == "" {
		body = notify.BuiltIn(name, language)
	}
	for i, count := range []int64{1, 12} {
		var err error
		out[i], err = notify.Write(body, language, notify.Zone(orderhub.NotifyTiming{}), notify.SampleView(count, h.store.Now()))
		if err != nil {
			return out, err
		}
	}
	return out, nil
}
