package pipeline

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// cardModel is what must hold after any orders, merges and undoings: each order
// arrived on one card and stays there; a card shows as the end of its parents.
type cardModel struct {
	parent map[int64]int64 // by card; 0 = none
	home   map[string]int64
	total  map[string]int64
	merges map[int64][2]int64 // those that hold: winner and loser
}

func (m *cardModel) root(card int64) int64 {
	for m.parent[card] != 0 {
		card = m.parent[card]
	}
	return card
}

// TestCardsProperties runs random orders, merges and undoings against the model.
func TestCardsProperties(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 1))
		m := &cardModel{parent: map[int64]int64{}, home: map[string]int64{}, total: map[string]int64{}, merges: map[int64][2]int64{}}
		for step := range 80 {
			switch k := r.IntN(10); {
			case k < 4 || len(m.parent) < 2:
				w.newOrders(r, m, step)
			case k < 7:
				w.mergeAny(r, m)
			default:
				w.undoAny(r, m)
			}
			if step%8 == 7 || step == 79 {
				w.checkCards(m)
			}
		}
		// Everything undone: each card is alone with what arrived on it.
		for _, id := range slices.Sorted(maps.Keys(m.merges)) {
			_, err := w.hub.UndoMerge(t.Context(), id, "", manager)
			w.must(err)
			m.parent[m.merges[id][1]] = 0
		}
		w.checkCards(m)
		for card := range m.parent {
			if m.root(card) != card {
				t.Errorf("card %d is not alone", card)
			}
		}
	})
}

func (w *world) newOrders(r *rand.Rand, m *cardModel, step int) {
	var snaps []orderhub.Snapshot
	for i := range 1 + r.IntN(4) {
		phone, mail := "", ""
		if r.IntN(4) > 0 {
			phone = fmt.Sprintf("+790012345%02d", r.IntN(8))
		}
		if phone == "" || r.IntN(3) == 0 {
			mail = fmt.Sprintf("b%d@example.org", r.IntN(8))
		}
		name := []string{"Иван Петров", "Анна Сорокина", ""}[r.IntN(3)]
		s := bought(fmt.Sprintf("o-%d-%d", step, i), name, phone, mail)
		s.Total = orderhub.Roubles(int64(1 + r.IntN(500)))
		if r.IntN(6) == 0 {
			s.Status, s.Native = orderhub.StatusCancelled, "cancelled"
		}
		snaps = append(snaps, s)
	}
	w.take(snaps...)
	for _, s := range snaps {
		o := w.order(s.ExternalID)
		if m.home[s.ExternalID] = o.CardID; o.CardID == 0 {
			continue
		}
		if _, known := m.parent[o.CardID]; known && m.root(o.CardID) != o.CardID {
			w.t.Fatalf("order %s arrived on card %d, which was merged away", s.ExternalID, o.CardID)
		}
		if s.Status != orderhub.StatusCancelled {
			m.total[s.ExternalID] = s.Total.Minor
		}
		m.learn(w, o.CardID)
	}
}

// learn takes cards and merges that the hub made by itself.
func (m *cardModel) learn(w *world, card int64) {
	tree, err := w.store.CardTreeOf(w.t.Context(), card)
	w.must(err)
	merges, err := w.store.MergesOfCards(w.t.Context(), tree)
	w.must(err)
	for _, c := range tree.Cards {
		if _, known := m.parent[c.ID]; !known {
			m.parent[c.ID] = 0
		}
	}
	for _, g := range merges {
		if _, known := m.merges[g.ID]; !known && g.UndoneAt.IsZero() {
			m.parent[g.Loser], m.merges[g.ID] = g.Winner, [2]int64{g.Winner, g.Loser}
		}
	}
}

func (w *world) mergeAny(r *rand.Rand, m *cardModel) {
	cards := slices.Sorted(maps.Keys(m.parent))
	a, b := cards[r.IntN(len(cards))], cards[r.IntN(len(cards))]
	tree, err := w.hub.MergeCustomers(w.t.Context(), a, b, "by chance", manager)
	if m.root(a) == m.root(b) {
		wantCode(w.t, err, orderhub.CodeRefused, "one already")
		return
	}
	w.must(err)
	winner, loser := m.root(a), m.root(b)
	if tree.Root.ID != winner {
		w.t.Fatalf("merged %d into %d: the root is %d", loser, winner, tree.Root.ID)
	}
	merges, err := w.store.MergesOfCards(w.t.Context(), tree)
	w.must(err)
	last := merges[len(merges)-1]
	m.parent[loser], m.merges[last.ID] = winner, [2]int64{winner, loser}
}

func (w *world) undoAny(r *rand.Rand, m *cardModel) {
	ids := slices.Sorted(maps.Keys(m.merges))
	if len(ids) == 0 {
		return
	}
	id := ids[r.IntN(len(ids))]
	_, err := w.hub.UndoMerge(w.t.Context(), id, "by chance", manager)
	w.must(err)
	_, err = w.hub.UndoMerge(w.t.Context(), id, "again", manager)
	wantCode(w.t, err, orderhub.CodeRefused, "undone already")
	m.parent[m.merges[id][1]] = 0
	delete(m.merges, id)
}

// checkCards compares every order and every figure with the model.
func (w *world) checkCards(m *cardModel) {
	w.t.Helper()
	orders, sums := map[int64]int64{}, map[int64]int64{}
	for id, home := range m.home {
		o := w.order(id)
		if o.CardID != home {
			w.t.Errorf("order %s arrived on card %d and is on %d", id, home, o.CardID)
		}
		if home == 0 {
			continue
		}
		orders[m.root(home)]++
		sums[m.root(home)] += m.total[id]
	}
	seen := 0
	page, next, err := w.store.ListCards(w.t.Context(), store.CardFilter{Limit: 200})
	w.must(err)
	if next != "" {
		w.t.Fatal("more cards than the check reads")
	}
	for _, tree := range page {
		seen += len(tree.Cards)
		for _, c := range tree.Cards {
			if c.Parent != m.parent[c.ID] || c.Root != m.root(c.ID) {
				w.t.Errorf("card %d: parent %d, root %d; want %d, %d", c.ID, c.Parent, c.Root, m.parent[c.ID], m.root(c.ID))
			}
		}
		var sum int64
		for _, s := range tree.Sums {
			sum += s.Minor
		}
		if tree.Orders != orders[tree.Root.ID] || sum != sums[tree.Root.ID] {
			w.t.Errorf("buyer %d: %d orders of %d, want %d of %d", tree.Root.ID, tree.Orders, sum, orders[tree.Root.ID], sums[tree.Root.ID])
		}
		delete(orders, tree.Root.ID)
	}
	if len(orders) > 0 || seen != len(m.parent) {
		w.t.Errorf("buyers that are not listed: %v; %d cards listed of %d", orders, seen, len(m.parent))
	}
}
