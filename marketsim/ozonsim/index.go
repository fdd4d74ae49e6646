package ozonsim

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"sort"
	"time"
)

// index keeps postings sorted by a time and, within it, by age. Inserting at
// the end is cheap and inserting elsewhere is one memmove.
type index struct{ list []entry }

type entry struct {
	at time.Time
	p  *posting
}

func compare(a entry, at time.Time, seq int) int {
	if c := a.at.Compare(at); c != 0 {
		return c
	}
	return a.p.seq - seq
}

// from is the position of the first entry at or after (at, seq).
func (x *index) from(at time.Time, seq int) int {
	return sort.Search(len(x.list), func(i int) bool { return compare(x.list[i], at, seq) >= 0 })
}

func (x *index) insert(at time.Time, p *posting) {
	x.list = slices.Insert(x.list, x.from(at, p.seq), entry{at, p})
}

func (x *index) remove(at time.Time, p *posting) {
	if i := x.from(at, p.seq); i < len(x.list) && x.list[i].p == p {
		x.list = slices.Delete(x.list, i, i+1)
	}
}

// cursor is a place in a list: the key of the last posting of a page. Postings
// that come, go or change do not move it.
type cursor struct {
	At  time.Time `json:"t"`
	Seq int       `json:"n"`
}

func (c cursor) String() string {
	raw, _ := json.Marshal(c)
	return base64.StdEncoding.EncodeToString(raw)
}

func parseCursor(s string) (*cursor, *apiError) {
	if s == "" {
		return nil, nil
	}
	raw, err := base64.StdEncoding.DecodeString(s)
	var c cursor
	if err != nil || json.Unmarshal(raw, &c) != nil {
		return nil, invalid("invalid cursor")
	}
	return &c, nil
}

// scan visits the entries with since ≤ time ≤ until behind the cursor until
// visit says stop. Zero bounds are open.
func (x *index) scan(since, until time.Time, after *cursor, desc bool, visit func(*posting) bool) {
	lo, hi := 0, len(x.list)
	if !since.IsZero() {
		lo = x.from(since, 0)
	}
	if !until.IsZero() {
		hi = x.from(until.Add(1), 0)
	}
	if after != nil && desc {
		hi = min(hi, x.from(after.At, after.Seq))
	} else if after != nil {
		lo = max(lo, x.from(after.At, after.Seq+1))
	}
	for i := lo; !desc && i < hi; i++ {
		if !visit(x.list[i].p) {
			return
		}
	}
	for i := hi - 1; desc && i >= lo; i-- {
		if !visit(x.list[i].p) {
			return
		}
	}
}
