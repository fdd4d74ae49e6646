package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// Limits of automation rules.
const (
	maxRules       = 200
	maxActions     = 10
	defaultPerHour = 20
	maxPerHour     = 1000
	maxTold        = 500 // characters of a message by a rule
)

// SaveAutoRule checks a rule and writes it; one without an id is new, and switched
// off. A rule that is there stays on or off, and is no longer said to fail.
func (h *Hub) SaveAutoRule(ctx context.Context, r orderhub.AutoRule) (orderhub.AutoRule, error) {
	if err := h.checkAutoRule(ctx, &r); err != nil {
		return r, err
	}
	if err := h.checkFreeName(ctx, r); err != nil {
		return r, err
	}
	out := r
	err := h.store.InTx(ctx, func(tx *store.Tx) error {
		out = r
		if r.ID == 0 {
			n, err := tx.CountAutoRules(ctx)
			if err != nil {
				return err
			}
			if n >= maxRules {
				return orderhub.Errorf(orderhub.CodeRefused, "there are %d rules already", n)
			}
			out.Enabled = false
			return tx.SaveAutoRule(ctx, &out)
		}
		have, err := tx.LockAutoRule(ctx, r.ID)
		if err != nil {
			return err
		}
		out.Enabled, out.AfterEvent, out.CreatedAt = have.Enabled, have.AfterEvent, have.CreatedAt
		out.Error, out.ErrorAt = "", time.Time{}
		return tx.SaveAutoRule(ctx, &out)
	})
	return out, err
}

// SwitchAutoRule switches a rule on or off. What happened before it was switched on
// is not looked at.
func (h *Hub) SwitchAutoRule(ctx context.Context, id int64, on bool) (orderhub.AutoRule, error) {
	var out orderhub.AutoRule
	err := h.store.InTx(ctx, func(tx *store.Tx) error {
		r, err := tx.LockAutoRule(ctx, id)
		if err != nil {
			return err
		}
		if out = r; r.Enabled == on {
			return nil
		}
		if out.Enabled = on; on {
			out.Error, out.ErrorAt = "", time.Time{}
			if out.AfterEvent, err = tx.LastEvent(ctx); err != nil {
				return err
			}
		}
		return tx.SaveAutoRule(ctx, &out)
	})
	return out, err
}

// DeleteAutoRule drops a rule; what it did stays in the orders' histories.
func (h *Hub) DeleteAutoRule(ctx context.Context, id int64) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error { return tx.DeleteAutoRule(ctx, id) })
}

func (h *Hub) checkAutoRule(ctx context.Context, r *orderhub.AutoRule) error {
	var err error
	if r.Name, err = checkName(oneLine.Replace(r.Name)); err != nil {
		return err
	}
	if len(r.On) == 0 {
		return orderhub.InvalidField("on", "names no event; known: %s", joinWords(orderhub.RuleEvents()))
	}
	slices.Sort(r.On)
	r.On = slices.Compact(r.On)
	for _, kind := range r.On {
		if !slices.Contains(orderhub.RuleEvents(), kind) {
			return orderhub.InvalidField("on", "%.40q is not known; known: %s", kind, joinWords(orderhub.RuleEvents()))
		}
	}
	if _, err := h.conditions.compile(r.If); err != nil {
		return err
	}
	if r.PerHour == 0 {
		r.PerHour = defaultPerHour
	}
	if r.PerHour < 1 || r.PerHour > maxPerHour {
		return orderhub.InvalidField("per_hour", "must be 1 to %d", maxPerHour)
	}
	return h.checkActions(ctx, r.Then)
}

func (h *Hub) checkFreeName(ctx context.Context, r orderhub.AutoRule) error {
	list, err := h.store.AutoRules(ctx)
	if err != nil {
		return err
	}
	for _, have := range list {
		if have.ID != r.ID && have.Name == r.Name {
			return orderhub.InvalidField("name", "rule %d has this name already; histories tell rules apart by it", have.ID)
		}
	}
	return nil
}

