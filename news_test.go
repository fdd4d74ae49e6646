package orderhub_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
)

// patience of the channels that tell no time, in these tests.
const patience = 10 * time.Minute

var day = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

// at is a time of the test's day.
func at(minutes int) time.Time { return day.Add(time.Duration(minutes) * time.Minute) }

type option func(*orderhub.Snapshot)

// says is a full answer with a status.
func says(s orderhub.Status, opts ...option) orderhub.Snapshot {
	snap := orderhub.Snapshot{
		ExternalID: "A-1", Scheme: orderhub.SchemeFBS, Status: s, Native: "their_" + string(s),
		PlacedAt: day, Payment: orderhub.PaymentPaid, Total: orderhub.Roubles(500),
		Lines:    []orderhub.Line{{SKU: "0557722", Quantity: 1, UnitPrice: orderhub.Roubles(500)}},
		Customer: orderhub.Customer{Name: "Anna"}, Comment: "ring twice", GroupKey: "G-1",
	}
	for _, o := range opts {
		o(&snap)
	}
	return snap
}

// word is an answer that carries the status only (WB orders/status).
func word(s orderhub.Status, opts ...option) orderhub.Snapshot {
	snap := orderhub.Snapshot{ExternalID: "A-1", Scheme: orderhub.SchemeFBS, StatusOnly: true, Status: s, Native: "their_" + string(s)}
	for _, o := range opts {
		o(&snap)
	}
	return snap
}

// content is an answer that carries no status (WB orders).
func content(opts ...option) orderhub.Snapshot {
	return says(orderhub.StatusUnknown, append([]option{func(s *orderhub.Snapshot) { s.Native = "" }}, opts...)...)
}

func changed(minutes int) option {
	return func(s *orderhub.Snapshot) { s.ChangedAt = at(minutes) }
}

func revision(n int64) option { return func(s *orderhub.Snapshot) { s.Revision = n } }

func comment(text string) option { return func(s *orderhub.Snapshot) { s.Comment = text } }

// first is an order as the ledger writes it at first sight.
func first(s orderhub.Snapshot) *orderhub.Order {
	return &orderhub.Order{ID: 1042, AccountID: "wb", Channel: "wildberries", Snapshot: s, Headline: s.Status, Version: 1, ReadAt: day}
}

// told is a piece of news and what must become of it.
type told struct {
	readAt  int // minutes of the day
	news    orderhub.Snapshot
	verdict orderhub.Verdict
	// headline and status (the channel's) after it; status "" = as the headline.
	headline, status orderhub.Status
}

