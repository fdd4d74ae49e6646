package orderhub

import (
	"cmp"
	"encoding/json"
	"slices"
)

// LineUnits are units of one line of an order.
type LineUnits struct {
	// Line is the place in Snapshot.Lines, from 0.
	Line  int   `json:"line"`
	Units int64 `json:"units"`
}

// LineCut is a wish to take units out of an order that goes on without them, as
// it is kept with its effect.
type LineCut struct {
	Lines []CutLine `json:"lines"`
	// Had is how many units the whole order had when the cut was asked for, by
	// Line.Key.
	Had map[string]int64 `json:"had"`
}

// CutLine is one line of a LineCut.
type CutLine struct {
	LineUnits
	Key string `json:"key"`
	// ID and SKU are the line's as the channel wrote them.
	ID  string `json:"id,omitempty"`
	SKU string `json:"sku,omitempty"`
	// Left is how many units the line keeps.
	Left int64 `json:"left"`
}

// Key tells the goods of a line from those of others wherever the line stands.
func (l Line) Key() string { return cmp.Or(l.ListingKey, l.SKU, l.ID) }

// UnitsByKey adds up the units of lines by Line.Key.
func (s *Snapshot) UnitsByKey() map[string]int64 {
	out := map[string]int64{}
	for _, l := range s.Lines {
		out[l.Key()] += l.Quantity
	}
	return out
}

// NewLineCut checks what is to be taken out of an order.
func NewLineCut(s *Snapshot, wish []LineUnits) (LineCut, error) {
	c := LineCut{Had: s.UnitsByKey()}
	seen := map[int]bool{}
	for _, w := range wish {
		switch {
		case w.Line < 0 || w.Line >= len(s.Lines):
			return c, InvalidField("lines", "there is no line %d; allowed: 0 to %d", w.Line, len(s.Lines)-1)
		case seen[w.Line]:
			return c, InvalidField("lines", "line %d is named twice", w.Line)
		case w.Units < 1 || w.Units > s.Lines[w.Line].Quantity:
			return c, InvalidField("lines", "line %d has %d units, %d cannot be taken out", w.Line, s.Lines[w.Line].Quantity, w.Units)
		}
		l := s.Lines[w.Line]
		seen[w.Line] = true
		c.Lines = append(c.Lines, CutLine{LineUnits: w, Key: l.Key(), ID: l.ID, SKU: l.SKU, Left: l.Quantity - w.Units})
	}
	if len(c.Lines) == 0 {
		return c, InvalidField("lines", "names none")
	}
	return c, nil
}

// Encode writes the cut, ReadLineCut reads it.
func (c LineCut) Encode() string {
	b, err := json.Marshal(c)
	if err != nil {
		return "" // texts and numbers: cannot be
	}
	return string(b)
}

// ReadLineCut reads what Encode wrote.
func ReadLineCut(text string) (c LineCut, ok bool) {
	return c, json.Unmarshal([]byte(text), &c) == nil && len(c.Lines) > 0
}

// Units are the units to take out by place of the line, as the channel is asked.
func (c LineCut) Units() map[int]int64 {
	out := make(map[int]int64, len(c.Lines))
	for _, l := range c.Lines {
		out[l.Line] = l.Units
	}
	return out
}

// take adds up what is taken out, by Line.Key.
func (c LineCut) take() map[string]int64 {
	out := map[string]int64{}
	for _, l := range c.Lines {
		out[l.Key] += l.Units
	}
	return out
}

// All reports whether nothing is left of the order.
func (c LineCut) All() bool {
	left := int64(0)
	for _, n := range c.Had {
		left += n
	}
	for _, l := range c.Lines {
		left -= l.Units
	}
	return left == 0
}

// CutState is what an order shows of a LineCut.
type CutState uint8

// The states of a cut.
const (
	CutOpen  CutState = iota // the order is as it was when the cut was asked for
	CutDone                  // the units are out of it, whoever took them
	CutOther                 // it has other quantities: nobody can tell by it
)

