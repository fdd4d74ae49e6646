package orderhub

import "slices"

// Came is what of a return is here, where not all of it came at once.
type Came struct {
	// Units by place of the line in Return.Snapshot.Lines.
	Units map[int]int64 `json:"units"`
	// Final: the rest will not come.
	Final bool `json:"final,omitempty"`
}

// CameOf is how many units of a line are here, once anything of the return is.
func (r *Return) CameOf(line int) int64 {
	all := r.Snapshot.Lines[line].Quantity
	if r.Came == nil {
		return all
	}
	return min(all, r.Came.Units[line])
}

// UnitsHere is how many units have been received.
func (r *Return) UnitsHere() int64 {
	if r.ReceivedAt.IsZero() || r.Snapshot.NoGoods {
		return 0
	}
	n := int64(0)
	for i := range r.Snapshot.Lines {
		n += r.CameOf(i)
	}
	return n
}

// Awaited is how many units are still to come, of a return of which some came.
func (r *Return) Awaited() int64 {
	if r.Came == nil || r.Came.Final || r.ReceivedAt.IsZero() || r.Snapshot.State == ReturnClosed {
		return 0
	}
	return r.Units() - r.UnitsHere()
}

// ComeIn adds units that came to those that are here. final says that the rest will
// not come. No units = all that is left.
func (r *Return) ComeIn(units []LineUnits, final bool) error {
	came := Came{Units: map[int]int64{}, Final: final}
	for i, l := range r.Snapshot.Lines {
		switch {
		case len(units) == 0 && !final:
			came.Units[i] = l.Quantity
		case !r.ReceivedAt.IsZero():
			came.Units[i] = r.CameOf(i)
		}
	}
	for _, u := range units {
		if u.Line < 0 || u.Line >= len(r.Snapshot.Lines) {
			return InvalidField("lines", "there is no line %d; allowed: 0 to %d", u.Line, len(r.Snapshot.Lines)-1)
		}
		left := r.Snapshot.Lines[u.Line].Quantity - came.Units[u.Line]
		if u.Units < 1 || u.Units > left {
			return InvalidField("lines", "%d units of line %d; allowed: 1 to %d that are still to come", u.Units, u.Line, left)
		}
		came.Units[u.Line] += u.Units
	}
	for i := range r.Goods {
		r.growGoods(i, came.Units[r.Goods[i].Line])
	}
	r.Came = &came
	if !final && r.Units() == came.sum() && (len(r.Snapshot.Lines) == 1 || len(r.Goods) == 0) {
		r.Came = nil // nothing is left to be told line by line
	}
	return nil
}

// growGoods brings the goods of a line in step with the units of it that came.
func (r *Return) growGoods(i int, units int64) {
	g := &r.Goods[i]
	if was := r.CameOf(g.Line); was > 0 && units > was {
		g.Quantity = g.Quantity / was * units
	}
}

func (c Came) sum() int64 {
	n := int64(0)
	for _, u := range c.Units {
		n += u
	}
	return n
}

// Unbooked reports whether units are here that the book has not been asked to take:
// their order is known, or a person said which products they are.
func (r *Return) Unbooked() bool {
	if r.OrderID == 0 || r.UnitsHere() == 0 {
		return false
	}
	for _, g := range r.Goods {
		grew := g.Line < len(r.Snapshot.Lines) && g.Quantity < r.CameOf(g.Line)
		if g.Missing() > 0 || grew {
			return true
		}
	}
	for i := range r.Snapshot.Lines {
		if r.CameOf(i) > 0 && !r.hasGoods(i) {
			return true
		}
	}
	return false
}

// hasGoods reports whether the goods of a line are known: by it, or, where nobody
// counted line by line, by another one of the same goods. A channel may split a line
// after it came.
func (r *Return) hasGoods(line int) bool {
	return slices.ContainsFunc(r.Goods, func(g ReturnedGoods) bool {
		split := r.Came == nil && g.Line < len(r.Snapshot.Lines) && sameGoods(r.Snapshot.Lines[g.Line], r.Snapshot.Lines[line])
		return g.Line == line || split
	})
}

// IsLoose reports whether the goods of a return were taken into the book without
// its order: then it is not matched to one any more.
func (r *Return) IsLoose() bool { return r.OrderID == 0 && len(r.Goods) > 0 }
