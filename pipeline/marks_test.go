package pipeline

import (
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

func TestMarks(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.take(snap("1", orderhub.StatusNew))
		number := w.order("1").ID
		anna := orderhub.Assignee(" Анна ")
		_, err := w.hub.Mark(ctx, number, Marks{AddTags: []string{"VIP", "подарок", "vip"}, Assignee: &anna, Note: "ждёт звонка"}, manager)
		w.must(err)
		o := w.order("1")
		same(t, "tags", o.Tags, "vip", "подарок")
		if o.Assignee != "Анна" || o.Version != 2 {
			t.Errorf("%+v", o)
		}
		before := len(w.events("1"))
		_, err = w.hub.Mark(ctx, number, Marks{AddTags: []string{"vip"}, RemoveTags: []string{"b2b"}, Assignee: &anna}, manager)
		w.must(err)
		if n := len(w.events("1")); n != before || w.order("1").Version != 2 {
			t.Errorf("nothing changed, and there are %d events instead of %d", n, before)
		}
		// What the channel says later leaves the marks alone.
		w.take(with(snap("1", orderhub.StatusShipped), func(s *orderhub.Snapshot) { s.PlacedAt = s.PlacedAt.Add(-48 * time.Hour) }))
		o = w.order("1")
		same(t, "tags after news", o.Tags, "vip", "подарок")
		page, _, err := w.store.ListOrders(ctx, store.OrderFilter{Tag: "vip", PlacedTo: o.Snapshot.PlacedAt.Add(time.Second)})
		if w.must(err); len(page) != 1 {
			t.Errorf("the tag did not move with its order: %d found", len(page))
		}
		_, err = w.hub.Mark(ctx, number, Marks{RemoveTags: []string{"Подарок"}}, manager)
		w.must(err)
		same(t, "tags", w.order("1").Tags, "vip")
		notes, err := w.store.Notes(ctx, number)
		if w.must(err); len(notes) != 1 || notes[0].Text != "ждёт звонка" || notes[0].Author != manager {
			t.Fatalf("%+v", notes)
		}
		w.must(w.hub.DeleteNote(ctx, number, notes[0].ID, manager))
		wantCode(t, w.hub.DeleteNote(ctx, number, notes[0].ID, manager), orderhub.CodeNotFound, "note")
		if notes, err = w.store.Notes(ctx, number); err != nil || len(notes) != 0 {
			t.Errorf("%+v, %v", notes, err)
		}
		if n := w.count("1", orderhub.EventNote); n != 2 {
			t.Errorf("%d events about notes, want written and deleted", n)
		}
		for _, e := range w.events("1") {
			if strings.Contains(e.Why+string(e.Data), "звонка") {
				t.Errorf("the history keeps the text of a deleted note: %+v", e)
			}
		}
	})
}

func TestMarksAreChecked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(snap("1", orderhub.StatusNew))
		number := w.order("1").ID
		long := orderhub.Assignee(strings.Repeat("я", 101))
		many := make([]string, 21)
		for i := range many {
			many[i] = "t" + strings.Repeat("x", i)
		}
		for name, m := range map[string]Marks{
			"two words": {AddTags: []string{"two words"}}, "empty": {AddTags: []string{""}}, "comma": {AddTags: []string{"a,b"}},
			"long tag": {AddTags: []string{strings.Repeat("я", 41)}}, "long assignee": {Assignee: &long}, "long note": {Note: strings.Repeat("x", 4001)},
		} {
			if _, err := w.hub.Mark(t.Context(), number, m, manager); orderhub.CodeOf(err) != orderhub.CodeInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err := w.hub.Mark(t.Context(), number, Marks{AddTags: many}, manager)
		wantCode(t, err, orderhub.CodeRefused, "20")
		_, err = w.hub.Mark(t.Context(), 4711, Marks{AddTags: []string{"x"}}, manager)
		wantCode(t, err, orderhub.CodeNotFound)
		if w.order("1").Version != 1 {
			t.Error("a refused mark left something")
		}
	})
}