func TestMergeStatus(t *testing.T) {
	t.Parallel()
	const (
		same, applied, refused = orderhub.NewsSame, orderhub.NewsApplied, orderhub.NewsRefused

		unknown, fresh, confirmed = orderhub.StatusUnknown, orderhub.StatusNew, orderhub.StatusConfirmed
		packed, shipped           = orderhub.StatusPacked, orderhub.StatusShipped
		delivered, cancelled      = orderhub.StatusDelivered, orderhub.StatusCancelled
		returned                  = orderhub.StatusReturned
	)
	for _, c := range []struct {
		name  string
		start orderhub.Snapshot
		// local is the headline if the hub has set one above the channel's.
		local orderhub.Status
		news  []told
	}{
		{"the same again is nothing new", says(fresh), "", []told{
			{1, says(fresh), same, fresh, ""},
		}},
		{"a further step is applied", says(fresh), "", []told{
			{1, says(shipped), applied, shipped, ""},
			{2, says(shipped), same, shipped, ""},
		}},
		{"with times the later wins, also downwards", says(shipped, changed(5)), "", []told{
			{6, says(fresh, changed(4)), refused, shipped, ""},
			{7, says(confirmed, changed(6)), applied, confirmed, ""},
			{8, says(shipped, changed(5)), refused, confirmed, ""},
		}},
		{"a word at a later time counts for what comes after it", says(fresh, changed(1)), "", []told{
			{2, word(shipped, changed(5)), applied, shipped, ""},
			{6, says(confirmed, changed(3)), refused, shipped, ""},
			{7, word(confirmed, changed(4)), refused, shipped, ""},
		}},
		{"at one time rank decides", says(confirmed, changed(5)), "", []told{
			{6, says(fresh, changed(5)), refused, confirmed, ""},
			{7, says(shipped, changed(5)), applied, shipped, ""},
		}},
		{"without a time on one side rank decides", says(shipped, changed(5)), "", []told{
			{6, says(confirmed), refused, shipped, ""},
			{7, says(delivered), applied, delivered, ""},
		}},
		{"a lower status is believed after patience", says(confirmed), "", []told{
			{1, says(fresh), refused, confirmed, ""},
			{10, says(fresh), refused, confirmed, ""},
			{11, says(fresh), applied, fresh, ""},
		}},
		{"a doubt is dispelled by the known status", says(confirmed), "", []told{
			{1, says(fresh), refused, confirmed, ""},
			{8, says(confirmed), applied, confirmed, ""},
			{12, says(fresh), refused, confirmed, ""},
			{21, says(fresh), refused, confirmed, ""},
			{22, says(fresh), applied, fresh, ""},
		}},
		{"an answer without a status dispels no doubt", word(confirmed), "", []told{
			{1, content(), applied, confirmed, ""},
			{2, word(fresh), refused, confirmed, ""},
			{7, content(), same, confirmed, ""},
			{12, word(fresh), applied, fresh, ""},
		}},
		{"a doubt about one status says nothing of another", says(shipped), "", []told{
			{1, says(confirmed), refused, shipped, ""},
			{12, says(fresh), refused, shipped, ""},
			{13, says(confirmed), refused, shipped, ""},
		}},
		{"an older revision is refused", says(confirmed, revision(5)), "", []told{
			{1, says(shipped, revision(4)), refused, confirmed, ""},
			{2, says(fresh, revision(6)), applied, fresh, ""},
			{3, says(fresh, revision(6)), same, fresh, ""},
		}},
		{"revisions win over times", says(confirmed, revision(5), changed(9)), "", []told{
			{1, says(shipped, revision(6), changed(3)), applied, shipped, ""},
		}},
		{"a word raises the revision", says(confirmed, revision(5)), "", []told{
			{1, word(shipped, revision(7)), applied, shipped, ""},
			{2, says(confirmed, revision(6)), refused, shipped, ""},
		}},
		{"a cancelled order is not revived by time", says(cancelled, changed(5)), "", []told{
			{6, says(shipped, changed(9)), applied, cancelled, ""}, // the goods had left: that much is learned
			{7, says(shipped, changed(9)), refused, cancelled, ""},
			{7, says(cancelled, changed(5)), applied, cancelled, ""},
		}},
		{"nor by revision, nor by patience", says(cancelled, revision(5)), "", []told{
			{1, says(fresh, revision(6)), refused, cancelled, ""},
			{1, says(fresh), refused, cancelled, ""},
			{500, says(fresh), refused, cancelled, ""},
		}},
		{"nor after an unknown word", says(cancelled), "", []told{
			{1, says(unknown), applied, cancelled, unknown},
			{2, says(confirmed), refused, cancelled, unknown},
			{500, says(confirmed), refused, cancelled, unknown},
			{501, says(cancelled), applied, cancelled, ""},
		}},
		{"cancelled goods may come back", says(cancelled, changed(5)), "", []told{
			{6, says(returned, changed(6)), applied, returned, ""},
		}},
		{"a cancel by the hub stays while the channel goes on", says(confirmed, revision(1)), cancelled, []told{
			{1, says(shipped, revision(2)), applied, cancelled, shipped},
			{2, says(fresh, revision(3)), applied, cancelled, fresh},
			{3, says(cancelled, revision(4)), applied, cancelled, ""},
		}},
		{"a delivered order may still be cancelled", says(delivered), "", []told{
			{1, says(cancelled), applied, cancelled, ""},
		}},
		{"a hub's step survives a re-read", says(confirmed), packed, []told{
			{1, says(confirmed), same, packed, confirmed},
			{2, says(confirmed, comment("changed")), applied, packed, confirmed},
			{3, word(confirmed), same, packed, confirmed},
			{4, says(shipped), applied, shipped, ""},
		}},
		{"a hub's step survives the channel's steps below it", says(fresh), packed, []told{
			{1, says(confirmed), applied, packed, confirmed},
			{2, says(packed), applied, packed, ""},
		}},
		{"a hub's step goes back with the channel", says(confirmed, changed(1)), packed, []told{
			{2, says(fresh, changed(2)), applied, fresh, ""},
		}},
		{"a hub's step survives an unknown word", says(confirmed), packed, []told{
			{1, says(unknown), applied, packed, unknown},
			{2, says(confirmed), applied, packed, confirmed},
		}},
		{"an unknown word leaves the headline", says(shipped), "", []told{
			{1, says(unknown), applied, shipped, unknown},
			{2, says(delivered), applied, delivered, ""},
		}},
		{"an order of an unknown word gets its headline later", says(unknown), "", []told{
			{1, says(unknown), same, unknown, ""},
			{2, says(fresh), applied, fresh, ""},
		}},
		{"content before any status", content(), "", []told{
			{1, word(confirmed), applied, confirmed, ""},
			{2, content(), same, confirmed, ""},
		}},
	} {
		o := first(c.start)
		if c.local != "" {
			o.Headline = c.local
		}
		for i, n := range c.news {
			if n.status == "" {
				n.status = n.headline
			}
			verdict, why := orderhub.Merge(o, n.news, at(n.readAt), patience)
			if verdict != n.verdict || o.Headline != n.headline || o.Snapshot.Status != n.status {
				t.Errorf("%s: news %d (%s): %s %q, headline %s, channel %s; want %s, headline %s, channel %s",
					c.name, i+1, n.news.Status, verdict, why, o.Headline, o.Snapshot.Status, n.verdict, n.headline, n.status)
				break
			}
			if (verdict == orderhub.NewsRefused) != (why != "") {
				t.Errorf("%s: news %d: %s with the reason %q", c.name, i+1, verdict, why)
			}
		}
	}
}

