package yandexmarket

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/yandexsim"
)

func TestLinesAreTakenOut(t *testing.T) {
	t.Parallel()
	for _, scheme := range []orderhub.Scheme{orderhub.SchemeDBS, orderhub.SchemeFBS, orderhub.SchemeExpress} {
		t.Run(string(scheme), func(t *testing.T) {
			t.Parallel()
			a, m := market(t, yandexsim.Options{Seed: 3})
			got, err := m.Place(marketsim.OrderSpec{Scheme: scheme, Lines: []marketsim.SpecLine{
				{SKU: "A", Quantity: 3, PriceMinor: 10_000}, {SKU: "B", Quantity: 1, PriceMinor: 20_000}, {SKU: "C", Quantity: 2, PriceMinor: 20_000},
			}})
			if err != nil {
				t.Fatal(err)
			}
			id := got[0]
			o := ledger(t, a, id)[id]
			cut := func(o orderhub.Order, attempt int, units map[int]int64) channel.PushResult {
				t.Helper()
				p := push(o, "", "")
				p.Attempt = attempt
				results, err := a.CancelLines(t.Context(), []channel.LineCancel{{Push: p, Units: units}})
				if err != nil {
					t.Fatal(err)
				}
				return results[0]
			}
			some := map[int]int64{0: 1, 1: 1}
			if r := cut(o, 1, some); r.Outcome != channel.OutcomeAccepted {
				t.Fatalf("first: %+v", r)
			}
			// Nobody knows of it, and the ledger still has the old lines.
			if r := cut(o, 2, some); r.Outcome != channel.OutcomeDone || len(r.Items) != 1 {
				t.Errorf("again: %+v", r)
			}
			if r := cut(o, 2, map[int]int64{2: 1}); orderhub.ClassOf(r.Err) != orderhub.ClassRejected || len(r.Items) != 1 {
				t.Errorf("another wish on old lines: %+v", r)
			}
			o = ledger(t, a, id)[id]
			var counts []int64
			for _, l := range o.Snapshot.Lines {
				counts = append(counts, l.Quantity)
			}
			if !slices.Equal(counts, []int64{2, 0, 2}) {
				t.Errorf("left %v", counts)
			}
			if r := cut(o, 2, map[int]int64{2: 2}); r.Outcome != channel.OutcomeAccepted {
				t.Errorf("one more: %+v", r)
			}
			o = ledger(t, a, id)[id]
			if r := cut(o, 1, map[int]int64{0: 1}); orderhub.ClassOf(r.Err) != orderhub.ClassRejected {
				t.Errorf("of the only line: %+v", r)
			}
			if truth := m.Truth()[0]; truth.Units != 2 {
				t.Errorf("in the books %+v", truth)
			}
		})
	}
}

func TestLinesThatAreNotTakenOut(t *testing.T) {
	t.Parallel()
	a, s := setup(t, noon, nil, func(w http.ResponseWriter, _ asked) { w.WriteHeader(http.StatusTeapot) })
	dbs := order(orderhub.SchemeDBS, dbsShop, 712000103, orderhub.StatusConfirmed)
	packed, watched, lost, odd := dbs, dbs, dbs, dbs
	packed.Snapshot.Native, packed.Snapshot.NativeSub = "PROCESSING", "READY_TO_SHIP"
	watched.Snapshot.Scheme = orderhub.SchemeFBO
	lost.Snapshot.Attrs = nil
	odd.Snapshot.Lines = []orderhub.Line{{ID: "x", Quantity: 2}}
	for words, c := range map[string]channel.LineCancel{
		"PROCESSING STARTED only":  {Push: push(packed, "", ""), Units: map[int]int64{0: 1}},
		"cannot be taken out from": {Push: push(watched, "", ""), Units: map[int]int64{0: 1}},
		"its campaign":             {Push: push(lost, "", ""), Units: map[int]int64{0: 1}},
		"line 0: id":               {Push: push(odd, "", ""), Units: map[int]int64{0: 1}},
		"no line 7":                {Push: push(dbs, "", ""), Units: map[int]int64{7: 1}},
		"has 2 units":              {Push: push(dbs, "", ""), Units: map[int]int64{0: 3}},
		"-1 cannot":                {Push: push(dbs, "", ""), Units: map[int]int64{0: -1}},
		"nothing is to be taken":   {Push: push(dbs, "", "")},
		"nothing would be left":    {Push: push(dbs, "", ""), Units: map[int]int64{0: 2, 1: 1}},
	} {
		results, err := a.CancelLines(t.Context(), []channel.LineCancel{c})
		if err != nil || orderhub.ClassOf(results[0].Err) != orderhub.ClassRejected || !strings.Contains(results[0].Err.Error(), words) {
			t.Errorf("%s: %+v, %v", words, results, err)
		}
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}
