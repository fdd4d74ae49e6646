package pipeline

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

const (
	maxCardNotes = 200
	maxTags      = 30
	maxWhy       = 500
)

// errCardsMoved tells that trees were joined or parted between a look and a lock.
var errCardsMoved = errors.New("the cards were changed at this moment")

// tries is how often a work on cards looks again.
const tries = 3

// onTrees runs a change on locked trees of cards, again when they moved meanwhile.
func (h *Hub) onTrees(ctx context.Context, ids []int64, change func(tx *store.Tx, roots []int64, cards []*orderhub.Card) error) error {
	for try := 1; ; try++ {
		var roots []int64
		for _, id := range ids {
			t, err := h.store.CardTreeOf(ctx, id)
			if err != nil {
				return err
			}
			if !t.Root.ErasedAt.IsZero() {
				return orderhub.Errorf(orderhub.CodeRefused, "the data of customer %d was erased", id)
			}
			roots = append(roots, t.Root.ID)
		}
		err := h.store.InTx(ctx, func(tx *store.Tx) error {
			cards, err := tx.LockTrees(ctx, roots...)
			if err != nil {
				return err
			}
			for _, root := range roots {
				i := slices.IndexFunc(cards, func(c *orderhub.Card) bool { return c.ID == root })
				if i < 0 || cards[i].Parent != 0 || !cards[i].ErasedAt.IsZero() {
					return errCardsMoved
				}
			}
			return change(tx, roots, cards)
		})
		if !errors.Is(err, errCardsMoved) {
			return err
		}
		if try == tries {
			return orderhub.Errorf(orderhub.CodeConflict, "the customers were changed at this moment; try again")
		}
	}
}

// MergeCustomers makes one buyer of two. The loser's cards keep their orders, so
// that it can be undone.
func (h *Hub) MergeCustomers(ctx context.Context, winner, loser int64, why string, actor orderhub.Actor) (*store.CardTree, error) {
	return h.merge(ctx, winner, loser, why, actor, nil)
}

func (h *Hub) merge(ctx context.Context, winner, loser int64, why string, actor orderhub.Actor, also func(tx *store.Tx) error) (*store.CardTree, error) {
	why, err := checkWhy(why)
	if err != nil {
		return nil, err
	}
	err = h.onTrees(ctx, []int64{winner, loser}, func(tx *store.Tx, roots []int64, cards []*orderhub.Card) error {
		if roots[0] == roots[1] {
			return orderhub.Errorf(orderhub.CodeRefused, "customers %d and %d are one already", winner, loser)
		}
		var moved []*orderhub.Card
		for _, c := range cards {
			if c.Root != roots[1] {
				continue
			}
			if c.ID == roots[1] {
				c.Parent = roots[0]
			}
			c.Root = roots[0]
			moved = append(moved, c)
		}
		if err := tx.SetParents(ctx, moved); err != nil {
			return err
		}
		if err := tx.AddMerge(ctx, &orderhub.CardMerge{Winner: roots[0], Loser: roots[1], Why: why, Actor: scrubActor(actor)}); err != nil || also == nil {
			return err
		}
		return also(tx)
	})
	if err != nil {
		return nil, err
	}
	return h.store.CardTreeOf(ctx, winner)
}

// UndoMerge parts two buyers again, whatever was merged or undone since. Orders
// return to the card on which they came; what came after the merge stays with the
// winner. The hub does not merge the two again by itself.
func (h *Hub) UndoMerge(ctx context.Context, id int64, why string, actor orderhub.Actor) (*store.CardTree, error) {
	why, err := checkWhy(why)
	if err != nil {
		return nil, err
	}
	m, err := h.store.Merge(ctx, id)
	if err != nil {
		return nil, err
	}
	actor = scrubActor(actor)
	err = h.onTrees(ctx, []int64{m.Loser}, func(tx *store.Tx, _ []int64, cards []*orderhub.Card) error {
		ended, err := tx.EndMerge(ctx, id, why, actor)
		if err != nil {
			return err
		}
		if !ended {
			return orderhub.Errorf(orderhub.CodeRefused, "merge %d was undone already", id)
		}
		moved := subtree(cards, m.Loser)
		moved[0].Parent = 0
		for _, c := range moved {
			c.Root = m.Loser
		}
		if err := tx.SetParents(ctx, moved); err != nil {
			return err
		}
		return tx.Decide(ctx, m.Winner, m.Loser, orderhub.SuggestDeclined, orderhub.ReasonUndone, actor)
	})
	if err != nil {
		return nil, err
	}
	return h.store.CardTreeOf(ctx, m.Loser)
}

