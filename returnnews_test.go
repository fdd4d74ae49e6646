package orderhub_test

import (
	"testing"
	"time"

	"github.com/orderhub/orderhub"
)

// backNews makes one answer about a half of a return, read at minute m.
func backNews(part string, state orderhub.ReturnState, m int, change ...func(*orderhub.ReturnSnapshot)) orderhub.ReturnPart {
	s := orderhub.ReturnSnapshot{ExternalID: "R1", Part: part, State: state, Native: string(state)}
	for _, f := range change {
		f(&s)
	}
	return orderhub.ReturnPart{Snapshot: s, ReadAt: time.Date(2026, 11, 1, 10, m, 0, 0, time.UTC)}
}

func merged(t *testing.T, news ...orderhub.ReturnPart) *orderhub.Return {
	t.Helper()
	r := &orderhub.Return{}
	for _, n := range news {
		orderhub.MergeReturn(r, n)
	}
	return r
}

func backRevision(n int64) func(*orderhub.ReturnSnapshot) {
	return func(s *orderhub.ReturnSnapshot) { s.Revision = n }
}

func backChanged(m int) func(*orderhub.ReturnSnapshot) {
	return func(s *orderhub.ReturnSnapshot) { s.ChangedAt = time.Date(2026, 11, 1, 9, m, 0, 0, time.UTC) }
}

func TestMergeReturnState(t *testing.T) {
	t.Parallel()
	const (
		announced, onTheWay, atPickup = orderhub.ReturnAnnounced, orderhub.ReturnOnTheWay, orderhub.ReturnAtPickup
		received, closed              = orderhub.ReturnReceived, orderhub.ReturnClosed
	)
	for _, tt := range []struct {
		name string
		news []orderhub.ReturnPart
		want orderhub.ReturnState
	}{
		{"first", []orderhub.ReturnPart{backNews("", announced, 1)}, announced},
		{"forward", []orderhub.ReturnPart{backNews("", announced, 1), backNews("", atPickup, 2)}, atPickup},
		{"never back", []orderhub.ReturnPart{backNews("", atPickup, 1), backNews("", onTheWay, 2)}, atPickup},
		{"read earlier", []orderhub.ReturnPart{backNews("", onTheWay, 2), backNews("", received, 1)}, onTheWay},
		{"older revision", []orderhub.ReturnPart{backNews("", onTheWay, 1, backRevision(2)), backNews("", received, 2, backRevision(1))}, onTheWay},
		{"newer revision, read earlier", []orderhub.ReturnPart{backNews("", onTheWay, 2, backRevision(1)), backNews("", received, 1, backRevision(2))}, received},
		{"changed earlier", []orderhub.ReturnPart{backNews("", onTheWay, 1, backChanged(5)), backNews("", received, 2, backChanged(4))}, onTheWay},
		{"changed later, read earlier", []orderhub.ReturnPart{backNews("", onTheWay, 2, backChanged(4)), backNews("", received, 1, backChanged(5))}, received},
		{"closed", []orderhub.ReturnPart{backNews("", announced, 1), backNews("", closed, 2)}, closed},
		{"closed opens again", []orderhub.ReturnPart{backNews("", closed, 1), backNews("", announced, 2)}, announced},
		{"closed and older news", []orderhub.ReturnPart{backNews("", closed, 2), backNews("", announced, 1)}, closed},
		{"goods are further", []orderhub.ReturnPart{backNews("claim", announced, 1), backNews("goods", atPickup, 1)}, atPickup},
		{"goods first", []orderhub.ReturnPart{backNews("goods", atPickup, 1), backNews("claim", announced, 2)}, atPickup},
		{"claim is further", []orderhub.ReturnPart{backNews("goods", announced, 1), backNews("claim", onTheWay, 1)}, onTheWay},
		{"claim closed before goods start", []orderhub.ReturnPart{backNews("goods", announced, 1), backNews("request", closed, 1)}, closed},
		{"claim closed and goods on their way", []orderhub.ReturnPart{backNews("claim", closed, 1), backNews("goods", onTheWay, 1)}, onTheWay},
		{"goods destroyed", []orderhub.ReturnPart{backNews("claim", onTheWay, 1), backNews("goods", closed, 1)}, closed},
		{"news of one half leave the other", []orderhub.ReturnPart{backNews("claim", announced, 5), backNews("goods", onTheWay, 1), backNews("goods", received, 2)}, received},
	} {
		if got := merged(t, tt.news...); got.State != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got.State, tt.want)
		}
	}
}

