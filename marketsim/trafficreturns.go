package marketsim

import "github.com/orderhub/orderhub"

// stepReturns lets carriers bring returns a step nearer, each of them every
// ReturnEvery rounds. What reached the seller lies on the shelf again.
func (t *Traffic) stepReturns(m Market) int {
	books, ok := m.(Returning)
	if t.opts.ReturnEvery == 0 || !ok {
		return 0
	}
	n := 0
	for _, r := range books.Returns() {
		if r.State == orderhub.ReturnReceived {
			t.opts.Shelf.Back(string(m.Channel()), r)
		}
		if r.State == orderhub.ReturnReceived || r.State.IsEnd() {
			continue
		}
		k, every := "return/"+key(m, r.ID), t.opts.ReturnEvery
		if r.State == orderhub.ReturnAnnounced {
			every *= 4 // the seller may want to answer first
		}
		if t.rounds[k]++; t.rounds[k]%every != 0 {
			continue
		}
		if moved, err := books.ProgressReturn(r.ID); err == nil && moved {
			t.stats.ReturnSteps++
			n++
		}
	}
	if n > 0 {
		for _, r := range books.Returns() {
			if r.State == orderhub.ReturnReceived {
				t.opts.Shelf.Back(string(m.Channel()), r)
			}
		}
	}
	return n
}

// Back puts the goods of a return on the shelf, once.
func (s *Shelf) Back(market string, r TruthReturn) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := market + "/" + r.ID; !s.back[k] {
		s.back[k] = true
		for sku, n := range r.Units {
			s.units[sku] += n
			s.cameBack[sku] += n
		}
	}
}

// CameBack is how many units of each article returns brought back.
func (s *Shelf) CameBack() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]int64, len(s.cameBack))
	for sku, n := range s.cameBack {
		out[sku] = n
	}
	return out
}
