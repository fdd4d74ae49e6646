package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

const (
	// livePause is between two looks for news.
	livePause = 250 * time.Millisecond
	// liveAccounts is between two looks at the accounts.
	liveAccounts = 2 * time.Second
	// liveSettle is how long a place in the events is read again: on PostgreSQL events
	// become visible in another order than they are numbered.
	liveSettle = 5 * time.Second
	// liveRows caps what is read at once; where there is more, pages load anew.
	liveRows = 2000
	// liveBatch caps the messages of one look.
	liveBatch = 300
	// liveBuffer is how many looks a reader may lag behind.
	liveBuffer = 32
)

// liveMessage is one message of the stream. needs is what it takes to read it.
type liveMessage struct {
	kind  string
	data  any
	needs orderhub.Permission
}

var reload = liveMessage{kind: "reload", data: struct{}{}, needs: orderhub.OrdersRead}

// Messages of the stream. They are hints: what counts is what is read thereupon.
type (
	liveOrder struct {
		Number    int64           `json:"number"`
		Account   string          `json:"account"`
		Status    orderhub.Status `json:"status"`
		UpdatedAt time.Time       `json:"updated_at"`
	}
	// Number is the order's; a return may have none.
	liveReturn struct {
		Number int64  `json:"number,omitempty"`
		Return int64  `json:"return,omitempty"`
		State  string `json:"state,omitempty"`
	}
	liveEffect struct {
		Number int64  `json:"number,omitempty"`
		Return int64  `json:"return,omitempty"`
		Effect int64  `json:"effect,omitempty"`
		State  string `json:"state,omitempty"`
	}
	liveStock struct {
		SKU string `json:"sku"`
	}
	liveAccount struct {
		Account string `json:"account"`
	}
)

// live looks for news once for all readers, and only while there are some.
type live struct {
	store *store.Store
	log   *slog.Logger

	mu      sync.Mutex
	readers map[*liveReader]bool
	stop    context.CancelFunc // of the running look-out; nil = none runs
	begun   chan struct{}      // closed once the running look-out sees what happens
	ended   bool
}

// liveReader is one stream.
type liveReader struct {
	caller string
	can    []orderhub.Permission
	news   chan []byte
	// begun is closed as soon as all that happens from then on comes.
	begun <-chan struct{}
	// gone is closed when the reader is too slow, or the hub stops.
	gone chan struct{}
	// slow tells which of the two, once gone is closed.
	slow bool
}

func newLive(s *store.Store, log *slog.Logger) *live {
	return &live{store: s, log: log, readers: map[*liveReader]bool{}}
}

// Streams at once, in all and of one caller.
const (
	liveStreams   = 500
	liveOfACaller = 20
)

// join begins to gather news for a reader.
func (l *live) join(caller string, can []orderhub.Permission) (*liveReader, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := 0
	for r := range l.readers {
		if r.caller == caller {
			own++
		}
	}
	if l.ended || len(l.readers) >= liveStreams || own >= liveOfACaller {
		return nil, orderhub.Errorf(orderhub.CodeUnavailable, "there are too many streams; close some")
	}
	if l.stop == nil {
		ctx, stop := context.WithCancel(context.Background())
		l.stop, l.begun = stop, make(chan struct{})
		go l.lookOut(ctx, l.begun)
	}
	r := &liveReader{caller: caller, can: can, news: make(chan []byte, liveBuffer), begun: l.begun, gone: make(chan struct{})}
	l.readers[r] = true
	return r, nil
}

// leave ends a reader; with the last one the looking ends.
func (l *live) leave(r *liveReader) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.readers, r)
	if len(l.readers) == 0 && l.stop != nil {
		l.stop()
		l.stop = nil
	}
}

// end ends all streams, and lets none begin.
func (l *live) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	for r := range l.readers {
		close(r.gone)
		delete(l.readers, r)
	}
	if l.stop != nil {
		l.stop()
		l.stop = nil
	}
}

// tell gives messages to all readers. Who has not read the last ones is sent away.
func (l *live) tell(messages []liveMessage, mark store.LiveMark) {
	l.mu.Lock()
	defer l.mu.Unlock()
	texts := map[string][]byte{} // readers with the same rights get the same
	for r := range l.readers {
		key := fmt.Sprint(r.can)
		text, ok := texts[key]
		if !ok {
			text = liveText(messages, mark, r.can)
			texts[key] = text
		}
		if text == nil {
			continue
		}
		select {
		case r.news <- text:
		default:
			r.slow = true
			close(r.gone)
			delete(l.readers, r)
		}
	}
}

// liveText writes what a reader may read, and behind it the place to resume at; nil
// when that is nothing.
func liveText(messages []liveMessage, mark store.LiveMark, can []orderhub.Permission) []byte {
	var b bytes.Buffer
	for _, m := range messages {
		if !slices.Contains(can, m.needs) {
			continue
		}
		data, err := json.Marshal(m.data)
		if err != nil {
			continue // only for types that cannot be written, and there are none
		}
		fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", m.kind, data)
	}
	if b.Len() == 0 {
		return nil
	}
	fmt.Fprintf(&b, "id: %s\n\n", livePlace(mark))
	return b.Bytes()
}

func livePlace(m store.LiveMark) string { return fmt.Sprintf("%d-%d", m.Event, m.Move) }

func parseLivePlace(text string) (m store.LiveMark, ok bool) {
	n, err := fmt.Sscanf(text, "%d-%d", &m.Event, &m.Move)
	return m, err == nil && n == 2 && livePlace(m) == text
}

