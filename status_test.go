package orderhub_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
)

func TestStatusRanks(t *testing.T) {
	t.Parallel()
	ladder := []orderhub.Status{
		orderhub.StatusUnknown, orderhub.StatusPending, orderhub.StatusNew, orderhub.StatusConfirmed, orderhub.StatusPacked,
		orderhub.StatusShipped, orderhub.StatusReadyForPickup, orderhub.StatusDelivered,
		orderhub.StatusPartiallyReturned, orderhub.StatusReturned, orderhub.StatusCancelled,
	}
	for i := 1; i < len(ladder); i++ {
		if ladder[i].Rank() <= ladder[i-1].Rank() {
			t.Errorf("%s (%d) does not rank above %s (%d)", ladder[i], ladder[i].Rank(), ladder[i-1], ladder[i-1].Rank())
		}
	}
	if all := orderhub.Statuses(); len(all) != len(ladder) {
		t.Errorf("Statuses lists %d, the ladder has %d", len(all), len(ladder))
	}
	for _, s := range orderhub.Statuses() {
		if !slices.Contains(ladder, s) {
			t.Errorf("%s is not on the ladder", s)
		}
	}
	if got := orderhub.Status("invented").Rank(); got != 0 {
		t.Errorf("a word that is no status ranks %d, want 0", got)
	}
}

func TestStatusEndsAndHandOver(t *testing.T) {
	t.Parallel()
	ends := []orderhub.Status{
		orderhub.StatusDelivered, orderhub.StatusCancelled, orderhub.StatusPartiallyReturned, orderhub.StatusReturned,
	}
	handedOver := []orderhub.Status{
		orderhub.StatusShipped, orderhub.StatusReadyForPickup, orderhub.StatusDelivered,
		orderhub.StatusPartiallyReturned, orderhub.StatusReturned,
	}
	for _, s := range append(orderhub.Statuses(), "", "invented") {
		if got := s.IsEnd(); got != slices.Contains(ends, s) {
			t.Errorf("%q.IsEnd() = %t", s, got)
		}
		if got := s.HandedOver(); got != slices.Contains(handedOver, s) {
			t.Errorf("%q.HandedOver() = %t", s, got)
		}
	}
}

func TestParseStatus(t *testing.T) {
	t.Parallel()
	for _, s := range orderhub.Statuses() {
		if got, err := orderhub.ParseStatus(string(s)); err != nil || got != s {
			t.Errorf("ParseStatus(%q) = %q, %v", s, got, err)
		}
	}
	for _, bad := range []string{"", "New", "shipped ", "on the way", strings.Repeat("x", 1000)} {
		_, err := orderhub.ParseStatus(bad)
		if orderhub.CodeOf(err) != orderhub.CodeInvalid {
			t.Errorf("ParseStatus(%.20q): %v, want code invalid", bad, err)
			continue
		}
		if !strings.Contains(err.Error(), "ready_for_pickup") || len(err.Error()) > 300 {
			t.Errorf("ParseStatus(%.20q) answers %q: want a short sentence with what is allowed", bad, err)
		}
	}
}

