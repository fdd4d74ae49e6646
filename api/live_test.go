package api

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

func testLive(t *testing.T) *live {
	t.Helper()
	l := newLive(storetest.Open(t, storetest.Config(t, "sqlite")), slog.New(slog.DiscardHandler))
	t.Cleanup(l.end)
	return l
}

// TestSlowReaderIsSentAway: nothing is kept for one who does not read, and the
// others go on.
func TestSlowReaderIsSentAway(t *testing.T) {
	t.Parallel()
	l := testLive(t)
	all := []orderhub.Permission{orderhub.OrdersRead, orderhub.StockRead}
	slow, err := l.join("slow", all)
	if err != nil {
		t.Fatal(err)
	}
	quick, err := l.join("quick", all[:1])
	if err != nil {
		t.Fatal(err)
	}
	for i := range liveBuffer + 1 {
		l.tell([]liveMessage{{"order", liveOrder{Number: int64(i)}, orderhub.OrdersRead}, {"stock", liveStock{"A"}, orderhub.StockRead}}, store.LiveMark{Event: int64(i)})
		if text := string(<-quick.news); strings.Contains(text, "stock") || !strings.HasPrefix(text, "event: order\ndata: {") || !strings.Contains(text, "\n\nid: ") {
			t.Fatal(text)
		}
	}
	select {
	case <-slow.gone:
		if !slow.slow || len(slow.news) != liveBuffer {
			t.Error("it is not told why")
		}
	default:
		t.Error("the slow reader is still there")
	}
	l.leave(slow) // once more, as its handler does
	l.end()
	<-quick.gone
	if quick.slow {
		t.Error("the end of the hub is no fault of the reader")
	}
	if _, err := l.join("late", all); err == nil {
		t.Error("a stream begins while the hub stops")
	}
}

func TestStreamsAreLimited(t *testing.T) {
	t.Parallel()
	l := testLive(t)
	for range liveOfACaller {
		if _, err := l.join("a", nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.join("a", nil); orderhub.CodeOf(err) != orderhub.CodeUnavailable {
		t.Errorf("%v", err)
	}
	if _, err := l.join("b", nil); err != nil {
		t.Errorf("another caller: %v", err)
	}
}

// TestLateWritersAreTold: an event that becomes visible below one that was told is
// told too, for a while.
func TestLateWritersAreTold(t *testing.T) {
	t.Parallel()
	seen, now := map[int64]time.Time{}, time.Now()
	if !note(seen, 12, now) || note(seen, 12, now) || raise(seen, 10, now.Add(liveSettle-1)) != 10 || !note(seen, 11, now.Add(time.Second)) {
		t.Error("a late one is lost, or told twice")
	}
	if got := raise(seen, 10, now.Add(liveSettle)); got != 12 || len(seen) != 0 {
		t.Errorf("floor %d, %v", got, seen)
	}
}

func TestLivePlace(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "1", "1-", "a-1", "1-1-1", "01-1", " 1-1", "1 -1"} {
		if m, ok := parseLivePlace(text); ok {
			t.Errorf("%q is %+v", text, m)
		}
	}
	if m, ok := parseLivePlace("7-9"); !ok || m != (store.LiveMark{Event: 7, Move: 9}) {
		t.Errorf("%+v %v", m, ok)
	}
}