// subtree gives a card and those that were merged into it, directly or not.
func subtree(cards []*orderhub.Card, top int64) []*orderhub.Card {
	var out []*orderhub.Card
	for _, c := range cards {
		if c.ID == top {
			out = append(out, c)
		}
	}
	for i := 0; i < len(out); i++ {
		for _, c := range cards {
			if c.Parent == out[i].ID {
				out = append(out, c)
			}
		}
	}
	return out
}

// AcceptSuggestion merges the two cards of a suggestion; the older one wins.
func (h *Hub) AcceptSuggestion(ctx context.Context, id int64, actor orderhub.Actor) (*store.CardTree, error) {
	s, err := h.openSuggestion(ctx, id)
	if err != nil {
		return nil, err
	}
	actor = scrubActor(actor)
	return h.merge(ctx, s.Low, s.High, "suggestion accepted: the same "+string(s.Same), actor, func(tx *store.Tx) error {
		return tx.Decide(ctx, s.Low, s.High, orderhub.SuggestAccepted, s.Reason, actor)
	})
}

// DeclineSuggestion says that two cards are two buyers; it is not suggested again.
func (h *Hub) DeclineSuggestion(ctx context.Context, id int64, actor orderhub.Actor) (orderhub.CardSuggestion, error) {
	s, err := h.openSuggestion(ctx, id)
	if err != nil {
		return s, err
	}
	if err := h.store.InTx(ctx, func(tx *store.Tx) error {
		return tx.Decide(ctx, s.Low, s.High, orderhub.SuggestDeclined, s.Reason, scrubActor(actor))
	}); err != nil {
		return s, err
	}
	return h.store.Suggestion(ctx, id)
}

func (h *Hub) openSuggestion(ctx context.Context, id int64) (orderhub.CardSuggestion, error) {
	s, err := h.store.Suggestion(ctx, id)
	if err == nil && s.State != orderhub.SuggestOpen {
		err = orderhub.Errorf(orderhub.CodeRefused, "suggestion %d was %s already", id, s.State)
	}
	return s, err
}

func checkWhy(why string) (string, error) {
	why = strings.TrimSpace(text(why))
	if len([]rune(why)) > maxWhy {
		return "", orderhub.InvalidField("why", "%d characters; allowed: up to %d", len([]rune(why)), maxWhy)
	}
	return why, nil
}

// CustomerChange is what a person changes about a buyer; nil = as it is.
type CustomerChange struct {
	// Name replaces the name that orders tell; "" shows that again.
	Name *string
	Tags *[]string
}

// ChangeCustomer sets name and tags.
func (h *Hub) ChangeCustomer(ctx context.Context, id int64, change CustomerChange) (*store.CardTree, error) {
	var name string
	if change.Name != nil {
		if name = oneLine.Replace(strings.TrimSpace(text(*change.Name))); len([]rune(name)) > 200 {
			return nil, orderhub.InvalidField("name", "want up to 200 characters")
		}
	}
	var tags []string
	if change.Tags != nil {
		var err error
		if tags, err = checkTags(*change.Tags); err != nil {
			return nil, err
		}
	}
	err := h.onTrees(ctx, []int64{id}, func(tx *store.Tx, roots []int64, cards []*orderhub.Card) error {
		if change.Name != nil {
			if err := tx.NameCard(ctx, roots[0], name); err != nil {
				return err
			}
			added := map[int64][]orderhub.Key{}
			for _, w := range nameWords(name) {
				added[roots[0]] = append(added[roots[0]], orderhub.NewKey(orderhub.KeyName, w))
			}
			if err := tx.AddKeys(ctx, added); err != nil {
				return err
			}
		}
		if change.Tags == nil {
			return nil
		}
		return tx.SetTags(ctx, roots[0], cards, tags)
	})
	if err != nil {
		return nil, err
	}
	return h.store.CardTreeOf(ctx, id)
}

