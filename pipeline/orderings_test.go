package pipeline

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// TestEveryOrderOfTelling tells {order, cancel, ship, return, refund} in every
// sequence up to length 6, repetitions included, each piece of news accepted by
// itself. What is the same in the end is what the same pieces lead to when they are
// told in the order in which they happened: headline, who cancelled and when, units
// and amounts, the figures of the demand and of the shelf, the return with its goods
// and money.
//
// Which piece is newer is said by a version, by the channel's time, or by when it
// was read (told late). A channel that gives no time and shows pieces from replicas
// that are behind is told apart by rank alone; of such a one, quantities of partial
// cancels cannot be told apart and are left out.
func TestEveryOrderOfTelling(t *testing.T) {
	if testing.Short() {
		t.Skip("tells thousands of stories")
	}
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 100_000_000})
		w.offer()
		for _, st := range stories {
			for _, tl := range tellings {
				if st.partial && tl.byRank {
					continue
				}
				few := w.store.PgPool() != nil || st.name != "cancelled on its way" || tl.name != "version"
				w.tellAll(t, st, tl, sequences(few))
			}
		}
	}, returning, func(_ *fake, opts *Options) { opts.Batch = 1000 })
}

// The pieces, as places in a story.
const (
	pieceOrder = iota
	pieceCancel
	pieceShip
	pieceReturn
	pieceRefund
	pieces
)

// story is what happened: at is when each piece did, by the channel's clock.
type story struct {
	name    string
	at      [pieces]int
	partial bool
}

var stories = []story{
	{"cancelled on its way", [pieces]int{pieceOrder: 1, pieceShip: 2, pieceCancel: 3, pieceReturn: 4, pieceRefund: 5}, false},
	{"cancelled, and shipped all the same", [pieces]int{pieceOrder: 1, pieceCancel: 2, pieceShip: 3, pieceReturn: 4, pieceRefund: 5}, false},
	{"a part cancelled", [pieces]int{pieceOrder: 1, pieceCancel: 2, pieceShip: 3, pieceReturn: 4, pieceRefund: 5}, true},
}

// telling is how a channel lets itself be told what is newer.
type telling struct {
	name                        string
	version, time, late, status bool
	byRank                      bool
}

var tellings = []telling{
	{name: "version", version: true},
	{name: "time", time: true},
	{name: "late", late: true},
	{name: "replicas", byRank: true},
	{name: "halves", byRank: true, status: true},
}

// sequences lists all sequences of pieces up to length 6. If few are wanted: those up
// to length 3, all pieces in every order, and that with the first one told again.
func sequences(few bool) [][]int {
	var out [][]int
	var grow func(seq []int)
	grow = func(seq []int) {
		distinct := len(slices.Compact(slices.Sorted(slices.Values(seq))))
		whole := distinct == pieces && (len(seq) == pieces || seq[0] == seq[pieces])
		if len(seq) > 0 && (!few || len(seq) <= 3 || whole) {
			out = append(out, slices.Clone(seq))
		}
		if len(seq) == 6 || (few && len(seq) >= 4 && len(seq) != distinct) {
			return
		}
		for p := range pieces {
			grow(append(seq, p))
		}
	}
	grow(nil)
	return out
}

// piece is what the market says of one piece.
func (st story) piece(p int, id string, placed time.Time, tl telling) channel.Item {
	at := placed.Add(time.Duration(st.at[p]) * time.Minute)
	switch p {
	case pieceReturn, pieceRefund:
		n := int64(3)
		if st.partial {
			n = 1
		}
		s := goodsBack("R"+id, id, "A", n, orderhub.ReturnReceived)
		s.Part = orderhub.PartGoods
		if p == pieceRefund {
			s.Part, s.State, s.Lines, s.Refund = "claim", orderhub.ReturnAnnounced, nil, orderhub.Roubles(100*n)
		}
		if tl.time {
			s.ChangedAt = at
		}
		return backItem(s)
	}
	status := [pieces]orderhub.Status{orderhub.StatusNew, orderhub.StatusCancelled, orderhub.StatusShipped}[p]
	units := int64(3)
	if st.partial {
		if p != pieceOrder {
			units = 2
		}
		if p == pieceCancel {
			status = orderhub.StatusNew
		}
	}
	s := with(snap(id, status), func(s *orderhub.Snapshot) {
		s.PlacedAt, s.Total = placed, orderhub.Roubles(100*units)
		s.Lines = []orderhub.Line{{SKU: "A", ListingKey: "kA", Quantity: units, UnitPrice: orderhub.Roubles(100), Total: orderhub.Roubles(100 * units)}}
		if status == orderhub.StatusCancelled {
			s.Cancellation = &orderhub.Cancellation{By: orderhub.CancelByBuyer}
		}
		if tl.version {
			s.Revision = int64(st.at[p])
		}
		if tl.time {
			s.ChangedAt = at
		}
		if tl.status {
			if s.StatusOnly = p != pieceOrder; s.StatusOnly {
				s.Lines, s.PlacedAt, s.Total = nil, time.Time{}, orderhub.Money{}
			} else {
				s.Status, s.Native = orderhub.StatusUnknown, ""
			}
		}
	})
	return itemOf(s)
}

