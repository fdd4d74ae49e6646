package pipeline

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// fill puts a text into every text field of a snapshot, lists and maps included.
func fillText(v reflect.Value, text string) {
	switch v.Kind() { //nolint:exhaustive // texts and what holds them
	case reflect.String:
		v.SetString(text)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type() != reflect.TypeFor[time.Time]() {
				fillText(v.Field(i), text)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillText(v.Index(0), text)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillText(v.Elem(), text)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{text: text}))
	}
}

// Whatever text a channel sends, in whatever field: both engines take it, and
// seeing it again is no news.
func TestHostileTextsSurviveInEveryField(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 20_000) // does not compress
	_, _ = rand.Read(noise)
	texts := map[string]string{
		"html":          `<script>alert("1")</script>&amp;<img src=x onerror=alert(1)>`,
		"sql":           `'; DROP TABLE orders; --`,
		"placeholder":   `? $1 $2 ?? :x @y %s %!d`,
		"zero bytes":    "a\x00b\x00",
		"only zeros":    "\x00\x00",
		"broken utf-8":  "a\xff\xfe\xc3\x28b",
		"surrogates":    "\xed\xa0\x80\xed\xb0\x80",
		"newlines":      "a\nb\r\nc\n",
		"commas":        ",a,,b,",
		"blanks":        "  ",
		"controls":      "\x01\x02\x1f\x7f\u0085\u2028",
		"bidi":          "\u202Etxt.exe\u202C \u200B",
		"emoji":         strings.Repeat("👩‍👩‍👧‍👦", 300),
		"long":          strings.Repeat("я", 100_000),
		"long noise":    hex.EncodeToString(noise),
		"backslashes":   `\0\x00\u0000\\n`,
		"json":          `{"a":[1,"\u0000"]}`,
		"percent score": "100%_ё\u0301É",
	}
	each(t, func(t *testing.T, w *world) {
		for name, text := range texts {
			t.Run(name, func(t *testing.T) { surviveText(t, w, name, text) })
		}
	})
}

func surviveText(t *testing.T, w *world, id, text string) {
	w.fake.onNormalise = func(_ string, body []byte) (orderhub.Snapshot, error) {
		s := snap("", orderhub.StatusCancelled)
		fillText(reflect.ValueOf(&s).Elem(), text)
		s.ExternalID, s.Status, s.Total.Minor = id, orderhub.StatusCancelled, 98000
		s.Lines[0].Quantity, s.Lines[0].UnitPrice.Minor = 1, 98000
		return s, nil
	}
	w.take(snap(id, orderhub.StatusNew))
	if aside := w.raws(store.RawQuarantined); len(aside) > 0 {
		t.Fatalf("quarantined: %s", aside[0].Error)
	}
	o := w.order(id)
	// Seen again, in other bytes.
	w.take(with(snap(id, orderhub.StatusNew), func(s *orderhub.Snapshot) { s.Comment = "again" }))
	if again := w.order(id); again.Version != o.Version {
		events := w.events(id)
		t.Errorf("the same again is a change: %s", events[len(events)-1].Why)
	}
	// It can be found, listed, held and replayed without harm.
	if _, _, err := w.store.ListOrders(t.Context(), store.OrderFilter{Text: clean(text)}); err != nil {
		t.Errorf("search: %v", err)
	}
	if _, err := w.hub.SetHold(t.Context(), o.ID, orderhub.HoldManual, true, text, manager); err != nil {
		t.Errorf("hold: %v", err)
	}
	if _, err := w.hub.ReplayDry(t.Context(), o.RawID); err != nil {
		t.Errorf("replay: %v", err)
	}
}

// What a manager or an API client types reaches the database too.
func TestHostileTextsOfRequests(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		for name, text := range map[string]string{
			"zero bytes": "a\x00b", "broken utf-8": "a\xff", "html": "<b>&", "long": strings.Repeat("я", 100_000),
		} {
			t.Run(name, func(t *testing.T) { askWith(t, w, name, text) })
		}
	})
}