// TestMergeCancelBeforeOrder: the cancel of an order that the hub has not seen
// is kept, and the order's content arrives later without its stale status.
func TestMergeCancelBeforeOrder(t *testing.T) {
	t.Parallel()
	why := &orderhub.Cancellation{By: orderhub.CancelByBuyer, Reason: "changed my mind"}
	cancel := func(opts ...option) orderhub.Snapshot {
		return word(orderhub.StatusCancelled, append(opts, func(s *orderhub.Snapshot) { s.Cancellation = why })...)
	}
	stale := func(s *orderhub.Snapshot) {
		s.CancelRequest = &orderhub.CancelRequest{ID: "7"}
		s.Holds = []orderhub.Hold{orderhub.HoldCancelRequest}
		s.Attrs = map[string]string{"warehouse": "12"}
	}
	for _, c := range []struct {
		name   string
		cancel orderhub.Snapshot
		later  orderhub.Snapshot
	}{
		{"without times", cancel(), says(orderhub.StatusNew, stale)},
		{"with times", cancel(changed(5)), says(orderhub.StatusNew, changed(3), stale)},
		{"with revisions", cancel(revision(2)), says(orderhub.StatusNew, revision(1), stale)},
		{"a later time does not revive it either", cancel(changed(5)), says(orderhub.StatusNew, changed(7), stale)},
		{"content without a status", cancel(), content(stale)},
	} {
		o := first(c.cancel)
		verdict, _ := orderhub.Merge(o, c.later, at(9), patience)
		want := says(orderhub.StatusCancelled, func(s *orderhub.Snapshot) {
			s.ChangedAt, s.Revision, s.Cancellation = c.cancel.ChangedAt, c.cancel.Revision, why
			s.Attrs = map[string]string{"warehouse": "12"}
		})
		if verdict != orderhub.NewsApplied || o.Headline != orderhub.StatusCancelled {
			t.Errorf("%s: %s, headline %s", c.name, verdict, o.Headline)
		}
		if diff := cmp.Diff(want, o.Snapshot); diff != "" {
			t.Errorf("%s: the snapshot differs:\n%s", c.name, diff)
		}
		if verdict, _ := orderhub.Merge(o, c.cancel, at(10), patience); verdict == orderhub.NewsRefused || o.Snapshot.Lines == nil {
			t.Errorf("%s: the cancel again: %s, lines %v", c.name, verdict, o.Snapshot.Lines)
		}
	}
}

