package ozonsim

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
)

// hash is the source of every made-up id.
func hash(seed uint64, parts ...string) uint64 {
	h := fnv.New64a()
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], seed)
	_, _ = h.Write(b[:])
	for _, p := range parts {
		_, _ = h.Write([]byte(p))
		_, _ = h.Write([]byte{0})
	}
	// FNV is weak in its high bits for short input; mix them (splitmix64).
	x := h.Sum64()
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// newOrder makes an order with a number like 41200577-0031 and an int64 id.
func (m *Market) newOrder() *order {
	for try := 0; ; try++ {
		h := hash(m.opts.Seed, "order", fmt.Sprint(len(m.orders)), fmt.Sprint(try))
		number := fmt.Sprintf("%08d-%04d", 10_000_000+h%89_999_999, 1+h>>32%9_999)
		if m.orders[number] != nil {
			continue
		}
		o := &order{number: number, id: 30_000_000_000 + int64(h%9_000_000_000)}
		m.orders[number] = o
		return o
	}
}

// nextNumber reserves the next posting number of the order.
func (o *order) nextNumber() string {
	o.next++
	return fmt.Sprintf("%s-%d", o.number, o.next)
}