func (h *Hub) checkActions(ctx context.Context, then []orderhub.Action) error {
	if len(then) == 0 || len(then) > maxActions {
		return orderhub.InvalidField("then", "has %d actions; allowed: 1 to %d", len(then), maxActions)
	}
	recipients, err := h.store.Recipients(ctx)
	if err != nil {
		return err
	}
	kinds := map[int64]orderhub.RecipientKind{}
	for _, r := range recipients {
		kinds[r.ID] = r.Kind
	}
	for i := range then {
		if err := checkAction(fmt.Sprintf("then[%d].", i), &then[i], kinds); err != nil {
			return err
		}
	}
	return nil
}

// checkAction names the field that is wrong, the unused ones among them.
func checkAction(at string, a *orderhub.Action, recipients map[int64]orderhub.RecipientKind) error {
	a.Text, a.Reason = strings.TrimSpace(text(a.Text)), clean(a.Reason)
	most := maxTold
	var err error
	switch a.Do {
	case orderhub.ActStatus:
		if _, err := orderhub.ParseStatus(string(a.Status)); err != nil {
			return orderhub.InvalidField(at+"status", "%.40q is not known; known: %s", a.Status, joinWords(orderhub.Statuses()))
		}
	case orderhub.ActHold, orderhub.ActUnhold:
	case orderhub.ActTag, orderhub.ActUntag:
		if a.Tag, err = orderhub.ParseTag(a.Tag); err != nil {
			return orderhub.InvalidField(at+"tag", "%s", strings.TrimPrefix(Sentence(err), "tag: "))
		}
	case orderhub.ActAssign:
		if a.Assignee, err = checkAssignee(a.Assignee); err != nil {
			return orderhub.InvalidField(at+"assignee", "has more than %d characters", orderhub.MaxAssignee)
		}
	case orderhub.ActNote:
		if most = orderhub.MaxNote; a.Text == "" {
			return orderhub.InvalidField(at+"text", "the note is empty")
		}
	case orderhub.ActNotify:
		if a.Text == "" {
			return orderhub.InvalidField(at+"text", "the message is empty")
		}
		for _, id := range a.Recipients {
			if kinds := recipients[id]; kinds == "" {
				return orderhub.InvalidField(at+"recipients", "there is no recipient %d", id)
			}
		}
	case orderhub.ActWebhook:
		if recipients[a.Recipient] != orderhub.RecipientWebhook {
			return orderhub.InvalidField(at+"recipient", "there is no recipient %d of kind webhook", a.Recipient)
		}
	default:
		return orderhub.InvalidField(at+"do", "%.40q is not known; known: %s", a.Do, joinWords(orderhub.ActionKinds()))
	}
	if len(a.Text) > most {
		return orderhub.InvalidField(at+"text", "has %d bytes; allowed: up to %d", len(a.Text), most)
	}
	return checkUnused(at, a)
}

// checkUnused refuses what an action does not look at: it would be a mistake that
// nobody sees.
func checkUnused(at string, a *orderhub.Action) error {
	for _, f := range []struct {
		name string
		set  bool
		by   []orderhub.ActionKind
	}{
		{"status", a.Status != "", []orderhub.ActionKind{orderhub.ActStatus}},
		{"reason", a.Reason != "", []orderhub.ActionKind{orderhub.ActStatus}},
		{"tag", a.Tag != "", []orderhub.ActionKind{orderhub.ActTag, orderhub.ActUntag}},
		{"assignee", a.Assignee != "", []orderhub.ActionKind{orderhub.ActAssign}},
		{"recipients", len(a.Recipients) > 0, []orderhub.ActionKind{orderhub.ActNotify}},
		{"recipient", a.Recipient != 0, []orderhub.ActionKind{orderhub.ActWebhook}},
		{"text", a.Text != "", []orderhub.ActionKind{
			orderhub.ActStatus, orderhub.ActHold, orderhub.ActUnhold, orderhub.ActNote, orderhub.ActNotify, orderhub.ActWebhook,
		}},
	} {
		if f.set && !slices.Contains(f.by, a.Do) {
			return orderhub.InvalidField(at+f.name, "the action %s does not use it", a.Do)
		}
	}
	return nil
}