func TestMergeReturnFields(t *testing.T) {
	t.Parallel()
	claim := backNews("claim", orderhub.ReturnAnnounced, 1, func(s *orderhub.ReturnSnapshot) {
		s.Kind, s.OrderRef, s.Reason, s.Comment = orderhub.ReturnDefect, "rid", "брак", "не включается"
		s.Actions = []orderhub.ReturnAction{{Code: "approve"}}
		s.AnswerBy = time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC)
		s.Lines = []orderhub.ReturnLine{{Name: "Кружка", Quantity: 1, Price: orderhub.Roubles(490)}}
		s.Photos, s.Attrs = []string{"https://example.org/1"}, map[string]string{"claim_id": "c"}
	})
	goods := backNews("goods", orderhub.ReturnOnTheWay, 1, func(s *orderhub.ReturnSnapshot) {
		s.Kind, s.OrderID, s.Reason, s.Place = orderhub.ReturnRefused, "15", "Возврат", "Калуга"
		s.Lines, s.Attrs = []orderhub.ReturnLine{{Name: "Товары для дома", Quantity: 1}}, map[string]string{"shk_id": "5"}
	})
	for _, news := range [][]orderhub.ReturnPart{{claim, goods}, {goods, claim}, {goods, claim, goods, claim}} {
		s := merged(t, news...).Snapshot
		if s.Kind != orderhub.ReturnDefect || s.OrderID != "15" || s.OrderRef != "rid" || s.Reason != "брак" || s.Comment == "" || s.Place != "Калуга" ||
			len(s.Actions) != 1 || s.AnswerBy.IsZero() || len(s.Photos) != 1 || len(s.Attrs) != 2 || s.Native != "on_the_way" {
			t.Errorf("merged: %+v", s)
		}
		if len(s.Lines) != 1 || s.Lines[0].Name != "Товары для дома" {
			t.Errorf("lines are %+v, want those of the goods alone", s.Lines)
		}
	}
	r := merged(t, claim, goods)
	if v := orderhub.MergeReturn(r, backNews("claim", orderhub.ReturnAnnounced, 2)); v != orderhub.NewsApplied && v != orderhub.NewsSame {
		t.Errorf("verdict %s", v)
	}
	if len(r.Snapshot.Actions) != 1 || r.Snapshot.Comment == "" {
		t.Error("what an answer leaves out was lost")
	}
	orderhub.MergeReturn(r, backNews("claim", orderhub.ReturnOnTheWay, 3, func(s *orderhub.ReturnSnapshot) { s.Actions = []orderhub.ReturnAction{} }))
	if len(r.Snapshot.Actions) != 0 {
		t.Error("an answer is offered that the channel takes no more")
	}
	keeps := backNews("claim", orderhub.ReturnClosed, 4, func(s *orderhub.ReturnSnapshot) { s.NoGoods = true })
	if !merged(t, claim, keeps).Snapshot.NoGoods || merged(t, claim, goods, keeps).Snapshot.NoGoods {
		t.Error("whether the buyer keeps the goods: the claim tells, unless they are on their way")
	}
}

func TestMergeReturnVerdicts(t *testing.T) {
	t.Parallel()
	r := merged(t, backNews("", orderhub.ReturnOnTheWay, 2))
	for _, tt := range []struct {
		news orderhub.ReturnPart
		want orderhub.Verdict
	}{
		{backNews("", orderhub.ReturnOnTheWay, 3), orderhub.NewsSame},
		{backNews("", orderhub.ReturnOnTheWay, 1), orderhub.NewsSame},
		{backNews("", orderhub.ReturnAnnounced, 1), orderhub.NewsRefused},
		{backNews("", orderhub.ReturnAtPickup, 4), orderhub.NewsApplied},
	} {
		if got := orderhub.MergeReturn(r, tt.news); got != tt.want {
			t.Errorf("%s read at %s: %s, want %s", tt.news.Snapshot.State, tt.news.ReadAt.Format("15:04"), got, tt.want)
		}
	}
}