func TestMergeContent(t *testing.T) {
	t.Parallel()
	rich := says(orderhub.StatusConfirmed, func(s *orderhub.Snapshot) {
		s.Requires, s.Actions = []string{"sgtin"}, []string{"ship"}
		s.Attrs = map[string]string{"supply": "WB-1", "cargo": "2"}
		s.ShipBy, s.ParentID, s.SiteOrderID = at(90), "A-0", "77"
		s.Shipping = orderhub.Shipping{Address: "Nowhere 1", Tracking: "TR1"}
	})
	// poor is another kind of answer that leaves most of it out.
	poor := orderhub.Snapshot{ExternalID: "A-1", Scheme: orderhub.SchemeFBS, Status: orderhub.StatusConfirmed, Native: "their_confirmed"}
	for _, c := range []struct {
		name string
		news orderhub.Snapshot
		want func(*orderhub.Snapshot)
	}{
		{"what an answer leaves out is kept", poor, func(*orderhub.Snapshot) {}},
		{"a status-only answer erases no content", word(orderhub.StatusShipped), func(s *orderhub.Snapshot) {
			s.Status, s.Native = orderhub.StatusShipped, "their_shipped"
		}},
		{"a status-only answer brings what hangs on the status", word(orderhub.StatusShipped, changed(7), revision(3), func(s *orderhub.Snapshot) {
			s.NativeSub = "sub"
			s.Holds = []orderhub.Hold{orderhub.HoldCancelRequest}
			s.CancelRequest = &orderhub.CancelRequest{ID: "7"}
			s.Actions = []string{}
			s.Attrs = map[string]string{"cargo": "3"}
			s.Drift = []orderhub.Drift{{Field: "wbStatus", Word: "teleported"}}
		}), func(s *orderhub.Snapshot) {
			s.Status, s.Native, s.NativeSub = orderhub.StatusShipped, "their_shipped", "sub"
			s.ChangedAt, s.Revision = at(7), 3
			s.Holds, s.CancelRequest = []orderhub.Hold{orderhub.HoldCancelRequest}, &orderhub.CancelRequest{ID: "7"}
			s.Actions, s.Attrs = []string{}, map[string]string{"supply": "WB-1", "cargo": "3"}
			s.Drift = []orderhub.Drift{{Field: "wbStatus", Word: "teleported"}}
		}},
		{"an answer without a status keeps it", func() orderhub.Snapshot {
			s := poor
			s.Native, s.Status = "", orderhub.StatusUnknown
			return s
		}(), func(*orderhub.Snapshot) {}},
		{"attributes merge key by key, an empty one goes", says(orderhub.StatusConfirmed, func(s *orderhub.Snapshot) {
			s.Attrs = map[string]string{"cargo": "", "box": "5"}
		}), func(s *orderhub.Snapshot) { s.Attrs = map[string]string{"supply": "WB-1", "box": "5"} }},
		{"nothing required is an answer", says(orderhub.StatusConfirmed, func(s *orderhub.Snapshot) { s.Requires = []string{} }),
			func(s *orderhub.Snapshot) { s.Requires = []string{} }},
		{"changed content replaces the old", says(orderhub.StatusConfirmed, comment("leave it at the door")),
			func(s *orderhub.Snapshot) { s.Comment = "leave it at the door" }},
	} {
		o := first(rich)
		if verdict, why := orderhub.Merge(o, c.news, at(1), patience); verdict == orderhub.NewsRefused {
			t.Errorf("%s: refused: %s", c.name, why)
		}
		want := rich
		c.want(&want)
		if diff := cmp.Diff(want, o.Snapshot); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
	if rich.Attrs["cargo"] != "2" || len(rich.Attrs) != 2 {
		t.Errorf("merging changed the attributes of the old snapshot: %v", rich.Attrs)
	}
}

// TestMergeIntoNothing: an order may begin without any news.
func TestMergeIntoNothing(t *testing.T) {
	t.Parallel()
	for _, s := range []orderhub.Snapshot{
		says(orderhub.StatusNew, changed(1), revision(1)), word(orderhub.StatusCancelled, changed(1), revision(1)),
	} {
		o := &orderhub.Order{ID: 1042, Headline: orderhub.StatusUnknown, Snapshot: orderhub.Snapshot{Status: orderhub.StatusUnknown}}
		verdict, why := orderhub.Merge(o, s, at(1), patience)
		if verdict != orderhub.NewsApplied || o.Headline != s.Status {
			t.Errorf("%s: %s %q, headline %s", s.Status, verdict, why, o.Headline)
		}
		if diff := cmp.Diff(s, o.Snapshot); diff != "" {
			t.Error(diff)
		}
	}
}

// TestMergeRefusesAsAWhole: of a stale answer nothing is taken.
func TestMergeRefusesAsAWhole(t *testing.T) {
	t.Parallel()
	o := first(says(orderhub.StatusShipped, changed(5)))
	verdict, why := orderhub.Merge(o, says(orderhub.StatusNew, changed(4), comment("stale")), at(6), patience)
	if verdict != orderhub.NewsRefused || why != "older than the channel's last change" {
		t.Errorf("%s %q", verdict, why)
	}
	if diff := cmp.Diff(says(orderhub.StatusShipped, changed(5)), o.Snapshot); diff != "" {
		t.Error(diff)
	}
}

func TestMergeCancellation(t *testing.T) {
	t.Parallel()
	split := &orderhub.Cancellation{By: orderhub.CancelBySplit}
	o := first(says(orderhub.StatusCancelled, func(s *orderhub.Snapshot) { s.Cancellation = split }))
	for i, news := range []orderhub.Snapshot{
		says(orderhub.StatusCancelled), word(orderhub.StatusCancelled), says(orderhub.StatusUnknown), word(orderhub.StatusUnknown),
	} {
		orderhub.Merge(o, news, at(i), patience)
		if o.Snapshot.Cancellation != split || o.CountsGoods() {
			t.Errorf("news %d forgot why the order was cancelled: %+v", i, o.Snapshot.Cancellation)
		}
	}
}

// TestMergeRequested: a wish is fulfilled by the status or by any further one.
func TestMergeRequested(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		asked, news, left orderhub.Status
	}{
		{orderhub.StatusConfirmed, orderhub.StatusNew, orderhub.StatusConfirmed},
		{orderhub.StatusConfirmed, orderhub.StatusUnknown, orderhub.StatusConfirmed},
		{orderhub.StatusConfirmed, orderhub.StatusConfirmed, ""},
		{orderhub.StatusConfirmed, orderhub.StatusShipped, ""},
		{orderhub.StatusConfirmed, orderhub.StatusCancelled, ""},
		{orderhub.StatusCancelled, orderhub.StatusDelivered, orderhub.StatusCancelled},
		{orderhub.StatusCancelled, orderhub.StatusCancelled, ""},
	} {
		o := first(says(orderhub.StatusNew))
		o.Requested = c.asked
		verdict, _ := orderhub.Merge(o, says(c.news), at(1), patience)
		if o.Requested != c.left {
			t.Errorf("%s asked, %s reported (%s): still asked %q, want %q", c.asked, c.news, verdict, o.Requested, c.left)
		}
	}
}