// tellAll tells a story in all sequences, one order each, round by round: no two
// pieces of an order are accepted together.
func (w *world) tellAll(t *testing.T, st story, tl telling, list [][]int) {
	t.Helper()
	placed := w.clock.now()
	id := func(k int) string { return fmt.Sprintf("%.12s-%.4s-%d", st.name[9:], tl.name, k) }
	for round := range 6 {
		var items []store.Raw
		var late [pieces][]store.Raw
		for k, seq := range list {
			if round >= len(seq) {
				continue
			}
			it := st.piece(seq[round], id(k), placed, tl)
			raw := store.Raw{Kind: it.Kind, ExternalID: it.ExternalID, Body: it.Body}
			items = append(items, raw)
			late[seq[round]] = append(late[seq[round]], raw)
		}
		w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error {
			if !tl.late {
				_, err := tx.SaveRaw(t.Context(), acct, "test", w.clock.now(), items)
				return err
			}
			for p, raws := range late {
				if len(raws) == 0 {
					continue
				}
				if _, err := tx.SaveRaw(t.Context(), acct, "test", placed.Add(time.Duration(st.at[p])*time.Second), raws); err != nil {
					return err
				}
			}
			return nil
		}))
		w.accept()
	}
	w.clock.add(time.Hour)
	ends, wrong := map[string]string{}, 0
	for k, seq := range list {
		told := slices.Compact(slices.Sorted(slices.Values(seq)))
		slices.SortFunc(told, func(a, b int) int { return st.at[a] - st.at[b] })
		end := w.endOf(t, id(k))
		key := fmt.Sprint(told)
		if _, ok := ends[key]; !ok {
			first := slices.IndexFunc(list, func(s []int) bool { return slices.Equal(s, told) })
			ends[key] = w.endOf(t, id(first))
		}
		if end != ends[key] {
			if wrong++; wrong <= 5 {
				t.Errorf("%s, %s: told as %v\n got %s\nwant %s", st.name, tl.name, seq, end, ends[key])
			}
		}
	}
	if bad := w.raws(store.RawQuarantined); len(bad) > 0 {
		t.Errorf("%s, %s: in quarantine: %s", st.name, tl.name, bad[0].Error)
	}
}

var anyNumber = regexp.MustCompile(`order \d+`)

// endOf writes what is known of an order in the end, and checks that no more came
// back than left.
func (w *world) endOf(t *testing.T, id string) string {
	t.Helper()
	out := "no order"
	var d orderhub.Demand
	if o := w.find(id); o != nil {
		d = w.demand(id, "A")
		after, by := false, orderhub.CancelParty("")
		if c := o.Snapshot.Cancellation; c != nil {
			after, by = c.AfterHandOver, c.By
		}
		out = fmt.Sprintf("%s by %q after=%v, %d units %v, holds %v, reserved %d consumed %d unbacked %d returned %d short %d", o.Headline, by, after,
			o.Snapshot.Units(), o.Snapshot.Total, o.Holds(), d.Reserved, d.Consumed, d.Unbacked, d.Returned, d.Short())
	}
	list, err := w.store.ReturnsByExternal(t.Context(), acct, []string{"R" + id})
	w.must(err)
	for _, r := range list {
		booked := int64(0)
		for _, g := range r.Goods {
			booked += g.Booked()
		}
		if booked > d.Consumed+d.Unbacked {
			t.Errorf("order %s: %d units are back of %d that left", id, booked, d.Consumed+d.Unbacked)
		}
		out += fmt.Sprintf("; return %s, %d units, goods %v, refund %v, %q, matched %v", r.State, r.Units(), r.Goods, r.Snapshot.Refund, anyNumber.ReplaceAllString(r.Discrepancy, "order N"), r.OrderID != 0)
	}
	return out
}