func askWith(t *testing.T, w *world, order, text string) {
	w.fake.script(func(f *fake) { f.onList, f.onPush = nil, nil })
	w.take(snap(order, orderhub.StatusNew))
	id := w.order(order).ID
	actor := orderhub.Actor{Kind: orderhub.ActorAPI, Name: text}
	for what, ask := range map[string]func() error{
		"hold": func() error {
			_, err := w.hub.SetHold(t.Context(), id, orderhub.HoldUnmapped, true, text, actor)
			return err
		},
		"tracking": func() error {
			_, err := w.hub.SetTracking(t.Context(), id, text, text, actor)
			return err
		},
		"confirm": func() error {
			_, err := w.hub.Advance(t.Context(), id, orderhub.Request{To: orderhub.StatusConfirmed, Actor: actor, Comment: text, Params: map[string]string{text: text}})
			return err
		},
		"cancel": func() error {
			_, err := w.hub.Advance(t.Context(), id, orderhub.Request{To: orderhub.StatusCancelled, Actor: actor, Reason: "other", Comment: text})
			return err
		},
		"cancel for no reason": func() error {
			_, err := w.hub.Advance(t.Context(), id, orderhub.Request{To: orderhub.StatusCancelled, Actor: actor, Reason: text})
			return err
		},
	} {
		if err := ask(); err != nil && orderhub.CodeOf(err) == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	w.fake.script(func(f *fake) {
		f.onPush = func([]channel.Push) ([]channel.PushResult, error) {
			return nil, orderhub.NewBorderError(orderhub.ClassRejected, "fake: push", text, nil)
		}
		f.onList = func(string, channel.Cursor) (channel.Page, error) {
			return channel.Page{}, orderhub.NewBorderError(orderhub.ClassAuth, "fake: list", text, nil)
		}
	})
	w.push()
	w.sweep()
}

func TestAbsurdSizesAreQuarantinedWithTheField(t *testing.T) {
	t.Parallel()
	lines := func(n int) func(s *orderhub.Snapshot) {
		return func(s *orderhub.Snapshot) {
			s.Lines = nil
			for i := range n {
				s.Lines = append(s.Lines, orderhub.Line{SKU: fmt.Sprint("sku-", i), Quantity: 1})
			}
		}
	}
	quantity := func(n int64) func(s *orderhub.Snapshot) {
		return func(s *orderhub.Snapshot) { s.Lines = []orderhub.Line{{SKU: "a", Quantity: n}} }
	}
	each(t, func(t *testing.T, w *world) {
		for name, tc := range map[string]struct {
			change func(s *orderhub.Snapshot)
			field  string // "" = accepted
		}{
			"2,000 lines":          {lines(2000), ""},
			"2,001 lines":          {lines(2001), "lines"},
			"no lines":             {lines(0), ""},
			"a quantity of 0":      {quantity(0), ""},
			"a negative quantity":  {quantity(-1), "quantity"},
			"a million units":      {quantity(1_000_000), ""},
			"too many units":       {quantity(1_000_001), "quantity"},
			"the most of an int64": {quantity(math.MaxInt64), "quantity"},
			"the least of int64":   {quantity(math.MinInt64), "quantity"},
			"an id of 201 bytes":   {func(s *orderhub.Snapshot) { s.ExternalID = strings.Repeat("9", 201) }, "id"},
			"the most money": {func(s *orderhub.Snapshot) {
				s.Total.Minor, s.Lines[0].UnitPrice.Minor, s.Lines[0].Total.Minor = math.MaxInt64, math.MaxInt64, math.MaxInt64
			}, ""},
			"the least money": {func(s *orderhub.Snapshot) { s.Total.Minor, s.Lines[0].UnitPrice.Minor = math.MinInt64, math.MinInt64 }, ""},
		} {
			t.Run(name, func(t *testing.T) {
				s := snap(name, orderhub.StatusNew)
				tc.change(&s)
				it := itemOf(s)
				it.ExternalID = name
				w.save(it, itemOf(snap("after "+name, orderhub.StatusNew)))
				w.accept()
				w.order("after " + name)
				aside, err := w.store.ListRaw(t.Context(), store.RawFilter{ExternalID: name, State: store.RawQuarantined, Limit: 10})
				w.must(err)
				if tc.field != "" {
					if len(aside) != 1 || !strings.Contains(aside[0].Error, tc.field) {
						t.Errorf("quarantine %+v, want one with %q", aside, tc.field)
					}
					return
				}
				if len(aside) != 0 {
					t.Fatalf("quarantined: %s", aside[0].Error)
				}
				o := w.order(name)
				if o.Snapshot.Total != s.Total || o.Snapshot.Units() != s.Units() || len(o.Snapshot.Lines) != len(s.Lines) {
					t.Errorf("the order changed on the way: %+v", o.Snapshot)
				}
			})
		}
	})
}

func TestAbsurdDates(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		for name, at := range map[string]time.Time{
			"year 1":          time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC),
			"year 0":          time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC),
			"before Christ":   time.Date(-44, 3, 15, 0, 0, 0, 0, time.UTC),
			"year 9999":       time.Date(9999, 12, 31, 23, 59, 59, 999, time.UTC),
			"year 12026":      time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC),
			"year 300000":     time.Date(300000, 1, 1, 0, 0, 0, 0, time.UTC),
			"another zone":    time.Date(2026, 11, 2, 1, 0, 0, 1, time.FixedZone("", 11*3600)),
			"edge of a year":  time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -11*3600)),
			"an odd zone":     time.Date(1890, 1, 1, 0, 0, 0, 0, time.FixedZone("LMT", 9017)),
			"the unix minute": time.Unix(60, 0),
		} {
			t.Run(name, func(t *testing.T) {
				w.fake.onNormalise = func(kind string, body []byte) (orderhub.Snapshot, error) {
					s, err := readFake(kind, body)
					s.PlacedAt, s.ChangedAt, s.ShipBy, s.Shipping.DeliverFrom, s.Shipping.DeliverTo = at, at, at, at, at
					s.CancelRequest = &orderhub.CancelRequest{ID: "7", AnswerBy: at}
					s.Comment = ""
					return s, err
				}
				w.take(snap(name, orderhub.StatusNew))
				if aside := w.raws(store.RawQuarantined); len(aside) > 0 {
					t.Fatalf("quarantined: %s", aside[0].Error)
				}
				version := w.order(name).Version
				w.take(with(snap(name, orderhub.StatusNew), func(s *orderhub.Snapshot) { s.Comment = "again" }))
				if o := w.order(name); o.Version != version {
					t.Errorf("the same again is a change: %v", w.history(name))
				}
			})
		}
	})
}

// A line is stored in one currency; what does not fit is told, not mixed up.
func TestMoneyOfTwoCurrenciesInOneLine(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		tenge := orderhub.Money{Minor: 500000, Currency: "KZT"}
		s := with(snap("1", orderhub.StatusNew), func(s *orderhub.Snapshot) { s.Lines[0].Total = tenge })
		w.take(s)
		l := w.order("1").Snapshot.Lines[0]
		if l.UnitPrice != orderhub.Roubles(490) || !l.Total.IsZero() {
			t.Errorf("got %+v", l)
		}
		if d := w.order("1").Snapshot.Discrepancies; len(d) != 1 || !strings.Contains(d[0], "5000.00 KZT") {
			t.Errorf("discrepancies %v", d)
		}
		w.take(with(s, func(s *orderhub.Snapshot) { s.Comment = "x" }))
		w.take(s)
		if n := w.count("1", orderhub.EventChanged); n > 1 {
			t.Errorf("%d changes, want at most the comment's", n)
		}
	})
}