func TestStatusTableLookup(t *testing.T) {
	t.Parallel()
	table := orderhub.StatusTable{Native: []orderhub.NativeStatus{
		{Word: "work", Sub: "*", Status: orderhub.StatusNew},
		{Word: "work", Sub: "packed", Status: orderhub.StatusPacked},
		{Word: "work", Sub: "", Status: orderhub.StatusPending},
		{Scheme: orderhub.SchemeDBS, Word: "work", Sub: "*", Status: orderhub.StatusConfirmed},
		{Scheme: orderhub.SchemeDBS, Word: "work", Sub: "late", Status: orderhub.StatusShipped},
		{Word: "work", Sub: "late", Status: orderhub.StatusDelivered},
		{Word: "twice", Sub: "*", Status: orderhub.StatusNew},
		{Word: "twice", Sub: "*", Status: orderhub.StatusShipped},
		{Scheme: orderhub.SchemeFBO, Word: "watch", Sub: "*", Status: orderhub.StatusDelivered},
	}}
	for _, c := range []struct {
		why       string
		scheme    orderhub.Scheme
		word, sub string
		want      orderhub.Status
		known     bool
	}{
		{"the wildcard takes any substatus", orderhub.SchemeFBS, "work", "whatever", orderhub.StatusNew, true},
		{"an exact substatus wins over the wildcard", orderhub.SchemeFBS, "work", "packed", orderhub.StatusPacked, true},
		{"an empty substatus is a substatus", orderhub.SchemeFBS, "work", "", orderhub.StatusPending, true},
		{"an exact scheme wins over any scheme", orderhub.SchemeDBS, "work", "whatever", orderhub.StatusConfirmed, true},
		{"an exact substatus wins over an exact scheme", orderhub.SchemeDBS, "work", "packed", orderhub.StatusPacked, true},
		{"both exact win over one of them", orderhub.SchemeDBS, "work", "late", orderhub.StatusShipped, true},
		{"a row of another scheme is no row", orderhub.SchemeFBS, "work", "late", orderhub.StatusDelivered, true},
		{"of two equal rows the first counts", orderhub.SchemeFBS, "twice", "x", orderhub.StatusNew, true},
		{"only another scheme has the word", orderhub.SchemeFBS, "watch", "", orderhub.StatusUnknown, false},
		{"an unlisted word is unknown", orderhub.SchemeFBS, "invented", "", orderhub.StatusUnknown, false},
		{"words are compared as written", orderhub.SchemeFBS, "Work", "", orderhub.StatusUnknown, false},
		{"no word is no row", orderhub.SchemeFBS, "", "", orderhub.StatusUnknown, false},
	} {
		got, known := table.Lookup(c.scheme, c.word, c.sub)
		if got != c.want || known != c.known {
			t.Errorf("%s: Lookup(%s, %q, %q) = %s, %t; want %s, %t", c.why, c.scheme, c.word, c.sub, got, known, c.want, c.known)
		}
	}
}

func TestStatusTableStep(t *testing.T) {
	t.Parallel()
	late := []orderhub.Status{orderhub.StatusShipped, orderhub.StatusReadyForPickup}
	table := orderhub.StatusTable{Steps: []orderhub.Step{
		{To: orderhub.StatusConfirmed, Kind: orderhub.StepPush, Call: "any"},
		{Scheme: orderhub.SchemeDBS, To: orderhub.StatusConfirmed, Kind: orderhub.StepLocal},
		{To: orderhub.StatusCancelled, Kind: orderhub.StepPush, Call: "early"},
		{To: orderhub.StatusCancelled, Kind: orderhub.StepPush, From: late, Call: "late"},
		{Scheme: orderhub.SchemeDBS, To: orderhub.StatusCancelled, Kind: orderhub.StepTell},
		{Scheme: orderhub.SchemeFBO, To: orderhub.StatusShipped, Kind: orderhub.StepPush, From: late, Call: "only late"},
	}}
	for _, c := range []struct {
		why      string
		scheme   orderhub.Scheme
		from, to orderhub.Status
		kind     orderhub.StepKind
		call     string
	}{
		{"a row for any scheme", orderhub.SchemeFBS, orderhub.StatusNew, orderhub.StatusConfirmed, orderhub.StepPush, "any"},
		{"an exact scheme wins", orderhub.SchemeDBS, orderhub.StatusNew, orderhub.StatusConfirmed, orderhub.StepLocal, ""},
		{"a row for any headline", orderhub.SchemeFBS, orderhub.StatusNew, orderhub.StatusCancelled, orderhub.StepPush, "early"},
		{"a listed headline wins", orderhub.SchemeFBS, orderhub.StatusShipped, orderhub.StatusCancelled, orderhub.StepPush, "late"},
		{"a listed headline wins over the scheme", orderhub.SchemeDBS, orderhub.StatusShipped, orderhub.StatusCancelled, orderhub.StepPush, "late"},
		{"without it the scheme wins", orderhub.SchemeDBS, orderhub.StatusNew, orderhub.StatusCancelled, orderhub.StepTell, ""},
		{"a headline beside the list does not fit", orderhub.SchemeFBO, orderhub.StatusPacked, orderhub.StatusShipped, orderhub.StepObserved, ""},
		{"an unlisted step is never guessed", orderhub.SchemeFBS, orderhub.StatusNew, orderhub.StatusDelivered, orderhub.StepObserved, ""},
	} {
		got := table.Step(c.scheme, c.from, c.to)
		if got.Kind != c.kind || got.Call != c.call || got.To != c.to {
			t.Errorf("%s: Step(%s, %s, %s) = %+v; want %s %q", c.why, c.scheme, c.from, c.to, got, c.kind, c.call)
		}
	}
}