func TestSameSnapshot(t *testing.T) {
	t.Parallel()
	a, b := says(orderhub.StatusNew), says(orderhub.StatusNew)
	a.Holds, b.Holds = nil, []orderhub.Hold{}
	if !orderhub.SameSnapshot(a, b) {
		t.Error("nil and an empty list of holds differ")
	}
	a.Actions, b.Actions = nil, []string{}
	if orderhub.SameSnapshot(a, b) {
		t.Error("the channel does not tell and the channel offers nothing are the same")
	}
}

// TestLeftIsLearntAtOnce: an answer that shows a cancelled order as handed over says
// so the first time, not when it is read again.
func TestLeftIsLearntAtOnce(t *testing.T) {
	t.Parallel()
	for _, known := range []orderhub.Status{orderhub.StatusUnknown, orderhub.StatusPacked} {
		for _, told := range []orderhub.Status{orderhub.StatusShipped, orderhub.StatusPartiallyReturned} {
			o := &orderhub.Order{Headline: orderhub.StatusCancelled, Snapshot: orderhub.Snapshot{
				ExternalID: "A-1", Status: known, Native: "their_" + string(known), Lines: []orderhub.Line{{SKU: "CUP-1", Quantity: 1}},
			}}
			news := orderhub.Snapshot{ExternalID: "A-1", StatusOnly: true, Status: told, Native: "their_" + string(told)}
			first, _ := orderhub.Merge(o, news, at(1), time.Minute)
			after := *o
			again, _ := orderhub.Merge(o, news, at(2), time.Minute)
			if again == orderhub.NewsApplied || !orderhub.SameSnapshot(after.Snapshot, o.Snapshot) {
				t.Errorf("%s, then %s (%s): the same news again is %s and changes\n%+v to\n%+v", known, told, first, again, after.Snapshot.Cancellation, o.Snapshot.Cancellation)
			}
		}
	}
}