func checkTags(in []string) ([]string, error) {
	out := []string{}
	for _, t := range in {
		t = strings.ToLower(strings.TrimSpace(t))
		if t == "" || len([]rune(t)) > 40 || clean(t) != t || strings.ContainsFunc(t, func(r rune) bool { return unicode.IsControl(r) || r == ',' }) {
			return nil, orderhub.InvalidField("tags", "want words of 1 to 40 characters without commas")
		}
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	if len(out) > maxTags {
		return nil, orderhub.InvalidField("tags", "%d tags; allowed: up to %d", len(out), maxTags)
	}
	return out, nil
}

// AddCardNote writes a note on a buyer's card.
func (h *Hub) AddCardNote(ctx context.Context, id int64, words string, actor orderhub.Actor) (orderhub.CardNote, error) {
	n := orderhub.CardNote{Text: strings.TrimSpace(text(words)), Actor: scrubActor(actor)}
	if n.Text == "" {
		return n, orderhub.InvalidField("text", "is missing")
	}
	err := h.onTrees(ctx, []int64{id}, func(tx *store.Tx, roots []int64, cards []*orderhub.Card) error {
		have, err := tx.CountCardNotes(ctx, cards)
		if err == nil && have >= maxCardNotes {
			err = orderhub.Errorf(orderhub.CodeRefused, "customer %d has %d notes; delete some first", id, have)
		}
		if err != nil {
			return err
		}
		n.CardID = roots[0]
		return tx.AddCardNote(ctx, &n)
	})
	return n, err
}

// DropNote deletes a note.
func (h *Hub) DropNote(ctx context.Context, id, note int64) error {
	return h.onTrees(ctx, []int64{id}, func(tx *store.Tx, _ []int64, cards []*orderhub.Card) error {
		gone, err := tx.DropNote(ctx, note, cards)
		if err == nil && !gone {
			err = orderhub.Errorf(orderhub.CodeNotFound, "customer %d has no note %d", id, note)
		}
		return err
	})
}

// FindCustomers reads a page of buyers. The text is a phone in any spelling, or
// words: the beginnings of names, of an e-mail, of a phone; all must be found. Who
// may not read these finds whole words only: he could ask for one digit after the other.
func (h *Hub) FindCustomers(ctx context.Context, words string, f store.CardFilter) ([]*store.CardTree, string, error) {
	f.Tag = strings.ToLower(strings.TrimSpace(f.Tag))
	if phone := normalPhone(words); phone != "" {
		f.Words = [][]string{{string(orderhub.NewKey(orderhub.KeyPhone, phone))}}
		return h.store.ListCards(ctx, f)
	}
	for i, w := range strings.Fields(clean(words)) {
		if i == 5 {
			break
		}
		f.Words = append(f.Words, spellings(w))
	}
	return h.store.ListCards(ctx, f)
}

// spellings are what a typed word may be the beginning of.
func spellings(w string) []string {
	var out []string
	if digits := strings.TrimLeft(strings.Map(onlyDigits, w), "0"); len(digits) >= 3 && len(digits) >= len(w)-4 {
		out = append(out, "phone:+"+digits)
		if digits[0] != '7' {
			out = append(out, "phone:+7"+strings.TrimPrefix(digits, "8"))
		}
	}
	if strings.Contains(w, "@") {
		return append(out, "email:"+strings.ToLower(w))
	}
	for _, name := range nameWords(w) {
		out = append(out, "name:"+name)
	}
	return append(out, "email:"+strings.ToLower(w))
}

func onlyDigits(r rune) rune {
	if r < '0' || r > '9' {
		return -1
	}
	return r
}
