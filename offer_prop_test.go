package orderhub_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/orderhub/orderhub"
)

// shopWorld is channels that sell what they were told, a hub that learns of it
// later, and the goods themselves.
type shopWorld struct {
	available int64 // as the hub knows it
	offers    []orderhub.Offer
	figure    []int64   // what each channel really shows
	inFlight  [][]int64 // figures sent and not applied yet
	unseen    []sales
	seen      []int64 // sales that the hub knows of and that can be cancelled
	cancelled []int64 // cancels that the hub has not seen; the channel took them back
	restored  []int64 // cancels that it has seen since the last figure was sent
	stated    int64   // the most exposure the hub ever stated
}

// sales that the hub has not seen, before and after the last figure was applied.
type sales struct{ before, after int64 }

func (w *shopWorld) oversold() int64 {
	n := -w.available
	for i, u := range w.unseen {
		n += u.before + u.after - w.cancelled[i]
	}
	return n
}

func (w *shopWorld) state() {
	w.stated = max(w.stated, orderhub.ExposureOf("A", w.available, w.offers))
}

func (w *shopWorld) actions(oversell orderhub.OversellPolicy) map[string]func(*rapid.T) {
	pick := func(t *rapid.T) int { return rapid.IntRange(0, len(w.offers)-1).Draw(t, "channel") }
	return map[string]func(*rapid.T){
		"buy": func(t *rapid.T) {
			i := pick(t)
			if w.figure[i] == 0 {
				return
			}
			units := rapid.Int64Range(1, w.figure[i]).Draw(t, "units") // buyers come in crowds
			w.figure[i] -= units
			if len(w.inFlight[i]) > 0 {
				w.unseen[i].before += units
			} else {
				w.unseen[i].after += units
			}
		},
		"see": func(t *rapid.T) {
			i := pick(t)
			u, o := &w.unseen[i], &w.offers[i]
			switch {
			case u.before > 0:
				u.before--
			case u.after > 0:
				u.after--
			default:
				return
			}
			w.available--
			o.Exposure = max(0, o.Exposure-1)
			w.seen[i]++
		},
		"cancel": func(t *rapid.T) {
			if i := pick(t); w.seen[i] > 0 {
				w.seen[i]--
				w.figure[i]++
				w.cancelled[i]++
			}
		},
		"hear of a cancel": func(t *rapid.T) {
			if i := pick(t); w.cancelled[i] > 0 {
				w.cancelled[i]--
				w.restored[i]++
				w.available++
				w.offers[i].Exposure++
			}
		},
		"plan": func(t *rapid.T) {
			i := pick(t)
			b, change := orderhub.PlanOffer(map[string]int64{"A": w.available}, w.offers, i)
			if !change {
				return
			}
			o := &w.offers[i]
			o.Shown, o.Settled, o.Exposure = b, false, o.Exposure+b
			w.restored[i] = 0
			// What was sold up to now was sold under an older figure.
			w.unseen[i] = sales{before: w.unseen[i].before + w.unseen[i].after}
			w.inFlight[i] = append(w.inFlight[i], b)
		},
		"arrive": func(t *rapid.T) {
			if i := pick(t); len(w.inFlight[i]) > 0 {
				w.figure[i], w.inFlight[i] = w.inFlight[i][0], w.inFlight[i][1:]
			}
		},
		"settle": func(t *rapid.T) {
			i := pick(t)
			if o := &w.offers[i]; !o.Settled && len(w.inFlight[i]) == 0 && w.unseen[i].before == 0 {
				o.Exposure, o.Settled = min(o.Exposure, o.Shown+w.restored[i]), true
			}
		},
		"restock": func(t *rapid.T) { w.available += rapid.Int64Range(1, 5).Draw(t, "units") },
		"": func(t *rapid.T) {
			w.state()
			sold := w.oversold()
			if oversell == orderhub.OversellStrict && sold > 0 {
				t.Fatalf("%d units were sold twice", sold)
			}
			if sold > w.stated {
				t.Fatalf("%d units were sold twice, at most %d were stated", sold, w.stated)
			}
		},
	}
}

// TestPlanSellsNothingTwice: channels that sell while figures are on their way,
// and a hub that hears of it late. With strict nothing is ever sold twice, with
// shared never more than the hub stated.
func TestPlanSellsNothingTwice(t *testing.T) {
	t.Parallel()
	for _, policy := range []orderhub.OversellPolicy{orderhub.OversellStrict, orderhub.OversellShared} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				n := rapid.IntRange(1, 4).Draw(t, "channels")
				w := &shopWorld{available: rapid.Int64Range(0, 12).Draw(t, "stock"), figure: make([]int64, n), inFlight: make([][]int64, n), unseen: make([]sales, n),
					seen: make([]int64, n), cancelled: make([]int64, n), restored: make([]int64, n)}
				for i := range n {
					w.offers = append(w.offers, orderhub.Offer{
						ListingID: int64(i + 1), Takes: map[string]int64{"A": 1}, Policy: policy, Shown: -1, Settled: true,
						Publish: orderhub.Publish{Mode: orderhub.PublishMirror},
					})
				}
				t.Repeat(w.actions(policy))
			})
		})
	}
}

// TestPlanUsesTheStock: left alone, the channels end up showing what there is.
func TestPlanUsesTheStock(t *testing.T) {
	t.Parallel()
	for _, policy := range []orderhub.OversellPolicy{orderhub.OversellStrict, orderhub.OversellShared} {
		for channels := 1; channels <= 4; channels++ {
			for _, stock := range []int64{0, 1, 3, 10} {
				name := fmt.Sprint(policy, channels, stock)
				w := &shopWorld{available: stock}
				for i := range channels {
					w.offers = append(w.offers, orderhub.Offer{ListingID: int64(i + 1), Takes: map[string]int64{"A": 1}, Policy: policy, Shown: -1, Settled: true,
						Publish: orderhub.Publish{Mode: orderhub.PublishMirror}})
				}
				// The first took everything once, when it was alone.
				w.offers[0].Shown, w.offers[0].Exposure = stock, stock
				for range 20 {
					for i := range w.offers {
						if b, change := orderhub.PlanOffer(map[string]int64{"A": stock}, w.offers, i); change {
							w.offers[i].Shown, w.offers[i].Exposure = b, b // settled at once
						}
					}
				}
				total, least := int64(0), int64(1<<40)
				for _, o := range w.offers {
					total += o.Exposure
					least = min(least, o.Exposure)
				}
				switch {
				case policy == orderhub.OversellShared && (total != stock*int64(channels)):
					t.Errorf("%s: shown %d", name, total)
				case policy == orderhub.OversellStrict && (total > stock || (stock >= int64(channels) && least == 0)):
					t.Errorf("%s: %d of %d shown, the least %d: %+v", name, total, stock, least, w.offers)
				}
			}
		}
	}
}