// TestOldCancelBringsTheContent: an older whole answer that cancels an order known by
// its status alone brings the lines with it, at once.
func TestOldCancelBringsTheContent(t *testing.T) {
	t.Parallel()
	o := &orderhub.Order{Headline: orderhub.StatusPending, Snapshot: orderhub.Snapshot{
		ExternalID: "A-1", StatusOnly: true, Status: orderhub.StatusPending, Native: "their_pending", Revision: 2,
	}}
	news := orderhub.Snapshot{
		ExternalID: "A-1", Status: orderhub.StatusCancelled, Native: "their_cancelled", Revision: 1,
		Lines: []orderhub.Line{{SKU: "CUP-1", Quantity: 1}},
	}
	if verdict, _ := orderhub.Merge(o, news, at(1), time.Minute); verdict != orderhub.NewsApplied || o.Headline != orderhub.StatusCancelled || len(o.Snapshot.Lines) != 1 {
		t.Errorf("%s: %+v", verdict, o)
	}
	if verdict, _ := orderhub.Merge(o, news, at(2), time.Minute); verdict == orderhub.NewsApplied {
		t.Errorf("the same again: %s", verdict)
	}
}

// TestLeftIsLearntWithTheContent: an answer that came before the cancellation and is
// heard after it tells both what the order holds and that it had left.
func TestLeftIsLearntWithTheContent(t *testing.T) {
	t.Parallel()
	o := &orderhub.Order{Headline: orderhub.StatusCancelled, Snapshot: orderhub.Snapshot{
		ExternalID: "A-1", StatusOnly: true, Status: orderhub.StatusCancelled, Native: "their_cancelled",
	}}
	news := orderhub.Snapshot{
		ExternalID: "A-1", Status: orderhub.StatusShipped, Native: "their_shipped", Lines: []orderhub.Line{{SKU: "CUP-1", Quantity: 1}},
	}
	orderhub.Merge(o, news, at(1), time.Minute)
	if c := o.Snapshot.Cancellation; c == nil || !c.AfterHandOver || o.Headline != orderhub.StatusCancelled || len(o.Snapshot.Lines) != 1 {
		t.Errorf("%+v", o)
	}
}