// In compares an order with the cut.
func (c LineCut) In(s *Snapshot) CutState {
	now, done := s.UnitsByKey(), true
	for key, n := range c.take() {
		done = done && now[key] <= c.Had[key]-n
	}
	if done {
		return CutDone
	}
	for key, n := range c.Had {
		if now[key] != n {
			return CutOther
		}
	}
	for _, l := range c.Lines {
		if l.Line >= len(s.Lines) || s.Lines[l.Line].Key() != l.Key || s.Lines[l.Line].Quantity != l.Left+l.Units {
			return CutOther
		}
	}
	return CutOpen
}

// Cut takes the units out of the lines and their part of the money out of the
// totals. A line without units stays: it was part of the order.
func (s *Snapshot) Cut(take map[int]int64) {
	s.Lines = slices.Clone(s.Lines)
	for i, n := range take {
		l := &s.Lines[i]
		n = min(n, l.Quantity)
		l.Quantity -= n
		less := l.UnitPrice.Minor * n
		if l.UnitPrice.IsZero() {
			continue
		}
		if l.Total.Currency == l.UnitPrice.Currency {
			l.Total.Minor = max(0, l.Total.Minor-less)
		}
		if s.Total.Currency == l.UnitPrice.Currency {
			s.Total.Minor = max(0, s.Total.Minor-less)
		}
	}
}

// AttrTakenOut is the hub's own key in Snapshot.Attrs: what it took out of an
// order of a shop, which may say the old quantities again.
const AttrTakenOut = "hub_taken_out"

// Remember writes down a cut that the hub made by itself.
func (c LineCut) Remember(s *Snapshot) {
	var cuts []LineCut
	_ = json.Unmarshal([]byte(s.Attrs[AttrTakenOut]), &cuts) // absent: none yet
	b, err := json.Marshal(append(cuts, c))
	if err == nil {
		s.Attrs = mergeAttrs(s.Attrs, map[string]string{AttrTakenOut: string(b)})
	}
}

// KeepCut takes out of news what the hub took out of the order before, where the
// news says the quantity from before: a shop that does not take part in cuts says
// it with every change.
func KeepCut(known, news *Snapshot) {
	var cuts []LineCut
	if text := known.Attrs[AttrTakenOut]; text == "" || json.Unmarshal([]byte(text), &cuts) != nil {
		return
	}
	for _, c := range cuts {
		now := news.UnitsByKey()
		for key, n := range c.take() {
			if now[key] != c.Had[key] {
				continue
			}
			for i := len(news.Lines) - 1; i >= 0 && n > 0; i-- {
				if l := news.Lines[i]; l.Key() == key {
					out := min(n, l.Quantity)
					news.Cut(map[int]int64{i: out})
					n -= out
				}
			}
		}
	}
}

// RemovedUnits are units that an order lost while it goes on.
type RemovedUnits struct {
	SKU   string `json:"sku"`
	Name  string `json:"name,omitempty"`
	Units int64  `json:"units"`
}

// LostUnits lists what an order had before and has no more.
func LostUnits(before, now *Snapshot) []RemovedUnits {
	var out []RemovedUnits
	have, counted := now.UnitsByKey(), map[string]bool{}
	had := before.UnitsByKey()
	for _, l := range before.Lines {
		key := l.Key()
		if n := had[key] - have[key]; n > 0 && !counted[key] {
			counted[key] = true
			out = append(out, RemovedUnits{SKU: l.SKU, Name: l.Name, Units: n})
		}
	}
	return out
}

// PartyOf tells in whose name an actor of the hub cancels.
func PartyOf(a Actor) CancelParty {
	switch a.Kind {
	case ActorUser, ActorAPI:
		return CancelBySeller
	case ActorRule, ActorHub:
		return CancelBySystem
	case ActorChannel:
		return CancelByChannel
	}
	return ""
}
