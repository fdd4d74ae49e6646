package pipeline

import (
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// cutWorld has an order of three of A and two of B, reserved.
func cutWorld(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	each(t, func(t *testing.T, w *world) {
		w.stock(map[string]int64{"A": 10, "B": 10})
		w.offer()
		w.fake.place(twoLines("1", orderhub.SchemeFBS))
		w.read()
		f(t, w)
	}, returning)
}

func twoLines(id string, scheme orderhub.Scheme) orderhub.Snapshot {
	return with(snap(id, orderhub.StatusNew), func(s *orderhub.Snapshot) {
		s.Scheme, s.Total = scheme, orderhub.Roubles(700)
		s.Lines = []orderhub.Line{
			{SKU: "A", ListingKey: "kA", Name: "A", Quantity: 3, UnitPrice: orderhub.Roubles(100), Total: orderhub.Roubles(300)},
			{SKU: "B", ListingKey: "kB", Name: "B", Quantity: 2, UnitPrice: orderhub.Roubles(200), Total: orderhub.Roubles(400)},
		}
	})
}

// cut asks for units to be taken out, as pairs of line and units.
func (w *world) cut(id string, pairs ...int64) (Advanced, error) {
	w.t.Helper()
	var lines []orderhub.LineUnits
	for i := 0; i < len(pairs); i += 2 {
		lines = append(lines, orderhub.LineUnits{Line: int(pairs[i]), Units: pairs[i+1]})
	}
	return w.hub.CancelLines(w.t.Context(), w.order(id).ID, lines, orderhub.Request{Actor: manager, Reason: "no_stock"})
}

func (w *world) mustCut(id string, pairs ...int64) {
	w.t.Helper()
	_, err := w.cut(id, pairs...)
	w.must(err)
}

// wantReserved checks what is set aside, and that it is on the shelf.
func (w *world) wantReserved(a, b int64) {
	w.t.Helper()
	if got := w.figure("A"); got.Reserved != a || got.OnHand != 10 {
		w.t.Errorf("A: %+v, want %d reserved of 10", got, a)
	}
	if got := w.figure("B"); got.Reserved != b || got.OnHand != 10 {
		w.t.Errorf("B: %+v, want %d reserved of 10", got, b)
	}
}

// TestUnitsAreTakenOut: the channel is asked once, the stock follows what it shows,
// and the history says who and why.
func TestUnitsAreTakenOut(t *testing.T) {
	t.Parallel()
	cutWorld(t, func(t *testing.T, w *world) {
		w.mustCut("1", 0, 1)
		_, err := w.cut("1", 1, 1)
		wantCode(t, err, orderhub.CodeRefused, "on its way")
		w.push()
		w.wantReserved(3, 2)
		w.pushFor(5 * time.Second)
		w.wantReserved(2, 2)
		same(t, "effects", w.states("1"), orderhub.EffectConfirmed)
		if n := len(w.fake.cuts.made); n != 1 {
			t.Errorf("%d calls", n)
		}
		if c := w.fake.cuts.made[0]; c.Units[0] != 1 || c.Had[0] != 3 || c.Had[1] != 2 || c.Reason != "no_stock" {
			t.Errorf("asked for %+v", c)
		}
		o := w.order("1")
		if o.Headline != orderhub.StatusNew || o.Snapshot.Total != orderhub.Roubles(600) {
			t.Errorf("order %s over %v", o.Headline, o.Snapshot.Total)
		}
		var told []string
		for _, e := range w.events("1") {
			if strings.Contains(string(e.Data), `"cancelled"`) {
				told = append(told, string(e.Kind)+" "+string(e.Data))
			}
		}
		if len(told) != 2 || !strings.HasPrefix(told[1], "changed ") || !strings.Contains(told[1], `"initiator":"seller"`) || !strings.Contains(told[1], `"units":1`) {
			t.Errorf("told %v", told)
		}
		w.take(w.fake.books["1"]) // once more: nothing happens
		w.wantReserved(2, 2)
		w.mustCut("1", 1, 2) // the next one
		w.pushFor(5 * time.Second)
		w.wantReserved(2, 0)
	})
}

// TestCutAndNewsMeet: whichever is first, the units are released once, and nothing
// is asked for twice.
func TestCutAndNewsMeet(t *testing.T) {
	t.Parallel()
	cutWorld(t, func(t *testing.T, w *world) {
		w.mustCut("1", 0, 2)
		gone := twoLines("1", orderhub.SchemeFBS)
		gone.Cut(map[int]int64{0: 2})
		w.fake.place(gone)
		w.take(gone) // somebody did it in the cabinet
		w.wantReserved(1, 2)
		w.pushFor(5 * time.Second)
		same(t, "effects", w.states("1"), orderhub.EffectConfirmed)
		w.mustCut("1", 1, 1)
		gone.Cut(map[int]int64{0: 1}) // other units are gone meanwhile
		w.fake.place(gone)
		w.take(gone)
		w.pushFor(5 * time.Second)
		same(t, "effects", w.states("1"), orderhub.EffectConfirmed, orderhub.EffectRejected)
		if e := w.effect("1"); len(w.fake.cuts.made) != 0 || !strings.Contains(e.Error, "changed meanwhile") {
			t.Errorf("%d calls, %q", len(w.fake.cuts.made), e.Error)
		}
		w.wantReserved(0, 2)
		events := w.events("1")
		if last := events[len(events)-2]; strings.Contains(string(last.Data), "seller") {
			t.Errorf("the channel took units out by itself, told as %s", last.Data)
		}
	})
}

// TestCutLost: after an answer that did not come the order is read; what is out is
// not taken out again, what is not is asked for once more.
func TestCutLost(t *testing.T) {
	t.Parallel()
	for name, did := range map[string]bool{"done": true, "not done": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cutWorld(t, func(t *testing.T, w *world) {
				first := true
				w.fake.script(func(f *fake) {
					f.cuts.onCut = func(f *fake, c channel.LineCancel) channel.PushResult {
						if first {
							first = false
							if did {
								f.obeyCut(c)
							}
							return lostCut()
						}
						return f.obeyCut(c)
					}
				})
				w.mustCut("1", 0, 1)
				w.pushFor(time.Minute)
				w.wantReserved(2, 2)
				want := map[bool]int{true: 1, false: 2}[did]
				if e := w.effect("1"); e.State != orderhub.EffectConfirmed || len(w.fake.cuts.made) != want {
					t.Errorf("effect %s %q after %d calls, want %d", e.State, e.Error, len(w.fake.cuts.made), want)
				}
			})
		})
	}
}

