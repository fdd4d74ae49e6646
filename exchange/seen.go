package exchange

import "hash/maphash"

// seen knows the SKUs of a file by a 64-bit hash with a seed of its own: about
// 30 bytes each, where the texts would be 100. In a file of ten million rows two
// SKUs are taken for one with a chance of 1 in 370,000, and the row is then
// refused, not lost; importing again draws another seed.
type seen struct {
	seed  maphash.Seed
	lines map[uint64]uint32
}

func newSeen() *seen {
	return &seen{seed: maphash.MakeSeed(), lines: map[uint64]uint32{}}
}

// add tells the line that had the SKU before, if one had.
func (s *seen) add(sku string, line int64) (first int64, twice bool) {
	key := maphash.String(s.seed, sku)
	if have, ok := s.lines[key]; ok {
		return int64(have), true
	}
	s.lines[key] = uint32(line)
	return 0, false
}

// line gives the line of a SKU.
func (s *seen) line(sku string) (int64, bool) {
	line, ok := s.lines[maphash.String(s.seed, sku)]
	return int64(line), ok
}

// lineSet is a set of lines, one bit each.
type lineSet []uint64

func (l *lineSet) add(line int64) {
	for int64(len(*l)) <= line/64 {
		*l = append(*l, 0)
	}
	(*l)[line/64] |= 1 << (line % 64)
}

func (l lineSet) has(line int64) bool {
	return line/64 < int64(len(l)) && l[line/64]&(1<<(line%64)) != 0
}