// TestHubsOwnWordStays: no channel takes back what is here and what is decided.
func TestHubsOwnWordStays(t *testing.T) {
	t.Parallel()
	r := merged(t, backNews("", orderhub.ReturnAtPickup, 1))
	by := orderhub.Actor{Kind: orderhub.ActorUser, Name: "olga"}
	if !r.Receive(time.Now(), by) || r.Receive(time.Now(), by) || r.State != orderhub.ReturnReceived {
		t.Fatalf("received: %s", r.State)
	}
	for _, state := range []orderhub.ReturnState{orderhub.ReturnOnTheWay, orderhub.ReturnClosed, orderhub.ReturnReceived} {
		orderhub.MergeReturn(r, backNews("", state, 2))
		if r.State != orderhub.ReturnReceived {
			t.Errorf("after %s: %s", state, r.State)
		}
	}
	r.Goods = []orderhub.ReturnedGoods{{SKU: "A", Quantity: 2, Restocked: 1, Quarantined: 1}}
	if r.Settle(); r.State != orderhub.ReturnReceived {
		t.Error("decided while a unit lies in quarantine")
	}
	r.Goods[0].Quarantined, r.Goods[0].WrittenOff = 0, 1
	if r.Settle(); r.State != orderhub.ReturnDecided {
		t.Error("not decided though every unit is")
	}
	orderhub.MergeReturn(r, backNews("", orderhub.ReturnClosed, 9))
	if r.State != orderhub.ReturnDecided {
		t.Error("a channel took a decision back")
	}
}

func TestReturnedHeadline(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		at   orderhub.Status
		back int64
		want orderhub.Status
	}{
		{orderhub.StatusDelivered, 0, orderhub.StatusDelivered},
		{orderhub.StatusDelivered, 1, orderhub.StatusPartiallyReturned},
		{orderhub.StatusDelivered, 3, orderhub.StatusReturned},
		{orderhub.StatusShipped, 3, orderhub.StatusReturned},
		{orderhub.StatusPartiallyReturned, 3, orderhub.StatusReturned},
		{orderhub.StatusReturned, 1, orderhub.StatusReturned},
		{orderhub.StatusPacked, 3, orderhub.StatusPacked},
		{orderhub.StatusCancelled, 3, orderhub.StatusCancelled},
	} {
		o := &orderhub.Order{Headline: tt.at, Snapshot: orderhub.Snapshot{Lines: []orderhub.Line{{Quantity: 2}, {Quantity: 1}}}}
		if got := orderhub.ReturnedHeadline(o, tt.back); got != tt.want {
			t.Errorf("%s with %d back: %s, want %s", tt.at, tt.back, got, tt.want)
		}
	}
}

func TestReturnDeadline(t *testing.T) {
	t.Parallel()
	first, second := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC)
	r := &orderhub.Return{State: orderhub.ReturnAtPickup, Snapshot: orderhub.ReturnSnapshot{AnswerBy: first, PickUpBy: second, Actions: []orderhub.ReturnAction{}}}
	if !r.Deadline().Equal(second) {
		t.Error("there is nothing to answer: the deadline is that of collecting")
	}
	r.Snapshot.Actions = []orderhub.ReturnAction{{Code: "x"}}
	if !r.Deadline().Equal(first) {
		t.Error("the earlier deadline counts")
	}
	r.State, r.Snapshot.Actions = orderhub.ReturnReceived, []orderhub.ReturnAction{}
	if !r.Deadline().IsZero() {
		t.Error("a deadline though everything is done")
	}
}

// TestAnswerIsDueWithoutActions: where the channel does not tell which answers it takes,
// silence becomes an answer all the same.
func TestAnswerIsDueWithoutActions(t *testing.T) {
	t.Parallel()
	by := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		actions []orderhub.ReturnAction
		want    time.Time
	}{
		{"offered", []orderhub.ReturnAction{{Code: "x"}}, by},
		{"not told", nil, by},
		{"none", []orderhub.ReturnAction{}, time.Time{}},
	} {
		r := orderhub.Return{Snapshot: orderhub.ReturnSnapshot{State: orderhub.ReturnAnnounced, AnswerBy: by, Actions: c.actions}}
		at, due := r.Due()
		if !at.Equal(c.want) || (due == orderhub.DueAnswer) == c.want.IsZero() {
			t.Errorf("%s: due %q by %v, want %v", c.name, due, at, c.want)
		}
	}
}