// TestCutsThatAreRefused: with a sentence that says what to do.
func TestCutsThatAreRefused(t *testing.T) {
	t.Parallel()
	cutWorld(t, func(t *testing.T, w *world) {
		ask := func(code orderhub.Code, words string, pairs ...int64) {
			t.Helper()
			_, err := w.cut("1", pairs...)
			wantCode(t, err, code, words)
		}
		ask(orderhub.CodeInvalid, "names none")
		ask(orderhub.CodeInvalid, "there is no line 2", 2, 1)
		ask(orderhub.CodeInvalid, "named twice", 0, 1, 0, 1)
		ask(orderhub.CodeInvalid, "has 3 units", 0, 4)
		_, err := w.hub.CancelLines(t.Context(), w.order("1").ID, []orderhub.LineUnits{{Units: 1}}, orderhub.Request{Actor: manager, Reason: "fun"})
		wantCode(t, err, orderhub.CodeInvalid, "no_stock")
		w.mustAsk("1", orderhub.StatusConfirmed)
		ask(orderhub.CodeRefused, "confirmed on its way", 0, 1)
		w.fake.move("1", orderhub.StatusShipped)
		w.read()
		ask(orderhub.CodeRefused, "through a return", 0, 1)
		if len(w.fake.cuts.made) > 0 {
			t.Error("the channel was asked")
		}
	})
}

// TestOrdersOfOneUnit: a channel without the call says so.
func TestOrdersOfOneUnit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(snap("1", orderhub.StatusNew))
		_, err := w.cut("1", 0, 1)
		wantCode(t, err, orderhub.CodeUnsupported, "Fake market", "cancelled whole")
	}, func(f *fake, _ *Options) { f.bare = true })
}