// lookOut looks for news until ctx ends. It closes begun when it has its first place.
func (l *live) lookOut(ctx context.Context, begun chan<- struct{}) {
	w := &watch{store: l.store}
	tick := time.NewTicker(livePause)
	defer tick.Stop()
	failed := false
	for {
		messages, err := w.look(ctx)
		if err != nil && ctx.Err() == nil && !failed {
			l.log.Warn("looking for news failed", "error", err.Error())
		}
		failed = err != nil
		if !failed && begun != nil {
			close(begun)
			begun = nil
		}
		if len(messages) > 0 {
			l.tell(messages, w.mark)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// watch is how far the look-out is.
type watch struct {
	store *store.Store
	// mark is the highest place seen; floor lies as far behind as late writers may.
	mark, floor    store.LiveMark
	events, moves  map[int64]time.Time // seen above the floor
	accounts       map[string]string
	accountsLooked time.Time
}

// look gives what is new since the last look, the first time nothing.
func (w *watch) look(ctx context.Context) ([]liveMessage, error) {
	if w.events == nil {
		if err := w.jump(ctx); err != nil {
			return nil, err
		}
		return w.lookAtAccounts(ctx, time.Now())
	}
	events, err := w.store.EventsAfter(ctx, w.floor.Event, liveRows)
	if err != nil {
		return nil, err
	}
	moves, err := w.store.MovesAfter(ctx, w.floor.Move, liveRows)
	if err != nil {
		return nil, err
	}
	if len(events) == liveRows || len(moves) == liveRows {
		return []liveMessage{reload}, w.jump(ctx)
	}
	now := time.Now()
	events = slices.DeleteFunc(events, func(e orderhub.Event) bool { return !note(w.events, e.ID, now) })
	moves = slices.DeleteFunc(moves, func(m store.MoveHint) bool { return !note(w.moves, m.ID, now) })
	for _, e := range events {
		w.mark.Event = max(w.mark.Event, e.ID)
	}
	for _, m := range moves {
		w.mark.Move = max(w.mark.Move, m.ID)
	}
	w.floor.Event, w.floor.Move = raise(w.events, w.floor.Event, now), raise(w.moves, w.floor.Move, now)
	messages, err := liveMessages(ctx, w.store, events, moves)
	if err != nil {
		return []liveMessage{reload}, err // they are noted as seen
	}
	changed, err := w.lookAtAccounts(ctx, now)
	return append(messages, changed...), err
}

// jump goes on from where the streams end now.
func (w *watch) jump(ctx context.Context) error {
	m, err := w.store.LiveMark(ctx)
	if err != nil {
		return err
	}
	w.mark, w.floor, w.events, w.moves = m, m, map[int64]time.Time{}, map[int64]time.Time{}
	return nil
}

// note tells whether an id is seen for the first time.
func note(seen map[int64]time.Time, id int64, now time.Time) bool {
	if _, old := seen[id]; old {
		return false
	}
	seen[id] = now
	return true
}

// raise lifts the floor over what was seen long enough ago.
func raise(seen map[int64]time.Time, floor int64, now time.Time) int64 {
	for id, at := range seen {
		if now.Sub(at) >= liveSettle {
			floor = max(floor, id)
		}
	}
	for id := range seen {
		if id <= floor {
			delete(seen, id)
		}
	}
	return floor
}

func (w *watch) lookAtAccounts(ctx context.Context, now time.Time) ([]liveMessage, error) {
	if now.Sub(w.accountsLooked) < liveAccounts {
		return nil, nil
	}
	marks, err := w.store.AccountMarks(ctx)
	if err != nil {
		return nil, err
	}
	var out []liveMessage
	for id, mark := range marks {
		if w.accounts != nil && w.accounts[id] != mark {
			out = append(out, liveMessage{"account", liveAccount{id}, orderhub.AccountsRead})
		}
	}
	w.accounts, w.accountsLooked = marks, now
	return out, nil
}

// liveMessages makes messages of events and moves: one per order, effect, return and
// SKU. Of very much it makes one: load anew.
func liveMessages(ctx context.Context, s *store.Store, events []orderhub.Event, moves []store.MoveHint) ([]liveMessage, error) {
	var numbers []int64
	var out []liveMessage
	for _, e := range events {
		if e.OrderID != 0 {
			numbers = append(numbers, e.OrderID)
		}
		if e.Kind != orderhub.EventEffect && e.Kind != orderhub.EventReturn {
			continue
		}
		var d struct {
			Effect int64  `json:"effect"`
			State  string `json:"state"`
		}
		_ = json.Unmarshal(e.Data, &d) // a hint without details is one too
		m := liveMessage{"effect", liveEffect{e.OrderID, e.ReturnID, d.Effect, d.State}, orderhub.OrdersRead}
		if e.Kind == orderhub.EventReturn {
			m = liveMessage{"return", liveReturn{e.OrderID, e.ReturnID, d.State}, orderhub.ReturnsRead}
		}
		out = append(out, m)
	}
	var skus []string
	for _, m := range moves {
		skus = append(skus, m.SKU)
	}
	slices.Sort(numbers)
	slices.Sort(skus)
	numbers, skus = slices.Compact(numbers), slices.Compact(skus)
	if len(out)+len(numbers)+len(skus) > liveBatch {
		return []liveMessage{reload}, nil
	}
	for _, sku := range skus {
		out = append(out, liveMessage{"stock", liveStock{sku}, orderhub.StockRead})
	}
	if len(numbers) == 0 {
		return out, nil
	}
	orders, err := s.OrderHints(ctx, numbers)
	if err != nil {
		return nil, err
	}
	for _, o := range orders {
		out = append(out, liveMessage{"order", liveOrder(o), orderhub.OrdersRead})
	}
	return out, nil
}
