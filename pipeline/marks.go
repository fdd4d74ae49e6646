package pipeline

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// Marks are what people and rules note on an order beside its status. The channel
// learns nothing of them.
type Marks struct {
	AddTags, RemoveTags []string
	// Assignee, if set: "" = nobody.
	Assignee *orderhub.Assignee
	// Note to add; "" = none.
	Note string
}

// maxNotes is how many notes an order may have.
const maxNotes = 500

// Check spells tags, assignee and note as they are stored, and names the field
// that is wrong.
func (m *Marks) Check() error {
	for _, p := range []*[]string{&m.AddTags, &m.RemoveTags} {
		tags := make([]string, 0, len(*p))
		for _, t := range *p {
			tag, err := orderhub.ParseTag(t)
			if err != nil {
				return err
			}
			tags = append(tags, tag)
		}
		*p = tags
	}
	if m.Assignee != nil {
		who, err := checkAssignee(*m.Assignee)
		if err != nil {
			return err
		}
		m.Assignee = &who
	}
	if m.Note != "" {
		note, err := checkNote(m.Note)
		if err != nil {
			return err
		}
		m.Note = note
	}
	return nil
}

func checkAssignee(a orderhub.Assignee) (orderhub.Assignee, error) {
	who := strings.TrimSpace(text(oneLine.Replace(string(a))))
	if len([]rune(who)) > orderhub.MaxAssignee {
		return "", orderhub.InvalidField("assignee", "has more than %d characters", orderhub.MaxAssignee)
	}
	return orderhub.Assignee(who), nil
}

func checkNote(s string) (string, error) {
	if len(s) > orderhub.MaxNote {
		return "", orderhub.InvalidField("text", "has %d bytes; allowed: up to %d", len(s), orderhub.MaxNote)
	}
	if s = strings.TrimSpace(text(s)); s == "" {
		return "", orderhub.InvalidField("text", "the note is empty")
	}
	return s, nil
}

// Mark puts marks on an order.
func (h *Hub) Mark(ctx context.Context, number int64, m Marks, actor orderhub.Actor) (*orderhub.Order, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	var out *orderhub.Order
	err := h.store.InTx(ctx, func(tx *store.Tx) error {
		o, err := tx.LockOrder(ctx, number)
		if err != nil {
			return err
		}
		out = o
		_, err = h.mark(ctx, tx, o, m, scrubActor(actor))
		return err
	})
	return out, err
}

// AddNote writes a note about an order.
func (h *Hub) AddNote(ctx context.Context, number int64, note string, actor orderhub.Actor) (orderhub.Note, error) {
	note, err := checkNote(note)
	if err != nil {
		return orderhub.Note{}, err
	}
	var out orderhub.Note
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		o, err := tx.LockOrder(ctx, number)
		if err != nil {
			return err
		}
		out, err = h.addNote(ctx, tx, o, note, scrubActor(actor))
		return err
	})
	return out, err
}

// addNote writes a checked note. Its text stays out of the history: a note can be
// deleted, an event cannot.
func (h *Hub) addNote(ctx context.Context, tx *store.Tx, o *orderhub.Order, note string, actor orderhub.Actor) (orderhub.Note, error) {
	n := orderhub.Note{OrderID: o.ID, At: h.store.Now().Truncate(time.Microsecond), Author: actor, Text: note}
	have, err := tx.CountNotes(ctx, o.ID)
	if err != nil {
		return n, err
	}
	if have >= maxNotes {
		return n, orderhub.Errorf(orderhub.CodeRefused, "order %s has %d notes already", o.Number(), have)
	}
	if err := tx.AddNote(ctx, &n); err != nil {
		return n, err
	}
	return n, tx.AddEvents(ctx, []orderhub.Event{{OrderID: o.ID, At: n.At, Kind: orderhub.EventNote, Actor: actor, Why: "note added",
		Data: jsonOf(map[string]any{"note": n.ID})}})
}

// mark puts checked marks on a locked order and tells whether anything changed. A
// refusal comes before the first write.
func (h *Hub) mark(ctx context.Context, tx *store.Tx, o *orderhub.Order, m Marks, actor orderhub.Actor) (bool, error) {
	var events []orderhub.Event
	event := func(kind orderhub.EventKind, why string, data any) {
		events = append(events, orderhub.Event{OrderID: o.ID, At: h.store.Now(), Kind: kind, Actor: actor, Why: why, Data: jsonOf(data)})
	}
	tags, added, removed := changeTags(o.Tags, m.AddTags, m.RemoveTags)
	if len(tags) > orderhub.MaxTags {
		return false, orderhub.Errorf(orderhub.CodeRefused, "order %s would have %d tags; allowed: up to %d", o.Number(), len(tags), orderhub.MaxTags)
	}
	noted := m.Note != ""
	if noted { // first: it can be refused
		if _, err := h.addNote(ctx, tx, o, m.Note, actor); err != nil {
			return false, err
		}
	}
	if len(added)+len(removed) > 0 {
		o.Tags = tags
		event(orderhub.EventTags, tagWords(added, removed), map[string]any{"added": added, "removed": removed})
	}
	if who := m.Assignee; who != nil && *who != o.Assignee {
		event(orderhub.EventAssigned, assignWords(*who), map[string]any{"from": o.Assignee, "to": *who})
		o.Assignee = *who
	}
	if len(events) > 0 {
		if err := tx.SaveMarks(ctx, o); err != nil {
			return false, err
		}
	}
	return noted || len(events) > 0, tx.AddEvents(ctx, events)
}

// changeTags works out the tags of an order and what is new and gone among them.
func changeTags(have, add, remove []string) (tags, added, removed []string) {
	for _, t := range have {
		if slices.Contains(remove, t) && !slices.Contains(add, t) {
			removed = append(removed, t)
		} else {
			tags = append(tags, t)
		}
	}
	for _, t := range add {
		if !slices.Contains(tags, t) {
			tags, added = append(tags, t), append(added, t)
		}
	}
	slices.Sort(tags)
	return tags, added, removed
}

func tagWords(added, removed []string) string {
	var parts []string
	if len(added) > 0 {
		parts = append(parts, "tagged "+strings.Join(added, ", "))
	}
	if len(removed) > 0 {
		parts = append(parts, "untagged "+strings.Join(removed, ", "))
	}
	return strings.Join(parts, "; ")
}

func assignWords(who orderhub.Assignee) string {
	if who == "" {
		return "assigned to nobody"
	}
	return "assigned to " + string(who)
}

// DeleteNote drops a note; the history keeps that there was one.
func (h *Hub) DeleteNote(ctx context.Context, number, id int64, actor orderhub.Actor) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		o, err := tx.LockOrder(ctx, number)
		if err != nil {
			return err
		}
		there, err := tx.DeleteNote(ctx, o.ID, id)
		if err != nil {
			return err
		}
		if !there {
			return orderhub.Errorf(orderhub.CodeNotFound, "order %s has no note %d", o.Number(), id)
		}
		return tx.AddEvents(ctx, []orderhub.Event{{OrderID: o.ID, At: h.store.Now(), Kind: orderhub.EventNote, Actor: scrubActor(actor),
			Why: "note deleted", Data: jsonOf(map[string]any{"note": id, "deleted": true})}})
	})
}

// jsonOf writes details of an event.
func jsonOf(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return nil // only words and numbers get here
	}
	return b
}