// TestLastUnits: whoever takes the last unit out, the order is cancelled.
func TestLastUnits(t *testing.T) {
	t.Parallel()
	cutWorld(t, func(t *testing.T, w *world) {
		w.mustCut("1", 0, 3, 1, 2)
		if o := w.order("1"); o.Requested != orderhub.StatusCancelled {
			t.Errorf("all is to be taken out, and %q is asked for", o.Requested)
		}
		w.pushFor(5 * time.Second)
		if o := w.order("1"); o.Headline != orderhub.StatusCancelled || len(w.fake.cuts.made) > 0 {
			t.Errorf("order %s", o.Headline)
		}
		w.wantReserved(0, 0)
		two := twoLines("2", orderhub.SchemeFBS)
		w.take(two)
		w.wantReserved(3, 2)
		two.Cut(map[int]int64{0: 3, 1: 2})
		w.take(two)
		w.wantReserved(0, 0)
		o := w.order("2")
		if o.Headline != orderhub.StatusCancelled || o.Snapshot.Cancellation == nil || o.Snapshot.Cancellation.By != orderhub.CancelBySystem {
			t.Errorf("nothing is left of the order, and it is %s: %+v", o.Headline, o.Snapshot.Cancellation)
		}
		two.Native, two.Status = "assembling", orderhub.StatusConfirmed
		w.take(two)
		if o := w.order("2"); o.Headline != orderhub.StatusCancelled {
			t.Errorf("revived: %s", o.Headline)
		}
	})
}

// TestShopIsTold: where the hub decides, the units are free at once, and stay out
// although the shop repeats the old quantities; its new ones count.
func TestShopIsTold(t *testing.T) {
	t.Parallel()
	cutWorld(t, func(t *testing.T, w *world) {
		s := with(twoLines("2", orderhub.SchemeSite), func(s *orderhub.Snapshot) { s.Revision = 1 })
		w.take(s)
		w.wantReserved(6, 4)
		w.mustCut("2", 0, 2)
		w.wantReserved(4, 4)
		w.mustCut("2", 1, 2)
		w.wantReserved(4, 2)
		if o := w.order("2"); o.Snapshot.Units() != 1 || o.Snapshot.Total != orderhub.Roubles(100) {
			t.Errorf("%d units over %v are left", o.Snapshot.Units(), o.Snapshot.Total)
		}
		for rev := range int64(3) {
			s.Revision = rev + 1
			w.take(with(s, func(s *orderhub.Snapshot) { s.Comment = "ring twice"[:4*rev] }))
			if o := w.order("2"); o.Snapshot.Units() != 1 || o.Snapshot.Total != orderhub.Roubles(100) {
				t.Errorf("version %d: %d units over %v", s.Revision, o.Snapshot.Units(), o.Snapshot.Total)
			}
			w.wantReserved(4, 2)
		}
		if bad := w.raws("quarantined"); len(bad) > 0 {
			t.Errorf("in quarantine: %s", bad[0].Error)
		}
		s.Revision, s.Lines = 9, append([]orderhub.Line{}, s.Lines...)
		s.Lines[0].Quantity, s.Lines[1].Quantity = 2, 0
		w.take(s)
		w.wantReserved(5, 2)
		w.must(w.hub.drainEffects(t.Context(), w.account(), store.Lease{}))
		if n := len(w.fake.cuts.made); n == 0 {
			t.Error("the shop was not told")
		}
		w.mustCut("2", 0, 2) // the last units
		if o := w.order("2"); o.Headline != orderhub.StatusCancelled || o.Snapshot.Cancellation.By != orderhub.CancelBySeller {
			t.Errorf("order %s, %+v", o.Headline, o.Snapshot.Cancellation)
		}
		w.wantReserved(3, 2)
	})
}

// TestCancelSupersedesCut: a cancel of the whole overtakes what has not left.
func TestCancelSupersedesCut(t *testing.T) {
	t.Parallel()
	cutWorld(t, func(t *testing.T, w *world) {
		w.mustCut("1", 0, 1)
		w.mustAsk("1", orderhub.StatusCancelled)
		w.pushFor(5 * time.Second)
		same(t, "effects", w.states("1"), orderhub.EffectSuperseded, orderhub.EffectConfirmed)
		w.wantReserved(0, 0)
	})
}
